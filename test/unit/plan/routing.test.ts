// What conditions say of shards: golden routings, one line each.

import { beforeAll, describe, expect, test } from "vitest";
import { describeRouting } from "../../../src/plan/describe-plan.ts";
import { flattenFrom } from "../../../src/plan/from-clause.ts";
import { isScatter, routeTables } from "../../../src/plan/routing.ts";
import type { PlanContext } from "../../../src/plan/tables.ts";
import { NO_SCHEMA } from "../../../src/schema/model.ts";
import { normalize } from "../../../src/sql/normalize.ts";
import { parse } from "../../../src/sql/parse.ts";
import { DEFAULT_SQL_MODE } from "../../../src/sql/tree.ts";
import type { Routing } from "../../../src/plan/plan.ts";
import { checkVSchema } from "../../../src/vschema/parse-vschema.ts";
import { loadHashes } from "../../../src/vschema/xxh64.ts";

let context: PlanContext;

beforeAll(async () => {
  await loadHashes();
  const key = (name: string, ...columns: string[]): object => ({ column_vindexes: [{ columns, name }] });
  const parsed = checkVSchema("k", {
    sharded: true,
    vindexes: {
      hash: { type: "hash" },
      numeric: { type: "numeric" },
      binary: { type: "binary" },
      cfc: { type: "cfc" },
      nothing: { type: "null" },
      pair: { type: "multicol", params: { column_count: "2" } },
    },
    tables: {
      t: key("hash", "id"),
      o: key("hash", "tid"),
      n: key("numeric", "id"),
      b: key("binary", "name"),
      c: key("cfc", "name"),
      d: { ...key("binary", "day"), columns: [{ name: "day", type: "DATE" }] },
      x: key("nothing", "id"),
      m: key("pair", "a", "b"),
      m2: key("pair", "a", "b"),
      r: { type: "reference" },
    },
  });
  if (parsed.kind === "bad") throw new Error(JSON.stringify(parsed));
  const vschema = {
    keyspaces: new Map([["k", parsed.vschema]]),
    routingRules: [],
    shardRoutingRules: [],
    keyspaceRoutingRules: [],
    mirrorRules: [],
  };
  context = { vschema, schema: NO_SCHEMA, keyspace: "k" };
});

function routingOf(from: string): Routing {
  const { key } = normalize(Buffer.from(`SELECT 1 FROM ${from}`), DEFAULT_SQL_MODE);
  const statement = parse(key, DEFAULT_SQL_MODE);
  if (statement.kind !== "select") throw new Error(key);
  return routeTables(flattenFrom(statement.from, statement.where, context));
}

function shown(routing: Routing): string {
  if (routing.kind === "all-of") return routing.parts.map((part) => `(${shown(part)})`).join(" or ");
  if (routing.kind === "common") return routing.parts.map((part) => `(${shown(part)})`).join(" and ");
  const { kind, vindex: _, ...rest } = describeRouting(routing);
  const details = Object.entries(rest).map(([name, value]) => `${name} ${JSON.stringify(value).replaceAll('"', "")}`);
  return [kind, ...details].join(" ");
}

