// The edge of the protocol on raw packets, beside one plain MariaDB: framing by capabilities, several statements in one
// packet, what OK packets tell of the session, query attributes, COM_CHANGE_USER, and the commands that hardly anybody uses.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CLIENT, COM, HEADER_EOF, HEADER_ERR, MARIADB_CLIENT, SERVER } from "../../src/mysql/constants.ts";
import { BufferReader } from "../../src/mysql/codec.ts";
import { PacketReader } from "../../src/mysql/packet-reader.ts";
import { writeFrame } from "../../src/mysql/frame.ts";
import { decodeErr } from "../../src/mysql/packets/err.ts";
import { decodeOk, stringsOfChange } from "../../src/mysql/packets/ok.ts";
import { decodeProgress } from "../../src/mysql/packets/progress.ts";
import { BASE_CAPABILITIES, RawClient } from "../wire/raw-client.ts";
import { startTwins, TwinClient, type Twins } from "./twin.ts";

let twins: Twins;

beforeAll(async () => {
  twins = await startTwins();
});
afterAll(async () => {
  await twins.stop();
});

type Step = string | readonly [command: number, argument: Buffer | string];

/** A client that keeps packets as they come. */
class Wire {
  readonly raw: RawClient;
  readonly capabilities: number;
  readonly #reader = new PacketReader(64 * 1024 * 1024);

  private constructor(raw: RawClient, capabilities: number) {
    this.raw = raw;
    this.capabilities = capabilities;
  }

  static async open(port: number, more = 0, less = 0): Promise<Wire> {
    const capabilities = (BASE_CAPABILITIES | more) & ~(less | CLIENT.LOCAL_FILES);
    const raw = await RawClient.login({ target: { host: "127.0.0.1", port }, user: "root", capabilities });
    return new Wire(raw, capabilities);
  }

  async ask(step: Step): Promise<readonly string[]> {
    const [command, argument] = typeof step === "string" ? [COM.QUERY, step] : step;
    this.raw.send(command, argument);
    if (command === COM.STMT_PREPARE) return this.#prepared();
    if (command === COM.FIELD_LIST || command === COM.SET_OPTION || command === COM.DEBUG) return this.#rows([]);
    return this.#results();
  }

  async packet(): Promise<Buffer> {
    return this.raw.packet(this.#reader);
  }

  async packetAfter(start: () => void): Promise<Buffer> {
    start();
    return this.packet();
  }

  close(): void {
    this.raw.close();
  }

  get #hasEofs(): boolean {
    return (this.capabilities & CLIENT.DEPRECATE_EOF) === 0;
  }

  async #take(into: string[]): Promise<Buffer> {
    const packet = await this.packet();
    into.push(`${this.#reader.sequenceId}: ${packet.toString("hex")}`);
    return packet;
  }

  async #results(): Promise<readonly string[]> {
    const packets: string[] = [];
    for (;;) {
      const first = await this.#take(packets);
      if (first[0] === HEADER_ERR) return packets;
      if (first[0] === 0) {
        if ((decodeOk(first, 0).statusFlags & SERVER.MORE_RESULTS_EXISTS) === 0) return packets;
        continue;
      }
      const columns = new BufferReader(first).lenenc();
      for (let at = 0; at < columns; at++) await this.#take(packets);
      if (this.#hasEofs) await this.#take(packets);
      const last = await this.#toEnd(packets);
      if (last[0] === HEADER_ERR || (statusOf(last) & SERVER.MORE_RESULTS_EXISTS) === 0) return packets;
    }
  }

  async #rows(packets: string[]): Promise<readonly string[]> {
    await this.#toEnd(packets);
    return packets;
  }

  async #toEnd(packets: string[]): Promise<Buffer> {
    for (;;) {
      const packet = await this.#take(packets);
      if (packet[0] === HEADER_ERR || packet[0] === HEADER_EOF) return packet;
    }
  }

  async #prepared(): Promise<readonly string[]> {
    const packets: string[] = [];
    const head = await this.#take(packets);
    if (head[0] === HEADER_ERR) return packets;
    // The id is the server's own affair.
    packets[0] = `1: ${head.toString("hex", 5)}`;
    for (const count of [head.readUInt16LE(7), head.readUInt16LE(5)]) {
      for (let at = 0; at < count; at++) await this.#take(packets);
      if (count > 0 && this.#hasEofs) await this.#take(packets);
    }
    return packets;
  }
}

