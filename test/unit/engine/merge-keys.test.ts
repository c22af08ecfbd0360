// Sort keys beside MariaDB's own order: random values of each type, ranked by a server; keys must be in the same order and
// equal where the server finds values equal.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { averageText, exactNumber, exactText } from "../../../src/engine/exact-number.ts";
import { doubleText, DoubleSum } from "../../../src/engine/double-number.ts";
import { RowKeys } from "../../../src/engine/merge-keys.ts";
import { NeedsGather } from "../../../src/engine/needs-gather.ts";
import { RowColumns } from "../../../src/engine/row-columns.ts";
import { ShardRows } from "../../../src/engine/shard-rows.ts";
import { plainRequest } from "../../../src/engine/ports.ts";
import type { ColumnDefinition } from "../../../src/mysql/packets/column-definition.ts";
import { type Random, randomOf, seedOf } from "../../fuzz/random.ts";
import { batchOf, type Bed, contextOf, key, must, rowsIn, startBed } from "./merge-bed.ts";

let bed: Bed;
const SEED = seedOf(20261);

beforeAll(async () => {
  bed = await startBed(1);
});
afterAll(() => bed.stop());

interface Ranked {
  readonly columns: readonly ColumnDefinition[];
  readonly rows: readonly Buffer[];
}

/** Rows of `v`, its weight, its collation and its rank, in the server's order. */
async function ranked(type: string, values: readonly string[], descending = false): Promise<Ranked> {
  await must(bed.whole, "USE s0");
  await must(bed.whole, "SET sql_mode = ''");
  await must(bed.whole, "DROP TABLE IF EXISTS v");
  await must(bed.whole, `CREATE TABLE v (id INT PRIMARY KEY AUTO_INCREMENT, v ${type})`);
  await must(bed.whole, `INSERT INTO v (v) VALUES ${values.map((value) => `(${value})`).join(",")}`);
  await must(bed.whole, "SET sql_mode = DEFAULT");
  return rowsOf(
    `SELECT v, WEIGHT_STRING(v), COLLATION(v), DENSE_RANK() OVER (ORDER BY v ${descending ? "DESC" : ""}) r FROM v ORDER BY v ${descending ? "DESC" : ""}, id`,
  );
}

async function rowsOf(sql: string): Promise<Ranked> {
  const [target] = bed.shards;
  if (target === undefined) throw new Error("a bed has shards");
  const request = () => plainRequest(Buffer.concat([Buffer.of(3), Buffer.from(sql)]));
  let columns: readonly ColumnDefinition[] = [];
  const shard = new ShardRows(
    target,
    request,
    (found) => {
      columns = found;
    },
    () => {},
  );
  shard.start(bed.port);
  const rows: Buffer[] = [];
  for (let batch = await shard.next(); batch !== undefined; batch = await shard.next()) rows.push(...rowsIn(batch));
  return { columns, rows };
}

async function expectRanks({ columns, rows }: Ranked, descending = false): Promise<void> {
  const keys = new RowKeys([key(0, { weight: 1, collationColumn: 2, descending })], "order", contextOf(bed).rules);
  const view = new RowColumns(4);
  let last = { key: "", rank: "0", text: "" };
  for (const row of rows) {
    await keys.accept(batchOf(columns, row));
    view.read(row, 0, row.length);
    const made = keys.keyOf(view);
    const rank = view.ascii(3) ?? "";
    const text = view.value(0)?.toString("hex") ?? "NULL";
    const place = `seed ${SEED}: ${last.text} then ${text}`;
    if (rank === last.rank) expect(made, place).toBe(last.key);
    else expect(made > last.key, place).toBe(true);
    last = { key: made, rank, text };
  }
}

const quoted = (text: string): string => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;
const digits = (random: Random, count: number): string => Array.from({ length: count }, () => random.int(10)).join("");
const sign = (random: Random): string => (random.chance(0.4) ? "-" : "");
const pad = (value: number, width = 2): string => String(value).padStart(width, "0");

