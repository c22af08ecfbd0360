// Key ranges as Vitess writes them, partitions, and the lookup from keyspace id to shard, also on random shard sets.

import { describe, expect, test } from "vitest";
import type { KeyRange } from "../../../src/topo/key-range.ts";
import {
  compareKeyRanges,
  keyRangeContains,
  keyRangesEqual,
  keyRangesIntersect,
  parseKeyRange,
  partitionProblem,
  printKeyRange,
  ShardMap,
} from "../../../src/topo/key-range.ts";
import { randomFrom } from "./random.ts";

const shardsOf = (...names: string[]) => names.map((name) => ({ name, keyRange: parseKeyRange(name) }));
const hex = (text: string) => Buffer.from(text, "hex");

describe("parse and print", () => {
  test.each([
    ["-", "-"],
    ["0", "-"],
    ["-80", "-80"],
    ["80-", "80-"],
    ["80-C0", "80-c0"],
    ["40-4001", "40-4001"],
    ["8000-c000", "80-c0"],
    ["00-80", "-80"],
  ])("%s prints as %s", (text, printed) => {
    expect(printKeyRange(parseKeyRange(text))).toBe(printed);
    expect(keyRangesEqual(parseKeyRange(printed), parseKeyRange(text))).toBe(true);
  });

  test.each([
    "",
    "8-",
    "80",
    "1",
    "-8",
    "80-80",
    "c0-80",
    "-00",
    "00-0000",
    "80--",
    "gg-",
    " -80",
    "-80 ",
    "80-8000",
    "--",
  ])("%o is refused", (text) => {
    expect(() => parseKeyRange(text)).toThrow(expect.objectContaining({ id: "KEY_RANGE_BAD" }));
  });
});

test.each([
  ["-80", "7fffffffffffffff", true],
  ["-80", "80", false],
  ["-80", "", true],
  ["80-", "80", true],
  ["80-", "8000000000000000", true],
  ["80-", "7fff", false],
  ["80-", "ffffffffffffffffffff", true],
  ["8000-", "80", true],
  ["-8000", "80", false],
  ["-8000", "80000000", false],
  ["-", "", true],
  ["40-80", "3f", false],
  ["40-80", "40", true],
])("%s contains %s: %s", (range, id, expected) => {
  expect(keyRangeContains(parseKeyRange(range), hex(id))).toBe(expected);
});

test.each([
  ["-80", "80-", false],
  ["-80", "7f-", true],
  ["-", "80-c0", true],
  ["40-80", "80-c0", false],
  ["40-80", "20-41", true],
  ["40-80", "50-60", true],
  ["c0-", "f0-", true],
])("%s and %s intersect: %s", (a, b, expected) => {
  expect(keyRangesIntersect(parseKeyRange(a), parseKeyRange(b))).toBe(expected);
  expect(keyRangesIntersect(parseKeyRange(b), parseKeyRange(a))).toBe(expected);
});

test.each<[string[], string | undefined]>([
  [["-"], undefined],
  [["0"], undefined],
  [["80-", "-80"], undefined],
  [["-40", "c0-", "40-80", "80-c0"], undefined],
  [["-40", "40-4001", "4001-"], undefined],
  [[], "there are no shards"],
  [["-80"], "no shard covers 80-"],
  [["80-"], "no shard covers -80"],
  [["-40", "80-"], "no shard covers 40-80"],
  [["-80", "40-"], "shards -80 and 40- overlap"],
  [["-80", "80-", "80-c0"], "shards 80-c0 and 80- overlap"],
  [["-", "0"], "shards - and 0 overlap"],
])("partition of %j", (names, problem) => {
  expect(partitionProblem(shardsOf(...names))).toBe(problem);
  if (problem === undefined) expect(new ShardMap(shardsOf(...names)).shards).toHaveLength(names.length);
  else expect(() => new ShardMap(shardsOf(...names))).toThrow(expect.objectContaining({ id: "KEY_RANGE_BAD" }));
});

test("overlapping shards of a range come in order", () => {
  const map = new ShardMap(shardsOf("c0-", "-40", "80-c0", "40-80"));
  const names = (range: string) => map.overlapping(parseKeyRange(range)).map(({ name }) => name);
  expect(names("-")).toEqual(["-40", "40-80", "80-c0", "c0-"]);
  expect(names("3f-41")).toEqual(["-40", "40-80"]);
  expect(names("40-80")).toEqual(["40-80"]);
  expect(names("ff-")).toEqual(["c0-"]);
});

test.each([1, 2, 3, 4, 5, 6])("random shard sets, seed %i: the lookup agrees with asking every shard", (seed) => {
  const random = randomFrom(seed);
  const bytes = () => {
    const found = Buffer.alloc(random(9));
    // Few distinct values, so that bounds and ids share prefixes and differ in trailing zeros.
    for (let index = 0; index < found.length; index++) found[index] = [0, 1, 0x7f, 0x80, 0xff][random(5)] ?? 0;
    return found;
  };
  for (let round = 0; round < 60; round++) {
    const bounds = new Set(
      Array.from({ length: random(20) }, () =>
        bytes()
          .toString("hex")
          .replace(/(00)+$/, ""),
      ),
    );
    bounds.delete("");
    const sorted = [...bounds].toSorted();
    const names = [...sorted, ""].map((end, index) => `${sorted[index - 1] ?? ""}-${end}`);
    const shards = shardsOf(...names);
    expect(partitionProblem(shards.toReversed())).toBeUndefined();
    const map = new ShardMap(shards.toReversed());
    expect(map.shards.map(({ name }) => name)).toEqual(names);
    for (let probe = 0; probe < 60; probe++) {
      const id = bytes();
      const holders = shards.filter(({ keyRange }) => keyRangeContains(keyRange, id));
      expect(holders).toHaveLength(1);
      expect(map.shardOf(id)).toEqual(holders[0]);
      expect(map.shards[map.indexOf(id)]).toEqual(holders[0]);
    }
  }
});

test("random text: either refused by name or printed back to the same range", () => {
  const random = randomFrom(99);
  let accepted = 0;
  for (let round = 0; round < 5_000; round++) {
    const text = Array.from({ length: random(8) }, () => "08cfF--g "[random(9)]).join("");
    let range: KeyRange;
    try {
      range = parseKeyRange(text);
    } catch (error) {
      expect(error).toMatchObject({ id: "KEY_RANGE_BAD" });
      continue;
    }
    accepted++;
    expect(keyRangesEqual(parseKeyRange(printKeyRange(range)), range)).toBe(true);
    expect(compareKeyRanges(range, range)).toBe(0);
  }
  expect(accepted).toBeGreaterThan(50);
});
