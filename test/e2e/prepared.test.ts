// Prepared statements beside one MariaDB: the raw packets of COM_STMT_PREPARE, EXECUTE, FETCH and their like are compared,
// byte by byte where one shard answers, types and values where answers are put together.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Cluster } from "../../src/local/cluster.ts";
import type { Mysqld } from "../../src/local/mysqld.ts";
import { BufferWriter } from "../../src/mysql/codec.ts";
import { COM, HEADER_ERR, MARIADB_CLIENT, MYSQL_TYPE } from "../../src/mysql/constants.ts";
import { decodeErr } from "../../src/mysql/packets/err.ts";
import { decodeOk } from "../../src/mysql/packets/ok.ts";
import { CURSOR_READ_ONLY, TYPE_UNSIGNED } from "../../src/mysql/packets/stmt-execute.ts";
import { startCluster, startMysqld } from "../fixture/cluster.ts";
import { hex, isEof, merged, type Parameter, StatementClient } from "./statement-client.ts";

const TABLE = `
CREATE TABLE t (
  id BIGINT NOT NULL PRIMARY KEY, ti TINYINT, tu TINYINT UNSIGNED, si SMALLINT, mi MEDIUMINT, i INT, iu INT UNSIGNED,
  bi BIGINT, bu BIGINT UNSIGNED, f FLOAT, d DOUBLE, n DECIMAL(20,6), y YEAR, dt DATE, ts DATETIME(6), dts DATETIME,
  tm TIME(3), ch CHAR(10), vc VARCHAR(40), vb VARBINARY(20), b BLOB, tx TEXT, e ENUM('x','y'), se SET('a','b','c'),
  bt BIT(12), zf INT(8) ZEROFILL, j JSON
);
CREATE TABLE k (name VARBINARY(40) NOT NULL PRIMARY KEY, v INT);
`;
const VSCHEMA = {
  sharded: true,
  vindexes: { hash: { type: "hash" }, bytes: { type: "xxhash" } },
  tables: {
    t: { column_vindexes: [{ column: "id", name: "hash" }] },
    k: { column_vindexes: [{ column: "name", name: "bytes" }] },
  },
};

const long = (value: number | bigint): Parameter => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt(value));
  return [MYSQL_TYPE.LONGLONG, bytes];
};
const unsigned = (value: bigint): Parameter => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return [MYSQL_TYPE.LONGLONG | TYPE_UNSIGNED, bytes];
};
const int = (value: number): Parameter => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return [MYSQL_TYPE.LONG, bytes];
};
const double = (value: number): Parameter => {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return [MYSQL_TYPE.DOUBLE, bytes];
};
const text = (value: string): Parameter => [MYSQL_TYPE.VAR_STRING, Buffer.from(value)];
const decimal = (value: string): Parameter => [MYSQL_TYPE.NEWDECIMAL, Buffer.from(value)];
const blob = (value: Buffer): Parameter => [MYSQL_TYPE.BLOB, value];
const NULL: Parameter = [MYSQL_TYPE.NULL, null];
const datetime = (year: number, month: number, day: number, micros = 0): Parameter => {
  const bytes = Buffer.alloc(micros > 0 ? 12 : 8);
  bytes[0] = bytes.length - 1;
  bytes.writeUInt16LE(year, 1);
  bytes[3] = month;
  bytes[4] = day;
  bytes[5] = 23;
  bytes[6] = 59;
  bytes[7] = 1;
  if (micros > 0) bytes.writeUInt32LE(micros, 8);
  return [MYSQL_TYPE.DATETIME, bytes];
};
const time = (days: number, micros: number): Parameter => {
  const bytes = Buffer.alloc(13);
  bytes[0] = 12;
  bytes[1] = 1;
  bytes.writeUInt32LE(days, 2);
  bytes[6] = 5;
  bytes[7] = 6;
  bytes[8] = 7;
  bytes.writeUInt32LE(micros, 9);
  return [MYSQL_TYPE.TIME, bytes];
};

const ROWS: readonly (readonly Parameter[])[] = [
  [
    long(1),
    int(-128),
    int(255),
    int(-32768),
    int(-8388608),
    int(-2147483648),
    long(4294967295),
    long(-9223372036854775808n),
    unsigned(18446744073709551615n),
    double(123456.789),
    double(0.1),
    text("12345678901234.123456"),
    int(1901),
    datetime(1000, 1, 1),
    datetime(9999, 12, 31, 999999),
    datetime(2020, 2, 29),
    time(34, 999000),
    text("abc  "),
    text("ünï'\\\"\n\0"),
    blob(Buffer.from([0, 255, 39, 92])),
    blob(Buffer.alloc(300, 7)),
    text("x".repeat(70_000)),
    text("x"),
    text("a,c"),
    int(4095),
    int(42),
    text('{"a": [1, 2]}'),
  ],
  [long(2), ...Array.from({ length: 26 }, () => NULL)],
  [
    long(-3),
    int(0),
    int(0),
    int(0),
    int(0),
    int(0),
    int(0),
    int(0),
    int(0),
    double(0),
    double(-1e300),
    text("0"),
    int(0),
    text("0000-00-00"),
    text("0000-00-00 00:00:00"),
    text("0000-00-00"),
    text("00:00:00"),
    text(""),
    text(""),
    text(""),
    text(""),
    text(""),
    text("y"),
    text(""),
    int(0),
    int(0),
    text("null"),
  ],
  [
    double(4),
    double(4),
    double(4),
    text("5"),
    int(6),
    text("7"),
    double(8),
    double(9),
    double(16777217.5),
    double(11),
    int(12),
    double(1.25),
    text("1999"),
    text("2001-02-03"),
    text("2001-02-03 04:05:06.7"),
    text("2001-02-03"),
    text("-838:59:59"),
    text("🦊"),
    text("Straße"),
    text("🦊"),
    text("b"),
    text("t"),
    text("x"),
    text("b"),
    int(1),
    int(99999999),
    text("[]"),
  ],
];
const INSERT = `INSERT INTO t VALUES (${Array.from({ length: 27 }, () => "?").join(", ")})`;

