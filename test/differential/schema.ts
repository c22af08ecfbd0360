// The keyspaces of the differential tests: what the tables are, how they are sharded, and what the generator has to know of
// their columns. Small words and small numbers in most columns, so that rows of different tables meet; doubles are
// multiples of a quarter, so that sums of them do not depend on the order.

/** What a value is, as far as functions and comparisons care. */
export type Family = "int" | "dec" | "dbl" | "str" | "bin" | "date" | "time" | "datetime" | "json";

export interface ColumnInfo {
  readonly name: string;
  readonly family: Family;
  /** Of text: the collation. */
  readonly collation?: string;
  /** Arithmetic with it may overflow. */
  readonly big?: boolean;
}

export interface TableInfo {
  /** In the sharded keyspace, or in the unsharded one. */
  readonly keyspace: "sharded" | "unsharded";
  readonly name: string;
  readonly columns: readonly ColumnInfo[];
  /** Names of a unique, NOT NULL set of columns. */
  readonly key: readonly string[];
  readonly rows: number;
  readonly view?: boolean;
}

/** How statements name the two keyspaces; an arena puts its own names in. */
export const SHARDED = "dsh";
export const UNSHARDED = "dun";

const GENERAL = "utf8mb4_general_ci";
const UNICODE = "utf8mb4_unicode_ci";
const BIN = "utf8mb4_bin";
const LATIN = "latin1_swedish_ci";

export const TABLES: readonly TableInfo[] = [
  {
    keyspace: "sharded",
    name: "num",
    key: ["id"],
    rows: 80,
    columns: [
      { name: "id", family: "int" },
      { name: "ti", family: "int" },
      { name: "tu", family: "int" },
      { name: "si", family: "int" },
      { name: "mi", family: "int" },
      { name: "i", family: "int" },
      { name: "iu", family: "int", big: true },
      { name: "bi", family: "int", big: true },
      { name: "bu", family: "int", big: true },
      { name: "d", family: "dec" },
      { name: "d6", family: "dec" },
      { name: "f", family: "dbl" },
      { name: "db", family: "dbl" },
      { name: "b", family: "bin" },
      { name: "y", family: "int" },
    ],
  },
  {
    keyspace: "sharded",
    name: "txt",
    key: ["id"],
    rows: 70,
    columns: [
      { name: "id", family: "int" },
      { name: "code", family: "str", collation: GENERAL },
      { name: "g", family: "str", collation: GENERAL },
      { name: "u", family: "str", collation: UNICODE },
      { name: "bn", family: "str", collation: BIN },
      { name: "l", family: "str", collation: LATIN },
      { name: "c", family: "str", collation: GENERAL },
      { name: "t", family: "str", collation: UNICODE },
      { name: "vb", family: "bin" },
      { name: "e", family: "str", collation: GENERAL },
      { name: "s", family: "str", collation: GENERAL },
    ],
  },
  {
    keyspace: "sharded",
    name: "tim",
    key: ["id"],
    rows: 60,
    columns: [
      { name: "id", family: "int" },
      { name: "dt", family: "date" },
      { name: "tm", family: "time" },
      { name: "tm6", family: "time" },
      { name: "dtm", family: "datetime" },
      { name: "dtm3", family: "datetime" },
      { name: "ts", family: "datetime" },
      { name: "y", family: "int" },
      { name: "owner", family: "int" },
    ],
  },
  {
    keyspace: "sharded",
    name: "cust",
    key: ["id"],
    rows: 50,
    columns: [
      { name: "id", family: "int" },
      { name: "name", family: "str", collation: GENERAL },
      { name: "region_id", family: "int" },
      { name: "tier", family: "str", collation: GENERAL },
      { name: "credit", family: "dec" },
      { name: "joined", family: "date" },
      { name: "parent", family: "int" },
    ],
  },
  {
    keyspace: "sharded",
    name: "ord",
    key: ["id"],
    rows: 110,
    columns: [
      { name: "id", family: "int" },
      { name: "cust_id", family: "int" },
      { name: "region_id", family: "int" },
      { name: "status", family: "str", collation: BIN },
      { name: "total", family: "dec" },
      { name: "placed", family: "datetime" },
    ],
  },
  {
    keyspace: "sharded",
    name: "item",
    key: ["ord_id", "line"],
    rows: 160,
    columns: [
      { name: "cust_id", family: "int" },
      { name: "ord_id", family: "int" },
      { name: "line", family: "int" },
      { name: "sku", family: "str", collation: BIN },
      { name: "qty", family: "int" },
      { name: "price", family: "dec" },
    ],
  },
  {
    keyspace: "sharded",
    name: "doc",
    key: ["k"],
    rows: 40,
    columns: [
      { name: "k", family: "bin" },
      { name: "j", family: "json" },
      { name: "n", family: "int" },
      { name: "owner", family: "int" },
      { name: "label", family: "str", collation: BIN },
    ],
  },
  {
    keyspace: "sharded",
    name: "pair",
    key: ["a", "b"],
    rows: 36,
    columns: [
      { name: "a", family: "int" },
      { name: "b", family: "int" },
      { name: "v", family: "int" },
      { name: "w", family: "str", collation: GENERAL },
    ],
  },
  {
    keyspace: "sharded",
    name: "region",
    key: ["id"],
    rows: 6,
    columns: [
      { name: "id", family: "int" },
      { name: "name", family: "str", collation: GENERAL },
      { name: "boss", family: "int" },
    ],
  },
  {
    keyspace: "sharded",
    name: "nil",
    key: ["id"],
    rows: 0,
    columns: [
      { name: "id", family: "int" },
      { name: "n", family: "int" },
      { name: "s", family: "str", collation: GENERAL },
      { name: "d", family: "dec" },
    ],
  },
  {
    keyspace: "sharded",
    name: "big_ord",
    key: ["id"],
    rows: 60,
    view: true,
    columns: [
      { name: "id", family: "int" },
      { name: "cust_id", family: "int" },
      { name: "total", family: "dec" },
      { name: "placed", family: "datetime" },
    ],
  },
  {
    keyspace: "sharded",
    name: "cust_sum",
    key: ["cust_id"],
    rows: 50,
    view: true,
    columns: [
      { name: "cust_id", family: "int" },
      { name: "n", family: "int" },
      { name: "total", family: "dec" },
    ],
  },
  {
    keyspace: "sharded",
    name: "cust_region",
    key: ["id"],
    rows: 50,
    view: true,
    columns: [
      { name: "id", family: "int" },
      { name: "name", family: "str", collation: GENERAL },
      { name: "region", family: "str", collation: GENERAL },
    ],
  },
  {
    keyspace: "sharded",
    name: "rich",
    key: ["cust_id"],
    rows: 50,
    view: true,
    columns: [
      { name: "cust_id", family: "int" },
      { name: "total", family: "dec" },
      { name: "region", family: "str", collation: GENERAL },
    ],
  },
  {
    keyspace: "unsharded",
    name: "sku",
    key: ["sku"],
    rows: 12,
    columns: [
      { name: "sku", family: "str", collation: BIN },
      { name: "title", family: "str", collation: GENERAL },
      { name: "price", family: "dec" },
      { name: "cat", family: "int" },
    ],
  },
  {
    keyspace: "unsharded",
    name: "cal",
    key: ["day"],
    rows: 30,
    columns: [
      { name: "day", family: "date" },
      { name: "week", family: "int" },
      { name: "holiday", family: "int" },
    ],
  },
  {
    keyspace: "unsharded",
    name: "cheap",
    key: ["sku"],
    rows: 8,
    view: true,
    columns: [
      { name: "sku", family: "str", collation: BIN },
      { name: "title", family: "str", collation: GENERAL },
      { name: "half", family: "dec" },
    ],
  },
];

