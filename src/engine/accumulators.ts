// The running values of aggregates over partial rows: one object for each column of a group's row. What the shards have
// added up, counted and compared already is added up, counted and compared once more, exactly.

import { assert, assertNever } from "../base/assert.ts";
import type { BufferWriter } from "../mysql/codec.ts";
import { COLLATION_BINARY } from "../mysql/charsets.ts";
import { MYSQL_TYPE } from "../mysql/constants.ts";
import { INTEGER_TYPES } from "../mysql/integer-types.ts";
import type { ColumnDefinition } from "../mysql/packets/column-definition.ts";
import type { AggregateOutput } from "../plan/merge-plan.ts";
import { doubleText, DoubleSum } from "./double-number.ts";
import { addExact, averageText, EXACT_ZERO, type ExactNumber, exactNumber, exactText } from "./exact-number.ts";
import { type ComparisonRules, columnCountOf, RowKeys } from "./merge-keys.ts";
import { NeedsGather } from "./needs-gather.ts";
import { rendersAlike } from "./renders-alike.ts";
import { rowAt, type RowBatch } from "./row-batch.ts";
import type { RowColumns } from "./row-columns.ts";
import { Sorter } from "./sorter.ts";
import type { SpillArea } from "./spill.ts";

export interface Accumulator {
  /** Returns by how many bytes more memory it holds now. */
  add(row: RowColumns): number;
  /** Writes the value as it stands in a text row. */
  finish(writer: BufferWriter): void | Promise<void>;
  /** Moves to disk what is worth it; returns how many bytes of memory that has freed. */
  relieve?(): Promise<number>;
}

/** One column of an aggregation's rows: makes an accumulator for each group. */
export class OutputColumn {
  readonly output: AggregateOutput;
  readonly #keys: RowKeys | undefined;
  readonly #spill: SpillArea;
  #partial: readonly ColumnDefinition[] = [];
  #shown: ColumnDefinition | undefined;

  constructor(output: AggregateOutput, rules: ComparisonRules, spill: SpillArea) {
    this.output = output;
    this.#spill = spill;
    if (output.kind === "min" || output.kind === "max") this.#keys = new RowKeys([output.key], "extreme", rules);
    else if ("keys" in output) this.#keys = new RowKeys(output.keys, "equal", rules);
  }

  /** Columns of a partial row that have to be found. */
  get columnCount(): number {
    const { output } = this;
    switch (output.kind) {
      case "avg":
        return Math.max(output.sum, output.count) + 1;
      case "min":
      case "max":
        return Math.max(columnCountOf([output.key]), output.take + 1);
      case "count-distinct":
      case "sum-distinct":
      case "avg-distinct":
        return columnCountOf(output.keys);
      default:
        return output.column + 1;
    }
  }

  async accept(batch: RowBatch): Promise<void> {
    await this.#keys?.accept(batch);
  }

  /** Of the value over no rows at all. */
  get emptyDefinition(): ColumnDefinition {
    const { kind } = this.output;
    const isNumber = kind === "count" || kind === "count-distinct" || kind.startsWith("bit_");
    return { ...NULL_DEFINITION, type: isNumber ? MYSQL_TYPE.LONGLONG : MYSQL_TYPE.NULL };
  }

