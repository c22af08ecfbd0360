// INSERT and REPLACE whose rows are computed first: by the query of INSERT … SELECT, run through the tiers, or as expressions
// among their values. The rows then go to their shards as literals, in batches, all in one transaction.

import { MysqlError, notSupported, ShardgateError } from "../../base/errors.ts";
import { LIMITS } from "../../base/limits.ts";
import type { CollectedReply } from "../../engine/collect.ts";
import type { ReplyEnd } from "../../engine/reply.ts";
import { type OkPacket, okPacket } from "../../mysql/packets/ok.ts";
import type { AskedValue, InsertRowsPlan } from "../../plan/change-plan.ts";
import type { BindValue } from "../../plan/statement.ts";
import { valueRefOf } from "../../plan/value-ref.ts";
import { columnNode, itemNode, literalNode } from "../../sql/new-nodes.ts";
import type { Column, Expr, Insert, InsertRow, Node, Select } from "../../sql/tree.ts";
import { mapChildren } from "../../sql/walk.ts";
import type { ClusterView } from "../cluster/cluster-view.ts";
import { defaultOf } from "./column-default.ts";
import { printedQuery } from "../client/com-query.ts";
import { EMPTY_SELECT } from "./empty-statements.ts";
import type { Executor } from "../executor.ts";
import { foundValue, readFound } from "./found-rows.ts";
import type { InsertIds } from "./insert-ids.ts";
import { streamFound } from "./found-stream.ts";
import { refuseWarnedValues } from "./found-warnings.ts";
import { insertNumbered } from "./run-insert-numbered.ts";
import type { ShardChange } from "./run-change.ts";
import { placeInsert, returnedBy, runInsert, runShares } from "./run-insert.ts";
import { writeWithLookups } from "./run-insert-lookups.ts";
import { filledQuery, withSessionValues } from "../session/session-values.ts";
import type { LastWarnings, SessionWarning } from "../session/session-state.ts";
import { warningsOfSession } from "../show/show-warnings.ts";
import { asOneStatement, runPart } from "../transaction/statement-unit.ts";
import type { TextResult } from "../read/text-rows.ts";
import {
  answerReturning,
  combined,
  type DuplicateRule,
  duplicateRuleOf,
  duplicatesOf,
  okOf,
  recordsOf,
} from "./write-answer.ts";
import { type ShareWarnings, warningsOfRows } from "./share-warnings.ts";

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
  executor.losesVariables();
  let warned: readonly SessionWarning[] = [];
  const done = await asOneStatement(executor, async () => {
    const onDuplicate = await askedOnDuplicate(executor, plan, binds);
    const asked = { ...plan, statement: { ...plan.statement, onDuplicate } };
    return insertFound(executor, asked, binds, cluster, (warnings) => {
      warned = warnings;
    });
  });
  if (plan.statement.returning.length > 0) answerRows(executor, done);
  else answerQuery(executor, done, duplicateRuleOf(plan.statement), warned);
}

/** The statement with values in place of what was asked, run as if it had come so. */
async function runWithAnswers(
  executor: Executor,
  plan: InsertRowsPlan,
  binds: readonly BindValue[],
  cluster: ClusterView,
): Promise<void> {
  await runLiteral(executor, await withAnswers(executor, plan, binds, cluster), binds, cluster);
}

