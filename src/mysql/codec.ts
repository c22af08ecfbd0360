// Reads and writes the basic types of the protocol: fixed and length-encoded integers, length-encoded, null-terminated
// and rest-of-packet strings (PAGE_PROTOCOL_BASIC_DATA_TYPES of the manual). A reader refuses truncated input with
// ER_MALFORMED_PACKET; a writer grows, and can also frame packets in place. Nothing here knows any packet.

import { ShardgateError } from "../base/errors.ts";
import { PACKET_HEADER_BYTES, PACKET_PAYLOAD_MAX } from "./constants.ts";

/** The one error of all decoders. */
export function malformed(what: string): ShardgateError {
  return new ShardgateError("ER_MALFORMED_PACKET", `Malformed communication packet: ${what}`);
}

/** A cursor over `buffer[pos, end)`. The buffer is borrowed; slices it gives out share its memory. */
export class BufferReader {
  readonly buffer: Buffer;
  readonly end: number;
  pos: number;

  constructor(buffer: Buffer, pos = 0, end = buffer.length) {
    this.buffer = buffer;
    this.pos = pos;
    this.end = end;
  }

  get left(): number {
    return this.end - this.pos;
  }

  u8(): number {
    this.#need(1);
    return this.buffer[this.pos++] as number;
  }

  /** The next byte without taking it, or -1 at the end. */
  peek(): number {
    return this.pos < this.end ? (this.buffer[this.pos] as number) : -1;
  }

  u16(): number {
    this.#need(2);
    const value = this.buffer.readUInt16LE(this.pos);
    this.pos += 2;
    return value;
  }

  u24(): number {
    this.#need(3);
    const value = this.buffer.readUIntLE(this.pos, 3);
    this.pos += 3;
    return value;
  }

  u32(): number {
    this.#need(4);
    const value = this.buffer.readUInt32LE(this.pos);
    this.pos += 4;
    return value;
  }

  u64(): bigint {
    this.#need(8);
    const value = this.buffer.readBigUInt64LE(this.pos);
    this.pos += 8;
    return value;
  }

  skip(bytes: number): void {
    this.#need(bytes);
    this.pos += bytes;
  }

  bytes(length: number): Buffer {
    this.#need(length);
    const start = this.pos;
    this.pos = start + length;
    return this.buffer.subarray(start, this.pos);
  }

  rest(): Buffer {
    const start = this.pos;
    this.pos = this.end;
    return this.buffer.subarray(start, this.end);
  }

  /** A length-encoded integer that must fit a JavaScript number; NULL (0xFB) and 0xFF are malformed here. */
  lenenc(): number {
    const first = this.u8();
    if (first < 0xfb) return first;
    if (first === 0xfc) return this.u16();
    if (first === 0xfd) return this.u24();
    if (first === 0xfe) {
      const value = this.u64();
      if (value > Number.MAX_SAFE_INTEGER) throw malformed("integer too large");
      return Number(value);
    }
    throw malformed("bad length-encoded integer");
  }

  /** A length-encoded integer of up to 64 bits. */
  lenencBig(): bigint {
    if (this.peek() !== 0xfe) return BigInt(this.lenenc());
    this.pos++;
    return this.u64();
  }

  lenencBytes(): Buffer {
    return this.bytes(this.lenenc());
  }

  lenencString(): string {
    const length = this.lenenc();
    this.#need(length);
    const start = this.pos;
    this.pos = start + length;
    return this.buffer.toString("utf8", start, this.pos);
  }

  /** Bytes up to the next NUL, which is taken too. */
  nullBytes(): Buffer {
    const at = this.buffer.indexOf(0, this.pos);
    if (at < 0 || at >= this.end) throw malformed("string is not terminated");
    const found = this.buffer.subarray(this.pos, at);
    this.pos = at + 1;
    return found;
  }

  nullString(): string {
    return this.nullBytes().toString("utf8");
  }

  /** The same where some clients leave the NUL out at the end of the packet. */
  lenientString(): string {
    const at = this.buffer.indexOf(0, this.pos);
    return at < 0 || at >= this.end ? this.rest().toString("utf8") : this.nullString();
  }

  #need(bytes: number): void {
    if (bytes > this.end - this.pos) throw malformed("truncated");
  }
}

const EMPTY = Buffer.alloc(0);
const SET_BYTES_MAX = 32;

/** A growing buffer. `beginPacket`/`endPacket` put frames around what is written between them, split at 16 MiB. */
export class BufferWriter {
  #buffer: Buffer;
  #pos = 0;
  #packetStart = -1;
  #sequenceId = 0;

  constructor(capacityBytes = 256) {
    this.#buffer = capacityBytes === 0 ? EMPTY : Buffer.allocUnsafe(capacityBytes);
  }