function statusOf(end: Buffer): number {
  return end.length === 5 ? end.readUInt16LE(3) : decodeOk(end, 0).statusFlags;
}

/** Both answer each step with the same bytes. */
async function allSame(steps: readonly Step[], more = 0, less = 0): Promise<void> {
  const gateway = await Wire.open(twins.cluster.port, more, less);
  const direct = await Wire.open(twins.plain.port, more, less);
  for (const step of steps) {
    const [got, wanted] = await Promise.all([gateway.ask(step), direct.ask(step)]);
    expect(got, String(step)).toEqual(wanted);
  }
  gateway.close();
  direct.close();
}

/** Each finds the tables as the one before has left them: they leave nothing. */
const STEPS: readonly Step[] = [
  "USE u",
  "SELECT 1",
  "SELECT id, name FROM p ORDER BY id",
  "SELECT id FROM p WHERE id = 1",
  "SELECT nosuch FROM p",
  "SHOW WARNINGS",
  "SELECT '1a' + 0, (SELECT 1 UNION SELECT 2)",
  "SHOW WARNINGS",
  "SHOW COUNT(*) WARNINGS",
  "DO 1",
  "BEGIN",
  "SELECT 1",
  "INSERT INTO p (id, name) VALUES (900, 'x')",
  "SELECT name FROM p WHERE id = 900",
  "SELECT 1",
  "ROLLBACK",
  "SET autocommit = 0",
  "SELECT 1",
  "SELECT id FROM p WHERE id = 1",
  "SELECT 1",
  "COMMIT",
  "SELECT LAST_INSERT_ID()",
  "SET autocommit = 1",
  [COM.PING, ""],
  [COM.INIT_DB, "u"],
  [COM.INIT_DB, "nosuch"],
  [COM.INIT_DB, ""],
  [COM.FIELD_LIST, "p\0"],
  [COM.FIELD_LIST, "nosuch\0"],
  [COM.STMT_PREPARE, "SELECT id, name FROM p WHERE id >= ? AND id <> ?"],
  [COM.STMT_PREPARE, "SELECT id FROM p"],
  [COM.STMT_PREPARE, "DO ?"],
  [COM.STMT_PREPARE, "COMMIT"],
  [COM.STMT_PREPARE, "SELECT nosuch FROM p"],
  [COM.SET_OPTION, Buffer.of(1, 0)],
  [COM.SET_OPTION, Buffer.of(0, 0)],
  [COM.SET_OPTION, Buffer.of(7, 0)],
  [COM.TIME, ""],
  [0x50, "whatever"],
  "USE s",
  "SELECT k, v FROM x WHERE k IN (1, 2, 3) ORDER BY k",
  "SELECT COUNT(*) FROM x WHERE k IN (1, 2, 3)",
  "BEGIN",
  "SELECT 1",
  "SELECT k, v FROM x WHERE k IN (1, 2, 3) ORDER BY k",
  "SELECT v FROM x WHERE k = 1",
  "ROLLBACK",
];

