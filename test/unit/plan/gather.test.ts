// What of each table a gathered statement reads: conditions, columns, columns to look rows up by, locks.

import { beforeAll, describe, expect, test } from "vitest";
import { planGather } from "../../../src/plan/gather.ts";
import type { GatherPlan } from "../../../src/plan/plan.ts";
import type { PlanContext } from "../../../src/plan/tables.ts";
import { clusterSchemaOf, NO_SCHEMA } from "../../../src/schema/model.ts";
import { readDefinitions } from "../../../src/schema/ddl.ts";
import { parse } from "../../../src/sql/parse.ts";
import { print, printExpr } from "../../../src/sql/print.ts";
import { isQuery } from "../../../src/sql/walk.ts";
import { checkVSchema } from "../../../src/vschema/parse-vschema.ts";
import { loadHashes } from "../../../src/vschema/xxh64.ts";

let known: PlanContext;
let unknown: PlanContext;

beforeAll(async () => {
  await loadHashes();
  const sharded = { column_vindexes: [{ column: "id", name: "hash" }] };
  const k = checkVSchema("k", {
    sharded: true,
    vindexes: { hash: { type: "hash" } },
    tables: { a: sharded, b: sharded, c: sharded },
  });
  const u = checkVSchema("u", { tables: { a: {}, p: {} } });
  if (k.kind === "bad" || u.kind === "bad") throw new Error("a bad VSchema");
  const vschema = {
    keyspaces: new Map([
      ["k", k.vschema],
      ["u", u.vschema],
    ]),
    routingRules: [],
    shardRoutingRules: [],
    keyspaceRoutingRules: [],
    mirrorRules: [],
  };
  const tables = readDefinitions("k", [
    "CREATE TABLE a (id BIGINT PRIMARY KEY, x INT, s VARCHAR(20))",
    "CREATE TABLE b (id BIGINT PRIMARY KEY, x SMALLINT, y INT, s VARCHAR(20))",
    "CREATE TABLE c (id BIGINT PRIMARY KEY, y INT, s VARCHAR(20) COLLATE utf8mb4_bin)",
  ]).tables;
  unknown = { vschema, schema: NO_SCHEMA, keyspace: "k" };
  known = { ...unknown, schema: clusterSchemaOf(new Map([["k", tables]])) };
});

function planned(sql: string, context = known): GatherPlan {
  const statement = parse(sql);
  if (!isQuery(statement)) throw new Error(sql);
  return planGather(statement, context, "test");
}

/** Conditions of each source, in order. */
function filters(sql: string, context = known): (string | undefined)[] {
  return planned(sql, context).sources.map(({ where }) => (where === undefined ? undefined : printExpr(where)));
}

