// Typed operations on the topology over any store: where each record lives, and reading and writing it. No policy: what
// may be created or removed when is decided in `control/`. Reads refuse a bad record with TOPO_BAD_RECORD.
//
//   ROOT/global/keyspaces/KS/keyspace      ROOT/cells/CELL/cell
//   ROOT/global/keyspaces/KS/vschema       ROOT/cells/CELL/tablets/ALIAS
//   ROOT/global/keyspaces/KS/shards/SHARD  ROOT/cells/CELL/gateways/NUMBER
//   ROOT/global/routing_rules              ROOT/global/locks/NAME
//   ROOT/global/query_rules                ROOT/global/variables

import { messageOf, ShardgateError } from "../base/errors.ts";
import { type GatewayRecord, gatewayCodec } from "./gateway-record.ts";
import { compareKeyRanges, parseKeyRange } from "./key-range.ts";
import type {
  CellRecord,
  GlobalVariablesRecord,
  KeyspaceRecord,
  RecordCodec,
  RoutingRule,
  ShardRecord,
  TabletAlias,
  TabletRecord,
  VSchemaRecord,
} from "./records.ts";
import {
  cellCodec,
  cellOfAlias,
  checkName,
  globalVariablesCodec,
  keyspaceCodec,
  parseTabletAlias,
  queryRulesCodec,
  routingRulesCodec,
  shardCodec,
  tabletCodec,
  vschemaCodec,
} from "./records.ts";
import type { Revision, TopoEntry, TopoLock, TopoLockOptions, TopoRegistration, TopoStore } from "./store.ts";

/** A record with the revision that compare-and-set writes ask for. */
export interface Versioned<T> {
  readonly record: T;
  readonly revision: Revision;
}

/** What a key below the root is for. */
export type TopologyKey =
  | { readonly kind: "keyspace" | "vschema"; readonly keyspace: string }
  | { readonly kind: "shard"; readonly keyspace: string; readonly shard: string }
  | { readonly kind: "routing_rules" | "query_rules" | "variables" }
  | { readonly kind: "cell"; readonly cell: string }
  | { readonly kind: "tablet"; readonly cell: string; readonly alias: TabletAlias }
  | { readonly kind: "gateway"; readonly cell: string; readonly number: number };

/** `root` is the path all keys begin with, like /shardgate. */
export class Topology {
  readonly store: TopoStore;
  readonly root: string;

  constructor(store: TopoStore, root: string) {
    this.store = store;
    this.root = checkRoot(root);
  }

  // Keyspaces

  /** Names, sorted. */
  async getKeyspaceNames(): Promise<string[]> {
    const prefix = `${this.root}/global/keyspaces/`;
    const { entries } = await this.store.list(prefix);
    return entries.flatMap((entry) => {
      const key = parseTopologyKey(this.root, entry.key);
      return key?.kind === "keyspace" ? [key.keyspace] : [];
    });
  }

  /** Sorted by name. */
  async getKeyspaces(): Promise<Versioned<KeyspaceRecord>[]> {
    const names = await this.getKeyspaceNames();
    return Promise.all(names.map((name) => this.getKeyspace(name)));
  }

  /** TOPO_NO_NODE when there is none. */
  getKeyspace(keyspace: string): Promise<Versioned<KeyspaceRecord>> {
    return this.#read(keyspaceKey(this.root, keyspace), keyspaceCodec, `keyspace ${keyspace}`);
  }

  async createKeyspace(record: KeyspaceRecord): Promise<void> {
    if (record.servedFrom === undefined) checkName("keyspace", record.name);
    await this.#create(keyspaceKey(this.root, record.name), keyspaceCodec.encode(record), `keyspace ${record.name}`);
  }

  async deleteKeyspace(keyspace: string, revision?: Revision): Promise<void> {
    await this.store.delete(keyspaceKey(this.root, keyspace), revision);
  }

  // Shards

  /** Sorted by key range. */
  async getShards(keyspace: string): Promise<Versioned<ShardRecord>[]> {
    const { entries } = await this.store.list(`${keyspacePath(this.root, keyspace)}/shards/`);
    return entries
      .map((entry) => versioned(entry, shardCodec))
      .toSorted((a, b) => compareKeyRanges(a.record.keyRange, b.record.keyRange));
  }

  /** TOPO_NO_NODE when there is none. */
  getShard(keyspace: string, shard: string): Promise<Versioned<ShardRecord>> {
    return this.#read(shardKey(this.root, keyspace, shard), shardCodec, `shard ${keyspace}/${shard}`);
  }

