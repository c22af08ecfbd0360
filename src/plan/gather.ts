// The gather tier: any SELECT the other tiers do not answer. Each table reference becomes a temporary table on one
// connection of one mysqld, filled from the shards its conditions allow, and the statement itself runs there with its
// table names mapped: the same answer as one MySQL, because one MySQL gives it.
//
// A condition is only handed down to a source when every row it removes could not have reached the result: conjuncts of
// WHERE on tables that no outer join can fill with NULLs, of plain comparisons. The statement still has them all.

import { notSupported } from "../base/errors.ts";
import type { Column, Expr, Node, Query, Select, TableName, TableRef } from "../sql/tree.ts";
import { rewrite, walk } from "../sql/walk.ts";
import { queryEffect } from "./effects.ts";
import type { FromTable } from "./from-clause.ts";
import type { GatherPlan, GatherSource } from "./plan.ts";
import { routeTables } from "./routing.ts";
import { type PlanContext, resolveTable, SYSTEM_SCHEMAS } from "./tables.ts";

/** Begins the names of temporary tables with rows of catalogs (catalog.ts). */
export const CATALOG_PREFIX = "shardgate_catalog_";

/** Throws 1235 for the few statements that cannot be mapped; `reason` is why no other tier takes it. */
export function planGather(statement: Query, context: PlanContext, reason: string): GatherPlan {
  const cteNames = new Set<string>();
  walk(statement, (node) => {
    if (node.kind === "cte") cteNames.add(node.name.toLowerCase());
    if (node.kind === "nextValues") throw notSupported("SELECT NEXT VALUES");
    if (node.kind === "systemTime") throw notSupported("FOR SYSTEM_TIME over shards");
  });
  const filters = filtersOf(statement);
  const columns = columnNamesOf(statement);
  const sources: GatherSource[] = [];
  const locking = lockingOf(statement);
  const mapped = rewrite(statement, {
    table(node) {
      if (node.kind !== "tableName" || isOwn(node, cteNames, context)) return node;
      const source = sourceOf(node, filters.get(node) ?? [], columns, locking, sources.length, context);
      sources.push(source);
      return {
        ...node,
        schema: undefined,
        name: source.temporaryTable,
        alias: node.alias ?? node.name,
        partitions: [],
        indexHints: [],
      };
    },
    expr: (node) => (node.kind === "column" && node.schema !== undefined ? { ...node, schema: undefined } : node),
    query: (node) => (node.locking.length > 0 ? { ...node, locking: [] } : node),
  });
  const outer = mapped.locking.length > 0 ? { ...mapped, locking: [] } : mapped;
  const [first] = sources;
  if (first === undefined) throw notSupported("gather without tables");
  return {
    kind: "gather",
    keyspace: first.keyspace,
    sources,
    statement: withoutSchemas(outer),
    reason,
    writes: locking,
    effect: queryEffect(statement),
  };
}

function sourceOf(
  node: TableName,
  conjuncts: readonly Expr[],
  columns: ReadonlySet<string> | "all",
  locks: boolean,
  number: number,
  context: PlanContext,
): GatherSource {
  const resolved = resolveTable(node, context);
  const alias = node.alias ?? node.name;
  const table: FromTable = { alias: alias.toLowerCase(), schema: undefined, resolved, node };
  const routing = resolved.keyspace.sharded
    ? routeTables({
        tables: [table],
        conditions: conjuncts.map((expr) => ({ expr, scope: { kind: "filter" } as const })),
        outerJoins: [],
      })
    : ({ kind: "unsharded" } as const);
  const [first, ...rest] = conjuncts;
  return {
    keyspace: resolved.keyspace.keyspace,
    table: node.name,
    partitions: node.partitions,
    alias,
    temporaryTable: `shardgate_gather_${number + 1}`,
    routing,
    where: rest.length === 0 ? first : { kind: "and", operands: conjuncts, pos: node.pos },
    columns,
    locks,
  };
}

