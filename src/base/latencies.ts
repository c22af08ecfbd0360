// Counts durations in fixed buckets, as cheaply as a statement deserves: no labels to hash, nothing allocated. What reads
// them turns them into a Prometheus histogram.

/** Upper bounds in seconds; durations above the last one count only in the total. */
export const LATENCY_BOUNDS_S = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
] as const;

const BOUNDS_MS = LATENCY_BOUNDS_S.map((bound) => bound * 1000);

export class Latencies {
  /** By bucket, not cumulated; the last one is for what is above all bounds. */
  readonly counts = new Float64Array(BOUNDS_MS.length + 1);
  sumMs = 0;

  observe(ms: number): void {
    this.sumMs += ms;
    let bucket = 0;
    while (bucket < BOUNDS_MS.length && ms > (BOUNDS_MS[bucket] as number)) bucket++;
    this.counts[bucket] = (this.counts[bucket] as number) + 1;
  }

  add(other: Latencies): void {
    this.sumMs += other.sumMs;
    for (const [bucket, count] of other.counts.entries()) this.counts[bucket] = (this.counts[bucket] as number) + count;
  }

  get count(): number {
    let total = 0;
    for (const count of this.counts) total += count;
    return total;
  }

  /** An upper bound of the `quantile`, in milliseconds: that of its bucket. 0 without durations. */
  quantileMs(quantile: number): number {
    const wanted = this.count * quantile;
    let seen = 0;
    for (const [bucket, count] of this.counts.entries()) {
      seen += count;
      if (seen >= wanted && seen > 0) return BOUNDS_MS[bucket] ?? Number.POSITIVE_INFINITY;
    }
    return 0;
  }
}
