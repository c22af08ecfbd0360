import { describe, expect, test } from "vitest";
import { integerValue } from "../../../src/eval/literal-value.ts";
import { resolveValues, valueRefOf } from "../../../src/plan/value-ref.ts";
import { normalize } from "../../../src/sql/normalize.ts";
import { parse } from "../../../src/sql/parse.ts";
import { DEFAULT_SQL_MODE } from "../../../src/sql/tree.ts";

/** The value of a literal as WHERE c = … hands it to a vindex: type and text. */
function valueOf(literal: string): string {
  const { key, binds } = normalize(Buffer.from(`SELECT 1 FROM t WHERE c = ${literal}`), DEFAULT_SQL_MODE);
  const statement = parse(key, DEFAULT_SQL_MODE);
  if (statement.kind !== "select" || statement.where?.kind !== "binary") throw new Error(key);
  const ref = valueRefOf(statement.where.right);
  const [value] = ref === undefined ? [] : (resolveValues([ref], binds) ?? []);
  return value === undefined ? "none" : `${value.type} ${value.raw.toString("latin1")}`;
}

describe("literals as values", () => {
  test.each([
    ["5", "INT64 5"],
    ["005", "INT64 5"],
    ["0", "INT64 0"],
    ["000", "INT64 0"],
    ["-5", "INT64 -5"],
    ["-05", "INT64 -5"],
    ["-0", "INT64 0"],
    ["- -5", "INT64 5"],
    ["-(-5)", "INT64 5"],
    ["9223372036854775807", "INT64 9223372036854775807"],
    ["9223372036854775808", "UINT64 9223372036854775808"],
    ["18446744073709551615", "UINT64 18446744073709551615"],
    ["18446744073709551616", "DECIMAL 18446744073709551616"],
    ["-9223372036854775808", "INT64 -9223372036854775808"],
    ["-1000000000000000000", "INT64 -1000000000000000000"],
    ["-9223372036854775809", "DECIMAL -9223372036854775809"],
    ["1.50", "DECIMAL 1.50"],
    ["1e3", "FLOAT64 1e3"],
    ["'5'", "VARCHAR 5"],
    ["'a' 'b'", "VARCHAR ab"],
    ["'it''s'", "VARCHAR it's"],
    ["N'x'", "VARCHAR x"],
    ["_utf8mb4'x'", "VARCHAR x"],
    ["_latin1'x'", "none"],
    ["-'5'", "none"],
    ["x'35'", "HEXVAL x'35'"],
    ["0x35", "HEXNUM 0x35"],
    ["b'101'", "BITNUM 0b101"],
    ["TRUE", "INT64 1"],
    ["NULL", "NULL_TYPE "],
    ["1 + 1", "none"],
    ["@x", "none"],
    ["other", "none"],
    ["LAST_INSERT_ID()", "none"],
  ])("%s is %s", (literal, value) => {
    expect(valueOf(literal)).toBe(value);
  });

  test("items of a list keep their signs", () => {
    const { binds } = normalize(
      Buffer.from("SELECT 1 FROM t WHERE c IN (1, -05, -9223372036854775808, '-5')"),
      DEFAULT_SQL_MODE,
    );
    const values = resolveValues([{ kind: "bind-list", index: 0 }], binds) ?? [];
    expect(values.map(({ type, raw }) => `${type} ${raw.toString()}`)).toEqual([
      "INT64 1",
      "INT64 -5",
      "INT64 -9223372036854775808",
      "VARCHAR -5",
    ]);
  });

  test("short numbers share the statement's memory", () => {
    const raw = Buffer.from("12345");
    expect(integerValue(raw).raw).toBe(raw);
  });
});
