// INSERT without a column list: the columns come from the table's definition, or from an authoritative list of the VSchema,
// and stand in what the shard gets.

import { describe, expect, test } from "vitest";
import type { InsertPlan } from "../../../src/plan/plan.ts";
import { planStatement } from "../../../src/plan/planner.ts";
import type { PlanContext } from "../../../src/plan/tables.ts";
import { readDefinitions } from "../../../src/schema/ddl.ts";
import { clusterSchemaOf, NO_SCHEMA } from "../../../src/schema/model.ts";
import { parse } from "../../../src/sql/parse.ts";
import { print } from "../../../src/sql/print.ts";
import { parseClusterVSchema } from "../../../src/vschema/parse-cluster.ts";
import { loadHashes } from "../../../src/vschema/xxh64.ts";

await loadHashes();

const placed = { column_vindexes: [{ column: "ID", name: "xxhash" }] };
const vschema = parseClusterVSchema({
  keyspaces: {
    ks: {
      sharded: true,
      vindexes: { xxhash: { type: "xxhash" } },
      tables: {
        known: placed,
        unknown: placed,
        listed: {
          ...placed,
          columns: [{ name: "v" }, { name: "hidden", invisible: true }, { name: "ID", type: "INT64" }],
          column_list_authoritative: true,
        },
      },
    },
  },
});
const { tables } = readDefinitions("ks", [
  "CREATE TABLE known (v VARCHAR(9), h INT INVISIBLE, Id BIGINT PRIMARY KEY, g INT AS (Id + 1))",
]);
const context: PlanContext = { vschema, schema: clusterSchemaOf(new Map([["ks", tables]])), keyspace: "ks" };

function planOf(sql: string, schema = context.schema): InsertPlan {
  const plan = planStatement(parse(sql), { ...context, schema });
  if (plan.kind !== "insert") throw new Error(plan.kind);
  return plan;
}

describe("INSERT without a column list", () => {
  test("takes the visible columns of the definition, in order", () => {
    const plan = planOf("INSERT INTO known VALUES ('a', 5, DEFAULT), ('b', 6, DEFAULT)");
    expect(print(plan.statement)).toBe("insert into known (v, Id, g) values ('a', 5, default), ('b', 6, default)");
    expect(plan.printed).toBe(true);
    expect(plan.primary.values.map(([ref]) => ref?.kind === "constant" && ref.value.raw.toString())).toEqual([
      "5",
      "6",
    ]);
    expect(plan.primary.holds).toEqual(["integer"]);
  });

  test("or of the VSchema's list", () => {
    const plan = planOf("REPLACE INTO listed VALUES ('a', 7)", NO_SCHEMA);
    expect(print(plan.statement)).toBe("replace into listed (v, ID) values ('a', 7)");
    expect(plan.primary.holds).toEqual(["integer"]);
  });

  test("a sharding key that is left out is asked for as its default", () => {
    const plan = planStatement(parse("INSERT INTO known (V) VALUES ('a'), ('b')"), context);
    expect(plan).toMatchObject({
      kind: "insert-rows",
      asked: [
        { row: 0, position: 1 },
        { row: 1, position: 1 },
      ],
    });
  });

  test("with a list, the statement stays as it is", () => {
    const plan = planOf("INSERT INTO known (Id) VALUES (5)");
    expect(plan.printed).toBeUndefined();
    expect(plan.primary.holds).toEqual(["integer"]);
  });

  test.each([
    ["INSERT INTO unknown VALUES (1, 2)", "without a column list"],
    ["INSERT INTO known VALUES ('a', 1)", "Column count doesn't match value count at row 1"],
  ])("%s is refused: %s", (sql, message) => {
    expect(() => planOf(sql)).toThrow(message);
  });
});
