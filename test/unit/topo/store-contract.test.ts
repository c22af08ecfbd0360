// One contract for both stores: the same cases run on the embedded store and on a real etcd.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../../src/base/clock.ts";
import { ShardgateError } from "../../../src/base/errors.ts";
import { silentLog } from "../../../src/base/log.ts";
import { createEmbeddedTopo } from "../../../src/topo/embedded.ts";
import { createEtcdStore } from "../../../src/topo/etcd.ts";
import type { TopoChange, TopoStore, TopoWatchEvent } from "../../../src/topo/store.ts";
import type { EtcdProcess, Relay } from "./etcd-process.ts";
import { eventually, startEtcd, startRelay } from "./etcd-process.ts";

interface Harness {
  /** A store on the common content. */
  open(): TopoStore;
  /** A store whose process can crash. */
  openMortal(): Promise<{ store: TopoStore; crash(): void; dispose(): Promise<void> }>;
  dispose(): Promise<void>;
}

async function embeddedHarness(): Promise<Harness> {
  const topo = await createEmbeddedTopo({ clock: systemClock });
  return {
    open: () => topo.connect(),
    openMortal: async () => {
      const store = topo.connect();
      return { store, crash: () => store.vanish(), dispose: async () => undefined };
    },
    dispose: async () => undefined,
  };
}

async function etcdHarness(): Promise<Harness> {
  const etcd: EtcdProcess = await startEtcd();
  const open = (endpoint: string, callTimeoutMs = 10_000) =>
    createEtcdStore({ endpoints: [endpoint], clock: systemClock, log: silentLog, callTimeoutMs });
  return {
    open: () => open(etcd.endpoint, 60_000),
    openMortal: async () => {
      const relay: Relay = await startRelay(etcd.port);
      const store = open(relay.endpoint);
      return {
        store,
        crash: () => relay.cut(),
        dispose: async () => {
          await store.close();
          await relay.dispose();
        },
      };
    },
    dispose: () => etcd.dispose(),
  };
}

const HARNESSES = { embedded: embeddedHarness, etcd: etcdHarness };

