// A MariaDB of a test's own: data in a temporary folder, reached by a unix socket only, stopped by its process id.

import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import mysql, { type Connection } from "mysql2/promise";

export interface Mariadbd {
  connect(database?: string): Promise<Connection>;
  stop(): Promise<void>;
}

/** True when the server's programs are installed. */
export function hasMariadbd(): boolean {
  return ["/usr/sbin/mariadbd", "/usr/bin/mariadbd"].some((path) => existsSync(path));
}

export async function startMariadbd(): Promise<Mariadbd> {
  const folder = mkdtempSync(join(tmpdir(), "shardgate-sql-"));
  const data = join(folder, "data");
  const socketPath = join(folder, "mysqld.sock");
  execFileSync(
    "mariadb-install-db",
    ["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db", `--datadir=${data}`, ...asRoot()],
    { stdio: "ignore" },
  );
  const server = spawn(
    "mariadbd",
    [
      "--no-defaults",
      `--datadir=${data}`,
      `--socket=${socketPath}`,
      "--skip-networking",
      "--innodb-buffer-pool-size=32M",
      "--innodb-flush-log-at-trx-commit=0",
      `--pid-file=${join(folder, "pid")}`,
      ...asRoot(),
    ],
    { stdio: "ignore" },
  );
  const ended = new Promise<void>((resolve) => server.once("exit", () => resolve()));
  const connect = (database?: string): Promise<Connection> =>
    mysql.createConnection({
      socketPath,
      user: "root",
      dateStrings: true,
      supportBigNumbers: true,
      bigNumberStrings: true,
      charset: "utf8mb4",
      rowsAsArray: true,
      ...(database === undefined ? {} : { database }),
    });
  const deadline = Date.now() + 60_000;
  for (;;) {
    try {
      const connection = await connect();
      await connection.query("create database if not exists test");
      await connection.end();
      break;
    } catch (error) {
      if (Date.now() > deadline || server.exitCode !== null) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  return {
    connect,
    async stop() {
      server.kill("SIGTERM");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function asRoot(): string[] {
  return process.getuid?.() === 0 ? ["--user=root"] : [];
}
