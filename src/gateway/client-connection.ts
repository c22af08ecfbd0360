// One client's socket: login, cutting packets, one command at a time, writing with back-pressure. What a command means is
// the session's business; what a login is worth is the handshake machine's.
//
//   phase:  login ──accepted──► ready ◄──► executing          any ──► closed
//   While executing, further commands wait in the PacketReader, and the socket is paused once enough of them wait.

import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import { TLSSocket, type SecureContext } from "node:tls";
import { assertNever } from "../base/assert.ts";
import type { Clock, Timer } from "../base/clock.ts";
import { messageOf, ShardgateError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { Output } from "../engine/output.ts";
import { CLIENT } from "../mysql/constants.ts";
import { writeFrame } from "../mysql/frame.ts";
import { PacketReader } from "../mysql/packet-reader.ts";
import { encodeErrOf } from "../mysql/packets/err.ts";
import { encodeOk, okPacket } from "../mysql/packets/ok.ts";
import {
  type HandshakeEvent,
  type Login,
  OFFERED_CAPABILITIES,
  ServerHandshake,
  type ServerHandshakeOptions,
} from "../mysql/server-handshake.ts";
import type { User, Users } from "./users.ts";

export interface ClientConnectionOptions {
  readonly connectionId: number;
  readonly serverVersion: string;
  readonly users: Users;
  readonly tls: SecureContext | undefined;
  readonly tlsRequired: boolean;
  readonly rsaKeys: { readonly publicKeyPem: string; readonly privateKeyPem: string } | undefined;
  readonly clock: Clock;
  readonly log: Log;
  /** Makes the session of a client whose password was right. Throws what refuses it (1049, 1040, 1203). */
  openSession(connection: ClientConnection, login: Login<User>): CommandHandler;
  closed(connection: ClientConnection): void;
}

/** Takes commands one at a time and calls `connection.commandDone()` after each. */
export interface CommandHandler {
  /** `payload` is the packet without its header; owned. An answer's first packet has `sequenceId + 1`. */
  command(payload: Buffer, sequenceId: number): void;
  /** The client is gone: whatever is under way is to be stopped. */
  disconnected(): void;
}

type Phase =
  | { readonly kind: "login"; readonly handshake: ServerHandshake<User>; readonly timer: Timer }
  | { readonly kind: "ready"; readonly handler: CommandHandler; readonly sinceMs: number }
  | {
      readonly kind: "executing";
      readonly handler: CommandHandler;
      readonly sinceMs: number;
      /** The command's packet. */
      readonly payload: Buffer;
    }
  | { readonly kind: "closed" };

const PIPELINED_BYTES_MAX = 1024 * 1024;

export class ClientConnection implements Output {
  readonly id: number;
  readonly #options: ClientConnectionOptions;
  readonly #reader = new PacketReader(LIMITS.handshakePacketBytesMax);
  #socket: Socket;
  #phase: Phase;
  #capabilities = 0;
  #drains: (() => void)[] = [];
  /** True while the command loop runs: commandDone() then only has to flip the phase. */
  #looping = false;
  #paused = false;
  #ending = false;

  constructor(socket: Socket, options: ClientConnectionOptions) {
    this.id = options.connectionId;
    this.#options = options;
    this.#socket = socket;
    const handshake = new ServerHandshake<User>(this.#handshakeOptions());
    const timer = options.clock.after(LIMITS.loginTimeoutMs, () => this.destroy());
    this.#phase = { kind: "login", handshake, timer };
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 60_000);
    this.#listen(socket);
    socket.write(handshake.greet());
  }

  /** host:port, or "localhost" for a Unix socket. */
  get peer(): string {
    const { remoteAddress, remotePort } = this.#socket;
    return remoteAddress === undefined ? "localhost" : `${remoteAddress}:${remotePort}`;
  }

  get tls(): { readonly cipher: string; readonly version: string } | undefined {
    const socket = this.#socket;
    if (!(socket instanceof TLSSocket)) return undefined;
    return { cipher: socket.getCipher().name, version: socket.getProtocol() ?? "" };
  }

  /** CLIENT_* flags both sides have. */
  get capabilities(): number {
    return this.#capabilities;
  }

  get idle(): boolean {
    return this.#phase.kind !== "executing";
  }

  /** The command under way, if there is one, and when the last one began. Undefined before the login. */
  get activity(): { readonly sinceMs: number; readonly payload: Buffer | undefined } | undefined {
    const phase = this.#phase;
    if (phase.kind === "ready") return { sinceMs: phase.sinceMs, payload: undefined };
    return phase.kind === "executing" ? phase : undefined;
  }

  write(bytes: Buffer): boolean {
    if (this.#phase.kind === "closed") return true;
    this.#socket.write(bytes);
    return this.#socket.writableLength < LIMITS.clientWriteBytesHigh;
  }

  get isIdle(): boolean {
    // Under TLS what was written may still wait to be encrypted.
    return !(this.#socket instanceof TLSSocket) && this.#socket.writableLength === 0;
  }

  onDrain(resume: () => void): void {
    if (this.#phase.kind === "closed" || this.#socket.writableLength === 0) resume();
    else this.#drains.push(resume);
  }

  /** The command is answered; the next one may start. */
  commandDone(): void {
    if (this.#phase.kind !== "executing") return;
    const { handler, sinceMs } = this.#phase;
    this.#phase = { kind: "ready", handler, sinceMs };
    if (this.#ending) this.end();
    else if (!this.#looping) this.#loop();
  }

  /** Sends an ERR and closes, once the command under way is answered. */
  endWith(error: ShardgateError): void {
    if (this.#ending) return;
    this.#ending = true;
    if (this.#phase.kind === "executing") return;
    this.write(writeFrame(encodeErrOf(error), 0));
    this.end();
  }

  /** Closes after what is queued has gone out. */
  end(): void {
    this.#ending = true;
    this.#socket.end();
    const force = this.#options.clock.after(1_000, () => this.destroy());
    this.#socket.once("close", () => force.cancel());
  }

  destroy(): void {
    this.#socket.destroy();
    this.#close();
  }

  #handshakeOptions(): ServerHandshakeOptions<User> {
    const { users, connectionId, serverVersion, tls, tlsRequired, rsaKeys } = this.#options;
    const address = this.#socket.remoteAddress;
    return {
      serverVersion,
      connectionId,
      scramble: randomBytes(20),
      capabilities: OFFERED_CAPABILITIES & ~CLIENT.LOCAL_FILES,
      mariadbCapabilities: 0,
      defaultPlugin: "mysql_native_password",
      tlsAvailable: tls !== undefined,
      tlsRequired,
      safeTransport: address === undefined,
      rsaKeys,
      clientHost: address ?? "localhost",
      accounts: users.accountsFor(isLoopback(address)),
    };
  }

  #listen(socket: Socket): void {
    socket.on("data", (chunk: Buffer) => this.#received(chunk));
    socket.on("drain", () => {
      const drains = this.#drains;
      this.#drains = [];
      for (const resume of drains) resume();
    });
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
      this.#reader.push(chunk);
      if (this.#phase.kind === "login") this.#login();
      if (this.#phase.kind === "ready") this.#loop();
      else if (this.#phase.kind === "executing" && this.#reader.bufferedBytes > PIPELINED_BYTES_MAX && !this.#paused) {
        this.#paused = true;
        this.#socket.pause();
      }
    } catch (error) {
      this.#refuse(error);
    }
  }

  #loop(): void {
    this.#looping = true;
    try {
      while (this.#phase.kind === "ready" && !this.#ending) {
        const payload = this.#reader.next();
        if (payload === undefined) break;
        const { handler } = this.#phase;
        this.#phase = { kind: "executing", handler, sinceMs: this.#options.clock.nowMs(), payload };
        handler.command(payload, this.#reader.sequenceId);
      }
    } catch (error) {
      this.#refuse(error);
    } finally {
      this.#looping = false;
    }
    if (this.#paused && this.#phase.kind === "ready") {
      this.#paused = false;
      this.#socket.resume();
    }
  }

  /** A connection error: what the client sent cannot be understood, so nothing after it can. */
  #refuse(error: unknown): void {
    if (this.#phase.kind === "closed") return;
    if (error instanceof ShardgateError) {
      this.write(writeFrame(encodeErrOf(error), this.#reader.sequenceId + 1));
    } else {
      this.#options.log.error({ connection: this.id, error }, "bug in the connection's code; closing it");
    }
    this.#socket.end();
    this.#close();
    this.#socket.destroySoon();
  }

  #login(): void {
    while (this.#phase.kind === "login" && !this.#ending) {
      const { handshake } = this.#phase;
      // Its password is being checked: what the client sends meanwhile waits.
      if (handshake.phase === "verifying" || handshake.phase === "tls") return;
      const payload = this.#reader.next();
      if (payload === undefined) return;
      this.#handle(handshake.receive(payload, this.#reader.sequenceId));
    }
  }

  #handle(events: readonly HandshakeEvent<User>[]): void {
    for (const event of events) {
      if (this.#phase.kind !== "login") return;
      const { handshake, timer } = this.#phase;
      switch (event.kind) {
        case "send":
          this.#socket.write(event.bytes);
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
          timer.cancel();
          this.#accept(event.login);
          break;
        case "rejected":
          timer.cancel();
          this.write(writeFrame(encodeErrOf(event.error), event.sequenceId));
          this.end();
          break;
        default:
          assertNever(event);
      }
    }
  }

  #accept(login: Login<User>): void {
    this.#capabilities = login.capabilities;
    try {
      const handler = this.#options.openSession(this, login);
      this.#reader.payloadBytesMax = LIMITS.statementBytesMax;
      this.#phase = { kind: "ready", handler, sinceMs: this.#options.clock.nowMs() };
      this.write(writeFrame(encodeOk(okPacket(), login.capabilities), login.sequenceId));
    } catch (error) {
      const shown = error instanceof ShardgateError ? error : new ShardgateError("INTERNAL", "internal error");
      this.write(writeFrame(encodeErrOf(shown), login.sequenceId));
      this.end();
    }
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
    if (phase.kind === "login") phase.timer.cancel();
    else phase.handler.disconnected();
    const drains = this.#drains;
    this.#drains = [];
    for (const resume of drains) resume();
    this.#options.closed(this);
  }
}

const EMPTY = Buffer.alloc(0);

function isLoopback(address: string | undefined): boolean {
  if (address === undefined) return true;
  return address === "::1" || address.startsWith("127.") || address.startsWith("::ffff:127.");
}
