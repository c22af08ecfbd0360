// All client connections of a gateway: who may still come (in total, of one user, before logging in), the sweep that ends
// what has lasted too long, and the drain. Knows connections and their users, not what sessions do.
//
// As MySQL does, one connection more than the limit is let in to log in, for administrators alone; and what has not logged in
// is bounded apart: beyond that bound the oldest that has not said a word makes room, so that a flood of them hinders nobody.

import type { Socket } from "node:net";
import type { SecureContext } from "node:tls";
import { type Clock, sleep, type Timer } from "../../base/clock.ts";
import { ERRORS, ShardgateError } from "../../base/errors.ts";
import { LIMITS } from "../../base/limits.ts";
import { writeFrame } from "../../mysql/frame.ts";
import { encodeErrBeforeGreeting } from "../../mysql/packets/err.ts";
import type { Login } from "../../mysql/server-handshake.ts";
import { ClientConnection, type ClientConnectionOptions, type CommandHandler } from "./client-connection.ts";
import { isAdmin, type User } from "../access/users.ts";

export interface ClientLimits {
  readonly connectionsMax: number;
  /** Of one user, unless the users file says otherwise; 0: any number. */
  readonly userConnectionsMax: number;
  /** Largest statement. */
  readonly packetBytesMax: number;
  readonly loginTimeoutMs: number;
  /** A client may stop in the middle of a packet for so long. */
  readonly readTimeoutMs: number;
}

export interface ConnectionTotals {
  readonly accepted: number;
  /** For want of room. */
  readonly refused: number;
  /** Closed before they had logged in. */
  readonly unknown: number;
  /** Closed without a goodbye (COM_QUIT). */
  readonly aborted: number;
  /** So many were open at once. */
  readonly most: number;
  /** Bytes from clients and to them. */
  readonly received: number;
  readonly sent: number;
}

/** Counts over all processes that share the clients; a connection takes a seat for its user when its password was right. */
export interface SharedSeats {
  take(user: string): Promise<Seat>;
  leave(user: string): void;
}

/** A connection of one of several processes. */
export interface SharedConnection {
  /** Of all processes, with this one. */
  readonly connections: number;
  /** To be called when it is closed. */
  closed(): void;
}

interface Seat {
  /** Of all processes, logged in or not. */
  readonly connections: number;
  /** Logged in as the user, with this one. */
  readonly ofUser: number;
}

export interface ClientConnectionsOptions<Handler extends CommandHandler>
  extends Pick<
    ClientConnectionOptions,
    "serverVersion" | "users" | "tlsRequired" | "rsaKeys" | "proxyNetworks" | "beforeSession" | "clock" | "log"
  > {
  readonly limits: ClientLimits;
  /** Undefined: nobody else has connections. */
  readonly seats?: SharedSeats | undefined;
  /** Of the next connection. */
  tls(): SecureContext | undefined;
  takeId(): number;
  giveBackId(connectionId: number): void;
  /** Throws what refuses the client (1044, 1049). */
  openSession(connection: ClientConnection, login: Login<User>): Handler;
}

/** Clients that look a second after their wait_timeout find themselves closed, as with a server. */
const SWEEP_MS = 250;
const DRAIN_POLL_MS = 10;
/** For the answers of statements that a drain has stopped. */
const FAREWELL_MS = 2_000;
/** Clients that never pause are ended behind an answer so long before what is under way is stopped. */
const LAST_CALL_MS = 1_000;
/** A client that has said nothing for so long may have to go for another one. */
const SILENT_MS = 1_000;

export class ClientConnections<Handler extends CommandHandler> {
  readonly #options: ClientConnectionsOptions<Handler>;
  /** Undefined until a connection has logged in. In the order they came. */
  readonly #handlers = new Map<ClientConnection, Handler | undefined>();
  /** Those that have not logged in, the oldest first. */
  readonly #unknown = new Set<ClientConnection>();
  readonly #perUser = new Map<string, number>();
  /** Of connections that are closed. */
  readonly #past = { accepted: 0, refused: 0, unknown: 0, aborted: 0, most: 0, received: 0, sent: 0 };
  #sweeping: Timer | undefined;
  #leaving: ShardgateError | undefined;

