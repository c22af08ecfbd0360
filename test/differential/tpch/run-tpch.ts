// TPC-H's queries through Shardgate and straight to one MariaDB: the same answers, and each with its tier and times.

import type { Arena } from "../arena.ts";
import { describeFailure, type Tiers, type Verdict } from "../campaign.ts";
import { differences, isWrong } from "../compare.ts";
import { QUERIES } from "./queries.ts";

const TABLES = ["part", "partsupp", "customer", "orders", "lineitem", "supplier", "nation", "region"];

/** The time of a query is the best of so many runs. */
const ROUNDS = 3;

/** Writes a table for each lane. True when all answers were the same. */
export async function runTpch(arena: Arena, tiers: Tiers, out: (text: string) => void): Promise<boolean> {
  let isGood = true;
  for (const lane of arena.lanes) {
    // With the statistics that loading leaves, MariaDB takes a minute for some of them, or none.
    for (const table of TABLES) await lane.askPlain(`ANALYZE TABLE ${table}`);
    out(`TPC-H, scale 0.01, ${lane.shards} shards`);
    out("query  tier          rows   shardgate ms   direct ms   answer");
    for (const [index, sql] of QUERIES.entries()) {
      // Without the copy that has no keys: these joins would take hours there.
      const { gateway, plain } = await lane.ask(sql);
      const verdict: Verdict = {
        differences: differences(lane.named(sql), gateway, plain),
        byPlan: [],
        isOpen: false,
        gateway,
        plain,
      };
      const wrong = verdict.differences.filter(isWrong);
      const tier = tiers.tierOf(lane, sql);
      const gatewayMs = await bestMs(() => lane.askGateway(sql));
      const directMs = await bestMs(() => lane.askPlain(sql));
      const rows = verdict.plain?.kind === "rows" ? verdict.plain.rows.length : 0;
      const answer = wrong.length === 0 ? "same" : wrong.join(", ");
      const cells = [`Q${index + 1}`.padEnd(5), tier.padEnd(12), String(rows).padStart(5)];
      cells.push(gatewayMs.toFixed(1).padStart(13), directMs.toFixed(1).padStart(10), `  ${answer}`);
      out(cells.join("  "));
      if (wrong.length > 0) {
        isGood = false;
        out(describeFailure({ sql, small: sql, shards: lane.shards, tier, verdict }));
      }
    }
  }
  return isGood;
}

async function bestMs(run: () => Promise<unknown>): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const started = performance.now();
    await run();
    best = Math.min(best, performance.now() - started);
  }
  return best;
}
