// What a table looks like, asked of a shard, and the temporary table for its rows: columns of the same types, collations
// and defaults, without generation and constraints. Its keys are the same, too, so that a mysqld goes about a statement as
// it does over the table itself; rows of several shards may break them, and then the table has none that is unique.

import { BufferReader } from "../mysql/codec.ts";
import { PacketReader } from "../mysql/packet-reader.ts";
import { LIMITS } from "../base/limits.ts";
import { kindOfType, selectItem, type ValueKind } from "./gather-values.ts";
import { quoteName } from "./quote-name.ts";
import { type KeyPart, readDefinition, type TableKey } from "./table-definition.ts";

export interface TableColumn {
  readonly name: string;
  readonly lower: string;
  /** COLUMN_TYPE: `varchar(20)`, `enum('a','b')`, … */
  readonly type: string;
  readonly collation: string | null;
  readonly nullable: boolean;
  /** Left out by `*`. */
  readonly invisible: boolean;
  /** SQL; undefined when there is none, or none that stands alone. */
  readonly defaultSql: string | undefined;
  readonly onUpdateNow: boolean;
  /** MariaDB's JSON: text with a constraint, by which JSON functions know it. */
  readonly json: boolean;
  readonly kind: ValueKind;
  /** What gives its value; undefined: the table's column. */
  readonly sql: Buffer | undefined;
}

export interface DescribedTable {
  readonly columns: readonly TableColumn[];
  /** The primary key first, if there is one. */
  readonly keys: readonly TableKey[];
}

/** Statements whose replies `describedTable` reads. `table` is its name, without a schema. */
export function describingStatements(table: string): { readonly columns: string; readonly definition: string } {
  return { columns: `SHOW FULL COLUMNS FROM ${quoteName(table)}`, definition: `SHOW CREATE TABLE ${quoteName(table)}` };
}

/** From the framed replies to the describing statements (text in UTF-8). */
export function describedTable(columnsReply: Buffer, definitionReply: Buffer): DescribedTable {
  const { columns: details, keys, isVersioned } = readDefinition(textRows(definitionReply)[0]?.[1] ?? "");
  const columns = textRows(columnsReply).map(([name = "", type, collation, isNull, , , extra]): TableColumn => {
    const detail = details.get(name);
    return {
      name,
      lower: name.toLowerCase(),
      type: type ?? "",
      collation: collation ?? null,
      nullable: isNull !== "NO",
      invisible: /\bINVISIBLE\b/i.test(extra ?? ""),
      // A column that counts by itself is not one that has to be given.
      defaultSql: /auto_increment/i.test(extra ?? "") ? "0" : detail?.defaultSql,
      onUpdateNow: /on update current_timestamp/i.test(extra ?? ""),
      json: detail?.json ?? false,
      kind: kindOfType(type ?? "", collation ?? null),
      sql: undefined,
    };
  });
  // The times of a row's life can be named, but are shown nowhere.
  const hidden = isVersioned ? ["row_start", "row_end"] : [];
  const more = hidden.filter((name) => !columns.some(({ lower }) => lower === name)).map(rowTime);
  return { columns: [...columns, ...more], keys };
}

function rowTime(name: string): TableColumn {
  return { ...PLAIN, name, lower: name, type: "timestamp(6)", nullable: false, invisible: true, kind: "timestamp" };
}

const PLAIN = {
  sql: undefined,
  collation: null,
  nullable: true,
  invisible: false,
  defaultSql: undefined,
  onUpdateNow: false,
  json: false,
};

/**
 * Columns that the rows need: all, or those named and the primary key's, which give them their order. COUNT(*) needs rows,
 * not values: without a key, a constant stands for each.
 */
export function neededColumns(
  { columns, keys: [first] }: DescribedTable,
  named: ReadonlySet<string> | "all",
): readonly TableColumn[] {
  const keyed = new Set(first?.kind === "primary" ? first.parts.map(({ lower }) => lower) : []);
  const needed = named === "all" ? columns : columns.filter(({ lower }) => named.has(lower) || keyed.has(lower));
  // A table has to have a column that is visible.
  return needed.every(({ invisible }) => invisible) ? [ROW_COLUMN, ...needed] : needed;
}

/** A column of numbers that `sql` gives. */
export function computedColumn(name: string, sql: Buffer, isVisible: boolean): TableColumn {
  return { ...PLAIN, name, lower: name.toLowerCase(), type: "double", invisible: !isVisible, kind: "number", sql };
}

/** What the column's values are read with; `alias` is quoted. */
export function itemOf({ name, kind, sql }: TableColumn, alias: string): Buffer {
  return sql ?? Buffer.from(selectItem(kind, `${alias}.${quoteName(name)}`), "utf8");
}

const ROW_COLUMN: TableColumn = {
  ...PLAIN,
  name: "shardgate_row",
  lower: "shardgate_row",
  type: "tinyint",
  nullable: false,
  kind: "number",
  sql: Buffer.from("1"),
};

/** How much of the table's own definition a temporary one keeps: `bare` is what always can be made. */
export type Likeness = "same keys" | "no unique keys" | "bare";

