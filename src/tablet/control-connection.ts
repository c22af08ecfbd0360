// Control queries of a tablet: health, KILL, schema and its tracking. They go through mysql2 over connections of their own, so that they get
// through when the data pools are full, and each kind over its own, so that a long ALTER delays neither a look at the health
// nor a KILL. Rows are decoded here; nothing of this is on the hot path.

import { createPool, type Pool, type PoolConnection, type RowDataPacket, type TypeCastField } from "mysql2/promise";
import type { Clock, Timer } from "../base/clock.ts";
import { messageOf, MysqlError, ShardgateError } from "../base/errors.ts";
import type { TableSchema } from "../rpc/tablet-server.ts";
import type { MysqldTarget } from "./mysqld-connection.ts";
import { Turns } from "./turns.ts";

export interface MysqldStatus {
  /** @@global.max_allowed_packet */
  readonly packetBytesMax: number;
  readonly version: string;
  readonly readOnly: boolean;
  /** Seconds behind the source; undefined when it does not replicate, -1 when it does not know. */
  readonly lagS: number | undefined;
}

/** A mysqld that answers nothing for so long is taken for stopped; it is asked twice before what runs on it is given up. */
const STATUS_TIMEOUT_MS = 3_000;
/** MariaDB's for all of its sources; MySQL's since 8.0.22, the only one since 8.4; that of older ones. */
const REPLICA_STATUS = ["SHOW ALL SLAVES STATUS", "SHOW REPLICA STATUS", "SHOW SLAVE STATUS"] as const;
const ER_PARSE_ERROR = 1064;
const KILL_TIMEOUT_MS = 3_000;
const SCHEMA_TIMEOUT_MS = 5_000;
const ANSWER_TICKS = 3;
const KILL_CONNECTIONS_MAX = 2;
/** A KILL that takes longer has met something else than its turn. */
const KILL_PATIENCE_MS = 250;
const SCHEMA_CONNECTIONS_MAX = 3;
const TRANSACTION_CONNECTIONS_MAX = 4;
const TRANSACTIONS_TIMEOUT_MS = 5_000;
/** A sweep over the definitions of very many tables takes long. */
const TRACKING_TIMEOUT_MS = 60_000;

export interface TrackedRows {
  readonly connectionId: number;
  readonly rows: readonly (readonly (string | null)[])[];
}

export class ControlConnection {
  readonly #clock: Clock;
  readonly #statusPool: Pool;
  readonly #killPool: Pool;
  readonly #killTurns: Turns;
  readonly #schemaPool: Pool;
  readonly #trackingPool: Pool;
  readonly #transactionPool: Pool;
  /** Index of REPLICA_STATUS. */
  #replicaStatusWords = 0;

  constructor(target: MysqldTarget, clock: Clock) {
    this.#clock = clock;
    this.#killTurns = new Turns(clock, KILL_PATIENCE_MS);
    this.#statusPool = poolOf(target, 1, STATUS_TIMEOUT_MS);
    this.#killPool = poolOf(target, KILL_CONNECTIONS_MAX, KILL_TIMEOUT_MS);
    this.#schemaPool = poolOf(target, SCHEMA_CONNECTIONS_MAX, SCHEMA_TIMEOUT_MS);
    this.#trackingPool = poolOf(target, 1, SCHEMA_TIMEOUT_MS);
    this.#transactionPool = poolOf(target, TRANSACTION_CONNECTIONS_MAX, TRANSACTIONS_TIMEOUT_MS);
  }

