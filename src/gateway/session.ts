// One client's session: takes COM_* packets one at a time and gives each to its function. Names are the manual's
// (dev.mysql.com/doc/dev/mysql-server/latest/PAGE_COMMAND_PHASE).

import { isUtf8 } from "node:buffer";
import { interrupted, MysqlError, noDatabase, ShardgateError } from "../base/errors.ts";
import { parseTraceparent, type TraceContext, traceparentOf } from "../base/tracing.ts";
import { quoteName } from "../engine/quote-name.ts";
import { COMPRESSION_CAPABILITIES } from "../mysql/compression.ts";
import { CLIENT, COM, MARIADB_CLIENT } from "../mysql/constants.ts";
import { collationById } from "../mysql/charsets.ts";
import { writeFrame } from "../mysql/frame.ts";
import { decodeCommand } from "../mysql/packets/command.ts";
import { encodeEof } from "../mysql/packets/eof.ts";
import type { Login } from "../mysql/server-handshake.ts";
import type { ClientConnection, CommandHandler } from "./client/client-connection.ts";
import { comQuery } from "./client/com-query.ts";
import { CountedHolds } from "./session/counted-holds.ts";
import { ClientFraming } from "./client/client-framing.ts";
import { ProgressClient } from "./client/progress-client.ts";
import type { LockOwner } from "./transaction/deadlock-watch.ts";
import { Executor } from "./executor.ts";
import type { GatewayContext } from "./gateway-context.ts";
import { PreparedStatements } from "./prepared/prepared-statements.ts";
import { MultiStatement } from "./client/multi-statement.ts";
import type { Digest } from "./observe/query-stats.ts";
import { type CommandIndex, commandIndex } from "./observe/statement-counts.ts";
import { commandShown, type Process } from "./cluster/processes.ts";
import { refusedCommand } from "./client/refused-commands.ts";
import { flushStatement } from "./client/flush-statement.ts";
import { killProcess, type KillWhat } from "./cluster/run-kill.ts";
import { SessionTrace, tracedContext } from "./observe/session-trace.ts";
import type { AnsweredStatement } from "./observe/statement-log.ts";
import { selectTarget, selectTargetSoon } from "./session/run-session-statement.ts";
import { refuseUnreadable } from "./session/set-statement.ts";
import { isTranscoded } from "./client/statement-encoding.ts";
import { ProgressWatch } from "./session/progress-watch.ts";
import { SessionTracker } from "./session/session-tracker.ts";
import { globalNumber } from "./session/global-variables.ts";
import { trackGtidsIfNamed } from "./session/session-gtids.ts";
import { beginIgnoringSpace, beginSession } from "./session/session-start.ts";
import { SessionState } from "./session/session-state.ts";
import { Settings } from "./session/settings.ts";
import type { ServerCounters } from "./client/statistics.ts";
import { commandInUtf8 } from "./client/transcoded-command.ts";
import type { User } from "./access/users.ts";

export interface SessionOptions {
  readonly context: GatewayContext;
  readonly connection: ClientConnection;
  readonly login: Login<User>;
  readonly dialect: "mysql" | "mariadb";
  readonly counters: ServerCounters;
  /** Text of COM_STATISTICS. */
  statistics(): string;
}

/** Those that run or prepare statements. */
const TRACED_COMMANDS: ReadonlySet<number> = new Set([
  COM.QUERY,
  COM.STMT_PREPARE,
  COM.STMT_EXECUTE,
  COM.STMT_BULK_EXECUTE,
]);

/** Commands that are no questions (manual: "Questions"). */
const UNASKED: ReadonlySet<number> = new Set([
  COM.PING,
  COM.STATISTICS,
  COM.STMT_PREPARE,
  COM.STMT_CLOSE,
  COM.STMT_RESET,
  COM.STMT_SEND_LONG_DATA,
]);

