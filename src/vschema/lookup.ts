// The lookup family: vindexes kept in a table. What is pure of them is here: their parameters, and the forms in which the
// table has values and keyspace ids. Reading and writing the table takes queries, which are the gateway's.

import type { Value } from "../mysql/values.ts";
import { createHash } from "./hash.ts";
import { createUnicodeLooseMd5 } from "./unicode-loose-md5.ts";
import { type LookupForm, type LookupVindex, paramError, unknownParams, type VindexConstructor } from "./vindex.ts";

const PARAMS = [
  "table",
  "from",
  "to",
  "autocommit",
  "multi_shard_autocommit",
  "write_only",
  "no_verify",
  "ignore_nulls",
  "batch_lookup",
  "read_lock",
  "cost",
];

const FLAGS = ["autocommit", "multi_shard_autocommit", "write_only", "no_verify", "ignore_nulls", "batch_lookup"];

/** The constructor of one lookup type. */
export function lookupType(type: string, unique: boolean): VindexConstructor {
  return (name, params): LookupVindex => {
    for (const flag of FLAGS) {
      const text = params.get(flag);
      if (text !== undefined && text !== "true" && text !== "false") {
        throw paramError(`parameter "${flag}": "${text}" must be "true" or "false"`);
      }
    }
    const cost = params.get("cost") ?? (unique ? "10" : "20");
    if (!/^\d{1,6}$/.test(cost)) throw paramError(`parameter "cost": "${cost}" must be a whole number`);
    const form = formOf(type);
    const loose = form === "loose-md5-hash" ? createUnicodeLooseMd5(name, new Map()) : undefined;
    return {
      kind: "lookup",
      name,
      type,
      cost: Number(cost),
      unique,
      needsVcursor: true,
      unknownParams: unknownParams(params, PARAMS),
      table: params.get("table") ?? "",
      from: (params.get("from") ?? "")
        .split(",")
        .map((column) => column.trim())
        .filter((column) => column !== ""),
      to: params.get("to") ?? "",
      writeOnly: params.get("write_only") === "true",
      autocommit: params.get("autocommit") === "true",
      batches: params.get("batch_lookup") === "true",
      verifies: params.get("no_verify") !== "true",
      consistent: type.startsWith("consistent_"),
      form,
      // The first eight bytes of the text's loose MD5, as a number.
      stored(value): Value | undefined {
        if (loose === undefined) return value;
        const hash = loose.hash(value);
        return hash === undefined ? undefined : { type: "UINT64", raw: Buffer.from(String(hash.readBigUInt64BE(0))) };
      },
    };
  };
}

function formOf(type: string): LookupForm {
  if (type.startsWith("lookup_unicodeloosemd5_hash")) return "loose-md5-hash";
  return type.startsWith("lookup_hash") ? "hash" : "keyspace-id";
}

const HASH = createHash("hash", new Map());

/** The keyspace id as the table has it: its bytes, or the number that it is the hash of. */
export function storedKeyspaceId({ form }: LookupVindex, id: Buffer): Value {
  return form === "keyspace-id" ? { type: "VARBINARY", raw: id } : HASH.reverseMap(id);
}

/** The opposite, of the column's value as text; undefined for what is none. */
export function keyspaceIdOfStored({ form }: LookupVindex, raw: Buffer): Buffer | undefined {
  if (form === "keyspace-id") return raw;
  const destination = HASH.map({ type: "UINT64", raw });
  return destination.kind === "keyspace-id" ? destination.id : undefined;
}
