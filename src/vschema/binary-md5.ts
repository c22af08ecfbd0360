// `binary_md5`: the MD5 of the value's bytes, all sixteen bytes of it.

import { createHash } from "node:crypto";
import { createBytesVindex } from "./bytes-vindex.ts";
import type { Hashing, SingleColumnVindex, VindexParams } from "./vindex.ts";

export function createBinaryMd5(name: string, params: VindexParams): SingleColumnVindex & Hashing {
  return createBytesVindex(name, params, { type: "binary_md5", cost: 1, keyspaceIdOf: md5 });
}

export function md5(bytes: Buffer): Buffer {
  return createHash("md5").update(bytes).digest();
}
