// Cuts the bytes of a text file into lines and fields as LOAD DATA does (manual: "LOAD DATA Statement", "Field and Line
// Handling"), while they arrive: a line that is not whole yet is tried again with more.

import { ShardgateError } from "../../base/errors.ts";
import { LIMITS } from "../../base/limits.ts";
import { encodeSql } from "../../sql/encoding.ts";
import { ESCAPED_BYTES } from "../../sql/quoting.ts";
import type { FileFormat } from "../../sql/tree.ts";

/** Bytes of a field, escapes taken out; null for \N and NULL. */
export type Field = Buffer | null;

const NOT_YET = Symbol("not yet");
const EMPTY = Buffer.alloc(0);
const LETTER_N = 0x4e;

export class LoadDataReader {
  readonly #fieldEnd: Buffer;
  readonly #lineEnd: Buffer;
  readonly #lineStart: Buffer;
  /** -1: none. */
  readonly #enclosed: number;
  readonly #escape: number;
  #pending: Buffer = EMPTY;
  /** Where the next line begins in `#pending`. */
  #at = 0;
  #isEnded = false;
  // Of the field being read.
  #pos = 0;
  #endsBare = false;

  constructor(format: FileFormat) {
    this.#fieldEnd = encodeSql(format.fieldsTerminatedBy);
    this.#lineEnd = encodeSql(format.linesTerminatedBy);
    this.#lineStart = encodeSql(format.linesStartingBy);
    this.#enclosed = encodeSql(format.enclosedBy)[0] ?? -1;
    this.#escape = encodeSql(format.escapedBy)[0] ?? -1;
  }

  /** More of the file; the buffer is kept until it is read. */
  push(chunk: Buffer): void {
    const rest = this.#pending.subarray(this.#at);
    if (rest.length + chunk.length > LIMITS.bufferedReplyBytesMax) {
      throw new ShardgateError(
        "LIMIT_REACHED",
        `a line of the file is larger than ${LIMITS.bufferedReplyBytesMax} bytes`,
      );
    }
    this.#pending = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    this.#at = 0;
  }

  /** There is no more of the file. */
  end(): void {
    this.#isEnded = true;
  }

  /** Nothing stands between the last separator of the line that was read and its end. */
  get endsBare(): boolean {
    return this.#endsBare;
  }

  /** Steps over a line; false when it is not whole yet, or there is none. */
  skipLine(): boolean {
    const end = this.#lineEnd.length === 0 ? -1 : this.#pending.indexOf(this.#lineEnd, this.#at);
    if (end < 0) {
      if (this.#isEnded) this.#at = this.#pending.length;
      return false;
    }
    this.#at = end + this.#lineEnd.length;
    return true;
  }

  /** The fields of the next line; undefined when it is not whole yet, or there is none. They may share the file's memory. */
  next(): readonly Field[] | undefined {
    let start = this.#at;
    if (this.#lineStart.length > 0) {
      const found = this.#pending.indexOf(this.#lineStart, start);
      if (found < 0) return undefined;
      start = found + this.#lineStart.length;
    }
    if (start >= this.#pending.length) return undefined;
    this.#pos = start;
    const fields: Field[] = [];
    for (;;) {
      const isEnclosed = this.#pending[this.#pos] === this.#enclosed;
      const read = this.#field();
      if (read === NOT_YET) return undefined;
      fields.push(read.field);
      if (!read.isLast) continue;
      this.#endsBare = !isEnclosed && read.field?.length === 0;
      break;
    }
    this.#at = this.#pos;
    return fields;
  }

  #field(): { readonly field: Field; readonly isLast: boolean } | typeof NOT_YET {
    const bytes = this.#pending;
    const { length } = bytes;
    let pos = this.#pos;
    const from = pos;
    const isEnclosed = pos < length && bytes[pos] === this.#enclosed;
    if (isEnclosed) pos++;
    // Bytes before `copied` are in `parts` already.
    const parts: Buffer[] = [];
    let copied = pos;
    let isNull = false;
    const done = (end: number, next: number, isLast: boolean) => {
      if (end > copied) parts.push(bytes.subarray(copied, end));
      const value = parts.length === 1 ? (parts[0] ?? EMPTY) : Buffer.concat(parts);
      this.#pos = next;
      const isWord = !isEnclosed && this.#enclosed >= 0 && value.equals(NULL_WORD);
      return { field: (isNull && value.length === 1) || isWord ? null : value, isLast };
    };
    while (pos < length) {
      const byte = bytes[pos] as number;
      if (byte === this.#escape && (byte !== this.#enclosed || !isEnclosed || bytes[pos + 1] === byte)) {
        if (pos + 1 >= length) {
          if (!this.#isEnded) return NOT_YET;
          // An escape with nothing behind it is itself.
          return done(length, length, true);
        }
        const next = bytes[pos + 1] as number;
        if (pos > copied) parts.push(bytes.subarray(copied, pos));
        if (next === LETTER_N && pos === from) isNull = true;
        parts.push(Buffer.of(byte === this.#enclosed ? next : (ESCAPED_BYTES.get(next) ?? next)));
        pos += 2;
        copied = pos;
        continue;
      }
      if (isEnclosed && byte === this.#enclosed) {
        if (bytes[pos + 1] === byte) {
          // Doubled it stands for itself.
          parts.push(bytes.subarray(copied, pos + 1));
          pos += 2;
          copied = pos;
          continue;
        }
        const behind = this.#endAt(pos + 1);
        if (behind === NOT_YET) return NOT_YET;
        if (behind !== undefined) return done(pos, behind.next, behind.isLast);
        pos++;
        continue;
      }
      if (!isEnclosed) {
        const here = this.#endAt(pos);
        if (here === NOT_YET) return NOT_YET;
        if (here !== undefined) return done(pos, here.next, here.isLast);
      }
      pos++;
    }
    if (!this.#isEnded) return NOT_YET;
    return done(length, length, true);
  }

  /** What ends at `pos`: a field, a line, or neither. */
  #endAt(pos: number): { readonly next: number; readonly isLast: boolean } | typeof NOT_YET | undefined {
    const { length } = this.#pending;
    if (pos >= length) return this.#isEnded ? { next: length, isLast: true } : NOT_YET;
    for (const [mark, isLast] of [
      [this.#lineEnd, true],
      [this.#fieldEnd, false],
    ] as const) {
      if (mark.length === 0 || this.#pending[pos] !== mark[0]) continue;
      const end = pos + mark.length;
      if (end > length) {
        if (!this.#isEnded && this.#pending.subarray(pos).equals(mark.subarray(0, length - pos))) return NOT_YET;
      } else if (mark.length === 1 || this.#pending.subarray(pos, end).equals(mark)) return { next: end, isLast };
    }
    return undefined;
  }
}

const NULL_WORD = Buffer.from("NULL");
