// Protocol::HandshakeV10, the first packet a server sends: version, connection id, 20 bytes of scramble in two parts,
// capabilities in two halves, collation, status flags and the default authentication plugin. MariaDB puts its extended
// capabilities into the reserved bytes when CLIENT_MYSQL is off.

import { BufferReader, BufferWriter, malformed } from "../codec.ts";
import { CLIENT } from "../constants.ts";

export const SCRAMBLE_BYTES = 20;

export interface HandshakeV10 {
  readonly serverVersion: string;
  readonly connectionId: number;
  /** 20 random bytes without NUL. */
  readonly scramble: Buffer;
  readonly capabilities: number;
  readonly mariadbCapabilities: number;
  readonly collation: number;
  readonly statusFlags: number;
  readonly authPlugin: string;
}

export function encodeHandshakeV10(packet: HandshakeV10): Buffer {
  const writer = new BufferWriter(128);
  writer.u8(10);
  writer.nullString(packet.serverVersion);
  writer.u32(packet.connectionId);
  writer.bytes(packet.scramble.subarray(0, 8));
  writer.u8(0);
  writer.u16(packet.capabilities);
  writer.u8(packet.collation & 0xff);
  writer.u16(packet.statusFlags);
  writer.u16(packet.capabilities >>> 16);
  writer.u8(SCRAMBLE_BYTES + 1);
  writer.zeros(6);
  writer.u32((packet.capabilities & CLIENT.MYSQL) === 0 ? packet.mariadbCapabilities : 0);
  writer.bytes(packet.scramble.subarray(8, SCRAMBLE_BYTES));
  writer.u8(0);
  writer.nullString(packet.authPlugin);
  return writer.finish();
}

/** Reads a handshake; `payload` is borrowed, the scramble is copied. An ERR packet is for the caller to see first. */
export function decodeHandshakeV10(payload: Buffer): HandshakeV10 {
  const reader = new BufferReader(payload);
  if (reader.u8() !== 10) throw malformed("unknown protocol version");
  const serverVersion = reader.nullString();
  const connectionId = reader.u32();
  const first = reader.bytes(8);
  reader.skip(1);
  let capabilities = reader.u16();
  const collation = reader.u8();
  const statusFlags = reader.u16();
  capabilities = (capabilities | (reader.u16() << 16)) >>> 0;
  const scrambleLength = reader.u8();
  reader.skip(6);
  const mariadbCapabilities = reader.u32();
  const second = reader.bytes(Math.max(13, scrambleLength - 8));
  const authPlugin = (capabilities & CLIENT.PLUGIN_AUTH) === 0 ? "mysql_native_password" : lastString(reader);
  return {
    serverVersion,
    connectionId,
    scramble: Buffer.concat([first, second.subarray(0, SCRAMBLE_BYTES - 8)]),
    capabilities,
    mariadbCapabilities: (capabilities & CLIENT.MYSQL) === 0 ? mariadbCapabilities : 0,
    collation,
    statusFlags,
    authPlugin,
  };
}

/** Some old servers leave the last NUL out. */
function lastString(reader: BufferReader): string {
  const rest = reader.rest();
  const end = rest.indexOf(0);
  return rest.toString("utf8", 0, end < 0 ? rest.length : end);
}
