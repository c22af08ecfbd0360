// After SET, for a client that is told of system variables: the values that the tracked ones among them have now, as the
// servers show them. What the gateway knows itself is not asked for.

import type { SetItem, SetStatement } from "../../sql/tree.ts";
import { quoteString } from "../../sql/quoting.ts";
import type { Executor } from "../executor.ts";
import { queryInside } from "../read/inner-query.ts";
import type { TextResult } from "../read/text-rows.ts";
import type { SessionState } from "./session-state.ts";

/** What SET NAMES and SET CHARACTER SET set. */
const CHARACTER_SETS = ["character_set_client", "character_set_connection", "character_set_results"];

/** Notes them with the session's tracker, if it has one. The SET has had its effect. */
export async function tellVariables(executor: Executor, statement: SetStatement): Promise<void> {
  const { state } = executor;
  const { tracker } = state;
  if (tracker === undefined) return;
  const asked: string[] = [];
  const told = statement.items.filter((item) => isTold(item, state));
  if (told.length > 0) tracker.changed();
  if (statement.items.some((item) => isVariable(item) && item.name === TRANSACTION_INFO)) tracker.transactionInfoSet();
  for (const name of namesSet(told)) {
    if (!tracker.tracks(name)) continue;
    const value = knownValue(name, state);
    if (value === undefined) asked.push(name);
    else tracker.variableSet(name, value);
  }
  if (asked.length === 0) return;
  const { rowCount, lastWarnings, settings } = state;
  const names = asked.map((name) => quoteString(name, state.sqlMode.noBackslashEscapes)).join(", ");
  let rows: TextResult["rows"];
  try {
    // The list is the gateway's: it is not held to sql_select_limit.
    state.settings = settings.ofParts;
    ({ rows } = await queryInside(executor, `SHOW SESSION VARIABLES WHERE Variable_name IN (${names})`));
  } finally {
    state.settings = settings;
    state.rowCount = rowCount;
    state.lastWarnings = lastWarnings;
  }
  for (const [name, value] of rows) {
    if (name !== null && name !== undefined) tracker.variableSet(name.toString("utf8"), value?.toString("utf8") ?? "");
  }
}

const TRANSACTION_INFO = "session_track_transaction_info";

function isVariable(item: SetItem): item is SetItem & { readonly kind: "setVariable" } {
  return item.kind === "setVariable" && item.scope !== "global";
}

/** MariaDB tells nothing of what is set as `@@name`, without a scope. */
function isTold(item: SetItem, { sqlMode }: SessionState): boolean {
  if (item.kind !== "setVariable") return true;
  return isVariable(item) && !(sqlMode.dialect === "mariadb" && item.at && item.scope === undefined);
}

function namesSet(items: readonly SetItem[]): ReadonlySet<string> {
  const names = new Set<string>();
  for (const item of items) {
    if (item.kind === "setNames" || item.kind === "setCharset") for (const name of CHARACTER_SETS) names.add(name);
    else if (item.kind === "setVariable") names.add(item.name);
  }
  return names;
}

function knownValue(name: string, { autocommit, settings }: SessionState): string | undefined {
  if (name === "autocommit") return autocommit ? "ON" : "OFF";
  if (name === "sql_select_limit") return settings.selectLimit;
  // `utf8` is one of two character sets, as the server has it.
  if (name === "character_set_client" && settings.transcodedFrom !== undefined) return settings.transcodedFrom;
  const { charset } = settings.names;
  const isNamed = CHARACTER_SETS.includes(name) && !settings.variables.has(name) && charset !== "utf8";
  return isNamed ? charset : undefined;
}
