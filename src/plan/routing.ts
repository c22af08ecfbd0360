// From conditions to shards: which equalities pin a statement to keyspace ids, and which tables lie together because
// their sharding keys are equal. It only ever narrows when every row the statement can see is still reached.
//
// Columns are nodes of equality classes (union-find) made of conditions that hold for every row. Tables lie together when
// the columns of one vindex are equal for both: by class, or by the ON of an outer join, which is never carried further,
// because it says nothing about rows without a match.

import { assertNever } from "../base/assert.ts";
import { notSupported } from "../base/errors.ts";
import { NULL_VALUE } from "../mysql/values.ts";
import type { Column } from "../sql/tree.ts";
import type { ColumnVindex } from "../vschema/model.ts";
import { isPrefixable, isSequential, type MultiColumnVindex, type SingleColumnVindex } from "../vschema/vindex.ts";
import { type ColumnKind, columnKindOf } from "./column-kind.ts";
import type { Condition, FromClause, FromTable } from "./from-clause.ts";
import { type KeyConditions, keyConditionsOf, type KeyFact, type RowList } from "./key-conditions.ts";
import type { Routing } from "./plan.ts";
import type { ValueRef } from "./value-ref.ts";

/** Throws 1235 when tables of a sharded keyspace do not provably lie together. */
export function routeTables(from: FromClause): Routing {
  const placed = from.tables.filter(isPlaced);
  if (placed.length === 0) return { kind: "any" };
  const classes = new EqualityClasses(from);
  // What an outer join preserves must lie together without the help of its other side: without a match that is NULL.
  for (const { preserved } of from.outerJoins) requireTogether(preserved.filter(isPlaced), classes);
  return bestRouting(requireTogether(placed, classes), classes, from);
}

/** The same for tables that are known to lie together, whatever the conditions say of that. */
export function routeTogether(from: FromClause): Routing {
  return bestRouting(from.tables.filter(isPlaced), new EqualityClasses(from), from);
}