/** Commands that status variables of their own count. */
const COUNTED: ReadonlyMap<number, CommandIndex> = new Map([
  [COM.STMT_PREPARE, commandIndex("stmt_prepare")],
  [COM.STMT_EXECUTE, commandIndex("stmt_execute")],
  [COM.STMT_BULK_EXECUTE, commandIndex("stmt_execute")],
  [COM.STMT_CLOSE, commandIndex("stmt_close")],
  [COM.STMT_RESET, commandIndex("stmt_reset")],
  [COM.STMT_FETCH, commandIndex("stmt_fetch")],
  [COM.STMT_SEND_LONG_DATA, commandIndex("stmt_send_long_data")],
  [COM.INIT_DB, commandIndex("change_db")],
  [COM.PING, commandIndex("admin_commands")],
  [COM.STATISTICS, commandIndex("admin_commands")],
]);

export class Session implements CommandHandler {
  /** Without its login: what that has told is the session's state. */
  readonly #options: Omit<SessionOptions, "login">;
  readonly #framing: ClientFraming;
  readonly #statements: MultiStatement;
  readonly #executor: Executor;
  readonly #prepared: PreparedStatements;
  readonly #loginSettings: Settings;
  readonly #isInteractive: boolean;
  /** Undefined where nothing is traced. */
  readonly #trace: SessionTrace | undefined;
  /** Of clients that want to hear of progress. */
  readonly #progress: ProgressWatch | undefined;
  /** Of the next command's query attributes. */
  #traceparent: TraceContext | undefined;
  /** The command under way. */
  #command: Buffer | undefined;

