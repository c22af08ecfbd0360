// Expressions: precedence climbing over MySQL's operator levels (the order of sql_yacc.yy, which the manual's "Operator
// Precedence" page lists), and the operands. Functions with special syntax are in parse-function.ts.

import type { Cursor } from "./cursor.ts";
import { T, unescape } from "./lexer.ts";
import { atFunction, functionCall } from "./parse-function.ts";
import { innerQuery, queryExpression, subquery } from "./parse-query.ts";
import type { BinaryOp, Bind, ComparisonOp, Expr, Literal, LiteralType, Query, UnaryOp } from "./tree.ts";

/** Levels of precedence: an operator's operands are of a higher level. */
export const LEVEL = {
  assign: 0,
  or: 1,
  xor: 2,
  and: 3,
  not: 4,
  /** IS and comparisons */
  comparison: 5,
  /** IN, BETWEEN, LIKE, REGEXP, MEMBER OF, SOUNDS LIKE */
  predicate: 6,
  bitOr: 7,
  bitAnd: 8,
  shift: 9,
  additive: 10,
  multiplicative: 11,
  bitXor: 12,
  concat: 13,
  unary: 14,
  collate: 15,
  primary: 16,
} as const;

/** Level of each infix operator's word; words that only start one (NOT, IS) are among them. */
const INFIX: Readonly<Record<string, number>> = {
  or: LEVEL.or,
  "||": LEVEL.or,
  xor: LEVEL.xor,
  and: LEVEL.and,
  "&&": LEVEL.and,
  is: LEVEL.comparison,
  "=": LEVEL.comparison,
  "<=>": LEVEL.comparison,
  "<": LEVEL.comparison,
  "<=": LEVEL.comparison,
  ">": LEVEL.comparison,
  ">=": LEVEL.comparison,
  "!=": LEVEL.comparison,
  "<>": LEVEL.comparison,
  not: LEVEL.predicate,
  in: LEVEL.predicate,
  between: LEVEL.predicate,
  like: LEVEL.predicate,
  regexp: LEVEL.predicate,
  rlike: LEVEL.predicate,
  sounds: LEVEL.predicate,
  member: LEVEL.predicate,
  "|": LEVEL.bitOr,
  "&": LEVEL.bitAnd,
  "<<": LEVEL.shift,
  ">>": LEVEL.shift,
  "+": LEVEL.additive,
  "-": LEVEL.additive,
  "*": LEVEL.multiplicative,
  "/": LEVEL.multiplicative,
  "%": LEVEL.multiplicative,
  div: LEVEL.multiplicative,
  mod: LEVEL.multiplicative,
  "^": LEVEL.bitXor,
};
const INFIX_LEVELS: ReadonlyMap<string, number> = new Map(Object.entries(INFIX));

/** A whole expression. */
export function expression(c: Cursor): Expr {
  return exprAt(c, LEVEL.or);
}

/** Expressions separated by commas; at least one. */
export function expressions(c: Cursor): Expr[] {
  const list: Expr[] = [];
  do list.push(exprAt(c, LEVEL.or));
  while (c.accept(","));
  return list;
}

/** An expression whose operators are of level `min` or tighter. */
export function exprAt(c: Cursor, min: number): Expr {
  // Most items of long lists are a literal alone.
  const after = c.peek(1);
  if ((after === "," || after === ")") && (c.k === T.string || c.k === T.int || c.k === T.bind)) {
    if (c.height === 0) c.height = 1;
    return primary(c);
  }
  // c.height becomes the greatest height of the expressions read since the caller set it.
  const outer = c.height;
  c.height = 0;
  const expr = operatorsAt(c, min);
  if (outer > c.height) c.height = outer;
  return expr;
}

function operatorsAt(c: Cursor, min: number): Expr {
  if (c.w === "not" && c.k !== T.quoted) {
    const tight = c.mode.highNotPrecedence;
    if (min > LEVEL.not && !tight) throw c.error();
    const pos = c.pos;
    c.enter();
    c.next();
    const operand = exprAt(c, tight ? LEVEL.unary : LEVEL.not);
    c.leave();
    c.grow();
    const expr: Expr = { kind: "unary", op: "not", expr: operand, pos };
    return climb(c, expr, tight ? LEVEL.unary : LEVEL.not, min);
  }
  return climb(c, unary(c), LEVEL.unary, min);
}