async function withAnswers(
  executor: Executor,
  plan: InsertRowsPlan,
  binds: readonly BindValue[],
  cluster: ClusterView,
): Promise<Insert> {
  const { textIsUtf8 } = executor.state.settings;
  const { statement } = plan;
  const rows: InsertRow[] = [...statement.rows];
  const put = ({ row, position }: AskedValue, value: Expr): void => {
    const known = rows[row];
    if (known !== undefined) rows[row] = { ...known, values: known.values.with(position, value) };
  };
  const asked: AskedValue[] = [];
  for (const each of plan.asked) {
    if (each.column === undefined) asked.push(each);
    else {
      const table = plan.defaultsOf ?? statement.table;
      const of = { table, ignore: statement.ignore };
      const value = await defaultOf(executor, plan.keyspace, of, each.column, cluster);
      if (valueRefOf(value) === undefined) asked.push({ ...each, expr: value });
      else put(each, value);
    }
  }
  for (let from = 0; from < asked.length; from += ASKED_AT_ONCE) {
    const some = asked.slice(from, from + ASKED_AT_ONCE);
    const result = await readFound(executor, selectOf(some.map(({ expr }) => expr)), binds);
    const [values] = result.rows;
    for (const [i, each] of some.entries()) put(each, foundValue(result.columns[i], values?.[i] ?? null, textIsUtf8));
  }
  return { ...statement, rows, onDuplicate: await askedOnDuplicate(executor, plan, binds) };
}

/** The assignments with values in place of inner queries. Throws 1235 for queries that read the row. */
async function askedOnDuplicate(
  executor: Executor,
  { statement, askedOnDuplicate: asked }: InsertRowsPlan,
  binds: readonly BindValue[],
): Promise<Insert["onDuplicate"]> {
  if (asked.length === 0) return statement.onDuplicate;
  const answers = new Map<Node, Expr>();
  let result: TextResult;
  try {
    result = await readFound(executor, selectOf(asked), binds);
  } catch (error) {
    if (!(error instanceof MysqlError) || error.errno !== ER_BAD_FIELD) throw error;
    throw notSupported("a subquery that reads the row in ON DUPLICATE KEY UPDATE over shards");
  }
  const { textIsUtf8 } = executor.state.settings;
  for (const [i, query] of asked.entries()) {
    answers.set(query, foundValue(result.columns[i], result.rows[0]?.[i] ?? null, textIsUtf8));
  }
  const replaced = <N extends Node>(node: N): N => mapChildren(node, (child) => answers.get(child) ?? replaced(child));
  return statement.onDuplicate.map(replaced);
}

const ER_BAD_FIELD = 1054;
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
  if (statement.returning.length > 0) answerRows(executor, [done]);
  else answerValues(executor, done, duplicateRuleOf(statement), statement.rows.length > 1);
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
  warned: (warnings: readonly SessionWarning[]) => void,
): Promise<Done[]> {
  const { statement } = plan;
  if (statement.query === undefined) throw new ShardgateError("INTERNAL", "rows without a query");
  const found = await streamFound(executor, statement.query, binds);
  const { textIsUtf8 } = executor.state.settings;
  const done: Done[] = [];
  try {
    if (!statement.ignore) refuseWarnedValues(executor.state, statement.query, binds);
    warned(warningsOfSession(executor.state));
    for await (const batch of found.batches(LIMITS.insertedRowsMax, LIMITS.insertedBytesMax)) {
      const rows = batch.map((row): InsertRow => {
        const values = row.map((raw, i): Expr => foundValue(found.columns[i], raw, textIsUtf8));
        return { kind: "insertRow", values, pos: 0 };
      });
      const insert: Insert = { ...statement, form: "values", query: undefined, rows };
      const one = await insertBatch(executor, insert, binds, cluster, true);
      // Of what is done the answers are kept only.
      done.push({ ...one, changes: one.changes.map((change) => ({ ...change, payload: NOTHING })) });
    }
  } finally {
    await found.close();
  }
  if (done.length === 0) done.push(await insertNothing(executor, plan, found.columns.length, binds, cluster));
  return done;
}

