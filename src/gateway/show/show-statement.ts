// SHOW. What is about the cluster and its clients is answered by the gateway; what is about one keyspace's definitions, or
// about MySQL itself, is passed to one shard, where it is the same as on all; lists over databases are put together from
// one shard of each keyspace. What only one server can tell is asked of the session's, if it has selected one.

import { MysqlError, noDatabase, notSupported, ShardgateError } from "../../base/errors.ts";
import { collect, errorOfReply } from "../../engine/collect.ts";
import { plainRequest } from "../../engine/ports.ts";
import type { ColumnDefinition } from "../../mysql/packets/column-definition.ts";
import type { ResultSet } from "../../mysql/result-writer.ts";
import { isSystemSchema } from "../../plan/system-tables.ts";
import { SYSTEM_SCHEMAS } from "../../plan/tables.ts";
import type { Show } from "../../sql/tree.ts";
import { walk } from "../../sql/walk.ts";
import { checkKeyspaceAccess, checkTableSeen } from "../access/access.ts";
import type { ClusterView } from "../cluster/cluster-view.ts";
import { comQuery } from "../client/com-query.ts";
import type { Executor } from "../executor.ts";
import { filterRows } from "./filter-rows.ts";
import { likePattern } from "./like-pattern.ts";
import type { SessionState } from "../session/session-state.ts";
import { globalText, variableText } from "../session/session-values.ts";
import { clusterAnswer } from "./show-cluster.ts";
import { openTables, routineStatus, tableStatus } from "./show-lists.ts";
import { showCreateUser, showDatabases, showGrants, showProcesslist } from "./show-session.ts";
import { showSqlFor } from "./show-sql.ts";
import { statusList } from "./show-status.ts";
import { warningsAnswer } from "./show-warnings.ts";
import { runPlain } from "../read/run-pooled.ts";
import { readTextResult } from "../read/text-rows.ts";
import { isAdmin, seesKeyspace, seesSystemSchema } from "../access/users.ts";
import { anyKeyspace } from "../session/any-keyspace.ts";

/** Definitions that are the same on every shard of a keyspace. */
const OF_ONE_SHARD: ReadonlySet<string> = new Set([
  "tables",
  "columns",
  "index",
  "create table",
  "create view",
  "create database",
  "create procedure",
  "create function",
  "create trigger",
  "create event",
  "create sequence",
  "create package",
  "create package body",
  "procedure code",
  "function code",
  "package code",
  "triggers",
  "events",
]);

/** What is about the server software rather than its data, or about any server as well as another. */
const OF_ANY_SERVER: ReadonlySet<string> = new Set([
  "variables",
  "charset",
  "collation",
  "engines",
  "plugins",
  "privileges",
  "contributors",
  "authors",
  "table types",
  "locales",
  "user_variables",
]);

/** What only the server in question can tell, and MySQL tells administrators only. */
const OF_ONE_SERVER: ReadonlySet<string> = new Set([
  "binary logs",
  "binlog events",
  "client_statistics",
  "engine",
  "explain",
  "index_statistics",
  "master status",
  "metadata_lock_info",
  "query_cache_info",
  "query_response_time",
  "relaylog events",
  "replica status",
  "replicas",
  "slaves",
  "table_statistics",
  "user_statistics",
  "wsrep_membership",
  "wsrep_status",
]);

/** Of these, the gateway speaks for itself when no one server is selected: it follows nobody, and nobody follows it. */
const OF_REPLICATION: ReadonlySet<string> = new Set(["replica status", "replicas", "slaves"]);

const ROUTINE_LISTS: ReadonlySet<string> = new Set([
  "procedure status",
  "function status",
  "package status",
  "package body status",
]);

/** Answers the client, or throws. */
export async function runShow(
  executor: Executor,
  statement: Show,
  cluster: ClusterView,
  payload: Buffer,
): Promise<void> {
  const { state } = executor;
  const { what } = statement;
  if (OF_ONE_SHARD.has(what) || what === "table status" || (what === "open tables" && statement.schema !== undefined)) {
    await showOfKeyspace(executor, statement, cluster, payload);
  } else if (what === "variables") {
    executor.result(await variables(executor, statement, cluster, payload));
  } else if (what === "status") {
    executor.result(await filtered(executor, statement, await statusList(executor, statement, cluster), 0, cluster));
  } else if (OF_ANY_SERVER.has(what)) {
    executor.toAnyShard(anyKeyspace(state, cluster), cluster, payload);
  } else if (OF_ONE_SERVER.has(what)) {
    await showOfServer(executor, statement, cluster, payload);
  } else if (what === "profiles" || what === "profile") {
    // A profile is of a connection, and the session has none of its own.
    if (state.settings.variables.has("profiling")) throw notSupported(`SHOW ${what.toUpperCase()}`);
    executor.toAnyShard(anyKeyspace(state, cluster), cluster, payload);
  } else if (what === "warnings" || what === "errors" || what.startsWith("count(*)")) {
    const answer = warningsAnswer(what, statement.text, state);
    if (answer.kind === "raw") executor.raw(answer.reply);
    else executor.result(answer.result, state.lastWarnings);
  } else if (what === "processlist") {
    const { result, warnings } = await showProcesslist(executor, statement.full);
    executor.result(result, { kind: "list", warnings }, warnings.length);
  } else executor.result(await ownAnswer(executor, statement, cluster));
}

