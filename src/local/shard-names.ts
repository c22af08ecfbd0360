// The names of evenly split shards: 2 gives -80 and 80-, 4 gives -40, 40-80, 80-c0, c0-; as Vitess's
// GenerateShardRanges does, uneven numbers are rounded down to whole bytes (3 gives -55, 55-aa, aa-).

import { ShardgateError } from "../base/errors.ts";

/** Shard names of one keyspace. An unsharded keyspace has the one shard `0`; a sharded one of one shard has `-`. */
export function shardNames(count: number, sharded: boolean): string[] {
  if (!Number.isInteger(count) || count < 1 || count > 65_536) {
    throw new ShardgateError("CONFIG_BAD", `${count} is not a number of shards: use 1 to 65536`);
  }
  if (!sharded) {
    if (count > 1) throw new ShardgateError("CONFIG_BAD", "an unsharded keyspace has exactly 1 shard");
    return ["0"];
  }
  const bytes = count <= 256 ? 1 : 2;
  const points = 256 ** bytes;
  const bounds = Array.from({ length: count - 1 }, (_, index) =>
    Math.floor(((index + 1) * points) / count)
      .toString(16)
      .padStart(bytes * 2, "0"),
  );
  return Array.from({ length: count }, (_, index) => `${bounds[index - 1] ?? ""}-${bounds[index] ?? ""}`);
}

/** Reads `ks1=2,ks2=1`: how many shards each keyspace has. */
export function parseShardCounts(text: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const part of text.split(",")) {
    const match = /^\s*([^=\s]+)\s*=\s*(\d{1,5})\s*$/.exec(part);
    const [, keyspace = "", count = ""] = match ?? [];
    if (match === null || Number(count) < 1) {
      throw new ShardgateError(
        "CONFIG_BAD",
        `--shards: "${part.trim()}" is not KEYSPACE=NUMBER; write it like --shards commerce=1,customer=2`,
      );
    }
    if (counts.has(keyspace)) throw new ShardgateError("CONFIG_BAD", `--shards names ${keyspace} twice`);
    counts.set(keyspace, Number(count));
  }
  return counts;
}