const PLAIN_TYPES: readonly { readonly type: string; readonly make: (random: Random) => string }[] = [
  { type: "TINYINT", make: (random) => String(random.int(256) - 128) },
  {
    type: "BIGINT",
    make: (random) => sign(random) + (random.chance(0.1) ? "9223372036854775807" : digits(random, 1 + random.int(18))),
  },
  {
    type: "BIGINT UNSIGNED",
    make: (random) => (random.chance(0.1) ? "18446744073709551615" : digits(random, 1 + random.int(19))),
  },
  { type: "INT(8) ZEROFILL", make: (random) => digits(random, 1 + random.int(8)) },
  {
    type: "DECIMAL(30,10)",
    make: (random) => `${sign(random)}${digits(random, 1 + random.int(6))}.${digits(random, 1 + random.int(10))}`,
  },
  { type: "DECIMAL(65,0)", make: (random) => `${sign(random)}${digits(random, 1 + random.int(65))}` },
  {
    type: "DOUBLE",
    make: (random) =>
      `${sign(random)}${digits(random, 1 + random.int(17))}.${digits(random, 1 + random.int(5))}e${random.int(560) - 280}`,
  },
  {
    type: "DOUBLE(12,3)",
    make: (random) => `${sign(random)}${digits(random, 1 + random.int(5))}.${digits(random, 3)}`,
  },
  { type: "YEAR", make: (random) => (random.chance(0.1) ? "0" : String(1901 + random.int(255))) },
  { type: "BIT(20)", make: (random) => String(random.int(1 << random.int(20))) },
  {
    type: "DATE",
    make: (random) =>
      random.chance(0.1)
        ? "'0000-00-00'"
        : `'${pad(1 + random.int(9998), 4)}-${pad(random.int(13))}-${pad(random.int(29))}'`,
  },
  {
    type: "DATETIME(3)",
    make: (random) =>
      `'${pad(2000 + random.int(3), 4)}-${pad(1 + random.int(12))}-${pad(1 + random.int(28))} ${pad(random.int(24))}:00:00.${digits(random, 3)}'`,
  },
  {
    type: "TIMESTAMP(6) NULL",
    make: (random) =>
      `'${pad(2000 + random.int(3), 4)}-${pad(1 + random.int(12))}-${pad(1 + random.int(28))} ${pad(random.int(24))}:00:00.${digits(random, 6)}'`,
  },
  {
    type: "TIME(2)",
    make: (random) =>
      `'${sign(random)}${random.int(839)}:${pad(random.int(60))}:${pad(random.int(60))}.${digits(random, 2)}'`,
  },
  {
    type: "VARBINARY(8)",
    make: (random) =>
      `x'${Array.from({ length: random.int(8) }, () => pad(random.int(3) * 127, 2).slice(-2)).join("")}'`,
  },
  { type: "BINARY(4)", make: (random) => `x'${["", "00", "01", "ff", "0001", "00ff", "61"][random.int(7)]}'` },
];

describe("values without a collation", () => {
  test.each(PLAIN_TYPES)("$type", async ({ type, make }) => {
    const random = randomOf(SEED);
    const values = Array.from({ length: 250 }, () => (random.chance(0.05) ? "NULL" : make(random)));
    await expectRanks(await ranked(type, values));
    await expectRanks(await ranked(type, values, true), true);
  });
});

const COLLATIONS = [
  "utf8mb4_general_ci",
  "utf8mb4_unicode_ci",
  "utf8mb4_unicode_520_ci",
  "utf8mb4_bin",
  "utf8mb4_nopad_bin",
  "utf8mb4_general_nopad_ci",
  "utf8mb4_uca1400_ai_ci",
  "utf8mb4_uca1400_nopad_ai_ci",
  "utf8mb4_czech_ci",
  "utf8mb4_german2_ci",
  "utf8mb3_general_ci",
  "latin1_swedish_ci",
  "latin1_german2_ci",
  "latin1_bin",
  "ascii_general_ci",
  "cp1251_general_ci",
  "ucs2_unicode_ci",
  "utf16_general_ci",
  "utf32_bin",
] as const;
const PIECES = [
  "a",
  "A",
  "b",
  "B",
  "ch",
  "Ch",
  "ss",
  "ß",
  "ä",
  "Ä",
  "é",
  "e",
  "z",
  " ",
  " ",
  "\t",
  "0",
  "-",
  "_",
  "\u0001",
  "ł",
  "\u00ad",
  "ae",
  "æ",
  "я",
  "Я",
] as const;

