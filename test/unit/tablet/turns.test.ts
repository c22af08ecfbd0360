import { expect, test } from "vitest";
import { Turns } from "../../../src/tablet/turns.ts";
import { DrivenClock } from "../../fixture/driven-clock.ts";

const PATIENCE_MS = 250;

/** Runs that end when they are told to. */
class Runs {
  readonly begun: string[] = [];
  readonly #ends = new Map<string, (error?: Error) => void>();

  run(name: string): () => Promise<string> {
    return () =>
      new Promise((resolve, reject) => {
        this.begun.push(name);
        this.#ends.set(name, (error) => (error === undefined ? resolve(name) : reject(error)));
      });
  }

  end(name: string, error?: Error): void {
    this.#ends.get(name)?.(error);
  }
}

const settled = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

test("one begins when the one before has ended, well or badly", async () => {
  const runs = new Runs();
  const turns = new Turns(new DrivenClock(), PATIENCE_MS);
  const first = turns.take(runs.run("first"));
  const second = turns.take(runs.run("second"));
  const third = turns.take(runs.run("third"));
  await settled();
  expect(runs.begun).toEqual(["first"]);
  runs.end("first");
  expect(await first).toBe("first");
  await settled();
  expect(runs.begun).toEqual(["first", "second"]);
  runs.end("second", new Error("no"));
  await expect(second).rejects.toThrow("no");
  await settled();
  runs.end("third");
  expect(await third).toBe("third");
});

test("one that takes long is not waited for", async () => {
  const clock = new DrivenClock();
  const runs = new Runs();
  const turns = new Turns(clock, PATIENCE_MS);
  void turns.take(runs.run("first"));
  void turns.take(runs.run("second"));
  void turns.take(runs.run("third"));
  await settled();
  clock.advance(PATIENCE_MS - 1);
  await settled();
  expect(runs.begun).toEqual(["first"]);
  clock.advance(1);
  await settled();
  expect(runs.begun).toEqual(["first", "second"]);
  clock.advance(PATIENCE_MS);
  await settled();
  expect(runs.begun).toEqual(["first", "second", "third"]);
});
