// Metrics of workers over their deaths: a counter that fell when a process ended would be taken for one that began anew,
// and all the others would count twice. What a process told last goes on counting when it has gone.

import { type MetricsSnapshot, withPastCounters } from "../base/process-metrics.ts";

export interface ToldMetrics {
  readonly worker: number;
  /** Undefined while the worker has no process. */
  readonly pid: number | undefined;
  /** Undefined: it did not answer. */
  readonly snapshot: MetricsSnapshot | undefined;
}

export class MetricsMemory {
  readonly #last = new Map<number, { readonly pid: number; readonly snapshot: MetricsSnapshot }>();
  #past: MetricsSnapshot | undefined;
  /** One after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  /** All there is to be merged, of all workers. */
  with(told: readonly ToldMetrics[]): Promise<readonly MetricsSnapshot[]> {
    const merged = this.#turn.then(() => this.#merge(told));
    this.#turn = merged.catch(() => undefined);
    return merged;
  }

  async #merge(told: readonly ToldMetrics[]): Promise<readonly MetricsSnapshot[]> {
    const current: MetricsSnapshot[] = [];
    for (const { worker, pid, snapshot } of told) {
      const last = this.#last.get(worker);
      if (last !== undefined && last.pid !== pid) {
        this.#last.delete(worker);
        this.#past = await withPastCounters(this.#past, last.snapshot);
      }
      if (pid !== undefined && snapshot !== undefined) this.#last.set(worker, { pid, snapshot });
      const known = this.#last.get(worker);
      if (known !== undefined) current.push(known.snapshot);
    }
    return this.#past === undefined ? current : [this.#past, ...current];
  }
}
