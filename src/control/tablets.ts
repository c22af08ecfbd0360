// Commands on tablets, and the choice of the tablet that speaks for a shard.

import { ShardgateError } from "../base/errors.ts";
import type { ShardRecord, TabletRecord, TabletType } from "../topo/records.ts";
import type { ControlContext } from "./context.ts";
import { requireKeyspace } from "./context.ts";

export interface TabletFilter {
  readonly keyspace?: string;
  readonly shard?: string;
  readonly type?: TabletType;
  readonly cell?: string;
}

/** The registered tablets that match, sorted by alias. */
export async function getTablets(context: ControlContext, filter: TabletFilter = {}): Promise<TabletRecord[]> {
  if (filter.keyspace !== undefined) await requireKeyspace(context, filter.keyspace);
  const tablets = await context.topology.getTablets(filter.cell);
  return tablets.filter(
    (tablet) =>
      (filter.keyspace === undefined || tablet.keyspace === filter.keyspace) &&
      (filter.shard === undefined || tablet.shard === filter.shard) &&
      (filter.type === undefined || tablet.type === filter.type),
  );
}

export interface ShardPrimary {
  readonly shard: ShardRecord;
  readonly primary: TabletRecord;
}

/** The primaries of all serving shards; SHARD_UNAVAILABLE when a shard has none registered. */
export async function primariesOf(context: ControlContext, keyspace: string): Promise<ShardPrimary[]> {
  const { servedFrom } = (await context.topology.getKeyspace(keyspace)).record;
  if (servedFrom !== undefined) {
    const text = `keyspace ${keyspace} is a database of keyspace ${servedFrom}'s mysqld: define its tables by SQL, through a gateway`;
    throw new ShardgateError("CONFIG_BAD", text);
  }
  const [found, tablets] = await Promise.all([context.topology.getShards(keyspace), context.topology.getTablets()]);
  const serving = found.map((shard) => shard.record).filter((shard) => shard.isServing);
  if (serving.length === 0) throw new ShardgateError("SHARD_UNAVAILABLE", `keyspace ${keyspace} has no serving shard`);
  return serving.map((shard) => {
    const primary = primaryOf(shard, tablets);
    if (primary !== undefined) return { shard, primary };
    throw new ShardgateError("SHARD_UNAVAILABLE", `shard ${keyspace}/${shard.name} has no registered primary tablet`);
  });
}

/** The tablet a shard's record names; before it names one, the tablet that was started as primary, if there is just one. */
export function primaryOf(shard: ShardRecord, tablets: readonly TabletRecord[]): TabletRecord | undefined {
  if (shard.primaryAlias !== undefined) return tablets.find((tablet) => tablet.alias === shard.primaryAlias);
  const primaries = tablets.filter(
    (tablet) => tablet.keyspace === shard.keyspace && tablet.shard === shard.name && tablet.type === "primary",
  );
  return primaries.length === 1 ? primaries[0] : undefined;
}
