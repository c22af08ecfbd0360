// The server's side of the connection phase (PAGE_PROTOCOL_CONNECTION_PHASE of the manual) as a machine without I/O:
// packets in, events out. The shell frames nothing and decides nothing; it writes what `send` says, upgrades to TLS when
// told, checks a password when asked, and finally sends the OK or ERR itself, since only it knows schemas and limits.
//
//   GREETING ──► RESPONSE ──► SWITCH ─────────────► VERIFYING ──► ACCEPTED ──► (COM_CHANGE_USER) SWITCH …
//                 │   ▲          │      PASSWORD ──────▲  │
//                 ▼   │          └───────►│  ▲           │
//                TLS ─┘   (full path)     └──┘ RSA key   └──────► REJECTED
//
// A user that does not exist goes the same way as one whose password is wrong: the accounts give a decoy for it, with
// hashes nobody can meet, and only the last step looks at that.

import { ShardgateError } from "../base/errors.ts";
import { assert, assertNever } from "../base/assert.ts";
import {
  CACHING_SHA2_PASSWORD,
  FAST_AUTH_SUCCESS,
  passwordEncrypted,
  passwordInClear,
  PERFORM_FULL_AUTHENTICATION,
  REQUEST_PUBLIC_KEY,
  type RsaKeys,
  verifyFast,
} from "./auth/caching-sha2.ts";
import { NATIVE_PASSWORD, verifyNative } from "./auth/native-password.ts";
import type { ShaCryptHash } from "./auth/sha-crypt.ts";
import { COLLATION_UTF8MB4_GENERAL_CI } from "./charsets.ts";
import { CLIENT, MARIADB_CLIENT, SERVER } from "./constants.ts";
import { writeFrame } from "./frame.ts";
import { encodeAuthMoreData, encodeAuthSwitchRequest } from "./packets/auth-switch.ts";
import type { ChangeUser } from "./packets/command.ts";
import { decodeHandshakeResponse, decodeSslRequest, isProtocol41, isSslRequest } from "./packets/handshake-response.ts";
import { encodeHandshakeV10, SCRAMBLE_BYTES } from "./packets/handshake-v10.ts";

/** What the machine must know of an account. At least one hash, or `emptyPassword`. */
export interface Account {
  readonly user: string;
  /** SHA1(SHA1(password)), 20 bytes. */
  readonly nativeHash: Buffer | undefined;
  readonly shaCrypt: ShaCryptHash | undefined;
  readonly emptyPassword: boolean;
  readonly requireTls: boolean;
  /** Stands for a user that does not exist: never accepted. */
  readonly decoy: boolean;
}

export interface Accounts<A extends Account> {
  /** The account, or a decoy that is the same for the same name. */
  find(user: string): A;
  /** SHA256(SHA256(password)) if a full login of this account has been seen since its hash was last changed. */
  fastDigestOf(account: A): Buffer | undefined;
}

export interface ServerHandshakeOptions<A extends Account> {
  readonly serverVersion: string;
  readonly connectionId: number;
  /** 20 fresh random bytes; zero bytes among them are replaced. Asked for once. */
  newScramble(): Buffer;
  /** Offered flags; see `OFFERED_CAPABILITIES`. CLIENT_SSL is added when `tlsAvailable`. */
  readonly capabilities: number;
  /** Offered to MariaDB clients when `capabilities` lacks CLIENT_MYSQL. */
  readonly mariadbCapabilities: number;
  /** Plugin named in the greeting. */
  readonly defaultPlugin: typeof NATIVE_PASSWORD | typeof CACHING_SHA2_PASSWORD;
  readonly collation?: number;
  readonly tlsAvailable: boolean;
  /** Refuses clients that do not upgrade (3159), unless the transport is safe already. */
  readonly tlsRequired: boolean;
  /** True for a Unix socket: passwords may come in clear. */
  readonly safeTransport: boolean;
  /** For full logins over plain TCP; without it those are refused. */
  readonly rsaKeys: RsaKeys | undefined;
  /** Told in 1045, as the server sees the client. */
  readonly clientHost: string;
  readonly accounts: Accounts<A>;
}

/** What both sides agreed, once the password was right. */
export interface Login<A extends Account> {
  readonly account: A;
  /** Flags that both sides have. */
  readonly capabilities: number;
  readonly mariadbCapabilities: number;
  readonly collation: number;
  /** Empty if the client named none. */
  readonly database: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly maxPacketBytes: number;
  /** 0 unless the client named one. */
  readonly zstdLevel: number;
  readonly plugin: string;
  readonly tls: boolean;
  /** Of the OK or ERR packet that the shell sends next. */
  readonly sequenceId: number;
}

