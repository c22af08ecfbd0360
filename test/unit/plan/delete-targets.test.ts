// DELETE over several tables while no keyspace is selected.

import { describe, expect, test } from "vitest";
import { planStatement } from "../../../src/plan/planner.ts";
import { NO_SCHEMA } from "../../../src/schema/model.ts";
import { parse } from "../../../src/sql/parse.ts";
import { parseClusterVSchema } from "../../../src/vschema/parse-cluster.ts";
import { loadHashes } from "../../../src/vschema/xxh64.ts";

await loadHashes();

const vschema = parseClusterVSchema({ keyspaces: { a: { tables: { listed: {} } }, b: {} } });

function plan(sql: string, keyspace?: string): string {
  return planStatement(parse(sql), { vschema, schema: NO_SCHEMA, keyspace }).kind;
}

describe("what rows are deleted from", () => {
  test.each([
    "DELETE t FROM a.t, a.u",
    "DELETE x FROM a.t AS x, a.u",
    "DELETE FROM t USING a.t",
    "DELETE nope FROM a.t, a.u",
  ])("%s names no database", (sql) => {
    expect(() => plan(sql)).toThrow("No database selected");
  });

  test.each(["DELETE a.t FROM a.t, a.u", "DELETE FROM a.t", "DELETE listed FROM listed"])("%s does", (sql) => {
    expect(plan(sql)).toBe("send");
  });

  test("is in the selected one", () => {
    expect(plan("DELETE t FROM a.t, a.u", "a")).toBe("send");
  });
});
