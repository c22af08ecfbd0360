// How a column's values travel from a shard into a temporary table without losing anything: what is selected on the one
// side, and how the text that comes back is written as a literal on the other. Sessions differ in time zone and character
// set; FLOAT prints fewer digits than it has; so each type has its rule.

import { MYSQL_TYPE } from "../mysql/constants.ts";
import { COLLATION_BINARY } from "../mysql/charsets.ts";
import type { ColumnDefinition } from "../mysql/packets/column-definition.ts";

/** SQL that selects the column losslessly as text; `name` is quoted. */
export function selectItem(column: ColumnDefinition, name: string): string {
  switch (column.type) {
    case MYSQL_TYPE.FLOAT:
      // Every FLOAT is a DOUBLE exactly, and DOUBLE prints all its digits.
      return `CAST(${name} AS DOUBLE)`;
    case MYSQL_TYPE.TIMESTAMP:
      // Independent of the session's time zone, and of its hours that occur twice.
      return `UNIX_TIMESTAMP(${name})`;
    default:
      return name;
  }
}

/** Writes `raw` (the value's text) as a literal at the end of `out`. */
export function literalFor(column: ColumnDefinition, raw: Buffer): Buffer | string {
  switch (column.type) {
    case MYSQL_TYPE.TINY:
    case MYSQL_TYPE.SHORT:
    case MYSQL_TYPE.INT24:
    case MYSQL_TYPE.LONG:
    case MYSQL_TYPE.LONGLONG:
    case MYSQL_TYPE.DECIMAL:
    case MYSQL_TYPE.NEWDECIMAL:
    case MYSQL_TYPE.FLOAT:
    case MYSQL_TYPE.DOUBLE:
      return raw;
    case MYSQL_TYPE.TIMESTAMP: {
      const text = raw.toString("latin1");
      return /^0(\.0*)?$/.test(text) ? "'0000-00-00 00:00:00'" : `FROM_UNIXTIME(${text})`;
    }
    case MYSQL_TYPE.DATE:
    case MYSQL_TYPE.NEWDATE:
    case MYSQL_TYPE.TIME:
    case MYSQL_TYPE.DATETIME:
    case MYSQL_TYPE.YEAR:
      return `'${raw.toString("latin1")}'`;
    case MYSQL_TYPE.BIT:
    case MYSQL_TYPE.GEOMETRY:
      return `x'${raw.toString("hex")}'`;
    default:
      // Text arrives in utf8mb4, bytes as they are.
      return column.collation === COLLATION_BINARY ? `x'${raw.toString("hex")}'` : `_utf8mb4 x'${raw.toString("hex")}'`;
  }
}
