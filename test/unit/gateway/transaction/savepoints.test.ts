import { expect, test } from "vitest";
import {
  firstSince,
  Savepoints,
  setSavepoint,
  type ShardSavepoint,
} from "../../../../src/gateway/transaction/savepoints.ts";
import { SessionState } from "../../../../src/gateway/session/session-state.ts";
import {
  cannotWrite,
  isReadOnly,
  settingsUnder,
  startOf,
} from "../../../../src/gateway/transaction/transaction-start.ts";
import { Settings } from "../../../../src/gateway/session/settings.ts";
import { DEFAULT_SQL_MODE } from "../../../../src/sql/tree.ts";

/** One shard, as SessionHolds keeps its savepoints. */
class Shard {
  set: readonly ShardSavepoint[] = [];
  readonly #savepoints: Savepoints;
  constructor(savepoints: Savepoints) {
    this.#savepoints = savepoints;
  }

  /** What goes before the statement. */
  statement(): string | undefined {
    const missing = this.#savepoints.missing(this.set);
    if (missing === undefined) return undefined;
    this.set = [...this.#savepoints.needed(this.set), missing];
    return setSavepoint(missing);
  }
}

test("a shard sets one savepoint for all that the session has set since its last statement", () => {
  const savepoints = new Savepoints();
  const shard = new Shard(savepoints);
  expect(shard.statement()).toBeUndefined();
  savepoints.set("a");
  savepoints.set("b");
  expect(shard.statement()).toBe("SAVEPOINT shardgate_1");
  expect(shard.statement()).toBeUndefined();
  const a = savepoints.backTo("a");
  expect(firstSince(shard.set, a ?? 0)).toEqual({ serial: 2, slot: 1 });
  savepoints.set("c");
  expect(shard.statement()).toBe("SAVEPOINT shardgate_2");
  expect(firstSince(shard.set, savepoints.backTo("c") ?? 0)?.slot).toBe(2);
});

test("slots are used again only when no savepoint of the session goes back to them", () => {
  const savepoints = new Savepoints();
  const shard = new Shard(savepoints);
  for (let i = 0; i < 1000; i++) {
    savepoints.set(`x${i}`);
    expect(shard.statement()).toBe("SAVEPOINT shardgate_1");
    expect(savepoints.release(`x${i}`)).toBe(true);
  }
  // The shard's only savepoint stands for `a` as well: it stays when `b` is gone.
  savepoints.set("a");
  savepoints.set("b");
  expect(shard.statement()).toBe("SAVEPOINT shardgate_1");
  savepoints.release("b");
  savepoints.set("c");
  expect(shard.statement()).toBe("SAVEPOINT shardgate_2");
  expect(firstSince(shard.set, savepoints.backTo("a") ?? 0)?.slot).toBe(1);
});

test("names are compared as MySQL does, and a mark has none", () => {
  const savepoints = new Savepoints();
  savepoints.set("Été");
  const mark = savepoints.mark();
  savepoints.set("later");
  expect(savepoints.backTo("")).toBe(mark);
  expect(savepoints.release("later")).toBe(false);
  savepoints.unmark(mark);
  expect(savepoints.backTo("ETE")).toBe(1);
  savepoints.clear();
  expect(savepoints.release("été")).toBe(false);
});

test("the statements that open a transaction", () => {
  const state = Object.assign(Object.create(SessionState.prototype) as SessionState, { settings: Settings.atLogin() });
  const start = (access: "read only" | "read write" | undefined, consistentSnapshot = false): string =>
    startOf(state, { access, consistentSnapshot });
  expect(start(undefined)).toBe("START TRANSACTION");
  expect(start("read only", true)).toBe("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY");
  expect(start("read write")).toBe("START TRANSACTION READ WRITE");
  state.nextIsolation = "READ COMMITTED";
  state.nextReadOnly = true;
  const next = start(undefined);
  expect(next.split("\0")).toEqual(["SET TRANSACTION ISOLATION LEVEL READ COMMITTED", "START TRANSACTION READ ONLY"]);
  expect(isReadOnly(next)).toBe(true);
  expect(start(undefined)).toBe("START TRANSACTION");
  state.settings = state.settings.withVariable("tx_read_only", "1");
  expect(start(undefined)).toBe("START TRANSACTION READ ONLY");
  expect(isReadOnly(start("read write"))).toBe(false);
  expect(cannotWrite()).toMatchObject({ errno: 1792, sqlState: "25006" });
});

test("a statement's own isolation goes on top of the settings", () => {
  const mariadb = { ...DEFAULT_SQL_MODE, dialect: "mariadb" as const };
  expect(settingsUnder("", "READ COMMITTED", mariadb)).toBe("SET tx_isolation = 'READ-COMMITTED'");
  expect(settingsUnder("SET @a = 1", "SERIALIZABLE", { ...mariadb, dialect: "mysql" })).toBe(
    "SET @a = 1, transaction_isolation = 'SERIALIZABLE'",
  );
});
