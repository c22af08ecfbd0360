// One shard's reply as a stream of chunks that the reader takes at its own pace: the shard sends no more than the call's
// credit ahead. Breaking off the loop cancels the statement on the shard.

import { MysqlError } from "../base/errors.ts";
import { decodeErr } from "../mysql/packets/err.ts";
import { ShardCallError } from "./collect.ts";
import { losesHold, type ShardCall, type ShardPort, type ShardRequest, type ShardTarget } from "./ports.ts";
import type { ReplyEnd } from "./reply.ts";

/** Chunks of the framed reply, the last packet included. Throws MysqlError for an ERR, ShardCallError for a lost shard. */
export async function* replyChunks(
  port: ShardPort,
  target: ShardTarget,
  request: ShardRequest,
  onEnd: (info: ReplyEnd) => void,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const queue: Buffer[] = [];
  let wake: (() => void) | undefined;
  let ended = false;
  let failure: Error | undefined;
  const poke = (): void => {
    wake?.();
    wake = undefined;
  };
  const call: ShardCall = port.execute(target, request, {
    data(chunk) {
      queue.push(chunk);
      poke();
    },
    end(info, chunk) {
      ended = true;
      onEnd(info);
      if (info.kind === "err") failure = errorOf(chunk, info.lastPacketBytes);
      else queue.push(chunk);
      poke();
    },
    fail(error, holdLost) {
      ended = true;
      failure = new ShardCallError(error, losesHold(request, error, holdLost), target);
      poke();
    },
  });
  const cancel = (): void => call.cancel();
  signal.addEventListener("abort", cancel, { once: true });
  try {
    for (;;) {
      const chunk = queue.shift();
      if (chunk !== undefined) {
        yield chunk;
        if (!ended) call.consumed(chunk.length);
      } else if (failure !== undefined) throw failure;
      else if (ended) return;
      else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    signal.removeEventListener("abort", cancel);
    if (!ended) call.cancel();
  }
}

function errorOf(chunk: Buffer, lastPacketBytes: number): MysqlError {
  return decodeErr(chunk.subarray(chunk.length - lastPacketBytes + 4));
}
