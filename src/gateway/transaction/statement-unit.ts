// Runs the parts of one statement so that all of them count or none: outside a transaction in one of their own; inside
// one, a savepoint on the shards already taking part undoes the statement alone. Knows nothing of what the parts do.

import { collect, type CollectedReply, errorOfReply, ShardCallError } from "../../engine/collect.ts";
import type { ShardTarget } from "../../engine/ports.ts";
import type { Executor } from "../executor.ts";
import { OrderedHolds } from "../session/ordered-holds.ts";
import { isDeadlock } from "../cluster/shard-errors.ts";

const BEGIN = "START TRANSACTION";

/** Rejects as `work` does, when nothing of it is left. Statements of `work` are the session's, in its transaction. */
export async function asOneStatement<T>(executor: Executor, work: () => Promise<T>): Promise<T> {
  const { state } = executor;
  executor.openTransaction(true, true);
  // The rows that a part reads are not the client's.
  const { settings, foundRowsCount } = state;
  state.settings = settings.ofParts;
  try {
    return await (state.inTransaction ? inTransaction(executor, work) : alone(executor, work));
  } finally {
    state.settings = settings;
    state.foundRowsCount = foundRowsCount;
  }
}

async function alone<T>(executor: Executor, work: () => Promise<T>): Promise<T> {
  const { state } = executor;
  state.begin = BEGIN;
  try {
    const result = await work();
    await state.holds.commit();
    return result;
  } catch (error) {
    if (error instanceof ShardCallError && error.holdLost) state.holds.lost(error.target);
    await state.holds.rollback();
    throw error instanceof ShardCallError ? error.error : error;
  } finally {
    state.begin = undefined;
  }
}

async function inTransaction<T>(executor: Executor, work: () => Promise<T>): Promise<T> {
  const { state } = executor;
  const { holds } = state;
  const start = holds.savepoints.mark();
  try {
    return await work();
  } catch (error) {
    // The whole transaction goes with a lost connection, and with a deadlock.
    if (error instanceof ShardCallError && error.holdLost) throw error;
    if (!state.inTransaction) throw error;
    if (error instanceof Error && isDeadlock(error)) await executor.abandonTransaction();
    else await holds.rollBackTo(start);
    throw error;
  } finally {
    holds.savepoints.unmark(start);
  }
}

/** What `work` has done on any shard is undone when it rejects with what `mayUndo` accepts; that is the result then. */
export async function unlessUndone<T>(
  { state }: Executor,
  mayUndo: (error: unknown) => boolean,
  work: () => Promise<T>,
): Promise<T | { readonly undoneBy: unknown }> {
  const { holds } = state;
  const start = holds.savepoints.mark();
  const written = holds instanceof OrderedHolds ? new Map(holds.written) : undefined;
  try {
    return await work();
  } catch (error) {
    if (!mayUndo(error)) throw error;
    await holds.rollBackTo(start);
    if (holds instanceof OrderedHolds && written !== undefined) {
      holds.written.clear();
      for (const [key, order] of written) holds.written.set(key, order);
    }
    return { undoneBy: error };
  } finally {
    holds.savepoints.unmark(start);
  }
}

/**
 * Runs one part on the session's connection of a shard; one at a time a shard. Throws the shard's error.
 * `settings` are the session's unless given.
 */
export async function runPart(
  executor: Executor,
  target: ShardTarget,
  payload: Buffer,
  settings?: string,
): Promise<CollectedReply> {
  const { context, state, signal } = executor;
  state.holds.checkParticipants([target]);
  const request = executor.requestFor(target, payload, true, false);
  const reply = await collect(
    context.tablets,
    target,
    settings === undefined ? request : { ...request, settings },
    signal,
  );
  state.holds.joined(target, reply.info.holdId, true, false);
  if (reply.info.kind === "err") throw errorOfReply(reply);
  return reply;
}

/** The parts of each shard one after the other, shards at once. Rejects when all have ended, with the first failure. */
export async function runParts<T>(parts: ReadonlyMap<ShardTarget, readonly (() => Promise<T>)[]>): Promise<T[]> {
  const results = await Promise.allSettled(
    [...parts.values()].map(async (list) => {
      const done: T[] = [];
      for (const part of list) done.push(await part());
      return done;
    }),
  );
  for (const result of results) if (result.status === "rejected") throw result.reason;
  return results.flatMap((result) => (result.status === "fulfilled" ? result.value : []));
}
