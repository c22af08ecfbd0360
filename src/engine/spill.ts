// What one query has on disk: sorted runs of keyed rows, in files that lose their names as soon as they are open, so that
// nothing is left behind whatever becomes of this process. Bounded in bytes.
//
//   record:  u32 key bytes │ u32 row bytes │ key (one byte a unit) │ row

import type { FileHandle } from "node:fs/promises";
import { tmpdir } from "node:os";
import { messageOf, ShardgateError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { openNameless } from "../base/nameless-file.ts";
import { BufferWriter } from "../mysql/codec.ts";
import type { KeyedRows, SortedStream } from "./ordered-merge.ts";
import { rowAt } from "./row-batch.ts";

const HEADER_BYTES = 8;
const WRITE_BYTES = 256 * 1024;
const READ_BYTES = 64 * 1024;

export class SpillArea {
  readonly #bytesMax: number;
  readonly #files = new Set<FileHandle>();
  #bytes = 0;
  #isClosed = false;

  constructor(bytesMax: number = LIMITS.mergeSpillBytesMax) {
    this.#bytesMax = bytesMax;
  }

  /** Bytes written so far, of runs that are done with too. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Writes a sorted run. Throws LIMIT_REACHED above the bound, and for a disk that takes no more. */
  async write(batches: AsyncIterable<KeyedRows>): Promise<SpilledRun> {
    const file = await this.#create();
    const pending = new BufferWriter(WRITE_BYTES + READ_BYTES);
    let written = 0;
    for await (const batch of batches) {
      for (const [index, key] of batch.keys.entries()) {
        const row = rowAt(batch, index);
        const bytes = HEADER_BYTES + key.length + row.length;
        this.#take(bytes);
        written += bytes;
        pending.u32(key.length);
        pending.u32(row.length);
        pending.bytes(Buffer.from(key, "latin1"));
        pending.bytes(row);
        if (pending.length >= WRITE_BYTES) await writeAll(file, pending);
      }
    }
    await writeAll(file, pending);
    return new SpilledRun(file, written, () => this.#drop(file));
  }

  /** Gives the disk back. Runs must not be read any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#files].map((file) => this.#drop(file)));
  }

  #take(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes <= this.#bytesMax) return;
    throw new ShardgateError(
      "LIMIT_REACHED",
      `this query has to sort or compare more than ${this.#bytesMax} bytes on the gateway's disk; narrow it`,
    );
  }

  async #create(): Promise<FileHandle> {
    const file = await openNameless();
    this.#files.add(file);
    if (this.#isClosed) await this.#drop(file);
    return file;
  }

  async #drop(file: FileHandle): Promise<void> {
    if (this.#files.delete(file)) await file.close().catch(() => undefined);
  }
}

/** A run on disk, read once from its beginning. */
class SpilledRun implements SortedStream {
  key = "";
  bytes: Buffer = Buffer.alloc(0);
  start = 0;
  end = 0;
  readonly #file: FileHandle;
  readonly #drop: () => Promise<void>;
  readonly #endOffset: number;
  #offset = 0;
  #pos = 0;

  constructor(file: FileHandle, bytes: number, drop: () => Promise<void>) {
    this.#file = file;
    this.#endOffset = bytes;
    this.#drop = drop;
  }

  step(): boolean {
    const chunk = this.bytes;
    const recordBytes = recordBytesAt(chunk, this.#pos);
    if (recordBytes < 0 || this.#pos + recordBytes > chunk.length) return false;
    const keyStart = this.#pos + HEADER_BYTES;
    const rowStart = keyStart + chunk.readUInt32LE(this.#pos);
    this.#pos += recordBytes;
    this.key = chunk.latin1Slice(keyStart, rowStart);
    this.start = rowStart;
    this.end = this.#pos;
    return true;
  }

  async more(): Promise<boolean> {
    const left = this.bytes.subarray(this.#pos);
    if (left.length === 0 && this.#offset === this.#endOffset) {
      await this.#drop();
      return false;
    }
    // A record that is larger than a chunk is read as a whole.
    const record = recordBytesAt(left, 0);
    const wanted = Math.max(READ_BYTES, record - left.length, HEADER_BYTES);
    const chunk = Buffer.allocUnsafe(left.length + Math.min(wanted, this.#endOffset - this.#offset));
    left.copy(chunk);
    let filled = left.length;
    while (filled < chunk.length) {
      const { bytesRead } = await this.#file.read(chunk, filled, chunk.length - filled, this.#offset);
      if (bytesRead === 0) throw new ShardgateError("LIMIT_REACHED", "a file of a query's rows was cut short");
      filled += bytesRead;
      this.#offset += bytesRead;
    }
    this.bytes = chunk;
    this.#pos = 0;
    return this.step() || this.more();
  }
}

/** -1 when not even the header is there. */
function recordBytesAt(chunk: Buffer, pos: number): number {
  if (chunk.length - pos < HEADER_BYTES) return -1;
  return HEADER_BYTES + chunk.readUInt32LE(pos) + chunk.readUInt32LE(pos + 4);
}

/** Empties `pending`. */
async function writeAll(file: FileHandle, pending: BufferWriter): Promise<void> {
  try {
    const bytes = pending.finish();
    for (let at = 0; at < bytes.length; ) at += (await file.write(bytes, at)).bytesWritten;
    pending.clear();
  } catch (error) {
    throw new ShardgateError("LIMIT_REACHED", `cannot write to ${tmpdir()}: ${messageOf(error)}`, error);
  }
}
