// Expressions as text: each node knows its level of precedence, and gets parentheses where its place asks for a tighter
// one. Where MySQL's and MariaDB's grammars differ on what may stand without parentheses, they are written.

import { assertNever } from "../base/assert.ts";
import { LEVEL } from "./parse-expr.ts";
import { backquote, quoteName, quoteString } from "./quoting.ts";
import type {
  Call,
  CastType,
  Expr,
  FrameBound,
  JsonOnResponse,
  Limit,
  Literal,
  OrderItem,
  Over,
  Query,
  SqlMode,
  WindowSpec,
} from "./tree.ts";

/** What the printer writes to. */
export interface Out {
  text: string;
  readonly mode: SqlMode;
  readonly columnNames: boolean;
  /** Text in place of a bind variable; undefined keeps `:name`. */
  readonly bind: ((name: string, index: number, list: boolean) => string) | undefined;
  readonly query: (out: Out, query: Query) => void;
}

/** Prints `node` for a place that takes expressions of level `min` and tighter. */
export function printExprTo(out: Out, node: Expr, min: number): void {
  const level = levelOf(node, out.mode);
  if (level < min) {
    out.text += "(";
    printNode(out, node);
    out.text += ")";
  } else printNode(out, node);
}

function levelOf(node: Expr, mode: SqlMode): number {
  switch (node.kind) {
    case "assign":
      return LEVEL.assign;
    case "or":
      return LEVEL.or;
    case "and":
      return LEVEL.and;
    case "is":
    case "quantified":
      return LEVEL.comparison;
    case "in":
    case "between":
    case "like":
    case "memberOf":
      return LEVEL.predicate;
    case "collate":
      return LEVEL.collate;
    case "unary":
      return node.op === "not" && !mode.highNotPrecedence ? LEVEL.not : LEVEL.unary;
    case "binary":
      return binaryLevel(node.op, mode);
    default:
      return LEVEL.primary;
  }
}

function binaryLevel(op: string, mode: SqlMode): number {
  switch (op) {
    case "xor":
      return LEVEL.xor;
    case "=":
    case "<=>":
    case "<":
    case "<=":
    case ">":
    case ">=":
    case "!=":
      return LEVEL.comparison;
    case "sounds like":
    case "regexp":
    case "not regexp":
      return LEVEL.predicate;
    case "|":
      return LEVEL.bitOr;
    case "&":
      return LEVEL.bitAnd;
    case "<<":
    case ">>":
      return LEVEL.shift;
    case "+":
    case "-":
      return LEVEL.additive;
    case "*":
    case "/":
    case "%":
    case "div":
      return LEVEL.multiplicative;
    case "^":
      return LEVEL.bitXor;
    case "concat":
      return mode.pipesAsConcat ? LEVEL.concat : LEVEL.primary;
    default:
      return LEVEL.primary;
  }
}

