import { describe, expect, test } from "vitest";
import { ShardgateError } from "../../../src/base/errors.ts";
import { normalize } from "../../../src/sql/normalize.ts";
import { parse, parseMany } from "../../../src/sql/parse.ts";
import { print, printBytes } from "../../../src/sql/print.ts";
import { DEFAULT_SQL_MODE, type SqlMode } from "../../../src/sql/tree.ts";
import { rewrite } from "../../../src/sql/walk.ts";

function errorOf(sql: string, mode?: SqlMode): string {
  try {
    parse(sql, mode);
    return "";
  } catch (error) {
    if (error instanceof ShardgateError) return `${error.errno} ${error.sqlState} ${error.message}`;
    throw error;
  }
}

describe("precedence", () => {
  test.each([
    ["a or b and c", "a or b and c"],
    ["(a or b) and c", "(a or b) and c"],
    ["((a and b)) and c", "a and b and c"],
    ["not a = b", "not a = b"],
    ["(not a) = b", "(not a) = b"],
    ["! a = b", "!a = b"],
    ["a = b is null", "a = b is null"],
    ["-a ^ b", "-a ^ b"],
    ["-(a ^ b)", "-(a ^ b)"],
    ["a - (b - c)", "a - (b - c)"],
    ["(a - b) - c", "a - b - c"],
    ["a between 1 and 2 and b", "a between 1 and 2 and b"],
    ["binary a = b", "binary a = b"],
    ["cast(a as char binary charset latin1)", "cast(a as char character set latin1 binary)"],
    ["cast(a as char(2) charset binary)", "cast(a as char(2) character set binary)"],
    ["cast(a as char(2) binary)", "cast(a as char(2) binary)"],
    ["cast(a as char(2) binary ascii)", "cast(a as char(2) ascii binary)"],
    ["a collate x = b", "a collate x = b"],
    ["d + interval 1 day * 2", ""],
    ["a = not b", ""],
    ["a <> b", "a != b"],
    ["a && b || c", "a and b or c"],
    ["- -1", "- -1"],
    ["@a := b or c", "@a := b or c"],
    ["(@a := b) or c", "(@a := b) or c"],
  ])("%s", (sql, printed) => {
    const text = `select ${sql} from t`;
    if (printed === "") expect(errorOf(text)).toContain("1064");
    else expect(print(parse(text))).toBe(`select ${printed} from t`);
  });
});

describe("modes", () => {
  const mode = (change: Partial<SqlMode>): SqlMode => ({ ...DEFAULT_SQL_MODE, ...change });
  test.each<[string, Partial<SqlMode>, string, string]>([
    ["ANSI_QUOTES", { ansiQuotes: true }, 'select "a" from "t"', "select a from t"],
    ["NO_BACKSLASH_ESCAPES", { noBackslashEscapes: true }, "select 'a\\' from t", "select 'a\\' from t"],
    ["PIPES_AS_CONCAT", { pipesAsConcat: true }, "select a || b from t", "select a || b from t"],
    ["HIGH_NOT_PRECEDENCE", { highNotPrecedence: true }, "select not a = b from t", "select not a = b from t"],
    ["IGNORE_SPACE", { ignoreSpace: true }, "select count (*) from t", "select count(*) from t"],
    [
      "ORACLE",
      { oracle: true },
      "select unique a from (select 1 as a), t where cast(a as varchar2(3)) = 1",
      "select distinct a from (select 1 as a), t where cast(a as varchar(3)) = 1",
    ],
    ["MySQL has rank reserved", { dialect: "mysql" }, "select `rank` from t", "select `rank` from t"],
  ])("%s", (_name, change, sql, printed) => {
    expect(print(parse(sql, mode(change)), undefined, { mode: mode(change) })).toBe(printed);
  });

  test("words reserved in one server only", () => {
    expect(errorOf("select rank from t")).toBe("");
    expect(errorOf("select rank from t", mode({ dialect: "mysql" }))).toContain("1064");
    expect(errorOf("select returning from t")).toContain("1064");
    expect(errorOf("select returning from t", mode({ dialect: "mysql" }))).toBe("");
  });

  test.each([
    ["select column_get(a, 'b' as char(10) character set utf8mb4) from t", ""],
    ["select column_create('a', 1 as int, 'b', 'x', 'c', 2.5 as double)", ""],
    ["select column_add(a, 'b', null as unsigned) from t", ""],
    ["select 1 from a natural straight_join b", ""],
    ["select 1 from a = b", "select 1 from a as b"],
    ["execute s using default, 1", ""],
    ["execute s using ignore, default", ""],
    ["alter table t convert table x to partition p values less than (20) without validation", ""],
    [
      "select cast(a as char(9) character set latin1 collate default) from t",
      "select cast(a as char(9) character set latin1) from t",
    ],
    ["update t for portion of p from 1 to 2 as x set a = 1", ""],
    ["delete from t for portion of p from 1 to 2 where a = 1", ""],
    ["select t.`` from t", ""],
  ])("%s is MariaDB's", (sql, printed) => {
    expect(print(parse(sql))).toBe(printed === "" ? sql : printed);
    if (!sql.includes("``")) expect(errorOf(sql, mode({ dialect: "mysql" }))).toContain("1064");
  });

  test.each([
    "create table t (a int) partition by range (a) (p0 values less than (10), p1 values less than maxvalue)",
    "create table t (a varchar(10) collate default)",
    "create table t (a int not null constraint b references c (d), e int constraint references c (d) on delete cascade)",
    "create table t (a geometry(9,4) ref_system_id=101, b point ref_system_id=102 not null)",
    "set names default collate utf8mb4_bin",
  ])("%s is MariaDB's, too", (sql) => {
    expect(errorOf(sql)).toBe("");
    expect(errorOf(sql, mode({ dialect: "mysql" }))).toContain("1064");
  });

  test("|| under PIPES_AS_CONCAT means CONCAT to any session", () => {
    expect(print(parse("select a || b from t", mode({ pipesAsConcat: true })))).toBe("select concat(a, b) from t");
  });
});

