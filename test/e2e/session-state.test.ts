// What a session has besides transactions, beside one plain MariaDB: every system variable set well and badly, and what
// variables do to statements on one shard, on several, and in the gateway's own work.

import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { COM, SERVER } from "../../src/mysql/constants.ts";
import { decodeOk } from "../../src/mysql/packets/ok.ts";
import { RawClient } from "../wire/raw-client.ts";
import { gist, Pair, startTwins, TwinClient, type Twins } from "./twin.ts";

let twins: Twins;
let pair: Pair;
/** Of one test each. */
let clients: { close(): void }[] = [];

beforeAll(async () => {
  twins = await startTwins();
  const filler = await Pair.open(twins, "s");
  for (const sql of ROWS) await filler.both(sql);
  filler.close();
});
/** Also what a test has opened that did not come to its end, with its locks. */
afterEach(() => {
  for (const client of clients) client.close();
  clients = [];
});
afterAll(async () => {
  await twins.stop();
});

const ROWS = [
  "INSERT INTO u.p (id, name, price, note) VALUES (1,'a',1.50,'n1'), (2,'b',2.50,NULL), (3,'ü',3.50,'n3')",
  "INSERT INTO s.c (id, name, email, n) VALUES (1,'a','e1',10), (2,'b','e2',20), (3,'c','e3',NULL), (4,'ä','e4',10), (5,'é','e5',20)",
  "INSERT INTO s.o (oid, cid, total) VALUES (11,1,1.10), (12,1,2.20), (13,4,3.30), (14,5,4.40)",
];

function own<T extends { close(): void }>(client: T): T {
  clients.push(client);
  return client;
}

async function alike(sql: string | Buffer): Promise<void> {
  const [got, wanted] = await pair.both(sql);
  expect(gist(got, sql), String(sql)).toEqual(gist(wanted, sql));
}

describe("system variables", () => {
  /** Variables that differ on purpose, or from one server to the next. */
  const EXCEPT = new Map([
    ["gtid_seq_no", "used up by one statement on one server: 1235"],
    ["insert_id", "used up by one statement on one server: 1235"],
    ["rand_seed1", "used up by one statement on one server: 1235"],
    ["rand_seed2", "used up by one statement on one server: 1235"],
    ["sql_auto_is_null", "of rows that one connection has made: 1235"],
    ["max_session_mem_used", "what is used just now is no value that can be set"],
    ["max_error_count", "a warning about 0 as its value is counted but not kept"],
    ["identity", "a negative value is 0 without a warning"],
    ["last_insert_id", "a negative value is 0 without a warning"],
    ["server_id", "another one on every server"],
    ["pseudo_thread_id", "another one in every session"],
    ["timestamp", "the time it is"],
    ["max_allowed_packet", "the gateway's, for what clients send"],
    ["error_count", "not asked alone here"],
    ["warning_count", "not asked alone here"],
  ]);

  test("each one set to its value, to its default and to bad ones", async () => {
    pair = own(await Pair.open(twins, "u"));
    const names = await pair.direct.rows(
      "SELECT LOWER(VARIABLE_NAME), VARIABLE_SCOPE, VARIABLE_TYPE FROM information_schema.SYSTEM_VARIABLES ORDER BY 1",
    );
    expect(names.length).toBeGreaterThan(500);
    const wrong: string[] = [];
    const check = async (sql: string): Promise<void> => {
      const [got, wanted] = await pair.both(sql);
      const same = JSON.stringify(gist(got, sql)) === JSON.stringify(gist(wanted, sql));
      if (!same) wrong.push(`${sql}\n${JSON.stringify(gist(got, sql))}\n${JSON.stringify(gist(wanted, sql))}`);
    };
    for (const [i, line] of names.entries()) {
      const [name = "", scope = "", type = ""] = line.split("|");
      if (EXCEPT.has(name)) continue;
      if (scope === "GLOBAL") {
        // They are all refused by one rule.
        if (i % 8 === 0) await check(`SET SESSION ${name} = @@session.${name}`);
        continue;
      }
      await check(`SET ${name} = 'no such value'`);
      if (type !== "VARCHAR" && i % 4 === 0) await check(`SET ${name} = -5`);
      await check(`SET @@${name} = DEFAULT`);
      await check(`SELECT @@session.${name}`);
    }
    expect(wrong).toEqual([]);
    pair.close();
  });

  test("of a server as a whole, and of one statement, are refused by name", async () => {
    const client = own(await TwinClient.connect(twins.cluster.port));
    for (const sql of [
      "SET GLOBAL max_connections = 77",
      "SET @@global.wait_timeout = 1, GLOBAL general_log = 1",
      "SET PERSIST_ONLY wait_timeout = 1",
      "SET insert_id = 5",
      "SET NAMES swe7",
    ]) {
      expect(await client.query(sql), sql).toMatchObject({ kind: "error", errno: 1235 });
    }
    expect(await client.rows("SELECT @@global.wait_timeout")).toEqual(["28800"]);
    client.close();
  });
});

