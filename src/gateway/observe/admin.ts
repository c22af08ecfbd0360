// A gateway's admin port: whether it lives and serves, its metrics, and pages of what it does now.

import { type AdminPage, type AdminPlace, type AdminServer, dataPage, serveAdmin } from "../../base/admin-server.ts";
import { Metrics } from "../../base/process-metrics.ts";
import type { ConnectionTotals } from "../client/client-connections.ts";
import type { ClusterView } from "../cluster/cluster-view.ts";
import type { GatewayContext } from "../gateway-context.ts";
import { ruleMetrics, ruleRows } from "../rules/query-rules.ts";
import { digestRows } from "./query-stats.ts";

export interface AdminSources {
  readonly context: GatewayContext;
  readonly connections: { readonly size: number; readonly totals: ConnectionTotals };
  /** False once a drain has begun. */
  readonly accepting: () => boolean;
  /** Seconds since the topology has been heard of last. */
  readonly topologyAgeS: () => number;
  /** False: /metrics is not there. */
  readonly hasMetrics: boolean;
  /** Flags it was started with, secrets left out. */
  readonly config: Readonly<Record<string, unknown>>;
}

const DIGESTS_SHOWN = 100;

export function startGatewayAdmin(place: AdminPlace, sources: AdminSources): Promise<AdminServer> {
  const { context } = sources;
  const metrics = sources.hasMetrics ? metricsOf(sources) : undefined;
  const pages = new Map<string, (wantsJson: boolean) => AdminPage | Promise<AdminPage>>([
    ["/livez", () => text(200, "ok")],
    ["/readyz", () => readiness(sources)],
    ["/debug/queries", (wantsJson) => dataPage("Statements by time", digestRows(context, DIGESTS_SHOWN), wantsJson)],
    ["/debug/rules", (wantsJson) => dataPage("Query rules", ruleRows(context.rules), wantsJson)],
    ["/debug/plans", (wantsJson) => dataPage("Plan caches", context.plans.summary(), wantsJson)],
    ["/debug/connections", (wantsJson) => dataPage("Client connections", context.processes(), wantsJson)],
    ["/debug/topology", (wantsJson) => dataPage("Topology", topologyOf(context), wantsJson)],
    ["/debug/config", (wantsJson) => dataPage("Configuration", sources.config, wantsJson)],
  ]);
  if (metrics !== undefined) {
    pages.set("/metrics", async () => ({ status: 200, type: metrics.contentType, body: await metrics.text() }));
  }
  return serveAdmin(place, { pages, metrics }, context.log);
}

/** Ready: it takes clients, and each served keyspace has a primary that takes calls. */
function readiness({ context, accepting }: AdminSources): AdminPage {
  if (!accepting()) return text(503, "draining");
  const cluster = context.cluster();
  if (cluster.snapshot.keyspaces.size === 0) return text(503, "no topology: no keyspace is known");
  const problems = problemsOf(cluster, context);
  return problems.length === 0 ? text(200, "ok") : text(503, problems.join("\n"));
}

function problemsOf({ snapshot }: ClusterView, { tablets }: GatewayContext): readonly string[] {
  return [...snapshot.keyspaces.values()].flatMap(({ name, shards }) =>
    shards.flatMap((shard) => {
      const problem = tablets.primaryProblem(name, shard.name);
      return problem === undefined ? [] : [`${name}/${shard.name}: ${problem}`];
    }),
  );
}

function topologyOf(context: GatewayContext): unknown {
  const { tablets } = context;
  const { snapshot, version } = context.cluster();
  return {
    version,
    keyspaces: [...snapshot.keyspaces.values()].map(({ name, shards }) => ({
      keyspace: name,
      shards: shards.map((shard) => ({
        shard: shard.name,
        primary: tablets.primaryProblem(name, shard.name) ?? "serving",
      })),
    })),
    tablets: tablets.tablets.map(({ record, problem, calls }) => ({
      alias: record.alias,
      cell: record.cell,
      keyspace: record.keyspace,
      shard: record.shard,
      type: record.type,
      address: `${record.hostname}:${record.grpcPort}`,
      state: problem ?? "serving",
      callsInFlight: calls.callsInFlight,
    })),
  };
}

