// SHOW, DESCRIBE and EXPLAIN beside one MariaDB, over an unsharded and a sharded keyspace: the forms that drivers, ORMs and
// tools send, with MariaDB's columns; what is the cluster's own (its keyspaces, shards, tablets, clients) as Vitess shows it;
// and mysqldump, the client and mysqlshow themselves.

import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { COM } from "../../src/mysql/constants.ts";
import { sharedFolder } from "../fixture/planner-corpus.ts";
import { RawClient } from "../wire/raw-client.ts";
import { type Outcome, Pair, shown, startTwins, TwinClient, type Twins } from "./twin.ts";

const run = promisify(execFile);

let twins: Twins;
let pair: Pair;

beforeAll(async () => {
  twins = await startTwins();
  pair = await Pair.open(twins, "s");
  for (const sql of SETUP) for (const outcome of await pair.both(sql)) expect(outcome.kind, sql).toBe("ok");
});
afterAll(async () => {
  pair?.close();
  await twins?.stop();
});
beforeEach(async () => {
  await pair.same("USE s");
});

const SETUP = [
  "USE u",
  "CREATE PROCEDURE twice (IN a INT, OUT b INT) COMMENT 'doubles' SET b = a * 2",
  "CREATE FUNCTION five () RETURNS INT DETERMINISTIC RETURN 5",
  "CREATE TRIGGER before_p BEFORE INSERT ON p FOR EACH ROW SET NEW.note = 'new'",
  "USE s",
  "CREATE VIEW seen AS SELECT name, n FROM c",
  "INSERT INTO c (id, name, n) VALUES (1,'a',1),(2,'b',2),(3,'c',3),(4,'d',NULL),(5,'e',5)",
  "INSERT INTO o (oid, cid, total) VALUES (1,1,10.5),(2,1,2.25),(3,2,1),(4,4,7)",
];

/** Each counts as something else. */
const COUNTED = [
  "SELECT 1",
  "SELECT 1 UNION SELECT 2",
  "SELECT * FROM r",
  "SELEC",
  "DELETE FROM x WHERE k = 1",
  "UPDATE x SET v = 'b' WHERE k = 1",
  "BEGIN",
  "SAVEPOINT a",
  "ROLLBACK TO a",
  "COMMIT",
  "START TRANSACTION",
  "ROLLBACK",
  "SET @a = 1, @b = 2",
  "SET NAMES utf8mb4",
  "SET @a = (SELECT MAX(id) FROM r)",
  "USE s",
  "SHOW TABLES",
  "SHOW VARIABLES LIKE 'x'",
  "SHOW STATUS LIKE 'x'",
  "SHOW WARNINGS",
  "SHOW COUNT(*) ERRORS",
  "SHOW CREATE TABLE r",
  "SHOW DATABASES",
  "DESCRIBE r",
  "SHOW INDEX FROM r",
  "SHOW ENGINES",
  "SHOW COLLATION LIKE 'x'",
  "SHOW GRANTS",
  "SHOW PROCESSLIST",
  "CREATE VIEW counted AS SELECT 1 AS one",
  "DROP VIEW counted",
  "PREPARE p FROM 'SELECT 1'",
  "EXECUTE p",
  "DEALLOCATE PREPARE p",
  "EXECUTE IMMEDIATE 'SELECT 2'",
  "EXPLAIN SELECT * FROM r",
  "DO 1",
  "LOCK TABLES r READ",
  "UNLOCK TABLES",
  "CHECK TABLE r",
  "CHECKSUM TABLE r",
  "FLUSH TABLES",
  "GET DIAGNOSTICS @n = NUMBER",
  "SIGNAL SQLSTATE '45000'",
];