describe("what variables do", () => {
  const EFFECTS: Readonly<Record<string, readonly (readonly [set: string, ...then: readonly string[]])[]>> = {
    u: [
      ["SET sql_mode = ''", "SELECT 1/0, 'a' = 0", "SELECT CAST('abc' AS SIGNED)"],
      ["SET sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT'", `SELECT "id" || 'x' FROM "p" ORDER BY "id"`],
      ["SET sql_mode = DEFAULT", "SELECT 'x' || 0"],
      ["SET time_zone = '+05:30'", "SELECT FROM_UNIXTIME(0), @@time_zone, UNIX_TIMESTAMP('1970-01-01 05:30:00')"],
      ["SET sql_select_limit = 2", "SELECT id FROM p ORDER BY id", "SELECT id FROM p ORDER BY id LIMIT 3"],
      ["SET sql_select_limit = DEFAULT", "SELECT id FROM p ORDER BY id"],
      ["SET group_concat_max_len = 4", "SELECT GROUP_CONCAT(id ORDER BY id SEPARATOR '--') FROM p"],
      ["SET div_precision_increment = 2", "SELECT 1/3, AVG(price) FROM p"],
      ["SET lc_time_names = 'de_DE'", "SELECT DATE_FORMAT('2024-03-05', '%W %M'), MONTHNAME('2024-03-05')"],
      ["SET default_week_format = 3", "SELECT WEEK('2024-12-30'), WEEK('2024-01-01')"],
      ["SET timestamp = 1000000000", "SELECT NOW(), CURDATE(), UNIX_TIMESTAMP()"],
      ["SET timestamp = DEFAULT", "SELECT NOW() > '2020-01-01'"],
      ["SET max_statement_time = 0.2", "SELECT SLEEP(5)"],
      ["SET max_statement_time = 0", "SELECT SLEEP(0.3)"],
      ["SET STATEMENT max_statement_time = 0.2 FOR SELECT SLEEP(5)", "SELECT @@max_statement_time"],
      ["SET STATEMENT sql_select_limit = 1 FOR SELECT id FROM p ORDER BY id", "SELECT @@sql_select_limit"],
      ["SET STATEMENT nosuch = 1 FOR SELECT 1", "SELECT 1"],
    ],
    s: [
      ["SET sql_mode = ''", "SELECT n/0 FROM c ORDER BY id", "SELECT SUM(n/0) FROM c"],
      ["SET sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT'", `SELECT "id" || 'x' FROM "c" ORDER BY "id"`],
      ["SET sql_mode = DEFAULT", "SELECT 'x' || 0"],
      [
        "SET time_zone = '-03:00'",
        "SELECT id, FROM_UNIXTIME(id) FROM c ORDER BY id",
        "SELECT MAX(FROM_UNIXTIME(id)) FROM c",
      ],
      ["SET sql_select_limit = 2", "SELECT id FROM c ORDER BY id", "SELECT id FROM c ORDER BY id LIMIT 3"],
      ["SET sql_select_limit = DEFAULT", "SELECT id FROM c ORDER BY id"],
      ["SET group_concat_max_len = 4", "SELECT GROUP_CONCAT(id ORDER BY id SEPARATOR '--') FROM c"],
      ["SET group_concat_max_len = DEFAULT", "SELECT GROUP_CONCAT(id ORDER BY id SEPARATOR '--') FROM c"],
      [
        "SET div_precision_increment = 2",
        "SELECT id/3 FROM c ORDER BY id",
        "SELECT AVG(n) FROM c",
        "SELECT SUM(n)/3 FROM c",
      ],
      ["SET div_precision_increment = DEFAULT", "SELECT AVG(n) FROM c"],
      [
        "SET lc_time_names = 'fr_FR'",
        "SELECT id, MONTHNAME(DATE_ADD('2024-01-01', INTERVAL id MONTH)) FROM c ORDER BY id",
      ],
      ["SET default_week_format = 3", "SELECT id, WEEK(DATE_ADD('2024-12-29', INTERVAL id DAY)) FROM c ORDER BY id"],
      ["SET timestamp = 1000000000", "SELECT id, NOW() FROM c ORDER BY id", "SELECT MAX(NOW()) FROM c"],
      ["SET timestamp = DEFAULT", "SELECT MIN(NOW()) > '2020-01-01' FROM c"],
      ["SET max_statement_time = 0.3", "SELECT SUM(SLEEP(3)) FROM c"],
      ["SET max_statement_time = 0", "SELECT COUNT(*) FROM c"],
      ["SET STATEMENT max_statement_time = 0.3 FOR SELECT SUM(SLEEP(3)) FROM c", "SELECT @@max_statement_time"],
      [
        "SET collation_connection = utf8mb4_bin",
        "SELECT 'a' = 'A'",
        "SELECT id FROM c WHERE name = 'A' COLLATE utf8mb4_bin",
      ],
      ["SET collation_connection = DEFAULT", "SELECT 'a' = 'A'"],
      ["SET foreign_key_checks = 0", "SELECT @@foreign_key_checks"],
      ["SET unique_checks = OFF, sql_big_selects = 1", "SELECT @@unique_checks, @@sql_big_selects"],
      ["SET tx_isolation = 'READ-COMMITTED'", "SELECT @@tx_isolation", "SELECT @@session.tx_isolation FROM c LIMIT 1"],
    ],
  };

  test.each(["u", "s"])("in keyspace %s", async (keyspace) => {
    for (const [set, ...then] of EFFECTS[keyspace] ?? []) {
      pair = own(await Pair.open(twins, keyspace));
      for (const sql of [set, ...then]) await alike(sql);
      pair.close();
    }
  });

  test("SET CHARACTER SET leaves literals in the database's character set", async () => {
    pair = own(await Pair.open(twins, "u"));
    for (const sql of [
      "SET CHARACTER SET latin1",
      "SET CHARSET utf8mb4",
      "SET CHARACTER SET DEFAULT",
      "SET CHARACTER SET nosuch",
    ]) {
      await alike(sql);
      await alike(
        "SELECT @@character_set_client, @@character_set_results, @@character_set_connection, @@collation_connection",
      );
    }
    pair.close();
  });

  test("user variables keep what is computed as a server's do", async () => {
    pair = own(await Pair.open(twins, "u"));
    for (const sql of [
      "SET @d = 1.50, @f = 1e3, @n = NULL, @b = x'41', @t = TRUE, @neg = -5, @big = 18446744073709551615",
      "SELECT @d, @f, @n, @b, @t, @neg, @big, @d + 0, @f + 0",
      "SET @pi = PI(), @q = 1/3, @w = 1/3e0, @s = SQRT(2), @div = 7 DIV 2, @avg = (SELECT AVG(price) FROM p)",
      "SELECT @pi, @q, @w, @s, @div, @avg",
      "SET @dt = DATE'2024-01-01', @tm = TIME'10:00:00', @ts = TIMESTAMP'2024-01-01 10:00:00.5', @js = JSON_OBJECT('a', 1)",
      "SELECT @dt, @tm, @ts, @js",
      "SET @long = REPEAT('x', 100000), @uni = CONCAT('日本', '😀ü'), @emp = ''",
      "SELECT LENGTH(@long), @uni, HEX(@uni), LENGTH(@emp), @emp IS NULL",
      "SET @ci = 'A' COLLATE utf8mb4_bin, @bit = b'101', @hex = 0x4142, @case = IF(1, 'x', 2)",
      "SELECT @ci = 'a', COLLATION(@ci), @bit + 0, @hex, @case",
      "SET @old = @@sql_mode, sql_mode = CONCAT(@@sql_mode, ',ANSI_QUOTES')",
      "SELECT @@sql_mode",
      "SET sql_mode = @old",
      "SELECT @@sql_mode = @old",
      "SET @`weird name` = 1, @'quoted' = 2, @dotted.name = 4, @$dollar = 5",
      "SELECT @`weird name`, @'quoted', @dotted.name, @$dollar",
      "SET @cut = CAST('12x' AS SIGNED), @fine = 1",
      "SHOW WARNINGS",
    ]) {
      await alike(sql);
    }
    pair.close();
  });

  test("what MySQL does not know, and several at once: all or nothing", async () => {
    pair = own(await Pair.open(twins, "u"));
    for (const sql of [
      "SET nosuch = 1",
      "SET @@session.nosuch = 1",
      "SET @a = 1, time_zone = 'nosuch'",
      "SELECT @a IS NULL, @@time_zone",
      "SET @a = 1, @b = @a, time_zone = '+01:00', sql_mode = 'ANSI'",
      "SELECT @a, @b IS NULL, @@time_zone, @@sql_mode",
      "SET autocommit = 2",
      "SET autocommit = 'x'",
      "SET autocommit = NULL",
      "SET autocommit = 0.5",
      "SET autocommit = off",
      "SELECT @@autocommit",
      "SET autocommit = DEFAULT",
      "SET last_insert_id = DEFAULT",
      "SET auto_increment_increment = 100000",
      "SHOW WARNINGS",
      "SELECT @@auto_increment_increment",
      "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY",
      "SELECT @@tx_isolation, @@tx_read_only",
      "SET @@tx_isolation = 'nosuch'",
      "SET @@tx_isolation = 'READ-UNCOMMITTED'",
      "SELECT @@tx_isolation",
    ]) {
      await alike(sql);
    }
    pair.close();
  });
});