/** Any shard tells what the columns of RETURNING are, or what is wrong with the statement whatever rows there are. */
async function insertNothing(
  executor: Executor,
  { statement, keyspace }: InsertRowsPlan,
  width: number,
  binds: readonly BindValue[],
  cluster: ClusterView,
): Promise<Done> {
  const { state, context } = executor;
  const auto = cluster.vschema.keyspaces.get(keyspace)?.tables.get(statement.table.name)?.autoIncrement;
  const isListed = ({ name }: Column): boolean => name.toLowerCase() === auto?.columnLower;
  // A shard knows no default of a column that a sequence is for.
  const generated =
    auto === undefined || statement.columns.length === 0 || statement.columns.some(isListed) ? [] : [auto.column];
  const columns = [...statement.columns, ...generated.map((name) => columnNode(name))];
  const nulls = Array.from({ length: width + generated.length }, () => literalNode("null", "null"));
  const query: Select = { ...selectOf(nulls), dual: true, where: literalNode("false", "false") };
  const payload = filledQuery({ ...statement, columns, query }, binds, state, context);
  const target = executor.shards.any(keyspace, cluster);
  return {
    changes: [{ target, payload, rows: [] }],
    replies: [await runPart(executor, target, payload)],
    ids: undefined,
    ok: okPacket({}),
    rows: 0,
  };
}

async function insertBatch(
  executor: Executor,
  batch: Insert,
  binds: readonly BindValue[],
  cluster: ClusterView,
  isOfQuery = false,
): Promise<Done> {
  const { state, context } = executor;
  let statement = batch;
  let { plan } = executor.planFor(statement, cluster);
  if (plan.kind === "insert-rows") {
    statement = await withAnswers(executor, plan, binds, cluster);
    const { numbered } = plan;
    if (numbered !== undefined) {
      const targets = executor.shards.of({ keyspace: plan.keyspace, routing: { kind: "scatter" } }, binds, cluster);
      const done = await insertNumbered(executor, statement, numbered, targets, binds);
      const ok = statement.returning.length > 0 ? okPacket({}) : combined(done.replies.map(okOf));
      return { ...done, ok, rows: statement.rows.length };
    }
    ({ plan } = executor.planFor(statement, cluster));
  }
  let changes: readonly ShardChange[];
  let ids: InsertIds | undefined;
  let isEverywhere = false;
  let printed = statement;
  if (plan.kind === "insert") {
    const placed = await placeInsert(executor, plan, binds, cluster, undefined);
    if (statement.returning.length > 0) {
      const written = await returnedBy(executor, plan, placed, binds, cluster);
      return { ...written, ok: okPacket({}), rows: statement.rows.length };
    }
    if (plan.lookups.length > 0 || plan.movesOnDuplicate) {
      const written = await writeWithLookups(executor, plan, placed, binds, cluster);
      return { ...written, ok: combined(written.replies.map(okOf)), rows: statement.rows.length };
    }
    ({ changes, ids, statement: printed } = placed);
  } else if (plan.kind === "send") {
    isEverywhere = plan.everywhere === true;
    printed = withSessionValues(statement, state, context);
    const payload = printedQuery(printed, binds, state.sqlMode);
    const rows = statement.rows.map((_, i) => i);
    changes = executor.shards.of(plan, binds, cluster).map((target) => ({ target, payload, rows }));
  } else throw new ShardgateError("INTERNAL", "rows of literals are not planned as such");
  const replies = await runShares(executor, printed, changes, binds, isOfQuery || statement.rows.length > 1);
  const counted = isEverywhere ? replies.slice(0, 1) : replies;
  const ok = statement.returning.length > 0 ? okPacket({}) : combined(counted.map(okOf));
  return { changes, replies: counted, ids, ok, rows: statement.rows.length };
}

function answerRows(executor: Executor, done: readonly Done[]): void {
  let from = 0;
  const changes: { readonly rows: readonly number[] }[] = [];
  for (const batch of done) {
    const start = from;
    changes.push(...batch.changes.map(({ rows = [] }) => ({ rows: rows.map((row) => row + start) })));
    from += batch.rows;
  }
  const generated = done.find(({ ids }) => ids?.generated !== undefined)?.ids?.generated;
  answerReturning(executor, { changes, replies: done.flatMap(({ replies }) => replies), ids: { generated } });
}

/** What the info text tells. */
interface Counts {
  readonly affectedRows: number;
  readonly records: number;
  readonly duplicates: number;
  readonly warnings: number;
}

