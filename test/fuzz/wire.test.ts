// Seeded fuzz of everything that reads bytes from outside: mangled, truncated, spliced and random packets. Whatever
// comes, the only error is a ShardgateError, and the memory held stays in proportion to what arrived.
// FUZZ_SEED and FUZZ_ROUNDS repeat or lengthen a run; a failure names its seed.

import { describe, expect, test } from "vitest";
import { ShardgateError } from "../../src/base/errors.ts";
import { defaultUsers, parseUsers, type User, Users } from "../../src/gateway/access/users.ts";
import { fastDigest } from "../../src/mysql/auth/caching-sha2.ts";
import { BufferReader } from "../../src/mysql/codec.ts";
import { CLIENT, COM } from "../../src/mysql/constants.ts";
import { writeFrame } from "../../src/mysql/frame.ts";
import { PacketReader } from "../../src/mysql/packet-reader.ts";
import { decodeAuthMoreData, decodeAuthSwitchRequest } from "../../src/mysql/packets/auth-switch.ts";
import { decodeColumnDefinition, encodeColumnDefinition } from "../../src/mysql/packets/column-definition.ts";
import { decodeCommand } from "../../src/mysql/packets/command.ts";
import { decodeEof } from "../../src/mysql/packets/eof.ts";
import { decodeErr, encodeErr } from "../../src/mysql/packets/err.ts";
import { decodeHandshakeResponse, encodeHandshakeResponse } from "../../src/mysql/packets/handshake-response.ts";
import { decodeHandshakeV10, encodeHandshakeV10 } from "../../src/mysql/packets/handshake-v10.ts";
import { decodeOk, encodeOk, okPacket, schemaChange, stringsOfChange } from "../../src/mysql/packets/ok.ts";
import { TextRow } from "../wire/text-row.ts";
import { ReplyReframer } from "../../src/mysql/reply-reframe.ts";
import { type ReplyMode, ReplyScanner } from "../../src/mysql/reply-scanner.ts";
import { textColumn } from "../../src/mysql/result-writer.ts";
import { Resequencer, RowCutter } from "../../src/mysql/row-cutter.ts";
import { type HandshakeEvent, OFFERED_CAPABILITIES, ServerHandshake } from "../../src/mysql/server-handshake.ts";
import { buildReply, REPLIES } from "../wire/reply-builder.ts";

const SEED = Number(process.env["FUZZ_SEED"] ?? 20_240_607);
const ROUNDS = Number(process.env["FUZZ_ROUNDS"] ?? 3000);

const response = encodeHandshakeResponse({
  capabilities:
    (CLIENT.MYSQL |
      CLIENT.PROTOCOL_41 |
      CLIENT.SECURE_CONNECTION |
      CLIENT.PLUGIN_AUTH |
      CLIENT.CONNECT_ATTRS |
      CLIENT.CONNECT_WITH_DB) >>>
    0,
  mariadbCapabilities: 0,
  maxPacketBytes: 1 << 24,
  collation: 45,
  user: "app",
  authResponse: Buffer.alloc(32, 1),
  database: "customer",
  authPlugin: "caching_sha2_password",
  attributes: new Map([["_client_name", "fuzz"]]),
  zstdLevel: 0,
});
const greeting = encodeHandshakeV10({
  serverVersion: "8.0.36",
  connectionId: 1,
  scramble: Buffer.alloc(20, 65),
  capabilities: 0xffff_ffff,
  mariadbCapabilities: 0,
  collation: 45,
  statusFlags: 2,
  authPlugin: "caching_sha2_password",
});
const tracked = okPacket({ info: "info", sessionState: [schemaChange("customer")] });
const row = new TextRow(3);