/** Statements of two sessions in turn, a's and b's, each alike on both sides. */
async function inTurn(keyspace: string, statements: readonly string[]): Promise<void> {
  const sessions = { a: own(await Pair.open(twins, keyspace)), b: own(await Pair.open(twins, keyspace)) };
  try {
    for (const line of statements) {
      pair = line.startsWith("b> ") ? sessions.b : sessions.a;
      await alike(line.replace(/^[ab]> /, ""));
    }
  } finally {
    sessions.a.close();
    sessions.b.close();
  }
}

function portOfU(): number {
  return twins.cluster.processes().find(({ kind, keyspace }) => kind === "mysqld" && keyspace === "u")?.port ?? 0;
}

/** The id that the mysqld of `u` has for the connection which the session's statements run on. */
async function connectionOf(client: TwinClient): Promise<string> {
  const shard = own(await TwinClient.connect(portOfU()));
  let id: string | undefined;
  // On a busy machine one look may come too late.
  while (id === undefined) {
    let isOver = false;
    const running = client.query("SELECT SLEEP(0.5) AS held").finally(() => {
      isOver = true;
    });
    while (id === undefined && !isOver) {
      [id] = await shard.rows("SELECT ID FROM information_schema.PROCESSLIST WHERE INFO LIKE 'SELECT SLEEP(0.5)%'");
    }
    await running;
  }
  shard.close();
  return id;
}

describe("temporary tables", () => {
  test("are the session's, shadow real ones, and are given up one by one", async () => {
    await inTurn("u", [
      "CREATE TEMPORARY TABLE tmp (id INT PRIMARY KEY, x VARCHAR(10))",
      "INSERT INTO tmp VALUES (1,'a'),(2,'b')",
      "SELECT tmp.x, p.name FROM tmp JOIN p USING (id) ORDER BY id",
      "b> SELECT * FROM tmp",
      "a> CREATE TEMPORARY TABLE p (id INT PRIMARY KEY, z INT)",
      "SELECT * FROM p",
      "INSERT INTO p VALUES (5, 6)",
      "SELECT p.*, z FROM p",
      "b> SELECT id FROM p ORDER BY id",
      "a> DESCRIBE p",
      "BEGIN",
      "INSERT INTO tmp VALUES (3,'c')",
      "ROLLBACK",
      "SELECT COUNT(*) FROM tmp",
      "ALTER TABLE tmp ADD y INT, RENAME TO tmp2",
      "SELECT * FROM tmp2 ORDER BY id",
      "TRUNCATE TABLE tmp2",
      "SELECT COUNT(*) FROM tmp2",
      "DROP TABLE tmp2",
      "SELECT * FROM tmp2",
      "DROP TEMPORARY TABLE p",
      "SELECT id FROM p ORDER BY id",
      "CREATE TEMPORARY TABLE copy SELECT id, name FROM p",
      "SELECT * FROM copy ORDER BY id",
      "CREATE TEMPORARY TABLE copy (id INT)",
      "CREATE TEMPORARY TABLE IF NOT EXISTS copy (id INT)",
      "CREATE OR REPLACE TEMPORARY TABLE copy (w INT)",
      "SELECT * FROM copy",
      "SELECT c.name FROM s.c WHERE c.id IN (SELECT w FROM copy)",
      "DROP TEMPORARY TABLE IF EXISTS copy, nosuch",
      "SHOW WARNINGS",
      "DROP TEMPORARY TABLE nosuch",
    ]);
  });

  test("are made on the one shard that USE names", async () => {
    const client = own(await TwinClient.connect(twins.cluster.port));
    await client.query("USE `s:-80`");
    expect(await client.query("CREATE TEMPORARY TABLE t (id INT)")).toMatchObject({ kind: "ok" });
    expect(await client.query("SELECT * FROM t")).toMatchObject({ kind: "rows", rows: [] });
    client.close();
  });

  test.each(["CREATE TEMPORARY TABLE p (id INT)", "SELECT GET_LOCK('lost', 0)", "LOCK TABLES p READ"])(
    "a session that loses what %s left ends",
    async (sql) => {
      const client = own(await TwinClient.connect(twins.cluster.port));
      await client.query("USE u");
      expect((await client.query(sql)).kind).not.toBe("error");
      const held = await connectionOf(client);
      const shard = own(await TwinClient.connect(portOfU()));
      await shard.query(`KILL ${held}`);
      shard.close();
      expect(await client.query("SELECT id FROM p")).toMatchObject({ kind: "error", sqlState: "08S01" });
      await expect(client.query("SELECT id FROM p")).rejects.toThrow();
      client.close();
    },
  );
});