  async createShard(record: ShardRecord): Promise<void> {
    parseKeyRange(record.name);
    const { keyspace, name } = record;
    await this.#create(shardKey(this.root, keyspace, name), shardCodec.encode(record), `shard ${keyspace}/${name}`);
  }

  /** Replaces the record if it is still at `revision`. */
  updateShard(record: ShardRecord, revision: Revision): Promise<Revision> {
    return this.store.update(shardKey(this.root, record.keyspace, record.name), shardCodec.encode(record), revision);
  }

  async deleteShard(keyspace: string, shard: string, revision?: Revision): Promise<void> {
    await this.store.delete(shardKey(this.root, keyspace, shard), revision);
  }

  // Tablets

  /** Of one cell, or of all; sorted by alias. `skipBad` leaves bad records out instead of refusing. */
  async getTablets(cell?: string, options: { readonly skipBad?: boolean } = {}): Promise<TabletRecord[]> {
    const prefix = cell === undefined ? `${this.root}/cells/` : `${this.root}/cells/${cell}/tablets/`;
    const { entries } = await this.store.list(prefix);
    return entries.flatMap((entry) => {
      if (parseTopologyKey(this.root, entry.key)?.kind !== "tablet") return [];
      if (options.skipBad === true && badRecordReason(this.root, entry) !== undefined) return [];
      return [tabletCodec.decode(entry.key, entry.value)];
    });
  }

