// `numeric`: the number itself, eight bytes big-endian; keeps the order of the numbers.

import type { Value } from "../mysql/values.ts";
import { bigEndian, createNumberVindex } from "./number-vindex.ts";
import { unsignedValue } from "./value-bytes.ts";
import {
  type Destination,
  type Hashing,
  type Reversible,
  type Sequential,
  type SingleColumnVindex,
  type VindexParams,
  valueError,
} from "./vindex.ts";

export function createNumeric(
  name: string,
  params: VindexParams,
): SingleColumnVindex & Hashing & Reversible & Sequential {
  const base = createNumberVindex(name, params, { type: "numeric", cost: 0, keyspaceIdOf: bigEndian });
  return {
    ...base,
    reverseMap(keyspaceId: Buffer): Value {
      if (keyspaceId.length !== 8) {
        throw valueError(base, `keyspace id ${keyspaceId.toString("hex")} has ${keyspaceId.length} bytes instead of 8`);
      }
      return unsignedValue(keyspaceId.readUInt32BE(0), keyspaceId.readUInt32BE(4));
    },
    rangeMap: (start: Value, end: Value): Destination => ({
      kind: "range",
      start: base.requireId(start),
      end: base.requireId(end),
    }),
  };
}
