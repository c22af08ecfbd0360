// VSchema JSON: what is refused and in which words, what is only warned of, printing, differences, cluster checks.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { ShardgateError } from "../../../src/base/errors.ts";
import { checkVSchemas } from "../../../src/vschema/check-cluster.ts";
import { diffVSchema } from "../../../src/vschema/diff-vschema.ts";
import { formatVSchema } from "../../../src/vschema/format-vschema.ts";
import { type KeyspaceVSchema, primaryVindex } from "../../../src/vschema/model.ts";
import { parseClusterVSchema, parseClusterVSchemaText } from "../../../src/vschema/parse-cluster.ts";
import { parseVSchema, parseVSchemaText } from "../../../src/vschema/parse-vschema.ts";

const root = resolve(import.meta.dirname, "../../..");

const GOOD = {
  sharded: true,
  vindexes: {
    hash: { type: "hash" },
    region: { type: "region_experimental", params: { region_bytes: "1" } },
    email_map: {
      type: "consistent_lookup_unique",
      owner: "customer",
      params: { table: "c.email_idx", from: "email", to: "keyspace_id" },
    },
    name_map: { type: "lookup", params: { table: "c.name_idx", from: "name", to: "keyspace_id", write_only: "true" } },
  },
  tables: {
    customer: {
      column_vindexes: [
        { column: "Customer_id", name: "hash" },
        { columns: ["email"], name: "email_map" },
      ],
      auto_increment: { column: "customer_id", sequence: "c.customer_seq" },
      columns: [
        { name: "customer_id", type: "INT64", nullable: false },
        { name: "kind", type: "ENUM", values: ["a", "b"], default: "'a'" },
        { name: "hidden", invisible: true, collation_name: "utf8mb4_bin", size: 10, scale: 2 },
      ],
    },
    country: { type: "reference", source: "c.country" },
    audit: { pinned: "80", columns: [{ name: "id" }] },
    order: { columnVindexes: [{ columns: ["region", "id"], name: "region" }] },
  },
  requireExplicitRouting: true,
  foreignKeyMode: "managed",
  multi_tenant_spec: { tenant_id_column_name: "tenant", tenant_id_column_type: "INT64" },
};

