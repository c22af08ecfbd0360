// Definitions in a sharded keyspace: on one shard first, whose refusal is MySQL's own and has changed nothing, then on all
// others at once. What fails there names the shards on both sides. One at a time changes a keyspace, over all gateways and
// ctl, so that shards cannot come to run two definitions in different orders.

import { messageOf, MysqlError, noDatabase, ShardgateError } from "../../base/errors.ts";
import type { CollectedReply } from "../../engine/collect.ts";
import type { ShardTarget } from "../../engine/ports.ts";
import { decodeOk } from "../../mysql/packets/ok.ts";
import { leftTables, planDefinition, shardedKeyspaceOf, unlistedTables } from "../../plan/definition.ts";
import type { PlanContext } from "../../plan/tables.ts";
import type { Ddl } from "../../sql/tree.ts";
import { checkAccess } from "../access/access.ts";
import type { ClusterView } from "../cluster/cluster-view.ts";
import { definedTables } from "../cluster/defined-tables.ts";
import type { Executor } from "../executor.ts";
import { runPooled } from "../read/run-pooled.ts";
import { enterTable, leaveTables } from "./entered-tables.ts";
import { commitOpen } from "../transaction/run-transaction.ts";
import type { SessionWarning } from "../session/session-state.ts";
import { warningsOf, warningsOfSession } from "../show/show-warnings.ts";

/** Answers the client, or throws. */
export async function runDefinition(
  executor: Executor,
  statement: Ddl,
  cluster: ClusterView,
  payload: Buffer,
): Promise<void> {
  const { state, context } = executor;
  const { vschema, schema } = cluster;
  const planning: PlanContext = { vschema, schema, keyspace: state.target.keyspace, autoVSchema: true };
  const found = shardedKeyspaceOf(statement, planning);
  if (found === undefined) throw noDatabase();
  const { keyspace } = found;
  const command = statement.verb.toUpperCase();
  const tables = statement.names.map(({ name }) => ({ keyspace, table: name }));
  checkAccess(state.user, { right: "ddl", command, tables, system: false });
  const read = statement.references.map(({ name }) => ({ keyspace, table: name }));
  if (statement.object === "table") {
    checkAccess(state.user, { right: "read", command: "SELECT", tables: read, system: false });
  } else checkAccess(state.user, { right: "ddl", command, tables: read, system: false });
  executor.refuseReplica();
  await commitOpen(executor);
  await using _lock = await context.databases.lockKeyspace(keyspace);
  const { targets, problem } = executor.shards.ofKeyspace(keyspace, context.cluster());
  const [first, ...others] = targets;
  if (first === undefined) {
    throw new ShardgateError(
      "SHARD_UNAVAILABLE",
      `keyspace ${keyspace} cannot be changed now: ${problem ?? "no shards"}`,
    );
  }
  for (const { shard } of targets) {
    const away = context.tablets.primaryProblem(keyspace, shard);
    if (away === undefined) continue;
    const text = `shard ${keyspace}:${shard} is not available now (${away}); nothing has been changed`;
    throw new ShardgateError("SHARD_UNAVAILABLE", text);
  }
  const { autoVSchema } = context;
  const unlisted = unlistedTables(statement, found, autoVSchema.isOn);
  const left = autoVSchema.isOn ? leftTables(statement, found) : [];
  for (const { name, entry } of unlisted) {
    // What is wrong with the statement there is said before anything is done.
    const extended = await autoVSchema.extended(keyspace, name, entry);
    const keyspaces = new Map(vschema.keyspaces).set(keyspace, extended);
    planDefinition(statement, { ...planning, vschema: { ...vschema, keyspaces } });
  }
  const run = (target: ShardTarget): Promise<CollectedReply> => runPooled(executor, target, payload);
  const changed = definedTables(statement, keyspace);
  const replies: CollectedReply[] = [];
  try {
    try {
      replies.push(await run(first));
    } catch (error) {
      if (!(error instanceof MysqlError) || !dropsSeveral(statement)) throw error;
      await Promise.allSettled(others.map(run));
      if (left.length > 0 && error.errno === ER_BAD_TABLE) await leaveTables(executor, keyspace, left, true);
      throw error;
    }
    for (const { name, entry } of unlisted) await enterTable(executor, keyspace, name, entry);
    const outcomes = await Promise.allSettled(others.map(run));
    for (const outcome of outcomes) if (outcome.status === "fulfilled") replies.push(outcome.value);
    if (replies.length < targets.length) throw partly(targets, outcomes);
    if (left.length > 0) await leaveTables(executor, keyspace, left, statement.verb === "drop");
  } finally {
    if (changed !== undefined) await context.definitions.refresh(keyspace, changed.tables);
  }
  answer(executor, replies);
}

