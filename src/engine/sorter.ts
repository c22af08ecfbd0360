// Sorts keyed rows of any number: small runs are sorted as they fill up, so that the event loop never waits for a large
// sort; above the memory bound they are merged into a run on disk; at the end all runs are merged. Equal keys keep the
// order in which they came.

import { LIMITS } from "../base/limits.ts";
import { type KeyedBatch, mergeOrdered, type SortedStream } from "./ordered-merge.ts";
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
  add(key: string, row: Buffer): void {
    this.#run.add(key, row);
    if (this.#run.rowCount >= RUN_ROWS || this.#run.bytes >= RUN_BYTES) this.#closeRun();
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
  async *sorted(): AsyncGenerator<KeyedBatch> {
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
    this.#memoryBytes += run.bytes;
  }
}

async function* firstRows(batches: AsyncIterable<KeyedBatch>, rowsMax: number): AsyncGenerator<KeyedBatch> {
  let left = rowsMax;
  for await (const batch of batches) {
    if (batch.rows.length >= left) {
      if (left > 0) yield { keys: batch.keys.slice(0, left), rows: batch.rows.slice(0, left) };
      return;
    }
    left -= batch.rows.length;
    yield batch;
  }
}

/** Rows in one piece of memory. */
class MemoryRun implements SortedStream {
  key = "";
  row: Buffer = Buffer.alloc(0);
  bytes = 0;
  readonly #keys: string[] = [];
  /** Where each row ends in `#slab`. */
  readonly #ends: number[] = [];
  #slab = Buffer.allocUnsafe(16 * 1024);
  #filled = 0;
  #order: number[] = [];
  #next = 0;

  get rowCount(): number {
    return this.#keys.length;
  }

  add(key: string, row: Buffer): void {
    const need = this.#filled + row.length;
    if (need > this.#slab.length) {
      const grown = Buffer.allocUnsafe(Math.max(need, 2 * this.#slab.length));
      this.#slab.copy(grown, 0, 0, this.#filled);
      this.#slab = grown;
    }
    row.copy(this.#slab, this.#filled);
    this.#filled = need;
    this.#keys.push(key);
    this.#ends.push(need);
    this.bytes += row.length + key.length + ROW_OVERHEAD_BYTES;
  }

  /** Sorts; the first `rowsMax` rows stay. */
  close(rowsMax: number): void {
    const keys = this.#keys;
    const order = Array.from(keys, (_, index) => index);
    order.sort((a, b) => {
      const left = keys[a] as string;
      const right = keys[b] as string;
      return left < right ? -1 : left > right ? 1 : a - b;
    });
    if (order.length <= rowsMax) {
      this.#order = order;
      return;
    }
    // Only what stays is kept in memory.
    const kept = order.slice(0, rowsMax);
    const rows = kept.map((index) => this.#rowAt(index));
    const keptKeys = kept.map((index) => keys[index] as string);
    const slab = Buffer.concat(rows);
    this.#keys.length = 0;
    this.#ends.length = 0;
    this.bytes = 0;
    this.#slab = slab;
    this.#filled = 0;
    for (const [index, row] of rows.entries()) {
      this.#filled += row.length;
      this.#keys.push(keptKeys[index] as string);
      this.#ends.push(this.#filled);
      this.bytes += row.length + (keptKeys[index] as string).length + ROW_OVERHEAD_BYTES;
    }
    this.#order = kept.map((_, index) => index);
  }

  step(): boolean {
    const index = this.#order[this.#next];
    if (index === undefined) return false;
    this.#next++;
    this.key = this.#keys[index] as string;
    this.row = this.#rowAt(index);
    return true;
  }

  more(): Promise<boolean> {
    return Promise.resolve(this.step());
  }

  #rowAt(index: number): Buffer {
    return this.#slab.subarray(index === 0 ? 0 : this.#ends[index - 1], this.#ends[index]);
  }
}
