// Commands on keyspaces.

import { ShardgateError } from "../base/errors.ts";
import { partitionProblem } from "../topo/key-range.ts";
import type { ControlContext } from "./context.ts";
import { lockKeyspace, requireKeyspace } from "./context.ts";

export interface KeyspaceInfo {
  readonly name: string;
  /** The keyspace whose tablets serve it as another database; undefined for one with shards of its own. */
  readonly servedFrom: string | undefined;
  /** All shards, in the order of their key ranges. */
  readonly shards: readonly string[];
  readonly servingShards: readonly string[];
  /** What keeps the serving shards from covering every keyspace id exactly once. */
  readonly shardProblem: string | undefined;
  readonly hasVSchema: boolean;
}

/** TOPO_NODE_EXISTS when there is one (not with `ifNotExists`), CONFIG_BAD for what is no name. False: was there. */
export async function createKeyspace(
  context: ControlContext,
  keyspace: string,
  options: { readonly ifNotExists?: boolean } = {},
): Promise<boolean> {
  try {
    await context.topology.createKeyspace({ name: keyspace });
    return true;
  } catch (error) {
    const existed = error instanceof ShardgateError && error.id === "TOPO_NODE_EXISTS";
    if (existed && options.ifNotExists === true) return false;
    throw error;
  }
}

/** Sorted by name. */
export async function getKeyspaces(context: ControlContext): Promise<KeyspaceInfo[]> {
  const names = await context.topology.getKeyspaceNames();
  return Promise.all(names.map((name) => describe(context, name)));
}

/** TOPO_NO_NODE when there is none. */
export async function getKeyspace(context: ControlContext, keyspace: string): Promise<KeyspaceInfo> {
  await requireKeyspace(context, keyspace);
  return describe(context, keyspace);
}

/**
 * Removes a keyspace from the topology; the data in its mysqlds is not touched. Refused with CONFIG_BAD while it has
 * shards (but for `recursive`) or registered tablets.
 */
export async function deleteKeyspace(
  context: ControlContext,
  keyspace: string,
  options: { readonly recursive?: boolean } = {},
): Promise<void> {
  await requireKeyspace(context, keyspace);
  await using _lock = await lockKeyspace(context, keyspace);
  const { topology } = context;
  const others = (await topology.getKeyspaces()).filter(({ record }) => record.servedFrom === keyspace);
  if (others.length > 0) {
    const names = others.map(({ record }) => record.name).join(", ");
    throw new ShardgateError("CONFIG_BAD", `tablets of keyspace ${keyspace} serve others: ${names}; drop those first`);
  }
  const shards = await topology.getShards(keyspace);
  if (shards.length > 0 && options.recursive !== true) {
    const names = shards.map((shard) => shard.record.name).join(", ");
    throw new ShardgateError("CONFIG_BAD", `keyspace ${keyspace} has shards: ${names}; delete them first or with it`);
  }
  const tablets = (await topology.getTablets()).filter((tablet) => tablet.keyspace === keyspace);
  if (tablets.length > 0) {
    const names = tablets.map((tablet) => tablet.alias).join(", ");
    throw new ShardgateError("CONFIG_BAD", `keyspace ${keyspace} still has tablets: ${names}; stop them first`);
  }
  // The keyspace goes first: without its record nothing is routed to it, whatever of the rest is left by a crash.
  await topology.deleteKeyspace(keyspace);
  for (const { record } of shards) await topology.deleteShard(keyspace, record.name);
  await topology.deleteVSchema(keyspace);
}

async function describe(context: ControlContext, keyspace: string): Promise<KeyspaceInfo> {
  const { servedFrom } = (await context.topology.getKeyspace(keyspace)).record;
  const [found, vschema] = await Promise.all([
    context.topology.getShards(servedFrom ?? keyspace),
    context.topology.getVSchema(keyspace),
  ]);
  const shards = found.map((shard) => shard.record);
  const serving = shards.filter((shard) => shard.isServing);
  return {
    name: keyspace,
    servedFrom,
    shards: shards.map((shard) => shard.name),
    servingShards: serving.map((shard) => shard.name),
    shardProblem: partitionProblem(serving),
    hasVSchema: vschema !== undefined,
  };
}