/** The same in every respect; the plain server's AUTO_INCREMENT columns are not among them. */
const SAME = [
  "SHOW TABLES",
  "SHOW FULL TABLES",
  "SHOW TABLES LIKE 'c%'",
  "SHOW TABLES FROM u LIKE 'p%'",
  "SHOW FULL TABLES FROM s WHERE Table_type = 'VIEW'",
  "SHOW FULL TABLES WHERE Tables_in_s LIKE '_'",
  "SHOW TABLES FROM nosuch",
  "SHOW TABLES FROM information_schema LIKE 'TAB%'",
  "SHOW TABLES FROM performance_schema LIKE 'users'",
  "SHOW TABLES FROM mysql LIKE 'proc%'",
  "SHOW TABLE STATUS LIKE 'nosuch'",
  "SHOW TABLE STATUS FROM s WHERE `Rows` > 1000",
  "SHOW TABLE STATUS FROM s WHERE nosuch = 1",
  "SHOW COLUMNS FROM r",
  "SHOW FULL COLUMNS FROM i FROM s LIKE 'c%'",
  "SHOW FIELDS FROM s.m WHERE Field = 'room'",
  "SHOW FULL FIELDS FROM `x`",
  "SHOW COLUMNS FROM seen",
  "SHOW COLUMNS FROM nosuch",
  "SHOW COLUMNS FROM nosuch.t",
  "SHOW COLUMNS FROM information_schema.tables LIKE 'TABLE_N%'",
  "SHOW INDEX FROM x",
  "SHOW KEYS FROM s.r WHERE Key_name = 'PRIMARY'",
  "SHOW INDEXES IN nosuch",
  "SHOW CREATE TABLE i",
  "SHOW CREATE TABLE s.r",
  "SHOW CREATE TABLE u.p",
  "SHOW CREATE TABLE nosuch",
  "SHOW CREATE TABLE nosuch.t",
  "SHOW CREATE TABLE information_schema.schemata",
  "SHOW CREATE DATABASE s",
  "SHOW CREATE DATABASE IF NOT EXISTS u",
  "SHOW CREATE SCHEMA nosuch",
  "SHOW CREATE DATABASE mysql",
  "SHOW CREATE VIEW nosuch",
  "SHOW CREATE PROCEDURE nosuch",
  "SHOW CREATE FUNCTION u.nosuch",
  "SHOW CREATE TRIGGER nosuch",
  "SHOW TRIGGERS",
  "SHOW TRIGGERS FROM u LIKE 'nosuch'",
  "SHOW EVENTS",
  "SHOW PROCEDURE STATUS WHERE Db = 's'",
  "SHOW FUNCTION STATUS LIKE 'nosuch%'",
  "SHOW CHARSET LIKE 'utf8%'",
  "SHOW CHARACTER SET WHERE Charset = 'ascii'",
  "SHOW COLLATION LIKE 'utf8mb4_b%'",
  "SHOW COLLATION WHERE Charset = 'ascii'",
  "SHOW ENGINES",
  "SHOW STORAGE ENGINES",
  "SHOW PLUGINS",
  "SHOW PRIVILEGES",
  "SHOW VARIABLES LIKE 'sql_mode'",
  "SHOW VARIABLES WHERE Variable_name = 'autocommit'",
  "SHOW VARIABLES WHERE Variable_name = 'autocommit' AND Value = 'ON'",
  "SHOW VARIABLES WHERE Variable_name IN ('autocommit', 'tx_isolation') AND Value = 'OFF'",
  "SHOW GLOBAL VARIABLES LIKE 'autocommit'",
  "SHOW SESSION VARIABLES LIKE 'character_set_client'",
  "SHOW STATUS LIKE 'Ssl_cipher'",
  "SHOW STATUS LIKE 'nosuch'",
  "SHOW WARNINGS",
  "SHOW ERRORS",
  "SHOW COUNT(*) WARNINGS",
  "SHOW OPEN TABLES LIKE 'nosuch'",
  "SHOW OPEN TABLES FROM s LIKE 'nosuch'",
  "SHOW PROFILES",
  "SHOW DATABASES LIKE 'u'",
  "SHOW SCHEMAS LIKE 'nosuch%'",
  "SHOW DATABASES WHERE `Database` IN ('s', 'u')",
  "SHOW DATABASES WHERE nosuch = 1",
  "SHOW GRANTS FOR 'nobody'@'%'",
  "DESCRIBE r",
  "DESC s.m room",
  "DESC x 'k%'",
  "DESC nosuch",
  "DESC nosuch.t",
  "DESC seen",
  "DESC information_schema.tables",
  "EXPLAIN r",
  "USE information_schema",
  "SHOW TABLES LIKE 'TAB%'",
  "SHOW FULL COLUMNS FROM tables LIKE 'TABLE_N%'",
  "SHOW CREATE TABLE schemata",
  "DESC schemata",
  "SHOW KEYS FROM tables",
  "USE u",
  "SHOW TRIGGERS LIKE 'nosuch'",
  "SHOW COLUMNS FROM p",
  "SHOW INDEX FROM p",
  "SHOW TABLES FROM s LIKE 'c'",
  "SHOW CREATE TABLE s.m",
];

