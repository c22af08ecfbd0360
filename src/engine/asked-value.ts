// A value that a mysqld was asked for, in the types that vindexes and the routing know.

import { collationById } from "../mysql/charsets.ts";
import { COLUMN_FLAG, MYSQL_TYPE } from "../mysql/constants.ts";
import type { ColumnDefinition } from "../mysql/packets/column-definition.ts";
import { NULL_VALUE, type Value } from "../mysql/values.ts";

/** COERCIBILITY() of what takes over the collation it is compared with, as a literal does. */
const COERCIBLE_MIN = 4;
const BINARY_COLLATION = 63;

/** Undefined for a value that routing cannot use. `coercibility` as the function of that name says of the expression. */
export function askedValue(column: ColumnDefinition, text: Buffer | null, coercibility: number): Value | undefined {
  if (text === null) return NULL_VALUE;
  const raw = Buffer.from(text);
  switch (column.type) {
    case MYSQL_TYPE.TINY:
    case MYSQL_TYPE.SHORT:
    case MYSQL_TYPE.INT24:
    case MYSQL_TYPE.LONG:
    case MYSQL_TYPE.LONGLONG:
      return { type: (column.flags & COLUMN_FLAG.UNSIGNED) === 0 ? "INT64" : "UINT64", raw };
    case MYSQL_TYPE.NEWDECIMAL:
      return { type: "DECIMAL", raw };
    case MYSQL_TYPE.DOUBLE:
      return { type: "FLOAT64", raw };
    case MYSQL_TYPE.DATE:
      return { type: "DATE", raw };
    case MYSQL_TYPE.VARCHAR:
    case MYSQL_TYPE.VAR_STRING:
    case MYSQL_TYPE.STRING:
    case MYSQL_TYPE.TINY_BLOB:
    case MYSQL_TYPE.BLOB:
    case MYSQL_TYPE.MEDIUM_BLOB:
    case MYSQL_TYPE.LONG_BLOB:
      if (column.collation === BINARY_COLLATION) return { type: "VARBINARY", raw };
      if (collationById(column.collation)?.charset.startsWith("utf8") !== true) return undefined;
      // A text that may bring its own collation into the comparison.
      return { type: coercibility >= COERCIBLE_MIN ? "VARCHAR" : "TEXT", raw };
    default:
      return undefined;
  }
}