/** Goes on with an operand that was read already, up to operators of level `min`. */
function climb(c: Cursor, first: Expr, firstLevel: number, min: number): Expr {
  let left = first;
  let leftLevel = firstLevel;
  for (;;) {
    const word = c.w;
    if (word === "" || word === "," || word === ")") return left;
    let level = infixLevel(c);
    if (level === undefined || (c.k !== T.op && c.k !== T.keyword && word !== "sounds" && word !== "member"))
      return left;
    if (word === "||" && c.mode.pipesAsConcat) level = LEVEL.concat;
    if (level < min || level > leftLevel) return left;
    const pos = left.pos;
    switch (level) {
      case LEVEL.or:
      case LEVEL.and:
        left = chain(c, left, level);
        break;
      case LEVEL.comparison:
        left = word === "is" ? isTest(c, left) : comparison(c, left);
        break;
      case LEVEL.predicate: {
        // MySQL's grammar has no predicate to the left of another one.
        if (leftLevel === LEVEL.predicate && !c.mariadb) return left;
        const found = predicate(c, left);
        if (found === undefined) return left;
        left = found;
        break;
      }
      default: {
        c.next();
        const op = binaryOp(word, level);
        let right: Expr;
        if (level === LEVEL.additive && c.w === "interval") {
          right = intervalOperand(c);
          if (right.kind !== "interval") right = climb(c, right, LEVEL.primary, level + 1);
        } else right = exprAt(c, level + 1);
        left = { kind: "binary", op, left, right, pos };
      }
    }
    c.grow();
    leftLevel = level;
  }
}

/** Level of the current token as an infix operator; each nesting of operators asks for it again. */
function infixLevel(c: Cursor): number | undefined {
  if (c.levelIndex !== c.i) {
    c.levelIndex = c.i;
    c.level = INFIX_LEVELS.get(c.w);
  }
  return c.level;
}

function binaryOp(word: string, level: number): BinaryOp {
  switch (word) {
    case "|":
    case "&":
    case "<<":
    case ">>":
    case "+":
    case "-":
    case "*":
    case "/":
    case "%":
    case "^":
    case "div":
    case "xor":
      return word;
    case "mod":
      return "%";
    default:
      return level === LEVEL.concat ? "concat" : "xor";
  }
}

/** AND and OR with all their operands. */
function chain(c: Cursor, first: Expr, level: number): Expr {
  const operands: Expr[] = [];
  const isAnd = level === LEVEL.and;
  flatten(operands, first, isAnd);
  while (isAnd ? c.w === "and" || c.w === "&&" : c.w === "or" || (c.w === "||" && !c.mode.pipesAsConcat)) {
    c.next();
    flatten(operands, exprAt(c, level + 1), isAnd);
  }
  return isAnd ? { kind: "and", operands, pos: first.pos } : { kind: "or", operands, pos: first.pos };
}

function flatten(operands: Expr[], expr: Expr, isAnd: boolean): void {
  if (isAnd ? expr.kind === "and" : expr.kind === "or") {
    if (expr.kind === "and" || expr.kind === "or") for (const operand of expr.operands) operands.push(operand);
  } else operands.push(expr);
}

function isTest(c: Cursor, expr: Expr): Expr {
  c.next();
  const not = c.accept("not");
  const test = c.oneOf(["null", "true", "false", "unknown"]);
  return { kind: "is", expr, test, not, pos: expr.pos };
}

function comparison(c: Cursor, left: Expr): Expr {
  const op = comparisonOp(c.w);
  c.next();
  const next = c.w;
  if ((next === "any" || next === "some" || next === "all") && c.peek(1) === "(" && c.k !== T.quoted) {
    if (next === "all" || c.atQuery(1)) {
      c.next();
      const query = subquery(c);
      return { kind: "quantified", op, quantifier: next === "all" ? "all" : "any", left, query, pos: left.pos };
    }
  }
  const right = exprAt(c, LEVEL.predicate);
  return { kind: "binary", op, left, right, pos: left.pos };
}

