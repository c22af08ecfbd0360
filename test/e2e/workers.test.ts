// `--workers`: several processes behind one address, of a gateway and of a tablet. Connections and limits are one gateway's,
// pages and metrics too; what dies takes only its own clients along, is replaced, and leaves nothing on the mysqld.

import { execFileSync } from "node:child_process";
import { type Connection, type ConnectionOptions, createConnection, type RowDataPacket } from "mysql2/promise";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Etcd } from "../../src/local/etcd.ts";
import type { Mysqld } from "../../src/local/mysqld.ts";
import { delay } from "../../src/local/process.ts";
import { withServer } from "../../src/local/server-connection.ts";
import { ensureBuilt } from "../fixture/build.ts";
import { startEtcd, startMysqld, temporaryDir } from "../fixture/cluster.ts";
import { eventually } from "../fixture/until.ts";
import { failureOf } from "./load.ts";
import { mustRun, type Part, sampled, startPart, stopAll } from "./parts.ts";

const TIMEOUT_MS = 480_000;
/** InnoDB's list of transactions is made anew only when it has not been looked at for 100 ms. */
const POLL_MS = 120;
const COUNTER_BITS = 22;

interface WorkerRow {
  readonly worker: number;
  readonly pid?: number;
  readonly state: string;
  readonly connections: number;
  readonly deaths: number;
}

const dir = temporaryDir("work");
const socketPath = join(dir.path, "gateway.sock");
const usersFile = join(dir.path, "users.json");
const [keyFile, certFile] = [join(dir.path, "key.pem"), join(dir.path, "cert.pem")];
const everything = { "*": ["admin"] };
let etcd: Etcd;
let mysqld: Mysqld;
let topo: readonly string[];
let tablet: Part;
let gateway: Part;
let clients: Connection[] = [];
let stopped: number[] = [];
/** Of one test each. */
let others: Part[] = [];

beforeAll(async () => {
  await ensureBuilt();
  writeUsers({ app: { emptyPassword: true, rights: { plain: ["read", "write"] }, maxConnections: 3 } });
  [etcd, mysqld] = await Promise.all([startEtcd(), startMysqld({ dir: join(dir.path, "mysqld") })]);
  topo = ["--topo-endpoints", etcd.endpoint, "--log-level", "silent"];
  await withServer(mysqld.socketPath, async (server) => {
    await server.run("CREATE DATABASE plain");
    await server.run("CREATE TABLE plain.p (id BIGINT PRIMARY KEY, v BIGINT)");
    await server.run("INSERT INTO plain.p VALUES (1, 0), (2, 0), (3, 0), (4, 0)");
  });
  const ctl = ["--topo-endpoints", etcd.endpoint];
  await mustRun("ctl", "AddCellInfo", "zone1", ...ctl);
  await mustRun("ctl", "CreateKeyspace", "plain", ...ctl);
  await mustRun("ctl", "CreateShard", "plain/0", ...ctl);
  const what = ["--alias", "zone1-0000000100", "--keyspace", "plain", "--shard", "0", "--workers", "2"];
  tablet = await startPart("tablet", ...what, "--mysql-socket", mysqld.socketPath, "--listen", "127.0.0.1:0", ...topo);
  execFileSync(
    "openssl",
    ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", keyFile, "-out", certFile, "-subj", "/CN=localhost"],
    { stdio: "ignore" },
  );
  const tls = ["--tls-cert", certFile, "--tls-key", keyFile];
  gateway = await startGateway("--socket", socketPath, "--connections-max", "8", ...tls);
}, TIMEOUT_MS);

afterEach(async () => {
  for (const client of clients) client.destroy();
  clients = [];
  for (const pid of stopped) process.kill(pid, "SIGCONT");
  stopped = [];
  for (const part of others) part.signal("SIGKILL");
  others = [];
  const isServing = ({ state }: WorkerRow): boolean => state === "serving";
  await eventually(async () => (await workersOf(tablet)).every(isServing));
  await eventually(async () => (await workersOf(gateway)).every((row) => isServing(row) && row.connections === 0));
  await withServer(mysqld.socketPath, async (server) => {
    await server.run("UPDATE plain.p SET v = 0");
    await server.run("DROP TABLE IF EXISTS plain.made");
  });
}, TIMEOUT_MS);

