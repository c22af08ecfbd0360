// The client of a statement that a lookup has sent to its shards: what says that there are rows passes through at once, what
// says that there are none is held until it is known whether they were only on their way to another shard.

import { LIMITS } from "../../base/limits.ts";
import { decodeOk } from "../../mysql/packets/ok.ts";
import { RowCutter } from "../../mysql/row-cutter.ts";
import type { ExecutorClient } from "../client/executor-client.ts";
import { ForwardingClient } from "../client/forwarding-client.ts";

const HEADER_BYTES = 4;

export class HeldAnswer extends ForwardingClient {
  readonly #rowOfNone: boolean;
  readonly #nothingFound: () => void;
  #cutter = new RowCutter(LIMITS.bufferedReplyBytesMax);
  #held: Buffer[] = [];
  #isPassing = false;

  /** With `rowOfNone` (SendPlan) one row says nothing. `nothingFound` is to call `release` or `again`. */
  constructor(client: ExecutorClient, rowOfNone: boolean, nothingFound: () => void) {
    super(client);
    this.#rowOfNone = rowOfNone;
    this.#nothingFound = nothingFound;
  }

  override write(chunk: Buffer): boolean {
    if (this.#isPassing) return this.client.write(chunk);
    this.#held.push(chunk);
    this.#cutter.push(chunk, 0, chunk.length, []);
    const { rowCount, replyBytes } = this.#cutter.scanner;
    const isSure = rowCount > (this.#rowOfNone ? 1 : 0) || replyBytes > LIMITS.heldAnswerBytesMax;
    return isSure ? this.#pass() : true;
  }

  override onDrain(resume: () => void): void {
    if (this.#isPassing) this.client.onDrain(resume);
    else resume();
  }

  override commandDone(): void {
    if (!this.#isPassing && this.#isNothing()) this.#nothingFound();
    else this.release();
  }

  /** The answer is right. */
  release(): void {
    if (!this.#isPassing) this.#pass();
    this.client.commandDone();
  }

  /** The statement is run anew. */
  again(): void {
    this.#held = [];
    this.#cutter = new RowCutter(LIMITS.bufferedReplyBytesMax);
  }

  #pass(): boolean {
    this.#isPassing = true;
    const held = this.#held;
    this.#held = [];
    return held.reduce((more, chunk) => this.client.write(chunk) && more, true);
  }

  #isNothing(): boolean {
    const { scanner, head, tail } = this.#cutter;
    if (!scanner.ended || scanner.failed) return false;
    if (head.length > 0) return true;
    const { affectedRows, info } = decodeOk(tail.subarray(HEADER_BYTES), 0);
    return affectedRows === 0 && !/^Rows matched: [1-9]/.test(info);
  }
}
