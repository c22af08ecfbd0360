// npm run chaos -- lookups: see lookups.ts. Starts a cluster and a second gateway; ends with 1 when a row was missed.
//
//   npm run chaos -- lookups --seed 1 --rounds 500 --readers 6 --writers 4

import { parseArgs } from "node:util";
import { startPart, stopAll } from "../e2e/parts.ts";
import { startCluster } from "../fixture/cluster.ts";
import { LOOKUP_KEYSPACES, LOOKUP_TABLES, runLookups } from "./lookups.ts";

const { values } = parseArgs({
  args: process.argv.slice(2).filter((arg) => arg !== "lookups"),
  options: {
    seed: { type: "string", default: "1" },
    rounds: { type: "string", default: "200" },
    readers: { type: "string", default: "6" },
    writers: { type: "string", default: "4" },
  },
});

function out(line: string): void {
  process.stdout.write(`${line}\n`);
}

const cluster = await startCluster({ keyspaces: LOOKUP_KEYSPACES, topo: "etcd" });
try {
  const etcd = cluster.processes().find(({ kind }) => kind === "etcd");
  const topo = ["--topo", "etcd", "--topo-endpoints", `http://127.0.0.1:${etcd?.port}`];
  const second = await startPart("gateway", "--listen", "127.0.0.1:0", "--log-level", "error", ...topo);
  const { reads, writes, undone, faults } = await runLookups({
    ports: [cluster.port, second.port],
    tables: LOOKUP_TABLES,
    seed: Number(values.seed),
    rounds: Number(values.rounds),
    readers: Number(values.readers),
    writers: Number(values.writers),
  });
  for (const fault of faults.slice(0, 20)) out(fault);
  out(`seed ${values.seed}: ${reads} reads beside ${writes} writes, ${undone} undone; ${faults.length} missed`);
  process.exitCode = faults.length === 0 ? 0 : 1;
} finally {
  await stopAll();
  await cluster.stop();
}
