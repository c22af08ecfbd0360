// Whether two answers are the same one, as far as the statement defines it. Rows count in order where ORDER BY decides the
// order, and as a bag elsewhere. Where rows that a collation takes for equal are merged (GROUP BY, DISTINCT, MIN, …) any of
// them may stand for all; then case, accents and trailing blanks do not count.

import type { Outcome } from "../e2e/twin.ts";
import { MYSQL_TYPE } from "../../src/mysql/constants.ts";
import { parse } from "../../src/sql/parse.ts";
import { printExpr } from "../../src/sql/print.ts";
import type { Expr, Query } from "../../src/sql/tree.ts";

/** What differs. `flags` and `warnings` are told apart from wrong answers. */
export type Difference =
  | "refused"
  | "errno"
  | "rows"
  | "order"
  | "names"
  | "types"
  | "lengths"
  | "flags"
  | "warnings"
  | "broken";

type Rows = Outcome & { readonly kind: "rows" };

const UNSIGNED_FLAG = 32;
const NUMBER_TYPES: ReadonlySet<number> = new Set([
  MYSQL_TYPE.TINY,
  MYSQL_TYPE.SHORT,
  MYSQL_TYPE.INT24,
  MYSQL_TYPE.LONG,
  MYSQL_TYPE.LONGLONG,
  MYSQL_TYPE.FLOAT,
  MYSQL_TYPE.DOUBLE,
  MYSQL_TYPE.DECIMAL,
  MYSQL_TYPE.NEWDECIMAL,
  MYSQL_TYPE.YEAR,
  MYSQL_TYPE.BIT,
]);
const TEXT_TYPES: ReadonlySet<number> = new Set([MYSQL_TYPE.VAR_STRING, MYSQL_TYPE.STRING, MYSQL_TYPE.BLOB]);

/** In the order of how bad it is; empty when the answers are the same. */
export function differences(sql: string, got: Outcome, wanted: Outcome): readonly Difference[] {
  if (got.kind === "error") {
    if (wanted.kind === "error") {
      return got.errno === wanted.errno && got.sqlState === wanted.sqlState
        ? []
        : [isRefusal(got) ? "refused" : "errno"];
    }
    return [isRefusal(got) ? "refused" : "errno"];
  }
  if (wanted.kind === "error") return ["errno"];
  if (got.kind !== wanted.kind) return ["rows"];
  if (got.kind !== "rows" || wanted.kind !== "rows") return [];
  const found: Difference[] = [];
  const rows = compareRows(sql, got, wanted);
  if (rows !== undefined) found.push(rows);
  found.push(...compareColumns(got, wanted));
  if (got.warnings !== wanted.warnings) found.push("warnings");
  return found;
}

/** What is an answer other than MySQL's, or none. */
export function isWrong(difference: Difference): boolean {
  return difference !== "flags" && difference !== "warnings" && difference !== "lengths";
}

function isRefusal(outcome: Outcome): boolean {
  return outcome.kind === "error" && outcome.errno === 1235;
}

function compareColumns(got: Rows, wanted: Rows): Difference[] {
  if (got.columns.length !== wanted.columns.length) return ["names"];
  const found = new Set<Difference>();
  for (const [index, column] of got.columns.entries()) {
    const other = wanted.columns[index];
    if (other === undefined) continue;
    if (column.name !== other.name) found.add("names");
    const sameType = familyOf(column.type) === familyOf(other.type) && column.collation === other.collation;
    // Of a text or a time it says nothing to a client: MIN(x'41') and TIMESTAMPs have it, if no temporary table is used.
    const sameSign = !NUMBER_TYPES.has(other.type) || (column.flags & UNSIGNED_FLAG) === (other.flags & UNSIGNED_FLAG);
    // Of text, decimals say nothing: 0 or 39, as a temporary table was used or not.
    const sameScale = column.decimals === other.decimals;
    if (!sameType || !sameSign || (!sameScale && !TEXT_TYPES.has(familyOf(column.type)))) found.add("types");
    const sameCode = column.type === other.type;
    if (column.columnLength !== other.columnLength || !sameScale || !sameCode) found.add("lengths");
    const sameOrigin =
      column.schema === other.schema &&
      column.table === other.table &&
      column.orgTable === other.orgTable &&
      column.orgName === other.orgName;
    if (column.flags !== other.flags || !sameOrigin) found.add("flags");
  }
  return [...found];
}

/** MariaDB tells a long text as BLOB or LONG_BLOB, and an empty one as CHAR or VARCHAR, as it used a temporary table or not. */
function familyOf(type: number): number {
  if (type === MYSQL_TYPE.STRING) return MYSQL_TYPE.VAR_STRING;
  return type >= MYSQL_TYPE.TINY_BLOB && type <= MYSQL_TYPE.BLOB ? MYSQL_TYPE.BLOB : type;
}

/** Undefined: the same. */
export function compareRows(sql: string, got: Rows, wanted: Rows): "rows" | "order" | undefined {
  if (got.rows.length !== wanted.rows.length) return "rows";
  if (same(got.rows, wanted.rows)) return undefined;
  const query = queryOf(sql);
  const mayFold = /\b(distinct(row)?|group\s+by|union|intersect|except|min|max|over|using|natural)\b/i.test(sql);
  const fold = mayFold ? got.rows.map(folded) : got.rows;
  const other = mayFold ? wanted.rows.map(folded) : wanted.rows;
  if (mayFold && same(fold, other)) return undefined;
  if (!same(fold.toSorted(), other.toSorted())) return "rows";
  return sameKeys(query, got, fold, other) ? undefined : "order";
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((row, index) => row === b[index]);
}

/** For comparing under a collation that ignores case, accents and trailing blanks. */
function folded(row: string): string {
  return row
    .split("|")
    .map((value) => (/[^ -~]/.test(value) ? Buffer.from(value, "latin1").toString("utf8") : value))
    .map((value) => value.normalize("NFD").replace(/\p{M}/gu, "").toUpperCase().replace(/ +$/, ""))
    .join("|");
}

/** The rows come in the order of those leading ORDER BY keys that are columns of the result. */
function sameKeys(query: Query | undefined, got: Rows, rows: readonly string[], others: readonly string[]): boolean {
  if (query === undefined || query.orderBy.length === 0) return true;
  const keys = keyColumns(query, got);
  // Rows that any collation may take for equal come in any order.
  const key = (row: string): string => {
    const values = folded(row).split("|");
    return keys.map((index) => values[index]).join("|");
  };
  return rows.every((row, index) => key(row) === key(others[index] ?? ""));
}

function keyColumns(query: Query, got: Rows): readonly number[] {
  const found: number[] = [];
  const items = query.kind === "select" ? query.items : [];
  for (const { expr } of query.orderBy) {
    let index = -1;
    if (expr.kind === "literal" && expr.type === "int") index = Number(expr.value) - 1;
    else if (expr.kind === "column" && expr.table === undefined) {
      index = got.columns.findIndex(({ name }) => name.toLowerCase() === expr.name.toLowerCase());
    }
    if (index === -1 && !items.some((item) => item.kind === "star")) {
      const text = printed(expr);
      index = items.findIndex((item) => item.kind === "expr" && printed(item.expr) === text);
    }
    if (index < 0 || index >= got.columns.length) break;
    found.push(index);
  }
  return found;
}

function printed(expr: Expr): string {
  return printExpr(expr);
}

function queryOf(sql: string): Query | undefined {
  try {
    const statement = parse(sql);
    switch (statement.kind) {
      case "select":
      case "union":
      case "values":
      case "table":
        return statement;
      default:
        return undefined;
    }
  } catch {
    return undefined;
  }
}
