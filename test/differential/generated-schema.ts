// The generator's schema with its rows, as an arena takes it.

import type { ArenaSchema } from "./arena.ts";
import { insertStatements } from "./rows.ts";
import { SHARDED, SQL, TABLES, UNSHARDED, VSCHEMA } from "./schema.ts";

export const GENERATED: ArenaSchema = {
  sharded: SHARDED,
  unsharded: UNSHARDED,
  sql: SQL,
  vschema: VSCHEMA,
  unshardedTables: TABLES.filter(({ keyspace, view }) => keyspace === "unsharded" && view !== true).map(
    ({ name }) => name,
  ),
  referenceTables: ["region"],
  rows: insertStatements(),
};
