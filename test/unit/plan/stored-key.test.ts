// What columns make of values that place rows. The right-hand sides are what MariaDB stores under sql_mode = ''.

import { expect, test } from "vitest";
import { valueOf, type ValueType } from "../../../src/mysql/values.ts";
import { storedKey } from "../../../src/plan/stored-key.ts";
import { readDefinitions } from "../../../src/schema/ddl.ts";

const { tables } = readDefinitions("ks", [
  "CREATE TABLE t (t TINYINT NOT NULL, tu TINYINT UNSIGNED NOT NULL, i INT, b BIGINT NOT NULL, u BIGINT UNSIGNED NOT NULL, " +
    "v VARCHAR(3) NOT NULL, c VARCHAR(3), x VARBINARY(2) NOT NULL, d DOUBLE)",
]);

function stored(column: string, type: ValueType, text: string, dialect: "mysql" | "mariadb" = "mariadb"): string {
  const found = tables[0]?.columns.find(({ lower }) => lower === column);
  if (found === undefined) throw new Error(column);
  return storedKey(found, valueOf(type, text), dialect)?.raw.toString() ?? "unknown";
}

test.each<[column: string, type: ValueType, text: string, wanted: string]>([
  ["i", "VARCHAR", "08", "8"],
  ["i", "VARCHAR", " +7 ", "7"],
  ["i", "VARCHAR", "-12 apples", "-12"],
  ["i", "VARCHAR", "1e2", "100"],
  ["i", "VARCHAR", "2.5", "3"],
  ["i", "VARCHAR", "-.5", "-1"],
  ["i", "VARCHAR", "apples", "0"],
  ["i", "DECIMAL", "-2.5", "-3"],
  ["i", "DECIMAL", "2.49", "2"],
  ["i", "FLOAT64", "2.5e0", "2"],
  ["i", "FLOAT64", "3.5", "4"],
  ["i", "FLOAT64", "-1e1", "-10"],
  ["i", "HEXNUM", "0x0A", "10"],
  ["i", "HEXVAL", "x'3132'", "12"],
  ["i", "BITNUM", "0b101", "5"],
  ["t", "INT64", "200", "127"],
  ["t", "INT64", "-200", "-128"],
  ["tu", "INT64", "-1", "0"],
  ["b", "DECIMAL", "99999999999999999999", "9223372036854775807"],
  ["u", "UINT64", "18446744073709551615", "18446744073709551615"],
  ["b", "NULL_TYPE", "", "0"],
  ["i", "NULL_TYPE", "", "unknown"],
  ["v", "NULL_TYPE", "", ""],
  ["v", "VARCHAR", "äöüß", "äöü"],
  ["v", "VARCHAR", "ab ", "ab "],
  ["v", "INT64", "12", "12"],
  ["v", "DECIMAL", "01.5", "1.5"],
  ["v", "DECIMAL", ".5", "0.5"],
  ["v", "FLOAT64", "1e1", "10"],
  ["c", "FLOAT64", "1.5e0", "unknown"],
  ["x", "VARCHAR", "abc", "ab"],
  ["d", "VARCHAR", "5", "unknown"],
])("%s gets %s %s: %s", (column, type, text, wanted) => {
  expect(stored(column, type, text)).toBe(wanted);
});

test("in MySQL X'…' is a number among numbers", () => {
  expect(stored("i", "HEXVAL", "x'31'", "mysql")).toBe("49");
  expect(stored("i", "HEXVAL", "x'31'", "mariadb")).toBe("1");
});
