// Tables for writes: sharded ones with owned lookups of several kinds, whose own tables are sharded too, one shard's rows
// under another key than the primary one, a table placed by text, a reference table, and one of an unsharded keyspace.

import type { ArenaSchema } from "../arena.ts";

const SHARDED_SQL = `
CREATE TABLE acct (id BIGINT NOT NULL PRIMARY KEY, email VARCHAR(40), name VARCHAR(20), n INT, amt DECIMAL(10,2), f FLOAT, d DATE, dt DATETIME, k ENUM('a','b','c'), t TEXT, ver INT NOT NULL DEFAULT 1, UNIQUE KEY email (email));
CREATE TABLE item (id BIGINT NOT NULL PRIMARY KEY, aid BIGINT NOT NULL, qty INT, note VARCHAR(20), KEY aid (aid));
CREATE TABLE log (aid BIGINT NOT NULL, seq INT NOT NULL, msg VARCHAR(40), PRIMARY KEY (aid, seq));
CREATE TABLE tag (name VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL PRIMARY KEY, w INT);
CREATE TABLE ref (id INT NOT NULL PRIMARY KEY, label VARCHAR(20));
CREATE TABLE loose (aid BIGINT NOT NULL, v INT, s VARCHAR(20));
CREATE TABLE num (id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, v VARCHAR(20));
CREATE TABLE opt (region INT NOT NULL DEFAULT 7, id INT NOT NULL, v VARCHAR(20) DEFAULT 'dv', PRIMARY KEY (region, id));
CREATE TABLE nref (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, label VARCHAR(20), UNIQUE KEY label (label));
CREATE TABLE rich (region VARBINARY(8) NOT NULL, id INT NOT NULL, e ENUM('a','b','c'), st SET('x','y','z'), j JSON, d4 DECIMAL(12,4), dt6 DATETIME(6), b BIT(10), base INT CHECK (base < 100), twice INT AS (base * 2) STORED, shown VARCHAR(30) AS (CONCAT(id, '/', base)) VIRTUAL, made VARCHAR(40) DEFAULT (CONCAT('d', id + 1)), at6 TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6), PRIMARY KEY (region, id), UNIQUE KEY dt6 (region, dt6), CONSTRAINT small CHECK (d4 IS NULL OR d4 < 5000));
CREATE TABLE keyed (aid BIGINT NOT NULL, e ENUM('p','q','r') NOT NULL, dt DATETIME(3) NOT NULL, b BIT(8) NOT NULL, d DECIMAL(8,3) NOT NULL, vb VARBINARY(6) NOT NULL, s SET('k','l') NOT NULL, v INT, PRIMARY KEY (aid, e, dt, b, d, vb, s));
CREATE TABLE par (id BIGINT NOT NULL PRIMARY KEY, v INT);
CREATE TABLE kid (pid BIGINT NOT NULL, id INT NOT NULL, v INT, PRIMARY KEY (pid, id), CONSTRAINT kid_par FOREIGN KEY (pid) REFERENCES par (id) ON DELETE CASCADE);
CREATE TABLE trg (id BIGINT NOT NULL PRIMARY KEY, v INT, w INT, x VARCHAR(20));
CREATE TRIGGER trg_bi BEFORE INSERT ON trg FOR EACH ROW SET NEW.w = NEW.v * 2;
CREATE TRIGGER trg_bu BEFORE UPDATE ON trg FOR EACH ROW SET NEW.w = IFNULL(NEW.v, 0) + IFNULL(OLD.w, 0) % 100;
CREATE VIEW vacct AS SELECT id, name AS label, n FROM acct WHERE n < 18 OR n IS NULL;
CREATE VIEW vopt AS SELECT region AS r, id, v FROM opt WHERE id < 2000 WITH CHECK OPTION;
CREATE VIEW vitem AS SELECT item.id, item.qty, item.note, acct.name FROM item JOIN acct ON acct.id = item.aid;
CREATE TABLE email_idx (email VARCHAR(40) NOT NULL PRIMARY KEY, keyspace_id VARBINARY(16));
CREATE TABLE name_idx (name VARCHAR(20) NOT NULL, id BIGINT NOT NULL, keyspace_id VARBINARY(16), PRIMARY KEY (name, id));
CREATE TABLE item_idx (id BIGINT NOT NULL PRIMARY KEY, kid BIGINT UNSIGNED);
CREATE TABLE note_idx (note VARCHAR(20) NOT NULL, keyspace_id VARBINARY(16) NOT NULL, PRIMARY KEY (note, keyspace_id));
`;

