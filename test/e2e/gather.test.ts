// The gather tier against one plain MariaDB: every statement by way of temporary tables, whatever tier it would have, under
// every setting that decides what values look like. Rows, names, types, warnings and errors are MariaDB's.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { COLUMN_FLAG } from "../../src/mysql/constants.ts";
import type { Cluster } from "../../src/local/cluster.ts";
import type { Mysqld } from "../../src/local/mysqld.ts";
import { withServer } from "../../src/local/server-connection.ts";
import { startCluster, startMysqld } from "../fixture/cluster.ts";
import { must, type Outcome, TwinClient } from "./twin.ts";

const G_SQL = `
CREATE TABLE c (id BIGINT NOT NULL PRIMARY KEY, name VARCHAR(20), email VARCHAR(40), n INT, UNIQUE KEY email (email), KEY n (n));
CREATE TABLE o (oid BIGINT NOT NULL PRIMARY KEY, cid BIGINT, total DECIMAL(10,2), d DATE, UNIQUE KEY total (total), KEY cid (cid));
CREATE TABLE r (id INT NOT NULL PRIMARY KEY, name VARCHAR(20));
CREATE TABLE types (id BIGINT UNSIGNED NOT NULL PRIMARY KEY, tiny TINYINT(1) NOT NULL DEFAULT 3, z INT(6) ZEROFILL,
  deci DECIMAL(20,6), f FLOAT, f2 FLOAT(7,2), d DOUBLE, b9 BIT(9), y YEAR, dt DATE, ti TIME(3), ts TIMESTAMP(6) NULL,
  ts2 TIMESTAMP NOT NULL DEFAULT current_timestamp() ON UPDATE current_timestamp(), dtt DATETIME(2), ch CHAR(5),
  cb CHAR(5) CHARACTER SET latin1 COLLATE latin1_general_cs, vc VARCHAR(20) COLLATE utf8mb4_bin, bin BINARY(4), bl BLOB,
  tx TEXT CHARACTER SET ucs2, e ENUM('a','b','','it''s') CHARACTER SET latin1, s SET('x','y','z'), j JSON, g GEOMETRY, u UUID,
  i6 INET6, sj VARCHAR(10) CHARACTER SET sjis, gen INT AS (tiny + 1) VIRTUAL, inv INT INVISIBLE DEFAULT 7, KEY (vc), KEY e (e, s));
CREATE TABLE v (id BIGINT NOT NULL PRIMARY KEY, a INT) WITH SYSTEM VERSIONING;
CREATE TABLE parts (id BIGINT NOT NULL PRIMARY KEY, a INT)
  PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN MAXVALUE);
CREATE TABLE inv (id BIGINT NOT NULL PRIMARY KEY, name VARCHAR(20) INVISIBLE, n INT NOT NULL DEFAULT 5 INVISIBLE, w INT);
CREATE TABLE shardgate_gather_1 (id BIGINT NOT NULL PRIMARY KEY, a INT);
CREATE TABLE docs (id BIGINT NOT NULL PRIMARY KEY, title VARCHAR(40), body TEXT, FULLTEXT KEY (title, body));
CREATE TABLE vw (id BIGINT NOT NULL PRIMARY KEY, a INT, b VARCHAR(10));
CREATE TABLE \`odd.t\`\`x\` (id BIGINT NOT NULL PRIMARY KEY, \`select\` INT, \`a.b\` INT, \`ü\` INT);
CREATE TABLE texts (id BIGINT NOT NULL PRIMARY KEY, ci VARCHAR(10) COLLATE utf8mb4_unicode_ci, bi VARCHAR(10) COLLATE utf8mb4_bin,
  la VARCHAR(10) COLLATE latin1_german1_ci, t TEXT, b VARBINARY(10));
`;
const U_SQL = `
CREATE TABLE p (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, name VARCHAR(20), price DECIMAL(8,2), UNIQUE KEY name (name));
CREATE TABLE c (id INT NOT NULL PRIMARY KEY, x VARCHAR(10) COLLATE utf8mb4_bin, KEY x (x));
`;
const KEYED = ["c", "types", "v", "parts", "inv", "shardgate_gather_1", "vw", "odd.t`x", "texts", "docs"];

