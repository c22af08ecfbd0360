// The frame shared by vindexes that are one function of a value's unsigned number (numeric, reverse_bits): what is not
// such a number is in no shard, but cannot be verified either.

import type { Value } from "../mysql/values.ts";
import { readUnsigned, showValue } from "./value-bytes.ts";
import {
  type Destination,
  type Hashing,
  NO_DESTINATION,
  type SingleColumnVindex,
  unknownParams,
  type VindexParams,
  valueError,
} from "./vindex.ts";

export interface NumberFunction {
  readonly type: string;
  readonly cost: number;
  /** Eight bytes for the number given as 32-bit halves. */
  keyspaceIdOf(high: number, low: number): Buffer;
}

export interface NumberVindex extends SingleColumnVindex, Hashing {
  /** Like `map`, but VINDEX_VALUE_BAD where that finds no shard. */
  requireId(value: Value): Buffer;
}

export function createNumberVindex(name: string, params: VindexParams, from: NumberFunction): NumberVindex {
  const number = new Uint32Array(2);

  function hash(value: Value): Buffer | undefined {
    return readUnsigned(value.raw, number) ? from.keyspaceIdOf(number[0] ?? 0, number[1] ?? 0) : undefined;
  }

  function requireId(value: Value): Buffer {
    const id = hash(value);
    if (id === undefined) throw valueError(vindex, `${showValue(value)} is not an unsigned number`);
    return id;
  }

  const vindex: NumberVindex = {
    kind: "single-column",
    name,
    type: from.type,
    cost: from.cost,
    unique: true,
    needsVcursor: false,
    unknownParams: unknownParams(params, []),
    hash,
    requireId,
    map(value: Value): Destination {
      const id = hash(value);
      return id === undefined ? NO_DESTINATION : { kind: "keyspace-id", id };
    },
    verify: (value: Value, keyspaceId: Buffer): boolean => requireId(value).equals(keyspaceId),
  };
  return vindex;
}

/** Eight bytes, big-endian. */
export function bigEndian(high: number, low: number): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeInt32BE(high | 0, 0);
  bytes.writeInt32BE(low | 0, 4);
  return bytes;
}
