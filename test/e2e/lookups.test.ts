// Lookup vindexes on a real cluster: every type's table after every kind of write, values that another shard's row has,
// rows found through the table alone, and readers beside writers, who never miss a row that is committed.

import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Cluster } from "../../src/local/cluster.ts";
import { type VindexVerification, verifyVindex } from "../../src/bin/vindex-verify.ts";
import { withServer } from "../../src/local/server-connection.ts";
import { checkVSchema } from "../../src/vschema/parse-vschema.ts";
import { createVindex } from "../../src/vschema/create-vindex.ts";
import { startCluster } from "../fixture/cluster.ts";
import { firstAnswer } from "../fixture/until.ts";
import { runLookups } from "../chaos/lookups.ts";
import { must, TwinClient } from "./twin.ts";

const TYPES = {
  lookup: "keyspace_id VARBINARY(16) NOT NULL, PRIMARY KEY (v, keyspace_id)",
  lookup_unique: "keyspace_id VARBINARY(16) NOT NULL, PRIMARY KEY (v)",
  lookup_hash: "keyspace_id BIGINT UNSIGNED NOT NULL, PRIMARY KEY (v, keyspace_id)",
  lookup_hash_unique: "keyspace_id BIGINT UNSIGNED NOT NULL, PRIMARY KEY (v)",
  lookup_unicodeloosemd5_hash: "keyspace_id BIGINT UNSIGNED NOT NULL, PRIMARY KEY (v, keyspace_id)",
  lookup_unicodeloosemd5_hash_unique: "keyspace_id BIGINT UNSIGNED NOT NULL, PRIMARY KEY (v)",
  consistent_lookup: "keyspace_id VARBINARY(16) NOT NULL, PRIMARY KEY (v, keyspace_id)",
  consistent_lookup_unique: "keyspace_id VARBINARY(16) NOT NULL, PRIMARY KEY (v)",
} as const;

const HASH = createVindex("hash", "hash", new Map());

/** A loaded machine is no failure. */
const SLOW = { timeout: 480_000 };

let cluster: Cluster;
let client: TwinClient;
let vschema: object;

beforeAll(async () => {
  const vindexes: Record<string, object> = { hash: { type: "hash" } };
  const tables: Record<string, object> = {};
  const lookups: Record<string, object> = {};
  let sql = "";
  let lookupSql = "";
  for (const [type, columns] of Object.entries(TYPES)) {
    const from = type.includes("loosemd5") ? "BIGINT UNSIGNED" : "VARCHAR(40)";
    const key = type.endsWith("unique") ? ", UNIQUE KEY v (v)" : "";
    sql += `CREATE TABLE t_${type} (id BIGINT NOT NULL PRIMARY KEY, v VARCHAR(40), n INT${key});`;
    lookupSql += `CREATE TABLE l_${type} (v ${from} NOT NULL, ${columns});`;
    vindexes[type] = {
      type,
      params: { table: `u.l_${type}`, from: "v", to: "keyspace_id" },
      owner: `t_${type}`,
    };
    const byId = { column: "id", name: "hash" };
    tables[`t_${type}`] = { column_vindexes: [byId, { column: "v", name: type }] };
    lookups[`l_${type}`] = {};
  }
  vschema = { sharded: true, vindexes, tables };
  cluster = await startCluster({
    keyspaces: {
      u: { sql: lookupSql, vschema: { tables: lookups } },
      s: { shards: 2, sql, vschema },
    },
  });
  client = await TwinClient.connect(cluster.port);
  await must(client, "USE s");
});
/** Takes away what a test has left that did not come to its end. */
beforeEach(async () => {
  await client.query("ROLLBACK");
  for (const type of Object.keys(TYPES)) {
    // Others may still be at it, and meet this in a deadlock.
    await firstAnswer(() => must(client, `DELETE FROM t_${type}`));
    await firstAnswer(() => must(client, `DELETE FROM u.l_${type}`));
  }
}, SLOW.timeout);
afterAll(async () => {
  client.close();
  await cluster.stop();
});

function keyspaceId(id: string): Buffer {
  const destination = HASH.kind === "single-column" ? HASH.map({ type: "INT64", raw: Buffer.from(id) }) : undefined;
  if (destination?.kind !== "keyspace-id") throw new Error(`no keyspace id for ${id}`);
  return destination.id;
}

