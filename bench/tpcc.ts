// TPC-C by a loader and terminals of our own (bench/tpcc), on one plain MariaDB and on Shardgate with two shards: its
// throughput beside each other, and the specification's consistency conditions after each run, with `--kills` also after
// one in which gateway, tablets and mysqlds are killed. Not by the book: no think times, results are not to be published.
//
//   npm run bench -- tpcc                       two warehouses of a tenth of the specification's rows
//   npm run bench -- tpcc --full --kills 20     all of the rows
//   npm run bench -- tpcc --quick               a fiftieth, some seconds

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { createLog } from "../src/base/log.ts";
import { clusterParts } from "../src/bin/local.ts";
import { type Cluster, startCluster } from "../src/local/cluster.ts";
import { type Mysqld, startMysqld } from "../src/local/mysqld.ts";
import { delay } from "../src/local/process.ts";
import { withServer } from "../src/local/server-connection.ts";
import { type Random, randomOf } from "../test/fuzz/random.ts";
import { createReport, percentile, type Report, round } from "./report.ts";
import { brokenConditions } from "./tpcc/consistency.ts";
import { load, type Server } from "./tpcc/load.ts";
import { FULL, type Scale, SQL, VSCHEMA } from "./tpcc/schema.ts";
import { Terminals } from "./tpcc/terminals.ts";

const KEYSPACE = "tpcc";
const PART = 10;
const QUICK_PART = 50;
/** Between two kills, if they are done within some seconds. */
const TRANSACTIONS_BETWEEN_KILLS = 50;
const CALM_MAX_MS = 10_000;
const RECOVERY_MAX_MS = 120_000;
const KINDS = ["gateway", "tablet", "mysqld"] as const;

const { values: flags } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    full: { type: "boolean", default: false },
    warehouses: { type: "string", default: "2" },
    terminals: { type: "string", default: "16" },
    seconds: { type: "string" },
    kills: { type: "string", default: "0" },
    seed: { type: "string", default: "1" },
  },
  allowPositionals: true,
});
const seed = Number(flags.seed);
const seconds = Number(flags.seconds ?? (flags.quick ? 5 : 60));
const part = flags.quick ? QUICK_PART : flags.full ? 1 : PART;
const scale: Scale = {
  warehouses: Number(flags.warehouses),
  items: FULL.items / part,
  customers: FULL.customers / part,
};

interface Run {
  readonly tpmC: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly transactions: number;
  readonly errors: string;
}

const root = resolve(import.meta.dirname, "../..");
const faults: string[] = [];

async function main(): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), "sg-tpcc-"));
  let cluster: Cluster | undefined;
  let plain: Mysqld | undefined;
  const interrupt = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => interrupt.abort());
  try {
    plain = await startMysqld({ dir: join(dir, "plain"), signal: interrupt.signal });
    const direct: Server = { port: plain.port, database: KEYSPACE };
    await withServer(plain.port, async (server) => {
      await server.run(`CREATE DATABASE ${KEYSPACE}`);
      await server.run(`USE ${KEYSPACE}`);
      for (const sql of SQL.split(";")) if (sql.trim() !== "") await server.run(sql);
    });
    cluster = await startSharded(dir, interrupt.signal);
    const sharded: Server = { port: cluster.port, database: KEYSPACE };
    const report = createReport(root);
    const interrupted = new Promise<never>((_, reject) => {
      interrupt.signal.addEventListener("abort", () => reject(new Error("interrupted")));
    });
    await Promise.race([measure(report, direct, sharded, cluster), interrupted]);
    report.finish();
  } finally {
    await Promise.all([cluster?.stop(), plain?.stop()]);
    rmSync(dir, { recursive: true, force: true });
  }
}

async function startSharded(dir: string, interrupt: AbortSignal): Promise<Cluster> {
  const schemaDir = join(dir, "schema");
  mkdirSync(join(schemaDir, KEYSPACE), { recursive: true });
  writeFileSync(join(schemaDir, KEYSPACE, "vschema.json"), JSON.stringify(VSCHEMA));
  writeFileSync(join(schemaDir, KEYSPACE, "schema.sql"), SQL);
  const shards = new Map([[KEYSPACE, 2]]);
  const options = { schemaDir, shards, port: 0, dataDir: join(dir, "data"), replicas: 0, logLevel: "warn" as const };
  const parts = clusterParts(createLog("bench", "warn"), pathToFileURL(join(root, "dist/bin/shardgate.js")));
  return startCluster({ ...options, topo: "etcd" }, parts, interrupt);
}

