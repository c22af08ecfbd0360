// VEXPLAIN in all its forms, on a cluster: columns and rows as Vitess has them, what was really sent and came back, and
// that nothing that changes data is run without the directive.

import { type Connection, createConnection, type FieldPacket, type RowDataPacket } from "mysql2/promise";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Cluster } from "../../src/local/cluster.ts";
import { startCluster } from "../fixture/cluster.ts";
import { failureOf } from "./load.ts";

interface Told {
  readonly [name: string]: unknown;
}

let cluster: Cluster;
let clients: Connection[] = [];

beforeAll(async () => {
  const by = (column: string): object => ({ column_vindexes: [{ column, name: "hash" }] });
  cluster = await startCluster({
    keyspaces: {
      customer: {
        shards: 2,
        vschema: {
          sharded: true,
          vindexes: { hash: { type: "hash" } },
          tables: { customer: by("id"), orders: by("customer_id"), items: by("order_id") },
        },
        // hash(1) and hash(2) lie on -80, hash(4) on 80-.
        sql: `CREATE TABLE customer (id BIGINT PRIMARY KEY, name VARCHAR(50));
          CREATE TABLE orders (id BIGINT PRIMARY KEY, customer_id BIGINT, total DECIMAL(10,2));
          CREATE TABLE items (id BIGINT PRIMARY KEY, order_id BIGINT, n INT);
          INSERT INTO customer (id, name) VALUES (1, 'Ann'), (2, 'Bob'), (4, 'Dee');
          INSERT INTO orders (id, customer_id, total) VALUES (10, 1, 5), (11, 2, 6), (12, 4, 7);
          INSERT INTO items (id, order_id, n) VALUES (100, 10, 1), (101, 12, 2);`,
      },
      commerce: {
        sql: "CREATE TABLE product (id BIGINT PRIMARY KEY, name VARCHAR(50)); INSERT INTO product VALUES (1, 'x');",
      },
    },
  });
}, 480_000);

afterEach(() => {
  for (const each of clients) each.destroy();
  clients = [];
});

afterAll(() => cluster?.stop());

describe("PLAN", () => {
  test.each([
    [
      "SELECT * FROM customer WHERE id = 1",
      "pass-through",
      "one",
      /the one shard of customer that vindex hash gives for 1/,
    ],
    ["SELECT * FROM commerce.product", "pass-through", "one", /Keyspace commerce is unsharded/],
    ["SELECT COUNT(*) FROM orders", "merge", "all", /merged in the gateway: an aggregate over several shards\.$/],
    [
      "SELECT RANK() OVER (ORDER BY total) FROM orders",
      "gather",
      "all",
      /gathered on one server, which answers: a window/,
    ],
    ["INSERT INTO customer (id, name) VALUES (9, 'Eve')", "pass-through", "one", /^Each row goes to the shard/],
    ["SET NAMES utf8mb4", "pass-through", "none", /The gateway answers it by itself/],
  ])("%s", async (sql, tier, shards, reason) => {
    const one = await client();
    for (const form of ["VEXPLAIN PLAN", "vexplain"]) {
      const [rows, fields] = await one.query<RowDataPacket[]>(`${form} ${sql}`);
      expect(namesOf(fields)).toEqual(["JSON"]);
      expect(rows).toHaveLength(1);
      const told = toldBy(rows);
      expect(told).toMatchObject({
        tier,
        shards,
        reason: expect.stringMatching(reason),
        plan: { kind: expect.any(String) },
      });
    }
    expect(await rowsOf(one, "SELECT id FROM customer WHERE id = 9")).toEqual([]);
  });

  test("of a statement that cannot be planned is its error", async () => {
    const one = await client();
    expect((await failureOf(one.query("VEXPLAIN SELECT * FROM nosuch"))).errno).toBe(1146);
    expect((await failureOf(one.query("VEXPLAIN PLAN SELEKT 1"))).errno).toBe(1064);
  });
});