function comparisonOp(word: string): ComparisonOp {
  switch (word) {
    case "<=>":
    case "<":
    case "<=":
    case ">":
    case ">=":
      return word;
    case "!=":
    case "<>":
      return "!=";
    default:
      return "=";
  }
}

function predicate(c: Cursor, expr: Expr): Expr | undefined {
  const pos = expr.pos;
  let not = false;
  if (c.w === "not") {
    switch (c.peek(1)) {
      case "in":
      case "between":
      case "like":
      case "regexp":
      case "rlike":
        not = true;
        c.next();
        break;
      default:
        return undefined;
    }
  }
  switch (c.w) {
    case "in":
      c.next();
      return { kind: "in", expr, list: inList(c), not, pos };
    case "between": {
      c.next();
      const low = exprAt(c, LEVEL.bitOr);
      c.expect("and");
      const high = exprAt(c, LEVEL.predicate);
      return { kind: "between", expr, low, high, not, pos };
    }
    case "like": {
      c.next();
      const pattern = c.mariadb ? rightSide(c) : exprAt(c, LEVEL.concat);
      const escape = c.accept("escape") ? exprAt(c, LEVEL.concat) : undefined;
      return { kind: "like", expr, pattern, escape, not, pos };
    }
    case "regexp":
    case "rlike": {
      c.next();
      const right = rightSide(c);
      return { kind: "binary", op: not ? "not regexp" : "regexp", left: expr, right, pos };
    }
    case "sounds": {
      if (c.peek(1) !== "like") return undefined;
      c.seek(c.i + 2);
      const right = rightSide(c);
      return { kind: "binary", op: "sounds like", left: expr, right, pos };
    }
    case "member": {
      const of = c.peek(1) === "of";
      if (!of && c.peek(1) !== "(") return undefined;
      c.seek(c.i + (of ? 2 : 1));
      c.expect("(");
      const array = exprAt(c, LEVEL.concat);
      c.expect(")");
      return { kind: "memberOf", expr, array, not: false, pos };
    }
    default:
      return undefined;
  }
}

/**
 * The right side of LIKE, REGEXP and SOUNDS LIKE. In MariaDB's grammar NOT binds tighter than these, so that
 * `a LIKE b NOT IN (c)` is `a LIKE (b NOT IN (c))`, whereas `a LIKE b IN (c)` is `(a LIKE b) IN (c)`.
 */
function rightSide(c: Cursor): Expr {
  let right = exprAt(c, LEVEL.bitOr);
  while (c.mariadb && c.w === "not" && c.k === T.keyword) {
    const found = predicate(c, right);
    if (found === undefined) break;
    c.grow();
    right = found;
  }
  return right;
}

function inList(c: Cursor): readonly Expr[] | Bind | { kind: "subquery"; query: Query; pos: number } {
  if (c.k === T.listBind) return bind(c);
  const pos = c.pos;
  if (c.w !== "(") throw c.error();
  if (c.atQuery()) {
    const inner = parenthesized(c);
    return inner.query !== undefined ? { kind: "subquery", query: inner.query, pos } : inner.items;
  }
  c.enter();
  c.next();
  const list = expressions(c);
  c.expect(")");
  c.leave();
  return list;
}

// ------------------------------------------------------------------------------------------------------------ operands

/** Prefix operators, an operand, and what binds tighter than they do. */
function unary(c: Cursor): Expr {
  const op = c.k === T.op || c.k === T.keyword ? prefix(c) : undefined;
  if (op === undefined) {
    const operand = primary(c);
    c.grow();
    return c.w === "collate" ? collated(c, operand) : operand;
  }
  const pos = c.pos;
  c.enter();
  c.next();
  const operand = unary(c);
  c.leave();
  c.grow();
  return { kind: "unary", op, expr: operand, pos };
}

function prefix(c: Cursor): UnaryOp | undefined {
  switch (c.w) {
    case "-":
    case "+":
    case "~":
    case "!":
      return c.w;
    case "binary":
      return "binary";
    case "not":
      if (c.mode.highNotPrecedence) return "not";
      throw c.error();
    default:
      return undefined;
  }
}

function collated(c: Cursor, operand: Expr): Expr {
  let expr = operand;
  while (c.w === "collate") {
    c.next();
    const collation = collationName(c);
    expr = { kind: "collate", expr, collation, pos: operand.pos };
    c.grow();
  }
  return expr;
}

