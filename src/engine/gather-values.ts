// How a column's values travel from a shard into a temporary table without losing anything: what is selected on the one
// side, and how the bytes that come back are written as a literal on the other. Sessions differ in time zone and character
// set; FLOAT prints fewer digits than it has; an ENUM's empty value is not its member ''; so each kind has its rule.

import { collationById, COLLATION_BINARY } from "../mysql/charsets.ts";
import { COLUMN_FLAG, MYSQL_TYPE } from "../mysql/constants.ts";
import type { ColumnDefinition } from "../mysql/packets/column-definition.ts";
import type { SqlBytes } from "./sql-bytes.ts";

export type ValueKind =
  /** Exact numbers and DOUBLE, in digits. */
  | "number"
  | "float"
  | "timestamp"
  /** DATE, TIME, DATETIME, YEAR. */
  | "temporal"
  /** ENUM and SET, by number. */
  | "members"
  /** Text of a character set that UTF-8 has all of. */
  | "text"
  | "bytes"
  /** Text of other character sets, byte for byte. */
  | "text bytes";

/** Character sets whose every text comes back from UTF-8 as it was. */
const UTF8_SAFE: ReadonlySet<string> = new Set(["utf8mb4", "utf8mb3", "ascii", "latin1"]);

/** Of a table's column as a shard describes it. */
export function kindOfDefinition({ type, flags, collation }: ColumnDefinition): ValueKind {
  if ((flags & (COLUMN_FLAG.ENUM | COLUMN_FLAG.SET)) !== 0) return "members";
  switch (type) {
    case MYSQL_TYPE.TINY:
    case MYSQL_TYPE.SHORT:
    case MYSQL_TYPE.INT24:
    case MYSQL_TYPE.LONG:
    case MYSQL_TYPE.LONGLONG:
    case MYSQL_TYPE.DECIMAL:
    case MYSQL_TYPE.NEWDECIMAL:
    case MYSQL_TYPE.DOUBLE:
      return "number";
    case MYSQL_TYPE.FLOAT:
      return "float";
    case MYSQL_TYPE.TIMESTAMP:
      return "timestamp";
    case MYSQL_TYPE.DATE:
    case MYSQL_TYPE.NEWDATE:
    case MYSQL_TYPE.TIME:
    case MYSQL_TYPE.DATETIME:
    case MYSQL_TYPE.YEAR:
      return "temporal";
    case MYSQL_TYPE.BIT:
    case MYSQL_TYPE.GEOMETRY:
      return "bytes";
    case MYSQL_TYPE.JSON:
      return "text";
    default:
      return collation === COLLATION_BINARY ? "bytes" : kindOfText(collationById(collation)?.charset);
  }
}

/** Of a column as SHOW COLUMNS describes it: COLUMN_TYPE and the collation, null when it has none. */
export function kindOfType(type: string, collation: string | null): ValueKind {
  const word = /^[a-z0-9]+/i.exec(type)?.[0].toLowerCase() ?? "";
  const kind = KINDS[word];
  if (kind !== undefined) return kind;
  // UUID, INET6 and what may come are read and written as ASCII.
  if (collation === null) return word === "json" || !BYTES.has(word) ? "text" : "bytes";
  return kindOfText(collation.toLowerCase().split("_", 1)[0]);
}

function kindOfText(charset: string | undefined): ValueKind {
  return charset !== undefined && UTF8_SAFE.has(charset) ? "text" : "text bytes";
}

const KINDS: Readonly<Record<string, ValueKind | undefined>> = {
  tinyint: "number",
  smallint: "number",
  mediumint: "number",
  int: "number",
  integer: "number",
  bigint: "number",
  decimal: "number",
  double: "number",
  float: "float",
  timestamp: "timestamp",
  date: "temporal",
  time: "temporal",
  datetime: "temporal",
  year: "temporal",
  enum: "members",
  set: "members",
  bit: "bytes",
};

/** Types without a collation whose values are bytes. */
const BYTES: ReadonlySet<string> = new Set(
  (
    "binary varbinary tinyblob blob mediumblob longblob geometry point linestring polygon multipoint multilinestring " +
    "multipolygon geometrycollection geomcollection vector"
  ).split(" "),
);

/** SQL that selects the column losslessly; `name` is quoted. */
export function selectItem(kind: ValueKind, name: string): string {
  switch (kind) {
    case "float":
      // Every FLOAT is a DOUBLE exactly, and DOUBLE prints all its digits.
      return `CAST(${name} AS DOUBLE)`;
    case "timestamp":
      // Independent of the session's time zone, and of its hours that occur twice.
      return `UNIX_TIMESTAMP(${name})`;
    case "members":
      return `CAST(${name} AS UNSIGNED)`;
    case "text bytes":
      return `CAST(${name} AS BINARY)`;
    case "number":
    case "temporal":
    case "text":
    case "bytes":
      return name;
  }
}

/** Appends the literal of a value to `out`; `bytes[start, end)` is the value as it was selected, borrowed. */
export function writeLiteral(kind: ValueKind, bytes: Buffer, start: number, end: number, out: SqlBytes): void {
  switch (kind) {
    case "number":
    case "float":
      out.bytes(bytes, start, end);
      // A minus before an integer 0 would be lost.
      if (end - start === 2 && bytes[start] === MINUS && bytes[start + 1] === ZERO) out.text("e0");
      return;
    case "members":
      out.bytes(bytes, start, end);
      return;
    case "timestamp": {
      const text = bytes.toString("latin1", start, end);
      out.text(/^0(\.0*)?$/.test(text) ? "'0000-00-00 00:00:00'" : `FROM_UNIXTIME(${text})`);
      return;
    }
    case "temporal":
      out.text("'");
      out.bytes(bytes, start, end);
      out.text("'");
      return;
    case "text":
      out.text("_utf8mb4");
      out.quoted(bytes, start, end);
      return;
    case "bytes":
    case "text bytes":
      out.text("_binary");
      out.quoted(bytes, start, end);
      return;
  }
}

/** SQL for a value that `sql` gives as a binary string. */
export function binaryItem(kind: ValueKind, sql: string): string {
  return kind === "text" ? `CONVERT(${sql} USING utf8mb4)` : sql;
}

const MINUS = 0x2d;
const ZERO = 0x30;
