// What rules look at of a statement, whether they match, and what they make of it.

import { describe, expect, test } from "vitest";
import { appliedOf, clientMismatch, matchesName, statementMismatch } from "../../../src/rules/match.ts";
import type { QueryRule } from "../../../src/rules/query-rule.ts";
import { readRulesText, rulesOf } from "../../../src/rules/read-rules.ts";
import { rewrittenStatement, rewrittenText } from "../../../src/rules/rewrite.ts";
import { factsOf, type StatementFacts } from "../../../src/rules/statement-facts.ts";
import { normalize } from "../../../src/sql/normalize.ts";
import { fillTemplate } from "../../../src/sql/print.ts";
import { DEFAULT_SQL_MODE } from "../../../src/sql/tree.ts";

const MODE = { ...DEFAULT_SQL_MODE, dialect: "mariadb" as const };

function facts(sql: string, keyspace?: string): StatementFacts {
  const text = Buffer.from(sql);
  return factsOf(text, normalize(text, MODE), { mode: MODE, keyspace, keyspaceOf: () => "found" });
}

function rules(...list: object[]): readonly QueryRule[] {
  return rulesOf(readRulesText(JSON.stringify({ rules: list })));
}

function rule(fields: object): QueryRule {
  const [only] = rules({ name: "x", ...fields });
  if (only === undefined) throw new Error("no rule");
  return only;
}

describe("facts", () => {
  test.each<[string, Partial<StatementFacts>]>([
    [
      "SELECT  a /* c */ FROM t WHERE id = 5",
      { type: "select", text: "select a from t where id = :v1", keyspaces: ["ks"] },
    ],
    ["select 1", { type: "select", keyspaces: ["ks"] }],
    ["select * from a.t join b.u using (id)", { type: "select", keyspaces: ["a", "b"] }],
    ["with x as (select 1 from c.t) select * from x", { type: "select", keyspaces: ["c"] }],
    ["select * from `a:-80@replica`.t", { type: "select", keyspaces: ["a"] }],
    ["replace into t values (1)", { type: "replace", digest: "replace into t values(:v1)" }],
    ["/* hides */ DROP/**/TABLE  t", { type: "ddl", text: "drop table t", digest: "DDL" }],
    ["set @a = 1", { type: "set", digest: "SET" }],
    ["call p(1)", { type: "call" }],
    ["begin", { type: "begin" }],
    ["create procedure p() begin select 1; select 2; end", { type: "ddl" }],
    ["selec 1", { type: "unreadable", keyspaces: ["ks"] }],
    [
      "set statement max_statement_time=1 for delete from t where a = 7",
      { type: "delete", text: "delete from t where a = :v1", isInside: true },
    ],
    ["analyze select * from t", { type: "select", isInside: true }],
    ["explain select * from t", { type: "explain", isInside: false }],
  ])("%s", (sql, expected) => {
    expect(facts(sql, "ks")).toMatchObject(expected);
  });

  test("a table whose keyspace is not named", () => {
    expect(facts("select * from t").keyspaces).toEqual(["found"]);
    expect(facts("select 1").keyspaces).toEqual([]);
  });
});

