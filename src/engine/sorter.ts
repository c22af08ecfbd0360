// Sorts keyed rows of any number: small runs are sorted as they fill up, so that the event loop never waits for a large
// sort; above the memory bound they are merged into a run on disk; at the end all runs are merged. Equal keys keep the
// order in which they came.

import { LIMITS } from "../base/limits.ts";
import { type KeyedRows, mergeOrdered, type SortedStream } from "./ordered-merge.ts";
import { sliceRows } from "./row-batch.ts";
import type { SpillArea } from "./spill.ts";

export interface SorterOptions {
  readonly spill: SpillArea;
  /** Bytes kept in memory. */
  readonly memoryBytesMax?: number;
  /** Only this many rows are wanted: the first ones in order. */
  readonly rowsMax?: number;
}

const RUN_ROWS = 4096;
const RUN_BYTES = 1024 * 1024;
/** What a row costs beside its bytes. */
const ROW_OVERHEAD_BYTES = 64;
/** Runs that are merged at once; each takes a read buffer. */
const DISK_RUNS_MAX = 128;

export class Sorter {
  readonly #spill: SpillArea;
  readonly #memoryBytesMax: number;
  readonly #rowsMax: number;
  #run = new MemoryRun();
  #memoryRuns: MemoryRun[] = [];
  #diskRuns: SortedStream[] = [];
  #memoryBytes = 0;

  constructor(options: SorterOptions) {
    this.#spill = options.spill;
    this.#memoryBytesMax = options.memoryBytesMax ?? LIMITS.mergeMemoryBytesMax;
    this.#rowsMax = options.rowsMax ?? Number.POSITIVE_INFINITY;
  }

  /** The row is copied. `relieve` has to be called now and then. */
  add(key: string, bytes: Buffer, start: number, end: number): void {
    this.#run.add(key, bytes, start, end);
    if (this.#run.rowCount >= RUN_ROWS || this.#run.heldBytes >= RUN_BYTES) this.#closeRun();
  }

  /** Writes to disk what is too much for memory. */
  async relieve(): Promise<void> {
    if (this.#memoryBytes > this.#memoryBytesMax) await this.spillAll();
  }

  /** Writes everything to disk. */
  async spillAll(): Promise<void> {
    this.#closeRun();
    if (this.#memoryRuns.length === 0) return;
    const runs = this.#memoryRuns;
    this.#memoryRuns = [];
    this.#memoryBytes = 0;
    this.#diskRuns.push(await this.#spill.write(firstRows(mergeOrdered(runs), this.#rowsMax)));
    if (this.#diskRuns.length < DISK_RUNS_MAX) return;
    const all = this.#diskRuns;
    this.#diskRuns = [];
    this.#diskRuns.push(await this.#spill.write(firstRows(mergeOrdered(all), this.#rowsMax)));
  }

  /** All rows in order; once, and nothing may be added any more. */
  async *sorted(): AsyncGenerator<KeyedRows> {
    this.#closeRun();
    const runs = [...this.#diskRuns, ...this.#memoryRuns];
    this.#diskRuns = [];
    this.#memoryRuns = [];
    yield* firstRows(mergeOrdered(runs), this.#rowsMax);
  }

  #closeRun(): void {
    const run = this.#run;
    if (run.rowCount === 0) return;
    this.#run = new MemoryRun();
    run.close(this.#rowsMax);
    this.#memoryRuns.push(run);
    this.#memoryBytes += run.heldBytes;
  }
}

async function* firstRows(batches: AsyncIterable<KeyedRows>, rowsMax: number): AsyncGenerator<KeyedRows> {
  let left = rowsMax;
  for await (const batch of batches) {
    if (batch.keys.length >= left) {
      if (left > 0) yield { keys: batch.keys.slice(0, left), ...sliceRows(batch, 0, left) };
      return;
    }
    left -= batch.keys.length;
    yield batch;
  }
}

/** Rows in one piece of memory. */
class MemoryRun implements SortedStream {
  key = "";
  bytes: Buffer = Buffer.allocUnsafeSlow(16 * 1024);
  start = 0;
  end = 0;
  /** What the run costs. */
  heldBytes = 0;
  #keys: string[] = [];
  /** Where each row ends; it begins where the one before ends. */
  #ends: number[] = [];
  #filled = 0;
  #order: readonly number[] = [];
  #next = 0;

  get rowCount(): number {
    return this.#keys.length;
  }

  add(key: string, bytes: Buffer, start: number, end: number): void {
    const need = this.#filled + end - start;
    if (need > this.bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(need, 2 * this.bytes.length));
      this.bytes.copy(grown, 0, 0, this.#filled);
      this.bytes = grown;
    }
    bytes.copy(this.bytes, this.#filled, start, end);
    this.#filled = need;
    this.#keys.push(key);
    this.#ends.push(need);
    this.heldBytes += end - start + key.length + ROW_OVERHEAD_BYTES;
  }

  /** Sorts; only the first `rowsMax` rows stay. */
  close(rowsMax: number): void {
    const keys = this.#keys;
    const order = Array.from(keys, (_, index) => index);
    order.sort((a, b) => {
      const left = keys[a] as string;
      const right = keys[b] as string;
      return left < right ? -1 : left > right ? 1 : a - b;
    });
    this.#order = order;
    if (order.length > rowsMax) this.#keep(order.slice(0, rowsMax));
  }

  step(): boolean {
    const index = this.#order[this.#next];
    if (index === undefined) return false;
    this.#next++;
    this.key = this.#keys[index] as string;
    this.start = index === 0 ? 0 : (this.#ends[index - 1] as number);
    this.end = this.#ends[index] as number;
    return true;
  }

  more(): Promise<boolean> {
    return Promise.resolve(this.step());
  }

  /** Makes the run one of these rows alone, in this order. */
  #keep(order: readonly number[]): void {
    const { bytes } = this;
    const keys = this.#keys;
    const ends = this.#ends;
    const kept = order.map((index) => ({
      key: keys[index] as string,
      start: index === 0 ? 0 : (ends[index - 1] as number),
      end: ends[index] as number,
    }));
    this.bytes = Buffer.allocUnsafeSlow(kept.reduce((sum, { start, end }) => sum + end - start, 0));
    this.heldBytes = 0;
    this.#filled = 0;
    this.#keys = [];
    this.#ends = [];
    for (const { key, start, end } of kept) this.add(key, bytes, start, end);
    this.#order = kept.map((_, index) => index);
  }
}
