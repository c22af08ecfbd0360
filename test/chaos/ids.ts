// Ids under kills: clients insert rows whose ids come from a sequence table, and others with snowflake ids, through several
// gateways, while gateways, tablets and mysqlds are killed. No id may be there twice, an insert is there as a whole or not
// at all, and the insert id that a client was told is its first row's.

import { type Connection, createConnection, type ResultSetHeader, type RowDataPacket } from "mysql2/promise";
import type { Cluster } from "../../src/local/cluster.ts";
import { delay } from "../../src/local/process.ts";
import { type Part, startPart } from "../e2e/parts.ts";
import { startCluster } from "../fixture/cluster.ts";
import { type Random, randomOf } from "../fuzz/random.ts";

export interface IdsOptions {
  readonly seed: number;
  /** Ids of the sequence that clients have to have been told of. */
  readonly ids: number;
  readonly clients: number;
  readonly gateways: number;
  /** Ids handed out between two kills, if they are within some seconds. */
  readonly idsBetweenKills: number;
  readonly tell: (line: string) => void;
}

export interface IdsReport {
  readonly kills: ReadonlyMap<string, number>;
  /** Rows of each table, counted on the shards. */
  readonly rows: Readonly<Record<Table, number>>;
  readonly errors: ReadonlyMap<string, number>;
  readonly faults: readonly string[];
}

const TABLES = ["numbered", "flaked"] as const;
type Table = (typeof TABLES)[number];

const SEQUENCE_CACHE = 1_000;
const ROWS_EACH = [1, 2, 10, 100, 500] as const;
const FLAKED_SHARE = 0.2;
const RECOVERY_MAX_MS = 90_000;
const CALM_MAX_MS = 15_000;

const COLUMNS = "id BIGINT NOT NULL, client INT NOT NULL, batch INT NOT NULL, KEY (id), KEY (client, batch)";
const KEYSPACES = {
  plain: {
    vschema: { tables: { ids_seq: { type: "sequence" } } },
    sql:
      "CREATE TABLE ids_seq (id BIGINT PRIMARY KEY, next_id BIGINT, cache BIGINT) COMMENT 'vitess_sequence';" +
      `INSERT INTO ids_seq VALUES (0, 1, ${SEQUENCE_CACHE});`,
  },
  ids: {
    shards: 2,
    vschema: {
      sharded: true,
      vindexes: { hash: { type: "hash" } },
      tables: {
        numbered: {
          column_vindexes: [{ column: "id", name: "hash" }],
          auto_increment: { column: "id", sequence: "plain.ids_seq" },
        },
        flaked: {
          column_vindexes: [{ column: "id", name: "hash" }],
          auto_increment: { column: "id", generator: "snowflake" },
        },
      },
    },
    sql: TABLES.map((table) => `CREATE TABLE ${table} (${COLUMNS});`).join("\n"),
  },
};

interface Batch {
  readonly table: Table;
  readonly client: number;
  readonly batch: number;
  readonly rows: number;
  /** Undefined: the client was not told how it went. */
  insertId: string | undefined;
}

/** A gateway of the test's own, on a port that stays. */
class Gateway {
  readonly #args: readonly string[];
  #part: Part;
  #restarting: Promise<void> | undefined;

  private constructor(part: Part, args: readonly string[]) {
    this.#part = part;
    this.#args = args;
  }

  static async start(topoPort: number): Promise<Gateway> {
    const args = ["--log-level", "error", "--topo", "etcd", "--topo-endpoints", `http://127.0.0.1:${topoPort}`];
    return new Gateway(await startPart("gateway", "--listen", "127.0.0.1:0", ...args), args);
  }

  get port(): number {
    return this.#part.port;
  }

  /** It serves. */
  get isUp(): boolean {
    return this.#restarting === undefined;
  }