describe("faults", () => {
  const table = (column_vindexes: unknown, more: object = {}) => ({
    sharded: true,
    vindexes: { hash: { type: "hash" }, map: { type: "lookup" }, own: { type: "lookup_unique", owner: "t" } },
    tables: { t: { column_vindexes, ...more } },
  });
  const good = [{ column: "id", name: "hash" }];
  const cases: [string, unknown, string[]][] = [
    ["no object", [], ["ks: an object { } expected, found a list"]],
    ["unknown field", { shared: true }, ['ks.shared: unknown field; did you mean "sharded"?']],
    [
      "both spellings",
      { foreign_key_mode: "managed", foreignKeyMode: "managed" },
      ["ks.foreignKeyMode: the same as foreign_key_mode; give it once"],
    ],
    [
      "wrong kinds",
      { sharded: "yes", tables: [], vindexes: 3 },
      [
        'ks.sharded: true or false expected, found the text "yes"',
        "ks.vindexes: an object { } expected, found the number 3",
        "ks.tables: an object { } expected, found a list",
      ],
    ],
    ["mode", { foreign_key_mode: "manged" }, ['ks.foreign_key_mode: "manged" is not known; did you mean "managed"?']],
    [
      "vindex type",
      { vindexes: { h: { type: "hahs" } } },
      ['ks.vindexes.h.type: vindex type "hahs" is not known; did you mean "hash"?'],
    ],
    ["vindex without type", { vindexes: { h: {} } }, ["ks.vindexes.h.type: missing"]],
    [
      "parameter kind",
      { vindexes: { h: { type: "multicol", params: { column_count: 2 } } } },
      [
        "ks.vindexes.h.params.column_count: a parameter's value must be a text in quotes",
        'ks.vindexes.h.params: parameter "column_count" is missing',
      ],
    ],
    [
      "parameter",
      { vindexes: { h: { type: "numeric_static_map", params: { json: '{"1": 2,\n}' } } } },
      ['ks.vindexes.h.params: parameter "json":2:1: a comma before }'],
    ],
    [
      "map file",
      { vindexes: { h: { type: "region_json", params: { region_bytes: "1", region_map: "absent.json" } } } },
      ["ks.vindexes.h.params: file absent.json cannot be read: ENOENT"],
    ],
    [
      "undefined vindex",
      table([{ column: "id", name: "hsah" }]),
      ['ks.tables.t.column_vindexes[0].name: vindex "hsah" is not defined; did you mean "hash"?'],
    ],
    [
      "no vindex",
      { sharded: true, tables: { "a.b": {} } },
      ['ks.tables["a.b"]: a table of a sharded keyspace needs column_vindexes'],
    ],
    [
      "column and columns",
      table([{ column: "a", columns: ["a"], name: "hash" }]),
      ["ks.tables.t.column_vindexes[0].columns: give column or columns, not both"],
    ],
    ["no column", table([{ name: "hash" }]), ["ks.tables.t.column_vindexes[0].column: missing"]],
    [
      "empty column",
      table([{ name: "hash", columns: [] }]),
      ["ks.tables.t.column_vindexes[0].columns: a column name is missing"],
    ],
    [
      "column twice",
      table([{ name: "map", columns: ["a", "A"] }]),
      ['ks.tables.t.column_vindexes[0].columns: column "A" is given twice'],
    ],
    [
      "column count",
      table([{ name: "hash", columns: ["a", "b"] }]),
      ['ks.tables.t.column_vindexes[0].columns: vindex "hash" (hash) takes 1 column, 2 given'],
    ],
    [
      "primary not unique",
      table([{ name: "map", column: "a" }]),
      ["ks.tables.t.column_vindexes[0].name: the first vindex places the rows and must be unique; lookup is not"],
    ],
    [
      "primary owned",
      table([{ name: "own", column: "a" }]),
      ["ks.tables.t.column_vindexes[0].name: the first vindex places the rows and cannot be owned by its own table"],
    ],
    [
      "table type",
      table(good, { type: "refrence" }),
      ['ks.tables.t.type: "refrence" is not known; did you mean "reference"?'],
    ],
    [
      "sharded sequence",
      table([], { type: "sequence" }),
      ["ks.tables.t: a sequence table must be in an unsharded keyspace or pinned"],
    ],
    ["pinned", table([], { pinned: "8" }), ['ks.tables.t.pinned: "8" is not a keyspace id']],
    [
      "pinned reference",
      table([], { pinned: "80", type: "reference" }),
      ["ks.tables.t.pinned: a reference table is on every shard"],
    ],
    [
      "source of a table",
      table(good, { source: "c.t" }),
      ['ks.tables.t.source: only tables of type "reference" have a source'],
    ],
    [
      "source here",
      table([], { type: "reference", source: "ks.t" }),
      ["ks.tables.t.source: the source must be in another keyspace"],
    ],
    [
      "auto_increment",
      table(good, { auto_increment: { column: "id" } }),
      ["ks.tables.t.auto_increment.sequence: a sequence table is missing"],
    ],
    [
      "columns",
      table(good, { columns: [{ name: "a" }, { name: "A" }, {}, { name: "b", type: "varchar", size: "x" }] }),
      [
        'ks.tables.t.columns[1].name: column "A" is given twice',
        "ks.tables.t.columns[2].name: a column name is missing",
        'ks.tables.t.columns[3].type: "varchar" is not known; did you mean "VARCHAR"?',
        'ks.tables.t.columns[3].size: a whole number expected, found the text "x"',
      ],
    ],
  ];
  for (const [name, json, wanted] of cases) {
    test(name, () => {
      const lines = faultsOf(() => parseVSchema("ks", json));
      expect(lines.length, lines.join("\n")).toBe(wanted.length);
      for (const line of wanted)
        expect(
          lines.find((got) => got.startsWith(line)),
          `${line}\n${lines.join("\n")}`,
        ).toBeDefined();
    });
  }

  test("the example of the manual", () => {
    const json = {
      sharded: true,
      vindexes: { hash: { type: "hash" } },
      tables: { corder: { column_vindexes: [{ column: "customer_id", name: "hsah" }] } },
    };
    expect(faultsOf(() => parseVSchema("customer", json))).toEqual([
      'customer.tables.corder.column_vindexes[0].name: vindex "hsah" is not defined; did you mean "hash"?',
    ]);
  });

  test("JSON syntax, with line and column", () => {
    const texts: [string, string][] = [
      ['{\n  "sharded": true,\n}', "ks:3:1: a comma before }"],
      ['{"sharded": tru}', 'ks:1:13: a value expected, found "tru"'],
      ['{"a": 1, "a": 2}', 'ks:1:10: name "a" is given twice'],
      ['{"a": 01}', "ks:1:8: malformed number"],
      ['{"a": "x', "ks:1:7: the text that begins here has no closing quote"],
      ['{"a" 1}', 'ks:1:6: : expected after the name, found "1"'],
      ['{"a": "\\q"}', "ks:1:8: unknown escape sequence"],
      ["{} x", 'ks:1:4: "x" after the end of the document'],
      ["", "ks:1:1: a value expected, found the end of the document"],
      ["[".repeat(5000), "ks:1:66: nested deeper than 64"],
    ];
    for (const [text, wanted] of texts) expect(faultsOf(() => parseVSchemaText("ks", text))[0]).toContain(wanted);
  });
});

