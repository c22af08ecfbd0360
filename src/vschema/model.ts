// The checked VSchema: what a keyspace's JSON means, with every vindex made and every name resolved. Immutable plain data
// apart from the vindexes; planner, engine and gateway read it, `parse-vschema.ts` alone makes it. Column names are kept
// as written and compare without case (`lower`), table and vindex names compare exactly, as in Vitess.

import type { ValueType } from "../mysql/values.ts";
import type { RoutingRule } from "../topo/records.ts";
import type { Vindex } from "./vindex.ts";

export interface KeyspaceVSchema {
  readonly keyspace: string;
  readonly sharded: boolean;
  /** The keyspace of whose mysqld it is another database; undefined for one with a mysqld, or shards, of its own. */
  readonly servedFrom?: string | undefined;
  /** Tables are found only by queries that name the keyspace. */
  readonly requireExplicitRouting: boolean;
  readonly foreignKeyMode: ForeignKeyMode;
  readonly multiTenantSpec: MultiTenantSpec | undefined;
  readonly vindexes: ReadonlyMap<string, VindexDefinition>;
  /** Complete for a sharded keyspace; an unsharded one may hold tables that are not listed. */
  readonly tables: ReadonlyMap<string, TableVSchema>;
  /** What is accepted but probably not meant. */
  readonly warnings: readonly VSchemaFault[];
}

export const FOREIGN_KEY_MODES = ["unspecified", "disallow", "unmanaged", "managed"] as const;
export type ForeignKeyMode = (typeof FOREIGN_KEY_MODES)[number];

export interface MultiTenantSpec {
  readonly tenantIdColumnName: string;
  readonly tenantIdColumnType: string;
}

export interface VindexDefinition {
  readonly name: string;
  readonly type: string;
  readonly params: ReadonlyMap<string, string>;
  /** The table whose rows a lookup vindex follows; empty for none. */
  readonly owner: string;
  readonly vindex: Vindex;
}

export interface TableVSchema {
  readonly keyspace: string;
  readonly name: string;
  readonly type: TableType;
  /**
   * The first one places the rows. Empty for sequence, reference and pinned tables; in an unsharded keyspace it means
   * nothing.
   */
  readonly columnVindexes: readonly ColumnVindex[];
  readonly autoIncrement: AutoIncrement | undefined;
  readonly columns: readonly ColumnVSchema[];
  /** `columns` is the whole list, in order. */
  readonly columnListAuthoritative: boolean;
  /** All rows live on the shard of this keyspace id. */
  readonly pinned: Buffer | undefined;
  /** Where a reference table is copied from. */
  readonly source: TableName | undefined;
  /** A gateway has entered it when the table was made (--auto-vschema), and takes it out when the table is dropped. */
  readonly isEntered?: boolean;
}

export const TABLE_TYPES = ["table", "sequence", "reference"] as const;
export type TableType = (typeof TABLE_TYPES)[number];

/** `keyspace` is undefined when the name is not qualified. */
export interface TableName {
  readonly keyspace: string | undefined;
  readonly table: string;
}

export interface ColumnVindex {
  readonly name: string;
  /** As written, never empty. */
  readonly columns: readonly string[];
  /** The same in lower case, for comparing. */
  readonly columnsLower: readonly string[];
  readonly vindex: Vindex;
  /** A lookup vindex that this table's rows feed. */
  readonly owned: boolean;
}

export interface AutoIncrement {
  readonly column: string;
  readonly columnLower: string;
  /** Undefined: ids come from the gateways' snowflake generators. */
  readonly sequence: TableName | undefined;
}

export interface ColumnVSchema {
  readonly name: string;
  readonly lower: string;
  readonly type: ValueType;
  readonly invisible: boolean;
  readonly default: string;
  readonly collationName: string;
  readonly size: number;
  readonly scale: number;
  readonly nullable: boolean | undefined;
  readonly values: readonly string[];
}

/** Every keyspace's VSchema and the rules beside them. */
export interface ClusterVSchema {
  readonly keyspaces: ReadonlyMap<string, KeyspaceVSchema>;
  readonly routingRules: readonly RoutingRule[];
  readonly shardRoutingRules: readonly ShardRoutingRule[];
  readonly keyspaceRoutingRules: readonly KeyspaceRoutingRule[];
  readonly mirrorRules: readonly MirrorRule[];
}

export interface ShardRoutingRule {
  readonly fromKeyspace: string;
  readonly toKeyspace: string;
  readonly shard: string;
}

export interface KeyspaceRoutingRule {
  readonly fromKeyspace: string;
  readonly toKeyspace: string;
}

export interface MirrorRule {
  readonly fromTable: string;
  readonly toTable: string;
  readonly percent: number;
}

/** `path` names the place: `customer.tables.corder.column_vindexes[0].name`. */
export interface VSchemaFault {
  readonly path: string;
  readonly message: string;
}

/** The vindex that places a table's rows; none for unsharded keyspaces, sequence, reference and pinned tables. */
export function primaryVindex(vschema: KeyspaceVSchema, table: TableVSchema): ColumnVindex | undefined {
  return vschema.sharded ? table.columnVindexes[0] : undefined;
}

/** `ks.t`, or `t` alone. */
export function showTableName(name: TableName): string {
  return name.keyspace === undefined ? name.table : `${name.keyspace}.${name.table}`;
}
