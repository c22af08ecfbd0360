// What it costs to be seen: point selects through gateways that differ in one flag, in pairs. Each pair runs A B B A, so
// that a machine that gets slower or quicker meanwhile hits both alike; what is told is the median over all pairs. The first
// pair are two gateways alike: what it shows is what the machine does to all the others.
//
//   npm run bench -- overhead
//   SHARDGATE_BASELINE=/path/of/another/dist/bin/shardgate.js npm run bench -- overhead      another build beside this one

import { createServer } from "node:http";
import { join } from "node:path";
import { type OwnGateway, startOwnGateway } from "./own-gateway.ts";
import { measure, pointSelectLoad } from "./point-select.ts";
import { median, type Report, round } from "./report.ts";
import type { Stage } from "./stage.ts";

export interface OverheadOptions {
  readonly connections: number;
  readonly pairs: number;
  readonly runS: number;
}

interface Variant {
  readonly name: string;
  readonly script: string;
  readonly flags: readonly string[];
  /** Largest share of the throughput that the difference may cost; undefined: told without a bound. */
  readonly costMax?: number;
  /** The gateway without what is looked at is the variant, not the plain one. */
  readonly isWithout: boolean;
}

/** More between two gateways alike, and the others' figures say nothing. */
const NOISE_MAX = 0.01;
/** Until a gateway's code is compiled. */
const WARM_UP_S = 4;

interface Pair {
  /** 0.02: the gateway with it answers 2 % less. */
  readonly cost: number;
  /** CPU of the gateway, microseconds a query more with it. */
  readonly cpuUs: number;
}

export async function benchOverhead(
  root: string,
  stage: Stage,
  report: Report,
  options: OverheadOptions,
): Promise<void> {
  const script = join(root, "dist/bin/shardgate.js");
  const collector = createServer((request, response) => {
    request.resume().once("end", () => response.writeHead(200, { "content-type": "application/json" }).end("{}"));
  });
  await new Promise<void>((resolve) => {
    collector.listen(0, "127.0.0.1", resolve);
  });
  const address = collector.address();
  const otlp = ["--otlp-endpoint", `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`];
  const baseline = process.env["SHARDGATE_BASELINE"];
  const variants: readonly Variant[] = [
    { name: "nothing: two alike", script, flags: [], isWithout: false },
    { name: "metrics", script, flags: ["--metrics", "off"], isWithout: true, costMax: 0.03 },
    { name: "digests", script, flags: ["--digests", "off"], isWithout: true, costMax: 0.05 },
    { name: "metrics and digests", script, flags: ["--metrics", "off", "--digests", "off"], isWithout: true },
    { name: "tracing, of no query", script, flags: [...otlp, "--trace-sample-ratio", "0"], isWithout: false },
    { name: "tracing, 1 % of the queries", script, flags: [...otlp, "--trace-sample-ratio", "0.01"], isWithout: false },
    { name: "tracing, every query", script, flags: [...otlp, "--trace-sample-ratio", "1"], isWithout: false },
    ...(baseline === undefined
      ? []
      : [{ name: `this build, beside ${baseline}`, script: baseline, flags: [], isWithout: true }]),
  ];
  const load = pointSelectLoad();
  const { connections, pairs, runS } = options;
  const plain = await startOwnGateway(script, stage, "plain", []);
  const results: {
    name: string;
    cost: number;
    cpuUs: number;
    costs: readonly number[];
    costMax: number | undefined;
  }[] = [];
  try {
    await load(plain.target, connections, WARM_UP_S);
    for (const variant of variants) {
      const other = await startOwnGateway(variant.script, stage, variant.name, variant.flags);
      try {
        await load(other.target, connections, WARM_UP_S);
        const found: Pair[] = [];
        for (let index = 0; index < pairs; index++) {
          const [without, within] = variant.isWithout ? [other, plain] : [plain, other];
          found.push(
            await pairOf(without, within, (gateway) =>
              measure(gateway.target, () => load(gateway.target, connections, runS)),
            ),
          );
        }
        const { name, costMax } = variant;
        const costs = found.map(({ cost }) => cost);
        results.push({ name, costMax, costs, cost: median(costs), cpuUs: median(found.map(({ cpuUs }) => cpuUs)) });
      } finally {
        await other.stop();
      }
    }
  } finally {
    await plain.stop();
    collector.close();
  }
  report.table(
    `overhead of what shows what a gateway does: point select, ${connections} connections (median of ${pairs} pairs of ${2 * runS} s each)`,
    ["with, beside without", "throughput", "lowest", "highest", "gateway us/q"],
    results.map(({ name, cost, costs, cpuUs }) => [
      name,
      percent(-cost),
      percent(-Math.max(...costs)),
      percent(-Math.min(...costs)),
      `${cpuUs >= 0 ? "+" : ""}${cpuUs.toFixed(1)}`,
    ]),
  );
  report.record("overhead", {
    ...options,
    results: results.map((result) => ({ ...result, cost: round(result.cost, 4) })),
  });
  const [alike] = results;
  if (alike === undefined || Math.abs(alike.cost) > NOISE_MAX) {
    report.note("two gateways alike differ by more than 1 %: this machine is not quiet enough to judge");
    return;
  }
  for (const { name, cost, costMax } of results) {
    if (costMax === undefined) continue;
    report.budget({ what: `cost of ${name}`, measured: 100 * cost, unit: " %", limit: 100 * costMax, kind: "at most" });
  }
}

type Run = Awaited<ReturnType<typeof measure>>;

/** A B B A. */
async function pairOf(
  without: OwnGateway,
  within: OwnGateway,
  run: (gateway: OwnGateway) => Promise<Run>,
): Promise<Pair> {
  const runs = [await run(without), await run(within), await run(within), await run(without)] as const;
  const rate = (one: Run, other: Run): number => one.queriesPerS + other.queriesPerS;
  const cpu = (one: Run, other: Run): number =>
    ((one.cpuUsPerQuery["gateway"] ?? 0) + (other.cpuUsPerQuery["gateway"] ?? 0)) / 2;
  return {
    cost: 1 - rate(runs[1], runs[2]) / rate(runs[0], runs[3]),
    cpuUs: cpu(runs[1], runs[2]) - cpu(runs[0], runs[3]),
  };
}

function percent(share: number): string {
  return `${share >= 0 ? "+" : ""}${(100 * share).toFixed(1)} %`;
}
