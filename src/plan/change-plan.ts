// Plans of writes that take more than sending the statement to the shards: the rows of an UPDATE or DELETE are found first,
// by a query through the tiers, and then written by their keys; the rows of an INSERT are computed first. Plain data.

import type { ColumnSchema, TableSchema } from "../schema/model.ts";
import type { Delete, Expr, Insert, ObjectName, Query, Subquery, TableName, Update } from "../sql/tree.ts";
import type { TableVSchema } from "../vschema/model.ts";
import type { Effect } from "./plan.ts";

/** UPDATE or DELETE whose rows are found first. */
export interface ChangePlan {
  readonly kind: "change";
  readonly keyspace: string;
  readonly statement: Update | Delete;
  /** Locks the rows, and gives of each what `targets` say. */
  readonly find: Query;
  /** Tables whose rows are written, in the order of the statement. */
  readonly targets: readonly ChangeTarget[];
  /** Why the shards do not each run the statement. */
  readonly reason: string;
  readonly effect: Effect;
  /** Views WITH CHECK OPTION that the statement writes through. */
  readonly checks?: readonly ViewCheck[];
}

/** What rows have to be like after they were written. */
export interface ViewCheck {
  /** Of the table in the statement. */
  readonly alias: string;
  readonly condition: Expr;
  /** As errors name it: `keyspace`.`view`. */
  readonly view: string;
}

export interface ChangeTarget {
  readonly keyspace: string;
  readonly table: string;
  readonly ref: TableName;
  /** Undefined for a table of an unsharded keyspace that its VSchema does not list. */
  readonly vschema: TableVSchema | undefined;
  readonly definition: TableSchema;
  readonly placed: Placing;
  /** Columns of a key that no two rows of a shard share; without one all columns. */
  readonly key: readonly FoundColumn[];
  /** Rows that are alike in all columns stand for each other: so many of them are written as were found. */
  readonly isKeyless: boolean;
  /** Columns that vindexes read, and where each is in a row of `find`. */
  readonly vindexed: readonly FoundColumn[];
  /** Of an UPDATE. */
  readonly set: readonly ChangeAssignment[];
  /** Assigned columns of the key, with what they are to be. */
  readonly newKey: readonly FoundColumn[];
  /** Vindexes read a column that is assigned. */
  readonly changesVindex: boolean;
}

export type Placing = "unsharded" | "sharded" | "everywhere";

/** A column, and its position in a row of the query that reads it. */
export interface FoundColumn {
  readonly column: ColumnSchema;
  readonly position: number;
}

export interface ChangeAssignment {
  readonly column: string;
  /** Computed by the shard out of the row, or by the query: then its position in a row of `find`. */
  readonly value: { readonly kind: "own"; readonly expr: Expr } | { readonly kind: "found"; readonly position: number };
}

/** INSERT or REPLACE whose rows are computed first: by a query, or as expressions in its rows. */
export interface InsertRowsPlan {
  readonly kind: "insert-rows";
  readonly keyspace: string;
  readonly statement: Insert;
  /** Expressions whose values stand in for them; empty with a query. */
  readonly asked: readonly AskedValue[];
  /** Inner queries of ON DUPLICATE KEY UPDATE, whose values stand in for them. */
  readonly askedOnDuplicate: readonly Subquery[];
  /** The table whose columns' defaults they are, when the statement names a view of it. */
  readonly defaultsOf?: ObjectName;
  /** Of a table that every shard has alike: one of them makes the ids. */
  readonly numbered?: NumberedColumn;
  readonly effect: Effect;
}

/** A value of a row; `column` for its default. */
export interface AskedValue {
  readonly row: number;
  readonly position: number;
  readonly expr: Expr;
  readonly column?: ColumnSchema;
}

export interface NumberedColumn {
  readonly name: string;
  /** Position in the rows; the number of their values when it has to be added. */
  readonly position: number;
}
