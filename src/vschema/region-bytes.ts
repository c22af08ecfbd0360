// What the two region vindexes share: a region number in front of a hashed id, so that a region's rows lie together.

import { paramError, type VindexParams } from "./vindex.ts";
import { scramble } from "./zero-key-des.ts";

/** Parameter `region_bytes`: how many bytes of the keyspace id the region takes. */
export function readRegionBytes(params: VindexParams): 1 | 2 {
  const text = params.get("region_bytes");
  if (text === undefined) throw paramError('parameter "region_bytes" is missing');
  if (text === "1") return 1;
  if (text === "2") return 2;
  throw paramError(`parameter "region_bytes": "${text}" must be 1 or 2`);
}

/** The low bits of `region`, big-endian. */
export function regionPrefix(region: number, regionBytes: 1 | 2): Buffer {
  return regionBytes === 1 ? Buffer.from([region & 0xff]) : Buffer.from([(region >>> 8) & 0xff, region & 0xff]);
}

export function regionKeyspaceId(region: number, regionBytes: 1 | 2, high: number, low: number): Buffer {
  const id = Buffer.allocUnsafe(regionBytes + 8);
  id.writeUIntBE(region & (regionBytes === 1 ? 0xff : 0xffff), 0, regionBytes);
  scramble(high, low, id, regionBytes);
  return id;
}
