// Temporary tables filled from shards, on a real mysqld whose databases are the shards: what arrives is what there was, of
// every type; what is read is what is needed; keys, conditions and bounds that rows do not keep to.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LIMITS } from "../../../src/base/limits.ts";
import { collect } from "../../../src/engine/collect.ts";
import { fillTables, type GatherContext, type GatherLimits, type GatherTable } from "../../../src/engine/gather.ts";
import { plainRequest } from "../../../src/engine/ports.ts";
import { Scratch } from "../../../src/engine/scratch.ts";
import { BufferReader } from "../../../src/mysql/codec.ts";
import { PacketReader } from "../../../src/mysql/packet-reader.ts";
import { decodeErr } from "../../../src/mysql/packets/err.ts";
import { until } from "../../fixture/until.ts";
import { type Bed, must, startBed } from "./merge-bed.ts";

const TYPES = `CREATE TABLE types (
  id BIGINT UNSIGNED NOT NULL PRIMARY KEY, tiny TINYINT(1) NOT NULL DEFAULT 3, z INT(6) ZEROFILL, dec1 DECIMAL(20,6), f FLOAT,
  f2 FLOAT(7,2), d DOUBLE, d2 DOUBLE(10,3), b1 BIT(1), b9 BIT(9), y YEAR, dt DATE, ti TIME(3), ts TIMESTAMP(6) NULL,
  ts2 TIMESTAMP NOT NULL DEFAULT current_timestamp() ON UPDATE current_timestamp(), dtt DATETIME(2), ch CHAR(5),
  cb CHAR(5) CHARACTER SET latin1 COLLATE latin1_general_cs, vc VARCHAR(20) COLLATE utf8mb4_bin, bin BINARY(4),
  vb VARBINARY(10), tb TINYBLOB, bl BLOB, tt TINYTEXT, tx TEXT CHARACTER SET ucs2, lt LONGTEXT,
  e ENUM('a','b','','it''s','x\\\\y') CHARACTER SET latin1, s SET('x','y','z'), j JSON, g GEOMETRY,
  p POINT NOT NULL DEFAULT (POINT(1,1)), u UUID, i6 INET6, u16 VARCHAR(10) CHARACTER SET utf16,
  sj VARCHAR(10) CHARACTER SET sjis, gen INT AS (tiny + 1) VIRTUAL, gens VARCHAR(10) AS (CONCAT('x', tiny)) STORED,
  cmp TEXT COMPRESSED, \`odd \`\`name\` INT COMMENT 'it''s, two', inv INT INVISIBLE DEFAULT 7,
  KEY (vc), UNIQUE KEY (e, s, id), KEY (bl(10)))`;
const TYPE_ROWS = [
  `SET tiny = 1, z = 7, dec1 = 1234567.654321, f = 1.1, f2 = 2.345, d = 1e100, d2 = 3.14159, b1 = b'1', b9 = b'100000001',
   y = 2020, dt = '2020-02-29', ti = '-12:34:56.789', ts = '2020-10-25 01:30:00.123456', ts2 = '2020-01-01',
   dtt = '2020-01-01 12:00:00.55', ch = 'ab ', cb = 'Äb', vc = 'vc''\\\\"', bin = x'00ff', vb = x'2700', tb = x'5c27',
   bl = x'00010203fffe', tt = 'tt', tx = 'ucs2 äß€', lt = 'lt', e = 'a', s = 'x,z', j = '{"a": [1, 2, "x"]}',
   g = ST_GeomFromText('POINT(1 2)'), p = POINT(3,4), u = '123e4567-e89b-12d3-a456-426614174000', i6 = '::1',
   u16 = 'utf16 😀', sj = '日本', cmp = 'compressed', inv = 5, \`odd \`\`name\` = 3`,
  `SET tiny = -5, z = 0, dec1 = -0.000001, f = -3.4e38, f2 = -99999.99, d = -0e0, d2 = -0.001, b1 = b'0', b9 = b'0', y = 0,
   dt = '1000-01-01', ti = '838:59:59', ts = '1970-01-01 00:00:01', ts2 = '2038-01-19 03:14:07', ch = '', vc = '', bin = '',
   vb = '', bl = '', tx = '', e = '', s = '', j = '[]', g = ST_GeomFromText('LINESTRING(1 2,3 4)', 4326), sj = '', inv = NULL`,
  `SET tiny = 0, e = 'it''s', s = 'y', j = '"text"', ts2 = '2020-01-01', d = 0.1, f = 0.1`,
  `SET tiny = 2, dt = '0000-00-00', dtt = '2020-00-00', ts = '0000-00-00', e = 'nope', ts2 = '0000-00-00', y = 1901`,
  `SET tiny = 3, dt = '2020-02-00', e = 'x\\\\y', ts2 = '2021-07-01', f = 16777217, d = 12345678901234567890`,
];

