// Foreign keys of sharded tables. A shard checks them against its own rows, so a key is good only where a row and what it
// refers to are on one shard for sure: when the key has the sharding key of both, placed alike, or when the other table is
// whole on every shard.

import { notSupported } from "../base/errors.ts";
import type { ForeignKeyDefinition, TableDefinition } from "../sql/table-definition.ts";
import type { KeyspaceVSchema, TableVSchema } from "../vschema/model.ts";

/** Throws 1235, with table and key named, for one that could lead to another shard. `table` is in a sharded keyspace. */
export function refuseForeignKeys(
  { foreignKeys }: TableDefinition,
  table: TableVSchema,
  keyspace: KeyspaceVSchema,
): void {
  for (const key of foreignKeys) {
    const what = `foreign key ${showKey(key)} of table ${table.name}`;
    if (keyspace.foreignKeyMode === "disallow") {
      throw notSupported(what, `foreign_key_mode of keyspace ${keyspace.keyspace} is disallow`);
    }
    const why = obstacleOf(key, table, keyspace);
    if (why !== undefined) throw notSupported(`${what} across shards`, why);
  }
}

function obstacleOf(key: ForeignKeyDefinition, table: TableVSchema, keyspace: KeyspaceVSchema): string | undefined {
  const parent = keyspace.tables.get(key.parent.name);
  if (parent === undefined) return `the VSchema does not say where rows of ${key.parent.name} are`;
  if (parent.type === "reference") return undefined;
  if (table.type === "reference") return `${parent.name} has different rows on each shard`;
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
  const keys = `${table.name}'s sharding key (${own?.columns.join(", ")}) to ${parent.name}'s (${other?.columns.join(", ")})`;
  return `it has to lead from ${keys}, and both have to be placed by the same vindex`;
}

function leadsTo({ columns, parentColumns }: ForeignKeyDefinition, column: string, to: string | undefined): boolean {
  return columns.some((name, i) => name?.toLowerCase() === column && parentColumns[i]?.toLowerCase() === to);
}

function showKey({ name, columns }: ForeignKeyDefinition): string {
  return name ?? `(${columns.join(", ")})`;
}