export type HandshakeEvent<A extends Account> =
  /** Framed bytes for the client. */
  | { readonly kind: "send"; readonly bytes: Buffer }
  /** Start TLS on the socket, bytes not yet read included, then call `tlsEstablished`. */
  | { readonly kind: "upgrade-tls" }
  /** Check the password against `account.shaCrypt` (also a decoy's), then call `passwordChecked`. The buffer is owned. */
  | { readonly kind: "check-password"; readonly account: A; readonly password: Buffer }
  | { readonly kind: "accepted"; readonly login: Login<A> }
  /** Send the error with `sequenceId` and close, or, after COM_CHANGE_USER, go on with `back()`. */
  | { readonly kind: "rejected"; readonly error: ShardgateError; readonly sequenceId: number };

/** What a gateway offers; bits that need more support from it are added by it. */
export const OFFERED_CAPABILITIES =
  CLIENT.MYSQL |
  CLIENT.FOUND_ROWS |
  CLIENT.LONG_FLAG |
  CLIENT.CONNECT_WITH_DB |
  CLIENT.ODBC |
  CLIENT.LOCAL_FILES |
  CLIENT.IGNORE_SPACE |
  CLIENT.PROTOCOL_41 |
  CLIENT.INTERACTIVE |
  CLIENT.TRANSACTIONS |
  CLIENT.RESERVED |
  CLIENT.SECURE_CONNECTION |
  CLIENT.MULTI_STATEMENTS |
  CLIENT.MULTI_RESULTS |
  CLIENT.PS_MULTI_RESULTS |
  CLIENT.PLUGIN_AUTH |
  CLIENT.CONNECT_ATTRS |
  CLIENT.PLUGIN_AUTH_LENENC_CLIENT_DATA |
  CLIENT.SESSION_TRACK |
  CLIENT.DEPRECATE_EOF |
  CLIENT.QUERY_ATTRIBUTES;

const OFFERED_MARIADB =
  MARIADB_CLIENT.PROGRESS | MARIADB_CLIENT.STMT_BULK_OPERATIONS | MARIADB_CLIENT.EXTENDED_METADATA;

/** MariaDB 10 greets with a version of MySQL's before its own: clients that compare numbers take it for one above 8 otherwise. */
export function greetedVersion(serverVersion: string): string {
  return /^10\..*mariadb/i.test(serverVersion) ? `5.5.5-${serverVersion}` : serverVersion;
}

/** What clients are offered in the place of a server of this version: MariaDB's leave CLIENT_MYSQL off, and have more. */
export function offeredCapabilities(
  serverVersion: string,
): Pick<ServerHandshakeOptions<Account>, "capabilities" | "mariadbCapabilities"> {
  if (!/mariadb/i.test(serverVersion)) {
    return { capabilities: OFFERED_CAPABILITIES | CLIENT.OPTIONAL_RESULTSET_METADATA, mariadbCapabilities: 0 };
  }
  const capabilities = OFFERED_CAPABILITIES & ~CLIENT.MYSQL;
  return { capabilities, mariadbCapabilities: OFFERED_MARIADB };
}

/** The client's half, as far as it is known. */
interface Attempt<A extends Account> {
  readonly account: A;
  readonly user: string;
  readonly capabilities: number;
  readonly mariadbCapabilities: number;
  readonly collation: number;
  readonly database: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly maxPacketBytes: number;
  /** 0 unless the client named one. */
  readonly zstdLevel: number;
}

type Phase<A extends Account> =
  | { readonly kind: "greeting" }
  | { readonly kind: "response" }
  | { readonly kind: "tls" }
  | { readonly kind: "switch"; readonly attempt: Attempt<A>; readonly plugin: string }
  | { readonly kind: "password"; readonly attempt: Attempt<A>; readonly keySent: boolean }
  | { readonly kind: "verifying"; readonly attempt: Attempt<A>; readonly sequenceId: number }
  | { readonly kind: "accepted"; readonly attempt: Attempt<A>; readonly plugin: string }
  | { readonly kind: "rejected" };

const EDGES = {
  greeting: ["response"],
  response: ["tls", "switch", "password", "accepted", "rejected"],
  tls: ["response"],
  switch: ["password", "accepted", "rejected"],
  password: ["password", "verifying", "rejected"],
  verifying: ["accepted", "rejected"],
  accepted: ["switch", "password", "accepted", "rejected"],
  rejected: ["accepted"],
} as const satisfies Record<Phase<Account>["kind"], readonly Phase<Account>["kind"][]>;

