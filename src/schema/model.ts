// Table definitions as the shards have them: what the planner resolves names with. Made from what tablets report or, for
// offline tools, from CREATE TABLE statements. Plain readonly data; a changed table is a new object.

export interface ColumnSchema {
  readonly name: string;
  readonly lower: string;
  /** DATA_TYPE of information_schema: `bigint`, `varchar`, `datetime`, `enum`, … */
  readonly dataType: string;
  /** COLUMN_TYPE of information_schema: `bigint(20) unsigned`, `enum('a','b')`, … */
  readonly columnType: string;
  readonly unsigned: boolean;
  readonly nullable: boolean;
  /** Of text columns. */
  readonly charset: string | undefined;
  readonly collation: string | undefined;
  /** Left out by `*`. */
  readonly invisible: boolean;
  readonly autoIncrement: boolean;
  readonly generated: boolean;
}

/** An index; those over words and places are among them, those over expressions are not. */
export interface KeySchema {
  readonly name: string;
  readonly unique: boolean;
  /** Lower case, in order. */
  readonly columns: readonly string[];
}

export interface TableSchema {
  readonly name: string;
  readonly kind: "table" | "view" | "sequence";
  /** In order of definition. */
  readonly columns: readonly ColumnSchema[];
  /** The primary key first, if there is one. */
  readonly keys: readonly KeySchema[];
  /** The SELECT of a view, as its server prints it. */
  readonly viewQuery: string | undefined;
  /** Of a view: its WITH CHECK OPTION. */
  readonly viewCheck?: "local" | "cascaded" | undefined;
  /** As `variablesSetIn` has them: by its triggers, or by what a view calls, and all that those run; undefined: none. */
  readonly triggerVariables?: readonly string[];
  /** Estimated rows of one shard; undefined when not known. */
  readonly rows: number | undefined;
}

/** All definitions known. `version` changes with any of them: plans made from another version are stale. */
export interface ClusterSchema {
  readonly version: number;
  /** Undefined when nothing is known of it (yet). */
  table(keyspace: string, table: string): TableSchema | undefined;
  /** Names of the tables and views known of a keyspace. */
  tables(keyspace: string): readonly TableSchema[];
}

export const NO_SCHEMA: ClusterSchema = { version: 0, table: () => undefined, tables: () => [] };

/** The definition of a table from its columns, for tools and tests. */
export function clusterSchemaOf(tables: ReadonlyMap<string, readonly TableSchema[]>, version = 1): ClusterSchema {
  const byName = new Map<string, Map<string, TableSchema>>();
  for (const [keyspace, list] of tables) byName.set(keyspace, new Map(list.map((table) => [table.name, table])));
  return {
    version,
    table: (keyspace, table) => byName.get(keyspace)?.get(table),
    tables: (keyspace) => tables.get(keyspace) ?? [],
  };
}