describe("a connection that was held", () => {
  test.each([
    ["CREATE TEMPORARY TABLE back (id INT)", "DROP TEMPORARY TABLE back"],
    ["SELECT GET_LOCK('back', 0), GET_LOCK('back', 0)", "SELECT RELEASE_LOCK('back'), RELEASE_LOCK('back')"],
    ["LOCK TABLES p READ", "UNLOCK TABLES"],
    ["FLUSH TABLES WITH READ LOCK", "UNLOCK TABLES"],
  ])("by %s goes back with %s", async (make, end) => {
    const client = own(await TwinClient.connect(twins.cluster.port));
    await client.query("USE u");
    expect((await client.query(make)).kind).not.toBe("error");
    const held = await connectionOf(client);
    expect(await connectionOf(client)).toBe(held);
    expect((await client.query(end)).kind).not.toBe("error");
    // Held connections are of a pool of their own.
    expect(await connectionOf(client)).not.toBe(held);
    client.close();
  });
});

describe("locks", () => {
  test.each(["u", "s"])("GET_LOCK() and its like in keyspace %s", async (keyspace) => {
    await inTurn(keyspace, [
      "SELECT GET_LOCK('a', 0)",
      "b> SELECT GET_LOCK('a', 0), GET_LOCK('b', 0), IS_FREE_LOCK('a'), IS_FREE_LOCK('b'), IS_FREE_LOCK('c')",
      "b> SELECT IS_USED_LOCK('b') = CONNECTION_ID(), IS_USED_LOCK('nobody')",
      "b> SELECT GET_LOCK('a', 0.2)",
      "a> SELECT RELEASE_LOCK('b'), RELEASE_LOCK('nosuch'), RELEASE_LOCK(NULL)",
      "a> SELECT GET_LOCK('a', 0), RELEASE_LOCK('a')",
      "b> SELECT GET_LOCK('a', 0)",
      "a> SELECT RELEASE_LOCK('a')",
      "b> SELECT GET_LOCK('A', 0)",
      "b> SELECT RELEASE_ALL_LOCKS()",
      "a> SELECT IS_FREE_LOCK('a'), IS_FREE_LOCK('b')",
      "a> SELECT GET_LOCK(NULL, 0)",
      "a> DO GET_LOCK('d', 1), RELEASE_LOCK('d')",
      "a> SET @l = GET_LOCK('v', 0)",
      "a> SELECT @l, RELEASE_LOCK('v')",
      "a> BEGIN",
      "a> SELECT GET_LOCK('in', 0)",
      "a> ROLLBACK",
      "b> SELECT IS_FREE_LOCK('in')",
    ]);
  });

  test("LOCK TABLES and FLUSH TABLES WITH READ LOCK keep others out", async () => {
    await inTurn("u", [
      "b> SET lock_wait_timeout = 1",
      "a> FLUSH TABLES WITH READ LOCK",
      "a> SELECT COUNT(*) FROM p",
      "b> UPDATE p SET note = 'x' WHERE id = 1",
      "a> UPDATE p SET note = 'x' WHERE id = 1",
      "a> START TRANSACTION WITH CONSISTENT SNAPSHOT",
      "a> UNLOCK TABLES",
      "b> UPDATE p SET note = 'x' WHERE id = 1",
      "a> SELECT note FROM p WHERE id = 1",
      "a> COMMIT",
      "a> SELECT note FROM p WHERE id = 1",
      "a> LOCK TABLES p READ",
      "a> INSERT INTO p (id) VALUES (50)",
      "b> UPDATE p SET note = 'y' WHERE id = 1",
      "a> BEGIN",
      "b> UPDATE p SET note = 'y' WHERE id = 1",
      "a> COMMIT",
      "a> LOCK TABLES p WRITE",
      "b> SELECT COUNT(*) FROM p",
      "a> UNLOCK TABLES",
      "b> SELECT COUNT(*) FROM p",
    ]);
    await inTurn("s", [
      "b> SET lock_wait_timeout = 1",
      "a> FLUSH TABLES WITH READ LOCK",
      "a> SELECT COUNT(*) FROM c",
      "b> UPDATE c SET n = n WHERE id = 1",
      "b> UPDATE c SET n = n WHERE id = 4",
      "a> UPDATE c SET n = n WHERE id = 4",
      "a> UNLOCK TABLES",
      "b> UPDATE c SET n = n WHERE id = 4",
      "a> FLUSH TABLES c WITH READ LOCK",
      "a> SELECT COUNT(*) FROM c",
      "b> UPDATE c SET n = n WHERE id = 1",
      "a> UNLOCK TABLES",
      "b> UPDATE c SET n = n WHERE id = 1",
    ]);
  });
});

