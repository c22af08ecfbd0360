// INSERT, REPLACE, UPDATE, DELETE, LOAD DATA.

import type { Cursor } from "./cursor.ts";
import { T } from "./lexer.ts";
import { expression } from "./parse-expr.ts";
import { columnName } from "./parse-function.ts";
import {
  innerQuery,
  limitClause,
  optimizerHints,
  orderBy,
  outfileFormat,
  queryExpression,
  returningItems,
  rowValues,
  valueOrDefault,
} from "./parse-query.ts";
import { tableName, tableReferences } from "./parse-table.ts";
import { canonicalText } from "./token-text.ts";
import type {
  Assignment,
  Column,
  Delete,
  Expr,
  Insert,
  InsertRow,
  LoadData,
  ObjectName,
  Query,
  TableName,
  TableRef,
  Update,
  UserVariable,
  With,
} from "./tree.ts";

const NO_VALUES: readonly Expr[] = [];

/** INSERT and REPLACE. */
export function insert(c: Cursor): Insert {
  const pos = c.pos;
  const replace = c.w === "replace";
  c.next();
  const hints = optimizerHints(c);
  const priority = c.maybeOneOf(replace ? ["low_priority", "delayed"] : ["low_priority", "delayed", "high_priority"]);
  const ignore = !replace && c.accept("ignore");
  c.accept("into");
  const table = c.objectName();
  let partitions: readonly string[] = [];
  if (c.w === "partition" && c.peek(1) === "(") {
    c.next();
    partitions = c.nameList();
  }
  let form: Insert["form"] = "values";
  const columns: Column[] = [];
  let columnList = false;
  const rows: InsertRow[] = [];
  let query: Query | undefined;
  if (c.w === "(" && !c.atQuery()) {
    columnList = true;
    c.next();
    if (!c.is(")"))
      do columns.push(columnName(c));
      while (c.accept(","));
    c.expect(")");
  }
  if (!columnList && c.w === "set") {
    c.next();
    form = "set";
    const rowPos = c.pos;
    const values: Expr[] = [];
    do {
      columns.push(columnName(c));
      if (!c.accept("=")) c.expect(":=");
      values.push(valueOrDefault(c));
    } while (c.accept(","));
    rows.push({ kind: "insertRow", values, pos: rowPos });
  } else if ((c.w === "values" || c.w === "value") && c.peek(1) !== "row") {
    c.next();
    do {
      const rowPos = c.pos;
      c.expect("(");
      const values = c.is(")") ? NO_VALUES : rowValues(c);
      c.expect(")");
      rows.push({ kind: "insertRow", values, pos: rowPos });
    } while (c.accept(","));
  } else if (c.atQuery()) {
    form = "query";
    query = innerQuery(c, (inner) => queryExpression(inner));
  } else throw c.error();
  let rowAlias: string | undefined;
  let rowAliasColumns: readonly string[] = [];
  if (c.w === "as" && form !== "query") {
    c.next();
    rowAlias = c.name();
    if (c.is("(")) rowAliasColumns = c.nameList();
  }
  const onDuplicate: Assignment[] = [];
  if (!replace && c.w === "on") {
    c.next();
    c.expect("duplicate");
    c.expect("key");
    c.expect("update");
    onDuplicate.push(...assignments(c));
  }
  return {
    kind: "insert",
    replace,
    hints,
    priority,
    ignore,
    table,
    partitions,
    columns,
    columnList,
    form,
    rows,
    query,
    rowAlias,
    rowAliasColumns,
    onDuplicate,
    returning: returningItems(c),
    pos,
  };
}

export function assignments(c: Cursor): Assignment[] {
  const list: Assignment[] = [];
  do {
    const pos = c.pos;
    const column = columnName(c);
    if (!c.accept("=")) c.expect(":=");
    list.push({ kind: "assignment", column, value: valueOrDefault(c), pos });
  } while (c.accept(","));
  return list;
}

export function update(c: Cursor, withClause: With | undefined): Update {
  const pos = withClause?.pos ?? c.pos;
  c.next();
  const hints = optimizerHints(c);
  const lowPriority = c.accept("low_priority");
  const ignore = c.accept("ignore");
  const tables = tableReferences(c);
  c.expect("set");
  const set = assignments(c);
  const where = c.accept("where") ? expression(c) : undefined;
  const order = orderBy(c);
  const limit = c.w === "limit" ? limitClause(c) : undefined;
  return {
    kind: "update",
    with: withClause,
    hints,
    lowPriority,
    ignore,
    tables,
    set,
    where,
    orderBy: order,
    limit,
    pos,
  };
}

