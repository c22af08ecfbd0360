// The connection phase, path by path: a scripted client against the machine. `login` plays any client honestly and notes
// what the server did, so that each row names the steps expected.

import { constants, publicEncrypt } from "node:crypto";
import { beforeAll, describe, expect, test } from "vitest";
import { hashPassword, parseUsers, type User, Users } from "../../../src/gateway/access/users.ts";
import { cachingSha2Answer, generateRsaKeys, type RsaKeys } from "../../../src/mysql/auth/caching-sha2.ts";
import { nativeAnswer } from "../../../src/mysql/auth/native-password.ts";
import { CLIENT, MARIADB_CLIENT } from "../../../src/mysql/constants.ts";
import { decodeAuthMoreData, decodeAuthSwitchRequest } from "../../../src/mysql/packets/auth-switch.ts";
import { encodeHandshakeResponse, encodeSslRequest } from "../../../src/mysql/packets/handshake-response.ts";
import { decodeHandshakeV10 } from "../../../src/mysql/packets/handshake-v10.ts";
import {
  greetedVersion,
  type HandshakeEvent,
  type Login,
  OFFERED_CAPABILITIES,
  offeredCapabilities,
  ServerHandshake,
  type ServerHandshakeOptions,
} from "../../../src/mysql/server-handshake.ts";
import { unframe } from "../../wire/reply-builder.ts";

let rsaKeys: RsaKeys;
const CAPABILITIES =
  CLIENT.MYSQL |
  CLIENT.PROTOCOL_41 |
  CLIENT.SECURE_CONNECTION |
  CLIENT.PLUGIN_AUTH |
  CLIENT.CONNECT_WITH_DB |
  CLIENT.CONNECT_ATTRS |
  CLIENT.PLUGIN_AUTH_LENENC_CLIENT_DATA;

let file: string;

beforeAll(async () => {
  rsaKeys = await generateRsaKeys();
  const hashes = await hashPassword("secret");
  const rights = { "*": ["read"] };
  file = JSON.stringify({
    users: {
      both: { ...hashes, rights },
      native: { mysql_native_password: hashes.mysql_native_password, rights },
      sha2: { caching_sha2_password: hashes.caching_sha2_password, rights },
      tls: { ...hashes, requireTls: true, rights },
      open: { emptyPassword: true, rights },
    },
  });
});

interface Client {
  user: string;
  password: string;
  /** Plugin the client names in its response. */
  plugin: string;
  tls?: boolean;
  unixSocket?: boolean;
  rsa?: "ask" | "has-key";
  capabilities?: number;
}

const client = (change: Partial<Client>): Client => ({
  user: "both",
  password: "secret",
  plugin: "mysql_native_password",
  ...change,
});
const SHA2 = "caching_sha2_password";

