// Who may log in: the users file, checked as a whole and swapped as a whole, so that a bad file never replaces a good one.
// Passwords are kept as hashes only, in MySQL's own stored forms. Without a file there is `root` without a password, from
// this machine only. Names nobody has get a decoy account, so that a login tells nothing about which names exist.
//
//   { "users": { "app": { "caching_sha2_password": "$A$005$…", "mysql_native_password": "*6BB4…",
//                         "defaultKeyspace": "customer", "requireTls": true, "maxConnections": 200,
//                         "rights": { "customer": ["read", "write"], "commerce.product*": ["read"] } } } }

import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { messageOf, ShardgateError } from "../../base/errors.ts";
import { LIMITS } from "../../base/limits.ts";
import { fastDigest, PASSWORD_BYTES_MAX } from "../../mysql/auth/caching-sha2.ts";
import { nativeHash } from "../../mysql/auth/native-password.ts";
import {
  formatShaCrypt,
  parseShaCrypt,
  ROUNDS_DEFAULT,
  SALT_BYTES,
  type ShaCryptHash,
  shaCrypt,
  verifyShaCrypt,
} from "../../mysql/auth/sha-crypt.ts";
import type { Account, Accounts } from "../../mysql/server-handshake.ts";

/** `admin` is for statements that concern the whole cluster or other users' sessions; it includes the other three. */
export const RIGHTS = ["read", "write", "ddl", "admin"] as const;
export type Right = (typeof RIGHTS)[number];

/** What is granted on a pattern: "keyspace" or "keyspace.table", each with `*` for any characters. */
export interface Grant {
  /** As written. */
  readonly pattern: { readonly keyspace: string; readonly table: string };
  readonly keyspace: RegExp;
  readonly table: RegExp;
  /** True for a pattern that covers every table of its keyspaces. */
  readonly wholeKeyspace: boolean;
  readonly rights: ReadonlySet<Right>;
}

export interface User extends Account {
  readonly defaultKeyspace: string | undefined;
  readonly grants: readonly Grant[];
  /** undefined: no limit of its own. */
  readonly maxConnections: number | undefined;
  readonly loopbackOnly: boolean;
}

/** The stored forms of one password, as they stand in the users file. */
export interface PasswordHashes {
  readonly mysql_native_password: string;
  readonly caching_sha2_password: string;
}

/** The users now in force. */
export class Users {
  #users: ReadonlyMap<string, User>;
  #digests = new WeakMap<User, Buffer>();
  readonly #decoyKey: Buffer;
  readonly #local: Accounts<User>;
  readonly #remote: Accounts<User>;
  #checks: Promise<unknown> = Promise.resolve();
  #checksQueued = 0;

  /** `decoyKey` is random and stays the same for the process's life. */
  constructor(users: ReadonlyMap<string, User>, decoyKey: Buffer = randomBytes(32)) {
    this.#users = users;
    this.#decoyKey = decoyKey;
    const fastDigestOf = (user: User): Buffer | undefined => this.#digests.get(user);
    this.#local = { find: (name) => this.#find(name, true), fastDigestOf };
    this.#remote = { find: (name) => this.#find(name, false), fastDigestOf };
  }

  /** The accounts as a client sees them that comes from this machine, or from elsewhere. */
  accountsFor(fromLoopback: boolean): Accounts<User> {
    return fromLoopback ? this.#local : this.#remote;
  }

  /** The user with this name, if there is one. */
  get(name: string): User | undefined {
    return this.#users.get(name);
  }

  get size(): number {
    return this.#users.size;
  }

  /**
   * Puts another set in force, at once and as a whole; sessions keep the User they logged in with. Users whose hash has
   * not changed keep their fast path.
   */
  replace(users: ReadonlyMap<string, User>): void {
    for (const [name, user] of users) {
      const before = this.#users.get(name);
      const digest = before === undefined ? undefined : this.#digests.get(before);
      if (digest !== undefined && sameHash(before?.shaCrypt, user.shaCrypt)) this.#digests.set(user, digest);
    }
    this.#users = users;
  }

