// Rows in binary form from rows of text.

import { expect, test } from "vitest";
import { BufferWriter } from "../../../src/mysql/codec.ts";
import { COLUMN_FLAG, MYSQL_TYPE } from "../../../src/mysql/constants.ts";
import { type BinaryColumn, isLengthCoded, writeBinaryRow } from "../../../src/mysql/packets/binary-row.ts";
import { type TextValue, writeTextRow } from "../../../src/mysql/packets/text-row.ts";

function column(type: number, flags = 0): BinaryColumn {
  return { type, flags, isCoded: isLengthCoded(type) };
}

function binary(values: readonly TextValue[], columns: readonly BinaryColumn[]): string {
  const text = new BufferWriter();
  writeTextRow(text, values);
  // There is something before the row, as there is in a packet.
  const writer = new BufferWriter(1);
  writer.u8(0xaa);
  writeBinaryRow(writer, text.finish(), 0, text.length, columns);
  return writer.finish().toString("hex").slice(2);
}

const { TINY, SHORT, LONG, LONGLONG, FLOAT, DOUBLE, DATE, DATETIME, TIME, VAR_STRING, NEWDECIMAL, NULL } = MYSQL_TYPE;

test.each([
  ["-128", TINY, 0, "80"],
  ["-2", SHORT, 0, "feff"],
  ["4294967295", LONG, COLUMN_FLAG.UNSIGNED, "ffffffff"],
  ["-1", LONGLONG, 0, "ffffffffffffffff"],
  ["-4294967296", LONGLONG, 0, "00000000ffffffff"],
  ["123456789012345", LONGLONG, 0, "79df0d8648700000"],
  ["-9223372036854775808", LONGLONG, 0, "0000000000000080"],
  ["18446744073709551615", LONGLONG, COLUMN_FLAG.UNSIGNED, "ffffffffffffffff"],
  ["0.1", FLOAT, 0, "cdcccc3d"],
  ["-1e300", DOUBLE, 0, "9c7500883ce437fe"],
  ["0000-00-00", DATE, 0, "00"],
  ["2020-02-29", DATE, 0, "04e407021d"],
  ["2020-02-29 00:00:00", DATETIME, 0, "04e407021d"],
  ["2020-02-29 23:59:01", DATETIME, 0, "07e407021d173b01"],
  ["2020-02-29 00:00:00.5", DATETIME, 0, "0be407021d00000020a10700"],
  ["-838:59:59", TIME, 0, "080122000000163b3b"],
  ["00:00:00.000", TIME, 0, "00"],
  ["00:00:00.25", TIME, 0, "0c000000000000000090d00300"],
  ["1.50", NEWDECIMAL, 0, "04312e3530"],
  ["x", VAR_STRING, 0, "0178"],
])("%s of type %i", (text, type, flags, wanted) => {
  expect(binary([text], [column(type, flags)])).toBe(`0000${wanted}`);
});

test("texts, numbers and NULLs side by side, more than a byte of bits", () => {
  const columns = [VAR_STRING, LONG, VAR_STRING, NULL, VAR_STRING, VAR_STRING, TINY, VAR_STRING].map((type) =>
    column(type),
  );
  const long = "y".repeat(300);
  const values = ["a", "7", "b", null, null, long, "1", null];
  const wanted = `006002${"0161"}${"07000000"}${"0162"}fc2c01${Buffer.from(long).toString("hex")}01`;
  expect(binary(values, columns)).toBe(wanted);
  expect(binary([null, null], [column(LONG), column(VAR_STRING)])).toBe("000c");
});

test.each([
  ["a", LONG],
  ["1.5", TINY],
  ["12345678901234567.5", LONGLONG],
  ["x", DOUBLE],
  ["2020-02", DATE],
  ["20x0-02-29", DATE],
  ["12:00", TIME],
])("%s is no value of type %i", (text, type) => {
  expect(() => binary([text], [column(type)])).toThrow(/Malformed/);
});

test("too few values, and too many", () => {
  expect(() => binary(["1"], [column(LONG), column(LONG)])).toThrow(/Malformed/);
  expect(() => binary(["1", "2"], [column(LONG)])).toThrow(/Malformed/);
});
