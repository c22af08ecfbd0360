// Vitess's own SHOW statements, answered from the topology, the VSchema and what the tablets report. Column names are
// Vitess's (vitess.io/docs/reference/programs and its vtgate's SHOW), so that its tools and people's habits work.

import { noDatabase, ShardgateError } from "../../base/errors.ts";
import { collect, errorOfReply } from "../../engine/collect.ts";
import { plainRequest } from "../../engine/ports.ts";
import { type ResultSet, textColumn } from "../../mysql/result-writer.ts";
import type { Show } from "../../sql/tree.ts";
import type { KeyspaceVSchema, VindexDefinition } from "../../vschema/model.ts";
import { checkKeyspaceAccess } from "../access/access.ts";
import type { ClusterView } from "../cluster/cluster-view.ts";
import { comQuery } from "../client/com-query.ts";
import { ruleRows } from "../rules/query-rules.ts";
import { digestRows } from "../observe/query-stats.ts";
import type { Executor } from "../executor.ts";
import { readTextRows } from "../read/text-rows.ts";
import { isAdmin, seesKeyspace } from "../access/users.ts";

export interface ClusterAnswer {
  readonly result: ResultSet;
  /** The column that LIKE is about. */
  readonly likeColumn: number;
}

/** Undefined for a statement that is not about the cluster. */
export async function clusterAnswer(
  statement: Show,
  executor: Executor,
  cluster: ClusterView,
): Promise<ClusterAnswer | undefined> {
  const { state, context } = executor;
  const sees = (keyspace: string): boolean => seesKeyspace(state.user, keyspace);
  const keyspaces = [...cluster.snapshot.keyspaces.values()]
    .filter(({ name }) => sees(name))
    .toSorted((a, b) => compare(a.name, b.name));
  switch (statement.what) {
    case "keyspaces":
    case "vitess_keyspaces":
      return answer(
        ["Database"],
        keyspaces.map(({ name }) => [name]),
      );
    case "vschema keyspaces":
      return answer(
        ["Keyspace", "Sharded", "Foreign Key", "Comment"],
        keyspaces.map(({ name }) => {
          const vschema = cluster.vschema.keyspaces.get(name);
          return [name, String(vschema?.sharded ?? false), vschema?.foreignKeyMode ?? "unspecified", ""];
        }),
      );
    case "query digests": {
      const all = (await context.siblings?.rows("/debug/queries")) ?? digestRows(context, DIGESTS_SHOWN);
      const rows = all.filter(({ keyspace }) => keyspace === "" || sees(String(keyspace)));
      return answer(
        DIGEST_COLUMNS,
        rows.map((row) => Object.values(row).map(String)),
      );
    }
    case "query rules": {
      // They name users, and what is watched of them.
      if (!isAdmin(state.user)) throw adminOnly("SHOW QUERY RULES");
      return answer(
        RULE_COLUMNS,
        ((await context.siblings?.rows("/debug/rules")) ?? ruleRows(context.rules)).map((row) =>
          Object.values(row).map(String),
        ),
      );
    }
    case "vitess_shards":
      return answer(
        ["Shards"],
        keyspaces.flatMap(({ name, shards }) => shards.map((shard) => [`${name}/${shard.name}`])),
      );
    case "vitess_tablets": {
      const tablets = context.tablets.tablets.filter(({ record }) => sees(record.keyspace));
      const rows = tablets.map(({ record, problem }) => [
        record.cell,
        record.keyspace,
        record.shard,
        record.type.toUpperCase(),
        problem === undefined ? "SERVING" : "NOT_SERVING",
        record.alias,
        record.hostname,
        record.type === "primary" ? record.startedAt : "",
      ]);
      return answer(
        TABLET_COLUMNS,
        byColumn(rows, TABLET_COLUMNS.indexOf("Alias")),
        TABLET_COLUMNS.indexOf("Hostname"),
      );
    }
    case "vitess_replication_status": {
      const replicas = context.tablets.tablets.filter(
        ({ record }) => sees(record.keyspace) && record.type !== "primary",
      );
      const primaryOf = (keyspace: string, shard: string): string => {
        const primary = context.tablets.tablets.find(
          ({ record }) => record.type === "primary" && record.keyspace === keyspace && record.shard === shard,
        );
        return primary === undefined ? "" : `${primary.record.mysqlHostname}:${primary.record.mysqlPort}`;
      };
      const rows = replicas.map(({ record, problem, health }) => [
        record.keyspace,
        record.shard,
        record.type.toUpperCase(),
        record.alias,
        record.hostname,
        primaryOf(record.keyspace, record.shard),
        problem === undefined ? "Healthy" : problem,
        String(health?.lagS ?? ""),
        "",
      ]);
      const alias = REPLICATION_COLUMNS.indexOf("Alias");
      return answer(REPLICATION_COLUMNS, byColumn(rows, alias), REPLICATION_COLUMNS.indexOf("Hostname"));
    }
    case "vitess_target":
      return answer(["Target"], [[state.target.text]]);
    case "vschema tables": {
      const names = [...selectedVSchema(executor, cluster).tables.keys()];
      return answer(
        ["Tables"],
        names.toSorted(compare).map((name) => [name]),
      );
    }
    case "vschema vindexes":
      return vindexes(statement, executor, cluster);
    case "gtid_executed":
    case "vgtid_executed":
      return gtids(statement, executor, cluster);
    // Two-phase commit and schema migrations leave none behind here.
    case "vitess_metadata":
      return answer(["Key", "Value"], []);
    case "unresolved transactions":
      return answer(["ID", "State", "Record Time", "Participants"], []);
    case "transaction status":
      return answer(["id", "state", "record_time", "participants"], []);
    default:
      return undefined;
  }
}