  constructor(options: ClientConnectionsOptions<Handler>) {
    this.#options = options;
    this.#planSweep();
  }

  get size(): number {
    return this.#handlers.size;
  }

  /** Since the gateway started. */
  get totals(): ConnectionTotals {
    const totals = { ...this.#past };
    for (const { bytes } of this.#handlers.keys()) {
      totals.received += bytes.received;
      totals.sent += bytes.sent;
    }
    return totals;
  }

  /** Of those that have logged in. */
  sessions(): Handler[] {
    return [...this.#handlers].flatMap(([connection, handler]) =>
      handler === undefined || connection.isOver ? [] : handler,
    );
  }

  accept(socket: Socket, isUnixSocket: boolean, shared?: SharedConnection): void {
    const { limits, proxyNetworks, clock, log } = this.#options;
    const { serverVersion, users, tlsRequired, rsaKeys } = this.#options;
    if (!this.#hasRoom(shared === undefined ? this.#handlers.size : shared.connections - 1)) {
      if (shared !== undefined) socket.once("close", () => shared.closed());
      this.#past.refused++;
      socket.on("error", () => {});
      socket.end(writeFrame(encodeErrBeforeGreeting(ERRORS.ER_CON_COUNT.errno, TOO_MANY), 0));
      // Whoever reads nothing, and sends nothing, would keep it open.
      socket.setTimeout(limits.loginTimeoutMs, () => socket.destroy());
      return;
    }
    this.#past.accepted++;
    const refusal = this.#leaving;
    let user: string | undefined;
    const seating = this.#options.seats === undefined ? undefined : new Seating(this.#options.seats);
    const connection = new ClientConnection(socket, {
      connectionId: this.#options.takeId(),
      serverVersion,
      users,
      isUnixSocket,
      proxyNetworks,
      tls: this.#options.tls(),
      tlsRequired,
      rsaKeys,
      packetBytesMax: limits.packetBytesMax,
      loginTimeoutMs: limits.loginTimeoutMs,
      readTimeoutMs: limits.readTimeoutMs,
      beforeSession: (login) => {
        const waited = this.#options.beforeSession(login);
        if (seating === undefined) return waited;
        return Promise.all([waited, seating.sit(login.account.user)]).then(() => undefined);
      },
      clock,
      log,
      openSession: (client, login) => {
        // After COM_CHANGE_USER.
        if (user !== undefined) this.#userLeft(user);
        user = undefined;
        if (refusal !== undefined) throw refusal;
        this.#admit(login.account, seating?.seat);
        const handler = this.#options.openSession(client, login);
        user = login.account.user;
        this.#perUser.set(user, (this.#perUser.get(user) ?? 0) + 1);
        this.#handlers.set(client, handler);
        this.#unknown.delete(client);
        return handler;
      },
      closed: (client) => {
        this.#options.giveBackId(client.id);
        seating?.end();
        shared?.closed();
        if (this.#handlers.delete(client)) {
          this.#past.received += client.bytes.received;
          this.#past.sent += client.bytes.sent;
        }
        this.#unknown.delete(client);
        if (user === undefined) this.#past.unknown++;
        else {
          this.#userLeft(user);
          if (!client.hasQuit) this.#past.aborted++;
        }
      },
    });
    this.#handlers.set(connection, undefined);
    this.#past.most = Math.max(this.#past.most, this.#handlers.size);
    this.#unknown.add(connection);
  }

  /**
   * Ends them all: those that pause, others when their statement and their transaction have ended and no next one comes;
   * what is left after `graceMs` is stopped, with `goodbye` as the answer. Whoever connects meanwhile is refused with it.
   */
  async drain(goodbye: ShardgateError, graceMs: number): Promise<void> {
    const { clock } = this.#options;
    this.#leaving = goodbye;
    const endMs = clock.nowMs() + graceMs;
    const lastCallMs = endMs - Math.min(LAST_CALL_MS, graceMs / 4);
    for (let nowMs = clock.nowMs(); this.#handlers.size > 0 && nowMs < endMs; nowMs = clock.nowMs()) {
      for (const connection of this.#handlers.keys()) {
        connection.leave(goodbye, LIMITS.drainQuietMs);
        if (nowMs >= lastCallMs) connection.lastCall(goodbye);
      }
      await sleep(clock, DRAIN_POLL_MS);
    }
    for (const connection of this.#handlers.keys()) connection.interrupt(goodbye);
    await this.#emptyWithin(FAREWELL_MS, clock);
    for (const connection of this.#handlers.keys()) connection.destroy();
    this.#sweeping?.cancel();
  }

  /** Makes room for one more if that can be done. */
  #hasRoom(connections: number): boolean {
    const { limits } = this.#options;
    if (this.#unknown.size >= LIMITS.unknownConnectionsMax) {
      const [oldest] = this.#unknown;
      (this.#silent(0) ?? oldest)?.destroy();
    }
    if (connections <= limits.connectionsMax) return true;
    const silent = this.#silent(SILENT_MS);
    silent?.destroy();
    return silent !== undefined;
  }

  /** The oldest that has not said a word, if it came so long ago. */
  #silent(sinceMs: number): ClientConnection | undefined {
    const latestMs = this.#options.clock.nowMs() - sinceMs;
    for (const connection of this.#unknown) {
      if ((connection.loginSinceMs ?? Number.POSITIVE_INFINITY) > latestMs) return undefined;
      if (connection.isSilent) return connection;
    }
    return undefined;
  }

  /** Throws 1040, 1203, 1226. */
  #admit(account: User, seat: Seat | undefined): void {
    const { connectionsMax, userConnectionsMax } = this.#options.limits;
    const connections = seat?.connections ?? this.#handlers.size;
    if (connections > connectionsMax && !isAdmin(account)) throw new ShardgateError("ER_CON_COUNT", TOO_MANY);
    const { user, maxConnections } = account;
    const open = seat === undefined ? (this.#perUser.get(user) ?? 0) : seat.ofUser - 1;
    if (maxConnections !== undefined) {
      if (open < maxConnections) return;
      const text = `User '${user}' has exceeded the 'max_user_connections' resource (current value: ${maxConnections})`;
      throw new ShardgateError("ER_USER_LIMIT_REACHED", text);
    }
    if (userConnectionsMax === 0 || open < userConnectionsMax) return;
    const text = `User ${user} already has more than 'max_user_connections' active connections`;
    throw new ShardgateError("ER_TOO_MANY_USER_CONNECTIONS", text);
  }

  #userLeft(user: string): void {
    const left = (this.#perUser.get(user) ?? 1) - 1;
    if (left === 0) this.#perUser.delete(user);
    else this.#perUser.set(user, left);
  }

  async #emptyWithin(waitMs: number, clock: Clock): Promise<void> {
    const deadline = clock.nowMs() + waitMs;
    while (this.#handlers.size > 0 && clock.nowMs() < deadline) await sleep(clock, DRAIN_POLL_MS);
  }

  #planSweep(): void {
    const { clock } = this.#options;
    this.#sweeping = clock.after(SWEEP_MS, () => {
      const nowMs = clock.nowMs();
      for (const connection of this.#handlers.keys()) connection.sweep(nowMs);
      this.#planSweep();
    });
  }
}

/** The seat of one connection; another user's after COM_CHANGE_USER. */
class Seating {
  readonly #seats: SharedSeats;
  #user: string | undefined;
  #seat: Seat | undefined;
  #ended = false;

  constructor(seats: SharedSeats) {
    this.#seats = seats;
  }

  get seat(): Seat | undefined {
    return this.#seat;
  }

  /** Never rejects: without an answer the process ends. */
  async sit(user: string): Promise<void> {
    this.#leave();
    this.#user = user;
    this.#seat = await this.#seats.take(user);
    if (this.#ended) this.#leave();
  }

  end(): void {
    this.#ended = true;
    if (this.#seat !== undefined) this.#leave();
  }

  #leave(): void {
    if (this.#user !== undefined) this.#seats.leave(this.#user);
    this.#user = undefined;
    this.#seat = undefined;
  }
}

const TOO_MANY = "Too many connections";
