// Definitions: what kind, which objects, and the query of a view or table made from one. The rest of the text is checked
// as far as it matters and carried on unchanged.

import type { Cursor } from "./cursor.ts";
import { T } from "./lexer.ts";
import { innerQuery, queryExpression } from "./parse-query.ts";
import { admin } from "./parse-admin.ts";
import { accountName, lockWait } from "./parse-session.ts";
import { alterVschema } from "./parse-vitess.ts";
import { skipParentheses, skipRest } from "./skipped.ts";
import { bodyEnd, packageEnd, wholeEnd } from "./statement-end.ts";
import { canonicalText } from "./token-text.ts";
import { alterTableBody } from "./parse-alter-table.ts";
import { columnType } from "./parse-column-definition.ts";
import { createTableBody, keyOptions, keyParts } from "./parse-definition.ts";
import type { ForeignKeyDefinition, KeyDefinition, TableChange } from "./table-definition.ts";
import type { DdlObject, DdlVerb, ObjectName, Query, Statement } from "./tree.ts";

export interface Found {
  verb: DdlVerb;
  object: DdlObject;
  orReplace: boolean;
  temporary: boolean;
  ifExists: boolean;
  ifNotExists: boolean;
  names: ObjectName[];
  references: ObjectName[];
  query: Query | undefined;
  definition: FoundDefinition;
}

/** A TableDefinition in the making. */
export interface FoundDefinition {
  changes: TableChange[];
  foreignKeys: ForeignKeyDefinition[];
  charset: string | undefined;
  collation: string | undefined;
  comment: string | undefined;
  viewColumns: readonly string[];
}

export function ddl(c: Cursor): Statement {
  const pos = c.pos;
  const start = c.i;
  const verb = c.oneOf(["create", "alter", "drop", "rename", "truncate"]);
  const found: Found = {
    verb,
    object: "table",
    orReplace: false,
    temporary: false,
    ifExists: false,
    ifNotExists: false,
    names: [],
    references: [],
    query: undefined,
    definition: {
      changes: [],
      foreignKeys: [],
      charset: undefined,
      collation: undefined,
      comment: undefined,
      viewColumns: [],
    },
  };
  if (!read(c, found)) {
    c.seek(start);
    return verb === "alter" && c.peek(1) === "vschema" ? alterVschema(c) : admin(c);
  }
  return { kind: "ddl", ...found, text: canonicalText(c, start, c.i), pos };
}

/** Reads what follows the verb; false when the statement is one of account management or the like. */
function read(c: Cursor, found: Found): boolean {
  switch (found.verb) {
    case "create":
      return create(c, found);
    case "alter":
      return alter(c, found);
    case "drop":
      return drop(c, found);
    case "rename":
      return rename(c, found);
    case "truncate":
      c.accept("table");
      found.names.push(c.objectName());
      if (c.mode.oracle && c.maybeOneOf(["drop", "reuse"]) !== undefined) c.expect("storage");
      lockWait(c);
      return true;
  }
}

// -------------------------------------------------------------------------------------------------------------- CREATE

