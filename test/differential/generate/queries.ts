// Whole queries: plain, grouped, distinct, windowed, set operations, WITH; and the same as derived tables, whose columns are
// then fields of the query around.

import { anyExpression, expression, leaf } from "./expressions.ts";
import { predicate } from "./predicates.ts";
import { condition, scalarItem } from "./subqueries.ts";
import { fromClause, usingClause } from "./sources.ts";
import { exact, fieldsOf, freshName, isConstant, isLoose, type Scope, type Source, type Value } from "./scope.ts";
import { aggregate, windowCall } from "./aggregates.ts";
import type { Family } from "../schema.ts";

/** A query's text and what its columns are. */
export interface Made {
  readonly sql: string;
  readonly columns: readonly { readonly name: string; readonly value: Value }[];
  /** Names of columns that tell its rows apart; empty when there may be equal ones. */
  readonly key: readonly string[];
  readonly rows: number;
}

/** The statement as a client sends it. */
export function statement(random: Scope["random"]): string {
  const scope: Scope = { random, names: { next: 0 }, depth: 0, fields: [], key: [], outer: [], ctes: [] };
  const kind = random.int(100);
  if (kind < 26) return locked(scope, plainSelect(scope));
  if (kind < 28) return withoutTables(scope);
  if (kind < 48) return groupedSelect(scope);
  if (kind < 52) return windowsOverGroups(scope);
  if (kind < 58) return distinctSelect(scope);
  if (kind < 60) return distinctByKey(scope);
  if (kind < 70) return windowSelect(scope);
  if (kind < 80) return setOperation(scope).sql;
  if (kind < 90) return withQuery(scope);
  if (kind < 95) return usingSelect(scope);
  return rollupSelect(scope);
}

function locked(scope: Scope, sql: string): string {
  const { random } = scope;
  if (random.chance(0.95)) return sql;
  return `${sql} ${random.pick(["FOR UPDATE", "LOCK IN SHARE MODE", "FOR UPDATE SKIP LOCKED", "FOR UPDATE NOWAIT"])}`;
}

function withoutTables(scope: Scope): string {
  const { random } = scope;
  const list = Array.from({ length: random.int(3) + 1 }, () => scalarItem(scope).sql);
  if (random.chance(0.3)) list.push(predicate(scope, 1));
  return `SELECT ${list.join(", ")}`;
}

function read(scope: Scope, tablesMax = 5): { readonly scope: Scope; readonly source: Source; readonly from: string } {
  const source = fromClause(scope, tablesMax);
  const hint = scope.random.chance(0.02) ? " STRAIGHT_JOIN" : "";
  return { scope: { ...scope, fields: source.fields, key: source.key }, source, from: `${hint}\u0000${source.sql}` };
}

function select(options: string, items: readonly string[], from: string, rest: string): string {
  const [hint, text] = from.split("\u0000");
  return `SELECT${hint}${options} ${items.join(", ")} FROM ${text}${rest}`;
}

function where(scope: Scope): string {
  const { random } = scope;
  const count = random.pick([0, 0, 0, 1, 1, 1, 2]);
  if (count === 0) return "";
  const conditions = Array.from({ length: count }, () => condition(scope));
  // Two alternatives leave more rows than one condition.
  if (count === 1 && random.chance(0.3)) return ` WHERE (${conditions[0]} OR ${condition(scope)})`;
  return ` WHERE ${conditions.join(" AND ")}`;
}

function limit(scope: Scope): string {
  const { random } = scope;
  if (random.chance(0.55)) return "";
  const count = random.pick([0, 1, 2, 3, 5, 10, 10, 10, 20, 1000]);
  return random.pick([
    ` LIMIT ${count}`,
    ` LIMIT ${count}`,
    ` LIMIT ${count} OFFSET ${random.int(8)}`,
    ` LIMIT ${random.int(4)}, ${count}`,
  ]);
}

interface Item {
  readonly sql: string;
  readonly alias: string | undefined;
  readonly value: Value;
}

function items(scope: Scope, count: number, make: () => Value): Item[] {
  return Array.from({ length: count }, () => {
    const value = make();
    return { sql: value.sql, alias: scope.random.chance(0.5) ? freshName(scope, "x") : undefined, value };
  });
}

function written({ sql, alias }: Item): string {
  return alias === undefined ? sql : `${sql} AS ${alias}`;
}

