// Rows of a stream, many at a time: packet payloads in one piece of memory, by where they begin and end. No object a row:
// a million of them would be most of what the garbage collector has to do.

import type { ColumnDefinition } from "../mysql/packets/column-definition.ts";

/** Row `i` is `bytes[starts[i], ends[i])`. */
export interface Rows {
  readonly bytes: Buffer;
  readonly starts: readonly number[];
  readonly ends: readonly number[];
}

/** Rows of one stream, in its order; at least one. The memory may be shared, and is not changed. */
export interface RowBatch extends Rows {
  /** The same object for all batches of a stream. */
  readonly columns: readonly ColumnDefinition[];
}

export const BATCH_ROWS = 512;
export const BATCH_BYTES = 64 * 1024;

/** A slice of the batch's memory. */
export function rowAt({ bytes, starts, ends }: Rows, index: number): Buffer {
  return bytes.subarray(starts[index], ends[index]);
}

/** Some of the rows of a batch, by their places. */
export function selectRows({ bytes, starts, ends }: Rows, places: readonly number[]): Rows {
  return {
    bytes,
    starts: places.map((place) => starts[place] as number),
    ends: places.map((place) => ends[place] as number),
  };
}

/** The rows from place `from` up to `to`, not included. */
export function sliceRows(rows: Rows, from: number, to: number): Rows {
  if (from === 0 && to >= rows.ends.length) return rows;
  return { bytes: rows.bytes, starts: rows.starts.slice(from, to), ends: rows.ends.slice(from, to) };
}

/** Copies rows together, one batch after the other. */
export class RowCopier {
  #bytes = EMPTY;
  #filled = 0;
  #starts: number[] = [];
  #ends: number[] = [];

  get isEmpty(): boolean {
    return this.#ends.length === 0;
  }

  /** The batch is large enough to be handed on. */
  get isFull(): boolean {
    return this.#ends.length >= BATCH_ROWS || this.#filled >= BATCH_BYTES;
  }

  add(bytes: Buffer, start: number, end: number): void {
    const need = this.#filled + end - start;
    if (need > this.#bytes.length) this.#grow(need);
    bytes.copy(this.#bytes, this.#filled, start, end);
    this.#starts.push(this.#filled);
    this.#ends.push(need);
    this.#filled = need;
  }

  /** Further rows go to other memory. */
  take(): Rows {
    const rows = { bytes: this.#bytes, starts: this.#starts, ends: this.#ends };
    this.#bytes = EMPTY;
    this.#filled = 0;
    this.#starts = [];
    this.#ends = [];
    return rows;
  }

  #grow(need: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(need, 2 * this.#bytes.length, FIRST_BYTES));
    this.#bytes.copy(grown, 0, 0, this.#filled);
    this.#bytes = grown;
  }
}

const EMPTY: Buffer = Buffer.alloc(0);
const FIRST_BYTES = 4 * 1024;
