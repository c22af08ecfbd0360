// Temporary tables in a sharded keyspace, beside one MariaDB: as on one server, with tables of all shards and in all tiers.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { COM } from "../../src/mysql/constants.ts";
import { emptied, must, Pair, startTwins, TwinClient, type Twins } from "./twin.ts";

let twins: Twins;
let pair: Pair;

beforeAll(async () => {
  twins = await startTwins();
});
afterAll(async () => {
  await twins.stop();
});
beforeEach(async () => {
  pair = await Pair.open(twins, "s");
  for (const client of [pair.gateway, pair.direct]) {
    await emptied(client, "c", "id");
    await must(
      client,
      "INSERT INTO c (id, name, email, n) VALUES (1,'a','e1',1),(2,'b','e2',1),(4,'d','e4',2),(5,'e','e5',2)",
    );
  }
});
afterEach(() => pair.close());

const MADE = [
  "CREATE TEMPORARY TABLE tmp (id INT PRIMARY KEY, x VARCHAR(10) COLLATE utf8mb4_bin)",
  "INSERT INTO tmp VALUES (1,'one'),(2,'two'),(4,'four'),(9,'nine')",
];

test("what is made can be written, read, changed and dropped", async () => {
  await pair.allSame([
    ...MADE,
    "SELECT * FROM tmp ORDER BY id",
    "SELECT x FROM tmp WHERE id = 2",
    "UPDATE tmp SET x = 'zwei' WHERE id = 2",
    "DELETE FROM tmp WHERE id = 1",
    "REPLACE INTO tmp (id, x) VALUES (2,'deux'),(3,'trois')",
    "INSERT INTO tmp VALUES (2,'twice') ON DUPLICATE KEY UPDATE x = CONCAT(x, '!')",
    "INSERT INTO tmp VALUES (2,'again')",
    "SELECT COUNT(*), MAX(x) FROM tmp",
    "ALTER TABLE tmp ADD COLUMN y INT, ADD KEY (y)",
    "UPDATE tmp SET y = id * 2",
    "CREATE INDEX byx ON tmp (x)",
    "SELECT * FROM tmp ORDER BY id",
    "DESCRIBE tmp",
    "SHOW CREATE TABLE tmp",
    "SHOW FULL COLUMNS FROM tmp",
    "SHOW INDEX FROM tmp",
    "TRUNCATE TABLE tmp",
    "SELECT COUNT(*) FROM tmp",
    "DROP TEMPORARY TABLE tmp",
    "DROP TEMPORARY TABLE IF EXISTS tmp",
    "CREATE TEMPORARY TABLE tmp (a INT)",
    "CREATE TEMPORARY TABLE tmp (a INT)",
    "CREATE TEMPORARY TABLE IF NOT EXISTS tmp (b INT)",
    "CREATE OR REPLACE TEMPORARY TABLE tmp (b INT)",
    "SELECT * FROM tmp",
    "DROP TABLE tmp",
  ]);
});

test("tables of all shards are read with it, and written from it", async () => {
  await pair.allSame([
    ...MADE,
    "SELECT tmp.id, x, name FROM tmp JOIN c ON c.id = tmp.id ORDER BY 1",
    "SELECT tmp.id, x, name FROM tmp LEFT JOIN c USING (id) ORDER BY 1",
    "SELECT c.name, COUNT(tmp.id) FROM c LEFT JOIN tmp ON tmp.id >= c.id GROUP BY c.name ORDER BY 1",
    "SELECT name FROM c WHERE id IN (SELECT id FROM tmp WHERE x > 'g') ORDER BY 1",
    "SELECT x FROM tmp WHERE EXISTS (SELECT 1 FROM c WHERE c.id > tmp.id) ORDER BY 1",
    "SELECT x FROM tmp UNION SELECT name FROM c ORDER BY 1",
    "SELECT id, ROW_NUMBER() OVER (ORDER BY id) FROM (SELECT id FROM tmp UNION ALL SELECT id FROM c) AS t ORDER BY 1, 2",
    "WITH RECURSIVE w AS (SELECT 1 AS k UNION ALL SELECT k + 1 FROM w WHERE k < 5) SELECT k, x, name FROM w LEFT JOIN tmp ON id = k LEFT JOIN c ON c.id = k ORDER BY 1",
    "SELECT tmp.x, u.p.name FROM tmp LEFT JOIN u.p ON u.p.id = tmp.id ORDER BY 1",
    "INSERT INTO tmp SELECT id + 100, name FROM c",
    "SELECT * FROM tmp ORDER BY id",
    "INSERT INTO c (id, name) SELECT id + 1000, x FROM tmp WHERE id > 100",
    "UPDATE c JOIN tmp ON c.id = tmp.id SET c.name = tmp.x, c.n = c.n + 1",
    "SELECT id, name, n FROM c ORDER BY id",
    "DELETE c FROM c JOIN tmp ON tmp.id + 1000 = c.id",
    "DELETE FROM tmp WHERE id NOT IN (SELECT id FROM c)",
    "SELECT id, name FROM c ORDER BY id",
    "SELECT * FROM tmp ORDER BY id",
  ]);
});

test("it hides a table of its name, until it is dropped", async () => {
  await pair.allSame([
    "CREATE TEMPORARY TABLE c (id INT PRIMARY KEY, mine INT)",
    "INSERT INTO c VALUES (7, 70)",
    "SELECT * FROM c",
    "SELECT c.mine, o.total FROM c LEFT JOIN o ON o.cid = c.id",
    "SELECT name FROM c",
    "DROP TABLE c",
    "SELECT id, name FROM c ORDER BY id",
    "CREATE TEMPORARY TABLE alike LIKE c",
    "SELECT * FROM alike",
    "DROP TEMPORARY TABLE alike",
  ]);
  const other = await TwinClient.connect(twins.cluster.port);
  await must(other, "USE s");
  await must(pair.gateway, "CREATE TEMPORARY TABLE c (mine INT)");
  expect(await other.rows("SELECT id FROM c ORDER BY id")).toEqual(["1", "2", "4", "5"]);
  expect(await other.query("SELECT mine FROM c")).toMatchObject({ kind: "error", errno: 1054 });
  other.close();
});