describe("model", () => {
  test("everything a VSchema can say", () => {
    const vschema = parseVSchema("customer", GOOD);
    const customer = vschema.tables.get("customer");
    expect(vschema).toMatchObject({
      sharded: true,
      requireExplicitRouting: true,
      foreignKeyMode: "managed",
      warnings: [],
    });
    expect(customer?.columnVindexes.map(({ columns, columnsLower, owned }) => [columns, columnsLower, owned])).toEqual([
      [["Customer_id"], ["customer_id"], false],
      [["email"], ["email"], true],
    ]);
    expect(customer && primaryVindex(vschema, customer)?.vindex.type).toBe("hash");
    expect(customer?.autoIncrement?.sequence).toEqual({ keyspace: "c", table: "customer_seq" });
    expect(customer?.columns[0]).toMatchObject({ name: "customer_id", type: "INT64", nullable: false });
    expect(vschema.tables.get("audit")?.pinned).toEqual(Buffer.from([0x80]));
    expect(vschema.vindexes.get("name_map")?.vindex).toMatchObject({
      kind: "lookup",
      unique: false,
      needsVcursor: true,
      writeOnly: true,
      from: ["name"],
      cost: 20,
    });
  });

  test("printing and reading again changes nothing", () => {
    const vschema = parseVSchema("customer", GOOD);
    const text = formatVSchema(vschema);
    const again = parseVSchemaText("customer", text);
    expect(formatVSchema(again)).toBe(text);
    expect(diffVSchema(vschema, again)).toBe("");
    expect(JSON.parse(text).tables.order.column_vindexes).toEqual([{ columns: ["region", "id"], name: "region" }]);
  });

  test("what is accepted but not meant is a warning", () => {
    const { warnings } = parseVSchema("ks", {
      sharded: true,
      vindexes: {
        hash: { type: "hash", owner: "t", params: { hello: "world" } },
        map: { type: "lookup", owner: "tt" },
      },
      tables: {
        t: {
          column_vindexes: [{ column: "id", name: "hash" }],
          columns: [{ name: "idd" }],
          column_list_authoritative: true,
        },
      },
    });
    expect(warnings.map(({ path, message }) => `${path}: ${message}`)).toEqual([
      "ks.vindexes.hash.params.hello: hash has no such parameter; it is ignored",
      "ks.vindexes.hash.owner: a hash vindex has no owner; it is ignored",
      'ks.tables.t.columns: the list is authoritative but lacks "id"; did you mean "idd"?',
      'ks.vindexes.map.owner: table "tt" is not defined; did you mean "t"?',
    ]);
  });

  test("names that are special to JavaScript are names like others", () => {
    const text =
      '{"sharded":true,"vindexes":{"__proto__":{"type":"hash"},"constructor":{"type":"xxhash"}},"tables":{"__proto__":{"column_vindexes":[{"column":"__proto__","name":"__proto__"}]},"toString":{"column_vindexes":[{"column":"id","name":"constructor"}]}}}';
    for (const vschema of [parseVSchemaText("ks", text), parseVSchema("ks", JSON.parse(text))]) {
      expect([...vschema.tables.keys()]).toEqual(["__proto__", "toString"]);
      expect(vschema.tables.get("__proto__")?.columnVindexes[0]?.vindex.type).toBe("hash");
      expect(formatVSchema(parseVSchemaText("ks", formatVSchema(vschema)))).toBe(formatVSchema(vschema));
    }
    expect(faultsOf(() => parseVSchema("ks", JSON.parse('{"__proto__":{"sharded":true}}')))).toEqual([
      "ks.__proto__: unknown field",
    ]);
    expect(faultsOf(() => parseVSchema("ks", { vindexes: { h: { type: "constructor" } } }))[0]).toContain(
      "is not known",
    );
    expect(Object.prototype).not.toHaveProperty("sharded");
  });
});