const ROWS = [
  "INSERT INTO c (id, name, email, n) VALUES (1,'a','a1',1),(2,'b','b2',2),(3,'c','c3',3),(4,'d','d4',NULL),(5,'e','e5',5),(6,'f','f6',1),(7,'g','g7',2),(8,'h','h8',3),(9,NULL,NULL,9)",
  "INSERT INTO o (oid, cid, total, d) VALUES (101,1,1.5,'2020-01-01'),(102,1,2.5,'2020-02-01'),(103,2,3.5,NULL),(104,3,4.5,'2021-01-01'),(105,4,5.5,'2019-01-01'),(106,11,6.5,'2020-01-05'),(107,5,7.5,'2020-01-01')",
  "INSERT INTO parts (id, a) VALUES (1,1),(2,2),(9,3),(10,4),(11,5),(25,6)",
  "INSERT INTO v (id, a) VALUES (1,1),(2,2),(3,3),(4,4),(5,5)",
  "INSERT INTO inv (id, name, n, w) VALUES (1,'a',1,1),(2,'b',2,2),(3,'c',3,3),(4,NULL,4,4),(5,'e',5,NULL)",
  "INSERT INTO shardgate_gather_1 (id, a) VALUES (1,1),(2,2),(3,3),(4,4)",
  "INSERT INTO vw (id, a, b) VALUES (1,10,'x'),(2,20,'y'),(3,30,'z'),(4,NULL,'x')",
  "INSERT INTO `odd.t``x` (id, `select`, `a.b`, `ü`) VALUES (1,1,1,1),(2,2,2,2),(3,3,3,3),(4,4,4,4)",
  "INSERT INTO texts (id, ci, bi, la, t, b) VALUES (1,'a','a','a','a','a'),(2,'A','A','A','A','A'),(3,'ä','ä','ä','ä','ä'),(4,'ß','ß','ß','ß','ß'),(5,'ss','ss','ss','ss','ss'),(6,'b ','b ','b ','b ','b '),(7,'b','b','b','b','b'),(8,NULL,NULL,NULL,NULL,NULL),(9,'','','','',''),(10,'😀','😀',NULL,'😀','😀')",
  "INSERT INTO docs (id, title, body) VALUES (1,'red apple','about apples'),(2,'green pear','pears and apple'),(3,'blue','nothing'),(4,'apple pie','red'),(5,NULL,'pear pear'),(6,'apple','green apple')",
  "INSERT INTO u.p (id, name, price) VALUES (1,'one',1.5),(2,'two',2.5),(7,'seven',NULL)",
  "INSERT INTO u.c (id, x) VALUES (1,'a'),(5,'b')",
  "SET sql_mode = ''",
  "SET time_zone = '+00:00'",
  `INSERT INTO types (id, tiny, z, deci, f, f2, d, b9, y, dt, ti, ts, ts2, dtt, ch, cb, vc, bin, bl, tx, e, s, j, g, u, i6, sj, inv) VALUES
   (1, 1, 7, 1234567.654321, 1.1, 2.345, 1e100, b'100000001', 2020, '2020-02-29', '-12:34:56.789', '2020-10-25 01:30:00.123456', '2020-01-01', '2020-01-01 12:00:00.55', 'ab ', 'Äb', 'vc''\\\\"', x'00ff', x'00010203fffe', 'ucs2 äß€', 'a', 'x,z', '{"a": [1, 2, "x"]}', ST_GeomFromText('POINT(1 2)'), '123e4567-e89b-12d3-a456-426614174000', '::1', '日本', 5),
   (2, -5, 0, -0.000001, -3.4e38, -99999.99, -0e0, b'0', 0, '1000-01-01', '838:59:59', '1970-01-01 00:00:01', '2038-01-19 03:14:07', '9999-12-31 23:59:59.99', '', '', '', '', '', '', '', '', '[]', ST_GeomFromText('LINESTRING(1 2,3 4)', 4326), NULL, 'fe80::1', '', NULL),
   (3, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '2021-07-01', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'it''s', 'y', '"text"', NULL, NULL, NULL, NULL, 7),
   (4, 2, 1, 1, 0.1, 0.1, 0.1, b'1', 1901, '0000-00-00', '00:00:00', '0000-00-00', '0000-00-00', '2020-00-00', 'x', 'x', 'x', 'x', 'x', 'x', 'nope', NULL, '{"b": 1}', NULL, NULL, NULL, 'x', 7)`,
  "SET sql_mode = DEFAULT",
  "SET time_zone = DEFAULT",
];

