// Where statements end: at `;`, but for those inside of bodies.

import { describe, expect, test } from "vitest";
import { normalize } from "../../src/sql/normalize.ts";
import { statementEnd } from "../../src/sql/statement-end.ts";
import { DEFAULT_SQL_MODE } from "../../src/sql/tree.ts";

/** Each up to the mark `¦` is one statement. */
const TEXTS = [
  "SELECT 1¦; SELECT 2",
  "SELECT ';', \";\", `;` /* ; */ -- ;\n¦; SELECT 2",
  "BEGIN¦; SELECT 1",
  "CREATE TABLE t (event INT)¦; SELECT 1; END",
  "CREATE TABLE trigger_log (a INT)¦; SELECT 1",
  "ALTER TABLE t ADD b INT¦; SELECT 1",
  "CREATE PROCEDURE p() SELECT 1¦; SELECT 2",
  "CREATE PROCEDURE p() BEGIN SELECT 1; SELECT ';'; END¦; CALL p()",
  "create or replace definer = `a;b`@`%` procedure if not exists p() begin select 1; end¦; call p()",
  "CREATE FUNCTION f(a INT) RETURNS INT BEGIN IF a > 1 THEN RETURN 1; ELSEIF a THEN RETURN 2; ELSE RETURN 3; END IF; END¦; SELECT f(1)",
  "CREATE PROCEDURE p() BEGIN IF (a) THEN SET @x = IF(1, 2, 3); END IF; DROP TABLE IF EXISTS t; END¦; SELECT 1",
  "CREATE PROCEDURE p() BEGIN SELECT CASE a WHEN 1 THEN 2 END; CASE a WHEN 1 THEN SELECT 1; END CASE; END¦; SELECT 1",
  "CREATE PROCEDURE p() BEGIN l: LOOP LEAVE l; END LOOP l; WHILE a DO SET a = 0; END WHILE; REPEAT SET a = 1; UNTIL a END REPEAT; END¦; SELECT 1",
  "CREATE PROCEDURE p() BEGIN SELECT REPEAT('x', 3); DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN END; SELECT 1 FOR UPDATE; END¦; SELECT 1",
  "CREATE PROCEDURE p() WHILE a DO SET a = 0; END WHILE¦; SELECT 1",
  "CREATE TRIGGER t BEFORE INSERT ON x FOR EACH ROW SET NEW.a = 1¦; SELECT 1",
  "CREATE TRIGGER t BEFORE INSERT ON x FOR EACH ROW BEGIN SET NEW.a = 1; END¦; SELECT 1",
  "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO BEGIN DELETE FROM t; END¦; SELECT 1",
  "BEGIN NOT ATOMIC SELECT 1; FOR i IN 1..3 DO SELECT i; END FOR; END¦; SELECT 2",
  "IF 1 THEN SELECT 1; END IF¦; SELECT 2",
  "CREATE PROCEDURE p() BEGIN SELECT 'é'; END¦; SELECT 'é'",
  "CREATE PROCEDURE p() BEGIN SELECT 1;¦",
  "CREATE PROCEDURE p() FOR i IN 1..3 DO SELECT i; END FOR¦; SELECT 1",
  "CREATE PROCEDURE p() BEGIN l:LOOP LEAVE l; END LOOP; m:BEGIN SELECT 1; END m; END¦; SELECT 1",
  "CREATE FUNCTION f() RETURNS INT IF (1) THEN RETURN 1; ELSE RETURN IF(1, 2, 3); END IF¦; SELECT 1",
  "CREATE PROCEDURE p() BEGIN SELECT t.end, t.begin FROM t; SELECT 1; END¦; SELECT 1",
  "SET STATEMENT sql_mode = '' FOR CREATE PROCEDURE p() BEGIN SELECT 1; END¦; SELECT 1",
  "CREATE PACKAGE p AS PROCEDURE a; FUNCTION f(x INT) RETURN INT; END¦; SELECT 1",
  "CREATE PACKAGE BODY p AS v INT := 1; PROCEDURE b; PROCEDURE a AS x INT; BEGIN IF v = 1 THEN b; END IF; END; PROCEDURE b AS BEGIN NULL; END b; END p¦; SELECT 1",
  "CREATE OR REPLACE PACKAGE BODY p IS FUNCTION f RETURN INT AS BEGIN RETURN CASE WHEN 1 THEN 2 END; END; BEGIN SELECT 1; IF 1 THEN SELECT 2; END IF; END¦; SELECT 1",
  "CREATE PROCEDURE p AS BEGIN FOR i IN 1 .. 2 LOOP SELECT i; END LOOP; WHILE a > 1 LOOP SELECT 2; END LOOP; END¦; SELECT 1",
  "SET @a = 1¦; SELECT 1; END",
  "SELECT 1¦",
] as const;

describe("the first statement ends", () => {
  test.each(TEXTS)("%s", (marked) => {
    const sql = Buffer.from(marked.replace("¦", ""));
    const wanted = Buffer.byteLength(marked.slice(0, marked.indexOf("¦")));
    expect(statementEnd(sql, normalize(sql, DEFAULT_SQL_MODE), DEFAULT_SQL_MODE)).toBe(wanted);
  });

  test.each([
    "CREATE PROCEDURE p AS x INT := 1; BEGIN SELECT x; END; SELECT 1",
    "CREATE FUNCTION f RETURN INT AS x INT; BEGIN RETURN 1; END;",
    "DECLARE x INT; BEGIN SELECT x; END;",
    "BEGIN SELECT 1; END;",
  ])("%s is one statement under ORACLE", (text) => {
    const sql = Buffer.from(text);
    const mode = { ...DEFAULT_SQL_MODE, oracle: true };
    expect(statementEnd(sql, normalize(sql, mode), mode)).toBe(sql.length);
  });

  test("of a transaction is its own under ORACLE", () => {
    const sql = Buffer.from("BEGIN; SELECT 1");
    const mode = { ...DEFAULT_SQL_MODE, oracle: true };
    expect(statementEnd(sql, normalize(sql, mode), mode)).toBe("BEGIN".length);
  });

  test("behind a body that is longer than what is looked at first", () => {
    const body = `CREATE PROCEDURE p() BEGIN ${"SELECT 'a;b', 1; ".repeat(2_000)}END`;
    const sql = Buffer.from(`${body}; SELECT 1`);
    expect(statementEnd(sql, normalize(sql, DEFAULT_SQL_MODE), DEFAULT_SQL_MODE)).toBe(body.length);
  });

  test.each(["`a;b`", "'a;b'", '"a;b"', "/* a;b */ 1", "a1"])("behind a long body, wherever its %s are cut", (part) => {
    for (let shift = 0; shift < part.length + 10; shift++) {
      const body = `CREATE PROCEDURE p() BEGIN ${" ".repeat(shift)}${`SELECT ${part}; `.repeat(500)}END`;
      const sql = Buffer.from(`${body}; SELECT 1`);
      expect(statementEnd(sql, normalize(sql, DEFAULT_SQL_MODE), DEFAULT_SQL_MODE)).toBe(body.length);
    }
  });
});
