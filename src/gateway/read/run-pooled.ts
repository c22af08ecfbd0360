// Statements of the session's on any pooled connection of a shard, outside of its transaction: definitions, and what the
// gateway asks about tables.

import { collect, type CollectedReply, errorOfReply, ShardCallError } from "../../engine/collect.ts";
import { plainRequest, type ShardRequest, type ShardTarget } from "../../engine/ports.ts";
import type { Executor } from "../executor.ts";

/**
 * Goes to the session's own connection where it has locked tables, for which any other would wait, and where it may have
 * temporary ones, which no other knows.
 */
export function pooledRequest({ state }: Executor, target: ShardTarget, payload: Buffer): ShardRequest {
  const { holds, kept } = state;
  const isOwn = holds.hasLockedTables || !kept.temporaries.isEmpty;
  return { ...plainRequest(payload), holdId: isOwn ? holds.idOf(target) : 0 };
}

/** Throws the shard's error, also when it is an ERR packet. */
export async function runPooled(executor: Executor, target: ShardTarget, payload: Buffer): Promise<CollectedReply> {
  const { context, state, signal } = executor;
  const request = { ...pooledRequest(executor, target, payload), settings: state.settings.sql };
  try {
    const reply = await collect(context.tablets, target, request, signal);
    if (reply.info.kind === "err") throw errorOfReply(reply);
    return reply;
  } catch (error) {
    throw error instanceof ShardCallError ? error.error : error;
  }
}
