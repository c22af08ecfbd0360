// The buckets of tokens of one query rule, one for each user, source address, or for all. They fill steadily; a statement
// takes a token, and where there is none it is refused or told how long to wait for the one it is given. Bounded: of too
// many buckets the full ones go first, which lose nothing by it.

import type { Clock } from "../../base/clock.ts";
import { LIMITS } from "../../base/limits.ts";
import type { LimitAction } from "../../rules/query-rule.ts";

interface Bucket {
  /** Below 0: promised to statements that wait. */
  tokens: number;
  atMs: number;
}

const MS_PER_S = 1_000;

export class RateLimit {
  readonly #action: LimitAction;
  readonly #clock: Clock;
  readonly #buckets = new Map<string, Bucket>();
  #sweptMs = Number.NEGATIVE_INFINITY;

  constructor(action: LimitAction, clock: Clock) {
    this.#action = action;
    this.#clock = clock;
  }

  /** How many milliseconds the statement has to wait, 0 for none; undefined: it is refused. */
  take(key: string): number | undefined {
    const { perSecond, burst, onExcess, delayMaxMs } = this.#action;
    const nowMs = this.#clock.nowMs();
    const bucket = this.#bucketOf(key, nowMs);
    bucket.tokens = Math.min(burst, bucket.tokens + ((nowMs - bucket.atMs) * perSecond) / MS_PER_S);
    bucket.atMs = nowMs;
    const waitMs = bucket.tokens >= 1 ? 0 : ((1 - bucket.tokens) * MS_PER_S) / perSecond;
    if (waitMs > 0 && (onExcess === "error" || waitMs > delayMaxMs)) return undefined;
    bucket.tokens--;
    return waitMs;
  }

  get size(): number {
    return this.#buckets.size;
  }

  #bucketOf(key: string, nowMs: number): Bucket {
    const known = this.#buckets.get(key);
    if (known !== undefined) return known;
    if (this.#buckets.size >= LIMITS.ruleBucketsMax) this.#makeRoom(nowMs);
    const bucket = { tokens: this.#action.burst, atMs: nowMs };
    this.#buckets.set(key, bucket);
    return bucket;
  }

  #makeRoom(nowMs: number): void {
    const { perSecond, burst } = this.#action;
    if (nowMs - this.#sweptMs >= MS_PER_S) {
      this.#sweptMs = nowMs;
      for (const [key, { tokens, atMs }] of this.#buckets) {
        if (tokens + ((nowMs - atMs) * perSecond) / MS_PER_S >= burst) this.#buckets.delete(key);
      }
    }
    const [oldest] = this.#buckets.keys();
    if (oldest !== undefined && this.#buckets.size >= LIMITS.ruleBucketsMax) this.#buckets.delete(oldest);
  }
}
