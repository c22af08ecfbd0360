// Expressions of a wanted family, made of the columns in reach. All of them have one value for a row, whatever the order of
// evaluation; arithmetic stays in ranges that do not overflow.

import type { Family } from "../schema.ts";
import { fieldsOf, type Scope, type Value } from "./scope.ts";
import { predicate } from "./predicates.ts";

type Make = (scope: Scope, depth: number) => Value;

/** `depth` bounds the nesting: 0 gives a column or a literal. */
export function expression(scope: Scope, family: Family, depth: number): Value {
  if (depth <= 0 || scope.random.chance(0.35)) return leaf(scope, family);
  return scope.random.pick(MAKERS[family])(scope, depth - 1);
}

/** Any family the columns in reach have. */
export function anyExpression(scope: Scope, depth: number): Value {
  return expression(scope, anyFamily(scope), depth);
}

export function anyFamily(scope: Scope): Family {
  const { random, fields } = scope;
  if (fields.length > 0 && random.chance(0.8)) return random.pick(fields).family;
  return random.pick(["int", "dec", "str", "date", "datetime"] as const);
}

export function leaf(scope: Scope, family: Family): Value {
  const { random } = scope;
  const fields = fieldsOf(scope, family);
  if (fields.length > 0 && random.chance(0.85)) return random.pick(fields);
  return literal(scope, family);
}

export function literal(scope: Scope, family: Family): Value {
  const { random } = scope;
  return { sql: random.chance(0.04) ? "NULL" : random.pick(LITERALS[family]), family };
}

const LITERALS: Readonly<Record<Family, readonly string[]>> = {
  int: ["0", "1", "2", "3", "5", "-1", "10", "7", "100", "1001", "-7"],
  dec: ["0.0", "1.5", "-1.50", "10.00", "0.1", "99.99", "2.250"],
  dbl: ["0e0", "1.5e0", "-2.25e0", "10e0", "0.5e0"],
  str: [
    "'apple'",
    "'APPLE'",
    "'pear'",
    "''",
    "'a'",
    "'Bob'",
    "'10'",
    "'k1'",
    "'s3'",
    "'zz'",
    "'paid'",
    "'gold'",
    "'fig '",
  ],
  bin: ["x'41'", "x'00'", "x''", "x'6120'", "b'1'"],
  date: ["DATE'2024-02-29'", "DATE'2024-03-01'", "CAST('2024-03-15' AS DATE)", "DATE'2023-12-31'"],
  time: ["TIME'12:30:00'", "TIME'00:00:00'", "TIME'-01:15:00'"],
  datetime: ["TIMESTAMP'2024-03-01 12:00:00'", "TIMESTAMP'2024-02-29 23:59:59.5'", "CAST('2024-03-05' AS DATETIME)"],
  json: ["'{\"a\": 1}'", "'[1, 2]'", "'null'"],
};

const int = (sql: string): Value => ({ sql, family: "int" });
/** Whole numbers up to the ends of BIGINT UNSIGNED. */
const bits = (sql: string): Value => ({ sql, family: "int", big: true });
const dec = (sql: string): Value => ({ sql, family: "dec" });
const dbl = (sql: string): Value => ({ sql, family: "dbl" });
const date = (sql: string): Value => ({ sql, family: "date" });
const time = (sql: string): Value => ({ sql, family: "time" });
const datetime = (sql: string): Value => ({ sql, family: "datetime" });
/** Text of the connection's collation, which gives way to a column's. */
const plainText = (sql: string): Value => ({ sql, family: "str" });

/** A number that can be calculated with. */
function small(scope: Scope, family: "int" | "dec" | "dbl", depth: number): string {
  const value = expression(scope, family, depth);
  return value.big === true ? `(${value.sql} % 1000)` : value.sql;
}

function text(scope: Scope, depth: number): Value {
  return expression(scope, "str", depth);
}

/** Text that goes together with text of `collation`. */
export function textOf(scope: Scope, collation: string | undefined, depth: number): Value {
  const value = text(scope, depth);
  if (collation === undefined || value.collation === undefined || value.collation === collation) return value;
  return literal(scope, "str");
}

