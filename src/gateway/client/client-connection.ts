// One client's socket: login, cutting packets, one command at a time, writing with back-pressure. What a command means is
// the session's business; what a login is worth is the handshake machine's.
//
//   phase:  login ──accepted──► ready ◄──► executing          any ──► closed
//             ▲──COM_CHANGE_USER──┘
//   While executing, further commands wait in the PacketReader, and the socket is paused once enough of them wait. So they
//   do while the client does not take its answers: what it has not read is bounded.
//   Deadlines are looked at by a sweep over all connections: an idle one has no timer.

import type { Socket } from "node:net";
import { TLSSocket, type SecureContext } from "node:tls";
import { assertNever } from "../../base/assert.ts";
import type { Clock } from "../../base/clock.ts";
import { messageOf, ShardgateError } from "../../base/errors.ts";
import { LIMITS } from "../../base/limits.ts";
import type { Log } from "../../base/log.ts";
import type { Output } from "../../engine/output.ts";
import { compressionFor } from "../../mysql/compression.ts";
import { CLIENT, COM, SERVER } from "../../mysql/constants.ts";
import { writeFrame } from "../../mysql/frame.ts";
import { PacketReader } from "../../mysql/packet-reader.ts";
import { type ChangeUser, decodeCommand, withoutQueryAttributes } from "../../mysql/packets/command.ts";
import { encodeErrOf } from "../../mysql/packets/err.ts";
import { encodeOk, okPacket, schemaChange } from "../../mysql/packets/ok.ts";
import { type HandshakeEvent, type Login, ServerHandshake } from "../../mysql/server-handshake.ts";
import { addressText, peerAddress, proxiedAddress } from "./client-address.ts";
import { CompressedStream } from "./compressed-stream.ts";
import { LoginOrigin } from "./login-origin.ts";
import { type ProxyNetworks, readProxyHeader } from "./proxy-protocol.ts";
import type { ClientPacket } from "./executor-client.ts";
import type { User, Users } from "../access/users.ts";

export interface ClientConnectionOptions {
  readonly connectionId: number;
  readonly serverVersion: string;
  readonly users: Users;
  /** The listener is a Unix socket. */
  readonly isUnixSocket: boolean;
  readonly proxyNetworks: ProxyNetworks;
  /** The certificate in force; undefined: clients cannot use TLS. */
  readonly tls: SecureContext | undefined;
  readonly tlsRequired: boolean;
  readonly rsaKeys: { readonly publicKeyPem: string; readonly privateKeyPem: string } | undefined;
  readonly packetBytesMax: number;
  readonly loginTimeoutMs: number;
  /** A client that stops in the middle of a packet, or of its file, is closed after so long. */
  readonly readTimeoutMs: number;
  readonly clock: Clock;
  readonly log: Log;
  /** What has to be waited for before the session can be made; undefined: nothing. Never rejects. */
  beforeSession(login: Login<User>): Promise<void> | undefined;
  /** Makes the session of a client whose password was right. Throws what refuses it (1049, 1040, 1203). */
  openSession(connection: ClientConnection, login: Login<User>): CommandHandler;
  closed(connection: ClientConnection): void;
}

/** Takes commands one at a time and calls `connection.commandDone()` after each. */
export interface CommandHandler {
  /** `payload` is the packet without its header; owned. An answer's first packet has `sequenceId + 1`. */
  command(payload: Buffer, sequenceId: number): void;
  /** The COM_QUERY that is its next command, as it came from a client with CLIENT_QUERY_ATTRIBUTES. Borrowed. */
  queryAttributes?(packet: Buffer): void;
  /** Its command is answered, after `ms` milliseconds. */
  answered(ms: number): void;
  /**
   * The client is gone, or another user's from now on: whatever is under way is to be stopped, and what is held given
   * back. Never rejects.
   */
  disconnected(): void | Promise<void>;
  /** Stops what is under way, for good; it is still answered. */
  interrupt(reason: ShardgateError): void;
  /** A transaction is open: a gateway that drains waits for its end. */
  readonly inTransaction: boolean;
  /** The database that is selected; empty: none. */
  readonly database?: string;
  /** A client without a command for so long is to go; 0: never. */
  readonly idleTimeoutMs: number;
  /** SERVER_STATUS_* as the session begins; undefined: it is in autocommit mode. */
  readonly statusFlags?: number;
  /** Its max_allowed_packet; undefined: the listener's. */
  readonly packetBytesMax?: number;
  /** What such a client is told; undefined: nothing. */
  readonly idleError: ShardgateError | undefined;
}

