// Function calls: those with special syntax (one reader each, by name), aggregates and window functions, and all others,
// whose names the server knows and the gateway need not.

import { AGGREGATE_FUNCTIONS } from "./aggregate-functions.ts";
import type { Cursor } from "./cursor.ts";
import { T } from "./lexer.ts";
import { expression, expressions, exprAt, intervalOperand, intervalUnit, LEVEL } from "./parse-expr.ts";
import { castType, charsetName, jsonOn } from "./parse-type.ts";
import { limitClause, orderBy, orderList, windowSpec } from "./parse-query.ts";
import type { Call, Column, Expr, Over } from "./tree.ts";
import { SPACE_SENSITIVE } from "./words.ts";

/** Functions that may be written without parentheses. */
const NILADIC: ReadonlySet<string> = new Set([
  "current_date",
  "current_time",
  "current_timestamp",
  "current_user",
  "current_role",
  "localtime",
  "localtimestamp",
  "utc_date",
  "utc_time",
  "utc_timestamp",
]);

/** Reserved words (of one of the servers) that are functions when a `(` follows. */
const RESERVED_FUNCTIONS: ReadonlySet<string> = new Set([
  ...NILADIC,
  "char",
  "character",
  "convert",
  "cume_dist",
  "database",
  "default",
  "dense_rank",
  "first_value",
  "grouping",
  "if",
  "insert",
  "lag",
  "last_value",
  "lead",
  "left",
  "match",
  "mod",
  "nth_value",
  "ntile",
  "percent_rank",
  "rank",
  "repeat",
  "replace",
  "right",
  "row_number",
  "schema",
  "truncate",
  "values",
]);

/** Functions of a window that need their OVER clause. */
const WINDOW_ONLY: ReadonlySet<string> = new Set([
  "cume_dist",
  "dense_rank",
  "first_value",
  "lag",
  "last_value",
  "lead",
  "nth_value",
  "ntile",
  "percent_rank",
  "rank",
  "row_number",
]);

/** Names that mean the same function, and the one that is kept. */
const SAME: ReadonlyMap<string, string> = new Map([["character", "char"]]);

type Reader = (c: Cursor, pos: number) => Expr;

/** Readers of the arguments behind `name (`; they leave the cursor behind the `)`. */
const SPECIAL: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ["cast", cast],
  ["char", charCall],
  ["character", charCall],
  ["column_add", dynamicColumns],
  ["column_create", dynamicColumns],
  ["column_get", dynamicColumns],
  ["convert", convert],
  ["default", defaultOf],
  ["extract", extract],
  ["get_format", getFormat],
  ["group_concat", groupConcat],
  ["json_value", jsonValue],
  ["match", match],
  ["median", withinGroupOrOver],
  ["percentile_cont", withinGroupOrOver],
  ["percentile_disc", withinGroupOrOver],
  ["position", position],
  ["substr", substring],
  ["substring", substring],
  ["mid", substring],
  ["timestampadd", timestampCall],
  ["timestampdiff", timestampCall],
  ["trim", trim],
  ["value", insertValue],
  ["values", insertValue],
  ["weight_string", weightString],
  ["adddate", dateArithmetic],
  ["subdate", dateArithmetic],
  ["date_add", dateArithmetic],
  ["date_sub", dateArithmetic],
]);

/** The current token starts a function call. */
export function atFunction(c: Cursor): boolean {
  if (c.peek(1) === "(") return c.k !== T.keyword || RESERVED_FUNCTIONS.has(c.w) || c.w === "binary";
  if (c.k === T.keyword) {
    if (NILADIC.has(c.w)) return true;
    return c.w === "match" && c.isNameAt(1);
  }
  return c.w === "current_role" && c.mariadb;
}

