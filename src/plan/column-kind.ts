// What a vindex column holds: MySQL compares an integer, a decimal, a date and texts of different collations with the same
// literal in different ways, and only a kind that is known lets a value be used for routing that is not of its own form.

import type { ColumnSchema, TableSchema } from "../schema/model.ts";
import type { TableVSchema } from "../vschema/model.ts";

/** What of a column decides when MySQL finds it equal to a value. */
export type ColumnKind =
  /** Not known. */
  | "unknown"
  /** Any integer type. */
  | "integer"
  | "decimal"
  | "date"
  /** Bytes: VARBINARY, BLOB, and text of a binary collation in UTF-8 that does not pad. */
  | "binary"
  /** BINARY: filled with zero bytes to its length. */
  | "binary-fixed"
  /** Text of a binary collation that compares as if followed by spaces: CHAR has none at its end, the others may. */
  | "char-bin"
  | "text-bin"
  /** Text of utf8mb4_general_ci or utf8mb3_general_ci. */
  | "general-ci"
  /** ASCII only, without case. */
  | "ascii-ci"
  /** Text of another collation. */
  | "text-ci"
  /** Text of a collation that is not known. */
  | "text"
  /** A type whose values have several spellings: DOUBLE, DATETIME, ENUM, YEAR, … */
  | "other";

/** `column` is in lower case; `definition` is the table as the shards have it, as far as it is known. */
export function columnKindOf(table: TableVSchema | undefined, column: string, definition?: TableSchema): ColumnKind {
  const defined = definition?.columns.find(({ lower }) => lower === column);
  if (defined !== undefined && defined.dataType !== "") return kindOfDefinition(defined);
  const declared = table?.columns.find(({ lower }) => lower === column);
  if (declared === undefined) return "unknown";
  const { type } = declared;
  if (/^U?INT/.test(type)) return "integer";
  const collation = declared.collationName.toLowerCase();
  switch (type) {
    case "DECIMAL":
      return "decimal";
    case "DATE":
      return "date";
    case "BINARY":
      return "binary-fixed";
    case "VARBINARY":
    case "BLOB":
      return "binary";
    case "CHAR":
    case "VARCHAR":
    case "TEXT":
      return collation === "" ? "text" : kindOfText(collation, type === "CHAR");
    case "NULL_TYPE":
      return "unknown";
    default:
      return "other";
  }
}

function kindOfDefinition({ dataType, charset, collation }: ColumnSchema): ColumnKind {
  if (dataType.endsWith("int") || dataType === "integer") return "integer";
  if (dataType === "binary") return "binary-fixed";
  if (dataType === "varbinary" || dataType.endsWith("blob")) return "binary";
  if (dataType === "decimal" || dataType === "numeric") return "decimal";
  if (dataType === "date") return "date";
  if (dataType !== "char" && dataType !== "varchar" && !dataType.endsWith("text")) return "other";
  if (collation !== undefined) return kindOfText(collation.toLowerCase(), dataType === "char");
  return charset === "binary" ? "binary" : "text";
}

function kindOfText(collation: string, isChar: boolean): ColumnKind {
  if (collation === "binary") return "binary";
  if (collation.endsWith("_bin")) {
    if (isChar) return "char-bin";
    return /^utf8(mb[34])?_(0900|nopad)_bin$/.test(collation) ? "binary" : "text-bin";
  }
  if (/^utf8(mb[34])?_general_(nopad_)?ci$/.test(collation)) return "general-ci";
  return collation.startsWith("ascii_") ? "ascii-ci" : "text-ci";
}
