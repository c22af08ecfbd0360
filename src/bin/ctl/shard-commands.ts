// Commands about shards and tablets.

import { Option } from "commander";
import { createShard, deleteShard, getShard, getShards, setShardPrimary } from "../../control/shards.ts";
import { getTablets } from "../../control/tablets.ts";
import { printKeyRange } from "../../topo/key-range.ts";
import { parseTabletAlias, type ShardRecord, TABLET_TYPES, type TabletRecord } from "../../topo/records.ts";
import { type Add, type Call, columns, shardTarget, unlessThere } from "./call.ts";

export function addShardCommands(add: Add): void {
  add(
    "CreateShard <keyspace/shard>",
    "Adds a shard, like customer/-80 (or commerce/0 for an unsharded keyspace). It serves unless it overlaps one that does.",
    async ({ context, flags, first }: Call) => {
      const shard = await unlessThere(flags, () => createShard(context, ...shardTarget(first)));
      if (shard === undefined) return { json: { created: false }, text: `Shard ${first} was there already.\n` };
      return { json: shardJson(shard), text: `Shard ${first} is created${shard.isServing ? "" : ", not serving"}.\n` };
    },
    [new Option("--if-not-exists", "no error when it exists")],
  );
  add("GetShards <keyspace>", "Lists the shards of a keyspace.", async ({ context, first: keyspace }: Call) => {
    const shards = await getShards(context, keyspace);
    return { json: shards.map(shardJson), text: shardTable(shards) };
  });
  add("GetShard <keyspace/shard>", "Shows a shard.", async ({ context, first }: Call) => {
    const shard = await getShard(context, ...shardTarget(first));
    return { json: shardJson(shard), text: shardTable([shard]) };
  });
  add(
    "DeleteShard <keyspace/shard>",
    "Removes a shard from the topology; the data in its databases is not touched.",
    async ({ context, flags, first }: Call) => {
      await deleteShard(context, ...shardTarget(first), { force: flags.force === true });
      return { json: { shard: first, deleted: true }, text: `Shard ${first} is deleted.\n` };
    },
    [new Option("--force", "even while it is serving")],
  );
  add(
    "SetShardPrimary <keyspace/shard> <tablet>",
    "Names the tablet that takes a shard's writes. Does not change the replication of its mysqld.",
    async ({ context, first, second }: Call) => {
      const shard = await setShardPrimary(context, ...shardTarget(first), parseTabletAlias(second));
      return { json: shardJson(shard), text: `The primary of ${first} is ${second}.\n` };
    },
  );
  add(
    "GetTablets",
    "Lists the registered tablets.",
    async ({ context, flags }: Call) => {
      const { tabletType, keyspace, shard, cell } = flags;
      const tablets = await getTablets(context, {
        ...(keyspace === undefined ? {} : { keyspace }),
        ...(shard === undefined ? {} : { shard }),
        ...(tabletType === undefined ? {} : { type: tabletType }),
        ...(cell === undefined ? {} : { cell }),
      });
      return { json: tablets, text: tabletTable(tablets) };
    },
    [
      new Option("--keyspace <keyspace>", "only of this keyspace"),
      new Option("--shard <shard>", "only of this shard"),
      new Option("--tablet-type <type>", "only of this type").choices(TABLET_TYPES),
      new Option("--cell <cell>", "only of this cell"),
    ],
  );
}

function shardTable(shards: readonly ShardRecord[]): string {
  const rows = shards.map((shard) => [shard.name, shard.isServing ? "yes" : "no", shard.primaryAlias ?? "(none)"]);
  return columns(["SHARD", "SERVING", "PRIMARY"], rows);
}

function shardJson(shard: ShardRecord): object {
  return { ...shard, keyRange: printKeyRange(shard.keyRange) };
}

function tabletTable(tablets: readonly TabletRecord[]): string {
  const rows = tablets.map((tablet) => [
    tablet.alias,
    `${tablet.keyspace}/${tablet.shard}`,
    tablet.type,
    `${tablet.hostname}:${tablet.grpcPort}`,
    `${tablet.mysqlHostname}:${tablet.mysqlPort}`,
    tablet.startedAt,
  ]);
  return columns(["ALIAS", "SHARD", "TYPE", "GRPC", "MYSQL", "STARTED"], rows);
}
