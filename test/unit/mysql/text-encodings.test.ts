import { describe, expect, test } from "vitest";
import { bytesOfChar, decodeText, encodeText } from "../../../src/mysql/text-encodings.ts";

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
    expect(encodeText("gbk", "ü").toString()).toBe("?");
  });

  test("bytes that mean nothing, or nothing that is known here, are no text", () => {
    expect(decodeText("utf8mb4", Buffer.from("fc", "hex"))).toBeUndefined();
    expect(decodeText("cp1250", Buffer.from("81", "hex"))).toBeUndefined();
    expect(decodeText("gbk", Buffer.from("c4e3", "hex"))).toBeUndefined();
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
