// The rows of the differential tests' tables, the same on every run: what makes servers disagree is in them – NULLs, case,
// trailing blanks, accents, equal decimals of other scale, the ends of number ranges, dates at the ends of months.

import { type Random, randomOf } from "../fuzz/random.ts";

const DATA_SEED = 20_240_229;

/** Statements without the keyspace before the table, in loading order; `region` is a reference table. */
export function insertStatements(): ReadonlyMap<string, readonly string[]> {
  const random = randomOf(DATA_SEED);
  return new Map([
    ["num", inserts("num", 80, (n) => numRow(n, random))],
    ["txt", inserts("txt", 70, (n) => txtRow(n, random))],
    ["tim", inserts("tim", 60, (n) => timRow(n, random))],
    ["cust", inserts("cust", 50, (n) => custRow(n, random))],
    ["ord", inserts("ord", 110, (n) => ordRow(n, random))],
    ["item", inserts("item", 160, (n) => itemRow(n, random))],
    ["doc", inserts("doc", 40, (n) => docRow(n, random))],
    ["pair", inserts("pair", 36, (n) => pairRow(n, random))],
    [
      "region",
      inserts("region", 6, (n) => [n, text(["North", "south ", "EAST", "West", null, "west"][n - 1]), or(n * 3)]),
    ],
    ["sku", inserts("sku", 12, (n) => skuRow(n, random))],
    [
      "cal",
      inserts("cal", 30, (n) => [
        `'${day(n - 10)}'`,
        Math.floor((n + 3) / 7),
        n % 9 === 0 ? 1 : n % 9 === 1 ? "NULL" : 0,
      ]),
    ],
  ]);
}

const ROWS_PER_INSERT = 40;

function inserts(table: string, count: number, row: (n: number) => readonly (string | number)[]): string[] {
  const columns = COLUMNS[table] ?? "";
  const rows = Array.from({ length: count }, (_, n) => `(${row(n + 1).join(",")})`);
  const statements: string[] = [];
  for (let at = 0; at < rows.length; at += ROWS_PER_INSERT) {
    statements.push(`INSERT INTO ${table} (${columns}) VALUES ${rows.slice(at, at + ROWS_PER_INSERT).join(",")}`);
  }
  return statements;
}

const COLUMNS: Readonly<Record<string, string>> = {
  num: "id, ti, tu, si, mi, i, iu, bi, bu, d, d6, f, db, b, y",
  txt: "id, code, g, u, bn, l, c, t, vb, e, s",
  tim: "id, dt, tm, tm6, dtm, dtm3, ts, y, owner",
  cust: "id, name, region_id, tier, credit, joined, parent",
  ord: "id, cust_id, region_id, status, total, placed",
  item: "cust_id, ord_id, line, sku, qty, price",
  doc: "k, j, n, owner, label",
  pair: "a, b, v, w",
  region: "id, name, boss",
  sku: "sku, title, price, cat",
  cal: "day, week, holiday",
};

const WORDS = [
  "apple",
  "Apple",
  "APPLE ",
  "pear",
  "Pear",
  "fig",
  "Fig ",
  "plum",
  "quince",
  "Äpfel",
  "äpfel",
  "élan",
  "Élan",
  "",
  " ",
  "10",
  "9",
  "0",
  "12abc",
  "-3",
  "1.5",
  "a_b",
  "a%b",
  "a\\\\b",
  "it''s",
  "zebra",
  "ZEBRA",
  "naïve",
  "2024-03-01",
] as const;
/** Stored in latin1 as well. */
const NAMES = ["Ann", "ann ", "Bob", "bob", "Cy", "Dee", "DEE", "Eve", "Zoë", "Flo", "Gus", "Hal"] as const;

function numRow(n: number, random: Random): (string | number)[] {
  const signed = (max: number): string | number => or(random.int(2 * max) - max, random, 0.12);
  return [
    n <= 3 ? ([-1, 0, -7][n - 1] ?? 0) : n,
    random.pick(["NULL", -128, 127, 0, 1, 2, 3, -5, 7]),
    random.pick(["NULL", 0, 255, 1, 2, 3, 128]),
    signed(20),
    signed(300),
    random.pick(["NULL", 0, 1, 2, 3, 4, 5, -1, -2, 10, 20, 50]),
    random.pick(["NULL", 0, 1, 2, 3, 100, 4_294_967_295]),
    random.pick(["NULL", 0, 1, -1, 5, "9223372036854775807", "-9223372036854775808", 12_345_678_901]),
    random.pick(["NULL", 0, 1, 5, "18446744073709551615", "9223372036854775808"]),
    random.pick(["NULL", "0.00", "1.50", "-1.50", "2.25", "10.00", "99.99", "0.10", "-0.10", "12345678.90"]),
    random.pick(["NULL", "0.000000", "1.500000", "0.333333", "-2.750000", "10.000000", "123456789.000001"]),
    or((random.int(40) - 20) / 4, random, 0.1),
    or((random.int(400) - 200) / 4, random, 0.1),
    random.pick(["NULL", "b'0'", "b'1'", "b'1010'", "b'11111111'", "b'1000001'"]),
    random.pick(["NULL", 1970, 2000, 2023, 2024, 2155]),
  ];
}

