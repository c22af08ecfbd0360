// Queries of information_schema: every mysqld describes only the keyspace it has a shard of, so such a query goes to a
// shard of the keyspace it asks about. Which one is a value, looked up at execution; a query about all of them is refused
// when there are several. What describes the server software rather than its data may be asked of any.

import type { Expr, Query, Select, TableRef } from "../sql/tree.ts";
import { walk } from "../sql/walk.ts";
import { sessionFunctionOf } from "./session-functions.ts";
import { type PlanContext } from "./tables.ts";
import { type ValueRef, valueRefOf } from "./value-ref.ts";

/** Names of the keyspaces a query of information_schema is about: equal to one of the values, or matched by a pattern. */
export interface SchemaFilter {
  readonly op: "equal" | "like";
  /** `database`: DATABASE(). */
  readonly values: readonly (ValueRef | "database")[];
}

/** The same on every server of one software. */
const OF_ANY_SERVER: ReadonlySet<string> = new Set([
  "all_plugins",
  "applicable_roles",
  "character_sets",
  "collation_character_set_applicability",
  "collations",
  "enabled_roles",
  "engines",
  "geometry_columns",
  "keywords",
  "plugins",
  "spatial_ref_sys",
  "sql_functions",
  "system_variables",
  "user_privileges",
]);

const SCHEMA_COLUMNS: ReadonlySet<string> = new Set([
  "constraint_schema",
  "event_schema",
  "index_schema",
  "routine_schema",
  "schema_name",
  "sequence_schema",
  "specific_schema",
  "table_schema",
  "trigger_schema",
  "unique_constraint_schema",
]);

/**
 * One filter for each SELECT that reads information_schema; "all" when one of them has none, "none" when nothing of it
 * belongs to a keyspace.
 */
export function schemaFiltersOf(statement: Query, context: PlanContext): readonly SchemaFilter[] | "all" | "none" {
  const filters: SchemaFilter[] = [];
  let all = false;
  walk(statement, (node) => {
    if (node.kind !== "select" || !node.from.some((ref) => readsKeyspaces(ref, context))) return;
    const found = filterOf(node);
    if (found === undefined) all = true;
    else filters.push(found);
  });
  if (all) return "all";
  return filters.length === 0 ? "none" : filters;
}

function readsKeyspaces(ref: TableRef, context: PlanContext): boolean {
  switch (ref.kind) {
    case "tableName": {
      const schema = (ref.schema ?? context.keyspace ?? "").toLowerCase();
      return schema === "information_schema" && !OF_ANY_SERVER.has(ref.name.toLowerCase());
    }
    case "tableList":
      return ref.tables.some((table) => readsKeyspaces(table, context));
    case "join":
      return readsKeyspaces(ref.left, context) || readsKeyspaces(ref.right, context);
    case "derived":
    case "jsonTable":
      return false;
  }
}

function filterOf({ where }: Select): SchemaFilter | undefined {
  if (where === undefined) return undefined;
  for (const conjunct of where.kind === "and" ? where.operands : [where]) {
    const filter = filterOfConjunct(conjunct);
    if (filter !== undefined) return filter;
  }
  return undefined;
}

function filterOfConjunct(expr: Expr): SchemaFilter | undefined {
  if (expr.kind === "binary" && expr.op === "=") {
    return filter("equal", expr.left, [expr.right]) ?? filter("equal", expr.right, [expr.left]);
  }
  if (expr.kind === "like" && !expr.not && expr.escape === undefined) return filter("like", expr.expr, [expr.pattern]);
  if (expr.kind === "in" && !expr.not)
    return filter("equal", expr.expr, Array.isArray(expr.list) ? expr.list : [expr.list]);
  return undefined;
}

function filter(op: SchemaFilter["op"], column: Expr, others: readonly Expr[]): SchemaFilter | undefined {
  if (column.kind !== "column" || !SCHEMA_COLUMNS.has(column.name.toLowerCase())) return undefined;
  const values: (ValueRef | "database")[] = [];
  for (const other of others) {
    const value = sessionFunctionOf(other) === "database" ? "database" : valueRefOf(other);
    if (value === undefined) return undefined;
    values.push(value);
  }
  return { op, values };
}
