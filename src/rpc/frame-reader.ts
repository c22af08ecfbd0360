// Frames of the call stream out of the bytes of a socket, which come in whatever portions the network has made of them.

import { LIMITS } from "../base/limits.ts";
import { FRAME_HEADER_BYTES, frameEnd, malformedFrame } from "./frame.ts";

/** The body is `frames[start, end)`. The memory is not used again: it may be kept. */
export type VisitFrame = (callId: number, kind: number, frames: Buffer, start: number, end: number) => void;

const LENGTH_BYTES = 4;
const NOTHING = Buffer.alloc(0);

/** A length that is only claimed costs no more than this, or twice what has come. */
const RESERVED_BYTES_MAX = 512 * 1024;

export class FrameReader {
  readonly #visit: VisitFrame;
  /** Of a frame that has begun and is not whole, `#partBytes` so far. */
  #part = NOTHING;
  #partBytes = 0;
  /** How much of it there has to be to go on: its length, or what tells that. */
  #wantedBytes = LENGTH_BYTES;

  constructor(visit: VisitFrame) {
    this.#visit = visit;
  }

  /** `chunk` is owned by the reader. Throws ER_MALFORMED_PACKET; what `visit` throws goes through. */
  push(chunk: Buffer): void {
    const from = this.#complete(chunk, chunk.length);
    if (from === chunk.length) return;
    const rest = this.#visitAll(chunk, from);
    if (rest < chunk.length) this.#append(chunk, rest, chunk.length);
  }

  /** The same for `bytes[0, length)`, which are copied. */
  pushCopy(bytes: Buffer, length: number): void {
    const from = this.#complete(bytes, length);
    let whole = from;
    let wanted = LENGTH_BYTES;
    while (length - whole >= LENGTH_BYTES) {
      const end = frameEnd(bytes, whole);
      wanted = end - whole;
      if (end > length) break;
      whole = end;
      wanted = LENGTH_BYTES;
    }
    if (whole > from) this.#visitAll(Buffer.from(bytes.subarray(from, whole)), 0);
    if (whole === length) return;
    if (wanted > LIMITS.messageBytesMax) throw malformedFrame("frame too long");
    this.#wantedBytes = wanted;
    this.#append(bytes, whole, length);
  }

  /** Fills up the frame that has begun, if one has, and visits it when it is whole; returns how many bytes that has taken. */
  #complete(bytes: Buffer, length: number): number {
    let at = 0;
    while (this.#partBytes > 0 && at < length) {
      const end = Math.min(length, at + this.#wantedBytes - this.#partBytes);
      this.#append(bytes, at, end);
      at = end;
      if (this.#partBytes < this.#wantedBytes) break;
      const whole = this.#part.subarray(0, this.#partBytes);
      if (this.#visitAll(whole, 0) === 0) continue;
      this.#part = NOTHING;
      this.#partBytes = 0;
    }
    return at;
  }

  #append(bytes: Buffer, from: number, to: number): void {
    const need = this.#partBytes + to - from;
    if (need > this.#part.length) {
      const reserved = Math.max(need * 2, RESERVED_BYTES_MAX);
      const grown = Buffer.allocUnsafe(Math.max(need, Math.min(this.#wantedBytes, reserved)));
      this.#part.copy(grown, 0, 0, this.#partBytes);
      this.#part = grown;
    }
    bytes.copy(this.#part, this.#partBytes, from, to);
    this.#partBytes = need;
  }

  /** Visits the whole frames in `bytes` from there on; returns where the first other one begins. */
  #visitAll(bytes: Buffer, from: number): number {
    let at = from;
    while (bytes.length - at >= LENGTH_BYTES) {
      const end = frameEnd(bytes, at);
      if (end - at > LIMITS.messageBytesMax) throw malformedFrame("frame too long");
      if (end > bytes.length) {
        this.#wantedBytes = end - at;
        return at;
      }
      this.#visit(bytes.readUInt32LE(at + LENGTH_BYTES), bytes[at + 8] ?? 0, bytes, at + FRAME_HEADER_BYTES, end);
      at = end;
    }
    this.#wantedBytes = LENGTH_BYTES;
    return at;
  }
}
