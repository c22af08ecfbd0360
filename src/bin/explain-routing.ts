// What `shardgate explain --schema-dir` says of a statement: its plan, tier and shards, from schema files, VSchema files and
// shard counts alone. Literals count, so the statement is planned as it stands, not normalized.

import type { KeyspaceTargets } from "../engine/shards.ts";
import { extentOf, type PlanExtent } from "../gateway/plans/plan-extent.ts";
import type { SchemaKeyspace } from "../local/schema-dir.ts";
import { describePlan } from "../plan/describe-plan.ts";
import { planStatement } from "../plan/planner.ts";
import { reasonOf } from "../plan/reason-of.ts";
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

export interface RoutingAnswer extends PlanExtent {
  /** With `reason`: in one sentence, why it is what it is. */
  readonly plan: object;
}

/** Throws what the planner refuses the statement with. */
export function explainRouting(
  statement: Statement,
  keyspace: string | undefined,
  cluster: OfflineCluster,
): RoutingAnswer {
  const plan = planStatement(statement, { vschema: cluster.vschema, schema: cluster.schema, keyspace });
  return { ...extentOf(plan, cluster.targets), plan: { ...describePlan(plan), reason: reasonOf(plan) } };
}