function printNode(out: Out, node: Expr): void {
  switch (node.kind) {
    case "literal":
      out.text += literal(node, out.mode.noBackslashEscapes);
      return;
    case "temporal":
      out.text += `${node.type} ${quoteString(node.value, out.mode.noBackslashEscapes)}`;
      return;
    case "bind":
      if (out.bind === undefined) out.text += node.list ? `::${node.name}` : `:${node.name}`;
      else {
        const text = out.bind(node.name, node.index, node.list);
        out.text += text;
      }
      return;
    case "param":
      out.text += "?";
      return;
    case "column":
      if (node.schema !== undefined) out.text += `${quoteName(node.schema)}.`;
      if (node.table !== undefined) out.text += `${quoteName(node.table)}.`;
      out.text += quoteName(node.name);
      return;
    case "userVariable":
      out.text += userVariable(node.name);
      return;
    case "systemVariable":
      out.text += "@@";
      if (node.scope !== undefined) out.text += `${node.scope}.`;
      out.text += variableName(node.name);
      return;
    case "assign":
      out.text += `${userVariable(node.name)} := `;
      printExprTo(out, node.expr, LEVEL.assign);
      return;
    case "default":
      out.text += node.ignore === true ? "ignore" : "default";
      return;
    case "unary": {
      if (node.op === "not") {
        out.text += "not ";
        printExprTo(out, node.expr, out.mode.highNotPrecedence ? LEVEL.unary : LEVEL.not);
        return;
      }
      out.text += node.op === "binary" ? "binary " : node.op;
      // `- -1`, never `--1`; `!` before anything is safe.
      if (node.expr.kind === "unary" && node.expr.op === node.op && (node.op === "-" || node.op === "+"))
        out.text += " ";
      printExprTo(out, node.expr, LEVEL.unary);
      return;
    }
    case "binary":
      printBinary(out, node.op, node.left, node.right);
      return;
    case "and":
    case "or":
      for (let index = 0; index < node.operands.length; index++) {
        if (index > 0) out.text += node.kind === "and" ? " and " : " or ";
        const operand = node.operands[index];
        if (operand !== undefined) printExprTo(out, operand, node.kind === "and" ? LEVEL.not : LEVEL.xor);
      }
      return;
    case "is":
      printComparand(out, node.expr);
      out.text += node.not ? ` is not ${node.test}` : ` is ${node.test}`;
      return;
    case "in":
      printExprTo(out, node.expr, LEVEL.bitOr);
      out.text += node.not ? " not in " : " in ";
      if (!("kind" in node.list)) {
        out.text += "(";
        printArgs(out, node.list);
        out.text += ")";
      } else printNode(out, node.list);
      return;
    case "between":
      printExprTo(out, node.expr, LEVEL.bitOr);
      out.text += node.not ? " not between " : " between ";
      printExprTo(out, node.low, LEVEL.bitOr);
      out.text += " and ";
      printExprTo(out, node.high, LEVEL.bitOr);
      return;
    case "like":
      printExprTo(out, node.expr, LEVEL.bitOr);
      out.text += node.not ? " not like " : " like ";
      printExprTo(out, node.pattern, LEVEL.unary);
      if (node.escape !== undefined) {
        out.text += " escape ";
        printExprTo(out, node.escape, LEVEL.unary);
      }
      return;
    case "memberOf":
      printExprTo(out, node.expr, LEVEL.bitOr);
      out.text += " member of (";
      printExprTo(out, node.array, LEVEL.unary);
      out.text += ")";
      return;
    case "quantified":
      printComparand(out, node.left);
      out.text += ` ${node.op} ${node.quantifier} `;
      printSubquery(out, node.query);
      return;
    case "subquery":
      printSubquery(out, node.query);
      return;
    case "exists":
      out.text += "exists ";
      printSubquery(out, node.query);
      return;
    case "row":
      out.text += "(";
      printArgs(out, node.items);
      out.text += ")";
      return;
    case "case":
      out.text += "case";
      if (node.operand !== undefined) {
        out.text += " ";
        printExprTo(out, node.operand, 0);
      }
      for (const when of node.whens) {
        out.text += " when ";
        printExprTo(out, when.when, 0);
        out.text += " then ";
        printExprTo(out, when.then, 0);
      }
      if (node.otherwise !== undefined) {
        out.text += " else ";
        printExprTo(out, node.otherwise, 0);
      }
      out.text += " end";
      return;
    case "cast":
      out.text += "cast(";
      printExprTo(out, node.expr, 0);
      if (node.atTimeZone !== undefined)
        out.text += ` at time zone ${quoteString(node.atTimeZone, out.mode.noBackslashEscapes)}`;
      out.text += " as ";
      printCastType(out, node.type);
      out.text += ")";
      return;
    case "typedValue":
      printExprTo(out, node.expr, 0);
      out.text += " as ";
      printCastType(out, node.type);
      return;
    case "convertUsing":
      out.text += "convert(";
      printExprTo(out, node.expr, 0);
      out.text += ` using ${charset(node.charset)})`;
      return;
    case "collate":
      printExprTo(out, node.expr, LEVEL.collate);
      out.text += ` collate ${charset(node.collation)}`;
      return;
    case "interval":
      out.text += "interval ";
      printExprTo(out, node.expr, 0);
      out.text += ` ${node.unit}`;
      return;
    case "call":
      printCall(out, node);
      return;
    case "groupConcat":
      out.text += `${node.name}(${node.distinct ? "distinct " : ""}`;
      printArgs(out, node.args);
      printOrder(out, node.orderBy);
      if (node.separator !== undefined)
        out.text += ` separator ${quoteString(node.separator, out.mode.noBackslashEscapes)}`;
      printLimit(out, node.limit);
      out.text += ")";
      printOver(out, node.over);
      return;
    case "extract":
      out.text += `extract(${node.unit} from `;
      printExprTo(out, node.expr, 0);
      out.text += ")";
      return;
    case "trim":
      out.text += "trim(";
      if (node.side !== undefined) out.text += `${node.side} `;
      if (node.what !== undefined) {
        printExprTo(out, node.what, 0);
        out.text += " ";
      }
      if (node.side !== undefined || node.what !== undefined) out.text += "from ";
      printExprTo(out, node.expr, 0);
      out.text += ")";
      return;
    case "position":
      out.text += "position(";
      printExprTo(out, node.needle, LEVEL.bitOr);
      out.text += " in ";
      printExprTo(out, node.haystack, 0);
      out.text += ")";
      return;
    case "match":
      out.text += "match(";
      printArgs(out, node.columns);
      out.text += ") against (";
      printExprTo(out, node.against, LEVEL.bitOr);
      out.text += `${node.modifier === undefined ? "" : MATCH_MODIFIERS[node.modifier]})`;
      return;
    case "weightString":
      out.text += "weight_string(";
      printExprTo(out, node.expr, 0);
      if (node.as !== undefined) out.text += ` as ${node.as}(${node.length ?? ""})`;
      if (node.level !== undefined) out.text += ` level ${node.level}`;
      out.text += ")";
      return;
    case "char":
      out.text += "char(";
      printArgs(out, node.args);
      if (node.charset !== undefined) out.text += ` using ${charset(node.charset)}`;
      out.text += ")";
      return;
    case "timestampCall":
      out.text += `${node.name}(${node.unit}, `;
      printExprTo(out, node.first, 0);
      out.text += ", ";
      printExprTo(out, node.second, 0);
      out.text += ")";
      return;
    case "getFormat":
      out.text += `get_format(${node.type}, `;
      printExprTo(out, node.expr, 0);
      out.text += ")";
      return;
    case "jsonValue":
      out.text += "json_value(";
      printExprTo(out, node.doc, 0);
      out.text += ", ";
      printExprTo(out, node.path, 0);
      if (node.returning !== undefined) {
        out.text += " returning ";
        printCastType(out, node.returning);
      }
      printJsonOn(out, node.on);
      out.text += ")";
      return;
    case "insertValue":
      out.text += "values(";
      printNode(out, node.column);
      out.text += ")";
      return;
    case "defaultOf":
      out.text += "default(";
      printNode(out, node.column);
      out.text += ")";
      return;
    case "sequenceValue":
      out.text += `${node.which} value for `;
      if (node.sequence.schema !== undefined) out.text += `${quoteName(node.sequence.schema)}.`;
      out.text += quoteName(node.sequence.name);
      return;
    case "withinGroup":
      out.text += `${node.name}(`;
      printArgs(out, node.args);
      out.text += ") within group (";
      printOrder(out, node.orderBy);
      out.text += ")";
      printOver(out, node.over);
      return;
    default:
      assertNever(node);
  }
}