/** Of a sharded table as one shard sees it: the same columns, and as many rows where each table is one. */
const EXPLAINED = [
  "EXPLAIN SELECT * FROM c WHERE id = 1",
  "EXPLAIN SELECT * FROM c",
  "EXPLAIN EXTENDED SELECT * FROM c JOIN o ON o.cid = c.id",
  "EXPLAIN PARTITIONS SELECT * FROM c",
  "EXPLAIN FORMAT=JSON SELECT n, COUNT(*) FROM c GROUP BY n",
  "EXPLAIN SELECT id FROM c UNION ALL SELECT oid FROM o",
  "EXPLAIN SELECT * FROM seen",
  "EXPLAIN UPDATE c SET n = 1 WHERE id = 3",
  "EXPLAIN DELETE FROM c WHERE n = 1",
  "EXPLAIN INSERT INTO c (id) VALUES (90), (91), (92)",
  "ANALYZE SELECT * FROM c",
  "EXPLAIN SELECT table_name FROM information_schema.tables WHERE table_schema = 's'",
  "EXPLAIN SELECT 1",
];

function names(outcome: Outcome): readonly string[] {
  if (outcome.kind !== "rows") throw new Error(JSON.stringify(outcome));
  return outcome.columns.map(({ name }) => name);
}

/** The values of one column. */
async function column(sql: string, name: string): Promise<readonly (string | undefined)[]> {
  const outcome = await pair.gateway.query(sql);
  const at = names(outcome).indexOf(name);
  return outcome.kind === "rows" ? outcome.rows.map((row) => row.split("|")[at]) : [];
}

