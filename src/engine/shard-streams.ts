// The answers of several shards as one stream: in any order as they arrive, or merged by the order that each has.

import type { ColumnDefinition } from "../mysql/packets/column-definition.ts";
import type { RowKeys } from "./merge-keys.ts";
import { mergeOrdered, type SortedStream } from "./ordered-merge.ts";
import type { RowBatch } from "./row-batch.ts";
import { RowColumns } from "./row-columns.ts";
import type { ShardRows } from "./shard-rows.ts";

/** Told whose the next rows of a stream are. */
export type OnRows = (shard: ShardRows, rows: number) => void;

/** Whatever shard's rows are there next; at most `concurrencyMax` shards are asked at a time. */
export async function* inAnyOrder(
  shards: readonly ShardRows[],
  concurrencyMax: number,
  start: (shard: ShardRows) => void,
  onRows?: OnRows,
): AsyncGenerator<RowBatch> {
  const waiting = [...shards];
  const running: ShardRows[] = [];
  const startMore = (): void => {
    while (running.length < concurrencyMax) {
      const next = waiting.shift();
      if (next === undefined) return;
      running.push(next);
      start(next);
    }
  };
  startMore();
  while (running.length > 0) {
    let hasProgress = false;
    for (const shard of running.slice()) {
      const batch = shard.take();
      if (batch !== undefined) {
        hasProgress = true;
        onRows?.(shard, batch.ends.length);
        yield batch;
      } else if (shard.isDrained) {
        hasProgress = true;
        running.splice(running.indexOf(shard), 1);
        startMore();
      }
    }
    if (!hasProgress) {
      await new Promise<void>((resolve) => {
        for (const shard of running) shard.onReady(resolve);
      });
    }
  }
}

/**
 * Rows in the order of `keys`, in which each shard sends its own. All shards are asked at once: the first row needs one of
 * each. Their number is the keyspace's, and each is held to its call's credit.
 */
export async function* inOrder(
  shards: readonly ShardRows[],
  keys: RowKeys,
  start: (shard: ShardRows) => void,
  onRows?: OnRows,
): AsyncGenerator<RowBatch> {
  for (const shard of shards) start(shard);
  const streams = shards.map((shard) => new SortedShard(shard, keys));
  const onRow = onRows === undefined ? undefined : (stream: SortedShard): void => onRows(stream.shard, 1);
  let columns: readonly ColumnDefinition[] | undefined;
  for await (const { buffers, starts, ends } of mergeOrdered(streams, onRow)) {
    columns ??= streams.find((stream) => stream.columns !== undefined)?.columns ?? [];
    yield { columns, buffers, starts, ends };
  }
}

class SortedShard implements SortedStream {
  key = "";
  bytes: Buffer = Buffer.alloc(0);
  start = 0;
  end = 0;
  columns: readonly ColumnDefinition[] | undefined;
  readonly shard: ShardRows;
  readonly #keys: RowKeys;
  readonly #view: RowColumns;
  #buffers: readonly Buffer[] = [];
  #starts: readonly number[] = [];
  #ends: readonly number[] = [];
  #next = 0;

  constructor(shard: ShardRows, keys: RowKeys) {
    this.shard = shard;
    this.#keys = keys;
    this.#view = new RowColumns(keys.columnCount);
  }

  step(): boolean {
    if (this.#next === this.#ends.length) return false;
    this.bytes = this.#buffers[this.#next] as Buffer;
    this.start = this.#starts[this.#next] as number;
    this.end = this.#ends[this.#next] as number;
    this.#next++;
    this.#view.read(this.bytes, this.start, this.end);
    this.key = this.#keys.keyOf(this.#view);
    return true;
  }

  async more(): Promise<boolean> {
    const batch = await this.shard.next();
    if (batch === undefined) return false;
    if (this.columns === undefined) {
      this.columns = batch.columns;
      await this.#keys.accept(batch);
    }
    this.#buffers = batch.buffers;
    this.#starts = batch.starts;
    this.#ends = batch.ends;
    this.#next = 0;
    return this.step();
  }
}
