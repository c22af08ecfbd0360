// The scanner and the reframer against a real server: every kind of reply, asked once over a connection with the classic
// framing and once over one with CLIENT_DEPRECATE_EOF. The reframed bytes of the first must be the bytes of the second.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Mysqld } from "../../src/local/mysqld.ts";
import { allCollations, collationById, defaultCollation } from "../../src/mysql/charsets.ts";
import { CLIENT, COM, SERVER } from "../../src/mysql/constants.ts";
import { writeFrame } from "../../src/mysql/frame.ts";
import { decodeColumnDefinition } from "../../src/mysql/packets/column-definition.ts";
import { isEof } from "../../src/mysql/packets/eof.ts";
import { decodeErr } from "../../src/mysql/packets/err.ts";
import { decodeLocalInfile } from "../../src/mysql/packets/local-infile.ts";
import { decodeOk, encodeOk } from "../../src/mysql/packets/ok.ts";
import { TextRow } from "./text-row.ts";
import { ReplyReframer } from "../../src/mysql/reply-reframe.ts";
import { type ReplyMode, ReplyScanner } from "../../src/mysql/reply-scanner.ts";
import { RowCutter } from "../../src/mysql/row-cutter.ts";
import { startMysqld } from "../fixture/cluster.ts";
import { BASE_CAPABILITIES, RawClient } from "./raw-client.ts";
import { unframe } from "./reply-builder.ts";

const SETUP = [
  "DROP DATABASE IF EXISTS w",
  "CREATE DATABASE w CHARACTER SET utf8mb4",
  "USE w",
  "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(50), n DECIMAL(10,2), d DATETIME(3), b BLOB, e ENUM('x','y'), s SET('p','q'), f FLOAT, g DOUBLE, y YEAR, ti TIME(2), bi BIT(9), j JSON)",
  "INSERT INTO t VALUES (1,'one',1.50,'2024-01-02 03:04:05.678',0xFE00FF,'x','p,q',1.5,-2.25,1999,'-12:34:56.78',b'101','{\"a\":1}'), (2,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL), (3,'',0,'1000-01-01','','y','',0,0,1901,'838:59:59',0,'[]')",
  "CREATE TABLE small (a INT, b TEXT)",
  "CREATE PROCEDURE two() BEGIN SELECT 1 AS a; SELECT id, name FROM t; END",
  "CREATE PROCEDURE nothing() BEGIN DO 1; END",
  "CREATE PROCEDURE fails() BEGIN SELECT 1; SELECT * FROM missing; END",
];