describe("QUERIES", () => {
  test("tells what each shard was sent, together in one number when it went together", async () => {
    const one = await client();
    const [rows, fields] = await one.query<RowDataPacket[]>(
      "VEXPLAIN QUERIES SELECT id FROM orders WHERE customer_id IN (1, 4)",
    );
    expect(namesOf(fields)).toEqual(["#", "keyspace", "shard", "query"]);
    const query = "select id from orders where customer_id in (1, 4)";
    expect(rows).toEqual([
      { "#": 0, keyspace: "customer", shard: "-80", query },
      { "#": 0, keyspace: "customer", shard: "80-", query },
    ]);
  });

  test("tells the steps of a join in their order", async () => {
    const rows = await rowsOf(
      await client(),
      "VEXPLAIN QUERIES SELECT o.id, i.n FROM orders o JOIN items i ON i.order_id = o.id WHERE o.customer_id = 4",
    );
    const sent = rows.filter(({ query }) => !String(query).endsWith("limit 0"));
    expect(sent.length).toBeGreaterThanOrEqual(2);
    expect(sent[0]).toMatchObject({ keyspace: "customer", shard: "80-" });
    expect(String(sent.at(-1)?.["query"])).toContain("shardgate_rows_1");
    const numbers = rows.map((row) => Number(row["#"]));
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
  });

  test("runs changes only with the directive, then for real and in the session's transaction", async () => {
    const one = await client();
    const update = "UPDATE orders SET total = 99 WHERE customer_id IN (1, 4)";
    expect(await failureOf(one.query(`VEXPLAIN QUERIES ${update}`))).toMatchObject({
      errno: 1105,
      message: expect.stringContaining("/*vt+ EXECUTE_DML_QUERIES */"),
    });
    expect(await rowsOf(one, "SELECT total FROM orders WHERE customer_id = 1")).toEqual([{ total: "5.00" }]);
    await one.query("BEGIN");
    const rows = await rowsOf(one, `VEXPLAIN /*vt+ EXECUTE_DML_QUERIES */ QUERIES ${update}`);
    expect(rows.map(({ shard, query }) => `${shard} ${query}`)).toEqual([
      "-80 begin",
      "-80 update orders set total = 99 where customer_id in (1, 4)",
      "80- begin",
      "80- update orders set total = 99 where customer_id in (1, 4)",
    ]);
    expect(await rowsOf(one, "SELECT total FROM orders WHERE customer_id = 1")).toEqual([{ total: "99.00" }]);
    await one.query("ROLLBACK");
    expect(await rowsOf(one, "SELECT total FROM orders WHERE customer_id = 1")).toEqual([{ total: "5.00" }]);
  });

  test("of a statement that fails is its error, and the session goes on", async () => {
    const one = await client();
    expect((await failureOf(one.query("VEXPLAIN QUERIES SELECT nosuch FROM orders"))).errno).toBe(1054);
    const limited = "VEXPLAIN /*sg+ MAX_ROWS=1 */ QUERIES SELECT id FROM orders";
    expect((await failureOf(one.query(limited))).errno).toBe(1041);
    expect(await rowsOf(one, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });
});

describe("TRACE and ALL", () => {
  test("put what was sent, and came back, beside the parts of the plan", async () => {
    const one = await client();
    const [rows, fields] = await one.query<RowDataPacket[]>(
      "VEXPLAIN TRACE SELECT o.id, i.n FROM orders o JOIN items i ON i.order_id = o.id ORDER BY i.n",
    );
    expect(namesOf(fields)).toEqual(["Trace"]);
    const told = toldBy(rows);
    expect(told).toMatchObject({ tier: "merge", shards: "all", total: { rows: 2 } });
    const calls = callsIn(told);
    expect(new Set(calls.map(({ shard }) => shard))).toEqual(new Set(["customer/-80", "customer/80-"]));
    for (const call of calls) {
      expect(call).toMatchObject({ turn: expect.any(Number), query: expect.any(String), ms: expect.any(Number) });
      expect(Number(call["bytes"])).toBeGreaterThan(0);
    }
    expect(told["total"]).toMatchObject({ calls: calls.length, rowsFromShards: sumOf(calls, "rows") });
    // Rows of the left side were asked of both shards.
    const left = calls.filter(({ query }) => /^select (?!.*(limit 0|shardgate_rows)).*$/.test(String(query)));
    expect(sumOf(left, "rows")).toBeGreaterThanOrEqual(2);
  });

  test("of a gather tell what was read, loaded and answered", async () => {
    const one = await client();
    const told = toldBy(await rowsOf(one, "VEXPLAIN TRACE SELECT id, RANK() OVER (ORDER BY total) FROM orders"));
    const texts = callsIn(told).map(({ query }) => String(query));
    expect(texts.some((text) => text.startsWith("CREATE TEMPORARY TABLE"))).toBe(true);
    expect(texts.some((text) => text.startsWith("INSERT INTO"))).toBe(true);
    expect(texts.at(-1)).toMatch(/rank\(\) over/);
    expect(told["total"]).toMatchObject({ rows: 3 });
  });

  test("ALL has each shard's own EXPLAIN", async () => {
    const [rows, fields] = await (await client()).query<RowDataPacket[]>(
      "VEXPLAIN ALL SELECT * FROM customer WHERE id = 1",
    );
    expect(namesOf(fields)).toEqual(["VExplain"]);
    expect(toldBy(rows)).toMatchObject({
      tier: "pass-through",
      mysqlExplain: [{ shard: "customer/-80", plan: { query_block: expect.any(Object) } }],
    });
  });

  test("is stopped by its timeout", async () => {
    const sql = "VEXPLAIN /*vt+ QUERY_TIMEOUT_MS=200 */ TRACE SELECT SLEEP(600) FROM orders";
    expect((await failureOf((await client()).query(sql))).errno).toBe(3024);
  });
});

describe("KEYS", () => {
  test("has Vitess's lists, why it does not pass through, and what would", async () => {
    const [rows, fields] = await (await client()).query<RowDataPacket[]>(
      "VEXPLAIN KEYS SELECT o.total, SUM(i.n) FROM orders o JOIN items i ON i.order_id = o.id WHERE o.id = 10 AND i.n > 0 GROUP BY o.total",
    );
    expect(namesOf(fields)).toEqual(["ColumnUsage"]);
    expect(toldBy(rows)).toEqual({
      statementType: "SELECT",
      groupingColumns: ["customer.orders.total"],
      joinColumns: ["customer.items.order_id =", "customer.orders.id ="],
      filterColumns: ["customer.items.n >", "customer.orders.id ="],
      selectColumns: ["customer.items.n", "customer.orders.total"],
      joinPredicates: ["customer.items.order_id = customer.orders.id"],
      reason: expect.stringContaining("a join of tables that need not have their rows on the same shards"),
      proposal:
        'It would pass through to one shard with customer.orders sharded by id ({"column": "id", "name": "hash"}, vindex type hash).',
    });
  });

  test("proposes nothing for what passes through, or cannot", async () => {
    const one = await client();
    const good = toldBy(await rowsOf(one, "VEXPLAIN KEYS SELECT name FROM customer WHERE id = 1"));
    expect(good).not.toHaveProperty("proposal");
    const all = toldBy(await rowsOf(one, "VEXPLAIN KEYS SELECT COUNT(*) FROM customer"));
    expect(all["proposal"]).toBe("No sharding key makes it pass through: no condition of it gives a column a value.");
  });
});

test("of a keyspace that is not there is the statement's own error", async () => {
  const one = await client();
  expect((await failureOf(one.query("VEXPLAIN KEYS SELECT * FROM nosuch.t"))).errno).toBe(1146);
});

function namesOf(fields: readonly FieldPacket[]): string[] {
  return fields.map(({ name }) => name);
}

function toldBy(rows: readonly RowDataPacket[]): Told {
  const [row] = rows;
  const text: unknown = row === undefined ? undefined : Object.values(row)[0];
  return JSON.parse(String(text)) as Told;
}

/** Every call in it, in the order they began. */
function callsIn(told: unknown): Told[] {
  const found: Told[] = [];
  const visit = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    if ("turn" in value && "query" in value) found.push({ ...value });
    for (const each of Object.values(value)) visit(each);
  };
  visit(told);
  return found.toSorted((a, b) => Number(a["atMs"]) - Number(b["atMs"]));
}

function sumOf(calls: readonly Told[], name: string): number {
  return calls.reduce((sum, call) => sum + Number(call[name]), 0);
}

async function rowsOf(on: Connection, sql: string): Promise<RowDataPacket[]> {
  const [rows] = await on.query<RowDataPacket[]>(sql);
  return rows;
}

async function client(): Promise<Connection> {
  const made = await createConnection({ host: "127.0.0.1", port: cluster.port, user: "root", database: "customer" });
  clients.push(made);
  return made;
}
