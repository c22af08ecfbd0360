// The tablets as one statement sees them, with a note of each call: where it went, what it said, and what came back. For
// VEXPLAIN; calls that start together, in one turn of the event loop, have one number.

import type { Clock } from "../../base/clock.ts";
import { MysqlError, messageOf, ShardgateError } from "../../base/errors.ts";
import { LIMITS } from "../../base/limits.ts";
import type { ReplySink, ShardCall, ShardRequest, ShardTarget } from "../../engine/ports.ts";
import type { ReplyEnd } from "../../engine/reply.ts";
import { COM } from "../../mysql/constants.ts";
import { decodeErr } from "../../mysql/packets/err.ts";
import { decodeSql } from "../../sql/encoding.ts";
import type { Tablets } from "../gateway-context.ts";

export interface TracedCall {
  /** From 0. */
  readonly turn: number;
  readonly target: ShardTarget;
  /** Without what was before it on the connection: settings, BEGIN. Cut off when it is very long. */
  readonly sql: string;
  /** Since the first call's start. */
  readonly startMs: number;
  /** It opened the session's transaction there. */
  readonly begins: boolean;
  rows: number;
  /** Of the reply. */
  bytes: number;
  /** From the call to the reply's end; undefined while it has none. */
  ms: number | undefined;
  error: string | undefined;
}

export class TracedTablets implements Tablets {
  /** In the order they started. */
  readonly calls: TracedCall[] = [];
  /** Calls beyond those that are kept. */
  omitted = 0;
  readonly #inner: Tablets;
  readonly #clock: Clock;
  #beganMs: number | undefined;
  #turn = -1;
  #isInTurn = false;

  constructor(inner: Tablets, clock: Clock) {
    this.#inner = inner;
    this.#clock = clock;
  }

  get tablets(): Tablets["tablets"] {
    return this.#inner.tablets;
  }

  primaryProblem(keyspace: string, shard: string): string | undefined {
    return this.#inner.primaryProblem(keyspace, shard);
  }

  execute(target: ShardTarget, request: ShardRequest, sink: ReplySink): ShardCall {
    if (request.payload[0] !== COM.QUERY) return this.#inner.execute(target, request, sink);
    const nowMs = this.#clock.nowMs();
    this.#beganMs ??= nowMs;
    const call: TracedCall = {
      turn: this.#currentTurn(),
      target,
      sql: shortened(request.payload),
      startMs: nowMs - this.#beganMs,
      begins: request.begin !== "",
      rows: 0,
      bytes: 0,
      ms: undefined,
      error: undefined,
    };
    if (this.calls.length < LIMITS.tracedCallsMax) this.calls.push(call);
    else this.omitted++;
    return this.#inner.execute(target, request, this.#noting(call, sink));
  }

  conclude(...concluding: Parameters<Tablets["conclude"]>): ShardCall {
    return this.#inner.conclude(...concluding);
  }

  #noting(call: TracedCall, sink: ReplySink): ReplySink {
    const startMs = this.#clock.nowMs();
    const ended = (): void => {
      call.ms = this.#clock.nowMs() - startMs;
    };
    return {
      data: (chunk) => {
        call.bytes += chunk.length;
        sink.data(chunk);
      },
      end: (info: ReplyEnd, chunk) => {
        ended();
        call.bytes += chunk.length;
        call.rows = info.rows;
        if (info.kind === "err")
          call.error = textOf(decodeErr(chunk.subarray(chunk.length - info.lastPacketBytes + 4)));
        sink.end(info, chunk);
      },
      fail: (error, holdLost) => {
        ended();
        call.error = textOf(error);
        sink.fail(error, holdLost);
      },
    };
  }

  #currentTurn(): number {
    if (!this.#isInTurn) {
      this.#isInTurn = true;
      this.#turn++;
      setImmediate(() => {
        this.#isInTurn = false;
      });
    }
    return this.#turn;
  }
}

/** The text of a COM_QUERY. */
function shortened(payload: Buffer): string {
  const sql = decodeSql(payload.subarray(1, 1 + LIMITS.tracedSqlBytesMax));
  return payload.length > 1 + LIMITS.tracedSqlBytesMax ? `${sql} …` : sql;
}

function textOf(error: Error): string {
  const isCoded = error instanceof MysqlError || error instanceof ShardgateError;
  return isCoded ? `${error.errno} ${error.sqlState} ${error.message}` : messageOf(error);
}