/** Columns that mean the same: what joins are usually made of. */
export const TIES: readonly (readonly [table: string, column: string, table: string, column: string])[] = [
  ["cust", "id", "ord", "cust_id"],
  ["cust", "id", "item", "cust_id"],
  ["ord", "cust_id", "item", "cust_id"],
  ["ord", "id", "item", "ord_id"],
  ["cust", "region_id", "region", "id"],
  ["ord", "region_id", "region", "id"],
  ["cust", "parent", "cust", "id"],
  ["cust", "id", "tim", "owner"],
  ["cust", "id", "doc", "owner"],
  ["num", "id", "cust", "id"],
  ["num", "id", "txt", "id"],
  ["tim", "id", "txt", "id"],
  ["pair", "a", "cust", "id"],
  ["pair", "a", "num", "id"],
  ["pair", "b", "pair", "a"],
  ["item", "sku", "sku", "sku"],
  ["tim", "dt", "cal", "day"],
  ["cust", "joined", "cal", "day"],
  ["region", "boss", "cust", "id"],
  ["nil", "id", "cust", "id"],
  ["cheap", "sku", "item", "sku"],
  ["big_ord", "cust_id", "cust", "id"],
  ["big_ord", "id", "item", "ord_id"],
  ["cust_sum", "cust_id", "cust", "id"],
  ["cust_region", "id", "ord", "cust_id"],
  ["cust_region", "id", "cust_sum", "cust_id"],
  ["rich", "cust_id", "cust", "id"],
  ["rich", "cust_id", "tim", "owner"],
];

const TEXT = "CHARACTER SET utf8mb4 COLLATE";

