// npm run chaos: see chaos.ts. Prints the seed, progress and what was killed when; ends with 1 when something was wrong.
//
//   npm run chaos -- --seed 1 --kills 500 --clients 16 --xa 0.3 --workers 2
//   npm run chaos -- --seed 1 --ids 1000000 --clients 8       ids, see ids.ts

import { parseArgs } from "node:util";
import { stopAll } from "../e2e/parts.ts";
import { runChaos } from "./chaos.ts";
import { runIds } from "./ids.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    kills: { type: "string", default: "100" },
    ids: { type: "string" },
    clients: { type: "string" },
    round: { type: "string", default: "10" },
    xa: { type: "string", default: "0.3" },
    workers: { type: "string", default: "0" },
  },
});

function out(line: string): void {
  process.stdout.write(`${line}\n`);
}

const seed = values.seed === undefined ? Date.now() % 1_000_000 : Number(values.seed);
out(`seed ${seed}`);
const faults = values.ids === undefined ? await chaos() : await ids(Number(values.ids));
for (const fault of faults.slice(0, 20)) out(fault);
process.exitCode = faults.length === 0 ? 0 : 1;

async function chaos(): Promise<readonly string[]> {
  const report = await runChaos({
    seed,
    kills: Number(values.kills),
    clients: Number(values.clients ?? 16),
    xaShare: Number(values.xa),
    workers: Number(values.workers),
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
  return report.faults;
}

async function ids(count: number): Promise<readonly string[]> {
  // The rest goes with this process.
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => void stopAll().then(() => process.exit(1)));
  const clients = Number(values.clients ?? 8);
  const report = await runIds({ seed, ids: count, clients, gateways: 3, idsBetweenKills: 5_000, tell: out });
  for (const [what, times] of report.kills) out(`killed ${what}: ${times}`);
  for (const [error, times] of report.errors) out(`error ${error}: ${times}`);
  const { numbered, flaked } = report.rows;
  out(`seed ${seed}: ${numbered} ids of a sequence and ${flaked} snowflake ids; ${report.faults.length} faults`);
  return report.faults;
}
