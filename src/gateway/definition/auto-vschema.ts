// Enters tables in the VSchema of a sharded keyspace when clients make them (--auto-vschema). The VSchema is changed as an
// operator would change it: read, extended, checked, and written if nobody else has written it meanwhile.

import { ShardgateError } from "../../base/errors.ts";
import type { ProposedEntry } from "../../plan/propose-entry.ts";
import type { Topology } from "../../topo/topology.ts";
import type { KeyspaceVSchema } from "../../vschema/model.ts";
import { checkVSchema } from "../../vschema/parse-vschema.ts";
import { type TopologyNews, untilSeen } from "../cluster/topology-news.ts";

/** Somebody else may be as fast so often. */
const ATTEMPTS = 5;

export class AutoVSchema {
  readonly #topology: Topology;
  readonly #news: TopologyNews;
  readonly isOn: boolean;

  constructor(topology: Topology, news: TopologyNews, isOn: boolean) {
    this.#topology = topology;
    this.#news = news;
    this.isOn = isOn;
  }

  /** The VSchema with the entry. Throws VSCHEMA_BAD when it would not be a good one. */
  async extended(keyspace: string, table: string, entry: ProposedEntry): Promise<KeyspaceVSchema> {
    const stored = await this.#topology.getVSchema(keyspace);
    return parsed(keyspace, withEntry(stored?.record.json, table, entry));
  }

  /** Resolves when this gateway plans with it. A table that is listed meanwhile stays as it is. */
  add(keyspace: string, table: string, entry: ProposedEntry): Promise<void> {
    return this.#change(keyspace, [table], (json) => withEntry(json, table, entry));
  }

  /** Takes out the entries of these tables, but for those that are no gateway's any more. */
  remove(keyspace: string, tables: readonly string[]): Promise<void> {
    return this.#change(keyspace, tables, (json) => withoutEntries(json, tables));
  }

  async #change(keyspace: string, tables: readonly string[], edit: (json: unknown) => object): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const stored = await this.#topology.getVSchema(keyspace);
      const json = edit(stored?.record.json);
      parsed(keyspace, json);
      try {
        const revision = await this.#topology.putVSchema({ keyspace, json }, stored?.revision);
        const isKnown = (known: number | undefined): boolean => known !== undefined && known >= revision;
        await untilSeen(
          this.#news,
          (snapshot) => isKnown(snapshot.keyspaces.get(keyspace)?.vschema?.revision),
          `table ${tables.join(", ")} of keyspace ${keyspace}`,
        );
        return;
      } catch (error) {
        const isConflict = error instanceof ShardgateError && error.id === "TOPO_BAD_VERSION";
        if (!isConflict || attempt === ATTEMPTS) throw error;
      }
    }
  }
}

function parsed(keyspace: string, json: object): KeyspaceVSchema {
  const result = checkVSchema(keyspace, json);
  if (result.kind === "good") return result.vschema;
  const faults = result.faults.map(({ path, message }) => `${path}: ${message}`).join("; ");
  throw new ShardgateError("VSCHEMA_BAD", `the VSchema cannot be extended: ${faults}`);
}

function withEntry(json: unknown, table: string, entry: ProposedEntry): object {
  const before = membersOf(json);
  const tables = membersOf(before["tables"]);
  return {
    ...before,
    vindexes: { ...entry.vindexes, ...membersOf(before["vindexes"]) },
    tables: { [table]: entry.table, ...tables },
  };
}

function withoutEntries(json: unknown, names: readonly string[]): object {
  const before = membersOf(json);
  const tables = membersOf(before["tables"]);
  const isLeft = (name: string): boolean => names.includes(name) && membersOf(tables[name])["auto_vschema"] === true;
  return { ...before, tables: Object.fromEntries(Object.entries(tables).filter(([name]) => !isLeft(name))) };
}

function membersOf(json: unknown): Readonly<Record<string, unknown>> {
  return typeof json === "object" && json !== null && !Array.isArray(json) ? { ...json } : {};
}
