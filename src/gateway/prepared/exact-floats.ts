// FLOAT columns of prepared statements whose answers are put together from text: a server prints six digits of a FLOAT, and
// STDDEV() and its like only those behind the point that its definition tells, but the binary protocol has all of it. So
// such a statement is run with these columns as DOUBLE (`column + 0e0`), which is printed with as many digits as it takes, and the
// client is shown the columns that PREPARE has described.
//
//   SELECT id, f FROM t ORDER BY f      SELECT id, f + 0e0 AS f FROM t ORDER BY f

import { MYSQL_TYPE } from "../../mysql/constants.ts";
import { type ColumnDefinition, decodeColumnDefinition } from "../../mysql/packets/column-definition.ts";
import { encodeSql } from "../../sql/encoding.ts";
import { columnNode, literalNode } from "../../sql/new-nodes.ts";
import { parse } from "../../sql/parse.ts";
import { print } from "../../sql/print.ts";
import type { Expr, Query, Select, SelectItem, SqlMode, TableRef, UnionPart } from "../../sql/tree.ts";
import { isQuery } from "../../sql/walk.ts";
import { widened } from "../write/found-rows.ts";

export interface ExactFloats {
  /** The statement with its parameter markers, in the same order. */
  readonly text: Buffer;
  /** Payloads of the definitions to show, by column; undefined: the answer's own. */
  readonly definitions: readonly (Buffer | undefined)[];
}

/** `columns` are those that PREPARE has described. Undefined: there are none, or no way to have more of their digits. */
export function exactFloats(text: Buffer, columns: readonly Buffer[], mode: SqlMode): ExactFloats | undefined {
  const described = columns.map((payload) => decodeColumnDefinition(payload));
  const floats = described.map(({ type }) => type === MYSQL_TYPE.FLOAT);
  if (!described.some(mayBeCut)) return undefined;
  const statement = parse(text, mode);
  if (!isQuery(statement) || statement.into !== undefined) return undefined;
  const widenedAt = new Set<number>();
  const exact = withDoubles(statement, described, widenedAt);
  if (exact !== undefined) {
    if (widenedAt.size === 0) return undefined;
    const definitions = columns.map((payload, at) => (widenedAt.has(at) ? payload : undefined));
    return { text: textOf(exact, mode), definitions };
  }
  if (!floats.includes(true)) return undefined;
  // The order of rows is lost on the way through a table expression.
  if (statement.orderBy.length > 0 || statement.locking.length > 0) return undefined;
  return { text: textOf(widened(statement, floats), mode), definitions: columns };
}

function mayBeCut({ type, decimals }: ColumnDefinition): boolean {
  return type === MYSQL_TYPE.FLOAT || (type === MYSQL_TYPE.DOUBLE && decimals < AS_MANY_AS_NEEDED);
}

const AS_MANY_AS_NEEDED = 31;

/**
 * STDDEV() and its like as such. A window's are rounded by MySQL itself, and of another expression PREPARE may tell a type
 * that its parameters will not have.
 */
function isDeviation(item: SelectItem): boolean {
  return (
    item.kind === "expr" && item.expr.kind === "call" && item.expr.over === undefined && DEVIATIONS.has(item.expr.name)
  );
}

const DEVIATIONS: ReadonlySet<string> = new Set(
  "std stddev stddev_pop stddev_samp variance var_pop var_samp".split(" "),
);

function textOf(query: Query, mode: SqlMode): Buffer {
  return encodeSql(print(query, [], { mode, columnNames: true }));
}

/** Undefined where it is not known which column an item is. Adds the columns that have changed to `widenedAt`. */
function withDoubles(query: Query, described: readonly ColumnDefinition[], widenedAt: Set<number>): Query | undefined {
  if (query.kind === "union") {
    const first = withDoubles(query.first, described, widenedAt);
    if (first === undefined) return undefined;
    const rest: UnionPart[] = [];
    for (const part of query.rest) {
      const own = withDoubles(part.query, described, widenedAt);
      if (own === undefined) return undefined;
      rest.push({ ...part, query: own });
    }
    return { ...query, first, rest };
  }
  if (query.kind !== "select") return undefined;
  const items = columnItems(query, described);
  if (items === undefined || items.length !== described.length) return undefined;
  const seen = new Set<string>();
  const isGrouped = query.groupBy.length > 0;
  const doubles = items.map((item, at) => {
    const double = asDouble(item, described[at], at, seen, isGrouped);
    if (double !== item) widenedAt.add(at);
    return double;
  });
  return { ...query, items: doubles };
}

/** `seen` has the names that items before have got. */
function asDouble(
  item: SelectItem,
  column: ColumnDefinition | undefined,
  at: number,
  seen: Set<string>,
  isGrouped: boolean,
): SelectItem {
  if (item.kind !== "expr" || column === undefined) return item;
  if (column.type !== MYSQL_TYPE.FLOAT && !(column.type === MYSQL_TYPE.DOUBLE && isDeviation(item))) return item;
  const { expr, pos } = item;
  const sum: Expr = { kind: "binary", op: "+", left: expr, right: literalNode("float", "0e0"), pos };
  const name = item.alias ?? column.name;
  // Two expressions of one name could not be told apart in ORDER BY, as two mentions of one column can, and GROUP BY
  // column warns of an expression with the column's name.
  const isAmbiguous = seen.has(name.toLowerCase()) || (isGrouped && expr.kind === "column" && item.alias === undefined);
  const alias = isAmbiguous ? `shardgate_${at}` : name;
  seen.add(name.toLowerCase());
  return { ...item, expr: sum, alias };
}

/** The select list with columns in the place of stars. */
function columnItems(select: Select, described: readonly ColumnDefinition[]): readonly SelectItem[] | undefined {
  const stars = select.items.filter(({ kind }) => kind === "star").length;
  if (stars === 0) return select.items;
  if (select.from.some(mergesColumns)) return undefined;
  const items: SelectItem[] = [];
  for (const item of select.items) {
    if (item.kind !== "star") {
      items.push(item);
      continue;
    }
    const from = items.length;
    let end = from;
    // The only star has what the others leave.
    if (stars === 1) end = described.length - (select.items.length - 1);
    else if (item.table === undefined) return undefined;
    else while (described[end]?.table.toLowerCase() === item.table.toLowerCase()) end++;
    for (const column of described.slice(from, end)) {
      if (column.table === "") return undefined;
      const { name, table } = column;
      const expr: Expr = columnNode(name, table, item.pos);
      items.push({ kind: "expr", expr, alias: undefined, text: name, pos: item.pos });
    }
  }
  return items;
}

/** Columns of NATURAL JOIN and USING are shown once, whichever table's they are. */
function mergesColumns(ref: TableRef): boolean {
  if (ref.kind === "tableList") return ref.tables.some(mergesColumns);
  if (ref.kind !== "join") return false;
  return ref.natural || ref.using.length > 0 || mergesColumns(ref.left) || mergesColumns(ref.right);
}
