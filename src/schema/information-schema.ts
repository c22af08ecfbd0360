// Table definitions out of rows of information_schema: TABLES, COLUMNS, STATISTICS and VIEWS. The queries name their columns,
// since servers differ in the case they answer with. Rows come as texts; what most columns share (types, collations) is
// kept once, as a keyspace may have a million columns.

import type { ColumnSchema, KeySchema, TableSchema } from "./model.ts";

/** A row as a list of texts in the order of the query's columns. */
export type TextRow = readonly (string | null)[];

export const COLUMN_FIELDS =
  "TABLE_NAME, COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, IS_NULLABLE, CHARACTER_SET_NAME, COLLATION_NAME, EXTRA";
export const COLUMN_ORDER = "TABLE_NAME, ORDINAL_POSITION";
export const KEY_FIELDS = "TABLE_NAME, INDEX_NAME, NON_UNIQUE, COLUMN_NAME";
export const KEY_ORDER = "TABLE_NAME, NON_UNIQUE, INDEX_NAME, SEQ_IN_INDEX";

/** What of a table does not stand in COLUMNS and STATISTICS. */
export interface TableFacts {
  readonly name: string;
  /** TABLE_TYPE: BASE TABLE, VIEW, SEQUENCE, SYSTEM VERSIONED, SYSTEM VIEW. */
  readonly type: string;
  /** TABLE_COMMENT. */
  readonly comment: string;
  /** VIEW_DEFINITION of a view. */
  readonly viewQuery: string | undefined;
  /** CHECK_OPTION of a view: NONE, LOCAL, CASCADED. */
  readonly viewCheck?: string | undefined;
  /** What its triggers, or what a view calls, may set. */
  readonly triggerVariables?: readonly string[] | undefined;
}

/** MySQL has no sequences; Vitess marks the tables that stand for them. */
const SEQUENCE_COMMENT = "vitess_sequence";

/** Makes definitions, without estimated rows; one maker's definitions share their texts. */
export class TableMaker {
  readonly #texts = new Map<string, string>();

  /** `columns` and `keys` are the rows of this table in order of position; keys of each index together. */
  table(facts: TableFacts, columns: readonly TextRow[], keys: readonly TextRow[]): TableSchema {
    const view = facts.type.endsWith("VIEW");
    const sequence = facts.type === "SEQUENCE" || facts.comment === SEQUENCE_COMMENT;
    return {
      name: facts.name,
      kind: view ? "view" : sequence ? "sequence" : "table",
      columns: columns.map((row) => this.#column(row)),
      keys: keysOf(keys),
      viewQuery: facts.viewQuery,
      ...viewCheckOf(facts.viewCheck),
      ...(facts.triggerVariables === undefined ? {} : { triggerVariables: facts.triggerVariables }),
      rows: undefined,
    };
  }

  #column(row: TextRow): ColumnSchema {
    const [, name, dataType, columnType, nullable, charset, collation, extra] = row;
    const named = name ?? "";
    const lower = named.toLowerCase();
    const extras = (extra ?? "").toUpperCase();
    const fullType = this.#shared(columnType ?? "");
    return {
      name: named,
      lower: lower === named ? named : lower,
      dataType: this.#shared((dataType ?? "").toLowerCase()),
      columnType: fullType,
      unsigned: / unsigned\b/.test(fullType),
      nullable: nullable === "YES",
      charset: charset === null || charset === undefined ? undefined : this.#shared(charset),
      collation: collation === null || collation === undefined ? undefined : this.#shared(collation),
      invisible: extras.includes("INVISIBLE"),
      autoIncrement: extras.includes("AUTO_INCREMENT"),
      // MySQL says DEFAULT_GENERATED of a default that is an expression.
      generated: /\b(VIRTUAL|STORED|PERSISTENT) GENERATED\b/.test(extras),
    };
  }

  #shared(text: string): string {
    const known = this.#texts.get(text);
    if (known !== undefined) return known;
    // The types of ENUMs are as many as there are, and long.
    if (text.length <= SHARED_CHARS_MAX && this.#texts.size < SHARED_TEXTS_MAX) this.#texts.set(text, text);
    return text;
  }
}

function viewCheckOf(text: string | undefined): Pick<TableSchema, "viewCheck"> {
  const check = text?.toLowerCase();
  return check === "local" || check === "cascaded" ? { viewCheck: check } : {};
}

const SHARED_CHARS_MAX = 64;
const SHARED_TEXTS_MAX = 10_000;

/** Keys over expressions say nothing about columns and are left out. */
function keysOf(rows: readonly TextRow[]): readonly KeySchema[] {
  const keys = new Map<string, { readonly name: string; readonly unique: boolean; columns: string[] | undefined }>();
  for (const [, name, nonUnique, column] of rows) {
    const named = name ?? "";
    let key = keys.get(named);
    if (key === undefined) {
      key = { name: named, unique: nonUnique === "0", columns: [] };
      keys.set(named, key);
    }
    if (column === null || column === undefined) key.columns = undefined;
    else key.columns?.push(column.toLowerCase());
  }
  const known = [...keys.values()].flatMap(({ name, unique, columns }) =>
    columns === undefined ? [] : [{ name, unique, columns }],
  );
  return known.toSorted((a, b) => Number(b.name === "PRIMARY") - Number(a.name === "PRIMARY"));
}
