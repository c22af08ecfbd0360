// The tracker against a mysqld of lists: what it asks and when, what watchers are told and in which parts. Time is driven.

import { describe, expect, test } from "vitest";
import type { Clock } from "../../../src/base/clock.ts";
import { LIMITS } from "../../../src/base/limits.ts";
import { createLog } from "../../../src/base/log.ts";
import type { SchemaChange } from "../../../src/rpc/schema-message.ts";
import type { SchemaReader } from "../../../src/rpc/tablet-server.ts";
import type { TableSchema } from "../../../src/schema/model.ts";
import { readDefinitions } from "../../../src/schema/ddl.ts";
import { type DefinitionSource, SchemaTracker } from "../../../src/tablet/schema-tracker.ts";

const log = createLog("test", "silent");

class FakeClock implements Clock {
  #now = 0;
  readonly #timers = new Set<{ readonly at: number; readonly fire: () => void }>();

  nowMs(): number {
    return this.#now;
  }

  wallMs(): number {
    return this.#now;
  }

  after(delayMs: number, fire: () => void): { cancel(): void } {
    const timer = { at: this.#now + delayMs, fire };
    this.#timers.add(timer);
    return { cancel: () => this.#timers.delete(timer) };
  }

  /** Passes `ms`, timers in order, with all that follows from each. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (;;) {
      const due = [...this.#timers].filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#timers.delete(due);
      this.#now = Math.max(this.#now, due.at);
      due.fire();
      await settle();
    }
    this.#now = Math.max(this.#now, end);
  }

  /** As if work took so long. */
  skip(ms: number): void {
    this.#now += ms;
  }
}

/** Lets promises that wait for nothing but each other come to rest. */
async function settle(): Promise<void> {
  for (let i = 0; i < 100; i++) await Promise.resolve();
}

class FakeMysqld implements DefinitionSource {
  readonly tables = new Map<string, TableSchema>();
  readonly asked: string[] = [];
  ddlCount = 0;
  changing = false;
  down = false;
  onSignatures: () => void = () => undefined;

  /** Runs a definition, as a DDL statement would. */
  run(...sql: readonly string[]): void {
    this.ddlCount++;
    const { tables, unread } = readDefinitions("ks", sql);
    if (unread.length > 0) throw new Error(unread[0]?.message);
    for (const table of tables) this.tables.set(table.name, table);
  }

  drop(name: string): void {
    this.ddlCount++;
    this.tables.delete(name);
  }

  activity(): Promise<string> {
    return this.#answer("activity", () => String(this.ddlCount));
  }

  isChanging(): Promise<boolean> {
    return this.#answer("isChanging", () => this.changing);
  }

  signatures(names?: readonly string[]): Promise<ReadonlyMap<string, string>> {
    return this.#answer(names === undefined ? "signatures" : `signatures of ${names.join(",")}`, () => {
      this.onSignatures();
      const found = [...this.tables].filter(([name]) => names === undefined || names.includes(name));
      return new Map(
        found.map(([name, { columns, keys, viewQuery }]) => [name, JSON.stringify([columns, keys, viewQuery])]),
      );
    });
  }

  definitions(names: readonly string[]): Promise<readonly TableSchema[]> {
    if (names.length === 0) return Promise.resolve([]);
    return this.#answer(`definitions of ${names.join(",")}`, () =>
      names.flatMap((name) => this.tables.get(name) ?? []).filter(({ columns }) => columns.length > 0),
    );
  }

  rowCounts(names: readonly string[]): Promise<ReadonlyMap<string, number>> {
    return this.#answer(`rows of ${names.length}`, () => {
      const counts = new Map<string, number>();
      for (const name of names) {
        const rows = this.tables.get(name)?.rows;
        if (rows !== undefined) counts.set(name, rows);
      }
      return counts;
    });
  }

  /** What was asked since the last look. */
  take(): readonly string[] {
    return this.asked.splice(0);
  }

  #answer<T>(what: string, give: () => T): Promise<T> {
    if (this.down) return Promise.reject(new Error("down"));
    this.asked.push(what);
    return Promise.resolve().then(give);
  }
}

/** Follows a reader as a gateway does. */
class Follower {
  readonly known = new Map<string, TableSchema>();
  readonly changes: SchemaChange[] = [];
  ended = false;
  readonly reader: SchemaReader;

