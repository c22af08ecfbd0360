// What a client that has session_track_transaction_info set is told of its transaction: what has happened in it, in eight
// characters (manual: "Server Tracking of Client Session State"), and the statements that would open another one like it.
// Tables are taken for transactional ones, and no statement for an unsafe one.

import { splitStatementList } from "../../base/statement-list.ts";
import { SESSION_TRACK, type SessionStateChange, transactionChange } from "../../mysql/packets/ok.ts";
import type { SessionState } from "../session/session-state.ts";

export type TransactionInfo = "off" | "state" | "characteristics";

export class TransactionTracker {
  readonly #state: SessionState;
  /** It began with a statement, because autocommit is off. */
  #isImplicit = false;
  #opensImplicitly = false;
  #reads = false;
  #writes = false;
  #rowsSent = false;
  /** What the client has been told; undefined: nothing yet. */
  #told: { readonly state: string; readonly characteristics: string | undefined } | undefined;

  constructor(state: SessionState) {
    this.#state = state;
  }

  /** A statement does this to tables, maybe as the first of a transaction. */
  touches(tables: boolean, changes: boolean): void {
    const { autocommit, inTransaction } = this.#state;
    this.#opensImplicitly = tables && !autocommit && !inTransaction;
    if (this.#opensImplicitly) this.#clear();
    this.#reads ||= tables && !changes;
    this.#writes ||= tables && changes;
  }

  /** One has begun or ended. */
  begins(): void {
    this.#isImplicit = this.#opensImplicitly;
    this.#opensImplicitly = false;
    if (this.#isImplicit) return;
    this.#clear();
    // As servers see it, a snapshot is a read.
    this.#reads = this.#state.begin?.includes("WITH CONSISTENT SNAPSHOT") === true;
  }

  rowsSent(): void {
    this.#rowsSent = true;
  }

  pending(info: TransactionInfo): boolean {
    if (info === "off") {
      this.#told = undefined;
      return false;
    }
    const { state, characteristics } = this.#now(info);
    return state !== this.#told?.state || characteristics !== this.#told.characteristics;
  }

  take(info: TransactionInfo): readonly SessionStateChange[] {
    if (info === "off") return [];
    const changes: SessionStateChange[] = [];
    const { state, characteristics } = this.#now(info);
    if (state !== this.#told?.state) changes.push(transactionChange(SESSION_TRACK.TRANSACTION_STATE, state));
    if (characteristics !== undefined && characteristics !== this.#told?.characteristics) {
      changes.push(transactionChange(SESSION_TRACK.TRANSACTION_CHARACTERISTICS, characteristics));
    }
    this.#told = { state, characteristics };
    return changes;
  }

  #clear(): void {
    this.#reads = false;
    this.#writes = false;
    this.#rowsSent = false;
  }

  #now(info: TransactionInfo): { readonly state: string; readonly characteristics: string | undefined } {
    const characteristics = info === "characteristics" ? this.#characteristics() : undefined;
    if (!this.#state.inTransaction) return { state: "________", characteristics };
    const begun = this.#isImplicit ? "I" : "T";
    const flag = (on: boolean, letter: string): string => (on ? letter : "_");
    const rows = flag(this.#rowsSent, "S");
    return { state: `${begun}_${flag(this.#reads, "R")}_${flag(this.#writes, "W")}_${rows}_`, characteristics };
  }

  #characteristics(): string {
    const { begin, nextIsolation, nextReadOnly } = this.#state;
    if (begin !== undefined) {
      const statements = splitStatementList(begin);
      return (this.#isImplicit ? statements.slice(0, -1) : statements).map((sql) => `${sql};`).join(" ");
    }
    const next: string[] = [];
    if (nextIsolation !== undefined) next.push(`SET TRANSACTION ISOLATION LEVEL ${nextIsolation};`);
    if (nextReadOnly !== undefined) next.push(`SET TRANSACTION READ ${nextReadOnly ? "ONLY" : "WRITE"};`);
    return next.join(" ");
  }
}
