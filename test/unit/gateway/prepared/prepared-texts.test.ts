import { expect, test } from "vitest";
import { PreparedTexts } from "../../../../src/gateway/prepared/prepared-texts.ts";
import { DEFAULT_SQL_MODE } from "../../../../src/sql/tree.ts";

test("sessions share what is known of a text, those of another sql_mode do not", () => {
  const texts = new PreparedTexts();
  const sql = Buffer.from("SELECT a FROM t WHERE b = ?");
  const first = texts.of(sql, DEFAULT_SQL_MODE, "");
  expect(first.text.equals(sql)).toBe(true);
  sql.write("DELETE");
  expect(first.text.toString()).toBe("SELECT a FROM t WHERE b = ?");
  expect(texts.of(Buffer.from(first.text), DEFAULT_SQL_MODE, "")).toBe(first);
  expect(texts.of(first.text, { ...DEFAULT_SQL_MODE, ansiQuotes: true }, "ansiQuotes")).not.toBe(first);
});

test("texts that nobody prepares any more are dropped, those in use stay", () => {
  const texts = new PreparedTexts(100_000);
  const used = texts.of(Buffer.from("SELECT 1"), DEFAULT_SQL_MODE, "");
  for (let n = 0; n < 1_000; n++) {
    texts.of(Buffer.from(`SELECT ${n} FROM t`), DEFAULT_SQL_MODE, "");
    expect(texts.of(Buffer.from("SELECT 1"), DEFAULT_SQL_MODE, "")).toBe(used);
  }
  expect(texts.size).toBeLessThan(100);
});
