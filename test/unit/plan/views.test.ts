// Views as derived tables: what a query becomes before it is planned.

import { describe, expect, test } from "vitest";
import { MysqlError } from "../../../src/base/errors.ts";
import type { PlanContext } from "../../../src/plan/tables.ts";
import { expandViews } from "../../../src/plan/views.ts";
import { clusterSchemaOf, type ColumnSchema, type TableSchema } from "../../../src/schema/model.ts";
import { parse } from "../../../src/sql/parse.ts";
import { print } from "../../../src/sql/print.ts";
import { isQuery } from "../../../src/sql/walk.ts";
import { parseVSchema } from "../../../src/vschema/parse-vschema.ts";

function column(name: string): ColumnSchema {
  return {
    name,
    lower: name.toLowerCase(),
    dataType: "bigint",
    columnType: "bigint(20)",
    unsigned: false,
    nullable: true,
    charset: undefined,
    collation: undefined,
    invisible: false,
    autoIncrement: false,
    generated: false,
  };
}

function view(name: string, columns: readonly string[], viewQuery: string): TableSchema {
  return { name, kind: "view", columns: columns.map(column), keys: [], viewQuery, rows: undefined };
}

const TABLE: TableSchema = {
  name: "c",
  kind: "table",
  columns: ["id", "n"].map(column),
  keys: [],
  viewQuery: undefined,
  rows: 1,
};

const SHARDED = [
  TABLE,
  view("v", ["id", "n"], "select `s`.`c`.`id` AS `id`,`s`.`c`.`n` AS `n` from `s`.`c`"),
  view("renamed", ["a", "b"], "select `s`.`c`.`id` AS `id`,`s`.`c`.`n` AS `n` from `s`.`c`"),
  view("of_view", ["id"], "select `v`.`id` AS `id` from `s`.`v` where `v`.`n` > 1"),
  view("ordered", ["a", "m"], "select c.id as a, c.n + 1 as m from c order by c.n + 1 desc, a"),
  view("hidden_order", ["a"], "select c.id as a from c order by c.n"),
  view("top", ["a"], "select c.id as a from c order by a limit 3"),
  view("having_exists", ["id"], "select c.id as id from c where exists(select 1 from o where o.cid = c.id limit 1)"),
  view("in_parts", ["id"], "select id from c union all select cid from o"),
  view("circle", ["id"], "select id from circle"),
  view("listed", ["id"], "select id from c"),
];

const context: PlanContext = {
  keyspace: "s",
  schema: clusterSchemaOf(
    new Map([
      ["s", SHARDED],
      ["u", [view("uv", ["id"], "select id from t")]],
    ]),
  ),
  vschema: {
    keyspaces: new Map([
      [
        "s",
        parseVSchema("s", {
          sharded: true,
          vindexes: { hash: { type: "hash" } },
          tables: Object.fromEntries(
            ["c", "o", "listed"].map((name) => [name, { column_vindexes: [{ column: "id", name: "hash" }] }]),
          ),
        }),
      ],
      ["u", parseVSchema("u", {})],
    ]),
    routingRules: [],
    shardRoutingRules: [],
    keyspaceRoutingRules: [],
    mirrorRules: [],
  },
};

function expanded(sql: string, keyspace: string | undefined = "s"): string {
  const statement = parse(sql);
  if (!isQuery(statement)) throw new Error("no query");
  return print(expandViews(statement, { ...context, keyspace }));
}

/** As the printer writes it. */
function canonical(sql: string): string {
  return print(parse(sql));
}

const V = "(select s.c.id as id, s.c.n as n from s.c)";

