// The answer's columns: the scratch statement's own definitions, with what its temporary tables cannot know put right: the
// names of schemas and tables, and flags of keys. Those come from the statement without rows on a shard that has all its
// tables, or else from the definitions that the tables' own shards give.
//
// A column that shows a key's flags is one that is shown straight from its table: MySQL loses them on the way through an
// internal temporary table. So every key's column is one in the temporary table, too.

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
}

const KEY_FLAGS =
  COLUMN_FLAG.PRI_KEY |
  COLUMN_FLAG.UNIQUE_KEY |
  COLUMN_FLAG.MULTIPLE_KEY |
  COLUMN_FLAG.PART_KEY |
  COLUMN_FLAG.AUTO_INCREMENT;

/** `described` is what the statement without rows gives over its own tables. */
export function redefineDescribed(tables: readonly GatheredTable[], described: Definitions): Redefine {
  const names = new Map(tables.map((table) => [table.temporaryTable, table]));
  return (own) =>
    own.map((payload, i) => {
      const definition = decodeColumnDefinition(payload);
      const table = names.get(definition.orgTable);
      if (table === undefined) return payload;
      const truth = own.length === described.length ? described[i] : undefined;
      return redefined(definition, table, truth === undefined ? undefined : decodeColumnDefinition(truth));
    });
}

/** `definitions` has each table's own, of `SELECT *`, by its temporary table. */
export function redefineGathered(
  tables: readonly GatheredTable[],
  definitions: ReadonlyMap<string, Definitions>,
): Redefine {
  const byName = new Map(
    tables.map((table) => [table.temporaryTable, { table, columns: byColumn(definitions.get(table.temporaryTable)) }]),
  );
  return (own) =>
    own.map((payload) => {
      const definition = decodeColumnDefinition(payload);
      const known = byName.get(definition.orgTable);
      if (known === undefined) return payload;
      return redefined(definition, known.table, known.columns.get(definition.orgName.toLowerCase()));
    });
}

function redefined(
  own: ColumnDefinition,
  { keyspace, table, alias, shownAlias }: GatheredTable,
  truth: ColumnDefinition | undefined,
): Buffer {
  const isStraight = (own.flags & COLUMN_FLAG.PART_KEY) !== 0;
  const keyFlags = isStraight && truth !== undefined ? truth.flags & KEY_FLAGS : 0;
  return encodeColumnDefinition({
    ...own,
    // Rows of a materialized derived table are of no schema.
    schema: own.schema === "" ? "" : keyspace,
    table: own.table === alias ? shownAlias : own.table,
    orgTable: table,
    flags: (own.flags & ~KEY_FLAGS) | keyFlags,
  });
}

function byColumn(definitions: Definitions = []): ReadonlyMap<string, ColumnDefinition> {
  const columns = definitions.map((definition) => decodeColumnDefinition(definition));
  return new Map(columns.map((column) => [column.orgName.toLowerCase(), column]));
}
