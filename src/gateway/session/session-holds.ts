// The connections held for one session, one a shard: because a transaction is open there, or because the session has left
// state on it (a temporary table, GET_LOCK). A shard joins a transaction with its first statement (BEGIN travels with it).
// In the modes `single` and `multi` COMMIT goes shard by shard: best effort, and when a later shard fails after an earlier
// one has committed, the client is told which is which. In `twopc` all shards commit or none (two-phase.ts).

import type { Outcome } from "../../base/distributed-transaction.ts";
import { messageOf, ShardgateError } from "../../base/errors.ts";
import { LIMITS } from "../../base/limits.ts";
import { joinStatements } from "../../base/statement-list.ts";
import { conclude, errorOfReply, ShardCallError } from "../../engine/collect.ts";
import type { ShardPort, ShardTarget } from "../../engine/ports.ts";
import type { ReplyEnd } from "../../engine/reply.ts";
import { SERVER } from "../../mysql/constants.ts";
import {
  firstSince,
  rollBackToSavepoint,
  Savepoints,
  setSavepoint,
  type ShardSavepoint,
} from "../transaction/savepoints.ts";
import { isReadOnly } from "../transaction/transaction-start.ts";
import type { Distributed, TwoPhase } from "../transaction/two-phase.ts";
import {
  type Branch,
  branchEnd,
  branchStart,
  byUse,
  CLOSED_UNDER_LOCKS,
  type Held,
  moreOf,
  nameOf,
  notCommitted,
  NOTHING,
  OPEN_UNDER_LOCKS,
  plainEnd,
  sameShard,
  type ShardUse,
} from "./held-connection.ts";

export const TRANSACTION_MODES = ["single", "multi", "twopc"] as const;
export type TransactionMode = (typeof TRANSACTION_MODES)[number];

/** An XA transaction that the client has named, and how far its session is with it. */
export interface ClientBranch {
  /** See clientXidKey. */
  readonly xid: string;
  readonly phase: "active" | "idle" | "prepared" | "rollback only";
}

/** What the request under way on a shard does before its statement. */
interface Opening {
  readonly target: ShardTarget;
  readonly begins: boolean;
  readonly savepoint: ShardSavepoint | undefined;
  readonly use: ShardUse;
  readonly xid: string | undefined;
}

export class SessionHolds {
  #port: ShardPort;
  readonly #twoPhase: TwoPhase | undefined;
  readonly #firstMode: TransactionMode;
  /** Of the next transaction. */
  mode: TransactionMode;
  readonly savepoints: Savepoints;
  /** The last shard's reply to a ROLLBACK or ROLLBACK TO that had warnings: of tables that cannot be rolled back. */
  warned: ReplyEnd | undefined;
  /** Shards on which the last transaction, which is committed, has still to be so. */
  unfinished: readonly string[] = [];
  /** The client's own XA transaction. */
  clientBranch: ClientBranch | undefined;
  /** LOCK TABLES is in force on reserved connections. */
  hasLockedTables = false;
  /** FLUSH TABLES WITH READ LOCK is in force on reserved connections to all shards. */
  hasReadLock = false;
  /** What the session had left on a reserved connection (temporary tables, locks) is gone with it. */
  hasLostState = false;
  #held: Held[] = [];
  #openings: readonly Opening[] = [];
  /** The client is gone: what still arrives is given back at once. */
  #closed = false;
  /** The open transaction, if it is to be committed in two phases when it has several participants. */
  #distributed: Distributed | undefined;
  #committing: Promise<unknown> | undefined;

  /** Connections of one session that are concluded apart have its savepoints together; mode `twopc` needs `twoPhase`. */
  constructor(port: ShardPort, mode: TransactionMode, savepoints = new Savepoints(), twoPhase?: TwoPhase) {
    this.#port = port;
    this.#firstMode = mode;
    this.mode = mode;
    this.savepoints = savepoints;
    this.#twoPhase = twoPhase;
  }

  /** From now on shards are asked by way of this one. */
  callThrough(port: ShardPort): void {
    this.#port = port;
  }

  /** The mode is again what sessions begin with. */
  resetMode(): void {
    this.mode = this.#firstMode;
  }

  /** A transaction stays on one shard. */
  get isSingle(): boolean {
    return this.mode === "single";
  }

  get empty(): boolean {
    return this.#held.length === 0;
  }

