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
  async rows(batch: RowBatch, width: number): Promise<void> {
    const { buffers, starts, ends } = batch;
    const isCut = batch.columns.length !== width;
    for (let at = 0; at < ends.length; ) {
      const bytes = buffers[at] as Buffer;
      const start = starts[at] as number;
      const end = isCut ? this.#endOf(bytes, start, ends[at] as number) : (ends[at] as number);
      if (!this.#fits(end - start)) {
        await this.#packet(bytes.subarray(start, end));
        at++;
      } else if (isCut) {
        this.#copy(bytes, start, end);
        at++;
      } else at = this.#copyRun(batch, at);
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

  /** Where the answer's columns of a row end. */
  #endOf(bytes: Buffer, start: number, end: number): number {
    this.#view.read(bytes, start, end);
    return this.#view.end;
  }

  #fits(bytes: number): boolean {
    return this.#filled + bytes + PACKET_HEADER_BYTES <= this.#buffer.length && bytes < PACKET_PAYLOAD_MAX;
  }

  #copy(bytes: Buffer, start: number, end: number): void {
    const to = writeFrameHeader(this.#buffer, this.#filled, end - start, this.#sequenceId++);
    bytes.copy(this.#buffer, to, start, end);
    this.#filled = to + end - start;
  }

  /** Rows that came one behind the other lie so, with headers between them: they are copied at once. Returns the next. */
  #copyRun({ buffers, starts, ends }: RowBatch, from: number): number {
    const bytes = buffers[from] as Buffer;
    const start = starts[from] as number;
    let end = ends[from] as number;
    let next = from + 1;
    while (next < ends.length && buffers[next] === bytes && starts[next] === end + PACKET_HEADER_BYTES) {
      if (!this.#fits((ends[next] as number) - start)) break;
      end = ends[next] as number;
      next++;
    }
    let to = this.#filled;
    bytes.copy(this.#buffer, to + PACKET_HEADER_BYTES, start, end);
    for (let at = from; at < next; at++) {
      const length = (ends[at] as number) - (starts[at] as number);
      to = writeFrameHeader(this.#buffer, to, length, this.#sequenceId++) + length;
    }
    this.#filled = to;
    return next;
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
    const buffer = this.#buffer;
    const written = this.#write(buffer.subarray(0, this.#filled));
    this.#filled = 0;
    // Mostly the kernel has taken it all: then no further memory is needed.
    if (this.#output.isIdle !== true) this.#buffer = Buffer.allocUnsafe(LIMITS.mergeOutputBytes);
    await written;
  }

  async #write(bytes: Buffer): Promise<void> {
    this.hasWritten = true;
    if (this.#output.write(bytes)) return;
    await new Promise<void>((resolve) => this.#output.onDrain(resolve));
  }
}
