// The rows of a server-side cursor: those of a statement that has run, in binary form, kept until the client has fetched
// them. Up to a bound in memory, beyond it in a file without a name, so that nothing is left behind.

import type { FileHandle } from "node:fs/promises";
import { messageOf, ShardgateError } from "../../base/errors.ts";
import { LIMITS } from "../../base/limits.ts";
import type { Output } from "../../engine/output.ts";
import { openNameless } from "../../base/nameless-file.ts";
import { BufferWriter } from "../../mysql/codec.ts";
import { SERVER } from "../../mysql/constants.ts";
import { PacketReader } from "../../mysql/packet-reader.ts";
import { encodeEof } from "../../mysql/packets/eof.ts";

const READ_BYTES = 256 * 1024;
/** Of an answer to a fetch. */
const PIECE_BYTES = 16 * 1024;

/** What the cursors of one session have together. */
export class CursorUse {
  memoryBytes = 0;
  files = 0;
}

/** Framed row packets, first in, first out. */
export class CursorRows {
  readonly #use: CursorUse;
  #memory: Buffer[] = [];
  #memoryBytes = 0;
  #file: Promise<FileHandle> | undefined;
  /** Writes under way: one after the other. */
  #writing: Promise<void> = Promise.resolve();
  #writtenBytes = 0;
  #readBytes = 0;
  readonly #reader = new PacketReader(LIMITS.bufferedReplyBytesMax);
  #isClosed = false;

  /** `use` is shared by all cursors of a session. */
  constructor(use: CursorUse = new CursorUse()) {
    this.#use = use;
  }

  /**
   * Keeps `rows` (owned): whole or cut packets, in order. False when `drained` should be waited for. Throws LIMIT_REACHED for
   * more than may be kept.
   */
  add(rows: Buffer): boolean {
    if (this.#isClosed) return true;
    if (this.#file === undefined && this.#use.memoryBytes + rows.length <= LIMITS.cursorMemoryBytesMax) {
      this.#memory.push(rows);
      this.#memoryBytes += rows.length;
      this.#use.memoryBytes += rows.length;
      return true;
    }
    const file = this.#fileFor();
    const at = this.#writtenBytes;
    this.#writtenBytes += rows.length;
    if (this.#writtenBytes > LIMITS.mergeSpillBytesMax) {
      throw new ShardgateError("LIMIT_REACHED", `a cursor has more than ${LIMITS.mergeSpillBytesMax} bytes of rows`);
    }
    this.#writing = this.#writing.then(async () => {
      const handle = await file;
      if (!this.#isClosed) await handle.write(rows, 0, rows.length, at);
    });
    return false;
  }

  #fileFor(): Promise<FileHandle> {
    if (this.#file !== undefined) return this.#file;
    if (this.#use.files >= LIMITS.cursorFilesMax) {
      const text = `cursors of the session have more than ${LIMITS.cursorMemoryBytesMax} bytes of rows, and ${LIMITS.cursorFilesMax} lie on disk`;
      throw new ShardgateError("LIMIT_REACHED", text);
    }
    this.#use.files++;
    this.#file = openNameless();
    return this.#file;
  }

  /** Resolves when everything is kept. Throws for a disk that takes no more. */
  async drained(): Promise<void> {
    try {
      await this.#writing;
    } catch (error) {
      throw new ShardgateError("LIMIT_REACHED", `cursor's rows cannot be kept on disk: ${messageOf(error)}`, error);
    }
  }

  /**
   * Writes the answer to COM_STMT_FETCH, no faster than the client reads: at most `count` rows, and the EOF that tells
   * whether they are the last. Resolves to that.
   */
  async fetch(count: number, statusFlags: number, sequenceId: number, client: Output): Promise<boolean> {
    let writer = new BufferWriter(PIECE_BYTES);
    writer.sequenceId = sequenceId;
    let isLast = false;
    for (let taken = 0; taken < count; taken++) {
      const row = this.#reader.next() ?? (await this.#next());
      if (row === undefined) {
        isLast = true;
        break;
      }
      writer.beginPacket();
      writer.bytes(row);
      writer.endPacket();
      if (writer.length < PIECE_BYTES) continue;
      const goesOn = client.write(writer.finish());
      const next = writer.sequenceId;
      writer = new BufferWriter(PIECE_BYTES);
      writer.sequenceId = next;
      if (!goesOn) await new Promise<void>((resolve) => client.onDrain(resolve));
    }
    const flags = isLast ? SERVER.STATUS_LAST_ROW_SENT : SERVER.STATUS_CURSOR_EXISTS;
    writer.beginPacket();
    writer.bytes(encodeEof({ warnings: 0, statusFlags: statusFlags | flags }));
    writer.endPacket();
    client.write(writer.finish());
    return isLast;
  }

  /** The packets that are left, one after the other; each is good until the next one is asked for, or longer. */
  async *packets(): AsyncGenerator<Buffer> {
    for (let packet = await this.#next(); packet !== undefined; packet = await this.#next()) yield packet;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#memory = [];
    this.#use.memoryBytes -= this.#memoryBytes;
    this.#memoryBytes = 0;
    const file = this.#file;
    this.#file = undefined;
    if (file === undefined) return;
    this.#use.files--;
    await this.#writing.catch(() => undefined);
    await file.then((handle) => handle.close()).catch(() => undefined);
  }

  async #next(): Promise<Buffer | undefined> {
    for (;;) {
      const row = this.#reader.next();
      if (row !== undefined) return row;
      const more = this.#memory.shift() ?? (await this.#read());
      if (more === undefined) return undefined;
      this.#reader.push(more);
    }
  }

  async #read(): Promise<Buffer | undefined> {
    const file = await this.#file;
    const bytes = Math.min(READ_BYTES, this.#writtenBytes - this.#readBytes);
    if (file === undefined || bytes === 0) return undefined;
    const chunk = Buffer.allocUnsafe(bytes);
    const { bytesRead } = await file.read(chunk, 0, bytes, this.#readBytes);
    if (bytesRead === 0) throw new ShardgateError("INTERNAL", "a cursor's file is shorter than what was written");
    this.#readBytes += bytesRead;
    return chunk.subarray(0, bytesRead);
  }
}