describe("one vindex column", () => {
  test.each([
    ["t WHERE id = 1", "equal-unique value :v1"],
    ["t WHERE 1 = id", "equal-unique value :v1"],
    ["t WHERE id = -(-5)", "equal-unique value :v1"],
    ["t WHERE id = 1 + 1", "equal-unique value :v1 + :v2"],
    ["t WHERE id = IF(1, 2, 3)", "equal-unique value if(:v1, :v2, :v3)"],
    ["t WHERE id = LEAST(3, 4)", "equal-unique value asked of a mysqld: least(:v1, :v2)"],
    ["t WHERE id = @x", "equal-unique value asked of a mysqld: @x"],
    ["t WHERE id = (SELECT 5)", "equal-unique value asked of a mysqld: (select 5)"],
    ["t WHERE id = LAST_INSERT_ID()", "equal-unique value asked of a mysqld: last_insert_id()"],
    ["t WHERE id = NOW()", "scatter"],
    ["t WHERE id = RAND()", "scatter"],
    ["t WHERE id = LAST_INSERT_ID(5)", "scatter"],
    ["t WHERE id = FOUND_ROWS()", "scatter"],
    ["t WHERE id = (@x := 5)", "scatter"],
    ["t WHERE id = (SELECT n FROM o)", "scatter"],
    ["t WHERE id = 'a' COLLATE utf8mb4_bin", "scatter"],
    ["t WHERE id = other", "scatter"],
    ["t WHERE id = 1 OR id = 2 OR id IN (3, 4)", "in values [:v1,:v2,::v3]"],
    ["t WHERE (id = 1 AND n > 5) OR (id = 2 AND n < 3)", "in values [:v1,:v3]"],
    ["t WHERE id = 1 OR n = 2", "scatter"],
    ["t WHERE (id = 1 OR id = 2) AND id = 3", "equal-unique value :v3"],
    ["t WHERE id IN (1, 2) AND id IN (2, 3)", "(in values [::v1]) and (in values [::v2])"],
    ["t WHERE id IN (1, 2) AND id = 2", "equal-unique value :v2"],
    ["t WHERE id IN (1 + 1, 3)", "in values [:v1 + :v2,:v3]"],
    ["t WHERE id IN (NULL, 3)", "in values [NULL,:v1]"],
    ["t WHERE id IN (1, n)", "scatter"],
    ["t WHERE id <=> 5", "(equal-unique value :v1) or (null-key)"],
    ["t WHERE id <=> NULL", "null-key"],
    ["t WHERE id IS NULL", "null-key"],
    // '0000-00-00', too.
    ["d WHERE day IS NULL", "scatter"],
    ["t WHERE id IS NOT NULL", "scatter"],
    ["t WHERE (id = 1) IS TRUE", "equal-unique value :v1"],
    ["t WHERE (id <> 1) IS FALSE", "equal-unique value :v1"],
    ["t WHERE NOT (id <> 1)", "equal-unique value :v1"],
    ["t WHERE NOT (id <> 1 OR n = 2)", "equal-unique value :v1"],
    ["t WHERE NOT (id <> 1 AND id <> 2)", "in values [:v1,:v2]"],
    ["t WHERE NOT (id = 1)", "scatter"],
    ["t WHERE id NOT IN (1, 2)", "scatter"],
    ["t WHERE id > 5", "scatter"],
    ["t WHERE id LIKE 'a%'", "scatter"],
    ["n WHERE id > 5 AND id <= 9", "(range above :v1) and (range to :v2)"],
    ["n WHERE id BETWEEN 5 AND 9", "range from :v1 to :v2"],
    ["n WHERE id BETWEEN 5 AND other", "scatter"],
    ["n WHERE id NOT BETWEEN 5 AND 9", "scatter"],
    ["n WHERE NOT (id < 5)", "range from :v1"],
    ["n WHERE 5 < id", "range above :v1"],
    ["n WHERE id < 5 OR id = 7", "(range below :v1) or (equal-unique value :v2)"],
    ["b WHERE name LIKE 'ab%'", "like pattern :v1"],
    ["b WHERE name LIKE 'ab%' ESCAPE '|'", "scatter"],
    ["b WHERE name NOT LIKE 'ab%'", "scatter"],
    ["b WHERE name >= 'a' AND name LIKE 'b%'", "(range from :v1) and (like pattern :v2)"],
    ["c WHERE name LIKE 'ab%'", "like pattern :v1"],
    ["x", "pinned keyspaceId 00"],
    ["x WHERE id > 7", "pinned keyspaceId 00"],
  ])("%s: %s", (from, wanted) => {
    expect(shown(routingOf(from))).toBe(wanted);
  });
});

describe("no rows at all", () => {
  test.each([
    ["t WHERE id = NULL", "none"],
    ["t WHERE n <> NULL", "none"],
    ["t WHERE n NOT IN (1, NULL)", "none"],
    ["t WHERE NOT (n = NULL)", "none"],
    ["t WHERE n BETWEEN NULL AND 5", "none"],
    ["t WHERE n LIKE NULL", "none"],
    ["t WHERE FALSE", "none"],
    ["t WHERE NULL", "none"],
    ["t WHERE FALSE OR id = 1", "equal-unique value :v1"],
    ["t WHERE FALSE OR n = NULL", "none"],
    ["t WHERE id = 1 AND FALSE", "equal-unique value :v1"],
    ["t WHERE 1 = 0", "if condition :v1 = :v2"],
    ["t WHERE TRUE", "scatter"],
    ["t WHERE 1 = 1 AND id = 5", "equal-unique value :v3"],
    ["t WHERE n NOT BETWEEN NULL AND 5", "scatter"],
    ["t WHERE n <=> NULL", "scatter"],
    ["t WHERE 'a' = n", "scatter"],
  ])("%s: %s", (from, wanted) => {
    expect(shown(routingOf(from))).toBe(wanted);
  });
});

