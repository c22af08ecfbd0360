// DOUBLE values as MySQL prints them (strings/dtoa.c, my_gcvt and my_fcvt), and their sum without loss: the exact sum of
// what is added, rounded once, so that it does not depend on the order in which shards answer.

/** Digits before the point, or zeros behind it, above which the exponent form is taken. */
const DIGITS_MAX = 15;
/** Decimals of a column that shows as many as the value has. */
const NOT_FIXED_DECIMALS = 31;
/** `decimals` as in the column's definition. */
export function doubleText(value: number, decimals: number): string {
  return decimals >= NOT_FIXED_DECIMALS ? shortestText(value) : fixedText(value, decimals);
}

function fixedText(value: number, decimals: number): string {
  const { sign, digits, point } = shortestOf(value);
  // What is rounded has a fraction, and so few digits before it that toFixed() is exact.
  if (digits.length - point > decimals) return value.toFixed(decimals);
  const text = plainText(digits, point);
  const shown = text.includes(".") ? text.length - text.indexOf(".") - 1 : 0;
  if (shown === decimals) return sign + text;
  return `${sign}${text}${shown === 0 ? "." : ""}${"0".repeat(decimals - shown)}`;
}

function shortestText(value: number): string {
  const { sign, digits, point } = shortestOf(value);
  const isPlain = value === 0 || (point > -DIGITS_MAX && (point <= DIGITS_MAX || digits.length > point));
  if (isPlain) return sign + plainText(digits, point);
  const fraction = digits.length === 1 ? "" : `.${digits.slice(1)}`;
  return `${sign}${digits[0]}${fraction}e${point - 1}`;
}

interface Shortest {
  readonly sign: string;
  readonly digits: string;
  /** Digits before the point, as dtoa() counts them. */
  readonly point: number;
}

/** The shortest digits that read back as the value. */
function shortestOf(value: number): Shortest {
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  if (value === 0) return { sign, digits: "0", point: 1 };
  const [mantissa = "", exponent = "0"] = Math.abs(value).toExponential().split("e");
  return { sign, digits: mantissa.replace(".", ""), point: Number(exponent) + 1 };
}

function plainText(digits: string, point: number): string {
  if (point <= 0) return `0.${"0".repeat(-point)}${digits}`;
  if (digits.length <= point) return digits.padEnd(point, "0");
  return `${digits.slice(0, point)}.${digits.slice(point)}`;
}

/** Shewchuk's sum: partial sums that do not overlap (Adaptive Precision Floating-Point Arithmetic, 1997). */
export class DoubleSum {
  readonly #partials: number[] = [];

  add(value: number): void {
    const partials = this.#partials;
    let x = value;
    let kept = 0;
    for (const partial of partials) {
      const large = Math.abs(x) < Math.abs(partial) ? partial : x;
      const small = Math.abs(x) < Math.abs(partial) ? x : partial;
      const sum = large + small;
      const lost = small - (sum - large);
      if (lost !== 0) partials[kept++] = lost;
      x = sum;
    }
    partials.length = kept;
    partials.push(x);
  }

  get value(): number {
    const partials = this.#partials;
    let left = partials.length;
    let sum = left === 0 ? 0 : (partials[--left] as number);
    let lost = 0;
    while (left > 0 && lost === 0) {
      const x = sum;
      const y = partials[--left] as number;
      sum = x + y;
      lost = y - (sum - x);
    }
    // Halfway between two numbers, what is further down decides.
    const further = left > 0 ? (partials[left - 1] as number) : 0;
    if ((lost < 0 && further < 0) || (lost > 0 && further > 0)) {
      const twice = 2 * lost;
      const rounded = sum + twice;
      if (rounded - sum === twice) return rounded;
    }
    return sum;
  }
}
