// Statements sent where a lookup table leads: whether one row of an answer says that there are rows, or may be what is
// computed of none.

import { beforeAll, describe, expect, test } from "vitest";
import { planStatement } from "../../../src/plan/planner.ts";
import { readDefinitions } from "../../../src/schema/ddl.ts";
import { clusterSchemaOf } from "../../../src/schema/model.ts";
import { parse } from "../../../src/sql/parse.ts";
import { checkVSchema } from "../../../src/vschema/parse-vschema.ts";
import { loadHashes } from "../../../src/vschema/xxh64.ts";

beforeAll(loadHashes);

function rowOfNone(sql: string): boolean | undefined {
  const checked = checkVSchema("k", {
    sharded: true,
    vindexes: { hash: { type: "hash" }, found: { type: "lookup", params: { table: "u.found", from: "v", to: "id" } } },
    tables: {
      t: {
        column_vindexes: [
          { column: "id", name: "hash" },
          { column: "v", name: "found" },
        ],
      },
      words: { type: "reference" },
    },
  });
  if (checked.kind === "bad") throw new Error(JSON.stringify(checked.faults));
  const { tables } = readDefinitions("k", [
    "CREATE TABLE t (id BIGINT PRIMARY KEY, v VARCHAR(20), n INT)",
    "CREATE TABLE words (w INT PRIMARY KEY)",
  ]);
  const vschema = {
    keyspaces: new Map([["k", checked.vschema]]),
    routingRules: [],
    shardRoutingRules: [],
    keyspaceRoutingRules: [],
    mirrorRules: [],
  };
  const plan = planStatement(parse(sql), { vschema, schema: clusterSchemaOf(new Map([["k", tables]])), keyspace: "k" });
  if (plan.kind !== "send") throw new Error(`${sql}: ${plan.kind}`);
  return plan.rowOfNone;
}

describe("one row may stand for none", () => {
  test.each([
    "SELECT COUNT(*) FROM t WHERE v = 'a'",
    "SELECT max(n) + 1 FROM t WHERE v IN ('a', 'b')",
    "SELECT GROUP_CONCAT(n) FROM t WHERE v = 'a'",
    "SELECT n FROM (SELECT MAX(n) AS n FROM t WHERE v = 'a') d",
    "SELECT f(n) FROM t WHERE v = 'a'",
    "SELECT k.f(n) FROM t WHERE v = 'a'",
    "SELECT EXISTS (SELECT 1 FROM t WHERE v = 'a')",
    "SELECT (SELECT n FROM t WHERE v = 'a')",
    "SELECT 'b' IN (SELECT v FROM t WHERE v = 'a')",
  ])("%s", (sql) => {
    expect(rowOfNone(sql)).toBe(true);
  });

  test.each([
    "SELECT n FROM t WHERE v IN ('a', 'b')",
    "SELECT 'count(*)' FROM t WHERE v = 'max (a)'",
    "SELECT UPPER(n) FROM t WHERE v = 'a' AND n < DAY(NOW())",
    "SELECT n FROM t WHERE v = 'a' AND n IN (SELECT w FROM words)",
    "UPDATE t SET n = (1) WHERE v = 'a'",
  ])("not %s", (sql) => {
    expect(rowOfNone(sql)).toBeUndefined();
  });
});
