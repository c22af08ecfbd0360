// What a column makes of a value that places a row, as MariaDB has been seen to store it.

import { expect, test } from "vitest";
import type { Value } from "../../../src/mysql/values.ts";
import { storedKey } from "../../../src/plan/stored-key.ts";
import type { ColumnSchema } from "../../../src/schema/model.ts";

function column(columnType: string): ColumnSchema {
  const dataType = columnType.replace(/[( ].*$/, "");
  return {
    name: "k",
    lower: "k",
    dataType,
    columnType,
    unsigned: columnType.endsWith("unsigned"),
    nullable: false,
    charset: undefined,
    collation: undefined,
    invisible: false,
    autoIncrement: false,
    generated: false,
  };
}

test.each<[string, Value["type"], string, string | undefined]>([
  ["int", "DECIMAL", "2.5", "3"],
  ["int", "VARCHAR", "-2.5e0x", "-3"],
  ["int", "FLOAT64", "2.5e0", "2"],
  ["tinyint", "INT64", "300", "127"],
  ["bigint unsigned", "INT64", "-1", "0"],
  ["int", "NULL_TYPE", "", "0"],
  ["varchar(20)", "FLOAT64", "1e14", "100000000000000"],
  ["varchar(20)", "FLOAT64", "1.5e0", undefined],
  // As 1e14, which is not known here.
  ["char(5)", "FLOAT64", "1e14", undefined],
  ["char(5)", "VARCHAR", "abcdefgh", "abcde"],
  ["varchar(20)", "DECIMAL", "00.50", "0.50"],
])("%s makes of %s %s: %s", (type, valueType, raw, stored) => {
  const made = storedKey(column(type), { type: valueType, raw: Buffer.from(raw) }, "mariadb");
  expect(made?.raw.toString()).toBe(stored);
});