const MATCH_MODIFIERS = {
  boolean: " in boolean mode",
  natural: " in natural language mode",
  "natural expansion": " in natural language mode with query expansion",
  expansion: " with query expansion",
} as const;

function literal(node: Literal, noBackslashEscapes: boolean): string {
  const introducer = node.introducer === undefined ? "" : `_${node.introducer} `;
  switch (node.type) {
    case "int":
    case "decimal":
    case "float":
    case "null":
    case "true":
    case "false":
      return node.value;
    case "string":
      return introducer + quoteString(node.value, noBackslashEscapes);
    case "nstring":
      return `N${quoteString(node.value, noBackslashEscapes)}`;
    case "hexval":
      return `${introducer}x'${node.value}'`;
    case "hexnum":
      return `${introducer}0x${node.value}`;
    case "bitval":
      return `${introducer}b'${node.value}'`;
    case "bitnum":
      return `${introducer}0b${node.value}`;
    default:
      return assertNever(node.type);
  }
}

function printBinary(out: Out, op: string, left: Expr, right: Expr): void {
  const level = binaryLevel(op, out.mode);
  switch (level) {
    case LEVEL.comparison:
      printComparand(out, left);
      out.text += ` ${op} `;
      printExprTo(out, right, LEVEL.predicate);
      return;
    case LEVEL.predicate:
      printExprTo(out, left, LEVEL.bitOr);
      out.text += ` ${op} `;
      printExprTo(out, right, LEVEL.bitOr);
      return;
    case LEVEL.primary:
      if (op === "concat") {
        // The function is what the operator means, whatever the mode of the session that reads it.
        out.text += "concat(";
        printExprTo(out, left, 0);
        out.text += ", ";
        printExprTo(out, right, 0);
        out.text += ")";
        return;
      }
      printExprTo(out, left, LEVEL.primary);
      out.text += ` ${op} `;
      printExprTo(out, right, LEVEL.primary);
      return;
    default:
      printExprTo(out, left, level);
      out.text += op === "concat" ? " || " : ` ${op} `;
      printExprTo(out, right, level + 1);
  }
}

