// Whatever the evaluator says is what a MariaDB says, in value and type; the rest it leaves alone.
// EVAL_EXPRESSIONS=20000 FUZZ_SEED=7 npx vitest run test/unit/eval

import mysql, { type Connection, type FieldPacket, type RowDataPacket } from "mysql2/promise";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { evaluate, evaluateCondition, mayBeEvaluable } from "../../../src/eval/evaluate.ts";
import type { Value } from "../../../src/mysql/values.ts";
import { normalize } from "../../../src/sql/normalize.ts";
import { parse } from "../../../src/sql/parse.ts";
import { DEFAULT_SQL_MODE, type Expr } from "../../../src/sql/tree.ts";
import type { Mysqld } from "../../../src/local/mysqld.ts";
import { startMysqld } from "../../fixture/cluster.ts";
import { countOf, randomOf, seedOf } from "../../fuzz/random.ts";
import { randomExpression } from "./expression-maker.ts";

/** The value of an expression as a client writes it: literals have become bind variables. */
function valueOf(sql: string): Value | undefined {
  const { key, binds } = normalize(Buffer.from(`SELECT 1 FROM t WHERE ${sql}`), DEFAULT_SQL_MODE);
  const statement = parse(key, DEFAULT_SQL_MODE);
  if (statement.kind !== "select" || statement.where === undefined) throw new Error(key);
  return evaluate(statement.where, binds);
}

function shown(value: Value | undefined): string {
  return value === undefined ? "none" : `${value.type} ${value.raw.toString()}`.trim();
}

function exprOf(sql: string): Expr {
  const statement = parse(`SELECT ${sql}`, DEFAULT_SQL_MODE);
  const item = statement.kind === "select" ? statement.items[0] : undefined;
  if (item?.kind !== "expr") throw new Error(sql);
  return item.expr;
}

describe("values", () => {
  test.each([
    ["1 + 1", "INT64 2"],
    ["2 * 3 - 1", "INT64 5"],
    ["-(-5)", "INT64 5"],
    ["9223372036854775807 + 1", "none"],
    ["9223372036854775808 + 1", "UINT64 9223372036854775809"],
    ["-9223372036854775808", "INT64 -9223372036854775808"],
    ["1 - 18446744073709551615", "none"],
    ["-7 DIV 2", "INT64 -3"],
    ["-7 % 3", "INT64 -1"],
    ["7 DIV 0", "NULL_TYPE"],
    ["7 / 2", "none"],
    ["1.50 + 1", "DECIMAL 2.50"],
    [".5 * 2", "DECIMAL 1.0"],
    ["-0.5", "DECIMAL -0.5"],
    ["-0.0", "DECIMAL 0.0"],
    ["18446744073709551616 + 1", "DECIMAL 18446744073709551617"],
    ["1e0 + 1", "none"],
    ["'5' + 1", "none"],
    ["1 = 0", "INT64 0"],
    ["1 = NULL", "NULL_TYPE"],
    ["NULL <=> NULL", "INT64 1"],
    ["'a' = 'a'", "INT64 1"],
    ["'a' = 'A'", "none"],
    ["1 IN (2, NULL, 1)", "INT64 1"],
    ["1 NOT IN (2, NULL)", "NULL_TYPE"],
    ["3 BETWEEN 1 AND 2.5", "INT64 0"],
    ["NULL IS NULL", "INT64 1"],
    ["0 AND NULL", "INT64 0"],
    ["IF(1, 5, 2.25)", "DECIMAL 5.00"],
    ["IF(1, 5, 'a')", "none"],
    ["COALESCE(NULL, 5)", "INT64 5"],
    ["CASE 2 WHEN 1 THEN 'x' WHEN 2 THEN 'y' END", "VARCHAR y"],
    ["NULLIF(5, 5)", "NULL_TYPE"],
    ["CAST('0000000000000000000042' AS UNSIGNED)", "UINT64 42"],
    ["CAST(-1 AS UNSIGNED)", "none"],
    ["CAST('5x' AS SIGNED)", "none"],
    ["RAND()", "none"],
    ["NOW()", "none"],
    ["@x", "none"],
    ["c", "none"],
    ["(SELECT 1)", "none"],
    ["x'41'", "none"],
    ["`if`(1, 2, 3)", "none"],
  ])("%s is %s", (sql, value) => {
    expect(shown(valueOf(sql))).toBe(value);
  });

  test.each([
    ["1 + ?", false],
    ["1 + c", false],
    ["LEAST(1, 2)", false],
    ["CAST(1 AS CHAR)", false],
    ["1 + 2 * 3", true],
    ["COALESCE(NULL, 1) IN (1, 2)", true],
  ])("%s may be evaluable: %s", (sql, wanted) => {
    expect(mayBeEvaluable(exprOf(sql))).toBe(wanted);
  });

  test("conditions have three values", () => {
    expect(
      ["1 = 1", "1 = 2", "1 = NULL", "'a'", "0.0", "0.1"].map((sql) => evaluateCondition(exprOf(sql), [])),
    ).toEqual([true, false, "null", undefined, false, true]);
  });
});

describe("against a MariaDB", () => {
  let server: Mysqld;
  let db: Connection;
  beforeAll(async () => {
    server = await startMysqld();
    db = await mysql.createConnection({
      socketPath: server.socketPath,
      user: "root",
      charset: "utf8mb4",
      supportBigNumbers: true,
      bigNumberStrings: true,
      rowsAsArray: true,
    });
  });
  afterAll(async () => {
    await db?.end();
    await server?.stop();
  });

  test("random expressions", async () => {
    const seed = seedOf(20_240_611);
    const count = countOf("EVAL_EXPRESSIONS", 4_000);
    const random = randomOf(seed);
    const wrong: string[] = [];
    let known = 0;
    for (let run = 0; run < count && wrong.length < 10; run++) {
      const sql = randomExpression(random, 1 + random.int(3));
      const ours = valueOf(sql);
      if (ours === undefined) continue;
      known++;
      expect(mayBeEvaluable(exprOf(sql)), sql).toBe(true);
      const theirs = await answerOf(db, sql);
      const isSame = ours.type === "NULL_TYPE" ? theirs === "NULL" : theirs === shown(ours);
      if (!isSame) wrong.push(`seed ${seed} run ${run}: ${sql} is ${shown(ours)} here, ${theirs} there`);
    }
    expect(wrong).toEqual([]);
    expect(known).toBeGreaterThan(count / 5);
  }, 600_000);
});

const UNSIGNED_FLAG = 32;

async function answerOf(db: Connection, sql: string): Promise<string> {
  try {
    const [rows, fields] = await db.query<RowDataPacket[]>(`SELECT ${sql}`);
    const text: string | null = rows[0]?.[0];
    return text === null ? "NULL" : `${typeOf(fields[0])} ${text}`.trim();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function typeOf(field: FieldPacket | undefined): string {
  const isUnsigned = (Number(field?.flags) & UNSIGNED_FLAG) !== 0;
  switch (field?.columnType) {
    case 1:
    case 2:
    case 3:
    case 8:
    case 9:
      return isUnsigned ? "UINT64" : "INT64";
    case 246:
      return "DECIMAL";
    case 253:
      return "VARCHAR";
    default:
      return `type ${field?.columnType}`;
  }
}