async function showOfKeyspace(
  executor: Executor,
  statement: Show,
  cluster: ClusterView,
  payload: Buffer,
): Promise<void> {
  const { state } = executor;
  const { what, name } = statement;
  const named = statement.schema ?? (what === "create database" ? name : undefined);
  const schema = named ?? state.target.keyspace;
  if (schema === undefined) throw noDatabase();
  if (isSystemSchema(schema)) {
    if (schema.toLowerCase() !== "information_schema") checkKeyspaceAccess(state.user, schema);
    // A shard's connection has selected its keyspace.
    const sent = named === undefined ? comQuery(showSqlFor(schema, statement, state.sqlMode)) : payload;
    executor.toAnyShard(anyKeyspace(state, cluster), cluster, sent);
    return;
  }
  if (schema !== "" && !cluster.snapshot.keyspaces.has(schema) && OF_TABLE.has(what)) {
    throw new ShardgateError("ER_NO_SUCH_TABLE", `Table '${schema}.${name}' doesn't exist`);
  }
  checkKeyspaceAccess(state.user, schema);
  if (name !== undefined && OF_TABLE.has(what)) checkTableSeen(state.user, schema, name);
  const { targets } = executor.shards.ofKeyspace(schema, cluster);
  const isOneShard = state.target.shard !== undefined && state.target.keyspace === schema;
  if (what === "table status" && targets.length > 1 && !isOneShard) {
    executor.result(await tableStatus(executor, statement, schema, targets, cluster));
  } else executor.toAnyShard(selectedBeside(state, named, cluster) ?? schema, cluster, payload);
}

/**
 * The selected keyspace, if its server is that of keyspace `named`: a server writes names of another database than the
 * selected one with it (SHOW CREATE VIEW).
 */
function selectedBeside({ target }: SessionState, named: string | undefined, cluster: ClusterView): string | undefined {
  if (named === undefined || target.keyspace === undefined || target.shard !== undefined) return undefined;
  const [there, own] = [named, target.keyspace].map((name) => cluster.targets.primary.get(name));
  if (there === undefined || own === undefined || there.sharded || own.sharded) return undefined;
  return there.targets[0]?.keyspace === own.targets[0]?.keyspace ? own.keyspace : undefined;
}

const OF_TABLE: ReadonlySet<string> = new Set(["columns", "index", "create table", "create view", "create sequence"]);

/** Passes it to the one server the session is pointed at: the only shard of its keyspace, or the one it has named. */
async function showOfServer(executor: Executor, statement: Show, cluster: ClusterView, payload: Buffer): Promise<void> {
  const { state } = executor;
  const what = `SHOW ${statement.what.toUpperCase()}`;
  if (!isAdmin(state.user)) {
    const text =
      "Access denied; you need (at least one of) the SUPER, REPLICATION CLIENT privilege(s) for this operation";
    throw new MysqlError(1227, "42000", text);
  }
  const keyspace = state.target.keyspace;
  const isOfNone = keyspace === undefined || isSystemSchema(keyspace);
  const targets = isOfNone ? [] : executor.shards.ofKeyspace(keyspace, cluster).targets;
  const { shard, tabletType } = state.target;
  if (OF_REPLICATION.has(statement.what) && shard === undefined && tabletType === "primary" && targets.length !== 1) {
    executor.result({ columns: (await serverList(executor, payload, cluster)).columns, rows: [] });
    return;
  }
  if (isOfNone) {
    throw notSupported(`${what} without a server to ask`, "USE an unsharded keyspace, or one shard as in USE `ks:-80`");
  }
  if (targets.length > 1 && shard === undefined) {
    throw notSupported(
      `${what} of ${targets.length} servers`,
      `USE one shard, as in USE \`${keyspace}:${targets[0]?.shard}\``,
    );
  }
  executor.toAnyShard(keyspace, cluster, payload);
}