afterAll(async () => {
  await stopAll();
  await Promise.all([etcd?.stop(), mysqld?.stop()]);
  dir.remove();
});

describe("a tablet of two workers", { timeout: TIMEOUT_MS }, () => {
  test("is one tablet: in the topology, in its pages, in what it says of definitions", async () => {
    const listed = await mustRun("ctl", "GetTablets", "--topo-endpoints", etcd.endpoint);
    expect(listed.match(/zone1-0000000100/g)).toHaveLength(1);
    await eventually(async () => (await page(tablet, "/readyz")).status === 200);
    // One gRPC connection of each of the gateway's workers.
    await eventually(
      async () => (await workersOf(tablet)).reduce((sum, { connections }) => sum + connections, 0) === 2,
    );
    const both = await onBoth();
    for (const each of both) await each.query("SELECT v FROM p WHERE id = 1");
    expect(sampled((await page(tablet, "/metrics")).body, "shardgate_tablet_ready")).toBe(1);
    expect(sampled((await page(tablet, "/metrics")).body, "shardgate_worker_serving")).toBe(2);
    const [one, other] = both;
    await one.query("CREATE TABLE made (id BIGINT PRIMARY KEY, w BIGINT)");
    await one.query("INSERT INTO made VALUES (1, 2)");
    expect((await other.query<RowDataPacket[]>("SELECT * FROM made"))[0]).toEqual([{ id: 1, w: 2 }]);
    await other.query("DROP TABLE made");
    expect(await failureOf(one.query("SELECT * FROM made"))).toMatchObject({ errno: 1146 });
  });

  test("replaces a killed worker: what it ran is ended on the mysqld, the other one goes on", async () => {
    await eventually(
      async () => (await workersOf(tablet)).reduce((sum, { connections }) => sum + connections, 0) === 2,
    );
    const both = await onBoth();
    for (const [at, each] of both.entries()) {
      await each.query("BEGIN");
      await each.query(`UPDATE p SET v = 5 WHERE id = ${at + 1}`);
    }
    const sleeping = both.map((each) => failureOf(each.query("SELECT SLEEP(600) FROM p WHERE id = 3")));
    await eventually(async () => (await running("SLEEP")) === 2);
    // As many clients as it has connections: one, unless one was lost before.
    const victim = (await workersOf(tablet)).toSorted((one, other) => other.connections - one.connections)[0];
    process.kill(victim?.pid ?? 0, "SIGKILL");
    const left = 2 - (victim?.connections ?? 0);
    await eventually(async () => (await running("SLEEP")) === left);
    await eventually(async () => (await transactions()) === left);
    // The client whose statement was on it is told that its transaction is gone, and may begin again.
    const failed = await Promise.race(sleeping);
    expect(failed).toMatchObject({ errno: 1213, sqlState: "40001" });
    await eventually(async () => (await workersOf(tablet)).every(({ state }) => state === "serving"));
    await eventually(async () => (await workersOf(gateway)).every(({ state }) => state === "serving"));
    for (const each of await onBoth()) {
      await eventually(async () => (await each.query<RowDataPacket[]>("SELECT v FROM p WHERE id = 4"))[0].length === 1);
    }
  });
});