/** ORDER BY some columns or expressions and then what makes the order total; or none. */
function totalOrder(scope: Scope, chosen: readonly Item[]): string {
  const { random } = scope;
  const direction = (): string => random.pick(["", "", " ASC", " DESC", " DESC"]);
  const keys: string[] = [];
  for (let n = random.int(3); n > 0; n--) {
    const item = chosen.length > 0 && random.chance(0.6) ? random.pick(chosen) : undefined;
    if (item === undefined) keys.push(`${random.pick(scope.fields).sql}${direction()}`);
    else if (random.chance(0.3)) keys.push(`${chosen.indexOf(item) + 1}${direction()}`);
    else if (item.alias !== undefined || !isConstant(item.sql)) keys.push(`${item.alias ?? item.sql}${direction()}`);
  }
  for (const key of scope.key) keys.push(`${key}${direction()}`);
  return ` ORDER BY ${keys.join(", ")}`;
}

function plainSelect(outer: Scope): string {
  const { random } = outer;
  const { scope, source, from } = read(outer);
  const chosen = items(scope, random.int(4) + 1, () => {
    if (random.chance(0.08)) return scalarItem(scope);
    return anyExpression(scope, random.pick([0, 0, 0, 1, 2]));
  });
  const list = random.chance(0.1) ? ["*"] : chosen.map(written);
  const selected = list[0] === "*" ? [] : chosen;
  const having =
    random.chance(0.05) && selected[0]?.alias !== undefined ? ` HAVING ${selected[0].alias} IS NOT NULL` : "";
  const isOrdered = source.key.length > 0 && random.chance(0.6);
  const order = isOrdered ? totalOrder(scope, selected) + limit(scope) : partialOrder(scope, selected);
  return select("", list, from, where(scope) + having + order);
}

/** By columns of the result alone: rows that are equal there come in any order. */
function partialOrder(scope: Scope, chosen: readonly Item[]): string {
  const { random } = scope;
  if (chosen.length === 0 || random.chance(0.6)) return "";
  const at = random.int(chosen.length);
  return ` ORDER BY ${at + 1}${random.pick(["", " DESC"])}`;
}

function distinctSelect(outer: Scope): string {
  const { random } = outer;
  const { scope, from } = read(outer, 3);
  // DISTINCT constants give one row in MariaDB even when OFFSET is beyond it.
  const column = items(scope, 1, () => random.pick(scope.fields));
  const chosen = [...column, ...items(scope, random.int(3), () => anyExpression(scope, random.pick([0, 0, 0, 1])))];
  const tail = random.chance(0.5) ? ` ORDER BY ${orderOfAll(scope, chosen.length)}${limit(scope)}` : "";
  return select(
    random.pick([" DISTINCT", " DISTINCT", " DISTINCTROW"]),
    chosen.map(written),
    from,
    where(scope) + tail,
  );
}

/** By columns that are not among the different ones, but have one value for each. */
function distinctByKey(outer: Scope): string {
  const { random } = outer;
  const { scope, source, from } = read(outer, 2);
  const more = items(scope, random.int(2), () => random.pick(scope.fields));
  const keys = source.key.map((key): string => `${key}${random.pick(["", " DESC"])}`);
  const order = [`${random.pick(scope.fields).sql}${random.pick(["", " DESC"])}`, ...keys].join(", ");
  const list = [...source.key, ...more.map(written)];
  return select(" DISTINCT", list, from, `${where(scope)} ORDER BY ${order}${limit(scope)}`);
}

/** Positions of all columns, in any order. */
function orderOfAll(scope: Scope, count: number): string {
  const positions = Array.from({ length: count }, (_, index) => index + 1);
  const shuffled = positions
    .map((position) => ({ position, at: scope.random.int(1000) }))
    .toSorted((a, b) => a.at - b.at || a.position - b.position);
  return shuffled.map(({ position }) => `${position}${scope.random.pick(["", " DESC"])}`).join(", ");
}

function groupKeys(scope: Scope): Value[] {
  const { random } = scope;
  return Array.from({ length: random.pick([0, 1, 1, 1, 2, 2, 3]) }, () => {
    if (random.chance(0.65)) return leaf(scope, random.pick(scope.fields).family);
    return anyExpression(scope, 1);
  }).filter(({ sql, family }) => !isConstant(sql) && family !== "json");
}

