// The pass-through tier: one shard's reply goes to the client byte for byte, as fast as the client takes it. Nothing is
// decoded; `finish` gets the last chunk, so that the session can have its status flags set before it is written. Replies of
// several chunks are written up to the end of a packet, so that an ERR can follow when the shard breaks off.

import { LIMITS } from "../base/limits.ts";
import { PacketCutter } from "../mysql/packet-cutter.ts";
import type { Output } from "./output.ts";
import type { ReplySink, ShardCall } from "./ports.ts";
import type { ReplyEnd } from "./reply.ts";

export interface PassThroughOwner {
  /** The reply is complete but for `chunk`, which the owner writes. */
  finish(info: ReplyEnd, chunk: Buffer): void;
  failed(error: Error, holdLost: boolean, written: Written): void;
}

/** What has been written of a reply that failed: nothing, whole packets, or a packet that nothing may follow any more. */
export type Written =
  | { readonly kind: "nothing" }
  | { readonly kind: "part" }
  /** `sequenceId` is that of an ERR packet behind them. */
  | { readonly kind: "whole"; readonly sequenceId: number };

const NOTHING_WRITTEN: Written = { kind: "nothing" };

/** One per client connection, used again for each statement. */
export class PassThrough implements ReplySink {
  readonly #output: Output;
  readonly #owner: PassThroughOwner;
  readonly #cutter = new PacketCutter();
  #call: ShardCall | undefined;
  #started = false;
  /** Pieces of the packet that the last chunk's end has split. */
  #held: Buffer[] = [];
  #heldBytes = 0;
  #written: Written = NOTHING_WRITTEN;
  #pausedBytes = 0;
  #waiting = false;

  constructor(output: Output, owner: PassThroughOwner) {
    this.#output = output;
    this.#owner = owner;
  }

  /** Before each statement. */
  begin(): this {
    if (this.#started) {
      this.#cutter.reset();
      this.#held = [];
      this.#heldBytes = 0;
    }
    this.#started = false;
    this.#written = NOTHING_WRITTEN;
    this.#pausedBytes = 0;
    return this;
  }

  /** The call whose reply this takes; set right after it was sent, before any reply can arrive. */
  attach(call: ShardCall): void {
    this.#call = call;
  }

  data(chunk: Buffer): void {
    this.#started = true;
    if (this.#writeWhole(chunk) && !this.#waiting) {
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
    if (this.#heldBytes > 0) {
      this.#written = { kind: "part" };
      this.#flush();
    }
    try {
      this.#owner.finish(info, chunk);
    } catch (error) {
      // A reply that cannot be read fails its own statement, not the stream it shares with all others.
      this.#owner.failed(error instanceof Error ? error : new Error(String(error)), false, this.#written);
    }
  }

  fail(error: Error, holdLost: boolean): void {
    this.#call = undefined;
    this.#owner.failed(error, holdLost, this.#written);
  }

  /** Writes all up to the last packet's end, and keeps the rest for now unless that is much. */
  #writeWhole(chunk: Buffer): boolean {
    const boundary = this.#cutter.push(chunk);
    if (boundary < 0) {
      this.#hold(chunk);
      if (this.#heldBytes <= LIMITS.passThroughHeldBytesMax) return true;
      this.#written = { kind: "part" };
      return this.#flush();
    }
    this.#flush();
    this.#written = { kind: "whole", sequenceId: this.#cutter.nextSequenceId };
    if (boundary === chunk.length) return this.#output.write(chunk);
    this.#hold(chunk.subarray(boundary));
    return this.#output.write(chunk.subarray(0, boundary));
  }

  #hold(bytes: Buffer): void {
    this.#held.push(bytes);
    this.#heldBytes += bytes.length;
  }

  #flush(): boolean {
    let takesMore = true;
    for (const piece of this.#held) takesMore = this.#output.write(piece);
    this.#held = [];
    this.#heldBytes = 0;
    return takesMore;
  }
}
