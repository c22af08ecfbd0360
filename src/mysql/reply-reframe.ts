// Turns a mysqld's reply from the classic framing into that of CLIENT_DEPRECATE_EOF, as it streams by: the EOF behind the
// column definitions goes, the sequence ids behind it move down by one, and the EOF behind the rows becomes an OK with
// header 0xFE. Bytes are changed in place; what must move is moved inside the chunk.
//
//   in:   count  defs…  EOF  row…  EOF          in place: defs move right over the dropped EOF, or, when the whole
//   out:  count  defs…       row…  OK(0xFE)     reply is in the chunk, rows move left so that the longer OK finds room
//
// For clients with CLIENT_SESSION_TRACK it also puts the session's changes into the OK packets it passes or makes.

import { malformed } from "./codec.ts";
import { HEADER_EOF, PACKET_PAYLOAD_MAX, SERVER, opensCursor } from "./constants.ts";
import { writeFrame } from "./frame.ts";
import { type SessionStateChange, withSessionState } from "./packets/ok.ts";
import type { ReplyMode } from "./reply-scanner.ts";

/** Changes of session state that the client has not been told yet. */
export interface SessionChanges {
  readonly pending: boolean;
  /** Gives them, and forgets them. */
  take(): readonly SessionStateChange[];
  /** Rows have been sent. */
  rowsSent(): void;
}

/** What is reframed: `rows` is COM_STMT_FETCH, `fields` COM_FIELD_LIST; both end as rows do. */
export type ReframedMode = Exclude<ReplyMode, "one">;

type Phase = 0 | 1 | 2 | 3 | 4 | 5;
const HEAD = 0;
const DEFINITIONS = 1;
const DEFINITIONS_EOF = 2;
const ROWS = 3;
const DONE = 4;
const PREPARE_HEAD = 5;

/** Header and payload of an EOF packet, and of the OK that takes its place. */
const EOF_BYTES = 9;
const OK_BYTES = 11;
const HELD_BYTES_MAX = 4 + 23;

/** Reframes one reply. The bytes given to `push` must be exactly those of the reply, as ReplyScanner finds them. */
export class ReplyReframer {
  readonly #changes: SessionChanges | undefined;
  /** A byte behind the counts says whether definitions follow (`optional-metadata.ts`). */
  readonly #hasFlag: boolean;
  #phase: Phase = HEAD;
  #definitionsLeft = 0;
  /** Columns of a prepared statement, while its parameters are described. */
  #definitionsNext = 0;
  #prepares = false;
  /** EOF packets dropped so far, by which sequence ids move down. */
  #dropped = 0;
  /** The last packet has asked for a file. */
  #fileAsked = false;
  #skip = 0;
  #continued = false;
  #cursors = false;
  /** Head of a packet that a chunk's end split before it could be judged; held back until it can. */
  readonly #held = Buffer.allocUnsafe(HELD_BYTES_MAX);
  #heldFilled = 0;

  constructor(mode: ReframedMode = "query", changes?: SessionChanges, hasFlag = false) {
    this.#changes = changes;
    this.#hasFlag = hasFlag;
    this.reset(mode);
  }

  /**
   * Makes the reframer ready for the next reply. `mode` is `execute` where a cursor may be opened: then no rows follow,
   * and the EOF of the definitions is the end.
   */
  reset(mode: ReframedMode = "query"): void {
    this.#phase = mode === "prepare" ? PREPARE_HEAD : mode === "rows" || mode === "fields" ? ROWS : HEAD;
    this.#cursors = mode === "execute";
    this.#prepares = mode === "prepare";
    this.#definitionsLeft = 0;
    this.#definitionsNext = 0;
    this.#dropped = 0;
    this.#fileAsked = false;
    this.#skip = 0;
    this.#continued = false;
    this.#heldFilled = 0;
  }

  /** True between packets of one reply that has not ended: a cut here leaves whole packets on both sides. */
  get atPacketBoundary(): boolean {
    return this.#skip === 0 && this.#heldFilled === 0 && !this.#continued;
  }