describe("what is said of tables and servers", () => {
  test.each([
    ["u", "p"],
    ["s", "c"],
  ])("in keyspace %s", async (keyspace, table) => {
    await inTurn(keyspace, [
      `CHECKSUM TABLE ${table}`,
      `CHECKSUM TABLE ${table}, nosuch`,
      `CHECK TABLE ${table}, nosuch`,
      `ANALYZE TABLE ${table}`,
      `OPTIMIZE TABLE ${table}`,
      `REPAIR TABLE ${table}`,
      `FLUSH TABLES ${table}`,
      "FLUSH TABLES",
      "FLUSH STATUS",
      "FLUSH PRIVILEGES",
      "RESET QUERY CACHE",
      "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'boom', MYSQL_ERRNO = 5000",
      "SHOW ERRORS",
      "SIGNAL SQLSTATE '01000' SET MESSAGE_TEXT = 'warn', MYSQL_ERRNO = 1642",
      "SHOW WARNINGS",
      "RESIGNAL",
      "SET ROLE NONE",
      "SET ROLE nosuch",
    ]);
  });

  test("what is of one server or of accounts is refused by name", async () => {
    const client = own(await TwinClient.connect(twins.cluster.port));
    await client.query("USE u");
    for (const sql of [
      "SET PASSWORD = PASSWORD('x')",
      "SET DEFAULT ROLE NONE",
      "RESET MASTER",
      "SHUTDOWN",
      "CREATE USER x",
      "GRANT SELECT ON *.* TO x",
      "INSTALL SONAME 'x'",
      "START SLAVE",
      "PURGE BINARY LOGS BEFORE NOW()",
    ]) {
      expect(await client.query(sql), sql).toMatchObject({ kind: "error", errno: 1235 });
    }
    for (const sql of [
      "SET PASSWORD = 'x'",
      "ALTER USER x IDENTIFIED BY 'y'",
      "DROP USER x",
      "REVOKE ALL ON *.* FROM x",
    ]) {
      const message = expect.stringContaining("users file") as string;
      expect(await client.query(sql), sql).toMatchObject({ errno: 1235, message });
    }
    client.close();
  });
});

