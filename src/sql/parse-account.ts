// Statements about accounts: users, roles, and what they are granted.

import type { Cursor } from "./cursor.ts";
import { T } from "./lexer.ts";
import { accountName } from "./parse-session.ts";
import { skipParentheses, skipRest } from "./skipped.ts";
import type { ObjectName } from "./tree.ts";

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

function accounts(c: Cursor): void {
  do accountName(c);
  while (c.accept(","));
}

/** CREATE, ALTER, DROP and RENAME of users and roles. */
export function account(c: Cursor): string {
  const word = c.w;
  c.next();
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
export function grant(c: Cursor, tables: ObjectName[]): string {
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

export function setAccount(c: Cursor): string {
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
