// What the etcd store promises when etcd is away: calls end in bounded time, watches lose nothing, registrations come back.

import { execFileSync } from "node:child_process";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../../src/base/clock.ts";
import { silentLog } from "../../../src/base/log.ts";
import { createEtcdStore } from "../../../src/topo/etcd.ts";
import type { TopoStore, TopoWatchEvent } from "../../../src/topo/store.ts";
import type { EtcdProcess } from "./etcd-process.ts";
import { eventually, startEtcd, startRelay } from "./etcd-process.ts";

/** For calls that have to succeed, however busy the machine is. */
const CALL_TIMEOUT_MS = 15_000;
/** For calls that have to fail because etcd is away. */
const HASTY_TIMEOUT_MS = 1_000;
const BOUND_MS = 8_000;

const opened: TopoStore[] = [];
const openWithin = (callTimeoutMs: number, endpoints: readonly string[]) => {
  const store = createEtcdStore({ endpoints, clock: systemClock, log: silentLog, callTimeoutMs });
  opened.push(store);
  return store;
};
const open = (...endpoints: string[]) => openWithin(CALL_TIMEOUT_MS, endpoints);
const openHasty = (...endpoints: string[]) => openWithin(HASTY_TIMEOUT_MS, endpoints);
/** Whether the call was carried out. */
const succeeds = (call: Promise<unknown>) =>
  call.then(
    () => true,
    () => false,
  );
let serial = 0;
const freshPrefix = () => `/f/${++serial}/`;