let bed: Bed;

beforeAll(async () => {
  bed = await startBed(3);
  await must(bed.whole, "SET sql_mode = ''");
  await must(bed.whole, "SET time_zone = '+00:00'");
  await bed.everywhere(TYPES);
  for (const [i, row] of TYPE_ROWS.entries()) {
    for (const database of ["whole", `s${i % 3}`])
      await must(bed.whole, `INSERT INTO ${database}.types ${row}, id = ${i}`);
  }
  await bed.everywhere(
    "CREATE TABLE t (id INT PRIMARY KEY, k INT, name VARCHAR(20), UNIQUE KEY name (name), KEY k (k))",
  );
  await bed.insert(
    "t",
    Array.from({ length: 3_000 }, (_, i) => `${i}, ${i % 7}, 'n${i}'`),
  );
});
afterAll(() => bed.stop());

describe("what arrives", () => {
  test("every type, as it was", async () => {
    const scratch = await filled([table("types", "all")]);
    const select = "SELECT types.*, inv, e + 0, s + 0, f * 1.0 FROM";
    expect(await rowsOn(scratch, `${select} g1 AS types ORDER BY id`)).toEqual(
      await wholeRows(`${select} types ORDER BY id`),
    );
    // JSON is told from text.
    const json = "SELECT JSON_OBJECT('j', j, 't', lt) FROM";
    expect(await rowsOn(scratch, `${json} g1 ORDER BY id`)).toEqual(await wholeRows(`${json} types ORDER BY id`));
    const shown = "SELECT * FROM";
    expect(await rowsOn(scratch, `${shown} g1 ORDER BY id`)).toEqual(await wholeRows(`${shown} types ORDER BY id`));
    const defaults = "SELECT DEFAULT(tiny), DEFAULT(inv), DEFAULT(vc) FROM";
    expect(await rowsOn(scratch, `${defaults} g1`)).toEqual(await wholeRows(`${defaults} types`));
  });

  test("nothing that a primary would tell its replicas", async () => {
    const format = "SELECT @@SESSION.binlog_format";
    expect(await wholeRows(format)).not.toEqual(await rowsOn(await filled([table("t", "all")]), format));
  });

  test("values of many megabytes", async () => {
    await bed.everywhere(
      "CREATE TABLE big (id INT PRIMARY KEY, b LONGBLOB, t LONGTEXT, l LONGTEXT CHARACTER SET latin1)",
    );
    for (const database of ["whole", "s1"]) {
      await must(
        bed.whole,
        `INSERT INTO ${database}.big VALUES (1, REPEAT(x'00275cff', 1000000), REPEAT('aä😀''\\\\', 400000), REPEAT('ß', 2000000)), (2, '', 'x', NULL)`,
      );
    }
    const scratch = await filled([table("big", "all")]);
    const select = "SELECT id, LENGTH(b), MD5(b), CHAR_LENGTH(t), MD5(t), LENGTH(l), MD5(l) FROM";
    expect(await rowsOn(scratch, `${select} g1 ORDER BY id`)).toEqual(await wholeRows(`${select} big ORDER BY id`));
  });

  test("rows in more than one INSERT, in the order of the key", async () => {
    await bed.everywhere("CREATE TABLE wide (id INT PRIMARY KEY, pad VARCHAR(1000))");
    await bed.insert(
      "wide",
      Array.from({ length: 3_000 }, (_, i) => `${i}, REPEAT('${"abc"[i % 3]}', 900)`),
    );
    const scratch = await filled([table("wide", "all")]);
    const inserts = bed.port.sent.filter(({ sql }) => sql.startsWith("INSERT INTO `g1`"));
    expect(inserts.length).toBeGreaterThan(3);
    expect(await rowsOn(scratch, "SELECT id, MD5(pad) FROM g1")).toEqual(
      await wholeRows("SELECT id, MD5(pad) FROM wide"),
    );
  });
});

