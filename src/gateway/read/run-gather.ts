// Answers a SELECT by the gather tier: fills temporary tables on a scratch connection and passes the reply of the mapped
// statement through, with the columns that the statement itself would give. Whatever happens, the scratch connection is
// reset, which drops the tables; if this gateway dies, the tablet does it.

import { isAscii } from "node:buffer";
import { MysqlError } from "../../base/errors.ts";
import { notSupported } from "../../base/errors.ts";
import { type Definitions, describe, HeadSwap } from "../../engine/describe.ts";
import { Budget, fillTables, type GatherTable } from "../../engine/gather.ts";
import { type GatheredTable, redefineDescribed, redefineGathered } from "../../engine/gather-head.ts";
import type { ShardRequest, ShardTarget } from "../../engine/ports.ts";
import { quoteName } from "../../engine/quote-name.ts";
import { Scratch } from "../../engine/scratch.ts";
import { readingOf } from "../../plan/gather-reading.ts";
import type { GatherPlan, GatherSource } from "../../plan/plan.ts";
import type { BindValue } from "../../plan/statement.ts";
import { encodeSql } from "../../sql/encoding.ts";
import { printBytes, printExpr } from "../../sql/print.ts";
import type { Expr } from "../../sql/tree.ts";
import type { ClusterView } from "../cluster/cluster-view.ts";
import { comQuery } from "../client/com-query.ts";
import { canBePrepared, describeStatement } from "../cluster/describe-statement.ts";
import type { Executor } from "../executor.ts";
import type { SessionHolds } from "../session/session-holds.ts";
import { substituted, withSessionValues } from "../session/session-values.ts";

/** Tables that the statement reads beside those it is planned with, and what makes them on the scratch connection. */
export interface MoreTables {
  readonly tables: readonly GatheredTable[];
  fill(scratch: Scratch): Promise<void>;
}

/** Answers the client, or throws. */
export async function runGather(
  executor: Executor,
  plan: GatherPlan,
  binds: readonly BindValue[],
  cluster: ClusterView,
  more?: MoreTables,
): Promise<void> {
  const { context, state, signal } = executor;
  executor.refuseGather(plan.reason);
  if (plan.effect.writes) executor.refuseReplica();
  executor.openTransaction(true);
  const tables = plan.sources.map((source) => tableOf(source, executor, binds, cluster));
  if (state.inTransaction) state.holds.checkParticipants(tables.flatMap(({ targets }) => targets));
  const keeps = plan.effect.reserves !== undefined;
  if (keeps) state.kept.keepUnknown();
  const alone = keeps ? undefined : aloneOn(plan, tables);
  if (alone !== undefined && plan.original !== undefined) {
    executor.passStatement(alone, substituted(plan.original, binds, state, context));
    return;
  }
  executor.asParts(plan.effect);
  const requests = requestsOf(executor);
  const described = await describedAnswer(executor, plan, binds, cluster);
  // Locks of GET_LOCK() are the session's own connection's, on one shard for all sessions.
  const target =
    keeps || plan.onFirstShard
      ? executor.shards.first(plan.keyspace, cluster)
      : executor.shards.any(plan.keyspace, cluster);
  if (keeps && state.holds.participates(target)) {
    throw notSupported(`${plan.reason} in a transaction that has begun in keyspace ${plan.keyspace}`);
  }
  const scratch = new Scratch(context.tablets, target, signal, keeps ? state.holds.idOf(target) : 0);
  const budget = new Budget(executor.gatherLimits);
  try {
    const redefine =
      described === undefined
        ? redefineGathered(
            [...plan.sources, ...(more?.tables ?? [])],
            await definitionsFor(plan, tables, executor, requests.about),
          )
        : redefineDescribed(plan.sources, described);
    await fillTables(
      {
        port: context.tablets,
        requestFor: (shard, payload) => beside(scratch, shard, requests.for(shard, payload)),
        requestAbout: (shard, payload) => beside(scratch, shard, requests.about(shard, payload)),
        joined: (shard, holdId) => state.holds.joined(shard, holdId, state.inTransaction, false),
        isSequential: state.inTransaction || !state.holds.empty,
        limits: executor.gatherLimits,
        signal,
      },
      scratch,
      tables,
      budget,
    );
    await more?.fill(scratch);
    const payload = substituted(plan.statement, binds, state, context);
    await executor.passFrom(target, scratch.holdId, payload, new HeadSwap(executor.client, redefine));
  } catch (error) {
    await executor.afterFailure(error);
    throw error;
  } finally {
    context.counters.gather(budget.taken.rows, budget.taken.bytes);
    if (keeps) await keep(scratch, plan, state.holds);
    else await scratch.release();
  }
  executor.client.commandDone();
}

/** A request that must not wait for the scratch connection. */
function beside(scratch: Scratch, target: ShardTarget, request: ShardRequest): ShardRequest {
  const isSame = request.holdId !== 0 && request.holdId === scratch.holdId && target.shard === scratch.target.shard;
  return isSame ? { ...request, holdId: 0 } : request;
}

