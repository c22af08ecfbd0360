// What becomes of a gathered SELECT when its client, its gateway, a tablet, a mysqld or a connection goes away in the middle:
// the client gets an error and never a part of the rows, nothing runs on and no temporary table is left on any mysqld,
// connections are back in their pools, and the next statement works. On a cluster of real processes.
//
// The statements wait where a fault is to meet them: for a lock while rows are read from a shard, or in SLEEP() while the
// statement itself runs on the scratch connection, which is one of keyspace `plain`, the first that is named.

import { type Connection, createConnection } from "mysql2/promise";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Cluster } from "../../src/local/cluster.ts";
import { delay } from "../../src/local/process.ts";
import { withServer } from "../../src/local/server-connection.ts";
import { processOf, startCluster } from "../fixture/cluster.ts";
import { hashedBy } from "../fixture/hashed.ts";
import { until } from "../fixture/until.ts";
import { RawClient } from "../wire/raw-client.ts";
import { failureOf } from "./load.ts";

const READING =
  "/*sg+ FORCE_GATHER */ SELECT p.id, t.id, COUNT(*) OVER () FROM plain.p JOIN split.t ON t.v = p.v FOR UPDATE";
const RUNNING = "/*sg+ FORCE_GATHER */ SELECT SLEEP(600), COUNT(*) OVER () FROM plain.p JOIN split.t ON t.v = p.v";
/** Of one row: a mysqld that loses its client notices it within 5 s for each row that sleeps. */
const RUNNING_ONCE = RUNNING.replace("JOIN split.t ON t.v = p.v", "JOIN split.t ON t.v = p.v WHERE t.id = 1");
const LARGE = "/*sg+ FORCE_GATHER */ SELECT a.pad, b.id FROM split.big a JOIN split.big b";
const SMALL = "/*sg+ FORCE_GATHER */ SELECT p.id, COUNT(*) OVER () AS n FROM plain.p JOIN split.t ON t.v = p.v";
const BIG_ROWS = 200;
const LARGE_ROWS = (2 * BIG_ROWS) ** 2;
const PAD_BYTES = 200;
const TIMEOUT_MS = 480_000;
/** More than the pools have: one of them would have the temporary table. */
const SESSIONS = 6;
const PLACES = [
  ["plain", "0"],
  ["split", "-80"],
  ["split", "80-"],
] as const;

let cluster: Cluster;
let clients: RawClient[] = [];
let helpers: Connection[] = [];

beforeAll(async () => {
  cluster = await startCluster({
    topo: "etcd",
    keyspaces: {
      plain: { sql: "CREATE TABLE p (id BIGINT PRIMARY KEY, v BIGINT NOT NULL); INSERT INTO p VALUES (1, 0);" },
      split: {
        shards: 2,
        vschema: hashedBy({ t: "id", big: "id" }),
        sql: `CREATE TABLE t (id BIGINT PRIMARY KEY, v BIGINT NOT NULL);
          CREATE TABLE big (id BIGINT PRIMARY KEY, pad CHAR(${PAD_BYTES}) NOT NULL);
          INSERT INTO t (id, v) VALUES (1, 0), (2, 0), (4, 0);`,
      },
    },
  });
  for (const shard of ["-80", "80-"]) {
    await onShard("split", shard, `INSERT INTO big SELECT seq, REPEAT('x', ${PAD_BYTES}) FROM seq_1_to_${BIG_ROWS}`);
  }
});

afterEach(async () => {
  for (const client of clients) client.close();
  clients = [];
  for (const each of helpers) each.destroy();
  helpers = [];
  await allClean();
});

afterAll(() => cluster?.stop());

describe("a client that vanishes", { timeout: TIMEOUT_MS }, () => {
  test("while rows are read", async () => {
    await lockRow();
    const client = await rawClient();
    client.query(READING);
    await until(async () => (await running("split", "80-", "for update")) === 1);
    client.socket.destroy();
    await until(async () => (await running("split", "80-", "for update")) === 0);
  });

  test("while the statement runs", async () => {
    const client = await rawClient();
    client.query(RUNNING);
    await until(async () => (await running("plain", "0", "SLEEP")) === 1);
    client.socket.destroy();
    await until(async () => (await running("plain", "0", "SLEEP")) === 0);
  });

  test("while rows are on their way to it", async () => {
    const client = await rawClient();
    client.query(LARGE);
    await client.chunk();
    client.socket.pause();
    await delay(200);
    client.socket.resetAndDestroy();
  });
});

