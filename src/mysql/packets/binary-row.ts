// Binary protocol rows (PAGE_PROTOCOL_BINARY_RESULTSET of the manual) made from text ones, for answers that were put
// together from several shards' text. The column definitions say what each text is.
//
//   payload:  0x00 │ null bitmap, two bits unused │ values

import { assert } from "../../base/assert.ts";
import { type BufferWriter, malformed } from "../codec.ts";
import { COLUMN_FLAG, MYSQL_TYPE } from "../constants.ts";
import type { TextRow } from "./text-row.ts";

/** What a value's form depends on. */
export interface BinaryColumn {
  /** MYSQL_TYPE of the definition. */
  readonly type: number;
  readonly flags: number;
}

/** Whether values of a type are length-encoded strings in binary form: all but numbers and times. */
export function isLengthCoded(type: number): boolean {
  switch (type) {
    case MYSQL_TYPE.TINY:
    case MYSQL_TYPE.BOOL:
    case MYSQL_TYPE.SHORT:
    case MYSQL_TYPE.YEAR:
    case MYSQL_TYPE.LONG:
    case MYSQL_TYPE.INT24:
    case MYSQL_TYPE.LONGLONG:
    case MYSQL_TYPE.FLOAT:
    case MYSQL_TYPE.DOUBLE:
    case MYSQL_TYPE.DATE:
    case MYSQL_TYPE.DATETIME:
    case MYSQL_TYPE.TIMESTAMP:
    case MYSQL_TYPE.TIME:
    case MYSQL_TYPE.NULL:
      return false;
    default:
      return true;
  }
}

/** Writes the payload of one row. Throws ER_MALFORMED_PACKET for text that is no value of its column's type. */
export function writeBinaryRow(writer: BufferWriter, row: TextRow, columns: readonly BinaryColumn[]): void {
  writer.u8(0);
  let bits = 0;
  let used = 2;
  for (let index = 0; index < columns.length; index++) {
    if (row.isNull(index)) bits |= 1 << used;
    if (++used === 8) {
      writer.u8(bits);
      bits = 0;
      used = 0;
    }
  }
  if (used > 0) writer.u8(bits);
  for (const [index, column] of columns.entries()) {
    const bytes = row.bytes(index);
    if (bytes !== null) writeBinaryValue(writer, bytes, column);
  }
}

function writeBinaryValue(writer: BufferWriter, text: Buffer, { type, flags }: BinaryColumn): void {
  switch (type) {
    case MYSQL_TYPE.TINY:
    case MYSQL_TYPE.BOOL:
      writer.u8(integer(text) & 0xff);
      return;
    case MYSQL_TYPE.SHORT:
    case MYSQL_TYPE.YEAR:
      writer.u16(integer(text));
      return;
    case MYSQL_TYPE.LONG:
    case MYSQL_TYPE.INT24:
      writer.u32(integer(text));
      return;
    case MYSQL_TYPE.LONGLONG:
      writer.u64(bigInteger(text, (flags & COLUMN_FLAG.UNSIGNED) !== 0));
      return;
    case MYSQL_TYPE.FLOAT:
      SCRATCH.writeFloatLE(double(text));
      writer.bytes(SCRATCH.subarray(0, 4));
      return;
    case MYSQL_TYPE.DOUBLE:
      SCRATCH.writeDoubleLE(double(text));
      writer.bytes(SCRATCH.subarray(0, 8));
      return;
    case MYSQL_TYPE.DATE:
    case MYSQL_TYPE.DATETIME:
    case MYSQL_TYPE.TIMESTAMP:
      writeDateTime(writer, text.latin1Slice(0, text.length));
      return;
    case MYSQL_TYPE.TIME:
      writeTime(writer, text.latin1Slice(0, text.length));
      return;
    case MYSQL_TYPE.NULL:
      return;
    default:
      writer.lenencBytes(text);
  }
}

const SCRATCH = Buffer.alloc(8);
const MINUS = 0x2d;
const ZERO = 0x30;

function integer(text: Buffer): number {
  const isNegative = text[0] === MINUS;
  let value = 0;
  for (let at = isNegative ? 1 : 0; at < text.length; at++) {
    const digit = (text[at] as number) - ZERO;
    if (digit < 0 || digit > 9) throw malformed("text of an integer");
    value = value * 10 + digit;
  }
  return isNegative ? -value : value;
}

function bigInteger(text: Buffer, isUnsigned: boolean): bigint {
  // Up to 15 digits are exact as a number.
  if (text.length <= 15) return BigInt.asUintN(64, BigInt(integer(text)));
  const digits = text.latin1Slice(0, text.length);
  if (!/^-?\d+$/.test(digits)) throw malformed("text of an integer");
  const value = BigInt(digits);
  assert(!isUnsigned || value >= 0n, "an unsigned integer has no sign");
  return BigInt.asUintN(64, value);
}

function double(text: Buffer): number {
  const value = Number(text.latin1Slice(0, text.length));
  if (Number.isNaN(value)) throw malformed("text of a number");
  return value;
}

function writeDateTime(writer: BufferWriter, text: string): void {
  const found = /^(\d+)-(\d+)-(\d+)(?:[ T](\d+):(\d+):(\d+)(?:\.(\d{1,6}))?)?$/.exec(text);
  if (found === null) throw malformed("text of a date");
  const [, year, month, day, hour, minute, second, fraction] = found;
  const micros = microseconds(fraction);
  const hasTime = Number(hour ?? 0) + Number(minute ?? 0) + Number(second ?? 0) > 0;
  const length = micros > 0 ? 11 : hasTime ? 7 : Number(year) + Number(month) + Number(day) > 0 ? 4 : 0;
  writer.u8(length);
  if (length >= 4) {
    writer.u16(Number(year));
    writer.u8(Number(month));
    writer.u8(Number(day));
  }
  if (length >= 7) {
    writer.u8(Number(hour ?? 0));
    writer.u8(Number(minute ?? 0));
    writer.u8(Number(second ?? 0));
  }
  if (length === 11) writer.u32(micros);
}

function writeTime(writer: BufferWriter, text: string): void {
  const found = /^(-?)(\d+):(\d+):(\d+)(?:\.(\d{1,6}))?$/.exec(text);
  if (found === null) throw malformed("text of a time");
  const [, sign, hours, minutes, seconds, fraction] = found;
  const micros = microseconds(fraction);
  const hour = Number(hours);
  const isZero = hour + Number(minutes) + Number(seconds) + micros === 0;
  const length = micros > 0 ? 12 : isZero ? 0 : 8;
  writer.u8(length);
  if (length === 0) return;
  writer.u8(sign === "-" ? 1 : 0);
  writer.u32(Math.floor(hour / 24));
  writer.u8(hour % 24);
  writer.u8(Number(minutes));
  writer.u8(Number(seconds));
  if (length === 12) writer.u32(micros);
}

function microseconds(fraction: string | undefined): number {
  return fraction === undefined ? 0 : Number(fraction.padEnd(6, "0"));
}
