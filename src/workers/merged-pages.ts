// The admin pages of several workers as those of one process: probes that speak for all of them, metrics added up, and
// lists put together as each page wants it. What no rule is given for is shown worker by worker.

import { type AdminPage, type AdminPages, dataPage } from "../base/admin-server.ts";
import type { Clock } from "../base/clock.ts";
import { LIMITS } from "../base/limits.ts";
import { Metrics, mergedMetricsText } from "../base/process-metrics.ts";
import type { Channel } from "./channel.ts";
import { MetricsMemory } from "./metrics-memory.ts";
import type { WorkerPort } from "./ports.ts";
import type { Worker } from "./workers.ts";

/** What one worker has on a page. */
export interface WorkerValue {
  readonly worker: number;
  readonly value: unknown;
}

export interface PageRule {
  readonly title: string;
  /** What the page shows; undefined: each worker's value under its number. */
  readonly merge?: (values: readonly WorkerValue[]) => unknown;
}

export interface MergedPagesOptions {
  readonly workers: () => readonly Worker<WorkerPort>[];
  /** Why the whole takes nothing new; undefined: it does. */
  readonly problem: () => string | undefined;
  /** Flags it was started with, secrets left out. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly rules: ReadonlyMap<string, PageRule>;
  /** Of the primary itself; undefined: nothing is counted. */
  readonly metrics: Metrics | undefined;
  readonly clock: Clock;
}

/** `paths` are those of the workers' pages. */
export function mergedPages(paths: readonly string[], options: MergedPagesOptions): AdminPages {
  const pages = new Map<string, (wantsJson: boolean) => AdminPage | Promise<AdminPage>>();
  for (const path of paths) {
    if (path === "/metrics") continue;
    const rule = options.rules.get(path) ?? { title: path };
    pages.set(path, (wantsJson) => mergedPage(path, rule, options, wantsJson));
  }
  pages.set("/livez", () => text(200, "ok"));
  pages.set("/readyz", () => readiness(options));
  pages.set("/debug/config", (wantsJson) => dataPage("Configuration", options.config, wantsJson));
  pages.set("/debug/workers", (wantsJson) => dataPage("Workers", options.workers().map(workerRow), wantsJson));
  if (options.metrics !== undefined && paths.includes("/metrics")) {
    const own = options.metrics;
    const memory = new MetricsMemory();
    pages.set("/metrics", async () => {
      const told = await askAll(options, (channel, timeout) => channel.call("metrics", undefined, timeout));
      const ofWorkers = options.workers().map(({ index, process }) => ({
        worker: index,
        pid: process?.pid,
        snapshot: told.find(({ worker }) => worker === index)?.value,
      }));
      const body = await mergedMetricsText([await own.snapshot(), ...(await memory.with(ofWorkers))]);
      return { status: 200, type: own.contentType, body };
    });
  }
  return pages;
}

/** Metrics of the primary: those of its own process, and how its workers are. */
export function workerMetrics(workers: () => readonly Worker<WorkerPort>[]): Metrics {
  const metrics = new Metrics();
  const ofWorkers = (value: (worker: Worker<WorkerPort>) => number) => () =>
    workers().map((worker) => ({ labels: { worker: String(worker.index) }, value: value(worker) }));
  const WORKER = ["worker"];
  metrics.gauge(
    "shardgate_worker_serving",
    "1: the worker takes connections",
    WORKER,
    ofWorkers(({ problem }) => (problem === undefined ? 1 : 0)),
  );
  metrics.gauge(
    "shardgate_worker_connections",
    "Connections that the worker has",
    WORKER,
    ofWorkers(({ connections }) => connections),
  );
  metrics.counter(
    "shardgate_worker_deaths_total",
    "Processes of the worker that have died",
    WORKER,
    ofWorkers(({ deaths }) => deaths),
  );
  return metrics;
}

