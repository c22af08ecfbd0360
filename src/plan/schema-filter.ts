// Which keyspaces a query of catalogs (information_schema and such) is about: a table of them that only rows of certain
// keyspaces can come from, by `table_schema = …` in WHERE or ON, or by a column that equals one that is so bound. A filter
// may allow more keyspaces than the condition does, never fewer.

import type { Column, Expr, Node, Query, Select, TableName, TableRef } from "../sql/tree.ts";
import { children } from "../sql/walk.ts";
import { sessionFunctionOf } from "./session-functions.ts";
import type { SystemTable } from "./system-tables.ts";
import { type ValueRef, valueRefOf } from "./value-ref.ts";

/** A row's keyspace equals the value, or is matched by it. */
export interface SchemaPattern {
  readonly op: "equal" | "like";
  /** `database`: DATABASE(). */
  readonly value: ValueRef | "database";
}

/** Any of these. */
export type SchemaFilter = readonly SchemaPattern[];

/** What is known of a table of the statement; undefined for others than those of system schemas. */
export type SystemTables = ReadonlyMap<TableName, SystemTable>;

/** The filter of each catalog table that has one. */
export function schemaFiltersOf(query: Query, tables: SystemTables): ReadonlyMap<TableName, SchemaFilter> {
  const finder = new FilterFinder(tables);
  finder.visit(query, undefined);
  return finder.filters;
}

interface Ref {
  readonly node: TableName;
  readonly alias: string;
  readonly schemaColumns: readonly string[];
}

interface Scope {
  readonly refs: readonly Ref[];
  /** Lower-case columns of USING and NATURAL: unqualified, they mean the first table that has them. */
  readonly shared: ReadonlySet<string>;
  readonly parent: Scope | undefined;
}

/** Rows that do not meet `expr` cannot bring rows of the tables in `restricts` into the result. */
interface Condition {
  readonly expr: Expr;
  readonly restricts: readonly Ref[];
}

/** The values of a column are the same on both sides, for rows of `restricts` that count. */
interface SharedColumn {
  readonly lower: string;
  readonly sides: readonly Ref[];
  readonly restricts: readonly Ref[];
}

class FilterFinder {
  readonly filters = new Map<TableName, SchemaFilter>();
  readonly #tables: SystemTables;

  constructor(tables: SystemTables) {
    this.#tables = tables;
  }

  visit(node: Node, outer: Scope | undefined): void {
    const scope = node.kind === "select" ? this.#enter(node, outer) : outer;
    children(node, (child) => {
      // A derived table sees nothing of the SELECT it stands in.
      this.visit(child, child.kind === "derived" && !child.lateral ? scope?.parent : scope);
    });
  }

  #enter(select: Select, parent: Scope | undefined): Scope {
    const conditions: Condition[] = [];
    const sharedColumns: SharedColumn[] = [];
    const refs = select.from.flatMap((ref) => this.#refsOf(ref, conditions, sharedColumns));
    if (select.where !== undefined) conditions.push({ expr: select.where, restricts: refs });
    const scope = { refs, shared: new Set(sharedColumns.map(({ lower }) => lower)), parent };
    for (let changed = true; changed; ) {
      changed = false;
      for (const { expr, restricts } of conditions) {
        for (const ref of restricts) changed = this.#add(ref, filterBy(expr, ref, scope, this.filters)) || changed;
      }
      for (const { sides, restricts } of sharedColumns) {
        const known = sides.map(({ node }) => this.filters.get(node)).find((filter) => filter !== undefined);
        for (const ref of restricts) changed = this.#add(ref, known) || changed;
      }
    }
    return scope;
  }

  #add({ node, schemaColumns }: Ref, filter: SchemaFilter | undefined): boolean {
    if (filter === undefined || schemaColumns.length === 0 || this.filters.has(node)) return false;
    this.filters.set(node, filter);
    return true;
  }

  #refsOf(ref: TableRef, conditions: Condition[], sharedColumns: SharedColumn[]): readonly Ref[] {
    switch (ref.kind) {
      case "tableName": {
        const table = this.#tables.get(ref);
        const schemaColumns = table?.kind === "catalog" ? table.schemaColumns : [];
        return [{ node: ref, alias: (ref.alias ?? ref.name).toLowerCase(), schemaColumns }];
      }
      case "tableList":
        return ref.tables.flatMap((table) => this.#refsOf(table, conditions, sharedColumns));
      case "derived":
      case "jsonTable":
        return [];
      case "join": {
        const left = this.#refsOf(ref.left, conditions, sharedColumns);
        const right = this.#refsOf(ref.right, conditions, sharedColumns);
        const sides = [...left, ...right];
        const restricts = ref.type === "left" ? right : ref.type === "right" ? left : sides;
        if (ref.on !== undefined) conditions.push({ expr: ref.on, restricts });
        const has = (refs: readonly Ref[], name: string): readonly Ref[] =>
          refs.filter(({ schemaColumns }) => schemaColumns.includes(name));
        const common = ref.natural
          ? left.flatMap(({ schemaColumns }) => schemaColumns.filter((name) => has(right, name).length > 0))
          : ref.using.map((name) => name.toLowerCase());
        for (const lower of common) {
          sharedColumns.push({ lower, sides: has(sides, lower), restricts: has(restricts, lower) });
        }
        return sides;
      }
    }
  }
}

type Known = ReadonlyMap<TableName, SchemaFilter>;

