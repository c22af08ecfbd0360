// Views of sharded keyspaces: each shard has the definition, and its own rows behind it. Before a query is planned its views
// become derived tables with their definitions, views over views as well, so that the planner sees the tables whose rows it
// has to find. A query that one shard can answer is still sent as it was written.
// What writes through views become is in view-writes.ts.
//
// Views of unsharded keyspaces are tables like others. One that the VSchema lists is taken for the table it says.

import { MysqlError, ShardgateError } from "../base/errors.ts";
import { AGGREGATE_FUNCTIONS } from "../sql/aggregate-functions.ts";
import { columnNode } from "../sql/new-nodes.ts";
import { cteReferences } from "../sql/tables.ts";
import { parse } from "../sql/parse.ts";
import type {
  Column,
  DerivedTable,
  Expr,
  OrderItem,
  Query,
  Select,
  SelectItem,
  TableName,
  TableRef,
} from "../sql/tree.ts";
import { isQuery, rewrite, sameTree, walk } from "../sql/walk.ts";
import type { TableSchema } from "../schema/model.ts";
import type { Plan } from "./plan.ts";
import { type PlanContext, tableNamesOf } from "./tables.ts";

/** Views over views over …; a circle of them, which MySQL refuses as well, ends here. */
const NESTING_MAX = 32;

/** The query with its views as derived tables; itself when it names none. Throws 1462 for views in a circle. */
export function expandViews(query: Query, context: PlanContext): Query {
  return namesView(query, context) ? expanded(query, context, 0) : query;
}

/** The plan of a query's expansion, with the answer's columns as MySQL tells them of the query itself. */
export function withColumnsOf<P extends Plan>(query: Query, plan: P, context: PlanContext): P {
  switch (plan.kind) {
    case "send":
      if (plan.severalShards === undefined) return plan;
      return { ...plan, severalShards: withColumnsOf(query, plan.severalShards, context) };
    case "merge": {
      const { body } = plan;
      // A shard can tell only if it has all that the query names.
      const names = tableNamesOf(query);
      const isWhole = names.every(({ schema = context.keyspace }) => schema === body.keyspace);
      const gather = plan.gather === undefined ? undefined : withColumnsOf(query, plan.gather, context);
      return { ...plan, body: isWhole ? { ...body, typing: query } : body, gather };
    }
    case "gather":
      return plan.original === undefined ? plan : { ...plan, original: query };
    default:
      return plan;
  }
}

/** The definition of a view that has to be expanded; undefined for anything else. */
export function viewOf(
  name: { readonly schema: string | undefined; readonly name: string },
  context: PlanContext,
): { readonly keyspace: string; readonly view: TableSchema } | undefined {
  const schema = name.schema ?? context.keyspace;
  const keyspace = schema === undefined ? undefined : context.vschema.keyspaces.get(schema);
  if (keyspace === undefined || !keyspace.sharded || keyspace.tables.has(name.name)) return undefined;
  const view = context.schema.table(keyspace.keyspace, name.name);
  return view?.kind === "view" && view.viewQuery !== undefined ? { keyspace: keyspace.keyspace, view } : undefined;
}

function namesView(query: Query, context: PlanContext): boolean {
  let names = false;
  walk(query, (node) => {
    names ||= node.kind === "tableName" && viewOf(node, context) !== undefined;
    return !names;
  });
  return names;
}

function expanded(query: Query, context: PlanContext, depth: number): Query {
  const ctes = cteReferences(query);
  // Columns may name a view's keyspace, which a derived table has none of.
  const names = new Map<string, Set<string>>();
  const replaced = new Map<TableRef, DerivedTable>();
  const changed = rewriteQuery(query, {
    table(node) {
      if (node.kind !== "tableName" || ctes.has(node)) return node;
      const found = viewOf(node, context);
      if (found === undefined) return node;
      const derived = viewAsDerived(node, found.keyspace, found.view, context, depth);
      if (node.alias === undefined) names.set(node.name, (names.get(node.name) ?? new Set()).add(found.keyspace));
      replaced.set(derived, derived);
      return derived;
    },
    query: (node) => (node.kind === "select" ? withOrderOfView(node, replaced) : node),
  });
  if (names.size === 0) return changed;
  const unqualified = <N extends { readonly schema: string | undefined; readonly table: string | undefined }>(
    node: N,
  ): N =>
    node.schema !== undefined && node.table !== undefined && names.get(node.table)?.has(node.schema) === true
      ? { ...node, schema: undefined }
      : node;
  return rewriteQuery(changed, {
    expr: (node) => (node.kind === "column" ? unqualified(node) : node),
    query: (node) =>
      node.kind === "select"
        ? { ...node, items: node.items.map((item) => (item.kind === "star" ? unqualified(item) : item)) }
        : node,
  });
}

/** `rewrite` for the query itself as well. */
function rewriteQuery(query: Query, changes: Parameters<typeof rewrite>[1]): Query {
  const below = rewrite(query, changes);
  return changes.query === undefined ? below : changes.query(below);
}

