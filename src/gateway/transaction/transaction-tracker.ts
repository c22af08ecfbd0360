// What a client that has session_track_transaction_info set is told of its transaction: what has happened in it, in eight
// characters (manual: "Server Tracking of Client Session State"), and the statements that would open another one like it.
// Tables are taken for transactional ones, and no statement for an unsafe one.

import { splitStatementList } from "../../base/statement-list.ts";
import { SESSION_TRACK, type SessionStateChange, transactionChange } from "../../mysql/packets/ok.ts";
import type { SessionState } from "../session/session-state.ts";

export type TransactionInfo = "off" | "state" | "characteristics";

export class TransactionTracker {
  readonly #state: SessionState;
  /** The variable is set; what was before is not followed, nor is a transaction that was open then. */
  #isEnabled = false;
  #begun: "explicit" | "implicit" | undefined;
  #opensImplicitly = false;
  #reads = false;
  #writes = false;
  #rowsSent = false;
  /** What the client has been told; undefined: nothing yet. */
  #toldState: string | undefined;
  #toldCharacteristics: string | undefined;

  constructor(state: SessionState) {
    this.#state = state;
  }

  /** The variable has been given a value, maybe the same again. */
  infoSet(info: TransactionInfo): void {
    if (info === "off") this.#isEnabled = false;
    else if (!this.#isEnabled) {
      this.#isEnabled = true;
      this.#clear();
      this.#toldState = undefined;
    }
    this.#toldCharacteristics = undefined;
  }

  /** A statement does this to tables, maybe as the first of a transaction. */
  touches(tables: boolean, changes: boolean): void {
    if (!this.#isEnabled) return;
    const { autocommit, inTransaction } = this.#state;
    this.#opensImplicitly = tables && !autocommit && !inTransaction;
    if (this.#opensImplicitly) this.#clear();
    this.#reads ||= tables && !changes;
    this.#writes ||= tables && changes;
  }

  /** One has begun or ended. */
  begins(): void {
    if (!this.#isEnabled) return;
    // Told again also where it is the same.
    if (this.#begun === "explicit") this.#toldCharacteristics = undefined;
    const { begin } = this.#state;
    const isImplicit = this.#opensImplicitly;
    this.#opensImplicitly = false;
    if (!isImplicit) this.#clear();
    if (begin === undefined) return;
    this.#begun = isImplicit ? "implicit" : "explicit";
    // As servers see it, a snapshot is a read.
    if (!isImplicit) this.#reads = begin.includes("WITH CONSISTENT SNAPSHOT");
  }

  rowsSent(): void {
    this.#rowsSent = this.#isEnabled;
  }

  pending(info: TransactionInfo): boolean {
    // A session that is reset has it as at login.
    if (info === "off") this.#isEnabled = false;
    if (!this.#isEnabled) return false;
    if (this.#stateNow() !== this.#toldState) return true;
    return info === "characteristics" && this.#characteristics() !== this.#toldCharacteristics;
  }

  take(info: TransactionInfo): readonly SessionStateChange[] {
    if (!this.#isEnabled) return [];
    const changes: SessionStateChange[] = [];
    const state = this.#stateNow();
    if (state !== this.#toldState) changes.push(transactionChange(SESSION_TRACK.TRANSACTION_STATE, state));
    this.#toldState = state;
    if (info !== "characteristics") return changes;
    const characteristics = this.#characteristics();
    if (characteristics !== this.#toldCharacteristics) {
      changes.push(transactionChange(SESSION_TRACK.TRANSACTION_CHARACTERISTICS, characteristics));
    }
    this.#toldCharacteristics = characteristics;
    return changes;
  }

  #clear(): void {
    this.#begun = undefined;
    this.#reads = false;
    this.#writes = false;
    this.#rowsSent = false;
  }

  #stateNow(): string {
    const locked = this.#state.holds.hasLockedTables ? "L" : "_";
    if (this.#begun === undefined) return `_______${locked}`;
    const begun = this.#begun === "implicit" ? "I" : "T";
    const flag = (on: boolean, letter: string): string => (on ? letter : "_");
    return `${begun}_${flag(this.#reads, "R")}_${flag(this.#writes, "W")}_${flag(this.#rowsSent, "S")}${locked}`;
  }

  #characteristics(): string {
    const { begin, nextIsolation, nextReadOnly } = this.#state;
    if (begin !== undefined) {
      const statements = splitStatementList(begin);
      return (this.#begun === "explicit" ? statements : statements.slice(0, -1)).map((sql) => `${sql};`).join(" ");
    }
    const next: string[] = [];
    if (nextIsolation !== undefined) next.push(`SET TRANSACTION ISOLATION LEVEL ${nextIsolation};`);
    if (nextReadOnly !== undefined) next.push(`SET TRANSACTION READ ${nextReadOnly ? "ONLY" : "WRITE"};`);
    return next.join(" ");
  }
}
