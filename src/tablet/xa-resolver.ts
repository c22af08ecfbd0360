// Ends transactions over several shards that their gateway has left: looks for prepared branches on the tablet's mysqld,
// asks the shard named in their xids how the transaction was decided, and commits or rolls them back. Also the other side:
// decides for transactions that this shard coordinates, and deletes the records of decisions that nobody needs any more.
// Everything can be done again and by several at once: why the outcome is the same is told in gateway/transaction/two-phase.ts.
//
//   every second:  XA RECOVER ──► prepared for some seconds ──► DecideTransaction (coordinator's tablet) ──► XA COMMIT
//                                                                                                      └───► XA ROLLBACK

import type { Clock, Timer } from "../base/clock.ts";
import {
  ADD_CLIENT_XIDS,
  type BranchName,
  CREATE_DECISIONS,
  type Decision,
  decideAbort,
  forgetDecisions,
  HAS_DECISIONS,
  IS_NEVER_EMPTY,
  KEEP_NEVER_EMPTY,
  listDecisions,
  type Outcome,
  parseBranchName,
  parseShardNames,
  readDecision,
  type ShardName,
  XID_FORMAT,
  xidOf,
} from "../base/distributed-transaction.ts";
import { messageOf, MysqlError, ShardgateError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { TabletTransactions } from "../rpc/tablet-server.ts";

/** Other shards, by their primaries' tablets. Rejects with SHARD_UNAVAILABLE when there is none. */
export interface OtherShards {
  decide(shard: ShardName, transaction: string): Promise<string>;
  transactions(shard: ShardName): Promise<TabletTransactions>;
}

export interface XaResolverOptions {
  readonly keyspace: string;
  readonly shard: string;
  /** Runs statements on one connection of the mysqld; gives the rows of the last one. */
  readonly run: (...statements: readonly string[]) => Promise<readonly (readonly (string | null)[])[]>;
  readonly others: OtherShards;
  readonly clock: Clock;
  readonly log: Log;
}

interface Prepared {
  readonly name: BranchName;
  /** As it stands in the xid. */
  readonly text: string;
  readonly ageMs: number;
}

/** The branch is not prepared, or its connection is still there and may end it itself. */
const XAER_NOTA = 1397;
/** It was rolled back, for it had changed nothing. */
const XA_RBROLLBACK = 1402;
const ER_LOCK_WAIT_TIMEOUT = 1205;
const ER_NO_SUCH_TABLE = 1146;

export class XaResolver {
  readonly #options: XaResolverOptions;
  /** When each prepared branch was seen first. */
  #seenMs = new Map<string, number>();
  #hasTable = false;
  #lastCleanMs: number;
  #timer: Timer | undefined;
  #stopped = false;
  #lastProblem = "";

  constructor(options: XaResolverOptions) {
    this.#options = options;
    this.#lastCleanMs = options.clock.nowMs();
  }

  /** Resolves when the table of decisions is there, or the mysqld is not. */
  async start(): Promise<void> {
    await this.#look();
    this.#plan();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  /** `prepared` for one that its client decides. Throws MysqlError 1205 while the coordinator is about to commit. */
  async decide(transaction: string): Promise<Outcome> {
    const { run, keyspace, shard } = this.#options;
    // A mysqld that is no primary any more must not decide: another one may have decided otherwise.
    if ((await run("SELECT @@global.read_only"))[0]?.[0] !== "0") {
      throw new ShardgateError(
        "SHARD_UNAVAILABLE",
        `the mysqld of ${keyspace}/${shard} is read-only: it is no primary`,
      );
    }
    await this.#ensureTable();
    const rows = await run(decideAbort(transaction), readDecision(transaction));
    const outcome = rows[0]?.[0];
    if (outcome === "commit" || outcome === "abort" || outcome === "prepared") return outcome;
    throw new ShardgateError("INTERNAL", `transaction ${transaction} has no decision right after it was made`);
  }

  async transactions(): Promise<TabletTransactions> {
    await this.#ensureTable();
    const prepared = (await this.#prepared()).map(({ name, ageMs }) => ({
      transaction: name.transaction,
      coordinatorKeyspace: name.coordinator.keyspace,
      coordinatorShard: name.coordinator.shard,
      ageMs,
    }));
    const decisions = (await this.#options.run(listDecisions())).map(([name, decision, participants, ageS]) => ({
      transaction: name ?? "",
      decision: decision ?? "",
      participants: parseShardNames(participants ?? "").map(({ keyspace, shard }) => `${keyspace}/${shard}`),
      ageS: Number(ageS),
    }));
    return { prepared, decisions };
  }

  /** `decision` undefined: what the coordinator says. Gives the number of branches that were ended. */
  async resolve(transaction: string, decision: Decision | undefined): Promise<number> {
    const branches = (await this.#prepared()).filter(({ name }) => name.transaction === transaction);
    let ended = 0;
    for (const branch of branches) if (await this.#end(branch, decision)) ended++;
    return ended;
  }

  #plan(): void {
    if (this.#stopped) return;
    this.#timer = this.#options.clock.after(LIMITS.preparedLookIntervalMs, () => {
      void this.#look().then(() => this.#plan());
    });
  }

  /** Never rejects. */
  async #look(): Promise<void> {
    const { clock, log } = this.#options;
    try {
      await this.#ensureTable();
      const old = (await this.#prepared()).filter(({ ageMs }) => ageMs >= LIMITS.preparedAgeMs);
      for (let at = 0; at < old.length; at += LIMITS.resolvedAtOnce) {
        await Promise.all(old.slice(at, at + LIMITS.resolvedAtOnce).map((branch) => this.#tryToEnd(branch)));
      }
      if (clock.nowMs() - this.#lastCleanMs >= LIMITS.decisionAgeMs) {
        this.#lastCleanMs = clock.nowMs();
        await this.#clean();
      }
      this.#lastProblem = "";
    } catch (error) {
      // A mysqld that is away is told by the health monitor; anything else once.
      const problem = messageOf(error);
      if (error instanceof MysqlError && error.errno === ER_NO_SUCH_TABLE) this.#hasTable = false;
      if (error instanceof MysqlError && problem !== this.#lastProblem) {
        log.warn({ error: problem }, "transactions over several shards cannot be looked after");
      }
      this.#lastProblem = problem;
    }
  }

  async #ensureTable(): Promise<void> {
    if (this.#hasTable) return;
    const { run } = this.#options;
    const columns = (await run(HAS_DECISIONS)).map(([name]) => name?.toLowerCase());
    if (columns.length === 0) await run(...CREATE_DECISIONS);
    else if (!columns.includes("client_xid")) await run(ADD_CLIENT_XIDS);
    if ((await run(IS_NEVER_EMPTY)).length === 0) await run(KEEP_NEVER_EMPTY);
    this.#hasTable = true;
  }

  async #prepared(): Promise<readonly Prepared[]> {
    const { clock, run } = this.#options;
    const now = clock.nowMs();
    const before = this.#seenMs;
    const seen = new Map<string, number>();
    const prepared: Prepared[] = [];
    for (const [format, , , text] of await run("XA RECOVER")) {
      const name = Number(format) === XID_FORMAT ? parseBranchName(text ?? "") : undefined;
      if (name === undefined || text === null || text === undefined) continue;
      const sinceMs = before.get(text) ?? now;
      seen.set(text, sinceMs);
      prepared.push({ name, text, ageMs: now - sinceMs });
    }
    this.#seenMs = seen;
    return prepared;
  }

  async #tryToEnd(branch: Prepared): Promise<void> {
    try {
      await this.#end(branch, undefined);
    } catch (error) {
      if (error instanceof MysqlError && error.errno === ER_LOCK_WAIT_TIMEOUT) return;
      const { transaction, coordinator } = branch.name;
      this.#options.log.warn(
        { transaction, coordinator, error: messageOf(error) },
        "a prepared transaction waits for its coordinator",
      );
    }
  }

  /** False: its client has to decide, its connection is still there, or it has been ended meanwhile. */
  async #end({ name, text }: Prepared, wanted: Decision | undefined): Promise<boolean> {
    const { run, log } = this.#options;
    const decision = wanted ?? (await this.#ask(name));
    if (decision === "prepared") return false;
    try {
      await run(`XA ${decision === "commit" ? "COMMIT" : "ROLLBACK"} ${xidOf(text)}`);
    } catch (error) {
      if (error instanceof MysqlError && error.errno === XAER_NOTA) return false;
      if (!(error instanceof MysqlError && error.errno === XA_RBROLLBACK)) throw error;
    }
    log.info({ transaction: name.transaction, decision }, "ended a transaction that its gateway had left");
    return true;
  }

  async #ask({ transaction, coordinator }: BranchName): Promise<Outcome> {
    const { keyspace, shard, others } = this.#options;
    if (coordinator.keyspace === keyspace && coordinator.shard === shard) return this.decide(transaction);
    const outcome = await others.decide(coordinator, transaction);
    if (outcome === "commit" || outcome === "abort" || outcome === "prepared") return outcome;
    throw new ShardgateError("INTERNAL", `transaction ${transaction} was decided for "${outcome}"`);
  }

  /** Deletes old records: of `commit` when no participant has a branch any more, of `abort` when no gateway can be that slow. */
  async #clean(): Promise<void> {
    const { others, run } = this.#options;
    const gone: string[] = [];
    for (const [transaction, decision, participants, ageS] of await run(listDecisions())) {
      const ageMs = Number(ageS) * 1000;
      if (transaction === null || transaction === undefined || ageMs < LIMITS.decisionAgeMs) continue;
      if (decision === "prepared") continue;
      if (decision === "abort") {
        if (ageMs >= LIMITS.abortDecisionAgeMs) gone.push(transaction);
        continue;
      }
      const left = await Promise.all(
        parseShardNames(participants ?? "").map(async (shard) => {
          const { prepared } = await others.transactions(shard);
          return prepared.some((branch) => branch.transaction === transaction);
        }),
      ).catch(() => [true]);
      if (!left.includes(true)) gone.push(transaction);
    }
    if (gone.length > 0) await run(forgetDecisions(gone.slice(0, LIMITS.decisionsForgottenAtOnce)));
  }
}
