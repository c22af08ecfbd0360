// A lookup vindex that places rows, with its table asked for the values that are needed: from there on it maps them as any
// other vindex does.

import type { Value } from "../../mysql/values.ts";
import type { ColumnVindex } from "../../vschema/model.ts";
import { NO_DESTINATION, type SingleColumnVindex, type Vindex } from "../../vschema/vindex.ts";
import type { ClusterView } from "../cluster/cluster-view.ts";
import type { Executor } from "../executor.ts";
import { LookupRows, lookupOf, lookupValue, type OwnerTable, textOf } from "./lookup-rows.ts";

/** Functional vindexes are what they are. A value that the lookup table does not have maps to nothing. */
export async function resolvedVindex(
  executor: Executor,
  cluster: ClusterView,
  owner: OwnerTable,
  columnVindex: ColumnVindex,
  values: readonly Value[],
): Promise<Vindex> {
  const { vindex } = columnVindex;
  const lookup = lookupOf(columnVindex, owner);
  if (lookup === undefined || vindex.kind !== "lookup") return vindex;
  const distinct = new Map(values.map((value) => [textOf([lookupValue(value)]), value]));
  const asked = [...distinct.values()].map((value) => [lookupValue(value)]);
  const found = await new LookupRows(executor, cluster, []).map(lookup, asked);
  const idOf = (value: Value): Buffer | undefined => found.get(textOf([lookupValue(value)]))?.[0];
  const resolved: SingleColumnVindex = {
    kind: "single-column",
    name: vindex.name,
    type: vindex.type,
    cost: vindex.cost,
    unique: true,
    needsVcursor: true,
    unknownParams: [],
    map(value) {
      const id = idOf(value);
      return id === undefined ? NO_DESTINATION : { kind: "keyspace-id", id };
    },
    verify: (value, keyspaceId) => idOf(value)?.equals(keyspaceId) === true,
  };
  return resolved;
}
