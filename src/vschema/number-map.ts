// Files and parameters that map names to unsigned 64-bit numbers: `{"1": 2}` of numeric_static_map, the region map of
// region_json.

import { readUnsigned } from "./value-bytes.ts";
import { isJsonNumber, isJsonObject, readJson } from "./json-text.ts";
import { paramError } from "./vindex.ts";

/** [high, low] halves by name. Throws VSCHEMA_BAD for anything but an object of whole numbers below 2^64. */
export function readNumberMap(text: string, what: string): ReadonlyMap<string, Uint32Array> {
  const json = readJson(text, what);
  if (!isJsonObject(json)) throw paramError(`${what}: an object of numbers expected`);
  const numbers = new Map<string, Uint32Array>();
  for (const [name, value] of json) {
    const number = new Uint32Array(2);
    if (!isJsonNumber(value) || !readUnsigned(Buffer.from(value.text, "latin1"), number)) {
      throw paramError(`${what}: the number of ${JSON.stringify(name)} must be whole and between 0 and 2^64 - 1`);
    }
    numbers.set(name, number);
  }
  return numbers;
}