test(
  "a client that stops reading: the scratch server waits, and the rows come whole when it reads on",
  async () => {
    const client = await rawClient();
    client.query(LARGE);
    const first = (await client.chunk()).length;
    client.socket.pause();
    await until(async () => (await running("split", "", "shardgate_gather")) === 1);
    await delay(1_000);
    expect(await running("split", "", "shardgate_gather")).toBe(1);
    client.socket.resume();
    let bytes = first;
    while (bytes < LARGE_ROWS * PAD_BYTES) bytes += (await client.chunk()).length;
  },
  TIMEOUT_MS,
);

describe("killed", { timeout: TIMEOUT_MS }, () => {
  for (const kind of ["tablet", "mysqld"] as const) {
    test(`a ${kind} that rows are read from`, async () => {
      await lockRow();
      const one = await helper();
      const failure = failureOf(one.query(READING));
      await until(async () => (await running("split", "80-", "for update")) === 1);
      process.kill(processOf(cluster, kind, "split", "80-").pid, "SIGKILL");
      expect((await failure).sqlState).toBe("08S01");
      await eventuallyAnswers(one);
    });

    test(`the ${kind} of the scratch connection, while rows are read`, async () => {
      await lockRow();
      const one = await helper();
      const failure = failureOf(one.query(READING));
      await until(async () => (await running("split", "80-", "for update")) === 1);
      process.kill(processOf(cluster, kind, "plain", "0").pid, "SIGKILL");
      await releaseRow();
      expect((await failure).sqlState).toBe("08S01");
      await eventuallyAnswers(one);
    });

    test(`the ${kind} of the scratch connection, while the statement runs`, async () => {
      const one = await helper();
      const failure = failureOf(one.query(RUNNING_ONCE));
      await until(async () => (await running("plain", "0", "SLEEP")) === 1);
      process.kill(processOf(cluster, kind, "plain", "0").pid, "SIGKILL");
      expect((await failure).sqlState).toBe("08S01");
      await eventuallyAnswers(one);
    });
  }

  for (const [stage, sql] of [
    ["rows are read", READING],
    ["the statement runs", RUNNING_ONCE],
  ] as const) {
    test(`the gateway, while ${stage}`, async () => {
      await lockRow();
      const one = await helper();
      const failure = failureOf(one.query(sql));
      await until(
        async () => (await running("split", "80-", "for update")) + (await running("plain", "0", "SLEEP")) === 1,
      );
      process.kill(processOf(cluster, "gateway").pid, "SIGKILL");
      await failure;
      await until(
        async () => (await running("split", "80-", "for update")) + (await running("plain", "0", "SLEEP")) === 0,
      );
      await eventuallyAnswers();
    });
  }
});

describe("KILL on a mysqld", { timeout: TIMEOUT_MS }, () => {
  test("of the query that runs on the scratch connection: its error reaches the client", async () => {
    const one = await helper();
    const failure = failureOf(one.query(RUNNING));
    await kill("QUERY", "plain", "0", "SLEEP");
    // MariaDB's SLEEP() that is interrupted gives 1 when nothing else is to be done.
    expect(await failure).toMatchObject({ errno: 1317, sqlState: "70100" });
    await eventuallyAnswers(one);
  });

  test("of the scratch connection", async () => {
    const one = await helper();
    const failure = failureOf(one.query(RUNNING));
    await kill("CONNECTION", "plain", "0", "SLEEP");
    expect((await failure).errno).toSatisfy((errno: number) => errno === 2013 || errno === 1927 || errno === 1317);
    await eventuallyAnswers(one);
  });

  test("of the scratch connection in a transaction, which goes on", async () => {
    const one = await helper();
    await one.query("BEGIN");
    await one.query("UPDATE split.t SET v = v + 1 WHERE id IN (1, 4)");
    await one.query("UPDATE plain.p SET v = v + 1");
    const failure = failureOf(one.query(RUNNING));
    await kill("CONNECTION", "plain", "0", "SLEEP");
    expect((await failure).errno).not.toBe(1213);
    const [rows] = await one.query("SELECT id, COUNT(*) OVER () AS n FROM split.t WHERE v = 1 ORDER BY id");
    expect(rows).toEqual([
      { id: 1, n: 2 },
      { id: 4, n: 2 },
    ]);
    await one.query("ROLLBACK");
  });

  test("of a connection that rows are read from in a transaction: all of it is rolled back", async () => {
    await lockRow();
    const one = await helper();
    await one.query("BEGIN");
    await one.query("UPDATE split.t SET v = v + 1 WHERE id = 1");
    const failure = failureOf(one.query(READING));
    await kill("CONNECTION", "split", "80-", "for update");
    expect(await failure).toMatchObject({ errno: 1213, sqlState: "40001" });
    await releaseRow();
    const [rows] = await one.query("SELECT v FROM split.t WHERE id = 1");
    expect(rows).toEqual([{ v: 0 }]);
  });
});

