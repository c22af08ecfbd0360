// Point selects by primary key, text protocol: direct MariaDB, HAProxy in TCP mode, Shardgate before an unsharded keyspace
// and before two shards. Every round runs each of them in turn, so that a slow minute of the machine hits all.
//
// The load comes from sysbench's oltp_point_select or, where it is not installed, from this process.

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { cpuUs, type Measured, rssMiB } from "./proc-stat.ts";
import { connectRaw } from "./raw-client.ts";
import { median, percentile, type Report, round } from "./report.ts";
import { findOnPath, type Stage, TABLE_ROWS, type Target } from "./stage.ts";

export interface PointSelectOptions {
  readonly connections: readonly number[];
  readonly rounds: number;
  readonly runS: number;
}

interface Run {
  readonly queriesPerS: number;
  readonly p95Ms: number;
  /** CPU time per query by process name. */
  readonly cpuUsPerQuery: Readonly<Record<string, number>>;
}

interface Load {
  readonly queries: number;
  readonly queriesPerS: number;
  readonly p95Ms: number;
}

export async function benchPointSelect(stage: Stage, report: Report, options: PointSelectOptions): Promise<void> {
  const targets = [stage.direct, stage.haproxy, stage.shardgate, stage.sharded].filter(
    (target) => target !== undefined,
  );
  const sysbench = findOnPath("sysbench");
  const load = pointSelectLoad();
  report.note(
    sysbench === undefined ? "load: this process (sysbench is not installed)" : "load: sysbench oltp_point_select",
  );
  for (const target of targets) await load(target, 16, 1);

  const runs = new Map<string, Run[]>();
  for (let index = 0; index < options.rounds; index++) {
    for (const connections of options.connections) {
      for (const target of targets) {
        const key = `${target.name}/${connections}`;
        const run = await measure(target, () => load(target, connections, options.runS));
        runs.set(key, [...(runs.get(key) ?? []), run]);
      }
    }
  }

  const results = options.connections.flatMap((connections) =>
    targets.map((target) => summarize(target, connections, runs.get(`${target.name}/${connections}`) ?? [])),
  );
  const rateOf = (name: string, connections: number) =>
    results.find((result) => result.target === name && result.connections === connections)?.queriesPerS ?? Number.NaN;
  report.table(
    `point select, text protocol (median of ${options.rounds} rounds of ${options.runS} s)`,
    // biome-ignore format: two lines, as the table is read
    ["target", "conns", "queries/s", "p95 ms", "of haproxy", "of direct",
      "mysqld us/q", "proxy us/q", "tablet us/q", "proxy MiB", "tablet MiB"],
    results.map((result) => [
      result.target,
      result.connections,
      Math.round(result.queriesPerS),
      result.p95Ms.toFixed(2),
      ratio(result.queriesPerS, rateOf("haproxy", result.connections)),
      ratio(result.queriesPerS, rateOf("direct", result.connections)),
      total(result.cpuUsPerQuery, /^mysqld/),
      total(result.cpuUsPerQuery, /^(haproxy|gateway)/),
      total(result.cpuUsPerQuery, /^tablet/),
      total(result.rssMiB, /^(haproxy|gateway)/),
      total(result.rssMiB, /^tablet/),
    ]),
  );
  report.note("us/q: CPU microseconds a query, of all processes of that kind; proxy: haproxy or gateway");
  report.record("pointSelect", { ...options, load: sysbench === undefined ? "own" : "sysbench", results });

  const at16 = results.find((result) => result.target === stage.shardgate.name && result.connections === 16);
  if (at16 === undefined) return;
  const toHaproxy = at16.queriesPerS / rateOf("haproxy", 16);
  if (!Number.isNaN(toHaproxy)) {
    report.budget({
      what: "point select, 16 connections, of HAProxy",
      measured: toHaproxy,
      unit: "",
      limit: 0.55,
      kind: "at least",
    });
  }
  for (const [name, limit] of [
    ["gateway", 40],
    ["tablet", 35],
  ] as const) {
    const measured = at16.cpuUsPerQuery[name] ?? Number.NaN;
    report.budget({
      what: `point select, 16 connections, CPU of the ${name}`,
      measured,
      unit: " us/query",
      limit,
      kind: "at most",
    });
  }
}

