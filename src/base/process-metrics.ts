// A Prometheus registry with what every process has: memory, CPU, event-loop lag, garbage collection. The one place that
// knows prom-client; figures of one's own are read when they are asked for, so that counting costs no library call.

import {
  AggregatorRegistry,
  collectDefaultMetrics,
  Gauge,
  type LabelValues,
  type MetricObjectWithValues,
  type MetricValue,
  Registry,
} from "prom-client";
import { LATENCY_BOUNDS_S, Latencies } from "./latencies.ts";

export interface Sample {
  readonly labels: LabelValues<string>;
  readonly value: number;
}

export interface LatencySample {
  readonly labels: LabelValues<string>;
  readonly latencies: Latencies;
}

/** All metrics of a process as plain data, to be merged with those of others. */
export interface MetricsSnapshot {
  readonly plain: readonly MetricObjectWithValues<MetricValue<string>>[];
  /** Names among them that only grow. */
  readonly counters: readonly string[];
  readonly histograms: readonly HistogramSnapshot[];
}

interface HistogramSnapshot {
  readonly name: string;
  readonly help: string;
  readonly samples: readonly {
    readonly labels: LabelValues<string>;
    readonly counts: readonly number[];
    readonly sumMs: number;
  }[];
}

/** What becomes of a gauge's values when those of several processes are merged. */
export type Merging = "sum" | "min" | "max";

export class Metrics {
  readonly #registry = new Registry();
  readonly #histograms: { name: string; help: string; read: () => readonly LatencySample[] }[] = [];

  constructor() {
    collectDefaultMetrics({ register: this.#registry });
  }

  /** A value that goes up and down. `labels` are the names of all labels that samples have. */
  gauge(
    name: string,
    help: string,
    labels: readonly string[],
    read: () => readonly Sample[],
    merging: Merging = "sum",
  ): void {
    this.#read(name, help, labels, read, merging);
  }

  /** A value that only grows; its name ends in `_total`. */
  counter(name: string, help: string, labels: readonly string[], read: () => readonly Sample[]): void {
    this.#read(name, help, labels, read, "sum");
    this.#counters.add(name);
  }

  /** Durations in seconds. */
  histogram(name: string, help: string, read: () => readonly LatencySample[]): void {
    this.#histograms.push({ name, help, read });
  }

  readonly #counters = new Set<string>();

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** All in Prometheus' text format. */
  async text(): Promise<string> {
    const plain = withCounters(await this.#registry.metrics(), this.#counters);
    return `${plain}${this.#histograms.map(histogramText).join("")}`;
  }

  async snapshot(): Promise<MetricsSnapshot> {
    return {
      plain: await this.#registry.getMetricsAsJSON(),
      counters: [...this.#counters],
      histograms: this.#histograms.map(({ name, help, read }) => ({
        name,
        help,
        samples: read().map(({ labels, latencies: { counts, sumMs } }) => ({ labels, counts: [...counts], sumMs })),
      })),
    };
  }

  #read(
    name: string,
    help: string,
    labels: readonly string[],
    read: () => readonly Sample[],
    aggregator: Merging,
  ): void {
    void new Gauge({
      name,
      help,
      aggregator,
      labelNames: [...labels],
      registers: [this.#registry],
      collect() {
        this.reset();
        for (const sample of read()) this.set(sample.labels, sample.value);
      },
    });
  }
}

/** The metrics of several processes as those of one, in Prometheus' text format. */
export async function mergedMetricsText(snapshots: readonly MetricsSnapshot[]): Promise<string> {
  const registry = AggregatorRegistry.aggregate(snapshots.map(({ plain }) => [...plain]));
  const counters = new Set(snapshots.flatMap((snapshot) => snapshot.counters));
  const texts = mergedHistograms(snapshots.flatMap((snapshot) => snapshot.histograms)).map(({ name, help, samples }) =>
    histogramText({
      name,
      help,
      read: () => samples.map(({ labels, counts, sumMs }) => ({ labels, latencies: latenciesOf(counts, sumMs) })),
    }),
  );
  return `${withCounters(await registry.metrics(), counters)}${texts.join("")}`;
}

/** Those of one name are one, and so are their samples with the same labels. */
function mergedHistograms(histograms: readonly HistogramSnapshot[]): HistogramSnapshot[] {
  const merged = new Map<string, { name: string; help: string; samples: Map<string, LatencySample> }>();
  for (const { name, help, samples } of histograms) {
    const into = merged.get(name) ?? { name, help, samples: new Map<string, LatencySample>() };
    merged.set(name, into);
    for (const { labels, counts, sumMs } of samples) {
      const key = JSON.stringify(labels);
      const sample = into.samples.get(key) ?? { labels, latencies: new Latencies() };
      into.samples.set(key, sample);
      sample.latencies.add(latenciesOf(counts, sumMs));
    }
  }
  return [...merged.values()].map(({ name, help, samples }) => ({
    name,
    help,
    samples: [...samples.values()].map(({ labels, latencies: { counts, sumMs } }) => ({
      labels,
      counts: [...counts],
      sumMs,
    })),
  }));
}

/** What of `gone`, a process that has ended, still counts; with `before`, what is left of earlier ones. */
export async function withPastCounters(
  before: MetricsSnapshot | undefined,
  { plain, counters, histograms }: MetricsSnapshot,
): Promise<MetricsSnapshot> {
  const grown = plain.filter(({ name, type }) => counters.includes(name) || String(type) === "counter");
  const lists = before === undefined ? [grown] : [[...before.plain], grown];
  return {
    plain: await AggregatorRegistry.aggregate(lists).getMetricsAsJSON(),
    counters: [...new Set([...(before?.counters ?? []), ...counters])],
    histograms: mergedHistograms([...(before?.histograms ?? []), ...histograms]),
  };
}

function latenciesOf(counts: readonly number[], sumMs: number): Latencies {
  const latencies = new Latencies();
  latencies.counts.set(counts);
  latencies.sumMs = sumMs;
  return latencies;
}

/** prom-client has no counters that are read; as gauges they would be typed wrong. */
function withCounters(text: string, counters: ReadonlySet<string>): string {
  return text.replace(/^# TYPE (\S+) gauge$/gm, (line, name: string) =>
    counters.has(name) ? `# TYPE ${name} counter` : line,
  );
}

function histogramText({
  name,
  help,
  read,
}: {
  name: string;
  help: string;
  read: () => readonly LatencySample[];
}): string {
  const lines = ["", `# HELP ${name} ${help}`, `# TYPE ${name} histogram`];
  for (const { labels, latencies } of read()) {
    const shown = Object.entries(labels).map(([label, value]) => `${label}="${escapedLabel(String(value))}"`);
    let below = 0;
    for (const [bucket, bound] of LATENCY_BOUNDS_S.entries()) {
      below += latencies.counts[bucket] ?? 0;
      lines.push(`${name}_bucket{${[...shown, `le="${bound}"`].join(",")}} ${below}`);
    }
    lines.push(`${name}_bucket{${[...shown, 'le="+Inf"'].join(",")}} ${latencies.count}`);
    lines.push(`${name}_sum{${shown.join(",")}} ${latencies.sumMs / 1000}`);
    lines.push(`${name}_count{${shown.join(",")}} ${latencies.count}`);
  }
  return `${lines.join("\n")}\n`;
}

function escapedLabel(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