const UNITS = ["DAY", "WEEK", "MONTH", "YEAR", "QUARTER"] as const;
const CLOCK_UNITS = ["HOUR", "MINUTE", "SECOND", "DAY", "MONTH"] as const;

const MAKERS: Readonly<Record<Family, readonly Make[]>> = {
  int: [
    (s, d) => int(`(${small(s, "int", d)} ${s.random.pick(["+", "-", "*"])} ${small(s, "int", d)})`),
    (s, d) => int(`(${small(s, "int", d)} ${s.random.pick(["DIV", "%", "MOD"])} ${small(s, "int", d)})`),
    (s, d) => int(`${s.random.pick(["ABS", "SIGN", "-"])}(${small(s, "int", d)})`),
    (s, d) => bits(`(${small(s, "int", d)} ${s.random.pick(["&", "|", "^"])} ${small(s, "int", d)})`),
    (s, d) => int(`${s.random.pick(["LENGTH", "CHAR_LENGTH", "ASCII", "BIT_LENGTH", "ORD"])}(${text(s, d).sql})`),
    (s, d) => {
      const a = text(s, d);
      return int(`${s.random.pick(["LOCATE", "INSTR", "STRCMP"])}(${a.sql}, ${textOf(s, a.collation, 0).sql})`);
    },
    (s, d) =>
      int(
        `${s.random.pick(["YEAR", "MONTH", "DAYOFMONTH", "DAYOFWEEK", "QUARTER", "WEEKDAY"])}(${expression(s, "date", d).sql})`,
      ),
    (s, d) =>
      int(`EXTRACT(${s.random.pick(["YEAR", "MONTH", "DAY", "YEAR_MONTH"])} FROM ${expression(s, "datetime", d).sql})`),
    (s, d) => int(`DATEDIFF(${expression(s, "date", d).sql}, ${expression(s, "datetime", 0).sql})`),
    (s, d) =>
      int(
        `TIMESTAMPDIFF(${s.random.pick(UNITS)}, ${expression(s, "date", d).sql}, ${expression(s, "datetime", 0).sql})`,
      ),
    (s, d) => int(`HOUR(${expression(s, "time", d).sql})`),
    (s, d) => int(`CAST(${expression(s, s.random.pick(["dec", "dbl", "int"]), d).sql} AS SIGNED)`),
    (s, d) => int(`${s.random.pick(["FLOOR", "CEILING", "ROUND"])}(${small(s, "dec", d)})`),
    (s, d) => int(`(${predicate(s, d)})`),
    (s, d) => int(`BIT_COUNT(${small(s, "int", d)})`),
    (s, d) => int(`INTERVAL(${small(s, "int", d)}, 0, 5, 10)`),
    (s, d) => int(`FIELD(${small(s, "int", d)}, 1, 2, 3)`),
    (s, d) => int(`JSON_LENGTH(${expression(s, "json", d).sql})`),
    conditional("int"),
    choice("int"),
    firstOf("int"),
    most("int"),
  ],
  dec: [
    (s, d) => dec(`(${small(s, "dec", d)} ${s.random.pick(["+", "-", "*"])} ${small(s, "dec", d)})`),
    (s, d) => dec(`(${small(s, "dec", d)} * ${small(s, "int", d)})`),
    (s, d) => dec(`(${small(s, "int", d)} / ${small(s, "int", d)})`),
    (s, d) => dec(`(${small(s, "dec", d)} / NULLIF(${small(s, "dec", d)}, 0))`),
    (s, d) => dec(`${s.random.pick(["ROUND", "TRUNCATE"])}(${small(s, "dec", d)}, ${s.random.pick([0, 1, 3, -1])})`),
    (s, d) => dec(`ABS(${small(s, "dec", d)})`),
    (s, d) =>
      dec(
        `CAST(${small(s, s.random.pick(["int", "dec"]), d)} AS DECIMAL(${s.random.pick(["12,3", "20,2", "14,6", "38,18"])}))`,
      ),
    (s, d) => dec(`(${small(s, "dec", d)} % 3)`),
    conditional("dec"),
    choice("dec"),
    firstOf("dec"),
    most("dec"),
  ],
  dbl: [
    (s, d) => dbl(`(${small(s, "dbl", d)} ${s.random.pick(["+", "-", "*"])} ${small(s, "dbl", d)})`),
    (s, d) => dbl(`(${small(s, "dbl", d)} * ${small(s, "int", 0)})`),
    (s, d) => dbl(`SQRT(ABS(${small(s, "int", d)}))`),
    (s, d) => dbl(`ROUND(${small(s, "dbl", d)}, 1)`),
    (s) => dbl(`POW(${small(s, "int", 0)} % 5, 2)`),
    (s, d) => dbl(`(${small(s, "dbl", d)} + ${small(s, "dec", d)})`),
    conditional("dbl"),
    firstOf("dbl"),
  ],
  str: [
    (s, d) => {
      const a = text(s, d);
      const b = textOf(s, a.collation, d);
      return { sql: `CONCAT(${a.sql}, ${b.sql})`, family: "str", collation: a.collation ?? b.collation };
    },
    (s, d) => {
      const a = text(s, d);
      const name = s.random.pick(["UPPER", "LOWER", "TRIM", "RTRIM", "LTRIM", "REVERSE"]);
      return { ...a, sql: `${name}(${a.sql})` };
    },
    (s, d) => {
      const a = text(s, d);
      return { ...a, sql: `${s.random.pick(["LEFT", "RIGHT"])}(${a.sql}, ${s.random.int(4)})` };
    },
    (s, d) => {
      const a = text(s, d);
      return { ...a, sql: `SUBSTRING(${a.sql}, ${s.random.int(3) + 1}, ${s.random.int(4) + 1})` };
    },
    (s, d) => {
      const a = text(s, d);
      return { ...a, sql: `REPLACE(${a.sql}, 'a', 'ee')` };
    },
    (s, d) => {
      const a = text(s, d);
      return { ...a, sql: `${s.random.pick(["LPAD", "RPAD"])}(${a.sql}, 6, '*')` };
    },
    (s, d) => plainText(`CONCAT_WS('-', ${small(s, "int", d)}, ${small(s, "int", d)})`),
    (s, d) => plainText(`CAST(${expression(s, s.random.pick(["int", "dec", "date"]), d).sql} AS CHAR)`),
    (s, d) => plainText(`HEX(${expression(s, s.random.pick(["bin", "int"]), d).sql})`),
    (s, d) => plainText(`MD5(${text(s, d).sql})`),
    (s, d) => plainText(`DATE_FORMAT(${expression(s, "datetime", d).sql}, '%Y/%m %H:%i')`),
    (s, d) => plainText(`ELT(${small(s, "int", d)} % 3 + 1, 'one', 'two', 'three')`),
    (s, d) => plainText(`JSON_UNQUOTE(JSON_EXTRACT(${expression(s, "json", d).sql}, '$.a'))`),
    (s, d) => {
      const name = s.random.pick(["bin", "bin", "unicode_ci", "nopad_bin", "uca1400_ai_ci", "german2_ci"]);
      return { sql: `(${text(s, d).sql} COLLATE utf8mb4_${name})`, family: "str", collation: `explicit_${name}` };
    },
    (s, d) => ({ sql: `CONVERT(${text(s, d).sql} USING latin1)`, family: "str", collation: "latin1_swedish_ci" }),
    conditional("str"),
    choice("str"),
    firstOf("str"),
  ],
  bin: [
    (s, d) => ({ sql: `CAST(${text(s, d).sql} AS BINARY)`, family: "bin" }),
    (s, d) => ({ sql: `UNHEX(MD5(${text(s, d).sql}))`, family: "bin" }),
    (s, d) => ({ sql: `LEFT(${expression(s, "bin", d).sql}, 1)`, family: "bin" }),
  ],
  date: [
    (s, d) =>
      date(`DATE_ADD(${expression(s, "date", d).sql}, INTERVAL ${s.random.int(40) - 20} ${s.random.pick(UNITS)})`),
    (s, d) => date(`(${expression(s, "date", d).sql} - INTERVAL ${s.random.int(5)} ${s.random.pick(UNITS)})`),
    (s, d) => date(`DATE(${expression(s, "datetime", d).sql})`),
    (s, d) => date(`LAST_DAY(${expression(s, "date", d).sql})`),
    (s, d) => date(`STR_TO_DATE(DATE_FORMAT(${expression(s, "date", d).sql}, '%Y-%m-01'), '%Y-%m-%d')`),
    conditional("date"),
    firstOf("date"),
    most("date"),
  ],
  time: [
    (s, d) => time(`TIME(${expression(s, "datetime", d).sql})`),
    (s, d) => time(`SEC_TO_TIME(${small(s, "int", d)} * 60)`),
    (s) => time(`ADDTIME(${expression(s, "time", 0).sql}, '00:30:00')`),
    firstOf("time"),
  ],
  datetime: [
    (s, d) =>
      datetime(
        `(${expression(s, "datetime", d).sql} + INTERVAL ${s.random.int(40) - 20} ${s.random.pick(CLOCK_UNITS)})`,
      ),
    (s, d) => datetime(`TIMESTAMP(${expression(s, "date", d).sql}, '10:20:30')`),
    (s, d) =>
      datetime(`TIMESTAMPADD(${s.random.pick(CLOCK_UNITS)}, ${s.random.int(9)}, ${expression(s, "datetime", d).sql})`),
    (s, d) => datetime(`CAST(${expression(s, "date", d).sql} AS DATETIME)`),
    conditional("datetime"),
    firstOf("datetime"),
    most("datetime"),
  ],
  json: [
    (s, d) => ({
      sql: `JSON_EXTRACT(${expression(s, "json", d).sql}, '$.${s.random.pick(["a", "tags", "n.m", "b"])}')`,
      family: "json",
    }),
    (s, d) => ({ sql: `JSON_ARRAY(${small(s, "int", d)}, ${text(s, 0).sql})`, family: "json" }),
    (s, d) => ({ sql: `JSON_OBJECT('k', ${small(s, "int", d)})`, family: "json" }),
  ],
};