describe("text under a collation", () => {
  test.each(COLLATIONS)("%s", async (collation) => {
    const random = randomOf(SEED);
    const words = Array.from({ length: 220 }, () => {
      const length = random.int(random.chance(0.1) ? 30 : 5);
      const word = Array.from({ length }, () => random.pick(PIECES)).join("");
      return random.chance(0.3) ? `${word}${" ".repeat(1 + random.int(20))}` : word;
    });
    const charset = collation.split("_")[0];
    const values = words.map((word) => (random.chance(0.03) ? "NULL" : quoted(word)));
    await expectRanks(await ranked(`VARCHAR(100) CHARACTER SET ${charset} COLLATE ${collation}`, values));
    await expectRanks(await ranked(`TEXT CHARACTER SET ${charset} COLLATE ${collation}`, values, true), true);
  });
});

test("keys of several columns compare column by column", async () => {
  const random = randomOf(SEED);
  await must(bed.whole, "USE s0");
  await must(bed.whole, "DROP TABLE IF EXISTS v");
  await must(bed.whole, "CREATE TABLE v (a VARCHAR(20) COLLATE utf8mb4_general_ci, b INT, c VARBINARY(5))");
  const values = Array.from({ length: 400 }, () => {
    const a = random.chance(0.1)
      ? "NULL"
      : quoted(["", "a", "A ", "ab", "a\t", "abcdefghij", "abcdefgh ", "abcdefgh"][random.int(8)] ?? "");
    return `(${a}, ${random.chance(0.1) ? "NULL" : random.int(5) - 2}, ${["''", "x'00'", "x'0001'", "x'ff'", "NULL"][random.int(5)]})`;
  });
  await must(bed.whole, `INSERT INTO v VALUES ${values.join(",")}`);
  const { columns, rows } = await rowsOf(
    "SELECT a, WEIGHT_STRING(a), COLLATION(a), b, c, DENSE_RANK() OVER (ORDER BY a DESC, b, c DESC) FROM v ORDER BY a DESC, b, c DESC",
  );
  const keys = new RowKeys(
    [key(0, { weight: 1, collationColumn: 2, descending: true }), key(3), key(4, { descending: true })],
    "order",
    contextOf(bed).rules,
  );
  const view = new RowColumns(6);
  let last = { key: "", rank: "" };
  for (const row of rows) {
    await keys.accept(batchOf(columns, row));
    view.read(row, 0, row.length);
    const made = keys.keyOf(view);
    const rank = view.ascii(5) ?? "";
    if (rank === last.rank) expect(made).toBe(last.key);
    else expect(made > last.key).toBe(true);
    last = { key: made, rank };
  }
});

describe("what is not compared", () => {
  const refused: readonly (readonly [type: string, value: string])[] = [
    ["FLOAT", "1.5"],
    ["ENUM('b','a')", "'a'"],
    ["SET('b','a')", "'a'"],
    ["UUID", "UUID()"],
    ["INET6", "'::1'"],
    ["POINT", "POINT(1,1)"],
    ["VARCHAR(5) COLLATE utf8mb4_uca1400_as_cs", "'a'"],
    ["VARCHAR(5) COLLATE utf8mb4_uca1400_nopad_as_cs", "'a'"],
    ["VARCHAR(5) COLLATE utf8mb4_thai_520_w2", "'a'"],
    ["VARCHAR(5) CHARACTER SET latin7 COLLATE latin7_general_ci", "'a'"],
    ["VARCHAR(5) CHARACTER SET sjis", "'a'"],
  ];
  test.each(refused)("%s", async (type, value) => {
    const { columns, rows } = await ranked(type, [value]);
    const keys = new RowKeys([key(0, { weight: 1, collationColumn: 2 })], "order", contextOf(bed).rules);
    await expect(keys.accept(batchOf(columns, rows[0] ?? Buffer.alloc(0)))).rejects.toThrow(NeedsGather);
  });

  test("text without a weight, and computed doubles of fixed decimals", async () => {
    const { columns, rows } = await rowsOf("SELECT 'a', ROUND(1.5e0, 1)");
    const [row = Buffer.alloc(0)] = rows;
    for (const column of [0, 1]) {
      const keys = new RowKeys([key(column)], "equal", contextOf(bed).rules);
      await expect(keys.accept(batchOf(columns, row))).rejects.toThrow(NeedsGather);
    }
  });

  test("TIMESTAMP where an hour may occur twice", async () => {
    const { columns, rows } = await ranked("TIMESTAMP NULL", ["'2020-01-01 00:00:00'"]);
    const rules = { ...contextOf(bed).rules, timestampsAreDistinct: false };
    const keys = new RowKeys([key(0)], "order", rules);
    await expect(keys.accept(batchOf(columns, rows[0] ?? Buffer.alloc(0)))).rejects.toThrow(NeedsGather);
  });
});