export function deleteStatement(c: Cursor, withClause: With | undefined): Delete {
  const pos = withClause?.pos ?? c.pos;
  c.next();
  const hints = optimizerHints(c);
  let lowPriority = false;
  let quick = false;
  let ignore = false;
  for (;;) {
    if (c.w === "low_priority") lowPriority = true;
    else if (c.w === "quick" && c.peek(1) !== "," && c.peek(1) !== ".") quick = true;
    else if (c.w === "ignore") ignore = true;
    else break;
    c.next();
  }
  let form: Delete["form"] = "from";
  let targets: ObjectName[] = [];
  let tables: readonly TableRef[];
  if (c.accept("from")) {
    const start = c.i;
    const first = target(c);
    if (c.w === "using" || c.w === "," || first.star) {
      c.seek(start);
      targets = targetList(c);
      c.expect("using");
      form = "using";
      tables = tableReferences(c);
    } else {
      c.seek(start);
      form = "single";
      tables = [singleTable(c)];
    }
  } else {
    targets = targetList(c);
    c.expect("from");
    tables = tableReferences(c);
  }
  const where = c.accept("where") ? expression(c) : undefined;
  const order = orderBy(c);
  const limit = c.w === "limit" ? limitClause(c) : undefined;
  const returning = returningItems(c);
  return {
    kind: "delete",
    with: withClause,
    hints,
    lowPriority,
    quick,
    ignore,
    form,
    targets,
    tables,
    where,
    orderBy: order,
    limit,
    returning,
    pos,
  };
}

/** The table of DELETE FROM t; PARTITION stands behind the alias in MySQL and before it in MariaDB. */
function singleTable(c: Cursor): TableName {
  const table = tableName(c, "full");
  if (table.partitions.length > 0 || c.w !== "partition") return table;
  c.next();
  return { ...table, partitions: c.nameList() };
}

function targetList(c: Cursor): ObjectName[] {
  const list: ObjectName[] = [];
  do list.push(target(c).name);
  while (c.accept(","));
  return list;
}

/** `t`, `t.*`, `s.t`, `s.t.*` */
function target(c: Cursor): { name: ObjectName; star: boolean } {
  const pos = c.pos;
  let name = c.name();
  let schema: string | undefined;
  let star = false;
  if (c.accept(".")) {
    if (c.accept("*")) star = true;
    else {
      schema = name;
      name = c.name();
      if (c.w === "." && c.peek(1) === "*") {
        c.seek(c.i + 2);
        star = true;
      }
    }
  }
  return { name: { kind: "name", schema, name, pos }, star };
}

/** LOAD DATA and LOAD XML. */
export function load(c: Cursor): LoadData {
  const pos = c.pos;
  const start = c.i;
  c.next();
  const what = c.oneOf(["data", "xml"]);
  c.maybeOneOf(["low_priority", "concurrent"]);
  const local = c.accept("local");
  c.expect("infile");
  const file = c.string();
  const duplicates = c.maybeOneOf(["replace", "ignore"]);
  c.expect("into");
  c.expect("table");
  const table = c.objectName();
  const partitions = c.accept("partition") ? c.nameList() : [];
  if (what === "xml") {
    if (c.accept2("character", "set")) c.nameOrString();
    if (c.accept2("rows", "identified")) {
      c.expect("by");
      c.string();
    }
  }
  const format = outfileFormat(c, false);
  let skippedLines = 0;
  if (c.accept("ignore")) {
    skippedLines = Number(c.integer());
    c.oneOf(["lines", "rows"]);
  }
  const targets: (Column | UserVariable)[] = [];
  if (c.accept("(")) {
    if (c.w !== ")")
      do {
        const targetPos = c.pos;
        if (c.k === T.userVariable) targets.push({ kind: "userVariable", name: c.userVariable(), pos: targetPos });
        else targets.push(columnName(c));
      } while (c.accept(","));
    c.expect(")");
  }
  const set = c.accept("set") ? assignments(c) : [];
  const text = canonicalText(c, start, c.i);
  return {
    kind: "load",
    what,
    local,
    file,
    duplicates,
    table,
    partitions,
    format,
    skippedLines,
    targets,
    set,
    text,
    pos,
  };
}
