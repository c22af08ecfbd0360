// CREATE, ALTER and DROP DATABASE on real processes: as one MariaDB answers them, seen by every gateway, served by the
// mysqld of another keyspace, over faults between the steps, and only for those who may.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Connection, createConnection, type RowDataPacket } from "mysql2/promise";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { quoteName } from "../../src/engine/quote-name.ts";
import type { Cluster } from "../../src/local/cluster.ts";
import type { Mysqld } from "../../src/local/mysqld.ts";
import { withServer } from "../../src/local/server-connection.ts";
import { startCluster, startMysqld, temporaryDir } from "../fixture/cluster.ts";
import { hashedBy } from "../fixture/hashed.ts";
import { until } from "../fixture/until.ts";
import { type Part, startPart, stopAll } from "./parts.ts";
import { must, Pair, TwinClient } from "./twin.ts";

const USERS = {
  users: {
    root: { emptyPassword: true, loopbackOnly: true, rights: { "*": ["admin"] } },
    maker: { emptyPassword: true, rights: { "made_*": ["read", "write", "ddl"] } },
    reader: { emptyPassword: true, rights: { "made_*": ["read"] } },
  },
};
const dir = temporaryDir("db");

let cluster: Cluster;
let plain: Mysqld;
/** It lets nobody make databases, and enters tables of sharded keyspaces in the VSchema. */
let second: Part;
let clients: Connection[] = [];

beforeAll(async () => {
  const users = join(dir.path, "users.json");
  writeFileSync(users, JSON.stringify(USERS));
  [cluster, plain] = await Promise.all([
    startCluster({
      keyspaces: {
        home: {
          sql: "CREATE TABLE h (id INT PRIMARY KEY, v VARCHAR(20)); INSERT INTO h VALUES (1, 'one'), (2, 'two');",
        },
        split: {
          shards: 2,
          vschema: hashedBy({ s: "id" }),
          sql: "CREATE TABLE s (id BIGINT PRIMARY KEY, v VARCHAR(20)); INSERT INTO s VALUES (1, 'x'), (4, 'y');",
        },
      },
      topo: "etcd",
      gatewayArgs: ["--users-file", users],
    }),
    startMysqld(),
  ]);
  const etcd = cluster.processes().find(({ kind }) => kind === "etcd");
  const topo = ["--topo-endpoints", `http://127.0.0.1:${etcd?.port}`];
  second = await startPart("gateway", "--listen", "127.0.0.1:0", "--log-level", "error", "--auto-vschema", ...topo);
  const direct = await TwinClient.connect(plain.port);
  await must(direct, "CREATE DATABASE home");
  await must(direct, "CREATE TABLE home.h (id INT PRIMARY KEY, v VARCHAR(20))");
  await must(direct, "INSERT INTO home.h VALUES (1, 'one'), (2, 'two')");
  direct.close();
}, 480_000);
/** Takes away what a test has left that did not come to its end. */
afterEach(async () => {
  for (const each of clients) each.destroy();
  clients = [];
  const root = await connect();
  const direct = await connect(plain.port);
  for (const each of [root, direct]) {
    for (const name of await values(each, "SHOW DATABASES LIKE 'made%'"))
      await each.query(`DROP DATABASE ${quoteName(String(name))}`);
    await each.query("DELETE FROM home.h WHERE id > 2");
  }
  await root.query("DROP DATABASE IF EXISTS gone_soon");
  await direct.query("DROP DATABASE IF EXISTS split");
  await withServer(homeMysqld(), (server) => server.run("DROP DATABASE IF EXISTS made_outside"));
  const there = await connect(second.port, "root", "split");
  const entered = (await values(there, "SHOW TABLES")).filter((name) => name !== "s");
  if (entered.length > 0) await there.query(`DROP TABLE ${entered.join(", ")}`);
});
afterAll(async () => {
  await stopAll();
  await Promise.all([cluster?.stop(), plain?.stop()]);
  dir.remove();
});

async function connect(port = cluster.port, user = "root", database?: string): Promise<Connection> {
  const made = await createConnection({
    host: "127.0.0.1",
    port,
    user,
    ...(database === undefined ? {} : { database }),
  });
  made.on("error", () => {});
  clients.push(made);
  return made;
}

async function values(client: Connection, sql: string): Promise<unknown[]> {
  const [rows] = await client.query<RowDataPacket[]>(sql);
  return rows.map((row) => Object.values(row)[0] as unknown);
}

