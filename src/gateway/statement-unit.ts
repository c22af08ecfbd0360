// Runs the parts of one statement so that all of them count or none: outside a transaction in one of their own; inside
// one, a savepoint on the shards already taking part undoes the statement alone. Knows nothing of what the parts do.

import { collect, type CollectedReply, errorOfReply, ShardCallError } from "../engine/collect.ts";
import { plainRequest, type ShardTarget } from "../engine/ports.ts";
import { comQuery } from "./com-query.ts";
import { type Executor, isDeadlock } from "./executor.ts";

const BEGIN = "START TRANSACTION";
const SAVEPOINT = comQuery("SAVEPOINT shardgate_unit");
const ROLLBACK_TO_SAVEPOINT = comQuery("ROLLBACK TO SAVEPOINT shardgate_unit");
const RELEASE_SAVEPOINT = comQuery("RELEASE SAVEPOINT shardgate_unit");

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
  const { context, state } = executor;
  const { holds } = state;
  const before = holds.participants;
  const onParticipants = (payload: Buffer): Promise<unknown> =>
    Promise.all(
      before.map((target) =>
        collect(context.tablets, target, {
          ...plainRequest(payload),
          holdId: holds.idOf(target),
          settings: state.settings.sql,
        }),
      ),
    );
  await onParticipants(SAVEPOINT);
  try {
    const result = await work();
    await onParticipants(RELEASE_SAVEPOINT);
    return result;
  } catch (error) {
    // The whole transaction goes with a lost connection, and with a deadlock.
    if (error instanceof ShardCallError && error.holdLost) throw error;
    if (!state.inTransaction) throw error;
    if (error instanceof Error && isDeadlock(error)) await executor.abandonTransaction();
    else {
      await onParticipants(ROLLBACK_TO_SAVEPOINT);
      for (const target of holds.participants) {
        if (!before.some((each) => isSame(each, target))) await holds.rollbackOf(target);
      }
    }
    throw error;
  }
}

function isSame(a: ShardTarget, b: ShardTarget): boolean {
  return a.keyspace === b.keyspace && a.shard === b.shard && a.tabletType === b.tabletType;
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
