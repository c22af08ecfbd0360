// Conditions: comparisons inside a family and across some, patterns, lists, NULL tests, and subqueries where the depth allows.

import type { Family } from "../schema.ts";
import { anyFamily, expression, leaf, literal, textOf } from "./expressions.ts";
import { fieldsOf, type Scope, type Value } from "./scope.ts";
import { existsQuery, listQuery, pairsQuery, scalarQuery } from "./subqueries.ts";

const COMPARISONS = ["=", "=", "<", "<=", ">", ">=", "<>", "<>", "<=>"] as const;
const QUERY_DEPTH_MAX = 2;

export function predicate(scope: Scope, depth: number): string {
  const { random } = scope;
  if (depth > 0 && random.chance(0.25)) {
    const left = predicate(scope, depth - 1);
    const right = predicate(scope, depth - 1);
    return random.pick([
      `(${left} AND ${right})`,
      `(${left} OR ${right})`,
      `(${left} AND ${right})`,
      `(${left} OR ${right})`,
      `(${left} XOR ${right})`,
      `NOT (${left})`,
      `(${left}) IS ${random.pick(["TRUE", "FALSE", "NOT TRUE", "UNKNOWN", "NOT UNKNOWN"])}`,
    ]);
  }
  if (depth > 0 && scope.depth < QUERY_DEPTH_MAX && random.chance(0.12)) return queryPredicate(scope);
  return simple(scope, depth);
}

/** A condition on a column that an application would write. */
export function simple(scope: Scope, depth: number): string {
  const { random } = scope;
  const family = anyFamily(scope);
  const a = expression(scope, family, depth);
  return random.pick(SIMPLE)(scope, a, family, depth);
}

/** MariaDB 10.11 dies of `JSON_ARRAY(1) <=> JSON_EXTRACT('[]', '$.a')`. */
function comparison({ random }: Scope, { family }: Value): string {
  const operator = random.pick(COMPARISONS);
  return operator === "<=>" && family === "json" ? "=" : operator;
}

function partner(scope: Scope, a: Value, depth: number): Value {
  if (a.family === "str") return scope.random.chance(0.5) ? literal(scope, "str") : textOf(scope, a.collation, depth);
  return scope.random.chance(0.6) ? literal(scope, a.family) : expression(scope, a.family, depth);
}

const SIMPLE: readonly ((scope: Scope, a: Value, family: Family, depth: number) => string)[] = [
  (s, a, _f, d) => `${a.sql} ${comparison(s, a)} ${partner(s, a, d).sql}`,
  (s, a, _f, d) => `${a.sql} ${comparison(s, a)} ${partner(s, a, d).sql}`,
  (s, a, _f, d) => `${a.sql} ${comparison(s, a)} ${partner(s, a, d).sql}`,
  (s, a) => `${a.sql} IS ${s.random.pick(["NULL", "NOT NULL"])}`,
  (s, a, f) => {
    const list = Array.from({ length: s.random.int(6) + 1 }, () => literal(s, f).sql);
    return `${a.sql} ${s.random.pick(["IN", "IN", "NOT IN"])} (${list.join(", ")})`;
  },
  (s, a, _f, d) =>
    `${a.sql} ${s.random.pick(["BETWEEN", "NOT BETWEEN"])} ${partner(s, a, 0).sql} AND ${partner(s, a, d).sql}`,
  (s, _a, _f, d) => {
    const pattern = s.random.pick(["'a%'", "'%e'", "'_p%'", "'%a%'", "'B_b'", "''", "'%'", "'fig%'", "'1%'"]);
    return `${expression(s, "str", d).sql} ${s.random.pick(["LIKE", "LIKE", "NOT LIKE"])} ${pattern}`;
  },
  (s, _a, _f, d) =>
    `${expression(s, "str", d).sql} ${s.random.pick(["REGEXP", "NOT REGEXP"])} ${s.random.pick(["'^a'", "'[0-9]'", "'e$'", "'(p|l)+'"])}`,
  (s, _a, _f, d) =>
    `${leaf(s, "int").sql} ${s.random.pick(COMPARISONS)} ${expression(s, s.random.pick(["dec", "dbl"]), d).sql}`,
  (s) =>
    `${leaf(s, "int").sql} ${s.random.pick(["=", "<", ">", "<>"])} ${s.random.pick(["'1'", "'5'", "'10'", "'2.5'", "1.0", "3e0"])}`,
  (s) =>
    `${leaf(s, "date").sql} ${s.random.pick(["=", "<", ">=", "<>"])} ${s.random.pick(["'2024-03-01'", "'2024-02-29'", "20240301", "'2024-03-01 00:00:00'"])}`,
  (s) =>
    `${leaf(s, "datetime").sql} ${s.random.pick(["<", ">=", "="])} ${s.random.pick(["'2024-03-01'", "'2024-03-01 12:00:00'", "20240301120000"])}`,
  (s) => {
    const [a, b] = [leaf(s, "int").sql, leaf(s, "int").sql];
    return s.random.pick([
      `(${a}, ${b}) = (${s.random.int(5)}, ${s.random.int(9)})`,
      `(${a}, ${b}) IN ((1, 2), (3, 3), (2, 0))`,
      `(${a}, ${b}) < (5, 5)`,
    ]);
  },
  (s, _a, _f, d) => expression(s, "int", d).sql,
  (s) => `FIND_IN_SET('b', ${leaf(s, "str").sql})`,
  (s, _a, _f, d) => `JSON_VALID(${expression(s, "json", d).sql})`,
  (s) => `${leaf(s, "json").sql} IS NOT NULL AND JSON_CONTAINS(${leaf(s, "json").sql}, '1')`,
];

function queryPredicate(scope: Scope): string {
  const { random } = scope;
  const not = random.chance(0.3) ? "NOT " : "";
  switch (random.int(6)) {
    case 4: {
      const [a, b] = [compared(scope), compared(scope)];
      return `(${a.sql}, ${b.sql}) ${not}IN (${pairsQuery(scope, a, b)})`;
    }
    case 0:
      return `${not}EXISTS (${existsQuery(scope)})`;
    case 1: {
      const value = compared(scope);
      return `${value.sql} ${comparison(scope, value)} (${scalarQuery(scope, value)})`;
    }
    case 2: {
      const value = compared(scope);
      return `${value.sql} ${random.pick(["=", "<", ">", "<=", ">=", "<>"])} ${random.pick(["ANY", "ALL", "SOME"])} (${listQuery(scope, value)})`;
    }
    default: {
      const value = compared(scope);
      return `${value.sql} ${not}IN (${listQuery(scope, value)})`;
    }
  }
}

/** What is compared with the rows of a query: mostly a column. */
function compared(scope: Scope): Value {
  const { random } = scope;
  const family = random.pick(["int", "int", "int", "str", "dec", "date"] as const);
  const fields = fieldsOf(scope, family);
  return fields.length > 0 && random.chance(0.8) ? random.pick(fields) : expression(scope, family, 1);
}
