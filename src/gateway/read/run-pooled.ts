// Statements on any pooled connection of a shard, outside of a session's transaction: the session's own (definitions, and
// what the gateway asks about tables), and those of no session.

import { collect, type CollectedReply, errorOfReply, ShardCallError } from "../../engine/collect.ts";
import { plainRequest, type ShardPort, type ShardRequest, type ShardTarget } from "../../engine/ports.ts";
import { comQuery } from "../client/com-query.ts";
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
  return answerOf(collect(context.tablets, target, request, signal));
}

/** A statement of the gateway's own, of no session and under no settings. Throws the shard's error, as above. */
export function runPlain(
  port: ShardPort,
  target: ShardTarget,
  sql: string,
  signal?: AbortSignal,
): Promise<CollectedReply> {
  return answerOf(collect(port, target, plainRequest(comQuery(sql)), signal));
}

/** No connection of a session's is lost with it: the error alone counts. */
async function answerOf(call: Promise<CollectedReply>): Promise<CollectedReply> {
  try {
    const reply = await call;
    if (reply.info.kind === "err") throw errorOfReply(reply);
    return reply;
  } catch (error) {
    throw error instanceof ShardCallError ? error.error : error;
  }
}
