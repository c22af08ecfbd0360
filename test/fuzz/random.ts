// Randomness for seeded tests: the same seed gives the same run, and a failing test prints its seed.

export interface Random {
  /** An integer from 0 up to `below` (not included). */
  int(below: number): number;
  chance(share: number): boolean;
  pick<T>(list: readonly T[]): T;
}

/** Mulberry32. */
export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  return {
    int: (below) => Math.floor(next() * below),
    chance: (share) => next() < share,
    pick: (list) => {
      const at = Math.floor(next() * list.length);
      for (const [index, item] of list.entries()) if (index === at) return item;
      throw new RangeError("empty list");
    },
  };
}

/** The seed of this run: FUZZ_SEED, or a fixed one. */
export function seedOf(fallback: number): number {
  const text = process.env.FUZZ_SEED;
  return text === undefined ? fallback : Number(text);
}

/** How much a test does: the variable's number, or what CI has time for. */
export function countOf(variable: string, fallback: number): number {
  const text = process.env[variable];
  return text === undefined ? fallback : Number(text);
}