  get length(): number {
    return this.#pos;
  }

  /** Sequence id that the next `beginPacket` gives out. */
  get sequenceId(): number {
    return this.#sequenceId;
  }

  set sequenceId(value: number) {
    this.#sequenceId = value & 0xff;
  }

  /** Begins anew in the same memory, which nobody may use any more. */
  clear(): void {
    this.#pos = 0;
  }

  /** The bytes written so far; shares memory with the writer, which must not be written to again. */
  finish(): Buffer {
    return this.#buffer.subarray(0, this.#pos);
  }

  beginPacket(): void {
    this.#reserve(PACKET_HEADER_BYTES);
    this.#packetStart = this.#pos;
    this.#pos += PACKET_HEADER_BYTES;
  }

  endPacket(): void {
    let header = this.#packetStart;
    let left = this.#pos - header - PACKET_HEADER_BYTES;
    while (left >= PACKET_PAYLOAD_MAX) {
      this.#header(header, PACKET_PAYLOAD_MAX);
      left -= PACKET_PAYLOAD_MAX;
      header += PACKET_HEADER_BYTES + PACKET_PAYLOAD_MAX;
      this.#reserve(PACKET_HEADER_BYTES);
      this.#buffer.copyWithin(header + PACKET_HEADER_BYTES, header, header + left);
      this.#pos += PACKET_HEADER_BYTES;
    }
    this.#header(header, left);
    this.#packetStart = -1;
  }

  u8(value: number): void {
    this.#reserve(1);
    this.#buffer[this.#pos++] = value;
  }

  u16(value: number): void {
    this.#reserve(2);
    this.#pos = this.#buffer.writeUInt16LE(value & 0xffff, this.#pos);
  }

  u24(value: number): void {
    this.#reserve(3);
    this.#pos = this.#buffer.writeUIntLE(value, this.#pos, 3);
  }

  u32(value: number): void {
    this.#reserve(4);
    this.#pos = this.#buffer.writeUInt32LE(value >>> 0, this.#pos);
  }

  u64(value: bigint): void {
    this.#reserve(8);
    this.#pos = this.#buffer.writeBigUInt64LE(value, this.#pos);
  }

  zeros(bytes: number): void {
    this.#reserve(bytes);
    const end = this.#pos + bytes;
    // Few bytes are set sooner than filled.
    if (bytes <= SET_BYTES_MAX) while (this.#pos < end) this.#buffer[this.#pos++] = 0;
    else this.#buffer.fill(0, this.#pos, end);
    this.#pos = end;
  }

  bytes(source: Uint8Array): void {
    this.#reserve(source.length);
    this.#buffer.set(source, this.#pos);
    this.#pos += source.length;
  }

  /** `source[from, to)`. */
  part(source: Buffer, from: number, to: number): void {
    this.#reserve(to - from);
    this.#pos += source.copy(this.#buffer, this.#pos, from, to);
  }

  /** Sets bits in a byte that has been written. */
  setBits(at: number, bits: number): void {
    this.#buffer[at] = (this.#buffer[at] as number) | bits;
  }

  string(text: string): void {
    const bytes = Buffer.byteLength(text, "utf8");
    this.#reserve(bytes);
    this.#pos += this.#buffer.write(text, this.#pos, "utf8");
  }

  nullString(text: string): void {
    this.string(text);
    this.u8(0);
  }

  lenenc(value: number): void {
    if (value < 0xfb) this.u8(value);
    else if (value <= 0xffff) {
      this.u8(0xfc);
      this.u16(value);
    } else if (value <= 0xffffff) {
      this.u8(0xfd);
      this.u24(value);
    } else {
      this.u8(0xfe);
      this.u64(BigInt(value));
    }
  }

  lenencBig(value: bigint): void {
    if (value <= 0xffffffn) this.lenenc(Number(value));
    else {
      this.u8(0xfe);
      this.u64(value);
    }
  }

  lenencBytes(source: Uint8Array): void {
    this.lenenc(source.length);
    this.bytes(source);
  }

  lenencString(text: string): void {
    this.lenenc(Buffer.byteLength(text, "utf8"));
    this.string(text);
  }

  #header(at: number, payloadBytes: number): void {
    const buffer = this.#buffer;
    buffer[at] = payloadBytes & 0xff;
    buffer[at + 1] = (payloadBytes >>> 8) & 0xff;
    buffer[at + 2] = payloadBytes >>> 16;
    buffer[at + 3] = this.#sequenceId;
    this.#sequenceId = (this.#sequenceId + 1) & 0xff;
  }

  #reserve(bytes: number): void {
    const need = this.#pos + bytes;
    if (need <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(need, this.#buffer.length * 2));
    this.#buffer.copy(grown, 0, 0, this.#pos);
    this.#buffer = grown;
  }
}
