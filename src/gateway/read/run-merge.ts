// Answers a SELECT by the merge tier: column definitions are those a mysqld gives for the statement as it was written, rows
// are merged from the shards while they stream. What turns out not to merge exactly is gathered instead, as long as
// nothing has been written.

import { MysqlError, notSupported, ShardgateError } from "../../base/errors.ts";
import { collect, errorOfReply, ShardCallError } from "../../engine/collect.ts";
import { type MergeContext, type MergeRules, MergeRun, type RowLimit, type ShardShare } from "../../engine/merge.ts";
import { withOrigins } from "../../engine/describe.ts";
import { MergeOutput } from "../../engine/merge-output.ts";
import { NeedsGather } from "../../engine/needs-gather.ts";
import type { ShardTarget } from "../../engine/ports.ts";
import { quoteName } from "../../engine/quote-name.ts";
import type { ReplyEnd } from "../../engine/reply.ts";
import { describing } from "../../plan/describing.ts";
import type { MergeLimit, MergePlan } from "../../plan/merge-plan.ts";
import { resolveValue, type ValueRef } from "../../plan/value-ref.ts";
import type { BindValue } from "../../plan/statement.ts";
import { literalNode } from "../../sql/new-nodes.ts";
import type { Expr, Query } from "../../sql/tree.ts";
import { walk } from "../../sql/walk.ts";
import { asksServer, learnRows } from "../session/aftermath.ts";
import type { ClusterView } from "../cluster/cluster-view.ts";
import type { ServerSettings } from "../cluster/comparison-facts.ts";
import { describeStatement } from "../cluster/describe-statement.ts";
import type { Executor } from "../executor.ts";
import { warningsOfParts } from "./merged-warnings.ts";
import { knownDefinitions } from "../cluster/known-definitions.ts";
import { runGather } from "./run-gather.ts";
import { pooledRequest } from "./run-pooled.ts";
import { substituted } from "../session/session-values.ts";
import type { Settings } from "../session/settings.ts";
import { readTextRows } from "./text-rows.ts";

/** Answers the client, or throws. */
export async function runMerge(
  executor: Executor,
  plan: MergePlan,
  binds: readonly BindValue[],
  cluster: ClusterView,
): Promise<void> {
  const { state, client } = executor;
  if (plan.gather !== undefined && plan.body.typing.kind === "union" && asksServer(plan.effect, state)) {
    await gatherInstead(executor, plan, new NeedsGather("FOUND_ROWS() of a UNION with LIMIT"), binds, cluster);
    return;
  }
  executor.asParts(plan.effect);
  executor.openTransaction(plan.effect.touchesTables);
  let replies: ReplyEnd[] = [];
  let described: ReplyEnd | undefined;
  const output = new MergeOutput(client, executor.sequenceId, plan.body.width);
  let lostHold: ShardTarget | undefined;
  let run: MergeRun | undefined;
  try {
    if (!canRead(plan, state.settings)) throw new NeedsGather("results in another character set than utf8mb4");
    run = new MergeRun(plan, {
      ...(await mergeContext(executor, plan, binds, cluster)),
      describe: (query, keyspace) =>
        knownDefinitions(executor, query, keyspace, binds, cluster, (info) => {
          if (query === plan.body.typing) described = info;
        }),
      ended({ target, info, error, holdLost }, answers) {
        if (info !== undefined) state.holds.joined(target, info.holdId, state.inTransaction, false);
        if (info !== undefined && error === undefined && answers) replies.push(info);
        if (holdLost) {
          state.holds.lost(target);
          lostHold = target;
        }
      },
    });
    // Both go to the session's own connections then, which take one statement at a time.
    if (state.holds.hasLockedTables) await run.definitions();
    const rows = run.rows();
    const first = rows.next();
    // The statement's own errors go before those of what is made of it.
    first.catch(() => undefined);
    await output.head(withOrigins(await run.definitions(), plan.origins), state.statusFlags);
    for (let next = await first; next.done !== true; next = await rows.next()) {
      await output.rows(next.value, plan.body.width);
    }
    if (replies.some(({ warnings }) => warnings > 0)) {
      const sqlOf = statementThatWarns(plan, (query) => substituted(query, binds, state, executor.context).subarray(1));
      if (sqlOf !== undefined) replies = [...(await run.endsOf(sqlOf))];
    }
  } catch (error) {
    await run?.close();
    const reason = plan.gather === undefined ? error : withoutShipping(error, plan);
    if (reason instanceof NeedsGather && !output.hasWritten && lostHold === undefined) {
      await gatherInstead(executor, plan, reason, binds, cluster);
      return;
    }
    await executor.afterFailure(error);
    output.flushBeforeError();
    if (output.hasWritten) executor.goesOnFrom(output.sequenceId);
    const shown = error instanceof NeedsGather ? tooLate(error) : error;
    if (lostHold === undefined || !(shown instanceof Error)) throw shown;
    throw new ShardCallError(shown instanceof ShardCallError ? shown.error : shown, true, lostHold);
  }
  await run.close();
  if (described === undefined && replies.some(({ warnings }) => warnings > 0)) {
    const { typing, keyspace } = plan.body;
    // Only what it warns of is of interest, and nothing of that if it fails now.
    await describeStatement(executor, typing, keyspace, binds, cluster, (info) => {
      described = info;
    }).catch(() => undefined);
  }
  const { lastWarnings, count } = warningsOfParts(replies, described);
  output.finish({ warnings: Math.min(count, WARNINGS_MAX), statusFlags: state.statusFlags });
  state.rowCount = -1;
  state.lastWarnings = lastWarnings;
  learnRows(plan.effect, binds, { sent: output.rowCount, skipped: run.rowsSkipped }, state);
  client.commandDone();
}

