// `xxhash`: XXH64 of the value's bytes; the usual choice for text and binary columns.

import { createBytesVindex } from "./bytes-vindex.ts";
import type { Hashing, SingleColumnVindex, VindexParams } from "./vindex.ts";
import { xxh64 } from "./xxh64.ts";

export function createXxhash(name: string, params: VindexParams): SingleColumnVindex & Hashing {
  return createBytesVindex(name, params, { type: "xxhash", cost: 1, keyspaceIdOf: xxh64 });
}