/** Errno of what the statement fails with; 0: it does not. */
async function errnoOf(client: Connection, sql: string): Promise<number> {
  return client.query(sql).then(
    () => 0,
    (error: { errno: number }) => error.errno,
  );
}

function homeMysqld(): string {
  return cluster.processes().find(({ kind, keyspace }) => kind === "mysqld" && keyspace === "home")?.socket ?? "";
}

test("the life of a database is as on one MariaDB", async () => {
  const twins = { cluster, plain, shardPorts: () => [], stop: () => Promise.resolve() };
  const pair = await Pair.open(twins, "home");
  try {
    await pair.allSame([
      "CREATE DATABASE made_a",
      "CREATE DATABASE made_a",
      "CREATE DATABASE IF NOT EXISTS made_a",
      "SHOW WARNINGS",
      "SHOW CREATE DATABASE made_a",
      "CREATE TABLE made_a.t (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(20) NOT NULL DEFAULT 'd')",
      "INSERT INTO made_a.t (v) VALUES ('a'), ('b')",
      "CREATE DEFINER = `root`@`localhost` VIEW made_a.seen AS SELECT id FROM made_a.t",
      "SHOW CREATE VIEW made_a.seen",
      "DROP VIEW made_a.seen",
      "USE made_a",
      "SELECT DATABASE(), SCHEMA(), LAST_INSERT_ID()",
      "INSERT INTO t VALUES ()",
      "SELECT LAST_INSERT_ID(), id, v FROM t ORDER BY id",
      "SELECT t.id, h.v FROM t JOIN home.h USING (id) ORDER BY id",
      "INSERT INTO home.h SELECT id + 10, v FROM t",
      "UPDATE t, home.h SET t.v = 'changed', h.v = 'too' WHERE h.id = t.id + 10",
      "SELECT * FROM home.h ORDER BY id",
      "DELETE FROM home.h WHERE id IN (SELECT id + 10 FROM t)",
      "SELECT * FROM t ORDER BY id",
      "SHOW TABLES",
      "SHOW FULL COLUMNS FROM t",
      "DESCRIBE made_a.t",
      "ALTER DATABASE made_a CHARACTER SET latin1",
      "SHOW CREATE DATABASE made_a",
      "CREATE TABLE l (v VARCHAR(3))",
      "SHOW CREATE TABLE l",
      "ALTER SCHEMA COLLATE utf8mb4_bin",
      "SELECT @@collation_database",
      // On connections that other settings have been taken from, by resetting them.
      ...[1, 2, 3, 4].flatMap((i) => [`SET sort_buffer_size = ${i << 16}`, "SELECT @@collation_database"]),
      "SET sort_buffer_size = DEFAULT",
      // On all of them, as they are.
      "ALTER SCHEMA COLLATE utf8mb4_unicode_ci",
      ...[1, 2, 3, 4].flatMap((i) => [`SET sort_buffer_size = ${i << 16}`, "SELECT @@collation_database"]),
      "SET sort_buffer_size = DEFAULT",
      "SELECT SCHEMA_NAME, DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME LIKE 'made%'",
      "SELECT TABLE_NAME, TABLE_COLLATION FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() ORDER BY 1",
      "START TRANSACTION",
      "INSERT INTO t VALUES (100, 'lost')",
      "INSERT INTO home.h VALUES (100, 'lost')",
      "ROLLBACK",
      "SELECT COUNT(*) FROM t JOIN home.h ON t.id = 100 OR h.id = 100",
      "START TRANSACTION",
      "INSERT INTO t VALUES (100, 'kept')",
      "CREATE OR REPLACE DATABASE made_b CHARACTER SET latin1",
      "ROLLBACK",
      "SELECT COUNT(*) FROM t",
      "CREATE TABLE made_b.t SELECT id FROM made_a.t WHERE id < 3",
      "RENAME TABLE made_b.t TO made_b.t2",
      "SELECT * FROM made_b.t2 ORDER BY id",
      "DROP DATABASE made_b",
      "DROP DATABASE made_a",
      "SELECT DATABASE()",
      "SELECT * FROM t",
      "USE made_a",
      "DROP DATABASE made_a",
      "DROP DATABASE IF EXISTS made_a",
      "SHOW WARNINGS",
      "CREATE SCHEMA made_a DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci",
      "USE made_a",
      "CREATE TABLE t (v VARCHAR(3))",
      "SHOW CREATE TABLE t",
      "SELECT * FROM t",
      "DROP SCHEMA made_a",
      "CREATE DATABASE `made ``/é:-80@日%`",
      "USE `made ``/é:-80@日%`",
      "CREATE TABLE `t/ü` (v VARCHAR(9))",
      "INSERT INTO `t/ü` VALUES ('ü')",
      "SELECT DATABASE(), v FROM `made ``/é:-80@日%`.`t/ü`",
      "SET NAMES latin1",
      "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()",
      "SET NAMES utf8mb4",
      "SHOW TABLES",
      "DROP DATABASE `made ``/é:-80@日%`",
      "CREATE DATABASE made_a CHARACTER SET nowhere",
      "CREATE DATABASE mysql",
    ]);
  } finally {
    pair.close();
  }
}, 480_000);

