// Maintenance and server statements over shards: CHECK TABLE and its like with one answer for a table, FLUSH and RESET QUERY
// CACHE on all shards of the selected keyspace or of all keyspaces, locks of whole servers, and what is said of accounts,
// which the users file has.

import { MysqlError, noDatabase, notSupported, ShardgateError } from "../../base/errors.ts";
import { collect, type CollectedReply, errorOfReply } from "../../engine/collect.ts";
import { plainRequest, type ShardTarget } from "../../engine/ports.ts";
import type { TextValue } from "../../mysql/packets/text-row.ts";
import type { ResultSet } from "../../mysql/result-writer.ts";
import { systemSchemaOf } from "../../plan/all-shards.ts";
import { isSystemSchema } from "../../plan/system-tables.ts";
import type { Admin } from "../../sql/tree.ts";
import { checkAccess } from "../access/access.ts";
import type { ClusterView } from "../cluster/cluster-view.ts";
import type { Executor } from "../executor.ts";
import { answerOk, runOn, systemTarget, unlockAll } from "./run-all-shards.ts";
import { commitOpen } from "../transaction/run-transaction.ts";
import { StatementCounts } from "../observe/statement-counts.ts";
import { runGetDiagnostics } from "../show/get-diagnostics.ts";
import { warningsOf, warningsOfSession } from "../show/show-warnings.ts";
import { readTextResult } from "../read/text-rows.ts";
import type { Right } from "../access/users.ts";

/** What a user needs for the tables that are maintained. */
const RIGHTS: Readonly<Record<string, Right>> = {
  "analyze table": "write",
  "cache index": "admin",
  "check table": "read",
  "checksum table": "read",
  "load index": "admin",
  "optimize table": "write",
  "repair table": "write",
};

/** Answers the client, or throws. `payload` is what the client sent. */
export async function runAdmin(
  executor: Executor,
  statement: Admin,
  cluster: ClusterView,
  payload: Buffer,
): Promise<void> {
  const { verb, text } = statement;
  switch (verb) {
    case "flush tables":
      if (/ with read lock/i.test(text)) await runReadLock(executor, statement, cluster, payload);
      else await runFlush(executor, statement, cluster, payload);
      return;
    case "flush":
    case "reset":
      await runFlush(executor, statement, cluster, payload);
      return;
    case "get diagnostics":
      await runGetDiagnostics(executor, statement);
      return;
    case "set role":
      setRole(executor, text);
      return;
    case "set default role":
    case "set password":
      throw notSupported(verb.toUpperCase(), "accounts, passwords and rights are kept in the gateways' users file");
    default:
      await runMaintenance(executor, statement, cluster, payload);
  }
}

/** CHECK TABLE and its like in a sharded keyspace or of system schemas: all shards run it, each table's rows are put together. */
async function runMaintenance(
  executor: Executor,
  statement: Admin,
  cluster: ClusterView,
  payload: Buffer,
): Promise<void> {
  const { state, context, signal } = executor;
  const { verb, tables } = statement;
  const keyspaces = new Set(tables.map(({ schema }) => schema ?? state.target.keyspace));
  const [keyspace] = keyspaces;
  if (keyspace === undefined) throw noDatabase();
  const system = systemSchemaOf(tables, state.target.keyspace);
  if (system === undefined && keyspaces.size > 1)
    throw notSupported(`${verb.toUpperCase()} of several keyspaces at once`);
  const right = system === undefined ? (RIGHTS[verb] ?? "admin") : "admin";
  check(
    executor,
    right,
    verb.toUpperCase(),
    keyspace,
    tables.map(({ name }) => name),
  );
  const isRead = verb === "checksum table";
  if (!isRead) {
    executor.refuseReplica();
    await commitOpen(executor);
  }
  const targets =
    system === undefined
      ? executor.shards.ofKeyspace(keyspace, cluster).targets
      : systemTargets(executor, system, cluster, isRead);
  const requests = targets.map((target) => ({
    target,
    request: { ...executor.requestFor(target, payload, false, false), settings: state.settings.ofGateway.sql },
  }));
  const replies = await Promise.all(
    requests.map(({ target, request }) => collect(context.tablets, target, request, signal)),
  );
  for (const reply of replies) if (reply.info.kind === "err") throw errorOfReply(reply);
  const answers = replies.map(({ bytes }) => readTextResult(bytes));
  const told = warningsOfSession({ lastWarnings: warningsOf(replies.map(({ info }) => info)) });
  const warnings = [...new Map(told.map((warning) => [`${warning.code} ${warning.message}`, warning])).values()];
  executor.result(isRead ? checksums(answers) : verdicts(answers), { kind: "list", warnings }, warnings.length);
}

/** Where each server has its own: the one that they are read on, or all. */
function systemTargets(
  executor: Executor,
  database: string,
  cluster: ClusterView,
  isRead: boolean,
): readonly ShardTarget[] {
  if (isRead) return [systemTarget(executor, database, cluster)];
  const served = [...cluster.snapshot.keyspaces.values()].filter(({ record }) => record.servedFrom === undefined);
  const all = served.flatMap(({ name }) => executor.shards.ofKeyspace(name, cluster).targets);
  return all.map((target) => ({ ...target, database }));
}

