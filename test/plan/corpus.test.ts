// Every SELECT of the public planner corpus gets a plan, and few need the gather tier. The statements do not say which of
// the corpus' clusters they are for: the first one that has their tables is taken.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { MysqlError, ShardgateError } from "../../src/base/errors.ts";
import type { Plan } from "../../src/plan/plan.ts";
import { planStatement } from "../../src/plan/planner.ts";
import { parse } from "../../src/sql/parse.ts";
import { DEFAULT_SQL_MODE, type Statement } from "../../src/sql/tree.ts";
import { loadHashes } from "../../src/vschema/xxh64.ts";
import { type PlannerCluster, plannerClusters, sharedFolder } from "../fixture/planner-corpus.ts";

await loadHashes();
const clusters = plannerClusters();

const GATHER_SHARE_MAX = 0.2;
/** Which cluster, with which keyspace selected, in this order. */
const PLACES: readonly (readonly [string, string | undefined])[] = [
  ["schema", undefined],
  ["schema", "user"],
  ["schema", "main"],
  ["tpch_schema", "main"],
  ["tpcc_schema", "main"],
  ["rails_schema", undefined],
  ["oltp_schema", "main"],
  ["mirror_schema", undefined],
  ["unsharded_schema", "main"],
];
const NAME_ERRORS: ReadonlySet<number> = new Set([1046, 1049, 1146, 1064]);

interface Outcome {
  readonly sql: string;
  readonly tier: string;
  readonly reason: string;
}

test.skipIf(clusters === undefined)(
  "every SELECT of the planner corpus has a plan, four of five without gather",
  () => {
    if (clusters === undefined) return;
    const outcomes: Outcome[] = [];
    for (const sql of statements()) {
      let statement: Statement;
      try {
        statement = parse(Buffer.from(sql), DEFAULT_SQL_MODE);
      } catch {
        continue;
      }
      if (!["select", "union", "values", "table"].includes(statement.kind)) continue;
      outcomes.push(outcomeOf(sql, statement, clusters));
    }
    const byTier = new Map<string, number>();
    for (const { tier } of outcomes) byTier.set(tier, (byTier.get(tier) ?? 0) + 1);
    const shares = [...byTier].map(([tier, count]) => `${tier} ${count}`).join(", ");
    process.stdout.write(`planner corpus: ${outcomes.length} SELECTs: ${shares}\n`);
    const file = process.env["CORPUS_REPORT"];
    if (file !== undefined) {
      const lines = outcomes.map(({ tier, reason, sql }) => `${tier}\t${reason}\t${sql.replaceAll(/\s+/g, " ")}`);
      writeFileSync(file, `${lines.toSorted().join("\n")}\n`);
    }
    // A client of a gateway writes no files on the shards' machines.
    expect(outcomes.filter(({ tier, reason }) => tier === "refused" && !reason.includes("INTO OUTFILE"))).toEqual([]);
    expect((byTier.get("gather") ?? 0) / outcomes.length).toBeLessThanOrEqual(GATHER_SHARE_MAX);
  },
);

function statements(): string[] {
  const text = readFileSync(join(sharedFolder(), "corpus", "planner.ndjson"), "utf8");
  return text
    .trim()
    .split("\n")
    .map((line) => (JSON.parse(line) as { sql: string }).sql);
}

function outcomeOf(sql: string, statement: Statement, all: ReadonlyMap<string, PlannerCluster>): Outcome {
  let named: Error | undefined;
  for (const [name, keyspace] of PLACES) {
    const cluster = all.get(name);
    if (cluster === undefined) continue;
    try {
      const plan = planStatement(statement, { vschema: cluster.vschema, schema: cluster.schema, keyspace });
      return { sql, ...tierOf(plan) };
    } catch (error) {
      if (!(error instanceof ShardgateError) && !(error instanceof MysqlError)) throw error;
      if (!NAME_ERRORS.has(error.errno)) return { sql, tier: "refused", reason: error.message };
      named ??= error;
    }
  }
  // No cluster of the corpus has its tables: an error that MySQL gives, too.
  return { sql, tier: "name error", reason: named?.message ?? "" };
}

function tierOf(plan: Plan): { tier: string; reason: string } {
  if (plan.kind === "gather") return { tier: "gather", reason: plan.reason };
  if (plan.kind !== "send") return { tier: plan.kind, reason: "" };
  if (plan.crossShard === undefined) {
    const isOne = ["unsharded", "any", "equal-unique", "pinned"].includes(plan.routing.kind);
    return { tier: isOne ? "pass-through" : "merge", reason: "" };
  }
  if (plan.severalShards === undefined) return { tier: "refused", reason: plan.crossShard };
  return { tier: plan.severalShards.kind, reason: plan.severalShards.reason };
}
