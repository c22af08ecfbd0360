// A step's rows as a table in other statements: a common table expression of literals put before them, with the types that
// the typing query gives its columns.
//
//   union    name(c0, …) AS (SELECT * FROM (typing) t WHERE FALSE UNION ALL VALUES (…), (…))
//   stored   name_v(n, c0, …) AS (VALUES (1, …), (2, …)),
//            name_q(n, c0, …) AS (SELECT 0, t.* FROM (SELECT 1) o LEFT JOIN (typing) t ON FALSE
//                                 UNION ALL SELECT v.* FROM name_q q JOIN name_v v WHERE q.n = 0),
//            name(c0, …) AS (SELECT c0, … FROM name_q WHERE n > 0)                        under WITH RECURSIVE

import { LIMITS } from "../base/limits.ts";
import { quoteName } from "./quote-name.ts";
import type { Carriage } from "./row-literals.ts";
import { NeedsGather } from "./needs-gather.ts";

/** What all batches of a step have in common. */
export interface RowsShape {
  readonly name: string;
  /** Without `shardgate_n`. */
  readonly columns: readonly string[];
  readonly numbered: boolean;
  readonly carriage: Carriage;
  /** SQL of the query that types the table where it is read. */
  readonly typing: Buffer;
}

export interface RowsTable {
  readonly shape: RowsShape;
  /** Each row's literals, separated by commas. */
  readonly rows: readonly string[];
  /** Of the first row, when numbered. */
  readonly firstNumber: number;
  /** Numbers of the rows, when they are not consecutive. */
  readonly numbers: readonly number[] | undefined;
}

/** Some rows of a table, with the numbers that they have there. */
export function someRows(table: RowsTable, positions: readonly number[]): RowsTable {
  const { rows, firstNumber, numbers, shape } = table;
  return {
    ...table,
    rows: positions.map((at) => rows[at] as string),
    numbers: shape.numbered ? positions.map((at) => numbers?.[at] ?? firstNumber + at) : undefined,
  };
}

export const ROW_NUMBER = "shardgate_n";

/** The statement with the rows tables put before it. Throws NeedsGather when that would change what it means. */
export function withRowsTables(statement: Buffer, tables: readonly RowsTable[], dialect: "mysql" | "mariadb"): Buffer {
  if (tables.length === 0) return statement;
  const parts: Buffer[] = [];
  let isRecursive = false;
  for (const table of tables) {
    if (parts.length > 0) parts.push(COMMA);
    if (table.shape.carriage === "stored" && table.rows.length > 0) {
      isRecursive = true;
      parts.push(...storedExpression(table, dialect));
    } else parts.push(...unionExpression(table, dialect));
  }
  const own = statement.latin1Slice(0, WITH_RECURSIVE.length).toLowerCase();
  const hasOwnRecursive = own === WITH_RECURSIVE;
  const hasOwn = hasOwnRecursive || own.startsWith(WITH);
  // Under RECURSIVE, a table expression with a table's name would read itself in place of the table.
  if (isRecursive && hasOwn && !hasOwnRecursive) throw new NeedsGather("WITH beside rows that have to be stored");
  const rest = hasOwn ? statement.subarray(hasOwnRecursive ? WITH_RECURSIVE.length : WITH.length) : statement;
  const start = Buffer.from(isRecursive || hasOwnRecursive ? WITH_RECURSIVE : WITH);
  const sql = Buffer.concat([start, ...parts, hasOwn ? COMMA : SPACE, rest]);
  if (sql.length > LIMITS.shippedStatementBytesMax) throw new NeedsGather("a statement too large with its rows");
  return sql;
}

const WITH = "with ";
const WITH_RECURSIVE = "with recursive ";
const COMMA = Buffer.from(", ");
const SPACE = Buffer.from(" ");
const CLOSE = Buffer.from(")");
/** BIGINT, whatever the numbers of the rows are. */
const BIG_NUMBER = "9223372036854775807";

function unionExpression({ shape, rows, ...numbering }: RowsTable, dialect: string): Buffer[] {
  const { name, numbered, typing } = shape;
  const parts = [ascii(`${quoteName(name)}(${names(shape, numbered).join(", ")}) AS (`)];
  const items = numbered ? `${BIG_NUMBER}, t.*` : "*";
  parts.push(ascii(`SELECT ${items} FROM (`), typing, ascii(") t WHERE FALSE"));
  if (rows.length > 0) parts.push(ascii(" UNION ALL "), values(rows, numbered ? numbering : undefined, dialect));
  parts.push(CLOSE);
  return parts;
}

function storedExpression({ shape, rows, ...numbering }: RowsTable, dialect: string): Buffer[] {
  const { name, numbered, typing } = shape;
  const value = quoteName(`${name}_v`);
  const store = quoteName(`${name}_q`);
  const own = names(shape, false);
  const all = names(shape, true).join(", ");
  const counting = numbered ? numbering : { firstNumber: 1, numbers: undefined };
  return [
    ascii(`${value}(${all}) AS (`),
    values(rows, counting, dialect),
    ascii(`), ${store}(${all}) AS (SELECT ${BIG_NUMBER} - ${BIG_NUMBER}, t.* FROM (SELECT 1) o LEFT JOIN (`),
    typing,
    ascii(`) t ON FALSE UNION ALL SELECT v.* FROM ${store} q JOIN ${value} v WHERE q.${ROW_NUMBER} = 0), `),
    ascii(`${quoteName(name)}(${numbered ? all : own.join(", ")}) AS (SELECT ${numbered ? all : own.join(", ")} `),
    ascii(`FROM ${store} WHERE ${ROW_NUMBER} > 0)`),
  ];
}

function names({ columns }: RowsShape, withNumber: boolean): string[] {
  const quoted = columns.map(quoteName);
  return withNumber ? [ROW_NUMBER, ...quoted] : quoted;
}

function values(
  rows: readonly string[],
  numbering: Pick<RowsTable, "firstNumber" | "numbers"> | undefined,
  dialect: string,
): Buffer {
  const open = dialect === "mysql" ? "ROW(" : "(";
  const texts = rows.map((row, index) => {
    if (numbering === undefined) return `${open}${row})`;
    const number = numbering.numbers?.[index] ?? numbering.firstNumber + index;
    return `${open}${number},${row})`;
  });
  return ascii(`VALUES ${texts.join(",")}`);
}

/** Column names may have any characters; the rest is ASCII. */
function ascii(text: string): Buffer {
  return Buffer.from(text, "utf8");
}
