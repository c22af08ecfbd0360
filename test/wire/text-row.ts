// Reads text rows: notes where the columns lie, in one pass, and makes values only of those asked for.

import { malformed } from "../../src/mysql/codec.ts";

/** A reusable view of one row after the other. */
export class TextRow {
  readonly columnCount: number;
  /** The bytes that `read` was given; borrowed until the next `read`. */
  buffer: Buffer = Buffer.alloc(0);
  // offsets[2i] is where column i's bytes begin, offsets[2i + 1] their length, -1 for NULL.
  readonly #offsets: Int32Array;

  constructor(columnCount: number) {
    this.columnCount = columnCount;
    this.#offsets = new Int32Array(columnCount * 2);
  }

  /** Finds the columns in `buffer[start, end)`, a row's payload. Throws ER_MALFORMED_PACKET if they do not fill it exactly. */
  read(buffer: Buffer, start = 0, end = buffer.length): void {
    const offsets = this.#offsets;
    const count = offsets.length;
    let pos = start;
    for (let at = 0; at < count; at += 2) {
      if (pos >= end) throw malformed("short row");
      const first = buffer[pos++] as number;
      let length = first;
      if (first >= 0xfb) {
        if (first === 0xfb) {
          offsets[at] = pos;
          offsets[at + 1] = -1;
          continue;
        }
        const bytes = first === 0xfc ? 2 : first === 0xfd ? 3 : 8;
        if (first === 0xff || pos + bytes > end) throw malformed("bad length in row");
        if (bytes === 8) {
          if (buffer.readUInt32LE(pos + 4) !== 0) throw malformed("bad length in row");
          length = buffer.readUInt32LE(pos);
        } else length = buffer.readUIntLE(pos, bytes);
        pos += bytes;
      }
      if (length > end - pos) throw malformed("short row");
      offsets[at] = pos;
      offsets[at + 1] = length;
      pos += length;
    }
    if (pos !== end) throw malformed("long row");
    this.buffer = buffer;
  }

  isNull(column: number): boolean {
    return this.lengthOf(column) < 0;
  }

  /** Where the bytes of a column begin in `buffer`. */
  offsetOf(column: number): number {
    return this.#offsets[column * 2] as number;
  }

  /** Length of a column's bytes, -1 for NULL. */
  lengthOf(column: number): number {
    return this.#offsets[column * 2 + 1] as number;
  }

  /** A slice of the row's memory, or null. */
  bytes(column: number): Buffer | null {
    const length = this.lengthOf(column);
    if (length < 0) return null;
    const start = this.offsetOf(column);
    return this.buffer.subarray(start, start + length);
  }

  string(column: number): string | null {
    const length = this.lengthOf(column);
    if (length < 0) return null;
    const start = this.offsetOf(column);
    return this.buffer.toString("utf8", start, start + length);
  }
}