const UNSHARDED_SQL = `
CREATE TABLE box (id INT NOT NULL PRIMARY KEY, v INT, s VARCHAR(20));
CREATE TABLE num_seq (id INT PRIMARY KEY, next_id BIGINT, cache BIGINT) COMMENT 'vitess_sequence';
INSERT INTO num_seq (id, next_id, cache) VALUES (0, 1, 1000);
`;

const lookup = (type: string, table: string, from: string, to: string, owner: string): object => ({
  type,
  params: { table, from, to },
  owner,
});
const by = (column: string, name: string): object => ({ column, name });

const SHARDED_VSCHEMA = {
  sharded: true,
  vindexes: {
    hash: { type: "hash" },
    text: { type: "unicode_loose_xxhash" },
    bytes: { type: "xxhash" },
    email_lu: lookup("consistent_lookup_unique", "email_idx", "email", "keyspace_id", "acct"),
    name_lu: lookup("consistent_lookup", "name_idx", "name,id", "keyspace_id", "acct"),
    item_lu: lookup("lookup_hash_unique", "item_idx", "id", "kid", "item"),
    note_lu: lookup("lookup", "note_idx", "note", "keyspace_id", "item"),
  },
  tables: {
    acct: {
      column_vindexes: [by("id", "hash"), by("email", "email_lu"), { columns: ["name", "id"], name: "name_lu" }],
    },
    item: { column_vindexes: [by("aid", "hash"), by("id", "item_lu"), by("note", "note_lu")] },
    log: { column_vindexes: [by("aid", "hash")] },
    tag: { column_vindexes: [by("name", "bytes")] },
    ref: { type: "reference" },
    loose: { column_vindexes: [by("aid", "hash")] },
    num: { column_vindexes: [by("id", "hash")], auto_increment: { column: "id", sequence: "du.num_seq" } },
    opt: { column_vindexes: [by("region", "hash")] },
    nref: { type: "reference" },
    rich: { column_vindexes: [by("region", "bytes")] },
    keyed: { column_vindexes: [by("aid", "hash")] },
    par: { column_vindexes: [by("id", "hash")] },
    kid: { column_vindexes: [by("pid", "hash")] },
    trg: { column_vindexes: [by("id", "hash")] },
    email_idx: { column_vindexes: [by("email", "text")] },
    name_idx: { column_vindexes: [by("name", "text")] },
    item_idx: { column_vindexes: [by("id", "hash")] },
    note_idx: { column_vindexes: [by("note", "text")] },
  },
};

/** Each with what orders its rows. */
export const DML_TABLES: ReadonlyMap<string, string> = new Map([
  ["acct", "id"],
  ["item", "id"],
  ["log", "aid, seq"],
  ["tag", "name"],
  ["ref", "id"],
  ["loose", "aid, v, BINARY s"],
  ["num", "id"],
  ["opt", "region, id"],
  ["nref", "id"],
  ["rich", "region, id"],
  ["keyed", "aid, e, dt, b, d, vb, s"],
  ["kid", "pid, id"],
  ["par", "id"],
  ["trg", "id"],
  ["du.box", "id"],
]);

export const DML: ArenaSchema = {
  sharded: "ds",
  unsharded: "du",
  sql: { sharded: SHARDED_SQL, unsharded: UNSHARDED_SQL },
  vschema: { sharded: SHARDED_VSCHEMA, unsharded: { tables: { box: {}, num_seq: { type: "sequence" } } } },
  unshardedTables: ["box"],
  referenceTables: [],
  rows: new Map(),
};

