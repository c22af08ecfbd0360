// Statements that Shardgate only has to recognise: accounts, maintenance, replication, plugins, and Vitess's own
// commands. They are checked in outline and carried as canonical text with the tables they name.

import type { Cursor } from "./cursor.ts";
import { T } from "./lexer.ts";
import { expression, expressions } from "./parse-expr.ts";
import { limitClause } from "./parse-query.ts";
import { accountName } from "./parse-session.ts";
import { canonicalText } from "./token-text.ts";
import type { AlterVschema, ObjectName, Statement } from "./tree.ts";

/** SET PASSWORD, SET ROLE, SET DEFAULT ROLE, SET RESOURCE GROUP. */
export function atSetAccount(c: Cursor): boolean {
  switch (c.peek(1)) {
    case "password":
    case "role":
      return c.peek(2) !== ":=" && (c.peek(2) !== "=" || c.peek(1) === "password");
    case "default":
      return c.peek(2) === "role";
    case "resource":
      return c.peek(2) === "group";
    default:
      return false;
  }
}

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
      return diagnostics(c);
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
    case "create":
    case "alter":
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

function tableList(c: Cursor, tables: ObjectName[]): void {
  do tables.push(c.objectName());
  while (c.accept(","));
}

function maintenance(c: Cursor, tables: ObjectName[]): string {
  const word = c.w;
  c.next();
  if (word === "check" && c.accept("view")) {
    tableList(c, tables);
    return "check view";
  }
  if (word !== "check" && word !== "checksum") c.maybeOneOf(["local", "no_write_to_binlog"]);
  if (word === "repair" && c.accept("view")) {
    tableList(c, tables);
    skipRest(c);
    return "repair view";
  }
  c.oneOf(["table", "tables"]);
  tableList(c, tables);
  switch (word) {
    case "analyze":
      if (c.accept("update") || c.accept("drop")) {
        c.expect("histogram");
        needRest(c);
      } else if (c.accept("persistent")) {
        c.expect("for");
        needRest(c);
      }
      break;
    case "checksum":
      c.maybeOneOf(["quick", "extended"]);
      break;
    case "optimize":
      if (c.w === "wait" || c.w === "nowait") skipRest(c);
      break;
    default:
      for (;;) {
        if (c.accept2("for", "upgrade")) continue;
        if (c.maybeOneOf(["quick", "fast", "medium", "extended", "changed", "use_frm", "force"]) === undefined) break;
      }
  }
  return `${word} table`;
}

const FLUSH_WORDS: ReadonlySet<string> = new Set([
  "hosts",
  "logs",
  "privileges",
  "status",
  "user_resources",
  "optimizer_costs",
  "des_key_file",
  "master",
  "slave",
  "replica",
  "ssl",
  "threads",
]);

function flush(c: Cursor, tables: ObjectName[]): string {
  c.next();
  c.maybeOneOf(["local", "no_write_to_binlog"]);
  if (c.w === "table" || c.w === "tables") {
    c.next();
    if (c.isName()) tableList(c, tables);
    if (c.accept("with")) {
      c.expect("read");
      c.expect("lock");
      if (c.accept("and")) {
        c.expect("disable");
        c.expect("checkpoint");
      }
    } else if (c.accept("for")) c.expect("export");
    return "flush tables";
  }
  do {
    switch (c.w) {
      case "binary":
      case "engine":
      case "error":
      case "general":
      case "slow":
        c.next();
        c.expect("logs");
        break;
      case "relay":
        c.next();
        c.expect("logs");
        if (c.accept2("for", "channel")) c.nameOrString();
        break;
      case "query":
        c.next();
        c.expect("cache");
        break;
      default:
        if (FLUSH_WORDS.has(c.w)) c.next();
        else if (
          c.mariadb &&
          c.isName() &&
          /^(index_statistics|user_statistics|table_statistics|client_statistics|user_variables|query_response_time|locales)$/i.test(
            c.text.slice(c.pos, c.end()),
          )
        )
          c.next();
        else throw c.error();
    }
  } while (c.accept(","));
  return "flush";
}

function reset(c: Cursor): string {
  c.next();
  if (c.accept("persist")) {
    if (c.accept("if")) c.expect("exists");
    if (!c.atEnd()) {
      c.name();
      if (c.accept(".")) c.name();
    }
    return "reset persist";
  }
  do {
    if (c.accept("query")) {
      if (!c.accept("digests")) c.expect("cache");
    } else if (c.accept2("binary", "logs")) {
      c.accept2("and", "gtids");
    } else {
      const word = c.oneOf(["master", "slave", "replica"]);
      if (word === "master") {
        if (c.accept("to")) c.integer();
      } else {
        if (c.mariadb && c.k === T.string) c.next();
        c.accept("all");
        if (c.accept2("for", "channel")) c.nameOrString();
      }
    }
  } while (c.accept(","));
  return "reset";
}