describe("differences", () => {
  const base = {
    sharded: true,
    vindexes: { hash: { type: "hash" }, xx: { type: "xxhash" } },
    tables: {
      t: { column_vindexes: [{ column: "id", name: "hash" }] },
      gone: { column_vindexes: [{ column: "id", name: "hash" }] },
    },
  };
  test("a changed primary vindex is danger, a renamed one is not", () => {
    const before = parseVSchema("ks", base);
    expect(diffVSchema(before, before)).toBe("");
    const moved = parseVSchema("ks", {
      ...base,
      vindexes: { hash: { type: "hash" }, xx: { type: "xxhash" }, h2: { type: "hash" } },
      tables: { t: { column_vindexes: [{ column: "id", name: "xx" }] }, fresh: { type: "reference" } },
    });
    expect(diffVSchema(before, moved)).toBe(
      [
        '+ vindex "h2": hash',
        '~ table "t": placed by hash(id) -> placed by xx(id), xxhash',
        '! rows of "t" already stored stay where they are and will not be found: move them first',
        '+ table "fresh": reference table',
        '- table "gone"',
        '! queries on "gone" will fail: a sharded keyspace knows only listed tables',
        "",
      ].join("\n"),
    );
    const renamed = parseVSchema("ks", {
      ...base,
      vindexes: { hash: { type: "hash" }, h2: { type: "hash" } },
      tables: { ...base.tables, t: { column_vindexes: [{ column: "ID", name: "h2" }] } },
    });
    expect(diffVSchema(before, renamed)).not.toContain("!");
    const sameName = parseVSchema("ks", { ...base, vindexes: { ...base.vindexes, hash: { type: "xxhash" } } });
    expect(diffVSchema(before, sameName)).toContain('! rows of "t"');
  });

  test("the first VSchema, and turning sharding on", () => {
    const unsharded = parseVSchema("ks", { tables: { t: {} } });
    const sharded = parseVSchema("ks", base);
    expect(diffVSchema(undefined, sharded)).toContain('+ table "t": placed by hash(id)');
    expect(diffVSchema(unsharded, sharded)).toContain("~ sharded: false -> true\n!");
  });
});

