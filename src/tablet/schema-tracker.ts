// Keeps the definitions of a keyspace's tables as the tablet's mysqld has them, and tells watchers what changes. Once a
// second it asks whether a statement that changes definitions has begun since; if so, and once in a while in any case, it
// compares checksums of all tables and reads those that differ.
//
//   round:  activity as settled? ──yes──► a few tables' row estimates
//              │ no                          (settled: as it was when, with no such statement running, all was compared)
//              ▼
//           compare all, read what differs, tell ──► settled, unless such a statement still runs
//
// Comparing takes a share of the mysqld's time that is bounded: the larger it was, the longer until the next one.

import type { Clock } from "../base/clock.ts";
import { messageOf, ShardgateError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { SchemaChange } from "../rpc/schema-message.ts";
import type { SchemaReader } from "../rpc/tablet-server.ts";
import type { TableSchema } from "../schema/model.ts";
import { rowsDiffer, sameDefinition } from "../schema/same-table.ts";

/** What the tracker needs of a mysqld; SchemaSource in a tablet. */
export interface DefinitionSource {
  activity(): Promise<string>;
  isChanging(): Promise<boolean>;
  signatures(names?: readonly string[]): Promise<ReadonlyMap<string, string>>;
  definitions(names: readonly string[]): Promise<readonly TableSchema[]>;
  rowCounts(names: readonly string[]): Promise<ReadonlyMap<string, number>>;
}

export interface SchemaTrackerOptions {
  readonly keyspace: string;
  readonly source: DefinitionSource;
  readonly clock: Clock;
  readonly log: Log;
}

interface Tracked {
  readonly signature: string;
  /** Undefined for what is there but cannot be read, such as a view over a table that is gone. */
  readonly table: TableSchema | undefined;
}

interface Refresh {
  readonly names: readonly string[];
  readonly resolve: (version: number) => void;
  readonly reject: (error: unknown) => void;
}

/** All tables are compared at most so much of the time while a long statement runs, and while nothing seems to change. */
const BUSY_SHARE = 1 / 5;
const IDLE_SHARE = 1 / 100;
const ROWS_TOLD_EACH_MS = 30_000;

export class SchemaTracker {
  readonly #options: SchemaTrackerOptions;
  readonly #tables = new Map<string, Tracked>();
  readonly #readers = new Set<Reader>();
  readonly #refreshes: Refresh[] = [];
  #version = 0;
  /** All tables have been read once. */
  #known = false;
  #settled: string | undefined;
  /** The last comparison of all: when it ended, and how long the checksums took, in ms of the clock. */
  #comparedAtMs = Number.NEGATIVE_INFINITY;
  #tookMs = 0;
  /** Names whose row estimates are still to be read in this turn. */
  #rowsTurn: string[] = [];
  /** Those that have come to differ and are not told yet. */
  readonly #rowsChanged: string[] = [];
  #toldAtMs = 0;
  #failing = false;
  #stopped = false;
  #wake: () => void = () => undefined;

  constructor(options: SchemaTrackerOptions) {
    this.#options = options;
  }

  start(): void {
    void this.#run();
  }

  /** Watchers' streams end; what is under way with the mysqld is not waited for. */
  stop(): void {
    this.#stopped = true;
    this.#wake();
    for (const reader of this.#readers) reader.end();
    this.#readers.clear();
  }

  /** Something may have changed: the next round begins at once. */
  poke(): void {
    this.#wake();
  }

  /** Looks at the definitions of `names`, all when empty, whatever the counters say. Rejects when the mysqld does. */
  refresh(names: readonly string[]): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#refreshes.push({ names, resolve, reject });
      this.#wake();
    });
  }

  /** `wake` is never called at once. */
  watch(wake: () => void, end: () => void): SchemaReader {
    const reader = new Reader(this, wake, end, () => this.#readers.delete(reader));
    this.#readers.add(reader);
    return reader;
  }

  get version(): number {
    return this.#version;
  }

  get known(): boolean {
    return this.#known;
  }

  names(): Iterable<string> {
    return this.#tables.keys();
  }

  table(name: string): TableSchema | undefined {
    return this.#tables.get(name)?.table;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const woken = this.#pause();
      const refreshes = this.#refreshes.splice(0);
      try {
        await this.#refresh(refreshes);
        await this.#round();
        this.#failing = false;
      } catch (error) {
        this.#failed(error);
        for (const { reject } of refreshes) reject(error);
      }
      if (this.#refreshes.length === 0) await woken;
    }
    for (const { reject } of this.#refreshes.splice(0))
      reject(new ShardgateError("SHARD_UNAVAILABLE", "the tablet is shutting down"));
  }

  /** Until the next look is due, or until something wakes the tracker. */
  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#options.clock.after(LIMITS.schemaLookIntervalMs, () => resolve());
      this.#wake = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  async #refresh(refreshes: readonly Refresh[]): Promise<void> {
    if (refreshes.length === 0) return;
    const all = !this.#known || refreshes.some(({ names }) => names.length === 0);
    const names = all ? undefined : [...new Set(refreshes.flatMap((refresh) => refresh.names))];
    await this.#compare(names);
    for (const { resolve } of refreshes) resolve(this.#version);
  }

  async #round(): Promise<void> {
    const { source, clock } = this.#options;
    const activity = await source.activity();
    const sinceMs = clock.nowMs() - this.#comparedAtMs;
    const isDue = sinceMs >= Math.max(LIMITS.schemaSweepIntervalMs, this.#tookMs / IDLE_SHARE);
    const mayHaveChanged = activity !== this.#settled && sinceMs >= this.#tookMs / BUSY_SHARE;
    if (!isDue && !mayHaveChanged) {
      await this.#readRows();
      return;
    }
    // Asked first: what has ended by then is in what is compared, what begins later is counted.
    const isChanging = await source.isChanging().catch(() => false);
    await this.#compare(undefined);
    this.#settled = isChanging ? undefined : activity;
  }

  /** Reads the definitions that differ from what is known, of all tables or of `names`, and tells the watchers. */
  async #compare(names: readonly string[] | undefined): Promise<void> {
    const { source, clock } = this.#options;
    const startMs = clock.nowMs();
    const signatures = await source.signatures(names);
    const tookMs = clock.nowMs() - startMs;
    const differing = [...signatures].flatMap(([name, signature]) =>
      this.#tables.get(name)?.signature === signature ? [] : [name],
    );
    const read = new Map<string, TableSchema>();
    for (const table of await source.definitions(differing)) read.set(table.name, table);
    const changed: string[] = [];
    for (const name of differing) {
      const before = this.#tables.get(name)?.table;
      const found = read.get(name);
      const table = found === undefined ? undefined : { ...found, rows: before?.rows };
      this.#tables.set(name, { signature: signatures.get(name) ?? "", table });
      const isSame = before === undefined || table === undefined ? before === table : sameDefinition(before, table);
      if (!isSame) changed.push(name);
    }
    for (const name of names ?? [...this.#tables.keys()]) {
      if (signatures.has(name)) continue;
      if (this.#tables.delete(name)) changed.push(name);
    }
    if (names === undefined) {
      this.#comparedAtMs = clock.nowMs();
      this.#tookMs = tookMs;
    }
    const first = !this.#known && names === undefined;
    if (first) this.#known = true;
    if (first || (changed.length > 0 && this.#known)) this.#tell(changed);
  }

  /** The estimates of a few tables at a time, those that have come to differ much are told. */
  async #readRows(): Promise<void> {
    if (this.#rowsTurn.length === 0) this.#rowsTurn = [...this.#tables.keys()];
    const names = this.#rowsTurn.splice(0, LIMITS.schemaRowsTables);
    const asked = names.filter((name) => this.table(name)?.kind === "table");
    const counts = asked.length === 0 ? new Map<string, number>() : await this.#options.source.rowCounts(asked);
    for (const name of asked) {
      const tracked = this.#tables.get(name);
      if (tracked?.table === undefined) continue;
      const rows = counts.get(name);
      if (!rowsDiffer(tracked.table.rows, rows)) continue;
      this.#tables.set(name, { ...tracked, table: { ...tracked.table, rows } });
      this.#rowsChanged.push(name);
    }
    // Each telling costs gateways their plans; a turn over very many tables takes minutes.
    const isTime = this.#rowsTurn.length === 0 || this.#options.clock.nowMs() - this.#toldAtMs >= ROWS_TOLD_EACH_MS;
    if (this.#rowsChanged.length > 0 && isTime) this.#tell(this.#rowsChanged.splice(0));
  }

  #tell(changed: readonly string[]): void {
    this.#version++;
    this.#toldAtMs = this.#options.clock.nowMs();
    const { keyspace, log } = this.#options;
    log.debug({ keyspace, version: this.#version, tables: this.#tables.size, changed: changed.slice(0, 10) }, "schema");
    for (const reader of this.#readers) reader.changed(changed);
  }

  #failed(error: unknown): void {
    const { keyspace, log } = this.#options;
    this.#settled = undefined;
    if (!this.#failing && !this.#stopped)
      log.warn({ keyspace, error: messageOf(error) }, "table definitions cannot be read now");
    this.#failing = true;
  }
}

/** One watcher: the names of what it has still to be told of. */
class Reader implements SchemaReader {
  readonly #tracker: SchemaTracker;
  readonly #wake: () => void;
  readonly #onEnd: () => void;
  readonly #onClose: () => void;
  #pending: Set<string> | undefined;
  #isComplete = false;
  #closed = false;

  constructor(tracker: SchemaTracker, wake: () => void, onEnd: () => void, onClose: () => void) {
    this.#tracker = tracker;
    this.#wake = wake;
    this.#onEnd = onEnd;
    this.#onClose = onClose;
  }

  changed(names: readonly string[]): void {
    if (this.#pending !== undefined) {
      for (const name of names) this.#pending.add(name);
      this.#isComplete = false;
    }
    queueMicrotask(() => {
      if (!this.#closed) this.#wake();
    });
  }

  end(): void {
    if (!this.#closed) this.#onEnd();
    this.#closed = true;
  }

  close(): void {
    this.#closed = true;
    this.#onClose();
  }

  next(): SchemaChange | undefined {
    if (this.#closed || !this.#tracker.known) return undefined;
    const begins = this.#pending === undefined;
    const pending = this.#pending ?? new Set(this.#tracker.names());
    this.#pending = pending;
    if (this.#isComplete) return undefined;
    const tables: TableSchema[] = [];
    const dropped: string[] = [];
    let bytes = 0;
    for (const name of pending) {
      if (bytes >= LIMITS.schemaMessageBytes) break;
      pending.delete(name);
      const table = this.#tracker.table(name);
      if (table === undefined) {
        if (!begins) dropped.push(name);
        bytes += name.length;
      } else {
        tables.push(table);
        bytes += bytesOf(table);
      }
    }
    this.#isComplete = pending.size === 0;
    return { version: this.#tracker.version, begins, tables, dropped, complete: this.#isComplete };
  }
}

const COLUMN_BYTES = 32;

/** About what the message will have. */
function bytesOf(table: TableSchema): number {
  let bytes = table.name.length + (table.viewQuery?.length ?? 0);
  for (const { name, columnType, dataType } of table.columns) {
    bytes += name.length + columnType.length + dataType.length + COLUMN_BYTES;
  }
  return bytes;
}
