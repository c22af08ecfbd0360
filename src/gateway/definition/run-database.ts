// CREATE, ALTER and DROP DATABASE. A database is made on the mysqld first and entered in the topology then; it is dropped
// in the same order. So a crash in between leaves an empty database that nobody sees, which the next CREATE takes, or an
// entry without a database, which the next DROP removes. Databases that the operator has declared are never dropped here.

import { MysqlError, noDatabase, notSupported, ShardgateError } from "../../base/errors.ts";
import type { CollectedReply } from "../../engine/collect.ts";
import type { ShardTarget } from "../../engine/ports.ts";
import { quoteName } from "../../engine/quote-name.ts";
import { SERVER } from "../../mysql/constants.ts";
import { decodeOk } from "../../mysql/packets/ok.ts";
import { isSystemSchema } from "../../plan/system-tables.ts";
import type { Ddl } from "../../sql/tree.ts";
import { comQuery } from "../client/com-query.ts";
import type { Executor } from "../executor.ts";
import { runPooled } from "../read/run-pooled.ts";
import { commitOpen } from "../transaction/run-transaction.ts";
import { warningsOf } from "../show/show-warnings.ts";
import { NO_TARGET } from "../cluster/target.ts";
import { readTextRows } from "../read/text-rows.ts";
import { allows, isAdmin } from "../access/users.ts";

const ER_DB_CREATE_EXISTS = 1007;
const ER_DB_DROP_EXISTS = 1008;

/** Answers the client, or throws. */
export async function runDatabase(executor: Executor, statement: Ddl, payload: Buffer): Promise<void> {
  const name = statement.names[0]?.name ?? executor.state.target.keyspace;
  if (name === undefined) throw noDatabase();
  refuseForeignName(executor, name);
  checkDatabaseAccess(executor, name);
  executor.refuseReplica();
  refuseLocked(executor);
  await commitOpen(executor);
  if (statement.verb === "create") await create(executor, statement, name, payload);
  else if (statement.verb === "drop") await drop(executor, statement, name, payload);
  else await alter(executor, name, payload);
}

/** Names of keyspaces are UTF-8; bytes of another character set come as lone surrogates. */
function refuseForeignName({ state }: Executor, name: string): void {
  if (!LONE_SURROGATE.test(name)) return;
  throw notSupported(`a database name in ${state.settings.clientCharset ?? "this character set"}`, "SET NAMES utf8mb4");
}

const LONE_SURROGATE = /[\ud800-\udfff]/u;

async function create(executor: Executor, statement: Ddl, name: string, payload: Buffer): Promise<void> {
  const { databases } = executor.context;
  if (isSystemSchema(name)) {
    if (statement.ifNotExists) exists(executor, name);
    else throw databaseExists(name);
    return;
  }
  if (statement.ifNotExists && (await databases.find(name))) {
    exists(executor, name);
    return;
  }
  const host = hostOf(executor, name);
  const run = (sent: Buffer): Promise<CollectedReply> => runPooled(executor, host, sent);
  await using _lock = await databases.lock(name);
  const known = await databases.record(name);
  if (known !== undefined && statement.orReplace) {
    refuseDeclared(known.servedFrom, name);
    answer(executor, await run(payload));
    await executor.context.definitions.refresh(name, []);
    return;
  }
  if (known !== undefined) {
    await databases.find(name);
    if (!statement.ifNotExists) throw databaseExists(name);
    exists(executor, name);
    return;
  }
  let reply = await runLenient(run, payload, ER_DB_CREATE_EXISTS);
  if (reply === undefined || hasWarning(reply)) {
    // What an earlier CREATE has left that did not come to its end; anything else is not for clients to take.
    if (!(await isEmpty(run, name))) {
      const text = `the mysqld of keyspace ${databases.on} has a database '${name}' that the topology does not list: declare it, or rename it there`;
      throw new ShardgateError("ER_DBACCESS_DENIED", text);
    }
    await run(comQuery(`DROP DATABASE ${quoteName(name)}`));
    reply = await run(payload);
  }
  await databases.enter(name, host.keyspace);
  answer(executor, reply);
}

async function drop(executor: Executor, statement: Ddl, name: string, payload: Buffer): Promise<void> {
  const { state, context } = executor;
  const { databases } = context;
  if (isSystemSchema(name)) throw denied(executor, name);
  await using _lock = await databases.lock(name);
  const record = await databases.record(name);
  if (record === undefined) {
    if (!statement.ifExists) {
      throw new MysqlError(ER_DB_DROP_EXISTS, "HY000", `Can't drop database '${name}'; database doesn't exist`);
    }
    note(executor, ER_DB_DROP_EXISTS, `Can't drop database '${name}'; database doesn't exist`, droppedFlags(executor));
    return;
  }
  refuseDeclared(record.servedFrom, name);
  hostOf(executor, name);
  await databases.find(name);
  const [own] = executor.shards.ofKeyspace(name, context.cluster()).targets;
  if (own === undefined) throw new ShardgateError("SHARD_UNAVAILABLE", `keyspace ${name} has no shard`);
  const host = { keyspace: own.keyspace, shard: own.shard, tabletType: own.tabletType };
  const run = (sent: Buffer): Promise<CollectedReply> => runPooled(executor, host, sent);
  const reply = await runLenient(run, payload, ER_DB_DROP_EXISTS);
  await databases.remove(name);
  if (state.target.keyspace === name) state.target = NO_TARGET;
  const statusFlags = droppedFlags(executor);
  if (reply === undefined) executor.ok({ affectedRows: 0, statusFlags });
  else answer(executor, reply, statusFlags);
}

