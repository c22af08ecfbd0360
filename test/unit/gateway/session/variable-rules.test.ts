// Variables that are MySQL's: what they may be set to, by its manual.

import { expect, test } from "vitest";
import { checkTracking, resultsetMetadataOf } from "../../../../src/gateway/session/variable-rules.ts";

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

test.each(["'OWN_GTID'", "all_gtids", "1"])(
  "MySQL's session_track_gtids = %s is refused by name, not ignored",
  (value) => {
    expect(() => checkTracking("session_track_gtids", value, "mysql")).toThrow(
      expect.objectContaining({ errno: 1235 }),
    );
    expect(() => checkTracking("session_track_gtids", value, "mariadb")).not.toThrow();
  },
);

test.each(["'OFF'", "0", "DEFAULT"])("session_track_gtids = %s is what there is", (value) => {
  expect(() => checkTracking("session_track_gtids", value, "mysql")).not.toThrow();
});
