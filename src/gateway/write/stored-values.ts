// Values as tables hold them, read so that nothing is lost, whatever the session's character set is, and written as
// literals that find the same row and store the same value again.

import { integerValue } from "../../eval/literal-value.ts";
import { NULL_VALUE, type Value } from "../../mysql/values.ts";
import type { ColumnSchema } from "../../schema/model.ts";
import { callNode, castNode, literalNode } from "../../sql/new-nodes.ts";
import type { Expr } from "../../sql/tree.ts";
import { kindOfType, type ValueKind } from "../../engine/gather-values.ts";

export const NULL_TEXT = "\\N";

export interface StoredValue {
  /** The value as SQL. */
  readonly expr: Expr;
  /** What a vindex reads; undefined when that is not known. */
  readonly value: Value | undefined;
  /** Equal for equal values only. */
  readonly text: string;
}

/** What is selected to read `column`, which `expr` names. */
export function storedItem({ columnType, collation }: ColumnSchema, expr: Expr): Expr {
  switch (kindOfType(columnType, collation ?? null)) {
    case "float":
      return castNode(expr, "double");
    case "timestamp":
      return callNode("unix_timestamp", [expr]);
    case "members":
      return castNode(expr, "unsigned");
    case "text":
      // UUID, INET6 and their like are read and written as ASCII.
      return collation === undefined ? expr : callNode("hex", [expr]);
    case "bytes":
    case "text bytes":
      return callNode("hex", [expr]);
    case "number":
    case "temporal":
      return expr;
  }
}

/** The value of `column` that `raw`, which is borrowed, tells. */
export function storedValue(column: ColumnSchema, raw: Buffer | null): StoredValue {
  if (raw === null) return { expr: literalNode("null", "null"), value: NULL_VALUE, text: NULL_TEXT };
  const text = raw.toString("latin1");
  const kind = kindOfType(column.columnType, column.collation ?? null);
  return { ...storedOf(kind, column, text), text };
}

function storedOf(kind: ValueKind, column: ColumnSchema, text: string): Omit<StoredValue, "text"> {
  switch (kind) {
    case "number":
      if (/^-?\d+$/.test(text) && column.dataType !== "decimal" && column.dataType !== "double") {
        return { expr: literalNode("int", text), value: integerValue(Buffer.from(text)) };
      }
      if (column.dataType === "decimal") {
        return { expr: literalNode("decimal", text), value: { type: "DECIMAL", raw: Buffer.from(text) } };
      }
      return { expr: literalNode("float", text.includes("e") ? text : `${text}e0`), value: undefined };
    case "float":
      return { expr: literalNode("float", text.includes("e") ? text : `${text}e0`), value: undefined };
    case "members":
      return { expr: literalNode("int", text), value: undefined };
    case "timestamp": {
      const isZero = /^0(\.0*)?$/.test(text);
      const expr = isZero
        ? literalNode("string", "0000-00-00 00:00:00")
        : callNode("from_unixtime", [literalNode("decimal", text)]);
      return { expr, value: undefined };
    }
    case "temporal":
      return { expr: literalNode("string", text), value: { type: "VARCHAR", raw: Buffer.from(text) } };
    case "bytes": {
      // Of a BIT, HEX() leaves out leading zeros.
      const digits = text.length % 2 === 0 ? text : `0${text}`;
      const value = { type: "VARCHAR", raw: Buffer.from(digits, "hex") } as const;
      // A BIT compares as a number: x'07' would be text that is none.
      const isBit = column.dataType === "bit";
      return { expr: isBit ? literalNode("int", String(BigInt(`0x${digits}`))) : literalNode("hexval", digits), value };
    }
    case "text":
    case "text bytes": {
      if (column.collation === undefined && kind === "text") {
        return { expr: literalNode("string", text), value: { type: "VARCHAR", raw: Buffer.from(text) } };
      }
      const raw = Buffer.from(text, "hex");
      const charset = column.charset ?? charsetOf(column.collation);
      const isUtf8 = charset === undefined || UTF8.has(charset) || raw.every((byte) => byte < 0x80);
      const introducer = charset === undefined || charset === "binary" ? undefined : charset;
      return {
        expr: { ...literalNode("hexval", text), introducer },
        value: isUtf8 ? { type: "VARCHAR", raw } : undefined,
      };
    }
  }
}

const UTF8: ReadonlySet<string> = new Set(["utf8mb4", "utf8mb3", "utf8", "ascii"]);

function charsetOf(collation: string | undefined): string | undefined {
  return collation?.split("_", 1)[0];
}
