// One connection to a mysqld. mysql2 logs in over a LoginStream; from then on packets move raw: commands are written as
// they come from the gateway, replies are cut by the ReplyScanner without decoding a row and handed to the sink of the
// command they answer. Knows nothing of calls and holds.
//
//   phase:  logging-in ──► ready ──► closed
//   replies arrive in the order of the commands; `#expected` is the queue of their sinks.

import { connect, type Socket } from "node:net";
import { createConnection } from "mysql2";
import { assert } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import { messageOf, MysqlError, ShardgateError } from "../base/errors.ts";
import { type ReplyMode, ReplyScanner } from "../mysql/reply-scanner.ts";
import { COM } from "../mysql/constants.ts";
import { LoginStream } from "./login-stream.ts";
import type { Poolable } from "./pool.ts";
import { PreparedCache } from "./prepared-cache.ts";

export interface MysqldTarget {
  /** Unix socket; wins over host and port. */
  readonly socketPath: string | undefined;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

/** Receives the raw reply to one command. */
export interface RawReplySink {
  /** A part of the reply, `chunk[start, end)`, borrowed until return. Returning false pauses the connection. */
  part(chunk: Buffer, start: number, end: number): boolean;
  /** The reply ends with `tail` (bytes held back so that the last packet is whole) and `chunk[start, end)`; borrowed. */
  end(scanner: ReplyScanner, tail: Buffer | undefined, chunk: Buffer, start: number, end: number): void;
  /** The connection is gone; there will be no (more) reply. */
  lost(error: Error): void;
}

const CONNECT_TIMEOUT_MS = 5_000;
const READ_BUFFER_BYTES = 64 * 1024;
const MAX_PACKET_BYTES = 0xffffff;
/** A packet that is still incomplete at the end of a chunk is held back if it may be a last one (EOF, OK, ERR). */
const HOLD_BACK_BYTES_MAX = 1024;

// Every connection reads into the same buffer: its bytes are consumed before the read callback returns.
const readBuffer = Buffer.allocUnsafeSlow(READ_BUFFER_BYTES);

let nextConnectionNumber = 1;

export class MysqldConnection implements Poolable {
  readonly number = nextConnectionNumber++;
  readonly threadId: number;
  readonly foundRows: boolean;
  readonly createdMs: number;
  /** What SET statement is in force; changed by whoever ran it. */
  settings = "";
  /** What is selected: empty for the login's database. Changed by whoever selects another one. */
  database = "";
  /** How often databases had been made, changed or dropped when it was selected: what a connection knows of it is of then. */
  databaseGeneration = 0;
  /** The client connection it is held for, or was the last time; 0: nobody's. */
  owner = 0;
  /** The time that NOW() is set to, in microseconds; 0: none. Changed by whoever set it. */
  nowUs = 0;
  /** An XA transaction may be prepared here. */
  hasPreparedXa = false;
  /** Statements have left state here that only a reset removes. */
  leftState = false;
  /** What is prepared here; changed by whoever prepares, closes and resets. */
  readonly prepared = new PreparedCache();
  readonly #socket: Socket;
  readonly #scanner = new ReplyScanner();
  #expected: RawReplySink[] = [];
  /** How the reply of each expected command is framed. */
  #modes: ReplyMode[] = [];
  #heldBack: Buffer | undefined;
  #closed = false;
  #onClosed: (connection: MysqldConnection) => void;

  private constructor(
    socket: Socket,
    threadId: number,
    foundRows: boolean,
    createdMs: number,
    onClosed: (connection: MysqldConnection) => void,
  ) {
    this.#socket = socket;
    this.threadId = threadId;
    this.foundRows = foundRows;
    this.createdMs = createdMs;
    this.#onClosed = onClosed;
  }

