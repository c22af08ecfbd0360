// `shardgate gateway --workers N`: the primary process, which listens, counts and shows, and what its workers need of it.

import { randomBytes } from "node:crypto";
import { sleep, systemClock } from "../base/clock.ts";
import { startAdminServer } from "../base/admin-server.ts";
import type { Log } from "../base/log.ts";
import { LIMITS } from "../base/limits.ts";
import { listenTcp, listenUnix } from "../base/listen.ts";
import type { GatewayShare } from "../gateway/server.ts";
import { mergedPages, mergedValue, mergeRows, type PageRule, rowsOf, workerMetrics } from "../workers/merged-pages.ts";
import type { PrimaryPort, WorkerPort } from "../workers/ports.ts";
import { Seats, type SeatsPort } from "../workers/seats.ts";
import type { WorkerLink } from "../workers/worker-link.ts";
import { Workers } from "../workers/workers.ts";
import type { GatewayFlags } from "./gateway.ts";
import type { RunningPart } from "./process-flags.ts";
import { needsSharedTopology } from "./topo-flags.ts";

const DECOY_KEY_BYTES = 32;
/** For farewells after the drain. */
const FAREWELL_MS = 2_000;

/** What the primary of a gateway answers its workers. */
export interface GatewayPrimaryPort extends PrimaryPort, SeatsPort {
  /** What all workers have to have alike. */
  common(nothing: undefined): { readonly address: string; readonly decoyKeyHex: string };
  /** What all workers' pages have together. */
  rows(page: string): Promise<Rows>;
  /** For all workers. */
  resetDigests(nothing: undefined): void;
  reloadUsers(nothing: undefined): void;
}

/** Methods of a worker. */
export interface GatewayWorkerPort extends WorkerPort {
  resetDigests(nothing: undefined): void;
}

type Rows = readonly Readonly<Record<string, string | number>>[];

/** Resolves when all workers serve. Throws CONFIG_BAD, also for what a worker finds wrong. */
export async function startGatewayPrimary(flags: GatewayFlags, log: Log): Promise<RunningPart> {
  needsSharedTopology(flags);
  const clock = systemClock;
  const seats = new Seats();
  const decoyKeyHex = randomBytes(DECOY_KEY_BYTES).toString("hex");
  let isStopping = false;
  const { listen, socket: socketPath, socketMode } = flags;
  const workers: Workers<GatewayWorkerPort> = new Workers<GatewayWorkerPort>({
    count: flags.workers,
    script: process.argv[1] ?? "",
    args: process.argv.slice(2),
    local: ({ index }): Omit<GatewayPrimaryPort, keyof PrimaryPort> => ({
      common: () => ({ address: tcp.address, decoyKeyHex }),
      rows: async (path) => {
        const rule = PAGE_RULES.get(path);
        return rule === undefined
          ? []
          : ((await mergedValue(path, rule, { workers: () => workers.all, clock })) as Rows);
      },
      resetDigests: () => workers.tellAll((channel) => channel.tell("resetDigests", undefined)),
      reloadUsers: () => workers.tellAll((channel) => channel.tell("reload", undefined)),
      ...seats.portOf(index, () => workers.connections),
    }),
    ended: ({ index }) => seats.forget(index),
    clock,
    log,
  });
  const tcp = await listenTcp(listen, (socket) => workers.hand(socket, false), log, true);
  const listeners = [tcp];
  try {
    if (socketPath !== undefined) {
      listeners.push(await listenUnix(socketPath, socketMode, (socket) => workers.hand(socket, true), log, true));
    }
    await workers.start();
  } catch (error) {
    for (const listener of listeners) void listener.close();
    throw error;
  }
  const paths = (await workers.all[0]?.process?.channel.call("paths", undefined)) ?? [];
  const admin =
    flags.adminListen === "off"
      ? undefined
      : await startAdminServer(
          flags.adminListen,
          mergedPages(paths, {
            workers: () => workers.all,
            problem: () => (isStopping ? "draining" : undefined),
            config: { ...flags },
            rules: PAGE_RULES,
            metrics: flags.metrics === "off" ? undefined : workerMetrics(() => workers.all),
            clock,
          }),
          log,
        );
  log.info({ address: tcp.address, workers: flags.workers }, "gateway started");
  return {
    address: tcp.address,
    adminAddress: admin?.address,
    workerPids: () => workers.all.map(({ process: running }) => running?.pid ?? 0),
    reload: () => workers.tellAll((channel) => channel.tell("reload", undefined)),
    async stop() {
      isStopping = true;
      if (flags.drainDelay > 0) await sleep(clock, flags.drainDelay * 1000);
      // They are closed at once; that all connections have ended is the workers' to say.
      for (const listener of listeners) void listener.close();
      await workers.stop(flags.drainTimeout * 1000 + FAREWELL_MS + LIMITS.workerStopMs);
      await admin?.close();
      log.info({ address: tcp.address }, "gateway stopped");
    },
  };
}

