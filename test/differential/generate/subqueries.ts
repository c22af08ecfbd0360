// Queries inside expressions, correlated or not: scalar ones give one row at most, whatever the data.

import { TABLES } from "../schema.ts";
import { expression, leaf } from "./expressions.ts";
import { predicate, simple } from "./predicates.ts";
import { fromClause } from "./sources.ts";
import { exact, fieldsOf, freshName, type Scope, type Value } from "./scope.ts";

/** The scope inside a query whose FROM clause is `source`. */
function inside(scope: Scope, tablesMax: number): { readonly scope: Scope; readonly from: string } {
  const around = { ...scope, depth: scope.depth + 1, fields: [], key: [], outer: scope.fields };
  const source = fromClause(around, tablesMax);
  return { scope: { ...around, fields: source.fields, key: source.key }, from: source.sql };
}

/** WHERE with a condition that ties the rows to the query around in some of the cases. */
function where(inner: Scope, correlated: boolean): string {
  const conditions: string[] = [];
  if (correlated) {
    const tie = correlation(inner);
    if (tie !== undefined) conditions.push(tie);
  }
  if (inner.random.chance(0.5)) conditions.push(simple(inner, 1));
  return conditions.length === 0 ? "" : ` WHERE ${conditions.join(" AND ")}`;
}

function correlation(inner: Scope): string | undefined {
  const { random, outer } = inner;
  const ints = outer.filter(({ family }) => family === "int");
  const own = fieldsOf(inner, "int");
  if (ints.length === 0 || own.length === 0) return undefined;
  return `${random.pick(own).sql} ${random.pick(["=", "=", "=", "<"])} ${random.pick(ints).sql}`;
}

export function existsQuery(scope: Scope): string {
  const { scope: inner, from } = inside(scope, 2);
  return `SELECT ${scope.random.pick(["1", "*", "NULL"])} FROM ${from}${where(inner, scope.random.chance(0.75))}`;
}

/** One column, comparable with `value`; any number of rows. */
export function listQuery(scope: Scope, value: Value): string {
  const { scope: inner, from } = inside(scope, 2);
  const { random } = scope;
  const column = comparable(inner, value);
  const tail = where(inner, random.chance(0.3));
  if (random.chance(0.15)) {
    return `SELECT ${random.pick(["MAX", "MIN"])}(${exact(column).sql}) FROM ${from}${tail} GROUP BY ${leaf(inner, "int").sql}`;
  }
  return `SELECT ${random.chance(0.2) ? "DISTINCT " : ""}${column.sql} FROM ${from}${tail}`;
}

/** Two columns, comparable with `a` and `b`. */
export function pairsQuery(scope: Scope, a: Value, b: Value): string {
  const { scope: inner, from } = inside(scope, 2);
  const columns = `${comparable(inner, a).sql}, ${comparable(inner, b).sql}`;
  return `SELECT ${columns} FROM ${from}${where(inner, scope.random.chance(0.3))}`;
}

/** One column, one row or none. */
export function scalarQuery(scope: Scope, value: Value): string {
  const { random } = scope;
  const { scope: inner, from } = inside(scope, 2);
  const column = comparable(inner, value);
  const tail = where(inner, random.chance(0.6));
  const isNumber = value.family === "int" || value.family === "dec";
  if (random.chance(0.2)) {
    const table = random.pick(TABLES.filter(({ key, keyspace }) => key[0] === "id" && keyspace === "sharded"));
    const alias = freshName(scope, "k");
    const fields = table.columns.map(({ name, ...rest }) => ({ ...rest, sql: `${alias}.${name}` }));
    const outer = scope.fields.filter(({ family }) => family === "int");
    const key = outer.length > 0 && random.chance(0.7) ? random.pick(outer).sql : String(random.int(40));
    const one = comparable({ ...inner, fields }, value);
    return `SELECT ${one.sql} FROM ${table.name} ${alias} WHERE ${alias}.id = ${key}`;
  }
  if (random.chance(0.25)) {
    return `SELECT ${column.sql} FROM ${from}${tail} ORDER BY ${inner.key.join(", ")} LIMIT 1`;
  }
  if (isNumber && column.big !== true && random.chance(0.6)) {
    return `SELECT ${random.pick(["SUM", "AVG", "COUNT", "MAX", "MIN"])}(${column.sql}) FROM ${from}${tail}`;
  }
  return `SELECT ${random.pick(["MAX", "MIN"])}(${exact(column).sql}) FROM ${from}${tail}`;
}

function comparable(inner: Scope, value: Value): Value {
  const { random } = inner;
  if (value.family !== "str")
    return random.chance(0.8) ? leaf(inner, value.family) : expression(inner, value.family, 1);
  const matching = fieldsOf(inner, "str").filter(
    ({ collation }) => value.collation === undefined || collation === value.collation,
  );
  return matching.length > 0
    ? random.pick(matching)
    : { sql: random.pick(["'apple'", "'paid'", "NULL"]), family: "str" };
}

/** For select lists: a scalar query of a family of its own choice. */
export function scalarItem(scope: Scope): Value {
  const family = scope.random.pick(["int", "int", "dec", "str", "date"] as const);
  return { sql: `(${scalarQuery(scope, { sql: "", family })})`, family };
}

/** A condition of WHERE: now and then on a key, which tells the shard or some shards. */
export function condition(scope: Scope): string {
  const { random } = scope;
  if (random.chance(0.25)) {
    const key = keyCondition(scope);
    if (key !== undefined) return key;
  }
  return predicate(scope, random.pick([0, 1, 1, 2]));
}

function keyCondition(scope: Scope): string | undefined {
  const { random } = scope;
  const keys = scope.fields.filter(({ sql }) => /\.(id|cust_id|owner|ord_id|a|parent|code)$/.test(sql));
  if (keys.length === 0) return undefined;
  const { sql, family } = random.pick(keys);
  if (family === "str") {
    return random.pick([
      `${sql} = 'k${random.int(22)}'`,
      `${sql} IN ('K1', 'key2', 'k7')`,
      `${sql} LIKE 'k1%'`,
      `${sql} > 'key'`,
    ]);
  }
  const value = (): number => (sql.endsWith("ord_id") ? 1000 : 0) + random.int(50) + 1;
  return random.pick([
    `${sql} = ${value()}`,
    `${sql} IN (${value()}, ${value()}, ${value()})`,
    `${sql} IN (${value()}, ${value()}, ${value()}, ${value()}, ${value()}, ${value()}, ${value()})`,
    `${sql} <= ${value()}`,
    `${sql} > ${value()}`,
    `${sql} BETWEEN ${value()} AND ${value() + 30}`,
    `(${sql} = ${value()} OR ${sql} = ${value()})`,
    `${sql} % ${random.int(3) + 2} = 1`,
    `${sql} IS NOT NULL`,
    `NOT (${sql} = ${value()})`,
  ]);
}
