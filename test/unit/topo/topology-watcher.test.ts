// The gateways' snapshot: follows changes, keeps what is good, survives the store's absence, and honours the grace time.

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Clock, systemClock } from "../../../src/base/clock.ts";
import type { Log } from "../../../src/base/log.ts";
import { silentLog } from "../../../src/base/log.ts";
import { createEmbeddedTopo } from "../../../src/topo/embedded.ts";
import { createEtcdStore } from "../../../src/topo/etcd.ts";
import { parseKeyRange } from "../../../src/topo/key-range.ts";
import type { TabletRecord } from "../../../src/topo/records.ts";
import { tabletAliasOf, tabletCodec } from "../../../src/topo/records.ts";
import type { TopoEntry, TopoStore, TopoWatching, TopoWatchEvent } from "../../../src/topo/store.ts";
import { keyspaceKey, tabletKey, Topology, vschemaKey } from "../../../src/topo/topology.ts";
import type { TopologyWatcher } from "../../../src/topo/topology-watcher.ts";
import { createTopologyWatcher } from "../../../src/topo/topology-watcher.ts";
import { eventually, startEtcd } from "./etcd-process.ts";
import { DrivenClock } from "../../fixture/driven-clock.ts";

const ROOT = "/shardgate";
const tablet = (uid: number, cell = "zone1"): TabletRecord => ({
  alias: tabletAliasOf(cell, uid),
  cell,
  keyspace: "customer",
  shard: "-80",
  type: "primary",
  hostname: "127.0.0.1",
  grpcPort: 15_000 + uid,
  mysqlHostname: "127.0.0.1",
  mysqlPort: 17_000 + uid,
  startedAt: "2024-05-01T12:00:00.000Z",
});

async function fill(store: TopoStore): Promise<Topology> {
  const topology = new Topology(store, ROOT);
  await topology.createCell({ name: "zone1" });
  await topology.createKeyspace({ name: "customer" });
  for (const name of ["80-", "-80"]) {
    await topology.createShard({ keyspace: "customer", name, keyRange: parseKeyRange(name), isServing: true });
  }
  await topology.putVSchema({ keyspace: "customer", json: { sharded: true } }, undefined);
  return topology;
}

let folder: string;
const closers: (() => Promise<unknown>)[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "shardgate-watcher-"));
});
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
  rmSync(folder, { recursive: true, force: true });
});

function watchOn(
  store: TopoWatching,
  more: { file?: string; clock?: Clock; log?: Log; tabletGraceMs?: number; cells?: string[] } = {},
): TopologyWatcher {
  const { file, clock = systemClock, log = silentLog, ...rest } = more;
  const watcher = createTopologyWatcher({
    store,
    root: ROOT,
    clock,
    log,
    ...rest,
    ...(file === undefined ? {} : { lastKnownGoodFile: file }),
  });
  closers.push(() => watcher.close());
  return watcher;
}

