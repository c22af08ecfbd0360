// npm run differential: random and hand-written SELECTs on clusters of several sizes and on one MariaDB, compared.
//
//   npm run differential -- --seed 1 --count 2000 --shards 2,4     random statements
//   npm run differential -- --suites                               the hand-written ones
//   npm run differential -- --dml --seed 1 --count 500 --shards 2,4   random writes, all tables compared after each
//   npm run differential -- --tpch                                 the queries of TPC-H, with tier and times
//   npm run differential -- --gather …                             each by way of temporary tables, whatever tier it has
//   npm run differential -- --prepared …                           each also prepared, with parameters
//   npm run differential -- --session 'SET …' …                    in sessions that begin so; once for each statement
//   npm run differential -- --sql 'SELECT …'                       one statement, shown with its answers
//
// Prints the seed, the share of each tier and every failing statement made small. Ends with 1 when an answer was wrong.

import { parseArgs } from "node:util";
import { randomOf } from "../fuzz/random.ts";
import { type Arena, startArena } from "./arena.ts";
import { describeFailure, enter, judge, newAccount, Tiers, type Account } from "./campaign.ts";
import { isWrong } from "./compare.ts";
import { runDml } from "./dml/run-dml.ts";
import { DML } from "./dml/schema.ts";
import { GENERATED } from "./generated-schema.ts";
import { statement } from "./generate/queries.ts";
import { SUITES } from "./suites/suites.ts";
import { runTpch } from "./tpch/run-tpch.ts";
import { tpch } from "./tpch/schema.ts";

const OPTIONS = {
  seed: { type: "string" },
  count: { type: "string", default: "1000" },
  shards: { type: "string", default: "2,4" },
  sql: { type: "string", multiple: true },
  print: { type: "boolean", default: false },
  tpch: { type: "boolean", default: false },
  suites: { type: "boolean", default: false },
  dml: { type: "boolean", default: false },
  gather: { type: "boolean", default: false },
  prepared: { type: "boolean", default: false },
  session: { type: "string", multiple: true },
  strict: { type: "boolean", default: false },
  shrink: { type: "boolean", default: true },
} as const;

/** A cluster for each number of shards: the ids of a sequence are one table's. */
async function writes(seed: number, count: number, shards: readonly number[]): Promise<boolean> {
  out(`seed ${seed}, ${count} writes on ${shards.join(" and ")} shards each`);
  let isGood = true;
  for (const number of shards) {
    const arena = await startArena(DML, [number]);
    try {
      for (const lane of arena.lanes) {
        const started = Date.now();
        const { statements, errors, affected, refused, failures } = await runDml(lane, seed, count, out);
        const s = Math.round((Date.now() - started) / 1000);
        const told = `${statements} statements in ${s} s, ${errors} errors of both, ${affected} rows affected`;
        out(`${lane.shards} shards, seed ${seed}: ${told}, ${refused.length} refused, ${failures.length} failures`);
        isGood &&= failures.length === 0;
      }
    } finally {
      await arena.stop();
    }
  }
  return isGood;
}

async function main(): Promise<boolean> {
  const { values } = parseArgs({ options: OPTIONS, allowNegative: true });
  const seed = values.seed === undefined ? Date.now() % 1_000_000 : Number(values.seed);
  const count = Number(values.count);
  const shards = values.shards.split(",").map(Number);
  if (values.print) {
    const random = randomOf(seed);
    for (let n = 0; n < count; n++) out(`${statement(random)};`);
    return true;
  }
  if (values.dml) return writes(seed, count, shards);
  const directives = values.gather ? "/*sg+ FORCE_GATHER */ " : "";
  const arena = await startArena(values.tpch ? tpch() : GENERATED, shards, directives, values.session);
  try {
    const tiers = await Tiers.of(arena);
    if (values.sql !== undefined) {
      for (const sql of values.sql) {
        for (const lane of arena.lanes) {
          const verdict = await judge(lane, sql);
          out(describeFailure({ sql, small: sql, shards: lane.shards, tier: tiers.tierOf(lane, sql), verdict }));
        }
      }
      return true;
    }
    if (values.tpch) return await runTpch(arena, tiers, out);
    if (values.suites) return await runSuites(arena, tiers, values.shrink);
    out(`seed ${seed}, ${count} statements on ${shards.join(" and ")} shards`);
    const account = newAccount();
    const random = randomOf(seed);
    const started = Date.now();
    const options = {
      isShrinking: values.shrink,
      isPrepared: values.prepared,
      isFailure: values.strict ? () => true : isWrong,
    };
    for (let n = 0; n < count; n++) {
      const sql = statement(random);
      for (const lane of arena.lanes) {
        const failure = await enter(account, tiers, lane, sql, options);
        if (failure !== undefined) out(describeFailure(failure));
      }
    }
    out(summary(account, `seed ${seed}`, Date.now() - started));
    return account.failures.length === 0;
  } finally {
    await arena.stop();
  }
}

async function runSuites(arena: Arena, tiers: Tiers, isShrinking: boolean): Promise<boolean> {
  let isGood = true;
  for (const [name, statements] of Object.entries(SUITES)) {
    const account = newAccount();
    const started = Date.now();
    for (const sql of statements) {
      for (const lane of arena.lanes) {
        const failure = await enter(account, tiers, lane, sql, { isShrinking, isFailure: isWrong });
        if (failure !== undefined) out(describeFailure(failure));
      }
    }
    out(summary(account, `suite ${name}`, Date.now() - started));
    isGood &&= account.failures.length === 0;
  }
  return isGood;
}

function summary(account: Account, title: string, tookMs: number): string {
  const list = (map: ReadonlyMap<string, number>): string =>
    [...map].map(([name, number]) => `${name} ${number}`).join(", ") || "none";
  return [
    `${title}: ${account.statements} statements in ${(tookMs / 1000).toFixed(1)} s`,
    `  same ${account.same} (of these refused by both ${account.errors}, without rows ${account.empty}), failed ${account.failures.length}, left open by MariaDB ${account.open.length}`,
    ...account.open.map((each) => `    ${each}`),
    `  tiers: ${list(account.tiers)}`,
    `  differences: ${list(account.differences)}; as MariaDB by another plan: ${list(account.byPlan)}`,
    `  slowest: ${account.slowest.tookMs.toFixed(0)} ms for ${account.slowest.sql}`,
  ].join("\n");
}

function out(text: string): void {
  process.stdout.write(`${text}\n`);
}

main().then(
  (isGood) => process.exit(isGood ? 0 : 1),
  (error: unknown) => {
    process.stderr.write(`differential: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exit(2);
  },
);
