// Payloads of the command phase: the first byte says which COM_*, the rest is decoded into a union on `kind`. Byte strings
// of a command share the packet's memory (borrowed until the command is done). Statement executions keep their parameters
// undecoded: their layout is known only to who holds the statement.

import { BufferReader, malformed } from "../codec.ts";
import { CLIENT, COM, MYSQL_TYPE } from "../constants.ts";
import { readConnectAttributes } from "./connect-attributes.ts";

/** A query attribute (CLIENT_QUERY_ATTRIBUTES); `value` is in binary protocol form, null for NULL. */
export interface QueryAttribute {
  readonly name: string;
  /** MYSQL_TYPE, with 0x8000 set for unsigned. */
  readonly type: number;
  readonly value: Buffer | null;
}

export type Command =
  | { readonly kind: "quit" | "statistics" | "process-info" | "debug" | "ping" | "reset-connection" }
  | { readonly kind: "init-db" | "create-db" | "drop-db"; readonly schema: string }
  | { readonly kind: "query"; readonly sql: Buffer; readonly attributes: readonly QueryAttribute[] }
  | { readonly kind: "field-list"; readonly table: string; readonly wildcard: string }
  | { readonly kind: "process-kill"; readonly connectionId: number }
  | { readonly kind: "change-user"; readonly changeUser: ChangeUser }
  | { readonly kind: "stmt-prepare"; readonly sql: Buffer }
  | {
      readonly kind: "stmt-execute";
      readonly statementId: number;
      readonly cursorFlags: number;
      /** Parameter block: null bitmap, new-types flag, types, values. */
      readonly parameters: Buffer;
    }
  | {
      readonly kind: "stmt-bulk-execute";
      readonly statementId: number;
      readonly flags: number;
      readonly parameters: Buffer;
    }
  | {
      readonly kind: "stmt-send-long-data";
      readonly statementId: number;
      readonly parameter: number;
      readonly data: Buffer;
    }
  | { readonly kind: "stmt-close" | "stmt-reset"; readonly statementId: number }
  | { readonly kind: "stmt-fetch"; readonly statementId: number; readonly rows: number }
  | { readonly kind: "set-option"; readonly option: number }
  | { readonly kind: "unknown"; readonly command: number };

export interface ChangeUser {
  readonly user: string;
  readonly authResponse: Buffer;
  readonly database: string;
  readonly collation: number;
  readonly authPlugin: string | undefined;
  readonly attributes: ReadonlyMap<string, string>;
}

const NO_ATTRIBUTES: readonly QueryAttribute[] = [];
const NO_CONNECT_ATTRIBUTES: ReadonlyMap<string, string> = new Map();

/** `capabilities` are those agreed with the client. */
export function decodeCommand(payload: Buffer, capabilities: number): Command {
  const reader = new BufferReader(payload);
  const command = reader.u8();
  switch (command) {
    case COM.QUIT:
      return { kind: "quit" };
    case COM.INIT_DB:
      return { kind: "init-db", schema: reader.rest().toString("utf8") };
    case COM.QUERY:
      return decodeQuery(reader, capabilities);
    case COM.FIELD_LIST:
      return { kind: "field-list", table: reader.nullString(), wildcard: trimNull(reader.rest()) };
    case COM.CREATE_DB:
      return { kind: "create-db", schema: reader.rest().toString("utf8") };
    case COM.DROP_DB:
      return { kind: "drop-db", schema: reader.rest().toString("utf8") };
    case COM.STATISTICS:
      return { kind: "statistics" };
    case COM.PROCESS_INFO:
      return { kind: "process-info" };
    case COM.PROCESS_KILL:
      return { kind: "process-kill", connectionId: reader.u32() };
    case COM.DEBUG:
      return { kind: "debug" };
    case COM.PING:
      return { kind: "ping" };
    case COM.CHANGE_USER:
      return { kind: "change-user", changeUser: decodeChangeUser(reader, capabilities) };
    case COM.STMT_PREPARE:
      return { kind: "stmt-prepare", sql: reader.rest() };
    case COM.STMT_EXECUTE: {
      const statementId = reader.u32();
      const cursorFlags = reader.u8();
      // The iteration count is always 1.
      reader.skip(4);
      return { kind: "stmt-execute", statementId, cursorFlags, parameters: reader.rest() };
    }
    case COM.STMT_BULK_EXECUTE:
      return { kind: "stmt-bulk-execute", statementId: reader.u32(), flags: reader.u16(), parameters: reader.rest() };
    case COM.STMT_SEND_LONG_DATA:
      return { kind: "stmt-send-long-data", statementId: reader.u32(), parameter: reader.u16(), data: reader.rest() };
    case COM.STMT_CLOSE:
      return { kind: "stmt-close", statementId: reader.u32() };
    case COM.STMT_RESET:
      return { kind: "stmt-reset", statementId: reader.u32() };
    case COM.STMT_FETCH:
      return { kind: "stmt-fetch", statementId: reader.u32(), rows: reader.u32() };
    case COM.SET_OPTION:
      return { kind: "set-option", option: reader.u16() };
    case COM.RESET_CONNECTION:
      return { kind: "reset-connection" };
    default:
      return { kind: "unknown", command };
  }
}

