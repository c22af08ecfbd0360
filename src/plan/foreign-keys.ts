// Foreign keys that a definition adds to a sharded table.

import { notSupported } from "../base/errors.ts";
import type { TableDefinition } from "../sql/table-definition.ts";
import { foreignKeyObstacle, showForeignKey } from "../vschema/foreign-keys.ts";
import type { KeyspaceVSchema, TableVSchema } from "../vschema/model.ts";

/** Throws 1235, with table and key named, for one that could lead to another shard. */
export function refuseForeignKeys(
  { foreignKeys }: TableDefinition,
  table: TableVSchema,
  keyspace: KeyspaceVSchema,
): void {
  for (const key of foreignKeys) {
    const obstacle = foreignKeyObstacle(key, table, keyspace);
    if (obstacle === undefined) continue;
    throw notSupported(`foreign key ${showForeignKey(key)} of table ${table.name} across shards`, obstacle);
  }
}
