// The topology as gateways see it: an immutable snapshot that follows the store by one watch, within a second of any
// change. It only ever gets better: a bad record leaves the last good one, a store that is away leaves everything, and
// after it is back, tablets whose registration ran out meanwhile stay for a grace time in which they can register anew.
// With a last-known-good file it has an answer even when the store is away at start.
//
//   store.watch ─► entries (checked, last good) ─► changed keyspaces rebuilt ─► snapshot ─► listeners, file (debounced)

import { readFile } from "node:fs/promises";
import type { Clock, Timer } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import { compareKeyRanges, partitionProblem, ShardMap } from "./key-range.ts";
import type {
  GlobalVariablesRecord,
  KeyspaceRecord,
  RoutingRule,
  ShardRecord,
  TabletAlias,
  TabletRecord,
} from "./records.ts";
import {
  globalVariablesCodec,
  keyspaceCodec,
  routingRulesCodec,
  shardCodec,
  tabletCodec,
  vschemaCodec,
} from "./records.ts";
import type { Revision, TopoEntry, TopoList, TopoWatching, TopoWatchEvent } from "./store.ts";
import { decodeTopoFile, writeTopoFile } from "./topo-file.ts";
import type { TopologyKey } from "./topology.ts";
import { globalVariablesKey, parseTopologyKey, queryRulesKey, vschemaKey } from "./topology.ts";

export interface KeyspaceSnapshot {
  readonly name: string;
  readonly record: KeyspaceRecord;
  /** All of them, sorted by key range. */
  readonly shards: readonly ShardRecord[];
  /**
   * The serving shards, when they cover every keyspace id exactly once. Undefined otherwise: then no query may be
   * routed by keyspace id or scattered, and `servingProblem` says why.
   */
  readonly serving: ShardMap<ShardRecord> | undefined;
  readonly servingProblem: string | undefined;
  /** VSchema JSON as stored; undefined when the keyspace has none. */
  readonly vschema: { readonly json: unknown; readonly revision: Revision } | undefined;
}

/** Parts that did not change are the same objects as in the snapshot before. */
export interface TopologySnapshot {
  /** Number of the snapshot, from 0 (empty, nothing known yet); grows by one with each. */
  readonly sequence: number;
  /** The store's revision it shows. */
  readonly revision: Revision;
  readonly source: "nothing" | "file" | "store";
  readonly keyspaces: ReadonlyMap<string, KeyspaceSnapshot>;
  readonly tablets: ReadonlyMap<TabletAlias, TabletRecord>;
  readonly routingRules: readonly RoutingRule[];
  /** The record of query rules as stored, good or bad: who follows it keeps the last good ones. Undefined: none. */
  readonly queryRules: { readonly text: string; readonly revision: Revision } | undefined;
  /** What SET GLOBAL has set; undefined: nothing ever. */
  readonly globalVariables: { readonly variables: GlobalVariablesRecord; readonly revision: Revision } | undefined;
}

export interface TopologyWatcherOptions {
  readonly store: TopoWatching;
  readonly root: string;
  /** Tablets of these cells only; default all. */
  readonly cells?: readonly string[];
  readonly lastKnownGoodFile?: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Default LIMITS.topoTabletGraceMs. */
  readonly tabletGraceMs?: number;
}

export type SnapshotListener = (next: TopologySnapshot, previous: TopologySnapshot) => void;

export interface TopologyWatcher {
  snapshot(): TopologySnapshot;
  /** Calls `listener` after each change; the function returned ends that. */
  onChange(listener: SnapshotListener): () => void;
  /** Resolves with the first snapshot from the file or the store; stays pending until there is one. */
  readonly ready: Promise<void>;
  /** Milliseconds since the store last confirmed that the snapshot is current; Infinity before the first time. */
  watchAgeMs(): number;
  /** Ends the watch; writes the last-known-good file if a change is not in it yet. */
  close(): Promise<void>;
}

/** Silence after which tablets that are deleted first thing afterwards are given the grace time. */
const AWAY_MS = 2.5 * LIMITS.topoWatchProgressMs;

type Decoded =
  | { readonly kind: "keyspace"; readonly keyspace: string; readonly record: KeyspaceRecord }
  | { readonly kind: "vschema"; readonly keyspace: string; readonly json: unknown }
  | { readonly kind: "shard"; readonly keyspace: string; readonly record: ShardRecord }
  | { readonly kind: "tablet"; readonly record: TabletRecord }
  | { readonly kind: "routing_rules"; readonly rules: readonly RoutingRule[] }
  | { readonly kind: "query_rules"; readonly text: string }
  | { readonly kind: "variables"; readonly variables: GlobalVariablesRecord };

interface Good {
  readonly entry: TopoEntry;
  readonly decoded: Decoded;
}

