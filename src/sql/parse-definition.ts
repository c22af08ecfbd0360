// CREATE TABLE behind its name: columns (parse-column-definition.ts), keys and constraints, options, partitions. They are
// checked here and travel on as text; tables that foreign keys name are noted, and what the columns and keys are
// (table-definition.ts).

import type { Cursor } from "./cursor.ts";
import { T } from "./lexer.ts";
import { columnDefinition } from "./parse-column-definition.ts";
import type { Found } from "./parse-ddl.ts";
import { expression } from "./parse-expr.ts";
import { columnName } from "./parse-function.ts";
import { partitionBy } from "./parse-partitions.ts";
import { innerQuery, queryExpression } from "./parse-query.ts";
import { tableOptions } from "./parse-table-options.ts";
import type { ColumnPlace, KeyDefinition } from "./table-definition.ts";

/** CREATE TABLE behind the name. */
export function createTableBody(c: Cursor, found: Found): void {
  if (c.accept("like")) {
    found.references.push(c.objectName());
    return;
  }
  if (c.w === "(" && c.peek(1) === "like") {
    c.seek(c.i + 2);
    found.references.push(c.objectName());
    c.expect(")");
    return;
  }
  let elements = false;
  if (c.w === "(" && !c.atQuery()) {
    c.next();
    do element(c, found);
    while (c.accept(","));
    c.expect(")");
    elements = true;
  }
  tableOptions(c, found);
  if (c.w === "partition") partitionBy(c);
  c.maybeOneOf(["ignore", "replace"]);
  if (c.w === "as" || c.atQuery()) {
    c.accept("as");
    if (!c.atQuery()) throw c.error();
    found.query = innerQuery(c, (inner) => queryExpression(inner));
  } else if (!elements) throw c.error();
}

/** A column, key, constraint or period. */
export function element(c: Cursor, found: Found): void {
  if (startsKey(c)) key(c, found);
  else if (c.w === "period" && c.peek(1) === "for") period(c);
  else addColumn(c, found, false, undefined);
}

export function addColumn(
  c: Cursor,
  found: Found,
  ifNotExists: boolean,
  place: (() => ColumnPlace | undefined) | undefined,
): void {
  const column = columnDefinition(c, c.name(), found);
  found.definition.changes.push({ kind: "add-column", column, place: place?.(), ifNotExists });
}

export function startsKey(c: Cursor): boolean {
  if (c.k !== T.keyword) return false;
  switch (c.w) {
    case "primary":
    case "unique":
    case "key":
    case "index":
    case "fulltext":
    case "spatial":
    case "foreign":
    case "check":
    case "constraint":
      return true;
    default:
      return false;
  }
}

export function period(c: Cursor): void {
  c.seek(c.i + 2);
  c.name();
  c.expect("(");
  c.name();
  c.expect(",");
  c.name();
  c.expect(")");
}

export function key(c: Cursor, found: Found): void {
  let constraint: string | undefined;
  if (c.accept("constraint")) {
    ifClause(c);
    if (c.isName()) constraint = c.name();
  }
  let kind: KeyDefinition["kind"] = "plain";
  let name: string | undefined;
  switch (c.w) {
    case "primary":
      c.next();
      c.expect("key");
      keyNameAndType(c);
      kind = "primary";
      break;
    case "unique":
    case "fulltext":
    case "spatial":
      kind = c.w;
      c.next();
      c.maybeOneOf(["index", "key"]);
      name = keyNameAndType(c) ?? (kind === "unique" ? constraint : undefined);
      break;
    case "index":
    case "key":
      c.next();
      name = keyNameAndType(c);
      break;
    case "foreign":
      c.next();
      c.expect("key");
      ifClause(c);
      name = c.isName() ? c.name() : undefined;
      references(c, found, constraint ?? name, keyParts(c));
      return;
    case "check":
      check(c);
      return;
    default:
      throw c.error();
  }
  const columns = keyParts(c);
  keyOptions(c);
  found.definition.changes.push({ kind: "add-key", key: { kind, name, columns } });
}

/** IF EXISTS, IF NOT EXISTS (MariaDB in many places). */
export function ifClause(c: Cursor): boolean {
  if (c.w !== "if") return false;
  c.next();
  c.accept("not");
  c.expect("exists");
  return true;
}

function keyNameAndType(c: Cursor): string | undefined {
  ifClause(c);
  const name = c.isName() && c.w !== "using" ? c.name() : undefined;
  keyType(c);
  return name;
}