function conditional(family: Family): Make {
  return (scope, depth) => {
    const a = expression(scope, family, depth);
    const b = family === "str" ? textOf(scope, a.collation, depth) : expression(scope, family, depth);
    return { ...joined(a, b), sql: `IF(${predicate(scope, depth)}, ${a.sql}, ${b.sql})` };
  };
}

function choice(family: Family): Make {
  return (scope, depth) => {
    const a = expression(scope, family, depth);
    const b = family === "str" ? textOf(scope, a.collation, 0) : expression(scope, family, 0);
    const whens = `WHEN ${predicate(scope, depth)} THEN ${a.sql} WHEN ${predicate(scope, 0)} THEN ${b.sql}`;
    return { ...joined(a, b), sql: `CASE ${whens}${scope.random.chance(0.5) ? ` ELSE ${a.sql}` : ""} END` };
  };
}

function firstOf(family: Family): Make {
  return (scope, depth) => {
    const a = expression(scope, family, depth);
    const b = family === "str" ? textOf(scope, a.collation, 0) : expression(scope, family, 0);
    return { ...joined(a, b), sql: `${scope.random.pick(["COALESCE", "IFNULL", "NULLIF"])}(${a.sql}, ${b.sql})` };
  };
}

function most(family: Family): Make {
  return (scope, depth) => {
    const a = expression(scope, family, depth);
    const b = expression(scope, family, 0);
    return { ...joined(a, b), sql: `${scope.random.pick(["GREATEST", "LEAST"])}(${a.sql}, ${b.sql})` };
  };
}

function joined(a: Value, b: Value): Value {
  return { sql: "", family: a.family, collation: a.collation ?? b.collation, big: a.big === true || b.big === true };
}
