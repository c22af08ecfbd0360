// Vindexes: functions from column values to keyspace ids, as small capabilities. A vindex is a plain object; what it can
// do beyond `map` is asked with the guards below. All functions are pure, synchronous and byte-exact with Vitess, because
// rows already placed by the one must be found by the other. Nothing here knows tables, queries or shards: a destination
// is a keyspace id or a key range, and `topo` turns it into shards.

import { ShardgateError } from "../base/errors.ts";
import type { Value } from "../mysql/values.ts";

/** Where a row lives. `id` may share memory with the value it was mapped from; a range is half open, empty = open end. */
export type Destination =
  | { readonly kind: "keyspace-id"; readonly id: Buffer }
  | { readonly kind: "range"; readonly start: Buffer; readonly end: Buffer }
  | { readonly kind: "none" };

export interface VindexBase {
  readonly name: string;
  readonly type: string;
  /** Relative cost of one `map`; of several usable vindexes the planner takes the cheapest. */
  readonly cost: number;
  /** A value maps to at most one keyspace id. */
  readonly unique: boolean;
  /** Mapping needs queries to a lookup table. */
  readonly needsVcursor: boolean;
  /** Parameters the type does not know: told as warnings, ignored otherwise. */
  readonly unknownParams: readonly string[];
}

/** Maps one column. */
export interface SingleColumnVindex extends VindexBase {
  readonly kind: "single-column";
  /** Throws VINDEX_VALUE_BAD only where Vitess fails the query as well; a value that can be in no row gives `none`. */
  map(value: Value): Destination;
  /** Whether a row with `value` belongs to `keyspaceId`. Throws VINDEX_VALUE_BAD when the value cannot be mapped. */
  verify(value: Value, keyspaceId: Buffer): boolean;
}

/** Maps `columnCount` columns together; `partial` ones accept a prefix of the columns and give a key range. */
export interface MultiColumnVindex extends VindexBase {
  readonly kind: "multi-column";
  readonly columnCount: number;
  /** Of each column: the type of a single-column vindex that reads its values in the same way. */
  readonly columnTypes: readonly string[];
  readonly partial: boolean;
  map(row: readonly Value[]): Destination;
  verify(row: readonly Value[], keyspaceId: Buffer): boolean;
}

/** How a lookup table has values and keyspace ids: as they are, ids as what they hash, texts as a number of theirs. */
export type LookupForm = "keyspace-id" | "hash" | "loose-md5-hash";

/** Kept in a table of its own: mapping takes a query. */
export interface LookupVindex extends VindexBase {
  readonly kind: "lookup";
  readonly needsVcursor: true;
  /** The lookup table, as written: `table` or `keyspace.table`; empty if not given. */
  readonly table: string;
  readonly from: readonly string[];
  readonly to: string;
  /** A backfill is running: rows are written, but must not be read by this vindex. */
  readonly writeOnly: boolean;
  /** Rows are written at once, outside of the transaction, and never removed. */
  readonly autocommit: boolean;
  /** Several values are looked up by one query. */
  readonly batches: boolean;
  /** Values that another table gives must be in it. */
  readonly verifies: boolean;
  /** New rows are committed before, removed ones after what they are for. */
  readonly consistent: boolean;
  readonly form: LookupForm;
  /** The value of the first column of `from` as the table has it; undefined for one that it cannot have. */
  stored(value: Value): Value | undefined;
}

export type Vindex = SingleColumnVindex | MultiColumnVindex | LookupVindex;

/** The value can be computed back from the keyspace id. Throws VINDEX_VALUE_BAD for an id of the wrong length. */
export interface Reversible {
  reverseMap(keyspaceId: Buffer): Value;
}

/** Keeps the order of values, so that BETWEEN maps to one key range. Throws VINDEX_VALUE_BAD. */
export interface Sequential {
  rangeMap(start: Value, end: Value): Destination;
}

/** Maps the literal prefix of a LIKE pattern to a key range. Throws VINDEX_VALUE_BAD. */
export interface Prefixable {
  /** As many bytes of a prefix decide; of more, `mapPrefix` takes the rest for whole, as Vitess does. */
  readonly prefixBytesMax: number;
  mapPrefix(like: Value): Destination;
}

/** Gives the bytes that other vindexes build theirs from; `undefined` for a value that cannot be mapped. */
export interface Hashing {
  hash(value: Value): Buffer | undefined;
}

export type VindexParams = ReadonlyMap<string, string>;

/** What a constructor may need from outside. */
export interface VindexEnvironment {
  /** Text of a file named by a `json_path` or `region_map` parameter. Throws when it cannot be read. */
  readFile(path: string): string;
  create(type: string, name: string, params: VindexParams): Vindex;
}

export type VindexConstructor = (name: string, params: VindexParams, environment: VindexEnvironment) => Vindex;

export const NO_DESTINATION: Destination = { kind: "none" };

export function isReversible(vindex: Vindex): vindex is Vindex & Reversible {
  return "reverseMap" in vindex;
}

export function isSequential(vindex: Vindex): vindex is Vindex & Sequential {
  return "rangeMap" in vindex;
}

export function isPrefixable(vindex: Vindex): vindex is Vindex & Prefixable {
  return "mapPrefix" in vindex;
}

export function isHashing(vindex: Vindex): vindex is SingleColumnVindex & Hashing {
  return "hash" in vindex;
}

/** The parameter names that are not in `known`, sorted. */
export function unknownParams(params: VindexParams, known: readonly string[]): readonly string[] {
  return [...params.keys()].filter((name) => !known.includes(name)).sort();
}

/** A value that the vindex cannot map; `reason` continues "vindex "x": ". */
export function valueError(vindex: VindexBase, reason: string): ShardgateError {
  return new ShardgateError("VINDEX_VALUE_BAD", `vindex "${vindex.name}" (${vindex.type}): ${reason}`);
}

/** A VSchema parameter the vindex refuses. */
export function paramError(reason: string): ShardgateError {
  return new ShardgateError("VSCHEMA_BAD", reason);
}
