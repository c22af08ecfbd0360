// Routing never loses a row: for random conditions on sharding keys, the shards that are chosen hold every row that a
// MariaDB finds. Rows are placed by the vindex of their stored values; the shards are many and narrow, so that a row that is
// looked for in a wrong place is not found by luck.
// ROUTING_CONDITIONS=5000 FUZZ_SEED=7 npx vitest run test/unit/engine/routing-proof.test.ts

import mysql, { type Connection, type RowDataPacket } from "mysql2/promise";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ShardgateError } from "../../../src/base/errors.ts";
import { type KeyspaceTargets, shardsFor } from "../../../src/engine/shards.ts";
import { integerValue } from "../../../src/eval/literal-value.ts";
import type { Mysqld } from "../../../src/local/mysqld.ts";
import { NULL_VALUE, type Value } from "../../../src/mysql/values.ts";
import { flattenFrom } from "../../../src/plan/from-clause.ts";
import type { Routing } from "../../../src/plan/plan.ts";
import { planStatement } from "../../../src/plan/planner.ts";
import { routeTables } from "../../../src/plan/routing.ts";
import type { PlanContext } from "../../../src/plan/tables.ts";
import { clusterSchemaOf, type ColumnSchema, NO_SCHEMA, type TableSchema } from "../../../src/schema/model.ts";
import { normalize } from "../../../src/sql/normalize.ts";
import { parse } from "../../../src/sql/parse.ts";
import { DEFAULT_SQL_MODE } from "../../../src/sql/tree.ts";
import { parseKeyRange, ShardMap } from "../../../src/topo/key-range.ts";
import { checkVSchema } from "../../../src/vschema/parse-vschema.ts";
import type { Vindex } from "../../../src/vschema/vindex.ts";
import { loadHashes } from "../../../src/vschema/xxh64.ts";
import { startMysqld } from "../../fixture/cluster.ts";
import { countOf, randomOf, seedOf } from "../../fuzz/random.ts";
import { randomCondition } from "./condition-maker.ts";

interface ProofCase {
  readonly name: string;
  readonly vindex: { readonly type: string; readonly params?: Readonly<Record<string, string>> };
  /** SQL types of the key's columns. */
  readonly types: readonly string[];
  /** Literals of rows and conditions, column by column. */
  readonly literals: readonly (readonly string[])[];
  /** Nothing is known of the table's definition. */
  readonly unknown?: boolean;
  /** At least this share of the conditions leaves out shards: else the case shows nothing. */
  readonly narrowed: number;
}

const INTEGERS = [
  "0",
  "1",
  "2",
  "3",
  "5",
  "10",
  "100",
  "65536",
  "9007199254740992",
  "9007199254740993",
  "'9007199254740993'",
];
const SIGNED = [...INTEGERS, "-1", "-5", "'5'", "'05'", "'5x'", "5.0", "5.5", "9223372036854775807"];
const UNSIGNED = [
  ...INTEGERS,
  "9223372036854775808",
  "18446744073709551615",
  "5.5",
  "2.5e0",
  "'10'",
  "18446744073709551616",
];
const TEXTS = [
  "'a'",
  "'A'",
  "'a '",
  "'abc'",
  "'ABC'",
  "'abc '",
  "'bob'",
  "'BOB'",
  "'böb'",
  "'is'",
  "'ıs'",
  "'strasse'",
  "'straße'",
  "'5'",
  "'05'",
  "'5 '",
  "'５'",
  "'a\\tb'",
  "'ab%'",
  "'\\u001a'",
  "'ab\\\\c'",
  "''",
  "' '",
  "'\u{1f600}'",
  "'\u{1f601}'",
  "'a\u06de'",
];
const DATES = [
  "'2020-02-29'",
  "'2021-02-29'",
  "'1999-12-31'",
  "'2024-06-01'",
  "'2020-01-01'",
  "'2020-1-1'",
  "20200101",
  "'2020-01-01 00:00:00'",
  "DATE '2020-01-01'",
  "'2021-12-31'",
  "'20211231'",
];