/** sysbench's, or this process's own where it is not installed. */
export function pointSelectLoad(): (target: Target, connections: number, runS: number) => Promise<Load> {
  const sysbench = findOnPath("sysbench");
  if (sysbench === undefined) return ownLoad;
  return (target, connections, runS) => sysbenchLoad(sysbench, target, connections, runS);
}

export async function measure(target: Target, run: () => Promise<Load>): Promise<Run> {
  const before = target.processes.map(({ pid }) => cpuUs(pid));
  const load = await run();
  const cpuUsPerQuery: Record<string, number> = {};
  for (const [index, { name, pid }] of target.processes.entries()) {
    cpuUsPerQuery[name] = (cpuUs(pid) - (before[index] ?? 0)) / Math.max(1, load.queries);
  }
  return { queriesPerS: load.queriesPerS, p95Ms: load.p95Ms, cpuUsPerQuery };
}

function summarize(target: Target, connections: number, runs: readonly Run[]) {
  const of = (value: (process: Measured) => number) =>
    Object.fromEntries(target.processes.map((process) => [process.name, round(value(process), 1)]));
  return {
    target: target.name,
    connections,
    queriesPerS: round(median(runs.map((run) => run.queriesPerS)), 0),
    p95Ms: median(runs.map((run) => run.p95Ms)),
    cpuUsPerQuery: of(({ name }) => median(runs.map((run) => run.cpuUsPerQuery[name] ?? 0))),
    rssMiB: of(({ pid }) => rssMiB(pid)),
  };
}

async function sysbenchLoad(sysbench: string, target: Target, connections: number, runS: number): Promise<Load> {
  const { stdout } = await promisify(execFile)(sysbench, [
    "oltp_point_select",
    "--db-driver=mysql",
    "--mysql-host=127.0.0.1",
    `--mysql-port=${target.port}`,
    "--mysql-user=root",
    `--mysql-db=${target.database}`,
    "--tables=1",
    `--table-size=${TABLE_ROWS}`,
    "--rand-type=uniform",
    "--db-ps-mode=disable",
    `--threads=${connections}`,
    `--time=${runS}`,
    "run",
  ]);
  const queries = /queries:\s+(\d+)\s+\(([\d.]+) per sec/.exec(stdout);
  const p95 = /95th percentile:\s+([\d.]+)/.exec(stdout);
  if (queries === null || p95 === null) throw new Error(`sysbench printed no figures:\n${stdout}`);
  return { queries: Number(queries[1]), queriesPerS: Number(queries[2]), p95Ms: Number(p95[1]) };
}

async function ownLoad(target: Target, connections: number, runS: number): Promise<Load> {
  const clients = await Promise.all(
    Array.from({ length: connections }, () => connectRaw(target.port, target.database)),
  );
  const times: number[] = [];
  const startMs = performance.now();
  const endMs = startMs + runS * 1_000;
  await Promise.all(
    clients.map(async (client, index) => {
      let seed = index + 1;
      for (let nowMs = performance.now(); nowMs < endMs; ) {
        seed = (seed * 48_271) % 2_147_483_647;
        await client.query(`SELECT c FROM sbtest1 WHERE id=${1 + (seed % TABLE_ROWS)}`);
        const afterMs = performance.now();
        times.push(afterMs - nowMs);
        nowMs = afterMs;
      }
    }),
  );
  const spentS = (performance.now() - startMs) / 1_000;
  for (const client of clients) client.close();
  times.sort((a, b) => a - b);
  return { queries: times.length, queriesPerS: times.length / spentS, p95Ms: percentile(times, 0.95) };
}

function total(values: Readonly<Record<string, number>>, names: RegExp): string {
  const found = Object.entries(values).filter(([name]) => names.test(name));
  return found.length === 0 ? "" : String(Math.round(found.reduce((sum, [, value]) => sum + value, 0)));
}

function ratio(value: number, base: number): string {
  return Number.isNaN(base) ? "-" : (value / base).toFixed(2);
}
