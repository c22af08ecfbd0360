// Protocol::AuthSwitchRequest (0xFE, plugin, scramble and NUL), its answer (the bare authentication data), and
// Protocol::AuthMoreData (0x01, data), which caching_sha2_password uses for its fast and full paths.

import { BufferReader, BufferWriter, malformed } from "../codec.ts";
import { HEADER_AUTH_MORE_DATA, HEADER_EOF } from "../constants.ts";

export interface AuthSwitchRequest {
  readonly plugin: string;
  readonly scramble: Buffer;
}

export function encodeAuthSwitchRequest(packet: AuthSwitchRequest): Buffer {
  const writer = new BufferWriter(64);
  writer.u8(HEADER_EOF);
  writer.nullString(packet.plugin);
  writer.bytes(packet.scramble);
  writer.u8(0);
  return writer.finish();
}

/** A payload of 0xFE alone is the switch to the password hashing of before 4.1; it reads as plugin mysql_old_password. */
export function decodeAuthSwitchRequest(payload: Buffer): AuthSwitchRequest {
  const reader = new BufferReader(payload);
  if (reader.u8() !== HEADER_EOF) throw malformed("not an auth switch request");
  if (reader.left === 0) return { plugin: "mysql_old_password", scramble: reader.rest() };
  const plugin = reader.nullString();
  const data = reader.rest();
  return { plugin, scramble: data.at(-1) === 0 ? data.subarray(0, -1) : data };
}

export function encodeAuthMoreData(data: Uint8Array): Buffer {
  const payload = Buffer.allocUnsafe(data.length + 1);
  payload[0] = HEADER_AUTH_MORE_DATA;
  payload.set(data, 1);
  return payload;
}

export function decodeAuthMoreData(payload: Buffer): Buffer {
  if (payload[0] !== HEADER_AUTH_MORE_DATA) throw malformed("not an auth more data packet");
  return payload.subarray(1);
}
