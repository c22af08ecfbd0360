// Definitions of several databases of one mysqld: others than the tablet's own are looked at while somebody watches them,
// and what concerns the mysqld as a whole is asked once for all of them.

import { afterEach, expect, test } from "vitest";
import { systemClock } from "../../../src/base/clock.ts";
import { createLog } from "../../../src/base/log.ts";
import { readDefinitions } from "../../../src/schema/ddl.ts";
import { type DefinitionSource, SchemaTracker } from "../../../src/tablet/schema-tracker.ts";
import { SchemaTrackers } from "../../../src/tablet/schema-trackers.ts";
import { eventually } from "../topo/etcd-process.ts";

const log = createLog("test", "silent");
let trackers: SchemaTrackers | undefined;
afterEach(() => trackers?.stop());

function sources(): { readonly asked: Map<string, number>; readonly source: (database: string) => DefinitionSource } {
  const asked = new Map<string, number>();
  const count = (what: string): void => void asked.set(what, (asked.get(what) ?? 0) + 1);
  return {
    asked,
    source: (database) => ({
      activity() {
        count(`activity by ${database}`);
        return Promise.resolve("none");
      },
      isChanging: () => Promise.resolve(false),
      signatures() {
        count(`signatures of ${database}`);
        return Promise.resolve(new Map([[`t_${database}`, "1"]]));
      },
      definitions: (names) =>
        Promise.resolve(names.flatMap((name) => readDefinitions("ks", [`CREATE TABLE ${name} (a INT)`]).tables)),
      rowCounts: () => Promise.resolve(new Map()),
    }),
  };
}

test("each database is told of itself, and let go when nobody watches it", async () => {
  const { asked, source } = sources();
  trackers = new SchemaTrackers({
    own: "home",
    source,
    tracker: (keyspace, from) => new SchemaTracker({ keyspace, source: from, clock: systemClock, log }),
    clock: systemClock,
  });
  trackers.start();
  const seen = new Map<string, string[]>();
  const watch = (keyspace: string): { close(): void } => {
    const reader = trackers?.watch(
      keyspace,
      () => {
        for (let change = reader?.next(); change !== undefined; change = reader?.next()) {
          seen.set(keyspace, [...(seen.get(keyspace) ?? []), ...change.tables.map(({ name }) => name)]);
        }
      },
      () => undefined,
    );
    if (reader === undefined) throw new Error("no trackers");
    return reader;
  };
  const readers = ["", "home", "one", "one", "two"].map(watch);
  await eventually("told", () => seen.size === 4);
  expect(Object.fromEntries(seen)).toEqual({
    "": ["t_home"],
    home: ["t_home"],
    one: ["t_one", "t_one"],
    two: ["t_two"],
  });
  expect(asked.get("activity by one")).toBeUndefined();
  expect(await trackers.refresh("one", [])).toBe(1);
  for (const reader of readers) reader.close();
  const before = asked.get("signatures of one") ?? 0;
  expect(await trackers.refresh("one", [])).toBe(1);
  // It has begun anew.
  expect(asked.get("signatures of one")).toBeGreaterThan(before);
});
