// Names of tables: which table a name means with and without a selected keyspace, by routing rules, for reference tables
// with a source; and what the statement says once the rules are followed.

import { describe, expect, test } from "vitest";
import { followRules, type PlanContext, resolveTable } from "../../../src/plan/tables.ts";
import { planStatement } from "../../../src/plan/planner.ts";
import { readDefinitions } from "../../../src/schema/ddl.ts";
import { clusterSchemaOf } from "../../../src/schema/model.ts";
import { parse } from "../../../src/sql/parse.ts";
import { print } from "../../../src/sql/print.ts";
import { parseClusterVSchema } from "../../../src/vschema/parse-cluster.ts";
import { loadHashes } from "../../../src/vschema/xxh64.ts";
import { plannerClusters } from "../../fixture/planner-corpus.ts";

await loadHashes();

const placed = { column_vindexes: [{ column: "id", name: "hash" }] };
const vschema = parseClusterVSchema({
  routing_rules: {
    rules: [
      { from_table: "route1", to_tables: ["user.user"] },
      { from_table: "main.moved", to_tables: ["user.user"] },
      { from_table: "main.moved@replica", to_tables: ["main.moved"] },
      { from_table: "second_user.foo", to_tables: ["user.user"] },
      { from_table: "user.chained", to_tables: ["second_user.foo"] },
      { from_table: "off", to_tables: [] },
      { from_table: "nowhere", to_tables: ["noks.noks"] },
      { from_table: "main.self", to_tables: ["main.self"] },
    ],
  },
  keyspaces: {
    user: {
      sharded: true,
      vindexes: { hash: { type: "hash" } },
      tables: {
        user: placed,
        music: placed,
        ref: { type: "reference", source: "main.ref" },
        other_ref: { type: "reference", source: "main.original" },
      },
    },
    second_user: { sharded: true, vindexes: { hash: { type: "hash" } }, tables: { music: placed, foo: placed } },
    main: { tables: { t: {}, ref: {}, original: {} } },
    hidden: { require_explicit_routing: true, tables: { only_here: {}, t: {} } },
  },
});
const { tables: unlisted } = readDefinitions("main", ["CREATE TABLE unlisted (id INT)"]);

function contextOf(keyspace?: string, tabletType?: "replica"): PlanContext {
  const schema = clusterSchemaOf(new Map([["main", unlisted]]));
  return { vschema, schema, keyspace, ...(tabletType === undefined ? {} : { tabletType }) };
}

function resolved(name: string, context: PlanContext): string {
  const [first = "", second] = name.split(".");
  const { keyspace, name: table } = resolveTable(
    second === undefined ? { schema: undefined, name: first } : { schema: first, name: second },
    context,
  );
  return `${keyspace.keyspace}.${table}`;
}

describe("resolveTable", () => {
  test.each([
    ["route1", undefined, "user.user"],
    ["second_user.foo", undefined, "user.user"],
    ["second_user.foo", "main", "user.user"],
    ["foo", "second_user", "user.user"],
    ["moved", "main", "user.user"],
    ["main.moved", undefined, "user.user"],
    ["user.chained", undefined, "second_user.foo"],
    ["self", "main", "main.self"],
    // A rule without a keyspace is for names without one.
    ["route1", "main", "main.route1"],
    ["t", undefined, "main.t"],
    ["t", "hidden", "hidden.t"],
    ["hidden.only_here", undefined, "hidden.only_here"],
    ["ref", undefined, "main.ref"],
    ["ref", "user", "user.ref"],
    ["other_ref", undefined, "user.other_ref"],
    ["unlisted", undefined, "main.unlisted"],
    ["anything", "main", "main.anything"],
  ])("%s with keyspace %s is %s", (name, keyspace, wanted) => {
    expect(resolved(name, contextOf(keyspace))).toBe(wanted);
  });

  test("a rule for a tablet type goes before the plain one", () => {
    expect(resolved("moved", contextOf("main", "replica"))).toBe("main.moved");
  });

  test.each([
    ["off", undefined, "has been disabled"],
    ["nowhere", undefined, "Unknown database 'noks'"],
    ["music", undefined, "in several keyspaces (user, second_user)"],
    ["only_here", undefined, "No database selected"],
    ["nobody", undefined, "No database selected"],
    ["t", "user", "doesn't exist in the VSchema"],
  ])("%s with keyspace %s is refused: %s", (name, keyspace, message) => {
    expect(() => resolved(name, contextOf(keyspace))).toThrow(message);
  });

  test("a single keyspace needs no name, unless it asks for one", () => {
    const one = (json: object): PlanContext => ({
      ...contextOf(),
      vschema: parseClusterVSchema({ keyspaces: { main: json } }),
    });
    expect(resolved("anything", one({}))).toBe("main.anything");
    expect(() => resolved("anything", one({ sharded: true }))).toThrow("doesn't exist in the VSchema");
    expect(() => resolved("anything", one({ require_explicit_routing: true }))).toThrow("No database selected");
  });
});

