// Why a plan is what it is, in one plain sentence: for EXPLAIN, for people. Says what the planner knows before the values of
// an execution are there.

import { assertNever } from "../base/assert.ts";
import { printExpr } from "../sql/print.ts";
import { describeValue } from "./describe-plan.ts";
import type { InsertPlan, Plan, Routing, SendPlan } from "./plan.ts";
import { isScatter } from "./routing.ts";

export function reasonOf(plan: Plan): string {
  switch (plan.kind) {
    case "session":
      return "The gateway answers it by itself.";
    case "insert":
      return reasonOfInsert(plan);
    case "send":
      return reasonOfSend(plan);
    case "merge":
      return `The answers of several shards are merged in the gateway: ${plan.reason}.`;
    case "gather":
      return `The rows of several shards are gathered on one server, which answers: ${plan.reason}.`;
    case "change":
      return `The rows are found first, then written by their keys: ${plan.reason}.`;
    case "insert-rows":
      return "Its rows are computed first, then each goes to the shard of its key.";
    case "catalog":
      return "It reads tables of the servers' own, which a keyspace's shard has or which are gathered from the keyspaces.";
    default:
      return assertNever(plan);
  }
}

/** The rows it needs are on one shard, whatever the values are. */
export function isOneShard(routing: Routing): boolean {
  switch (routing.kind) {
    case "unsharded":
    case "any":
    case "none":
    case "pinned":
    case "equal-unique":
      return true;
    case "equal-multi":
      return routing.values.length === routing.vindex.columnCount;
    case "in":
      return routing.values.length === 1 && routing.values[0]?.kind !== "bind-list";
    case "common":
      return routing.parts.some(isOneShard);
    case "all-of":
      return routing.parts.length <= 1 && routing.parts.every(isOneShard);
    case "lookup":
      return routing.vindex.unique && routing.values.length === 1 && routing.values[0]?.kind !== "bind-list";
    case "keyspace-ids":
      return routing.ids.length <= 1;
    case "in-multi":
    case "in-tuples":
    case "in-rows":
    case "range":
    case "like":
    case "null-key":
    case "if":
    case "scatter":
      return false;
    default:
      return assertNever(routing);
  }
}

function reasonOfSend(plan: SendPlan): string {
  const { crossShard, severalShards, routing } = plan;
  const where = whereOf(routing, plan.keyspace);
  if (isOneShard(routing)) return `${where}, and that shard answers the whole statement.`;
  if (crossShard === undefined) {
    return `${where}; each of them answers for its own rows, and the answers are put together.`;
  }
  const several = isScatter(routing) ? "" : "when that is more than one, ";
  if (severalShards === undefined) return `${where}; ${several}it is refused: ${crossShard}.`;
  const work =
    severalShards.kind === "merge"
      ? "their answers are merged in the gateway"
      : "their rows are gathered on one server, which answers";
  return `${where}; ${several}${work}: ${severalShards.reason}.`;
}

function reasonOfInsert({ primary, table, generate, keyspace }: InsertPlan): string {
  const sequence = generate === undefined ? "" : `; missing values of ${generate.column} come from its sequence`;
  const columns = primary.columns.join(" and ");
  return `Each row goes to the shard of ${keyspace} that vindex ${primary.vindex.name} gives for ${table}.${columns}${sequence}.`;
}

function whereOf(routing: Routing, keyspace: string): string {
  switch (routing.kind) {
    case "unsharded":
      return `Keyspace ${keyspace} is unsharded`;
    case "any":
      return `Every shard of ${keyspace} has all it needs`;
    case "none":
      return "Its conditions are true for no row, so any shard will do";
    case "pinned":
      return `Its table is pinned to one shard of ${keyspace}`;
    case "equal-unique":
      return `Its rows are on the one shard of ${keyspace} that vindex ${routing.vindex.name} gives for ${describeValue(routing.value)}`;
    case "equal-multi":
    case "in":
      return `Its rows are on the shards of ${keyspace} that vindex ${routing.vindex.name} gives for ${routing.values.map(describeValue).join(", ")}`;
    case "in-multi":
    case "in-tuples":
    case "in-rows":
    case "null-key":
      return `Its rows are on the shards of ${keyspace} that vindex ${routing.vindex.name} gives for values it names`;
    case "range":
      return `Its rows are on the shards of ${keyspace} that vindex ${routing.vindex.name} gives for a range of values`;
    case "lookup":
      return `Its rows are on the shards of ${keyspace} that ${routing.vindex.table}, the table of vindex ${routing.vindex.name}, has for ${routing.values.map(describeValue).join(", ")}`;
    case "keyspace-ids":
      return `Its rows are on the shards of ${keyspace} that have ${routing.ids.length} keyspace ids`;
    case "like":
      return `Its rows are on the shards of ${keyspace} that vindex ${routing.vindex.name} gives for texts like ${describeValue(routing.pattern)}`;
    case "common":
    case "all-of":
      if (isScatter(routing)) return `Its rows are on all shards of ${keyspace}, as far as its conditions tell`;
      return `Its rows are on the shards of ${keyspace} that ${routing.parts.length} conditions on sharding keys name`;
    case "if":
      return `Its rows are on all shards of ${keyspace} if ${printExpr(routing.condition)}`;
    case "scatter":
      return `No condition gives a value of a sharding key, so its rows are on all shards of ${keyspace}`;
    default:
      return assertNever(routing);
  }
}