  /** Throws ER_BAD_DB or ER_DBACCESS_DENIED when the login's keyspace cannot be selected. */
  constructor(options: SessionOptions) {
    const { login, ...kept } = options;
    this.#options = kept;
    const { connection, dialect } = kept;
    const { tracer } = options.context;
    this.#trace = tracer === undefined ? undefined : new SessionTrace(tracer);
    const context = this.#trace === undefined ? options.context : tracedContext(options.context, this.#trace);
    const { account, capabilities } = login;
    const state = new SessionState(
      connection.id,
      account,
      connection.peer.replace(/:\d+$/, ""),
      (capabilities & CLIENT.FOUND_ROWS) !== 0,
      new CountedHolds(context.tablets, context.transactionMode, context.twoPhase, context.counters),
      dialect,
    );
    this.#loginSettings = settingsOf(login.collation);
    this.#isInteractive = (capabilities & CLIENT.INTERACTIVE) !== 0;
    beginSession(state, context, this.#loginSettings, this.#isInteractive);
    trackGtidsIfNamed(state, context);
    if (connection.isFirstSession && (capabilities & CLIENT.IGNORE_SPACE) !== 0) beginIgnoringSpace(state, context);
    state.packetBytesMax = globalNumber(context.globals.current, "max_allowed_packet") ?? context.packetBytesMax;
    state.tls = connection.tls;
    state.bytes = () => connection.bytes;
    state.isCompressed = (capabilities & COMPRESSION_CAPABILITIES) !== 0;
    if ((capabilities & CLIENT.SESSION_TRACK) !== 0) state.tracker = new SessionTracker(state);
    const isExtended = (login.mariadbCapabilities & MARIADB_CLIENT.EXTENDED_METADATA) !== 0;
    const hasProgress = (login.mariadbCapabilities & MARIADB_CLIENT.PROGRESS) !== 0;
    const progressClient = hasProgress ? new ProgressClient(connection) : undefined;
    this.#framing = new ClientFraming(
      progressClient ?? connection,
      state.tracker,
      isExtended,
      context.log,
      () => state.resultsetMetadata,
      state,
    );
    state.metadataIsOptional = (capabilities & CLIENT.OPTIONAL_RESULTSET_METADATA) !== 0;
    const client = this.#framing;
    const isMulti = (connection.capabilities & CLIENT.MULTI_STATEMENTS) !== 0;
    this.#statements = new MultiStatement(client, isMulti, () => {
      this.#framing.nextStatement();
      this.#asked();
    });
    this.#executor = new Executor(context, state, this.#statements);
    this.#executor.isClients = true;
    this.#progress = progressClient === undefined ? undefined : new ProgressWatch(this.#executor, progressClient);
    state.lockOwner = new ClientsLocks(connection, this.#executor);
    const allowsBulk = (login.mariadbCapabilities & MARIADB_CLIENT.STMT_BULK_OPERATIONS) !== 0;
    this.#prepared = new PreparedStatements(this.#executor, client, {
      allowsBulk,
      takeId: () => connection.takeStatementId(),
    });
    const keyspace = login.database === "" ? account.defaultKeyspace : login.database;
    if (keyspace !== undefined) selectTarget(this.#executor, keyspace, context.cluster());
    // The login's own OK tells of it.
    state.tracker?.forget();
  }

  get executor(): Executor {
    return this.#executor;
  }

  /** Undefined while the login is not answered yet. */
  process(nowMs: number): Process | undefined {
    const { activity, peer } = this.#options.connection;
    if (activity === undefined) return undefined;
    const { connectionId, user, target } = this.#executor.state;
    const seconds = Math.max(0, Math.floor((nowMs - activity.sinceMs) / 1000));
    const { keyspace } = target;
    const shown = commandShown(activity.payload);
    const statement =
      shown.statement ?? (activity.payload === undefined ? undefined : this.#prepared.textOf(activity.payload));
    return { id: connectionId, user: user.user, host: peer, keyspace, seconds, ...shown, statement };
  }

  /** Statements that it has prepared, by commands and as text. */
  get preparedCount(): number {
    return this.#prepared.count + this.#executor.state.preparedCount;
  }

  /** Ends the connection, or the statement under way if there is one. */
  kill(what: KillWhat): void {
    const { connection } = this.#options;
    if (what === "connection") connection.destroy();
    else if (!connection.idle) this.#executor.interrupt(interrupted());
  }

  command(payload: Buffer, sequenceId: number): void {
    this.#options.counters.questions++;
    this.#command = payload;
    if (this.#trace !== undefined) this.#beginTrace(this.#trace, payload);
    this.#progress?.begin(payload, sequenceId);
    this.#framing.begin(payload[0] ?? 0, sequenceId);
    this.#executor.begin();
    if (this.#executor.state.settings.transcodedFrom === undefined) this.#run(payload, sequenceId);
    else this.#runTranscoded(payload, sequenceId);
  }

  #runTranscoded(payload: Buffer, sequenceId: number): void {
    let read: Buffer;
    try {
      read = commandInUtf8(payload, this.#executor.state);
    } catch (error) {
      this.#executor.answering(sequenceId).fail(error);
      return;
    }
    this.#run(read, sequenceId);
  }

  /** A statement of the client has come. */
  #asked(): void {
    this.#executor.state.counts.questions++;
    this.#options.context.statementCounts.questions++;
  }

  #run(payload: Buffer, sequenceId: number): void {
    if (!UNASKED.has(payload[0] ?? 0)) this.#asked();
    const counted = COUNTED.get(payload[0] ?? 0);
    if (counted !== undefined) this.#executor.count(counted);
    switch (payload[0]) {
      case COM.QUERY:
        this.#statements.query(this.#executor, withoutEndMark(payload), sequenceId);
        return;
      case COM.STMT_EXECUTE:
        this.#prepared.execute(payload, sequenceId);
        return;
      case COM.STMT_PREPARE:
        this.#prepared.prepare(withoutEndMark(payload), sequenceId);
        return;
      case COM.STMT_CLOSE:
        this.#prepared.close(payload);
        return;
      case COM.STMT_SEND_LONG_DATA:
        this.#prepared.sendLongData(payload);
        return;
      case COM.STMT_RESET:
        this.#prepared.reset(payload, sequenceId);
        return;
      case COM.STMT_FETCH:
        this.#prepared.fetch(payload, sequenceId);
        return;
      case COM.STMT_BULK_EXECUTE:
        this.#prepared.bulkExecute(payload, sequenceId);
        return;
      case COM.PING:
        this.#executor.answering(sequenceId).ok({});
        return;
      case COM.INIT_DB:
        this.#initDb(payload, sequenceId);
        return;
      case COM.CREATE_DB:
      case COM.DROP_DB:
        this.#executor.query(databaseStatement(payload), sequenceId);
        return;
      case COM.QUIT:
        this.#options.connection.quit();
        return;
      case COM.STATISTICS:
        this.#options.connection.write(writeFrame(Buffer.from(this.#options.statistics()), sequenceId + 1));
        this.#options.connection.commandDone();
        return;
      case COM.FIELD_LIST:
        this.#executor.forward(payload, sequenceId);
        return;
      case COM.REFRESH:
        this.#refresh(payload, sequenceId);
        return;
      case COM.PROCESS_INFO:
        this.#executor.query(comQuery("SHOW PROCESSLIST"), sequenceId);
        return;
      case COM.PROCESS_KILL:
        this.#killProcess(payload, sequenceId);
        return;
      case COM.SET_OPTION:
        this.#setOption(payload, sequenceId);
        return;
      case COM.RESET_CONNECTION:
        this.#reset(sequenceId);
        return;
      default:
        this.#executor.answering(sequenceId).fail(refusedCommand(payload[0] ?? 0, this.#options.dialect));
    }
  }

  answered(ms: number): void {
    this.#progress?.done();
    const { context } = this.#options;
    const { last } = this.#executor.state;
    const { digest } = last;
    const command = this.#command;
    this.#command = undefined;
    if (digest !== undefined) {
      last.digest = undefined;
      context.stats.record(digest, last.tier, ms, last.rows, last.errno !== 0, context.clock.wallMs());
      const isSlow = ms >= context.statementLog.slowMs;
      if (isSlow) {
        this.#executor.state.counts.slow++;
        context.statementCounts.slow++;
        context.statementLog.slow(this.#answeredStatement(digest, ms, command));
      } else if (last.errno !== 0) context.statementLog.failed(this.#answeredStatement(digest, ms, command));
    }
    this.#trace?.end(digest, last);
  }

  #answeredStatement(digest: Digest, ms: number, command: Buffer | undefined): AnsweredStatement {
    const { connectionId, user, last } = this.#executor.state;
    const sql = command === undefined ? undefined : this.#sqlOf(command);
    const parent = sql === undefined ? undefined : traceparentOf(sql);
    const traceId = this.#trace?.traceId ?? parent?.traceId;
    return { connectionId, user: user.user, digest, last, ms, sql, traceId };
  }

  /** The text that a command is about; undefined when it has none. */
  #sqlOf(command: Buffer): Buffer | undefined {
    if (command[0] === COM.QUERY || command[0] === COM.STMT_PREPARE) return command.subarray(1);
    const text = this.#prepared.textOf(command);
    return text === undefined ? undefined : Buffer.from(text);
  }

  queryAttributes(packet: Buffer): void {
    if (this.#trace === undefined) return;
    const decoded = decodeCommand(packet, this.#options.connection.capabilities);
    const attributes = decoded.kind === "query" ? decoded.attributes : [];
    const value = attributes.find(({ name }) => name === "traceparent")?.value;
    this.#traceparent = value instanceof Buffer ? parseTraceparent(value.toString("latin1")) : undefined;
  }

  #beginTrace(trace: SessionTrace, command: Buffer): void {
    if (!TRACED_COMMANDS.has(command[0] ?? 0)) return;
    const sql = this.#sqlOf(command);
    const { connectionId, user } = this.#executor.state;
    const attributes = { "db.system.name": "mysql", "user.name": user.user, "shardgate.connection": connectionId };
    trace.begin(this.#traceparent ?? (sql === undefined ? undefined : traceparentOf(sql)), attributes);
    this.#traceparent = undefined;
  }

  get inTransaction(): boolean {
    return this.#executor.state.inTransaction;
  }

  get database(): string {
    return this.#executor.state.target.text;
  }

  get idleTimeoutMs(): number {
    return this.#executor.state.waitTimeoutS * 1000;
  }

  get statusFlags(): number {
    return this.#executor.state.statusFlags;
  }

  get packetBytesMax(): number {
    return this.#executor.state.packetBytesMax;
  }

  /** MySQL says why it closes the connection (since 8.0.24), MariaDB does not. */
  get idleError(): ShardgateError | undefined {
    if (this.#options.dialect === "mariadb") return undefined;
    const text =
      "The client was disconnected by the server because of inactivity. See wait_timeout and interactive_timeout for configuring this behavior.";
    return new ShardgateError("ER_CLIENT_INTERACTION_TIMEOUT", text);
  }

  interrupt(reason: ShardgateError): void {
    this.#executor.interrupt(reason);
  }

  disconnected(): Promise<void> {
    this.#progress?.done();
    this.#prepared.closeAll();
    return this.#executor.disconnected();
  }

  #refresh(payload: Buffer, sequenceId: number): void {
    try {
      this.#executor.query(flushStatement(payload), sequenceId);
    } catch (error) {
      this.#executor.answering(sequenceId).fail(error);
    }
  }

  #killProcess(payload: Buffer, sequenceId: number): void {
    const executor = this.#executor.answering(sequenceId);
    killProcess(executor, payload).catch((error: unknown) => executor.fail(error));
  }

  /** Several statements a packet: 0 allows them, 1 forbids them. */
  #setOption(payload: Buffer, sequenceId: number): void {
    const option = payload.length >= 3 ? payload.readUInt16LE(1) : -1;
    const executor = this.#executor.answering(sequenceId);
    if (option !== 0 && option !== 1) {
      executor.fail(new ShardgateError("ER_UNKNOWN_COM", "Unknown command"));
      return;
    }
    this.#statements.enabled = option === 0;
    this.#options.connection.setCapability(CLIENT.MULTI_STATEMENTS, option === 0);
    const { statusFlags } = executor.state;
    executor.client.write(writeFrame(encodeEof({ statusFlags, warnings: 0 }), sequenceId + 1));
    executor.client.commandDone();
  }

  #initDb(payload: Buffer, sequenceId: number): void {
    const executor = this.#executor.answering(sequenceId);
    if (payload.length === 1) {
      executor.fail(noDatabase());
      return;
    }
    const wrong = wrongName(payload.subarray(1));
    if (wrong !== undefined) {
      executor.fail(wrong);
      return;
    }
    selectTargetSoon(executor, payload.toString("utf8", 1)).then(
      () => executor.ok(),
      (error: unknown) => executor.fail(error),
    );
  }

  #reset(sequenceId: number): void {
    const executor = this.#executor.answering(sequenceId);
    this.#prepared.closeAll();
    executor.state.reset(this.#loginSettings);
    beginSession(executor.state, executor.context, this.#loginSettings, this.#isInteractive);
    void executor.state.holds.releaseAll().then(() => executor.ok());
  }
}

