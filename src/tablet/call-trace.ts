// The spans of one call that its gateway traces: the call, and one after the other what it waits for, as for a connection of
// the pool, for the session's settings, for the mysqld.

import type { Span, TraceContext, Tracer } from "../base/tracing.ts";

export type CallStage = "pool wait" | "set up" | "mysqld";

export class CallTrace {
  readonly #tracer: Tracer;
  readonly #call: Span;
  #stage: Span | undefined;
  #ended = false;

  /** Undefined when this trace is not recorded. */
  static begin(tracer: Tracer, parent: TraceContext, shard: string): CallTrace | undefined {
    const call = tracer.start(`tablet ${shard}`, "server", parent, { "db.system.name": "mysql" });
    return call === undefined ? undefined : new CallTrace(tracer, call);
  }

  private constructor(tracer: Tracer, call: Span) {
    this.#tracer = tracer;
    this.#call = call;
  }

  /** Ends the stage before. */
  stage(stage: CallStage): void {
    this.#stage?.end();
    this.#stage = this.#tracer.start(stage, stage === "pool wait" ? "internal" : "client", this.#call.context);
  }

  /** Whatever came of it. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#stage?.end();
    this.#call.end();
  }
}