/** Reads a call; `schema` and `name` were read already for `schema.name (`. */
export function functionCall(c: Cursor, schema?: string, name?: string, start?: number): Expr {
  const pos = start ?? c.pos;
  if (name !== undefined) {
    c.enter();
    c.expect("(");
    const args = c.w === ")" ? [] : expressions(c);
    c.expect(")");
    c.leave();
    return over(c, call(name.toLowerCase(), args, pos, { schema, stored: true }));
  }
  if (c.k === T.quoted) {
    const quoted = c.name();
    c.enter();
    c.expect("(");
    const args = c.w === ")" ? [] : expressions(c);
    c.expect(")");
    c.leave();
    return over(c, call(quoted.toLowerCase(), args, pos, { stored: true }));
  }
  const word = c.w;
  const end = c.end();
  const lower = word === "" ? c.text.slice(c.pos, end).toLowerCase() : word;
  c.next();
  if (word === "match" && c.w !== "(") return match(c, pos);
  if (NILADIC.has(word) && c.w !== "(") return call(word, [], pos, {});
  c.enter();
  const stored = word !== "" && SPACE_SENSITIVE.has(word) && c.pos !== end && !c.mode.ignoreSpace;
  c.expect("(");
  let expr: Expr;
  const special = stored ? undefined : SPECIAL.get(word);
  if (special !== undefined) expr = special(c, pos);
  else if (!stored && AGGREGATE_FUNCTIONS.has(word)) expr = aggregate(c, word, pos);
  else {
    const args = c.w === ")" ? [] : expressions(c);
    c.expect(")");
    expr = call(SAME.get(lower) ?? lower, args, pos, { stored });
    expr = nullTreatment(c, expr);
    expr = over(c, expr);
    if (expr.kind === "call" && expr.over === undefined && WINDOW_ONLY.has(word)) {
      // In MariaDB a stored function may have such a name; MySQL wants the window.
      if (!c.mariadb) throw c.error();
    }
  }
  c.leave();
  return expr;
}

function call(name: string, args: readonly Expr[], pos: number, more: Partial<Call>): Call {
  return {
    kind: "call",
    schema: more.schema,
    name,
    stored: more.stored ?? false,
    distinct: more.distinct ?? false,
    star: more.star ?? false,
    args,
    fromLast: false,
    nulls: undefined,
    over: undefined,
    pos,
  };
}

function nullTreatment(c: Cursor, expr: Call): Call {
  let result = expr;
  if (c.w === "from" && (c.peek(1) === "first" || c.peek(1) === "last") && isWindowTail(c, 2)) {
    const fromLast = c.peek(1) === "last";
    c.seek(c.i + 2);
    result = { ...result, fromLast };
  }
  if ((c.w === "respect" || c.w === "ignore") && c.peek(1) === "nulls") {
    const nulls = c.w;
    c.seek(c.i + 2);
    result = { ...result, nulls };
  }
  return result;
}

function isWindowTail(c: Cursor, ahead: number): boolean {
  const word = c.peek(ahead);
  return word === "over" || ((word === "respect" || word === "ignore") && c.peek(ahead + 1) === "nulls");
}

/** OVER behind a call. */
function over(c: Cursor, expr: Call): Expr {
  const window = overClause(c);
  return window === undefined ? expr : { ...expr, over: window };
}

function overClause(c: Cursor): Over | undefined {
  if (c.w !== "over" || c.k !== T.keyword) return undefined;
  const pos = c.pos;
  c.next();
  if (c.is("(")) return windowSpec(c);
  return { kind: "windowName", name: c.name(), pos };
}

function aggregate(c: Cursor, name: string, pos: number): Expr {
  if (name === "json_arrayagg" && c.mariadb) return concatenation(c, "json_arrayagg", pos);
  let distinct = false;
  let star = false;
  let args: readonly Expr[] = [];
  if (name === "count" && c.w === "*") {
    star = true;
    c.next();
  } else {
    if (c.accept("all")) distinct = false;
    else if (c.w === "distinct" || c.w === "distinctrow") {
      distinct = true;
      c.next();
    }
    args = expressions(c);
    const most = name === "json_objectagg" ? 2 : 1;
    if (args.length > most && !(name === "count" && distinct)) throw c.error();
  }
  c.expect(")");
  return over(c, call(name, args, pos, { distinct, star }));
}

function groupConcat(c: Cursor, pos: number): Expr {
  return concatenation(c, "group_concat", pos);
}

function concatenation(c: Cursor, name: "group_concat" | "json_arrayagg", pos: number): Expr {
  const distinct = c.accept("distinct");
  const args = expressions(c);
  const order = orderBy(c);
  let separator: string | undefined;
  if (name === "group_concat" && c.accept("separator"))
    separator = c.k === T.hexnum || c.k === T.hexval ? hexText(c) : c.string();
  const limit = c.w === "limit" ? limitClause(c) : undefined;
  c.expect(")");
  return { kind: "groupConcat", name, distinct, args, orderBy: order, separator, limit, over: overClause(c), pos };
}

