// Finds where a mysqld's reply ends without decoding or keeping it: the hot path of every statement. It reads packet
// headers, the first byte of each packet, and the few bytes of packets that change its phase; rows are stepped over.
// Between chunks it keeps only state: the phase, bytes still to skip, and at most the head of one packet that was split.
//
// The connection to mysqld has no CLIENT_DEPRECATE_EOF, so the framing is the classic one:
//
//   HEAD ── OK, ERR ───────────────────────────────────────────► DONE (or HEAD again: SERVER_MORE_RESULTS_EXISTS)
//    │ column count
//    ▼
//   COLUMNS ── EOF ──► ROWS ── row ──► ROWS ── EOF, ERR ───────► DONE (or HEAD again)
//                        └ SERVER_STATUS_CURSOR_EXISTS ────────► DONE (executions that open a cursor)
//   HEAD ── LOCAL INFILE request ──► DONE; `resumeAfterInfile` ──► HEAD
//   PREPARE_HEAD ── prepare OK ──► PARAMS ── EOF ──► PREPARE_COLUMNS ── EOF ──► DONE (each left out when it has none)
//   ONE ── any packet ──► DONE
//
// A payload of 0xFFFFFF bytes goes on in the next packet, whose first byte then says nothing.

import { malformed } from "./codec.ts";
import { PACKET_PAYLOAD_MAX, SERVER, opensCursor } from "./constants.ts";

/** What the reply answers: decides the first phase. `rows` is COM_STMT_FETCH, `fields` COM_FIELD_LIST, `one` a bare packet. */
export type ReplyMode = "query" | "execute" | "prepare" | "rows" | "fields" | "one";

/** First packet of the last result begun. */
export type ReplyKind = "none" | "ok" | "err" | "resultset" | "infile";

type Phase = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7;
const HEAD = 0;
const COLUMNS = 1;
const COLUMNS_EOF = 2;
const ROWS = 3;
const PREPARE_HEAD = 4;
const DEFINITIONS = 5;
const ONE = 6;
const DONE = 7;

/** Bytes of a payload that decide anything: an OK's header, two length-encoded integers of 9 bytes, flags, warnings. */
const HEAD_BYTES_MAX = 23;

export class ReplyScanner {
  kind: ReplyKind = "none";
  /** True once the reply's last byte has been fed; a LOCAL INFILE request ends it for the time being. */
  ended = false;
  /** True if the last packet was an ERR, at the head or after rows. */
  failed = false;
  /** Of the ERR packet when `failed`. */
  errno = 0;
  /** Of the last OK or EOF packet; an ERR carries none and leaves them as they were. */
  statusFlags = 0;
  warnings = 0;
  /** Of the last result begun. */
  columnCount = 0;
  rowCount = 0;
  /** Results seen, more than one with SERVER_MORE_RESULTS_EXISTS. */
  resultCount = 0;
  /** Offset in the reply behind the EOF of the last result's column definitions. */
  rowsOffset = 0;
  /** Offset in the reply of the first header of the packet begun last: when `ended`, the final OK, EOF or ERR. */
  lastPacketOffset = 0;
  /** Sequence id of that packet's last frame. */
  lastSequenceId = 0;
  /** Bytes of the reply fed so far. */
  replyBytes = 0;
  /** Of a prepare reply. */
  statementId = 0;
  parameterCount = 0;

  #phase: Phase = HEAD;
  #cursors = false;
  /** Definitions still to come in COLUMNS and DEFINITIONS. */
  #definitionsLeft = 0;
  #definitionsNext = 0;
  /** Bytes of the current packet still to step over. */
  #skip = 0;
  /** The last frame was full: the next one continues it. */
  #continued = false;
  /** Head of a packet that a chunk's end split: header and up to HEAD_BYTES_MAX bytes. */
  readonly #split = Buffer.allocUnsafe(4 + HEAD_BYTES_MAX);
  #splitFilled = 0;

  constructor(mode: ReplyMode = "query") {
    this.reset(mode);
  }

  /** Makes the scanner ready for the next reply. */
  reset(mode: ReplyMode): void {
    this.kind = "none";
    this.ended = false;
    this.failed = false;
    this.errno = 0;
    this.statusFlags = 0;
    this.warnings = 0;
    this.columnCount = 0;
    this.rowCount = 0;
    this.resultCount = 0;
    this.rowsOffset = 0;
    this.lastPacketOffset = 0;
    this.lastSequenceId = 0;
    this.replyBytes = 0;
    this.statementId = 0;
    this.parameterCount = 0;
    this.#phase = firstPhase(mode);
    this.#cursors = mode === "execute";
    this.#definitionsLeft = 0;
    this.#definitionsNext = 0;
    this.#skip = 0;
    this.#continued = false;
    this.#splitFilled = 0;
  }

  /** True while the reply stands between two packets: a cut here leaves whole packets on both sides. */
  get atPacketBoundary(): boolean {
    return this.#skip === 0 && this.#splitFilled === 0 && !this.#continued;
  }