  constructor(tracker: SchemaTracker) {
    this.reader = tracker.watch(
      () => this.pull(),
      () => {
        this.ended = true;
      },
    );
    this.pull();
  }

  pull(): void {
    for (let change = this.reader.next(); change !== undefined; change = this.reader.next()) {
      this.changes.push(change);
      if (change.begins) this.known.clear();
      for (const table of change.tables) this.known.set(table.name, table);
      for (const name of change.dropped) this.known.delete(name);
    }
  }

  get names(): readonly string[] {
    return [...this.known.keys()].toSorted();
  }
}

interface Bench {
  readonly clock: FakeClock;
  readonly mysqld: FakeMysqld;
  readonly tracker: SchemaTracker;
}

async function started(...sql: readonly string[]): Promise<Bench> {
  const clock = new FakeClock();
  const mysqld = new FakeMysqld();
  if (sql.length > 0) mysqld.run(...sql);
  const tracker = new SchemaTracker({ keyspace: "ks", source: mysqld, clock, log });
  tracker.start();
  await clock.pass(0);
  return { clock, mysqld, tracker };
}

describe("what a tracker asks", () => {
  test("everything once, then only counters and a few row estimates", async () => {
    const { clock, mysqld } = await started("CREATE TABLE a (id INT)", "CREATE TABLE b (id INT)");
    expect(mysqld.take()).toEqual(["activity", "isChanging", "signatures", "definitions of a,b"]);
    await clock.pass(3 * LIMITS.schemaLookIntervalMs);
    expect(new Set(mysqld.take())).toEqual(new Set(["activity", "rows of 2"]));
  });

  test("definitions that differ are read, and no others", async () => {
    const { clock, mysqld, tracker } = await started("CREATE TABLE a (id INT)", "CREATE TABLE b (id INT)");
    mysqld.take();
    mysqld.run("CREATE TABLE b (id INT, v INT)");
    mysqld.run("CREATE TABLE c (id INT)");
    await clock.pass(LIMITS.schemaLookIntervalMs);
    expect(mysqld.take()).toEqual(["activity", "isChanging", "signatures", "definitions of b,c"]);
    expect(tracker.table("b")?.columns.length).toBe(2);
  });

  test("while such a statement runs it compares again and again, and once after", async () => {
    const { clock, mysqld, tracker } = await started("CREATE TABLE a (id INT)");
    mysqld.changing = true;
    mysqld.ddlCount++;
    await clock.pass(2 * LIMITS.schemaLookIntervalMs);
    expect(mysqld.asked.filter((what) => what === "signatures").length).toBe(3);
    mysqld.changing = false;
    mysqld.tables.set("a", readDefinitions("ks", ["CREATE TABLE a (id BIGINT)"]).tables[0] as TableSchema);
    mysqld.take();
    await clock.pass(3 * LIMITS.schemaLookIntervalMs);
    expect(mysqld.take().filter((what) => what === "signatures").length).toBe(1);
    expect(tracker.table("a")?.columns[0]?.dataType).toBe("bigint");
  });

  test("a comparison that takes long is not made again at once", async () => {
    const { clock, mysqld } = await started("CREATE TABLE a (id INT)");
    mysqld.onSignatures = () => clock.skip(2_000);
    mysqld.ddlCount++;
    await clock.pass(LIMITS.schemaLookIntervalMs);
    mysqld.ddlCount++;
    mysqld.take();
    await clock.pass(5 * LIMITS.schemaLookIntervalMs);
    expect(mysqld.take()).not.toContain("signatures");
    await clock.pass(10 * LIMITS.schemaLookIntervalMs);
    expect(mysqld.take()).toContain("signatures");
  });

  test("all is compared once in a while although nothing seems to have changed", async () => {
    const { clock, mysqld, tracker } = await started("CREATE TABLE a (id INT)");
    mysqld.tables.set("a", readDefinitions("ks", ["CREATE TABLE a (id BIGINT)"]).tables[0] as TableSchema);
    await clock.pass(LIMITS.schemaSweepIntervalMs - LIMITS.schemaLookIntervalMs);
    expect(tracker.table("a")?.columns[0]?.dataType).toBe("int");
    await clock.pass(2 * LIMITS.schemaLookIntervalMs);
    expect(tracker.table("a")?.columns[0]?.dataType).toBe("bigint");
  });

  test("a poke begins the next round at once", async () => {
    const { clock, mysqld, tracker } = await started("CREATE TABLE a (id INT)");
    mysqld.run("CREATE TABLE b (id INT)");
    tracker.poke();
    await clock.pass(0);
    expect(tracker.table("b")).toBeDefined();
  });

  test("a refresh looks at the tables it names, and resolves to the version that has them", async () => {
    const { clock, mysqld, tracker } = await started("CREATE TABLE a (id INT)", "CREATE TABLE b (id INT)");
    const before = tracker.version;
    mysqld.run("CREATE TABLE b (id INT, v INT)");
    mysqld.drop("a");
    mysqld.take();
    const refreshed = tracker.refresh(["b", "nobody", "a"]);
    await clock.pass(0);
    expect(await refreshed).toBe(before + 1);
    expect(mysqld.take().slice(0, 2)).toEqual(["signatures of b,nobody,a", "definitions of b"]);
    expect(tracker.table("b")?.columns.length).toBe(2);
    expect(tracker.table("a")).toBeUndefined();
  });

  test("a mysqld that is away is asked again, and what was known stays", async () => {
    const { clock, mysqld, tracker } = await started("CREATE TABLE a (id INT)");
    mysqld.down = true;
    const refused = tracker.refresh([]);
    const outcome = refused.then(
      () => "resolved",
      (error: unknown) => String(error),
    );
    await clock.pass(5 * LIMITS.schemaLookIntervalMs);
    expect(await outcome).toContain("down");
    expect(tracker.table("a")).toBeDefined();
    mysqld.down = false;
    mysqld.run("CREATE TABLE a (id INT, v INT)");
    await clock.pass(LIMITS.schemaLookIntervalMs);
    expect(tracker.table("a")?.columns.length).toBe(2);
  });

  test("after stop nothing is asked", async () => {
    const { clock, mysqld, tracker } = await started("CREATE TABLE a (id INT)");
    tracker.stop();
    await clock.pass(0);
    mysqld.take();
    await clock.pass(10 * LIMITS.schemaLookIntervalMs);
    expect(mysqld.take()).toEqual([]);
  });
});