/** Statements of every reply kind; those marked by `--` are one packet of several statements. */
const STATEMENTS = [
  "SELECT 1",
  "SELECT NULL",
  "SELECT ''",
  "SELECT 1 WHERE 0",
  "SELECT * FROM t",
  "SELECT * FROM t WHERE id = 1",
  "SELECT * FROM t WHERE id = 99",
  "SELECT name, b FROM t ORDER BY id DESC",
  "SELECT COUNT(*), SUM(n), AVG(g), MIN(d) FROM t",
  "SELECT 1/0",
  "SELECT CAST('abc' AS INT)",
  "SELECT CAST(18446744073709551615 AS UNSIGNED), -9223372036854775808",
  "SELECT REPEAT('x', 250), REPEAT('y', 251), REPEAT('z', 252)",
  "SELECT REPEAT('x', 65535), REPEAT('y', 65536)",
  "SELECT REPEAT(CHAR(254), 300)",
  "SELECT REPEAT(CHAR(255), 300)",
  "SELECT CHAR(5,0,0,6,254,0,0,2,0 USING binary)",
  "SELECT seq FROM seq_1_to_300",
  "SELECT seq, REPEAT('r', seq % 100) FROM seq_1_to_20000",
  "SELECT REPEAT('big', 100000) FROM seq_1_to_20",
  "SELECT REPEAT('x', 16777206)",
  "SELECT REPEAT('x', 16777211), 1",
  "SELECT REPEAT('x', 16777215), 'behind'",
  "SELECT REPEAT('x', 17000000) UNION ALL SELECT 'after'",
  "SELECT 'before' UNION ALL SELECT REPEAT('x', 33554430)",
  `SELECT ${Array.from({ length: 300 }, (_, i) => `${i} AS c${i}`).join(", ")}`,
  "SELECT seq, (SELECT 1 UNION SELECT 2 FROM seq_1_to_2 s2 WHERE s.seq > 500) FROM seq_1_to_1000 s",
  "SELECT * FROM missing",
  "SELEC 1",
  "SELECT missing FROM t",
  "",
  "   ",
  "-- only a comment",
  "INSERT INTO small VALUES (1, 'a')",
  "INSERT INTO small VALUES (2, 'b'), (3, 'c')",
  "INSERT INTO small SELECT seq, 'x' FROM seq_1_to_300",
  "INSERT INTO t (name) VALUES ('auto')",
  "INSERT INTO t (id, name) VALUES (100000, 'far')",
  "INSERT INTO t (id) VALUES (1)",
  "INSERT IGNORE INTO t (id) VALUES (1), (2)",
  "INSERT INTO t (id, name) VALUES (1, 'up') ON DUPLICATE KEY UPDATE name = 'up'",
  "INSERT INTO small VALUES (4, 'r') RETURNING a, b",
  "DELETE FROM small WHERE a = 4 RETURNING a",
  "REPLACE INTO t (id, name) VALUES (2, 'two')",
  "UPDATE t SET name = 'x' WHERE id = 3",
  "UPDATE t SET name = 'x' WHERE id = 3",
  "UPDATE t SET name = 'none' WHERE id = 77",
  "DELETE FROM small WHERE a < 2",
  "DELETE FROM small",
  "TRUNCATE small",
  "BEGIN",
  "INSERT INTO small VALUES (9, 'tx')",
  "SELECT * FROM small",
  "SAVEPOINT s",
  "ROLLBACK TO s",
  "ROLLBACK",
  "START TRANSACTION READ ONLY",
  "SELECT 1",
  "UPDATE t SET n = 1",
  "COMMIT",
  "SET autocommit = 0",
  "SELECT 1",
  "COMMIT",
  "SET autocommit = 1",
  "SET @a = 5",
  "SELECT @a, @b",
  "SET NAMES latin1",
  "SELECT 'é'",
  "SET NAMES utf8mb4",
  "DO 1",
  "SHOW DATABASES",
  "SHOW TABLES",
  "SHOW TABLES LIKE 'zzz'",
  "SHOW COLUMNS FROM t",
  "SHOW CREATE TABLE t",
  "SHOW INDEX FROM t",
  "SHOW WARNINGS",
  "SELECT 1/0",
  "SHOW WARNINGS",
  "SHOW ERRORS",
  "SHOW VARIABLES LIKE 'max_allowed_packet'",
  "SHOW COLLATION LIKE 'utf8%'",
  "SHOW CHARACTER SET",
  "EXPLAIN SELECT * FROM t WHERE id = 1",
  "DESCRIBE t",
  "CHECKSUM TABLE t",
  "CHECK TABLE t",
  "ANALYZE TABLE small",
  "HELP 'nothing like that'",
  "CREATE TABLE made (a INT)",
  "CREATE TABLE made (a INT)",
  "CREATE TABLE IF NOT EXISTS made (a INT)",
  "ALTER TABLE made ADD b INT",
  "DROP TABLE made",
  "DROP TABLE IF EXISTS made",
  "CREATE TEMPORARY TABLE tmp AS SELECT 1 AS a",
  "SELECT * FROM tmp",
  "LOCK TABLES t READ",
  "UNLOCK TABLES",
  "USE mysql",
  "USE w",
  "USE missing",
  "CALL two()",
  "CALL nothing()",
  "CALL fails()",
  "CALL missing()",
  "HANDLER t OPEN",
  "HANDLER t READ FIRST",
  "HANDLER t CLOSE",
  "PREPARE p FROM 'SELECT ? AS a, name FROM t WHERE id = ?'",
  "SET @x = 1, @y = 2",
  "EXECUTE p USING @x, @y",
  "DEALLOCATE PREPARE p",
  "EXECUTE p",
  "SELECT 1; SELECT 2, 3; SELECT 4 WHERE 0",
  "SET @z = 1; SELECT @z; DO 2",
  "SELECT 1; SELECT * FROM missing; SELECT 3",
  "INSERT INTO small VALUES (1, 'm'); SELECT ROW_COUNT(); CALL two(); DELETE FROM small",
  "BEGIN NOT ATOMIC SELECT 1; SELECT 2; END",
  "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT * FROM r",
  "VALUES (1, 2), (3, 4)",
  "SELECT 1 INTO @q",
  "SELECT GET_LOCK('l', 1), RELEASE_LOCK('l')",
  "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'ours', MYSQL_ERRNO = 30001",
  "LOAD DATA LOCAL INFILE 'some/file' INTO TABLE small",
  "SELECT * FROM small ORDER BY a",
  "LOAD DATA LOCAL INFILE 'x' INTO TABLE missing",
  "LOAD DATA INFILE '/missing' INTO TABLE small",
];
const FILE = Buffer.from("10\tten\n11\televen\nbad\n");

