// Reading schema files: each definition is run on a real server as well, and what we make of the text has to be what the
// server's information_schema says.

import { type Connection, createConnection, type RowDataPacket } from "mysql2/promise";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readDefinitions } from "../../../src/schema/ddl.ts";
import {
  COLUMN_FIELDS,
  COLUMN_ORDER,
  KEY_FIELDS,
  TableMaker,
  type TextRow,
} from "../../../src/schema/information-schema.ts";
import type { TableSchema } from "../../../src/schema/model.ts";
import type { Mysqld } from "../../../src/local/mysqld.ts";
import { startMysqld } from "../../fixture/cluster.ts";

const CASES: readonly { readonly name: string; readonly sql: readonly string[] }[] = [
  {
    name: "integers with their widths and synonyms",
    sql: [
      `CREATE TABLE n (a TINYINT, b SMALLINT UNSIGNED, c MEDIUMINT(5), d INT NOT NULL, e BIGINT UNSIGNED, f INTEGER ZEROFILL,
       g INT1, h INT2, i INT3, j INT4, k INT8, l MIDDLEINT, m BOOL, o BOOLEAN NOT NULL, p INT(3) UNSIGNED, q BIGINT SIGNED)`,
    ],
  },
  {
    name: "numbers with fractions",
    sql: [
      `CREATE TABLE n (a DECIMAL, b DECIMAL(5), c DEC(7,2), d NUMERIC(3,3) UNSIGNED, e FIXED(4,1), f FLOAT, g FLOAT(7),
       h FLOAT(30), i FLOAT(7,3), j DOUBLE, k DOUBLE PRECISION, l REAL(8,2) UNSIGNED, m FLOAT4, o FLOAT8, p BIT, q BIT(5))`,
    ],
  },
  {
    name: "times",
    sql: [
      "CREATE TABLE n (a DATE, b DATETIME, c DATETIME(3), d TIMESTAMP(6) NULL, e TIME, f TIME(2), g YEAR, h TIMESTAMP)",
    ],
  },
  {
    name: "texts and bytes",
    sql: [
      `CREATE TABLE n (a CHAR, b CHAR(5), c VARCHAR(20), d TEXT, e TINYTEXT, f MEDIUMTEXT, g LONGTEXT, h BINARY, i BINARY(16),
       j VARBINARY(30), k BLOB, l TINYBLOB, m MEDIUMBLOB, o LONGBLOB, p JSON, q ENUM('a','b''c'), r SET('x','y'),
       s LONG VARCHAR, t LONG VARBINARY, u CHARACTER VARYING(9), v NCHAR(3), w NATIONAL VARCHAR(4), x UUID, y INET6, z POINT)`,
    ],
  },
  {
    name: "character sets and collations",
    sql: [
      `CREATE TABLE n (a VARCHAR(5) CHARACTER SET latin1, b VARCHAR(5) COLLATE utf8mb4_bin, c CHAR(5) BINARY,
       d TEXT CHARSET latin1 COLLATE latin1_german1_ci NOT NULL, e CHAR(5) CHARACTER SET binary, f TEXT CHARACTER SET binary,
       g ENUM('a') CHARACTER SET latin1, h CHAR(5) ASCII, i CHAR(5) UNICODE, j VARCHAR(5) BYTE, k CHAR(3) CHARACTER SET latin1 BINARY,
       l VARCHAR(3) CHARSET utf8, m VARCHAR(3) CHARACTER SET ucs2)`,
      "CREATE TABLE o (a VARCHAR(5), b VARCHAR(5) CHARACTER SET utf8mb4) DEFAULT CHARSET=latin1 COLLATE=latin1_bin",
      "CREATE TABLE p (a VARCHAR(5), b TEXT) COLLATE utf8mb4_unicode_ci ENGINE=InnoDB",
      "CREATE TABLE q (a VARCHAR(5)) CHARACTER SET = latin1",
    ],
  },
  {
    name: "keys, their names and their order",
    sql: [
      `CREATE TABLE n (id BIGINT PRIMARY KEY AUTO_INCREMENT, a INT UNIQUE, b INT NOT NULL, c INT NOT NULL UNIQUE KEY, d VARCHAR(9),
       KEY (b), KEY (b, c), UNIQUE KEY named (d, b), INDEX i2 USING BTREE (d(3) DESC), CONSTRAINT u UNIQUE (b), FULLTEXT KEY ft (d))`,
      "CREATE TABLE o (A INT, B INT, PRIMARY KEY (b, a), UNIQUE (a))",
      "CREATE TABLE p (s SERIAL, t INT KEY)",
      "CREATE TABLE q (id BIGINT SERIAL DEFAULT VALUE, n INT)",
    ],
  },
  {
    name: "generated, invisible and defaulted columns",
    sql: [
      `CREATE TABLE n (a INT DEFAULT 5 COMMENT 'x', b INT GENERATED ALWAYS AS (a + 1) VIRTUAL, c INT AS (a * 2) STORED,
       d INT INVISIBLE DEFAULT 1, e TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
       f VARCHAR(9) DEFAULT (UPPER('a')), CHECK (a > 0), CONSTRAINT k CHECK (c < 9))`,
    ],
  },
  {
    name: "ALTER TABLE",
    sql: [
      "CREATE TABLE n (id INT PRIMARY KEY, a INT, b VARCHAR(10), c INT, KEY kb (b), KEY ka (a, c))",
      "ALTER TABLE n ADD COLUMN d DATE, ADD e INT NOT NULL FIRST, ADD COLUMN f INT AFTER a, ADD UNIQUE KEY ud (d)",
      "ALTER TABLE n DROP COLUMN c, MODIFY b VARCHAR(20) CHARACTER SET latin1, CHANGE a aa BIGINT UNSIGNED FIRST",
      "ALTER TABLE n ADD COLUMN IF NOT EXISTS d INT, DROP KEY kb, ADD INDEX (b), RENAME COLUMN d TO dd",
      "ALTER TABLE n RENAME INDEX ud TO uu, ADD (x INT, y INT, KEY kx (x)), DROP PRIMARY KEY, ADD PRIMARY KEY (dd)",
      "ALTER TABLE n CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
      "ALTER TABLE n RENAME TO m",
      "CREATE UNIQUE INDEX iy ON m (y)",
      "CREATE INDEX iz ON m (x, y)",
      "DROP INDEX kx ON m",
    ],
  },
  {
    name: "RENAME, DROP, LIKE, SELECT",
    sql: [
      "CREATE TABLE a (x INT UNSIGNED PRIMARY KEY, y VARCHAR(3) NOT NULL)",
      "CREATE TABLE b LIKE a",
      "CREATE TABLE c AS SELECT x, y AS z FROM a",
      "CREATE TABLE gone (x INT)",
      "DROP TABLE gone",
      "CREATE TABLE IF NOT EXISTS a (other INT)",
      "RENAME TABLE a TO t1, b TO a",
      "CREATE OR REPLACE TABLE c2 (n INT)",
      "CREATE TEMPORARY TABLE tmp (n INT)",
      "CREATE SEQUENCE s START WITH 5",
    ],
  },
  {
    name: "views of plain columns",
    sql: [
      "CREATE TABLE a (id INT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(9) NOT NULL COLLATE utf8mb4_bin, h INT INVISIBLE)",
      "CREATE TABLE b (id INT, w DECIMAL(9,2) UNSIGNED)",
      "CREATE VIEW v1 AS SELECT * FROM a",
      "CREATE VIEW v2 (x, y) AS SELECT v, id FROM a WHERE id > 1",
      "CREATE VIEW v3 AS SELECT a.id, b.w, a.v AS named, b.id AS bid FROM a JOIN b ON a.id = b.id",
      "CREATE VIEW v4 AS SELECT x, y FROM v2",
    ],
  },
];

