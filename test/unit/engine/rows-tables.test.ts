// Rows tables beside the tables that their rows come from: a table made of one has the same columns and the same values.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MergeRun } from "../../../src/engine/merge.ts";
import { NeedsGather } from "../../../src/engine/needs-gather.ts";
import { type Bed, body, contextOf, must, plan, type RunOptions, startBed, step } from "./merge-bed.ts";

let bed: Bed;

beforeAll(async () => {
  bed = await startBed(1);
  await must(bed.whole, "USE s0");
  await must(bed.whole, "SET sql_mode = ''");
});
afterAll(() => bed.stop());

/** The SQL of the statement that reads a rows table of `SELECT … FROM src`. */
async function statementOf(items: string, options: RunOptions & { readonly numbered?: boolean } = {}): Promise<string> {
  const source = body({ statement: `SELECT ${items} FROM src`, width: items.split(",").length });
  const columns = items.split(",").map((_, index) => `c${index}`);
  const rows = step("shardgate_rows_1", columns, source, { numbered: options.numbered === true });
  const wanted = plan(
    body({
      statement: "SELECT * FROM shardgate_rows_1",
      typing: `SELECT ${items} FROM src`,
      width: columns.length,
      uses: ["shardgate_rows_1"],
    }),
    rows,
  );
  bed.port.sent.length = 0;
  const run = new MergeRun(wanted, contextOf(bed, options));
  try {
    for await (const _ of run.rows()) continue;
  } finally {
    await run.close();
  }
  return bed.port.sent.find(({ sql }) => sql.startsWith("with "))?.sql ?? "";
}

async function columnsOf(table: string): Promise<readonly string[]> {
  const rows = await bed.whole.rows(`SHOW FULL COLUMNS FROM ${table}`);
  // Name, type, collation, whether it may be NULL.
  return rows.map((row) => row.split("|").slice(1, 4).join(" "));
}

async function carried(
  type: string,
  values: readonly string[],
): Promise<{ readonly own: readonly string[]; readonly made: readonly string[] }> {
  await must(bed.whole, "DROP TABLE IF EXISTS src, own, made");
  await must(bed.whole, `CREATE TABLE src (id INT PRIMARY KEY AUTO_INCREMENT, v ${type})`);
  await must(bed.whole, `INSERT INTO src (v) VALUES ${values.map((value) => `(${value})`).join(",")}`);
  await must(bed.whole, "CREATE TABLE own AS SELECT v AS c0 FROM src ORDER BY id");
  await must(bed.whole, `CREATE TABLE made AS ${await statementOf("v AS c0")}`);
  expect(await bed.whole.rows("SELECT HEX(c0), c0 FROM made"), type).toEqual(
    await bed.whole.rows("SELECT HEX(c0), c0 FROM own"),
  );
  return { own: await columnsOf("own"), made: await columnsOf("made") };
}

describe("types that stay as they are", () => {
  const cases: readonly (readonly [type: string, ...values: string[]])[] = [
    ["INT", "5", "-21474836", "NULL"],
    ["INT UNSIGNED", "4294967295", "0", "NULL"],
    ["BIGINT", "-9223372036854775808", "9223372036854775807"],
    ["BIGINT UNSIGNED", "18446744073709551615", "NULL", "0"],
    ["DECIMAL(10,2)", "1.50", "-12345678.90", "NULL"],
    ["DECIMAL(65,30)", "12345678901234567890123456789012345.000000000000000000000000000001", "-1"],
    ["DECIMAL(10,2) UNSIGNED", "1.50", "NULL"],
    ["DOUBLE", "1.5", "-1e300", "1e-300", "0.1", "123456789012345678", "NULL"],
    ["DOUBLE(10,2)", "1.5", "-0.01"],
    ["DATE", "'2020-02-29'", "'0000-00-00'", "'2020-00-10'", "NULL"],
    ["DATETIME", "'2020-01-01 23:59:59'", "'0000-00-00 00:00:00'"],
    ["DATETIME(6)", "'2020-01-01 23:59:59.000001'", "NULL"],
    ["TIME", "'-838:59:59'", "'00:00:01'"],
    ["TIME(3)", "'-00:00:00.001'", "NULL"],
    ["YEAR", "2020", "0", "NULL"],
    ["BIT(1)", "1", "0"],
    ["BIT(10)", "b'1000000001'", "0", "NULL"],
    ["ENUM('b','a','c')", "'a'", "'b'", "NULL"],
    ["SET('b','a','c')", "'a,b'", "''", "NULL"],
    ["VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", "'a'", "'Ärger\\\\'''", "''", "'😀'", "NULL"],
    ["VARCHAR(20) CHARACTER SET utf8mb3 COLLATE utf8mb3_czech_ci", "'ř'", "'plain'"],
    ["VARCHAR(20) CHARACTER SET latin1 COLLATE latin1_german2_ci", "'ä'", "'plain'", "'?'", "NULL"],
    ["VARCHAR(20) CHARACTER SET latin1 COLLATE latin1_bin", "'plain'", "'ä€'"],
    ["VARCHAR(20) CHARACTER SET ucs2 COLLATE ucs2_bin", "'я'", "'plain'"],
    ["VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_uca1400_as_cs", "'é'"],
    ["TEXT CHARACTER SET latin1", "'ö'", "'o'"],
    ["LONGTEXT", "'x\\n\\ty\\0z'"],
    ["VARBINARY(8)", "x'00ff27'", "''", "NULL"],
    ["BLOB", "x'00'", "'text'"],
    ["LONGBLOB", "x'ff'"],
    ["UUID", "'3aa9b6c8-e595-11f1-8af2-02fc00000001'", "NULL"],
    ["INET6", "'::1'"],
    ["POINT", "POINT(1,2)", "NULL"],
  ];
  test.each(cases)("%s", async (type, ...values) => {
    const { own, made } = await carried(type, values);
    expect(made).toEqual(own);
  });
});

