// The reader against a live MariaDB: what the server refuses as syntax we refuse, reserved words are the server's, errors
// name the same place, and a statement and its printed form have the same answer there.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Connection } from "mysql2/promise";
import { messageOf, ShardgateError } from "../../src/base/errors.ts";
import { parse } from "../../src/sql/parse.ts";
import { print } from "../../src/sql/print.ts";
import type { Expr, Query, Statement } from "../../src/sql/tree.ts";
import { walk } from "../../src/sql/walk.ts";
import { isReserved } from "../../src/sql/words.ts";
import { countOf, type Random, randomOf, seedOf } from "../fuzz/random.ts";
import { corpusStatements, ownStatements } from "../fuzz/sql-statements.ts";
import { tablesOf } from "../../src/sql/tables.ts";
import { hasMariadbd, type Mariadbd, startMariadbd } from "./mariadbd.ts";

const statements = [...new Set([...ownStatements(), ...corpusStatements().map(({ sql }) => sql)])];

describe.skipIf(!hasMariadbd())("a live MariaDB", () => {
  let server: Mariadbd;
  let db: Connection;
  beforeAll(async () => {
    server = await startMariadbd();
    db = await server.connect("test");
  }, 300_000);
  afterAll(async () => {
    await db?.end();
    await server?.stop();
  });

  test("words are reserved exactly as there", async () => {
    const words = await column(db, "select word from information_schema.keywords where word regexp '^[A-Za-z_0-9]+$'");
    expect(words.length).toBeGreaterThan(500);
    const wrong: string[] = [];
    for (const word of words.map((each) => each.toLowerCase())) {
      // These may name columns but not stand alone as one; DUAL is a table of its own.
      if (["dual", "sql_buffer_result", "sql_cache", "sql_no_cache"].includes(word)) continue;
      const reserved = (await errnoOf(db, `prepare s from 'select 1 from ${word}'`)) === 1064;
      if (reserved !== isReserved(word, "mariadb")) wrong.push(`${word}: ${reserved ? "reserved" : "free"} there`);
    }
    expect(wrong).toEqual([]);
  });

  test("what we refuse is refused there", async () => {
    const wrong: string[] = [];
    for (const sql of statements) {
      if (refusal(sql) === undefined) continue;
      const errno = await prepareErrno(db, sql);
      if (errno !== 1064 && errno !== 1149 && !REFUSED_HERE_ONLY.has(sql)) wrong.push(`${sql} (errno ${errno})`);
    }
    expect(wrong.map((sql) => sql.slice(0, 300))).toEqual([]);
  });

  test("a syntax error names the same place", async () => {
    let same = 0;
    const other: string[] = [];
    for (const sql of MISTAKES) {
      const ours = refusal(sql);
      const theirs = await messageThere(db, sql);
      if (ours === theirs) same++;
      else other.push(`${JSON.stringify(sql)}\n  ours   ${ours}\n  theirs ${theirs}`);
    }
    expect(other).toEqual([]);
    expect(same).toBe(MISTAKES.length);
  });

  test("a statement without tables and its printed form give the same result", async () => {
    let compared = 0;
    const wrong: string[] = [];
    for (const sql of statements) {
      const tree = queryOf(sql);
      if (tree === undefined || tablesOf(tree).length > 0 || !isStable(tree)) continue;
      const before = await answer(db, sql);
      if (before === undefined) continue;
      const text = print(tree, undefined, { columnNames: true });
      const after = await answer(db, text);
      compared++;
      if (after !== before) wrong.push(`${sql}\n  printed ${text}\n  ${before}\n  ${after}`);
    }
    process.stdout.write(`compared results of ${compared} statements\n`);
    expect(wrong).toEqual([]);
    expect(compared).toBeGreaterThan(corpusStatements().length === 0 ? 80 : 500);
  }, 300_000);

  test("operators bind as they do there", async () => {
    const seed = seedOf(20_240_503);
    const random = randomOf(seed);
    const wrong: string[] = [];
    let read = 0;
    for (let run = 0; run < countOf("SQL_OPERATORS", 3_000) && wrong.length < 10; run++) {
      const text = operators(random);
      const theirs = await answer(db, `select ${text} as x`);
      const tree = queryOf(`select ${text} as x`);
      if (theirs === undefined || tree === undefined) {
        if (theirs !== undefined || tree !== undefined) wrong.push(`seed ${seed}: ${text} is read by one only`);
        continue;
      }
      read++;
      const ours = await answer(db, print(tree));
      if (ours !== theirs) wrong.push(`seed ${seed}: ${text}\n  printed ${print(tree)}\n  ${theirs}\n  ${ours}`);
    }
    expect(wrong).toEqual([]);
    expect(read).toBeGreaterThan(1_000);
  }, 300_000);

  test("a statement over tables and its printed form prepare alike", async () => {
    for (const sql of TABLES) await db.query(sql);
    let prepared = 0;
    const wrong: string[] = [];
    for (const sql of statements) {
      let tree: Statement;
      try {
        tree = parse(sql);
      } catch {
        continue;
      }
      if (
        !["select", "union", "values", "insert", "update", "delete", "set", "show", "explain", "do"].includes(tree.kind)
      )
        continue;
      const before = await prepareErrno(db, sql);
      if (before === 1064) continue;
      const text = print(tree);
      const after = await prepareErrno(db, text);
      if (before === 0) prepared++;
      if (before !== after) wrong.push(`${sql}\n  printed ${text}\n  errno ${before}, then ${after}`);
    }
    process.stdout.write(`prepared ${prepared} statements in both forms\n`);
    expect(wrong).toEqual([]);
    expect(prepared).toBeGreaterThan(300);
  }, 300_000);
});

