// Added latency of one connection: short blocks of the same point select, in turn on each target, so that the targets see
// the same machine. The difference of the medians is what the hop costs.

import { connectRaw } from "./raw-client.ts";
import { percentile, type Report, round } from "./report.ts";
import { type Stage, TABLE_ROWS } from "./stage.ts";

export async function benchLatency(stage: Stage, report: Report, options: { readonly blocks: number }): Promise<void> {
  const targets = [stage.direct, stage.haproxy, stage.shardgate, stage.sharded].filter(
    (target) => target !== undefined,
  );
  const lanes = await Promise.all(
    targets.map(async ({ name, port, database }) => ({
      name,
      client: await connectRaw(port, database),
      times: new Array<number>(),
    })),
  );
  const blockQueries = 100;
  for (let block = 0; block <= options.blocks; block++) {
    for (const { client, times } of lanes) {
      for (let index = 0; index < blockQueries; index++) {
        const id = 1 + ((block * 7_919 + index * 104_729) % TABLE_ROWS);
        const startMs = performance.now();
        await client.query(`SELECT c FROM sbtest1 WHERE id=${id}`);
        // The first block warms up.
        if (block > 0) times.push(performance.now() - startMs);
      }
    }
  }
  const results = lanes.map(({ name, client, times }) => {
    client.close();
    times.sort((a, b) => a - b);
    return {
      target: name,
      p50Ms: percentile(times, 0.5),
      p95Ms: percentile(times, 0.95),
      p99Ms: percentile(times, 0.99),
    };
  });
  const directMs = results[0]?.p50Ms ?? 0;
  report.table(
    `latency, 1 connection (${options.blocks} blocks of ${blockQueries} queries each)`,
    ["target", "p50 ms", "p95 ms", "p99 ms", "added ms"],
    results.map((result) => [
      result.target,
      result.p50Ms.toFixed(3),
      result.p95Ms.toFixed(3),
      result.p99Ms.toFixed(3),
      (result.p50Ms - directMs).toFixed(3),
    ]),
  );
  report.record("latency", results);
  const measured = (results.find(({ target }) => target === stage.shardgate.name)?.p50Ms ?? Number.NaN) - directMs;
  report.budget({
    what: "added latency, 1 connection",
    measured: round(measured, 3),
    unit: " ms",
    limit: 0.25,
    kind: "at most",
  });
}
