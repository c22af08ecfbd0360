// How rows of several shards are compared: each key column's value by the type that the shards' column definitions say it
// has, exactly as MySQL compares it, or not at all. Text is compared by the weights that the shards send beside it; under a
// PAD SPACE collation as if followed by spaces for ever, with the weight that a mysqld gives a space.

import { assert, assertNever } from "../base/assert.ts";
import { COLLATION_BINARY } from "../mysql/charsets.ts";
import { COLUMN_FLAG, MYSQL_TYPE } from "../mysql/constants.ts";
import type { ColumnDefinition } from "../mysql/packets/column-definition.ts";
import type { MergeKey } from "../plan/merge-plan.ts";
import { KeyBytes } from "./key-bytes.ts";
import { NeedsGather } from "./needs-gather.ts";
import type { RowBatch } from "./row-batch.ts";
import { RowColumns } from "./row-columns.ts";

/**
 * What rows are compared for: their order, whether they are equal (groups, DISTINCT), or which has the least and the
 * greatest value. Values that print alike may be different (FLOAT), which matters to the first two only.
 */
export type KeyUse = "order" | "equal" | "extreme";

/** What a text's weights are padded with for comparison. */
export type Padding =
  | { readonly kind: "none" }
  | { readonly kind: "space"; readonly weight: Buffer }
  /** The collation does not compare weight by weight from the left. */
  | { readonly kind: "unknown" };

/** What only a mysqld knows about comparing. */
export interface ComparisonRules {
  /** `collation` is a full name, in lower case. */
  paddingOf(collation: string): Promise<Padding>;
  /** Every TIMESTAMP has a text of its own in the session's time zone: no hour occurs twice. */
  readonly timestampsAreDistinct: boolean;
}

/** How the values of one key column are compared. */
type Comparison =
  | { readonly kind: "number" | "double" | "bytes" | "bits" | "null" }
  | { readonly kind: "temporal"; readonly decimals: number }
  | { readonly kind: "text"; readonly collation: string; readonly padding: Padding };

/** Makes the keys of rows that come from several streams. Throws NeedsGather for what cannot be compared exactly. */
export class RowKeys {
  /** Columns of a row that have to be found for its key. */
  readonly columnCount: number;
  /** One of the last row's key values was NULL. */
  hasNull = false;
  readonly #keys: readonly MergeKey[];
  readonly #use: KeyUse;
  readonly #rules: ComparisonRules;
  readonly #comparisons: Comparison[];
  readonly #bytes = new KeyBytes();
  readonly #accepted = new WeakSet<readonly ColumnDefinition[]>();

  constructor(keys: readonly MergeKey[], use: KeyUse, rules: ComparisonRules) {
    this.#keys = keys;
    this.#use = use;
    this.#rules = rules;
    this.#comparisons = keys.map(() => ({ kind: "null" }));
    this.columnCount = columnCountOf(keys);
  }

  /**
   * Before the rows of each batch. Streams must agree in how their values compare, but that one may have nothing but NULL in
   * a column.
   */
  async accept({ columns, buffers, starts, ends }: RowBatch): Promise<void> {
    if (this.#accepted.has(columns)) return;
    const row = new RowColumns(this.columnCount);
    row.read(buffers[0] ?? EMPTY, starts[0] ?? 0, ends[0] ?? 0);
    for (const [at, key] of this.#keys.entries()) {
      const found = await this.#comparisonOf(key, columns, row);
      const known = this.#comparisons[at];
      if (found.kind === "null" || known === undefined) continue;
      if (known.kind === "null") this.#comparisons[at] = found;
      else if (!alike(known, found)) throw new NeedsGather(`shards compare column ${key.column + 1} differently`);
    }
    this.#accepted.add(columns);
  }

  /** Equal strings for equal rows; in the order of the rows otherwise. `row` has found `columnCount` columns. */
  keyOf(row: RowColumns): string {
    const bytes = this.#bytes;
    bytes.begin();
    this.hasNull = false;
    for (let at = 0; at < this.#keys.length; at++) {
      const key = this.#keys[at] as MergeKey;
      const start = bytes.length;
      if (row.isNull(key.column)) {
        this.hasNull = true;
        bytes.null();
      } else this.#write(this.#comparisons[at] as Comparison, key, row);
      if (key.descending) bytes.invertFrom(start);
    }
    return bytes.take();
  }

  #write(comparison: Comparison, key: MergeKey, row: RowColumns): void {
    const from = row.offsetOf(key.column);
    const to = from + row.lengthOf(key.column);
    switch (comparison.kind) {
      case "number":
        this.#bytes.number(row.bytes, from, to);
        return;
      case "double":
        this.#bytes.double(Number(row.ascii(key.column)));
        return;
      case "temporal":
      case "bytes":
        this.#bytes.bytes(row.bytes, from, to);
        return;
      case "bits":
        this.#bytes.bits(row.bytes, from, to);
        return;
      case "text": {
        const weight = key.weight ?? key.column;
        if (row.isNull(weight)) throw new NeedsGather("a text is too long for its WEIGHT_STRING()");
        const start = row.offsetOf(weight);
        const end = start + row.lengthOf(weight);
        const { padding } = comparison;
        if (padding.kind === "space") this.#bytes.padded(row.bytes, start, end, padding.weight);
        else this.#bytes.bytes(row.bytes, start, end);
        return;
      }
      case "null":
        throw new NeedsGather(`column ${key.column + 1} has no type on a shard that sends values`);
      default:
        assertNever(comparison);
    }
  }

