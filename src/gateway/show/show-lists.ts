// SHOW statements whose rows several servers have: lists of all databases' routines and open tables (each keyspace's rows
// from one of its shards), and SHOW TABLE STATUS of a sharded keyspace, where what is counted is added up.

import { collect, errorOfReply } from "../../engine/collect.ts";
import type { ShardTarget } from "../../engine/ports.ts";
import type { TextValue } from "../../mysql/packets/text-row.ts";
import type { ResultSet } from "../../mysql/result-writer.ts";
import { SYSTEM_SCHEMAS } from "../../plan/tables.ts";
import { quoteString } from "../../sql/quoting.ts";
import type { Show } from "../../sql/tree.ts";
import type { ClusterView } from "../cluster/cluster-view.ts";
import { comQuery } from "../client/com-query.ts";
import type { Executor } from "../executor.ts";
import { filterRows } from "./filter-rows.ts";
import { pooledRequest } from "../read/run-pooled.ts";
import { showSqlFor, showSqlWhere } from "./show-sql.ts";
import { readTextResult } from "../read/text-rows.ts";

/** SHOW PROCEDURE STATUS and its like: rows of `keyspaces` and of the server's own schemas, by database. */
export async function routineStatus(
  executor: Executor,
  statement: Show,
  keyspaces: readonly string[],
  home: string,
  cluster: ClusterView,
): Promise<ResultSet> {
  const mode = executor.state.sqlMode;
  const of = (condition: string): string => showSqlWhere(condition, "Name", statement, mode);
  const own = [...SYSTEM_SCHEMAS].map((name) => `'${name}'`).join(", ");
  return concatenated(executor, [
    { target: executor.shards.any(home, cluster), sql: of(`Db IN (${own})`) },
    ...keyspaces.map((keyspace) => ({
      target: executor.shards.any(keyspace, cluster),
      sql: of(`Db = ${quoteString(keyspace, mode.noBackslashEscapes)}`),
    })),
  ]);
}

/** SHOW OPEN TABLES of all keyspaces: on one shard of each. */
export function openTables(
  executor: Executor,
  statement: Show,
  keyspaces: readonly string[],
  home: string,
  cluster: ClusterView,
): Promise<ResultSet> {
  const of = (schema: string): string => showSqlFor(schema, statement, executor.state.sqlMode);
  return concatenated(executor, [
    // Has none: it gives the columns when there is nothing else.
    { target: executor.shards.any(home, cluster), sql: of("information_schema") },
    ...keyspaces.map((keyspace) => ({ target: executor.shards.any(keyspace, cluster), sql: of(keyspace) })),
  ]);
}

/** SHOW TABLE STATUS over several shards, each table once. */
export async function tableStatus(
  executor: Executor,
  statement: Show,
  keyspace: string,
  targets: readonly ShardTarget[],
  cluster: ClusterView,
): Promise<ResultSet> {
  const { where, ...rest } = statement;
  // A condition may be about what is added up.
  const sql = showSqlFor(keyspace, { ...rest, where: undefined }, executor.state.sqlMode);
  const [first, ...others] = await Promise.all(targets.map((target) => ask(executor, target, sql)));
  if (first === undefined) throw new Error("a keyspace has a shard");
  const names = first.columns.map(({ name }) => name);
  const rows = first.rows.map((row) => {
    const parts = others.flatMap((other) => other.rows.filter(([name]) => text(name) === text(row[0])).slice(0, 1));
    return mergedStatus(names, [row, ...parts]);
  });
  const merged = { columns: first.columns, rows };
  return where === undefined ? merged : filterRows(executor, merged, where, keyspace, cluster);
}

/** One table's rows of several shards as one. */
function mergedStatus(names: readonly string[], parts: readonly (readonly TextValue[])[]): readonly TextValue[] {
  const values = (name: string): readonly string[] =>
    parts.flatMap((part) => {
      const value = part[names.indexOf(name)] ?? null;
      return value === null ? [] : [text(value)];
    });
  return names.map((name, i) => {
    const any = parts[0]?.[i] ?? null;
    if (parts.length === 1 || any === null) return any;
    switch (name) {
      case "Rows":
      case "Data_length":
      case "Index_length":
      case "Data_free":
        return String(sum(values(name)));
      case "Avg_row_length": {
        const rows = sum(values("Rows"));
        return String(rows === 0n ? 0n : sum(values("Data_length")) / rows);
      }
      case "Max_data_length":
      case "Auto_increment":
        return values(name).reduce((a, b) => (BigInt(b) > BigInt(a) ? b : a));
      case "Create_time":
        return values(name).reduce((a, b) => (b < a ? b : a));
      case "Update_time":
      case "Check_time":
        return values(name).reduce((a, b) => (b > a ? b : a));
      default:
        return any;
    }
  });
}

function sum(values: readonly string[]): bigint {
  return values.reduce((total, value) => total + BigInt(value), 0n);
}

function text(value: TextValue | undefined): string {
  return typeof value === "string" ? value : (value?.toString("latin1") ?? "");
}

/** Rows of all, by their first column; columns as the first says. */
async function concatenated(
  executor: Executor,
  asked: readonly { readonly target: ShardTarget; readonly sql: string }[],
): Promise<ResultSet> {
  const answers: ResultSet[] = [];
  // A connection that is the session's takes one statement at a time.
  if (executor.state.holds.hasLockedTables) {
    for (const { target, sql } of asked) answers.push(await ask(executor, target, sql));
  } else answers.push(...(await Promise.all(asked.map(({ target, sql }) => ask(executor, target, sql)))));
  const rows = answers.flatMap((answer) => answer.rows);
  return { columns: answers[0]?.columns ?? [], rows: rows.toSorted((a, b) => compare(text(a[0]), text(b[0]))) };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** On a pooled connection: a held one has nothing of its own to list. */
async function ask(executor: Executor, target: ShardTarget, sql: string): Promise<ResultSet> {
  const { context, state, signal } = executor;
  const request = { ...pooledRequest(executor, target, comQuery(sql)), settings: state.settings.ofGateway.sql };
  const reply = await collect(context.tablets, target, request, signal);
  if (reply.info.kind === "err") throw errorOfReply(reply);
  return readTextResult(reply.bytes);
}
