// Plans that send a statement as it is, and the keyspace a statement is for.

import { notSupported, ShardgateError } from "../base/errors.ts";
import type { Statement } from "../sql/tree.ts";
import type { KeyspaceVSchema } from "../vschema/model.ts";
import type { Effect, Routing, SendPlan } from "./plan.ts";
import { askedRefsOf, withoutAsked } from "./asked-values.ts";
import { givesRowOfNone } from "./row-of-none.ts";
import { asksForSessionValues, setsLastInsertId } from "./session-functions.ts";
import { commonKeyspace, type PlanContext, SYSTEM_SCHEMAS, type StatementTables } from "./tables.ts";

export function send(
  statement: Statement,
  keyspace: string,
  routing: Routing,
  crossShard: string | undefined,
  effect: Effect,
): SendPlan {
  const substitute = asksForSessionValues(statement) ? statement : undefined;
  const rows = statement.kind !== "update" && statement.kind !== "delete";
  const refs = askedRefsOf(routing);
  const isLookedUp = looksUp(routing);
  // A statement that sets what the values are made of may have others while it runs.
  const isSet = (effect.assigns ?? []).length > 0 || setsLastInsertId(statement);
  return {
    kind: "send",
    keyspace,
    routing: refs.length > 0 && isSet ? withoutAsked(routing) : routing,
    crossShard,
    severalShards: undefined,
    effect,
    rows,
    substitute,
    asks: (refs.length === 0 && !isLookedUp) || isSet ? undefined : refs,
    ...(isLookedUp && givesRowOfNone(statement, effect) ? { rowOfNone: true } : {}),
  };
}

/** Lookup tables are asked where the rows are. */
function looksUp(routing: Routing): boolean {
  if (routing.kind === "all-of" || routing.kind === "common") return routing.parts.some(looksUp);
  return routing.kind === "lookup";
}

/** The keyspace of all tables; undefined when there are none. */
export function keyspaceOf(found: StatementTables, context: PlanContext): KeyspaceVSchema | undefined {
  const keyspace = homeOnOneMysqld(found, context) ?? commonKeyspace(found.tables);
  if (!found.system) return keyspace;
  if (keyspace === undefined) return undefined;
  if (keyspace.sharded)
    throw notSupported(`join of a system schema with tables of sharded keyspace ${keyspace.keyspace}`);
  return context.vschema.keyspaces.get(keyspace.keyspace);
}

/**
 * Where a statement over several keyspaces runs whose tables are all on one mysqld: its names are read there as they stand.
 * Undefined when they are not, or are of one keyspace.
 */
export function homeOnOneMysqld(found: StatementTables, context: PlanContext): KeyspaceVSchema | undefined {
  const [first] = found.tables;
  if (first === undefined || found.tables.every(({ keyspace }) => keyspace === first.keyspace)) return undefined;
  const server = serverOf(first.keyspace);
  if (server === undefined || found.tables.some(({ keyspace }) => serverOf(keyspace) !== server)) return undefined;
  const selected = context.keyspace === undefined ? undefined : context.vschema.keyspaces.get(context.keyspace);
  if (selected !== undefined && serverOf(selected) === server) return selected;
  // Names without their keyspace are of the selected one, or were found in the VSchemas.
  return found.bare ? undefined : first.keyspace;
}

/** The keyspace whose tablets serve it; undefined for sharded ones. */
function serverOf({ sharded, keyspace, servedFrom = keyspace }: KeyspaceVSchema): string | undefined {
  return sharded ? undefined : servedFrom;
}

/** Where a statement without tables runs: the selected keyspace, else an unsharded one, else any. */
export function keyspaceForAny(
  keyspace: KeyspaceVSchema | undefined,
  context: Pick<PlanContext, "vschema" | "keyspace">,
): KeyspaceVSchema {
  const { keyspaces } = context.vschema;
  if (keyspace !== undefined) return keyspace;
  if (context.keyspace !== undefined && !SYSTEM_SCHEMAS.has(context.keyspace)) {
    const selected = keyspaces.get(context.keyspace);
    // One that is dropped meanwhile is missed by statements about its tables only.
    if (selected !== undefined) return selected;
  }
  let any: KeyspaceVSchema | undefined;
  for (const candidate of keyspaces.values()) {
    // One that a client has made may be gone at any time.
    if (!candidate.sharded && candidate.servedFrom === undefined) return candidate;
    any ??= candidate;
  }
  if (any === undefined) {
    throw new ShardgateError(
      "SHARD_UNAVAILABLE",
      "there is no keyspace yet; make one with shardgate ctl CreateKeyspace",
    );
  }
  return any;
}
