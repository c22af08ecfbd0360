// Makes rows tables of a step's rows: all at once within the bounds for shipped rows, or batch after batch. Bounded in
// rows and in bytes of literals.

import { assert } from "../base/assert.ts";
import { LIMITS } from "../base/limits.ts";
import type { ColumnDefinition } from "../mysql/packets/column-definition.ts";
import type { Value } from "../mysql/values.ts";
import { NeedsGather } from "./needs-gather.ts";
import { RowColumns } from "./row-columns.ts";
import { ColumnLiterals, type LiteralRules } from "./row-literals.ts";
import { routingValue } from "./rows-routing.ts";
import type { RowsShape, RowsTable } from "./rows-table.ts";
import type { RowBatch } from "./shard-rows.ts";

export interface ShippedRows {
  readonly table: RowsTable;
  /** Different values of a column, if it is one that statements are routed by and all of them route. */
  valuesOf(column: string): readonly Value[] | undefined;
}

export interface ShippingOptions {
  readonly shape: RowsShape;
  /** Of the table's columns. */
  readonly columns: readonly ColumnDefinition[];
  readonly rules: LiteralRules;
  /** Columns whose values are asked for later. */
  readonly routed: ReadonlySet<string>;
  /** Character sets of the columns. */
  charsets(): Promise<readonly string[]>;
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
    const literals = await builder.literalsFor(batch.columns);
    for (const row of batch.rows) {
      await builder.add(row, literals);
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
    const literals = await builder.literalsFor(batch.columns);
    for (const row of batch.rows) {
      await builder.add(row, literals);
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

class TableBuilder {
  bytes = 0;
  readonly #options: ShippingOptions;
  readonly #view: RowColumns;
  #sent: readonly ColumnDefinition[] | undefined;
  #literals: readonly ColumnLiterals[] = [];
  #charsets: readonly string[] | undefined;
  #rows: string[] = [];
  #firstNumber = 1;
  #values: Map<string, Map<string, Value> | undefined>;

  constructor(options: ShippingOptions) {
    this.#options = options;
    this.#view = new RowColumns(options.columns.length);
    this.#values = this.#noValues();
  }

  get rowCount(): number {
    return this.#rows.length;
  }

  /** How rows sent under these definitions are written. */
  async literalsFor(sent: readonly ColumnDefinition[]): Promise<readonly ColumnLiterals[]> {
    if (sent === this.#sent) return this.#literals;
    const { columns, rules } = this.#options;
    this.#sent = sent;
    this.#literals = columns.map((column, index) => {
      const definition = sent[index];
      assert(definition !== undefined, `a shard's answer has column ${index} of a rows table`);
      return new ColumnLiterals(definition, column, rules);
    });
    if (this.#charsets !== undefined) await this.#learnCharsets();
    return this.#literals;
  }

  async add(row: Buffer, literals: readonly ColumnLiterals[]): Promise<void> {
    const view = this.#view;
    view.read(row);
    let text = this.#textOf(literals);
    if (text === undefined) {
      await this.#learnCharsets();
      view.read(row);
      text = this.#textOf(literals);
      assert(text !== undefined, "a text whose character set is known is written");
    }
    this.#rows.push(text);
    this.bytes += text.length + ROW_BYTES;
    for (const [index, column] of this.#options.shape.columns.entries()) {
      const values = this.#values.get(column);
      if (values === undefined) continue;
      const definition = this.#sent?.[index];
      const value = definition === undefined ? undefined : routingValue(definition, view, index);
      if (value === undefined) this.#values.set(column, undefined);
      else values.set(`${value.type} ${value.raw.toString("latin1")}`, value);
    }
  }

  take(): ShippedRows {
    const { shape } = this.#options;
    const values = this.#values;
    const table: RowsTable = { shape, rows: this.#rows, firstNumber: this.#firstNumber, numbers: undefined };
    this.#firstNumber += this.#rows.length;
    this.#rows = [];
    this.bytes = 0;
    this.#values = this.#noValues();
    return {
      table,
      valuesOf(column) {
        const found = values.get(column);
        return found === undefined ? undefined : [...found.values()];
      },
    };
  }

  #textOf(literals: readonly ColumnLiterals[]): string | undefined {
    let text = "";
    for (let at = 0; at < literals.length; at++) {
      const literal = (literals[at] as ColumnLiterals).text(this.#view, at);
      if (literal === undefined) return undefined;
      text += at === 0 ? literal : `,${literal}`;
    }
    return text;
  }

  async #learnCharsets(): Promise<void> {
    this.#charsets ??= await this.#options.charsets();
    for (const [index, literals] of this.#literals.entries()) literals.charset = this.#charsets[index] ?? "";
  }

  #noValues(): Map<string, Map<string, Value> | undefined> {
    return new Map([...this.#options.routed].map((column) => [column, new Map()]));
  }
}

/** Parentheses and comma. */
const ROW_BYTES = 3;
