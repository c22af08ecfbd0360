// Rows that differ in their keys, each once, the first that came. What is new goes on at once, as long as the keys seen
// fit in memory; after that, rows with keys not seen before go to disk, sorted by key, and follow at the end.

import { LIMITS } from "../base/limits.ts";
import type { ColumnDefinition } from "../mysql/packets/column-definition.ts";
import type { RowKeys } from "./merge-keys.ts";
import type { KeyedBatch } from "./ordered-merge.ts";
import { RowColumns } from "./row-columns.ts";
import type { RowBatch } from "./shard-rows.ts";
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
    await acceptFirst(keys, batch);
    columns = batch.columns;
    const rows: Buffer[] = [];
    for (const row of batch.rows) {
      view.read(row);
      const key = keys.keyOf(view);
      if (seen.has(key)) continue;
      if (rest !== undefined) rest.add(key, row);
      else {
        seen.add(key);
        rows.push(row);
        seenBytes += key.length + KEY_OVERHEAD_BYTES;
        if (seenBytes > memoryBytesMax) rest = new Sorter({ spill, memoryBytesMax });
      }
    }
    if (rows.length > 0) yield { columns, rows };
    await rest?.relieve();
  }
  if (rest === undefined) return;
  seen.clear();
  const different = firstOfEach(rest.sorted());
  if (order === undefined) for await (const rows of different) yield { columns, rows };
  else yield* sortedRows(batchesOf(different, columns), { keys: order, spill, memoryBytesMax });
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
    await acceptFirst(keys, batch);
    columns = batch.columns;
    for (const row of batch.rows) {
      view.read(row);
      sorter.add(keys.keyOf(view), row);
    }
    await sorter.relieve();
  }
  for await (const { rows } of sorter.sorted()) yield { columns, rows };
}

async function acceptFirst(keys: RowKeys, { columns, rows }: RowBatch): Promise<void> {
  const [first] = rows;
  if (first !== undefined) await keys.accept(columns, first);
}

async function* firstOfEach(batches: AsyncIterable<KeyedBatch>): AsyncGenerator<Buffer[]> {
  let last: string | undefined;
  for await (const { keys, rows } of batches) {
    const different = rows.filter((_, index) => {
      const key = keys[index];
      const isNew = key !== last;
      last = key;
      return isNew;
    });
    if (different.length > 0) yield different;
  }
}

async function* batchesOf(
  source: AsyncIterable<Buffer[]>,
  columns: readonly ColumnDefinition[],
): AsyncGenerator<RowBatch> {
  for await (const rows of source) yield { columns, rows };
}
