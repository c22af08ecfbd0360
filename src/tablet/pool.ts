// A pool of connections to one mysqld. A connection is in exactly one place: idle (by what it is set to), leased, or
// being opened; #move is the only way between them. Waiters are FIFO with a deadline. The pool never decodes anything.
//
//   opening ──ok──► leased ◄──► idle ──age, idle time, squeezed out──► closed
//      └─fail─► (waiter told)   leased ──broken or too old──► closed

import type { Clock, Timer } from "../base/clock.ts";
import { ShardgateError } from "../base/errors.ts";
import { Latencies } from "../base/latencies.ts";
import { LIMITS } from "../base/limits.ts";

/** What the pool must know of a connection. */
export interface Poolable {
  /** SET statement in force on the connection; "" is the login's defaults. */
  readonly settings: string;
  /** The database it has selected; "" is the login's. */
  readonly database: string;
  readonly foundRows: boolean;
  readonly createdMs: number;
  /** False once the socket is closed or the connection is in an unknown state. */
  readonly usable: boolean;
  close(): void;
}

export interface PoolOptions<C extends Poolable> {
  readonly name: string;
  readonly connectionsMax: number;
  readonly waitersMax: number;
  readonly waitMs: number;
  readonly ageMaxMs: number;
  readonly idleMaxMs: number;
  readonly clock: Clock;
  open(foundRows: boolean): Promise<C>;
}

export interface PoolStats {
  readonly idle: number;
  readonly inUse: number;
  readonly opening: number;
  readonly waiting: number;
}

interface Waiter<C> {
  readonly settings: string;
  readonly database: string;
  readonly foundRows: boolean;
  readonly sinceMs: number;
  readonly timer: Timer;
  readonly ready: (connection: C) => void;
  readonly failed: (error: Error) => void;
}

interface Idle<C> {
  readonly connection: C;
  readonly sinceMs: number;
}

const SWEEP_MS = 1_000;

export class Pool<C extends Poolable> {
  /** How long those who had to wait for a connection have waited. */
  readonly waits = new Latencies();
  readonly #options: PoolOptions<C>;
  /** Idle connections, least recently used first. */
  #idle: Idle<C>[] = [];
  readonly #leased = new Set<C>();
  #opening = 0;
  #waiters: Waiter<C>[] = [];
  #sweep: Timer;
  #closed = false;

  constructor(options: PoolOptions<C>) {
    this.#options = options;
    this.#sweep = this.#planSweep();
  }

  /** Connections that are not idle. */
  get leased(): Iterable<C> {
    return this.#leased;
  }

  get stats(): PoolStats {
    return {
      idle: this.#idle.length,
      inUse: this.#leased.size,
      opening: this.#opening,
      waiting: this.#waiters.length,
    };
  }

  /**
   * Leases a connection that logged in with `foundRows`, preferably one already set to `settings` and `database` (the
   * caller sets it otherwise). `ready` or `failed` is called once, possibly before this returns. The returned function gives up waiting.
   * Fails with POOL_EXHAUSTED, or with what opening a connection failed with.
   */
  lease(
    settings: string,
    foundRows: boolean,
    ready: (connection: C) => void,
    failed: (error: Error) => void,
    database = "",
  ): (() => void) | undefined {
    if (this.#closed) {
      failed(new ShardgateError("SHARD_UNAVAILABLE", "the tablet is shutting down; try again"));
      return undefined;
    }
    if (this.#waiters.length === 0) {
      const connection = this.#takeIdle(settings, database, foundRows);
      if (connection !== undefined) {
        this.#leased.add(connection);
        ready(connection);
        return undefined;
      }
    }
    if (this.#waiters.length >= this.#options.waitersMax) {
      failed(this.#exhausted(`${this.#options.waitersMax} callers wait already`));
      return undefined;
    }
    const waiter: Waiter<C> = {
      settings,
      database,
      foundRows,
      sinceMs: this.#options.clock.nowMs(),
      ready,
      failed,
      timer: this.#options.clock.after(this.#options.waitMs, () => {
        this.#drop(waiter);
        failed(this.#exhausted(`none came free in ${this.#options.waitMs} ms`));
      }),
    };
    this.#waiters.push(waiter);
    this.#serve();
    return () => this.#drop(waiter);
  }

