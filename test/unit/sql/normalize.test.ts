import { describe, expect, test } from "vitest";
import { normalize } from "../../../src/sql/normalize.ts";
import { parse } from "../../../src/sql/parse.ts";
import { DEFAULT_SQL_MODE } from "../../../src/sql/tree.ts";

function keyOf(sql: string): string {
  return normalize(Buffer.from(sql), DEFAULT_SQL_MODE).key;
}

/** Binds as `type:value`, lists in brackets. */
function bindsOf(sql: string): string[] {
  return normalize(Buffer.from(sql), DEFAULT_SQL_MODE).binds.map((bind) =>
    bind.kind === "list"
      ? `[${bind.items.map((item) => item.raw.toString()).join(",")}]`
      : `${bind.introducer === undefined ? "" : `_${bind.introducer} `}${bind.type}:${bind.raw.toString()}`,
  );
}

describe("keys", () => {
  test.each([
    ["point select", "SELECT c FROM sbtest1 WHERE id=12345", "SELECT c FROM sbtest1 WHERE id=:v1"],
    ["IN list", "select a from t where b in (1, 2,3)", "select a from t where b in ::v1"],
    ["negative numbers in a list", "select a from t where b in (-1, 2)", "select a from t where b in ::v1"],
    [
      "a list with NULL stays one of values",
      "select a from t where b in (1, null)",
      "select a from t where b in(:v1,null)",
    ],
    ["NULL, TRUE, FALSE stay", "select a from t where b = null or c = true", "select a from t where b=null or c=true"],
    ["expression without alias", "select a + 1 from t where b = 1", "select a + 1 from t where b=:v1"],
    [
      "an unnamed call of a function called as a type",
      "select b, timestamp(a, '10:20') , char(c) from t",
      "select b,timestamp(a, '10:20'),char(c) from t",
    ],
    ["a product without alias", "select  a * b, t.*, * from t", "select a * b,t.*,*from t"],
    [
      "WITHIN GROUP",
      "select median( a )  over (), percentile_cont(0.5) within group ( order by a ) over () , b from t",
      "select median( a )  over (),percentile_cont(0.5) within group ( order by a ) over (),b from t",
    ],
    ["expression with alias", "select a + 1 as x from t", "select a+:v1 as x from t"],
    ["alias in quotes", "select a 'x', b as 'y' from t", "select a 'x',b as 'y' from t"],
    ["count(*)", "select count(*), 'x' from t", "select count(*),'x' from t"],
    ["positions", "select a from t order by 1, 2 desc limit 3", "select a from t order by 1,2 desc limit :v1"],
    ["expressions of ORDER BY", "select a from t order by field(a, 3, 1)", "select a from t order by field(a,:v1,:v2)"],
    [
      "GROUP BY as in the select list",
      "select date_format(d, '%Y') as y from t where a = 1 group by date_format(d, '%Y')",
      "select date_format(d,:v1)as y from t where a=:v2 group by date_format(d,:v1)",
    ],
    [
      "GROUP BY as in an unnamed item",
      "select date_format(d, '%Y') from t group by date_format(d, '%Y')",
      "select date_format(d, '%Y') from t group by date_format(d,'%Y')",
    ],
    [
      "types",
      "select cast(a as decimal(10, 2)) as x from t where c = cast(1 as char(3))",
      "select cast(a as decimal(10,2))as x from t where c=cast(:v1 as char(3))",
    ],
    [
      "temporal literals",
      "select a from t where d > date '2020-01-01' and now(6) > 1",
      "select a from t where d>date '2020-01-01' and now(6)>:v1",
    ],
    [
      "JSON paths",
      "select a from t where doc->'$.a' = 1 and doc->>'$.b' = 'x'",
      "select a from t where doc->'$.a'=:v1 and doc->>'$.b'=:v2",
    ],
    [
      "separators",
      "select group_concat(a separator ', ') as x from t",
      "select group_concat(a separator ', ')as x from t",
    ],
    ["names with digits", "select t1.1a, 1a from t1 where t1.b2 = 3", "select t1.1a,1a from t1 where t1.b2=:v1"],
    ["insert", "insert into t (a, b) values (1, 'x'), (2, 'y')", "insert into t(a,b)values(:v1,:v2),(:v3,:v4)"],
    [
      "variables",
      "select a from t where b = @x and c = @@sql_mode and @y := 5",
      "select a from t where b=@x and c=@@sql_mode and @y:=:v1",
    ],
    ["optimizer hints stay", "select /*+ BKA(t) */ a from t where b = 1", "select /*+ BKA(t) */ a from t where b=:v1"],
    ["executable comments", "select a /*!50000 from t where b = 1 */", "select a from t where b=:v1"],
    [
      "a space that makes a function another one",
      "select a from t where count (b) = 1",
      "select a from t where count (b)=:v1",
    ],
    ["other statements are left alone", "SET  @a = 1", "SET  @a = 1"],
    ["a client's bind variable is not ours", "select a from t where b = :v1", "select a from t where b= : v1"],
    [
      "update",
      "update t set a = 1, b = b + 2 where c = 'x' limit 5",
      "update t set a=:v1,b=b+:v2 where c=:v3 limit :v4",
    ],
    ["delete", "delete from t where a between 1 and 2", "delete from t where a between :v1 and :v2"],
  ])("%s", (_name, sql, key) => {
    expect(keyOf(sql)).toBe(key);
  });

  test.each([
    ["literals", "select a from t where b = 1", "select a from t where b = 99999"],
    ["lengths of IN lists", "select a from t where b in (1)", "select a from t where b in (1, 2, 3, 4)"],
    ["white space", "select a from t where b=1", " select\n a  from\tt where b   =   1 "],
    ["comments", "select a from t where b = 1", "/* x */ select a -- y\n from t # z\n where b = /* 3 */ 1"],
    ["strings of any content", "select a from t where b = 'x'", "select a from t where b = 'it''s \\' \"'"],
    ["rows", "insert into t values (1, 'a')", "insert into t values (2, 'b')"],
  ])("%s do not matter", (_name, one, two) => {
    expect(keyOf(one)).toBe(keyOf(two));
  });

  test.each([
    "select :v1 from t where b = 1",
    "select :v1 as x",
    "set @a = :v1",
    "select a from t where b in ::v1",
    "do f(:a)",
  ])("a client's %s is refused by its key", (sql) => {
    expect(() => parse(keyOf(sql))).toThrow(/^You have an error in your SQL syntax/);
  });

  test("the key is SQL that parses", () => {
    expect(parse(keyOf("select a from t where b in (1, 2) and c = 'x'"))).toMatchObject({
      where: {
        kind: "and",
        operands: [{ list: { kind: "bind", index: 0, list: true } }, { right: { kind: "bind", index: 1 } }],
      },
    });
  });
});

