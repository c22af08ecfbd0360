// One watch on etcd: reads what there is, follows the changes, and does so again after every loss, without leaving out or
// repeating a change. Knows etcd's revisions and compaction, but not its client: `etcd.ts` hands in the calls.
//
//   reading ──► following ──► (stream lost, silent, history compacted) ──► waiting ──► reading
//
// After a loss it goes on behind the last change told. It reads everything anew when that history is compacted, and when
// the server's content is no continuation: another cluster, or a backup with older revisions (etcd would stay silent on
// a watch from a revision that is yet to come).

import type { Clock, Timer } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import { pauseUnlessAborted } from "./deadline.ts";
import type { Revision, TopoChange, TopoList, TopoWatch, TopoWatchEvent } from "./store.ts";
import { unavailable } from "./store-errors.ts";

/** What the server says on a watch stream. */
export type WatchAnswer =
  /** In order; all changes of one revision together. Empty: a sign of life. */
  | { readonly kind: "changes"; readonly changes: readonly TopoChange[] }
  | { readonly kind: "created" }
  | { readonly kind: "compacted" }
  | { readonly kind: "ended"; readonly error: Error };

export interface WatchStream {
  /** Asks for a sign of life. */
  ask(): void;
  /** `isFault`: the next one had better come from another server. */
  close(isFault: boolean): void;
}

export interface WatchPort {
  /** Which cluster answers, and its revision now. */
  state(prefix: string): Promise<{ readonly clusterId: string; readonly revision: Revision }>;
  list(prefix: string): Promise<TopoList>;
  /** Opens a stream of the changes from revision `from` on; `listener` is not called before it resolves. */
  open(prefix: string, from: Revision, listener: (answer: WatchAnswer) => void): Promise<WatchStream>;
}

export interface EtcdWatchOptions {
  readonly port: WatchPort;
  readonly prefix: string;
  readonly listener: (event: TopoWatchEvent) => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** Starts at once; ends with `close`. */
export class EtcdWatch implements TopoWatch {
  readonly #options: EtcdWatchOptions;
  readonly #closing = new AbortController();
  /** The last revision told; undefined: everything has to be told anew. */
  #told: Revision | undefined;
  #clusterId = "";
  #backoffMs: number = LIMITS.topoWatchRetryMinMs;

  constructor(options: EtcdWatchOptions) {
    this.#options = options;
    void this.#run();
  }

  close(): void {
    this.#closing.abort();
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    let wasConnected = true;
    while (!signal.aborted) {
      try {
        const told = await this.#catchUp();
        wasConnected = true;
        await this.#follow(told + 1);
      } catch (error) {
        if (signal.aborted) return;
        if (wasConnected) {
          wasConnected = false;
          this.#tell({ kind: "disconnected", error: error instanceof Error ? error : new Error(messageOf(error)) });
        }
        await pauseUnlessAborted(signal, this.#options.clock, this.#backoffMs);
        this.#backoffMs = Math.min(this.#backoffMs * 2, LIMITS.topoWatchRetryMaxMs);
      }
    }
  }

  /** Tells everything if what was told has no continuation; resolves to the last revision told. */
  async #catchUp(): Promise<Revision> {
    const { port, prefix } = this.#options;
    const { clusterId, revision } = await port.state(prefix);
    if (this.#told !== undefined && clusterId === this.#clusterId && revision >= this.#told) return this.#told;
    this.#clusterId = clusterId;
    const list = await port.list(prefix);
    this.#told = list.revision;
    this.#tell({ kind: "reset", list });
    return list.revision;
  }

  /** Follows the changes until the stream is lost, which rejects, or history is missing or the watch closed, which resolves. */
  async #follow(from: Revision): Promise<void> {
    const { port, prefix, clock, log } = this.#options;
    const { signal } = this.#closing;
    const { promise, settle } = settleable();
    let heardMs = clock.nowMs();
    let isOver = false;
    const stream = await port.open(prefix, from, (answer) => {
      // What a stream that was given up still brings would come out of turn.
      if (isOver) return;
      heardMs = clock.nowMs();
      switch (answer.kind) {
        case "created":
          this.#backoffMs = LIMITS.topoWatchRetryMinMs;
          return;
        case "changes":
          this.#take(answer.changes);
          return;
        case "compacted":
          log.warn({ prefix }, "watch history was compacted; reading everything anew");
          this.#told = undefined;
          settle();
          return;
        case "ended":
          settle(answer.error);
          return;
      }
    });
    let beat: Timer | undefined;
    const pulse = (): void => {
      if (clock.nowMs() - heardMs > LIMITS.topoWatchSilenceMs) {
        settle(unavailable("the watch has gone silent"));
        return;
      }
      stream.ask();
      beat = clock.after(LIMITS.topoWatchProgressMs / 2, pulse);
    };
    const stop = (): void => settle();
    signal.addEventListener("abort", stop);
    if (signal.aborted) stop();
    else beat = clock.after(LIMITS.topoWatchProgressMs / 2, pulse);
    let isFault = true;
    try {
      await promise;
      isFault = false;
    } finally {
      isOver = true;
      beat?.cancel();
      signal.removeEventListener("abort", stop);
      stream.close(isFault);
    }
  }

  #take(all: readonly TopoChange[]): void {
    const told = this.#told ?? 0;
    const changes = all.filter((change) => revisionOf(change) > told);
    const last = changes.at(-1);
    if (last === undefined) {
      this.#tell({ kind: "progress" });
      return;
    }
    const revision = revisionOf(last);
    this.#told = revision;
    this.#tell({ kind: "changes", changes, revision });
  }

  #tell(event: TopoWatchEvent): void {
    if (this.#closing.signal.aborted) return;
    try {
      this.#options.listener(event);
    } catch (error) {
      this.#options.log.error({ error: messageOf(error) }, "the listener of a watch failed");
    }
  }
}

function revisionOf(change: TopoChange): Revision {
  return change.kind === "put" ? change.entry.revision : change.revision;
}

/** A promise that `settle` rejects with an error, or resolves without one; the first call counts. */
function settleable(): { readonly promise: Promise<void>; readonly settle: (error?: Error) => void } {
  let settle: (error?: Error) => void = () => {};
  const promise = new Promise<void>((resolve, reject) => {
    settle = (error) => (error === undefined ? resolve() : reject(error));
  });
  // It may be settled before anyone waits for it.
  promise.catch(() => undefined);
  return { promise, settle };
}
