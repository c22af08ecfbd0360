// The merge tier's plans: statements for shards, and how their rows become one answer. Whatever cannot be merged by
// comparing and adding alone is computed by a MySQL: rows that one step gives stand as a table of literals (a common table
// expression of VALUES) in the statement of a later one, like a reference table that every shard has.
//
// Values are only compared where that is exact: numbers and temporal values by their type, text by WEIGHT_STRING(), which
// the shards send beside it. What turns out to be of another type when rows arrive makes the gather tier answer instead.

import type { ColumnOrigin } from "./column-origins.ts";
import type { Query } from "../sql/tree.ts";
import type { Effect, GatherPlan, Routing } from "./plan.ts";
import type { ValueRef } from "./value-ref.ts";

/** A SELECT over several shards whose partial answers are merged while they stream. */
export interface MergePlan {
  readonly kind: "merge";
  /** Run before the body uses them, at most once each but for batched ones. */
  readonly steps: readonly RowsStep[];
  readonly body: Body;
  /** Of the answer's columns, where their definitions name tables that are not the client's; else none. */
  readonly origins: readonly (ColumnOrigin | undefined)[];
  /** Why it does not pass through. */
  readonly reason: string;
  /** What answers instead when rows are too many to ship, or of a type that is not compared here. */
  readonly gather: GatherPlan | undefined;
  readonly effect: Effect;
}

/** Rows that later statements read as table `name`. */
export interface RowsStep {
  /** `shardgate_rows_1`, … */
  readonly name: string;
  /** Of the columns, in order; unique in their table. */
  readonly columns: readonly string[];
  readonly body: Body;
  /** Types the rows table where it is used; the body's own typing unless that is another keyspace. */
  readonly typing: Query;
  /**
   * True: the one body that uses it runs once for each batch of rows, and its answers are merged (the left side of a join).
   * False: all rows are there at once, within the limits for shipped rows.
   */
  readonly batched: boolean;
  /** The table's first column is named `shardgate_n` and counts its rows from 1; not listed in `columns`. */
  readonly numbered: boolean;
}

export type Body = ShardBody | UnionBody;

/** One statement for the shards of a routing. */
export interface ShardBody {
  readonly kind: "shards";
  readonly keyspace: string;
  readonly routing: Routing;
  /** What each shard gets. Its columns: `width` of the answer's (or the partial aggregates), then hidden ones. */
  readonly statement: Query;
  /** Names of the rows tables that `statement` reads, without a WITH: it is put before it when it is sent. */
  readonly uses: readonly string[];
  /**
   * Gives names, types and lengths of the answer's columns, run with LIMIT 0 on any shard of `keyspace`; also what types the
   * rows table made of the answer. Names the keyspace's own tables only; column names are unique when it types a rows table.
   */
  readonly typing: Query;
  /** Columns of the answer. */
  readonly width: number;
  readonly merge: Merge;
  /** The statement is one side of an outer join whose matches may be on other shards. */
  readonly outer: OuterMatch | undefined;
}

/** Answers one after the other, column types made alike by `typing` of all; DISTINCT by `distinct`. */
export interface UnionBody {
  readonly kind: "union";
  readonly keyspace: string;
  readonly parts: readonly Body[];
  readonly typing: Query;
  readonly width: number;
  readonly merge: Merge;
}

/**
 * A LEFT JOIN of a batched, numbered rows table with a table over several shards: `statement` of the body has the inner
 * join. `matched` gives the numbers of rows with a match (one column); `unmatched` is the statement for the rows without
 * one, sent to one shard with the rows table holding only those.
 */
export interface OuterMatch {
  readonly matched: Query;
  readonly unmatched: Query;
}

/** In this order: aggregate, distinct, order, limit. Positions count columns from 0. */
export interface Merge {
  readonly aggregate: Aggregation | undefined;
  /** Rows equal in all of these are one. */
  readonly distinct: readonly MergeKey[] | undefined;
  /** Empty: any order. */
  readonly order: readonly MergeKey[];
  /** Each shard sends its rows in `order` already. */
  readonly sorted: boolean;
  readonly limit: MergeLimit | undefined;
  /** `statement` has no LIMIT of its own: each shard is sent it with LIMIT offset + count. */
  readonly pushLimit: boolean;
}

export interface MergeLimit {
  readonly count: ValueRef;
  /** Undefined: 0. */
  readonly offset: ValueRef | undefined;
}

/** A value that rows are compared by: ascending, NULL first. */
export interface MergeKey {
  readonly column: number;
  /** Position of the value's WEIGHT_STRING(); undefined when the value is known not to be text. */
  readonly weight: number | undefined;
  /** The value's collation when it is text and known; else `collationColumn` has it in each row. */
  readonly collation: string | undefined;
  readonly collationColumn: number | undefined;
  readonly descending: boolean;
}

/** Partial rows of one group become one row. Without keys there is exactly one, also when no row came. */
export interface Aggregation {
  readonly keys: readonly MergeKey[];
  /** One for each column of the answer, then hidden ones for `order`; positions in `order` and `distinct` are of these. */
  readonly outputs: readonly AggregateOutput[];
}

export type AggregateOutput =
  /** A group key, or a column that has any of the group's values. */
  | { readonly kind: "value"; readonly column: number }
  /** Sum of partial counts. */
  | { readonly kind: "count"; readonly column: number }
  /** Sum of partial sums; NULL when all are. */
  | { readonly kind: "sum"; readonly column: number }
  | { readonly kind: "avg"; readonly sum: number; readonly count: number }
  /** `take` is the column of the partial row with the smallest (largest) key that is given out: its value, or its weight. */
  | { readonly kind: "min" | "max"; readonly key: MergeKey; readonly take: number }
  /** Over the different values of `key` in the group; partial rows have one each. */
  | { readonly kind: "count-distinct" | "sum-distinct" | "avg-distinct"; readonly keys: readonly MergeKey[] }
  | { readonly kind: "bit_and" | "bit_or" | "bit_xor"; readonly column: number };
