// A procedure, or a program outside of one (BEGIN NOT ATOMIC), that commits or rolls back would do so on its own shard alone,
// while other shards take part in the transaction: in mode `twopc`, which promises all or none, it is refused before anything
// of it has run. What it may do is read from its text; words that may end a transaction count wherever they stand.

import { notSupported } from "../../base/errors.ts";
import { type ShardTarget } from "../../engine/ports.ts";
import type { Admin, CallStatement, Statement } from "../../sql/tree.ts";

import type { Executor } from "../executor.ts";
import { readTextRows } from "../read/text-rows.ts";
import { runPlain } from "../read/run-pooled.ts";

/** Statements with an implicit commit, dynamic ones, and other procedures, of which nothing is known. */
const MAY_END =
  /\b(COMMIT|ROLLBACK|START\s+TRANSACTION|BEGIN\s+WORK|AUTOCOMMIT|XA|CALL|EXECUTE|CREATE|ALTER|DROP|RENAME|TRUNCATE|(UN)?LOCK\s+TABLES?|GRANT|REVOKE|ANALYZE|CHECK|OPTIMIZE|REPAIR|FLUSH|RESET|CACHE|LOAD|INSTALL|UNINSTALL|PASSWORD|CHANGE|STOP|SHUTDOWN)\b/i;

type Program = CallStatement | Admin;

/** It may have any statements in it. */
export function isProgram(statement: Statement): statement is Program {
  return statement.kind === "callProcedure" || (statement.kind === "admin" && statement.verb === "compound statement");
}

/** Throws 1235 for what might tear the open transaction on `target`. */
export async function refuseCommitting(
  executor: Executor,
  program: Program,
  keyspace: string,
  target: ShardTarget,
): Promise<void> {
  if (!executor.state.holds.isAtomicBeside(target)) return;
  const code = program.kind === "admin" ? program.text : await definitionOf(executor, program, keyspace, target);
  if (code === undefined || !MAY_END.test(code)) return;
  const what = program.kind === "admin" ? "a program" : `CALL of procedure ${program.procedure.name}`;
  throw notSupported(
    `${what} that may commit or roll back, in a transaction over several shards`,
    "run it outside, or SET transaction_mode = 'multi' before",
  );
}

/** Undefined for one that is not there, which gets its error from the server; COMMIT for one that may not be read. */
async function definitionOf(
  { context, signal }: Executor,
  { procedure }: CallStatement,
  keyspace: string,
  target: ShardTarget,
): Promise<string | undefined> {
  const sql =
    "SELECT ROUTINE_DEFINITION FROM information_schema.ROUTINES WHERE ROUTINE_TYPE = 'PROCEDURE' " +
    `AND ROUTINE_SCHEMA = ${text(procedure.schema ?? keyspace)} AND ROUTINE_NAME = ${text(procedure.name)}`;
  const reply = await runPlain(context.tablets, target, sql, signal);
  const [row] = readTextRows(reply.bytes);
  return row === undefined ? undefined : (row[0]?.toString("latin1") ?? "COMMIT");
}

function text(name: string): string {
  return `_utf8mb4 x'${Buffer.from(name, "utf8").toString("hex")}'`;
}