let server: Mysqld;

beforeAll(async () => {
  server = await startMysqld({ args: ["--max-allowed-packet=256M"] });
});

afterAll(async () => {
  await server.stop();
});

test("the collation table is the server's", async () => {
  const client = await login();
  const { reply } = await ask(
    client,
    "SELECT id, full_collation_name, character_set_name, is_default FROM information_schema.collation_character_set_applicability",
  );
  const { payloads } = unframe(reply);
  const row = new TextRow(4);
  let rows = 0;
  for (const payload of payloads.slice(6, -1)) {
    row.read(payload);
    const known = collationById(Number(row.string(0)));
    expect(known).toMatchObject({ collation: row.string(1), charset: row.string(2) });
    if (row.string(3) === "Yes") expect(defaultCollation(row.string(2) ?? "")).toBe(known);
    rows++;
  }
  expect(rows).toBeGreaterThan(1000);
  expect([...allCollations()].length).toBeGreaterThan(rows);
  client.close();
});

describe("replies of COM_QUERY", () => {
  test(`${STATEMENTS.length} statements`, async () => {
    const classic = await login();
    const modern = await login(CLIENT.DEPRECATE_EOF);
    for (const sql of SETUP) await ask(classic, sql);
    const replies: Reply[] = [];
    await ask(classic, "USE w");
    for (const sql of STATEMENTS) {
      const answer = await ask(classic, sql);
      checkFacts(sql, answer);
      replies.push(answer);
    }
    for (const sql of SETUP) await ask(classic, sql);
    await askModern(modern, "USE w", await ask(classic, "USE w"));
    for (const [index, sql] of STATEMENTS.entries()) {
      const answer = replies[index];
      if (answer !== undefined) await askModern(modern, sql, answer);
    }
    classic.close();
    modern.close();
    expect(new Set(replies.map((answer) => answer.scanner.kind))).toEqual(new Set(["ok", "err", "resultset"]));
    expect(replies.filter((answer) => answer.infile > 0).length).toBe(1);
    expect(replies.filter((answer) => answer.scanner.resultCount > 1).length).toBeGreaterThan(5);
  });
});

