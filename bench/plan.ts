// Planning: what a statement costs that is in no plan cache, normalized, parsed and planned, over the SELECTs of the public
// planner corpus. Each figure is the best of several rounds, which a busy machine disturbs least.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { planStatement } from "../src/plan/planner.ts";
import type { PlanContext } from "../src/plan/tables.ts";
import { normalize } from "../src/sql/normalize.ts";
import { parse } from "../src/sql/parse.ts";
import { DEFAULT_SQL_MODE } from "../src/sql/tree.ts";
import { loadHashes } from "../src/vschema/xxh64.ts";
import { type PlannerCluster, plannerClusters, sharedFolder } from "../test/fixture/planner-corpus.ts";

const ROUNDS = 10;
const CALLS = 3;
const MEDIAN_US_MAX = 150;

/** Clusters of the corpus, with the keyspace that is selected; a statement is for the first one that has its tables. */
const PLACES: readonly (readonly [string, string | undefined])[] = [
  ["schema", undefined],
  ["schema", "user"],
  ["schema", "main"],
  ["tpch_schema", "main"],
  ["tpcc_schema", "main"],
  ["rails_schema", undefined],
  ["oltp_schema", "main"],
];

await loadHashes();
const clusters = plannerClusters();
if (clusters !== undefined) measure(clusters);

function measure(known: ReadonlyMap<string, PlannerCluster>): void {
  const contexts = PLACES.flatMap(([name, keyspace]): PlanContext[] => {
    const cluster = known.get(name);
    return cluster === undefined ? [] : [{ vschema: cluster.vschema, schema: cluster.schema, keyspace }];
  });
  const times: { readonly sql: string; readonly us: number }[] = [];
  for (const line of readFileSync(join(sharedFolder(), "corpus", "planner.ndjson"), "utf8")
    .trim()
    .split("\n")) {
    const { sql } = JSON.parse(line) as { readonly sql: string };
    const bytes = Buffer.from(sql);
    const context = contexts.find((each) => isPlanned(bytes, each));
    if (context !== undefined && /^[\s(]*(select|with)/i.test(sql)) times.push({ sql, us: bestUs(bytes, context) });
  }
  times.sort((a, b) => a.us - b.us);
  const at = (share: number): number => times[Math.floor((times.length - 1) * share)]?.us ?? 0;
  const median = at(0.5);
  const held = median <= MEDIAN_US_MAX ? "held" : "NOT HELD";
  out(`normalize + parse + plan of ${times.length} SELECTs`);
  out(`  median ${median.toFixed(0)} us   budget ${MEDIAN_US_MAX} us   ${held}`);
  out(`  p90 ${at(0.9).toFixed(0)} us, p99 ${at(0.99).toFixed(0)} us`);
  const slowest = times.at(-1);
  if (slowest !== undefined) out(`  slowest ${slowest.us.toFixed(0)} us: ${slowest.sql.slice(0, 100)}`);
}

function plan(bytes: Buffer, context: PlanContext): void {
  planStatement(parse(normalize(bytes, DEFAULT_SQL_MODE).key, DEFAULT_SQL_MODE), context);
}

function isPlanned(bytes: Buffer, context: PlanContext): boolean {
  try {
    plan(bytes, context);
    return true;
  } catch {
    return false;
  }
}

function bestUs(bytes: Buffer, context: PlanContext): number {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    for (let call = 0; call < CALLS; call++) plan(bytes, context);
    best = Math.min(best, ((performance.now() - start) * 1_000) / CALLS);
  }
  return best;
}

function out(text: string): void {
  process.stdout.write(`${text}\n`);
}