describe.each(["multi", "twopc"])("in transactions of mode %s", (mode) => {
  test("it takes part", async () => {
    await must(pair.gateway, `SET transaction_mode = '${mode}'`);
    await pair.allSame([
      ...MADE,
      "BEGIN",
      "UPDATE c SET name = 'x' WHERE id = 1",
      "UPDATE c SET name = 'y' WHERE id = 4",
      "INSERT INTO tmp SELECT id + 50, name FROM c",
      "SELECT c.name, x FROM c JOIN tmp USING (id) ORDER BY 1",
      "SAVEPOINT a",
      "DELETE FROM tmp",
      "ROLLBACK TO a",
      "SELECT COUNT(*) FROM tmp",
      "ROLLBACK",
      "SELECT * FROM tmp ORDER BY id",
      "SELECT id, name FROM c ORDER BY id",
      "BEGIN",
      "INSERT INTO tmp VALUES (77, 'kept')",
      "CREATE TEMPORARY TABLE second (a INT)",
      "UPDATE c SET name = 'both' WHERE id IN (1, 4)",
      "COMMIT",
      "SELECT * FROM tmp WHERE id = 77",
      "SELECT id, name FROM c ORDER BY id",
    ]);
  });
});

// Suites of drivers make them there, since every server has that schema.
test.each(["u", "s"])("tables of a session's own in schema mysql, with keyspace %s selected", async (keyspace) => {
  for (const client of [pair.gateway, pair.direct]) await must(client, `USE ${keyspace}`);
  await pair.allSame([
    "CREATE TEMPORARY TABLE mysql.own (id INT PRIMARY KEY AUTO_INCREMENT, a INT)",
    "INSERT INTO mysql.own (a) VALUES (1), (2)",
    "SELECT LAST_INSERT_ID()",
    "SELECT * FROM mysql.own",
    "BEGIN",
    "UPDATE mysql.own SET a = 3 WHERE id = 1",
    "INSERT INTO mysql.own (a) SELECT a FROM mysql.own",
    "ROLLBACK",
    "SELECT COUNT(*), SUM(a) FROM mysql.own",
    "DELETE o FROM mysql.own o WHERE o.id = 2",
    "ALTER TABLE mysql.own ADD b INT",
    "SELECT * FROM mysql.own",
    "USE mysql",
    "SELECT * FROM own",
    "CREATE TEMPORARY TABLE bare (id INT PRIMARY KEY AUTO_INCREMENT, a INT)",
    "INSERT INTO bare (a) VALUES (1), (2), (3)",
    "SELECT LAST_INSERT_ID(), DATABASE()",
    "UPDATE bare SET a = 5 WHERE bare.id = 1",
    "DELETE FROM bare WHERE id = 2",
    "INSERT INTO own (a) SELECT a FROM bare WHERE a > 3",
    "ALTER TABLE bare ADD KEY (a)",
    "SELECT bare.*, own.a FROM bare JOIN own USING (a) ORDER BY bare.id",
    `USE ${keyspace}`,
    "SELECT * FROM mysql.bare ORDER BY id",
    "USE mysql",
    "TRUNCATE TABLE bare",
    "DROP TABLE IF EXISTS bare",
    "SELECT * FROM bare",
    `USE ${keyspace}`,
    "TRUNCATE TABLE mysql.own",
    "DROP TEMPORARY TABLE mysql.own",
    "SELECT * FROM mysql.own",
  ]);
});

test("prepared statements see it as it is now", async () => {
  await pair.allSame([
    "PREPARE p FROM 'SELECT * FROM c WHERE id = 1'",
    "EXECUTE p",
    "CREATE TEMPORARY TABLE c (id INT PRIMARY KEY, mine INT)",
    "INSERT INTO c VALUES (1, 10)",
    "EXECUTE p",
    "DROP TEMPORARY TABLE c",
    "EXECUTE p",
  ]);
});

test("the connection that has it goes back with it", async () => {
  const client = await TwinClient.connect(twins.cluster.port);
  await must(client, "USE s");
  await must(client, "CREATE TEMPORARY TABLE own (a INT)");
  await must(client, "DROP TABLE own");
  expect(await client.query("SELECT * FROM own")).toMatchObject({ kind: "error", errno: 1146 });
  await must(client, "CREATE TEMPORARY TABLE own (a INT)");
  await must(client, "INSERT INTO own VALUES (1)");
  await client.command(COM.RESET_CONNECTION, "");
  await must(client, "USE s");
  expect(await client.query("SELECT * FROM own")).toMatchObject({ kind: "error", errno: 1146 });
  client.close();
});

test.each([
  ["CREATE TEMPORARY TABLE copy SELECT id FROM c", /SELECT/],
  ["DROP TABLE tmp, c", /temporary and other tables/],
  ["ALTER TABLE tmp RENAME TO other", /renaming/],
])("%s is refused by name", async (sql, why) => {
  for (const made of MADE) await must(pair.gateway, made);
  const outcome = await pair.gateway.query(sql);
  expect(outcome).toMatchObject({ kind: "error", errno: 1235 });
  expect(outcome.kind === "error" ? outcome.message : "").toMatch(why);
  expect(await pair.gateway.rows("SELECT COUNT(*) FROM tmp")).toEqual(["4"]);
});
