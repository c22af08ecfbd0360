// Clients that behave badly, each on a cluster of real processes: that stop reading in the middle of a large result (the
// shard must stop sending, nobody may pile it up), or vanish in the middle of a statement or transaction (stopped and
// rolled back at once on every shard, connections back in their pools).

import { readFileSync } from "node:fs";
import { type Connection, createConnection } from "mysql2/promise";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Cluster, ClusterProcess } from "../../src/local/cluster.ts";
import { delay } from "../../src/local/process.ts";
import { withServer } from "../../src/local/server-connection.ts";
import { startCluster } from "../fixture/cluster.ts";
import { hashedBy } from "../fixture/hashed.ts";
import { until } from "../fixture/until.ts";
import { RawClient } from "../wire/raw-client.ts";
import { Load } from "./load.ts";

const MIB = 1024 * 1024;
const SHARDS = ["-80", "80-"] as const;
/** 70 MB a shard: far more than all queues on the way may hold. */
const BIG_ROWS = 350_000;
const BIG_BYTES_MIN = BIG_ROWS * 2 * 200;
/** The neighbours' garbage may come to 30 MiB by itself. */
const HELD_BYTES_MAX = 44 * MIB;
/** InnoDB's list of transactions is made anew only when it has not been looked at for 100 ms. */
const POLL_MS = 120;
/** What happens "at once" is waited for as long as this: a busy machine is no fault. Nothing below would end by itself. */
const PATIENCE_MS = 60_000;
const TIMEOUT_MS = 480_000;

let cluster: Cluster;
let clients: RawClient[] = [];
let helpers: Connection[] = [];

beforeAll(async () => {
  cluster = await startCluster({
    topo: "etcd",
    keyspaces: {
      split: {
        shards: 2,
        vschema: hashedBy({ t: "id", big: "id" }),
        sql: `CREATE TABLE t (id BIGINT PRIMARY KEY, v BIGINT NOT NULL);
          CREATE TABLE big (id BIGINT PRIMARY KEY, v CHAR(200) NOT NULL);
          INSERT INTO t (id, v) VALUES (1, 0), (2, 0), (4, 0), (6, 0);`,
      },
    },
  });
  for (const shard of SHARDS) {
    await onShard(shard, `INSERT INTO split.big SELECT seq, REPEAT('x', 200) FROM seq_1_to_${BIG_ROWS}`);
  }
});

afterEach(() => {
  for (const client of clients) client.close();
  clients = [];
  for (const helper of helpers) helper.destroy();
  helpers = [];
});

afterAll(() => cluster?.stop());

describe("a client that stops reading", { timeout: TIMEOUT_MS }, () => {
  const results: Record<string, { sql: string; bytesMin: number }> = {
    "of one shard": { sql: "SELECT * FROM split.big", bytesMin: BIG_BYTES_MIN / 2 },
    "of all shards": { sql: "SELECT * FROM split.big", bytesMin: BIG_BYTES_MIN },
  };
  for (const [name, { sql, bytesMin }] of Object.entries(results)) {
    test(`in the middle of a large result ${name}: it waits on the shards, and comes whole when it reads on`, async () => {
      const watched = cluster.processes().filter(({ kind }) => kind === "gateway" || kind === "tablet");
      const client = await rawClient();
      if (name === "of one shard") await ask(client, "USE `split:-80`");
      const neighbours = new Load({ port: cluster.port }, 2, () => "SELECT v FROM split.t WHERE id IN (1, 4)");
      // What the processes are like with all this when nothing is held up.
      client.query(sql);
      await readToEnd(client, bytesMin);
      await neighbours.answered(200, PATIENCE_MS);
      const before = watched.map(rssOf);

      client.query(sql);
      const first = (await client.chunk()).length;
      client.socket.pause();
      await neighbours.answered(100, PATIENCE_MS);
      await delay(1_500);
      // What is held is held until the client reads on; garbage goes.
      for (const [i, each] of watched.entries()) {
        await until(async () => rssOf(each) - (before[i] ?? 0) < HELD_BYTES_MAX, PATIENCE_MS);
      }
      // The shard's mysqld itself waits to write.
      expect(await running("-80", "split.big")).toHaveLength(1);
      await neighbours.stop();
      expect(neighbours.errors).toEqual([]);
      client.socket.resume();
      await readToEnd(client, bytesMin - first);
      await ask(client, "SELECT v FROM split.t WHERE id = 1");
    });
  }

  test("and then vanishes: the statement is stopped on every shard", async () => {
    const client = await rawClient();
    client.query("SELECT * FROM split.big");
    await client.chunk();
    client.socket.pause();
    await delay(200);
    client.socket.resetAndDestroy();
    for (const shard of SHARDS) await until(async () => (await running(shard, "split.big")).length === 0, PATIENCE_MS);
  });
});

