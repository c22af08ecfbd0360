// Aggregate and window functions whose result does not depend on the order of rows that their own ORDER BY leaves open.

import { anyExpression, expression, leaf } from "./expressions.ts";
import { predicate } from "./predicates.ts";
import { exact, fieldsOf, isConstant, isLoose, type Scope, type Value } from "./scope.ts";

/** `inner`: what is around may do more with it than show it. */
export function aggregate(scope: Scope, inner = false): Value {
  const { random } = scope;
  const number = (): string => numeric(scope);
  const distinct = random.chance(0.2) ? "DISTINCT " : "";
  switch (random.int(12)) {
    case 0:
    case 1:
      return { sql: "COUNT(*)", family: "int" };
    case 2:
      return { sql: `COUNT(${anyExpression(scope, random.int(2)).sql})`, family: "int" };
    case 3:
      if (random.chance(0.3))
        return { sql: `COUNT(DISTINCT ${leaf(scope, "int").sql}, ${leaf(scope, "str").sql})`, family: "int" };
      return { sql: `COUNT(DISTINCT ${anyExpression(scope, random.int(2)).sql})`, family: "int" };
    case 4:
    case 5:
      return { sql: `SUM(${distinct}${number()})`, family: "dec" };
    case 6:
      return { sql: `AVG(${distinct}${number()})`, family: "dec" };
    case 7:
    case 8: {
      const value = random.chance(0.7) ? leaf(scope, random.pick(scope.fields).family) : anyExpression(scope, 1);
      const sound = inner ? exact(value) : value;
      return { ...sound, sql: `${random.pick(["MIN", "MAX"])}(${sound.sql})` };
    }
    case 9:
      if (scope.key.length > 0 && random.chance(0.8)) return concatenated(scope);
      return { sql: `BIT_XOR(${number()})`, family: "int", big: true };
    case 10:
      return random.pick([
        { sql: `SUM(${predicate(scope, 0)})`, family: "dec" as const },
        { sql: `SUM(CASE WHEN ${predicate(scope, 1)} THEN ${number()} ELSE 0 END)`, family: "dec" as const },
        { sql: `COUNT(CASE WHEN ${predicate(scope, 0)} THEN 1 END)`, family: "int" as const },
        { sql: `(SUM(${number()}) / NULLIF(COUNT(*), 0))`, family: "dec" as const },
        { sql: `(MAX(${number()}) - MIN(${number()}))`, family: "dec" as const },
        { sql: `COALESCE(SUM(${number()}), 0)`, family: "dec" as const },
      ]);
    default:
      return random.pick([
        { sql: `BIT_OR(${number()})`, family: "int" as const, big: true },
        { sql: `BIT_AND(${number()})`, family: "int" as const, big: true },
        { sql: `ROUND(STDDEV(${number()}), 3)`, family: "dbl" as const },
        { sql: `ROUND(VAR_SAMP(${number()}), 3)`, family: "dbl" as const },
      ]);
  }
}

/** A number whose sums are exact, in whatever order. */
function numeric(scope: Scope): string {
  const { random } = scope;
  const family = random.pick(["int", "int", "dec", "dec", "dbl"] as const);
  const fields = fieldsOf(scope, family).filter(({ big }) => big !== true);
  if (fields.length > 0 && random.chance(0.75)) return random.pick(fields).sql;
  if (family === "dbl") return fields[0]?.sql ?? "1";
  const value = expression(scope, family, 1);
  return value.big === true ? `(${value.sql} % 100)` : value.sql;
}

function concatenated(scope: Scope): Value {
  const { random } = scope;
  const separator = random.chance(0.3) ? " SEPARATOR '; '" : "";
  if (random.chance(0.3)) {
    const value = exact(leaf(scope, random.pick(["int", "str"] as const)));
    return {
      sql: `GROUP_CONCAT(DISTINCT ${value.sql} ORDER BY ${value.sql}${random.pick(["", " DESC"])}${separator})`,
      family: "str",
      collation: "other",
    };
  }
  const value = anyExpression(scope, random.int(2));
  const by = [...(isLoose(value) || random.chance(0.4) ? [value.sql] : []), ...scope.key];
  const order = by.filter((sql) => !isConstant(sql)).join(", ");
  const limit = random.chance(0.15) ? ` LIMIT ${random.pick(["1", "3", "2 OFFSET 1"])}` : "";
  if (random.chance(0.15)) return { sql: `JSON_ARRAYAGG(${value.sql} ORDER BY ${order}${limit})`, family: "json" };
  return { sql: `GROUP_CONCAT(${value.sql} ORDER BY ${order}${separator}${limit})`, family: "str", collation: "other" };
}

/** The scope has a key. */
export function windowCall(scope: Scope): Value {
  const { random } = scope;
  const partition = random.chance(0.6)
    ? `PARTITION BY ${exact(leaf(scope, random.pick(scope.fields).family)).sql}`
    : "";
  const some = random.chance(0.5) ? [`${random.pick(scope.fields).sql}${random.pick(["", " DESC"])}`] : [];
  const keys = [...some, ...scope.key];
  const total = `ORDER BY ${keys.join(", ")}`;
  const frame = random.pick([
    "",
    "",
    " ROWS BETWEEN 2 PRECEDING AND CURRENT ROW",
    " ROWS BETWEEN UNBOUNDED PRECEDING AND 1 FOLLOWING",
    " ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING",
    " RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW",
  ]);
  const over = (order: string, bounds = ""): string =>
    ` OVER (${[partition, order].filter(Boolean).join(" ")}${bounds})`;
  const value = anyExpression(scope, random.int(2));
  switch (random.int(10)) {
    case 0:
      return { sql: `ROW_NUMBER()${over(total)}`, family: "int" };
    case 1:
      return {
        sql: `${random.pick(["RANK", "DENSE_RANK"])}()${over(`ORDER BY ${some[0] ?? keys[0] ?? "1"}`)}`,
        family: "int",
      };
    case 2:
      return {
        sql: `${random.pick(["LAG", "LEAD"])}(${value.sql}, ${random.int(3)})${over(total)}`,
        family: value.family,
      };
    case 3:
      return {
        sql: `${random.pick(["FIRST_VALUE", "LAST_VALUE"])}(${value.sql})${over(total, frame)}`,
        family: value.family,
      };
    case 4:
      return { sql: `NTILE(${random.int(4) + 1})${over(total)}`, family: "int" };
    case 6:
      return { sql: `${random.pick(["PERCENT_RANK", "CUME_DIST"])}()${over(total)}`, family: "dbl" };
    case 7:
      return { sql: `NTH_VALUE(${value.sql}, ${random.int(3) + 1})${over(total, frame)}`, family: value.family };
    case 8: {
      const key = leaf(scope, "int").sql;
      const near = ` RANGE BETWEEN ${random.int(4)} PRECEDING AND ${random.pick(["CURRENT ROW", "2 FOLLOWING"])}`;
      return {
        sql: `${random.pick(["SUM", "COUNT"])}(${numeric(scope)})${over(`ORDER BY ${key}`, near)}`,
        family: "dec",
      };
    }
    case 5:
      return {
        sql: `${random.pick(["SUM", "AVG", "COUNT", "MAX", "MIN"])}(${numeric(scope)})${over(total, frame)}`,
        family: "dec",
      };
    default:
      return {
        sql: `${random.pick(["SUM", "COUNT", "AVG", "MIN", "MAX"])}(${numeric(scope)})${over("")}`,
        family: "dec",
      };
  }
}