/** A table's checksum is the sum of its rows'; NULL is what a shard that cannot read it says. */
function checksums(answers: readonly ResultSet[]): ResultSet {
  const [first] = answers;
  const rows = (first?.rows ?? []).map(([name = null], i) => {
    const sums = answers.map((answer) => textOf(answer.rows[i]?.[1]));
    if (sums.includes(undefined)) return [name, null];
    const total = sums.reduce((sum, each) => sum + BigInt(each ?? 0), 0n);
    return [name, String(BigInt.asUintN(CHECKSUM_BITS, total))];
  });
  return { columns: first?.columns ?? [], rows };
}

const CHECKSUM_BITS = 32;

/** Rows of Table, Op, Msg_type, Msg_text: what several shards say of a table in the same words is said once, status last. */
function verdicts(answers: readonly ResultSet[]): ResultSet {
  const byTable = new Map<string, Map<string, readonly TextValue[]>>();
  for (const row of answers.flatMap(({ rows }) => rows)) {
    const table = textOf(row[0]) ?? "";
    const said = byTable.get(table) ?? new Map<string, readonly TextValue[]>();
    byTable.set(table, said.set(row.map((cell) => textOf(cell) ?? "").join("\n"), row));
  }
  const isStatus = (row: readonly TextValue[]): boolean => textOf(row[2])?.toLowerCase() === "status";
  const rows = [...byTable.values()].flatMap((said) => {
    const all = [...said.values()];
    return [...all.filter((row) => !isStatus(row)), ...all.filter((row) => isStatus(row))];
  });
  return { columns: answers[0]?.columns ?? [], rows };
}

function textOf(value: TextValue | undefined): string | undefined {
  return typeof value === "string" ? value : value?.toString("utf8");
}

/** On all shards of the tables' keyspaces; without tables of the selected keyspace, or of all. */
async function runFlush(executor: Executor, statement: Admin, cluster: ClusterView, payload: Buffer): Promise<void> {
  const { state } = executor;
  await commitOpen(executor);
  const targets = flushTargets(executor, statement, cluster);
  // Those are in the gateway's users file; SIGHUP has every gateway read its own.
  if (/\bprivileges\b/i.test(statement.text)) executor.context.reloadUsers();
  if (/\bstatus\b/i.test(statement.text)) state.counts = new StatementCounts();
  const request = { ...plainRequest(payload), settings: state.settings.sql };
  let first: CollectedReply | undefined;
  for (const [done, target] of targets.entries()) {
    const reply = await runOn(executor, target, request, targets.slice(0, done));
    first ??= reply;
  }
  answerOk(executor, first);
}

/**
 * FLUSH TABLES … WITH READ LOCK: with tables as LOCK TABLES READ does, else a lock of every server as a whole, which
 * BEGIN does not give up. The connections are the session's until UNLOCK TABLES.
 */
async function runReadLock(executor: Executor, statement: Admin, cluster: ClusterView, payload: Buffer): Promise<void> {
  const { state } = executor;
  const isOfServers = statement.tables.length === 0;
  await commitOpen(executor);
  const targets = flushTargets(executor, statement, cluster, isOfServers);
  await unlockAll(executor);
  let first: CollectedReply | undefined;
  try {
    for (const [done, target] of targets.entries()) {
      const request = executor.requestFor(target, payload, false, true);
      const reply = await runOn(executor, target, request, targets.slice(0, done));
      state.holds.joined(target, reply.info.holdId, false, true);
      if (isOfServers) state.holds.hasReadLock = true;
      else state.holds.hasLockedTables = true;
      first ??= reply;
    }
  } catch (error) {
    await unlockAll(executor, true);
    throw error;
  }
  answerOk(executor, first);
}

function flushTargets(
  executor: Executor,
  { tables }: Admin,
  cluster: ClusterView,
  ofAll = false,
): readonly ShardTarget[] {
  const selected = executor.state.target.keyspace;
  const ofKeyspaces = tables.filter(({ schema = selected }) => schema === undefined || !isSystemSchema(schema));
  const named = ofKeyspaces.map(({ schema = selected }) => {
    if (schema === undefined) throw noDatabase();
    if (!cluster.snapshot.keyspaces.has(schema)) throw new ShardgateError("ER_BAD_DB", `Unknown database '${schema}'`);
    return schema;
  });
  const isOne = selected !== undefined && !isSystemSchema(selected) && !ofAll;
  const all = isOne ? [selected] : [...cluster.snapshot.keyspaces.keys()];
  const keyspaces = [...new Set(named.length > 0 ? named : all)];
  if (named.length > 0 && keyspaces.length > 1) throw notSupported("FLUSH TABLES of several keyspaces at once");
  for (const keyspace of keyspaces) check(executor, "admin", "RELOAD", keyspace, ["*"]);
  return keyspaces.flatMap((keyspace) => executor.shards.ofKeyspace(keyspace, cluster).targets);
}

/** Nobody has a role, so none can be taken. */
function setRole(executor: Executor, text: string): void {
  const role = text.replace(/^set role\s+/i, "");
  if (!/^(none|default|all)$/i.test(role)) {
    throw new MysqlError(1959, "OP000", `Invalid role specification \`${role.replaceAll(/^[`'"]|[`'"]$/g, "")}\``);
  }
  executor.ok();
}

function check(executor: Executor, right: Right, command: string, keyspace: string, names: readonly string[]): void {
  const tables = names.map((table) => ({ keyspace, table }));
  checkAccess(executor.state.user, { right, command, tables, system: false });
}
