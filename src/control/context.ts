// What every operator's command gets, and the little they share: who is asking, the topology, the way to tablets.

import type { Clock } from "../base/clock.ts";
import { ShardgateError } from "../base/errors.ts";
import type { TabletRecord } from "../topo/records.ts";
import type { TopoLock } from "../topo/store.ts";
import type { Topology } from "../topo/topology.ts";
import { didYouMean } from "../vschema/did-you-mean.ts";

/** A table or view as a mysqld has it. */
export interface TableDefinition {
  readonly name: string;
  /** `BASE TABLE` or `VIEW`, as in information_schema. */
  readonly type: string;
  readonly createStatement: string;
  /** Estimates of the storage engine. */
  readonly rows: number;
  readonly dataBytes: number;
}

/** The calls to tablets that commands need. */
export interface TabletSchemaPort {
  /** Runs the statements of `sql` one by one in the keyspace's database; resolves to how many ran. */
  applySchema(tablet: TabletRecord, sql: string, timeoutMs: number): Promise<number>;
  /** All tables and views when `tables` is empty. */
  getSchema(tablet: TabletRecord, tables: readonly string[], timeoutMs: number): Promise<readonly TableDefinition[]>;
}

/** What a tablet's mysqld has of transactions over several shards. */
export interface TabletTransactions {
  readonly prepared: readonly {
    readonly transaction: string;
    readonly coordinatorKeyspace: string;
    readonly coordinatorShard: string;
    readonly ageMs: number;
  }[];
  readonly decisions: readonly { readonly transaction: string; readonly decision: string }[];
}

export interface TabletTransactionPort {
  getTransactions(tablet: TabletRecord, timeoutMs: number): Promise<TabletTransactions>;
  /** How a transaction was decided that the tablet's shard coordinates; one that was not is decided for `abort`. */
  decideTransaction(tablet: TabletRecord, transaction: string, timeoutMs: number): Promise<string>;
  /** Ends its prepared branches; resolves to how many. */
  resolveTransaction(tablet: TabletRecord, transaction: string, decision: string, timeoutMs: number): Promise<number>;
}

export interface ControlContext {
  readonly topology: Topology;
  readonly tablets: TabletSchemaPort & TabletTransactionPort;
  readonly clock: Clock;
  /** Who is asking, for the others that wait for a lock: `ctl CreateShard of alice@host, pid 7`. */
  readonly holder: string;
}

/** Bound of one call to a tablet that only reads. */
export const TABLET_READ_TIMEOUT_MS = 15_000;

/** Throws TOPO_NO_NODE, with the name that was probably meant. */
export async function requireKeyspace(context: ControlContext, keyspace: string): Promise<void> {
  const names = await context.topology.getKeyspaceNames();
  if (names.includes(keyspace)) return;
  throw new ShardgateError("TOPO_NO_NODE", `keyspace ${keyspace} does not exist${didYouMean(keyspace, names)}`);
}

/** Held while shards or schemas of a keyspace change, so that checks still hold when the change is written. */
export function lockKeyspace(context: ControlContext, keyspace: string): Promise<TopoLock> {
  return context.topology.lock(`keyspace-${keyspace}`, context.holder);
}
