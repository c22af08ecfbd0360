// Two gateway processes on one cluster: each lists and kills the clients of both, ids are of one client only, a KILL stops
// what runs on every shard and nothing else, and a gateway that is gone is told of.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Connection, createConnection, type RowDataPacket } from "mysql2/promise";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Cluster } from "../../src/local/cluster.ts";
import { startCluster, temporaryDir } from "../fixture/cluster.ts";
import { hashedBy } from "../fixture/hashed.ts";
import { until } from "../fixture/until.ts";
import { type Part, startPart, stopAll } from "./parts.ts";

const USERS = {
  users: {
    root: { emptyPassword: true, loopbackOnly: true, rights: { "*": ["admin"] } },
    app: { emptyPassword: true, rights: { split: ["read", "write"] } },
    other: { emptyPassword: true, rights: { split: ["read"] } },
  },
};
const SLOW = "SELECT SLEEP(60) FROM t";

const dir = temporaryDir("kill");
let cluster: Cluster;
let second: Part;
let clients: Connection[] = [];

beforeAll(async () => {
  const users = join(dir.path, "users.json");
  writeFileSync(users, JSON.stringify(USERS));
  cluster = await startCluster({
    keyspaces: {
      split: {
        shards: 2,
        vschema: hashedBy({ t: "id" }),
        sql: "CREATE TABLE t (id BIGINT PRIMARY KEY, v BIGINT NOT NULL); INSERT INTO t VALUES (1, 0), (4, 0);",
      },
    },
    topo: "etcd",
    gatewayArgs: ["--users-file", users],
  });
  const etcd = cluster.processes().find(({ kind }) => kind === "etcd");
  second = await startPart(
    "gateway",
    "--listen",
    "127.0.0.1:0",
    "--users-file",
    users,
    "--log-level",
    "warn",
    "--topo-endpoints",
    `http://127.0.0.1:${etcd?.port}`,
  );
});
afterEach(() => {
  for (const client of clients) client.destroy();
  clients = [];
});
afterAll(async () => {
  await stopAll();
  await cluster?.stop();
  dir.remove();
});

async function client(port: number, user = "root"): Promise<Connection> {
  const made = await createConnection({ host: "127.0.0.1", port, user, database: "split", supportBigNumbers: true });
  made.on("error", () => {});
  clients.push(made);
  return made;
}

interface Failure {
  readonly errno?: number;
  readonly code?: string;
}

async function failureOf(work: Promise<unknown>): Promise<Failure> {
  return work.then(
    () => {
      throw new Error("it succeeded");
    },
    (error: unknown) => error as Failure,
  );
}

async function listed(on: Connection): Promise<RowDataPacket[]> {
  return (await on.query<RowDataPacket[]>("SHOW FULL PROCESSLIST"))[0];
}

/** Until the client's statement runs on both shards, as the gateway and the shards' own lists tell. */
async function untilRunning(on: Connection, id: number): Promise<void> {
  await until(async () => (await listed(on)).some((row) => row["Id"] === id && row["Info"] === SLOW));
  await until(async () => (await runningOnShards(SLOW)) === 2);
}

async function runningOnShards(text: string): Promise<number> {
  let running = 0;
  for (const { kind, port } of cluster.processes()) {
    if (kind !== "mysqld") continue;
    const shard = await createConnection({ host: "127.0.0.1", port, user: "root" });
    const [rows] = await shard.query<RowDataPacket[]>(
      "SELECT COUNT(*) AS n FROM information_schema.PROCESSLIST WHERE INFO LIKE ? AND ID <> CONNECTION_ID()",
      [`%${text.slice(7, 20)}%`],
    );
    running += Number(rows[0]?.["n"]);
    await shard.end();
  }
  return running;
}

describe("ids and lists", () => {
  test("an id is the greeting's, CONNECTION_ID()'s, and no other gateway's", async () => {
    const here = await client(cluster.port);
    const there = await client(second.port);
    for (const each of [here, there]) {
      const [rows] = await each.query<RowDataPacket[]>("SELECT CONNECTION_ID() AS id");
      expect(rows[0]?.["id"]).toBe(each.threadId);
    }
    expect(Math.floor(here.threadId / 2 ** 22)).not.toBe(Math.floor(there.threadId / 2 ** 22));
  });

  test("every gateway lists the clients of all, to administrators", async () => {
    const here = await client(cluster.port);
    const there = await client(second.port);
    const app = await client(second.port, "app");
    for (const each of [here, there]) {
      await until(async () => {
        const ids = (await listed(each)).map((row) => row["Id"]);
        return [here, there, app].every(({ threadId }) => ids.includes(threadId));
      });
      const [rows] = await each.query<RowDataPacket[]>("SELECT ID, USER, DB FROM information_schema.PROCESSLIST");
      expect(rows).toContainEqual({ ID: app.threadId, USER: "app", DB: "split" });
    }
    const appHere = await client(cluster.port, "app");
    expect((await listed(appHere)).map((row) => row["User"])).toEqual(["app", "app"]);
  });
});