describe("SHOW and DESCRIBE", () => {
  test("as one MariaDB answers them", async () => {
    await pair.allSame(SAME);
  });

  test("databases are the keyspaces, and those of servers themselves", async () => {
    await pair.allSame([
      "SHOW DATABASES",
      "SHOW DATABASES LIKE '%s%'",
      "SHOW DATABASES LIKE '%S%'",
      "SHOW DATABASES WHERE `Database` > 'n'",
      "SELECT * FROM information_schema.SCHEMATA WHERE SCHEMA_NAME NOT IN ('s', 'u') ORDER BY SCHEMA_NAME",
      "SELECT COUNT(*) FROM information_schema.SCHEMATA",
    ]);
    expect(await pair.gateway.rows("SHOW KEYSPACES")).toEqual(["s", "u"]);
  });

  test("routines of all databases, each once", async () => {
    const plain = "SHOW PROCEDURE STATUS";
    const [got, wanted] = await pair.both(plain);
    expect(names(got)).toEqual(names(wanted));
    const routine = (row: string): string => row.split("|").slice(0, 3).join(".");
    for (const sql of [
      plain,
      "SHOW FUNCTION STATUS",
      "SHOW PROCEDURE STATUS LIKE 'tw%'",
      "SHOW FUNCTION STATUS WHERE Db <> 'sys'",
    ]) {
      expect((await pair.gateway.rows(sql)).map(routine), sql).toEqual((await pair.direct.rows(sql)).map(routine));
    }
    expect((await pair.gateway.rows("SHOW PROCEDURE STATUS")).map(routine)).toContain("u.twice.PROCEDURE");
    expect(names(await pair.gateway.query("SHOW CREATE PROCEDURE u.twice"))).toEqual(
      names(await pair.direct.query("SHOW CREATE PROCEDURE u.twice")),
    );
  });

  test("a table's status counts all its shards", async () => {
    const [got, wanted] = await pair.both("SHOW TABLE STATUS FROM s");
    expect(names(got)).toEqual(names(wanted));
    expect(await column("SHOW TABLE STATUS FROM s", "Name")).toEqual(["c", "i", "m", "o", "r", "seen", "x"]);
    expect(await column("SHOW TABLE STATUS FROM s WHERE Name IN ('c', 'x') AND Engine = 'InnoDB'", "Name")).toEqual([
      "c",
      "x",
    ]);
    expect(await column("SHOW TABLE STATUS LIKE 'c'", "Data_length")).toEqual([String(2 * 16_384)]);
  });

  test("variables are the session's", async () => {
    await pair.allSame([
      "SET autocommit = 0",
      "SHOW VARIABLES LIKE 'autocommit'",
      "SHOW VARIABLES WHERE Variable_name = 'autocommit' AND Value = 'OFF'",
      "SET autocommit = 1",
      "SET sql_mode = 'ANSI'",
      "SHOW VARIABLES WHERE Variable_name = 'sql_mode'",
      "SET sql_mode = DEFAULT",
    ]);
  });

  test("clients and rights are the gateway's", async () => {
    const [got, wanted] = await pair.both("SHOW PROCESSLIST");
    expect({ ...shown(got, ""), rows: [] }).toEqual({ ...shown(wanted, ""), rows: [] });
    const other = await TwinClient.connect(twins.cluster.port);
    const [id] = await other.rows("SELECT CONNECTION_ID()");
    const [own] = await pair.gateway.rows("SELECT CONNECTION_ID()");
    const list = await pair.gateway.rows("\n SHOW FULL PROCESSLIST ; ;");
    const of = (of: string | undefined): readonly string[] => list.filter((row) => row.startsWith(`${of}|`));
    expect(of(own)).toEqual([expect.stringMatching(/^\d+\|root\|[^|]+\|s\|Query\|\d+\|\|SHOW FULL PROCESSLIST\|/)]);
    expect(of(id)).toEqual([expect.stringMatching(/^\d+\|root\|[^|]+\|\\N\|Sleep\|\d+\|\|\\N\|/)]);
    expect(await pair.gateway.rows("SHOW STATUS LIKE 'Threads_connected'")).toEqual([
      `Threads_connected|${list.length}`,
    ]);
    other.close();
    for (const sql of ["SHOW CREATE USER", "SHOW CREATE USER root", "SHOW CREATE USER CURRENT_USER()"]) {
      expect(await pair.gateway.rows(sql), sql).toEqual(["CREATE USER `root`@`%`"]);
    }
    await pair.same("SHOW CREATE USER nobody");
    for (const sql of [
      "SHOW GRANTS",
      "SHOW GRANTS FOR CURRENT_USER",
      "SHOW GRANTS FOR CURRENT_USER()",
      "SHOW GRANTS FOR root",
    ]) {
      expect(await pair.gateway.rows(sql), sql).toEqual([
        "GRANT ALL PRIVILEGES ON *.* TO `root`@`%` WITH GRANT OPTION",
      ]);
    }
  });

  test("clients that are refused or leave without a goodbye are counted", async () => {
    const { gateway } = pair;
    const counts = (): Promise<readonly string[]> =>
      gateway.rows("SHOW STATUS WHERE Variable_name IN ('Aborted_clients', 'Aborted_connects')");
    const numbersOf = (rows: readonly string[]): readonly number[] => rows.map((row) => Number(row.split("|")[1]));
    const [clients = 0, connects = 0] = numbersOf(await counts());
    const target = { host: "127.0.0.1", port: twins.cluster.port };
    await expect(RawClient.login({ target, user: "nobody" })).rejects.toThrow();
    (await TwinClient.connect(twins.cluster.port)).close();
    // Clients of earlier tests may still be on their way out.
    const isCounted = async (): Promise<boolean> => {
      const [clientsNow = 0, connectsNow = 0] = numbersOf(await counts());
      return clientsNow > clients && connectsNow > connects;
    };
    await expect.poll(isCounted, { timeout: 20_000 }).toBe(true);
    const [most = 0] = numbersOf(await gateway.rows("SHOW GLOBAL STATUS LIKE 'Max_used_connections'"));
    expect(most).toBeGreaterThan(1);
  });

  test("a session's statements are counted as one server counts them", async () => {
    for (const keyspace of ["u", "s"]) {
      const counted = await Pair.open(twins, keyspace);
      for (const sql of COUNTED) await counted.both(sql);
      for (const side of [counted.gateway, counted.direct]) {
        await side.execute("SELECT ?", [1n]);
        await side.command(COM.INIT_DB, keyspace);
      }
      await counted.allSame([
        "SHOW SESSION STATUS WHERE Variable_name LIKE 'Com\\_%' AND Value > 0",
        "SHOW STATUS WHERE Variable_name IN ('Questions', 'Slow_queries')",
        "FLUSH STATUS",
        "SHOW SESSION STATUS WHERE Variable_name LIKE 'Com\\_%' AND Value > 0",
      ]);
      // Work of connections that it shares.
      expect(await counted.gateway.rows("SHOW SESSION STATUS LIKE 'Handler%'")).toEqual([]);
      counted.close();
    }
  });

  test("what servers count is the sum of a keyspace's servers", async () => {
    const count = async (client: TwinClient): Promise<number> => {
      const [row] = await client.rows("SHOW GLOBAL STATUS LIKE 'Handler_read_rnd_next'");
      return Number(row?.split("|")[1]);
    };
    const servers = await Promise.all(twins.shardPorts().map((port) => TwinClient.connect(port)));
    const before = await Promise.all(servers.map(count));
    const sum = await count(pair.gateway);
    const after = await Promise.all(servers.map(count));
    const total = (values: readonly number[]): number => values.reduce((all, each) => all + each, 0);
    expect(sum).toBeGreaterThanOrEqual(total(before));
    expect(sum).toBeLessThanOrEqual(total(after));
    for (const server of servers) server.close();
    const [selects] = await pair.gateway.rows("SHOW GLOBAL STATUS LIKE 'Com_select'");
    const [own] = await pair.gateway.rows("SHOW SESSION STATUS LIKE 'Com_select'");
    expect(Number(selects?.split("|")[1])).toBeGreaterThanOrEqual(Number(own?.split("|")[1]));
  });

  test("what only one server can tell is asked of the one selected", async () => {
    for (const sql of ["SHOW MASTER STATUS", "SHOW BINARY LOGS", "SHOW ENGINE INNODB STATUS"]) {
      expect(await pair.gateway.query(sql), sql).toMatchObject({ kind: "error", errno: 1235 });
    }
    // Without one, these are of the gateway itself, which nobody follows and which follows nobody.
    await pair.allSame(["SHOW REPLICA STATUS", "SHOW ALL SLAVES STATUS", "SHOW SLAVE HOSTS"]);
    expect((await pair.gateway.query("USE s")).kind).toBe("ok");
    expect(await pair.gateway.rows("SHOW REPLICA HOSTS")).toEqual([]);
    await pair.same("USE u");
    await pair.allSame(["SHOW MASTER STATUS", "SHOW SLAVE STATUS", "SHOW BINARY LOGS"]);
    expect((await pair.gateway.query("USE `s:80-`")).kind).toBe("ok");
    expect((await pair.gateway.query("SHOW ENGINE INNODB STATUS")).kind).toBe("rows");
    expect(await column("SHOW TABLE STATUS LIKE 'c'", "Data_length")).toEqual(["16384"]);
  });
});

