// The parameter block of COM_STMT_EXECUTE (PAGE_PROTOCOL_COM_STMT_EXECUTE of the manual) and of MariaDB's
// COM_STMT_BULK_EXECUTE. Its layout depends on the number of parameters, and on the types that an earlier execution has
// given, which only the holder of the statement knows.
//
//   [lenenc count]  null bitmap  u8 new types?  [u16 type, [lenenc name]]…  values…
//    └ with query attributes      └ 0: those of the last execution            └ none for NULL and long data

import { LIMITS } from "../../base/limits.ts";
import { BufferReader, BufferWriter, malformed } from "../codec.ts";
import { CLIENT, COM } from "../constants.ts";
import { isLengthCoded } from "./binary-row.ts";
import { readBinaryValue } from "./command.ts";

/** CURSOR_TYPE_* of the flags byte. */
export const CURSOR_READ_ONLY = 1;
const PARAMETER_COUNT_AVAILABLE = 8;
/** Of a parameter's type. */
export const TYPE_UNSIGNED = 0x8000;

export interface ExecuteParameters {
  /** MYSQL_TYPE of each parameter, with TYPE_UNSIGNED. */
  readonly types: readonly number[];
  /** Binary values as readBinaryValue gives them, null for NULL; long data stands in for what was sent of it. */
  readonly values: readonly (Buffer | null)[];
}

export interface ExecuteShape {
  readonly parameterCount: number;
  readonly flags: number;
  readonly capabilities: number;
  /** Types of the last execution; undefined before the first. */
  readonly types: readonly number[] | undefined;
  /** What COM_STMT_SEND_LONG_DATA has sent for a parameter. */
  longData(parameter: number): Buffer | undefined;
}

/** Values share the memory of `block`. Throws ER_MALFORMED_PACKET. Query attributes behind the parameters are left out. */
export function decodeExecuteParameters(block: Buffer, shape: ExecuteShape): ExecuteParameters {
  const { parameterCount, flags, capabilities } = shape;
  const reader = new BufferReader(block);
  const hasNames = (capabilities & CLIENT.QUERY_ATTRIBUTES) !== 0;
  let count = parameterCount;
  if (hasNames && (parameterCount > 0 || (flags & PARAMETER_COUNT_AVAILABLE) !== 0)) {
    count = reader.lenenc();
    if (count < parameterCount || count > LIMITS.parametersMax) throw malformed("number of parameters");
  }
  if (count === 0) return NO_PARAMETERS;
  const nulls = reader.bytes(Math.floor((count + 7) / 8));
  let types = shape.types;
  if (reader.u8() !== 0) {
    const sent: number[] = [];
    for (let index = 0; index < count; index++) {
      sent.push(reader.u16());
      if (hasNames) reader.lenencBytes();
    }
    types = sent;
  }
  if (types === undefined || types.length < count) throw malformed("parameters without types");
  const values: (Buffer | null)[] = [];
  for (let index = 0; index < parameterCount; index++) {
    const long = shape.longData(index);
    const isNull = ((nulls[index >> 3] as number) & (1 << (index & 7))) !== 0;
    if (long !== undefined) {
      if (!isLengthCoded((types[index] as number) & 0xff)) throw malformed("long data for a number or a time");
      values.push(long);
    } else values.push(isNull ? null : readBinaryValue(reader, (types[index] as number) & 0xff));
  }
  return { types: types.slice(0, parameterCount), values };
}

/** COM_STMT_EXECUTE with all types and values, no cursor, and a statement id for the shard to fill in. */
export function encodeExecute({ types, values }: ExecuteParameters, isLengthCoded: (type: number) => boolean): Buffer {
  const count = types.length;
  const nullBytes = (count + 7) >> 3;
  let bytesMax = EXECUTE_HEADER_BYTES + nullBytes + 1;
  for (let index = 0; index < count; index++) bytesMax += TYPE_AND_LENGTH_BYTES_MAX + (values[index]?.length ?? 0);
  const writer = new BufferWriter(bytesMax);
  writer.u8(COM.STMT_EXECUTE);
  writer.u32(0);
  writer.u8(0);
  writer.u32(1);
  if (count === 0) return writer.finish();
  writer.zeros(nullBytes);
  writer.u8(1);
  for (let index = 0; index < count; index++) writer.u16(types[index] as number);
  for (let index = 0; index < count; index++) {
    const value = values[index] ?? null;
    if (value === null) writer.setBits(EXECUTE_HEADER_BYTES + (index >> 3), 1 << (index & 7));
    else if (isLengthCoded((types[index] as number) & 0xff)) writer.lenencBytes(value);
    else writer.bytes(value);
  }
  return writer.finish();
}

/** Command, statement id, flags, iterations. */
const EXECUTE_HEADER_BYTES = 1 + 4 + 1 + 4;
const TYPE_AND_LENGTH_BYTES_MAX = 2 + 9;

/** Of STMT_BULK_FLAG_*, the one that servers support. */
export const BULK_SEND_TYPES = 128;
const INDICATOR_NONE = 0;
const INDICATOR_NULL = 1;
const INDICATOR_DEFAULT = 2;
const INDICATOR_IGNORE = 3;

/** One execution of a COM_STMT_BULK_EXECUTE. */
export interface BulkParameters extends ExecuteParameters {
  /** Parameters without a value (theirs is null here), by index: the column's default, or none, so that it stays as it is. */
  readonly indicated: ReadonlyMap<number, "default" | "ignore">;
}

/** The rows of a COM_STMT_BULK_EXECUTE. Throws ER_MALFORMED_PACKET; undefined for a statement without parameters. */
export function decodeBulkParameters(
  block: Buffer,
  flags: number,
  parameterCount: number,
  known: readonly number[] | undefined,
): readonly BulkParameters[] | undefined {
  if (parameterCount === 0) return undefined;
  const reader = new BufferReader(block);
  let types = known;
  if ((flags & BULK_SEND_TYPES) !== 0) {
    const sent: number[] = [];
    for (let index = 0; index < parameterCount; index++) sent.push(reader.u16());
    types = sent;
  }
  if (types === undefined) throw malformed("parameters without types");
  const rows: BulkParameters[] = [];
  while (reader.left > 0) {
    const values: (Buffer | null)[] = [];
    let indicated = NOTHING_INDICATED;
    for (let index = 0; index < parameterCount; index++) {
      const indicator = reader.u8();
      if (indicator === INDICATOR_DEFAULT || indicator === INDICATOR_IGNORE) {
        indicated = new Map([...indicated, [index, indicator === INDICATOR_DEFAULT ? "default" : "ignore"]]);
        values.push(null);
      } else if (indicator === INDICATOR_NULL) values.push(null);
      else if (indicator !== INDICATOR_NONE) throw malformed("an indicator");
      else values.push(readBinaryValue(reader, (types[index] as number) & 0xff));
    }
    rows.push({ types, values, indicated });
  }
  return rows;
}

const NOTHING_INDICATED: ReadonlyMap<number, "default" | "ignore"> = new Map();

const NO_PARAMETERS: ExecuteParameters = { types: [], values: [] };
