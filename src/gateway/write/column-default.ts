// The default of a column that places rows, when an INSERT leaves it out: a shard is asked what it is. It is asked each time:
// no definition that is kept tells that a default has changed.

import { MysqlError } from "../../base/errors.ts";
import { collect, errorOfReply } from "../../engine/collect.ts";
import { plainRequest } from "../../engine/ports.ts";
import type { ColumnSchema } from "../../schema/model.ts";
import { literalNode } from "../../sql/new-nodes.ts";
import { parse } from "../../sql/parse.ts";
import { printExpr } from "../../sql/print.ts";
import type { Expr, Insert } from "../../sql/tree.ts";
import type { ClusterView } from "../cluster/cluster-view.ts";
import { comQuery } from "../client/com-query.ts";
import type { Executor } from "../executor.ts";
import { isStrict } from "../session/strict-mode.ts";
import { readTextRows } from "../read/text-rows.ts";

/** A literal, or an expression to be computed for each row. Throws 1364 for a column that has none, under a strict sql_mode. */
export async function defaultOf(
  executor: Executor,
  keyspace: string,
  { table, ignore }: Pick<Insert, "table" | "ignore">,
  column: ColumnSchema,
  cluster: ClusterView,
): Promise<Expr> {
  const expr = await ask(executor, table.schema ?? keyspace, table.name, column, cluster);
  if (expr !== undefined) return expr;
  if (isStrict(executor.state) && !ignore) {
    throw new MysqlError(1364, "HY000", `Field '${column.name}' doesn't have a default value`);
  }
  // What a lenient sql_mode stores for a column without default (manual: "Data Type Default Values").
  return column.collation === undefined ? literalNode("int", "0") : literalNode("string", "");
}

/** Undefined for none. */
async function ask(
  executor: Executor,
  schema: string,
  table: string,
  column: ColumnSchema,
  cluster: ClusterView,
): Promise<Expr | undefined> {
  const where = [schema, table, column.name].map((name) => printExpr(literalNode("string", name)));
  const sql =
    "SELECT COLUMN_DEFAULT, IS_NULLABLE, EXTRA, VERSION() FROM information_schema.COLUMNS " +
    `WHERE TABLE_SCHEMA = ${where[0]} AND TABLE_NAME = ${where[1]} AND COLUMN_NAME = ${where[2]}`;
  const reply = await collect(
    executor.context.tablets,
    executor.shards.any(schema, cluster),
    plainRequest(comQuery(sql)),
  );
  if (reply.info.kind === "err") throw errorOfReply(reply);
  const [text, nullable, extra, version] = (readTextRows(reply.bytes)[0] ?? []).map((cell) => cell?.toString("utf8"));
  if (text === undefined) return nullable === "YES" ? literalNode("null", "null") : undefined;
  // MySQL tells a literal without quotes, and marks expressions; MariaDB tells SQL.
  const isSql = /mariadb/i.test(version ?? "") || /DEFAULT_GENERATED/i.test(extra ?? "");
  if (!isSql) return literalNode("string", text);
  const statement = parse(`SELECT ${text}`);
  const item = statement.kind === "select" ? statement.items[0] : undefined;
  return item?.kind === "expr" ? item.expr : undefined;
}
