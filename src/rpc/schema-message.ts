// Table definitions as messages of the WatchSchema stream, and back. What a message cannot leave out stands for "none":
// an empty text, -1 rows.

import type { ColumnSchema, KeySchema, TableSchema } from "../schema/model.ts";

/** What a watcher has to change in what it knows. */
export interface SchemaChange {
  readonly version: number;
  /** Nothing that was known before counts. */
  readonly begins: boolean;
  readonly tables: readonly TableSchema[];
  readonly dropped: readonly string[];
  /** Everything up to `version` has been told. */
  readonly complete: boolean;
}

/** As proto-loader gives and takes it. */
export interface SchemaChangeMessage {
  readonly version: number;
  readonly begins: boolean;
  readonly tables: readonly TableMessage[];
  readonly dropped: readonly string[];
  readonly complete: boolean;
}

interface TableMessage {
  readonly name: string;
  readonly kind: string;
  readonly columns: readonly ColumnMessage[];
  readonly keys: readonly KeySchema[];
  readonly viewQuery: string;
  readonly viewCheck: string;
  readonly triggerVariables: readonly string[];
  readonly rows: number;
}

interface ColumnMessage {
  readonly name: string;
  readonly dataType: string;
  readonly columnType: string;
  readonly nullable: boolean;
  readonly charset: string;
  readonly collation: string;
  readonly invisible: boolean;
  readonly autoIncrement: boolean;
  readonly generated: boolean;
}

export function messageOf(change: SchemaChange): SchemaChangeMessage {
  return { ...change, tables: change.tables.map(tableMessage) };
}

function tableMessage({ viewQuery, rows, ...table }: TableSchema): TableMessage {
  const columns = table.columns.map(({ charset = "", collation = "", ...column }) => ({
    ...column,
    charset,
    collation,
  }));
  const { viewCheck = "", triggerVariables = [] } = table;
  return { ...table, columns, viewQuery: viewQuery ?? "", viewCheck, triggerVariables, rows: rows ?? -1 };
}

/** Reads the messages of a stream; its definitions share the texts that most of them have in common. */
export class SchemaMessageReader {
  readonly #texts = new Map<string, string>();

  change(message: SchemaChangeMessage): SchemaChange {
    return { ...message, tables: message.tables.map((table) => this.#table(table)) };
  }

  #table({ name, kind, columns, keys, viewQuery, viewCheck, triggerVariables, rows }: TableMessage): TableSchema {
    return {
      name,
      kind: kind === "view" || kind === "sequence" ? kind : "table",
      columns: columns.map((column) => this.#column(column)),
      keys: keys.map(({ name: key, unique, columns: parts }) => ({ name: key, unique, columns: parts })),
      viewQuery: viewQuery === "" ? undefined : viewQuery,
      ...(viewCheck === "local" || viewCheck === "cascaded" ? { viewCheck } : {}),
      ...(triggerVariables.length === 0 ? {} : { triggerVariables }),
      rows: rows < 0 ? undefined : rows,
    };
  }

  #column(column: ColumnMessage): ColumnSchema {
    const { name, charset, collation } = column;
    const lower = name.toLowerCase();
    return {
      name,
      lower: lower === name ? name : lower,
      dataType: this.#shared(column.dataType),
      columnType: this.#shared(column.columnType),
      unsigned: / unsigned\b/.test(column.columnType),
      nullable: column.nullable,
      charset: charset === "" ? undefined : this.#shared(charset),
      collation: collation === "" ? undefined : this.#shared(collation),
      invisible: column.invisible,
      autoIncrement: column.autoIncrement,
      generated: column.generated,
    };
  }

  #shared(text: string): string {
    const known = this.#texts.get(text);
    if (known !== undefined) return known;
    if (text.length <= SHARED_CHARS_MAX && this.#texts.size < SHARED_TEXTS_MAX) this.#texts.set(text, text);
    return text;
  }
}

const SHARED_CHARS_MAX = 64;
const SHARED_TEXTS_MAX = 10_000;
