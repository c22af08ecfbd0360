// Routing rules on a running cluster: names lead to other tables, in reads and in writes, with and without a selected
// keyspace, and what the client sees is named as it wrote it. Writes to a reference table that has a source reach the source.

import { type Connection, createConnection, type RowDataPacket } from "mysql2/promise";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Cluster } from "../../src/local/cluster.ts";
import { withServer } from "../../src/local/server-connection.ts";
import { startCluster } from "../fixture/cluster.ts";
import { firstAnswer } from "../fixture/until.ts";
import { mustRun } from "./parts.ts";

let cluster: Cluster;
let client: Connection;

beforeAll(async () => {
  cluster = await startCluster({
    topo: "etcd",
    keyspaces: {
      plain: {
        vschema: { tables: { source: {}, kept: {} } },
        sql: `CREATE TABLE source (id BIGINT PRIMARY KEY, v VARCHAR(20));
          CREATE TABLE kept (id BIGINT PRIMARY KEY, v VARCHAR(20));
          INSERT INTO kept VALUES (1, 'kept');`,
      },
      split: {
        shards: 2,
        vschema: {
          sharded: true,
          vindexes: { hash: { type: "hash" } },
          tables: {
            u: { column_vindexes: [{ column: "id", name: "hash" }] },
            copy: { type: "reference", source: "plain.source" },
          },
        },
        sql: `CREATE TABLE u (id BIGINT PRIMARY KEY, v VARCHAR(20));
          CREATE TABLE copy (id BIGINT PRIMARY KEY, v VARCHAR(20));
          INSERT INTO u (id, v) VALUES (1, 'a'), (2, 'b'), (3, 'c'), (4, 'd');`,
      },
    },
  });
  await rules([
    { from_table: "moved", to_tables: ["split.u"] },
    { from_table: "plain.moved", to_tables: ["split.u"] },
    { from_table: "plain.off", to_tables: [] },
    { from_table: "plain.kept@replica", to_tables: ["split.u"] },
  ]);
  client = await connect();
  await firstAnswer(() => rowsOf("SELECT COUNT(*) AS n FROM plain.moved"), "the rules are in force");
}, 480_000);

afterAll(async () => {
  client?.destroy();
  await cluster?.stop();
});

test("reads", async () => {
  expect(await rowsOf("SELECT moved.id, moved.v FROM moved WHERE id = 4")).toEqual([{ id: 4, v: "d" }]);
  expect(await rowsOf("SELECT plain.moved.v FROM plain.moved WHERE plain.moved.id = 1")).toEqual([{ v: "a" }]);
  expect(await rowsOf("SELECT COUNT(*) AS n, MAX(m.v) AS v FROM plain.moved AS m")).toEqual([{ n: 4, v: "d" }]);
  expect(await rowsOf("SELECT * FROM plain.moved ORDER BY id DESC LIMIT 1")).toEqual([{ id: 4, v: "d" }]);
  expect(await rowsOf("SELECT k.v, moved.v AS w FROM plain.kept AS k JOIN plain.moved ON moved.id = k.id")).toEqual([
    { v: "kept", w: "a" },
  ]);
  await client.query("USE plain");
  expect(await rowsOf("SELECT v FROM moved WHERE id IN (SELECT id FROM kept)")).toEqual([{ v: "a" }]);
  await expect(client.query("SELECT * FROM off")).rejects.toMatchObject({ errno: 1146 });
});

test("writes", async () => {
  await client.query("USE plain");
  await client.query("INSERT INTO moved (id, v) VALUES (10, 'x'), (11, 'y'), (12, 'z')");
  await client.query("INSERT INTO moved VALUES (13, 'w') ON DUPLICATE KEY UPDATE moved.v = 'again'");
  await client.query("UPDATE moved SET moved.v = 'X' WHERE moved.id = 10");
  await client.query("DELETE FROM moved WHERE moved.id = 11");
  expect(await rowsOf("SELECT id, v FROM split.u WHERE id >= 10 ORDER BY id")).toEqual([
    { id: 10, v: "X" },
    { id: 12, v: "z" },
    { id: 13, v: "w" },
  ]);
  await expect(client.query("ALTER TABLE moved ADD COLUMN n INT")).rejects.toMatchObject({ errno: 1235 });
});

test("a rule for replicas is for sessions that read from them", async () => {
  expect(await rowsOf("SELECT v FROM plain.kept WHERE id = 1")).toEqual([{ v: "kept" }]);
  const replica = await connect();
  try {
    await replica.query("USE `plain@replica`");
    // There is no replica in this cluster: the refusal names the keyspace that the rule leads to.
    await expect(replica.query("SELECT v FROM kept WHERE id = 1")).rejects.toThrow("shard split:");
  } finally {
    replica.destroy();
  }
});

test("a reference table is written at its source", async () => {
  await client.query("USE split");
  await client.query("INSERT INTO copy (id, v) VALUES (1, 'one'), (2, 'two')");
  await client.query("UPDATE copy SET copy.v = 'uno' WHERE copy.id = 1");
  await client.query("DELETE FROM copy WHERE copy.id = 2");
  expect(await rowsOf("SELECT id, v FROM plain.source")).toEqual([{ id: 1, v: "uno" }]);
  const { port } = cluster.processes().find((each) => each.kind === "mysqld" && each.keyspace === "plain") ?? {
    port: 0,
  };
  expect(await withServer(port, (server) => server.value("SELECT v FROM plain.source"))).toBe("uno");
});

async function rules(list: readonly object[]): Promise<void> {
  const etcd = cluster.processes().find(({ kind }) => kind === "etcd");
  await mustRun(
    "ctl",
    "ApplyRoutingRules",
    "--rules",
    JSON.stringify({ rules: list }),
    "--topo-endpoints",
    `http://127.0.0.1:${etcd?.port ?? 0}`,
  );
}

function connect(): Promise<Connection> {
  return createConnection({ host: "127.0.0.1", port: cluster.port, user: "root" });
}

async function rowsOf(sql: string): Promise<readonly RowDataPacket[]> {
  return (await client.query<RowDataPacket[]>(sql))[0];
}
