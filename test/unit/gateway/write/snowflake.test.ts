// Snowflake ids: their parts, order and number, and when none are made.

import { expect, test } from "vitest";
import type { Clock } from "../../../../src/base/clock.ts";
import { Snowflakes } from "../../../../src/gateway/write/snowflake.ts";

const EPOCH_MS = Date.UTC(2024, 0, 1);

/** Sleeps pass at once; time goes on by what is slept. */
class HandClock implements Clock {
  wall = EPOCH_MS + 1_000;
  now = 0;
  #beats: (() => void)[] = [];

  nowMs(): number {
    return this.now;
  }

  wallMs(): number {
    return this.wall;
  }

  after(delayMs: number, fire: () => void): { cancel(): void } {
    if (delayMs > 1) this.#beats.push(fire);
    else {
      setImmediate(() => {
        this.pass(delayMs);
        fire();
      });
    }
    return { cancel: () => undefined };
  }

  pass(ms: number): void {
    this.now += ms;
    this.wall += ms;
  }

  /** The event loop comes round. */
  beat(): void {
    const due = this.#beats;
    this.#beats = [];
    for (const fire of due) fire();
  }
}

test("an id has the time, the gateway's number and a counter", async () => {
  const clock = new HandClock();
  const [first = 0n, second = 0n] = await new Snowflakes(clock, () => 5).take(2);
  expect(first >> 22n).toBe(1_000n);
  expect((first >> 12n) & 1023n).toBe(5n);
  expect(first & 4095n).toBe(0n);
  expect(second).toBe(first + 1n);
});

test("ids ascend, also when a millisecond has no more and when the clock goes back", async () => {
  const clock = new HandClock();
  const snowflakes = new Snowflakes(clock, () => 1);
  const ids = await snowflakes.take(10_000);
  clock.wall -= 500;
  ids.push(...(await snowflakes.take(3)));
  expect(new Set(ids).size).toBe(10_003);
  expect(ids.every((id, i) => i === 0 || id > (ids[i - 1] ?? 0n))).toBe(true);
  // None is ahead of the clock.
  expect(Number((ids.at(-1) ?? 0n) >> 22n)).toBeLessThanOrEqual(clock.wall - EPOCH_MS);
});

test("no ids without a number, after a standstill, or when the clock has gone back far", async () => {
  const clock = new HandClock();
  const gateway: { number: number | undefined } = { number: undefined };
  const snowflakes = new Snowflakes(clock, () => gateway.number);
  await expect(snowflakes.take(1)).rejects.toThrow("has no number");
  gateway.number = 1;
  await expect(snowflakes.take(1)).resolves.toHaveLength(1);
  clock.pass(20_000);
  await expect(snowflakes.take(1)).rejects.toThrow("stood still");
  clock.pass(3_000);
  clock.beat();
  await expect(snowflakes.take(1)).rejects.toThrow("stood still");
  clock.pass(3_000);
  clock.beat();
  await expect(snowflakes.take(1)).resolves.toHaveLength(1);
  clock.wall -= 60_000;
  await expect(snowflakes.take(1)).rejects.toThrow("gone back");
});
