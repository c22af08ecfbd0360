// `shardgate explain` over the project's own example schema: JSON and text of a statement, and --keys of a list.

import { resolve } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { explain, explainRuled } from "../../../src/bin/explain.ts";
import { type OfflineCluster, offlineCluster } from "../../../src/bin/explain-routing.ts";
import { explainText } from "../../../src/bin/explain-text.ts";
import { explainWorkload } from "../../../src/bin/explain-workload.ts";
import { readSchemaDir } from "../../../src/local/schema-dir.ts";
import { readRulesText, rulesOf } from "../../../src/rules/read-rules.ts";
import { loadHashes } from "../../../src/vschema/xxh64.ts";

const DIR = resolve(import.meta.dirname, "../../../vschema");
let cluster: OfflineCluster;

beforeAll(async () => {
  await loadHashes();
  cluster = offlineCluster(readSchemaDir(DIR, new Map([["customer", 2]]), () => {}));
});

const told = (sql: string): object => explain({ sql, keyspace: "customer" }, cluster);

describe("explain", () => {
  test("says tier, shards and plan with its reason", () => {
    expect(told("SELECT name FROM customer WHERE customer_id = 5")).toEqual({
      ok: true,
      type: "select",
      tables: ["customer.customer"],
      canonical: "select name from customer where customer_id = 5",
      tier: "pass-through",
      shards: "one",
      plan: {
        kind: "send",
        keyspace: "customer",
        routing: { kind: "equal-unique", vindex: "hash", value: "5" },
        writes: false,
        reason:
          "Its rows are on the one shard of customer that vindex hash gives for 5, and that shard answers the whole statement.",
      },
    });
  });

  test.each([
    ["SELECT COUNT(*) FROM corder", "merge", "all"],
    ["SELECT order_id FROM corder WHERE customer_id IN (1, 2, 3, 4, 5)", "merge", "all"],
    ["SELECT order_id, RANK() OVER (ORDER BY total) FROM corder", "gather", "all"],
    ["SELECT order_id FROM corder WHERE customer_id IN (1, 2, 3, 4, 5) ORDER BY total", "merge", "all"],
    ["SET @a = 1", "pass-through", "none"],
  ])("%s", (sql, tier, shards) => {
    expect(told(sql)).toMatchObject({ ok: true, tier, shards, plan: { reason: expect.stringMatching(/^[A-Z].*\.$/) } });
  });

  test("says what is wrong, and when it showed", () => {
    expect(told("SELEKT 1")).toMatchObject({ ok: false, phase: "parse", errno: 1064 });
    expect(told("SELECT 1 FROM nosuch")).toMatchObject({ ok: false, phase: "plan", errno: 1146 });
  });

  test("as lines for people", () => {
    const sql = "SELECT name FROM customer WHERE customer_id = 5";
    expect(explainText(sql, told(sql)).split("\n")).toEqual([
      sql,
      "  ok: true",
      "  type: select",
      "  tables: customer.customer",
      "  canonical: select name from customer where customer_id = 5",
      "  tier: pass-through",
      "  shards: one",
      "  plan:",
      "    kind: send",
      "    keyspace: customer",
      "    routing: kind: equal-unique, vindex: hash, value: 5",
      "    writes: false",
      "    reason: Its rows are on the one shard of customer that vindex hash gives for 5, and that shard answers the whole statement.",
      "",
    ]);
  });
});

describe("explain --keys", () => {
  const requests = [
    "SELECT * FROM customer WHERE email = 'a@b.c'",
    "SELECT * FROM customer WHERE email = 'd@e.f'",
    "SELECT * FROM nosuch",
  ].map((sql) => ({ sql, keyspace: "customer" }));

  test("takes the list together and leaves out what cannot be planned", () => {
    expect(explainWorkload(requests, cluster, [])).toMatchObject({
      statements: 2,
      columns: { "customer.customer.email": { found: 2 } },
      now: { oneShard: 0, allShards: 2 },
      changes: [{ keyspace: "customer", table: "customer", column_vindexes: [{ column: "email" }] }],
      then: { oneShard: 2, allShards: 0 },
      notPlanned: [{ sql: "SELECT * FROM nosuch", errno: 1146 }],
    });
  });

  test("plans unsharded keyspaces as sharded when asked to", () => {
    const sql = "SELECT * FROM product WHERE sku = 'x'";
    const list = [{ sql, keyspace: "commerce" }];
    expect(explainWorkload(list, cluster, [])).toMatchObject({ now: { oneShard: 1 } });
    expect(explainWorkload(list, cluster, ["commerce"])).toMatchObject({ statements: 1, now: { oneShard: 1 } });
    expect(() => explainWorkload(list, cluster, ["nosuch"])).toThrow(/--as-sharded names keyspace nosuch/);
  });
});

test("--rules: what rules make of a statement is explained, and what they refuse told", () => {
  const rules = rulesOf(
    readRulesText(`{"rules":[
      {"name":"one","match":{"user":"app","pattern":"from customer$"},
        "action":{"rewrite":{"replace":"from customer where customer_id = 1"}}},
      {"name":"two","match":{"user":"job"},"action":{"block":{"message":"not now"}}}]}`),
  );
  const ruled = (user: string): object =>
    explainRuled({ sql: "select name from customer", keyspace: "customer", user, source: undefined }, cluster, rules);
  expect(ruled("root")).toMatchObject({ ok: true, shards: "all", rules: [] });
  expect(ruled("app")).toMatchObject({
    shards: "one",
    canonical: "select name from customer where customer_id = 1",
    rewritten: "select name from customer where customer_id = 1",
    rules: ['one: rewrite to "from customer where customer_id = 1"'],
  });
  expect(ruled("job")).toMatchObject({ ok: false, phase: "rules", errno: 1148, error: "not now" });
});
