// TPC-C's random values (clauses 2.1.6, 4.3.2): uniform and non-uniform numbers, strings, and customers' last names.

import { type Random, randomOf } from "../../test/fuzz/random.ts";
import type { Scale } from "./schema.ts";

const SYLLABLES = ["BAR", "OUGHT", "ABLE", "PRI", "PRES", "ESE", "ANTI", "CALLY", "ATION", "EING"] as const;
const LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
/** Constants of the non-uniform distribution: for last names when loading and when running, ids of customers, items. */
const C_LAST_LOAD = 91;
const C_LAST_RUN = 181;
const C_ID = 517;
const C_ITEM = 4_711;
const NAMES = 1_000;

export class TpccRandom {
  readonly #random: Random;
  readonly #scale: Scale;

  constructor(seed: number, scale: Scale) {
    this.#random = randomOf(seed);
    this.#scale = scale;
  }

  /** Both ends included. */
  between(low: number, high: number): number {
    return low + this.#random.int(high - low + 1);
  }

  chance(share: number): boolean {
    return this.#random.chance(share);
  }

  letters(low: number, high: number): string {
    let text = "";
    for (let left = this.between(low, high); left > 0; left--) text += LETTERS[this.#random.int(LETTERS.length)] ?? "";
    return text;
  }

  digits(count: number): string {
    let text = "";
    for (let i = 0; i < count; i++) text += String(this.#random.int(10));
    return text;
  }

  zip(): string {
    return `${this.digits(4)}11111`;
  }

  /** A tenth of them names the original. */
  data(): string {
    const text = this.letters(26, 50);
    if (!this.chance(0.1)) return text;
    const at = this.#random.int(text.length - 8);
    return `${text.slice(0, at)}ORIGINAL${text.slice(at + 8)}`;
  }

  customer(): number {
    return this.#nonUniform(1_023, C_ID, 1, this.#scale.customers);
  }

  item(): number {
    return this.#nonUniform(8_191, C_ITEM, 1, this.#scale.items);
  }

  /** Of a customer to be loaded: the first thousand have one name each. */
  nameOf(customer: number): string {
    return lastName(customer <= NAMES ? customer - 1 : this.#nonUniform(255, C_LAST_LOAD, 0, NAMES - 1));
  }

  /** Of a customer that is there. */
  name(): string {
    return lastName(this.#nonUniform(255, C_LAST_RUN, 0, Math.min(NAMES, this.#scale.customers) - 1));
  }

  shuffled(count: number): readonly number[] {
    const numbers = Array.from({ length: count }, (_, i) => i + 1);
    for (let i = count - 1; i > 0; i--) {
      const other = this.#random.int(i + 1);
      [numbers[i], numbers[other]] = [numbers[other] ?? 0, numbers[i] ?? 0];
    }
    return numbers;
  }

  #nonUniform(a: number, c: number, low: number, high: number): number {
    const mixed = this.between(0, a) | this.between(low, high);
    return ((mixed + c) % (high - low + 1)) + low;
  }
}

function lastName(number: number): string {
  const digits = [Math.floor(number / 100), Math.floor(number / 10) % 10, number % 10];
  return digits.map((digit) => SYLLABLES[digit] ?? "").join("");
}
