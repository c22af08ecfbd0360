// Statements that Shardgate only has to recognise: accounts, maintenance, replication, plugins, and Vitess's own
// commands. They are checked in outline and carried as canonical text with the tables they name.

import type { Cursor } from "./cursor.ts";
import { T } from "./lexer.ts";
import { account, grant, setAccount } from "./parse-account.ts";
import { diagnostics } from "./parse-diagnostics.ts";
import { expression, expressions } from "./parse-expr.ts";
import { cacheTables, flush, loadOther, maintenance } from "./parse-maintenance.ts";
import { limitClause } from "./parse-query.ts";
import { change, purge, reset, startStop } from "./parse-replication.ts";
import { alterMigration } from "./parse-vitess.ts";
import { needRest, skipRest } from "./skipped.ts";
import { canonicalText } from "./token-text.ts";
import type { ObjectName, Statement } from "./tree.ts";

export function admin(c: Cursor): Statement {
  const pos = c.pos;
  const start = c.i;
  const tables: ObjectName[] = [];
  const verb = read(c, tables);
  return { kind: "admin", verb, tables, text: canonicalText(c, start, c.i), pos };
}

function read(c: Cursor, tables: ObjectName[]): string {
  const word = c.w;
  switch (word) {
    case "analyze":
    case "check":
    case "optimize":
    case "repair":
    case "checksum":
      return maintenance(c, tables);
    case "flush":
      return flush(c, tables);
    case "reset":
      return reset(c);
    case "purge":
      return purge(c);
    case "change":
      return change(c);
    case "start":
    case "stop":
      return startStop(c);
    case "install":
    case "uninstall":
      return install(c);
    case "handler":
      return handler(c, tables);
    case "binlog":
      c.next();
      c.string();
      return "binlog";
    case "cache":
      c.next();
      c.expect("index");
      cacheTables(c, tables);
      c.expect("in");
      if (!c.accept("default")) c.name();
      return "cache index";
    case "load":
      return loadOther(c, tables);
    case "signal":
    case "resignal":
      return signal(c);
    case "get":
      diagnostics(c);
      return "get diagnostics";
    case "help":
      c.next();
      c.nameOrString();
      return "help";
    case "shutdown":
      c.next();
      if (c.mariadb && c.accept("wait")) {
        c.expect("for");
        c.expect("all");
        c.oneOf(["slaves", "replicas"]);
      }
      return "shutdown";
    case "restart":
      c.next();
      return "restart";
    case "clone":
      c.next();
      if (c.accept("local")) c.expect("data");
      else c.expect("instance");
      needRest(c);
      return "clone";
    case "import":
      c.next();
      c.expect("table");
      c.expect("from");
      do c.string();
      while (c.accept(","));
      return "import table";
    case "backup":
      if (!c.mariadb) throw c.error();
      c.next();
      needRest(c);
      return "backup";
    case "grant":
    case "revoke":
      return grant(c, tables);
    case "alter":
      return c.peek(1) === "vitess_migration" ? alterMigration(c) : account(c);
    case "create":
    case "drop":
    case "rename":
      return account(c);
    case "set":
      return setAccount(c);
    case "stream":
      c.next();
      c.expect("*");
      c.expect("from");
      tables.push(c.objectName());
      return "stream";
    default:
      break;
  }
  // Words of Vitess alone are found by their text.
  const text = c.k === T.word ? c.text.slice(c.pos, c.end()).toLowerCase() : "";
  if (text === "revert" && c.peek(1) === "vitess_migration") {
    c.seek(c.i + 2);
    c.string();
    return "revert vitess_migration";
  }
  if (text === "vstream") {
    c.next();
    c.expect("*");
    c.expect("from");
    tables.push(c.objectName());
    if (c.accept("where")) expression(c);
    if (c.w === "limit") limitClause(c);
    return "vstream";
  }
  throw c.error();
}

function install(c: Cursor): string {
  const word = c.w;
  c.next();
  const what = c.oneOf(["plugin", "component", "soname"]);
  if (what === "component") {
    do c.string();
    while (c.accept(","));
    skipRest(c);
  } else if (what === "soname") c.nameOrString();
  else {
    if (c.accept("if")) {
      if (word === "install") c.expect("not");
      c.expect("exists");
    }
    c.name();
    if (word === "install") {
      c.expect("soname");
      c.string();
    }
  }
  return `${word} ${what}`;
}

function handler(c: Cursor, tables: ObjectName[]): string {
  c.next();
  tables.push(c.objectName());
  if (c.accept("open")) {
    c.accept("as");
    if (!c.atEnd()) c.name();
    return "handler open";
  }
  if (c.accept("close")) return "handler close";
  c.expect("read");
  if (c.w === "first" || c.w === "next") c.next();
  else {
    c.name();
    if (c.maybeOneOf(["first", "next", "prev", "last"]) === undefined) {
      c.oneOf(["=", "<=", ">=", "<", ">"]);
      c.expect("(");
      expressions(c);
      c.expect(")");
    }
  }
  if (c.accept("where")) expression(c);
  if (c.w === "limit") limitClause(c);
  return "handler read";
}

function signal(c: Cursor): string {
  const word = c.w;
  c.next();
  if (c.accept("sqlstate")) {
    c.accept("value");
    c.string();
  } else if (word === "signal" || c.isName()) c.name();
  if (c.accept("set"))
    do {
      c.name();
      c.expect("=");
      expression(c);
    } while (c.accept(","));
  return word;
}
