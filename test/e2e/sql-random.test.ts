// Random SELECTs over a sharded keyspace against one plain MariaDB: joins of every kind and nesting, with conditions that do
// and do not tell the shard. SHARDGATE_SEED makes another run, SHARDGATE_ROUNDS a longer one.

import { afterAll, beforeAll, expect, test } from "vitest";
import { must, type Outcome, Pair, startTwins, type Twins } from "./twin.ts";

const SEED = Number(process.env["SHARDGATE_SEED"] ?? 198_508);
const ROUNDS = Number(process.env["SHARDGATE_ROUNDS"] ?? 300);

let twins: Twins;
let pair: Pair;

beforeAll(async () => {
  twins = await startTwins();
  pair = await Pair.open(twins, "s");
  const rows = [
    "INSERT INTO c (id, name, email, n) VALUES (1,'a','a1',1),(2,'b','b2',2),(4,'d','d4',NULL),(5,'e','e5',5),(-5,'m','m5',4),(8,'h',NULL,2)",
    "INSERT INTO o (oid, cid, total) VALUES (1,1,1.5),(2,4,2.5),(3,4,3.5),(4,5,NULL),(5,11,6.5),(6,-5,7.5)",
    "INSERT INTO i (iid, cid, oid, sku) VALUES (1,1,1,'s1'),(2,4,2,'s2'),(3,2,3,'s1'),(4,5,9,'s9'),(5,12,5,NULL),(6,-5,1,'4')",
    "INSERT INTO x (k, v) VALUES (1,'a'),(2,'b'),(4,'d'),(5,'e'),(12,'z')",
  ];
  for (const sql of rows) for (const client of [pair.gateway, pair.direct]) await must(client, sql);
});
afterAll(async () => {
  pair.close();
  await twins.stop();
});

test(`random joins and conditions, seed ${SEED}`, async () => {
  const random = randomOf(SEED);
  let answered = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const sql = select(random);
    const [got, wanted] = await pair.both(sql);
    if (got.kind === "error" && got.errno === 1235) continue;
    answered++;
    expect(essence(got, sql), sql).toEqual(essence(wanted, sql));
  }
  expect(answered).toBeGreaterThan(ROUNDS * 0.9);
}, 300_000);

test(`random writes in and out of transactions, seed ${SEED}`, async () => {
  const random = randomOf(SEED + 1);
  for (let round = 0; round < ROUNDS; round++) {
    const sql = write(random);
    const [got, wanted] = await pair.both(sql);
    if (got.kind === "error" && got.errno === 1235) throw new Error(`refused: ${sql}`);
    // Which row of several shards fails first is not told by MySQL either.
    const comparable = (outcome: Outcome): object =>
      outcome.kind === "error" ? { errno: outcome.errno, sqlState: outcome.sqlState } : outcome;
    expect(comparable(got), sql).toEqual(comparable(wanted));
    const [rows, wantedRows] = await pair.both("SELECT * FROM c");
    expect(essence(rows, ""), `after ${sql}`).toEqual(essence(wantedRows, ""));
  }
  await pair.same("ROLLBACK");
  await pair.same("SELECT * FROM c");
}, 300_000);

function write(random: Random): string {
  const ids = [1, 2, 4, 5, 8, 11, -5, 20];
  const list = (): string => Array.from({ length: random([1, 2, 3]) }, () => random(ids)).join(", ");
  // A unique key without the sharding key is unique on each shard only: the email goes with the id.
  const row = (): string => {
    const id = random(ids);
    return `(${id}, '${random(["a", "b", "c"])}', ${random(["NULL", `'e${id}'`])}, ${random([1, 2, 3])})`;
  };
  const rows = (): string => Array.from({ length: random([1, 2, 2, 3, 4]) }, row).join(", ");
  return random([
    () => "BEGIN",
    () => "COMMIT",
    () => "ROLLBACK",
    () => `INSERT INTO c (id, name, email, n) VALUES ${rows()}`,
    () => `INSERT INTO c (id, name, email, n) VALUES ${rows()}`,
    () => `INSERT IGNORE INTO c (id, name, n) VALUES ${rows().replaceAll(/, (?:NULL|'e-?\d+'), /g, ", ")}`,
    () => `REPLACE INTO c (id, name, n) VALUES ${rows().replaceAll(/, (?:NULL|'e-?\d+'), /g, ", ")}`,
    () =>
      `INSERT INTO c (id, name, n) VALUES (${random(ids)}, 'x', 7) ON DUPLICATE KEY UPDATE n = n + 1, name = VALUES(name)`,
    () => `UPDATE c SET n = n + 1 WHERE id IN (${list()})`,
    () => `UPDATE c SET name = 'u' WHERE id = ${random(ids)}`,
    () => `UPDATE c SET nosuch = 1 WHERE id IN (${list()})`,
    () => `DELETE FROM c WHERE id IN (${list()})`,
    () => `DELETE FROM c WHERE id = ${random(ids)}`,
  ])();
}

