// BEGIN, COMMIT, ROLLBACK and savepoints of one session (manual: "START TRANSACTION, COMMIT, and ROLLBACK Statements",
// "SAVEPOINT, …"). A shard joins the transaction with its first statement; what has to be true of all shards from the
// beginning, a consistent snapshot, is opened on them at once.

import { MysqlError, ShardgateError } from "../../base/errors.ts";
import { LIMITS } from "../../base/limits.ts";
import { collect, ShardCallError } from "../../engine/collect.ts";
import type { ShardTarget } from "../../engine/ports.ts";
import type { ReplyEnd } from "../../engine/reply.ts";
import { SERVER } from "../../mysql/constants.ts";
import { isSystemSchema } from "../../plan/system-tables.ts";
import type { Begin, Commit, ReleaseSavepoint, Rollback, Savepoint } from "../../sql/tree.ts";
import type { ClusterView } from "../cluster/cluster-view.ts";
import { comQuery } from "../client/com-query.ts";
import type { Executor } from "../executor.ts";
import { unlockAll } from "../definition/run-all-shards.ts";
import { TRANSACTION_MODES, type TransactionMode } from "../session/session-holds.ts";
import { warningsOf } from "../show/show-warnings.ts";
import { startOf } from "./transaction-start.ts";
import { wrongPhase } from "./xa-errors.ts";

export async function runBegin(executor: Executor, statement: Begin, cluster: ClusterView): Promise<void> {
  const { state } = executor;
  refuseInBranch(state);
  await commitOpen(executor);
  // Starting a transaction gives up locked tables (manual: "LOCK TABLES").
  await unlockAll(executor);
  state.begin = startOf(state, statement);
  if (statement.consistentSnapshot) await openEverywhere(executor, cluster);
  executor.ok();
}

export async function runConclude(executor: Executor, statement: Commit | Rollback): Promise<void> {
  const { state } = executor;
  refuseInBranch(state);
  const { begin } = state;
  const completion = completionType(executor);
  const chains = statement.chain ?? completion === "chain";
  const releases = statement.release ?? completion === "release";
  state.begin = undefined;
  state.holds.warned = undefined;
  state.holds.unfinished = [];
  state.last.targets.push(...state.holds.participants.slice(0, LIMITS.loggedShardsMax));
  if (statement.kind === "commit") await state.holds.commit();
  else await state.holds.rollback();
  // The new one has the characteristics of the old one.
  if (chains) state.begin = begin ?? startOf(state);
  else dropNext(executor);
  answerConcluded(executor);
  if (releases) executor.client.end();
}

/** Throws 1399 while the client has an XA transaction, which XA statements alone begin and end. */
function refuseInBranch({ holds }: Executor["state"]): void {
  if (holds.clientBranch !== undefined) throw wrongPhase(holds.clientBranch);
}

export function runSavepoint(executor: Executor, { name }: Savepoint): void {
  const { state } = executor;
  const { clientBranch } = state.holds;
  if (clientBranch?.phase === "idle" || clientBranch?.phase === "prepared") throw wrongPhase(clientBranch);
  // With autocommit there is nothing to go back to outside a transaction.
  if (state.inTransaction || !state.autocommit) state.holds.savepoints.set(name);
  executor.ok();
}

export async function runRollbackTo(executor: Executor, name: string): Promise<void> {
  const { holds } = executor.state;
  holds.warned = undefined;
  holds.unfinished = [];
  const serial = holds.savepoints.backTo(name);
  if (serial === undefined) throw noSavepoint(name);
  try {
    await holds.rollBackTo(serial);
  } catch (error) {
    // What cannot be undone in part is undone as a whole.
    const lost = error instanceof ShardCallError ? error : undefined;
    if (lost === undefined) throw error;
    if (lost.holdLost) holds.lost(lost.target);
    await executor.abandonTransaction();
    const text = `transaction rolled back on all its shards: ${lost.message}; try restarting it`;
    throw new ShardgateError("TRANSACTION_LOST", text, error);
  }
  answerConcluded(executor);
}

/** OK, with a warning of what could not be undone, or is still to show. */
export function answerConcluded(executor: Executor): void {
  const { state } = executor;
  const { warned, unfinished } = state.holds;
  if (unfinished.length > 0) {
    const message = `the transaction is committed; it will show on ${unfinished.join(", ")} as soon as that is back`;
    state.rowCount = 0;
    state.lastWarnings = { kind: "list", warnings: [{ level: "Note", code: 1105, message }] };
    executor.ok({ warnings: 1 });
    return;
  }
  if (warned === undefined) {
    executor.ok();
    return;
  }
  state.rowCount = 0;
  state.lastWarnings = warningsOf([warned]);
  executor.ok({ warnings: warned.warnings });
}

