// The client of a prepared statement's execution whose answer is made from text: rows of result sets are written in binary
// form, all else passes as it is. Takes and gives classic framing, any number of results.

import { LIMITS } from "../../base/limits.ts";
import { BufferReader, BufferWriter } from "../../mysql/codec.ts";
import { HEADER_EOF, HEADER_ERR, HEADER_OK, MYSQL_TYPE } from "../../mysql/constants.ts";
import { PacketReader } from "../../mysql/packet-reader.ts";
import { type BinaryColumn, isLengthCoded, writeBinaryRow } from "../../mysql/packets/binary-row.ts";
import { columnTypeOf } from "../../mysql/packets/column-definition.ts";
import { isEof } from "../../mysql/packets/eof.ts";
import { ForwardingClient } from "../client/forwarding-client.ts";

/** Payloads of definitions that a client is shown in place of an answer's own, by column. */
export type ShownDefinitions = readonly (Buffer | undefined)[];

type Phase =
  | { readonly kind: "head" }
  | { readonly kind: "columns"; readonly columns: BinaryColumn[]; readonly count: number }
  | { readonly kind: "columns-end"; readonly columns: readonly BinaryColumn[] }
  | { readonly kind: "rows"; readonly columns: readonly BinaryColumn[] };

const HEAD: Phase = { kind: "head" };

export class BinaryRows extends ForwardingClient {
  /** Of the next result set, whose FLOAT columns come as DOUBLE then. */
  shown: ShownDefinitions | undefined;
  #reader = new PacketReader(LIMITS.bufferedReplyBytesMax);
  #phase: Phase = HEAD;

  override write(chunk: Buffer): boolean {
    const reader = this.#reader;
    reader.push(chunk);
    // Rows of one text grow by two bytes, those of numbers mostly shrink.
    const writer = new BufferWriter(chunk.length + (chunk.length >> 3) + 64);
    for (;;) {
      const starts: number[] = [];
      const ends: number[] = [];
      const whole = reader.takeWhole(starts, ends);
      if (whole !== undefined) {
        for (let at = 0; at < starts.length; at++) {
          const start = starts[at] as number;
          this.#packet(whole, start, ends[at] as number, whole[start - 1] as number, writer);
        }
        continue;
      }
      const payload = reader.next();
      if (payload === undefined) break;
      this.#packet(payload, 0, payload.length, reader.sequenceId, writer);
    }
    return writer.length === 0 || this.client.write(writer.finish());
  }

  override commandDone(): void {
    this.#reset();
    this.client.commandDone();
  }

  override destroy(): void {
    this.#reset();
    this.client.destroy();
  }

  #reset(): void {
    this.#phase = HEAD;
    if (this.#reader.bufferedBytes > 0) this.#reader = new PacketReader(LIMITS.bufferedReplyBytesMax);
  }

  /** Its payload is `bytes[start, end)`. */
  #packet(bytes: Buffer, start: number, end: number, sequenceId: number, writer: BufferWriter): void {
    writer.sequenceId = sequenceId;
    writer.beginPacket();
    const phase = this.#phase;
    const first = bytes[start];
    const isEnd = first === HEADER_ERR || (first === HEADER_EOF && isEof(bytes.subarray(start, end)));
    if (phase.kind === "rows" && !isEnd) writeBinaryRow(writer, bytes, start, end, phase.columns);
    else this.#other(bytes.subarray(start, end), writer);
    writer.endPacket();
  }

  /** What is no row. */
  #other(payload: Buffer, writer: BufferWriter): void {
    const phase = this.#phase;
    if (phase.kind === "columns") {
      this.#column(payload, writer, phase);
      return;
    }
    writer.bytes(payload);
    if (payload[0] === HEADER_ERR) this.#phase = HEAD;
    else if (phase.kind === "head") {
      if (payload[0] !== HEADER_OK)
        this.#phase = { kind: "columns", columns: [], count: new BufferReader(payload).lenenc() };
    } else if (phase.kind === "columns-end") {
      this.#phase = { kind: "rows", columns: phase.columns };
    } else {
      // An EOF, and what follows one, if anything does, is the next result's head.
      this.#phase = HEAD;
    }
  }

  #column(payload: Buffer, writer: BufferWriter, { columns, count }: Extract<Phase, { kind: "columns" }>): void {
    const own = columnTypeOf(payload);
    const given = this.shown?.length === count ? this.shown[columns.length] : undefined;
    const shown = given === undefined ? own : columnTypeOf(given);
    const isFloat = shown.type === MYSQL_TYPE.FLOAT && own.type === MYSQL_TYPE.DOUBLE;
    const replaces = given !== undefined && (isFloat || shown.type === own.type);
    writer.bytes(replaces ? given : payload);
    const { type, flags } = replaces ? shown : own;
    columns.push({ type, flags, isCoded: isLengthCoded(type) });
    if (columns.length === count) this.#phase = { kind: "columns-end", columns };
  }
}