function create(c: Cursor, found: Found): boolean {
  if (c.accept2("or", "replace")) found.orReplace = true;
  if (c.w === "temporary" && (c.peek(1) === "table" || c.peek(1) === "tables" || c.peek(1) === "sequence")) {
    found.temporary = true;
    c.next();
  }
  switch (c.w) {
    case "table":
      c.next();
      found.object = "table";
      ifNotExists(c, found);
      found.names.push(c.objectName());
      createTableBody(c, found);
      return true;
    case "unique":
    case "fulltext":
    case "spatial":
      if (c.w === "spatial" && c.peek(1) === "reference") {
        found.object = "spatial reference system";
        c.seek(c.i + 2);
        c.expect("system");
        ifNotExists(c, found);
        found.names.push(numberName(c));
        skipRest(c);
        return true;
      }
      {
        const kind = c.w;
        c.next();
        index(c, found, kind);
      }
      return true;
    case "index":
    case "online":
    case "offline":
      if (c.w !== "index") c.next();
      index(c, found, "plain");
      return true;
    case "database":
    case "schema":
      c.next();
      found.object = "database";
      ifNotExists(c, found);
      found.names.push(plainName(c));
      databaseOptions(c);
      return true;
    case "sequence":
      c.next();
      found.object = "sequence";
      ifNotExists(c, found);
      found.names.push(c.objectName());
      skipRest(c);
      return true;
    case "server":
      c.next();
      found.object = "server";
      ifNotExists(c, found);
      found.names.push(textName(c));
      c.expect("foreign");
      c.expect("data");
      c.expect("wrapper");
      c.nameOrString();
      c.expect("options");
      skipParentheses(c);
      return true;
    case "tablespace":
    case "undo":
    case "logfile":
      spaceName(c, found);
      skipRest(c);
      return true;
    case "resource":
      c.next();
      c.expect("group");
      found.object = "resource group";
      found.names.push(plainName(c));
      c.expect("type");
      skipRest(c);
      return true;
    case "user":
    case "role":
      return false;
    case "aggregate":
      c.next();
      if (!c.is("function")) throw c.error();
      break;
    default:
      break;
  }
  viewOptions(c);
  switch (c.w) {
    case "view":
      c.next();
      found.object = "view";
      ifNotExists(c, found);
      found.names.push(c.objectName());
      if (c.is("(")) found.definition.viewColumns = c.nameList();
      c.expect("as");
      viewQuery(c, found);
      return true;
    case "procedure":
    case "function":
      routine(c, found);
      return true;
    case "trigger":
      trigger(c, found);
      return true;
    case "event":
      c.next();
      found.object = "event";
      ifNotExists(c, found);
      found.names.push(c.objectName());
      c.expect("on");
      c.expect("schedule");
      c.oneOf(["at", "every"]);
      program(c);
      return true;
    case "package":
      if (!c.mariadb) throw c.error();
      c.next();
      found.object = c.accept("body") ? "package body" : "package";
      ifNotExists(c, found);
      found.names.push(c.objectName());
      c.seek(packageEnd(c.tokens, c.i));
      if (c.k === T.error) throw c.error();
      return true;
    default:
      throw c.error();
  }
}

function ifNotExists(c: Cursor, found: Found): void {
  if (c.w !== "if") return;
  c.next();
  c.expect("not");
  c.expect("exists");
  found.ifNotExists = true;
}

function ifExists(c: Cursor, found: Found): void {
  if (c.w !== "if") return;
  c.next();
  c.expect("exists");
  found.ifExists = true;
}

function plainName(c: Cursor): ObjectName {
  const pos = c.pos;
  return { kind: "name", schema: undefined, name: c.name(), pos };
}

function textName(c: Cursor): ObjectName {
  const pos = c.pos;
  return { kind: "name", schema: undefined, name: c.nameOrString(), pos };
}

function numberName(c: Cursor): ObjectName {
  const pos = c.pos;
  return { kind: "name", schema: undefined, name: c.integer(), pos };
}

function spaceName(c: Cursor, found: Found): void {
  if (c.accept("logfile")) {
    c.expect("group");
    found.object = "logfile group";
  } else {
    const undo = c.accept("undo");
    c.expect("tablespace");
    found.object = undo ? "undo tablespace" : "tablespace";
  }
  found.names.push(plainName(c));
}

/** ALGORITHM, DEFINER and SQL SECURITY before VIEW, PROCEDURE, FUNCTION, TRIGGER and EVENT. */
function viewOptions(c: Cursor): void {
  if (c.accept("algorithm")) {
    c.expect("=");
    c.oneOf(["undefined", "merge", "temptable"]);
  }
  if (c.accept("definer")) {
    c.expect("=");
    accountName(c);
  }
  if (c.accept2("sql", "security")) c.oneOf(["definer", "invoker"]);
  if (c.w === "aggregate") c.next();
}

export function viewQuery(c: Cursor, found: Found): void {
  if (!c.atQuery()) throw c.error();
  found.query = innerQuery(c, (inner) => queryExpression(inner));
  if (c.accept("with")) {
    c.maybeOneOf(["cascaded", "local"]);
    c.expect("check");
    c.expect("option");
  }
}

function index(c: Cursor, found: Found, kind: KeyDefinition["kind"]): void {
  found.object = "index";
  c.expect("index");
  ifNotExists(c, found);
  found.names.push(plainName(c));
  if (c.accept("using")) c.oneOf(["btree", "hash", "rtree"]);
  c.expect("on");
  found.references.push(c.objectName());
  const columns = keyParts(c);
  const [name] = found.names;
  found.definition.changes.push({ kind: "add-key", key: { kind, name: name?.name, columns } });
  keyOptions(c);
  lockAndAlgorithm(c);
  lockWait(c);
}

