// Rows that differ in their keys, each once, the first that came. What is new goes on at once, as long as the keys seen
// fit in memory; after that, rows with keys not seen before go to disk, sorted by key, and follow at the end.

import { LIMITS } from "../base/limits.ts";
import type { ColumnDefinition } from "../mysql/packets/column-definition.ts";
import type { RowKeys } from "./merge-keys.ts";
import type { KeyedRows } from "./ordered-merge.ts";
import { type RowBatch, selectRows } from "./row-batch.ts";
import { RowColumns } from "./row-columns.ts";
import { Sorter } from "./sorter.ts";
import type { SpillArea } from "./spill.ts";

export interface DistinctOptions {
  readonly keys: RowKeys;
  /** The order in which the rows come, which has to be kept; undefined: none. */
  readonly order: RowKeys | undefined;
  readonly spill: SpillArea;
  readonly memoryBytesMax?: number;
}

/** What a key costs in a Set beside its bytes. */
const KEY_OVERHEAD_BYTES = 48;

export async function* distinctRows(
  source: AsyncIterable<RowBatch>,
  options: DistinctOptions,
): AsyncGenerator<RowBatch> {
  const { keys, order, spill } = options;
  const memoryBytesMax = options.memoryBytesMax ?? LIMITS.mergeMemoryBytesMax;
  const seen = new Set<string>();
  let seenBytes = 0;
  let rest: Sorter | undefined;
  let columns: readonly ColumnDefinition[] = [];
  const view = new RowColumns(keys.columnCount);
  for await (const batch of source) {
    await keys.accept(batch);
    const { buffers, starts, ends } = batch;
    columns = batch.columns;
    const places: number[] = [];
    for (let at = 0; at < ends.length; at++) {
      const bytes = buffers[at] as Buffer;
      const start = starts[at] as number;
      const end = ends[at] as number;
      view.read(bytes, start, end);
      const key = keys.keyOf(view);
      if (seen.has(key)) continue;
      if (rest !== undefined) rest.add(key, bytes, start, end);
      else {
        seen.add(key);
        places.push(at);
        seenBytes += key.length + KEY_OVERHEAD_BYTES;
        if (seenBytes > memoryBytesMax) rest = new Sorter({ spill, memoryBytesMax });
      }
    }
    if (places.length > 0) yield { columns, ...selectRows(batch, places) };
    await rest?.relieve();
  }
  if (rest === undefined) return;
  seen.clear();
  const different = firstOfEach(rest.sorted(), columns);
  if (order === undefined) yield* different;
  else yield* sortedRows(different, { keys: order, spill, memoryBytesMax });
}

export interface SortOptions {
  readonly keys: RowKeys;
  readonly spill: SpillArea;
  readonly memoryBytesMax?: number;
  /** Only the first so many are wanted. */
  readonly rowsMax?: number;
}

/** All rows, in the order of their keys; equal ones as they came. */
export async function* sortedRows(source: AsyncIterable<RowBatch>, options: SortOptions): AsyncGenerator<RowBatch> {
  const { keys, ...rest } = options;
  const sorter = new Sorter(rest);
  const view = new RowColumns(keys.columnCount);
  let columns: readonly ColumnDefinition[] = [];
  for await (const batch of source) {
    await keys.accept(batch);
    const { buffers, starts, ends } = batch;
    columns = batch.columns;
    for (let at = 0; at < ends.length; at++) {
      const bytes = buffers[at] as Buffer;
      const start = starts[at] as number;
      const end = ends[at] as number;
      view.read(bytes, start, end);
      sorter.add(keys.keyOf(view), bytes, start, end);
    }
    await sorter.relieve();
  }
  for await (const { buffers, starts, ends } of sorter.sorted()) yield { columns, buffers, starts, ends };
}

/** Of rows with equal keys, which stand together, the first. */
async function* firstOfEach(
  batches: AsyncIterable<KeyedRows>,
  columns: readonly ColumnDefinition[],
): AsyncGenerator<RowBatch> {
  let last: string | undefined;
  for await (const batch of batches) {
    const places: number[] = [];
    for (const [place, key] of batch.keys.entries()) {
      if (key !== last) places.push(place);
      last = key;
    }
    if (places.length > 0) yield { columns, ...selectRows(batch, places) };
  }
}
