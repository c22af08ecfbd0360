// A session's connections whose transactions are counted: by mode, and by how they end. What has touched no shard is none.

import { ShardgateError } from "../../base/errors.ts";
import type { ShardPort, ShardTarget } from "../../engine/ports.ts";
import type { GatewayCounters, TransactionOutcome } from "../observe/gateway-counters.ts";
import { OrderedHolds } from "./ordered-holds.ts";
import type { TransactionMode } from "./session-holds.ts";
import type { TwoPhase } from "../transaction/two-phase.ts";

export class CountedHolds extends OrderedHolds {
  readonly #counters: GatewayCounters;
  /** Set while a commit goes on, which may roll back by itself. */
  #isCommitting = false;
  /** A shard has lost its part of the open transaction, which is going to be rolled back. */
  #isLost = false;

  constructor(port: ShardPort, mode: TransactionMode, twoPhase: TwoPhase, counters: GatewayCounters) {
    super(port, mode, twoPhase);
    this.#counters = counters;
  }

  override async commit(): Promise<void> {
    if (this.participants.length === 0 || this.#isCommitting) {
      await super.commit();
      return;
    }
    let outcome: TransactionOutcome = "committed";
    this.#isCommitting = true;
    try {
      await super.commit();
    } catch (error) {
      outcome = error instanceof ShardgateError && error.id === "ER_UNKNOWN" ? "partial" : "failed";
      throw error;
    } finally {
      this.#isCommitting = false;
      this.#counters.transaction(this.mode, outcome);
    }
  }

  override lost(target: ShardTarget): void {
    if (!this.#isCommitting && this.participates(target)) this.#isLost = true;
    super.lost(target);
  }

  override async rollback(): Promise<void> {
    this.#undone();
    await super.rollback();
  }

  override async releaseAll(): Promise<void> {
    this.#undone();
    await super.releaseAll();
  }

  #undone(): void {
    if (this.#isCommitting) return;
    if (this.#isLost) this.#counters.transaction(this.mode, "failed");
    else if (this.participants.length > 0) this.#counters.transaction(this.mode, "rolled-back");
    this.#isLost = false;
  }
}
