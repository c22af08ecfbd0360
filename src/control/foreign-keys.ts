// Whether the shards of a keyspace can hold to the foreign keys that their tables have, under a VSchema.

import { foreignKeysOf } from "../schema/foreign-keys.ts";
import { foreignKeyObstacle, showForeignKey } from "../vschema/foreign-keys.ts";
import type { KeyspaceVSchema, VSchemaFault } from "../vschema/model.ts";
import type { TableDefinition } from "./context.ts";

/** One fault for each key that could lead to another shard. */
export function foreignKeyFaults(
  vschema: KeyspaceVSchema,
  definitions: readonly TableDefinition[],
): readonly VSchemaFault[] {
  return definitions.flatMap(({ name, createStatement }) => {
    const table = vschema.tables.get(name);
    // Most have none, and are not worth a parser.
    if (table === undefined || !/\bforeign key\b/i.test(createStatement)) return [];
    return foreignKeysOf(createStatement).flatMap((key) => {
      const obstacle = foreignKeyObstacle(key, table, vschema);
      if (obstacle === undefined) return [];
      const path = `${vschema.keyspace}.tables.${name}`;
      return [{ path, message: `its foreign key ${showForeignKey(key)} would lead across shards: ${obstacle}` }];
    });
  });
}
