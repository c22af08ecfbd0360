// Processes killed (SIGKILL) and stopped (SIGSTOP) under load, on a cluster of real processes that restarts what dies: the
// other shards go on as if nothing were, clients of the shard get an error that drivers answer with another try, within
// seconds, and all is well by itself when the process is back.

import { createCipheriv } from "node:crypto";
import { type Connection, createConnection, type RowDataPacket } from "mysql2/promise";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Cluster, ClusterProcess } from "../../src/local/cluster.ts";
import { delay } from "../../src/local/process.ts";
import { withServer } from "../../src/local/server-connection.ts";
import { processOf, startCluster } from "../fixture/cluster.ts";
import { hashedBy } from "../fixture/hashed.ts";
import { eventually, firstAnswer } from "../fixture/until.ts";
import { failureOf, Load } from "./load.ts";

// hash(1) is 166b40b44aba4bd6 and lies on -80; hash(4) is d2fd8867d50d2dfe and lies on 80-.
const VICTIM = "SELECT v FROM split.t WHERE id = 1";
const BYSTANDER = "SELECT v FROM split.t WHERE id = 4";
const OTHER_VICTIM = "SELECT v FROM plain.p WHERE id = 1";
/** Long enough for a process that is stopped for PAUSE_MS on a busy machine, and short for the tests' sake. */
const SILENCE_MAX_S = 12;
/** Longer than a replica that is silent is read from. */
const PAUSE_MS = 4_000;
/**
 * Longest a client may have to wait: two looks at a mysqld of 3 s each, or SILENCE_MAX_S, and slack for a busy machine.
 * Without those looks it would wait for as long as the process is stopped.
 */
const LONGEST_MS = 26_000;
/** What concerns a shard that is known to be away, or another shard, does not wait for one of those looks. */
const PROMPT_MS = 5_000;
const RECOVERY_MS = 60_000;
const TIMEOUT_MS = 480_000;

let cluster: Cluster;
let loads: Load[] = [];
let clients: Connection[] = [];
let stopped: number[] = [];

beforeAll(async () => {
  const args = ["--silence-max", `${SILENCE_MAX_S}`];
  cluster = await startCluster({
    topo: "etcd",
    gatewayArgs: args,
    tabletArgs: args,
    keyspaces: {
      plain: { sql: "CREATE TABLE p (id BIGINT PRIMARY KEY, v BIGINT NOT NULL); INSERT INTO p VALUES (1, 0);" },
      split: {
        shards: 2,
        vschema: hashedBy({ t: "id" }),
        sql: `CREATE TABLE t (id BIGINT PRIMARY KEY, v BIGINT NOT NULL);
          INSERT INTO t (id, v) VALUES (1, 0), (2, 0), (4, 0);`,
      },
    },
  });
});

afterEach(async () => {
  goOn();
  for (const client of clients) client.destroy();
  clients = [];
  await Promise.all(loads.map((load) => load.stop()));
  loads = [];
  // Whole, and as it was, for what comes next: also when a test has not come to its end.
  const mending = await client();
  for (const sql of [
    "UPDATE plain.p SET v = 0",
    "UPDATE split.t SET v = 0 WHERE id IN (1, 2, 4)",
    "DELETE FROM split.t WHERE id > 4",
  ]) {
    await firstAnswer(() => mending.query(sql), sql, RECOVERY_MS);
  }
}, TIMEOUT_MS);

afterAll(() => cluster?.stop());

describe("under load", () => {
  for (const kind of ["mysqld", "tablet"] as const) {
    test(
      `a ${kind} is killed`,
      async () => {
        const victim = load(VICTIM);
        const bystander = load(BYSTANDER);
        await Promise.all([victim.answered(50, RECOVERY_MS), bystander.answered(50, RECOVERY_MS)]);
        process.kill(processOf(cluster, kind, "split", "-80").pid, "SIGKILL");
        await eventually(() => victim.errors.length > 0, LONGEST_MS, "an error for clients of the shard");
        await bystander.answered(50, RECOVERY_MS);
        await victim.answered(50, RECOVERY_MS);
        expectWell(victim, bystander);
      },
      TIMEOUT_MS,
    );
  }

  test(
    "a mysqld and another shard's tablet are stopped",
    async () => {
      const victim = load(VICTIM);
      const otherVictim = load(OTHER_VICTIM);
      const bystander = load(BYSTANDER);
      await Promise.all([victim, otherVictim, bystander].map((each) => each.answered(50, RECOVERY_MS)));
      stop(processOf(cluster, "mysqld", "split", "-80"));
      stop(processOf(cluster, "tablet", "plain", "0"));
      await eventually(
        () => victim.errors.length > 0 && otherVictim.errors.length > 0,
        LONGEST_MS,
        "errors for clients",
      );
      await bystander.answered(50, RECOVERY_MS);
      // Once it is known that the shard is away, the answer comes at once.
      for (const sql of [VICTIM, OTHER_VICTIM]) {
        const asking = await client();
        await eventually(
          async () => (await failureOf(asking.query(sql))).afterMs < 1_000,
          LONGEST_MS,
          `a prompt no to ${sql}`,
        );
      }
      // What concerns a shard that is away and one that is not is refused as a whole: no half of a write, no half of a result.
      const one = await client();
      for (const sql of ["UPDATE split.t SET v = v + 1 WHERE id IN (1, 4)", "SELECT id, v FROM split.t"]) {
        expect(await failureOf(one.query(sql)), sql).toMatchObject({ errno: 1053, sqlState: "08S01" });
      }
      const [rows] = await one.query<RowDataPacket[]>(BYSTANDER);
      expect(rows).toEqual([{ v: 0 }]);
      goOn();
      await Promise.all([victim.answered(50, RECOVERY_MS), otherVictim.answered(50, RECOVERY_MS)]);
      expectWell(victim, bystander);
      expectWell(otherVictim, bystander);
    },
    TIMEOUT_MS,
  );
});

