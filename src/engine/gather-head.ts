// The answer's columns when no mysqld has all tables: the scratch statement's own definitions, with what its temporary tables
// cannot know put right from the definitions that the tables' own shards give: their names, and flags of keys.

import { COLUMN_FLAG } from "../mysql/constants.ts";
import {
  type ColumnDefinition,
  decodeColumnDefinition,
  encodeColumnDefinition,
} from "../mysql/packets/column-definition.ts";
import type { Definitions, Redefine } from "./describe.ts";

export interface GatheredTable {
  readonly temporaryTable: string;
  readonly keyspace: string;
  readonly table: string;
  /** What the scratch statement calls it, and what the client does. */
  readonly alias: string;
  readonly shownAlias: string;
  /** Of `SELECT *` on a shard. */
  readonly definitions: Definitions;
}

/** Puts the definitions of a statement over temporary tables right. */
export function redefineGathered(tables: readonly GatheredTable[]): Redefine {
  const byName = new Map(tables.map((table) => [table.temporaryTable, { table, columns: columnsByName(table) }]));
  return (own) =>
    own.map((payload) => {
      const definition = decodeColumnDefinition(payload);
      const known = byName.get(definition.orgTable);
      if (known === undefined) return payload;
      const { table, columns } = known;
      const flags = columns.get(definition.orgName.toLowerCase())?.flags ?? definition.flags;
      return encodeColumnDefinition({
        ...definition,
        schema: table.keyspace,
        table: definition.table === table.alias ? table.shownAlias : definition.table,
        orgTable: table.table,
        // An outer join makes a column of its other side one that may be NULL.
        flags: (flags & ~COLUMN_FLAG.NOT_NULL) | (definition.flags & COLUMN_FLAG.NOT_NULL),
      });
    });
}

function columnsByName({ definitions }: GatheredTable): ReadonlyMap<string, ColumnDefinition> {
  const columns = definitions.map((definition) => decodeColumnDefinition(definition));
  return new Map(columns.map((column) => [column.orgName.toLowerCase(), column]));
}