/** Rows, in order under ORDER BY, and names and types of columns. */
function essence(outcome: Outcome, sql: string): object {
  if (outcome.kind !== "rows") return { errno: outcome.kind === "error" ? outcome.errno : 0 };
  return {
    columns: outcome.columns.map(({ name, type }) => [name, type]),
    rows: sql.includes("ORDER BY") ? outcome.rows : outcome.rows.toSorted(),
  };
}

type Random = <T>(choices: readonly T[]) => T;

const COLUMNS = {
  c: ["id", "n"],
  o: ["oid", "cid", "total"],
  i: ["iid", "cid", "oid"],
  x: ["k"],
  r: ["id"],
} as const;
type Table = keyof typeof COLUMNS;
const KEYS: Readonly<Record<Table, string>> = { c: "id", o: "cid", i: "cid", x: "k", r: "id" };
const VALUES = ["1", "4", "5", "-5", "'4'", "'-5'", "'04'", "4.0", "NULL", "11", "x'34'", "2 + 2", "'4x'"];

interface Used {
  readonly table: Table;
  readonly alias: string;
}

function select(random: Random): string {
  let next = 0;
  const use = (): Used => {
    const table = random(["c", "c", "o", "o", "i", "i", "r", "x"] as const);
    return { table, alias: `t${next++}` };
  };
  const from = source(random, use, random([1, 1, 2, 2, 2, 3, 3, 4]));
  const conditions = Array.from({ length: random([0, 0, 1, 1, 2]) }, () => condition(random, from.used));
  const where = conditions.length === 0 ? "" : ` WHERE ${conditions.join(" AND ")}`;
  const tail = random(["", "", "", "", " ORDER BY 1, 2"]);
  const items = from.used.map(({ alias }) => `${alias}.*`).join(", ");
  return `SELECT ${random(["", "", "", "DISTINCT "])}${items} FROM ${from.sql}${where}${tail === "" ? "" : everything(from.used)}`;
}

/** A total order, so that rows can be compared in it. */
function everything(used: readonly Used[]): string {
  const keys = { c: "id", o: "oid", i: "iid", x: "k", r: "id" };
  return ` ORDER BY ${used.map(({ table, alias }) => `${alias}.${keys[table]}`).join(", ")}`;
}

function source(
  random: Random,
  use: () => Used,
  tables: number,
): { readonly sql: string; readonly used: readonly Used[] } {
  if (tables === 1) {
    const used = use();
    return { sql: `${used.table} AS ${used.alias}`, used: [used] };
  }
  const onLeft = random(Array.from({ length: tables - 1 }, (_, i) => i + 1));
  const left = source(random, use, onLeft);
  const right = source(random, use, tables - onLeft);
  const used = [...left.used, ...right.used];
  const nested = right.used.length > 1 ? `(${right.sql})` : right.sql;
  const kind = random(["JOIN", "JOIN", "LEFT JOIN", "LEFT JOIN", "RIGHT JOIN", "CROSS JOIN", "STRAIGHT_JOIN"]);
  const tie = (): string => {
    const a = random(left.used);
    const b = random(right.used);
    const column = (each: Used): string =>
      `${each.alias}.${random([KEYS[each.table], KEYS[each.table], ...COLUMNS[each.table]])}`;
    return `${column(a)} ${random(["=", "=", "=", "=", "<=>", "<"])} ${column(b)}`;
  };
  const ons = Array.from({ length: random([1, 1, 1, 2]) }, () =>
    random([tie, tie, tie, () => condition(random, used)])(),
  );
  if (kind === "CROSS JOIN") return { sql: `${left.sql} CROSS JOIN ${nested}`, used };
  return { sql: `${left.sql} ${kind} ${nested} ON ${ons.join(random([" AND ", " AND ", " AND ", " OR "]))}`, used };
}

function condition(random: Random, used: readonly Used[]): string {
  const of = random(used);
  const column = `${of.alias}.${random([KEYS[of.table], KEYS[of.table], ...COLUMNS[of.table]])}`;
  const other = random(used);
  const otherColumn = `${other.alias}.${random([KEYS[other.table], ...COLUMNS[other.table]])}`;
  const value = (): string => random(VALUES);
  return random([
    () => `${column} = ${value()}`,
    () => `${column} = ${value()}`,
    () => `${value()} = ${column}`,
    () => `${column} IN (${value()}, ${value()}, ${value()})`,
    () => `${column} IN (${value()})`,
    () => `${column} = ${otherColumn}`,
    () => `${column} IS NULL`,
    () => `${column} IS NOT NULL`,
    () => `${column} <=> ${value()}`,
    () => `(${column} = ${value()} OR ${otherColumn} = ${value()})`,
    () => `NOT (${column} = ${value()})`,
    () => `${column} BETWEEN ${value()} AND ${value()}`,
    () => `${column} NOT IN (${value()}, ${value()})`,
    () => `COALESCE(${column}, 4) = 4`,
  ])();
}

/** mulberry32 */
function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return (choices) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    const chosen = choices[((t ^ (t >>> 14)) >>> 0) % choices.length];
    if (chosen === undefined) throw new Error("nothing to choose from");
    return chosen;
  };
}