test("it is a keyspace to every gateway, at once where it is asked for", async () => {
  const here = await connect();
  const there = await connect(second.port);
  await here.query("CREATE DATABASE made_everywhere");
  await there.query("USE made_everywhere");
  await there.query("CREATE TABLE t (id INT PRIMARY KEY)");
  await here.query("INSERT INTO made_everywhere.t VALUES (1)");
  expect(await values(there, "SELECT COUNT(*) FROM t")).toEqual([1]);
  expect(await values(there, "SHOW DATABASES LIKE 'made%'")).toEqual(["made_everywhere"]);
  await here.query("CREATE DATABASE made_login");
  const direct = await connect(second.port, "root", "made_login");
  expect(await values(direct, "SELECT DATABASE()")).toEqual(["made_login"]);
  // A join of it with a sharded keyspace has to be put together.
  const joined = "SELECT v FROM made_everywhere.t JOIN split.s USING (id)";
  // The definition was made through the other gateway.
  await until(async () => (await errnoOf(here, joined)) === 0);
  expect(await values(here, joined)).toEqual(["x"]);
  await here.query("DROP DATABASE made_everywhere");
  await here.query("DROP DATABASE made_login");
  expect([1049, 1146]).toContain(await errnoOf(there, "SELECT * FROM t"));
  await until(async () => (await errnoOf(there, "USE made_everywhere")) === 1049);
  expect(await errnoOf(there, "SELECT * FROM t")).toBe(1049);
});

test("of two that make or drop the same one, one does", async () => {
  const some = await Promise.all([1, 2, 3, 4].map(() => connect()));
  for (let round = 0; round < 5; round++) {
    const made = await Promise.all(some.map((each) => errnoOf(each, "CREATE DATABASE made_once")));
    expect(made.toSorted((a, b) => a - b)).toEqual([0, 1007, 1007, 1007]);
    const dropped = await Promise.all(some.map((each) => errnoOf(each, "DROP DATABASE made_once")));
    expect(dropped.toSorted((a, b) => a - b)).toEqual([0, 1008, 1008, 1008]);
  }
}, 480_000);

test("what a crash leaves between mysqld and topology is taken up by the next statement", async () => {
  const client = await connect();
  await withServer(homeMysqld(), (server) => server.run("CREATE DATABASE made_half CHARACTER SET latin1"));
  expect(await values(client, "SHOW DATABASES LIKE 'made%'")).toEqual([]);
  await client.query("CREATE DATABASE made_half CHARACTER SET utf8mb4");
  expect(
    await values(
      client,
      "SELECT DEFAULT_CHARACTER_SET_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = 'made_half'",
    ),
  ).toEqual(["utf8mb4"]);
  await withServer(homeMysqld(), (server) => server.run("DROP DATABASE made_half"));
  expect(await errnoOf(client, "SELECT * FROM made_half.t")).not.toBe(0);
  await client.query("DROP DATABASE made_half");
  expect(await errnoOf(client, "USE made_half")).toBe(1049);
  // A database with something in it is somebody's.
  await withServer(homeMysqld(), async (server) => {
    await server.run("CREATE DATABASE made_outside");
    await server.run("CREATE TABLE made_outside.t (id INT)");
  });
  expect(await errnoOf(client, "CREATE DATABASE made_outside")).toBe(1044);
  expect(await errnoOf(client, "CREATE DATABASE IF NOT EXISTS made_outside")).toBe(1044);
  await withServer(homeMysqld(), (server) => server.run("DROP DATABASE made_outside"));
});

