// What a statement's text or kind says of it, whoever runs it.

import { ShardgateError } from "../../base/errors.ts";
import type { Plan } from "../../plan/plan.ts";
import { decodeSql } from "../../sql/encoding.ts";
import { normalize, type Normalized } from "../../sql/normalize.ts";
import { statementEnd } from "../../sql/statement-end.ts";
import { syntaxError } from "../../sql/syntax-error.ts";
import type { SqlMode, Statement } from "../../sql/tree.ts";

/** White space, NUL and `;`. */
const IGNORED_BYTES: ReadonlySet<number> = new Set([0, 9, 10, 11, 12, 13, 0x20, 0x3b]);

/** Its answer is an OK, whatever it does. */
export function answersNoRows(statement: Statement): boolean {
  switch (statement.kind) {
    case "insert":
    case "delete":
      return statement.returning.length === 0;
    case "update":
    case "load":
    case "begin":
    case "commit":
    case "rollback":
    case "savepoint":
    case "release":
    case "set":
    case "setTransaction":
    case "use":
      return true;
    default:
      return false;
  }
}

/** A prepared statement of this plan can be executed by a shard as it was written. */
export function passesBinary(plan: Plan): boolean {
  if (plan.kind === "catalog") return plan.send?.substitute === undefined;
  return plan.kind === "send" && plan.substitute === undefined && !plan.effect.commits;
}

/** Its answer is rows of tables. */
export function isQuery({ kind }: Statement): boolean {
  return kind === "select" || kind === "union" || kind === "values" || kind === "table";
}

/** A comment alone is a statement that does nothing. Throws ER_EMPTY_QUERY where there is not even that. */
export function isDone(sql: Buffer, { statementEnd: end }: Normalized): boolean {
  if (sql.every((byte) => IGNORED_BYTES.has(byte))) throw new ShardgateError("ER_EMPTY_QUERY", "Query was empty");
  return sql.subarray(end).every((byte) => IGNORED_BYTES.has(byte));
}

/** What follows the first statement must be blank, or comments: several statements in one packet were not agreed. */
export function refuseRest(sql: Buffer, normalized: Normalized, mode: SqlMode): void {
  let at = statementEnd(sql, normalized, mode);
  while (at < sql.length && IGNORED_BYTES.has(sql[at] ?? 0)) at++;
  if (at === sql.length || normalize(sql.subarray(at), mode).key === "") return;
  throw syntaxError(decodeSql(sql), decodeSql(sql.subarray(0, at)).length, mode);
}
