// PREPARE, EXECUTE [IMMEDIATE] and DEALLOCATE PREPARE: prepared statements as text. An execution is the statement with the
// values in it, run as the client's own; the session's user variables are known here, so that nothing has to be asked.

import { ShardgateError } from "../../base/errors.ts";
import { COM } from "../../mysql/constants.ts";
import { encodeSql } from "../../sql/encoding.ts";
import { filled, type Template, templateOf } from "../../sql/parameters.ts";
import { parse } from "../../sql/parse.ts";
import { printExpr } from "../../sql/print.ts";
import type { Deallocate, Execute, Expr, Prepare, SqlMode } from "../../sql/tree.ts";
import { comQuery } from "../client/com-query.ts";
import type { Executor } from "../executor.ts";
import { queryInside } from "../read/inner-query.ts";
import { userVariable } from "../session/settings.ts";
import { commandIndex } from "../observe/statement-counts.ts";
import { readAlike, reread } from "./reread.ts";
import { inDatabase, isElsewhere } from "./in-database.ts";
import { defaultParameters } from "./default-parameters.ts";
import { checkPrepared, checkPreparedOfAll, describePrepared } from "./statement-description.ts";

/** As commands of their own they count the same (manual: "Server Status Variables"). */
const STMT_PREPARE = commandIndex("stmt_prepare");
const STMT_EXECUTE = commandIndex("stmt_execute");
const STMT_CLOSE = commandIndex("stmt_close");

/** Answers the client, or throws; then the name stands for no statement. */
export async function runPrepare(executor: Executor, { name, from }: Prepare): Promise<void> {
  executor.count(STMT_PREPARE);
  const { prepared } = executor.state;
  const key = name.toLowerCase();
  prepared.delete(key);
  let textBytes = 0;
  for (const { text } of prepared.values()) textBytes += text.length;
  checkPrepared(prepared.size, textBytes);
  checkPreparedOfAll(executor.context);
  const { sqlMode: mode, target } = executor.state;
  prepared.set(key, { ...(await templateFrom(executor, from)), mode, target });
  executor.state.tracker?.changed();
  executor.state.rowCount = 0;
  executor.ok({ statusFlags: executor.state.statusFlags, info: "Statement prepared" });
}

/** Has the statement answer the client, or throws. */
export async function runExecute(executor: Executor, { name, using, immediate }: Execute): Promise<void> {
  const isImmediate = immediate !== undefined;
  for (const command of isImmediate ? [STMT_PREPARE, STMT_EXECUTE, STMT_CLOSE] : [STMT_EXECUTE])
    executor.count(command);
  const { state } = executor;
  const { sqlMode, prepared, target } = state;
  const template =
    immediate === undefined
      ? prepared.get(name.toLowerCase())
      : { ...(await templateFrom(executor, immediate)), mode: sqlMode, target };
  if (template === undefined) throw unknown(name, "EXECUTE");
  if (using.length !== template.offsets.length) {
    throw wrongArguments();
  }
  const values: Buffer[] = [];
  const defaults = defaultParameters(template, using, template.mode);
  for (const [index, value] of using.entries()) {
    let sql = defaults.get(index);
    if (sql !== undefined) {
      values.push(encodeSql(` ${sql} `));
      continue;
    }
    if (template.limits.has(index)) sql = await rowCount(executor, value);
    else {
      const { mode } = template;
      sql = template.shown.has(index) ? printExpr(value, [], { mode }) : valueSql(executor, value, mode);
    }
    values.push(encodeSql(` ${sql} `));
  }
  const payload = filled(template, values, COM.QUERY);
  const isElse = isElsewhere(state, template.target);
  const inside = isElse ? executor.forClient(inDatabase(executor.client, state, template.target), true) : executor;
  inside.query(
    readAlike(template.mode, sqlMode) ? payload : comQuery(reread(payload.subarray(1), template.mode, sqlMode)),
    executor.sequenceId - 1,
  );
}

/** Answers the client, or throws. */
export function runDeallocate(executor: Executor, { name }: Deallocate): void {
  executor.count(STMT_CLOSE);
  if (!executor.state.prepared.delete(name.toLowerCase())) throw unknown(name, "DEALLOCATE PREPARE");
  executor.state.tracker?.changed();
  executor.ok();
}

async function templateFrom(executor: Executor, from: Expr): Promise<Template> {
  const sql = await textOf(executor, from);
  const { sqlMode } = executor.state;
  // What is wrong with it is said now, not by its execution.
  await describePrepared(executor, sql);
  // With a value in each place it has to be one statement.
  parse(sql, sqlMode);
  return templateOf(sql, sqlMode);
}

async function textOf(executor: Executor, from: Expr): Promise<Buffer> {
  if (from.kind === "literal" && from.type === "string") return encodeSql(from.value);
  const { rows } = await queryInside(executor, `SELECT ${printed(executor, from)}`);
  const text = rows[0]?.[0];
  // The text of NULL is read, as MySQL does.
  return text === null || text === undefined ? Buffer.from("NULL") : Buffer.from(text);
}

/**
 * A user variable's value is known here, and may choose the shard; others are computed where they stand. A parameter has no
 * collation that would count beside a column's, as a literal with COLLATE would.
 */
function valueSql(executor: Executor, value: Expr, mode: SqlMode = executor.state.sqlMode): string {
  if (value.kind === "collate") return valueSql(executor, value.expr, mode);
  if (value.kind !== "userVariable") return printExpr(value, [], { mode });
  const sql = executor.state.settings.variables.get(userVariable(value.name)) ?? "NULL";
  return sql.replace(OWN_COLLATION, "$1");
}

/** A text as user variables have it. */
const OWN_COLLATION = /^(_\w+ x'[\da-f]*'|CONVERT\(NULL USING \w+\)) COLLATE \w+$/i;

/** A LIMIT takes a whole number whatever it is given. Throws ER_WRONG_ARGUMENTS for negative ones. */
async function rowCount(executor: Executor, value: Expr): Promise<string> {
  const sql = valueSql(executor, value);
  if (/^\d+$/.test(sql)) return sql;
  const { rows } = await queryInside(executor, `SELECT CAST(COALESCE(${sql}, 0) AS SIGNED), ${sql} < 0`);
  const [text, isNegative] = rows[0] ?? [];
  const count = BigInt(text?.toString() ?? "0");
  if (count < 0n && isNegative?.toString() === "1") throw wrongArguments();
  return String(BigInt.asUintN(64, count));
}

function printed(executor: Executor, value: Expr): string {
  return printExpr(value, [], { mode: executor.state.sqlMode });
}

function wrongArguments(): ShardgateError {
  return new ShardgateError("ER_WRONG_ARGUMENTS", "Incorrect arguments to EXECUTE");
}

function unknown(name: string, command: string): ShardgateError {
  return new ShardgateError(
    "ER_UNKNOWN_STMT_HANDLER",
    `Unknown prepared statement handler (${name}) given to ${command}`,
  );
}
