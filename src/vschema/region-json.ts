// `region_json`: (id, region name); the number that a JSON file gives the region, followed by the hash of the id.

import type { Value } from "../mysql/values.ts";
import { readNumberMap } from "./number-map.ts";
import { readRegionBytes, regionKeyspaceId } from "./region-bytes.ts";
import { bytesOf, readUnsigned } from "./value-bytes.ts";
import {
  type Destination,
  type MultiColumnVindex,
  NO_DESTINATION,
  paramError,
  unknownParams,
  type VindexEnvironment,
  type VindexParams,
} from "./vindex.ts";

export function createRegionJson(
  name: string,
  params: VindexParams,
  environment: VindexEnvironment,
): MultiColumnVindex {
  const path = params.get("region_map");
  if (path === undefined) throw paramError('parameter "region_map" is missing');
  const regionBytes = readRegionBytes(params);
  const regions = regionsByBytes(readNumberMap(environment.readFile(path), `file ${path} of parameter "region_map"`));
  const number = new Uint32Array(2);

  function idOf(row: readonly Value[]): Buffer | undefined {
    const [id, regionName] = row;
    if (row.length !== 2 || id === undefined || regionName === undefined) return undefined;
    if (!readUnsigned(id.raw, number)) return undefined;
    const region = regions.get(bytesOf(regionName)?.toString("latin1") ?? "\u{100}");
    if (region === undefined) return undefined;
    return regionKeyspaceId(region, regionBytes, number[0] ?? 0, number[1] ?? 0);
  }

  return {
    kind: "multi-column",
    name,
    type: "region_json",
    cost: 1,
    unique: true,
    needsVcursor: false,
    unknownParams: unknownParams(params, ["region_map", "region_bytes"]),
    columnCount: 2,
    columnTypes: ["numeric", "binary"],
    partial: false,
    map(row: readonly Value[]): Destination {
      const id = idOf(row);
      return id === undefined ? NO_DESTINATION : { kind: "keyspace-id", id };
    },
    verify: (row: readonly Value[], keyspaceId: Buffer): boolean => idOf(row)?.equals(keyspaceId) ?? false,
  };
}

/** Names are matched byte by byte, so each is kept as a text of its UTF-8 bytes. */
function regionsByBytes(numbers: ReadonlyMap<string, Uint32Array>): ReadonlyMap<string, number> {
  return new Map([...numbers].map(([name, number]) => [Buffer.from(name, "utf8").toString("latin1"), number[1] ?? 0]));
}
