// Table references: names with partitions and index hints, derived tables, table functions, and joins with MySQL's
// nesting rules (the manual's "JOIN Clause" page).

import { LIMITS } from "../base/limits.ts";
import type { Cursor } from "./cursor.ts";
import { T } from "./lexer.ts";
import { expression, exprAt, LEVEL } from "./parse-expr.ts";
import { castType, jsonOn } from "./parse-type.ts";
import { innerQuery, queryExpression, subquery } from "./parse-query.ts";
import { nestingError } from "./syntax-error.ts";
import type {
  DerivedTable,
  Expr,
  IndexHint,
  Join,
  JoinType,
  JsonTable,
  JsonTableColumn,
  Query,
  SystemTime,
  TableName,
  TableRef,
} from "./tree.ts";

/** Table references separated by commas; at least one. */
export function tableReferences(c: Cursor): TableRef[] {
  const list: TableRef[] = [];
  do list.push(tableReference(c));
  while (c.accept(","));
  return list;
}

/** A table factor with the joins behind it. */
function tableReference(c: Cursor): TableRef {
  if (c.w === "{") {
    // ODBC: { oj t1 LEFT OUTER JOIN t2 … }
    c.enter();
    c.next();
    c.name();
    const inner = tableReference(c);
    c.expect("}");
    c.leave();
    return joins(c, inner);
  }
  return joins(c, tableFactor(c));
}

interface JoinStart {
  readonly type: JoinType;
  readonly natural: boolean;
}

/** Joins behind `first`, to the left as long as each has its condition. */
function joins(c: Cursor, first: TableRef): TableRef {
  let left = first;
  let count = 0;
  for (;;) {
    const start = joinStart(c);
    if (start === undefined) return left;
    if (++count > LIMITS.statementDepthMax) throw nestingError(c.text, c.pos);
    const factor = c.w === "{" ? tableReference(c) : tableFactor(c);
    let right = factor;
    if (start.natural) {
      left = join(start, left, right, undefined, [], left.pos);
      continue;
    }
    if (startsJoin(c)) {
      // `a LEFT JOIN b JOIN c ON … ON …`: the conditions close the joins from the inside out.
      c.enter();
      right = joins(c, factor);
      c.leave();
    }
    // INSERT … SELECT * FROM a JOIN b ON DUPLICATE KEY UPDATE
    if (c.w === "on" && c.k === T.keyword && !(c.peek(1) === "duplicate" && c.peek(2) === "key")) {
      c.next();
      left = join(start, left, right, expression(c), [], left.pos);
    } else if (c.w === "using") {
      c.next();
      left = join(start, left, right, undefined, c.nameList(), left.pos);
    } else {
      if (start.type === "left" || start.type === "right") throw c.error();
      // No condition was left for this join: it is the innermost on the left (`a JOIN b LEFT JOIN c ON …`).
      left = underneath(right, factor, start, left);
    }
  }
}

/** `tree` with its leftmost leaf `leaf` replaced by the join of `left` and `leaf`. */
function underneath(tree: TableRef, leaf: TableRef, start: JoinStart, left: TableRef): TableRef {
  if (tree === leaf || tree.kind !== "join") return join(start, left, tree, undefined, [], left.pos);
  return { ...tree, left: underneath(tree.left, leaf, start, left), pos: left.pos };
}

function join(
  start: JoinStart,
  left: TableRef,
  right: TableRef,
  on: Expr | undefined,
  using: readonly string[],
  pos: number,
): Join {
  return { kind: "join", type: start.type, natural: start.natural, left, right, on, using, pos };
}

function startsJoin(c: Cursor): boolean {
  switch (c.w) {
    case "join":
    case "inner":
    case "cross":
    case "straight_join":
    case "left":
    case "right":
    case "natural":
      return c.k === T.keyword;
    default:
      return false;
  }
}

function joinStart(c: Cursor): JoinStart | undefined {
  if (!startsJoin(c)) return undefined;
  const word = c.w;
  c.next();
  switch (word) {
    case "join":
      return { type: "inner", natural: false };
    case "inner":
      c.expect("join");
      return { type: "inner", natural: false };
    case "cross":
      c.expect("join");
      return { type: "cross", natural: false };
    case "straight_join":
      return { type: "straight", natural: false };
    case "natural": {
      if (c.mariadb && c.accept("straight_join")) return { type: "straight", natural: true };
      const side = c.maybeOneOf(["left", "right", "inner"]);
      if (side !== "inner" && side !== undefined) c.accept("outer");
      c.expect("join");
      return { type: side ?? "inner", natural: true };
    }
    default:
      c.accept("outer");
      c.expect("join");
      return { type: word === "left" ? "left" : "right", natural: false };
  }
}

