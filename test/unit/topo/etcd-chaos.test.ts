// Seeded chaos: writers write, a watcher and a topology watcher follow, while the path to etcd is cut, etcd is stopped,
// killed and compacted at random. At the end the watcher's picture must be the store's, with no change told twice or out
// of order. SHARDGATE_CHAOS_ROUNDS and SHARDGATE_CHAOS_SEED lengthen and repeat it.

import { execFileSync } from "node:child_process";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../../../src/base/clock.ts";
import { silentLog } from "../../../src/base/log.ts";
import { createEtcdStore } from "../../../src/topo/etcd.ts";
import type { TopoStore } from "../../../src/topo/store.ts";
import type { EtcdProcess, Relay } from "./etcd-process.ts";
import { eventually, startEtcd, startRelay } from "./etcd-process.ts";
import { randomFrom } from "./random.ts";

const ROUNDS = Number(process.env["SHARDGATE_CHAOS_ROUNDS"] ?? 6);
const SEED = Number(process.env["SHARDGATE_CHAOS_SEED"] ?? 1);
const PREFIX = "/chaos/";

let etcd: EtcdProcess;
let relay: Relay;
const stores: TopoStore[] = [];
beforeAll(async () => {
  etcd = await startEtcd();
  relay = await startRelay(etcd.port);
});
afterAll(async () => {
  await Promise.all(stores.map((store) => store.close()));
  await relay.dispose();
  await etcd.dispose();
});

const open = (endpoint: string) => {
  const store = createEtcdStore({ endpoints: [endpoint], clock: systemClock, log: silentLog, callTimeoutMs: 1_500 });
  stores.push(store);
  return store;
};
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test(`seed ${SEED}, ${ROUNDS} rounds: the picture converges`, { timeout: 120_000 + ROUNDS * 15_000 }, async () => {
  const random = randomFrom(SEED);
  const watched = open(relay.endpoint);
  const picture = new Map<string, string>();
  const wrong: string[] = [];
  let lastRevision = 0;
  let resets = 0;
  watched.watch(PREFIX, (event) => {
    if (event.kind === "reset") {
      resets++;
      picture.clear();
      for (const entry of event.list.entries) picture.set(entry.key, entry.value);
      if (event.list.revision < lastRevision) wrong.push(`reset to ${event.list.revision} after ${lastRevision}`);
      lastRevision = event.list.revision;
    } else if (event.kind === "changes") {
      for (const change of event.changes) {
        const revision = change.kind === "put" ? change.entry.revision : change.revision;
        if (revision < lastRevision) wrong.push(`change ${revision} after ${lastRevision}`);
        lastRevision = revision;
        if (change.kind === "put") picture.set(change.entry.key, change.entry.value);
        else picture.delete(change.key);
      }
    }
  });
  const registration = watched.register("/chaos/tablet", "me", { ttlS: 2 });

  const writer = open(etcd.endpoint);
  let isDone = false;
  let written = 0;
  const writing = (async () => {
    const pick = randomFrom(SEED + 1_000);
    while (!isDone) {
      const key = `${PREFIX}k${pick(20)}`;
      try {
        if (pick(4) === 0) await writer.delete(key);
        else await writer.update(key, String(written));
        written++;
      } catch {
        // Away, or nothing to delete.
      }
      await pause(5);
    }
  })();

  const troubles: [string, () => Promise<void>][] = [
    [
      "cut",
      async () => {
        relay.cut();
        await pause(random(600));
        relay.mend();
      },
    ],
    [
      "swallow",
      async () => {
        relay.swallowAnswers();
        await pause(random(1_500));
        relay.cut();
        relay.mend();
      },
    ],
    [
      "compact while cut",
      async () => {
        relay.cut();
        await pause(200);
        const { revision } = await writer.list(PREFIX);
        execFileSync("etcdctl", ["--endpoints", etcd.endpoint, "compact", String(revision)], {
          env: { ...process.env, ETCDCTL_API: "3" },
          stdio: "ignore",
        });
        relay.mend();
      },
    ],
    [
      "stop",
      async () => {
        etcd.signal("SIGSTOP");
        await pause(random(3_000));
        etcd.signal("SIGCONT");
      },
    ],
    [
      "kill",
      async () => {
        await etcd.kill();
        await pause(random(800));
        await etcd.restart();
      },
    ],
  ];
  for (let round = 0; round < ROUNDS; round++) {
    await troubles[(round + random(2)) % troubles.length]?.[1]();
    await pause(random(700));
  }
  isDone = true;
  await writing;
  await registration.registered;
  const same = async () => {
    try {
      const { entries } = await writer.list(PREFIX);
      return (
        JSON.stringify([...picture].toSorted(([a], [b]) => (a < b ? -1 : 1))) ===
        JSON.stringify(entries.map(({ key, value }) => [key, value]))
      );
    } catch {
      return false;
    }
  };
  await eventually("the same picture", same, 40_000);
  await eventually("registered", async () => picture.get("/chaos/tablet") === "me", 40_000);
  expect(wrong).toEqual([]);
  expect(resets).toBeGreaterThan(0);
  expect(written).toBeGreaterThan(10);
});