const CASES: readonly ProofCase[] = [
  { name: "hash, bigint", vindex: { type: "hash" }, types: ["bigint"], literals: [SIGNED], narrowed: 0.15 },
  {
    name: "hash, bigint of an unknown table",
    vindex: { type: "hash" },
    types: ["bigint"],
    literals: [SIGNED],
    unknown: true,
    narrowed: 0.1,
  },
  {
    name: "hash, int unsigned",
    vindex: { type: "hash" },
    types: ["int unsigned"],
    literals: [UNSIGNED],
    narrowed: 0.15,
  },
  { name: "hash, decimal", vindex: { type: "hash" }, types: ["decimal(20,0)"], literals: [UNSIGNED], narrowed: 0.12 },
  {
    name: "hash, text",
    vindex: { type: "hash" },
    types: ["varchar(30) collate utf8mb4_general_ci"],
    literals: [[...SIGNED, "'5'", "'05'", "' 5'", "'5 '", "'７'"]],
    narrowed: 0.05,
  },
  {
    name: "numeric, bigint unsigned",
    vindex: { type: "numeric" },
    types: ["bigint unsigned"],
    literals: [UNSIGNED],
    narrowed: 0.2,
  },
  { name: "numeric, bigint", vindex: { type: "numeric" }, types: ["bigint"], literals: [SIGNED], narrowed: 0.2 },
  {
    name: "numeric, bigint of an unknown table",
    vindex: { type: "numeric" },
    types: ["bigint"],
    literals: [SIGNED],
    unknown: true,
    narrowed: 0.1,
  },
  {
    name: "numeric, decimal",
    vindex: { type: "numeric" },
    types: ["decimal(20,0)"],
    literals: [UNSIGNED],
    narrowed: 0.2,
  },
  {
    name: "numeric, text",
    vindex: { type: "numeric" },
    types: ["varchar(30) collate utf8mb4_bin"],
    literals: [[...UNSIGNED, "'5'", "'05'", "' 5'"]],
    narrowed: 0.1,
  },
  {
    name: "reverse_bits, bigint",
    vindex: { type: "reverse_bits" },
    types: ["bigint unsigned"],
    literals: [UNSIGNED],
    narrowed: 0.15,
  },
  { name: "xxhash, bigint", vindex: { type: "xxhash" }, types: ["bigint"], literals: [SIGNED], narrowed: 0.15 },
  {
    name: "xxhash, varbinary",
    vindex: { type: "xxhash" },
    types: ["varbinary(30)"],
    literals: [TEXTS],
    narrowed: 0.15,
  },
  {
    name: "xxhash, binary",
    vindex: { type: "xxhash" },
    types: ["binary(4)"],
    literals: [[...TEXTS, "'abcd'", "'5abc'", "'abc\\0'", "x'61626300'"]],
    narrowed: 0.1,
  },
  {
    name: "binary, binary",
    vindex: { type: "binary" },
    types: ["binary(4)"],
    literals: [[...TEXTS, "'abcd'", "'5abc'", "'abc\\0'", "x'61626300'"]],
    narrowed: 0.15,
  },
  {
    name: "xxhash, char of utf8mb4_bin",
    vindex: { type: "xxhash" },
    types: ["char(10) collate utf8mb4_bin"],
    literals: [TEXTS],
    narrowed: 0.15,
  },
  {
    name: "xxhash, varchar of utf8mb4_bin",
    vindex: { type: "xxhash" },
    types: ["varchar(10) collate utf8mb4_bin"],
    literals: [TEXTS],
    narrowed: 0.01,
  },
  {
    name: "xxhash, varchar of utf8mb4_nopad_bin",
    vindex: { type: "xxhash" },
    types: ["varchar(10) collate utf8mb4_nopad_bin"],
    literals: [TEXTS],
    narrowed: 0.15,
  },
  {
    name: "xxhash, varchar of utf8mb4_general_ci",
    vindex: { type: "xxhash" },
    types: ["varchar(10) collate utf8mb4_general_ci"],
    literals: [TEXTS],
    narrowed: 0.01,
  },
  {
    name: "xxhash, varchar of utf8mb4_unicode_ci",
    vindex: { type: "xxhash" },
    types: ["varchar(10) collate utf8mb4_unicode_ci"],
    literals: [TEXTS],
    narrowed: 0.01,
  },
  {
    name: "xxhash, latin1",
    vindex: { type: "xxhash" },
    types: ["char(10) character set latin1 collate latin1_bin"],
    literals: [TEXTS.filter((text) => !/[^\u0000-\u00ff]/.test(text))],
    narrowed: 0.1,
  },
  { name: "xxhash, date", vindex: { type: "xxhash" }, types: ["date"], literals: [DATES], narrowed: 0.1 },
  { name: "xxhash, double", vindex: { type: "xxhash" }, types: ["double"], literals: [SIGNED], narrowed: 0.01 },
  { name: "binary, varbinary", vindex: { type: "binary" }, types: ["varbinary(30)"], literals: [TEXTS], narrowed: 0.2 },
  {
    name: "binary, varchar of utf8mb4_bin",
    vindex: { type: "binary" },
    types: ["varchar(10) collate utf8mb4_bin"],
    literals: [TEXTS],
    narrowed: 0.01,
  },
  {
    name: "binary_md5, varchar of utf8mb4_nopad_bin",
    vindex: { type: "binary_md5" },
    types: ["varchar(10) collate utf8mb4_nopad_bin"],
    literals: [TEXTS],
    narrowed: 0.15,
  },
  {
    name: "unicode_loose_md5, utf8mb4_general_ci",
    vindex: { type: "unicode_loose_md5" },
    types: ["varchar(10) collate utf8mb4_general_ci"],
    literals: [TEXTS],
    narrowed: 0.1,
  },
  {
    name: "unicode_loose_md5, utf8mb4_unicode_ci",
    vindex: { type: "unicode_loose_md5" },
    types: ["varchar(10) collate utf8mb4_unicode_ci"],
    literals: [TEXTS],
    narrowed: 0.01,
  },
  {
    name: "unicode_loose_md5, utf8mb4_bin",
    vindex: { type: "unicode_loose_md5" },
    types: ["varchar(10) collate utf8mb4_bin"],
    literals: [TEXTS],
    narrowed: 0.15,
  },
  {
    name: "unicode_loose_xxhash, ascii",
    vindex: { type: "unicode_loose_xxhash" },
    types: ["char(10) character set ascii"],
    literals: [TEXTS.filter((text) => !/[^\u0000-\u007f]/.test(text))],
    narrowed: 0.15,
  },
  { name: "cfc, varbinary", vindex: { type: "cfc" }, types: ["varbinary(30)"], literals: [TEXTS], narrowed: 0.15 },
  {
    name: "cfc with a hash, varbinary",
    vindex: { type: "cfc", params: { hash: "md5", offsets: "[1,3]" } },
    types: ["varbinary(30)"],
    literals: [[...TEXTS, "'abcdef'", "'abcdeg'", "'abcxyz'", "'abcd'", "'abcde'", "'abcx'"]],
    narrowed: 0.1,
  },
  {
    name: "cfc with a hash, utf8mb4_general_ci",
    vindex: { type: "cfc", params: { hash: "xxhash64", offsets: "[1,3]" } },
    types: ["varchar(10) collate utf8mb4_general_ci"],
    literals: [[...TEXTS, "'abcdef'"]],
    narrowed: 0.01,
  },
  {
    name: "null",
    vindex: { type: "null" },
    types: ["varchar(10) collate utf8mb4_general_ci"],
    literals: [TEXTS],
    narrowed: 1,
  },
  {
    name: "multicol, bigint and varbinary",
    vindex: { type: "multicol", params: { column_count: "2", column_bytes: "1,7", column_vindex: "hash,xxhash" } },
    types: ["bigint", "varbinary(30)"],
    literals: [["1", "2", "3", "'2'", "2.0", "-1"], TEXTS],
    narrowed: 0.1,
  },
  {
    name: "multicol, two bigints of an unknown table",
    vindex: { type: "multicol", params: { column_count: "2", column_bytes: "2" } },
    types: ["bigint", "bigint"],
    literals: [["1", "2", "3"], SIGNED],
    unknown: true,
    narrowed: 0.07,
  },
  {
    name: "multicol, text of utf8mb4_general_ci and unicode_loose_md5",
    vindex: { type: "multicol", params: { column_count: "2", column_vindex: "unicode_loose_md5,hash" } },
    types: ["varchar(10) collate utf8mb4_general_ci", "int"],
    literals: [TEXTS, ["1", "2", "3"]],
    narrowed: 0.05,
  },
  {
    name: "region_experimental",
    vindex: { type: "region_experimental", params: { region_bytes: "1" } },
    types: ["int", "bigint"],
    literals: [["1", "2", "3", "200", "'2'"], SIGNED],
    narrowed: 0.05,
  },
];

