// Serves the calls of one gateway: takes a pooled or held connection, sets it up, runs the command, passes the reply's
// bytes on within the call's credit, and ends the call. Holds (transactions, reserved connections) belong to the gateway's
// stream: when it closes they are rolled back at once.
//
//   call:  waiting (pool) ──► setting-up (SET, if the connection is set otherwise) ──► running ──► ended
//             └─ cancelled: gone       └─ failed: ended                      └─ cancelled: KILL QUERY, then as it ends

import { isAscii } from "node:buffer";
import { assertNever } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import { MysqlError, ShardgateError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import { joinStatements, splitStatementList } from "../base/statement-list.ts";
import { COM } from "../mysql/constants.ts";
import { decodeErr } from "../mysql/packets/err.ts";
import type { ReplyScanner } from "../mysql/reply-scanner.ts";
import type { CallHandler, CallServer } from "../rpc/call-server.ts";
import { failDetailsOf } from "../rpc/fail-details.ts";
import { type ConcludeOp, EMPTY, type ExecuteRequest, type ReplyEnd } from "../rpc/frame.ts";
import type { MysqldConnection, RawReplySink } from "./mysqld-connection.ts";
import { changesDatabases, changesDefinitions } from "./definition-statement.ts";
import type { Pool } from "./pool.ts";

export interface CallServiceDeps {
  readonly pool: Pool<MysqldConnection>;
  readonly streamPool: Pool<MysqldConnection>;
  readonly transactionPool: Pool<MysqldConnection>;
  readonly queryTimeoutMs: number;
  readonly holdIdleTimeoutMs: number;
  /** Ids of holds: never the same again, in no tablet and no restart, since sessions keep them. */
  readonly nextHoldId: () => number;
  readonly clock: Clock;
  readonly log: Log;
  /** Runs KILL QUERY for a thread of the mysqld; resolves when the mysqld has done it. */
  killQuery(threadId: number): Promise<void>;
  /** Ends a thread of the mysqld with whatever it does; never rejects. */
  killConnection(threadId: number): Promise<void>;
  /** Undefined while calls may be served, else why not. */
  refusal(): ShardgateError | undefined;
  /** The mysqld's max_allowed_packet: it closes the connection on a command that has as many bytes. */
  packetBytesMax(): number;
  /** A statement has ended that may have changed definitions, of the database with this name or others. */
  definitionsChanged(database: string): void;
  readonly databases: Databases;
}

/** What calls that are for other databases than the tablet's own need to know. */
export interface Databases {
  /** The database of the tablet's keyspace, which connections log in to. */
  readonly own: string;
  /** Grows whenever one is made, changed or dropped: connections select theirs anew then. */
  generation: number;
}

/** Everything that is under way on one tablet, for health and for drain. */
export interface CallCounts {
  calls: number;
  holds: number;
}

type CallPhase =
  | { readonly kind: "waiting"; giveUp: (() => void) | undefined }
  | { readonly kind: "running"; readonly connection: MysqldConnection }
  | { readonly kind: "ended" };

interface Kill {
  readonly reason: ShardgateError;
  /** Resolves when no KILL is under way any more: after the answer, or when the connection is closed. Never rejects. */
  readonly done: Promise<void>;
  /** The statement has ended: no further KILL. */
  readonly answered: () => void;
}

interface Hold {
  readonly id: number;
  readonly connection: MysqldConnection;
  readonly pool: Pool<MysqldConnection>;
  busy: boolean;
  /** Its session is gone: it ends with the statement that is under way on it. */
  released: boolean;
  lastUsedMs: number;
  /** A transaction may be open on it. */
  inTransaction: boolean;
  /** Nothing more can be done with it; said to the next call. */
  lost: Error | undefined;
}

const SERVER_STATUS_IN_TRANS = 1;
const COM_RESET_CONNECTION = Buffer.of(COM.RESET_CONNECTION);
const SHOW_WARNINGS = query("SHOW WARNINGS");
/** What COM_RESET_CONNECTION undoes of the login: the character set falls back to the server's global one. */
const LOGIN_NAMES = query("SET NAMES utf8mb4 COLLATE utf8mb4_general_ci");
/** What no session asks for. */
const SETTINGS_UNKNOWN = "?";
const NOW_UNKNOWN = -1;
/** Takes the blow of a KILL QUERY that came too late for its statement. */
const ABSORB_KILL = query("DO 0");
/** Whatever completion_type says. */
const COMMIT = "COMMIT AND NO CHAIN NO RELEASE";
const ROLLBACK = "ROLLBACK AND NO CHAIN NO RELEASE";
const XA_PREPARE = "XA PREPARE";
const SET_NOW_DEFAULT = query("SET timestamp = DEFAULT");
const TICK_MS = 50;
/** After this long a killed statement's connection is closed, on both sides. */
const KILL_GRACE_MS = 3_000;
const KILL_AGAIN_MIN_MS = 20;
const KILL_AGAIN_MAX_MS = 500;
const WARNINGS_REPLY_BYTES_MAX = 64 * 1024;
const ER_QUERY_INTERRUPTED = 1317;
const ER_UNKNOWN_STMT_HANDLER = 1243;
const ER_NEED_REPREPARE = 1615;
const PREPARE_BYTE = Buffer.of(COM.STMT_PREPARE);
const EMPTY_OK_END: ReplyEnd = {
  kind: "ok",
  status: 0x0002,
  warnings: 0,
  lastPacketBytes: 0,
  holdId: 0,
  warningsReply: EMPTY,
  rows: 0,
  afterReply: EMPTY,
};

export class CallService implements CallHandler {
  readonly #server: CallServer;
  readonly #deps: CallServiceDeps;
  readonly #counts: CallCounts;
  readonly #calls = new Map<number, Call>();
  readonly #holds = new Map<number, Hold>();
  #ticking = false;
  #streamClosed = false;

  constructor(server: CallServer, deps: CallServiceDeps, counts: CallCounts) {
    this.#server = server;
    this.#deps = deps;
    this.#counts = counts;
  }

  execute(callId: number, request: ExecuteRequest): void {
    if (this.#calls.has(callId)) return;
    const call = new Call(this, callId, request);
    this.#calls.set(callId, call);
    this.#counts.calls++;
    this.#tick();
    if (Math.max(request.payload.length, request.prepared.length + 1) >= this.#deps.packetBytesMax()) {
      const text = "Got a packet bigger than 'max_allowed_packet' bytes";
      call.fail(new ShardgateError("ER_NET_PACKET_TOO_LARGE", text), false);
      return;
    }
    if (request.holdId !== 0) {
      this.#executeHeld(call);
      return;
    }
    const refusal = this.#deps.refusal();
    if (refusal !== undefined) {
      call.fail(refusal, false);
      return;
    }
    const pool = this.#poolFor(request);
    call.pool = pool;
    const giveUp = pool.lease(request.settings, request.foundRows, call.leased, call.refused, request.database);
    if (call.phase.kind === "waiting") call.phase.giveUp = giveUp;
  }

  conclude(callId: number, op: ConcludeOp, holdId: number, statements: string): void {
    const hold = this.#holds.get(holdId);
    if (hold === undefined || hold.lost !== undefined) {
      if (hold !== undefined) this.#forget(hold);
      // Rolling back what is rolled back already is what was asked for.
      const isUndone = op === "rollback" || op === "release";
      if (isUndone) this.#server.end(callId, EMPTY_OK_END, undefined, EMPTY, 0, 0);
      else this.#server.fail(callId, failDetailsOf(hold?.lost ?? transactionGone(), true));
      return;
    }
    if (hold.busy && op === "release") {
      hold.released = true;
      this.#server.end(callId, EMPTY_OK_END, undefined, EMPTY, 0, 0);
      return;
    }
    if (hold.busy) {
      const busy = new ShardgateError("INTERNAL", "the connection's previous statement has not ended");
      this.#server.fail(callId, failDetailsOf(busy, false));
      return;
    }
    switch (op) {
      case "commit":
      case "rollback":
      case "control": {
        const given = splitStatementList(statements);
        const begin = joinStatements(given.slice(0, -1));
        const last = given.at(-1) ?? (op === "rollback" ? ROLLBACK : COMMIT);
        const call = new Call(this, callId, { ...CONCLUDE_REQUEST, holdId, begin, payload: query(last) });
        this.#calls.set(callId, call);
        this.#counts.calls++;
        call.ending = op === "control" ? "stays" : "ends";
        if (last.startsWith(XA_PREPARE)) hold.connection.hasPreparedXa = true;
        this.#runHeld(call, hold);
        return;
      }
      case "release":
        this.#release(hold);
        this.#server.end(callId, EMPTY_OK_END, undefined, EMPTY, 0, 0);
        return;
      default:
        assertNever(op);
    }
  }

  credit(callId: number, bytes: number): void {
    this.#calls.get(callId)?.grant(bytes);
  }

  cancel(callId: number): void {
    const cancelled = new ShardgateError("CANCELLED", "Query execution was interrupted");
    this.#calls.get(callId)?.cancel(cancelled);
  }

  closed(): void {
    this.#streamClosed = true;
    for (const call of this.#calls.values()) {
      call.cancel(new ShardgateError("CANCELLED", "the gateway is gone"));
    }
    for (const hold of this.#holds.values()) {
      if (!hold.busy) this.#release(hold);
      // A busy one is released when its call, killed above, has ended.
    }
    this.#deps.log.info({ holds: this.#holds.size, calls: this.#calls.size }, "gateway's call stream closed");
  }

  get deps(): CallServiceDeps {
    return this.#deps;
  }

  get server(): CallServer {
    return this.#server;
  }

  /**
   * The call is over: forget it, and keep, or let go of, its connection. Returns the id of the hold that remains; a call
   * that did not get its reply through leaves no new one, since its gateway would not know of it.
   */
  finished(call: Call, connection: MysqldConnection | undefined, inTransaction: boolean, isReplied: boolean): number {
    if (this.#calls.delete(call.id)) this.#counts.calls--;
    if (connection === undefined) return 0;
    const { holdId, leavesState, payload } = call.request;
    if (changesDefinitions(payload)) {
      if (changesDatabases(payload)) this.#deps.databases.generation++;
      this.#deps.definitionsChanged(call.request.database ?? "");
    }
    connection.leftState ||= leavesState;
    let hold = this.#holds.get(holdId);
    const isNew = hold === undefined && call.request.hold && isReplied;
    if (isNew && call.pool !== undefined && !connection.closed) {
      const id = this.#deps.nextHoldId();
      const { pool } = call;
      hold = { id, connection, pool, busy: false, released: false, lastUsedMs: 0, inTransaction, lost: undefined };
      this.#holds.set(id, hold);
      this.#counts.holds++;
    }
    if (hold === undefined) {
      if ((inTransaction || connection.leftState) && !connection.closed) this.#clean(connection, call.pool);
      else call.pool?.giveBack(connection);
      return 0;
    }
    hold.busy = false;
    hold.lastUsedMs = this.#deps.clock.nowMs();
    hold.inTransaction = inTransaction;
    if (connection.closed && hold.lost === undefined) hold.lost = transactionGone();
    const isOver = this.#streamClosed || hold.released || hold.lost !== undefined;
    const isEnded = call.ending === "ends";
    if (isOver || (isEnded && (inTransaction || connection.leftState))) this.#release(hold);
    else if (isEnded) {
      connection.hasPreparedXa = false;
      this.#forget(hold);
      hold.pool.giveBack(connection);
    } else return hold.id;
    return 0;
  }

  #executeHeld(call: Call): void {
    const hold = this.#holds.get(call.request.holdId);
    if (hold === undefined || hold.lost !== undefined) {
      if (hold !== undefined) this.#forget(hold);
      call.fail(hold?.lost ?? transactionGone(), true);
    } else if (hold.busy) {
      call.fail(new ShardgateError("INTERNAL", "the connection's previous statement has not ended"), false);
    } else this.#runHeld(call, hold);
  }

  #runHeld(call: Call, hold: Hold): void {
    hold.busy = true;
    call.pool = hold.pool;
    call.leased(hold.connection);
  }

  /** Ends a hold whose connection is in any state: rolls back, resets, gives back. */
  #release(hold: Hold): void {
    this.#forget(hold);
    if (!hold.connection.closed) this.#clean(hold.connection, hold.pool);
  }

  #forget(hold: Hold): void {
    if (this.#holds.delete(hold.id)) this.#counts.holds--;
  }

  /** COM_RESET_CONNECTION rolls back, unlocks, drops temporary tables and user variables, and resets settings. */
  #clean(connection: MysqldConnection, pool: Pool<MysqldConnection> | undefined): void {
    // A reset would take a prepared transaction out of the connection in a way (seen with MariaDB 10.11) that leaves it open
    // for ever, whoever commits it; a closed connection leaves it to whoever knows its name.
    if (connection.hasPreparedXa) {
      connection.close();
      pool?.giveBack(connection);
      return;
    }
    connection.settings = "";
    connection.nowUs = 0;
    connection.leftState = false;
    connection.prepared.clear();
    runAll(connection, [COM_RESET_CONNECTION, LOGIN_NAMES], (error) => {
      if (error !== undefined) connection.close();
      pool?.giveBack(connection);
    });
  }

  #poolFor(request: ExecuteRequest): Pool<MysqldConnection> {
    if (request.hold) return this.#deps.transactionPool;
    return request.streaming ? this.#deps.streamPool : this.#deps.pool;
  }

  #idleMaxMs({ inTransaction }: Hold): number {
    const { holdIdleTimeoutMs } = this.#deps;
    return inTransaction ? holdIdleTimeoutMs : Math.max(holdIdleTimeoutMs, LIMITS.reservedIdleTimeoutMs);
  }

  /** One coarse timer looks after deadlines of calls and idle holds, while there are any. */
  #tick(): void {
    if (this.#ticking) return;
    this.#ticking = true;
    this.#deps.clock.after(TICK_MS, () => {
      this.#ticking = false;
      const now = this.#deps.clock.nowMs();
      for (const call of this.#calls.values()) call.expire(now);
      for (const hold of this.#holds.values()) {
        if (
          hold.busy ||
          now - hold.lastUsedMs < this.#idleMaxMs(hold) ||
          hold.lost !== undefined ||
          this.#deps.holdIdleTimeoutMs === 0
        )
          continue;
        hold.lost = new ShardgateError(
          "TRANSACTION_LOST",
          `transaction rolled back: idle for more than ${this.#deps.holdIdleTimeoutMs} ms; try restarting it`,
        );
        this.#clean(hold.connection, hold.pool);
      }
      if (this.#calls.size > 0 || this.#holds.size > 0) this.#tick();
    });
  }
}

