import { describe, expect, test } from "vitest";
import { limitLiteral, parameterLiteral, typedLiteral } from "../../../../src/gateway/prepared/parameter-literals.ts";
import { MYSQL_TYPE } from "../../../../src/mysql/constants.ts";
import { TYPE_UNSIGNED } from "../../../../src/mysql/packets/stmt-execute.ts";

function number(write: (bytes: Buffer) => void, size: number): Buffer {
  const bytes = Buffer.alloc(size);
  write(bytes);
  return bytes;
}
const double = (value: number): Buffer => number((bytes) => bytes.writeDoubleLE(value), 8);

const LITERALS: readonly (readonly [name: string, type: number, value: Buffer | null, literal: string])[] = [
  ["NULL", MYSQL_TYPE.LONG, null, "NULL"],
  ["TINYINT", MYSQL_TYPE.TINY, Buffer.of(0xff), "-1"],
  ["TINYINT UNSIGNED", MYSQL_TYPE.TINY | TYPE_UNSIGNED, Buffer.of(0xff), "255"],
  ["SMALLINT", MYSQL_TYPE.SHORT, Buffer.of(0, 0x80), "-32768"],
  ["INT UNSIGNED", MYSQL_TYPE.LONG | TYPE_UNSIGNED, Buffer.alloc(4, 0xff), "4294967295"],
  ["BIGINT", MYSQL_TYPE.LONGLONG, Buffer.alloc(8, 0xff), "-1"],
  ["BIGINT UNSIGNED", MYSQL_TYPE.LONGLONG | TYPE_UNSIGNED, Buffer.alloc(8, 0xff), "18446744073709551615"],
  ["a whole DOUBLE stays one", MYSQL_TYPE.DOUBLE, double(5), "5e0"],
  ["DOUBLE", MYSQL_TYPE.DOUBLE, double(-0.1), "-0.1e0"],
  ["large DOUBLE", MYSQL_TYPE.DOUBLE, double(1e300), "1e+300"],
  ["DOUBLE that SQL has not", MYSQL_TYPE.DOUBLE, double(Number.NaN), "NULL"],
  ["FLOAT", MYSQL_TYPE.FLOAT, number((bytes) => bytes.writeFloatLE(0.1), 4), `${Math.fround(0.1)}e0`],
  ["DECIMAL", MYSQL_TYPE.NEWDECIMAL, Buffer.from("-12.50"), "-12.50"],
  ["whole DECIMAL", MYSQL_TYPE.NEWDECIMAL, Buffer.from("007"), "007"],
  ["whole negative DECIMAL", MYSQL_TYPE.NEWDECIMAL, Buffer.from("-7"), "-7."],
  ["30 February", MYSQL_TYPE.DATE, Buffer.of(4, 0xe8, 7, 2, 30), "'2024-02-30'"],
  ["DATETIME at 24:00", MYSQL_TYPE.DATETIME, Buffer.of(7, 0xe8, 7, 2, 29, 24, 0, 0), "'2024-02-29 24:00:00'"],
  ["DECIMAL that is none", MYSQL_TYPE.NEWDECIMAL, Buffer.from("1; DROP"), "'1; DROP'"],
  ["text", MYSQL_TYPE.VAR_STRING, Buffer.from("it's \\ ü"), "'it''s \\\\ ü'"],
  ["bytes", MYSQL_TYPE.BLOB, Buffer.from([0x27, 0, 0x5c]), "_binary'''\0\\\\'"],
  ["DATE", MYSQL_TYPE.DATE, Buffer.of(4, 0xe8, 7, 2, 29), "'2024-02-29'"],
  ["zero DATE", MYSQL_TYPE.DATE, Buffer.of(0), "'0000-00-00'"],
  ["DATETIME", MYSQL_TYPE.DATETIME, Buffer.of(7, 0xe8, 7, 2, 29, 1, 2, 3), "'2024-02-29 01:02:03'"],
  [
    "DATETIME(6)",
    MYSQL_TYPE.DATETIME,
    Buffer.of(11, 0xe8, 7, 2, 29, 1, 2, 3, 5, 0, 0, 0),
    "'2024-02-29 01:02:03.000005'",
  ],
  ["TIME", MYSQL_TYPE.TIME, Buffer.of(8, 1, 34, 0, 0, 0, 22, 59, 58), "'-838:59:58'"],
  ["zero TIME", MYSQL_TYPE.TIME, Buffer.of(0), "'00:00:00'"],
];

