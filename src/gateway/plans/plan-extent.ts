// How far a plan reaches: its tier and how many shards it asks, as far as that is known without running it.

import { ShardgateError } from "../../base/errors.ts";
import { splitRows } from "../../engine/insert.ts";
import { type KeyspaceTargets, shardsFor } from "../../engine/shards.ts";
import type { Tier } from "../../plan/describe-plan.ts";
import type { Plan } from "../../plan/plan.ts";

export interface PlanExtent {
  readonly tier: Tier;
  readonly shards: Extent;
}

export type Extent = "one" | "some" | "all" | "none";

/** Throws what routing the statement's values throws, and 1049 for a keyspace that is not among the targets. */
export function extentOf(plan: Plan, targets: ReadonlyMap<string, KeyspaceTargets>): PlanExtent {
  const shards = shardsOf(plan, targets);
  return { tier: tierOf(plan, shards), shards };
}

function shardsOf(plan: Plan, all: ReadonlyMap<string, KeyspaceTargets>): Extent {
  switch (plan.kind) {
    case "session":
      return "none";
    case "send": {
      const keyspace = targetsOf(plan.keyspace, all);
      if (plan.onOne === true) return "one";
      return extent(shardsFor(plan.routing, keyspace, []).length, keyspace);
    }
    case "insert": {
      const keyspace = targetsOf(plan.keyspace, all);
      // Ids that a sequence will give decide the shards only when the statement runs.
      if (plan.generate !== undefined && plan.primary.values.some((row) => row.includes(undefined))) return "some";
      if (plan.primary.vindex.kind === "lookup") return "some";
      return extent(splitRows(plan, keyspace, [], new Map()).length, keyspace);
    }
    case "merge":
    case "change":
      return "all";
    case "insert-rows":
      return "some";
    case "catalog":
      return plan.filter === undefined ? "some" : "one";
    case "gather": {
      const extents = plan.sources.map((source) => {
        const keyspace = targetsOf(source.keyspace, all);
        return extent(shardsFor(source.routing, keyspace, []).length, keyspace);
      });
      if (extents.includes("all")) return "all";
      return extents.length === 1 && extents[0] === "one" ? "one" : "some";
    }
  }
}

/** All of several is "all"; the one shard of an unsharded keyspace is "one". */
function extent(count: number, keyspace: KeyspaceTargets): Extent {
  if (count <= 1) return "one";
  return count === keyspace.targets.length ? "all" : "some";
}

function tierOf(plan: Plan, shards: Extent): Tier {
  if (plan.kind === "gather" || (plan.kind === "catalog" && shards !== "one")) return "gather";
  if (shards === "one" || shards === "none") return "pass-through";
  const several = plan.kind === "send" && plan.crossShard !== undefined ? plan.severalShards : undefined;
  return several?.kind === "gather" ? "gather" : "merge";
}

function targetsOf(name: string, all: ReadonlyMap<string, KeyspaceTargets>): KeyspaceTargets {
  const targets = all.get(name);
  if (targets === undefined) throw new ShardgateError("ER_BAD_DB", `Unknown database '${name}'`);
  return targets;
}
