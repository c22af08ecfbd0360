// Outer joins made inner: which ones, and that a MariaDB gives the same rows before and after.
// OUTER_JOINS=3000 FUZZ_SEED=7 npx vitest run test/unit/plan/outer-joins.test.ts

import mysql, { type Connection } from "mysql2/promise";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Mysqld } from "../../../src/local/mysqld.ts";
import { simplifyOuterJoins } from "../../../src/plan/outer-joins.ts";
import { scopeOf } from "../../../src/plan/scope.ts";
import { NO_SCHEMA } from "../../../src/schema/model.ts";
import { parse } from "../../../src/sql/parse.ts";
import { print } from "../../../src/sql/print.ts";
import { DEFAULT_SQL_MODE, type Select } from "../../../src/sql/tree.ts";
import { checkVSchema } from "../../../src/vschema/parse-vschema.ts";
import { startMysqld } from "../../fixture/cluster.ts";
import { countOf, type Random, randomOf, seedOf } from "../../fuzz/random.ts";

function selectOf(sql: string): Select {
  const statement = parse(sql, DEFAULT_SQL_MODE);
  if (statement.kind !== "select") throw new Error(sql);
  return statement;
}

const known = (...columns: string[]): object => ({
  columns: columns.map((name) => ({ name })),
  column_list_authoritative: true,
});
const parsed = checkVSchema("k", {
  tables: { a: known("x", "y"), b: known("x", "y"), c: known("x", "y"), d: known("x", "y"), e: known("x", "z") },
});
if (parsed.kind === "bad") throw new Error(JSON.stringify(parsed));
const CONTEXT = {
  schema: NO_SCHEMA,
  vschema: {
    keyspaces: new Map([["k", parsed.vschema]]),
    routingRules: [],
    shardRoutingRules: [],
    keyspaceRoutingRules: [],
    mirrorRules: [],
  },
  keyspace: "k",
  rows: new Map(),
};

function withInner(select: Select): Select {
  return simplifyOuterJoins(select, scopeOf(select, CONTEXT));
}

/** Kinds of the joins, in the order of the text. */
function joinsOf(sql: string): string {
  const text = print(withInner(selectOf(sql)));
  return (text.match(/(?:left |right |inner |cross )?join/gi) ?? [])
    .map((join) => join.replace(/ ?join/i, "") || "inner")
    .join(" ");
}

