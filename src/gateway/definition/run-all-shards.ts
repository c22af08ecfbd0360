// Statements that every shard of a keyspace runs for itself, one after the other in the order of the shards: CREATE, ALTER
// and DROP VIEW, LOCK and UNLOCK TABLES. What fails on the first shard has changed nothing and is told as the
// shard tells it; what fails on a later one names the shards on both sides.

import { messageOf, MysqlError, noDatabase, ShardgateError } from "../../base/errors.ts";
import { collect, type CollectedReply, errorOfReply, ShardCallError } from "../../engine/collect.ts";
import { plainRequest, type ShardRequest, type ShardTarget } from "../../engine/ports.ts";
import { decodeOk } from "../../mysql/packets/ok.ts";
import { keyspaceOfNames, systemSchemaOf } from "../../plan/all-shards.ts";
import { keyspaceForAny } from "../../plan/send.ts";
import type { Ddl, LockTables, ObjectName, TableName } from "../../sql/tree.ts";
import { tablesOf } from "../../sql/tables.ts";
import { checkAccess } from "../access/access.ts";
import type { ClusterView } from "../cluster/cluster-view.ts";
import { comQuery } from "../client/com-query.ts";
import type { Executor } from "../executor.ts";
import { giveBack } from "../session/give-back.ts";
import { pooledRequest } from "../read/run-pooled.ts";
import { commitOpen } from "../transaction/run-transaction.ts";
import { dropsSeveral } from "./run-ddl.ts";
import { warningsOf } from "../show/show-warnings.ts";
import type { Right } from "../access/users.ts";

const UNLOCK = comQuery("UNLOCK TABLES");
const READ_LOCKED = "Can't execute the query because you have a conflicting read lock";

/** CREATE, ALTER or DROP VIEW in a sharded keyspace. Answers the client, or throws. */
export async function runViewDefinition(
  executor: Executor,
  statement: Ddl,
  cluster: ClusterView,
  payload: Buffer,
): Promise<void> {
  const { state, context } = executor;
  const keyspace = keyspaceNamed(executor, statement.names, cluster);
  const made = statement.names.map(({ name }) => name);
  check(executor, "ddl", statement.verb.toUpperCase(), keyspace, made);
  const read = tablesOf(statement).map(({ name }) => name);
  check(
    executor,
    "read",
    "SELECT",
    keyspace,
    read.filter((name) => !made.includes(name)),
  );
  executor.refuseReplica();
  await commitOpen(executor);
  const { targets } = executor.shards.ofKeyspace(keyspace, cluster);
  const replies: CollectedReply[] = [];
  let refused: MysqlError | undefined;
  try {
    for (const target of targets) {
      const request = { ...pooledRequest(executor, target, payload), settings: state.settings.sql };
      try {
        replies.push(await runOn(executor, target, request, targets.slice(0, replies.length)));
      } catch (error) {
        if (!(error instanceof MysqlError) || !dropsSeveral(statement)) throw error;
        refused ??= error;
      }
    }
  } finally {
    await context.definitions.refresh(keyspace, made);
  }
  if (refused !== undefined) throw refused;
  answerOk(executor, replies[0]);
}

/**
 * LOCK TABLES in a sharded keyspace: each shard's connection is the session's until it unlocks or ends. Tables of system
 * schemas are locked on a server that they are read on.
 */
export async function runLock(
  executor: Executor,
  statement: LockTables,
  cluster: ClusterView,
  payload: Buffer,
): Promise<void> {
  const { state } = executor;
  const names = statement.locks.map(({ table }) => table);
  const system = systemSchemaOf(names, state.target.keyspace);
  const keyspace = system ?? keyspaceNamed(executor, names, cluster);
  check(
    executor,
    "admin",
    "LOCK TABLES",
    keyspace,
    names.map(({ name }) => name),
  );
  await commitOpen(executor);
  // Locks that the session has elsewhere are given up, too.
  await unlockAll(executor);
  const targets =
    system === undefined
      ? executor.shards.ofKeyspace(keyspace, cluster).targets
      : [systemTarget(executor, system, cluster)];
  let first: CollectedReply | undefined;
  for (const [done, target] of targets.entries()) {
    try {
      const request = executor.requestFor(target, payload, false, true);
      const reply = await runOn(executor, target, request, targets.slice(0, done));
      state.holds.joined(target, reply.info.holdId, false, true);
      state.holds.hasLockedTables = true;
      first ??= reply;
    } catch (error) {
      await unlockAll(executor);
      throw error;
    }
  }
  answerOk(executor, first);
}