/** What the gateway has itself, and lists that it puts together. */
async function ownAnswer(executor: Executor, statement: Show, cluster: ClusterView): Promise<ResultSet> {
  const { state } = executor;
  const { what } = statement;
  const keyspaces = [...cluster.snapshot.keyspaces.keys()].filter((name) => seesKeyspace(state.user, name)).toSorted();
  if (ROUTINE_LISTS.has(what)) {
    return routineStatus(executor, statement, keyspaces, anyKeyspace(state, cluster), cluster);
  }
  switch (what) {
    case "open tables":
      return openTables(executor, statement, keyspaces, anyKeyspace(state, cluster), cluster);
    case "databases":
      return filtered(
        executor,
        statement,
        showDatabases([...keyspaces, ...(await systemSchemas(executor, cluster))], statement.like),
        0,
        cluster,
      );
    case "grants":
      return showGrants(executor, statement.name);
    case "create user":
      return showCreateUser(executor, statement.name);
    default: {
      const answer = await clusterAnswer(statement, executor, cluster);
      if (answer === undefined) throw notSupported(`SHOW ${what.toUpperCase()}`);
      return filtered(executor, statement, answer.result, answer.likeColumn, cluster);
    }
  }
}

/** The schemas of servers themselves that the user may see, but for information_schema. */
async function systemSchemas(executor: Executor, cluster: ClusterView): Promise<readonly string[]> {
  const { state, context, signal } = executor;
  const seen = [...SYSTEM_SCHEMAS].filter(
    (name) => name !== "information_schema" && seesSystemSchema(state.user, name),
  );
  if (seen.length === 0) return [];
  const target = executor.shards.any(anyKeyspace(state, cluster), cluster);
  const sql = `SHOW DATABASES WHERE \`Database\` IN (${seen.map((name) => `'${name}'`).join(", ")})`;
  const { bytes } = await runPlain(context.tablets, target, sql, signal);
  return readTextResult(bytes).rows.map(([name]) => name?.toString("utf8") ?? "");
}

/** LIKE as MySQL's SHOW has it, without case but where MariaDB compares names of directories; WHERE by a mysqld. */
async function filtered(
  executor: Executor,
  { what, like, where }: Show,
  result: ResultSet,
  likeColumn: number,
  cluster: ClusterView,
): Promise<ResultSet> {
  if (where !== undefined) {
    return filterRows(executor, result, where, anyKeyspace(executor.state, cluster), cluster);
  }
  if (like === undefined) return result;
  const pattern = likePattern(like);
  const ofDirectory = what === "databases" && executor.state.sqlMode.dialect === "mariadb";
  const exactly = ofDirectory ? likePattern(like, true) : pattern;
  const rows = result.rows.filter((row) => {
    const name = String(row[likeColumn] ?? "");
    return (name === "information_schema" ? pattern : exactly).test(name);
  });
  return { columns: result.columns, rows };
}

/** SHOW VARIABLES as a shard answers it, with those in place that are the session's and not the connection's. */
async function variables(
  executor: Executor,
  statement: Show,
  cluster: ClusterView,
  payload: Buffer,
): Promise<ResultSet> {
  const { state, context } = executor;
  const { where } = statement;
  const isGlobal = statement.scope === "global";
  // A condition on values is about the session's.
  const asksValues = where !== undefined && namesColumn(statement, "value");
  const shown = await serverList(
    executor,
    asksValues ? comQuery(`SHOW ${isGlobal ? "GLOBAL " : ""}VARIABLES`) : payload,
    cluster,
  );
  const textOf = (name: string, ofServer: string | undefined): string | undefined =>
    isGlobal ? globalText(name, context, ofServer) : variableText(name, state, context, ofServer);
  const rows = shown.rows.map(([name = null, value = null]) => [
    name,
    textOf(name?.toString("latin1") ?? "", value?.toString("latin1")) ?? value,
  ]);
  const result = { columns: shown.columns, rows };
  if (!asksValues) return result;
  return filterRows(executor, result, where, anyKeyspace(state, cluster), cluster);
}

interface ServerList {
  readonly columns: readonly ColumnDefinition[];
  readonly rows: readonly (readonly (Buffer | null)[])[];
}

async function serverList(executor: Executor, payload: Buffer, cluster: ClusterView): Promise<ServerList> {
  const { state, context, signal } = executor;
  const target = executor.shards.any(anyKeyspace(state, cluster), cluster);
  const request = { ...plainRequest(payload), settings: state.settings.ofGateway.sql };
  const reply = await collect(context.tablets, target, request, signal);
  if (reply.info.kind === "err") throw errorOfReply(reply);
  return readTextResult(reply.bytes);
}

function namesColumn(statement: Show, lower: string): boolean {
  let names = false;
  walk(statement, (node) => {
    names ||= node.kind === "column" && node.name.toLowerCase() === lower;
    return !names;
  });
  return names;
}
