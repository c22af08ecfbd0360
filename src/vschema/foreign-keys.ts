// Foreign keys of sharded tables. A shard checks them against its own rows, so a key is good only where a row and what it
// refers to are on one shard for sure: when the key has the sharding key of both, placed alike, or when the other table is
// whole on every shard.

import type { KeyspaceVSchema, TableVSchema } from "./model.ts";

export interface ForeignKey {
  /** Of the constraint, else of the key. */
  readonly name: string | undefined;
  readonly columns: readonly (string | undefined)[];
  readonly parent: { readonly schema: string | undefined; readonly name: string };
  readonly parentColumns: readonly (string | undefined)[];
  readonly changesRows: boolean;
}

/** Why the shards of the keyspace cannot hold to the key of `table`; undefined when they can. */
export function foreignKeyObstacle(
  key: ForeignKey,
  table: TableVSchema,
  keyspace: KeyspaceVSchema,
): string | undefined {
  // Unmanaged, as in Vitess: said by an operator, foreign keys are each mysqld's own affair.
  if (!keyspace.sharded || keyspace.foreignKeyMode === "unmanaged") return undefined;
  const { schema = keyspace.keyspace, name } = key.parent;
  if (keyspace.foreignKeyMode === "disallow") return `foreign_key_mode of keyspace ${keyspace.keyspace} is disallow`;
  const owned = table.columnVindexes.find((each) => each.owned && each.vindex.kind === "lookup");
  if (key.changesRows && owned !== undefined) {
    return `lookup vindex ${owned.name} would not follow what ON DELETE and ON UPDATE do to rows; use RESTRICT`;
  }
  if (schema !== keyspace.keyspace) return `${schema}.${name} is in another keyspace`;
  const parent = keyspace.tables.get(name);
  if (parent === undefined) return `the VSchema does not say where rows of ${name} are`;
  if (parent.type === "reference") return undefined;
  if (table.type === "reference") return `${name} has different rows on each shard`;
  if (parent.pinned !== undefined || table.pinned !== undefined) {
    const isSame = parent.pinned !== undefined && table.pinned?.equals(parent.pinned) === true;
    return isSame ? undefined : "both tables have to be pinned to one shard";
  }
  const [own] = table.columnVindexes;
  const [other] = parent.columnVindexes;
  const isLed =
    own !== undefined &&
    other !== undefined &&
    own.vindex.name === other.vindex.name &&
    own.columns.length === other.columns.length &&
    own.columnsLower.every((column, i) => leadsTo(key, column, other.columnsLower[i]));
  if (isLed) return undefined;
  const keys = `${table.name}'s sharding key (${own?.columns.join(", ")}) to ${name}'s (${other?.columns.join(", ")})`;
  return `it has to lead from ${keys}, and both have to be placed by the same vindex`;
}

/** `fk`, or its columns where it has no name. */
export function showForeignKey({ name, columns }: ForeignKey): string {
  return name ?? `(${columns.join(", ")})`;
}

function leadsTo({ columns, parentColumns }: ForeignKey, column: string, to: string | undefined): boolean {
  return columns.some((name, i) => name?.toLowerCase() === column && parentColumns[i]?.toLowerCase() === to);
}
