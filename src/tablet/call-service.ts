// Serves the calls of one gateway: takes a pooled or held connection for each (`call.ts`), and sees to it afterwards. Holds
// (transactions, reserved connections) belong to the gateway's stream: when it closes they are rolled back at once.

import { assertNever } from "../base/assert.ts";
import { interrupted, ShardgateError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { withoutUserVariables } from "../base/settings-text.ts";
import { joinStatements, splitStatementList } from "../base/statement-list.ts";
import type { CallHandler, CallServer } from "../rpc/call-server.ts";
import { failDetailsOf } from "../rpc/fail-details.ts";
import { type ConcludeOp, EMPTY, type ExecuteRequest, type ReplyEnd } from "../rpc/frame.ts";
import { Call, type CallServiceDeps } from "./call.ts";
import { COM_RESET_CONNECTION, initDb, LOGIN_NAMES, query } from "./mysqld-commands.ts";
import type { MysqldConnection } from "./mysqld-connection.ts";
import { changesDatabases, changesDefinitions } from "./definition-statement.ts";
import type { Pool } from "./pool.ts";
import { runAll } from "./reply-sinks.ts";

/** Everything that is under way on one tablet, for health and for drain. */
export interface CallCounts {
  calls: number;
  holds: number;
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

/** Whatever completion_type says. */
const COMMIT = "COMMIT AND NO CHAIN NO RELEASE";
const ROLLBACK = "ROLLBACK AND NO CHAIN NO RELEASE";
const XA_PREPARE = "XA PREPARE";
const TICK_MS = 50;
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
    const cancelled = interrupted();
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
    call.trace?.end();
    if (connection === undefined) return 0;
    const { holdId, leavesState, payload } = call.request;
    if (changesDefinitions(payload)) {
      if (changesDatabases(payload)) this.#deps.databasesChanged();
      this.#deps.definitionsChanged(call.request.database ?? "");
    }
    connection.leftState ||= leavesState;
    if (leavesState) connection.settings = withoutUserVariables(connection.settings);
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
    const { database } = connection;
    // A reset leaves @@collation_database at the server's own.
    const selected = initDb(database === "" ? this.#deps.databases.own : database);
    runAll(connection, [COM_RESET_CONNECTION, LOGIN_NAMES, selected], (error) => {
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

function transactionGone(): ShardgateError {
  return new ShardgateError(
    "TRANSACTION_LOST",
    "transaction rolled back: its connection to the shard was lost; try restarting transaction",
  );
}
