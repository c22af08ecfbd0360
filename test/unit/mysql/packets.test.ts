// Every packet: encode and decode are each other's inverse, bytes agree with the manual's examples, truncated input is
// refused with ER_MALFORMED_PACKET at every length.

import { describe, expect, test } from "vitest";
import { ShardgateError } from "../../../src/base/errors.ts";
import { allCollations, collationById, collationByName, defaultCollation } from "../../../src/mysql/charsets.ts";
import { BufferReader, BufferWriter } from "../../../src/mysql/codec.ts";
import { CLIENT, COM, MYSQL_TYPE, SERVER } from "../../../src/mysql/constants.ts";
import {
  decodeAuthMoreData,
  decodeAuthSwitchRequest,
  encodeAuthMoreData,
  encodeAuthSwitchRequest,
} from "../../../src/mysql/packets/auth-switch.ts";
import { decodeColumnDefinition, encodeColumnDefinition } from "../../../src/mysql/packets/column-definition.ts";
import { type Command, decodeCommand, withoutQueryAttributes } from "../../../src/mysql/packets/command.ts";
import { decodeEof, encodeEof, isEof } from "../../../src/mysql/packets/eof.ts";
import { decodeErr, encodeErr, encodeErrBeforeGreeting } from "../../../src/mysql/packets/err.ts";
import {
  decodeHandshakeResponse,
  encodeHandshakeResponse,
  encodeSslRequest,
  type HandshakeResponse,
  isSslRequest,
} from "../../../src/mysql/packets/handshake-response.ts";
import { decodeHandshakeV10, encodeHandshakeV10 } from "../../../src/mysql/packets/handshake-v10.ts";
import { decodeLocalInfile, encodeLocalInfile } from "../../../src/mysql/packets/local-infile.ts";
import {
  decodeOk,
  encodeOk,
  okPacket,
  schemaChange,
  stringsOfChange,
  systemVariableChange,
} from "../../../src/mysql/packets/ok.ts";
import { writeTextRow } from "../../../src/mysql/packets/text-row.ts";
import { TextRow } from "../../wire/text-row.ts";
import { integerColumn, textColumn, writeResultSet } from "../../../src/mysql/result-writer.ts";
import { ReplyReframer } from "../../../src/mysql/reply-reframe.ts";
import { unframe } from "../../wire/reply-builder.ts";

describe("length-encoded integers", () => {
  test.each([0, 250, 251, 252, 0xffff, 0x10000, 0xffffff, 0x1000000, 2 ** 40, Number.MAX_SAFE_INTEGER])(
    "%i",
    (value) => {
      const writer = new BufferWriter(1);
      writer.lenenc(value);
      writer.lenencBig(BigInt(value));
      const reader = new BufferReader(writer.finish());
      expect(reader.lenenc()).toBe(value);
      expect(reader.lenencBig()).toBe(BigInt(value));
      expect(reader.left).toBe(0);
    },
  );

  test("64 bits only where they are expected", () => {
    const writer = new BufferWriter();
    writer.lenencBig(0xffff_ffff_ffff_ffffn);
    expect(new BufferReader(writer.finish()).lenencBig()).toBe(0xffff_ffff_ffff_ffffn);
    expect(() => new BufferReader(writer.finish()).lenenc()).toThrowError(ShardgateError);
  });
});

