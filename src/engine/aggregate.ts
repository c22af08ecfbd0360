// Partial rows of groups become one row a group: a hash table of groups. When it outgrows its memory, groups that are in
// it go on there, and partial rows of others go to disk sorted by group, to be added up one group after the other at the
// end. Without group keys there is exactly one row, also when no partial row came.

import { LIMITS } from "../base/limits.ts";
import { BufferWriter } from "../mysql/codec.ts";
import type { ColumnDefinition } from "../mysql/packets/column-definition.ts";
import type { Aggregation } from "../plan/merge-plan.ts";
import { type Accumulator, OutputColumn } from "./accumulators.ts";
import { type ComparisonRules, RowKeys } from "./merge-keys.ts";
import { BATCH_ROWS, type RowBatch, rowsOf } from "./row-batch.ts";
import { RowColumns } from "./row-columns.ts";
import { Sorter } from "./sorter.ts";
import type { SpillArea } from "./spill.ts";

export interface AggregateOptions {
  readonly aggregation: Aggregation;
  /** Of the answer's columns. */
  readonly typing: readonly ColumnDefinition[];
  readonly rules: ComparisonRules;
  /** @@div_precision_increment of the session. */
  readonly divisionDecimals: number;
  readonly spill: SpillArea;
  readonly memoryBytesMax?: number;
}

type Group = readonly Accumulator[];

/** What a group costs beside its values. */
const GROUP_OVERHEAD_BYTES = 200;
const ACCUMULATOR_BYTES = 64;

/** Rows with the aggregation's outputs as columns, the groups in the order of their first rows as far as in memory. */
export function aggregatedRows(source: AsyncIterable<RowBatch>, options: AggregateOptions): AsyncGenerator<RowBatch> {
  return new Aggregator(options).rows(source);
}

class Aggregator {
  readonly #options: AggregateOptions;
  readonly #memoryBytesMax: number;
  readonly #keys: RowKeys;
  readonly #outputs: readonly OutputColumn[];
  readonly #view: RowColumns;
  readonly #groups = new Map<string, Group>();
  #heldBytes = 0;
  /** When the groups are relieved next: not for every batch that finds nothing to relieve them of. */
  #relieveAtBytes: number;
  /** Partial rows of groups that are not in the table, once no more go in. */
  #rest: Sorter | undefined;
  #columns: readonly ColumnDefinition[] | undefined;

  constructor(options: AggregateOptions) {
    const { aggregation, rules, spill } = options;
    this.#options = options;
    this.#memoryBytesMax = options.memoryBytesMax ?? LIMITS.mergeMemoryBytesMax;
    this.#relieveAtBytes = this.#memoryBytesMax;
    this.#keys = new RowKeys(aggregation.keys, "equal", rules);
    this.#outputs = aggregation.outputs.map((output) => new OutputColumn(output, rules, spill));
    const counts = this.#outputs.map(({ columnCount }) => columnCount);
    this.#view = new RowColumns(Math.max(this.#keys.columnCount, ...counts));
  }

  async *rows(source: AsyncIterable<RowBatch>): AsyncGenerator<RowBatch> {
    for await (const batch of source) {
      await this.#accept(batch);
      const { buffers, starts, ends } = batch;
      for (let at = 0; at < ends.length; at++) {
        this.#add(buffers[at] as Buffer, starts[at] as number, ends[at] as number);
      }
      if (this.#heldBytes > this.#relieveAtBytes) await this.#relieve();
      await this.#rest?.relieve();
    }
    const { aggregation, typing } = this.#options;
    if (this.#columns === undefined && aggregation.keys.length > 0) return;
    // Without any row the types are those of the answer; hidden columns have a count or NULL.
    const columns = this.#columns ?? this.#outputs.map((output, index) => typing[index] ?? output.emptyDefinition);
    if (this.#columns === undefined) this.#groups.set("", this.#newGroup());
    let rows: Buffer[] = [];
    for await (const row of this.#finished()) {
      rows.push(row);
      if (rows.length < BATCH_ROWS) continue;
      yield { columns, ...rowsOf(rows) };
      rows = [];
    }
    if (rows.length > 0) yield { columns, ...rowsOf(rows) };
  }

  async #accept(batch: RowBatch): Promise<void> {
    await this.#keys.accept(batch);
    for (const output of this.#outputs) await output.accept(batch);
    const { typing, divisionDecimals } = this.#options;
    this.#columns ??= this.#outputs.map((output, index) =>
      output.shownAs(batch.columns, typing[index], divisionDecimals),
    );
  }

  #add(bytes: Buffer, start: number, end: number): void {
    const view = this.#view;
    view.read(bytes, start, end);
    const key = this.#keys.keyOf(view);
    let group = this.#groups.get(key);
    if (group === undefined) {
      if (this.#rest !== undefined) {
        this.#rest.add(key, bytes, start, end);
        return;
      }
      group = this.#newGroup();
      this.#groups.set(key, group);
      this.#heldBytes += GROUP_OVERHEAD_BYTES + 2 * key.length + ACCUMULATOR_BYTES * group.length;
    }
    this.#heldBytes += addTo(group, view);
  }

  async #relieve(): Promise<void> {
    for (const group of this.#groups.values()) this.#heldBytes -= await relieved(group);
    const { spill } = this.#options;
    const memoryBytesMax = this.#memoryBytesMax;
    if (this.#heldBytes > memoryBytesMax / 2) this.#rest ??= new Sorter({ spill, memoryBytesMax });
    this.#relieveAtBytes = this.#heldBytes + memoryBytesMax / 2;
  }

  async *#finished(): AsyncGenerator<Buffer> {
    for (const group of this.#groups.values()) yield await rowOf(group);
    this.#groups.clear();
    if (this.#rest === undefined) return;
    let current: { readonly key: string; readonly group: Group } | undefined;
    let heldBytes = 0;
    for await (const batch of this.#rest.sorted()) {
      const { buffers, starts, ends } = batch;
      for (const [index, key] of batch.keys.entries()) {
        if (current?.key !== key) {
          if (current !== undefined) yield await rowOf(current.group);
          current = { key, group: this.#newGroup() };
          heldBytes = 0;
        }
        this.#view.read(buffers[index] as Buffer, starts[index] as number, ends[index] as number);
        heldBytes += addTo(current.group, this.#view);
      }
      if (current !== undefined && heldBytes > this.#memoryBytesMax) heldBytes -= await relieved(current.group);
    }
    if (current !== undefined) yield await rowOf(current.group);
  }

  #newGroup(): Group {
    return this.#outputs.map((output) => output.accumulator());
  }
}

function addTo(group: Group, row: RowColumns): number {
  let bytes = 0;
  for (const accumulator of group) bytes += accumulator.add(row);
  return bytes;
}

async function relieved(group: Group): Promise<number> {
  let bytes = 0;
  for (const accumulator of group) {
    if (accumulator.relieve !== undefined) bytes += await accumulator.relieve();
  }
  return bytes;
}

async function rowOf(group: Group): Promise<Buffer> {
  const writer = new BufferWriter(64);
  for (const accumulator of group) {
    const done = accumulator.finish(writer);
    if (done !== undefined) await done;
  }
  return writer.finish();
}
