// Routings by lookup vindexes, with the lookup tables asked: the values' keyspace ids take their place. Lookup rows that the
// session's own transaction has written count, and those that others have committed. What cannot be looked up exactly as
// the table's column compares stays as it is: the statement goes to all shards.

import { isAscii } from "node:buffer";
import { LIMITS } from "../../base/limits.ts";
import type { LookupRouting } from "../../plan/key-routing.ts";
import type { Routing } from "../../plan/plan.ts";
import { resolveValues } from "../../plan/value-ref.ts";
import type { BindValue } from "../../sql/bind-value.ts";
import type { ClusterView } from "../cluster/cluster-view.ts";
import type { Executor } from "../executor.ts";
import { LookupRows, lookupValue } from "./lookup-rows.ts";

export async function lookedUp(
  executor: Executor,
  routing: Routing,
  keyspace: string,
  binds: readonly BindValue[],
  cluster: ClusterView,
): Promise<Routing> {
  switch (routing.kind) {
    case "all-of":
    case "common": {
      const parts: Routing[] = [];
      for (const part of routing.parts) parts.push(await lookedUp(executor, part, keyspace, binds, cluster));
      return { ...routing, parts };
    }
    case "lookup": {
      const ids = await lookUp(executor, routing, keyspace, binds, cluster);
      return ids === undefined ? { kind: "scatter" } : { kind: "keyspace-ids", ids };
    }
    default:
      return routing;
  }
}

async function lookUp(
  executor: Executor,
  { vindex, table, columnLower, values }: LookupRouting,
  keyspace: string,
  binds: readonly BindValue[],
  cluster: ClusterView,
): Promise<readonly Buffer[] | undefined> {
  const resolved = resolveValues(values, binds);
  if (resolved === undefined || resolved.length > LIMITS.routedRowsMax) return undefined;
  const { textIsUtf8 } = executor.state.settings;
  if (!resolved.every(({ type, raw }) => READABLE.has(type) && (textIsUtf8 || isAscii(raw)))) return undefined;
  const definition = cluster.schema.table(keyspace, table);
  const owner = { keyspace, table, definition, vschema: cluster.vschema.keyspaces.get(keyspace)?.tables.get(table) };
  const lookup = { vindex, columns: [columnLower], owner };
  const rows = new LookupRows(executor, cluster, []);
  if (!rows.comparesAlike(lookup)) return undefined;
  const found = await rows.map(
    lookup,
    resolved.map((value) => [lookupValue(value)]),
  );
  const ids = [...found.values()].flat();
  return ids.length > LIMITS.routedRowsMax ? undefined : ids;
}

/** Types of values that are written as literals of the same meaning. */
const READABLE: ReadonlySet<string> = new Set(["NULL_TYPE", "INT64", "UINT64", "DECIMAL", "VARCHAR"]);