describe("errors", () => {
  test.each([
    ["select 1 from t where", "near '' at line 1"],
    ["select *\nfrom t\nwhere a = = 1", "near '= 1' at line 3"],
    ["selec 1", "near 'selec 1' at line 1"],
    ["select 1 from t t t ;\n ; ", "near 't' at line 1"],
    ["select 1 from ; ", "near '' at line 1"],
    ["select 'abc", "near ''abc' at line 1"],
    [`select a ${"x ".repeat(100)}`, `near '${"x ".repeat(99)}`.slice(0, 83) + "...'"],
  ])("%s", (sql, near) => {
    expect(errorOf(sql)).toMatch(/^1064 42000 You have an error in your SQL syntax; check the manual/);
    expect(errorOf(sql)).toContain(near);
  });

  test("no statement", () => {
    expect(errorOf("  /* nothing */ ")).toBe("1065 42000 Query was empty");
  });
});

describe("bounds", () => {
  test.each([
    ["parentheses", `select ${"(".repeat(100_000)}1${")".repeat(100_000)}`],
    ["open parentheses", "(".repeat(100_000)],
    ["subqueries", `select ${"(select ".repeat(100_000)}1${")".repeat(100_000)}`],
    ["derived tables", `${"select * from (".repeat(50_000)}select 1${") t".repeat(50_000)}`],
    ["NOT", `select ${"not ".repeat(100_000)}1`],
    ["minus signs", `select ${"- ".repeat(100_000)}1`],
    ["CASE", `select ${"case when 1 then ".repeat(100_000)}1`],
    ["calls", `select ${"f(".repeat(100_000)}1${")".repeat(100_000)}`],
    ["a chain of additions", `select 1${" + 1".repeat(100_000)}`],
    ["chains in calls", `select ${"f(1 + ".repeat(300)}1${" + 1".repeat(100_000)}`],
    ["joins", `select 1 from t${" join t".repeat(100_000)}`],
    ["parenthesised tables", `select 1 from ${"(".repeat(100_000)}t`],
    ["INTERVAL", `select ${"interval(".repeat(100_000)}`],
    ["EXPLAIN", `${"explain ".repeat(100_000)}select 1`],
  ])("deep nesting of %s is an error, soon", (_name, sql) => {
    const start = performance.now();
    expect(errorOf(sql)).toMatch(/^1064 42000 /);
    expect(() => normalize(Buffer.from(sql), DEFAULT_SQL_MODE)).not.toThrow();
    expect(performance.now() - start).toBeLessThan(15_000);
  });

  test.each([
    ["OR", `select 1 from t where a = 0${" or a = 1".repeat(50_000)}`],
    ["UNION", `select 1${" union all select 1".repeat(20_000)}`],
    ["columns", `select a${", a".repeat(50_000)} from t`],
    ["300 parentheses", `select ${"(".repeat(300)}1${")".repeat(300)}`],
    ["500 additions", `select 1${" + 1".repeat(500)}`],
  ])("wide is read: %s", (_name, sql) => {
    expect(print(parse(sql)).length).toBeGreaterThan(7);
  });
});

describe("rewriting", () => {
  test("an INSERT with some of its rows, a bind put in place", () => {
    const { key, binds } = normalize(Buffer.from("insert into t (a) values (1), ('x'), (3)"), DEFAULT_SQL_MODE);
    const tree = parse(key);
    if (tree.kind !== "insert") throw new Error("not an insert");
    expect(print({ ...tree, rows: tree.rows.filter((_row, index) => index !== 1) }, binds)).toBe(
      "insert into t (a) values (1), (3)",
    );
    expect(print({ ...tree, rows: tree.rows.slice(1, 2) }, binds)).toBe("insert into t (a) values ('x')");
  });

  test("tables renamed", () => {
    const tree = rewrite(parse("select a from t join (select b from t) as d on t.a = d.b"), {
      table: (node) => (node.kind === "tableName" ? { ...node, name: "u", alias: node.alias ?? node.name } : node),
    });
    expect(print(tree)).toBe("select a from u as t join (select b from u as t) as d on t.a = d.b");
  });

  test("bytes that are not UTF-8 survive", () => {
    const sql = Buffer.concat([
      Buffer.from("select '"),
      Buffer.from([0xe9, 0x80]),
      Buffer.from("' from t where `"),
      Buffer.from([0xff]),
      Buffer.from("` = 1"),
    ]);
    expect(printBytes(parse(sql)).equals(sql)).toBe(true);
  });

  test.each([
    ["null", "NULL"],
    ["True", "TRUE"],
    ["false", "FALSE"],
    ["N'x'", "x"],
    ["'it''s'", "it's"],
    ["_latin1'x'", "x"],
    ["a  + 1", "a  + 1"],
  ])("%s names its column %s", (sql, name) => {
    const statement = parse(`select ${sql} from t`);
    const [item] = statement.kind === "select" ? statement.items : [];
    expect(item).toMatchObject({ kind: "expr", text: name });
  });

  test("statements of one text", () => {
    expect(parseMany("select 1; update t set a = 1;; commit;").map(({ statement }) => statement.kind)).toEqual([
      "select",
      "update",
      "commit",
    ]);
  });
});
