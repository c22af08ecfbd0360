import { describe, expect, test } from "vitest";
import { keepingOf, KeptState } from "../../../../src/gateway/session/kept-state.ts";
import { normalize } from "../../../../src/sql/normalize.ts";
import { parse } from "../../../../src/sql/parse.ts";
import { DEFAULT_SQL_MODE } from "../../../../src/sql/tree.ts";

/** As the executor has it: with bind variables. */
function ran(kept: KeptState, sql: string, failed = false): void {
  const { key, binds } = normalize(Buffer.from(sql), DEFAULT_SQL_MODE);
  const keeping = keepingOf(parse(key, DEFAULT_SQL_MODE), binds, "u", kept.hasTables);
  if (keeping !== undefined) kept.ran(keeping, failed);
}

describe("what is left on a held connection", () => {
  test.each([
    ["a table, dropped", ["CREATE TEMPORARY TABLE a (i INT)", "DROP TEMPORARY TABLE a"], true],
    ["by another spelling", ["CREATE TEMPORARY TABLE a (i INT)", "DROP TABLE U.A"], true],
    ["one of two", ["CREATE TEMPORARY TABLE a (i INT)", "CREATE TEMPORARY TABLE b (i INT)", "DROP TABLE b"], false],
    ["of another keyspace", ["CREATE TEMPORARY TABLE a (i INT)", "DROP TABLE v.a"], false],
    ["renamed", ["CREATE TEMPORARY TABLE a (i INT)", "ALTER TABLE a RENAME TO b", "DROP TABLE a"], false],
    ["renamed at large", ["CREATE TEMPORARY TABLE a (i INT)", "RENAME TABLE a TO b", "DROP TABLE a"], false],
    ["altered", ["CREATE TEMPORARY TABLE a (i INT)", "ALTER TABLE a ADD j INT", "DROP TABLE a"], true],
    ["a lock", ["SELECT GET_LOCK('x', 0)"], false],
    ["a computed lock", ["SELECT GET_LOCK(CONCAT('x', i), 0) FROM t"], false],
    ["a procedure's", ["CALL p()"], false],
    ["nothing", ["SELECT IS_FREE_LOCK('x')", "CREATE TABLE t (i INT)", "DROP TABLE t"], true],
  ])("%s", (_, statements, empty) => {
    const kept = new KeptState();
    for (const sql of statements) ran(kept, sql);
    expect(kept.isEmpty).toBe(empty);
  });

  test("a table that was not made, and one that was not dropped", () => {
    const kept = new KeptState();
    ran(kept, "CREATE TEMPORARY TABLE a (i INT)", true);
    expect(kept.isEmpty).toBe(true);
    ran(kept, "CREATE TEMPORARY TABLE a (i INT)");
    ran(kept, "DROP TEMPORARY TABLE a, b", true);
    expect(kept.isEmpty).toBe(false);
  });

  test("locks are followed by name until somebody has asked", () => {
    const kept = new KeptState();
    ran(kept, "SELECT GET_LOCK('x', 0), GET_LOCK('y', 0)", true);
    expect(kept.locks).toEqual(["x", "y"]);
    kept.locksHeld(["y"]);
    expect(kept.isEmpty).toBe(false);
    kept.locksHeld([]);
    expect(kept.isEmpty).toBe(true);
  });
});