describe("on the embedded store", () => {
  let store: TopoStore;
  let topology: Topology;
  beforeEach(async () => {
    store = (await createEmbeddedTopo({ clock: systemClock })).connect();
    topology = await fill(store);
  });

  test("shows keyspaces with shards in order, tablets, VSchema and rules, and follows changes", async () => {
    const watcher = watchOn(store);
    expect(watcher.snapshot()).toMatchObject({ sequence: 0, source: "nothing" });
    expect(watcher.watchAgeMs()).toBe(Number.POSITIVE_INFINITY);
    await watcher.ready;
    expect(watcher.watchAgeMs()).toBeLessThan(20_000);
    const first = watcher.snapshot();
    const customer = first.keyspaces.get("customer");
    expect(customer?.shards.map(({ name }) => name)).toEqual(["-80", "80-"]);
    expect(customer?.serving?.shardOf(Buffer.of(0x90)).name).toBe("80-");
    expect(customer?.vschema?.json).toEqual({ sharded: true });
    const seen: number[] = [];
    const stop = watcher.onChange((next, previous) => {
      expect(next.sequence).toBe(previous.sequence + 1);
      seen.push(next.sequence);
    });
    await topology.registerTablet(tablet(100)).registered;
    await topology.createKeyspace({ name: "commerce" });
    await topology.putRoutingRules([{ fromTable: "t", toTables: ["customer.t"] }], undefined);
    await eventually("rules", () => watcher.snapshot().routingRules.length === 1);
    const next = watcher.snapshot();
    expect([...next.tablets.keys()]).toEqual(["zone1-0000000100"]);
    expect([...next.keyspaces.keys()]).toEqual(["commerce", "customer"]);
    expect(next.keyspaces.get("customer")).toBe(customer);
    expect(next.keyspaces.get("commerce")).toMatchObject({ serving: undefined, servingProblem: "there are no shards" });
    expect(first.keyspaces.size).toBe(1);
    expect(seen).toEqual([2, 3, 4]);
    stop();
    await topology.deleteKeyspace("commerce");
    await eventually("gone", () => !watcher.snapshot().keyspaces.has("commerce"));
    expect(seen).toHaveLength(3);
  });

  test("global variables are there at once and after a start, and a bad record of them is not taken", async () => {
    const watcher = watchOn(store);
    await watcher.ready;
    expect(watcher.snapshot().globalVariables).toBeUndefined();
    const variables = new Map([["time_zone", { sql: "'+01:00'", shown: "+01:00" }]]);
    const revision = await topology.putGlobalVariables(variables, undefined);
    await eventually("set", () => watcher.snapshot().globalVariables?.revision === revision);
    expect(watcher.snapshot().globalVariables?.variables).toEqual(variables);
    const late = watchOn(store);
    await late.ready;
    expect(late.snapshot().globalVariables?.variables).toEqual(variables);
    await expect(topology.putGlobalVariables(new Map(), revision - 1)).rejects.toMatchObject({
      id: "TOPO_BAD_VERSION",
    });
    const bad = JSON.stringify({ version: 1, variables: { time_zone: { sql: 1, shown: "" } } });
    const after = await store.update(`${ROOT}/global/variables`, bad, revision);
    await topology.createKeyspace({ name: "later" });
    await eventually("later", () => watcher.snapshot().keyspaces.has("later"));
    expect(watcher.snapshot().globalVariables?.variables).toEqual(variables);
    await topology.putGlobalVariables(new Map(), after);
    await eventually("none", () => watcher.snapshot().globalVariables?.variables.size === 0);
  });

  test("a keyspace that is served from another has that one's shards, as they change", async () => {
    const watcher = watchOn(store);
    await watcher.ready;
    await topology.createKeyspace({ name: "made", servedFrom: "customer" });
    await topology.createKeyspace({ name: "adrift", servedFrom: "nobody" });
    await eventually("both", () => watcher.snapshot().keyspaces.size === 3);
    const made = watcher.snapshot().keyspaces.get("made");
    expect(made?.record).toEqual({ name: "made", servedFrom: "customer" });
    expect(made?.shards).toMatchObject([
      { keyspace: "made", name: "-80", isServing: true },
      { keyspace: "made", name: "80-", isServing: true },
    ]);
    expect(watcher.snapshot().keyspaces.get("adrift")).toMatchObject({ servingProblem: "there are no shards" });
    const { record, revision } = await topology.getShard("customer", "80-");
    await topology.updateShard({ ...record, isServing: false }, revision);
    await eventually("drained", () => watcher.snapshot().keyspaces.get("made")?.serving === undefined);
    expect(watcher.snapshot().keyspaces.get("made")?.shards[1]).toMatchObject({ keyspace: "made", isServing: false });
    await topology.deleteKeyspace("made");
    await eventually("gone", () => !watcher.snapshot().keyspaces.has("made"));
  });

  test("a tablet that leaves while the store is well is gone at once", async () => {
    const registration = topology.registerTablet(tablet(100));
    await registration.registered;
    const watcher = watchOn(store);
    await watcher.ready;
    expect(watcher.snapshot().tablets.size).toBe(1);
    await registration.close();
    await eventually("gone", () => watcher.snapshot().tablets.size === 0);
  });

  test("only tablets of the wanted cells", async () => {
    await topology.registerTablet(tablet(100)).registered;
    await topology.registerTablet(tablet(200, "zone2")).registered;
    const watcher = watchOn(store, { cells: ["zone2"] });
    await watcher.ready;
    expect([...watcher.snapshot().tablets.keys()]).toEqual(["zone2-0000000200"]);
  });

  test("a shard that does not serve is no target, and a gap leaves no map", async () => {
    const watcher = watchOn(store);
    await watcher.ready;
    const { record, revision } = await topology.getShard("customer", "80-");
    await topology.updateShard({ ...record, isServing: false }, revision);
    await eventually("no map", () => watcher.snapshot().keyspaces.get("customer")?.serving === undefined);
    expect(watcher.snapshot().keyspaces.get("customer")?.servingProblem).toBe("no shard covers 80-");
    for (const name of ["80-c0", "c0-"]) {
      await topology.createShard({ keyspace: "customer", name, keyRange: parseKeyRange(name), isServing: true });
    }
    await eventually("map", () => watcher.snapshot().keyspaces.get("customer")?.serving?.shards.length === 3);
  });

  test("a bad record keeps the last good one and is logged once", async () => {
    const logged: string[] = [];
    const log: Log = { ...silentLog, error: (_fields, message) => logged.push(message) };
    const watcher = watchOn(store, { log });
    await watcher.ready;
    await store.update(vschemaKey(ROOT, "customer"), "{half");
    await store.update(`${ROOT}/global/keyspaces/customer/shards/-80`, '{"version":9}');
    await store.update(`${ROOT}/global/keyspaces/other/shards/-80`, '{"version":9}');
    await store.create(`${ROOT}/global/stranger`, "not ours");
    await topology.createKeyspace({ name: "later" });
    await eventually("later", () => watcher.snapshot().keyspaces.has("later"));
    const customer = watcher.snapshot().keyspaces.get("customer");
    expect(customer?.vschema?.json).toEqual({ sharded: true });
    expect(customer?.serving?.shards).toHaveLength(2);
    expect(logged).toEqual([
      "bad topology record; keeping the last good one",
      "bad topology record; keeping the last good one",
      "bad topology record",
    ]);
    await store.update(vschemaKey(ROOT, "customer"), '{"version":1,"keyspace":"customer","vschema":{"sharded":false}}');
    await eventually(
      "mended",
      () => JSON.stringify(watcher.snapshot().keyspaces.get("customer")?.vschema?.json) === '{"sharded":false}',
    );
  });

  test("a record under another's key is bad", async () => {
    const watcher = watchOn(store);
    await watcher.ready;
    const found = await store.get(keyspaceKey(ROOT, "customer"));
    await store.create(keyspaceKey(ROOT, "impostor"), found?.value ?? "");
    await store.create(tabletKey(ROOT, tabletAliasOf("zone1", 5)), tabletCodec.encode(tablet(6)));
    await topology.createKeyspace({ name: "later" });
    await eventually("later", () => watcher.snapshot().keyspaces.has("later"));
    expect(watcher.snapshot().keyspaces.has("impostor")).toBe(false);
    expect(watcher.snapshot().tablets.size).toBe(0);
  });

  test("a listener that throws does not hurt the others", async () => {
    const watcher = watchOn(store);
    await watcher.ready;
    let heard = 0;
    watcher.onChange(() => {
      throw new Error("listener");
    });
    watcher.onChange(() => heard++);
    await topology.createKeyspace({ name: "later" });
    await eventually("heard", () => heard === 1);
  });

  test("the last-known-good file serves the next start without a store", async () => {
    const file = join(folder, "deep", "topology.json");
    await topology.registerTablet(tablet(100)).registered;
    const first = watchOn(store, { file });
    await first.ready;
    await first.close();
    const second = watchOn(AWAY, { file });
    await second.ready;
    expect(second.snapshot()).toMatchObject({ source: "file" });
    expect(second.snapshot().keyspaces.get("customer")?.serving?.shards).toHaveLength(2);
    expect(second.snapshot().tablets.size).toBe(1);
    expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({ version: 1 });
  });

  test.each(["", "{", "[]", '{"version":1}', '{"version":1,"revision":1,"entries":[{"key":1}]}'])(
    "a broken last-known-good file (%o) is passed over",
    async (text) => {
      const file = join(folder, "topology.json");
      writeFileSync(file, text);
      const warned: string[] = [];
      const watcher = watchOn(store, { file, log: { ...silentLog, warn: (_fields, message) => warned.push(message) } });
      await watcher.ready;
      await eventually("warned", () => warned.length === 1);
      expect(watcher.snapshot().source).toBe("store");
    },
  );
});

