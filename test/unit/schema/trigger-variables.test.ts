// What user variables a trigger sets, by its text.

import { expect, test } from "vitest";
import { variablesSetIn } from "../../../src/schema/trigger-variables.ts";

test.each([
  ["SET NEW.a = 1", []],
  ["SET NEW.a = @user", []],
  ["INSERT INTO log VALUES (@user, @@version)", []],
  ["SET NEW.id = UUID(), @Last = NEW.id", ["last"]],
  ["BEGIN SET @a := 1; SELECT b, c INTO @`b b`, @c FROM t WHERE d = @d; END", ["a", "b b", "c"]],
  ["SET NEW.a = (@n := @n + 1)", ["n"]],
])("%s", (body, names) => {
  expect(variablesSetIn(body)).toEqual(names);
});
