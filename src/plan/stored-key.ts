// What a column makes of a value that an INSERT gives it, for values that place rows: MySQL rounds 2.5, reads '08' as 8 and
// 0x0A as 10, cuts what is too long, and puts 0 or '' in the place of NULL where it does not refuse. A strict sql_mode refuses
// some of that on the shard; whichever shard that is, the row would be where a lenient one stores it.
// Manual: "Type Conversion in Expression Evaluation", "Hexadecimal Literals", "Out-of-Range and Overflow Handling".

import { integerValue } from "../eval/literal-value.ts";
import type { Value } from "../mysql/values.ts";
import type { ColumnSchema } from "../schema/model.ts";
import { bytesOf } from "../vschema/value-bytes.ts";

/** The value as the column stores it; undefined where that is not known here. */
export function storedKey(column: ColumnSchema, value: Value, dialect: "mysql" | "mariadb"): Value | undefined {
  const bits = INTEGER_BITS[column.dataType];
  if (bits !== undefined) {
    // Nearly every key: digits that fit for sure.
    if (value.type === "INT64" && value.raw.length <= digitsThatFit(bits) && value.raw[0] !== MINUS) return value;
    const integer = integerOf(value, column, dialect);
    return integer === undefined
      ? undefined
      : integerValue(Buffer.from(String(clipped(integer, bits, column.unsigned))));
  }
  const isText = column.dataType === "char" || column.dataType === "varchar";
  if (!isText && column.dataType !== "varbinary") return undefined;
  const text = textOf(value, column);
  return text === undefined
    ? undefined
    : { type: "VARCHAR", raw: isText ? cutText(text, column) : cutBytes(text, column) };
}

const INTEGER_BITS: Readonly<Record<string, bigint>> = {
  tinyint: 8n,
  smallint: 16n,
  mediumint: 24n,
  int: 32n,
  bigint: 64n,
};

const MINUS = 0x2d;

/** So many digits fit for sure. */
function digitsThatFit(bits: bigint): number {
  return Math.floor((Number(bits) - 1) * 0.30103);
}

function clipped(integer: bigint, bits: bigint, unsigned: boolean): bigint {
  const least = unsigned ? 0n : -(1n << (bits - 1n));
  const most = (1n << (unsigned ? bits : bits - 1n)) - 1n;
  return integer < least ? least : integer > most ? most : integer;
}

function integerOf({ type, raw }: Value, column: ColumnSchema, dialect: "mysql" | "mariadb"): bigint | undefined {
  switch (type) {
    case "NULL_TYPE":
      return column.nullable || column.autoIncrement ? undefined : 0n;
    case "INT64":
    case "UINT64":
      return BigInt(raw.toString("latin1"));
    case "DECIMAL":
    case "VARCHAR":
    case "VARBINARY":
      return rounded(raw.toString("latin1"));
    case "FLOAT64":
      return nearest(Number(raw.toString("latin1")));
    case "HEXVAL":
      // In MariaDB X'…' is text wherever it stands.
      return dialect === "mariadb" ? textAsInteger({ type, raw }) : bitsOf(raw.toString("latin1").slice(2, -1));
    case "HEXNUM":
      return bitsOf(raw.toString("latin1").slice(2));
    case "BITNUM":
      return raw.length > 2 + 64 ? undefined : BigInt(raw.length === 2 ? "0b0" : raw.toString("latin1"));
    default:
      return undefined;
  }
}

function textAsInteger(value: Value): bigint | undefined {
  const bytes = bytesOf(value);
  return bytes === undefined ? undefined : rounded(bytes.toString("latin1"));
}

function bitsOf(digits: string): bigint | undefined {
  return digits.length > 16 ? undefined : BigInt(`0x0${digits}`);
}

/** The number that a text begins with, halves rounded away from zero; 0 for none. */
function rounded(text: string): bigint | undefined {
  const match = /^[\t-\r ]*([+-]?)(\d*)(?:\.(\d*))?(?:e([+-]?\d+))?/i.exec(text);
  if (match === null) return 0n;
  const [, sign, whole = "", fraction = "", exponent = "0"] = match;
  if (whole === "" && fraction === "") return 0n;
  const shift = Number(exponent) - fraction.length;
  if (Math.abs(shift) > DIGITS_MAX || whole.length > DIGITS_MAX) return undefined;
  const digits = BigInt(whole + fraction);
  const scale = 10n ** BigInt(Math.abs(shift));
  const magnitude = shift >= 0 ? digits * scale : (2n * digits + scale) / (2n * scale);
  return sign === "-" ? -magnitude : magnitude;
}

const DIGITS_MAX = 400;

/** As rint() does: halves to the even neighbour. */
function nearest(number: number): bigint | undefined {
  if (!Number.isFinite(number)) return undefined;
  const floor = Math.floor(number);
  const difference = number - floor;
  const isUp = difference > 0.5 || (difference === 0.5 && floor % 2 !== 0);
  return BigInt(isUp ? floor + 1 : floor);
}

function textOf(value: Value, column: ColumnSchema): Buffer | undefined {
  const { type, raw } = value;
  switch (type) {
    case "NULL_TYPE":
      return column.nullable ? undefined : Buffer.alloc(0);
    case "INT64":
    case "UINT64":
    case "VARCHAR":
    case "VARBINARY":
      return raw;
    case "DECIMAL": {
      const match = /^(-?)0*(\d*)(\.\d+)?\.?$/.exec(raw.toString("latin1"));
      return match === null ? undefined : Buffer.from(`${match[1]}${match[2] || "0"}${match[3] ?? ""}`);
    }
    case "FLOAT64": {
      const number = Number(raw.toString("latin1"));
      const text = String(number);
      // Where it does not fit, MySQL writes it shorter: 1e14 in CHAR(5) stays 1e14.
      const fits = Number.isInteger(number) && Math.abs(number) < 1e15 && text.length <= lengthOf(column);
      return fits ? Buffer.from(text) : undefined;
    }
    case "HEXVAL":
    case "HEXNUM":
      return bytesOf(value);
    default:
      return undefined;
  }
}

function cutText(raw: Buffer, column: ColumnSchema): Buffer {
  const most = lengthOf(column);
  // A character has at most four bytes.
  if (raw.length <= most) return raw;
  const characters = Array.from(raw.toString("utf8"));
  return characters.length <= most ? raw : Buffer.from(characters.slice(0, most).join(""));
}

function cutBytes(raw: Buffer, column: ColumnSchema): Buffer {
  return raw.length <= lengthOf(column) ? raw : raw.subarray(0, lengthOf(column));
}

function lengthOf({ columnType }: ColumnSchema): number {
  const digits = /\((\d+)\)/.exec(columnType)?.[1];
  return digits === undefined ? Number.MAX_SAFE_INTEGER : Number(digits);
}