/** A table of these columns; `lookups` are lower-case names of columns that rows are looked up by. */
export function createStatement(
  name: string,
  columns: readonly TableColumn[],
  keys: readonly TableKey[],
  lookups: ReadonlySet<string>,
  likeness: Likeness,
): string {
  const made = likeness === "bare" ? columns.map(bareColumn) : columns;
  const keySql = likeness === "bare" ? [] : keysOf(columns, keys, lookups, likeness === "same keys");
  return `CREATE TEMPORARY TABLE ${quoteName(name)} (${[...made.map(columnSql), ...keySql].join(", ")})`;
}

function columnSql({ name, type, collation, nullable, invisible, defaultSql, onUpdateNow, json }: TableColumn): string {
  const words = [quoteName(name), type];
  if (collation !== null) words.push(`COLLATE ${collation}`);
  // An invisible column without a default has to allow NULL.
  words.push(nullable || (invisible && defaultSql === undefined) ? "NULL" : "NOT NULL");
  if (invisible) words.push("INVISIBLE");
  if (defaultSql !== undefined) words.push(`DEFAULT ${defaultSql}`);
  if (onUpdateNow && defaultSql !== undefined) words.push(`ON UPDATE ${defaultSql}`);
  if (json) words.push(`CHECK (json_valid(${quoteName(name)}))`);
  return words.join(" ");
}

/** Of a view's columns there may be more than a table's row can hold: long ones are kept beside it. */
function bareColumn(column: TableColumn): TableColumn {
  const [, word = "", length = ""] = /^(varchar|varbinary)\((\d+)\)/i.exec(column.type) ?? [];
  const type =
    Number(length) <= KEY_CHARS_MAX ? column.type : word.toLowerCase() === "varchar" ? "longtext" : "longblob";
  return { ...column, type, defaultSql: undefined };
}

/** The table's own keys as far as their columns are there, then those for lookups. */
function keysOf(
  columns: readonly TableColumn[],
  keys: readonly TableKey[],
  lookups: ReadonlySet<string>,
  allowsUnique: boolean,
): readonly string[] {
  const byName = new Map(columns.map((column) => [column.lower, column]));
  const led = new Set(keys.map(({ parts }) => parts[0]?.lower ?? ""));
  const more = [...lookups].filter((lower) => !led.has(lower)).map(plainKey);
  const [first, ...others] = keys;
  const found = new Set<string>();
  for (const { kind, parts } of first === undefined ? more : [first, ...more, ...others]) {
    const made: string[] = [];
    let isWhole = true;
    for (const { lower, chars } of parts) {
      const column = byName.get(lower);
      const part = column === undefined ? undefined : keyPart(column, chars);
      if (part === undefined || !part.isExact) isWhole = false;
      if (part === undefined) break;
      made.push(part.sql);
    }
    if (made.length === 0 || found.size >= LIMITS.gatherKeysMax) continue;
    found.add(`${allowsUnique && isWhole ? WORDS[kind] : "KEY"} (${made.join(", ")})`);
  }
  return [...found];
}

const WORDS = { primary: "PRIMARY KEY", unique: "UNIQUE KEY", plain: "KEY" } as const;

function plainKey(lower: string): TableKey {
  return { kind: "plain", parts: [{ lower, chars: undefined }] };
}

/** Undefined for a column that cannot be in a key. `isExact`: the part is what the table's own key has. */
function keyPart(
  { name, type, json }: TableColumn,
  chars: KeyPart["chars"],
): { readonly sql: string; readonly isExact: boolean } | undefined {
  const [, word = "", length] = /^([a-z0-9]+)(?:\((\d+)\))?/i.exec(type.toLowerCase()) ?? [];
  if (KEYLESS.has(word) || json || type.includes("COMPRESSED")) return undefined;
  if (chars !== undefined) return { sql: `${quoteName(name)}(${chars})`, isExact: true };
  const isLong = /(text|blob)$/.test(word) || (/(char|binary)$/.test(word) && Number(length ?? 0) > KEY_CHARS_MAX);
  return isLong
    ? { sql: `${quoteName(name)}(${KEY_CHARS_MAX})`, isExact: false }
    : { sql: quoteName(name), isExact: true };
}

const KEYLESS: ReadonlySet<string> = new Set(
  (
    "json geometry point linestring polygon multipoint multilinestring multipolygon geometrycollection " +
    "geomcollection vector"
  ).split(" "),
);
/** InnoDB's older row formats allow 767 bytes. */
const KEY_CHARS_MAX = 190;

/** Rows of a framed text result as strings. */
function textRows(reply: Buffer): (string | undefined)[][] {
  const reader = new PacketReader(LIMITS.bufferedReplyBytesMax);
  reader.push(reply);
  const count = new BufferReader(reader.next() ?? EMPTY).lenenc();
  for (let i = 0; i <= count; i++) reader.next();
  const rows: (string | undefined)[][] = [];
  for (let payload = reader.next(); payload !== undefined; payload = reader.next()) {
    if (payload[0] === 0xfe && payload.length < 9) break;
    const row = new BufferReader(payload);
    rows.push(Array.from({ length: count }, () => textCell(row)));
  }
  return rows;
}

function textCell(row: BufferReader): string | undefined {
  if (row.peek() !== 0xfb) return row.lenencString();
  row.skip(1);
  return undefined;
}

const EMPTY = Buffer.alloc(0);
