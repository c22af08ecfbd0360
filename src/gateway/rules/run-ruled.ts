// What query rules make of a statement before it is planned: it is refused, waits, becomes another one, or goes on with
// other options. Rules are looked at once for each statement that a client sends; what comes of it goes with the statement
// wherever it runs (`given` of Executor.query).

import { interrupted, MysqlError, notSupported, ShardgateError } from "../../base/errors.ts";
import { LIMITS } from "../../base/limits.ts";
import { resolveTable } from "../../plan/tables.ts";
import type { RuleAction } from "../../rules/query-rule.ts";
import { rewrittenStatement } from "../../rules/rewrite.ts";
import { normalize, type Normalized } from "../../sql/normalize.ts";
import { fillTemplate } from "../../sql/print.ts";
import { statementEnd } from "../../sql/statement-end.ts";
import type { SqlMode } from "../../sql/tree.ts";
import type { ClusterView } from "../cluster/cluster-view.ts";
import { comQuery, type StatementCommand } from "../client/com-query.ts";
import { isFreeRead } from "../read/free-read.ts";
import type { Executor } from "../executor.ts";
import type { Execution } from "../prepared/execution.ts";
import { mirror } from "./mirror.ts";
import { BY_RULE, type QueryOptions } from "../plans/query-options.ts";
import type { KeyspaceFinder, RewrittenByRule, RuleDecision, RuleInForce, RuleSet } from "./query-rules.ts";

const SEMICOLON = 0x3b;
const SPACE = 0x20;

/** A statement as its client has sent it. */
export interface RuledStatement {
  readonly command: StatementCommand;
  readonly sequenceId: number;
  readonly execution: Execution | undefined;
  readonly normalized: Normalized;
  readonly cluster: ClusterView;
  /** Without rules. */
  readonly options: QueryOptions;
}

/** What the statement goes on with; undefined: it goes on by itself. Throws what it is refused with. */
export function obeyRules(executor: Executor, rules: RuleSet, ruled: RuledStatement): QueryOptions | undefined {
  const { normalized, cluster } = ruled;
  const { payload } = ruled.command;
  const decision = rules.decide(executor.state, payload.subarray(1), normalized, finderFor(cluster));
  if (decision.applied.length === 0) return ruled.options;
  let waitMs = 0;
  for (const each of decision.applied) {
    count(executor, each, decision);
    if (each.rule.dryRun) continue;
    waitMs = Math.max(waitMs, limitedBy(executor, each));
    block(executor, each);
  }
  const acting = decision.applied.filter(({ rule }) => !rule.dryRun);
  const rewritten = isAlone(payload, normalized, executor.state.sqlMode)
    ? rewrittenBy(executor, decision, normalized)
    : undefined;
  if (rewritten !== undefined) rewritten.by.counts.rewritten++;
  const isFree = (rewritten ?? decision).isFreeRead;
  let { options } = ruled;
  for (const each of acting) options = withAction(options, each, executor, isFree);
  const runs = rewritten === undefined ? payload : comQuery(fillTemplate(rewritten.template, normalized.binds));
  if (isFree) for (const each of acting) mirror(executor, each, runs, options);
  if (waitMs === 0 && rewritten === undefined) return options;
  const goOn = (): void => executor.queryRuled(runs, options, ruled, rewritten !== undefined);
  if (waitMs === 0) goOn();
  else wait(executor, waitMs, goOn);
  return undefined;
}

/** What a rule will make of a statement that is only prepared now; undefined: nothing. Counts nothing. */
export function ruledText(executor: Executor, sql: Buffer): Buffer | undefined {
  const { context, state } = executor;
  const normalized = normalize(sql, state.sqlMode);
  const decision = context.rules.current?.decide(state, sql, normalized, finderFor(context.cluster()));
  const rewritten = decision === undefined ? undefined : rewrittenBy(executor, decision, normalized);
  return rewritten === undefined ? undefined : fillTemplate(rewritten.template, normalized.binds);
}

const FINDERS = new WeakMap<ClusterView, KeyspaceFinder>();

function finderFor(cluster: ClusterView): KeyspaceFinder {
  const known = FINDERS.get(cluster);
  if (known !== undefined) return known;
  const { vschema, schema } = cluster;
  const finder: KeyspaceFinder = {
    version: cluster.version,
    keyspaceOf(table) {
      try {
        return resolveTable(table, { vschema, schema, keyspace: undefined }).keyspace.keyspace;
      } catch (error) {
        // What is wrong with the name is told when the statement is planned.
        if (error instanceof ShardgateError) return undefined;
        throw error;
      }
    },
  };
  FINDERS.set(cluster, finder);
  return finder;
}

function count({ context, state }: Executor, each: RuleInForce, { facts }: RuleDecision): void {
  const { clock, log } = context;
  const { rule, counts } = each;
  counts.hits++;
  counts.lastHitMs = clock.wallMs();
  if (!rule.action.log) return;
  const nowMs = clock.nowMs();
  if (nowMs - each.logSinceMs >= 1_000) {
    each.logSinceMs = nowMs;
    each.logsLeft = LIMITS.ruleLogsPerS;
  }
  if (each.logsLeft === 0) return;
  each.logsLeft--;
  const { connectionId, user, clientHost, target } = state;
  log.info(
    {
      rule: rule.name,
      dryRun: rule.dryRun,
      connection: connectionId,
      user: user.user,
      source: clientHost,
      keyspace: target.keyspace,
      type: facts.type,
      statement: facts.digest.slice(0, LIMITS.digestTextBytesMax),
    },
    "query rule applies",
  );
}