/** What the tables begin with, and go back to after a failure. */
export const DML_ROWS: readonly string[] = [
  "DO LAST_INSERT_ID(0)",
  "SET sql_mode = DEFAULT, timestamp = 1700000000.25",
  ...[...DML_TABLES.keys()].map((table) => `DELETE FROM ${table}`),
  "INSERT INTO acct (id, email, name, n, amt, f, d, dt, k, t) VALUES " +
    Array.from({ length: 24 }, (_, i) => {
      const id = i + 1;
      const email = id % 7 === 0 ? "NULL" : `'e${id}@x'`;
      const k = id % 5 === 0 ? "NULL" : `'${"abc"[id % 3]}'`;
      return `(${id}, ${email}, 'n${id % 6}', ${id % 4 === 0 ? "NULL" : id % 9}, ${id}.25, ${id}.1, '2024-01-${10 + (id % 20)}', '2024-01-02 03:04:0${id % 10}', ${k}, 'it''s ${id} é')`;
    }).join(", "),
  "INSERT INTO item (id, aid, qty, note) VALUES " +
    Array.from(
      { length: 30 },
      (_, i) => `(${i + 1}, ${((i * 7) % 26) + 1}, ${i % 5}, ${i % 6 === 0 ? "NULL" : `'n${i % 6}'`})`,
    ).join(", "),
  "INSERT INTO log (aid, seq, msg) VALUES (1, 1, 'a'), (1, 2, 'b'), (2, 1, 'c'), (3, 1, NULL), (30, 1, 'z')",
  "INSERT INTO tag (name, w) VALUES ('red', 1), ('green', 2), ('blue', 3), ('n1', 4), ('n2', 5)",
  "INSERT INTO ref (id, label) VALUES (1, 'n1'), (2, 'two'), (3, NULL), (4, 'n4')",
  "INSERT INTO loose (aid, v, s) VALUES (1, 1, 'x'), (1, 1, 'x'), (1, 1, 'X'), (2, 1, 'x'), (3, NULL, NULL), (3, NULL, NULL), (4, 2, 'é')",
  "INSERT INTO opt (region, id, v) VALUES (1, 1, 'a'), (2, 1, 'b'), (7, 1, 'c'), (7, 2, 'd'), (12, 3, NULL)",
  "INSERT INTO rich (region, id, e, st, j, d4, dt6, b, base) VALUES ('n', 1, 'a', 'x,z', '{\"k\": 1}', 1.5, '2024-01-01 01:02:03.000004', b'101', 5), ('n', 2, 'b', '', NULL, -2.25, NULL, 0x3ff, 99), ('s', 1, NULL, NULL, '[1, 2]', NULL, '2024-05-05', NULL, NULL), (x'00ff', 3, 'c', 'y', '\"t\"', 4999.9999, '2030-12-31 23:59:59.999999', 1, -7), ('east', 4, 'a', 'x,y,z', '{}', 0, '1000-01-01', 2, 0)",
  "INSERT INTO keyed VALUES (1, 'p', '2024-01-01 00:00:00.001', b'1', 1.5, 'a', 'k', 1), (1, 'q', '2024-01-01 00:00:00.002', b'11111111', -1.125, x'00', '', 2), (2, 'r', '2024-01-02', 7, 0, '', 'k,l', 3), (3, 'p', '9999-12-31 23:59:59.999', 0, 99999.999, x'ff00ff', 'l', NULL), (4, 'p', '2024-01-01', 65, 2, 'A', 'k', 4), (5, 'q', '2024-01-01', 66, 2.001, 'a ', 'k', 5)",
  "INSERT INTO par (id, v) VALUES (1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 6), (7, NULL)",
  "INSERT INTO kid (pid, id, v) VALUES (1, 1, 10), (1, 2, 20), (2, 1, 30), (3, 1, 40), (5, 1, 50), (5, 2, NULL), (6, 9, 60)",
  "INSERT INTO trg (id, v, x) VALUES (1, 1, 'a'), (2, 2, 'b'), (3, NULL, 'c'), (4, 4, NULL), (5, 5, 'a')",
  "INSERT INTO du.box (id, v, s) VALUES (1, 10, 'n1'), (2, 20, 'b'), (3, NULL, NULL), (4, 4, 'n4')",
];