function groupedSelect(outer: Scope): string {
  const { random } = outer;
  const { scope, from } = read(outer, 4);
  const keys = groupKeys(scope);
  const grouped: Item[] = keys.map((value) => ({
    sql: value.sql,
    alias: random.chance(0.4) ? freshName(scope, "g") : undefined,
    value,
  }));
  const shown = grouped.filter(() => random.chance(0.85));
  const sums = items(scope, random.int(3) + 1, () => aggregate(scope));
  const list = random.chance(0.85) ? [...shown, ...sums] : [...sums, ...shown];
  const by = grouped.map((item) => {
    const at = list.indexOf(item);
    if (at !== -1 && random.chance(0.15)) return String(at + 1);
    return item.alias !== undefined && shown.includes(item) && random.chance(0.4) ? item.alias : item.sql;
  });
  const group = by.length === 0 ? "" : ` GROUP BY ${by.join(", ")}`;
  const having = random.chance(0.3) ? ` HAVING ${havingOf(scope, list)}` : "";
  const positions = shown.map((item) => list.indexOf(item) + 1);
  let tail = "";
  if (random.chance(0.6) && list.length > 0) {
    // With all keys of the groups shown, ordering by all of them is total.
    const isTotal = shown.length === grouped.length;
    const first = random.chance(0.5) ? [`${random.int(list.length) + 1}${random.pick(["", " DESC"])}`] : [];
    const direct = positions.map((position) => `${position}${random.pick(["", " DESC"])}`);
    const aggregateKey = random.chance(0.2) && isTotal ? [`${aggregate(scope).sql}${random.pick(["", " DESC"])}`] : [];
    const order = [...first, ...aggregateKey, ...direct];
    if (order.length > 0) tail = ` ORDER BY ${order.join(", ")}${isTotal ? limit(scope) : ""}`;
  }
  return select("", list.map(written), from, where(scope) + group + having + tail);
}

function windowsOverGroups(outer: Scope): string {
  const { random } = outer;
  const { scope, from } = read(outer, 3);
  const keys = groupKeys(scope).map(exact);
  if (keys.length === 0) return groupedSelect(outer);
  const by = keys.map(({ sql }) => sql).join(", ");
  const sum = random.pick(["COUNT(*)", aggregate(scope).sql]);
  const call = random.pick([
    `RANK() OVER (ORDER BY COUNT(*) DESC)`,
    `ROW_NUMBER() OVER (ORDER BY ${by})`,
    `SUM(COUNT(*)) OVER (ORDER BY ${by})`,
    `LAG(COUNT(*)) OVER (PARTITION BY ${keys[0]?.sql} ORDER BY ${by})`,
    `MAX(COUNT(*)) OVER ()`,
  ]);
  const tail = random.chance(0.5) ? ` ORDER BY ${by}${limit(scope)}` : "";
  return select("", [by, sum, call], from, `${where(scope)} GROUP BY ${by}${tail}`);
}

function havingOf(scope: Scope, list: readonly Item[]): string {
  const { random } = scope;
  const aliased = list.filter(({ alias }) => alias !== undefined);
  const item = aliased.length > 0 && random.chance(0.4) ? random.pick(aliased) : undefined;
  const operand = item?.alias ?? aggregate(scope).sql;
  return random.pick([
    `COUNT(*) ${random.pick([">", ">=", "<", "="])} ${random.int(4)}`,
    `${operand} IS NOT NULL`,
    `${operand} ${random.pick([">", "<=", "<>"])} ${random.int(20)}`,
    `${operand} > (SELECT ${random.pick(["MIN", "AVG", "MAX"])}(${random.pick(["n", "v"])}) FROM (SELECT n, 1 AS v FROM doc) q)`,
  ]);
}