const SHARDS = Array.from({ length: 64 }, (_, i) => {
  const bound = (at: number): string => (at === 0 || at === 64 ? "" : (at * 4).toString(16).padStart(2, "0"));
  return `${bound(i)}-${bound(i + 1)}`;
});
/** Shards that end beside the numbers and texts of the rows, which otherwise have nearly all the same first bytes. */
const FINE = [
  "0000000000000001",
  "0000000000000002",
  "0000000000000005",
  "0000000000000006",
  "000000000000000a",
  "0000000000000064",
  "0020000000000000",
  "0020000000000001",
  "61",
  "6162",
  "616263",
  "61626364",
  "62",
  "ff",
  // Regions, and hashes of 1 and 2 as the first bytes of several columns.
  "01",
  "0180",
  "02",
  "03",
  "06e780",
  "166b80",
  // MD5 of "a" and "bc".
  "0c536040",
  "0c536080",
  "0c5360c0",
];

const shardNames = ((): string[] => {
  const bounds = new Set([...SHARDS.map((name) => name.slice(0, name.indexOf("-"))), ...FINE]);
  const sorted = [...bounds].filter((bound) => bound !== "").toSorted();
  return ["", ...sorted].map((start, i) => `${start}-${sorted[i] ?? ""}`);
})();
const shardMap = new ShardMap(shardNames.map((name) => ({ name, keyRange: parseKeyRange(name) })));
const targets: KeyspaceTargets = {
  keyspace: "k",
  sharded: true,
  shardMap,
  problem: undefined,
  targets: shardMap.shards.map(({ name }) => ({ keyspace: "k", shard: name, tabletType: "primary" })),
};

