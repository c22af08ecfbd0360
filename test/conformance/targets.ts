// The servers that clients are run against: a plain MariaDB, and Shardgate over two keyspaces, one unsharded and one of two
// shards, with the same user on both. Started as their users start them; stopped by `stop()`.

import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { createConnection } from "mysql2/promise";
import { hashPassword } from "../../src/gateway/access/users.ts";
import { startMysqld } from "../../src/local/mysqld.ts";

export const TARGET_NAMES = ["MariaDB", "unsharded", "2 shards"] as const;
export type TargetName = (typeof TARGET_NAMES)[number];

export interface Target {
  readonly name: TargetName;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

export interface Targets {
  readonly list: readonly Target[];
  stop(): Promise<void>;
}

const HOST = "127.0.0.1";
const USER = "app";
const PASSWORD = "correct horse%1";
const SERVER_ARGS: readonly string[] = ["--local-infile=1", "--character-set-server=utf8mb4"];

/** Sharded by author, so that an author's books lie with it; ids of both from sequences. */
const SHARDED = {
  sharded: true,
  vindexes: { hash: { type: "hash" } },
  tables: {
    authors: sharded("id", "id", "authors_seq"),
    books: sharded("author_id", "id", "books_seq"),
    samples: sharded("id"),
    loaded: sharded("id"),
    t1: sharded("intcol1"),
    sbtest1: sharded("id"),
    sbtest2: sharded("id"),
    knex_migrations: sharded("id", "id", "migrations_seq"),
    knex_migrations_lock: sharded("index", "index", "migrations_seq"),
    django_migrations: sharded("id", "id", "migrations_seq"),
    __drizzle_migrations: sharded("id", "id", "migrations_seq"),
    migrations: sharded("id", "id", "migrations_seq"),
  },
};

const SEQUENCES: readonly string[] = ["authors_seq", "books_seq", "migrations_seq"];

/** Starts all; `script` is the executable's, dist/bin/shardgate.js. */
export async function startTargets(script: string): Promise<Targets> {
  const folder = mkdtempSync(join(tmpdir(), "sg-cf-"));
  const stops: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(stops.map((one) => one()));
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const plain = await startMysqld({ dir: join(folder, "plain"), args: SERVER_ARGS });
    stops.push(() => plain.stop());
    await preparePlain(plain.port);
    const cluster = await startCluster(script, folder);
    stops.push(cluster.stop);
    const of = (name: TargetName, port: number, database: string): Target => ({
      name,
      host: HOST,
      port,
      user: USER,
      password: PASSWORD,
      database,
    });
    return {
      list: [
        of("MariaDB", plain.port, "conformance_plain"),
        of("unsharded", cluster.port, "conformance_whole"),
        of("2 shards", cluster.port, "conformance_parts"),
      ],
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function preparePlain(port: number): Promise<void> {
  const root = await createConnection({ host: HOST, port, user: "root" });
  await root.query("CREATE DATABASE conformance_plain");
  await root.query(`CREATE USER ${USER}@'%' IDENTIFIED BY '${PASSWORD}'`);
  await root.query(`GRANT ALL PRIVILEGES ON *.* TO ${USER}@'%'`);
  await root.end();
}

async function startCluster(script: string, folder: string): Promise<{ port: number; stop: () => Promise<void> }> {
  const schema = join(folder, "schema");
  keyspace(join(schema, "conformance_whole"), SEQUENCES.map(sequence).join("\n"), {
    tables: Object.fromEntries(SEQUENCES.map((name) => [name, { type: "sequence" }])),
  });
  keyspace(join(schema, "conformance_parts"), "", SHARDED);
  const usersFile = join(folder, "users.json");
  const rights = { "*": ["read", "write", "ddl", "admin"] };
  writeFileSync(
    usersFile,
    JSON.stringify({
      users: { root: { emptyPassword: true, rights }, [USER]: { ...(await hashPassword(PASSWORD)), rights } },
    }),
  );
  const child = spawn(
    process.execPath,
    [
      script,
      "local",
      "--schema-dir",
      schema,
      "--shards",
      "conformance_parts=2,conformance_whole=1",
      "--port",
      "0",
      "--data-dir",
      join(folder, "data"),
      "--gateway-arg",
      `--users-file=${usersFile}`,
      "--log-level",
      "warn",
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const port = await new Promise<number>((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      if (line.includes('"ready":true')) resolve((JSON.parse(line) as { port: number }).port);
    });
    child.once("error", reject);
    child.once("close", () => reject(new Error("shardgate local ended before it was ready")));
  });
  return {
    port,
    async stop() {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

function keyspace(path: string, sql: string, vschema: object): void {
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, "vschema.json"), JSON.stringify(vschema));
  writeFileSync(join(path, "schema.sql"), sql);
}

function sharded(column: string, autoIncrement?: string, sequenceName?: string): object {
  return {
    column_vindexes: [{ column, name: "hash" }],
    ...(autoIncrement === undefined
      ? {}
      : { auto_increment: { column: autoIncrement, sequence: `conformance_whole.${sequenceName ?? ""}` } }),
  };
}

function sequence(name: string): string {
  return `CREATE TABLE ${name} (id INT PRIMARY KEY, next_id BIGINT, cache BIGINT) COMMENT 'vitess_sequence';
INSERT INTO ${name} (id, next_id, cache) VALUES (0, 1000, 100);`;
}

/** The version that the server's client tells, for the matrix's heading. */
export async function serverVersion(target: Target): Promise<string> {
  const { host, port, user, password } = target;
  const connection = await createConnection({ host, port, user, password });
  const [rows] = await connection.query("SELECT VERSION() AS version");
  await connection.end();
  return (rows as { version: string }[])[0]?.version ?? "";
}
