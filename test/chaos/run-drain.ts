// npm run chaos -- drain: see drain.ts. Ends with 1 when a statement failed.
//
//   npm run chaos -- drain --stops 1       one of three gateways
//   npm run chaos -- drain --stops 3       all of them, one after the other

import { parseArgs } from "node:util";
import { runDrain } from "./drain.ts";

const { values } = parseArgs({
  args: process.argv.slice(2).filter((arg) => arg !== "drain"),
  options: {
    seed: { type: "string", default: "1" },
    stops: { type: "string", default: "3" },
    clients: { type: "string", default: "16" },
    threads: { type: "string", default: "8" },
    "drain-delay": { type: "string", default: "2" },
  },
});

function out(line: string): void {
  process.stdout.write(`${line}\n`);
}

const { statements, connections, failed, sentAgain, sysbench, lost } = await runDrain({
  seed: Number(values.seed),
  stops: Number(values.stops),
  clients: Number(values.clients),
  sysbenchThreads: Number(values.threads),
  drainDelayS: Number(values["drain-delay"]),
  tell: out,
});
for (const each of failed.slice(0, 20)) out(`failed: ${each}`);
for (const each of sentAgain.slice(0, 20)) out(`sent again: ${each}`);
for (const each of lost) out(`lost: ${each}`);
const sysbenchErrors = sysbench?.errors ?? [];
for (const line of sysbenchErrors.slice(0, 20)) out(`sysbench: ${line}`);
out(
  `${statements} statements on ${connections} connections: ${failed.length} failed; ${sentAgain.length} sent again by ` +
    `clients that keep their connections; sysbench: ${sysbench?.queries ?? 0} queries, ${sysbenchErrors.length} errors; ${lost.length} books wrong`,
);
process.exitCode = failed.length + lost.length + sysbenchErrors.length === 0 ? 0 : 1;
