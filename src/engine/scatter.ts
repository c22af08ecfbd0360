// Scatter without cross-shard work: the statement goes to several shards at once and their rows reach the client one after
// the other as they arrive, under the column definitions of the first shard that answers and one last EOF. Rows are never
// decoded; packets are cut and renumbered. The first error stops all shards; before the head has gone out it is the whole
// answer, after it an ERR ends the rows, so that a short result is never taken for a complete one.
//
// Rows of executed statements have binary form, which only their own shard's definitions tell: a shard whose column types
// are others than the first one's (a definition is under way) is an error there.

import { LIMITS } from "../base/limits.ts";
import { interrupted, MysqlError, ShardgateError } from "../base/errors.ts";
import { COLUMN_FLAG, COM } from "../mysql/constants.ts";
import { type ColumnDefinition, decodeColumnDefinition } from "../mysql/packets/column-definition.ts";
import { encodeEof } from "../mysql/packets/eof.ts";
import { decodeErr, encodeErrOf } from "../mysql/packets/err.ts";
import { writeFrame } from "../mysql/frame.ts";
import { Resequencer, RowCutter } from "../mysql/row-cutter.ts";
import { definitionsOf } from "./describe.ts";
import type { Output } from "./output.ts";
import {
  losesHold,
  type ReplySink,
  type ShardCall,
  type ShardPort,
  type ShardRequest,
  type ShardTarget,
} from "./ports.ts";
import type { ReplyEnd } from "./reply.ts";

export interface ScatterRequest {
  readonly target: ShardTarget;
  readonly request: ShardRequest;
}

/** One shard's part in the outcome, for the session: held connections, warnings. */
export interface ScatterPart {
  readonly target: ShardTarget;
  readonly info: ReplyEnd | undefined;
  readonly error: Error | undefined;
  readonly holdLost: boolean;
}

export interface ScatterOutcome {
  readonly parts: readonly ScatterPart[];
  /** The first error; an ERR packet for it has been written. */
  readonly error: Error | undefined;
}

/** What a scatter answers to, and how. */
export interface ScatterOwner {
  readonly output: Output;
  /** Of the first packet of the answer. */
  readonly sequenceId: number;
  /** Of the closing EOF. */
  statusFlags(): number;
  /** What the warnings of all replies add up to. */
  countWarnings(replies: readonly ReplyEnd[]): number;
  /** The error to tell when a connection that the session held was lost. */
  whenLost(error: Error): Error;
  /** Aborts when nobody wants the rest. */
  readonly signal: AbortSignal;
  /** A shard that fails counts as a warning, as long as another one answers. */
  readonly isLenient: boolean;
}

/** Resolves when every shard has ended. Never rejects. */
export function scatterRows(
  port: ShardPort,
  requests: readonly ScatterRequest[],
  owner: ScatterOwner,
): Promise<ScatterOutcome> {
  return new Promise((resolve) => {
    new Scatter(port, requests, owner, resolve).start();
  });
}

class Scatter {
  readonly #port: ShardPort;
  readonly #requests: readonly ScatterRequest[];
  readonly #output: Output;
  readonly #resequencer: Resequencer;
  readonly #owner: ScatterOwner;
  readonly #resolve: (outcome: ScatterOutcome) => void;
  /** What goes to the client next: small pieces go together. */
  readonly #pieces: Buffer[] = [];
  readonly #parts: ScatterPart[] = [];
  readonly #running = new Set<ShardCall>();
  #next = 0;
  /** The one that has been written, kept as it was. */
  #head: Buffer | undefined;
  #error: Error | undefined;
  #isHoldLost = false;
  readonly #replies: ReplyEnd[] = [];
  #hasWarnings = false;
  /** Of shards that failed, which is forgiven. */
  readonly #forgiven: Error[] = [];
  #waiting = false;
  /** Credit owed to calls while the client's queue is full. */
  #owed = new Map<ShardCall, number>();

  constructor(
    port: ShardPort,
    requests: readonly ScatterRequest[],
    owner: ScatterOwner,
    resolve: (outcome: ScatterOutcome) => void,
  ) {
    this.#port = port;
    this.#requests = requests;
    this.#owner = owner;
    this.#output = owner.output;
    this.#resequencer = new Resequencer(owner.sequenceId);
    this.#resolve = resolve;
  }

  start(): void {
    this.#owner.signal.addEventListener("abort", this.#aborted, { once: true });
    this.#startMore();
  }

