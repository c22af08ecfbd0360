// A TCP server around the handshake machine, as small as a shell can be: logs clients in, answers every query with who
// they are, and SET, PING, INIT_DB and CHANGE_USER with OK. For logins with real clients.

import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { messageOf, ShardgateError } from "../../src/base/errors.ts";
import type { User, Users } from "../../src/gateway/access/users.ts";
import { CLIENT } from "../../src/mysql/constants.ts";
import { writeFrame } from "../../src/mysql/frame.ts";
import { PacketReader } from "../../src/mysql/packet-reader.ts";
import { decodeCommand } from "../../src/mysql/packets/command.ts";
import { encodeErr, encodeErrOf } from "../../src/mysql/packets/err.ts";
import { encodeOk, okPacket } from "../../src/mysql/packets/ok.ts";
import { textColumn, writeResultSet } from "../../src/mysql/result-writer.ts";
import {
  type HandshakeEvent,
  type Login,
  OFFERED_CAPABILITIES,
  ServerHandshake,
  type ServerHandshakeOptions,
} from "../../src/mysql/server-handshake.ts";

export interface LoginServer {
  readonly port: number;
  readonly users: Users;
  /** How each login went: "user plugin tls|plain", or the error's number. */
  readonly log: string[];
  close(): void;
}

export interface LoginServerOptions {
  readonly users: Users;
  readonly tls?: { readonly key: string; readonly cert: string };
  readonly handshake?: Partial<ServerHandshakeOptions<User>>;
}

export async function startLoginServer(options: LoginServerOptions): Promise<LoginServer> {
  const log: string[] = [];
  let connectionId = 0;
  const sockets = new Set<Socket>();
  const server: Server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    new Connection(socket, ++connectionId, options, log).start();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    users: options.users,
    log,
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

class Connection {
  #socket: Socket;
  readonly #options: LoginServerOptions;
  readonly #machine: ServerHandshake<User>;
  readonly #reader = new PacketReader(1 << 20);
  readonly #log: string[];
  #login: Login<User> | undefined;

  constructor(socket: Socket, connectionId: number, options: LoginServerOptions, log: string[]) {
    this.#socket = socket;
    this.#options = options;
    this.#log = log;
    this.#machine = new ServerHandshake<User>({
      serverVersion: "8.0.36-shardgate",
      connectionId,
      newScramble: () => randomBytes(20),
      capabilities: OFFERED_CAPABILITIES,
      mariadbCapabilities: 0,
      defaultPlugin: "caching_sha2_password",
      tlsAvailable: options.tls !== undefined,
      tlsRequired: false,
      safeTransport: false,
      rsaKeys: undefined,
      clientHost: "127.0.0.1",
      accounts: options.users.accountsFor(true),
      ...options.handshake,
    });
  }

  start(): void {
    this.#listen(this.#socket);
    this.#socket.write(this.#machine.greet());
  }

  #listen(socket: Socket): void {
    socket.on("data", (chunk: Buffer) => {
      this.#reader.push(chunk);
      try {
        this.#read();
      } catch (error) {
        this.#log.push(messageOf(error));
        socket.destroy();
      }
    });
    socket.on("error", () => undefined);
  }

  #read(): void {
    for (let packet = this.#reader.next(); packet !== undefined; packet = this.#reader.next()) {
      if (this.#login === undefined) this.#do(this.#machine.receive(packet, this.#reader.sequenceId));
      else this.#command(packet, this.#login);
    }
  }

  #do(events: HandshakeEvent<User>[]): void {
    for (const event of events) {
      switch (event.kind) {
        case "send":
          this.#socket.write(event.bytes);
          break;
        case "upgrade-tls": {
          const plain = this.#socket;
          // Without the pause the unshifted bytes would be emitted to nobody; TLSSocket takes what is buffered.
          plain.removeAllListeners("data");
          plain.pause();
          const rest = this.#reader.takeRest();
          if (rest.length > 0) plain.unshift(rest);
          const secure = new TLSSocket(plain, { isServer: true, ...this.#options.tls });
          this.#socket = secure;
          secure.on("secure", () => this.#machine.tlsEstablished());
          this.#listen(secure);
          break;
        }
        case "check-password":
          void this.#options.users.checkPassword(event.account, event.password).then((right) => {
            this.#do(this.#machine.passwordChecked(right));
          });
          break;
        case "accepted": {
          const { login } = event;
          this.#login = login;
          this.#log.push(`${login.account.user} ${login.plugin} ${login.tls ? "tls" : "plain"}`);
          this.#ok(login.sequenceId);
          break;
        }
        case "rejected":
          this.#log.push(String(event.error.errno));
          this.#socket.end(writeFrame(encodeErrOf(event.error), event.sequenceId));
      }
    }
  }

  #command(packet: Buffer, login: Login<User>): void {
    const sequenceId = this.#reader.sequenceId + 1;
    const command = decodeCommand(packet, login.capabilities);
    switch (command.kind) {
      case "quit":
        this.#socket.end();
        break;
      case "ping":
      case "init-db":
      case "reset-connection":
        this.#ok(sequenceId);
        break;
      case "change-user":
        this.#login = undefined;
        this.#do(this.#machine.changeUser(command.changeUser, this.#reader.sequenceId));
        break;
      case "query": {
        if (/^set /i.test(command.sql.toString("latin1"))) {
          this.#ok(sequenceId);
          break;
        }
        const columns = [textColumn("user"), textColumn("schema"), textColumn("sql")];
        const rows = [[login.account.user, login.database === "" ? null : login.database, command.sql]];
        this.#socket.write(writeResultSet({ columns, rows }, { capabilities: login.capabilities, sequenceId }));
        break;
      }
      default: {
        const error = new ShardgateError("ER_UNKNOWN_COM", `Unknown command ${command.kind}`);
        this.#socket.write(writeFrame(encodeErr(error.errno, error.sqlState, error.message), sequenceId));
      }
    }
  }

  #ok(sequenceId: number): void {
    const capabilities = this.#login?.capabilities ?? CLIENT.PROTOCOL_41;
    this.#socket.write(writeFrame(encodeOk(okPacket(), capabilities), sequenceId));
  }
}