/** The lookup table has each row's value with the row's keyspace id, and nothing else. */
async function expectKept(type: keyof typeof TYPES): Promise<void> {
  const isHash = type.includes("hash");
  const rows = await client.rows(`SELECT v, id FROM t_${type} WHERE v IS NOT NULL`);
  const wanted = rows.map((row) => {
    const [v = "", id = ""] = row.split("|");
    return `${type.includes("loosemd5") ? "" : v}|${isHash ? id : keyspaceId(id).toString("hex").toUpperCase()}`;
  });
  const value = type.includes("loosemd5") ? "''" : "v";
  const stored = await client.rows(`SELECT ${value}, ${isHash ? "keyspace_id" : "HEX(keyspace_id)"} FROM u.l_${type}`);
  expect(stored.toSorted(), type).toEqual([...new Set(wanted)].toSorted());
}

test.each(Object.keys(TYPES) as (keyof typeof TYPES)[])("%s follows its table's rows", SLOW, async (type) => {
  const table = `t_${type}`;
  await must(client, `DELETE FROM ${table}`);
  await must(client, `INSERT INTO ${table} (id, v, n) VALUES (1,'a',1), (2,'b',2), (3,'c',3), (4,NULL,4), (5,'e',5)`);
  await expectKept(type);
  expect(await client.rows(`SELECT id FROM ${table} WHERE v = 'c'`)).toEqual(["3"]);
  await must(client, `UPDATE ${table} SET v = CONCAT(v, 'x') WHERE n < 3`);
  await expectKept(type);
  await must(client, `UPDATE ${table} SET id = id + 10, n = 0 WHERE id IN (1, 3)`);
  await expectKept(type);
  await must(client, "BEGIN");
  await must(client, `DELETE FROM ${table} WHERE v = 'ax'`);
  await must(client, `INSERT INTO ${table} (id, v) VALUES (20, 'ax'), (21, 'y')`);
  expect(await client.rows(`SELECT id FROM ${table} WHERE v = 'y'`)).toEqual(["21"]);
  await must(client, "SAVEPOINT here");
  await must(client, `UPDATE ${table} SET v = 'z' WHERE id = 21`);
  await must(client, "ROLLBACK TO here");
  await must(client, "COMMIT");
  await expectKept(type);
  await must(client, "BEGIN");
  await must(client, `DELETE FROM ${table} WHERE n IS NULL OR n >= 0`);
  await must(client, "ROLLBACK");
  await expectKept(type);
  if (type.endsWith("unique")) {
    const twice = await client.query(`INSERT INTO ${table} (id, v) VALUES (30, 'q'), (31, 'ax')`);
    expect(twice).toMatchObject({ kind: "error", errno: 1062 });
    const moved = await client.query(`UPDATE ${table} SET v = 'ax' WHERE id = 21`);
    expect(moved).toMatchObject({ kind: "error", errno: 1062 });
    const both = await client.query(`INSERT INTO ${table} (id, v) VALUES (30, 'q'), (31, 'q')`);
    expect(both).toMatchObject({ kind: "error", errno: 1062 });
    await expectKept(type);
    expect(await client.query(`REPLACE INTO ${table} (id, v) VALUES (32, 'ax')`)).toMatchObject({ affectedRows: 2 });
    await expectKept(type);
  }
  await must(client, `DELETE FROM ${table}`);
  await expectKept(type);
});

test("a statement by a value of a unique lookup goes to one shard", async () => {
  await must(client, "DELETE FROM t_consistent_lookup_unique");
  await must(client, "INSERT INTO t_consistent_lookup_unique (id, v) VALUES (1, 'one'), (2, 'two')");
  const [plan = ""] = await client.rows("VEXPLAIN ALL SELECT id FROM t_consistent_lookup_unique WHERE v = 'two'");
  const { plan: sent } = JSON.parse(plan) as { readonly plan: { readonly calls: readonly unknown[] } };
  expect(sent.calls).toHaveLength(1);
  await must(client, "DELETE FROM t_consistent_lookup_unique");
});

test("what a dead session has left in a consistent lookup is taken over", async () => {
  await must(client, "INSERT INTO u.l_consistent_lookup_unique (v, keyspace_id) VALUES ('left', x'0102030405060708')");
  await must(client, "INSERT INTO t_consistent_lookup_unique (id, v) VALUES (7, 'left')");
  await expectKept("consistent_lookup_unique");
  await must(client, "DELETE FROM t_consistent_lookup_unique");
});

