// The table definitions that tablets have told, of all keyspaces. What is told again and is as before changes nothing, so
// that a gateway that goes over to another tablet keeps its plans.

import type { ClusterSchema, TableSchema } from "../../schema/model.ts";
import { rowsDiffer, sameDefinition } from "../../schema/same-table.ts";
import type { SchemaNews } from "../../tabletclient/schema-follower.ts";

export class TrackedSchema {
  #keyspaces: ReadonlyMap<string, ReadonlyMap<string, TableSchema>> = new Map();
  #current: ClusterSchema = schemaOf(0, this.#keyspaces);

  /** Stays as it is: each change makes another one. */
  get current(): ClusterSchema {
    return this.#current;
  }

  /** True when anything is other than before. */
  take({ keyspace, all, tables, dropped }: SchemaNews): boolean {
    const before = this.#keyspaces.get(keyspace);
    const next = new Map(all ? [] : before);
    for (const name of dropped) next.delete(name);
    for (const table of tables) {
      const known = before?.get(table.name);
      next.set(table.name, known !== undefined && isSame(known, table) ? known : table);
    }
    const isUnchanged =
      before !== undefined &&
      before.size === next.size &&
      [...next].every(([name, table]) => before.get(name) === table);
    if (isUnchanged) return false;
    this.#change(new Map(this.#keyspaces).set(keyspace, next));
    return true;
  }

  /** Forgets the keyspaces that are not named. True when there was one. */
  keep(keyspaces: ReadonlySet<string>): boolean {
    const kept = new Map([...this.#keyspaces].filter(([keyspace]) => keyspaces.has(keyspace)));
    if (kept.size === this.#keyspaces.size) return false;
    this.#change(kept);
    return true;
  }

  #change(keyspaces: ReadonlyMap<string, ReadonlyMap<string, TableSchema>>): void {
    this.#keyspaces = keyspaces;
    this.#current = schemaOf(this.#current.version + 1, keyspaces);
  }
}

function schemaOf(version: number, keyspaces: ReadonlyMap<string, ReadonlyMap<string, TableSchema>>): ClusterSchema {
  return {
    version,
    table: (keyspace, table) => keyspaces.get(keyspace)?.get(table),
    tables: (keyspace) => [...(keyspaces.get(keyspace)?.values() ?? [])],
  };
}

function isSame(known: TableSchema, told: TableSchema): boolean {
  return sameDefinition(known, told) && !rowsDiffer(known.rows, told.rows);
}