describe("rows", () => {
  test.each([
    ["t WHERE (id, n) = (1, 2)", "equal-unique value :v1"],
    ["t WHERE (n, id) IN ((1, 2), (3, 4))", "in-tuples rows [[:v2],[:v4]]"],
    ["t WHERE (n, (id, n)) IN ((1, (2, 3)), (4, (5, 6)))", "in-tuples rows [[:v2],[:v5]]"],
    ["t WHERE (n, id) IN ((1, 2), (3, n))", "scatter"],
    ["t WHERE (n, id) NOT IN ((1, 2))", "scatter"],
    ["t WHERE (id, n) <> (1, 2)", "scatter"],
    ["n WHERE (id, n) < (5, 2)", "range to :v1"],
    ["n WHERE (id, n) >= (5, 2)", "range from :v1"],
    ["n WHERE (n, id) < (5, 2)", "scatter"],
    ["m WHERE (a, b) IN ((1, 2), (3, 4))", "in-tuples rows [[:v1,:v2],[:v3,:v4]]"],
    [
      "m WHERE a = 9 AND (b, n) IN ((1, 2), (3, 4))",
      "(equal-multi values [:v1]) and (in-tuples rows [[:v1,:v2],[:v1,:v4]])",
    ],
    ["m WHERE (a, n) IN ((1, 2), (3, 4))", "in-tuples rows [[:v1],[:v3]]"],
    ["m WHERE (b, n) IN ((1, 2), (3, 4))", "scatter"],
    ["m WHERE (b, a) = (1, 2)", "equal-multi values [:v2,:v1]"],
  ])("%s: %s", (from, wanted) => {
    expect(shown(routingOf(from))).toBe(wanted);
  });
});

describe("several columns", () => {
  test.each([
    ["m WHERE a = 1 AND b = 2", "equal-multi values [:v1,:v2]"],
    ["m WHERE a = 1", "equal-multi values [:v1]"],
    ["m WHERE b = 1", "scatter"],
    ["m WHERE a IN (1, 2) AND b = 3", "in-multi columns [[::v1],[:v2]]"],
    [
      "m WHERE a = 1 AND (b = 2 OR b = 3)",
      "(equal-multi values [:v1]) and ((equal-multi values [:v1,:v2]) or (equal-multi values [:v1,:v3]))",
    ],
    ["m WHERE a = 1 AND (b = 2 OR n = 3)", "equal-multi values [:v1]"],
    ["m JOIN m2 ON m.a = m2.a AND m.b = m2.b WHERE m.a = 1 AND m2.b = 2", "equal-multi values [:v1,:v2]"],
  ])("%s: %s", (from, wanted) => {
    expect(shown(routingOf(from))).toBe(wanted);
  });
});

describe("joins", () => {
  test.each([
    ["t JOIN o ON t.id = o.tid AND o.tid = 5", "equal-unique value :v1"],
    ["t LEFT JOIN o ON t.id = o.tid AND o.tid = 5", "scatter"],
    ["t LEFT JOIN o ON t.id = o.tid WHERE o.tid = 5", "equal-unique value :v1"],
    ["t LEFT JOIN o ON t.id = o.tid WHERE o.tid IS NULL", "scatter"],
    ["t LEFT JOIN o ON t.id = o.tid WHERE o.tid <=> NULL", "scatter"],
    ["t LEFT JOIN o ON t.id = o.tid WHERE t.id IS NULL", "null-key"],
    ["t LEFT JOIN o ON t.id = o.tid WHERE o.tid = 5 OR o.tid IS NULL", "scatter"],
    ["t LEFT JOIN o ON t.id = o.tid WHERE o.tid = 5 OR t.id = 6", "in values [:v1,:v2]"],
    ["t RIGHT JOIN o ON t.id = o.tid WHERE t.id IS NULL", "scatter"],
    ["t JOIN o ON t.id = o.tid WHERE t.id IN (1, 2) AND o.tid IN (2, 3)", "(in values [::v2]) and (in values [::v1])"],
    ["t JOIN r ON t.n = r.id WHERE r.id = 5", "scatter"],
    ["r WHERE r.id = 5", "any"],
  ])("%s: %s", (from, wanted) => {
    expect(shown(routingOf(from))).toBe(wanted);
  });
});

test("what counts as a scatter", () => {
  const froms = ["t", "t WHERE 1 = 1", "t WHERE id = 1", "t WHERE FALSE", "n WHERE id > 5 AND 1 = 1", "x"];
  expect(froms.map((from) => isScatter(routingOf(from)))).toEqual([true, true, false, false, false, false]);
});