describe("replies of other commands", () => {
  test("prepare, execute with and without a cursor, fetch, field list, statistics", async () => {
    const client = await login();
    for (const sql of SETUP) await ask(client, sql);
    for (const [sql, parameters, columns] of [
      ["SELECT 1", 0, 1],
      ["SELECT * FROM t WHERE id > ? AND name <> ?", 2, 13],
      ["DO ?", 1, 0],
      ["COMMIT", 0, 0],
    ] as const) {
      const { scanner } = await command(client, "prepare", COM.STMT_PREPARE, sql);
      expect(scanner).toMatchObject({ kind: "ok", parameterCount: parameters, columnCount: columns });
    }
    expect((await command(client, "prepare", COM.STMT_PREPARE, "SELECT * FROM missing")).scanner).toMatchObject({
      kind: "err",
      errno: 1146,
    });

    const { scanner: prepared } = await command(client, "prepare", COM.STMT_PREPARE, "SELECT seq FROM seq_1_to_10");
    const execution = (flags: number) => {
      const payload = Buffer.alloc(9);
      payload.writeUInt32LE(prepared.statementId);
      payload[4] = flags;
      payload[5] = 1;
      return payload;
    };
    expect((await command(client, "execute", COM.STMT_EXECUTE, execution(0))).scanner).toMatchObject({
      kind: "resultset",
      rowCount: 10,
    });
    const opened = await command(client, "execute", COM.STMT_EXECUTE, execution(1));
    expect(opened.scanner).toMatchObject({ kind: "resultset", rowCount: 0 });
    expect(opened.scanner.statusFlags & SERVER.STATUS_CURSOR_EXISTS).not.toBe(0);
    const fetch = Buffer.alloc(8);
    fetch.writeUInt32LE(prepared.statementId);
    fetch.writeUInt32LE(7, 4);
    expect((await command(client, "rows", COM.STMT_FETCH, fetch)).scanner.rowCount).toBe(7);
    const last = await command(client, "rows", COM.STMT_FETCH, fetch);
    expect(last.scanner.rowCount).toBe(3);
    expect(last.scanner.statusFlags & SERVER.STATUS_LAST_ROW_SENT).not.toBe(0);

    await ask(client, "USE w");
    expect((await command(client, "fields", COM.FIELD_LIST, "t\0")).scanner.rowCount).toBe(13);
    expect((await command(client, "fields", COM.FIELD_LIST, "missing\0")).scanner).toMatchObject({
      failed: true,
      errno: 1146,
    });
    expect((await command(client, "one", COM.STATISTICS)).reply.toString("latin1", 4)).toMatch(/^Uptime: /);
    expect((await command(client, "query", COM.PING)).scanner.kind).toBe("ok");
    expect((await command(client, "query", COM.RESET_CONNECTION)).scanner.kind).toBe("ok");
    client.close();
  });

  test("a cursor in the framing of CLIENT_DEPRECATE_EOF", async () => {
    const classic = await login();
    const modern = await login(CLIENT.DEPRECATE_EOF);
    const execution = Buffer.alloc(9);
    const { scanner } = await command(classic, "prepare", COM.STMT_PREPARE, "SELECT 1 AS a");
    execution.writeUInt32LE(scanner.statementId);
    execution[4] = 1;
    execution[5] = 1;
    const { reply } = await command(classic, "execute", COM.STMT_EXECUTE, execution);
    modern.send(COM.STMT_PREPARE, "SELECT 1 AS a");
    const prepared = await modern.chunk();
    execution.writeUInt32LE(prepared.readUInt32LE(5));
    const out: Buffer[] = [];
    new ReplyReframer("execute").push(Buffer.from(reply), 0, reply.length, out);
    const wanted = Buffer.concat(out);
    modern.send(COM.STMT_EXECUTE, execution);
    expect((await modern.bytes(wanted.length)).toString("hex")).toBe(wanted.toString("hex"));
    classic.close();
    modern.close();
  });
});

interface Reply {
  readonly scanner: ReplyScanner;
  readonly reply: Buffer;
  /** Where the LOCAL INFILE request ends, if there is one. */
  readonly infile: number;
}

function login(more = 0): Promise<RawClient> {
  return RawClient.login({ target: { path: server.socketPath }, user: "root", capabilities: BASE_CAPABILITIES | more });
}

function ask(client: RawClient, sql: string): Promise<Reply> {
  return command(client, "query", COM.QUERY, sql);
}

