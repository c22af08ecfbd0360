// What a gateway makes of what tablets tell: one definition at a time, and nothing when nothing is new.

import { describe, expect, test } from "vitest";
import { TrackedSchema } from "../../../../src/gateway/cluster/tracked-schema.ts";
import { readDefinitions } from "../../../../src/schema/ddl.ts";
import type { TableSchema } from "../../../../src/schema/model.ts";

function tablesOf(...sql: readonly string[]): readonly TableSchema[] {
  return readDefinitions("ks", sql).tables;
}

const NEWS = { keyspace: "ks", all: false, tables: [], dropped: [] };

describe("TrackedSchema", () => {
  test("a snapshot, then changes by table; each makes another version", () => {
    const tracked = new TrackedSchema();
    expect(
      tracked.take({ ...NEWS, all: true, tables: tablesOf("CREATE TABLE a (id INT)", "CREATE TABLE b (id INT)") }),
    ).toBe(true);
    const first = tracked.current;
    expect(first.tables("ks").map(({ name }) => name)).toEqual(["a", "b"]);
    expect(tracked.take({ ...NEWS, tables: tablesOf("CREATE TABLE b (id INT, v INT)"), dropped: ["a"] })).toBe(true);
    expect(tracked.current.version).toBeGreaterThan(first.version);
    expect(tracked.current.table("ks", "a")).toBeUndefined();
    expect(tracked.current.table("ks", "b")?.columns.length).toBe(2);
    expect(first.table("ks", "b")?.columns.length).toBe(1);
    expect(tracked.current.table("other", "b")).toBeUndefined();
  });

  test("the same snapshot from another tablet changes nothing", () => {
    const tracked = new TrackedSchema();
    const sql = ["CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(9))", "CREATE VIEW w AS SELECT id FROM a"];
    tracked.take({ ...NEWS, all: true, tables: tablesOf(...sql) });
    const before = tracked.current;
    expect(tracked.take({ ...NEWS, all: true, tables: tablesOf(...sql) })).toBe(false);
    expect(tracked.take({ ...NEWS, tables: tablesOf(...sql).slice(0, 1) })).toBe(false);
    expect(tracked.take({ ...NEWS, dropped: ["nobody"] })).toBe(false);
    expect(tracked.current).toBe(before);
    expect(tracked.take({ ...NEWS, all: true, tables: tablesOf(...sql).slice(0, 1) })).toBe(true);
    expect(tracked.current.table("ks", "w")).toBeUndefined();
  });

  test("row estimates count when they differ much", () => {
    const tracked = new TrackedSchema();
    const [table] = tablesOf("CREATE TABLE a (id INT)");
    if (table === undefined) throw new Error("no table");
    tracked.take({ ...NEWS, all: true, tables: [{ ...table, rows: 100 }] });
    expect(tracked.take({ ...NEWS, tables: [{ ...table, rows: 900 }] })).toBe(false);
    expect(tracked.take({ ...NEWS, tables: [{ ...table, rows: 90_000 }] })).toBe(true);
    expect(tracked.current.table("ks", "a")?.rows).toBe(90_000);
  });

  test("an empty keyspace is known to be empty, and a keyspace that is gone is forgotten", () => {
    const tracked = new TrackedSchema();
    expect(tracked.take({ ...NEWS, all: true })).toBe(true);
    expect(tracked.take({ ...NEWS, all: true })).toBe(false);
    tracked.take({ ...NEWS, keyspace: "other", all: true, tables: tablesOf("CREATE TABLE a (id INT)") });
    expect(tracked.keep(new Set(["ks", "other"]))).toBe(false);
    expect(tracked.keep(new Set(["ks"]))).toBe(true);
    expect(tracked.current.tables("other")).toEqual([]);
  });
});