describe("EXPLAIN", () => {
  test("by one shard, with MariaDB's columns", async () => {
    for (const sql of EXPLAINED) {
      const [got, wanted] = await pair.both(sql);
      expect(got.kind, `${sql}: ${JSON.stringify(got)}`).toBe("rows");
      expect(names(got), sql).toEqual(names(wanted));
      expect(got.kind === "rows" && got.rows.length, sql).toBe(wanted.kind === "rows" && wanted.rows.length);
    }
    expect(await pair.gateway.query("EXPLAIN SELECT * FROM s.c JOIN u.p ON p.id = c.id")).toMatchObject({
      errno: 1235,
    });
    await pair.same("SELECT id FROM c ORDER BY id");
  });

  test("on the shard that has the rows", async () => {
    for (const id of [1, 2, 3, 4, 5]) {
      expect(await column(`EXPLAIN SELECT * FROM c WHERE id = ${id}`, "type"), String(id)).toEqual(["const"]);
    }
  });
});

describe("Vitess's SHOW", () => {
  test("keyspaces, shards, tablets, the VSchema", async () => {
    const { gateway } = pair;
    expect(await gateway.rows("SHOW KEYSPACES")).toEqual(["s", "u"]);
    expect(await gateway.rows("SHOW VITESS_KEYSPACES LIKE 's%'")).toEqual(["s"]);
    expect(await gateway.rows("SHOW VSCHEMA KEYSPACES")).toEqual(["s|true|unspecified|", "u|false|unspecified|"]);
    expect((await gateway.rows("SHOW VITESS_SHARDS")).toSorted()).toEqual(["s/-80", "s/80-", "u/0"]);
    expect(await gateway.rows("SHOW VITESS_SHARDS LIKE 's/8%'")).toEqual(["s/80-"]);
    expect(await column("SHOW VITESS_TABLETS", "State")).toEqual(["SERVING", "SERVING", "SERVING"]);
    expect(await column("SHOW VITESS_TABLETS WHERE Keyspace = 's' AND Shard = '80-'", "TabletType")).toEqual([
      "PRIMARY",
    ]);
    expect(await gateway.rows("SHOW VITESS_TABLETS LIKE 'nosuch'")).toEqual([]);
    expect(await gateway.rows("SHOW VITESS_REPLICATION_STATUS")).toEqual([]);
    expect(await gateway.rows("SHOW VITESS_TARGET")).toEqual(["s"]);
    expect(await gateway.rows("SHOW VSCHEMA TABLES")).toEqual(["c", "i", "m", "o", "r", "x"]);
    expect(await gateway.rows("SHOW VSCHEMA VINDEXES")).toEqual([
      "s|hash|hash||",
      "s|room|unicode_loose_xxhash||",
      "s|xx|xxhash||",
    ]);
    expect(await gateway.rows("SHOW VSCHEMA VINDEXES ON c")).toEqual(["id|hash|hash||"]);
    expect(await gateway.rows("SHOW VSCHEMA VINDEXES FROM s.m")).toEqual(["room|room|unicode_loose_xxhash||"]);
    expect(await gateway.query("SHOW VSCHEMA VINDEXES ON nosuch")).toMatchObject({ errno: 1146 });
    expect(await column("SHOW GLOBAL GTID_EXECUTED FROM s", "shard")).toEqual(["-80", "80-"]);
    expect(await gateway.rows("SHOW UNRESOLVED TRANSACTIONS")).toEqual([]);
  });

  /** What Shardgate does not have. */
  const REFUSED = /^show (vitess_migration|vitess_throttled_apps|create user|explain)/i;

  test("every SHOW of the public planner corpus is answered, or refused as MySQL refuses it", async () => {
    const file = join(sharedFolder(), "corpus", "planner.ndjson");
    if (!existsSync(file)) {
      process.stderr.write("planner corpus absent (set SHARDGATE_SHARED): its SHOW statements are skipped\n");
      return;
    }
    const lines = readFileSync(file, "utf8").split("\n");
    const statements = lines.filter((line) => line !== "").map((line) => (JSON.parse(line) as { sql: string }).sql);
    const shows = statements.filter((sql) => /^\s*show\b/i.test(sql));
    expect(shows.length).toBeGreaterThan(30);
    for (const sql of shows) {
      const [got, wanted] = await pair.both(sql);
      if (got.kind === "rows") continue;
      const errno = got.kind === "error" ? got.errno : 0;
      // Vitess's own, of a keyspace that is not here.
      const isUnknown = wanted.kind === "error" && wanted.errno === 1064 && errno === 1049;
      if (REFUSED.test(sql)) expect(errno, sql).toBe(1235);
      else if (!isUnknown) expect(errno, sql).toBe(wanted.kind === "error" ? wanted.errno : 0);
    }
  });
});