function keyType(c: Cursor): void {
  if (c.accept("using") || (c.w === "type" && keyTypeFollows(c) && c.accept("type")))
    c.oneOf(["btree", "hash", "rtree"]);
}

function keyTypeFollows(c: Cursor): boolean {
  const word = c.peek(1);
  return word === "btree" || word === "hash" || word === "rtree";
}

/** `(column [(length)] [ASC|DESC], (expr), …)`: the columns, undefined for expressions. */
export function keyParts(c: Cursor): (string | undefined)[] {
  const columns: (string | undefined)[] = [];
  c.expect("(");
  do {
    if (c.w === "(") {
      expression(c);
      columns.push(undefined);
    } else {
      columns.push(columnName(c).name);
      if (c.accept("(")) {
        c.integer();
        c.expect(")");
      }
    }
    c.maybeOneOf(["asc", "desc"]);
    if (c.w === "without" && c.peek(1) === "overlaps") c.seek(c.i + 2);
  } while (c.accept(","));
  c.expect(")");
  return columns;
}

/** Options of a key, in any order. */
export function keyOptions(c: Cursor): void {
  for (;;) {
    switch (c.w) {
      case "using":
      case "type":
        keyType(c);
        continue;
      case "key_block_size":
        c.next();
        c.accept("=");
        c.integer();
        continue;
      case "comment":
        c.next();
        c.accept("=");
        c.string();
        continue;
      case "visible":
      case "invisible":
      case "ignored":
        c.next();
        continue;
      case "not":
        if (c.peek(1) !== "ignored") return;
        c.seek(c.i + 2);
        continue;
      case "with":
        c.next();
        c.expect("parser");
        c.name();
        continue;
      case "clustering":
        c.next();
        c.accept("=");
        c.next();
        continue;
      default:
        if (!engineOption(c)) return;
    }
  }
}

/** What a column or an index says to its storage engine. */
export function engineOption(c: Cursor): boolean {
  if (c.w !== "engine_attribute" && c.w !== "secondary_engine_attribute") return namedOption(c);
  c.next();
  c.accept("=");
  c.string();
  return true;
}

/** MariaDB's options of storage engines: `name = value`. */
export function namedOption(c: Cursor): boolean {
  if (!c.isName() || c.peek(1) !== "=") return false;
  c.seek(c.i + 2);
  value(c);
  return true;
}

export function value(c: Cursor): void {
  if (c.w === "-" || c.w === "+") c.next();
  switch (c.k) {
    case T.int:
    case T.decimal:
    case T.float:
    case T.hexnum:
    case T.hexval:
      c.next();
      return;
    case T.string:
      c.string();
      return;
    case T.keyword:
      if (["default", "on", "off", "binary", "null", "no", "true", "false"].includes(c.w)) {
        c.next();
        return;
      }
      throw c.error();
    default:
      c.name();
  }
}

export function check(c: Cursor): void {
  c.expect("check");
  if (c.w !== "(") throw c.error();
  c.next();
  expression(c);
  c.expect(")");
  enforced(c);
}

export function enforced(c: Cursor): void {
  if (c.w === "not" && c.peek(1) === "enforced") c.next();
  c.accept("enforced");
}

export function references(
  c: Cursor,
  found: Found,
  name: string | undefined,
  columns: readonly (string | undefined)[],
): void {
  c.expect("references");
  const named = c.objectName();
  // It is in the table's own database, whichever is selected (manual: "FOREIGN KEY Constraints").
  const parent = { ...named, schema: named.schema ?? found.names[0]?.schema };
  found.references.push(parent);
  const parentColumns = c.w === "(" ? keyParts(c) : [];
  let changesRows = false;
  if (c.accept("match")) c.oneOf(["full", "partial", "simple"]);
  while (c.w === "on" && (c.peek(1) === "delete" || c.peek(1) === "update") && isReferenceOption(c.peek(2))) {
    const option = c.peek(2);
    changesRows ||= option === "set" || option === "cascade";
    c.seek(c.i + 2);
    if (c.accept("set")) c.oneOf(["null", "default"]);
    else if (c.accept("no")) c.expect("action");
    else c.oneOf(["restrict", "cascade"]);
  }
  found.definition.foreignKeys.push({ name, columns, parent, parentColumns, changesRows });
}

function isReferenceOption(word: string): boolean {
  return word === "set" || word === "no" || word === "restrict" || word === "cascade";
}
