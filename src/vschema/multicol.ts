// `multicol`: each column is hashed by a vindex of its own, the hashes are cut to the column's share of at most eight
// bytes and joined. Rows that agree in the leading columns lie together, and the leading columns alone give a key range.

import type { Value } from "../mysql/values.ts";
import { prefixRange } from "./prefix-range.ts";
import {
  type Destination,
  type Hashing,
  isHashing,
  type MultiColumnVindex,
  NO_DESTINATION,
  paramError,
  type SingleColumnVindex,
  type VindexEnvironment,
  type VindexParams,
} from "./vindex.ts";

const KEYSPACE_ID_BYTES = 8;
const COLUMNS_MAX = 8;

interface Column {
  readonly vindex: SingleColumnVindex & Hashing;
  readonly bytes: number;
  /** Where the column's bytes begin in the keyspace id. */
  readonly offset: number;
}

export function createMulticol(name: string, params: VindexParams, environment: VindexEnvironment): MultiColumnVindex {
  const columnCount = readColumnCount(params);
  const bytes = readColumnBytes(params, columnCount);
  const vindexes = readColumnVindexes(name, params, columnCount, environment);
  let offset = 0;
  const columns: Column[] = vindexes.map((vindex, i) => {
    const column = { vindex, bytes: bytes[i] ?? 0, offset };
    offset += column.bytes;
    return column;
  });

  /** The keyspace id, or its beginning when the row has fewer values than there are columns. */
  function idOf(row: readonly Value[]): Buffer | undefined {
    if (row.length > columnCount) return undefined;
    const id = Buffer.alloc(KEYSPACE_ID_BYTES);
    let length = 0;
    for (let i = 0; i < row.length; i++) {
      const column = columns[i];
      const value = row[i];
      if (column === undefined || value === undefined) return undefined;
      const hash = column.vindex.hash(value);
      if (hash === undefined) return undefined;
      length = column.offset + hash.copy(id, column.offset, 0, column.bytes);
    }
    return id.subarray(0, length);
  }

  return {
    kind: "multi-column",
    name,
    type: "multicol",
    cost: vindexes.reduce((sum, vindex) => sum + vindex.cost, 0),
    unique: true,
    needsVcursor: false,
    // What multicol does not know may be meant for one of its column vindexes.
    unknownParams: [],
    columnCount,
    columnTypes: vindexes.map(({ type }) => type),
    partial: true,
    map(row: readonly Value[]): Destination {
      const id = idOf(row);
      if (id === undefined) return NO_DESTINATION;
      return row.length < columnCount ? prefixRange(id) : { kind: "keyspace-id", id };
    },
    verify: (row: readonly Value[], keyspaceId: Buffer): boolean => idOf(row)?.equals(keyspaceId) ?? false,
  };
}

function readColumnCount(params: VindexParams): number {
  const text = params.get("column_count");
  if (text === undefined) throw paramError('parameter "column_count" is missing');
  const count = /^[+-]?\d{1,9}$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > COLUMNS_MAX) {
    throw paramError(`parameter "column_count": "${text}" must be between 1 and ${COLUMNS_MAX}`);
  }
  return count;
}

/** Columns without a count share what is left, the leading ones rounded up. */
function readColumnBytes(params: VindexParams, columnCount: number): readonly number[] {
  const text = params.get("column_bytes") ?? "";
  const items = text === "" ? [] : text.split(",");
  if (items.length > columnCount) {
    throw paramError(`parameter "column_bytes": ${items.length} counts for ${columnCount} columns`);
  }
  const given = Array.from({ length: columnCount }, (_, i) => {
    const item = items[i] ?? "";
    if (item === "") return 0;
    if (!/^[1-9]\d{0,8}$/.test(item)) throw paramError(`parameter "column_bytes": "${item}" is not a positive number`);
    return Number(item);
  });
  let unset = given.filter((bytes) => bytes === 0).length;
  let left = KEYSPACE_ID_BYTES - given.reduce((sum, bytes) => sum + bytes, 0);
  if (left < unset) {
    throw paramError(`parameter "column_bytes": "${text}" leaves not a byte for each column; a keyspace id has 8`);
  }
  return given.map((bytes) => {
    if (bytes > 0) return bytes;
    const share = Math.ceil(left / unset);
    left -= share;
    unset--;
    return share;
  });
}

function readColumnVindexes(
  name: string,
  params: VindexParams,
  columnCount: number,
  environment: VindexEnvironment,
): readonly (SingleColumnVindex & Hashing)[] {
  const text = params.get("column_vindex") ?? "";
  const types = text === "" ? [] : text.split(",").map((type) => type.trim());
  if (types.length > columnCount) {
    throw paramError(`parameter "column_vindex": ${types.length} vindexes for ${columnCount} columns`);
  }
  return Array.from({ length: columnCount }, (_, i) => {
    const type = types[i] === undefined || types[i] === "" ? "hash" : types[i];
    // multicol inside multicol would be built from the same parameters without end.
    const vindex = type === "multicol" ? undefined : environment.create(type, `${name}_${i}`, params);
    if (vindex === undefined || !isHashing(vindex)) {
      throw paramError(`parameter "column_vindex": ${type} cannot hash one column of several`);
    }
    return vindex;
  });
}
