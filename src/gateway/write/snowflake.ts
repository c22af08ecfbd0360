// Ids that need no table: time, the gateway's number and a counter, in one positive BIGINT that grows with time.
//
//   0 | milliseconds since 2024-01-01 UTC (41 bits, until 2093) | gateway (10 bits) | counter within the millisecond (12 bits)
//
// A gateway's number is a lock in the topology (peers.ts), of one gateway at a time. Ids never run ahead of the clock, so
// whoever takes the number next begins behind them: as long as clocks of gateways do not differ by more than the lock's
// time to live. A clock that goes back is waited for, a little; a process that stood still makes no ids until it has had
// the time to hear that its number is gone.

import { ShardgateError } from "../../base/errors.ts";
import { LIMITS } from "../../base/limits.ts";
import { type Clock, sleep } from "../../base/clock.ts";

const EPOCH_MS = Date.UTC(2024, 0, 1);
const COUNTER_BITS = 12n;
const GATEWAY_BITS = 10n;
const COUNTER_END = 1 << Number(COUNTER_BITS);

export class Snowflakes {
  readonly #clock: Clock;
  readonly #numberOf: () => number | undefined;
  /** Of the last id. */
  #ms = 0;
  #counter = 0;
  /** The event loop was alive, by a clock that only goes forward. */
  #aliveMs: number;
  #safeFromMs = 0;

  /** `numberOf` gives the gateway's number, below 1024; undefined while it has none. */
  constructor(clock: Clock, numberOf: () => number | undefined) {
    this.#clock = clock;
    this.#numberOf = numberOf;
    this.#aliveMs = clock.nowMs();
    this.#beat();
  }

  /** `count` ids, ascending. Throws SHARD_UNAVAILABLE while they could be another gateway's, too. */
  async take(count: number): Promise<bigint[]> {
    const ids: bigint[] = [];
    const untilMs = this.#clock.nowMs() + LIMITS.snowflakeWaitMs;
    while (ids.length < count) {
      const gateway = this.#gateway();
      const nowMs = this.#clock.wallMs();
      if (nowMs > this.#ms) {
        this.#ms = nowMs;
        this.#counter = 0;
      }
      if (nowMs >= this.#ms && this.#counter < COUNTER_END) {
        ids.push(this.#id(gateway));
        continue;
      }
      if (this.#ms - nowMs > LIMITS.snowflakeWaitMs || this.#clock.nowMs() > untilMs + count) {
        throw unavailable(`the clock of its gateway has gone back by ${this.#ms - nowMs} ms`);
      }
      await sleep(this.#clock, 1);
    }
    return ids;
  }

  #id(gateway: number): bigint {
    const ms = BigInt(this.#ms - EPOCH_MS);
    return (((ms << GATEWAY_BITS) | BigInt(gateway)) << COUNTER_BITS) | BigInt(this.#counter++);
  }

  #gateway(): number {
    const nowMs = this.#clock.nowMs();
    if (nowMs - this.#aliveMs > LIMITS.snowflakeStandstillMs) {
      this.#safeFromMs = nowMs + LIMITS.snowflakeStandstillMs;
      this.#aliveMs = nowMs;
    }
    const number = this.#numberOf();
    if (number === undefined) throw unavailable("its gateway has no number; the topology cannot be reached");
    if (nowMs < this.#safeFromMs) throw unavailable("its gateway stood still");
    return number;
  }

  #beat(): void {
    this.#clock.after(LIMITS.snowflakeBeatMs, () => {
      const nowMs = this.#clock.nowMs();
      if (nowMs - this.#aliveMs > LIMITS.snowflakeStandstillMs) {
        this.#safeFromMs = nowMs + LIMITS.snowflakeStandstillMs;
      }
      this.#aliveMs = nowMs;
      this.#beat();
    });
  }
}

function unavailable(why: string): ShardgateError {
  return new ShardgateError("SHARD_UNAVAILABLE", `no snowflake ids now: ${why}; try again`);
}
