// INSERT and REPLACE whose rows are computed first: by the query of INSERT … SELECT, run through the tiers, or as expressions
// among their values. The rows then go to their shards as literals, in batches, all in one transaction.

import { notSupported, ShardgateError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { CollectedReply } from "../engine/collect.ts";
import type { ShardTarget } from "../engine/ports.ts";
import { type OkPacket, okPacket } from "../mysql/packets/ok.ts";
import type { InsertRowsPlan } from "../plan/change-plan.ts";
import type { BindValue } from "../plan/statement.ts";
import { print } from "../sql/print.ts";
import type { Expr, Insert, InsertRow, Select } from "../sql/tree.ts";
import type { ClusterView } from "./cluster-view.ts";
import { comQuery } from "./com-query.ts";
import { EMPTY_SELECT } from "./empty-statements.ts";
import type { Executor } from "./executor.ts";
import { foundValue, readFound } from "./found-rows.ts";
import { type InsertIds, placeInsert, runInsert, type ShardChange } from "./run-change.ts";
import { writeWithLookups } from "./run-insert-lookups.ts";
import { withSessionValues } from "./session-values.ts";
import { warningsOf } from "./show-warnings.ts";
import { asOneStatement, runPart, runParts } from "./statement-unit.ts";
import type { TextResult } from "./text-rows.ts";
import { combined, type DuplicateRule, duplicateRuleOf, duplicatesOf, okOf } from "./write-answer.ts";

/** Answers the client, or throws. */
export async function runInsertRows(
  executor: Executor,
  plan: InsertRowsPlan,
  binds: readonly BindValue[],
  cluster: ClusterView,
): Promise<void> {
  executor.refuseReplica();
  executor.asParts(plan.effect);
  if (plan.statement.query === undefined) {
    await runWithAnswers(executor, plan, binds, cluster);
    return;
  }
  const done = await asOneStatement(executor, () => insertFound(executor, plan, binds, cluster));
  answer(executor, done, duplicateRuleOf(plan.statement));
}

/** The statement with values in place of what was asked, run as if it had come so. */
async function runWithAnswers(
  executor: Executor,
  plan: InsertRowsPlan,
  binds: readonly BindValue[],
  cluster: ClusterView,
): Promise<void> {
  const { textIsUtf8 } = executor.state.settings;
  const rows: InsertRow[] = [...plan.statement.rows];
  for (let from = 0; from < plan.asked.length; from += ASKED_AT_ONCE) {
    const asked = plan.asked.slice(from, from + ASKED_AT_ONCE);
    const result = await readFound(executor, selectOf(asked.map(({ expr }) => expr)), binds);
    const [values] = result.rows;
    for (const [i, { row, position }] of asked.entries()) {
      const known = rows[row];
      if (known === undefined) continue;
      const value = foundValue(result.columns[i], values?.[i] ?? null, textIsUtf8);
      rows[row] = { ...known, values: known.values.with(position, value) };
    }
  }
  await runLiteral(executor, { ...plan.statement, rows }, binds, cluster);
}

const ASKED_AT_ONCE = 500;

async function runLiteral(
  executor: Executor,
  statement: Insert,
  binds: readonly BindValue[],
  cluster: ClusterView,
): Promise<void> {
  const { plan } = executor.planFor(statement, cluster);
  if (plan.kind === "insert") {
    await runInsert(executor, { ...plan, printed: true }, binds, cluster, NOTHING);
    return;
  }
  const done = await asOneStatement(executor, () => insertBatch(executor, statement, binds, cluster));
  answer(executor, [done], duplicateRuleOf(statement));
}

const NOTHING = Buffer.alloc(0);

/** What one batch of rows was answered, and how its shares were cut. */
interface Done {
  readonly changes: readonly ShardChange[];
  readonly replies: readonly CollectedReply[];
  readonly ids: InsertIds | undefined;
  /** As one statement's. */
  readonly ok: OkPacket;
  readonly rows: number;
}

async function insertFound(
  executor: Executor,
  plan: InsertRowsPlan,
  binds: readonly BindValue[],
  cluster: ClusterView,
): Promise<Done[]> {
  const { statement } = plan;
  if (statement.query === undefined) throw new ShardgateError("INTERNAL", "rows without a query");
  if (statement.returning.length > 0) throw notSupported("INSERT … SELECT … RETURNING over shards");
  const found = await readFound(executor, statement.query, binds);
  const done: Done[] = [];
  for (const rows of batchesOf(found, executor.state.settings.textIsUtf8)) {
    const batch: Insert = { ...statement, form: "values", query: undefined, rows };
    done.push(await insertBatch(executor, batch, binds, cluster));
  }
  return done;
}

function* batchesOf({ columns, rows }: TextResult, textIsUtf8: boolean): Generator<InsertRow[]> {
  let batch: InsertRow[] = [];
  let bytes = 0;
  for (const row of rows) {
    const values = row.map((raw, i): Expr => foundValue(columns[i], raw, textIsUtf8));
    for (const raw of row) bytes += (raw?.length ?? 0) + 8;
    batch.push({ kind: "insertRow", values, pos: 0 });
    if (batch.length < LIMITS.insertedRowsMax && bytes < LIMITS.insertedBytesMax) continue;
    yield batch;
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) yield batch;
}

async function insertBatch(
  executor: Executor,
  statement: Insert,
  binds: readonly BindValue[],
  cluster: ClusterView,
): Promise<Done> {
  const { state, context } = executor;
  const { plan } = executor.planFor(statement, cluster);
  let changes: readonly ShardChange[];
  let ids: InsertIds | undefined;
  let isEverywhere = false;
  if (plan.kind === "insert") {
    const placed = await placeInsert(executor, plan, binds, cluster, undefined);
    if (plan.lookups.length > 0) {
      const written = await writeWithLookups(executor, plan, placed, binds, cluster);
      return { ...written, ok: combined(written.replies.map(okOf)), rows: statement.rows.length };
    }
    ({ changes, ids } = placed);
  } else if (plan.kind === "send") {
    isEverywhere = plan.everywhere === true;
    const filled = withSessionValues(statement, state, context);
    const payload = comQuery(print(filled, binds, { mode: state.sqlMode, columnNames: true }));
    changes = executor.targetsOf(plan, binds, cluster).map((target) => ({ target, payload }));
  } else throw new ShardgateError("INTERNAL", "rows of literals are not planned as such");
  const parts = new Map<ShardTarget, (() => Promise<CollectedReply>)[]>();
  for (const { target, payload } of changes) parts.set(target, [() => runPart(executor, target, payload)]);
  const replies = await runParts(parts);
  const oks = replies.map(okOf);
  const ok = combined(isEverywhere ? oks.slice(0, 1) : oks);
  return { changes, replies: isEverywhere ? replies.slice(0, 1) : replies, ids, ok, rows: statement.rows.length };
}

function answer(executor: Executor, done: readonly Done[], rule: DuplicateRule): void {
  const { state } = executor;
  const affectedRows = sum(done, ({ ok }) => ok.affectedRows);
  const warnings = sum(done, ({ ok }) => ok.warnings);
  const records = sum(done, ({ rows }) => rows);
  const duplicates = sum(done, ({ replies }) => sum(replies.map(okOf), (ok) => duplicatesOf(ok, rule)));
  const inserted = done.find(({ ok }) => ok.affectedRows > 0);
  const generated = inserted?.ids?.generated ?? inserted?.ok.lastInsertId ?? 0n;
  if (generated !== 0n) state.lastInsertId = generated;
  state.rowCount = affectedRows;
  state.lastWarnings = warningsOf(done.flatMap(({ replies }) => replies.map(({ info }) => info)));
  const info = `Records: ${records}  Duplicates: ${duplicates}  Warnings: ${warnings}`;
  const lastInsertId = generated === 0n && affectedRows > 0 ? (done.at(-1)?.ids?.given ?? 0n) : generated;
  executor.ok(okPacket({ affectedRows, warnings, info, lastInsertId, statusFlags: state.statusFlags }));
}

function sum<T>(list: readonly T[], valueOf: (item: T, index: number) => number): number {
  return list.reduce((total, item, i) => total + valueOf(item, i), 0);
}

function selectOf(exprs: readonly Expr[]): Select {
  return {
    ...EMPTY_SELECT,
    items: exprs.map((expr) => ({ kind: "expr", expr, alias: undefined, text: "", pos: 0 })),
  };
}