function txtRow(n: number, random: Random): (string | number)[] {
  const word = (): string => text(random.chance(0.1) ? null : random.pick(WORDS));
  return [
    n,
    text(`${random.pick(["k", "K", "key", "Ké"])}${n % 23}`),
    word(),
    word(),
    word(),
    text(random.chance(0.1) ? null : random.pick(NAMES)),
    text(random.chance(0.1) ? null : random.pick(["ab", "AB", "b ", "c", "", "abc", "éa", "zz"])),
    text(random.chance(0.15) ? null : `${random.pick(WORDS)} ${random.pick(WORDS)}`),
    random.pick(["NULL", "x''", "x'00'", "x'0041'", "x'4100'", "x'61'", "x'41'", "x'ff00'", "x'6120'"]),
    random.pick(["NULL", "'small'", "'Medium'", "'large'", "'x'"]),
    random.pick(["NULL", "''", "'a'", "'a,b'", "'b,d'", "'a,b,c,d'", "'c'"]),
  ];
}

function timRow(n: number, random: Random): (string | number)[] {
  const date = (): string => `'${day(random.int(60) - 30)}'`;
  const stamp = (fraction: string): string =>
    random.chance(0.1) ? "NULL" : `'${day(random.int(60) - 30)} ${clock(random)}${fraction}'`;
  return [
    n,
    random.chance(0.1) ? "NULL" : date(),
    random.pick(["NULL", "'00:00:00'", "'12:30:00'", "'-01:15:00'", "'838:59:59'", "'23:59:59'", "'100:00:01'"]),
    random.pick(["NULL", "'00:00:00.000001'", "'10:11:12.5'", "'-00:00:00.25'", "'10:11:12'"]),
    stamp(""),
    stamp(random.pick(["", ".5", ".125", ".999"])),
    random.chance(0.1) ? "NULL" : `'${day(random.int(60) - 30)} 1${random.int(10)}:00:00'`,
    random.pick(["NULL", 1999, 2000, 2023, 2024]),
    or(random.int(60), random, 0.1),
  ];
}

function custRow(n: number, random: Random): (string | number)[] {
  return [
    n,
    text(`${random.pick(NAMES)}${n % 4 === 0 ? "" : random.pick([" ", "", " jr", " Jr"])}`),
    or(random.int(7) + 1, random, 0.1),
    random.pick(["NULL", "'gold'", "'silver'", "'bronze'"]),
    (random.int(100_000) / 100).toFixed(2),
    random.chance(0.1) ? "NULL" : `'${day(random.int(50) - 25)}'`,
    or(random.int(n) + 1, random, 0.3),
  ];
}

function ordRow(n: number, random: Random): (string | number)[] {
  return [
    1000 + n,
    random.int(55) + 1,
    or(random.int(7) + 1, random, 0.1),
    random.pick(["NULL", "'new'", "'New'", "'paid'", "'sent'", "''"]),
    or(random.pick(["1.00", "10.50", "99.99", "250.00", "0.00", "-5.25"]), random, 0.1),
    `'${day(random.int(50) - 25)} ${clock(random)}'`,
  ];
}

/** Of each order 1001…1080 two lines; the customer is any, as a clerk's mistake would have it. */
function itemRow(n: number, random: Random): (string | number)[] {
  return [
    random.int(55) + 1,
    1000 + Math.ceil(n / 2),
    n % 2 === 0 ? 2 : 1,
    text(random.chance(0.08) ? null : `s${random.int(15)}`),
    or(random.int(9), random, 0.1),
    or((random.int(4000) / 100).toFixed(2), random, 0.1),
  ];
}

function docRow(n: number, random: Random): (string | number)[] {
  const json = random.pick([
    "NULL",
    `'{"a": ${n}, "b": "x${n % 5}"}'`,
    `'{"a": null, "tags": ["red", "blue"]}'`,
    `'{"a": ${n % 3}, "tags": []}'`,
    `'[1, 2, ${n}]'`,
    `'"text"'`,
    `'{"n": {"m": ${n}.5}}'`,
    "'null'",
  ]);
  const key = Buffer.from([n % 7 === 0 ? 0 : n * 37, n, ...(n % 2 === 0 ? [0x20] : [])]).toString("hex");
  return [
    `x'${key}'`,
    json,
    or(random.int(10), random, 0.1),
    or(random.int(55), random, 0.1),
    text(random.pick(WORDS)),
  ];
}

function pairRow(n: number, random: Random): (string | number)[] {
  return [
    Math.ceil(n / 3),
    (n % 3) * 4 + random.int(4),
    or(random.int(20) - 10, random, 0.15),
    text(random.chance(0.1) ? null : random.pick(["x", "X", "y", "z ", "z"])),
  ];
}

function skuRow(n: number, random: Random): (string | number)[] {
  return [
    `'s${n}'`,
    text(random.pick(WORDS)),
    n === 5 ? "NULL" : (random.int(4000) / 100).toFixed(2),
    or(n % 4, random, 0.1),
  ];
}

/** 2024-03-01 and so many days later: the end of a February of 29 days is near. */
function day(offset: number): string {
  return new Date(Date.UTC(2024, 2, 1) + offset * 86_400_000).toISOString().slice(0, 10);
}

function clock(random: Random): string {
  return random.pick(["00:00:00", "08:15:30", "12:00:00", "23:59:59", "17:45:01"]);
}

function text(value: string | null | undefined): string {
  return value === null || value === undefined ? "NULL" : `'${value}'`;
}

function or(value: string | number, random?: Random, nulls = 0): string | number {
  return random !== undefined && random.chance(nulls) ? "NULL" : value;
}
