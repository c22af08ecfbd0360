// Rows that go from one shard to another as they are: read without loss, deleted, and inserted where they belong now.

import { notSupported, ShardgateError } from "../../base/errors.ts";
import type { CollectedReply } from "../../engine/collect.ts";
import { keyspaceOfTarget, type ShardTarget } from "../../engine/ports.ts";
import type { ColumnSchema, TableSchema } from "../../schema/model.ts";
import { columnNode, itemNode, literalNode } from "../../sql/new-nodes.ts";
import { printExpr } from "../../sql/print.ts";
import type { Delete, Expr, Insert, Select, TableName } from "../../sql/tree.ts";
import { comQuery, printedQuery } from "../client/com-query.ts";
import { EMPTY_DELETE, EMPTY_INSERT, EMPTY_SELECT } from "./empty-statements.ts";
import type { Executor } from "../executor.ts";
import { runPart } from "../transaction/statement-unit.ts";
import { storedItem, storedValue } from "./stored-values.ts";
import { readTextRows } from "../read/text-rows.ts";

export interface MovedTable {
  /** Without alias and hints. */
  readonly table: TableName;
  readonly definition: TableSchema;
}

/**
 * Throws 1235 for a table whose rows a foreign key leads to: what is deleted on one shard to be inserted on another would
 * take the rows that refer to it along, or leave them behind.
 */
export async function refuseReferenced(executor: Executor, shard: ShardTarget, { table }: MovedTable): Promise<void> {
  const keyspace = keyspaceOfTarget(shard);
  const names = [table.schema ?? keyspace, table.name].map((name) => printExpr(literalNode("string", name)));
  const sql =
    "SELECT TABLE_NAME, CONSTRAINT_NAME FROM information_schema.REFERENTIAL_CONSTRAINTS " +
    `WHERE UNIQUE_CONSTRAINT_SCHEMA = ${names[0]} AND REFERENCED_TABLE_NAME = ${names[1]} LIMIT 1`;
  const { bytes } = await runPart(executor, shard, comQuery(sql));
  const [found] = readTextRows(bytes);
  if (found === undefined) return;
  const [child, key] = found.map((cell) => cell?.toString("utf8") ?? "");
  throw notSupported(
    `moving rows of ${table.name} to other shards`,
    `foreign key ${key} of table ${child} leads to them; delete and insert the rows of both`,
  );
}

/** Takes the one row that `where` finds off its shard. Gives what puts it on another one. */
export async function takeRow(
  executor: Executor,
  from: ShardTarget,
  { table, definition }: MovedTable,
  where: Expr,
): Promise<Insert> {
  const columns = definition.columns.filter(({ generated }) => !generated);
  const items = columns.map((column) => itemNode(storedItem(column, columnNode(column.name))));
  const read = await runPart(executor, from, payloadOf(executor, { ...EMPTY_SELECT, items, from: [table], where }));
  const [values] = readTextRows(read.bytes);
  if (values === undefined) throw new ShardgateError("INTERNAL", "a row to be moved is not there");
  await runPart(executor, from, payloadOf(executor, { ...EMPTY_DELETE, tables: [table], where }));
  return insertOf(table, columns, values);
}

/** The row as it was: no sql_mode may refuse a date that was stored, or put an id in the place of 0. */
export async function putRow(executor: Executor, to: ShardTarget, insert: Insert): Promise<void> {
  await runWith(executor, to, payloadOf(executor, insert), "sql_mode", "'NO_AUTO_VALUE_ON_ZERO'");
}

/** The statement without a look at whether other tables have what its rows refer to. */
export function runUnreferenced(executor: Executor, shard: ShardTarget, payload: Buffer): Promise<CollectedReply> {
  return runWith(executor, shard, payload, "foreign_key_checks", "0");
}

/** With a variable of another value than the session's. */
async function runWith(
  executor: Executor,
  shard: ShardTarget,
  payload: Buffer,
  variable: string,
  value: string,
): Promise<CollectedReply> {
  const { settings } = executor.state;
  try {
    return await runPart(executor, shard, payload, settings.withVariable(variable, value).sql);
  } finally {
    // A held connection keeps what the session's own settings do not name.
    const own = settings.variables.get(variable) ?? "DEFAULT";
    await runPart(executor, shard, NOTHING, settings.withVariable(variable, own).sql);
  }
}

const NOTHING = comQuery("DO 0");

function payloadOf({ state }: Executor, statement: Select | Delete | Insert): Buffer {
  return printedQuery(statement, [], state.sqlMode);
}

function insertOf(
  { schema, name }: TableName,
  columns: readonly ColumnSchema[],
  row: readonly (Buffer | null)[],
): Insert {
  const values = columns.map((column, i) => storedValue(column, row[i] ?? null).expr);
  return {
    ...EMPTY_INSERT,
    table: { kind: "name", schema, name, pos: 0 },
    columns: columns.map((column) => columnNode(column.name)),
    columnList: true,
    rows: [{ kind: "insertRow", values, pos: 0 }],
  };
}