  /**
   * Connects and logs in. Throws SHARD_UNAVAILABLE when the mysqld cannot be reached and its own error when it refuses
   * the login. `onClosed` is called once, when the connection has ended for whatever reason.
   */
  static async open(
    target: MysqldTarget,
    foundRows: boolean,
    clock: Clock,
    onClosed: (connection: MysqldConnection) => void,
  ): Promise<MysqldConnection> {
    let connection: MysqldConnection | undefined;
    const stream = new LoginStream();
    const onread = {
      buffer: readBuffer,
      callback: (bytes: number): boolean => {
        if (connection === undefined) stream.received(readBuffer.subarray(0, bytes));
        else connection.#received(bytes);
        return true;
      },
    };
    const socket =
      target.socketPath === undefined
        ? connect({ host: target.host, port: target.port, noDelay: true, onread })
        : connect({ path: target.socketPath, onread });
    stream.attach(socket);
    try {
      const threadId = await logIn(socket, stream, target, foundRows);
      connection = new MysqldConnection(socket, threadId, foundRows, clock.nowMs(), onClosed);
      const opened = connection;
      socket.removeAllListeners();
      socket.on("error", (error) => opened.#break(error));
      socket.on("close", () => opened.#break(undefined));
      return connection;
    } catch (error) {
      socket.on("error", () => {});
      socket.destroy();
      throw error;
    } finally {
      stream.removeAllListeners();
      stream.on("error", () => {});
    }
  }

  get usable(): boolean {
    return !this.#closed && this.#expected.length === 0;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Sends COM payloads, each with the sink of its reply, in one write. The payloads are copied. */
  send(payloads: readonly Buffer[], sinks: readonly RawReplySink[]): void {
    assert(payloads.length === sinks.length, "a sink for each command");
    if (this.#closed) {
      for (const sink of sinks) sink.lost(connectionLost(undefined));
      return;
    }
    if (this.#expected.length === 0 && payloads[0] !== undefined) this.#scanner.reset(modeOf(payloads[0]));
    for (const [i, sink] of sinks.entries()) {
      this.#expected.push(sink);
      this.#modes.push(modeOf(payloads[i]));
    }
    this.#socket.write(frameAll(payloads));
  }

  /** Sends a command that has no reply (COM_STMT_CLOSE). */
  tell(payload: Buffer): void {
    if (!this.#closed) this.#socket.write(frameAll([payload]));
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Closes at once; commands under way are lost. */
  close(): void {
    if (this.#closed) return;
    // COM_QUIT lets the mysqld log a clean end. Its own end of the connection is not waited for: it may be stopped.
    if (this.#expected.length === 0) {
      this.#socket.write(Buffer.from([1, 0, 0, 0, 1]));
      this.#socket.destroySoon();
    } else this.#socket.destroy();
    this.#break(undefined);
  }

  #received(bytes: number): void {
    let at = 0;
    while (at < bytes) {
      const sink = this.#expected[0];
      if (sink === undefined) {
        // An unasked-for packet is the mysqld's farewell (1927 "Connection was killed", shutdown).
        this.#socket.destroy();
        this.#break(undefined);
        return;
      }
      const scanner = this.#scanner;
      let end: number;
      try {
        end = at + scanner.feed(readBuffer, at, bytes);
      } catch (error) {
        this.#socket.destroy();
        this.#break(error instanceof Error ? error : undefined);
        return;
      }
      if (scanner.ended) {
        this.#expected.shift();
        this.#modes.shift();
        const tail = this.#heldBack;
        this.#heldBack = undefined;
        sink.end(scanner, tail, readBuffer, at, end);
        scanner.reset(this.#modes[0] ?? "query");
      } else {
        const partialBytes = scanner.atPacketBoundary ? 0 : scanner.replyBytes - scanner.lastPacketOffset;
        this.#pass(sink, at, end, partialBytes);
      }
      at = end;
    }
  }

  /** Hands on what is complete; a short incomplete packet at the end waits for its rest. */
  #pass(sink: RawReplySink, start: number, end: number, partialBytes: number): void {
    const held = this.#heldBack;
    const holdBack = partialBytes <= HOLD_BACK_BYTES_MAX;
    if (holdBack && held !== undefined && partialBytes >= held.length + end - start) {
      this.#heldBack = Buffer.concat([held, readBuffer.subarray(start, end)]);
      return;
    }
    let more = true;
    if (held !== undefined) {
      this.#heldBack = undefined;
      more = sink.part(held, 0, held.length);
    }
    const passEnd = holdBack ? end - partialBytes : end;
    if (passEnd > start) more = sink.part(readBuffer, start, passEnd) && more;
    if (passEnd < end) this.#heldBack = Buffer.from(readBuffer.subarray(passEnd, end));
    if (!more) this.#socket.pause();
  }

  #break(error: Error | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    const sinks = this.#expected;
    this.#expected = [];
    for (const sink of sinks) sink.lost(connectionLost(error));
    this.#onClosed(this);
  }
}

function modeOf(payload: Buffer | undefined): ReplyMode {
  switch (payload?.[0]) {
    case COM.STMT_EXECUTE:
      return "execute";
    case COM.STMT_PREPARE:
      return "prepare";
    case COM.FIELD_LIST:
      return "fields";
    default:
      return "query";
  }
}

/** COM payloads as frames, each with sequence id 0; payloads of 16 MiB and more are split as the protocol says. */
function frameAll(payloads: readonly Buffer[]): Buffer {
  let total = 0;
  for (const payload of payloads) total += payload.length + 4 * (Math.floor(payload.length / MAX_PACKET_BYTES) + 1);
  const out = Buffer.allocUnsafe(total);
  let at = 0;
  for (const payload of payloads) {
    let from = 0;
    let sequenceId = 0;
    for (;;) {
      const bytes = Math.min(payload.length - from, MAX_PACKET_BYTES);
      at = out.writeUIntLE(bytes, at, 3);
      at = out.writeUInt8(sequenceId++ & 0xff, at);
      at += payload.copy(out, at, from, from + bytes);
      from += bytes;
      if (bytes < MAX_PACKET_BYTES) break;
    }
  }
  return out;
}

function logIn(socket: Socket, stream: LoginStream, target: MysqldTarget, foundRows: boolean): Promise<number> {
  return new Promise((resolve, reject) => {
    const where = target.socketPath ?? `${target.host}:${target.port}`;
    const fail = (error: NodeJS.ErrnoException & { sqlState?: string }): void => {
      clearTimeout(timer);
      if (error.errno !== undefined && error.errno > 0 && error.sqlState !== undefined) {
        reject(new MysqlError(error.errno, error.sqlState.replace("#", ""), error.message));
      } else {
        const text = `mysqld at ${where} cannot be reached: ${messageOf(error)}`;
        reject(new ShardgateError("SHARD_UNAVAILABLE", text, error));
      }
    };
    const timer = setTimeout(() => fail(new Error(`no login within ${CONNECT_TIMEOUT_MS} ms`)), CONNECT_TIMEOUT_MS);
    socket.on("error", fail);
    socket.on("close", () => fail(new Error("connection closed during login")));
    const login = createConnection({
      stream,
      user: target.user,
      password: target.password,
      database: target.database,
      charset: "UTF8MB4_GENERAL_CI",
      connectTimeout: CONNECT_TIMEOUT_MS,
      flags: [
        foundRows ? "+FOUND_ROWS" : "-FOUND_ROWS",
        "-SESSION_TRACK",
        "-CLIENT_QUERY_ATTRIBUTES",
        "-QUERY_ATTRIBUTES",
        "-LOCAL_FILES",
        "-IGNORE_SPACE",
        "-ODBC",
        "-CONNECT_ATTRS",
        "PS_MULTI_RESULTS",
      ],
    });
    login.once("connect", () => {
      clearTimeout(timer);
      resolve(login.threadId);
    });
    login.on("error", fail);
  });
}

function connectionLost(cause: Error | undefined): ShardgateError {
  return new ShardgateError("SHARD_CONNECTION_LOST", "lost connection to the shard's mysqld during the query", cause);
}
