// The gateway's end of the shared call stream: one per tablet, opened at once and reopened with back-off when it breaks.
// Calls of one event-loop turn leave in one write. A reply's chunks go to the call's sink as they arrive; the sink
// grants credit as it gets rid of them. Knows nothing of what the payloads mean.
//
//      connecting ──open──► up ──break──► waiting ──timer──► connecting      any ──close()──► closed

import type { Clock, Timer } from "../base/clock.ts";
import { interrupted, ShardgateError } from "../base/errors.ts";
import { Latencies } from "../base/latencies.ts";
import { LIMITS } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { CallSocket } from "./call-socket.ts";
import { dialCalls } from "./dial-calls.ts";
import { errorOf } from "./fail-details.ts";
import {
  type ConcludeOp,
  decodeEnd,
  decodeFail,
  type ExecuteRequest,
  FRAME_DATA,
  FRAME_END,
  FRAME_FAIL,
  FRAME_HEADER_BYTES,
  FrameBatch,
  type ReplyEnd,
} from "./frame.ts";
import type { VisitFrame } from "./frame-reader.ts";
import { isLargeCall, LargeCalls } from "./large-calls.ts";
import type { GrpcTls } from "./service.ts";

/** Receives one call's reply. Chunks are views into a message that is not reused: they may be kept for a while. */
export interface ReplySink {
  data(chunk: Buffer): void;
  /** The reply is complete; `chunk` is its last part. */
  end(info: ReplyEnd, chunk: Buffer): void;
  /** No reply, or no more of it. `holdLost`: the held connection is gone, its transaction rolled back. */
  fail(error: Error, holdLost: boolean): void;
}

export interface CallClientOptions {
  /** host:port */
  readonly address: string;
  readonly tls: GrpcTls | undefined;
  /** How long the tablet may say nothing. */
  readonly silenceMaxS: number;
  readonly clock: Clock;
  readonly log: Log;
  /** Told when the stream comes up or breaks. */
  readonly onState: (up: boolean) => void;
}

type Phase =
  | { readonly kind: "connecting"; readonly giveUp: () => void }
  | { readonly kind: "up"; readonly stream: CallSocket }
  | { readonly kind: "waiting"; readonly timer: Timer }
  | { readonly kind: "closed" };

interface Pending {
  readonly sink: ReplySink;
  readonly startMs: number;
}

const RECONNECT_MS = 100;
/** What the tablet is told of credit is told in portions, not chunk by chunk. */
const CREDIT_PORTION_BYTES = LIMITS.callCreditBytes / 4;

export class CallClient {
  readonly #options: CallClientOptions;
  readonly #calls = new Map<number, Pending>();
  /** From a call to the end of its reply. */
  readonly latencies = new Latencies();
  /** Of frames. */
  readonly bytes = { received: 0, sent: 0 };
  readonly #credits = new Map<number, number>();
  readonly #batch = new FrameBatch();
  readonly #large = new LargeCalls();
  /** The stream that a piece of a large call is being written to. */
  #pieceOn: CallSocket | undefined;
  #phase: Phase;
  #flushPlanned = false;
  #nextCallId = 1;

  constructor(options: CallClientOptions) {
    this.#options = options;
    this.#phase = this.#connect();
  }

  get up(): boolean {
    return this.#phase.kind === "up";
  }

  get callsInFlight(): number {
    return this.#calls.size;
  }

  /** Sends a statement; the reply goes to `sink`. Returns the call's id, or throws SHARD_UNAVAILABLE at once. */
  execute(request: ExecuteRequest, sink: ReplySink): number {
    const callId = this.#register(sink);
    if (isLargeCall(request)) {
      this.#large.add(callId, request);
      this.#sendPiece();
    } else {
      this.#batch.execute(callId, request);
      this.#plan();
    }
    return callId;
  }

  /** Commits, rolls back or releases a held connection, or runs statements of its transaction there. */
  conclude(op: ConcludeOp, holdId: number, statements: string, sink: ReplySink): number {
    const callId = this.#register(sink);
    this.#batch.conclude(callId, op, holdId, statements);
    this.#plan();
    return callId;
  }