  /**
   * Checks a password against the user's SHA-crypt hash (about 10 ms of CPU, in slices; one check at a time) and remembers
   * its digest for the fast path. A decoy takes as long. Throws LIMIT_REACHED when too many checks are waiting.
   */
  async checkPassword(user: User, password: Buffer): Promise<boolean> {
    if (this.#checksQueued >= LIMITS.passwordChecksQueuedMax) {
      throw new ShardgateError("LIMIT_REACHED", "too many logins at once; try again later");
    }
    this.#checksQueued++;
    const check = this.#checks.then(() => this.#check(user, password));
    this.#checks = check.catch(() => undefined);
    try {
      return await check;
    } finally {
      this.#checksQueued--;
    }
  }

  async #check(user: User, password: Buffer): Promise<boolean> {
    if (user.shaCrypt === undefined || password.length > PASSWORD_BYTES_MAX) return false;
    const digest = fastDigest(password);
    // Many connections of one application log in together: the first has done the work for the others.
    const known = this.#digests.get(user);
    if (known !== undefined && timingSafeEqual(known, digest)) return true;
    const right = await verifyShaCrypt(password, user.shaCrypt);
    if (right && !user.decoy) this.#digests.set(user, digest);
    return right && !user.decoy;
  }

  #find(name: string, fromLoopback: boolean): User {
    const user = this.#users.get(name);
    if (user !== undefined && (fromLoopback || !user.loopbackOnly)) return user;
    return this.#decoy(name);
  }

  /** Has the plugins of one of the real users, always the same for the same name, and hashes that nothing meets. */
  #decoy(name: string): User {
    const random = createHmac("sha512", this.#decoyKey).update(name).digest();
    const models = [...this.#users.values()].filter((user) => !user.emptyPassword);
    const model = models.length === 0 ? undefined : models[random.readUInt32LE(60) % models.length];
    const salt = Buffer.alloc(SALT_BYTES, 0x2e);
    return {
      user: name,
      nativeHash: model !== undefined && model.nativeHash === undefined ? undefined : random.subarray(0, 20),
      shaCrypt:
        model !== undefined && model.shaCrypt === undefined
          ? undefined
          : { rounds: model?.shaCrypt?.rounds ?? ROUNDS_DEFAULT, salt, digest: random.subarray(20, 52) },
      emptyPassword: false,
      requireTls: false,
      decoy: true,
      defaultKeyspace: undefined,
      grants: [],
      maxConnections: undefined,
      loopbackOnly: false,
    };
  }
}

/** The users when there is no file: `root` without a password, from this machine only. */
export function defaultUsers(): ReadonlyMap<string, User> {
  const everything: Grant = {
    pattern: { keyspace: "*", table: "*" },
    keyspace: /^/,
    table: /^/,
    wholeKeyspace: true,
    rights: new Set(RIGHTS),
  };
  const root: User = {
    user: "root",
    nativeHash: undefined,
    shaCrypt: undefined,
    emptyPassword: true,
    requireTls: false,
    decoy: false,
    defaultKeyspace: undefined,
    grants: [everything],
    maxConnections: undefined,
    loopbackOnly: true,
  };
  return new Map([["root", root]]);
}

/**
 * Reads a users file's text. Throws CONFIG_BAD that lists every fault with its path, one a line; nothing of a file with a
 * fault is used.
 */
