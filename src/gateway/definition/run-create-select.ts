// CREATE TABLE … SELECT in a sharded keyspace: every shard makes the table from the query with LIMIT 0, so that its columns
// are what a server makes of it; then INSERT … SELECT brings the rows to their shards, as any other does. What goes wrong
// with the rows takes the table away again.

import { MysqlError, notSupported } from "../../base/errors.ts";
import { decodeSql } from "../../sql/encoding.ts";
import { HEADER_ERR } from "../../mysql/constants.ts";
import { decodeErr } from "../../mysql/packets/err.ts";
import { decodeOk, type OkPacket } from "../../mysql/packets/ok.ts";
import { backquote } from "../../sql/quoting.ts";
import { literalNode } from "../../sql/new-nodes.ts";
import { parse } from "../../sql/parse.ts";
import { print } from "../../sql/print.ts";
import type { Ddl, Query } from "../../sql/tree.ts";
import type { Executor } from "../executor.ts";
import { queryInside, replyInside } from "../read/inner-query.ts";
import { commitOpen } from "../transaction/run-transaction.ts";

/** Answers the client, or throws. `payload` is what the client sent. */
export async function runCreateSelect(executor: Executor, statement: Ddl, payload: Buffer): Promise<void> {
  const { state } = executor;
  const text = decodeSql(payload.subarray(1));
  const read = parse(payload.subarray(1), state.sqlMode);
  const [name] = statement.names;
  if (read.kind !== "ddl" || read.query === undefined || name === undefined) throw new Error("it has a query");
  // The query may stand in parentheses, which close behind it.
  const head = text.slice(0, read.query.pos).replace(/[\s(]+$/, " ");
  const printed = (query: Query): string => print(query, [], { mode: state.sqlMode, columnNames: true });
  const shape = printed({ ...read.query, limit: NO_ROWS });
  if (read.ifNotExists) {
    if (await isThere(executor, head, shape)) return;
  } else await okOf(executor, head + shape);
  const table = [name.schema, name.name].flatMap((part) => (part === undefined ? [] : [backquote(part)])).join(".");
  const how = HOW.exec(head)?.[1]?.toLowerCase();
  const verb = how === "replace" ? "REPLACE" : how === "ignore" ? "INSERT IGNORE" : "INSERT";
  try {
    const { columns } = await queryInside(executor, shape);
    const names = columns.map((column) => backquote(column.name)).join(", ");
    const ok = await okOf(executor, `${verb} INTO ${table} (${names}) ${printed(read.query)}`);
    await commitOpen(executor);
    const { affectedRows, info, warnings } = ok;
    state.rowCount = affectedRows;
    executor.ok({ affectedRows, info, warnings, statusFlags: state.statusFlags });
  } catch (error) {
    await replyInside(executor, `DROP TABLE IF EXISTS ${table}`);
    throw error;
  }
}

const NO_ROWS = {
  kind: "limit",
  offset: undefined,
  count: literalNode("int", "0"),
  withTies: false,
  rowsExamined: undefined,
  pos: 0,
} as const;

const ER_TABLE_EXISTS = 1050;
const HOW = /\b(ignore|replace)\s*(?:as\s*)?$/i;
const IF_NOT_EXISTS = /^(\s*create\s+(?:or\s+replace\s+)?table\s+)if\s+not\s+exists\b/i;

/**
 * Makes the table of a CREATE TABLE IF NOT EXISTS; true: it is there already, and the client has been answered. It is made
 * without these words: the note that tells of a table that is there may be switched off (sql_notes), and its rows must not
 * be taken for this statement's.
 */
async function isThere(executor: Executor, head: string, shape: string): Promise<boolean> {
  if (!IF_NOT_EXISTS.test(head)) throw notSupported("comments inside of CREATE TABLE IF NOT EXISTS … SELECT");
  try {
    await okOf(executor, head.replace(IF_NOT_EXISTS, "$1") + shape);
    return false;
  } catch (error) {
    if (!(error instanceof MysqlError) || error.errno !== ER_TABLE_EXISTS) throw error;
  }
  const { warnings } = await okOf(executor, head + shape);
  executor.ok({ statusFlags: executor.state.statusFlags, warnings });
  return true;
}

/** Throws the ERR that a statement of the session's is answered. */
async function okOf(executor: Executor, sql: string): Promise<OkPacket> {
  const packet = (await replyInside(executor, sql)).subarray(4);
  if (packet[0] === HEADER_ERR) throw decodeErr(packet);
  return decodeOk(packet, 0);
}
