// A whole tablet: pools to one mysqld, the gRPC server, health, the entry in the topology. `startTablet` wires them up
// and `stop` takes them down in the order that loses nothing: leave the topology, say "not serving", finish, close.

import { randomInt } from "node:crypto";
import { hostname } from "node:os";
import type { Clock } from "../base/clock.ts";
import { sleep } from "../base/clock.ts";
import { LIMITS } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { GrpcTls } from "../rpc/service.ts";
import { startTabletServer } from "../rpc/tablet-server.ts";
import { cellOfAlias, type TabletAlias, type TabletType } from "../topo/records.ts";
import type { Topology } from "../topo/topology.ts";
import { type CallCounts, CallService } from "./call-service.ts";
import type { CallServiceDeps, Databases } from "./call.ts";
import { ControlConnection } from "./control-connection.ts";
import { HealthMonitor } from "./health.ts";
import { MysqldConnection, type MysqldTarget } from "./mysqld-connection.ts";
import { Pool, POOL_DEFAULTS } from "./pool.ts";
import { startTabletAdmin } from "./admin.ts";
import { SchemaSource } from "./schema-source.ts";
import { SchemaTracker } from "./schema-tracker.ts";
import { SchemaTrackers } from "./schema-trackers.ts";
import { TopologyShards } from "./other-shards.ts";
import { splitStatements } from "./split-statements.ts";
import { XaResolver } from "./xa-resolver.ts";

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
  /** Where health, metrics and debug pages are served, and the configuration they show; undefined: nowhere. */
  readonly admin: { readonly listen: string; readonly config: Readonly<Record<string, unknown>> } | undefined;
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

const DRAIN_POLL_MS = 20;
/** For what is on its way when nothing is left to do; gateways' streams do not end by themselves. */
const STREAMS_GRACE_MS = 500;
/** Ids count up from a random start, so that one a session has from before a restart means nothing afterwards. */
const HOLD_ID_START_MAX = 2 ** 47;

