// Values as SQL text that means the same on every connection, whatever is set there: what SET computes and what
// statements leave in user variables. A SELECT of described values gives four columns for each.

import { COLUMN_FLAG, MYSQL_TYPE } from "../../mysql/constants.ts";
import { encodeSql } from "../../sql/encoding.ts";
import type { ColumnDefinition } from "../../mysql/packets/column-definition.ts";
import { isWellFormed } from "../../mysql/text-encodings.ts";
import type { TextResult } from "../read/text-rows.ts";

/**
 * Select expressions from which `describedValues` reads `value`, an SQL expression: the value itself for its type, and as
 * bytes, which come as they are whatever character_set_results is.
 */
export function described(value: string): string {
  const bytes = [value, `CHARSET(${value})`, `COLLATION(${value})`].map((each) => `CAST(${each} AS BINARY)`);
  return [value, ...bytes].join(", ");
}

/** The values of the first row, from column `first` on; no row is NULLs. */
export function describedValues({ columns, rows }: TextResult, first = 0): string[] {
  const cells = rows[0] ?? [];
  const values: string[] = [];
  for (let i = first; i < columns.length; i += 4) {
    const bytes = cells[i + 1] ?? undefined;
    const [value, charset, collation] = cells.slice(i + 1, i + 4).map((cell) => cell?.toString("latin1"));
    const type = columns[i]?.type ?? MYSQL_TYPE.VAR_STRING;
    if (value === undefined) values.push(nullOf(columns[i], charset, collation));
    else if (DOUBLE_TYPES.has(type)) values.push(/e/i.test(value) ? value : `${value}e0`);
    // A literal with a point is a DECIMAL, whatever follows.
    else if (type === MYSQL_TYPE.NEWDECIMAL) values.push(value.includes(".") ? value : `${value}.`);
    else if (NUMBER_TYPES.has(type)) {
      const isUnsigned = ((columns[i]?.flags ?? 0) & COLUMN_FLAG.UNSIGNED) !== 0;
      values.push(isUnsigned ? `CAST(${value} AS UNSIGNED)` : value);
    } else if (type === MYSQL_TYPE.GEOMETRY && isMariadb(columns[i]) && bytes !== undefined) {
      values.push(geometry(bytes));
    } else if (charset === "binary" || !isWellFormed(charset ?? "", bytes ?? EMPTY)) {
      // A server takes bytes that are no text of a set in a plain literal only, and in no set for sure as these.
      values.push(`x'${bytes?.toString("hex")}'`);
    } else values.push(`_${charset} x'${bytes?.toString("hex")}' COLLATE ${collation}`);
  }
  return values;
}

const EMPTY = Buffer.alloc(0);
const SRID_BYTES = 4;

/** Only MariaDB tells more than the protocol's types. */
function isMariadb(column: ColumnDefinition | undefined): boolean {
  return column?.extended !== undefined;
}

/** MariaDB's variables know that they hold a geometry, if what sets them does. */
function geometry(value: Buffer): string {
  return `ST_GeomFromWKB(x'${value.subarray(SRID_BYTES).toString("hex")}', ${value.readUInt32LE(0)})`;
}

/** A text as SQL. */
export function quotedText(text: string): string {
  if (PLAIN_TEXT.test(text) && !text.includes("\\")) return `'${text.replaceAll("'", "''")}'`;
  return `_utf8mb4 x'${encodeSql(text).toString("hex")}'`;
}

/** Text that reads the same under every sql_mode and character set. */
export const PLAIN_TEXT = /^[ -~]*$/;

/** What a value is in words: without quotes, its bytes as UTF-8; undefined: NULL. */
export function textOfValue(sql: string): string | undefined {
  if (/^NULL\b/i.test(sql)) return undefined;
  const hex = /^(?:_\w+ )?x'([\da-f]*)'/i.exec(sql)?.[1];
  if (hex !== undefined) return Buffer.from(hex, "hex").toString("utf8");
  const text = /^'(.*)'$/s.exec(sql)?.[1];
  return text === undefined ? sql : text.replaceAll("''", "'");
}

/** A NULL keeps the type and collation of what was assigned. */
function nullOf(
  column: ColumnDefinition | undefined,
  charset: string | undefined,
  collation: string | undefined,
): string {
  const type = column?.type ?? MYSQL_TYPE.NULL;
  if (DOUBLE_TYPES.has(type)) return "NULL + 0e0";
  if (type === MYSQL_TYPE.NEWDECIMAL) return "CAST(NULL AS DECIMAL)";
  if (NUMBER_TYPES.has(type)) {
    return ((column?.flags ?? 0) & COLUMN_FLAG.UNSIGNED) === 0 ? "CAST(NULL AS SIGNED)" : "CAST(NULL AS UNSIGNED)";
  }
  const isText = charset !== undefined && charset !== "binary" && collation !== undefined;
  return isText ? `CONVERT(NULL USING ${charset}) COLLATE ${collation}` : "NULL";
}

const DOUBLE_TYPES: ReadonlySet<number> = new Set<number>([MYSQL_TYPE.FLOAT, MYSQL_TYPE.DOUBLE]);
const NUMBER_TYPES: ReadonlySet<number> = new Set<number>([
  MYSQL_TYPE.TINY,
  MYSQL_TYPE.SHORT,
  MYSQL_TYPE.LONG,
  MYSQL_TYPE.INT24,
  MYSQL_TYPE.LONGLONG,
]);