/** A hex literal in place of a string. */
function hexText(c: Cursor): string {
  const raw = c.raw();
  const digits = raw.endsWith("'") ? raw.slice(2, -1) : raw.slice(2);
  return Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, "hex").toString("utf8");
}

function cast(c: Cursor, pos: number): Expr {
  const expr = expression(c);
  let atTimeZone: string | undefined;
  if (c.w === "at" && c.peek(1) === "time") {
    c.seek(c.i + 2);
    c.expect("zone");
    c.accept("interval");
    atTimeZone = c.string();
  }
  c.expect("as");
  const type = castType(c);
  c.expect(")");
  return { kind: "cast", expr, type, atTimeZone, pos };
}

function convert(c: Cursor, pos: number): Expr {
  const expr = expression(c);
  if (c.accept("using")) {
    const charset = charsetName(c);
    c.expect(")");
    return { kind: "convertUsing", expr, charset, pos };
  }
  c.expect(",");
  const type = castType(c);
  c.expect(")");
  return { kind: "cast", expr, type, atTimeZone: undefined, pos };
}

function charCall(c: Cursor, pos: number): Expr {
  const args = expressions(c);
  const charset = c.accept("using") ? charsetName(c) : undefined;
  c.expect(")");
  return { kind: "char", args, charset, pos };
}

/** MariaDB's dynamic columns: any value may have its type behind it. */
function dynamicColumns(c: Cursor, pos: number): Expr {
  const name = c.peek(-2);
  const args: Expr[] = [];
  do {
    const value = expression(c);
    const isTyped = c.mariadb && c.accept("as");
    args.push(isTyped ? { kind: "typedValue", expr: value, type: castType(c), pos: value.pos } : value);
  } while (c.accept(","));
  c.expect(")");
  return call(name, args, pos, {});
}

function defaultOf(c: Cursor, pos: number): Expr {
  const column = columnName(c);
  c.expect(")");
  return { kind: "defaultOf", column, pos };
}

/** VALUES(column); VALUE(x) of more than a column is a call like any other. */
function insertValue(c: Cursor, pos: number): Expr {
  const column = columnName(c);
  c.expect(")");
  return { kind: "insertValue", column, pos };
}

export function columnName(c: Cursor): Column {
  const pos = c.pos;
  const first = c.name();
  if (!c.accept(".")) return { kind: "column", schema: undefined, table: undefined, name: first, pos };
  const second = c.name();
  if (!c.accept(".")) return { kind: "column", schema: undefined, table: first, name: second, pos };
  return { kind: "column", schema: first, table: second, name: c.name(), pos };
}

function extract(c: Cursor, pos: number): Expr {
  const unit = intervalUnit(c);
  c.expect("from");
  const expr = expression(c);
  c.expect(")");
  return { kind: "extract", unit, expr, pos };
}

function getFormat(c: Cursor, pos: number): Expr {
  const word = c.oneOf(["date", "time", "datetime", "timestamp"]);
  c.expect(",");
  const expr = expression(c);
  c.expect(")");
  return { kind: "getFormat", type: word === "timestamp" ? "datetime" : word, expr, pos };
}

function jsonValue(c: Cursor, pos: number): Expr {
  const doc = expression(c);
  c.expect(",");
  const path = expression(c);
  const returning = c.accept("returning") ? castType(c) : undefined;
  const on = jsonOn(c);
  c.expect(")");
  return { kind: "jsonValue", doc, path, returning, on, pos };
}

/** MATCH columns AGAINST (…): the parentheses around the columns may be left out. */
function match(c: Cursor, pos: number): Expr {
  const open = c.tokens.words[c.i - 1] === "(";
  const columns: Expr[] = [columnName(c)];
  while (c.accept(",")) columns.push(columnName(c));
  if (open) c.expect(")");
  c.expect("against");
  c.expect("(");
  const against = exprAt(c, LEVEL.bitOr);
  let modifier: "boolean" | "natural" | "natural expansion" | "expansion" | undefined;
  if (c.accept2("in", "boolean")) {
    c.expect("mode");
    modifier = "boolean";
  } else if (c.accept2("in", "natural")) {
    c.expect("language");
    c.expect("mode");
    modifier = "natural";
  }
  if (modifier !== "boolean" && c.accept2("with", "query")) {
    c.expect("expansion");
    modifier = modifier === "natural" ? "natural expansion" : "expansion";
  }
  c.expect(")");
  return { kind: "match", columns, against, modifier, pos };
}

