// Gives the column definitions of a reply the form that its client has asked for, as the reply streams by. MariaDB's servers
// tell the types that MySQL's protocol has no number for (json, uuid, inet6, point) in a block of its own between the names
// and the fixed part, to clients with MARIADB_CLIENT_EXTENDED_METADATA only. The connections to mysqlds ask for it; what the
// gateway writes itself has none. So a definition comes in either form, and goes out in one:
//
//   plain     … orgName  0x0c  12 bytes          the block is cut out in place: what stands before it moves right
//   extended  … orgName  block  0x0c  12 bytes   where there is no block, an empty one is put in (0x00)
//
// Knows the classic framing alone. The manual: mariadb.com/kb/en/result-set-packets/#column-definition-packet

import { malformed } from "./codec.ts";
import { HEADER_EOF, HEADER_ERR, PACKET_HEADER_BYTES, PACKET_PAYLOAD_MAX, SERVER } from "./constants.ts";
import type { ReframedMode } from "./reply-reframe.ts";

type Phase = 0 | 1 | 2 | 3 | 4 | 5;
const HEAD = 0;
const DEFINITIONS = 1;
const DEFINITIONS_EOF = 2;
const ROWS = 3;
const PREPARE_HEAD = 4;
const FIELDS = 5;

/** What is needed of a PREPARE's first packet, and of any other that is not a definition. */
const PREPARE_HEAD_BYTES = PACKET_HEADER_BYTES + 9;
const JUDGED_BYTES = PACKET_HEADER_BYTES + 1;
const EOF_BYTES_MAX = 9;
/** Header, warnings, status. */
const EOF_BYTES = 5;

/** The fixed part with its length. */
const FIXED_LENGTH = 0x0c;
const FIXED_BYTES = 1 + FIXED_LENGTH;
const NAMES = 6;

/** Puts a session's own flags into SERVER_STATUS_* of a server's. */
export interface StatusFlags {
  statusFrom(ofServer: number): number;
}

export class DefinitionForm {
  readonly #isExtended: boolean;
  readonly #flags: StatusFlags | undefined;
  #phase: Phase = HEAD;
  #definitionsLeft = 0;
  /** Columns of a prepared statement, while its parameters are described. */
  #definitionsNext = 0;
  /** Bytes of the current packet still to step over. */
  #skip = 0;
  #continued = false;
  /** A packet that a chunk's end split before it could be judged, or a definition that is not whole. */
  #held: Buffer | undefined;
  /** Where blocks stand in the chunk that are to be cut out, or where they are missing. */
  readonly #places: number[] = [];

  /** `isExtended`: the client has asked for the block. `flags`: it sees the EOF behind the definitions. */
  constructor(isExtended: boolean, flags?: StatusFlags) {
    this.#isExtended = isExtended;
    this.#flags = flags;
  }

  /** Before each reply. */
  reset(mode: ReframedMode): void {
    this.#phase = mode === "prepare" ? PREPARE_HEAD : mode === "rows" ? ROWS : mode === "fields" ? FIELDS : HEAD;
    this.#definitionsLeft = 0;
    this.#definitionsNext = 0;
    this.#skip = 0;
    this.#continued = false;
    this.#held = undefined;
  }