  /** Shards that take part in the open transaction. */
  get participants(): readonly ShardTarget[] {
    return this.#held.filter(({ inTransaction }) => inTransaction).map(({ target }) => target);
  }

  /** The open transaction has written or locked rows. */
  get hasLocked(): boolean {
    return this.#held.some(({ inTransaction, use }) => inTransaction && use !== "reads");
  }

  /** The open transaction has other participants than this shard, and is to be committed on all or none. */
  isAtomicBeside(target: ShardTarget): boolean {
    return this.#distributed !== undefined && this.participants.some((other) => !sameShard(other, target));
  }

  /** Connections with state that the session has left on them. */
  get reserved(): readonly { readonly target: ShardTarget; readonly holdId: number }[] {
    return this.#held.filter(({ reserved }) => reserved);
  }

  /** Nothing of the session is left on its reserved connections: they go back, at the latest with their transaction. */
  unreserve(): void {
    for (const held of this.#held) {
      if (!held.reserved) continue;
      held.reserved = false;
      if (held.inTransaction) continue;
      this.#drop(held.target);
      this.#release(held.target, held.holdId);
    }
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
    if (this.mode === "single" && total > 1) {
      throw new ShardgateError(
        "TRANSACTION_SINGLE_SHARD",
        "transaction over several shards refused (transaction mode is single): " +
          "touch one shard only, or SET transaction_mode = 'multi', or start the gateway with --transaction-mode multi",
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
  opening(target: ShardTarget, begin: string | undefined, use: ShardUse = "writes"): string {
    if (this.#openings.length > 0) this.#openings = this.#openings.filter((other) => !sameShard(other.target, target));
    if (begin === undefined) return "";
    const held = this.#find(target);
    const begins = held?.inTransaction !== true;
    const savepoint = this.savepoints.missing(begins ? [] : held.savepoints);
    if (!begins) {
      held.use = moreOf(held.use, use);
      if (savepoint === undefined) return "";
    }
    const xid = begins && !this.#keepsLocks(held) ? this.#joins(target, begin) : undefined;
    this.#openings = [...this.#openings, { target, begins, savepoint, use, xid }];
    const start = this.#keepsLocks(held) ? OPEN_UNDER_LOCKS : xid === undefined ? begin : branchStart(begin, xid);
    return joinStatements([...(begins ? [start] : []), ...(savepoint === undefined ? [] : [setSavepoint(savepoint)])]);
  }

  /** START TRANSACTION would give up the tables that are locked there, and a branch cannot be opened. */
  #keepsLocks(held: Held | undefined): boolean {
    return this.hasLockedTables && held?.reserved === true;
  }

  /** The xid under which a shard joins; undefined: it opens a plain transaction. */
  #joins(target: ShardTarget, begin: string): string | undefined {
    const twoPhase = this.#twoPhase;
    // What cannot write has nothing to prepare.
    if (twoPhase === undefined || (this.mode !== "twopc" && this.clientBranch === undefined)) return undefined;
    if (target.tabletType !== "primary" || isReadOnly(begin)) return undefined;
    this.#distributed ??= twoPhase.begin(target);
    const isPlain = this.clientBranch === undefined && sameShard(this.#distributed.coordinator, target);
    return isPlain ? undefined : twoPhase.branch(this.#distributed);
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
    const xid = opening?.xid;
    const branch: Branch | undefined = joins && xid !== undefined ? { xid, isPrepared: false } : undefined;
    const use = joins ? opening.use : "reads";
    if (held === undefined) {
      const savepoints = savepoint === undefined ? [] : [savepoint];
      this.#held.push({ target, holdId, inTransaction: joins, reserved, savepoints, use, branch });
      return;
    }
    held.holdId = holdId;
    held.inTransaction ||= joins;
    held.reserved ||= reserved;
    held.branch ??= branch;
    held.use = moreOf(held.use, use);
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

  /** False: the shard has no transaction any more on the connection. Throws ShardCallError. */
  async isOpen(target: ShardTarget): Promise<boolean> {
    const held = this.#find(target);
    if (held === undefined) return false;
    const { info } = await conclude(this.#port, target, "control", held.holdId, [NOTHING]);
    return (info.status & SERVER.STATUS_IN_TRANS) !== 0;
  }

  /** The transaction has ended there by itself; the connection stays. */
  ended(target: ShardTarget): void {
    const held = this.#find(target);
    if (held === undefined) return;
    held.inTransaction = false;
    held.savepoints = [];
    held.branch = undefined;
    held.reserved = true;
    this.savepoints.clear();
    this.#distributed = undefined;
  }

  /** A held connection has opened a transaction by itself, which becomes the session's. */
  adopt(target: ShardTarget): void {
    const held = this.#find(target);
    if (held === undefined) return;
    held.inTransaction = true;
    held.use = "writes";
    // Shards that join later follow its plain transaction.
    if (this.mode === "twopc" && target.tabletType === "primary") this.#distributed ??= this.#twoPhase?.begin(target);
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
   * Commits on every participant. Throws the first error when nothing is committed. In mode `multi`, which goes in the order
   * they joined, throws an error that names the shards on both sides when some are.
   */
  async commit(): Promise<void> {
    this.savepoints.clear();
    const distributed = this.#distributed;
    this.#distributed = undefined;
    const participants = this.#held.filter(({ inTransaction }) => inTransaction);
    this.#committing =
      distributed !== undefined && participants.length > 1
        ? this.#commitAll(distributed, participants)
        : this.#commitInOrder(participants);
    await this.#committing;
  }

  async #commitInOrder(participants: readonly Held[]): Promise<void> {
    const { writers, readers } = byUse(participants);
    const committed: string[] = [];
    for (const [i, held] of writers.entries()) {
      const failed = await this.#conclude("commit", held);
      if (failed === undefined) {
        committed.push(nameOf(held.target));
        continue;
      }
      const rest = writers.slice(i + 1);
      await this.#rollBackAll(participants);
      if (committed.length === 0) throw failed;
      const lost = [held, ...rest].map(({ target }) => nameOf(target)).join(", ");
      throw new ShardgateError(
        "ER_UNKNOWN",
        `COMMIT was partial: committed on ${committed.join(", ")}; not on ${lost}: ${messageOf(failed)}`,
        failed,
      );
    }
    await this.#commitReaders(readers, writers.length > 0);
  }

  /**
   * Locks that only guard what is written elsewhere are given up when that can be seen. With `isDone` it no longer counts
   * whether they can be.
   */
  async #commitReaders(readers: readonly Held[], isDone: boolean): Promise<void> {
    const failures = await Promise.all(readers.map((held) => this.#conclude("commit", held)));
    const failed = failures.find((failure) => failure !== undefined);
    if (failed !== undefined && !isDone) throw failed;
  }

  async #commitAll(distributed: Distributed, participants: readonly Held[]): Promise<void> {
    const { writers, readers, lockers } = byUse(participants);
    const twoPhase = this.#twoPhase;
    if (writers.length <= 1 || twoPhase === undefined) {
      if (writers.length > 0) await this.#checkLocks(lockers, participants);
      await this.#commitInOrder(participants);
      return;
    }
    // One that has written nothing keeps its locks until the others have committed: it only keeps the record.
    const coordinator = writers.find(
      ({ target, branch }) => branch === undefined && sameShard(target, distributed.coordinator),
    );
    const branches = writers.filter((held) => held !== coordinator);
    const names = writers.map(({ target }) => target);
    await twoPhase.reached("prepare", distributed);
    const failures = await Promise.all([
      ...(coordinator === undefined ? [] : [this.#control(coordinator, [twoPhase.record(distributed, names)])]),
      ...branches.map((held) => this.#prepare(held)),
      ...lockers.map((held) => this.#control(held, [NOTHING])),
    ]);
    const failed = failures.find((failure) => failure !== undefined);
    if (failed !== undefined) {
      await this.#rollBackAll(participants);
      throw notCommitted(failed);
    }
    await twoPhase.reached("prepared", distributed);
    let refused: Error | undefined;
    let decision: Outcome | undefined = "commit";
    if (coordinator === undefined) decision = await twoPhase.decideCommit(distributed, names);
    else {
      refused = await this.#conclude("commit", coordinator);
      if (refused !== undefined) decision = await twoPhase.decide(distributed);
    }
    if (decision === undefined) throw await this.#unknown("COMMIT", distributed, branches, readers);
    if (decision !== "commit") {
      await this.#rollBackAll(participants);
      throw notCommitted(refused ?? new ShardgateError("SHARD_UNAVAILABLE", "it took too long to commit"));
    }
    await this.#commitDecided(distributed, branches, readers, twoPhase);
  }

  async #commitDecided(
    distributed: Distributed,
    branches: readonly Held[],
    readers: readonly Held[],
    twoPhase: TwoPhase,
  ): Promise<void> {
    await twoPhase.reached("decided", distributed);
    const unfinished = await Promise.all(branches.map((held) => this.#conclude("commit", held)));
    await twoPhase.reached("committed", distributed);
    this.unfinished = branches.flatMap(({ target }, i) => (unfinished[i] === undefined ? [] : [nameOf(target)]));
    if (this.unfinished.length === 0) twoPhase.finished(distributed);
    await this.#commitReaders(readers, true);
  }

  /** Leaves prepared branches to those who will find them and ask again; gives the error to tell. */
  async #unknown(
    what: string,
    { coordinator, name }: Distributed,
    branches: readonly Held[],
    readers: readonly Held[],
  ): Promise<ShardgateError> {
    await Promise.all(branches.map((held) => this.#giveUp(held)));
    await this.#rollBackAll(readers);
    return new ShardgateError(
      "SHARD_CONNECTION_LOST",
      `lost connection to shard ${nameOf(coordinator)} during ${what} of transaction ${name}, ` +
        "on all shards or on none: which of the two will show when the shard is back",
    );
  }

  /**
   * Prepares the transaction that the client has named on all shards that have written, and records that under its name, on
   * `home` if no shard takes part. Shards that have only read keep their locks as long as the session. Throws when it is
   * rolled back instead, or when whether it is cannot be found out.
   */
  async prepareNamed(xid: string, home: ShardTarget): Promise<void> {
    this.savepoints.clear();
    const preparing = this.#prepareNamed(xid, home);
    this.#committing = preparing;
    await preparing;
  }

  async #prepareNamed(xid: string, home: ShardTarget): Promise<void> {
    const twoPhase = this.#named();
    const participants = this.#held.filter(({ inTransaction }) => inTransaction);
    const { writers, readers, lockers } = byUse(participants);
    this.#distributed ??= twoPhase.begin(home);
    const distributed = this.#distributed;
    await twoPhase.reached("prepare", distributed);
    const failures = await Promise.all([
      ...writers.map((held) => this.#prepare(held)),
      ...lockers.map((held) => this.#control(held, [NOTHING])),
    ]);
    const failed = failures.find((failure) => failure !== undefined);
    if (failed !== undefined) {
      await this.rollback();
      throw failed;
    }
    await twoPhase.reached("prepared", distributed);
    const names = writers.map(({ target }) => target);
    const outcome = await twoPhase.recordPrepared(distributed, names, xid);
    if (outcome === "prepared") return;
    if (outcome === undefined) {
      this.#distributed = undefined;
      throw await this.#unknown("XA PREPARE", distributed, writers, readers);
    }
    await this.rollback();
    throw new ShardgateError("SHARD_UNAVAILABLE", "it took too long to prepare");
  }

  /**
   * Ends what `prepareNamed` has prepared. `false`: another session has ended it, in the other way or altogether. Throws when
   * the shard that has the record cannot be asked: it is prepared still, or ends as was wanted.
   */
  async concludeNamed(op: "commit" | "rollback"): Promise<boolean> {
    const concluding = this.#concludeNamed(op);
    this.#committing = concluding;
    return concluding;
  }

  async #concludeNamed(op: "commit" | "rollback"): Promise<boolean> {
    const twoPhase = this.#named();
    const distributed = this.#distributed;
    const participants = this.#held.filter(({ inTransaction }) => inTransaction);
    const { writers, readers } = byUse(participants);
    if (distributed === undefined) throw new ShardgateError("INTERNAL", "nothing is prepared");
    const wanted = op === "commit" ? "commit" : "abort";
    const outcome = await twoPhase.decidePrepared(distributed.name, distributed.coordinator, wanted);
    if (outcome === undefined || outcome === "prepared") {
      throw new ShardgateError("SHARD_UNAVAILABLE", `shard ${nameOf(distributed.coordinator)} cannot be asked`);
    }
    this.#distributed = undefined;
    if (outcome === "commit") await this.#commitDecided(distributed, writers, readers, twoPhase);
    else if (outcome === "abort") await this.#rollBackAll(participants);
    else {
      await Promise.all(writers.map((held) => this.#giveUp(held)));
      await this.#rollBackAll(readers);
    }
    return outcome === wanted;
  }

  #named(): TwoPhase {
    if (this.#twoPhase === undefined)
      throw new ShardgateError("INTERNAL", "a session that cannot have XA transactions");
    return this.#twoPhase;
  }

  /** A lock is there as long as its connection is: what it was to prevent may have happened otherwise. */
  async #checkLocks(lockers: readonly Held[], participants: readonly Held[]): Promise<void> {
    const failures = await Promise.all(lockers.map((held) => this.#control(held, [NOTHING])));
    const failed = failures.find((failure) => failure !== undefined);
    if (failed === undefined) return;
    await this.#rollBackAll(participants);
    throw notCommitted(failed);
  }

  async #rollBackAll(participants: readonly Held[]): Promise<void> {
    await Promise.all(
      participants.filter(({ inTransaction }) => inTransaction).map((held) => this.#conclude("rollback", held)),
    );
  }

  #prepare(held: Held): Promise<Error | undefined> {
    const { branch } = held;
    if (branch === undefined) return Promise.resolve(new ShardgateError("INTERNAL", "a participant without a branch"));
    branch.isPrepared = true;
    return this.#control(held, [`XA END ${branch.xid}`, `XA PREPARE ${branch.xid}`]);
  }

  /** Runs statements on a participant; gives the error of the last one. Never rejects. */
  async #control({ target, holdId }: Held, statements: readonly string[]): Promise<Error | undefined> {
    try {
      const reply = await conclude(this.#port, target, "control", holdId, statements);
      return reply.info.kind === "err" ? errorOfReply(reply) : undefined;
    } catch (error) {
      return error instanceof ShardCallError ? error.error : new ShardgateError("INTERNAL", messageOf(error), error);
    }
  }

  /** Leaves a prepared branch to those who find it. */
  async #giveUp(held: Held): Promise<void> {
    this.#drop(held.target);
    await conclude(this.#port, held.target, "release", held.holdId).catch(() => undefined);
  }

  /** Rolls back on every participant at once; what cannot be reached rolls back by itself when its connection ends. */
  async rollback(): Promise<void> {
    this.savepoints.clear();
    this.#distributed = undefined;
    // It is still to be ended by its client.
    if (this.clientBranch !== undefined) this.clientBranch = { ...this.clientBranch, phase: "rollback only" };
    const participants = this.#held.filter(({ inTransaction }) => inTransaction);
    await Promise.all(participants.map((held) => this.#conclude("rollback", held)));
  }

  /** The session has no transaction of the client's naming any more. */
  endNamed(): void {
    if (this.clientBranch === undefined) return;
    this.#twoPhase?.named.delete(this.clientBranch.xid);
    this.clientBranch = undefined;
  }

  /** Ends everything: open transactions are rolled back, state on connections is reset. Never rejects. */
  async releaseAll(): Promise<void> {
    this.savepoints.clear();
    this.#distributed = undefined;
    this.endNamed();
    this.hasLockedTables = false;
    this.hasReadLock = false;
    this.hasLostState = false;
    const all = this.#held;
    this.#held = [];
    await Promise.allSettled(all.map(({ target, holdId }) => conclude(this.#port, target, "release", holdId)));
  }

  /** The same for good, when the client is gone. */
  async close(): Promise<void> {
    this.#closed = true;
    // A COMMIT that was asked for goes on to its end.
    await this.#committing?.catch(() => undefined);
    await this.releaseAll();
  }

  #drop(target: ShardTarget): void {
    this.#held = this.#held.filter((held) => !sameShard(held.target, target));
  }

  #release(target: ShardTarget, holdId: number): void {
    conclude(this.#port, target, "release", holdId).catch(() => undefined);
  }

  /** Never rejects; gives the error instead. Afterwards the shard is no participant any more, whatever happened. */
  async #conclude(op: "commit" | "rollback", held: Held): Promise<Error | undefined> {
    const { target, holdId, branch } = held;
    held.inTransaction = false;
    held.savepoints = [];
    held.use = "reads";
    held.branch = undefined;
    const end = branch === undefined ? plainEnd(op, held) : branchEnd(op, branch);
    const statements = this.#keepsLocks(held) ? [...end, CLOSED_UNDER_LOCKS] : end;
    try {
      const reply = await conclude(this.#port, target, held.reserved ? "control" : op, holdId, statements);
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
