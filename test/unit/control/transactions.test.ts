// Listing, showing and concluding transactions that their gateways have left, with tablets in this process.

import { beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "../../../src/base/clock.ts";
import { addCellInfo } from "../../../src/control/cells.ts";
import type { ControlContext, TabletTransactions } from "../../../src/control/context.ts";
import { createKeyspace } from "../../../src/control/keyspaces.ts";
import { createShard } from "../../../src/control/shards.ts";
import { concludeTransaction, listTransactions, showTransaction } from "../../../src/control/transactions.ts";
import { createEmbeddedTopo } from "../../../src/topo/embedded.ts";
import type { TabletAlias } from "../../../src/topo/records.ts";
import { Topology } from "../../../src/topo/topology.ts";
import { FakeTablets, registerTablet } from "./fake-tablets.ts";

let tablets: FakeTablets;
let context: ControlContext;
let low: TabletAlias;
let high: TabletAlias;

beforeEach(async () => {
  const store = (await createEmbeddedTopo({ clock: systemClock })).connect();
  tablets = new FakeTablets();
  context = { topology: new Topology(store, "/shardgate"), tablets, clock: systemClock, holder: "test" };
  await addCellInfo(context, "zone1");
  await createKeyspace(context, "bank");
  for (const shard of ["-80", "80-"]) await createShard(context, "bank", shard);
  low = await registerTablet(context.topology, 100, { keyspace: "bank", shard: "-80" });
  high = await registerTablet(context.topology, 200, { keyspace: "bank", shard: "80-" });
});

/** A branch whose coordinator is bank/-80. */
function branch(transaction: string, ageMs: number): TabletTransactions["prepared"][number] {
  return { transaction, coordinatorKeyspace: "bank", coordinatorShard: "-80", ageMs };
}

describe("transactions that are prepared and not concluded", () => {
  test("are listed with what their coordinator has decided, oldest first", async () => {
    tablets.transactions.set(high, { prepared: [branch("a.1", 2_000), branch("a.2", 9_000)], decisions: [] });
    tablets.transactions.set(low, { prepared: [], decisions: [{ transaction: "a.1", decision: "commit" }] });
    const common = { coordinator: "bank/-80", prepared: ["bank/80-"] };
    const [newer, older] = [
      { ...common, transaction: "a.1", decision: "commit", ageMs: 2_000 },
      { ...common, transaction: "a.2", decision: undefined, ageMs: 9_000 },
    ];
    expect(await listTransactions(context)).toEqual({ transactions: [older, newer], unreachable: [] });
    expect(await showTransaction(context, "a.1")).toEqual(newer);
    await expect(showTransaction(context, "a.3")).rejects.toMatchObject({ id: "TOPO_NO_NODE" });
    tablets.away.add(low);
    expect(await listTransactions(context)).toMatchObject({ unreachable: [{ tablet: low }] });
  });

  test("are concluded as the coordinator says, whatever is wanted", async () => {
    tablets.transactions.set(high, { prepared: [branch("a.1", 1), branch("a.2", 1)], decisions: [] });
    tablets.transactions.set(low, { prepared: [], decisions: [{ transaction: "a.1", decision: "commit" }] });
    expect(await concludeTransaction(context, "a.1")).toEqual({ decision: "commit", resolved: 1 });
    expect(await concludeTransaction(context, "a.2", "abort")).toEqual({ decision: "abort", resolved: 1 });
    expect(tablets.resolved).toEqual([`${high} commit a.1`, `${high} abort a.2`]);
    await expect(concludeTransaction(context, "a.1", "abort")).rejects.toMatchObject({ id: "CONFIG_BAD" });
    await expect(concludeTransaction(context, "a.9")).rejects.toMatchObject({ id: "TOPO_NO_NODE" });
  });

  test("wait for their coordinator, unless an operator knows better", async () => {
    tablets.transactions.set(high, { prepared: [branch("a.1", 1)], decisions: [] });
    tablets.away.add(low);
    await expect(concludeTransaction(context, "a.1")).rejects.toMatchObject({ id: "SHARD_UNAVAILABLE" });
    expect(tablets.resolved).toEqual([]);
    expect(await concludeTransaction(context, "a.1", "commit")).toEqual({ decision: "commit", resolved: 1 });
    expect(tablets.resolved).toEqual([`${high} commit a.1`]);
  });
});
