// Tablets in this process, for the commands that call tablets: each has tables, may be away, may refuse.

import { MysqlError, ShardgateError } from "../../../src/base/errors.ts";
import type {
  TableDefinition,
  TabletSchemaPort,
  TabletTransactionPort,
  TabletTransactions,
} from "../../../src/control/context.ts";
import type { TabletAlias, TabletRecord } from "../../../src/topo/records.ts";
import { tabletAliasOf } from "../../../src/topo/records.ts";
import type { Topology } from "../../../src/topo/topology.ts";

export class FakeTablets implements TabletSchemaPort, TabletTransactionPort {
  readonly tables = new Map<TabletAlias, Map<string, string>>();
  readonly away = new Set<TabletAlias>();
  readonly refusing = new Set<TabletAlias>();
  readonly applied: string[] = [];
  readonly transactions = new Map<TabletAlias, TabletTransactions>();
  /** `ALIAS DECISION TRANSACTION`. */
  readonly resolved: string[] = [];

  async applySchema(tablet: TabletRecord, sql: string): Promise<number> {
    this.#check(tablet);
    if (this.refusing.has(tablet.alias)) throw new MysqlError(1050, "42S01", "Table 't' already exists");
    this.applied.push(`${tablet.shard}: ${sql}`);
    const name = /create table (\w+)/i.exec(sql)?.[1];
    if (name !== undefined) this.addTable(tablet.alias, name, sql);
    return 1;
  }

  async getSchema(tablet: TabletRecord, tables: readonly string[]): Promise<readonly TableDefinition[]> {
    this.#check(tablet);
    return [...(this.tables.get(tablet.alias) ?? [])]
      .filter(([name]) => tables.length === 0 || tables.includes(name))
      .map(([name, createStatement]) => ({ name, type: "BASE TABLE", createStatement, rows: 0, dataBytes: 0 }));
  }

  async getTransactions(tablet: TabletRecord): Promise<TabletTransactions> {
    this.#check(tablet);
    return this.transactions.get(tablet.alias) ?? { prepared: [], decisions: [] };
  }

  async decideTransaction(tablet: TabletRecord, transaction: string): Promise<string> {
    const { decisions } = await this.getTransactions(tablet);
    return decisions.find((each) => each.transaction === transaction)?.decision ?? "abort";
  }

  async resolveTransaction(tablet: TabletRecord, transaction: string, decision: string): Promise<number> {
    const { prepared } = await this.getTransactions(tablet);
    const own = prepared.filter((each) => each.transaction === transaction);
    if (own.length > 0) this.resolved.push(`${tablet.alias} ${decision} ${transaction}`);
    return own.length;
  }

  close(): void {}

  addTable(alias: TabletAlias, name: string, createStatement: string): void {
    const tables = this.tables.get(alias) ?? new Map<string, string>();
    this.tables.set(alias, tables.set(name, createStatement));
  }

  #check(tablet: TabletRecord): void {
    if (this.away.has(tablet.alias)) throw new ShardgateError("SHARD_UNAVAILABLE", "connection refused");
  }
}

/** Registers a tablet with made-up ports and resolves to its alias. */
export async function registerTablet(
  topology: Topology,
  uid: number,
  place: { keyspace: string; shard: string; type?: TabletRecord["type"]; cell?: string },
): Promise<TabletAlias> {
  const cell = place.cell ?? "zone1";
  const alias = tabletAliasOf(cell, uid);
  await topology.registerTablet({
    alias,
    cell,
    keyspace: place.keyspace,
    shard: place.shard,
    type: place.type ?? "primary",
    hostname: "127.0.0.1",
    grpcPort: 15_000 + uid,
    mysqlHostname: "127.0.0.1",
    mysqlPort: 17_000 + uid,
    startedAt: "2024-05-01T12:00:00.000Z",
  }).registered;
  return alias;
}
