// The lookup family: vindexes kept in a table. They are read and checked here so that a Vitess VSchema loads unchanged;
// routing by them needs queries and is not there yet, which `needsVcursor` tells the planner.

import { type LookupVindex, paramError, unknownParams, type VindexConstructor } from "./vindex.ts";

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
    };
  };
}
