// Readers by the value of a consistent lookup beside writers that move the rows between shards, give them other values and
// make them anew. Each value has a row in every committed state, so whoever finds none has missed one. Readers and writers
// are on any of the gateways.

import { type Connection, createConnection, type ResultSetHeader, type RowDataPacket } from "mysql2/promise";
import { type Random, randomOf } from "../fuzz/random.ts";

const VALUES = 6;
const IDS = 1_000_000_000;
/** What a transaction is told that is undone for others: it is tried again. */
const UNDONE: ReadonlySet<number> = new Set([1205, 1213, 1020]);

/** Keyspaces for startCluster: rows of `s`, on two shards, are found by lookup tables of `u`. */
export const LOOKUP_KEYSPACES = {
  u: {
    sql: `CREATE TABLE l_one (v VARCHAR(20) NOT NULL PRIMARY KEY, keyspace_id VARBINARY(16) NOT NULL);
      CREATE TABLE l_many (v VARCHAR(20) NOT NULL, keyspace_id VARBINARY(16) NOT NULL, PRIMARY KEY (v, keyspace_id));`,
    vschema: { tables: { l_one: {}, l_many: {} } },
  },
  s: {
    shards: 2,
    vschema: {
      sharded: true,
      vindexes: {
        hash: { type: "hash" },
        one: {
          type: "consistent_lookup_unique",
          params: { table: "u.l_one", from: "v", to: "keyspace_id" },
          owner: "one",
        },
        many: { type: "consistent_lookup", params: { table: "u.l_many", from: "v", to: "keyspace_id" }, owner: "many" },
      },
      tables: {
        one: {
          column_vindexes: [
            { column: "id", name: "hash" },
            { column: "v", name: "one" },
          ],
        },
        many: {
          column_vindexes: [
            { column: "id", name: "hash" },
            { column: "v", name: "many" },
          ],
        },
      },
    },
    sql: `CREATE TABLE one (id BIGINT NOT NULL PRIMARY KEY, v VARCHAR(20) NOT NULL, n INT NOT NULL, UNIQUE KEY v (v));
      CREATE TABLE many (id BIGINT NOT NULL PRIMARY KEY, v VARCHAR(20) NOT NULL, n INT NOT NULL, KEY v (v));`,
  },
} as const;

export interface LookupOptions {
  readonly ports: readonly number[];
  /** Of keyspace `s`, with columns `id` (places the row), `v` (looked up) and `n`. */
  readonly tables: readonly string[];
  readonly seed: number;
  readonly readers: number;
  readonly writers: number;
  /** Transactions of each writer. */
  readonly rounds: number;
}

export interface LookupReport {
  readonly reads: number;
  readonly writes: number;
  readonly undone: number;
  /** What was missed, one line each. */
  readonly faults: readonly string[];
}

/** Of LOOKUP_KEYSPACES. */
export const LOOKUP_TABLES = ["one", "many"] as const;
const nameOf = (table: string, i: number): string => `${table}-${i}`;

export async function runLookups(options: LookupOptions): Promise<LookupReport> {
  const { ports, tables, seed, readers, writers, rounds } = options;
  const faults: string[] = [];
  let reads = 0;
  let writes = 0;
  let undone = 0;
  let isOver = false;
  const open = async (i: number): Promise<Connection> => {
    const port = ports[i % ports.length] ?? 0;
    const connection = await createConnection({ host: "127.0.0.1", port, user: "root", database: "s" });
    connection.on("error", () => {});
    return connection;
  };
  const first = await open(0);
  for (const table of tables) {
    await first.query(`DELETE FROM ${table}`);
    const rows = Array.from({ length: VALUES }, (_, i) => `(${i + 1}, '${nameOf(table, i)}', 0)`);
    await first.query(`INSERT INTO ${table} (id, v, n) VALUES ${rows.join(", ")}`);
  }
  first.destroy();

  const read = async (i: number): Promise<void> => {
    const random = randomOf(seed * 1_000 + i);
    const connection = await open(i);
    // Two shards' snapshots are not of one moment: a row may be on neither of them.
    await connection.query("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED");
    while (!isOver) {
      const table = random.pick(tables);
      const v = nameOf(table, random.int(VALUES));
      const form = random.pick(["text", "prepared", "count", "locking", "write", "transaction"] as const);
      try {
        const found = await foundBy(connection, table, v, form);
        reads++;
        if (found === 0) faults.push(`${form}: ${found} rows of ${table} with '${v}'`);
      } catch (error) {
        if (!isUndone(error)) throw error;
        await connection.query("ROLLBACK");
        undone++;
      }
    }
    connection.destroy();
  };
  const write = async (i: number): Promise<void> => {
    const random = randomOf(seed * 1_000 + 500 + i);
    const connection = await open(i + 1);
    for (let round = 0; round < rounds; round++) {
      try {
        await change(connection, random.pick(tables), random);
        writes++;
      } catch (error) {
        await connection.query("ROLLBACK");
        if (isUndone(error)) undone++;
        else faults.push(error instanceof Error ? error.message : String(error));
      }
    }
    connection.destroy();
  };
  const reading = Promise.all(Array.from({ length: readers }, (_, i) => read(i)));
  try {
    await Promise.all([
      reading,
      Promise.all(Array.from({ length: writers }, (_, i) => write(i))).then(() => (isOver = true)),
    ]);
  } finally {
    isOver = true;
  }
  return { reads, writes, undone, faults };
}