describe("handshake", () => {
  const greeting = {
    serverVersion: "8.0.36-shardgate",
    connectionId: 4_000_000_000,
    scramble: Buffer.from("abcdefghijklmnopqrst"),
    capabilities: 0xdfff_ffff,
    mariadbCapabilities: 0,
    collation: 255,
    statusFlags: SERVER.STATUS_AUTOCOMMIT,
    authPlugin: "caching_sha2_password",
  };

  test("greeting", () => {
    const payload = encodeHandshakeV10(greeting);
    expect(decodeHandshakeV10(payload)).toEqual(greeting);
    const mariadb = { ...greeting, capabilities: 0xdfff_fffe, mariadbCapabilities: 0x1d };
    expect(decodeHandshakeV10(encodeHandshakeV10(mariadb))).toEqual(mariadb);
    refusesPrefixes(payload.subarray(0, -(greeting.authPlugin.length + 1)), decodeHandshakeV10);
  });

  const response: HandshakeResponse = {
    capabilities:
      CLIENT.MYSQL | CLIENT.PROTOCOL_41 | CLIENT.SECURE_CONNECTION | CLIENT.PLUGIN_AUTH | CLIENT.CONNECT_WITH_DB,
    mariadbCapabilities: 0,
    maxPacketBytes: 1 << 24,
    collation: 45,
    user: "ünï",
    authResponse: Buffer.alloc(20, 7),
    database: "customer",
    authPlugin: "mysql_native_password",
    attributes: new Map(),
    zstdLevel: 0,
  };

  test.each<[string, Partial<HandshakeResponse>]>([
    ["usual", {}],
    [
      "length-encoded auth data",
      {
        capabilities: response.capabilities | CLIENT.PLUGIN_AUTH_LENENC_CLIENT_DATA,
        authResponse: Buffer.alloc(300, 1),
      },
    ],
    [
      "attributes",
      {
        capabilities: response.capabilities | CLIENT.CONNECT_ATTRS,
        attributes: new Map([
          ["_client_name", "x"],
          ["long", "y".repeat(400)],
        ]),
      },
    ],
    ["no database", { capabilities: response.capabilities & ~CLIENT.CONNECT_WITH_DB, database: "" }],
    ["before PLUGIN_AUTH", { capabilities: response.capabilities & ~CLIENT.PLUGIN_AUTH, authPlugin: undefined }],
    [
      "null-terminated auth data",
      {
        capabilities: CLIENT.MYSQL | CLIENT.PROTOCOL_41,
        authResponse: Buffer.from("abc"),
        database: "",
        authPlugin: undefined,
      },
    ],
    ["MariaDB client", { capabilities: response.capabilities & ~CLIENT.MYSQL, mariadbCapabilities: 0x1c }],
    ["zstd", { capabilities: response.capabilities | CLIENT.ZSTD_COMPRESSION_ALGORITHM, zstdLevel: 3 }],
  ])("response: %s", (_name, change) => {
    const packet = { ...response, ...change };
    const payload = encodeHandshakeResponse(packet);
    expect(decodeHandshakeResponse(payload)).toEqual({ ...packet, capabilities: packet.capabilities >>> 0 });
    for (let length = 0; length < payload.length; length++) {
      try {
        decodeHandshakeResponse(payload.subarray(0, length));
      } catch (error) {
        expect(error).toBeInstanceOf(ShardgateError);
      }
    }
  });

  test("SSLRequest is the first 32 bytes", () => {
    const fixed = {
      capabilities: (response.capabilities | CLIENT.SSL) >>> 0,
      mariadbCapabilities: 0,
      maxPacketBytes: 9,
      collation: 8,
    };
    expect(isSslRequest(encodeSslRequest(fixed))).toBe(true);
    expect(isSslRequest(encodeHandshakeResponse({ ...response, ...fixed }))).toBe(false);
  });

  test("auth switch and more data", () => {
    const packet = { plugin: "caching_sha2_password", scramble: Buffer.alloc(20, 5) };
    expect(decodeAuthSwitchRequest(encodeAuthSwitchRequest(packet))).toEqual(packet);
    expect(decodeAuthSwitchRequest(Buffer.of(0xfe)).plugin).toBe("mysql_old_password");
    expect(decodeAuthMoreData(encodeAuthMoreData(Buffer.of(4)))).toEqual(Buffer.of(4));
  });
});

describe("OK, ERR, EOF", () => {
  test("OK as in the manual", () => {
    const bytes = encodeOk(okPacket(), 0);
    expect(bytes).toEqual(Buffer.of(0, 0, 0, 2, 0, 0, 0));
    expect(decodeOk(bytes, 0)).toEqual(okPacket());
    refusesPrefixes(bytes, (payload) => decodeOk(payload, 0));
  });

  test("OK with everything", () => {
    const packet = okPacket({
      affectedRows: 300,
      lastInsertId: 0xffff_ffff_ffff_ffffn,
      warnings: 2,
      info: "Records: 2",
      statusFlags: SERVER.STATUS_AUTOCOMMIT | SERVER.SESSION_STATE_CHANGED,
      sessionState: [schemaChange("customer"), systemVariableChange("autocommit", "OFF")],
    });
    const got = decodeOk(encodeOk(packet, CLIENT.SESSION_TRACK, 0xfe), CLIENT.SESSION_TRACK);
    expect(got).toEqual(packet);
    expect(got.sessionState.map(stringsOfChange)).toEqual([["customer"], ["autocommit", "OFF"]]);
    const untracked = decodeOk(encodeOk(packet, 0), 0);
    expect(untracked.sessionState).toEqual([]);
    expect(untracked.statusFlags).toBe(SERVER.STATUS_AUTOCOMMIT);
  });

  test("ERR", () => {
    const error = decodeErr(encodeErr(1146, "42S02", "Table 'a.b' doesn't exist"));
    expect(error).toMatchObject({ errno: 1146, sqlState: "42S02", message: "Table 'a.b' doesn't exist" });
    expect(decodeErr(encodeErrBeforeGreeting(1040, "Too many connections"))).toMatchObject({
      errno: 1040,
      sqlState: "HY000",
    });
    const long = decodeErr(encodeErr(1105, "HY000", "é".repeat(1000)));
    expect(Buffer.byteLength(long.message)).toBeLessThan(512);
    expect(long.message).toMatch(/^é+$/);
  });

  test("EOF", () => {
    const packet = { warnings: 3, statusFlags: 0x22 };
    expect(decodeEof(encodeEof(packet))).toEqual(packet);
    expect(isEof(Buffer.alloc(9, 0xfe))).toBe(false);
    refusesPrefixes(encodeEof(packet), decodeEof);
  });

  test("LOCAL INFILE", () => {
    expect(decodeLocalInfile(encodeLocalInfile("/tmp/ü"))).toBe("/tmp/ü");
  });
});

