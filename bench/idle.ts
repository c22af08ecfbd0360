// Ten thousand clients that have logged in and do nothing: what one gateway process has resident, and whether a query
// beside them is still answered.

import { setTimeout as sleep } from "node:timers/promises";
import { rssMiB } from "./proc-stat.ts";
import { connectRaw, type RawClient } from "./raw-client.ts";
import { type Report, round } from "./report.ts";
import type { Stage } from "./stage.ts";

const CONNECTING_AT_ONCE = 200;

export async function benchIdle(
  stage: Stage,
  report: Report,
  options: { readonly connections: number },
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
    const queryMs = performance.now();
    await clients[0]?.query("SELECT c FROM sbtest1 WHERE id=1");
    const spentMs = performance.now() - queryMs;
    const perConnectionKiB = ((withMiB - beforeMiB) * 1024) / options.connections;
    report.table(
      "idle connections",
      ["connections", "logins/s", "RSS before MiB", "RSS with MiB", "KiB each", "a query ms"],
      [
        [
          options.connections,
          Math.round(options.connections / connectS),
          Math.round(beforeMiB),
          Math.round(withMiB),
          perConnectionKiB.toFixed(1),
          spentMs.toFixed(2),
        ],
      ],
    );
    report.record("idle", { ...options, connectS, beforeMiB, withMiB, perConnectionKiB });
    const what = `resident gateway with ${options.connections} idle connections`;
    report.budget({ what, measured: round(withMiB, 0), unit: " MiB", limit: 250, kind: "at most" });
  } finally {
    for (const client of clients) client.close();
  }
}
