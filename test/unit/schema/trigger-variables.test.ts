// What variables a program sets, by its text, and which others it may run.

import { expect, test } from "vitest";
import { textsReached, variablesSetIn } from "../../../src/schema/trigger-variables.ts";

test.each([
  ["SET NEW.a = 1", []],
  ["SET NEW.a = @user", []],
  ["INSERT INTO log VALUES (@user, @@version)", []],
  ["SET NEW.id = UUID(), @Last = NEW.id", ["last"]],
  ["BEGIN SET @a := 1; SELECT b, c INTO @`b b`, @c FROM t WHERE d = @d; END", ["@", "a", "b b", "c"]],
  ["SET NEW.a = (@n := @n + 1)", ["@", "n"]],
  ["BEGIN SET @n = 1; SET NEW.a = @n; END", ["n"]],
  ["BEGIN SET NEW.a = @n; SET @n = 1; END", ["@", "n"]],
  ["BEGIN IF NEW.a THEN SET @n = 1; END IF; SET NEW.a = @n; END", ["@", "n"]],
  ["CALL p(@out, 1)", ["@", "out"]],
  ["SET SESSION sort_buffer_size = 1", ["@@"]],
  ["SET NEW.a = 1, @@sort_buffer_size = 1", ["@@"]],
  ["BEGIN SET group_concat_max_len = 1; END", ["@@"]],
  ["BEGIN DECLARE a, b INT DEFAULT 0; SET a = 1, b = a; IF a THEN SET b = 2; END IF; END", []],
  ["BEGIN DECLARE old INT DEFAULT @@foreign_key_checks; SET foreign_key_checks = 0; END", ["@@"]],
  ["UPDATE log SET n = n + 1 WHERE a = NEW.a", []],
  ["INSERT INTO log SET n = 1", []],
  ["BEGIN DECLARE s VARCHAR(9) CHARACTER SET utf8; UPDATE log SET n = 'a; SET b = 1'; END", []],
])("%s", (body, names) => {
  expect(variablesSetIn(body)).toEqual(names);
});

test("a text reaches what it names, and what that names", () => {
  const programs = new Map([
    ["f", ["RETURN g(1)"]],
    ["g", ["SET @g = 1", "INSERT INTO f VALUES (1)"]],
    ["a b", ["SET @ab = 1"]],
    ["other", ["SET @other = 1"]],
  ]);
  expect(textsReached("SET NEW.a = F(1)", programs)).toEqual([
    "SET NEW.a = F(1)",
    "RETURN g(1)",
    "SET @g = 1",
    "INSERT INTO f VALUES (1)",
  ]);
  expect(textsReached("INSERT INTO u.`a b` VALUES (NEW.a)", programs)).toContain("SET @ab = 1");
  expect(textsReached("SET NEW.a = 1", programs)).toHaveLength(1);
});
