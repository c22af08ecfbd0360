// The client of an execution that opens a cursor: the columns go to the real one, with the flag that says so, the rows are
// kept for COM_STMT_FETCH. Answers without rows pass as they are. Takes and gives classic framing, rows in binary form.

import { ShardgateError } from "../../base/errors.ts";
import { LIMITS } from "../../base/limits.ts";
import { SERVER } from "../../mysql/constants.ts";
import { writeFrame } from "../../mysql/frame.ts";
import { encodeErrOf } from "../../mysql/packets/err.ts";
import { RowCutter } from "../../mysql/row-cutter.ts";
import { ForwardingClient } from "../client/forwarding-client.ts";
import { CursorRows, type CursorUse } from "./cursor-rows.ts";
import type { ExecutorClient } from "../client/executor-client.ts";

export interface CursorOwner {
  /** All rows are there. */
  opened(rows: CursorRows): void;
}

/** The status flags are the last bytes of an EOF packet. */
const EOF_STATUS_BYTES = 2;
const SEQUENCE_OFFSET = 3;

export class CursorClient extends ForwardingClient {
  readonly #owner: CursorOwner;
  readonly #cutter = new RowCutter(LIMITS.bufferedReplyBytesMax);
  readonly #rows: CursorRows;
  #failed: ShardgateError | undefined;

  /** `use` is the session's. */
  constructor(client: ExecutorClient, owner: CursorOwner, use: CursorUse) {
    super(client);
    this.#owner = owner;
    this.#rows = new CursorRows(use);
  }

  override write(chunk: Buffer): boolean {
    const slices: Buffer[] = [];
    this.#cutter.push(chunk, 0, chunk.length, slices);
    let more = true;
    // What comes behind a failure is read and dropped.
    if (this.#failed !== undefined) return true;
    try {
      for (const slice of slices) if (!this.#rows.add(slice)) more = false;
    } catch (error) {
      this.#fail(error);
    }
    return more;
  }

  override onDrain(resume: () => void): void {
    void this.#rows
      .drained()
      .catch((error: unknown) => this.#fail(error))
      .then(resume);
  }

  override commandDone(): void {
    const { scanner, head, tail } = this.#cutter;
    if (scanner.kind !== "resultset" || scanner.failed) {
      void this.#rows.close();
      const last = Buffer.from(tail);
      // An error behind rows is the only packet that the client gets.
      if (head.length > 0) last[SEQUENCE_OFFSET] = head[SEQUENCE_OFFSET] ?? 1;
      this.client.write(last);
      this.client.commandDone();
      return;
    }
    void this.#open(head, scanner.statusFlags);
  }

  override destroy(): void {
    void this.#rows.close();
    this.client.destroy();
  }

  async #open(head: Buffer, statusFlags: number): Promise<void> {
    await this.#rows.drained().catch((error: unknown) => this.#fail(error));
    if (this.#failed === undefined) {
      const opened = Buffer.from(head);
      opened.writeUInt16LE(statusFlags | SERVER.STATUS_CURSOR_EXISTS, opened.length - EOF_STATUS_BYTES);
      this.#owner.opened(this.#rows);
      this.client.write(opened);
    } else {
      void this.#rows.close();
      this.client.write(writeFrame(encodeErrOf(this.#failed), head[SEQUENCE_OFFSET] ?? 1));
    }
    this.client.commandDone();
  }

  #fail(error: unknown): void {
    this.#failed = error instanceof ShardgateError ? error : new ShardgateError("INTERNAL", String(error));
  }
}
