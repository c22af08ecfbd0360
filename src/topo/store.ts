// What the topology needs from a store: keys with text values and revisions, compare-and-set writes, watches, and things
// that vanish with their holder (registrations, locks). Implemented by `etcd.ts` and `embedded.ts`; one contract test
// suite runs on both. Keys are full paths with their root; nothing here knows what the values mean.
//
// Errors of every call: TOPO_UNAVAILABLE when no server answers in the call timeout; besides those named on the methods.

/** Grows with every change anywhere in the store; 0 is before all changes. */
export type Revision = number;

export interface TopoEntry {
  readonly key: string;
  readonly value: string;
  /** The change that wrote this value. */
  readonly revision: Revision;
}

export interface TopoList {
  /** Sorted by key; all as they were at `revision`. */
  readonly entries: readonly TopoEntry[];
  readonly revision: Revision;
}

export interface TopoData {
  get(key: string): Promise<TopoEntry | undefined>;
  /** Everything whose key starts with `prefix`, from one moment. */
  list(prefix: string): Promise<TopoList>;
  /** Writes a key that must not exist yet: else TOPO_NODE_EXISTS. */
  create(key: string, value: string): Promise<Revision>;
  /**
   * Replaces the value if the key is still at `revision`: else TOPO_BAD_VERSION, or TOPO_NO_NODE when it is gone.
   * Without `revision` it writes whatever is there (last one wins).
   */
  update(key: string, value: string, revision?: Revision): Promise<Revision>;
  /** Removes the key: TOPO_NO_NODE when it is not there, TOPO_BAD_VERSION when it is no longer at `revision`. */
  delete(key: string, revision?: Revision): Promise<void>;
}

export type TopoChange =
  | { readonly kind: "put"; readonly entry: TopoEntry }
  | { readonly kind: "delete"; readonly key: string; readonly revision: Revision };

export type TopoWatchEvent =
  /** All there is below the prefix: first of all, and again whenever changes may have been missed. Replaces all before. */
  | { readonly kind: "reset"; readonly list: TopoList }
  /** What changed since, in order, nothing left out. */
  | { readonly kind: "changes"; readonly changes: readonly TopoChange[]; readonly revision: Revision }
  /** The watch is alive and has told everything; comes at least every `LIMITS.topoWatchProgressMs` while it is. */
  | { readonly kind: "progress" }
  /** The server cannot be reached; the watch goes on by itself when it can. */
  | { readonly kind: "disconnected"; readonly error: Error };

export interface TopoWatch {
  close(): void;
}

export interface TopoWatching {
  /** Tells `listener` of everything below `prefix`, from now until closed, in order, never before `watch` has returned. */
  watch(prefix: string, listener: (event: TopoWatchEvent) => void): TopoWatch;
}

export interface TopoRegistration {
  /** Resolves when the key has been written for the first time; rejects when closed before. */
  readonly registered: Promise<void>;
  /** Replaces the value; resolves when written, and is repeated by itself after a lost lease. */
  update(value: string): Promise<void>;
  /** Removes the key and stops. Does not wait for a store that is away. */
  close(): Promise<void>;
}

export interface TopoLock extends AsyncDisposable {
  /** Aborts when the lock may have passed to someone else: stop what it protects. */
  readonly lost: AbortSignal;
  release(): Promise<void>;
}

export interface TopoLockOptions {
  /** How long to wait for another holder; default `LIMITS.topoLockWaitMs`. */
  readonly waitMs?: number;
  /** How long after a crash of the holder the lock is free; default `LIMITS.topoLockTtlS`. */
  readonly ttlS?: number;
}

export interface TopoCoordination {
  /**
   * Keeps `key` written for as long as this process lives: it vanishes `ttlS` after a crash, and is written again when
   * it got lost (lease expired while the store was away, key deleted). Returns at once and keeps trying.
   */
  register(key: string, value: string, options?: { readonly ttlS?: number }): TopoRegistration;
  /** Takes the exclusive lock `key`; `holder` says who, for the others' error. TOPO_LOCKED when `waitMs` passes. */
  lock(key: string, holder: string, options?: TopoLockOptions): Promise<TopoLock>;
}

export interface TopoStore extends TopoData, TopoWatching, TopoCoordination {
  /** Ends watches, gives registrations and locks back if the store can be reached. */
  close(): Promise<void>;
}