describe("result sets", () => {
  const column = {
    ...textColumn("näme"),
    schema: "customer",
    table: "c",
    orgTable: "customer",
    orgName: "name",
    flags: 1,
  };

  test("column definition", () => {
    const payload = encodeColumnDefinition(column);
    expect(decodeColumnDefinition(payload)).toEqual(column);
    refusesPrefixes(payload.subarray(0, -2), decodeColumnDefinition);
  });

  test("rows are read lazily, refused when truncated or too long", () => {
    const values = ["1", null, "", "x".repeat(300), Buffer.alloc(70_000, 0xfe)];
    const writer = new BufferWriter();
    writeTextRow(writer, values);
    const payload = writer.finish();
    const row = new TextRow(values.length);
    row.read(Buffer.concat([Buffer.from("ab"), payload]), 2);
    expect(values.map((_, index) => row.string(index))).toEqual(
      values.map((value) => (Buffer.isBuffer(value) ? value.toString() : value)),
    );
    expect(row.bytes(4)).toEqual(values[4]);
    expect([row.isNull(1), row.lengthOf(2), row.lengthOf(1)]).toEqual([true, 0, -1]);
    for (const length of [0, 1, 2, 4, 5, 100, payload.length - 1]) {
      expect(() => row.read(payload, 0, length)).toThrowError(ShardgateError);
    }
    expect(() => row.read(Buffer.concat([payload, Buffer.of(0)]))).toThrowError(ShardgateError);
  });

  test("both framings of the result writer agree", () => {
    const result = {
      columns: [textColumn("a"), integerColumn("b")],
      rows: [
        ["x", "1"],
        [null, "2"],
      ],
    };
    const classic = writeResultSet(result, { capabilities: 0, sequenceId: 1, warnings: 1 });
    const wanted = writeResultSet(result, { capabilities: CLIENT.DEPRECATE_EOF, sequenceId: 1, warnings: 1 });
    const out: Buffer[] = [];
    new ReplyReframer().push(Buffer.from(classic), 0, classic.length, out);
    expect(Buffer.concat(out)).toEqual(wanted);
    expect(unframe(classic).payloads).toHaveLength(7);
  });
});

