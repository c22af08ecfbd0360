// The primaries of other shards, found in the topology each time they are needed, which is rare.

import type { ShardName } from "../base/distributed-transaction.ts";
import { ShardgateError } from "../base/errors.ts";
import type { GrpcTls } from "../rpc/service.ts";
import { TabletControlClient } from "../rpc/tablet-control-client.ts";
import type { TabletRecord } from "../topo/records.ts";
import type { Topology } from "../topo/topology.ts";
import type { OtherShards } from "./xa-resolver.ts";

const TIMEOUT_MS = 5_000;

export class TopologyShards implements OtherShards {
  readonly #topology: Topology;
  readonly #client: TabletControlClient;

  constructor(topology: Topology, tls: GrpcTls | undefined) {
    this.#topology = topology;
    this.#client = new TabletControlClient(tls);
  }

  async decide(shard: ShardName, transaction: string): Promise<string> {
    return this.#client.decideTransaction(await this.#primaryOf(shard), transaction, TIMEOUT_MS);
  }

  async transactions(shard: ShardName): ReturnType<TabletControlClient["getTransactions"]> {
    return this.#client.getTransactions(await this.#primaryOf(shard), TIMEOUT_MS);
  }

  close(): void {
    this.#client.close();
  }

  /** The tablet that the shard's record names; without one, the one that became primary last. */
  async #primaryOf({ keyspace, shard }: ShardName): Promise<TabletRecord> {
    const { servedFrom = keyspace } = (await this.#topology.getKeyspace(keyspace)).record;
    const { primaryAlias } = (await this.#topology.getShard(servedFrom, shard)).record;
    const primaries = (await this.#topology.getTablets(undefined, { skipBad: true })).filter(
      (tablet) => tablet.keyspace === servedFrom && tablet.shard === shard && tablet.type === "primary",
    );
    const named = primaries.find(({ alias }) => alias === primaryAlias);
    const primary = named ?? primaries.toSorted((a, b) => (a.startedAt < b.startedAt ? 1 : -1))[0];
    if (primary === undefined) {
      throw new ShardgateError("SHARD_UNAVAILABLE", `shard ${keyspace}/${shard} has no primary tablet now`);
    }
    return primary;
  }
}
