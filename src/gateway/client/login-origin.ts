// What a client's login is asked and may use, by the listener's options and by where the client comes from, which a proxy's
// header may say later. Lives as long as the connection, for COM_CHANGE_USER; keeps nothing that can be asked for again.

import { randomBytes } from "node:crypto";
import { COMPRESSION_CAPABILITIES } from "../../mysql/compression.ts";
import { SCRAMBLE_BYTES } from "../../mysql/packets/handshake-v10.ts";
import { offeredCapabilities, type ServerHandshakeOptions } from "../../mysql/server-handshake.ts";
import type { User, Users } from "../access/users.ts";
import type { ClientAddress } from "./client-address.ts";
import type { ClientConnectionOptions } from "./client-connection.ts";

type LoginOptions = Pick<
  ClientConnectionOptions,
  "serverVersion" | "connectionId" | "tls" | "tlsRequired" | "rsaKeys" | "users"
>;

export class LoginOrigin implements ServerHandshakeOptions<User> {
  address: ClientAddress;
  readonly #options: LoginOptions;

  constructor(options: LoginOptions, address: ClientAddress) {
    this.#options = options;
    this.address = address;
  }

  get serverVersion(): string {
    return this.#options.serverVersion;
  }

  get connectionId(): number {
    return this.#options.connectionId;
  }

  newScramble(): Buffer {
    return randomBytes(SCRAMBLE_BYTES);
  }

  get capabilities(): number {
    return offeredCapabilities(this.#options.serverVersion).capabilities | COMPRESSION_CAPABILITIES;
  }

  get mariadbCapabilities(): number {
    return offeredCapabilities(this.#options.serverVersion).mariadbCapabilities;
  }

  get defaultPlugin(): "mysql_native_password" {
    return "mysql_native_password";
  }

  get tlsAvailable(): boolean {
    return this.#options.tls !== undefined;
  }

  get tlsRequired(): boolean {
    return this.#options.tlsRequired;
  }

  get rsaKeys(): LoginOptions["rsaKeys"] {
    return this.#options.rsaKeys;
  }

  get safeTransport(): boolean {
    return this.address.isSafe;
  }

  get clientHost(): string {
    return this.address.host;
  }

  get accounts(): ReturnType<Users["accountsFor"]> {
    return this.#options.users.accountsFor(this.address.isLoopback);
  }
}