export function parseUsers(text: string, fileName = "users file"): ReadonlyMap<string, User> {
  const faults: string[] = [];
  const users = new Map<string, User>();
  let root: unknown;
  try {
    root = JSON.parse(text);
  } catch (error) {
    throw new ShardgateError("CONFIG_BAD", `${fileName}: not JSON: ${messageOf(error)}`, error);
  }
  if (!isRecord(root) || !isRecord(root["users"])) {
    throw new ShardgateError("CONFIG_BAD", `${fileName}: expected an object with "users": { name: { … } }`);
  }
  for (const key of Object.keys(root)) if (key !== "users") faults.push(`${key}: unknown field`);
  for (const [name, entry] of Object.entries(root["users"])) {
    const path = `users.${name}`;
    if (name.length > 32) faults.push(`${path}: a name has at most 32 characters`);
    if (!isRecord(entry)) faults.push(`${path}: expected an object`);
    else users.set(name, readUser(name, entry, path, faults));
  }
  if (faults.length === 0) return users;
  throw new ShardgateError("CONFIG_BAD", [`${fileName} was not loaded:`, ...faults].join("\n"));
}

/** Both stored forms of a password, for `shardgate hash-password`. Throws CONFIG_BAD if it is too long or has a NUL. */
export async function hashPassword(password: string): Promise<PasswordHashes> {
  const bytes = Buffer.from(password, "utf8");
  if (bytes.length === 0) throw new ShardgateError("CONFIG_BAD", "the password is empty");
  if (bytes.length > PASSWORD_BYTES_MAX || bytes.includes(0)) {
    throw new ShardgateError("CONFIG_BAD", `a password has at most ${PASSWORD_BYTES_MAX} bytes and no NUL`);
  }
  // Printable salt, so that the hash can be pasted into JSON as it is.
  const salt = Buffer.from(randomBytes(SALT_BYTES).map((byte) => SALT_ALPHABET.charCodeAt(byte & 63)));
  return {
    mysql_native_password: `*${nativeHash(password).toString("hex").toUpperCase()}`,
    caching_sha2_password: formatShaCrypt(await shaCrypt(bytes, salt)),
  };
}

/** True if one of the user's grants that match the table gives the right. */
export function allows(user: User, right: Right, keyspace: string, table: string): boolean {
  for (const grant of user.grants) {
    if (!grant.rights.has(right) && !grant.rights.has("admin")) continue;
    if (grant.keyspace.test(keyspace) && grant.table.test(table)) return true;
  }
  return false;
}

/** True if the user has any right on anything in the keyspace: it may be used and is listed. */
export function seesKeyspace(user: User, keyspace: string): boolean {
  return user.grants.some((grant) => grant.rights.size > 0 && grant.keyspace.test(keyspace));
}

/** A schema that every server has for itself. */
export function seesSystemSchema(user: User, schema: string): boolean {
  return schema === "information_schema" || seesKeyspace(user, schema);
}

/** True if the user has `admin` on every keyspace: statements about the cluster and other users' sessions. */
export function isAdmin(user: User): boolean {
  return user.grants.some((grant) => grant.rights.has("admin") && grant.wholeKeyspace && grant.keyspace.test(""));
}

const SALT_ALPHABET = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const FIELDS = [
  "mysql_native_password",
  "caching_sha2_password",
  "emptyPassword",
  "defaultKeyspace",
  "rights",
  "maxConnections",
  "requireTls",
  "loopbackOnly",
];