const NO_ATTRIBUTES: ReadonlyMap<string, string> = new Map();

export class ServerHandshake<A extends Account> {
  readonly #options: ServerHandshakeOptions<A>;
  readonly #offered: number;
  /** In latin1: a Buffer that lives as long as the connection would keep its pool's other bytes, too. */
  readonly #scrambleText: string;
  #phase: Phase<A> = { kind: "greeting" };
  /** Who the client was before COM_CHANGE_USER. */
  #before: (Phase<A> & { readonly kind: "accepted" }) | undefined;
  #tls = false;

  constructor(options: ServerHandshakeOptions<A>) {
    const scramble = options.newScramble();
    assert(scramble.length === SCRAMBLE_BYTES, "a scramble has 20 bytes");
    this.#options = options;
    this.#offered = (options.capabilities & ~CLIENT.SSL) | (options.tlsAvailable ? CLIENT.SSL : 0);
    // Clients read the scramble as a string: no NUL; MySQL also avoids '$'.
    const readable = Buffer.from(scramble.map((byte) => (byte & 0x7f) % 0x5b || 0x5b));
    for (const [index, byte] of readable.entries()) if (byte === 0x24) readable[index] = 0x5c;
    this.#scrambleText = readable.toString("latin1");
  }

  get phase(): Phase<A>["kind"] {
    return this.#phase.kind;
  }

  get #scramble(): Buffer {
    return Buffer.from(this.#scrambleText, "latin1");
  }

  /** The greeting, framed. Called once, first. */
  greet(): Buffer {
    const options = this.#options;
    this.#to({ kind: "response" });
    const payload = encodeHandshakeV10({
      serverVersion: greetedVersion(options.serverVersion),
      connectionId: options.connectionId,
      scramble: this.#scramble,
      capabilities: this.#offered >>> 0,
      mariadbCapabilities: options.mariadbCapabilities,
      collation: options.collation ?? COLLATION_UTF8MB4_GENERAL_CI,
      statusFlags: SERVER.STATUS_AUTOCOMMIT,
      authPlugin: options.defaultPlugin,
    });
    return writeFrame(payload, 0);
  }

  /**
   * Takes the next packet of the client (borrowed until return). Never throws for bad input: a malformed or unexpected
   * packet is a `rejected` event.
   */
  receive(payload: Buffer, sequenceId: number): HandshakeEvent<A>[] {
    const phase = this.#phase;
    try {
      switch (phase.kind) {
        case "response":
          return this.#response(payload, sequenceId);
        case "switch":
          return this.#answer(phase.attempt, phase.plugin, payload, sequenceId);
        case "password":
          return this.#password(phase.attempt, phase.keySent, payload, sequenceId);
        case "verifying":
        case "tls":
        case "greeting":
          return this.#reject(badHandshake(), sequenceId);
        case "accepted":
        case "rejected":
          assert(false, "no packet after the end of the handshake");
          return [];
        default:
          return assertNever(phase);
      }
    } catch (error) {
      if (error instanceof ShardgateError) return this.#reject(badHandshake(error), sequenceId);
      throw error;
    }
  }

  /** The TLS handshake that `upgrade-tls` asked for is done; the client sends its response again, complete. */
  tlsEstablished(): void {
    this.#to({ kind: "response" });
    this.#tls = true;
  }

  /** The outcome of `check-password`. */
  passwordChecked(right: boolean): HandshakeEvent<A>[] {
    const phase = this.#phase;
    assert(phase.kind === "verifying", "a password is being checked");
    return right
      ? this.#accept(phase.attempt, CACHING_SHA2_PASSWORD, phase.sequenceId)
      : this.#deny(phase.attempt, true, phase.sequenceId);
  }

  /** COM_CHANGE_USER on an accepted connection: the same exchange, without a greeting. */
  changeUser(change: ChangeUser, sequenceId: number): HandshakeEvent<A>[] {
    const phase = this.#phase;
    assert(phase.kind === "accepted", "only a logged-in client changes its user");
    this.#before = phase;
    const attempt: Attempt<A> = {
      account: this.#options.accounts.find(change.user),
      user: change.user,
      capabilities: phase.attempt.capabilities,
      mariadbCapabilities: phase.attempt.mariadbCapabilities,
      collation: change.collation === 0 ? phase.attempt.collation : change.collation,
      database: change.database,
      attributes: change.attributes,
      maxPacketBytes: phase.attempt.maxPacketBytes,
      zstdLevel: phase.attempt.zstdLevel,
    };
    // What the client has sent with it, if anything, may be for another scramble: MariaDB asks for it anew, too.
    if ((attempt.capabilities & CLIENT.PLUGIN_AUTH) !== 0) return this.#switch(attempt, change.authPlugin, sequenceId);
    return this.#begin(attempt, change.authPlugin, change.authResponse, sequenceId);
  }