/** The view as what a query reads in its place. Throws 1462 for views in a circle. */
export function viewAsDerived(
  node: TableName,
  keyspace: string,
  view: TableSchema,
  context: PlanContext,
  depth: number,
): DerivedTable {
  const own = expanded(selectOfView(keyspace, view, depth), { ...context, keyspace }, depth + 1);
  return { kind: "derived", lateral: false, query: own, alias: node.alias ?? node.name, columns: [], pos: node.pos };
}

/** A view's definition, its columns named as the view's and its tables with their keyspace. Throws 1462 for a circle. */
export function selectOfView(keyspace: string, view: TableSchema, depth: number): Query {
  if (depth >= NESTING_MAX) {
    throw new MysqlError(1462, "HY000", `\`${keyspace}\`.\`${view.name}\` contains view recursion`);
  }
  const query = parse(view.viewQuery ?? "");
  if (!isQuery(query))
    throw new ShardgateError("INTERNAL", `the definition of view ${keyspace}.${view.name} is no SELECT`);
  return withNames(withoutIdleLimits(qualified(query, keyspace)), view);
}

/** Names without a schema are the view's keyspace's. */
function qualified(query: Query, keyspace: string): Query {
  const ctes = cteReferences(query);
  return rewrite(query, {
    table: (node) =>
      node.kind === "tableName" && node.schema === undefined && !ctes.has(node) && node.name.toLowerCase() !== "dual"
        ? { ...node, schema: keyspace, alias: node.alias ?? node.name }
        : node,
  });
}

/** MariaDB prints EXISTS (… LIMIT 1) for EXISTS (…): it means nothing there, and each shard would have to be asked alone. */
function withoutIdleLimits(query: Query): Query {
  return rewriteQuery(query, {
    expr: (node) => (node.kind === "exists" && isOne(node.query) ? { ...node, query: unlimited(node.query) } : node),
  });
}

function isOne({ limit }: Query): boolean {
  return limit?.offset === undefined && limit?.count?.kind === "literal" && limit.count.value === "1";
}

function unlimited(query: Query): Query {
  return { ...query, limit: undefined };
}

/** Columns named as the view's are, which need not be as the definition has them. */
function withNames(query: Query, view: TableSchema): Query {
  if (query.kind === "union") return { ...query, first: withNames(query.first, view) };
  if (query.kind !== "select" || query.items.length !== view.columns.length) return query;
  if (query.items.some(({ kind }) => kind !== "expr")) return query;
  const items = query.items.map((item, index): SelectItem => {
    const name = view.columns[index]?.name;
    return item.kind === "expr" && name !== undefined ? { ...item, alias: name } : item;
  });
  return { ...query, items };
}

/**
 * The order of a view is that of a query of it alone which asks for none (manual: "CREATE VIEW"). A derived table's order
 * counts for nothing, unless it has a LIMIT.
 */
function withOrderOfView(select: Select, views: ReadonlyMap<TableRef, DerivedTable>): Select {
  const [first, ...others] = select.from;
  const view = first === undefined ? undefined : views.get(first);
  if (view === undefined || others.length > 0 || view.query.kind !== "select") return select;
  const { query } = view;
  if (query.orderBy.length === 0 || select.orderBy.length > 0 || computesOverRows(select)) return select;
  const orderBy: OrderItem[] = [];
  for (const item of query.orderBy) {
    const name = nameOfOrder(item.expr, query);
    if (name === undefined) return select;
    const expr: Column = columnNode(name, view.alias, item.pos);
    orderBy.push({ ...item, expr });
  }
  const inner = query.limit === undefined ? { ...query, orderBy: [] } : query;
  return { ...select, from: [{ ...view, query: inner }], orderBy };
}

/** Its rows are not those of its FROM, one by one. */
export function computesOverRows(select: Select): boolean {
  if (select.groupBy.length > 0 || select.having !== undefined || select.options.includes("distinct")) return true;
  let computes = false;
  for (const item of select.items) {
    walk(item, (node) => {
      if (node.kind === "subquery" || node.kind === "exists" || node.kind === "quantified") return false;
      computes ||=
        node.kind === "groupConcat" ||
        (node.kind === "call" && AGGREGATE_FUNCTIONS.has(node.name) && node.over === undefined);
      return !computes;
    });
  }
  return computes;
}

/** The view's column that an ORDER BY expression of its definition means; undefined when there is none. */
function nameOfOrder(expr: Expr, query: Select): string | undefined {
  for (const [index, item] of query.items.entries()) {
    if (item.kind !== "expr") return undefined;
    const name = item.alias ?? (item.expr.kind === "column" ? item.expr.name : item.text);
    const isPosition = expr.kind === "literal" && expr.type === "int" && Number(expr.value) === index + 1;
    const isAlias =
      expr.kind === "column" && expr.table === undefined && expr.name.toLowerCase() === name.toLowerCase();
    if (isPosition || isAlias || sameTree(expr, item.expr)) return name;
  }
  return undefined;
}
