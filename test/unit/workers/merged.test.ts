// What several workers tell, put together: counts of users, rows of pages, metrics over deaths, lines of the log.

import { describe, expect, test } from "vitest";
import { Latencies } from "../../../src/base/latencies.ts";
import { Metrics, mergedMetricsText } from "../../../src/base/process-metrics.ts";
import { poolPart } from "../../../src/tablet/callers.ts";
import { mergeRows } from "../../../src/workers/merged-pages.ts";
import { MetricsMemory } from "../../../src/workers/metrics-memory.ts";
import { Seats } from "../../../src/workers/seats.ts";
import { WholeLines } from "../../../src/workers/whole-lines.ts";

test("seats are counted over workers, and those of a dead one are free", () => {
  const seats = new Seats();
  const [one, two] = [seats.portOf(1, () => 7), seats.portOf(2, () => 7)];
  expect(one.takeSeat("app")).toEqual({ connections: 7, ofUser: 1 });
  expect(two.takeSeat("app")).toEqual({ connections: 7, ofUser: 2 });
  expect(two.takeSeat("other")).toEqual({ connections: 7, ofUser: 1 });
  two.leaveSeat("app");
  expect(one.takeSeat("app").ofUser).toBe(2);
  seats.forget(1);
  expect(two.takeSeat("app").ofUser).toBe(1);
});

test.each([
  [100, 3, [34, 33, 33]],
  [7, 4, [2, 2, 2, 1]],
  [2, 2, [1, 1]],
])("a pool of %d for %d workers", (size, count, parts) => {
  expect(parts.map((_, at) => poolPart(size, at + 1, count))).toEqual(parts);
});

test("rows with the same key are one; numbers are added up, other fields as the rule says", () => {
  const rows = mergeRows(
    [
      { worker: 1, value: [{ name: "a", count: 2, max: 5, text: "x" }] },
      {
        worker: 2,
        value: [
          { name: "b", count: 1, max: 1, text: "y" },
          { name: "a", count: 3, max: 9, text: "z" },
        ],
      },
      { worker: 3, value: "nothing" },
    ],
    ["name"],
    { max: (one, other) => Math.max(Number(one), Number(other)) },
  );
  expect(rows).toEqual([
    { name: "a", count: 5, max: 9, text: "x" },
    { name: "b", count: 1, max: 1, text: "y" },
  ]);
});

describe("metrics", () => {
  function metricsOf(state: { total: number; serving: number; age: number; ms: readonly number[] }): Metrics {
    const metrics = new Metrics();
    metrics.counter("t_total", "t", ["k"], () => [{ labels: { k: "a" }, value: state.total }]);
    metrics.gauge("t_open", "t", [], () => [{ labels: {}, value: state.total }]);
    metrics.gauge("t_serving", "t", [], () => [{ labels: {}, value: state.serving }], "min");
    metrics.gauge("t_age", "t", [], () => [{ labels: {}, value: state.age }], "max");
    metrics.histogram("t_seconds", "t", () => {
      const latencies = new Latencies();
      for (const ms of state.ms) latencies.observe(ms);
      return [{ labels: { k: "a" }, latencies }];
    });
    return metrics;
  }
  const valueOf = (text: string, sample: string): number =>
    Number(
      text
        .split("\n")
        .find((line) => line.startsWith(`${sample} `))
        ?.split(" ")[1],
    );

  test("are added up, or as each says", async () => {
    const one = metricsOf({ total: 3, serving: 1, age: 2, ms: [1, 10_000] });
    const two = metricsOf({ total: 4, serving: 0, age: 1, ms: [1] });
    const text = await mergedMetricsText([await one.snapshot(), await two.snapshot()]);
    expect(valueOf(text, 't_total{k="a"}')).toBe(7);
    expect(text).toContain("# TYPE t_total counter");
    expect(valueOf(text, "t_open")).toBe(7);
    expect(text).toContain("# TYPE t_open gauge");
    expect(valueOf(text, "t_serving")).toBe(0);
    expect(valueOf(text, "t_age")).toBe(2);
    expect(valueOf(text, 't_seconds_count{k="a"}')).toBe(3);
    expect(valueOf(text, 't_seconds_bucket{k="a",le="0.001"}')).toBe(2);
    expect(valueOf(text, 't_seconds_sum{k="a"}')).toBeCloseTo(10.002);
    // Memory of both, not their mean.
    expect(valueOf(text, "process_resident_memory_bytes")).toBeGreaterThan(1.5 * process.memoryUsage().rss);
  });

  test("of a process that has died: counters stay, gauges go", async () => {
    const memory = new MetricsMemory();
    const old = await metricsOf({ total: 3, serving: 1, age: 0, ms: [1] }).snapshot();
    const other = {
      worker: 2,
      pid: 20,
      snapshot: await metricsOf({ total: 5, serving: 1, age: 0, ms: [] }).snapshot(),
    };
    const fresh = await metricsOf({ total: 1, serving: 1, age: 0, ms: [1] }).snapshot();
    const told = async (one: (typeof other)[]): Promise<[number, number, number]> => {
      const text = await mergedMetricsText(await memory.with(one));
      return [valueOf(text, 't_total{k="a"}'), valueOf(text, "t_open"), valueOf(text, 't_seconds_count{k="a"}')];
    };
    expect(await told([{ worker: 1, pid: 10, snapshot: old }, other])).toEqual([8, 8, 1]);
    const gone = { worker: 1, pid: undefined, snapshot: undefined };
    const text = await mergedMetricsText(await memory.with([gone, other]));
    expect(valueOf(text, 't_total{k="a"}')).toBe(8);
    expect(valueOf(text, "t_open")).toBe(5);
    expect(await told([{ worker: 1, pid: 11, snapshot: fresh }, other])).toEqual([9, 6, 2]);
    // One that does not answer counts as it did.
    const silent = await mergedMetricsText(await memory.with([{ worker: 1, pid: 11, snapshot: undefined }, other]));
    expect(valueOf(silent, 't_total{k="a"}')).toBe(9);
    // The second death is added to the first.
    expect(await told([{ worker: 1, pid: 12, snapshot: fresh }, other])).toEqual([10, 6, 3]);
  });
});

test("lines of several writers stay whole", () => {
  const written: string[] = [];
  const target = { write: (bytes: Buffer) => written.push(bytes.toString()) };
  const [one, two] = [new WholeLines(target), new WholeLines(target)];
  one.take(Buffer.from("aa"));
  two.take(Buffer.from("bb\ncc"));
  one.take(Buffer.from("a\nd"));
  two.end();
  one.end();
  expect(written).toEqual(["bb\n", "aaa\n", "cc\n", "d\n"]);
});
