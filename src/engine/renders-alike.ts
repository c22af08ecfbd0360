// Whether values that a shard sends under one column definition read the same under another: what the client is told of a
// column is what one MySQL says of the original query, while the values come from statements made of it.

import { COLLATION_BINARY } from "../mysql/charsets.ts";
import { COLUMN_FLAG, MYSQL_TYPE } from "../mysql/constants.ts";
import type { ColumnDefinition } from "../mysql/packets/column-definition.ts";

/** Texts of one form are written by one rule. */
type Form = string;

const ANY: Form = "null";
const INTEGER: Form = "integer";

export function rendersAlike(sent: ColumnDefinition, shown: ColumnDefinition): boolean {
  const from = formOf(sent);
  const to = formOf(shown);
  return from === to || from === ANY || (from === INTEGER && to === "decimal 0");
}

function formOf({ type, flags, decimals, collation, columnLength }: ColumnDefinition): Form {
  switch (type) {
    case MYSQL_TYPE.TINY:
    case MYSQL_TYPE.SHORT:
    case MYSQL_TYPE.INT24:
    case MYSQL_TYPE.LONG:
    case MYSQL_TYPE.LONGLONG:
      return (flags & COLUMN_FLAG.ZEROFILL) === 0 ? INTEGER : `zerofill ${columnLength}`;
    case MYSQL_TYPE.DECIMAL:
    case MYSQL_TYPE.NEWDECIMAL:
      return (flags & COLUMN_FLAG.ZEROFILL) === 0
        ? `decimal ${decimals}`
        : `zerofill decimal ${columnLength} ${decimals}`;
    case MYSQL_TYPE.FLOAT:
      return `float ${decimals}`;
    case MYSQL_TYPE.DOUBLE:
      return `double ${decimals}`;
    case MYSQL_TYPE.DATE:
    case MYSQL_TYPE.NEWDATE:
      return "date";
    case MYSQL_TYPE.DATETIME:
    case MYSQL_TYPE.DATETIME2:
    case MYSQL_TYPE.TIMESTAMP:
    case MYSQL_TYPE.TIMESTAMP2:
      return `datetime ${decimals}`;
    case MYSQL_TYPE.TIME:
    case MYSQL_TYPE.TIME2:
      return `time ${decimals}`;
    case MYSQL_TYPE.YEAR:
      return `year ${columnLength}`;
    case MYSQL_TYPE.NULL:
      return ANY;
    case MYSQL_TYPE.VARCHAR:
    case MYSQL_TYPE.VAR_STRING:
    case MYSQL_TYPE.STRING:
    case MYSQL_TYPE.ENUM:
    case MYSQL_TYPE.SET:
    case MYSQL_TYPE.TINY_BLOB:
    case MYSQL_TYPE.MEDIUM_BLOB:
    case MYSQL_TYPE.LONG_BLOB:
    case MYSQL_TYPE.BLOB:
      return collation === COLLATION_BINARY ? "bytes" : "text";
    default:
      return `type ${type}`;
  }
}
