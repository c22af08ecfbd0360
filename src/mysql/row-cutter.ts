// Takes a shard's reply apart while it streams: the head (column count, definitions, EOF), the rows in pieces that end at
// packet boundaries, and the tail (EOF, OK or ERR). A gateway that merges several shards sends one head, everybody's
// pieces through one Resequencer, and one tail of its own. Nothing is copied but head and tail.

import { ShardgateError } from "../base/errors.ts";
import { malformed } from "./codec.ts";
import { ReplyScanner } from "./reply-scanner.ts";

const EMPTY = Buffer.alloc(0);

export class RowCutter {
  /** Kind, flags, warnings, counts and errno of the reply so far. */
  readonly scanner = new ReplyScanner("query");
  /** Column count, definitions and EOF, framed; empty until the rows may begin, and for OK and ERR replies. */
  head: Buffer = EMPTY;
  /** The last packet, framed; empty until the reply has ended. */
  tail: Buffer = EMPTY;

  readonly #heldBytesMax: number;
  /** Head before the rows begin; then the row that a chunk's end split. */
  #held: Buffer[] = [];
  #heldBytes = 0;

  /** `heldBytesMax` bounds the head, and a single row that comes in several chunks. */
  constructor(heldBytesMax: number) {
    this.#heldBytesMax = heldBytesMax;
  }

  /**
   * Takes `chunk[start, end)` (owned) and appends to `out` slices of it that together hold whole row packets; slices of
   * one call belong together. Returns how many bytes belonged to the reply. Throws ER_MALFORMED_PACKET, LIMIT_REACHED,
   * and refuses replies of several results.
   */
  push(chunk: Buffer, start: number, end: number, out: Buffer[]): number {
    const { scanner } = this;
    if (scanner.ended) return 0;
    const before = scanner.replyBytes;
    const taken = scanner.feed(chunk, start, end);
    const after = before + taken;
    if (scanner.resultCount > 1) throw malformed("several results where one was expected");
    const shift = start - before;
    const { rowsOffset, lastPacketOffset } = scanner;

    if (rowsOffset === 0) {
      this.#hold(chunk, start, start + taken);
      if (scanner.ended) this.tail = this.#takeHeld().subarray(lastPacketOffset);
      return taken;
    }
    let from = before;
    if (before < rowsOffset) {
      this.#hold(chunk, start, rowsOffset + shift);
      this.head = this.#takeHeld();
      from = rowsOffset;
    }
    // Whole packets end here; behind it is the tail, or a row of which more is to come.
    const boundary = scanner.ended || !scanner.atPacketBoundary ? lastPacketOffset : after;
    if (boundary > from) {
      for (const part of this.#held) out.push(part);
      this.#held = [];
      this.#heldBytes = 0;
      out.push(chunk.subarray(from + shift, boundary + shift));
      from = boundary;
    }
    this.#hold(chunk, from + shift, after + shift);
    if (scanner.ended) this.tail = this.#takeHeld();
    return taken;
  }

  #hold(chunk: Buffer, start: number, end: number): void {
    if (start === end) return;
    this.#held.push(chunk.subarray(start, end));
    this.#heldBytes += end - start;
    if (this.#heldBytes > this.#heldBytesMax) {
      throw new ShardgateError("LIMIT_REACHED", `a row of a shard's reply is larger than ${this.#heldBytesMax} bytes`);
    }
  }

  #takeHeld(): Buffer {
    const taken = Buffer.concat(this.#held);
    this.#held = [];
    this.#heldBytes = 0;
    return taken;
  }
}

/** Gives packets of several origins consecutive sequence ids, in place, also when they come in pieces. */
export class Resequencer {
  /** Of the next packet. */
  sequenceId: number;
  #skip = 0;
  #headerFilled = 0;
  #length = 0;

  constructor(sequenceId: number) {
    this.sequenceId = sequenceId & 0xff;
  }

  /** Renumbers the packets in `bytes[start, end)`, which is changed. */
  push(bytes: Buffer, start = 0, end = bytes.length): void {
    let pos = start + this.#skip;
    let next = this.sequenceId;
    while (pos < end) {
      if (this.#headerFilled === 0 && end - pos >= 4) {
        const length = (bytes[pos] as number) | ((bytes[pos + 1] as number) << 8) | ((bytes[pos + 2] as number) << 16);
        bytes[pos + 3] = next;
        next = (next + 1) & 0xff;
        pos += 4 + length;
        continue;
      }
      if (this.#headerFilled < 3) {
        this.#length |= (bytes[pos++] as number) << (8 * this.#headerFilled++);
        continue;
      }
      bytes[pos] = next;
      next = (next + 1) & 0xff;
      pos += 1 + this.#length;
      this.#headerFilled = 0;
      this.#length = 0;
    }
    this.#skip = pos - end;
    this.sequenceId = next;
  }
}
