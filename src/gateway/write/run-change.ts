// Writes to several shards at once, all or none as far as in-order commit goes: outside a transaction they run in one of
// their own; inside one, a savepoint on the shards already taking part undoes the statement alone when a shard refuses.

import { MysqlError, notSupported, ShardgateError } from "../../base/errors.ts";
import { collect, type CollectedReply, errorOfReply, ShardCallError } from "../../engine/collect.ts";
import {
  givenIds,
  lastGivenId,
  placingValues,
  readsForeignText,
  rowsToGenerate,
  splitRows,
} from "../../engine/insert.ts";
import type { ShardTarget } from "../../engine/ports.ts";
import type { OkPacket } from "../../mysql/packets/ok.ts";
import { type Value, valueOf } from "../../mysql/values.ts";
import { WRITE } from "../../plan/effects.ts";
import type { GeneratedColumn, InsertPlan, SequenceTable } from "../../plan/plan.ts";
import { setsLastInsertId } from "../../plan/session-functions.ts";
import type { BindValue, Insert } from "../../plan/statement.ts";
import { print } from "../../sql/print.ts";
import { comQuery } from "../client/com-query.ts";
import { literalsInUtf8 } from "../client/client-text.ts";
import type { ClusterView } from "../cluster/cluster-view.ts";
import type { Executor } from "../executor.ts";
import { isDeadlock } from "../cluster/shard-errors.ts";
import { resolvedVindex } from "./resolved-vindex.ts";
import { withSessionValues } from "../session/session-values.ts";
import { writeWithLookups, type Written } from "./run-insert-lookups.ts";
import { warningsOf, withRow } from "../show/show-warnings.ts";
import { asOneStatement } from "../transaction/statement-unit.ts";
import { runShare } from "./ignored-share.ts";
import {
  answerReturning,
  combined,
  type DuplicateRule,
  duplicateRuleOf,
  duplicatesOf,
  okOf,
  recordsOf,
} from "./write-answer.ts";

/** One shard's share of a write. */
export interface ShardChange {
  readonly target: ShardTarget;
  /** COM_QUERY and the statement. */
  readonly payload: Buffer;
  /** Positions of the rows of this share of an INSERT or REPLACE. */
  readonly rows?: readonly number[];
  /** Of each of them. */
  readonly keyspaceIds?: readonly Buffer[];
}

const BEGIN = "START TRANSACTION";

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
  return () => comQuery(print(twice, binds, { mode: sqlMode, columnNames: true }));
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
            payload: comQuery(print(only, binds, { mode: state.sqlMode, columnNames: true })),
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
  const { targets } = executor.keyspaceTargets(plan.keyspace, cluster);
  if (targets.length > 1) refuseShardIds(plan, binds, state.autoValueOnZero);
  const generated = await generateIds(executor, plan, binds, cluster);
  const split = splitRows(
    plan,
    executor.keyspaceTargets(plan.keyspace, cluster),
    values ?? binds,
    generated,
    state.sqlMode.dialect,
  );
  const filled = generated.size === 0 ? plan.statement : withGenerated(plan, generated);
  const statement = plan.substitute ? withSessionValues(filled, state, executor.context) : filled;
  const asWritten = payload !== undefined && statement === plan.statement && plan.printed !== true;
  const textOf = (insert: Insert): Buffer => comQuery(print(insert, binds, { mode: state.sqlMode, columnNames: true }));
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

/** Each shard would number the rows for itself: ids would be given twice. */
function refuseShardIds(plan: InsertPlan, binds: readonly BindValue[], onZero: boolean): void {
  const { statement, definition, generate, keyspace, table } = plan;
  const auto = generate === undefined ? definition?.columns.find(({ autoIncrement }) => autoIncrement) : undefined;
  if (auto === undefined) return;
  const listed = statement.columns.findIndex(({ name }) => name.toLowerCase() === auto.lower);
  const position = listed < 0 ? statement.columns.length : listed;
  const column = { column: auto.name, position, sequence: undefined };
  if (rowsToGenerate({ ...plan, generate: column }, binds, onZero).length === 0) return;
  const entry = `"auto_increment": {"column": ${JSON.stringify(auto.name)}, "sequence": "…"}`;
  throw notSupported(
    `a generated id in sharded table ${keyspace}.${table}, which every shard would number for itself`,
    `add ${entry} to the table's entry in the VSchema, or "generator": "snowflake" for "sequence", or give ${auto.name} a value`,
  );
}