function rollupSelect(outer: Scope): string {
  const { random } = outer;
  const { scope, from } = read(outer, 2);
  // Over groups of a constant MariaDB forgets the ORDER BY of GROUP_CONCAT.
  const keys = groupKeys(scope)
    .filter(({ sql }) => /\w\.\w/.test(sql))
    .map(exact);
  // MariaDB's sums over the columns of a merged view or derived table show the last row's instead of NULL.
  if (keys.length === 0 || /\b(cheap|big_ord|cust_sum|cust_region|rich)\b|\(SELECT/.test(from))
    return groupedSelect(outer);
  const sums = items(scope, random.int(2) + 1, () => aggregate(scope));
  const list = [...keys.map(({ sql }) => sql), ...sums.map(written)];
  return select("", list, from, `${where(scope)} GROUP BY ${keys.map(({ sql }) => sql).join(", ")} WITH ROLLUP`);
}

function windowSelect(outer: Scope): string {
  const { random } = outer;
  const { scope, source, from } = read(outer, 2);
  if (source.key.length === 0) return plainSelect(outer);
  const shown = items(scope, random.int(3) + 1, () => anyExpression(scope, random.pick([0, 0, 1])));
  const calls = items(scope, random.int(2) + 1, () => windowCall(scope));
  const list = [...shown, ...calls];
  const tail = random.chance(0.6) ? totalOrder(scope, list) + limit(scope) : "";
  return select("", list.map(written), from, where(scope) + tail);
}

function usingSelect(outer: Scope): string {
  const { random } = outer;
  const source = usingClause(outer);
  const scope = { ...outer, fields: source.fields, key: source.key };
  const chosen = items(scope, random.int(3) + 1, () => leaf(scope, random.pick(source.fields).family));
  const list = random.chance(0.5) ? ["*"] : chosen.map(written);
  const tail = random.chance(0.6) ? totalOrder(scope, list[0] === "*" ? [] : chosen) + limit(scope) : "";
  return select("", list, `\u0000${source.sql}`, where(scope) + tail);
}

/** Families a set operation's columns have in all its parts. */
const PART_FAMILIES: readonly Family[] = ["int", "str", "dec", "date", "dbl"];

export function setOperation(outer: Scope): Made {
  const { random } = outer;
  const families = Array.from({ length: random.int(2) + 1 }, () => random.pick(PART_FAMILIES));
  const names = families.map(() => freshName(outer, "x"));
  const part = (isFirst: boolean): string => {
    const { scope, from } = read({ ...outer, depth: outer.depth + 1 }, 2);
    const columns = families.map((family, index) => {
      const value = exact(plainest(scope, family));
      return isFirst ? `${value.sql} AS ${names[index]}` : value.sql;
    });
    const own =
      random.chance(0.15) && scope.key.length > 0 ? ` ORDER BY ${scope.key.join(", ")} LIMIT ${random.int(8)}` : "";
    const text = select(
      random.chance(0.1) ? " DISTINCT" : "",
      columns,
      from,
      where(scope) + (columns.length > 0 ? own : ""),
    );
    return own === "" && random.chance(0.7) ? text : `(${text})`;
  };
  const operator = (): string =>
    random.pick([
      "UNION",
      "UNION ALL",
      "UNION ALL",
      "UNION DISTINCT",
      "INTERSECT",
      "EXCEPT",
      "EXCEPT ALL",
      "INTERSECT ALL",
    ]);
  const nested = (): string => (random.chance(0.12) ? `(${part(false)} ${operator()} ${part(false)})` : part(false));
  let sql = part(true);
  for (let n = random.pick([1, 1, 2, 3]); n > 0; n--) sql += ` ${operator()} ${nested()}`;
  const tail = random.chance(0.5) ? ` ORDER BY ${orderOfAll(outer, families.length)}${limit(outer)}` : "";
  const columns = families.map((family, index) => ({ name: names[index] ?? "", value: { sql: "", family } }));
  return { sql: sql + tail, columns, key: [], rows: 200 };
}

/** Text of one collation, so that the parts go together. */
function plainest(scope: Scope, family: Family): Value {
  if (family !== "str") return expression(scope, family, scope.random.pick([0, 0, 1]));
  const fields = fieldsOf(scope, "str").filter(({ collation }) => collation === "utf8mb4_general_ci");
  return fields.length > 0
    ? scope.random.pick(fields)
    : { sql: scope.random.pick(["'pear'", "'Bob'", "NULL"]), family };
}

/** A query whose columns can be used around it: named, and the same whatever the order of evaluation. */
export function innerQuery(outer: Scope): Made {
  const { random } = outer;
  const around = { ...outer, depth: outer.depth + 1 };
  if (random.chance(0.15)) return setOperation(around);
  const { scope, source, from } = read(around, 2);
  if (random.chance(0.4)) {
    const keys = groupKeys(scope).map(exact);
    const sums = Array.from({ length: random.int(2) + 1 }, () => aggregate(scope, true));
    const columns = [...keys, ...sums].map((value) => ({ name: freshName(outer, "q"), value }));
    const list = columns.map(({ name, value }) => `${value.sql} AS ${name}`);
    const by = keys.length === 0 ? "" : ` GROUP BY ${keys.map(({ sql }) => sql).join(", ")}`;
    const having = random.chance(0.2) ? " HAVING COUNT(*) > 1" : "";
    const key = columns.slice(0, keys.length).map(({ name }) => name);
    return {
      sql: select("", list, from, where(scope) + by + having),
      columns,
      key: key.length > 0 ? key : [columns[0]?.name ?? ""],
      rows: 30,
    };
  }
  const values = [
    ...source.key.map((sql) => source.fields.find((field) => field.sql === sql) ?? { sql, family: "int" as const }),
    ...Array.from({ length: random.int(3) + 1 }, () => {
      const value = random.chance(0.6) ? leaf(scope, random.pick(scope.fields).family) : anyExpression(scope, 1);
      return value.sql === "NULL" ? leafOrOne(scope) : value;
    }),
  ];
  const columns = values.map((value) => ({ name: freshName(outer, "q"), value }));
  const list = columns.map(({ name, value }) => `${value.sql} AS ${name}`);
  const key = columns.slice(0, source.key.length).map(({ name }) => name);
  const isLimited = key.length > 0 && random.chance(0.25);
  const tail = isLimited ? ` ORDER BY ${scope.key.join(", ")} LIMIT ${random.int(20) + 1}` : "";
  return { sql: select("", list, from, where(scope) + tail), columns, key, rows: isLimited ? 20 : source.rows };
}

function leafOrOne(scope: Scope): Value {
  return fieldsOf(scope, "int")[0] ?? { sql: "1", family: "int" };
}

export function derivedTable(outer: Scope): Source {
  const made = innerQuery({ ...outer, fields: [], outer: [] });
  const alias = freshName(outer, "d");
  return { sql: `(${made.sql}) ${alias}`, ...fieldsOfMade(made, `${alias}.`) };
}

function fieldsOfMade(made: Made, prefix: string): Omit<Source, "sql"> {
  const fields = made.columns.map(({ name, value }) => ({
    sql: `${prefix}${name}`,
    family: value.family,
    // What an expression makes of text has a collation that is not worth knowing: it is only compared with literals.
    collation:
      value.family === "str"
        ? isLoose(value) || value.collation?.includes("bin")
          ? value.collation
          : "other"
        : undefined,
    big: value.big,
  }));
  const key = made.key.length > 0 ? made.key.map((name) => `${prefix}${name}`) : fields.map(({ sql }) => sql);
  return { fields, key, rows: made.rows };
}

function withQuery(outer: Scope): string {
  const { random } = outer;
  if (random.chance(0.2)) return recursiveQuery(outer);
  const ctes: Source[] = [];
  const definitions: string[] = [];
  for (let n = random.int(2) + 1; n > 0; n--) {
    const made = innerQuery({ ...outer, ctes });
    const name = freshName(outer, "w");
    definitions.push(`${name} AS (${made.sql})`);
    ctes.push({ sql: name, ...fieldsOfMade(made, "") });
  }
  const scope = { ...outer, ctes };
  const body = random.pick([
    plainSelect,
    plainSelect,
    groupedSelect,
    distinctSelect,
    (s: Scope) => setOperation(s).sql,
  ])(scope);
  return `WITH ${definitions.join(", ")} ${body}`;
}

function recursiveQuery(outer: Scope): string {
  const { random } = outer;
  const top = random.int(6) + 3;
  return random.pick([
    `WITH RECURSIVE n AS (SELECT 1 AS v UNION ALL SELECT v + 1 FROM n WHERE v < ${top}) SELECT n.v, COUNT(t.id) AS c FROM n LEFT JOIN cust t ON t.region_id = n.v GROUP BY n.v ORDER BY n.v`,
    `WITH RECURSIVE up AS (SELECT id, parent, 0 AS steps FROM cust WHERE id = ${random.int(50) + 1} UNION ALL SELECT c.id, c.parent, up.steps + 1 FROM cust c JOIN up ON c.id = up.parent WHERE up.steps < ${top}) SELECT * FROM up ORDER BY steps, id`,
    `WITH RECURSIVE down (id, path, steps) AS (SELECT id, CAST(id AS CHAR(100)), 0 FROM cust WHERE parent IS NULL AND id < ${random.int(30) + 5} UNION ALL SELECT c.id, CONCAT(d.path, '/', c.id), d.steps + 1 FROM cust c JOIN down d ON c.parent = d.id WHERE d.steps < ${top}) SELECT path, steps FROM down ORDER BY path`,
    `WITH RECURSIVE days AS (SELECT DATE'2024-02-25' AS d UNION ALL SELECT d + INTERVAL 1 DAY FROM days WHERE d < '2024-03-0${top}') SELECT days.d, COUNT(o.id), SUM(o.total) FROM days LEFT JOIN ord o ON DATE(o.placed) = days.d GROUP BY days.d ORDER BY 1`,
  ]);
}
