// Statements in gbk, big5, sjis and cp932 as UTF-8.

import { describe, expect, test } from "vitest";
import {
  type StatementEncoding,
  statementInUtf8,
  textInUtf8,
} from "../../../../src/gateway/client/statement-encoding.ts";
import { encodeText } from "../../../../src/mysql/text-encodings.ts";

const GBK: StatementEncoding = { charset: "gbk", isConnection: true, noBackslashEscapes: false, ansiQuotes: false };

function converted(bytes: Buffer, more: Partial<StatementEncoding> = {}): string {
  return statementInUtf8(bytes, { ...GBK, ...more }).toString("utf8");
}

function bytes(...parts: (string | readonly number[])[]): Buffer {
  return Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part) : Buffer.from([...part]))));
}

describe("statements", () => {
  test.each([
    ["gbk", "SELECT '縗', `中文` -- 誠\n, \"漢''\" /* 文 */ + 1 # 一"],
    ["big5", "SELECT '功許蓋', \"許\" FROM `功` WHERE a = '\\'許\\\\'"],
    ["cp932", "SELECT 'ソｱｲｳ', \"表\", '\\n表'"],
    ["sjis", "SELECT '表示ソ', `能`, 'ｱ'"],
  ])("%s, whose characters have backslashes in them, comes as it was written", (charset, sql) => {
    expect(converted(encodeText(charset, sql), { charset })).toBe(sql);
  });

  test("ASCII is left alone", () => {
    const sql = Buffer.from("SELECT 'a\\'b'");
    expect(statementInUtf8(sql, GBK)).toBe(sql);
  });

  test.each([
    ["no character", bytes("'a", [0x81], "' + 1"), " X'6181' + 1"],
    ["a lead byte before the quote ends nothing but itself", bytes("'", [0xbf], "' OR 1"), " X'bf' OR 1"],
    ["an escaped lead byte is skipped alone", bytes("'\\", [0xbf], "\\' OR 1 -- '"), " X'bf27204f522031202d2d20'"],
    ["escapes", bytes("'\\n\\0\\Z\\%\\q''", [0xff], "'"), " X'0a001a5c257127ff'"],
    ["a pair that is no character", bytes("'", [0xa1, 0x40], "'"), "_gbk X'a140'"],
    ["an introducer", bytes("_binary'", [0xd6, 0xd0], "'"), "_binary X'd6d0'"],
    ["an introducer and a blank", bytes("x = _latin1 '", [0xd6, 0xd0], "'"), "x = _latin1  X'd6d0'"],
    ["a name is no introducer", bytes("a_b '", [0xd6, 0xd0], "'"), "a_b '中'"],
    ["comments have question marks", bytes("1 /*", [0xff], "*/ # ", [0xff]), "1 /*?*/ # ?"],
  ])("%s", (_, given, wanted) => {
    expect(converted(given)).toBe(wanted);
  });

  test("with NO_BACKSLASH_ESCAPES a backslash is one", () => {
    const given = bytes("'\\', '", [0xbf], "\\'");
    expect(converted(given, { noBackslashEscapes: true })).toBe("'\\', '縗'");
  });

  test("double quotes are names' with ANSI_QUOTES, which have to be text", () => {
    expect(() => converted(bytes('"', [0xff], '"'), { ansiQuotes: true })).toThrow(/Invalid gbk character string/);
    expect(() => converted(bytes("`", [0xff], "`"))).toThrow(/Invalid gbk character string/);
  });

  test("a backslash of sjis comes back as another character, and goes by its code", () => {
    const sjis = { charset: "sjis" };
    expect(converted(bytes("'a\\\\b' LIKE '\\%' '\\n'"), sjis)).toBe("_sjis X'615c62' LIKE _sjis X'5c25' '\\n'");
    expect(converted(bytes("'", [0x81, 0x5f], "'"), sjis)).toBe("_sjis X'815f'");
    expect(converted(bytes("'a\\\\b'"), { ...sjis, isConnection: false })).toBe("'a\\\\b'");
  });

  test("a second code of cp932 goes by its code, unless literals are converted anyway", () => {
    const given = bytes("'", [0x87, 0x90], "'");
    expect(converted(given, { charset: "cp932" })).toBe("_cp932 X'8790'");
    expect(converted(given, { charset: "cp932", isConnection: false })).toBe("'≒'");
  });

  test("a literal that does not end is the parser's business", () => {
    expect(converted(bytes("'", [0xd6, 0xd0]))).toBe("'中");
  });
});

test("parameters", () => {
  expect(textInUtf8(encodeText("gbk", "縗a"), GBK)?.toString()).toBe("縗a");
  expect(textInUtf8(Buffer.of(0xff), GBK)).toBeUndefined();
  expect(textInUtf8(Buffer.of(0x87, 0x90), { ...GBK, charset: "cp932" })).toBeUndefined();
});