function readUser(name: string, entry: Record<string, unknown>, path: string, faults: string[]): User {
  for (const key of Object.keys(entry)) {
    if (!FIELDS.includes(key)) faults.push(`${path}.${key}: unknown field; known are ${FIELDS.join(", ")}`);
  }
  const native = optional(entry, "mysql_native_password", "string", path, faults);
  if (native !== undefined && !/^\*[0-9A-Fa-f]{40}$/.test(native)) {
    faults.push(`${path}.mysql_native_password: expected "*" and 40 hexadecimal digits`);
  }
  const stored = optional(entry, "caching_sha2_password", "string", path, faults);
  const parsed = stored === undefined ? undefined : parseShaCrypt(stored);
  if (stored !== undefined && parsed === undefined) {
    faults.push(`${path}.caching_sha2_password: expected "$A$005$", ${SALT_BYTES} characters of salt and 43 of hash`);
  }
  const emptyPassword = optional(entry, "emptyPassword", "boolean", path, faults) ?? false;
  if (native === undefined && stored === undefined && !emptyPassword) {
    faults.push(`${path}: no password hash (see shardgate hash-password); for none at all say "emptyPassword": true`);
  }
  if (emptyPassword && (native !== undefined || stored !== undefined)) {
    faults.push(`${path}.emptyPassword: contradicts the password hash beside it`);
  }
  const maxConnections = optional(entry, "maxConnections", "number", path, faults);
  if (maxConnections !== undefined && (!Number.isInteger(maxConnections) || maxConnections < 1)) {
    faults.push(`${path}.maxConnections: expected a whole number of at least 1`);
  }
  return {
    user: name,
    nativeHash: native === undefined ? undefined : Buffer.from(native.slice(1), "hex"),
    shaCrypt: parsed,
    emptyPassword,
    requireTls: optional(entry, "requireTls", "boolean", path, faults) ?? false,
    decoy: false,
    defaultKeyspace: optional(entry, "defaultKeyspace", "string", path, faults),
    grants: readGrants(entry["rights"], `${path}.rights`, faults),
    maxConnections,
    loopbackOnly: optional(entry, "loopbackOnly", "boolean", path, faults) ?? false,
  };
}

function readGrants(rights: unknown, path: string, faults: string[]): Grant[] {
  if (!isRecord(rights)) {
    faults.push(`${path}: expected an object such as { "customer": ["read", "write"], "*": ["read"] }`);
    return [];
  }
  const grants: Grant[] = [];
  for (const [pattern, list] of Object.entries(rights)) {
    const at = `${path}[${JSON.stringify(pattern)}]`;
    const [keyspace = "", table = "*", ...more] = pattern.split(".");
    if (keyspace === "" || table === "" || more.length > 0) {
      faults.push(`${at}: expected "keyspace" or "keyspace.table"`);
      continue;
    }
    if (!Array.isArray(list)) {
      faults.push(`${at}: expected a list of ${RIGHTS.join(", ")}`);
      continue;
    }
    const given = new Set<Right>();
    for (const [index, name] of list.entries()) {
      const right = RIGHTS.find((known) => known === name);
      if (right === undefined)
        faults.push(`${at}[${index}]: ${JSON.stringify(name)} is not one of ${RIGHTS.join(", ")}`);
      else given.add(right);
    }
    grants.push({
      pattern: { keyspace, table },
      keyspace: globToRegExp(keyspace),
      table: globToRegExp(table),
      wholeKeyspace: /^\*+$/.test(table),
      rights: given,
    });
  }
  return grants;
}

interface Primitives {
  string: string;
  number: number;
  boolean: boolean;
}

function optional<K extends keyof Primitives>(
  entry: Record<string, unknown>,
  key: string,
  type: K,
  path: string,
  faults: string[],
): Primitives[K] | undefined {
  const value = entry[key];
  if (value === undefined) return undefined;
  if (isPrimitive(value, type)) return value;
  faults.push(`${path}.${key}: expected a ${type}`);
  return undefined;
}

function isPrimitive<K extends keyof Primitives>(value: unknown, type: K): value is Primitives[K] {
  return typeof value === type;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `*` stands for any characters; everything else for itself. Runs of `*` are one, so that matching stays cheap. */
function globToRegExp(glob: string): RegExp {
  const parts = glob.split(/\*+/).map((part) => part.replaceAll(/[\\^$.|?+()[\]{}]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`, "su");
}

function sameHash(left: ShaCryptHash | undefined, right: ShaCryptHash | undefined): boolean {
  if (left === undefined || right === undefined) return false;
  return left.rounds === right.rounds && left.salt.equals(right.salt) && left.digest.equals(right.digest);
}
