// EOF_Packet of clients without CLIENT_DEPRECATE_EOF: 0xFE, warnings, status flags. A packet that begins with 0xFE is an
// EOF only if it is shorter than 9 bytes; else it is a row whose first value has 16 MiB or more.

import { BufferReader, malformed } from "../codec.ts";
import { HEADER_EOF } from "../constants.ts";

const EOF_PAYLOAD_BYTES = 5;

export interface EofPacket {
  readonly warnings: number;
  readonly statusFlags: number;
}

export function encodeEof(packet: EofPacket): Buffer {
  const payload = Buffer.allocUnsafe(EOF_PAYLOAD_BYTES);
  payload[0] = HEADER_EOF;
  payload.writeUInt16LE(packet.warnings & 0xffff, 1);
  payload.writeUInt16LE(packet.statusFlags & 0xffff, 3);
  return payload;
}

export function isEof(payload: Buffer): boolean {
  return payload[0] === HEADER_EOF && payload.length < 9;
}

export function decodeEof(payload: Buffer): EofPacket {
  const reader = new BufferReader(payload);
  if (reader.u8() !== HEADER_EOF || payload.length >= 9) throw malformed("not an EOF packet");
  return { warnings: reader.u16(), statusFlags: reader.u16() };
}