test("not for all, not everywhere, and never what was declared", async () => {
  const root = await connect();
  expect(await errnoOf(root, "DROP DATABASE home")).toBe(1044);
  expect(await errnoOf(root, "DROP DATABASE split")).toBe(1044);
  expect(await errnoOf(root, "CREATE OR REPLACE DATABASE home")).toBe(1044);
  expect(await errnoOf(root, "CREATE DATABASE split")).toBe(1007);
  expect(await errnoOf(root, "CREATE DATABASE information_schema")).toBe(1044);
  expect(await errnoOf(root, "DROP DATABASE mysql")).toBe(1044);
  expect(await errnoOf(root, "CREATE DATABASE IF NOT EXISTS _shardgate")).toBe(1044);
  expect(await errnoOf(root, "DROP DATABASE _shardgate")).toBe(1044);
  expect(await errnoOf(root, "CREATE DATABASE `made `")).toBe(1102);
  const elsewhere = await connect(second.port);
  expect(await errnoOf(elsewhere, "CREATE DATABASE made_not")).toBe(1044);
  expect(await errnoOf(elsewhere, "CREATE DATABASE IF NOT EXISTS home")).toBe(0);
  const maker = await connect(cluster.port, "maker");
  expect(await errnoOf(maker, "CREATE DATABASE other")).toBe(1044);
  await maker.query("CREATE DATABASE made_mine");
  const reader = await connect(cluster.port, "reader");
  expect(await errnoOf(reader, "DROP DATABASE made_mine")).toBe(1044);
  expect(await errnoOf(reader, "ALTER DATABASE made_mine CHARACTER SET latin1")).toBe(1044);
  expect(await values(reader, "SHOW DATABASES")).toEqual(["information_schema", "made_mine"]);
  await maker.query("DROP DATABASE made_mine");
});

test("locks are given up when the database is gone where the connection was held for; names are UTF-8", async () => {
  const client = await TwinClient.connect(cluster.port);
  for (const sql of [
    "CREATE DATABASE gone_soon",
    "USE gone_soon",
    "CREATE TEMPORARY TABLE held (id INT)",
    "USE home",
    "DROP DATABASE gone_soon",
    "LOCK TABLES h WRITE",
    "UNLOCK TABLES",
    "SET NAMES koi8r",
  ]) {
    await must(client, sql);
  }
  expect(await client.query(Buffer.from("CREATE DATABASE \xd4\xc5", "latin1"))).toMatchObject({ errno: 1235 });
  client.close();
});

test("connections of one pool never run a statement in the database of another", async () => {
  const names = ["made_p1", "made_p2", "made_p3"];
  const root = await connect();
  for (const [i, name] of names.entries()) {
    await root.query(`CREATE DATABASE ${name}`);
    await root.query(`CREATE TABLE ${name}.t (id INT)`);
    await root.query(`INSERT INTO ${name}.t VALUES (${i})`);
  }
  const sessions = await Promise.all(
    [...names, ...names].map(async (name, i) => ({
      i: i % names.length,
      client: await connect(cluster.port, "root", name),
    })),
  );
  await Promise.all(
    sessions.map(async ({ i, client }) => {
      if (i === 2) await client.query("SET sql_mode = 'ANSI'");
      for (let round = 0; round < 40; round++) {
        expect(await values(client, "SELECT id FROM t")).toEqual([i]);
        if (round % 10 === 5) {
          await client.beginTransaction();
          await client.query("UPDATE home.h SET v = v WHERE id = 1");
          expect(await values(client, "SELECT id FROM t")).toEqual([i]);
          await client.commit();
        }
        const [rows] = await client.execute<RowDataPacket[]>("SELECT id FROM t WHERE id >= ?", [0]);
        expect(rows).toEqual([{ id: i }]);
      }
    }),
  );
  for (const name of names) await root.query(`DROP DATABASE ${name}`);
}, 480_000);

