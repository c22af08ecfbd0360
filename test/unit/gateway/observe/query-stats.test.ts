import { describe, expect, test } from "vitest";
import { LIMITS } from "../../../../src/base/limits.ts";
import { Latencies } from "../../../../src/base/latencies.ts";
import { QueryStats } from "../../../../src/gateway/observe/query-stats.ts";

test("durations fall into their buckets; quantiles are upper bounds", () => {
  const latencies = new Latencies();
  for (const ms of [0.05, 0.1, 0.2, 3, 60_000]) latencies.observe(ms);
  expect(latencies.count).toBe(5);
  expect([...latencies.counts].filter((count) => count > 0)).toEqual([2, 1, 1, 1]);
  expect(latencies.quantileMs(0.4)).toBe(0.1);
  expect(latencies.quantileMs(0.8)).toBe(5);
  expect(latencies.quantileMs(1)).toBe(Number.POSITIVE_INFINITY);
  expect(new Latencies().quantileMs(0.5)).toBe(0);
});

describe("statements", () => {
  test("count by digest and by group", () => {
    const stats = new QueryStats(0);
    const point = stats.digestOf("ks", "select", "SELECT a FROM t WHERE id=:v1", 1);
    expect(stats.digestOf("ks", "select", "SELECT a FROM t WHERE id=:v1", 2)).toBe(point);
    const all = stats.digestOf("ks", "select", "SELECT a FROM t", 1);
    stats.record(point, "pass-through", 1, 1, false, 10);
    stats.record(point, "pass-through", 3, 0, true, 20);
    stats.record(all, "merge", 10, 7, false, 30);
    stats.record(all, "pass-through", 1, 2, false, 40);
    expect(stats.groups.map(({ tier, latencies, errors, rows }) => [tier, latencies.count, errors, rows])).toEqual([
      ["pass-through", 3, 1, 3],
      ["merge", 1, 0, 7],
    ]);
    expect(stats.top(1)).toEqual([all]);
    expect(point).toMatchObject({ errors: 1, rows: 1, maxMs: 3, lastSeenMs: 20 });
  });

  test("beyond the bound those that took the least time count as others", () => {
    const stats = new QueryStats(0);
    const digests = Array.from({ length: LIMITS.digestsMax }, (_, i) =>
      stats.digestOf("ks", "select", `SELECT ${i}`, 0),
    );
    for (const [i, digest] of digests.entries()) stats.record(digest, "merge", i + 1, 1, i === 0, i);
    const more = stats.digestOf("ks", "insert", "INSERT one more", 0);
    expect(more.text).toBe("INSERT one more");
    expect(digests[0]?.generation).not.toBe(stats.generation);
    expect(digests.at(-1)?.generation).toBe(stats.generation);
    const kept = stats.top(LIMITS.digestsMax);
    const other = kept.find(({ text }) => text === "other");
    const gone = LIMITS.digestsMax / 4;
    expect(other).toMatchObject({ keyspace: "ks", type: "select", errors: 1, rows: gone, maxMs: gone });
    expect(kept.reduce((sum, { latencies }) => sum + latencies.count, 0)).toBe(LIMITS.digestsMax);
  });

  test("any number of statements and keyspaces has a bounded number of digests and groups", () => {
    const stats = new QueryStats(0);
    for (let i = 0; i < 3 * LIMITS.digestsMax; i++) {
      stats.record(stats.digestOf(`ks${i}`, "select", `SELECT ${i}`, 0), "merge", 1, 0, false, 0);
    }
    expect(stats.groups.length).toBeLessThanOrEqual(LIMITS.metricGroupsMax + 3);
    expect(stats.top(Number.MAX_SAFE_INTEGER).length).toBeLessThanOrEqual(LIMITS.digestsMax);
  });

  test("what is not kept is not counted", () => {
    const [noDigests, noMetrics] = [
      new QueryStats(0, { metrics: true, digests: false }),
      new QueryStats(0, { metrics: false, digests: true }),
    ];
    for (const stats of [noDigests, noMetrics]) {
      stats.record(stats.digestOf("ks", "select", "SELECT 1", 0), "merge", 1, 1, false, 0);
    }
    expect([noDigests.top(1).length, noDigests.groups.length]).toEqual([0, 1]);
    expect([noMetrics.top(1).length, noMetrics.groups.length]).toEqual([1, 0]);
  });

  test("long texts are cut", () => {
    const stats = new QueryStats(0);
    expect(stats.digestOf("ks", "select", "x".repeat(100_000), 0).text.length).toBe(LIMITS.digestTextBytesMax);
  });

  test("begin anew by a new generation, while groups only grow", () => {
    const stats = new QueryStats(0);
    const before = stats.digestOf("ks", "select", "SELECT 1", 0);
    stats.record(before, "pass-through", 1, 1, false, 0);
    stats.reset(100);
    expect(stats.top(10)).toEqual([]);
    expect(before.generation).not.toBe(stats.generation);
    expect(stats.groups[0]?.latencies.count).toBe(1);
    expect(stats.sinceMs).toBe(100);
  });
});
