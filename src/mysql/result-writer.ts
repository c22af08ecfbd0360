// Writes whole text result sets into one Buffer: the answers that the gateway makes itself (SHOW, variables, EXPLAIN).
// Both framings: classic (EOF after the columns and after the rows) and CLIENT_DEPRECATE_EOF (one OK with header 0xFE).

import { COLLATION_BINARY, COLLATION_UTF8MB4_GENERAL_CI } from "./charsets.ts";
import { BufferWriter } from "./codec.ts";
import { CLIENT, COLUMN_FLAG, HEADER_EOF, MYSQL_TYPE, SERVER } from "./constants.ts";
import { type ColumnDefinition, writeColumnDefinition } from "./packets/column-definition.ts";
import { encodeEof } from "./packets/eof.ts";
import { okPacket, writeOk } from "./packets/ok.ts";
import { type TextValue, writeTextRow } from "./packets/text-row.ts";

export interface ResultSet {
  readonly columns: readonly ColumnDefinition[];
  readonly rows: readonly (readonly TextValue[])[];
}

export interface ResultFraming {
  /** Capabilities agreed with the client; DEPRECATE_EOF decides the framing. */
  readonly capabilities: number;
  /** Of the first packet: one after the command's. */
  readonly sequenceId: number;
  readonly statusFlags?: number;
  readonly warnings?: number;
}

/** The framed result set. */
export function writeResultSet(result: ResultSet, framing: ResultFraming): Buffer {
  const { capabilities, statusFlags = SERVER.STATUS_AUTOCOMMIT, warnings = 0 } = framing;
  const deprecateEof = (capabilities & CLIENT.DEPRECATE_EOF) !== 0;
  const writer = new BufferWriter(1024);
  writer.sequenceId = framing.sequenceId;

  writer.beginPacket();
  writer.lenenc(result.columns.length);
  writer.endPacket();
  for (const column of result.columns) {
    writer.beginPacket();
    writeColumnDefinition(writer, column);
    writer.endPacket();
  }
  if (!deprecateEof) {
    writer.beginPacket();
    writer.bytes(encodeEof({ statusFlags, warnings }));
    writer.endPacket();
  }
  for (const row of result.rows) {
    writer.beginPacket();
    writeTextRow(writer, row);
    writer.endPacket();
  }
  writer.beginPacket();
  if (deprecateEof) writeOk(writer, okPacket({ statusFlags, warnings }), capabilities, HEADER_EOF);
  else writer.bytes(encodeEof({ statusFlags, warnings }));
  writer.endPacket();
  return writer.finish();
}

/** A column of text, as SHOW statements have them. `lengthChars` is the display length in characters. */
export function textColumn(
  name: string,
  lengthChars = 255,
  collation: number = COLLATION_UTF8MB4_GENERAL_CI,
): ColumnDefinition {
  return {
    schema: "",
    table: "",
    orgTable: "",
    name,
    orgName: "",
    collation,
    columnLength: lengthChars * 4,
    type: MYSQL_TYPE.VAR_STRING,
    flags: 0,
    decimals: 39,
  };
}

/** A column of 64-bit integers. */
export function integerColumn(name: string, unsigned = false): ColumnDefinition {
  return {
    schema: "",
    table: "",
    orgTable: "",
    name,
    orgName: "",
    collation: COLLATION_BINARY,
    columnLength: unsigned ? 20 : 21,
    type: MYSQL_TYPE.LONGLONG,
    flags: COLUMN_FLAG.BINARY | COLUMN_FLAG.NUM | (unsigned ? COLUMN_FLAG.UNSIGNED : 0),
    decimals: 0,
  };
}
