// Writes to several shards at once, all or none as far as in-order commit goes: outside a transaction they run in one of
// their own; inside one, a savepoint on the shards already taking part undoes the statement alone when a shard refuses.

import { collect, type CollectedReply, errorOfReply, ShardCallError } from "../../engine/collect.ts";
import type { ShardRequest, ShardTarget } from "../../engine/ports.ts";
import type { OkPacket } from "../../mysql/packets/ok.ts";
import { WRITE } from "../../plan/effects.ts";
import { isDeadlock } from "../cluster/shard-errors.ts";
import type { Executor } from "../executor.ts";
import type { InsertIds } from "./insert-ids.ts";
import { firstFailure, fulfilled } from "./share-failures.ts";
import { warningsOfMatched, warningsOfRows } from "./share-warnings.ts";
import { combined, type DuplicateRule, duplicatesOf, matchedBy, okOf, recordsOf } from "./write-answer.ts";

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

/** Answers the client, or throws. */
export async function runChange(
  executor: Executor,
  changes: readonly ShardChange[],
  ids?: InsertIds,
  isEverywhere = false,
): Promise<void> {
  const { state } = executor;
  if (changes.length > 1) {
    executor.losesVariables();
    executor.asParts(WRITE);
  }
  const replies = state.inTransaction
    ? await changeInTransaction(executor, changes)
    : await changeAlone(executor, changes);
  answerChange(executor, changes, replies, ids, isEverywhere);
}

/** Answers the client with what the shares of a write were answered. */
export function answerChange(
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
  const ends = (isEverywhere ? replies.slice(0, 1) : replies).map(({ info: end }) => end);
  const isOfRows = changes.some(({ rows }) => rows !== undefined);
  const { lastWarnings, repeated } = isOfRows
    ? warningsOfRows(ends, (i) => changes[i]?.rows)
    : { lastWarnings: warningsOfMatched(ends, parts.map(matchedBy)), repeated: 0 };
  const warnings = ok.warnings - repeated;
  const rule = ids?.rule ?? "error";
  const info = changes.length === 1 || isEverywhere ? ok.info : (insertInfo(changes, parts, rule, warnings) ?? ok.info);
  const lastInsertId = insertIdOf(executor, changes, parts, ok, ids);
  state.rowCount = ok.affectedRows;
  state.lastWarnings = lastWarnings;
  executor.ok({ ...ok, warnings, info, lastInsertId, statusFlags: state.statusFlags });
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
    const request = executor.learningRequest(only.target, only.payload);
    const reply = await collect(context.tablets, only.target, request, signal);
    executor.learned(reply.info);
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
      collect(context.tablets, target, requestIn(executor, changes, target, payload), signal),
    ),
  );
  const [one] = results;
  if (changes.length === 1 && one?.status === "fulfilled") executor.learned(one.value.info);
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

function requestIn(
  executor: Executor,
  changes: readonly ShardChange[],
  target: ShardTarget,
  payload: Buffer,
): ShardRequest {
  if (changes.length === 1) return executor.learningRequest(target, payload);
  return executor.requestFor(target, payload, true, false);
}

/**
 * The info text of an INSERT of several rows. MySQL gives none for a single row, which a share may be: its part is told
 * from the affected rows, 1 for a new row, 2 for a changed or replaced one, 0 for one left alone.
 */
function insertInfo(
  changes: readonly ShardChange[],
  parts: readonly OkPacket[],
  rule: DuplicateRule,
  warnings: number,
): string | undefined {
  let records = 0;
  let duplicates = 0;
  for (const [i, { rows }] of changes.entries()) {
    const part = parts[i];
    if (rows === undefined || part === undefined) return undefined;
    records += recordsOf(part, rows.length);
    duplicates += duplicatesOf(part, rule);
  }
  return `Records: ${records}  Duplicates: ${duplicates}  Warnings: ${warnings}`;
}
