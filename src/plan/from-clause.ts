// Flattens a FROM clause into its tables and the conditions that hold between them, each with what it may be used for:
// the ON condition of an outer join says something about matches only, not about the rows of the preserved side.

import { notSupported } from "../base/errors.ts";
import type { Column, Expr, Join, TableName, TableRef } from "../sql/tree.ts";
import { type PlanContext, type ResolvedTable, resolveTable } from "./tables.ts";

export interface FromTable {
  /** What columns are qualified with: the alias or the name, lower case. */
  readonly alias: string;
  /** The keyspace columns may be qualified with, if there is no alias. */
  readonly schema: string | undefined;
  readonly resolved: ResolvedTable;
  readonly node: TableName;
}

export interface Condition {
  readonly expr: Expr;
  readonly scope: ConditionScope;
}

export type ConditionScope =
  /** WHERE, and ON of inner joins: no row of the result fails it. */
  | { readonly kind: "filter" }
  /** ON of an inner join within the null-supplying side of an outer one: holds between its tables, filters no others. */
  | { readonly kind: "nested" }
  /** ON of an outer join: holds for matches; `nullSide` has the tables that are NULL without one. */
  | { readonly kind: "outer"; readonly nullSide: ReadonlySet<FromTable> };

/** Rows of `preserved` are in the result whether `nullSide` has a match or not. */
export interface OuterJoin {
  readonly preserved: readonly FromTable[];
  readonly nullSide: readonly FromTable[];
}

export interface FromClause {
  readonly tables: readonly FromTable[];
  readonly conditions: readonly Condition[];
  readonly outerJoins: readonly OuterJoin[];
  /** No other outer join puts NULL for a row of the tables: NULL in a column is a row's. */
  readonly listsOuterJoins?: boolean;
}

/** Throws 1235 for what has no plain tables (derived tables, JSON_TABLE) and for NATURAL joins. */
export function flattenFrom(refs: readonly TableRef[], where: Expr | undefined, context: PlanContext): FromClause {
  const tables: FromTable[] = [];
  const found: Found = { conditions: [], outerJoins: [], context };
  for (const ref of refs) tables.push(...flatten(ref, FILTER, found));
  if (where !== undefined) addConjuncts(where, FILTER, found.conditions);
  return { tables, conditions: found.conditions, outerJoins: found.outerJoins, listsOuterJoins: true };
}

interface Found {
  readonly conditions: Condition[];
  readonly outerJoins: OuterJoin[];
  readonly context: PlanContext;
}

const FILTER: ConditionScope = { kind: "filter" };
const NESTED: ConditionScope = { kind: "nested" };

function flatten(ref: TableRef, scope: ConditionScope, found: Found): FromTable[] {
  switch (ref.kind) {
    case "tableName": {
      const alias = (ref.alias ?? ref.name).toLowerCase();
      const schema = ref.alias === undefined ? ref.schema : undefined;
      return [{ alias, schema, resolved: resolveTable(ref, found.context), node: ref }];
    }
    case "tableList":
      return ref.tables.flatMap((table) => flatten(table, scope, found));
    case "join":
      return flattenJoin(ref, scope, found);
    case "derived":
      throw notSupported("derived table over a sharded keyspace");
    case "jsonTable":
      throw notSupported("JSON_TABLE over a sharded keyspace");
  }
}

function flattenJoin(join: Join, scope: ConditionScope, found: Found): FromTable[] {
  if (join.natural) throw notSupported("NATURAL JOIN over a sharded keyspace", "name the columns with USING or ON");
  const left = flatten(join.left, join.type === "right" ? NESTED : scope, found);
  const right = flatten(join.right, join.type === "left" ? NESTED : scope, found);
  const nullTables = join.type === "left" ? right : join.type === "right" ? left : undefined;
  if (join.type === "left") found.outerJoins.push({ preserved: left, nullSide: right });
  else if (join.type === "right") found.outerJoins.push({ preserved: right, nullSide: left });
  const onScope: ConditionScope = nullTables === undefined ? scope : { kind: "outer", nullSide: new Set(nullTables) };
  if (join.on !== undefined) addConjuncts(join.on, onScope, found.conditions);
  for (const name of join.using) {
    // With several tables on a side it takes their columns to know which one is meant.
    const [a] = left;
    const [b] = right;
    if (a === undefined || b === undefined || left.length > 1 || right.length > 1) {
      throw notSupported("USING between more than two tables of a sharded keyspace", "write the condition with ON");
    }
    const expr: Expr = {
      kind: "binary",
      op: "=",
      left: columnOf(a, name, join.pos),
      right: columnOf(b, name, join.pos),
      pos: join.pos,
    };
    found.conditions.push({ expr, scope: onScope });
  }
  return [...left, ...right];
}

function addConjuncts(expr: Expr, scope: ConditionScope, conditions: Condition[]): void {
  if (expr.kind === "and") for (const operand of expr.operands) addConjuncts(operand, scope, conditions);
  else conditions.push({ expr, scope });
}

function columnOf(table: FromTable, name: string, pos: number): Column {
  return { kind: "column", schema: table.schema, table: table.alias, name, pos };
}