function tableFactor(c: Cursor): TableRef {
  const pos = c.pos;
  if (c.w === "lateral" && c.peek(1) === "(") {
    c.next();
    return derived(c, subquery(c), true, pos);
  }
  if (c.w === "json_table" && c.peek(1) === "(" && c.k !== T.quoted) return jsonTable(c);
  if (c.w === "(") return parenthesizedTable(c);
  return tableName(c, "full");
}

/** `( … )` in FROM: a derived table, a join, or a comma list. */
function parenthesizedTable(c: Cursor): TableRef {
  const pos = c.pos;
  c.enter();
  if (!c.atQuery()) {
    c.next();
    const tables = tableReferences(c);
    c.expect(")");
    c.leave();
    const [only] = tables;
    return only !== undefined && tables.length === 1 ? only : { kind: "tableList", tables, pos };
  }
  const inner = queryOrTables(c);
  c.leave();
  if (inner.query === undefined) return inner.table;
  return derived(c, inner.query, false, pos);
}

type QueryOrTables =
  | { readonly query: Query; readonly table: undefined }
  | { readonly query: undefined; readonly table: TableRef };

/** At a `(` that leads to a query: either a query in parentheses, or parentheses around references to tables. */
function queryOrTables(c: Cursor): QueryOrTables {
  const pos = c.pos;
  c.enter();
  c.expect("(");
  let result: QueryOrTables;
  if (c.w !== "(") result = { query: innerQuery(c, (inner) => queryExpression(inner)), table: undefined };
  else {
    const innerPos = c.pos;
    const inner = queryOrTables(c);
    if (inner.query !== undefined && continuesQuery(c)) {
      result = { query: queryExpression(c, inner.query), table: undefined };
    } else {
      const first = inner.query === undefined ? inner.table : derived(c, inner.query, false, innerPos);
      const tables = [joins(c, first)];
      while (c.accept(",")) tables.push(tableReference(c));
      const [only] = tables;
      result = {
        query: undefined,
        table: only !== undefined && tables.length === 1 ? only : { kind: "tableList", tables, pos },
      };
    }
  }
  c.expect(")");
  c.leave();
  return result;
}

function continuesQuery(c: Cursor): boolean {
  switch (c.w) {
    case ")":
    case "union":
    case "intersect":
    case "except":
    case "order":
    case "limit":
    case "for":
    case "lock":
    case "fetch":
      return true;
    case "offset":
      return c.k === T.keyword;
    case "minus":
      return c.mariadb && (c.peek(1) === "select" || c.peek(1) === "(");
    default:
      return false;
  }
}

function derived(c: Cursor, query: Query, lateral: boolean, pos: number): DerivedTable {
  const alias = tableAlias(c);
  if (alias === undefined && !(c.mariadb && c.mode.oracle)) throw c.error();
  const columns = c.w === "(" ? c.nameList() : [];
  return { kind: "derived", lateral, query, alias, columns, pos };
}

/** An alias: a name, never a string. */
export function tableAlias(c: Cursor): string | undefined {
  if (c.w === "as" || (c.mariadb && c.w === "=")) {
    c.next();
    return c.name();
  }
  if (!c.isName() || isClause(c)) return undefined;
  return c.name();
}

/** Words that may be names but start a clause where an alias could stand. */
function isClause(c: Cursor): boolean {
  if (c.k !== T.word) return false;
  switch (c.w) {
    case "window":
      return c.isNameAt(1) && c.peek(2) === "as" && c.peek(3) === "(";
    case "minus":
      return c.mariadb && (c.peek(1) === "select" || c.peek(1) === "(");
    case "value":
      return false;
    default:
      return false;
  }
}

/**
 * A table's name; `full` with alias, partitions, hints and system time; `partitions` with those only (INSERT, DELETE);
 * `plain` without.
 */
export function tableName(c: Cursor, form: "full" | "plain"): TableName {
  const pos = c.pos;
  let schema: string | undefined;
  let name = c.name();
  if (c.w === ".") {
    c.next();
    schema = name;
    name = c.name();
  }
  if (form === "plain")
    return {
      kind: "tableName",
      schema,
      name,
      alias: undefined,
      partitions: NO_NAMES,
      indexHints: NO_HINTS,
      systemTime: undefined,
      pos,
    };
  let partitions = NO_NAMES;
  if (c.w === "partition" && c.peek(1) === "(") {
    c.next();
    partitions = c.nameList();
  }
  const systemTime = c.w === "for" ? maybeSystemTime(c) : undefined;
  const alias = tableAlias(c);
  const indexHints = indexHintList(c);
  return { kind: "tableName", schema, name, alias, partitions, indexHints, systemTime, pos };
}