/** Throws CONFIG_BAD when the port is taken. A mysqld that is away is waited for, not failed on. */
export async function startTablet(options: TabletOptions): Promise<RunningTablet> {
  const { clock, log, mysqld } = options;
  const control = new ControlConnection(mysqld);
  const counts: CallCounts = { calls: 0, holds: 0 };
  const databases: Databases = { own: mysqld.database, generation: 0 };
  const makePool = (name: string, connectionsMax: number): Pool<MysqldConnection> => {
    const pool: Pool<MysqldConnection> = new Pool({
      ...POOL_DEFAULTS,
      name,
      connectionsMax,
      clock,
      async open(foundRows) {
        const { generation } = databases;
        try {
          const opened = await MysqldConnection.open(mysqld, foundRows, clock, (connection) => pool.lost(connection));
          opened.databaseGeneration = generation;
          return opened;
        } catch (error) {
          void health.check();
          throw error;
        }
      },
    });
    return pool;
  };
  const pools = {
    pool: makePool("query", options.poolSize),
    streamPool: makePool("stream", options.streamPoolSize),
    transactionPool: makePool("transaction", options.transactionPoolSize),
  };
  const all = [pools.pool, pools.streamPool, pools.transactionPool];
  const health = new HealthMonitor({
    alias: options.alias,
    keyspace: options.keyspace,
    shard: options.shard,
    type: options.type,
    clock,
    log,
    async status() {
      const status = await control.status();
      packetBytesMax = status.packetBytesMax;
      return status;
    },
    load: () => ({
      calls: counts.calls,
      poolInUse: all.reduce((sum, pool) => sum + pool.stats.inUse, 0),
      poolWaiting: all.reduce((sum, pool) => sum + pool.stats.waiting, 0),
    }),
    onServing: (serving) => server.setServing(serving),
    onStalled: () => {
      for (const pool of all) pool.breakAll();
    },
  });
  const schema = new SchemaTrackers({
    own: options.keyspace,
    source(database) {
      const name = database === options.keyspace ? mysqld.database : database;
      return new SchemaSource(name, (sql, values) => control.track(sql, values));
    },
    tracker: (keyspace, source) => new SchemaTracker({ keyspace, source, clock, log }),
    clock,
  });
  let holdId = randomInt(HOLD_ID_START_MAX);
  let packetBytesMax = Number.POSITIVE_INFINITY;
  const deps: CallServiceDeps = {
    ...pools,
    nextHoldId: () => ++holdId,
    queryTimeoutMs: options.queryTimeoutMs,
    holdIdleTimeoutMs: options.transactionIdleTimeoutMs,
    clock,
    log,
    killQuery: (threadId) => control.killQuery(threadId),
    killConnection: (threadId) => control.killConnection(threadId),
    refusal: () => health.refusal(),
    packetBytesMax: () => packetBytesMax,
    definitionsChanged: (database) => schema.poke(database),
    databases,
  };
  const others = new TopologyShards(options.topology, options.tls);
  const transactions = new XaResolver({
    keyspace: options.keyspace,
    shard: options.shard,
    run: (...statements) => control.transactions(...statements),
    others,
    clock,
    log,
  });
  const server = await startTabletServer(
    options.listen,
    options.tls,
    {
      acceptCalls: (callServer) => new CallService(callServer, deps, counts),
      watchHealth: (push) => health.watch(push),
      applySchema: (keyspace, sql, timeoutMs) =>
        control.run(keyspace, splitStatements(sql), timeoutMs).finally(() => {
          databases.generation++;
          schema.poke(keyspace);
        }),
      getSchema: (keyspace, tables) => control.tables(keyspace, tables),
      watchSchema: (wake, end, keyspace) => schema.watch(keyspace, wake, end),
      refreshSchema: (tables, keyspace) => schema.refresh(keyspace, tables),
      decideTransaction: (transaction) => transactions.decide(transaction),
      transactions: () => transactions.transactions(),
      resolveTransaction: (transaction, decision) =>
        transactions.resolve(transaction, decision === "commit" || decision === "abort" ? decision : undefined),
    },
    log,
  );
  schema.start();
  await health.start();
  if (options.type === "primary") await transactions.start();
  const registration = options.topology.registerTablet(
    {
      alias: options.alias,
      cell: cellOfAlias(options.alias),
      keyspace: options.keyspace,
      shard: options.shard,
      type: options.type,
      hostname: advertisedHost(options.advertiseHost, server.address),
      grpcPort: portOf(server.address),
      mysqlHostname: mysqld.socketPath === undefined ? mysqld.host : "localhost",
      mysqlPort: mysqld.port,
      startedAt: new Date(clock.wallMs()).toISOString(),
    },
    { ttlS: LIMITS.tabletLeaseTtlS },
  );
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
            pools: { query: pools.pool, stream: pools.streamPool, transaction: pools.transactionPool },
            counts,
            problem: () => health.problem,
            config: options.admin.config,
          },
          log,
        );
  return {
    address: server.address,
    adminAddress: admin?.address,
    async stop(graceMs = options.drainMs) {
      health.drain();
      schema.stop();
      transactions.stop();
      await registration.close();
      const deadline = clock.nowMs() + graceMs;
      while (counts.calls + counts.holds > 0 && clock.nowMs() < deadline) await sleep(clock, DRAIN_POLL_MS);
      await server.stop(STREAMS_GRACE_MS);
      for (const pool of all) pool.close();
      await admin?.close();
      await control.close();
      others.close();
      log.info({ alias: options.alias }, "stopped");
    },
  };
}

function advertisedHost(wanted: string | undefined, address: string): string {
  if (wanted !== undefined) return wanted;
  const host = address.slice(0, address.lastIndexOf(":"));
  return host === "0.0.0.0" || host === "[::]" ? hostname() : host;
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(":") + 1));
}
