// The client of a statement that may answer so many rows and no more: rows pass through as they are, and at the one too
// many an ERR packet ends the answer, so that a part of it is never taken for the whole. What still comes is dropped.

import { ShardgateError } from "../../base/errors.ts";
import { LIMITS } from "../../base/limits.ts";
import { writeFrame } from "../../mysql/frame.ts";
import { encodeErrOf } from "../../mysql/packets/err.ts";
import { RowCutter } from "../../mysql/row-cutter.ts";
import type { ExecutorClient } from "./executor-client.ts";
import { ForwardingClient } from "./forwarding-client.ts";

const HEADER_BYTES = 4;
const PAYLOAD_MAX = 0xffffff;

/** Told when there are more rows. */
export interface RowLimitOwner {
  /** At once: to stop what is under way. */
  exceeded(error: ShardgateError): void;
  /** Before the command is done, whatever has been remembered of it meanwhile. */
  answered(error: ShardgateError): void;
}

export class RowLimit extends ForwardingClient {
  readonly #rowsMax: number;
  readonly #owner: RowLimitOwner;
  readonly #cutter = new RowCutter(LIMITS.bufferedReplyBytesMax);
  #rows = 0;
  #isHeadWritten = false;
  /** What the client has been told in place of further rows. */
  #error: ShardgateError | undefined;
  #isDone = false;

  constructor(client: ExecutorClient, rowsMax: number, owner: RowLimitOwner) {
    super(client);
    this.#rowsMax = rowsMax;
    this.#owner = owner;
  }

  override write(chunk: Buffer): boolean {
    if (this.#error !== undefined) return true;
    const cutter = this.#cutter;
    const slices: Buffer[] = [];
    cutter.push(chunk, 0, chunk.length, slices);
    let more = true;
    if (!this.#isHeadWritten && cutter.head.length > 0) {
      this.#isHeadWritten = true;
      more = this.client.write(cutter.head);
    }
    if (slices.length > 0) {
      const rows = slices.length === 1 && slices[0] !== undefined ? slices[0] : Buffer.concat(slices);
      const end = this.#endOfAllowed(rows);
      if (end > 0) more = this.client.write(rows.subarray(0, end)) && more;
      if (end < rows.length) {
        this.#end(rows[end + 3] ?? 0);
        return true;
      }
    }
    return cutter.tail.length > 0 ? this.client.write(cutter.tail) && more : more;
  }

  override commandDone(): void {
    if (this.#isDone) return;
    this.#isDone = true;
    if (this.#error !== undefined) this.#owner.answered(this.#error);
    this.client.commandDone();
  }

  /** A reply that breaks off behind its allowed rows, because it was stopped, has been answered. */
  override destroy(): void {
    if (this.#error !== undefined) this.commandDone();
    else this.client.destroy();
  }

  /** Counts the rows; where the first one too many begins, or the end. */
  #endOfAllowed(rows: Buffer): number {
    for (let at = 0; at < rows.length; ) {
      if (this.#rows === this.#rowsMax) return at;
      this.#rows++;
      let payload: number;
      do {
        payload = rows.readUIntLE(at, 3);
        at += HEADER_BYTES + payload;
      } while (payload === PAYLOAD_MAX);
    }
    return rows.length;
  }

  #end(sequenceId: number): void {
    const text = `the answer has more rows than the ${this.#rowsMax} that MAX_ROWS allows`;
    const error = new ShardgateError("LIMIT_REACHED", text);
    this.#error = error;
    this.client.write(writeFrame(encodeErrOf(error), sequenceId));
    this.#owner.exceeded(error);
  }
}
