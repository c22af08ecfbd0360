// What a client with CLIENT_SESSION_TRACK has been told of its session, and so what the next OK has to tell: the selected
// schema, system variables that SET has given a value, the transaction, and that anything has changed at all. Which of these
// it wants to hear of is said by its session_track_* variables (manual: "Server Tracking of Client Session State").

import { type SessionStateChange, schemaChange, stateChange, systemVariableChange } from "../../mysql/packets/ok.ts";
import type { SessionChanges } from "../../mysql/reply-reframe.ts";
import type { SessionState } from "./session-state.ts";
import type { Settings } from "./settings.ts";
import type { SessionTarget } from "../cluster/target.ts";
import { type TransactionInfo, TransactionTracker } from "../transaction/transaction-tracker.ts";

/** Of session_track_system_variables, in MySQL and MariaDB alike. */
const TRACKED_BY_DEFAULT: readonly string[] = [
  "autocommit",
  "character_set_client",
  "character_set_connection",
  "character_set_results",
  "time_zone",
];

export class SessionTracker implements SessionChanges {
  readonly #state: SessionState;
  readonly #transaction: TransactionTracker;
  #target: SessionTarget;
  /** Variables that have been set since the last OK, with their values as SHOW VARIABLES has them. */
  readonly #variables = new Map<string, string>();
  #hasChanged = false;

  constructor(state: SessionState) {
    this.#state = state;
    this.#transaction = new TransactionTracker(state);
    this.#target = state.target;
    this.transactionInfoSet();
  }

  get pending(): boolean {
    return this.#transaction.pending(transactionInfo(this.#state.settings)) || this.#hasNews();
  }

  #hasNews(): boolean {
    // Each USE makes a new object, also where it says the same again.
    if (this.#state.target === this.#target && this.#variables.size === 0 && !this.#hasChanged) return false;
    if (this.#variables.size > 0 || this.#tellsSchema() || this.#tellsChange()) return true;
    this.forget();
    return false;
  }

  /** In a server's order. */
  take(): readonly SessionStateChange[] {
    const changes: SessionStateChange[] = [];
    if (this.#hasNews()) {
      for (const [name, value] of this.#inOrder()) changes.push(systemVariableChange(name, value));
      if (this.#tellsSchema()) changes.push(schemaChange(schemaOf(this.#state.target)));
      if (this.#tellsChange()) changes.push(stateChange());
      this.forget();
    }
    changes.push(...this.#transaction.take(transactionInfo(this.#state.settings)));
    return changes;
  }

  /** The session is as after login, and the client knows. */
  forget(): void {
    this.#target = this.#state.target;
    this.#variables.clear();
    this.#hasChanged = false;
  }

  /** Before a statement: what it does. */
  touches(tables: boolean, changes: boolean): void {
    this.#transaction.touches(tables, changes);
  }

  /** A transaction has begun or ended. */
  transactionBegins(): void {
    this.#transaction.begins();
  }

  rowsSent(): void {
    this.#transaction.rowsSent();
  }

  /** Whether the client wants to know of this variable. */
  tracks(name: string): boolean {
    const names = this.#tracked;
    return names.includes("*") || names.includes(name);
  }

  get #tracked(): readonly string[] {
    const value = valueOf(this.#state.settings, "session_track_system_variables");
    return value === undefined ? TRACKED_BY_DEFAULT : value.split(",").map((each) => each.trim());
  }

  /** The order in which the client has named them. */
  #inOrder(): Iterable<readonly [name: string, value: string]> {
    const names = this.#tracked;
    return [...this.#variables].sort(([a], [b]) => names.indexOf(a) - names.indexOf(b));
  }

  /** A variable has been set; `value` as SHOW VARIABLES has it. */
  variableSet(name: string, value: string): void {
    this.#variables.set(name, value);
  }

  /** What has become of the variable need not be told. */
  variableKept(name: string): void {
    this.#variables.delete(name);
  }

  #tellsSchema(): boolean {
    const { target, settings } = this.#state;
    return target !== this.#target && isOn(settings, "session_track_schema", true);
  }

  #tellsChange(): boolean {
    const { target } = this.#state;
    return (
      (this.#hasChanged || target !== this.#target) && isOn(this.#state.settings, "session_track_state_change", false)
    );
  }

  /** session_track_transaction_info has been set. */
  transactionInfoSet(): void {
    this.#transaction.infoSet(transactionInfo(this.#state.settings));
  }

  /** Something of the session has changed: a variable, a temporary table, a prepared statement. */
  changed(): void {
    this.#hasChanged = true;
  }
}

/** What USE would be given to get there again. */
function schemaOf({ keyspace, shard, tabletType, text }: SessionTarget): string {
  return shard === undefined && tabletType === "primary" ? (keyspace ?? "") : text;
}

function isOn(settings: Settings, variable: string, byDefault: boolean): boolean {
  const value = valueOf(settings, variable);
  if (value === undefined) return byDefault;
  return value === "1" || value === "on" || value === "true";
}

function transactionInfo(settings: Settings): TransactionInfo {
  const value = valueOf(settings, "session_track_transaction_info");
  if (value === "state" || value === "1") return "state";
  return value === "characteristics" || value === "2" ? "characteristics" : "off";
}

/** What the session has set the variable to, in lower case; undefined if nothing. */
function valueOf(settings: Settings, variable: string): string | undefined {
  const value = settings.variables.get(variable)?.toLowerCase();
  return value === undefined || value === "default" ? undefined : value.replaceAll("'", "");
}