let cluster: Cluster;
let plain: Mysqld;

beforeAll(async () => {
  const table = (column: string): object => ({ column_vindexes: [{ column, name: "hash" }] });
  [cluster, plain] = await Promise.all([
    startCluster({
      keyspaces: {
        u: { sql: U_SQL, vschema: { tables: { p: {}, c: {} } } },
        g: {
          shards: 2,
          sql: G_SQL,
          vschema: {
            sharded: true,
            vindexes: { hash: { type: "hash" } },
            tables: {
              ...Object.fromEntries(KEYED.map((name) => [name, table("id")])),
              o: table("cid"),
              r: { type: "reference" },
            },
          },
        },
      },
    }),
    startMysqld(),
  ]);
  const direct = await TwinClient.connect(plain.port);
  for (const [name, sql] of [
    ["u", U_SQL],
    ["g", G_SQL],
  ] as const) {
    await must(direct, `CREATE DATABASE ${name}`);
    await must(direct, `USE ${name}`);
    for (const statement of sql.split(";\n")) if (statement.trim() !== "") await must(direct, statement);
  }
  const gateway = await TwinClient.connect(cluster.port);
  for (const client of [direct, gateway]) {
    await must(client, "USE g");
    for (const row of ROWS) await must(client, row);
    client.close();
  }
  const shards = cluster.processes().filter(({ kind, keyspace }) => kind === "mysqld" && keyspace === "g");
  for (const { port } of [...shards, plain]) {
    await withServer(port, (server) => server.run("INSERT INTO r VALUES (1, 'one'), (2, 'two'), (3, 'three')"), "g");
  }
});
afterAll(async () => {
  await Promise.all([cluster?.stop(), plain?.stop()]);
});

