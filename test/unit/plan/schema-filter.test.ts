// Which keyspaces the rows of a catalog table can come from: what binds a table in WHERE, ON, USING, subqueries, and what
// only looks as if it did. A table that is taken for bound and is not would lose rows.

import { describe, expect, test } from "vitest";
import { schemaFiltersOf } from "../../../src/plan/schema-filter.ts";
import { systemTableOf } from "../../../src/plan/system-tables.ts";
import type { ValueRef } from "../../../src/plan/value-ref.ts";
import { parse } from "../../../src/sql/parse.ts";
import type { TableName } from "../../../src/sql/tree.ts";
import { isQuery, walk } from "../../../src/sql/walk.ts";

const IS = "information_schema";

/** The filter of each table in the order of the text: its patterns, or `-` for none. */
function filters(sql: string): string {
  const statement = parse(sql);
  if (!isQuery(statement)) throw new Error("no query");
  const tables: TableName[] = [];
  walk(statement, (node) => {
    if (node.kind === "tableName" && node.schema !== undefined) tables.push(node);
  });
  const found = schemaFiltersOf(statement, new Map(tables.map((node) => [node, systemTableOf(IS, node.name)])));
  const inOrder = tables.toSorted((a, b) => a.pos - b.pos);
  return inOrder
    .map(
      (node) =>
        found
          .get(node)
          ?.map(({ op, value }) => `${op === "like" ? "~" : ""}${shown(value)}`)
          .join("|") ?? "-",
    )
    .join(" ");
}

function shown(value: ValueRef | "database"): string {
  if (value === "database") return "database()";
  return value.kind === "constant" ? value.value.raw.toString("utf8") : value.kind;
}

const T = `${IS}.tables`;
const C = `${IS}.columns`;

