// The definitions of all databases of one mysqld that gateways ask for: those of the tablet's own keyspace always, those of
// keyspaces that it serves besides while somebody watches them. What concerns the mysqld as a whole is asked once for all,
// and the more databases there are, the later each takes notice of what is changed past the tablet's calls: a definition in
// one of hundreds must not have all of them compared while the next one waits.

import type { Clock } from "../base/clock.ts";
import { LIMITS } from "../base/limits.ts";
import type { SchemaReader } from "../rpc/tablet-server.ts";
import type { DefinitionSource, SchemaTracker } from "./schema-tracker.ts";

export interface SchemaTrackersOptions {
  /** The tablet's keyspace. */
  readonly own: string;
  /** Definitions of one database. */
  readonly source: (database: string) => DefinitionSource;
  /** A tracker that has not begun. */
  tracker(keyspace: string, source: DefinitionSource): SchemaTracker;
  readonly clock: Clock;
}

interface Other {
  readonly tracker: SchemaTracker;
  /** Readers and refreshes under way. */
  users: number;
}

export class SchemaTrackers {
  readonly #options: SchemaTrackersOptions;
  readonly #ownSource: DefinitionSource;
  readonly #own: SchemaTracker;
  readonly #others = new Map<string, Other>();
  #activity: Promise<string> | undefined;
  #activityMs = 0;

  constructor(options: SchemaTrackersOptions) {
    this.#options = options;
    this.#ownSource = options.source(options.own);
    this.#own = options.tracker(options.own, this.#ownSource);
  }

  start(): void {
    this.#own.start();
  }

  stop(): void {
    this.#own.stop();
    for (const { tracker } of this.#others.values()) tracker.stop();
    this.#others.clear();
  }

  /** Something may have changed in `keyspace`, which is the tablet's own when empty. */
  poke(keyspace: string): void {
    if (this.#isOwn(keyspace)) this.#own.poke();
    else this.#others.get(keyspace)?.tracker.poke();
  }

  /** As SchemaTracker.watch. */
  watch(keyspace: string, wake: () => void, end: () => void): SchemaReader {
    if (this.#isOwn(keyspace)) return this.#own.watch(wake, end);
    const other = this.#use(keyspace);
    const reader = other.tracker.watch(wake, end);
    let open = true;
    return {
      next: () => reader.next(),
      close: () => {
        reader.close();
        if (open) this.#leave(keyspace, other);
        open = false;
      },
    };
  }

  /** As SchemaTracker.refresh. */
  async refresh(keyspace: string, names: readonly string[]): Promise<number> {
    if (this.#isOwn(keyspace)) return this.#own.refresh(names);
    const other = this.#use(keyspace);
    try {
      return await other.tracker.refresh(names);
    } finally {
      this.#leave(keyspace, other);
    }
  }

  #isOwn(keyspace: string): boolean {
    return keyspace === "" || keyspace === this.#options.own;
  }

  #use(keyspace: string): Other {
    let other = this.#others.get(keyspace);
    if (other === undefined) {
      other = { tracker: this.#options.tracker(keyspace, this.#sourceOf(keyspace)), users: 0 };
      this.#others.set(keyspace, other);
      other.tracker.start();
    }
    other.users++;
    return other;
  }

  #leave(keyspace: string, other: Other): void {
    other.users--;
    if (other.users > 0 || this.#others.get(keyspace) !== other) return;
    this.#others.delete(keyspace);
    other.tracker.stop();
  }

  #sourceOf(keyspace: string): DefinitionSource {
    const { source: sourceOf, clock } = this.#options;
    const source = sourceOf(keyspace);
    let activity: Promise<string> | undefined;
    let lookedMs = 0;
    return {
      activity: () => {
        const now = clock.nowMs();
        if (activity === undefined || now - lookedMs >= this.#others.size * LIMITS.schemaLookPerDatabaseMs) {
          activity = this.#sharedActivity();
          lookedMs = now;
        }
        return activity;
      },
      isChanging: () => this.#ownSource.isChanging(),
      signatures: (names) => source.signatures(names),
      definitions: (names) => source.definitions(names),
      // Estimates are for joins of large tables over shards.
      rowCounts: () => Promise.resolve(NO_COUNTS),
    };
  }

  /** As old as half a look at most, however many databases ask. */
  #sharedActivity(): Promise<string> {
    const now = this.#options.clock.nowMs();
    if (this.#activity === undefined || now - this.#activityMs > LIMITS.schemaLookIntervalMs / 2) {
      this.#activityMs = now;
      this.#activity = this.#ownSource.activity();
    }
    return this.#activity;
  }
}

const NO_COUNTS: ReadonlyMap<string, number> = new Map();
