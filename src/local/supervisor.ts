// Keeps the processes of a local cluster running: one that dies is started again with a growing back-off; `stop` ends
// all in the reverse order of their tiers, once, also in the middle of a start.
//
//   starting ──► running ──► waiting (back-off) ──► starting …
//       └──────────┴────────────┴──► stopped

import { assert } from "../base/assert.ts";
import { messageOf, ShardgateError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { exitText, type RunningProcess } from "./process.ts";

/** Stopped from the first to the last; processes of one tier are stopped together. */
export const TIERS = ["gateway", "tablet", "topology connection", "replica mysqld", "mysqld", "topology"] as const;
export type Tier = (typeof TIERS)[number];

export interface SupervisedSpec<T extends RunningProcess> {
  readonly tier: Tier;
  readonly name: string;
  /** Starts it; resolves when it serves. Called again after it died, and must then use the same addresses. */
  readonly start: (signal: AbortSignal, again: T | undefined) => Promise<T>;
  /** Runs after each start but the first: what a fresh process has to be told. */
  readonly restarted?: (process: T) => Promise<void>;
}

export interface Supervised<T extends RunningProcess> {
  readonly tier: Tier;
  readonly name: string;
  /** The process that runs now, or the one that ran last. */
  current(): T;
}

interface Entry {
  readonly tier: Tier;
  readonly name: string;
  phase: Phase;
}

type Phase =
  | { readonly kind: "starting" }
  | { readonly kind: "running"; readonly process: RunningProcess }
  | { readonly kind: "waiting"; readonly timer: NodeJS.Timeout }
  | { readonly kind: "stopped" };

const EDGES: Readonly<Record<Phase["kind"], readonly Phase["kind"][]>> = {
  starting: ["running", "waiting", "stopped"],
  running: ["waiting", "stopped"],
  waiting: ["starting", "stopped"],
  stopped: ["stopped"],
};

const BACKOFF_MIN_MS = 200;
const BACKOFF_MAX_MS = 5_000;
/** A process that ran this long before it died is restarted with the shortest back-off again. */
const STEADY_MS = 30_000;

export class Supervisor {
  private readonly entries: Entry[] = [];
  private readonly abort = new AbortController();
  private readonly pending = new Set<Promise<unknown>>();
  private readonly log: Log;
  private stopping: Promise<void> | undefined;

  constructor(log: Log) {
    this.log = log;
  }

  /** Aborted when `stop` has been called. */
  get signal(): AbortSignal {
    return this.abort.signal;
  }

  /** Starts a process and keeps it running. Throws when the first start fails; nothing is left of it then. */
  async add<T extends RunningProcess>(spec: SupervisedSpec<T>): Promise<Supervised<T>> {
    this.refuseWhenStopping();
    const entry: Entry = { tier: spec.tier, name: spec.name, phase: { kind: "starting" } };
    this.entries.push(entry);
    let current: T;
    try {
      current = await this.track(spec.start(this.abort.signal, undefined));
    } catch (error) {
      transition(entry, { kind: "stopped" });
      this.refuseWhenStopping();
      throw error;
    }
    let backoffMs = BACKOFF_MIN_MS;
    const watch = (running: T) => {
      const sinceMs = performance.now();
      current = running;
      if (this.abort.signal.aborted) {
        void this.track(running.stop());
        return;
      }
      transition(entry, { kind: "running", process: running });
      void running.exited.then((exit) => {
        if (entry.phase.kind !== "running") return;
        if (performance.now() - sinceMs > STEADY_MS) backoffMs = BACKOFF_MIN_MS;
        this.log.warn({ process: spec.name, exit: exitText(exit), backoffMs }, "a process died; it will be restarted");
        again();
      });
    };
    const again = () => {
      const timer = setTimeout(() => {
        transition(entry, { kind: "starting" });
        void this.track(restart());
      }, backoffMs);
      transition(entry, { kind: "waiting", timer });
      backoffMs = Math.min(backoffMs * 2, BACKOFF_MAX_MS);
    };
    const restart = async () => {
      try {
        const running = await spec.start(this.abort.signal, current);
        watch(running);
        await spec.restarted?.(running);
        this.log.info({ process: spec.name, childPid: running.pid }, "the process is back");
      } catch (error) {
        if (entry.phase.kind === "stopped" || this.abort.signal.aborted) return;
        this.log.error({ process: spec.name, error: messageOf(error) }, "the process could not be restarted");
        if (entry.phase.kind === "starting") again();
      }
    };
    watch(current);
    this.refuseWhenStopping();
    return { tier: spec.tier, name: spec.name, current: () => current };
  }

  /** Stops everything, tier after tier. May be called at any time and more than once. */
  stop(): Promise<void> {
    this.stopping ??= this.stopAll();
    return this.stopping;
  }

  private async stopAll(): Promise<void> {
    this.abort.abort();
    for (const tier of TIERS) {
      await Promise.all(
        this.entries.map(async (entry) => {
          if (entry.tier !== tier) return;
          const { phase } = entry;
          transition(entry, { kind: "stopped" });
          if (phase.kind === "waiting") clearTimeout(phase.timer);
          if (phase.kind === "running") await phase.process.stop();
        }),
      );
    }
    // Starts that were under way end by the signal; their processes are stopped before they settle.
    while (this.pending.size > 0) await Promise.allSettled(this.pending);
  }

  private refuseWhenStopping(): void {
    if (this.abort.signal.aborted) throw new ShardgateError("CANCELLED", "the start was interrupted");
  }

  private track<T>(work: Promise<T>): Promise<T> {
    this.pending.add(work);
    const done = () => {
      this.pending.delete(work);
    };
    work.then(done, done);
    return work;
  }
}

function transition(entry: Entry, next: Phase): void {
  assert(EDGES[entry.phase.kind].includes(next.kind), `${entry.name}: ${entry.phase.kind} to ${next.kind}`);
  entry.phase = next;
}
