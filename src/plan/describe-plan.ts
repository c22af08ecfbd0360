// A plan as JSON for people and tools: `shardgate explain` and VEXPLAIN. Shapes may grow, names stay.

import { assertNever } from "../base/assert.ts";
import { print, printExpr } from "../sql/print.ts";
import type { Body, Merge } from "./merge-plan.ts";
import type { GatherPlan, GatherSource, GeneratedColumn, Plan, Routing, SendPlan } from "./plan.ts";
import type { SchemaPattern } from "./schema-filter.ts";
import type { ValueRef } from "./value-ref.ts";

/** How an answer is made; `session` is the gateway's own. */
export type Tier = "pass-through" | "merge" | "gather";

export interface PlanDescription {
  readonly kind: Plan["kind"];
  readonly [detail: string]: unknown;
}

/** What sends statements to shards. */
export type Sender = SendPlan | GatherPlan | GatherSource | Body;

/** `more` is told of each sender besides. */
export function describePlan(plan: Plan, more: (sender: Sender) => object = () => ({})): PlanDescription {
  switch (plan.kind) {
    case "send":
      return {
        kind: plan.kind,
        keyspace: plan.keyspace,
        routing: describeRouting(plan.routing),
        writes: plan.effect.writes,
        ...(plan.crossShard === undefined ? {} : { crossShard: plan.crossShard }),
        ...(plan.severalShards === undefined ? {} : { severalShards: describePlan(plan.severalShards, more) }),
        ...more(plan),
      };
    case "insert":
      return {
        kind: plan.kind,
        keyspace: plan.keyspace,
        table: plan.table,
        rows: plan.statement.rows.length,
        vindex: plan.primary.vindex.name,
        columns: plan.primary.columns,
        ...(plan.movesOnDuplicate ? { conflicts: "looked for on all shards" } : {}),
        ...(plan.generate === undefined
          ? {}
          : {
              generated: plan.generate.column,
              sequence: sequenceName(plan.generate),
            }),
      };
    case "insert-rows":
      return { kind: plan.kind, keyspace: plan.keyspace, table: plan.statement.table.name, asked: plan.asked.length };
    case "change":
      return {
        kind: plan.kind,
        keyspace: plan.keyspace,
        reason: plan.reason,
        find: print(plan.find),
        tables: plan.targets.map(({ keyspace, table, key }) => ({
          table: `${keyspace}.${table}`,
          key: key.map(({ column }) => column.name),
        })),
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
          ...more(source),
        })),
        ...more(plan),
      };
    case "merge":
      return {
        kind: plan.kind,
        reason: plan.reason,
        steps: plan.steps.map(({ name, batched, body }) => ({ rows: name, batched, ...describeBody(body, more) })),
        ...describeBody(plan.body, more),
      };
    case "catalog":
      return {
        kind: plan.kind,
        scratch: plan.keyspace,
        tables: plan.sources.map(({ schema, table }) => `${schema}.${table}`),
        ...(plan.filter === undefined ? {} : { keyspaces: plan.filter.map(describeSchema) }),
        ...(plan.gather === undefined ? {} : { gather: describePlan(plan.gather, more) }),
      };
    case "session":
      return { kind: plan.kind, statement: plan.statement.kind };
    default:
      return assertNever(plan);
  }
}

function describeBody(body: Body, more: (sender: Sender) => object): object {
  if (body.kind === "union") {
    return { union: body.parts.map((part) => describeBody(part, more)), ...describeMerge(body.merge) };
  }
  return {
    keyspace: body.keyspace,
    routing: describeRouting(body.routing),
    statement: print(body.statement),
    ...describeMerge(body.merge),
    ...(body.outer === undefined ? {} : { outer: true }),
    ...more(body),
  };
}

function describeMerge({ aggregate, distinct, order, sorted, limit }: Merge): object {
  return {
    ...(aggregate === undefined
      ? {}
      : { aggregate: { groups: aggregate.keys.length, outputs: aggregate.outputs.map(({ kind }) => kind) } }),
    ...(distinct === undefined ? {} : { distinct: distinct.length }),
    ...(order.length === 0
      ? {}
      : {
          order: order.map(({ column, descending }) => (descending ? `${column} desc` : String(column))),
          by: sorted ? "merging sorted shards" : "sorting",
        }),
    ...(limit === undefined
      ? {}
      : {
          limit: describeValue(limit.count),
          ...(limit.offset === undefined ? {} : { offset: describeValue(limit.offset) }),
        }),
  };
}

/** `keyspace.table`, or what makes ids without a table. */
export function sequenceName({ sequence }: GeneratedColumn): string {
  return sequence === undefined ? "snowflake" : `${sequence.keyspace}.${sequence.table}`;
}

/** A routing in the words of EXPLAIN. */
export function describeRouting(routing: Routing): { readonly kind: string; readonly [detail: string]: unknown } {
  switch (routing.kind) {
    case "unsharded":
    case "any":
    case "scatter":
    case "none":
      return { kind: routing.kind };
    case "all-of":
    case "common":
      return { kind: routing.kind, parts: routing.parts.map(describeRouting) };
    case "pinned":
      return { kind: routing.kind, keyspaceId: routing.keyspaceId.toString("hex") };
    case "equal-unique":
      return { kind: routing.kind, vindex: routing.vindex.name, value: describeValue(routing.value) };
    case "in-rows":
      return { kind: routing.kind, vindex: routing.vindex.name, rows: routing.step, column: routing.column };
    case "equal-multi":
    case "in":
      return { kind: routing.kind, vindex: routing.vindex.name, values: routing.values.map(describeValue) };
    case "in-multi":
      return {
        kind: routing.kind,
        vindex: routing.vindex.name,
        columns: routing.columns.map((values) => values.map(describeValue)),
      };
    case "in-tuples":
      return {
        kind: routing.kind,
        vindex: routing.vindex.name,
        rows: routing.rows.map((values) => values.map(describeValue)),
      };
    case "range": {
      const { low, high } = routing;
      return {
        kind: routing.kind,
        vindex: routing.vindex.name,
        ...(low === undefined ? {} : { [low.inclusive ? "from" : "above"]: describeValue(low.value) }),
        ...(high === undefined ? {} : { [high.inclusive ? "to" : "below"]: describeValue(high.value) }),
      };
    }
    case "lookup":
      return { kind: routing.kind, vindex: routing.vindex.name, values: routing.values.map(describeValue) };
    case "keyspace-ids":
      return { kind: routing.kind, ids: routing.ids.map((id) => id.toString("hex")) };
    case "like":
      return { kind: routing.kind, vindex: routing.vindex.name, pattern: describeValue(routing.pattern) };
    case "null-key":
      return { kind: routing.kind, vindex: routing.vindex.name };
    case "if":
      return { kind: routing.kind, condition: printExpr(routing.condition) };
    default:
      return assertNever(routing);
  }
}

function describeSchema({ op, value }: SchemaPattern): string {
  const text = value === "database" ? "DATABASE()" : describeValue(value);
  return op === "like" ? `LIKE ${text}` : text;
}

export function describeValue(ref: ValueRef): string {
  switch (ref.kind) {
    case "constant":
      return ref.value.type === "NULL_TYPE" ? "NULL" : ref.value.raw.toString("utf8");
    case "bind":
      return `${ref.negate ? "-" : ""}:v${ref.index + 1}`;
    case "bind-list":
      return `::v${ref.index + 1}`;
    case "expression":
      return printExpr(ref.expr);
    case "asked":
      return `asked of a mysqld: ${printExpr(ref.expr)}`;
    default:
      return assertNever(ref);
  }
}