describe("cluster", () => {
  test("names that lead nowhere", () => {
    const cluster = parseClusterVSchema({
      keyspaces: {
        commerce: { tables: { seq: { type: "sequence" }, country: {}, plain: {} } },
        other: { tables: { seq: { type: "sequence" } } },
        customer: {
          sharded: true,
          vindexes: { hash: { type: "hash" } },
          tables: {
            a: {
              column_vindexes: [{ column: "id", name: "hash" }],
              auto_increment: { column: "id", sequence: "commerce.sec" },
            },
            b: { column_vindexes: [{ column: "id", name: "hash" }], auto_increment: { column: "id", sequence: "seq" } },
            c: {
              column_vindexes: [{ column: "id", name: "hash" }],
              auto_increment: { column: "id", sequence: "commerce.plain" },
            },
            d: {
              column_vindexes: [{ column: "id", name: "hash" }],
              auto_increment: { column: "id", sequence: "commerce.seq" },
            },
            country: { type: "reference", source: "commerce.country" },
            unlisted: { type: "reference", source: "commerce.unlisted" },
            lost: { type: "reference", source: "comerce.country" },
          },
        },
      },
      routing_rules: {
        rules: [
          { from_table: "x", to_tables: ["customer.aa"] },
          { from_table: "x", to_tables: ["commerce.unlisted"] },
          { from_table: "y@replca", to_tables: ["a"] },
          { from_table: "z", to_tables: [] },
        ],
      },
    });
    expect(checkVSchemas(cluster).map(({ path, message }) => `${path}: ${message}`)).toEqual([
      'customer.tables.a.auto_increment.sequence: sequence table "commerce.sec" is not defined; did you mean "seq"?',
      'customer.tables.b.auto_increment.sequence: table "seq" is in commerce and other; write keyspace.table',
      'customer.tables.c.auto_increment.sequence: table "commerce.plain" is not of type "sequence"',
      'customer.tables.lost.source: keyspace "comerce" is not defined; did you mean "commerce"?',
      'routing_rules.rules[0].to_tables[0]: table "customer.aa" is not defined; did you mean "a"?',
      'routing_rules.rules[1].from_table: a rule for "x" is given before',
      'routing_rules.rules[2].from_table: tablet type "replca" is not known; did you mean "replica"?',
      'routing_rules.rules[2].to_tables[0]: "a" must be keyspace.table',
    ]);
  });

  test("the demo keyspaces", () => {
    const keyspaces = new Map<string, KeyspaceVSchema>();
    for (const name of ["commerce", "customer"]) {
      const vschema = parseVSchemaText(name, readFileSync(resolve(root, "vschema", name, "vschema.json"), "utf8"));
      expect(vschema.warnings).toEqual([]);
      keyspaces.set(name, vschema);
    }
    expect(checkVSchemas({ keyspaces, routingRules: [] })).toEqual([]);
  });

  const shared = process.env["SHARDGATE_SHARED"] ?? resolve(root, "../shared");
  const folder = resolve(shared, "corpus/planner-schema/vschemas");
  if (!existsSync(folder)) process.stderr.write(`skipped: VSchemas of the planner corpus, ${folder} is absent\n`);
  test.skipIf(!existsSync(folder))("the VSchemas of the planner corpus load unchanged", () => {
    const files = readdirSync(folder);
    expect(files.length).toBeGreaterThan(5);
    for (const file of files) {
      const cluster = parseClusterVSchemaText(readFileSync(resolve(folder, file), "utf8"));
      for (const vschema of cluster.keyspaces.values()) {
        const again = parseVSchemaText(vschema.keyspace, formatVSchema(vschema));
        expect(diffVSchema(vschema, again)).toBe("");
      }
    }
  });
});

function faultsOf(run: () => unknown): string[] {
  try {
    run();
  } catch (error) {
    if (error instanceof ShardgateError && error.id === "VSCHEMA_BAD") return error.message.split("\n");
    throw error;
  }
  throw new Error("nothing was refused");
}