const DIGESTS_SHOWN = 100;
const DIGEST_COLUMNS = [
  "Keyspace",
  "Type",
  "Count",
  "Errors",
  "Rows",
  "Total_ms",
  "Mean_ms",
  "P95_ms",
  "Max_ms",
  "Tiers",
  "Last_seen",
  "Statement",
];
const RULE_COLUMNS = [
  "Rule",
  "Priority",
  "Flags",
  "Match",
  "Action",
  "Hits",
  "Blocked",
  "Limited",
  "Delayed",
  "Rewritten",
  "Routed",
  "Mirrored",
  "Mirrors_dropped",
  "Mirrors_failed",
  "Last_hit",
  "Comment",
];
const TABLET_COLUMNS = [
  "Cell",
  "Keyspace",
  "Shard",
  "TabletType",
  "State",
  "Alias",
  "Hostname",
  "PrimaryTermStartTime",
];

const REPLICATION_COLUMNS = [
  "Keyspace",
  "Shard",
  "TabletType",
  "Alias",
  "Hostname",
  "ReplicationSource",
  "ReplicationHealth",
  "ReplicationLag",
  "ThrottlerStatus",
];

/** SHOW VSCHEMA VINDEXES [ON table]: those of the keyspace, or of one table with its columns. */
function vindexes(statement: Show, executor: Executor, cluster: ClusterView): ClusterAnswer {
  const { schema, name } = statement;
  const vschema = selectedVSchema(executor, cluster, schema);
  const details = ({ type, params, owner }: VindexDefinition): string[] => {
    const shown = [...params].map(([key, value]) => `${key}=${value}`);
    return [type, shown.join("; "), owner];
  };
  if (name === undefined) {
    const rows = [...vschema.vindexes.values()].map((vindex) => [vschema.keyspace, vindex.name, ...details(vindex)]);
    return answer(["Keyspace", "Name", "Type", "Params", "Owner"], byColumn(rows, 1), 1);
  }
  const table = vschema.tables.get(name);
  if (table === undefined) {
    throw new ShardgateError("ER_NO_SUCH_TABLE", `Table '${vschema.keyspace}.${name}' doesn't exist in the VSchema`);
  }
  const rows = table.columnVindexes.map((used) => {
    const vindex = vschema.vindexes.get(used.name);
    return [used.columns.join(", "), used.name, ...(vindex === undefined ? ["", "", ""] : details(vindex))];
  });
  return answer(["Columns", "Name", "Type", "Params", "Owner"], rows, 1);
}

/** What each shard's primary has executed: SHOW GLOBAL GTID_EXECUTED [FROM keyspace]. */
async function gtids(statement: Show, executor: Executor, cluster: ClusterView): Promise<ClusterAnswer> {
  const { keyspace } = selectedVSchema(executor, cluster, statement.schema);
  const { context, state, signal } = executor;
  const variable = state.sqlMode.dialect === "mariadb" ? "gtid_current_pos" : "gtid_executed";
  const { targets } = executor.shards.ofKeyspace(keyspace, cluster);
  const positions = await Promise.all(
    targets.map(async (target) => {
      const request = plainRequest(comQuery(`SELECT @@GLOBAL.${variable}`));
      const reply = await collect(context.tablets, target, request, signal);
      if (reply.info.kind === "err") throw errorOfReply(reply);
      return readTextRows(reply.bytes)[0]?.[0]?.toString("utf8") ?? "";
    }),
  );
  if (statement.what === "gtid_executed") {
    const rows = targets.map(({ shard }, i) => [keyspace, positions[i] ?? "", shard]);
    return answer(["db_name", "gtid_executed", "shard"], rows);
  }
  const parts = targets.map(({ shard }, i) => ({ keyspace, shard, gtid: positions[i] ?? "" }));
  return answer(["keyspace", "vgtid"], [[keyspace, JSON.stringify(parts)]]);
}

function selectedVSchema(
  { state }: Executor,
  cluster: ClusterView,
  schema: string | undefined = state.target.keyspace,
): KeyspaceVSchema {
  if (schema === undefined) throw noDatabase();
  const vschema = cluster.vschema.keyspaces.get(schema);
  if (vschema === undefined) throw new ShardgateError("ER_BAD_DB", `Unknown database '${schema}'`);
  checkKeyspaceAccess(state.user, schema);
  return vschema;
}

function adminOnly(statement: string): ShardgateError {
  return new ShardgateError("ER_TABLEACCESS_DENIED", `${statement} needs the right "admin"`);
}

function answer(names: readonly string[], rows: readonly (readonly string[])[], likeColumn = 0): ClusterAnswer {
  return { result: { columns: names.map((name) => textColumn(name)), rows }, likeColumn };
}

function byColumn(rows: readonly (readonly string[])[], column: number): readonly (readonly string[])[] {
  return rows.toSorted((a, b) => compare(a[column] ?? "", b[column] ?? ""));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
