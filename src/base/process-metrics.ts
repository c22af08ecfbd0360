// A Prometheus registry with what every process has: memory, CPU, event-loop lag, garbage collection. The one place that
// knows prom-client; figures of one's own are read when they are asked for, so that counting costs no library call.

import { collectDefaultMetrics, Gauge, type LabelValues, Registry } from "prom-client";
import { LATENCY_BOUNDS_S, type Latencies } from "./latencies.ts";

export interface Sample {
  readonly labels: LabelValues<string>;
  readonly value: number;
}

export interface LatencySample {
  readonly labels: LabelValues<string>;
  readonly latencies: Latencies;
}

export class Metrics {
  readonly #registry = new Registry();
  readonly #histograms: { name: string; help: string; read: () => readonly LatencySample[] }[] = [];

  constructor() {
    collectDefaultMetrics({ register: this.#registry });
  }

  /** A value that goes up and down. `labels` are the names of all labels that samples have. */
  gauge(name: string, help: string, labels: readonly string[], read: () => readonly Sample[]): void {
    this.#read(name, help, labels, read);
  }

  /** A value that only grows; its name ends in `_total`. */
  counter(name: string, help: string, labels: readonly string[], read: () => readonly Sample[]): void {
    this.#read(name, help, labels, read);
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
    const plain = await this.#registry.metrics();
    // prom-client has no counters that are read; as gauges they would be typed wrong.
    const typed = plain.replace(/^# TYPE (\S+) gauge$/gm, (line, name: string) =>
      this.#counters.has(name) ? `# TYPE ${name} counter` : line,
    );
    return `${typed}${this.#histograms.map(histogramText).join("")}`;
  }

  #read(name: string, help: string, labels: readonly string[], read: () => readonly Sample[]): void {
    void new Gauge({
      name,
      help,
      labelNames: [...labels],
      registers: [this.#registry],
      collect() {
        this.reset();
        for (const sample of read()) this.set(sample.labels, sample.value);
      },
    });
  }
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