describe("the shards chosen hold every row that a MariaDB finds", () => {
  let server: Mysqld;
  let db: Connection;
  beforeAll(async () => {
    await loadHashes();
    server = await startMysqld();
    db = await mysql.createConnection({
      socketPath: server.socketPath,
      user: "root",
      charset: "utf8mb4",
      rowsAsArray: true,
    });
    await db.query("CREATE DATABASE k CHARACTER SET utf8mb4");
    await db.query("USE k");
  });
  afterAll(async () => {
    await db?.end();
    await server?.stop();
  });

  test.each(CASES)(
    "$name",
    async (proof) => {
      const seed = seedOf(20_240_612);
      const count = countOf("ROUTING_CONDITIONS", 150);
      const random = randomOf(seed);
      const keys = proof.types.map((_, i) => `key${i + 1}`);
      const { vindex, context } = await prepared(db, proof, keys);
      const places = await placesOf(db, vindex, proof, keys);
      expect(new Set(places.values()).size).toBeGreaterThan(proof.vindex.type === "null" ? 0 : 3);
      const lost: string[] = [];
      let narrowed = 0;
      let asked = 0;
      for (let run = 0; run < count && lost.length < 5; run++) {
        const condition = randomCondition(random, { keys, literals: proof.literals }, random.int(3));
        const found = await rowsWith(db, condition);
        if (found === undefined) continue;
        asked++;
        const [shards, planned] = shardsOf(condition, context);
        if (shards.size < shardNames.length) narrowed++;
        const missing = found.filter((row) => {
          const place = places.get(row) ?? "";
          return !shards.has(place) || !planned.has(place);
        });
        if (missing.length === 0) continue;
        lost.push(
          `seed ${seed} run ${run}: ${condition} loses row ${missing.join(", ")}, looks in ${[...shards].join(" ")}`,
        );
      }
      expect(lost).toEqual([]);
      expect(asked).toBeGreaterThan(count / 2);
      expect(narrowed / asked).toBeGreaterThanOrEqual(proof.narrowed);
    },
    600_000,
  );
});

async function prepared(
  db: Connection,
  { vindex: spec, types, literals, unknown }: ProofCase,
  keys: readonly string[],
): Promise<{ vindex: Vindex; context: PlanContext }> {
  const parsed = checkVSchema("k", {
    sharded: true,
    vindexes: { v: spec },
    tables: { t: { column_vindexes: [{ columns: keys, name: "v" }] } },
  });
  if (parsed.kind === "bad") throw new Error(JSON.stringify(parsed));
  const definition = parsed.vschema.vindexes.get("v");
  if (definition === undefined) throw new Error("the VSchema has a vindex");
  await db.query("DROP TABLE IF EXISTS t");
  const columns = keys.map((key, i) => `${key} ${types[i]}`);
  await db.query(`CREATE TABLE t (n int auto_increment primary key, filler int, ${columns.join(", ")})`);
  const combinations = literals.reduce<readonly (readonly string[])[]>(
    (rows, column) => rows.flatMap((row) => [...column, "NULL"].map((literal) => [...row, literal])),
    [[]],
  );
  // Not strict: what a literal becomes in the column is a row's value as good as any.
  await db.query("SET sql_mode = ''");
  for (const [i, row] of combinations.entries()) {
    await db.query(`INSERT IGNORE INTO t (filler, ${keys.join(", ")}) VALUES (${i % 4}, ${row.join(", ")})`);
  }
  const schema = unknown === true ? NO_SCHEMA : clusterSchemaOf(new Map([["k", [await definitionOf(db)]]]));
  const vschema = {
    keyspaces: new Map([["k", parsed.vschema]]),
    routingRules: [],
    shardRoutingRules: [],
    keyspaceRoutingRules: [],
    mirrorRules: [],
  };
  return { vindex: definition.vindex, context: { vschema, schema, keyspace: "k" } };
}

