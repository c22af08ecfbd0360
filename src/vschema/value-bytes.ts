// How vindexes read values: as bytes, or as an unsigned number. Both follow Vitess to the byte, including what it refuses:
// hexadecimal and bit literals are decoded as bytes but never as numbers, and numbers may have blanks but no sign.

import type { Value, ValueType } from "../mysql/values.ts";

const NO_BYTES = Buffer.alloc(0);
const TWO_32 = 4294967296;

/** The bytes of a value, shared with `value.raw` where it is not a literal form; `undefined` for a malformed literal. */
export function bytesOf(value: Value): Buffer | undefined {
  switch (value.type) {
    case "HEXVAL":
      return hexValue(value.raw);
    case "HEXNUM":
      return hexNumber(value.raw);
    case "BITNUM":
      return bitNumber(value.raw);
    default:
      return value.raw;
  }
}

/**
 * Reads decimal digits with optional spaces and tabs around them into `out` as [high, low] 32-bit halves.
 * False for anything else and for numbers above 2^64 - 1. Allocates nothing: this is on the path of every routed query.
 */
export function readUnsigned(raw: Buffer, out: Uint32Array): boolean {
  let start = 0;
  let end = raw.length;
  while (start < end && isBlank(raw[start])) start++;
  while (end > start && isBlank(raw[end - 1])) end--;
  return readDigits(raw, start, end, out);
}

/** Reads an optionally signed 64-bit decimal without blanks into `out` as two's complement; false for anything else. */
export function readSigned(raw: Buffer, out: Uint32Array): boolean {
  const first = raw[0];
  const negative = first === 0x2d;
  if (!readDigits(raw, negative || first === 0x2b ? 1 : 0, raw.length, out)) return false;
  const high = out[0] ?? 0;
  const low = out[1] ?? 0;
  if (!negative) return high < 0x80000000;
  if (high > 0x80000000 || (high === 0x80000000 && low !== 0)) return false;
  out[0] = low === 0 ? -high : ~high;
  out[1] = -low;
  return true;
}

export function isSignedInteger(type: ValueType): boolean {
  return type === "INT64" || type === "INT32" || type === "INT24" || type === "INT16" || type === "INT8";
}

/** The number in `halves` as an UINT64 value. */
export function unsignedValue(high: number, low: number): Value {
  const number = (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
  return { type: "UINT64", raw: Buffer.from(number.toString(), "latin1") };
}

/** A value as error messages show it: at most 64 bytes, unprintable ones escaped. */
export function showValue(value: Value): string {
  if (value.type === "NULL_TYPE") return "NULL";
  const cut = value.raw.length > 64;
  return `${value.type} ${JSON.stringify(value.raw.toString("utf8", 0, 64))}${cut ? "…" : ""}`;
}

function readDigits(raw: Buffer, start: number, end: number, out: Uint32Array): boolean {
  if (start >= end) return false;
  if (end - start <= 15) {
    let number = 0;
    for (let i = start; i < end; i++) {
      const digit = (raw[i] ?? 0) - 0x30;
      if (digit < 0 || digit > 9) return false;
      number = number * 10 + digit;
    }
    out[0] = number / TWO_32;
    out[1] = number;
    return true;
  }
  return readLongDigits(raw, start, end, out);
}

/** 16 to 20 digits: head * 10^9 + the last nine digits, in doubles that stay exact. */
function readLongDigits(raw: Buffer, start: number, end: number, out: Uint32Array): boolean {
  let first = start;
  while (first < end - 16 && raw[first] === 0x30) first++;
  if (end - first > 20) return false;
  let head = 0;
  let tail = 0;
  for (let i = first; i < end; i++) {
    const digit = (raw[i] ?? 0) - 0x30;
    if (digit < 0 || digit > 9) return false;
    if (i < end - 9) head = head * 10 + digit;
    else tail = tail * 10 + digit;
  }
  // head < 2^37; its upper and lower 16 bits are multiplied apart, so that no product reaches 2^53.
  const upper = Math.floor(head / 65536) * 1e9;
  const lower = (head % 65536) * 1e9 + tail + (upper % 65536) * 65536;
  const high = Math.floor(upper / 65536) + Math.floor(lower / TWO_32);
  if (high >= TWO_32) return false;
  out[0] = high;
  out[1] = lower % TWO_32;
  return true;
}

function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x09;
}

/** x'0aff' */
function hexValue(raw: Buffer): Buffer | undefined {
  const text = raw.toString("latin1");
  const match = /^[xX]'((?:[0-9a-fA-F]{2})*)'$/.exec(text);
  return match === null ? undefined : Buffer.from(match[1] ?? "", "hex");
}

/** 0x0aff */
function hexNumber(raw: Buffer): Buffer | undefined {
  const text = raw.toString("latin1");
  return /^0x(?:[0-9a-fA-F]{2})+$/.test(text) ? Buffer.from(text.slice(2), "hex") : undefined;
}

/** 0b1010: big-endian, without leading zero bytes. */
function bitNumber(raw: Buffer): Buffer | undefined {
  const text = raw.toString("latin1");
  const match = /^0b0*([01]+)$/.exec(text);
  if (match === null) return undefined;
  const digits = match[1] ?? "";
  if (digits === "0") return NO_BYTES;
  const bytes = Buffer.alloc(Math.ceil(digits.length / 8));
  for (let i = 0; i < digits.length; i++) {
    if (digits[digits.length - 1 - i] !== "1") continue;
    const at = bytes.length - 1 - (i >> 3);
    bytes[at] = (bytes[at] ?? 0) | (1 << (i & 7));
  }
  return bytes;
}
