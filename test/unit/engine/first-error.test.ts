// Work that several groups share one stop for fails with what went wrong first, not with what being stopped looks like.

import { expect, test } from "vitest";
import { firstError } from "../../../src/engine/gather.ts";

function untilStopped({ signal }: AbortController): Promise<void> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(new Error("interrupted")), { once: true });
  });
}

test("a group inside another one: the cause is told, though others that are stopped end before it does", async () => {
  const stop = new AbortController();
  const inner = firstError([Promise.reject(new Error("timed out")), untilStopped(stop)], stop);
  await expect(firstError([inner, untilStopped(stop)], stop)).rejects.toThrow("timed out");
});

test("nothing is thrown when all succeed", async () => {
  const stop = new AbortController();
  await expect(firstError([Promise.resolve(), Promise.resolve()], stop)).resolves.toBeUndefined();
});
