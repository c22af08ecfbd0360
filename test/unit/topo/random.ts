// Seeded random integers for the fuzzers of the topology.

/** A function from `below` to an integer in 0..below-1; the same seed gives the same numbers (xorshift32). */
export function randomFrom(seed: number): (below: number) => number {
  let state = seed * 2_654_435_761 + 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}
