// Client connections of a gateway without a gateway behind them: real sockets, real logins, and a session that answers a
// few words instead of SQL. `say N` gives one row of N bytes, `size '…'` tells a statement's length, `wait` is answered when
// it is interrupted, `file` takes packets up to an empty one and tells their bytes, `begin` and `commit` are a transaction,
// all else is OK.

import { createConnection, type Connection, type ConnectionOptions } from "mysql2/promise";
import { type Clock, systemClock } from "../../../src/base/clock.ts";
import { ShardgateError } from "../../../src/base/errors.ts";
import { type Log, silentLog } from "../../../src/base/log.ts";
import type { ClientConnection, CommandHandler } from "../../../src/gateway/client/client-connection.ts";
import {
  ClientConnections,
  type ClientConnectionsOptions,
  type ClientLimits,
} from "../../../src/gateway/client/client-connections.ts";
import { type Listener, listenTcp, listenUnix } from "../../../src/base/listen.ts";
import { NO_PROXIES, type ProxyNetworks } from "../../../src/gateway/client/proxy-protocol.ts";
import { defaultUsers, type User, Users } from "../../../src/gateway/access/users.ts";
import { COM, MARIADB_CLIENT } from "../../../src/mysql/constants.ts";
import { writeFrame } from "../../../src/mysql/frame.ts";
import { encodeErrOf } from "../../../src/mysql/packets/err.ts";
import { encodeOk, okPacket } from "../../../src/mysql/packets/ok.ts";
import { textColumn, writeResultSet } from "../../../src/mysql/result-writer.ts";
import type { Login } from "../../../src/mysql/server-handshake.ts";

export interface BedOptions {
  readonly clock?: Clock;
  readonly limits?: Partial<ClientLimits>;
  readonly users?: Users;
  readonly proxyNetworks?: ProxyNetworks;
  readonly unixSocket?: string;
  readonly idleTimeoutMs?: number;
  readonly idleError?: ShardgateError;
  readonly log?: Log;
  readonly tls?: ClientConnectionsOptions<TestSession>["tls"];
}

export interface Bed {
  readonly port: number;
  readonly connections: ClientConnections<TestSession>;
  connect(options?: ConnectionOptions): Promise<Connection>;
  close(): Promise<void>;
}

export class TestSession implements CommandHandler {
  inTransaction = false;
  idleTimeoutMs: number;
  readonly idleError: ShardgateError | undefined;
  readonly connection: ClientConnection;
  readonly login: Login<User>;
  /** Commands that have been answered. */
  answers = 0;
  #waiting: number | undefined;

  constructor(connection: ClientConnection, login: Login<User>, { idleTimeoutMs = 0, idleError }: BedOptions) {
    this.connection = connection;
    this.login = login;
    this.idleTimeoutMs = idleTimeoutMs;
    this.idleError = idleError;
  }

  get isWaiting(): boolean {
    return this.#waiting !== undefined;
  }

  command(payload: Buffer, sequenceId: number): void {
    const { connection } = this;
    const sql = payload[0] === COM.QUERY ? payload.toString("latin1", 1, 40) : "";
    if (payload[0] === COM.QUIT) {
      connection.quit();
      return;
    }
    if (sql === "wait") {
      this.#waiting = sequenceId;
      return;
    }
    if (sql === "file") {
      void this.#takeFile(sequenceId);
      return;
    }
    if (sql === "begin" || sql === "commit") this.inTransaction = sql === "begin";
    const said = /^say (\d+)/.exec(sql)?.[1];
    const cell = said === undefined ? undefined : textOf(Number(said));
    if (cell !== undefined) this.#answerCell(cell, sequenceId);
    else if (sql.startsWith("size")) this.#answerCell(String(payload.length - 1), sequenceId);
    else if (sql === "where") this.#answerCell(`${this.login.account.user}@${connection.peer}`, sequenceId);
    else connection.write(writeFrame(encodeOk(okPacket(), connection.capabilities), sequenceId + 1));
    connection.commandDone();
  }