/** The insert ids of a statement, as far as they are not the shards' business. */
export interface InsertIds {
  /** First of the ids made for this statement. */
  readonly generated: bigint | undefined;
  /** What the last row gives itself. */
  readonly given: bigint | undefined;
  /** The gateway makes the table's ids: what shards tell was given to them. */
  readonly isOwn: boolean;
  /** By LAST_INSERT_ID(expression). */
  readonly isSet: boolean;
  /** Of a single row: whether it was inserted shows in the affected rows. */
  readonly mayUpdate: boolean;
  readonly rule: DuplicateRule;
}

function mayUpdate({ statement }: InsertPlan): boolean {
  return statement.rows.length === 1 && (statement.ignore || statement.onDuplicate.length > 0);
}

/** Answers the client, or throws. */
export async function runChange(
  executor: Executor,
  changes: readonly ShardChange[],
  ids?: InsertIds,
  isEverywhere = false,
): Promise<void> {
  const { state } = executor;
  if (changes.length > 1) executor.asParts(WRITE);
  const replies = state.inTransaction
    ? await changeInTransaction(executor, changes)
    : await changeAlone(executor, changes);
  answerChange(executor, changes, replies, ids, isEverywhere);
}

/** Answers the client with what the shares of a write were answered. */
function answerChange(
  executor: Executor,
  changes: readonly ShardChange[],
  replies: readonly CollectedReply[],
  ids?: InsertIds,
  isEverywhere = false,
): void {
  const { state } = executor;
  const parts = replies.map(okOf);
  // What is everywhere alike counts once.
  const ok = combined(isEverywhere ? parts.slice(0, 1) : parts);
  const info =
    changes.length === 1 || isEverywhere ? ok.info : (insertInfo(changes, parts, ids?.rule ?? "error") ?? ok.info);
  const lastInsertId = insertIdOf(executor, changes, parts, ok, ids);
  state.rowCount = ok.affectedRows;
  state.lastWarnings = warningsOf(
    (isEverywhere ? replies.slice(0, 1) : replies).map(({ info: end }) => end),
    (i) => changes[i]?.rows,
  );
  executor.ok({ ...ok, info, lastInsertId, statusFlags: state.statusFlags });
}

/** The insert id to tell; what LAST_INSERT_ID() gives from now on is remembered. */
function insertIdOf(
  { state }: Executor,
  changes: readonly ShardChange[],
  parts: readonly OkPacket[],
  ok: OkPacket,
  ids: InsertIds | undefined,
): bigint {
  if (ids === undefined || ids.isSet) {
    // Each share tells the last value of its own rows.
    const lastRowOf = (at: number): number => Math.max(-1, ...(changes[at]?.rows ?? []));
    const at = ids === undefined ? -1 : parts.reduce((best, _, i) => (lastRowOf(i) > lastRowOf(best) ? i : best), 0);
    const told =
      parts[at]?.lastInsertId ?? parts.findLast(({ lastInsertId }) => lastInsertId !== 0n)?.lastInsertId ?? 0n;
    if (told !== 0n) state.lastInsertId = told;
    return told;
  }
  const isInserted = ok.affectedRows > 0 && (!ids.mayUpdate || ok.affectedRows === 1);
  if (ids.generated !== undefined && isInserted) {
    state.lastInsertId = ids.generated;
    return ids.generated;
  }
  if (!ids.isOwn && ok.lastInsertId !== 0n) {
    state.lastInsertId = ok.lastInsertId;
    return ok.lastInsertId;
  }
  // MySQL tells an id that a row gave itself, but LAST_INSERT_ID() is about generated ones (manual: "LAST_INSERT_ID()").
  if (ids.given !== undefined && ok.affectedRows > 0) return ids.given;
  return ok.lastInsertId;
}