async function measure(report: Report, direct: Server, sharded: Server, cluster: Cluster): Promise<void> {
  const runs: Run[] = [];
  for (const [name, server] of [
    ["direct", direct],
    ["shardgate", sharded],
  ] as const) {
    const startMs = performance.now();
    await load(server, scale, seed);
    report.note(`${name}: loaded in ${round((performance.now() - startMs) / 1_000, 1)} s`);
    await check(report, `${name}, loaded`, server);
    const terminals = new Terminals(server, scale, Number(flags.terminals), seed * 100);
    await delay(seconds * 1_000);
    runs.push(await ended(terminals));
    await check(report, `${name}, after the run`, server);
  }
  const names = ["direct MariaDB", "Shardgate, 2 shards"];
  report.table(
    `TPC-C, ${scale.warehouses} warehouses of ${scale.customers * 10} customers, ${flags.terminals} terminals, ${seconds} s`,
    ["target", "tpmC", "p50 ms", "p95 ms", "transactions", "errors"],
    runs.map((run, i) => [names[i] ?? "", run.tpmC, run.p50Ms, run.p95Ms, run.transactions, run.errors]),
  );
  const [one, two] = runs;
  if (one !== undefined && two !== undefined) report.note(`ratio ${round(two.tpmC / one.tpmC, 2)}`);
  report.record("tpcc", { scale, seconds, terminals: Number(flags.terminals), runs });
  const kills = Number(flags.kills);
  if (kills > 0) {
    const killed = await runUnderKills(sharded, cluster, kills);
    report.note(
      `${kills} kills (${killed.what}); ${killed.run.transactions} transactions, errors: ${killed.run.errors}`,
    );
    await untilWhole(cluster);
    await check(report, "shardgate, after kills", sharded);
  }
}

async function ended(terminals: Terminals): Promise<Run> {
  const { seconds: spent, transactions } = terminals;
  const newOrders = terminals.done.get("newOrder") ?? 0;
  await terminals.stop();
  const sorted = terminals.newOrderMs.toSorted((a, b) => a - b);
  return {
    tpmC: Math.round((newOrders / spent) * 60),
    p50Ms: round(percentile(sorted, 0.5), 1),
    p95Ms: round(percentile(sorted, 0.95), 1),
    transactions,
    errors: [...terminals.errors].map(([error, times]) => `${times} x ${error}`).join(", "),
  };
}

async function runUnderKills(
  server: Server,
  cluster: Cluster,
  kills: number,
): Promise<{ readonly run: Run; readonly what: string }> {
  const random = randomOf(seed);
  const terminals = new Terminals(server, scale, Number(flags.terminals), seed * 1_000);
  const what = new Map<string, number>();
  for (let done = 0; done < kills; ) {
    const wanted = terminals.transactions + TRANSACTIONS_BETWEEN_KILLS;
    const startMs = performance.now();
    while (terminals.transactions < wanted && performance.now() - startMs < CALM_MAX_MS) await delay(20);
    const kind = killOne(cluster, random);
    if (kind === undefined) continue;
    done++;
    what.set(kind, (what.get(kind) ?? 0) + 1);
  }
  const run = await ended(terminals);
  return { run, what: [...what].map(([kind, times]) => `${times} x ${kind}`).join(", ") };
}

function killOne(cluster: Cluster, random: Random): string | undefined {
  const kind = random.pick(KINDS);
  const { pid } = random.pick(cluster.processes().filter((each) => each.kind === kind));
  try {
    process.kill(pid, "SIGKILL");
    return kind;
  } catch {
    // Dead already, and not yet restarted.
    return undefined;
  }
}

/** Resolves when all shards answer and nothing is prepared. */
async function untilWhole(cluster: Cluster): Promise<void> {
  for (const startMs = performance.now(); ; await delay(200)) {
    try {
      let prepared = 0;
      for (const { kind, port } of cluster.processes()) {
        if (kind === "mysqld")
          await withServer(port, async (server) => (prepared += (await server.rows("XA RECOVER")).length));
      }
      await withServer(cluster.port, async (server) => server.rows("SELECT COUNT(*) FROM warehouse"), KEYSPACE);
      if (prepared === 0) return;
    } catch (error) {
      if (performance.now() - startMs > RECOVERY_MAX_MS) throw error;
    }
    if (performance.now() - startMs > RECOVERY_MAX_MS) throw new Error("transactions are prepared still");
  }
}

async function check(report: Report, when: string, server: Server): Promise<void> {
  const startMs = performance.now();
  const broken = await brokenConditions(server, scale);
  faults.push(...broken.map((text) => `${when}: ${text}`));
  const spentS = round((performance.now() - startMs) / 1_000, 1);
  report.note(`${when}: ${broken.length === 0 ? "all 12 conditions hold" : broken.join("; ")} (${spentS} s)`);
}

main().then(
  () => process.exit(faults.length === 0 ? 0 : 1),
  (error: unknown) => {
    process.stderr.write(`bench: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exit(1);
  },
);