const CONCLUDE_REQUEST = {
  hold: false,
  foundRows: false,
  streaming: false,
  timeoutMs: 0,
  settings: "",
  begin: "",
  nowUs: 0,
  after: "",
  afterIfEmpty: false,
  leavesState: false,
  prepared: EMPTY,
} as const;

class Call implements RawReplySink {
  readonly id: number;
  readonly request: ExecuteRequest;
  phase: CallPhase = { kind: "waiting", giveUp: undefined };
  pool: Pool<MysqldConnection> | undefined;
  /**
   * About the transaction on a held connection, whatever its settings are: a COMMIT or ROLLBACK, with which the hold ends,
   * or another statement, after which it stays.
   */
  ending: "ends" | "stays" | undefined;
  readonly #service: CallService;
  readonly #deadlineMs: number;
  #creditBytes: number = LIMITS.callCreditBytes;
  #paused = false;
  #killed: Kill | undefined;
  #preparedAgain = false;
  #destroyAtMs = Number.POSITIVE_INFINITY;

  constructor(service: CallService, id: number, request: ExecuteRequest) {
    this.#service = service;
    this.id = id;
    this.request = request;
    const timeoutMs = request.timeoutMs > 0 ? request.timeoutMs : service.deps.queryTimeoutMs;
    this.#deadlineMs = timeoutMs > 0 ? service.deps.clock.nowMs() + timeoutMs : Number.POSITIVE_INFINITY;
  }