describe("prepared statements", () => {
  let cluster: Cluster;
  let plain: Mysqld;
  let clients: Record<"u" | "s" | "plainU" | "plainS", StatementClient>;

  beforeAll(async () => {
    [cluster, plain] = await Promise.all([
      startCluster({ keyspaces: { u: { sql: TABLE, vschema: {} }, s: { shards: 2, sql: TABLE, vschema: VSCHEMA } } }),
      startMysqld(),
    ]);
    const direct = await StatementClient.connect(plain.port, "");
    for (const database of ["u", "s"]) {
      for (const sql of [`CREATE DATABASE ${database}`, `USE ${database}`, ...TABLE.split(";")]) {
        if (sql.trim() !== "") await direct.query(sql);
      }
    }
    direct.close();
    clients = {
      u: await StatementClient.connect(cluster.port, "u"),
      s: await StatementClient.connect(cluster.port, "s"),
      plainU: await StatementClient.connect(plain.port, "u"),
      plainS: await StatementClient.connect(plain.port, "s"),
    };
    for (const client of Object.values(clients)) {
      await client.query("SET sql_mode = ''");
      const { id } = await client.prepare(INSERT);
      for (const row of ROWS) expect(merged(await client.execute(id, row))).toEqual({ affectedRows: 1, info: "" });
    }
  });

  afterAll(async () => {
    for (const client of Object.values(clients)) client.close();
    await Promise.all([cluster.stop(), plain.stop()]);
  });

  /** The same packets from the unsharded keyspace, the same types and values from the sharded one. */
  async function same(sql: string, ...executions: readonly (readonly Parameter[])[]): Promise<void> {
    const [u, s, plainU, plainS] = await Promise.all(
      [clients.u, clients.s, clients.plainU, clients.plainS].map((client) => client.prepare(sql)),
    );
    if (u === undefined || s === undefined || plainU === undefined || plainS === undefined)
      throw new Error("four clients");
    expect(hex(u.packets), `prepare on u: ${sql}`).toEqual(hex(plainU.packets));
    expect(hex(s.packets), `prepare on s: ${sql}`).toEqual(hex(plainS.packets));
    for (const parameters of executions) {
      const onU = await clients.u.execute(u.id, parameters);
      expect(hex(onU), `execute on u: ${sql}`).toEqual(hex(await clients.plainU.execute(plainU.id, parameters)));
      const onS = await clients.s.execute(s.id, parameters);
      expect(merged(onS), `execute on s: ${sql}`).toEqual(merged(await clients.plainS.execute(plainS.id, parameters)));
    }
    await Promise.all([
      clients.u.tell(COM.STMT_CLOSE, u.id),
      clients.s.tell(COM.STMT_CLOSE, s.id),
      clients.plainU.tell(COM.STMT_CLOSE, plainU.id),
      clients.plainS.tell(COM.STMT_CLOSE, plainS.id),
    ]);
  }

  async function write(sql: string): Promise<void> {
    for (const client of Object.values(clients))
      expect(merged(await client.query(sql))).toMatchObject({ affectedRows: 2 });
  }

  test("every column type comes back in binary form as it went in, from one shard and from both", async () => {
    await same("SELECT * FROM t WHERE id = ?", [long(1)], [int(2)], [double(4)], [text("1")], [long(99)], [NULL]);
    await same("SELECT * FROM t ORDER BY id", []);
    await same("SELECT * FROM t WHERE id IN (?, ?, ?) ORDER BY id", [long(1), long(2), double(-3)]);
    await same("SELECT * FROM t WHERE i > ? ORDER BY id LIMIT ?", [int(-5), int(10)], [NULL, text("1")]);
  });

  test("FLOAT has all its digits, whichever way the answer is made", async () => {
    await same("SELECT f, d FROM t ORDER BY id", []);
    await same("SELECT f FROM t ORDER BY f", []);
    await same("SELECT * FROM t WHERE f > ? ORDER BY f DESC LIMIT 3", [double(1)]);
    await same("SELECT x.*, y.f AS g, ? AS h FROM t x JOIN t y ON x.ti = y.ti ORDER BY x.id", [int(1)]);
    await same("SELECT x.*, y.* FROM t x JOIN t y ON x.id = -y.id ORDER BY 1, 2", []);
    await same("SELECT DISTINCT f FROM t ORDER BY f", []);
    await same("SELECT f, COUNT(*) AS n FROM t GROUP BY f HAVING f > ? ORDER BY f", [double(0.5)]);
    await same("SELECT MAX(f), MIN(f) AS m, SUM(f), AVG(f) FROM t", []);
    await same("SELECT f FROM t WHERE id > 3 UNION ALL SELECT f FROM t WHERE id < 3 ORDER BY f", []);
    await same("SELECT f, ROW_NUMBER() OVER (ORDER BY id) AS r FROM t ORDER BY id", []);
    await same("SELECT MAX(s.f) FROM (SELECT * FROM t) s", []);
    await same("SELECT *, f FROM t ORDER BY id LIMIT 2", []);
    await same("SELECT f, id FROM t ORDER BY id LIMIT ? OFFSET ?", [long(2), long(1)]);
    await same("SELECT f, id FROM t ORDER BY id LIMIT ?, ?", [long(2), long(1)]);
    // A text has six digits of it behind the point.
    await same("SELECT STDDEV_SAMP(id) AS s FROM t WHERE id IN (?, ?)", [long(1), long(4)]);
    await same("SELECT AVG(?) AS a, STD(id) AS s FROM t WHERE id = 1", [long(3)]);
    const grouped = await clients.s.prepare("SELECT f, COUNT(*) FROM t GROUP BY f ORDER BY f");
    await clients.s.execute(grouped.id, []);
    expect(merged(await clients.s.query("SHOW WARNINGS"))).toMatchObject({ rows: [] });
  });

  test("a parameter is a column's position over tables of several keyspaces", async () => {
    const sql = "SELECT x.id, COUNT(*) FROM u.t x JOIN t y ON x.ti = y.ti GROUP BY ? ORDER BY ? DESC";
    const [s, plain] = [await clients.s.prepare(sql), await clients.plainS.prepare(sql)];
    const parameters = [long(1), long(1)];
    const answer = merged(await clients.s.execute(s.id, parameters));
    expect(answer).toEqual(merged(await clients.plainS.execute(plain.id, parameters)));
  });

  test("rows of several shards in a transaction, locked, and under sql_select_limit", async () => {
    const rows: unknown[] = [];
    for (const client of [clients.s, clients.plainS]) {
      const seen: string[] = [];
      await client.query("BEGIN");
      await client.query("UPDATE t SET si = 77 WHERE id <> 2");
      for (const sql of ["SELECT id, si FROM t WHERE si = ?", "SELECT id, si FROM t WHERE si = ? FOR UPDATE"]) {
        const { id } = await client.prepare(sql);
        const packets = await client.execute(id, [int(77)]);
        seen.push(...hex(packets.slice(1).filter((packet) => !isEof(packet))).toSorted());
        await client.tell(COM.STMT_CLOSE, id);
      }
      await client.query("ROLLBACK");
      await client.query("SET sql_select_limit = 2");
      const { id } = await client.prepare("SELECT si FROM t WHERE id > ?");
      seen.push(String((await client.execute(id, [int(-10)])).length));
      await client.query("SET sql_select_limit = DEFAULT");
      rows.push(seen);
    }
    expect(rows[0]).toEqual(rows[1]);
  });

  test("a shard whose columns have other types breaks the answer off", async () => {
    const [shard] = cluster.processes().filter(({ kind, keyspace }) => kind === "mysqld" && keyspace === "s");
    if (shard?.port === undefined) throw new Error("a shard has a mysqld");
    const direct = await StatementClient.connect(shard.port, "s");
    const { id } = await clients.s.prepare("SELECT mi FROM t WHERE id < ?");
    const types = async (): Promise<number> => {
      const last = (await clients.s.execute(id, [int(1000)])).at(-1) ?? Buffer.alloc(0);
      return last[0] === HEADER_ERR ? decodeErr(last).errno : 0;
    };
    expect(await types()).toBe(0);
    await direct.query("ALTER TABLE t MODIFY mi BIGINT");
    // Both shards answer with rows, in either order.
    expect(await types()).toBe(1615);
    await direct.query("ALTER TABLE t MODIFY mi MEDIUMINT");
    expect(await types()).toBe(0);
    await clients.s.tell(COM.STMT_CLOSE, id);
    direct.close();
  });

  test("the text protocol gives the same packets, and over shards the same types and values", async () => {
    for (const sql of [
      "SELECT * FROM t ORDER BY id",
      "SELECT * FROM t WHERE id = 2",
      "SELECT id, dt, f FROM t WHERE id = 99",
    ]) {
      expect(hex(await clients.u.query(sql)), sql).toEqual(hex(await clients.plainU.query(sql)));
      expect(merged(await clients.s.query(sql)), sql).toEqual(merged(await clients.plainS.query(sql)));
    }
  });

  test("parameters count as the types they are sent with", async () => {
    await same("SELECT id FROM t WHERE vc = ? ORDER BY id", [text("ünï'\\\"\n\0")], [text("STRASSE")]);
    await same("SELECT id FROM t WHERE vb = ? ORDER BY id", [blob(Buffer.from([0, 255, 39, 92]))]);
    await same("SELECT id FROM t WHERE ts > ? ORDER BY id", [datetime(2001, 1, 1, 5)], [datetime(9999, 1, 1)]);
    await same("SELECT id FROM t WHERE bu = ?", [unsigned(18446744073709551615n)]);
    await same("SELECT id, n * ?, i + ? FROM t WHERE id = ?", [int(2), long(1), long(4)]);
    await same("SELECT COUNT(*), SUM(i), AVG(n), MIN(dt), MAX(vc), SUM(d) FROM t WHERE id <> ?", [long(99)]);
    await same("SELECT e, COUNT(*) FROM t GROUP BY e HAVING COUNT(*) >= ? ORDER BY e", [int(1)]);
    await same("SELECT a.id, b.id FROM t a JOIN t b ON a.ti = b.tu WHERE a.id > ? ORDER BY 1, 2", [long(-10)]);
    // Compared with texts, times are times and decimals are decimals.
    await same("SELECT id FROM t WHERE ti > ? AND vc < ? ORDER BY id", [decimal("-200"), datetime(2020, 1, 1)]);
    for (const [value, parameter] of [
      ["2024-02-03", [MYSQL_TYPE.DATETIME, Buffer.of(7, 0xe8, 7, 2, 3, 0, 0, 0)]],
      ["2024-2-3", [MYSQL_TYPE.DATE, Buffer.of(4, 0xe8, 7, 2, 3)]],
      ["5:00", [MYSQL_TYPE.TIME, Buffer.of(8, 0, 0, 0, 0, 0, 5, 0, 0)]],
    ] as const) {
      await write(`UPDATE t SET vc = '${value}' WHERE id IN (1, 4)`);
      await same("SELECT id FROM t WHERE vc = ? ORDER BY id", [parameter], [parameter], [parameter], [text(value)]);
      await same("SELECT ? AS a, COALESCE(?, d), id FROM t ORDER BY id LIMIT 1", [parameter, decimal("5")]);
      await same("UPDATE t SET i = i + 1 WHERE vc = ?", [parameter], [parameter], [parameter]);
    }
    await write("UPDATE t SET vc = IF(id = 1, 'ünï', 'Straße') WHERE id IN (1, 4)");
    await same("SELECT id, i * ? FROM t ORDER BY id", [decimal("9223372036854775807")], [decimal("-3")]);
    await same("SELECT id FROM t ORDER BY id LIMIT ? OFFSET ?", [text("2"), double(1)], [int(-1), int(0)]);
  });

  test("writes", async () => {
    await same("UPDATE t SET i = ?, vc = ? WHERE id = ?", [int(5), text("o'x"), long(4)], [NULL, NULL, long(4)]);
    await same("UPDATE t SET mi = mi + ? WHERE mi > ?", [int(1), int(-1)]);
    await same("INSERT INTO k (name, v) VALUES (?, ?)", [text("a"), int(1)], [blob(Buffer.from("b\0")), NULL]);
    await same("INSERT INTO k (name, v) VALUES (?, ?)", [text("a"), int(1)]);
    await same("SELECT v FROM k WHERE name = ?", [text("a")], [blob(Buffer.from("b\0"))], [text("A")]);
    await same("DELETE FROM k WHERE name = ?", [text("a")], [text("a")]);
    await same("DELETE FROM k WHERE v IS NULL", []);
  });

  test("statements of every kind, and those that cannot be prepared", async () => {
    for (const sql of [
      "BEGIN",
      "COMMIT",
      "SET @a = 1",
      "DO 1",
      "/* nothing */ -- at all",
      "SELECT 1 ; /* 2 */ ;",
      "USE information_schema",
      "",
    ]) {
      if (sql.startsWith("USE")) continue;
      await same(sql, ...(sql === "" ? [] : [[]]));
    }
    for (const sql of [
      "SELEC 1",
      "SELECT 1; SELECT 2",
      "PREPARE x FROM 'SELECT 1'",
      "SELECT nothing FROM t",
      "SELECT * FROM none",
    ]) {
      for (const [gateway, direct] of [
        [clients.u, clients.plainU],
        [clients.s, clients.plainS],
      ] as const) {
        const [got, wanted] = [await gateway.prepare(sql), await direct.prepare(sql)];
        expect(got.packets[0]?.[0], sql).toBe(HEADER_ERR);
        expect(decodeErr(got.packets[0] as Buffer).errno, sql).toBe(decodeErr(wanted.packets[0] as Buffer).errno);
      }
    }
    await same("SELECT ?, ? + 1, CONCAT(?, 'x')", [int(1), double(2), text("y")]);
  });

  test("what preparing warns of is told, and leaves other warnings or does not", async () => {
    const told = async (): Promise<void> => {
      for (const [gateway, direct] of [
        [clients.u, clients.plainU],
        [clients.s, clients.plainS],
      ] as const) {
        expect(merged(await gateway.query("SHOW WARNINGS"))).toEqual(merged(await direct.query("SHOW WARNINGS")));
      }
    };
    await same("SELECT 1 AS ' '");
    await told();
    for (const sql of ["SELECT 1", "DO 1", "SELECT id FROM t", "DROP TABLE IF EXISTS nothere", "SELECT 2 AS ' '"]) {
      for (const client of Object.values(clients)) await client.query("DROP TABLE IF EXISTS notthere");
      await same(sql);
      await told();
    }
  });

  test("SHOW STATUS counts what clients have prepared, by commands and as text", async () => {
    const [before, name] = [await preparedCount(), "counted"];
    const { id } = await clients.u.prepare("SELECT 1");
    await clients.s.query(`PREPARE ${name} FROM 'SELECT 2'`);
    expect(await preparedCount()).toBe(before + 2);
    await clients.u.tell(COM.STMT_CLOSE, id);
    await clients.s.query(`DEALLOCATE PREPARE ${name}`);
    expect(await preparedCount()).toBe(before);
  });

  async function preparedCount(): Promise<number> {
    const packets = await clients.u.query("SHOW STATUS LIKE 'Prepared_stmt_count'");
    return Number(
      /Prepared_stmt_count.(\d+)/s.exec(packets.map((packet) => packet.toString("latin1")).join("\n"))?.[1],
    );
  }

  test("a CALL gives its results, and what its parameters have become", async () => {
    const both = [clients.u, clients.plainU];
    const body = "BEGIN SELECT a, c; SET b = CONCAT(a, b), c = 7; INSERT INTO u.k (name, v) VALUES (b, a); END";
    const answers: (readonly string[])[] = [];
    for (const client of both) {
      const seen: Buffer[] = [];
      await client.query(`CREATE PROCEDURE joined(IN a INT, INOUT b VARCHAR(20), OUT c INT) ${body}`);
      for (const sql of ["CALL joined(?, ?, ?)", "CALL joined(3, ?, ?)"]) {
        const { id, packets } = await client.prepare(sql);
        const own = [text("x"), NULL];
        seen.push(...packets);
        const first = sql.includes("3") ? own : [int(9), ...own];
        seen.push(...(await client.execute(id, first)), ...(await client.execute(id, first)));
        await client.tell(COM.STMT_CLOSE, id);
      }
      const withCursor = await client.prepare("CALL joined(8, ?, ?)");
      seen.push(...(await client.execute(withCursor.id, [text("z"), NULL], CURSOR_READ_ONLY)));
      const ownCursor =
        "DECLARE n INT; DECLARE each CURSOR FOR SELECT 1; OPEN each; FETCH each INTO n; SELECT n; CLOSE each; SELECT n + 1";
      await client.query(`CREATE PROCEDURE fetched() BEGIN ${ownCursor}; END`);
      seen.push(...(await client.execute((await client.prepare("CALL fetched()")).id, [])));
      await client.query("DROP PROCEDURE fetched");
      const into = await client.prepare("SELECT 1, ? INTO @one, @two");
      seen.push(...(await client.execute(into.id, [int(1)], CURSOR_READ_ONLY)));
      const { id, packets } = await client.prepare("CALL joined(1, ?, 2)");
      seen.push(...packets, ...(id === 0 ? [] : await client.execute(id, [text("y")])));
      seen.push(...(await client.query("SELECT * FROM k ORDER BY name")));
      await client.query("DELETE FROM k");
      await client.query("DROP PROCEDURE joined");
      answers.push(hex(seen));
    }
    expect(answers[0]).toEqual(answers[1]);
    expect(answers[0]?.length).toBeGreaterThan(20);
  });

  test("a bulk execution of an INSERT is one statement, others are one after the other", async () => {
    const capabilities = MARIADB_CLIENT.STMT_BULK_OPERATIONS;
    const bulk = {
      u: await StatementClient.connect(cluster.port, "u", capabilities),
      s: await StatementClient.connect(cluster.port, "s", capabilities),
      plain: await StatementClient.connect(plain.port, "u", capabilities),
    };
    const k = (name: string, v: number | null): readonly Parameter[] => [
      text(name),
      v === null ? [MYSQL_TYPE.LONG, null] : int(v),
    ];
    const rows = [k("é?", 1), k("b", null), k("c'", 3)];
    const clash = [k("d", 4), k("b", 5), k("e", 6)];
    for (const [sql, given] of [
      ["INSERT INTO k (name, v) VALUES (?, ?)", rows],
      ["INSERT INTO k VALUES (?, ?)", clash],
      ["INSERT IGNORE INTO k (name, v) VALUES (?, (1 + ?) * 2), ('fixed', 0)", clash],
      ["INSERT INTO k (v, name) VALUES (2, ?) ON DUPLICATE KEY UPDATE v = ? + 1", [...rows, k("f", 7)]],
      ["INSERT INTO k (name, v) VALUES (?, ?) ON DUPLICATE KEY UPDATE v = VALUES(v)", [k("f", 8), k("f", 9)]],
      ["INSERT INTO k SET name = ?, v = ?", [k("g", 1), k("h", 1)]],
      ["INSERT INTO k SET name = ?, v = ?", [k("i", 1), k("h", 1)]],
      ["REPLACE INTO k (name, v) VALUES (?, ?)", [k("g", 7), k("g", 8), k("j", 9)]],
      ["UPDATE k SET name = ? WHERE v = ?", [k("g2", 8), k("b", 9), k("j3", 2)]],
      ["DELETE FROM k WHERE name = ? OR v = ?", [k("c'", 77), k("none", 99)]],
      ["DELETE FROM k WHERE name <> ? AND COALESCE(v, 1) <> ?", [k("", 77)]],
    ] as const) {
      const seen: unknown[] = [];
      for (const client of Object.values(bulk)) {
        const { id } = await client.prepare(sql);
        const [answer = Buffer.alloc(0)] = await client.bulk(id, given);
        const changed = answer[0] === HEADER_ERR ? decodeErr(answer).errno : decodeOk(answer, 0).affectedRows;
        seen.push([changed, merged(await client.query("SELECT name, v FROM k ORDER BY name"))]);
        await client.tell(COM.STMT_CLOSE, id);
      }
      expect(seen[0], `on u: ${sql}`).toEqual(seen[2]);
      expect(seen[1], `on s: ${sql}`).toEqual(seen[2]);
    }
    const many = Array.from({ length: 500 }, (_, index) => k(`${"x".repeat(220)}${index}`.slice(-40), index));
    for (const client of Object.values(bulk)) {
      const { id } = await client.prepare("INSERT INTO k (name, v) VALUES (?, ?)");
      const [ok] = await client.bulk(id, many);
      expect(decodeOk(ok ?? Buffer.alloc(0), 0).affectedRows).toBe(many.length);
      await client.query("DELETE FROM k");
      client.close();
    }
  });

  test("one NUL behind a statement is its end", async () => {
    const prepared = await Promise.all([clients.u, clients.plainU].map((client) => client.prepare("SELECT 1, ?\0")));
    expect(hex(prepared[0]?.packets ?? [])).toEqual(hex(prepared[1]?.packets ?? []));
    expect(prepared[0]?.packets.length).toBeGreaterThan(3);
  });

  test("unknown statements and wrong parameters have MySQL's errors", async () => {
    for (const [gateway, direct] of [
      [clients.u, clients.plainU],
      [clients.s, clients.plainS],
    ] as const) {
      for (const client of [gateway, direct]) {
        expect(decodeErr((await client.execute(987, []))[0] as Buffer)).toMatchObject({
          errno: 1243,
          message: "Unknown prepared statement handler (987) given to mysqld_stmt_execute",
        });
        expect(decodeErr((await client.fetch(987, 1))[0] as Buffer).errno).toBe(1243);
        expect(decodeErr((await client.tell(COM.STMT_RESET, 987, undefined, true))[0] as Buffer).errno).toBe(1243);
        const { id } = await client.prepare("SELECT ?");
        expect(decodeErr((await client.execute(id, []))[0] as Buffer).errno).toBe(1210);
        expect(decodeErr((await client.fetch(id, 1))[0] as Buffer).errno).toBe(1421);
        expect((await client.tell(COM.STMT_RESET, id, undefined, true))[0]?.[0]).toBe(0);
        await client.tell(COM.STMT_CLOSE, id);
        expect(decodeErr((await client.execute(id, [int(1)]))[0] as Buffer).errno).toBe(1243);
      }
    }
  });

  test("an id of all ones is the statement prepared last", async () => {
    for (const client of Object.values(clients)) {
      const { id } = await client.prepare("SELECT ? + 1");
      const byId = await client.execute(id, [int(41)]);
      expect(await client.execute(0xffff_ffff, [int(41)])).toEqual(byId);
      await client.tell(COM.STMT_CLOSE, id);
    }
  });

  test("long data comes in pieces", async () => {
    const seen: (readonly string[])[] = [];
    for (const client of Object.values(clients)) {
      const { id } = await client.prepare("SELECT CHAR_LENGTH(?), MD5(?), ?");
      const piece = (parameter: number, data: Buffer): Buffer => Buffer.concat([Buffer.of(parameter, 0), data]);
      for (let i = 0; i < 20; i++) {
        await client.tell(COM.STMT_SEND_LONG_DATA, id, piece(0, Buffer.alloc(100_000, 0x61)));
        await client.tell(COM.STMT_SEND_LONG_DATA, id, piece(1, Buffer.alloc(100_000, 0x62)));
      }
      const types = [MYSQL_TYPE.LONG_BLOB, MYSQL_TYPE.LONG_BLOB, MYSQL_TYPE.LONG];
      const writer = new BufferWriter();
      writer.u8(0);
      writer.u8(1);
      for (const type of types) writer.u16(type);
      writer.u32(7);
      const block = Buffer.concat([Buffer.of(0, 1, 0, 0, 0), writer.finish()]);
      seen.push(hex(await client.tell(COM.STMT_EXECUTE, id, block, true)));
    }
    expect(seen[0]?.length).toBe(7);
    for (const each of seen) expect(each).toEqual(seen[0]);
  });

  test("cursors give rows as they are fetched, while other statements run", async () => {
    for (const [gateway, direct] of [
      [clients.u, clients.plainU],
      [clients.s, clients.plainS],
    ] as const) {
      const seen = await Promise.all(
        [gateway, direct].map(async (client) => {
          const { id } = await client.prepare("SELECT id, vc, tx FROM t WHERE id <> ? ORDER BY id");
          const all: string[] = [];
          const opened = await client.execute(id, [long(99)], 1);
          all.push(...hex(opened.slice(-1)));
          all.push(...hex(await client.fetch(id, 2)));
          await client.query("DELETE FROM t WHERE id = 4711");
          for (let i = 0; i < 3; i++) all.push(...hex(await client.fetch(id, 2)));
          const again = await client.execute(id, [long(1)], 1);
          all.push(...hex(again.slice(-1)));
          await client.tell(COM.STMT_RESET, id, undefined, true);
          all.push(String(decodeErr((await client.fetch(id, 1))[0] as Buffer).errno));
          return all;
        }),
      );
      // Whether an index was used is each server's own affair.
      const [got, wanted] = seen.map((all) => all.map((packet) => packet.replace(/^(fe0000)[46]2/, "$1.2")));
      expect(got).toEqual(wanted);
    }
  });

  test("a changed definition does not matter to what is prepared", async () => {
    for (const [gateway, direct] of [[clients.u, clients.plainU]] as const) {
      for (const client of [gateway, direct]) {
        await client.query("CREATE TABLE moving (a INT PRIMARY KEY, b INT)");
        await client.query("INSERT INTO moving VALUES (1, 2)");
      }
      const sql = "SELECT * FROM moving WHERE a = ?";
      const [onGateway, onDirect] = [await gateway.prepare(sql), await direct.prepare(sql)];
      for (const change of ["ADD c VARCHAR(10) DEFAULT 'new'", "DROP b", "MODIFY a BIGINT"]) {
        for (const client of [gateway, direct]) await client.query(`ALTER TABLE moving ${change}`);
        const got = await gateway.execute(onGateway.id, [int(1)]);
        expect(hex(got), change).toEqual(hex(await direct.execute(onDirect.id, [int(1)])));
      }
    }
  });

  test("a statement means what it meant when it was prepared, under any sql_mode", async () => {
    const sql = "SELECT id || ? FROM t WHERE id = 2";
    const pairs = [
      [clients.u, clients.plainU],
      [clients.s, clients.plainS],
    ] as const;
    for (const [gateway, direct] of pairs) {
      const [one, other] = [await gateway.prepare(sql), await direct.prepare(sql)];
      for (const mode of ["DEFAULT", "'PIPES_AS_CONCAT,ANSI_QUOTES,NO_BACKSLASH_ESCAPES'", "''"]) {
        await gateway.query(`SET sql_mode = ${mode}`);
        await direct.query(`SET sql_mode = ${mode}`);
        const got = merged(await gateway.execute(one.id, [text("7\\n")]));
        expect(got, mode).toEqual(merged(await direct.execute(other.id, [text("7\\n")])));
      }
      await gateway.query("SET sql_mode = DEFAULT");
      await direct.query("SET sql_mode = DEFAULT");
    }
  });

  test("a statement runs in the database that it was prepared in, whatever is selected since", async () => {
    const read = "SELECT id, ASCII(DATABASE()) AS d FROM t WHERE id > ? ORDER BY id";
    const seen = async (port: number): Promise<unknown> => {
      const one = await StatementClient.connect(port, "s");
      const told: unknown[] = [];
      const take = async (packets: Promise<readonly Buffer[]>): Promise<unknown> => told.push(merged(await packets));
      const { id } = await one.prepare(read);
      const { id: write } = await one.prepare("UPDATE t SET i = ? WHERE id = ?");
      await one.query("PREPARE p FROM 'SELECT COUNT(*), ASCII(DATABASE()) AS d FROM t WHERE i = 77'");
      await one.query("PREPARE other FROM 'USE u'");
      for (const database of ["u", "s", "u"]) {
        await one.query(`USE ${database}`);
        await one.query("BEGIN");
        await take(one.execute(write, [long(77), long(4)]));
        for (const parameter of [2, 0, 3]) await take(one.execute(id, [long(parameter)]));
        await take(one.query("EXECUTE p"));
        await take(
          one.query("SELECT (SELECT COUNT(*) FROM s.t WHERE i = 77) AS s, COUNT(*) AS u FROM u.t WHERE i = 77"),
        );
        await one.query("ROLLBACK");
        await one.query("EXECUTE other");
        await take(one.query("SELECT DATABASE()"));
      }
      one.close();
      return told;
    };
    expect(await seen(cluster.port)).toEqual(await seen(plain.port));
  });

  test("PREPARE, EXECUTE and DEALLOCATE as text", async () => {
    const statements = [
      "PREPARE s FROM 'SELECT id, vc, ? + 1, ? AS y FROM t WHERE id <> ? ORDER BY id'",
      "SET @a = 1, @b = 'it''s', @n = 2",
      "EXECUTE s USING @a, @b, @n",
      "EXECUTE s USING @a",
      "EXECUTE s USING 1 + 1, 'text', 99",
      "EXECUTE nothing",
      "PREPARE S FROM 'SELECT id FROM t ORDER BY id LIMIT ?'",
      "EXECUTE s USING @n",
      "EXECUTE s USING @undefined",
      "SET @n = '1'",
      "EXECUTE s USING @n",
      "SET @n = -1",
      "EXECUTE s USING @n",
      "EXECUTE s USING '-3'",
      "EXECUTE s USING -0.4",
      "EXECUTE s USING 18446744073709551614",
      "EXECUTE IMMEDIATE 'DELETE FROM t WHERE id = 2 LIMIT ?' USING @n",
      "SELECT COUNT(*) FROM t WHERE id = 2",
      "PREPARE c FROM 'SELECT id FROM (SELECT 1 AS id, \\'It\\' COLLATE utf8mb4_general_ci AS name) AS d WHERE name = ?'",
      "PREPARE d FROM 'SELECT COUNT(*) FROM t WHERE vc COLLATE utf8mb4_general_ci = ?'",
      "SET @t = CONVERT((SELECT MIN(vc) FROM t) USING utf8mb4) COLLATE utf8mb4_bin, @l = _latin1'it' COLLATE latin1_bin",
      "EXECUTE c USING @l",
      "EXECUTE d USING @t",
      "EXECUTE c USING 'it' COLLATE utf8mb4_bin",
      "EXECUTE IMMEDIATE 'SELECT id FROM t WHERE id = ?' USING 2",
      "SET @sql = CONCAT('SELECT COUNT(*) FROM t', ' WHERE id > ?')",
      "PREPARE v FROM @sql",
      "EXECUTE v USING 0",
      "PREPARE u FROM 'UPDATE t SET tu = ? WHERE id = ?'",
      "EXECUTE u USING 7, 2",
      "EXECUTE u USING 7, 2",
      "SELECT tu FROM t WHERE id = 2",
      "PREPARE m FROM 'SELECT id || ?, NOT 1 BETWEEN -5 AND 5 FROM t WHERE id = 2'",
      "SET sql_mode = 'PIPES_AS_CONCAT,HIGH_NOT_PRECEDENCE,ANSI_QUOTES,NO_BACKSLASH_ESCAPES'",
      "EXECUTE m USING 'a'",
      "EXECUTE m USING 1",
      "PREPARE m FROM 'SELECT id || ?, NOT 1 BETWEEN -5 AND 5 FROM t WHERE id = 2'",
      "SET sql_mode = DEFAULT",
      "EXECUTE m USING 'a\\nb'",
      "DEALLOCATE PREPARE m",
      "DEALLOCATE PREPARE s",
      "DEALLOCATE PREPARE s",
      "DROP PREPARE v",
      "PREPARE s FROM 'SELEC'",
      "PREPARE s FROM 'SELECT * FROM nonesuch'",
      "PREPARE s FROM 'SELECT 1; SELECT 2'",
      "PREPARE s FROM ''",
      "EXECUTE IMMEDIATE NULL",
    ];
    const ofProcedures = [
      "CREATE PROCEDURE twice(IN a INT, INOUT b INT, OUT c INT) BEGIN SELECT a; SET b = a * 2 + b, c = 3; END",
      "SET @b = 4",
      "PREPARE s FROM 'CALL twice(?, ?, ?)'",
      "EXECUTE s USING 5, @b, @c",
      "SELECT @b, @c",
      "EXECUTE s USING 5, 6, @c",
      "DROP PROCEDURE twice",
    ];
    for (const sql of ofProcedures) {
      expect(hex(await clients.u.query(sql)), sql).toEqual(hex(await clients.plainU.query(sql)));
    }
    for (const [gateway, direct] of [
      [clients.u, clients.plainU],
      [clients.s, clients.plainS],
    ] as const) {
      for (const sql of statements) {
        expect(merged(await gateway.query(sql)), sql).toEqual(merged(await direct.query(sql)));
      }
    }
  });

  test("nothing runs before it is executed", async () => {
    for (const sql of [
      "PREPARE p FROM \"SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'signalled'\"",
      "EXECUTE p",
      "PREPARE p FROM 'BEGIN NOT ATOMIC SET @done = 1; END'",
      "SELECT @done",
      "EXECUTE p",
      "SELECT @done",
      "PREPARE p FROM 'CHECK TABLE t'",
      "EXECUTE p",
      "PREPARE p FROM 'ANALYZE SELECT 1'",
      "EXECUTE p",
    ]) {
      expect(merged(await clients.u.query(sql)), sql).toEqual(merged(await clients.plainU.query(sql)));
    }
  });

  test("transactions hold prepared statements of several shards together", async () => {
    const { id } = await clients.s.prepare("UPDATE t SET si = ? WHERE id = ?");
    const { id: read } = await clients.s.prepare("SELECT COUNT(*) FROM t WHERE si = ?");
    await clients.s.query("BEGIN");
    for (const row of [1, 2, -3, 4]) await clients.s.execute(id, [int(77), long(row)]);
    const inside = await clients.s.execute(read, [int(77)]);
    await clients.s.query("ROLLBACK");
    const outside = await clients.s.execute(read, [int(77)]);
    const countOf = (packets: readonly Buffer[]): bigint | undefined => packets.at(-2)?.readBigInt64LE(2);
    expect([countOf(inside), countOf(outside)]).toEqual([4n, 0n]);
  });
});