describe("definitions read from text", () => {
  test("a view gives its query with the names of its column list", () => {
    const { tables } = readDefinitions("ks", [
      "CREATE TABLE a (id INT, v INT)",
      "CREATE VIEW v (x, y) AS SELECT v, id + 1 FROM a",
      "CREATE VIEW w AS SELECT id + 1, COUNT(*) AS n FROM a GROUP BY id",
      "CREATE VIEW star (p, q) AS SELECT * FROM a",
    ]);
    const byName = new Map(tables.map((table) => [table.name, table]));
    expect(byName.get("v")?.viewQuery).toBe("select v as x, id + 1 as y from a");
    expect(byName.get("w")?.columns.map(({ name, dataType }) => [name, dataType])).toEqual([
      ["id + 1", ""],
      ["n", ""],
    ]);
    expect(byName.get("star")).toMatchObject({ viewQuery: undefined, columns: [{ name: "p" }, { name: "q" }] });
  });

  test("Vitess's sequence tables are known by their comment", () => {
    const { tables } = readDefinitions("ks", ["CREATE TABLE s (id INT, next_id BIGINT) COMMENT 'vitess_sequence'"]);
    expect(tables).toMatchObject([{ name: "s", kind: "sequence" }]);
  });

  test("what cannot be read is told, and other statements are passed over", () => {
    const { tables, unread } = readDefinitions("ks", [
      "INSERT INTO t VALUES (1)",
      "CREATE TABLE t (a INT,)",
      "CREATE TABLE other.t2 (a INT)",
      "CREATE TABLE ks.t3 (a INT)",
      "CREATE TRIGGER tr BEFORE INSERT ON t3 FOR EACH ROW SET @a = 1",
    ]);
    expect(tables.map(({ name }) => name)).toEqual(["t3"]);
    expect(unread).toMatchObject([{ sql: "CREATE TABLE t (a INT,)" }]);
  });

  test("a view over what is not known is not known", () => {
    const { tables } = readDefinitions("ks", [
      "CREATE VIEW v AS SELECT * FROM elsewhere.t",
      "CREATE VIEW w AS SELECT t.a FROM elsewhere.t",
    ]);
    expect(tables).toMatchObject([{ name: "w", columns: [{ name: "a", dataType: "" }] }]);
  });
});

