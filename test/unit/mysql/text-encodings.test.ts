import { multibyteSet } from "../../../src/mysql/multibyte-encodings.ts";
import { describe, expect, test } from "vitest";
import { bytesOfChar, decodeText, encodeText, isWellFormed } from "../../../src/mysql/text-encodings.ts";

describe("text in MySQL's character sets", () => {
  test.each([
    ["latin1", "€ü", "80fc"],
    ["latin1", "\u0081", "81"],
    ["latin2", "Łž", "a3be"],
    ["cp1250", "Žü", "8efc"],
    ["cp1251", "Ж", "c6"],
    ["koi8r", "Ж", "f6"],
    ["cp850", "üé", "8182"],
    ["greek", "Ω", "d9"],
    ["ucs2", "aü", "006100fc"],
    ["utf16", "😀", "d83dde00"],
    ["utf16le", "a😀", "61003dd800de"],
    ["utf32", "😀", "0001f600"],
    ["utf8mb3", "ü日", "c3bce697a5"],
    ["utf8mb4", "😀", "f09f9880"],
    ["ascii", "plain", "706c61696e"],
    ["gbk", "plain", "706c61696e"],
  ])("%s: %s", (charset, text, hex) => {
    expect(encodeText(charset, text).toString("hex")).toBe(hex);
    expect(decodeText(charset, Buffer.from(hex, "hex"))).toBe(text);
  });

  test("what a set lacks is a question mark", () => {
    expect(encodeText("latin1", "日ü").toString("latin1")).toBe("?ü");
    expect(encodeText("utf8mb3", "😀").toString()).toBe("?");
    expect(encodeText("ucs2", "😀").toString("hex")).toBe("003f");
    expect(encodeText("ascii", "ü").toString()).toBe("?");
    expect(encodeText("gbk", "😀Š").toString()).toBe("??");
    expect(encodeText("ujis", "ü").toString()).toBe("?");
  });

  test("bytes that mean nothing, or nothing that is known here, are no text", () => {
    expect(decodeText("utf8mb4", Buffer.from("fc", "hex"))).toBeUndefined();
    expect(decodeText("cp1250", Buffer.from("81", "hex"))).toBeUndefined();
    expect(decodeText("ujis", Buffer.from("c4e3", "hex"))).toBeUndefined();
    expect(decodeText("gbk", Buffer.from("a140", "hex"))).toBeUndefined();
    expect(decodeText("gbk", Buffer.from("61ff", "hex"))).toBeUndefined();
    expect(decodeText("ucs2", Buffer.from("61", "hex"))).toBeUndefined();
    expect(decodeText("utf32", Buffer.from("00110000", "hex"))).toBeUndefined();
  });

  test("a byte that came in the client's set goes back as it is", () => {
    expect(encodeText("latin1", "a\udcfc").toString("latin1")).toBe("aü");
  });

  test("every byte of every set of one byte a character is its own", () => {
    for (const charset of ["latin1", "latin2", "latin5", "latin7", "cp1250", "cp1251", "cp1256", "cp1257", "cp850"]) {
      for (let byte = 0; byte < 256; byte++) {
        const text = decodeText(charset, Buffer.of(byte));
        if (text !== undefined) expect([...encodeText(charset, text)], `${charset} ${byte}`).toEqual([byte]);
      }
      expect(bytesOfChar(charset)).toBe(1);
    }
  });
});

// As MariaDB 10.11 has them: characters, and those that a second code stands for, too.
test.each([
  ["gbk", 21_791, 0, "bf5c", "縗"],
  ["gb2312", 7_445, 0, "a1aa", "―"],
  ["big5", 13_717, 6, "a55c", "功"],
  ["sjis", 6_942, 1, "955c", "表"],
  ["cp932", 9_667, 398, "fbfc", "髙"],
  ["euckr", 17_048, 0, "8141", "갂"],
])("%s has as many characters as a server's", (charset, characters, second, code, character) => {
  const set = multibyteSet(charset);
  const known = set?.codePoints.filter((point) => point !== 0).length;
  expect({ known, codes: set?.codes.size }).toEqual({ known: characters, codes: characters - second });
  expect(encodeText(charset, character).toString("hex")).toBe(code);
  expect(decodeText(charset, Buffer.from(code, "hex"))).toBe(character);
});

/** As MariaDB 10.11 says of `SELECT HEX(_charset x'…')`. */
test.each([
  ["gbk", "8120", false],
  ["gbk", "ff", false],
  ["gbk", "8081", false],
  ["gbk", "a2ab", true],
  ["big5", "c8a5", true],
  ["big5", "a1", false],
  ["euckr", "a1ff", false],
  ["euckr", "8141", true],
  ["gb2312", "a1", false],
  ["sjis", "80", false],
  ["sjis", "b1", true],
  ["sjis", "fc4b", true],
  ["cp932", "8740", true],
  ["ujis", "8ea1", true],
  ["ujis", "8ee1", false],
  ["ujis", "8fa1a1", true],
  ["eucjpms", "a1a0", false],
  ["utf16", "d800", false],
  ["utf16le", "00d8", false],
  ["utf16", "d83dde00", true],
  ["utf16", "61", false],
  ["ucs2", "d800", true],
  ["utf32", "0000d800", true],
  ["utf32", "00110000", false],
  ["utf8mb3", "f0908080", false],
  ["utf8mb4", "f0908080", true],
  ["utf8mb4", "e4e5f6", false],
  ["utf8mb3", "c3a4", true],
  ["latin7", "80", true],
  ["ascii", "80", true],
] as const)("%s %s is well formed: %s", (charset, bytes, wanted) => {
  expect(isWellFormed(charset, Buffer.from(bytes, "hex"))).toBe(wanted);
});