const DECODERS: readonly (readonly [string, readonly Buffer[], (payload: Buffer) => unknown])[] = [
  ["greeting", [greeting], decodeHandshakeV10],
  ["response", [response], (payload) => decodeHandshakeResponse(payload)],
  [
    "auth switch",
    [Buffer.from("\xfecaching_sha2_password\0abcdefghijklmnopqrst\0", "latin1")],
    decodeAuthSwitchRequest,
  ],
  ["more data", [Buffer.of(1, 4)], decodeAuthMoreData],
  [
    "OK",
    [encodeOk(tracked, CLIENT.SESSION_TRACK)],
    (payload) => decodeOk(payload, CLIENT.SESSION_TRACK).sessionState.map(stringsOfChange),
  ],
  ["ERR", [encodeErr(1146, "42S02", "no such table")], decodeErr],
  ["EOF", [Buffer.of(0xfe, 0, 0, 2, 0)], decodeEof],
  ["column definition", [encodeColumnDefinition(textColumn("a"))], (payload) => decodeColumnDefinition(payload)],
  ["row", [Buffer.from("\x01a\xfb\x03abc", "latin1")], (payload) => row.read(payload)],
  [
    "command",
    Object.values(COM).map((command) =>
      Buffer.concat([
        Buffer.of(command),
        Buffer.from("\x03\x01\x02\x01\x08\x00\x01n\xfe\x00\x00app\0\x02xydb\0", "latin1"),
      ]),
    ),
    (payload) =>
      decodeCommand(
        payload,
        CLIENT.QUERY_ATTRIBUTES | CLIENT.SECURE_CONNECTION | CLIENT.PLUGIN_AUTH | CLIENT.CONNECT_ATTRS,
      ),
  ],
  ["lenenc", [Buffer.of(0xfe, 1, 2, 3, 4, 5, 6, 7, 8)], (payload) => new BufferReader(payload).lenencBytes()],
];

describe(`decoders, seed ${SEED}`, () => {
  test.each(DECODERS)("%s", (_name, samples, decode) => {
    const random = generator(SEED);
    for (let round = 0; round < ROUNDS; round++) {
      const payload = mangle(pick(samples, random), samples, random);
      onlyOurErrors(round, () => decode(payload));
    }
  });
});

test(`packet reader, seed ${SEED}`, () => {
  const random = generator(SEED + 1);
  const samples = [response, greeting, Buffer.alloc(0), Buffer.alloc(5000, 7)].map((payload, index) =>
    writeFrame(payload, index),
  );
  for (let round = 0; round < ROUNDS; round++) {
    const bytes = mangle(Buffer.concat(Array.from({ length: 3 }, () => pick(samples, random))), samples, random);
    const reader = new PacketReader(1 << 20);
    onlyOurErrors(round, () => {
      let taken = 0;
      for (const piece of pieces(bytes, random)) {
        reader.push(piece);
        for (let packet = reader.next(); packet !== undefined; packet = reader.next()) taken += packet.length;
      }
      expect(taken + reader.bufferedBytes).toBeLessThanOrEqual(bytes.length);
    });
  }
});

test(`scanner, reframer, cutter and resequencer, seed ${SEED}`, () => {
  const random = generator(SEED + 2);
  const samples = REPLIES.map(([, parts]) => buildReply(parts, false));
  const modes: readonly ReplyMode[] = ["query", "query", "query", "execute", "prepare", "rows", "fields", "one"];
  for (let round = 0; round < ROUNDS; round++) {
    const bytes = mangle(pick(samples, random), samples, random);
    const parts = pieces(bytes, random);
    onlyOurErrors(round, () => {
      const scanner = new ReplyScanner(pick(modes, random));
      for (const part of parts) scanner.feed(part, 0, part.length);
      expect(scanner.replyBytes).toBeLessThanOrEqual(bytes.length);
      expect(scanner.lastPacketOffset).toBeLessThanOrEqual(bytes.length);
    });
    onlyOurErrors(round, () => {
      const reframer = new ReplyReframer(random() < 0.5 ? "query" : "execute");
      const out: Buffer[] = [];
      for (const part of parts) reframer.push(Buffer.from(part), 0, part.length, out);
      // Each EOF grows by two bytes at most.
      expect(Buffer.concat(out).length).toBeLessThanOrEqual(bytes.length * 1.3);
    });
    onlyOurErrors(round, () => {
      const cutter = new RowCutter(4096);
      const out: Buffer[] = [];
      for (const part of parts) cutter.push(part, 0, part.length, out);
      expect(Buffer.concat(out).length).toBeLessThanOrEqual(bytes.length);
    });
    const resequencer = new Resequencer(1);
    for (const part of parts) resequencer.push(Buffer.from(part));
  }
});

