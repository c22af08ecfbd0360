// The pool's bookkeeping: connections that close take themselves out of the pool, also while it is closing others.

import { describe, expect, test } from "vitest";
import { Pool, type Poolable } from "../../../src/tablet/pool.ts";
import { DrivenClock } from "../../fixture/driven-clock.ts";

class FakeConnection implements Poolable {
  settings = "";
  readonly database = "";
  readonly foundRows = false;
  readonly createdMs = 0;
  closed = false;
  readonly #onClosed: (connection: FakeConnection) => void;

  constructor(onClosed: (connection: FakeConnection) => void) {
    this.#onClosed = onClosed;
  }

  get usable(): boolean {
    return !this.closed;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.#onClosed(this);
  }
}

async function filled(count: number) {
  const clock = new DrivenClock(0);
  const all: FakeConnection[] = [];
  const pool: Pool<FakeConnection> = new Pool<FakeConnection>({
    name: "query",
    connectionsMax: 10,
    waitersMax: 10,
    waitMs: 1_000,
    ageMaxMs: 10_000,
    idleMaxMs: 5_000,
    clock,
    open: async () => {
      const made = new FakeConnection((connection) => pool.lost(connection));
      all.push(made);
      return made;
    },
  });
  const leases = await Promise.all(Array.from({ length: count }, () => lease(pool)));
  return { clock, pool, all, leases };
}

function lease(pool: Pool<FakeConnection>): Promise<FakeConnection> {
  return new Promise((resolve, reject) => {
    pool.lease("", false, resolve, reject);
  });
}

describe("all connections are closed, none is forgotten", () => {
  test("when they have been idle for too long", async () => {
    const { clock, pool, all, leases } = await filled(5);
    for (const connection of leases) pool.giveBack(connection);
    expect(pool.stats).toMatchObject({ idle: 5, inUse: 0 });
    clock.advance(6_000);
    expect(all.map(({ closed }) => closed)).toEqual([true, true, true, true, true]);
    expect(pool.stats).toMatchObject({ idle: 0, inUse: 0, opening: 0 });
  });

  test("when only some are stale, and the others stay", async () => {
    const { clock, pool, all, leases } = await filled(6);
    for (const connection of leases.slice(0, 3)) pool.giveBack(connection);
    clock.advance(1_000);
    clock.advance(3_500);
    for (const connection of leases.slice(3)) pool.giveBack(connection);
    clock.advance(1_000);
    expect(all.filter(({ closed }) => closed)).toEqual(leases.slice(0, 3));
    expect(pool.stats).toMatchObject({ idle: 3, inUse: 0 });
  });

  test("when the pool closes", async () => {
    const { pool, all, leases } = await filled(5);
    for (const connection of leases.slice(1)) pool.giveBack(connection);
    pool.close();
    expect(all.filter(({ closed }) => !closed)).toEqual([leases[0]]);
    if (leases[0] !== undefined) pool.giveBack(leases[0]);
    expect(leases[0]?.closed).toBe(true);
  });

  test("when the mysqld is given up, leased ones too; the pool opens new ones", async () => {
    const { pool, all, leases } = await filled(5);
    for (const connection of leases.slice(2)) pool.giveBack(connection);
    pool.breakAll();
    expect(all.every(({ closed }) => closed)).toBe(true);
    expect(pool.stats).toMatchObject({ idle: 0, inUse: 0 });
    expect((await lease(pool)).closed).toBe(false);
  });
});

test("one that has been reset serves those with settings; one that is set otherwise is left while there is room", async () => {
  const { pool, all, leases } = await filled(1);
  const [first] = leases;
  const leaseSet = (): Promise<FakeConnection> =>
    new Promise((resolve, reject) => {
      pool.lease("SET a = 1", false, resolve, reject);
    });
  if (first !== undefined) pool.giveBack(first);
  const again = await leaseSet();
  expect(again).toBe(first);
  again.settings = "SET b = 2";
  pool.giveBack(again);
  expect(await leaseSet()).not.toBe(first);
  expect(all).toHaveLength(2);
});

test("one connection is opened for one who waits, whatever settings it is to get", async () => {
  const { pool, all } = await filled(0);
  const connection = await new Promise<FakeConnection>((resolve, reject) => {
    pool.lease("SET sql_mode = ''", false, resolve, reject);
  });
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
  expect(all).toEqual([connection]);
  expect(pool.stats).toMatchObject({ idle: 0, inUse: 1, opening: 0, waiting: 0 });
});