/** The left side of IS and of a comparison: `x IS TRUE` does not go on without parentheses in MySQL. */
function printComparand(out: Out, node: Expr): void {
  printExprTo(out, node, node.kind === "is" ? LEVEL.predicate : LEVEL.comparison);
}

function printSubquery(out: Out, query: Query): void {
  out.text += "(";
  out.query(out, query);
  out.text += ")";
}

function printArgs(out: Out, list: readonly Expr[]): void {
  for (let index = 0; index < list.length; index++) {
    if (index > 0) out.text += ", ";
    const expr = list[index];
    if (expr !== undefined) printExprTo(out, expr, 0);
  }
}

function printCall(out: Out, node: Call): void {
  if (node.schema !== undefined) out.text += `${quoteName(node.schema)}.${quoteName(node.name)}(`;
  else out.text += node.stored ? `${backquote(node.name)}(` : `${node.name}(`;
  if (node.distinct) out.text += "distinct ";
  if (node.star) out.text += "*";
  printArgs(out, node.args);
  out.text += ")";
  if (node.fromLast) out.text += " from last";
  if (node.nulls !== undefined) out.text += ` ${node.nulls} nulls`;
  printOver(out, node.over);
}

function printOver(out: Out, over: Over | undefined): void {
  if (over === undefined) return;
  out.text += " over ";
  if (over.kind === "windowName") out.text += quoteName(over.name);
  else printWindowSpec(out, over);
}

export function printWindowSpec(out: Out, node: WindowSpec): void {
  out.text += "(";
  const start = out.text.length;
  const separate = (): void => {
    if (out.text.length > start) out.text += " ";
  };
  if (node.base !== undefined) out.text += quoteName(node.base);
  if (node.partitionBy.length > 0) {
    separate();
    out.text += "partition by ";
    printArgs(out, node.partitionBy);
  }
  if (node.orderBy.length > 0) {
    if (out.text.length === start) {
      out.text += "order by ";
      printOrderItems(out, node.orderBy);
    } else printOrder(out, node.orderBy);
  }
  if (node.frame !== undefined) {
    separate();
    const { unit, start: from, end, exclude } = node.frame;
    out.text += end === undefined ? `${unit} ` : `${unit} between `;
    printBound(out, from);
    if (end !== undefined) {
      out.text += " and ";
      printBound(out, end);
    }
    if (exclude !== undefined) out.text += ` exclude ${exclude}`;
  }
  out.text += ")";
}

