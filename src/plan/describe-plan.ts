// A plan as JSON for people and tools: `shardgate explain` and later EXPLAIN. Shapes may grow, names stay.

import { assertNever } from "../base/assert.ts";
import { printExpr } from "../sql/print.ts";
import type { Plan, Routing } from "./plan.ts";
import type { ValueRef } from "./value-ref.ts";

/** How an answer is made; `session` is the gateway's own. */
export type Tier = "pass-through" | "merge" | "gather";

export interface PlanDescription {
  readonly kind: Plan["kind"];
  readonly [detail: string]: unknown;
}

export function describePlan(plan: Plan): PlanDescription {
  switch (plan.kind) {
    case "send":
      return {
        kind: plan.kind,
        keyspace: plan.keyspace,
        routing: describeRouting(plan.routing),
        writes: plan.effect.writes,
        ...(plan.crossShard === undefined ? {} : { crossShard: plan.crossShard }),
        ...(plan.gather === undefined ? {} : { severalShards: describePlan(plan.gather) }),
      };
    case "insert":
      return {
        kind: plan.kind,
        keyspace: plan.keyspace,
        table: plan.table,
        rows: plan.statement.rows.length,
        vindex: plan.primary.vindex.name,
        columns: plan.primary.columns,
        ...(plan.generate === undefined
          ? {}
          : {
              generated: plan.generate.column,
              sequence: `${plan.generate.sequenceKeyspace}.${plan.generate.sequenceTable}`,
            }),
      };
    case "gather":
      return {
        kind: plan.kind,
        scratch: plan.keyspace,
        reason: plan.reason,
        sources: plan.sources.map((source) => ({
          table: `${source.keyspace}.${source.table}`,
          routing: describeRouting(source.routing),
          columns: source.columns === "all" ? "all" : [...source.columns],
          ...(source.where === undefined ? {} : { where: printExpr(source.where) }),
        })),
      };
    case "session":
      return { kind: plan.kind, statement: plan.statement.kind };
    default:
      return assertNever(plan);
  }
}

function describeRouting(routing: Routing): object {
  switch (routing.kind) {
    case "unsharded":
    case "any":
    case "scatter":
      return { kind: routing.kind };
    case "pinned":
      return { kind: routing.kind, keyspaceId: routing.keyspaceId.toString("hex") };
    case "equal-unique":
      return { kind: routing.kind, vindex: routing.vindex.name, value: describeValue(routing.value) };
    case "equal-multi":
    case "in":
      return { kind: routing.kind, vindex: routing.vindex.name, values: routing.values.map(describeValue) };
    default:
      return assertNever(routing);
  }
}

function describeValue(ref: ValueRef): string {
  switch (ref.kind) {
    case "constant":
      return ref.value.type === "NULL_TYPE" ? "NULL" : ref.value.raw.toString("utf8");
    case "bind":
      return `${ref.negate ? "-" : ""}:v${ref.index + 1}`;
    case "bind-list":
      return `::v${ref.index + 1}`;
    default:
      return assertNever(ref);
  }
}