const MULTI: readonly Step[] = [
  "USE u",
  "SELECT 1;",
  "SELECT 1;;; ",
  "SELECT 1; SELECT 2",
  "SELECT 1;;SELECT 2",
  ";SELECT 1",
  "SELECT 1; -- done",
  "SELECT 1; /* c */;",
  "SELECT 1; -- c\nSELECT 2",
  "-- c",
  "-- c\n; SELECT 1",
  "",
  ";",
  "USE u; SET @a = 1; SELECT @a",
  "SELECT ';'; SELECT \";\"; SELECT name FROM p WHERE name = 'a;b'",
  "BEGIN; INSERT INTO p (id, name) VALUES (901, 'x'); SELECT name FROM p WHERE id = 901; ROLLBACK; SELECT name FROM p WHERE id = 901",
  "BEGIN; INSERT INTO p (id, name) VALUES (902, 'x'); SELECT * FROM nosuch; ROLLBACK",
  "SELECT name FROM p WHERE id = 902; ROLLBACK; SELECT name FROM p WHERE id = 902",
  "SET autocommit = 0; DO 1; SET autocommit = 1; DO 2",
  "SELECT 1/0; SHOW WARNINGS; SELECT 1 LIMIT 0",
  "USE nosuch; DO 1",
  "CREATE PROCEDURE two() BEGIN SELECT 1; SELECT 2; DO 3; END; CALL two(); SELECT 4",
  "CALL two(); CALL nosuch(); SELECT 4",
  "DROP PROCEDURE two; DO 1",
  "USE s; SELECT k, v FROM x WHERE k IN (1, 2, 3) ORDER BY k; SELECT k FROM x WHERE k = 5; SELECT COUNT(*) FROM x WHERE k IN (1, 2, 3); USE u",
  "DO 1; /*!50000 DO 2 */; DO 3",
  [COM.SET_OPTION, Buffer.of(1, 0)],
  "SELECT 1; SELECT 2",
  "SELECT 1; -- one only",
  [COM.SET_OPTION, Buffer.of(0, 0)],
  "SELECT 1; SELECT 2",
];

const TRACKED: readonly Step[] = [
  "USE u",
  "USE u",
  [COM.INIT_DB, "s"],
  "USE nosuch",
  "SET NAMES latin1",
  "SET NAMES utf8mb4",
  "SET autocommit = 0",
  "SET autocommit = 1",
  "SET autocommit = 1",
  "SET time_zone = '+01:00'",
  "SET time_zone = 'SYSTEM'",
  "SET @a = 1",
  "SET sql_mode = DEFAULT",
  "SET session_track_schema = OFF",
  "USE u",
  "SET session_track_schema = ON",
  "USE u",
  "SET session_track_system_variables = 'sql_mode,nosuch'",
  "SET session_track_system_variables = 'sql_mode'",
  "SET sql_mode = 'ANSI'",
  "SET sql_mode = 'NO_BACKSLASH_ESCAPES'",
  "SET NAMES latin1",
  "SET session_track_system_variables = ''",
  "SET sql_mode = DEFAULT",
  "SET session_track_system_variables = '*'",
  "SET wait_timeout = 1000",
  "SET session_track_system_variables = DEFAULT, session_track_state_change = ON",
  "SET @b = 1",
  "USE u",
  "PREPARE x FROM 'SELECT 1'",
  "DEALLOCATE PREPARE x",
  "SET session_track_state_change = OFF",
  "SET @b = 1",
  [COM.RESET_CONNECTION, ""],
  "SET NAMES utf8mb4; USE u; SELECT 1; USE s; DO 1",
  "SET NAMES utf8",
  "SET sql_select_limit = 1",
  "SHOW VARIABLES LIKE 'sql_select_limit'",
  "SET NAMES utf8mb4",
  "SET sql_select_limit = DEFAULT",
  "SET session_track_system_variables = 'sql_select_limit'",
  "SET sql_select_limit = 0",
  "SET sql_select_limit = DEFAULT",
  "SET session_track_system_variables = DEFAULT",
  "SET @@time_zone = 'SYSTEM'",
  "SET @@session.time_zone = 'SYSTEM'",
  "SET session_track_state_change = ON",
  "SET @@sql_mode = ''",
  "SET @@sql_mode = '', @a = 1",
  "SET last_insert_id = 3",
  "SELECT 1 INTO @a",
  "DO @b := 3",
  "CREATE TEMPORARY TABLE tracked (a INT)",
  "INSERT INTO tracked VALUES (1)",
  "DROP TEMPORARY TABLE tracked",
  "DROP TEMPORARY TABLE IF EXISTS tracked",
  "SET TRANSACTION READ WRITE",
  "SET session_track_system_variables = '*'",
  "SET SESSION TRANSACTION READ WRITE",
];

