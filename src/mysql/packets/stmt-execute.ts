// The parameter block of COM_STMT_EXECUTE (PAGE_PROTOCOL_COM_STMT_EXECUTE of the manual) and of MariaDB's
// COM_STMT_BULK_EXECUTE. Its layout depends on the number of parameters, and on the types that an earlier execution has
// given, which only the holder of the statement knows.
//
//   [lenenc count]  null bitmap  u8 new types?  [u16 type, [lenenc name]]…  values…
//    └ with query attributes      └ 0: those of the last execution            └ none for NULL and long data

import { LIMITS } from "../../base/limits.ts";
import { ShardgateError } from "../../base/errors.ts";
import { BufferReader, BufferWriter, malformed } from "../codec.ts";
import { CLIENT, COM, MYSQL_TYPE } from "../constants.ts";
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
  /** The NULL bitmap and the values as a client has sent them, where all of them are those, and nothing else is there. */
  readonly sent?: { readonly nulls: Buffer; readonly values: Buffer };
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

/**
 * Values share the memory of `block`. Throws ER_MALFORMED_PACKET, and ER_WRONG_ARGUMENTS for what is missing and for the
 * values. Query attributes behind the parameters are left out.
 */
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
  if (reader.left <= (count + 7) >> 3) throw wrongArguments(malformed("no parameters"), "mysqld_stmt_execute");
  const nulls = reader.bytes((count + 7) >> 3);
  let types = shape.types;
  const givesTypes = reader.u8();
  if (givesTypes > 1) throw malformed("whether types follow");
  if (givesTypes === 1) {
    const sent: number[] = [];
    for (let index = 0; index < count; index++) {
      sent.push(reader.u16());
      if (hasNames) reader.lenencBytes();
    }
    types = sent;
  }
  // NULLs need no types.
  types ??= Array<number>(count).fill(MYSQL_TYPE.NULL);
  if (types.length < count) throw malformed("parameters without types");
  const values: (Buffer | null)[] = [];
  const start = block.length - reader.left;
  let isAsSent = count === parameterCount;
  try {
    for (let index = 0; index < parameterCount; index++) {
      const type = types[index] as number;
      const long = shape.longData(index);
      if (long !== undefined) isAsSent = false;
      const isNull = ((nulls[index >> 3] as number) & (1 << (index & 7))) !== 0;
      if (long !== undefined) checkLongType(type);
      else checkType(type, isNull);
      values.push(long ?? (isNull ? null : readBinaryValue(reader, type & 0xff)));
    }
  } catch (error) {
    throw wrongArguments(error, "mysqld_stmt_execute");
  }
  if (!isAsSent) return { types: types.slice(0, parameterCount), values };
  return { types, values, sent: { nulls, values: block.subarray(start, block.length - reader.left) } };
}

/** What servers call values that they cannot read. */
export function wrongArguments(error: unknown, command: string): unknown {
  if (!(error instanceof ShardgateError) || error.id !== "ER_MALFORMED_PACKET") return error;
  return new ShardgateError("ER_WRONG_ARGUMENTS", `Incorrect arguments to ${command}`, error);
}

/** Throws ER_MALFORMED_PACKET for numbers that are no type, as servers also do for NULLs. */
function checkType(type: number, isNull: boolean): void {
  const kind = type & 0xff;
  const isKnown = kind <= MYSQL_TYPE.BIT || kind >= MYSQL_TYPE.NEWDECIMAL || kind === MYSQL_TYPE.BOOL;
  if (!isKnown || (kind === MYSQL_TYPE.NULL && !isNull)) throw malformed("a value without a type");
}

/** Long data is a string's: neither a number's, be it written in digits, nor a time's. */
function checkLongType(type: number): void {
  const kind = type & 0xff;
  if (kind !== MYSQL_TYPE.VARCHAR && kind <= MYSQL_TYPE.NEWDECIMAL) throw malformed("long data for a number or a time");
}

/**
 * What a server reads as long as the client has written it: some clients have types for whole numbers that servers only
 * have for columns. They read nothing then, and what follows from the wrong place.
 */
function typeForServer(type: number): number {
  const kind = type & 0xff;
  const sent = SENT_TYPES.get(kind);
  return sent === undefined ? type : type - kind + sent;
}

const SENT_TYPES: ReadonlyMap<number, number> = new Map([
  [MYSQL_TYPE.INT24, MYSQL_TYPE.LONG],
  [MYSQL_TYPE.YEAR, MYSQL_TYPE.SHORT],
  [MYSQL_TYPE.BOOL, MYSQL_TYPE.TINY],
]);

/** COM_STMT_EXECUTE with all types and values, no cursor, and a statement id for the shard to fill in. */
export function encodeExecute({ types, values, sent }: ExecuteParameters): Buffer {
  const count = types.length;
  const nullBytes = (count + 7) >> 3;
  if (sent !== undefined) return executeAsSent(types, sent);
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
  for (let index = 0; index < count; index++) writer.u16(typeForServer(types[index] as number));
  for (let index = 0; index < count; index++) {
    const value = values[index] ?? null;
    if (value === null) writer.setBits(EXECUTE_HEADER_BYTES + (index >> 3), 1 << (index & 7));
    else if (isLengthCoded((types[index] as number) & 0xff)) writer.lenencBytes(value);
    else writer.bytes(value);
  }
  return writer.finish();
}

function executeAsSent(types: readonly number[], { nulls, values }: NonNullable<ExecuteParameters["sent"]>): Buffer {
  const valuesAt = EXECUTE_HEADER_BYTES + nulls.length + 1 + 2 * types.length;
  const out = Buffer.allocUnsafe(valuesAt + values.length);
  out.fill(0, 0, EXECUTE_HEADER_BYTES);
  out[0] = COM.STMT_EXECUTE;
  out[ITERATIONS_AT] = 1;
  let at = EXECUTE_HEADER_BYTES;
  for (let index = 0; index < nulls.length; index++) out[at++] = nulls[index] as number;
  out[at++] = 1;
  for (let index = 0; index < types.length; index++) {
    const type = typeForServer(types[index] as number);
    out[at++] = type & 0xff;
    out[at++] = type >>> 8;
  }
  values.copy(out, valuesAt);
  return out;
}

/** Command, statement id, flags, iterations. */
const EXECUTE_HEADER_BYTES = 1 + 4 + 1 + 4;
const ITERATIONS_AT = 6;
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
      else {
        const type = types[index] as number;
        checkType(type, false);
        values.push(readBinaryValue(reader, type & 0xff));
      }
    }
    rows.push({ types, values, indicated });
  }
  return rows;
}

const NOTHING_INDICATED: ReadonlyMap<number, "default" | "ignore"> = new Map();

const NO_PARAMETERS: ExecuteParameters = { types: [], values: [] };
