// Values of shipped rows that statements are routed by, and answers whose columns read alike.

import { beforeAll, describe, expect, test } from "vitest";
import { rendersAlike } from "../../../src/engine/renders-alike.ts";
import { someRows } from "../../../src/engine/rows-table.ts";
import { RowColumns } from "../../../src/engine/row-columns.ts";
import { routingValue, rowsByShard, withRowValues } from "../../../src/engine/rows-routing.ts";
import { COLLATION_BINARY, COLLATION_UTF8MB4_GENERAL_CI } from "../../../src/mysql/charsets.ts";
import { COLUMN_FLAG, MYSQL_TYPE } from "../../../src/mysql/constants.ts";
import type { ColumnDefinition } from "../../../src/mysql/packets/column-definition.ts";
import { integerColumn, textColumn } from "../../../src/mysql/result-writer.ts";
import { type Value, valueOf } from "../../../src/mysql/values.ts";
import type { Routing } from "../../../src/plan/plan.ts";
import { checkVSchema } from "../../../src/vschema/parse-vschema.ts";
import type { SingleColumnVindex } from "../../../src/vschema/vindex.ts";
import { loadHashes } from "../../../src/vschema/xxh64.ts";

let vindex: SingleColumnVindex;

beforeAll(async () => {
  await loadHashes();
  const checked = checkVSchema("s", { sharded: true, vindexes: { hash: { type: "hash" } }, tables: {} });
  if (checked.kind === "bad") throw new Error("the VSchema is good");
  const found = checked.vschema.vindexes.get("hash")?.vindex;
  if (found?.kind !== "single-column") throw new Error("hash is a vindex of one column");
  vindex = found;
});

function valueIn(column: ColumnDefinition, text: string | null): Value | undefined {
  const row = text === null ? Buffer.of(0xfb) : Buffer.concat([Buffer.of(text.length), Buffer.from(text)]);
  const view = new RowColumns(1);
  view.read(row, 0, row.length);
  return routingValue(column, view, 0);
}

describe("values", () => {
  const text = textColumn("t");
  const cases: readonly (readonly [
    name: string,
    column: ColumnDefinition,
    text: string | null,
    type: string | undefined,
  ])[] = [
    ["an integer", integerColumn("n"), "-5", "INT64"],
    ["a large integer", integerColumn("n", true), "18446744073709551615", "UINT64"],
    ["NULL", integerColumn("n"), null, "NULL_TYPE"],
    ["text", text, "room 1", "VARCHAR"],
    ["a padded integer", { ...integerColumn("n"), flags: COLUMN_FLAG.ZEROFILL }, "005", undefined],
    ["a member", { ...text, flags: COLUMN_FLAG.ENUM }, "a", undefined],
    ["bytes", { ...text, collation: COLLATION_BINARY }, "a", undefined],
    ["a decimal", { ...integerColumn("n"), type: MYSQL_TYPE.NEWDECIMAL, decimals: 1 }, "5.0", undefined],
    ["a date", { ...integerColumn("n"), type: MYSQL_TYPE.DATE }, "2020-01-01", undefined],
  ];
  test.each(cases)("%s", (_, column, value, type) => {
    expect(valueIn(column, value)?.type).toBe(type);
  });
});

describe("rows of a batch", () => {
  test("go to the shards of their values, and no others", () => {
    const [one, two, wide] = ["1", "2", "x"].map((text) => valueOf("VARCHAR", text)) as [Value, Value, Value];
    const a = { shard: "-80" };
    const b = { shard: "80-" };
    const asked: Value[] = [];
    const parts = rowsByShard([one, two, one, wide], (value) => {
      asked.push(value);
      return value === one ? [a] : value === two ? [b] : [a, b];
    });
    expect(parts).toEqual([
      { target: a, rows: [0, 2, 3] },
      { target: b, rows: [1, 3] },
    ]);
    expect(asked).toEqual([one, two, wide]);
  });

  test.each([
    ["numbers that follow each other", true, undefined, [12, 10]],
    ["numbers that do not", true, [10, 11, 15, 16], [15, 10]],
    ["no numbers", false, undefined, undefined],
  ])("keep %s", (_, numbered, numbers, wanted) => {
    const shape = { name: "r", columns: ["c0"], numbered, carriage: "union" as const, typing: Buffer.alloc(0) };
    const some = someRows({ shape, rows: ["1", "2", "3", "4"], firstNumber: 10, numbers }, [2, 0]);
    expect(some.rows).toEqual(["3", "1"]);
    expect(some.numbers).toEqual(wanted);
  });
});

