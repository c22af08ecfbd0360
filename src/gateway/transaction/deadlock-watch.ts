// Finds deadlocks between shards, which no mysqld can see: one transaction waits on one shard for another, which waits on
// another shard for the first. While a statement of a transaction takes long, the tablets of all primaries are asked who
// waits for whom in InnoDB's locks; where that is a ring, one transaction of it is rolled back with 1213, as MySQL does.
// Every gateway sees the same rings and chooses the same victim; the one that has its client acts.
//
// What two shards say is not of one moment. So a ring counts when all of it was there at the look before, too, with the
// same transactions waiting: what waits all the time holds what it has.

import type { Clock } from "../../base/clock.ts";
import { messageOf, ShardgateError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { LockWait } from "../../base/lock-wait.ts";

/** A client connection, as far as deadlocks are concerned. */
export interface LockOwner {
  readonly connectionId: number;
  /** When the command under way began, of a monotonic clock, in ms; undefined: none is. */
  readonly busySinceMs: number | undefined;
  readonly inTransaction: boolean;
  /** Ends the command under way, and the transaction. */
  interrupt(reason: ShardgateError): void;
}

export interface DeadlockWatchOptions {
  /** What all primaries' tablets say; those that cannot be asked say nothing. */
  lockWaits(): Promise<readonly LockWait[]>;
  readonly clock: Clock;
  readonly log: Log;
}

const LOOK_MS = 250;
/** While the same statements go on and nobody waits for anybody: each look takes the mysqlds some work. */
const LOOK_RARELY_MS = 2_000;
/** Statements wait for each other all the time. */
const BUSY_MIN_MS = 250;

export class DeadlockWatch {
  readonly #options: DeadlockWatchOptions;
  readonly #owners = new Map<number, LockOwner>();
  #before: ReadonlySet<string> = new Set();
  #isPlanned = false;
  #pauseMs = LOOK_MS;
  /** Those that took long at the last look. */
  #slowBefore: ReadonlyMap<number, number> = new Map();
  /** Transactions of this gateway that were rolled back. */
  victims = 0;

  constructor(options: DeadlockWatchOptions) {
    this.#options = options;
  }

  /** Has an eye on a client connection until its transaction is over. */
  watch(owner: LockOwner): void {
    this.#owners.set(owner.connectionId, owner);
    this.#plan();
  }

  #plan(): void {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    this.#options.clock.after(this.#pauseMs, () => void this.#look());
  }

  async #look(): Promise<void> {
    try {
      this.#before = await this.#search();
    } catch (error) {
      this.#options.log.debug({ error: messageOf(error) }, "no look at locks");
    }
    this.#isPlanned = false;
    if (this.#owners.size > 0) this.#plan();
  }

  /** Gives what waited, for the next time. */
  async #search(): Promise<ReadonlySet<string>> {
    const slow = this.#slow();
    const isNews = [...slow].some(([id, sinceMs]) => this.#slowBefore.get(id) !== sinceMs);
    this.#slowBefore = slow;
    this.#pauseMs = LOOK_MS;
    if (slow.size === 0) return new Set();
    const waits = await this.#options.lockWaits();
    if (waits.length === 0 && !isNews) this.#pauseMs = LOOK_RARELY_MS;
    const steady = waits.filter((wait) => this.#before.has(nameOf(wait)));
    for (const victim of victimsOf(steady)) {
      const owner = this.#owners.get(victim);
      // One whose command is another one by now has not waited all the time.
      if (owner === undefined || owner.busySinceMs === undefined || owner.busySinceMs !== slow.get(victim)) continue;
      this.victims++;
      this.#options.log.info({ connection: victim }, "deadlock between shards: transaction rolled back");
      owner.interrupt(
        new ShardgateError("ER_LOCK_DEADLOCK", "Deadlock found when trying to get lock; try restarting transaction"),
      );
    }
    return new Set(waits.map(nameOf));
  }

  /** When the commands that take long have begun. */
  #slow(): Map<number, number> {
    const now = this.#options.clock.nowMs();
    const slow = new Map<number, number>();
    for (const { connectionId, busySinceMs, inTransaction } of this.#owners.values()) {
      if (busySinceMs === undefined) {
        if (!inTransaction) this.#owners.delete(connectionId);
      } else if (now - busySinceMs >= BUSY_MIN_MS) slow.set(connectionId, busySinceMs);
    }
    return slow;
  }
}

/**
 * Client connections whose end leaves no ring: of each ring the one that has the least to undo, among equals that of the
 * highest id.
 */
export function victimsOf(waits: readonly LockWait[]): readonly number[] {
  const victims: number[] = [];
  for (;;) {
    const ring = ringIn(
      waits.filter(({ waiting, blocking }) => !victims.includes(waiting) && !victims.includes(blocking)),
    );
    if (ring === undefined) return victims;
    const weights = new Map<number, number>();
    for (const { waiting, weight } of ring) weights.set(waiting, Math.max(weight, weights.get(waiting) ?? 0));
    const [[victim] = []] = [...weights].toSorted(([idA, a], [idB, b]) => a - b || idB - idA);
    if (victim === undefined) return victims;
    victims.push(victim);
  }
}

/** Waits each of which is for the one that waits next, the last one for the first. Always the same of the same waits. */
function ringIn(waits: readonly LockWait[]): readonly LockWait[] | undefined {
  const byWaiting = new Map<number, LockWait[]>();
  for (const wait of waits.toSorted((a, b) => a.waiting - b.waiting || a.blocking - b.blocking)) {
    byWaiting.set(wait.waiting, [...(byWaiting.get(wait.waiting) ?? []), wait]);
  }
  const done = new Set<number>();
  for (const start of byWaiting.keys()) {
    // Depth first; a path's end that is on the path closes a ring.
    const path: { readonly from: number; readonly waits: readonly LockWait[]; next: number }[] = [];
    const enter = (from: number): void => void path.push({ from, waits: byWaiting.get(from) ?? [], next: 0 });
    if (!done.has(start)) enter(start);
    for (let last = path.at(-1); last !== undefined; last = path.at(-1)) {
      const wait = last.waits[last.next++];
      if (wait === undefined) {
        done.add(last.from);
        path.pop();
        continue;
      }
      const at = path.findIndex(({ from }) => from === wait.blocking);
      if (at >= 0) return path.slice(at).flatMap((step) => step.waits[step.next - 1] ?? []);
      if (!done.has(wait.blocking)) enter(wait.blocking);
    }
  }
  return undefined;
}

function nameOf({ waiting, blocking, transaction }: LockWait): string {
  return `${waiting} ${transaction} ${blocking}`;
}