describe("numbers as MariaDB writes them", () => {
  test("AVG of decimals and integers", async () => {
    const random = randomOf(SEED);
    for (let round = 0; round < 40; round++) {
      const scale = random.int(12);
      const values = Array.from(
        { length: 1 + random.int(12) },
        () => `${sign(random)}${digits(random, 1 + random.int(9))}.${digits(random, scale)}`,
      );
      const sql = `SELECT AVG(x), SUM(x), COUNT(x) FROM (${values.map((value) => `SELECT CAST(${value} AS DECIMAL(30,${scale})) x`).join(" UNION ALL ")}) t`;
      const [row = ""] = await bed.whole.rows(sql);
      const [average = "", sum = "", count = ""] = row.split("|");
      const decimals = average.includes(".") ? average.length - average.indexOf(".") - 1 : 0;
      expect(averageText(exactNumber(sum), Number(count), decimals), `seed ${SEED}: ${sql}`).toBe(average);
      expect(exactText(exactNumber(sum), scale)).toBe(sum);
    }
  });

  test("an average is cut off, not rounded, at a multiple of nine digits", () => {
    expect(averageText(exactNumber("0.00002"), 3, 9)).toBe("0.000006666");
    expect(averageText(exactNumber("0.000002"), 3, 10)).toBe("0.0000006667");
    expect(averageText(exactNumber("-2"), 3, 4)).toBe("-0.6667");
  });

  test("doubles", async () => {
    const random = randomOf(SEED);
    const values = Array.from({ length: 300 }, () => {
      const value = Number(
        `${sign(random)}${digits(random, 1 + random.int(17))}.${digits(random, random.int(8))}0e${random.int(60) - 30}`,
      );
      // Not -0.
      return (random.chance(0.2) ? Math.trunc(value) : value) + 0;
    });
    for (const value of [
      1e14,
      1e15,
      1e16,
      123456789012345.6,
      1234567890123456.75,
      1e-5,
      1e-14,
      1e-15,
      1e-16,
      5e-324,
      1.7976931348623157e308,
      0,
      0.1,
      1 / 3,
    ])
      values.push(value);
    await must(bed.whole, "USE s0");
    await must(bed.whole, "DROP TABLE IF EXISTS d");
    await must(bed.whole, "CREATE TABLE d (id INT PRIMARY KEY AUTO_INCREMENT, d DOUBLE)");
    await must(bed.whole, `INSERT INTO d (d) VALUES ${values.map((value) => `(${value.toExponential()})`).join(",")}`);
    const rows = await bed.whole.rows("SELECT d, ROUND(d, 3) FROM d ORDER BY id");
    for (const [index, row] of rows.entries()) {
      const [shortest = "", rounded = ""] = row.split("|");
      expect(doubleText(values[index] ?? 0, 31), `seed ${SEED}`).toBe(shortest);
      expect(doubleText(Number(rounded), 3), `seed ${SEED}`).toBe(rounded);
    }
  });

  test("a sum of doubles does not depend on their order", () => {
    const random = randomOf(SEED);
    const values = Array.from({ length: 200 }, () =>
      Number(`${sign(random)}${digits(random, 15)}e${random.int(60) - 40}`),
    );
    const sumOf = (list: readonly number[]): number => {
      const sum = new DoubleSum();
      for (const value of list) sum.add(value);
      return sum.value;
    };
    expect(sumOf([1e100, 1, -1e100])).toBe(1);
    expect(sumOf(values)).toBe(sumOf([...values].reverse()));
    expect(sumOf(values)).toBe(sumOf([...values].sort((a, b) => a - b)));
  });
});
