// Parameters of a prepared statement as literals: what routes the statement, and what it is run with where its text has to
// be another one than the client's (several shards, values of the session in it). As a server takes them (manual:
// "C API Prepared Statement Type Codes"): BLOB types are bytes, times are given as MySQL writes them.

import { malformed } from "../../mysql/codec.ts";
import { MYSQL_TYPE } from "../../mysql/constants.ts";
import { TYPE_UNSIGNED } from "../../mysql/packets/stmt-execute.ts";

/** SQL text of a value, with a space on both sides. `value` is as readBinaryValue gives it. Throws ER_MALFORMED_PACKET. */
export function parameterLiteral(type: number, value: Buffer | null, noBackslashEscapes: boolean): Buffer {
  if (value === null) return NULL;
  const isUnsigned = (type & TYPE_UNSIGNED) !== 0;
  const kind = type & 0xff;
  switch (kind) {
    case MYSQL_TYPE.NULL:
      return NULL;
    case MYSQL_TYPE.TINY:
    case MYSQL_TYPE.BOOL:
      return word(isUnsigned ? value.readUInt8() : value.readInt8());
    case MYSQL_TYPE.SHORT:
    case MYSQL_TYPE.YEAR:
      return word(isUnsigned ? value.readUInt16LE() : value.readInt16LE());
    case MYSQL_TYPE.LONG:
    case MYSQL_TYPE.INT24:
      return word(isUnsigned ? value.readUInt32LE() : value.readInt32LE());
    case MYSQL_TYPE.LONGLONG:
      return word(isUnsigned ? value.readBigUInt64LE() : value.readBigInt64LE());
    case MYSQL_TYPE.FLOAT:
      return double(value.readFloatLE());
    case MYSQL_TYPE.DOUBLE:
      return double(value.readDoubleLE());
    case MYSQL_TYPE.DECIMAL:
    case MYSQL_TYPE.NEWDECIMAL:
      return decimal(value, noBackslashEscapes);
    case MYSQL_TYPE.DATE:
    case MYSQL_TYPE.NEWDATE:
      return word(`'${dateText(value, false)}'`);
    case MYSQL_TYPE.DATETIME:
    case MYSQL_TYPE.TIMESTAMP:
      return word(`'${dateText(value, true)}'`);
    case MYSQL_TYPE.TIME:
      return word(`'${timeText(value)}'`);
    case MYSQL_TYPE.TINY_BLOB:
    case MYSQL_TYPE.MEDIUM_BLOB:
    case MYSQL_TYPE.LONG_BLOB:
    case MYSQL_TYPE.BLOB:
    case MYSQL_TYPE.GEOMETRY:
      return quoted(BINARY_OPEN, value, noBackslashEscapes);
    default:
      return quoted(OPEN, value, noBackslashEscapes);
  }
}

/**
 * The same where the value's type counts and not what it routes to: a server compares a text otherwise than a time, and
 * computes otherwise with whole numbers than with decimals. Times that no server takes as such stay texts.
 */
export function typedLiteral(type: number, value: Buffer | null, noBackslashEscapes: boolean): Buffer {
  const literal = parameterLiteral(type, value, noBackslashEscapes);
  if (value === null || !isTyped(type, value)) return literal;
  const text = literal.latin1Slice(1, literal.length - 1);
  const kind = type & 0xff;
  if (kind === MYSQL_TYPE.DECIMAL || kind === MYSQL_TYPE.NEWDECIMAL) return word(`${text}.`);
  if (kind === MYSQL_TYPE.TIME) return word(`TIME${text}`);
  return word(`${kind === MYSQL_TYPE.DATE || kind === MYSQL_TYPE.NEWDATE ? "DATE" : "TIMESTAMP"}${text}`);
}

/** Whether the two literals of a value differ. `value` can be read. */
export function isTyped(type: number, value: Buffer): boolean {
  switch (type & 0xff) {
    case MYSQL_TYPE.DATE:
    case MYSQL_TYPE.NEWDATE:
      return isDate(value);
    case MYSQL_TYPE.DATETIME:
    case MYSQL_TYPE.TIMESTAMP:
      return isDate(value) && (value.length < 8 || isClock(value, 5, 23, 8));
    case MYSQL_TYPE.TIME:
      return (
        value.length < 9 ||
        (value.readUInt32LE(2) * 24 + value.readUInt8(6) <= TIME_HOURS_MAX && isClock(value, 6, 23, 9))
      );
    case MYSQL_TYPE.DECIMAL:
    case MYSQL_TYPE.NEWDECIMAL:
      return /^\d+$/.test(value.latin1Slice());
    default:
      return false;
  }
}

const TIME_HOURS_MAX = 838;

/** A day of the calendar. */
function isDate(value: Buffer): boolean {
  if (value.length < 5) return false;
  const year = value.readUInt16LE(1);
  const month = value[3] ?? 0;
  const day = value[4] ?? 0;
  if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1) return false;
  const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  return (
    day <= (month === 2 ? (isLeap ? 29 : 28) : month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31)
  );
}

/** Hours, minutes and seconds from `at`, and the microseconds at `microsAt`, if there are some. */
function isClock(value: Buffer, at: number, hoursMax: number, microsAt: number): boolean {
  const micros = value.length >= microsAt + 4 ? value.readUInt32LE(microsAt) : 0;
  const [hours = 0, minutes = 0, seconds = 0] = value.subarray(at, at + 3);
  return hours <= hoursMax && minutes < 60 && seconds < 60 && micros < 1_000_000;
}

