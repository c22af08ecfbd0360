// FROM clauses: base tables, views, derived tables and common table expressions, alone or joined in every way. What joins
// them is mostly a column that means the same, so that the results are neither empty nor endless.

import { TABLES, TIES, type TableInfo } from "../schema.ts";
import { leaf, textOf } from "./expressions.ts";
import { predicate } from "./predicates.ts";
import { derivedTable } from "./queries.ts";
import { fieldsOf, freshName, type Scope, type Source, type Value } from "./scope.ts";

interface Part extends Source {
  /** Base tables in it with their aliases, for ties. */
  readonly tables: readonly (readonly [table: string, alias: string])[];
}

const ROWS_MAX = 4000;
const DEPTH_OF_DERIVED_MAX = 2;

/** What a query reads: up to `tablesMax` tables. */
export function fromClause(scope: Scope, tablesMax: number): Source {
  const { random } = scope;
  const count = Math.min(tablesMax, random.pick([1, 1, 1, 2, 2, 2, 3, 3, 4, 5]));
  let part = single(scope);
  for (let n = 1; n < count; n++) {
    const next = random.chance(0.12) && count - n >= 2 ? nested(scope) : single(scope, part);
    const joined = join(scope, part, next);
    if (joined === undefined) break;
    part = joined;
  }
  return part;
}

function nested(scope: Scope): Part {
  const left = single(scope);
  const joined = join(scope, left, single(scope, left));
  return joined === undefined ? left : { ...joined, sql: `(${joined.sql})` };
}

/** One table, mostly one that has something to do with `beside`. */
function single(scope: Scope, beside?: Part): Part {
  const { random } = scope;
  if (scope.ctes.length > 0 && random.chance(0.5)) return aliased(scope, random.pick(scope.ctes), "c");
  if (scope.depth < DEPTH_OF_DERIVED_MAX && random.chance(0.1)) return { ...derivedTable(scope), tables: [] };
  if (random.chance(0.03)) return constantRows(scope);
  const related = beside === undefined ? [] : tiedTables(beside);
  const name = related.length > 0 && random.chance(0.85) ? random.pick(related) : undefined;
  const table =
    TABLES.find((each) => each.name === name) ??
    random.pick(TABLES.filter(({ rows }) => rows > 0 || random.chance(0.1)));
  return baseTable(scope, table);
}

/** Rows that are in no table. */
function constantRows(scope: Scope): Part {
  const alias = freshName(scope, "v");
  const sql = scope.random.pick([
    `(SELECT 1 AS a, 'pear' AS b UNION ALL SELECT 5, 'Bob' UNION ALL SELECT NULL, 's3') ${alias}`,
    `JSON_TABLE('[{"a": 1, "b": "pear"}, {"a": 3}, {"b": "gold"}]', '$[*]' COLUMNS (a INT PATH '$.a', b VARCHAR(20) PATH '$.b')) ${alias}`,
  ]);
  const fields: Value[] = [
    { sql: `${alias}.a`, family: "int" },
    { sql: `${alias}.b`, family: "str", collation: "other" },
  ];
  return { sql, fields, key: fields.map((field) => field.sql), rows: 3, tables: [] };
}

function baseTable(scope: Scope, table: TableInfo): Part {
  const alias = freshName(scope, "t");
  const schema = table.keyspace === "unsharded" ? "dun." : scope.random.chance(0.05) ? "dsh." : "";
  const as = scope.random.chance(0.3) ? " AS" : "";
  return {
    sql: `${schema}${table.name}${as} ${alias}`,
    fields: table.columns.map(({ name, ...rest }) => ({ ...rest, sql: `${alias}.${name}` })),
    key: table.key.map((name) => `${alias}.${name}`),
    rows: table.rows,
    tables: [[table.name, alias]],
  };
}

/** A common table expression: its fields are bare names. */
function aliased(scope: Scope, source: Source, prefix: string): Part {
  const alias = freshName(scope, prefix);
  return {
    sql: `${source.sql} ${alias}`,
    fields: source.fields.map((field) => ({ ...field, sql: `${alias}.${field.sql}` })),
    key: source.key.map((name) => `${alias}.${name}`),
    rows: source.rows,
    tables: [],
  };
}

function tiedTables(part: Part): string[] {
  return part.tables.flatMap(([table]) =>
    TIES.flatMap(([a, , b]) => [...(a === table ? [b] : []), ...(b === table && a !== "nil" ? [a] : [])]),
  );
}

