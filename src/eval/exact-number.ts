// MySQL's exact numbers: BIGINT, BIGINT UNSIGNED and DECIMAL, as one integer of units and a scale. What MySQL would round,
// refuse as out of range, or type in a way that depends on the session is undefined here: not evaluable.
// https://dev.mysql.com/doc/refman/8.0/en/arithmetic-functions.html and …/precision-math-decimal-characteristics.html

import type { Value } from "../mysql/values.ts";

export interface ExactNumber {
  readonly kind: "number";
  readonly type: "INT64" | "UINT64" | "DECIMAL";
  /** The number is units / 10^scale. */
  readonly units: bigint;
  /** 0 for integers. */
  readonly scale: number;
}

export type ArithmeticOp = "+" | "-" | "*" | "div" | "%";

const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);
const UINT64_MAX = 2n ** 64n - 1n;
/** MySQL's DECIMAL has up to 65 digits, 30 of them fractional; beyond that it rounds. */
const DIGITS_MAX = 65;
const SCALE_MAX = 30;

export function integer(units: bigint): ExactNumber {
  return { kind: "number", type: "INT64", units, scale: 0 };
}

export function decimal(units: bigint, scale: number): ExactNumber | undefined {
  const digits = (units < 0n ? -units : units).toString().length;
  if (scale > SCALE_MAX || Math.max(digits, scale) > DIGITS_MAX) return undefined;
  return { kind: "number", type: "DECIMAL", units, scale };
}

/** Undefined for a value that is no exact number. */
export function numberOf({ type, raw }: Value): ExactNumber | undefined {
  if (type === "INT64" || type === "UINT64") {
    return { kind: "number", type, units: BigInt(raw.toString("latin1")), scale: 0 };
  }
  if (type !== "DECIMAL") return undefined;
  const match = /^(-?)(\d*)(?:\.(\d*))?$/.exec(raw.toString("latin1"));
  if (match === null) return undefined;
  const [, sign = "", whole = "", fraction = ""] = match;
  const units = BigInt(`${whole}${fraction}` === "" ? "0" : `${whole}${fraction}`);
  return decimal(sign === "" ? units : -units, fraction.length);
}

export function valueOfNumber({ type, units, scale }: ExactNumber): Value {
  return { type, raw: Buffer.from(textOf(units, scale), "latin1") };
}

function textOf(units: bigint, scale: number): string {
  if (scale === 0) return units.toString();
  const digits = (units < 0n ? -units : units).toString().padStart(scale + 1, "0");
  const at = digits.length - scale;
  return `${units < 0n ? "-" : ""}${digits.slice(0, at)}.${digits.slice(at)}`;
}

/** "null" for a division by zero. */
export function arithmetic(op: ArithmeticOp, a: ExactNumber, b: ExactNumber): ExactNumber | "null" | undefined {
  if (a.type === "DECIMAL" || b.type === "DECIMAL") return decimalArithmetic(op, a, b);
  const isUnsigned = a.type === "UINT64" || b.type === "UINT64";
  switch (op) {
    case "+":
      return inRange(a.units + b.units, isUnsigned);
    case "-":
      // NO_UNSIGNED_SUBTRACTION changes the type.
      return isUnsigned ? undefined : inRange(a.units - b.units, false);
    case "*":
      return inRange(a.units * b.units, isUnsigned);
    case "div":
      return b.units === 0n ? "null" : inRange(a.units / b.units, isUnsigned);
    case "%":
      return b.units === 0n ? "null" : inRange(a.units % b.units, a.type === "UINT64");
  }
}

function inRange(units: bigint, isUnsigned: boolean): ExactNumber | undefined {
  if (isUnsigned) return units < 0n || units > UINT64_MAX ? undefined : { ...integer(units), type: "UINT64" };
  return units < INT64_MIN || units > INT64_MAX ? undefined : integer(units);
}

function decimalArithmetic(op: ArithmeticOp, a: ExactNumber, b: ExactNumber): ExactNumber | "null" | undefined {
  const scale = Math.max(a.scale, b.scale);
  const left = scaled(a, scale);
  const right = scaled(b, scale);
  switch (op) {
    case "+":
      return decimal(left + right, scale);
    case "-":
      return decimal(left - right, scale);
    case "*":
      return decimal(a.units * b.units, a.scale + b.scale);
    case "%":
      if (right === 0n) return "null";
      // MariaDB shows the sign of such a zero.
      return left < 0n && left % right === 0n ? undefined : decimal(left % right, scale);
    case "div":
      return undefined;
  }
}

export function negative(number: ExactNumber): ExactNumber | undefined {
  switch (number.type) {
    case "INT64":
      return inRange(-number.units, false);
    case "UINT64":
      return undefined;
    case "DECIMAL":
      return { ...number, units: -number.units };
  }
}

/** Negative, zero or positive, as `a` is below, equal to or above `b`. */
export function compareNumbers(a: ExactNumber, b: ExactNumber): number {
  const scale = Math.max(a.scale, b.scale);
  const left = scaled(a, scale);
  const right = scaled(b, scale);
  return left < right ? -1 : left > right ? 1 : 0;
}

/** The number with more digits behind the point. */
export function widened(number: ExactNumber, scale: number): ExactNumber | undefined {
  return decimal(scaled(number, scale), scale);
}

/** The largest integer not above the number, and the smallest not below it. */
export function integersAround(number: ExactNumber): readonly [bigint, bigint] {
  const unit = 10n ** BigInt(number.scale);
  const whole = number.units / unit;
  const rest = number.units % unit;
  return [rest < 0n ? whole - 1n : whole, rest > 0n ? whole + 1n : whole];
}

function scaled(number: ExactNumber, scale: number): bigint {
  return number.scale === scale ? number.units : number.units * 10n ** BigInt(scale - number.scale);
}
