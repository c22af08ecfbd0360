// What `npm run up` shows: a few queries through the gateway, their answers, and which shards were asked. The shards
// themselves say so: each mysqld's general query log is read after every query.

import { messageOf } from "../base/errors.ts";
import type { Cluster } from "./cluster.ts";
import { withServer } from "./server-connection.ts";

interface DemoQuery {
  readonly keyspace: string;
  readonly sql: string;
  /** What is to be seen in it. */
  readonly what: string;
}

const QUERIES: readonly DemoQuery[] = [
  {
    keyspace: "commerce",
    sql: "SELECT sku, description, price FROM product WHERE sku IN ('SKU-1001', 'SKU-1002')",
    what: "an unsharded keyspace: one mysqld has all of it",
  },
  {
    keyspace: "customer",
    sql: "SELECT customer_id, name, email FROM customer WHERE customer_id = 1",
    what: "the hash of customer_id names the shard",
  },
  {
    keyspace: "customer",
    sql: "SELECT customer_id, name, email FROM customer WHERE customer_id = 4",
    what: "another customer, another shard",
  },
  {
    keyspace: "customer",
    sql: `SELECT c.name, COUNT(*) AS orders, SUM(o.total) AS total
            FROM customer c JOIN corder o ON o.customer_id = c.customer_id
           WHERE c.customer_id = 7 GROUP BY c.name`,
    what: "a customer's orders lie on the same shard, which joins and counts them",
  },
  {
    keyspace: "customer",
    sql: "SELECT customer_id, name FROM customer WHERE email LIKE '%10@%'",
    what: "no vindex column: all shards are asked, their rows are put together",
  },
];

const ROWS_SHOWN_MAX = 5;

/** Runs the demo's queries and writes them with their answers, line by line. A query that fails is shown with its error. */
export async function showRouting(cluster: Cluster, write: (line: string) => void): Promise<void> {
  const shards = cluster.processes().flatMap(({ kind, type, keyspace, shard, socket }) => {
    const isPrimary = kind === "mysqld" && type === "primary" && socket !== undefined;
    return isPrimary ? [{ name: `${keyspace}/${shard}`, socket }] : [];
  });
  await everywhere(shards, "SET GLOBAL log_output = 'TABLE'", "SET GLOBAL general_log = ON");
  try {
    for (const query of QUERIES) {
      if (!cluster.keyspaces.some(({ name }) => name === query.keyspace)) continue;
      await everywhere(shards, "TRUNCATE mysql.general_log");
      const answer = await ask(cluster.port, query);
      const asked: string[] = [];
      for (const { name, socket } of shards) if (await wasAsked(socket, query)) asked.push(name);
      write("");
      write(`-- ${query.what}`);
      write(`${query.keyspace}> ${query.sql.replaceAll(/\s+/g, " ")};`);
      for (const line of answer) write(`  ${line}`);
      write(`  asked: ${asked.length === 0 ? "no shard" : asked.toSorted().join(", ")}`);
    }
  } finally {
    await everywhere(
      shards,
      "SET GLOBAL general_log = OFF",
      "SET GLOBAL log_output = 'FILE'",
      "TRUNCATE mysql.general_log",
    );
  }
}

async function everywhere(shards: readonly { socket: string }[], ...statements: readonly string[]): Promise<void> {
  await Promise.all(
    shards.map(({ socket }) =>
      withServer(socket, async (server) => {
        for (const sql of statements) await server.run(sql);
      }),
    ),
  );
}

/** Whether a mysqld ran something on the first table of `query`, which tablets that look at definitions name as well. */
async function wasAsked(socket: string, query: DemoQuery): Promise<boolean> {
  const table = /\bFROM (\w+)/i.exec(query.sql)?.[1] ?? "";
  const count = await withServer(socket, (server) =>
    server.value(
      `SELECT COUNT(*) FROM mysql.general_log
        WHERE command_type IN ('Query', 'Execute') AND argument RLIKE '[[:<:]]${table}[[:>:]]'
          AND argument NOT LIKE '%general_log%' AND argument NOT LIKE '%information_schema%'`,
    ),
  );
  return Number(count) > 0;
}

async function ask(port: number, { keyspace, sql }: DemoQuery): Promise<string[]> {
  try {
    const rows = await withServer(port, (server) => server.rows(sql), keyspace);
    return tableOf(rows);
  } catch (error) {
    return [`ERROR: ${messageOf(error)}`];
  }
}

/** Rows as the mysql client draws them, without the frame. */
function tableOf(rows: readonly Record<string, string | undefined>[]): string[] {
  const first = rows[0];
  if (first === undefined) return ["(no rows)"];
  const columns = Object.keys(first);
  const shown = rows.slice(0, ROWS_SHOWN_MAX).map((row) => columns.map((column) => row[column] ?? "NULL"));
  const widths = columns.map((column, index) =>
    Math.max(column.length, ...shown.map((row) => row[index]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join(" | ")} |`;
  const rest = rows.length > shown.length ? [`… and ${rows.length - shown.length} more rows`] : [];
  return [line(columns), ...shown.map(line), ...rest];
}
