// From tree to text: SQL that means the same on a MySQL or MariaDB server, with no more quotes and parentheses than it
// needs. Expressions are in print-expr.ts. Three ways to treat bind variables: keep their names, put literals in their
// place, or leave slots (a template that is filled for each execution).

import { assertNever } from "../base/assert.ts";
import type { BindValue, LiteralBind } from "./bind-value.ts";
import { decodeSql, encodeSql } from "./encoding.ts";
import { type Out, printExprTo, printLimit, printOrder, printWindowSpec } from "./print-expr.ts";
import { printStatementRest } from "./print-statement.ts";
import { quoteName, quoteString } from "./quoting.ts";
import {
  type Cte,
  DEFAULT_SQL_MODE,
  type Expr,
  type Into,
  type JsonTableColumn,
  type Query,
  type Select,
  type SelectItem,
  type SqlMode,
  type Statement,
  type TableRef,
  type Union,
  type With,
} from "./tree.ts";
import { printCastType, printJsonOn } from "./print-expr.ts";

export interface PrintOptions {
  /** The sql_mode of the session that will read the text. */
  readonly mode?: SqlMode;
  /**
   * Gives an alias to select expressions without one where the printed text would name the column otherwise than the
   * client's text did. For what a shard's reply passes on to a client.
   */
  readonly columnNames?: boolean;
}

/** SQL text of `statement`; with `binds` their literals stand in place of the bind variables. */
export function print(statement: Statement, binds?: readonly BindValue[], options: PrintOptions = {}): string {
  const out = outOf(
    options,
    binds === undefined ? undefined : (name, index, list) => bindText(binds, name, index, list),
  );
  printStatement(out, statement);
  return out.text;
}

/** The same as bytes, which is exact also for strings that are not UTF-8. */
export function printBytes(statement: Statement, binds?: readonly BindValue[], options: PrintOptions = {}): Buffer {
  return encodeSql(print(statement, binds, options));
}

/** SQL text of one expression. */
export function printExpr(expr: Expr, binds?: readonly BindValue[], options: PrintOptions = {}): string {
  const out = outOf(
    options,
    binds === undefined ? undefined : (name, index, list) => bindText(binds, name, index, list),
  );
  printExprTo(out, expr, 0);
  return out.text;
}

/** A statement's text with slots for its bind variables: `texts` has one more element than `slots`. */
export interface SqlTemplate {
  readonly texts: readonly Buffer[];
  /** Index of the bind variable between two texts. */
  readonly slots: readonly { readonly name: string; readonly index: number; readonly list: boolean }[];
}

/** Prints once what is filled with other binds for each execution. */
export function printTemplate(statement: Statement, options: PrintOptions = {}): SqlTemplate {
  const texts: Buffer[] = [];
  const slots: { name: string; index: number; list: boolean }[] = [];
  const out: Out = outOf(options, (name, index, list) => {
    texts.push(encodeSql(out.text));
    out.text = "";
    slots.push({ name, index, list });
    return "";
  });
  printStatement(out, statement);
  texts.push(encodeSql(out.text));
  return { texts, slots };
}

/** SQL bytes of a template filled with `binds`. */
export function fillTemplate(template: SqlTemplate, binds: readonly BindValue[]): Buffer {
  const parts: Buffer[] = [];
  for (const [position, text] of template.texts.entries()) {
    parts.push(text);
    const slot = template.slots[position];
    if (slot === undefined) continue;
    const bind = binds[slot.index];
    if (bind === undefined) throw new RangeError(`bind variable ${slot.name} has no value`);
    if (bind.kind === "literal") parts.push(bindSource(bind));
    else {
      parts.push(OPEN);
      for (const [place, item] of bind.items.entries()) {
        if (place > 0) parts.push(COMMA);
        parts.push(bindSource(item));
      }
      parts.push(CLOSE);
    }
  }
  return parts.length === 1 ? (parts[0] ?? OPEN) : Buffer.concat(parts);
}

const OPEN = Buffer.from("(");
const CLOSE = Buffer.from(")");
const COMMA = Buffer.from(", ");

/** A bind variable's value as SQL bytes. */
function bindSource(bind: LiteralBind): Buffer {
  return bind.source ?? encodeSql(literalText(bind));
}

