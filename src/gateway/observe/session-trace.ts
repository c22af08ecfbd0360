// The spans of one session: one for each command that runs statements, and under it what the gateway plans and whom it
// calls. Only sessions of a gateway that traces have one; whether a query is recorded is decided once, as it begins.

import { MysqlError, messageOf, ShardgateError } from "../../base/errors.ts";
import type { Span, SpanAttributes, SpanKind, TraceContext, Tracer } from "../../base/tracing.ts";
import type { ReplySink, ShardCall, ShardRequest, ShardTarget } from "../../engine/ports.ts";
import { decodeErr } from "../../mysql/packets/err.ts";
import type { GatewayContext, Tablets } from "../gateway-context.ts";
import type { Digest } from "./query-stats.ts";
import type { LastStatement } from "../session/session-state.ts";

export class SessionTrace {
  readonly #tracer: Tracer;
  /** Of the command under way; undefined: it is not recorded. */
  #query: Span | undefined;

  constructor(tracer: Tracer) {
    this.#tracer = tracer;
  }

  /** A command begins; `parent` is what its client works under. */
  begin(parent: TraceContext | undefined, attributes: SpanAttributes): void {
    this.#query = this.#tracer.start("command", "server", parent, attributes);
  }

  /** Something is done for the command under way. */
  start(name: string, kind: SpanKind, attributes?: SpanAttributes): Span | undefined {
    return this.#query === undefined ? undefined : this.#tracer.start(name, kind, this.#query.context, attributes);
  }

  get traceId(): string | undefined {
    return this.#query?.context.traceId;
  }

  /** The command is answered; `digest` is of its last statement, undefined if it was none. */
  end(digest: Digest | undefined, { tier, rows, errno, error }: LastStatement): void {
    const query = this.#query;
    if (query === undefined) return;
    this.#query = undefined;
    if (digest !== undefined) {
      const { type, keyspace, text } = digest;
      query.rename(keyspace === "" ? type : `${type} ${keyspace}`);
      query.set({
        "db.namespace": keyspace,
        "db.operation.name": type,
        "db.query.text": text,
        "db.response.returned_rows": rows,
        "shardgate.tier": tier,
      });
      if (errno !== 0) {
        query.set({ "db.response.status_code": String(errno), "error.type": error?.sqlState ?? "HY000" });
        query.fail(`error ${errno}`);
      }
    }
    query.end();
  }
}

/** What a session of a gateway that traces sees: tablets whose calls become spans. */
export function tracedContext(context: GatewayContext, trace: SessionTrace): GatewayContext {
  return { ...context, trace, tablets: new SpannedTablets(context.tablets, trace) };
}

class SpannedTablets implements Tablets {
  readonly #inner: Tablets;
  readonly #trace: SessionTrace;

  constructor(inner: Tablets, trace: SessionTrace) {
    this.#inner = inner;
    this.#trace = trace;
  }

  get tablets(): Tablets["tablets"] {
    return this.#inner.tablets;
  }

  primaryProblem(keyspace: string, shard: string): string | undefined {
    return this.#inner.primaryProblem(keyspace, shard);
  }

  execute(target: ShardTarget, request: ShardRequest, sink: ReplySink): ShardCall {
    const span = this.#trace.start(`call ${nameOf(target)}`, "client", attributesOf(target));
    if (span === undefined) return this.#inner.execute(target, request, sink);
    return called(span, () => this.#inner.execute(target, { ...request, trace: span.context }, spanned(span, sink)));
  }

  conclude(...[target, op, holdId, sink, statements]: Parameters<Tablets["conclude"]>): ShardCall {
    const span = this.#trace.start(`${op} ${nameOf(target)}`, "client", attributesOf(target));
    if (span === undefined) return this.#inner.conclude(target, op, holdId, sink, statements);
    return called(span, () => this.#inner.conclude(target, op, holdId, spanned(span, sink), statements));
  }
}

function called(span: Span, call: () => ShardCall): ShardCall {
  try {
    return call();
  } catch (error) {
    span.fail(textOf(error));
    span.end();
    throw error;
  }
}

function spanned(span: Span, sink: ReplySink): ReplySink {
  return {
    data: (chunk) => sink.data(chunk),
    end: (info, chunk) => {
      span.set({ "db.response.returned_rows": info.rows });
      if (info.kind === "err") {
        span.fail(`error ${decodeErr(chunk.subarray(chunk.length - info.lastPacketBytes + 4)).errno}`);
      }
      span.end();
      sink.end(info, chunk);
    },
    fail: (error, holdLost) => {
      span.fail(textOf(error));
      span.end();
      sink.fail(error, holdLost);
    },
  };
}

function attributesOf({ keyspace, shard, tabletType }: ShardTarget): SpanAttributes {
  return { "shardgate.keyspace": keyspace, "shardgate.shard": shard, "shardgate.tablet_type": tabletType };
}

function nameOf({ keyspace, shard }: ShardTarget): string {
  return `${keyspace}/${shard}`;
}

/** A mysqld's error may quote the statement. */
function textOf(error: unknown): string {
  if (error instanceof MysqlError) return `error ${error.errno}`;
  return error instanceof ShardgateError ? `${error.errno} ${error.message}` : messageOf(error);
}