describe("logins", () => {
  test.each<[string, Partial<Client>, string[]]>([
    ["native", {}, ["accepted"]],
    ["native with a wrong password", { password: "wrong" }, ["rejected 1045"]],
    ["native without a password", { password: "" }, ["switch mysql_native_password", "rejected 1045"]],
    ["full over RSA, asking for the key", { plugin: SHA2 }, ["more 4", "more key", "check", "accepted"]],
    ["full over RSA, knowing the key", { plugin: SHA2, rsa: "has-key" }, ["more 4", "check", "accepted"]],
    ["full over TLS", { plugin: SHA2, tls: true }, ["tls", "more 4", "check", "accepted"]],
    [
      "full with a wrong password",
      { plugin: SHA2, password: "wrong" },
      ["more 4", "more key", "check", "rejected 1045"],
    ],
    ["sha2 without a password", { plugin: SHA2, password: "" }, ["rejected 1045"]],
    [
      "native client, sha2 user",
      { user: "sha2" },
      ["switch caching_sha2_password", "more 4", "more key", "check", "accepted"],
    ],
    ["sha2 client, native user", { user: "native", plugin: SHA2 }, ["switch mysql_native_password", "accepted"]],
    [
      "clear-text plugin is never used",
      { plugin: "mysql_clear_password", tls: true },
      ["tls", "switch caching_sha2_password", "more 4", "check", "accepted"],
    ],
    [
      "plugin nobody knows",
      { plugin: "authentication_ldap" },
      ["switch caching_sha2_password", "more 4", "more key", "check", "accepted"],
    ],
    ["client before PLUGIN_AUTH", { capabilities: CAPABILITIES & ~CLIENT.PLUGIN_AUTH }, ["accepted"]],
    [
      "client before PLUGIN_AUTH, sha2 user",
      { user: "sha2", capabilities: CAPABILITIES & ~CLIENT.PLUGIN_AUTH },
      ["rejected 1251"],
    ],
    ["empty password", { user: "open", password: "" }, ["accepted"]],
    ["a password where there is none", { user: "open" }, ["rejected 1045"]],
    ["user that requires TLS, without", { user: "tls" }, ["rejected 1045"]],
    ["user that requires TLS, with", { user: "tls", tls: true }, ["tls", "accepted"]],
  ])("%s", async (_name, change, steps) => {
    expect((await login(machine(), client(change))).steps).toEqual(steps);
  });

  test("the second sha2 login is fast; a wrong password then still takes the full path", async () => {
    const users = new Users(parseUsers(file));
    await login(machine(users), client({ plugin: SHA2 }));
    expect((await login(machine(users), client({ plugin: SHA2 }))).steps).toEqual(["more 3", "accepted"]);
    const wrong = await login(machine(users), client({ plugin: SHA2, password: "wrong" }));
    expect(wrong.steps).toEqual(["more 4", "more key", "check", "rejected 1045"]);
  });

  test("an unknown user cannot be told from a wrong password", async () => {
    for (const plugin of [SHA2, "mysql_native_password", "dialog"]) {
      const wrong = await login(machine(), client({ plugin, password: "wrong" }));
      const seen = new Set<string>();
      for (const user of ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"]) {
        const unknown = await login(machine(), client({ plugin, user }));
        seen.add(unknown.steps.join());
        expect(unknown.error?.message.replace(`'${user}'`, "'both'")).toBe(wrong.error?.message);
      }
      expect(seen).toContain(wrong.steps.join());
    }
  });

  test("without TLS or RSA keys the full path ends in a refusal", async () => {
    const steps = (await login(machine(undefined, { rsaKeys: undefined }), client({ plugin: SHA2 }))).steps;
    expect(steps).toEqual(["more 4", "rejected 1045"]);
  });

  test("a Unix socket is as safe as TLS", async () => {
    const options = { safeTransport: true, tlsRequired: true, tlsAvailable: false };
    const { steps } = await login(machine(undefined, options), client({ plugin: SHA2, unixSocket: true }));
    expect(steps).toEqual(["more 4", "check", "accepted"]);
  });

  test("TLS required of all", async () => {
    expect((await login(machine(undefined, { tlsRequired: true }), client({}))).steps).toEqual(["rejected 3159"]);
    expect((await login(machine(undefined, { tlsRequired: true }), client({ tls: true }))).steps).toEqual([
      "tls",
      "accepted",
    ]);
  });

  test("what was agreed is told", async () => {
    const users = new Users(parseUsers(file));
    const { login: agreed } = await login(machine(users), client({ capabilities: CAPABILITIES | CLIENT.COMPRESS }));
    expect(agreed).toMatchObject({
      database: "customer",
      collation: 45,
      sequenceId: 2,
      tls: false,
      plugin: "mysql_native_password",
    });
    expect(agreed?.capabilities).toBe(CAPABILITIES);
    expect(agreed?.attributes.get("_client_name")).toBe("test");
    expect(agreed?.account).toBe(users.get("both"));
  });

  test("MariaDB 10 is greeted with as it greets itself", () => {
    expect(greetedVersion("10.11.19-MariaDB-0+deb12u1-shardgate")).toBe("5.5.5-10.11.19-MariaDB-0+deb12u1-shardgate");
    expect(greetedVersion("11.4.2-MariaDB-shardgate")).toBe("11.4.2-MariaDB-shardgate");
    expect(greetedVersion("8.0.36-shardgate")).toBe("8.0.36-shardgate");
  });

  test("MariaDB's extended capabilities, where the greeting offered them", async () => {
    const offered = {
      capabilities: OFFERED_CAPABILITIES & ~CLIENT.MYSQL,
      mariadbCapabilities: MARIADB_CLIENT.CACHE_METADATA,
    };
    const mariadb = client({ capabilities: CAPABILITIES & ~CLIENT.MYSQL });
    expect((await login(machine(undefined, offered), mariadb)).login?.mariadbCapabilities).toBe(
      MARIADB_CLIENT.CACHE_METADATA,
    );
    expect((await login(machine(undefined, offered), client({}))).login?.mariadbCapabilities).toBe(0);
    expect((await login(machine(), mariadb)).login?.mariadbCapabilities).toBe(0);
  });

  test("COM_CHANGE_USER goes the same way", async () => {
    const server = machine();
    const first = await login(server, client({}));
    expect(first.steps).toEqual(["accepted"]);
    const change = {
      user: "sha2",
      authResponse: cachingSha2Answer("secret", first.scramble),
      database: "commerce",
      collation: 0,
      authPlugin: SHA2,
      attributes: new Map(),
    };
    // Whatever came with the command, the answer is asked for anew.
    const [asked] = server.changeUser(change, 0);
    const request = asked?.kind === "send" ? unframe(asked.bytes).payloads[0] : undefined;
    expect(request?.toString("latin1", 0, 23)).toBe(`\xfe${SHA2}\0`);
    const answered = server.receive(cachingSha2Answer("secret", first.scramble), 2);
    expect(answered.map((event) => event.kind)).toEqual(["send"]);
    // No full login of this account has been seen: the password itself is wanted, and there is no TLS.
    expect(server.receive(Buffer.of(2), 4).map((event) => event.kind)).toEqual(["send"]);
  });

  test("COM_CHANGE_USER of a client without plugins is judged as it is", async () => {
    const server = machine(undefined, { defaultPlugin: "mysql_native_password" });
    const capabilities = CLIENT.MYSQL | CLIENT.PROTOCOL_41 | CLIENT.SECURE_CONNECTION;
    const first = await login(server, client({ user: "native", capabilities }));
    expect(first.steps).toEqual(["accepted"]);
    const change = { user: "native", database: "", collation: 0, authPlugin: undefined, attributes: new Map() };
    const right = server.changeUser({ ...change, authResponse: nativeAnswer("secret", first.scramble) }, 0);
    expect(right.map((event) => event.kind)).toEqual(["accepted"]);
    const wrong = server.changeUser({ ...change, authResponse: nativeAnswer("wrong", first.scramble) }, 0);
    expect(wrong.map((event) => event.kind)).toEqual(["rejected"]);
  });

  test("what is offered in the place of MariaDB leaves CLIENT_MYSQL off, and has more", () => {
    const mysql = offeredCapabilities("8.0.36-shardgate");
    const mariadb = offeredCapabilities("10.11.6-MariaDB-shardgate");
    const capabilities = OFFERED_CAPABILITIES | CLIENT.OPTIONAL_RESULTSET_METADATA;
    expect(mysql).toEqual({ capabilities, mariadbCapabilities: 0 });
    expect(mariadb.capabilities).toBe(OFFERED_CAPABILITIES & ~CLIENT.MYSQL);
    const { PROGRESS, STMT_BULK_OPERATIONS, EXTENDED_METADATA } = MARIADB_CLIENT;
    expect(mariadb.mariadbCapabilities).toBe(PROGRESS | STMT_BULK_OPERATIONS | EXTENDED_METADATA);
  });
});

