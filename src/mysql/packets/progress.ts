// MariaDB's progress report (MARIADB_CLIENT_PROGRESS): an ERR packet of errno 0xFFFF in front of the answer, as often as the
// client likes to hear. The manual: mariadb.com/kb/en/progress-reporting/#format-of-progress-packets

import { BufferReader, BufferWriter, malformed } from "../codec.ts";
import { HEADER_ERR } from "../constants.ts";

export interface Progress {
  /** From 1. */
  readonly stage: number;
  readonly stages: number;
  /** Of the stage, in thousandths of a percent. */
  readonly done: number;
  readonly info: string;
}

const PROGRESS_ERRNO = 0xffff;

export function encodeProgress({ stage, stages, done, info }: Progress): Buffer {
  const writer = new BufferWriter(16 + info.length);
  writer.u8(HEADER_ERR);
  writer.u16(PROGRESS_ERRNO);
  // Strings in it.
  writer.u8(1);
  writer.u8(stage);
  writer.u8(stages);
  writer.u16(done & 0xffff);
  writer.u8(done >> 16);
  writer.lenencString(info);
  return writer.finish();
}

/** Undefined for any other packet. */
export function decodeProgress(payload: Buffer): Progress | undefined {
  if (payload[0] !== HEADER_ERR || payload.length < 3 || payload.readUInt16LE(1) !== PROGRESS_ERRNO) return undefined;
  const reader = new BufferReader(payload, 3);
  if (reader.u8() !== 1) throw malformed("progress report of several strings");
  const [stage, stages] = [reader.u8(), reader.u8()];
  const done = reader.u16() | (reader.u8() << 16);
  return { stage, stages, done, info: reader.lenencString() };
}
