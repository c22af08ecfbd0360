// GET DIAGNOSTICS of a client: what SHOW WARNINGS would list, item by item into user variables. It leaves the list as it is
// (manual: "GET DIAGNOSTICS Statement"). What SIGNAL has said of its condition besides errno, SQLSTATE and text does not
// come back from servers, so that is refused rather than guessed.

import { MysqlError, notSupported, ShardgateError } from "../../base/errors.ts";
import { sqlStateOf } from "../../mysql/sql-states.ts";
import { type Diagnostics, type DiagnosticsItem, readDiagnostics } from "../../sql/parse-diagnostics.ts";
import { printExpr } from "../../sql/print.ts";
import type { Admin, Expr, SqlMode } from "../../sql/tree.ts";
import type { Executor } from "../executor.ts";
import { queryInside } from "../read/inner-query.ts";
import type { SessionState, SessionWarning } from "../session/session-state.ts";
import { SETTINGS_BYTES_MAX, type Settings } from "../session/settings.ts";
import { warningsOfSession } from "./show-warnings.ts";

/** Answers the client, or throws. */
export async function runGetDiagnostics(executor: Executor, { text }: Admin): Promise<void> {
  const { state } = executor;
  const asked = readDiagnostics(text, state.sqlMode);
  if (asked.stacked) {
    throw new MysqlError(1887, "0Z002", "GET STACKED DIAGNOSTICS when handler not active");
  }
  const local = asked.items.find(({ target }) => target.kind === "local");
  if (local !== undefined) throw new MysqlError(1327, "42000", `Undeclared variable: ${local.target.name}`);
  const conditions = warningsOfSession(state);
  if (asked.condition === undefined) {
    const numbers = { number: `CAST(${conditions.length} AS UNSIGNED)`, row_count: String(state.rowCount) };
    take(state, asked, (item) => (item === "number" || item === "row_count" ? numbers[item] : "NULL"));
    leave(executor);
    return;
  }
  const condition = conditions[(await numberOf(executor, asked.condition)) - 1];
  if (condition === undefined) {
    const invalid: SessionWarning = { level: "Error", code: 1758, message: "Invalid condition number" };
    state.lastWarnings = { kind: "list", warnings: [...conditions, invalid] };
    executor.ok({ statusFlags: state.statusFlags, warnings: 1 });
    return;
  }
  take(state, asked, (item) => itemOf(condition, item, state.sqlMode));
  leave(executor);
}

/** ROW_COUNT() stays as it is, too. */
function leave(executor: Executor): void {
  executor.ok({ statusFlags: executor.state.statusFlags });
}

function take(state: SessionState, { items }: Diagnostics, valueOf: (item: DiagnosticsItem) => string): void {
  let { settings }: { settings: Settings } = state;
  for (const { target, item } of items) settings = settings.withUserVariable(target.name, valueOf(item));
  if (settings.sql.length > SETTINGS_BYTES_MAX) {
    throw new ShardgateError("LIMIT_REACHED", `the session's settings are larger than ${SETTINGS_BYTES_MAX} bytes`);
  }
  state.settings = settings;
}

/** The value as SQL text. */
function itemOf({ code, message, sqlState }: SessionWarning, item: DiagnosticsItem, { dialect }: SqlMode): string {
  const known = sqlStateOf(code);
  const value = sqlState ?? known;
  switch (item) {
    case "mysql_errno":
      return `CAST(${code} AS UNSIGNED)`;
    case "message_text":
      return textSql(message);
    case "returned_sqlstate":
      return textSql(value);
    case "row_number":
      throw notSupported("GET DIAGNOSTICS … ROW_NUMBER");
    default:
      break;
  }
  if (value !== known || SIGNALLED.has(code)) {
    throw notSupported(`GET DIAGNOSTICS … ${item.toUpperCase()} of a condition that SIGNAL has raised`);
  }
  if (dialect === "mysql" && item === "class_origin") return textSql(originOf(value.slice(0, 2)));
  if (dialect === "mysql" && item === "subclass_origin") return textSql(originOf(value));
  return textSql("");
}

/** Of SIGNAL without MYSQL_ERRNO: ER_SIGNAL_WARN, ER_SIGNAL_NOT_FOUND, ER_SIGNAL_EXCEPTION. */
const SIGNALLED: ReadonlySet<number> = new Set([1642, 1643, 1644]);

/** Classes and subclasses that begin with 0 to 4 or A to H are the standard's. */
function originOf(state: string): string {
  const isStandard = /^[0-4A-H]/.test(state) && /^(..)?$|^..[0-4A-H]/.test(state);
  return isStandard ? "ISO 9075" : "MySQL";
}

/** In the character set of MySQL's own messages. */
function textSql(text: string): string {
  return `_utf8mb3 x'${Buffer.from(text, "utf8").toString("hex")}' COLLATE utf8mb3_general_ci`;
}

/** 0 for NULL. */
async function numberOf(executor: Executor, condition: Expr): Promise<number> {
  const { state } = executor;
  if (condition.kind === "column") throw new MysqlError(1327, "42000", `Undeclared variable: ${condition.name}`);
  const { rowCount, lastWarnings } = state;
  const sql = printExpr(condition, [], { mode: state.sqlMode });
  const { rows } = await queryInside(executor, `SELECT CAST(CAST((${sql}) AS SIGNED) AS CHAR CHARACTER SET binary)`);
  state.rowCount = rowCount;
  state.lastWarnings = lastWarnings;
  return Number(rows[0]?.[0]?.toString("latin1") ?? 0);
}