describe("conditions", () => {
  test.each<[string, ...(string | undefined)[]]>([
    ["select * from a where x = 1 and s like 'b%'", "a.x = 1 and a.s like 'b%'"],
    ["select * from a t where t.x = 1 or (x > 5 and upper(s) = 'B')", "t.x = 1 or t.x > 5 and upper(t.s) = 'B'"],
    ["select * from a, b where a.x = 1 and y = 2", "a.x = 1", "b.y = 2"],
    ["select * from a, b where x = 1", undefined, undefined],
    ["select * from a join b on a.x = b.y and b.y < 7 and a.s = 'z'", "a.s = 'z' and a.x < 7", "b.y < 7"],
    // Of the row alone.
    ["select * from a where x = rand()", undefined],
    ["select * from a where x = (select 1)", undefined],
    ["select * from a where s = f(x)", undefined],
    ["select * from a where x > now() - interval 1 day", "a.x > now() - interval 1 day"],
    ["select * from a where x > sysdate()", undefined],
    ["select * from a where x = @v", "a.x = @v"],
    ["select @v := 1 from a where x = @v", undefined],
    ["select * from a where sleep(1) or x = 1", undefined],
    // Rows that an outer join keeps, and those that it fills.
    ["select * from a left join b on a.x = b.y and b.s = 'q' and a.s = 'r'", undefined, "b.s = 'q'"],
    ["select * from a right join b on a.x = b.y and b.s = 'q' and a.s = 'r'", "a.s = 'r'", undefined],
    ["select * from a left join b on a.x = b.y where b.s = 'q' and a.s = 'r'", "a.s = 'r'", "b.s = 'q'"],
    ["select * from a left join b on a.x = b.y where b.s is null", undefined, undefined],
    ["select * from a left join b on a.x = b.y where b.s <=> 'q'", undefined, undefined],
    ["select * from a left join b on a.x = b.y where coalesce(b.s, 'q') = 'q'", undefined, undefined],
    [
      "select * from a left join b on a.x = b.y where b.s is not null or b.y in (1, 2)",
      undefined,
      "b.s is not null or b.y in (1, 2)",
    ],
    ["select * from a left join b on a.x = b.y where b.s = 'q' or b.y is null", undefined, undefined],
    [
      "select * from a left join (b left join c on b.y = c.y and c.s = 'r') on a.x = b.x and c.s is null and b.s = 'q'",
      undefined,
      "b.s = 'q'",
      "c.s = 'r'",
    ],
    [
      "select * from a left join (b join c on b.y = c.y and c.s = 'r' and b.s = 'q') on a.x = b.x",
      undefined,
      "b.s = 'q'",
      "c.s = 'r'",
    ],
    // Inner queries have their own.
    ["select * from a where exists (select 1 from b where b.x = a.x and b.y = 5)", undefined, "b.y = 5"],
    ["select * from (select * from a where x = 1) d where d.s = 's'", "a.x = 1"],
    ["with d as (select * from a where x = 1) select * from d d1 join d d2 using (id)", "a.x = 1"],
    ["select x from a where x = 1 union select y from b where y = 2", "a.x = 1", "b.y = 2"],
    ["select x, count(*) from a group by x having x > 1", undefined],
    // What a constant is compared with, by way of equal columns of like types.
    ["select * from a join b on a.id = b.id where a.id = 5", "a.id = 5", "b.id = 5"],
    ["select * from a join b using (id) where id in (5, 6)", "a.id in (5, 6)", "b.id in (5, 6)"],
    [
      "select * from a join b on a.x = b.x and b.x = a.y where b.x between 1 and 2",
      "a.x between 1 and 2",
      "b.x between 1 and 2",
    ],
    ["select * from a join b on a.s = b.s where a.s = 'q'", "a.s = 'q'", "b.s = 'q'"],
    ["select * from b join c on b.s = c.s where b.s = 'q'", "b.s = 'q'", undefined],
    ["select * from a join b on a.s = b.x where a.s = '5'", "a.s = '5'", undefined],
    ["select * from a join b on a.s = b.s where a.s like 'q'", "a.s like 'q'", undefined],
    ["select * from a left join b on a.id = b.id where a.id = 5", "a.id = 5", "b.id = 5"],
    ["select * from a left join b on a.id = b.id where b.id = 5", "a.id = 5", "b.id = 5"],
    ["select * from a left join b on a.id = b.id and a.x = 3 and b.id = 5", undefined, "b.id = 5"],
    ["select * from a where id = 5 and exists (select 1 from b where b.id = a.id)", "a.id = 5", "b.id = 5"],
    ["select (select max(y) from b where b.id = a.id) from a where a.id = 5", "b.id = 5", "a.id = 5"],
    ["select * from a join b on a.id = b.id join c on c.id = b.id where c.id = 1", "a.id = 1", "b.id = 1", "c.id = 1"],
  ])("%s", (sql, ...wanted) => {
    expect(filters(sql)).toEqual(wanted);
  });

  test("of tables whose columns are not known: qualified ones, and those of a table alone", () => {
    expect(filters("select * from a, b where a.x = 1 and y = 2", unknown)).toEqual(["a.x = 1", undefined]);
    expect(filters("select * from a where x = 1 and y = 2", unknown)).toEqual(["a.x = 1 and a.y = 2"]);
    expect(filters("select * from a join b on a.x = b.x where a.x = 1", unknown)).toEqual(["a.x = 1", undefined]);
  });

  test("route their sources", () => {
    const { sources } = planned("select * from a left join b on a.id = b.id where a.id = 5");
    expect(sources.map(({ routing }) => routing.kind)).toEqual(["equal-unique", "equal-unique"]);
  });
});

