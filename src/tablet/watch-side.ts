// The half of a tablet that watches one mysqld: health and lag, table definitions, transactions that gateways have left. It
// is there once, however many processes run calls, and answers everything of the Tablet service but calls.

import type { Clock } from "../base/clock.ts";
import type { ShardgateError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { GrpcTls } from "../rpc/service.ts";
import type { TabletPorts } from "../rpc/tablet-server.ts";
import type { TabletType } from "../topo/records.ts";
import type { Topology } from "../topo/topology.ts";
import type { CallLoad } from "./call-side.ts";
import { ControlConnection } from "./control-connection.ts";
import { HealthMonitor } from "./health.ts";
import { LockWaits, type ThreadOwner } from "./lock-waits.ts";
import type { MysqldTarget } from "./mysqld-connection.ts";
import { TopologyShards } from "./other-shards.ts";
import { SchemaSource } from "./schema-source.ts";
import { SchemaTracker } from "./schema-tracker.ts";
import { SchemaTrackers } from "./schema-trackers.ts";
import { splitStatements } from "./split-statements.ts";
import { XaResolver } from "./xa-resolver.ts";

export interface WatchSideOptions {
  readonly alias: string;
  readonly keyspace: string;
  readonly shard: string;
  readonly type: TabletType;
  readonly tls: GrpcTls | undefined;
  readonly mysqld: MysqldTarget;
  readonly topology: Topology;
  readonly clock: Clock;
  readonly log: Log;
}

/** The processes that run calls, or this one. */
export interface Callers {
  /** Of all of them. */
  load(): CallLoad;
  owners(): Promise<readonly ThreadOwner[]>;
  onServing(serving: boolean): void;
  /** What runs on the mysqld is to be given up. */
  onStalled(): void;
  databasesChanged(): void;
}

/** What of the Tablet service is not calls. */
export type WatchPorts = Omit<TabletPorts, "acceptCalls">;

export class WatchSide {
  readonly ports: WatchPorts;
  readonly #options: WatchSideOptions;
  readonly #control: ControlConnection;
  readonly #health: HealthMonitor;
  readonly #schema: SchemaTrackers;
  readonly #others: TopologyShards;
  readonly #transactions: XaResolver;
  #packetBytesMax = Number.POSITIVE_INFINITY;

  constructor(options: WatchSideOptions, callers: Callers) {
    const { keyspace, shard, mysqld, clock, log } = options;
    const control = new ControlConnection(mysqld, clock);
    const health = new HealthMonitor({
      alias: options.alias,
      keyspace,
      shard,
      type: options.type,
      clock,
      log,
      status: async () => {
        const status = await control.status();
        this.#packetBytesMax = status.packetBytesMax;
        return status;
      },
      load: () => callers.load(),
      onServing: (serving) => callers.onServing(serving),
      onStalled: () => callers.onStalled(),
    });
    const schema = new SchemaTrackers({
      own: keyspace,
      source(database) {
        const name = database === keyspace ? mysqld.database : database;
        return new SchemaSource(name, (sql, values) => control.track(sql, values));
      },
      tracker: (name, source) => new SchemaTracker({ keyspace: name, source, clock, log }),
      clock,
    });
    const others = new TopologyShards(options.topology, options.tls);
    const transactions = new XaResolver({
      keyspace,
      shard,
      run: (...statements) => control.transactions(...statements),
      others,
      clock,
      log,
    });
    const lockWaits = new LockWaits(
      (sql) => control.transactions(sql),
      () => callers.owners(),
    );
    this.#options = options;
    this.#control = control;
    this.#health = health;
    this.#schema = schema;
    this.#others = others;
    this.#transactions = transactions;
    this.ports = {
      watchHealth: (push) => health.watch(push),
      applySchema: (name, sql, timeoutMs) =>
        control.run(name, splitStatements(sql), timeoutMs).finally(() => {
          callers.databasesChanged();
          schema.poke(name);
        }),
      getSchema: (name, tables) => control.tables(name, tables),
      watchSchema: (wake, end, name) => schema.watch(name, wake, end),
      refreshSchema: (tables, name) => schema.refresh(name, tables),
      lockWaits: () => lockWaits.list(),
      decideTransaction: (transaction) => transactions.decide(transaction),
      transactions: () => transactions.transactions(),
      resolveTransaction: (transaction, decision) =>
        transactions.resolve(transaction, decision === "commit" || decision === "abort" ? decision : undefined),
    };
  }

  /** Resolves after the first look at the mysqld, whether or not it is there. */
  async start(): Promise<void> {
    this.#schema.start();
    await this.#health.start();
    if (this.#options.type === "primary") await this.#transactions.start();
  }

  checkHealth(): void {
    void this.#health.check();
  }

  /** Why the tablet does not serve; undefined while it does. */
  get problem(): string | undefined {
    return this.#health.problem;
  }

  refusal(): ShardgateError | undefined {
    return this.#health.refusal();
  }

  get packetBytesMax(): number {
    return this.#packetBytesMax;
  }

  definitionsChanged(database: string): void {
    this.#schema.poke(database);
  }

  /** Ends a thread of the mysqld with whatever it does; never rejects. */
  killConnection(threadId: number): Promise<void> {
    return this.#control.killConnection(threadId);
  }

  /** Not serving from now on, for good. */
  drain(): void {
    this.#health.drain();
    this.#schema.stop();
    this.#transactions.stop();
  }

  async close(): Promise<void> {
    await this.#control.close();
    this.#others.close();
  }
}
