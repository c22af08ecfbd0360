// sysbench's OLTP scripts with statements as text and prepared, in turns: direct MariaDB, Shardgate before an unsharded
// keyspace and before two shards. Any error ends the bench.

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { cpuUs } from "./proc-stat.ts";
import { median, type Report, round } from "./report.ts";
import { findOnPath, type Stage, TABLE_ROWS, type Target } from "./stage.ts";

export interface SysbenchOptions {
  readonly threads: number;
  readonly rounds: number;
  readonly runS: number;
}

const SCRIPTS = ["oltp_point_select", "oltp_read_only", "oltp_read_write"] as const;
const MODES = ["disable", "auto"] as const;
type Script = (typeof SCRIPTS)[number];
type Mode = (typeof MODES)[number];

interface Run {
  readonly queriesPerS: number;
  readonly gatewayUs: number;
  readonly tabletUs: number;
}

export async function benchSysbench(stage: Stage, report: Report, options: SysbenchOptions): Promise<void> {
  const sysbench = findOnPath("sysbench");
  if (sysbench === undefined) {
    report.note("sysbench is not installed: no figures");
    return;
  }
  const targets = [stage.direct, stage.shardgate, stage.sharded];
  const runs = new Map<string, Run[]>();
  for (let index = 0; index < options.rounds; index++) {
    for (const script of SCRIPTS) {
      for (const target of targets) {
        for (const mode of MODES) {
          const key = `${script}/${target.name}/${mode}`;
          runs.set(key, [...(runs.get(key) ?? []), await measure(sysbench, script, mode, target, options)]);
        }
      }
    }
  }
  const of = (script: Script, target: Target, mode: Mode, value: (run: Run) => number): number =>
    median((runs.get(`${script}/${target.name}/${mode}`) ?? []).map(value));
  const results = SCRIPTS.flatMap((script) =>
    targets.map((target) => {
      const text = of(script, target, "disable", ({ queriesPerS }) => queriesPerS);
      const prepared = of(script, target, "auto", ({ queriesPerS }) => queriesPerS);
      return { script, target, text, prepared };
    }),
  );
  report.table(
    `sysbench, ${options.threads} threads (median of ${options.rounds} rounds of ${options.runS} s)`,
    ["script", "target", "text q/s", "prepared q/s", "prepared / text", "gateway us/q", "tablet us/q"],
    results.map(({ script, target, text, prepared }) => [
      script,
      target.name,
      Math.round(text),
      Math.round(prepared),
      (prepared / text).toFixed(2),
      round(
        of(script, target, "auto", ({ gatewayUs }) => gatewayUs),
        1,
      ),
      round(
        of(script, target, "auto", ({ tabletUs }) => tabletUs),
        1,
      ),
    ]),
  );
  report.record("sysbench", { ...options, results: results.map((each) => ({ ...each, target: each.target.name })) });
  const selects = results.find(({ script, target }) => script === "oltp_point_select" && target === stage.shardgate);
  if (selects !== undefined) {
    report.budget({
      what: "prepared point select, of the text protocol",
      measured: selects.prepared / selects.text,
      unit: "",
      limit: 1,
      kind: "at least",
    });
  }
}

async function measure(
  sysbench: string,
  script: Script,
  mode: Mode,
  target: Target,
  { threads, runS }: SysbenchOptions,
): Promise<Run> {
  const spent = (): readonly [gateway: number, tablet: number] => {
    let gateway = 0;
    let tablet = 0;
    for (const { name, pid } of target.processes) {
      if (name.startsWith("gateway")) gateway += cpuUs(pid);
      else if (name.startsWith("tablet")) tablet += cpuUs(pid);
    }
    return [gateway, tablet];
  };
  const before = spent();
  const { stdout } = await promisify(execFile)(sysbench, [
    script,
    "--db-driver=mysql",
    "--mysql-host=127.0.0.1",
    `--mysql-port=${target.port}`,
    "--mysql-user=root",
    `--mysql-db=${target.database}`,
    "--tables=1",
    `--table-size=${TABLE_ROWS}`,
    "--rand-type=uniform",
    `--db-ps-mode=${mode}`,
    // Concurrent clients that lock the same rows are rolled back by turns, which is not what is measured.
    "--mysql-ignore-errors=1213,1020",
    `--threads=${threads}`,
    `--time=${runS}`,
    "run",
  ]);
  const found = /queries:\s+(\d+)\s+\(([\d.]+) per sec/.exec(stdout);
  if (found === null) throw new Error(`sysbench printed no figures:\n${stdout}`);
  const after = spent();
  const queries = Math.max(1, Number(found[1]));
  return {
    queriesPerS: Number(found[2]),
    gatewayUs: (after[0] - before[0]) / queries,
    tabletUs: (after[1] - before[1]) / queries,
  };
}