describe("bad input", () => {
  test.each<[string, Buffer]>([
    ["empty packet", Buffer.alloc(0)],
    ["client before 4.1", Buffer.of(0x85, 0x24, 0, 0, 0, 0x61, 0)],
    ["cut-off response", encodeHandshakeResponse(response(client({}), Buffer.alloc(20))).subarray(0, 40)],
    [
      "length beyond the end",
      Buffer.concat([
        encodeHandshakeResponse(response(client({}), Buffer.alloc(20))).subarray(0, 37),
        Buffer.of(0xfe),
        Buffer.alloc(8, 0xff),
      ]),
    ],
    ["cut-off SSLRequest", encodeSslRequest(response(client({ tls: true }), Buffer.alloc(0))).subarray(0, 20)],
  ])("%s", (_name, payload) => {
    const server = machine();
    server.greet();
    const events = server.receive(payload, 1);
    expect(events).toMatchObject([{ kind: "rejected", error: { errno: 1043 }, sequenceId: 2 }]);
    expect(server.phase).toBe("rejected");
  });

  test("an SSLRequest inside TLS, and one that was not offered", () => {
    const request = encodeSslRequest(response(client({ tls: true }), Buffer.alloc(0)));
    const server = machine();
    server.greet();
    expect(server.receive(request, 1)).toEqual([{ kind: "upgrade-tls" }]);
    server.tlsEstablished();
    expect(server.receive(request, 2)).toMatchObject([{ kind: "rejected", error: { errno: 1043 } }]);
    const without = machine(undefined, { tlsAvailable: false });
    without.greet();
    expect(without.receive(request, 1)).toMatchObject([{ kind: "rejected", error: { errno: 1043 } }]);
  });

  test("the key is sent once", async () => {
    const server = machine();
    server.greet();
    server.receive(encodeHandshakeResponse(response(client({ plugin: SHA2 }), Buffer.alloc(32, 1))), 1);
    expect(server.receive(Buffer.of(2), 3).map((event) => event.kind)).toEqual(["send"]);
    expect(server.receive(Buffer.of(2), 5)).toMatchObject([{ kind: "rejected", error: { errno: 1045 } }]);
  });
});

