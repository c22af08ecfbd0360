// What a process says of the work it does for one query of a client, as spans of a trace (OpenTelemetry's terms), and how a
// span is named where it goes on: in a comment of the client's statement, in a call to a tablet. Nothing here knows how
// spans leave the process; without a Tracer there is none.

/** A span to begin others under, as in W3C's `traceparent`. */
export interface TraceContext {
  /** 32 hexadecimal digits, not all 0. */
  readonly traceId: string;
  /** 16 hexadecimal digits, not all 0. */
  readonly spanId: string;
  readonly isSampled: boolean;
}

/** server: work for somebody else; client: waiting for somebody else. */
export type SpanKind = "server" | "client" | "internal";

export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

export interface Span {
  readonly context: TraceContext;
  rename(name: string): void;
  set(attributes: SpanAttributes): void;
  /** What it is about has failed. */
  fail(message: string): void;
  /** Once. */
  end(): void;
}

export interface Tracer {
  /** Undefined: this trace is not recorded. Without a parent a new trace begins, if it is chosen to. */
  start(name: string, kind: SpanKind, parent: TraceContext | undefined, attributes?: SpanAttributes): Span | undefined;
  /** Sends what has not been sent, within some seconds. Never rejects. */
  close(): Promise<void>;
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const SAMPLED = 1;

/** Undefined for what is no `traceparent` (https://www.w3.org/TR/trace-context/). */
export function parseTraceparent(text: string): TraceContext | undefined {
  const match = TRACEPARENT.exec(text);
  if (match === null) return undefined;
  const [, version, traceId = "", spanId = "", flags = "", more] = match;
  // What comes behind is for later versions.
  if (version === "ff" || (version === "00" && more !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & SAMPLED) !== 0 };
}

export const TRACE_CONTEXT_BYTES = 25;

/** 16 bytes of trace id, 8 of span id, flags. */
export function writeTraceContext(context: TraceContext, buffer: Buffer, at: number): number {
  buffer.write(context.traceId, at, "hex");
  buffer.write(context.spanId, at + 16, "hex");
  return buffer.writeUInt8(context.isSampled ? SAMPLED : 0, at + 24);
}

export function readTraceContext(buffer: Buffer, at: number): TraceContext {
  return {
    traceId: buffer.toString("hex", at, at + 16),
    spanId: buffer.toString("hex", at + 16, at + 24),
    isSampled: (buffer.readUInt8(at + 24) & SAMPLED) !== 0,
  };
}

const COMMENT = /\/\*[^*]*?traceparent\s*=\s*'([0-9a-f-]+)'[^*]*\*\//;
/** Comments for tracing stand at a statement's end, or at its beginning. */
const LOOKED_AT_BYTES = 1_024;
const MARK = "traceparent";

/**
 * The `traceparent` in a comment of a statement, as sqlcommenter writes it: key='value' pairs with commas between. `sql` is
 * looked at from `start`.
 */
export function traceparentOf(sql: Buffer, start = 0): TraceContext | undefined {
  const length = sql.length - start;
  const parts =
    length <= 2 * LOOKED_AT_BYTES
      ? [sql.subarray(start)]
      : [sql.subarray(-LOOKED_AT_BYTES), sql.subarray(start, start + LOOKED_AT_BYTES)];
  for (const part of parts) {
    if (!part.includes(MARK)) continue;
    const text = COMMENT.exec(part.toString("latin1"))?.[1];
    const context = text === undefined ? undefined : parseTraceparent(text);
    if (context !== undefined) return context;
  }
  return undefined;
}
