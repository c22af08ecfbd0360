// What a table looks like, asked of a shard, and the temporary table for its rows: columns of the same types and collations
// without defaults, generation and constraints, which the rows of several shards need not keep; keys only to find rows by.

import { BufferReader } from "../mysql/codec.ts";
import { PacketReader } from "../mysql/packet-reader.ts";
import { LIMITS } from "../base/limits.ts";
import { kindOfType, selectItem, type ValueKind } from "./gather-values.ts";
import { quoteName } from "./quote-name.ts";

/** A column as SHOW FULL COLUMNS has it. */
export interface TableColumn {
  readonly name: string;
  readonly lower: string;
  /** COLUMN_TYPE: `varchar(20)`, `enum('a','b')`, … */
  readonly type: string;
  readonly collation: string | null;
  readonly nullable: boolean;
  /** Left out by `*`. */
  readonly invisible: boolean;
  /** MariaDB's JSON: text with a constraint, by which JSON functions know it. */
  readonly json: boolean;
  readonly kind: ValueKind;
}

/** Statements whose replies `columnsOfTable` reads. `table` is its name, without a schema. */
export function describingStatements(table: string): { readonly columns: string; readonly definition: string } {
  return { columns: `SHOW FULL COLUMNS FROM ${quoteName(table)}`, definition: `SHOW CREATE TABLE ${quoteName(table)}` };
}

/** All columns in order, from the framed replies to the describing statements (text in UTF-8). */
export function columnsOfTable(columns: Buffer, definition: Buffer): readonly TableColumn[] {
  const json = jsonColumnsOf(textRows(definition)[0]?.[1] ?? "");
  return textRows(columns).map(([name, type, collation, isNull, , , extra]): TableColumn => {
    const plainType = (type ?? "").replace(/ *\/\*M?!.*?\*\//g, "");
    return {
      name: name ?? "",
      lower: (name ?? "").toLowerCase(),
      type: plainType,
      collation: collation ?? null,
      nullable: isNull !== "NO",
      invisible: /\bINVISIBLE\b/i.test(extra ?? ""),
      json: json.has(name ?? ""),
      kind: kindOfType(plainType, collation ?? null),
    };
  });
}

/** Columns with a constraint that says they are JSON. */
function jsonColumnsOf(definition: string): ReadonlySet<string> {
  const found = definition.matchAll(/CHECK \(json_valid\(`((?:[^`]|``)+)`\)\)/gi);
  return new Set([...found].map((match) => (match[1] ?? "").replaceAll("``", "`")));
}

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
  name: "shardgate_row",
  lower: "shardgate_row",
  type: "tinyint",
  collation: null,
  nullable: false,
  invisible: false,
  json: false,
  kind: "number",
};

/** `keys` are lower-case names of columns that rows are looked up by. */
export function createStatement(name: string, columns: readonly TableColumn[], keys: ReadonlySet<string>): string {
  const keyed = columns.filter(({ lower }) => keys.has(lower)).slice(0, LIMITS.gatherKeysMax);
  const parts = columns.map(columnSql);
  for (const column of keyed) {
    const part = keyPart(column);
    if (part !== undefined) parts.push(`KEY (${part})`);
  }
  return `CREATE TEMPORARY TABLE ${quoteName(name)} (${parts.join(", ")})`;
}

function columnSql({ name, type, collation, nullable, invisible, json }: TableColumn): string {
  const words = [quoteName(name), type];
  if (collation !== null) words.push(`COLLATE ${collation}`);
  // An invisible column without a default has to allow NULL.
  words.push(nullable || invisible ? "NULL" : "NOT NULL");
  if (invisible) words.push("INVISIBLE");
  if (json) words.push(`CHECK (json_valid(${quoteName(name)}))`);
  return words.join(" ");
}

/** Undefined for a column that cannot be a key. */
function keyPart({ name, type }: TableColumn): string | undefined {
  const [, word = "", length] = /^([a-z0-9]+)(?:\((\d+)\))?/i.exec(type.toLowerCase()) ?? [];
  if (KEYLESS.has(word)) return undefined;
  const isLong = /(text|blob|json)$/.test(word) || (/(char|binary)$/.test(word) && Number(length ?? 0) > KEY_CHARS_MAX);
  return isLong ? `${quoteName(name)}(${KEY_CHARS_MAX})` : quoteName(name);
}

const KEYLESS: ReadonlySet<string> = new Set(
  (
    "bit json geometry point linestring polygon multipoint multilinestring multipolygon geometrycollection " +
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
