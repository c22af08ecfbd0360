// Which tables the columns of an answer come from, as its client is told. Of a query over several keyspaces no server knows
// it: the rows of one of them stand under another name in the other's statement.

import type { Query } from "../sql/tree.ts";
import { columnOf, columnsOfStar, type QueryScope, type Resolved, resolveColumn } from "./scope.ts";

export interface ColumnOrigin {
  /** What the query calls the table. */
  readonly alias: string;
  /** Of a table of a keyspace; undefined: of a derived one. */
  readonly table: { readonly keyspace: string; readonly name: string; readonly column: string } | undefined;
}

/** By column; undefined for one that is computed. None when the columns are not known. */
export function originsOf(query: Query, scope: QueryScope): readonly (ColumnOrigin | undefined)[] {
  const { block } = scope;
  if (query.kind !== "select" || block === undefined) return [];
  const origins: (ColumnOrigin | undefined)[] = [];
  for (const item of query.items) {
    if (item.kind === "expr") {
      const resolved = item.expr.kind === "column" ? resolveColumn(item.expr, block) : undefined;
      origins.push(resolved === undefined ? undefined : originOf(resolved));
      continue;
    }
    const columns = item.kind === "star" ? columnsOfStar(item, block) : undefined;
    if (columns === undefined) return [];
    for (const { source, column } of columns) origins.push(originOf({ source, lower: column.lower }));
  }
  return origins;
}

function originOf(column: Resolved): ColumnOrigin {
  const { resolved, shownAlias } = column.source;
  const name = columnOf(column)?.name ?? column.lower;
  const table =
    resolved === undefined ? undefined : { keyspace: resolved.keyspace.keyspace, name: resolved.name, column: name };
  return { alias: shownAlias, table };
}
