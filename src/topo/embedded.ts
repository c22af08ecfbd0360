// The store inside one process: for single-process use and for tests, with the contract of `store.ts`. With `file`, what is
// not tied to a living process (all but registrations and locks) is kept in a JSON file, written before a change is
// answered. `connect` gives each part of the process a store of its own, whose close returns only what that part holds.

import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { Clock } from "../base/clock.ts";
import { ShardgateError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type {
  Revision,
  TopoChange,
  TopoEntry,
  TopoList,
  TopoLock,
  TopoLockOptions,
  TopoRegistration,
  TopoStore,
  TopoWatch,
  TopoWatchEvent,
} from "./store.ts";
import { badVersion, checkValue, locked, nodeExists, noNode } from "./store-errors.ts";
import { decodeTopoFile, writeTopoFile } from "./topo-file.ts";

export interface EmbeddedTopo {
  /** A store on the shared content. */
  connect(): EmbeddedStore;
}

export interface EmbeddedStore extends TopoStore {
  /** As if the process that holds this store had crashed: its registrations and locks vanish when their time is over. */
  vanish(): void;
}

/**
 * Reads `file` if it exists (TOPO_BAD_RECORD if it is not ours). Only one living process may use a file, others are
 * refused with CONFIG_BAD; it leaves a small `.lock` file beside it, which the next process takes over.
 */
export async function createEmbeddedTopo(options: {
  readonly clock: Clock;
  readonly file?: string;
}): Promise<EmbeddedTopo> {
  const content = new Content(options.clock, options.file);
  await content.load();
  return { connect: () => new Session(content) };
}

interface Stored {
  readonly entry: TopoEntry;
  /** The session-bound holder, for keys that vanish with it. */
  readonly holder: object | undefined;
}

interface Watcher {
  readonly prefix: string;
  readonly listener: (event: TopoWatchEvent) => void;
}

class Content {
  readonly clock: Clock;
  readonly #file: string | undefined;
  readonly #stored = new Map<string, Stored>();
  readonly #watchers = new Set<Watcher>();
  #revision: Revision = 0;
  #saving: Promise<void> = Promise.resolve();

  constructor(clock: Clock, file: string | undefined) {
    this.clock = clock;
    this.#file = file;
  }

  async load(): Promise<void> {
    if (this.#file === undefined) return;
    await claim(this.#file);
    let text: string;
    try {
      text = await readFile(this.#file, "utf8");
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return;
      throw error;
    }
    const { entries, revision } = decodeTopoFile(this.#file, text);
    this.#revision = revision;
    for (const entry of entries) this.#stored.set(entry.key, { entry, holder: undefined });
  }

  get(key: string): Stored | undefined {
    return this.#stored.get(key);
  }

  list(prefix: string): TopoList {
    const entries: TopoEntry[] = [];
    for (const { entry } of this.#stored.values()) if (entry.key.startsWith(prefix)) entries.push(entry);
    entries.sort((a, b) => (a.key < b.key ? -1 : 1));
    return { entries, revision: this.#revision };
  }

  put(key: string, value: string, holder?: object): Revision {
    const revision = ++this.#revision;
    const entry = { key, value, revision };
    this.#stored.set(key, { entry, holder });
    this.#tell({ kind: "put", entry });
    return revision;
  }

  remove(key: string): void {
    if (!this.#stored.delete(key)) return;
    this.#tell({ kind: "delete", key, revision: ++this.#revision });
  }

  watch(watcher: Watcher): void {
    this.#watchers.add(watcher);
    const list = this.list(watcher.prefix);
    queueMicrotask(() => this.#deliver(watcher, { kind: "reset", list }));
    const beat = (): void => {
      this.clock.after(LIMITS.topoWatchProgressMs, () => {
        if (!this.#watchers.has(watcher)) return;
        this.#deliver(watcher, { kind: "progress" });
        beat();
      });
    };
    beat();
  }

  unwatch(watcher: Watcher): void {
    this.#watchers.delete(watcher);
  }

  /** Resolves when everything changed so far is on disk. */
  save(): Promise<void> {
    const file = this.#file;
    if (file === undefined) return Promise.resolve();
    const next = this.#saving.then(() => {
      const entries = [...this.#stored.values()].flatMap(({ entry, holder }) => (holder === undefined ? [entry] : []));
      return writeTopoFile(file, { entries, revision: this.#revision });
    });
    this.#saving = next.catch(() => undefined);
    return next;
  }

  #tell(change: TopoChange): void {
    const key = change.kind === "put" ? change.entry.key : change.key;
    for (const watcher of this.#watchers) {
      if (!key.startsWith(watcher.prefix)) continue;
      const event: TopoWatchEvent = { kind: "changes", changes: [change], revision: this.#revision };
      queueMicrotask(() => this.#deliver(watcher, event));
    }
  }

  #deliver(watcher: Watcher, event: TopoWatchEvent): void {
    if (this.#watchers.has(watcher)) watcher.listener(event);
  }
}

class Session implements EmbeddedStore {
  readonly #content: Content;
  readonly #watchers = new Set<Watcher>();
  readonly #held = new Set<Holding>();
  #closed = false;

  constructor(content: Content) {
    this.#content = content;
  }

  async get(key: string): Promise<TopoEntry | undefined> {
    this.#check();
    return this.#content.get(key)?.entry;
  }

  async list(prefix: string): Promise<TopoList> {
    this.#check();
    return this.#content.list(prefix);
  }

  async create(key: string, value: string): Promise<Revision> {
    this.#check();
    checkValue(key, value);
    if (this.#content.get(key) !== undefined) throw nodeExists(key);
    return this.#saved(this.#content.put(key, value));
  }

  async update(key: string, value: string, revision?: Revision): Promise<Revision> {
    this.#check();
    checkValue(key, value);
    if (revision !== undefined) checkRevision(key, this.#content.get(key)?.entry, revision);
    return this.#saved(this.#content.put(key, value));
  }

  async delete(key: string, revision?: Revision): Promise<void> {
    this.#check();
    const found = this.#content.get(key)?.entry;
    if (found === undefined) throw noNode(key);
    if (revision !== undefined) checkRevision(key, found, revision);
    this.#content.remove(key);
    await this.#content.save();
  }

  watch(prefix: string, listener: (event: TopoWatchEvent) => void): TopoWatch {
    this.#check();
    const watcher: Watcher = { prefix, listener };
    this.#watchers.add(watcher);
    this.#content.watch(watcher);
    return {
      close: () => {
        this.#watchers.delete(watcher);
        this.#content.unwatch(watcher);
      },
    };
  }

  register(key: string, value: string, options?: { readonly ttlS?: number }): TopoRegistration {
    this.#check();
    checkValue(key, value);
    const holding: Holding = { key, ttlS: options?.ttlS ?? LIMITS.tabletLeaseTtlS };
    this.#held.add(holding);
    this.#content.put(key, value, holding);
    let current = value;
    // Someone may delete a registered key by hand; etcd's store writes it again at the next keep-alive, and so does this.
    const renew = (): void => {
      this.#content.clock.after((holding.ttlS * 1_000) / 3, () => {
        if (!this.#held.has(holding)) return;
        if (this.#content.get(key) === undefined) this.#content.put(key, current, holding);
        renew();
      });
    };
    renew();
    return {
      registered: Promise.resolve(),
      update: async (next) => {
        this.#check();
        current = next;
        if (this.#held.has(holding)) this.#content.put(key, next, holding);
      },
      close: async () => {
        if (this.#held.delete(holding)) this.#giveBack(holding);
      },
    };
  }

  async lock(key: string, holder: string, options?: TopoLockOptions): Promise<TopoLock> {
    this.#check();
    const { clock } = this.#content;
    const deadlineMs = clock.nowMs() + (options?.waitMs ?? LIMITS.topoLockWaitMs);
    for (;;) {
      const found = this.#content.get(key);
      if (found === undefined) break;
      const leftMs = deadlineMs - clock.nowMs();
      if (leftMs <= 0) throw locked(key, found.entry.value);
      await this.#untilGone(key, leftMs);
      this.#check();
    }
    const holding: Holding = { key, ttlS: options?.ttlS ?? LIMITS.topoLockTtlS, lost: new AbortController() };
    this.#held.add(holding);
    this.#content.put(key, holder, holding);
    const release = async (): Promise<void> => {
      if (this.#held.delete(holding)) this.#giveBack(holding);
    };
    return {
      lost: holding.lost?.signal ?? AbortSignal.abort(),
      release,
      [Symbol.asyncDispose]: release,
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const watcher of this.#watchers) this.#content.unwatch(watcher);
    this.#watchers.clear();
    for (const holding of this.#held) this.#giveBack(holding);
    this.#held.clear();
    await this.#content.save();
  }

  vanish(): void {
    this.#closed = true;
    for (const watcher of this.#watchers) this.#content.unwatch(watcher);
    this.#watchers.clear();
    for (const holding of this.#held) {
      holding.lost?.abort();
      this.#content.clock.after(holding.ttlS * 1_000, () => this.#giveBack(holding));
    }
    this.#held.clear();
  }

  #giveBack(holding: Holding): void {
    if (this.#content.get(holding.key)?.holder === holding) this.#content.remove(holding.key);
  }

  #untilGone(key: string, withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const finish = (): void => {
        timer.cancel();
        this.#content.unwatch(watcher);
        resolve();
      };
      const watcher: Watcher = {
        prefix: key,
        listener: (event) => {
          if (event.kind !== "progress" && this.#content.get(key) === undefined) finish();
        },
      };
      const timer = this.#content.clock.after(withinMs, finish);
      this.#content.watch(watcher);
    });
  }

  async #saved(revision: Revision): Promise<Revision> {
    await this.#content.save();
    return revision;
  }

  #check(): void {
    if (this.#closed) throw new ShardgateError("TOPO_UNAVAILABLE", "the topology store is closed");
  }
}

interface Holding {
  readonly key: string;
  readonly ttlS: number;
  readonly lost?: AbortController;
}

async function claim(file: string): Promise<void> {
  const lock = `${file}.lock`;
  await mkdir(dirname(file), { recursive: true });
  for (let tries = 0; tries < CLAIM_TRIES_MAX; tries++) {
    try {
      await writeFile(lock, `${process.pid}\n`, { flag: "wx" });
      return;
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    }
    const holder = Number(await readFile(lock, "utf8").catch(() => ""));
    if (holder === process.pid) return;
    if (holder > 0 && isAlive(holder)) break;
    await rm(lock, { force: true });
  }
  throw new ShardgateError("CONFIG_BAD", `topology file ${file} is in use by another process (its id is in ${lock})`);
}

const CLAIM_TRIES_MAX = 3;

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

function checkRevision(key: string, found: TopoEntry | undefined, revision: Revision): void {
  if (found === undefined) throw noNode(key);
  if (found.revision !== revision) throw badVersion(key);
}