  /** Ends a lease. A connection that is no longer usable or too old is closed. */
  giveBack(connection: C): void {
    if (!this.#leased.delete(connection)) return;
    const now = this.#options.clock.nowMs();
    if (!connection.usable || this.#closed || now - connection.createdMs > this.#options.ageMaxMs) connection.close();
    else this.#idle.push({ connection, sinceMs: now });
    if (this.#waiters.length > 0) this.#serve();
  }

  /** A connection closed by itself: it is nowhere any more. */
  lost(connection: C): void {
    this.#leased.delete(connection);
    const at = this.#idle.findIndex((idle) => idle.connection === connection);
    if (at >= 0) this.#idle.splice(at, 1);
    this.#serve();
  }

  /** Closes every connection, leased ones too: what runs on them is lost. New ones are opened as they are asked for. */
  breakAll(): void {
    const idle = this.#idle;
    this.#idle = [];
    for (const { connection } of idle) connection.close();
    for (const connection of this.#leased) connection.close();
  }

  /** Closes idle connections and refuses new leases; leased ones are closed as they come back. */
  close(): void {
    this.#closed = true;
    this.#sweep.cancel();
    // A connection that closes takes itself out of the list: it must not be the list that is walked.
    const idle = this.#idle;
    this.#idle = [];
    for (const { connection } of idle) connection.close();
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) {
      waiter.timer.cancel();
      waiter.failed(new ShardgateError("SHARD_UNAVAILABLE", "the tablet is shutting down; try again"));
    }
  }

  #takeIdle(settings: string, database: string, foundRows: boolean): C | undefined {
    let fallback = -1;
    let elsewhere = -1;
    // From the most recently used end: few connections stay warm, the others age out.
    for (let i = this.#idle.length - 1; i >= 0; i--) {
      const connection = this.#idle[i]?.connection;
      if (connection === undefined || connection.foundRows !== foundRows) continue;
      if (connection.settings === settings) {
        if (connection.database === database) return this.#removeIdle(i);
        if (elsewhere < 0) elsewhere = i;
      }
      if (fallback < 0 || connection.settings === "") fallback = i;
    }
    // Selecting another database costs less than a login, and there may be many of them.
    if (elsewhere >= 0) return this.#removeIdle(elsewhere);
    // One without settings needs only the SET, while opening one takes a login: what sessions with settings have given back
    // after a reset would be nobody's, and each of them open one more. Re-setting others takes a reset, too.
    const isPlain = fallback >= 0 && this.#idle[fallback]?.connection.settings === "";
    if (isPlain || (fallback >= 0 && this.#total() >= this.#options.connectionsMax)) return this.#removeIdle(fallback);
    return undefined;
  }

  #removeIdle(at: number): C | undefined {
    if (at === this.#idle.length - 1) return this.#idle.pop()?.connection;
    return this.#idle.splice(at, 1)[0]?.connection;
  }

  /** Gives idle connections to waiters, opens more while there is room and need. */
  #serve(): void {
    for (;;) {
      const waiter = this.#waiters[0];
      if (waiter === undefined || this.#closed) return;
      const connection = this.#takeIdle(waiter.settings, waiter.database, waiter.foundRows);
      if (connection === undefined) break;
      this.#waiters.shift();
      this.#leased.add(connection);
      this.#hand(connection, waiter);
    }
    for (let need = this.#waiters.length - this.#opening; need > 0; need--) {
      if (this.#total() >= this.#options.connectionsMax && !this.#squeeze()) return;
      this.#open(this.#waiters[this.#waiters.length - need]?.foundRows ?? false);
    }
  }

  #hand(connection: C, waiter: Waiter<C>): void {
    waiter.timer.cancel();
    this.waits.observe(this.#options.clock.nowMs() - waiter.sinceMs);
    waiter.ready(connection);
  }

  /** Closes the longest idle connection (one of the other login kind) to make room. */
  #squeeze(): boolean {
    const oldest = this.#idle.shift();
    oldest?.connection.close();
    return oldest !== undefined;
  }

  #open(foundRows: boolean): void {
    this.#opening++;
    this.#options.open(foundRows).then(
      (connection) => {
        this.#opening--;
        if (this.#closed) {
          connection.close();
          return;
        }
        this.#leased.add(connection);
        // It was opened for one who waits: idle, it would be nobody's before the pool is full, as it has no settings yet.
        const at = this.#waiters.findIndex((waiter) => waiter.foundRows === foundRows);
        const [waiter] = at < 0 ? [] : this.#waiters.splice(at, 1);
        if (waiter === undefined) this.giveBack(connection);
        else this.#hand(connection, waiter);
      },
      (error: unknown) => {
        this.#opening--;
        // Those who wait have nothing else to wait for unless connections are in use or on their way.
        const waiter = this.#waiters.shift();
        waiter?.timer.cancel();
        waiter?.failed(error instanceof Error ? error : new Error(String(error)));
        this.#serve();
      },
    );
  }

  #drop(waiter: Waiter<C>): void {
    waiter.timer.cancel();
    const at = this.#waiters.indexOf(waiter);
    if (at >= 0) this.#waiters.splice(at, 1);
  }

  #total(): number {
    return this.#idle.length + this.#leased.size + this.#opening;
  }

  #planSweep(): Timer {
    return this.#options.clock.after(SWEEP_MS, () => {
      const now = this.#options.clock.nowMs();
      const { idleMaxMs, ageMaxMs } = this.#options;
      const isFresh = ({ connection, sinceMs }: Idle<C>): boolean =>
        connection.usable && now - sinceMs < idleMaxMs && now - connection.createdMs < ageMaxMs;
      const stale = this.#idle.filter((idle) => !isFresh(idle));
      this.#idle = this.#idle.filter(isFresh);
      for (const { connection } of stale) connection.close();
      if (!this.#closed) this.#sweep = this.#planSweep();
    });
  }

  #exhausted(why: string): ShardgateError {
    const { name, connectionsMax } = this.#options;
    const advice = "lower the load, shorten transactions or raise the pool's size";
    return new ShardgateError(
      "POOL_EXHAUSTED",
      `${name} pool exhausted (${connectionsMax} connections, ${why}); ${advice}`,
    );
  }
}

export const POOL_DEFAULTS = {
  waitersMax: LIMITS.poolWaitersMax,
  waitMs: LIMITS.poolWaitMs,
  ageMaxMs: LIMITS.poolConnectionAgeMaxMs,
  idleMaxMs: LIMITS.poolConnectionIdleMaxMs,
} as const;