  /** TOPO_NO_NODE when it is not registered. */
  async getTablet(alias: TabletAlias): Promise<TabletRecord> {
    return (await this.#read(tabletKey(this.root, alias), tabletCodec, `tablet ${alias}`)).record;
  }

  /** Keeps the tablet's record in the topology while this process lives (see TopoCoordination.register). */
  registerTablet(record: TabletRecord, options?: { readonly ttlS?: number }): TopoRegistration {
    return this.store.register(tabletKey(this.root, record.alias), tabletCodec.encode(record), options);
  }

  // Gateways

  /** Of all cells, sorted by cell and number; bad records are left out. */
  async getGateways(): Promise<GatewayRecord[]> {
    const { entries } = await this.store.list(`${this.root}/cells/`);
    return entries.flatMap((entry) => {
      if (parseTopologyKey(this.root, entry.key)?.kind !== "gateway") return [];
      return badRecordReason(this.root, entry) === undefined ? [gatewayCodec.decode(entry.key, entry.value)] : [];
    });
  }

  /** Keeps the gateway's record in the topology while this process lives. Its number has to be its own. */
  registerGateway(record: GatewayRecord, options?: { readonly ttlS?: number }): TopoRegistration {
    const key = `${this.root}/cells/${record.cell}/gateways/${record.number}`;
    return this.store.register(key, gatewayCodec.encode(record), options);
  }

  // VSchema

  /** Undefined when the keyspace has none yet. */
  async getVSchema(keyspace: string): Promise<Versioned<VSchemaRecord> | undefined> {
    const entry = await this.store.get(vschemaKey(this.root, keyspace));
    return entry === undefined ? undefined : versioned(entry, vschemaCodec);
  }

  /** Keyspace to VSchema, for those that have one. */
  async getVSchemas(): Promise<Map<string, Versioned<VSchemaRecord>>> {
    const { entries } = await this.store.list(`${this.root}/global/keyspaces/`);
    const found = new Map<string, Versioned<VSchemaRecord>>();
    for (const entry of entries) {
      const key = parseTopologyKey(this.root, entry.key);
      if (key?.kind === "vschema") found.set(key.keyspace, versioned(entry, vschemaCodec));
    }
    return found;
  }

  /**
   * Writes the VSchema if it is still at `revision` (undefined: if there is none yet); else TOPO_BAD_VERSION. The caller
   * has checked what it says.
   */
  async putVSchema(record: VSchemaRecord, revision: Revision | undefined): Promise<Revision> {
    const key = vschemaKey(this.root, record.keyspace);
    return this.#put(key, vschemaCodec.encode(record), revision, `the VSchema of ${record.keyspace}`);
  }

  async deleteVSchema(keyspace: string): Promise<void> {
    await this.#deleteIfThere(vschemaKey(this.root, keyspace));
  }

  // Routing rules

  /** Revision undefined: none were ever written. */
  async getRoutingRules(): Promise<{
    readonly rules: readonly RoutingRule[];
    readonly revision: Revision | undefined;
  }> {
    const entry = await this.store.get(routingRulesKey(this.root));
    if (entry === undefined) return { rules: [], revision: undefined };
    return { rules: routingRulesCodec.decode(entry.key, entry.value), revision: entry.revision };
  }

  /** Compare-and-set as `putVSchema`. */
  putRoutingRules(rules: readonly RoutingRule[], revision: Revision | undefined): Promise<Revision> {
    return this.#put(routingRulesKey(this.root), routingRulesCodec.encode(rules), revision, "the routing rules");
  }

  // Query rules

  /**
   * As JSON, in the order they were given; undefined for a record that cannot be read, which good ones may replace.
   * Revision undefined: none were ever written.
   */
  async getQueryRules(): Promise<{
    readonly rules: readonly unknown[] | undefined;
    readonly revision: Revision | undefined;
  }> {
    const entry = await this.store.get(queryRulesKey(this.root));
    if (entry === undefined) return { rules: [], revision: undefined };
    const { revision } = entry;
    if (badRecordReason(this.root, entry) !== undefined) return { rules: undefined, revision };
    return { rules: queryRulesCodec.decode(entry.key, entry.value), revision };
  }

  /** Compare-and-set as `putVSchema`. The caller has checked what they say. */
  putQueryRules(rules: readonly unknown[], revision: Revision | undefined): Promise<Revision> {
    return this.#put(queryRulesKey(this.root), queryRulesCodec.encode(rules), revision, "the set of query rules");
  }

  // Global variables

  /** Revision undefined: none were ever set. */
  async getGlobalVariables(): Promise<{
    readonly variables: GlobalVariablesRecord;
    readonly revision: Revision | undefined;
  }> {
    const entry = await this.store.get(globalVariablesKey(this.root));
    if (entry === undefined) return { variables: new Map(), revision: undefined };
    return { variables: globalVariablesCodec.decode(entry.key, entry.value), revision: entry.revision };
  }

  /** Compare-and-set as `putVSchema`. */
  putGlobalVariables(variables: GlobalVariablesRecord, revision: Revision | undefined): Promise<Revision> {
    const value = globalVariablesCodec.encode(variables);
    return this.#put(globalVariablesKey(this.root), value, revision, "the set of global variables");
  }

  // Cells

  /** Names, sorted. */
  async getCellNames(): Promise<string[]> {
    const { entries } = await this.store.list(`${this.root}/cells/`);
    return entries.flatMap((entry) => {
      const key = parseTopologyKey(this.root, entry.key);
      return key?.kind === "cell" ? [key.cell] : [];
    });
  }

  /** TOPO_NO_NODE when there is none. */
  async getCell(cell: string): Promise<CellRecord> {
    return (await this.#read(cellKey(this.root, cell), cellCodec, `cell ${cell}`)).record;
  }

  async createCell(record: CellRecord): Promise<void> {
    checkName("cell", record.name);
    await this.#create(cellKey(this.root, record.name), cellCodec.encode(record), `cell ${record.name}`);
  }

  async deleteCell(cell: string): Promise<void> {
    await this.store.delete(cellKey(this.root, cell));
  }

  /** Why each bad record is bad, by key; empty when all can be read. */
  async findBadRecords(): Promise<{ readonly key: string; readonly reason: string }[]> {
    const { entries } = await this.store.list(`${this.root}/`);
    return entries.flatMap((entry) => {
      const reason = badRecordReason(this.root, entry);
      return reason === undefined ? [] : [{ key: entry.key, reason }];
    });
  }

  // Locks

  /** The exclusive lock called `name` (see TopoCoordination.lock). */
  lock(name: string, holder: string, options?: TopoLockOptions): Promise<TopoLock> {
    return this.store.lock(`${this.root}/global/locks/${name}`, holder, options);
  }

  async #read<T>(key: string, codec: RecordCodec<T>, what: string): Promise<Versioned<T>> {
    const entry = await this.store.get(key);
    if (entry === undefined) throw new ShardgateError("TOPO_NO_NODE", `${what} does not exist`);
    return versioned(entry, codec);
  }

  async #create(key: string, value: string, what: string): Promise<Revision> {
    try {
      return await this.store.create(key, value);
    } catch (error) {
      if (error instanceof ShardgateError && error.id === "TOPO_NODE_EXISTS") {
        throw new ShardgateError("TOPO_NODE_EXISTS", `${what} exists already`, error);
      }
      throw error;
    }
  }

  async #put(key: string, value: string, revision: Revision | undefined, what: string): Promise<Revision> {
    try {
      return await (revision === undefined ? this.store.create(key, value) : this.store.update(key, value, revision));
    } catch (error) {
      const conflicts: readonly string[] = ["TOPO_NODE_EXISTS", "TOPO_NO_NODE", "TOPO_BAD_VERSION"];
      if (error instanceof ShardgateError && conflicts.includes(error.id)) {
        throw new ShardgateError("TOPO_BAD_VERSION", `${what} was changed by someone else meanwhile`, error);
      }
      throw error;
    }
  }

  async #deleteIfThere(key: string): Promise<void> {
    try {
      await this.store.delete(key);
    } catch (error) {
      if (!(error instanceof ShardgateError && error.id === "TOPO_NO_NODE")) throw error;
    }
  }
}