function bindText(binds: readonly BindValue[], name: string, index: number, list: boolean): string {
  const bind = binds[index];
  if (bind === undefined) throw new RangeError(`bind variable ${name} has no value`);
  if (bind.kind === "literal") return decodeSql(bindSource(bind));
  const items = bind.items.map((item) => decodeSql(bindSource(item))).join(", ");
  return list ? `(${items})` : items;
}

function literalText(bind: LiteralBind): string {
  const introducer = bind.introducer === undefined ? "" : `_${bind.introducer}`;
  const text = decodeSql(bind.raw);
  switch (bind.type) {
    case "string":
      return introducer + quoteString(text, false);
    case "nstring":
      return `N${quoteString(text, false)}`;
    case "hexval":
      return `${introducer}x'${text}'`;
    case "hexnum":
      return `${introducer}0x${text}`;
    case "bitval":
      return `${introducer}b'${text}'`;
    case "bitnum":
      return `${introducer}0b${text}`;
    case "null":
    case "true":
    case "false":
      return bind.type;
    case "int":
    case "decimal":
    case "float":
      return text;
    default:
      return assertNever(bind.type);
  }
}

function outOf(options: PrintOptions, bind: Out["bind"]): Out {
  return {
    text: "",
    mode: options.mode ?? DEFAULT_SQL_MODE,
    columnNames: options.columnNames ?? false,
    bind,
    query: printQuery,
  };
}

// ---------------------------------------------------------------------------------------------------------- statements

export function printStatement(out: Out, node: Statement): void {
  switch (node.kind) {
    case "select":
    case "union":
    case "values":
    case "table":
      printQuery(out, node);
      return;
    default:
      printStatementRest(out, node);
  }
}

/** A query without parentheses around it. */
function printQuery(out: Out, node: Query): void {
  printWith(out, node.with);
  switch (node.kind) {
    case "select":
      printSelect(out, node);
      break;
    case "union":
      printPart(out, node.first, node);
      for (const part of node.rest) {
        out.text += ` ${part.op} `;
        if (part.quantifier !== undefined) out.text += `${part.quantifier} `;
        printPart(out, part.query, node);
      }
      break;
    case "values":
      out.text += "values ";
      for (const [index, row] of node.rows.entries()) {
        if (index > 0) out.text += ", ";
        out.text += node.rowKeyword ? "row(" : "(";
        printList(out, row.values);
        out.text += ")";
      }
      break;
    case "table":
      out.text += "table ";
      printName(out, node.table);
      break;
    default:
      assertNever(node);
  }
  printOrder(out, node.orderBy);
  printLimit(out, node.limit);
  if (node.kind === "select" && node.procedure !== undefined) {
    out.text += " procedure ";
    printExprTo(out, node.procedure, 0);
  }
  if (node.into !== undefined && !isIntoBeforeFrom(node)) printInto(out, node.into);
  for (const lock of node.locking) {
    out.text += lock.strength === "share mode" ? " lock in share mode" : ` for ${lock.strength}`;
    if (lock.of.length > 0) out.text += ` of ${lock.of.map(quoteName).join(", ")}`;
    if (lock.wait !== undefined) out.text += ` ${lock.wait}`;
    if (lock.waitSeconds !== undefined) out.text += ` wait ${lock.waitSeconds}`;
  }
}

function printPart(out: Out, query: Query, whole: Union): void {
  const parenthesized =
    whole.rest.length === 0 ||
    (query.kind === "union" && (query.unbracketed === undefined || isOfIntersect(whole))) ||
    query.with !== undefined ||
    query.orderBy.length > 0 ||
    query.limit !== undefined ||
    query.into !== undefined ||
    query.locking.length > 0;
  if (parenthesized) out.text += "(";
  printQuery(out, query);
  if (parenthesized) out.text += ")";
}

function isOfIntersect({ rest }: Union): boolean {
  return rest.some(({ op }) => op === "intersect");
}

export function printWith(out: Out, node: With | undefined): void {
  if (node === undefined) return;
  out.text += node.recursive ? "with recursive " : "with ";
  for (const [index, cte] of node.ctes.entries()) {
    if (index > 0) out.text += ", ";
    printCte(out, cte);
  }
  out.text += " ";
}

