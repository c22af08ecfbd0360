// What is asked of a real mysqld: the checksum of a table changes with everything a definition has, the definitions are what
// was defined, and the counters move with every kind of DDL.

import { type Connection, createConnection } from "mysql2/promise";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { SchemaSource } from "../../../src/tablet/schema-source.ts";
import type { Mysqld } from "../../../src/local/mysqld.ts";
import { startMysqld } from "../../fixture/cluster.ts";

describe("SchemaSource", () => {
  let server: Mysqld;
  let client: Connection;
  let tracking: Connection;
  let source: SchemaSource;
  let asked: string[];

  beforeAll(async () => {
    server = await startMysqld();
    client = await connect();
    tracking = await connect();
  });

  afterAll(async () => {
    await client?.end();
    await tracking?.end();
    await server?.stop();
  });

  beforeEach(async () => {
    await run("DROP DATABASE IF EXISTS ks", "CREATE DATABASE ks CHARACTER SET utf8mb4", "USE ks");
    asked = [];
    source = new SchemaSource("ks", async (sql, values) => {
      asked.push(sql);
      const [rows] = await tracking.query(sql, [...values]);
      const list = Array.isArray(rows) ? (rows as unknown[]) : [];
      return { connectionId: tracking.threadId, rows: list.map((row) => (row as unknown[]).map(textOf)) };
    });
  });

  test.each([
    "ALTER TABLE t ADD COLUMN z INT, ALGORITHM=INSTANT",
    "ALTER TABLE t RENAME COLUMN b TO bb",
    "ALTER TABLE t RENAME COLUMN b TO B",
    "ALTER TABLE t MODIFY b VARCHAR(30)",
    "ALTER TABLE t MODIFY b VARCHAR(20) CHARACTER SET latin1",
    "ALTER TABLE t MODIFY b VARCHAR(20) COLLATE utf8mb4_bin",
    "ALTER TABLE t MODIFY b VARCHAR(20) NOT NULL",
    "ALTER TABLE t MODIFY b VARCHAR(20) INVISIBLE",
    "ALTER TABLE t MODIFY b VARCHAR(20) FIRST",
    "ALTER TABLE t MODIFY e ENUM('a','b','c')",
    "ALTER TABLE t MODIFY id INT AUTO_INCREMENT",
    "ALTER TABLE t ADD g INT AS (id + 1) VIRTUAL",
    "ALTER TABLE t ADD UNIQUE KEY (b)",
    "ALTER TABLE t DROP KEY kb",
    "ALTER TABLE t DROP KEY kb, ADD UNIQUE KEY kb (b)",
    "ALTER TABLE t RENAME KEY kb TO kb2",
    "ALTER TABLE t DROP COLUMN e",
    "CREATE OR REPLACE VIEW t2 AS SELECT 1 AS id",
    "CREATE INDEX i ON t (e)",
    "DROP TABLE t",
    "CREATE OR REPLACE TABLE t (id INT)",
    "RENAME TABLE t TO t3",
    "CREATE OR REPLACE VIEW v AS SELECT id AS b, b AS id FROM t",
    "CREATE OR REPLACE VIEW v AS SELECT id, b FROM t WHERE id > 5",
    "ALTER VIEW v AS SELECT id, b FROM t WHERE id > 6",
    "ALTER VIEW v AS SELECT id, b FROM t WHERE id > 6 WITH LOCAL CHECK OPTION",
    "DROP VIEW v",
    "CREATE SEQUENCE s",
    "CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET @a = NEW.id",
  ])("notices %s", async (sql) => {
    await run(
      "CREATE TABLE t (id INT PRIMARY KEY, b VARCHAR(20), e ENUM('a','b'), KEY kb (b))",
      "CREATE TABLE other (id INT)",
      "CREATE VIEW v AS SELECT id, b FROM t",
    );
    const activity = await source.activity();
    const before = await source.signatures();
    expect([...before.keys()].toSorted()).toEqual(["other", "t", "v"]);
    expect(await source.signatures()).toEqual(before);
    expect(await source.activity()).toBe(activity);
    await run(sql);
    const after = await source.signatures();
    expect(await source.activity()).not.toBe(activity);
    const changed = [...new Set([...before.keys(), ...after.keys()])].filter(
      (name) => before.get(name) !== after.get(name),
    );
    expect(changed.length).toBeGreaterThan(0);
    expect(changed).not.toContain("other");
  });

  test("a view's columns change with its table", async () => {
    await run("CREATE TABLE t (id INT)", "CREATE VIEW v AS SELECT id FROM t");
    const before = await source.signatures();
    await run("ALTER TABLE t MODIFY id BIGINT");
    expect((await source.signatures()).get("v")).not.toBe(before.get("v"));
  });

  test("definitions of the tables named, views with their query, nothing for a broken view", async () => {
    await run(
      "CREATE TABLE `T` (a INT)",
      "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, n VARCHAR(5) COLLATE utf8mb4_bin, h INT INVISIBLE, UNIQUE (n))",
      "CREATE TABLE `odd'na``me` (a INT)",
      "CREATE TABLE gone (a INT)",
      "CREATE VIEW v AS SELECT id, n AS m FROM t",
      "CREATE VIEW broken AS SELECT a FROM gone",
      "CREATE SEQUENCE s",
      "DROP TABLE gone",
    );
    const found = await source.definitions(["t", "odd'na`me", "v", "broken", "s", "nobody"]);
    expect(found.map(({ name, kind }) => `${name} ${kind}`).toSorted()).toEqual([
      "odd'na`me table",
      "s sequence",
      "t table",
      "v view",
    ]);
    const table = found.find(({ name }) => name === "t");
    expect(table?.columns).toMatchObject([
      { name: "id", dataType: "int", autoIncrement: true, nullable: false },
      { name: "n", columnType: "varchar(5)", charset: "utf8mb4", collation: "utf8mb4_bin" },
      { name: "h", invisible: true },
    ]);
    expect(table?.keys).toEqual([
      { name: "PRIMARY", unique: true, columns: ["id"] },
      { name: "n", unique: true, columns: ["n"] },
    ]);
    expect(found.find(({ name }) => name === "v")?.viewQuery).toContain("AS `m`");
    expect(found.map(({ viewCheck }) => viewCheck)).toEqual(found.map(() => undefined));
    expect((await source.signatures()).get("T")).not.toBe((await source.signatures()).get("t"));
    expect([...(await source.signatures(["t"])).keys()]).toEqual(["t"]);
  });

  test("what programs set is told of the tables and views that run them, however deep", async () => {
    await run(
      "CREATE TABLE a (id INT)",
      "CREATE TABLE b (id INT)",
      "CREATE TABLE c (id INT)",
      "CREATE PROCEDURE inner_p() SET @deep = 1",
      "CREATE FUNCTION f() RETURNS INT BEGIN SET SESSION lock_wait_timeout = 9; RETURN 1; END",
      "CREATE VIEW v AS SELECT f() AS f",
      "CREATE VIEW bv AS SELECT id FROM b",
      "CREATE VIEW plain AS SELECT id FROM c",
      "CREATE TRIGGER ta AFTER INSERT ON a FOR EACH ROW INSERT INTO bv VALUES (NEW.id)",
      "CREATE TRIGGER tb AFTER INSERT ON b FOR EACH ROW CALL inner_p()",
      "CREATE TRIGGER tc AFTER INSERT ON c FOR EACH ROW DELETE FROM nobody",
    );
    const names = ["a", "b", "c", "v", "bv", "plain"];
    const found = await source.definitions(names);
    const set = names.map((name) => found.find((table) => table.name === name)?.triggerVariables);
    expect(set).toEqual([["deep"], ["deep"], undefined, ["@@"], ["deep"], undefined]);
    const before = await source.signatures();
    const activity = await source.activity();
    await run("CREATE OR REPLACE PROCEDURE inner_p() SET @deeper = 1");
    expect(await source.activity()).not.toBe(activity);
    const after = await source.signatures();
    expect(names.filter((name) => before.get(name) !== after.get(name))).toEqual(["a", "b", "bv"]);
  });

  test("many tables are read in several queries", async () => {
    const names = Array.from({ length: 250 }, (_, i) => `t${i}`);
    for (const name of names) await run(`CREATE TABLE ${name} (id INT PRIMARY KEY)`);
    asked.length = 0;
    const found = await source.definitions(names);
    expect(found.map(({ name }) => name).toSorted()).toEqual(names.toSorted());
    expect(asked.length).toBeLessThan(20);
    expect(await source.rowCounts(names.slice(0, 3))).toEqual(
      new Map([
        ["t0", 0],
        ["t1", 0],
        ["t2", 0],
      ]),
    );
  });

  test("a definition that is being changed is seen", async () => {
    await run("CREATE TABLE t (id INT)", "INSERT INTO t VALUES (1)");
    expect(await source.isChanging()).toBe(false);
    const locker = await connect("ks");
    const changer = await connect("ks");
    await locker.query("BEGIN");
    await locker.query("SELECT * FROM t");
    const altering = changer.query("ALTER TABLE t ADD COLUMN v INT");
    const deadline = Date.now() + 60_000;
    while (!(await source.isChanging()) && Date.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await source.isChanging()).toBe(true);
    await locker.query("COMMIT");
    await altering;
    while ((await source.isChanging()) && Date.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await source.isChanging()).toBe(false);
    await locker.end();
    await changer.end();
  });

  function connect(database?: string): Promise<Connection> {
    const options = { socketPath: server.socketPath, user: "root", rowsAsArray: true, charset: "utf8mb4" };
    return createConnection(database === undefined ? options : { ...options, database });
  }

  async function run(...statements: readonly string[]): Promise<void> {
    for (const sql of statements) await client.query(sql);
  }
});

function textOf(cell: unknown): string | null {
  if (typeof cell === "string") return cell;
  return typeof cell === "number" || typeof cell === "bigint" ? cell.toString() : null;
}
