// What a vindex column holds, as far as the VSchema declares it: MySQL compares an integer column and a text column with the
// same literal in different ways, and only a kind that is known lets a literal of the other one be used for routing.

import type { ValueType } from "../mysql/values.ts";
import type { TableVSchema } from "../vschema/model.ts";
import type { ColumnKind } from "./plan.ts";

const INTEGERS: ReadonlySet<ValueType> = new Set<ValueType>([
  "INT8",
  "UINT8",
  "INT16",
  "UINT16",
  "INT24",
  "UINT24",
  "INT32",
  "UINT32",
  "INT64",
  "UINT64",
]);
const TEXTS: ReadonlySet<ValueType> = new Set<ValueType>(["CHAR", "VARCHAR", "TEXT", "BINARY", "VARBINARY", "BLOB"]);

/** `column` is in lower case. */
export function columnKindOf(table: TableVSchema | undefined, column: string): ColumnKind {
  const type = table?.columns.find(({ lower }) => lower === column)?.type;
  if (type === undefined) return "unknown";
  if (INTEGERS.has(type)) return "integer";
  return TEXTS.has(type) ? "text" : "unknown";
}