function printCte(out: Out, cte: Cte): void {
  out.text += quoteName(cte.name);
  if (cte.columns.length > 0) out.text += ` (${names(cte.columns)})`;
  out.text += " as (";
  printQuery(out, cte.query);
  out.text += ")";
  if (cte.cycle.length > 0) out.text += ` cycle ${names(cte.cycle)} restrict`;
}

function printSelect(out: Out, node: Select): void {
  out.text += "select ";
  printHints(out, node.hints);
  for (const option of node.options) out.text += `${option} `;
  printItems(out, node.items);
  if (node.into !== undefined && isIntoBeforeFrom(node)) printInto(out, node.into);
  if (node.from.length > 0) {
    out.text += " from ";
    printTables(out, node.from);
  } else if (node.dual) out.text += " from dual";
  if (node.where !== undefined) {
    out.text += " where ";
    printExprTo(out, node.where, 0);
  }
  if (node.groupBy.length > 0) {
    out.text += " group by ";
    for (const [index, item] of node.groupBy.entries()) {
      if (index > 0) out.text += ", ";
      printExprTo(out, item.expr, 0);
      if (item.direction !== undefined) out.text += ` ${item.direction}`;
    }
    if (node.rollup) out.text += " with rollup";
  }
  if (node.having !== undefined) {
    out.text += " having ";
    printExprTo(out, node.having, 0);
  }
  for (const [index, window] of node.windows.entries()) {
    out.text += index === 0 ? " window " : ", ";
    out.text += `${quoteName(window.name)} as `;
    printWindowSpec(out, window.spec);
  }
}

export function printHints(out: Out, hints: string | undefined): void {
  if (hints !== undefined) out.text += `/*+ ${hints} */ `;
}

export function printItems(out: Out, items: readonly SelectItem[]): void {
  for (const [index, item] of items.entries()) {
    if (index > 0) out.text += ", ";
    switch (item.kind) {
      case "expr": {
        const before = out.text.length;
        printExprTo(out, item.expr, 0);
        if (item.alias !== undefined) out.text += ` as ${quoteName(item.alias)}`;
        else if (out.columnNames && item.text !== "" && !namesItself(item.expr) && out.text.slice(before) !== item.text)
          out.text += ` as ${quoteName(item.text)}`;
        break;
      }
      case "star":
        if (item.schema !== undefined) out.text += `${quoteName(item.schema)}.`;
        if (item.table !== undefined) out.text += `${quoteName(item.table)}.`;
        out.text += "*";
        break;
      case "nextValues":
        out.text += "next ";
        printExprTo(out, item.count, 0);
        out.text += " values";
        break;
      default:
        assertNever(item);
    }
  }
}

/** A column, number or string, whose name does not depend on how it is written; NAME_CONST() gives one. */
function namesItself(expr: Expr): boolean {
  if (expr.kind === "call" && expr.name.toLowerCase() === "name_const") return true;
  if (expr.kind === "unary" && expr.op === "+") return namesItself(expr.expr);
  return expr.kind === "column" || (expr.kind === "literal" && !/^(hex|bit)/.test(expr.type));
}

/** MariaDB warns of INTO behind what it reads from (1287). */
function isIntoBeforeFrom(node: Query): boolean {
  return node.kind === "select" && node.into?.kind === "intoVariables" && node.from.length > 0;
}

function printInto(out: Out, into: Into): void {
  switch (into.kind) {
    case "intoDumpfile":
      out.text += ` into dumpfile ${quoteString(into.file, out.mode.noBackslashEscapes)}`;
      return;
    case "intoOutfile":
      out.text += ` into outfile ${into.s3 ? "s3 " : ""}${quoteString(into.file, out.mode.noBackslashEscapes)}`;
      if (into.format !== "") out.text += ` ${into.format}`;
      return;
    case "intoVariables":
      out.text += " into ";
      for (const [index, target] of into.targets.entries()) {
        if (index > 0) out.text += ", ";
        printExprTo(out, target, 0);
      }
      return;
    default:
      assertNever(into);
  }
}

// -------------------------------------------------------------------------------------------------------------- tables

export function printTables(out: Out, tables: readonly TableRef[]): void {
  for (const [index, table] of tables.entries()) {
    if (index > 0) out.text += ", ";
    printTable(out, table);
  }
}

