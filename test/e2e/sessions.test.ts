// Sessions: what a client sets, opens or holds, against one plain MariaDB and against the other clients that share the
// pool with it. Transactions over shards, implicit commits, and that nothing of one client reaches another.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { COM } from "../../src/mysql/constants.ts";
import { emptied, must, type Outcome, Pair, startTwins, TwinClient, type Twins } from "./twin.ts";

let twins: Twins;
let pair: Pair;

beforeAll(async () => {
  twins = await startTwins();
});
afterAll(async () => {
  await twins.stop();
});

const SETTINGS = [
  "INSERT INTO p (name, price) VALUES ('a', 1.5)",
  "SET @id = LAST_INSERT_ID()",
  "SELECT @id",
  "SET @a = 1, @b = @a",
  "SELECT @a, @b IS NULL",
  "SET @a = 5, @b = @a",
  "SELECT @a, @b",
  "SET @c = (SELECT COUNT(*) FROM p)",
  "SELECT @c",
  "SET @d = (SELECT name FROM p LIMIT 1), @e = NOW() IS NULL, @f = 1.50, @g = 1e3, @h = x'4142', @i = 'it''s', @j = \"back\\\\slash\", @k = NULL, @l = -5, @m = 0.1 + 0.2, @n = 'é', @o = '', @p = TRUE",
  "SELECT @d, @e, @f, @g, @h, @i, @j, @k, @l, @m, @n, @o, @p",
  "SELECT CHARSET(@d), COLLATION(@d), CHARSET(@h), COLLATION(@i), COLLATION(@n), COLLATION(@o)",
  "SET NAMES utf8mb4 COLLATE utf8mb4_bin",
  "SET @q = 'A', @r = CONCAT('A', 'é')",
  "SELECT @q = 'a', @r = 'aé', COLLATION(@q), COLLATION(@r), @i",
  "SET NAMES latin1",
  Buffer.from("SET @s = 'é', @t = CONCAT('é', 'x'), @u = 'ascii'", "latin1"),
  "SELECT @s, @t, @u, CHARSET(@s), CHARSET(@t), CHARSET(@u), HEX(@s), LENGTH(@t), @n",
  "SET NAMES utf8mb4",
  "SELECT @s, @t, @u, HEX(@s), CHARSET(@s)",
  "SET sql_mode = 'NO_BACKSLASH_ESCAPES'",
  "SET @v = 'a\\b'",
  "SELECT @v, @j",
  "SET sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT'",
  "SET @w = 'a' || 'b'",
  "SELECT @w, @j, @v",
  "SET sql_mode = DEFAULT",
  "SELECT @v1 := 5, @v2 := 'x'",
  "SELECT @v1, @v2",
  "SET @a = 9",
  "SELECT @v1, @v2, @a",
  "USE s",
  "SELECT @v1, @v2, @a",
  "USE u",
  "SELECT @v1 := @v1 + 1, @v2 := 1.50",
  "SELECT 7, 'z' INTO @z1, @z2",
  "USE s",
  "SELECT @v1, @v2, @z1, @z2",
  "USE u",
  "SET time_zone = '+05:00'",
  "SELECT @@time_zone, FROM_UNIXTIME(0)",
  "SET optimizer_switch = 'mrr=on'",
  "SET optimizer_switch = 'materialization=off'",
  "SET @flags = @@optimizer_switch",
  "SELECT @@optimizer_switch LIKE '%,materialization=off%', @@optimizer_switch LIKE '%mrr=on%'",
  "SET optimizer_switch = 'mrr=default'",
  "SELECT @@optimizer_switch LIKE '%,materialization=off%', @@optimizer_switch LIKE '%mrr=on%'",
  "SET optimizer_switch = DEFAULT",
  "SELECT @@optimizer_switch LIKE '%,materialization=off%', @@optimizer_switch LIKE '%mrr=on%'",
  "SET optimizer_switch = @flags",
  "SELECT @@optimizer_switch LIKE '%,materialization=off%', @@optimizer_switch LIKE '%mrr=on%'",
  "SET optimizer_switch = 'mrr=on,mrr=off'",
  "SET optimizer_switch = ''",
  "SET optimizer_switch = DEFAULT",
  "SET time_zone = 'nosuch'",
  "SELECT @@time_zone",
  "SET sql_mode = 'nosuch'",
  "SELECT @@sql_mode = ''",
  "SET nosuch = 1",
  "SET @@session.nosuch = 1",
  "SET @x1 = 1, nosuch = 2",
  "SELECT @x1 IS NULL",
  "SET @x1 = 5, time_zone = 'nosuch'",
  "SELECT @x1 IS NULL",
  "SET autocommit = 2",
  "SET autocommit = 'x'",
  "SET autocommit = OFF",
  "SELECT @@autocommit",
  "SHOW VARIABLES LIKE 'autocommit'",
  "SET autocommit = ON",
  "SET @old = @@autocommit, autocommit = 0",
  "SET autocommit = @old",
  "SELECT @@autocommit",
  "SET @old = @@sql_mode",
  "SET sql_mode = 'ANSI_QUOTES'",
  "SET sql_mode = @old",
  `SELECT "a"`,
  "SET SESSION wait_timeout = 100, @@session.lock_wait_timeout = 7, LOCAL group_concat_max_len = 2000",
  "SELECT @@wait_timeout, @@lock_wait_timeout, @@group_concat_max_len",
  "SHOW VARIABLES LIKE '%e_timeout'",
  "SET wait_timeout = 0",
  "SHOW WARNINGS",
  "SELECT @@wait_timeout",
  "SET wait_timeout = 99999999999, interactive_timeout = 50",
  "SELECT @@wait_timeout, @@session.interactive_timeout",
  "SET wait_timeout = 'x'",
  "SET wait_timeout = 1.5",
  "SET @@wait_timeout = 40 + 2",
  "SELECT @@wait_timeout AS w",
  "SET wait_timeout = DEFAULT, interactive_timeout = DEFAULT",
  "SELECT @@wait_timeout, @@interactive_timeout",
  "SET group_concat_max_len = DEFAULT",
  "SELECT @@group_concat_max_len",
  "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE",
  "SELECT @@tx_isolation",
  "SET tx_isolation = 'READ-COMMITTED'",
  "SELECT @@tx_isolation",
  "SET tx_isolation = 'nosuch'",
  "SET SESSION TRANSACTION READ ONLY",
  "INSERT INTO p (name) VALUES ('ro')",
  "SELECT COUNT(*) FROM p",
  "BEGIN",
  "INSERT INTO p (name) VALUES ('ro')",
  "COMMIT",
  "START TRANSACTION READ WRITE",
  "INSERT INTO p (name) VALUES ('rw')",
  "COMMIT",
  "SET SESSION TRANSACTION READ WRITE",
  "START TRANSACTION READ ONLY",
  "INSERT INTO p (name) VALUES ('ro')",
  "ROLLBACK",
  "SET TRANSACTION READ ONLY",
  "INSERT INTO p (name) VALUES ('ro2')",
  "INSERT INTO p (name) VALUES ('ro3')",
  "SET TRANSACTION READ ONLY",
  "BEGIN",
  "INSERT INTO p (name) VALUES ('ro4')",
  "COMMIT",
  "SET TRANSACTION READ ONLY",
  "SELECT COUNT(*) FROM p",
  "INSERT INTO p (name) VALUES ('ro5')",
  "SET TRANSACTION READ ONLY",
  "SELECT name FROM p ORDER BY name FOR UPDATE",
  "SELECT name FROM p ORDER BY name LOCK IN SHARE MODE",
  "SET autocommit = 0",
  "SET TRANSACTION READ ONLY",
  "INSERT INTO p (name) VALUES ('ro6')",
  "COMMIT",
  "INSERT INTO p (name) VALUES ('ro7')",
  "COMMIT",
  "SET autocommit = 1",
  "SELECT name FROM p ORDER BY name",
  "BEGIN",
  "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY",
  "INSERT INTO p (name) VALUES ('rw2')",
  "DELETE FROM p WHERE name = 'rw2'",
  "COMMIT",
  "CREATE TEMPORARY TABLE ro (a INT)",
  "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ WRITE",
  "SET TRANSACTION READ ONLY",
  "CREATE TEMPORARY TABLE ro (a INT)",
  "BEGIN",
  "DROP TEMPORARY TABLE IF EXISTS ro",
  "COMMIT",
  "SET character_set_results = NULL",
  "SELECT 'é'",
  "SET character_set_results = latin1",
  "SELECT 'é'",
  "SET NAMES utf8mb4",
  "SELECT 'é'",
  "SET NAMES nosuch",
  "SET NAMES 'NoSuch'",
  "SET NAMES utf8mb4 COLLATE uca1400_as_ci",
  "SELECT @@collation_connection, COLLATION('a')",
  "SET NAMES latin1 COLLATE uca1400_as_ci",
  "SET NAMES utf8mb4 COLLATE uca1400_nosuch_ci",
  "SET NAMES utf8mb4",
  "SET NAMES utf8mb4 COLLATE latin1_bin",
  "SET NAMES utf8mb4 COLLATE nosuch",
  "SET NAMES DEFAULT",
  "SET character_set_client = utf16",
  "SET identity = TRUE, last_insert_id = FALSE",
  "SELECT @@identity",
  "SET @@identity = TRUE",
  "SELECT LAST_INSERT_ID()",
  "SET last_insert_id = -1",
  "SHOW WARNINGS",
  "SET wait_timeout = FALSE",
  "SELECT @@wait_timeout",
  "SET wait_timeout = DEFAULT",
  "SET last_insert_id = 77",
  "SELECT LAST_INSERT_ID(), @@identity",
  "SET identity = 'x'",
  "SET @y = (SELECT 1 UNION SELECT 2)",
  "SET @y = nosuchfn()",
  "SET profiling = 0",
  "SET @a := 5",
  "SELECT @a",
  "SET @`we ird` = 5",
  "SELECT @`we ird`, @`WE IRD`",
];

