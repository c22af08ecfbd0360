// Where a row is, by the values that its columns hold.

import { ShardgateError } from "../../base/errors.ts";
import type { ShardTarget } from "../../engine/ports.ts";
import type { KeyspaceTargets } from "../../engine/shards.ts";
import { valueToPlace } from "../../engine/vindex-values.ts";
import type { Value } from "../../mysql/values.ts";
import { columnKindOf } from "../../plan/column-kind.ts";
import type { TableSchema } from "../../schema/model.ts";
import type { TableVSchema } from "../../vschema/model.ts";
import type { Vindex } from "../../vschema/vindex.ts";

export interface Place {
  readonly shard: ShardTarget;
  readonly keyspaceId: Buffer;
}

/** By the vindex on `columns`, whose values `valueOf` gives by lower-case name; undefined when that cannot be told. */
export function placeOfStored(
  { shardMap, targets }: KeyspaceTargets,
  vindex: Vindex,
  columns: readonly string[],
  valueOf: (lower: string) => Value | undefined,
  vschema: TableVSchema | undefined,
  definition: TableSchema | undefined,
): Place | undefined {
  const row: Value[] = [];
  for (const column of columns) {
    const lower = column.toLowerCase();
    const value = valueOf(lower);
    const placed =
      value === undefined ? undefined : valueToPlace(vindex, columnKindOf(vschema, lower, definition), value);
    if (placed === undefined) return undefined;
    row.push(placed);
  }
  const keyspaceId = keyspaceIdOf(vindex, row);
  const shard = shardMap === undefined || keyspaceId === undefined ? undefined : targets[shardMap.indexOf(keyspaceId)];
  return shard === undefined || keyspaceId === undefined ? undefined : { shard, keyspaceId };
}

function keyspaceIdOf(vindex: Vindex, row: readonly Value[]): Buffer | undefined {
  if (vindex.kind === "lookup") return undefined;
  try {
    const [first] = row;
    const destination = vindex.kind === "multi-column" ? vindex.map(row) : first && vindex.map(first);
    return destination?.kind === "keyspace-id" ? destination.id : undefined;
  } catch (error) {
    if (error instanceof ShardgateError && error.id === "VINDEX_VALUE_BAD") return undefined;
    throw error;
  }
}
