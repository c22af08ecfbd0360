// Runs statements on a lane and keeps the account: how many were the same, by which tier, and what was not. A difference
// counts only when MariaDB itself gives one answer. Rows are open when it gives others from tables without keys and in
// another order. Errors, warnings and what it tells of columns are no difference when it answers just so by another plan.

import { offlineCluster, explainRouting, type OfflineCluster } from "../../src/bin/explain-routing.ts";
import type { Tier } from "../../src/plan/describe-plan.ts";
import { parse } from "../../src/sql/parse.ts";
import { loadHashes } from "../../src/vschema/xxh64.ts";
import type { Outcome } from "../e2e/twin.ts";
import type { Arena, Lane } from "./arena.ts";
import { compareRows, type Difference, differences, isWrong } from "./compare.ts";
import { shrink } from "./shrink.ts";

export interface Verdict {
  readonly differences: readonly Difference[];
  /** What differs only from the plan that MariaDB took: by another one it answers so, too. */
  readonly byPlan: readonly Difference[];
  /** MariaDB answers differently by itself, depending on how it reads the tables. */
  readonly isOpen: boolean;
  readonly gateway: Outcome | undefined;
  readonly plain: Outcome | undefined;
  /** Who did not answer, and why. */
  readonly broken?: string;
}

export interface Failure {
  readonly sql: string;
  readonly small: string;
  readonly shards: number;
  readonly tier: Tier | "none";
  readonly verdict: Verdict;
}

const ER_STATEMENT_TIMEOUT = 1969;

/** Asks both and compares. */
export async function judge(lane: Lane, sql: string): Promise<Verdict> {
  let answers: Awaited<ReturnType<Lane["ask"]>>;
  try {
    answers = await lane.ask(sql);
  } catch (error) {
    lane.close();
    const broken = error instanceof Error ? error.message : String(error);
    return { differences: ["broken"], byPlan: [], isOpen: false, gateway: undefined, plain: undefined, broken };
  }
  const { gateway, plain } = answers;
  const isTooLong = plain.kind === "error" && plain.errno === ER_STATEMENT_TIMEOUT;
  const found = isTooLong ? [] : differences(lane.named(sql), gateway, plain);
  const verdict = { isOpen: false, byPlan: [], gateway, plain };
  if (found.some((each) => each === "rows" || each === "order")) {
    const control = await lane.askControl(sql);
    return { ...verdict, differences: found, isOpen: !sameAnswer(sql, plain, control) };
  }
  let left = found;
  if (found.some((each) => each === "warnings" || (isWrong(each) && each !== "refused"))) {
    for await (const other of lane.askByOtherPlans(sql)) {
      // What another plan says counts only with the rows of this one.
      if (found[0] !== "errno" && !sameAnswer(sql, plain, other)) continue;
      const still = differences(lane.named(sql), gateway, other);
      left = left.filter((each) => each === "refused" || still.includes(each));
      if (left.length === 0) break;
    }
  }
  return { ...verdict, differences: left, byPlan: found.filter((each) => !left.includes(each)) };
}

/** Prepares it for both, with parameters for its values. Types are those of the parameters: only one server has them. */
async function judgePrepared(lane: Lane, sql: string): Promise<Verdict> {
  const { gateway, plain } = await lane.askPrepared(sql);
  const found = differences(lane.named(sql), gateway, plain);
  return { isOpen: false, byPlan: [], gateway, plain, differences: found.filter((each) => each !== "types") };
}

function sameAnswer(sql: string, a: Outcome, b: Outcome): boolean {
  if (a.kind === "rows" && b.kind === "rows") return compareRows(sql, a, b) === undefined;
  return a.kind === "error" && b.kind === "error" && a.errno === b.errno;
}

/** Which tier the planner gives a statement of a lane. */
export class Tiers {
  readonly #cluster: OfflineCluster;

  private constructor(cluster: OfflineCluster) {
    this.#cluster = cluster;
  }

  static async of(arena: Arena): Promise<Tiers> {
    await loadHashes();
    return new Tiers(offlineCluster(arena.cluster.keyspaces));
  }