/** Common table expressions, system tables and those made for this query are the scratch server's own. */
function isOwn(node: TableName, cteNames: ReadonlySet<string>, context: PlanContext): boolean {
  const name = node.name.toLowerCase();
  if (node.schema !== undefined) {
    return SYSTEM_SCHEMAS.has(node.schema.toLowerCase());
  }
  if (name === "dual" || name.startsWith(CATALOG_PREFIX)) return true;
  if (!cteNames.has(name)) return false;
  // A table of that name may be meant outside the scope of the WITH.
  const own = context.keyspace === undefined ? undefined : context.vschema.keyspaces.get(context.keyspace);
  if (own?.tables.has(node.name) === true) {
    throw notSupported(`common table expression named like table ${node.name}`, "give it another name");
  }
  return true;
}

/** Conjuncts of WHERE that each table reference may be filtered by before the statement sees its rows. */
function filtersOf(statement: Query): ReadonlyMap<TableName, readonly Expr[]> {
  const filters = new Map<TableName, Expr[]>();
  walk(statement, (node) => {
    if (node.kind !== "select" || node.where === undefined) return;
    const preserved = preservedTables(node.from);
    const isAlone =
      node === statement && node.from.length === 1 && preserved.length === 1 && node.from[0] === preserved[0];
    for (const conjunct of conjunctsOf(node.where)) {
      const table = onlyTableOf(conjunct, preserved, isAlone);
      if (table === undefined) continue;
      const known = filters.get(table);
      if (known === undefined) filters.set(table, [conjunct]);
      else known.push(conjunct);
    }
  });
  return filters;
}

function preservedTables(refs: readonly TableRef[]): TableName[] {
  return refs.flatMap((ref): TableName[] => {
    switch (ref.kind) {
      case "tableName":
        return [ref];
      case "tableList":
        return preservedTables(ref.tables);
      case "join":
        if (ref.type === "left") return preservedTables([ref.left]);
        if (ref.type === "right") return preservedTables([ref.right]);
        return preservedTables([ref.left, ref.right]);
      case "derived":
      case "jsonTable":
        return [];
    }
  });
}

function conjunctsOf(expr: Expr): readonly Expr[] {
  return expr.kind === "and" ? expr.operands : [expr];
}

/** The table all columns of a plain condition belong to; undefined when it is not sure, or the condition not plain. */
function onlyTableOf(expr: Expr, tables: readonly TableName[], isAlone: boolean): TableName | undefined {
  let found: TableName | undefined;
  let isPlain = true;
  walk(expr, (node) => {
    if (!isPlain) return false;
    if (node.kind === "column") {
      const table = isAlone && node.table === undefined ? tables[0] : qualifiedBy(node, tables);
      if (table === undefined || (found !== undefined && found !== table)) isPlain = false;
      found = table;
    } else if (!PLAIN.has(node.kind)) isPlain = false;
    return isPlain;
  });
  return isPlain ? found : undefined;
}

/** Nodes whose value depends on the row alone: no functions, variables, subqueries. */
const PLAIN: ReadonlySet<Node["kind"]> = new Set<Node["kind"]>([
  "literal",
  "bind",
  "unary",
  "binary",
  "and",
  "or",
  "is",
  "in",
  "between",
  "like",
  "row",
]);

function qualifiedBy(column: Column, tables: readonly TableName[]): TableName | undefined {
  if (column.table === undefined) return undefined;
  const qualifier = column.table.toLowerCase();
  const matching = tables.filter((table) => (table.alias ?? table.name).toLowerCase() === qualifier);
  return matching.length === 1 ? matching[0] : undefined;
}

/** Names of all columns the statement mentions anywhere, lower case; "all" when it may use some without naming them. */
export function columnNamesOf(statement: Query): ReadonlySet<string> | "all" {
  const names = new Set<string>();
  let all = false;
  walk(statement, (node) => {
    if (node.kind === "column") names.add(node.name.toLowerCase());
    else if (node.kind === "star" || node.kind === "table") all = true;
    else if (node.kind === "join") {
      if (node.natural) all = true;
      for (const name of node.using) names.add(name.toLowerCase());
    }
  });
  return all ? "all" : names;
}

function lockingOf(statement: Query): boolean {
  let locks = false;
  walk(statement, (node) => {
    locks ||= "locking" in node && node.locking.length > 0;
  });
  return locks;
}

/** `ks.t.*` in a select list names the table by its alias alone. */
function withoutSchemas(statement: Query): Query {
  if (statement.kind !== "select") return statement;
  const items = statement.items.map((item) => (item.kind === "star" ? { ...item, schema: undefined } : item));
  return { ...statement, items } satisfies Select;
}
