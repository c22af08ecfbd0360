// The stream mysql2 sees while it logs in: reads and writes of a socket that is ours from the start, so that after the
// login nothing has to be taken from mysql2 by force. Of MariaDB's extended capabilities it leaves mysql2 to see only the
// extended column metadata, which mysql2 then asks for: what clients have not asked for is taken out at the gateway's edge.

import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { MARIADB_CLIENT } from "../mysql/constants.ts";

export class LoginStream extends Duplex {
  #socket: Socket | undefined;
  #greetingSeen = false;

  constructor() {
    super({ allowHalfOpen: false });
  }

  /** The socket to write to; called once, before mysql2 gets the stream. */
  attach(socket: Socket): void {
    this.#socket = socket;
  }

  /** Bytes from the socket; copied. */
  received(chunk: Buffer): void {
    const copy = Buffer.from(chunk);
    if (!this.#greetingSeen) {
      this.#greetingSeen = true;
      showMetadataOnly(copy);
    }
    this.push(copy);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket?.write(chunk, done);
  }

  override _read(): void {}

  /** mysql2 sets these on what it takes for its socket. */
  setKeepAlive(): this {
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setTimeout(): this {
    return this;
  }
}

// Greeting (protocol 10): header 4, version 1, server version NUL, thread id 4, scramble 8, filler 1, capabilities 2,
// charset 1, status 2, capabilities 2, scramble length 1, filler 6, extended capabilities 4 (MariaDB) — ten zero bytes
// in MySQL.
function showMetadataOnly(greeting: Buffer): void {
  if (greeting[4] !== 10) return;
  const versionEnd = greeting.indexOf(0, 5);
  const extendedAt = versionEnd + 1 + 4 + 8 + 1 + 2 + 1 + 2 + 2 + 1 + 6;
  if (versionEnd <= 0 || extendedAt + 4 > greeting.length) return;
  greeting.writeUInt32LE((greeting.readUInt32LE(extendedAt) & MARIADB_CLIENT.EXTENDED_METADATA) >>> 0, extendedAt);
}
