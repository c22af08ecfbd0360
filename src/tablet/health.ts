// Watches one mysqld and tells gateways: serving or not, lag, load. Asks at a fixed interval and at once when a
// connection was refused; pushes on every change and at the interval, whether or not the mysqld answers, so that silence
// means the tablet is gone.

import type { Clock, Timer } from "../base/clock.ts";
import { messageOf, ShardgateError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { TabletHealth, TabletType } from "../rpc/tablet-server.ts";
import type { MysqldStatus } from "./control-connection.ts";

export interface HealthOptions {
  readonly alias: string;
  readonly keyspace: string;
  readonly shard: string;
  readonly type: TabletType;
  readonly clock: Clock;
  readonly log: Log;
  status(): Promise<MysqldStatus>;
  load(): { readonly calls: number; readonly poolInUse: number; readonly poolWaiting: number };
  onServing(serving: boolean): void;
  /** The mysqld has not answered several times in a row: what runs on it is not worth waiting for. */
  onStalled(): void;
}

/** Looks without any answer (an error packet is one) before the mysqld is taken for stopped. */
const STALLED_AFTER_LOOKS = 2;

type State = { readonly serving: true } | { readonly serving: false; readonly reason: string };

export class HealthMonitor {
  readonly #options: HealthOptions;
  readonly #watchers = new Set<(health: TabletHealth) => void>();
  #state: State = { serving: false, reason: "starting" };
  #version = "";
  #lagS = 0;
  #timer: Timer | undefined;
  #asking: Promise<void> | undefined;
  #stopped = false;
  #looksUnanswered = 0;

  constructor(options: HealthOptions) {
    this.#options = options;
  }

  /** Resolves after the first look at the mysqld. */
  async start(): Promise<void> {
    await this.check();
    this.#plan();
  }

  get mysqlVersion(): string {
    return this.#version;
  }

  watch(push: (health: TabletHealth) => void): () => void {
    this.#watchers.add(push);
    push(this.#health());
    return () => this.#watchers.delete(push);
  }

  /** Looks at the mysqld now; one look at a time. */
  check(): Promise<void> {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  /** No longer serving, for good: gateways are told before the tablet stops. */
  drain(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#become({ serving: false, reason: "the tablet is shutting down" });
  }

  /** Why it does not serve; undefined while it does. */
  get problem(): string | undefined {
    return this.#state.serving ? undefined : this.#state.reason;
  }

  /** Undefined while calls are served. A mysqld that is away is left to the call's own error, which is more exact. */
  refusal(): ShardgateError | undefined {
    if (!this.#stopped) return undefined;
    return new ShardgateError("SHARD_UNAVAILABLE", "the tablet is shutting down; try again");
  }

  async #ask(): Promise<void> {
    try {
      const { version, lagS } = await this.#options.status();
      this.#looksUnanswered = 0;
      this.#version = version;
      this.#lagS = this.#options.type === "primary" ? 0 : (lagS ?? -1);
      if (!this.#stopped) this.#become({ serving: true });
    } catch (error) {
      this.#looksUnanswered = error instanceof ShardgateError ? this.#looksUnanswered + 1 : 0;
      if (!this.#stopped) this.#become({ serving: false, reason: messageOf(error) });
      if (this.#looksUnanswered >= STALLED_AFTER_LOOKS) this.#options.onStalled();
    }
  }

  #become(state: State): void {
    const { alias, log } = this.#options;
    if (state.serving !== this.#state.serving) {
      if (state.serving) log.info({ alias, version: this.#version }, "serving");
      else log.warn({ alias, reason: state.reason }, "not serving");
      this.#state = state;
      this.#options.onServing(state.serving);
      this.#push();
    } else this.#state = state;
  }

  #push(): void {
    const health = this.#health();
    for (const push of this.#watchers) push(health);
  }

  #plan(): void {
    this.#timer = this.#options.clock.after(LIMITS.healthIntervalMs, () => {
      if (this.#stopped) return;
      this.#push();
      void this.check();
      this.#plan();
    });
  }

  #health(): TabletHealth {
    const { alias, keyspace, shard, type } = this.#options;
    return {
      alias,
      keyspace,
      shard,
      type,
      serving: this.#state.serving,
      reason: this.#state.serving ? "" : this.#state.reason,
      lagS: this.#lagS,
      ...this.#options.load(),
      mysqlVersion: this.#version,
    };
  }
}