const CASES: readonly (readonly [name: string, sql: string, wanted: string])[] = [
  ["a table stays", "SELECT * FROM c", "SELECT * FROM c"],
  ["a view", "SELECT * FROM v", `SELECT * FROM ${V} AS v`],
  ["its alias", "SELECT x.id FROM v AS x", `SELECT x.id FROM ${V} AS x`],
  [
    "columns by keyspace and view",
    "SELECT s.v.id, s.v.* FROM s.v WHERE s.v.n = 1",
    `SELECT v.id, v.* FROM ${V} AS v WHERE v.n = 1`,
  ],
  [
    "columns as the view names them",
    "SELECT a FROM renamed",
    "SELECT a FROM (SELECT s.c.id AS a, s.c.n AS b FROM s.c) AS renamed",
  ],
  [
    "a view over a view",
    "SELECT id FROM of_view",
    `SELECT id FROM (SELECT v.id AS id FROM ${V} AS v WHERE v.n > 1) AS of_view`,
  ],
  [
    "in joins and subqueries",
    "SELECT c.id FROM c LEFT JOIN v ON v.id = c.id WHERE c.n IN (SELECT n FROM v)",
    `SELECT c.id FROM c LEFT JOIN ${V} AS v ON v.id = c.id WHERE c.n IN (SELECT n FROM ${V} AS v)`,
  ],
  [
    "a common table expression of its name",
    "WITH v AS (SELECT 1 AS id) SELECT * FROM v",
    "WITH v AS (SELECT 1 AS id) SELECT * FROM v",
  ],
  [
    "its order, where the query has none",
    "SELECT a FROM ordered WHERE a > 1 LIMIT 2",
    "SELECT a FROM (SELECT c.id AS a, c.n + 1 AS m FROM s.c AS c) AS ordered WHERE a > 1 ORDER BY ordered.m DESC, ordered.a LIMIT 2",
  ],
  [
    "its order gives way",
    "SELECT a FROM ordered ORDER BY a",
    "SELECT a FROM (SELECT c.id AS a, c.n + 1 AS m FROM s.c AS c ORDER BY c.n + 1 DESC, a) AS ordered ORDER BY a",
  ],
  [
    "an order by what it does not show",
    "SELECT a FROM hidden_order",
    "SELECT a FROM (SELECT c.id AS a FROM s.c AS c ORDER BY c.n) AS hidden_order",
  ],
  [
    "an order with a limit stays inside as well",
    "SELECT a FROM top",
    "SELECT a FROM (SELECT c.id AS a FROM s.c AS c ORDER BY a LIMIT 3) AS top ORDER BY top.a",
  ],
  [
    "no order for an aggregate",
    "SELECT COUNT(*) FROM ordered",
    "SELECT COUNT(*) FROM (SELECT c.id AS a, c.n + 1 AS m FROM s.c AS c ORDER BY c.n + 1 DESC, a) AS ordered",
  ],
  [
    "the LIMIT 1 of an EXISTS",
    "SELECT id FROM having_exists",
    "SELECT id FROM (SELECT c.id AS id FROM s.c AS c WHERE EXISTS (SELECT 1 FROM s.o AS o WHERE o.cid = c.id)) AS having_exists",
  ],
  [
    "a set operation",
    "SELECT id FROM in_parts",
    "SELECT id FROM (SELECT id AS id FROM s.c AS c UNION ALL SELECT cid FROM s.o AS o) AS in_parts",
  ],
  ["a view that the VSchema lists", "SELECT * FROM listed", "SELECT * FROM listed"],
];

describe("views of a sharded keyspace", () => {
  for (const [name, sql, wanted] of CASES) {
    test(name, () => expect(expanded(sql)).toBe(canonical(wanted)));
  }

  test("from another keyspace, names inside are the view's own", () => {
    expect(expanded("SELECT a FROM s.hidden_order", "u")).toContain("s.c");
    expect(expanded("SELECT a FROM hidden_order", "u")).toBe(canonical("SELECT a FROM hidden_order"));
  });

  test("a view of an unsharded keyspace stays", () => {
    expect(expanded("SELECT * FROM u.uv")).toBe(canonical("SELECT * FROM u.uv"));
  });

  test("views in a circle are refused as MySQL refuses them", () => {
    expect(() => expanded("SELECT * FROM circle")).toThrow(MysqlError);
    expect(() => expanded("SELECT * FROM circle")).toThrow(/contains view recursion/);
  });
});
