// `null`: every value goes to keyspace id 00; for tables that must have a vindex and need none.

import type { Value } from "../mysql/values.ts";
import { type Destination, type Hashing, type SingleColumnVindex, unknownParams, type VindexParams } from "./vindex.ts";

export function createNull(name: string, params: VindexParams): SingleColumnVindex & Hashing {
  const id = Buffer.from([0]);
  const destination: Destination = { kind: "keyspace-id", id };
  return {
    kind: "single-column",
    name,
    type: "null",
    cost: 100,
    unique: true,
    needsVcursor: false,
    unknownParams: unknownParams(params, []),
    hash: () => id,
    map: () => destination,
    verify: (_value: Value, keyspaceId: Buffer): boolean => keyspaceId.equals(id),
  };
}
