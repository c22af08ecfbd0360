// One call of a gateway: sets its connection up, runs the command, passes the reply's bytes on within the call's credit, kills
// the statement when the call is cancelled or too late. Whose connection it is, and what becomes of it, is the service's.
//
//   waiting (pool) ──► setting-up (SET, if the connection is set otherwise) ──► running ──► ended
//      └─ cancelled: gone       └─ failed: ended                      └─ cancelled: KILL QUERY, then as it ends

import { isAscii } from "node:buffer";
import type { Clock } from "../base/clock.ts";
import { MysqlError, ShardgateError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { Tracer } from "../base/tracing.ts";
import { settingsChange, setsCharacterSets } from "../base/settings-text.ts";
import { splitStatementList } from "../base/statement-list.ts";
import { COM } from "../mysql/constants.ts";
import type { ReplyScanner } from "../mysql/reply-scanner.ts";
import type { CallServer } from "../rpc/call-server.ts";
import { failDetailsOf } from "../rpc/fail-details.ts";
import { EMPTY, type ExecuteRequest, type ReplyEnd } from "../rpc/frame.ts";
import { CallTrace } from "./call-trace.ts";
import type { MysqldConnection, RawReplySink } from "./mysqld-connection.ts";
import {
  ABSORB_KILL,
  COM_RESET_CONNECTION,
  closeCommand,
  initDb,
  LOGIN_NAMES,
  prepareCommand,
  query,
  SHOW_WARNINGS,
  setNow,
} from "./mysqld-commands.ts";
import type { Pool } from "./pool.ts";
import { Collect, replyKind, runAll, swallow } from "./reply-sinks.ts";

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
  /** Runs KILL QUERY for a thread of the mysqld, if that is wanted still when it can be sent; resolves when it is done. */
  killQuery(threadId: number, isWanted: () => boolean): Promise<void>;
  /** Ends a thread of the mysqld with whatever it does; never rejects. */
  killConnection(threadId: number): Promise<void>;
  /** Undefined while calls may be served, else why not. */
  refusal(): ShardgateError | undefined;
  /** The mysqld's max_allowed_packet: it closes the connection on a command that has as many bytes. */
  packetBytesMax(): number;
  /** A statement has ended that may have changed definitions, of the database with this name or others. */
  definitionsChanged(database: string): void;
  /** One has ended that may have made, changed or dropped databases. */
  databasesChanged(): void;
  readonly databases: Databases;
  /** Undefined: nothing is traced. */
  readonly tracer?: Tracer | undefined;
}

/** What calls that are for other databases than the tablet's own need to know. */
export interface Databases {
  /** The database of the tablet's keyspace, which connections log in to. */
  readonly own: string;
  /** Grows whenever one is made, changed or dropped: connections select theirs anew then. */
  generation: number;
}

/** What a call is served with. */
export interface CallOwner {
  readonly deps: CallServiceDeps;
  readonly server: CallServer;
  /** The call is over; gives the id of the hold that remains, 0 if none does. */
  finished(call: Call, connection: MysqldConnection | undefined, inTransaction: boolean, isReplied: boolean): number;
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

/** What no session asks for. */
const SETTINGS_UNKNOWN = "?";
const SELECT_ANOTHER = initDb("information_schema");
const NOW_UNKNOWN = -1;
/** After this long a killed statement's connection is closed, on both sides. */
const KILL_GRACE_MS = 3_000;
const KILL_AGAIN_MIN_MS = 20;
const KILL_AGAIN_MAX_MS = 500;
const WARNINGS_REPLY_BYTES_MAX = 64 * 1024;
const SERVER_STATUS_IN_TRANS = 1;
/** Errors behind which a server closes the connection. */
const LAST_WORDS: ReadonlySet<number> = new Set([
  1053, 1077, 1152, 1153, 1156, 1157, 1158, 1159, 1160, 1161, 1927, 4031,
]);
const ER_QUERY_INTERRUPTED = 1317;
const ER_UNKNOWN_STMT_HANDLER = 1243;
const ER_NEED_REPREPARE = 1615;

export class Call implements RawReplySink {
  readonly id: number;
  readonly request: ExecuteRequest;
  phase: CallPhase = { kind: "waiting", giveUp: undefined };
  pool: Pool<MysqldConnection> | undefined;
  /**
   * About the transaction on a held connection, whatever its settings are: a COMMIT or ROLLBACK, with which the hold ends,
   * or another statement, after which it stays.
   */
  ending: "ends" | "stays" | undefined;
  /** Undefined: the call is not traced. */
  readonly trace: CallTrace | undefined;
  readonly #service: CallOwner;
  readonly #deadlineMs: number;
  #creditBytes: number = LIMITS.callCreditBytes;
  #paused = false;
  #killed: Kill | undefined;
  #preparedAgain = false;
  /** Answers that are still to come to what goes before the statement in one write. */
  #openings = 0;
  #opened: (() => void) | undefined;
  #destroyAtMs = Number.POSITIVE_INFINITY;