const TRANSACTIONS: readonly Step[] = [
  "USE u",
  "SET session_track_transaction_info = 'STATE'",
  "SELECT 1",
  "BEGIN",
  "SELECT 1",
  "DO 1",
  "SELECT name FROM p WHERE id = 1",
  "INSERT INTO p (id, name) VALUES (910, 'x')",
  "COMMIT",
  "SET autocommit = 0",
  "SELECT name FROM p WHERE id = 1",
  "DO 1",
  "DELETE FROM p WHERE id = 910",
  "COMMIT",
  "INSERT INTO p (id, name) VALUES (911, 'x')",
  "ROLLBACK",
  "SET autocommit = 1",
  "START TRANSACTION READ ONLY",
  "ROLLBACK",
  "SET session_track_transaction_info = 'CHARACTERISTICS'",
  "BEGIN",
  "COMMIT",
  "SET TRANSACTION ISOLATION LEVEL READ COMMITTED",
  "START TRANSACTION READ ONLY",
  "SELECT name FROM p WHERE id = 1",
  "ROLLBACK",
  "SET TRANSACTION READ ONLY",
  "BEGIN",
  "COMMIT",
  "SET TRANSACTION READ WRITE",
  "START TRANSACTION WITH CONSISTENT SNAPSHOT",
  "ROLLBACK",
  "SET autocommit = 0",
  "INSERT INTO p (id, name) VALUES (912, 'x')",
  "ROLLBACK",
  "SET autocommit = 1",
  "SET session_track_transaction_info = 'OFF'",
  "BEGIN",
  "COMMIT",
  "SET session_track_transaction_info = 'OFF'",
  "BEGIN",
  "SELECT id FROM p WHERE id = 1",
  "SET session_track_transaction_info = 'CHARACTERISTICS'",
  "SELECT id FROM p WHERE id = 1",
  "SET session_track_transaction_info = 'CHARACTERISTICS'",
  "COMMIT",
  "BEGIN",
  "BEGIN",
  "COMMIT AND CHAIN",
  "ROLLBACK AND CHAIN",
  "ROLLBACK",
  "SET TRANSACTION READ ONLY",
  "SET TRANSACTION READ ONLY",
  "COMMIT",
  "LOCK TABLES p READ",
  "SELECT id FROM p WHERE id = 1",
  "UNLOCK TABLES",
  "SET session_track_transaction_info = 'OFF'",
];

const EDGES: readonly (readonly [name: string, more: number])[] = [
  ["classic", 0],
  ["without EOFs", CLIENT.DEPRECATE_EOF],
  ["told of changes", CLIENT.SESSION_TRACK],
  ["both", CLIENT.DEPRECATE_EOF | CLIENT.SESSION_TRACK],
];

describe.each(EDGES)("a client, %s, gets the bytes of a server", (_, more) => {
  test("commands", () => allSame(STEPS, more));

  test("several statements", () => allSame(MULTI, more));
});

test("without the capability several statements are one wrong one", () =>
  allSame(["SELECT 1; SELECT 2", "SELECT 1;", "SELECT 1; -- c", "DO 1; SELECT 2"], 0, CLIENT.MULTI_STATEMENTS));

test("a batch is many statements, and one wrong one ends it", async () => {
  const wire = await Wire.open(twins.cluster.port);
  const answers = await wire.ask(`USE u; ${"DO 1; ".repeat(500)}SELECT 1`);
  expect(answers).toHaveLength(501 + 5);
  expect((await wire.ask("DO 1; DO 2; SELEC 1; DO 3")).length).toBe(3);
  expect(await wire.ask("SELECT 7")).toHaveLength(5);
  wire.close();
});