/** A store that never answers. */
const AWAY: TopoWatching = { watch: () => ({ close() {} }) };

describe("grace time, on a driven clock", () => {
  const at = (uid: number): TopoEntry => ({
    key: tabletKey(ROOT, tabletAliasOf("zone1", uid)),
    value: tabletCodec.encode(tablet(uid)),
    revision: uid,
  });
  const keyspace: TopoEntry = {
    key: keyspaceKey(ROOT, "customer"),
    value: '{"version":1,"name":"customer"}',
    revision: 1,
  };
  const reset = (...entries: TopoEntry[]): TopoWatchEvent => ({
    kind: "reset",
    list: { entries: [keyspace, ...entries], revision: 500 },
  });
  const remove = (uid: number): TopoWatchEvent => ({
    kind: "changes",
    changes: [{ kind: "delete", key: at(uid).key, revision: 501 }],
    revision: 501,
  });

  function drive() {
    const clock = new DrivenClock();
    let send: (event: TopoWatchEvent) => void = () => {};
    const store: TopoWatching = {
      watch: (_prefix, listener) => {
        send = listener;
        return { close() {} };
      },
    };
    const watcher = watchOn(store, { clock, tabletGraceMs: 20_000 });
    const aliases = () => Array.from(watcher.snapshot().tablets.keys(), (alias) => Number(alias.slice(-10)));
    /** Time passes with signs of life every second, or without. */
    const pass = (seconds: number, isAlive: boolean) => {
      for (let second = 0; second < seconds; second++) {
        clock.advance(1_000);
        if (isAlive) send({ kind: "progress" });
      }
    };
    return { send: (event: TopoWatchEvent) => send(event), aliases, pass, watcher };
  }

  test("leases that ran out while etcd was away: tablets stay, return, or go when the grace time is over", () => {
    const { send, aliases, pass } = drive();
    send(reset(at(1), at(2)));
    pass(5, true);
    send({ kind: "disconnected", error: new Error("away") });
    pass(600, false);
    expect(aliases()).toEqual([1, 2]);
    send(remove(1));
    send(remove(2));
    expect(aliases()).toEqual([1, 2]);
    pass(5, true);
    send({ kind: "changes", changes: [{ kind: "put", entry: at(1) }], revision: 502 });
    pass(14, true);
    expect(aliases()).toEqual([1, 2]);
    pass(2, true);
    expect(aliases()).toEqual([1]);
    send(remove(1));
    expect(aliases()).toEqual([]);
  });

  test("a reset after absence is treated alike", () => {
    const { send, aliases, pass } = drive();
    send(reset(at(1)));
    pass(60, false);
    send(reset(at(2)));
    expect(aliases()).toEqual([1, 2]);
    pass(21, true);
    expect(aliases()).toEqual([2]);
  });

  test("while etcd is away again, the grace time does not end", () => {
    const { send, aliases, pass } = drive();
    send(reset(at(1)));
    pass(60, false);
    send(remove(1));
    pass(3, true);
    pass(60, false);
    expect(aliases()).toEqual([1]);
    send({ kind: "progress" });
    pass(45, true);
    expect(aliases()).toEqual([]);
  });

  test("a store that comes back empty takes nothing away", () => {
    const { send, aliases, pass, watcher } = drive();
    send(reset(at(1)));
    pass(30, false);
    send({ kind: "reset", list: { entries: [], revision: 1 } });
    pass(60, true);
    expect(aliases()).toEqual([1]);
    expect(watcher.snapshot().keyspaces.has("customer")).toBe(true);
  });

  test("shards and keyspaces have no grace time", () => {
    const { send, pass, watcher } = drive();
    const other = { ...keyspace, key: keyspaceKey(ROOT, "other"), value: '{"version":1,"name":"other"}' };
    send(reset(other));
    pass(60, false);
    send(reset());
    expect([...watcher.snapshot().keyspaces.keys()]).toEqual(["customer"]);
  });
});

