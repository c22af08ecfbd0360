// OK_Packet: affected rows, last insert id, status flags, warnings, info, and with CLIENT_SESSION_TRACK the changes of
// session state. With CLIENT_DEPRECATE_EOF the same packet with header 0xFE ends the rows of a result set.

import { BufferReader, BufferWriter, malformed } from "../codec.ts";
import { CLIENT, HEADER_EOF, HEADER_OK, SERVER } from "../constants.ts";

/** One change of session state, undecoded: `type` is one of SESSION_TRACK, `data` is the value of that entry. */
export interface SessionStateChange {
  readonly type: number;
  readonly data: Buffer;
}

export const SESSION_TRACK = {
  SYSTEM_VARIABLES: 0,
  SCHEMA: 1,
  STATE_CHANGE: 2,
  GTIDS: 3,
  TRANSACTION_CHARACTERISTICS: 4,
  TRANSACTION_STATE: 5,
} as const;

export interface OkPacket {
  readonly affectedRows: number;
  readonly lastInsertId: bigint;
  readonly statusFlags: number;
  readonly warnings: number;
  readonly info: string;
  readonly sessionState: readonly SessionStateChange[];
}

const NO_CHANGES: readonly SessionStateChange[] = [];
const NO_BYTES = Buffer.alloc(0);

/** An OK packet where only what differs from "0 rows, autocommit" is given. */
export function okPacket(fields: Partial<OkPacket> = {}): OkPacket {
  return {
    affectedRows: fields.affectedRows ?? 0,
    lastInsertId: fields.lastInsertId ?? 0n,
    statusFlags: fields.statusFlags ?? SERVER.STATUS_AUTOCOMMIT,
    warnings: fields.warnings ?? 0,
    info: fields.info ?? "",
    sessionState: fields.sessionState ?? NO_CHANGES,
  };
}

/** `header` 0xFE only to end rows for a client with CLIENT_DEPRECATE_EOF. `capabilities` are the client's. */
export function encodeOk(
  packet: OkPacket,
  capabilities: number,
  header: typeof HEADER_OK | typeof HEADER_EOF = HEADER_OK,
): Buffer {
  const writer = new BufferWriter(32 + packet.info.length);
  writeOk(writer, packet, capabilities, header);
  return writer.finish();
}

export function writeOk(writer: BufferWriter, packet: OkPacket, capabilities: number, header: number): void {
  const tracked = (capabilities & CLIENT.SESSION_TRACK) !== 0 && packet.sessionState.length > 0;
  const statusFlags = tracked
    ? packet.statusFlags | SERVER.SESSION_STATE_CHANGED
    : packet.statusFlags & ~SERVER.SESSION_STATE_CHANGED;
  writer.u8(header);
  writer.lenenc(packet.affectedRows);
  writer.lenencBig(packet.lastInsertId);
  writer.u16(statusFlags);
  writer.u16(packet.warnings);
  if (tracked || packet.info !== "") writer.lenencString(packet.info);
  if (tracked) writer.lenencBytes(encodeChanges(packet.sessionState));
}

function encodeChanges(changes: readonly SessionStateChange[]): Buffer {
  const writer = new BufferWriter(64);
  for (const change of changes) {
    writer.u8(change.type);
    writer.lenencBytes(change.data);
  }
  return writer.finish();
}

/** The same packet (either header) with these changes of session state put in; `payload` (borrowed) has none. */
export function withSessionState(payload: Buffer, changes: readonly SessionStateChange[]): Buffer {
  const reader = new BufferReader(payload);
  reader.skip(1);
  reader.lenencBig();
  reader.lenencBig();
  const flagsAt = reader.pos;
  reader.skip(4);
  const writer = new BufferWriter(payload.length + 64);
  writer.bytes(payload.subarray(0, reader.pos));
  writer.lenencBytes(reader.left > 0 ? reader.lenencBytes() : NO_BYTES);
  writer.lenencBytes(encodeChanges(changes));
  const packet = writer.finish();
  packet.writeUInt16LE(packet.readUInt16LE(flagsAt) | SERVER.SESSION_STATE_CHANGED, flagsAt);
  return packet;
}

/** Reads an OK packet with either header; session state shares the payload's memory. */
export function decodeOk(payload: Buffer, capabilities: number): OkPacket {
  const reader = new BufferReader(payload);
  const header = reader.u8();
  if (header !== HEADER_OK && header !== HEADER_EOF) throw malformed("not an OK packet");
  // Servers say 2^64 - 1 for "not known"; anything beyond exact numbers is told as the largest exact one.
  const rows = reader.lenencBig();
  const affectedRows = rows > Number.MAX_SAFE_INTEGER ? Number.MAX_SAFE_INTEGER : Number(rows);
  const lastInsertId = reader.lenencBig();
  const statusFlags = reader.u16();
  const warnings = reader.u16();
  let info = "";
  let sessionState = NO_CHANGES;
  if (reader.left > 0) {
    info = reader.lenencString();
    if ((capabilities & CLIENT.SESSION_TRACK) !== 0 && (statusFlags & SERVER.SESSION_STATE_CHANGED) !== 0) {
      sessionState = reader.left > 0 ? readChanges(reader.lenencBytes()) : NO_CHANGES;
    }
  }
  return { affectedRows, lastInsertId, statusFlags, warnings, info, sessionState };
}

/** The new default schema, as an entry of session state. */
export function schemaChange(schema: string): SessionStateChange {
  const writer = new BufferWriter(16 + schema.length);
  writer.lenencString(schema);
  return { type: SESSION_TRACK.SCHEMA, data: writer.finish() };
}

/** What a transaction has done so far, or what opens one like it: entries of one string. */
export function transactionChange(
  type: typeof SESSION_TRACK.TRANSACTION_STATE | typeof SESSION_TRACK.TRANSACTION_CHARACTERISTICS,
  text: string,
): SessionStateChange {
  const writer = new BufferWriter(16 + text.length);
  writer.lenencString(text);
  return { type, data: writer.finish() };
}

/** That something of the session has changed, as an entry of session state. */
export function stateChange(): SessionStateChange {
  return { type: SESSION_TRACK.STATE_CHANGE, data: Buffer.from("1") };
}

/** A system variable's new value, as an entry of session state. */
export function systemVariableChange(name: string, value: string): SessionStateChange {
  const writer = new BufferWriter(16 + name.length + value.length);
  writer.lenencString(name);
  writer.lenencString(value);
  return { type: SESSION_TRACK.SYSTEM_VARIABLES, data: writer.finish() };
}

/** The strings of an entry: name and value for SYSTEM_VARIABLES, one string for SCHEMA, STATE_CHANGE and transactions. */
export function stringsOfChange(change: SessionStateChange): string[] {
  // The only one without a length of its own.
  if (change.type === SESSION_TRACK.STATE_CHANGE) return [change.data.toString("latin1")];
  const reader = new BufferReader(change.data);
  // GTIDs come with an encoding specification byte in front.
  if (change.type === SESSION_TRACK.GTIDS) reader.skip(1);
  const strings: string[] = [];
  while (reader.left > 0) strings.push(reader.lenencString());
  return strings;
}

function readChanges(block: Buffer): SessionStateChange[] {
  const reader = new BufferReader(block);
  const changes: SessionStateChange[] = [];
  while (reader.left > 0) {
    const type = reader.u8();
    changes.push({ type, data: reader.lenencBytes() });
  }
  return changes;
}
