// `shardgate tablet --workers N`: the primary process, which listens, watches the mysqld and is the tablet in the topology,
// and workers that run the calls of the connections they are given, each with its part of the pools.

import { startAdminServer } from "../base/admin-server.ts";
import { ShardgateError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { listenTcp } from "../base/listen.ts";
import type { Log } from "../base/log.ts";
import { startTabletAdmin } from "../tablet/admin.ts";
import {
  addedLoad,
  Caller,
  type CallerPort,
  CallWorker,
  poolPart,
  type WatcherPort,
  type WatchNews,
} from "../tablet/callers.ts";
import { registerTablet, type TabletOptions } from "../tablet/server.ts";
import { WatchSide } from "../tablet/watch-side.ts";
import { isRecord, mergedPages, mergeRows, type PageRule, workerMetrics } from "../workers/merged-pages.ts";
import type { PrimaryPort, WorkerPort } from "../workers/ports.ts";
import { type Worker, Workers } from "../workers/workers.ts";
import type { RunningPart } from "./process-flags.ts";
import type { WorkerStart } from "./worker-process.ts";

export type TabletPrimaryPort = PrimaryPort & WatcherPort;
type TabletWorkerPort = WorkerPort & CallerPort;

/** For the streams of gateways, which do not end by themselves. */
const FAREWELL_MS = 1_000;

/** Resolves when all workers serve. Throws CONFIG_BAD, also for what a worker finds wrong. */
export async function startTabletPrimary(options: TabletOptions, count: number, log: Log): Promise<RunningPart> {
  const { clock, admin } = options;
  for (const [flag, size] of [
    ["--pool-size", options.poolSize],
    ["--stream-pool-size", options.streamPoolSize],
    ["--transaction-pool-size", options.transactionPoolSize],
  ] as const) {
    if (size < count) throw new ShardgateError("CONFIG_BAD", `${flag} ${size} is too small for ${count} workers`);
  }
  const callers = new Map<number, Caller>();
  let health: WatchNews["health"] | undefined;
  let isDraining = false;
  const news = (): WatchNews => {
    if (health === undefined) throw new ShardgateError("INTERNAL", "the health is watched before workers start");
    return { health, packetBytesMax: watch.packetBytesMax, isDraining };
  };
  const selectAnew = (except?: Worker<TabletWorkerPort>): void => {
    for (const worker of workers.all) if (worker !== except) worker.process?.channel.tell("selectAnew", undefined);
  };
  const watch: WatchSide = new WatchSide(options, {
    load: () => addedLoad([...callers.values()].map(({ load }) => load)),
    owners: async () => {
      const running = workers.all.flatMap(({ process: each }) => each ?? []);
      return (await Promise.all(running.map(({ channel }) => channel.call("owners", undefined)))).flat();
    },
    onServing: () => undefined,
    onStalled: () => workers.tellAll((channel) => channel.tell("stalled", undefined)),
    databasesChanged: () => selectAnew(),
  });
  const workers: Workers<TabletWorkerPort> = new Workers<TabletWorkerPort>({
    count,
    script: process.argv[1] ?? "",
    args: process.argv.slice(2),
    local(worker) {
      const caller = new Caller(watch, () => worker.process?.channel);
      callers.set(worker.index, caller);
      return caller.port(news, () => selectAnew(worker));
    },
    ended({ index }) {
      void callers.get(index)?.ended();
      callers.delete(index);
    },
    clock,
    log,
  });
  const unwatch = watch.ports.watchHealth((now) => {
    health = now;
    workers.tellAll((channel) => channel.tell("watched", news()));
  });
  const listener = await listenTcp(options.listen, (socket) => workers.hand(socket, false), log, true);
  try {
    await watch.start();
    await workers.start();
  } catch (error) {
    void listener.close();
    watch.drain();
    throw error;
  }
  const registration = registerTablet(options, listener.address);
  const paths = (await workers.all[0]?.process?.channel.call("paths", undefined)) ?? [];
  const shown =
    admin === undefined || typeof admin.listen !== "string"
      ? undefined
      : await startAdminServer(
          admin.listen,
          mergedPages(paths, {
            workers: () => workers.all,
            problem: () => watch.problem,
            config: admin.config,
            rules: PAGE_RULES,
            metrics: workerMetrics(() => workers.all),
            clock,
          }),
          log,
        );
  log.info({ alias: options.alias, address: listener.address, workers: count }, "started");
  return {
    address: listener.address,
    adminAddress: shown?.address,
    workerPids: () => workers.all.map(({ process: running }) => running?.pid ?? 0),
    async stop() {
      isDraining = true;
      watch.drain();
      await registration.close();
      void listener.close();
      await workers.stop(options.drainMs + FAREWELL_MS + LIMITS.workerStopMs);
      // What ended workers have left on the mysqld is ended by then.
      unwatch();
      await shown?.close();
      await watch.close();
      log.info({ alias: options.alias }, "stopped");
    },
  };
}

/** A worker's process. */
export async function startTabletWorker(
  options: TabletOptions,
  { link, admin, log }: WorkerStart<TabletPrimaryPort>,
  port: WorkerCalls,
): Promise<Pick<RunningPart, "stop">> {
  const { index, count } = link.place;
  const news = await link.channel.call("news", undefined);
  const worker = new CallWorker(
    {
      ...options,
      log,
      poolSize: poolPart(options.poolSize, index, count),
      streamPoolSize: poolPart(options.streamPoolSize, index, count),
      transactionPoolSize: poolPart(options.transactionPoolSize, index, count),
    },
    link.channel,
    news,
  );
  port.begin(worker);
  link.listen((socket, _, closed) => {
    // Only call streams are work that workers share: what is gRPC's counts as gone.
    let isCounted = true;
    const uncount = (): void => {
      if (isCounted) closed();
      isCounted = false;
    };
    socket.once("close", uncount);
    worker.take(socket, uncount);
  });
  const { calls } = worker;
  if (options.admin !== undefined) {
    const problem = (): string | undefined => worker.problem;
    await startTabletAdmin(admin, { pools: calls.pools, counts: calls.counts, problem, config: {} }, log);
  }
  return { stop: () => worker.stop() };
}

/** The methods of a worker, which the primary may call before it is there. */
export class WorkerCalls {
  #worker: CallWorker | undefined;
  readonly port: CallerPort = {
    watched: (news) => this.#worker?.watched(news),
    stalled: () => this.#worker?.calls.breakAll(),
    selectAnew: () => this.#worker?.calls.selectAnew(),
    owners: () => this.#worker?.calls.owners ?? [],
    schemaChanged: ({ watcher, change }) => this.#worker?.schemaChanged(watcher, change),
    schemaEnded: (watcher) => this.#worker?.schemaEnded(watcher),
  };

  begin(worker: CallWorker): void {
    this.#worker = worker;
  }
}

const PAGE_RULES: ReadonlyMap<string, PageRule> = new Map<string, PageRule>([
  [
    "/debug/pools",
    {
      title: "Pools",
      merge: (values) => {
        const parts = values.map(({ worker, value }) => ({ worker, value: [value] }));
        const [sums = {}] = mergeRows(parts, ["name"]);
        const pools = values.map(({ worker, value }) => ({ worker, value: isRecord(value) ? value["pools"] : [] }));
        return { ...sums, pools: mergeRows(pools, ["pool"]) };
      },
    },
  ],
]);
