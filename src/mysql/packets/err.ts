// ERR_Packet: 0xFF, errno, '#' and SQLSTATE, message. The SQLSTATE part is left out before CLIENT_PROTOCOL_41 is agreed,
// that is in an ERR sent instead of a greeting. MariaDB sends progress reports as ERR packets with errno 0xFFFF.

import { MysqlError, type ShardgateError } from "../../base/errors.ts";
import { decodeLossless, encodeLossless } from "../../base/lossless-text.ts";
import { BufferReader, BufferWriter, malformed } from "../codec.ts";
import { HEADER_ERR } from "../constants.ts";

const MESSAGE_BYTES_MAX = 512;

export function encodeErr(errno: number, sqlState: string, message: string | Buffer): Buffer {
  const writer = new BufferWriter(16 + message.length);
  writer.u8(HEADER_ERR);
  writer.u16(errno);
  writer.string("#");
  writer.string(sqlState.length === 5 ? sqlState : "HY000");
  writer.bytes(cut(typeof message === "string" ? encodeLossless(message) : message));
  return writer.finish();
}

/** The ERR packet of a client error; anything else thrown is a bug whose text is not the client's business. */
export function encodeErrOf(error: ShardgateError | MysqlError): Buffer {
  return encodeErr(error.errno, error.sqlState, error.message);
}

/** An ERR in place of the greeting carries no SQLSTATE. */
export function encodeErrBeforeGreeting(errno: number, message: string): Buffer {
  const writer = new BufferWriter(16 + message.length);
  writer.u8(HEADER_ERR);
  writer.u16(errno);
  writer.bytes(cut(Buffer.from(message)));
  return writer.finish();
}

/** The error of a mysqld, as it stands in its packet. */
export function decodeErr(payload: Buffer): MysqlError {
  const reader = new BufferReader(payload);
  if (reader.u8() !== HEADER_ERR) throw malformed("not an ERR packet");
  const errno = reader.u16();
  let sqlState = "HY000";
  if (reader.peek() === 0x23) {
    reader.skip(1);
    sqlState = reader.bytes(5).toString("latin1");
  }
  // In the client's character set; the bytes come back when it is sent on.
  return new MysqlError(errno, sqlState, decodeLossless(reader.rest()));
}

/** mysqld cuts messages at MYSQL_ERRMSG_SIZE, and clients keep a buffer of that size. */
function cut(bytes: Buffer): Buffer {
  if (bytes.length < MESSAGE_BYTES_MAX) return bytes;
  let end = MESSAGE_BYTES_MAX - 1;
  while (end > 0 && ((bytes[end] as number) & 0xc0) === 0x80) end--;
  return bytes.subarray(0, end);
}
