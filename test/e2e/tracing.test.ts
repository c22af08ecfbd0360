// Spans of real processes, as a collector gets them: an HTTP server that takes OTLP as JSON.

import { createServer, type Server } from "node:http";
import { text } from "node:stream/consumers";
import { type Connection, createConnection, type QueryOptions } from "mysql2/promise";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Cluster } from "../../src/local/cluster.ts";
import { delay } from "../../src/local/process.ts";
import { startCluster } from "../fixture/cluster.ts";

const PATIENCE_MS = 60_000;
const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";

interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { readonly key: string; readonly value: Record<string, unknown> }[];
  readonly status: { readonly code?: number };
}

interface Received extends ReceivedSpan {
  readonly service: unknown;
}

interface OtlpBody {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: ReceivedSpan["attributes"] };
    readonly scopeSpans: readonly { readonly spans: readonly ReceivedSpan[] }[];
  }[];
}

const received: Received[] = [];
let collector: Server;
let cluster: Cluster;
let client: Connection;

/** How long the SDK collects before it sends, which OpenTelemetry has a variable for. */
const SEND_MS = "200";
const SERVER_KIND = 2;
const ERROR_STATUS = 2;

async function spansOf(traceId: string, isAll: (spans: readonly Received[]) => boolean): Promise<readonly Received[]> {
  for (const endMs = performance.now() + PATIENCE_MS; performance.now() < endMs; await delay(50)) {
    const spans = received.filter((span) => span.traceId === traceId);
    if (isAll(spans)) return spans;
  }
  throw new Error(`spans do not arrive: ${JSON.stringify(received.filter((span) => span.traceId === traceId))}`);
}

function children(spans: readonly Received[], parent: Received | undefined): readonly Received[] {
  return spans.filter(({ parentSpanId }) => parentSpanId === parent?.spanId);
}

function attribute({ attributes }: Pick<ReceivedSpan, "attributes">, name: string): unknown {
  return Object.values(attributes.find(({ key }) => key === name)?.value ?? {})[0];
}

function traceparent(trace: string, flags = "01"): string {
  return `/*traceparent='00-${trace}-${SPAN}-${flags}'*/`;
}

beforeAll(async () => {
  process.env["OTEL_BSP_SCHEDULE_DELAY"] = SEND_MS;
  collector = createServer((request, response) => {
    void text(request).then((body) => {
      if (request.url === "/v1/traces") {
        const parsed: OtlpBody = JSON.parse(body);
        for (const { resource, scopeSpans } of parsed.resourceSpans) {
          const service = attribute(resource, "service.name");
          received.push(...scopeSpans.flatMap(({ spans }) => spans.map((span) => ({ ...span, service }))));
        }
      }
      response.writeHead(200, { "content-type": "application/json" }).end("{}");
    });
  });
  await new Promise<void>((resolve) => {
    collector.listen(0, "127.0.0.1", resolve);
  });
  const address = collector.address();
  const port = typeof address === "object" ? address?.port : undefined;
  const tracing = ["--otlp-endpoint", `http://127.0.0.1:${port}`];
  cluster = await startCluster({
    keyspaces: {
      traced: {
        shards: 2,
        vschema: {
          sharded: true,
          vindexes: { x: { type: "xxhash" } },
          tables: { t: { column_vindexes: [{ column: "id", name: "x" }] } },
        },
        sql: "CREATE TABLE t (id BIGINT PRIMARY KEY, v VARCHAR(100));",
      },
    },
    topo: "etcd",
    gatewayArgs: [...tracing, "--trace-sample-ratio", "0"],
    tabletArgs: tracing,
  });
  client = await createConnection({ host: "127.0.0.1", port: cluster.port, user: "root", database: "traced" });
  await client.query("INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c'), (4, 'd'), (5, 'e')");
}, 480_000);

afterAll(async () => {
  delete process.env["OTEL_BSP_SCHEDULE_DELAY"];
  client?.destroy();
  await cluster?.stop();
  collector?.close();
});

