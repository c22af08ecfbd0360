// The vindex types a VSchema may name, and the one place that makes vindexes of them.

import { readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { messageOf, ShardgateError } from "../base/errors.ts";
import { createBinary } from "./binary.ts";
import { createBinaryMd5 } from "./binary-md5.ts";
import { createCfc } from "./cfc.ts";
import { didYouMean } from "./did-you-mean.ts";
import { createHash } from "./hash.ts";
import { lookupType } from "./lookup.ts";
import { createMulticol } from "./multicol.ts";
import { createNull } from "./null-vindex.ts";
import { createNumeric } from "./numeric.ts";
import { createNumericStaticMap } from "./numeric-static-map.ts";
import { createRegionExperimental } from "./region-experimental.ts";
import { createRegionJson } from "./region-json.ts";
import { createReverseBits } from "./reverse-bits.ts";
import { createUnicodeLooseMd5 } from "./unicode-loose-md5.ts";
import { createUnicodeLooseXxhash } from "./unicode-loose-xxhash.ts";
import {
  paramError,
  type Vindex,
  type VindexConstructor,
  type VindexEnvironment,
  type VindexParams,
} from "./vindex.ts";
import { createXxhash } from "./xxhash.ts";

const TYPES: ReadonlyMap<string, VindexConstructor> = new Map<string, VindexConstructor>([
  ["binary", createBinary],
  ["binary_md5", createBinaryMd5],
  ["cfc", createCfc],
  ["hash", createHash],
  ["multicol", createMulticol],
  ["null", createNull],
  ["numeric", createNumeric],
  ["numeric_static_map", createNumericStaticMap],
  ["region_experimental", createRegionExperimental],
  ["region_json", createRegionJson],
  ["reverse_bits", createReverseBits],
  ["unicode_loose_md5", createUnicodeLooseMd5],
  ["unicode_loose_xxhash", createUnicodeLooseXxhash],
  ["xxhash", createXxhash],
  ["lookup", lookupType("lookup", false)],
  ["lookup_unique", lookupType("lookup_unique", true)],
  ["lookup_hash", lookupType("lookup_hash", false)],
  ["lookup_hash_unique", lookupType("lookup_hash_unique", true)],
  ["lookup_unicodeloosemd5_hash", lookupType("lookup_unicodeloosemd5_hash", false)],
  ["lookup_unicodeloosemd5_hash_unique", lookupType("lookup_unicodeloosemd5_hash_unique", true)],
  ["consistent_lookup", lookupType("consistent_lookup", false)],
  ["consistent_lookup_unique", lookupType("consistent_lookup_unique", true)],
  // Names that only Vitess's planner tests use; known here so that its example VSchemas load unchanged.
  ["hash_test", createHash],
  ["lookup_cost", lookupType("lookup_cost", false)],
  ["lookup_test", lookupType("lookup_test", true)],
  ["name_lkp_test", lookupType("name_lkp_test", false)],
]);

/** Types worth naming in messages and editors: all but the test ones. */
export const VINDEX_TYPES: readonly string[] = [...TYPES.keys()].filter(
  (type) => !type.endsWith("_test") && type !== "lookup_cost",
);

/** Types a VSchema may name. */
export const ACCEPTED_VINDEX_TYPES: readonly string[] = [...TYPES.keys()];

const PARAM_FILE_BYTES_MAX = 16 * 1024 * 1024;

/**
 * Makes a vindex. Files that its parameters name are read at once, relative to `folder`.
 * Throws VSCHEMA_BAD: unknown type, missing or malformed parameter, unreadable file.
 */
export function createVindex(type: string, name: string, params: VindexParams, folder = "."): Vindex {
  const environment: VindexEnvironment = {
    readFile: (path) => readParamFile(folder, path),
    create(innerType, innerName, innerParams) {
      const create = TYPES.get(innerType);
      if (create === undefined) {
        throw paramError(`vindex type "${innerType}" is not known${didYouMean(innerType, VINDEX_TYPES)}`);
      }
      return create(innerName, innerParams, environment);
    },
  };
  return environment.create(type, name, params);
}

function readParamFile(folder: string, path: string): string {
  const file = resolve(folder, path);
  try {
    const stat = statSync(file);
    if (!stat.isFile()) throw new Error("not a file");
    if (stat.size > PARAM_FILE_BYTES_MAX) throw new Error(`larger than ${PARAM_FILE_BYTES_MAX} bytes`);
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new ShardgateError("VSCHEMA_BAD", `file ${path} cannot be read: ${messageOf(error)}`, error);
  }
}
