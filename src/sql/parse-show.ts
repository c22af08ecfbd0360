// SHOW in all its forms: those of MySQL and MariaDB, and Vitess's own. What the gateway answers itself it finds in the
// fields; the rest of a form is checked and carried as text.

import type { Cursor } from "./cursor.ts";
import { T } from "./lexer.ts";
import { expression } from "./parse-expr.ts";
import { limitClause } from "./parse-query.ts";
import { accountName } from "./parse-session.ts";
import { canonicalText } from "./token-text.ts";
import type { Expr, Show, VariableScope } from "./tree.ts";

const RULES = "rules";

interface Found {
  what: string;
  full: boolean;
  extended: boolean;
  scope: VariableScope | undefined;
  schema: string | undefined;
  name: string | undefined;
  like: string | undefined;
  where: Expr | undefined;
}

export function show(c: Cursor): Show {
  const pos = c.pos;
  c.next();
  const start = c.i;
  const found: Found = {
    what: "",
    full: false,
    extended: false,
    scope: undefined,
    schema: undefined,
    name: undefined,
    like: undefined,
    where: undefined,
  };
  if (c.w === "extended" && !c.peekEnd(1)) {
    found.extended = true;
    c.next();
  }
  if (c.w === "full") {
    found.full = true;
    c.next();
  }
  if ((c.w === "global" || c.w === "session" || c.w === "local") && !c.peekEnd(1)) {
    found.scope = c.w;
    c.next();
  }
  form(c, found);
  return { kind: "show", ...found, text: canonicalText(c, start, c.i), pos };
}

function form(c: Cursor, found: Found): void {
  const word = c.w;
  const second = c.peek(1);
  if (found.full && word !== "tables" && word !== "columns" && word !== "fields" && word !== "processlist")
    throw c.error();
  if (found.scope !== undefined && !["variables", "status", "vgtid_executed", "gtid_executed"].includes(word))
    throw c.error();
  if (found.extended && !["columns", "fields", "index", "indexes", "keys", "tables"].includes(word)) throw c.error();
  switch (word) {
    case "databases":
    case "schemas":
    case "keyspaces":
    case "vitess_keyspaces":
    case "vitess_shards":
    case "vitess_tablets":
    case "vitess_replication_status":
    case "vitess_target":
      c.next();
      found.what = word === "schemas" ? "databases" : word;
      return filter(c, found);
    case "query":
      c.next();
      found.what = c.accept("digests") ? "query digests" : "query rules";
      // RULES is no word of the grammar.
      if (found.what === "query rules" && c.text.slice(c.pos, c.pos + RULES.length).toLowerCase() !== RULES)
        throw c.error();
      if (found.what === "query rules") c.name();
      return;
    case "vitess_migrations":
    case "vitess_throttled_apps":
    case "vitess_metadata":
      c.next();
      found.what = word;
      if (word === "vitess_metadata") c.expect("variables");
      from(c, found);
      return filter(c, found);
    case "vitess_migration": {
      c.next();
      found.what = word;
      found.name = c.string();
      c.expect("logs");
      return;
    }
    case "vschema":
      return vschema(c, found);
    case "vgtid_executed":
    case "gtid_executed":
      c.next();
      found.what = word;
      return from(c, found);
    case "tables":
    case "events":
    case "triggers":
      c.next();
      found.what = word;
      from(c, found);
      return filter(c, found);
    case "columns":
    case "fields":
      c.next();
      found.what = "columns";
      tableAndSchema(c, found);
      return filter(c, found);
    case "index":
    case "indexes":
    case "keys":
      c.next();
      found.what = "index";
      tableAndSchema(c, found);
      if (c.accept("where")) found.where = expression(c);
      return;
    case "table":
      if (second === "status") {
        c.seek(c.i + 2);
        found.what = "table status";
        from(c, found);
        return filter(c, found);
      }
      if (second === "types" && c.mariadb) {
        c.seek(c.i + 2);
        found.what = "table types";
        return;
      }
      throw c.error();
    case "open":
      if (second !== "tables") throw c.error();
      c.seek(c.i + 2);
      found.what = "open tables";
      from(c, found);
      return filter(c, found);
    case "variables":
    case "status":
      c.next();
      found.what = word;
      return filter(c, found);
    case "processlist":
    case "privileges":
    case "profiles":
    case "contributors":
    case "authors":
    case "engines":
    case "plugins":
      c.next();
      found.what = word;
      if (word === "plugins" && c.accept("soname")) {
        if (c.k === T.string && c.peekEnd(1)) c.next();
        else return filter(c, found);
      }
      return;
    case "storage":
      c.next();
      c.expect("engines");
      found.what = "engines";
      return;
    case "engine":
      c.next();
      found.what = "engine";
      found.name = c.w === "all" ? c.raw() : c.nameOrString();
      c.oneOf(["status", "mutex", "logs"]);
      return;
    case "character":
      if (second !== "set") throw c.error();
      c.seek(c.i + 2);
      found.what = "charset";
      return filter(c, found);
    case "charset":
    case "collation":
      c.next();
      found.what = word;
      return filter(c, found);
    case "warnings":
    case "errors":
      c.next();
      found.what = word;
      if (c.w === "limit") limitClause(c);
      return;
    case "count":
      c.next();
      c.expect("(");
      c.expect("*");
      c.expect(")");
      found.what = `count(*) ${c.oneOf(["warnings", "errors"])}`;
      return;
    case "create":
      return create(c, found);
    case "procedure":
    case "function":
    case "package":
      c.next();
      if (word === "package" && c.accept("body")) found.what = "package body ";
      if (c.accept("code")) {
        found.what = `${word} code`;
        qualified(c, found);
        return;
      }
      c.expect("status");
      found.what = `${found.what === "" ? word : "package body"} status`;
      return filter(c, found);
    case "grants":
      c.next();
      found.what = "grants";
      if (c.accept("for")) {
        if (c.w !== "current_user" && c.w !== "current_role") found.name = accountUser(c);
        accountName(c);
        if (c.accept("using"))
          do accountName(c);
          while (c.accept(","));
      }
      return;
    case "profile":
      return profile(c, found);
    case "binary":
    case "master":
      c.next();
      if (c.accept("logs")) found.what = "binary logs";
      else if (c.accept("status")) found.what = "master status";
      else if (word === "binary" && c.accept2("log", "status")) found.what = "master status";
      else throw c.error();
      return;
    case "binlog":
      c.next();
      if (c.accept("status")) {
        found.what = "master status";
        return;
      }
      c.expect("events");
      found.what = "binlog events";
      return events(c);
    case "relaylog":
      c.next();
      c.expect("events");
      found.what = "relaylog events";
      events(c);
      return channel(c);
    case "slave":
    case "replica":
      c.next();
      if (c.accept("hosts")) {
        found.what = "replicas";
        return;
      }
      if (c.mariadb && c.k === T.string) c.next();
      c.expect("status");
      found.what = "replica status";
      return channel(c);
    case "slaves":
    case "replicas":
      c.next();
      found.what = word;
      if (word === "slaves") c.expect("status");
      return;
    case "all":
      c.next();
      c.oneOf(["slaves", "replicas"]);
      c.expect("status");
      found.what = "replica status";
      return;
    case "explain":
      if (!c.mariadb) throw c.error();
      c.next();
      if (c.accept("format")) {
        c.expect("=");
        c.nameOrString();
      }
      c.expect("for");
      expression(c);
      found.what = "explain";
      return;
    case "transaction":
      c.next();
      c.expect("status");
      c.accept("for");
      found.what = "transaction status";
      found.name = c.string();
      return;
    case "unresolved":
      c.next();
      c.expect("transactions");
      found.what = "unresolved transactions";
      if (c.accept("for")) found.schema = c.name();
      return;
    case "user_variables":
    case "":
    case "client_statistics":
      break;
    case "parse_tree":
      throw c.error();
  }
  // MariaDB: SHOW <information schema plugin>, such as USER_STATISTICS or QUERY_RESPONSE_TIME.
  if (c.mariadb && c.isName()) {
    const plugin = c.name().toLowerCase();
    if (
      !/^(user_variables|(client|user|index|table)_statistics|locales|query_cache_info|query_response_time|wsrep_(membership|status)|metadata_lock_info)$/.test(
        plugin,
      )
    )
      throw c.errorAt(c.tokens.starts[c.i - 1] ?? 0);
    found.what = plugin;
    return filter(c, found);
  }
  throw c.error();
}