describe("columns", () => {
  const columns = (sql: string, context = known): (string | string[])[] =>
    planned(sql, context).sources.map((source) => (source.columns === "all" ? "all" : [...source.columns].toSorted()));
  test.each<[string, ...(string | string[])[]]>([
    ["select count(*) from a", []],
    ["select a.x, y from a, b", ["x", "y"], ["y"]],
    ["select a.*, b.x from a, b where b.y = 1", "all", ["x", "y"]],
    ["select * from a, b", "all", "all"],
    ["select 1 from a where exists (select * from b where y = 1)", ["y"], ["y"]],
    ["select 1 from a where x in (select * from b)", ["x"], "all"],
    ["select * from (select x from a) d", ["x"]],
    ["select x from a join b using (id)", ["id", "x"], ["id", "x"]],
    ["select 1 from a natural join b", ["id", "s", "x"], ["id", "s", "x"]],
    ["select x from a union select y from b order by x", ["x", "y"], ["x", "y"]],
  ])("%s", (sql, ...wanted) => {
    expect(columns(sql)).toEqual(wanted);
  });

  test("a NATURAL JOIN of what is not known has all", () => {
    expect(columns("select 1 from a natural join b, c", unknown)).toEqual(["all", "all", []]);
  });

  test("that rows are looked up by", () => {
    const lookups = planned(
      "select * from a join b on a.x = b.y + 1 where a.s in (select c.s from c where c.id <=> b.id and c.y = 5)",
    ).sources.map((source) => [...source.lookups].toSorted());
    expect(lookups).toEqual([["s", "x"], ["id"], ["id", "s"]]);
  });
});

describe("names", () => {
  test.each([
    ["select * from k.a join b", "select * from shardgate_gather_1 as a join shardgate_gather_2 as b"],
    [
      "select k.a.x, k.a.* from k.a partition (p) use index (i) for update",
      "select a.x, a.* from shardgate_gather_1 as a",
    ],
    [
      "with a as (select * from a) select * from a join k.a as z",
      "with a as (select * from shardgate_gather_1 as a) select * from a join shardgate_gather_2 as z",
    ],
    [
      "with shardgate_gather_1 as (select 1) select * from shardgate_gather_1 join a",
      "with shardgate_gather_1 as (select 1) select * from shardgate_gather_1 join shardgate_gather1_1 as a",
    ],
    [
      "select k.a.x, u.a.* from k.a join u.a on k.a.id = u.a.id",
      "select `k.a`.x, `u.a`.* from shardgate_gather_1 as `k.a` join shardgate_gather_2 as `u.a` on `k.a`.id = `u.a`.id",
    ],
  ])("%s", (sql, wanted) => {
    expect(print(planned(sql).statement)).toBe(wanted);
  });

  test("a table of one of two keyspaces has to be told from the other", () => {
    expect(() => planned("select a.x from k.a join u.a")).toThrow(/write the keyspace, or an alias/);
  });

  test("the statement as it came is kept while one keyspace has its tables", () => {
    expect(planned("select * from a join b").original).toBeDefined();
    expect(planned("select * from a join u.p").original).toBeUndefined();
  });
});

describe("scores of full-text search", () => {
  test.each([
    [
      "select match (s) against ('w') from a where match (k.a.s) against ('v' in boolean mode)",
      "select a.shardgate_score_1 from shardgate_gather_1 as a where a.shardgate_score_2",
      ["match(a.s) against ('w')", "match(a.s) against ('v' in boolean mode)"],
    ],
    ["select 1 from a x, b where match (x.s) against (b.s)", undefined, []],
    ["select 1 from a where exists (select 1 from b where match (y) against ('w'))", undefined, []],
  ])("%s", (sql, wanted, scores) => {
    const { statement, sources } = planned(sql);
    if (wanted !== undefined) expect(print(statement)).toBe(wanted);
    expect(sources[0]?.scores.map(({ match }) => printExpr(match))).toEqual(scores);
  });
});

test("locks are those of each table's own SELECT", () => {
  const { sources, writes } = planned(
    "select * from a join b where x in (select y from c lock in share mode) for update of b skip locked",
  );
  expect(writes).toBe(true);
  expect(sources.map(({ locking }) => [locking?.strength, locking?.wait])).toEqual([
    [undefined, undefined],
    ["update", "skip locked"],
    ["share mode", undefined],
  ]);
});

describe("sequences", () => {
  test("are asked on the first shard of their keyspace", () => {
    for (const sql of [
      "select next value for u.p from a",
      "select nextval(u.p) from a",
      "select setval(u.p, 5) from a",
    ]) {
      expect(planned(sql)).toMatchObject({ keyspace: "u", onFirstShard: true, original: undefined });
    }
    expect(planned("select next value for b from a")).toMatchObject({ keyspace: "k", onFirstShard: true });
    expect(planned("select id from a")).toMatchObject({ keyspace: "k", onFirstShard: false });
  });

  test("of two keyspaces are refused", () => {
    expect(() => planned("select next value for u.p, next value for k.b from a")).toThrow(
      /sequences of several keyspaces/,
    );
  });
});