/** A transaction for this statement alone; a single shard needs none. */
async function changeAlone(executor: Executor, changes: readonly ShardChange[]): Promise<CollectedReply[]> {
  const { context, state, signal } = executor;
  const [only] = changes;
  if (changes.length === 1 && only !== undefined) {
    const reply = await collect(
      context.tablets,
      only.target,
      executor.requestFor(only.target, only.payload, true, false),
      signal,
    );
    if (reply.info.kind === "err") throw errorOfReply(reply);
    return [reply];
  }
  state.holds.checkParticipants(changes.map(({ target }) => target));
  executor.watchLocks();
  const results = await Promise.allSettled(
    changes.map(({ target, payload }) => {
      const plain = executor.requestFor(target, payload, true, false);
      const owner = state.connectionId;
      const request = { ...plain, hold: true, owner, begin: state.holds.opening(target, BEGIN) };
      return collect(context.tablets, target, request, signal);
    }),
  );
  // A connection that the session holds for another reason stays held when this transaction ends.
  for (const [i, result] of results.entries()) {
    const target = changes[i]?.target;
    if (result.status === "fulfilled" && target !== undefined) {
      state.holds.joined(target, result.value.info.holdId, true, false);
    }
  }
  const failed = firstFailure(results, changes);
  if (failed !== undefined) {
    await state.holds.rollback();
    throw failed;
  }
  await state.holds.commit();
  return fulfilled(results);
}

async function changeInTransaction(executor: Executor, changes: readonly ShardChange[]): Promise<CollectedReply[]> {
  const { context, state, signal } = executor;
  const { holds } = state;
  holds.checkParticipants(changes.map(({ target }) => target));
  const start = changes.length > 1 ? holds.savepoints.mark() : undefined;
  const results = await Promise.allSettled(
    changes.map(({ target, payload }) =>
      collect(context.tablets, target, executor.requestFor(target, payload, true, false), signal),
    ),
  );
  let broken = false;
  let lost: ShardCallError | undefined;
  for (const [i, result] of results.entries()) {
    const target = changes[i]?.target;
    if (target === undefined) continue;
    if (result.status === "fulfilled") {
      holds.joined(target, result.value.info.holdId, true, false);
      broken ||= result.value.info.kind === "err" && isDeadlock(errorOfReply(result.value));
    } else if (result.reason instanceof ShardCallError && result.reason.holdLost) {
      holds.lost(target);
      lost ??= result.reason;
    }
  }
  // The whole transaction goes with it, whatever the other shards have answered.
  if (lost !== undefined) throw lost;
  const failed = firstFailure(results, changes);
  if (broken) await executor.abandonTransaction();
  else if (start !== undefined) {
    if (failed !== undefined) await holds.rollBackTo(start);
    holds.savepoints.unmark(start);
  }
  if (failed === undefined) return fulfilled(results);
  throw failed;
}

async function generateIds(
  executor: Executor,
  plan: InsertPlan,
  binds: readonly BindValue[],
  cluster: ClusterView,
): Promise<ReadonlyMap<number, Value>> {
  const { generate } = plan;
  const rows = rowsToGenerate(plan, binds, executor.state.autoValueOnZero);
  const ids = new Map<number, Value>();
  if (generate === undefined) return ids;
  const given = generate.sequence?.followsGiven === true ? givenIds(plan, binds) : undefined;
  if (given !== undefined && given.size > 0) return idsBesideGiven(executor, plan, new Set(rows), given, cluster);
  if (rows.length === 0) return ids;
  const taken = await takeIds(executor, plan.table, generate, rows.length, cluster);
  for (const [i, row] of rows.entries()) ids.set(row, valueOf("INT64", String(taken[i] ?? 0n)));
  return ids;
}

async function takeIds(
  { context }: Executor,
  table: string,
  { sequence }: GeneratedColumn,
  count: number,
  cluster: ClusterView,
): Promise<bigint[]> {
  if (sequence === undefined) return context.snowflakes.take(count);
  return context.sequences.take(homeOf(sequence, table, cluster), sequence.table, count);
}

/** Row by row, as AUTO_INCREMENT counts: what a row gives is behind all that is made for the rows after it. */
async function idsBesideGiven(
  executor: Executor,
  plan: InsertPlan,
  wanted: ReadonlySet<number>,
  given: ReadonlyMap<number, bigint>,
  cluster: ClusterView,
): Promise<ReadonlyMap<number, Value>> {
  const { generate, table, statement } = plan;
  const ids = new Map<number, Value>();
  const sequence = generate?.sequence;
  if (sequence === undefined) return ids;
  const home = homeOf(sequence, table, cluster);
  const { sequences } = executor.context;
  let greatest = 0n;
  for (const row of statement.rows.keys()) {
    const id = given.get(row) ?? 0n;
    if (id > greatest) greatest = id;
    if (!wanted.has(row)) continue;
    if (greatest > 0n) await sequences.pass(home, sequence.table, greatest);
    const [made = 0n] = await sequences.take(home, sequence.table, 1);
    ids.set(row, valueOf("INT64", String(made)));
  }
  await sequences.pass(home, sequence.table, greatest);
  return ids;
}

