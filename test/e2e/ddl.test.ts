// Definitions over shards, on real servers: each beside one MariaDB that answers alike, on every shard or on none, with what
// is refused because rows would not be found, and what is told when shards fare differently.

import { createConnection, type RowDataPacket } from "mysql2/promise";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Cluster } from "../../src/local/cluster.ts";
import type { Mysqld } from "../../src/local/mysqld.ts";
import { withServer } from "../../src/local/server-connection.ts";
import { startCluster, startMysqld } from "../fixture/cluster.ts";
import { must, type Outcome, Pair, TwinClient } from "./twin.ts";

const byId = { column_vindexes: [{ column: "id", name: "hash" }] };
const VSCHEMA = {
  sharded: true,
  vindexes: { hash: { type: "hash" }, text: { type: "unicode_loose_xxhash" } },
  tables: {
    a: byId,
    b: byId,
    c: byId,
    child: { column_vindexes: [{ column: "parent", name: "hash" }] },
    named: { column_vindexes: [{ column: "name", name: "text" }] },
    words: { type: "reference" },
  },
};

let cluster: Cluster;
let plain: Mysqld;
let pair: Pair;

beforeAll(async () => {
  [cluster, plain] = await Promise.all([
    startCluster({ keyspaces: { s: { shards: 2, vschema: VSCHEMA }, u: {} } }),
    startMysqld(),
  ]);
  const direct = await TwinClient.connect(plain.port);
  await must(direct, "CREATE DATABASE s");
  direct.close();
  const twins = { cluster, plain, shardPorts: () => [], stop: () => Promise.resolve() };
  pair = await Pair.open(twins, "s");
}, 480_000);
afterAll(async () => {
  pair?.close();
  await Promise.all([cluster?.stop(), plain?.stop()]);
});

/** What a test has left that did not come to its end. */
const LEFT = [
  "USE s",
  "DROP TABLE IF EXISTS child, a, b, c, named, words",
  "DROP PROCEDURE IF EXISTS counted",
  "DROP DATABASE IF EXISTS made",
];
beforeEach(async () => {
  for (const sql of LEFT) await Promise.all([must(pair.gateway, sql), must(pair.direct, sql)]);
});

/** Sockets of the shards' mysqlds, in order. */
function shards(): readonly string[] {
  return cluster
    .processes()
    .filter(({ kind, keyspace }) => kind === "mysqld" && keyspace === "s")
    .toSorted((one, other) => ((one.shard ?? "") < (other.shard ?? "") ? -1 : 1))
    .map(({ socket }) => socket ?? "");
}

/** The first value of a query on each shard, past the gateway. */
function onShards(sql: string): Promise<readonly string[]> {
  return Promise.all(shards().map((socket) => withServer(socket, async (server) => String(await server.value(sql)))));
}

function tableCount(name: string): Promise<readonly string[]> {
  return onShards(`SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = 's' AND TABLE_NAME = '${name}'`);
}

async function refused(sql: string, text: RegExp): Promise<void> {
  const outcome = await pair.gateway.query(sql);
  expect(outcome, sql).toMatchObject({ kind: "error", errno: 1235 });
  if (outcome.kind === "error") expect(outcome.message).toMatch(text);
}

