// Cutting SQL files into statements.

import { describe, expect, test } from "vitest";
import { splitStatements } from "../../../src/local/sql-file.ts";

const CASES: { name: string; text: string; sql: string[] }[] = [
  {
    name: "two statements",
    text: "create table a (x int);\ninsert into a values (1);\n",
    sql: ["create table a (x int)", "insert into a values (1)"],
  },
  { name: "the last needs no semicolon", text: "select 1; select 2", sql: ["select 1", "select 2"] },
  { name: "empty statements vanish", text: ";;\n ;", sql: [] },
  {
    name: "semicolons in quotes",
    text: `insert into a values (';', ";", '\\';', 'it''s;'); select \`;\``,
    sql: [`insert into a values (';', ";", '\\';', 'it''s;')`, "select `;`"],
  },
  {
    name: "comments before a statement are dropped, inside they stay",
    text: "-- a;\n# b;\n/* c; */ select 1 /* ; */ -- ;\n + 2;",
    sql: ["select 1 /* ; */ -- ;\n + 2"],
  },
  {
    name: "two minus signs without a space are no comment",
    text: "select 1--1; select 2",
    sql: ["select 1--1", "select 2"],
  },
  {
    name: "executable comments are statements",
    text: "/*!40101 SET NAMES utf8 */; /*M!100100 SET x=1 */;",
    sql: ["/*!40101 SET NAMES utf8 */", "/*M!100100 SET x=1 */"],
  },
  {
    name: "delimiter",
    text: "delimiter //\ncreate trigger t before insert on a for each row begin set new.x = 1; end//\nDELIMITER ;\nselect 1;",
    sql: ["create trigger t before insert on a for each row begin set new.x = 1; end", "select 1"],
  },
  { name: "an open quote runs to the end", text: "select 'a; b", sql: ["select 'a; b"] },
  { name: "a comment at the end", text: "select 1;\n-- the end", sql: ["select 1"] },
];

describe("splitStatements", () => {
  test.each(CASES)("$name", ({ text, sql }) => {
    expect(splitStatements(text, "f.sql").map((statement) => statement.sql)).toEqual(sql);
  });

  test("line numbers and kinds", () => {
    const text =
      "-- head\n\ncreate table a (\n  x int\n);\n  INSERT INTO a\nvalues (1);\nalter table a add y int;\nreplace into a values (2)";
    expect(splitStatements(text, "f.sql").map(({ line, kind }) => ({ line, kind }))).toEqual([
      { line: 3, kind: "ddl" },
      { line: 6, kind: "dml" },
      { line: 8, kind: "ddl" },
      { line: 9, kind: "dml" },
    ]);
  });
});