describe.each(Object.entries(HARNESSES))("store contract: %s", (_name, makeHarness) => {
  let harness: Harness;
  let store: TopoStore;
  let serial = 0;
  const freshPrefix = () => `/t/${++serial}/`;

  beforeAll(async () => {
    harness = await makeHarness();
    store = harness.open();
  });
  afterAll(async () => {
    await store.close();
    await harness.dispose();
  });

  test("get of nothing is undefined; create, get, list", async () => {
    const prefix = freshPrefix();
    expect(await store.get(`${prefix}a`)).toBeUndefined();
    const revision = await store.create(`${prefix}a`, "1");
    await store.create(`${prefix}c`, "3");
    await store.create(`${prefix}b`, "zwei: ü€😀");
    expect(await store.get(`${prefix}a`)).toEqual({ key: `${prefix}a`, value: "1", revision });
    const { entries, revision: listed } = await store.list(prefix);
    expect(entries.map(({ key, value }) => [key.slice(prefix.length), value])).toEqual([
      ["a", "1"],
      ["b", "zwei: ü€😀"],
      ["c", "3"],
    ]);
    expect(listed).toBeGreaterThanOrEqual(entries.at(-1)?.revision ?? 0);
    expect((await store.list(`${prefix}none`)).entries).toEqual([]);
  });

  test("a list longer than a page is complete and sorted", async () => {
    const prefix = freshPrefix();
    const keys = Array.from({ length: 450 }, (_, index) => `${prefix}${String(index).padStart(4, "0")}`);
    await Promise.all(keys.map((key) => store.create(key, "x")));
    expect((await store.list(prefix)).entries.map(({ key }) => key)).toEqual(keys);
  });

  test("a prefix does not reach beyond itself", async () => {
    const prefix = freshPrefix();
    await store.create(`${prefix}a/1`, "");
    await store.create(`${prefix}ab/1`, "");
    await store.create(`${prefix}b`, "");
    expect((await store.list(`${prefix}a/`)).entries).toHaveLength(1);
    expect((await store.list(`${prefix}a`)).entries).toHaveLength(2);
  });

  test("create refuses what exists", async () => {
    const key = `${freshPrefix()}k`;
    await store.create(key, "1");
    await expect(store.create(key, "2")).rejects.toMatchObject({ id: "TOPO_NODE_EXISTS" });
    expect((await store.get(key))?.value).toBe("1");
  });

  test("update compares the revision", async () => {
    const key = `${freshPrefix()}k`;
    const first = await store.create(key, "1");
    const second = await store.update(key, "2", first);
    expect(second).toBeGreaterThan(first);
    await expect(store.update(key, "3", first)).rejects.toMatchObject({ id: "TOPO_BAD_VERSION" });
    expect(await store.get(key)).toEqual({ key, value: "2", revision: second });
    await store.update(key, "4");
    expect((await store.get(key))?.value).toBe("4");
    await expect(store.update(`${key}x`, "1", second)).rejects.toMatchObject({ id: "TOPO_NO_NODE" });
    await store.update(`${key}y`, "made");
    expect((await store.get(`${key}y`))?.value).toBe("made");
  });

  test("delete compares the revision, and misses what is not there", async () => {
    const key = `${freshPrefix()}k`;
    await expect(store.delete(key)).rejects.toMatchObject({ id: "TOPO_NO_NODE" });
    const first = await store.create(key, "1");
    const second = await store.update(key, "2", first);
    await expect(store.delete(key, first)).rejects.toMatchObject({ id: "TOPO_BAD_VERSION" });
    await store.delete(key, second);
    expect(await store.get(key)).toBeUndefined();
    await expect(store.delete(key)).rejects.toMatchObject({ id: "TOPO_NO_NODE" });
  });

  test("a value beyond what etcd takes is refused by name", async () => {
    await expect(store.create(`${freshPrefix()}k`, "x".repeat(1_500_000))).rejects.toMatchObject({
      id: "LIMIT_REACHED",
    });
  });

  test("writers racing by compare-and-set lose nothing", async () => {
    const key = `${freshPrefix()}counter`;
    await store.create(key, "0");
    const other = harness.open();
    const increments = 25;
    let conflicts = 0;
    const work = async (mine: TopoStore) => {
      for (let done = 0; done < increments; ) {
        const entry = await mine.get(key);
        try {
          await mine.update(key, String(Number(entry?.value) + 1), entry?.revision ?? 0);
          done++;
        } catch (error) {
          if (!(error instanceof ShardgateError) || error.id !== "TOPO_BAD_VERSION") throw error;
          conflicts++;
        }
      }
    };
    await Promise.all([work(store), work(other), work(store), work(other)]);
    expect((await store.get(key))?.value).toBe(String(4 * increments));
    expect(conflicts).toBeGreaterThan(0);
    await other.close();
  });

  test("a watch tells what there is, then every change in order", async () => {
    const prefix = freshPrefix();
    await store.create(`${prefix}old`, "0");
    const events: TopoWatchEvent[] = [];
    let isReturned = false;
    const watch = store.watch(prefix, (event) => {
      expect(isReturned).toBe(true);
      events.push(event);
    });
    isReturned = true;
    await eventually("reset", () => events.length > 0);
    expect(events[0]).toMatchObject({ kind: "reset", list: { entries: [{ key: `${prefix}old`, value: "0" }] } });
    const other = harness.open();
    const first = await other.create(`${prefix}new`, "1");
    const second = await other.update(`${prefix}new`, "2", first);
    await other.delete(`${prefix}old`);
    await other.create(`${freshPrefix()}elsewhere`, "");
    await eventually("three changes", () => changesOf(events).length >= 3);
    expect(changesOf(events)).toEqual([
      { kind: "put", entry: { key: `${prefix}new`, value: "1", revision: first } },
      { kind: "put", entry: { key: `${prefix}new`, value: "2", revision: second } },
      { kind: "delete", key: `${prefix}old`, revision: second + 1 },
    ]);
    watch.close();
    const seen = events.length;
    await other.create(`${prefix}later`, "");
    await store.get(`${prefix}later`);
    expect(events.length).toBe(seen);
    await other.close();
  });

  test.concurrent("a quiet watch shows that it is alive", async () => {
    const events: TopoWatchEvent[] = [];
    const watch = store.watch(freshPrefix(), (event) => events.push(event));
    await eventually("progress", () => events.filter((event) => event.kind === "progress").length >= 2);
    watch.close();
  });

  test.concurrent("a registration appears, changes, and goes with its close", async () => {
    const key = `${freshPrefix()}tablet`;
    const other = harness.open();
    const registration = other.register(key, "1");
    await registration.registered;
    expect((await store.get(key))?.value).toBe("1");
    await registration.update("2");
    expect((await store.get(key))?.value).toBe("2");
    await registration.close();
    expect(await store.get(key)).toBeUndefined();
    other.register(key, "3");
    await eventually("registered", async () => (await store.get(key)) !== undefined);
    await other.close();
    expect(await store.get(key)).toBeUndefined();
  });

  test.concurrent("a registration outlives its time while its holder lives, and is written again when deleted", async () => {
    const key = `${freshPrefix()}tablet`;
    const registration = store.register(key, "1", { ttlS: 4 });
    await registration.registered;
    await store.delete(key);
    await eventually("written again", async () => (await store.get(key)) !== undefined);
    await new Promise((resolve) => setTimeout(resolve, 6_000));
    // On a machine that stood still for the whole time to live it is gone for a moment, and comes back.
    await eventually("still there", async () => (await store.get(key))?.value === "1");
    await registration.close();
  });

  test.concurrent("a registration vanishes some time after its holder crashed, and not before", async () => {
    const key = `${freshPrefix()}tablet`;
    const mortal = await harness.openMortal();
    const askedMs = performance.now();
    await mortal.store.register(key, "1", { ttlS: 2 }).registered;
    mortal.crash();
    await eventually("gone", async () => (await store.get(key)) === undefined);
    // Counted from before the registration, so that a slow machine can only make it longer; timers round down.
    expect(performance.now() - askedMs).toBeGreaterThan(1_990);
    await mortal.dispose();
  });

  test.concurrent("a lock excludes, names its holder, and passes on when released", async () => {
    const key = `${freshPrefix()}lock`;
    const other = harness.open();
    const lock = await store.lock(key, "ctl of alice");
    await expect(other.lock(key, "ctl of bob", { waitMs: 300 })).rejects.toMatchObject({
      id: "TOPO_LOCKED",
      message: expect.stringContaining("ctl of alice"),
    });
    let isBobs = false;
    const waiting = other.lock(key, "ctl of bob").then((held) => {
      isBobs = true;
      return held;
    });
    await store.get(key);
    expect(isBobs).toBe(false);
    await lock.release();
    await lock.release();
    const bobs = await waiting;
    expect(bobs.lost.aborted).toBe(false);
    await bobs.release();
    expect(await store.get(key)).toBeUndefined();
    await other.close();
  });

  test.concurrent("a lock is free some time after its holder crashed, who learns of it first", async () => {
    const key = `${freshPrefix()}lock`;
    const mortal = await harness.openMortal();
    const lock = await mortal.store.lock(key, "crashing", { ttlS: 2 });
    mortal.crash();
    const next = await store.lock(key, "next", { waitMs: 25_000 });
    expect(lock.lost.aborted).toBe(true);
    await next.release();
    await mortal.dispose();
  });

  test("many waiters take a lock one at a time", async () => {
    const key = `${freshPrefix()}lock`;
    let holders = 0;
    let most = 0;
    const work = async (name: string) => {
      await using _lock = await store.lock(key, name);
      holders++;
      most = Math.max(most, holders);
      await store.get(key);
      holders--;
    };
    await Promise.all(["a", "b", "c", "d", "e"].map(work));
    expect(most).toBe(1);
  });

  test("a closed store refuses with TOPO_UNAVAILABLE", async () => {
    const other = harness.open();
    await other.close();
    await expect(other.get("/x")).rejects.toMatchObject({ id: "TOPO_UNAVAILABLE" });
  });
});

function changesOf(events: readonly TopoWatchEvent[]): TopoChange[] {
  return events.flatMap((event) => (event.kind === "changes" ? event.changes : []));
}
