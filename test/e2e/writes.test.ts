// Writes whose rows have to be looked for, computed or numbered first, beside one MariaDB: rows placed by a lookup vindex,
// sharding keys that are left out or spelled in another way, tables without a key, tables that all shards have. What shards
// would each do differently is refused, and nothing of it is left.

import { afterAll, beforeAll, expect, test } from "vitest";
import { type Arena, type ArenaSchema, type Lane, startArena } from "../differential/arena.ts";

const SHARDED_SQL = `
CREATE TABLE maker (id BIGINT NOT NULL PRIMARY KEY, sku VARCHAR(20) NOT NULL CHECK (sku <> 'bad'), UNIQUE KEY sku (sku));
CREATE TABLE part (sku VARCHAR(20) NOT NULL, n INT NOT NULL, w INT, PRIMARY KEY (sku, n));
CREATE TABLE event (region INT NOT NULL DEFAULT 3, id BIGINT NOT NULL AUTO_INCREMENT, v VARCHAR(10), PRIMARY KEY (id, region));
CREATE TABLE place (region INT NOT NULL DEFAULT 3, name VARCHAR(10) NOT NULL DEFAULT 'none', v INT, PRIMARY KEY (region, name));
CREATE TABLE note (aid BIGINT NOT NULL, s VARCHAR(20), f FLOAT, t TIMESTAMP NULL, e ENUM('a', 'b'), b VARBINARY(9));
CREATE TABLE kind (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, label VARCHAR(20), UNIQUE KEY label (label));
CREATE TABLE copied (id INT NOT NULL PRIMARY KEY, v INT);
CREATE TABLE paper (id BIGINT NOT NULL PRIMARY KEY, name VARCHAR(20), body MEDIUMTEXT, w FLOAT);
CREATE TABLE parent (id BIGINT NOT NULL PRIMARY KEY, v INT);
CREATE TABLE child (id BIGINT NOT NULL, n INT NOT NULL, PRIMARY KEY (id, n), CONSTRAINT to_parent FOREIGN KEY (id) REFERENCES parent (id) ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TABLE gauge (aid BIGINT NOT NULL, b BIT(9) NOT NULL, v INT CHECK (v < 100), s VARCHAR(9), PRIMARY KEY (aid, b));
`;

const by = (column: string, name: string): object => ({ column, name });

const SCHEMA: ArenaSchema = {
  sharded: "ws",
  unsharded: "wu",
  sql: {
    sharded: SHARDED_SQL,
    unsharded:
      "CREATE TABLE sku_idx (sku VARCHAR(20) NOT NULL PRIMARY KEY, keyspace_id VARBINARY(16)); CREATE TABLE copied (id INT NOT NULL PRIMARY KEY, v INT);",
  },
  vschema: {
    sharded: {
      sharded: true,
      vindexes: {
        hash: { type: "hash" },
        sku_lu: {
          type: "lookup_unique",
          params: { table: "wu.sku_idx", from: "sku", to: "keyspace_id", batch_lookup: "true" },
          owner: "maker",
        },
      },
      tables: {
        maker: { column_vindexes: [by("id", "hash"), by("sku", "sku_lu")] },
        part: { column_vindexes: [by("sku", "sku_lu")] },
        event: { column_vindexes: [by("region", "hash")] },
        place: { column_vindexes: [by("region", "hash")] },
        note: { column_vindexes: [by("aid", "hash")] },
        kind: { type: "reference" },
        copied: { type: "reference", source: "wu.copied" },
        paper: { column_vindexes: [by("id", "hash")] },
        parent: { column_vindexes: [by("id", "hash")] },
        child: { column_vindexes: [by("id", "hash")] },
        gauge: { column_vindexes: [by("aid", "hash")] },
      },
    },
    unsharded: { tables: { sku_idx: {}, copied: {} } },
  },
  unshardedTables: ["sku_idx", "copied"],
  referenceTables: [],
  rows: new Map(),
};

let arena: Arena;
let lane: Lane;

beforeAll(async () => {
  arena = await startArena(SCHEMA, [2]);
  const [only] = arena.lanes;
  if (only === undefined) throw new Error("no lane");
  lane = only;
});
afterAll(() => arena.stop());

/** A loaded machine is no failure. */
const SLOW = { timeout: 480_000 };

async function same(...statements: readonly string[]): Promise<void> {
  for (const sql of statements) {
    const { gateway, plain } = await lane.ask(sql);
    expect(seen(gateway), sql).toEqual(seen(plain));
  }
}