describe("etcd away", () => {
  let etcd: EtcdProcess;
  beforeAll(async () => {
    etcd = await startEtcd();
  });
  afterEach(async () => {
    etcd.signal("SIGCONT");
    await etcd.restart();
    await Promise.all(opened.splice(0).map((store) => store.close()));
  });
  afterAll(() => etcd.dispose());

  test("killed: calls fail in bounded time, and work again after the restart", async () => {
    const store = openHasty(etcd.endpoint);
    const key = `${freshPrefix()}k`;
    const revision = await open(etcd.endpoint).create(key, "1");
    await etcd.kill();
    for (const call of [
      () => store.get(key),
      () => store.update(key, "2", revision),
      () => store.lock(`${key}l`, "me", { waitMs: 100 }),
    ]) {
      const startMs = performance.now();
      await expect(call()).rejects.toMatchObject({ id: "TOPO_UNAVAILABLE" });
      expect(performance.now() - startMs).toBeLessThan(BOUND_MS);
    }
    await etcd.restart();
    await eventually("works again", () => succeeds(store.update(key, "3")));
    expect((await open(etcd.endpoint).get(key))?.value).toBe("3");
  });

  test("killed: a watch goes on where it was, without a reset", async () => {
    const prefix = freshPrefix();
    const watcher = open(etcd.endpoint);
    const writer = open(etcd.endpoint);
    const events = follow(watcher, prefix);
    await eventually("reset", () => events.length > 0);
    await writer.create(`${prefix}0`, "");
    await eventually("first", () => keysOf(events).length === 1);
    for (let round = 1; round <= 2; round++) {
      await etcd.kill();
      await eventually("told", () => events.filter((event) => event.kind === "disconnected").length === round);
      await etcd.restart();
      await writer.create(`${prefix}${round}`, "");
      await eventually("next", () => keysOf(events).length === round + 1);
    }
    expect(keysOf(events)).toEqual(["0", "1", "2"]);
    expect(events.filter((event) => event.kind === "reset")).toHaveLength(1);
  });

  test("cut off: everything written meanwhile is told afterwards, in order", async () => {
    const prefix = freshPrefix();
    const relay = await startRelay(etcd.port);
    const events = follow(open(relay.endpoint), prefix);
    const writer = open(etcd.endpoint);
    await eventually("reset", () => events.length > 0);
    relay.cut();
    const expected: string[] = [];
    for (let index = 0; index < 50; index++) {
      await writer.create(`${prefix}${index}`, "x".repeat(index));
      expected.push(String(index));
    }
    await writer.delete(`${prefix}7`);
    expect(keysOf(events)).toEqual([]);
    relay.mend();
    await eventually("all", () => keysOf(events).length === 51);
    expect(keysOf(events)).toEqual([...expected, "-7"]);
    expect(events.filter((event) => event.kind === "reset")).toHaveLength(1);
    await relay.dispose();
  });

  test("cut off while history is compacted: the whole state is told anew", async () => {
    const prefix = freshPrefix();
    const relay = await startRelay(etcd.port);
    const writer = open(etcd.endpoint);
    await writer.create(`${prefix}gone`, "");
    const events = follow(open(relay.endpoint), prefix);
    await eventually("reset", () => events.length > 0);
    relay.cut();
    await writer.delete(`${prefix}gone`);
    const revision = await writer.create(`${prefix}new`, "1");
    execFileSync("etcdctl", ["--endpoints", etcd.endpoint, "compact", String(revision)], {
      env: { ...process.env, ETCDCTL_API: "3" },
      stdio: "ignore",
    });
    relay.mend();
    await eventually("second reset", () => events.filter((event) => event.kind === "reset").length === 2);
    const last = events.findLast((event) => event.kind === "reset");
    expect(last).toMatchObject({ list: { entries: [{ key: `${prefix}new`, value: "1" }] } });
    await writer.create(`${prefix}after`, "");
    await eventually("goes on", () => keysOf(events).includes("after"));
    await relay.dispose();
  });

  test("stopped: calls are bounded; all goes on when it continues", async () => {
    const prefix = freshPrefix();
    const store = openHasty(etcd.endpoint);
    const events = follow(store, prefix);
    await eventually("reset", () => events.length > 0);
    etcd.signal("SIGSTOP");
    const startMs = performance.now();
    await expect(store.get(prefix)).rejects.toMatchObject({ id: "TOPO_UNAVAILABLE" });
    expect(performance.now() - startMs).toBeLessThan(BOUND_MS);
    await eventually("silence noticed", () => events.at(-1)?.kind === "disconnected");
    etcd.signal("SIGCONT");
    await eventually("works", () => succeeds(store.update(`${prefix}k`, "")));
    await eventually("told", () => keysOf(events).includes("k"));
  });

  test("stopped for longer than a lease lives: the registration comes back by itself", async () => {
    const key = `${freshPrefix()}tablet`;
    const store = open(etcd.endpoint);
    const registration = store.register(key, "1", { ttlS: 2 });
    await registration.registered;
    etcd.signal("SIGSTOP");
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    etcd.signal("SIGCONT");
    // etcd may find the lease overdue at once, a moment later, or hear of its renewal first.
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    await eventually("there", async () => (await store.get(key))?.value === "1");
  });

  test("killed and wiped: the watch tells the new content, the registration is written anew", async () => {
    const prefix = freshPrefix();
    const store = open(etcd.endpoint);
    await store.create(`${prefix}gone`, "");
    const registration = store.register(`${prefix}tablet`, "1", { ttlS: 2 });
    await registration.registered;
    const events = follow(store, prefix);
    await eventually("reset", () => events.length > 0);
    await etcd.kill();
    etcd.wipe();
    await etcd.restart();
    await eventually("registered", async () => (await store.get(`${prefix}tablet`))?.value === "1");
    await eventually("told", () => {
      const last = events.findLastIndex((event) => event.kind === "reset");
      const reset = events[last];
      if (last === 0 || reset?.kind !== "reset") return false;
      return [...reset.list.entries.map((entry) => entry.key), ...keysOf(events.slice(last))].join().includes("tablet");
    });
    const last = events.findLast((event) => event.kind === "reset");
    expect(JSON.stringify(last)).not.toContain("gone");
  });

  test("away at the start: a watch and a registration begin when it comes", async () => {
    const prefix = freshPrefix();
    await etcd.kill();
    const store = openHasty(etcd.endpoint);
    const events = follow(store, prefix);
    const registration = store.register(`${prefix}t`, "1");
    await expect(store.get(prefix)).rejects.toMatchObject({ id: "TOPO_UNAVAILABLE" });
    await etcd.restart();
    await registration.registered;
    await eventually("told", () => JSON.stringify(events).includes(`${prefix}t`));
  });

  test("an answer lost after the write is done does not turn into a conflict", async () => {
    const prefix = freshPrefix();
    const relay = await startRelay(etcd.port);
    const store = open(relay.endpoint);
    const direct = open(etcd.endpoint);
    await store.get(prefix);
    const lose = async (call: () => Promise<unknown>, isDone: () => Promise<boolean>) => {
      relay.swallowAnswers();
      const pending = call();
      await eventually("written", isDone, CALL_TIMEOUT_MS - 2_000);
      relay.cut();
      relay.mend();
      return pending;
    };
    const key = `${prefix}k`;
    const first = await lose(
      () => store.create(key, "1"),
      async () => (await direct.get(key)) !== undefined,
    );
    expect((await direct.get(key))?.revision).toBe(first);
    await lose(
      () => store.update(key, "2", Number(first)),
      async () => (await direct.get(key))?.value === "2",
    );
    await lose(
      () => store.delete(key),
      async () => (await direct.get(key)) === undefined,
    );
    await relay.dispose();
  });

  test("a value changed while etcd is away is written when it is back, with the same lease", async () => {
    const key = `${freshPrefix()}tablet`;
    const relay = await startRelay(etcd.port);
    const store = openHasty(relay.endpoint);
    const registration = store.register(key, "1", { ttlS: 6 });
    await registration.registered;
    relay.cut();
    await expect(registration.update("2")).rejects.toMatchObject({ id: "TOPO_UNAVAILABLE" });
    relay.mend();
    const direct = open(etcd.endpoint);
    await eventually("written", async () => (await direct.get(key))?.value === "2");
    await relay.dispose();
  });

  test("two processes with one key: the later one stays, the earlier one says so once", async () => {
    const key = `${freshPrefix()}tablet`;
    const logged: string[] = [];
    const log = { ...silentLog, error: (_fields: object, message: string) => logged.push(message) };
    const first = createEtcdStore({ endpoints: [etcd.endpoint], clock: systemClock, log });
    opened.push(first);
    const second = open(etcd.endpoint);
    const earlier = first.register(key, "1", { ttlS: 6 });
    await earlier.registered;
    await second.register(key, "2", { ttlS: 30 }).registered;
    await eventually("said", () => logged.length > 0);
    // Its next look at the key.
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect(logged).toHaveLength(1);
    expect((await second.get(key))?.value).toBe("2");
    await earlier.close();
    expect((await second.get(key))?.value).toBe("2");
  });

  test("closing does not wait for an etcd that is away", async () => {
    const store = open(etcd.endpoint);
    const key = `${freshPrefix()}t`;
    await store.register(key, "1", { ttlS: 2 }).registered;
    await store.lock(`${key}l`, "me", { ttlS: 2 });
    store.watch(key, () => {});
    etcd.signal("SIGSTOP");
    const startMs = performance.now();
    await store.close();
    expect(performance.now() - startMs).toBeLessThan(CALL_TIMEOUT_MS / 2);
    etcd.signal("SIGCONT");
  });

  test("a dead endpoint is passed over", async () => {
    const relay = await startRelay(etcd.port);
    relay.cut();
    const store = open(relay.endpoint, etcd.endpoint);
    const prefix = freshPrefix();
    const events = follow(store, prefix);
    await store.create(`${prefix}k`, "1");
    await eventually("told", () => JSON.stringify(events).includes(`${prefix}k`));
    await relay.dispose();
  });

  test("with a login: tokens that an etcd forgot with its restart are taken anew, for calls, watches and leases", async () => {
    const own = await startEtcd();
    for (const args of ["user add root:secret", "user grant-role root root", "auth enable"]) {
      execFileSync("etcdctl", ["--endpoints", own.endpoint, ...args.split(" ")], {
        env: { ...process.env, ETCDCTL_API: "3" },
        stdio: "ignore",
      });
    }
    const login = () =>
      createEtcdStore({
        endpoints: [own.endpoint],
        auth: { username: "root", password: "secret" },
        clock: systemClock,
        log: silentLog,
        callTimeoutMs: CALL_TIMEOUT_MS,
      });
    const store = login();
    // Makes no other calls, so nothing but its own lease renews its token.
    const tablet = login();
    const events = follow(store, "/a/");
    await eventually("reset", () => events.length > 0);
    await tablet.register("/a/tablet", "1", { ttlS: 6 }).registered;
    await own.kill();
    await own.restart();
    await store.create("/a/k", "1");
    await eventually("told", () => keysOf(events).includes("k"));
    await new Promise((resolve) => setTimeout(resolve, 9_000));
    expect((await store.get("/a/tablet"))?.value).toBe("1");
    expect(keysOf(events)).not.toContain("-tablet");
    await Promise.all([store.close(), tablet.close()]);
    await own.dispose();
  });

  test.each(["", "127.0.0.1:2379", "http://host", "http://a:1/path", "ftp://a:1"])(
    "endpoint %o is refused by name",
    (endpoint) => {
      expect(() => open(endpoint)).toThrow(expect.objectContaining({ id: "CONFIG_BAD" }));
    },
  );
});

function follow(store: TopoStore, prefix: string): TopoWatchEvent[] {
  const events: TopoWatchEvent[] = [];
  store.watch(prefix, (event) => events.push(event));
  return events;
}

/** Last parts of the keys changed, in order; deleted ones with a minus. */
function keysOf(events: readonly TopoWatchEvent[]): string[] {
  return events.flatMap((event) =>
    event.kind !== "changes"
      ? []
      : event.changes.map((change) =>
          change.kind === "put" ? (change.entry.key.split("/").at(-1) ?? "") : `-${change.key.split("/").at(-1)}`,
        ),
  );
}