/** Where queries of system schemas go, with this one selected. */
export function systemTarget({ shards, state }: Executor, database: string, cluster: ClusterView): ShardTarget {
  const { vschema } = cluster;
  const { keyspace } = keyspaceForAny(undefined, { vschema, keyspace: state.target.keyspace });
  return { ...shards.first(keyspace, cluster), database };
}

/** Commits only if tables were locked (manual: "LOCK TABLES"). */
export async function runUnlock(executor: Executor): Promise<void> {
  if (executor.state.holds.hasLockedTables) await commitOpen(executor);
  await unlockAll(executor, true);
  giveBack(executor);
  executor.ok();
}

/** Gives up what LOCK TABLES has locked; `ofServers` what FLUSH TABLES WITH READ LOCK has, too. */
export async function unlockAll(executor: Executor, ofServers = false): Promise<void> {
  const { state, context } = executor;
  const hasServers = state.holds.hasReadLock;
  if (!state.holds.hasLockedTables && !(ofServers && hasServers)) return;
  if (hasServers && !ofServers) throw new MysqlError(1223, "HY000", READ_LOCKED);
  state.holds.hasLockedTables = false;
  state.holds.hasReadLock = false;
  for (const { target, holdId } of state.holds.reserved) {
    // Whether or not its database is still there.
    const server = { ...target, database: undefined };
    const reply = await collect(context.tablets, server, { ...plainRequest(UNLOCK), holdId });
    if (reply.info.kind === "err") throw errorOfReply(reply);
  }
}

/** Throws what goes wrong; on a later shard with the names of those where it was done. */
export async function runOn(
  { context, signal }: Executor,
  target: ShardTarget,
  request: ShardRequest,
  done: readonly ShardTarget[],
): Promise<CollectedReply> {
  try {
    const reply = await collect(context.tablets, target, request, signal);
    if (reply.info.kind === "err") throw errorOfReply(reply);
    return reply;
  } catch (thrown) {
    const error = thrown instanceof ShardCallError ? thrown.error : thrown;
    if (done.length === 0) throw error;
    const text = `${messageOf(error)} (on ${nameOf(target)}, after it was done on ${done.map(nameOf).join(", ")})`;
    if (error instanceof MysqlError) throw new MysqlError(error.errno, error.sqlState, text);
    throw error instanceof ShardgateError ? new ShardgateError(error.id, text, error) : error;
  }
}

function nameOf({ keyspace, shard }: ShardTarget): string {
  return `${keyspace}:${shard}`;
}

/** The first shard's OK. */
export function answerOk(executor: Executor, reply: CollectedReply | undefined): void {
  if (reply === undefined) throw new Error("a keyspace has a shard");
  const { affectedRows, warnings, info } = decodeOk(reply.bytes.subarray(4), 0);
  executor.state.rowCount = affectedRows;
  executor.state.lastWarnings = warningsOf([reply.info]);
  executor.ok({ affectedRows, warnings, info });
}

function keyspaceNamed(executor: Executor, names: readonly (ObjectName | TableName)[], cluster: ClusterView): string {
  const { keyspace } = executor.state.target;
  const found = keyspaceOfNames(names, { vschema: cluster.vschema, keyspace });
  if (found === undefined) throw noDatabase();
  return found.keyspace;
}

function check(executor: Executor, right: Right, command: string, keyspace: string, names: readonly string[]): void {
  const tables = names.map((table) => ({ keyspace, table }));
  checkAccess(executor.state.user, { right, command, tables, system: false });
}
