// Table definitions from schema files: reads CREATE, ALTER, DROP and RENAME of tables and views in order and says what the
// tables are afterwards, as a server would report them. For tools that have no server (`explain`, schema diff). What cannot
// be known from the text alone (the type of an expression in a view) is left open, never guessed.

import { messageOf } from "../base/errors.ts";
import { defaultCollation } from "../mysql/charsets.ts";
import { parse } from "../sql/parse.ts";
import type { ColumnDefinition, ColumnPlace, KeyDefinition, TableChange } from "../sql/table-definition.ts";
import { DEFAULT_SQL_MODE, type Ddl, type ObjectName, type SqlMode, type Statement } from "../sql/tree.ts";
import { columnSchemaOf, type TableCharset, tableCharset } from "./column-type.ts";
import type { ColumnSchema, KeySchema, TableSchema } from "./model.ts";
import { queryColumns, viewQueryText } from "./view-columns.ts";

export interface DefinitionOptions {
  readonly mode: SqlMode;
  /** Of the database; what `shardgate local` starts its mysqlds with by default. */
  readonly defaults: TableCharset;
}

/** A statement that could not be read; the tables it defines are not known. */
export interface UnreadStatement {
  readonly sql: string;
  readonly message: string;
}

export interface Definitions {
  /** By name. */
  readonly tables: readonly TableSchema[];
  readonly unread: readonly UnreadStatement[];
}

const DEFINITION_DEFAULTS: DefinitionOptions = {
  mode: DEFAULT_SQL_MODE,
  defaults: { charset: "utf8mb4", collation: "utf8mb4_general_ci" },
};

/** Runs the definitions of one keyspace, as they stand in its schema files. Statements of other kinds are passed over. */
export function readDefinitions(
  keyspace: string,
  statements: Iterable<string>,
  options: DefinitionOptions = DEFINITION_DEFAULTS,
): Definitions {
  const reader = new DefinitionReader(keyspace, options);
  const unread: UnreadStatement[] = [];
  for (const sql of statements) {
    let statement: Statement;
    try {
      statement = parse(sql, options.mode);
    } catch (error) {
      unread.push({ sql, message: messageOf(error) });
      continue;
    }
    if (statement.kind === "ddl") reader.run(statement);
  }
  return { tables: reader.tables(), unread };
}

/** A table in the making; keys as given, since ALTER may change what their columns are. */
interface Draft {
  readonly name: string;
  readonly kind: TableSchema["kind"];
  readonly charset: TableCharset;
  readonly columns: readonly ColumnSchema[];
  readonly keys: readonly KeySchema[];
  readonly viewQuery: string | undefined;
}

class DefinitionReader {
  readonly #keyspace: string;
  readonly #mariadb: boolean;
  readonly #defaults: TableCharset;
  readonly #drafts = new Map<string, Draft>();

  constructor(keyspace: string, options: DefinitionOptions) {
    this.#keyspace = keyspace;
    this.#defaults = options.defaults;
    this.#mariadb = options.mode.dialect === "mariadb";
  }