function decodeQuery(reader: BufferReader, capabilities: number): Command {
  if ((capabilities & CLIENT.QUERY_ATTRIBUTES) === 0) {
    return { kind: "query", sql: reader.rest(), attributes: NO_ATTRIBUTES };
  }
  const count = reader.lenenc();
  reader.lenenc();
  const attributes = count === 0 ? NO_ATTRIBUTES : readAttributes(reader, count);
  return { kind: "query", sql: reader.rest(), attributes };
}

/**
 * A COM_QUERY as clients without CLIENT_QUERY_ATTRIBUTES send it, in the memory of `payload` (owned), which is one of a
 * client that has them. Throws ER_MALFORMED_PACKET.
 */
export function withoutQueryAttributes(payload: Buffer): Buffer {
  const command = decodeCommand(payload, CLIENT.QUERY_ATTRIBUTES);
  if (command.kind !== "query") throw malformed("COM_QUERY expected");
  const start = payload.length - command.sql.length - 1;
  payload[start] = COM.QUERY;
  return payload.subarray(start);
}

function readAttributes(reader: BufferReader, count: number): QueryAttribute[] {
  const nulls = reader.bytes(Math.floor((count + 7) / 8));
  if (reader.u8() !== 1) throw malformed("query attributes without types");
  const attributes: { name: string; type: number; value: Buffer | null }[] = [];
  for (let index = 0; index < count; index++) {
    const type = reader.u16();
    attributes.push({ type, name: reader.lenencString(), value: null });
  }
  for (const [index, attribute] of attributes.entries()) {
    if (((nulls[index >> 3] as number) & (1 << (index & 7))) !== 0) continue;
    attribute.value = readBinaryValue(reader, attribute.type & 0xff);
  }
  return attributes;
}

/** Takes one value of the binary protocol, as its bytes: without the length prefix for strings, with it for times. */
export function readBinaryValue(reader: BufferReader, type: number): Buffer | null {
  switch (type) {
    case MYSQL_TYPE.NULL:
      return null;
    case MYSQL_TYPE.TINY:
    case MYSQL_TYPE.BOOL:
      return reader.bytes(1);
    case MYSQL_TYPE.SHORT:
    case MYSQL_TYPE.YEAR:
      return reader.bytes(2);
    case MYSQL_TYPE.LONG:
    case MYSQL_TYPE.INT24:
    case MYSQL_TYPE.FLOAT:
      return reader.bytes(4);
    case MYSQL_TYPE.LONGLONG:
    case MYSQL_TYPE.DOUBLE:
      return reader.bytes(8);
    case MYSQL_TYPE.DATE:
    case MYSQL_TYPE.DATETIME:
    case MYSQL_TYPE.TIMESTAMP:
    case MYSQL_TYPE.TIME: {
      const length = reader.peek();
      if (length > 12) throw malformed("bad time value");
      return reader.bytes(Math.max(length, 0) + 1);
    }
    default:
      return reader.lenencBytes();
  }
}

function decodeChangeUser(reader: BufferReader, capabilities: number): ChangeUser {
  const user = reader.nullString();
  const authResponse = (capabilities & CLIENT.SECURE_CONNECTION) === 0 ? reader.nullBytes() : reader.bytes(reader.u8());
  // What ends the packet needs no NUL, and everything behind it may be missing.
  const database = reader.lenientString();
  const collation = reader.left >= 2 ? reader.u16() : 0;
  const named = (capabilities & CLIENT.PLUGIN_AUTH) !== 0 && reader.left > 0;
  const authPlugin = named ? reader.lenientString() : undefined;
  const attributes =
    (capabilities & CLIENT.CONNECT_ATTRS) !== 0 && reader.left > 0
      ? readConnectAttributes(reader)
      : NO_CONNECT_ATTRIBUTES;
  return { user, authResponse, database, collation, authPlugin, attributes };
}

function trimNull(bytes: Buffer): string {
  return bytes.toString("utf8", 0, bytes.at(-1) === 0 ? bytes.length - 1 : bytes.length);
}
