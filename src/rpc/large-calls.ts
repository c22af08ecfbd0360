// Statements too large for one message: they travel in pieces, one on its way at a time, so that a message half written
// is small and small calls pass between. The sender keeps what waits, the receiver puts the pieces together.

import { ShardgateError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { type ExecuteRequest, executeBody, type FrameBatch } from "./frame.ts";

interface Waiting {
  readonly callId: number;
  readonly body: Buffer;
  sentBytes: number;
}

export function isLargeCall(request: ExecuteRequest): boolean {
  return request.payload.length > LIMITS.callPieceBytes;
}

/** The sender's half: bodies of EXECUTE frames, which take turns piece by piece. */
export class LargeCalls {
  readonly #waiting: Waiting[] = [];

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Copies what the request borrows. */
  add(callId: number, request: ExecuteRequest): void {
    this.#waiting.push({ callId, body: executeBody(request), sentBytes: 0 });
  }

  /** Writes the next piece into `batch`. */
  next(batch: FrameBatch): void {
    const turn = this.#waiting.shift();
    if (turn === undefined) return;
    const { callId, body, sentBytes } = turn;
    const end = Math.min(body.length, sentBytes + LIMITS.callPieceBytes);
    if (end === body.length) batch.lastPiece(callId, body, sentBytes, end);
    else {
      batch.piece(callId, body, sentBytes, end);
      turn.sentBytes = end;
      this.#waiting.push(turn);
    }
  }

  /** Undefined if the call is not waiting (any more), else whether a part of it is already away. */
  drop(callId: number): { readonly isBegun: boolean } | undefined {
    const index = this.#waiting.findIndex((each) => each.callId === callId);
    const dropped = index < 0 ? undefined : this.#waiting.splice(index, 1)[0];
    return dropped && { isBegun: dropped.sentBytes > 0 };
  }

  clear(): void {
    this.#waiting.length = 0;
  }
}

/** The receiver's half. */
export class Pieces {
  readonly #parts = new Map<number, { readonly chunks: Buffer[]; bytes: number }>();

  /** Keeps a view of `frames[start, end)`. Throws ER_MALFORMED_PACKET when they are more than any statement has. */
  add(callId: number, frames: Buffer, start: number, end: number): void {
    const parts = this.#parts.get(callId) ?? { chunks: [], bytes: 0 };
    parts.chunks.push(frames.subarray(start, end));
    parts.bytes += end - start;
    if (parts.bytes > LIMITS.messageBytesMax) {
      throw new ShardgateError("ER_MALFORMED_PACKET", "call stream: pieces of a call without end");
    }
    this.#parts.set(callId, parts);
  }

  /** The body whose last piece is `frames[start, end)`; undefined if no other piece came before it. */
  joined(callId: number, frames: Buffer, start: number, end: number): Buffer | undefined {
    const parts = this.#parts.get(callId);
    if (parts === undefined) return undefined;
    this.#parts.delete(callId);
    return Buffer.concat([...parts.chunks, frames.subarray(start, end)]);
  }

  /** True if the call had pieces. */
  drop(callId: number): boolean {
    return this.#parts.delete(callId);
  }
}
