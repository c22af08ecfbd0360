// Binary protocol rows (PAGE_PROTOCOL_BINARY_RESULTSET of the manual) made from text ones, for answers that were put
// together from several shards' text. The column definitions say what each text is.
//
//   payload:  0x00 │ null bitmap, two bits unused │ values

import { assert } from "../../base/assert.ts";
import { BufferReader, type BufferWriter, malformed } from "../codec.ts";
import { COLUMN_FLAG, MYSQL_TYPE } from "../constants.ts";

/** What a value's form depends on. */
export interface BinaryColumn {
  /** MYSQL_TYPE of the definition. */
  readonly type: number;
  readonly flags: number;
  /** Of `isLengthCoded`. */
  readonly isCoded: boolean;
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

/**
 * Writes the payload of one row from that of a text row, `row[start, end)`, whose length-coded values are copied as they
 * are. Throws ER_MALFORMED_PACKET for text that is no value of its column's type.
 */
export function writeBinaryRow(
  writer: BufferWriter,
  row: Buffer,
  start: number,
  end: number,
  columns: readonly BinaryColumn[],
): void {
  const nullsAt = writer.length + 1;
  writer.zeros(1 + ((columns.length + 9) >> 3));
  // [from, pos) is to be copied.
  let from = start;
  let pos = start;
  for (let index = 0; index < columns.length; index++) {
    if (pos >= end) throw malformed("short row");
    const first = row[pos] as number;
    if (first === NULL) {
      if (pos > from) writer.part(row, from, pos);
      const bit = index + UNUSED_BITS;
      writer.setBits(nullsAt + (bit >> 3), 1 << (bit & 7));
      from = ++pos;
      continue;
    }
    let valueAt = pos + 1;
    let length = first;
    if (length > NULL) {
      const reader = new BufferReader(row, pos, end);
      length = reader.lenenc();
      valueAt = reader.pos;
    }
    const valueEnd = valueAt + length;
    if (valueEnd > end) throw malformed("short row");
    const column = columns[index] as BinaryColumn;
    if (!column.isCoded) {
      if (pos > from) writer.part(row, from, pos);
      writeBinaryValue(writer, row, valueAt, valueEnd, column);
      from = valueEnd;
    }
    pos = valueEnd;
  }
  if (pos !== end) throw malformed("long row");
  if (pos > from) writer.part(row, from, pos);
}

/** Of the null bitmap, before the first column's. */
const UNUSED_BITS = 2;
const NULL = 0xfb;

function writeBinaryValue(writer: BufferWriter, row: Buffer, start: number, end: number, column: BinaryColumn): void {
  switch (column.type) {
    case MYSQL_TYPE.TINY:
    case MYSQL_TYPE.BOOL:
      writer.u8(integer(row, start, end) & 0xff);
      return;
    case MYSQL_TYPE.SHORT:
    case MYSQL_TYPE.YEAR:
      writer.u16(integer(row, start, end));
      return;
    case MYSQL_TYPE.LONG:
    case MYSQL_TYPE.INT24:
      writer.u32(integer(row, start, end));
      return;
    case MYSQL_TYPE.LONGLONG:
      writeLong(writer, row, start, end, (column.flags & COLUMN_FLAG.UNSIGNED) !== 0);
      return;
    case MYSQL_TYPE.FLOAT:
      SCRATCH.writeFloatLE(double(row, start, end));
      writer.part(SCRATCH, 0, 4);
      return;
    case MYSQL_TYPE.DOUBLE:
      SCRATCH.writeDoubleLE(double(row, start, end));
      writer.part(SCRATCH, 0, 8);
      return;
    case MYSQL_TYPE.DATE:
    case MYSQL_TYPE.DATETIME:
    case MYSQL_TYPE.TIMESTAMP:
      writeDateTime(writer, row, start, end);
      return;
    case MYSQL_TYPE.TIME:
      writeTime(writer, row.latin1Slice(start, end));
      return;
    default:
      // A column of NULLs has none.
      throw malformed("value of a type that has none");
  }
}

const SCRATCH = Buffer.alloc(8);
const MINUS = 0x2d;
const ZERO = 0x30;
const TWO_TO_32 = 0x1_0000_0000;

function integer(row: Buffer, start: number, end: number): number {
  const isNegative = row[start] === MINUS;
  let value = 0;
  for (let at = isNegative ? start + 1 : start; at < end; at++) {
    const digit = (row[at] as number) - ZERO;
    if (digit < 0 || digit > 9) throw malformed("text of an integer");
    value = value * 10 + digit;
  }
  return isNegative ? -value : value;
}

function writeLong(writer: BufferWriter, row: Buffer, start: number, end: number, isUnsigned: boolean): void {
  // Up to 15 digits are exact as a number.
  if (end - start <= 15) {
    const value = integer(row, start, end);
    const high = Math.floor(value / TWO_TO_32);
    writer.u32(value - high * TWO_TO_32);
    writer.u32(high);
    return;
  }
  const digits = row.latin1Slice(start, end);
  if (!/^-?\d+$/.test(digits)) throw malformed("text of an integer");
  const value = BigInt(digits);
  assert(!isUnsigned || value >= 0n, "an unsigned integer has no sign");
  writer.u64(BigInt.asUintN(64, value));
}

function double(row: Buffer, start: number, end: number): number {
  const value = Number(row.latin1Slice(start, end));
  if (Number.isNaN(value)) throw malformed("text of a number");
  return value;
}

/** `YYYY-MM-DD`, with ` HH:MM:SS` or that and a fraction. */
function writeDateTime(writer: BufferWriter, row: Buffer, start: number, end: number): void {
  const bytes = end - start;
  if (bytes !== DATE_BYTES && bytes !== DATETIME_BYTES && bytes <= DATETIME_BYTES + 1)
    throw malformed("text of a date");
  const year = integer(row, start, start + 4);
  const month = integer(row, start + 5, start + 7);
  const day = integer(row, start + 8, start + DATE_BYTES);
  const hasTime = bytes > DATE_BYTES;
  const hour = hasTime ? integer(row, start + 11, start + 13) : 0;
  const minute = hasTime ? integer(row, start + 14, start + 16) : 0;
  const second = hasTime ? integer(row, start + 17, start + DATETIME_BYTES) : 0;
  const micros = bytes > DATETIME_BYTES ? microseconds(row.latin1Slice(start + DATETIME_BYTES + 1, end)) : 0;
  const length = micros > 0 ? 11 : hour + minute + second > 0 ? 7 : year + month + day > 0 ? 4 : 0;
  writer.u8(length);
  if (length >= 4) {
    writer.u16(year);
    writer.u8(month);
    writer.u8(day);
  }
  if (length >= 7) {
    writer.u8(hour);
    writer.u8(minute);
    writer.u8(second);
  }
  if (length === 11) writer.u32(micros);
}

const DATE_BYTES = 10;
const DATETIME_BYTES = 19;

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
  const value = fraction === undefined ? 0 : Number(fraction.padEnd(6, "0"));
  if (Number.isNaN(value)) throw malformed("text of a fraction");
  return value;
}