const SHARDED_SQL = `
CREATE TABLE num (id BIGINT NOT NULL PRIMARY KEY, ti TINYINT, tu TINYINT UNSIGNED, si SMALLINT, mi MEDIUMINT, i INT,
  iu INT UNSIGNED, bi BIGINT, bu BIGINT UNSIGNED, d DECIMAL(10,2), d6 DECIMAL(20,6), f FLOAT, db DOUBLE, b BIT(8), y YEAR,
  KEY i (i), KEY d (d));
CREATE TABLE txt (id BIGINT NOT NULL PRIMARY KEY, code VARCHAR(20) ${TEXT} ${GENERAL} NOT NULL,
  g VARCHAR(20) ${TEXT} ${GENERAL}, u VARCHAR(30) ${TEXT} ${UNICODE}, bn VARCHAR(20) ${TEXT} ${BIN},
  l VARCHAR(20) CHARACTER SET latin1 COLLATE ${LATIN}, c CHAR(8) ${TEXT} ${GENERAL}, t TEXT ${TEXT} ${UNICODE},
  vb VARBINARY(12), e ENUM('small','Medium','large','x') ${TEXT} ${GENERAL}, s SET('a','b','c','d') ${TEXT} ${GENERAL},
  KEY g (g));
CREATE TABLE tim (id BIGINT NOT NULL PRIMARY KEY, dt DATE, tm TIME, tm6 TIME(6), dtm DATETIME, dtm3 DATETIME(3),
  ts TIMESTAMP NULL DEFAULT NULL, y YEAR, owner BIGINT, KEY dt (dt));
CREATE TABLE cust (id BIGINT NOT NULL PRIMARY KEY, name VARCHAR(30) ${TEXT} ${GENERAL} NOT NULL, region_id INT,
  tier ENUM('gold','silver','bronze') ${TEXT} ${GENERAL}, credit DECIMAL(12,2) NOT NULL DEFAULT 0, joined DATE, parent BIGINT,
  KEY name (name));
CREATE TABLE ord (id BIGINT NOT NULL PRIMARY KEY, cust_id BIGINT NOT NULL, region_id INT, status CHAR(10) ${TEXT} ${BIN},
  total DECIMAL(10,2), placed DATETIME NOT NULL, KEY cust (cust_id), KEY placed (placed));
CREATE TABLE item (cust_id BIGINT NOT NULL, ord_id BIGINT NOT NULL, line INT NOT NULL, sku VARCHAR(12) ${TEXT} ${BIN},
  qty INT, price DECIMAL(8,2), PRIMARY KEY (ord_id, line), KEY cust (cust_id));
CREATE TABLE doc (k VARBINARY(16) NOT NULL PRIMARY KEY, j JSON, n INT, owner BIGINT, label VARCHAR(20) ${TEXT} ${BIN});
CREATE TABLE pair (a BIGINT NOT NULL, b BIGINT NOT NULL, v INT, w VARCHAR(10) ${TEXT} ${GENERAL}, PRIMARY KEY (a, b));
CREATE TABLE region (id INT NOT NULL PRIMARY KEY, name VARCHAR(20) ${TEXT} ${GENERAL}, boss BIGINT);
CREATE TABLE nil (id BIGINT NOT NULL PRIMARY KEY, n INT, s VARCHAR(10) ${TEXT} ${GENERAL}, d DECIMAL(6,2));
CREATE VIEW big_ord AS SELECT id, cust_id, total, placed FROM ord WHERE total > 5;
CREATE VIEW cust_sum AS SELECT cust_id, COUNT(*) AS n, SUM(total) AS total FROM ord GROUP BY cust_id;
CREATE VIEW cust_region AS SELECT c.id, c.name, r.name AS region FROM cust c LEFT JOIN region r ON r.id = c.region_id;
CREATE VIEW rich AS SELECT s.cust_id, s.total, r.region FROM cust_sum s JOIN cust_region r ON r.id = s.cust_id WHERE s.total > 50;
`;

const UNSHARDED_SQL = `
CREATE TABLE sku (sku VARCHAR(12) ${TEXT} ${BIN} NOT NULL PRIMARY KEY, title VARCHAR(30) ${TEXT} ${GENERAL}, price DECIMAL(8,2), cat INT);
CREATE TABLE cal (day DATE NOT NULL PRIMARY KEY, week INT NOT NULL, holiday TINYINT(1));
CREATE VIEW cheap AS SELECT sku, title, price / 2 AS half FROM sku WHERE price < 20;
`;

export const SQL = { sharded: SHARDED_SQL, unsharded: UNSHARDED_SQL } as const;

export const VSCHEMA = {
  sharded: {
    sharded: true,
    vindexes: {
      hash: { type: "hash" },
      xx: { type: "xxhash" },
      loose: { type: "unicode_loose_md5" },
      bytes: { type: "binary" },
    },
    tables: {
      num: { column_vindexes: [{ column: "id", name: "hash" }] },
      txt: { column_vindexes: [{ column: "code", name: "loose" }] },
      tim: { column_vindexes: [{ column: "id", name: "xx" }] },
      cust: { column_vindexes: [{ column: "id", name: "hash" }] },
      ord: { column_vindexes: [{ column: "cust_id", name: "hash" }] },
      item: { column_vindexes: [{ column: "cust_id", name: "hash" }] },
      doc: { column_vindexes: [{ column: "k", name: "bytes" }], columns: [{ name: "k", type: "VARBINARY" }] },
      pair: { column_vindexes: [{ column: "a", name: "hash" }] },
      region: { type: "reference" },
      nil: { column_vindexes: [{ column: "id", name: "hash" }] },
    },
  },
  unsharded: { tables: { sku: {}, cal: {}, cheap: {} } },
} as const;