export function collationName(c: Cursor): string {
  if (c.w === "binary") {
    c.next();
    return "binary";
  }
  return c.k === T.string ? c.string() : c.name();
}

/** An operand without operators around it. */
function primary(c: Cursor): Expr {
  const pos = c.pos;
  switch (c.k) {
    case T.int:
      return { kind: "literal", type: "int", value: c.raw(), introducer: undefined, pos };
    case T.decimal:
      return { kind: "literal", type: "decimal", value: c.raw(), introducer: undefined, pos };
    case T.float:
      return { kind: "literal", type: "float", value: c.raw(), introducer: undefined, pos };
    case T.string:
      return { kind: "literal", type: "string", value: c.string(), introducer: undefined, pos };
    case T.hexval:
    case T.hexnum:
    case T.bitval:
    case T.bitnum:
      return digits(c, undefined);
    case T.nstring: {
      let value = nstring(c);
      while (c.isKind(T.string)) value += c.oneString();
      return { kind: "literal", type: "nstring", value, introducer: undefined, pos };
    }
    case T.introducer:
      return introduced(c);
    case T.bind:
      return bind(c);
    case T.param:
      c.next();
      return { kind: "param", index: c.params++, pos };
    case T.userVariable: {
      const name = c.userVariable();
      if (c.w !== ":=") return { kind: "userVariable", name, pos };
      c.enter();
      c.next();
      const expr = exprAt(c, LEVEL.or);
      c.leave();
      return { kind: "assign", name, expr, pos };
    }
    case T.op:
      return operatorPrimary(c);
    case T.word:
      if (c.w === "" && !continuesName(c.peek(1)))
        return { kind: "column", schema: undefined, table: undefined, name: c.raw(), pos };
      return wordPrimary(c);
    case T.keyword:
      return wordPrimary(c);
    case T.quoted:
      return nameOrCall(c);
    default:
      throw c.error();
  }
}

/** Behind a name: it is more than a column's. */
function continuesName(word: string): boolean {
  return word === "(" || word === "." || word === "->" || word === "->>";
}

function operatorPrimary(c: Cursor): Expr {
  const pos = c.pos;
  if (c.w === "(") {
    const inner = parenthesized(c);
    if (inner.query !== undefined) return { kind: "subquery", query: inner.query, pos };
    const [first] = inner.items;
    if (first !== undefined && inner.items.length === 1) return first;
    return { kind: "row", items: inner.items, pos };
  }
  if (c.w === "@@") return systemVariable(c);
  if (c.w === "{") {
    // ODBC: {d '…'}, {t '…'}, {ts '…'}, {fn call()}; any other word is left out as the server does.
    c.next();
    const word = c.name().toLowerCase();
    const expr = exprAt(c, LEVEL.or);
    c.expect("}");
    const type = word === "d" ? "date" : word === "t" ? "time" : word === "ts" ? "timestamp" : undefined;
    if (type !== undefined && expr.kind === "literal" && expr.type === "string" && expr.introducer === undefined)
      return { kind: "temporal", type, value: expr.value, pos };
    return expr;
  }
  throw c.error();
}

export interface Parenthesized {
  readonly query: Query | undefined;
  readonly items: readonly Expr[];
}

/** `( … )` at the current token: a query, or one or more expressions. */
export function parenthesized(c: Cursor): Parenthesized {
  c.enter();
  const query = c.atQuery();
  c.next();
  let result: Parenthesized;
  if (!query) result = { query: undefined, items: expressions(c) };
  else if (c.w !== "(") {
    result = { query: innerQuery(c, (inner) => queryExpression(inner)), items: [] };
  } else {
    // `((select …) …`: what follows the inner parentheses tells whether it was an operand or part of a query.
    const pos = c.pos;
    const inner = parenthesized(c);
    if (inner.query !== undefined && (c.is(")") || continuesQuery(c.w))) {
      result = { query: queryExpression(c, inner.query), items: [] };
    } else {
      const [only] = inner.items;
      const operand: Expr =
        inner.query !== undefined
          ? { kind: "subquery", query: inner.query, pos }
          : only !== undefined && inner.items.length === 1
            ? only
            : { kind: "row", items: inner.items, pos };
      const items = [climb(c, collated(c, operand), LEVEL.unary, LEVEL.or)];
      while (c.accept(",")) items.push(exprAt(c, LEVEL.or));
      result = { query: undefined, items };
    }
  }
  c.expect(")");
  c.leave();
  return result;
}

