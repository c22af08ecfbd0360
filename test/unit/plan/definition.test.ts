// Definitions in sharded keyspaces: what all shards run, what is refused and what to do then, and where statements go whose
// tables are several keyspaces of one mysqld.

import { beforeAll, describe, expect, test } from "vitest";
import { ShardgateError } from "../../../src/base/errors.ts";
import type { Plan } from "../../../src/plan/plan.ts";
import { planStatement } from "../../../src/plan/planner.ts";
import { enteredEntry, formatTableEntry, proposeEntry } from "../../../src/plan/propose-entry.ts";
import type { PlanContext } from "../../../src/plan/tables.ts";
import { readDefinitions } from "../../../src/schema/ddl.ts";
import { clusterSchemaOf } from "../../../src/schema/model.ts";
import { parse } from "../../../src/sql/parse.ts";
import type { KeyspaceVSchema } from "../../../src/vschema/model.ts";
import { checkVSchema } from "../../../src/vschema/parse-vschema.ts";
import { loadHashes } from "../../../src/vschema/xxh64.ts";

let context: PlanContext;

function vschemaOf(name: string, json: object): KeyspaceVSchema {
  const checked = checkVSchema(name, json);
  if (checked.kind === "bad") throw new Error(JSON.stringify(checked.faults));
  return checked.vschema;
}

beforeAll(async () => {
  await loadHashes();
  const by = (column: string, name = "hash") => ({ column_vindexes: [{ column, name }] });
  const sharded = {
    sharded: true,
    vindexes: {
      hash: { type: "hash" },
      other: { type: "xxhash" },
      found: { type: "lookup_unique", params: { table: "u.found", from: "v", to: "id" }, owner: "owner" },
    },
    tables: {
      a: by("id"),
      child: by("parent"),
      by_other: by("parent", "other"),
      words: { type: "reference" },
      pin: { pinned: "00" },
      owner: {
        column_vindexes: [
          { column: "id", name: "hash" },
          { column: "v", name: "found" },
        ],
      },
    },
  };
  const keyspaces = new Map([
    ["k", vschemaOf("k", sharded)],
    [
      "strict",
      vschemaOf("strict", {
        ...sharded,
        vindexes: { ...sharded.vindexes, found: undefined },
        tables: { a: by("id") },
        foreign_key_mode: "disallow",
      }),
    ],
    ["lenient", vschemaOf("lenient", { ...sharded, foreign_key_mode: "unmanaged" })],
    ["u", vschemaOf("u", {})],
    ["far", vschemaOf("far", {})],
    ["made", { ...vschemaOf("made", {}), servedFrom: "u" }],
    ["made2", { ...vschemaOf("made2", {}), servedFrom: "u" }],
  ]);
  const vschema = { keyspaces, routingRules: [], shardRoutingRules: [], keyspaceRoutingRules: [], mirrorRules: [] };
  const { tables } = readDefinitions("k", ["CREATE TABLE a (id BIGINT PRIMARY KEY, v VARCHAR(20))"]);
  context = { vschema, schema: clusterSchemaOf(new Map([["k", tables]])), keyspace: "k" };
});

function planned(sql: string, keyspace: string | undefined = "k"): Plan {
  return planStatement(parse(sql), { ...context, keyspace });
}

/** The text of the refusal. */
function refusal(sql: string, keyspace: string | undefined = "k"): string {
  try {
    return `planned: ${planned(sql, keyspace).kind}`;
  } catch (error) {
    if (error instanceof ShardgateError) return `${error.errno} ${error.message}`;
    throw error;
  }
}