test("a scramble never has NUL or $ in it, whatever the random bytes", () => {
  for (let byte = 0; byte < 256; byte++) {
    const { scramble } = decodeHandshakeV10(
      unframe(machine(undefined, { newScramble: () => Buffer.alloc(20, byte) }).greet()).payloads[0] ?? Buffer.alloc(0),
    );
    expect(scramble).toHaveLength(20);
    expect(scramble.includes(0)).toBe(false);
    expect(scramble.includes(0x24)).toBe(false);
  }
});

function machine(
  users = new Users(parseUsers(file)),
  change: Partial<ServerHandshakeOptions<User>> = {},
): ServerHandshake<User> & { users: Users } {
  const server = new ServerHandshake<User>({
    serverVersion: "8.0.36-shardgate",
    connectionId: 7,
    newScramble: () => Buffer.from("\0\x01abc$xyz0123456789-"),
    capabilities: OFFERED_CAPABILITIES,
    mariadbCapabilities: 0,
    defaultPlugin: "caching_sha2_password",
    tlsAvailable: true,
    tlsRequired: false,
    safeTransport: false,
    rsaKeys,
    clientHost: "127.0.0.1",
    accounts: users.accountsFor(true),
    ...change,
  });
  return Object.assign(server, { users });
}

interface Outcome {
  steps: string[];
  scramble: Buffer;
  login?: Login<User>;
  error?: Error;
}