  tierOf(lane: Lane, sql: string): Tier | "none" {
    try {
      return explainRouting(parse(lane.named(sql)), lane.keyspace, this.#cluster).tier;
    } catch {
      return "none";
    }
  }
}

export interface Account {
  statements: number;
  same: number;
  /** Refused by MariaDB too, with the same errno. */
  errors: number;
  /** Answered with no row. */
  empty: number;
  /** The statement that took longest, asked of both at once. */
  slowest: { readonly sql: string; readonly tookMs: number };
  /** Statements of which MariaDB gives other rows from the same tables. */
  readonly open: string[];
  readonly tiers: Map<string, number>;
  readonly differences: Map<Difference, number>;
  /** What MariaDB answers so by another plan. */
  readonly byPlan: Map<Difference, number>;
  readonly failures: Failure[];
}

export function newAccount(): Account {
  return {
    statements: 0,
    same: 0,
    errors: 0,
    empty: 0,
    slowest: { sql: "", tookMs: 0 },
    open: [],
    tiers: new Map(),
    differences: new Map(),
    byPlan: new Map(),
    failures: [],
  };
}

export interface CampaignOptions {
  readonly isShrinking: boolean;
  /** What is answered alike is prepared, too. */
  readonly isPrepared?: boolean;
  /** Which differences are kept with their statement. */
  readonly isFailure: (difference: Difference) => boolean;
}

/** Judges one statement and enters it. */
export async function enter(
  account: Account,
  tiers: Tiers,
  lane: Lane,
  sql: string,
  options: CampaignOptions,
): Promise<Failure | undefined> {
  const started = performance.now();
  const verdict = await judge(lane, sql);
  const tookMs = performance.now() - started;
  if (tookMs > account.slowest.tookMs) account.slowest = { sql, tookMs };
  const tier = tiers.tierOf(lane, sql);
  account.statements++;
  account.tiers.set(tier, (account.tiers.get(tier) ?? 0) + 1);
  if (verdict.isOpen) {
    account.open.push(`${lane.shards} shards, ${tier}: ${sql}`);
    return undefined;
  }
  if (verdict.plain?.kind === "error") account.errors++;
  if (verdict.plain?.kind === "rows" && verdict.plain.rows.length === 0) account.empty++;
  for (const each of verdict.differences) account.differences.set(each, (account.differences.get(each) ?? 0) + 1);
  for (const each of verdict.byPlan) account.byPlan.set(each, (account.byPlan.get(each) ?? 0) + 1);
  const kinds = verdict.differences.filter(options.isFailure);
  if (kinds.length === 0) {
    const prepared = options.isPrepared === true ? await judgePrepared(lane, sql) : undefined;
    if (prepared?.differences.some(options.isFailure) === true) {
      const failure: Failure = { sql, small: `PREPARED ${sql}`, shards: lane.shards, tier, verdict: prepared };
      account.failures.push(failure);
      return failure;
    }
    account.same++;
    return undefined;
  }
  const failsAlike = async (candidate: string): Promise<boolean> => {
    const again = await judge(lane, candidate);
    const sameKind = again.differences.some((each) => each === kinds[0]);
    return sameKind && !again.isOpen && (verdict.plain?.kind !== "rows" || again.plain?.kind === "rows");
  };
  const isShrinkable = options.isShrinking && kinds[0] !== "broken";
  const small = isShrinkable ? await shrink(sql, failsAlike) : sql;
  const failure: Failure = {
    sql,
    small,
    shards: lane.shards,
    tier,
    verdict: small === sql ? verdict : await judge(lane, small),
  };
  account.failures.push(failure);
  return failure;
}

/** For people: what the two answered, shortened. */
export function describeFailure({ sql, small, shards, tier, verdict }: Failure): string {
  const lines = [`-- ${verdict.differences.join(", ")}; ${shards} shards, ${tier}`, `${small};`];
  if (small !== sql) lines.push(`--   from: ${sql}`);
  if (verdict.broken !== undefined) lines.push(`--   ${verdict.broken}`);
  lines.push(`--   shardgate: ${shownOutcome(verdict.gateway)}`, `--   mariadb:   ${shownOutcome(verdict.plain)}`);
  if (verdict.differences.some((each) => each === "types" || each === "names" || each === "lengths")) {
    lines.push(`--   columns: ${shownColumns(verdict.gateway)}`, `--   instead: ${shownColumns(verdict.plain)}`);
  }
  return lines.join("\n");
}

const SHOWN_ROWS_MAX = 6;

function shownOutcome(outcome: Outcome | undefined): string {
  if (outcome === undefined) return "no answer";
  if (outcome.kind === "error") return `error ${outcome.errno} (${outcome.sqlState}) ${outcome.message}`;
  if (outcome.kind === "ok") return "OK";
  const rows = outcome.rows.slice(0, SHOWN_ROWS_MAX).map((row) => `(${row})`);
  return `${outcome.rows.length} rows ${rows.join(" ")}; ${outcome.warnings} warnings`;
}

function shownColumns(outcome: Outcome | undefined): string {
  if (outcome?.kind !== "rows") return "none";
  return outcome.columns
    .map(
      (each) =>
        `${each.name} type ${each.type} length ${each.columnLength} decimals ${each.decimals} collation ${each.collation} flags ${each.flags}`,
    )
    .join("; ");
}