/** What drivers, ORMs, dumpers and people's tools ask after they have connected, and what they look at later. */
const ASKED_BY_TOOLS = [
  "SELECT CAST('x' AS SIGNED), CAST('y' AS SIGNED)",
  "SHOW WARNINGS",
  "SHOW WARNINGS LIMIT 1",
  "SHOW WARNINGS LIMIT 1, 1",
  "SHOW COUNT(*) WARNINGS",
  "SHOW ERRORS",
  "SHOW COUNT(*) ERRORS",
  "SELECT @@warning_count, @@error_count",
  "SELECT @@warning_count",
  "SELECT nosuch",
  "SHOW ERRORS",
  "SHOW COUNT(*) ERRORS",
  "SELECT @@error_count",
  "SHOW WARNINGS",
  "SHOW ENGINES",
  "SHOW CHARACTER SET",
  "SHOW CHARACTER SET LIKE 'utf8%'",
  "SHOW CHARSET WHERE Charset = 'latin1'",
  "SHOW COLLATION LIKE 'latin1%'",
  "SHOW COLLATION WHERE `Default` = 'Yes' AND Charset LIKE 'u%'",
  "SHOW PRIVILEGES",
  "SHOW STORAGE ENGINES",
  "SHOW VARIABLES LIKE 'sql_mode'",
  "SHOW SESSION VARIABLES LIKE 'auto%commit'",
  "SHOW GLOBAL VARIABLES LIKE 'autocommit'",
  "SHOW VARIABLES WHERE Variable_name IN ('autocommit','lower_case_table_names')",
  "SHOW VARIABLES WHERE Variable_name LIKE 'char%' AND Value LIKE 'utf8%'",
  "SHOW STATUS LIKE 'Ssl_cipher'",
  "SHOW SESSION STATUS LIKE 'Ssl_version'",
  "SHOW GLOBAL STATUS LIKE 'nosuch%'",
  "SHOW TABLES LIKE 'p'",
  "SHOW FULL TABLES LIKE 'p'",
  "SHOW FULL TABLES WHERE Table_type = 'BASE TABLE' AND Tables_in_u = 'p'",
  "SHOW COLUMNS FROM p",
  "SHOW FULL COLUMNS FROM p LIKE 'i%'",
  "SHOW FIELDS FROM p",
  "DESC p",
  "DESCRIBE p id",
  "EXPLAIN p",
  "SHOW INDEX FROM p",
  "SHOW KEYS FROM p WHERE Key_name = 'PRIMARY'",
  "SHOW TRIGGERS",
  "SHOW EVENTS",
  "SHOW PROCEDURE STATUS WHERE Db = 'u'",
  "SHOW OPEN TABLES LIKE 'zz'",
  "SHOW CREATE DATABASE nosuch",
  "SHOW CREATE TABLE nosuch",
  "SHOW CREATE VIEW p",
  "SHOW CREATE PROCEDURE nosuch",
  "SHOW CREATE FUNCTION nosuch",
  "SHOW CREATE TRIGGER nosuch",
  "SHOW CREATE EVENT nosuch",
  "SHOW PROFILES",
  "SHOW GRANTS FOR nosuch",
  "SHOW FULL FIELDS FROM `p` FROM `u`",
  "SHOW INDEXES FROM `p` IN `u`",
  "SHOW TABLE STATUS LIKE 'nosuch'",
  "SHOW MASTER STATUS",
  "SHOW BINARY LOGS",
  "SHOW SLAVE STATUS",
  "SHOW ALL SLAVES STATUS",
  "SHOW SLAVE HOSTS",
  "SHOW PLUGINS SONAME 'x'",
  "SHOW AUTHORS",
  "SHOW CONTRIBUTORS",
  "SHOW USER_STATISTICS",
  "SHOW TABLE_STATISTICS",
  "SHOW INDEX_STATISTICS",
  "SHOW CLIENT_STATISTICS",
  "SHOW QUERY_RESPONSE_TIME",
  "SHOW EXPLAIN FOR 1",
  "SHOW LOCALES",
  "SHOW PACKAGE STATUS",
  "SHOW nosuch",
  "SELECT @@session.auto_increment_increment AS auto_increment_increment, @@character_set_client AS character_set_client, @@character_set_connection AS character_set_connection, @@character_set_results AS character_set_results, @@character_set_server AS character_set_server, @@collation_server AS collation_server, @@collation_connection AS collation_connection, @@init_connect AS init_connect, @@interactive_timeout AS interactive_timeout, @@license AS license, @@lower_case_table_names AS lower_case_table_names, @@max_allowed_packet > 0 AS max_allowed_packet, @@net_write_timeout AS net_write_timeout, @@performance_schema AS performance_schema, @@sql_mode AS sql_mode, @@system_time_zone AS system_time_zone, @@time_zone AS time_zone, @@wait_timeout AS wait_timeout",
  "select @@max_allowed_packet > 0,@@system_time_zone,@@time_zone,@@auto_increment_increment,@@tx_isolation AS tx_isolation",
  "set autocommit=1, session_track_schema=1, sql_mode = concat(@@sql_mode,',STRICT_TRANS_TABLES')",
  "SET sql_mode='STRICT_TRANS_TABLES'",
  "SELECT @@session.tx_read_only",
  "SELECT @@session.autocommit",
  "SET NAMES utf8mb4, character_set_results = NULL",
  "SET character_set_results = utf8mb4, autocommit=1, net_write_timeout=600",
  "SET SQL_QUOTE_SHOW_CREATE=1, FOREIGN_KEY_CHECKS=0, UNIQUE_CHECKS=0",
  "/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */",
  "/*!40014 SET @OLD_UNIQUE_CHECKS=@@UNIQUE_CHECKS, UNIQUE_CHECKS=0 */",
  "/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */",
  "/*!40111 SET @OLD_SQL_NOTES=@@SQL_NOTES, SQL_NOTES=0 */",
  "/*M!100616 SET @OLD_NOTE_VERBOSITY=@@NOTE_VERBOSITY, NOTE_VERBOSITY=0 */",
  "SET SQL_MODE=@OLD_SQL_MODE",
  "SET UNIQUE_CHECKS=@OLD_UNIQUE_CHECKS",
  "SELECT DATABASE(), USER() IS NOT NULL, @@version_compile_os IS NOT NULL, @@hostname IS NOT NULL, @@port > 0",
  "SELECT @@GLOBAL.max_connections > 0, @@global.read_only",
  "SELECT @@SESSION.sql_safe_updates, @@lower_case_file_system",
  "SELECT current_role()",
  "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = 'u'",
  "SELECT COUNT(*) FROM information_schema.ENGINES WHERE SUPPORT = 'DEFAULT'",
  "SELECT GRANTEE FROM information_schema.USER_PRIVILEGES WHERE 1 = 0",
  "SELECT @@have_ssl IS NOT NULL, @@have_profiling, @@storage_engine",
  "SELECT CHARACTER_SET_NAME FROM information_schema.CHARACTER_SETS WHERE CHARACTER_SET_NAME LIKE 'utf8%' ORDER BY 1",
  "SELECT plugin_name FROM information_schema.plugins WHERE plugin_name = 'InnoDB'",
  "SELECT * FROM information_schema.SESSION_VARIABLES WHERE VARIABLE_NAME = 'AUTOCOMMIT'",
  "SET autocommit = 0, wait_timeout = 99, sql_select_limit = 3",
  "SELECT * FROM information_schema.SESSION_VARIABLES WHERE VARIABLE_NAME IN ('autocommit', 'wait_timeout') ORDER BY 1",
  "SELECT VARIABLE_NAME, SESSION_VALUE FROM information_schema.SYSTEM_VARIABLES WHERE VARIABLE_NAME = 'SQL_SELECT_LIMIT'",
  "SET autocommit = 1, sql_select_limit = DEFAULT",
  "SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_VARIABLES WHERE VARIABLE_NAME = 'AUTOCOMMIT'",
  "SELECT * FROM information_schema.SYSTEM_VARIABLES WHERE VARIABLE_NAME = 'TX_ISOLATION'",
];

test.each(["u", "s"])("what tools ask, in keyspace %s", async (keyspace) => {
  const table = keyspace === "u" ? "p" : "x";
  pair = own(await Pair.open(twins, keyspace));
  const wrong: string[] = [];
  for (const asked of ASKED_BY_TOOLS) {
    const sql = asked
      .replaceAll(/\bp\b/g, table)
      .replaceAll("`u`", `\`${keyspace}\``)
      .replaceAll("'u'", `'${keyspace}'`)
      .replaceAll("Tables_in_u", `Tables_in_${keyspace}`);
    const [got, wanted] = await pair.both(sql);
    // One of several servers would mislead.
    if (keyspace === "s" && got.kind === "error" && got.errno === 1235 && got.message.includes("servers")) continue;
    const [a, b] = [JSON.stringify(gist(got, sql)), JSON.stringify(gist(wanted, sql))];
    if (a !== b) wrong.push(`${sql}\n   ${a}\n   ${b}`);
  }
  pair.close();
  expect(wrong.join("\n")).toBe("");
});

