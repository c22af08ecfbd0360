// A short control connection to one mysqld of a local cluster, as root over its socket or to a port of this machine.

import { type Connection, createConnection } from "mysql2/promise";

export interface ServerConnection {
  /** Runs one statement. mysql2's errors carry errno, sqlState and the server's message. */
  run(sql: string): Promise<void>;
  /** All rows, every value as text; NULL is undefined. */
  rows(sql: string): Promise<Record<string, string | undefined>[]>;
  /** The first row. */
  row(sql: string): Promise<Record<string, string | undefined> | undefined>;
  /** The first value of the first row; empty when there is none. */
  value(sql: string): Promise<string>;
}

/** A server, or a gateway, anywhere. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
  readonly user?: string;
  readonly password?: string;
}

const CONNECT_TIMEOUT_MS = 30_000;

/**
 * Runs `work` on a connection to the mysqld behind `target` (a socket path, a port of 127.0.0.1, or an address), then closes
 * it. The user is root unless the address names one.
 */
export async function withServer<T>(
  target: string | number | ServerAddress,
  work: (server: ServerConnection) => Promise<T>,
  database?: string,
): Promise<T> {
  const address =
    typeof target === "string"
      ? { socketPath: target }
      : typeof target === "number"
        ? { host: "127.0.0.1", port: target }
        : target;
  const connection = await createConnection({
    user: "root",
    ...address,
    // A machine on which a whole cluster starts can be slow to answer; servers that are gone refuse at once.
    connectTimeout: CONNECT_TIMEOUT_MS,
    charset: "utf8mb4_general_ci",
    ...(database === undefined ? {} : { database }),
  });
  // A server that goes away between two statements is told by the next one; without a listener it would end us.
  connection.on("error", () => {});
  try {
    return await work(wrap(connection));
  } finally {
    connection.destroy();
  }
}

function wrap(connection: Connection): ServerConnection {
  const rows = async (sql: string) => {
    const [result] = await connection.query({ sql, typeCast: (field) => field.string() });
    if (!Array.isArray(result)) return [];
    return result.map((row) => {
      const texts: Record<string, string | undefined> = {};
      for (const [name, value] of Object.entries(row)) {
        texts[name] = value === null || value === undefined ? undefined : String(value);
      }
      return texts;
    });
  };
  return {
    rows,
    async run(sql) {
      await connection.query(sql);
    },
    async row(sql) {
      return (await rows(sql))[0];
    },
    async value(sql) {
      const row = (await rows(sql))[0] ?? {};
      return Object.values(row)[0] ?? "";
    },
  };
}
