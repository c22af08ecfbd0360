// Frames: a payload with its four-byte header (3 bytes length, 1 byte sequence id), split at 16 MiB - 1 as
// PAGE_PROTOCOL_BASIC_PACKETS says: a payload of exactly n * 0xffffff bytes ends with an empty packet.

import { PACKET_HEADER_BYTES, PACKET_PAYLOAD_MAX } from "./constants.ts";

/** Packets that a payload of this size takes. */
export function packetsOf(payloadBytes: number): number {
  return Math.floor(payloadBytes / PACKET_PAYLOAD_MAX) + 1;
}

/** The framed payload in a new buffer; the first packet has `sequenceId`. `payload` is borrowed. */
export function writeFrame(payload: Uint8Array, sequenceId: number): Buffer {
  const packets = packetsOf(payload.length);
  const frame = Buffer.allocUnsafe(payload.length + packets * PACKET_HEADER_BYTES);
  let from = 0;
  let to = 0;
  for (let packet = 0; packet < packets; packet++) {
    const bytes = Math.min(payload.length - from, PACKET_PAYLOAD_MAX);
    to = writeFrameHeader(frame, to, bytes, sequenceId + packet);
    frame.set(packets === 1 ? payload : payload.subarray(from, from + bytes), to);
    from += bytes;
    to += bytes;
  }
  return frame;
}

/** Writes one header at `at` and returns the offset behind it. */
export function writeFrameHeader(target: Buffer, at: number, payloadBytes: number, sequenceId: number): number {
  target[at] = payloadBytes & 0xff;
  target[at + 1] = (payloadBytes >>> 8) & 0xff;
  target[at + 2] = payloadBytes >>> 16;
  target[at + 3] = sequenceId & 0xff;
  return at + PACKET_HEADER_BYTES;
}
