// Sort keys as strings of bytes (one code unit each, 0 to 255): comparing two of them unit by unit orders rows as MySQL
// does, and equal keys are equal strings, so one form serves merging, sorting, grouping and spilling to disk. Every value
// ends by itself: no value's bytes begin another's, so values can stand one after the other.
//
//   NULL     00                                  any other value: 01 and then
//   number   sign (00 -, 01 zero, 02 +) │ digits before the point: count, digits │ digits behind it │ 00    (-: inverted)
//   double   8 bytes, big-endian, sign flipped (-: inverted)
//   bytes    with 00 as 00 FF │ 00 01
//   padded   weights; each that is a space's is followed by what the rest is, compared with spaces: 01 less, 03 greater; at
//            the end a space's weight and 02, as the end is as good as spaces for ever

import { malformed } from "../mysql/codec.ts";
import { NeedsGather } from "./needs-gather.ts";

const ZERO = 0x30;
const NINE = 0x39;
const MINUS = 0x2d;
const POINT = 0x2e;
const COLON = 0x3a;
/** Behind a space of a padded text: what comes then is less than spaces, nothing but spaces, or greater. */
const LESS = 1;
const END = 2;
const GREATER = 3;

/** Builds one key after the other. */
export class KeyBytes {
  #bytes = Buffer.allocUnsafe(256);
  #length = 0;
  readonly #double = new DataView(new ArrayBuffer(8));

  begin(): void {
    this.#length = 0;
  }

  /** Where the next value begins; for `invertFrom`. */
  get length(): number {
    return this.#length;
  }

  take(): string {
    return this.#bytes.latin1Slice(0, this.#length);
  }

  null(): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = 0;
  }

  /** A descending value: what was greater is less. */
  invertFrom(start: number): void {
    const bytes = this.#bytes;
    for (let at = start; at < this.#length; at++) bytes[at] = 0xff - (bytes[at] as number);
  }

  /** The text of an integer or decimal, `row[from, to)`, or of a TIME ('-100:00:00.5' is the number -1000000.5). */
  number(row: Buffer, from: number, to: number): void {
    this.#reserve(4 + to - from);
    const bytes = this.#bytes;
    bytes[this.#length++] = 1;
    const negative = row[from] === MINUS;
    let pos = negative ? from + 1 : from;
    while (pos < to && (row[pos] === ZERO || row[pos] === COLON)) pos++;
    let end = to;
    let point = pos;
    while (point < to && row[point] !== POINT) point++;
    const hasFraction = point < to;
    if (hasFraction) {
      while (end > point + 1 && row[end - 1] === ZERO) end--;
      if (end === point + 1) end = point;
    }
    if (pos >= end) {
      bytes[this.#length++] = 1;
      return;
    }
    bytes[this.#length++] = negative ? 0 : 2;
    const start = this.#length++;
    let digits = 0;
    for (; pos < end; pos++) {
      const byte = row[pos] as number;
      if (byte >= ZERO && byte <= NINE) {
        bytes[this.#length++] = byte;
        if (!hasFraction || pos < point) digits++;
      } else if (byte !== COLON && pos !== point) throw malformed("bad number in a row");
    }
    if (digits > 0xfe) throw malformed("a number has too many digits");
    bytes[start] = digits;
    bytes[this.#length++] = 0;
    if (negative) this.invertFrom(start);
  }

  double(value: number): void {
    this.#reserve(9);
    const view = this.#double;
    // -0 and 0 are equal.
    view.setFloat64(0, value === 0 ? 0 : value);
    const negative = (view.getUint8(0) & 0x80) !== 0;
    const bytes = this.#bytes;
    bytes[this.#length++] = 1;
    for (let at = 0; at < 8; at++) {
      const byte = view.getUint8(at);
      bytes[this.#length++] = negative ? 0xff - byte : at === 0 ? byte | 0x80 : byte;
    }
  }

  bytes(row: Buffer, from: number, to: number): void {
    this.#reserve(3 + 2 * (to - from));
    const bytes = this.#bytes;
    let length = this.#length;
    bytes[length++] = 1;
    for (let pos = from; pos < to; pos++) {
      const byte = row[pos] as number;
      bytes[length++] = byte;
      if (byte === 0) bytes[length++] = 0xff;
    }
    bytes[length++] = 0;
    bytes[length++] = 1;
    this.#length = length;
  }

  /** Bytes of a big-endian number: leading zeros do not count. */
  bits(row: Buffer, from: number, to: number): void {
    let pos = from;
    while (pos < to && row[pos] === 0) pos++;
    this.#reserve(2 + to - pos);
    this.#bytes[this.#length++] = 1;
    this.#bytes[this.#length++] = to - pos;
    this.#length += row.copy(this.#bytes, this.#length, pos, to);
  }

  /** Weights under a PAD SPACE collation: the shorter one counts as followed by spaces for ever. `space` is one's weight. */
  padded(row: Buffer, from: number, to: number, space: Buffer): void {
    const unit = space.length;
    if ((to - from) % unit !== 0) throw new NeedsGather("weights of a text that are not of one size");
    let end = to;
    while (end > from && isSpace(row, end - unit, space)) end -= unit;
    this.#reserve(2 + (end - from) * 2 + unit);
    const bytes = this.#bytes;
    let length = this.#length;
    bytes[length++] = 1;
    // [copied, pos) is to be copied.
    let copied = from;
    let pos = from;
    while (pos < end) {
      if (!isSpace(row, pos, space)) {
        pos += unit;
        continue;
      }
      length += row.copy(bytes, length, copied, pos);
      let next = pos + unit;
      while (isSpace(row, next, space)) next += unit;
      const mark = compareUnit(row, next, space) < 0 ? LESS : GREATER;
      for (; pos < next; pos += unit) {
        length += space.copy(bytes, length);
        bytes[length++] = mark;
      }
      copied = next;
    }
    length += row.copy(bytes, length, copied, end);
    length += space.copy(bytes, length);
    bytes[length++] = END;
    this.#length = length;
  }

  #reserve(bytes: number): void {
    const need = this.#length + bytes;
    if (need <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(need, this.#bytes.length * 2));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}

function isSpace(row: Buffer, pos: number, space: Buffer): boolean {
  for (let at = 0; at < space.length; at++) if (row[pos + at] !== space[at]) return false;
  return true;
}

/** Negative, 0 or positive. */
function compareUnit(row: Buffer, pos: number, space: Buffer): number {
  for (let at = 0; at < space.length; at++) {
    const difference = (row[pos + at] as number) - (space[at] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}
