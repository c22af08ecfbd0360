// Runs statements for one session. The hot path is `query` with one shard: normalize, plan-cache hit, pass through —
// nothing on it waits or allocates more than it must. Everything else (several shards, statements of the session itself)
// may wait; its promise is caught in `#slow`.

import { forManyListeners } from "../base/abort.ts";
import { interrupted, MysqlError, noDatabase, notSupported, ShardgateError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { GatherLimits } from "../engine/gather.ts";
import type { Output } from "../engine/output.ts";
import { PassThrough, type PassThroughOwner, type Written } from "../engine/pass-through.ts";
import {
  losesHold,
  NOTHING_PREPARED,
  plainRequest,
  type ShardCall,
  type ShardRequest,
  type ShardTarget,
} from "../engine/ports.ts";
import type { ReplyEnd } from "../engine/reply.ts";
import { ShardCallError } from "../engine/collect.ts";
import { scatterRows } from "../engine/scatter.ts";
import { writeFrame } from "../mysql/frame.ts";
import { decodeErr } from "../mysql/packets/err.ts";
import { decodeOk, encodeOk, type OkPacket, okPacket } from "../mysql/packets/ok.ts";
import { type ResultSet, writeResultSet } from "../mysql/result-writer.ts";
import { LOCK_TABLES, showEffect } from "../plan/effects.ts";
import type { ChangePlan } from "../plan/change-plan.ts";
import type { MergePlan } from "../plan/merge-plan.ts";
import type { CatalogPlan, Effect, GatherPlan, Plan, Routing, SendPlan } from "../plan/plan.ts";
import { isSystemSchema } from "../plan/system-tables.ts";
import { isOfTemporaries } from "../plan/temporary.ts";
import type { AskedRef } from "../plan/value-ref.ts";
import type { BindValue } from "../sql/bind-value.ts";
import { normalize } from "../sql/normalize.ts";
import type { Statement } from "../sql/tree.ts";
import type { TabletType } from "../topo/records.ts";
import { checkAccess } from "./access/access.ts";
import { afterRequest, learn, learnRows } from "./session/aftermath.ts";
import { loseVariables, refuseLost, triggerVariablesOf } from "./session/lost-variables.ts";
import { askedRouting } from "./read/asked-routing.ts";
import { HeldAnswer } from "./read/held-answer.ts";
import { LookupAnswers, lookupsIn } from "./read/lookup-answers.ts";
import { askedSyntaxError, isSyntaxError, runUnread } from "./plans/asked-syntax.ts";
import { BinaryRows } from "./prepared/binary-rows.ts";
import type { Execution } from "./prepared/execution.ts";
import { givesGeneratedId } from "./write/auto-increments.ts";
import { giveBack, settleLocks } from "./session/give-back.ts";
import { isProgram, refuseCommitting } from "./transaction/committing-calls.ts";
import { keepingOf } from "./session/kept-state.ts";
import { errInResultCharset, inResultCharset } from "./client/client-text.ts";
import type { ClusterView } from "./cluster/cluster-view.ts";
import { definedTables } from "./cluster/defined-tables.ts";
import { SessionShards } from "./cluster/session-shards.ts";
import type { StatementCommand } from "./client/com-query.ts";
import type { ExecutorClient } from "./client/executor-client.ts";
import { patchStatus } from "./client/patch-status.ts";
import { runFieldList } from "./client/field-list.ts";
import type { GatewayContext } from "./gateway-context.ts";
import type { CommandIndex } from "./observe/statement-counts.ts";
import type { CachedPlan } from "./plans/plan-cache.ts";
import { gatherForbidden, mergeForbidden, optionsOf, type QueryOptions, refuseScatter } from "./plans/query-options.ts";
import { RowLimit } from "./client/row-limit.ts";
import { obeyRules } from "./rules/run-ruled.ts";
import { runChange } from "./write/run-change.ts";
import { runInsert } from "./write/run-insert.ts";
import { runChangeRows } from "./write/run-change-rows.ts";
import { aloneIn, runCatalog } from "./read/run-catalog.ts";
import { runGather } from "./read/run-gather.ts";
import { runInsertRows } from "./write/run-insert-rows.ts";
import { runMerge } from "./read/run-merge.ts";
import { runSessionStatement } from "./session/run-session-statement.ts";
import { commitOpen, followShard, mayEndTransaction } from "./transaction/run-transaction.ts";
import { followTemporaries } from "./session/temporary-tables.ts";
import { EXECUTED_VERBS, StatementPlans } from "./plans/statement-plans.ts";
import { answersNoRows, isDone, isQuery, passesBinary, refuseRest } from "./plans/statement-facts.ts";
import { deadlockBehind, isDeadlock, shutdownBehind, transactionLost, withErrors } from "./cluster/shard-errors.ts";
import type { ShardUse } from "./session/held-connection.ts";
import { NO_BINDS, StatementUnderWay } from "./statement-under-way.ts";
import { type LastWarnings, NO_WARNINGS, type SessionState } from "./session/session-state.ts";
import { substituted } from "./session/session-values.ts";
import { type MergedWarnings, warningsOfParts } from "./read/merged-warnings.ts";
import { warningsOf, warningsOfFailed } from "./show/show-warnings.ts";
import { commitsUnplanned } from "./transaction/commit-unplanned.ts";
import { wrongPhase } from "./transaction/xa-errors.ts";
import {
  cannotWrite,
  isReading,
  locksWhatItReads,
  refuseLocking,
  settingsUnder,
  startOf,
} from "./transaction/transaction-start.ts";

const TIME_LIMIT_SLACK_MS = 250;
/** The status flags are the last bytes of an EOF packet. */
const EOF_STATUS_BYTES = 2;

export class Executor implements PassThroughOwner {
  readonly #context: GatewayContext;
  readonly state: SessionState;
  readonly client: ExecutorClient;
  /** It runs what the client has sent, not what comes of it: its statements count in SHOW STATUS. */
  isClients = false;
  readonly #fixed: QueryOptions | undefined;
  readonly #passThrough: PassThrough;
  readonly #plans: StatementPlans;
  readonly shards: SessionShards;
  /** Undefined until somebody listens, or has something to hear. */
  #abort: AbortController | undefined;
  #now: StatementUnderWay;
  /** Runs the statement under way when its answer goes to the client in another form (MAX_ROWS, binary rows). */
  #inner: Executor | undefined;
  /** Runs executions of prepared statements whose answers are made from text. */
  #binary: { readonly executor: Executor; readonly rows: BinaryRows } | undefined;
  #call: ShardCall | undefined;
  #sequenceId = 1;

  /** With `fixed` options directives count no more. */
  constructor(context: GatewayContext, state: SessionState, client: ExecutorClient, fixed?: QueryOptions) {
    this.#context = context;
    this.state = state;
    this.client = client;
    this.#fixed = fixed;
    this.#now = new StatementUnderWay(fixed ?? context.queryOptions, undefined);
    this.#passThrough = new PassThrough(client, this);
    this.#plans = new StatementPlans(context, state);
    this.shards = new SessionShards(state, this);
  }

  /**
   * Runs the statement of a COM_QUERY; `payload` is the whole packet, command byte first. With `given` options query rules
   * have been asked already.
   */
  query(payload: Buffer, sequenceId: number, given?: QueryOptions): void {
    this.#run({ payload, normalized: undefined }, undefined, sequenceId, given);
  }

  /** Runs a prepared statement: the answer's rows have binary form. */
  execute(execution: Execution, sequenceId: number, given?: QueryOptions): void {
    this.#run(execution, execution, sequenceId, given);
  }

  #run(command: StatementCommand, execution: Execution | undefined, sequenceId: number, given?: QueryOptions): void {
    this.#sequenceId = sequenceId + 1;
    if (this.state.holds.hasLostState) {
      this.fail(
        new MysqlError(1927, "70100", "Connection was killed: the session's temporary tables or locks are lost"),
      );
      return;
    }
    this.#now = new StatementUnderWay(this.#ownOptions, execution);
    this.state.last.targets.length = 0;
    try {
      const read = command.normalized ?? normalize(command.payload.subarray(1), this.state.sqlMode);
      if (command.normalized === undefined) {
        const sql = command.payload.subarray(1);
        if (read.key === "" && isDone(sql, read)) {
          this.ok();
          return;
        }
        if (read.statementEnd < sql.length) refuseRest(sql, read, this.state.sqlMode);
      }
      const normalized = this.#plans.withSelectLimit(read);
      const cluster = this.context.cluster();
      let options = given ?? this.#fixed ?? optionsOf(normalized.directives, this.context.queryOptions);
      this.#now.given = given;
      const rules = this.context.rules.current;
      if (rules !== undefined && given === undefined && this.#fixed === undefined) {
        const ruled = obeyRules(this, rules, { command, sequenceId, execution, normalized, cluster, options });
        if (ruled === undefined) return;
        options = ruled;
        this.#now.given = ruled;
      }
      this.#now.options = options;
      this.#now.deadlineMs = options.timeoutMs === 0 ? 0 : this.context.clock.nowMs() + options.timeoutMs;
      const cached = this.#plans.planOf(command, normalized, cluster, this.tabletType);
      const { last } = this.state;
      if (this.isClients) {
        this.count(cached.command);
        this.state.gtids?.begin();
      }
      last.digest = this.#plans.digestOf(cached);
      last.tier = "pass-through";
      last.errno = 0;
      last.error = undefined;
      last.rows = 0;
      if (cached.access !== undefined) checkAccess(this.state.user, cached.access);
      const { plan, statement } = cached;
      this.#now.isRowless = execution !== undefined && answersNoRows(statement);
      if (
        execution !== undefined &&
        (options.rowsMax > 0 || !EXECUTED_VERBS.has(normalized.verb) || !passesBinary(plan)) &&
        !this.#runsAsText()
      ) {
        this.#asText(command);
        return;
      }
      if (this.state.lostVariables !== undefined) refuseLost(statement, this.state);
      if (this.state.nextReadOnly === true && !this.state.inTransaction) refuseLocking(statement);
      if (options.noScatter !== undefined) refuseScatter(plan, options.noScatter, cluster);
      if (options.rowsMax > 0 && isQuery(statement)) {
        this.#limit(options, command, sequenceId);
        return;
      }
      const triggerVariables = triggerVariablesOf(plan);
      if (triggerVariables !== undefined) this.#now.effect = { ...this.#now.effect, triggerVariables };
      if (plan.kind === "send") {
        if (statement.kind === "ddl") this.context.routineVariables.forget();
        const sent = plan.substitute ?? statement;
        this.#now.inserting =
          sent.kind === "insert" ? { statement: sent, binds: normalized.binds, keyspace: plan.keyspace } : undefined;
        const isOfTemporary = sent.kind === "ddl" && isOfTemporaries(sent, plan.routing);
        this.#now.temporary = isOfTemporary ? sent : undefined;
        this.#now.defining = isOfTemporary ? undefined : definedTables(statement, plan.keyspace);
        const { hasTables } = this.state.kept;
        if (plan.effect.reserves !== undefined || (hasTables && statement.kind === "ddl")) {
          this.#now.keeping = keepingOf(sent, normalized.binds, plan.keyspace, hasTables);
          if (this.#now.keeping?.isTemporary === true && isReading(this.state)) throw cannotWrite();
        }
        if (this.state.inTransaction && isProgram(statement)) {
          this.#slow(this.#checkThenRun(statement, plan, normalized.binds, cluster, command));
        } else this.#send(plan, normalized.binds, cluster, command);
      } else if (plan.kind === "gather" || plan.kind === "merge") {
        this.#now.effect = plan.effect;
        this.#now.use = useOf(plan.effect, this.state);
        this.#now.binds = normalized.binds;
        this.#severalShards(plan, normalized.binds, cluster);
      } else if (plan.kind === "catalog") this.#catalog(plan, normalized.binds, cluster, command);
      else if (plan.kind === "change") this.#severalShards(plan, normalized.binds, cluster);
      else if (plan.kind === "insert-rows") this.#slow(runInsertRows(this, plan, normalized.binds, cluster));
      else if (plan.kind === "insert") this.#slow(runInsert(this, plan, normalized.binds, cluster, command.payload));
      else if (plan.kind === "session") {
        if (statement.kind === "show") this.#now.effect = showEffect(statement);
        this.#slow(runSessionStatement(this, statement, cluster, command.payload));
      }
    } catch (error) {
      this.state.last.digest ??= this.context.stats.digestOf(
        "",
        "unknown",
        "UNREADABLE OR UNPLANNED",
        this.context.clock.wallMs(),
      );
      if (!isSyntaxError(error)) {
        if (!commitsUnplanned(error, command.payload.subarray(1), this.state)) this.fail(error);
        else this.#slow(commitOpen(this).then(() => this.fail(error)));
      } else if (this.#now.execution === undefined) this.#slow(runUnread(this, command.payload, error));
      else this.#slow(askedSyntaxError(this, command.payload.subarray(1), error).then((asked) => this.fail(asked)));
    }
  }

  /** Goes on with a statement that only the server reads, planned as `statement`. Never throws. */
  sendUnread(statement: Statement, payload: Buffer, cluster: ClusterView): void {
    try {
      const { plan, access } = this.#plans.planFor(statement, cluster, this.tabletType);
      if (access !== undefined) checkAccess(this.state.user, access);
      if (plan.kind !== "send") throw notSupported(statement.kind);
      this.#send(plan, NO_BINDS, cluster, { payload, normalized: undefined });
    } catch (error) {
      this.fail(error);
    }
  }

  /** Goes on with a statement that query rules have been asked about; they may have made another one of it. */
  queryRuled(
    payload: Buffer,
    given: QueryOptions,
    { sequenceId, execution }: { readonly sequenceId: number; readonly execution: Execution | undefined },
    isRewritten: boolean,
  ): void {
    if (execution === undefined) this.query(payload, sequenceId, given);
    else if (!isRewritten) this.execute(execution, sequenceId, given);
    else {
      this.#now.given = given;
      this.#now.execution = undefined;
      this.#asText({ payload, normalized: undefined });
    }
  }

  /** Sets where the rest of the statement's answer begins. */
  goesOnFrom(sequenceId: number): void {
    this.#sequenceId = sequenceId;
  }

  /** Sets where the answer to a command that is no query begins. */
  answering(sequenceId: number): this {
    this.#sequenceId = sequenceId + 1;
    this.#now = new StatementUnderWay(this.#ownOptions, undefined);
    return this;
  }

  /** Another command (COM_FIELD_LIST) for one shard of the session's keyspace. */
  forward(payload: Buffer, sequenceId: number): void {
    this.#sequenceId = sequenceId + 1;
    this.#now = new StatementUnderWay(this.#ownOptions, undefined);
    try {
      const { keyspace } = this.state.target;
      if (keyspace === undefined) throw noDatabase();
      const cluster = this.context.cluster();
      if (isSystemSchema(keyspace)) this.#slow(runFieldList(this, keyspace, cluster, payload));
      else this.toAnyShard(keyspace, cluster, payload);
    } catch (error) {
      this.fail(error);
    }
  }

  /** The client is gone: stop what is under way, roll back, give held connections back. Never rejects. */
  disconnected(): Promise<void> {
    this.interrupt(new ShardgateError("CANCELLED", "the client has disconnected"));
    this.state.begin = undefined;
    return this.state.holds.close();
  }

  /** Before each command of the client: a KILL QUERY of the one before is not meant for it. */
  begin(): void {
    this.#inner?.begin();
    this.#binary?.executor.begin();
    if (this.#abort?.signal.aborted === true) this.#abort = undefined;
  }

  /** Stops what is under way; until `begin` nothing more is run here. */
  interrupt(reason: ShardgateError): void {
    this.#inner?.interrupt(reason);
    this.#call?.cancel();
    this.#aborter.abort(reason);
  }

  /** That of the gateway's sessions, or the session's own. */
  get context(): GatewayContext {
    const { gtids } = this.state;
    return gtids !== undefined && gtids.untracked === this.#context ? gtids.context : this.#context;
  }

  /** What statements without directives may do. */
  get #ownOptions(): QueryOptions {
    return this.#fixed ?? this.#context.queryOptions;
  }

  /** What the statement under way may do. */
  get options(): QueryOptions {
    return this.#now.options;
  }

  /** Where the statement under way reads. A transaction stays with the session's tablet type. */
  get tabletType(): TabletType {
    const { tabletType } = this.#now.options;
    return tabletType === undefined || this.state.inTransaction ? this.state.target.tabletType : tabletType;
  }

  /**
   * Runs statements of the same session whose answers go to `client`, one at a time and while none of its own runs. They
   * have the options of the statement under way, but for those that are the client's own (`isClients`).
   */
  forClient(client: ExecutorClient, isClients = false): Executor {
    const fixed = isClients ? this.#fixed : { ...this.#now.options, rowsMax: 0 };
    const inner = new Executor(this.context, this.state, client, fixed);
    this.#inner = inner;
    if (this.signal.aborted) inner.interrupt(interrupted());
    return inner;
  }

  /** Aborts when the client is gone, or its statement is killed. */
  get signal(): AbortSignal {
    return this.#aborter.signal;
  }

  get #aborter(): AbortController {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      forManyListeners(this.#abort.signal);
    }
    return this.#abort;
  }

  /** Of the first packet of the answer. */
  get sequenceId(): number {
    return this.#sequenceId;
  }

  // Answers

  /** Without `fields` the answer to a statement of the session's own; those change no rows, and keep the warnings. */
  ok(fields?: Partial<OkPacket>): void {
    if (fields === undefined) this.state.rowCount = 0;
    const packet = okPacket({ statusFlags: this.state.statusFlags, ...fields });
    this.client.write(writeFrame(encodeOk(packet, this.client.capabilities), this.#sequenceId));
    this.client.commandDone();
  }

  result(whole: ResultSet, lastWarnings: LastWarnings = NO_WARNINGS, warnings = 0): void {
    const { capabilities } = this.client;
    // MySQL's lists are held to sql_select_limit as any SELECT.
    const limit = this.#now.effect.foundRows === undefined ? undefined : this.state.settings.rowLimit;
    const result = limit === undefined ? whole : { ...whole, rows: whole.rows.slice(0, Number(limit)) };
    const framing = { capabilities, sequenceId: this.#sequenceId, statusFlags: this.state.statusFlags, warnings };
    this.client.write(writeResultSet(inResultCharset(result, this.state.settings), framing));
    this.state.rowCount = -1;
    this.state.lastWarnings = lastWarnings;
    learnRows(this.#now.effect, this.#now.binds, { sent: result.rows.length, skipped: 0 }, this.state);
    this.client.commandDone();
  }

  /** Answers with a framed result set that was kept, which may be asked for again. */
  raw(reply: Buffer): void {
    const copy = Buffer.from(reply);
    copy.writeUInt16LE(this.state.statusFlags, copy.length - EOF_STATUS_BYTES);
    this.client.write(copy);
    this.state.rowCount = -1;
    this.client.commandDone();
  }

  /** Answers with an ERR packet; a bug's text stays in the log. */
  fail(error: unknown): void {
    const shown = this.#shown(error);
    this.#remember(shown);
    this.client.write(writeFrame(errInResultCharset(shown, this.state.settings), this.#sequenceId));
    this.client.commandDone();
    // Without its temporary tables and locks the session's next statements would mean something else.
    if (this.state.holds.hasLostState) this.client.end();
  }

  // Shards

  /** Passes `payload` to one shard of the keyspace, whichever. */
  toAnyShard(keyspace: string, cluster: ClusterView, payload: Buffer): void {
    this.#toOne(this.shards.home(keyspace, cluster), payload, false, false);
  }

  /** The rows that the statement writes are not all written by one statement on one shard. Throws 1235. */
  losesVariables(): void {
    loseVariables(this.#now.effect.triggerVariables, this.state);
  }

  /** What a write on one shard has to carry; `learned` is to be told how it has ended. */
  learningRequest(target: ShardTarget, payload: Buffer): ShardRequest {
    const plain = this.requestFor(target, payload, true, false);
    return { ...plain, ...afterRequest(this.#now.effect, plain.settings, this.state) };
  }

  learned(info: ReplyEnd): void {
    learn(this.#now.effect, this.#now.binds, info, this.state);
  }

  /** Passes a statement on tables to the one shard it is for. */
  passStatement(target: ShardTarget, payload: Buffer): void {
    this.#toOne(target, payload, true, false);
  }

  /**
   * Requests are from now on for parts of a statement that goes to several shards: they give NOW() one value, and leave
   * out nothing because of sql_select_limit, which is about the statement's rows.
   */
  asParts(effect: Pick<Effect, "readsNow" | "changes">): void {
    const { settings } = this.state;
    // Columns of tables that are written may have the time as their default.
    const hasOwnTime = (settings.variables.get("timestamp") ?? "DEFAULT") !== "DEFAULT";
    const isTimed = (effect.readsNow === true || effect.changes === true) && !hasOwnTime;
    const nowUs = isTimed ? this.context.clock.wallMs() * 1000 : 0;
    this.#now.parts = { settings: settings.ofParts.sql, nowUs };
    const { timeLimitMs } = settings;
    if (timeLimitMs === 0) return;
    // Each mysqld ends what takes so long there, in its own words; the slack lets it. This is about all parts together.
    const endMs = this.context.clock.nowMs() + timeLimitMs + TIME_LIMIT_SLACK_MS;
    this.#now.deadlineMs = this.#now.deadlineMs === 0 ? endMs : Math.min(this.#now.deadlineMs, endMs);
  }

  /**
   * What the session's next statement on `target` has to carry. `prepared`: text of the statement that `payload`, a
   * COM_STMT_EXECUTE, is for.
   */
  requestFor(
    target: ShardTarget,
    payload: Buffer,
    touchesTables: boolean,
    reserves: boolean,
    prepared: Buffer = NOTHING_PREPARED,
  ): ShardRequest {
    const { state } = this;
    const { targets } = state.last;
    if (targets.length < LIMITS.loggedShardsMax && !targets.includes(target)) targets.push(target);
    const parts = this.#now.parts;
    const holdId = state.holds.idOf(target);
    const participates = state.inTransaction && state.holds.participates(target);
    const begin = touchesTables || participates ? state.begin : undefined;
    const joins = state.inTransaction && touchesTables && !participates;
    const settings = parts === undefined ? state.settings.sql : parts.settings;
    const isolation = this.#now.isolation;
    const hold = holdId === 0 && (joins || reserves);
    if (joins) this.watchLocks();
    return {
      hold,
      owner: hold ? state.connectionId : 0,
      foundRows: state.foundRows,
      streaming: false,
      timeoutMs: this.#timeoutMs(),
      holdId,
      settings: isolation === undefined ? settings : settingsUnder(settings, isolation, state.sqlMode),
      // Tables of `mysql` are read on the transaction's connection, too, and what reads them has to be undone by a savepoint.
      begin: state.holds.opening(target, begin, touchesTables ? this.#now.use : "reads"),
      nowUs: parts === undefined ? 0 : parts.nowUs,
      after: "",
      afterIfEmpty: false,
      leavesState: this.#now.effect.triggerVariables !== undefined,
      prepared,
      database: target.database,
      payload,
    };
  }

  /** The statement may wait on one shard for locks while the session has locks on others. */
  watchLocks(): void {
    const { lockOwner } = this.state;
    if (lockOwner !== undefined) this.context.deadlocks.watch(lockOwner);
  }

  /** Passes the reply of a statement on a held connection through to `output`; the caller ends the command. */
  passFrom(target: ShardTarget, holdId: number, payload: Buffer, output: Output = this.client): Promise<void> {
    const { state } = this;
    return new Promise((resolve, reject) => {
      const pass = new PassThrough(output, {
        finish: (info, chunk) => {
          const last = chunk.subarray(chunk.length - info.lastPacketBytes + 4);
          learn(this.#now.effect, this.#now.binds, info, state);
          if (info.kind === "err") this.#remember(decodeErr(last), info);
          else {
            state.rowCount = info.kind === "ok" ? decodeOk(last, 0).affectedRows : -1;
            state.lastWarnings = warningsOf([info]);
            patchStatus(chunk, info, state.statusFrom(info.status));
          }
          output.write(chunk);
          resolve();
        },
        failed: (error, _holdLost, written) => {
          this.#answerBehind(written, error);
          reject(error);
        },
      });
      const request = {
        ...plainRequest(payload),
        timeoutMs: this.#timeoutMs(),
        holdId,
        settings: state.settings.sql,
        nowUs: this.#now.parts?.nowUs ?? 0,
        ...afterRequest(this.#now.effect, state.settings.sql, state),
      };
      const call = this.context.tablets.execute(target, request, pass.begin());
      pass.attach(call);
      this.#call = call;
    });
  }

  /** After a statement that failed on one of several shards. Lost connections are seen to as the error is answered. */
  async afterFailure(error: unknown): Promise<void> {
    if (error instanceof Error && isDeadlock(error)) await this.abandonTransaction();
  }

  /** Throws when the statement, which writes or locks, is for replicas. */
  refuseReplica(): void {
    const { tabletType } = this;
    if (tabletType === "primary") return;
    throw new ShardgateError(
      "ER_OPTION_PREVENTS_STATEMENT",
      `statement with a replica target: it writes or locks, and reads go to ${tabletType} tablets now; USE the keyspace itself`,
    );
  }

  /** Throws when a directive or a flag forbids the gather tier. */
  refuseGather(reason: string): void {
    const { noGather } = this.#now.options;
    if (noGather !== undefined) throw gatherForbidden(noGather, reason);
  }

  /** Throws when a query rule forbids the merge tier. */
  #refuseMerge(): void {
    const { noMerge } = this.#now.options;
    if (noMerge !== undefined) throw mergeForbidden(noMerge);
  }

  /** Of the statement under way. */
  get gatherLimits(): GatherLimits {
    const { gatherLimits } = this.context;
    return this.#now.options.ignoreMaxMemoryRows ? { ...gatherLimits, rowsMax: Number.MAX_SAFE_INTEGER } : gatherLimits;
  }

  /** Opens the transaction that autocommit = 0 asks for. A statement alone is one, too: SET TRANSACTION may be for it. */
  openTransaction(touchesTables: boolean, changes = false): void {
    const { state } = this;
    state.tracker?.touches(touchesTables, changes);
    const { clientBranch } = state.holds;
    if (clientBranch !== undefined && clientBranch.phase !== "active" && touchesTables) throw wrongPhase(clientBranch);
    if (state.inTransaction || !touchesTables) return;
    if (!state.autocommit) {
      state.begin = startOf(state);
      return;
    }
    if (state.nextReadOnly === true && changes) throw cannotWrite();
    this.#now.isolation ??= state.nextIsolation;
    state.nextIsolation = undefined;
    state.nextReadOnly = undefined;
  }

  /** A shard's connection with its part of the transaction is lost: the whole transaction is. */
  async abandonTransaction(): Promise<void> {
    if (!this.state.inTransaction) return;
    this.state.begin = undefined;
    await this.state.holds.rollback();
  }

  // Plans

  /** The plan of a prepared statement whose values are not known yet; undefined for one that is not planned over shards. */
  planOfPrepared(sql: Buffer): Plan | undefined {
    return this.#plans.planOfPrepared(sql, this.tabletType);
  }

  /** The plan of a statement that is not the client's own text. */
  planFor(statement: Statement, cluster: ClusterView): CachedPlan {
    return this.#plans.planFor(statement, cluster, this.tabletType);
  }

  // What restricts a statement

  /** What is left of the statement's time, at least 1 ms; 0: it has no end. */
  #timeoutMs(): number {
    return this.#now.deadlineMs === 0 ? 0 : Math.max(1, Math.ceil(this.#now.deadlineMs - this.context.clock.nowMs()));
  }

  /** Runs the statement with its answer held to MAX_ROWS. */
  #limit(options: QueryOptions, { payload }: StatementCommand, sequenceId: number): void {
    const client = new RowLimit(this.client, options.rowsMax, {
      exceeded: (error) => limited.interrupt(error),
      answered: (error) => this.#remember(error),
    });
    const limited = new Executor(this.context, this.state, client, { ...options, rowsMax: 0 });
    this.#inner = limited;
    limited.query(payload, sequenceId);
  }

  /** An execution whose answer has no rows is the same by its text; true if it is one, and goes on as text then. */
  #runsAsText(): boolean {
    if (this.#now.isRowless) this.#now.execution = undefined;
    return this.#now.isRowless;
  }

  /** Runs an execution of a prepared statement by its text. */
  #asText(command: StatementCommand): void {
    const exact = this.#now.execution?.exact;
    this.#now.execution = undefined;
    this.#binary ??= this.#binaryClient();
    const { executor, rows } = this.#binary;
    rows.shown = exact?.definitions;
    this.#inner = executor;
    const run = exact === undefined ? command : { payload: exact.payload, normalized: undefined };
    executor.#run(run, undefined, this.#sequenceId - 1, this.#now.given);
  }

  #binaryClient(): { readonly executor: Executor; readonly rows: BinaryRows } {
    const rows = new BinaryRows(this.client);
    return { rows, executor: new Executor(this.context, this.state, rows, this.#fixed) };
  }

  #catalog(plan: CatalogPlan, binds: readonly BindValue[], cluster: ClusterView, command: StatementCommand): void {
    const keyspace = aloneIn(this, plan, binds, cluster);
    if (this.#now.execution !== undefined && (keyspace === undefined || plan.send === undefined)) {
      this.#asText(command);
      return;
    }
    if (keyspace !== undefined && plan.send !== undefined) {
      this.#send({ ...plan.send, keyspace }, binds, cluster, command);
      return;
    }
    this.#now.effect = plan.effect;
    this.#now.binds = binds;
    this.state.last.tier = "gather";
    this.#slow(runCatalog(this, plan, binds, cluster));
  }

  #severalShards(plan: MergePlan | GatherPlan | ChangePlan, binds: readonly BindValue[], cluster: ClusterView): void {
    if (plan.kind === "change") {
      this.#slow(runChangeRows(this, plan, binds, cluster));
      return;
    }
    // A merge asks about its columns while rows come, which the one connection with temporary tables cannot do.
    const isGathered = this.#now.options.forcesGather || !this.state.kept.temporaries.isEmpty;
    const gather = plan.kind === "gather" ? plan : isGathered ? plan.gather : undefined;
    if (gather === undefined) this.#refuseMerge();
    this.state.last.tier = gather === undefined ? "merge" : "gather";
    if (gather !== undefined) this.#slow(runGather(this, gather, binds, cluster));
    else if (plan.kind === "merge") this.#slow(runMerge(this, plan, binds, cluster));
  }

  #send(plan: SendPlan, binds: readonly BindValue[], cluster: ClusterView, command: StatementCommand): void {
    const { state } = this;
    const { effect } = plan;
    if (effect.writes) this.refuseReplica();
    this.#now.effect = effect;
    this.#now.use = useOf(effect, this.state);
    this.#now.binds = binds;
    if (effect.commits && (state.inTransaction || !state.holds.empty)) {
      this.#slow(this.#commitThenSend(plan, binds, cluster, command));
      return;
    }
    if (plan.asks !== undefined) {
      this.#slow(this.#askThenSend(plan, plan.asks, binds, cluster, command));
      return;
    }
    if (effect.storedCalls !== undefined) {
      const set = this.context.routineVariables.known(plan.keyspace, effect.storedCalls);
      if (set === undefined) {
        this.#slow(this.#askRoutinesThenSend(plan, effect.storedCalls, binds, cluster, command));
        return;
      }
      if (set.length > 0) {
        this.#now.effect = { ...effect, triggerVariables: [...(effect.triggerVariables ?? []), ...set] };
      }
    }
    const routed = readsAnyCopy(plan)
      ? [this.shards.nearest(plan.keyspace, cluster)]
      : this.shards.of(plan, binds, cluster);
    const targets = plan.onOne === true ? routed.slice(0, 1) : routed;
    const isScatter = plan.crossShard === undefined && !effect.writes;
    if (targets.length !== 1 && !isScatter && this.#now.execution !== undefined && !this.#runsAsText()) {
      this.#asText(command);
      return;
    }
    // The text of an execution is not made for a shard that executes the statement itself.
    const sent = this.#now.execution?.command ?? this.#sentOf(plan, binds, command);
    this.#now.keepsWarnings = effect.keepsWarnings === true || (plan.routing.kind === "any" && !effect.touchesTables);
    this.openTransaction(effect.touchesTables, effect.changes);
    if (state.inTransaction && effect.touchesTables) state.holds.checkParticipants(targets);
    const [first] = targets;
    if (first === undefined) throw new ShardgateError("SHARD_UNAVAILABLE", `keyspace ${plan.keyspace} has no shard`);
    if (targets.length === 1) this.#toOne(first, sent, effect.touchesTables, effect.reserves !== undefined);
    else if (plan.crossShard !== undefined && plan.severalShards !== undefined) {
      this.#severalShards(plan.severalShards, binds, cluster);
    } else if (plan.crossShard !== undefined) {
      throw notSupported(plan.crossShard, `this statement goes to ${targets.length} shards of ${plan.keyspace}`);
    } else if (effect.writes && !plan.rows) {
      this.#slow(
        runChange(
          this,
          targets.map((target) => ({ target, payload: sent })),
          undefined,
          plan.everywhere,
        ),
      );
    } else {
      this.#slow(this.#scatter(plan, targets, sent));
    }
  }

  async #askThenSend(
    plan: SendPlan,
    asks: readonly AskedRef[],
    binds: readonly BindValue[],
    cluster: ClusterView,
    command: StatementCommand,
  ): Promise<void> {
    const routing = await askedRouting(this, plan.routing, asks, plan.keyspace, binds, cluster);
    if (lookupsIn(plan.routing).length === 0)
      this.#send({ ...plan, routing, asks: undefined }, binds, cluster, command);
    else this.#sendLookedUp(plan, asks, routing, binds, cluster, command);
  }

  async #askRoutinesThenSend(
    plan: SendPlan,
    functions: readonly string[],
    binds: readonly BindValue[],
    cluster: ClusterView,
    command: StatementCommand,
  ): Promise<void> {
    await this.context.routineVariables.ask(this.shards.first(plan.keyspace, cluster), plan.keyspace, functions);
    this.#send(plan, binds, cluster, command);
  }

  /** What finds nothing where a lookup has led may be run again. */
  #sendLookedUp(
    plan: SendPlan,
    asks: readonly AskedRef[],
    first: Routing,
    binds: readonly BindValue[],
    cluster: ClusterView,
    command: StatementCommand,
  ): void {
    const answers = new LookupAnswers(this, plan, asks, binds, cluster, first);
    const held = new HeldAnswer(this.client, plan.rowOfNone === true, () => {
      const again = answers.another().then((routing) => {
        if (routing === undefined) held.release();
        else {
          held.again();
          run(routing);
        }
      });
      this.#slow(again);
    });
    const inner = new Executor(this.context, this.state, held, this.#now.options);
    this.#inner = inner;
    const execution = this.#now.execution;
    const run = (routing: Routing): void => {
      inner.#continue(this, execution);
      inner.#send({ ...plan, routing, asks: undefined }, binds, cluster, command);
    };
    run(first);
  }

  /** The statement under way goes on here. */
  #continue(other: Executor, execution: Execution | undefined): void {
    this.#sequenceId = other.#sequenceId;
    this.#now = other.#now.again(execution);
    if (other.signal.aborted) this.interrupt(interrupted());
  }

  async #checkThenRun(
    statement: Parameters<typeof refuseCommitting>[1],
    plan: SendPlan,
    binds: readonly BindValue[],
    cluster: ClusterView,
    command: StatementCommand,
  ): Promise<void> {
    const [target] = this.shards.of(plan, binds, cluster);
    if (target !== undefined) await refuseCommitting(this, statement, plan.keyspace, target);
    this.#send(plan, binds, cluster, command);
  }

  async #commitThenSend(
    plan: SendPlan,
    binds: readonly BindValue[],
    cluster: ClusterView,
    command: StatementCommand,
  ): Promise<void> {
    await commitOpen(this);
    const [target] = this.shards.of(plan, binds, cluster);
    if (target === undefined) throw new ShardgateError("SHARD_UNAVAILABLE", `keyspace ${plan.keyspace} has no shard`);
    this.#toOne(target, this.#sentOf(plan, binds, command), false, plan.effect.reserves !== undefined);
  }

  /** COM_QUERY with the plan's statement as shards have to run it. */
  #sentOf({ substitute, keyspace }: SendPlan, binds: readonly BindValue[], command: StatementCommand): Buffer {
    return substitute === undefined
      ? command.payload
      : substituted(substitute, binds, this.state, this.context, keyspace);
  }

  #toOne(target: ShardTarget, payload: Buffer, touchesTables: boolean, reserves: boolean): void {
    const plain = this.requestFor(target, payload, touchesTables, reserves, this.#now.execution?.text);
    const after = afterRequest(this.#now.effect, plain.settings, this.state);
    const request = after === undefined ? plain : { ...plain, ...after };
    this.#now.target = target;
    this.#now.request = request;
    this.#now.reserves = reserves;
    const sink = this.#passThrough.begin();
    const call = this.context.tablets.execute(target, request, sink);
    sink.attach(call);
    this.#call = call;
    if (this.#abort?.signal.aborted === true) call.cancel();
  }

  async #scatter(plan: SendPlan, targets: readonly ShardTarget[], payload: Buffer): Promise<void> {
    const { state } = this;
    this.#refuseMerge();
    state.last.tier = "merge";
    const { effect } = plan;
    const { touchesTables } = effect;
    this.asParts(effect);
    const requests = targets.map((target) => ({
      target,
      request: this.requestFor(target, payload, touchesTables, false, this.#now.execution?.text),
    }));
    let merged: MergedWarnings = { lastWarnings: NO_WARNINGS, count: 0 };
    const outcome = await scatterRows(this.context.tablets, requests, {
      output: this.client,
      sequenceId: this.#sequenceId,
      statusFlags: () => state.statusFlags,
      countWarnings: (replies) => (merged = warningsOfParts(replies, undefined)).count,
      whenLost: (error) => (state.inTransaction ? transactionLost(error) : error),
      signal: this.signal,
      isLenient: this.#now.options.scatterErrorsAsWarnings && !state.inTransaction,
    });
    let lost = false;
    for (const part of outcome.parts) {
      if (part.info !== undefined) state.holds.joined(part.target, part.info.holdId, state.inTransaction, false);
      if (part.holdLost || isDeadlock(part.error)) {
        lost = true;
        if (part.holdLost) state.holds.lost(part.target);
      }
    }
    if (lost) await this.abandonTransaction();
    state.rowCount = -1;
    if (outcome.error === undefined) {
      state.lastWarnings = withErrors(merged.lastWarnings, outcome.parts);
      const sent = outcome.parts.reduce((sum, { info }) => sum + (info?.rows ?? 0), 0);
      state.last.rows = sent;
      learnRows(effect, this.#now.binds, { sent, skipped: 0 }, state);
    } else this.#remember(this.#shown(outcome.error));
    this.client.commandDone();
  }

  // PassThroughOwner

  finish(info: ReplyEnd, chunk: Buffer): void {
    const { state } = this;
    const target = this.#now.target;
    this.#call = undefined;
    this.#now.request = undefined;
    if (info.holdId !== 0 && target !== undefined) {
      state.holds.joined(target, info.holdId, state.inTransaction, this.#now.reserves);
      if (this.#now.effect.reserves === LOCK_TABLES && info.kind === "ok") state.holds.hasLockedTables = true;
    }
    learn(this.#now.effect, this.#now.binds, info, state);
    state.last.rows = info.rows;
    const keeping = this.#now.keeping;
    this.#now.keeping = undefined;
    if (keeping !== undefined) {
      state.kept.ran(keeping, info.kind === "err");
      if (keeping.dropped.length > 0) giveBack(this);
    }
    if (info.kind === "err") {
      const error = decodeErr(chunk.subarray(chunk.length - info.lastPacketBytes + 4));
      this.#remember(error, info);
      if (state.inTransaction && isDeadlock(error)) {
        // The shard has rolled its part back; the others follow, as on one MySQL.
        this.#slow(this.#abandonAndWrite(chunk));
        return;
      }
      if (target !== undefined && mayEndTransaction(error) && state.holds.participates(target)) {
        this.#slow(this.#writeIfOpen(target, chunk));
        return;
      }
    } else {
      const fate = target === undefined ? "same" : followShard(state, target, info);
      if (fate === "torn") {
        const torn = new ShardgateError("TRANSACTION_LOST", "a procedure has ended it on one shard alone");
        this.#slow(this.abandonTransaction().then(() => this.fail(transactionLost(torn))));
        return;
      }
      if (info.warningsReply.length > 0 || !this.#now.keepsWarnings) state.lastWarnings = warningsOf([info]);
      if (info.kind === "ok") {
        const ok = decodeOk(chunk.subarray(chunk.length - info.lastPacketBytes + 4), 0);
        state.rowCount = ok.affectedRows;
        if (ok.lastInsertId !== 0n && this.#rememberId(ok, target, info, chunk)) return;
      } else state.rowCount = -1;
      const wanted = state.statusFrom(info.status);
      if (wanted !== info.status) patchStatus(chunk, info, wanted);
    }
    const defining = this.#now.defining;
    this.#now.defining = undefined;
    const temporary = this.#now.temporary;
    this.#now.temporary = undefined;
    if (info.kind !== "err" && (temporary?.temporary ?? keeping?.isTemporary) === true) state.tracker?.changed();
    if (temporary !== undefined && target !== undefined && info.kind !== "err") {
      this.#slow(followTemporaries(this, temporary, target).then(() => this.#write(chunk)));
      return;
    }
    if (keeping?.releases === true) this.#slow(settleLocks(this).then(() => this.#write(chunk)));
    else if (defining === undefined) this.#write(chunk);
    else
      this.#slow(this.context.definitions.refresh(defining.keyspace, defining.tables).then(() => this.#write(chunk)));
  }

  failed(error: Error, holdLost: boolean, written: Written): void {
    const { state } = this;
    const isLost = this.#now.request !== undefined && losesHold(this.#now.request, error, holdLost);
    this.#call = undefined;
    this.#now.request = undefined;
    if (isLost && this.#now.target !== undefined) state.holds.lost(this.#now.target);
    const deadlock = deadlockBehind(error, this.signal);
    const endsTransaction = (isLost || deadlock !== undefined) && state.inTransaction;
    const shown = deadlock ?? (endsTransaction ? transactionLost(error) : error);
    const canAnswer = this.#answerBehind(written, error);
    const answer = (): void => {
      if (canAnswer) this.fail(shown);
    };
    if (endsTransaction) this.#slow(this.abandonTransaction().then(answer));
    else answer();
  }

  /**
   * LAST_INSERT_ID() is about generated ids, while an OK also tells one that a row gave itself. True when that takes a
   * question first: the answer is then sent later.
   */
  #rememberId(ok: OkPacket, target: ShardTarget | undefined, info: ReplyEnd, chunk: Buffer): boolean {
    const { state, context } = this;
    const inserting = this.#now.inserting;
    this.#now.inserting = undefined;
    if (inserting === undefined || target === undefined) {
      state.lastInsertId = ok.lastInsertId;
      return false;
    }
    const { keyspace, statement, binds } = inserting;
    const { autoIncrements } = context;
    const schema = statement.table.schema ?? keyspace;
    if (state.kept.temporaries.has(schema, statement.table.name)) {
      state.lastInsertId = ok.lastInsertId;
      return false;
    }
    const column = autoIncrements.known(schema, statement.table.name);
    if (column === undefined) {
      const asked = autoIncrements.ask(target, schema, statement.table.name);
      this.#now.inserting = inserting;
      this.#slow(asked.then(() => this.finish(info, chunk)));
      return true;
    }
    if (givesGeneratedId(statement, binds, column, ok, state.autoValueOnZero)) state.lastInsertId = ok.lastInsertId;
    return false;
  }

  async #abandonAndWrite(chunk: Buffer): Promise<void> {
    await this.abandonTransaction();
    this.#write(chunk);
  }

  /** Answers with an ERR, after which the shard may have no transaction any more: then the others follow. */
  async #writeIfOpen(target: ShardTarget, chunk: Buffer): Promise<void> {
    if (!(await this.state.holds.isOpen(target))) await this.abandonTransaction();
    this.#write(chunk);
  }

  #write(chunk: Buffer): void {
    this.client.write(chunk);
    this.client.commandDone();
  }

  /** Puts an ERR packet behind what is written. False when part of a packet is: the connection ends then. */
  #answerBehind(written: Written, error: Error): boolean {
    if (written.kind === "nothing") return true;
    this.context.log.warn({ connection: this.state.connectionId, error: error.message }, "reply broke off");
    if (written.kind === "part") {
      this.client.destroy();
      return false;
    }
    this.#sequenceId = written.sequenceId;
    return true;
  }

  #slow(work: Promise<void>): void {
    work.catch((error: unknown) => {
      const deadlock = deadlockBehind(error, this.signal);
      if (error instanceof ShardCallError && error.holdLost) {
        this.state.holds.lost(error.target);
        if (this.state.inTransaction) {
          const shown = deadlock ?? transactionLost(error.error);
          void this.abandonTransaction().then(() => this.fail(shown));
          return;
        }
      }
      if (deadlock === undefined) this.fail(error);
      else void this.abandonTransaction().then(() => this.fail(deadlock));
    });
  }

  #remember(error: ShardgateError | MysqlError, end?: ReplyEnd): void {
    this.state.rowCount = -1;
    this.state.last.errno = error.errno;
    this.state.last.error = error;
    this.state.lastWarnings = warningsOfFailed(error, end);
  }

  /** For SHOW STATUS. */
  count(command: CommandIndex): void {
    this.state.counts.add(command);
    this.context.statementCounts.add(command);
  }

  #hasStatementTime(): boolean {
    const { settings, sqlMode } = this.state;
    return settings.timeLimitMs > 0 && sqlMode.dialect === "mariadb";
  }

  #shown(thrown: unknown): ShardgateError | MysqlError {
    const shutdown = this.#abort === undefined ? undefined : shutdownBehind(thrown, this.#abort.signal);
    if (shutdown !== undefined) return shutdown;
    const error = thrown instanceof ShardCallError ? thrown.error : thrown;
    if (error instanceof ShardgateError && error.id === "ER_QUERY_TIMEOUT" && this.#hasStatementTime()) {
      return new MysqlError(1969, "70100", "Query execution was interrupted (max_statement_time exceeded)");
    }
    if (error instanceof ShardgateError || error instanceof MysqlError) return error;
    this.context.log.error(
      { connection: this.state.connectionId, error },
      "bug: a statement failed inside the gateway",
    );
    return new ShardgateError("INTERNAL", "internal error; see the gateway's log");
  }
}

function useOf({ changes, callsStored, writes }: Effect, state: SessionState): ShardUse {
  if (changes === true || callsStored === true) return "writes";
  return writes || locksWhatItReads(state) ? "locks" : "reads";
}

/** Locks are to be where others look for them. */
function readsAnyCopy({ routing, effect }: SendPlan): boolean {
  return routing.kind === "any" && effect.touchesTables && !effect.writes && effect.callsStored !== true;
}