/** A word that goes on with a query behind a parenthesised one. */
function continuesQuery(word: string): boolean {
  switch (word) {
    case "union":
    case "intersect":
    case "except":
    case "minus":
    case "order":
    case "limit":
    case "offset":
    case "fetch":
    case "for":
    case "lock":
    case "into":
      return true;
    default:
      return false;
  }
}

function wordPrimary(c: Cursor): Expr {
  const pos = c.pos;
  switch (c.w) {
    case "":
      break;
    case "null":
    case "true":
    case "false": {
      if (c.k !== T.keyword) break;
      const type = c.w;
      c.next();
      return { kind: "literal", type, value: type, introducer: undefined, pos };
    }
    case "case":
      return caseExpr(c);
    case "exists": {
      if (c.peek(1) !== "(") break;
      c.next();
      const query = subquery(c);
      return { kind: "exists", query, pos };
    }
    case "interval": {
      const operand = intervalOperand(c);
      // As a first operand an interval only stands before a plus sign.
      if (operand.kind === "interval" && !c.is("+")) throw c.error();
      return operand;
    }
    case "date":
    case "time":
    case "timestamp":
      if (c.peekKind(1) === T.string) {
        const type = c.w;
        c.next();
        return { kind: "temporal", type, value: c.string(), pos };
      }
      break;
    case "row":
      if (c.peek(1) === "(") {
        c.enter();
        c.seek(c.i + 2);
        const items = expressions(c);
        if (items.length < 2) throw c.error();
        c.expect(")");
        c.leave();
        return { kind: "row", items, pos };
      }
      break;
    case "next":
    case "previous":
      if (c.peek(1) === "value" && c.peek(2) === "for" && c.k === T.word) {
        const which = c.w;
        c.seek(c.i + 3);
        return { kind: "sequenceValue", which, sequence: c.objectName(), pos };
      }
      break;
  }
  return nameOrCall(c);
}

/** A column, or a call of a function. */
function nameOrCall(c: Cursor): Expr {
  const pos = c.pos;
  if (atFunction(c)) return functionCall(c);
  const first = c.name();
  if (c.w !== ".") return jsonPath(c, { kind: "column", schema: undefined, table: undefined, name: first, pos });
  c.next();
  const second = c.name();
  if (c.is("(")) return functionCall(c, first, second, pos);
  if (c.w !== ".") return jsonPath(c, { kind: "column", schema: undefined, table: first, name: second, pos });
  c.next();
  const third = c.name();
  return jsonPath(c, { kind: "column", schema: first, table: second, name: third, pos });
}

function jsonPath(c: Cursor, column: Expr): Expr {
  if (c.w !== "->" && c.w !== "->>") return column;
  const op = c.w;
  c.next();
  const pos = c.pos;
  // Vitess's normalized text has a bind variable here.
  const right: Expr =
    c.k === T.bind ? bind(c) : { kind: "literal", type: "string", value: c.string(), introducer: undefined, pos };
  return { kind: "binary", op, left: column, right, pos: column.pos };
}

function caseExpr(c: Cursor): Expr {
  const pos = c.pos;
  c.enter();
  c.next();
  const operand = c.w === "when" ? undefined : exprAt(c, LEVEL.or);
  const whens = [];
  do {
    const whenPos = c.pos;
    c.expect("when");
    const when = exprAt(c, LEVEL.or);
    c.expect("then");
    whens.push({ kind: "when", when, then: exprAt(c, LEVEL.or), pos: whenPos } as const);
  } while (c.w === "when");
  const otherwise = c.accept("else") ? exprAt(c, LEVEL.or) : undefined;
  c.expect("end");
  c.leave();
  return { kind: "case", operand, whens, otherwise, pos };
}