  /** Throws SHARD_UNAVAILABLE when the mysqld does not answer in time. One call at a time. */
  async status(): Promise<MysqldStatus> {
    const ask = (sql: string): Promise<RowDataPacket[]> => this.#rows(this.#statusPool, sql, [], STATUS_TIMEOUT_MS);
    const [row] = await ask(
      "SELECT VERSION() AS version, @@global.read_only AS readOnly, @@global.max_allowed_packet AS packetBytes",
    );
    return {
      packetBytesMax: Number(row?.["packetBytes"] ?? Number.POSITIVE_INFINITY),
      version: String(row?.["version"] ?? ""),
      readOnly: Number(row?.["readOnly"]) !== 0,
      lagS: lagOf(await this.#replicaStatus(ask)),
    };
  }

  /** A row for each source it replicates from, in the words this server has for it. */
  async #replicaStatus(ask: (sql: string) => Promise<RowDataPacket[]>): Promise<RowDataPacket[]> {
    for (;;) {
      try {
        return await ask(REPLICA_STATUS[this.#replicaStatusWords] ?? "");
      } catch (error) {
        const isLast = this.#replicaStatusWords === REPLICA_STATUS.length - 1;
        if (!(error instanceof MysqlError) || error.errno !== ER_PARSE_ERROR || isLast) throw error;
        this.#replicaStatusWords++;
      }
    }
  }

  /**
   * Throws SHARD_UNAVAILABLE when the mysqld does not answer in time. `isWanted` is asked right before it is sent: a mysqld
   * that has been started again by then has given the id to somebody else.
   */
  async killQuery(threadId: number, isWanted: () => boolean): Promise<void> {
    try {
      await this.#kill(`KILL QUERY ${threadId}`, isWanted);
    } catch (error) {
      // 1094: the thread has ended by itself.
      if (!(error instanceof MysqlError && error.errno === 1094)) throw error;
    }
  }

  /** Never rejects: the connection is given up in any case. */
  async killConnection(threadId: number): Promise<void> {
    try {
      await this.#kill(`KILL CONNECTION ${threadId}`);
    } catch {
      // Ended by itself, or beyond reach.
    }
  }

  #kill(sql: string, isWanted: () => boolean = always): Promise<RowDataPacket[]> {
    return this.#killTurns.take(() => this.#rows(this.#killPool, sql, [], KILL_TIMEOUT_MS, isWanted));
  }

  /** Runs statements one by one on one connection; stops at the first error, which names the statement. */
  async run(database: string, statements: readonly string[], timeoutMs: number): Promise<number> {
    let connection: PoolConnection;
    try {
      connection = await this.#schemaPool.getConnection();
    } catch (error) {
      throw rewrap(error, "");
    }
    let done = 0;
    try {
      await connection.query(`USE ${quoteIdentifier(database)}`);
      for (const sql of statements) {
        await connection.query({ sql, timeout: timeoutMs });
        done++;
      }
      return done;
    } catch (error) {
      connection.destroy();
      throw rewrap(error, statements.length > 1 ? ` (statement ${done + 1} of ${statements.length})` : "");
    } finally {
      connection.release();
    }
  }

  async tables(database: string, names: readonly string[]): Promise<TableSchema[]> {
    const ask = (sql: string, values: readonly string[] = []): Promise<RowDataPacket[]> =>
      this.#rows(this.#schemaPool, sql, values, SCHEMA_TIMEOUT_MS);
    const rows = await ask(
      "SELECT TABLE_NAME AS name, TABLE_TYPE AS type, TABLE_ROWS AS rowCount, DATA_LENGTH AS bytes " +
        "FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? ORDER BY TABLE_NAME",
      [database],
    );
    const found: TableSchema[] = [];
    for (const row of rows) {
      const name = String(row["name"]);
      if (names.length > 0 && !names.includes(name)) continue;
      const [shown] = await ask(`SHOW CREATE TABLE ${quoteIdentifier(database)}.${quoteIdentifier(name)}`);
      found.push({
        name,
        type: String(row["type"]),
        createStatement: String(shown?.["Create Table"] ?? shown?.["Create View"] ?? ""),
        rows: Number(row["rowCount"] ?? 0),
        dataBytes: Number(row["bytes"] ?? 0),
      });
    }
    return found;
  }

  /**
   * For the tracking of definitions: one query at a time on a connection of its own, rows as texts. `connectionId` tells
   * one connection, and so one run of the mysqld, from another. Throws MysqlError, or SHARD_UNAVAILABLE.
   */
  async track(sql: string, values: readonly unknown[]): Promise<TrackedRows> {
    let connection: PoolConnection | undefined;
    try {
      connection = await this.#trackingPool.getConnection();
      const query = { sql, values: [...values], timeout: TRACKING_TIMEOUT_MS, rowsAsArray: true, typeCast: textOf };
      const [rows] = await connection.query<RowDataPacket[][]>(query);
      connection.release();
      const texts = Array.isArray(rows) ? rows.map((row) => row.map(asText)) : [];
      return { connectionId: connection.threadId, rows: texts };
    } catch (error) {
      if (isServerError(error)) connection?.release();
      else connection?.destroy();
      throw rewrap(error, "");
    }
  }

  /**
   * Statements about transactions, on one connection that waits for a lock for a second only; gives the rows of the last one
   * as texts. Throws MysqlError, or SHARD_UNAVAILABLE.
   */
  async transactions(...statements: readonly string[]): Promise<readonly (readonly (string | null)[])[]> {
    let connection: PoolConnection | undefined;
    try {
      connection = await this.#transactionPool.getConnection();
      let rows: readonly (readonly unknown[])[] = [];
      for (const sql of ["SET innodb_lock_wait_timeout = 1", ...statements]) {
        const query = { sql, timeout: TRANSACTIONS_TIMEOUT_MS, rowsAsArray: true, typeCast: textOf };
        const [answer] = await connection.query<RowDataPacket[][]>(query);
        rows = Array.isArray(answer) ? answer : [];
      }
      connection.release();
      return rows.map((row) => row.map(asText));
    } catch (error) {
      if (isServerError(error)) connection?.release();
      else connection?.destroy();
      throw rewrap(error, "");
    }
  }

  /** Without rows, and nothing sent, when it is not wanted any more once there is a connection. */
  async #rows(
    pool: Pool,
    sql: string,
    values: readonly string[],
    timeoutMs: number,
    isWanted: () => boolean = always,
  ): Promise<RowDataPacket[]> {
    let connection: PoolConnection | undefined;
    try {
      if (!isWanted()) return [];
      connection = await pool.getConnection();
      if (!isWanted()) {
        connection.release();
        return [];
      }
      const asked = connection.query<RowDataPacket[]>({ sql, values: [...values] });
      const [rows] = await answerWithin(this.#clock, timeoutMs, asked);
      connection.release();
      return Array.isArray(rows) ? rows : [];
    } catch (error) {
      // What has timed out still waits for its answer on this connection; nothing else may be sent behind it.
      connection?.destroy();
      throw rewrap(error, "");
    }
  }

  async close(): Promise<void> {
    const pools = [this.#transactionPool, this.#statusPool, this.#killPool, this.#schemaPool, this.#trackingPool];
    await Promise.all(pools.map((pool) => pool.end()));
  }
}

/**
 * Rejects when there is no answer in `timeoutMs`. Ticks are counted, not time: a process that was stopped, or busy, itself
 * finds the answer that has come meanwhile before it counts the next one.
 */
export function answerWithin<T>(clock: Clock, timeoutMs: number, answer: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    let ticks = 0;
    let timer: Timer;
    const plan = (): void => {
      timer = clock.after(timeoutMs / ANSWER_TICKS, () => {
        if (++ticks < ANSWER_TICKS) plan();
        else reject(new Error(`no answer in ${timeoutMs} ms`));
      });
    };
    plan();
    answer.then(resolve, reject).finally(() => timer.cancel());
  });
}