describe("settings", () => {
  test("SET in all its forms, wrong values included", async () => {
    pair = await Pair.open(twins, "u");
    expect(await allSameOrRefused(pair, SETTINGS)).toEqual([]);
    pair.close();
  });

  test("what cannot be kept in a pool is refused and leaves the session as it was", async () => {
    pair = await Pair.open(twins, "u");
    await pair.same("SET time_zone = '+02:00', @a = 1");
    for (const sql of [
      "SET NAMES swe7",
      "SET character_set_client = swe7",
      "SET @a = 2, insert_id = 5",
      "SET sql_auto_is_null = ON",
      "SET @a = 2, sql_auto_is_null = 1",
      "SET GLOBAL max_connections = 77",
    ]) {
      expect(await pair.gateway.query(sql), sql).toMatchObject({ kind: "error", errno: 1235 });
    }
    await pair.allSame(["SELECT @@time_zone, @a, @@character_set_client, 'é'"]);
    pair.close();
  });

  test("a held connection follows SET NAMES there and back", async () => {
    pair = await Pair.open(twins, "u");
    await pair.allSame([
      "BEGIN",
      "SELECT COUNT(*) FROM blobs",
      "SET NAMES latin1",
      Buffer.from("SELECT 'é', HEX('é'), COUNT(*) FROM blobs", "latin1"),
      "SET NAMES utf8mb4",
      "SELECT 'é', HEX('é'), COUNT(*) FROM blobs",
      "SET character_set_results = latin1",
      "SELECT 'é', COUNT(*) FROM blobs",
      "SET NAMES utf8mb4",
      "SELECT 'é', COUNT(*) FROM blobs",
      "SET time_zone = 'nosuch'",
      "SELECT @@time_zone, 'é', COUNT(*) FROM blobs",
      "ROLLBACK",
    ]);
    pair.close();
  });
});

