// Atomic commit over several shards (mode `twopc`), as far as all sessions of a gateway share it: names of transactions,
// asking how one was decided, and forgetting what is done. The commit itself is SessionHolds'.
//
//   joining    first shard (the coordinator): START TRANSACTION.  every other: XA START xid
//   phase 1    coordinator: INSERT the decision `commit`, in its transaction.  others that wrote: XA END, XA PREPARE
//   phase 2    coordinator: COMMIT. From here on the transaction is committed.
//   phase 3    others: XA COMMIT.  Then, some time: coordinator: DELETE the decision
//
// The coordinator never prepares: its own work and the decision are one local transaction, so either both are there or
// neither is. So a transaction of one shard is a plain one, and needs as many round trips as its statements plus one.
//
// A shard on which nothing was written prepares nothing and is concluded last, so that a lock that it holds keeps others
// out until what it guards can be seen; that the lock is still there is looked at in phase 1. If that shard is the
// coordinator, the decision is a statement of its own there. Where only one shard has written there is nothing to decide.
//
// Why all or nothing. A branch commits only after the decision is durable (phase 2 is answered, or a resolver has read it),
// and the decision is written only when all branches are prepared. A branch rolls back only when the decision can never be
// made: whoever wants to undo a prepared branch inserts the decision `abort` first (decideAbort). The key is unique: if
// the coordinator has inserted `commit`, the other one waits until that is committed, and reads it, or is rolled back, and
// wins; if `abort` is there, the coordinator's insert fails and its transaction with it. The abort records of
// transactions that may still be under way are kept, so a gateway that was stopped for long cannot commit afterwards.
// A record of `commit` goes only when no branch is prepared any more; without one a prepared branch is undone.
//
// A transaction that a client has named (XA) is the same, but that every shard runs XA, the first one, too, and that between
// the phases stands a record `prepared` with the client's xid: it says that all branches are prepared, and it keeps others
// from undoing them. The client's XA COMMIT or XA ROLLBACK, from whichever session, makes `commit` or `abort` of it; from
// there on it ends as any other, also if the gateway does not live to see it. XA COMMIT ONE PHASE is a plain commit.

import type { Clock } from "../../base/clock.ts";
import {
  branchName,
  type Decision,
  decideAbort,
  decidePrepared,
  forgetDecisions,
  type Outcome,
  readDecision,
  recordCommit,
  recordPrepared,
  type ShardName,
  xidOf,
} from "../../base/distributed-transaction.ts";
import { messageOf, ShardgateError } from "../../base/errors.ts";
import { LIMITS } from "../../base/limits.ts";
import type { Log } from "../../base/log.ts";
import { collect, errorOfReply } from "../../engine/collect.ts";
import { plainRequest, type ShardPort, type ShardTarget } from "../../engine/ports.ts";
import { comQuery } from "../client/com-query.ts";
import { readAfterReply } from "../read/text-rows.ts";

/** Points between the phases of a commit; a test may want to know when one is reached. */
export type CommitStep = "prepare" | "prepared" | "decided" | "committed";

export interface TwoPhaseOptions {
  readonly port: ShardPort;
  /** Hexadecimal digits, never the same for two gateway processes. */
  readonly gatewayId: string;
  readonly clock: Clock;
  readonly log: Log;
  /** The commit goes on when it resolves. */
  readonly onStep: ((step: CommitStep, transaction: string) => Promise<void>) | undefined;
}

/** One transaction under way that may have several participants. */
export interface Distributed {
  readonly name: string;
  /** The shard that joined first. */
  readonly coordinator: ShardTarget;
  /** Of the next branch. */
  nextNumber: number;
}

const DECISION_RETRY_MS = 200;
const LOCK_WAIT = "SET innodb_lock_wait_timeout = 1";
const ER_DUP_ENTRY = 1062;

export class TwoPhase {
  readonly #options: TwoPhaseOptions;
  #count = 0;
  /** Names of finished transactions, by their coordinator, whose decisions nobody needs any more. */
  readonly #finished = new Map<string, { readonly target: ShardTarget; names: string[] }>();
  #isForgetting = false;
  /** Keys of the xids of sessions' transactions: as on a server, nobody else may have them meanwhile, or end them. */
  readonly named = new Set<string>();

  constructor(options: TwoPhaseOptions) {
    this.#options = options;
  }

  begin(coordinator: ShardTarget): Distributed {
    const { gatewayId } = this.#options;
    return { name: `${gatewayId}.${(++this.#count).toString(36)}`, coordinator, nextNumber: 1 };
  }

