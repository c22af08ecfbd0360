// Puts the session's status flags into the last packet of a reply, in place.

import type { ReplyEnd } from "../../engine/reply.ts";
import { BufferReader } from "../../mysql/codec.ts";

const HEADER_BYTES = 4;

/** `chunk` ends with the reply's last packet (an EOF or OK), which is changed. */
export function patchStatus(chunk: Buffer, info: ReplyEnd, status: number): void {
  const start = chunk.length - info.lastPacketBytes + HEADER_BYTES;
  // EOF: header, warnings, status.
  if (info.kind === "resultset") {
    chunk.writeUInt16LE(status & 0xffff, start + 3);
    return;
  }
  // OK: header, affected rows, insert id, status, warnings.
  const reader = new BufferReader(chunk, start + 1);
  reader.lenenc();
  reader.lenencBig();
  chunk.writeUInt16LE(status & 0xffff, reader.pos);
}