  #response(payload: Buffer, sequenceId: number): HandshakeEvent<A>[] {
    const { tlsAvailable, tlsRequired, safeTransport } = this.#options;
    if (!isProtocol41(payload)) return this.#reject(badHandshake(), sequenceId);
    if (isSslRequest(payload)) {
      decodeSslRequest(payload);
      if (!tlsAvailable || this.#tls) return this.#reject(badHandshake(), sequenceId);
      this.#to({ kind: "tls" });
      return [{ kind: "upgrade-tls" }];
    }
    const response = decodeHandshakeResponse(payload, this.#offered);
    if (tlsRequired && !this.#tls && !safeTransport) {
      const text = "Connections using insecure transport are prohibited while --require_secure_transport=ON.";
      return this.#reject(new ShardgateError("ER_SECURE_TRANSPORT_REQUIRED", text), sequenceId);
    }
    const mariadbClient = ((response.capabilities | this.#offered) & CLIENT.MYSQL) === 0;
    const attempt: Attempt<A> = {
      account: this.#options.accounts.find(response.user),
      user: response.user,
      capabilities: (response.capabilities & this.#offered) >>> 0,
      mariadbCapabilities: mariadbClient ? response.mariadbCapabilities & this.#options.mariadbCapabilities : 0,
      collation: response.collation,
      database: response.database,
      attributes: response.attributes,
      maxPacketBytes: response.maxPacketBytes,
      zstdLevel: response.zstdLevel,
    };
    return this.#begin(attempt, response.authPlugin, response.authResponse, sequenceId);
  }

  /** Uses the answer at hand if its plugin fits the account, else asks for another with an auth switch. */
  #begin(attempt: Attempt<A>, plugin: string | undefined, answer: Buffer, sequenceId: number): HandshakeEvent<A>[] {
    const { account } = attempt;
    const canSwitch = (attempt.capabilities & CLIENT.PLUGIN_AUTH) !== 0;
    const named = canSwitch ? (plugin ?? NATIVE_PASSWORD) : NATIVE_PASSWORD;
    // The C clients answer with nothing when told (--default-auth) to use another plugin than the greeting's: they take
    // its scramble for that plugin's only, and wait for a switch.
    const unanswered = canSwitch && isEmpty(answer) && !account.emptyPassword && named !== this.#options.defaultPlugin;
    if (usable(account, named) && !unanswered) return this.#answer(attempt, named, answer, sequenceId);
    if (!canSwitch) {
      const text =
        "Client does not support authentication protocol requested by server; consider upgrading MySQL client";
      return this.#reject(new ShardgateError("ER_NOT_SUPPORTED_AUTH_MODE", text), sequenceId);
    }
    return this.#switch(attempt, named, sequenceId);
  }

  /** Asks for an answer with a plugin that fits the account, `named` if that does. */
  #switch(attempt: Attempt<A>, named: string | undefined, sequenceId: number): HandshakeEvent<A>[] {
    const { account } = attempt;
    let wanted: string = account.shaCrypt === undefined ? NATIVE_PASSWORD : CACHING_SHA2_PASSWORD;
    if (named !== undefined && usable(account, named)) wanted = named;
    else if (usable(account, this.#options.defaultPlugin)) wanted = this.#options.defaultPlugin;
    this.#to({ kind: "switch", attempt, plugin: wanted });
    return [send(encodeAuthSwitchRequest({ plugin: wanted, scramble: this.#scramble }), sequenceId)];
  }

  #answer(attempt: Attempt<A>, plugin: string, answer: Buffer, sequenceId: number): HandshakeEvent<A>[] {
    const { account } = attempt;
    const empty = isEmpty(answer);
    if (empty || account.emptyPassword) {
      return empty && account.emptyPassword
        ? this.#accept(attempt, plugin, sequenceId)
        : this.#deny(attempt, !empty, sequenceId);
    }
    if (plugin === NATIVE_PASSWORD) {
      const { nativeHash } = account;
      return nativeHash !== undefined && verifyNative(answer, this.#scramble, nativeHash)
        ? this.#accept(attempt, plugin, sequenceId)
        : this.#deny(attempt, true, sequenceId);
    }
    const digest = this.#options.accounts.fastDigestOf(account);
    if (digest !== undefined && verifyFast(answer, this.#scramble, digest)) {
      const success = send(encodeAuthMoreData(Buffer.of(FAST_AUTH_SUCCESS)), sequenceId);
      return [success, ...this.#accept(attempt, plugin, sequenceId + 1)];
    }
    this.#to({ kind: "password", attempt, keySent: false });
    return [send(encodeAuthMoreData(Buffer.of(PERFORM_FULL_AUTHENTICATION)), sequenceId)];
  }

  #password(attempt: Attempt<A>, keySent: boolean, payload: Buffer, sequenceId: number): HandshakeEvent<A>[] {
    const { rsaKeys, safeTransport } = this.#options;
    let password: Buffer | undefined;
    if (this.#tls || safeTransport) password = passwordInClear(payload);
    else if (rsaKeys === undefined) return this.#deny(attempt, true, sequenceId);
    else if (!keySent && payload.length === 1 && payload[0] === REQUEST_PUBLIC_KEY) {
      this.#to({ kind: "password", attempt, keySent: true });
      return [send(encodeAuthMoreData(Buffer.from(rsaKeys.publicKeyPem, "latin1")), sequenceId)];
    } else password = passwordEncrypted(payload, this.#scramble, rsaKeys.privateKeyPem);
    if (password === undefined) return this.#deny(attempt, true, sequenceId);
    this.#to({ kind: "verifying", attempt, sequenceId });
    return [{ kind: "check-password", account: attempt.account, password: Buffer.from(password) }];
  }

  #accept(attempt: Attempt<A>, plugin: string, sequenceId: number): HandshakeEvent<A>[] {
    const { account } = attempt;
    if (account.decoy || (account.requireTls && !this.#tls && !this.#options.safeTransport)) {
      return this.#deny(attempt, true, sequenceId);
    }
    // What is kept for COM_CHANGE_USER, which brings attributes of its own.
    this.#to({ kind: "accepted", attempt: { ...attempt, attributes: NO_ATTRIBUTES }, plugin });
    return [{ kind: "accepted", login: this.#login(attempt, plugin, (sequenceId + 1) & 0xff) }];
  }

  #login(attempt: Attempt<A>, plugin: string, sequenceId: number): Login<A> {
    const { account, capabilities, mariadbCapabilities, collation, database, attributes } = attempt;
    const { maxPacketBytes, zstdLevel } = attempt;
    return {
      account,
      capabilities,
      mariadbCapabilities,
      collation,
      database,
      attributes,
      maxPacketBytes,
      zstdLevel,
      plugin,
      tls: this.#tls,
      sequenceId,
    };
  }

  /** A COM_CHANGE_USER has failed: the client is again who it was before, with `database` selected. */
  back(database: string): Login<A> {
    const before = this.#before;
    assert(before !== undefined, "the client has changed its user");
    this.#to(before);
    return this.#login({ ...before.attempt, database }, before.plugin, 0);
  }

  #deny(attempt: Attempt<A>, usedPassword: boolean, sequenceId: number): HandshakeEvent<A>[] {
    const who = `'${attempt.user}'@'${this.#options.clientHost}'`;
    const text = `Access denied for user ${who} (using password: ${usedPassword ? "YES" : "NO"})`;
    return this.#reject(new ShardgateError("ER_ACCESS_DENIED", text), sequenceId);
  }

  #reject(error: ShardgateError, sequenceId: number): HandshakeEvent<A>[] {
    this.#phase = { kind: "rejected" };
    return [{ kind: "rejected", error, sequenceId: (sequenceId + 1) & 0xff }];
  }

  #to(next: Phase<A>): void {
    const legal: readonly string[] = EDGES[this.#phase.kind];
    assert(legal.includes(next.kind), `no edge from ${this.#phase.kind} to ${next.kind}`);
    this.#phase = next;
  }
}

function usable(account: Account, plugin: string): boolean {
  if (plugin === NATIVE_PASSWORD) return account.nativeHash !== undefined || account.emptyPassword;
  if (plugin === CACHING_SHA2_PASSWORD) return account.shaCrypt !== undefined || account.emptyPassword;
  return false;
}

function isEmpty(answer: Buffer): boolean {
  return answer.length === 0 || (answer.length === 1 && answer[0] === 0);
}

function send(payload: Buffer, sequenceId: number): { readonly kind: "send"; readonly bytes: Buffer } {
  return { kind: "send", bytes: writeFrame(payload, sequenceId + 1) };
}

function badHandshake(cause?: unknown): ShardgateError {
  return new ShardgateError("ER_HANDSHAKE", "Bad handshake", cause);
}