  /** It will serve again. */
  kill(): void {
    this.#part.signal("SIGKILL");
    this.#restarting = this.#part.exited.then(async () => {
      this.#part = await startPart("gateway", "--listen", this.#part.address, ...this.#args);
      this.#restarting = undefined;
    });
  }

  async stop(): Promise<void> {
    await this.#restarting;
    this.#part.signal("SIGTERM");
    await this.#part.exited;
  }
}

export async function runIds(options: IdsOptions): Promise<IdsReport> {
  const { seed, clients, tell } = options;
  const random = randomOf(seed);
  const kills = new Map<string, number>();
  const errors = new Map<string, number>();
  const batches: Batch[] = [];
  let told = 0;
  const cluster = await startCluster({ keyspaces: KEYSPACES, topo: "etcd" });
  const gateways: Gateway[] = [];
  try {
    const topoPort = cluster.processes().find(({ kind }) => kind === "etcd")?.port ?? 0;
    for (let i = 0; i < options.gateways; i++) gateways.push(await Gateway.start(topoPort));
    const isDone = (): boolean => told >= options.ids;
    const insert = async (connection: Connection, client: number, batch: number, own: Random): Promise<void> => {
      const table = own.chance(FLAKED_SHARE) ? "flaked" : "numbered";
      const rows = own.pick(ROWS_EACH);
      const entry: Batch = { table, client, batch, rows, insertId: undefined };
      batches.push(entry);
      const values = Array.from({ length: rows }, () => `(${client}, ${batch})`).join(", ");
      const sql = `INSERT INTO ids.${table} (client, batch) VALUES ${values}`;
      const [{ insertId }] = await connection.query<ResultSetHeader>({ sql });
      entry.insertId = String(insertId);
      if (table === "numbered") told += rows;
    };
    const client = async (number: number): Promise<void> => {
      const own = randomOf(seed * 1_000 + number);
      let connection: Connection | undefined;
      for (let batch = 1; !isDone(); batch++) {
        try {
          connection ??= await connect(own.pick(gateways).port);
          await insert(connection, number, batch, own);
        } catch (error) {
          const key = codeOf(error);
          errors.set(key, (errors.get(key) ?? 0) + 1);
          connection?.destroy();
          connection = undefined;
          await delay(50);
        }
      }
      connection?.destroy();
    };
    const untilTold = async (wanted: number): Promise<void> => {
      const startMs = performance.now();
      while (!isDone() && told < wanted && performance.now() - startMs < CALM_MAX_MS) await delay(20);
    };
    const killer = async (): Promise<void> => {
      let nextTold = 0;
      while (!isDone()) {
        await untilTold(told + options.idsBetweenKills);
        if (isDone()) return;
        const what = killOne(cluster, gateways, random);
        kills.set(what, (kills.get(what) ?? 0) + 1);
        if (told < nextTold) continue;
        nextTold = told + 50_000;
        tell(`${told} ids, ${[...kills.values()].reduce((a, b) => a + b, 0)} kills`);
      }
    };
    await Promise.all([killer(), ...Array.from({ length: clients }, (_, i) => client(i + 1))]);
    await untilWhole(cluster);
    const rows = { numbered: 0, flaked: 0 };
    const faults: string[] = [];
    for (const table of TABLES) rows[table] = await look(cluster, table, batches, faults);
    return { kills, rows, errors, faults };
  } finally {
    await Promise.all(gateways.map((gateway) => gateway.stop()));
    await cluster.stop();
  }
}

function killOne(cluster: Cluster, gateways: readonly Gateway[], random: Random): string {
  const up = gateways.filter(({ isUp }) => isUp);
  if (up.length > 1 && random.chance(0.5)) {
    random.pick(up).kill();
    return "gateway";
  }
  const kind = random.chance(0.8) ? "tablet" : "mysqld";
  const { pid } = random.pick(cluster.processes().filter((each) => each.kind === kind));
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // Dead already, and not yet restarted.
  }
  return kind;
}