function printTable(out: Out, node: TableRef): void {
  switch (node.kind) {
    case "tableName":
      printName(out, node);
      if (node.partitions.length > 0) out.text += ` partition (${names(node.partitions)})`;
      if (node.systemTime !== undefined) {
        const { type, portion, first, second, unit } = node.systemTime;
        out.text +=
          portion === undefined ? ` for system_time ${type}` : ` for portion of ${quoteName(portion)} ${type}`;
        const words = unit === undefined ? " " : ` ${unit} `;
        if (first !== undefined) {
          out.text += words;
          printExprTo(out, first, 7);
        }
        if (second !== undefined) {
          out.text += type === "between" ? " and" : " to";
          out.text += words;
          printExprTo(out, second, 7);
        }
      }
      if (node.alias !== undefined) out.text += ` as ${quoteName(node.alias)}`;
      for (const hint of node.indexHints) {
        out.text += ` ${hint.action} ${hint.object}`;
        if (hint.for !== undefined) out.text += ` for ${hint.for}`;
        out.text += ` (${hint.names.map((name) => (name.toLowerCase() === "primary" ? name : quoteName(name))).join(", ")})`;
      }
      return;
    case "derived":
      if (node.lateral) out.text += "lateral ";
      out.text += "(";
      printQuery(out, node.query);
      out.text += ")";
      if (node.alias !== undefined) out.text += ` as ${quoteName(node.alias)}`;
      if (node.columns.length > 0) out.text += ` (${names(node.columns)})`;
      return;
    case "join":
      printTable(out, node.left);
      out.text += JOIN_WORDS[`${node.natural ? "natural " : ""}${node.type}`] ?? " join ";
      if (node.right.kind === "join") {
        out.text += "(";
        printTable(out, node.right);
        out.text += ")";
      } else printTable(out, node.right);
      if (node.on !== undefined) {
        out.text += " on ";
        printExprTo(out, node.on, 0);
      }
      if (node.using.length > 0) out.text += ` using (${names(node.using)})`;
      return;
    case "tableList":
      out.text += "(";
      printTables(out, node.tables);
      out.text += ")";
      return;
    case "jsonTable":
      out.text += "json_table(";
      printExprTo(out, node.doc, 0);
      out.text += `, ${quoteString(node.path, out.mode.noBackslashEscapes)} `;
      printJsonColumns(out, node.columns);
      out.text += ")";
      if (node.alias !== undefined) out.text += ` as ${quoteName(node.alias)}`;
      return;
    default:
      assertNever(node);
  }
}

const JOIN_WORDS: Readonly<Record<string, string>> = {
  inner: " join ",
  cross: " cross join ",
  straight: " straight_join ",
  left: " left join ",
  right: " right join ",
  "natural inner": " natural join ",
  "natural left": " natural left join ",
  "natural right": " natural right join ",
  "natural straight": " natural straight_join ",
};

function printJsonColumns(out: Out, columns: readonly JsonTableColumn[]): void {
  out.text += "columns (";
  for (const [index, column] of columns.entries()) {
    if (index > 0) out.text += ", ";
    switch (column.kind) {
      case "ordinality":
        out.text += `${quoteName(column.name)} for ordinality`;
        break;
      case "path":
        out.text += `${quoteName(column.name)} `;
        printCastType(out, column.type);
        out.text += `${column.exists ? " exists" : ""} path ${quoteString(column.path, out.mode.noBackslashEscapes)}`;
        printJsonOn(out, column.on);
        break;
      case "nested":
        out.text += `nested path ${quoteString(column.path, out.mode.noBackslashEscapes)} `;
        printJsonColumns(out, column.columns);
        break;
      default:
        assertNever(column);
    }
  }
  out.text += ")";
}

export function printName(out: Out, node: { readonly schema: string | undefined; readonly name: string }): void {
  if (node.schema !== undefined) out.text += `${quoteName(node.schema)}.`;
  out.text += quoteName(node.name);
}

export function printList(out: Out, list: readonly Expr[]): void {
  for (let index = 0; index < list.length; index++) {
    if (index > 0) out.text += ", ";
    const expr = list[index];
    if (expr !== undefined) printExprTo(out, expr, 0);
  }
}

export function names(list: readonly string[]): string {
  return list.map(quoteName).join(", ");
}
