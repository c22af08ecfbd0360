// Runs a command on one shard and gives its whole reply as one buffer: for writes, transactions and the gateway's own
// queries, whose replies are small. Bounded.

import { type MysqlError, ShardgateError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { decodeErr } from "../mysql/packets/err.ts";
import {
  type HoldOp,
  losesHold,
  type ReplySink,
  type ShardCall,
  type ShardPort,
  type ShardRequest,
  type ShardTarget,
} from "./ports.ts";
import type { ReplyEnd } from "./reply.ts";

export interface CollectedReply {
  readonly info: ReplyEnd;
  /** The whole reply, framed. */
  readonly bytes: Buffer;
}

/** A call that failed, with what became of the connection it ran on. */
export class ShardCallError extends Error {
  readonly error: Error;
  /** The session's connection on the shard is gone, and with it what of a transaction was there. */
  readonly holdLost: boolean;
  readonly target: ShardTarget;

  constructor(error: Error, holdLost: boolean, target: ShardTarget) {
    super(error.message, { cause: error });
    this.name = "ShardCallError";
    this.error = error;
    this.holdLost = holdLost;
    this.target = target;
  }
}

/** Resolves also when the reply is an ERR; rejects with ShardCallError when there is no (whole) reply. */
export function collect(
  port: ShardPort,
  target: ShardTarget,
  request: ShardRequest,
  signal?: AbortSignal,
): Promise<CollectedReply> {
  const isLost = (error: Error, holdLost: boolean): boolean => losesHold(request, error, holdLost);
  return collectCall((sink) => port.execute(target, request, sink), target, isLost, signal);
}

/** The same for a COMMIT, ROLLBACK or release of a held connection, or other statements about its transaction. */
export function conclude(
  port: ShardPort,
  target: ShardTarget,
  op: HoldOp,
  holdId: number,
  statements: readonly string[] = [],
): Promise<CollectedReply> {
  return collectCall(
    (sink) => port.conclude(target, op, holdId, sink, statements),
    target,
    (_, holdLost) => holdLost,
    undefined,
  );
}

/** The error an ERR reply carries: the last packet of the reply. */
export function errorOfReply({ info, bytes }: CollectedReply): MysqlError {
  return decodeErr(bytes.subarray(bytes.length - info.lastPacketBytes + 4));
}

function collectCall(
  start: (sink: ReplySink) => ShardCall,
  target: ShardTarget,
  isLost: (error: Error, holdLost: boolean) => boolean,
  signal: AbortSignal | undefined,
): Promise<CollectedReply> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let bytes = 0;
    let call: ShardCall | undefined;
    const cancel = (): void => call?.cancel();
    const sink: ReplySink = {
      data(chunk) {
        parts.push(chunk);
        bytes += chunk.length;
        if (bytes <= LIMITS.bufferedReplyBytesMax) call?.consumed(chunk.length);
        else call?.cancel();
      },
      end(info, chunk) {
        signal?.removeEventListener("abort", cancel);
        parts.push(chunk);
        if (bytes > LIMITS.bufferedReplyBytesMax) {
          const text = `a reply that has to be held in memory is larger than ${LIMITS.bufferedReplyBytesMax} bytes`;
          reject(new ShardCallError(new ShardgateError("LIMIT_REACHED", text), false, target));
        } else resolve({ info, bytes: parts.length === 1 ? chunk : Buffer.concat(parts) });
      },
      fail(error, holdLost) {
        signal?.removeEventListener("abort", cancel);
        reject(new ShardCallError(error, isLost(error, holdLost), target));
      },
    };
    try {
      call = start(sink);
    } catch (error) {
      reject(new ShardCallError(error instanceof Error ? error : new Error(String(error)), false, target));
      return;
    }
    if (signal?.aborted === true) cancel();
    else signal?.addEventListener("abort", cancel, { once: true });
  });
}