describe("outer joins", () => {
  test.each([
    ["a LEFT JOIN b ON a.x = b.x WHERE b.y = 1", "inner"],
    ["a LEFT JOIN b ON a.x = b.x WHERE a.y = 1", "left"],
    ["a LEFT JOIN b ON a.x = b.x WHERE y = 1", "left"],
    ["a LEFT JOIN b ON a.x = b.x WHERE b.y IS NOT NULL", "inner"],
    ["a LEFT JOIN b ON a.x = b.x WHERE b.y IS NULL", "left"],
    ["a LEFT JOIN b ON a.x = b.x WHERE NOT (b.y IS NULL)", "inner"],
    ["a LEFT JOIN b ON a.x = b.x WHERE b.y <=> 1", "left"],
    ["a LEFT JOIN b ON a.x = b.x WHERE COALESCE(b.y, 1) = 1", "left"],
    ["a LEFT JOIN b ON a.x = b.x WHERE ABS(b.y) + 1 > a.y", "inner"],
    ["a LEFT JOIN b ON a.x = b.x WHERE b.y = 1 OR a.y = 1", "left"],
    ["a LEFT JOIN b ON a.x = b.x WHERE b.y = 1 OR b.x < 3", "inner"],
    ["a LEFT JOIN b ON a.x = b.x WHERE NOT (b.y = 1 AND a.y = 1)", "left"],
    ["a LEFT JOIN b ON a.x = b.x WHERE NOT (b.y = 1 OR a.y = 1)", "inner"],
    ["a LEFT JOIN b ON a.x = b.x WHERE b.y IN (1, 2)", "inner"],
    ["a LEFT JOIN b ON a.x = b.x WHERE b.y NOT IN (1, 2)", "inner"],
    ["a LEFT JOIN b ON a.x = b.x WHERE b.y IN (SELECT x FROM c)", "inner"],
    ["a LEFT JOIN b ON a.x = b.x WHERE b.y NOT IN (SELECT x FROM c)", "left"],
    ["a LEFT JOIN b ON a.x = b.x WHERE b.y > ALL (SELECT x FROM c)", "left"],
    ["a LEFT JOIN b ON a.x = b.x WHERE a.y BETWEEN b.x AND 5", "inner"],
    ["a LEFT JOIN b ON a.x = b.x WHERE a.y NOT BETWEEN b.x AND 5", "left"],
    ["a LEFT JOIN b ON a.x = b.x WHERE (b.y = 1) IS NOT TRUE", "left"],
    ["a LEFT JOIN b ON a.x = b.x WHERE (b.y = 1) IS FALSE", "inner"],
    ["a LEFT JOIN b ON a.x = b.x WHERE (a.y, b.y) = (1, 2)", "inner"],
    // Of rows, (1, NULL) < (2, 0) is true, but MySQL has made the join inner before it asks.
    ["a LEFT JOIN b ON a.x = b.x WHERE (a.y, b.y) < (1, 2)", "inner"],
    ["a LEFT JOIN b ON a.x = b.x WHERE a.x > 1 AND (a.y, b.y) < (1, 2)", "inner"],
    ["a LEFT JOIN b ON a.x = b.x WHERE ((a.y, b.y) < (1, 2)) IS TRUE", "inner"],
    ["a LEFT JOIN b ON a.x = b.x WHERE ((a.y, b.y) < (1, 2)) IS NOT FALSE", "left"],
    ["a LEFT JOIN b ON a.x = b.x WHERE (a.y, b.y) <=> (1, 2)", "left"],
    ["a LEFT JOIN b ON a.x = b.x WHERE (a.y, b.y) NOT IN ((1, 2))", "inner"],
    ["a LEFT JOIN b ON a.x = b.x WHERE (a.y, b.y) NOT IN (SELECT 1, 2)", "left"],
    ["a LEFT JOIN e ON a.x = e.x WHERE z = 1", "inner"],
    ["(SELECT b.x FROM a LEFT JOIN b ON a.x = b.x WHERE b.y = 1) s", "inner"],
    ["a WHERE EXISTS (SELECT 1 FROM b LEFT JOIN c ON b.x = c.x WHERE c.y = a.y)", "inner"],
    ["a WHERE EXISTS (SELECT 1 FROM b LEFT JOIN c ON b.x = c.x WHERE b.y = a.y)", "left"],
    ["a LEFT JOIN b ON a.x = b.x WHERE a.y IN (SELECT x FROM c WHERE c.y = b.y)", "left"],
    ["a RIGHT JOIN b ON a.x = b.x WHERE a.y = 1", "inner"],
    ["a RIGHT JOIN b USING (x) WHERE a.y = 1", "right"],
    ["a LEFT JOIN b USING (x) WHERE b.y = 1", "inner"],
    ["a LEFT JOIN b ON a.x = b.x LEFT JOIN c ON b.x = c.x WHERE c.y = 1", "inner inner"],
    ["a LEFT JOIN b ON a.x = b.x LEFT JOIN c ON b.x = c.x WHERE b.y = 1", "inner left"],
    ["a LEFT JOIN b ON a.x = b.x JOIN c ON b.x = c.x", "inner inner"],
    ["a LEFT JOIN b ON a.x = b.x LEFT JOIN c ON b.x = c.x", "left left"],
    ["a LEFT JOIN (b LEFT JOIN c ON b.x = c.x) ON a.x = c.y", "left inner"],
    ["a LEFT JOIN (b LEFT JOIN c ON b.x = c.x) ON a.x = b.y WHERE c.x = 1", "inner inner"],
    ["a LEFT JOIN (SELECT 1 AS x) d ON a.x = d.x WHERE d.x > 0", "inner"],
  ])("%s: %s", (from, joins) => {
    expect(joinsOf(`SELECT 1 FROM ${from}`)).toBe(joins);
  });

  test("a select without any is the same object", () => {
    const select = selectOf("SELECT 1 FROM a JOIN b ON a.x = b.x WHERE b.y = 1");
    expect(withInner(select)).toBe(select);
  });
});

