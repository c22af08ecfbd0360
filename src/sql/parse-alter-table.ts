// ALTER TABLE behind the name.

import type { Cursor } from "./cursor.ts";
import { T } from "./lexer.ts";
import { columnDefinition, defaultValue } from "./parse-column-definition.ts";
import type { Found } from "./parse-ddl.ts";
import { addColumn, element, enforced, ifClause, key, period, startsKey } from "./parse-definition.ts";
import { collationName } from "./parse-expr.ts";
import { columnName } from "./parse-function.ts";
import { partition, partitionBy, partitions } from "./parse-partitions.ts";
import { lockWait } from "./parse-session.ts";
import { tableOptions } from "./parse-table-options.ts";
import { acceptCharset, charsetName } from "./parse-type.ts";
import type { ColumnPlace } from "./table-definition.ts";

/** ALTER TABLE behind the name: a list of changes, partition changes last. */
export function alterTableBody(c: Cursor, found: Found): void {
  lockWait(c);
  if (c.atEnd()) return;
  do {
    if (c.w === "partition" && c.peek(1) === "by") break;
    alteration(c, found);
    // These may follow table options without a comma.
    if (c.w === "remove") alteration(c, found);
    if (c.w === "partition" && c.peek(1) === "by") break;
  } while (c.accept(","));
  if (c.w === "partition") partitionBy(c);
}

function alteration(c: Cursor, found: Found): void {
  switch (c.w) {
    case "add":
      c.next();
      add(c, found);
      return;
    case "drop":
      c.next();
      drop(c, found);
      return;
    case "change":
    case "modify": {
      const renames = c.w === "change";
      c.next();
      c.accept("column");
      ifClause(c);
      const name = c.name();
      const column = columnDefinition(c, renames ? c.name() : name, found);
      found.definition.changes.push({ kind: "change-column", name, column, place: place(c) });
      return;
    }
    case "alter":
      c.next();
      alterPart(c, found);
      return;
    case "rename":
      c.next();
      if (c.is("column") || c.is("index") || c.is("key")) {
        const kind = c.oneOf(["column", "index", "key"]) === "column" ? "rename-column" : "rename-key";
        ifClause(c);
        const from = c.name();
        c.expect("to");
        found.definition.changes.push({ kind, from, to: c.name() });
      } else {
        c.maybeOneOf(["to", "as", "="]);
        found.names.push(c.objectName());
      }
      return;
    case "order":
      c.next();
      c.expect("by");
      do {
        columnName(c);
        c.maybeOneOf(["asc", "desc"]);
      } while (!alterWordAfterComma(c) && c.accept(","));
      return;
    case "convert":
      c.next();
      if (c.accept("partition")) {
        exchangePartition(c, found, "to");
        return;
      }
      if (c.mariadb && c.accept("table")) {
        found.references.push(c.objectName());
        c.expect("to");
        if (!c.is("partition")) throw c.error();
        partition(c);
        validation(c);
        return;
      }
      c.expect("to");
      if (!acceptCharset(c)) throw c.error();
      {
        const charset = c.accept("default") ? undefined : charsetName(c).toLowerCase();
        const collated = c.accept("collate") && !c.accept("default");
        const collation = collated ? collationName(c).toLowerCase() : undefined;
        found.definition.changes.push({ kind: "convert", charset, collation });
      }
      return;
    case "algorithm":
    case "lock":
      c.next();
      c.accept("=");
      c.anyWord();
      return;
    case "enable":
    case "disable":
      c.next();
      c.expect("keys");
      return;
    case "discard":
    case "import":
      c.next();
      if (c.accept("partition")) namesOrAll(c);
      c.expect("tablespace");
      return;
    case "force":
      c.next();
      return;
    case "with":
    case "without":
      if (c.peek(1) === "validation") {
        c.seek(c.i + 2);
        return;
      }
      if (!tableOptions(c, found)) throw c.error();
      return;
    case "truncate":
    case "analyze":
    case "check":
    case "optimize":
    case "repair":
    case "rebuild":
    case "coalesce":
      partitionCommand(c);
      return;
    case "exchange":
      c.next();
      c.expect("partition");
      exchangePartition(c, found, "with");
      return;
    case "reorganize":
      c.next();
      c.expect("partition");
      c.accept("no_write_to_binlog");
      c.accept("local");
      if (c.isName()) c.names();
      if (c.accept("into")) partitions(c);
      return;
    case "remove":
      c.next();
      c.expect("partitioning");
      return;
    case "upgrade":
      c.next();
      c.expect("partitioning");
      return;
    case "secondary_load":
    case "secondary_unload":
      c.next();
      return;
    default:
      if (!tableOptions(c, found)) throw c.error();
  }
}

