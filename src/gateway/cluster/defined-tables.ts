// Which tables' definitions a statement changes, so that the gateway that ran it knows them before the client's next
// statement. What a procedure changes is known a moment later, as what is changed past the gateway: most change nothing.

import type { Statement } from "../../sql/tree.ts";

export interface DefinedTables {
  readonly keyspace: string;
  readonly tables: readonly string[];
}

/** Undefined for statements that change no definition of a table or view. `keyspace` is where the statement ran. */
export function definedTables(statement: Statement, keyspace: string): DefinedTables | undefined {
  if (statement.kind !== "ddl" || statement.temporary) return undefined;
  switch (statement.object) {
    case "table":
    case "view":
    case "sequence":
      if (statement.verb === "truncate") return undefined;
      return { keyspace, tables: [...new Set(statement.names.map(({ name }) => name))] };
    case "index":
      return { keyspace, tables: statement.references.map(({ name }) => name) };
    case "trigger":
      // What it sets is read back from then on, also by writes to tables whose triggers write to its own; DROP TRIGGER does
      // not even say of which table it is.
      return { keyspace, tables: [] };
    default:
      return undefined;
  }
}
