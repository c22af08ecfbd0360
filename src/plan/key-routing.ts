// Routings by conditions on sharding keys other than = and IN, and by several conditions together. Each says of which shards
// rows can be; none is ever narrower than what MySQL finds.

import type { Expr } from "../sql/tree.ts";
import type { LookupVindex, MultiColumnVindex, Prefixable, Sequential, SingleColumnVindex } from "../vschema/vindex.ts";
import type { ColumnKind } from "./column-kind.ts";
import type { Routing } from "./plan.ts";
import type { ValueRef } from "./value-ref.ts";

export type KeyRouting =
  /** No row satisfies the conditions: any one shard gives the answer over no rows. */
  | { readonly kind: "none" }
  /** Rows with one of several values in each of the first few columns. */
  | {
      readonly kind: "in-multi";
      readonly vindex: MultiColumnVindex;
      readonly holds: readonly ColumnKind[];
      readonly columns: readonly (readonly ValueRef[])[];
    }
  /** Rows with the values of one of several tuples in the first few columns. */
  | {
      readonly kind: "in-tuples";
      readonly vindex: SingleColumnVindex | MultiColumnVindex;
      readonly holds: readonly ColumnKind[];
      readonly rows: readonly (readonly ValueRef[])[];
    }
  /** Rows between two values; undefined: no bound. */
  | {
      readonly kind: "range";
      readonly vindex: SingleColumnVindex & Sequential;
      readonly holds: ColumnKind;
      readonly low: RangeBound | undefined;
      readonly high: RangeBound | undefined;
    }
  /** Rows like a pattern. */
  | {
      readonly kind: "like";
      readonly vindex: SingleColumnVindex & (Sequential | Prefixable);
      readonly holds: ColumnKind;
      readonly pattern: ValueRef;
    }
  /** Rows with NULL in the column; with `when`, only if that value is NULL. */
  | { readonly kind: "null-key"; readonly vindex: SingleColumnVindex; readonly when: ValueRef | undefined }
  /** All rows or none, as the constant condition is true or not. */
  | { readonly kind: "if"; readonly condition: Expr }
  /** Rows that a lookup table has for one of several values; anywhere until they are looked up. */
  | LookupRouting
  /** Rows with these keyspace ids. */
  | { readonly kind: "keyspace-ids"; readonly ids: readonly Buffer[] }
  /** The shards that all parts allow: conditions joined by AND. */
  | { readonly kind: "common"; readonly parts: readonly Routing[] };

export interface LookupRouting {
  readonly kind: "lookup";
  readonly vindex: LookupVindex;
  /** The table whose column is compared. */
  readonly table: string;
  readonly columnLower: string;
  readonly values: readonly ValueRef[];
}

export interface RangeBound {
  readonly value: ValueRef;
  readonly inclusive: boolean;
}