/** A server drops the others when it cannot drop one of several (MariaDB): its refusal has changed something. */
export function dropsSeveral({ verb, names }: Ddl): boolean {
  return verb === "drop" && names.length > 1;
}

const ER_BAD_TABLE = 1051;

/** The first shard has done it; `outcomes` are those of the others. */
function partly([first, ...others]: readonly ShardTarget[], outcomes: readonly PromiseSettledResult<unknown>[]): Error {
  const done = first === undefined ? [] : [nameOf(first)];
  const failed: string[] = [];
  let error: unknown;
  for (const [i, target] of others.entries()) {
    const outcome = outcomes[i];
    if (outcome?.status === "fulfilled") done.push(nameOf(target));
    else {
      error ??= outcome?.reason;
      failed.push(`${nameOf(target)} (${messageOf(outcome?.reason)})`);
    }
  }
  const text =
    `it was done on ${done.join(", ")}, but not on ${failed.join(", ")}: ` +
    "see to what is wrong there, then run it there alone, after USE of that shard";
  if (error instanceof MysqlError) return new MysqlError(error.errno, error.sqlState, `${error.message}; ${text}`);
  return new ShardgateError(error instanceof ShardgateError ? error.id : "INTERNAL", text, error);
}

function nameOf({ keyspace, shard }: ShardTarget): string {
  return `${keyspace}:${shard}`;
}

/** Rows that were copied are counted over all shards; a warning that all give is one, but for those about rows. */
function answer(executor: Executor, replies: readonly CollectedReply[]): void {
  const { state } = executor;
  const oks = replies.map((reply) => decodeOk(reply.bytes.subarray(4), 0));
  const affectedRows = oks.reduce((sum, ok) => sum + ok.affectedRows, 0);
  state.rowCount = affectedRows;
  const warnings = alike(replies.map(({ info }) => warningsOfSession({ lastWarnings: warningsOf([info]) })));
  state.lastWarnings = { kind: "list", warnings };
  const infos = oks.map(({ info }) => info);
  executor.ok({ affectedRows, warnings: warnings.length, info: summed(infos, warnings.length) });
}

/** What all shards say of a definition is said as often as one of them says it; each speaks for its own rows. */
function alike(told: readonly (readonly SessionWarning[])[]): readonly SessionWarning[] {
  const all: SessionWarning[] = [];
  const known = new Map<string, number>();
  for (const warnings of told) {
    const own = new Map<string, number>();
    for (const warning of warnings) {
      const text = JSON.stringify(warning);
      const count = (own.get(text) ?? 0) + 1;
      own.set(text, count);
      if (count <= (known.get(text) ?? 0) && !OF_ROW.test(warning.message)) continue;
      known.set(text, count);
      all.push(warning);
    }
  }
  return all;
}

/** Of a definition itself it is row 0. */
const OF_ROW = /at row [1-9]\d*$/;

/** `Records: 2  Duplicates: 0  Warnings: 0` of all shards. */
function summed(infos: readonly string[], warnings: number): string {
  const [first = ""] = infos;
  const records = infos.reduce((sum, info) => sum + Number(/^Records: (\d+)/.exec(info)?.[1] ?? 0), 0);
  return first.replace(/^Records: \d+/, `Records: ${records}`).replace(/Warnings: \d+$/, `Warnings: ${warnings}`);
}