describe("transactions", () => {
  beforeEach(async () => {
    pair = await Pair.open(twins, "s");
    for (const client of [pair.gateway, pair.direct]) {
      await emptied(client, "c", "id");
      await must(client, "INSERT INTO c (id, name, email) VALUES (1,'a','e1'),(2,'b','e2'),(4,'d','e4'),(5,'e','e5')");
    }
    return () => pair.close();
  });

  test("over both shards: commit, rollback, and what another client sees meanwhile", async () => {
    const other = await Pair.open(twins, "s");
    await pair.allSame(["BEGIN", "UPDATE c SET name = 'x' WHERE id IN (1, 4)", "SELECT * FROM c"]);
    await other.same("SELECT * FROM c");
    await pair.allSame(["COMMIT", "SELECT ROW_COUNT()"]);
    await other.same("SELECT * FROM c");
    await pair.allSame([
      "START TRANSACTION",
      "DELETE FROM c WHERE id IN (1, 2, 4, 5)",
      "SELECT * FROM c",
      "ROLLBACK",
      "SELECT * FROM c",
    ]);
    other.close();
  });

  test("a statement that fails on one shard is undone on all, and the transaction goes on", async () => {
    await pair.allSame([
      "BEGIN",
      "UPDATE c SET name = 'kept' WHERE id = 2",
      "INSERT INTO c (id, name, email) VALUES (6, 'f', 'e6'), (4, 'dup', 'e44'), (7, 'g', 'e7')",
      "SELECT * FROM c",
      "UPDATE c SET name = 'undone', email = 'e2' WHERE id IN (1, 4)",
      "SELECT * FROM c",
      "INSERT INTO c (id, name, email) VALUES (8, 'h', 'e8'), (9, 'i', 'e9')",
      "SELECT * FROM c",
      "COMMIT",
      "SELECT * FROM c",
    ]);
  });

  test("a first statement that fails on one of two shards leaves the transaction open and nothing changed", async () => {
    await pair.allSame([
      "BEGIN",
      "INSERT INTO c (id, name, email) VALUES (6, 'f', 'e6'), (1, 'dup', 'e11'), (7, 'g', 'e7')",
      "SELECT * FROM c",
      "INSERT INTO c (id, name, email) VALUES (6, 'f', 'e6'), (7, 'g', 'e7')",
      "COMMIT",
      "SELECT * FROM c",
    ]);
  });

  test("the same with autocommit, where nothing of the statement stays", async () => {
    await pair.allSame([
      "INSERT INTO c (id, name, email) VALUES (6, 'f', 'e6'), (1, 'dup', 'e11'), (7, 'g', 'e7')",
      "SELECT * FROM c",
      "UPDATE c SET email = 'e2', name = 'undone' WHERE id IN (1, 4)",
      "SELECT * FROM c",
    ]);
  });

  test("autocommit = 0, COMMIT AND CHAIN, RELEASE, and BEGIN that commits", async () => {
    await pair.allSame([
      "SET autocommit = 0",
      "SELECT 1",
      "UPDATE c SET name = 'zero' WHERE id IN (1, 4)",
      "ROLLBACK",
      "SELECT * FROM c",
      "COMMIT",
      "UPDATE c SET name = 'one' WHERE id = 1",
      "SET autocommit = 1",
      "SELECT * FROM c",
      "START TRANSACTION READ ONLY",
      "UPDATE c SET name = 'ro' WHERE id = 1",
      "UPDATE c SET name = 'ro' WHERE id IN (1, 4)",
      "COMMIT AND CHAIN",
      "UPDATE c SET name = 'ro' WHERE id = 4",
      "ROLLBACK AND NO CHAIN",
      "BEGIN",
      "UPDATE c SET name = 'two' WHERE id = 2",
      "BEGIN",
      "ROLLBACK",
      "SELECT * FROM c",
      "BEGIN",
      "UPDATE c SET name = 'three' WHERE id IN (1, 2, 4, 5)",
      "COMMIT RELEASE",
    ]);
    const again = await Pair.open(twins, "s");
    await again.same("SELECT * FROM c");
    again.close();
  });

  test("warnings inside a transaction, and status flags of every answer", async () => {
    await pair.allSame([
      "BEGIN",
      "SELECT CAST('x' AS SIGNED)",
      "SHOW WARNINGS",
      "UPDATE c SET n = 1 WHERE id = 1",
      "UPDATE IGNORE c SET n = 'y' WHERE id = 1",
      "SHOW WARNINGS",
      "SELECT @@in_transaction",
      "SHOW TABLES LIKE 'c'",
      "USE s",
      "SELECT id FROM c WHERE id = 4",
      "COMMIT",
      "SELECT @@in_transaction",
    ]);
  });

  test("DDL commits what is open", async () => {
    await pair.allSame([
      "USE u",
      "BEGIN",
      "INSERT INTO p (name) VALUES ('ddl')",
      "CREATE TABLE ddl_t (a INT)",
      "ROLLBACK",
    ]);
    await pair.allSame(["SELECT COUNT(*) FROM p WHERE name = 'ddl'", "DROP TABLE ddl_t", "USE s"]);
  });

  test("a deadlock's victim loses its part on every shard", async () => {
    const a = await TwinClient.connect(twins.cluster.port);
    const b = await TwinClient.connect(twins.cluster.port);
    for (const client of [a, b]) await must(client, "USE s");
    await must(a, "BEGIN");
    await must(b, "BEGIN");
    await must(a, "UPDATE c SET name = 'a' WHERE id = 1");
    await must(b, "UPDATE c SET name = 'b' WHERE id IN (2, 4)");
    const waiting = a.query("UPDATE c SET name = 'a' WHERE id = 2");
    await new Promise((resolve) => setTimeout(resolve, 200));
    const second = await b.query("UPDATE c SET name = 'b' WHERE id = 1");
    const first = await waiting;
    const outcomes: Outcome[] = [first, second];
    expect(outcomes.filter((outcome) => outcome.kind === "error" && outcome.errno === 1213)).toHaveLength(1);
    const victim = first.kind === "error" ? a : b;
    const survivor = victim === a ? b : a;
    expect(await victim.query("SELECT 1")).toMatchObject({ inTransaction: false });
    await must(survivor, "ROLLBACK");
    expect(await victim.rows("SELECT name FROM c WHERE id IN (1, 2, 4) ORDER BY id")).toEqual(["a", "b", "d"]);
    a.close();
    b.close();
  });

  test("a client that goes away rolls back on every shard", async () => {
    const leaving = await TwinClient.connect(twins.cluster.port);
    await must(leaving, "USE s");
    await must(leaving, "BEGIN");
    await must(leaving, "UPDATE c SET name = 'gone' WHERE id IN (1, 4)");
    leaving.close();
    await pair.same("SET lock_wait_timeout = 30, innodb_lock_wait_timeout = 30");
    await pair.allSame(["UPDATE c SET n = 9 WHERE id IN (1, 4)", "SELECT * FROM c"]);
  });

  test("a client that goes away in the middle of a statement rolls back too", async () => {
    const leaving = await TwinClient.connect(twins.cluster.port);
    await must(leaving, "USE s");
    await must(leaving, "BEGIN");
    await must(leaving, "UPDATE c SET name = 'gone' WHERE id IN (1, 4)");
    void leaving.query("UPDATE c SET name = SLEEP(20) WHERE id IN (2, 5)").catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 100));
    leaving.close();
    await pair.same("SET innodb_lock_wait_timeout = 5");
    await pair.allSame(["UPDATE c SET n = 9 WHERE id IN (1, 2, 4, 5)", "SELECT * FROM c"]);
  });
});