describe("a gateway of two workers", { timeout: TIMEOUT_MS }, () => {
  test("gives connections to the one that has fewer, and is one gateway to its clients", async () => {
    const secure = { ssl: { rejectUnauthorized: false } };
    const all = [await client(), await client(secure), await client(secure), await client({ socketPath })];
    const ids = await Promise.all(all.map(idOf));
    expect(new Set(ids).size).toBe(4);
    const numbers = ids.map((id) => id >> COUNTER_BITS);
    expect(new Set(numbers).size).toBe(2);
    expect((await workersOf(gateway)).map(({ connections }) => connections)).toEqual([2, 2]);
    const [one] = all;
    const [processes] = (await one?.query<RowDataPacket[]>("SHOW PROCESSLIST")) ?? [];
    expect(new Set(processes?.map(({ Id }) => Id as number))).toEqual(new Set(ids));
    // A connection of the other worker.
    const other = all[numbers.findIndex((number) => number !== numbers[0])];
    await one?.query(`KILL ${await idOf(other)}`);
    await expect(other?.query("SELECT 1")).rejects.toThrow();
    await eventually(
      async () => (await workersOf(gateway)).reduce((sum, { connections }) => sum + connections, 0) === 3,
    );
  });

  test("counts connections and users over both", async () => {
    for (let index = 0; index < 3; index++) await client({ user: "app" });
    expect(await failureOf(client({ user: "app" }))).toMatchObject({ errno: 1226 });
    const changing = await client();
    expect(await failureOf(changing.changeUser({ user: "app" }))).toMatchObject({ errno: 1226 });
    // It goes on as who it was.
    const [[who]] = await changing.query<RowDataPacket[]>("SELECT USER() LIKE 'root@%' AS isRoot");
    expect(who).toEqual({ isRoot: 1 });
    changing.destroy();
    await eventually(
      async () => (await workersOf(gateway)).reduce((sum, { connections }) => sum + connections, 0) === 3,
    );
    // One that has gone makes room, whichever worker it was on.
    clients[0]?.destroy();
    await eventually(async () => (await client({ user: "app" }).catch(() => undefined)) !== undefined);
    while ((await workersOf(gateway)).reduce((sum, { connections }) => sum + connections, 0) < 8) await client();
    expect(await failureOf(client({ user: "app" }))).toMatchObject({ errno: 1040 });
    // One more for an administrator.
    await eventually(
      async () => (await workersOf(gateway)).reduce((sum, { connections }) => sum + connections, 0) === 8,
    );
    await client();
  });

  test("reads its users again in all workers", async () => {
    expect((await failureOf(client({ user: "late" }))).message).toContain("Access denied");
    try {
      writeUsers({ late: { emptyPassword: true, rights: everything } });
      gateway.signal("SIGHUP");
      await eventually(async () => (await client({ user: "late" }).catch(() => undefined)) !== undefined);
      const [first, second] = [await client({ user: "late" }), await client({ user: "late" })];
      expect((await idOf(first)) >> COUNTER_BITS).not.toBe((await idOf(second)) >> COUNTER_BITS);
    } finally {
      writeUsers({ app: { emptyPassword: true, rights: { plain: ["read", "write"] }, maxConnections: 3 } });
      gateway.signal("SIGHUP");
      await eventually(async () => (await failureOf(client({ user: "late" }))).message.includes("Access denied"));
    }
  });

  test("shows one set of pages and metrics", async () => {
    expect(await page(gateway, "/livez")).toMatchObject({ status: 200 });
    expect(await page(gateway, "/readyz")).toMatchObject({ status: 200, body: "ok\n" });
    const all = [await client(), await client()];
    const statement = "SELECT v FROM p WHERE id=:v1";
    const shown = async (each: Connection | undefined): Promise<unknown> =>
      (await each?.query<RowDataPacket[]>("SHOW QUERY DIGESTS"))?.[0].find((row) =>
        Object.values(row).includes(statement),
      );
    await all[0]?.query("RESET QUERY DIGESTS");
    await eventually(async () => (await shown(all[0])) === undefined);
    const before = (await page(gateway, "/metrics")).body;
    for (const each of all) for (let id = 1; id <= 5; id++) await each.query(`SELECT v FROM p WHERE id = ${id}`);
    const { body } = await page(gateway, "/metrics");
    const selects = ['keyspace="plain"', 'type="select"', 'tier="pass-through"'];
    const grown = (name: string, ...labels: readonly string[]): number =>
      sampled(body, name, ...labels) - sampled(before, name, ...labels);
    expect(grown("shardgate_queries_total", ...selects, 'outcome="ok"')).toBe(10);
    expect(grown("shardgate_query_duration_seconds_count", ...selects)).toBe(10);
    expect(sampled(body, "shardgate_client_connections")).toBe(2);
    // Each worker says 1, and so does the whole.
    expect(sampled(body, "shardgate_tablet_serving")).toBe(1);
    expect(sampled(body, "shardgate_worker_serving")).toBe(2);
    expect(body).toContain("# TYPE shardgate_queries_total counter");
    const digests: unknown = JSON.parse((await page(gateway, "/debug/queries")).body);
    expect(digests).toContainEqual(expect.objectContaining({ keyspace: "plain", count: 10, statement }));
    expect(Object.values((await shown(all[0])) ?? {})).toContain("10");
    await all[1]?.query("RESET QUERY DIGESTS");
    expect(await shown(all[1])).toBeUndefined();
    await eventually(async () => (await shown(all[0])) === undefined);
    const connections: unknown = JSON.parse((await page(gateway, "/debug/connections")).body);
    expect(connections).toHaveLength(2);
    expect(connections).toContainEqual(expect.objectContaining({ worker: 1 }));
    expect(connections).toContainEqual(expect.objectContaining({ worker: 2 }));
  });

  test("replaces a killed worker; only its clients lose anything, and their transactions end", async () => {
    const [kept, lost] = await onBoth();
    for (const [at, each] of [kept, lost].entries()) {
      await each.query("BEGIN");
      await each.query(`UPDATE p SET v = 7 WHERE id = ${at + 1}`);
    }
    const victim = await workerOf(lost);
    process.kill(victim.pid ?? 0, "SIGKILL");
    await expect(lost.query("SELECT 1")).rejects.toThrow();
    await eventually(async () => (await transactions()) === 1);
    await kept.query("COMMIT");
    expect([await valueOf(1), await valueOf(2)]).toEqual(["7", "0"]);
    const fresh = await Promise.all([client(), client(), client()]);
    for (const each of fresh) expect(await idOf(each)).toBeGreaterThan(0);
    await eventually(async () => {
      const { deaths, state, pid } = (await workersOf(gateway))[victim.worker - 1] ?? victim;
      return deaths === victim.deaths + 1 && state === "serving" && pid !== victim.pid;
    });
    await eventually(async () => (await page(gateway, "/readyz")).status === 200);
    // Nobody is listed twice, though the dead one's entry in the topology lives on for a while.
    const listed = (await kept.query<RowDataPacket[]>("SHOW PROCESSLIST"))[0].map(({ Id }) => Id as number);
    expect(listed.length).toBe(new Set(listed).size);
    await kept.query("UPDATE p SET v = 0 WHERE id = 1");
  });

  test("gives nothing new to a worker that stands still", async () => {
    const [still, moving] = await onBoth();
    const { pid = 0 } = await workerOf(still);
    process.kill(pid, "SIGSTOP");
    stopped.push(pid);
    await eventually(async () => (await page(gateway, "/readyz")).body.includes("does not answer"));
    const { worker } = await workerOf(moving);
    for (let index = 0; index < 3; index++) expect((await workerOf(await client())).worker).toBe(worker);
    process.kill(pid, "SIGCONT");
    // Its connections to tablets were given up meanwhile.
    await eventually(async () => (await idOf(still)) > 0);
    await eventually(async () => (await page(gateway, "/readyz")).status === 200);
  });

  test("drains both on SIGTERM and leaves no process; one whose primary is killed does not stay", async () => {
    const own = await startGateway("--drain-timeout", "60");
    others.push(own);
    const pids = (await workersOf(own)).map(({ pid = 0 }) => pid);
    const both = await onBoth(own);
    for (const [at, each] of both.entries()) {
      await each.query("BEGIN");
      await each.query(`UPDATE p SET v = 3 WHERE id = ${at + 3}`);
    }
    own.signal("SIGTERM");
    await eventually(async () => (await page(own, "/readyz")).body === "draining\n");
    await eventually(async () => (await failureOf(client({ port: own.port }))).message.includes("ECONNREFUSED"));
    for (const each of both) {
      await each.query("COMMIT");
      each.destroy();
    }
    expect((await own.exited).code).toBe(0);
    expect([await valueOf(3), await valueOf(4)]).toEqual(["3", "3"]);
    expect(pids.filter(isAlive)).toEqual([]);

    // With lines of its log on their way to the primary.
    const killed = await startGateway("--log-level", "debug");
    others.push(killed);
    const orphans = (await workersOf(killed)).map(({ pid = 0 }) => pid);
    killed.signal("SIGKILL");
    await eventually(async () => orphans.every((pid) => !isAlive(pid)));
    // The tablet has only the connections of the gateway that is left.
    await eventually(
      async () => (await workersOf(tablet)).reduce((sum, { connections }) => sum + connections, 0) === 2,
    );
  });
});

