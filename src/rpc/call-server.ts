// The tablet's end of the shared call stream: gives what frames ask for to the handler, collects replies of one event-loop
// turn into one write. One CallServer a gateway; when it closes, everything it had under way is the handler's to end.

import type { Socket } from "node:net";
import type { Clock } from "../base/clock.ts";
import { ShardgateError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import {
  type ConcludeOp,
  decodeConclude,
  decodeCredit,
  decodeExecute,
  type ExecuteRequest,
  type FailDetails,
  FRAME_CANCEL,
  FRAME_CONCLUDE,
  FRAME_CREDIT,
  FRAME_EXECUTE,
  FRAME_PIECE,
  FrameBatch,
  type ReplyEnd,
} from "./frame.ts";
import { CallSocket } from "./call-socket.ts";
import type { VisitFrame } from "./frame-reader.ts";
import { Pieces } from "./large-calls.ts";

export interface CallHandler {
  /** `request.payload` is borrowed from the message, which is not reused: it may be kept. */
  execute(callId: number, request: ExecuteRequest): void;
  conclude(callId: number, op: ConcludeOp, holdId: number, statements: string): void;
  credit(callId: number, bytes: number): void;
  cancel(callId: number): void;
  /** The gateway is gone: nothing can be sent any more. */
  closed(): void;
}

export interface CallServerOptions {
  /** Owned by the CallServer. */
  readonly socket: Socket;
  /** Called once; returns who handles the calls. */
  readonly accept: (server: CallServer) => CallHandler;
  /** Called once, when the stream is closed. */
  readonly ended: (server: CallServer) => void;
  /** How long the gateway may say nothing. */
  readonly silenceMaxS: number;
  readonly clock: Clock;
  readonly log: Log;
}

export class CallServer {
  readonly #stream: CallSocket;
  readonly #batch = new FrameBatch();
  #flushPlanned = false;
  #open = true;
  /** Calls whose end has not been written yet. */
  #calls = 0;

  constructor({ socket, accept, ended, silenceMaxS, clock, log }: CallServerOptions) {
    const handler = accept(this);
    const pieces = new Pieces();
    const visit: VisitFrame = (callId, kind, frames, start, end) => {
      if (kind === FRAME_EXECUTE) {
        this.#calls++;
        const body = pieces.joined(callId, frames, start, end);
        const request = body === undefined ? decodeExecute(frames, start, end) : decodeExecute(body, 0, body.length);
        handler.execute(callId, request);
      } else if (kind === FRAME_PIECE) pieces.add(callId, frames, start, end);
      else if (kind === FRAME_CREDIT) handler.credit(callId, decodeCredit(frames, start, end));
      else if (kind === FRAME_CANCEL) {
        if (!pieces.drop(callId)) handler.cancel(callId);
      } else if (kind === FRAME_CONCLUDE) {
        this.#calls++;
        const { op, holdId, statements } = decodeConclude(frames, start, end);
        handler.conclude(callId, op, holdId, statements);
      } else throw new ShardgateError("ER_MALFORMED_PACKET", `call stream: unknown frame kind ${kind}`);
    };
    this.#stream = CallSocket.reading(socket, clock, {
      silenceMaxS,
      visit,
      closed: (error) => {
        this.#open = false;
        if (error !== undefined) log.warn({ error: error.message }, "a gateway's call stream broke");
        ended(this);
        handler.closed();
      },
    });
  }

  /** Closes when what is written has left. */
  close(): void {
    this.#flush();
    this.#stream.end();
  }

  /** Closes now. */
  destroy(): void {
    this.#stream.destroy();
  }

  /** Copies `source[start, end)`. */
  data(callId: number, source: Buffer, start: number, end: number): void {
    if (!this.#open) return;
    this.#batch.data(callId, source, start, end);
    this.#plan();
  }

  /** Copies `tail` and `source[start, end)`. */
  end(callId: number, info: ReplyEnd, tail: Buffer | undefined, source: Buffer, start: number, end: number): void {
    if (!this.#open) return;
    this.#batch.end(callId, info, tail, source, start, end);
    this.#calls--;
    this.#plan();
  }

  fail(callId: number, details: FailDetails): void {
    if (!this.#open) return;
    this.#batch.fail(callId, details);
    this.#calls--;
    this.#plan();
  }

  #plan(): void {
    // The reply of the only call has nobody to wait for: a turn of the event loop less.
    if (this.#batch.bytes >= LIMITS.batchBytes || (this.#calls === 0 && !this.#flushPlanned)) this.#flush();
    else if (!this.#flushPlanned) {
      this.#flushPlanned = true;
      setImmediate(this.#flushTurn);
    }
  }

  readonly #flushTurn = (): void => {
    this.#flushPlanned = false;
    this.#flush();
  };

  #flush(): void {
    if (this.#open && this.#batch.bytes > 0) this.#stream.write(this.#batch.take());
  }
}