describe("session state", () => {
  test.each([
    ["classic", CLIENT.SESSION_TRACK],
    ["without EOFs", CLIENT.SESSION_TRACK | CLIENT.DEPRECATE_EOF],
  ])("what OK packets tell: %s", async (_, more) => {
    const gateway = await Wire.open(twins.cluster.port, more);
    const direct = await Wire.open(twins.plain.port, more);
    for (const step of TRACKED) {
      const [got, wanted] = await Promise.all([gateway.ask(step), direct.ask(step)]);
      expect(got.map(changesOf), String(step)).toEqual(wanted.map(changesOf));
    }
    gateway.close();
    direct.close();
  });
});

test("what a transaction has done, and what would open one like it", () =>
  allSame(TRANSACTIONS, CLIENT.SESSION_TRACK | CLIENT.DEPRECATE_EOF));

test("the columns of a table are asked for between executions", async () => {
  const wire = await Wire.open(twins.cluster.port);
  await wire.ask("USE u");
  const columns = await wire.ask([COM.FIELD_LIST, "p\0"]);
  wire.raw.send(COM.STMT_PREPARE, "SELECT 1 AS one");
  const id = (await wire.packet()).subarray(1, 5);
  await wire.packet();
  await wire.packet();
  const execution = Buffer.concat([id, Buffer.of(0, 1, 0, 0, 0)]);
  const rows = await wire.ask([COM.STMT_EXECUTE, execution]);
  expect(await wire.ask([COM.FIELD_LIST, "p\0"])).toEqual(columns);
  expect(await wire.ask([COM.STMT_EXECUTE, execution])).toEqual(rows);
  wire.close();
});

test("query attributes come off, whatever they are", async () => {
  const wire = await Wire.open(twins.cluster.port, CLIENT.QUERY_ATTRIBUTES);
  const none = Buffer.of(0, 1);
  const two = Buffer.concat([Buffer.of(2, 1, 0b10, 1, 0xfd, 0, 1, 0x61, 0xfd, 0, 1, 0x62, 3), Buffer.from("val")]);
  for (const attributes of [none, two]) {
    const packets = await wire.ask([COM.QUERY, Buffer.concat([attributes, Buffer.from("SELECT 5; SELECT 6")])]);
    expect(packets.filter((packet) => packet.endsWith("0135") || packet.endsWith("0136"))).toHaveLength(2);
  }
  wire.close();
});

describe("COM_CHANGE_USER", () => {
  test("a new session on the same connection", async () => {
    for (const port of [twins.cluster.port, twins.plain.port]) {
      const wire = await Wire.open(port);
      await wire.ask(
        "USE u; SET @a = 1, sql_mode = 'ANSI', autocommit = 0; INSERT INTO p (id, name) VALUES (903, 'x')",
      );
      expect((await changeUser(wire, "root", "", "s"))[0]).toBe(0);
      const rows = await wire.ask("SELECT @a IS NULL, @@sql_mode = '', @@autocommit, DATABASE()");
      expect(rows.at(-2)).toContain("013101300131" + "0173");
      expect(await wire.ask("SELECT name FROM u.p WHERE id = 903")).toHaveLength(4);
      wire.close();
    }
  });

  test("after a wrong password, an unknown user or database the old one has a new session, three times", async () => {
    for (const port of [twins.cluster.port, twins.plain.port]) {
      const wire = await Wire.open(port);
      await wire.ask("USE u; SET @a = 1, autocommit = 0; INSERT INTO p (id, name) VALUES (904, 'x')");
      for (const [user, password, database, errno] of [
        ["nobody", "0123456789abcdefghij", "", 1045],
        ["root", "", "nosuch", 1049],
        ["root", "0123456789abcdefghij", "s", 1045],
        ["root", "", "s", 1047],
      ] as const) {
        const answer = await changeUser(wire, user, password, database);
        expect(decodeErr(answer).errno, `${port} ${user} ${database}`).toBe(errno);
        const rows = await wire.ask("SELECT @a IS NULL, @@autocommit, DATABASE(), USER() LIKE 'root@%'");
        expect(rows.at(-2), `${port} ${user} ${database}`).toContain("01310131" + "0175" + "0131");
        expect(await wire.ask("SELECT name FROM u.p WHERE id = 904")).toHaveLength(4);
      }
      wire.close();
    }
  });

  test("what cannot be read is refused, and the session goes on", () => allSame([[COM.CHANGE_USER, "ro"], "SELECT 1"]));
});

