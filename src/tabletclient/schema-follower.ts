// Follows the table definitions of each keyspace: from one tablet of it, a primary if one serves, over a stream that begins
// with everything and goes on with changes. When the tablet goes another one is taken; what was told last stays until that
// one has told all it knows. Keeps no definitions itself.

import type { Clock, Timer } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { SchemaChange } from "../rpc/schema-message.ts";
import { refreshSchema, watchSchema } from "../rpc/tablet-client.ts";
import type { TableSchema } from "../schema/model.ts";
import type { TabletConnection } from "./tablet-connection.ts";

/** What changes of what is known of a keyspace. */
export interface SchemaNews {
  readonly keyspace: string;
  /** `tables` are all there are. */
  readonly all: boolean;
  /** New ones and changed ones. */
  readonly tables: readonly TableSchema[];
  readonly dropped: readonly string[];
}

export interface SchemaFollowerOptions {
  /** Tablets of a keyspace that can be asked now, the best first. */
  tabletsOf(keyspace: string): readonly TabletConnection[];
  told(news: SchemaNews): void;
  readonly clock: Clock;
  readonly log: Log;
}

/** One keyspace's stream. */
interface Stream {
  readonly connection: TabletConnection;
  readonly handle: { close(): void };
  /** Of a snapshot or change that has not been told to its end; undefined for dropped ones. */
  readonly pending: Map<string, TableSchema | undefined>;
  begins: boolean;
  /** Told to its end; -1 before the first. */
  version: number;
  readonly waiters: Set<Waiter>;
}

interface Waiter {
  readonly version: number;
  readonly done: () => void;
}

const RETRY_MS = 500;

export class SchemaFollower {
  readonly #options: SchemaFollowerOptions;
  readonly #keyspaces = new Set<string>();
  readonly #streams = new Map<string, Stream>();
  readonly #known = new Set<string>();
  #retry: Timer | undefined;
  #closed = false;
  #onKnown: () => void = () => undefined;

  constructor(options: SchemaFollowerOptions) {
    this.#options = options;
  }

  /** The keyspaces to follow from now on. */
  follow(keyspaces: Iterable<string>): void {
    const wanted = new Set(keyspaces);
    for (const keyspace of this.#keyspaces) {
      if (wanted.has(keyspace)) continue;
      this.#keyspaces.delete(keyspace);
      this.#known.delete(keyspace);
      this.#leave(keyspace);
    }
    for (const keyspace of wanted) this.#keyspaces.add(keyspace);
    this.choose();
  }

  /** Looks whether each keyspace's stream comes from the best tablet; to be called when tablets come, go or change. */
  choose(): void {
    if (this.#closed) return;
    for (const keyspace of this.#keyspaces) {
      const tablets = this.#options.tabletsOf(keyspace);
      const [best] = tablets;
      const current = this.#streams.get(keyspace)?.connection;
      if (best === undefined) continue;
      if (current !== undefined && tablets.includes(current) && isPrimary(current) === isPrimary(best)) continue;
      this.#leave(keyspace);
      this.#open(keyspace, best);
    }
  }

  /** Resolves when each of `keyspaces` that is followed has been told once, or after `waitMs`. */
  async known(keyspaces: ReadonlySet<string>, waitMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = this.#options.clock.after(waitMs, () => resolve());
      this.#onKnown = () => {
        for (const keyspace of keyspaces) if (this.#keyspaces.has(keyspace) && !this.#known.has(keyspace)) return;
        timer.cancel();
        resolve();
      };
      this.#onKnown();
    });
    this.#onKnown = () => undefined;
  }

  /**
   * Has the keyspace's tablet look at `tables` (all when empty) and resolves when what it found has been told, at the
   * latest after `timeoutMs`. Never rejects: what cannot be had now comes later.
   */
  async refresh(keyspace: string, tables: readonly string[], timeoutMs: number): Promise<void> {
    const { clock, log } = this.#options;
    const stream = this.#streams.get(keyspace);
    if (stream === undefined) return;
    const deadlineMs = clock.nowMs() + timeoutMs;
    let version: number;
    try {
      version = await refreshSchema(stream.connection.channel, tables, timeoutMs, keyspace);
    } catch (error) {
      log.debug({ keyspace, error: messageOf(error) }, "definitions could not be refreshed");
      return;
    }
    if (stream.version >= version || this.#streams.get(keyspace) !== stream) return;
    await new Promise<void>((resolve) => {
      const waiter: Waiter = {
        version,
        done() {
          timer.cancel();
          stream.waiters.delete(waiter);
          resolve();
        },
      };
      const timer = clock.after(deadlineMs - clock.nowMs(), () => waiter.done());
      stream.waiters.add(waiter);
    });
  }

  close(): void {
    this.#closed = true;
    this.#retry?.cancel();
    for (const keyspace of this.#streams.keys()) this.#leave(keyspace);
  }

  #open(keyspace: string, connection: TabletConnection): void {
    const { log } = this.#options;
    const handle = watchSchema(
      connection.channel,
      (change) => this.#take(keyspace, stream, change),
      (error) => {
        if (this.#streams.get(keyspace) !== stream) return;
        log.debug({ keyspace, tablet: connection.record.alias, error: error?.message }, "definitions: stream ended");
        this.#leave(keyspace);
        this.#tryLater();
      },
      keyspace,
    );
    const stream: Stream = {
      connection,
      handle,
      pending: new Map(),
      begins: false,
      version: -1,
      waiters: new Set(),
    };
    this.#streams.set(keyspace, stream);
    log.debug({ keyspace, tablet: connection.record.alias }, "definitions: following");
  }

  #take(keyspace: string, stream: Stream, change: SchemaChange): void {
    if (this.#streams.get(keyspace) !== stream) return;
    const { pending } = stream;
    if (change.begins) {
      stream.begins = true;
      pending.clear();
    }
    // What is told twice before the end counts as it was told last.
    for (const table of change.tables) pending.set(table.name, table);
    for (const name of change.dropped) pending.set(name, undefined);
    if (!change.complete) return;
    const tables = [...pending.values()].filter((table) => table !== undefined);
    const dropped = [...pending].flatMap(([name, table]) => (table === undefined ? [name] : []));
    const all = stream.begins;
    stream.begins = false;
    stream.version = change.version;
    pending.clear();
    this.#options.told({ keyspace, all, tables, dropped });
    this.#known.add(keyspace);
    this.#onKnown();
    for (const waiter of stream.waiters) if (waiter.version <= stream.version) waiter.done();
  }

  #leave(keyspace: string): void {
    const stream = this.#streams.get(keyspace);
    if (stream === undefined) return;
    this.#streams.delete(keyspace);
    stream.handle.close();
    for (const waiter of stream.waiters) waiter.done();
  }

  #tryLater(): void {
    if (this.#closed) return;
    this.#retry?.cancel();
    this.#retry = this.#options.clock.after(RETRY_MS, () => this.choose());
  }
}

function isPrimary({ record }: TabletConnection): boolean {
  return record.type === "primary";
}