describe("routing", () => {
  const inRows = (): Routing => ({ kind: "in-rows", vindex, holds: "integer", step: "r", column: "c0", alone: true });

  test("by the rows' values, by none when one does not route", () => {
    const values = [valueOf("INT64", "1"), valueOf("INT64", "7")];
    const routed = withRowValues(inRows(), (step, column) => (step === "r" && column === "c0" ? values : undefined));
    expect(routed).toMatchObject({ kind: "in", values: values.map((value) => ({ kind: "constant", value })) });
    expect(withRowValues(inRows(), () => undefined)).toEqual({ kind: "scatter" });
  });

  test("inside several parts; others stay", () => {
    const routing: Routing = { kind: "all-of", parts: [inRows(), { kind: "any" }] };
    expect(withRowValues(routing, () => [])).toMatchObject({
      kind: "all-of",
      parts: [{ kind: "in", values: [] }, { kind: "any" }],
    });
    const scatter: Routing = { kind: "scatter" };
    expect(withRowValues(scatter, () => [])).toBe(scatter);
  });
});

describe("columns that read alike", () => {
  const int = integerColumn("n");
  const text = textColumn("t");
  const decimal = (decimals: number): ColumnDefinition => ({ ...int, type: MYSQL_TYPE.NEWDECIMAL, decimals });
  const time = (type: number, decimals: number): ColumnDefinition => ({ ...int, type, decimals });
  const cases: readonly (readonly [name: string, sent: ColumnDefinition, shown: ColumnDefinition, alike: boolean])[] = [
    ["widths of integers", { ...int, type: MYSQL_TYPE.TINY }, int, true],
    ["integer as whole decimal", int, decimal(0), true],
    ["whole decimal as integer", decimal(0), int, false],
    ["decimals of another scale", decimal(2), decimal(3), false],
    ["padded integers", { ...int, flags: COLUMN_FLAG.ZEROFILL }, int, false],
    ["DATETIME as TIMESTAMP", time(MYSQL_TYPE.DATETIME, 3), time(MYSQL_TYPE.TIMESTAMP, 3), true],
    ["fractions of other length", time(MYSQL_TYPE.DATETIME, 3), time(MYSQL_TYPE.DATETIME, 6), false],
    ["FLOAT and DOUBLE", time(MYSQL_TYPE.FLOAT, 31), time(MYSQL_TYPE.DOUBLE, 31), false],
    ["CHAR as TEXT", { ...text, type: MYSQL_TYPE.STRING }, { ...text, type: MYSQL_TYPE.BLOB }, true],
    ["ENUM as text", { ...text, flags: COLUMN_FLAG.ENUM }, text, true],
    ["text as bytes", text, { ...text, collation: COLLATION_BINARY }, false],
    ["collations of text", text, { ...text, collation: COLLATION_UTF8MB4_GENERAL_CI + 1 }, true],
    ["NULL as anything", time(MYSQL_TYPE.NULL, 0), time(MYSQL_TYPE.DATE, 0), true],
    ["anything as NULL", time(MYSQL_TYPE.DATE, 0), time(MYSQL_TYPE.NULL, 0), false],
  ];
  test.each(cases)("%s", (_, sent, shown, alike) => {
    expect(rendersAlike(sent, shown)).toBe(alike);
  });
});