test(`handshake machine, seed ${SEED}`, () => {
  const random = generator(SEED + 3);
  const users = new Users(
    new Map([
      ...defaultUsers(),
      ...parseUsers(
        JSON.stringify({
          users: {
            app: {
              mysql_native_password: `*${"1F".repeat(20)}`,
              caching_sha2_password: `$A$005$${"s".repeat(20)}${".".repeat(43)}`,
              rights: {},
            },
          },
        }),
      ),
    ]),
    Buffer.alloc(32),
  );
  const samples = [
    response,
    response.subarray(0, 32),
    Buffer.of(2),
    Buffer.alloc(256, 3),
    Buffer.from("password\0"),
    Buffer.alloc(20, 9),
    Buffer.alloc(0),
  ];
  const ends = new Map<string, number>();
  for (let round = 0; round < ROUNDS; round++) {
    const safe = random() < 0.3;
    const machine = new ServerHandshake<User>({
      serverVersion: "8.0.36",
      connectionId: 1,
      newScramble: () => Buffer.alloc(20, 65),
      capabilities: random() < 0.5 ? OFFERED_CAPABILITIES : OFFERED_CAPABILITIES & ~CLIENT.MYSQL,
      mariadbCapabilities: 0xff,
      defaultPlugin: random() < 0.5 ? "caching_sha2_password" : "mysql_native_password",
      tlsAvailable: random() < 0.5,
      tlsRequired: random() < 0.1,
      safeTransport: safe,
      rsaKeys: undefined,
      clientHost: "h",
      accounts: {
        find: (name) => users.accountsFor(true).find(name),
        fastDigestOf: () => (random() < 0.5 ? fastDigest(Buffer.from("x")) : undefined),
      },
    });
    machine.greet();
    const handle = (events: readonly HandshakeEvent<User>[]): void => {
      for (const event of events) {
        if (event.kind === "upgrade-tls") machine.tlsEstablished();
        if (event.kind === "check-password") handle(machine.passwordChecked(random() < 0.5));
      }
    };
    onlyOurErrors(round, () => {
      for (let packet = 0; packet < 8 && machine.phase !== "accepted" && machine.phase !== "rejected"; packet++) {
        const sample = packet === 0 ? response : pick(samples, random);
        handle(machine.receive(random() < 0.4 ? sample : mangle(sample, samples, random), packet + 1));
      }
    });
    ends.set(machine.phase, (ends.get(machine.phase) ?? 0) + 1);
  }
  expect(ends.get("rejected")).toBeGreaterThan(ROUNDS / 10);
  expect(ends.get("accepted")).toBeGreaterThan(0);
});

test(`users file, seed ${SEED}`, () => {
  const random = generator(SEED + 4);
  const sample = Buffer.from(
    '{"users":{"a":{"emptyPassword":true,"requireTls":false,"maxConnections":1,"rights":{"k.t*":["read"]}}}}',
  );
  for (let round = 0; round < ROUNDS; round++) {
    const text = mangle(sample, [sample], random).toString("utf8");
    onlyOurErrors(round, () => parseUsers(text));
  }
});

function onlyOurErrors(round: number, run: () => unknown): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof ShardgateError)) throw new Error(`round ${round}, FUZZ_SEED=${SEED}`, { cause: error });
  }
}

/** One to four changes: bit flips, extreme bytes, cuts, repeats, splices of another sample, random tails. */
function mangle(sample: Buffer, samples: readonly Buffer[], random: () => number): Buffer {
  let bytes: Buffer = Buffer.from(sample);
  const below = (bound: number): number => Math.floor(random() * bound);
  for (let changes = 1 + below(4); changes > 0; changes--) {
    const at = below(bytes.length + 1);
    switch (below(7)) {
      case 0:
        if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << below(8));
        break;
      case 1:
        if (at < bytes.length) bytes[at] = [0, 1, 0x7f, 0x80, 0xfb, 0xfc, 0xfd, 0xfe, 0xff][below(9)] ?? 0;
        break;
      case 2:
        bytes = bytes.subarray(0, at);
        break;
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.min(bytes.length, at + below(6)))]);
        break;
      case 4:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.max(0, at - below(10)))]);
        break;
      case 5:
        bytes = Buffer.concat([bytes.subarray(0, at), pick(samples, random)]);
        break;
      default:
        bytes = Buffer.concat([bytes, Buffer.from(Array.from({ length: below(30) }, () => below(256)))]);
    }
  }
  return bytes;
}

function pieces(bytes: Buffer, random: () => number): Buffer[] {
  const out: Buffer[] = [];
  const most = random() < 0.3 ? 8 : 1 + bytes.length;
  for (let at = 0; at < bytes.length; ) {
    const length = 1 + Math.floor(random() * most);
    out.push(bytes.subarray(at, at + length));
    at += length;
  }
  return out;
}

function pick<T>(list: readonly T[], random: () => number): T {
  const found = list[Math.floor(random() * list.length)];
  if (found === undefined) throw new Error("empty list");
  return found;
}

/** mulberry32: small, seeded, good enough for tests. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
