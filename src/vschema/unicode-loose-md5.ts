// `unicode_loose_md5`: MD5 of the loose collation key, so texts that differ in case, accents or trailing blanks only share
// a keyspace id. Malformed UTF-8 fails the query.

import { md5 } from "./binary-md5.ts";
import { createBytesVindex } from "./bytes-vindex.ts";
import { loadLooseWeights, looseKey } from "./loose-key.ts";
import type { Hashing, SingleColumnVindex, VindexParams } from "./vindex.ts";

export function createUnicodeLooseMd5(name: string, params: VindexParams): SingleColumnVindex & Hashing {
  loadLooseWeights();
  return createBytesVindex(name, params, {
    type: "unicode_loose_md5",
    cost: 1,
    refusal: "is not valid UTF-8",
    keyspaceIdOf(bytes) {
      const key = looseKey(bytes);
      return key === undefined ? undefined : md5(key);
    },
  });
}
