// Which statements make a gateway wait until it knows what they have defined.

import { describe, expect, test } from "vitest";
import { definedTables } from "../../../../src/gateway/cluster/defined-tables.ts";
import { parse } from "../../../../src/sql/parse.ts";

describe("definedTables", () => {
  test.each([
    ["CREATE TABLE t (a INT)", ["t"]],
    ["CREATE OR REPLACE VIEW ks.v AS SELECT 1", ["v"]],
    ["ALTER TABLE t RENAME TO u", ["t", "u"]],
    ["DROP TABLE IF EXISTS a, b", ["a", "b"]],
    ["RENAME TABLE a TO b, b TO c", ["a", "b", "c"]],
    ["CREATE INDEX i ON t (a)", ["t"]],
    ["DROP INDEX i ON t", ["t"]],
    ["CREATE SEQUENCE s", ["s"]],
    ["CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET @a = 1", []],
    ["DROP TRIGGER tr", []],
  ])("%s", (sql, tables) => {
    expect(definedTables(parse(sql), "ks")).toEqual({ keyspace: "ks", tables });
  });

  test.each([
    "CREATE TEMPORARY TABLE t (a INT)",
    "TRUNCATE TABLE t",
    "CALL p()",
    "INSERT INTO t VALUES (1)",
    "SELECT 1",
  ])("none: %s", (sql) => {
    expect(definedTables(parse(sql), "ks")).toBeUndefined();
  });
});
