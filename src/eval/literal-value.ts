// Literals as values: the type and text MySQL gives them, numbers in canonical text, so that equal numbers are equal bytes.

import { assertNever } from "../base/assert.ts";
import { NULL_VALUE, type Value, type ValueType } from "../mysql/values.ts";
import type { LiteralBind } from "../sql/bind-value.ts";
import { encodeSql } from "../sql/encoding.ts";
import type { Literal, LiteralType } from "../sql/tree.ts";

/** Undefined for text in another character set than UTF-8, whose bytes are not those a column has. */
export function literalValue(literal: Literal): Value | undefined {
  return valueOfLiteral(literal.type, encodeSql(literal.value), literal.introducer);
}

/** The same for a literal that normalize() took out. */
export function bindValue(bind: LiteralBind): Value | undefined {
  return valueOfLiteral(bind.type, bind.raw, bind.introducer);
}

/** The number with the other sign; undefined when `value` is no number. */
export function negated(value: Value): Value | undefined {
  const { type, raw } = value;
  if (type !== "INT64" && type !== "UINT64" && type !== "DECIMAL" && type !== "FLOAT64") return undefined;
  const flipped = raw[0] === MINUS ? raw.subarray(1) : Buffer.concat([MINUS_SIGN, raw]);
  return type === "INT64" || type === "UINT64" ? integerValue(flipped) : { type, raw: flipped };
}

function valueOfLiteral(type: LiteralType, raw: Buffer, introducer: string | undefined): Value | undefined {
  switch (type) {
    case "int":
      return integerValue(raw);
    case "decimal":
      return { type: "DECIMAL", raw };
    case "float":
      return { type: "FLOAT64", raw };
    case "string":
    case "nstring":
      if (introducer === "binary") return { type: "VARBINARY", raw };
      return introducer === undefined || introducer.startsWith("utf8") ? { type: "VARCHAR", raw } : undefined;
    case "hexval":
      return { type: "HEXVAL", raw: wrapped("x'", raw, "'") };
    case "hexnum":
      return { type: "HEXNUM", raw: wrapped("0x", raw, "") };
    case "bitval":
    case "bitnum":
      return { type: "BITNUM", raw: wrapped("0b", raw, "") };
    case "null":
      return NULL_VALUE;
    case "true":
      return TRUE;
    case "false":
      return FALSE;
    default:
      return assertNever(type);
  }
}

const INT64: ValueType = "INT64";
const TRUE: Value = { type: INT64, raw: Buffer.from("1") };
const FALSE: Value = { type: INT64, raw: Buffer.from("0") };

const MINUS = 0x2d;
const ZERO = 0x30;
const MINUS_SIGN = Buffer.of(MINUS);
const INT64_MAX = Buffer.from("9223372036854775807");
const INT64_MIN_DIGITS = Buffer.from("9223372036854775808");
const UINT64_MAX = Buffer.from("18446744073709551615");

/**
 * An integer in canonical text, maybe with a minus sign: BIGINT, BIGINT UNSIGNED if it only fits there, DECIMAL beyond
 * (manual: "Numeric Literals").
 */
export function integerValue(raw: Buffer): Value {
  const first = raw[0];
  // Nearly every number there is: short, without a sign, without leading zeros.
  if (first !== MINUS && first !== ZERO && raw.length < INT64_MAX.length) return { type: INT64, raw };
  const negative = first === MINUS;
  const digits = withoutLeadingZeros(negative ? raw.subarray(1) : raw);
  if (!negative)
    return { type: fits(digits, INT64_MAX) ? INT64 : fits(digits, UINT64_MAX) ? "UINT64" : "DECIMAL", raw: digits };
  if (digits.length === 1 && digits[0] === ZERO) return { type: INT64, raw: digits };
  const signed = digits.length === raw.length - 1 ? raw : Buffer.concat([MINUS_SIGN, digits]);
  return { type: fits(digits, INT64_MIN_DIGITS) ? INT64 : "DECIMAL", raw: signed };
}

function fits(digits: Buffer, most: Buffer): boolean {
  return digits.length < most.length || (digits.length === most.length && digits.compare(most) <= 0);
}

function withoutLeadingZeros(raw: Buffer): Buffer {
  let at = 0;
  while (at < raw.length - 1 && raw[at] === ZERO) at++;
  return at === 0 ? raw : raw.subarray(at);
}

function wrapped(before: string, raw: Buffer, after: string): Buffer {
  return Buffer.concat([Buffer.from(before), raw, Buffer.from(after)]);
}