test("with a real etcd: serves from the file while it is away, and from etcd when it returns", {
  timeout: 120_000,
}, async () => {
  const etcd = await startEtcd();
  closers.push(() => etcd.dispose());
  const open = () => {
    const store = createEtcdStore({
      endpoints: [etcd.endpoint],
      clock: systemClock,
      log: silentLog,
      callTimeoutMs: 15_000,
    });
    closers.push(() => store.close());
    return store;
  };
  const file = join(folder, "topology.json");
  const operator = open();
  const topology = await fill(operator);
  const registration = operator.register(tabletKey(ROOT, tablet(100).alias), tabletCodec.encode(tablet(100)), {
    ttlS: 4,
  });
  await registration.registered;
  const first = watchOn(open(), { file });
  await first.ready;
  await topology.createKeyspace({ name: "visible" });
  await eventually("visible", () => first.snapshot().keyspaces.has("visible"));
  await eventually("in the file", () => existsSync(file) && readFileSync(file, "utf8").includes("visible"));

  await etcd.kill();
  const second = watchOn(open(), { file });
  await second.ready;
  expect(second.snapshot().source).toBe("file");
  expect(second.snapshot().keyspaces.has("visible")).toBe(true);
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  for (const watcher of [first, second]) {
    expect(watcher.snapshot().keyspaces.size).toBe(2);
    expect(watcher.snapshot().tablets.size).toBe(1);
  }
  await etcd.restart();
  await eventually("from etcd", () => second.snapshot().source === "store");
  await topology.createKeyspace({ name: "after" });
  await eventually("after", () => [first, second].every((watcher) => watcher.snapshot().keyspaces.has("after")));

  // Stopped for longer than the tablet's lease lives: etcd drops it as soon as it continues, the tablet registers anew.
  let missing = 0;
  for (const watcher of [first, second]) watcher.onChange((next) => (missing += next.tablets.size === 0 ? 1 : 0));
  etcd.signal("SIGSTOP");
  await new Promise((resolve) => setTimeout(resolve, 6_000));
  etcd.signal("SIGCONT");
  await topology.createKeyspace({ name: "last" });
  await eventually("last", () => [first, second].every((watcher) => watcher.snapshot().keyspaces.has("last")));
  await eventually("tablet", async () => (await topology.getTablets()).length === 1);
  expect(missing).toBe(0);
});
