// npm run bench: starts one stage, runs the benches that were asked for against it, prints tables and the budgets of the
// design, writes a JSON file, and stops everything.
//
//   npm run bench                       all but overhead, which takes ten minutes
//   npm run bench -- point-select idle
//   npm run bench -- --quick            one short round of each, to see that they work

import { resolve } from "node:path";
import { benchIdle } from "./idle.ts";
import { benchLatency } from "./latency.ts";
import { benchOrdered } from "./ordered.ts";
import { benchOverhead } from "./overhead.ts";
import { benchPointSelect } from "./point-select.ts";
import { benchPreparedMany } from "./prepared-many.ts";
import { createReport } from "./report.ts";
import { type Stage, startStage } from "./stage.ts";
import { benchStreaming } from "./streaming.ts";
import { benchSysbench } from "./sysbench.ts";
import { benchWorkers } from "./workers.ts";

const root = resolve(import.meta.dirname, "../..");
const quick = process.argv.includes("--quick");

const BENCHES = {
  "point-select": (stage: Stage, report: ReturnType<typeof createReport>) =>
    benchPointSelect(stage, report, { connections: [1, 16, 64], rounds: quick ? 1 : 3, runS: quick ? 1 : 4 }),
  sysbench: (stage: Stage, report: ReturnType<typeof createReport>) =>
    benchSysbench(stage, report, { threads: 16, rounds: quick ? 1 : 3, runS: quick ? 2 : 4 }),
  "prepared-many": (stage: Stage, report: ReturnType<typeof createReport>) =>
    benchPreparedMany(stage, report, { clients: quick ? 100 : 1_000, statementsEach: 100 }),
  workers: (stage: Stage, report: ReturnType<typeof createReport>) =>
    benchWorkers(root, stage, report, { connections: 16, rounds: quick ? 1 : 3, runS: quick ? 2 : 4 }),
  overhead: (stage: Stage, report: ReturnType<typeof createReport>) =>
    benchOverhead(root, stage, report, { connections: 16, pairs: quick ? 1 : 7, runS: quick ? 1 : 3 }),
  latency: (stage: Stage, report: ReturnType<typeof createReport>) =>
    benchLatency(stage, report, { blocks: quick ? 5 : 50 }),
  streaming: (stage: Stage, report: ReturnType<typeof createReport>) =>
    benchStreaming(stage, report, { rows: quick ? 100_000 : 1_000_000, rounds: quick ? 1 : 3 }),
  ordered: (_: Stage, report: ReturnType<typeof createReport>) =>
    benchOrdered(root, report, { rowsPerShard: quick ? 50_000 : 1_000_000, streamed: quick ? 100_000 : 1_000_000 }),
  idle: (stage: Stage, report: ReturnType<typeof createReport>) =>
    benchIdle(stage, report, { connections: quick ? 1_000 : 10_000, active: 100, runS: quick ? 2 : 10 }),
};

/** Those that take ten minutes. */
const ONLY_BY_NAME: ReadonlySet<string> = new Set(["overhead"]);

async function main(): Promise<void> {
  const names = process.argv.slice(2).filter((arg) => !arg.startsWith("-"));
  const known = Object.keys(BENCHES);
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new Error(`no bench is called ${unknown.join(", ")}; there are ${known.join(", ")}`);

  const interrupt = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => interrupt.abort());
  const stage = await startStage(root, interrupt.signal);
  const interrupted = new Promise<never>((_, reject) => {
    interrupt.signal.addEventListener("abort", () => reject(new Error("interrupted")));
  });
  try {
    const report = createReport(root);
    const run = async () => {
      for (const [name, bench] of Object.entries(BENCHES)) {
        const isWanted = names.length === 0 ? !ONLY_BY_NAME.has(name) : names.includes(name);
        if (isWanted) await bench(stage, report);
      }
    };
    await Promise.race([run(), interrupted]);
    report.finish();
  } finally {
    await stage.stop();
  }
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`bench: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exit(1);
  },
);