/** The scratch connection stays the session's, without what was made there. */
async function keep(scratch: Scratch, { sources }: GatherPlan, holds: SessionHolds): Promise<void> {
  const names = sources.map(({ temporaryTable }) => quoteName(temporaryTable)).join(", ");
  // What is left there otherwise goes with the connection.
  await scratch.run(Buffer.from(`DROP TEMPORARY TABLE IF EXISTS ${names}`)).catch(() => undefined);
  holds.joined(scratch.target, scratch.holdId, false, true);
}

/**
 * The answer's columns, if a shard can tell them. Throws what is wrong with the statement, before any work is done for it.
 */
async function describedAnswer(
  executor: Executor,
  { original, keyspace }: GatherPlan,
  binds: readonly BindValue[],
  cluster: ClusterView,
): Promise<Definitions | undefined> {
  if (original === undefined) return undefined;
  try {
    return await describeStatement(executor, original, keyspace, binds, cluster);
  } catch (error) {
    if (error instanceof MysqlError && (await canBePrepared(executor, original, keyspace, binds, cluster)))
      return undefined;
    throw error;
  }
}

/** The shard that has all rows which can matter, if there is one: it answers for itself. */
function aloneOn(plan: GatherPlan, tables: readonly GatherTable[]): ShardTarget | undefined {
  if (plan.onFirstShard) return undefined;
  const needed = tables.flatMap((table, i) => (plan.sources[i]?.routing.kind === "any" ? [] : table.targets));
  const [only, ...others] = needed;
  return others.every(({ shard }) => shard === only?.shard) ? only : undefined;
}

function tableOf(
  source: GatherSource,
  executor: Executor,
  binds: readonly BindValue[],
  cluster: ClusterView,
): GatherTable {
  const { state, context } = executor;
  const fromOf = (where: Expr | undefined): Buffer => {
    const reading = withSessionValues(readingOf(source, where), state, context);
    return printBytes(reading, binds, { mode: state.sqlMode }).subarray(SELECT_STAR.length);
  };
  const { where } = source;
  const conjuncts = where?.kind === "and" ? where.operands : where === undefined ? [] : [where];
  // The statement is read as UTF-8, whatever the client speaks: what else its literals hold is left to the statement itself.
  const readable = state.settings.textIsUtf8 ? conjuncts : conjuncts.filter((conjunct) => isAscii(fromOf(conjunct)));
  const [first, ...rest] = readable;
  const filter: Expr | undefined =
    first === undefined || rest.length === 0 ? first : { kind: "and", operands: readable, pos: first.pos };
  return {
    temporaryTable: source.temporaryTable,
    table: source.table,
    alias: source.alias,
    columns: source.columns,
    lookups: source.lookups,
    computed: source.scores.map(({ name, match }) => ({
      name,
      sql: encodeSql(printExpr(withSessionValues(match, state, context), binds, { mode: state.sqlMode })),
    })),
    from: fromOf(filter),
    unfiltered: filter === undefined ? undefined : fromOf(undefined),
    targets: executor.shards.of(source, binds, cluster),
  };
}

/** How a reading statement is printed, before what its select list is replaced by. */
const SELECT_STAR = "select *";

type RequestOf = (target: ShardTarget, payload: Buffer) => ShardRequest;

/**
 * Requests for reading rows, with the session's settings, but text in UTF-8 both ways, whatever the client speaks; and about
 * definitions, which are told in the form of the login's sql_mode. A connection that is held gets its own settings back with
 * the session's next statement.
 */
function requestsOf(executor: Executor): { readonly for: RequestOf; readonly about: RequestOf } {
  const { settings } = executor.state;
  const own = settings.ofParts;
  const speaksUtf8 = settings.names.charset === "utf8mb4" && !CHARACTER_SETS.some((name) => own.variables.has(name));
  const reading = speaksUtf8
    ? own
    : CHARACTER_SETS.reduce((changed, name) => changed.withVariable(name, "'utf8mb4'"), own);
  const plain = reading.variables.has("sql_mode") ? reading.withVariable("sql_mode", "''") : reading;
  return {
    for: (target, payload) => ({ ...executor.requestFor(target, payload, true, false), settings: reading.sql }),
    about(target, payload) {
      const request = executor.requestFor(target, payload, false, false);
      return { ...request, settings: request.holdId === 0 ? "" : plain.sql };
    },
  };
}

const CHARACTER_SETS = ["character_set_client", "character_set_results"];

/** When no shard has all tables: the definitions of each are asked for where it is. */
async function definitionsFor(
  { sources }: GatherPlan,
  tables: readonly GatherTable[],
  { context, signal }: Executor,
  requestAbout: RequestOf,
): Promise<ReadonlyMap<string, Definitions>> {
  const definitions = new Map<string, Definitions>();
  for (const [i, { table, temporaryTable }] of sources.entries()) {
    const [origin] = tables[i]?.targets ?? [];
    if (origin === undefined) continue;
    const payload = comQuery(`SELECT * FROM ${quoteName(table)} LIMIT 0`);
    definitions.set(temporaryTable, await describe(context.tablets, origin, requestAbout(origin, payload), signal));
  }
  return definitions;
}