/** ALGORITHM = …, LOCK = … */
function lockAndAlgorithm(c: Cursor): void {
  while (c.w === "algorithm" || c.w === "lock") {
    c.next();
    c.accept("=");
    c.anyWord();
  }
}

function databaseOptions(c: Cursor): void {
  for (;;) {
    const isDefault = c.accept("default");
    if (c.accept2("character", "set") || c.accept2("char", "set") || c.accept("charset")) {
      // `CHARSET charset = x` is read by the servers as well.
      if (c.w === "charset" && !c.peekEnd(1)) c.next();
      c.accept("=");
      if (c.w === "default" || c.w === "binary") c.next();
      else c.nameOrString();
    } else if (c.accept("collate")) {
      c.accept("=");
      if (c.w === "default" || c.w === "binary") c.next();
      else c.nameOrString();
    } else if (c.accept("encryption") || c.accept("comment")) {
      c.accept("=");
      c.string();
    } else if (isDefault) throw c.error();
    else if (c.w === "read" && c.peek(1) === "only") {
      c.seek(c.i + 2);
      c.accept("=");
      if (!c.accept("default")) c.integer();
    } else return;
  }
}

function routine(c: Cursor, found: Found): void {
  found.object = c.w === "function" ? "function" : "procedure";
  c.next();
  ifNotExists(c, found);
  found.names.push(c.objectName());
  if (found.object === "function" && c.w === "returns") {
    c.next();
    c.oneOf(["string", "integer", "real", "decimal", "int", "dec"]);
    c.expect("soname");
    c.string();
    return;
  }
  if (c.w === "(") skipParentheses(c);
  else if (!c.mariadb) throw c.error();
  if (found.object === "function") {
    if (c.mode.oracle) c.expect("return");
    else {
      c.expect("returns");
      columnType(c);
    }
  }
  if (c.atEnd()) throw c.error();
  program(c);
}

function trigger(c: Cursor, found: Found): void {
  c.next();
  found.object = "trigger";
  ifNotExists(c, found);
  found.names.push(c.objectName());
  c.oneOf(["before", "after"]);
  c.oneOf(["insert", "update", "delete"]);
  c.expect("on");
  found.references.push(c.objectName());
  c.expect("for");
  c.expect("each");
  c.expect("row");
  if (c.w === "follows" || c.w === "precedes") {
    c.next();
    c.nameOrString();
  }
  if (c.atEnd()) throw c.error();
  program(c);
}

/**
 * The body of a stored program, or a compound statement: everything up to a `;` outside of blocks. What it says is left to
 * the server that compiles it.
 */
export function program(c: Cursor): void {
  c.seek(c.mode.oracle ? wholeEnd(c.tokens) : bodyEnd(c.tokens, c.i));
  if (c.k === T.error) throw c.error();
}

/** MariaDB's BEGIN NOT ATOMIC … END, and IF, CASE and loops outside of stored programs. */
export function compound(c: Cursor): Statement {
  const pos = c.pos;
  program(c);
  return { kind: "admin", verb: "compound statement", tables: [], text: c.text.slice(pos, c.lastEnd()), pos };
}

// --------------------------------------------------------------------------------------------------------------- ALTER

