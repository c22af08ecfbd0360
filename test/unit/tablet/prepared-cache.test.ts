import { expect, test } from "vitest";
import { PreparedCache } from "../../../src/tablet/prepared-cache.ts";

const text = (sql: string): Buffer => Buffer.from(sql);

test("the least recently used statement makes room", () => {
  const cache = new PreparedCache(2, 100);
  expect(cache.add("", text("a"), 1)).toEqual([]);
  expect(cache.add("", text("b"), 2)).toEqual([]);
  expect(cache.find("", text("a"))).toBe(1);
  expect(cache.add("", text("c"), 3)).toEqual([2]);
  expect([cache.find("", text("a")), cache.find("", text("b")), cache.find("", text("c"))]).toEqual([1, undefined, 3]);
  expect(cache.size).toBe(2);
});

test("a statement that is prepared again closes its older one, and one that is too long is not kept", () => {
  const cache = new PreparedCache(2, 10);
  cache.add("", text("a"), 1);
  expect(cache.add("", text("a"), 2)).toEqual([1]);
  expect(cache.add("", text("a statement that is too long"), 3)).toEqual([3]);
  expect(cache.size).toBe(1);
});

test("settings are part of what a statement is known by; a reset closes all", () => {
  const cache = new PreparedCache(5, 100);
  cache.add("SET sql_mode = ''", text("a"), 1);
  expect(cache.find("", text("a"))).toBeUndefined();
  expect(cache.find("SET sql_mode = ''", text("a"))).toBe(1);
  cache.clear();
  expect(cache.size).toBe(0);
});