describe("GET DIAGNOSTICS", () => {
  const STATEMENTS = [
    "SELECT nosuch FROM c",
    "GET DIAGNOSTICS @n = NUMBER, @r = ROW_COUNT",
    "GET DIAGNOSTICS CONDITION 1 @s = RETURNED_SQLSTATE, @e = MYSQL_ERRNO, @m = MESSAGE_TEXT, @t = TABLE_NAME",
    "SHOW WARNINGS",
    "GET CURRENT DIAGNOSTICS CONDITION 2 @x = MESSAGE_TEXT",
    "SHOW WARNINGS",
    "SELECT @n, @r, @s, @e, @m, @t, @x, COLLATION(@s), COLLATION(@m)",
    "INSERT INTO c (id, name) VALUES (901, 'a'), (902, 'b')",
    "GET DIAGNOSTICS @n = NUMBER, @r = ROW_COUNT",
    "SELECT @n, @r, ROW_COUNT()",
    "INSERT INTO c (id, name) VALUES (901, 'a')",
    "GET DIAGNOSTICS CONDITION 1 @s = RETURNED_SQLSTATE, @e = MYSQL_ERRNO, @m = MESSAGE_TEXT",
    "SELECT @s, @e, @m",
    "SELECT 1 / 0, CAST('x' AS SIGNED)",
    "SET @i = 1",
    "SELECT CAST('x' AS SIGNED)",
    "GET DIAGNOSTICS CONDITION @i @s = RETURNED_SQLSTATE, @e = MYSQL_ERRNO, @m = MESSAGE_TEXT, @c = CLASS_ORIGIN",
    "SELECT @s, @e, @m, @c",
    "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'hello', MYSQL_ERRNO = 5000",
    "GET DIAGNOSTICS CONDITION '1' @s = RETURNED_SQLSTATE, @e = MYSQL_ERRNO, @m = MESSAGE_TEXT",
    "SELECT @s, @e, @m",
    "SIGNAL SQLSTATE '01000' SET MESSAGE_TEXT = 'mind'",
    "SHOW WARNINGS",
    "RESIGNAL",
    "GET DIAGNOSTICS CONDITION 0 @x = MESSAGE_TEXT",
    "GET DIAGNOSTICS CONDITION NULL @x = MESSAGE_TEXT",
    "SELECT @x",
    "GET DIAGNOSTICS CONDITION 1 x = MESSAGE_TEXT",
    "GET DIAGNOSTICS x = NUMBER",
    "GET DIAGNOSTICS @x = MESSAGE_TEXT",
    "GET DIAGNOSTICS CONDITION 1 @x = NUMBER",
    "GET STACKED DIAGNOSTICS @x = NUMBER",
    "DELETE FROM c WHERE id > 900",
    "GET DIAGNOSTICS @r = ROW_COUNT",
    "SELECT @r",
  ];

  for (const keyspace of ["u", "s"]) {
    test(`as one server answers it, in keyspace ${keyspace}`, async () => {
      pair = own(await Pair.open(twins, keyspace));
      if (keyspace === "u") await alike("CREATE TABLE c (id INT PRIMARY KEY, name VARCHAR(20))");
      for (const sql of STATEMENTS) await alike(sql);
      if (keyspace === "u") await alike("DROP TABLE c");
      expect(await pair.gateway.query("SIGNAL SQLSTATE '45000' SET TABLE_NAME = 't'")).toMatchObject({ errno: 1644 });
      const item = await pair.gateway.query("GET DIAGNOSTICS CONDITION 1 @t = TABLE_NAME");
      expect(item).toMatchObject({ kind: "error", errno: 1235 });
      pair.close();
    });
  }
});

