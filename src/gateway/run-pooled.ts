// A statement of the session's on any pooled connection of a shard, outside of its transaction: definitions.

import { collect, type CollectedReply, errorOfReply, ShardCallError } from "../engine/collect.ts";
import { plainRequest, type ShardTarget } from "../engine/ports.ts";
import type { Executor } from "./executor.ts";

/** Throws the shard's error, also when it is an ERR packet. */
export async function runPooled(
  { context, state, signal }: Executor,
  target: ShardTarget,
  payload: Buffer,
): Promise<CollectedReply> {
  const request = { ...plainRequest(payload), settings: state.settings.sql };
  try {
    const reply = await collect(context.tablets, target, request, signal);
    if (reply.info.kind === "err") throw errorOfReply(reply);
    return reply;
  } catch (error) {
    throw error instanceof ShardCallError ? error.error : error;
  }
}
