// Columns that statements use, and changes of sharding keys that are proposed because they were tried.

import { beforeAll, describe, expect, test } from "vitest";
import { explainKeys, explainKeysOfAll } from "../../../src/plan/explain-keys.ts";
import { gradeOf, shardedByPrimaryKeys, type Workload } from "../../../src/plan/key-proposal.ts";
import { keyUsageOf, showColumn } from "../../../src/plan/key-usage.ts";
import { planStatement } from "../../../src/plan/planner.ts";
import type { PlanContext } from "../../../src/plan/tables.ts";
import { readDefinitions } from "../../../src/schema/ddl.ts";
import { clusterSchemaOf } from "../../../src/schema/model.ts";
import { parse } from "../../../src/sql/parse.ts";
import { parseVSchema } from "../../../src/vschema/parse-vschema.ts";
import { loadHashes } from "../../../src/vschema/xxh64.ts";

const SHOP = [
  "CREATE TABLE customer (id BIGINT PRIMARY KEY, name VARCHAR(50), country CHAR(2))",
  "CREATE TABLE orders (id BIGINT PRIMARY KEY, customer_id BIGINT, total DECIMAL(10,2), product_id BIGINT)",
  "CREATE TABLE items (id BIGINT PRIMARY KEY, order_id BIGINT, customer_id BIGINT, n INT)",
  "CREATE TABLE country (code CHAR(2) PRIMARY KEY, name VARCHAR(50))",
];
const STOCK = ["CREATE TABLE product (id BIGINT PRIMARY KEY, name VARCHAR(50))"];

let context: PlanContext;
/** The shop as it is before anybody has thought of sharding it. */
let unsharded: PlanContext;

beforeAll(async () => {
  await loadHashes();
  const by = (column: string): object => ({ column_vindexes: [{ column, name: "hash" }] });
  const shop = {
    sharded: true,
    vindexes: { hash: { type: "hash" } },
    tables: { customer: by("id"), orders: by("id"), items: by("id"), country: by("code") },
  };
  const schema = clusterSchemaOf(
    new Map([
      ["shop", readDefinitions("shop", SHOP).tables],
      ["stock", readDefinitions("stock", STOCK).tables],
    ]),
  );
  const rules = { routingRules: [], shardRoutingRules: [], keyspaceRoutingRules: [], mirrorRules: [] };
  const stock = parseVSchema("stock", {});
  const cluster = (vschema: object): PlanContext => ({
    vschema: {
      keyspaces: new Map([
        ["shop", parseVSchema("shop", vschema)],
        ["stock", stock],
      ]),
      ...rules,
    },
    schema,
    keyspace: "shop",
  });
  context = cluster(shop);
  unsharded = cluster({});
});

describe("keyUsageOf", () => {
  const usage = (sql: string): object => {
    const { grouping, joins, filters, selected } = keyUsageOf(parse(sql), context);
    return {
      grouping: grouping.map(showColumn).join(" "),
      joins: joins.map(({ left, right, op }) => `${showColumn(left)} ${op} ${showColumn(right)}`).join(", "),
      filters: filters.map((use) => `${showColumn(use)} ${use.op}`).join(", "),
      selected: selected.map(showColumn).join(" "),
    };
  };

  test.each<[string, string, object]>([
    [
      "filters of all kinds",
      "SELECT name FROM customer WHERE id = 1 AND 5 < id AND country IN ('DE', 'FR') AND name LIKE 'a%' AND name IS NOT NULL",
      {
        filters:
          "shop.customer.country in, shop.customer.id =, shop.customer.id >, shop.customer.name is not null, shop.customer.name like",
        selected: "shop.customer.name",
      },
    ],
    [
      "BETWEEN is two of them, an OR is none",
      "SELECT 1 FROM orders WHERE id BETWEEN 1 AND 5 AND (total = 1 OR total = 2)",
      { filters: "shop.orders.id <=, shop.orders.id >=" },
    ],
    [
      "joins by ON, WHERE, USING and rows",
      "SELECT 1 FROM customer c JOIN orders o ON o.customer_id = c.id JOIN items i USING (customer_id) WHERE (i.order_id, i.n) = (o.id, 3)",
      {
        joins:
          "shop.orders.customer_id = shop.customer.id, shop.orders.customer_id = shop.items.customer_id, shop.items.order_id = shop.orders.id",
        filters: "shop.items.n =",
      },
    ],
    [
      "IN and EXISTS with a query are joins",
      "SELECT id FROM customer c WHERE id IN (SELECT customer_id FROM orders) AND EXISTS (SELECT 1 FROM items i WHERE i.customer_id = c.id)",
      {
        joins: "shop.customer.id = shop.orders.customer_id, shop.items.customer_id = shop.customer.id",
        selected: "shop.customer.id shop.orders.customer_id",
      },
    ],
    [
      "columns of derived tables are those behind them",
      "SELECT d.c FROM (SELECT customer_id AS c, SUM(total) AS s FROM orders GROUP BY customer_id) d JOIN customer ON customer.id = d.c WHERE d.s > 1",
      {
        grouping: "shop.orders.customer_id",
        joins: "shop.customer.id = shop.orders.customer_id",
        selected: "shop.orders.customer_id shop.orders.total",
      },
    ],
    ["UPDATE", "UPDATE orders SET total = 0 WHERE customer_id = 4", { filters: "shop.orders.customer_id =" }],
    [
      "DELETE with a join",
      "DELETE o FROM orders o JOIN customer c ON o.customer_id = c.id WHERE c.name = 'x'",
      { joins: "shop.orders.customer_id = shop.customer.id", filters: "shop.customer.name =" },
    ],
    ["a statement without tables", "SELECT 1", {}],
  ])("%s", (_name, sql, wanted) => {
    const none = { grouping: "", joins: "", filters: "", selected: "" };
    const { joins, ...rest } = { ...none, ...usage(sql) };
    const { joins: wantedJoins, ...wantedRest } = { ...none, ...wanted };
    expect(rest).toEqual(wantedRest);
    expect(joins.split(", ").toSorted()).toEqual(wantedJoins.split(", ").toSorted());
  });
});