/** Rows of all workers with the same `key` fields are one; other fields by `rules`, numbers added up without one. */
export function mergeRows(
  values: readonly WorkerValue[],
  key: readonly string[],
  rules: Readonly<Record<string, (one: unknown, other: unknown) => unknown>> = {},
): Record<string, unknown>[] {
  const merged = new Map<string, Record<string, unknown>>();
  for (const row of values.flatMap(({ value }) => rowsOf(value))) {
    const name = JSON.stringify(key.map((field) => row[field]));
    const before = merged.get(name);
    merged.set(name, before === undefined ? row : mergeFields(before, row, key, rules));
  }
  return [...merged.values()];
}

/** The objects of a list. */
export function rowsOf(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function mergeFields(
  one: Record<string, unknown>,
  other: Record<string, unknown>,
  key: readonly string[],
  rules: Readonly<Record<string, (one: unknown, other: unknown) => unknown>>,
): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...one };
  for (const [field, value] of Object.entries(other)) {
    if (key.includes(field)) continue;
    const before = merged[field];
    const rule = rules[field];
    if (rule !== undefined) merged[field] = rule(before, value);
    else if (typeof before === "number" && typeof value === "number") merged[field] = before + value;
    else if (before === undefined) merged[field] = value;
  }
  return merged;
}

async function mergedPage(
  path: string,
  rule: PageRule,
  options: MergedPagesOptions,
  wantsJson: boolean,
): Promise<AdminPage> {
  return dataPage(rule.title, await mergedValue(path, rule, options), wantsJson);
}

/** What the workers' pages at `path` hold, as `rule` merges it. */
export async function mergedValue(
  path: string,
  { merge }: PageRule,
  options: Pick<MergedPagesOptions, "workers" | "clock">,
): Promise<unknown> {
  const answers = await askAll(options, (channel, timeout) => channel.call("page", { path }, timeout));
  const values = answers.flatMap(({ worker, value }) =>
    value === undefined ? [] : [{ worker, value: dataOf(value) }],
  );
  if (merge !== undefined) return merge(values);
  return Object.fromEntries(values.map(({ worker, value }) => [`worker ${worker}`, value]));
}

async function readiness(options: MergedPagesOptions): Promise<AdminPage> {
  const own = options.problem();
  if (own !== undefined) return text(503, own);
  const answers = await askAll(options, (channel, timeout) => channel.call("page", { path: "/readyz" }, timeout));
  const problems = options.workers().flatMap(({ index, problem }) => {
    if (problem !== undefined) return [`worker ${index}: ${problem}`];
    const page = answers.find(({ worker }) => worker === index)?.value;
    if (page?.status === 200) return [];
    return [`worker ${index}: ${page?.body.trim() ?? "does not answer"}`];
  });
  return problems.length === 0 ? text(200, "ok") : text(503, problems.join("\n"));
}

/** Text is shown as it is. */
function dataOf({ type, body }: AdminPage): unknown {
  return type === "application/json" ? (JSON.parse(body) as unknown) : body;
}

/** Those that do not answer are left out. */
async function askAll<Answer>(
  { workers, clock }: Pick<MergedPagesOptions, "workers" | "clock">,
  ask: (channel: Channel<WorkerPort>, timeout: { readonly ms: number; readonly clock: Clock }) => Promise<Answer>,
): Promise<readonly { readonly worker: number; readonly value: Answer }[]> {
  const timeout = { ms: LIMITS.workerCallTimeoutMs, clock };
  const asked = workers().map(async ({ index, process, isSilent }) => {
    if (process === undefined || isSilent) return [];
    return ask(process.channel, timeout).then(
      (value) => [{ worker: index, value }],
      () => [],
    );
  });
  return (await Promise.all(asked)).flat();
}

function workerRow({ index, process, connections, deaths, problem }: Worker<WorkerPort>): Record<string, unknown> {
  return { worker: index, pid: process?.pid, state: problem ?? "serving", connections, deaths };
}

function text(status: number, body: string): AdminPage {
  return { status, type: "text/plain; charset=utf-8", body: `${body}\n` };
}
