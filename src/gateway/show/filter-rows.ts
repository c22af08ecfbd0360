// WHERE of a SHOW statement whose rows the gateway has put together: a mysqld evaluates it, over the rows as literals.

import { collect, errorOfReply } from "../../engine/collect.ts";
import { plainRequest } from "../../engine/ports.ts";
import { collationById, COLLATION_BINARY } from "../../mysql/charsets.ts";
import { MYSQL_TYPE } from "../../mysql/constants.ts";
import type { ColumnDefinition } from "../../mysql/packets/column-definition.ts";
import type { TextValue } from "../../mysql/packets/text-row.ts";
import type { ResultSet } from "../../mysql/result-writer.ts";
import { backquote } from "../../sql/quoting.ts";
import { printExpr } from "../../sql/print.ts";
import type { Expr } from "../../sql/tree.ts";
import type { ClusterView } from "../cluster/cluster-view.ts";
import { comQuery } from "../client/com-query.ts";
import type { Executor } from "../executor.ts";
import { withSessionValues } from "../session/session-values.ts";
import { readTextRows } from "../read/text-rows.ts";

const NUMBER = "shardgate_n";

/** The rows that meet `where`, which names their columns. Runs on a shard of `keyspace`; throws its error. */
export async function filterRows(
  executor: Executor,
  result: ResultSet,
  where: Expr,
  keyspace: string,
  cluster: ClusterView,
): Promise<ResultSet> {
  const { state, context, signal } = executor;
  const isMariadb = state.sqlMode.dialect === "mariadb";
  const { columns } = result;
  const tuple = (number: number, row: readonly TextValue[]): string => {
    const values = columns.map((column, i) => literalOf(column, row[i] ?? null));
    return `${isMariadb ? "" : "ROW"}(${[number, ...values].join(", ")})`;
  };
  // A list has at least one row, so that the condition's names are looked up whatever there is.
  const none = columns.map(() => null);
  const tuples = result.rows.length === 0 ? [tuple(-1, none)] : result.rows.map((row, i) => tuple(i, row));
  const names = [NUMBER, ...columns.map(({ name }) => name)].map(backquote).join(", ");
  const { items } = withSessionValues({ kind: "row", items: [where], pos: 0 }, state, context);
  const condition = items.map((item) => printExpr(item, [], { mode: state.sqlMode })).join("");
  const sql = `WITH shown (${names}) AS (VALUES ${tuples.join(", ")}) SELECT ${NUMBER} FROM shown WHERE ${condition}`;
  const target = executor.shards.any(keyspace, cluster);
  const request = { ...plainRequest(comQuery(sql)), settings: state.settings.ofParts.sql };
  const reply = await collect(context.tablets, target, request, signal);
  if (reply.info.kind === "err") throw errorOfReply(reply);
  const kept = new Set(readTextRows(reply.bytes).map(([number]) => Number(number?.toString("latin1"))));
  return { columns, rows: result.rows.filter((_, i) => kept.has(i)) };
}

function literalOf(column: ColumnDefinition, value: TextValue): string {
  if (value === null) return "NULL";
  const bytes = typeof value === "string" ? Buffer.from(value, "utf8") : value;
  switch (column.type) {
    case MYSQL_TYPE.TINY:
    case MYSQL_TYPE.SHORT:
    case MYSQL_TYPE.INT24:
    case MYSQL_TYPE.LONG:
    case MYSQL_TYPE.LONGLONG:
    case MYSQL_TYPE.NEWDECIMAL:
    case MYSQL_TYPE.FLOAT:
    case MYSQL_TYPE.DOUBLE:
      return bytes.toString("latin1");
    case MYSQL_TYPE.DATE:
    case MYSQL_TYPE.DATETIME:
    case MYSQL_TYPE.TIMESTAMP:
      return `TIMESTAMP'${bytes.toString("latin1")}'`;
    default: {
      const charset = column.collation === COLLATION_BINARY ? undefined : collationById(column.collation)?.charset;
      if (charset === undefined) return `x'${bytes.toString("hex")}'`;
      // A collation of its own, so that the session's for literals does not meet it.
      return `CONVERT(_${charset} x'${bytes.toString("hex")}' USING utf8mb4) COLLATE utf8mb4_general_ci`;
    }
  }
}
