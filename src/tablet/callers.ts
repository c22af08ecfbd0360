// A tablet of several processes: what the primary, which watches the mysqld, and the workers, which run calls, tell each
// other, and both ends of it. Table definitions go to each watcher in parts that it has asked for, so that a slow one fills
// no queue.
//
//   primary:  listener, entry in the topology, WatchSide ◄──channel──► worker:  gRPC connections, CallSide (part of the pools)

import type { Socket } from "node:net";
import type { Clock } from "../base/clock.ts";
import { ShardgateError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { SchemaChange } from "../rpc/schema-message.ts";
import type { GrpcTls } from "../rpc/service.ts";
import { type SchemaReader, serveTabletConnections, type TabletHealth } from "../rpc/tablet-server.ts";
import type { Channel } from "../workers/channel.ts";
import { type CallLoad, CallSide, type CallSideOptions } from "./call-side.ts";
import type { ThreadOwner } from "./lock-waits.ts";
import type { WatchPorts, WatchSide } from "./watch-side.ts";

/** What a worker knows of the mysqld and the tablet. */
export interface WatchNews {
  readonly health: TabletHealth;
  readonly packetBytesMax: number;
  /** The tablet stops: no new calls. */
  readonly isDraining: boolean;
}

/** Methods of a worker. */
export interface CallerPort {
  watched(news: WatchNews): void;
  stalled(nothing: undefined): void;
  selectAnew(nothing: undefined): void;
  owners(nothing: undefined): readonly ThreadOwner[];
  schemaChanged(change: { readonly watcher: number; readonly change: SchemaChange }): void;
  schemaEnded(watcher: number): void;
}

/** Methods of the primary. */
export interface WatcherPort {
  /** What is known when a worker begins; it is told later changes. */
  news(nothing: undefined): WatchNews;
  load(load: CallLoad): void;
  checkHealth(nothing: undefined): void;
  definitionsChanged(database: string): void;
  databasesChanged(nothing: undefined): void;
  connectionOpened(threadId: number): void;
  connectionClosed(threadId: number): void;
  watchSchema(request: { readonly watcher: number; readonly keyspace: string }): void;
  /** A part that was told has been passed on. */
  schemaTaken(watcher: number): void;
  unwatchSchema(watcher: number): void;
  applySchema(request: {
    readonly keyspace: string;
    readonly sql: string;
    readonly timeoutMs: number;
  }): Promise<number>;
  getSchema(request: TablesOf): ReturnType<WatchPorts["getSchema"]>;
  refreshSchema(request: TablesOf): Promise<number>;
  lockWaits(nothing: undefined): ReturnType<WatchPorts["lockWaits"]>;
  decideTransaction(transaction: string): Promise<string>;
  transactions(nothing: undefined): ReturnType<WatchPorts["transactions"]>;
  resolveTransaction(request: { readonly transaction: string; readonly decision: string }): Promise<number>;
}

interface TablesOf {
  readonly keyspace: string;
  readonly tables: readonly string[];
}

/** Parts of definitions that are on their way to one watcher at a time. */
const PARTS_UNDER_WAY = 4;
const LOAD_TOLD_MS = LIMITS.healthIntervalMs;
const STREAMS_GRACE_MS = 500;

/** One worker as the primary sees it, for as long as its process lives. */
export class Caller {
  readonly #watch: WatchSide;
  readonly #readers = new Map<number, { readonly reader: SchemaReader; underWay: number }>();
  readonly #threads = new Set<number>();
  readonly #channel: () => Channel<CallerPort> | undefined;
  load: CallLoad = { calls: 0, poolInUse: 0, poolWaiting: 0 };

  /** `channel` is undefined when the worker has gone. */
  constructor(watch: WatchSide, channel: () => Channel<CallerPort> | undefined) {
    this.#watch = watch;
    this.#channel = channel;
  }

  /** `databasesChanged` is told to all other workers. */
  port(news: () => WatchNews, databasesChanged: () => void): WatcherPort {
    const { ports } = this.#watch;
    return {
      news,
      load: (load) => {
        this.load = load;
      },
      checkHealth: () => this.#watch.checkHealth(),
      definitionsChanged: (database) => this.#watch.definitionsChanged(database),
      databasesChanged,
      connectionOpened: (threadId) => {
        this.#threads.add(threadId);
      },
      connectionClosed: (threadId) => {
        this.#threads.delete(threadId);
      },
      watchSchema: ({ watcher, keyspace }) => this.#watchSchema(watcher, keyspace),
      schemaTaken: (watcher) => {
        const read = this.#readers.get(watcher);
        if (read === undefined) return;
        read.underWay--;
        this.#pump(watcher);
      },
      unwatchSchema: (watcher) => this.#unwatch(watcher),
      applySchema: ({ keyspace, sql, timeoutMs }) => ports.applySchema(keyspace, sql, timeoutMs),
      getSchema: ({ keyspace, tables }) => ports.getSchema(keyspace, tables),
      refreshSchema: ({ keyspace, tables }) => ports.refreshSchema(tables, keyspace),
      lockWaits: () => ports.lockWaits(),
      decideTransaction: (transaction) => ports.decideTransaction(transaction),
      transactions: () => ports.transactions(),
      resolveTransaction: ({ transaction, decision }) => ports.resolveTransaction(transaction, decision),
    };
  }

  /** Its process has ended: what it ran on the mysqld is ended, too, which would not notice while a statement runs. */
  async ended(): Promise<void> {
    for (const watcher of this.#readers.keys()) this.#unwatch(watcher);
    const threads = [...this.#threads];
    this.#threads.clear();
    await Promise.all(threads.map((threadId) => this.#watch.killConnection(threadId)));
  }

  #watchSchema(watcher: number, keyspace: string): void {
    const reader = this.#watch.ports.watchSchema(
      () => this.#pump(watcher),
      () => {
        this.#readers.delete(watcher);
        this.#channel()?.tell("schemaEnded", watcher);
      },
      keyspace,
    );
    this.#readers.set(watcher, { reader, underWay: 0 });
    this.#pump(watcher);
  }

  #pump(watcher: number): void {
    const read = this.#readers.get(watcher);
    while (read !== undefined && read.underWay < PARTS_UNDER_WAY) {
      const change = read.reader.next();
      if (change === undefined) return;
      read.underWay++;
      this.#channel()?.tell("schemaChanged", { watcher, change });
    }
  }

  #unwatch(watcher: number): void {
    this.#readers.get(watcher)?.reader.close();
    this.#readers.delete(watcher);
  }
}

export interface CallWorkerOptions extends CallSideOptions {
  readonly tls: GrpcTls | undefined;
  /** How long a gateway may say nothing before its calls are ended. */
  readonly silenceMaxS: number;
  /** How long statements and transactions may go on when the tablet stops. */
  readonly drainMs: number;
}

/** A worker's process: calls of the gateways whose connections it is given. */
export class CallWorker {
  readonly calls: CallSide;
  readonly #options: CallWorkerOptions;
  readonly #channel: Channel<WatcherPort>;
  readonly #server: ReturnType<typeof serveTabletConnections>;
  readonly #healthWatchers = new Set<(health: TabletHealth) => void>();
  readonly #schemaWatchers = new Map<number, RelayedReader>();
  #news: WatchNews;
  #nextWatcher = 1;
  #isStopping = false;

  constructor(options: CallWorkerOptions, channel: Channel<WatcherPort>, news: WatchNews) {
    this.#options = options;
    this.#channel = channel;
    this.#news = news;
    this.calls = new CallSide(options, {
      checkHealth: () => channel.tell("checkHealth", undefined),
      refusal: () => this.#refusal(),
      packetBytesMax: () => this.#news.packetBytesMax,
      definitionsChanged: (database) => channel.tell("definitionsChanged", database),
      databasesChanged: () => channel.tell("databasesChanged", undefined),
      connectionOpened: (threadId) => channel.tell("connectionOpened", threadId),
      connectionClosed: (threadId) => channel.tell("connectionClosed", threadId),
    });
    const ports = {
      ...this.#ports(),
      acceptCalls: this.calls.accept.bind(this.calls),
    };
    const { tls, silenceMaxS, clock, log } = options;
    this.#server = serveTabletConnections({ tls, ports, silenceMaxS, clock, log });
    this.#server.setServing(news.health.serving);
    this.#tellLoad(options.clock);
  }

  /** `isGrpc` is called if it is no call stream. */
  take(socket: Socket, isGrpc: () => void): void {
    this.#server.take(socket, isGrpc);
  }

  get problem(): string | undefined {
    const { serving, reason } = this.#news.health;
    return serving ? undefined : reason;
  }

  watched(news: WatchNews): void {
    if (news.health.serving !== this.#news.health.serving) this.#server.setServing(news.health.serving);
    this.#news = news;
    for (const push of this.#healthWatchers) push(news.health);
  }

  schemaChanged(watcher: number, change: SchemaChange): void {
    this.#schemaWatchers.get(watcher)?.received(change);
  }

  schemaEnded(watcher: number): void {
    this.#schemaWatchers.get(watcher)?.ended();
    this.#schemaWatchers.delete(watcher);
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.calls.drain(this.#options.drainMs);
    await this.#server.stop(STREAMS_GRACE_MS);
    await this.calls.close();
  }

  #refusal(): ShardgateError | undefined {
    if (!this.#isStopping && !this.#news.isDraining) return undefined;
    return new ShardgateError("SHARD_UNAVAILABLE", "the tablet is shutting down; try again");
  }

  #tellLoad(clock: Clock): void {
    clock.after(LOAD_TOLD_MS, () => {
      this.#channel.tell("load", this.calls.load);
      this.#tellLoad(clock);
    });
  }

  #ports(): WatchPorts {
    const channel = this.#channel;
    return {
      watchHealth: (push) => {
        this.#healthWatchers.add(push);
        push(this.#news.health);
        return () => this.#healthWatchers.delete(push);
      },
      watchSchema: (wake, end, keyspace) => {
        const watcher = this.#nextWatcher++;
        const reader = new RelayedReader(wake, end, {
          taken: () => channel.tell("schemaTaken", watcher),
          closed: () => {
            this.#schemaWatchers.delete(watcher);
            channel.tell("unwatchSchema", watcher);
          },
        });
        this.#schemaWatchers.set(watcher, reader);
        channel.tell("watchSchema", { watcher, keyspace });
        return reader;
      },
      applySchema: (keyspace, sql, timeoutMs) => channel.call("applySchema", { keyspace, sql, timeoutMs }),
      getSchema: (keyspace, tables) => channel.call("getSchema", { keyspace, tables }),
      refreshSchema: (tables, keyspace) => channel.call("refreshSchema", { keyspace, tables }),
      lockWaits: () => channel.call("lockWaits", undefined),
      decideTransaction: (transaction) => channel.call("decideTransaction", transaction),
      transactions: () => channel.call("transactions", undefined),
      resolveTransaction: (transaction, decision) => channel.call("resolveTransaction", { transaction, decision }),
    };
  }
}

/** A reader of definitions in another process. */
class RelayedReader implements SchemaReader {
  readonly #wake: () => void;
  readonly #end: () => void;
  readonly #told: { taken(): void; closed(): void };
  readonly #changes: SchemaChange[] = [];
  #isOpen = true;

  constructor(wake: () => void, end: () => void, told: { taken(): void; closed(): void }) {
    this.#wake = wake;
    this.#end = end;
    this.#told = told;
  }

  received(change: SchemaChange): void {
    this.#changes.push(change);
    if (this.#isOpen) this.#wake();
  }

  ended(): void {
    if (this.#isOpen) this.#end();
    this.#isOpen = false;
  }

  next(): SchemaChange | undefined {
    const change = this.#isOpen ? this.#changes.shift() : undefined;
    if (change !== undefined) this.#told.taken();
    return change;
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#told.closed();
  }
}

/** Of several workers. */
export function addedLoad(loads: readonly CallLoad[]): CallLoad {
  return {
    calls: loads.reduce((sum, { calls }) => sum + calls, 0),
    poolInUse: loads.reduce((sum, { poolInUse }) => sum + poolInUse, 0),
    poolWaiting: loads.reduce((sum, { poolWaiting }) => sum + poolWaiting, 0),
  };
}

/** The part of worker `index` (from 1) of a pool of `size` for `count` workers; all parts together are the whole. */
export function poolPart(size: number, index: number, count: number): number {
  return Math.floor(size / count) + (index <= size % count ? 1 : 0);
}
