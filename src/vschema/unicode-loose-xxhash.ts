// `unicode_loose_xxhash`: XXH64 of the loose collation key, so texts that differ in case, accents or trailing blanks only
// share a keyspace id. Malformed UTF-8 fails the query.

import { createBytesVindex } from "./bytes-vindex.ts";
import { loadLooseWeights, looseKey } from "./loose-key.ts";
import type { Hashing, SingleColumnVindex, VindexParams } from "./vindex.ts";
import { xxh64 } from "./xxh64.ts";

export function createUnicodeLooseXxhash(name: string, params: VindexParams): SingleColumnVindex & Hashing {
  loadLooseWeights();
  return createBytesVindex(name, params, {
    type: "unicode_loose_xxhash",
    cost: 1,
    refusal: "is not valid UTF-8",
    keyspaceIdOf(bytes) {
      const key = looseKey(bytes);
      return key === undefined ? undefined : xxh64(key);
    },
  });
}
