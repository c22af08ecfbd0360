// What the gateway plans and routes with: the topology's snapshot with every VSchema checked, the shards as targets, and
// the tables' definitions. Rebuilt on each change of the topology or of a definition; a VSchema that does not parse leaves the last good one in force and is logged.

import type { Log } from "../../base/log.ts";
import type { KeyspaceTargets } from "../../engine/shards.ts";
import type { ShardTarget } from "../../engine/ports.ts";
import type { ClusterSchema } from "../../schema/model.ts";
import type { TabletType } from "../../topo/records.ts";
import type { KeyspaceSnapshot, TopologySnapshot } from "../../topo/topology-watcher.ts";
import type { ClusterVSchema, KeyspaceVSchema } from "../../vschema/model.ts";
import { withVSchemaColumns } from "../../vschema/column-schema.ts";
import { checkVSchema } from "../../vschema/parse-vschema.ts";

export interface ClusterView {
  /** Plans made with another version are stale. */
  readonly version: number;
  readonly snapshot: TopologySnapshot;
  readonly vschema: ClusterVSchema;
  /** What the tablets tell of their tables; authoritative column lists of the VSchema where they tell nothing. */
  readonly schema: ClusterSchema;
  /** Keyspace to its targets, by tablet type. */
  readonly targets: Readonly<Record<TabletType, ReadonlyMap<string, KeyspaceTargets>>>;
}

interface KnownVSchema {
  readonly source: unknown;
  readonly vschema: KeyspaceVSchema;
}

/** The VSchemas as a session sees them that is pointed at one shard: its keyspace is what that shard has. */
export function asUnsharded(cluster: ClusterView, keyspace: string): ClusterVSchema {
  const own = cluster.vschema.keyspaces.get(keyspace);
  if (own === undefined || !own.sharded) return cluster.vschema;
  const keyspaces = new Map(cluster.vschema.keyspaces);
  keyspaces.set(keyspace, { ...own, sharded: false, vindexes: new Map(), tables: new Map() });
  return { ...cluster.vschema, keyspaces, routingRules: [] };
}

/** Keeps the last good VSchema of each keyspace between views. */
export class ClusterViewBuilder {
  readonly #log: Log;
  readonly #known = new Map<string, KnownVSchema>();
  #version = 0;

  constructor(log: Log) {
    this.#log = log;
  }

  /** `schema` is what tablets have told so far. */
  build(snapshot: TopologySnapshot, schema: ClusterSchema): ClusterView {
    this.#version++;
    const keyspaces = new Map<string, KeyspaceVSchema>();
    const targets = {
      primary: new Map<string, KeyspaceTargets>(),
      replica: new Map<string, KeyspaceTargets>(),
      rdonly: new Map<string, KeyspaceTargets>(),
    };
    for (const keyspace of snapshot.keyspaces.values()) {
      const own = this.#vschemaOf(keyspace);
      const { servedFrom } = keyspace.record;
      keyspaces.set(keyspace.name, servedFrom === undefined ? own : { ...own, servedFrom });
      for (const type of ["primary", "replica", "rdonly"] as const) {
        targets[type].set(keyspace.name, targetsOf(keyspace, type));
      }
    }
    for (const name of this.#known.keys()) if (!keyspaces.has(name)) this.#known.delete(name);
    const vschema: ClusterVSchema = {
      keyspaces,
      routingRules: snapshot.routingRules,
      shardRoutingRules: [],
      keyspaceRoutingRules: [],
      mirrorRules: [],
    };
    return {
      version: this.#version,
      snapshot,
      vschema,
      schema: withVSchemaColumns(schema, keyspaces),
      targets,
    };
  }

  /** The view with other definitions. */
  withSchema(view: ClusterView, schema: ClusterSchema): ClusterView {
    this.#version++;
    return { ...view, version: this.#version, schema: withVSchemaColumns(schema, view.vschema.keyspaces) };
  }

  #vschemaOf(keyspace: KeyspaceSnapshot): KeyspaceVSchema {
    const known = this.#known.get(keyspace.name);
    const source: unknown = keyspace.vschema?.json ?? null;
    if (known !== undefined && known.source === source) return known.vschema;
    // Without a VSchema a keyspace of one shard is unsharded; one of several shards has no tables until it gets one.
    const json = keyspace.vschema?.json ?? { sharded: keyspace.shards.length > 1 };
    const parsed = checkVSchema(keyspace.name, json);
    if (parsed.kind === "good") {
      this.#known.set(keyspace.name, { source, vschema: parsed.vschema });
      return parsed.vschema;
    }
    const faults = parsed.faults.map(({ path, message }) => `${path}: ${message}`);
    this.#log.error(
      { keyspace: keyspace.name, faults, keptOld: known !== undefined },
      "VSchema in the topology is bad",
    );
    const kept = known?.vschema ?? emptySharded(keyspace.name);
    this.#known.set(keyspace.name, { source, vschema: kept });
    return kept;
  }
}

/** Nothing is routed into a keyspace of which nothing good is known. */
function emptySharded(keyspace: string): KeyspaceVSchema {
  const parsed = checkVSchema(keyspace, { sharded: true });
  if (parsed.kind === "bad") throw new Error("an empty VSchema parses");
  return parsed.vschema;
}

function targetsOf(keyspace: KeyspaceSnapshot, tabletType: TabletType): KeyspaceTargets {
  const shards = keyspace.serving?.shards ?? [];
  const { name } = keyspace;
  const { servedFrom } = keyspace.record;
  const place = servedFrom === undefined ? { keyspace: name } : { keyspace: servedFrom, database: name };
  const targets: ShardTarget[] = shards.map((shard) => ({ ...place, shard: shard.name, tabletType }));
  return {
    keyspace: name,
    sharded: shards.length > 1,
    shardMap: keyspace.serving,
    problem: keyspace.servingProblem,
    targets,
  };
}