describe("spans", () => {
  test("of a query on one shard: query, plan, call, and in the tablet wait and mysqld", async () => {
    await client.query(`SELECT v FROM t WHERE id = 1 AND v <> 'secret' ${traceparent(TRACE)}`);
    const spans = await spansOf(TRACE, (all) => all.length >= 6);
    const [query, ...more] = spans.filter(({ parentSpanId }) => parentSpanId === SPAN);
    expect(more).toEqual([]);
    expect(query).toMatchObject({ name: "select traced", kind: SERVER_KIND, service: "shardgate-gateway" });
    const gateway = children(spans, query);
    expect(gateway.map(({ name }) => name).toSorted((a, b) => (a < b ? -1 : 1))).toEqual([
      expect.stringMatching(/^call traced\/(-80|80-)$/),
      "plan",
    ]);
    const call = gateway.find(({ name }) => name.startsWith("call"));
    const [tablet, ...others] = children(spans, call);
    expect(others).toEqual([]);
    expect(tablet).toMatchObject({ name: "tablet traced", kind: SERVER_KIND, service: "shardgate-tablet" });
    const stages = children(spans, tablet);
    expect(stages.map(({ name }) => name)).toEqual(expect.arrayContaining(["pool wait", "mysqld"]));
    for (const { startTimeUnixNano, endTimeUnixNano } of spans) {
      expect(BigInt(endTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(startTimeUnixNano));
    }
    if (query === undefined) throw new Error("no query");
    expect(attribute(query, "db.query.text")).toContain("SELECT v FROM t WHERE id=:v1");
    expect(attribute(query, "shardgate.tier")).toBe("pass-through");
    expect(JSON.stringify(spans)).not.toContain("secret");
  });

  test("of a query over shards: a call each; of a prepared one; of one that fails", async () => {
    const [scattered, prepared, failed] = ["1", "2", "3"].map((digit) => digit.repeat(32)) as [string, string, string];
    await client.query(`SELECT COUNT(*) FROM t ${traceparent(scattered)}`);
    await client.execute(`SELECT v FROM t WHERE id = ? ${traceparent(prepared)}`, [2]);
    await expect(client.query(`SELECT nothing FROM t WHERE id = 3 ${traceparent(failed)}`)).rejects.toMatchObject({
      errno: 1054,
    });
    await spansOf(scattered, (all) => new Set(namesOf(all, "call")).size === 2 && namesOf(all, "tablet").length >= 2);
    const executed = await spansOf(
      prepared,
      (all) => namesOf(all, "mysqld").length > 0 && namesOf(all, "select").length > 0,
    );
    expect(namesOf(executed, "call").length).toBeGreaterThan(0);
    const wrong = await spansOf(failed, (all) => namesOf(all, "select").length > 0);
    const query = wrong.find(({ name }) => name.startsWith("select"));
    expect(query?.status.code).toBe(ERROR_STATUS);
    expect(query === undefined ? undefined : attribute(query, "db.response.status_code")).toBe("1054");
  });

  test("under the span that a query attribute names", async () => {
    const trace = "6".repeat(32);
    const attributes = { traceparent: `00-${trace}-${SPAN}-01`, other: "x" };
    // mysql2 has no type for them.
    await client.query({ sql: "SELECT v FROM t WHERE id = 4", attributes } as QueryOptions);
    const spans = await spansOf(
      trace,
      (all) => namesOf(all, "mysqld").length === 1 && namesOf(all, "select").length === 1,
    );
    expect(spans.find(({ parentSpanId }) => parentSpanId === SPAN)?.name).toBe("select traced");
  });

  test("only of those that are to be traced", async () => {
    const [unsampled, sampled] = ["4", "5"].map((digit) => digit.repeat(32)) as [string, string];
    await client.query(`SELECT v FROM t WHERE id = 1 ${traceparent(unsampled, "00")}`);
    await client.query("SELECT v FROM t WHERE id = 1");
    await client.query(`SELECT v FROM t WHERE id = 1 ${traceparent(sampled)}`);
    await spansOf(sampled, (all) => namesOf(all, "mysqld").length === 1);
    const traces = new Set(received.map(({ traceId }) => traceId));
    expect(traces).not.toContain(unsampled);
    // The share of those whose client says nothing is 0 here.
    expect([...traces].filter((trace) => trace !== TRACE && new Set(trace).size > 1)).toEqual([]);
  });
});

function namesOf(spans: readonly Received[], prefix: string): readonly string[] {
  return spans.map(({ name }) => name).filter((name) => name.startsWith(prefix));
}