  /** The sink has got rid of `bytes` of the reply. */
  consumed(callId: number, bytes: number): void {
    if (!this.#calls.has(callId)) return;
    const owed = (this.#credits.get(callId) ?? 0) + bytes;
    if (owed < CREDIT_PORTION_BYTES) {
      this.#credits.set(callId, owed);
      return;
    }
    this.#credits.set(callId, 0);
    this.#batch.credit(callId, owed);
    this.#plan();
  }

  /** Asks the tablet to stop the call (KILL QUERY on the mysqld); the sink still gets its end or fail. */
  cancel(callId: number): void {
    const pending = this.#calls.get(callId);
    if (pending === undefined || this.#phase.kind !== "up") return;
    const unsent = this.#large.isEmpty ? undefined : this.#large.drop(callId);
    if (unsent?.isBegun !== false) {
      this.#batch.cancel(callId);
      this.#plan();
    }
    // The tablet has not begun with a call whose last piece it has not got, and says nothing about it.
    if (unsent === undefined) return;
    this.#calls.delete(callId);
    queueMicrotask(() => pending.sink.fail(interrupted(), false));
  }

  close(): void {
    const phase = this.#phase;
    this.#phase = { kind: "closed" };
    if (phase.kind === "waiting") phase.timer.cancel();
    else if (phase.kind === "connecting") phase.giveUp();
    else if (phase.kind === "up") {
      this.#flushInto(phase.stream);
      phase.stream.end();
    }
    this.#failAll("the gateway is shutting down");
  }

  #register(sink: ReplySink): number {
    if (this.#phase.kind !== "up") {
      throw new ShardgateError("SHARD_UNAVAILABLE", `tablet at ${this.#options.address} is not connected; try again`);
    }
    if (this.#calls.size >= LIMITS.callsPerStreamMax) {
      throw new ShardgateError("POOL_EXHAUSTED", `too many calls in flight to the tablet at ${this.#options.address}`);
    }
    const callId = this.#nextCallId;
    this.#nextCallId = callId === 0xffffffff ? 1 : callId + 1;
    this.#calls.set(callId, { sink, startMs: this.#options.clock.nowMs() });
    return callId;
  }

  #plan(): void {
    if (this.#flushPlanned) return;
    // A call that is alone has nobody to wait for: a turn of the event loop less.
    if (this.#calls.size === 1 && this.#phase.kind === "up") {
      this.#flushInto(this.#phase.stream);
      return;
    }
    this.#flushPlanned = true;
    setImmediate(this.#flushTurn);
  }

  readonly #flushTurn = (): void => {
    this.#flushPlanned = false;
    if (this.#phase.kind === "up") this.#flushInto(this.#phase.stream);
  };

  #flushInto(stream: CallSocket): void {
    if (this.#batch.bytes === 0) return;
    this.bytes.sent += this.#batch.bytes;
    stream.write(this.#batch.take());
  }

  /** One piece is on its way at a time: large calls take turns, and small ones pass between. */
  #sendPiece(): void {
    if (this.#phase.kind !== "up" || this.#large.isEmpty) return;
    const { stream } = this.#phase;
    if (this.#pieceOn === stream) return;
    this.#pieceOn = stream;
    this.#large.next(this.#batch);
    this.bytes.sent += this.#batch.bytes;
    stream.write(this.#batch.take(), () => {
      if (this.#pieceOn !== stream) return;
      this.#pieceOn = undefined;
      this.#sendPiece();
    });
  }

  #connect(): Phase {
    const { address, tls, silenceMaxS, clock, log, onState } = this.#options;
    let opened: CallSocket | undefined;
    const giveUp = dialCalls(address, tls, clock, {
      opened: (stream) => {
        opened = stream;
        this.#phase = { kind: "up", stream };
        onState(true);
      },
      silenceMaxS,
      visit: this.#visit,
      closed: (error) => {
        const { kind } = this.#phase;
        const isCurrent = opened === undefined ? kind === "connecting" : kind === "up" && this.#phase.stream === opened;
        if (!isCurrent) return;
        this.#phase = { kind: "waiting", timer: clock.after(RECONNECT_MS, () => this.#reconnect()) };
        if (opened !== undefined) {
          log.warn({ address, error: error?.message }, "call stream broke");
          onState(false);
        }
        this.#failAll("lost connection to the tablet during the query");
      },
    });
    return { kind: "connecting", giveUp };
  }

  #reconnect(): void {
    if (this.#phase.kind === "waiting") this.#phase = this.#connect();
  }

  /** The stream is gone, with what was to be sent. */
  #failAll(reason: string): void {
    this.#large.clear();
    if (this.#batch.bytes > 0) this.#batch.take();
    this.#failPending(reason);
  }

  #failPending(reason: string): void {
    const pending = [...this.#calls.values()];
    this.#calls.clear();
    this.#credits.clear();
    for (const { sink } of pending) {
      sink.fail(new ShardgateError("SHARD_CONNECTION_LOST", `${reason} (${this.#options.address})`), true);
    }
  }

  readonly #visit: VisitFrame = (callId, kind, frames, start, end) => {
    this.bytes.received += FRAME_HEADER_BYTES + end - start;
    const pending = this.#calls.get(callId);
    // A call that was given up here may still have a reply on its way.
    if (pending === undefined) return;
    const { sink } = pending;
    if (kind !== FRAME_DATA) {
      this.latencies.observe(this.#options.clock.nowMs() - pending.startMs);
      this.#calls.delete(callId);
      this.#credits.delete(callId);
    }
    const ended = kind === FRAME_END ? decodeEnd(frames, start, end) : undefined;
    const failed = kind === FRAME_FAIL ? decodeFail(frames, start, end) : undefined;
    if (kind !== FRAME_DATA && ended === undefined && failed === undefined) {
      throw new ShardgateError("ER_MALFORMED_PACKET", `call stream: unknown frame kind ${kind}`);
    }
    try {
      if (kind === FRAME_DATA) sink.data(frames.subarray(start, end));
      else if (ended !== undefined) sink.end(ended.info, frames.subarray(ended.chunkAt, end));
      else if (failed !== undefined) sink.fail(errorOf(failed), failed.holdLost);
    } catch (error) {
      // What one call's owner does wrong must not cost the others their stream.
      this.#options.log.error({ address: this.#options.address, error }, "bug: a reply was not taken");
    }
  };
}
