// One shard's answer as column definitions and batches of rows, taken at the reader's pace: what is not taken is not
// granted to the shard as credit. Rows are packet payloads, slices of the chunks they came in.
//
//   waiting (for its turn on a held connection) ──► running ──► ended            stopped: what still comes is thrown away

import { ShardgateError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { BufferReader, malformed } from "../mysql/codec.ts";
import { PacketReader } from "../mysql/packet-reader.ts";
import { type ColumnDefinition, decodeColumnDefinition } from "../mysql/packets/column-definition.ts";
import { isEof } from "../mysql/packets/eof.ts";
import { decodeErr } from "../mysql/packets/err.ts";
import { ShardCallError } from "./collect.ts";
import { losesHold, type ShardCall, type ShardPort, type ShardRequest, type ShardTarget } from "./ports.ts";
import type { ReplyEnd } from "./reply.ts";

/** Rows of one stream, in its order. */
export interface RowBatch {
  /** The same object for all batches of a stream. */
  readonly columns: readonly ColumnDefinition[];
  /** Payloads; they may share memory with the chunk that they came in. At least one. */
  readonly rows: readonly Buffer[];
}

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
  /** Credit for the chunk whose rows the reader has. */
  #owedBytes = 0;
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
    if (this.#owedBytes > 0) {
      this.#call?.consumed(this.#owedBytes);
      this.#owedBytes = 0;
    }
    if (this.#failure !== undefined) throw this.#failure;
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk === undefined) {
        if (this.#hasEnded) {
          // An answer without its last packet would be a short one.
          if (!this.#isDrained) throw malformed("a shard's reply without an end");
        }
        return undefined;
      }
      const rows = this.#rowsOf(chunk);
      if (rows.length > 0 && this.#columns !== undefined) {
        this.#owedBytes = chunk.length;
        return { columns: this.#columns, rows };
      }
      this.#call?.consumed(chunk.length);
    }
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

  #rowsOf(chunk: Buffer): Buffer[] {
    const rows: Buffer[] = [];
    const reader = this.#reader;
    reader.push(chunk);
    for (let packet = reader.next(); packet !== undefined; packet = reader.next()) {
      if (this.#columns === undefined) this.#takeHead(packet);
      else if (isEof(packet)) this.#isDrained = true;
      else rows.push(packet);
    }
    return rows;
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