/** The user of an account's name, which stays to be read. */
function accountUser(c: Cursor): string {
  const at = c.i;
  const user = c.nameOrString();
  c.seek(at);
  return user;
}

function filter(c: Cursor, found: Found): void {
  if (c.accept("like")) found.like = c.string();
  else if (c.accept("where")) found.where = expression(c);
}

function from(c: Cursor, found: Found): void {
  if (c.w !== "from" && c.w !== "in") return;
  c.next();
  found.schema = c.name();
}

function tableAndSchema(c: Cursor, found: Found): void {
  c.oneOf(["from", "in"]);
  qualified(c, found);
  from(c, found);
}

function qualified(c: Cursor, found: Found): void {
  const name = c.objectName();
  found.schema = name.schema;
  found.name = name.name;
}

function vschema(c: Cursor, found: Found): void {
  c.next();
  const what = c.oneOf(["tables", "vindexes", "keyspaces"]);
  found.what = `vschema ${what}`;
  if (what === "vindexes" && (c.accept("on") || c.w === "from" || c.w === "in")) {
    c.maybeOneOf(["from", "in"]);
    qualified(c, found);
  }
}

function create(c: Cursor, found: Found): void {
  c.next();
  const kinds = [
    "table",
    "view",
    "database",
    "schema",
    "procedure",
    "function",
    "trigger",
    "event",
    "sequence",
    "user",
    "package",
  ];
  if (!kinds.includes(c.w)) throw c.error();
  let what = c.w === "schema" ? "database" : c.w;
  c.next();
  if (what === "package" && c.accept("body")) what = "package body";
  found.what = `create ${what}`;
  if (what === "user") {
    if (c.atEnd()) return;
    if (c.w !== "current_user") found.name = accountUser(c);
    accountName(c);
    return;
  }
  if (what === "database" && c.accept("if")) {
    c.expect("not");
    c.expect("exists");
  }
  qualified(c, found);
}

function profile(c: Cursor, found: Found): void {
  c.next();
  found.what = "profile";
  const types = ["all", "cpu", "ipc", "memory", "source", "swaps"];
  if (types.includes(c.w) || c.w === "block" || c.w === "context" || c.w === "page")
    do {
      if (c.accept2("block", "io") || c.accept2("context", "switches") || c.accept2("page", "faults")) continue;
      if (!types.includes(c.w)) throw c.error();
      c.next();
    } while (c.accept(","));
  if (c.accept2("for", "query")) c.integer();
  if (c.w === "limit") limitClause(c);
}

function events(c: Cursor): void {
  if (c.accept("in")) c.string();
  if (c.accept("from")) c.integer();
  if (c.w === "limit") limitClause(c);
}

function channel(c: Cursor): void {
  if (c.accept2("for", "channel")) c.nameOrString();
}