const WARNINGS_MAX = 0xffff;

async function gatherInstead(
  executor: Executor,
  plan: MergePlan,
  { reason }: NeedsGather,
  binds: readonly BindValue[],
  cluster: ClusterView,
): Promise<void> {
  if (plan.gather === undefined) throw notSupported(`${plan.reason}: ${reason}`);
  executor.context.log.debug({ connection: executor.state.connectionId, reason }, "a merge is gathered instead");
  await runGather(executor, plan.gather, binds, cluster);
}

/**
 * What a shard runs to warn of the rows that the answer has of it, and once for each expression, if it has computed others,
 * or some twice. Undefined: it has not, or cannot do it again.
 */
function statementThatWarns(
  { steps, body, effect }: MergePlan,
  print: (query: Query) => Buffer,
): ((share: ShardShare) => Buffer | undefined) | undefined {
  if (steps.length > 0 || body.kind !== "shards") return undefined;
  const { statement, width, merge } = body;
  const isAsWritten = merge.aggregate === undefined && statement.kind === "select" && statement.items.length === width;
  if (isAsWritten && !merge.pushLimit) return undefined;
  // What is locked is locked.
  const query = { ...body.typing, locking: [] };
  if (effect.reserves !== undefined || effect.callsStored === true || query.into !== undefined || waits(query)) {
    return undefined;
  }
  return ({ range }) => {
    if (range === undefined) return print(query);
    if (range.sent > 0) return print(withLimit(query, BigInt(range.sent), BigInt(range.skipped)));
    // It has compared and sorted them all the same.
    return query.orderBy.length > 0 ? print(withLimit(query, 1n, LIMIT_MAX - 1n)) : undefined;
  };
}

/** Nobody wants to wait twice. */
function waits(query: Query): boolean {
  let found = false;
  walk(query, (node) => {
    found ||= node.kind === "call" && (node.name === "sleep" || node.name === "benchmark");
    return !found;
  });
  return found;
}

/** Literals in the place of rows go together with columns of every collation but some of their own kind (latin2_czech_cs). */
function withoutShipping(error: unknown, { steps }: MergePlan): unknown {
  const isMix = error instanceof MysqlError && MIXES.has(error.errno) && steps.length > 0;
  return isMix ? new NeedsGather(`rows of a collation that literals do not go together with: ${error.message}`) : error;
}

/** ER_CANT_AGGREGATE_2COLLATIONS, …_3COLLATIONS, …_NCOLLATIONS. */
const MIXES: ReadonlySet<number> = new Set([1267, 1270, 1271]);

function tooLate({ reason }: NeedsGather): ShardgateError {
  return new ShardgateError("LIMIT_REACHED", `the rest of this query's rows cannot be merged: ${reason}`);
}

