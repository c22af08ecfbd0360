// Commands on shards.

import { ShardgateError } from "../base/errors.ts";
import { keyRangesEqual, keyRangesIntersect, parseKeyRange } from "../topo/key-range.ts";
import type { ShardRecord, TabletAlias } from "../topo/records.ts";
import type { ControlContext } from "./context.ts";
import { lockKeyspace, requireKeyspace } from "./context.ts";

/**
 * Adds a shard to a keyspace. It serves at once unless it overlaps a shard that does (then it is there to be filled).
 * KEY_RANGE_BAD for what is no key range, TOPO_NODE_EXISTS when there is one of that name or range.
 */
export async function createShard(context: ControlContext, keyspace: string, name: string): Promise<ShardRecord> {
  const keyRange = parseKeyRange(name);
  const shard = name.toLowerCase();
  await requireKeyspace(context, keyspace);
  await using _lock = await lockKeyspace(context, keyspace);
  const others = (await context.topology.getShards(keyspace)).map((found) => found.record);
  const twin = others.find((other) => keyRangesEqual(other.keyRange, keyRange));
  if (twin !== undefined) {
    const which = twin.name === shard ? "" : ` (as ${twin.name})`;
    throw new ShardgateError("TOPO_NODE_EXISTS", `shard ${keyspace}/${shard} exists already${which}`);
  }
  const isServing = !others.some((other) => other.isServing && keyRangesIntersect(other.keyRange, keyRange));
  const record: ShardRecord = { keyspace, name: shard, keyRange, isServing };
  await context.topology.createShard(record);
  return record;
}

/** In the order of their key ranges. */
export async function getShards(context: ControlContext, keyspace: string): Promise<ShardRecord[]> {
  await requireKeyspace(context, keyspace);
  return (await context.topology.getShards(keyspace)).map((shard) => shard.record);
}

/** TOPO_NO_NODE when there is none. */
export async function getShard(context: ControlContext, keyspace: string, shard: string): Promise<ShardRecord> {
  await requireKeyspace(context, keyspace);
  return (await context.topology.getShard(keyspace, shard)).record;
}

/**
 * Removes a shard from the topology; the data in its mysqlds is not touched. Refused with CONFIG_BAD while tablets are
 * registered in it, and while it serves (but for `force`): queries would have nowhere to go.
 */
export async function deleteShard(
  context: ControlContext,
  keyspace: string,
  shard: string,
  options: { readonly force?: boolean } = {},
): Promise<void> {
  await requireKeyspace(context, keyspace);
  await using _lock = await lockKeyspace(context, keyspace);
  const { record, revision } = await context.topology.getShard(keyspace, shard);
  const tablets = (await context.topology.getTablets()).filter(
    (tablet) => tablet.keyspace === keyspace && tablet.shard === shard,
  );
  if (tablets.length > 0) {
    const names = tablets.map((tablet) => tablet.alias).join(", ");
    throw new ShardgateError("CONFIG_BAD", `shard ${keyspace}/${shard} still has tablets: ${names}; stop them first`);
  }
  if (record.isServing && options.force !== true) {
    throw new ShardgateError("CONFIG_BAD", `shard ${keyspace}/${shard} is serving; queries would fail without it`);
  }
  await context.topology.deleteShard(keyspace, shard, revision);
}

/**
 * Names the tablet that takes a shard's writes, for the first time or after its mysqld was made primary by other means.
 * CONFIG_BAD when the tablet is of another shard.
 */
export async function setShardPrimary(
  context: ControlContext,
  keyspace: string,
  shard: string,
  alias: TabletAlias,
): Promise<ShardRecord> {
  await requireKeyspace(context, keyspace);
  await using _lock = await lockKeyspace(context, keyspace);
  const tablet = await context.topology.getTablet(alias);
  if (tablet.keyspace !== keyspace || tablet.shard !== shard) {
    throw new ShardgateError("CONFIG_BAD", `tablet ${alias} is of shard ${tablet.keyspace}/${tablet.shard}`);
  }
  const { record, revision } = await context.topology.getShard(keyspace, shard);
  const next: ShardRecord = { ...record, primaryAlias: alias };
  await context.topology.updateShard(next, revision);
  return next;
}
