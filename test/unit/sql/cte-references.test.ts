import { expect, test } from "vitest";
import { parse } from "../../../src/sql/parse.ts";
import { cteReferences } from "../../../src/sql/tables.ts";

test.each([
  ["with t as (select 1) select * from t", ["t"]],
  ["with t as (select * from t) select * from t join t u", ["t", "t"]],
  ["with recursive t as (select 1 union select * from t) select * from t", ["t", "t"]],
  ["with a as (select * from b), b as (select * from a) select * from B", ["a", "B"]],
  ["with recursive a as (select * from b), b as (select 1) select * from a", ["b", "a"]],
  ["with t as (select 1) select * from k.t", []],
  ["select (with t as (select 1) select * from t) from t", ["t"]],
  ["select * from (with t as (select 1) select * from t) d, t", ["t"]],
  ["with t as (select 1) select * from u where a in (select * from t)", ["t"]],
])("%s", (sql, wanted) => {
  expect([...cteReferences(parse(sql))].map(({ name }) => name)).toEqual(wanted);
});
