// SHOW. What is about the cluster is answered from the topology; what is about one keyspace's definitions, or about MySQL
// itself, is passed to one shard, where it is the same as on all; what would need all shards is refused.

import { notSupported, ShardgateError } from "../base/errors.ts";
import { collect, errorOfReply } from "../engine/collect.ts";
import { type ResultSet, textColumn } from "../mysql/result-writer.ts";
import type { Show } from "../sql/tree.ts";
import { checkKeyspaceAccess } from "./access.ts";
import type { ClusterView } from "./cluster-view.ts";
import type { Executor } from "./executor.ts";
import { likePattern } from "./like-pattern.ts";
import type { SessionState } from "./session-state.ts";
import { variableText } from "./session-values.ts";
import { warningsAnswer } from "./show-warnings.ts";
import { readTextResult } from "./text-rows.ts";
import { seesKeyspace } from "./users.ts";

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
  "triggers",
  "events",
]);

/** What is about the server software rather than its data. */
const OF_ANY_SERVER: ReadonlySet<string> = new Set([
  "variables",
  "charset",
  "collation",
  "engines",
  "plugins",
  "privileges",
  "contributors",
  "authors",
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
  if (OF_ONE_SHARD.has(what)) {
    const keyspace =
      statement.schema ?? (what === "create database" ? statement.name : undefined) ?? state.target.keyspace;
    if (keyspace === undefined) throw new ShardgateError("ER_NO_DB", "No database selected");
    if (keyspace !== "information_schema") {
      checkKeyspaceAccess(state.user, keyspace);
      executor.toAnyShard(keyspace, cluster, payload);
    } else executor.toAnyShard(anyKeyspace(state, cluster), cluster, payload);
    return;
  }
  if (what === "variables" && statement.scope !== "global") {
    executor.result(await variables(executor, cluster, payload));
    return;
  }
  if (OF_ANY_SERVER.has(what)) {
    executor.toAnyShard(anyKeyspace(state, cluster), cluster, payload);
    return;
  }
  if (what === "table status") {
    const keyspace = statement.schema ?? state.target.keyspace;
    if (keyspace === undefined) throw new ShardgateError("ER_NO_DB", "No database selected");
    checkKeyspaceAccess(state.user, keyspace);
    if (executor.keyspaceTargets(keyspace, cluster).targets.length > 1 && state.target.shard === undefined) {
      throw notSupported("SHOW TABLE STATUS over several shards", `USE one shard, as in USE \`${keyspace}:-80\``);
    }
    executor.toAnyShard(keyspace, cluster, payload);
    return;
  }
  if (what === "warnings" || what === "errors" || what.startsWith("count(*)")) {
    const answer = warningsAnswer(what, statement.text, state);
    if (answer.kind === "raw") executor.raw(answer.reply);
    else executor.result(answer.result, state.lastWarnings);
    return;
  }
  const result = clusterAnswer(what, state, cluster, executor);
  if (result === undefined) throw notSupported(`SHOW ${what.toUpperCase()}`);
  executor.result(filtered(result, statement));
}

/** SHOW VARIABLES as a shard answers it, with those in place that are the session's and not the connection's. */
async function variables(executor: Executor, cluster: ClusterView, payload: Buffer): Promise<ResultSet> {
  const { state, context, signal } = executor;
  const keyspace = anyKeyspace(state, cluster);
  const [target] = executor.targetsOf({ keyspace, routing: { kind: "any" } }, [], cluster);
  if (target === undefined) throw new Error("a keyspace has a shard");
  const reply = await collect(context.tablets, target, executor.requestFor(target, payload, false, false), signal);
  if (reply.info.kind === "err") throw errorOfReply(reply);
  const { columns, rows } = readTextResult(reply.bytes);
  return {
    columns,
    rows: rows.map(([name = null, value = null]) => [
      name,
      variableText(name?.toString("latin1") ?? "", state, context) ?? value,
    ]),
  };
}

function clusterAnswer(
  what: string,
  state: SessionState,
  cluster: ClusterView,
  executor: Executor,
): ResultSet | undefined {
  const keyspaces = [...cluster.snapshot.keyspaces.values()].filter(({ name }) => seesKeyspace(state.user, name));
  switch (what) {
    case "databases":
      return table(
        ["Database"],
        [...keyspaces.map(({ name }) => name), "information_schema"].toSorted().map((name) => [name]),
      );
    case "keyspaces":
    case "vitess_keyspaces":
    case "vschema keyspaces":
      return table(
        ["Keyspace", "Sharded", "Shards"],
        keyspaces.map(({ name, shards }) => [
          name,
          String(cluster.vschema.keyspaces.get(name)?.sharded ?? false),
          String(shards.length),
        ]),
      );
    case "vitess_shards":
      return table(
        ["Shards"],
        keyspaces.flatMap(({ name, shards }) => shards.map((shard) => [`${name}/${shard.name}`])),
      );
    case "vitess_tablets":
      return table(
        ["Cell", "Keyspace", "Shard", "TabletType", "State", "Alias", "Hostname", "PrimaryTermStartTime"],
        executor.context.tablets.tablets
          .filter(({ record }) => seesKeyspace(state.user, record.keyspace))
          .map(({ record, problem }) => [
            record.cell,
            record.keyspace,
            record.shard,
            record.type.toUpperCase(),
            problem === undefined ? "SERVING" : "NOT_SERVING",
            record.alias,
            record.hostname,
            record.type === "primary" ? record.startedAt : "",
          ])
          .toSorted((a, b) => (a[5] ?? "").localeCompare(b[5] ?? "")),
      );
    case "vitess_target":
      return table(["Target"], [[state.target.text]]);
    case "vschema tables": {
      const { keyspace } = state.target;
      if (keyspace === undefined) throw new ShardgateError("ER_NO_DB", "No database selected");
      const tables = cluster.vschema.keyspaces.get(keyspace)?.tables.keys() ?? [];
      return table(
        ["Tables"],
        [...tables].toSorted().map((name) => [name]),
      );
    }
    case "vschema vindexes": {
      const { keyspace } = state.target;
      if (keyspace === undefined) throw new ShardgateError("ER_NO_DB", "No database selected");
      const vindexes = [...(cluster.vschema.keyspaces.get(keyspace)?.vindexes.values() ?? [])];
      return table(
        ["Keyspace", "Name", "Type", "Params", "Owner"],
        vindexes.map(({ name, type, params, owner }) => [
          keyspace,
          name,
          type,
          [...params].map(([key, value]) => `${key}=${value}`).join("; "),
          owner,
        ]),
      );
    }
    default:
      return undefined;
  }
}

function anyKeyspace(state: SessionState, cluster: ClusterView): string {
  const keyspace = state.target.keyspace ?? cluster.snapshot.keyspaces.keys().next().value;
  if (keyspace === undefined) throw new ShardgateError("SHARD_UNAVAILABLE", "there is no keyspace yet");
  return keyspace;
}

function table(names: readonly string[], rows: readonly (readonly string[])[]): ResultSet {
  return { columns: names.map((name) => textColumn(name)), rows };
}

/** LIKE on the first column, as MySQL's SHOW has it; the collation of names is case-insensitive. */
function filtered(result: ResultSet, statement: Show): ResultSet {
  if (statement.where !== undefined) throw notSupported(`SHOW ${statement.what.toUpperCase()} … WHERE`, "use LIKE");
  if (statement.like === undefined) return result;
  const pattern = likePattern(statement.like);
  const [first, ...others] = result.columns;
  if (first === undefined) return result;
  const columns =
    statement.what === "databases"
      ? [{ ...first, name: `${first.name} (${statement.like})` }, ...others]
      : result.columns;
  return { columns, rows: result.rows.filter(([name]) => typeof name === "string" && pattern.test(name)) };
}