/** Statements of one session each, in order. */
const SESSIONS: Readonly<Record<string, readonly string[]>> = {
  "values of every type": [
    "SELECT types.* FROM types ORDER BY id",
    "SELECT types.*, inv, COUNT(*) OVER () FROM types ORDER BY id",
    "SELECT JSON_OBJECT('a', j), JSON_TYPE(j), JSON_ARRAYAGG(j) OVER () FROM types ORDER BY id",
    "SELECT id, e + 0, s + 0, HEX(bin), HEX(b9), ST_AsText(g), ST_SRID(g), f * 10, f2 * 3, -d, 1 / d FROM types ORDER BY id",
    "SELECT DEFAULT(tiny), DEFAULT(inv) FROM types",
    "SELECT a.id, b.id FROM types a JOIN types b ON a.e = b.e AND a.b9 <=> b.b9 AND a.g <=> b.g ORDER BY 1, 2",
    "SELECT a.id, b.id FROM types a JOIN types b ON a.j = b.j OR a.bl = b.bl ORDER BY 1, 2",
  ],
  "character sets and collations": [
    "SELECT a.id, b.id FROM texts a JOIN texts b ON a.ci = b.ci ORDER BY 1, 2",
    "SELECT a.id, b.id FROM texts a JOIN texts b ON a.la = b.la AND a.bi >= b.bi ORDER BY 1, 2",
    "SELECT a.id, b.id FROM texts a JOIN texts b ON a.t = b.t AND a.b = b.b ORDER BY 1, 2",
    ...["latin1", "binary", "utf8mb4 COLLATE utf8mb4_bin", "utf8mb4"].flatMap((names) => [
      `SET NAMES ${names}`,
      "SELECT id, ci, bi, la, t, b FROM texts ORDER BY id",
      "SELECT id, la, COUNT(*) OVER () FROM texts WHERE la = 'ß' OR t > 'a' ORDER BY id",
      "SELECT id, vc, ch, cb, tx, sj, e, s, j FROM types WHERE CONCAT('', id) <> '7' ORDER BY id",
      "START TRANSACTION",
      "INSERT INTO texts (id, ci, la) VALUES (100, 'x', 'y')",
      "SELECT id, ci, la FROM texts WHERE ci >= 'a' ORDER BY id",
      "ROLLBACK",
    ]),
    "SET character_set_results = NULL",
    "SELECT id, ci, bi, la, t, b FROM texts ORDER BY id",
    "SELECT id, vc, cb, tx, sj, e FROM types ORDER BY id",
    "SET character_set_results = latin1",
    "SELECT id, ci, bi, la, t, b FROM texts ORDER BY id",
  ],
  "sql_mode and time zone": [
    "SET time_zone = '+05:30'",
    "SELECT id, ts, ts2, dtt, UNIX_TIMESTAMP(ts) FROM types ORDER BY id",
    "SELECT id FROM types WHERE ts2 < '2021-07-01 05:29:59' ORDER BY id",
    "START TRANSACTION",
    "UPDATE types SET ts = '2022-01-01 00:00:00' WHERE id = 1",
    "SELECT id, ts, UNIX_TIMESTAMP(ts) FROM types ORDER BY id",
    "ROLLBACK",
    "SET time_zone = DEFAULT",
    "SET sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT'",
    "SELECT \"id\", 'a' || name FROM c WHERE name || 'x' = 'ax' OR \"id\" > 7 ORDER BY \"id\"",
    'SELECT JSON_OBJECT("a", j), id FROM types ORDER BY id',
    "SELECT JSON_OBJECT('a', j), id FROM types ORDER BY id",
    "START TRANSACTION",
    "UPDATE types SET f = 2 WHERE id IN (1, 2)",
    "SELECT JSON_OBJECT('a', j), f, 'x' || e, DEFAULT(tiny) FROM types ORDER BY id",
    "ROLLBACK",
    "SET sql_mode = 'NO_BACKSLASH_ESCAPES'",
    "SELECT id, vc, '\\' FROM types WHERE vc LIKE '%\\\"' OR vc IS NULL ORDER BY id",
    "SET sql_mode = 'PAD_CHAR_TO_FULL_LENGTH'",
    "SELECT id, ch, CONCAT('[', ch, ']'), LENGTH(cb), bin FROM types ORDER BY id",
    "SET sql_mode = 'TRADITIONAL'",
    "SELECT id, dt, dtt, ts, y, e, 1 / 0 FROM types ORDER BY id",
    "SELECT id FROM types WHERE dt = '0000-00-00' ORDER BY id",
    "SET sql_mode = 'ONLY_FULL_GROUP_BY'",
    "SELECT n, name FROM c GROUP BY n",
    "SELECT n, MAX(name) FROM c GROUP BY n ORDER BY n",
    "SET sql_mode = DEFAULT",
    "SET sql_select_limit = 3",
    "SELECT id FROM c ORDER BY id",
    "SELECT * FROM (SELECT * FROM c) d JOIN o ON d.id <> o.cid ORDER BY id, oid",
  ],
  "tables of every kind": [
    "SELECT * FROM parts PARTITION (p0) ORDER BY id",
    "SELECT * FROM parts PARTITION (p1) AS x ORDER BY id",
    "SELECT * FROM parts PARTITION (nope) ORDER BY id",
    "SELECT * FROM c FORCE INDEX (n) ORDER BY id",
    "SELECT * FROM c FORCE INDEX (nope) ORDER BY id",
    "SELECT * FROM v ORDER BY id",
    "SELECT id FROM v FOR SYSTEM_TIME ALL ORDER BY id",
    "SELECT id, row_start IS NULL FROM v FOR SYSTEM_TIME AS OF TIMESTAMP'2000-01-01' ORDER BY id",
    "SELECT id, row_end FROM v ORDER BY id",
    "SELECT * FROM inv ORDER BY id",
    "SELECT name, n FROM inv ORDER BY n",
    "SELECT *, a.name, b.n FROM inv a JOIN inv b ON a.n = b.w ORDER BY a.id",
    "SELECT * FROM inv NATURAL JOIN c ORDER BY id",
    "SELECT a.*, b.name FROM inv a NATURAL JOIN c b ORDER BY id",
    "SELECT * FROM vw NATURAL LEFT JOIN c ORDER BY id",
    "SELECT * FROM c NATURAL JOIN r ORDER BY id",
    "SELECT * FROM shardgate_gather_1 a JOIN shardgate_gather_1 b USING (id) ORDER BY id",
    "SELECT * FROM shardgate_gather_1, vw ORDER BY shardgate_gather_1.id, vw.id",
    "WITH shardgate_gather_2 AS (SELECT 5 AS id) SELECT * FROM shardgate_gather_2, vw ORDER BY vw.id",
    "WITH c AS (SELECT * FROM c WHERE n = 1) SELECT * FROM c ORDER BY id",
    "WITH c AS (SELECT id, name FROM g.c) SELECT c.*, x.n FROM c JOIN g.c AS x USING (id) ORDER BY id",
    "WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT t.n + 1 FROM t JOIN c ON c.id = t.n) SELECT * FROM t ORDER BY n",
    "SELECT * FROM `odd.t``x` AS `a b``.c` ORDER BY `a b``.c`.id",
    "SELECT `select`, `a.b`, `ü` FROM `odd.t``x` ORDER BY `odd.t``x`.`id`",
  ],
  "words of texts": [
    "SELECT * FROM docs WHERE MATCH (title, body) AGAINST ('apple') ORDER BY id",
    "SELECT id, MATCH (title, body) AGAINST ('apple -green' IN BOOLEAN MODE) > 0 FROM docs d ORDER BY id",
    "SELECT d.*, COUNT(*) OVER () FROM docs d WHERE MATCH (d.title, d.body) AGAINST ('+pear' IN BOOLEAN MODE) ORDER BY id",
    "SELECT a.id, b.id FROM docs a JOIN docs b ON a.id < b.id WHERE MATCH (a.title, a.body) AGAINST ('red') AND MATCH (b.title, b.body) AGAINST ('apple') ORDER BY 1, 2",
    "SELECT c.id FROM c WHERE EXISTS (SELECT * FROM docs WHERE docs.id = c.n AND MATCH (title, body) AGAINST ('green')) ORDER BY 1",
    "SELECT id FROM docs WHERE MATCH (title) AGAINST ('apple')",
  ],
  "several keyspaces": [
    "SELECT c.*, p.* FROM c, u.p ORDER BY c.id, p.id",
    "SELECT * FROM c JOIN u.c ON g.c.id = u.c.id ORDER BY g.c.id",
    "SELECT g.c.*, u.c.x FROM c JOIN u.c ON g.c.id = u.c.id ORDER BY g.c.id",
    "SELECT COUNT(*), p.name FROM c JOIN u.p ON p.id = c.id GROUP BY p.name ORDER BY 2",
    "SELECT c.id, p.name FROM c LEFT JOIN u.p ON p.id = c.id ORDER BY c.id",
    "SELECT nope FROM c JOIN u.p ON p.id = c.id",
    "START TRANSACTION",
    "INSERT INTO u.p (name) VALUES ('new')",
    "UPDATE c SET name = 'new' WHERE id IN (1, 4)",
    "SELECT c.id, p.id FROM c JOIN u.p ON p.name = c.name ORDER BY c.id",
    "ROLLBACK",
    "SELECT c.id, p.id FROM c JOIN u.p ON p.name = c.name ORDER BY c.id",
  ],
  "conditions, errors and warnings": [
    "SELECT * FROM texts WHERE ci = 0 ORDER BY id",
    "SELECT * FROM c WHERE n + 9223372036854775807 > 0 ORDER BY id",
    "SELECT * FROM c WHERE 10 % (n - 1) = 0 ORDER BY id",
    "SELECT id, CAST(name AS SIGNED) FROM c WHERE CAST(name AS SIGNED) = 0 ORDER BY id",
    "SELECT id FROM c WHERE id > 3 AND name = 0 ORDER BY id",
    "SELECT id FROM types WHERE dt > 'nonsense' ORDER BY id",
    "SELECT id, CAST(n AS UNSIGNED) - 5 FROM c ORDER BY id",
    "SELECT GROUP_CONCAT(DISTINCT 0 ORDER BY 0) FROM c WHERE DATE'2024-03-05' = '2024-03-01'",
    "SELECT GROUP_CONCAT(DISTINCT 0 ORDER BY 0) FROM c",
    "SELECT nope FROM c",
    "SELECT id FROM c a JOIN c b",
    "SELECT x.* FROM c",
    "SELECT id FROM c WHERE MAX(id) = 1",
    "SELECT id FROM c UNION SELECT cid, oid FROM o",
    "SELECT c.id, (SELECT total FROM o WHERE o.cid <= c.id) m FROM c ORDER BY id",
    "SELECT c.id, o.oid FROM c LEFT JOIN o ON o.cid = c.n AND o.total > 2 AND c.id < 5 WHERE c.id BETWEEN 1 AND 6 ORDER BY 1, 2",
    "SELECT c.id, o.oid FROM c LEFT JOIN o ON o.cid = c.n AND o.total > 2 WHERE o.oid IS NULL ORDER BY 1, 2",
    "SELECT c.id, o.oid FROM c LEFT JOIN o ON o.cid = c.n WHERE COALESCE(o.total, 0) < 3 ORDER BY 1, 2",
    "SELECT c.id, o.oid, v.id FROM c LEFT JOIN (o LEFT JOIN v ON v.id = o.cid AND v.a > 1) ON o.cid = c.n AND v.a IS NULL ORDER BY 1, 2, 3",
    "SELECT c.id, x.oid FROM c LEFT JOIN o x ON c.id = x.cid AND x.oid > 101 WHERE c.id IN (1, 2, 6) ORDER BY 1, 2",
    "SELECT c.id FROM c WHERE c.n = 1 AND NOT EXISTS (SELECT 1 FROM o WHERE o.cid = c.n AND o.oid = 103) ORDER BY 1",
    // All of it on one shard.
    "SELECT c.id, (SELECT MAX(total) FROM o WHERE cid = 1) m, ROW_NUMBER() OVER (ORDER BY id) FROM c WHERE id IN (1, 2) ORDER BY id",
    "WITH x AS (SELECT * FROM o WHERE cid = 1) SELECT c.*, x.oid FROM c JOIN x ON x.cid <> c.n + 5 WHERE c.id = 1 ORDER BY oid",
    "SELECT oid FROM o WHERE d < NOW() - INTERVAL 1 DAY AND d > '2020-01-01' + INTERVAL 1 DAY ORDER BY oid",
    "SELECT COUNT(DISTINCT NOW(6)) FROM c JOIN o WHERE c.id + 1 <> o.oid + SLEEP(0.001)",
  ],
  "what a session keeps": [
    "SET @a = 3",
    "SELECT id, @a FROM c WHERE id < @a + 2 ORDER BY id",
    "SELECT SQL_CALC_FOUND_ROWS id FROM c ORDER BY id LIMIT 2",
    "SELECT FOUND_ROWS()",
    "SELECT id, n INTO @x, @y FROM c ORDER BY id LIMIT 1",
    "SELECT @x, @y",
    "SELECT @z := id FROM c ORDER BY id",
    "SELECT @z",
    "SET autocommit = 0",
    "SELECT id FROM c ORDER BY id FOR UPDATE",
    "SELECT * FROM c WHERE id IN (SELECT cid FROM o LOCK IN SHARE MODE) ORDER BY id",
    "COMMIT",
    "SET autocommit = 1",
    "START TRANSACTION READ ONLY",
    "SELECT id FROM c ORDER BY id",
    "COMMIT",
    "START TRANSACTION",
    "DELETE FROM c WHERE id = 1",
    "UPDATE c SET name = 'zzz' WHERE id = 2",
    "SELECT * FROM c a JOIN c b ON a.n = b.id ORDER BY a.id",
    "ROLLBACK",
    "SELECT * FROM c ORDER BY id",
    "USE u",
    "CREATE TEMPORARY TABLE tt (id INT PRIMARY KEY, s VARCHAR(10))",
    "INSERT INTO tt VALUES (1, 'x'), (2, 'y'), (30, 'z')",
    "SELECT tt.id, tt.s, c.name FROM tt LEFT JOIN g.c ON c.id = tt.id ORDER BY tt.id",
    "DROP TEMPORARY TABLE tt",
    "CREATE SEQUENCE seq",
    "SELECT c.id, NEXT VALUE FOR seq FROM g.c ORDER BY c.id",
    "SELECT NEXT VALUE FOR u.seq",
    "DROP SEQUENCE seq",
  ],
  "more than it usually is": [
    `SELECT n, COUNT(*) FROM (${Array.from({ length: 70 }, (_, i) => `SELECT id, n FROM c WHERE id = ${(i % 9) + 1}`).join(" UNION ALL ")}) d GROUP BY n ORDER BY n`,
    `SELECT COUNT(*) FROM ${Array.from({ length: 62 }, (_, i) => `r r${i}`).join(", ")}, c`,
    `SELECT id FROM c WHERE name NOT IN (${Array.from({ length: 5_000 }, (_, i) => `'v${i}'`).join(", ")}) ORDER BY id`,
    `SELECT id AS \`${"a".repeat(64)}\`, n + ${"1".repeat(70)} FROM c ORDER BY id`,
    "SELECT id AS '', n AS ' x ' FROM c ORDER BY id",
  ],
};