/** Those that have another one where their type counts. */
const TYPED: ReadonlyMap<string, string> = new Map([
  ["DATE", "DATE'2024-02-29'"],
  ["DATETIME", "TIMESTAMP'2024-02-29 01:02:03'"],
  ["DATETIME(6)", "TIMESTAMP'2024-02-29 01:02:03.000005'"],
  ["TIME", "TIME'-838:59:58'"],
  ["zero TIME", "TIME'00:00:00'"],
  ["whole DECIMAL", "007."],
]);

describe("a parameter as a literal", () => {
  test.each(LITERALS)("%s with its type", (name, type, value, literal) => {
    expect(typedLiteral(type, value, false).toString("utf8")).toBe(` ${TYPED.get(name) ?? literal} `);
  });

  test.each(LITERALS)("%s", (_, type, value, literal) => {
    expect(parameterLiteral(type, value, false).toString("utf8")).toBe(` ${literal} `);
  });

  test("backslashes are none under NO_BACKSLASH_ESCAPES", () => {
    expect(parameterLiteral(MYSQL_TYPE.STRING, Buffer.from("\\'"), true).toString()).toBe(" '\\''' ");
  });

  test("times of wrong lengths are refused", () => {
    expect(() => parameterLiteral(MYSQL_TYPE.DATE, Buffer.of(3, 1, 2, 3), false)).toThrow(/date parameter/);
    expect(() => parameterLiteral(MYSQL_TYPE.TIME, Buffer.of(2, 1, 2), false)).toThrow(/time parameter/);
  });
});

// As MariaDB 10.11 answers SELECT … LIMIT ? with each of them.
test.each([
  ["text", MYSQL_TYPE.VAR_STRING, Buffer.from("2"), "2"],
  ["text with a fraction", MYSQL_TYPE.VAR_STRING, Buffer.from("2.7"), "2"],
  ["no number", MYSQL_TYPE.VAR_STRING, Buffer.from("abc"), "0"],
  ["bytes", MYSQL_TYPE.BLOB, Buffer.from("3"), "3"],
  ["NULL", MYSQL_TYPE.NULL, null, "0"],
  ["double", MYSQL_TYPE.DOUBLE, double(2.4), "2"],
  ["a decimal's half", MYSQL_TYPE.NEWDECIMAL, Buffer.from("1.50"), "2"],
  ["less than a half", MYSQL_TYPE.NEWDECIMAL, Buffer.from("1.49"), "1"],
  ["only a half", MYSQL_TYPE.NEWDECIMAL, Buffer.from(".5"), "1"],
  ["a whole decimal", MYSQL_TYPE.NEWDECIMAL, Buffer.from("3"), "3"],
  ["a negative one", MYSQL_TYPE.NEWDECIMAL, Buffer.from("-0.5"), "18446744073709551615"],
  ["a small negative one", MYSQL_TYPE.NEWDECIMAL, Buffer.from("-0.4"), "0"],
  ["negative", MYSQL_TYPE.DOUBLE, double(-1), "18446744073709551615"],
  ["negative text", MYSQL_TYPE.VAR_STRING, Buffer.from("-1"), "18446744073709551615"],
  ["too large", MYSQL_TYPE.DOUBLE, double(1e30), "18446744073709551615"],
] as const)("LIMIT takes %s", (_, type, value, literal) => {
  expect(limitLiteral(type, value).toString().trim()).toBe(literal);
});
