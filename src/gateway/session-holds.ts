// The connections held for one session, one a shard: because a transaction is open there, or because the session has left
// state on it (a temporary table, GET_LOCK). A shard joins a transaction with its first statement (BEGIN travels with it).
// COMMIT goes shard by shard: best effort, and when a later shard fails after an earlier one has committed, the client is
// told which is which.

import { messageOf, ShardgateError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { joinStatements } from "../base/statement-list.ts";
import { conclude, errorOfReply, ShardCallError } from "../engine/collect.ts";
import type { ShardPort, ShardTarget } from "../engine/ports.ts";
import type { ReplyEnd } from "../engine/reply.ts";
import { firstSince, rollBackToSavepoint, Savepoints, setSavepoint, type ShardSavepoint } from "./savepoints.ts";

export type TransactionMode = "single" | "multi";

interface Held {
  readonly target: ShardTarget;
  holdId: number;
  inTransaction: boolean;
  /** Kept after the transaction, until the session ends. */
  reserved: boolean;
  /** Set there in the transaction, oldest first. */
  savepoints: readonly ShardSavepoint[];
}

/** What the request under way on a shard does before its statement. */
interface Opening {
  readonly target: ShardTarget;
  readonly begins: boolean;
  readonly savepoint: ShardSavepoint | undefined;
}

export class SessionHolds {
  readonly #port: ShardPort;
  readonly #mode: TransactionMode;
  readonly savepoints: Savepoints;
  /** The last shard's reply to a ROLLBACK or ROLLBACK TO that had warnings: of tables that cannot be rolled back. */
  warned: ReplyEnd | undefined;
  /** LOCK TABLES is in force on reserved connections. */
  hasLockedTables = false;
  /** What the session had left on a reserved connection (temporary tables, locks) is gone with it. */
  hasLostState = false;
  #held: Held[] = [];
  #openings: readonly Opening[] = [];
  /** The client is gone: what still arrives is given back at once. */
  #closed = false;

  /** Connections of one session that are concluded apart have its savepoints together. */
  constructor(port: ShardPort, mode: TransactionMode, savepoints = new Savepoints()) {
    this.#port = port;
    this.#mode = mode;
    this.savepoints = savepoints;
  }

  /** A transaction stays on one shard. */
  get isSingle(): boolean {
    return this.#mode === "single";
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

  /**
   * Statements that the shard's next one has to be preceded by, as one text: what opens the transaction there, a savepoint.
   * `begin` opens the session's transaction; undefined: the statement is no part of one.
   */
  opening(target: ShardTarget, begin: string | undefined): string {
    if (this.#openings.length > 0) this.#openings = this.#openings.filter((other) => !sameShard(other.target, target));
    if (begin === undefined) return "";
    const held = this.#find(target);
    const begins = held?.inTransaction !== true;
    const savepoint = this.savepoints.missing(begins ? [] : held.savepoints);
    if (!begins && savepoint === undefined) return "";
    this.#openings = [...this.#openings, { target, begins, savepoint }];
    return joinStatements([...(begins ? [begin] : []), ...(savepoint === undefined ? [] : [setSavepoint(savepoint)])]);
  }

  /** A statement has left this connection held, `inTransaction` if it is part of one. */
  joined(target: ShardTarget, holdId: number, inTransaction: boolean, reserved: boolean): void {
    const opening = this.#takeOpening(target);
    if (holdId === 0) return;
    if (this.#closed) {
      this.#release(target, holdId);
      return;
    }
    const held = this.#find(target);
    const joins = inTransaction && opening?.begins === true;
    const savepoint = opening?.savepoint;
    if (held === undefined) {
      const savepoints = savepoint === undefined ? [] : [savepoint];
      this.#held.push({ target, holdId, inTransaction: joins, reserved, savepoints });
      return;
    }
    held.holdId = holdId;
    held.inTransaction ||= joins;
    held.reserved ||= reserved;
    if (savepoint !== undefined) held.savepoints = [...this.savepoints.needed(held.savepoints), savepoint];
  }

  /** Undoes on every participant what it has done since the session's savepoint of this serial. Throws ShardCallError. */
  async rollBackTo(serial: number): Promise<void> {
    await Promise.all(
      this.#held.map(async (held) => {
        const savepoint = held.inTransaction ? firstSince(held.savepoints, serial) : undefined;
        if (savepoint === undefined) return;
        const { target, holdId } = held;
        const reply = await conclude(this.#port, target, "control", holdId, [rollBackToSavepoint(savepoint)]);
        if (reply.info.kind === "err") throw new ShardCallError(errorOfReply(reply), true, target);
        if (reply.info.warnings > 0) this.warned = reply.info;
        held.savepoints = held.savepoints.filter((other) => other.serial <= savepoint.serial);
      }),
    );
  }

  /** The shard's connection is gone: nothing is left to conclude there. */
  lost(target: ShardTarget): void {
    const held = this.#find(target);
    if (held === undefined) return;
    this.hasLostState ||= held.reserved;
    this.#drop(target);
    // What the tablet remembers of it goes too.
    this.#release(target, held.holdId);
  }

  /**
   * Commits on every participant, in the order they joined. Throws the first one's error when nothing is committed, and
   * an error that names the shards on both sides when some are.
   */
  async commit(): Promise<void> {
    this.savepoints.clear();
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
    this.savepoints.clear();
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
    this.savepoints.clear();
    this.hasLockedTables = false;
    this.hasLostState = false;
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
    held.savepoints = [];
    const { target, holdId } = held;
    try {
      const reply = held.reserved
        ? await conclude(this.#port, target, "control", holdId, [op === "commit" ? COMMIT : ROLLBACK])
        : await conclude(this.#port, target, op, holdId);
      if (reply.info.warnings > 0) this.warned = reply.info;
      return reply.info.kind === "err" ? errorOfReply(reply) : undefined;
    } catch (error) {
      this.lost(held.target);
      return error instanceof ShardCallError ? error.error : new ShardgateError("INTERNAL", messageOf(error), error);
    } finally {
      if (!held.reserved) this.#drop(held.target);
    }
  }

  #takeOpening(target: ShardTarget): Opening | undefined {
    const opening = this.#openings.find((other) => sameShard(other.target, target));
    if (opening !== undefined) this.#openings = this.#openings.filter((other) => other !== opening);
    return opening;
  }

  #find(target: ShardTarget): Held | undefined {
    for (const held of this.#held) if (sameShard(held.target, target)) return held;
    return undefined;
  }
}

/** Whatever completion_type says. */
const COMMIT = "COMMIT AND NO CHAIN NO RELEASE";
const ROLLBACK = "ROLLBACK AND NO CHAIN NO RELEASE";

function sameShard(a: ShardTarget, b: ShardTarget): boolean {
  return a === b || (a.shard === b.shard && a.keyspace === b.keyspace && a.tabletType === b.tabletType);
}

function nameOf(target: ShardTarget): string {
  return `${target.keyspace}:${target.shard}`;
}
