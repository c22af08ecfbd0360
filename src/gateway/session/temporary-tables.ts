// The temporary tables that a session has made in sharded keyspaces and in the schema `mysql`: on one shard each, where the session's reserved
// connection has them. Plans see them in front of what others see. What they look like the shard itself says.

import { randomBytes } from "node:crypto";
import { collect } from "../../engine/collect.ts";
import type { ShardTarget } from "../../engine/ports.ts";
import { quoteName } from "../../engine/quote-name.ts";
import { type SessionTemporaries, SYSTEM_SCHEMA } from "../../plan/temporary.ts";
import type { PlanContext } from "../../plan/tables.ts";
import { readDefinitions } from "../../schema/ddl.ts";
import type { TableSchema } from "../../schema/model.ts";
import type { Ddl } from "../../sql/tree.ts";
import type { KeyspaceVSchema, TableVSchema } from "../../vschema/model.ts";
import { comQuery } from "../client/com-query.ts";
import type { Executor } from "../executor.ts";
import { readTextResult } from "../read/text-rows.ts";

const KEYSPACE_ID_BYTES = 8;
/** Most sessions have none. */
const NO_KEYSPACES = new Map<string, Map<string, TableSchema | undefined>>();

export class TemporaryTables implements SessionTemporaries {
  #home: Buffer | undefined;
  #keyspaces: Map<string, Map<string, TableSchema | undefined>> = NO_KEYSPACES;
  #systemHome: string | undefined;

  /** Sessions have them on different shards. */
  get home(): Buffer {
    this.#home ??= randomBytes(KEYSPACE_ID_BYTES);
    return this.#home;
  }

  get systemHome(): string | undefined {
    return this.hasAnyIn(SYSTEM_SCHEMA) ? this.#systemHome : undefined;
  }

  get isEmpty(): boolean {
    return this.#keyspaces.size === 0;
  }

  hasAnyIn(keyspace: string): boolean {
    return this.#keyspaces.has(keyspace);
  }

  has(keyspace: string, table: string): boolean {
    return this.#keyspaces.get(keyspace)?.has(table) === true;
  }

  /** `definition` is undefined where it could not be had. */
  set(keyspace: string, table: string, definition: TableSchema | undefined): void {
    const tables = this.#keyspaces.get(keyspace) ?? new Map<string, TableSchema | undefined>();
    tables.set(table, definition);
    if (this.#keyspaces === NO_KEYSPACES) this.#keyspaces = new Map();
    this.#keyspaces.set(keyspace, tables);
  }

  /** In schema `mysql`, on the server of keyspace `home`. */
  setSystem(home: string, table: string, definition: TableSchema | undefined): void {
    this.#systemHome = home;
    this.set(SYSTEM_SCHEMA, table, definition);
  }

  delete(keyspace: string, table: string): void {
    const tables = this.#keyspaces.get(keyspace);
    tables?.delete(table);
    if (tables?.size === 0) this.#keyspaces.delete(keyspace);
  }

  /** What plans of the session are made in. */
  over(context: PlanContext): PlanContext {
    if (this.isEmpty) return { ...context, temporaries: this };
    const keyspaces = new Map(context.vschema.keyspaces);
    for (const [name, tables] of this.#keyspaces) {
      const keyspace = keyspaces.get(name);
      if (keyspace?.sharded === true) keyspaces.set(name, withPinned(keyspace, [...tables.keys()], this.home));
    }
    const { schema } = context;
    return {
      ...context,
      temporaries: this,
      vschema: { ...context.vschema, keyspaces },
      schema: {
        version: schema.version,
        table: (keyspace, table) =>
          this.has(keyspace, table) ? this.#keyspaces.get(keyspace)?.get(table) : schema.table(keyspace, table),
        tables: (keyspace) => schema.tables(keyspace),
      },
    };
  }
}

function withPinned(keyspace: KeyspaceVSchema, names: readonly string[], home: Buffer): KeyspaceVSchema {
  const tables = new Map(keyspace.tables);
  for (const name of names) tables.set(name, pinnedTable(keyspace.keyspace, name, home));
  return { ...keyspace, tables };
}

function pinnedTable(keyspace: string, name: string, home: Buffer): TableVSchema {
  return {
    keyspace,
    name,
    type: "table",
    columnVindexes: [],
    autoIncrement: undefined,
    columns: [],
    columnListAuthoritative: false,
    pinned: home,
    source: undefined,
  };
}

/** Keeps up with a definition of such tables that has succeeded on `target`. Never rejects. */
export async function followTemporaries(executor: Executor, statement: Ddl, target: ShardTarget): Promise<void> {
  const { temporaries } = executor.state.kept;
  const { verb, object, names, references } = statement;
  const meant = object === "index" ? references.slice(0, 1) : names;
  for (const { schema, name } of meant) {
    const isOfSystem = schema === SYSTEM_SCHEMA;
    if (verb === "drop" && object === "table") temporaries.delete(isOfSystem ? SYSTEM_SCHEMA : target.keyspace, name);
    else if (verb !== "truncate") {
      const definition = await definitionOf(
        executor,
        isOfSystem ? `${SYSTEM_SCHEMA}.${quoteName(name)}` : quoteName(name),
        target,
      );
      if (isOfSystem) temporaries.setSystem(target.keyspace, name, definition);
      else temporaries.set(target.keyspace, name, definition);
    }
  }
}

/** `table` is SQL. */
async function definitionOf(executor: Executor, table: string, target: ShardTarget): Promise<TableSchema | undefined> {
  try {
    const request = executor.requestFor(target, comQuery(`SHOW CREATE TABLE ${table}`), false, false);
    const reply = await collect(executor.context.tablets, target, request);
    const [row] = reply.info.kind === "err" ? [] : readTextResult(reply.bytes).rows;
    // Readers of schema files pass temporary tables over.
    const text = row?.[1]?.toString("utf8").replace(/^CREATE TEMPORARY/, "CREATE");
    return text === undefined ? undefined : readDefinitions(target.keyspace, [text]).tables[0];
  } catch {
    // What is lost there shows with the session's next statement.
    return undefined;
  }
}