test("a gateway that may enters new tables of a sharded keyspace in its VSchema", async () => {
  const here = await connect();
  const there = await connect(second.port, "root", "split");
  expect(await errnoOf(here, "CREATE TABLE split.entered (no INT PRIMARY KEY)")).toBe(1235);
  await there.query("CREATE TABLE entered (no INT PRIMARY KEY, v INT)");
  await there.query("INSERT INTO entered VALUES (1, 1), (2, 2), (3, 3), (4, 4)");
  expect(await values(there, "SELECT COUNT(*) FROM entered")).toEqual([4]);
  expect(await values(there, "SELECT v FROM entered WHERE no = 3")).toEqual([3]);
  await until(async () => (await errnoOf(here, "SELECT * FROM split.entered")) === 0);
  await there.query("CREATE TABLE after LIKE entered");
  await there.query("CREATE TABLE named (name VARCHAR(20) PRIMARY KEY)");
  await there.query("INSERT INTO named (name) VALUES ('one'), ('two')");
  expect(await values(there, "SELECT name FROM named WHERE name = 'two'")).toEqual(["two"]);
  await there.query("CREATE TABLE keyless (v INT)");
  await there.query("INSERT INTO keyless VALUES (1), (NULL), (1)");
  expect(await values(there, "SELECT COUNT(*) FROM keyless")).toEqual([3]);
  // What is refused, or fails on the first shard, has entered nothing.
  expect(await errnoOf(there, "CREATE TABLE bad (id INT PRIMARY KEY, v INT REFERENCES entered (no))")).toBe(1235);
  expect(await errnoOf(there, "CREATE TABLE bad (id INT PRIMARY KEY, v INT, v INT)")).toBe(1060);
  expect(await errnoOf(there, "SELECT * FROM bad")).toBe(1146);
  await there.query("RENAME TABLE after TO later");
  expect(await values(there, "SELECT COUNT(*) FROM later WHERE no = 3")).toEqual([0]);
  await there.query("DROP TABLE entered, named, later, keyless");
  // What is made by the name again is placed by its own key.
  await there.query("CREATE TABLE entered (name VARCHAR(20) PRIMARY KEY)");
  await there.query("INSERT INTO entered VALUES ('one')");
  await there.query("DROP TABLE entered");
});

test("a gateway that enters new tables has their ids go on as AUTO_INCREMENT does", async () => {
  const flags = ["--auto-vschema", "--create-database-on", "home", "--log-level", "error"];
  const etcd = cluster.processes().find(({ kind }) => kind === "etcd");
  const topo = ["--topo-endpoints", `http://127.0.0.1:${etcd?.port}`];
  const part = await startPart("gateway", "--listen", "127.0.0.1:0", ...flags, ...topo);
  const direct = await TwinClient.connect(plain.port);
  await must(direct, "CREATE DATABASE IF NOT EXISTS split");
  direct.close();
  const pair = await Pair.open({ cluster: part, plain }, "split");
  const again = [
    "CREATE TABLE n (id INT AUTO_INCREMENT PRIMARY KEY, v INT)",
    "INSERT INTO n (v) VALUES (1), (2)",
    "SELECT LAST_INSERT_ID()",
    "INSERT INTO n VALUES (10, 3)",
    "INSERT INTO n (v) VALUES (4)",
    "SELECT * FROM n ORDER BY id",
    "RENAME TABLE n TO m",
    "INSERT INTO m (v) VALUES (10)",
    // MariaDB leaves a gap behind it.
    "INSERT INTO m VALUES (NULL, 5), (20, 6), (0, 7), (13, 8), (NULL, 9)",
    "SELECT * FROM m ORDER BY id",
    "DROP TABLE m",
  ];
  for (const sql of [...again, ...again]) await pair.same(sql);
  for (const sql of [
    "CREATE TABLE tree (id INT AUTO_INCREMENT PRIMARY KEY, up INT, FOREIGN KEY (up) REFERENCES tree (id))",
    "CREATE TABLE leaf (id BIGINT AUTO_INCREMENT PRIMARY KEY, at INT, FOREIGN KEY (at) REFERENCES tree (id))",
    "INSERT INTO tree (up) VALUES (NULL), (1)",
    "INSERT INTO leaf (at) VALUES (2), (1)",
    "INSERT INTO leaf (at) VALUES (3)",
    "SELECT l.id, t.up FROM leaf l JOIN tree t ON l.at = t.id ORDER BY l.id",
    "DROP TABLE leaf, tree",
  ]) {
    await pair.same(sql);
  }
  expect(await values(await connect(), "SHOW TABLES FROM home LIKE 'seq%'")).toEqual([]);
  pair.close();
  part.signal("SIGTERM");
});
