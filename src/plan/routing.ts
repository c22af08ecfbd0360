// From conditions to shards: which equalities pin a statement to keyspace ids, and which tables lie together because
// their sharding keys are equal. It only ever narrows when every row the statement can see is still reached.
//
// Columns are nodes of equality classes (union-find) made of conditions that hold for every row. Tables lie together when
// the columns of one vindex are equal for both: by class, or by the ON of an outer join, which is never carried further,
// because it says nothing about rows without a match.

import { notSupported } from "../base/errors.ts";
import type { Column, Expr } from "../sql/tree.ts";
import type { ColumnVindex } from "../vschema/model.ts";
import type { Vindex } from "../vschema/vindex.ts";
import type { Condition, FromClause, FromTable } from "./from-clause.ts";
import { columnKindOf } from "./column-kind.ts";
import type { Routing } from "./plan.ts";
import { type ValueRef, valueRefOf } from "./value-ref.ts";

/** Throws 1235 when tables of a sharded keyspace do not provably lie together. */
export function routeTables(from: FromClause): Routing {
  const placed = from.tables.filter(isPlaced);
  if (placed.length === 0) return { kind: "any" };
  const classes = new EqualityClasses(from);
  // What an outer join preserves must lie together without the help of its other side: without a match that is NULL.
  for (const { preserved } of from.outerJoins) requireTogether(preserved.filter(isPlaced), classes);
  return bestRouting(requireTogether(placed, classes), classes);
}

/**
 * What the rows of several shards cannot simply be put together for: every shard has all rows of a reference table, and an
 * outer join that preserves them would give each of them once a shard. Undefined when there is no such join.
 */
export function crossShardJoinOf(from: FromClause): string | undefined {
  const found = from.outerJoins.find(({ preserved, nullSide }) => !preserved.some(isPlaced) && nullSide.some(isPlaced));
  if (found === undefined) return undefined;
  return `outer join that keeps all rows of reference table ${found.preserved[0]?.resolved.name} over several shards`;
}

function isPlaced({ resolved }: FromTable): boolean {
  return resolved.table?.type !== "reference";
}

/** The tables, which provably lie together. */
function requireTogether(tables: readonly FromTable[], classes: EqualityClasses): readonly FromTable[] {
  const [first, second] = groupTables(tables, classes);
  if (first === undefined || second === undefined) return first ?? [];
  const names = `${first[0]?.resolved.name} and ${second[0]?.resolved.name}`;
  throw notSupported(
    `join of ${names} over shards`,
    "join tables of a sharded keyspace by equality of their sharding keys",
  );
}

function groupTables(tables: readonly FromTable[], classes: EqualityClasses): FromTable[][] {
  const groups: FromTable[][] = [];
  for (const table of tables) {
    const together = groups.filter((group) => group.some((other) => lieTogether(table, other, classes)));
    const merged = [table, ...together.flat()];
    for (const group of together) groups.splice(groups.indexOf(group), 1);
    groups.push(merged);
  }
  return groups;
}

function lieTogether(a: FromTable, b: FromTable, classes: EqualityClasses): boolean {
  const pinnedA = a.resolved.table?.pinned;
  const pinnedB = b.resolved.table?.pinned;
  if (pinnedA !== undefined || pinnedB !== undefined) {
    return pinnedA !== undefined && pinnedB !== undefined && pinnedA.equals(pinnedB);
  }
  return vindexesOf(a).some((va) =>
    vindexesOf(b).some(
      (vb) =>
        va.vindex === vb.vindex &&
        va.columnsLower.length === vb.columnsLower.length &&
        va.columnsLower.every((column, i) => classes.equal(a, column, b, vb.columnsLower[i] ?? "")),
    ),
  );
}

/** Vindexes that place rows by a function of unique result: the primary one and others that agree with it. */
function vindexesOf(table: FromTable): readonly ColumnVindex[] {
  const all = table.resolved.table?.columnVindexes ?? [];
  return all.filter(({ vindex }) => vindex.unique && vindex.kind !== "lookup");
}

function bestRouting(group: readonly FromTable[], classes: EqualityClasses): Routing {
  const found: Routing[] = [];
  for (const table of group) {
    const pinned = table.resolved.table?.pinned;
    if (pinned !== undefined) return { kind: "pinned", keyspaceId: pinned };
    for (const { vindex, columnsLower } of vindexesOf(table)) {
      if (vindex.kind === "single-column") {
        const column = columnsLower[0] ?? "";
        const holds = columnKindOf(table.resolved.table, column);
        const value = classes.valueOf(table, column, vindex);
        if (value !== undefined) found.push({ kind: "equal-unique", vindex, holds, value });
        const values = classes.listOf(table, column, vindex);
        if (values !== undefined) found.push({ kind: "in", vindex, holds, values });
      } else if (vindex.kind === "multi-column") {
        const values: ValueRef[] = [];
        for (const column of columnsLower) {
          const value = classes.valueOf(table, column, vindex);
          if (value === undefined) break;
          values.push(value);
        }
        if (values.length === columnsLower.length || (vindex.partial && values.length > 0)) {
          found.push({ kind: "equal-multi", vindex, values });
        }
      }
    }
  }
  return (
    found.find((routing) => routing.kind === "equal-unique") ??
    found.find((routing) => routing.kind === "equal-multi" && routing.values.length === routing.vindex.columnCount) ??
    found.find((routing) => routing.kind === "in") ??
    found[0] ?? { kind: "scatter" }
  );
}

