// `binary`: the bytes of the value are the keyspace id.

import type { Value } from "../mysql/values.ts";
import { createBytesVindex, requireBytes } from "./bytes-vindex.ts";
import type { Destination, Hashing, Reversible, Sequential, SingleColumnVindex, VindexParams } from "./vindex.ts";

export function createBinary(
  name: string,
  params: VindexParams,
): SingleColumnVindex & Hashing & Reversible & Sequential {
  const base = createBytesVindex(name, params, { type: "binary", cost: 0, keyspaceIdOf: (bytes) => bytes });
  return {
    ...base,
    reverseMap: (keyspaceId: Buffer): Value => ({ type: "VARBINARY", raw: keyspaceId }),
    rangeMap: (start: Value, end: Value): Destination => ({
      kind: "range",
      start: requireBytes(base, start),
      end: requireBytes(base, end),
    }),
  };
}