  async #comparisonOf(key: MergeKey, columns: readonly ColumnDefinition[], row: RowColumns): Promise<Comparison> {
    const column = columns[key.column];
    assert(column !== undefined, `a shard's answer has column ${key.column}`);
    const plain = plainComparison(column, this.#use, this.#rules);
    if (plain !== undefined) return plain;
    if (key.weight === undefined) throw new NeedsGather(`text in column ${key.column + 1} without its weight`);
    const collation = key.collation ?? (key.collationColumn === undefined ? undefined : row.ascii(key.collationColumn));
    if (collation === undefined || collation === null) {
      throw new NeedsGather(`the collation of column ${key.column + 1} is not known`);
    }
    const padding = await this.#rules.paddingOf(collation.toLowerCase());
    if (padding.kind === "unknown") throw new NeedsGather(`collation ${collation} does not compare by weights alone`);
    return { kind: "text", collation: collation.toLowerCase(), padding };
  }
}

const EMPTY = Buffer.alloc(0);

/** How many columns of a row have to be found for these keys. */
export function columnCountOf(keys: readonly MergeKey[]): number {
  let count = 0;
  for (const { column, weight, collationColumn } of keys) {
    count = Math.max(count, column + 1, (weight ?? -1) + 1, (collationColumn ?? -1) + 1);
  }
  return count;
}

/** Undefined for text that has a collation. */
function plainComparison(column: ColumnDefinition, use: KeyUse, rules: ComparisonRules): Comparison | undefined {
  const { type, flags, decimals, orgName } = column;
  const exactly = use !== "extreme";
  switch (type) {
    case MYSQL_TYPE.TINY:
    case MYSQL_TYPE.SHORT:
    case MYSQL_TYPE.INT24:
    case MYSQL_TYPE.LONG:
    case MYSQL_TYPE.LONGLONG:
    case MYSQL_TYPE.DECIMAL:
    case MYSQL_TYPE.NEWDECIMAL:
    case MYSQL_TYPE.TIME:
      return { kind: "number" };
    case MYSQL_TYPE.YEAR:
      // YEAR(2) shows 1970 as 70 and 2069 as 69.
      if (column.columnLength < 4) throw new NeedsGather("YEAR(2)");
      return { kind: "number" };
    case MYSQL_TYPE.FLOAT:
      if (exactly) throw new NeedsGather("FLOAT, of which a shard does not show all digits");
      return { kind: "double" };
    case MYSQL_TYPE.DOUBLE:
      // A stored DOUBLE(M,D) is rounded to what it shows; a computed value is not.
      if (exactly && decimals !== NOT_FIXED_DECIMALS && orgName === "") {
        throw new NeedsGather("a DOUBLE of which a shard does not show all digits");
      }
      return { kind: "double" };
    case MYSQL_TYPE.TIMESTAMP:
    case MYSQL_TYPE.TIMESTAMP2:
      if (!rules.timestampsAreDistinct) throw new NeedsGather("TIMESTAMP in a time zone with daylight saving time");
      return { kind: "temporal", decimals };
    case MYSQL_TYPE.DATE:
    case MYSQL_TYPE.NEWDATE:
    case MYSQL_TYPE.DATETIME:
    case MYSQL_TYPE.DATETIME2:
      return { kind: "temporal", decimals };
    case MYSQL_TYPE.BIT:
      // A computed one (MAX()) is shown as a decimal number by some servers.
      if (orgName === "") throw new NeedsGather("a computed BIT value");
      return { kind: "bits" };
    case MYSQL_TYPE.NULL:
      return { kind: "null" };
    case MYSQL_TYPE.VARCHAR:
    case MYSQL_TYPE.VAR_STRING:
    case MYSQL_TYPE.STRING:
    case MYSQL_TYPE.TINY_BLOB:
    case MYSQL_TYPE.MEDIUM_BLOB:
    case MYSQL_TYPE.LONG_BLOB:
    case MYSQL_TYPE.BLOB:
      if ((flags & (COLUMN_FLAG.ENUM | COLUMN_FLAG.SET)) !== 0 && use === "order") {
        throw new NeedsGather("ENUM and SET, which are ordered by their numbers");
      }
      // MariaDB's UUID and INET types are sent as text, but have an order of their own.
      if ((flags & COLUMN_FLAG.UNSIGNED) !== 0 && use !== "equal") throw new NeedsGather("UUID and INET");
      return column.collation === COLLATION_BINARY ? { kind: "bytes" } : undefined;
    default:
      throw new NeedsGather(`values of type ${type}`);
  }
}

const NOT_FIXED_DECIMALS = 31;

function alike(a: Comparison, b: Comparison): boolean {
  if (a.kind === "temporal") return b.kind === "temporal" && a.decimals === b.decimals;
  if (a.kind === "text") return b.kind === "text" && a.collation === b.collation;
  return a.kind === b.kind;
}
