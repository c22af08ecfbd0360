// What a gateway counts beside its statements (query-stats.ts): planning, transactions, gathered rows, clients and their
// bytes. Only adds; the admin port reads.

import { Latencies } from "../../base/latencies.ts";
import { type TransactionMode, TRANSACTION_MODES } from "../session/session-holds.ts";

/** `partial`: in mode `multi`, some shards have committed and others have not. */
const TRANSACTION_OUTCOMES = ["committed", "rolled-back", "failed", "partial"] as const;
export type TransactionOutcome = (typeof TRANSACTION_OUTCOMES)[number];

export class GatewayCounters {
  /** Of statements whose plan was not kept: reading and planning. */
  readonly planning = new Latencies();
  /** What gathers have brought together, and how many there were. */
  readonly gathered = { queries: 0, rows: 0, bytes: 0 };
  readonly #transactions: readonly { readonly mode: TransactionMode; readonly outcomes: Float64Array }[];

  constructor() {
    this.#transactions = TRANSACTION_MODES.map((mode) => ({
      mode,
      outcomes: new Float64Array(TRANSACTION_OUTCOMES.length),
    }));
  }

  /** A transaction that has touched a shard is over. */
  transaction(mode: TransactionMode, outcome: TransactionOutcome): void {
    const outcomes = this.#transactions.find((each) => each.mode === mode)?.outcomes;
    const at = TRANSACTION_OUTCOMES.indexOf(outcome);
    if (outcomes !== undefined) outcomes[at] = (outcomes[at] ?? 0) + 1;
  }

  gather(rows: number, bytes: number): void {
    this.gathered.queries++;
    this.gathered.rows += rows;
    this.gathered.bytes += bytes;
  }

  /** All combinations, also those that have not been seen. */
  get transactions(): readonly {
    readonly mode: TransactionMode;
    readonly outcome: TransactionOutcome;
    readonly count: number;
  }[] {
    return this.#transactions.flatMap(({ mode, outcomes }) =>
      TRANSACTION_OUTCOMES.map((outcome, at) => ({ mode, outcome, count: outcomes[at] ?? 0 })),
    );
  }
}
