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
