// Statements that look after tables and what servers keep in memory: ANALYZE, CHECK, OPTIMIZE, REPAIR, FLUSH, key caches.

import type { Cursor } from "./cursor.ts";
import { needRest, skipParentheses, skipRest } from "./skipped.ts";
import type { ObjectName } from "./tree.ts";

function tableList(c: Cursor, tables: ObjectName[]): void {
  do tables.push(c.objectName());
  while (c.accept(","));
}

export function maintenance(c: Cursor, tables: ObjectName[]): string {
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

export function flush(c: Cursor, tables: ObjectName[]): string {
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

export function cacheTables(c: Cursor, tables: ObjectName[]): void {
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

export function loadOther(c: Cursor, tables: ObjectName[]): string {
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
