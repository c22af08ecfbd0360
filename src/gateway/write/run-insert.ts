// INSERT and REPLACE of rows into a sharded table: each row gets its id and its place, each shard the rows that are its own.

import { notSupported } from "../../base/errors.ts";
import type { CollectedReply } from "../../engine/collect.ts";
import { lastGivenId, placingValues, readsForeignText, splitRows } from "../../engine/insert.ts";
import type { Value } from "../../mysql/values.ts";
import type { InsertPlan } from "../../plan/plan.ts";
import { setsLastInsertId } from "../../plan/session-functions.ts";
import type { BindValue } from "../../plan/statement.ts";
import type { Insert } from "../../sql/tree.ts";
import { literalsInUtf8 } from "../client/client-text.ts";
import { printedQuery } from "../client/com-query.ts";
import type { ClusterView } from "../cluster/cluster-view.ts";
import type { Executor } from "../executor.ts";
import { withSessionValues } from "../session/session-values.ts";
import { asOneStatement } from "../transaction/statement-unit.ts";
import { runShare } from "./ignored-share.ts";
import { generateIds, type InsertIds, refuseShardIds, withGenerated } from "./insert-ids.ts";
import { resolvedVindex } from "./resolved-vindex.ts";
import { answerChange, runChange, type ShardChange } from "./run-change.ts";
import { writeWithLookups, type Written } from "./run-insert-lookups.ts";
import { failureOf, firstFailure, fulfilled } from "./share-failures.ts";
import { answerReturning, duplicateRuleOf } from "./write-answer.ts";

/** An INSERT or REPLACE whose rows have their places. */
export interface PlacedInsert {
  /** With the values that the gateway has put in. */
  readonly statement: Insert;
  readonly changes: readonly ShardChange[];
  readonly ids: InsertIds;
  /** Ids made for rows, by their positions. */
  readonly generated: ReadonlyMap<number, Value>;
}

/** INSERT or REPLACE of rows into a sharded table. `payload` is what the client sent. */
export async function runInsert(
  executor: Executor,
  plan: InsertPlan,
  binds: readonly BindValue[],
  cluster: ClusterView,
  payload: Buffer,
): Promise<void> {
  const { state } = executor;
  const placed = await placeInsert(executor, plan, binds, cluster, payload);
  const { statement, changes, ids } = placed;
  const answersRows = statement.returning.length > 0;
  const [only] = changes;
  const isRowByRow = plan.lookups.length > 0 || plan.movesOnDuplicate;
  if (changes.length > 1 || isRowByRow) executor.losesVariables();
  if (answersRows && (changes.length > 1 || isRowByRow)) {
    const written = await asOneStatement(executor, () => returnedBy(executor, plan, placed, binds, cluster));
    answerReturning(executor, written);
    return;
  }
  if (isRowByRow) {
    const written = await asOneStatement(executor, () => writeWithLookups(executor, plan, placed, binds, cluster));
    answerChange(executor, written.changes, written.replies, written.ids);
    return;
  }
  if (changes.length > 1 && changes.some((share) => twiceOf(executor, statement, share, binds) !== undefined)) {
    const replies = await asOneStatement(executor, () => runShares(executor, statement, changes, binds));
    answerChange(executor, changes, replies, ids);
    return;
  }
  executor.openTransaction(true, true);
  if (changes.length === 1 && only !== undefined && (answersRows || plan.generate === undefined)) {
    if (state.inTransaction) state.holds.checkParticipants([only.target]);
    if (ids.generated !== undefined) state.lastInsertId = ids.generated;
    executor.passStatement(only.target, only.payload);
    return;
  }
  await runChange(executor, changes, ids);
}

/** Runs inside of one statement (`asOneStatement`). `isSeveral`: the rows are some of more, or a query's. */
export async function runShares(
  executor: Executor,
  statement: Insert,
  changes: readonly ShardChange[],
  binds: readonly BindValue[],
  isSeveral?: boolean,
): Promise<CollectedReply[]> {
  const results = await Promise.allSettled(
    changes.map((share) => {
      const { target, payload } = share;
      return runShare(executor, target, payload, twiceOf(executor, statement, share, binds, isSeveral));
    }),
  );
  const failed = firstFailure(results, changes);
  if (failed !== undefined) throw failed;
  return fulfilled(results);
}

/** A share of a single row that IGNORE may leave out, with that row twice. */
function twiceOf(
  executor: Executor,
  statement: Insert,
  { rows }: ShardChange,
  binds: readonly BindValue[],
  isSeveral = statement.rows.length > 1,
): (() => Buffer) | undefined {
  const [at] = rows ?? [];
  const row = at === undefined ? undefined : statement.rows[at];
  if (!statement.ignore || !isSeveral || row === undefined || rows?.length !== 1) return undefined;
  const { sqlMode } = executor.state;
  const twice: Insert = { ...statement, form: "values", rows: [row, row] };
  return () => printedQuery(twice, binds, sqlMode);
}

