// `cfc` (concatenated fixed-width components): the value is cut at fixed offsets, every piece is hashed and the hashes are
// joined, so a LIKE on complete leading pieces still maps to a key range. Without `hash` the bytes are the keyspace id.

import type { Value } from "../mysql/values.ts";
import { md5 } from "./binary-md5.ts";
import { requireBytes } from "./bytes-vindex.ts";
import { likePrefix } from "./like-prefix.ts";
import { prefixRange } from "./prefix-range.ts";
import {
  type Destination,
  type Prefixable,
  paramError,
  type SingleColumnVindex,
  unknownParams,
  type VindexParams,
  valueError,
} from "./vindex.ts";
import { xxh64 } from "./xxh64.ts";

const HASHES: ReadonlyMap<string, (bytes: Buffer) => Buffer> = new Map([
  ["md5", md5],
  ["xxhash64", xxh64],
]);

export function createCfc(name: string, params: VindexParams): SingleColumnVindex & Prefixable {
  const hashName = params.get("hash") ?? "";
  const hash = HASHES.get(hashName);
  if (hash === undefined && hashName !== "") {
    throw paramError(`parameter "hash": "${hashName}" is not known; cfc has md5 and xxhash64`);
  }
  const offsets = hash === undefined ? [] : readOffsets(params.get("offsets") ?? "");
  const wholeBytes = offsets.at(-1) ?? 0;

  /** Hashes the pieces of `bytes` up to each of `ends`; a hash longer than its piece is cut to the piece's length. */
  function joinHashes(bytes: Buffer, ends: readonly number[]): Buffer {
    if (hash === undefined) return bytes;
    const parts: Buffer[] = [];
    let start = 0;
    for (const end of ends) {
      if (end > start) parts.push(hash(bytes.subarray(start, end)).subarray(0, end - start));
      start = end;
    }
    return Buffer.concat(parts);
  }

  function idOf(value: Value): Buffer {
    const bytes = requireBytes(vindex, value);
    if (bytes.length < wholeBytes) throw valueError(vindex, `needs at least ${wholeBytes} bytes, got ${bytes.length}`);
    return joinHashes(bytes, [...offsets, bytes.length]);
  }

  const vindex: SingleColumnVindex & Prefixable = {
    kind: "single-column",
    name,
    type: "cfc",
    cost: 1,
    unique: true,
    needsVcursor: false,
    unknownParams: unknownParams(params, ["hash", "offsets"]),
    map: (value: Value): Destination => ({ kind: "keyspace-id", id: idOf(value) }),
    verify: (value: Value, keyspaceId: Buffer): boolean => idOf(value).equals(keyspaceId),
    prefixBytesMax: hash === undefined ? Number.POSITIVE_INFINITY : wholeBytes,
    mapPrefix(like: Value): Destination {
      const prefix = likePrefix(requireBytes(vindex, like));
      const ends = offsets.filter((offset) => offset <= prefix.length);
      if (prefix.length > wholeBytes) ends.push(prefix.length);
      return prefixRange(joinHashes(prefix, ends));
    },
  };
  return vindex;
}

/** "[3,5]": positive and ascending. */
function readOffsets(text: string): readonly number[] {
  const list = /^\s*\[([^[\]]*)\]\s*$/.exec(text)?.[1] ?? "";
  const offsets = list.split(",").map((item) => (/^\s*[1-9]\d{0,6}\s*$/.test(item) ? Number(item) : 0));
  if (offsets.some((offset, i) => offset <= (offsets[i - 1] ?? 0))) {
    throw paramError(`parameter "offsets": "${text}" must be ascending positive integers in brackets, as in [3,5]`);
  }
  return offsets;
}