async function connect(port: number): Promise<Connection> {
  const connection = await createConnection({
    host: "127.0.0.1",
    port,
    user: "root",
    connectTimeout: 10_000,
    supportBigNumbers: true,
    bigNumberStrings: true,
  });
  connection.on("error", () => {});
  return connection;
}

/** Resolves when all shards answer and nothing of a COMMIT is under way. */
async function untilWhole(cluster: Cluster): Promise<void> {
  for (const startMs = performance.now(); ; await delay(200)) {
    try {
      const connection = await connect(cluster.port);
      await connection.query("SELECT COUNT(*) FROM ids.numbered WHERE id < 0").finally(() => connection.destroy());
      const left = await onShards(cluster, "XA RECOVER");
      if (left.length === 0) return;
    } catch (error) {
      if (performance.now() - startMs > RECOVERY_MAX_MS) throw error;
    }
    if (performance.now() - startMs > RECOVERY_MAX_MS) throw new Error("transactions are prepared still");
  }
}

/** Gives the rows of the table. */
async function look(cluster: Cluster, table: Table, batches: readonly Batch[], faults: string[]): Promise<number> {
  const twice = await onShards(cluster, `SELECT id, COUNT(*) AS n FROM ids.${table} GROUP BY id HAVING n > 1 LIMIT 10`);
  for (const { id, n } of twice) faults.push(`${table}: id ${id} is there ${n} times`);
  // An id has one shard, unless something is wrong with that.
  const connection = await connect(cluster.port);
  const sql = `SELECT COUNT(*) AS n, COUNT(DISTINCT id) AS different FROM ids.${table}`;
  const [[counted]] = await connection.query<RowDataPacket[]>(sql).finally(() => connection.destroy());
  const total = Number(counted?.["n"]);
  if (total !== Number(counted?.["different"])) {
    faults.push(`${table}: ${total} rows have ${counted?.["different"]} different ids`);
  }
  const found = new Map<string, { rows: number; first: bigint }>();
  const groups = `SELECT client, batch, COUNT(*) AS n, MIN(id) AS first FROM ids.${table} GROUP BY client, batch`;
  for (const { client, batch, n, first } of await onShards(cluster, groups)) {
    const key = `${client}/${batch}`;
    const other = found.get(key);
    const least = other === undefined || BigInt(first) < other.first ? BigInt(first) : other.first;
    found.set(key, { rows: (other?.rows ?? 0) + Number(n), first: least });
  }
  for (const { client, batch, rows, insertId } of batches.filter((each) => each.table === table)) {
    const name = `${table}: insert ${client}/${batch} of ${rows} rows`;
    const there = found.get(`${client}/${batch}`);
    if (there === undefined && insertId !== undefined) faults.push(`${name} was told to be done and is not there`);
    if (there === undefined) continue;
    if (there.rows !== rows) faults.push(`${name} is there with ${there.rows}`);
    if (insertId !== undefined && BigInt(insertId) !== there.first) {
      faults.push(`${name}: its id was told as ${insertId} and is ${there.first}`);
    }
  }
  return total;
}

/** Rows from every mysqld of the sharded keyspace. */
async function onShards(cluster: Cluster, sql: string): Promise<readonly RowDataPacket[]> {
  const mysqlds = cluster.processes().filter(({ kind, keyspace }) => kind === "mysqld" && keyspace === "ids");
  const answers = await Promise.all(
    mysqlds.map(async ({ port }) => {
      const connection = await connect(port);
      const [rows] = await connection.query<RowDataPacket[]>(sql).finally(() => connection.destroy());
      return rows;
    }),
  );
  return answers.flat();
}

function codeOf(error: unknown): string {
  if (typeof error !== "object" || error === null) return "unknown";
  if ("sqlState" in error && "errno" in error) return `${String(error.errno)} ${String(error.sqlState)}`;
  return "connection";
}
