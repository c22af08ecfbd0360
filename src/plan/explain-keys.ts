// VEXPLAIN KEYS and `shardgate explain --keys`: the columns statements use, in Vitess's words, why they do not pass through
// to one shard, and which change of the VSchema would do better.

import type { Statement } from "../sql/tree.ts";
import {
  GRADES,
  type Grade,
  gradeOf,
  type Proposal,
  proposeFor,
  proposeForAll,
  showChange,
  type Workload,
} from "./key-proposal.ts";
import { joinColumnsOf, type KeyUsage, keyUsageOf, showColumn, type UsedColumn } from "./key-usage.ts";
import { planStatement } from "./planner.ts";
import { reasonOf } from "./reason-of.ts";
import type { PlanContext } from "./tables.ts";

/** Of one statement. Throws what the planner refuses it with. */
export function explainKeys(statement: Statement, context: PlanContext): object {
  const usage = keyUsageOf(statement, context);
  const plan = planStatement(statement, context);
  const isBest = gradeOf(plan) === "one shard";
  const proposal = isBest ? undefined : proposeFor({ statement, keyspace: context.keyspace }, context);
  return {
    ...usageJson(statement.kind, usage),
    reason: reasonOf(plan),
    ...(isBest ? {} : { proposal: sentenceOf(proposal, usage) }),
  };
}

/** Of a list of statements together; those that cannot be planned are left out by the caller. */
export function explainKeysOfAll(workloads: readonly Workload[], context: PlanContext): object {
  const usages = workloads.map(({ statement, keyspace }) => keyUsageOf(statement, { ...context, keyspace }));
  const proposal = proposeForAll(workloads, context);
  return {
    statements: workloads.length,
    columns: columnsJson(usages),
    now: countsJson(proposal.before),
    ...(proposal.changes.length === 0
      ? { proposal: "No change of sharding keys that was tried does better for these statements together." }
      : {
          proposal: `More statements would pass through with ${listed(proposal.changes.map(showChange))}.`,
          changes: proposal.changes.map(changeJson),
          then: countsJson(proposal.after),
        }),
  };
}

function usageJson(kind: Statement["kind"], usage: KeyUsage): object {
  const { grouping, joins, filters, selected } = usage;
  const lists = {
    groupingColumns: grouping.map(showColumn),
    joinColumns: joinColumnsOf(usage).map((use) => `${showColumn(use)} ${use.op}`),
    filterColumns: filters.map((use) => `${showColumn(use)} ${use.op}`),
    selectColumns: selected.map(showColumn),
    joinPredicates: joins.map(({ left, right, op }) => `${showColumn(left)} ${op} ${showColumn(right)}`),
  };
  const filled = Object.entries(lists).filter(([, list]) => list.length > 0);
  return { statementType: kind.toUpperCase(), ...Object.fromEntries(filled) };
}

function sentenceOf(proposal: Proposal | undefined, { filters }: KeyUsage): string {
  if (proposal === undefined) {
    const isFiltered = filters.some(({ op }) => op === "=" || op === "in");
    return isFiltered
      ? "No change of sharding keys that was tried makes it do better."
      : "No sharding key makes it pass through: no condition of it gives a column a value.";
  }
  const grade = GRADES.find((each) => proposal.after[each] > 0) ?? "refused";
  return `It would ${BETTER[grade]} with ${listed(proposal.changes.map(showChange))}.`;
}

const BETTER: Readonly<Record<Grade, string>> = {
  refused: "be refused",
  gather: "be answered from gathered rows",
  merge: "be merged in the gateway instead of gathered",
  "all shards": "be answered by each shard for its own rows, without further work,",
  "one shard": "pass through to one shard",
};

function columnsJson(usages: readonly KeyUsage[]): object {
  const counts = new Map<string, { found: number; joined: number; grouped: number }>();
  const count = (columns: readonly UsedColumn[], what: "found" | "joined" | "grouped"): void => {
    for (const name of new Set(columns.map(showColumn))) {
      const each = counts.get(name) ?? { found: 0, joined: 0, grouped: 0 };
      each[what]++;
      counts.set(name, each);
    }
  };
  for (const usage of usages) {
    count(
      usage.filters.filter(({ op }) => op === "=" || op === "in"),
      "found",
    );
    count(joinColumnsOf(usage), "joined");
    count(usage.grouping, "grouped");
  }
  const total = (each: { found: number; joined: number; grouped: number }): number =>
    each.found + each.joined + each.grouped;
  return Object.fromEntries([...counts].toSorted(([, a], [, b]) => total(b) - total(a)));
}

function countsJson(counts: Readonly<Record<Grade, number>>): object {
  return {
    oneShard: counts["one shard"],
    allShards: counts["all shards"],
    merge: counts.merge,
    gather: counts.gather,
    refused: counts.refused,
  };
}

function changeJson(change: Proposal["changes"][number]): object {
  const { keyspace, table } = change;
  if (change.kind === "reference") return { keyspace, table, type: "reference", source: change.source };
  const { column, vindex } = change;
  return { keyspace, table, column_vindexes: [{ column, name: vindex.name }], vindexType: vindex.type };
}

function listed(items: readonly string[]): string {
  const last = items.at(-1) ?? "";
  return items.length <= 1 ? last : `${items.slice(0, -1).join(", ")} and ${last}`;
}
