// The columns of a view, or of a table made from a query, out of the definitions of the tables it reads. A column that is
// passed on keeps its type; the type of an expression is a server's to say and is left open. Knows FROM clauses of plain
// tables, joins and derived tables; anything else is not known.

import { print } from "../sql/print.ts";
import type { Column, Query, Select, TableName, TableRef } from "../sql/tree.ts";
import type { ColumnSchema } from "./model.ts";

/** Columns of a table, undefined when they are not known. */
export type ColumnsOf = (table: TableName) => readonly ColumnSchema[] | undefined;

interface Source {
  readonly schema: string | undefined;
  readonly alias: string;
  readonly columns: readonly ColumnSchema[] | undefined;
}

/** What the query gives, in order; undefined when that cannot be told. */
export function queryColumns(query: Query, columnsOf: ColumnsOf): readonly ColumnSchema[] | undefined {
  const visible = withCtes(query, columnsOf);
  switch (query.kind) {
    case "select":
      return selectColumns(query, visible);
    case "union":
      // The parts decide the types together.
      return queryColumns(query.first, visible)?.map((column) =>
        query.rest.length === 0 ? column : unknown(column.name),
      );
    case "table":
      return visible(query.table);
    case "values":
      return undefined;
  }
}

/** The view's SELECT with its columns named as the view names them; undefined when that takes more than aliases. */
export function viewQueryText(query: Query, names: readonly string[]): string | undefined {
  if (names.length === 0) return print(query);
  const named = withNames(query, names);
  return named === undefined ? undefined : print(named);
}

function withNames(query: Query, names: readonly string[]): Query | undefined {
  if (query.kind === "union") {
    const first = withNames(query.first, names);
    return first === undefined ? undefined : { ...query, first };
  }
  if (query.kind !== "select") return undefined;
  const items = query.items.flatMap((item, index) => {
    const alias = names[index];
    return item.kind === "expr" && alias !== undefined ? [{ ...item, alias }] : [];
  });
  return items.length === query.items.length ? { ...query, items } : undefined;
}

function withCtes(query: Query, columnsOf: ColumnsOf): ColumnsOf {
  let visible = columnsOf;
  for (const cte of query.with?.ctes ?? []) {
    const before = visible;
    const found = queryColumns(cte.query, before);
    const columns = cte.columns.length === 0 ? found : cte.columns.map((name, index) => renamed(found?.[index], name));
    const lower = cte.name.toLowerCase();
    visible = (table) => (table.schema === undefined && table.name.toLowerCase() === lower ? columns : before(table));
  }
  return visible;
}

function selectColumns(select: Select, columnsOf: ColumnsOf): readonly ColumnSchema[] | undefined {
  const sources: Source[] = [];
  let plainJoins = true;
  let outer = false;
  const add = (ref: TableRef): void => {
    if (ref.kind === "tableList") ref.tables.forEach(add);
    else if (ref.kind === "join") {
      add(ref.left);
      add(ref.right);
      plainJoins &&= !ref.natural && ref.using.length === 0;
      outer ||= ref.type === "left" || ref.type === "right";
    } else sources.push(sourceOf(ref, columnsOf));
  };
  select.from.forEach(add);
  const columns: ColumnSchema[] = [];
  // Either side of an outer join may be filled with NULLs.
  const passed = (column: ColumnSchema): ColumnSchema => (outer ? { ...column, nullable: true } : column);
  for (const item of select.items) {
    if (item.kind === "nextValues") return undefined;
    if (item.kind === "expr") {
      const found = item.expr.kind === "column" ? columnOf(item.expr, sources, plainJoins) : undefined;
      const name = item.alias ?? (item.expr.kind === "column" ? item.expr.name : item.text);
      columns.push(found === undefined ? unknown(name) : renamed(passed(found), name));
      continue;
    }
    if (item.table === undefined && !plainJoins) return undefined;
    const { table, schema } = item;
    const starred = table === undefined ? sources : sources.filter((source) => matches(source, schema, table));
    if (starred.length === 0) return undefined;
    for (const source of starred) {
      if (source.columns === undefined) return undefined;
      columns.push(...source.columns.filter(({ invisible }) => !invisible).map(passed));
    }
  }
  return columns;
}

function sourceOf(ref: Exclude<TableRef, { kind: "join" | "tableList" }>, columnsOf: ColumnsOf): Source {
  switch (ref.kind) {
    case "tableName":
      return { schema: ref.schema, alias: (ref.alias ?? ref.name).toLowerCase(), columns: columnsOf(ref) };
    case "derived": {
      const found = queryColumns(ref.query, columnsOf);
      const columns =
        ref.columns.length === 0 ? found : ref.columns.map((name, index) => renamed(found?.[index], name));
      return { schema: undefined, alias: (ref.alias ?? "").toLowerCase(), columns };
    }
    case "jsonTable":
      return { schema: undefined, alias: (ref.alias ?? "").toLowerCase(), columns: undefined };
  }
}

function matches(source: Source, schema: string | undefined, table: string): boolean {
  return (
    source.alias === table.toLowerCase() &&
    (schema === undefined || source.schema === undefined || source.schema === schema)
  );
}

function columnOf(column: Column, sources: readonly Source[], plainJoins: boolean): ColumnSchema | undefined {
  const { table, schema } = column;
  const lower = column.name.toLowerCase();
  const searched = table === undefined ? sources : sources.filter((source) => matches(source, schema, table));
  if (table === undefined && !plainJoins) return undefined;
  if (searched.some(({ columns }) => columns === undefined)) return undefined;
  const found = searched.flatMap(({ columns }) => columns?.filter((each) => each.lower === lower) ?? []);
  return found.length === 1 ? found[0] : undefined;
}

function renamed(column: ColumnSchema | undefined, name: string): ColumnSchema {
  if (column === undefined) return unknown(name);
  return { ...column, name, lower: name.toLowerCase(), invisible: false };
}

/** A column of which nothing but the name is known. */
function unknown(name: string): ColumnSchema {
  return {
    name,
    lower: name.toLowerCase(),
    dataType: "",
    columnType: "",
    unsigned: false,
    nullable: true,
    charset: undefined,
    collation: undefined,
    invisible: false,
    autoIncrement: false,
    generated: false,
  };
}
