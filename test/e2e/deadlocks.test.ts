// Deadlocks between shards: found within moments, one transaction is rolled back with 1213 and the others go on; also
// between clients of two gateways, and in whatever form the statements come.

import { type Connection, createConnection, type ResultSetHeader, type RowDataPacket } from "mysql2/promise";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Cluster } from "../../src/local/cluster.ts";
import { delay } from "../../src/local/process.ts";
import { startCluster } from "../fixture/cluster.ts";
import { hashedBy } from "../fixture/hashed.ts";
import { type Part, startPart, stopAll } from "./parts.ts";

let cluster: Cluster;
let second: Part;
let clients: Connection[] = [];

beforeAll(async () => {
  cluster = await startCluster({
    keyspaces: {
      split: {
        shards: 2,
        vschema: hashedBy({ t: "id" }),
        // 1, 2 and 3 are on -80, 4 and 5 on 80-.
        sql: "CREATE TABLE t (id BIGINT PRIMARY KEY, v BIGINT NOT NULL);",
      },
    },
    topo: "etcd",
    // The gateways' streams may be with different processes of a tablet.
    tabletArgs: ["--workers", "2"],
  });
  const etcd = cluster.processes().find(({ kind }) => kind === "etcd");
  const endpoints = ["--topo-endpoints", `http://127.0.0.1:${etcd?.port}`];
  second = await startPart("gateway", "--listen", "127.0.0.1:0", "--log-level", "warn", ...endpoints);
});
afterAll(async () => {
  await stopAll();
  await cluster.stop();
});
beforeEach(async () => {
  const client = await connect();
  await client.query("DELETE FROM t");
  await client.query("INSERT INTO t VALUES (1,0),(2,0),(3,0),(4,0),(5,0)");
});
afterEach(() => {
  for (const client of clients) client.destroy();
  clients = [];
});

async function connect(port = cluster.port): Promise<Connection> {
  const client = await createConnection({ host: "127.0.0.1", port, user: "root", database: "split" });
  client.on("error", () => undefined);
  clients.push(client);
  return client;
}

/** Errno of what fails, else the rows that it changed. */
async function outcomeOf(client: Connection, sql: string, values?: readonly number[]): Promise<string> {
  try {
    const [answer] =
      values === undefined
        ? await client.query<ResultSetHeader | RowDataPacket[]>(sql)
        : await client.execute<ResultSetHeader>(sql, [...values]);
    return Array.isArray(answer) ? `${answer.length} rows` : `${answer.affectedRows} changed`;
  } catch (error) {
    return error instanceof Error && "errno" in error ? `error ${String(error.errno)}` : String(error);
  }
}

const set = (id: number, v: number): string => `UPDATE t SET v = ${v} WHERE id = ${id}`;

async function values(): Promise<readonly number[]> {
  const client = await connect();
  const [rows] = await client.query<RowDataPacket[]>("SELECT v FROM t ORDER BY id");
  return rows.map((row) => Number(row["v"]));
}

describe.each(["multi", "twopc"])("in mode %s", (mode) => {
  async function session(port?: number): Promise<Connection> {
    const client = await connect(port);
    await client.query(`SET transaction_mode = '${mode}'`);
    await client.query("BEGIN");
    return client;
  }

  test("one of two transactions is rolled back, the other goes on", async () => {
    const [one, two] = [await session(), await session()];
    await one.query(set(1, 1));
    await two.query(set(4, 2));
    const outcomes = await Promise.all([outcomeOf(one, set(4, 1)), outcomeOf(two, set(1, 2))]);
    expect(outcomes.toSorted()).toEqual(["1 changed", "error 1213"]);
    const winner = outcomes[0] === "1 changed" ? 1 : 2;
    // The victim's transaction is over as a whole: what it says now is by itself.
    await (winner === 1 ? two : one).query(set(5, 9));
    await (winner === 1 ? one : two).query("COMMIT");
    expect(await values()).toEqual([winner, 0, 0, winner, 9]);
  });

  test("between clients of two gateways, the same", async () => {
    const [one, two] = [await session(), await session(second.port)];
    await one.query(set(1, 1));
    await two.query(set(4, 2));
    const outcomes = await Promise.all([outcomeOf(one, set(4, 1)), outcomeOf(two, set(1, 2))]);
    expect(outcomes.toSorted()).toEqual(["1 changed", "error 1213"]);
    await Promise.all([one.query("COMMIT"), two.query("COMMIT")]);
    const winner = outcomes[0] === "1 changed" ? 1 : 2;
    expect(await values()).toEqual([winner, 0, 0, winner, 0]);
  });

  test("a ring of three loses one", async () => {
    const [one, two, three] = [await session(), await session(), await session()];
    await one.query(set(1, 1));
    await two.query(set(4, 2));
    await three.query(set(5, 3));
    // On -80 one has 1; on 80- two has 4, three has 5.
    const thenCommitted = async (client: Connection, sql: string): Promise<string> => {
      const outcome = await outcomeOf(client, sql);
      await client.query("COMMIT");
      return outcome;
    };
    const outcomes = await Promise.all([
      thenCommitted(one, set(4, 1)),
      thenCommitted(two, set(5, 2)),
      thenCommitted(three, set(1, 3)),
    ]);
    expect(outcomes.toSorted()).toEqual(["1 changed", "1 changed", "error 1213"]);
  });
});

test("prepared statements, locking reads and statements over both shards take part", async () => {
  const [one, two] = [await connect(), await connect()];
  await one.query("BEGIN");
  await two.query("BEGIN");
  expect(await outcomeOf(one, "SELECT v FROM t WHERE id = 1 FOR UPDATE")).toBe("1 rows");
  expect(await outcomeOf(two, "UPDATE t SET v = 2 WHERE id = ?", [4])).toBe("1 changed");
  // The first waits on 80- for the second, with -80 done.
  const all = outcomeOf(one, "UPDATE t SET v = v + 10");
  await delay(200);
  const outcomes = await Promise.all([all, outcomeOf(two, "UPDATE t SET v = 2 WHERE id = ?", [1])]);
  expect(outcomes.filter((outcome) => outcome === "error 1213")).toHaveLength(1);
  await Promise.all([one.query("COMMIT"), two.query("COMMIT")]);
  expect([
    [10, 10, 10, 10, 10],
    [2, 0, 0, 2, 0],
  ]).toContainEqual(await values());
});

test("a statement over both shards that is a transaction of its own takes part, too", async () => {
  const [one, two] = [await connect(), await connect()];
  await two.query("BEGIN");
  await two.query(set(4, 2));
  const all = outcomeOf(one, "UPDATE t SET v = v + 10");
  await delay(500);
  const outcomes = await Promise.all([all, outcomeOf(two, set(1, 2))]);
  expect(outcomes.filter((outcome) => outcome === "error 1213")).toHaveLength(1);
  await two.query("COMMIT");
  expect([
    [10, 10, 10, 10, 10],
    [2, 0, 0, 2, 0],
  ]).toContainEqual(await values());
});

test("who waits without a ring goes on waiting", async () => {
  const [one, two] = [await connect(), await connect()];
  await one.query("BEGIN");
  await two.query("BEGIN");
  await one.query(set(1, 1));
  await one.query(set(4, 1));
  await two.query(set(5, 2));
  const waiting = outcomeOf(two, set(1, 2));
  await delay(2_000);
  await one.query("COMMIT");
  expect(await waiting).toBe("1 changed");
  await two.query("COMMIT");
  expect(await values()).toEqual([2, 0, 0, 1, 2]);
});