describe("explainKeys", () => {
  const proposal = (sql: string): unknown => {
    const told = explainKeys(parse(sql), context);
    return "proposal" in told ? told.proposal : undefined;
  };

  test.each<[string, string | RegExp | undefined]>([
    ["SELECT * FROM orders WHERE id = 1", undefined],
    [
      "SELECT * FROM orders WHERE customer_id = 1",
      'It would pass through to one shard with shop.orders sharded by customer_id ({"column": "customer_id", "name": "hash"}, vindex type hash).',
    ],
    [
      "SELECT * FROM customer WHERE name = 'x'",
      /^It would pass through to one shard with shop\.customer sharded by name .*vindex type xxhash\)\.$/,
    ],
    [
      "SELECT COUNT(*) FROM customer c JOIN orders o ON o.customer_id = c.id JOIN items i ON i.customer_id = c.id WHERE c.id = 3",
      /^It would pass through to one shard with shop\.items sharded by customer_id .* and shop\.orders sharded by customer_id .*\.$/,
    ],
    [
      "SELECT c.name, o.id FROM customer c JOIN orders o ON o.customer_id = c.id",
      /^It would be answered by each shard for its own rows, without further work, with shop\.orders sharded by customer_id/,
    ],
    [
      "SELECT c.name, y.name FROM customer c JOIN country y ON y.code = c.country WHERE c.id = 1",
      /^It would pass through to one shard with shop\.country as a reference table, if it is small/,
    ],
    [
      "SELECT COUNT(*) FROM customer",
      "No sharding key makes it pass through: no condition of it gives a column a value.",
    ],
    [
      "SELECT RANK() OVER (ORDER BY total) FROM orders WHERE total = 1 OR total = 2",
      "No sharding key makes it pass through: no condition of it gives a column a value.",
    ],
    ["INSERT INTO orders (id, customer_id) VALUES (1, 2)", undefined],
  ])("%s", (sql, wanted) => {
    const found = proposal(sql);
    if (wanted instanceof RegExp) expect(found).toMatch(wanted);
    else expect(found).toBe(wanted);
  });
});

describe("explainKeysOfAll", () => {
  const STATEMENTS = [
    "SELECT * FROM customer WHERE id = 1",
    "SELECT o.* FROM orders o WHERE o.customer_id = 5",
    "SELECT c.name, o.total FROM customer c JOIN orders o ON o.customer_id = c.id WHERE c.id = 5",
    "SELECT SUM(i.n) FROM items i WHERE i.customer_id = 7",
    "UPDATE customer SET name = 'x' WHERE id = 3",
    "SELECT y.name FROM customer c JOIN country y ON y.code = c.country WHERE c.id = 5",
  ];

  test("proposes the keys that serve most statements, and says how many", () => {
    const told = explainKeysOfAll(workloadsOf(STATEMENTS), context);
    expect(told).toMatchObject({
      statements: 6,
      now: { oneShard: 2 },
      changes: [
        { table: "orders", column_vindexes: [{ column: "customer_id", name: "hash" }] },
        { table: "items", column_vindexes: [{ column: "customer_id", name: "hash" }] },
        { table: "country", type: "reference" },
      ],
      then: { oneShard: 6, allShards: 0, merge: 0, gather: 0, refused: 0 },
      columns: { "shop.customer.id": { found: 4, joined: 1, grouped: 0 } },
    });
  });

  test("says so when there is nothing better", () => {
    const told = explainKeysOfAll(workloadsOf(["SELECT * FROM customer WHERE id = 1"]), context);
    expect(told).toMatchObject({ proposal: expect.stringContaining("No change"), now: { oneShard: 1 } });
  });

  test("of a keyspace that is to be sharded begins with the primary keys", () => {
    const keyspace = unsharded.vschema.keyspaces.get("shop");
    if (keyspace === undefined) throw new Error("no shop");
    const keyspaces = new Map(unsharded.vschema.keyspaces);
    keyspaces.set("shop", shardedByPrimaryKeys(keyspace, unsharded.schema));
    const sharded: PlanContext = { ...unsharded, vschema: { ...unsharded.vschema, keyspaces } };
    expect(gradeOf(planStatement(parse("SELECT * FROM items WHERE id = 1"), sharded))).toBe("one shard");
    expect(explainKeysOfAll(workloadsOf(STATEMENTS), sharded)).toMatchObject({ then: { oneShard: 6 } });
  });

  function workloadsOf(statements: readonly string[]): Workload[] {
    return statements.map((sql) => ({ statement: parse(sql), keyspace: "shop" }));
  }
});