/** What `key` is for, or undefined when it is none of the topology's records (locks, strangers). */
export function parseTopologyKey(root: string, key: string): TopologyKey | undefined {
  if (!key.startsWith(`${root}/`)) return undefined;
  const [area, group, name, part, last, ...rest] = key.slice(root.length + 1).split("/");
  if (area === "global" && name === undefined) {
    return group === "routing_rules" || group === "query_rules" || group === "variables" ? { kind: group } : undefined;
  }
  if (area === "global" && group === "keyspaces" && name !== undefined && rest.length === 0) {
    const keyspace = decodeKeySegment(name);
    if (keyspace === undefined) return undefined;
    if ((part === "keyspace" || part === "vschema") && last === undefined) return { kind: part, keyspace };
    if (part === "shards" && last !== undefined) return { kind: "shard", keyspace, shard: last };
  }
  if (area === "cells" && group !== undefined && last === undefined) {
    if (name === "cell" && part === undefined) return { kind: "cell", cell: group };
    if (name === "tablets" && part !== undefined) return tabletKeyOf(group, part);
    if (name === "gateways" && part !== undefined && /^\d{1,9}$/.test(part)) {
      return { kind: "gateway", cell: group, number: Number(part) };
    }
  }
  return undefined;
}

export function keyspaceKey(root: string, keyspace: string): string {
  return `${keyspacePath(root, keyspace)}/keyspace`;
}

export function vschemaKey(root: string, keyspace: string): string {
  return `${keyspacePath(root, keyspace)}/vschema`;
}

function shardKey(root: string, keyspace: string, shard: string): string {
  return `${keyspacePath(root, keyspace)}/shards/${shard}`;
}

function keyspacePath(root: string, keyspace: string): string {
  return `${root}/global/keyspaces/${encodeKeySegment(keyspace)}`;
}

/** A name as a part of a key between slashes: what operators may call a keyspace stays as it is. */
export function encodeKeySegment(name: string): string {
  return encodeURIComponent(name)
    .replaceAll("%24", "$")
    .replaceAll(/[!~*'()]/g, (sign) => percent(sign));
}

function percent(sign: string): string {
  return `%${sign.charCodeAt(0).toString(16).toUpperCase()}`;
}

/** Undefined for what `encodeKeySegment` does not give. */
function decodeKeySegment(text: string): string | undefined {
  try {
    const name = decodeURIComponent(text);
    return encodeKeySegment(name) === text ? name : undefined;
  } catch {
    return undefined;
  }
}

function routingRulesKey(root: string): string {
  return `${root}/global/routing_rules`;
}

export function queryRulesKey(root: string): string {
  return `${root}/global/query_rules`;
}

export function globalVariablesKey(root: string): string {
  return `${root}/global/variables`;
}

export function cellKey(root: string, cell: string): string {
  return `${root}/cells/${cell}/cell`;
}

export function tabletKey(root: string, alias: TabletAlias): string {
  return `${root}/cells/${cellOfAlias(alias)}/tablets/${alias}`;
}

function badRecordReason(root: string, entry: TopoEntry): string | undefined {
  const key = parseTopologyKey(root, entry.key);
  if (key === undefined) return undefined;
  try {
    CODECS[key.kind].decode(entry.key, entry.value);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

const CODECS = {
  keyspace: keyspaceCodec,
  vschema: vschemaCodec,
  shard: shardCodec,
  routing_rules: routingRulesCodec,
  query_rules: queryRulesCodec,
  variables: globalVariablesCodec,
  cell: cellCodec,
  tablet: tabletCodec,
  gateway: gatewayCodec,
} satisfies Record<TopologyKey["kind"], RecordCodec<unknown>>;

function tabletKeyOf(cell: string, text: string): TopologyKey | undefined {
  try {
    return { kind: "tablet", cell, alias: parseTabletAlias(text) };
  } catch {
    return undefined;
  }
}

function versioned<T>(entry: TopoEntry, codec: RecordCodec<T>): Versioned<T> {
  return { record: codec.decode(entry.key, entry.value), revision: entry.revision };
}

function checkRoot(root: string): string {
  if (/^(\/[A-Za-z0-9_.-]+)+$/.test(root)) return root;
  throw new ShardgateError(
    "CONFIG_BAD",
    `topology root "${root}" is not valid: use a path like /shardgate, without a / at the end`,
  );
}