function seen(outcome: Awaited<ReturnType<Lane["askGateway"]>>): object {
  if (outcome.kind !== "rows") return outcome;
  return { columns: outcome.columns.map(({ name }) => name), rows: outcome.rows.toSorted() };
}

async function refused(sql: string, message: RegExp): Promise<void> {
  const outcome = await lane.askGateway(sql);
  expect(outcome, sql).toMatchObject({ kind: "error", errno: 1235 });
  expect(outcome.kind === "error" && outcome.message, sql).toMatch(message);
}

test("rows are placed by another table's lookup vindex", SLOW, async () => {
  await same(
    "INSERT INTO maker VALUES (1, 'bolt'), (4, 'nut'), (5, 'gear'), (9, 'cog')",
    "INSERT INTO part VALUES ('bolt', 1, 10), ('nut', 1, 20), ('gear', 1, 30), ('gear', 2, 40)",
    "INSERT INTO part VALUES ('cog', 1, 1) ON DUPLICATE KEY UPDATE w = 2",
    "SELECT * FROM part WHERE sku = 'nut'",
    "SELECT * FROM part",
    "SELECT maker.id, part.w FROM maker JOIN part ON part.sku = maker.sku",
    "UPDATE part SET w = w + 1 WHERE sku IN ('gear', 'bolt')",
    "UPDATE part SET w = 5 ORDER BY w DESC LIMIT 2",
    "UPDATE part SET sku = 'nut', n = n + 10 WHERE sku = 'gear'",
    "SELECT * FROM part WHERE sku = 'nut'",
    "DELETE FROM part WHERE sku = 'bolt'",
    "DELETE FROM part ORDER BY sku, n LIMIT 1",
    "REPLACE INTO part VALUES ('nut', 11, 0), ('cog', 2, 3)",
    "INSERT IGNORE INTO part SELECT sku, 11, id FROM maker",
    "INSERT INTO part SELECT sku, 11, id FROM maker ON DUPLICATE KEY UPDATE w = IF(part.sku = 'nut', part.w, 77)",
    "SELECT * FROM part",
  );
  await refused("INSERT INTO part VALUES ('unheard of', 1, 1)", /maps it to no keyspace id/);
});

test("a sharding key that is left out has its default, and other spellings are the same value", SLOW, async () => {
  await same(
    "INSERT INTO place (name, v) VALUES ('a', 1), ('b', 2)",
    "INSERT INTO place () VALUES ()",
    "INSERT INTO place VALUES (DEFAULT, 'c', 3), ('08', 'd', 4), (1e1, 'e', 5), (0x0B, 'f', 6), (-0, 'g', 7), (TRUE, 'h', 8)",
    "INSERT INTO place (name, v) SELECT CONCAT(name, '2'), v FROM place WHERE v > 6",
    "SELECT * FROM place",
    "SELECT * FROM place WHERE region = 3",
    "SELECT * FROM place WHERE region IN (8, 10, 11)",
    "INSERT INTO place (region, name) VALUES (99999999999, 'far')",
    "INSERT INTO place (region, name) VALUES (NULL, 'x')",
    "SET sql_mode = ''",
    "INSERT INTO place (region, name) VALUES (99999999999, 'far'), ('12 and more', 'much too long a name')",
    "SELECT * FROM place WHERE region = 2147483647 OR region = 12",
    "SELECT * FROM place WHERE region = 12",
    "SET sql_mode = DEFAULT",
    "DELETE FROM place WHERE v > 0",
  );
});

test("rows without a key are written as many times as they were found", SLOW, async () => {
  await same(
    "INSERT INTO note VALUES (1, 'a', 0.1, '2024-01-01', 'a', x'00ff'), (1, 'a', 0.1, '2024-01-01', 'a', x'00ff'), (1, 'A', 0.1, '2024-01-01', 'a', x'00ff')",
    "INSERT INTO note (aid, s) VALUES (1, NULL), (2, NULL), (4, 'é'), (4, 'é'), (4, 'e')",
    "UPDATE note SET s = 'first' ORDER BY aid, BINARY s DESC, f LIMIT 1",
    "SELECT * FROM note",
    "UPDATE note SET f = f + 1, e = 'b' WHERE s IS NOT NULL ORDER BY aid DESC, BINARY s LIMIT 2",
    "SELECT * FROM note",
    "DELETE FROM note ORDER BY aid, BINARY s LIMIT 3",
    "SELECT * FROM note",
    "UPDATE note SET s = (SELECT COUNT(*) FROM place) WHERE aid > 1",
    "DELETE FROM note WHERE aid IN (SELECT region FROM place) OR aid > 0",
  );
  await refused("UPDATE note SET aid = 5 LIMIT 1", /no key/);
});

