// Frames of the call stream out of the bytes of a socket, which come in whatever portions the network has made of them.

import { LIMITS } from "../base/limits.ts";
import { FRAME_HEADER_BYTES, frameEnd, malformedFrame } from "./frame.ts";

/** The body is `frames[start, end)`. The memory is not used again: it may be kept. */
export type VisitFrame = (callId: number, kind: number, frames: Buffer, start: number, end: number) => void;

const LENGTH_BYTES = 4;

export class FrameReader {
  readonly #visit: VisitFrame;
  /** Of a frame that has begun and is not whole. */
  #parts: Buffer[] = [];
  #partsBytes = 0;
  /** How much of it there has to be to go on: its length, or what tells that. */
  #wantedBytes = LENGTH_BYTES;

  constructor(visit: VisitFrame) {
    this.#visit = visit;
  }

  /** `chunk` is owned by the reader. Throws ER_MALFORMED_PACKET; what `visit` throws goes through. */
  push(chunk: Buffer): void {
    let bytes = chunk;
    if (this.#partsBytes > 0) {
      this.#parts.push(chunk);
      this.#partsBytes += chunk.length;
      if (this.#partsBytes < this.#wantedBytes) return;
      bytes = Buffer.concat(this.#parts, this.#partsBytes);
      this.#parts = [];
      this.#partsBytes = 0;
    }
    const rest = this.#visitAll(bytes);
    if (rest === bytes.length) return;
    this.#parts.push(bytes.subarray(rest));
    this.#partsBytes = bytes.length - rest;
  }

  /** Visits the whole frames in `bytes`; returns where the first other one begins. */
  #visitAll(bytes: Buffer): number {
    let at = 0;
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