/** How many rows a reader finds, or a writer. */
async function foundBy(connection: Connection, table: string, v: string, form: string): Promise<number> {
  const select = `SELECT id, n FROM ${table} WHERE v = `;
  switch (form) {
    case "prepared":
      return (await connection.execute<RowDataPacket[]>(`${select}?`, [v]))[0].length;
    case "count":
      return Number(
        (await connection.query<RowDataPacket[]>(`SELECT COUNT(*) AS n FROM ${table} WHERE v = '${v}'`))[0][0]?.["n"],
      );
    case "locking":
      return (await connection.query<RowDataPacket[]>(`${select}'${v}' FOR UPDATE`))[0].length;
    case "write":
      return (await connection.query<ResultSetHeader>(`UPDATE ${table} SET n = n + 1 WHERE v = '${v}'`))[0]
        .affectedRows;
    case "transaction": {
      await connection.query("BEGIN");
      const found = (await connection.query<RowDataPacket[]>(`${select}'${v}'`))[0].length;
      await connection.query("COMMIT");
      return found;
    }
    default:
      return (await connection.query<RowDataPacket[]>(`${select}'${v}'`))[0].length;
  }
}

/** One transaction, after which each value has one row again. Throws when a statement misses its row. */
async function change(connection: Connection, table: string, random: Random): Promise<void> {
  const at = random.int(VALUES);
  const v = nameOf(table, at);
  const other = nameOf(table, (at + 1 + random.int(VALUES - 1)) % VALUES);
  const id = 100 + random.int(IDS);
  const one = async (sql: string): Promise<void> => {
    const [{ affectedRows }] = await connection.query<ResultSetHeader>(sql);
    if (affectedRows !== 1) throw new Error(`${affectedRows} rows: ${sql}`);
  };
  switch (random.int(4)) {
    case 0:
      await one(`UPDATE ${table} SET id = ${id} WHERE v = '${v}'`);
      return;
    case 1:
      await connection.query("BEGIN");
      await one(`DELETE FROM ${table} WHERE v = '${v}'`);
      await one(`INSERT INTO ${table} (id, v, n) VALUES (${id}, '${v}', 0)`);
      await connection.query("COMMIT");
      return;
    case 2: {
      await connection.query("BEGIN");
      const temporary = `${v}-${id}`;
      await one(`UPDATE ${table} SET v = '${temporary}' WHERE v = '${v}'`);
      await one(`UPDATE ${table} SET v = '${v}' WHERE v = '${other}'`);
      await one(`UPDATE ${table} SET v = '${other}' WHERE v = '${temporary}'`);
      await connection.query(random.chance(0.2) ? "ROLLBACK" : "COMMIT");
      return;
    }
    default:
      // Rows that come and go beside those that are looked for.
      await one(`INSERT INTO ${table} (id, v, n) VALUES (${id}, 'x-${id}', 0)`);
      await one(`DELETE FROM ${table} WHERE v = 'x-${id}'`);
  }
}

function isUndone(error: unknown): boolean {
  const errno = typeof error === "object" && error !== null && "errno" in error ? error.errno : undefined;
  return typeof errno === "number" && UNDONE.has(errno);
}