function alter(c: Cursor, found: Found): boolean {
  switch (c.w) {
    case "table":
    case "ignore":
    case "online":
      if (c.w !== "table") c.next();
      if (c.w === "ignore") c.next();
      c.expect("table");
      found.object = "table";
      ifExists(c, found);
      found.names.push(c.objectName());
      alterTableBody(c, found);
      return true;
    case "database":
    case "schema": {
      c.next();
      found.object = "database";
      if (c.isName() && !optionFollows(c)) found.names.push(plainName(c));
      if (c.accept("upgrade")) {
        c.expect("data");
        c.expect("directory");
        c.expect("name");
        return true;
      }
      if (c.atEnd()) throw c.error();
      databaseOptions(c);
      return true;
    }
    case "sequence":
      c.next();
      found.object = "sequence";
      ifExists(c, found);
      found.names.push(c.objectName());
      if (c.atEnd()) throw c.error();
      skipRest(c);
      return true;
    case "server":
      c.next();
      found.object = "server";
      found.names.push(textName(c));
      c.expect("options");
      skipParentheses(c);
      return true;
    case "tablespace":
    case "undo":
    case "logfile":
      spaceName(c, found);
      if (c.atEnd()) throw c.error();
      skipRest(c);
      return true;
    case "instance":
      c.next();
      found.object = "instance";
      if (c.atEnd()) throw c.error();
      skipRest(c);
      return true;
    case "resource":
      c.next();
      c.expect("group");
      found.object = "resource group";
      found.names.push(plainName(c));
      skipRest(c);
      return true;
    case "user":
    case "vschema":
    case "vitess_migration":
      return false;
    default:
      break;
  }
  viewOptions(c);
  switch (c.w) {
    case "view":
      c.next();
      found.object = "view";
      ifExists(c, found);
      found.names.push(c.objectName());
      if (c.is("(")) found.definition.viewColumns = c.nameList();
      c.expect("as");
      viewQuery(c, found);
      return true;
    case "procedure":
    case "function":
      found.object = c.w;
      c.next();
      ifExists(c, found);
      found.names.push(c.objectName());
      skipRest(c);
      return true;
    case "event":
      c.next();
      found.object = "event";
      found.names.push(c.objectName());
      if (c.atEnd()) throw c.error();
      program(c);
      return true;
    default:
      throw c.error();
  }
}

function optionFollows(c: Cursor): boolean {
  switch (c.w) {
    case "charset":
    case "encryption":
    case "comment":
      return c.peekKind(1) !== T.keyword || c.peek(1) === "=";
    default:
      return false;
  }
}

// ------------------------------------------------------------------------------------------------------ DROP and RENAME

function drop(c: Cursor, found: Found): boolean {
  if (c.w === "temporary") {
    found.temporary = true;
    c.next();
    if (!c.is("table") && !c.is("tables") && !c.is("sequence")) throw c.error();
  }
  switch (c.w) {
    case "table":
    case "tables":
    case "view":
    case "sequence":
      found.object = c.w === "view" ? "view" : c.w === "sequence" ? "sequence" : "table";
      c.next();
      ifExists(c, found);
      do found.names.push(c.objectName());
      while (c.accept(","));
      lockWait(c);
      c.maybeOneOf(["restrict", "cascade"]);
      return true;
    case "database":
    case "schema":
      c.next();
      found.object = "database";
      ifExists(c, found);
      found.names.push(plainName(c));
      return true;
    case "index":
    case "online":
      if (c.w === "online") c.next();
      c.expect("index");
      found.object = "index";
      ifExists(c, found);
      found.names.push(c.is("primary") ? { kind: "name", schema: undefined, name: c.raw(), pos: c.pos } : plainName(c));
      c.expect("on");
      found.references.push(c.objectName());
      lockAndAlgorithm(c);
      lockWait(c);
      return true;
    case "procedure":
    case "function":
    case "trigger":
    case "event":
      found.object = c.w;
      c.next();
      ifExists(c, found);
      found.names.push(c.objectName());
      return true;
    case "package":
      c.next();
      found.object = c.accept("body") ? "package body" : "package";
      ifExists(c, found);
      found.names.push(c.objectName());
      return true;
    case "server":
      c.next();
      found.object = "server";
      ifExists(c, found);
      found.names.push(textName(c));
      return true;
    case "tablespace":
    case "undo":
    case "logfile":
      spaceName(c, found);
      skipRest(c);
      return true;
    case "spatial":
      c.next();
      c.expect("reference");
      c.expect("system");
      found.object = "spatial reference system";
      ifExists(c, found);
      found.names.push(numberName(c));
      return true;
    case "resource":
      c.next();
      c.expect("group");
      found.object = "resource group";
      found.names.push(plainName(c));
      c.accept("force");
      return true;
    case "user":
    case "role":
      return false;
    default:
      throw c.error();
  }
}

function rename(c: Cursor, found: Found): boolean {
  if (c.w === "user") return false;
  c.oneOf(["table", "tables"]);
  ifExists(c, found);
  do {
    found.names.push(c.objectName());
    lockWait(c);
    c.expect("to");
    found.names.push(c.objectName());
  } while (c.accept(","));
  return true;
}