describe("a client that vanishes", { timeout: TIMEOUT_MS }, () => {
  let connectionsBefore: number[];

  beforeEach(async () => {
    // Pools are warm: what is counted later can only be connections that did not come back.
    const warm = await helper();
    await warm.query("BEGIN");
    await warm.query("UPDATE split.t SET v = 0 WHERE id IN (1, 2, 4, 6)");
    await warm.query("COMMIT");
    connectionsBefore = await Promise.all(SHARDS.map(connectionCount));
  });

  const ways: Record<string, (client: RawClient) => void> = {
    "closing its socket": (client) => client.socket.destroy(),
    "with a reset": (client) => client.socket.resetAndDestroy(),
    "with COM_QUIT": (client) => client.send(1),
  };
  for (const [way, vanish] of Object.entries(ways)) {
    test(`between two statements of a transaction, ${way}`, async () => {
      const client = await rawClient();
      await ask(client, "BEGIN");
      await ask(client, "UPDATE split.t SET v = v + 1 WHERE id = 1");
      await ask(client, "UPDATE split.t SET v = v + 1 WHERE id = 4");
      for (const shard of SHARDS) await until(async () => (await transactions(shard)) === 1, PATIENCE_MS);
      vanish(client);
      await rolledBack();
    });
  }

  test("in a plain statement", async () => {
    const client = await rawClient();
    client.query("SELECT SLEEP(600) FROM split.t WHERE id = 1");
    await until(async () => (await running("-80", "SLEEP")).length === 1, PATIENCE_MS);
    client.socket.destroy();
    await until(async () => (await running("-80", "SLEEP")).length === 0, PATIENCE_MS);
    await rolledBack();
  });

  test("in a statement over all shards", async () => {
    const client = await rawClient();
    client.query("SELECT SLEEP(600) FROM split.t");
    await until(async () => (await running("80-", "SLEEP")).length === 1, PATIENCE_MS);
    client.socket.destroy();
    for (const shard of SHARDS) await until(async () => (await running(shard, "SLEEP")).length === 0, PATIENCE_MS);
    await rolledBack();
  });

  test("in the first statement of a transaction, which waits for a lock", async () => {
    const holder = await helper();
    await holder.query("BEGIN");
    await holder.query("UPDATE split.t SET v = v + 100 WHERE id = 1");
    const client = await rawClient();
    await ask(client, "BEGIN");
    client.query("UPDATE split.t SET v = v + 1 WHERE id = 1");
    await until(async () => (await running("-80", "v + 1 ")).length === 1, PATIENCE_MS);
    client.socket.destroy();
    await until(async () => (await transactions("-80")) === 1, PATIENCE_MS);
    await holder.query("ROLLBACK");
    await rolledBack();
  });

  test("in a later statement of a transaction over two shards, which waits for a lock", async () => {
    const holder = await helper();
    await holder.query("BEGIN");
    await holder.query("UPDATE split.t SET v = v + 100 WHERE id = 1");
    const client = await rawClient();
    await ask(client, "BEGIN");
    await ask(client, "UPDATE split.t SET v = v + 1 WHERE id = 4");
    await ask(client, "UPDATE split.t SET v = v + 1 WHERE id = 2");
    client.query("UPDATE split.t SET v = v + 1 WHERE id = 1");
    await until(async () => (await running("-80", "v + 1 ")).length === 1, PATIENCE_MS);
    client.socket.destroy();
    await until(async () => (await transactions("80-")) === 0, PATIENCE_MS);
    await until(async () => (await transactions("-80")) === 1, PATIENCE_MS);
    await holder.query("ROLLBACK");
    await rolledBack();
  });

  test("in a write to several shards, one of which waits for a lock", async () => {
    const holder = await helper();
    await holder.query("BEGIN");
    await holder.query("UPDATE split.t SET v = v + 100 WHERE id = 1");
    const client = await rawClient();
    client.query("UPDATE split.t SET v = v + 1 WHERE id IN (1, 4)");
    await until(async () => (await running("-80", "v + 1 ")).length === 1, PATIENCE_MS);
    client.socket.destroy();
    await until(async () => (await transactions("80-")) === 0, PATIENCE_MS);
    await until(async () => (await transactions("-80")) === 1, PATIENCE_MS);
    await holder.query("ROLLBACK");
    await rolledBack();
  });

  test("after it has left state on a connection of its own", async () => {
    const client = await rawClient();
    await ask(client, "USE `split:-80`");
    await ask(client, "CREATE TEMPORARY TABLE mine (id INT)");
    await ask(client, "SELECT GET_LOCK('shardgate-test', 0)");
    client.socket.destroy();
    const other = await rawClient();
    await until(
      async () => (await onShard("-80", "SELECT IS_FREE_LOCK('shardgate-test') AS free"))[0]?.["free"] === "1",
      PATIENCE_MS,
    );
    await ask(other, "USE `split:-80`");
    await ask(other, "SELECT 1");
    await rolledBack();
  });

  test("again and again: no connection to a mysqld is left over", async () => {
    for (let round = 0; round < 30; round++) {
      const client = await rawClient();
      await ask(client, "BEGIN");
      await ask(client, "UPDATE split.t SET v = v + 1 WHERE id = 1");
      client.query(round % 2 === 0 ? "SELECT SLEEP(600) FROM split.t" : "UPDATE split.t SET v = v + 1 WHERE id = 4");
      if (round % 3 === 0) await delay(5);
      client.socket.destroy();
    }
    await rolledBack();
  });

  // Its KILL must not meet the BEGIN that goes before the statement: that would be committed by itself.
  test("at once behind a statement that begins on a shard", async () => {
    const rounds = async (id: number): Promise<void> => {
      for (let round = 0; round < 60; round++) {
        const client = await rawClient();
        await ask(client, "BEGIN");
        client.query(`UPDATE split.t SET v = v + 1 WHERE id = ${id}`);
        await delay((round % 5) / 2);
        client.socket.destroy();
      }
    };
    await Promise.all([1, 2, 4, 6].map(rounds));
    await rolledBack();
  });

  /** Nothing of it is left: no transaction, no change, no lock, and every connection is where it was. */
  async function rolledBack(): Promise<void> {
    for (const [i, shard] of SHARDS.entries()) {
      await until(async () => (await transactions(shard)) === 0, PATIENCE_MS);
      expect(await onShard(shard, "SELECT DISTINCT v FROM split.t FOR UPDATE")).toEqual([{ v: "0" }]);
      // The pools' own control connections come and go.
      await until(async () => (await connectionCount(shard)) <= (connectionsBefore[i] ?? 0) + 6, PATIENCE_MS);
    }
  }
});