describe("the same as a server says", () => {
  let server: Mysqld;
  let connection: Connection;

  beforeAll(async () => {
    server = await startMysqld();
    connection = await createConnection({ socketPath: server.socketPath, user: "root", rowsAsArray: true });
  });

  afterAll(async () => {
    await connection?.end();
    await server?.stop();
  });

  test.each(CASES)("$name", async ({ sql }) => {
    await connection.query("DROP DATABASE IF EXISTS ks");
    await connection.query("CREATE DATABASE ks CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci");
    await connection.query("USE ks");
    for (const statement of sql) await connection.query(statement);
    const { tables, unread } = readDefinitions("ks", sql);
    expect(unread).toEqual([]);
    expect(tables.map(comparable)).toEqual((await serverTables()).map(comparable));
  });

  async function serverTables(): Promise<readonly TableSchema[]> {
    const maker = new TableMaker();
    const where = "WHERE TABLE_SCHEMA = 'ks'";
    const facts = await texts(`SELECT TABLE_NAME, TABLE_TYPE, TABLE_COMMENT FROM information_schema.TABLES ${where}`);
    const columns = await texts(
      `SELECT ${COLUMN_FIELDS} FROM information_schema.COLUMNS ${where} ORDER BY ${COLUMN_ORDER}`,
    );
    const keys = await texts(`SELECT ${KEY_FIELDS} FROM information_schema.STATISTICS ${where}`);
    return facts
      .map(([name, type, comment]) => {
        const rowsOf = (rows: readonly TextRow[]) => rows.filter(([table]) => table === name);
        const about = {
          name: name ?? "",
          type: type ?? "",
          comment: comment ?? "",
          viewQuery: undefined,
        };
        return maker.table(about, rowsOf(columns), rowsOf(keys));
      })
      .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  async function texts(sql: string): Promise<readonly TextRow[]> {
    const [rows] = await connection.query<RowDataPacket[][]>(sql);
    return rows.map((row) => row.map((cell: unknown) => textOf(cell)));
  }
});

function textOf(cell: unknown): string | null {
  return typeof cell === "string" ? cell : typeof cell === "number" ? cell.toString() : null;
}

/** The query of a view is not compared: a server prints its own. */
function comparable(table: TableSchema): TableSchema {
  return { ...table, viewQuery: undefined };
}