  /**
   * Takes the next bytes of the reply (owned: they are changed, and the result may share their memory) and gives what is to
   * be sent; empty when more has to come first. Throws ER_MALFORMED_PACKET when they are no reply.
   */
  push(chunk: Buffer): Buffer {
    let bytes = chunk;
    if (this.#held !== undefined) {
      bytes = Buffer.concat([this.#held, chunk]);
      this.#held = undefined;
    }
    const { length: end } = bytes;
    let pos = 0;
    while (pos < end) {
      if (this.#skip > 0) {
        const step = Math.min(this.#skip, end - pos);
        this.#skip -= step;
        pos += step;
        continue;
      }
      if (this.#phase === ROWS && !this.#continued) {
        pos = this.#stepOverRows(bytes, pos, end);
        if (pos === end) break;
      }
      const next = this.#packet(bytes, pos, end);
      if (next < 0) {
        this.#held = Buffer.from(bytes.subarray(pos));
        break;
      }
      pos = next;
    }
    const whole = pos === end ? bytes : bytes.subarray(0, pos);
    if (this.#places.length === 0) return whole;
    const formed = this.#isExtended ? withBlocks(whole, this.#places) : withoutBlocks(whole, this.#places);
    this.#places.length = 0;
    return formed;
  }

  /** The inner loop: rows that need nothing but their length. */
  #stepOverRows(bytes: Buffer, from: number, end: number): number {
    let pos = from;
    const headerEnd = end - PACKET_HEADER_BYTES;
    while (pos < headerEnd) {
      const length = (bytes[pos] as number) | ((bytes[pos + 1] as number) << 8) | ((bytes[pos + 2] as number) << 16);
      if ((bytes[pos + 4] as number) >= HEADER_EOF || length === 0 || length === PACKET_PAYLOAD_MAX) break;
      pos += PACKET_HEADER_BYTES + length;
    }
    if (pos <= end) return pos;
    this.#skip = pos - end;
    return end;
  }

  /** Judges the packet at `pos`; returns where the bytes to look at next begin, or -1 if too little of it is there. */
  #packet(bytes: Buffer, pos: number, end: number): number {
    const phase = this.#phase;
    const left = end - pos;
    if (left < PACKET_HEADER_BYTES) return -1;
    const length = (bytes[pos] as number) | ((bytes[pos + 1] as number) << 8) | ((bytes[pos + 2] as number) << 16);
    const packetEnd = pos + PACKET_HEADER_BYTES + length;
    const continues = this.#continued;
    if (!continues && length > 0 && left < JUDGED_BYTES) return -1;
    const first = bytes[pos + PACKET_HEADER_BYTES] as number;
    if (!continues && length > 0 && first !== HEADER_ERR) {
      if (phase === DEFINITIONS || phase === FIELDS) {
        const isEof = first === HEADER_EOF && length < EOF_BYTES_MAX;
        if (packetEnd > end) return -1;
        if (isEof) this.#phase = HEAD;
        else this.#definition(bytes, pos, packetEnd, phase === FIELDS);
        return packetEnd;
      }
      if (phase === PREPARE_HEAD && left < PREPARE_HEAD_BYTES) return -1;
      // A count of columns has 3 bytes at most.
      if (phase === HEAD && length <= 4 && packetEnd > end) return -1;
      if (phase === DEFINITIONS_EOF && packetEnd > end) return -1;
    }
    this.#continued = length === PACKET_PAYLOAD_MAX;
    if (!continues) this.#turn(bytes, pos + PACKET_HEADER_BYTES, length, first);
    if (packetEnd <= end) return packetEnd;
    this.#skip = packetEnd - end;
    return end;
  }

  /** What follows a packet that is no definition. */
  #turn(bytes: Buffer, at: number, length: number, first: number): void {
    if (length === 0) throw malformed("empty packet in a reply");
    if (first === HEADER_ERR) {
      this.#phase = HEAD;
      return;
    }
    switch (this.#phase) {
      case HEAD:
        // An OK, a LOCAL INFILE request, a bare EOF: what follows, if anything does, is another result.
        if (first === 0 || first === 0xfb || first === HEADER_EOF) return;
        this.#begin(first === 0xfc ? bytes.readUInt16LE(at + 1) : first === 0xfd ? bytes.readUIntLE(at + 1, 3) : first);
        return;
      case DEFINITIONS_EOF:
        if (this.#flags !== undefined && length === EOF_BYTES) putFlags(bytes, at, this.#flags);
        if (this.#definitionsNext > 0) {
          this.#begin(this.#definitionsNext);
          this.#definitionsNext = 0;
        } else this.#phase = ROWS;
        return;
      case ROWS:
        if (first === HEADER_EOF && length < EOF_BYTES_MAX) this.#phase = HEAD;
        return;
      case PREPARE_HEAD: {
        const columns = bytes.readUInt16LE(at + 5);
        const parameters = bytes.readUInt16LE(at + 7);
        this.#definitionsNext = parameters > 0 ? columns : 0;
        if (parameters + columns > 0) this.#begin(parameters > 0 ? parameters : columns);
        return;
      }
      case DEFINITIONS:
      case FIELDS:
        return;
    }
  }

  #begin(count: number): void {
    this.#definitionsLeft = count;
    this.#phase = DEFINITIONS;
  }

  #definition(bytes: Buffer, pos: number, packetEnd: number, hasDefault: boolean): void {
    const at = endOfNames(bytes, pos + PACKET_HEADER_BYTES, packetEnd);
    if (hasBlock(bytes, at, packetEnd, hasDefault) !== this.#isExtended) {
      this.#places.push(at);
      const change = this.#isExtended ? 1 : at - stepOver(bytes, at);
      bytes.writeUIntLE(packetEnd - pos - PACKET_HEADER_BYTES + change, pos, 3);
    }
    if (!hasDefault && --this.#definitionsLeft === 0) this.#phase = DEFINITIONS_EOF;
  }
}

/** Of a procedure's results a server knows better: it may have begun or ended the transaction. */
function putFlags(bytes: Buffer, at: number, flags: StatusFlags): void {
  const status = bytes.readUInt16LE(at + 3);
  if ((status & SERVER.MORE_RESULTS_EXISTS) === 0) bytes.writeUInt16LE(flags.statusFrom(status) & 0xffff, at + 3);
}

/**
 * Whether the block stands at `at`, behind the names of a definition that ends at `end`. `hasDefault`: a default value
 * follows the fixed part, as COM_FIELD_LIST has it.
 */
export function hasBlock(bytes: Buffer, at: number, end: number, hasDefault: boolean): boolean {
  if (bytes[at] !== FIXED_LENGTH) return true;
  const behind = end - at - FIXED_BYTES;
  if (!hasDefault) return behind > 0;
  // A block of twelve bytes, then the fixed part and a default value; or a default value of twelve bytes.
  return bytes[at + FIXED_BYTES] === FIXED_LENGTH && behind > FIXED_BYTES;
}

function endOfNames(bytes: Buffer, start: number, end: number): number {
  let pos = start;
  for (let i = 0; i < NAMES; i++) pos = stepOver(bytes, pos);
  if (pos + FIXED_BYTES > end) throw malformed("short column definition");
  return pos;
}

/** Behind the length-coded string at `at`. */
function stepOver(bytes: Buffer, at: number): number {
  const first = bytes[at] ?? 0xff;
  if (first < 0xfb) return at + 1 + first;
  if (first === 0xfc && at + 3 <= bytes.length) return at + 3 + bytes.readUInt16LE(at + 1);
  throw malformed("bad name in a column definition");
}

/** Cuts the blocks at `places` out; what stands before them moves right. */
function withoutBlocks(bytes: Buffer, places: readonly number[]): Buffer {
  const last = places[places.length - 1] as number;
  let to = stepOver(bytes, last);
  let from = last;
  for (let index = places.length - 2; index >= -1; index--) {
    // Behind the block before, or the very beginning.
    const start = index < 0 ? 0 : stepOver(bytes, places[index] as number);
    if (from - start > COPIED_BYTES_MAX) {
      bytes.copyWithin(to - (from - start), start, from);
      to -= from - start;
    } else while (from > start) bytes[--to] = bytes[--from] as number;
    from = index < 0 ? 0 : (places[index] as number);
  }
  return bytes.subarray(to);
}

/** Above this many bytes a call costs less than a loop. */
const COPIED_BYTES_MAX = 96;

function withBlocks(bytes: Buffer, places: readonly number[]): Buffer {
  const out = Buffer.allocUnsafe(bytes.length + places.length);
  let from = 0;
  let to = 0;
  for (const place of places) {
    to += bytes.copy(out, to, from, place);
    out[to++] = 0;
    from = place;
  }
  bytes.copy(out, to, from);
  return out;
}