/** The character set a client logs in with; one that MariaDB does not know stands for utf8mb4, as it does there. */
function settingsOf(collationId: number): Settings {
  const collation = collationById(collationId);
  if (collation === undefined || collation.collation.startsWith("utf8mb4_0900")) return Settings.atLogin();
  if (!isTranscoded(collation.charset)) refuseUnreadable(collation.charset);
  return Settings.atLogin({ charset: collation.charset, collation: collation.collation });
}

/** MySQL's lexer takes one NUL behind a statement for its end; clients written in C send it by mistake. */
function withoutEndMark(payload: Buffer): Buffer {
  return payload.length > 1 && payload[payload.length - 1] === 0 ? payload.subarray(0, -1) : payload;
}

/** Why it is not the name of any database; undefined: it may be one. */
function wrongName(name: Buffer): MysqlError | undefined {
  const text = name.toString("utf8");
  if (!isUtf8(name)) {
    const shown = [...name]
      .map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : hexEscape(byte)))
      .join("");
    return new MysqlError(1300, "HY000", `Invalid utf8mb4 character string: '${shown}'`);
  }
  const end = text.indexOf("\0");
  return end < 0 ? undefined : new MysqlError(1102, "42000", `Incorrect database name '${text.slice(0, end)}'`);
}

function hexEscape(byte: number): string {
  return `\\x${byte.toString(16).toUpperCase().padStart(2, "0")}`;
}

function databaseStatement(payload: Buffer): Buffer {
  const verb = payload[0] === COM.CREATE_DB ? "CREATE" : "DROP";
  return comQuery(`${verb} DATABASE ${quoteName(payload.toString("utf8", 1))}`);
}

class ClientsLocks implements LockOwner {
  readonly #connection: ClientConnection;
  readonly #executor: Executor;

  constructor(connection: ClientConnection, executor: Executor) {
    this.#connection = connection;
    this.#executor = executor;
  }

  get connectionId(): number {
    return this.#connection.id;
  }

  get busySinceMs(): number | undefined {
    return this.#connection.idle ? undefined : this.#connection.activity?.sinceMs;
  }

  get inTransaction(): boolean {
    return this.#executor.state.inTransaction;
  }

  interrupt(reason: ShardgateError): void {
    this.#executor.interrupt(reason);
  }
}
