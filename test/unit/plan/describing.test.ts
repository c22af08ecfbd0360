import { expect, test } from "vitest";
import { describing } from "../../../src/plan/describing.ts";
import { parse } from "../../../src/sql/parse.ts";
import { print } from "../../../src/sql/print.ts";
import { isQuery } from "../../../src/sql/walk.ts";

test.each([
  ["select a from t", "select a from t limit 0"],
  ["select a from t order by a limit 5, 10", "select a from t order by a limit 0"],
  ["select sql_calc_found_rows distinct a from t for update", "select distinct a from t limit 0"],
  ["select a from t into @a", "select a from t limit 0"],
  ["select (select b from u limit 1 for update) from t", "select (select b from u limit 1) from t limit 0"],
  [
    "select a from t union all select b from u limit 3",
    "(select a from t limit 0) union all (select b from u limit 0) limit 0",
  ],
  ["(select a from t limit 1) limit 2", "(select a from t limit 0) limit 0"],
  [
    "with c as (select a from t limit 1) select a from c union select 1",
    "with c as (select a from t limit 1) (select a from c limit 0) union (select 1 limit 0) limit 0",
  ],
])("%s", (sql, wanted) => {
  const statement = parse(sql);
  if (!isQuery(statement)) throw new Error("not a query");
  expect(print(describing(statement))).toBe(wanted);
});
