// Reads a whole text reply of the gateway's own small queries (sequences, SET values): column types and rows.

import { ShardgateError } from "../../base/errors.ts";
import type { ReplyEnd } from "../../engine/reply.ts";
import { BufferReader } from "../../mysql/codec.ts";
import { HEADER_ERR } from "../../mysql/constants.ts";
import { type ColumnDefinition, decodeColumnDefinition } from "../../mysql/packets/column-definition.ts";
import { decodeErr } from "../../mysql/packets/err.ts";
import { PacketReader } from "../../mysql/packet-reader.ts";
import { LIMITS } from "../../base/limits.ts";

export interface TextResult {
  readonly columns: readonly ColumnDefinition[];
  /** Values share the reply's memory; null is NULL. */
  readonly rows: readonly (readonly (Buffer | null)[])[];
}

/** `reply` is a framed result set in classic framing, not an OK. Throws what an ERR says, and ER_MALFORMED_PACKET. */
export function readTextResult(reply: Buffer): TextResult {
  const reader = new PacketReader(LIMITS.bufferedReplyBytesMax);
  reader.push(reply);
  const count = new BufferReader(next(reader)).lenenc();
  const columns: ColumnDefinition[] = [];
  for (let i = 0; i < count; i++) columns.push(decodeColumnDefinition(next(reader)));
  next(reader);
  const rows: (Buffer | null)[][] = [];
  for (;;) {
    const payload = next(reader);
    if (payload[0] === 0xfe && payload.length < 9) return { columns, rows };
    rows.push(readTextRow(payload, columns.length));
  }
}

/** What a statement's connection was asked right behind it. Throws LIMIT_REACHED when that was too large to be told. */
export function readAfterReply({ afterReply }: Pick<ReplyEnd, "afterReply">): TextResult {
  if (afterReply.length > 0) return readTextResult(afterReply);
  const text = `what a statement has set is larger than ${LIMITS.afterReplyBytesMax} bytes`;
  throw new ShardgateError("LIMIT_REACHED", text);
}

/** The values of a row packet, whose memory they share. */
export function readTextRow(payload: Buffer, width: number): (Buffer | null)[] {
  const row = new BufferReader(payload);
  const values: (Buffer | null)[] = [];
  for (let i = 0; i < width; i++) {
    if (row.peek() === 0xfb) {
      row.skip(1);
      values.push(null);
    } else values.push(row.lenencBytes());
  }
  return values;
}

export function readTextRows(reply: Buffer): TextResult["rows"] {
  return readTextResult(reply).rows;
}

function next(reader: PacketReader): Buffer {
  const payload = reader.next();
  if (payload === undefined) throw new ShardgateError("ER_MALFORMED_PACKET", "a reply breaks off");
  if (payload[0] === HEADER_ERR) throw decodeErr(payload);
  return payload;
}