const CASES: readonly (readonly [name: string, sql: string, wanted: string])[] = [
  ["no condition", `SELECT * FROM ${T}`, "-"],
  ["equal", `SELECT * FROM ${T} WHERE table_schema = 'a'`, "a"],
  ["equal, the other way round", `SELECT * FROM ${T} WHERE 'a' = TABLE_SCHEMA`, "a"],
  ["the session's database", `SELECT * FROM ${T} WHERE table_schema = DATABASE()`, "database()"],
  ["the session's database, selected", `SELECT * FROM ${T} WHERE table_schema = (SELECT SCHEMA())`, "database()"],
  ["IN", `SELECT * FROM ${T} WHERE table_schema IN ('a', 'b')`, "a|b"],
  ["LIKE", `SELECT * FROM ${T} WHERE table_schema LIKE 'a%'`, "~a%"],
  ["among others", `SELECT * FROM ${T} WHERE table_name = 'x' AND table_schema = 'a' AND engine IS NOT NULL`, "a"],
  ["OR of both", `SELECT * FROM ${T} WHERE table_schema = 'a' OR (table_schema = 'b' AND table_name = 'x')`, "a|b"],
  ["OR with something else", `SELECT * FROM ${T} WHERE table_schema = 'a' OR table_name = 'x'`, "-"],
  ["rows", `SELECT * FROM ${T} WHERE (table_name, table_schema) IN (('x', 'a'), ('y', 'b'))`, "a|b"],
  ["one row", `SELECT * FROM ${T} WHERE (table_schema, table_name) = ('a', 'x')`, "a"],
  ["with a collation", `SELECT * FROM ${T} WHERE table_schema COLLATE utf8_bin = 'a'`, "a"],
  ["in another case", `SELECT * FROM ${T} WHERE LOWER(table_schema) = LOWER('A')`, "A"],
  ["as bytes", `SELECT * FROM ${T} WHERE BINARY table_schema = 'a'`, "a"],
  ["not", `SELECT * FROM ${T} WHERE table_schema <> 'a'`, "-"],
  ["NOT of equal", `SELECT * FROM ${T} WHERE NOT (table_schema = 'a')`, "-"],
  ["NOT IN", `SELECT * FROM ${T} WHERE table_schema NOT IN ('a')`, "-"],
  ["NOT LIKE", `SELECT * FROM ${T} WHERE table_schema NOT LIKE 'a'`, "-"],
  ["NULL-safe", `SELECT * FROM ${T} WHERE table_schema <=> 'a'`, "-"],
  ["in HAVING", `SELECT * FROM ${T} HAVING table_schema = 'a'`, "-"],
  ["another column", `SELECT * FROM ${T} WHERE table_name = 'a'`, "-"],
  ["a computed value", `SELECT * FROM ${T} WHERE table_schema = CONCAT('a', 'b')`, "-"],
  [
    "the referenced schema is no row's own",
    `SELECT * FROM ${IS}.key_column_usage WHERE referenced_table_schema = 'a'`,
    "-",
  ],
  ["both names of a constraint's schema", `SELECT * FROM ${IS}.key_column_usage WHERE constraint_schema = 'a'`, "a"],
  [
    "a join where one is bound",
    `SELECT * FROM ${T} t JOIN ${C} c ON c.table_name = t.table_name WHERE t.table_schema = 'a'`,
    "a -",
  ],
  [
    "a join by the schema",
    `SELECT * FROM ${T} t JOIN ${C} c ON c.table_schema = t.table_schema WHERE t.table_schema = 'a'`,
    "a a",
  ],
  [
    "a join by the schema, bound on the other side",
    `SELECT * FROM ${T} t JOIN ${C} c ON c.table_schema = t.table_schema AND c.table_schema = 'a'`,
    "a a",
  ],
  ["USING", `SELECT * FROM ${T} JOIN ${C} USING (table_schema, table_name) WHERE table_schema = 'a'`, "a a"],
  ["USING of something else", `SELECT * FROM ${T} t JOIN ${C} c USING (table_name) WHERE t.table_schema = 'a'`, "a -"],
  ["NATURAL", `SELECT * FROM ${T} NATURAL JOIN ${C} WHERE table_schema = 'a'`, "a a"],
  [
    "an outer join's condition on its outer side",
    `SELECT * FROM ${T} t LEFT JOIN ${C} c ON t.table_schema = 'a'`,
    "- -",
  ],
  [
    "an outer join's condition on its inner side",
    `SELECT * FROM ${T} t LEFT JOIN ${C} c ON c.table_schema = 'b' WHERE t.table_schema = 'a'`,
    "a b",
  ],
  [
    "an outer join by the schema",
    `SELECT * FROM ${T} t LEFT JOIN ${C} c ON c.table_schema = t.table_schema WHERE t.table_schema = 'a'`,
    "a a",
  ],
  [
    "a right join by the schema, bound on its outer side",
    `SELECT * FROM ${T} t RIGHT JOIN ${C} c ON c.table_schema = t.table_schema WHERE c.table_schema = 'a'`,
    "a a",
  ],
  ["a comma", `SELECT * FROM ${T} t, ${C} c WHERE t.table_schema = 'a' AND c.table_schema = 'b'`, "a b"],
  ["a name of two tables", `SELECT * FROM ${T} t, ${C} c WHERE table_schema = 'a'`, "- -"],
  [
    "a correlated subquery",
    `SELECT (SELECT COUNT(*) FROM ${C} c WHERE c.table_schema = t.table_schema) FROM ${T} t WHERE t.table_schema = 'a'`,
    "a a",
  ],
  ["an uncorrelated subquery", `SELECT (SELECT COUNT(*) FROM ${C}) FROM ${T} WHERE table_schema = 'a'`, "- a"],
  ["a derived table, bound outside", `SELECT * FROM (SELECT * FROM ${T}) x WHERE table_schema = 'a'`, "-"],
  ["a derived table, bound inside", `SELECT * FROM (SELECT * FROM ${T} WHERE table_schema = 'a') x`, "a"],
  [
    "a derived table does not see its neighbour",
    `SELECT * FROM ${T} t JOIN (SELECT * FROM ${C} WHERE columns.table_schema = t.table_schema) x WHERE t.table_schema = 'a'`,
    "a -",
  ],
  ["a set operation", `SELECT 1 FROM ${T} WHERE table_schema = 'a' UNION SELECT 1 FROM ${C}`, "a -"],
  ["a common table expression", `WITH x AS (SELECT * FROM ${T} WHERE table_schema = 'a') SELECT * FROM x`, "a"],
  [
    "schemata",
    `SELECT * FROM ${IS}.schemata s JOIN ${T} t ON t.table_schema = s.schema_name WHERE s.schema_name = 'a'`,
    "a a",
  ],
];

describe("what binds a catalog table to keyspaces", () => {
  for (const [name, sql, wanted] of CASES) test(name, () => expect(filters(sql)).toBe(wanted));
});