test.each([
  ["classic", 0],
  ["without EOFs", CLIENT.DEPRECATE_EOF],
])("a shard that breaks off in the middle of rows is an error, and the session goes on: %s", async (_, more) => {
  const wire = await Wire.open(twins.cluster.port, more);
  await wire.ask("USE u");
  const port = twins.cluster.processes().find(({ kind, keyspace }) => kind === "mysqld" && keyspace === "u")?.port ?? 0;
  const shard = await TwinClient.connect(port);
  // More than all buffers on the way take: it waits for the client.
  wire.raw.socket.pause();
  wire.raw.query("SELECT seq, REPEAT('x', 200) FROM seq_1_to_3000000");
  const running = "SELECT id FROM information_schema.processlist WHERE info LIKE 'SELECT seq, REPEAT%'";
  let id: string | undefined;
  while (id === undefined) [id] = await shard.rows(running);
  // Rows are on their way.
  await wire.packetAfter(() => wire.raw.socket.resume());
  wire.raw.socket.pause();
  await shard.query(`KILL ${id}`);
  wire.raw.socket.resume();
  let last = await wire.packet();
  while (last[0] !== HEADER_ERR) last = await wire.packet();
  expect(decodeErr(last).errno).toBe(2013);
  expect((await wire.ask("SELECT 1")).length).toBeGreaterThan(3);
  shard.close();
  wire.close();
});

test("commands that are a server's own affair are refused", async () => {
  const wire = await Wire.open(twins.cluster.port);
  for (const command of [COM.SHUTDOWN, COM.DEBUG, COM.BINLOG_DUMP, COM.REGISTER_SLAVE]) {
    const [packet = ""] = await wire.ask([command, Buffer.alloc(12)]);
    expect(decodeErr(Buffer.from(packet.slice(3), "hex")).errno, String(command)).toBe(1227);
  }
  wire.raw.send(COM.STATISTICS);
  expect((await wire.packet()).toString()).toMatch(
    /^Uptime: \d+ {2}Threads: \d+ {2}Questions: [1-9]\d* {2}Slow queries: \d+ {2}Opens: \d+ {2}Open tables: \d+ {2}Queries per second avg: \d+\.\d{3}$/,
  );
  wire.close();
});

test("CLIENT_IGNORE_SPACE is a mode of the session until it is reset", async () => {
  const looks = ["USE u", "SELECT @@sql_mode", "SELECT COUNT (*) FROM p", "SELECT NOW () IS NULL"];
  const resets: readonly Step[] = [[COM.RESET_CONNECTION, ""], ...looks];
  await allSame([...looks, "SET sql_mode = DEFAULT", ...looks, ...resets], CLIENT.IGNORE_SPACE);
  await allSame([...looks, ...resets]);
});