test("rows without a key are all written that a join meets", SLOW, async () => {
  await same(
    "INSERT INTO maker VALUES (81, 'join'), (84, 'other')",
    "INSERT INTO place (region, name, v) VALUES (81, 'a', 1), (81, 'b', 2), (84, 'c', 3), (85, 'd', 2)",
    "INSERT INTO note (aid, s, f) VALUES (81, 'a', 1), (81, 'a', 1), (81, 'b', NULL), (84, 'a', 1), (85, NULL, 2), (86, 'x', 1)",
    "UPDATE note JOIN place ON place.v = note.f SET note.s = 'b', note.f = NULL",
    "SELECT aid, s, f FROM note",
    "UPDATE note LEFT JOIN wu.copied ON wu.copied.id = note.aid SET note.f = 7 WHERE note.s = 'b' AND wu.copied.id IS NULL",
    "UPDATE maker LEFT JOIN note ON note.s = maker.sku SET note.f = 8 WHERE maker.id > 80",
    "SELECT aid, s, f FROM note",
    "DELETE note FROM note JOIN place ON place.name = note.s",
    "SELECT aid, s, f FROM note",
    "DELETE note, place FROM note, place WHERE note.aid > 80 AND place.region > 80",
    "SELECT aid, s, f FROM note",
    "DELETE FROM place WHERE region > 80",
    "DELETE FROM note",
  );
});

test("ids of a table that all shards have are the same everywhere", SLOW, async () => {
  await same(
    "INSERT INTO kind (label) VALUES ('a'), ('b')",
    "SELECT LAST_INSERT_ID()",
    "INSERT INTO kind VALUES (NULL, 'c'), (0, 'd')",
    "INSERT IGNORE INTO kind (label) VALUES ('a')",
    "INSERT IGNORE INTO kind (label) VALUES ('g')",
    "INSERT INTO kind (label) VALUES ('a') ON DUPLICATE KEY UPDATE label = 'aa'",
    "REPLACE INTO kind (label) VALUES ('b')",
    "INSERT INTO kind (label) VALUES ('h') RETURNING label",
    "INSERT INTO kind (label) SELECT CONCAT(label, '2') FROM kind WHERE label = 'd'",
    // How many ids a server takes for rows of which some have theirs is its own matter.
    "INSERT INTO kind (id, label) VALUES (500, 'e'), (NULL, 'f')",
  );
  const rows: unknown[] = [];
  for (const shard of ["-80", "80-"]) {
    await lane.askGateway(`USE \`ws2:${shard}\``);
    const outcome = await lane.askGateway("SELECT id, label FROM kind ORDER BY id");
    rows.push(outcome.kind === "rows" ? outcome.rows : outcome);
  }
  await lane.askGateway("USE ws2");
  const [first, second] = rows;
  expect(first).toEqual(second);
  expect(first).toHaveLength(9);
});