describe("bind values", () => {
  test.each([
    ["numbers", "select a from t where b = 1 and c = 1.5 and d = 1e3", ["int:1", "decimal:1.5", "float:1e3"]],
    ["strings unescaped", "select a from t where b = 'it''s' and c = 'a\\nb\\%'", ["string:it's", "string:a\nb\\%"]],
    ["adjacent strings", "select a from t where b = 'x' 'y'", ["string:xy"]],
    [
      "hex and bits",
      "select a from t where b = x'0aff' and c = 0xFF and d = b'01' and e = 0b1",
      ["hexval:0aff", "hexnum:FF", "bitval:01", "bitnum:1"],
    ],
    [
      "introducers",
      "select a from t where b = _latin1'x' and c = _utf8mb4 x'41'",
      ["_latin1 string:x", "_utf8mb4 hexval:41"],
    ],
    ["national strings", "select a from t where b = N'x'", ["nstring:x"]],
    ["lists", "select a from t where b in (1, -2, 'x''y')", ["[1,-2,x'y]"]],
  ])("%s", (_name, sql, binds) => {
    expect(bindsOf(sql)).toEqual(binds);
  });

  test("bytes that are not UTF-8 come out as they went in", () => {
    const bytes = Buffer.from([0xff, 0x00, 0x80]);
    const sql = Buffer.concat([Buffer.from("insert into t values ('"), bytes, Buffer.from("')")]);
    const [bind] = normalize(sql, DEFAULT_SQL_MODE).binds;
    expect(bind?.kind === "literal" && bind.raw.equals(bytes)).toBe(true);
  });
});

describe("the rest", () => {
  test("verb and end of the first statement", () => {
    expect(normalize(Buffer.from(" /* c */ (SELECT 1); select 2"), DEFAULT_SQL_MODE)).toMatchObject({
      verb: "select",
      statementEnd: 19,
    });
    expect(normalize(Buffer.from("select ';' ; x"), DEFAULT_SQL_MODE).statementEnd).toBe(11);
    expect(normalize(Buffer.from("create procedure p() begin select 1; end; "), DEFAULT_SQL_MODE).statementEnd).toBe(
      42,
    );
  });

  test("directives", () => {
    const sql = "select /*vt+ QUERY_TIMEOUT_MS=100 SCATTER_ERRORS_AS_WARNINGS */ a from t /*sg+ gather='off' */";
    expect([...(normalize(Buffer.from(sql), DEFAULT_SQL_MODE).directives ?? [])]).toEqual([
      ["query_timeout_ms", "100"],
      ["scatter_errors_as_warnings", "true"],
      ["gather", "off"],
    ]);
  });

  test("sql_mode decides what a quote is", () => {
    expect(
      normalize(Buffer.from('select "a" from t where b = "x"'), { ...DEFAULT_SQL_MODE, ansiQuotes: true }).binds,
    ).toEqual([]);
    const [bind] = normalize(Buffer.from("select a from t where b = 'x\\'"), {
      ...DEFAULT_SQL_MODE,
      noBackslashEscapes: true,
    }).binds;
    expect(bind?.kind === "literal" ? bind.raw.toString() : "").toBe("x\\");
  });
});