/** Sends a command and reads until the scanner says that its reply has ended; nothing may follow. */
async function command(client: RawClient, mode: ReplyMode, com: number, payload: Buffer | string = ""): Promise<Reply> {
  const scanner = new ReplyScanner(mode);
  const parts: Buffer[] = [];
  let infile = 0;
  client.send(com, payload);
  while (!scanner.ended) {
    const chunk = await client.chunk();
    expect(scanner.feed(chunk, 0, chunk.length)).toBe(chunk.length);
    parts.push(chunk);
    if (scanner.kind !== "infile" || !scanner.ended) continue;
    infile = scanner.replyBytes;
    scanner.resumeAfterInfile();
    sendFile(client);
  }
  return { scanner, reply: Buffer.concat(parts), infile };
}

function sendFile(client: RawClient): void {
  client.write(Buffer.concat([writeFrame(FILE, 2), writeFrame(Buffer.alloc(0), 3)]));
}

/** The same statement with CLIENT_DEPRECATE_EOF: the reframed reply byte by byte, and not a byte more. */
async function askModern(client: RawClient, sql: string, { reply, infile }: Reply): Promise<void> {
  const reframer = new ReplyReframer();
  const out: Buffer[] = [];
  const step = reply.length < 100_000 ? 1 + (sql.length % 97) : 65_536;
  for (let at = 0; at < reply.length; at += step) {
    const chunk = Buffer.from(reply.subarray(at, at + step));
    reframer.push(chunk, 0, chunk.length, out);
  }
  const wanted = Buffer.concat(out);
  client.query(sql);
  let got: Buffer;
  if (infile > 0) {
    const request = await client.bytes(infile);
    sendFile(client);
    got = Buffer.concat([request, await client.bytes(wanted.length - infile)]);
  } else got = await client.bytes(wanted.length);
  if (!got.equals(wanted)) {
    expect.fail(`${sql}\n${wanted.toString("hex", 0, 400)}\n${got.toString("hex", 0, 400)}`);
  }
}

/** Reads the reply a second time, packet by packet, and compares with what the scanner found. */
function checkFacts(sql: string, { scanner, reply, infile }: Reply): void {
  const { payloads } = unframe(reply);
  const last = payloads.at(-1) ?? Buffer.alloc(0);
  expect(scanner.replyBytes, sql).toBe(reply.length);
  expect(unframe(reply.subarray(scanner.lastPacketOffset)).payloads, sql).toHaveLength(1);
  expect(scanner.failed, sql).toBe(last[0] === 0xff);
  if (scanner.failed) expect(scanner.errno, sql).toBe(decodeErr(last).errno);
  else if (isEof(last))
    expect([scanner.warnings, scanner.statusFlags], sql).toEqual([last.readUInt16LE(1), last.readUInt16LE(3)]);
  else if (last[0] === 0) {
    const ok = decodeOk(last, BASE_CAPABILITIES);
    expect([scanner.warnings, scanner.statusFlags], sql).toEqual([ok.warnings, ok.statusFlags]);
    expect(encodeOk(ok, BASE_CAPABILITIES), sql).toEqual(last);
  }
  if (infile > 0) expect(decodeLocalInfile(payloads[0] ?? Buffer.alloc(0))).toMatch(/^(some\/file|x)$/);
  if (scanner.resultCount > 1 || scanner.kind !== "resultset") return;
  expect(scanner.rowCount, sql).toBe(payloads.length - 1 - scanner.columnCount - 2);
  for (const payload of payloads.slice(1, 1 + scanner.columnCount)) decodeColumnDefinition(payload);
  expect(unframe(reply.subarray(0, scanner.rowsOffset)).payloads, sql).toHaveLength(scanner.columnCount + 2);
  const row = new TextRow(scanner.columnCount);
  for (const payload of payloads.slice(scanner.columnCount + 2, -1)) row.read(payload);

  const cutter = new RowCutter(1 << 26);
  const rows: Buffer[] = [];
  for (let at = 0; at < reply.length; at += 4093) {
    const chunk = reply.subarray(at, at + 4093);
    cutter.push(chunk, 0, chunk.length, rows);
  }
  expect(Buffer.concat([cutter.head, ...rows, cutter.tail]).equals(reply), sql).toBe(true);
}