test("ids that each shard would make for itself are refused", SLOW, async () => {
  for (const sql of [
    "INSERT INTO event (region, v) VALUES (1, 'a')",
    "INSERT INTO event (v) VALUES ('a')",
    "INSERT INTO event VALUES (1, 0, 'a')",
    "INSERT INTO event VALUES (1, 7, 'a'), (2, NULL, 'b')",
    "INSERT INTO event (region, v) SELECT 1, 'x'",
  ]) {
    await refused(sql, /"auto_increment": \{"column": "id"/);
  }
  await same("INSERT INTO event VALUES (1, 7, 'a'), (2, 8, 'b')", "SELECT * FROM event");
});

test("a table with a source is written there", SLOW, async () => {
  for (const sql of [
    "INSERT INTO copied VALUES (1, 10), (2, 20)",
    "UPDATE copied SET v = v + 1 WHERE id = 2",
    "DELETE FROM copied WHERE copied.id = 1",
  ]) {
    expect(await lane.askGateway(sql), sql).toMatchObject({ kind: "ok" });
  }
  expect(await lane.askGateway("SELECT * FROM wu.copied")).toMatchObject({ rows: ["2|21"] });
  // Who copies it to the shards is another matter.
  expect(await lane.askGateway("SELECT * FROM copied")).toMatchObject({ rows: [] });
  await refused("UPDATE copied JOIN place ON place.v = copied.id SET copied.v = 1", /come from wu\.copied/);
});

test("rows that a foreign key leads to stay on their shard", SLOW, async () => {
  await same("INSERT INTO parent VALUES (1, 1), (4, 4)", "INSERT INTO child VALUES (1, 1), (4, 1), (4, 2)");
  await refused("UPDATE parent SET id = 4000 + id WHERE id < 5", /to_parent of table child/);
  await same("DELETE FROM parent WHERE v = 4", "SELECT * FROM child", "SELECT * FROM parent");
});

test("a row moves to the row that it refers to", SLOW, async () => {
  await same(
    "INSERT INTO parent VALUES (2, 2), (6, 6), (9, 9)",
    "INSERT INTO child VALUES (2, 1), (2, 2), (6, 1), (9, 3)",
    "UPDATE child SET id = 6, n = n + 10 WHERE id = 2 AND n = 1",
    "UPDATE child SET id = 77 WHERE id = 2",
    "UPDATE IGNORE child SET id = 9 WHERE n IN (1, 2) AND id IN (2, 6) ORDER BY id, n",
    "UPDATE IGNORE child SET id = 77 WHERE n = 3",
    "INSERT INTO child VALUES (9, 3) ON DUPLICATE KEY UPDATE id = 2, n = 8",
    "SELECT * FROM child",
    "DELETE FROM parent WHERE id = 9",
    "SELECT * FROM child",
  );
});

test("BITs are keys and values", SLOW, async () => {
  await same(
    "INSERT INTO gauge VALUES (1, b'0', 1, NULL), (1, 65, 2, NULL), (2, b'100000111', 3, NULL), (4, 7, 4, NULL), (6, 65, 5, NULL)",
    "UPDATE gauge SET v = v + 1 ORDER BY v DESC LIMIT 3",
    "UPDATE gauge SET aid = aid + 1 WHERE b = 65 ORDER BY aid DESC",
    "UPDATE gauge JOIN parent ON parent.v = 6 SET gauge.s = gauge.b, gauge.v = gauge.b % 50, parent.v = gauge.b WHERE gauge.aid = 7",
    "DELETE FROM gauge ORDER BY b DESC LIMIT 1",
    "SELECT aid, b + 0, v, s FROM gauge",
  );
});

test("what a constraint refuses is left out of several rows, as if one shard had them", SLOW, async () => {
  await same(
    "INSERT IGNORE INTO gauge (aid, b, v) VALUES (11, 1, 5), (12, 1, 500), (14, 1, 6), (16, 1, 700), (11, 2, 800)",
    "SHOW WARNINGS",
    "INSERT IGNORE INTO gauge (aid, b, v) VALUES (21, 1, 500)",
    "INSERT IGNORE INTO gauge (aid, b, v) SELECT aid + 20, b, v * 20 FROM gauge WHERE aid = 14",
    "INSERT IGNORE INTO gauge (aid, b, v) SELECT aid + 20, b, v * 20 FROM gauge WHERE aid > 10",
    "INSERT IGNORE INTO gauge (aid, b, v) VALUES (31, 1, 5), (32, 1, 500), (34, 1, 6) RETURNING aid",
    "INSERT IGNORE INTO maker VALUES (60, 'bad'), (61, 'good'), (62, 'bad')",
    "SELECT * FROM maker WHERE id >= 60",
    "SELECT aid, b + 0, v FROM gauge",
  );
  expect(await lane.askGateway("SELECT sku FROM wu.sku_idx WHERE sku IN ('bad', 'good')")).toMatchObject({
    rows: ["good"],
  });
});

test("of rows on several shards the first one's error is told", SLOW, async () => {
  const rows = "(50, 1, 1, 'a'), (54, 2, 1, 'b'), (51, 3, 1, 'too long for it'), (52, 999, 1, 'c'), (56, 4, 'x', 'd')";
  await same(
    `INSERT INTO gauge (aid, b, v, s) VALUES ${rows}`,
    `INSERT INTO gauge (aid, b, v, s) VALUES (56, 4, 'x', 'd'), ${rows}`,
    `INSERT INTO gauge (aid, b, v, s) VALUES ${rows} RETURNING aid`,
    `REPLACE INTO gauge (aid, b, v, s) VALUES (54, 999, 1, 'b'), ${rows} RETURNING aid`,
    // The first row's error names none.
    "INSERT INTO gauge (aid, b, v) VALUES (51, 5, 500), (54, 5, 'x')",
    "INSERT INTO gauge (aid, b, v) VALUES (1, 51, 500), (4, 51, 'x')",
    "INSERT INTO gauge (aid, b, v) VALUES (4, 51, 500), (1, 51, 'x')",
    "SELECT COUNT(*) FROM gauge WHERE aid >= 50 AND aid < 60",
  );
});

test("what the query of an INSERT warns of is the statement's, and no error in a strict sql_mode", SLOW, async () => {
  const insert = "INSERT INTO note (aid, s) SELECT id, sku FROM maker WHERE id = '1x' + 0";
  const { gateway, plain } = await lane.ask(insert);
  for (const outcome of [gateway, plain]) {
    expect(outcome).toMatchObject({ kind: "ok", affectedRows: 1 });
    expect(outcome.kind === "ok" && outcome.warnings).toBeGreaterThan(0);
  }
  expect(await lane.askGateway("SHOW WARNINGS")).toMatchObject({
    rows: expect.arrayContaining(["Warning|1292|Truncated incorrect DOUBLE value: '1x'"]),
  });
  await same("DELETE FROM note");
});

test(
  "what values of an INSERT's query warn of is an error in a strict sql_mode, and nothing is written",
  SLOW,
  async () => {
    for (const values of [
      "id, 1 / (id - id)",
      "id, CAST(sku AS DATE)",
      "id, CAST(sku AS SIGNED)",
      "id, DATE_SUB('2000-01-01', INTERVAL 2001 YEAR)",
      "id, STR_TO_DATE(sku, '%Y-%m-%d')",
    ]) {
      const insert = `INSERT INTO note (aid, s) SELECT ${values} FROM maker WHERE id < 5`;
      const { gateway, plain } = await lane.ask(insert);
      const errno = (outcome: typeof plain): unknown => outcome.kind === "error" && outcome.errno;
      expect([values, gateway.kind, errno(gateway)]).toEqual([values, plain.kind, errno(plain)]);
      expect(plain.kind).toBe("error");
      await same("SELECT COUNT(*) FROM note");
    }
  },
);

test("a prepared write names tables of several keyspaces", SLOW, async () => {
  for (const sql of [
    "INSERT INTO wu.copied (id, v) SELECT region + 100, v FROM place WHERE region BETWEEN 5 AND 99",
    "UPDATE place JOIN wu.copied ON wu.copied.id = place.region SET place.v = 77 WHERE wu.copied.v > 0",
    "DELETE FROM wu.copied WHERE id IN (SELECT region + 100 FROM place WHERE region < 99) AND id > 0",
  ]) {
    const { gateway } = await lane.askPrepared(sql);
    expect(gateway, sql).toMatchObject({ kind: "ok" });
  }
});

test("more rows than are held in memory are written in batches of one transaction", SLOW, async () => {
  const rows = Array.from({ length: 40 }, (_, i) => `(${i + 1}, 'n${i}', REPEAT('${"abcdef"[i % 6]}', 100000))`);
  await same(
    `INSERT INTO paper (id, name, body) VALUES ${rows.join(", ")}`,
    "INSERT INTO paper (id, name, body, w) SELECT id + 100, name, body, id / 3 FROM paper",
    "UPDATE paper SET body = CONCAT(body, (SELECT COUNT(*) FROM maker)) ORDER BY id LIMIT 60",
    "SELECT COUNT(*), SUM(LENGTH(body)), SUM(w) FROM paper",
    "INSERT INTO paper (id, name, body) SELECT id + 200, name, body FROM paper UNION ALL SELECT 1, 'again', ''",
    "SELECT COUNT(*) FROM paper",
    "DELETE FROM paper ORDER BY body, id LIMIT 70",
    "SELECT id, w FROM paper",
  );
});

test("a connection that a lookup has opened counts found rows for its client", SLOW, async () => {
  lane.foundRows = true;
  await same(
    "BEGIN",
    "INSERT INTO maker VALUES (20, 'washer')",
    "INSERT INTO wu.copied VALUES (70, 1)",
    "UPDATE wu.copied SET v = 1 WHERE id = 70",
    "COMMIT",
  );
  lane.foundRows = false;
});
