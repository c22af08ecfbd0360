// A bank whose accounts lie on several shards. Clients move money between them, each transfer one transaction that also
// writes a line for either account, and note what they were told of it. `faultsOf` compares that with what is there.

import { type Connection, createConnection, type RowDataPacket } from "mysql2/promise";
import { delay } from "../../src/local/process.ts";
import { type Random, randomOf } from "../fuzz/random.ts";

export const ACCOUNTS = 64;
const BALANCE = 1_000;

const LEAVING_MAX_MS = 10;
const MANAGED_EVERY_MS = 300;

const ACCOUNT_IDS = Array.from({ length: ACCOUNTS }, (_, i) => i + 1);

/** Keyspaces for startCluster: `bank` on two shards, `audit` on one. */
export const KEYSPACES = {
  audit: { sql: "CREATE TABLE note (tid BIGINT PRIMARY KEY, amount BIGINT NOT NULL);" },
  bank: {
    shards: 2,
    vschema: {
      sharded: true,
      vindexes: { hash: { type: "hash" } },
      tables: {
        account: { column_vindexes: [{ column: "id", name: "hash" }] },
        line: { column_vindexes: [{ column: "account", name: "hash" }] },
      },
    },
    sql: `CREATE TABLE account (id BIGINT PRIMARY KEY, balance BIGINT NOT NULL);
      CREATE TABLE line (account BIGINT NOT NULL, tid BIGINT NOT NULL, delta BIGINT NOT NULL, PRIMARY KEY (account, tid));
      INSERT INTO account (id, balance) VALUES ${ACCOUNT_IDS.map((id) => `(${id}, ${BALANCE})`).join(", ")};`,
  },
} as const;

export type Told = "committed" | "rolled back" | "unknown";

/** What a client was told of each transfer, by number. */
export class Transfers {
  readonly told = new Map<number, Told>();
  readonly errors = new Map<string, number>();
  readonly #port: number;
  readonly #workers: Promise<void>[];
  #next = 1;
  #isPaused = false;
  #isStopped = false;
  #atWork = 0;
  /** XA transactions by their names: under way, or how they are to end. What is not here is to be rolled back. */
  readonly #named = new Map<string, "under way" | "commit">();
  readonly #xaShare: number;
  readonly #manager: Promise<void> | undefined;

  /** `xaShare` of the transfers are XA transactions of the clients. */
  constructor(port: number, clients: number, seed: number, xaShare = 0) {
    this.#port = port;
    this.#xaShare = xaShare;
    this.#manager = xaShare > 0 ? this.#manage() : undefined;
    this.#workers = Array.from({ length: clients }, (_, i) => this.#work(randomOf(seed * 1_000 + i)));
  }

  count(told: Told): number {
    return [...this.told.values()].filter((each) => each === told).length;
  }

  /** Resolves when no transfer is under way; none begins until `goOn`. */
  async pause(): Promise<void> {
    this.#isPaused = true;
    while (this.#atWork > 0) await delay(20);
  }

  goOn(): void {
    this.#isPaused = false;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#workers);
    await this.#manager;
  }

  /** A transaction manager: ends what RECOVER lists, and no client has in hand, as was decided. */
  async #manage(): Promise<void> {
    let connection: Connection | undefined;
    while (!this.#isStopped) {
      try {
        connection ??= await this.#connect();
        const [rows] = await connection.query<RowDataPacket[]>("XA RECOVER");
        for (const { data } of rows) {
          const name = String(data);
          const decision = this.#named.get(name);
          if (decision === "under way") continue;
          await connection.query(`XA ${decision === "commit" ? "COMMIT" : "ROLLBACK"} '${name}'`);
        }
      } catch (error) {
        this.#note(error);
        if (coded(error).sqlState === undefined) {
          connection?.destroy();
          connection = undefined;
        }
      }
      await delay(MANAGED_EVERY_MS);
    }
    connection?.destroy();
  }

