import { describe, expect, test } from "vitest";
import { filled, parameterOffsets, templateOf } from "../../../src/sql/parameters.ts";
import { DEFAULT_SQL_MODE } from "../../../src/sql/tree.ts";

const MODE = { ...DEFAULT_SQL_MODE, dialect: "mariadb" } as const;

describe("parameter markers", () => {
  test.each([
    ["none", "SELECT 1", []],
    ["in texts, names and comments they are none", "SELECT '?', `?`, \"?\" /* ? */ -- ?\n, ? # ?", [36]],
    ["behind characters of several bytes", "SELECT 'ü€🦊', ?, 'ß', ?", [20, 29]],
    ["in a comment that is executed", "SELECT /*!40000 ? */", [16]],
    ["without spaces", "SELECT?+?", [6, 8]],
  ])("%s", (_, sql, offsets) => {
    const bytes = Buffer.from(sql);
    expect(parameterOffsets(bytes, MODE)).toEqual(offsets);
    for (const offset of offsets) expect(bytes[offset]).toBe(0x3f);
  });

  test("behind bytes that are no UTF-8", () => {
    const bytes = Buffer.concat([Buffer.from("SELECT _latin1'"), Buffer.of(0xe9, 0xff), Buffer.from("', ?")]);
    expect(parameterOffsets(bytes, MODE)).toEqual([bytes.length - 1]);
  });

  test("values take their places", () => {
    const sql = Buffer.from("a ? b ? c");
    expect(filled({ text: sql, offsets: [2, 6] }, [Buffer.from("'x'"), Buffer.from("17")]).toString()).toBe(
      "a 'x' b 17 c",
    );
    expect(filled({ text: sql, offsets: [2, 6] }, [Buffer.from("1"), Buffer.from("2")], 3).toString()).toBe(
      "\u0003a 1 b 2 c",
    );
    expect(filled({ text: sql, offsets: [] }, [], 3).toString()).toBe("\u0003a ? b ? c");
  });

  test("those of LIMIT are known", () => {
    const sql = Buffer.from("SELECT ? FROM (SELECT 1 LIMIT ?) AS t WHERE a = ? LIMIT ? OFFSET ?");
    expect([...templateOf(sql, MODE).limits].sort((a, b) => a - b)).toEqual([1, 3, 4]);
  });

  test.each([
    ["SELECT ? + 1, a, ? AS b FROM t", "SELECT ? + 1 AS `? + 1`, a, ? AS b FROM t", 2],
    [
      "SELECT 'ü', concat(?, 'é`') FROM (SELECT ?) AS d",
      "SELECT 'ü', concat(?, 'é`') AS `concat(?, 'é``')` FROM (SELECT ? AS `?`) AS d",
      2,
    ],
    ["SELECT a FROM t WHERE b = ?", "SELECT a FROM t WHERE b = ?", 1],
  ])("columns keep the names that %s gives them", (sql, named, count) => {
    const template = templateOf(Buffer.from(sql), MODE);
    expect(template.text.toString()).toBe(named);
    expect(template.offsets.length).toBe(count);
    for (const offset of template.offsets) expect(template.text[offset]).toBe(0x3f);
  });
});
