// Cuts packets out of socket chunks. A packet that lies in one chunk is handed out as a slice of it (no copy); only a
// packet that is split over chunks, or over several frames (16 MiB and more), is put together in a buffer of its own,
// which grows with what has really arrived, so that a claimed length alone costs nothing. Does no I/O and knows no packet.

import { ShardgateError } from "../base/errors.ts";
import { PACKET_PAYLOAD_MAX } from "./constants.ts";

const JOIN_BYTES_MIN = 4096;

export class PacketReader {
  /** Largest payload accepted, of one packet or of joined ones; may be changed between packets (login, then commands). */
  payloadBytesMax: number;
  /** A payload that is too large is stepped over before `next` throws, so that its sender gets to read the error. */
  stepsOverTooLarge = false;
  /** Sequence id of the last frame of the packet that `next` gave out; an answer starts at the one after it. */
  sequenceId = 0;

  #expected = -1;
  readonly #chunks: Buffer[] = [];
  #chunk: Buffer | undefined;
  #pos = 0;

  // The frame being read: header bytes so far, then the payload bytes still to come (-1: still in the header).
  #headerFilled = 0;
  #headerLength = 0;
  #remaining = -1;
  #moreFrames = false;
  #joined: Buffer | undefined;
  #joinedFilled = 0;
  #tooLarge = false;

  constructor(payloadBytesMax: number) {
    this.payloadBytesMax = payloadBytesMax;
  }

  /** Takes ownership of `chunk`: payloads that lie within it are slices of it. */
  push(chunk: Buffer): void {
    if (this.#chunk === undefined || this.#pos === this.#chunk.length) {
      const waiting = this.#chunks.shift();
      if (waiting !== undefined) this.#chunks.push(chunk);
      this.#chunk = waiting ?? chunk;
      this.#pos = 0;
    } else this.#chunks.push(chunk);
  }

  /** Requires the next frame to carry `sequenceId`, else ER_NET_PACKETS_OUT_OF_ORDER; -1 accepts any. */
  expectSequence(sequenceId: number): void {
    this.#expected = sequenceId < 0 ? -1 : sequenceId & 0xff;
  }