/** On every shard, in order: an error on the first has changed nothing. */
async function alter(executor: Executor, name: string, payload: Buffer): Promise<void> {
  if (isSystemSchema(name)) throw denied(executor, name);
  await executor.context.databases.find(name);
  const replies: CollectedReply[] = [];
  for (const target of executor.shards.ofKeyspace(name, executor.context.cluster()).targets) {
    replies.push(await runPooled(executor, target, payload));
  }
  const [first] = replies;
  if (first === undefined) throw new ShardgateError("SHARD_UNAVAILABLE", `keyspace ${name} has no shard`);
  answer(executor, first);
}

/** The shard on whose mysqld databases are made. Throws 1044 when clients may not make any. */
function hostOf(executor: Executor, name: string): ShardTarget {
  const { context } = executor;
  const { on } = context.databases;
  if (on === undefined) {
    throw new ShardgateError(
      "ER_DBACCESS_DENIED",
      `Access denied for user '${executor.state.user.user}'@'%' to database '${name}': this gateway makes and drops no databases; ` +
        "start it with --create-database-on KEYSPACE, or use shardgate ctl CreateKeyspace",
    );
  }
  const targets = context.cluster().targets.primary.get(on);
  const [target] = targets?.targets ?? [];
  if (targets === undefined || target === undefined || targets.sharded || target.database !== undefined) {
    const text = `--create-database-on ${on}: there is no unsharded keyspace of this name that serves now`;
    throw new ShardgateError("SHARD_UNAVAILABLE", text);
  }
  return target;
}

function refuseDeclared(servedFrom: string | undefined, name: string): void {
  if (servedFrom !== undefined) return;
  throw new ShardgateError(
    "ER_DBACCESS_DENIED",
    `keyspace ${name} was not made by CREATE DATABASE and is not dropped by SQL; use shardgate ctl DeleteKeyspace`,
  );
}

/** It would wait for the session's own locks, which are on other connections. */
function refuseLocked({ state }: Executor): void {
  if (!state.holds.hasLockedTables) return;
  throw new ShardgateError(
    "ER_LOCK_OR_ACTIVE_TRANSACTION",
    "Can't execute the given command because you have active locked tables or an active transaction",
  );
}

/** The servers', and what tablets keep their records in. */
const OWN_DATABASES = /^(?:information_schema|_shardgate.*)$/i;

/** Who may define tables anywhere in it may make and drop it. */
function checkDatabaseAccess(executor: Executor, name: string): void {
  const { user } = executor.state;
  if (OWN_DATABASES.test(name)) throw denied(executor, name);
  if (!isAdmin(user) && !allows(user, "ddl", name, "*")) throw denied(executor, name);
}

function denied({ state }: Executor, name: string): ShardgateError {
  return new ShardgateError(
    "ER_DBACCESS_DENIED",
    `Access denied for user '${state.user.user}'@'%' to database '${name}'`,
  );
}

function databaseExists(name: string): MysqlError {
  return new MysqlError(ER_DB_CREATE_EXISTS, "HY000", `Can't create database '${name}'; database exists`);
}

/** Undefined when it fails with `errno`. */
async function runLenient(
  run: (payload: Buffer) => Promise<CollectedReply>,
  payload: Buffer,
  errno: number,
): Promise<CollectedReply | undefined> {
  try {
    return await run(payload);
  } catch (error) {
    if (error instanceof MysqlError && error.errno === errno) return undefined;
    throw error;
  }
}

/** Nothing is in the database, or there is none. */
async function isEmpty(run: (payload: Buffer) => Promise<CollectedReply>, name: string): Promise<boolean> {
  const text = `_utf8mb4 x'${Buffer.from(name).toString("hex")}'`;
  const counts = OBJECTS.map(
    ([table, column]) => `(SELECT COUNT(*) FROM information_schema.${table} WHERE ${column} = ${text})`,
  );
  const rows = readTextRows((await run(comQuery(`SELECT ${counts.join(" + ")}`))).bytes);
  return rows[0]?.[0]?.toString("latin1") === "0";
}

const OBJECTS = [
  ["TABLES", "TABLE_SCHEMA"],
  ["ROUTINES", "ROUTINE_SCHEMA"],
  ["EVENTS", "EVENT_SCHEMA"],
] as const;

function hasWarning({ info }: CollectedReply): boolean {
  return info.warningsReply.length > 0;
}

function exists(executor: Executor, name: string): void {
  note(executor, ER_DB_CREATE_EXISTS, `Can't create database '${name}'; database exists`);
}

/** As servers have them for every DROP DATABASE. */
function droppedFlags({ state }: Executor): number {
  return state.statusFlags | SERVER.STATUS_DB_DROPPED;
}

function note(executor: Executor, code: number, message: string, statusFlags = executor.state.statusFlags): void {
  executor.state.rowCount = 0;
  executor.state.lastWarnings = { kind: "list", warnings: [{ level: "Note", code, message }] };
  executor.ok({ affectedRows: 0, warnings: 1, statusFlags });
}

function answer(executor: Executor, reply: CollectedReply, statusFlags = executor.state.statusFlags): void {
  const { affectedRows, warnings, info } = decodeOk(reply.bytes.subarray(4), 0);
  executor.state.rowCount = affectedRows;
  executor.state.lastWarnings = warningsOf([reply.info]);
  executor.ok({ affectedRows, warnings, info, statusFlags });
}