/** What WHERE and ON say of columns: equal to each other, to a value, to one of a list. */
class EqualityClasses {
  readonly #tables: readonly FromTable[];
  readonly #parents = new Map<string, string>();
  readonly #values = new Map<string, ValueRef>();
  readonly #lists = new Map<string, readonly ValueRef[]>();
  readonly #outer: (readonly [string, string])[] = [];

  constructor(from: FromClause) {
    this.#tables = from.tables;
    for (const condition of from.conditions) this.#addEquality(condition);
    for (const condition of from.conditions) this.#addValues(condition);
  }

  equal(a: FromTable, columnA: string, b: FromTable, columnB: string): boolean {
    const rootA = this.#root(this.#key(a, columnA));
    const rootB = this.#root(this.#key(b, columnB));
    if (rootA === rootB) return true;
    return this.#outer.some(([x, y]) => {
      const rootX = this.#root(x);
      const rootY = this.#root(y);
      return (rootX === rootA && rootY === rootB) || (rootX === rootB && rootY === rootA);
    });
  }

  valueOf(table: FromTable, column: string, vindex: Vindex): ValueRef | undefined {
    return this.#find(this.#values, table, column, vindex);
  }

  listOf(table: FromTable, column: string, vindex: Vindex): readonly ValueRef[] | undefined {
    return this.#find(this.#lists, table, column, vindex);
  }

  /**
   * What the column is compared with, or an equal column of the same vindex is. Not what any equal column is compared with:
   * MySQL compares a YEAR, an ENUM or a text with a literal in another way than with the column.
   */
  #find<T>(found: ReadonlyMap<string, T>, table: FromTable, column: string, vindex: Vindex): T | undefined {
    const key = this.#key(table, column);
    const own = found.get(key);
    if (own !== undefined) return own;
    const root = this.#root(key);
    for (const other of this.#tables) {
      for (const each of vindexesOf(other)) {
        if (each.vindex !== vindex) continue;
        for (const name of each.columnsLower) {
          const otherKey = this.#key(other, name);
          const value = this.#root(otherKey) === root ? found.get(otherKey) : undefined;
          if (value !== undefined) return value;
        }
      }
    }
    return undefined;
  }

  #addEquality({ expr, scope }: Condition): void {
    if (expr.kind !== "binary" || expr.op !== "=") return;
    const left = this.#columnKey(expr.left);
    const right = this.#columnKey(expr.right);
    if (left === undefined || right === undefined) return;
    if (scope.kind !== "outer") this.#parents.set(this.#root(left.key), this.#root(right.key));
    // Between two preserved tables it decides about matches only: both rows are in the result in any case.
    else if (scope.nullSide.has(left.table) || scope.nullSide.has(right.table)) this.#outer.push([left.key, right.key]);
  }

  #addValues({ expr, scope }: Condition): void {
    if (scope.kind !== "filter") return;
    if (expr.kind === "binary" && expr.op === "=") {
      this.#addValue(expr.left, expr.right);
      this.#addValue(expr.right, expr.left);
    } else if (expr.kind === "in" && !expr.not) {
      const column = this.#columnKey(expr.expr);
      const values = listRefs(expr.list);
      if (column !== undefined && values !== undefined) this.#lists.set(column.key, values);
    }
  }

  #addValue(side: Expr, other: Expr): void {
    const column = this.#columnKey(side);
    if (column === undefined) return;
    const value = valueRefOf(other);
    if (value !== undefined && value.kind !== "bind-list") this.#values.set(column.key, value);
  }

  #columnKey(expr: Expr): { readonly key: string; readonly table: FromTable } | undefined {
    if (expr.kind !== "column") return undefined;
    const table = this.#tableOf(expr);
    return table === undefined ? undefined : { key: this.#key(table, expr.name.toLowerCase()), table };
  }

  /**
   * The table a column belongs to. An unqualified one is known if there is one table only, or if just one table has it as
   * a vindex column: did another one have it too, MySQL would refuse it as ambiguous.
   */
  #tableOf(column: Column): FromTable | undefined {
    if (column.table === undefined) {
      if (this.#tables.length === 1) return this.#tables[0];
      const name = column.name.toLowerCase();
      const having = this.#tables.filter((table) => vindexesOf(table).some((v) => v.columnsLower.includes(name)));
      return having.length === 1 ? having[0] : undefined;
    }
    const qualifier = column.table.toLowerCase();
    const matching = this.#tables.filter((table) => {
      if (table.alias !== qualifier) return false;
      return column.schema === undefined || column.schema === table.resolved.keyspace.keyspace;
    });
    return matching.length === 1 ? matching[0] : undefined;
  }

  #key(table: FromTable, column: string): string {
    return `${this.#tables.indexOf(table)}.${column}`;
  }

  #root(key: string): string {
    let at = key;
    for (;;) {
      const parent = this.#parents.get(at);
      if (parent === undefined || parent === at) return at;
      at = parent;
    }
  }
}

function listRefs(list: readonly Expr[] | Expr): readonly ValueRef[] | undefined {
  if (!isList(list)) {
    const ref = valueRefOf(list);
    return ref === undefined ? undefined : [ref];
  }
  const refs: ValueRef[] = [];
  for (const item of list) {
    const ref = valueRefOf(item);
    if (ref === undefined) return undefined;
    refs.push(ref);
  }
  return refs;
}

function isList(list: readonly Expr[] | Expr): list is readonly Expr[] {
  return Array.isArray(list);
}