describe("what is read", () => {
  test("columns that are named, and the key's", async () => {
    await filled([table("t", new Set(["k", "nowhere"]))]);
    expect(reads()).toEqual(Array.from({ length: 3 }, () => "SELECT `t`.`id`, `t`.`k` from t as t"));
  });

  test("a constant a row where no value is needed and there is no key", async () => {
    await bed.everywhere("CREATE TABLE keyless (a INT, b TEXT)");
    await bed.insert("keyless", ["1, 'x'", "2, 'y'", "3, 'z'", "4, 'w'"]);
    const scratch = await filled([table("keyless", new Set())]);
    expect(reads()).toEqual(Array.from({ length: 3 }, () => "SELECT 1 from keyless as keyless"));
    expect(await rowsOn(scratch, "SELECT COUNT(*) FROM g1")).toEqual(["4"]);
  });

  test("by several tables at once, each described once", async () => {
    const scratch = await filled([
      table("t", "all"),
      table("t", new Set(["k"]), "g2"),
      table("types", new Set(["e"]), "g3"),
    ]);
    expect(bed.port.sent.filter(({ sql }) => sql.startsWith("SHOW FULL COLUMNS"))).toHaveLength(2);
    expect(
      await rowsOn(scratch, "SELECT COUNT(*), SUM(g1.k = g2.k) FROM g1 JOIN g2 USING (id) JOIN g3 ON g3.id < 1"),
    ).toEqual(["3000|3000"]);
  });

  test("tables one by one where connections are held", async () => {
    const scratch = await filled([table("t", "all"), table("types", new Set(["e"]), "g2")], {}, true);
    expect(await rowsOn(scratch, "SELECT COUNT(*) FROM g1 JOIN g2")).toEqual([String(3_000 * TYPE_ROWS.length)]);
  });
});

describe("keys", () => {
  test("are the table's, and one for each lookup", async () => {
    const scratch = await filled([
      { ...table("types", new Set(["e", "s", "bl", "vc", "d", "j"])), lookups: new Set(["d", "j", "vc"]) },
    ]);
    const [shown = ""] = await rowsOn(scratch, "SHOW CREATE TABLE g1");
    for (const key of [
      "PRIMARY KEY (`id`)",
      "UNIQUE KEY `e` (`e`,`s`,`id`)",
      "KEY `vc` (`vc`)",
      "KEY `bl` (`bl`(10))",
      "KEY `d` (`d`)",
    ]) {
      expect(shown).toContain(key);
    }
    expect(shown).not.toContain("KEY `j`");
  });

  test("that rows of several shards break are not unique", async () => {
    await bed.everywhere("CREATE TABLE dup (id INT PRIMARY KEY, a INT NOT NULL, UNIQUE KEY a (a))");
    for (const shard of [0, 1, 2]) await must(bed.whole, `INSERT INTO s${shard}.dup VALUES (1, 1), (2, ${shard + 5})`);
    const scratch = await filled([table("dup", "all")]);
    expect(await rowsOn(scratch, "SELECT id, a FROM g1 ORDER BY 1, 2")).toEqual([
      "1|1",
      "1|1",
      "1|1",
      "2|5",
      "2|6",
      "2|7",
    ]);
    const [shown = ""] = await rowsOn(scratch, "SHOW CREATE TABLE g1");
    expect(shown).toContain("KEY `id` (`id`)");
    expect(shown).not.toMatch(/UNIQUE|PRIMARY/);
  });

  test("are left out, and long texts beside the row, where a view has more than a row holds", async () => {
    await bed.everywhere("CREATE TABLE a1 (id INT PRIMARY KEY, a VARCHAR(12000) CHARACTER SET utf8mb4)");
    await bed.everywhere("CREATE VIEW wide_view AS SELECT x.id, x.a AS a, y.a AS b FROM a1 x JOIN a1 y USING (id)");
    await bed.insert("a1", ["1, 'x'", "2, REPEAT('y', 9000)"]);
    const scratch = await filled([table("wide_view", "all")]);
    const select = "SELECT id, MD5(a), MD5(b) FROM";
    expect(await rowsOn(scratch, `${select} g1 ORDER BY id`)).toEqual(
      await wholeRows(`${select} wide_view ORDER BY id`),
    );
  });
});

describe("conditions", () => {
  test("save rows", async () => {
    const scratch = await filled([filtered("t", "t.k = 3 and t.id < 1000")]);
    expect(reads().every((sql) => sql.endsWith(" where t.k = 3 and t.id < 1000"))).toBe(true);
    expect(await rowsOn(scratch, "SELECT COUNT(*), MIN(k), MAX(k), MAX(id) < 1000 FROM g1")).toEqual(["143|3|3|1"]);
  });

  for (const [what, condition] of [
    ["fail", "t.k - 1 + 9223372036854775807 > 5"],
    ["warn", "t.name = 5"],
    ["name what is not there", "t.nothing = 5"],
  ] as const) {
    test(`that ${what} are left to the statement`, async () => {
      const scratch = await filled([filtered("t", condition)]);
      expect(await rowsOn(scratch, "SELECT COUNT(*) FROM g1")).toEqual(["3000"]);
      expect(reads().some((sql) => !sql.includes("where"))).toBe(true);
    });
  }

  test("a table that is not there is MySQL's error", async () => {
    await expect(filled([table("nowhere", "all")])).rejects.toMatchObject({ errno: 1146 });
  });
});