function startGateway(...flags: readonly string[]): Promise<Part> {
  const shared = ["--listen", "127.0.0.1:0", "--workers", "2", "--users-file", usersFile];
  return startPart("gateway", ...shared, ...topo, ...flags);
}

function writeUsers(users: object): void {
  writeFileSync(usersFile, JSON.stringify({ users: { root: { emptyPassword: true, rights: everything }, ...users } }));
}

async function client({
  user = "root",
  port = gateway.port,
  ...rest
}: Pick<ConnectionOptions, "user" | "port" | "socketPath" | "ssl"> = {}): Promise<Connection> {
  const connection = await createConnection({ host: "127.0.0.1", port, user, database: "plain", ...rest });
  connection.on("error", () => {});
  clients.push(connection);
  return connection;
}

/** A connection on each worker. */
async function onBoth({ port }: Part = gateway): Promise<readonly [Connection, Connection]> {
  const [one, other] = [await client({ port }), await client({ port })];
  expect((await idOf(one)) >> COUNTER_BITS).not.toBe((await idOf(other)) >> COUNTER_BITS);
  return [one, other];
}

async function idOf(connection: Connection | undefined): Promise<number> {
  const [rows] = (await connection?.query<RowDataPacket[]>("SELECT CONNECTION_ID() AS id")) ?? [];
  return Number(rows?.[0]?.["id"]);
}

