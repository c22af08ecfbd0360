// What a statement's shards were asked, put beside the parts of its plan that asked it: by the text they sent.

import { assertNever } from "../../base/assert.ts";
import { keyspaceOfTarget } from "../../engine/ports.ts";
import { describePlan, type Sender } from "../../plan/describe-plan.ts";
import type { Plan } from "../../plan/plan.ts";
import type { Query } from "../../sql/tree.ts";
import type { Executor } from "../executor.ts";
import { substituted } from "../session/session-values.ts";
import type { TracedCall } from "./traced-tablets.ts";
import type { TracedRun } from "./traced-run.ts";

/** The plan with the calls of each part, the calls of no part, and sums. Milliseconds have three decimals. */
export function tracedPlan(plan: Plan, run: TracedRun, executor: Executor): object {
  const { calls, omitted } = run;
  const left = new Set(calls);
  const matchers = new Map<Sender, (call: TracedCall) => number>();
  describePlan(plan, (sender) => {
    matchers.set(sender, matcherOf(sender, run.sql, executor));
    return {};
  });
  const bySender = new Map<Sender, TracedCall[]>();
  for (const call of calls) {
    const sender = bestOf(matchers, call);
    if (sender === undefined) continue;
    left.delete(call);
    bySender.set(sender, [...(bySender.get(sender) ?? []), call]);
  }
  const described = describePlan(plan, (sender) => toldOf(bySender.get(sender) ?? []));
  return {
    plan: described,
    ...(left.size === 0 ? {} : { besides: [...left].map(showCall) }),
    total: {
      calls: calls.length + omitted,
      rowsFromShards: sum(calls, ({ rows }) => rows),
      bytesFromShards: sum(calls, ({ bytes }) => bytes),
      rows: run.rows,
      ms: rounded(run.ms),
    },
  };
}

export function showCall(call: TracedCall): object {
  const { turn, target, sql, rows, bytes, startMs, ms, error, begins } = call;
  return {
    turn,
    atMs: rounded(startMs),
    shard: `${keyspaceOfTarget(target)}/${target.shard}`,
    ...(target.tabletType === "primary" ? {} : { tabletType: target.tabletType }),
    ...(begins ? { begins } : {}),
    query: sql,
    rows,
    bytes,
    ...(ms === undefined ? { unfinished: true } : { ms: rounded(ms) }),
    ...(error === undefined ? {} : { error }),
  };
}

function toldOf(calls: readonly TracedCall[]): object {
  if (calls.length === 0) return {};
  return {
    calls: calls.map(showCall),
    rowsFromShards: sum(calls, ({ rows }) => rows),
    bytesFromShards: sum(calls, ({ bytes }) => bytes),
    ms: rounded(durationOf(calls)),
  };
}

/** From the first call's start to the last one's end. */
function durationOf(calls: readonly TracedCall[]): number {
  const end = Math.max(...calls.map(({ startMs, ms = 0 }) => startMs + ms));
  return end - Math.min(...calls.map(({ startMs }) => startMs));
}

/** How much of a call's text is the sender's; 0: nothing. */
function matcherOf(sender: Sender, sent: string, executor: Executor): (call: TracedCall) => number {
  const { state, context } = executor;
  const sqlOf = (query: Query): string => substituted(query, [], state, context).toString("utf8", 1);
  if ("temporaryTable" in sender) {
    const { keyspace, temporaryTable, table } = sender;
    const isRead = new RegExp(`\\b(from|table) \`?${escaped(table)}\`?(?= |$)`, "i");
    return ({ sql, target }) => {
      if (sql.includes(temporaryTable)) return /^(select|with|\()/i.test(sql) ? 0 : 2;
      return keyspaceOfTarget(target) === keyspace && sql !== sent && isRead.test(sql) ? 1 : 0;
    };
  }
  switch (sender.kind) {
    case "send":
      // What answers for several shards has parts of its own.
      if (sender.severalShards !== undefined) return ({ sql }) => (sql === sent ? sent.length : 0);
      return ({ target }) => (keyspaceOfTarget(target) === sender.keyspace ? 1 : 0);
    case "gather": {
      const text = sqlOf(sender.statement);
      return ({ sql }) => (sql === text ? text.length : 0);
    }
    case "shards": {
      const texts = [sender.statement, sender.outer?.matched, sender.outer?.unmatched].flatMap((query) =>
        query === undefined ? [] : [sqlOf(query)],
      );
      return ({ sql, target }) => {
        if (keyspaceOfTarget(target) !== sender.keyspace) return 0;
        return Math.max(...texts.map((text) => (sql.includes(text) ? text.length : 0)));
      };
    }
    case "union":
      return () => 0;
    default:
      return assertNever(sender);
  }
}

function bestOf(matchers: ReadonlyMap<Sender, (call: TracedCall) => number>, call: TracedCall): Sender | undefined {
  let best: Sender | undefined;
  let bestMatch = 0;
  for (const [sender, matches] of matchers) {
    const match = matches(call);
    if (match <= bestMatch) continue;
    best = sender;
    bestMatch = match;
  }
  return best;
}

function escaped(name: string): string {
  return name.replaceAll("`", "``").replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

function sum(calls: readonly TracedCall[], valueOf: (call: TracedCall) => number): number {
  return calls.reduce((total, call) => total + valueOf(call), 0);
}

function rounded(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}
