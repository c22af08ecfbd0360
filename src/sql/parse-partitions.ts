// PARTITION BY, and lists of partitions.

import type { Cursor } from "./cursor.ts";
import { namedOption, value } from "./parse-definition.ts";
import { expression } from "./parse-expr.ts";

export function partitionBy(c: Cursor): void {
  c.expect("partition");
  c.expect("by");
  partitionType(c);
  if (c.accept("partitions")) c.integer();
  if (c.w === "subpartition") {
    c.next();
    c.expect("by");
    c.accept("linear");
    if (c.accept("hash")) parenthesizedExpr(c);
    else {
      c.expect("key");
      keyAlgorithm(c);
      c.nameList();
    }
    if (c.accept("subpartitions")) c.integer();
  }
  if (c.w === "(") partitions(c);
}

function keyAlgorithm(c: Cursor): void {
  if (!c.accept("algorithm")) return;
  c.expect("=");
  c.integer();
}

function partitionType(c: Cursor): void {
  c.accept("linear");
  switch (c.w) {
    case "hash":
      c.next();
      parenthesizedExpr(c);
      return;
    case "key":
      c.next();
      keyAlgorithm(c);
      c.expect("(");
      if (!c.is(")")) c.names();
      c.expect(")");
      return;
    case "range":
    case "list":
      c.next();
      if (c.accept("columns")) c.nameList();
      else parenthesizedExpr(c);
      return;
    case "system_time":
      systemTimePartitions(c);
      return;
    default:
      throw c.error();
  }
}

/** MariaDB: PARTITION BY SYSTEM_TIME [INTERVAL n unit] [LIMIT n] [STARTS …] [AUTO] */
function systemTimePartitions(c: Cursor): void {
  c.next();
  for (;;) {
    const word = c.maybeOneOf(["interval", "limit", "starts", "auto"]);
    if (word === undefined) return;
    if (word === "auto") continue;
    expression(c);
    if (word === "interval") c.next();
  }
}

function parenthesizedExpr(c: Cursor): void {
  c.expect("(");
  expression(c);
  c.expect(")");
}

/** `(PARTITION name … , …)` */
export function partitions(c: Cursor): void {
  c.expect("(");
  do partition(c);
  while (c.accept(","));
  c.expect(")");
}

export function partition(c: Cursor): void {
  // MariaDB can do without the word.
  if (!c.accept("partition") && !c.mariadb) throw c.error();
  c.name();
  if (c.accept("values")) {
    if (c.accept2("less", "than")) {
      if (!c.accept("maxvalue")) boundList(c);
    } else if (c.accept("in")) boundList(c);
    else throw c.error();
  } else if (c.mariadb) c.maybeOneOf(["default", "history", "current"]);
  partitionOptions(c);
  if (c.accept("(")) {
    do {
      c.expect("subpartition");
      c.nameOrString();
      partitionOptions(c);
    } while (c.accept(","));
    c.expect(")");
  }
}

function boundList(c: Cursor): void {
  c.expect("(");
  do {
    if (c.accept("maxvalue")) continue;
    if (c.w === "(") {
      boundList(c);
      continue;
    }
    expression(c);
  } while (c.accept(","));
  c.expect(")");
}

function partitionOptions(c: Cursor): void {
  for (;;) {
    switch (c.w) {
      case "storage":
        c.next();
        c.expect("engine");
        continue;
      case "engine":
      case "comment":
      case "max_rows":
      case "min_rows":
      case "tablespace":
      case "nodegroup":
        c.next();
        c.accept("=");
        value(c);
        continue;
      case "data":
      case "index":
        c.next();
        c.expect("directory");
        c.accept("=");
        c.string();
        continue;
      default:
        if (!namedOption(c)) return;
    }
  }
}