  /**
   * How the values are shown: `typed` is the answer's own column, if it is one of its; else it follows from what the shards
   * send. Throws NeedsGather when what the shards send does not add up to that type.
   */
  shownAs(
    partial: readonly ColumnDefinition[],
    typed: ColumnDefinition | undefined,
    divisionDecimals: number,
  ): ColumnDefinition {
    this.#partial = partial;
    this.#shown = typed ?? ownDefinition(this.output, partial, divisionDecimals);
    checkType(this.output, partial, this.#shown);
    return this.#shown;
  }

  accumulator(): Accumulator {
    const { output } = this;
    const shown = this.#shown;
    switch (output.kind) {
      case "value":
        return new AnyValue(output.column);
      case "count":
        return new Count(output.column);
      case "sum":
        return isDouble(this.#partial[output.column])
          ? new DoubleTotal(output.column, undefined, shown?.decimals ?? 0)
          : new ExactTotal(output.column, undefined, shown?.decimals ?? 0);
      case "avg":
        return isDouble(this.#partial[output.sum])
          ? new DoubleTotal(output.sum, output.count, shown?.decimals ?? 0)
          : new ExactTotal(output.sum, output.count, shown?.decimals ?? 0);
      case "min":
      case "max":
        return new Extreme(this.#keysOrThrow(), output.kind === "max", output.key.column, output.take);
      case "count-distinct":
      case "sum-distinct":
      case "avg-distinct": {
        const isExact = !isDouble(this.#partial[output.keys[0]?.column ?? 0]);
        return new DistinctValues(output, this.#keysOrThrow(), isExact, shown?.decimals ?? 0, this.#spill);
      }
      case "bit_and":
      case "bit_or":
      case "bit_xor":
        return new Bits(output.kind, output.column);
      default:
        return assertNever(output);
    }
  }

  #keysOrThrow(): RowKeys {
    const keys = this.#keys;
    assert(keys !== undefined, "an aggregate that compares has keys");
    return keys;
  }
}

const NULL_DEFINITION: ColumnDefinition = {
  schema: "",
  table: "",
  orgTable: "",
  name: "",
  orgName: "",
  collation: COLLATION_BINARY,
  columnLength: 0,
  type: MYSQL_TYPE.NULL,
  flags: 0,
  decimals: 0,
};

function writeText(writer: BufferWriter, text: string | undefined): void {
  if (text === undefined) writer.u8(NULL);
  else writer.lenencString(text);
}

const NULL = 0xfb;

class AnyValue implements Accumulator {
  readonly #column: number;
  #value: Buffer | null | undefined;

  constructor(column: number) {
    this.#column = column;
  }

  add(row: RowColumns): number {
    if (this.#value !== undefined) return 0;
    this.#value = copyOf(row.value(this.#column));
    return this.#value?.length ?? 0;
  }

  finish(writer: BufferWriter): void {
    if (this.#value === undefined || this.#value === null) writer.u8(NULL);
    else writer.lenencBytes(this.#value);
  }
}

class Count implements Accumulator {
  readonly #column: number;
  #count = 0;

  constructor(column: number) {
    this.#column = column;
  }

  add(row: RowColumns): number {
    this.#count += countOf(row, this.#column);
    return 0;
  }

  finish(writer: BufferWriter): void {
    writer.lenencString(String(this.#count));
  }
}

/** SUM and AVG of integers and decimals. */
class ExactTotal implements Accumulator {
  readonly #sumColumn: number;
  readonly #countColumn: number | undefined;
  readonly #decimals: number;
  #sum: ExactNumber | undefined;
  #count = 0;

  constructor(sumColumn: number, countColumn: number | undefined, decimals: number) {
    this.#sumColumn = sumColumn;
    this.#countColumn = countColumn;
    this.#decimals = decimals;
  }

  add(row: RowColumns): number {
    const text = row.ascii(this.#sumColumn);
    if (text !== null) {
      const value = exactNumber(text);
      this.#sum = this.#sum === undefined ? value : addExact(this.#sum, value);
    }
    if (this.#countColumn !== undefined) this.#count += countOf(row, this.#countColumn);
    return 0;
  }

  finish(writer: BufferWriter): void {
    const sum = this.#sum;
    if (sum === undefined) writeText(writer, undefined);
    else if (this.#countColumn === undefined) writeText(writer, decimalText(sum, this.#decimals));
    else writeText(writer, this.#count === 0 ? undefined : averageText(sum, this.#count, this.#decimals));
  }
}

/** SUM and AVG of DOUBLE. */
class DoubleTotal implements Accumulator {
  readonly #sumColumn: number;
  readonly #countColumn: number | undefined;
  readonly #decimals: number;
  readonly #sum = new DoubleSum();
  #hasValue = false;
  #count = 0;

  constructor(sumColumn: number, countColumn: number | undefined, decimals: number) {
    this.#sumColumn = sumColumn;
    this.#countColumn = countColumn;
    this.#decimals = decimals;
  }

  add(row: RowColumns): number {
    const text = row.ascii(this.#sumColumn);
    if (text !== null) {
      this.#hasValue = true;
      this.#sum.add(Number(text));
    }
    if (this.#countColumn !== undefined) this.#count += countOf(row, this.#countColumn);
    return 0;
  }

  finish(writer: BufferWriter): void {
    const isAverage = this.#countColumn !== undefined;
    if (!this.#hasValue || (isAverage && this.#count === 0)) writeText(writer, undefined);
    else writeText(writer, finiteText(this.#sum.value / (isAverage ? this.#count : 1), this.#decimals));
  }
}

/** MIN and MAX. */
class Extreme implements Accumulator {
  readonly #keys: RowKeys;
  readonly #isMax: boolean;
  readonly #column: number;
  readonly #take: number;
  #key: string | undefined;
  #value: Buffer | null = null;

  constructor(keys: RowKeys, isMax: boolean, column: number, take: number) {
    this.#keys = keys;
    this.#isMax = isMax;
    this.#column = column;
    this.#take = take;
  }

  add(row: RowColumns): number {
    if (row.isNull(this.#column)) return 0;
    const key = this.#keys.keyOf(row);
    if (this.#key !== undefined && (this.#isMax ? key <= this.#key : key >= this.#key)) return 0;
    const before = (this.#key?.length ?? 0) + (this.#value?.length ?? 0);
    this.#key = key;
    this.#value = copyOf(row.value(this.#take));
    return key.length + (this.#value?.length ?? 0) - before;
  }

  finish(writer: BufferWriter): void {
    if (this.#value === null) writer.u8(NULL);
    else writer.lenencBytes(this.#value);
  }
}

/** COUNT, SUM and AVG over different values; rows with a NULL do not count. */
class DistinctValues implements Accumulator {
  readonly #kind: "count-distinct" | "sum-distinct" | "avg-distinct";
  readonly #column: number;
  readonly #keys: RowKeys;
  readonly #isExact: boolean;
  readonly #decimals: number;
  readonly #spill: SpillArea;
  readonly #values = new Map<string, Buffer>();
  #bytes = 0;
  #sorter: Sorter | undefined;

  constructor(
    output: AggregateOutput & { readonly kind: "count-distinct" | "sum-distinct" | "avg-distinct" },
    keys: RowKeys,
    isExact: boolean,
    decimals: number,
    spill: SpillArea,
  ) {
    this.#kind = output.kind;
    this.#column = output.keys[0]?.column ?? 0;
    this.#keys = keys;
    this.#isExact = isExact;
    this.#decimals = decimals;
    this.#spill = spill;
  }

  add(row: RowColumns): number {
    const key = this.#keys.keyOf(row);
    if (this.#keys.hasNull || this.#values.has(key)) return 0;
    const value = this.#kind === "count-distinct" ? EMPTY : (copyOf(row.value(this.#column)) ?? EMPTY);
    this.#values.set(key, value);
    const bytes = key.length + value.length + ENTRY_OVERHEAD_BYTES;
    this.#bytes += bytes;
    return bytes;
  }

  async relieve(): Promise<number> {
    if (this.#values.size < SPILLED_VALUES_MIN) return 0;
    this.#sorter ??= new Sorter({ spill: this.#spill });
    for (const [key, value] of this.#values) this.#sorter.add(key, value, 0, value.length);
    this.#values.clear();
    const freed = this.#bytes;
    this.#bytes = 0;
    await this.#sorter.spillAll();
    return freed;
  }

  async finish(writer: BufferWriter): Promise<void> {
    let count = 0;
    let exact = EXACT_ZERO;
    const double = new DoubleSum();
    const take = (value: Buffer): void => {
      count++;
      if (this.#kind === "count-distinct") return;
      const text = value.latin1Slice(0, value.length);
      if (this.#isExact) exact = addExact(exact, exactNumber(text));
      else double.add(Number(text));
    };
    if (this.#sorter === undefined) for (const value of this.#values.values()) take(value);
    else {
      for (const [key, value] of this.#values) this.#sorter.add(key, value, 0, value.length);
      let last: string | undefined;
      for await (const batch of this.#sorter.sorted()) {
        for (const [index, key] of batch.keys.entries()) {
          if (key !== last) take(rowAt(batch, index));
          last = key;
        }
      }
    }
    const isAverage = this.#kind === "avg-distinct";
    if (this.#kind === "count-distinct") writeText(writer, String(count));
    else if (count === 0) writeText(writer, undefined);
    else if (!this.#isExact) writeText(writer, finiteText(double.value / (isAverage ? count : 1), this.#decimals));
    else writeText(writer, isAverage ? averageText(exact, count, this.#decimals) : decimalText(exact, this.#decimals));
  }
}

const EMPTY = Buffer.alloc(0);
const ENTRY_OVERHEAD_BYTES = 100;
/** Fewer values than this are not worth a file. */
const SPILLED_VALUES_MIN = 1_000;

class Bits implements Accumulator {
  readonly #kind: "bit_and" | "bit_or" | "bit_xor";
  readonly #column: number;
  #value: bigint;

  constructor(kind: "bit_and" | "bit_or" | "bit_xor", column: number) {
    this.#kind = kind;
    this.#column = column;
    this.#value = kind === "bit_and" ? BigInt.asUintN(64, -1n) : 0n;
  }

  add(row: RowColumns): number {
    const text = row.ascii(this.#column);
    if (text === null) return 0;
    const value = BigInt.asUintN(64, exactNumber(text).digits);
    if (this.#kind === "bit_and") this.#value &= value;
    else if (this.#kind === "bit_or") this.#value |= value;
    else this.#value ^= value;
    return 0;
  }

  finish(writer: BufferWriter): void {
    writeText(writer, String(this.#value));
  }
}

function copyOf(value: Buffer | null): Buffer | null {
  return value === null ? null : Buffer.from(value);
}

function countOf(row: RowColumns, column: number): number {
  const count = Number(row.ascii(column) ?? 0);
  assert(Number.isSafeInteger(count), "a count of rows is a safe integer");
  return count;
}

const DECIMAL_DIGITS_MAX = 65;

function decimalText(value: ExactNumber, decimals: number): string {
  const text = exactText(value, decimals);
  if (text.replace(/[-.]/g, "").length > DECIMAL_DIGITS_MAX) throw new NeedsGather("a sum beyond DECIMAL's 65 digits");
  return text;
}

function finiteText(value: number, decimals: number): string {
  if (!Number.isFinite(value)) throw new NeedsGather("a sum beyond DOUBLE's range");
  return doubleText(value, decimals);
}

// Types

function isDouble(column: ColumnDefinition | undefined): boolean {
  return column?.type === MYSQL_TYPE.DOUBLE || column?.type === MYSQL_TYPE.FLOAT;
}

function isExact(column: ColumnDefinition | undefined): boolean {
  if (column === undefined) return false;
  return INTEGER_TYPES.has(column.type) || column.type === MYSQL_TYPE.NEWDECIMAL || column.type === MYSQL_TYPE.DECIMAL;
}

const DECIMALS_MAX = 38;

/** The definition of a hidden column, which only its comparison looks at. */
function ownDefinition(
  output: AggregateOutput,
  partial: readonly ColumnDefinition[],
  divisionDecimals: number,
): ColumnDefinition {
  const at = (column: number): ColumnDefinition => {
    const definition = partial[column];
    assert(definition !== undefined, `a partial row has column ${column}`);
    return definition;
  };
  const averageOf = (sum: ColumnDefinition): ColumnDefinition =>
    isDouble(sum)
      ? { ...sum, decimals: sum.decimals > DECIMALS_MAX - 7 ? sum.decimals : sum.decimals + divisionDecimals }
      : {
          ...sum,
          type: MYSQL_TYPE.NEWDECIMAL,
          decimals: Math.min(DECIMALS_MAX, (INTEGER_TYPES.has(sum.type) ? 0 : sum.decimals) + divisionDecimals),
        };
  switch (output.kind) {
    case "value":
    case "count":
    case "sum":
    case "bit_and":
    case "bit_or":
    case "bit_xor":
      return at(output.column);
    case "avg":
      return averageOf(at(output.sum));
    case "min":
    case "max":
      return at(output.take);
    case "count-distinct":
      return { ...at(output.keys[0]?.column ?? 0), type: MYSQL_TYPE.LONGLONG, decimals: 0 };
    case "sum-distinct":
      return at(output.keys[0]?.column ?? 0);
    case "avg-distinct":
      return averageOf(at(output.keys[0]?.column ?? 0));
    default:
      return assertNever(output);
  }
}

/** Sums must be of the kind that the answer's column shows. */
function checkType(output: AggregateOutput, partial: readonly ColumnDefinition[], shown: ColumnDefinition): void {
  const numeric = (column: number): void => {
    const source = partial[column];
    if (!(isExact(source) && isExact(shown)) && !(isDouble(source) && isDouble(shown))) {
      throw new NeedsGather(`${output.kind} of values of type ${source?.type} shown as type ${shown.type}`);
    }
  };
  const alike = (column: number): void => {
    const source = partial[column];
    if (source === undefined || !rendersAlike(source, shown)) {
      throw new NeedsGather(`${output.kind} of type ${source?.type} shown as type ${shown.type}`);
    }
  };
  switch (output.kind) {
    case "value":
      alike(output.column);
      return;
    case "min":
    case "max":
      alike(output.take);
      return;
    case "count":
    case "bit_and":
    case "bit_or":
    case "bit_xor":
      if (!INTEGER_TYPES.has(partial[output.column]?.type ?? -1))
        throw new NeedsGather(`${output.kind} of no integers`);
      return;
    case "sum":
      numeric(output.column);
      return;
    case "avg":
      numeric(output.sum);
      return;
    case "sum-distinct":
    case "avg-distinct":
      numeric(output.keys[0]?.column ?? 0);
      return;
    case "count-distinct":
      return;
    default:
      assertNever(output);
  }
}
