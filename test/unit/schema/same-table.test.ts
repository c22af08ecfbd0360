// What counts as a change of a definition that is known.

import { expect, test } from "vitest";
import type { TableSchema } from "../../../src/schema/model.ts";
import { sameDefinition } from "../../../src/schema/same-table.ts";

const TABLE: TableSchema = {
  name: "t",
  kind: "table",
  columns: [],
  keys: [],
  viewQuery: undefined,
  triggerVariables: ["a"],
  rows: 1,
};

test("is the variables that triggers set, not the rows", () => {
  const { triggerVariables: _, ...without } = TABLE;
  expect(sameDefinition(TABLE, { ...TABLE, rows: 9 })).toBe(true);
  expect(sameDefinition(TABLE, { ...TABLE, triggerVariables: ["a", "b"] })).toBe(false);
  expect(sameDefinition(without, TABLE)).toBe(false);
});
