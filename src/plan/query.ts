// Plans SELECT and its like: pass-through where one shard has all the rows, else the merge tier, else the gather tier. What
// is known only with the values (which shards) stays open: a plan that passes through on one shard says what answers it on
// several.

import type { Query } from "../sql/tree.ts";
import type { KeyspaceVSchema } from "../vschema/model.ts";
import { CannotMerge } from "./cannot-merge.ts";
import { type Placed, type Placement, placeBlock, shardWorkOf } from "./colocation.ts";
import { keyspaceOfLocks, locksElsewhere, queryEffect, usesLocks, withoutTables } from "./effects.ts";
import { planGather } from "./gather.ts";
import { planMerge, routingOf } from "./merge.ts";
import type { MergePlan } from "./merge-plan.ts";
import { oneServerWorkOf } from "./one-server.ts";
import { simplifyOuterJoins } from "./outer-joins.ts";
import type { Effect, GatherPlan, Plan, Routing } from "./plan.ts";
import { type Block, type QueryScope, scopeOf } from "./scope.ts";
import { homeOnOneMysqld, keyspaceForAny, keyspaceOf, send } from "./send.ts";
import { type PlanContext, tablesOf } from "./tables.ts";

/** Throws ShardgateError: 1046, 1049, 1146 for names, 1235 for what is not supported. */
export function planQuery(statement: Query, context: PlanContext): Plan {
  const effect = queryEffect(statement);
  const tables = tablesOf(statement, context);
  const keyspaces = new Set(tables.tables.map(({ keyspace }) => keyspace));
  const lockedElsewhere = locksElsewhere(statement, keyspaces, context);
  if (lockedElsewhere !== undefined) {
    // The rows are brought to where the locks are.
    const { keyspace } = keyspaceOfLocks(context);
    return { ...planGather(statement, context, lockedElsewhere), keyspace, original: undefined };
  }
  if (keyspaces.size > 1 && homeOnOneMysqld(tables, context) === undefined) {
    return planOverKeyspaces(statement, effect, context, [...keyspaces]);
  }
  const keyspace = keyspaceOf(tables, context);
  if (keyspace === undefined || tables.tables.length === 0) {
    const any: Routing = { kind: "any" };
    const home = usesLocks(statement) ? keyspaceOfLocks(context) : keyspaceForAny(keyspace, context);
    return send(statement, home.keyspace, any, undefined, withoutTables(effect));
  }
  if (!keyspace.sharded) return send(statement, keyspace.keyspace, { kind: "unsharded" }, undefined, effect);
  return planSharded(statement, keyspace, effect, context);
}

/** The merge tier, if rows can be shipped from one keyspace to another; else all of it is gathered. */
function planOverKeyspaces(
  statement: Query,
  effect: Effect,
  context: PlanContext,
  keyspaces: readonly KeyspaceVSchema[],
): Plan {
  const reason = `tables of ${keyspaces.length} keyspaces`;
  const gather = planGather(statement, context, reason);
  const home = keyspaces.find(({ sharded }) => !sharded) ?? keyspaces[0];
  if (home === undefined) return gather;
  const oneServer = oneServerWorkOf(statement);
  if (oneServer !== undefined) return { ...gather, reason: `${reason}: ${oneServer}` };
  try {
    return planMerge(
      simplified(statement, context).query,
      statement,
      context,
      home.keyspace,
      effect,
      reason,
      () => gather,
      true,
    );
  } catch (error) {
    if (!(error instanceof CannotMerge)) throw error;
    return { ...gather, reason: `${reason}: ${error.reason}` };
  }
}

function planSharded(statement: Query, keyspace: KeyspaceVSchema, effect: Effect, context: PlanContext): Plan {
  const name = keyspace.keyspace;
  const { query, scope } = simplified(statement, context);
  const placements = leafBlocks(scope).map((block) => placeBlock(block));
  if (placements.every(({ groups, obstacle }) => groups.length === 0 && obstacle === undefined)) {
    return send(statement, name, { kind: "any" }, undefined, effect);
  }
  const [placement] = placements;
  const group = placement?.groups[0];
  if (scope.block !== undefined && placement !== undefined && group !== undefined) {
    if (placement.obstacle === undefined && placement.groups.length === 1) {
      return planTogether(statement, query, scope.block, placement, group, name, effect, context);
    }
  }
  const reason = reasonOf(scope, placements);
  const gather = planGather(statement, context, reason);
  const parts = gather.sources.map(({ routing }) => routing);
  const plan = send(statement, name, { kind: "all-of", parts }, reason, effect);
  return { ...plan, severalShards: severalShards(statement, query, name, effect, context, reason, () => gather) };
}

/** What is planned: without outer joins that are inner ones. What is sent as it is stays as it was written. */
function simplified(statement: Query, context: PlanContext): { readonly query: Query; readonly scope: QueryScope } {
  const inContext = { ...context, rows: new Map() };
  const scope = scopeOf(statement, inContext);
  const query = simplifyOuterJoins(statement, scope);
  return { query, scope: query === statement ? scope : scopeOf(query, inContext) };
}

/** All tables lie together: every shard answers for its own rows. */
function planTogether(
  statement: Query,
  query: Query,
  block: Block,
  placement: Placement,
  group: readonly Placed[],
  keyspace: string,
  effect: Effect,
  context: PlanContext,
): Plan {
  const routing = routingOf(group, placement);
  const work =
    oneServerWorkOf(statement) ??
    shardWorkOf(block, group, placement.classes) ??
    (statement.orderBy.length > 0 ? "ORDER BY over several shards" : undefined);
  const plan = send(statement, keyspace, routing, work, effect);
  if (work === undefined) return plan;
  const gather = (): GatherPlan => planGather(statement, context, work);
  return { ...plan, severalShards: severalShards(statement, query, keyspace, effect, context, work, gather) };
}

function severalShards(
  statement: Query,
  query: Query,
  keyspace: string,
  effect: Effect,
  context: PlanContext,
  reason: string,
  gather: () => GatherPlan,
): MergePlan | GatherPlan {
  const oneServer = oneServerWorkOf(statement);
  if (oneServer !== undefined) return { ...gather(), reason: oneServer };
  try {
    return planMerge(query, statement, context, keyspace, effect, reason, gather);
  } catch (error) {
    if (!(error instanceof CannotMerge)) throw error;
    return { ...gather(), reason: error.reason };
  }
}

function leafBlocks(scope: QueryScope): Block[] {
  return scope.block === undefined ? scope.parts.flatMap(leafBlocks) : [scope.block];
}

function reasonOf(scope: QueryScope, placements: readonly Placement[]): string {
  const obstacle = placements.find((placement) => placement.obstacle !== undefined)?.obstacle;
  if (obstacle !== undefined) return obstacle.reason;
  if (scope.parts.length > 0) return "a set operation over several shards";
  return "a join of tables that need not have their rows on the same shards";
}