/** All shards, whatever the values are: no condition on a sharding key decides. */
export function isScatter(routing: Routing): boolean {
  switch (routing.kind) {
    case "scatter":
    case "if":
      return true;
    case "all-of":
      return routing.parts.some(isScatter);
    case "common":
      return routing.parts.every(isScatter);
    default:
      return false;
  }
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

/** The narrowest routing that the conditions on the tables' vindex columns allow. */
function bestRouting(group: readonly FromTable[], classes: EqualityClasses, from: FromClause): Routing {
  for (const table of group) {
    const pinned = table.resolved.table?.pinned;
    if (pinned !== undefined) return { kind: "pinned", keyspaceId: pinned };
  }
  const filters = from.conditions.filter(({ scope }) => scope.kind === "filter").map(({ expr }) => expr);
  const conditions = keyConditionsOf(filters, (column) => classes.columnKey(column));
  const keys = group.flatMap((table) => placingKeys(table, from));
  return restrict(conditions, [], keys, classes) ?? { kind: "scatter" };
}

/** Vindexes of a table with what decides whether a condition may be used for them. */
interface PlacingKey {
  readonly table: FromTable;
  readonly vindex: SingleColumnVindex | MultiColumnVindex;
  readonly columnsLower: readonly string[];
  readonly holds: readonly ColumnKind[];
  /** It places the rows; others only agree with it. */
  readonly isPrimary: boolean;
  /** NULL in the result may stand for no row of the table. */
  readonly isFilled: boolean;
}

function placingKeys(table: FromTable, from: FromClause): PlacingKey[] {
  const { table: vschema, definition } = table.resolved;
  const [primary] = vschema?.columnVindexes ?? [];
  const isFilled = from.listsOuterJoins !== true || from.outerJoins.some(({ nullSide }) => nullSide.includes(table));
  return vindexesOf(table).flatMap((columnVindex): PlacingKey[] => {
    const { vindex, columnsLower } = columnVindex;
    if (vindex.kind === "lookup") return [];
    const holds = columnsLower.map((column) => columnKindOf(vschema, column, definition));
    return [{ table, vindex, columnsLower, holds, isPrimary: columnVindex === primary, isFilled }];
  });
}

/**
 * Where the rows are that satisfy `conditions`, inside of the branches of ORs that `around` names; undefined when they may
 * be anywhere, as far as these conditions themselves say.
 */
function restrict(
  conditions: KeyConditions,
  around: readonly KeyConditions[],
  keys: readonly PlacingKey[],
  classes: EqualityClasses,
): Routing | undefined {
  const found: Routing[] = [];
  for (const key of keys) {
    if (key.vindex.kind === "multi-column") found.push(...multiRouting(key.vindex, key, conditions, around, classes));
    else {
      if (around.length === 0 && key.isPrimary && key.vindex.type === "null") found.push(pinnedByNull(key.vindex));
      const facts = conditions.facts.get(classes.key(key.table, key.columnsLower[0] ?? "")) ?? [];
      for (const fact of facts) found.push(...singleRouting(key.vindex, key, fact));
    }
    for (const list of conditions.lists) found.push(...rowsRouting(key, list, conditions, around, classes));
  }
  const best = found.find(isOneValue);
  if (best !== undefined) return best;
  if (conditions.never) return { kind: "none" };
  for (const branches of conditions.alternatives) {
    const inner = [...around, conditions];
    const union = unionOf(branches.map((branch) => restrict(branch, inner, keys, classes)));
    if (union !== undefined) found.push(union);
  }
  for (const condition of conditions.constants) found.push({ kind: "if", condition });
  const [first] = found;
  if (first === undefined || found.length === 1) return first;
  return found.find(isOneValue) ?? { kind: "common", parts: found };
}

/** As narrow as it gets, and cheap to compute: nothing else needs to be looked at. */
function isOneValue(routing: Routing): boolean {
  switch (routing.kind) {
    case "none":
    case "pinned":
      return true;
    case "equal-unique":
      return routing.value.kind !== "asked";
    case "equal-multi":
      return (
        routing.values.length === routing.vindex.columnCount && routing.values.every((value) => value.kind !== "asked")
      );
    default:
      return false;
  }
}

/** All rows have one keyspace id. */
function pinnedByNull(vindex: SingleColumnVindex): Routing {
  const destination = vindex.map(NULL_VALUE);
  return destination.kind === "keyspace-id" ? { kind: "pinned", keyspaceId: destination.id } : { kind: "scatter" };
}

function singleRouting(vindex: SingleColumnVindex, key: PlacingKey, fact: KeyFact): Routing[] {
  const holds = key.holds[0] ?? "unknown";
  switch (fact.kind) {
    case "value":
      return [{ kind: "equal-unique", vindex, holds, value: fact.value }];
    case "values":
      return [{ kind: "in", vindex, holds, values: fact.values }];
    case "range":
      return isSequential(vindex) ? [{ kind: "range", vindex, holds, low: fact.low, high: fact.high }] : [];
    case "like":
      return isPrefixable(vindex) || isSequential(vindex)
        ? [{ kind: "like", vindex, holds, pattern: fact.pattern }]
        : [];
    case "null":
      return key.isPrimary && !key.isFilled ? [{ kind: "null-key", vindex, when: fact.when }] : [];
    default:
      return assertNever(fact);
  }
}

/** Values for all columns of the vindex, or the first few if that is enough for it. */
function multiRouting(
  vindex: MultiColumnVindex,
  key: PlacingKey,
  conditions: KeyConditions,
  around: readonly KeyConditions[],
  classes: EqualityClasses,
): Routing[] {
  const columns: (readonly ValueRef[])[] = [];
  let isOwn = around.length === 0;
  for (const [i, column] of key.columnsLower.entries()) {
    const own = valuesFrom(conditions, key, column, i, classes);
    isOwn ||= own !== undefined;
    const inherited = around.map((each) => valuesFrom(each, key, column, i, classes));
    const found = own ?? inherited.find((each) => each !== undefined);
    if (found === undefined) break;
    columns.push(found);
  }
  if (!isOwn || columns.length === 0 || (columns.length < key.columnsLower.length && !vindex.partial)) return [];
  const { holds } = key;
  const single = columns.flatMap((values) => (values.length === 1 && values[0]?.kind !== "bind-list" ? values : []));
  if (single.length === columns.length) return [{ kind: "equal-multi", vindex, holds, values: single }];
  return [{ kind: "in-multi", vindex, holds, columns }];
}

/** Values for the first few columns of the vindex from a list of rows, and from conditions that hold for all of them. */
function rowsRouting(
  key: PlacingKey,
  list: RowList,
  conditions: KeyConditions,
  around: readonly KeyConditions[],
  classes: EqualityClasses,
): Routing[] {
  const { vindex, columnsLower, holds } = key;
  const rows: ValueRef[][] = list.rows.map(() => []);
  let length = 0;
  let isOwn = false;
  for (const [i, column] of columnsLower.entries()) {
    const position = list.keys.indexOf(classes.key(key.table, column));
    const values = list.rows.map((row) => row[position]);
    const other =
      position >= 0
        ? undefined
        : [conditions, ...around]
            .map((each) => valuesFrom(each, key, column, i, classes))
            .find((each) => each?.length === 1 && each[0]?.kind !== "bind-list");
    const all = values.map((value) => value ?? other?.[0]).filter((value) => value !== undefined);
    if (all.length < rows.length) break;
    for (const [at, value] of all.entries()) rows[at]?.push(value);
    isOwn ||= position >= 0;
    length = i + 1;
  }
  if (!isOwn || (length < columnsLower.length && (vindex.kind !== "multi-column" || !vindex.partial))) return [];
  return [{ kind: "in-tuples", vindex, holds, rows }];
}

/** What a column is said to be, or one that equals it and is compared in the same way. */
function valuesFrom(
  { facts }: KeyConditions,
  { table, holds }: PlacingKey,
  column: string,
  position: number,
  classes: EqualityClasses,
): readonly ValueRef[] | undefined {
  let list: readonly ValueRef[] | undefined;
  for (const same of classes.sameAs(table, column, holds[position] ?? "unknown")) {
    for (const fact of facts.get(same) ?? []) {
      if (fact.kind === "value") return [fact.value];
      if (fact.kind === "values") list ??= fact.values;
    }
  }
  return list;
}

/** The shards of all of `parts`; undefined when one of them may be anywhere. */
function unionOf(parts: readonly (Routing | undefined)[]): Routing | undefined {
  const all: Routing[] = [];
  for (const part of parts) {
    if (part === undefined) return undefined;
    if (part.kind === "all-of") all.push(...part.parts);
    else if (part.kind !== "none") all.push(part);
  }
  const [first] = all;
  if (first === undefined) return { kind: "none" };
  if (all.length === 1) return first;
  return listOf(all) ?? { kind: "all-of", parts: all };
}

/** Values of one vindex are a list. */
function listOf(parts: readonly Routing[]): Routing | undefined {
  const [first] = parts;
  if (first === undefined || (first.kind !== "equal-unique" && first.kind !== "in")) return undefined;
  const { vindex, holds } = first;
  const values: ValueRef[] = [];
  for (const part of parts) {
    if ((part.kind !== "equal-unique" && part.kind !== "in") || part.vindex !== vindex || part.holds !== holds) {
      return undefined;
    }
    if (part.kind === "in") values.push(...part.values);
    else values.push(part.value);
  }
  return { kind: "in", vindex, holds, values };
}

/** Which columns WHERE and ON say to be equal. */
class EqualityClasses {
  readonly #tables: readonly FromTable[];
  readonly #parents = new Map<string, string>();
  readonly #outer: (readonly [string, string])[] = [];

  constructor(from: FromClause) {
    this.#tables = from.tables;
    for (const condition of from.conditions) this.#addEquality(condition);
  }

  equal(a: FromTable, columnA: string, b: FromTable, columnB: string): boolean {
    const rootA = this.#root(this.key(a, columnA));
    const rootB = this.#root(this.key(b, columnB));
    if (rootA === rootB) return true;
    return this.#outer.some(([x, y]) => {
      const rootX = this.#root(x);
      const rootY = this.#root(y);
      return (rootX === rootA && rootY === rootB) || (rootX === rootB && rootY === rootA);
    });
  }

  /**
   * The column and the vindex columns that equal it and hold the same. Not any equal column: MySQL compares a YEAR, an ENUM
   * or a text with a literal in another way than with the column.
   */
  sameAs(table: FromTable, column: string, holds: ColumnKind): readonly string[] {
    const key = this.key(table, column);
    const root = this.#root(key);
    const same = [key];
    for (const other of this.#tables) {
      const { table: vschema, definition } = other.resolved;
      for (const { columnsLower } of vindexesOf(other)) {
        for (const name of columnsLower) {
          const otherKey = this.key(other, name);
          if (otherKey === key || this.#root(otherKey) !== root) continue;
          if (columnKindOf(vschema, name, definition) === holds) same.push(otherKey);
        }
      }
    }
    return same;
  }

  key(table: FromTable, column: string): string {
    return `${this.#tables.indexOf(table)}.${column}`;
  }

  columnKey(column: Column): string | undefined {
    const table = this.#tableOf(column);
    return table === undefined ? undefined : this.key(table, column.name.toLowerCase());
  }

  #addEquality({ expr, scope }: Condition): void {
    if (expr.kind !== "binary" || expr.op !== "=" || expr.left.kind !== "column" || expr.right.kind !== "column")
      return;
    const leftTable = this.#tableOf(expr.left);
    const rightTable = this.#tableOf(expr.right);
    if (leftTable === undefined || rightTable === undefined) return;
    const left = this.key(leftTable, expr.left.name.toLowerCase());
    const right = this.key(rightTable, expr.right.name.toLowerCase());
    if (scope.kind !== "outer") this.#parents.set(this.#root(left), this.#root(right));
    // Between two preserved tables it decides about matches only: both rows are in the result in any case.
    else if (scope.nullSide.has(leftTable) || scope.nullSide.has(rightTable)) this.#outer.push([left, right]);
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

  #root(key: string): string {
    let at = key;
    for (;;) {
      const parent = this.#parents.get(at);
      if (parent === undefined || parent === at) return at;
      at = parent;
    }
  }
}
