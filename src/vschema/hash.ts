// `hash`: a number's 64 bits scrambled by DES under the zero key. The most used vindex, so on the path of most queries.

import type { Value } from "../mysql/values.ts";
import { isSignedInteger, readSigned, readUnsigned, showValue, unsignedValue } from "./value-bytes.ts";
import {
  type Destination,
  type Hashing,
  NO_DESTINATION,
  type Reversible,
  type SingleColumnVindex,
  unknownParams,
  type VindexParams,
  valueError,
} from "./vindex.ts";
import { scramble } from "./zero-key-des.ts";

export function createHash(name: string, params: VindexParams): SingleColumnVindex & Reversible & Hashing {
  const number = new Uint32Array(2);

  function scrambled(): Buffer {
    const id = Buffer.allocUnsafe(8);
    scramble(number[0] ?? 0, number[1] ?? 0, id, 0);
    return id;
  }

  function hash(value: Value): Buffer | undefined {
    const read = isSignedInteger(value.type) ? readSigned(value.raw, number) : readUnsigned(value.raw, number);
    return read ? scrambled() : undefined;
  }

  const vindex: SingleColumnVindex & Reversible & Hashing = {
    kind: "single-column",
    name,
    type: "hash",
    cost: 1,
    unique: true,
    needsVcursor: false,
    unknownParams: unknownParams(params, []),
    hash,
    map(value: Value): Destination {
      const id = hash(value);
      return id === undefined ? NO_DESTINATION : { kind: "keyspace-id", id };
    },
    // Unlike map this never reads a sign: Vitess refuses to verify a negative value, and so do we.
    verify(value: Value, keyspaceId: Buffer): boolean {
      if (!readUnsigned(value.raw, number)) throw valueError(vindex, `${showValue(value)} is not an unsigned number`);
      return scrambled().equals(keyspaceId);
    },
    reverseMap(keyspaceId: Buffer): Value {
      if (keyspaceId.length !== 8) {
        throw valueError(
          vindex,
          `keyspace id ${keyspaceId.toString("hex")} has ${keyspaceId.length} bytes instead of 8`,
        );
      }
      const plain = Buffer.allocUnsafe(8);
      scramble(keyspaceId.readUInt32BE(0), keyspaceId.readUInt32BE(4), plain, 0);
      return unsignedValue(plain.readUInt32BE(0), plain.readUInt32BE(4));
    },
  };
  return vindex;
}