  readonly leased = (connection: MysqldConnection): void => {
    this.phase = { kind: "running", connection };
    const { database = "" } = this.request;
    const { generation } = this.#service.deps.databases;
    const isSelected = connection.database === database && connection.databaseGeneration === generation;
    if (this.ending !== undefined || isSelected) this.#selected(connection);
    else this.#select(connection, database, generation);
  };

  readonly refused = (error: Error): void => this.fail(error, false);

  part(chunk: Buffer, start: number, end: number): boolean {
    this.#service.server.data(this.id, chunk, start, end);
    this.#creditBytes -= end - start;
    this.#paused = this.#creditBytes <= 0;
    return !this.#paused;
  }

  end(scanner: ReplyScanner, tail: Buffer | undefined, chunk: Buffer, start: number, end: number): void {
    if (this.phase.kind !== "running") return;
    const connection = this.phase.connection;
    if (scanner.failed && this.#killed === undefined && this.#preparesAgain(scanner, connection)) return;
    this.#keepPrepared(scanner, connection);
    const { statusFlags: status, warnings } = scanner;
    const kind = replyKind(scanner);
    const lastPacketBytes = scanner.replyBytes - scanner.lastPacketOffset;
    const rows = scanner.rowCount;
    const wantsWarnings = warnings > 0 && kind !== "err";
    const wantsAfter = this.request.after !== "" && this.#wantsAfter(kind, rows);
    if (this.#killed === undefined && !wantsWarnings && !wantsAfter) {
      this.phase = { kind: "ended" };
      const holdId = this.#settle(connection, kind, status);
      const info = {
        kind,
        status,
        warnings,
        lastPacketBytes,
        holdId,
        warningsReply: EMPTY,
        rows,
        afterReply: EMPTY,
      };
      this.#service.server.end(this.id, info, tail, chunk, start, end);
      return;
    }
    // Something is still to be done on the connection before the call ends.
    const last = chunk.subarray(start, end);
    const reply = tail === undefined ? Buffer.from(last) : Buffer.concat([tail, last]);
    const finish = (warningsReply: Buffer, afterReply: Buffer): void => {
      if (this.phase.kind !== "running") return;
      this.phase = { kind: "ended" };
      const holdId = this.#settle(connection, kind, status);
      const info = { kind, status, warnings, lastPacketBytes, holdId, warningsReply, rows, afterReply };
      this.#service.server.end(this.id, info, undefined, reply, 0, reply.length);
    };
    if (this.#killed === undefined) {
      this.#askMore(connection, wantsWarnings, wantsAfter, (warningsReply, afterReply) => {
        // The KILL came too late for the statement, but must not reach the connection's next one.
        const killed = this.#killed;
        if (killed === undefined) finish(warningsReply, afterReply);
        else this.#afterKill(connection, killed, () => finish(warningsReply, afterReply));
      });
      return;
    }
    const { reason } = this.#killed;
    this.#afterKill(connection, this.#killed, () => {
      // A statement that the KILL did not reach has its own answer: a write that happened is never called cancelled.
      if (kind === "err") this.#done(connection, reason);
      else finish(EMPTY, EMPTY);
    });
  }

  /** A gateway that has asked what a statement is like may execute it next. */
  #keepPrepared(scanner: ReplyScanner, connection: MysqldConnection): void {
    const { payload } = this.request;
    if (payload[0] !== COM.STMT_PREPARE || scanner.failed) return;
    for (const id of connection.prepared.add(this.#readUnder, payload.subarray(1), scanner.statementId)) {
      connection.tell(closeCommand(id));
    }
  }

  #wantsAfter(kind: ReplyEnd["kind"], rows: number): boolean {
    if (kind === "err") return this.request.leavesState;
    return !this.request.afterIfEmpty || (kind === "resultset" && rows === 0);
  }

  /** What else is asked of the connection while the statement is its last one: in one write, the warnings first. */
  #askMore(
    connection: MysqldConnection,
    wantsWarnings: boolean,
    wantsAfter: boolean,
    finish: (warningsReply: Buffer, afterReply: Buffer) => void,
  ): void {
    let warningsReply: Buffer = EMPTY;
    const payloads: Buffer[] = [];
    const sinks: RawReplySink[] = [];
    if (wantsWarnings) {
      payloads.push(SHOW_WARNINGS);
      sinks.push(
        new Collect(WARNINGS_REPLY_BYTES_MAX, (reply) => {
          warningsReply = reply;
          if (!wantsAfter) finish(reply, EMPTY);
        }),
      );
    }
    if (wantsAfter) {
      payloads.push(query(this.request.after));
      sinks.push(new Collect(LIMITS.afterReplyBytesMax, (reply) => finish(warningsReply, reply)));
    }
    connection.send(payloads, sinks);
  }

  lost(error: Error): void {
    this.#killed?.answered();
    if (this.phase.kind === "running") this.#done(this.phase.connection, this.#killed?.reason ?? error);
  }

  /** Ends the call without a connection's reply. */
  fail(error: Error, holdLost: boolean): void {
    if (this.phase.kind === "ended") return;
    this.phase = { kind: "ended" };
    this.#service.finished(this, undefined, false, false);
    this.#service.server.fail(this.id, failDetailsOf(error, holdLost));
  }

  grant(bytes: number): void {
    this.#creditBytes += bytes;
    if (!this.#paused || this.#creditBytes <= 0 || this.phase.kind !== "running") return;
    this.#paused = false;
    this.phase.connection.resume();
  }

  cancel(reason: ShardgateError): void {
    if (this.#killed !== undefined) return;
    if (this.phase.kind === "waiting") {
      this.phase.giveUp?.();
      this.fail(reason, false);
    } else if (this.phase.kind === "running") {
      this.#killed = this.#kill(this.phase.connection, reason);
    }
  }

  expire(nowMs: number): void {
    if (nowMs >= this.#deadlineMs) {
      this.cancel(
        new ShardgateError(
          "ER_QUERY_TIMEOUT",
          "Query execution was interrupted, maximum statement execution time exceeded",
        ),
      );
    }
    if (nowMs >= this.#destroyAtMs && this.phase.kind === "running") this.#destroy(this.phase.connection);
  }

  /** A mysqld does not look at its client while a statement runs, which may hold locks: it has to be told. */
  #destroy(connection: MysqldConnection): void {
    void this.#service.deps.killConnection(connection.threadId);
    connection.close();
  }

  /**
   * Kills the statement, again and again until it has ended: a KILL QUERY that comes before the mysqld has begun with the
   * statement has no effect on it. A connection whose statement cannot be killed is closed.
   */
  #kill(connection: MysqldConnection, reason: ShardgateError): Kill {
    const { deps } = this.#service;
    const { clock, log } = deps;
    this.#destroyAtMs = clock.nowMs() + KILL_GRACE_MS;
    // Whatever waits for credit must flow, or the reply never ends; nobody reads it any more.
    this.#creditBytes = Number.MAX_SAFE_INTEGER;
    if (this.#paused) connection.resume();
    const { threadId } = connection;
    let isAnswered = false;
    let wake = (): void => {};
    const untilAnswered = async (): Promise<void> => {
      for (let pauseMs = KILL_AGAIN_MIN_MS; ; pauseMs = Math.min(pauseMs * 2, KILL_AGAIN_MAX_MS)) {
        await deps.killQuery(threadId);
        if (isAnswered || connection.closed) return;
        await new Promise<void>((resolve) => {
          const timer = clock.after(pauseMs, resolve);
          wake = () => {
            timer.cancel();
            resolve();
          };
        });
        if (isAnswered || connection.closed) return;
      }
    };
    return {
      reason,
      done: untilAnswered().catch((error: unknown) => {
        log.warn({ threadId, error: String(error) }, "KILL QUERY failed; closing the connection");
        connection.close();
      }),
      answered: () => {
        isAnswered = true;
        wake();
      },
    };
  }

  /** Goes on when no KILL can hit the connection's next statement. */
  #afterKill(connection: MysqldConnection, kill: Kill, next: () => void): void {
    kill.answered();
    void kill.done.then(() => {
      runAll(connection, [ABSORB_KILL], () => {
        if (this.phase.kind === "running") next();
      });
    });
  }

  /** The statement waits for the answer: in another database it must not run. */
  #select(connection: MysqldConnection, database: string, generation: number): void {
    const name = database === "" ? this.#service.deps.databases.own : database;
    const payloads = [initDb(name)];
    if (!isAscii(payloads[0] ?? EMPTY) && connection.settings !== "") {
      // The name is read in the character set of the settings.
      payloads.unshift(LOGIN_NAMES);
      connection.settings = SETTINGS_UNKNOWN;
    }
    runAll(connection, payloads, (error) => {
      if (error === undefined) {
        connection.database = database;
        connection.databaseGeneration = generation;
        this.#selected(connection);
        return;
      }
      const killed = this.#killed;
      if (killed !== undefined) this.#afterKill(connection, killed, () => this.#done(connection, killed.reason));
      else if (this.phase.kind === "running") this.#done(connection, error);
    });
  }

  #selected(connection: MysqldConnection): void {
    const { settings } = this.request;
    if (this.ending !== undefined || connection.settings === settings) this.#start(connection);
    else this.#setUp(connection, settings);
  }

  /** Runs the statements that give the connection the session's settings, then the command. */
  #setUp(connection: MysqldConnection, settings: string): void {
    const held = this.request.holdId !== 0;
    const payloads: Buffer[] = [];
    // Before the settings, which may have a `timestamp` of the session's own.
    if (connection.nowUs !== 0) {
      payloads.push(setNow(0));
      connection.nowUs = 0;
    }
    // A reset undoes other settings, but also an open transaction: a held connection gets its new settings on top. They
    // leave out the character sets when those are as at login.
    if (held) payloads.push(LOGIN_NAMES);
    else if (connection.settings !== "") {
      payloads.push(COM_RESET_CONNECTION, LOGIN_NAMES);
      connection.prepared.clear();
    }
    if (settings !== "") payloads.push(query(settings));
    if (payloads.length === 0) {
      this.#start(connection);
      return;
    }
    runAll(connection, payloads, (error) => {
      if (error === undefined) {
        connection.settings = settings;
        this.#start(connection);
        return;
      }
      // A pooled connection in an unknown state is not for reuse; a held one is set anew by its next statement.
      if (held) {
        connection.settings = SETTINGS_UNKNOWN;
        connection.nowUs = NOW_UNKNOWN;
      } else connection.close();
      const killed = this.#killed;
      if (killed !== undefined) this.#afterKill(connection, killed, () => this.#done(connection, killed.reason));
      else if (this.phase.kind === "running") this.#done(connection, error);
    });
  }

  #start(connection: MysqldConnection): void {
    if (this.phase.kind !== "running") return;
    const killed = this.#killed;
    if (killed !== undefined) {
      this.#afterKill(connection, killed, () => this.#done(connection, killed.reason));
      return;
    }
    const { begin } = this.request;
    const nowUs = this.ending === undefined ? this.request.nowUs : connection.nowUs;
    const id = this.#preparedId(connection);
    const first = id === undefined ? prepareCommand(this.request.prepared) : this.#command(id);
    const sink = id === undefined ? this.#preparing(connection) : this;
    if (begin === "" && nowUs === connection.nowUs) {
      connection.send([first], [sink]);
      return;
    }
    const payloads: Buffer[] = [];
    const sinks: RawReplySink[] = [];
    if (begin !== "") {
      // BEGIN and the statement in one write: opening a transaction costs no round trip of its own. BEGIN does not fail
      // on a healthy connection; if it does, the connection is closed and the statement's effect is rolled back with it.
      // What goes before a statement about the transaction itself is XA END: where that fails the statement does, too, but
      // for an XA ROLLBACK after a deadlock, which wants none.
      const opened = swallow((error) => {
        if (error !== undefined && this.ending === undefined) connection.close();
      });
      for (const statement of splitStatementList(begin)) {
        payloads.push(query(statement));
        sinks.push(opened);
      }
    }
    if (nowUs !== connection.nowUs) {
      connection.nowUs = nowUs;
      payloads.push(setNow(nowUs));
      sinks.push(
        swallow((error) => {
          // A server that lets nobody set it (secure_timestamp) keeps its own time; a KILL must leave no wrong one.
          if (error instanceof MysqlError && error.errno !== ER_QUERY_INTERRUPTED) connection.nowUs = 0;
          else if (error !== undefined) connection.close();
        }),
      );
    }
    connection.send([...payloads, first], [...sinks, sink]);
  }

  /** The mysqld's id of the statement to execute; 0 for commands that name none, undefined when it has to be prepared. */
  #preparedId(connection: MysqldConnection): number | undefined {
    const { payload, prepared } = this.request;
    return payload[0] === COM.STMT_EXECUTE ? connection.prepared.find(this.#readUnder, prepared) : 0;
  }

  /** What decides how a statement is read when it is prepared: the settings, and the database that names are of. */
  get #readUnder(): string {
    const { settings, database = "" } = this.request;
    return database === "" ? settings : `${settings}\0${database}`;
  }

  #command(preparedId: number): Buffer {
    const { payload } = this.request;
    if (preparedId !== 0) payload.writeUInt32LE(preparedId, 1);
    return payload;
  }

  /** Takes the reply to the COM_STMT_PREPARE that goes before the execution; an error there is the statement's answer. */
  #preparing(connection: MysqldConnection): RawReplySink {
    return {
      part: () => true,
      end: (scanner, tail, chunk, start, end) => {
        if (this.phase.kind !== "running") return;
        if (scanner.failed) {
          this.end(scanner, tail, chunk, start, end);
          return;
        }
        const { statementId } = scanner;
        const closed = connection.prepared.add(this.#readUnder, this.request.prepared, statementId);
        const killed = this.#killed;
        if (killed === undefined) connection.send([this.#command(statementId)], [this]);
        else this.#afterKill(connection, killed, () => this.#done(connection, killed.reason));
        for (const id of closed) connection.tell(closeCommand(id));
      },
      lost: (error) => this.lost(error),
    };
  }

  /** A statement of which the mysqld says that it must be prepared anew, which it has not begun to execute. */
  #preparesAgain(scanner: ReplyScanner, connection: MysqldConnection): boolean {
    const { payload, prepared } = this.request;
    if (!scanner.failed || payload[0] !== COM.STMT_EXECUTE || this.#preparedAgain) return false;
    if (scanner.errno !== ER_UNKNOWN_STMT_HANDLER && scanner.errno !== ER_NEED_REPREPARE) return false;
    this.#preparedAgain = true;
    connection.prepared.forget(this.#readUnder, prepared);
    connection.send([prepareCommand(prepared)], [this.#preparing(connection)]);
    return true;
  }

  #done(connection: MysqldConnection, error: Error): void {
    this.phase = { kind: "ended" };
    const holdId = this.#service.finished(this, connection, true, false);
    this.#service.server.fail(this.id, failDetailsOf(error, this.request.holdId !== 0 && holdId === 0));
  }

  #settle(connection: MysqldConnection, kind: ReplyEnd["kind"], status: number): number {
    // An error does not tell; after that of a COMMIT, nothing of the transaction may stay.
    const mayBeOpen = (status & SERVER_STATUS_IN_TRANS) !== 0 || (kind === "err" && this.ending === "ends");
    return this.#service.finished(this, connection, mayBeOpen, true);
  }
}

/** Collects one reply; gives an empty buffer when it is too large or the connection is lost. */
class Collect implements RawReplySink {
  readonly #bytesMax: number;
  readonly #done: (reply: Buffer) => void;
  readonly #parts: Buffer[] = [];
  #bytes = 0;

  constructor(bytesMax: number, done: (reply: Buffer) => void) {
    this.#bytesMax = bytesMax;
    this.#done = done;
  }

  part(chunk: Buffer, start: number, end: number): boolean {
    this.#bytes += end - start;
    if (this.#bytes <= this.#bytesMax) this.#parts.push(Buffer.from(chunk.subarray(start, end)));
    return true;
  }

  end(_scanner: ReplyScanner, tail: Buffer | undefined, chunk: Buffer, start: number, end: number): void {
    if (tail !== undefined) this.#parts.push(tail);
    this.#parts.push(Buffer.from(chunk.subarray(start, end)));
    this.#bytes += (tail?.length ?? 0) + end - start;
    this.#done(this.#bytes <= this.#bytesMax ? Buffer.concat(this.#parts) : EMPTY);
  }

  lost(): void {
    this.#done(EMPTY);
  }
}

/** A sink for a reply nobody reads but for its error. */
function swallow(done: (error: Error | undefined) => void): RawReplySink {
  return {
    part: () => true,
    end(scanner, tail, chunk, start, end) {
      if (!scanner.failed) {
        done(undefined);
        return;
      }
      const packet =
        tail === undefined ? chunk.subarray(start, end) : Buffer.concat([tail, chunk.subarray(start, end)]);
      const { errno, sqlState, message } = decodeErr(
        packet.subarray(packet.length - (scanner.replyBytes - scanner.lastPacketOffset) + 4),
      );
      done(new MysqlError(errno, sqlState, message));
    },
    lost: done,
  };
}

/** Runs commands in one write and calls `done` once, with the first error there was. */
function runAll(
  connection: MysqldConnection,
  payloads: readonly Buffer[],
  done: (error: Error | undefined) => void,
): void {
  let failed: Error | undefined;
  let left = payloads.length;
  const step = swallow((error) => {
    failed ??= error;
    left--;
    if (left === 0) done(failed);
  });
  connection.send(
    payloads,
    payloads.map(() => step),
  );
}

/** An ERR after rows makes the whole reply an error. */
function replyKind(scanner: ReplyScanner): ReplyEnd["kind"] {
  if (scanner.failed) return "err";
  // A field list is definitions and an EOF: it ends as a result set does.
  return scanner.kind === "resultset" || scanner.kind === "none" ? "resultset" : "ok";
}

function setNow(nowUs: number): Buffer {
  if (nowUs === 0) return SET_NOW_DEFAULT;
  const digits = String(nowUs).padStart(7, "0");
  return query(`SET timestamp = ${digits.slice(0, -6)}.${digits.slice(-6)}`);
}

function prepareCommand(text: Buffer): Buffer {
  return Buffer.concat([PREPARE_BYTE, text]);
}

function closeCommand(id: number): Buffer {
  const command = Buffer.alloc(5);
  command[0] = COM.STMT_CLOSE;
  command.writeUInt32LE(id, 1);
  return command;
}

function initDb(name: string): Buffer {
  return Buffer.concat([Buffer.of(COM.INIT_DB), Buffer.from(name, "utf8")]);
}

function query(sql: string): Buffer {
  return Buffer.concat([Buffer.of(COM.QUERY), Buffer.from(sql, "utf8")]);
}

function transactionGone(): ShardgateError {
  return new ShardgateError(
    "TRANSACTION_LOST",
    "transaction rolled back: its connection to the shard was lost; try restarting transaction",
  );
}