test.each(["consistent_lookup_unique", "lookup_hash", "lookup_unicodeloosemd5_hash"] as const)(
  "what has drifted in %s is found and repaired",
  SLOW,
  async (type) => {
    await must(client, `DELETE FROM t_${type}`);
    const values = Array.from({ length: 40 }, (_, i) => `(${i + 1}, 'v${i}''s', 1)`).join(", ");
    await must(client, `INSERT INTO t_${type} (id, v, n) VALUES ${values}, (99, NULL, 1)`);
    const checked = checkVSchema("s", vschema);
    if (checked.kind !== "good") throw new Error("the VSchema is bad");
    const verify = (repairs: boolean): Promise<VindexVerification> =>
      withServer({ host: "127.0.0.1", port: cluster.port }, (server) =>
        verifyVindex(server, checked.vschema, type, repairs),
      );
    expect(await verify(false)).toMatchObject({ rows: 40, lookupRows: 40, faults: [] });
    await must(client, `DELETE FROM u.l_${type} ORDER BY v LIMIT 3`);
    const isNumber = type.includes("loosemd5");
    const id = type.includes("hash") ? "777" : "x'0102030405060708'";
    await must(client, `INSERT INTO u.l_${type} VALUES (${isNumber ? "5" : "'nobody'"}, ${id})`);
    const { faults } = await verify(false);
    // Lookup rows of texts that are kept as numbers cannot be led back.
    expect(faults.map(({ kind }) => kind).toSorted()).toEqual([
      "missing",
      "missing",
      "missing",
      ...(isNumber ? [] : ["stale"]),
    ]);
    expect((await verify(true)).faults.every(({ repaired }) => repaired)).toBe(true);
    expect((await verify(false)).faults).toEqual([]);
    await must(client, `DELETE FROM t_${type}`);
    if (isNumber) await must(client, `DELETE FROM u.l_${type}`);
  },
);

test("a reader by a consistent lookup never misses a row that is committed", SLOW, async () => {
  const table = "t_consistent_lookup_unique";
  await must(client, `DELETE FROM ${table}`);
  const names = Array.from({ length: 6 }, (_, i) => `r${i}`);
  await must(
    client,
    `INSERT INTO ${table} (id, v, n) VALUES ${names.map((name, i) => `(${i + 1}, '${name}', 0)`).join(", ")}`,
  );
  let isOver = false;
  const missed: string[] = [];
  let reads = 0;
  const read = async (): Promise<void> => {
    const reader = await TwinClient.connect(cluster.port);
    await must(reader, "USE s");
    while (!isOver) {
      for (const name of names) {
        const found = await reader.rows(`SELECT id FROM ${table} WHERE v = '${name}'`);
        reads++;
        if (found.length === 0) missed.push(name);
      }
    }
    reader.close();
  };
  // Rows of other values come, change and go around those that stay.
  const write = async (first: number): Promise<void> => {
    const writer = await TwinClient.connect(cluster.port);
    await must(writer, "USE s");
    for (let i = 0; i < 12; i++) {
      const id = first + i;
      await must(writer, "BEGIN");
      await must(writer, `INSERT INTO ${table} (id, v, n) VALUES (${id}, 'w${id}', 1)`);
      await must(writer, `UPDATE ${table} SET v = 'x${id}' WHERE id = ${id}`);
      await must(writer, `UPDATE ${table} SET n = n + 1 WHERE v = '${names[i % names.length]}'`);
      await must(writer, i % 3 === 0 ? "ROLLBACK" : "COMMIT");
      if (i % 3 === 1) {
        expect(await writer.rows(`SELECT id FROM ${table} WHERE v = 'x${id}'`)).toEqual([String(id)]);
        await must(writer, `DELETE FROM ${table} WHERE v = 'x${id}'`);
      }
    }
    writer.close();
  };
  const readers = [read(), read()];
  try {
    await Promise.all([write(1000), write(2000)]);
  } finally {
    isOver = true;
    await Promise.all(readers);
  }
  expect(reads).toBeGreaterThan(0);
  expect(missed).toEqual([]);
  await expectKept("consistent_lookup_unique");
});

test("nor one that moves, is made anew or changes values with another one", SLOW, async () => {
  const tables = ["t_consistent_lookup_unique", "t_consistent_lookup"];
  const report = await runLookups({ ports: [cluster.port], tables, seed: 1, readers: 2, writers: 2, rounds: 12 });
  expect(report.faults).toEqual([]);
  expect(report.reads).toBeGreaterThan(0);
  expect(report.writes).toBeGreaterThan(0);
  for (const type of ["consistent_lookup_unique", "consistent_lookup"] as const) await expectKept(type);
});