function countsOf(done: readonly Done[], rule: DuplicateRule): Counts {
  return {
    affectedRows: sum(done, ({ ok }) => ok.affectedRows),
    records: sum(done, recordsOfBatch),
    duplicates: sum(done, ({ replies }) => sum(replies.map(okOf), (ok) => duplicatesOf(ok, rule))),
    warnings: sum(done, ({ ok }) => ok.warnings),
  };
}

/** MySQL tells no numbers of a single row that the statement itself gives. */
function answerValues(executor: Executor, done: Done, rule: DuplicateRule, isSeveral: boolean): void {
  const counts = countsOf([done], rule);
  const { lastWarnings, repeated } = toldWarnings([done]);
  answer(executor, [done], { ...counts, warnings: counts.warnings - repeated }, lastWarnings, isSeveral);
}

/** `warned` are the warnings of the query. */
function answerQuery(
  executor: Executor,
  done: readonly Done[],
  rule: DuplicateRule,
  warned: readonly SessionWarning[],
): void {
  const counts = countsOf(done, rule);
  const { affectedRows, records } = counts;
  // Those count that are changed, also where all that are found are affected: a new or an unchanged row is one affected row
  // then, a changed one two.
  const duplicates = rule === "update" && executor.state.foundRows ? affectedRows - records : counts.duplicates;
  const { lastWarnings, repeated } = toldWarnings(done);
  const all: LastWarnings =
    warned.length === 0
      ? lastWarnings
      : { kind: "list", warnings: [...warned, ...warningsOfSession({ lastWarnings })] };
  const warnings = counts.warnings - repeated + warned.length;
  answer(executor, done, { ...counts, duplicates, warnings }, all, true);
}

function answer(
  executor: Executor,
  done: readonly Done[],
  { affectedRows, records, duplicates, warnings }: Counts,
  lastWarnings: LastWarnings,
  tellsNumbers: boolean,
): void {
  const { state } = executor;
  const inserted = done.find(({ ok }) => ok.affectedRows > 0);
  const own = inserted?.ids?.isOwn === true ? 0n : (inserted?.ok.lastInsertId ?? 0n);
  const generated = inserted?.ids?.generated ?? own;
  if (generated !== 0n) state.lastInsertId = generated;
  state.rowCount = affectedRows;
  state.lastWarnings = lastWarnings;
  const info = tellsNumbers ? `Records: ${records}  Duplicates: ${duplicates}  Warnings: ${warnings}` : "";
  const lastInsertId = generated === 0n && affectedRows > 0 ? (done.at(-1)?.ids?.given ?? 0n) : generated;
  executor.ok(okPacket({ affectedRows, warnings, info, lastInsertId, statusFlags: state.statusFlags }));
}

function recordsOfBatch({ replies, changes, rows }: Done): number {
  if (replies.length !== changes.length) return rows;
  return sum(replies.map(okOf), (ok, i) => recordsOf(ok, changes[i]?.rows?.length ?? 0));
}

/** Of all batches, with the rows that they count put right. */
function toldWarnings(done: readonly Done[]): ShareWarnings {
  const ends: ReplyEnd[] = [];
  const rowsOf: (readonly number[] | undefined)[] = [];
  let from = 0;
  for (const { replies, changes, rows } of done) {
    const start = from;
    for (const [i, { info }] of replies.entries()) {
      ends.push(info);
      rowsOf.push(changes[i]?.rows?.map((row) => row + start));
    }
    from += rows;
  }
  return warningsOfRows(ends, (i) => rowsOf[i]);
}

function sum<T>(list: readonly T[], valueOf: (item: T, index: number) => number): number {
  return list.reduce((total, item, i) => total + valueOf(item, i), 0);
}

function selectOf(exprs: readonly Expr[]): Select {
  return { ...EMPTY_SELECT, items: exprs.map((expr) => itemNode(expr)) };
}