describe("bounds", () => {
  test.each([{ rowsMax: 2_999 }, { bytesMax: 20_000 }])("%j", async (limits) => {
    const failing = filled([table("t", "all")], limits);
    await expect(failing).rejects.toThrow(/--gather-max-rows and --gather-max-bytes/);
    await expect(failing).rejects.toMatchObject({ errno: 1041 });
  });

  test("count what is thrown away only while it is there", async () => {
    const scratch = await filled([filtered("t", "t.name = 5")], { rowsMax: 3_000 });
    expect(await rowsOn(scratch, "SELECT COUNT(*) FROM g1")).toEqual(["3000"]);
  });
});

test("a signal stops it", async () => {
  const abort = new AbortController();
  abort.abort(new Error("enough"));
  await expect(filled([table("t", "all")], {}, false, abort.signal)).rejects.toThrow("enough");
});

test("a connection that is lost: statements behind that one fail with what it failed with, and are not sent", async () => {
  const scratch = await filled([table("t", "all")]);
  const [first, second] = ["SELECT SLEEP(600)", "INSERT INTO g1 SELECT * FROM g1"].map((sql) =>
    scratch.run(Buffer.from(sql)),
  );
  await until(() => bed.port.sent.some(({ sql }) => sql.includes("SLEEP")));
  bed.port.breakConnection(scratch.target.shard);
  const error = await first?.catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ error: { id: "SHARD_CONNECTION_LOST" }, holdLost: false });
  await expect(second).rejects.toBe(error);
  expect(bed.port.sent.some(({ sql }) => sql.startsWith("INSERT INTO g1"))).toBe(false);
});

function table(name: string, columns: ReadonlySet<string> | "all", temporaryTable = "g1"): GatherTable {
  const from = Buffer.from(` from ${name} as ${name}`);
  const rest = { alias: name, lookups: new Set<string>(), computed: [], unfiltered: undefined, targets: bed.shards };
  return { temporaryTable, table: name, columns, from, ...rest };
}

function filtered(name: string, condition: string): GatherTable {
  const plain = table(name, "all");
  return { ...plain, from: Buffer.from(`${plain.from.toString()} where ${condition}`), unfiltered: plain.from };
}

async function filled(
  tables: readonly GatherTable[],
  limits: Partial<GatherLimits> = {},
  isSequential = false,
  signal = new AbortController().signal,
): Promise<Scratch> {
  bed.port.sent.length = 0;
  const [target] = bed.shards;
  if (target === undefined) throw new Error("no shard");
  const context: GatherContext = {
    port: bed.port,
    requestFor: (_, payload) => plainRequest(payload),
    requestAbout: (_, payload) => plainRequest(payload),
    joined: () => undefined,
    isSequential,
    limits: { rowsMax: LIMITS.gatherRowsMax, bytesMax: LIMITS.gatherBytesMax, ...limits },
    signal,
  };
  const scratch = new Scratch(bed.port, target, signal);
  await fillTables(context, scratch, tables);
  await scratch.run(Buffer.from("SET sql_mode = '', time_zone = '+00:00'"));
  return scratch;
}

/** Statements that read rows of the tables. */
function reads(): string[] {
  return bed.port.sent.map(({ sql }) => sql).filter((sql) => sql.startsWith("SELECT "));
}

/** Rows with values joined, bytes as Latin-1, NULL as \N. */
async function rowsOn(scratch: Scratch, sql: string): Promise<string[]> {
  const payload = Buffer.concat([Buffer.of(3), Buffer.from(sql)]);
  const { info, bytes } = await collect(bed.port, scratch.target, { ...plainRequest(payload), holdId: scratch.holdId });
  if (info.kind === "err") throw decodeErr(bytes.subarray(bytes.length - info.lastPacketBytes + 4));
  const reader = new PacketReader(1 << 30);
  reader.push(bytes);
  const count = new BufferReader(reader.next() ?? Buffer.alloc(0)).lenenc();
  for (let i = 0; i <= count; i++) reader.next();
  return Array.from({ length: info.rows }, () => rowText(reader.next() ?? Buffer.alloc(0), count));
}

function rowText(payload: Buffer, columns: number): string {
  const reader = new BufferReader(payload);
  const values = Array.from({ length: columns }, () => {
    if (reader.peek() !== 0xfb) return reader.lenencBytes().toString("latin1");
    reader.skip(1);
    return "\\N";
  });
  return values.join("|");
}

async function wholeRows(sql: string): Promise<readonly string[]> {
  await must(bed.whole, "USE whole");
  return bed.whole.rows(sql);
}
