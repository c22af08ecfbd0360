// The frame shared by vindexes that are one function of a value's bytes (binary, binary_md5, xxhash, cfc …): a malformed
// literal fails the query, everything else has exactly one keyspace id.

import type { Value } from "../mysql/values.ts";
import { bytesOf, showValue } from "./value-bytes.ts";
import {
  type Destination,
  type Hashing,
  type SingleColumnVindex,
  unknownParams,
  type VindexBase,
  type VindexParams,
  valueError,
} from "./vindex.ts";

export interface BytesFunction {
  readonly type: string;
  readonly cost: number;
  /** The keyspace id of these bytes, which are borrowed; `undefined` when they cannot be mapped. */
  keyspaceIdOf(bytes: Buffer): Buffer | undefined;
  /** Why bytes could not be mapped, for the error text. */
  readonly refusal?: string;
}

export function createBytesVindex(
  name: string,
  params: VindexParams,
  from: BytesFunction,
): SingleColumnVindex & Hashing {
  function hash(value: Value): Buffer | undefined {
    const bytes = bytesOf(value);
    return bytes === undefined ? undefined : from.keyspaceIdOf(bytes);
  }

  function requireId(value: Value): Buffer {
    const bytes = requireBytes(vindex, value);
    const id = from.keyspaceIdOf(bytes);
    if (id === undefined) throw valueError(vindex, `${showValue(value)} ${from.refusal ?? "cannot be mapped"}`);
    return id;
  }

  const vindex: SingleColumnVindex & Hashing = {
    kind: "single-column",
    name,
    type: from.type,
    cost: from.cost,
    unique: true,
    needsVcursor: false,
    unknownParams: unknownParams(params, []),
    hash,
    map: (value: Value): Destination => ({ kind: "keyspace-id", id: requireId(value) }),
    verify: (value: Value, keyspaceId: Buffer): boolean => requireId(value).equals(keyspaceId),
  };
  return vindex;
}

/** The bytes of a value, or VINDEX_VALUE_BAD for a malformed hexadecimal or bit literal. */
export function requireBytes(vindex: VindexBase, value: Value): Buffer {
  const bytes = bytesOf(value);
  if (bytes === undefined) throw valueError(vindex, `${showValue(value)} is malformed`);
  return bytes;
}
