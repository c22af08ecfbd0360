// Databases that clients make: keyspaces of the topology without shards of their own, served by the tablets of another,
// unsharded keyspace as one more database of its mysqld. Writes their records and waits until this gateway has seen them
// written; what is done on the mysqld, and in which order, is the statement's business (run-database.ts).

import { ShardgateError } from "../../base/errors.ts";
import { isSystemSchema } from "../../plan/system-tables.ts";
import type { KeyspaceRecord } from "../../topo/records.ts";
import type { TopoLock } from "../../topo/store.ts";
import { encodeKeySegment, type Topology } from "../../topo/topology.ts";
import { type TopologyNews, untilSeen } from "../cluster/topology-news.ts";

export interface DatabasesOptions extends TopologyNews {
  readonly topology: Topology;
  /** The keyspace on whose tablets they are made; undefined: clients may not make any. */
  readonly on: string | undefined;
  /** Who is asking, for others that wait for a lock. */
  readonly holder: string;
}

export class Databases {
  readonly #options: DatabasesOptions;
  /** Names that are being asked for: many sessions may want the same one at once. */
  readonly #finding = new Map<string, Promise<boolean>>();

  constructor(options: DatabasesOptions) {
    this.#options = options;
  }

  get on(): string | undefined {
    return this.#options.on;
  }

  /** One at a time makes or drops the database `name`, over all gateways. Throws TOPO_LOCKED when that takes too long. */
  lock(name: string): Promise<TopoLock> {
    return this.#options.topology.lock(`database-${encodeKeySegment(name)}`, this.#options.holder);
  }

  /** The same for whoever changes definitions of a keyspace, ctl included. */
  lockKeyspace(keyspace: string): Promise<TopoLock> {
    return this.#options.topology.lock(`keyspace-${keyspace}`, this.#options.holder);
  }

  /** The topology's own word, not what this gateway has seen so far. Undefined when there is none. */
  async record(name: string): Promise<KeyspaceRecord | undefined> {
    try {
      return (await this.#options.topology.getKeyspace(name)).record;
    } catch (error) {
      if (error instanceof ShardgateError && error.id === "TOPO_NO_NODE") return undefined;
      throw error;
    }
  }

  /** Throws TOPO_NODE_EXISTS when there is a keyspace of this name. */
  async enter(name: string, servedFrom: string): Promise<void> {
    await this.#options.topology.createKeyspace({ name, servedFrom });
    await this.#seen(name, true);
  }

  async remove(name: string): Promise<void> {
    const { topology } = this.#options;
    await Promise.all([this.#forget(() => topology.deleteKeyspace(name)), topology.deleteVSchema(name)]);
    await this.#seen(name, false);
  }

  /** Undefined when nothing is to be waited for before a session selects `target`, which another gateway may have made. */
  awaited(target: string | undefined): Promise<void> | undefined {
    if (target === undefined || this.#options.snapshot().keyspaces.has(target)) return undefined;
    const [keyspace = ""] = target.split(/[:/@]/, 1);
    if (keyspace === "" || isSystemSchema(keyspace)) return undefined;
    return this.#findEither(target, keyspace);
  }

  /** True when this gateway knows the keyspace, which another gateway may have made a moment ago. */
  async find(name: string): Promise<boolean> {
    if (this.#options.snapshot().keyspaces.has(name)) return true;
    let finding = this.#finding.get(name);
    if (finding === undefined) {
      finding = this.#ask(name).finally(() => this.#finding.delete(name));
      this.#finding.set(name, finding);
    }
    return finding;
  }

  /** The whole text may be a name, too. */
  async #findEither(target: string, keyspace: string): Promise<void> {
    if (!(await this.find(keyspace)) && target !== keyspace) await this.find(target);
  }

  async #ask(name: string): Promise<boolean> {
    // A store that is away, or a record that cannot be read: what is known stays in force.
    const record = await this.record(name).catch(() => undefined);
    if (record === undefined) return false;
    await this.#seen(name, true).catch(() => undefined);
    return this.#options.snapshot().keyspaces.has(name);
  }

  async #forget(remove: () => Promise<void>): Promise<void> {
    try {
      await remove();
    } catch (error) {
      if (!(error instanceof ShardgateError && error.id === "TOPO_NO_NODE")) throw error;
    }
  }

  /** Resolves when the snapshot has the keyspace, or has it no more. */
  #seen(name: string, isThere: boolean): Promise<void> {
    return untilSeen(this.#options, ({ keyspaces }) => keyspaces.has(name) === isThere, `database ${name}`);
  }
}
