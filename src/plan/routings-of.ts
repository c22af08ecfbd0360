// The routings in a plan, each with its keyspace: what `no_scatter` and EXPLAIN look at.

import { assertNever } from "../base/assert.ts";
import type { Body } from "./merge-plan.ts";
import type { Plan, Routing } from "./plan.ts";

export interface KeyspaceRouting {
  readonly keyspace: string;
  readonly routing: Routing;
}

/** Of the plan as it stands; what answers instead for several shards, or when rows are too many, is not in it. */
export function routingsOf(plan: Plan): readonly KeyspaceRouting[] {
  switch (plan.kind) {
    case "send": {
      const { crossShard, severalShards, keyspace, routing } = plan;
      return crossShard !== undefined && severalShards !== undefined
        ? routingsOf(severalShards)
        : [{ keyspace, routing }];
    }
    case "merge":
      return [...plan.steps.flatMap(({ body }) => ofBody(body)), ...ofBody(plan.body)];
    case "gather":
      return plan.sources.map(({ keyspace, routing }) => ({ keyspace, routing }));
    case "catalog":
      return plan.gather === undefined ? [] : routingsOf(plan.gather);
    case "insert":
    case "insert-rows":
    case "change":
    case "session":
      return [];
    default:
      return assertNever(plan);
  }
}

function ofBody(body: Body): readonly KeyspaceRouting[] {
  return body.kind === "union" ? body.parts.flatMap(ofBody) : [{ keyspace: body.keyspace, routing: body.routing }];
}