export function runReleaseSavepoint(executor: Executor, { name }: ReleaseSavepoint): void {
  if (!executor.state.holds.savepoints.release(name)) throw noSavepoint(name);
  executor.ok();
}

/** BEGIN, DDL and some others commit what is open (manual: "Statements That Cause an Implicit Commit"). */
export async function commitOpen(executor: Executor): Promise<void> {
  const { state } = executor;
  refuseInBranch(state);
  state.holds.savepoints.clear();
  if (!state.inTransaction) return;
  state.begin = undefined;
  await state.holds.commit();
}

/** One snapshot a shard, all taken now: of the selected keyspace, or of all of them. */
async function openEverywhere(executor: Executor, cluster: ClusterView): Promise<void> {
  const { state, context, signal } = executor;
  const { keyspace, shard, tabletType } = state.target;
  const all = cluster.targets[tabletType];
  const selected = keyspace === undefined || isSystemSchema(keyspace) ? undefined : all.get(keyspace);
  const targets: readonly ShardTarget[] =
    selected === undefined
      ? [...all.values()].flatMap((each) => each.targets)
      : selected.targets.filter((target) => shard === undefined || target.shard === shard);
  // Those of more than one transaction may have open their snapshots as they join.
  if (targets.length > LIMITS.transactionShardsMax || (targets.length > 1 && state.holds.isSingle)) return;
  const joined = await Promise.allSettled(
    targets.map(async (target) => {
      const reply = await collect(context.tablets, target, executor.requestFor(target, NOTHING, true, false), signal);
      state.holds.joined(target, reply.info.holdId, true, false);
    }),
  );
  for (const each of joined) {
    if (each.status === "fulfilled") continue;
    await executor.abandonTransaction();
    const reason: unknown = each.reason;
    throw reason instanceof ShardCallError ? reason.error : reason;
  }
}

const NOTHING = comQuery("DO 0");

/**
 * Errors after which a server has rolled back a statement or all of its transaction, as it is configured, and those that are
 * the last words on a connection (shutdown, killed).
 */
const ENDING: ReadonlySet<number> = new Set([1020, 1053, 1205, 1206, 1927]);

export function mayEndTransaction({ errno }: MysqlError): boolean {
  return ENDING.has(errno);
}

/**
 * A procedure may have begun or ended the transaction where it ran. `torn`: others take part in the one that it has ended,
 * and how it did is not known.
 */
export function followShard(
  state: Executor["state"],
  target: ShardTarget,
  { status, holdId, kind }: ReplyEnd,
): "same" | "torn" {
  const { holds } = state;
  if (holds.clientBranch !== undefined) return "same";
  const isOpen = (status & SERVER.STATUS_IN_TRANS) !== 0;
  if (holds.participates(target)) {
    if (isOpen) return "same";
    holds.ended(target);
    if (holds.participants.length > 0 && kind === "ok") return "torn";
    state.begin = undefined;
  } else if (isOpen && holdId !== 0 && !state.inTransaction) {
    state.begin = startOf(state);
    holds.adopt(target);
  }
  return "same";
}

/** The value of SET transaction_mode, as SQL text. Throws 1231 for another one, 1568 inside a transaction. */
export function transactionMode({ state, context }: Executor, sql: string): TransactionMode {
  const value = sql.replaceAll("'", "").toLowerCase();
  const mode = value === "default" ? context.transactionMode : TRANSACTION_MODES.find((name) => name === value);
  if (mode === undefined) {
    const text = `Variable 'transaction_mode' can't be set to the value of '${value}'`;
    throw new ShardgateError("ER_WRONG_VALUE_FOR_VAR", text);
  }
  if (mode !== state.holds.mode && state.inTransaction) {
    throw new ShardgateError(
      "ER_CANT_CHANGE_TX_CHARACTERISTICS",
      "Transaction characteristics can't be changed while a transaction is in progress",
    );
  }
  return mode;
}

/** SET TRANSACTION is for the next transaction: a COMMIT without one ends that, too. */
function dropNext({ state }: Executor): void {
  state.nextIsolation = undefined;
  state.nextReadOnly = undefined;
}

function completionType({ state }: Executor): "chain" | "release" | undefined {
  const value = state.settings.variables.get("completion_type")?.replaceAll("'", "").toLowerCase();
  if (value === "1" || value === "chain") return "chain";
  return value === "2" || value === "release" ? "release" : undefined;
}

function noSavepoint(name: string): MysqlError {
  return new MysqlError(1305, "42000", `SAVEPOINT ${name} does not exist`);
}