/** Plays a client until the server accepts or rejects. */
async function login(server: ServerHandshake<User> & { users: Users }, who: Client): Promise<Outcome> {
  const greeting = decodeHandshakeV10(unframe(server.greet()).payloads[0] ?? Buffer.alloc(0));
  const outcome: Outcome = { steps: [], scramble: greeting.scramble };
  const safe = who.tls === true;
  let scramble = greeting.scramble;
  let sequenceId = 1;
  if (safe) {
    expect(server.receive(encodeSslRequest(response(who, Buffer.alloc(0))), sequenceId++)).toEqual([
      { kind: "upgrade-tls" },
    ]);
    outcome.steps.push("tls");
    server.tlsEstablished();
  }
  const queue: HandshakeEvent<User>[] = server.receive(
    encodeHandshakeResponse(response(who, answer(who.plugin, who.password, scramble))),
    sequenceId++,
  );
  const reply = (payload: Buffer): void => void queue.push(...server.receive(payload, sequenceId++));
  for (let event = queue.shift(); event !== undefined; event = queue.shift()) {
    switch (event.kind) {
      case "accepted":
        expect(event.login.sequenceId).toBe(sequenceId);
        outcome.steps.push("accepted");
        outcome.login = event.login;
        break;
      case "rejected":
        expect(event.sequenceId).toBe(sequenceId);
        outcome.steps.push(`rejected ${"errno" in event.error ? event.error.errno : ""}`);
        outcome.error = event.error;
        break;
      case "check-password":
        outcome.steps.push("check");
        queue.push(...server.passwordChecked(await server.users.checkPassword(event.account, event.password)));
        break;
      case "upgrade-tls":
        throw new Error("TLS a second time");
      case "send": {
        const { payloads, sequenceIds } = unframe(event.bytes);
        expect(sequenceIds).toEqual([sequenceId++]);
        const payload = payloads[0] ?? Buffer.alloc(0);
        if (payload[0] === 0xfe) {
          const asked = decodeAuthSwitchRequest(payload);
          outcome.steps.push(`switch ${asked.plugin}`);
          scramble = asked.scramble;
          reply(answer(asked.plugin, who.password, scramble));
          break;
        }
        const data = decodeAuthMoreData(payload);
        if (data.length > 1) {
          outcome.steps.push("more key");
          expect(data.toString()).toBe(rsaKeys.publicKeyPem);
          reply(encrypt(who.password, scramble));
        } else {
          outcome.steps.push(`more ${data[0]}`);
          if (data[0] !== 4) break;
          if (safe || who.unixSocket === true) reply(Buffer.from(`${who.password}\0`));
          else if (who.rsa === "has-key") reply(encrypt(who.password, scramble));
          else reply(Buffer.of(2));
        }
      }
    }
  }
  return outcome;
}

function answer(plugin: string, password: string, scramble: Buffer): Buffer {
  if (plugin === "mysql_native_password") return nativeAnswer(password, scramble);
  if (plugin === SHA2) return cachingSha2Answer(password, scramble);
  return Buffer.from(`${password}\0`);
}

function response(who: Client, authResponse: Buffer): Parameters<typeof encodeHandshakeResponse>[0] {
  const capabilities = ((who.capabilities ?? CAPABILITIES) | (who.tls === true ? CLIENT.SSL : 0)) >>> 0;
  return {
    capabilities,
    mariadbCapabilities: (capabilities & CLIENT.MYSQL) === 0 ? 0x1f : 0,
    maxPacketBytes: 1 << 24,
    collation: 45,
    user: who.user,
    authResponse,
    database: "customer",
    authPlugin: who.plugin,
    attributes: new Map([["_client_name", "test"]]),
    zstdLevel: 0,
  };
}

function encrypt(password: string, scramble: Buffer): Buffer {
  const mixed = Buffer.from(`${password}\0`);
  for (let i = 0; i < mixed.length; i++) mixed[i] = (mixed[i] ?? 0) ^ (scramble[i % scramble.length] ?? 0);
  return publicEncrypt({ key: rsaKeys.publicKeyPem, padding: constants.RSA_PKCS1_OAEP_PADDING }, mixed);
}
