// What statements mean for their session: how FOUND_ROWS() is known after them, what they leave behind, whether they lock
// and read the clock, and what of them only one server may compute.

import { describe, expect, test } from "vitest";
import { READ, withReserved, WRITE } from "../../../src/plan/effects.ts";
import { oneServerWorkOf } from "../../../src/plan/one-server.ts";
import type { Effect } from "../../../src/plan/plan.ts";
import { withSelectLimit } from "../../../src/plan/select-limit.ts";
import { parse } from "../../../src/sql/parse.ts";
import { print } from "../../../src/sql/print.ts";
import type { Query } from "../../../src/sql/tree.ts";
import { isQuery } from "../../../src/sql/walk.ts";

function effectOf(sql: string): Effect {
  const statement = parse(sql);
  return withReserved(statement, isQuery(statement) || statement.kind === "do" ? READ : WRITE);
}

function query(sql: string): Query {
  const statement = parse(sql);
  if (!isQuery(statement)) throw new Error(sql);
  return statement;
}

describe("FOUND_ROWS()", () => {
  test.each([
    ["SELECT a FROM t", "sent"],
    ["SELECT a FROM t LIMIT 5", "sent"],
    ["SELECT a FROM t LIMIT 5, 10", "offset"],
    ["SELECT a FROM t LIMIT 0, 10", "offset"],
    ["SELECT a, COUNT(*) FROM t GROUP BY a LIMIT 5, 10", "asked"],
    ["SELECT DISTINCT a FROM t LIMIT 5, 10", "asked"],
    ["SELECT SQL_CALC_FOUND_ROWS a FROM t LIMIT 5", "asked"],
    ["SELECT a FROM t LIMIT 1 INTO @a", "asked"],
    ["SELECT a FROM t UNION SELECT b FROM t", "sent"],
    ["SELECT a FROM t UNION SELECT b FROM t LIMIT 1", "asked"],
    ["SELECT SQL_CALC_FOUND_ROWS a FROM t UNION SELECT b FROM t", "asked"],
    ["UPDATE t SET a = 1", undefined],
    ["UPDATE t SET a = (SELECT 1)", "asked"],
    ["INSERT INTO t SELECT 1", "asked"],
    ["INSERT INTO t VALUES (1)", undefined],
    ["DO 1", undefined],
    ["DO (SELECT 1)", "asked"],
  ])("%s: %s", (sql, kind) => {
    expect(effectOf(sql).foundRows?.kind).toBe(kind);
  });

  test("of writes is asked for only where a session has used it", () => {
    expect(effectOf("INSERT INTO t SELECT 1").foundRows).toMatchObject({ kind: "asked", isLikely: false });
  });
});

describe("effects", () => {
  test("user variables that are set, by any way", () => {
    expect(effectOf("SELECT @A := 1, @b FROM t WHERE (@c := a) > 1").assigns).toEqual(["a", "c"]);
    expect(effectOf("SELECT a, b INTO @x, @Y FROM t").assigns).toEqual(["x", "y"]);
    expect(effectOf("UPDATE t SET a = @z := 1").assigns).toEqual(["z"]);
    expect(effectOf("SELECT @a FROM t").assigns).toBeUndefined();
  });

  test("LAST_INSERT_ID(expression) is asked for where no OK tells it", () => {
    expect(effectOf("SELECT LAST_INSERT_ID(5)").setsInsertId).toBe(true);
    expect(effectOf("UPDATE t SET a = LAST_INSERT_ID(5)").setsInsertId).toBe(false);
    expect(effectOf("SELECT LAST_INSERT_ID()").setsInsertId).toBe(false);
    expect(effectOf("SELECT LAST_INSERT_ID(5), LAST_INSERT_ID()").mixesInsertIds).toBe(true);
    expect(effectOf("SELECT LAST_INSERT_ID(5)").mixesInsertIds).toBe(false);
  });

  test("the clock, also inside and as a variable; SYSDATE() is another", () => {
    for (const sql of [
      "SELECT NOW(6)",
      "SELECT a FROM t WHERE d > CURDATE()",
      "SELECT UNIX_TIMESTAMP()",
      "SELECT @@timestamp",
    ]) {
      expect(effectOf(sql).readsNow, sql).toBe(true);
    }
    for (const sql of ["SELECT SYSDATE()", "SELECT UNIX_TIMESTAMP(d) FROM t", "SELECT `now`()"]) {
      expect(effectOf(sql).readsNow, sql).toBe(false);
    }
  });

  test("locks make a write, wherever they stand", () => {
    expect(effectOf("SELECT a FROM t FOR UPDATE").writes).toBe(true);
    expect(effectOf("SELECT a FROM (SELECT a FROM t LOCK IN SHARE MODE) AS d").writes).toBe(true);
    expect(effectOf("SELECT a FROM t").writes).toBe(false);
    expect(effectOf("SELECT GET_LOCK('a', 1)").reserves).toBe("GET_LOCK()");
  });
});

test.each([
  ["SELECT @a := a FROM t", "a user variable set inside a statement"],
  ["SELECT a INTO @a FROM t", "SELECT … INTO a user variable"],
  ["SELECT RAND(3) FROM t", "RAND(seed)"],
  ["SELECT RAND() FROM t", undefined],
  ["SELECT a FROM (SELECT UUID_SHORT() AS a FROM t) AS d", "UUID_SHORT()"],
  ["SELECT UUID() FROM t", undefined],
  ["SELECT LAST_INSERT_ID(a) FROM t", "LAST_INSERT_ID(expression)"],
  ["SELECT LAST_INSERT_ID() FROM t", undefined],
  ["SELECT SQL_CALC_FOUND_ROWS a FROM t LIMIT 1", "SQL_CALC_FOUND_ROWS with LIMIT"],
  ["SELECT SQL_CALC_FOUND_ROWS a FROM t", undefined],
  ["SELECT SQL_CALC_FOUND_ROWS a FROM t UNION SELECT b FROM t LIMIT 1", "SQL_CALC_FOUND_ROWS with LIMIT"],
  ["SELECT @@server_id, a FROM t", "@@server_id"],
  ["SELECT @@sql_mode, a FROM t", undefined],
])("one server's work: %s", (sql, reason) => {
  expect(oneServerWorkOf(query(sql))).toBe(reason);
});

test.each([
  ["select a from t", "select a from t limit :select_limit"],
  ["select a from t limit 5", "select a from t limit 5"],
  ["select a from t union select b from t", "select a from t union select b from t limit :select_limit"],
  [
    "(select a from t limit 1) union select b from t",
    "(select a from t limit 1) union select b from t limit :select_limit",
  ],
  ["select a from (select a from t) as d", "select a from (select a from t) as d limit :select_limit"],
  ["insert into t select a from t", "insert into t select a from t"],
  ["select next value from t", "select next 1 values from t"],
])("sql_select_limit: %s", (sql, limited) => {
  expect(print(withSelectLimit(parse(sql), 0))).toBe(print(parse(limited)));
});

test.each([
  ["SELECT ABS(a), ST_ENVELOPE(b), MBRCONTAINS(c, d), GROUP_CONCAT(e) FROM t", undefined],
  ["SELECT surely_stored(a) FROM t", true],
  ["SELECT db.abs(a) FROM t", true],
])("stored functions are told from a server's own: %s", (sql, callsStored) => {
  expect(effectOf(sql).callsStored).toBe(callsStored);
});