describe("on all shards", () => {
  test.each([
    "CREATE TABLE a (id BIGINT PRIMARY KEY)",
    "CREATE TABLE k.a LIKE k.child",
    "ALTER TABLE a ADD COLUMN x INT",
    "ALTER TABLE a MODIFY id INT UNSIGNED",
    "ALTER TABLE nobody_lists ADD COLUMN x INT",
    "DROP TABLE a, nobody_lists",
    "TRUNCATE a",
    "CREATE INDEX i ON a (v)",
    "DROP INDEX i ON a",
    "CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW SET NEW.v = 1",
    "DROP TRIGGER t",
    "CREATE PROCEDURE p () SELECT 1",
    "DROP FUNCTION IF EXISTS k.f",
    "CREATE FUNCTION f (a INT) RETURNS INT RETURN REPLACE(a, 'select from child', INSERT(a, 1, 1, 'owner'))",
    "CREATE FUNCTION k.f () RETURNS INT RETURN (SELECT COUNT(*) FROM words)",
    "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT 1",
    "CALL p()",
    "CALL k.p(1)",
    "RENAME TABLE a TO owner",
    "CREATE TABLE child (id BIGINT, parent BIGINT, FOREIGN KEY (parent) REFERENCES a (id))",
    "CREATE TABLE child (id BIGINT, parent BIGINT, FOREIGN KEY (id, Parent) REFERENCES a (v, ID))",
    "CREATE TABLE child (w INT, FOREIGN KEY (w) REFERENCES words (w))",
    "CREATE TABLE k.child (id BIGINT, parent BIGINT, FOREIGN KEY (parent) REFERENCES a (id))",
    "CREATE TABLE lenient.by_other (parent INT, FOREIGN KEY (parent) REFERENCES lenient.a (id))",
    "ALTER TABLE k.child ADD FOREIGN KEY (parent) REFERENCES a (id)",
  ])("%s", (sql) => {
    expect(planned(sql)).toMatchObject({ kind: "session" });
    expect(planned(sql, sql.includes("k.") ? "u" : "k")).toMatchObject({ kind: "session" });
  });
});

test("CREATE TABLE … SELECT of a table that gateways will enter", () => {
  const made = parse("CREATE TABLE made_now (id BIGINT PRIMARY KEY) SELECT id FROM a");
  expect(planStatement(made, { ...context, autoVSchema: true })).toMatchObject({ kind: "session" });
});