  async #work(random: Random): Promise<void> {
    let connection: Connection | undefined;
    while (!this.#isStopped) {
      if (this.#isPaused) {
        await delay(20);
        continue;
      }
      this.#atWork++;
      try {
        connection ??= await this.#connect();
        await this.#transfer(connection, random);
      } catch (error) {
        this.#note(error);
        connection?.destroy();
        connection = undefined;
        await delay(50);
      } finally {
        this.#atWork--;
      }
    }
    connection?.destroy();
  }

  async #transfer(connection: Connection, random: Random): Promise<void> {
    const tid = this.#next++;
    const from = 1 + random.int(ACCOUNTS);
    const to = 1 + ((from + random.int(ACCOUNTS - 1)) % ACCOUNTS);
    const amount = 1 + random.int(20);
    const isNoted = random.chance(0.3);
    let isCommitting = false;
    this.told.set(tid, "rolled back");
    const name = this.#xaShare > 0 && random.chance(this.#xaShare) ? `t${tid}` : undefined;
    if (name !== undefined) this.#named.set(name, "under way");
    try {
      await connection.query(name === undefined ? "BEGIN" : `XA START '${name}'`);
      await connection.query(`UPDATE bank.account SET balance = balance - ${amount} WHERE id = ${from}`);
      await connection.query(`INSERT INTO bank.line (account, tid, delta) VALUES (${from}, ${tid}, ${-amount})`);
      if (isNoted) await connection.query(`INSERT INTO audit.note (tid, amount) VALUES (${tid}, ${amount})`);
      if (random.chance(0.2)) await connection.query(`SELECT balance FROM bank.account WHERE id = ${to} FOR UPDATE`);
      await connection.query(`UPDATE bank.account SET balance = balance + ${amount} WHERE id = ${to}`);
      await connection.query(`INSERT INTO bank.line (account, tid, delta) VALUES (${to}, ${tid}, ${amount})`);
      if (name !== undefined) {
        await connection.query(`XA END '${name}'`);
        if (random.chance(0.3)) {
          isCommitting = true;
          await connection.query(`XA COMMIT '${name}' ONE PHASE`);
        } else {
          await connection.query(`XA PREPARE '${name}'`);
          if (random.chance(0.1)) throw new Error("left");
          // From here on it is the manager's, whatever the client is told.
          this.#named.set(name, "commit");
          this.told.set(tid, "committed");
          if (random.chance(0.1)) throw new Error("left");
          await connection.query(`XA COMMIT '${name}'`);
        }
        this.told.set(tid, "committed");
        return;
      }
      if (random.chance(0.05)) {
        await connection.query("ROLLBACK");
        return;
      }
      isCommitting = true;
      if (random.chance(0.02)) {
        await this.#leave(connection, tid, random);
        return;
      }
      await connection.query("COMMIT");
      this.told.set(tid, "committed");
    } catch (error) {
      const { errno, sqlState } = coded(error);
      // Before COMMIT was sent nothing can have been committed; afterwards only some answers say so.
      if (isCommitting && !(errno === 1213 && sqlState === "40001")) this.told.set(tid, "unknown");
      if (sqlState === undefined) throw error;
      this.#note(error);
      // A session in an XA transaction is left: whoever is gone has rolled back what is not prepared.
      if (name !== undefined) throw new Error("left");
      await connection.query("ROLLBACK");
    } finally {
      if (name !== undefined && this.#named.get(name) === "under way") this.#named.delete(name);
    }
  }

  /** Goes away as soon as COMMIT is on its way. */
  async #leave(connection: Connection, tid: number, random: Random): Promise<void> {
    this.told.set(tid, "unknown");
    connection.query("COMMIT").catch(() => undefined);
    await delay(random.int(LEAVING_MAX_MS));
    connection.destroy();
    throw new Error("left");
  }

  async #connect(): Promise<Connection> {
    const target = { host: "127.0.0.1", port: this.#port, user: "root", connectTimeout: 10_000 };
    const connection = await createConnection(target);
    connection.on("error", () => {});
    await connection.query("SET innodb_lock_wait_timeout = 2");
    return connection;
  }

  #note(error: unknown): void {
    const { errno, sqlState } = coded(error);
    const key = sqlState === undefined ? "connection" : `${errno} ${sqlState}`;
    this.errors.set(key, (this.errors.get(key) ?? 0) + 1);
  }
}

function coded(error: unknown): { readonly errno: number | undefined; readonly sqlState: string | undefined } {
  if (typeof error !== "object" || error === null) return { errno: undefined, sqlState: undefined };
  const errno = "errno" in error && typeof error.errno === "number" ? error.errno : undefined;
  const sqlState = "sqlState" in error && typeof error.sqlState === "string" ? error.sqlState : undefined;
  return { errno, sqlState };
}

/** What is wrong in the bank, seen through the gateway: nothing, if every transfer is there as a whole or not at all. */
export async function faultsOf(port: number, told: ReadonlyMap<number, Told>): Promise<readonly string[]> {
  const connection = await createConnection({ host: "127.0.0.1", port, user: "root" });
  connection.on("error", () => {});
  const rows = async (sql: string): Promise<readonly RowDataPacket[]> =>
    (await connection.query<RowDataPacket[]>(sql))[0];
  try {
    const faults: string[] = [];
    const balances = new Map<number, number>();
    for (const { id, balance } of await rows("SELECT id, balance FROM bank.account")) {
      balances.set(Number(id), Number(balance));
    }
    const sum = [...balances.values()].reduce((total, balance) => total + balance, 0);
    if (balances.size !== ACCOUNTS || sum !== ACCOUNTS * BALANCE) {
      faults.push(`${balances.size} accounts have ${sum} together, not ${ACCOUNTS * BALANCE}`);
    }
    const lines = new Map<number, number[]>();
    for (const { account, tid, delta } of await rows("SELECT account, tid, delta FROM bank.line")) {
      lines.set(Number(tid), [...(lines.get(Number(tid)) ?? []), Number(delta)]);
      balances.set(Number(account), (balances.get(Number(account)) ?? 0) - Number(delta));
    }
    for (const [id, rest] of balances) {
      if (rest !== BALANCE) faults.push(`account ${id}: the balance is ${rest - BALANCE} off from its lines`);
    }
    for (const [tid, deltas] of lines) {
      const total = deltas.reduce((a, b) => a + b, 0);
      if (deltas.length !== 2 || total !== 0) faults.push(`transfer ${tid} is half there: ${deltas.join(", ")}`);
    }
    for (const { tid } of await rows("SELECT tid FROM audit.note")) {
      if (!lines.has(Number(tid))) faults.push(`transfer ${tid} is half there: only its note`);
    }
    for (const [tid, answer] of told) {
      if (answer === "committed" && !lines.has(tid)) faults.push(`transfer ${tid} was committed and is gone`);
      if (answer === "rolled back" && lines.has(tid)) faults.push(`transfer ${tid} was rolled back and is there`);
    }
    return faults;
  } finally {
    connection.destroy();
  }
}