test(
  "a tablet and then the gateway stand still for a moment: nobody has an error, transactions go on",
  async () => {
    const loads = [load(VICTIM), load(BYSTANDER), load(OTHER_VICTIM)];
    await Promise.all(loads.map((each) => each.answered(50, RECOVERY_MS)));
    const one = await client();
    await one.query("BEGIN");
    await one.query("UPDATE split.t SET v = v + 1 WHERE id IN (1, 4)");
    for (const process of [processOf(cluster, "tablet", "split", "-80"), processOf(cluster, "gateway")]) {
      stop(process);
      const update = one.query("UPDATE split.t SET v = v + 1 WHERE id = 1");
      await delay(PAUSE_MS);
      goOn();
      await update;
      await Promise.all(loads.map((each) => each.answered(50, RECOVERY_MS)));
    }
    await one.query("COMMIT");
    expect(await valuesOnShards()).toEqual({ "-80": ["3", "0"], "80-": ["1"] });
    await one.query("UPDATE split.t SET v = 0 WHERE id IN (1, 4)");
    for (const each of loads) expect([...each.errors, ...each.fatal]).toEqual([]);
  },
  TIMEOUT_MS,
);

describe("a transaction whose shard is lost is rolled back everywhere, and its session goes on", () => {
  for (const kind of ["mysqld", "tablet"] as const) {
    test(
      `${kind} killed between two statements`,
      async () => {
        const one = await client();
        await one.query("BEGIN");
        await one.query("UPDATE split.t SET v = v + 1 WHERE id = 4");
        await one.query("UPDATE split.t SET v = v + 1 WHERE id = 1");
        process.kill(processOf(cluster, kind, "split", "-80").pid, "SIGKILL");
        await eventuallyAnswers(VICTIM);
        // Another session's transaction on the shard that is back: the lost one must not meet it.
        const other = await client();
        await other.query("BEGIN");
        await other.query("UPDATE split.t SET v = v + 100 WHERE id = 2");
        const failure = await failureOf(one.query("UPDATE split.t SET v = v + 1000 WHERE id = 2"));
        expect(failure).toMatchObject({ errno: 1213, sqlState: "40001" });
        expect(failure.message).toContain("try restarting");
        await other.query("ROLLBACK");
        await one.query("COMMIT");
        expect(await valuesOnShards()).toEqual({ "-80": ["0", "0"], "80-": ["0"] });
        await retried(one);
      },
      TIMEOUT_MS,
    );

    test(
      `${kind} killed before COMMIT`,
      async () => {
        const one = await client();
        await one.query("BEGIN");
        await one.query("UPDATE split.t SET v = v + 1 WHERE id = 1");
        await one.query("UPDATE split.t SET v = v + 1 WHERE id = 4");
        process.kill(processOf(cluster, kind, "split", "-80").pid, "SIGKILL");
        await eventuallyAnswers(VICTIM);
        const failure = await failureOf(one.query("COMMIT"));
        expect(["1213 40001", "2013 08S01"]).toContain(`${failure.errno} ${failure.sqlState}`);
        expect(await valuesOnShards()).toEqual({ "-80": ["0", "0"], "80-": ["0"] });
        await retried(one);
      },
      TIMEOUT_MS,
    );
  }

  test(
    "mysqld of one and tablet of another stopped while a statement runs",
    async () => {
      const [one, other] = [await client(), await client()];
      await one.query("BEGIN");
      await one.query("UPDATE split.t SET v = v + 1 WHERE id = 4");
      await one.query("UPDATE split.t SET v = v + 1 WHERE id = 1");
      await other.query("BEGIN");
      await other.query("UPDATE plain.p SET v = v + 1 WHERE id = 1");
      const running = failureOf(one.query("SELECT SLEEP(600), v FROM split.t WHERE id = 1"));
      const otherRunning = failureOf(other.query("SELECT SLEEP(600), v FROM plain.p WHERE id = 1"));
      for (const keyspace of ["split", "plain"]) await eventually(() => isSleeping(keyspace), LONGEST_MS, "both run");
      stop(processOf(cluster, "mysqld", "split", "-80"));
      stop(processOf(cluster, "tablet", "plain", "0"));
      for (const failure of [await running, await otherRunning]) {
        expect(failure).toMatchObject({ errno: 1213, sqlState: "40001" });
        expect(failure.afterMs).toBeLessThan(LONGEST_MS);
      }
      // What the transaction did on the healthy shard is undone already, and its lock gone.
      await (await client()).query("UPDATE split.t SET v = 0 WHERE id = 4");
      expect((await failureOf(one.query(VICTIM))).sqlState).toBe("08S01");
      goOn();
      await eventuallyAnswers(VICTIM);
      await eventuallyAnswers(OTHER_VICTIM);
      expect(await valuesOnShards()).toEqual({ "-80": ["0", "0"], "80-": ["0"] });
      await retried(one);
    },
    TIMEOUT_MS,
  );
});

