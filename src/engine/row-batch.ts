// Rows of a stream, many at a time: packet payloads by where they lie, in the chunks that they came in. No object a row: a
// million of them would be most of what the garbage collector has to do.

import type { ColumnDefinition } from "../mysql/packets/column-definition.ts";

/** Row `i` is `buffers[i][starts[i], ends[i])`; the memory is not changed any more. */
export interface Rows {
  readonly buffers: readonly Buffer[];
  readonly starts: readonly number[];
  readonly ends: readonly number[];
}

/** Rows of one stream, in its order; at least one. */
export interface RowBatch extends Rows {
  /** The same object for all batches of a stream. */
  readonly columns: readonly ColumnDefinition[];
}

/** What a batch that is put together holds at most, but for a row that is larger alone. */
export const BATCH_ROWS = 512;
export const BATCH_BYTES = 64 * 1024;

/** A slice of the row's memory. */
export function rowAt({ buffers, starts, ends }: Rows, index: number): Buffer {
  return (buffers[index] as Buffer).subarray(starts[index], ends[index]);
}

/** Some of the rows, by their places. */
export function selectRows({ buffers, starts, ends }: Rows, places: readonly number[]): Rows {
  return {
    buffers: places.map((place) => buffers[place] as Buffer),
    starts: places.map((place) => starts[place] as number),
    ends: places.map((place) => ends[place] as number),
  };
}

/** The rows from place `from` up to `to`, not included. */
export function sliceRows(rows: Rows, from: number, to: number): Rows {
  const { buffers, starts, ends } = rows;
  if (from === 0 && to >= ends.length) return rows;
  return { buffers: buffers.slice(from, to), starts: starts.slice(from, to), ends: ends.slice(from, to) };
}

/** Rows that are buffers of their own. */
export function rowsOf(buffers: readonly Buffer[]): Rows {
  return { buffers, starts: buffers.map(() => 0), ends: buffers.map(({ length }) => length) };
}