describe("followRules", () => {
  test.each([
    ["select * from route1", undefined, "select * from `user`.`user` as route1"],
    ["select r.id from route1 as r", undefined, "select r.id from `user`.`user` as r"],
    [
      "select second_user.foo.id, second_user.foo.*, m.id from second_user.foo join user.music as m on m.id = second_user.foo.id",
      undefined,
      "select foo.id, foo.*, m.id from `user`.`user` as foo join `user`.music as m on m.id = foo.id",
    ],
    [
      "select 1 from t where id in (select id from route1)",
      undefined,
      "select 1 from t where id in (select id from `user`.`user` as route1)",
    ],
    ["with route1 as (select 1) select * from route1", undefined, "with route1 as (select 1) select * from route1"],
    ["select * from self", "main", "select * from self"],
    ["update moved set a = 1 where moved.id = 3", "main", "update `user`.`user` as moved set a = 1 where moved.id = 3"],
    ["update main.moved set main.moved.a = 1", undefined, "update `user`.`user` as moved set moved.a = 1"],
    ["delete from moved where moved.id = 3", "main", "delete from `user`.`user` where `user`.id = 3"],
    [
      "delete moved from moved join music as m on m.id = moved.id",
      "main",
      "delete moved from `user`.`user` as moved join music as m on m.id = moved.id",
    ],
    [
      "insert into moved (id) values (1) on duplicate key update moved.a = 2",
      "main",
      "insert into `user`.`user` (id) values (1) on duplicate key update `user`.a = 2",
    ],
    [
      "insert into t (id) select id from route1",
      undefined,
      "insert into t (id) select id from `user`.`user` as route1",
    ],
    ["insert into user.ref (id) values (1)", undefined, "insert into main.ref (id) values (1)"],
    ["update user.other_ref set a = 1", undefined, "update main.original as other_ref set a = 1"],
    ["delete from other_ref where other_ref.id = 1", "user", "delete from main.original where original.id = 1"],
    ["explain select * from route1", undefined, "explain select * from `user`.`user` as route1"],
    ["describe second_user.foo", undefined, "describe `user`.`user`"],
  ])("%s", (sql, keyspace, wanted) => {
    const statement = parse(sql);
    const followed = followRules(statement, contextOf(keyspace));
    expect(print(followed.statement).replaceAll("`", "")).toBe(wanted.replaceAll("`", ""));
    expect(followed.context.vschema.routingRules).toEqual([]);
  });

  test("without a rule the statement stays the same object", () => {
    const statement = parse("select * from main.t join user.music as m on m.id = t.id");
    expect(followRules(statement, contextOf()).statement).toBe(statement);
  });

  test.each([
    ["alter table moved add a int", "has a routing rule"],
    ["lock tables moved read", "has a routing rule"],
    ["delete from moved where moved.id in (select id from user)", "with another table of its name"],
    ["delete from moved where exists (select 1 from t as moved where moved.id = 1)", "with another table of its name"],
  ])("refused: %s", (sql, message) => {
    expect(() => followRules(parse(sql), contextOf("main"))).toThrow(message);
  });

  test("the plan sends the names the rules lead to", () => {
    const plan = planStatement(parse("select * from route1 where id = 5"), contextOf());
    expect(plan).toMatchObject({ kind: "send", keyspace: "user", routing: { kind: "equal-unique" } });
    if (plan.kind !== "send" || plan.substitute === undefined) throw new Error("not printed anew");
    expect(print(plan.substitute)).toContain("as route1 where id = 5");
    const insert = planStatement(parse("insert into moved (id) values (1)"), contextOf("main"));
    expect(insert).toMatchObject({ kind: "insert", keyspace: "user", table: "user", printed: true });
  });
});

describe("planner corpus", () => {
  const cluster = plannerClusters()?.get("schema");

  test.skipIf(cluster === undefined)("its rules lead where Vitess says", () => {
    if (cluster === undefined) return;
    const context: PlanContext = { vschema: cluster.vschema, schema: cluster.schema, keyspace: undefined };
    const names = ["route1", "route2", "second_user.foo", "second_user.bar", "primary_redirect", "user.rerouted_ref"];
    expect(names.map((name) => resolved(name, context))).toEqual([
      "user.user",
      "main.unsharded",
      "user.user",
      "user.music",
      "user.user",
      "user.ref",
    ]);
    expect(resolved("ambiguous_ref_with_source", context)).toBe("main.ambiguous_ref_with_source");
    expect(resolved("ref_with_source", context)).toBe("user.ref_with_source");
    expect(resolved("global_ref", context)).toBe("main.global_ref");
    expect(() => resolved("disabled", context)).toThrow("disabled");
    expect(() => resolved("bad_table", context)).toThrow("noks");
  });
});
