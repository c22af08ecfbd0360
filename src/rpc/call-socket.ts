// One end of a call stream: a socket that carries frames both ways (frame.ts), with or without TLS. It is no gRPC stream:
// HTTP/2 costs both ends more than all the rest of the path, and its windows and streams are of no use where each call has
// its own credit. What the frames mean is the business of call-client.ts and call-server.ts.
//
//   gateway                                                        tablet
//      │── PREFACE (plain) ─────────────────────────────────────────▶│ accept-connections.ts tells it from gRPC by this
//      │◀─ TLS handshake, where certificates are configured ────────▶│
//      │◀──────────────────────────────────────────────── PREFACE ───│ the stream is up
//      │◀─ frames ──────────────────────────────────────────────────▶│
//
// Either end says something every second, if only that it is there. One that has said nothing for `silenceMaxS` of the
// other's ticks is stopped or cut off: the socket is destroyed. Ticks are counted, not time, so that a busy process does not
// take its own pause for the other's. What ends by itself (a killed process) closes its sockets and is not waited for.

import type { Socket } from "node:net";
import type { Clock, Timer } from "../base/clock.ts";
import { FRAME_PING, pingFrame } from "./frame.ts";
import { FrameReader, type VisitFrame } from "./frame-reader.ts";

/** What both ends begin with. gRPC begins with "PRI", or with TLS's 0x16. */
export const CALLS_PREFACE = Buffer.from("SHARDGATE CALLS 1\n");

const TICK_MS = 1_000;

export interface CallSocketOwner {
  /** How long the other end may say nothing. */
  readonly silenceMaxS: number;
  /** As in FrameReader; what it throws closes the socket. */
  readonly visit: VisitFrame;
  /** Called once, when nothing more can be sent or will come; `error` says why, if that is known. */
  readonly closed: (error: Error | undefined) => void;
}

export class CallSocket {
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #owner: CallSocketOwner;
  readonly #frames: FrameReader;
  #open = true;
  #error: Error | undefined;
  #silentTicks = 0;
  #hasWritten = false;
  #tick: Timer;

  /** One end on a socket whose data comes by its events; what has come behind the preface is still there. */
  static reading(socket: Socket, clock: Clock, owner: CallSocketOwner): CallSocket {
    const stream = new CallSocket(socket, clock, owner);
    socket.on("data", (chunk: Buffer) => stream.#push(() => stream.#frames.push(chunk)));
    if (socket.isPaused()) socket.resume();
    return stream;
  }

  /** Owns `socket`, whose preface has been read; `received` is told of its data. */
  constructor(socket: Socket, clock: Clock, owner: CallSocketOwner) {
    this.#socket = socket;
    this.#clock = clock;
    this.#owner = owner;
    this.#frames = new FrameReader((callId, kind, frames, start, end) => {
      if (kind !== FRAME_PING) owner.visit(callId, kind, frames, start, end);
    });
    this.#tick = this.#planTick();
    socket.on("error", (error) => {
      this.#error ??= error;
    });
    socket.on("end", () => this.#close());
    socket.on("close", () => this.#close());
  }

  /** `bytes[0, length)` have come; they are copied. */
  received(bytes: Buffer, length: number): void {
    this.#push(() => this.#frames.pushCopy(bytes, length));
  }

  /** `bytes` are whole frames, owned by the socket. `written` is called when they have left this process. */
  write(bytes: Buffer, written?: () => void): void {
    this.#hasWritten = true;
    this.#socket.write(bytes, written);
  }

  /** Closes when what is written has left. */
  end(): void {
    this.#socket.end();
  }

  destroy(error?: Error): void {
    this.#error ??= error;
    this.#socket.destroy();
    this.#close();
  }

  #push(push: () => void): void {
    this.#silentTicks = 0;
    if (!this.#open) return;
    try {
      push();
    } catch (error) {
      this.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #planTick(): Timer {
    return this.#clock.after(TICK_MS, () => {
      if (!this.#open) return;
      this.#tick = this.#planTick();
      const { silenceMaxS } = this.#owner;
      if (++this.#silentTicks > silenceMaxS) {
        this.destroy(new Error(`nothing was heard for ${silenceMaxS} s`));
        return;
      }
      if (!this.#hasWritten) this.#socket.write(pingFrame());
      this.#hasWritten = false;
    });
  }

  #close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#tick.cancel();
    this.#socket.destroySoon();
    this.#owner.closed(this.#error);
  }
}
