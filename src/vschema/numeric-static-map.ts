// `numeric_static_map`: numbers listed in a map go where the map says; others by the `fallback_type` vindex, or as
// `numeric` when there is none. The map is a parameter (`json`) or a file (`json_path`).

import type { Value } from "../mysql/values.ts";
import { readNumberMap } from "./number-map.ts";
import { bigEndian } from "./number-vindex.ts";
import { readUnsigned, showValue } from "./value-bytes.ts";
import {
  type Destination,
  type Hashing,
  isHashing,
  NO_DESTINATION,
  paramError,
  type SingleColumnVindex,
  unknownParams,
  type VindexEnvironment,
  type VindexParams,
  valueError,
} from "./vindex.ts";

export function createNumericStaticMap(
  name: string,
  params: VindexParams,
  environment: VindexEnvironment,
): SingleColumnVindex & Hashing {
  const listed = readListed(params, environment);
  const fallback = readFallback(name, params, environment);
  const number = new Uint32Array(2);

  function hash(value: Value): Buffer | undefined {
    if (!readUnsigned(value.raw, number)) return undefined;
    const high = number[0] ?? 0;
    const low = number[1] ?? 0;
    const id = listed.get(high)?.get(low);
    if (id !== undefined) return id;
    return fallback === undefined ? bigEndian(high, low) : fallback.hash(value);
  }

  const vindex: SingleColumnVindex & Hashing = {
    kind: "single-column",
    name,
    type: "numeric_static_map",
    cost: 1,
    unique: true,
    needsVcursor: false,
    unknownParams: unknownParams(params, ["json", "json_path", "fallback_type"]),
    hash,
    map(value: Value): Destination {
      const id = hash(value);
      return id === undefined ? NO_DESTINATION : { kind: "keyspace-id", id };
    },
    verify(value: Value, keyspaceId: Buffer): boolean {
      const id = hash(value);
      if (id === undefined) throw valueError(vindex, `${showValue(value)} is not an unsigned number`);
      return id.equals(keyspaceId);
    },
  };
  return vindex;
}

/** Keyspace ids by the number's high half, then its low half: found without making a key for each query. */
function readListed(
  params: VindexParams,
  environment: VindexEnvironment,
): ReadonlyMap<number, ReadonlyMap<number, Buffer>> {
  const json = params.get("json");
  const path = params.get("json_path");
  if (json !== undefined && path !== undefined) throw paramError('give "json" or "json_path", not both');
  if (json === undefined && path === undefined) throw paramError('parameter "json" or "json_path" is missing');
  const what = path === undefined ? 'parameter "json"' : `file ${path} of parameter "json_path"`;
  const numbers = readNumberMap(json ?? environment.readFile(path ?? ""), what);
  const listed = new Map<number, Map<number, Buffer>>();
  for (const [text, to] of numbers) {
    const from = new Uint32Array(2);
    if (!/^\d+$/.test(text) || !readUnsigned(Buffer.from(text, "latin1"), from)) {
      throw paramError(`${what}: ${JSON.stringify(text)} is not an unsigned 64-bit number`);
    }
    const lows = listed.get(from[0] ?? 0) ?? new Map<number, Buffer>();
    lows.set(from[1] ?? 0, bigEndian(to[0] ?? 0, to[1] ?? 0));
    listed.set(from[0] ?? 0, lows);
  }
  return listed;
}

function readFallback(name: string, params: VindexParams, environment: VindexEnvironment): Hashing | undefined {
  const type = params.get("fallback_type");
  if (type === undefined) return undefined;
  const vindex = environment.create(type, name, new Map());
  if (!isHashing(vindex)) throw paramError(`parameter "fallback_type": ${type} cannot be a fallback`);
  return vindex;
}