type Phase =
  | { readonly kind: "login"; readonly handshake: ServerHandshake<User>; readonly startMs: number }
  | {
      readonly kind: "ready";
      readonly handler: CommandHandler;
      readonly sinceMs: number;
      readonly idleSinceMs: number;
    }
  | {
      readonly kind: "executing";
      readonly handler: CommandHandler;
      readonly sinceMs: number;
      /** The command's packet. */
      readonly payload: Buffer;
    }
  | { readonly kind: "closed" };

/** What may follow a command, or wait while a password is checked. */
const PIPELINED_BYTES_MAX = 1024 * 1024;
/** A closed connection on which nothing moves for so long is cut, and any after a while. */
const LINGER_MS = 1_000;
const LINGER_MAX_MS = 60_000;
const STATEMENT_ID_MAX = 0x7fff_ffff;
/** Of one connection, as in MariaDB. */
const FAILED_CHANGES_MAX = 3;
/** The proxy header, until it is seen whether there is one. */
const UNDECIDED = { kind: "undecided", received: Buffer.alloc(0) } as const;
const DECIDED = { kind: "decided" } as const;

type Proxied = { readonly kind: "undecided"; readonly received: Buffer } | { readonly kind: "decided" };

export class ClientConnection implements Output {
  readonly id: number;
  readonly #options: ClientConnectionOptions;
  readonly #reader = new PacketReader(LIMITS.handshakePacketBytesMax);
  /** What bytes travel on, also under TLS. */
  readonly #wire: Socket;
  #socket: Socket;
  #phase: Phase;
  readonly #origin: LoginOrigin;
  #proxied: Proxied = UNDECIDED;
  #compressed: CompressedStream | undefined;
  #capabilities = 0;
  /** Of the login, for COM_CHANGE_USER. */
  #handshake: ServerHandshake<User> | undefined;
  /** What goes on if the COM_CHANGE_USER under way fails: MariaDB keeps the user, MySQL ends the connection. */
  #keeping: { readonly database: string } | undefined;
  #failedChanges = 0;
  #drains: (() => void)[] = [];
  #hasQuit = false;
  #statementId = 0;
  #fileWaiter: ((packet: ClientPacket | undefined) => void) | undefined;
  /** True while the command loop runs: commandDone() then only has to flip the phase. */
  #looping = false;
  #paused = false;
  #ending = false;
  /** The command that was under way when the client went: it ends, and counts, later. */
  #left: { readonly handler: CommandHandler; readonly sinceMs: number } | undefined;
  /** Of a packet that has not arrived whole, at the last sweep. */
  #lastRead: { readonly bytesRead: number; readonly sinceMs: number } | undefined;
  /** With which a drain ends it behind the next answer, once it has no transaction. */
  #leaving: ShardgateError | undefined;

  constructor(socket: Socket, options: ClientConnectionOptions) {
    this.id = options.connectionId;
    this.#options = options;
    this.#wire = socket;
    this.#socket = socket;
    this.#origin = new LoginOrigin(options, peerAddress(socket, options.isUnixSocket));
    const handshake = new ServerHandshake<User>(this.#origin);
    this.#phase = { kind: "login", handshake, startMs: options.clock.nowMs() };
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 60_000);
    this.#listen(socket);
    socket.write(handshake.greet());
  }