  /** After a LOCAL INFILE request: the file has been sent, the outcome follows as an OK or ERR of the same reply. */
  resumeAfterInfile(): void {
    this.ended = false;
    this.#phase = HEAD;
  }

  /**
   * Takes the bytes `chunk[start, end)` (borrowed until return) and returns how many of them belong to this reply: all,
   * unless it ended. Throws ER_MALFORMED_PACKET when the bytes cannot be a reply; the connection must then be closed.
   */
  feed(chunk: Buffer, start: number, end: number): number {
    let pos = start;
    while (!this.ended) {
      if (this.#skip > 0) {
        if (this.#skip > end - pos) {
          this.#skip -= end - pos;
          pos = end;
          break;
        }
        pos += this.#skip;
        this.#skip = 0;
        if (this.#phase === DONE) {
          this.ended = true;
          break;
        }
      }
      if (this.#splitFilled === 0 && this.#phase === ROWS && !this.#continued) {
        pos = this.#stepOverRows(chunk, pos, end, pos - start);
        if (this.#skip > 0) continue;
      }
      if (pos === end) break;
      if (this.#splitFilled > 0) pos = this.#fillSplit(chunk, pos, end);
      else pos = this.#takePacket(chunk, pos, end, start);
    }
    this.replyBytes += pos - start;
    return pos - start;
  }

  /** The inner loop: whole rows that need nothing but their length. Stops at what is not plainly a row of this chunk. */
  #stepOverRows(chunk: Buffer, from: number, end: number, fed: number): number {
    let pos = from;
    let last = -1;
    let rows = 0;
    const headerEnd = end - 4;
    while (pos < headerEnd) {
      const length = (chunk[pos] as number) | ((chunk[pos + 1] as number) << 8) | ((chunk[pos + 2] as number) << 16);
      if ((chunk[pos + 4] as number) >= 0xfe || length === 0 || length === PACKET_PAYLOAD_MAX) break;
      last = pos;
      rows++;
      pos += 4 + length;
    }
    if (last >= 0) {
      this.rowCount += rows;
      this.lastPacketOffset = this.replyBytes + fed + (last - from);
      this.lastSequenceId = chunk[last + 3] as number;
      if (pos > end) {
        this.#skip = pos - end;
        return end;
      }
    }
    return pos;
  }

  /** Takes the packet that begins at `pos`; keeps its head if the chunk ends before it can be judged. */
  #takePacket(chunk: Buffer, pos: number, end: number, start: number): number {
    if (!this.#continued) this.lastPacketOffset = this.replyBytes + (pos - start);
    if (end - pos >= 4) {
      const length = (chunk[pos] as number) | ((chunk[pos + 1] as number) << 8) | ((chunk[pos + 2] as number) << 16);
      const headEnd = pos + 4 + Math.min(length, HEAD_BYTES_MAX);
      if (headEnd <= end) {
        this.lastSequenceId = chunk[pos + 3] as number;
        this.#packet(chunk, pos + 4, headEnd, length);
        const next = pos + 4 + length;
        if (next <= end) return next;
        this.#skipRest(next - end);
        return end;
      }
    }
    chunk.copy(this.#split, 0, pos, end);
    this.#splitFilled = end - pos;
    return end;
  }

  /** Adds to the head of a split packet until it can be judged. */
  #fillSplit(chunk: Buffer, from: number, end: number): number {
    const split = this.#split;
    let pos = from;
    while (this.#splitFilled < 4) {
      if (pos === end) return pos;
      split[this.#splitFilled++] = chunk[pos++] as number;
    }
    const length = split.readUIntLE(0, 3);
    const headBytes = 4 + Math.min(length, HEAD_BYTES_MAX);
    const take = Math.min(headBytes - this.#splitFilled, end - pos);
    chunk.copy(split, this.#splitFilled, pos, pos + take);
    this.#splitFilled += take;
    pos += take;
    if (this.#splitFilled < headBytes) return pos;
    this.#splitFilled = 0;
    this.lastSequenceId = split[3] as number;
    this.#packet(split, 4, headBytes, length);
    this.#skipRest(length - (headBytes - 4));
    return pos;
  }

  /** What is left of the packet is still to come; if the packet ends the reply, the end waits for it. */
  #skipRest(bytes: number): void {
    this.#skip = bytes;
    if (bytes > 0) this.ended = false;
  }

  /** Judges a packet by `head[from, to)`, the beginning of its payload of `length` bytes. */
  #packet(head: Buffer, from: number, to: number, length: number): void {
    const continues = this.#continued;
    this.#continued = length === PACKET_PAYLOAD_MAX;
    if (continues) return;
    if (length === 0) throw malformed("empty packet in a reply");
    const first = head[from] as number;
    if (first === 0xff) return this.#err(head, from, to);
    switch (this.#phase) {
      case HEAD:
        return this.#head(head, from, to, length);
      case COLUMNS:
        if (first === 0xfe && length < 9) throw malformed("EOF among column definitions");
        if (--this.#definitionsLeft === 0) this.#phase = COLUMNS_EOF;
        return;
      case COLUMNS_EOF:
        this.#eof(head, from, to, length);
        this.rowsOffset = this.lastPacketOffset + 4 + length;
        this.#phase = ROWS;
        if (this.#cursors && opensCursor(this.statusFlags)) this.#finish();
        return;
      case ROWS:
        if (first === 0xfe && length < 9) {
          this.#eof(head, from, to, length);
          this.#finishResult();
        } else this.rowCount++;
        return;
      case PREPARE_HEAD:
        return this.#prepareHead(head, from, to);
      case DEFINITIONS:
        if (this.#definitionsLeft > 0) {
          if (first === 0xfe && length < 9) throw malformed("EOF among definitions");
          this.#definitionsLeft--;
          return;
        }
        this.#eof(head, from, to, length);
        this.#definitionsLeft = this.#definitionsNext;
        this.#definitionsNext = 0;
        if (this.#definitionsLeft === 0) this.#finish();
        return;
      case ONE:
        this.kind = "ok";
        this.#finish();
        return;
      case DONE:
        throw malformed("packet after the end of a reply");
    }
  }

  #head(head: Buffer, from: number, to: number, length: number): void {
    const first = head[from] as number;
    this.#beginResult();
    this.rowCount = 0;
    this.columnCount = 0;
    if (first === 0x00) {
      this.kind = "ok";
      let pos = stepOverLenenc(head, from + 1, to);
      pos = stepOverLenenc(head, pos, to);
      if (pos + 4 > to) throw malformed("short OK packet");
      this.statusFlags = head.readUInt16LE(pos);
      this.warnings = head.readUInt16LE(pos + 2);
      this.#finishResult();
      return;
    }
    if (first === 0xfb) {
      this.kind = "infile";
      this.#finish();
      return;
    }
    let count = first;
    if (first === 0xfc && length === 3) count = head.readUInt16LE(from + 1);
    else if (first === 0xfd && length === 4) count = head.readUIntLE(from + 1, 3);
    else if (first > 0xfb || length !== 1) throw malformed("bad column count");
    this.kind = "resultset";
    this.columnCount = count;
    this.#definitionsLeft = count;
    this.#phase = COLUMNS;
  }

  /** A LOCAL INFILE request and its outcome are one result. */
  #beginResult(): void {
    if (this.kind !== "infile") this.resultCount++;
  }

  #prepareHead(head: Buffer, from: number, to: number): void {
    if (head[from] !== 0x00 || to - from < 12) throw malformed("bad prepare reply");
    this.kind = "ok";
    this.resultCount = 1;
    this.statementId = head.readUInt32LE(from + 1);
    this.columnCount = head.readUInt16LE(from + 5);
    this.parameterCount = head.readUInt16LE(from + 7);
    this.warnings = head.readUInt16LE(from + 10);
    const both = this.parameterCount > 0;
    this.#definitionsLeft = both ? this.parameterCount : this.columnCount;
    this.#definitionsNext = both ? this.columnCount : 0;
    if (this.#definitionsLeft === 0) this.#finish();
    else this.#phase = DEFINITIONS;
  }

  #eof(head: Buffer, from: number, to: number, length: number): void {
    if (head[from] !== 0xfe || length >= 9 || to - from < 5) throw malformed("EOF expected");
    this.warnings = head.readUInt16LE(from + 1);
    this.statusFlags = head.readUInt16LE(from + 3);
  }

  #err(head: Buffer, from: number, to: number): void {
    if (to - from < 3) throw malformed("short ERR packet");
    if (this.#phase === HEAD) this.#beginResult();
    if (this.#phase === HEAD || this.#phase === PREPARE_HEAD || this.#phase === ONE) this.kind = "err";
    this.failed = true;
    this.errno = head.readUInt16LE(from + 1);
    this.#finish();
  }

  #finishResult(): void {
    if ((this.statusFlags & SERVER.MORE_RESULTS_EXISTS) === 0) this.#finish();
    else this.#phase = HEAD;
  }

  #finish(): void {
    if (this.#continued) throw malformed("oversized packet ends a reply");
    this.#phase = DONE;
    this.ended = true;
  }
}

function firstPhase(mode: ReplyMode): Phase {
  switch (mode) {
    case "query":
    case "execute":
      return HEAD;
    case "prepare":
      return PREPARE_HEAD;
    case "rows":
    case "fields":
      return ROWS;
    case "one":
      return ONE;
  }
}

function stepOverLenenc(head: Buffer, pos: number, to: number): number {
  const first = pos < to ? (head[pos] as number) : 0xff;
  if (first < 0xfb) return pos + 1;
  if (first === 0xfc) return pos + 3;
  if (first === 0xfd) return pos + 4;
  if (first === 0xfe) return pos + 9;
  throw malformed("bad length-encoded integer");
}
