// Finds the first columns of text rows, without allocating per row. Rows are packet payloads; what lies behind the columns
// asked for is not looked at.

import { malformed } from "../mysql/codec.ts";

/** A reusable view of one row after the other. */
export class RowColumns {
  /** What the row lies in; borrowed until the next `read`. */
  bytes: Buffer = Buffer.alloc(0);
  /** Offset behind the last column that was found. */
  end = 0;
  // Pairs: where a column's bytes begin, and their length, -1 for NULL.
  readonly #places: Int32Array;

  /** `count` columns are found. */
  constructor(count: number) {
    this.#places = new Int32Array(count * 2);
  }

  /** The row is `bytes[start, end)`. Throws ER_MALFORMED_PACKET when it has fewer columns. */
  read(bytes: Buffer, start: number, end: number): void {
    const places = this.#places;
    let pos = start;
    for (let at = 0; at < places.length; at += 2) {
      if (pos >= end) throw malformed("short row");
      let length = bytes[pos++] as number;
      if (length >= 0xfb) {
        if (length === 0xfb) {
          places[at] = pos;
          places[at + 1] = -1;
          continue;
        }
        const width = length === 0xfc ? 2 : length === 0xfd ? 3 : 8;
        if (length === 0xff || pos + width > end) throw malformed("bad length in row");
        if (width === 8 && bytes.readUInt32LE(pos + 4) !== 0) throw malformed("bad length in row");
        length = bytes.readUIntLE(pos, Math.min(width, 4));
        pos += width;
      }
      if (length > end - pos) throw malformed("short row");
      places[at] = pos;
      places[at + 1] = length;
      pos += length;
    }
    this.bytes = bytes;
    this.end = pos;
  }

  isNull(column: number): boolean {
    return this.lengthOf(column) < 0;
  }

  offsetOf(column: number): number {
    return this.#places[column * 2] as number;
  }

  /** -1 for NULL. */
  lengthOf(column: number): number {
    return this.#places[column * 2 + 1] as number;
  }

  /** A slice of the row, or null. */
  value(column: number): Buffer | null {
    const length = this.lengthOf(column);
    if (length < 0) return null;
    const start = this.offsetOf(column);
    return this.bytes.subarray(start, start + length);
  }

  /** The text of a value of ASCII characters. */
  ascii(column: number): string | null {
    const length = this.lengthOf(column);
    if (length < 0) return null;
    const start = this.offsetOf(column);
    return this.bytes.latin1Slice(start, start + length);
  }
}
