// What opens a transaction on a shard: START TRANSACTION with its characteristics, written out, since a shard may join after
// the session's defaults have changed; and what SET TRANSACTION has said of the next one.

import { MysqlError } from "../../base/errors.ts";
import { joinStatements } from "../../base/statement-list.ts";
import type { Begin, Statement } from "../../sql/tree.ts";
import { walk } from "../../sql/walk.ts";
import type { SessionState } from "../session/session-state.ts";
import type { Settings } from "../session/settings.ts";

/** Takes what SET TRANSACTION has left for the next transaction. */
export function startOf(state: SessionState, statement?: Pick<Begin, "access" | "consistentSnapshot">): string {
  const { nextIsolation, nextReadOnly, settings } = state;
  state.nextIsolation = undefined;
  state.nextReadOnly = undefined;
  const access = statement?.access;
  const readOnly = access === undefined ? (nextReadOnly ?? readsOnly(settings)) : access === "read only";
  const characteristics: string[] = [];
  if (statement?.consistentSnapshot === true) characteristics.push("WITH CONSISTENT SNAPSHOT");
  // READ WRITE only where it counts: a server in read_only mode refuses it.
  if (readOnly) characteristics.push("READ ONLY");
  else if (access !== undefined || nextReadOnly !== undefined) characteristics.push("READ WRITE");
  const start = ["START TRANSACTION", characteristics.join(", ")].filter((text) => text !== "").join(" ");
  return nextIsolation === undefined
    ? start
    : joinStatements([`SET TRANSACTION ISOLATION LEVEL ${nextIsolation}`, start]);
}

/**
 * The session is about to have other `settings`: shards that join the open transaction later do so with the characteristics
 * that it began with.
 */
export function keepCharacteristics(state: SessionState, settings: Settings): void {
  const { begin } = state;
  if (begin === undefined) return;
  const dialect = state.sqlMode.dialect;
  const name = dialect === "mariadb" ? "tx_isolation" : "transaction_isolation";
  let kept = begin;
  if (readsOnly(settings) && !/READ (ONLY|WRITE)$/.test(kept)) {
    kept += kept.endsWith("SNAPSHOT") ? ", READ WRITE" : " READ WRITE";
  }
  const before = state.settings.variables.get(name);
  if (settings.variables.get(name) !== before && !kept.includes("ISOLATION LEVEL") && !kept.includes(`@@${name}`)) {
    const isDefault = before === undefined || before.toUpperCase() === "DEFAULT";
    kept = joinStatements([`SET @@${name} = ${isDefault ? `@@global.${name}` : before}`, kept]);
  }
  if (kept !== begin) state.rewriteBegin(kept);
}

/** A statement of a transaction opened by `start` may not change rows. */
export function isReadOnly(start: string): boolean {
  return start.endsWith("READ ONLY");
}

/** What the session runs now is READ ONLY: in its open transaction, or in the next one. */
export function isReading({ begin, nextReadOnly, settings }: SessionState): boolean {
  return begin === undefined ? (nextReadOnly ?? readsOnly(settings)) : isReadOnly(begin);
}

/** Under SERIALIZABLE a plain SELECT locks, too. */
export function locksWhatItReads({ begin, settings: { variables } }: SessionState): boolean {
  const isolation = variables.get("tx_isolation") ?? variables.get("transaction_isolation") ?? "";
  return begin?.includes("SERIALIZABLE") === true || /^'?(SERIALIZABLE|3)'?$/i.test(isolation);
}

/** Throws for what locks rows as a write does, in the READ ONLY transaction that the statement alone is. */
export function refuseLocking(statement: Statement): void {
  walk(statement, (node) => {
    if (node.kind === "locking" && node.strength === "update") throw cannotWrite();
    return true;
  });
}

export function cannotWrite(): MysqlError {
  return new MysqlError(1792, "25006", "Cannot execute statement in a READ ONLY transaction");
}

/** For a statement that is a transaction of its own: under the isolation level (`READ COMMITTED`) of SET TRANSACTION. */
export function settingsUnder(settings: string, isolation: string, { dialect }: SessionState["sqlMode"]): string {
  const item = `${dialect === "mariadb" ? "tx" : "transaction"}_isolation = '${isolation.replaceAll(" ", "-")}'`;
  return settings === "" ? `SET ${item}` : `${settings}, ${item}`;
}

/** SET SESSION TRANSACTION READ ONLY is in force. */
function readsOnly({ variables }: Settings): boolean {
  const value = variables.get("tx_read_only") ?? variables.get("transaction_read_only");
  return value !== undefined && /^'?(1|on|true)'?$/i.test(value);
}
