// Writes a merged answer to the client: definitions, rows cut to the answer's columns, and what ends them. Rows are put
// together in one buffer after the other; the first one is held back until it is full or the answer has ended, so that up
// to there another tier can still answer instead.

import { LIMITS } from "../base/limits.ts";
import { PACKET_HEADER_BYTES, PACKET_PAYLOAD_MAX } from "../mysql/constants.ts";
import { packetsOf, writeFrame, writeFrameHeader } from "../mysql/frame.ts";
import { encodeEof } from "../mysql/packets/eof.ts";
import type { Output } from "./output.ts";
import type { RowBatch } from "./row-batch.ts";
import { RowColumns } from "./row-columns.ts";

export class MergeOutput {
  /** Something has gone out: what is wrong from now on is told by an ERR packet in place of the EOF. */
  hasWritten = false;
  /** Of the answer so far. */
  rowCount = 0;
  readonly #output: Output;
  readonly #view: RowColumns;
  #buffer = Buffer.allocUnsafe(LIMITS.mergeOutputBytes);
  #filled = 0;
  #sequenceId: number;

  /** `width` columns of each row are the answer's. */
  constructor(output: Output, firstSequenceId: number, width: number) {
    this.#output = output;
    this.#sequenceId = firstSequenceId;
    this.#view = new RowColumns(width);
  }

  /** Of the packet that comes next. */
  get sequenceId(): number {
    return this.#sequenceId & 0xff;
  }

  /** `definitions` are payloads of ColumnDefinition41. */
  async head(definitions: readonly Buffer[], statusFlags: number): Promise<void> {
    const count = definitions.length;
    await this.#packet(count < 0xfb ? Buffer.of(count) : Buffer.of(0xfc, count & 0xff, count >>> 8));
    for (const definition of definitions) await this.#packet(definition);
    await this.#packet(encodeEof({ warnings: 0, statusFlags }));
  }

  /** Waits when the client is behind. */
  async rows({ columns, bytes, starts, ends }: RowBatch, width: number): Promise<void> {
    const view = columns.length === width ? undefined : this.#view;
    for (let at = 0; at < ends.length; at++) {
      const start = starts[at] as number;
      let end = ends[at] as number;
      if (view !== undefined) {
        view.read(bytes, start, end);
        end = view.end;
      }
      const length = end - start;
      if (this.#filled + length + PACKET_HEADER_BYTES > this.#buffer.length || length >= PACKET_PAYLOAD_MAX) {
        await this.#packet(bytes.subarray(start, end));
        continue;
      }
      const to = writeFrameHeader(this.#buffer, this.#filled, length, this.#sequenceId++);
      bytes.copy(this.#buffer, to, start, end);
      this.#filled = to + length;
    }
    this.rowCount += ends.length;
  }

  /** The last packet. */
  finish(eof: { readonly warnings: number; readonly statusFlags: number }): void {
    const last = writeFrame(encodeEof(eof), this.#sequenceId);
    this.hasWritten = true;
    this.#output.write(Buffer.concat([this.#buffer.subarray(0, this.#filled), last]));
    this.#filled = 0;
  }

  /** What is buffered goes out, ahead of an ERR packet. Nothing when nothing has gone out yet. */
  flushBeforeError(): void {
    if (!this.hasWritten) return;
    this.#output.write(this.#buffer.subarray(0, this.#filled));
    this.#filled = 0;
  }

  async #packet(payload: Buffer): Promise<void> {
    const need = payload.length + packetsOf(payload.length) * PACKET_HEADER_BYTES;
    if (this.#filled + need > this.#buffer.length) {
      await this.#flush();
      // Larger than any buffer: goes out by itself.
      if (need > this.#buffer.length) {
        await this.#write(writeFrame(payload, this.#sequenceId));
        this.#sequenceId += packetsOf(payload.length);
        return;
      }
    }
    const frame = writeFrame(payload, this.#sequenceId);
    this.#sequenceId += packetsOf(payload.length);
    frame.copy(this.#buffer, this.#filled);
    this.#filled += frame.length;
  }

  async #flush(): Promise<void> {
    if (this.#filled === 0) return;
    const bytes = this.#buffer.subarray(0, this.#filled);
    this.#buffer = Buffer.allocUnsafe(LIMITS.mergeOutputBytes);
    this.#filled = 0;
    await this.#write(bytes);
  }

  async #write(bytes: Buffer): Promise<void> {
    this.hasWritten = true;
    if (this.#output.write(bytes)) return;
    await new Promise<void>((resolve) => this.#output.onDrain(resolve));
  }
}