describe("commands", () => {
  const number = (value: number, bytes: number) => {
    const buffer = Buffer.alloc(bytes);
    buffer.writeUIntLE(value, 0, bytes);
    return buffer;
  };
  const payload = (...parts: (number | string | Buffer)[]) =>
    Buffer.concat(parts.map((part) => (typeof part === "number" ? Buffer.of(part) : Buffer.from(part))));

  test.each<[string, Buffer, Command]>([
    ["quit", payload(COM.QUIT), { kind: "quit" }],
    ["init db", payload(COM.INIT_DB, "customer"), { kind: "init-db", schema: "customer" }],
    ["query", payload(COM.QUERY, "select 1"), { kind: "query", sql: Buffer.from("select 1"), attributes: [] }],
    ["field list", payload(COM.FIELD_LIST, "t\0", "a%"), { kind: "field-list", table: "t", wildcard: "a%" }],
    ["kill", payload(COM.PROCESS_KILL, number(77, 4)), { kind: "process-kill", connectionId: 77 }],
    ["prepare", payload(COM.STMT_PREPARE, "select ?"), { kind: "stmt-prepare", sql: Buffer.from("select ?") }],
    [
      "execute",
      payload(COM.STMT_EXECUTE, number(5, 4), 1, number(1, 4), "rest"),
      { kind: "stmt-execute", statementId: 5, cursorFlags: 1, parameters: Buffer.from("rest") },
    ],
    [
      "long data",
      payload(COM.STMT_SEND_LONG_DATA, number(5, 4), number(2, 2), "data"),
      { kind: "stmt-send-long-data", statementId: 5, parameter: 2, data: Buffer.from("data") },
    ],
    ["close", payload(COM.STMT_CLOSE, number(5, 4)), { kind: "stmt-close", statementId: 5 }],
    ["fetch", payload(COM.STMT_FETCH, number(5, 4), number(10, 4)), { kind: "stmt-fetch", statementId: 5, rows: 10 }],
    ["set option", payload(COM.SET_OPTION, number(1, 2)), { kind: "set-option", option: 1 }],
    ["reset connection", payload(COM.RESET_CONNECTION), { kind: "reset-connection" }],
    ["unknown", payload(0x77, "?"), { kind: "unknown", command: 0x77 }],
  ])("%s", (_name, bytes, command) => {
    expect(decodeCommand(bytes, 0)).toEqual(command);
  });

  test("query attributes", () => {
    const bytes = payload(
      COM.QUERY,
      3,
      1,
      0b010,
      1,
      number(MYSQL_TYPE.LONGLONG, 2),
      1,
      "n",
      number(MYSQL_TYPE.STRING, 2),
      0,
      number(MYSQL_TYPE.STRING, 2),
      5,
      "trace",
      number(7, 4),
      number(0, 4),
      3,
      "abc",
      "select 1",
    );
    expect(decodeCommand(bytes, CLIENT.QUERY_ATTRIBUTES)).toEqual({
      kind: "query",
      sql: Buffer.from("select 1"),
      attributes: [
        { name: "n", type: MYSQL_TYPE.LONGLONG, value: Buffer.of(7, 0, 0, 0, 0, 0, 0, 0) },
        { name: "", type: MYSQL_TYPE.STRING, value: null },
        { name: "trace", type: MYSQL_TYPE.STRING, value: Buffer.from("abc") },
      ],
    });
    expect(decodeCommand(payload(COM.QUERY, 0, 1, "do 1"), CLIENT.QUERY_ATTRIBUTES)).toEqual({
      kind: "query",
      sql: Buffer.from("do 1"),
      attributes: [],
    });
    refusesPrefixes(bytes.subarray(0, -9), (part) => decodeCommand(part, CLIENT.QUERY_ATTRIBUTES));
    const plain = Buffer.concat([Buffer.of(COM.QUERY), Buffer.from("select 1")]);
    expect(withoutQueryAttributes(bytes)).toEqual(plain);
    expect(withoutQueryAttributes(payload(COM.QUERY, 0, 1, "select 1"))).toEqual(plain);
    expect(() => withoutQueryAttributes(Buffer.of(COM.QUERY, 9, 1))).toThrowError(/Malformed/);
  });

  test("change user, whole and as old clients send it", () => {
    const capabilities = CLIENT.SECURE_CONNECTION | CLIENT.PLUGIN_AUTH | CLIENT.CONNECT_ATTRS;
    const old = payload(COM.CHANGE_USER, "app\0", 2, "xy", "db\0");
    const changeUser = {
      user: "app",
      authResponse: Buffer.from("xy"),
      database: "db",
      collation: 0,
      authPlugin: undefined,
      attributes: new Map(),
    };
    expect(decodeCommand(old, capabilities)).toEqual({ kind: "change-user", changeUser });
    const whole = payload(old, number(45, 2), "mysql_native_password\0", 4, 1, "k", 1, "v");
    expect(decodeCommand(whole, capabilities)).toEqual({
      kind: "change-user",
      changeUser: {
        ...changeUser,
        collation: 45,
        authPlugin: "mysql_native_password",
        attributes: new Map([["k", "v"]]),
      },
    });
  });
});

describe("collations", () => {
  test("ids and names", () => {
    expect(collationById(255)).toEqual({ id: 255, collation: "utf8mb4_0900_ai_ci", charset: "utf8mb4" });
    expect(collationById(45)?.collation).toBe("utf8mb4_general_ci");
    expect(collationById(17)).toBeUndefined();
    expect(collationById(63)).toEqual({ id: 63, collation: "binary", charset: "binary" });
    expect(collationById(323)?.collation).toBe("utf8mb4_mn_cyrl_0900_as_cs");
    expect(collationById(2304)?.collation).toBe("utf8mb4_uca1400_ai_ci");
    expect(collationByName("utf8_bin")?.id).toBe(83);
    expect(defaultCollation("utf8")?.id).toBe(33);
    expect(defaultCollation("latin1")?.id).toBe(8);
    expect(defaultCollation("binary")?.id).toBe(63);
  });

  test("no id and no name twice", () => {
    const all = [...allCollations()];
    expect(new Set(all.map((each) => each.collation)).size).toBe(all.length);
  });
});

/** Every shorter version of the payload is refused with our error. */
function refusesPrefixes(payload: Buffer, decode: (payload: Buffer) => unknown): void {
  for (let length = 0; length < payload.length; length++) {
    expect(() => decode(payload.subarray(0, length))).toThrowError(
      expect.objectContaining({ id: "ER_MALFORMED_PACKET" }),
    );
  }
}