function metricsOf({ context, connections, topologyAgeS }: AdminSources): Metrics {
  const metrics = new Metrics();
  const { stats, plans, tablets, counters } = context;
  const single = (value: () => number) => () => [{ labels: {}, value: value() }];
  const GROUP = ["keyspace", "type", "tier"];
  metrics.counter("shardgate_queries_total", "Statements answered", [...GROUP, "outcome"], () =>
    stats.groups.flatMap(({ keyspace, type, tier, latencies, errors }) => [
      { labels: { keyspace, type, tier, outcome: "ok" }, value: latencies.count - errors },
      { labels: { keyspace, type, tier, outcome: "error" }, value: errors },
    ]),
  );
  metrics.counter("shardgate_query_rows_total", "Rows answered, as far as they were counted", GROUP, () =>
    stats.groups.map(({ keyspace, type, tier, rows }) => ({ labels: { keyspace, type, tier }, value: rows })),
  );
  metrics.histogram("shardgate_query_duration_seconds", "From a statement's arrival to its answer", () =>
    stats.groups.map(({ keyspace, type, tier, latencies }) => ({ labels: { keyspace, type, tier }, latencies })),
  );
  metrics.histogram(
    "shardgate_plan_duration_seconds",
    "Reading and planning a statement whose plan was not kept",
    () => [{ labels: {}, latencies: counters.planning }],
  );
  metrics.counter(
    "shardgate_deadlocks_total",
    "Transactions rolled back for a deadlock between shards",
    [],
    single(() => context.deadlocks.victims),
  );
  metrics.counter("shardgate_transactions_total", "Transactions that touched a shard", ["mode", "outcome"], () =>
    counters.transactions.map(({ mode, outcome, count }) => ({ labels: { mode, outcome }, value: count })),
  );
  const { gathered } = counters;
  metrics.counter(
    "shardgate_gather_queries_total",
    "Queries answered from gathered rows",
    [],
    single(() => gathered.queries),
  );
  metrics.counter(
    "shardgate_gather_rows_total",
    "Rows gathered from shards",
    [],
    single(() => gathered.rows),
  );
  metrics.counter(
    "shardgate_gather_bytes_total",
    "Bytes of rows gathered from shards",
    [],
    single(() => gathered.bytes),
  );
  metrics.gauge(
    "shardgate_client_connections",
    "Client connections",
    [],
    single(() => connections.size),
  );
  metrics.counter("shardgate_client_connections_total", "Client connections, taken and refused", ["outcome"], () => {
    const { accepted, refused } = connections.totals;
    return [
      { labels: { outcome: "accepted" }, value: accepted },
      { labels: { outcome: "refused" }, value: refused },
    ];
  });
  metrics.counter("shardgate_client_bytes_total", "Bytes from clients (in) and to them (out)", ["direction"], () => {
    const { received, sent } = connections.totals;
    return [
      { labels: { direction: "in" }, value: received },
      { labels: { direction: "out" }, value: sent },
    ];
  });
  metrics.gauge(
    "shardgate_plan_cache_entries",
    "Plans kept",
    [],
    single(() => plans.totals.entries),
  );
  metrics.counter(
    "shardgate_plan_cache_hits_total",
    "Statements whose plan was kept",
    [],
    single(() => plans.totals.hits),
  );
  metrics.counter(
    "shardgate_plan_cache_misses_total",
    "Statements that had to be planned",
    [],
    single(() => plans.totals.misses),
  );
  ruleMetrics(metrics, context.rules);
  const TABLET = ["keyspace", "shard", "type", "alias"];
  const ofTablets = (value: (tablet: (typeof tablets.tablets)[number]) => number) => () =>
    tablets.tablets.map((tablet) => {
      const { keyspace, shard, type, alias } = tablet.record;
      return { labels: { keyspace, shard, type, alias }, value: value(tablet) };
    });
  metrics.gauge(
    "shardgate_tablet_serving",
    "1: the tablet takes calls",
    TABLET,
    ofTablets(({ problem }) => (problem === undefined ? 1 : 0)),
    "min",
  );
  metrics.gauge(
    "shardgate_tablet_calls_in_flight",
    "Calls sent to a tablet and not answered",
    TABLET,
    ofTablets(({ calls }) => calls.callsInFlight),
  );
  metrics.counter(
    "shardgate_tablet_bytes_total",
    "Bytes to tablets (out) and from them (in)",
    [...TABLET, "direction"],
    () =>
      tablets.tablets.flatMap(({ record, calls }) => {
        const { keyspace, shard, type, alias } = record;
        const labels = { keyspace, shard, type, alias };
        return [
          { labels: { ...labels, direction: "in" }, value: calls.bytes.received },
          { labels: { ...labels, direction: "out" }, value: calls.bytes.sent },
        ];
      }),
  );
  metrics.histogram("shardgate_tablet_call_duration_seconds", "From a call to a tablet to the end of its reply", () =>
    tablets.tablets.map(({ record, calls }) => ({
      labels: { keyspace: record.keyspace, shard: record.shard, type: record.type, alias: record.alias },
      latencies: calls.latencies,
    })),
  );
  metrics.gauge(
    "shardgate_topology_age_seconds",
    "Since the topology has last been heard of",
    [],
    single(topologyAgeS),
    "max",
  );
  return metrics;
}

function text(status: number, body: string): AdminPage {
  return { status, type: "text/plain; charset=utf-8", body: `${body}\n` };
}
