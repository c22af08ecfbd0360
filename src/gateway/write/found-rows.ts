// Rows that a statement's own query computes for it, and their values as literals that store the same again.

import { notSupported } from "../../base/errors.ts";
import { COLLATION_BINARY } from "../../mysql/charsets.ts";
import { MYSQL_TYPE } from "../../mysql/constants.ts";
import type { ColumnDefinition } from "../../mysql/packets/column-definition.ts";
import type { BindValue } from "../../plan/statement.ts";
import { columnNode, itemNode, literalNode } from "../../sql/new-nodes.ts";
import { print } from "../../sql/print.ts";
import type { Cte, Expr, Query, Select, SelectItem, TableName } from "../../sql/tree.ts";
import { EMPTY_SELECT } from "./empty-statements.ts";
import type { Executor } from "../executor.ts";
import { queryInside } from "../read/inner-query.ts";
import type { TextResult } from "../read/text-rows.ts";

/** Runs the query as the session; FLOAT columns are read with all their digits. Throws what it is answered. */
export async function readFound(executor: Executor, query: Query, binds: readonly BindValue[]): Promise<TextResult> {
  const result = await queryInside(executor, textOfQuery(executor, query, binds));
  const floats = floatsOf(result.columns);
  if (!floats.includes(true)) return result;
  return queryInside(executor, textOfQuery(executor, widened(query, floats), binds));
}

export function floatsOf(columns: readonly ColumnDefinition[]): readonly boolean[] {
  return columns.map(({ type }) => type === MYSQL_TYPE.FLOAT);
}

export function textOfQuery(executor: Executor, query: Query, binds: readonly BindValue[]): string {
  return print(query, binds, { mode: executor.state.sqlMode, columnNames: true });
}

/** The same rows with some columns as DOUBLE, which has each FLOAT exactly. */
export function widened(query: Query, floats: readonly boolean[]): Select {
  const columns = floats.map((_, i) => `c${i}`);
  const items = columns.map((name, i): SelectItem => {
    const column = columnNode(name);
    const sum: Expr = { kind: "binary", op: "+", left: column, right: literalNode("float", "0e0"), pos: 0 };
    return itemNode(floats[i] === true ? sum : column);
  });
  const { pos } = query;
  const cte: Cte = { kind: "cte", name: ROWS, columns, query: { ...query, locking: [] }, cycle: [], pos };
  const table: TableName = {
    kind: "tableName",
    schema: undefined,
    name: ROWS,
    alias: undefined,
    partitions: [],
    indexHints: [],
    systemTime: undefined,
    pos,
  };
  const cteOfRows = { kind: "with", recursive: false, ctes: [cte], pos } as const;
  return { ...EMPTY_SELECT, items, from: [table], with: cteOfRows, pos };
}

const ROWS = "shardgate_rows";

/** `raw`, borrowed, as a literal of the column's type. Throws 1235 for text of a session that does not speak UTF-8. */
export function foundValue(column: ColumnDefinition | undefined, raw: Buffer | null, textIsUtf8: boolean): Expr {
  if (raw === null || column === undefined) return literalNode("null", "null");
  const text = raw.toString("latin1");
  switch (column.type) {
    case MYSQL_TYPE.TINY:
    case MYSQL_TYPE.SHORT:
    case MYSQL_TYPE.INT24:
    case MYSQL_TYPE.LONG:
    case MYSQL_TYPE.LONGLONG:
    case MYSQL_TYPE.YEAR:
      return literalNode("int", text);
    case MYSQL_TYPE.DECIMAL:
    case MYSQL_TYPE.NEWDECIMAL:
      return literalNode("decimal", text);
    case MYSQL_TYPE.FLOAT:
    case MYSQL_TYPE.DOUBLE:
      return literalNode("float", text.includes("e") ? text : `${text}e0`);
    case MYSQL_TYPE.DATE:
    case MYSQL_TYPE.NEWDATE:
    case MYSQL_TYPE.TIME:
    case MYSQL_TYPE.DATETIME:
    case MYSQL_TYPE.TIMESTAMP:
      return literalNode("string", text);
    case MYSQL_TYPE.BIT:
      // Compared and assigned it is a number, in a column of text too.
      return literalNode("int", String(BigInt(`0x${raw.toString("hex") || "0"}`)));
    case MYSQL_TYPE.GEOMETRY:
      return literalNode("hexval", raw.toString("hex"));
    default:
      if (column.collation === COLLATION_BINARY && column.type !== MYSQL_TYPE.JSON) {
        return literalNode("hexval", raw.toString("hex"));
      }
      if (raw.every((byte) => byte >= 0x20 && byte < 0x7f)) return literalNode("string", text);
      if (textIsUtf8) return { ...literalNode("hexval", raw.toString("hex")), introducer: "utf8mb4" };
      throw notSupported(
        "a change over shards with text beyond ASCII by a client that does not speak UTF-8",
        "SET NAMES utf8mb4",
      );
  }
}