describe("refused", () => {
  test.each([
    [
      "CREATE TABLE u.x (a INT, b INT AS (@b := a) VIRTUAL)",
      /1235 .*user variable that is set in a table's definition/,
    ],
    ["ALTER TABLE u.one ADD b INT AS (@`b` := 1) VIRTUAL", /1235 .*user variable that is set in a table's definition/],
    ["CREATE FUNCTION f () RETURNS INT RETURN (SELECT COUNT(*) FROM a)", /1235 .*over sharded table a'/],
    ["CREATE FUNCTION k.f () RETURNS INT RETURN (SELECT 1 FROM words, `Child`)", /1235 .*over sharded table child'/],
    [
      "CREATE OR REPLACE FUNCTION f () RETURNS INT BEGIN INSERT INTO owner VALUES (1); RETURN 1; END",
      /1235 .*over sharded table owner'/,
    ],
    [
      "CREATE TABLE x (id INT PRIMARY KEY)",
      /1235 .*"tables": \{"x": \{"column_vindexes":\[\{"column":"id","name":"hash"\}\]\}\}/,
    ],
    ["CREATE TABLE x LIKE child", /"x": \{"column_vindexes":\[\{"column":"parent","name":"hash"\}\]\}/],
    ["CREATE TABLE a SELECT * FROM u.a", /INSERT … SELECT/],
    ["CREATE TABLE x (id BIGINT PRIMARY KEY) SELECT * FROM a", /1235 .*"x": /],
    ["RENAME TABLE a TO child", /another way/],
    ["RENAME TABLE a TO by_other", /another way/],
    ["ALTER TABLE a RENAME TO x", /"x": /],
    ["RENAME TABLE k.a TO u.a", /over keyspaces k and u/],
    ["ALTER TABLE a DROP COLUMN ID", /drops vindex column/],
    ["ALTER TABLE a CHANGE id no BIGINT", /renames vindex column/],
    ["ALTER TABLE a MODIFY id VARCHAR(10)", /changes the type of vindex column/],
    ["TRUNCATE TABLE owner", /lookup vindex/],
    ["CREATE SEQUENCE q", /in sharded keyspace k/],
    ["CREATE TEMPORARY TABLE a (id INT)", /CREATE TEMPORARY TABLE in sharded keyspace k/],
    [
      "CREATE TABLE child (v INT, CONSTRAINT fk FOREIGN KEY (v) REFERENCES a (id))",
      /foreign key fk of table child across shards/,
    ],
    ["CREATE TABLE child (parent INT REFERENCES a (v))", /\(parent\) of table child across shards/],
    ["CREATE TABLE by_other (parent INT, FOREIGN KEY (parent) REFERENCES a (id))", /by the same vindex/],
    ["CREATE TABLE words (w INT, FOREIGN KEY (w) REFERENCES a (id))", /different rows on each shard/],
    ["CREATE TABLE pin (w INT, FOREIGN KEY (w) REFERENCES a (id))", /pinned/],
    ["ALTER TABLE child ADD FOREIGN KEY (parent) REFERENCES nobody_lists (id)", /does not say where/],
    ["CREATE TABLE strict.a (id INT, FOREIGN KEY (id) REFERENCES strict.a (id))", /disallow/],
  ] as const)("%s", (sql, text) => {
    expect(refusal(sql)).toMatch(text);
  });

  test.each([
    "DROP TABLE mysql.global_priv",
    "ALTER TABLE mysql.proc ADD COLUMN x INT",
    "CREATE TABLE mysql.x (a INT)",
    "TRUNCATE MYSQL.proc",
    "RENAME TABLE t TO mysql.t",
    "RENAME TABLE mysql.user TO t",
    "CREATE INDEX i ON mysql.time_zone (Time_zone_id)",
    "DROP INDEX i ON mysql.time_zone",
    "CREATE VIEW sys.v AS SELECT 1",
    "DROP PROCEDURE sys.p",
    "CREATE EVENT performance_schema.e ON SCHEDULE EVERY 1 DAY DO SELECT 1",
    "CREATE TEMPORARY TABLE mysql.x (a INT)",
  ])("in a schema of each server's own: %s", (sql) => {
    for (const selected of ["k", "u"]) expect(refusal(sql, selected)).toMatch(/^1235 .*each server's own/);
  });

  test("nothing is defined in a system schema that is selected", () => {
    expect(refusal("DROP TABLE global_priv", "mysql")).toMatch(/^1235 .*each server's own/);
    expect(refusal("DROP TABLE u.t", "mysql")).toBe("planned: send");
  });
});

describe("keyspaces of one mysqld", () => {
  test.each([
    ["SELECT * FROM u.t JOIN made.t AS m USING (id)", undefined, "u"],
    ["SELECT * FROM t JOIN made.t AS m USING (id)", "made2", "made2"],
    ["INSERT INTO made.t SELECT * FROM u.t", "k", "made"],
    ["UPDATE made.t, u.t AS o SET o.v = 1", "u", "u"],
    ["DELETE made.t FROM made.t JOIN made2.t AS o USING (id)", undefined, "made"],
    ["RENAME TABLE made.t TO made2.t", "far", "made"],
    ["CREATE PROCEDURE made.p () SELECT 1", "k", "made"],
    ["CALL far.p()", "k", "far"],
  ])("%s", (sql, selected, home) => {
    expect(planned(sql, selected)).toMatchObject({ kind: "send", keyspace: home, routing: { kind: "unsharded" } });
  });

  test("others are not one", () => {
    expect(planned("SELECT * FROM u.t JOIN far.t AS f USING (id)").kind).not.toBe("send");
    expect(refusal("RENAME TABLE u.t TO far.t")).toMatch(/over keyspaces u and far/);
  });

  test("names without a keyspace are not looked for in databases that clients have made", () => {
    const { vschema, schema } = context;
    const made = vschema.keyspaces.get("made");
    const u = vschema.keyspaces.get("u");
    if (made === undefined || u === undefined) throw new Error("no keyspaces");
    const keyspaces = new Map([
      ["made", made],
      ["u", u],
    ]);
    const few = { vschema: { ...vschema, keyspaces }, schema, keyspace: undefined };
    expect(planStatement(parse("SELECT * FROM t"), few)).toMatchObject({ keyspace: "u" });
    expect(planStatement(parse("SELECT 1"), few)).toMatchObject({ keyspace: "u" });
  });
});

test.each(["CREATE INDEX i ON u.p (v)", "DROP INDEX i ON u.p"])("%s while a sharded keyspace is selected", (sql) => {
  expect(planned(sql)).toMatchObject({ kind: "send", keyspace: "u" });
});

describe("an entry for a new table", () => {
  test.each([
    ["CREATE TABLE x (id BIGINT PRIMARY KEY)", '"tables": {"x": {"column_vindexes":[{"column":"id","name":"hash"}]}}'],
    [
      "CREATE TABLE x (b INT, a INT, PRIMARY KEY (a, b))",
      '"tables": {"x": {"column_vindexes":[{"column":"a","name":"hash"}]}}',
    ],
    [
      "CREATE TABLE x (a BINARY(16), UNIQUE (a))",
      '"tables": {"x": {"column_vindexes":[{"column":"a","name":"other"}]}}',
    ],
    ["CREATE TABLE x (a INT)", '"tables": {"x": {"column_vindexes":[{"column":"…","name":"…"}]}}'],
    [
      "CREATE TABLE x (name VARCHAR(20) PRIMARY KEY)",
      '"tables": {"x": {"column_vindexes":[{"column":"name","name":"other"}]}}',
    ],
  ])("%s", (sql, entry) => {
    const keyspace = context.vschema.keyspaces.get("k");
    const statement = parse(sql);
    if (keyspace === undefined || statement.kind !== "ddl") throw new Error(sql);
    expect(formatTableEntry("x", proposeEntry(keyspace, statement.definition, undefined))).toBe(entry);
  });
});

describe("an entry that a gateway makes", () => {
  const auto_vschema = true;
  const placed = { column_vindexes: [{ column: "id", name: "hash" }] };
  test.each([
    ["CREATE TABLE x (id INT PRIMARY KEY)", { ...placed, auto_vschema }, undefined],
    ["CREATE TABLE x (id INT AUTO_INCREMENT PRIMARY KEY)", { ...placed, auto_vschema }, "id"],
    [
      "CREATE TABLE x (id BIGINT AUTO_INCREMENT PRIMARY KEY)",
      { ...placed, auto_increment: { column: "id", generator: "snowflake" }, auto_vschema },
      undefined,
    ],
    ["CREATE TABLE x (a INT)", { pinned: "00", auto_vschema }, undefined],
    ["CREATE TABLE x (id INT UNIQUE)", { pinned: "00", auto_vschema }, undefined],
    ["CREATE TABLE x (id INT NOT NULL UNIQUE)", { ...placed, auto_vschema }, undefined],
    ["CREATE TABLE x (id INT PRIMARY KEY, up INT REFERENCES x (id))", { pinned: "00", auto_vschema }, undefined],
    ["CREATE TABLE x (id INT PRIMARY KEY, p INT REFERENCES pin (id))", { pinned: "00", auto_vschema }, undefined],
  ])("%s", (sql, table, numbered) => {
    const keyspace = context.vschema.keyspaces.get("k");
    const statement = parse(sql);
    if (keyspace === undefined || statement.kind !== "ddl") throw new Error(sql);
    const entry = enteredEntry(keyspace, "x", statement.definition, undefined);
    expect(entry).toEqual({ vindexes: {}, table, ...(numbered === undefined ? {} : { numbered }) });
  });
});