/** The one that has the connection. */
async function workerOf(connection: Connection): Promise<WorkerRow> {
  const id = await idOf(connection);
  const listed = JSON.parse((await page(gateway, "/debug/connections")).body) as { id: number; worker: number }[];
  const worker = listed.find((each) => each.id === id)?.worker;
  const found = (await workersOf(gateway)).find((each) => each.worker === worker);
  if (found === undefined) throw new Error(`connection ${id} is on no worker`);
  return found;
}

async function workersOf(part: Part): Promise<readonly WorkerRow[]> {
  return JSON.parse((await page(part, "/debug/workers")).body) as WorkerRow[];
}

async function page(part: Part, path: string): Promise<{ readonly status: number; readonly body: string }> {
  const response = await fetch(`http://${part.admin}${path}`);
  return { status: response.status, body: await response.text() };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function transactions(): Promise<number> {
  await delay(POLL_MS);
  return Number(await ofMysqld("SELECT COUNT(*) FROM information_schema.innodb_trx"));
}

async function running(text: string): Promise<number> {
  const list = "SELECT COUNT(*) FROM information_schema.processlist WHERE id <> CONNECTION_ID()";
  return Number(await ofMysqld(`${list} AND info LIKE '%${text}%'`));
}

function valueOf(id: number): Promise<string> {
  return ofMysqld(`SELECT v FROM plain.p WHERE id = ${id}`);
}

function ofMysqld(sql: string): Promise<string> {
  return withServer(mysqld.socketPath, (server) => server.value(sql));
}