  /** The xid of another branch. */
  branch(distributed: Distributed): string {
    const { name, coordinator } = distributed;
    return xidOf(branchName({ transaction: name, number: distributed.nextNumber++, coordinator }));
  }

  /** What the coordinator runs in its transaction. */
  record({ name }: Distributed, participants: readonly ShardName[]): string {
    return recordCommit(name, participants);
  }

  async reached(step: CommitStep, { name }: Distributed): Promise<void> {
    await this.#options.onStep?.(step, name);
  }

  /** Makes the decision `commit` where the coordinator has no part of its own in the transaction. */
  async decideCommit(distributed: Distributed, participants: readonly ShardName[]): Promise<Outcome | undefined> {
    const { port } = this.#options;
    const { name, coordinator } = distributed;
    try {
      const reply = await collect(port, coordinator, plainRequest(comQuery(recordCommit(name, participants))));
      if (reply.info.kind === "err")
        return errorOfReply(reply).errno === ER_DUP_ENTRY ? "abort" : this.decide(distributed);
      return "commit";
    } catch {
      return this.decide(distributed);
    }
  }

  /** Makes the record of what is prepared on all participants; the same answers as `decide`. */
  async recordPrepared(
    distributed: Distributed,
    participants: readonly ShardName[],
    xid: string,
  ): Promise<Outcome | undefined> {
    const { name, coordinator } = distributed;
    try {
      const request = plainRequest(comQuery(recordPrepared(name, participants, xid)));
      const { info } = await collect(this.#options.port, coordinator, request);
      if (info.kind !== "err") return "prepared";
    } catch {
      // Whether it is there is found out below.
    }
    return this.decide(distributed);
  }

  /**
   * How the transaction was decided, if need be by deciding for `abort`; undefined when the coordinator cannot be asked
   * within `decisionWaitMs`. Never rejects.
   */
  async decide({ name, coordinator }: Distributed): Promise<Outcome | undefined> {
    const outcome = await this.#ask(name, coordinator, decideAbort(name));
    return outcome === "gone" ? undefined : outcome;
  }

  /** What has become of one that is prepared, now that its client has decided; `gone`: its record is. Never rejects. */
  decidePrepared(name: string, coordinator: ShardTarget, decision: Decision): Promise<Outcome | "gone" | undefined> {
    return this.#ask(name, coordinator, decidePrepared(name, decision));
  }

  async #ask(name: string, coordinator: ShardTarget, statement: string): Promise<Outcome | "gone" | undefined> {
    const { port, clock, log } = this.#options;
    const request = {
      ...plainRequest(comQuery(statement)),
      settings: LOCK_WAIT,
      after: readDecision(name),
      timeoutMs: LIMITS.decisionWaitMs,
    };
    const endMs = clock.nowMs() + LIMITS.decisionWaitMs;
    for (;;) {
      try {
        const reply = await collect(port, coordinator, request);
        if (reply.info.kind === "err") throw errorOfReply(reply);
        const outcome = readAfterReply(reply.info).rows[0]?.[0]?.toString("latin1");
        if (outcome === undefined) return "gone";
        if (outcome === "commit" || outcome === "abort" || outcome === "prepared") return outcome;
        throw new ShardgateError("INTERNAL", `transaction ${name} was decided for "${outcome}"`);
      } catch (error) {
        if (clock.nowMs() >= endMs) {
          log.warn({ transaction: name, error: messageOf(error) }, "how a transaction was decided is not known yet");
          return undefined;
        }
      }
      await new Promise<void>((resolve) => clock.after(DECISION_RETRY_MS, resolve));
    }
  }

  /** All branches are committed. */
  finished({ name, coordinator }: Distributed): void {
    const key = `${coordinator.keyspace}/${coordinator.shard}`;
    const of = this.#finished.get(key) ?? { target: coordinator, names: [] };
    this.#finished.set(key, of);
    of.names.push(name);
    if (this.#isForgetting) return;
    this.#isForgetting = true;
    this.#options.clock.after(LIMITS.decisionsForgottenAfterMs, () => {
      this.#isForgetting = false;
      const all = [...this.#finished.values()];
      this.#finished.clear();
      for (const { target, names } of all) void this.#forget(target, names);
    });
  }

  /** What cannot be deleted now the coordinator's tablet will find. */
  async #forget(target: ShardTarget, names: readonly string[]): Promise<void> {
    for (let at = 0; at < names.length; at += LIMITS.decisionsForgottenAtOnce) {
      const some = names.slice(at, at + LIMITS.decisionsForgottenAtOnce);
      await collect(this.#options.port, target, plainRequest(comQuery(forgetDecisions(some)))).catch(() => undefined);
    }
  }
}