/** How long it has to wait. Throws 1226 (42000). */
function limitedBy(executor: Executor, { rule, counts, limit }: RuleInForce): number {
  const { user, clientHost } = executor.state;
  const action = rule.action.limit;
  if (limit === undefined || action === undefined) return 0;
  const waitMs = limit.take(action.per === "user" ? user.user : action.per === "source" ? clientHost : "");
  if (waitMs === 0) return 0;
  const { rules } = executor.context;
  if (waitMs !== undefined && rules.delayed < LIMITS.ruleDelayedMax) {
    counts.delayed++;
    return waitMs;
  }
  counts.limited++;
  refusing(executor, rule.name);
  throw new ShardgateError(
    "ER_USER_LIMIT_REACHED",
    `User '${user.user}' has exceeded the '${rule.name}' resource (current value: ${action.perSecond})`,
  );
}

function block(executor: Executor, { rule, counts }: RuleInForce): void {
  const { block: blocked } = rule.action;
  if (blocked === undefined) return;
  counts.blocked++;
  refusing(executor, rule.name);
  throw new MysqlError(blocked.errno, blocked.sqlState, blocked.message);
}

/** What is counted of a statement that is never planned. */
function refusing({ context, state }: Executor, rule: string): void {
  const { last } = state;
  const text = `REFUSED BY QUERY RULE ${rule}`;
  last.digest = context.stats.digestOf(state.target.keyspace ?? "", "refused", text, context.clock.wallMs());
  last.tier = "pass-through";
  last.rows = 0;
}

function withAction(
  options: QueryOptions,
  { rule, counts }: RuleInForce,
  { state }: Executor,
  isFree: boolean,
): QueryOptions {
  const { timeoutMs, route, forceTier, forbidTiers }: RuleAction = rule.action;
  const by = `${BY_RULE}${rule.name}`;
  const forbids = (tier: "scatter" | "merge" | "gather"): boolean => forbidTiers.includes(tier);
  const routes = route !== undefined && isFree && readsAlone(state);
  if (routes) counts.routed++;
  return {
    ...options,
    timeoutMs: timeoutMs === undefined ? options.timeoutMs : sooner(options.timeoutMs, timeoutMs),
    tabletType: routes ? route : options.tabletType,
    noScatter: forbids("scatter") ? by : options.noScatter,
    noMerge: forbids("merge") || forceTier === "pass-through" ? by : options.noMerge,
    noGather: forbids("gather") || (forceTier ?? "gather") !== "gather" ? by : options.noGather,
    forcesGather: options.forcesGather || forceTier === "gather",
  };
}

/** Its rows are no part of anything that the session has begun or kept on a primary. */
function readsAlone({ inTransaction, autocommit, holds }: Executor["state"]): boolean {
  return !inTransaction && autocommit && holds.empty;
}

/** 0: never. */
function sooner(oneMs: number, otherMs: number): number {
  return oneMs === 0 ? otherMs : Math.min(oneMs, otherMs);
}

/** What the first rule that rewrites makes of statements of the text; undefined: none does. Throws 1235. */
function rewrittenBy({ state }: Executor, decision: RuleDecision, { binds }: Normalized): RewrittenByRule | undefined {
  if (decision.rewritten !== undefined) return decision.rewritten;
  const by = decision.applied.find(({ rule }) => rule.action.rewrite !== undefined && !rule.dryRun);
  const action = by?.rule.action.rewrite;
  if (by === undefined || action === undefined) return undefined;
  const { facts } = decision;
  if (facts.isInside) {
    throw notSupported("SET STATEMENT or EXPLAIN", `query rule ${by.rule.name} rewrites the statement in it`);
  }
  const { statement, template } = rewrittenStatement(
    by.rule,
    action,
    facts.text,
    facts.statement,
    binds.length,
    state.sqlMode,
  );
  decision.rewritten = { by, template, isFreeRead: isFreeRead({ statement, isInside: false }) };
  return decision.rewritten;
}

/** Behind it is no other statement, which the original would be refused for: several in one packet were not agreed. */
function isAlone(payload: Buffer, normalized: Normalized, mode: SqlMode): boolean {
  const sql = payload.subarray(1);
  if (normalized.statementEnd >= sql.length) return true;
  let at = statementEnd(sql, normalized, mode);
  while (at < sql.length && ((sql[at] ?? 0) <= SPACE || sql[at] === SEMICOLON)) at++;
  return at === sql.length || normalize(sql.subarray(at), mode).key === "";
}

/** Goes on after a while, unless the statement is stopped meanwhile. */
function wait(executor: Executor, waitMs: number, goOn: () => void): void {
  const { signal, context } = executor;
  const { rules, clock } = context;
  rules.delayed++;
  const ended = (): void => {
    rules.delayed--;
    timer.cancel();
    signal.removeEventListener("abort", stopped);
  };
  const stopped = (): void => {
    ended();
    executor.fail(interrupted());
  };
  const timer = clock.after(waitMs, () => {
    ended();
    goOn();
  });
  if (signal.aborted) stopped();
  else signal.addEventListener("abort", stopped, { once: true });
}
