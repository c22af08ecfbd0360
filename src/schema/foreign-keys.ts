// The foreign keys of a table, out of its CREATE TABLE as a server shows it.

import { parse } from "../sql/parse.ts";
import type { ForeignKeyDefinition } from "../sql/table-definition.ts";

/** Empty also for what is no CREATE TABLE, or cannot be read. */
export function foreignKeysOf(createStatement: string): readonly ForeignKeyDefinition[] {
  try {
    const statement = parse(createStatement);
    return statement.kind === "ddl" ? statement.definition.foreignKeys : [];
  } catch {
    return [];
  }
}
