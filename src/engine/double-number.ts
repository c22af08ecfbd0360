// DOUBLE values as MySQL prints them (strings/dtoa.c, my_gcvt and my_fcvt), and their sum without loss: the exact sum of
// what is added, rounded once, so that it does not depend on the order in which shards answer.

/** Digits before the point, or zeros behind it, above which the exponent form is taken. */
const DIGITS_MAX = 15;
/** Decimals of a column that shows as many as the value has. */
const NOT_FIXED_DECIMALS = 31;
/** From here on toFixed() gives the exponent form. */
const FIXED_MAX = 1e21;

/** `decimals` as in the column's definition. */
export function doubleText(value: number, decimals: number): string {
  return decimals >= NOT_FIXED_DECIMALS ? shortestText(value) : fixedText(value, decimals);
}

function fixedText(value: number, decimals: number): string {
  if (Math.abs(value) < FIXED_MAX) return value.toFixed(decimals);
  const whole = BigInt(value).toString();
  return decimals === 0 ? whole : `${whole}.${"0".repeat(decimals)}`;
}

/** The shortest digits that read back as the value. */
function shortestText(value: number): string {
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  if (value === 0) return `${sign}0`;
  const [mantissa = "", exponent = "0"] = Math.abs(value).toExponential().split("e");
  const digits = mantissa.replace(".", "");
  /** Position of the point behind the first digit, counted as dtoa() does. */
  const point = Number(exponent) + 1;
  const isPlain = point > -DIGITS_MAX && (point <= DIGITS_MAX || digits.length > point);
  if (!isPlain) {
    const fraction = digits.length === 1 ? "" : `.${digits.slice(1)}`;
    return `${sign}${digits[0]}${fraction}e${point - 1}`;
  }
  if (point <= 0) return `${sign}0.${"0".repeat(-point)}${digits}`;
  if (digits.length <= point) return `${sign}${digits.padEnd(point, "0")}`;
  return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
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