describe("types that widen, with the same values", () => {
  const cases: readonly (readonly [type: string, expected: string, ...values: string[]])[] = [
    ["TINYINT", "int(4)", "-128", "127", "NULL"],
    ["SMALLINT UNSIGNED", "int(5) unsigned", "65535", "NULL"],
    ["TIMESTAMP(2) NULL", "datetime(2)", "'2020-01-01 00:00:00.25'", "NULL"],
    ["INT", "bigint", "-2147483648"],
    ["TINYTEXT", "text", "'a'"],
    ["MEDIUMTEXT", "longtext", "REPEAT('ab', 40000)"],
    ["CHAR(5)", "varchar(5)", "'a'", "'b'"],
    ["BINARY(3)", "varbinary(3)", "'a'"],
  ];
  test.each(cases)("%s", async (type, expected, ...values) => {
    const { made } = await carried(type, values);
    expect(made[0]).toContain(expected);
  });
});

describe("what is not shipped", () => {
  test.each([
    ["FLOAT", "1.5"],
    ["ENUM('a')", "''"],
    ["INT(5) ZEROFILL", "5"],
    ["VARCHAR(5) CHARACTER SET cp1251", "'я'"],
  ])("%s", async (type, value) => {
    await expect(carried(type, [value])).rejects.toThrow(NeedsGather);
  });

  test("zeros in dates under NO_ZERO_DATE, TIMESTAMP where hours occur twice", async () => {
    await carried("DATE", ["'2020-01-00'"]);
    const { rules } = contextOf(bed);
    await expect(statementOf("v AS c0", { context: { rules: { ...rules, allowsZeroDates: false } } })).rejects.toThrow(
      NeedsGather,
    );
    await carried("TIMESTAMP NULL", ["'2020-01-01'"]);
    await expect(
      statementOf("v AS c0", { context: { rules: { ...rules, timestampsAreDistinct: false } } }),
    ).rejects.toThrow(NeedsGather);
  });
});

test("a FLOAT travels as the DOUBLE that it is", async () => {
  await must(bed.whole, "DROP TABLE IF EXISTS src, made");
  await must(bed.whole, "CREATE TABLE src (v FLOAT)");
  await must(bed.whole, "INSERT INTO src VALUES (0.1), (16777216), (1e-30)");
  const source = body({ statement: "SELECT CAST(v AS DOUBLE) FROM src", typing: "SELECT v AS c0 FROM src", width: 1 });
  const wanted = plan(
    body({
      statement: "SELECT * FROM shardgate_rows_1",
      typing: "SELECT v FROM src",
      width: 1,
      uses: ["shardgate_rows_1"],
    }),
    step("shardgate_rows_1", ["c0"], source),
  );
  bed.port.sent.length = 0;
  const run = new MergeRun(wanted, contextOf(bed));
  for await (const _ of run.rows()) continue;
  await run.close();
  const sql = bed.port.sent.find((sent) => sent.sql.startsWith("with "))?.sql ?? "";
  await must(bed.whole, `CREATE TABLE made AS ${sql}`);
  expect(await columnsOf("made")).toEqual(["float \\N YES"]);
  expect(await bed.whole.rows("SELECT COUNT(*) FROM made m JOIN src s ON s.v = m.c0")).toEqual(["3"]);
});

test("rows are numbered from 1, in both forms", async () => {
  for (const type of ["INT", "ENUM('1','2','3')"]) {
    await must(bed.whole, "DROP TABLE IF EXISTS src");
    await must(bed.whole, `CREATE TABLE src (v ${type})`);
    await must(bed.whole, "INSERT INTO src VALUES (1), (2), (3)");
    const source = body({ statement: "SELECT v AS c0 FROM src", width: 1 });
    const wanted = plan(
      body({
        statement: "SELECT shardgate_n, c0 FROM shardgate_rows_1",
        typing: "SELECT 1 a, v FROM src",
        width: 2,
        uses: ["shardgate_rows_1"],
      }),
      step("shardgate_rows_1", ["c0"], source, { numbered: true }),
    );
    bed.port.sent.length = 0;
    const run = new MergeRun(wanted, contextOf(bed));
    for await (const _ of run.rows()) continue;
    await run.close();
    const sql = bed.port.sent.find((sent) => sent.sql.startsWith("with "))?.sql ?? "";
    expect(await bed.whole.rows(`${sql} ORDER BY 1`)).toEqual(["1|1", "2|2", "3|3"]);
  }
});
