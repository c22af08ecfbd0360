// The pass-through tier: one shard's reply goes to the client byte for byte, as fast as the client takes it. Nothing is
// decoded; `finish` gets the last chunk, so that the session can have its status flags set before it is written.

import type { Output } from "./output.ts";
import type { ReplySink, ShardCall } from "./ports.ts";
import type { ReplyEnd } from "./reply.ts";

export interface PassThroughOwner {
  /** The reply is complete but for `chunk`, which the owner writes. */
  finish(info: ReplyEnd, chunk: Buffer): void;
  /** `started`: a part of the reply has been written already, so that no ERR packet of our own may follow a wrong one. */
  failed(error: Error, holdLost: boolean, started: boolean): void;
}

/** One per client connection, used again for each statement. */
export class PassThrough implements ReplySink {
  readonly #output: Output;
  readonly #owner: PassThroughOwner;
  #call: ShardCall | undefined;
  #started = false;
  #pausedBytes = 0;
  #waiting = false;

  constructor(output: Output, owner: PassThroughOwner) {
    this.#output = output;
    this.#owner = owner;
  }

  /** Before each statement. */
  begin(): this {
    this.#started = false;
    this.#pausedBytes = 0;
    return this;
  }

  /** The call whose reply this takes; set right after it was sent, before any reply can arrive. */
  attach(call: ShardCall): void {
    this.#call = call;
  }

  data(chunk: Buffer): void {
    this.#started = true;
    if (this.#output.write(chunk) && !this.#waiting) {
      this.#call?.consumed(chunk.length);
      return;
    }
    this.#pausedBytes += chunk.length;
    if (this.#waiting) return;
    this.#waiting = true;
    const call = this.#call;
    this.#output.onDrain(() => {
      this.#waiting = false;
      const bytes = this.#pausedBytes;
      this.#pausedBytes = 0;
      if (bytes > 0) call?.consumed(bytes);
    });
  }

  end(info: ReplyEnd, chunk: Buffer): void {
    this.#call = undefined;
    try {
      this.#owner.finish(info, chunk);
    } catch (error) {
      // A reply that cannot be read fails its own statement, not the stream it shares with all others.
      this.#owner.failed(error instanceof Error ? error : new Error(String(error)), false, this.#started);
    }
  }

  fail(error: Error, holdLost: boolean): void {
    this.#call = undefined;
    this.#owner.failed(error, holdLost, this.#started);
  }
}