async function rawClient(): Promise<RawClient> {
  const client = await RawClient.login({ target: { host: "127.0.0.1", port: cluster.port }, user: "root" });
  clients.push(client);
  return client;
}

async function helper(): Promise<Connection> {
  const made = await createConnection({ host: "127.0.0.1", port: cluster.port, user: "root" });
  helpers.push(made);
  return made;
}

/** Runs a statement whose answer is short, and reads it. */
async function ask(client: RawClient, sql: string): Promise<void> {
  client.query(sql);
  const answer = await client.chunk();
  if (answer[4] === 0xff) throw new Error(`${sql}: ${answer.toString("latin1", 13)}`);
}

/** Reads until the packet that ends the rows; an ERR in its place is an error. */
async function readToEnd(client: RawClient, bytesMin: number): Promise<void> {
  let bytes = 0;
  let tail = Buffer.alloc(0);
  while (bytes < bytesMin || !(tail.length >= 9 && tail[tail.length - 9] === 5 && tail[tail.length - 5] === 0xfe)) {
    const chunk = await client.chunk();
    bytes += chunk.length;
    tail = Buffer.concat([tail, chunk]).subarray(-64);
  }
}

function onShard(shard: string, sql: string): Promise<Record<string, string | undefined>[]> {
  const mysqld = cluster.processes().find((each) => each.kind === "mysqld" && each.shard === shard);
  return withServer(mysqld?.port ?? 0, (server) => server.rows(sql), "split");
}

/** Statements that run on the shard's mysqld now and contain `text`. */
async function running(shard: string, text: string): Promise<string[]> {
  const rows = await onShard(shard, "SELECT info FROM information_schema.processlist WHERE info IS NOT NULL");
  return rows
    .map(({ info = "" }) => info)
    .filter((info) => info.includes(text) && !info.includes("information_schema.processlist"));
}

async function transactions(shard: string): Promise<number> {
  await delay(POLL_MS);
  const [row] = await onShard(shard, "SELECT COUNT(*) AS n FROM information_schema.innodb_trx");
  return Number(row?.["n"]);
}

async function connectionCount(shard: string): Promise<number> {
  const [row] = await onShard(shard, "SELECT COUNT(*) AS n FROM information_schema.processlist WHERE user = 'root'");
  return Number(row?.["n"]);
}

function rssOf({ pid }: ClusterProcess): number {
  const found = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(found?.[1]) * 1024;
}
