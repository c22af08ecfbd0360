// Spans by OpenTelemetry's SDK, sent by OTLP over HTTP. The one file that knows the SDK, which is loaded only where an
// endpoint is given. What else it can be told is in OpenTelemetry's own variables (OTEL_EXPORTER_OTLP_HEADERS,
// OTEL_BSP_MAX_QUEUE_SIZE, …).

import { hostname } from "node:os";
import type { Command } from "commander";
import { InvalidArgumentError } from "commander";
import { messageOf, ShardgateError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { SpanKind, TraceContext, Tracer } from "../base/tracing.ts";

export interface TracingFlags {
  readonly otlpEndpoint?: string | undefined;
  readonly traceSampleRatio: number;
}

const TRACES_PATH = "/v1/traces";
const FLUSH_MS = 3_000;
const SAMPLED = 1;

export function addTracingFlags(command: Command): Command {
  return command
    .option(
      "--otlp-endpoint <url>",
      "collector that spans are sent to by OTLP over HTTP, as http://collector:4318 (default: no tracing)",
    )
    .option(
      "--trace-sample-ratio <share>",
      "share of the queries that are traced, from 0 to 1, if their client does not say whether they are",
      share,
      0.01,
    );
}

/** Undefined when there is no endpoint. Throws CONFIG_BAD for one that is none. `attributes` are about the process. */
export async function startTracing(
  { otlpEndpoint, traceSampleRatio }: TracingFlags,
  serviceName: string,
  attributes: Readonly<Record<string, string>>,
  log: Log,
): Promise<Tracer | undefined> {
  if (otlpEndpoint === undefined) return undefined;
  const url = tracesUrl(otlpEndpoint);
  const [api, { OTLPTraceExporter }, { resourceFromAttributes }, sdk] = await Promise.all([
    import("@opentelemetry/api"),
    import("@opentelemetry/exporter-trace-otlp-http"),
    import("@opentelemetry/resources"),
    import("@opentelemetry/sdk-trace-base"),
  ]);
  api.diag.setLogger(
    {
      verbose: () => undefined,
      debug: () => undefined,
      info: () => undefined,
      warn: (message) => log.warn({ message }, "tracing"),
      error: (message) => log.warn({ message }, "tracing: spans are lost"),
    },
    api.DiagLogLevel.WARN,
  );
  const provider = new sdk.BasicTracerProvider({
    resource: resourceFromAttributes({
      "service.name": serviceName,
      "service.instance.id": `${hostname()}:${process.pid}`,
      ...attributes,
    }),
    sampler: new sdk.ParentBasedSampler({ root: new sdk.TraceIdRatioBasedSampler(traceSampleRatio) }),
    spanProcessors: [new sdk.BatchSpanProcessor(new OTLPTraceExporter({ url }))],
  });
  const tracer = provider.getTracer("shardgate");
  const kinds = {
    server: api.SpanKind.SERVER,
    client: api.SpanKind.CLIENT,
    internal: api.SpanKind.INTERNAL,
  } satisfies Record<SpanKind, number>;
  log.info({ url, ratio: traceSampleRatio }, "tracing");
  return {
    start(name, kind, parent, own) {
      const context = parent === undefined ? api.ROOT_CONTEXT : under(parent);
      const span = tracer.startSpan(
        name,
        { kind: kinds[kind], ...(own === undefined ? {} : { attributes: own }) },
        context,
      );
      if (!span.isRecording()) return undefined;
      const { traceId, spanId } = span.spanContext();
      return {
        context: { traceId, spanId, isSampled: true },
        rename: (renamed) => {
          span.updateName(renamed);
        },
        set: (more) => {
          span.setAttributes(more);
        },
        fail: (message) => {
          span.setStatus({ code: api.SpanStatusCode.ERROR, message });
        },
        end: () => span.end(),
      };
    },
    async close() {
      const timeout = new Promise<void>((resolve) => {
        setTimeout(resolve, FLUSH_MS).unref();
      });
      await Promise.race([provider.shutdown(), timeout]).catch((error: unknown) => {
        log.warn({ error: messageOf(error) }, "tracing: the last spans are lost");
      });
    },
  };

  function under({ traceId, spanId, isSampled }: TraceContext): ReturnType<typeof api.trace.setSpanContext> {
    const traceFlags = isSampled ? SAMPLED : 0;
    return api.trace.setSpanContext(api.ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true });
  }
}

/** As OpenTelemetry's own variables have it: an endpoint without a path is that of a collector. */
function tracesUrl(endpoint: string): string {
  let url: URL;
  try {
    url = new URL(endpoint);
  } catch (error) {
    throw new ShardgateError("CONFIG_BAD", `--otlp-endpoint is no URL: ${endpoint}`, error);
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new ShardgateError("CONFIG_BAD", `--otlp-endpoint is no http or https URL: ${endpoint}`);
  }
  if (url.pathname === "/" || url.pathname === "") url.pathname = TRACES_PATH;
  return url.href;
}

function share(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0 && value <= 1)) throw new InvalidArgumentError("expected 0 to 1");
  return value;
}
