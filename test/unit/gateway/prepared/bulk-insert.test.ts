// Bulk executions of an INSERT: where its list of rows is, and the statements that all executions become.

import { expect, test } from "vitest";
import { bulkInsertOf, bulkTexts, indicatedLiterals } from "../../../../src/gateway/prepared/bulk-insert.ts";
import { templateOf } from "../../../../src/sql/parameters.ts";
import { DEFAULT_SQL_MODE } from "../../../../src/sql/tree.ts";

const EXECUTIONS = [
  ["1", "'a'"],
  ["2", "NULL"],
  ["3", "'(?'"],
].map((row) => row.map((text) => Buffer.from(text)));

test.each([
  ["INSERT INTO t VALUES (?, ?)", "INSERT INTO t VALUES (1, 'a'),(2, NULL),(3, '(?')"],
  ["REPLACE t (`valuesé`, b) VALUES (?, ?)", "REPLACE t (`valuesé`, b) VALUES (1, 'a'),(2, NULL),(3, '(?')"],
  [
    "INSERT t VALUES ((? + 1), ')'), ('é', f(?)) ON DUPLICATE KEY UPDATE a = VALUES(a), b = (2) /* , */",
    "INSERT t VALUES ((1 + 1), ')'), ('é', f('a')),((2 + 1), ')'), ('é', f(NULL)),((3 + 1), ')'), ('é', f('(?')) ON DUPLICATE KEY UPDATE a = VALUES(a), b = (2) /* , */",
  ],
])("%s", (sql, wanted) => {
  expect(texts(sql, 1000)).toEqual([wanted]);
});

test("bounds make several of it", () => {
  expect(texts("INSERT INTO t VALUES (?, ?)", 12)).toEqual([
    "INSERT INTO t VALUES (1, 'a'),(2, NULL)",
    "INSERT INTO t VALUES (3, '(?')",
  ]);
});

test.each([
  "INSERT INTO t VALUES (1, ?) ON DUPLICATE KEY UPDATE a = ?",
  "INSERT INTO t SET a = ?, b = ?",
  "INSERT INTO t VALUE (?, ?)",
])("each execution of %s is a statement", (sql) => {
  expect(bulkInsertOf(templateOf(Buffer.from(sql), DEFAULT_SQL_MODE), DEFAULT_SQL_MODE)).toMatchObject({
    rows: undefined,
  });
});

test.each(["INSERT INTO t SELECT ?, ?", "UPDATE t SET a = ? WHERE b = ?", "DELETE FROM t WHERE a IN (?, ?)"])(
  "%s is none",
  (sql) => {
    expect(bulkInsertOf(templateOf(Buffer.from(sql), DEFAULT_SQL_MODE), DEFAULT_SQL_MODE)).toBeUndefined();
  },
);

test("parameters without a value are the column's default, or the column itself", () => {
  const literals = (sql: string, indicated: readonly (readonly [number, "default" | "ignore"])[]): unknown =>
    Object.fromEntries(
      [...indicatedLiterals({ text: Buffer.from(sql) }, new Map(indicated), DEFAULT_SQL_MODE)].map(
        ([index, literal]) => [index, literal.toString()],
      ),
    );
  const update = "UPDATE t SET a = ?, t.`b c` = ?, d = ? + 1 WHERE e = ?";
  expect(literals(update, [])).toEqual({});
  expect(
    literals(update, [
      [0, "default"],
      [1, "ignore"],
    ]),
  ).toEqual({ 0: "DEFAULT", 1: "t.`b c`" });
  expect(() => literals(update, [[2, "ignore"]])).toThrow("not supported in the prepared statement protocol");
  expect(literals("INSERT INTO t VALUES (?, ?)", [[1, "ignore"]])).toEqual({ 1: "DEFAULT" });
});

function texts(sql: string, bytesMax: number): readonly string[] {
  const insert = bulkInsertOf(templateOf(Buffer.from(sql), DEFAULT_SQL_MODE), DEFAULT_SQL_MODE);
  if (insert?.rows === undefined) throw new Error("it has a list of rows");
  return [...bulkTexts({ ...insert, rows: insert.rows }, EXECUTIONS, bytesMax)].map(String);
}