/** The shares' rows; of a row that IGNORE may leave out the share is its own. */
export async function returnedBy(
  executor: Executor,
  plan: InsertPlan,
  placed: PlacedInsert,
  binds: readonly BindValue[],
  cluster: ClusterView,
): Promise<Written> {
  if (plan.lookups.length > 0 || plan.movesOnDuplicate) {
    return writeWithLookups(executor, plan, placed, binds, cluster);
  }
  const { state } = executor;
  const { statement, ids } = placed;
  const changes = !statement.ignore
    ? placed.changes
    : placed.changes.flatMap(({ target, rows = [] }) =>
        rows.map((row): ShardChange => {
          const only = { ...statement, rows: statement.rows.slice(row, row + 1) };
          return {
            target,
            rows: [row],
            payload: printedQuery(only, binds, state.sqlMode),
          };
        }),
      );
  if (!statement.ignore) return { changes, replies: await runShares(executor, statement, changes, binds), ids };
  const inOrder = changes.toSorted((one, other) => (one.rows?.[0] ?? 0) - (other.rows?.[0] ?? 0));
  const replies: CollectedReply[] = [];
  for (const share of inOrder) {
    const { target, payload, rows } = share;
    try {
      replies.push(await runShare(executor, target, payload, twiceOf(executor, statement, share, binds)));
    } catch (error) {
      throw failureOf(error, rows).error;
    }
  }
  return { changes: inOrder, replies, ids };
}

/** Makes the rows' ids and finds the shards they go to. `payload`: the statement as it came; undefined: print it. */
export async function placeInsert(
  executor: Executor,
  unresolved: InsertPlan,
  binds: readonly BindValue[],
  cluster: ClusterView,
  payload: Buffer | undefined,
): Promise<PlacedInsert> {
  const { state } = executor;
  const plan =
    unresolved.primary.vindex.kind === "lookup" ? await resolved(executor, unresolved, binds, cluster) : unresolved;
  executor.refuseReplica();
  const values = literalsInUtf8(binds, state.settings);
  const isUnread = values === undefined ? readsForeignText(plan, binds) : false;
  if (isUnread || (!state.settings.literalsAreUtf8 && readsForeignText(plan, []))) {
    throw notSupported(
      "text beyond ASCII in a vindex column by a client that does not speak UTF-8",
      "SET NAMES utf8mb4",
    );
  }
  const { targets } = executor.shards.ofKeyspace(plan.keyspace, cluster);
  if (targets.length > 1) refuseShardIds(plan, binds, state.autoValueOnZero);
  const generated = await generateIds(executor, plan, binds, cluster);
  const split = splitRows(
    plan,
    executor.shards.ofKeyspace(plan.keyspace, cluster),
    values ?? binds,
    generated,
    state.sqlMode.dialect,
  );
  const filled = generated.size === 0 ? plan.statement : withGenerated(plan, generated);
  const statement = plan.substitute ? withSessionValues(filled, state, executor.context) : filled;
  const asWritten = payload !== undefined && statement === plan.statement && plan.printed !== true;
  const textOf = (insert: Insert): Buffer => printedQuery(insert, binds, state.sqlMode);
  const first = generated.values().next().value;
  const changes = split.map((share): ShardChange => {
    if (split.length === 1) return { ...share, payload: asWritten ? payload : textOf(statement) };
    const rows = share.rows.flatMap((row) => statement.rows[row] ?? []);
    return { ...share, payload: textOf({ ...statement, rows }) };
  });
  const ids: InsertIds = {
    generated: first === undefined ? undefined : BigInt(first.raw.toString("latin1")),
    given: lastGivenId(plan, binds),
    isOwn: plan.generate !== undefined,
    isSet: setsLastInsertId(plan.statement),
    mayUpdate: mayUpdate(plan),
    rule: duplicateRuleOf(plan.statement),
  };
  return { statement, changes, ids, generated };
}

/** With the lookup vindex that places the rows asked for their values. */
async function resolved(
  executor: Executor,
  plan: InsertPlan,
  binds: readonly BindValue[],
  cluster: ClusterView,
): Promise<InsertPlan> {
  const { keyspace, table, definition, primary } = plan;
  const vschema = cluster.vschema.keyspaces.get(keyspace)?.tables.get(table);
  const [placing] = vschema?.columnVindexes ?? [];
  if (placing === undefined) return plan;
  const { state } = executor;
  const values = literalsInUtf8(binds, state.settings) ?? binds;
  const given = placingValues(plan, values, state.sqlMode.dialect);
  const owner = { keyspace, table, definition, vschema };
  return { ...plan, primary: { ...primary, vindex: await resolvedVindex(executor, cluster, owner, placing, given) } };
}

function mayUpdate({ statement }: InsertPlan): boolean {
  return statement.rows.length === 1 && (statement.ignore || statement.onDuplicate.length > 0);
}
