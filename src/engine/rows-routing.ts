// Routing by the values of shipped rows: `column IN (…)` with a value for each row.

import { integerValue } from "../eval/literal-value.ts";
import { COLLATION_BINARY } from "../mysql/charsets.ts";
import { COLUMN_FLAG, MYSQL_TYPE } from "../mysql/constants.ts";
import type { ColumnDefinition } from "../mysql/packets/column-definition.ts";
import { NULL_VALUE, type Value } from "../mysql/values.ts";
import type { Body, MergePlan } from "../plan/merge-plan.ts";
import type { Routing } from "../plan/plan.ts";
import type { RowColumns } from "./row-columns.ts";

/** Columns of a step that bodies are routed by. */
export function routedColumns(plan: MergePlan, step: string): ReadonlySet<string> {
  const columns = new Set<string>();
  const visitRouting = (routing: Routing): void => {
    if (routing.kind === "in-rows" && routing.step === step) columns.add(routing.column);
    if (routing.kind === "all-of") routing.parts.forEach(visitRouting);
  };
  const visit = (body: Body): void => {
    if (body.kind === "union") body.parts.forEach(visit);
    else visitRouting(body.routing);
  };
  visit(plan.body);
  for (const { body } of plan.steps) visit(body);
  return columns;
}

/** The value of a column as a literal of it would be read; undefined for what has no literal that routes. */
export function routingValue(column: ColumnDefinition, row: RowColumns, at: number): Value | undefined {
  const raw = row.value(at);
  if (raw === null) return NULL_VALUE;
  switch (column.type) {
    case MYSQL_TYPE.TINY:
    case MYSQL_TYPE.SHORT:
    case MYSQL_TYPE.INT24:
    case MYSQL_TYPE.LONG:
    case MYSQL_TYPE.LONGLONG:
      return (column.flags & COLUMN_FLAG.ZEROFILL) === 0 ? integerValue(Buffer.from(raw)) : undefined;
    case MYSQL_TYPE.VAR_STRING:
    case MYSQL_TYPE.STRING:
      if (column.collation === COLLATION_BINARY) return undefined;
      return (column.flags & NO_TEXT_FLAGS) === 0 ? { type: "VARCHAR", raw: Buffer.from(raw) } : undefined;
    default:
      return undefined;
  }
}

const NO_TEXT_FLAGS = COLUMN_FLAG.ENUM | COLUMN_FLAG.SET | COLUMN_FLAG.UNSIGNED;

/** Rows for one shard. */
export interface ShardPart<Target> {
  readonly target: Target;
  /** Positions of the rows that belong there. */
  readonly rows: readonly number[];
}

/**
 * Which rows each shard needs, by the value that each row is routed by. `targetsOf` gives a value's shards, at least one; it
 * is asked once for each value, which are compared as objects.
 */
export function rowsByShard<Target extends { readonly shard: string }>(
  values: readonly Value[],
  targetsOf: (value: Value) => readonly Target[],
): readonly ShardPart<Target>[] {
  const parts = new Map<string, { readonly target: Target; readonly rows: number[] }>();
  const known = new Map<Value, readonly Target[]>();
  for (let row = 0; row < values.length; row++) {
    const value = values[row] as Value;
    let targets = known.get(value);
    if (targets === undefined) {
      targets = targetsOf(value);
      known.set(value, targets);
    }
    for (const target of targets) {
      const part = parts.get(target.shard);
      if (part === undefined) parts.set(target.shard, { target, rows: [row] });
      else part.rows.push(row);
    }
  }
  return [...parts.values()];
}

/** `valuesOf` gives a step's values; undefined when one of them does not route. */
export function withRowValues(
  routing: Routing,
  valuesOf: (step: string, column: string) => readonly Value[] | undefined,
): Routing {
  switch (routing.kind) {
    case "in-rows": {
      const values = valuesOf(routing.step, routing.column);
      if (values === undefined) return { kind: "scatter" };
      const { vindex, holds } = routing;
      return { kind: "in", vindex, holds, values: values.map((value) => ({ kind: "constant", value })) };
    }
    case "all-of":
      return { ...routing, parts: routing.parts.map((part) => withRowValues(part, valuesOf)) };
    default:
      return routing;
  }
}
