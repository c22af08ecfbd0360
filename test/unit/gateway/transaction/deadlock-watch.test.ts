// Which transactions of a graph of waits have to go.

import { expect, test } from "vitest";
import { victimsOf } from "../../../../src/gateway/transaction/deadlock-watch.ts";
import type { LockWait } from "../../../../src/base/lock-wait.ts";

/** `a>b` with a weight: `a` waits for `b`. */
function waits(...edges: readonly (readonly [number, number, number?])[]): readonly LockWait[] {
  return edges.map(([waiting, blocking, weight = 2]) => ({ waiting, blocking, weight, transaction: `t${waiting}` }));
}

test("no ring, no victim", () => {
  expect(victimsOf([])).toEqual([]);
  expect(victimsOf(waits([1, 2], [2, 3], [1, 3], [4, 3]))).toEqual([]);
});

test("the lightest of a ring goes, of equals the youngest", () => {
  expect(victimsOf(waits([1, 2], [2, 1]))).toEqual([2]);
  expect(victimsOf(waits([1, 2, 3], [2, 1, 9]))).toEqual([1]);
  expect(victimsOf(waits([1, 2], [2, 3], [3, 1]))).toEqual([3]);
});

test("who waits for a ring but is not in it stays", () => {
  expect(victimsOf(waits([9, 1], [1, 2], [2, 1], [8, 9]))).toEqual([2]);
});

test("rings apart have a victim each, rings with one in common may have one", () => {
  expect(victimsOf(waits([1, 2], [2, 1], [3, 4], [4, 3]))).toEqual([2, 4]);
  expect(victimsOf(waits([1, 5, 1], [5, 1, 1], [2, 5, 1], [5, 2, 1]))).toEqual([5]);
});

test("the same waits in another order have the same victims", () => {
  const edges = [
    [1, 2],
    [2, 3],
    [3, 1],
    [3, 2],
    [4, 1],
    [1, 4, 1],
    [5, 6],
    [6, 5, 7],
  ] as const;
  const expected = victimsOf(waits(...edges));
  for (let turn = 1; turn < edges.length; turn++) {
    expect(victimsOf(waits(...edges.slice(turn), ...edges.slice(0, turn)))).toEqual(expected);
  }
});
