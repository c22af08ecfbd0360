// One shard's answer as column definitions and batches of rows, taken at the reader's pace: what is not taken is not
// granted to the shard as credit. Rows are packet payloads, in the chunks that they came in.
//
//   waiting (for its turn on a held connection) ──► running ──► ended            stopped: what still comes is thrown away

import { ShardgateError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { BufferReader, malformed } from "../mysql/codec.ts";
import { HEADER_EOF } from "../mysql/constants.ts";
import { PacketReader } from "../mysql/packet-reader.ts";
import { type ColumnDefinition, decodeColumnDefinition } from "../mysql/packets/column-definition.ts";
import { isEof } from "../mysql/packets/eof.ts";
import { decodeErr } from "../mysql/packets/err.ts";
import { ShardCallError } from "./collect.ts";
import { losesHold, type ShardCall, type ShardPort, type ShardRequest, type ShardTarget } from "./ports.ts";
import type { ReplyEnd } from "./reply.ts";
import { type RowBatch, rowsOf } from "./row-batch.ts";

/** Told once about each statement that was sent to a shard. */
export interface ShardRowsEnd {
  readonly target: ShardTarget;
  /** Undefined when there was no whole answer. */
  readonly info: ReplyEnd | undefined;
  /** Undefined also when the reader had stopped it. */
  readonly error: Error | undefined;
  readonly holdLost: boolean;
}

export class ShardRows {
  readonly target: ShardTarget;
  readonly #request: () => ShardRequest;
  readonly #reader = new PacketReader(LIMITS.bufferedReplyBytesMax);
  readonly #chunks: Buffer[] = [];
  /** Bytes of the chunk that is being read; 0: none is. */
  #chunkBytes = 0;
  readonly #onEnd: (end: ShardRowsEnd) => void;
  readonly #onColumns: (columns: readonly ColumnDefinition[]) => void;
  #call: ShardCall | undefined;
  #wake: (() => void) | undefined;
  #definitions: ColumnDefinition[] = [];
  #columns: readonly ColumnDefinition[] | undefined;
  /** Packets of the head still to come; -1 before the column count. */
  #headLeft = -1;
  #failure: Error | undefined;
  /** Nothing more comes from the shard. */
  #hasEnded = false;
  #isDrained = false;
  #isStopped = false;
  #finished!: () => void;
  /** Resolves when the shard is done with the statement. */
  readonly finished: Promise<void>;

  /** `request` is asked for when it is sent; `onColumns` is called before any rows are given out, and may throw. */
  constructor(
    target: ShardTarget,
    request: () => ShardRequest,
    onColumns: (columns: readonly ColumnDefinition[]) => void,
    onEnd: (end: ShardRowsEnd) => void,
  ) {
    this.target = target;
    this.#request = request;
    this.#onColumns = onColumns;
    this.#onEnd = onEnd;
    this.finished = new Promise((resolve) => {
      this.#finished = resolve;
    });
  }

  /** Sends the statement. An error is told by whatever is asked for next. */
  start(port: ShardPort): void {
    if (this.#isStopped) return;
    const { target } = this;
    try {
      const request = this.#request();
      this.#call = port.execute(target, request, {
        data: (chunk) => this.#received(chunk),
        end: (info, chunk) => {
          const error =
            info.kind === "err" ? decodeErr(chunk.subarray(chunk.length - info.lastPacketBytes + 4)) : undefined;
          this.#ended(info, error, false, chunk);
        },
        fail: (error, wasHoldLost) => {
          const holdLost = losesHold(request, error, wasHoldLost);
          this.#ended(undefined, new ShardCallError(error, holdLost, target), holdLost, undefined);
        },
      });
    } catch (error) {
      const reason = error instanceof Error ? error : new Error(String(error));
      this.#ended(undefined, new ShardCallError(reason, false, target), false, undefined);
    }
  }

  /** All rows have been taken. */
  get isDrained(): boolean {
    return this.#isDrained;
  }

  /** Calls back once when there may be something to take. */
  onReady(wake: () => void): void {
    this.#wake = wake;
  }

  /** What has come: rows, or undefined when nothing has. Throws the shard's error. */
  take(): RowBatch | undefined {
    if (this.#failure !== undefined) throw this.#failure;
    for (;;) {
      if (this.#chunkBytes > 0) {
        const batch = this.#nextBatch();
        if (batch !== undefined) return batch;
        // All rows of the chunk are done with.
        this.#call?.consumed(this.#chunkBytes);
        this.#chunkBytes = 0;
      }
      const chunk = this.#chunks.shift();
      if (chunk === undefined) break;
      this.#chunkBytes = chunk.length;
      this.#reader.push(chunk);
    }
    // An answer without its last packet would be a short one.
    if (this.#hasEnded && !this.#isDrained) throw malformed("a shard's reply without an end");
    return undefined;
  }

  /** The next rows; undefined at the end. */
  async next(): Promise<RowBatch | undefined> {
    for (;;) {
      const batch = this.take();
      if (batch !== undefined || this.#isDrained) return batch;
      await new Promise<void>((resolve) => this.onReady(resolve));
    }
  }

  /**
   * The reader wants no more. With `isCancelled` the statement is stopped on the shard; without, what is left of its rows
   * is thrown away as it comes, so that what it did there (locks) stays.
   */
  stop(isCancelled: boolean): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#chunks.length = 0;
    if (this.#call === undefined) {
      this.#hasEnded = true;
      this.#finished();
      return;
    }
    if (this.#hasEnded) return;
    if (isCancelled) this.#call.cancel();
    else this.#call.consumed(LIMITS.callCreditBytes);
  }

  /** Another shard has failed: whoever waits for this one is told. */
  fail(error: Error): void {
    this.#failure ??= error;
    this.stop(true);
    this.#poke();
  }

  #received(chunk: Buffer): void {
    if (this.#isStopped) {
      this.#call?.consumed(chunk.length);
      return;
    }
    this.#chunks.push(chunk);
    this.#poke();
  }

  #ended(info: ReplyEnd | undefined, error: Error | undefined, holdLost: boolean, chunk: Buffer | undefined): void {
    this.#hasEnded = true;
    const told = this.#isStopped ? undefined : error;
    this.#failure ??= told;
    if (chunk !== undefined && !this.#isStopped && this.#failure === undefined) this.#chunks.push(chunk);
    this.#onEnd({ target: this.target, info, error: told, holdLost });
    this.#finished();
    this.#poke();
  }

  #poke(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  /** Rows that lie in the chunk, or the one row that it completes. */
  #nextBatch(): RowBatch | undefined {
    for (;;) {
      const columns = this.#columns;
      if (columns !== undefined) {
        const starts: number[] = [];
        const ends: number[] = [];
        const bytes = this.#reader.takeWhole(starts, ends);
        if (bytes !== undefined) {
          this.#takeEnd(bytes, starts, ends);
          if (ends.length > 0) return { columns, buffers: ends.map(() => bytes), starts, ends };
          continue;
        }
      }
      const packet = this.#reader.next();
      if (packet === undefined) return undefined;
      if (columns === undefined) this.#takeHead(packet);
      else if (isEof(packet)) this.#isDrained = true;
      else return { columns, ...rowsOf([packet]) };
    }
  }

  /** The last packet may be the EOF. */
  #takeEnd(bytes: Buffer, starts: number[], ends: number[]): void {
    const start = starts[starts.length - 1] as number;
    const end = ends[ends.length - 1] as number;
    if (bytes[start] !== HEADER_EOF || end - start >= EOF_BYTES_MAX) return;
    this.#isDrained = true;
    starts.pop();
    ends.pop();
  }

  #takeHead(packet: Buffer): void {
    if (this.#headLeft < 0) {
      if (packet[0] === 0) throw new ShardgateError("ER_MALFORMED_PACKET", "a query was answered without rows");
      this.#headLeft = new BufferReader(packet).lenenc();
    } else if (this.#headLeft > 0) {
      this.#definitions.push(decodeColumnDefinition(packet));
      this.#headLeft--;
    } else {
      this.#onColumns(this.#definitions);
      this.#columns = this.#definitions;
    }
  }
}

/** A packet that begins like an EOF is a row when it is longer: its first value has 16 MiB or more. */
const EOF_BYTES_MAX = 9;
