// What lives as long as its process on etcd: registrations and locks, each tied to a lease that is kept alive by single
// calls. A lost lease of a registration is granted anew; that of a lock aborts its signal. Knows leases, but not etcd's
// client: `etcd.ts` hands in the calls.

import type { Clock } from "../base/clock.ts";
import { messageOf, ShardgateError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import { pauseUnlessAborted, within } from "./deadline.ts";
import type { TopoEntry, TopoLock, TopoRegistration } from "./store.ts";
import { checkValue } from "./store-errors.ts";

export interface LeasePort {
  /** Resolves to the lease's id. */
  grantLease(ttlS: number): Promise<string>;
  /** False when the lease is gone. */
  keepLease(lease: string): Promise<boolean>;
  /** Everything tied to the lease vanishes with it. */
  revokeLease(lease: string): Promise<void>;
  putWithLease(key: string, value: string, lease: string): Promise<void>;
  get(key: string): Promise<TopoEntry | undefined>;
}

export interface LeaseOptions {
  readonly port: LeasePort;
  readonly key: string;
  readonly ttlS: number;
  readonly clock: Clock;
  readonly log: Log;
  /** Called once, when it is given back. */
  readonly onClose: () => void;
}

const RENEW_RETRY_MS = 500;
/** Of a lock's time to live: how long its holder is sure to have it without a renewal. */
const SURE_PART = 0.75;
/** A process that ends does not wait longer for an etcd that is away; its lease runs out by itself. */
const CLOSE_WAIT_MS = 1_000;

/** A key that stays written while this process lives. Starts at once and keeps trying. */
export class EtcdRegistration implements TopoRegistration {
  readonly registered: Promise<void>;
  readonly #options: LeaseOptions;
  readonly #closing = new AbortController();
  #value: string;
  /** What was last written with `#lease`. */
  #written: string | undefined;
  #lease: string | undefined;
  #isRivalLogged = false;
  #settle: { resolve(): void; reject(error: Error): void } | undefined;

  constructor(options: LeaseOptions, value: string) {
    this.#options = options;
    this.#value = value;
    this.registered = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    this.registered.catch(() => undefined);
    void this.#run();
  }

  async update(value: string): Promise<void> {
    checkValue(this.#options.key, value);
    this.#value = value;
    if (this.#lease === undefined) await this.registered;
    else await this.#put(this.#lease);
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    this.#options.onClose();
    this.#settle?.reject(new ShardgateError("CANCELLED", `registration of ${this.#options.key} was closed`));
    if (this.#lease !== undefined) await giveBack(this.#options, this.#lease);
  }

  async #run(): Promise<void> {
    const { clock, log, key, ttlS } = this.#options;
    const { signal } = this.#closing;
    const beatMs = (ttlS * 1_000) / 3;
    let isFailing = false;
    while (!signal.aborted) {
      try {
        await this.#renew();
        if (isFailing) log.info({ key }, "registered in etcd again");
        isFailing = false;
        this.#settle?.resolve();
        await pauseUnlessAborted(signal, clock, beatMs);
      } catch (error) {
        if (signal.aborted) return;
        if (!isFailing) log.warn({ key, error: messageOf(error) }, "cannot register in etcd; trying on");
        isFailing = true;
        await pauseUnlessAborted(signal, clock, Math.min(beatMs, RENEW_RETRY_MS));
      }
    }
  }

  /** Keeps the lease and checks the key; grants and writes anew what is missing. */
  async #renew(): Promise<void> {
    const { port, key, ttlS } = this.#options;
    const { signal } = this.#closing;
    if (this.#lease !== undefined && !(await port.keepLease(this.#lease))) {
      this.#lease = undefined;
      this.#written = undefined;
    }
    if (this.#lease !== undefined && this.#written === this.#value) {
      const found = await port.get(key);
      if (found !== undefined) {
        this.#noteRival(found.value);
        return;
      }
    }
    if (signal.aborted) return;
    const lease = this.#lease ?? (await port.grantLease(ttlS));
    if (signal.aborted) {
      if (lease !== this.#lease) await port.revokeLease(lease);
      return;
    }
    // Known before the key is written: a close from now on takes the key away with the lease.
    this.#lease = lease;
    await this.#put(lease);
  }

  async #put(lease: string): Promise<void> {
    const value = this.#value;
    await this.#options.port.putWithLease(this.#options.key, value, lease);
    this.#written = value;
  }

  /** Two processes with one name must not overwrite each other for ever: the later one stays, the earlier one says so. */
  #noteRival(found: string): void {
    if (found === this.#value || this.#isRivalLogged) return;
    this.#isRivalLogged = true;
    this.#options.log.error({ key: this.#options.key }, "another process has registered under the same key");
  }
}

/** A lease that a lock is (about to be) tied to: keeps it alive, and tells when it cannot be sure of it any longer. */
export class EtcdLock implements TopoLock {
  readonly lease: string;
  readonly #options: LeaseOptions;
  readonly #lost = new AbortController();
  readonly #released = new AbortController();

  /** `askedMs` is the time right before the lease was asked for. */
  constructor(options: LeaseOptions, lease: string, askedMs: number) {
    this.#options = options;
    this.lease = lease;
    void this.#keep(askedMs);
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Never fails: a lock that cannot be given back runs out, and what it protected is done. */
  async release(): Promise<void> {
    if (this.#released.signal.aborted) return;
    this.#released.abort();
    this.#options.onClose();
    if (!this.#lost.signal.aborted) await giveBack(this.#options, this.lease);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }

  async #keep(grantAskedMs: number): Promise<void> {
    const { clock, port, ttlS } = this.#options;
    const { signal } = this.#released;
    const ttlMs = ttlS * 1_000;
    // Counted from before the call that granted or renewed the lease, and a part shorter: etcd's own count began later and
    // ends later, so a holder knows before another one can have the lock, even when its own timers are late.
    const sureMs = ttlMs * SURE_PART;
    let validUntilMs = grantAskedMs + sureMs;
    await pauseUnlessAborted(signal, clock, ttlMs / 3);
    while (!signal.aborted) {
      const askedMs = clock.nowMs();
      const leftMs = validUntilMs - askedMs;
      const isKept =
        leftMs > 0 ? await within(clock, leftMs, port.keepLease(this.lease)).catch(() => undefined) : false;
      if (isKept === true) validUntilMs = askedMs + sureMs;
      const restMs = validUntilMs - clock.nowMs();
      // Told without a further wait: after a standstill, the next holder's answer may be here already.
      if (isKept === false || restMs <= 0) {
        if (!signal.aborted) this.#lost.abort();
        return;
      }
      await pauseUnlessAborted(
        signal,
        clock,
        isKept === true ? ttlMs / 3 : Math.min(LIMITS.topoWatchRetryMinMs, restMs),
      );
    }
  }
}

async function giveBack({ port, key, clock, log }: LeaseOptions, lease: string): Promise<void> {
  try {
    await within(clock, CLOSE_WAIT_MS, port.revokeLease(lease));
  } catch (error) {
    log.warn({ key, error: messageOf(error) }, "etcd is away; what is held there is left to run out");
  }
}