/** Statements that MariaDB's grammar lets pass, to refuse them later or to mean something else. */
const REFUSED_HERE_ONLY: ReadonlySet<string> = new Set([
  "create table a",
  "CREATE TABLE a",
  "create table a (a int, b char, c garbage)",
  "SELECT product, country_id , year, SUM(profit) FROM t1 GROUP BY product, country_id, year WITH CUBE UNION ALL SELECT product, country_id , year, SUM(profit) FROM t1 GROUP BY product, country_id, year WITH ROLLUP",
]);

const MISTAKES: readonly string[] = [
  "selec 1",
  "select",
  "select 1 1",
  "select 1 from",
  "select 1 from t1 where",
  "select * from t1 where a = = 1",
  "select * fro t1",
  "select a,, b from t1",
  "select (1",
  "select 1)",
  "select 1\nfrom t1\nwhere a =\n  and b",
  "insert into t1 values (1, 2",
  "insert into t1 value 1",
  "insert t1 (a) set a = 1",
  "update t1 a = 1",
  "update t1 set where a = 1",
  "delete t1 where a = 1",
  "select 'abc from t1",
  "select `abc from t1",
  "select 1 /* abc",
  "select a from t1 order a",
  "select a from t1 group a",
  "select a from t1 limit -1",
  "select case when 1 then 2",
  "select * from t1 left join t2",
  "select * from (t1",
  "select count(* from t1",
  "select 1 union",
  "select 1 union union select 2",
  "create tabel t1 (a int)",
  "drop tabl t1",
  "set = 1",
  "set a",
  "show foo bar",
  "select @@",
  "\n\n  select\n 1 +\n\n from x",
  `select ${"a, ".repeat(40)} from from t1`,
  "select 0 from t1 where select",
  "explain foo bar baz",
  "with a as (select 1)",
  "with a (select 1) select 1",
];

const TABLES: readonly string[] = [
  "create table t1 (a int, b int, c int, d datetime, id int, doc json, key i1 (a), key i2 (b), fulltext (x), x text)",
  "create table t2 like t1",
  "create table t3 like t1",
  "create database ks",
  "create table ks.t1 like t1",
  "create sequence s1",
];