  tables(): readonly TableSchema[] {
    const drafts = [...this.#drafts.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
    return drafts.map(({ name, kind, columns, keys, viewQuery }) => ({
      name,
      kind,
      columns,
      keys: sortedKeys(keys, columns),
      viewQuery,
      rows: undefined,
    }));
  }

  run(ddl: Ddl): void {
    if (ddl.temporary) return;
    const [name] = ddl.names;
    if (ddl.object === "index") this.#index(ddl);
    else if (name === undefined) return;
    else if (ddl.verb === "rename") this.#rename(ddl.names);
    else if (ddl.verb === "drop") {
      if (ddl.object === "table" || ddl.object === "view" || ddl.object === "sequence") {
        for (const each of ddl.names) this.#drop(each);
      }
    } else if (!this.#isOwn(name)) return;
    else if (ddl.object === "table") {
      if (ddl.verb === "create") this.#createTable(ddl, name);
      else if (ddl.verb === "alter") this.#alterTable(ddl, name);
    } else if (ddl.object === "view") this.#view(ddl, name);
    else if (ddl.object === "sequence" && ddl.verb === "create") this.#set(sequence(name.name));
  }

  #createTable(ddl: Ddl, { name }: ObjectName): void {
    if (this.#drafts.has(name) && !ddl.orReplace) return;
    const { charset, collation, changes, comment } = ddl.definition;
    const [like] = ddl.references;
    if (changes.length === 0 && ddl.query === undefined && like !== undefined) {
      const model = this.#isOwn(like) ? this.#drafts.get(like.name) : undefined;
      if (model === undefined) this.#drafts.delete(name);
      else this.#set({ ...model, name });
      return;
    }
    let draft: Draft = {
      name,
      kind: comment === SEQUENCE_COMMENT ? "sequence" : "table",
      charset: tableCharset(charset, collation, this.#defaults),
      columns: [],
      keys: [],
      viewQuery: undefined,
    };
    for (const change of changes) draft = this.#changed(draft, change);
    if (ddl.query !== undefined) {
      const selected = queryColumns(ddl.query, (table) => this.#columnsOf(table));
      if (selected === undefined) {
        this.#drafts.delete(name);
        return;
      }
      const given = new Set(draft.columns.map(({ lower }) => lower));
      const own = selected.filter(({ lower }) => !given.has(lower));
      const stored = own.map((column) => ({ ...column, autoIncrement: false, generated: false, invisible: false }));
      draft = { ...draft, columns: [...draft.columns, ...stored] };
    }
    this.#set(draft);
  }

  #alterTable(ddl: Ddl, { name }: ObjectName): void {
    let draft = this.#drafts.get(name);
    if (draft === undefined) return;
    const { charset, collation, changes } = ddl.definition;
    draft = { ...draft, charset: tableCharset(charset, collation, draft.charset) };
    for (const change of changes) draft = this.#changed(draft, change);
    const renamed = ddl.names[1];
    this.#drafts.delete(name);
    if (renamed === undefined) this.#set(draft);
    else if (this.#isOwn(renamed)) this.#set({ ...draft, name: renamed.name });
  }

  #view(ddl: Ddl, { name }: ObjectName): void {
    const { query, definition } = ddl;
    if (query === undefined || (ddl.verb === "create" && this.#drafts.has(name) && !ddl.orReplace)) return;
    const selected = queryColumns(query, (table) => this.#columnsOf(table));
    const names = definition.viewColumns;
    const columns = selected?.map((column, index) => {
      const given = names[index] ?? column.name;
      return { ...column, name: given, lower: given.toLowerCase(), autoIncrement: false, generated: false };
    });
    if (columns === undefined || (names.length > 0 && names.length !== columns.length)) {
      this.#drafts.delete(name);
      return;
    }
    const viewQuery = viewQueryText(query, names);
    this.#set({ name, kind: "view", charset: this.#defaults, columns, keys: [], viewQuery });
  }

  #index(ddl: Ddl): void {
    const [table] = ddl.references;
    const draft = table === undefined || !this.#isOwn(table) ? undefined : this.#drafts.get(table.name);
    if (draft === undefined) return;
    if (ddl.verb === "create")
      this.#set(ddl.definition.changes.reduce((at, change) => this.#changed(at, change), draft));
    else if (ddl.verb === "drop") {
      for (const { name } of ddl.names) this.#set(this.#changed(draft, { kind: "drop-key", name }));
    }
  }

  #rename(names: readonly ObjectName[]): void {
    for (let at = 0; at + 1 < names.length; at += 2) {
      const [from, to] = names.slice(at, at + 2);
      if (from === undefined || to === undefined || !this.#isOwn(from)) continue;
      const draft = this.#drafts.get(from.name);
      this.#drafts.delete(from.name);
      if (draft !== undefined && this.#isOwn(to)) this.#set({ ...draft, name: to.name });
    }
  }

  #drop(name: ObjectName): void {
    if (this.#isOwn(name)) this.#drafts.delete(name.name);
  }

  #set(draft: Draft): void {
    this.#drafts.set(draft.name, draft);
  }

  #isOwn({ schema }: ObjectName): boolean {
    return schema === undefined || schema === this.#keyspace;
  }

  #columnsOf(table: {
    readonly schema: string | undefined;
    readonly name: string;
  }): readonly ColumnSchema[] | undefined {
    if (table.schema !== undefined && table.schema !== this.#keyspace) return undefined;
    return this.#drafts.get(table.name)?.columns;
  }

  #changed(draft: Draft, change: TableChange): Draft {
    const { columns, keys } = draft;
    switch (change.kind) {
      case "add-column": {
        if (change.ifNotExists && indexOf(columns, change.column.name) >= 0) return draft;
        return this.#withColumn({ ...draft, columns: [...columns] }, change.column, change.place);
      }
      case "change-column": {
        const at = indexOf(columns, change.name);
        if (at < 0) return draft;
        const place = change.place ?? placeAt(columns, at);
        const renamed = renamedInKeys(keys, change.name, change.column.name);
        return this.#withColumn({ ...draft, columns: columns.toSpliced(at, 1), keys: renamed }, change.column, place);
      }
      case "rename-column": {
        const renamed = { name: change.to, lower: change.to.toLowerCase() };
        return {
          ...draft,
          columns: columns.map((column) =>
            column.lower === change.from.toLowerCase() ? { ...column, ...renamed } : column,
          ),
          keys: renamedInKeys(keys, change.from, change.to),
        };
      }
      case "drop-column": {
        const lower = change.name.toLowerCase();
        const left = keys.map((key) => ({ ...key, columns: key.columns.filter((column) => column !== lower) }));
        return {
          ...draft,
          columns: columns.filter((column) => column.lower !== lower),
          keys: left.filter((key) => key.columns.length > 0),
        };
      }
      case "show-column": {
        const lower = change.name.toLowerCase();
        const invisible = !change.visible;
        return {
          ...draft,
          columns: columns.map((column) => (column.lower === lower ? { ...column, invisible } : column)),
        };
      }
      case "add-key":
        return withKey(draft, change.key);
      case "drop-key": {
        const lower = change.name.toLowerCase();
        return { ...draft, keys: keys.filter(({ name }) => name.toLowerCase() !== lower) };
      }
      case "rename-key": {
        const lower = change.from.toLowerCase();
        return {
          ...draft,
          keys: keys.map((key) => (key.name.toLowerCase() === lower ? { ...key, name: change.to } : key)),
        };
      }
      case "convert": {
        const charset = tableCharset(change.charset, change.collation, this.#defaults);
        const converted = columns.map((column) => (column.charset === undefined ? column : { ...column, ...charset }));
        return { ...draft, charset, columns: converted };
      }
    }
  }

  #withColumn(draft: Draft, definition: ColumnDefinition, place: ColumnPlace | undefined): Draft {
    const column = columnSchemaOf(definition, draft.charset, this.#mariadb);
    const at = positionOf(draft.columns, place);
    const inPrimary = draft.keys.some(({ name, columns }) => name === PRIMARY && columns.includes(column.lower));
    const placed = inPrimary ? { ...column, nullable: false } : column;
    const next = { ...draft, columns: draft.columns.toSpliced(at, 0, placed) };
    const key = definition.key ?? (definition.type.name === "serial" ? "unique" : undefined);
    return key === undefined ? next : withKey(next, { kind: key, name: undefined, columns: [definition.name] });
  }
}

/** MySQL has no sequences; Vitess marks the tables that stand for them. */
const SEQUENCE_COMMENT = "vitess_sequence";
const PRIMARY = "PRIMARY";

/** Keys over expressions say nothing about columns and are left out. */
function withKey(draft: Draft, key: KeyDefinition): Draft {
  const columns = key.columns.flatMap((name) => (name === undefined ? [] : [name.toLowerCase()]));
  const [first] = columns;
  if (first === undefined || columns.length < key.columns.length) return draft;
  if (key.kind !== "primary") {
    const name = key.name ?? freeKeyName(draft, first);
    return { ...draft, keys: [...draft.keys, { name, unique: key.kind === "unique", columns }] };
  }
  return {
    ...draft,
    keys: [...draft.keys, { name: PRIMARY, unique: true, columns }],
    columns: draft.columns.map((column) => (columns.includes(column.lower) ? { ...column, nullable: false } : column)),
  };
}

/** A key without a name is called after its first column, with _2, _3, … where that is taken. */
function freeKeyName({ keys, columns }: Draft, firstColumn: string): string {
  const base = columns.find(({ lower }) => lower === firstColumn)?.name ?? firstColumn;
  const taken = new Set(keys.map(({ name }) => name.toLowerCase()));
  if (!taken.has(base.toLowerCase()) && base.toUpperCase() !== PRIMARY) return base;
  let number = 2;
  while (taken.has(`${base}_${number}`.toLowerCase())) number++;
  return `${base}_${number}`;
}

/**
 * In the order servers tell them: the primary key, unique keys without NULLs, other unique keys, the rest. Columns that
 * CREATE TABLE names before it defines them make the primary key's NOT NULL here.
 */
function sortedKeys(keys: readonly KeySchema[], columns: readonly ColumnSchema[]): readonly KeySchema[] {
  const known = keys.filter((key) => key.columns.every((name) => columns.some(({ lower }) => lower === name)));
  const rank = (key: KeySchema): number => {
    if (key.name === PRIMARY) return 0;
    if (!key.unique) return 3;
    return key.columns.some((name) => columns.some(({ lower, nullable }) => lower === name && nullable)) ? 2 : 1;
  };
  return known.toSorted((a, b) => rank(a) - rank(b));
}

function renamedInKeys(keys: readonly KeySchema[], from: string, to: string): readonly KeySchema[] {
  const [old, renamed] = [from.toLowerCase(), to.toLowerCase()];
  if (old === renamed) return keys;
  return keys.map((key) => ({ ...key, columns: key.columns.map((column) => (column === old ? renamed : column)) }));
}

function indexOf(columns: readonly ColumnSchema[], name: string): number {
  const lower = name.toLowerCase();
  return columns.findIndex((column) => column.lower === lower);
}

function placeAt(columns: readonly ColumnSchema[], at: number): ColumnPlace {
  const before = columns[at - 1];
  return before === undefined ? { kind: "first" } : { kind: "after", name: before.name };
}

function positionOf(columns: readonly ColumnSchema[], place: ColumnPlace | undefined): number {
  if (place === undefined) return columns.length;
  if (place.kind === "first") return 0;
  const at = indexOf(columns, place.name);
  return at < 0 ? columns.length : at + 1;
}

/** MariaDB's sequences are tables of one row. */
function sequence(name: string): Draft {
  const column = (columnName: string, columnType: string): ColumnSchema => ({
    name: columnName,
    lower: columnName,
    dataType: columnType.replace(/\(.*/, ""),
    columnType,
    unsigned: columnType.endsWith(" unsigned"),
    nullable: false,
    charset: undefined,
    collation: undefined,
    invisible: false,
    autoIncrement: false,
    generated: false,
  });
  const charset = defaultCollation("utf8mb4");
  return {
    name,
    kind: "sequence",
    charset: { charset: "utf8mb4", collation: charset?.collation ?? "" },
    columns: [
      column("next_not_cached_value", "bigint(21)"),
      column("minimum_value", "bigint(21)"),
      column("maximum_value", "bigint(21)"),
      column("start_value", "bigint(21)"),
      column("increment", "bigint(21)"),
      column("cache_size", "bigint(21) unsigned"),
      column("cycle_option", "tinyint(1) unsigned"),
      column("cycle_count", "bigint(21)"),
    ],
    keys: [],
    viewQuery: undefined,
  };
}