  constructor(service: CallOwner, id: number, request: ExecuteRequest) {
    this.#service = service;
    this.id = id;
    this.request = request;
    const { tracer, databases } = service.deps;
    this.trace =
      tracer === undefined || request.trace === undefined
        ? undefined
        : CallTrace.begin(tracer, request.trace, databases.own);
    if (request.holdId === 0) this.trace?.stage("pool wait");
    const timeoutMs = request.timeoutMs > 0 ? request.timeoutMs : service.deps.queryTimeoutMs;
    this.#deadlineMs = timeoutMs > 0 ? service.deps.clock.nowMs() + timeoutMs : Number.POSITIVE_INFINITY;
  }

  readonly leased = (connection: MysqldConnection): void => {
    this.phase = { kind: "running", connection };
    const { database = "", owner = 0 } = this.request;
    if (owner !== 0) connection.owner = owner;
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
    // An ERR does not count them: what was warned of before the error is asked for.
    const wantsWarnings = kind === "err" ? !LAST_WORDS.has(scanner.errno) : warnings > 0;
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
      const asked = (warningsReply: Buffer, afterReply: Buffer): void => {
        // The KILL came too late for the statement, but must not reach the connection's next one.
        const killed = this.#killed;
        if (killed === undefined) finish(warningsReply, afterReply);
        else this.#afterKill(connection, killed, () => finish(warningsReply, afterReply));
      };
      // An answer without what was asked behind it would be half of one. An error is whole by itself.
      const lost = kind === "err" ? undefined : (error: Error) => this.lost(error);
      this.#askMore(connection, wantsWarnings, wantsAfter, asked, lost);
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
    lost: ((error: Error) => void) | undefined,
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
      sinks.push(new Collect(LIMITS.afterReplyBytesMax, (reply) => finish(warningsReply, reply), lost));
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
      // A KILL that met the BEGIN before the statement would leave that to autocommit.
      if (this.#openings > 0) await new Promise<void>((resolve) => (this.#opened = resolve));
      for (let pauseMs = KILL_AGAIN_MIN_MS; ; pauseMs = Math.min(pauseMs * 2, KILL_AGAIN_MAX_MS)) {
        await deps.killQuery(threadId, () => !isAnswered && !connection.closed);
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
    const selected = initDb(database === "" ? this.#service.deps.databases.own : database);
    // MariaDB does nothing when the selected database is selected: its collation would stay what it was.
    const payloads = connection.database === database ? [SELECT_ANOTHER, selected] : [selected];
    if (!isAscii(selected) && connection.settings !== "") {
      // The name is read in the character set of the settings.
      payloads.unshift(LOGIN_NAMES);
      connection.settings = SETTINGS_UNKNOWN;
    }
    this.trace?.stage("set up");
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
    // A reset undoes other settings, but also an open transaction, where some variables cannot be set, be it to what they
    // are: a held connection gets what is different.
    if (held) payloads.push(LOGIN_NAMES);
    else if (connection.settings !== "") {
      // With the database selected anew: a reset leaves @@collation_database, which LOAD DATA goes by, at the server's own.
      payloads.push(
        COM_RESET_CONNECTION,
        LOGIN_NAMES,
        initDb(connection.database === "" ? this.#service.deps.databases.own : connection.database),
      );
      connection.prepared.clear();
    }
    const before = connection.settings;
    const change = held ? settingsChange(before, settings) : settings;
    if (change !== "") payloads.push(query(change));
    if (payloads.length === 0) {
      this.#start(connection);
      return;
    }
    this.trace?.stage("set up");
    runAll(connection, payloads, (error) => {
      if (error === undefined) {
        connection.settings = settings;
        this.#start(connection);
        return;
      }
      // A pooled connection in an unknown state is not for reuse; a held one is set anew by its next statement.
      if (held) {
        // A SET that fails has set nothing.
        connection.settings = setsCharacterSets(before) ? SETTINGS_UNKNOWN : before;
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
    this.trace?.stage("mysqld");
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
      // on a healthy connection, and is not met by a KILL of ours; if it does, the connection is closed.
      // What goes before a statement about the transaction itself is XA END: where that fails the statement does, too, but
      // for an XA ROLLBACK after a deadlock, which wants none.
      const opened = this.#opening((error) => {
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
        this.#opening((error) => {
          // A server that lets nobody set it (secure_timestamp) keeps its own time; a KILL must leave no wrong one.
          if (error instanceof MysqlError && error.errno !== ER_QUERY_INTERRUPTED) connection.nowUs = 0;
          else if (error !== undefined) connection.close();
        }),
      );
    }
    this.#openings = sinks.length;
    connection.send([...payloads, first], [...sinks, sink]);
  }

  /** For a command that goes before the statement. */
  #opening(done: (error: Error | undefined) => void): RawReplySink {
    return swallow((error) => {
      done(error);
      if (--this.#openings === 0) this.#opened?.();
    });
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
