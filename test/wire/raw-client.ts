// A client that shows the bytes: logs in to a server over a Unix socket or TCP with chosen capabilities, sends commands
// and hands out what comes back as it came. For comparing replies, not for using databases.

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { cachingSha2Answer } from "../../src/mysql/auth/caching-sha2.ts";
import { nativeAnswer } from "../../src/mysql/auth/native-password.ts";
import { CLIENT, COM, HEADER_ERR } from "../../src/mysql/constants.ts";
import { writeFrame } from "../../src/mysql/frame.ts";
import { PacketReader } from "../../src/mysql/packet-reader.ts";
import { decodeErr } from "../../src/mysql/packets/err.ts";
import { encodeHandshakeResponse } from "../../src/mysql/packets/handshake-response.ts";
import { decodeHandshakeV10 } from "../../src/mysql/packets/handshake-v10.ts";

export const BASE_CAPABILITIES =
  CLIENT.MYSQL |
  CLIENT.LONG_FLAG |
  CLIENT.PROTOCOL_41 |
  CLIENT.TRANSACTIONS |
  CLIENT.SECURE_CONNECTION |
  CLIENT.LOCAL_FILES |
  CLIENT.MULTI_STATEMENTS |
  CLIENT.MULTI_RESULTS |
  CLIENT.PS_MULTI_RESULTS |
  CLIENT.PLUGIN_AUTH;

export interface RawClientOptions {
  readonly target: { path: string } | { host: string; port: number };
  readonly user: string;
  readonly password?: string;
  readonly plugin?: string;
  readonly capabilities?: number;
  /** Read by a server only where `capabilities` lacks CLIENT_MYSQL. */
  readonly mariadbCapabilities?: number;
  /** With CLIENT_ZSTD_COMPRESSION_ALGORITHM. */
  readonly zstdLevel?: number;
}

export class RawClient {
  /** The packet that has answered the login. */
  loginOk: Buffer = Buffer.alloc(0);
  readonly socket: Socket;
  readonly #chunks: Buffer[] = [];
  #closed = false;
  #wake: (() => void) | undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#wake?.();
    });
    socket.on("close", () => {
      this.#closed = true;
      this.#wake?.();
    });
    socket.on("error", () => undefined);
  }

  /** Connects and logs in with a plugin that needs no second step; throws MysqlError when refused. */
  static async login(options: RawClientOptions): Promise<RawClient> {
    const socket = connect(options.target);
    await once(socket, "connect");
    const client = new RawClient(socket);
    const reader = new PacketReader(1 << 20);
    const greeting = decodeHandshakeV10(await client.packet(reader));
    const { password = "", plugin = "mysql_native_password" } = options;
    const answer = plugin === "mysql_native_password" ? nativeAnswer : cachingSha2Answer;
    const response = encodeHandshakeResponse({
      capabilities: (options.capabilities ?? BASE_CAPABILITIES) >>> 0,
      mariadbCapabilities: options.mariadbCapabilities ?? 0,
      maxPacketBytes: 1 << 30,
      collation: 45,
      user: options.user,
      authResponse: answer(password, greeting.scramble),
      database: "",
      authPlugin: plugin,
      attributes: new Map(),
      zstdLevel: options.zstdLevel ?? 0,
    });
    client.write(writeFrame(response, 1));
    const outcome = await client.packet(reader);
    if (outcome[0] === HEADER_ERR) throw decodeErr(outcome);
    if (outcome[0] !== 0) throw new Error(`login answered with ${outcome.toString("hex")}`);
    client.loginOk = outcome;
    return client;
  }

  write(bytes: Buffer): void {
    this.socket.write(bytes);
  }

  send(command: number, payload: Buffer | string = ""): void {
    this.write(writeFrame(Buffer.concat([Buffer.of(command), Buffer.from(payload)]), 0));
  }

  query(sql: string): void {
    this.send(COM.QUERY, sql);
  }

  /** The next bytes as the socket gave them. */
  async chunk(): Promise<Buffer> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) return chunk;
      if (this.#closed) throw new Error("connection closed");
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** The next packet; only while nobody takes chunks. */
  async packet(reader: PacketReader): Promise<Buffer> {
    for (;;) {
      const packet = reader.next();
      if (packet !== undefined) return packet;
      reader.push(await this.chunk());
    }
  }

  /** Exactly this many bytes. */
  async bytes(length: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    let filled = 0;
    while (filled < length) {
      const chunk = await this.chunk();
      parts.push(chunk);
      filled += chunk.length;
    }
    if (filled > length) throw new Error(`${filled - length} bytes too many`);
    return Buffer.concat(parts);
  }

  close(): void {
    this.socket.destroy();
  }
}