test("tables, columns, keys, triggers and routines are on every shard, and answered as by one server", async () => {
  await pair.allSame([
    "CREATE TABLE a (id BIGINT PRIMARY KEY, v VARCHAR(20), n INT)",
    "CREATE TABLE a (id BIGINT PRIMARY KEY)",
    "CREATE TABLE IF NOT EXISTS a (id BIGINT PRIMARY KEY)",
    "SHOW WARNINGS",
    "INSERT INTO a (id, v, n) VALUES (1, 'one', 10), (2, 'two', 20), (3, 'three', 30), (4, 'four', 40), (7, 'seven', 70)",
    "ALTER TABLE a ADD COLUMN w INT NOT NULL DEFAULT 5, ALGORITHM = COPY",
    "SELECT * FROM a ORDER BY id",
    "CREATE INDEX by_v ON a (v)",
    "CREATE UNIQUE INDEX by_w ON a (w)",
    "ALTER TABLE a DROP COLUMN nothing",
    "SET sql_mode = ''",
    "ALTER TABLE a ADD COLUMN short VARCHAR(3), ADD COLUMN d DATE",
    "UPDATE a SET short = 'abc'",
    "ALTER TABLE a MODIFY short VARCHAR(1)",
    "SELECT id, short FROM a ORDER BY id",
    "ALTER TABLE a DROP COLUMN short, DROP COLUMN d",
    "SET sql_mode = DEFAULT",
    "ALTER TABLE a MODIFY v VARCHAR(30) NOT NULL, ADD KEY (n)",
    "SHOW CREATE TABLE a",
    "DROP INDEX by_v ON a",
    "CREATE TABLE b LIKE a",
    "INSERT INTO b (id, v, n) VALUES (11, 'eleven', 1), (12, 'twelve', 2)",
    "RENAME TABLE b TO c",
    "SELECT id, v FROM c ORDER BY id",
    "SELECT id FROM s.c WHERE id = 12",
    "ALTER TABLE c RENAME TO b",
    "SELECT COUNT(*) FROM b",
    "TRUNCATE TABLE b",
    "SELECT COUNT(*) FROM b",
    "CREATE TRIGGER shout BEFORE INSERT ON b FOR EACH ROW SET NEW.v = UPPER(NEW.v)",
    "INSERT INTO b (id, v, n) VALUES (1, 'x', 1), (2, 'y', 2), (4, 'z', 3)",
    "SELECT id, v FROM b ORDER BY id",
    "DROP TRIGGER shout",
    "CREATE FUNCTION twice (n INT) RETURNS INT DETERMINISTIC RETURN n * 2",
    "SELECT id, twice(n) FROM a ORDER BY id",
    "DROP FUNCTION twice",
    "DROP TABLE IF EXISTS b, nothing",
    "SHOW WARNINGS",
    "DROP TABLE b",
    "START TRANSACTION",
    "UPDATE a SET n = 11 WHERE id = 1",
    "ALTER TABLE a COMMENT = 'committed'",
    "ROLLBACK",
    "SELECT n FROM a WHERE id = 1",
    // What cannot be dropped does not keep the others, on any shard.
    "CREATE TABLE b LIKE a",
    "CREATE VIEW ids AS SELECT id FROM a",
    "DROP VIEW ids, nothing",
    "DROP TABLE b, nothing, a",
    "DROP TABLE b",
  ]);
  for (const name of ["a", "b", "ids"]) expect(await tableCount(name)).toEqual(["0", "0"]);
}, 480_000);

test("the default of a key that places rows is the one of now", async () => {
  await pair.allSame([
    "CREATE TABLE a (id BIGINT NOT NULL DEFAULT 7, v INT)",
    "INSERT INTO a (v) VALUES (1)",
    "ALTER TABLE a ALTER COLUMN id SET DEFAULT 8",
    "INSERT INTO a (v) VALUES (2)",
    "INSERT INTO a VALUES (DEFAULT, 3)",
    "SELECT id, v FROM a WHERE id = 8 ORDER BY v",
    "SELECT id, v FROM a ORDER BY v",
  ]);
});

test("what would put rows where nobody finds them is refused, with what to do", async () => {
  await refused(
    "CREATE TABLE fresh (no INT, PRIMARY KEY (no))",
    /ApplyVSchema.*"fresh": .*"column":"no","name":"hash"/,
  );
  await refused("CREATE TABLE fresh (name VARCHAR(9) PRIMARY KEY)", /"column":"name","name":"text"/);
  await refused("CREATE TABLE fresh (d DATE PRIMARY KEY)", /"vindexes": \{"xxhash":\{"type":"xxhash"\}\}, "tables"/);
  await refused("CREATE TABLE fresh LIKE s.a", /"fresh": \{"column_vindexes":\[\{"column":"id","name":"hash"\}\]\}/);
  expect(await tableCount("fresh")).toEqual(["0", "0"]);
  await must(pair.gateway, "CREATE TABLE a (id BIGINT PRIMARY KEY, v INT)");
  await refused("ALTER TABLE a DROP COLUMN id", /drops vindex column id/);
  await refused("ALTER TABLE a CHANGE id ident BIGINT", /renames vindex column id/);
  await refused("ALTER TABLE a MODIFY id VARCHAR(20)", /changes the type of vindex column id/);
  await refused("ALTER TABLE a RENAME COLUMN id TO ident", /renames vindex column id/);
  await refused("RENAME TABLE a TO named", /another way/);
  await refused("RENAME TABLE a TO fresh", /"fresh"/);
  await refused("RENAME TABLE a TO u.a", /over keyspaces s and u/);
  await refused("CREATE TEMPORARY TABLE b SELECT id FROM a", /SELECT/);
  await must(pair.gateway, "ALTER TABLE a MODIFY id INT");
  await must(pair.gateway, "DROP TABLE a");
});

