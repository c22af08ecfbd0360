// The half of a tablet that runs calls: pools of connections to the mysqld and the service of each gateway's stream. It
// watches nothing itself; what it has to know of the mysqld comes from the other half (watch-side.ts), which is in the same
// process, or in the primary of several that have one such half each.

import { randomInt } from "node:crypto";
import { type Clock, sleep } from "../base/clock.ts";
import type { ShardgateError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { Tracer } from "../base/tracing.ts";
import type { CallHandler, CallServer } from "../rpc/call-server.ts";
import { CallService, type CallCounts } from "./call-service.ts";
import type { CallServiceDeps, Databases } from "./call.ts";
import { ControlConnection } from "./control-connection.ts";
import type { ThreadOwner } from "./lock-waits.ts";
import { MysqldConnection, type MysqldTarget } from "./mysqld-connection.ts";
import { Pool, POOL_DEFAULTS } from "./pool.ts";

export interface CallSideOptions {
  /** `database` is the keyspace's. */
  readonly mysqld: MysqldTarget;
  readonly poolSize: number;
  readonly streamPoolSize: number;
  readonly transactionPoolSize: number;
  /** 0: none. */
  readonly queryTimeoutMs: number;
  /** 0: none. */
  readonly transactionIdleTimeoutMs: number;
  /** Undefined: nothing is traced. */
  readonly tracer: Tracer | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

/** What calls need of the half that watches. */
export interface Watched {
  /** A connection to the mysqld was refused: look at it now. */
  checkHealth(): void;
  /** Undefined while calls may be served, else why not. */
  refusal(): ShardgateError | undefined;
  /** The mysqld's max_allowed_packet. */
  packetBytesMax(): number;
  /** A statement has ended that may have changed definitions, of the database with this name or others. */
  definitionsChanged(database: string): void;
  /** A statement has ended that may have made, changed or dropped databases. */
  databasesChanged(): void;
  /** Connections to the mysqld have come and gone, by the mysqld's ids. */
  connectionOpened(threadId: number): void;
  connectionClosed(threadId: number): void;
}

/** What is under way, for health. */
export interface CallLoad {
  readonly calls: number;
  readonly poolInUse: number;
  readonly poolWaiting: number;
}

/** Ids count up from a random start, so that one a session has from before a restart means nothing afterwards. */
const HOLD_ID_START_MAX = 2 ** 47;
const DRAIN_POLL_MS = 20;

export class CallSide {
  readonly pools: Readonly<Record<"query" | "stream" | "transaction", Pool<MysqldConnection>>>;
  readonly counts: CallCounts = { calls: 0, holds: 0 };
  readonly #clock: Clock;
  readonly #databases: Databases;
  readonly #deps: CallServiceDeps;
  /** For KILL only. */
  readonly #control: ControlConnection;

  constructor(options: CallSideOptions, watched: Watched) {
    const { clock, mysqld } = options;
    this.#clock = clock;
    this.#databases = { own: mysqld.database, generation: 0 };
    this.#control = new ControlConnection(mysqld, clock);
    this.pools = {
      query: this.#makePool("query", options.poolSize, mysqld, watched),
      stream: this.#makePool("stream", options.streamPoolSize, mysqld, watched),
      transaction: this.#makePool("transaction", options.transactionPoolSize, mysqld, watched),
    };
    let holdId = randomInt(HOLD_ID_START_MAX);
    this.#deps = {
      pool: this.pools.query,
      streamPool: this.pools.stream,
      transactionPool: this.pools.transaction,
      nextHoldId: () => ++holdId,
      queryTimeoutMs: options.queryTimeoutMs,
      holdIdleTimeoutMs: options.transactionIdleTimeoutMs,
      clock,
      log: options.log,
      killQuery: (threadId, isWanted) => this.#control.killQuery(threadId, isWanted),
      killConnection: (threadId) => this.#control.killConnection(threadId),
      refusal: () => watched.refusal(),
      packetBytesMax: () => watched.packetBytesMax(),
      definitionsChanged: (database) => watched.definitionsChanged(database),
      databasesChanged: () => {
        this.selectAnew();
        watched.databasesChanged();
      },
      databases: this.#databases,
      tracer: options.tracer,
    };
  }

  accept(server: CallServer): CallHandler {
    return new CallService(server, this.#deps, this.counts);
  }

  /** Client connections for which connections to the mysqld are held, by the mysqld's threads. */
  get owners(): readonly ThreadOwner[] {
    return [...this.pools.transaction.leased].flatMap(({ owner, threadId }) =>
      owner === 0 ? [] : [[threadId, owner] as const],
    );
  }

  get load(): CallLoad {
    const stats = Object.values(this.pools).map((pool) => pool.stats);
    return {
      calls: this.counts.calls,
      poolInUse: stats.reduce((sum, { inUse }) => sum + inUse, 0),
      poolWaiting: stats.reduce((sum, { waiting }) => sum + waiting, 0),
    };
  }

  /** Connections know databases as they were: they select theirs anew. */
  selectAnew(): void {
    this.#databases.generation++;
  }

  /** The mysqld does not answer: what runs on it is not worth waiting for. */
  breakAll(): void {
    for (const pool of Object.values(this.pools)) pool.breakAll();
  }

  /** Resolves when nothing is under way, or after `graceMs`. */
  async drain(graceMs: number): Promise<void> {
    const deadline = this.#clock.nowMs() + graceMs;
    while (this.counts.calls + this.counts.holds > 0 && this.#clock.nowMs() < deadline) {
      await sleep(this.#clock, DRAIN_POLL_MS);
    }
  }

  async close(): Promise<void> {
    for (const pool of Object.values(this.pools)) pool.close();
    await this.#control.close();
    await this.#deps.tracer?.close();
  }

  #makePool(name: string, connectionsMax: number, mysqld: MysqldTarget, watched: Watched): Pool<MysqldConnection> {
    const clock = this.#clock;
    const pool: Pool<MysqldConnection> = new Pool({
      ...POOL_DEFAULTS,
      name,
      connectionsMax,
      clock,
      open: async (foundRows) => {
        const { generation } = this.#databases;
        try {
          const opened = await MysqldConnection.open(mysqld, foundRows, clock, (connection) => {
            watched.connectionClosed(connection.threadId);
            pool.lost(connection);
          });
          watched.connectionOpened(opened.threadId);
          opened.databaseGeneration = generation;
          return opened;
        } catch (error) {
          watched.checkHealth();
          throw error;
        }
      },
    });
    return pool;
  }
}