async function mergeContext(
  executor: Executor,
  plan: MergePlan,
  binds: readonly BindValue[],
  cluster: ClusterView,
): Promise<Omit<MergeContext, "ended" | "describe">> {
  const { context, state, signal } = executor;
  const { settings } = state;
  const any = executor.shards.any(plan.body.keyspace, cluster);
  const sqlOf = (query: Query): Buffer => substituted(query, binds, state, context).subarray(1);
  return {
    port: context.tablets,
    dialect: state.sqlMode.dialect,
    rules: {
      ...rulesOf(settings, await context.comparison.settings(any)),
      paddingOf: (collation) => context.comparison.paddingOf(collation, any),
    },
    signal,
    isSequential: state.inTransaction || !state.holds.empty,
    locks: plan.effect.writes,
    targetsOf(keyspace, routing) {
      // Values of rows are asked for one by one: the statement's own are not gone through each time.
      const ofRows = routing.kind === "in" && routing.values.every(isConstant);
      const targets = executor.shards.of({ keyspace, routing }, ofRows ? [] : binds, cluster);
      if (state.inTransaction) state.holds.checkParticipants(targets);
      return targets;
    },
    requestFor: (target, sql) => executor.requestFor(target, Buffer.concat([COM_QUERY, sql]), true, false),
    print: (query, rowsMax) => sqlOf(rowsMax === undefined ? query : withLimit(query, rowsMax)),
    printTyping: (query) => sqlOf(describing(query)),
    async collations(typing, names, keyspace) {
      const columns = names.map((name) => `COLLATION(t.${quoteName(name)})`).join(", ");
      const payload = Buffer.concat([
        COM_QUERY,
        Buffer.from(`SELECT ${columns} FROM (SELECT 1) o LEFT JOIN (`),
        typing,
        Buffer.from(") t ON FALSE"),
      ]);
      const target = executor.shards.any(keyspace, cluster);
      const request = { ...pooledRequest(executor, target, payload), settings: settings.ofParts.sql };
      const reply = await collect(context.tablets, target, request, signal);
      if (reply.info.kind === "err") throw errorOfReply(reply);
      const [row = []] = readTextRows(reply.bytes);
      return row.map((value) => value?.toString("latin1").toLowerCase() ?? "");
    },
    limitOf: (limit) => limitOf(limit, binds),
  };
}

const COM_QUERY = Buffer.of(3);

function isConstant({ kind }: ValueRef): boolean {
  return kind === "constant";
}

/** Values that are read here must come in utf8mb4; rows that are only cut may be in any that has ASCII. */
function canRead(plan: MergePlan, { names, variables }: Settings): boolean {
  const results = variables.get("character_set_results") ?? names.charset;
  // Bytes are shown as what has no collation to sort and group by.
  if (plan.steps.length === 0) return !/ucs2|utf16|utf32|binary/i.test(results);
  return names.charset === "utf8mb4" && !variables.has("character_set_results");
}

function rulesOf({ variables }: Settings, server: ServerSettings): Omit<MergeRules, "paddingOf"> {
  const ofSession = (name: string): string | undefined => {
    const value = variables.get(name);
    return value === undefined || value.toUpperCase() === "DEFAULT" ? undefined : value.replaceAll(/^['"]|['"]$/g, "");
  };
  const zone = ofSession("time_zone") ?? server.timeZone;
  const actual = zone.toUpperCase() === "SYSTEM" ? server.systemTimeZone : zone;
  return {
    timestampsAreDistinct: /^([+-]\d{1,2}:\d\d|(etc\/)?(utc|gmt))$/i.test(actual),
    allowsZeroDates: !/NO_ZERO|TRADITIONAL/i.test(ofSession("sql_mode") ?? server.sqlMode),
    divisionDecimals: Number(ofSession("div_precision_increment") ?? server.divPrecisionIncrement),
  };
}

function withLimit(query: Query, rowsMax: bigint, skipped = 0n): Query {
  const { pos } = query;
  const value = String(rowsMax < LIMIT_MAX ? rowsMax : LIMIT_MAX);
  const count: Expr = literalNode("int", value, pos);
  const offset: Expr | undefined = skipped === 0n ? undefined : literalNode("int", String(skipped), pos);
  return {
    ...query,
    limit: { kind: "limit", offset, count, withTies: false, rowsExamined: undefined, pos },
  };
}

const LIMIT_MAX = 2n ** 64n - 1n;

function limitOf({ count, offset }: MergeLimit, binds: readonly BindValue[]): RowLimit | undefined {
  const rows = rowsOf(count, binds);
  const skipped = offset === undefined ? 0n : rowsOf(offset, binds);
  return rows === undefined || skipped === undefined ? undefined : { count: rows, offset: skipped };
}

function rowsOf(ref: ValueRef, binds: readonly BindValue[]): bigint | undefined {
  const value = resolveValue(ref, binds);
  if (value === undefined || (value.type !== "INT64" && value.type !== "UINT64")) return undefined;
  const rows = BigInt(value.raw.toString("latin1"));
  return rows < 0n ? undefined : rows;
}
