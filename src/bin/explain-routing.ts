// What `shardgate explain --schema-dir` says of a statement: its plan, tier and shards, from schema files, VSchema files and
// shard counts alone. Literals count, so the statement is planned as it stands, not normalized.

import { ShardgateError } from "../base/errors.ts";
import type { KeyspaceTargets } from "../engine/shards.ts";
import { shardsFor } from "../engine/shards.ts";
import { splitRows } from "../engine/insert.ts";
import type { SchemaKeyspace } from "../local/schema-dir.ts";
import { describePlan, type Tier } from "../plan/describe-plan.ts";
import type { Plan } from "../plan/plan.ts";
import { planStatement } from "../plan/planner.ts";
import { readDefinitions } from "../schema/ddl.ts";
import { type ClusterSchema, clusterSchemaOf, type TableSchema } from "../schema/model.ts";
import type { Statement } from "../sql/tree.ts";
import { parseKeyRange, ShardMap } from "../topo/key-range.ts";
import type { ClusterVSchema, KeyspaceVSchema } from "../vschema/model.ts";
import { withVSchemaColumns } from "../vschema/column-schema.ts";
import { parseVSchema } from "../vschema/parse-vschema.ts";

export interface OfflineCluster {
  readonly vschema: ClusterVSchema;
  readonly schema: ClusterSchema;
  /** Statements of schema files that could not be read: their tables are not known. */
  readonly unread: readonly string[];
  readonly targets: ReadonlyMap<string, KeyspaceTargets>;
}

/** Throws VSCHEMA_BAD. */
export function offlineCluster(keyspaces: readonly SchemaKeyspace[]): OfflineCluster {
  const vschemas = new Map<string, KeyspaceVSchema>();
  const targets = new Map<string, KeyspaceTargets>();
  const tables = new Map<string, readonly TableSchema[]>();
  const unread: string[] = [];
  for (const { name, shards, vschema, statements } of keyspaces) {
    const placeOf = new Map(statements.map(({ sql, file, line }) => [sql, `${file}:${line}`]));
    const definitions = readDefinitions(name, placeOf.keys());
    tables.set(name, definitions.tables);
    unread.push(...definitions.unread.map(({ sql, message }) => `${placeOf.get(sql)}: ${message}`));
    vschemas.set(name, parseVSchema(name, vschema));
    const shardMap = new ShardMap(shards.map((shard) => ({ name: shard, keyRange: parseKeyRange(shard) })));
    targets.set(name, {
      keyspace: name,
      sharded: shards.length > 1,
      shardMap,
      problem: undefined,
      targets: shardMap.shards.map((shard) => ({ keyspace: name, shard: shard.name, tabletType: "primary" })),
    });
  }
  return {
    vschema: {
      keyspaces: vschemas,
      routingRules: [],
      shardRoutingRules: [],
      keyspaceRoutingRules: [],
      mirrorRules: [],
    },
    schema: withVSchemaColumns(clusterSchemaOf(tables), vschemas),
    unread,
    targets,
  };
}

export interface RoutingAnswer {
  readonly tier: Tier;
  readonly shards: "one" | "some" | "all" | "none";
  readonly plan: object;
}

/** Throws what the planner refuses the statement with. */
export function explainRouting(
  statement: Statement,
  keyspace: string | undefined,
  cluster: OfflineCluster,
): RoutingAnswer {
  const plan = planStatement(statement, { vschema: cluster.vschema, schema: cluster.schema, keyspace });
  const shards = shardsOf(plan, cluster);
  return { tier: tierOf(plan, shards), shards, plan: describePlan(plan) };
}

function shardsOf(plan: Plan, cluster: OfflineCluster): RoutingAnswer["shards"] {
  switch (plan.kind) {
    case "session":
      return "none";
    case "send": {
      const keyspace = targetsOf(plan.keyspace, cluster);
      return extent(shardsFor(plan.routing, keyspace, []).length, keyspace);
    }
    case "insert": {
      const keyspace = targetsOf(plan.keyspace, cluster);
      // Ids that a sequence will give decide the shards only when the statement runs.
      if (plan.generate !== undefined && plan.primary.values.some((row) => row.includes(undefined))) return "some";
      return extent(splitRows(plan, keyspace, [], new Map()).length, keyspace);
    }
    case "merge":
      return "all";
    case "catalog":
      return plan.filter === undefined ? "some" : "one";
    case "gather": {
      const extents = plan.sources.map((source) => {
        const keyspace = targetsOf(source.keyspace, cluster);
        return extent(shardsFor(source.routing, keyspace, []).length, keyspace);
      });
      if (extents.includes("all")) return "all";
      return extents.length === 1 && extents[0] === "one" ? "one" : "some";
    }
  }
}

/** All of several is "all"; the one shard of an unsharded keyspace is "one". */
function extent(count: number, keyspace: KeyspaceTargets): RoutingAnswer["shards"] {
  if (count <= 1) return "one";
  return count === keyspace.targets.length ? "all" : "some";
}

function tierOf(plan: Plan, shards: RoutingAnswer["shards"]): Tier {
  if (plan.kind === "gather" || (plan.kind === "catalog" && shards !== "one")) return "gather";
  if (shards === "one" || shards === "none") return "pass-through";
  return plan.kind === "send" && plan.crossShard !== undefined && plan.severalShards?.kind === "gather"
    ? "gather"
    : "merge";
}

function targetsOf(name: string, cluster: OfflineCluster): KeyspaceTargets {
  const targets = cluster.targets.get(name);
  if (targets === undefined) throw new ShardgateError("ER_BAD_DB", `Unknown database '${name}'`);
  return targets;
}