describe("what watchers are told", () => {
  test("all at first, then changes by table with a version that grows", async () => {
    const { clock, mysqld, tracker } = await started("CREATE TABLE a (id INT)", "CREATE TABLE b (id INT)");
    const follower = new Follower(tracker);
    expect(follower.names).toEqual(["a", "b"]);
    expect(follower.changes).toMatchObject([{ begins: true, complete: true, version: 1 }]);
    mysqld.run("CREATE TABLE b (id INT, v INT)");
    mysqld.drop("a");
    await clock.pass(LIMITS.schemaLookIntervalMs);
    expect(follower.names).toEqual(["b"]);
    expect(follower.changes.slice(1)).toMatchObject([{ begins: false, complete: true, version: 2, dropped: ["a"] }]);
  });

  test("a watcher that comes before the first look is told when it is done", async () => {
    const clock = new FakeClock();
    const mysqld = new FakeMysqld();
    const tracker = new SchemaTracker({ keyspace: "ks", source: mysqld, clock, log });
    const follower = new Follower(tracker);
    expect(follower.changes).toEqual([]);
    tracker.start();
    await clock.pass(0);
    expect(follower.changes).toMatchObject([{ begins: true, complete: true, tables: [] }]);
  });

  test("what is read again and is as before is not told", async () => {
    const { clock, mysqld, tracker } = await started("CREATE TABLE a (id INT)");
    const follower = new Follower(tracker);
    mysqld.ddlCount++;
    await clock.pass(3 * LIMITS.schemaLookIntervalMs);
    expect(follower.changes.length).toBe(1);
  });

  test("many definitions come in several messages, changes in between included", async () => {
    const columns = Array.from({ length: 200 }, (_, i) => `column_with_a_name_${i} VARCHAR(255)`).join(", ");
    const tables = Array.from({ length: 100 }, (_, i) => `CREATE TABLE t${i} (${columns})`);
    const { clock, mysqld, tracker } = await started(...tables);
    const reader = tracker.watch(
      () => undefined,
      () => undefined,
    );
    const first = reader.next();
    expect(first?.begins).toBe(true);
    expect(first?.complete).toBe(false);
    expect(first?.tables.length).toBeLessThan(100);
    const told = first?.tables[0]?.name ?? "";
    mysqld.run(`CREATE TABLE ${told} (id INT)`);
    mysqld.drop("t99");
    await clock.pass(LIMITS.schemaLookIntervalMs);
    const rest: SchemaChange[] = [];
    for (let change = reader.next(); change !== undefined; change = reader.next()) rest.push(change);
    expect(rest.map(({ complete }) => complete).lastIndexOf(true)).toBe(rest.length - 1);
    expect(rest.filter(({ complete }) => complete).length).toBe(1);
    const names = new Set(
      [...(first?.tables ?? []), ...rest.flatMap((change) => change.tables)].map(({ name }) => name),
    );
    expect(names.size).toBe(99);
    expect(rest.flatMap((change) => change.tables).find(({ name }) => name === told)?.columns.length).toBe(1);
  });

  test("a view that cannot be read is not there", async () => {
    const { clock, mysqld, tracker } = await started("CREATE TABLE a (id INT)", "CREATE VIEW v AS SELECT id FROM a");
    const follower = new Follower(tracker);
    expect(follower.names).toEqual(["a", "v"]);
    const view = mysqld.tables.get("v") as TableSchema;
    mysqld.tables.set("v", { ...view, columns: [] });
    mysqld.drop("a");
    await clock.pass(LIMITS.schemaLookIntervalMs);
    expect(follower.names).toEqual([]);
    mysqld.take();
    mysqld.ddlCount++;
    await clock.pass(LIMITS.schemaLookIntervalMs);
    expect(mysqld.take()).not.toContain("definitions of v");
  });

  test("row estimates are told when they differ much", async () => {
    const { clock, mysqld, tracker } = await started("CREATE TABLE a (id INT)");
    const follower = new Follower(tracker);
    const rowsOf = (rows: number): void => {
      mysqld.tables.set("a", { ...(mysqld.tables.get("a") as TableSchema), rows });
    };
    rowsOf(0);
    await clock.pass(2 * LIMITS.schemaLookIntervalMs);
    expect(follower.known.get("a")?.rows).toBe(0);
    rowsOf(1_500);
    await clock.pass(2 * LIMITS.schemaLookIntervalMs);
    expect(follower.known.get("a")?.rows).toBe(0);
    rowsOf(100_000);
    await clock.pass(2 * LIMITS.schemaLookIntervalMs);
    expect(follower.known.get("a")?.rows).toBe(100_000);
    expect(follower.changes.length).toBe(3);
  });

  test("row estimates of very many tables are told now and then", async () => {
    const names = Array.from({ length: 10 * LIMITS.schemaRowsTables }, (_, i) => `t${i}`);
    const { clock, mysqld, tracker } = await started(...names.map((name) => `CREATE TABLE ${name} (id INT)`));
    const follower = new Follower(tracker);
    for (const name of names) mysqld.tables.set(name, { ...(mysqld.tables.get(name) as TableSchema), rows: 5_000 });
    await clock.pass(5 * LIMITS.schemaLookIntervalMs);
    expect(follower.changes.length).toBe(1);
    await clock.pass(10 * LIMITS.schemaLookIntervalMs);
    expect(follower.changes.length).toBe(2);
    expect([...follower.known.values()].filter(({ rows }) => rows === 5_000).length).toBe(names.length);
  });

  test("a closed watcher is told nothing more, and others end with the tracker", async () => {
    const { clock, mysqld, tracker } = await started("CREATE TABLE a (id INT)");
    const closed = new Follower(tracker);
    const open = new Follower(tracker);
    closed.reader.close();
    mysqld.run("CREATE TABLE b (id INT)");
    await clock.pass(LIMITS.schemaLookIntervalMs);
    expect(closed.names).toEqual(["a"]);
    expect(open.names).toEqual(["a", "b"]);
    tracker.stop();
    expect([closed.ended, open.ended]).toEqual([false, true]);
  });
});
