// Random numbers that a seed replays (xorshift32).

export class SeededRandom {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 1;
  }

  /** A whole number of 0 … limit - 1. */
  below(limit: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % limit;
  }

  bytes(count: number): Buffer {
    return Buffer.from(Array.from({ length: count }, () => this.below(256)));
  }

  pick<T>(list: readonly T[]): T | undefined {
    return list[this.below(list.length)];
  }
}