describe("clients", () => {
  test("COM_FIELD_LIST of a sharded table, a view and a system table", async () => {
    for (const argument of ["r\0", "m\0r%", "seen\0", "nosuch\0"]) {
      const got = await pair.gateway.command(COM.FIELD_LIST, argument);
      expect(shown(got, ""), argument).toEqual(shown(await pair.direct.command(COM.FIELD_LIST, argument), ""));
    }
    await pair.same("USE information_schema");
    for (const argument of ["schemata\0", "TABLES\0TABLE_N%", "nosuch\0"]) {
      const got = await pair.gateway.command(COM.FIELD_LIST, argument);
      // A server reads some of these from a table it makes for the moment.
      expect(shown(got, "", true), argument).toEqual(
        shown(await pair.direct.command(COM.FIELD_LIST, argument), "", true),
      );
    }
  });

  test("the mysql client and mysqlshow", async () => {
    const at = (port: number): string[] => ["--no-defaults", "-h127.0.0.1", `-P${port}`, "-uroot"];
    for (const [program, ...args] of [
      ["mariadb", "-t", "s", "-e", "SHOW TABLES; SELECT COUNT(*) FROM c; SELECT DATABASE(), USER() LIKE 'root@%'"],
      ["mariadb-show", "s"],
      ["mariadb-show", "s", "m"],
      ["mariadb-show", "u", "p"],
    ] as const) {
      const [own, plain] = await Promise.all(
        [twins.cluster.port, twins.plain.port].map((port) => run(program, [...at(port), ...args])),
      );
      expect(own?.stdout, `${program} ${args.join(" ")}`).toBe(plain?.stdout);
    }
  });

  test("mysqldump of a sharded keyspace with its locks is that of one server", async () => {
    const options =
      "--no-defaults -h127.0.0.1 -uroot --skip-comments --order-by-primary --triggers --routines --events --skip-extended-insert".split(
        " ",
      );
    const dump = async (port: number, ...args: string[]): Promise<readonly string[]> => {
      const { stdout } = await run("mariadb-dump", [...options, `-P${port}`, ...args]);
      return stdout
        .replaceAll(/ AUTO_INCREMENT(=\d+)?/g, "")
        .replaceAll(/DEFINER=`[^`]*`@`[^`]*`/g, "DEFINER")
        .split("\n");
    };
    for (const args of [["s"], ["--databases", "s"], ["u", "p", "blobs"]]) {
      expect(await dump(twins.cluster.port, ...args), args.join(" ")).toEqual(await dump(twins.plain.port, ...args));
    }
  });

  test("LOCK TABLES … READ holds on every shard until UNLOCK TABLES", async () => {
    await pair.allSame(["LOCK TABLES c READ, o READ LOCAL", "SELECT COUNT(*) FROM c", "SELECT id FROM c WHERE id = 3"]);
    const other = await TwinClient.connect(twins.cluster.port);
    await other.query("USE s");
    let written = false;
    const writing = other.query("UPDATE c SET n = n WHERE id IN (1, 2, 3, 4, 5)").then(() => {
      written = true;
    });
    await pair.allSame(["SELECT COUNT(*) FROM i", "INSERT INTO c (id) VALUES (80)", "SELECT COUNT(*) FROM c"]);
    expect(written).toBe(false);
    await pair.same("UNLOCK TABLES");
    await writing;
    other.close();
    await pair.allSame(["SELECT COUNT(*) FROM i", "FLUSH TABLES", "UNLOCK TABLES"]);
  });

  test("LOCK TABLES … WRITE keeps others out of every shard, and the session works on in transactions and definitions", async () => {
    await pair.allSame(["LOCK TABLES c WRITE", "/*!40000 ALTER TABLE c DISABLE KEYS */"]);
    const other = await TwinClient.connect(twins.cluster.port);
    await other.query("USE s");
    let read = false;
    const reading = other.query("SELECT COUNT(*) FROM c").then((outcome) => {
      read = true;
      return outcome;
    });
    await pair.allSame([
      "INSERT INTO c (id, name) VALUES (90,'x'), (91,'x'), (92,'x'), (93,'x')",
      "INSERT INTO c (id, name) VALUES (94,'x'), (95,'x'), (90,'x')",
      "SELECT id, name FROM c ORDER BY name, id",
      "SELECT id FROM c ORDER BY name DESC, id DESC LIMIT 3",
      "SELECT COUNT(*) FROM i",
      "SET autocommit = 0",
      "UPDATE c SET n = 7 WHERE id > 89",
      "ROLLBACK",
      "DELETE FROM c WHERE id = 93",
      "COMMIT",
      "SET autocommit = 1",
      "SELECT id, n FROM c ORDER BY id",
      "SHOW TABLES",
      "ALTER TABLE c COMMENT 'locked'",
      "SELECT COUNT(*) FROM c",
    ]);
    expect(read).toBe(false);
    await pair.allSame(["DELETE FROM c WHERE id > 89", "UNLOCK TABLES", "SELECT COUNT(*) FROM i"]);
    expect(await reading).toMatchObject({ kind: "rows", rows: ["5"] });
    other.close();
  });
});