test("an execution is listed with its statement", async () => {
  const root = await client(second.port);
  const busy = await client(cluster.port);
  const failed = failureOf(busy.execute("SELECT SLEEP(60) AS prepared FROM t WHERE id <> ?", [7]));
  await until(async () =>
    (await listed(root)).some((row) => row["Command"] === "Execute" && /AS prepared/.test(String(row["Info"]))),
  );
  await root.query(`KILL QUERY ${busy.threadId}`);
  expect(await failed).toMatchObject({ errno: 1317 });
});

describe("KILL", () => {
  test.each(["here", "there"])(
    "QUERY, sent %s, stops the statement on every shard and nothing after it",
    async (at) => {
      const victim = await client(cluster.port);
      const killer = await client(at === "here" ? cluster.port : second.port);
      await victim.query("BEGIN");
      await victim.query("UPDATE t SET v = 1 WHERE id = 1");
      const failed = failureOf(victim.query(SLOW));
      await untilRunning(killer, victim.threadId);
      await killer.query(`KILL QUERY ${victim.threadId}`);
      expect(await failed).toMatchObject({ errno: 1317, sqlState: "70100" });
      await until(async () => (await runningOnShards(SLOW)) === 0);
      // The transaction goes on, as it does in MySQL.
      const [rows] = await victim.query<RowDataPacket[]>("SELECT v FROM t WHERE id = 1");
      expect(rows[0]?.["v"]).toBe(1);
      await victim.query("ROLLBACK");
    },
  );

  test.each(["here", "there"])("CONNECTION, sent %s, ends the client and what it runs", async (at) => {
    const victim = await client(cluster.port);
    const killer = await client(at === "here" ? cluster.port : second.port);
    await victim.query("BEGIN");
    await victim.query("UPDATE t SET v = 2 WHERE id = 4");
    const failed = failureOf(victim.query(SLOW));
    await untilRunning(killer, victim.threadId);
    await killer.query(`KILL ${victim.threadId}`);
    expect((await failed).code).toMatch(/PROTOCOL_CONNECTION_LOST|ECONNRESET/);
    await until(async () => (await runningOnShards(SLOW)) === 0);
    // Its locks are gone, and what it had changed.
    await killer.query("UPDATE t SET v = v + 10 WHERE id = 4");
    const [rows] = await killer.query<RowDataPacket[]>("SELECT v FROM t WHERE id = 4");
    expect(Number(rows[0]?.["v"]) % 10).toBe(0);
    expect((await listed(killer)).map((row) => row["Id"])).not.toContain(victim.threadId);
  });

  test("QUERY of a client that runs nothing does nothing", async () => {
    const victim = await client(cluster.port);
    const killer = await client(second.port);
    await killer.query(`KILL QUERY ${victim.threadId}`);
    for (let i = 0; i < 50; i++) {
      const [killed, asked] = await Promise.allSettled([
        killer.query(`KILL QUERY ${victim.threadId}`),
        victim.query("SELECT v FROM t WHERE id = 1"),
      ]);
      expect(killed.status).toBe("fulfilled");
      if (asked.status === "rejected") expect(asked.reason).toMatchObject({ errno: 1317 });
      const [rows] = await victim.query<RowDataPacket[]>("SELECT 1 AS one");
      expect(rows).toEqual([{ one: 1 }]);
    }
  });

  test("of what one may not end, of nobody, and of oneself", async () => {
    const root = await client(cluster.port);
    const app = await client(second.port, "app");
    const appToo = await client(cluster.port, "app");
    const other = await client(cluster.port, "other");
    expect(await failureOf(app.query(`KILL QUERY ${other.threadId}`))).toMatchObject({ errno: 1095 });
    expect(await failureOf(other.query(`KILL ${root.threadId}`))).toMatchObject({ errno: 1095 });
    expect(await failureOf(root.query("KILL 1"))).toMatchObject({ errno: 1094, message: "Unknown thread id: 1" });
    expect(await failureOf(root.query("KILL -1"))).toMatchObject({
      errno: 1094,
      message: "Unknown thread id: 18446744073709551615",
    });
    expect(await failureOf(root.query("KILL QUERY CONNECTION_ID()"))).toMatchObject({ errno: 1317 });
    expect(await failureOf(other.query("KILL CONNECTION_ID()"))).toMatchObject({ errno: 1927 });
    await app.query(`KILL ${appToo.threadId}`);
    await until(async () => (await failureOf(appToo.query("SELECT 1"))).errno === undefined);
    const [ended] = await root.query("KILL USER app");
    expect(ended).toMatchObject({ affectedRows: 1 });
  });
});

test("a gateway that is gone is told in a warning", async () => {
  const third = await startPart(
    "gateway",
    "--listen",
    "127.0.0.1:0",
    "--log-level",
    "warn",
    "--topo-endpoints",
    `http://127.0.0.1:${cluster.processes().find(({ kind }) => kind === "etcd")?.port}`,
  );
  const root = await client(cluster.port);
  const there = await client(third.port);
  await until(async () => (await listed(root)).some((row) => row["Id"] === there.threadId));
  third.signal("SIGKILL");
  await third.exited;
  expect((await listed(root)).map((row) => row["Id"])).toContain(root.threadId);
  const [warnings] = await root.query<RowDataPacket[]>("SHOW WARNINGS");
  expect(warnings.map((row) => String(row["Message"])).join("\n")).toContain(`127.0.0.1:${third.port}`);
});
