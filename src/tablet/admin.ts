// A tablet's admin port: whether it lives and serves, its metrics, its pools.

import {
  type AdminPage,
  type AdminPages,
  type AdminPlace,
  type AdminServer,
  dataPage,
  serveAdmin,
} from "../base/admin-server.ts";
import type { Latencies } from "../base/latencies.ts";
import type { Log } from "../base/log.ts";
import { Metrics } from "../base/process-metrics.ts";
import type { PoolStats } from "./pool.ts";

export interface TabletAdminSources {
  /** Pools by name. */
  readonly pools: Readonly<Record<string, { readonly stats: PoolStats; readonly waits: Latencies }>>;
  readonly counts: { readonly calls: number; readonly holds: number };
  /** Why it does not serve; undefined while it does. */
  readonly problem: () => string | undefined;
  /** Flags it was started with, secrets left out. */
  readonly config: Readonly<Record<string, unknown>>;
}

export function startTabletAdmin(place: AdminPlace, sources: TabletAdminSources, log: Log): Promise<AdminServer> {
  const { pools, counts, config } = sources;
  const metrics = metricsOf(sources);
  const pages: AdminPages = new Map<string, (wantsJson: boolean) => AdminPage | Promise<AdminPage>>([
    ["/livez", () => text(200, "ok")],
    [
      "/readyz",
      () => {
        const problem = sources.problem();
        return problem === undefined ? text(200, "ok") : text(503, problem);
      },
    ],
    [
      "/metrics",
      async () => {
        const body = await metrics.text();
        return { status: 200, type: metrics.contentType, body };
      },
    ],
    [
      "/debug/pools",
      (wantsJson) => {
        const rows = Object.entries(pools).map(([pool, { stats }]) => ({ pool, ...stats }));
        return dataPage("Pools", { calls: counts.calls, holds: counts.holds, pools: rows }, wantsJson);
      },
    ],
    ["/debug/config", (wantsJson) => dataPage("Configuration", config, wantsJson)],
  ]);
  return serveAdmin(place, { pages, metrics }, log);
}

function metricsOf({ pools, counts, problem }: TabletAdminSources): Metrics {
  const metrics = new Metrics();
  const ofPools = (value: (stats: PoolStats) => number) => () =>
    Object.entries(pools).map(([pool, { stats }]) => ({ labels: { pool }, value: value(stats) }));
  const POOL = ["pool"];
  metrics.gauge(
    "shardgate_pool_connections_in_use",
    "Connections that run something",
    POOL,
    ofPools(({ inUse }) => inUse),
  );
  metrics.gauge(
    "shardgate_pool_connections_idle",
    "Connections that wait for work",
    POOL,
    ofPools(({ idle }) => idle),
  );
  metrics.gauge(
    "shardgate_pool_connections_opening",
    "Connections being opened",
    POOL,
    ofPools(({ opening }) => opening),
  );
  metrics.gauge(
    "shardgate_pool_waiting",
    "Calls that wait for a connection",
    POOL,
    ofPools(({ waiting }) => waiting),
  );
  metrics.histogram("shardgate_pool_wait_seconds", "How long calls that had to wait for a connection have waited", () =>
    Object.entries(pools).map(([pool, { waits }]) => ({ labels: { pool }, latencies: waits })),
  );
  metrics.gauge("shardgate_tablet_calls", "Calls under way", [], () => [{ labels: {}, value: counts.calls }]);
  metrics.gauge("shardgate_tablet_holds", "Connections held for transactions and sessions", [], () => [
    { labels: {}, value: counts.holds },
  ]);
  metrics.gauge(
    "shardgate_tablet_ready",
    "1: calls are taken",
    [],
    () => [{ labels: {}, value: problem() === undefined ? 1 : 0 }],
    "min",
  );
  return metrics;
}

function text(status: number, body: string): AdminPage {
  return { status, type: "text/plain; charset=utf-8", body: `${body}\n` };
}
