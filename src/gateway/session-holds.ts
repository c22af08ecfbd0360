// The connections held for one session, one a shard: because a transaction is open there, or because the session has left
// state on it (a temporary table, GET_LOCK). A shard joins a transaction with its first statement (BEGIN travels with it).
// COMMIT goes shard by shard: best effort, and when a later shard fails after an earlier one has committed, the client is
// told which is which.

import { messageOf, ShardgateError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { collect, type CollectedReply, conclude, errorOfReply, ShardCallError } from "../engine/collect.ts";
import { plainRequest, type ShardPort, type ShardTarget } from "../engine/ports.ts";

export type TransactionMode = "single" | "multi";

interface Held {
  readonly target: ShardTarget;
  holdId: number;
  inTransaction: boolean;
  /** Kept after the transaction, until the session ends. */
  reserved: boolean;
}

export class SessionHolds {
  readonly #port: ShardPort;
  readonly #mode: TransactionMode;
  #held: Held[] = [];
  /** The client is gone: what still arrives is given back at once. */
  #closed = false;

  constructor(port: ShardPort, mode: TransactionMode) {
    this.#port = port;
    this.#mode = mode;
  }

  get empty(): boolean {
    return this.#held.length === 0;
  }

  /** Shards that take part in the open transaction. */
  get participants(): readonly ShardTarget[] {
    return this.#held.filter(({ inTransaction }) => inTransaction).map(({ target }) => target);
  }

  /** Connections with state that the session has left on them. */
  get reserved(): readonly { readonly target: ShardTarget; readonly holdId: number }[] {
    return this.#held.filter(({ reserved }) => reserved);
  }

  /** The connection held on this shard; 0: none. */
  idOf(target: ShardTarget): number {
    return this.#find(target)?.holdId ?? 0;
  }

  participates(target: ShardTarget): boolean {
    return this.#find(target)?.inTransaction ?? false;
  }

  /** Throws when these shards may not all be in one transaction. */
  checkParticipants(targets: readonly ShardTarget[]): void {
    const joining = targets.filter((target) => !this.participates(target)).length;
    const total = this.participants.length + joining;
    if (this.#mode === "single" && total > 1) {
      throw new ShardgateError(
        "TRANSACTION_SINGLE_SHARD",
        "transaction over several shards refused (transaction mode is single): " +
          "touch one shard only, or start the gateway with --transaction-mode multi",
      );
    }
    if (total > LIMITS.transactionShardsMax) {
      throw new ShardgateError(
        "LIMIT_REACHED",
        `a transaction may touch at most ${LIMITS.transactionShardsMax} shards`,
      );
    }
  }

  /** A statement has left this connection held. */
  joined(target: ShardTarget, holdId: number, inTransaction: boolean, reserved: boolean): void {
    if (holdId === 0) return;
    if (this.#closed) {
      this.#release(target, holdId);
      return;
    }
    const held = this.#find(target);
    if (held === undefined) this.#held.push({ target, holdId, inTransaction, reserved });
    else {
      held.holdId = holdId;
      held.inTransaction ||= inTransaction;
      held.reserved ||= reserved;
    }
  }

  /** The shard's connection is gone: nothing is left to conclude there. */
  lost(target: ShardTarget): void {
    const held = this.#find(target);
    if (held === undefined) return;
    this.#drop(target);
    // What the tablet remembers of it goes too.
    this.#release(target, held.holdId);
  }

  /**
   * Commits on every participant, in the order they joined. Throws the first one's error when nothing is committed, and
   * an error that names the shards on both sides when some are.
   */
  async commit(): Promise<void> {
    const participants = this.#held.filter(({ inTransaction }) => inTransaction);
    const committed: string[] = [];
    for (const [i, held] of participants.entries()) {
      const failed = await this.#conclude("commit", held);
      if (failed === undefined) {
        committed.push(nameOf(held.target));
        continue;
      }
      const rest = participants.slice(i + 1);
      await Promise.all(rest.map((other) => this.#conclude("rollback", other)));
      if (committed.length === 0) throw failed;
      const lost = [held, ...rest].map(({ target }) => nameOf(target)).join(", ");
      throw new ShardgateError(
        "ER_UNKNOWN",
        `COMMIT was partial: committed on ${committed.join(", ")}; not on ${lost}: ${messageOf(failed)}`,
        failed,
      );
    }
  }

  /** Rolls back on every participant at once; what cannot be reached rolls back by itself when its connection ends. */
  async rollback(): Promise<void> {
    const participants = this.#held.filter(({ inTransaction }) => inTransaction);
    await Promise.all(participants.map((held) => this.#conclude("rollback", held)));
  }

  /** Rolls back one participant only. */
  async rollbackOf(target: ShardTarget): Promise<void> {
    const held = this.#find(target);
    if (held?.inTransaction === true) await this.#conclude("rollback", held);
  }

  /** Ends everything: open transactions are rolled back, state on connections is reset. Never rejects. */
  async releaseAll(): Promise<void> {
    const all = this.#held;
    this.#held = [];
    await Promise.allSettled(all.map(({ target, holdId }) => conclude(this.#port, target, "release", holdId)));
  }

  /** The same for good, when the client is gone. */
  close(): Promise<void> {
    this.#closed = true;
    return this.releaseAll();
  }

  #drop(target: ShardTarget): void {
    this.#held = this.#held.filter((held) => !sameShard(held.target, target));
  }

  #release(target: ShardTarget, holdId: number): void {
    conclude(this.#port, target, "release", holdId).catch(() => undefined);
  }

  /** Never rejects; gives the error instead. Afterwards the shard is no participant any more, whatever happened. */
  async #conclude(op: "commit" | "rollback", held: Held): Promise<Error | undefined> {
    held.inTransaction = false;
    try {
      const reply = held.reserved
        ? await this.#run(held, op === "commit" ? COMMIT : ROLLBACK)
        : await conclude(this.#port, held.target, op, held.holdId);
      return reply.info.kind === "err" ? errorOfReply(reply) : undefined;
    } catch (error) {
      this.lost(held.target);
      return error instanceof ShardCallError ? error.error : new ShardgateError("INTERNAL", messageOf(error), error);
    } finally {
      if (!held.reserved) this.#drop(held.target);
    }
  }

  #run(held: Held, payload: Buffer): Promise<CollectedReply> {
    return collect(this.#port, held.target, { ...plainRequest(payload), holdId: held.holdId });
  }

  #find(target: ShardTarget): Held | undefined {
    for (const held of this.#held) if (sameShard(held.target, target)) return held;
    return undefined;
  }
}

const COMMIT = Buffer.from("\u0003COMMIT");
const ROLLBACK = Buffer.from("\u0003ROLLBACK");

function sameShard(a: ShardTarget, b: ShardTarget): boolean {
  return a === b || (a.shard === b.shard && a.keyspace === b.keyspace && a.tabletType === b.tabletType);
}

function nameOf(target: ShardTarget): string {
  return `${target.keyspace}:${target.shard}`;
}