test(
  "a row that is wanted at once and is locked: the shard's error, and nothing is left",
  async () => {
    await lockRow();
    const one = await helper();
    expect(await failureOf(one.query(`${READING} NOWAIT`))).toMatchObject({ errno: 1205 });
    await releaseRow();
    await eventuallyAnswers(one);
  },
  TIMEOUT_MS,
);

let locker: Connection | undefined;

/** Another session has the row of id 4, on shard 80-. */
async function lockRow(): Promise<void> {
  locker = await createConnection({
    host: "127.0.0.1",
    port: processOf(cluster, "mysqld", "split", "80-").port,
    user: "root",
  });
  locker.on("error", () => undefined);
  helpers.push(locker);
  await locker.query("BEGIN");
  await locker.query("SELECT v FROM split.t WHERE id = 4 FOR UPDATE");
}

async function releaseRow(): Promise<void> {
  await locker?.query("ROLLBACK");
}

async function kill(what: "QUERY" | "CONNECTION", keyspace: string, shard: string, text: string): Promise<void> {
  await until(async () => (await running(keyspace, shard, text)) === 1);
  const [row] = await onShard(
    keyspace,
    shard,
    `SELECT id FROM information_schema.processlist WHERE info LIKE '%${text}%' AND info NOT LIKE '%processlist%'`,
  );
  await onShard(keyspace, shard, `KILL ${what} ${row?.["id"] ?? 0}`);
}

async function eventuallyAnswers(one?: Connection): Promise<void> {
  await until(async () => {
    const asking = one ?? (await helper().catch(() => undefined));
    if (asking === undefined) return false;
    const rows = await asking.query(SMALL).then(
      ([found]) => found,
      () => undefined,
    );
    if (rows === undefined) return false;
    expect(rows).toEqual([
      { id: 1, n: 3 },
      { id: 1, n: 3 },
      { id: 1, n: 3 },
    ]);
    return true;
  });
}

/** No mysqld has a statement, a transaction or a temporary table of a gather, and pooled connections work. */
async function allClean(): Promise<void> {
  for (const [keyspace, shard] of PLACES) {
    await until(async () => (await running(keyspace, shard, "")) === 0);
    await until(async () => {
      const asked = onShard(keyspace, shard, "SELECT COUNT(*) AS n FROM information_schema.innodb_trx");
      const [row] = await asked.catch(() => []);
      return row?.["n"] === "0";
    });
  }
  await eventuallyAnswers();
  for (const [keyspace, shard] of PLACES) {
    const sessions = await Promise.all(Array.from({ length: SESSIONS }, () => helper()));
    for (const session of sessions) {
      await session.query(keyspace === "plain" ? "USE plain" : `USE \`${keyspace}:${shard}\``);
      await session.query("BEGIN");
      for (const number of [1, 2]) {
        const failure = await failureOf(session.query(`SELECT * FROM shardgate_gather_${number}`));
        expect(failure.errno, `${keyspace}:${shard}`).toBe(1146);
      }
    }
    for (const session of sessions) session.destroy();
  }
}

async function rawClient(): Promise<RawClient> {
  const client = await RawClient.login({ target: { host: "127.0.0.1", port: cluster.port }, user: "root" });
  clients.push(client);
  return client;
}

async function helper(): Promise<Connection> {
  const made = await createConnection({ host: "127.0.0.1", port: cluster.port, user: "root" });
  made.on("error", () => undefined);
  helpers.push(made);
  return made;
}

function onShard(keyspace: string, shard: string, sql: string): Promise<Record<string, string | undefined>[]> {
  return withServer(processOf(cluster, "mysqld", keyspace, shard).port, (server) => server.rows(sql), keyspace);
}

/** Statements that contain `text` and run on the shard's mysqld, or on those of all shards of the keyspace; 0 while it is away. */
async function running(keyspace: string, shard: string, text: string): Promise<number> {
  const shards = shard === "" ? ["-80", "80-"] : [shard];
  const sql =
    "SELECT info FROM information_schema.processlist WHERE command = 'Query' AND info IS NOT NULL AND info NOT LIKE '%processlist%'";
  const found = await Promise.all(shards.map((each) => onShard(keyspace, each, sql).catch(() => [])));
  return found.flat().filter(({ info = "" }) => info.includes(text)).length;
}