test("a row inserted through the gateway is on the shard its vindex says, and on no other", async () => {
  const one = await client();
  const ids = Array.from({ length: 60 }, (_, i) => 1_000 + i * 7_919);
  const some = ids.slice(0, 40);
  await one.query(`INSERT INTO split.t (id, v) VALUES ${some.map((id) => `(${id}, 7)`).join(", ")}`);
  for (const id of ids.slice(40)) await one.query("INSERT INTO split.t (id, v) VALUES (?, 7)", [id]);
  const placed = (shard: string): Promise<string[]> =>
    withServer(processOf(cluster, "mysqld", "split", shard).port, async (server) => {
      const rows = await server.rows("SELECT id FROM split.t WHERE v = 7 ORDER BY id");
      return rows.map(({ id = "" }) => id);
    });
  const wanted = (isLow: boolean): string[] => ids.filter((id) => vitessHash(id) < 0x80 === isLow).map(String);
  expect(wanted(true).length).toBeGreaterThan(10);
  expect(await placed("-80")).toEqual(wanted(true));
  expect(await placed("80-")).toEqual(wanted(false));
  await one.query(`DELETE FROM split.t WHERE id IN (${ids.join(", ")})`);
});

/** First byte of the keyspace id: Vitess's `hash` is the id's eight bytes through DES with a key of zeros. */
function vitessHash(id: number): number {
  const plain = Buffer.alloc(8);
  plain.writeBigUInt64BE(BigInt(id));
  const cipher = createCipheriv("des-ede3-ecb", Buffer.alloc(24), null).setAutoPadding(false);
  return cipher.update(plain)[0] ?? 0;
}

function load(statement: string): Load {
  const made = new Load({ port: cluster.port }, 3, () => statement);
  loads.push(made);
  return made;
}

async function client(): Promise<Connection> {
  const made = await createConnection({ host: "127.0.0.1", port: cluster.port, user: "root" });
  made.on("error", () => {});
  clients.push(made);
  return made;
}

function stop({ pid }: ClusterProcess): void {
  process.kill(pid, "SIGSTOP");
  stopped.push(pid);
}

function goOn(): void {
  for (const pid of stopped) process.kill(pid, "SIGCONT");
  stopped = [];
}

function expectWell(victim: Load, bystander: Load): void {
  expect(bystander.errors).toEqual([]);
  expect(victim.fatal).toEqual([]);
  expect(victim.longestMs).toBeLessThan(LONGEST_MS);
  expect(bystander.longestMs).toBeLessThan(PROMPT_MS);
}

/** The same session does its work again, as a client does after 1213. */
async function retried(session: Connection): Promise<void> {
  await session.query("BEGIN");
  await session.query("UPDATE split.t SET v = v + 1 WHERE id = 1");
  await session.query("UPDATE split.t SET v = v + 1 WHERE id = 4");
  await session.query("COMMIT");
  expect(await valuesOnShards()).toEqual({ "-80": ["1", "0"], "80-": ["1"] });
  await session.query("UPDATE split.t SET v = 0 WHERE id IN (1, 2, 4)");
}

/** `v` by id, asked of each mysqld directly. A row that a transaction still locks would make this wait, and fail. */
async function valuesOnShards(): Promise<Record<string, string[]>> {
  const values: Record<string, string[]> = {};
  for (const shard of ["-80", "80-"]) {
    values[shard] = await withServer(processOf(cluster, "mysqld", "split", shard).port, async (server) => {
      await server.run("SET innodb_lock_wait_timeout = 20");
      const rows = await server.rows("SELECT v FROM split.t ORDER BY id FOR UPDATE");
      return rows.map(({ v = "" }) => v);
    });
  }
  return values;
}

/** Whether a statement with SLEEP runs on the keyspace's first mysqld. */
function isSleeping(keyspace: string): Promise<boolean> {
  return withServer(processOf(cluster, "mysqld", keyspace, keyspace === "plain" ? "0" : "-80").port, async (server) => {
    const infos = await server.rows("SELECT info FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP%'");
    return infos.length > 0;
  });
}

async function eventuallyAnswers(sql: string): Promise<void> {
  const asking = await client();
  await eventually(
    async () => {
      const [rows] = await asking.query<RowDataPacket[]>(sql);
      return rows.length === 1;
    },
    RECOVERY_MS,
    `an answer to ${sql}`,
  );
}