describe("matching", () => {
  test.each<[object, string, string | undefined]>([
    [{}, "select 1", undefined],
    [{ type: ["insert", "select"] }, "select 1", undefined],
    [{ type: "insert" }, "replace into t values (1)", "type"],
    [{ keyspace: "k*" }, "select 1", undefined],
    [{ keyspace: "other" }, "select 1", "keyspace"],
    [{ digest: "select*from t where a=:v1" }, "select * from t where a = 'x'", undefined],
    [{ digest: "select*from t where a=:v1" }, "select * from t where b = 'x'", "digest"],
    [{ pattern: "^SELECT\\b.* from t\\b" }, "select * from t where b = 'x'", undefined],
    [{ pattern: "from orders where" }, "select * FROM(`orders`)where(b)='x'", undefined],
    [{ pattern: "(?-i)^SELECT" }, "select 1", "pattern"],
    [{ pattern: "secret" }, "select * from t where a = 'secret'", "pattern"],
  ])("%j on %s", (match, sql, expected) => {
    expect(statementMismatch(rule({ match }).match, facts(sql, "ks"))).toBe(expected);
  });

  test("clients", () => {
    const { match } = rule({ match: { user: ["app*", "job"], source: "192.0.2.0/24" } });
    expect(clientMismatch(match, { user: "app7", source: "192.0.2.9" })).toBe(undefined);
    expect(clientMismatch(match, { user: "root", source: "192.0.2.9" })).toBe("user");
    expect(clientMismatch(match, { user: "job", source: "localhost" })).toBe("source");
  });

  test.each<[string, string, boolean]>([
    ["a", "a", true],
    ["a", "A", false],
    ["*", "", true],
    ["a*", "a", true],
    ["*a*b*", "xxaxxbxx", true],
    ["a*a", "a", false],
    ["a*b*c", "acb", false],
    ["a*bc*c", "abc", false],
    ["a.c", "abc", false],
  ])("name %s on %s", (wanted, name, expected) => {
    expect(matchesName(wanted, name)).toBe(expected);
  });

  test("the first match ends it, unless it continues, is tried out, or is off", () => {
    const all = rules(
      { name: "off", enabled: false },
      { name: "tried", dry_run: true },
      { name: "goes-on", continue: true },
      { name: "not", match: { type: "insert" } },
      { name: "ends" },
      { name: "behind" },
    );
    const applied = appliedOf(all, ({ match }) => statementMismatch(match, facts("select 1")) === undefined);
    expect(applied.map(({ name }) => name)).toEqual(["tried", "goes-on", "ends"]);
  });

  test("a pattern that makes others' engines search for ever takes its time in proportion", () => {
    const { pattern } = rule({ match: { pattern: "^(a+)+$" } }).match;
    const startMs = performance.now();
    expect(pattern?.test(`${"a".repeat(16_000)}!`)).toBe(false);
    expect(performance.now() - startMs).toBeLessThan(20_000);
  });
});

describe("rewriting", () => {
  function rewritten(sql: string, pattern: string, rewrite: object): string {
    const made = rule({ match: { pattern }, action: { rewrite } });
    const action = made.action.rewrite;
    if (action === undefined) throw new Error("no rewrite");
    const text = Buffer.from(sql);
    const normalized = normalize(text, MODE);
    const { text: shown, statement } = factsOf(text, normalized, {
      mode: MODE,
      keyspace: undefined,
      keyspaceOf: () => undefined,
    });
    const { template } = rewrittenStatement(made, action, shown, statement, normalized.binds.length, MODE);
    return fillTemplate(template, normalized.binds).toString();
  }

  test.each<[string, string, object, string]>([
    [
      "select * from t where id = 5",
      "^select \\* from t ",
      { replace: "select id from t " },
      "select id from t where id = 5",
    ],
    [
      "select * from t where id = 5",
      "(\\w+) = (:v\\d+)$",
      { replace: "$1=$2 and $1>0" },
      "select * from t where id = 5 and id > 0",
    ],
    ["select a from t where a in (1, 2)", "$", { replace: " limit 10" }, "select a from t where a in (1, 2) limit 10"],
    ["select a from `t`, t2", "\\bt", { replace: "u", all: true }, "select a from u, u2"],
    ["select 'a;b' from t where x = '$1'", "from t", { replace: "from u" }, "select 'a;b' from u where x = '$1'"],
    ["drop table t", "^drop table (\\w+)$", { replace: "rename table $1 to $$1_old" }, ""],
  ])("%s by %s", (sql, pattern, rewrite, expected) => {
    if (expected === "") expect(() => rewritten(sql, pattern, rewrite)).not.toThrow("bind");
    else expect(rewritten(sql, pattern, rewrite)).toBe(expected);
  });

  test("what is no statement any more, or asks for other values, is refused by the rule's name", () => {
    expect(() => rewritten("select 1", "select", { replace: "selec" })).toThrow(
      "query rule x rewrites the statement into none",
    );
    expect(() => rewritten("select * from t where a = 1", ":v1", { replace: ":v2" })).toThrow(":v2 is none of");
    expect(() => rewritten("select * from t where a = 1", "$", { replace: "; drop table t" })).toThrow("query rule x");
  });

  test("columns that stay keep their names", () => {
    expect(rewritten("select SUM( v ),count(*) from t", "from t", { replace: "from u" })).toBe(
      "select sum(v) as `SUM( v )`, count(*) from u",
    );
    expect(rewritten("select * from (select 1+v from t) d", "from t", { replace: "from u" })).toBe(
      "select * from (select 1 + v as `1+v` from u) as d",
    );
    expect(rewritten("select v+1 from t", "select v", { replace: "select w" })).toBe("select w + 1 from t");
  });

  test("groups that took no part are empty", () => {
    const made = rule({ match: { pattern: "a(b)?" }, action: { rewrite: { replace: "[$1|$0|$$]" } } });
    const action = made.action.rewrite;
    expect(action && rewrittenText(made, action, "xax")).toBe("x[|a|$]x");
  });
});
