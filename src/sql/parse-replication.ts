// Statements about replication and its logs: CHANGE, START, STOP, RESET, PURGE.

import type { Cursor } from "./cursor.ts";
import { T } from "./lexer.ts";
import { expression } from "./parse-expr.ts";
import { needRest, skipRest } from "./skipped.ts";

export function reset(c: Cursor): string {
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

export function purge(c: Cursor): string {
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

export function change(c: Cursor): string {
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

export function startStop(c: Cursor): string {
  const word = c.w;
  c.next();
  const all = c.accept("all");
  const what = c.oneOf(["slave", "replica", "group_replication", "slaves", "replicas"]);
  if (all !== (what === "slaves" || what === "replicas")) throw c.error();
  skipRest(c);
  return `${word} ${what === "group_replication" ? what : "replica"}`;
}