const INFIX = [
  "+",
  "-",
  "*",
  "div",
  "%",
  "^",
  "|",
  "&",
  "<<",
  ">>",
  "=",
  "<=>",
  "<",
  ">=",
  "!=",
  "and",
  "or",
  "xor",
  "&&",
  "||",
  "like",
  "not like",
  "regexp",
  "not regexp",
  "sounds like",
];
const POSTFIX = ["is null", "is true", "is not false", "is unknown", "collate utf8mb4_bin"];
const PREFIX = ["", "", "", "-", "~", "!", "not ", "binary ", "- -"];

/** Operators and small operands without a parenthesis. */
function operators(random: Random): string {
  const operand = (): string => random.pick(PREFIX) + random.pick(["0", "1", "2", "3", "null", "7"]);
  let text = operand();
  for (let left = 1 + random.int(4); left > 0; left--) {
    const not = random.pick(["", "not "]);
    switch (random.int(8)) {
      case 0:
        text += ` ${not}between ${operand()} and ${operand()}`;
        break;
      case 1:
        text += ` ${not}in (${operand()}, ${operand()})`;
        break;
      case 2:
        text += ` ${random.pick(POSTFIX)}`;
        break;
      default:
        text += ` ${random.pick(INFIX)} ${operand()}`;
    }
  }
  return text;
}

function refusal(sql: string): string | undefined {
  try {
    parse(sql);
    return undefined;
  } catch (error) {
    if (error instanceof ShardgateError) return error.message;
    throw error;
  }
}

function queryOf(sql: string): Query | undefined {
  try {
    const tree = parse(sql);
    return (tree.kind === "select" || tree.kind === "union") && tree.into === undefined ? tree : undefined;
  } catch {
    return undefined;
  }
}

/** Gives the same answer each time: no clocks, no randomness, no waiting, no user variables. */
function isStable(tree: Query): boolean {
  let stable = true;
  walk(tree, (node) => {
    if (node.kind === "assign" || node.kind === "userVariable") stable = false;
    if (node.kind === "call" && UNSTABLE.test(node.name)) stable = false;
    if (
      node.kind === "systemVariable" &&
      /timestamp|rand_seed|pseudo|last_insert|insert_id|identity|warning|error_count|version|in_transaction|datadir|pid|socket|hostname/.test(
        node.name,
      )
    )
      stable = false;
    return stable;
  });
  return stable;
}

const UNSTABLE =
  /^(now|sysdate|rand|uuid|uuid_short|curdate|curtime|current_|local|utc_|unix_timestamp|sleep|benchmark|connection_id|get_lock|release|is_.*_lock|encrypt|password|random_bytes|last_insert_id|row_count|found_rows|load_file|master_|sys_guid|from_unixtime|time_format)/;

async function errnoOf(db: Connection, sql: string, values: Expr[] = []): Promise<number> {
  try {
    await db.query(sql, values);
    return 0;
  } catch (error) {
    return typeof error === "object" && error !== null && "errno" in error ? Number(error.errno) : -1;
  }
}

async function prepareErrno(db: Connection, sql: string): Promise<number> {
  try {
    await db.query("prepare s from ?", [sql]);
    return 0;
  } catch (error) {
    return typeof error === "object" && error !== null && "errno" in error ? Number(error.errno) : -1;
  }
}

async function messageThere(db: Connection, sql: string): Promise<string> {
  try {
    await db.query(sql);
    return "";
  } catch (error) {
    return messageOf(error);
  }
}

/** Columns and rows as text; undefined when the server refuses the statement. */
async function answer(db: Connection, sql: string): Promise<string | undefined> {
  try {
    const [rows, fields] = await db.query(sql);
    return JSON.stringify([fields?.map((field) => [field.name, field.columnType ?? field.type]), rows]);
  } catch (error) {
    const errno = typeof error === "object" && error !== null && "errno" in error ? Number(error.errno) : -1;
    return errno === 1064 ? undefined : `errno ${errno}`;
  }
}

async function column(db: Connection, sql: string): Promise<string[]> {
  const [rows] = await db.query(sql);
  return Array.isArray(rows) ? rows.flatMap((row: unknown) => (Array.isArray(row) ? [String(row[0])] : [])) : [];
}