  /** host:port of the client, whoever passes it on, or "localhost" for a Unix socket. */
  get peer(): string {
    return addressText(this.#origin.address);
  }

  get tls(): { readonly cipher: string; readonly version: string } | undefined {
    const socket = this.#socket;
    if (!(socket instanceof TLSSocket)) return undefined;
    return { cipher: socket.getCipher().name, version: socket.getProtocol() ?? "" };
  }

  /** On the wire, since it connected. */
  get bytes(): { readonly received: number; readonly sent: number } {
    return { received: this.#wire.bytesRead, sent: this.#wire.bytesWritten };
  }

  /** CLIENT_* flags both sides have. */
  get capabilities(): number {
    return this.#capabilities;
  }

  /** Of a statement prepared by its client, whoever that is by now. */
  takeStatementId(): number {
    this.#statementId = (this.#statementId % STATEMENT_ID_MAX) + 1;
    return this.#statementId;
  }

  /** It has not logged in before: not by COM_CHANGE_USER. */
  get isFirstSession(): boolean {
    return this.#handshake === undefined;
  }

  /** Outlives the session, as it does on a server. */
  setCapability(flag: number, isOn: boolean): void {
    this.#capabilities = isOn ? this.#capabilities | flag : this.#capabilities & ~flag;
  }

  get idle(): boolean {
    return this.#phase.kind !== "executing";
  }

  /** When it connected, while it has not logged in; undefined afterwards. */
  get loginSinceMs(): number | undefined {
    return this.#phase.kind === "login" ? this.#phase.startMs : undefined;
  }

  /** Not a byte has come from it. */
  get isSilent(): boolean {
    return this.#phase.kind === "login" && this.#socket.bytesRead === 0;
  }

  /** The command under way, if there is one, and when the last one began. Undefined before the login. */
  get activity(): { readonly sinceMs: number; readonly payload: Buffer | undefined } | undefined {
    const phase = this.#phase;
    if (phase.kind === "ready") return { sinceMs: phase.sinceMs, payload: undefined };
    return phase.kind === "executing" ? phase : undefined;
  }

  write(bytes: Buffer): boolean {
    if (this.#phase.kind === "closed") return true;
    if (this.#compressed === undefined) this.#socket.write(bytes);
    else this.#compressed.write(bytes);
    return this.#queuedBytes < LIMITS.clientWriteBytesHigh;
  }

  get isIdle(): boolean {
    // Under TLS or compression what was written may still wait to be encrypted or compressed.
    const isPlain = this.#compressed === undefined && !(this.#socket instanceof TLSSocket);
    return isPlain && this.#socket.writableLength === 0;
  }

  onDrain(resume: () => void): void {
    if (this.#phase.kind === "closed" || this.#queuedBytes === 0) resume();
    else this.#drains.push(resume);
  }

  /** The command is answered; the next one may start. */
  commandDone(): void {
    const nowMs = this.#options.clock.nowMs();
    if (this.#phase.kind !== "executing") {
      const left = this.#left;
      this.#left = undefined;
      left?.handler.answered(nowMs - left.sinceMs);
      return;
    }
    const { handler, sinceMs } = this.#phase;
    this.#phase = { kind: "ready", handler, sinceMs, idleSinceMs: nowMs };
    handler.answered(nowMs - sinceMs);
    if (this.#ending) this.end();
    else if (this.#leaving !== undefined && !handler.inTransaction) this.endWith(this.#leaving);
    else if (!this.#looping) this.#loop();
  }

  /** Ends what has lasted too long: a login, a client without a command. Called for every connection once in a while. */
  sweep(nowMs: number): void {
    const phase = this.#phase;
    if (this.#ending) return;
    if (phase.kind === "login") {
      if (nowMs - phase.startMs >= this.#options.loginTimeoutMs) this.destroy();
    } else if (phase.kind === "ready") {
      if (this.#reader.isInsidePacket && !this.#isClogged && this.#stoppedReading(nowMs)) {
        this.destroy();
        return;
      }
      const { idleTimeoutMs, idleError } = phase.handler;
      if (idleTimeoutMs === 0 || nowMs - phase.idleSinceMs < idleTimeoutMs) return;
      if (idleError === undefined) this.end();
      else this.endWith(idleError);
    } else if (this.#fileWaiter !== undefined && this.#stoppedReading(nowMs)) this.destroy();
  }

  /** It has been closed as the protocol wants it. */
  get hasQuit(): boolean {
    return this.#hasQuit;
  }

  /** It has been ended with nothing under way, and only waits for its client to close. */
  get isOver(): boolean {
    return this.#ending && this.#phase.kind === "ready";
  }

  /** Whether nothing has come for too long, as far as sweeps can tell. */
  #stoppedReading(nowMs: number): boolean {
    const { bytesRead } = this.#socket;
    if (this.#lastRead?.bytesRead !== bytesRead) this.#lastRead = { bytesRead, sinceMs: nowMs };
    return nowMs - this.#lastRead.sinceMs >= this.#options.readTimeoutMs;
  }

  /**
   * Ends as `endWith` does, but lets what is under way go on: a login, a statement, a transaction, and who has had an answer
   * less than `quietMs` ago, whose next statement may be on its way.
   */
  leave(error: ShardgateError, quietMs: number): void {
    const phase = this.#phase;
    const nowMs = this.#options.clock.nowMs();
    if (phase.kind === "login") {
      if (this.isSilent && nowMs - phase.startMs >= quietMs) this.destroy();
    } else if (phase.kind === "ready") {
      const isQuiet = nowMs - phase.idleSinceMs >= quietMs && !this.#reader.isInsidePacket;
      if (isQuiet && !phase.handler.inTransaction) this.endWith(error);
    }
  }

  /** From now on it ends with its next answer outside a transaction. */
  lastCall(error: ShardgateError): void {
    this.#leaving = error;
  }

  /** Ends whatever is under way: a statement is stopped and answered, and the connection closes with an ERR. */
  interrupt(error: ShardgateError): void {
    const phase = this.#phase;
    if (phase.kind === "executing") {
      this.#ending = true;
      phase.handler.interrupt(error);
    } else this.endWith(error);
  }

  /** Sends an ERR and closes, once the command under way is answered. */
  endWith(error: ShardgateError): void {
    if (this.#ending) return;
    this.#ending = true;
    if (this.#phase.kind === "executing") return;
    this.write(writeFrame(encodeErrOf(error), 0));
    this.end();
  }

  /** The client says goodbye (COM_QUIT). */
  quit(): void {
    this.#hasQuit = true;
    this.end();
  }

  /** Closes after what is queued has gone out. */
  end(): void {
    this.#ending = true;
    const socket = this.#socket;
    const finish = (): void => {
      socket.end();
    };
    if (this.#compressed === undefined) finish();
    else this.#compressed.end(finish);
    this.#linger(this.#options.clock.nowMs() + LINGER_MAX_MS);
  }

  destroy(): void {
    this.#compressed?.close();
    this.#socket.destroy();
    this.#close();
  }

  /**
   * Cuts a client that does not close its side, once nothing moves any more: it may still take what is left for it, or be
   * sending a statement whose refusal it has not read yet, which it would lose with a cut.
   */
  #linger(untilMs: number): void {
    const { clock } = this.#options;
    const queuedBytes = this.#queuedBytes;
    const { bytesRead } = this.#socket;
    const timer = clock.after(LINGER_MS, () => {
      const isMoving = this.#socket.bytesRead > bytesRead || this.#queuedBytes < queuedBytes;
      if (isMoving && clock.nowMs() < untilMs) this.#linger(untilMs);
      else this.destroy();
    });
    this.#socket.once("close", () => timer.cancel());
  }

  /** So much of it that the next command has to wait. */
  get #isClogged(): boolean {
    return this.#queuedBytes >= LIMITS.clientWriteBytesHigh;
  }

  /** Bytes that the client has not taken yet. */
  get #queuedBytes(): number {
    const { writableLength } = this.#socket;
    return this.#compressed === undefined ? writableLength : writableLength + this.#compressed.queuedBytes;
  }

  #listen(socket: Socket): void {
    socket.on("data", (chunk: Buffer) => this.#received(chunk));
    socket.on("drain", () => this.#drained());
    socket.on("error", (error) => {
      this.#options.log.debug({ connection: this.id, error: messageOf(error) }, "client socket failed");
    });
    socket.on("end", () => this.end());
    socket.on("close", () => this.#close());
  }

  #received(chunk: Buffer): void {
    // What still comes after the last answer (a refused login, COM_QUIT) is nobody's any more.
    if (this.#ending && this.#phase.kind !== "executing") return;
    try {
      if (this.#compressed !== undefined) this.#compressed.push(chunk);
      else if (this.#proxied.kind === "undecided") this.#receivedFirst(chunk, this.#proxied.received);
      else this.#receivedPlain(chunk);
      if (this.#compressed !== undefined) this.#regulate();
    } catch (error) {
      this.#refuse(error);
    }
  }

  /** The first bytes may be a proxy's. */
  #receivedFirst(chunk: Buffer, before: Buffer): void {
    const received = before.length === 0 ? chunk : Buffer.concat([before, chunk]);
    const header = readProxyHeader(received);
    if (header.kind === "incomplete") {
      this.#proxied = { kind: "undecided", received };
      return;
    }
    this.#proxied = DECIDED;
    if (header.kind === "none") {
      this.#receivedPlain(received);
      return;
    }
    const { isUnixSocket, proxyNetworks } = this.#options;
    const { host } = this.#origin.address;
    if (!proxyNetworks.has(isUnixSocket ? undefined : host)) {
      throw new ShardgateError("ER_HOST_NOT_PRIVILEGED", `Proxy header is not accepted from ${host}`);
    }
    if (header.kind === "malformed") throw new ShardgateError("ER_HANDSHAKE", "Bad handshake");
    if (header.kind === "proxied") {
      this.#origin.address = proxiedAddress(this.#origin.address, header.host, header.port);
    }
    this.#receivedPlain(received.subarray(header.bytes));
  }

  nextPacket(): Promise<ClientPacket | undefined> {
    return new Promise((resolve) => {
      this.#fileWaiter = resolve;
      this.#giveFilePacket();
    });
  }

  /** To who waits for the client's file, if there is a packet. */
  #giveFilePacket(): void {
    const waiter = this.#fileWaiter;
    if (waiter === undefined) return;
    const payload = this.#phase.kind === "executing" ? this.#reader.next() : undefined;
    if (payload === undefined && this.#phase.kind === "executing") {
      this.#regulate();
      return;
    }
    this.#fileWaiter = undefined;
    waiter(payload === undefined ? undefined : { payload, sequenceId: this.#reader.sequenceId });
    this.#regulate();
  }

  #receivedPlain(chunk: Buffer): void {
    this.#reader.push(chunk);
    this.#giveFilePacket();
    if (this.#phase.kind === "login") {
      this.#login();
      if (this.#phase.kind === "login" && this.#reader.bufferedBytes > PIPELINED_BYTES_MAX) this.destroy();
    }
    if (this.#phase.kind === "ready") this.#loop();
    else if (this.#phase.kind === "executing") this.#regulate();
  }

  /** Reads on only while not too much waits. */
  #regulate(): void {
    // Of a packet that is waited for, any part is welcome.
    const isExecuting = this.#phase.kind === "executing" && this.#fileWaiter === undefined;
    const isWaiting = isExecuting || (this.#phase.kind === "ready" && this.#isClogged);
    const isFull = isWaiting && this.#reader.bufferedBytes > PIPELINED_BYTES_MAX;
    const compressed = this.#compressed;
    if (isFull) compressed?.hold();
    else this.#resumeCompressed();
    const pauses = isFull || (compressed !== undefined && compressed.bufferedBytes > COMPRESSED_BYTES_MAX);
    if (pauses === this.#paused) return;
    this.#paused = pauses;
    if (pauses) this.#socket.pause();
    else this.#socket.resume();
  }

  #loop(): void {
    this.#looping = true;
    try {
      while (this.#phase.kind === "ready" && !this.#ending && !this.#isClogged) {
        const packet = this.#reader.next();
        if (packet === undefined) break;
        if (packet[0] === COM.CHANGE_USER) {
          this.#changeUser(this.#phase.handler, packet, this.#reader.sequenceId);
          continue;
        }
        const hasAttributes = packet[0] === COM.QUERY && (this.#capabilities & CLIENT.QUERY_ATTRIBUTES) !== 0;
        const { handler } = this.#phase;
        if (hasAttributes) handler.queryAttributes?.(packet);
        const payload = hasAttributes ? withoutQueryAttributes(packet) : packet;
        this.#phase = { kind: "executing", handler, sinceMs: this.#options.clock.nowMs(), payload };
        handler.command(payload, this.#reader.sequenceId);
      }
    } catch (error) {
      this.#refuse(error);
    } finally {
      this.#looping = false;
    }
    if (this.#phase.kind !== "ready") return;
    if (!this.#isClogged) this.#resumeCompressed();
    if (this.#paused || this.#isClogged) this.#regulate();
  }

  #resumeCompressed(): void {
    try {
      this.#compressed?.resume();
    } catch (error) {
      this.#refuse(error);
    }
  }

  /** Logs in anew: the session ends, and another one begins if that succeeds. */
  #changeUser(handler: CommandHandler, packet: Buffer, sequenceId: number): void {
    const handshake = this.#handshake;
    const changeUser = changeUserOf(packet, this.#capabilities);
    const isRefused = this.#failedChanges === FAILED_CHANGES_MAX;
    if (changeUser === undefined || handshake === undefined || isRefused) {
      this.write(writeFrame(encodeErrOf(new ShardgateError("ER_UNKNOWN_COM", "Unknown command")), sequenceId + 1));
      return;
    }
    this.#phase = { kind: "login", handshake, startMs: this.#options.clock.nowMs() };
    const isMariadb = /mariadb/i.test(this.#options.serverVersion);
    this.#keeping = isMariadb ? { database: handler.database ?? "" } : undefined;
    // What the session holds is free before the next one can ask for it.
    void Promise.resolve(handler.disconnected()).then(() => {
      if (this.#phase.kind !== "login" || this.#ending) return;
      this.#handle(handshake.changeUser(changeUser, sequenceId));
      this.#received(EMPTY);
    });
  }

  /** A connection error: what the client sent cannot be understood, so nothing after it can. */
  #refuse(error: unknown): void {
    if (this.#phase.kind === "closed") return;
    if (error instanceof ShardgateError) {
      // The client's answer to the greeting is 1, whether it could be read or not.
      const sequenceId = this.#phase.kind === "login" ? Math.max(1, this.#reader.sequenceId) : this.#reader.sequenceId;
      this.write(writeFrame(encodeErrOf(error), sequenceId + 1));
    } else {
      this.#options.log.error({ connection: this.id, error }, "bug in the connection's code; closing it");
    }
    this.end();
    this.#close();
  }

  #login(): void {
    while (this.#phase.kind === "login" && !this.#ending) {
      const { handshake } = this.#phase;
      // Its password is being checked, or its session made: what the client sends meanwhile waits.
      if (handshake.phase === "verifying" || handshake.phase === "tls" || handshake.phase === "accepted") return;
      const payload = this.#reader.next();
      if (payload === undefined) return;
      this.#handle(handshake.receive(payload, this.#reader.sequenceId));
    }
  }

  #handle(events: readonly HandshakeEvent<User>[]): void {
    for (const event of events) {
      if (this.#phase.kind !== "login") return;
      const { handshake } = this.#phase;
      switch (event.kind) {
        case "send":
          this.write(event.bytes);
          break;
        case "upgrade-tls":
          this.#upgrade(handshake);
          break;
        case "check-password":
          this.#options.users.checkPassword(event.account, event.password).then(
            (right) => {
              if (this.#phase.kind !== "login") return;
              this.#handle(handshake.passwordChecked(right));
              this.#received(EMPTY);
            },
            (error: unknown) => this.#refuse(error),
          );
          break;
        case "accepted":
          this.#admit(event.login);
          break;
        case "rejected":
          this.#turnAway(event.error, event.sequenceId);
          break;
        default:
          assertNever(event);
      }
    }
  }

  /** `isToldOf`: with an OK, or an ERR. */
  #admit(login: Login<User>, isToldOf = true): void {
    const waited = this.#options.beforeSession(login);
    if (waited === undefined) {
      this.#accept(login, isToldOf);
      return;
    }
    void waited.then(() => {
      if (this.#phase.kind !== "login" || this.#ending) return;
      this.#accept(login, isToldOf);
      this.#received(EMPTY);
    });
  }

  #accept(login: Login<User>, isToldOf: boolean): void {
    if (this.#handshake === undefined) this.#capabilities = login.capabilities;
    try {
      const handler = this.#options.openSession(this, login);
      // Of as many bytes, MySQL refuses a packet.
      this.#reader.payloadBytesMax = (handler.packetBytesMax ?? this.#options.packetBytesMax) - 1;
      this.#reader.stepsOverTooLarge = true;
      const nowMs = this.#options.clock.nowMs();
      if (this.#phase.kind === "login") this.#handshake = this.#phase.handshake;
      this.#phase = { kind: "ready", handler, sinceMs: nowMs, idleSinceMs: nowMs };
      this.#keeping = undefined;
      if (!isToldOf) return;
      const { database, capabilities } = login;
      const sessionState = database === "" ? [] : [schemaChange(database)];
      const { statusFlags = SERVER.STATUS_AUTOCOMMIT } = handler;
      this.write(writeFrame(encodeOk(okPacket({ sessionState, statusFlags }), capabilities), login.sequenceId));
      if (this.#compressed === undefined) this.#compress(login);
    } catch (error) {
      const shown = error instanceof ShardgateError ? error : new ShardgateError("INTERNAL", "internal error");
      if (isToldOf) this.#turnAway(shown, login.sequenceId);
      else this.#leave();
    }
  }

  /** Ends a login with an ERR; from now on it counts no more, or, where MariaDB does so, as the one before. */
  #turnAway(error: ShardgateError, sequenceId: number): void {
    this.write(writeFrame(encodeErrOf(error), sequenceId));
    const { kind } = this.#phase;
    const kept = this.#keeping;
    this.#keeping = undefined;
    if (kept === undefined || this.#handshake === undefined || kind !== "login" || this.#ending) this.#leave();
    else {
      this.#failedChanges++;
      this.#admit(this.#handshake.back(kept.database), false);
    }
  }

  #leave(): void {
    this.end();
    this.#close();
  }

  /** From here on both directions are compressed, if that was agreed. */
  #compress(login: Login<User>): void {
    const compression = compressionFor(login.capabilities, login.zstdLevel);
    if (compression === undefined) return;
    // What the client sent behind its login is compressed already.
    const early = this.#reader.takeRest();
    this.#compressed = new CompressedStream(compression, {
      write: (bytes) => {
        this.#socket.write(bytes);
      },
      received: (plain) => this.#receivedPlain(plain),
      takenBytes: (receivedBytes) => receivedBytes - this.#reader.bufferedBytes,
      drained: () => {
        if (this.#socket.writableLength < LIMITS.clientWriteBytesHigh) this.#drained();
      },
      failed: (error) => this.#refuse(error),
    });
    this.#compressed.push(early);
  }

  #upgrade(handshake: ServerHandshake<User>): void {
    const plain = this.#socket;
    const { tls } = this.#options;
    if (tls === undefined) return;
    plain.removeAllListeners("data");
    plain.removeAllListeners("end");
    plain.removeAllListeners("close");
    plain.removeAllListeners("drain");
    // A ClientHello that came with the request must wait for TLS to listen.
    plain.pause();
    const early = this.#reader.takeRest();
    if (early.length > 0) plain.unshift(early);
    const secure = new TLSSocket(plain, { isServer: true, secureContext: tls, requestCert: false });
    this.#socket = secure;
    this.#listen(secure);
    secure.once("secure", () => {
      handshake.tlsEstablished();
      this.#received(EMPTY);
    });
  }

  #close(): void {
    const phase = this.#phase;
    if (phase.kind === "closed") return;
    this.#phase = { kind: "closed" };
    if (phase.kind === "executing") this.#left = phase;
    if (phase.kind !== "login") void phase.handler.disconnected();
    this.#giveFilePacket();
    this.#drained();
    this.#options.closed(this);
  }

  #drained(): void {
    const drains = this.#drains;
    this.#drains = [];
    for (const resume of drains) resume();
    if (this.#phase.kind === "ready" && !this.#looping) this.#loop();
  }
}

/** Undefined for what cannot be read. */
function changeUserOf(packet: Buffer, capabilities: number): ChangeUser | undefined {
  try {
    const command = decodeCommand(packet, capabilities);
    return command.kind === "change-user" ? command.changeUser : undefined;
  } catch {
    return undefined;
  }
}

const EMPTY = Buffer.alloc(0);
/** The largest compressed packet has 16 MiB. */
const COMPRESSED_BYTES_MAX = 17 * 1024 * 1024;
