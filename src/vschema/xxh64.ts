// XXH64 with seed 0, written little-endian: the digest of the `xxhash` family. The WebAssembly module can only be started
// asynchronously, while `map` has to answer at once, so a process awaits `loadHashes()` before it maps its first value.

import loadXxhash, { type XXHashAPI } from "xxhash-wasm";
import { assert } from "../base/assert.ts";

let api: XXHashAPI | undefined;

/** Call once at the start of a process or test that maps values; cheap to call again. Parsing a VSchema works without. */
export async function loadHashes(): Promise<void> {
  api ??= await loadXxhash();
}

/** Eight bytes. `bytes` is borrowed. */
export function xxh64(bytes: Buffer): Buffer {
  assert(api !== undefined, "await loadHashes() comes before the first xxhash");
  const digest = Buffer.allocUnsafe(8);
  digest.writeBigUInt64LE(api.h64Raw(bytes));
  return digest;
}
