// What a table looks like, asked of a shard, and the temporary table for its rows: columns of the same types, collations
// and defaults without generation and constraints, which the rows of several shards need not keep; keys to find rows by,
// none of them unique. Where the keys are the same, a mysqld goes about a statement as it does over the table itself.

import { BufferReader } from "../mysql/codec.ts";
import { PacketReader } from "../mysql/packet-reader.ts";
import { LIMITS } from "../base/limits.ts";
import { kindOfType, selectItem, type ValueKind } from "./gather-values.ts";
import { quoteName } from "./quote-name.ts";
import { type KeyPart, readDefinition } from "./table-definition.ts";

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
}

export interface DescribedTable {
  readonly columns: readonly TableColumn[];
  /** The primary key first, if there is one. */
  readonly keys: readonly (readonly KeyPart[])[];
}

/** Statements whose replies `describedTable` reads. `table` is its name, without a schema. */
export function describingStatements(table: string): { readonly columns: string; readonly definition: string } {
  return { columns: `SHOW FULL COLUMNS FROM ${quoteName(table)}`, definition: `SHOW CREATE TABLE ${quoteName(table)}` };
}

/** From the framed replies to the describing statements (text in UTF-8). */
export function describedTable(columnsReply: Buffer, definitionReply: Buffer): DescribedTable {
  const { columns: details, keys, isVersioned } = readDefinition(textRows(definitionReply)[0]?.[1] ?? "");
  const columns = textRows(columnsReply).map(([name = "", type, collation, isNull, , , extra]): TableColumn => {
    const plainType = (type ?? "").replace(/ *\/\*M?!.*?\*\//g, "");
    const detail = details.get(name);
    return {
      name,
      lower: name.toLowerCase(),
      type: plainType,
      collation: collation ?? null,
      nullable: isNull !== "NO",
      invisible: /\bINVISIBLE\b/i.test(extra ?? ""),
      defaultSql: detail?.defaultSql,
      onUpdateNow: /on update current_timestamp/i.test(extra ?? ""),
      json: detail?.json ?? false,
      kind: kindOfType(plainType, collation ?? null),
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
  collation: null,
  nullable: true,
  invisible: false,
  defaultSql: undefined,
  onUpdateNow: false,
  json: false,
};

/** Columns that the rows need: those named, or all. COUNT(*) needs rows, not values: a constant stands for each. */
export function neededColumns(all: readonly TableColumn[], named: ReadonlySet<string> | "all"): readonly TableColumn[] {
  const needed = named === "all" ? all : all.filter(({ lower }) => named.has(lower));
  // A table has to have a column that is visible.
  return needed.every(({ invisible }) => invisible) ? [ROW_COLUMN, ...needed] : needed;
}

/** What the table's rows are read with; `alias` is quoted. */
export function itemOf(column: TableColumn, alias: string): string {
  return column === ROW_COLUMN ? "1" : selectItem(column.kind, `${alias}.${quoteName(column.name)}`);
}

const ROW_COLUMN: TableColumn = {
  ...PLAIN,
  name: "shardgate_row",
  lower: "shardgate_row",
  type: "tinyint",
  nullable: false,
  kind: "number",
};

/** A table of these columns; `lookups` are lower-case names of columns that rows are looked up by. */
export function createStatement(
  name: string,
  columns: readonly TableColumn[],
  keys: DescribedTable["keys"],
  lookups: ReadonlySet<string>,
): string {
  const parts = [...columns.map(columnSql), ...keysOf(columns, keys, lookups)];
  return `CREATE TEMPORARY TABLE ${quoteName(name)} (${parts.join(", ")})`;
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

/** The table's own keys as far as their columns are there, then those for lookups. */
function keysOf(
  columns: readonly TableColumn[],
  keys: DescribedTable["keys"],
  lookups: ReadonlySet<string>,
): readonly string[] {
  const byName = new Map(columns.map((column) => [column.lower, column]));
  const found = new Set<string>();
  const leading = new Set<string>();
  const add = (key: readonly KeyPart[]): void => {
    const parts: string[] = [];
    for (const { lower, chars } of key) {
      const column = byName.get(lower);
      const part = column === undefined ? undefined : keyPart(column, chars);
      if (part === undefined) break;
      parts.push(part);
    }
    const [first] = key;
    if (first === undefined || parts.length === 0 || found.size >= LIMITS.gatherKeysMax) return;
    leading.add(first.lower);
    found.add(`KEY (${parts.join(", ")})`);
  };
  const [primary, ...others] = keys;
  if (primary !== undefined) add(primary);
  const led = new Set(keys.map((key) => key[0]?.lower));
  for (const lower of lookups) if (!led.has(lower)) add([{ lower, chars: undefined }]);
  for (const key of others) add(key);
  return [...found];
}

/** Undefined for a column that cannot be in a key. */
function keyPart({ name, type }: TableColumn, chars: number | undefined): string | undefined {
  const [, word = "", length] = /^([a-z0-9]+)(?:\((\d+)\))?/i.exec(type.toLowerCase()) ?? [];
  if (KEYLESS.has(word)) return undefined;
  if (chars !== undefined) return `${quoteName(name)}(${chars})`;
  const isLong = /(text|blob)$/.test(word) || (/(char|binary)$/.test(word) && Number(length ?? 0) > KEY_CHARS_MAX);
  return isLong ? `${quoteName(name)}(${KEY_CHARS_MAX})` : quoteName(name);
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