function purge(c: Cursor): string {
  c.next();
  c.oneOf(["binary", "master"]);
  c.expect("logs");
  if (c.accept("to")) c.string();
  else {
    c.expect("before");
    expression(c);
  }
  return "purge";
}

function change(c: Cursor): string {
  c.next();
  if (c.accept("master")) {
    if (c.mariadb && c.k === T.string) c.next();
    c.expect("to");
    needRest(c);
    return "change master";
  }
  c.expect("replication");
  if (c.accept("filter")) {
    needRest(c);
    return "change replication filter";
  }
  c.expect("source");
  c.expect("to");
  needRest(c);
  return "change replication source";
}

function startStop(c: Cursor): string {
  const word = c.w;
  c.next();
  const all = c.accept("all");
  const what = c.oneOf(["slave", "replica", "group_replication", "slaves", "replicas"]);
  if (all !== (what === "slaves" || what === "replicas")) throw c.error();
  skipRest(c);
  return `${word} ${what === "group_replication" ? what : "replica"}`;
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

function cacheTables(c: Cursor, tables: ObjectName[]): void {
  do {
    tables.push(c.objectName());
    if (c.accept("partition")) skipParentheses(c);
    if (c.w === "index" || c.w === "key") {
      c.next();
      skipParentheses(c);
    }
    c.accept2("ignore", "leaves");
  } while (c.accept(","));
}

function loadOther(c: Cursor, tables: ObjectName[]): string {
  c.next();
  if (c.accept("data")) {
    // Aurora's LOAD DATA FROM S3, which Vitess recognises.
    c.expect("from");
    c.expect("s3");
    needRest(c);
    return "load data from s3";
  }
  c.expect("index");
  c.expect("into");
  c.expect("cache");
  cacheTables(c, tables);
  return "load index";
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

function diagnostics(c: Cursor): string {
  c.next();
  c.maybeOneOf(["current", "stacked"]);
  c.expect("diagnostics");
  if (c.accept("condition")) expression(c);
  needRest(c);
  return "get diagnostics";
}

// ------------------------------------------------------------------------------------------------------------ accounts

function accounts(c: Cursor): void {
  do accountName(c);
  while (c.accept(","));
}

/** CREATE, ALTER, DROP and RENAME of users and roles, and Vitess's ALTER VITESS_MIGRATION. */
function account(c: Cursor): string {
  const word = c.w;
  c.next();
  if (word === "alter" && c.accept("vitess_migration")) {
    migration(c);
    return "alter vitess_migration";
  }
  if (word === "create" && c.accept2("or", "replace") && !c.mariadb) throw c.error();
  const what = c.oneOf(word === "alter" || word === "rename" ? ["user"] : ["user", "role"]);
  if (c.accept("if")) {
    if (word === "create") c.expect("not");
    c.expect("exists");
  }
  if (word === "rename") {
    do {
      accountName(c);
      c.expect("to");
      accountName(c);
    } while (c.accept(","));
    return "rename user";
  }
  if (word === "drop") {
    accounts(c);
    return `drop ${what}`;
  }
  do {
    // ALTER USER USER() …
    if (c.w === "user" && c.peek(1) === "(") c.seek(c.i + 3);
    else accountName(c);
    if (what === "role") {
      if (c.accept2("with", "admin")) accountName(c);
      continue;
    }
    identification(c);
  } while (c.accept(","));
  if (what === "user") accountOptions(c);
  return `${word} ${what}`;
}

function identification(c: Cursor): void {
  if (
    c.w === "default" ||
    c.w === "discard" ||
    c.w === "initiate" ||
    c.w === "add" ||
    c.w === "modify" ||
    c.w === "drop"
  ) {
    if (c.w === "default" && c.peek(1) !== "role") return;
    if (c.w === "default") return;
    while (!c.atEnd() && !c.is(",") && !c.is("require")) c.next();
    return;
  }
  if (!c.accept("identified")) return;
  if (c.accept("by")) {
    if (c.accept("random")) c.expect("password");
    else {
      c.accept("password");
      c.string();
    }
  } else if (c.w === "with" || c.w === "via") {
    c.next();
    do {
      c.nameOrString();
      if (c.is("by") || c.is("as") || c.is("using")) {
        c.next();
        if (c.accept("random")) c.expect("password");
        else if (c.is("password") && c.peek(1) === "(") {
          c.next();
          skipParentheses(c);
        } else if (c.k === T.hexnum || c.k === T.hexval) c.next();
        else c.string();
      }
    } while (c.accept("or"));
  } else throw c.error();
  if (c.accept("replace")) c.string();
  if (c.accept2("retain", "current")) c.expect("password");
  if (c.w === "and") {
    c.next();
    identification(c);
  }
}

function accountOptions(c: Cursor): void {
  if (c.accept2("default", "role")) {
    if (!c.accept("none") && !c.accept("all")) accounts(c);
  }
  requirement(c);
  if (c.accept("with")) resources(c);
  for (;;) {
    switch (c.w) {
      case "password":
      case "account":
      case "failed_login_attempts":
      case "password_lock_time":
      case "comment":
      case "attribute":
        do c.next();
        while (!c.atEnd() && !c.atFault() && !isAccountOption(c));
        break;
      default:
        return;
    }
  }
}

function isAccountOption(c: Cursor): boolean {
  return (
    c.w === "account" ||
    c.w === "comment" ||
    c.w === "attribute" ||
    c.w === "failed_login_attempts" ||
    c.w === "password_lock_time"
  );
}

function requirement(c: Cursor): void {
  if (!c.accept("require")) return;
  if (c.maybeOneOf(["none", "ssl", "x509"]) !== undefined) return;
  do {
    c.oneOf(["cipher", "issuer", "subject"]);
    c.string();
    c.accept("and");
  } while (c.w === "cipher" || c.w === "issuer" || c.w === "subject");
}

function resources(c: Cursor): void {
  let any = false;
  for (;;) {
    switch (c.w) {
      case "max_queries_per_hour":
      case "max_updates_per_hour":
      case "max_connections_per_hour":
      case "max_user_connections":
      case "max_statement_time":
        c.next();
        if (c.k === T.decimal) c.next();
        else c.integer();
        any = true;
        break;
      default:
        if (!any) throw c.error();
        return;
    }
  }
}

/** GRANT and REVOKE of privileges and roles. */
function grant(c: Cursor, tables: ObjectName[]): string {
  const word = c.w;
  c.next();
  if (word === "revoke" && c.accept("if")) c.expect("exists");
  if (word === "revoke" && c.accept2("admin", "option")) c.expect("for");
  if (c.accept("proxy")) {
    c.expect("on");
    accountName(c);
  } else {
    privileges(c);
    if (c.accept("on")) privilegeLevel(c, tables);
  }
  c.expect(word === "grant" ? "to" : "from");
  do {
    if (c.mariadb && c.accept("public")) continue;
    accountName(c);
    if (word === "grant") identification(c);
  } while (c.accept(","));
  if (word === "grant") {
    requirement(c);
    while (c.accept("with")) {
      if (c.accept2("grant", "option") || c.accept2("admin", "option")) {
        if (!c.atEnd() && !c.is("as") && !c.is("with")) resources(c);
        continue;
      }
      resources(c);
      if (c.accept("grant")) c.expect("option");
    }
    if (c.accept("as")) {
      accountName(c);
      if (c.accept2("with", "role")) skipRest(c);
    }
  } else if (c.accept("ignore")) {
    c.expect("unknown");
    c.expect("user");
  }
  return word;
}

/** Words and role names up to ON, TO or FROM. */
function privileges(c: Cursor): void {
  do {
    let any = false;
    while (!c.atEnd() && c.w !== "," && c.w !== "on" && c.w !== "to" && c.w !== "from") {
      if (c.w === "(") {
        if (!any) throw c.error();
        c.nameList();
      } else if (c.k === T.word || c.k === T.keyword || c.k === T.quoted || c.k === T.string || c.k === T.userVariable)
        c.next();
      else throw c.error();
      any = true;
    }
    if (!any) throw c.error();
  } while (c.accept(","));
}

function privilegeLevel(c: Cursor, tables: ObjectName[]): void {
  if (c.w === "procedure" || c.w === "function" || c.w === "table") c.next();
  else if (c.w === "package") {
    c.next();
    c.accept("body");
  }
  if (c.accept("*")) {
    if (c.accept(".")) c.expect("*");
    return;
  }
  if (c.peek(1) === "." && c.peek(2) === "*") {
    c.name();
    c.seek(c.i + 2);
    return;
  }
  tables.push(c.objectName());
}

function setAccount(c: Cursor): string {
  c.next();
  if (c.accept("password")) {
    if (c.accept("for")) accountName(c);
    if (c.accept("=")) {
      if (c.w === "password" && c.peek(1) === "(") {
        c.next();
        skipParentheses(c);
      } else c.string();
    } else {
      c.expect("to");
      c.expect("random");
    }
    if (c.accept("replace")) c.string();
    if (c.accept2("retain", "current")) c.expect("password");
    return "set password";
  }
  if (c.accept("resource")) {
    c.expect("group");
    c.name();
    skipRest(c);
    return "set resource group";
  }
  const isDefault = c.accept("default");
  c.expect("role");
  if (isDefault) {
    if (!c.accept("none") && !c.accept("all")) accounts(c);
    if (c.accept("to") || c.accept("for")) accounts(c);
    return "set default role";
  }
  if (c.accept("all")) {
    if (c.accept("except")) accounts(c);
  } else if (!c.accept("none") && !c.accept("default")) accounts(c);
  return "set role";
}

// -------------------------------------------------------------------------------------------------------------- Vitess

/** Behind ALTER VITESS_MIGRATION. */
function migration(c: Cursor): void {
  if (c.k === T.string) c.string();
  const verb = c.oneOf([
    "retry",
    "cleanup",
    "launch",
    "complete",
    "postpone",
    "cancel",
    "throttle",
    "unthrottle",
    "force_cutover",
  ]);
  if (verb === "postpone") c.expect("complete");
  c.accept("all");
  if (c.accept("vitess_shards")) c.string();
  if (c.accept("expire")) c.string();
  if (c.accept("ratio")) {
    if (c.k === T.int || c.k === T.decimal) c.next();
    else throw c.error();
  }
}

/** ALTER VSCHEMA: the statements by which Vitess changes a VSchema. */
export function alterVschema(c: Cursor): AlterVschema {
  const pos = c.pos;
  const start = c.i;
  c.seek(c.i + 2);
  let table: ObjectName | undefined;
  let vindex: string | undefined;
  let verb: string;
  if (c.accept("on")) {
    table = c.objectName();
    if (c.accept("add")) {
      if (c.accept("auto_increment")) {
        verb = "add auto_increment";
        c.name();
        c.expect("using");
        c.objectName();
      } else {
        verb = "add vindex";
        c.expect("vindex");
        vindex = qualifiedName(c);
        c.nameList();
        vindexDefinition(c);
      }
    } else {
      c.expect("drop");
      if (c.accept("auto_increment")) verb = "drop auto_increment";
      else {
        c.expect("vindex");
        verb = "drop vindex";
        vindex = qualifiedName(c);
      }
    }
  } else {
    const action = c.oneOf(["create", "drop", "add"]);
    const what = c.oneOf(action === "create" ? ["vindex"] : ["vindex", "table", "sequence"]);
    verb = `${action} ${what}`;
    if (what === "vindex") {
      vindex = qualifiedName(c);
      if (action !== "drop") vindexDefinition(c);
    } else table = c.objectName();
  }
  return { kind: "alterVschema", verb, table, vindex, text: canonicalText(c, start, c.i), pos };
}

function qualifiedName(c: Cursor): string {
  const { schema, name } = c.objectName();
  return schema === undefined ? name : `${schema}.${name}`;
}

function vindexDefinition(c: Cursor): void {
  if (c.accept("using")) c.name();
  if (!c.accept("with")) return;
  do {
    c.anyWord();
    c.expect("=");
    if (c.k === T.string) c.string();
    else if (c.k === T.int || c.k === T.decimal || c.k === T.float) c.next();
    else c.anyWord();
  } while (c.accept(","));
}

// --------------------------------------------------------------------------------------------------------------- steps

function skipParentheses(c: Cursor): void {
  if (c.w !== "(") throw c.error();
  let depth = 0;
  do {
    if (c.atEnd() || c.atFault()) throw c.error();
    if (c.w === "(") depth++;
    else if (c.is(")")) depth--;
    c.next();
  } while (depth > 0);
}

/** Steps over what is left of the statement, which must be something. */
function needRest(c: Cursor): void {
  if (c.atEnd()) throw c.error();
  skipRest(c);
}

/** Steps over what is left of the statement; parentheses must match. */
export function skipRest(c: Cursor): void {
  let depth = 0;
  while (!c.atEnd()) {
    if (c.atFault()) throw c.error();
    if (c.w === "(") depth++;
    else if (c.w === ")" && --depth < 0) throw c.error();
    c.next();
  }
  if (depth > 0) throw c.error();
}
