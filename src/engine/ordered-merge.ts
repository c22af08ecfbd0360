// N sorted streams of keyed rows as one sorted stream: a binary heap of the streams by their current row's key. Equal keys
// come in the order of the streams, and in each stream's own order. A stream is asked for more only when its last row has
// gone out, so that none is read further than needed.

import { assert } from "../base/assert.ts";
import { BATCH_BYTES, BATCH_ROWS, type Rows } from "./row-batch.ts";

/** A sorted stream that stands on one of its rows, `bytes[start, end)`. */
export interface SortedStream {
  /** Of the current row; see KeyBytes. */
  readonly key: string;
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  /** Steps to the next row that is here already; false when there is none. */
  step(): boolean;
  /** Waits for more rows and steps to the first; false at the end of the stream. */
  more(): Promise<boolean>;
}

export interface KeyedRows extends Rows {
  readonly keys: readonly string[];
}

/**
 * Batches bounded in rows and bytes; a row alone may be larger. Before the first row every stream is waited for. `onRow` is
 * told of each row's stream, in the order of the rows.
 */
export async function* mergeOrdered<S extends SortedStream>(
  streams: readonly S[],
  onRow?: (stream: S) => void,
): AsyncGenerator<KeyedRows> {
  const begun = await Promise.all(streams.map((stream) => stream.more()));
  const heap = new StreamHeap(streams.filter((_, index) => begun[index]));
  let batch = noRows();
  let bytes = 0;
  while (heap.size > 0) {
    const { top } = heap;
    onRow?.(top);
    batch.keys.push(top.key);
    batch.buffers.push(top.bytes);
    batch.starts.push(top.start);
    batch.ends.push(top.end);
    bytes += top.end - top.start;
    const hasNext = top.step();
    if (!hasNext || bytes >= BATCH_BYTES || batch.ends.length >= BATCH_ROWS) {
      // What is merged already need not wait for the stream.
      yield batch;
      batch = noRows();
      bytes = 0;
      if (!hasNext && !(await top.more())) {
        heap.removeTop();
        continue;
      }
    }
    heap.topChanged();
  }
}

function noRows(): { keys: string[]; buffers: Buffer[]; starts: number[]; ends: number[] } {
  return { keys: [], buffers: [], starts: [], ends: [] };
}

/** Streams by key, and by their place for equal keys. */
class StreamHeap<S extends SortedStream> {
  readonly #streams: S[];
  readonly #places = new Map<SortedStream, number>();

  constructor(streams: readonly S[]) {
    this.#streams = [...streams];
    for (const [place, stream] of streams.entries()) this.#places.set(stream, place);
    for (let at = (streams.length >> 1) - 1; at >= 0; at--) this.#sink(at);
  }

  get size(): number {
    return this.#streams.length;
  }

  get top(): S {
    const [top] = this.#streams;
    assert(top !== undefined, "a heap that is asked for its top has streams");
    return top;
  }

  topChanged(): void {
    this.#sink(0);
  }

  removeTop(): void {
    const last = this.#streams.pop();
    if (last === undefined || this.#streams.length === 0) return;
    this.#streams[0] = last;
    this.#sink(0);
  }

  #sink(from: number): void {
    const streams = this.#streams;
    const sinking = streams[from] as S;
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= streams.length) break;
      if (child + 1 < streams.length && this.#isBefore(streams[child + 1], streams[child])) child++;
      if (!this.#isBefore(streams[child], sinking)) break;
      streams[at] = streams[child] as S;
      at = child;
    }
    streams[at] = sinking;
  }

  #isBefore(a: SortedStream | undefined, b: SortedStream | undefined): boolean {
    if (a === undefined || b === undefined) return false;
    if (a.key !== b.key) return a.key < b.key;
    return (this.#places.get(a) ?? 0) < (this.#places.get(b) ?? 0);
  }
}
