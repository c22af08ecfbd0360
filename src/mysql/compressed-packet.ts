// Frames of the compressed protocol (PAGE_PROTOCOL_BASIC_COMPRESSION_PACKET): the stream of ordinary packets, cut anywhere,
// in envelopes of their own. Knows headers and lengths; what the bodies are compressed with is compression.ts's business.
//
//   3 bytes length of the body │ 1 byte sequence id │ 3 bytes length before compression, 0: the body is as it was │ body

import { malformed } from "./codec.ts";

const COMPRESSED_HEADER_BYTES = 7;
/** What is shorter goes uncompressed, as MySQL's MIN_COMPRESS_LENGTH says. */
export const COMPRESSIBLE_BYTES_MIN = 50;

export interface CompressedPacket {
  readonly sequenceId: number;
  /** Borrowed from the chunk where it lies in one. */
  readonly body: Buffer;
  /** Bytes after decompression; 0: the body is not compressed. */
  readonly plainBytes: number;
}

/** The header and the body in a new buffer; `plainBytes` 0 says that the body is not compressed. Both are borrowed. */
export function encodeCompressedPacket(body: Buffer, plainBytes: number, sequenceId: number): Buffer {
  const packet = Buffer.allocUnsafe(COMPRESSED_HEADER_BYTES + body.length);
  packet.writeUIntLE(body.length, 0, 3);
  packet[3] = sequenceId & 0xff;
  packet.writeUIntLE(plainBytes, 4, 3);
  body.copy(packet, COMPRESSED_HEADER_BYTES);
  return packet;
}

/** Cuts compressed packets out of a socket's chunks. */
export class CompressedPacketReader {
  #chunks: Buffer[] = [];
  #bufferedBytes = 0;

  /** Takes ownership of `chunk`. */
  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#bufferedBytes += chunk.length;
  }

  /** Bytes pushed that no packet has taken yet. */
  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  /** The next whole packet, or undefined until more is pushed. Throws ER_MALFORMED_PACKET for one that is empty. */
  next(): CompressedPacket | undefined {
    if (this.#bufferedBytes < COMPRESSED_HEADER_BYTES) return undefined;
    const first = this.#joined(COMPRESSED_HEADER_BYTES);
    const bodyBytes = first.readUIntLE(0, 3);
    if (bodyBytes === 0) throw malformed("empty compressed packet");
    const bytes = COMPRESSED_HEADER_BYTES + bodyBytes;
    if (this.#bufferedBytes < bytes) return undefined;
    const chunk = this.#joined(bytes);
    this.#chunks[0] = chunk.subarray(bytes);
    this.#bufferedBytes -= bytes;
    if (bytes === chunk.length) this.#chunks.shift();
    return {
      sequenceId: chunk[3] ?? 0,
      body: chunk.subarray(COMPRESSED_HEADER_BYTES, bytes),
      plainBytes: chunk.readUIntLE(4, 3),
    };
  }

  /** The first chunk, with at least so many bytes, which are there. */
  #joined(bytes: number): Buffer {
    let first = this.#chunks[0] ?? EMPTY;
    if (first.length >= bytes) return first;
    let count = 0;
    let length = 0;
    for (const chunk of this.#chunks) {
      if (length >= bytes) break;
      length += chunk.length;
      count++;
    }
    first = Buffer.concat(this.#chunks.splice(0, count), length);
    this.#chunks.unshift(first);
    return first;
  }
}

const EMPTY = Buffer.alloc(0);
