// resultset_metadata, which is MySQL's: what it may be set to, by its manual.

import { expect, test } from "vitest";
import { resultsetMetadataOf } from "../../../../src/gateway/session/variable-rules.ts";

test.each([
  ["'NONE'", "NONE"],
  ["'none'", "NONE"],
  ["0", "NONE"],
  ["'FULL'", "FULL"],
  ["1", "FULL"],
  ["DEFAULT", "FULL"],
])("%s", (sql, wanted) => {
  expect(resultsetMetadataOf(sql, true)).toBe(wanted);
});

test.each(["'SOME'", "2", "NULL", "''"])("%s is refused", (sql) => {
  expect(() => resultsetMetadataOf(sql, true)).toThrow(/can't be set to the value of/);
});

test("who has not agreed to it always gets definitions", () => {
  expect(() => resultsetMetadataOf("'NONE'", false)).toThrow(expect.objectContaining({ errno: 1231 }));
  expect(resultsetMetadataOf("'FULL'", false)).toBe("FULL");
});
