// A MySQL client that costs as little as possible: logs in as root without a password, sends COM_QUERY, and counts the
// reply's packets and bytes without reading rows. One command at a time on a connection. For load and for latency.
// https://dev.mysql.com/doc/dev/mysql-server/latest/PAGE_PROTOCOL.html

import { connect, type Socket } from "node:net";

export interface Reply {
  readonly rows: number;
  readonly bytes: number;
}

export interface RawClient {
  query(sql: string): Promise<Reply>;
  close(): void;
}

// CLIENT_LONG_PASSWORD | LONG_FLAG | CONNECT_WITH_DB | PROTOCOL_41 | TRANSACTIONS | SECURE_CONNECTION | PLUGIN_AUTH
const CAPABILITIES = 0x1 | 0x4 | 0x8 | 0x200 | 0x2000 | 0x8000 | 0x80000;
const UTF8MB4_GENERAL_CI = 45;

/** Resolves when logged in; the connection stays open until `close`. */
export function connectRaw(port: number, database: string): Promise<RawClient> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port, noDelay: true });
    const session = new Session(socket, database, () => resolve(session), reject);
  });
}

class Session implements RawClient {
  private readonly socket: Socket;
  private readonly database: string;
  private readonly onLogin: () => void;
  private readonly onFault: (error: Error) => void;
  private phase: "greeting" | "login" | "idle" | "reply" = "greeting";

  // Of the packet that arrives now: its header and first bytes are kept, the rest is skipped.
  private readonly head = Buffer.alloc(4 + 512);
  private headBytes = 0;
  private bodyBytesLeft = 0;

  // Of the reply that arrives now.
  private part: "first" | "columns" | "rows" = "first";
  private rows = 0;
  private bytes = 0;
  private settle: { resolve: (reply: Reply) => void; reject: (error: Error) => void } | undefined;

  constructor(socket: Socket, database: string, onLogin: () => void, onFault: (error: Error) => void) {
    this.socket = socket;
    this.database = database;
    this.onLogin = onLogin;
    this.onFault = onFault;
    socket.on("data", (chunk) => this.receive(chunk));
    socket.on("error", (error) => this.fault(error));
    socket.on("close", () => this.fault(new Error("the server closed the connection")));
  }

  query(sql: string): Promise<Reply> {
    this.phase = "reply";
    this.part = "first";
    this.rows = 0;
    this.bytes = 0;
    const bytes = Buffer.byteLength(sql);
    const packet = Buffer.allocUnsafe(5 + bytes);
    packet.writeUIntLE(bytes + 1, 0, 3);
    packet[3] = 0;
    packet[4] = 3;
    packet.write(sql, 5);
    this.socket.write(packet);
    return new Promise((resolve, reject) => {
      this.settle = { resolve, reject };
    });
  }

  close(): void {
    this.settle = undefined;
    this.socket.removeAllListeners("close");
    this.socket.destroy();
  }

  private fault(error: Error): void {
    if (this.phase === "greeting" || this.phase === "login") this.onFault(error);
    this.settle?.reject(error);
    this.settle = undefined;
  }

  private receive(chunk: Buffer): void {
    this.bytes += chunk.length;
    let at = 0;
    while (at < chunk.length) {
      if (this.headBytes < 4) {
        const take = Math.min(4 - this.headBytes, chunk.length - at);
        chunk.copy(this.head, this.headBytes, at, at + take);
        this.headBytes += take;
        at += take;
        if (this.headBytes < 4) return;
        this.bodyBytesLeft = this.head.readUIntLE(0, 3);
      }
      const take = Math.min(this.bodyBytesLeft, chunk.length - at);
      const keep = Math.min(take, this.head.length - this.headBytes);
      if (keep > 0) {
        chunk.copy(this.head, this.headBytes, at, at + keep);
        this.headBytes += keep;
      }
      this.bodyBytesLeft -= take;
      at += take;
      if (this.bodyBytesLeft > 0) return;
      const body = this.head.subarray(4, this.headBytes);
      const bodyBytes = this.head.readUIntLE(0, 3);
      this.headBytes = 0;
      this.packet(body, bodyBytes);
    }
  }

  private packet(body: Buffer, bodyBytes: number): void {
    const first = body[0] ?? 0;
    if (first === 0xff) {
      this.fault(new Error(body.subarray(3).toString("latin1")));
      return;
    }
    switch (this.phase) {
      case "greeting":
        this.phase = "login";
        this.logIn();
        return;
      case "login":
        // 0xfe asks for another plugin; with an empty password every plugin is content with an empty answer.
        if (first === 0xfe) this.send(Buffer.alloc(0), (this.head[3] ?? 0) + 1);
        else if (first === 0) {
          this.phase = "idle";
          this.onLogin();
        }
        return;
      case "reply":
        this.replyPacket(first, bodyBytes);
        return;
      case "idle":
        return;
    }
  }

  private replyPacket(first: number, bodyBytes: number): void {
    const eof = first === 0xfe && bodyBytes < 9;
    if (this.part === "first") {
      if (first === 0) this.finish();
      else this.part = "columns";
    } else if (this.part === "columns") {
      if (eof) this.part = "rows";
    } else if (eof) {
      this.finish();
    } else {
      this.rows++;
    }
  }

  private finish(): void {
    this.phase = "idle";
    const settle = this.settle;
    this.settle = undefined;
    settle?.resolve({ rows: this.rows, bytes: this.bytes });
  }

  private logIn(): void {
    const fixed = Buffer.alloc(32);
    fixed.writeUInt32LE(CAPABILITIES, 0);
    fixed.writeUInt32LE(16 * 1024 * 1024, 4);
    fixed[8] = UTF8MB4_GENERAL_CI;
    const names = Buffer.from(`root\0\0${this.database}\0mysql_native_password\0`, "latin1");
    this.send(Buffer.concat([fixed, names]), 1);
  }

  private send(body: Buffer, sequence: number): void {
    const header = Buffer.alloc(4);
    header.writeUIntLE(body.length, 0, 3);
    header[3] = sequence;
    this.socket.write(Buffer.concat([header, body]));
  }
}