/** Undefined when the rows would be too many. */
function join(scope: Scope, left: Part, right: Part): Part | undefined {
  const { random } = scope;
  const ties = tiesOf(left, right);
  const fields = [...left.fields, ...right.fields];
  const combined = {
    fields,
    key: [...left.key, ...right.key],
    tables: [...left.tables, ...right.tables],
  };
  const product = left.rows * right.rows;
  const isKeyed = ties.length > 0;
  const rows = isKeyed ? Math.max(left.rows, right.rows) * 2 : Math.ceil(product / 4);
  if (!isKeyed && product <= ROWS_MAX / 4 && random.chance(0.4)) {
    const word = random.pick([" CROSS JOIN ", ", ", " JOIN "]);
    // A comma binds less than a join that may follow.
    const sql = word === ", " ? `(${left.sql} CROSS JOIN ${right.sql})` : `${left.sql}${word}${right.sql}`;
    return { ...combined, sql, rows: product };
  }
  if (!isKeyed && rows > ROWS_MAX) return undefined;
  const tie = isKeyed && random.chance(0.93) ? random.pick(ties) : valueTie(scope, left, right);
  if (tie === undefined) return undefined;
  if (rows > ROWS_MAX * 2) return undefined;
  const word = random.pick([
    "JOIN",
    "JOIN",
    "INNER JOIN",
    "LEFT JOIN",
    "LEFT JOIN",
    "LEFT OUTER JOIN",
    "RIGHT JOIN",
    "STRAIGHT_JOIN",
  ]);
  const common = { ...scope, fields };
  const more = random.chance(0.2)
    ? ` ${random.pick(["AND", "AND", "AND", "OR"])} ${predicate(common, random.int(2))}`
    : "";
  const onProduct = more.startsWith(" OR") && product > ROWS_MAX ? "" : more;
  return { ...combined, sql: `${left.sql} ${word} ${right.sql} ON ${tie}${onProduct}`, rows };
}

function tiesOf(left: Part, right: Part): string[] {
  const ties: string[] = [];
  for (const [leftTable, leftAlias] of left.tables) {
    for (const [rightTable, rightAlias] of right.tables) {
      for (const [a, aColumn, b, bColumn] of TIES) {
        if (a === leftTable && b === rightTable) ties.push(`${leftAlias}.${aColumn} = ${rightAlias}.${bColumn}`);
        if (b === leftTable && a === rightTable) ties.push(`${rightAlias}.${aColumn} = ${leftAlias}.${bColumn}`);
      }
    }
  }
  return ties;
}

/** Any two columns of one family. */
function valueTie(scope: Scope, left: Part, right: Part): string | undefined {
  const { random } = scope;
  const family = random.pick(["int", "int", "str", "date", "dec"] as const);
  const a = { ...scope, fields: left.fields };
  const b = { ...scope, fields: right.fields };
  if (fieldsOf(a, family).length === 0 || fieldsOf(b, family).length === 0) return undefined;
  const x: Value = leaf(a, family);
  const y: Value = family === "str" ? textOf(b, x.collation, 0) : leaf(b, family);
  return `${x.sql} ${random.pick(["=", "=", "=", "<=>"])} ${y.sql}`;
}

/** JOIN … USING and NATURAL JOIN of tables whose common columns are few: the whole of a small query's FROM clause. */
export function usingClause(scope: Scope): Source & { readonly stars: boolean } {
  const { random } = scope;
  const [left, right, column] = random.pick([
    ["ord", "item", "cust_id"],
    ["cust", "num", "id"],
    ["num", "txt", "id"],
    ["tim", "txt", "id"],
    ["cust", "ord", "region_id"],
    ["nil", "cust", "id"],
  ] as const);
  const a = TABLES.find(({ name }) => name === left);
  const b = TABLES.find(({ name }) => name === right);
  if (a === undefined || b === undefined) throw new Error("a tie names its tables");
  const [x, y] = [freshName(scope, "t"), freshName(scope, "t")];
  const word = random.pick(["JOIN", "LEFT JOIN", "RIGHT JOIN", "INNER JOIN"]);
  const fields = [
    ...a.columns.map(({ name, ...rest }) => ({ ...rest, sql: `${x}.${name}` })),
    ...b.columns.map(({ name, ...rest }) => ({ ...rest, sql: `${y}.${name}` })),
    { sql: column, family: "int" as const },
  ];
  const key = [...a.key.map((name) => `${x}.${name}`), ...b.key.map((name) => `${y}.${name}`)];
  const isNatural = random.chance(0.3) && (left === "ord" || left === "nil");
  const natural = `${left} ${x} NATURAL ${word === "INNER JOIN" ? "JOIN" : word} ${right} ${y}`;
  return {
    sql: isNatural ? natural : `${left} ${x} ${word} ${right} ${y} USING (${column})`,
    fields,
    key,
    rows: 500,
    stars: true,
  };
}