/** What `expr` says of the keyspace of `ref`'s rows when it is true. */
function filterBy(expr: Expr, ref: Ref, scope: Scope, known: Known): SchemaFilter | undefined {
  if (expr.kind === "and") {
    for (const operand of expr.operands) {
      const filter = filterBy(operand, ref, scope, known);
      if (filter !== undefined) return filter;
    }
    return undefined;
  }
  if (expr.kind === "or") {
    const filters = expr.operands.map((operand) => filterBy(operand, ref, scope, known));
    return filters.every((filter) => filter !== undefined) ? filters.flat() : undefined;
  }
  if (expr.kind === "binary" && expr.op === "=") {
    if (expr.left.kind === "row" && expr.right.kind === "row") return filterByRows(expr.left, [expr.right], ref, scope);
    return (
      filterByValues(expr.left, [expr.right], ref, scope, known) ??
      filterByValues(expr.right, [expr.left], ref, scope, known)
    );
  }
  if (expr.kind === "in" && !expr.not && Array.isArray(expr.list)) {
    return expr.expr.kind === "row"
      ? filterByRows(expr.expr, expr.list, ref, scope)
      : filterByValues(expr.expr, expr.list, ref, scope, known);
  }
  if (expr.kind === "in" && !expr.not && "kind" in expr.list && expr.list.kind === "bind") {
    return filterByValues(expr.expr, [expr.list], ref, scope, known);
  }
  if (expr.kind === "like" && !expr.not && expr.escape === undefined && isSchemaColumn(expr.expr, ref, scope)) {
    const value = valueOf(expr.pattern);
    return value === undefined ? undefined : [{ op: "like", value }];
  }
  return undefined;
}

function filterByValues(
  column: Expr,
  values: readonly Expr[],
  ref: Ref,
  scope: Scope,
  known: Known,
): SchemaFilter | undefined {
  if (!isSchemaColumn(column, ref, scope)) return undefined;
  const filter: SchemaPattern[] = [];
  for (const expr of values) {
    const value = valueOf(expr);
    if (value !== undefined) {
      filter.push({ op: "equal", value });
      continue;
    }
    const other = bare(expr);
    const owner = other.kind === "column" ? ownerOf(other, scope) : undefined;
    const ofOther = owner === undefined || owner === ref ? undefined : known.get(owner.node);
    if (ofOther === undefined) return undefined;
    filter.push(...ofOther);
  }
  return filter;
}

/** `(table_schema, table_name) IN (('a', 'b'), …)` */
function filterByRows(
  columns: Expr & { kind: "row" },
  rows: readonly Expr[],
  ref: Ref,
  scope: Scope,
): SchemaFilter | undefined {
  const position = columns.items.findIndex((item) => isSchemaColumn(item, ref, scope));
  const filter: SchemaPattern[] = [];
  for (const row of rows) {
    const item = row.kind === "row" ? row.items[position] : undefined;
    const value = item === undefined ? undefined : valueOf(item);
    if (value === undefined) return undefined;
    filter.push({ op: "equal", value });
  }
  return filter;
}

function isSchemaColumn(expr: Expr, ref: Ref, scope: Scope): boolean {
  const column = bare(expr);
  return column.kind === "column" && ownerOf(column, scope) === ref;
}

/** The table whose rows' keyspace the column names; undefined when it does not, or it is not sure. */
function ownerOf(column: Column, scope: Scope): Ref | undefined {
  const lower = column.name.toLowerCase();
  const names = (ref: Ref): boolean => ref.schemaColumns.includes(lower);
  if (column.table === undefined) {
    const [first, ...more] = scope.refs.filter(names);
    return more.length === 0 || scope.shared.has(lower) ? first : undefined;
  }
  const alias = column.table.toLowerCase();
  for (let at: Scope | undefined = scope; at !== undefined; at = at.parent) {
    const [found, ...more] = at.refs.filter((ref) => ref.alias === alias);
    if (found === undefined) continue;
    return more.length === 0 && names(found) ? found : undefined;
  }
  return undefined;
}

function valueOf(expr: Expr): SchemaPattern["value"] | undefined {
  const value = bare(selected(expr));
  return sessionFunctionOf(value) === "database" ? "database" : valueRefOf(value);
}

/** `(SELECT DATABASE())` is DATABASE(). */
function selected(expr: Expr): Expr {
  if (expr.kind !== "subquery" || expr.query.kind !== "select") return expr;
  const { items, from, where, having, limit } = expr.query;
  const [item, ...more] = items;
  const isPlain = from.length === 0 && where === undefined && having === undefined && limit === undefined;
  return isPlain && more.length === 0 && item?.kind === "expr" ? item.expr : expr;
}

/** Without what changes only how names compare: keyspaces are looked up without regard to case anyway. */
function bare(expr: Expr): Expr {
  if (expr.kind === "collate" || expr.kind === "convertUsing") return bare(expr.expr);
  if (expr.kind === "unary" && expr.op === "binary") return bare(expr.expr);
  if (expr.kind === "call" && CASE_FUNCTIONS.has(expr.name) && !expr.stored) {
    const [only, ...more] = expr.args;
    return only === undefined || more.length > 0 ? expr : bare(only);
  }
  return expr;
}

const CASE_FUNCTIONS: ReadonlySet<string> = new Set(["lower", "lcase", "upper", "ucase"]);
