// VEXPLAIN, in Vitess's forms and columns. PLAN tells the plan; KEYS the columns a statement finds and joins rows by, and
// what VSchema would do better; QUERIES, TRACE and ALL run the statement and tell what was sent to the shards. Changes of
// rows are run only with the directive that says so, as in Vitess.

import { MysqlError, notSupported } from "../../base/errors.ts";
import { collect } from "../../engine/collect.ts";
import { keyspaceOfTarget, plainRequest } from "../../engine/ports.ts";
import { MYSQL_TYPE } from "../../mysql/constants.ts";
import type { ColumnDefinition } from "../../mysql/packets/column-definition.ts";
import { integerColumn, textColumn } from "../../mysql/result-writer.ts";
import { describePlan } from "../../plan/describe-plan.ts";
import { explainKeys } from "../../plan/explain-keys.ts";
import type { PlanContext } from "../../plan/tables.ts";
import { reasonOf } from "../../plan/reason-of.ts";
import { parse } from "../../sql/parse.ts";
import { print } from "../../sql/print.ts";
import type { Explain, Statement } from "../../sql/tree.ts";
import { isQuery } from "../../sql/walk.ts";
import { checkAccess } from "../access/access.ts";
import type { ClusterView } from "../cluster/cluster-view.ts";
import { comQuery } from "../client/com-query.ts";
import type { Executor } from "../executor.ts";
import { extentOf } from "../plans/plan-extent.ts";
import type { CachedPlan } from "../plans/plan-cache.ts";
import { readTextRows } from "../read/text-rows.ts";
import type { TracedCall } from "./traced-tablets.ts";
import { runTraced, type TracedRun } from "./traced-run.ts";
import { showCall, tracedPlan } from "./traced-plan.ts";

/** Answers the client, or throws. */
export async function runVexplain(executor: Executor, statement: Explain, cluster: ClusterView): Promise<void> {
  const [form = "plan"] = statement.options;
  const { sqlMode } = executor.state;
  // Its own text is what is run; a plan from there says the same words.
  const sql = print(statement.statement, undefined, { mode: sqlMode });
  const inner = parse(sql, sqlMode);
  const cached = executor.planFor(inner, cluster);
  if (cached.access !== undefined) checkAccess(executor.state.user, cached.access);
  switch (form) {
    case "plan":
      answerJson(executor, "JSON", explained(executor, cached, cluster));
      return;
    case "keys":
      answerJson(executor, "ColumnUsage", explainKeys(inner, keysContext(executor, cluster)));
      return;
    case "queries":
      answerQueries(executor, await runOf(executor, inner, sql, form));
      return;
    case "trace":
    case "all": {
      const run = await runOf(executor, inner, sql, form);
      const traced = { ...explained(executor, cached, cluster), ...tracedPlan(cached.plan, run, executor) };
      if (form === "trace") answerJson(executor, "Trace", traced);
      else answerJson(executor, "VExplain", { ...traced, mysqlExplain: await explainedByShards(executor, run.calls) });
      return;
    }
    default:
      throw notSupported(`VEXPLAIN ${form.toUpperCase()}`, "there are PLAN, QUERIES, TRACE, ALL and KEYS");
  }
}

function explained(executor: Executor, { plan }: CachedPlan, cluster: ClusterView): object {
  const extent = extentOf(plan, cluster.targets[executor.tabletType]);
  return { ...extent, reason: reasonOf(plan), plan: describePlan(plan) };
}

function keysContext(executor: Executor, { vschema, schema }: ClusterView): PlanContext {
  return { vschema, schema, keyspace: executor.state.target.keyspace, tabletType: executor.tabletType };
}

async function runOf(executor: Executor, inner: Statement, sql: string, form: string): Promise<TracedRun> {
  if (!isQuery(inner) && !executor.options.runsDml) {
    const directive = "/*vt+ EXECUTE_DML_QUERIES */";
    throw new MysqlError(
      1105,
      "HY000",
      `VEXPLAIN ${form.toUpperCase()} will actually run queries. \`${directive}\` must be set to run what may change data. ` +
        `Example: \`vexplain ${directive} ${form} delete from t1\``,
    );
  }
  return runTraced(executor, sql);
}

const QUERIES_COLUMNS: readonly ColumnDefinition[] = [
  { ...integerColumn("#"), type: MYSQL_TYPE.LONG, columnLength: 11 },
  textColumn("keyspace"),
  textColumn("shard"),
  textColumn("query", 65_535),
];

function answerQueries(executor: Executor, { calls }: TracedRun): void {
  const rows = calls.flatMap(({ turn, target, sql, begins }) => {
    const row = (query: string): readonly string[] => [String(turn), keyspaceOfTarget(target), target.shard, query];
    return begins ? [row("begin"), row(sql)] : [row(sql)];
  });
  executor.result({ columns: QUERIES_COLUMNS, rows });
}

function answerJson(executor: Executor, column: string, value: object): void {
  executor.result({ columns: [textColumn(column, 65_535)], rows: [[JSON.stringify(value, undefined, "\t")]] });
}

/** EXPLAIN FORMAT=JSON of each SELECT that was sent, once for those that differ only in their shard. */
async function explainedByShards(executor: Executor, calls: readonly TracedCall[]): Promise<readonly object[]> {
  const { context, state, signal } = executor;
  const told: object[] = [];
  const seen = new Set<string>();
  for (const call of calls) {
    if (!/^(select|with|\()/i.test(call.sql) || call.error !== undefined || seen.has(call.sql)) continue;
    seen.add(call.sql);
    const request = { ...plainRequest(comQuery(`EXPLAIN FORMAT=JSON ${call.sql}`)), settings: state.settings.sql };
    const reply = await collect(context.tablets, call.target, request, signal);
    // What reads temporary tables of the execution cannot be explained any more.
    if (reply.info.kind !== "resultset") continue;
    const text = readTextRows(reply.bytes)[0]?.[0]?.toString("utf8") ?? "null";
    const plan: unknown = JSON.parse(text);
    told.push({ ...showCall(call), plan });
  }
  return told;
}