function position(c: Cursor, pos: number): Expr {
  const needle = exprAt(c, LEVEL.bitOr);
  c.expect("in");
  const haystack = expression(c);
  c.expect(")");
  return { kind: "position", needle, haystack, pos };
}

/** SUBSTRING(s FROM n FOR m) is SUBSTRING(s, n, m). */
function substring(c: Cursor, pos: number): Expr {
  const args: Expr[] = [expression(c)];
  if (c.accept("from")) {
    args.push(expression(c));
    if (c.accept("for")) args.push(expression(c));
  } else {
    c.expect(",");
    args.push(expression(c));
    if (c.accept(",")) args.push(expression(c));
  }
  c.expect(")");
  return call("substring", args, pos, {});
}

function timestampCall(c: Cursor, pos: number): Expr {
  const name = c.tokens.words[c.i - 2] === "timestampadd" ? "timestampadd" : "timestampdiff";
  const unit = intervalUnit(c);
  c.expect(",");
  const first = expression(c);
  c.expect(",");
  const second = expression(c);
  c.expect(")");
  return { kind: "timestampCall", name, unit, first, second, pos };
}

function trim(c: Cursor, pos: number): Expr {
  const side = c.k === T.keyword ? c.maybeOneOf(["leading", "trailing", "both"]) : undefined;
  let what: Expr | undefined;
  if (side !== undefined && c.accept("from")) what = undefined;
  else {
    const first = expression(c);
    if (!c.accept("from")) {
      if (side !== undefined) throw c.error();
      c.expect(")");
      return { kind: "trim", side, what: undefined, expr: first, pos };
    }
    what = first;
  }
  const expr = expression(c);
  c.expect(")");
  return { kind: "trim", side, what, expr, pos };
}

function weightString(c: Cursor, pos: number): Expr {
  const expr = expression(c);
  let as: "char" | "binary" | undefined;
  let length: string | undefined;
  let level: string | undefined;
  if (c.accept("as")) {
    as = c.oneOf(["char", "binary"]);
    c.expect("(");
    length = c.integer();
    c.expect(")");
  } else if (c.w === ",") {
    // The internal form with flags: WEIGHT_STRING(s, n, n, n).
    c.next();
    const args = expressions(c);
    c.expect(")");
    return call("weight_string", [expr, ...args], pos, {});
  }
  if (c.accept("level")) {
    const start = c.i;
    const levelItem = (): void => {
      c.integer();
      c.maybeOneOf(["asc", "desc"]);
      c.accept("reverse");
    };
    levelItem();
    if (c.accept("-")) c.integer();
    else while (c.accept(",")) levelItem();
    level = textBetween(c, start);
  }
  c.expect(")");
  return { kind: "weightString", expr, as, length, level, pos };
}

function textBetween(c: Cursor, start: number): string {
  const words: string[] = [];
  for (let index = start; index < c.i; index++)
    words.push(c.text.slice(c.tokens.starts[index], c.tokens.ends[index]).toLowerCase());
  return words.join(" ").replaceAll(" ,", ",");
}

/** DATE_ADD(date, INTERVAL n unit); ADDDATE and SUBDATE also take a number of days. */
function dateArithmetic(c: Cursor, pos: number): Expr {
  const name = c.tokens.words[c.i - 2] ?? "";
  const args: Expr[] = [expression(c)];
  c.expect(",");
  if (c.w === "interval") args.push(intervalOperand(c));
  else if (name === "adddate" || name === "subdate") args.push(expression(c));
  else throw c.error();
  c.expect(")");
  return call(name, args, pos, {});
}

function withinGroupOrOver(c: Cursor, pos: number): Expr {
  const name = c.tokens.words[c.i - 2] ?? "";
  const args = expressions(c);
  c.expect(")");
  if (c.w === "within" && c.peek(1) === "group") {
    c.seek(c.i + 2);
    c.expect("(");
    c.expect("order");
    c.expect("by");
    const order = orderList(c);
    c.expect(")");
    return { kind: "withinGroup", name, args, orderBy: order, over: overClause(c), pos };
  }
  return over(c, call(name, args, pos, {}));
}
