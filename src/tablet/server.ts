// A whole tablet: pools to one mysqld, the gRPC server, health, the entry in the topology. `startTablet` wires them up
// and `stop` takes them down in the order that loses nothing: leave the topology, say "not serving", finish, close.

import { hostname } from "node:os";
import type { AdminPlace } from "../base/admin-server.ts";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Tracer } from "../base/tracing.ts";
import type { CallServer } from "../rpc/call-server.ts";
import type { GrpcTls } from "../rpc/service.ts";
import { startTabletServer } from "../rpc/tablet-server.ts";
import { cellOfAlias, type TabletAlias, type TabletType } from "../topo/records.ts";
import type { TopoRegistration } from "../topo/store.ts";
import type { Topology } from "../topo/topology.ts";
import { CallSide } from "./call-side.ts";
import type { MysqldTarget } from "./mysqld-connection.ts";
import { startTabletAdmin } from "./admin.ts";
import { WatchSide } from "./watch-side.ts";

export interface TabletOptions {
  readonly alias: TabletAlias;
  readonly keyspace: string;
  readonly shard: string;
  readonly type: TabletType;
  /** host:port to listen on for gRPC; port 0: any free one. */
  readonly listen: string;
  /** Host gateways reach this tablet at; default: the listen host, or this machine's name when listening on all. */
  readonly advertiseHost: string | undefined;
  readonly tls: GrpcTls | undefined;
  /** `database` is the keyspace's. */
  readonly mysqld: MysqldTarget;
  readonly poolSize: number;
  readonly streamPoolSize: number;
  readonly transactionPoolSize: number;
  /** 0: none. */
  readonly queryTimeoutMs: number;
  /** 0: none. */
  readonly transactionIdleTimeoutMs: number;
  /** How long statements and transactions may go on when the tablet stops. */
  readonly drainMs: number;
  /** How long a gateway may say nothing before its calls are ended. */
  readonly silenceMaxS: number;
  /** Where health, metrics and debug pages are served, and the configuration they show; undefined: nowhere. */
  readonly admin: { readonly listen: AdminPlace; readonly config: Readonly<Record<string, unknown>> } | undefined;
  /** Undefined: nothing is traced. */
  readonly tracer: Tracer | undefined;
  readonly topology: Topology;
  readonly clock: Clock;
  readonly log: Log;
}

export interface RunningTablet {
  /** host:port as bound. */
  readonly address: string;
  /** host:port of the admin pages. */
  readonly adminAddress: string | undefined;
  /** Takes itself out, lets calls under way end for `graceMs`, closes. */
  stop(graceMs?: number): Promise<void>;
}

/** For what is on its way when nothing is left to do; gateways' streams do not end by themselves. */
const STREAMS_GRACE_MS = 500;

/** Throws CONFIG_BAD when the port is taken. A mysqld that is away is waited for, not failed on. */
export async function startTablet(options: TabletOptions): Promise<RunningTablet> {
  const { log } = options;
  const watch = new WatchSide(options, {
    load: () => calls.load,
    owners: () => Promise.resolve(calls.owners),
    onServing: (serving) => server.setServing(serving),
    onStalled: () => calls.breakAll(),
    databasesChanged: () => calls.selectAnew(),
  });
  const calls = new CallSide(options, {
    checkHealth: () => watch.checkHealth(),
    refusal: () => watch.refusal(),
    packetBytesMax: () => watch.packetBytesMax,
    definitionsChanged: (database) => watch.definitionsChanged(database),
    databasesChanged: () => undefined,
    connectionOpened: () => undefined,
    connectionClosed: () => undefined,
  });
  const ports = {
    ...watch.ports,
    acceptCalls: (callServer: CallServer) => calls.accept(callServer),
  };
  const { tls, silenceMaxS, clock } = options;
  const server = await startTabletServer(options.listen, { tls, ports, silenceMaxS, clock, log });
  await watch.start();
  const registration = registerTablet(options, server.address);
  log.info(
    { alias: options.alias, address: server.address, keyspace: options.keyspace, shard: options.shard },
    "started",
  );
  const admin =
    options.admin === undefined
      ? undefined
      : await startTabletAdmin(
          options.admin.listen,
          {
            pools: calls.pools,
            counts: calls.counts,
            problem: () => watch.problem,
            config: options.admin.config,
          },
          log,
        );
  return {
    address: server.address,
    adminAddress: admin?.address,
    async stop(graceMs = options.drainMs) {
      watch.drain();
      await registration.close();
      await calls.drain(graceMs);
      await server.stop(STREAMS_GRACE_MS);
      await calls.close();
      await admin?.close();
      await watch.close();
      log.info({ alias: options.alias }, "stopped");
    },
  };
}

/** Enters the tablet in the topology, as one that serves on `address` (host:port). */
export function registerTablet(
  { alias, keyspace, shard, type, mysqld, advertiseHost, silenceMaxS, topology, clock }: TabletOptions,
  address: string,
): TopoRegistration {
  return topology.registerTablet(
    {
      alias,
      cell: cellOfAlias(alias),
      keyspace,
      shard,
      type,
      hostname: advertisedHost(advertiseHost, address),
      grpcPort: portOf(address),
      mysqlHostname: mysqld.socketPath === undefined ? mysqld.host : "localhost",
      mysqlPort: mysqld.port,
      startedAt: new Date(clock.wallMs()).toISOString(),
    },
    // Renewed three times in it: it stays as long as gateways wait for it.
    { ttlS: Math.ceil(silenceMaxS * 1.5) },
  );
}

function advertisedHost(wanted: string | undefined, address: string): string {
  if (wanted !== undefined) return wanted;
  const host = address.slice(0, address.lastIndexOf(":"));
  return host === "0.0.0.0" || host === "[::]" ? hostname() : host;
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(":") + 1));
}