test("foreign keys lead inside a shard", async () => {
  await must(pair.gateway, "CREATE TABLE a (id BIGINT PRIMARY KEY, other BIGINT, UNIQUE KEY (other, id))");
  await must(pair.gateway, "CREATE TABLE words (word VARCHAR(9) PRIMARY KEY)");
  const columns = "(no BIGINT PRIMARY KEY, parent BIGINT, other BIGINT, word VARCHAR(9)";
  await refused(
    `CREATE TABLE child ${columns}, CONSTRAINT fk FOREIGN KEY (other) REFERENCES a (id))`,
    /fk of table child.*sharding key/,
  );
  await refused(
    `CREATE TABLE child ${columns}, FOREIGN KEY (parent) REFERENCES a (other))`,
    /\(parent\) of table child/,
  );
  await refused(`CREATE TABLE words2 (word VARCHAR(9), FOREIGN KEY (word) REFERENCES u.w (word))`, /keyspaces s and u/);
  await refused(`CREATE TABLE child ${columns}, FOREIGN KEY (word) REFERENCES named (name))`, /across shards/);
  await must(
    pair.gateway,
    `CREATE TABLE child ${columns}, FOREIGN KEY (parent) REFERENCES a (id) ON DELETE CASCADE, FOREIGN KEY (word) REFERENCES words (word))`,
  );
  await refused("ALTER TABLE child ADD CONSTRAINT late FOREIGN KEY (other) REFERENCES a (id)", /late of table child/);
  await must(pair.gateway, "ALTER TABLE child ADD FOREIGN KEY (other, parent) REFERENCES a (other, id)");
  await must(pair.gateway, "INSERT INTO a VALUES (1, 10), (4, 40)");
  await must(pair.gateway, "INSERT INTO child (no, parent) VALUES (1, 1), (2, 4)");
  expect(await pair.gateway.query("INSERT INTO child (no, parent) VALUES (3, 5)")).toMatchObject({ errno: 1452 });
  await must(pair.gateway, "DELETE FROM a WHERE id = 4");
  expect(await pair.gateway.rows("SELECT no FROM child")).toEqual(["1"]);
  await must(pair.gateway, "DROP TABLE child, words");
  await must(pair.gateway, "DROP TABLE a");
});

