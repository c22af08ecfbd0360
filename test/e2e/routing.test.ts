// Which shards statements really reach, told by the general logs of the mysqlds: conditions beyond = and IN narrow, what
// cannot be told does not, and values that a mysqld has to compute are asked for first.

import { type Connection, createConnection, type RowDataPacket } from "mysql2/promise";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Cluster } from "../../src/local/cluster.ts";
import { delay } from "../../src/local/process.ts";
import { startCluster } from "../fixture/cluster.ts";

const key = (name: string, ...columns: string[]): object => ({ column_vindexes: [{ columns, name }] });

const KEYSPACES = {
  k: {
    shards: 4,
    vschema: {
      sharded: true,
      vindexes: {
        hash: { type: "hash" },
        numeric: { type: "numeric" },
        bytes: { type: "xxhash" },
        loose: { type: "unicode_loose_md5" },
      },
      tables: {
        t: key("hash", "id"),
        n: key("numeric", "id"),
        exact: key("bytes", "name"),
        folded: key("loose", "name"),
        days: key("bytes", "day"),
      },
    },
    sql: `CREATE TABLE t (id BIGINT PRIMARY KEY, v BIGINT);
      CREATE TABLE n (id BIGINT UNSIGNED PRIMARY KEY, v BIGINT);
      CREATE TABLE exact (name VARBINARY(40) PRIMARY KEY, v BIGINT);
      CREATE TABLE folded (name VARCHAR(40) COLLATE utf8mb4_general_ci PRIMARY KEY, v BIGINT);
      CREATE TABLE days (day DATE PRIMARY KEY, v BIGINT);`,
  },
};

/** The first numbers of the four shards of a numeric key. */
const QUARTERS = ["0", "4611686018427387904", "9223372036854775808", "13835058055282163712"];

let cluster: Cluster;
let client: Connection;
let shards: Connection[] = [];
let marks = 0;

beforeAll(async () => {
  cluster = await startCluster({ keyspaces: KEYSPACES });
  client = await connect();
  const mysqlds = cluster.processes().filter(({ kind }) => kind === "mysqld");
  shards = await Promise.all(
    mysqlds.map(({ socket }) => createConnection({ socketPath: socket ?? "", user: "root", rowsAsArray: true })),
  );
  for (const shard of shards) await shard.query("SET GLOBAL log_output = 'TABLE', general_log = 1");
  await client.query("INSERT INTO t (id, v) VALUES (1, 10), (2, 20), (3, 30), (4, 40), (5, 50)");
  await client.query(`INSERT INTO n (id, v) VALUES ${QUARTERS.map((id, i) => `(${id}, ${i})`).join(", ")}`);
  await client.query("INSERT INTO exact (name, v) VALUES ('a', 1), ('A', 2), ('a ', 3), ('b', 4)");
  await client.query("INSERT INTO folded (name, v) VALUES ('bob', 1), ('Straße', 2)");
  await client.query("INSERT INTO days (day, v) VALUES ('2020-01-01', 1), ('2020-01-02', 2)");
  await untilDefinitionsAreKnown();
}, 480_000);

afterAll(async () => {
  for (const shard of shards) shard.destroy();
  client?.destroy();
  await cluster?.stop();
});

function connect(): Promise<Connection> {
  return createConnection({
    host: "127.0.0.1",
    port: cluster.port,
    user: "root",
    database: "k",
  });
}

/** Rows of a statement, and how many shards it went to. */
async function run(sql: string, on = client): Promise<{ rows: RowDataPacket[]; reached: number }> {
  const mark = `mark${++marks}`;
  const [rows] = await on.query<RowDataPacket[]>(sql.replace(/^(\w+)/, `$1 '${mark}' AS m,`));
  return { rows, reached: await reachedBy(mark) };
}

async function reachedBy(mark: string): Promise<number> {
  let reached = 0;
  for (const shard of shards) {
    const [found] = await shard.query<RowDataPacket[]>(
      `SELECT COUNT(*) FROM mysql.general_log WHERE argument LIKE '%${mark}%' AND argument NOT LIKE '%general_log%'`,
    );
    if (Number(Object.values(found[0] ?? {})[0]) > 0) reached++;
  }
  return reached;
}

/** Before a tablet has told of its tables nothing is known of their columns. */
async function untilDefinitionsAreKnown(): Promise<void> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const { reached } = await run("SELECT v FROM exact WHERE name = 'a'");
    if (reached === 1) return;
    if (Date.now() > deadline) throw new Error(`still ${reached} shards`);
    await delay(200);
  }
}

