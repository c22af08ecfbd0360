// What is wrong with a statement that the gateway cannot read, in a server's own words: it is given the statement to prepare,
// which reads it and runs nothing. So errors of the grammar have MySQL's numbers and places (ALL with DISTINCT is 1221, a
// derived table without alias 1248), which the gateway's own grammar does not know. What the server can read after all, or
// finds fault with only because of the tables it has, is run there if it can be about nothing else (unread-statement.ts),
// and stays a syntax error of the gateway's if not.

import { type MysqlError, ShardgateError } from "../../base/errors.ts";
import { LIMITS } from "../../base/limits.ts";
import { collect, errorOfReply } from "../../engine/collect.ts";
import { COM } from "../../mysql/constants.ts";
import type { Executor } from "../executor.ts";
import { anyKeyspace } from "../session/any-keyspace.ts";
import { unreadStatement } from "./unread-statement.ts";

/** Errors about names, rights, locks and what cannot be prepared. */
const NOT_OF_GRAMMAR: ReadonlySet<number> = new Set([
  1044, 1045, 1046, 1049, 1051, 1054, 1099, 1100, 1109, 1142, 1143, 1146, 1227, 1295, 1305, 1356, 1360, 1370, 1461,
  4091, 4092,
]);

/** The gateway's grammar has refused the statement. */
export function isSyntaxError(error: unknown): error is ShardgateError {
  return error instanceof ShardgateError && error.id === "ER_PARSE";
}

/**
 * Answers the client: what the server can read has it run, where all of it may be left to one server. Never rejects.
 * `payload` is COM_QUERY.
 */
export async function runUnread(executor: Executor, payload: Buffer, error: ShardgateError): Promise<void> {
  const sql = payload.subarray(1);
  const asked = await askedSyntaxError(executor, sql, error);
  const { context, options, state } = executor;
  const cluster = context.cluster();
  // Rules would have to look into it, and limits to be put into it.
  const mayRun = asked === error && context.rules.current === undefined && options.rowsMax === 0;
  const statement = mayRun ? unreadStatement(sql, state, cluster.vschema) : undefined;
  if (statement === undefined) executor.fail(asked);
  else executor.sendUnread(statement, payload, cluster);
}

/** What to tell the client of `sql` instead of `error`. Never rejects. */
export async function askedSyntaxError(
  executor: Executor,
  sql: Buffer,
  error: ShardgateError,
): Promise<ShardgateError | MysqlError> {
  if (sql.length > LIMITS.preparedTextBytesMax) return error;
  const { context, state, signal } = executor;
  try {
    const cluster = context.cluster();
    const target = executor.shards.any(anyKeyspace(state, cluster), cluster);
    const payload = Buffer.concat([Buffer.of(COM.STMT_PREPARE), sql]);
    const reply = await collect(context.tablets, target, executor.requestFor(target, payload, false, false), signal);
    if (reply.info.kind !== "err") return error;
    const asked = errorOfReply(reply);
    return NOT_OF_GRAMMAR.has(asked.errno) ? error : asked;
  } catch {
    // Nobody is there to ask.
    return error;
  }
}