  /**
   * The payload of the next whole packet, or undefined until more is pushed. The slice stays valid as long as it is
   * held, but pins its socket chunk: copy what is kept. Throws ER_NET_PACKET_TOO_LARGE (at once, or behind the packet) and
   * ER_NET_PACKETS_OUT_OF_ORDER, after which the connection must be closed.
   */
  next(): Buffer | undefined {
    for (;;) {
      const chunk = this.#chunk;
      if (chunk === undefined) return undefined;
      const left = chunk.length - this.#pos;
      if (left === 0) {
        if (!this.#advance()) return undefined;
        continue;
      }
      if (this.#remaining < 0) {
        if (this.#headerFilled === 0 && left >= 4) {
          const pos = this.#pos;
          const length =
            (chunk[pos] as number) | ((chunk[pos + 1] as number) << 8) | ((chunk[pos + 2] as number) << 16);
          this.#pos = pos + 4;
          this.#beginFrame(length, chunk[pos + 3] as number);
          if (length !== PACKET_PAYLOAD_MAX && left >= 4 + length && this.#joined === undefined && !this.#tooLarge) {
            this.#remaining = -1;
            this.#pos += length;
            return chunk.subarray(pos + 4, pos + 4 + length);
          }
        } else {
          const byte = chunk[this.#pos++] as number;
          if (this.#headerFilled < 3) {
            this.#headerLength |= byte << (8 * this.#headerFilled++);
            continue;
          }
          const length = this.#headerLength;
          this.#headerFilled = 0;
          this.#headerLength = 0;
          this.#beginFrame(length, byte);
        }
      }
      if (this.#remaining > 0) {
        const bytes = Math.min(chunk.length - this.#pos, this.#remaining);
        if (this.#tooLarge) {
          this.#pos += bytes;
          this.#remaining -= bytes;
        } else this.#join(chunk, bytes);
      }
      if (this.#remaining === 0) {
        this.#remaining = -1;
        if (this.#moreFrames) continue;
        if (this.#tooLarge) throw tooLarge();
        const joined = this.#joined;
        const filled = this.#joinedFilled;
        this.#joined = undefined;
        this.#joinedFilled = 0;
        return joined === undefined ? chunk.subarray(this.#pos, this.#pos) : joined.subarray(0, filled);
      }
    }
  }

  /**
   * The next packets that lie whole in one chunk, without a buffer for each: notes where their payloads begin and end in the
   * chunk, which is returned (borrowed like the payloads of `next`). Undefined when a packet comes first that only `next`
   * can give, or none. Sequence ids are not checked.
   */
  takeWhole(starts: number[], ends: number[]): Buffer | undefined {
    if (this.#headerFilled > 0 || this.#remaining >= 0 || this.#joined !== undefined) return undefined;
    if (this.#chunk !== undefined && this.#pos === this.#chunk.length) this.#advance();
    const chunk = this.#chunk;
    if (chunk === undefined) return undefined;
    const limit = chunk.length - 4;
    let pos = this.#pos;
    while (pos <= limit) {
      const length = (chunk[pos] as number) | ((chunk[pos + 1] as number) << 8) | ((chunk[pos + 2] as number) << 16);
      const end = pos + 4 + length;
      if (end > chunk.length || length === PACKET_PAYLOAD_MAX) break;
      starts.push(pos + 4);
      ends.push(end);
      this.sequenceId = chunk[pos + 3] as number;
      pos = end;
    }
    if (pos === this.#pos) return undefined;
    this.#pos = pos;
    return chunk;
  }

  /** Bytes pushed that no packet has taken yet; a shell stops reading its socket when this grows. */
  get bufferedBytes(): number {
    let bytes = this.#joinedFilled + this.#headerFilled;
    if (this.#chunk !== undefined) bytes += this.#chunk.length - this.#pos;
    for (const chunk of this.#chunks) bytes += chunk.length;
    return bytes;
  }

  /** Some of a packet is here, and the rest of it is not. */
  get isInsidePacket(): boolean {
    return this.#remaining >= 0 || this.#headerFilled > 0 || this.#moreFrames;
  }

  /** Takes what was pushed and not read out of the reader, when the stream changes its nature (TLS, LOCAL INFILE's end). */
  takeRest(): Buffer {
    const parts = this.#chunk === undefined ? [] : [this.#chunk.subarray(this.#pos)];
    parts.push(...this.#chunks.splice(0));
    this.#chunk = undefined;
    this.#pos = 0;
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
  }

  #advance(): boolean {
    this.#chunk = this.#chunks.shift();
    this.#pos = 0;
    return this.#chunk !== undefined;
  }

  #beginFrame(length: number, sequenceId: number): void {
    const expected = this.#moreFrames ? (this.sequenceId + 1) & 0xff : this.#expected;
    if (expected >= 0 && sequenceId !== expected) {
      throw new ShardgateError("ER_NET_PACKETS_OUT_OF_ORDER", "Got packets out of order");
    }
    if (this.#joinedFilled + length > this.payloadBytesMax) {
      if (!this.stepsOverTooLarge) throw tooLarge();
      this.#tooLarge = true;
      this.#joined = undefined;
      this.#joinedFilled = 0;
    }
    this.sequenceId = sequenceId;
    if (this.#expected >= 0) this.#expected = (sequenceId + 1) & 0xff;
    this.#remaining = length;
    this.#moreFrames = length === PACKET_PAYLOAD_MAX;
  }

  #join(chunk: Buffer, bytes: number): void {
    const filled = this.#joinedFilled;
    let joined = this.#joined;
    if (joined === undefined || joined.length < filled + bytes) {
      const wanted = Math.max(filled + bytes, filled * 2, JOIN_BYTES_MIN);
      // The whole frame is reserved at once only when it is small or already half here.
      const exact = filled + this.#remaining;
      const grown = Buffer.allocUnsafe(exact <= wanted && !this.#moreFrames ? exact : wanted);
      joined?.copy(grown, 0, 0, filled);
      joined = grown;
      this.#joined = joined;
    }
    chunk.copy(joined, filled, this.#pos, this.#pos + bytes);
    this.#pos += bytes;
    this.#joinedFilled = filled + bytes;
    this.#remaining -= bytes;
  }
}

function tooLarge(): ShardgateError {
  return new ShardgateError("ER_NET_PACKET_TOO_LARGE", "Got a packet bigger than 'max_allowed_packet' bytes");
}