describe("conditions", () => {
  test.each([
    ["SELECT v FROM t WHERE id = 2 + 3", 1, 1],
    ["SELECT v FROM t WHERE id = 5 OR id = 5", 1, 1],
    ["SELECT v FROM t WHERE (id, v) IN ((1, 10))", 1, 1],
    ["SELECT v FROM t WHERE id = 1 AND v = 10 OR id = 1 AND v = 11", 1, 1],
    ["SELECT v FROM t WHERE id = NULL", 0, 1],
    ["SELECT v FROM t WHERE 1 = 0", 0, 1],
    ["SELECT COUNT(*) AS c FROM t WHERE FALSE", 1, 1],
    ["SELECT v FROM t WHERE id IS NULL", 0, 1],
    ["SELECT v FROM t WHERE v = 10", 1, 4],
    ["SELECT v FROM n WHERE id < 10", 1, 1],
    [`SELECT v FROM n WHERE id >= ${QUARTERS[1]} AND id < ${QUARTERS[2]}`, 1, 1],
    [`SELECT v FROM n WHERE id BETWEEN 5 AND ${QUARTERS[2]}`, 2, 3],
    [`SELECT v FROM n WHERE NOT (id < ${QUARTERS[3]})`, 1, 1],
    ["SELECT v FROM exact WHERE name = 'a'", 1, 1],
    ["SELECT v FROM exact WHERE name = x'61'", 1, 1],
    ["SELECT v FROM folded WHERE name = 'BOB'", 1, 1],
    ["SELECT v FROM folded WHERE name = 'STRASE'", 1, 4],
    ["SELECT v FROM days WHERE day = '2020-01-01'", 1, 1],
    ["SELECT v FROM days WHERE day = DATE '2020-01-01'", 1, 1],
    ["SELECT v FROM days WHERE day = '2020-1-1'", 1, 1],
    ["SELECT v FROM days WHERE day = 20200101", 1, 4],
  ])("%s: %i rows, %i shards", async (sql, count, reached) => {
    const got = await run(sql);
    expect(got.rows).toHaveLength(count);
    expect(got.reached).toBe(reached);
  });
});

describe("values that a mysqld computes", () => {
  test.each([
    ["SELECT v FROM t WHERE id = LEAST(3, 4)", 30, 1],
    ["SELECT v FROM t WHERE id = (SELECT 5)", 50, 1],
    ["SELECT v FROM t WHERE id = CAST('4' AS UNSIGNED)", 40, 1],
    ["SELECT v FROM t WHERE id = CHAR_LENGTH('abc')", 30, 1],
    ["SELECT v FROM t WHERE id = CONCAT('', 3)", 30, 1],
    ["SELECT v FROM exact WHERE name = LOWER('A')", 1, 1],
    ["SELECT v FROM days WHERE day = DATE('2020-01-02 10:00:00')", 2, 1],
    ["SELECT v FROM days WHERE day = '2020-01-01' + INTERVAL 1 DAY", 2, 1],
    ["SELECT v FROM t WHERE id = @five", 50, 1],
    ["SELECT v FROM t WHERE id = @five - 1 OR id = @none", 40, 1],
    ["SELECT v FROM exact WHERE name = @name", 4, 1],
  ])("%s: v is %i, %i shards", async (sql, v, reached) => {
    await client.query("SET @five = 5, @name = 'b'");
    const got = await run(sql);
    expect(got.rows.map((row) => row["v"])).toEqual([v]);
    expect(got.reached).toBe(reached);
  });

  test("LAST_INSERT_ID() is the gateway's own", async () => {
    for (const [id, values] of [
      [5, [50]],
      [0, []],
    ] as const) {
      await client.query(`SELECT LAST_INSERT_ID(${id})`);
      const { rows, reached } = await run("SELECT v FROM t WHERE id = LAST_INSERT_ID()");
      expect(rows.map((row) => row["v"])).toEqual(values);
      expect(reached).toBe(1);
    }
  });

  test("a variable that the statement sets is not asked for", async () => {
    await client.query("SET @five = 5");
    const { rows } = await run("SELECT @five := 4 AS x, v FROM t WHERE id = @five").catch(() => ({ rows: [] }));
    expect(rows.length).toBeLessThanOrEqual(1);
    expect(await client.query("SELECT v FROM t WHERE id = 4")).toMatchObject([[{ v: 40 }], expect.anything()]);
  });

  test("what fails is an error of the statement", async () => {
    await expect(client.query("SELECT v FROM t WHERE id = LENGTH('a') + 9223372036854775807")).rejects.toMatchObject({
      errno: 1690,
    });
    expect(await client.query("SELECT v FROM t WHERE id = 4")).toMatchObject([[{ v: 40 }], expect.anything()]);
  });

  test("in a transaction and for a write", async () => {
    await client.query("SET @five = 5");
    await client.query("BEGIN");
    await client.query("UPDATE t SET v = v + 1 WHERE id = @five");
    const { rows, reached } = await run("SELECT v FROM t WHERE id = @five");
    await client.query("ROLLBACK");
    expect([rows.map((row) => row["v"]), reached]).toEqual([[51], 1]);
    expect((await run("SELECT v FROM t WHERE id = 5")).rows.map((row) => row["v"])).toEqual([50]);
  });
});