describe("one client's state never reaches another", () => {
  test("settings, variables, temporary tables, locks, ids, isolation", async () => {
    for (let round = 0; round < 3; round++) {
      const one = await TwinClient.connect(twins.cluster.port);
      for (const sql of [
        "USE u",
        "SET @a = 'secret', sql_mode = 'ANSI_QUOTES', time_zone = '+09:00', autocommit = 0",
        "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE",
        `INSERT INTO p (name) VALUES ('leak${round}')`,
        "COMMIT",
        "CREATE TEMPORARY TABLE leak (a INT)",
        "INSERT INTO leak VALUES (1)",
        "SELECT GET_LOCK('leak', 0)",
        "SELECT @b := 7",
        "SELECT CAST('x' AS SIGNED)",
        "SET NAMES latin1",
      ]) {
        await must(one, sql);
      }
      const others = await Promise.all(Array.from({ length: 4 }, () => TwinClient.connect(twins.cluster.port)));
      for (const other of others) await expectFresh(other, false);
      if (round === 1) expect(await one.command(COM.RESET_CONNECTION)).toMatchObject({ kind: "ok" });
      if (round === 2) await must(one, "ROLLBACK RELEASE");
      else one.close();
      for (let i = 0; i < 300 && (await others[0]?.rows("SELECT IS_FREE_LOCK('leak')"))?.[0] !== "1"; i++) {
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      for (const other of others) await expectFresh(other, true);
      for (const other of others) other.close();
    }
  });

  test("GET_LOCK() is one name space for all keyspaces, and outlives statements over shards", async () => {
    pair = await Pair.open(twins, "s");
    await pair.allSame([
      "SELECT GET_LOCK('a', 1)",
      "UPDATE c SET nosuch = 3 WHERE id IN (1, 4)",
      "UPDATE c SET n = 3 WHERE id IN (1, 4)",
      "UPDATE c SET n = 4 WHERE id = 1",
      "USE u",
      "SELECT GET_LOCK('b', 1), IS_USED_LOCK('a') IS NOT NULL",
      "DO RELEASE_LOCK('a')",
      "SELECT IS_FREE_LOCK('a'), IS_FREE_LOCK('b')",
    ]);
    const other = await Pair.open(twins, "s");
    await other.allSame(["SELECT GET_LOCK('b', 0)", "SELECT GET_LOCK('a', 0)", "DO RELEASE_LOCK('a')"]);
    other.close();
    await pair.same("SELECT RELEASE_LOCK('b')");
    pair.close();
  });

  test("clients with different settings side by side keep their own", async () => {
    const zones = ["+01:00", "+02:00", "+03:00", "+04:00"];
    const clients = await Promise.all(zones.map(() => TwinClient.connect(twins.cluster.port)));
    await Promise.all(clients.map((client, i) => must(client, `SET time_zone = '${zones[i]}', @me = ${i}`)));
    for (let round = 0; round < 20; round++) {
      const seen = await Promise.all(clients.map((client) => client.rows("SELECT @@time_zone, @me, LAST_INSERT_ID()")));
      expect(seen).toEqual(zones.map((zone, i) => [`${zone}|${i}|0`]));
    }
    for (const client of clients) client.close();
  });
});

async function expectFresh(client: TwinClient, lockFree: boolean): Promise<void> {
  await must(client, "USE u");
  const [row] = await client.rows(
    `SELECT @a, @b, @@autocommit, @@time_zone, @@tx_isolation, "text", 'é', LAST_INSERT_ID()`,
  );
  expect(row).toBe("\\N|\\N|1|SYSTEM|REPEATABLE-READ|text|Ã©|0");
  expect(await client.query("SELECT * FROM leak")).toMatchObject({ kind: "error", errno: 1146 });
  expect(await client.rows("SHOW WARNINGS")).toHaveLength(1);
  expect(await client.rows("SELECT IS_FREE_LOCK('leak')")).toEqual([lockFree ? "1" : "0"]);
}

async function allSameOrRefused(on: Pair, statements: readonly (string | Buffer)[]): Promise<readonly string[]> {
  const refused: string[] = [];
  for (const sql of statements) {
    if (typeof sql !== "string") await on.same(sql);
    else if (!(await on.sameOrRefused(sql))) refused.push(sql);
  }
  return refused;
}