/** The same for a LIMIT, where a server takes the value as a whole number whatever its type, and a negative one for all rows. */
export function limitLiteral(type: number, value: Buffer | null): Buffer {
  const literal = parameterLiteral(type, value, true).toString("latin1").trim();
  const text = literal.replace(/^(?:_binary)?'(.*)'$/s, "$1");
  const whole = literal.includes("e") && !literal.endsWith("'") ? Number(literal) : Number.NaN;
  const digits = Number.isNaN(whole) ? (/^\s*-?\d+/.exec(text)?.[0] ?? "0") : BigInt(Math.round(whole)).toString();
  const count = literal.endsWith("'") ? BigInt(digits.trim()) : (rounded(text) ?? BigInt(digits.trim()));
  return word(count < 0n || count > ALL_ROWS ? ALL_ROWS : count);
}

/** A decimal; halves go away from zero. Undefined for anything else. */
function rounded(text: string): bigint | undefined {
  const [, sign, whole, tenths] = /^(-?)(\d*)\.(\d?)\d*$/.exec(text) ?? [];
  if (whole === undefined) return undefined;
  const size = BigInt(whole === "" ? "0" : whole) + (Number(tenths) >= 5 ? 1n : 0n);
  return sign === "-" ? -size : size;
}

const ALL_ROWS = 2n ** 64n - 1n;
const NULL = Buffer.from(" NULL ");
const OPEN = Buffer.from(" '");
const BINARY_OPEN = Buffer.from(" _binary'");
const QUOTE = 0x27;
const BACKSLASH = 0x5c;
const SPACE = 0x20;

function word(text: string | number | bigint): Buffer {
  return Buffer.from(` ${text} `, "latin1");
}

/** A number with an exponent is a DOUBLE to MySQL, too. */
function double(value: number): Buffer {
  if (!Number.isFinite(value)) return NULL;
  const text = Object.is(value, -0) ? "-0" : String(value);
  return word(text.includes("e") ? text : `${text}e0`);
}

function decimal(value: Buffer, noBackslashEscapes: boolean): Buffer {
  const text = value.latin1Slice(0, value.length);
  // A sign stands beside a literal, which routes nothing then.
  if (/^-\d+$/.test(text)) return word(`${text}.`);
  return /^-?(\d+(\.\d*)?|\.\d+)$/.test(text) ? word(text) : quoted(OPEN, value, noBackslashEscapes);
}

/** Values may have many megabytes: plain loops, since iterators are five times as slow and nobody else is served meanwhile. */
function quoted(open: Buffer, value: Buffer, noBackslashEscapes: boolean): Buffer {
  const { length } = value;
  const escape = noBackslashEscapes ? QUOTE : BACKSLASH;
  let special = 0;
  for (let at = 0; at < length; at++) {
    const byte = value[at];
    if (byte === QUOTE || byte === escape) special++;
  }
  const out = Buffer.allocUnsafe(open.length + length + special + 2);
  let end = open.copy(out);
  if (special === 0) end += value.copy(out, end);
  else {
    for (let at = 0; at < length; at++) {
      const byte = value[at] ?? 0;
      if (byte === QUOTE || byte === escape) out[end++] = byte;
      out[end++] = byte;
    }
  }
  out[end++] = QUOTE;
  out[end] = SPACE;
  return out;
}

/** `value` has its length in front: 0, 4, 7 or 11 bytes. */
function dateText(value: Buffer, withTime: boolean): string {
  const length = value.length - 1;
  if (length !== 0 && length !== 4 && length !== 7 && length !== 11) throw malformed("date parameter");
  const year = length >= 4 ? value.readUInt16LE(1) : 0;
  const [month, day] = length >= 4 ? [value.readUInt8(3), value.readUInt8(4)] : [0, 0];
  const date = `${digits(year, 4)}-${digits(month, 2)}-${digits(day, 2)}`;
  if (!withTime) return date;
  const [hour, minute, second] = length >= 7 ? [value.readUInt8(5), value.readUInt8(6), value.readUInt8(7)] : [0, 0, 0];
  const micros = length === 11 ? value.readUInt32LE(8) : 0;
  return `${date} ${clock(hour, minute, second, micros)}`;
}

/** `value` has its length in front: 0, 8 or 12 bytes. */
function timeText(value: Buffer): string {
  const length = value.length - 1;
  if (length === 0) return "00:00:00";
  if (length !== 8 && length !== 12) throw malformed("time parameter");
  const sign = value.readUInt8(1) === 1 ? "-" : "";
  const hours = value.readUInt32LE(2) * 24 + value.readUInt8(6);
  const micros = length === 12 ? value.readUInt32LE(9) : 0;
  return sign + clock(hours, value.readUInt8(7), value.readUInt8(8), micros);
}

function clock(hour: number, minute: number, second: number, micros: number): string {
  const text = `${digits(hour, 2)}:${digits(minute, 2)}:${digits(second, 2)}`;
  return micros === 0 ? text : `${text}.${digits(micros, 6)}`;
}

function digits(value: number, width: number): string {
  return String(value).padStart(width, "0");
}
