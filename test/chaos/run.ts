// npm run chaos: see chaos.ts. Prints the seed, progress and what was killed when; ends with 1 when something was wrong.
//
//   npm run chaos -- --seed 1 --kills 500 --clients 16

import { parseArgs } from "node:util";
import { runChaos } from "./chaos.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    kills: { type: "string", default: "100" },
    clients: { type: "string", default: "16" },
    round: { type: "string", default: "10" },
  },
});

function out(line: string): void {
  process.stdout.write(`${line}\n`);
}

const seed = values.seed === undefined ? Date.now() % 1_000_000 : Number(values.seed);
out(`seed ${seed}`);
const report = await runChaos({
  seed,
  kills: Number(values.kills),
  clients: Number(values.clients),
  killsPerRound: Number(values.round),
  tell: out,
});
for (const [what, times] of report.killed) out(`${what}: ${times}`);
for (const [error, times] of report.errors) out(`error ${error}: ${times}`);
out(
  `seed ${seed}: ${report.kills} kills; ${report.committed} committed, ${report.rolledBack} rolled back, ` +
    `${report.unknown} unknown; nothing prepared after ${Math.round(report.longestUnresolvedMs)} ms at the latest; ` +
    `${report.faults.length} faults`,
);
for (const fault of report.faults.slice(0, 20)) out(fault);
process.exitCode = report.faults.length === 0 ? 0 : 1;