function homeOf(sequence: SequenceTable, table: string, cluster: ClusterView): ShardTarget {
  const home = cluster.targets.primary.get(sequence.keyspace);
  const at = sequence.pinned === undefined ? 0 : (home?.shardMap?.indexOf(sequence.pinned) ?? 0);
  const target = home?.targets[at];
  if (target !== undefined) return target;
  throw new ShardgateError(
    "SHARD_UNAVAILABLE",
    `no ids for ${table}: keyspace ${sequence.keyspace} of sequence ${sequence.table} is not available`,
  );
}

/** The statement with the generated ids in place, the column added if it was not listed. */
function withGenerated(plan: InsertPlan, generated: ReadonlyMap<number, Value>): Insert {
  const { statement, generate } = plan;
  if (generate === undefined) return statement;
  const { position } = generate;
  const isListed = position < (statement.rows[0]?.values.length ?? 0);
  const pos = statement.pos;
  const rows = statement.rows.map((row, i) => {
    const id = generated.get(i);
    if (id === undefined) return row;
    const literal = {
      kind: "literal",
      type: "int",
      value: id.raw.toString("latin1"),
      introducer: undefined,
      pos,
    } as const;
    const values = isListed ? row.values.with(position, literal) : [...row.values, literal];
    return { ...row, values };
  });
  if (isListed) return { ...statement, rows };
  const column = { kind: "column", schema: undefined, table: undefined, name: generate.column, pos } as const;
  return { ...statement, rows, columns: [...statement.columns, column], columnList: true };
}

/**
 * The info text of an INSERT of several rows. MySQL gives none for a single row, which a share may be: its part is told
 * from the affected rows, 1 for a new row, 2 for a changed or replaced one, 0 for one left alone.
 */
function insertInfo(
  changes: readonly ShardChange[],
  parts: readonly OkPacket[],
  rule: DuplicateRule,
): string | undefined {
  let records = 0;
  let duplicates = 0;
  let warnings = 0;
  for (const [i, { rows }] of changes.entries()) {
    const part = parts[i];
    if (rows === undefined || part === undefined) return undefined;
    records += recordsOf(part, rows.length);
    duplicates += duplicatesOf(part, rule);
    warnings += part.warnings;
  }
  return `Records: ${records}  Duplicates: ${duplicates}  Warnings: ${warnings}`;
}

/** Of several shares the error of the first row, which is the statement's; what is no shard's answer goes before. */
function firstFailure(
  results: readonly PromiseSettledResult<CollectedReply>[],
  changes: readonly ShardChange[],
): Error | undefined {
  let first: { readonly error: Error; readonly row: number } | undefined;
  for (const [i, result] of results.entries()) {
    const error =
      result.status === "rejected"
        ? result.reason
        : result.value.info.kind === "err"
          ? errorOfReply(result.value)
          : undefined;
    if (error === undefined) continue;
    const failure = failureOf(error, changes[i]?.rows);
    if (first === undefined || failure.row < first.row) first = failure;
  }
  return first?.error;
}

function failureOf(
  error: unknown,
  rows: readonly number[] | undefined,
): { readonly error: Error; readonly row: number } {
  if (!(error instanceof MysqlError))
    return { error: error instanceof Error ? error : new Error(String(error)), row: -1 };
  const message = withRow(error.message, rows);
  const row = / at row (\d+)$/.exec(message)?.[1];
  // One that names no row (4025, 1062) is taken for that of the share's first, which it is where there is one.
  const first = rows?.[0];
  return {
    error: new MysqlError(error.errno, error.sqlState, message),
    row: row !== undefined ? Number(row) : first === undefined ? Number.MAX_SAFE_INTEGER : first + 1,
  };
}

function fulfilled(results: readonly PromiseSettledResult<CollectedReply>[]): CollectedReply[] {
  return results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
}
