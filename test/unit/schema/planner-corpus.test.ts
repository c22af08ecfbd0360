// The planner corpus loads whole: every definition and every VSchema of it, and VSchema columns stand in where no
// definition is.

import { describe, expect, test } from "vitest";
import { clusterSchemaOf, NO_SCHEMA } from "../../../src/schema/model.ts";
import { readDefinitions } from "../../../src/schema/ddl.ts";
import { withVSchemaColumns } from "../../../src/vschema/column-schema.ts";
import { parseVSchema } from "../../../src/vschema/parse-vschema.ts";
import { loadHashes } from "../../../src/vschema/xxh64.ts";
import { plannerClusters } from "../../fixture/planner-corpus.ts";

await loadHashes();
const clusters = plannerClusters();

describe.skipIf(clusters === undefined)("planner corpus", () => {
  test("definitions and VSchemas are there", () => {
    expect([...(clusters?.keys() ?? [])]).toEqual(
      expect.arrayContaining(["schema", "oltp_schema", "tpch_schema", "tpcc_schema", "unsharded_schema"]),
    );
    const { vschema, schema } = clusters?.get("schema") ?? { vschema: undefined, schema: NO_SCHEMA };
    expect(vschema?.routingRules.length).toBeGreaterThan(0);
    expect(schema.table("user", "user")?.columns.map(({ name }) => name)).toContain("someColumn");
    expect(schema.table("user", "user")?.columns.find(({ name }) => name === "intcol")).toMatchObject({
      dataType: "bigint",
      nullable: true,
    });
    expect(schema.table("user", "seq")?.kind).toBe("sequence");
    expect(schema.table("main", "unsharded_authoritative")?.columns.map(({ name }) => name)).toEqual(["col1", "col2"]);
    expect(schema.table("main", "nowhere")).toBeUndefined();
  });
});

describe("columns of a VSchema", () => {
  const vschema = parseVSchema("ks", {
    tables: {
      whole: {
        columns: [
          { name: "Id", type: "UINT64", nullable: false },
          { name: "t", type: "VARCHAR", size: 20, collation_name: "utf8mb4_bin" },
          { name: "e", type: "ENUM", values: ["'a'", "'b'"] },
          { name: "d", type: "DECIMAL", size: 9, scale: 2, invisible: true },
          { name: "plain" },
        ],
        column_list_authoritative: true,
      },
      part: { columns: [{ name: "id", type: "INT64" }] },
    },
  });
  const keyspaces = new Map([["ks", vschema]]);

  test("an authoritative list is a definition", () => {
    const schema = withVSchemaColumns(NO_SCHEMA, keyspaces);
    expect(schema.table("ks", "whole")?.columns).toMatchObject([
      { name: "Id", lower: "id", dataType: "bigint", columnType: "bigint unsigned", unsigned: true, nullable: false },
      { dataType: "varchar", columnType: "varchar(20)", charset: "utf8mb4", collation: "utf8mb4_bin", nullable: true },
      { dataType: "enum", columnType: "enum('a','b')" },
      { dataType: "decimal", columnType: "decimal(9,2)", invisible: true },
      { dataType: "", columnType: "" },
    ]);
    expect(schema.table("ks", "part")).toBeUndefined();
    expect(schema.tables("ks").map(({ name }) => name)).toEqual(["whole"]);
  });

  test("what a shard says goes before it", () => {
    const { tables } = readDefinitions("ks", ["CREATE TABLE whole (other INT)", "CREATE TABLE unlisted (a INT)"]);
    const schema = withVSchemaColumns(clusterSchemaOf(new Map([["ks", tables]]), 7), keyspaces);
    expect(schema.version).toBe(7);
    expect(schema.table("ks", "whole")?.columns.map(({ name }) => name)).toEqual(["other"]);
    expect(schema.tables("ks").map(({ name }) => name)).toEqual(["unlisted", "whole"]);
  });
});
