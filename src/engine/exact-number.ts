// Exact arithmetic on MySQL's integers and decimals as their texts: a BigInt without its point and the number of digits
// behind it. AVG is divided as MySQL divides decimals (strings/decimal.c, do_div_mod): the quotient has digits in groups of
// nine and what is behind them is cut off; then it is rounded, half away from zero, to what the column shows.

import { malformed } from "../mysql/codec.ts";

export interface ExactNumber {
  /** The value times 10 to the power of `scale`. */
  readonly digits: bigint;
  readonly scale: number;
}

export const EXACT_ZERO: ExactNumber = { digits: 0n, scale: 0 };

/** Digits of decimal.c's words. */
const GROUP_DIGITS = 9;

/** Throws ER_MALFORMED_PACKET for what is no integer or decimal. */
export function exactNumber(text: string): ExactNumber {
  const point = text.indexOf(".");
  const digits = point < 0 ? text : text.slice(0, point) + text.slice(point + 1);
  if (!/^-?\d+$/.test(digits)) throw malformed("bad number in a row");
  return { digits: BigInt(digits), scale: point < 0 ? 0 : text.length - point - 1 };
}

export function addExact(a: ExactNumber, b: ExactNumber): ExactNumber {
  if (a.scale === b.scale) return { digits: a.digits + b.digits, scale: a.scale };
  const scale = Math.max(a.scale, b.scale);
  return { digits: scaled(a, scale) + scaled(b, scale), scale };
}

/** With so many digits behind the point, rounded half away from zero. */
export function exactText(value: ExactNumber, decimals: number): string {
  const rounded = value.scale <= decimals ? scaled(value, decimals) : divided(value.digits, value.scale - decimals);
  const negative = rounded < 0n;
  const digits = String(negative ? -rounded : rounded).padStart(decimals + 1, "0");
  const whole = digits.slice(0, digits.length - decimals);
  const text = decimals === 0 ? whole : `${whole}.${digits.slice(-decimals)}`;
  return negative ? `-${text}` : text;
}

/** `sum / count` as AVG() shows it with so many decimals; `count` is greater than 0. */
export function averageText(sum: ExactNumber, count: number, decimals: number): string {
  const sumDigits = groupsOf(sum.scale);
  const more = Math.max(0, decimals - sum.scale - (sumDigits - sum.scale));
  const scale = groupsOf(sumDigits + more);
  const digits = (sum.digits * 10n ** BigInt(scale - sum.scale)) / BigInt(count);
  return exactText({ digits, scale }, decimals);
}

function groupsOf(digits: number): number {
  return Math.ceil(digits / GROUP_DIGITS) * GROUP_DIGITS;
}

function scaled({ digits, scale }: ExactNumber, wanted: number): bigint {
  return digits * 10n ** BigInt(wanted - scale);
}

/** Divided by 10 to the power of `places`, rounded half away from zero. */
function divided(digits: bigint, places: number): bigint {
  const by = 10n ** BigInt(places);
  const whole = digits / by;
  const rest = digits % by;
  if (2n * (rest < 0n ? -rest : rest) < by) return whole;
  return digits < 0n ? whole - 1n : whole + 1n;
}
