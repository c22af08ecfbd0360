// Protocol::HandshakeResponse41, the client's answer to the greeting, and Protocol::SSLRequest, which is its first 32
// bytes alone. Three shapes of the authentication data exist: length-encoded, one length byte, or null-terminated, by
// capability. A client before 4.1 is recognised by its missing CLIENT_PROTOCOL_41 and refused by the caller.

import { BufferReader, BufferWriter, malformed } from "../codec.ts";
import { CLIENT } from "../constants.ts";
import { readConnectAttributes, writeConnectAttributes } from "./connect-attributes.ts";

export interface HandshakeResponse {
  readonly capabilities: number;
  /** Zero unless CLIENT_MYSQL is off. */
  readonly mariadbCapabilities: number;
  readonly maxPacketBytes: number;
  readonly collation: number;
  readonly user: string;
  readonly authResponse: Buffer;
  /** Empty when the client did not name one. */
  readonly database: string;
  /** undefined from clients without CLIENT_PLUGIN_AUTH. */
  readonly authPlugin: string | undefined;
  readonly attributes: ReadonlyMap<string, string>;
  readonly zstdLevel: number;
}

/** The fixed part that an SSLRequest consists of. */
export interface SslRequest {
  readonly capabilities: number;
  readonly mariadbCapabilities: number;
  readonly maxPacketBytes: number;
  readonly collation: number;
}

export const SSL_REQUEST_BYTES = 32;

const NO_ATTRIBUTES: ReadonlyMap<string, string> = new Map();

/** True if the packet is an SSLRequest: CLIENT_SSL is set and nothing follows the fixed part. */
export function isSslRequest(payload: Buffer): boolean {
  return payload.length === SSL_REQUEST_BYTES && (payload.readUInt16LE(0) & CLIENT.SSL) !== 0;
}

/** True if the client speaks the protocol of 4.1 and later; older ones send 16-bit capabilities. */
export function isProtocol41(payload: Buffer): boolean {
  return payload.length >= 2 && (payload.readUInt16LE(0) & CLIENT.PROTOCOL_41) !== 0;
}

export function decodeSslRequest(payload: Buffer): SslRequest {
  return readFixedPart(new BufferReader(payload));
}

/**
 * Reads a response; `payload` is borrowed, `authResponse` shares its memory. `serverCapabilities` is what the greeting
 * offered: a flag only counts where both sides have it, as in mysqld.
 */
export function decodeHandshakeResponse(payload: Buffer, serverCapabilities = 0xffffffff): HandshakeResponse {
  const reader = new BufferReader(payload);
  const { capabilities, mariadbCapabilities, maxPacketBytes, collation } = readFixedPart(reader);
  const both = capabilities & serverCapabilities;
  const user = reader.nullString();
  const authResponse =
    (both & CLIENT.PLUGIN_AUTH_LENENC_CLIENT_DATA) !== 0
      ? reader.lenencBytes()
      : (both & CLIENT.SECURE_CONNECTION) !== 0
        ? reader.bytes(reader.u8())
        : reader.nullBytes();
  // Some clients set CONNECT_WITH_DB and end the packet before the name, or leave its NUL out at the end of the packet.
  const database = (both & CLIENT.CONNECT_WITH_DB) !== 0 ? reader.lenientString() : "";
  const authPlugin = (both & CLIENT.PLUGIN_AUTH) !== 0 ? reader.lenientString() : undefined;
  const attributes =
    (both & CLIENT.CONNECT_ATTRS) !== 0 && reader.left > 0 ? readConnectAttributes(reader) : NO_ATTRIBUTES;
  const zstdLevel = (both & CLIENT.ZSTD_COMPRESSION_ALGORITHM) !== 0 && reader.left > 0 ? reader.u8() : 0;
  return {
    capabilities,
    mariadbCapabilities,
    maxPacketBytes,
    collation,
    user,
    authResponse,
    database,
    authPlugin,
    attributes,
    zstdLevel,
  };
}

export function encodeHandshakeResponse(packet: HandshakeResponse): Buffer {
  const writer = new BufferWriter(128);
  writeFixedPart(writer, packet);
  writer.nullString(packet.user);
  const { capabilities } = packet;
  if ((capabilities & CLIENT.PLUGIN_AUTH_LENENC_CLIENT_DATA) !== 0) writer.lenencBytes(packet.authResponse);
  else if ((capabilities & CLIENT.SECURE_CONNECTION) !== 0) {
    writer.u8(packet.authResponse.length);
    writer.bytes(packet.authResponse);
  } else {
    writer.bytes(packet.authResponse);
    writer.u8(0);
  }
  if ((capabilities & CLIENT.CONNECT_WITH_DB) !== 0) writer.nullString(packet.database);
  if ((capabilities & CLIENT.PLUGIN_AUTH) !== 0) writer.nullString(packet.authPlugin ?? "");
  if ((capabilities & CLIENT.CONNECT_ATTRS) !== 0) writeConnectAttributes(writer, packet.attributes);
  if ((capabilities & CLIENT.ZSTD_COMPRESSION_ALGORITHM) !== 0) writer.u8(packet.zstdLevel);
  return writer.finish();
}

export function encodeSslRequest(packet: SslRequest): Buffer {
  const writer = new BufferWriter(SSL_REQUEST_BYTES);
  writeFixedPart(writer, packet);
  return writer.finish();
}

function readFixedPart(reader: BufferReader): SslRequest {
  const capabilities = reader.u32();
  if ((capabilities & CLIENT.PROTOCOL_41) === 0) throw malformed("protocol before 4.1");
  const maxPacketBytes = reader.u32();
  // One byte in the manual; MySQL 8 and MariaDB clients with a collation id above 255 use the low byte only.
  const collation = reader.u8();
  reader.skip(19);
  const extended = reader.u32();
  const mariadbCapabilities = (capabilities & CLIENT.MYSQL) === 0 ? extended : 0;
  return { capabilities, mariadbCapabilities, maxPacketBytes, collation };
}

function writeFixedPart(writer: BufferWriter, packet: SslRequest): void {
  writer.u32(packet.capabilities);
  writer.u32(packet.maxPacketBytes);
  writer.u8(packet.collation & 0xff);
  writer.zeros(19);
  writer.u32((packet.capabilities & CLIENT.MYSQL) === 0 ? packet.mariadbCapabilities : 0);
}