/** `INTERVAL expr unit`, or the function INTERVAL(n, …). */
export function intervalOperand(c: Cursor): Expr {
  const pos = c.pos;
  c.enter();
  c.next();
  let expr: Expr;
  if (c.w === "(") {
    const innerPos = c.pos;
    const inner = parenthesized(c);
    const [only] = inner.items;
    if (inner.query !== undefined) expr = { kind: "subquery", query: inner.query, pos: innerPos };
    else if (only !== undefined && inner.items.length === 1) expr = only;
    else {
      c.leave();
      return {
        kind: "call",
        schema: undefined,
        name: "interval",
        stored: false,
        distinct: false,
        star: false,
        args: inner.items,
        fromLast: false,
        nulls: undefined,
        over: undefined,
        pos,
      };
    }
    expr = climb(c, collated(c, expr), LEVEL.unary, LEVEL.or);
  } else expr = exprAt(c, LEVEL.or);
  c.leave();
  return { kind: "interval", expr, unit: intervalUnit(c), pos };
}

const UNITS: ReadonlySet<string> = new Set([
  "microsecond",
  "second",
  "minute",
  "hour",
  "day",
  "week",
  "month",
  "quarter",
  "year",
  "second_microsecond",
  "minute_microsecond",
  "minute_second",
  "hour_microsecond",
  "hour_second",
  "hour_minute",
  "day_microsecond",
  "day_second",
  "day_minute",
  "day_hour",
  "year_month",
]);

/** A unit of INTERVAL and EXTRACT, without SQL_TSI_. */
export function intervalUnit(c: Cursor): string {
  const unit = c.w.startsWith("sql_tsi_") ? c.w.slice("sql_tsi_".length) : c.w;
  if (!UNITS.has(unit) || c.k === T.quoted) throw c.error();
  c.next();
  return unit;
}

function systemVariable(c: Cursor): Expr {
  const pos = c.pos;
  c.next();
  const scope = variableScope(c);
  if (scope !== undefined) c.expect(".");
  let name = c.anyWord();
  while (c.w === ".") {
    c.next();
    name += `.${c.anyWord()}`;
  }
  return { kind: "systemVariable", scope, name: name.toLowerCase(), pos };
}

/** A scope that a dot follows (`global.`), left standing at the dot. */
export function variableScope(c: Cursor): "global" | "session" | "local" | "persist" | "persist_only" | undefined {
  if (c.peek(1) !== "." || c.k === T.quoted) return undefined;
  return c.maybeOneOf(["global", "session", "local", "persist", "persist_only"]);
}

function introduced(c: Cursor): Expr {
  const pos = c.pos;
  const introducer = c.raw().slice(1).toLowerCase();
  switch (c.k) {
    case T.string:
      return { kind: "literal", type: "string", value: c.string(), introducer, pos };
    case T.hexval:
    case T.hexnum:
    case T.bitval:
    case T.bitnum:
      return { ...digits(c, introducer), pos };
    default:
      throw c.error();
  }
}

/** A hex or bit literal: `value` is its digits. */
function digits(c: Cursor, introducer: string | undefined): Literal {
  const pos = c.pos;
  const types: Record<number, LiteralType> = {
    [T.hexval]: "hexval",
    [T.hexnum]: "hexnum",
    [T.bitval]: "bitval",
    [T.bitnum]: "bitnum",
  };
  const type = types[c.k] ?? "hexval";
  const quoted = c.k === T.hexval || c.k === T.bitval;
  const raw = c.raw();
  return { kind: "literal", type, value: raw.slice(2, quoted ? -1 : undefined), introducer, pos };
}

function nstring(c: Cursor): string {
  const value = unescape(c.text, c.pos + 2, c.end() - 1, "'", !c.mode.noBackslashEscapes);
  c.next();
  return value;
}

/** A bind variable; `index` is known for the names that normalize() gives (v1, v2, …). */
export function bind(c: Cursor): Bind {
  const pos = c.pos;
  const list = c.k === T.listBind;
  const name = c.text.slice(pos + (list ? 2 : 1), c.end());
  c.next();
  let index = 0;
  if (name.charCodeAt(0) === 118 && name.length > 1 && name.length < 9) {
    for (let at = 1; at < name.length; at++) {
      const digit = name.charCodeAt(at) - 48;
      if (digit < 0 || digit > 9) return { kind: "bind", name, index: -1, list, pos };
      index = index * 10 + digit;
    }
  }
  return { kind: "bind", name, index: index - 1, list, pos };
}