const EMPTY: TopologySnapshot = {
  sequence: 0,
  revision: 0,
  source: "nothing",
  keyspaces: new Map(),
  tablets: new Map(),
  routingRules: [],
  queryRules: undefined,
  globalVariables: undefined,
};

export function createTopologyWatcher(options: TopologyWatcherOptions): TopologyWatcher {
  return new Watcher(options);
}

class Watcher implements TopologyWatcher {
  readonly ready: Promise<void>;
  readonly #options: TopologyWatcherOptions;
  readonly #listeners = new Set<SnapshotListener>();
  readonly #graceMs: number;
  readonly #stop: () => void;
  #becomeReady: () => void = () => {};

  /** The last good entry of each key. */
  #good = new Map<string, Good>();
  /** Bad entries already logged: key to revision. */
  readonly #logged = new Map<string, Revision>();
  /** Tablets that vanished while or right after the store was away. */
  readonly #departing = new Set<string>();
  #departTimer: Timer | undefined;
  #graceUntilMs = 0;
  #confirmedMs = Number.NEGATIVE_INFINITY;
  #snapshot = EMPTY;

  #saveTimer: Timer | undefined;
  #saving: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: TopologyWatcherOptions) {
    this.#options = options;
    this.#graceMs = options.tabletGraceMs ?? LIMITS.topoTabletGraceMs;
    this.ready = new Promise((resolve) => {
      this.#becomeReady = resolve;
    });
    void this.#loadFile();
    const watch = options.store.watch(`${options.root}/`, (event) => this.#take(event));
    this.#stop = () => watch.close();
  }

  snapshot(): TopologySnapshot {
    return this.#snapshot;
  }

