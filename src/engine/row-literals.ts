// Rows as SQL literals that lose nothing: what a shard sent becomes the text of a VALUES row for other shards. How a value
// is written follows from what it was sent as; how it keeps its type from the column that it is shipped as.
//
// A common table expression that is a UNION of a typing query with VALUES takes its types from both. For most types the
// literals below leave the typing query's type as it is (tried on MariaDB 10.11 for every type). For the others (ENUM, SET,
// BIT, YEAR, FLOAT, …) the rows go through a recursive common table expression, whose types are those of its first part
// alone, and into whose table they are stored as an INSERT stores them.

import { COLLATION_BINARY } from "../mysql/charsets.ts";
import { COLUMN_FLAG, MYSQL_TYPE } from "../mysql/constants.ts";
import { INTEGER_TYPES } from "../mysql/integer-types.ts";
import type { ColumnDefinition } from "../mysql/packets/column-definition.ts";
import { latin1Of } from "./latin1.ts";
import { NeedsGather } from "./needs-gather.ts";
import { rendersAlike } from "./renders-alike.ts";
import type { RowColumns } from "./row-columns.ts";

/** `union`: the literal's type leaves the column's type as it is; `stored`: it has to be stored in a column of the type. */
export type Carriage = "union" | "stored";

/** What decides whether and how values can be written. */
export interface LiteralRules {
  /** DATE'0000-00-00' and 2020-01-00 are no errors under the session's sql_mode. */
  readonly allowsZeroDates: boolean;
  /** Every TIMESTAMP has a text of its own in the session's time zone. */
  readonly timestampsAreDistinct: boolean;
}

const NOT_FIXED_DECIMALS = 31;

/** How a column of this definition is shipped. Throws NeedsGather for what cannot be. */
export function carriageOf(column: ColumnDefinition, rules: LiteralRules): Carriage {
  const { type, flags, decimals, name } = column;
  const unsigned = (flags & COLUMN_FLAG.UNSIGNED) !== 0;
  if ((flags & COLUMN_FLAG.ZEROFILL) !== 0 && type !== MYSQL_TYPE.YEAR)
    throw new NeedsGather(`ZEROFILL column ${name}`);
  switch (type) {
    case MYSQL_TYPE.TINY:
    case MYSQL_TYPE.SHORT:
    case MYSQL_TYPE.INT24:
    case MYSQL_TYPE.LONG:
    case MYSQL_TYPE.LONGLONG:
    case MYSQL_TYPE.NULL:
    case MYSQL_TYPE.DATE:
    case MYSQL_TYPE.NEWDATE:
    case MYSQL_TYPE.DATETIME:
    case MYSQL_TYPE.TIME:
      return "union";
    case MYSQL_TYPE.DECIMAL:
    case MYSQL_TYPE.NEWDECIMAL:
      return unsigned ? "stored" : "union";
    case MYSQL_TYPE.DOUBLE:
      return decimals === NOT_FIXED_DECIMALS ? "union" : "stored";
    case MYSQL_TYPE.TIMESTAMP:
      if (!rules.timestampsAreDistinct) throw new NeedsGather("TIMESTAMP in a time zone with daylight saving time");
      // Becomes a DATETIME, which reads and compares the same in such a time zone.
      return "union";
    case MYSQL_TYPE.FLOAT:
    case MYSQL_TYPE.YEAR:
    case MYSQL_TYPE.BIT:
    case MYSQL_TYPE.GEOMETRY:
      return "stored";
    case MYSQL_TYPE.VARCHAR:
    case MYSQL_TYPE.VAR_STRING:
    case MYSQL_TYPE.STRING:
    case MYSQL_TYPE.TINY_BLOB:
    case MYSQL_TYPE.MEDIUM_BLOB:
    case MYSQL_TYPE.LONG_BLOB:
    case MYSQL_TYPE.BLOB:
      return (flags & (COLUMN_FLAG.ENUM | COLUMN_FLAG.SET)) === 0 ? "union" : "stored";
    default:
      throw new NeedsGather(`column ${name} of type ${type} shipped to other shards`);
  }
}

/** Writes the values of one column. */
export class ColumnLiterals {
  readonly #sent: ColumnDefinition;
  readonly #column: ColumnDefinition;
  readonly #rules: LiteralRules;
  /** Lower-case name, once it is known; that of a text begins with its character set. */
  collation: string | undefined;

