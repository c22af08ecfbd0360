// XA of clients: a transaction that the client names, prepares, and commits or rolls back, maybe over another connection
// (manual: "XA Transactions"). What the client says moves the session from phase to phase here; the shards run branches of the
// gateway's own, which are prepared and ended by SessionHolds (two-phase.ts tells how, and what holds when a process dies).
//
//   none ──START──► active ◄──RESUME / END──► idle ──PREPARE──► prepared ──COMMIT, ROLLBACK──► none
//                     └─ undone by a server: rollback only         └─ ROLLBACK, COMMIT ONE PHASE of an idle one: none

import { clientXidKey, XID_FORMAT } from "../../base/distributed-transaction.ts";
import { notSupported, ShardgateError } from "../../base/errors.ts";
import type { ShardTarget } from "../../engine/ports.ts";
import { isSystemSchema } from "../../plan/system-tables.ts";
import type { Xa } from "../../sql/tree.ts";
import type { ClusterView } from "../cluster/cluster-view.ts";
import type { Executor } from "../executor.ts";
import { concludeLeft, isTaken, primaries, recoverable } from "./left-transactions.ts";
import { answerConcluded } from "./run-transaction.ts";
import { startOf } from "./transaction-start.ts";
import { wrongPhase, xaDeadlocked, xaInvalid, xaOutside, xaRolledBack, xidTaken, xidUnknown } from "./xa-errors.ts";

/** Answers the client, or throws. */
export async function runXa(executor: Executor, statement: Xa, cluster: ClusterView): Promise<void> {
  const { holds } = executor.state;
  if (statement.verb === "recover") {
    executor.result(await recoverable(executor, statement.text, primaries(cluster)));
    return;
  }
  const { xid: parts, option } = statement;
  if (parts === undefined || option === "join" || option === "suspend") throw xaInvalid();
  if (parts.format === XID_FORMAT) {
    throw notSupported(`XA with the format ${XID_FORMAT}`, "Shardgate's own transactions have it; take another one");
  }
  const xid = clientXidKey(parts);
  const own = holds.clientBranch;
  switch (statement.verb) {
    case "start":
      if (option === "resume") {
        if (own?.phase !== "idle") throw xaInvalid();
        if (own.xid !== xid) throw xidUnknown();
        holds.clientBranch = { xid, phase: "active" };
      } else {
        if (own !== undefined) throw wrongPhase(own);
        if (parts.gtrid === "") throw xaInvalid();
        await start(executor, xid, cluster);
      }
      executor.ok();
      return;
    case "end":
      if (own?.phase !== "active") throw wrongPhase(own);
      if (own.xid !== xid) throw xidUnknown();
      holds.clientBranch = { xid, phase: "idle" };
      executor.ok();
      return;
    case "prepare":
      if (own?.phase !== "idle") throw wrongPhase(own);
      if (own.xid !== xid) throw xidUnknown();
      await prepare(executor, xid, cluster);
      executor.ok();
      return;
    case "commit":
    case "rollback":
      await conclude(executor, statement, xid, cluster);
      return;
  }
}

async function start(executor: Executor, xid: string, cluster: ClusterView): Promise<void> {
  const { state } = executor;
  const { twoPhase } = executor.context;
  if (state.inTransaction || state.holds.hasLockedTables) throw xaOutside();
  executor.refuseReplica();
  if (twoPhase.named.has(xid)) throw xidTaken();
  // Nobody else may begin while others are asked.
  twoPhase.named.add(xid);
  if (await isTaken(executor, xid, primaries(cluster))) {
    twoPhase.named.delete(xid);
    throw xidTaken();
  }
  state.begin = startOf(state);
  state.holds.clientBranch = { xid, phase: "active" };
}

async function prepare(executor: Executor, xid: string, cluster: ClusterView): Promise<void> {
  const { state } = executor;
  try {
    await state.holds.prepareNamed(xid, homeOf(executor, cluster));
  } catch (error) {
    ended(executor);
    if (error instanceof ShardgateError && error.id === "SHARD_CONNECTION_LOST") throw error;
    throw xaRolledBack(error);
  }
  state.holds.clientBranch = { xid, phase: "prepared" };
}

async function conclude(executor: Executor, statement: Xa, xid: string, cluster: ClusterView): Promise<void> {
  const { state } = executor;
  const { holds } = state;
  const { verb, option } = statement;
  const op = verb === "commit" ? "commit" : "rollback";
  const own = holds.clientBranch;
  if (own === undefined) {
    if (state.inTransaction || !state.autocommit) throw xaOutside();
    if (option === "one phase") throw xaInvalid();
    executor.refuseReplica();
    if (executor.context.twoPhase.named.has(xid)) throw xidUnknown();
    holds.unfinished = await concludeLeft(executor, statement, xid, primaries(cluster));
    holds.warned = undefined;
    answerConcluded(executor);
    return;
  }
  if (own.xid !== xid) throw xaOutside();
  holds.warned = undefined;
  holds.unfinished = [];
  if (own.phase === "rollback only") {
    ended(executor);
    if (op === "commit") throw xaDeadlocked();
  } else if (own.phase === "prepared") {
    if (option === "one phase") throw xaInvalid();
    const isDone = await holds.concludeNamed(op);
    ended(executor);
    if (!isDone) throw xidUnknown();
  } else if (own.phase === "idle" && (op === "rollback" || option === "one phase")) {
    try {
      if (op === "commit") await holds.commit();
      else await holds.rollback();
    } finally {
      ended(executor);
    }
  } else throw wrongPhase(own);
  answerConcluded(executor);
}

/** The session has no transaction any more. */
function ended({ state }: Executor): void {
  state.begin = undefined;
  state.holds.endNamed();
}

/** Has the record of a transaction in which no shard takes part. */
function homeOf({ state }: Executor, cluster: ClusterView): ShardTarget {
  const { keyspace, shard } = state.target;
  const all = cluster.targets.primary;
  const selected = keyspace === undefined || isSystemSchema(keyspace) ? undefined : all.get(keyspace)?.targets;
  const targets = selected ?? primaries(cluster);
  const home = targets.find((target) => shard === undefined || target.shard === shard) ?? targets[0];
  if (home === undefined) throw new ShardgateError("SHARD_UNAVAILABLE", "there is no shard");
  return home;
}