describe("executions that are not right answer as MariaDB answers them", () => {
  const last = "ffffffff";
  const execute = (block: string): Step => [COM.STMT_EXECUTE, Buffer.from(`${last}0001000000${block}`, "hex")];
  const blocks = {
    "a type that is none": "00011f000131",
    "neither types nor none": "0007fd000131",
    "NULLs need no types": "0100",
    "values do": "00000131",
    "no value": "0001fd00",
    "types that end early": "0001fd",
    "nothing at all": "",
    "the NULL type with a value": "000106000131",
  };
  test.each(Object.entries(blocks))("%s", async (_name, block) => {
    const [got, wanted] = await Promise.all([executed(twins.cluster.port, block), executed(twins.plain.port, block)]);
    expect(got).toEqual(wanted);
  });

  const steps: Record<string, readonly Step[]> = {
    "bulk executions that were not agreed": [
      [COM.STMT_PREPARE, "SELECT ?"],
      [COM.STMT_BULK_EXECUTE, Buffer.from(`${last}800003000001000000`, "hex")],
    ],
    "names of databases": [
      [COM.INIT_DB, "u\0"],
      [COM.INIT_DB, Buffer.from("75ff01", "hex")],
      [COM.INIT_DB, "u"],
    ],
    "an option and more": [[COM.SET_OPTION, Buffer.of(1, 0, 9, 9)], "SELECT 1; SELECT 2"],
    "commands of MySQL alone": [[COM.CLONE, Buffer.alloc(4)]],
  };
  test.each(Object.keys(steps))("%s", (name) => allSame(steps[name] ?? [], 0, CLIENT.MYSQL));

  test("long data for a parameter that is not there is told until the statement is reset", async () => {
    for (const port of [twins.cluster.port, twins.plain.port]) {
      const wire = await Wire.open(port, 0, CLIENT.MYSQL);
      await wire.ask([COM.STMT_PREPARE, "SELECT ? AS a"]);
      wire.raw.send(COM.STMT_SEND_LONG_DATA, Buffer.from(`${last}0900ff`, "hex"));
      // Too short to be of any statement.
      wire.raw.send(COM.STMT_SEND_LONG_DATA, Buffer.from("ffff", "hex"));
      for (let n = 0; n < 2; n++) expect(errnoOf(await wire.ask(execute("0001fd000131")))).toBe(1210);
      wire.raw.send(COM.STMT_SEND_LONG_DATA, Buffer.from(`${last}0000ff`, "hex"));
      await wire.ask([COM.STMT_RESET, Buffer.from(last, "hex")]);
      expect(await wire.ask(execute("0001fd000131"))).toHaveLength(5);
      wire.raw.send(COM.STMT_SEND_LONG_DATA, Buffer.from(`${last}0000ff`, "hex"));
      // A number cannot come in pieces.
      expect(errnoOf(await wire.ask(execute("0001030000000000")))).toBe(1210);
      // They were for that execution alone.
      expect((await wire.ask(execute("0001fd000131"))).at(-2)).toMatch(/0131$/);
      wire.close();
    }
  });

  test("what a session has prepared is nothing to the next one of its connection; its options stay", async () => {
    for (const port of [twins.cluster.port, twins.plain.port]) {
      const wire = await Wire.open(port, 0, CLIENT.MYSQL | CLIENT.MULTI_STATEMENTS);
      wire.raw.send(COM.STMT_PREPARE, "SELECT 1");
      const head = Buffer.from(await wire.packet());
      for (let n = 0; n < 2; n++) await wire.packet();
      await wire.ask([COM.SET_OPTION, Buffer.of(0, 0)]);
      expect((await changeUser(wire, "root", "", "u"))[0]).toBe(0);
      await wire.ask([COM.STMT_PREPARE, "SELECT 2"]);
      const stale = Buffer.concat([head.subarray(1, 5), Buffer.from("0001000000", "hex")]);
      expect(errnoOf(await wire.ask([COM.STMT_EXECUTE, stale]))).toBe(1243);
      expect(await wire.ask("SELECT 1; SELECT 2")).toHaveLength(10);
      wire.close();
    }
  });
});

/** Packets of an execution, or the number of its error. */
async function executed(port: number, block: string): Promise<readonly string[] | number> {
  const wire = await Wire.open(port, 0, CLIENT.MYSQL);
  wire.raw.send(COM.STMT_PREPARE, "SELECT ? AS a");
  const id = Buffer.from((await wire.packet()).subarray(1, 5));
  for (let n = 0; n < 4; n++) await wire.packet();
  const packets = await wire.ask([COM.STMT_EXECUTE, Buffer.concat([id, Buffer.from(`0001000000${block}`, "hex")])]);
  wire.close();
  return packets.length === 1 ? errnoOf(packets) : packets;
}