  /** `sent` is what a shard calls the values, `column` what they are shipped as. Throws NeedsGather when they differ. */
  constructor(sent: ColumnDefinition, column: ColumnDefinition, rules: LiteralRules) {
    this.#sent = sent;
    this.#column = column;
    this.#rules = rules;
    // A FLOAT travels as the DOUBLE that it is, a YEAR to another keyspace as an integer.
    const isWidened =
      (column.type === MYSQL_TYPE.FLOAT && sent.type === MYSQL_TYPE.DOUBLE) ||
      (INTEGER_TYPES.has(column.type) && sent.type === MYSQL_TYPE.YEAR);
    if (!isWidened && (!rendersAlike(sent, column) || sent.type === MYSQL_TYPE.FLOAT)) {
      throw new NeedsGather(`column ${column.name} of type ${sent.type} shipped as one of type ${column.type}`);
    }
    if (sent.type === MYSQL_TYPE.BIT && sent.orgName === "") throw new NeedsGather("a computed BIT value");
  }

  /** SQL text of ASCII characters; undefined when the collation has to be known first. */
  text(row: RowColumns, at: number): string | undefined {
    const unsigned = (this.#column.flags & COLUMN_FLAG.UNSIGNED) !== 0;
    const { type } = this.#sent;
    if (row.isNull(at)) return unsigned && INTEGER_TYPES.has(this.#column.type) ? "CAST(NULL AS UNSIGNED)" : "NULL";
    switch (type) {
      case MYSQL_TYPE.TINY:
      case MYSQL_TYPE.SHORT:
      case MYSQL_TYPE.INT24:
      case MYSQL_TYPE.LONG:
      case MYSQL_TYPE.LONGLONG:
      case MYSQL_TYPE.YEAR: {
        const digits = row.ascii(at) ?? "";
        // A literal is signed, and of both kinds together a UNION makes a DECIMAL.
        return unsigned && INTEGER_TYPES.has(this.#column.type) ? `CAST(${digits} AS UNSIGNED)` : digits;
      }
      case MYSQL_TYPE.DECIMAL:
      case MYSQL_TYPE.NEWDECIMAL:
        return row.ascii(at) ?? "";
      case MYSQL_TYPE.DOUBLE: {
        const digits = row.ascii(at) ?? "";
        return digits.includes("e") ? digits : `${digits}e0`;
      }
      case MYSQL_TYPE.DATE:
      case MYSQL_TYPE.NEWDATE:
        return `DATE'${this.#date(row, at)}'`;
      case MYSQL_TYPE.DATETIME:
      case MYSQL_TYPE.TIMESTAMP:
        return `TIMESTAMP'${this.#date(row, at)}'`;
      case MYSQL_TYPE.TIME:
        return `TIME'${row.ascii(at)}'`;
      case MYSQL_TYPE.BIT:
      case MYSQL_TYPE.GEOMETRY:
        return `x'${hexOf(row, at)}'`;
      default:
        return this.#sent.collation === COLLATION_BINARY ? `x'${hexOf(row, at)}'` : this.#quoted(row, at);
    }
  }

  #date(row: RowColumns, at: number): string {
    const text = row.ascii(at) ?? "";
    if (!this.#rules.allowsZeroDates && /^0000|^\d{4}-00|^\d{4}-\d\d-00/.test(text)) {
      throw new NeedsGather("a date with zeros under NO_ZERO_DATE");
    }
    return text;
  }

  /** Text has come in utf8mb4. All literals of a column must be of one character set: VALUES takes its type from all. */
  #quoted(row: RowColumns, at: number): string | undefined {
    const text = row.ascii(at) ?? "";
    // No member, or one that is empty: a column takes only the latter.
    if (text === "" && (this.#column.flags & COLUMN_FLAG.ENUM) !== 0) throw new NeedsGather("an empty ENUM value");
    const { collation } = this;
    const charset = collation?.split("_")[0];
    const isConverted = charset === "latin1" || charset === "ascii";
    if (isPlain(text)) return isConverted ? `_${charset}'${text}'` : `_utf8mb4'${text}'`;
    if (charset === undefined) return undefined;
    // What another character set has and UTF-8 has not came as a question mark.
    if (charset === "latin1") {
      // Not CONVERT: what it gives has an explicit collation, which the column does not have.
      const start = row.offsetOf(at);
      const bytes = latin1Of(row.bytes.toString("utf8", start, start + row.lengthOf(at)));
      if (bytes !== undefined) return `_latin1 x'${bytes.toString("hex")}'`;
    }
    if (!UNICODE.has(charset)) throw new NeedsGather(`text of character set ${charset}`);
    return `_utf8mb4 x'${hexOf(row, at)}'`;
  }
}

const UNICODE: ReadonlySet<string> = new Set(["utf8mb4", "utf8mb3", "utf8", "ucs2", "utf16", "utf16le", "utf32"]);

/** ASCII that needs no escapes, in no sql_mode, and is no sign of a lost character. */
function isPlain(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code < 0x20 || code > 0x7e || code === 0x27 || code === 0x5c || code === 0x3f) return false;
  }
  return true;
}

function hexOf(row: RowColumns, at: number): string {
  const start = row.offsetOf(at);
  return row.bytes.toString("hex", start, start + row.lengthOf(at));
}
