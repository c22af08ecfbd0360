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
    const end = this.#endOfWhole(chunk, from, chunk.length);
    this.#visitFrames(chunk, from, end);
    this.#append(chunk, end, chunk.length);
  }

  /** The same for `bytes[0, length)`, which are copied. */
  pushCopy(bytes: Buffer, length: number): void {
    const from = this.#complete(bytes, length);
    const end = this.#endOfWhole(bytes, from, length);
    if (end > from) this.#visitFrames(Buffer.from(bytes.subarray(from, end)), 0, end - from);
    this.#append(bytes, end, length);
  }

  /** Fills up the frame that has begun, if one has, and visits it when it is whole; returns how many bytes that has taken. */
  #complete(bytes: Buffer, length: number): number {
    let at = 0;
    while (this.#partBytes > 0 && at < length) {
      const end = Math.min(length, at + this.#wantedBytes - this.#partBytes);
      this.#append(bytes, at, end);
      at = end;
      if (this.#partBytes < this.#wantedBytes) break;
      if (this.#wantedBytes === LENGTH_BYTES) {
        this.#wantedBytes = frameBytesAt(this.#part, 0);
        continue;
      }
      const frame = this.#part.subarray(0, this.#partBytes);
      this.#part = NOTHING;
      this.#partBytes = 0;
      this.#visitFrames(frame, 0, frame.length);
    }
    return at;
  }

  /** Where the last whole frame of `bytes[from, length)` ends; notes how much is wanted of the one that goes on behind it. */
  #endOfWhole(bytes: Buffer, from: number, length: number): number {
    let at = from;
    while (length - at >= LENGTH_BYTES) {
      const frameBytes = frameBytesAt(bytes, at);
      if (at + frameBytes > length) {
        this.#wantedBytes = frameBytes;
        return at;
      }
      at += frameBytes;
    }
    if (at < length) this.#wantedBytes = LENGTH_BYTES;
    return at;
  }

  #append(bytes: Buffer, from: number, to: number): void {
    if (from === to) return;
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

  /** `frames[start, end)` are whole ones. */
  #visitFrames(frames: Buffer, start: number, end: number): void {
    let at = start;
    while (at < end) {
      const next = frameEnd(frames, at);
      this.#visit(frames.readUInt32LE(at + LENGTH_BYTES), frames[at + 8] ?? 0, frames, at + FRAME_HEADER_BYTES, next);
      at = next;
    }
  }
}

function frameBytesAt(bytes: Buffer, at: number): number {
  const frameBytes = frameEnd(bytes, at) - at;
  if (frameBytes > LIMITS.messageBytesMax) throw malformedFrame("frame too long");
  return frameBytes;
}