  onChange(listener: SnapshotListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  watchAgeMs(): number {
    return this.#options.clock.nowMs() - this.#confirmedMs;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#stop();
    this.#departTimer?.cancel();
    if (this.#saveTimer !== undefined) {
      this.#saveTimer.cancel();
      this.#saveTimer = undefined;
      this.#save();
    }
    await this.#saving;
  }

  #take(event: TopoWatchEvent): void {
    if (this.#closed) return;
    if (event.kind === "disconnected") {
      this.#options.log.warn({ error: event.error.message }, "topology store is away; serving from what is known");
      return;
    }
    this.#noteContact();
    switch (event.kind) {
      case "progress":
        return;
      case "reset":
        this.#reset(event.list);
        return;
      case "changes": {
        const changed = new Set<string>();
        for (const change of event.changes) {
          if (change.kind === "put") this.#put(change.entry, changed);
          else this.#delete(change.key, changed);
        }
        this.#publish(changed, event.revision, "store");
        return;
      }
    }
  }

  /** The first sign of life after a silence opens the grace time: etcd may have dropped leases it could not see renewed. */
  #noteContact(): void {
    const now = this.#options.clock.nowMs();
    const knowsNothing = this.#snapshot.source === "nothing";
    if (!knowsNothing && now - this.#confirmedMs > AWAY_MS) this.#graceUntilMs = now + this.#graceMs;
    this.#confirmedMs = now;
  }

  #reset(list: TopoList): void {
    const changed = new Set<string>();
    const present = new Set<string>();
    let keyspaces = 0;
    for (const entry of list.entries) {
      present.add(entry.key);
      if (this.#put(entry, changed) === "keyspace") keyspaces++;
    }
    if (keyspaces === 0 && this.#snapshot.keyspaces.size > 0) {
      // A store that comes back empty has lost its data; a gateway that forgot everything too would only add to the harm.
      this.#options.log.error({}, "topology store came back without any keyspace; keeping the last known topology");
      this.#publish(changed, list.revision, "store");
      return;
    }
    for (const key of this.#good.keys()) if (!present.has(key)) this.#delete(key, changed);
    this.#publish(changed, list.revision, "store");
  }

  /** Takes an entry if it is good; says what it was. */
  #put(entry: TopoEntry, changed: Set<string>): TopologyKey["kind"] | undefined {
    const key = parseTopologyKey(this.#options.root, entry.key);
    if (key === undefined || !this.#wants(key)) return undefined;
    this.#departing.delete(entry.key);
    if (this.#good.get(entry.key)?.entry.value !== entry.value) {
      let decoded: Decoded;
      try {
        decoded = decode(key, entry);
      } catch (error) {
        this.#logBad(entry, error);
        return key.kind;
      }
      changed.add(entry.key);
      this.#good.set(entry.key, { entry, decoded });
    } else if (key.kind === "vschema" || key.kind === "variables") {
      // Same text at a new revision: whoever compares revisions must see it.
      const good = this.#good.get(entry.key);
      if (good !== undefined && good.entry.revision !== entry.revision) {
        this.#good.set(entry.key, { entry, decoded: good.decoded });
        changed.add(entry.key);
      }
    }
    return key.kind;
  }

  #delete(key: string, changed: Set<string>): void {
    const good = this.#good.get(key);
    if (good === undefined) return;
    const now = this.#options.clock.nowMs();
    if (good.decoded.kind === "tablet" && now < this.#graceUntilMs) {
      this.#departing.add(key);
      this.#departTimer ??= this.#options.clock.after(this.#graceUntilMs - now, () => this.#departOverdue());
      return;
    }
    this.#good.delete(key);
    changed.add(key);
  }

  /** Removes the tablets that did not come back in the grace time, unless the store is away again. */
  #departOverdue(): void {
    this.#departTimer = undefined;
    if (this.#closed || this.#departing.size === 0) return;
    const now = this.#options.clock.nowMs();
    const isAway = now - this.#confirmedMs > AWAY_MS;
    if (isAway || now < this.#graceUntilMs) {
      const delayMs = isAway ? this.#graceMs : this.#graceUntilMs - now;
      this.#departTimer = this.#options.clock.after(delayMs, () => this.#departOverdue());
      return;
    }
    const changed = new Set(this.#departing);
    for (const key of this.#departing) this.#good.delete(key);
    this.#departing.clear();
    this.#publish(changed, this.#snapshot.revision, "store");
  }

  #publish(changed: ReadonlySet<string>, revision: Revision, source: "file" | "store"): void {
    const previous = this.#snapshot;
    if (changed.size === 0 && previous.source === source) return;
    const next = buildSnapshot(this.#good, changed, previous, revision, source, this.#options.root);
    this.#snapshot = next;
    if (source === "store") this.#saveSoon();
    this.#becomeReady();
    for (const listener of this.#listeners) {
      try {
        listener(next, previous);
      } catch (error) {
        this.#options.log.error({ error: messageOf(error) }, "a listener of the topology failed");
      }
    }
  }

  #wants(key: TopologyKey): boolean {
    // Who the gateways are is gateway-watch.ts's to know: no plan depends on it.
    if (key.kind === "cell" || key.kind === "gateway") return false;
    return key.kind !== "tablet" || this.#options.cells === undefined || this.#options.cells.includes(key.cell);
  }

  #logBad(entry: TopoEntry, error: unknown): void {
    if (this.#logged.get(entry.key) === entry.revision) return;
    this.#logged.set(entry.key, entry.revision);
    const kept = this.#good.has(entry.key) ? "; keeping the last good one" : "";
    this.#options.log.error({ key: entry.key, error: messageOf(error) }, `bad topology record${kept}`);
  }

  async #loadFile(): Promise<void> {
    const file = this.#options.lastKnownGoodFile;
    if (file === undefined) return;
    let list: TopoList;
    try {
      list = decodeTopoFile(file, await readFile(file, "utf8"));
    } catch (error) {
      const isAbsent = error instanceof Error && "code" in error && error.code === "ENOENT";
      if (!isAbsent) this.#options.log.warn({ error: messageOf(error) }, "last-known-good topology cannot be read");
      return;
    }
    if (this.#closed || this.#snapshot.source === "store") return;
    const changed = new Set<string>();
    for (const entry of list.entries) this.#put(entry, changed);
    if (changed.size === 0) return;
    this.#options.log.info({ file, revision: list.revision }, "topology taken from the last-known-good file");
    this.#publish(changed, list.revision, "file");
  }

  #saveSoon(): void {
    if (this.#options.lastKnownGoodFile === undefined || this.#saveTimer !== undefined || this.#closed) return;
    this.#saveTimer = this.#options.clock.after(LIMITS.lastKnownGoodDelayMs, () => {
      this.#saveTimer = undefined;
      this.#save();
    });
  }

  #save(): void {
    const file = this.#options.lastKnownGoodFile;
    if (file === undefined) return;
    const entries = [...this.#good.values()].map((good) => good.entry);
    const list = { entries, revision: this.#snapshot.revision };
    this.#saving = this.#saving
      .then(() => writeTopoFile(file, list))
      .catch((error: unknown) => {
        this.#options.log.warn({ file, error: messageOf(error) }, "last-known-good topology cannot be written");
      });
  }
}

function decode(key: TopologyKey, { key: path, value }: TopoEntry): Decoded {
  const misplaced = (what: string): never => {
    throw new Error(`the record at ${path} says it is ${what}`);
  };
  switch (key.kind) {
    case "keyspace": {
      const record = keyspaceCodec.decode(path, value);
      return record.name === key.keyspace
        ? { kind: "keyspace", keyspace: key.keyspace, record }
        : misplaced(record.name);
    }
    case "vschema": {
      const record = vschemaCodec.decode(path, value);
      if (record.keyspace !== key.keyspace) return misplaced(record.keyspace);
      return { kind: "vschema", keyspace: key.keyspace, json: record.json };
    }
    case "shard": {
      const record = shardCodec.decode(path, value);
      if (record.keyspace !== key.keyspace || record.name !== key.shard) {
        return misplaced(`${record.keyspace}/${record.name}`);
      }
      return { kind: "shard", keyspace: key.keyspace, record };
    }
    case "tablet": {
      const record = tabletCodec.decode(path, value);
      return record.alias === key.alias ? { kind: "tablet", record } : misplaced(record.alias);
    }
    case "routing_rules":
      return { kind: "routing_rules", rules: routingRulesCodec.decode(path, value) };
    case "query_rules":
      return { kind: "query_rules", text: value };
    case "variables":
      return { kind: "variables", variables: globalVariablesCodec.decode(path, value) };
    case "cell":
    case "gateway":
      return misplaced(`a ${key.kind}`);
  }
}

function buildSnapshot(
  good: ReadonlyMap<string, Good>,
  changed: ReadonlySet<string>,
  previous: TopologySnapshot,
  revision: Revision,
  source: "file" | "store",
  root: string,
): TopologySnapshot {
  const kinds = new Set<TopologyKey["kind"]>();
  const changedKeyspaces = new Set<string>();
  for (const path of changed) {
    const key = parseTopologyKey(root, path);
    if (key === undefined) continue;
    kinds.add(key.kind);
    if ("keyspace" in key) changedKeyspaces.add(key.keyspace);
  }

  let { tablets, routingRules, queryRules, globalVariables } = previous;
  if (kinds.has("tablet")) tablets = new Map(pick(good, "tablet").map(({ record }) => [record.alias, record]));
  if (kinds.has("routing_rules")) routingRules = pick(good, "routing_rules")[0]?.rules ?? [];
  if (kinds.has("query_rules")) {
    const stored = good.get(queryRulesKey(root))?.entry;
    queryRules = stored === undefined ? undefined : { text: stored.value, revision: stored.revision };
  }
  if (kinds.has("variables")) {
    const stored = good.get(globalVariablesKey(root));
    const variables = stored?.decoded.kind === "variables" ? stored.decoded.variables : undefined;
    const revision = stored?.entry.revision ?? 0;
    globalVariables = variables === undefined ? undefined : { variables, revision };
  }

  let { keyspaces } = previous;
  if (changedKeyspaces.size > 0) {
    const next = new Map<string, KeyspaceSnapshot>();
    const shards = pick(good, "shard");
    const keyspaceRecords = pick(good, "keyspace");
    // What is served from another keyspace's tablets changes with that one's shards.
    for (const { keyspace, record } of keyspaceRecords) {
      if (record.servedFrom !== undefined && changedKeyspaces.has(record.servedFrom)) changedKeyspaces.add(keyspace);
    }
    for (const { keyspace, record } of keyspaceRecords.toSorted((a, b) => (a.keyspace < b.keyspace ? -1 : 1))) {
      const before = previous.keyspaces.get(keyspace);
      if (before !== undefined && !changedKeyspaces.has(keyspace)) next.set(keyspace, before);
      else {
        const vschema = good.get(vschemaKey(root, keyspace));
        const { servedFrom = keyspace } = record;
        const ofKeyspace = shards.flatMap((shard) => {
          if (shard.keyspace !== servedFrom) return [];
          return [servedFrom === keyspace ? shard.record : { ...shard.record, keyspace }];
        });
        next.set(keyspace, buildKeyspace(record, ofKeyspace, vschema));
      }
    }
    keyspaces = next;
  }
  return {
    sequence: previous.sequence + 1,
    revision,
    source,
    keyspaces,
    tablets,
    routingRules,
    queryRules,
    globalVariables,
  };
}

function buildKeyspace(
  record: KeyspaceRecord,
  found: readonly ShardRecord[],
  vschema: Good | undefined,
): KeyspaceSnapshot {
  const shards = found.toSorted((a, b) => compareKeyRanges(a.keyRange, b.keyRange));
  const serving = shards.filter((shard) => shard.isServing);
  const servingProblem = partitionProblem(serving);
  return {
    name: record.name,
    record,
    shards,
    serving: servingProblem === undefined ? new ShardMap(serving) : undefined,
    servingProblem,
    vschema:
      vschema?.decoded.kind === "vschema"
        ? { json: vschema.decoded.json, revision: vschema.entry.revision }
        : undefined,
  };
}

function pick<K extends Decoded["kind"]>(good: ReadonlyMap<string, Good>, kind: K): Extract<Decoded, { kind: K }>[] {
  const found: Extract<Decoded, { kind: K }>[] = [];
  for (const { decoded } of good.values()) if (isKind(decoded, kind)) found.push(decoded);
  return found;
}

function isKind<K extends Decoded["kind"]>(decoded: Decoded, kind: K): decoded is Extract<Decoded, { kind: K }> {
  return decoded.kind === kind;
}