const NO_NAMES: readonly string[] = [];
const NO_HINTS: readonly IndexHint[] = [];

function indexHintList(c: Cursor): readonly IndexHint[] {
  let hints: IndexHint[] | undefined;
  for (;;) {
    if (c.w !== "use" && c.w !== "force" && c.w !== "ignore") return hints ?? NO_HINTS;
    const pos = c.pos;
    const action = c.w;
    const object = c.peek(1);
    if (object !== "index" && object !== "key" && object !== "vindex") return hints ?? NO_HINTS;
    c.seek(c.i + 2);
    let target: IndexHint["for"];
    if (c.accept("for")) {
      if (c.accept("join")) target = "join";
      else if (c.accept2("order", "by")) target = "order by";
      else if (c.accept2("group", "by")) target = "group by";
      else throw c.error();
    }
    c.expect("(");
    const names: string[] = [];
    if (!(c.is(")") && action === "use"))
      do names.push(c.is("primary") ? c.raw() : c.name());
      while (c.accept(","));
    c.expect(")");
    hints ??= [];
    hints.push({
      kind: "indexHint",
      action,
      object: object === "vindex" ? "vindex" : "index",
      for: target,
      names,
      pos,
    });
    // The manual has no comma here, the servers' grammar takes one.
    if (c.is(",") && (c.peek(1) === "use" || c.peek(1) === "force" || c.peek(1) === "ignore")) c.next();
  }
}

function maybeSystemTime(c: Cursor): SystemTime | undefined {
  if (c.peek(1) === "system_time") return systemTimeOf(c);
  return c.mariadb && c.peek(1) === "portion" && c.peek(2) === "of" ? portionOf(c) : undefined;
}

function portionOf(c: Cursor): SystemTime {
  const pos = c.pos;
  c.seek(c.i + 3);
  const portion = c.name();
  c.expect("from");
  const first = exprAt(c, LEVEL.bitOr);
  c.expect("to");
  const second = exprAt(c, LEVEL.bitOr);
  return { kind: "systemTime", type: "from", portion, first, second, unit: undefined, pos };
}

function systemTimeOf(c: Cursor): SystemTime {
  const pos = c.pos;
  const portion = undefined;
  c.seek(c.i + 2);
  const point = (): { unit: SystemTime["unit"]; expr: Expr } => {
    const word = c.w;
    const unit =
      (word === "timestamp" || word === "transaction") && c.peekKind(1) !== T.string
        ? c.maybeOneOf(["timestamp", "transaction"])
        : undefined;
    return { unit, expr: exprAt(c, LEVEL.bitOr) };
  };
  if (c.accept("all"))
    return { kind: "systemTime", type: "all", portion, first: undefined, second: undefined, unit: undefined, pos };
  if (c.accept2("as", "of")) {
    const { unit, expr } = point();
    return { kind: "systemTime", type: "as of", portion, first: expr, second: undefined, unit, pos };
  }
  const type = c.oneOf(["between", "from"]);
  const first = point();
  c.expect(type === "between" ? "and" : "to");
  const second = point();
  return { kind: "systemTime", type, portion, first: first.expr, second: second.expr, unit: first.unit, pos };
}

// ---------------------------------------------------------------------------------------------------------- JSON_TABLE

function jsonTable(c: Cursor): JsonTable {
  const pos = c.pos;
  c.enter();
  c.seek(c.i + 2);
  const doc = expression(c);
  c.expect(",");
  const path = c.string();
  const columns = jsonColumns(c);
  c.expect(")");
  c.leave();
  return { kind: "jsonTable", doc, path, columns, alias: tableAlias(c), pos };
}

function jsonColumns(c: Cursor): JsonTableColumn[] {
  c.enter();
  c.expect("columns");
  c.expect("(");
  const columns: JsonTableColumn[] = [];
  do columns.push(jsonColumn(c));
  while (c.accept(","));
  c.expect(")");
  c.leave();
  return columns;
}

function jsonColumn(c: Cursor): JsonTableColumn {
  const pos = c.pos;
  if (c.w === "nested" && (c.peek(1) === "path" || c.peekKind(1) === T.string)) {
    c.next();
    c.accept("path");
    const path = c.string();
    return { kind: "nested", path, columns: jsonColumns(c), pos };
  }
  const name = c.name();
  if (c.accept("for")) {
    c.expect("ordinality");
    return { kind: "ordinality", name, pos };
  }
  const type = castType(c);
  const exists = c.accept("exists");
  c.expect("path");
  const path = c.string();
  return { kind: "path", name, type, exists, path, on: exists ? [] : jsonOn(c), pos };
}
