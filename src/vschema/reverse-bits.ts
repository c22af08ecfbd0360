// `reverse_bits`: the number with its 64 bits in reverse order, so that consecutive numbers spread over the shards.

import type { Value } from "../mysql/values.ts";
import { bigEndian, createNumberVindex } from "./number-vindex.ts";
import { unsignedValue } from "./value-bytes.ts";
import { type Hashing, type Reversible, type SingleColumnVindex, type VindexParams, valueError } from "./vindex.ts";

export function createReverseBits(name: string, params: VindexParams): SingleColumnVindex & Hashing & Reversible {
  const base = createNumberVindex(name, params, {
    type: "reverse_bits",
    cost: 1,
    keyspaceIdOf: (high, low) => bigEndian(reversed(low), reversed(high)),
  });
  return {
    ...base,
    reverseMap(keyspaceId: Buffer): Value {
      if (keyspaceId.length !== 8) {
        throw valueError(base, `keyspace id ${keyspaceId.toString("hex")} has ${keyspaceId.length} bytes instead of 8`);
      }
      return unsignedValue(reversed(keyspaceId.readUInt32BE(4)), reversed(keyspaceId.readUInt32BE(0)));
    },
  };
}

/** The 32 bits of `half` in reverse order. */
function reversed(half: number): number {
  let bits = half;
  bits = ((bits >>> 1) & 0x55555555) | ((bits & 0x55555555) << 1);
  bits = ((bits >>> 2) & 0x33333333) | ((bits & 0x33333333) << 2);
  bits = ((bits >>> 4) & 0x0f0f0f0f) | ((bits & 0x0f0f0f0f) << 4);
  bits = ((bits >>> 8) & 0x00ff00ff) | ((bits & 0x00ff00ff) << 8);
  return (bits >>> 16) | (bits << 16);
}
