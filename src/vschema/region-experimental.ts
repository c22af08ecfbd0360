// `region_experimental`: (region number, id); the region's low bytes followed by the hash of the id. The region alone
// gives a key range.

import type { Value } from "../mysql/values.ts";
import { prefixRange } from "./prefix-range.ts";
import { readRegionBytes, regionKeyspaceId, regionPrefix } from "./region-bytes.ts";
import { readUnsigned } from "./value-bytes.ts";
import {
  type Destination,
  type MultiColumnVindex,
  NO_DESTINATION,
  unknownParams,
  type VindexParams,
} from "./vindex.ts";

const ALL = prefixRange(Buffer.alloc(0));

export function createRegionExperimental(name: string, params: VindexParams): MultiColumnVindex {
  const regionBytes = readRegionBytes(params);
  const number = new Uint32Array(2);

  function map(row: readonly Value[]): Destination {
    const [region, id] = row;
    if (region === undefined) return ALL;
    if (row.length > 2 || !readUnsigned(region.raw, number)) return NO_DESTINATION;
    const regionNumber = number[1] ?? 0;
    if (id === undefined) return prefixRange(regionPrefix(regionNumber, regionBytes));
    if (!readUnsigned(id.raw, number)) return NO_DESTINATION;
    return { kind: "keyspace-id", id: regionKeyspaceId(regionNumber, regionBytes, number[0] ?? 0, number[1] ?? 0) };
  }

  return {
    kind: "multi-column",
    name,
    type: "region_experimental",
    cost: 1,
    unique: true,
    needsVcursor: false,
    unknownParams: unknownParams(params, ["region_bytes"]),
    columnCount: 2,
    columnTypes: ["numeric", "numeric"],
    partial: true,
    map,
    verify(row: readonly Value[], keyspaceId: Buffer): boolean {
      const destination = map(row);
      return destination.kind === "keyspace-id" && destination.id.equals(keyspaceId);
    },
  };
}