function errnoOf([packet = ""]: readonly string[]): number {
  return decodeErr(Buffer.from(packet.slice(3), "hex")).errno;
}

/** The final packet of the exchange; `password` is answered as it is, which is right only where there is none. */
async function changeUser(wire: Wire, user: string, password: string, database: string): Promise<Buffer> {
  const payload = `${user}\0\0${database}\0`;
  wire.raw.send(
    COM.CHANGE_USER,
    Buffer.concat([Buffer.from(payload), Buffer.of(45, 0), Buffer.from("mysql_native_password\0")]),
  );
  const first = await wire.packet();
  if (first[0] !== HEADER_EOF) return first;
  wire.raw.write(writeFrame(Buffer.from(password), 2));
  return wire.packet();
}

/** What an OK tells, in no particular order; of other packets only that they are no OK. */
function changesOf(line: string): readonly string[] | string {
  const packet = Buffer.from(line.slice(line.indexOf(" ") + 1), "hex");
  const isOk = packet[0] === 0 || (packet[0] === HEADER_EOF && packet.length > 5);
  if (!isOk) return "other";
  const { sessionState } = decodeOk(packet, CLIENT.SESSION_TRACK);
  return sessionState.map((change) => `${change.type} ${stringsOfChange(change).join(" = ")}`).toSorted();
}

describe("progress reports", () => {
  /** All packets of the answer to an ALTER TABLE that computes something for each row, in a table of more and more rows. */
  async function reported(keyspace: string, table: string, key: string, text: string, capability: number) {
    const raw = await RawClient.login({
      target: { host: "127.0.0.1", port: twins.cluster.port },
      user: "root",
      capabilities: BASE_CAPABILITIES & ~(CLIENT.MYSQL | CLIENT.LOCAL_FILES),
      mariadbCapabilities: capability,
    });
    const reader = new PacketReader(1 << 24);
    const answer = async (sql: string): Promise<Buffer[]> => {
      raw.send(COM.QUERY, sql);
      const packets: Buffer[] = [];
      for (;;) {
        packets.push(Buffer.from(await raw.packet(reader)));
        const last = packets.at(-1) ?? Buffer.alloc(0);
        expect(reader.sequenceId).toBe(packets.length & 0xff);
        if (decodeProgress(last) === undefined) return packets;
      }
    };
    await answer(`USE ${keyspace}`);
    await answer("SET progress_report_time = 1");
    let packets: Buffer[] = [];
    for (let rows = 500; rows <= 16_000 && packets.length < 2; rows *= 2) {
      await answer(`DELETE FROM ${table}`);
      const values = Array.from({ length: rows }, (_, at) => `(${1_000_000 + at}, 'x${at}')`);
      await answer(`INSERT INTO ${table} (${key}, ${text}) VALUES ${values.join(", ")}`);
      const added = `ADD slow BIGINT DEFAULT (CRC32(REPEAT(${text}, 200000))), ALGORITHM = COPY`;
      packets = await answer(`ALTER TABLE ${table} ${added}`);
      await answer(`ALTER TABLE ${table} DROP slow`);
      if (capability === 0) break;
    }
    await answer(`DELETE FROM ${table}`);
    raw.close();
    return packets;
  }

  test.each([
    ["u", "p", "id", "name"],
    ["s", "x", "k", "v"],
  ])("come in front of the answer: %s.%s", { timeout: 300_000 }, async (keyspace, table, key, text) => {
    const packets = await reported(keyspace, table, key, text, MARIADB_CLIENT.PROGRESS);
    expect(packets.length).toBeGreaterThan(1);
    for (const packet of packets.slice(0, -1)) {
      expect(decodeProgress(packet)).toMatchObject({ stages: 2, info: expect.any(String) as string });
    }
    expect(packets.at(-1)?.[0]).toBe(0);
  });

  test("are for those who ask", { timeout: 300_000 }, async () => {
    expect(await reported("u", "p", "id", "name", 0)).toHaveLength(1);
  });
});
