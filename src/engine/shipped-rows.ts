// Makes rows tables of a step's rows: all at once within the bounds for shipped rows, or batch after batch. Bounded in
// rows and in bytes of literals.

import { assert } from "../base/assert.ts";
import { LIMITS } from "../base/limits.ts";
import type { ColumnDefinition } from "../mysql/packets/column-definition.ts";
import type { Value } from "../mysql/values.ts";
import { NeedsGather } from "./needs-gather.ts";
import { rowAt, type RowBatch } from "./row-batch.ts";
import { RowColumns } from "./row-columns.ts";
import { ColumnLiterals, type LiteralRules } from "./row-literals.ts";
import { routingValue } from "./rows-routing.ts";
import type { RowsShape, RowsTable } from "./rows-table.ts";

export interface ShippedRows {
  readonly table: RowsTable;
  /** Different values of a column, if it is one that statements are routed by and all of them route. */
  valuesOf(column: string): readonly Value[] | undefined;
  /** The same row by row; equal values are one object. */
  valueOfEach(column: string): readonly Value[] | undefined;
}

export interface ShippingOptions {
  readonly shape: RowsShape;
  /** Of the table's columns. */
  readonly columns: readonly ColumnDefinition[];
  readonly rules: LiteralRules;
  /** Columns whose values are asked for later. */
  readonly routed: ReadonlySet<string>;
  /** Names of the columns' collations. */
  collations(): Promise<readonly string[]>;
  readonly limits?: Partial<ShippingLimits>;
}

export interface ShippingLimits {
  readonly shippedRowsMax: number;
  readonly shippedBytesMax: number;
  readonly shippedBatchRowsMin: number;
  readonly shippedBatchRowsMax: number;
  readonly shippedBatchBytesMax: number;
}

/** All rows. Throws NeedsGather when they are too many. */
export async function shippedAtOnce(source: AsyncIterable<RowBatch>, options: ShippingOptions): Promise<ShippedRows> {
  const limits = { ...LIMITS, ...options.limits };
  const builder = new TableBuilder(options);
  for await (const batch of source) {
    builder.accept(batch.columns);
    for (let at = 0; at < batch.ends.length; at++) {
      await builder.add(rowAt(batch, at));
      if (builder.rowCount > limits.shippedRowsMax || builder.bytes > limits.shippedBytesMax) {
        throw new NeedsGather(
          `more than ${limits.shippedRowsMax} rows or ${limits.shippedBytesMax} bytes to ship to the shards at once`,
        );
      }
    }
  }
  return builder.take();
}

/** Batches that grow, none of them empty. Throws NeedsGather for a row that is too large. */
export async function* shippedInBatches(
  source: AsyncIterable<RowBatch>,
  options: ShippingOptions,
): AsyncGenerator<ShippedRows> {
  const limits = { ...LIMITS, ...options.limits };
  const builder = new TableBuilder(options);
  let rowsMax = limits.shippedBatchRowsMin;
  for await (const batch of source) {
    builder.accept(batch.columns);
    for (let at = 0; at < batch.ends.length; at++) {
      await builder.add(rowAt(batch, at));
      if (builder.bytes > limits.shippedBytesMax) throw new NeedsGather("a row too large to ship to the shards");
      if (builder.rowCount < rowsMax && builder.bytes < limits.shippedBatchBytesMax) continue;
      yield builder.take();
      rowsMax = Math.min(2 * rowsMax, limits.shippedBatchRowsMax);
    }
  }
  if (builder.rowCount > 0) yield builder.take();
}

export function noRows(options: ShippingOptions): ShippedRows {
  return new TableBuilder(options).take();
}

/** A row as it came, and how its values are written. */
interface RawRow {
  readonly row: Buffer;
  readonly literals: readonly ColumnLiterals[];
}

/** Of a column that statements are routed by. */
interface RoutedValues {
  readonly different: Map<string, Value>;
  readonly ofRows: Value[];
}

