// Column and parameter values as MySQL sends them in text form: a type and the raw SQL text. Vindexes, the evaluator and
// the merging primitives speak in these; nothing here knows SQL syntax or packets.

/** Type names of Vitess's query.proto, which are MySQL's wire types plus the literal forms HEXNUM, HEXVAL and BITNUM. */
export type ValueType =
  | "NULL_TYPE"
  | "INT8"
  | "UINT8"
  | "INT16"
  | "UINT16"
  | "INT24"
  | "UINT24"
  | "INT32"
  | "UINT32"
  | "INT64"
  | "UINT64"
  | "FLOAT32"
  | "FLOAT64"
  | "DECIMAL"
  | "TIMESTAMP"
  | "DATE"
  | "TIME"
  | "DATETIME"
  | "YEAR"
  | "TEXT"
  | "BLOB"
  | "VARCHAR"
  | "VARBINARY"
  | "CHAR"
  | "BINARY"
  | "BIT"
  | "ENUM"
  | "SET"
  | "JSON"
  | "GEOMETRY"
  | "HEXNUM"
  | "HEXVAL"
  | "BITNUM";

/** `raw` is the SQL text of the value (unquoted, unescaped bytes for strings); empty for NULL_TYPE. */
export interface Value {
  readonly type: ValueType;
  readonly raw: Buffer;
}

export const NULL_VALUE: Value = { type: "NULL_TYPE", raw: Buffer.alloc(0) };

/** A value from its text; `text` is encoded as UTF-8. */
export function valueOf(type: ValueType, text: string): Value {
  return { type, raw: Buffer.from(text, "utf8") };
}
