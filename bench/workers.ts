// Point selects through a gateway of one process and one of two workers, side by side in every round. On a machine of two
// cores, which the load, the mysqld and the tablet fill as well, the ratio says what the second process costs there, not
// what it brings where cores are free: the gateway's CPU time a query is what to look at.

import { cpus } from "node:os";
import { join } from "node:path";
import { type OwnGateway, startOwnGateway } from "./own-gateway.ts";
import { rssMiB } from "./proc-stat.ts";
import { measure, pointSelectLoad } from "./point-select.ts";
import { median, type Report, round } from "./report.ts";
import type { Stage } from "./stage.ts";

export interface WorkersOptions {
  readonly connections: number;
  readonly rounds: number;
  readonly runS: number;
}

const COUNTS = [1, 2];

export async function benchWorkers(
  root: string,
  stage: Stage,
  report: Report,
  { connections, rounds, runS }: WorkersOptions,
): Promise<void> {
  const load = pointSelectLoad();
  const gateways: OwnGateway[] = [];
  try {
    for (const count of COUNTS) {
      const name = `${count} worker${count === 1 ? "" : "s"}`;
      gateways.push(
        await startOwnGateway(join(root, "dist/bin/shardgate.js"), stage, name, ["--workers", String(count)]),
      );
    }
    const runs = gateways.map(({ target }) => ({ target, found: [] as Awaited<ReturnType<typeof measure>>[] }));
    for (const { target } of runs) await load(target, connections, 1);
    for (let index = 0; index < rounds; index++) {
      for (const { target, found } of runs) found.push(await measure(target, () => load(target, connections, runS)));
    }
    const results = runs.map(({ target, found }) => {
      const gatewayUs = found.map(({ cpuUsPerQuery }) =>
        Object.entries(cpuUsPerQuery).reduce((sum, [name, us]) => (name.startsWith("gateway") ? sum + us : sum), 0),
      );
      return {
        target: target.name,
        queriesPerS: round(median(found.map(({ queriesPerS }) => queriesPerS)), 0),
        p95Ms: median(found.map(({ p95Ms }) => p95Ms)),
        gatewayUsPerQuery: round(median(gatewayUs), 1),
        rssMiB: target.processes
          .filter(({ name }) => name.startsWith("gateway"))
          .map(({ name, pid }) => `${name.replace("gateway ", "")} ${Math.round(rssMiB(pid))}`)
          .join(", "),
      };
    });
    const [one] = results;
    report.table(
      `gateway --workers, point select, ${connections} connections, ${cpus().length} cores for everything (median of ${rounds} rounds of ${runS} s)`,
      ["gateway", "queries/s", "of one", "p95 ms", "gateway us/q", "MiB"],
      results.map((result) => [
        result.target,
        Math.round(result.queriesPerS),
        (result.queriesPerS / (one?.queriesPerS ?? Number.NaN)).toFixed(2),
        result.p95Ms.toFixed(2),
        Math.round(result.gatewayUsPerQuery),
        result.rssMiB,
      ]),
    );
    report.record("workers", { connections, rounds, runS, results });
  } finally {
    await Promise.all(gateways.map((gateway) => gateway.stop()));
  }
}
