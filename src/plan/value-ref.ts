// Values a plan needs when it runs: literals that stand in the statement, or bind variables looked up by index. Both end
// up as a Value (type and raw text), which is what vindexes take. Anything else is "not evaluable".

import { assertNever } from "../base/assert.ts";
import { NULL_VALUE, type Value, type ValueType } from "../mysql/values.ts";
import type { BindValue, LiteralBind } from "../sql/bind-value.ts";
import type { Expr, LiteralType } from "../sql/tree.ts";

export type ValueRef =
  | { readonly kind: "constant"; readonly value: Value }
  | { readonly kind: "bind"; readonly index: number; readonly negate: boolean }
  /** All items of a list bind variable. */
  | { readonly kind: "bind-list"; readonly index: number };

/** Undefined when `expr` is not a plain value. */
export function valueRefOf(expr: Expr): ValueRef | undefined {
  if (expr.kind === "bind" && expr.index >= 0) {
    return expr.list ? { kind: "bind-list", index: expr.index } : { kind: "bind", index: expr.index, negate: false };
  }
  if (expr.kind === "literal") {
    const value = literalValue(expr.type, Buffer.from(expr.value, "utf8"), expr.introducer);
    return value === undefined ? undefined : { kind: "constant", value };
  }
  if (expr.kind === "unary" && expr.op === "-") {
    const inner = valueRefOf(expr.expr);
    if (inner?.kind === "bind") return { ...inner, negate: !inner.negate };
    const value = inner?.kind === "constant" ? negated(inner.value) : undefined;
    return value === undefined ? undefined : { kind: "constant", value };
  }
  return undefined;
}

/** The value of a single reference; undefined when it is none that a vindex can take. */
export function resolveValue(ref: ValueRef, binds: readonly BindValue[]): Value | undefined {
  switch (ref.kind) {
    case "constant":
      return ref.value;
    case "bind": {
      const bind = binds[ref.index];
      if (bind === undefined || bind.kind === "list") return undefined;
      const value = bindValue(bind);
      return value === undefined || !ref.negate ? value : negated(value);
    }
    case "bind-list":
      return undefined;
    default:
      return assertNever(ref);
  }
}

/** The values of references, lists opened; undefined when one of them is none that a vindex can take. */
export function resolveValues(refs: readonly ValueRef[], binds: readonly BindValue[]): Value[] | undefined {
  const values: Value[] = [];
  for (const ref of refs) {
    if (ref.kind === "bind-list") {
      const list = binds[ref.index];
      if (list?.kind !== "list") return undefined;
      for (const item of list.items) {
        const value = bindValue(item);
        if (value === undefined) return undefined;
        values.push(value);
      }
    } else {
      const value = resolveValue(ref, binds);
      if (value === undefined) return undefined;
      values.push(value);
    }
  }
  return values;
}

function bindValue(bind: LiteralBind): Value | undefined {
  return literalValue(bind.type, bind.raw, bind.introducer);
}

function negated(value: Value): Value | undefined {
  const { type, raw } = value;
  if (type !== "INT64" && type !== "UINT64" && type !== "DECIMAL" && type !== "FLOAT64") return undefined;
  const flipped = raw[0] === MINUS ? raw.subarray(1) : Buffer.concat([MINUS_SIGN, raw]);
  return type === "INT64" || type === "UINT64" ? integerValue(flipped) : { type, raw: flipped };
}

/** MySQL's numbers in canonical text, so that equal numbers are equal bytes. */
function literalValue(type: LiteralType, raw: Buffer, introducer: string | undefined): Value | undefined {
  switch (type) {
    case "int":
      return integerValue(raw);
    case "decimal":
      return { type: "DECIMAL", raw };
    case "float":
      return { type: "FLOAT64", raw };
    case "string":
    case "nstring":
      // The bytes of another character set are not those of the column.
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