  interrupt(reason: ShardgateError): void {
    if (this.#waiting === undefined) return;
    this.connection.write(writeFrame(encodeErrOf(reason), this.#waiting + 1));
    this.#waiting = undefined;
    this.connection.commandDone();
  }

  answered(): void {
    this.answers++;
  }

  disconnected(): void {
    this.#waiting = undefined;
  }

  async #takeFile(sequenceId: number): Promise<void> {
    this.connection.write(writeFrame(Buffer.from("\u00fbname", "latin1"), sequenceId + 1));
    let bytes = 0;
    for (;;) {
      const packet = await this.connection.nextPacket();
      if (packet === undefined) return;
      bytes += packet.payload.length;
      // Whoever writes rows takes their time.
      await new Promise((resolve) => setImmediate(resolve));
      if (packet.payload.length > 0) continue;
      this.#answerCell(String(bytes), packet.sequenceId);
      this.connection.commandDone();
      return;
    }
  }

  #answerCell(cell: string, sequenceId: number): void {
    const { capabilities } = this.connection;
    // No edge is in front of it that makes definitions what the client has agreed to.
    const isExtended = (this.login.mariadbCapabilities & MARIADB_CLIENT.EXTENDED_METADATA) !== 0;
    const column = isExtended ? { ...textColumn("v"), extended: Buffer.alloc(0) } : textColumn("v");
    const result = { columns: [column], rows: [[cell]] };
    this.connection.write(writeResultSet(result, { capabilities, sequenceId: sequenceId + 1 }));
  }
}

export async function startBed(options: BedOptions = {}): Promise<Bed> {
  let connectionId = 0;
  const connections: ClientConnections<TestSession> = new ClientConnections<TestSession>({
    limits: {
      connectionsMax: 10_000,
      userConnectionsMax: 0,
      packetBytesMax: 64 * 1024 * 1024,
      loginTimeoutMs: 10_000,
      readTimeoutMs: 30_000,
      ...options.limits,
    },
    serverVersion: "10.11.0-MariaDB-shardgate",
    users: options.users ?? new Users(defaultUsers()),
    tlsRequired: false,
    rsaKeys: undefined,
    proxyNetworks: options.proxyNetworks ?? NO_PROXIES,
    tls: options.tls ?? (() => undefined),
    takeId: () => ++connectionId,
    giveBackId: () => undefined,
    beforeSession: () => undefined,
    openSession: (connection, login) => new TestSession(connection, login, options),
    clock: options.clock ?? systemClock,
    log: options.log ?? silentLog,
  });
  const listeners: Listener[] = [
    await listenTcp("127.0.0.1:0", (socket) => connections.accept(socket, false), silentLog),
  ];
  if (options.unixSocket !== undefined) {
    listeners.push(
      await listenUnix(options.unixSocket, 0o700, (socket) => connections.accept(socket, true), silentLog),
    );
  }
  const port = Number(listeners[0]?.address.split(":")[1]);
  const open: Connection[] = [];
  return {
    port,
    connections,
    async connect(wanted = {}) {
      const connection = await createConnection({ host: "127.0.0.1", port, user: "root", ...wanted });
      connection.on("error", () => {});
      open.push(connection);
      return connection;
    },
    async close() {
      for (const connection of open) connection.destroy();
      const closed = listeners.map((listener) => listener.close());
      await connections.drain(new ShardgateError("ER_SERVER_SHUTDOWN", "Server shutdown in progress"), 0);
      await Promise.all(closed);
    },
  };
}

/** What `say` answers: neither all alike nor random. */
export function textOf(bytes: number): string {
  const line = "The quick brown fox jumps over the lazy dog, 0123456789 times. ";
  return line.repeat(Math.ceil(bytes / line.length)).slice(0, bytes);
}

export async function eventually(holds: () => boolean | Promise<boolean>, withinMs = 60_000): Promise<void> {
  const startMs = performance.now();
  for (let waitMs = 0; !(await holds()); waitMs = Math.min(20, waitMs + 1)) {
    if (performance.now() - startMs > withinMs) throw new Error(`not within ${withinMs} ms: ${String(holds)}`);
    await new Promise((resolve) => {
      setTimeout(resolve, waitMs);
    });
  }
}
