// From what conditions say of vindex columns to a routing: values, lists, ranges and patterns each give one, AND narrows
// to what all of them allow, OR widens to what any of them does.

import { assertNever } from "../base/assert.ts";
import { NULL_VALUE } from "../mysql/values.ts";
import { isPrefixable, isSequential, type MultiColumnVindex, type SingleColumnVindex } from "../vschema/vindex.ts";
import { type ColumnKind, columnKindOf } from "./column-kind.ts";
import { type EqualityClasses, vindexesOf } from "./equality-classes.ts";
import type { FromClause, FromTable } from "./from-clause.ts";
import type { KeyConditions, KeyFact, RowList } from "./key-conditions.ts";
import type { Routing } from "./plan.ts";
import type { ValueRef } from "./value-ref.ts";

/** Vindexes of a table with what decides whether a condition may be used for them. */
export interface PlacingKey {
  readonly table: FromTable;
  readonly vindex: SingleColumnVindex | MultiColumnVindex;
  readonly columnsLower: readonly string[];
  readonly holds: readonly ColumnKind[];
  /** It places the rows; others only agree with it. */
  readonly isPrimary: boolean;
  /** NULL in the result may stand for no row of the table. */
  readonly isFilled: boolean;
}

export function placingKeys(table: FromTable, from: FromClause): PlacingKey[] {
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
export function restrict(
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
      // IS NULL finds '0000-00-00', too (manual: "Comparison Functions and Operators").
      if (holds === "date" || holds === "other") return [];
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