/** The comma ends ORDER BY columns when an alteration's word follows. */
function alterWordAfterComma(c: Cursor): boolean {
  return c.w === "," && c.peekKind(1) === T.keyword;
}

function add(c: Cursor, found: Found): void {
  if (c.accept("partition")) {
    ifClause(c);
    c.maybeOneOf(["no_write_to_binlog", "local"]);
    if (c.accept("partitions")) c.integer();
    else partitions(c);
    return;
  }
  if (startsKey(c)) {
    key(c, found);
    return;
  }
  if (c.w === "period" && c.peek(1) === "for") {
    period(c);
    return;
  }
  if (c.w === "system" && c.peek(1) === "versioning") {
    c.seek(c.i + 2);
    return;
  }
  c.accept("column");
  const ifNotExists = ifClause(c);
  if (c.w === "(") {
    c.next();
    do element(c, found);
    while (c.accept(","));
    c.expect(")");
    return;
  }
  addColumn(c, found, ifNotExists, () => place(c));
}

/** FIRST, AFTER column */
function place(c: Cursor): ColumnPlace | undefined {
  if (c.accept("first")) return { kind: "first" };
  return c.accept("after") ? { kind: "after", name: c.name() } : undefined;
}

function drop(c: Cursor, { definition: { changes } }: Found): void {
  switch (c.w) {
    case "primary":
      c.next();
      c.expect("key");
      changes.push({ kind: "drop-key", name: "PRIMARY" });
      return;
    case "index":
    case "key":
      c.next();
      ifClause(c);
      changes.push({ kind: "drop-key", name: c.is("primary") ? c.raw() : c.name() });
      return;
    case "foreign":
      c.next();
      c.expect("key");
      ifClause(c);
      c.name();
      return;
    case "constraint":
    case "check":
      c.next();
      ifClause(c);
      // A constraint may be a unique key.
      changes.push({ kind: "drop-key", name: c.name() });
      return;
    case "partition":
      c.next();
      ifClause(c);
      c.names();
      return;
    case "period":
      if (c.peek(1) === "for") {
        c.seek(c.i + 2);
        c.name();
        return;
      }
      break;
    case "system":
      if (c.peek(1) === "versioning") {
        c.seek(c.i + 2);
        return;
      }
      break;
  }
  c.accept("column");
  ifClause(c);
  changes.push({ kind: "drop-column", name: c.name() });
  c.maybeOneOf(["restrict", "cascade"]);
}

/** ALTER [COLUMN] c SET|DROP DEFAULT …, ALTER INDEX i VISIBLE, ALTER CHECK c ENFORCED. */
function alterPart(c: Cursor, found: Found): void {
  if (c.w === "index" || c.w === "key") {
    c.next();
    ifClause(c);
    c.name();
    if (c.accept("not")) c.expect("ignored");
    else c.oneOf(["visible", "invisible", "ignored"]);
    return;
  }
  if (c.w === "check" || c.w === "constraint") {
    c.next();
    c.name();
    if (!c.is("not") && !c.is("enforced")) throw c.error();
    enforced(c);
    return;
  }
  c.accept("column");
  ifClause(c);
  const name = c.name();
  if (c.accept("drop")) {
    c.expect("default");
    return;
  }
  c.expect("set");
  if (c.w === "visible" || c.w === "invisible") {
    found.definition.changes.push({ kind: "show-column", name, visible: c.w === "visible" });
    c.next();
    return;
  }
  c.expect("default");
  defaultValue(c);
}

function namesOrAll(c: Cursor): void {
  if (!c.accept("all")) c.names();
}

function partitionCommand(c: Cursor): void {
  const word = c.w;
  c.next();
  c.expect("partition");
  c.maybeOneOf(["no_write_to_binlog", "local"]);
  if (word === "coalesce") {
    c.integer();
    return;
  }
  namesOrAll(c);
  while (word === "check" || word === "repair") {
    if (c.accept2("for", "upgrade")) continue;
    if (c.maybeOneOf(["quick", "fast", "medium", "extended", "changed", "use_frm"]) === undefined) return;
  }
}

function exchangePartition(c: Cursor, found: Found, word: "with" | "to"): void {
  c.name();
  c.expect(word);
  c.expect("table");
  found.references.push(c.objectName());
  validation(c);
}

function validation(c: Cursor): void {
  if (c.maybeOneOf(["with", "without"]) !== undefined) c.expect("validation");
}