  /**
   * Takes `chunk[start, end)` (owned: it is changed, and the pieces share its memory) and appends to `out` the pieces to
   * send, in order. Throws ER_MALFORMED_PACKET when the bytes are no reply.
   */
  push(chunk: Buffer, start: number, end: number, out: Buffer[]): void {
    // `from` is where the bytes not yet in `out` begin, `to` where they end: [from, to) is written, [pos, end) is unread.
    let from = start;
    let to = start;
    let pos = start;
    while (pos < end) {
      if (this.#skip > 0) {
        const bytes = Math.min(this.#skip, end - pos);
        if (to !== pos) chunk.copyWithin(to, pos, pos + bytes);
        to += bytes;
        pos += bytes;
        this.#skip -= bytes;
        continue;
      }
      if (this.#heldFilled > 0) {
        pos = this.#fillHeld(chunk, pos, end, out);
        from = pos;
        to = pos;
        continue;
      }
      if (this.#phase === ROWS && to === pos && !this.#continued) {
        pos = this.#renumberRows(chunk, pos, end);
        to = pos;
        if (pos === end) break;
      }
      const judged = headBytes(chunk, pos, end, this.#phase);
      if (judged < 0) {
        chunk.copy(this.#held, 0, pos, end);
        this.#heldFilled = end - pos;
        break;
      }
      const length = lengthAt(chunk, pos);
      const action = this.#packet(chunk, pos, length);
      if (action === KEEP) {
        chunk[pos + 3] = ((chunk[pos + 3] as number) - this.#dropped) & 0xff;
        const bytes = Math.min(4 + length, end - pos);
        if (to !== pos) chunk.copyWithin(to, pos, pos + bytes);
        to += bytes;
        pos += bytes;
        this.#skip = 4 + length - bytes;
        continue;
      }
      if (action === TELL) {
        if (to > from) out.push(chunk.subarray(from, to));
        const sequenceId = (chunk[pos + 3] as number) - this.#dropped;
        out.push(this.#told(chunk.subarray(pos + 4, pos + 4 + length), sequenceId));
        pos += 4 + length;
        from = pos;
        to = pos;
        continue;
      }
      // EOF packets are judged only when they are here entirely.
      const sequenceId = (chunk[pos + 3] as number) - this.#dropped;
      const warnings = chunk.readUInt16LE(pos + 5);
      const statusFlags = chunk.readUInt16LE(pos + 7);
      pos += 4 + length;
      if (action === DROP) {
        this.#dropped++;
        if (this.#rowsEndIn(chunk, pos, end)) continue;
        // Rows stay where they are; the definitions before them move right instead.
        if (to > from) chunk.copyWithin(pos - (to - from), from, to);
        from = pos - (to - from);
        to = pos;
        continue;
      }
      this.#changes?.rowsSent();
      // What a procedure has changed is told behind its results, with its last packet.
      const goesOn = (statusFlags & SERVER.MORE_RESULTS_EXISTS) !== 0 && pos < end;
      const told =
        this.#changes?.pending === true && !goesOn ? this.#rowsEndTold(sequenceId, warnings, statusFlags) : undefined;
      if (told === undefined && to + OK_BYTES <= pos) {
        writeRowsEnd(chunk, to, sequenceId, warnings, statusFlags);
        to += OK_BYTES;
      } else {
        if (to > from) out.push(chunk.subarray(from, to));
        out.push(told ?? rowsEnd(sequenceId, warnings, statusFlags));
        from = pos;
        to = pos;
      }
    }
    if (to > from) out.push(chunk.subarray(from, to));
  }

  /** The inner loop: rows that stay where they are and only get their new sequence ids. */
  #renumberRows(chunk: Buffer, from: number, end: number): number {
    const dropped = this.#dropped;
    const headerEnd = end - 4;
    let pos = from;
    while (pos < headerEnd) {
      const length = (chunk[pos] as number) | ((chunk[pos + 1] as number) << 8) | ((chunk[pos + 2] as number) << 16);
      if ((chunk[pos + 4] as number) >= 0xfe || length === 0 || length === PACKET_PAYLOAD_MAX) break;
      chunk[pos + 3] = (chunk[pos + 3] as number) - dropped;
      pos += 4 + length;
    }
    if (pos <= end) return pos;
    this.#skip = pos - end;
    return end;
  }

  /** Adds to the head that was held back; once it can be judged, the head goes out by itself. */
  #fillHeld(chunk: Buffer, from: number, end: number, out: Buffer[]): number {
    const held = this.#held;
    let pos = from;
    let judged = headBytes(held, 0, this.#heldFilled, this.#phase);
    while (judged < 0) {
      if (pos === end) return pos;
      held[this.#heldFilled++] = chunk[pos++] as number;
      judged = headBytes(held, 0, this.#heldFilled, this.#phase);
    }
    const length = lengthAt(held, 0);
    const filled = this.#heldFilled;
    this.#heldFilled = 0;
    const action = this.#packet(held, 0, length);
    // Of an OK that comes in pieces only the head is here: the next one tells what has changed.
    if (action === KEEP || action === TELL) {
      const head = Buffer.from(held.subarray(0, filled));
      head[3] = ((head[3] as number) - this.#dropped) & 0xff;
      out.push(head);
      this.#skip = 4 + length - filled;
    } else if (action === DROP) this.#dropped++;
    else {
      this.#changes?.rowsSent();
      out.push(rowsEnd((held[3] as number) - this.#dropped, held.readUInt16LE(5), held.readUInt16LE(7)));
    }
    return pos;
  }

  /** Judges the packet whose frame begins at `at`; `headBytes` says that enough of it is there. */
  #packet(bytes: Buffer, at: number, length: number): Action {
    const continues = this.#continued;
    this.#continued = length === PACKET_PAYLOAD_MAX;
    if (continues) return KEEP;
    if (length === 0) throw malformed("empty packet in a reply");
    const first = bytes[at + 4] as number;
    if (first === 0xff) {
      this.#phase = DONE;
      return KEEP;
    }
    const isEof = first === 0xfe && length < EOF_BYTES;
    if (isEof && length !== 5) throw malformed("EOF of unknown length");
    switch (this.#phase) {
      case HEAD:
        if (this.#fileAsked) {
          // The packets of the client's file have been counted as it sees them.
          this.#dropped = 0;
          this.#fileAsked = false;
        }
        if (first === 0x00) {
          const status = statusOfOk(bytes, at + 4, at + 4 + length);
          this.#phase = (status & SERVER.MORE_RESULTS_EXISTS) === 0 ? DONE : HEAD;
          if (this.#changes?.pending === true && at + 4 + length <= bytes.length) return TELL;
        } else if (first === 0xfb) {
          this.#fileAsked = true;
        } else {
          const count = columnCount(bytes, at + 4, this.#hasFlag ? length - 1 : length);
          this.#definitionsLeft = this.#saysNone(bytes, at, length) ? 0 : count;
          this.#phase = this.#definitionsLeft === 0 ? DEFINITIONS_EOF : DEFINITIONS;
        }
        return KEEP;
      case DEFINITIONS:
        if (isEof) throw malformed("EOF among column definitions");
        if (--this.#definitionsLeft === 0) this.#phase = DEFINITIONS_EOF;
        return KEEP;
      case DEFINITIONS_EOF: {
        if (!isEof) throw malformed("EOF expected");
        if (this.#prepares) {
          this.#definitionsLeft = this.#definitionsNext;
          this.#definitionsNext = 0;
          this.#phase = this.#definitionsLeft === 0 ? DONE : DEFINITIONS;
          return DROP;
        }
        const opened = this.#cursors && opensCursor(bytes.readUInt16LE(at + 7));
        this.#phase = opened ? DONE : ROWS;
        return opened ? END : DROP;
      }
      case ROWS:
        if (!isEof) return KEEP;
        this.#phase = (bytes.readUInt16LE(at + 7) & SERVER.MORE_RESULTS_EXISTS) === 0 ? DONE : HEAD;
        return END;
      case PREPARE_HEAD: {
        if (first !== 0x00 || length < 12) throw malformed("bad prepare reply");
        if (this.#saysNone(bytes, at, length)) {
          this.#phase = DONE;
          return KEEP;
        }
        const columns = bytes.readUInt16LE(at + 4 + 5);
        const parameters = bytes.readUInt16LE(at + 4 + 7);
        this.#definitionsLeft = parameters > 0 ? parameters : columns;
        this.#definitionsNext = parameters > 0 ? columns : 0;
        this.#phase = this.#definitionsLeft === 0 ? DONE : DEFINITIONS;
        return KEEP;
      }
      case DONE:
        throw malformed("packet after the end of a reply");
    }
  }

  /** No definitions follow the packet whose frame begins at `at`. */
  #saysNone(bytes: Buffer, at: number, length: number): boolean {
    return this.#hasFlag && bytes[at + 3 + length] === 0;
  }

  /** An OK with what has changed. */
  #told(payload: Buffer, sequenceId: number): Buffer {
    return writeFrame(withSessionState(payload, this.#changes?.take() ?? []), sequenceId & 0xff);
  }

  #rowsEndTold(sequenceId: number, warnings: number, statusFlags: number): Buffer {
    const ok = rowsEnd(sequenceId, warnings, statusFlags);
    return this.#told(ok.subarray(4), sequenceId);
  }

  /** True if the rows' EOF is the last thing in `[pos, end)` and the rows are few enough to be moved left cheaply. */
  #rowsEndIn(chunk: Buffer, pos: number, end: number): boolean {
    return (
      end - pos <= MOVED_BYTES_MAX &&
      end - pos >= EOF_BYTES &&
      chunk[end - 9] === 5 &&
      chunk[end - 8] === 0 &&
      chunk[end - 7] === 0 &&
      chunk[end - 5] === 0xfe
    );
  }
}

/** Above this the definitions are moved instead of the rows. */
const MOVED_BYTES_MAX = 4096;

type Action = 0 | 1 | 2 | 3;
const KEEP = 0;
const DROP = 1;
const END = 2;
/** An OK that is to tell what has changed. */
const TELL = 3;

/** Bytes of `bytes[at, end)` that are needed to judge the packet there, or -1 if they are not all there yet. */
function headBytes(bytes: Buffer, at: number, end: number, phase: Phase): number {
  const left = end - at;
  if (left < 4) return -1;
  const length = lengthAt(bytes, at);
  if (length === 0) return 4;
  if (left < 5) return -1;
  const first = bytes[at + 4] as number;
  let needed = 5;
  if (phase === HEAD || phase === PREPARE_HEAD) needed = 4 + Math.min(length, HELD_BYTES_MAX - 4);
  else if (first === 0xfe && length < EOF_BYTES) needed = 4 + length;
  return left < needed ? -1 : needed;
}

function lengthAt(bytes: Buffer, at: number): number {
  return (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16);
}

function columnCount(bytes: Buffer, at: number, length: number): number {
  const first = bytes[at] as number;
  if (first === 0xfc && length === 3) return bytes.readUInt16LE(at + 1);
  if (first === 0xfd && length === 4) return bytes.readUIntLE(at + 1, 3);
  if (first > 0xfb || length !== 1) throw malformed("bad column count");
  return first;
}

function statusOfOk(bytes: Buffer, at: number, end: number): number {
  const pos = stepOverLenenc(bytes, stepOverLenenc(bytes, at + 1));
  if (pos + 4 > end) throw malformed("short OK packet");
  return bytes.readUInt16LE(pos);
}

function stepOverLenenc(bytes: Buffer, at: number): number {
  const first = bytes[at] ?? 0xff;
  if (first < 0xfb) return at + 1;
  if (first === 0xfc) return at + 3;
  if (first === 0xfd) return at + 4;
  if (first === 0xfe) return at + 9;
  throw malformed("bad length-encoded integer");
}

/** The OK with header 0xFE that ends rows; an EOF carries no state changes, so the flag that announces them goes. */
function writeRowsEnd(target: Buffer, at: number, sequenceId: number, warnings: number, statusFlags: number): void {
  target[at] = OK_BYTES - 4;
  target[at + 1] = 0;
  target[at + 2] = 0;
  target[at + 3] = sequenceId & 0xff;
  target[at + 4] = HEADER_EOF;
  target[at + 5] = 0;
  target[at + 6] = 0;
  target.writeUInt16LE(statusFlags & ~SERVER.SESSION_STATE_CHANGED, at + 7);
  target.writeUInt16LE(warnings, at + 9);
}

function rowsEnd(sequenceId: number, warnings: number, statusFlags: number): Buffer {
  const ok = Buffer.allocUnsafe(OK_BYTES);
  writeRowsEnd(ok, 0, sequenceId, warnings, statusFlags);
  return ok;
}