/** Seconds behind the source it is furthest behind. */
function lagOf(sources: readonly RowDataPacket[]): number | undefined {
  if (sources.length === 0) return undefined;
  const lags = sources.map((source) => {
    const seconds: unknown = source["Seconds_Behind_Source"] ?? source["Seconds_Behind_Master"];
    return seconds === null || seconds === undefined ? -1 : Number(seconds);
  });
  return lags.includes(-1) ? -1 : Math.max(...lags);
}

function textOf(field: TypeCastField): string | null {
  return field.string("utf8");
}

function asText(cell: unknown): string | null {
  return typeof cell === "string" ? cell : null;
}

function poolOf(target: MysqldTarget, connectionLimit: number, connectTimeout: number): Pool {
  const where =
    target.socketPath === undefined ? { host: target.host, port: target.port } : { socketPath: target.socketPath };
  return createPool({
    ...where,
    user: target.user,
    password: target.password,
    connectionLimit,
    connectTimeout,
    charset: "utf8mb4",
    supportBigNumbers: true,
    bigNumberStrings: true,
  });
}

function quoteIdentifier(name: string): string {
  return `\`${name.replaceAll("`", "``")}\``;
}

function rewrap(error: unknown, where: string): Error {
  if (isServerError(error)) {
    return new MysqlError(error.errno, error.sqlState.replace("#", ""), error.message + where);
  }
  return new ShardgateError("SHARD_UNAVAILABLE", `mysqld does not answer: ${messageOf(error)}${where}`, error);
}

function isServerError(error: unknown): error is Error & { errno: number; sqlState: string } {
  return (
    error instanceof Error &&
    "errno" in error &&
    typeof error.errno === "number" &&
    error.errno > 0 &&
    "sqlState" in error &&
    typeof error.sqlState === "string"
  );
}

function always(): boolean {
  return true;
}