async function definitionOf(db: Connection): Promise<TableSchema> {
  const [rows] = await db.query<RowDataPacket[]>(
    `SELECT column_name, data_type, column_type, character_set_name, collation_name FROM information_schema.columns
     WHERE table_schema = 'k' AND table_name = 't' ORDER BY ordinal_position`,
  );
  const columns = rows.map((row): ColumnSchema => {
    const [name, dataType, columnType, charset, collation]: (string | null)[] = Object.values(row);
    return {
      name: name ?? "",
      lower: name ?? "",
      dataType: dataType ?? "",
      columnType: columnType ?? "",
      unsigned: columnType?.includes("unsigned") === true,
      nullable: true,
      charset: charset ?? undefined,
      collation: collation ?? undefined,
      invisible: false,
      autoIncrement: false,
      generated: false,
    };
  });
  return { name: "t", kind: "table", columns, keys: [], viewQuery: undefined, rows: undefined };
}

/** The shard of each row; rows that the vindex does not place are deleted: no shard can have them. */
async function placesOf(
  db: Connection,
  vindex: Vindex,
  { types }: ProofCase,
  keys: readonly string[],
): Promise<Map<number, string>> {
  const places = new Map<number, string>();
  const columns = keys.map((key, i) => (isText(types[i] ?? "") ? `HEX(CONVERT(${key} USING utf8mb4))` : key));
  const [rows] = await db.query<RowDataPacket[]>(
    `SELECT n, ${columns.map((column, i) => (types[i]?.includes("binary(") === true ? `HEX(${keys[i]})` : `CAST(${column} AS CHAR)`)).join(", ")} FROM t`,
  );
  for (const each of rows) {
    const [n, ...values]: (number | string | null)[] = Object.values(each);
    const row = values.map((value, i) => storedValue(types[i] ?? "", value === null ? null : String(value)));
    const shard = shardOf(vindex, row);
    if (shard === undefined) await db.query(`DELETE FROM t WHERE n = ${n}`);
    else places.set(Number(n), shard);
  }
  return places;
}

function isText(type: string): boolean {
  return type.includes("char(");
}

function storedValue(type: string, text: string | null): Value {
  if (text === null) return NULL_VALUE;
  if (isText(type) || type.includes("binary(")) return { type: "VARCHAR", raw: Buffer.from(text, "hex") };
  return /^-?\d+$/.test(text) && type !== "date"
    ? integerValue(Buffer.from(text))
    : { type: "VARCHAR", raw: Buffer.from(text) };
}

function shardOf(vindex: Vindex, row: readonly Value[]): string | undefined {
  const [first] = row;
  if (vindex.kind === "lookup" || first === undefined) return undefined;
  try {
    const destination = vindex.kind === "single-column" ? vindex.map(first) : vindex.map(row);
    return destination.kind === "keyspace-id" ? shardMap.shardOf(destination.id).name : undefined;
  } catch (error) {
    if (error instanceof ShardgateError) return undefined;
    throw error;
  }
}

async function rowsWith(db: Connection, condition: string): Promise<number[] | undefined> {
  try {
    const [rows] = await db.query<RowDataPacket[]>(`SELECT n FROM t WHERE ${condition}`);
    return rows.map((row) => Number(Object.values(row)[0]));
  } catch {
    // Collations that do not go together, and the like.
    return undefined;
  }
}

/** By the conditions alone, and by the plan of the statement. */
function shardsOf(condition: string, context: PlanContext): readonly [ReadonlySet<string>, ReadonlySet<string>] {
  const { key, binds } = normalize(Buffer.from(`SELECT n FROM t WHERE ${condition}`), DEFAULT_SQL_MODE);
  const statement = parse(key, DEFAULT_SQL_MODE);
  if (statement.kind !== "select") throw new Error(key);
  const plan = planStatement(statement, context);
  if (plan.kind !== "send") throw new Error(`a plan of kind ${plan.kind}`);
  const chosen = (routing: Routing): ReadonlySet<string> =>
    new Set(shardsFor(routing, targets, binds).map(({ shard }) => shard));
  return [chosen(routeTables(flattenFrom(statement.from, statement.where, context))), chosen(plan.routing)];
}