  readonly #aborted = (): void => {
    const reason: unknown = this.#owner.signal.reason;
    this.#fail(reason instanceof Error ? reason : interrupted());
  };

  #startMore(): void {
    while (this.#running.size < LIMITS.scatterConcurrencyMax && this.#error === undefined) {
      const next = this.#requests[this.#next];
      if (next === undefined) break;
      this.#next++;
      this.#startOne(next);
    }
    if (this.#running.size === 0) this.#finish();
  }

  get #isBinary(): boolean {
    return this.#requests[0]?.request.payload[0] === COM.STMT_EXECUTE;
  }

  #startOne({ target, request }: ScatterRequest): void {
    const cutter = new RowCutter(LIMITS.bufferedReplyBytesMax);
    let call: ShardCall | undefined;
    const take = (chunk: Buffer, isLast: boolean): void => {
      if (this.#error === undefined) {
        try {
          this.#forward(cutter, chunk);
          // The answer's end goes with its last rows.
          const endsAll = isLast && this.#running.size <= 1 && this.#next === this.#requests.length;
          if (!endsAll) this.#flush(call, chunk.length);
        } catch (error) {
          this.#fail(error instanceof Error ? error : new Error(String(error)));
        }
      }
      if (this.#error !== undefined) call?.consumed(chunk.length);
    };
    const ended = (part: ScatterPart): void => {
      if (call !== undefined) {
        this.#running.delete(call);
        this.#owed.delete(call);
      }
      this.#parts.push(part);
      this.#startMore();
    };
    const sink: ReplySink = {
      data: (chunk) => take(chunk, false),
      end: (info, chunk) => {
        take(chunk, true);
        let error: Error | undefined;
        if (info.kind === "err") {
          error = decodeErr(chunk.subarray(chunk.length - info.lastPacketBytes + 4));
          this.#shardFailed(error);
        } else {
          this.#replies.push(info);
          this.#hasWarnings ||= info.warnings > 0;
        }
        ended({ target, info, error, holdLost: false });
      },
      fail: (error, wasHoldLost) => {
        this.#shardFailed(error);
        const holdLost = losesHold(request, error, wasHoldLost);
        this.#isHoldLost ||= holdLost;
        ended({ target, info: undefined, error, holdLost });
      },
    };
    try {
      call = this.#port.execute(target, request, sink);
      this.#running.add(call);
    } catch (error) {
      const reason = error instanceof Error ? error : new Error(String(error));
      this.#shardFailed(reason);
      this.#parts.push({ target, info: undefined, error: reason, holdLost: false });
    }
  }

  /** What of `chunk` makes whole rows goes to the client next, the head first, once. */
  #forward(cutter: RowCutter, chunk: Buffer): void {
    const rows: Buffer[] = [];
    const hadHead = cutter.head.length > 0;
    cutter.push(chunk, 0, chunk.length, rows);
    if (!hadHead && cutter.head.length > 0) {
      if (this.#head === undefined) {
        this.#head = this.#isBinary ? Buffer.from(cutter.head) : cutter.head;
        rows.unshift(cutter.head);
      } else if (this.#isBinary) checkTypes(cutter.head, this.#head);
    }
    for (const row of rows) {
      this.#resequencer.push(row);
      this.#pieces.push(row);
    }
  }

  /** Returns whether the client keeps up. */
  #write(): boolean {
    const pieces = this.#pieces.splice(0);
    let bytes = 0;
    for (const piece of pieces) bytes += piece.length;
    const joined = pieces.length > 1 && bytes <= LIMITS.joinedBytesMax ? [Buffer.concat(pieces, bytes)] : pieces;
    let more = true;
    for (const piece of joined) more = this.#output.write(piece) && more;
    return more;
  }

  /** Writes what there is; `call`, whose `bytes` it is, sends more once the client has kept up. */
  #flush(call: ShardCall | undefined, bytes: number): void {
    const more = this.#write();
    if (call === undefined) return;
    if (more && !this.#waiting) {
      call.consumed(bytes);
      return;
    }
    this.#owed.set(call, (this.#owed.get(call) ?? 0) + bytes);
    if (this.#waiting) return;
    this.#waiting = true;
    this.#output.onDrain(() => {
      this.#waiting = false;
      const owed = this.#owed;
      this.#owed = new Map();
      for (const [waiting, bytes] of owed) waiting.consumed(bytes);
    });
  }

  #shardFailed(error: Error): void {
    const isForgivable = error instanceof MysqlError || error instanceof ShardgateError;
    if (this.#owner.isLenient && this.#error === undefined && isForgivable) this.#forgiven.push(error);
    else this.#fail(error);
  }

  #fail(error: Error): void {
    if (this.#error !== undefined) return;
    this.#error = error;
    // A cancelled call needs no more credit: the tablet lets the rest of its reply flow.
    for (const call of this.#running) call.cancel();
  }

  #finish(): void {
    this.#owner.signal.removeEventListener("abort", this.#aborted);
    if (this.#forgiven.length === this.#requests.length) this.#error ??= this.#forgiven[0];
    const error = this.#error === undefined || !this.#isHoldLost ? this.#error : this.#owner.whenLost(this.#error);
    if (error === undefined) {
      const told = this.#hasWarnings ? this.#owner.countWarnings(this.#replies) : 0;
      const warnings = told + this.#forgiven.length;
      const eof = encodeEof({ warnings: Math.min(warnings, 0xffff), statusFlags: this.#owner.statusFlags() });
      this.#pieces.push(writeFrame(eof, this.#resequencer.sequenceId));
    } else {
      const shown =
        error instanceof ShardgateError || error instanceof MysqlError
          ? error
          : new ShardgateError("INTERNAL", "internal error; see the gateway's log");
      this.#pieces.push(writeFrame(encodeErrOf(shown), this.#resequencer.sequenceId));
    }
    this.#write();
    this.#resolve({ parts: this.#parts, error });
  }
}

/** Throws ER_NEED_REPREPARE when the columns have not the types of those that have been shown. */
function checkTypes(head: Buffer, shown: Buffer): void {
  if (head.equals(shown)) return;
  const [own, wanted] = [head, shown].map((bytes) => definitionsOf(bytes).map((each) => decodeColumnDefinition(each)));
  const isSame = own?.length === wanted?.length && own?.every((column, at) => sameForm(column, wanted?.[at]));
  if (isSame !== true) {
    throw new ShardgateError(
      "ER_NEED_REPREPARE",
      "Prepared statement needs to be re-prepared: the shards' columns differ",
    );
  }
}

function sameForm(own: ColumnDefinition, wanted: ColumnDefinition | undefined): boolean {
  const isUnsigned = ({ flags }: ColumnDefinition): boolean => (flags & COLUMN_FLAG.UNSIGNED) !== 0;
  return wanted !== undefined && own.type === wanted.type && isUnsigned(own) === isUnsigned(wanted);
}
