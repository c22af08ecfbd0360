// Ten thousand clients that have logged in and do nothing: what one gateway process has resident, and how quickly a hundred
// more, who do point selects one after the other beside them, are answered.

import { setTimeout as sleep } from "node:timers/promises";
import { rssMiB } from "./proc-stat.ts";
import { connectRaw, type RawClient } from "./raw-client.ts";
import { type Report, round } from "./report.ts";
import type { Stage } from "./stage.ts";

const CONNECTING_AT_ONCE = 200;
const SELECTED_ROWS = 1_000;

export async function benchIdle(
  stage: Stage,
  report: Report,
  options: { readonly connections: number; readonly active: number; readonly runS: number },
): Promise<void> {
  const { port, database, processes } = stage.shardgate;
  const gateway = processes.find(({ name }) => name === "gateway");
  if (gateway === undefined) throw new Error("there is no gateway process");
  const beforeMiB = rssMiB(gateway.pid);
  const clients: RawClient[] = [];
  const startMs = performance.now();
  try {
    while (clients.length < options.connections) {
      const count = Math.min(CONNECTING_AT_ONCE, options.connections - clients.length);
      clients.push(...(await Promise.all(Array.from({ length: count }, () => connectRaw(port, database)))));
    }
    const connectS = (performance.now() - startMs) / 1_000;
    await sleep(2_000);
    const withMiB = rssMiB(gateway.pid);
    const active = await Promise.all(Array.from({ length: options.active }, () => connectRaw(port, database)));
    clients.push(...active);
    const { latenciesMs, peakMiB } = await runActive(active, options.runS, gateway.pid);
    const perConnectionKiB = ((withMiB - beforeMiB) * 1024) / options.connections;
    report.table(
      "idle connections",
      ["connections", "logins/s", "RSS before MiB", "RSS with MiB", "KiB each"],
      [
        [
          options.connections,
          Math.round(options.connections / connectS),
          Math.round(beforeMiB),
          Math.round(withMiB),
          perConnectionKiB.toFixed(1),
        ],
      ],
    );
    const [p50Ms, p95Ms, p99Ms, maxMs] = [0.5, 0.95, 0.99, 1].map((share) => quantile(latenciesMs, share));
    report.table(
      `${options.active} active beside them`,
      ["selects/s", "p50 ms", "p95 ms", "p99 ms", "longest ms", "peak RSS MiB"],
      [
        [
          Math.round(latenciesMs.length / options.runS),
          ...[p50Ms, p95Ms, p99Ms, maxMs].map((ms) => (ms ?? 0).toFixed(1)),
          Math.round(peakMiB),
        ],
      ],
    );
    const measured = { connectS, beforeMiB, withMiB, perConnectionKiB, peakMiB, p50Ms, p95Ms, p99Ms, maxMs };
    report.record("idle", { ...options, ...measured });
    const what = `resident gateway with ${options.connections} idle connections`;
    report.budget({ what, measured: round(withMiB, 0), unit: " MiB", limit: 250, kind: "at most" });
    const both = `${what} and ${options.active} active`;
    report.budget({ what: both, measured: round(peakMiB, 0), unit: " MiB", limit: 250, kind: "at most" });
  } finally {
    for (const client of clients) client.close();
  }
}

/** Each client asks for one row after the other. */
async function runActive(
  clients: readonly RawClient[],
  runS: number,
  gatewayPid: number,
): Promise<{ readonly latenciesMs: number[]; readonly peakMiB: number }> {
  const latenciesMs: number[] = [];
  let peakMiB = 0;
  const endMs = performance.now() + runS * 1_000;
  const watch = setInterval(() => {
    peakMiB = Math.max(peakMiB, rssMiB(gatewayPid));
  }, 100);
  await Promise.all(
    clients.map(async (client, number) => {
      for (let id = number; ; id += clients.length) {
        const startMs = performance.now();
        if (startMs >= endMs) return;
        await client.query(`SELECT c FROM sbtest1 WHERE id=${1 + (id % SELECTED_ROWS)}`);
        latenciesMs.push(performance.now() - startMs);
      }
    }),
  );
  clearInterval(watch);
  latenciesMs.sort((a, b) => a - b);
  return { latenciesMs, peakMiB };
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}