function printBound(out: Out, bound: FrameBound): void {
  if (bound.expr !== undefined) {
    printExprTo(out, bound.expr, LEVEL.bitOr);
    out.text += " ";
  }
  out.text += bound.type;
}

/** ` order by …`, or nothing. */
export function printOrder(out: Out, items: readonly OrderItem[]): void {
  if (items.length === 0) return;
  out.text += " order by ";
  printOrderItems(out, items);
}

function printOrderItems(out: Out, items: readonly OrderItem[]): void {
  for (const [index, item] of items.entries()) {
    if (index > 0) out.text += ", ";
    printExprTo(out, item.expr, 0);
    if (item.direction !== undefined) out.text += ` ${item.direction}`;
  }
}

/** ` limit …`, or nothing. */
export function printLimit(out: Out, node: Limit | undefined): void {
  if (node === undefined) return;
  if (node.withTies || (node.count === undefined && node.rowsExamined === undefined)) {
    if (node.offset !== undefined) {
      out.text += " offset ";
      printExprTo(out, node.offset, LEVEL.bitOr);
      out.text += " rows";
    }
    if (node.count !== undefined) {
      out.text += " fetch first ";
      printExprTo(out, node.count, LEVEL.bitOr);
      out.text += ` rows ${node.withTies ? "with ties" : "only"}`;
    }
    return;
  }
  out.text += " limit ";
  const { offset, count } = node;
  // Parameters stay in their order.
  const isLast = offset?.kind === "param" && count?.kind === "param" && count.index < offset.index;
  if (offset !== undefined && !isLast) {
    printExprTo(out, offset, LEVEL.bitOr);
    out.text += ", ";
  }
  if (count !== undefined) printExprTo(out, count, LEVEL.bitOr);
  if (offset !== undefined && isLast) {
    out.text += " offset ";
    printExprTo(out, offset, LEVEL.bitOr);
  }
  if (node.rowsExamined !== undefined) {
    if (node.count !== undefined) out.text += " ";
    out.text += "rows examined ";
    printExprTo(out, node.rowsExamined, LEVEL.bitOr);
  }
}

export function printCastType(out: Out, type: CastType): void {
  out.text += type.name;
  if (type.length !== undefined) out.text += `(${type.length}${type.scale === undefined ? "" : `, ${type.scale}`})`;
  if (type.unsigned) out.text += " unsigned";
  if (type.zerofill) out.text += " zerofill";
  if (type.charset !== undefined) out.text += charsetClause(type.charset);
  if (type.binary) out.text += " binary";
  if (type.collation !== undefined) out.text += ` collate ${charset(type.collation)}`;
  if (type.array) out.text += " array";
}

/** ASCII, UNICODE and BYTE stand for a character set without CHARACTER SET. */
function charsetClause(name: string): string {
  return /^(ascii|unicode|byte)$/.test(name) ? ` ${name}` : ` character set ${charset(name)}`;
}

export function printJsonOn(out: Out, list: readonly JsonOnResponse[]): void {
  for (const response of list) {
    out.text += ` ${response.action}`;
    if (response.value !== undefined) {
      out.text += " ";
      printExprTo(out, response.value, 0);
    }
    out.text += ` on ${response.on}`;
  }
}

/** A character set or collation name. */
export function charset(name: string): string {
  return name === "binary" ? name : quoteName(name);
}

export function userVariable(name: string): string {
  return /^[A-Za-z0-9_.$]+$/.test(name) ? `@${name}` : `@${backquote(name)}`;
}

/** A system variable's name with its dots. */
export function variableName(name: string): string {
  return name
    .split(".")
    .map((part, index) => (index === 0 && part === "default" ? part : quoteName(part)))
    .join(".");
}