describe("the same answer as one MariaDB", () => {
  for (const [name, statements] of Object.entries(SESSIONS)) {
    test(name, async () => {
      const gateway = await TwinClient.connect(cluster.port);
      const direct = await TwinClient.connect(plain.port);
      for (const client of [gateway, direct]) await must(client, "USE g");
      for (const sql of statements) {
        const gathered = /^(SELECT|WITH)\b/.test(sql) ? `/*sg+ FORCE_GATHER */ ${sql}` : sql;
        const [got, wanted] = [await gateway.query(gathered), await direct.query(sql)];
        expect(comparable(got), sql).toEqual(comparable(wanted));
      }
      gateway.close();
      direct.close();
    });
  }
});

test("flags of columns: keys, defaults, what may be NULL", async () => {
  const gateway = await TwinClient.connect(cluster.port);
  const direct = await TwinClient.connect(plain.port);
  for (const client of [gateway, direct]) await must(client, "USE g");
  for (const sql of [
    "SELECT * FROM c",
    "SELECT * FROM types",
    "SELECT id, name, COUNT(*) OVER () FROM c",
    "SELECT n, COUNT(*) FROM c GROUP BY n",
    "SELECT DISTINCT email FROM c",
    "SELECT d.id, d.email FROM (SELECT * FROM c) d",
    "SELECT d.id, COUNT(*) OVER () FROM (SELECT * FROM c) d",
    "SELECT x.id, x.n FROM (SELECT id, n FROM c LIMIT 5) x",
    "SELECT id FROM c UNION SELECT oid FROM o",
  ]) {
    const got = await gateway.query(`/*sg+ FORCE_GATHER */ ${sql}`);
    const wanted = await direct.query(sql);
    if (got.kind !== "rows" || wanted.kind !== "rows") throw new Error(`${sql}: ${JSON.stringify(got)}`);
    expect(got.columns, sql).toEqual(wanted.columns);
  }
  gateway.close();
  direct.close();
});

const UNSIGNED_OR_NOT = COLUMN_FLAG.UNSIGNED | COLUMN_FLAG.ZEROFILL;

/**
 * Rows in order only under ORDER BY. Of flags and where a column comes from, MariaDB tells what suits its way of finding the
 * rows, which statistics decide; lengths and decimals of a session's own values are those of literals.
 */
function comparable(outcome: Outcome): object {
  if (outcome.kind !== "rows") return outcome;
  return {
    ...outcome,
    columns: outcome.columns.map(({ name, type, collation, columnLength, flags, table }) => ({
      name,
      type,
      collation,
      columnLength: table === "" ? 0 : columnLength,
      sign: flags & UNSIGNED_OR_NOT,
    })),
  };
}