// Last: the plain server remembers that they have been set.
describe("global variables", () => {
  /** Each pair of connections is a new one; what has been set is taken back at the end. */
  const GLOBALS: readonly (readonly [keyspace: "u" | "s", ...sql: readonly string[]])[] = [
    [
      "u",
      "SET GLOBAL sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT'",
      "SELECT @@global.sql_mode, @@GLOBAL.Sql_Mode, @@sql_mode",
      "SHOW GLOBAL VARIABLES LIKE 'sql_mode'",
      "SELECT * FROM information_schema.GLOBAL_VARIABLES WHERE variable_name = 'SQL_MODE'",
      "SELECT SESSION_VALUE, GLOBAL_VALUE, GLOBAL_VALUE_ORIGIN FROM information_schema.SYSTEM_VARIABLES WHERE VARIABLE_NAME = 'sql_mode'",
      "SET @@global.wait_timeout = 100, GLOBAL interactive_timeout = 200, @@global.autocommit = 0, SESSION wait_timeout = 5",
      "SELECT @@global.wait_timeout, @@wait_timeout, @@global.autocommit, @@autocommit, @@global.wait_timeout + 1",
      "SET GLOBAL time_zone = '+05:30', GLOBAL max_statement_time = 30.5, GLOBAL foreign_key_checks = OFF",
      "SELECT @@global.time_zone, @@time_zone, @@global.max_statement_time, @@global.foreign_key_checks",
      "SET GLOBAL TRANSACTION ISOLATION LEVEL SERIALIZABLE",
      "SELECT @@global.tx_isolation, @@tx_isolation",
      "SET GLOBAL character_set_server = latin1",
      "SELECT @@global.character_set_server, @@global.collation_server, @@character_set_server",
      "SET GLOBAL character_set_client = latin2",
      "SET NAMES DEFAULT",
      "SELECT @@character_set_client, @@collation_connection, @@character_set_results",
      "SET NAMES utf8mb4",
      "SET GLOBAL character_set_client = DEFAULT",
      "SET GLOBAL max_allowed_packet = 100000",
      "SHOW WARNINGS",
      "SET GLOBAL optimizer_switch = 'index_merge=off'",
      "SET GLOBAL max_prepared_stmt_count = 1",
      "SELECT @@max_prepared_stmt_count, @@global.max_prepared_stmt_count",
      "SHOW VARIABLES LIKE 'max_prepared_stmt_count'",
      "PREPARE first FROM 'SELECT 1'",
      "PREPARE second FROM 'SELECT 2'",
      "DEALLOCATE PREPARE first",
      "PREPARE second FROM 'SELECT 2'",
      "EXECUTE second",
      "SET GLOBAL max_prepared_stmt_count = -1",
      "SHOW WARNINGS",
      "SET GLOBAL max_prepared_stmt_count = 1.5",
      "SET SESSION max_prepared_stmt_count = 5",
      "SET GLOBAL max_prepared_stmt_count = DEFAULT",
      "SELECT @@max_prepared_stmt_count",
      "SET GLOBAL sql_select_limit = 2, GLOBAL lc_time_names = 'de_DE', GLOBAL div_precision_increment = @@global.div_precision_increment + 1",
    ],
    [
      "s",
      "SELECT @@sql_mode, @@wait_timeout, @@autocommit, @@time_zone, @@max_statement_time, @@foreign_key_checks",
      "SELECT @@tx_isolation, @@character_set_server, @@collation_server, @@max_allowed_packet, 1 / 3",
      'SELECT "name" || 1 AS x FROM "c" ORDER BY id',
      "ROLLBACK",
      "SELECT MONTHNAME('2024-03-05'), @@optimizer_switch LIKE '%index_merge=off%', FROM_UNIXTIME(0)",
      "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('autocommit', 'wait_timeout', 'collation_server', 'sql_select_limit')",
      "SET sql_mode = '', wait_timeout = 7, time_zone = '+00:00', autocommit = 1",
      "SET sql_mode = DEFAULT, wait_timeout = DEFAULT, time_zone = DEFAULT, autocommit = DEFAULT",
      "SELECT @@sql_mode, @@wait_timeout, @@time_zone, @@autocommit",
      "SET @old = @@global.general_log",
      "SET GLOBAL general_log = @old",
      "SET GLOBAL general_log = 'OFF'",
      "SET GLOBAL general_log = DEFAULT",
      "SET GLOBAL max_connections = @@global.max_connections",
      "SET GLOBAL max_join_size = 1000",
      "SELECT @@global.max_join_size, @@max_join_size",
      "SET GLOBAL max_join_size = DEFAULT",
      "SET GLOBAL timestamp = 5",
      "SET GLOBAL nosuch = 5",
      "SET GLOBAL wait_timeout = 'x'",
      "SET GLOBAL wait_timeout = -5",
      "SHOW WARNINGS",
      "SET GLOBAL time_zone = 'nowhere'",
      "SET GLOBAL wait_timeout = 9, GLOBAL nosuch = 1",
      "SELECT @@global.wait_timeout",
      "SET GLOBAL version = 'x'",
      "SELECT @@global.timestamp",
    ],
    [
      "u",
      "SET GLOBAL sql_mode = DEFAULT, GLOBAL wait_timeout = DEFAULT, GLOBAL interactive_timeout = DEFAULT, GLOBAL autocommit = DEFAULT",
      "SET GLOBAL time_zone = DEFAULT, GLOBAL max_statement_time = DEFAULT, GLOBAL foreign_key_checks = DEFAULT",
      "SET GLOBAL tx_isolation = DEFAULT, GLOBAL optimizer_switch = DEFAULT, GLOBAL max_allowed_packet = DEFAULT",
      "SET GLOBAL sql_select_limit = DEFAULT, GLOBAL lc_time_names = DEFAULT, GLOBAL div_precision_increment = DEFAULT",
      "SET GLOBAL character_set_server = utf8mb4",
    ],
    ["u", "SELECT @@sql_mode, @@wait_timeout, @@autocommit, @@time_zone, @@tx_isolation, @@sql_select_limit, 1 / 3"],
  ];

  test("of all sessions begin new ones, on every gateway, and leave those alone that there are", async () => {
    const before = own(await Pair.open(twins, "u"));
    for (const [keyspace, ...statements] of GLOBALS) {
      pair = own(await Pair.open(twins, keyspace));
      for (const sql of statements) await alike(sql);
      pair.close();
    }
    pair = before;
    await alike("SELECT @@sql_mode, @@autocommit, @@time_zone, 1 / 3");
    await before.gateway.query("SET GLOBAL character_set_server = DEFAULT, GLOBAL time_zone = '+01:00'");
    const told = own(await TwinClient.connect(twins.cluster.port));
    expect(await told.rows("SELECT @@time_zone")).toEqual(["+01:00"]);
    await before.gateway.command(COM.RESET_CONNECTION);
    expect(await before.gateway.rows("SELECT @@time_zone")).toEqual(["+01:00"]);
    await told.query("SET GLOBAL time_zone = DEFAULT");
    told.close();
    before.close();
  });

  test("a login is told the status flags that its session begins with", async () => {
    const ports = [twins.cluster.port, twins.plain.port];
    const flags = (): Promise<readonly number[]> =>
      Promise.all(
        ports.map(async (port) => {
          const client = await RawClient.login({ target: { host: "127.0.0.1", port }, user: "root" });
          client.close();
          return decodeOk(client.loginOk, 0).statusFlags;
        }),
      );
    pair = own(await Pair.open(twins, "u"));
    expect(await flags()).toEqual([SERVER.STATUS_AUTOCOMMIT, SERVER.STATUS_AUTOCOMMIT]);
    await alike("SET GLOBAL autocommit = 0, GLOBAL sql_mode = 'NO_BACKSLASH_ESCAPES'");
    expect(await flags()).toEqual([SERVER.STATUS_NO_BACKSLASH_ESCAPES, SERVER.STATUS_NO_BACKSLASH_ESCAPES]);
    await alike("SET GLOBAL autocommit = DEFAULT, GLOBAL sql_mode = DEFAULT");
    pair.close();
  });

  test("a larger packet than the global one is refused to new sessions", async () => {
    const old = own(await TwinClient.connect(twins.cluster.port));
    await old.query("SET GLOBAL max_allowed_packet = 16384");
    const client = own(await TwinClient.connect(twins.cluster.port));
    const sql = `SELECT LENGTH('${"x".repeat(20_000)}')`;
    expect(await client.query(sql)).toMatchObject({ kind: "error", errno: 1153 });
    expect(await old.rows(sql)).toEqual(["20000"]);
    await old.query("SET GLOBAL max_allowed_packet = DEFAULT");
    old.close();
    client.close();
  });
});