test("shards that fare differently are named, and the rest can be done on them alone", async () => {
  const [, last = ""] = shards();
  await withServer(last, (server) => server.run("CREATE TABLE s.b (stranger INT)"));
  const outcome: Outcome = await pair.gateway.query("CREATE TABLE b (id BIGINT PRIMARY KEY, v INT)");
  expect(outcome).toMatchObject({ kind: "error", errno: 1050 });
  if (outcome.kind === "error") expect(outcome.message).toMatch(/done on s:-80, but not on s:80- \(.*already exists/);
  await withServer(last, (server) => server.run("DROP TABLE s.b"));
  await must(pair.gateway, "USE `s:80-`");
  await must(pair.gateway, "CREATE TABLE b (id BIGINT PRIMARY KEY, v INT)");
  await must(pair.gateway, "USE s");
  await must(pair.gateway, "INSERT INTO b VALUES (1, 1), (2, 2), (4, 4)");
  expect(await pair.gateway.rows("SELECT COUNT(*) FROM b")).toEqual(["3"]);
  await must(pair.gateway, "DROP TABLE b");
  // What fails on the first shard has not been begun on the others.
  const [first = ""] = shards();
  await withServer(first, (server) => server.run("CREATE TABLE s.b (stranger INT)"));
  expect(await pair.gateway.query("CREATE TABLE b (id BIGINT PRIMARY KEY)")).toEqual({
    kind: "error",
    errno: 1050,
    sqlState: "42S01",
    message: "Table 'b' already exists",
  });
  expect(await tableCount("b")).toEqual(["1", "0"]);
  await withServer(first, (server) => server.run("DROP TABLE s.b"));
});

test("definitions by several sessions at once end alike on all shards", async () => {
  await must(pair.gateway, "CREATE TABLE a (id BIGINT PRIMARY KEY)");
  const clients = await Promise.all([1, 2, 3, 4].map(() => TwinClient.connect(cluster.port)));
  await Promise.all(
    clients.map(async (client, i) => {
      for (let n = 0; n < 3; n++) await must(client, `ALTER TABLE s.a ADD COLUMN c${i}_${n} INT`);
      client.close();
    }),
  );
  const columns =
    "SELECT GROUP_CONCAT(COLUMN_NAME ORDER BY ORDINAL_POSITION) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = 's' AND TABLE_NAME = 'a'";
  const [one = "", other] = await onShards(columns);
  expect(one.split(",")).toHaveLength(13);
  expect(other).toBe(one);
  await must(pair.gateway, "DROP TABLE a");
});

test("a procedure runs on the shard that is told, or on an unsharded keyspace", async () => {
  await must(pair.gateway, "CREATE TABLE a (id BIGINT PRIMARY KEY)");
  await must(pair.gateway, "INSERT INTO a VALUES (1), (2), (3), (4), (5), (6)");
  await must(pair.gateway, "CREATE PROCEDURE counted () SELECT COUNT(*) FROM a");
  await refused("CALL counted()", /SHARD=-80/);
  const counts = await onShards("SELECT COUNT(*) FROM s.a");
  expect(counts.map(Number).reduce((sum, n) => sum + n, 0)).toBe(6);
  const outcomes = await Promise.all([callOn("-80"), callOn("80-")]);
  expect(outcomes).toEqual(counts);
  expect(await pair.gateway.rows("SELECT DATABASE()")).toEqual(["s"]);
  expect(await pair.gateway.query("CALL /*sg+ SHARD=-40 */ counted()")).toMatchObject({ errno: 1049 });
  await must(pair.gateway, "DROP PROCEDURE counted");
  await must(pair.gateway, "CREATE OR REPLACE PROCEDURE u.here (OUT n INT) SET n = 7");
  await must(pair.gateway, "CALL u.here(@n)");
  expect(await pair.gateway.rows("SELECT @n")).toEqual(["7"]);
  await must(pair.gateway, "DROP PROCEDURE u.here");
  await must(pair.gateway, "DROP TABLE a");
});

/** The procedure's one value, by a client that reads several results. */
async function callOn(shard: string): Promise<string> {
  const client = await createConnection({ host: "127.0.0.1", port: cluster.port, user: "root", database: "s" });
  try {
    const [results] = await client.query<RowDataPacket[][]>(`CALL /*sg+ SHARD=${shard} */ counted()`);
    return String(Object.values(results[0]?.[0] ?? {})[0]);
  } finally {
    client.destroy();
  }
}

test("databases are made and dropped without etcd, too", async () => {
  await pair.allSame([
    "CREATE DATABASE made",
    "USE made",
    "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, v INT)",
    "INSERT INTO t (v) VALUES (1), (2)",
    "SELECT * FROM t ORDER BY id",
    "DROP DATABASE made",
    "SELECT 1, DATABASE()",
    "SHOW VARIABLES LIKE 'sql_mode'",
    "USE s",
  ]);
  const other = await TwinClient.connect(cluster.port);
  await must(pair.gateway, "CREATE DATABASE made");
  await must(other, "USE made");
  await must(pair.gateway, "DROP DATABASE made");
  // Whose database is gone goes on with what needs none.
  expect(await other.rows("SELECT 1, DATABASE()")).toEqual(["1|made"]);
  await must(other, "SET NAMES utf8mb4");
  expect((await other.rows("SHOW VARIABLES LIKE 'port'")).length).toBe(1);
  expect(await other.query("SELECT * FROM t")).toMatchObject({ kind: "error", errno: 1049 });
  expect(await other.query("CREATE TABLE t (id INT)")).toMatchObject({ kind: "error", errno: 1049 });
  other.close();
});

test("what shards warn of a definition is told as one server tells it", async () => {
  await pair.allSame([
    "CREATE TABLE b (id BIGINT PRIMARY KEY, y YEAR(2), z YEAR(2), d DATE DEFAULT '1962-03-03 23:33:34')",
    "SHOW WARNINGS",
    "DROP TABLE b",
  ]);
});

test("CREATE TABLE … SELECT makes the table of the query's columns on every shard, and brings each row to its own", async () => {
  await pair.allSame([
    "CREATE TABLE a (id BIGINT PRIMARY KEY, name VARCHAR(20), n INT)",
    "INSERT INTO a VALUES (1,'a',10),(2,'b',20),(3,'c',NULL),(4,'d',40),(-5,'e',50)",
    "CREATE TABLE b (PRIMARY KEY (id)) SELECT * FROM a",
    "SELECT ROW_COUNT()",
    "SHOW CREATE TABLE b",
    "SELECT * FROM b ORDER BY id",
    "CREATE TABLE b SELECT * FROM a",
    "CREATE TABLE IF NOT EXISTS b AS SELECT * FROM a",
    "SET sql_notes = 0",
    "CREATE TABLE IF NOT EXISTS b AS SELECT * FROM a",
    "SHOW WARNINGS",
    "SELECT COUNT(*) FROM b",
    "SET sql_notes = 1",
    "SHOW WARNINGS",
    "SELECT COUNT(*) FROM b",
    "DROP TABLE b",
    "CREATE TABLE b (extra INT DEFAULT 7, id BIGINT NOT NULL) AS (SELECT id, n + 1.5 AS m, CONCAT(name, 'x') x, n IS NULL FROM a WHERE id > 1 ORDER BY id LIMIT 2)",
    "SHOW CREATE TABLE b",
    "SELECT * FROM b ORDER BY id",
    "CREATE OR REPLACE TABLE b (id BIGINT PRIMARY KEY, k INT) REPLACE SELECT id, COUNT(*) AS k FROM a GROUP BY id",
    "SELECT * FROM b ORDER BY id",
    "DROP TABLE b",
    "CREATE TABLE b SELECT id, name FROM a WHERE id = 99",
    "SHOW CREATE TABLE b",
    "DROP TABLE b",
    "CREATE TABLE b SELECT 1 AS id UNION SELECT 2",
    "SELECT * FROM b ORDER BY 1",
    "DROP TABLE b",
    "CREATE TABLE b WITH d AS (SELECT id FROM a) SELECT id, MAX(id) OVER () AS mx FROM d",
    "SELECT * FROM b ORDER BY 1",
    "DROP TABLE b",
    "CREATE TABLE b SELECT nosuch FROM a",
    "CREATE TABLE b SELECT id, id FROM a",
    "CREATE TABLE words (PRIMARY KEY (id)) SELECT id, name FROM a",
    "SELECT * FROM words ORDER BY id",
  ]);
  expect(await onShards("SELECT COUNT(*) FROM s.words")).toEqual(["5", "5"]);
  await pair.allSame([
    "SET autocommit = 0",
    "CREATE TABLE b SELECT * FROM a",
    "ROLLBACK",
    "SELECT COUNT(*) FROM b",
    "SET autocommit = 1",
    "DROP TABLE b",
  ]);
  // Rows that cannot be written take the table with them.
  await pair.same("CREATE TABLE b (id BIGINT PRIMARY KEY, n TINYINT) SELECT id, n * 100 AS n FROM a WHERE id = 4");
  expect(await tableCount("b")).toEqual(["0", "0"]);
  await refused("CREATE TABLE b SELECT * FROM u.x", /INSERT … SELECT|doesn't exist/);
});
