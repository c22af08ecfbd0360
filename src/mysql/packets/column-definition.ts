// Protocol::ColumnDefinition41: names of a result's column, its collation, type, display length, flags and decimals. With
// MariaDB's extended metadata another block stands before the fixed part (definition-form.ts); COM_FIELD_LIST adds a default
// value at the end.

import { BufferReader, BufferWriter, malformed } from "../codec.ts";
import { hasBlock } from "../definition-form.ts";

export interface ColumnDefinition {
  readonly schema: string;
  readonly table: string;
  readonly orgTable: string;
  readonly name: string;
  readonly orgName: string;
  readonly collation: number;
  /** Display length in bytes. */
  readonly columnLength: number;
  /** One of MYSQL_TYPE. */
  readonly type: number;
  readonly flags: number;
  readonly decimals: number;
  /** MariaDB's extended metadata, undecoded: what kind of text or bytes this is. */
  readonly extended?: Buffer | undefined;
}

const FIXED_BYTES = 0x0c;

export function encodeColumnDefinition(column: ColumnDefinition): Buffer {
  const writer = new BufferWriter(96);
  writeColumnDefinition(writer, column);
  return writer.finish();
}

export function writeColumnDefinition(writer: BufferWriter, column: ColumnDefinition): void {
  writer.lenencString("def");
  writer.lenencString(column.schema);
  writer.lenencString(column.table);
  writer.lenencString(column.orgTable);
  writer.lenencString(column.name);
  writer.lenencString(column.orgName);
  if (column.extended !== undefined) writer.lenencBytes(column.extended);
  writer.u8(FIXED_BYTES);
  writer.u16(column.collation);
  writer.u32(column.columnLength);
  writer.u8(column.type);
  writer.u16(column.flags);
  writer.u8(column.decimals);
  writer.u16(0);
}

/** Reads a definition in either form; `hasDefault` if a default value follows. the payload is borrowed. */
export function decodeColumnDefinition(payload: Buffer, hasDefault = false): ColumnDefinition {
  const reader = new BufferReader(payload);
  reader.lenencBytes();
  const schema = reader.lenencString();
  const table = reader.lenencString();
  const orgTable = reader.lenencString();
  const name = reader.lenencString();
  const orgName = reader.lenencString();
  const isExtended = hasBlock(payload, reader.pos, payload.length, hasDefault);
  const extended = isExtended ? ownBytes(reader.lenencBytes()) : undefined;
  if (reader.lenenc() < FIXED_BYTES - 2) throw malformed("short column definition");
  return {
    schema,
    table,
    orgTable,
    name,
    orgName,
    collation: reader.u16(),
    columnLength: reader.u32(),
    type: reader.u8(),
    flags: reader.u16(),
    decimals: reader.u8(),
    extended,
  };
}

/** Of a definition without a default value, whatever stands before: what a value's binary form depends on. */
export function columnTypeOf(payload: Buffer): Pick<ColumnDefinition, "type" | "flags"> {
  const at = payload.length - TYPE_FROM_END;
  if (at < FIXED_BYTES) throw malformed("short column definition");
  return { type: payload[at] as number, flags: payload.readUInt16LE(at + 1) };
}

/** The type, flags, decimals, two unused bytes. */
const TYPE_FROM_END = 6;

/** Definitions are kept for long; of most columns there is nothing to tell. */
function ownBytes(block: Buffer): Buffer {
  return block.length === 0 ? NOTHING : Buffer.from(block);
}

const NOTHING = Buffer.alloc(0);