describe("against a MariaDB", () => {
  let server: Mysqld;
  let db: Connection;
  beforeAll(async () => {
    server = await startMysqld();
    db = await mysql.createConnection({ socketPath: server.socketPath, user: "root", rowsAsArray: true });
    await db.query("CREATE DATABASE k");
    await db.query("USE k");
  });
  afterAll(async () => {
    await db?.end();
    await server?.stop();
  });

  test("random joins", async () => {
    const seed = seedOf(20_240_613);
    const count = countOf("OUTER_JOINS", 600);
    const random = randomOf(seed);
    const wrong: string[] = [];
    let simplified = 0;
    for (let run = 0; run < count && wrong.length < 5; run++) {
      if (run % 100 === 0) await fill(db, random);
      const sql = randomSelect(random);
      const select = selectOf(sql);
      const after = withInner(select);
      if (after === select) continue;
      simplified++;
      const text = print(after);
      const [expected, got] = [await rowsOf(db, sql), await rowsOf(db, text)];
      if (expected !== got) wrong.push(`seed ${seed} run ${run}: ${sql}\n  as ${text}\n  ${expected}\n  ${got}`);
    }
    expect(wrong).toEqual([]);
    expect(simplified).toBeGreaterThan(count / 8);
  });
});

const TABLES = ["a", "b", "c", "d"];

async function fill(db: Connection, random: Random): Promise<void> {
  for (const table of TABLES) {
    await db.query(`CREATE OR REPLACE TABLE ${table} (x int, y int)`);
    const value = (): string => (random.chance(0.2) ? "NULL" : String(random.int(4)));
    const rows = Array.from({ length: 2 + random.int(4) }, () => `(${value()}, ${value()})`);
    await db.query(`INSERT INTO ${table} VALUES ${rows.join(", ")}`);
  }
}

async function rowsOf(db: Connection, sql: string): Promise<string> {
  const [rows] = await db.query(sql);
  return JSON.stringify(Array.isArray(rows) ? rows.map((row) => JSON.stringify(row)).toSorted() : rows);
}

function randomSelect(random: Random): string {
  const tables = TABLES.slice(0, 2 + random.int(3));
  const where = random.chance(0.9) ? ` WHERE ${condition(random, tables, 2)}` : "";
  return `SELECT * FROM ${joined(random, tables)}${where}`;
}

function joined(random: Random, tables: readonly string[]): string {
  const [only] = tables;
  if (tables.length === 1 && only !== undefined) return only;
  const at = 1 + random.int(tables.length - 1);
  const left = joined(random, tables.slice(0, at));
  const right = joined(random, tables.slice(at));
  const type = random.pick(["LEFT JOIN", "LEFT JOIN", "RIGHT JOIN", "JOIN"]);
  return `(${left} ${type} ${right} ON ${condition(random, tables, 1)})`;
}

function condition(random: Random, tables: readonly string[], depth: number): string {
  const some = (): string => condition(random, tables, depth - 1);
  const column = (): string => `${random.pick(tables)}.${random.pick(["x", "y"])}`;
  const value = (): string => (random.chance(0.5) ? column() : String(random.int(4)));
  if (depth > 0 && random.chance(0.6)) {
    return random.pick([
      () => `(${some()} AND ${some()})`,
      () => `(${some()} OR ${some()})`,
      () => `NOT (${some()})`,
      () => `(${some()}) IS ${random.pick(["TRUE", "FALSE", "NOT TRUE", "NOT FALSE", "UNKNOWN", "NOT UNKNOWN"])}`,
      () => `(${some()} XOR ${some()})`,
    ])();
  }
  const not = random.chance(0.3) ? "NOT " : "";
  return random.pick([
    () => `${column()} ${random.pick(["=", "<", ">=", "<>", "<=>"])} ${value()}`,
    () => `${column()} IS ${not}NULL`,
    () => `${column()} ${not}IN (${value()}, ${value()})`,
    () => `${column()} ${not}IN (SELECT x FROM d AS q WHERE q.y = 9)`,
    () => `${value()} ${not}BETWEEN ${value()} AND ${column()}`,
    () => `COALESCE(${column()}, ${value()}) = ${value()}`,
    () => `ABS(${column()}) + ${value()} > ${value()}`,
    () => `(${column()}, ${column()}) ${random.pick(["=", "<", "<>", "<=>"])} (${value()}, ${value()})`,
    () => `(${column()}, ${column()}) ${not}IN ((${value()}, ${value()}), (1, 2))`,
    () => `${column()} > ${random.pick(["ANY", "ALL"])} (SELECT x FROM d AS q WHERE q.y > 2)`,
    () => `CASE WHEN ${column()} = 1 THEN 1 ELSE 0 END = ${random.int(2)}`,
  ])();
}