/** A worker's part in the gateway of its primary. */
export async function gatewayShare(link: WorkerLink<GatewayPrimaryPort>): Promise<GatewayShare> {
  const { channel, place } = link;
  const { address, decoyKeyHex } = await channel.call("common", undefined);
  return {
    ...place,
    seats: {
      take: (user) => channel.call("takeSeat", user),
      leave: (user) => channel.tell("leaveSeat", user),
    },
    siblings: {
      rows: (path) => channel.call("rows", path),
      resetDigests: () => channel.tell("resetDigests", undefined),
      reloadUsers: () => channel.tell("reloadUsers", undefined),
    },
    decoyKey: Buffer.from(decoyKeyHex, "hex"),
    listen(accept) {
      link.listen((socket, { isUnixSocket, connections }, closed) =>
        accept(socket, isUnixSocket, { connections, closed }),
      );
      return {
        address,
        close: () => link.leave(),
      };
    },
  };
}

/** Each worker is asked by the others on a port of its own: the given one, the next one, and so on. */
export function peerListenOf(listen: string, index: number): string {
  const separator = listen.lastIndexOf(":");
  const port = Number(listen.slice(separator + 1));
  return port > 0 ? `${listen.slice(0, separator)}:${port + index - 1}` : listen;
}

const PAGE_RULES: ReadonlyMap<string, PageRule> = new Map<string, PageRule>([
  ["/debug/queries", { title: "Statements by time", merge: mergedDigests }],
  [
    "/debug/plans",
    {
      title: "Plan caches",
      merge: (values) => mergeRows(values, ["selection"]),
    },
  ],
  [
    "/debug/connections",
    {
      title: "Client connections",
      merge: (values) =>
        values
          .flatMap(({ worker, value }) => rowsOf(value).map((row): Record<string, unknown> => ({ ...row, worker })))
          .toSorted((one, other) => Number(one["id"]) - Number(other["id"])),
    },
  ],
  [
    "/debug/rules",
    {
      title: "Query rules",
      merge: (values) =>
        mergeRows(values, ["rule", "priority", "flags", "match", "action", "comment"], { lastHit: later }),
    },
  ],
  ["/debug/topology", { title: "Topology" }],
]);

type Values = Parameters<NonNullable<PageRule["merge"]>>[0];

/** Quantiles of the whole are at most the largest of the parts. */
function mergedDigests(values: Values): unknown {
  const rows = mergeRows(values, ["keyspace", "statement"], {
    p95Ms: (one, other) => Math.max(Number(one), Number(other)),
    maxMs: (one, other) => Math.max(Number(one), Number(other)),
    meanMs: () => 0,
    lastSeen: later,
    firstSeen: (one, other) => (String(one) < String(other) ? one : other),
    tiers: addedTiers,
  });
  return rows
    .map((row) => ({
      ...row,
      meanMs: Math.round((Number(row["totalMs"]) / Math.max(1, Number(row["count"]))) * 1e3) / 1e3,
    }))
    .toSorted(
      (one: Record<string, unknown>, other: Record<string, unknown>) =>
        Number(other["totalMs"]) - Number(one["totalMs"]),
    );
}

/** Of times as ISO 8601 has them. */
function later(one: unknown, other: unknown): unknown {
  return String(one) > String(other) ? one : other;
}

/** `pass-through 3, merge 1`. */
function addedTiers(one: unknown, other: unknown): string {
  const counts = new Map<string, number>();
  for (const part of `${String(one)}, ${String(other)}`.split(", ")) {
    const at = part.lastIndexOf(" ");
    if (at > 0) counts.set(part.slice(0, at), (counts.get(part.slice(0, at)) ?? 0) + Number(part.slice(at + 1)));
  }
  return [...counts].map(([tier, count]) => `${tier} ${count}`).join(", ");
}