class TableBuilder {
  bytes = 0;
  readonly #options: ShippingOptions;
  readonly #view: RowColumns;
  #sent: readonly ColumnDefinition[] | undefined;
  #literals: readonly ColumnLiterals[] = [];
  #collations: readonly string[] | undefined;
  #rows: string[] = [];
  /** The batch's rows, to be written anew once the collations are known. */
  #raw: RawRow[] = [];
  #firstNumber = 1;
  #values: Map<string, RoutedValues | undefined>;

  constructor(options: ShippingOptions) {
    this.#options = options;
    this.#view = new RowColumns(options.columns.length);
    this.#values = this.#noValues();
  }

  get rowCount(): number {
    return this.#rows.length;
  }

  /** The rows that follow were sent under these definitions. */
  accept(sent: readonly ColumnDefinition[]): void {
    if (sent === this.#sent) return;
    const { columns, rules } = this.#options;
    this.#sent = sent;
    this.#literals = columns.map((column, index) => {
      const definition = sent[index];
      assert(definition !== undefined, `a shard's answer has column ${index} of a rows table`);
      return new ColumnLiterals(definition, column, rules);
    });
    if (this.#collations !== undefined) setCollations(this.#literals, this.#collations);
  }

  async add(row: Buffer): Promise<void> {
    const literals = this.#literals;
    if (this.#collations === undefined) this.#raw.push({ row, literals });
    const text = this.#textOf(row, literals);
    if (text === undefined) await this.#writeAnew();
    else this.#push(text);
    for (const [index, column] of this.#options.shape.columns.entries()) {
      const values = this.#values.get(column);
      if (values === undefined) continue;
      const definition = this.#sent?.[index];
      const value = definition === undefined ? undefined : routingValue(definition, this.#view, index);
      if (value === undefined) {
        this.#values.set(column, undefined);
        continue;
      }
      const key = `${value.type} ${value.raw.toString("latin1")}`;
      const known = values.different.get(key);
      if (known === undefined) values.different.set(key, value);
      values.ofRows.push(known ?? value);
    }
  }

  take(): ShippedRows {
    const { shape } = this.#options;
    const values = this.#values;
    const table: RowsTable = { shape, rows: this.#rows, firstNumber: this.#firstNumber, numbers: undefined };
    this.#firstNumber += this.#rows.length;
    this.#rows = [];
    this.#raw = [];
    this.bytes = 0;
    this.#values = this.#noValues();
    return {
      table,
      valuesOf(column) {
        const found = values.get(column);
        return found === undefined ? undefined : [...found.different.values()];
      },
      valueOfEach: (column) => values.get(column)?.ofRows,
    };
  }

  #push(text: string): void {
    this.#rows.push(text);
    this.bytes += text.length + ROW_BYTES;
  }

  /** Undefined when a collation has to be known first. */
  #textOf(row: Buffer, literals: readonly ColumnLiterals[]): string | undefined {
    this.#view.read(row, 0, row.length);
    let text = "";
    for (let at = 0; at < literals.length; at++) {
      const literal = (literals[at] as ColumnLiterals).text(this.#view, at);
      if (literal === undefined) return undefined;
      text += at === 0 ? literal : `,${literal}`;
    }
    return text;
  }

  async #writeAnew(): Promise<void> {
    const collations = await this.#options.collations();
    this.#collations = collations;
    const raw = this.#raw;
    this.#raw = [];
    this.#rows = [];
    this.bytes = 0;
    for (const { row, literals } of raw) {
      setCollations(literals, collations);
      const text = this.#textOf(row, literals);
      assert(text !== undefined, "a text whose collation is known is written");
      this.#push(text);
    }
  }

  #noValues(): Map<string, RoutedValues | undefined> {
    return new Map([...this.#options.routed].map((column) => [column, { different: new Map(), ofRows: [] }]));
  }
}

function setCollations(literals: readonly ColumnLiterals[], collations: readonly string[]): void {
  for (const [index, each] of literals.entries()) each.collation = collations[index] ?? "";
}

/** Parentheses and comma. */
const ROW_BYTES = 3;
