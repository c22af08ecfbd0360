// ORDER BY over the shards of a keyspace of its own: what a LIMIT reads from each shard, and the most memory that gateway and
// tablets have resident while a million rows stream in order. Rows are written to the mysqlds directly: where a row would
// belong does not matter to a query that goes to all shards.

import { withServer } from "../src/local/server-connection.ts";
import { peakRssMiB, resetPeak } from "./proc-stat.ts";
import { connectRaw } from "./raw-client.ts";
import { type Report, round } from "./report.ts";
import { ORDERED, ORDERED_SHARDS, startOrderedCluster } from "./stage.ts";

const LIMIT = 10;

export async function benchOrdered(
  root: string,
  report: Report,
  options: { readonly rowsPerShard: number; readonly streamed: number },
): Promise<void> {
  const { cluster, stop } = await startOrderedCluster(root);
  try {
    const list = cluster.processes();
    const mysqlds = list.filter(({ kind, keyspace }) => kind === "mysqld" && keyspace === ORDERED);
    for (const [index, { port }] of mysqlds.entries()) {
      const insert =
        `INSERT INTO sorted SELECT seq * ${ORDERED_SHARDS} + ${index}, (seq * 7919) % 1000003, REPEAT('x', 180) ` +
        `FROM seq_1_to_${options.rowsPerShard}`;
      const load = async (statements: readonly string[]): Promise<void> =>
        withServer(
          port,
          async (server) => {
            for (const sql of statements) await server.run(sql);
          },
          ORDERED,
        );
      // Statistics, so that the index is taken.
      await load([insert, "ANALYZE TABLE sorted"]);
    }
    const client = await connectRaw(cluster.port, ORDERED);
    await client.query("SELECT id, k FROM sorted ORDER BY k, id LIMIT 1");
    const before = await Promise.all(mysqlds.map(({ port }) => rowsRead(port)));
    const startMs = performance.now();
    const limited = await client.query(`SELECT id, k, v FROM sorted ORDER BY k, id LIMIT ${LIMIT}`);
    const limitedMs = performance.now() - startMs;
    if (limited.rows !== LIMIT) throw new Error(`LIMIT ${LIMIT} gave ${limited.rows} rows`);
    const after = await Promise.all(mysqlds.map(({ port }) => rowsRead(port)));
    const most = Math.max(...after.map((sent, index) => sent - (before[index] ?? 0)));

    const watched = list.filter(({ kind }) => kind === "gateway" || kind === "tablet");
    for (const { pid } of watched) resetPeak(pid);
    const streamMs = performance.now();
    const streamed = await client.query(`SELECT id, k, v FROM sorted WHERE id <= ${options.streamed} ORDER BY k, id`);
    const spentS = (performance.now() - streamMs) / 1_000;
    client.close();
    const gateway = Math.max(...watched.filter(({ kind }) => kind === "gateway").map(({ pid }) => peakRssMiB(pid)));
    const tablet = Math.max(...watched.filter(({ kind }) => kind === "tablet").map(({ pid }) => peakRssMiB(pid)));
    report.table(
      `ORDER BY over ${mysqlds.length} shards of ${options.rowsPerShard} rows`,
      ["what", "rows", "time", "note"],
      [
        [`LIMIT ${LIMIT}`, limited.rows, `${round(limitedMs, 0)} ms`, `at most ${most} rows read from a shard`],
        [
          "all in order",
          streamed.rows,
          `${round(spentS, 1)} s`,
          `${Math.round(streamed.rows / spentS)} rows/s, ${round(streamed.bytes / 2 ** 20, 0)} MiB`,
        ],
      ],
    );
    report.record("ordered", {
      ...options,
      rowsOfLimit: most,
      limitedMs,
      streamed: streamed.rows,
      spentS,
      gateway,
      tablet,
    });
    report.budget({
      what: "ORDER BY LIMIT 10, rows of a shard",
      measured: most,
      unit: "",
      limit: LIMIT,
      kind: "at most",
    });
    for (const [name, mib] of [
      ["gateway", gateway],
      ["tablet", tablet],
    ] as const) {
      const measured = round(mib, 1);
      report.budget({ what: `ordered scatter, resident ${name}`, measured, unit: " MiB", limit: 150, kind: "at most" });
    }
  } finally {
    await stop();
  }
}

/** Rows of the table that a mysqld has read so far (MariaDB's user statistics). */
async function rowsRead(port: number): Promise<number> {
  const sql = "SELECT COALESCE(SUM(ROWS_READ), 0) FROM information_schema.TABLE_STATISTICS WHERE TABLE_NAME = 'sorted'";
  return withServer(port, async (server) => {
    await server.run("SET GLOBAL userstat = ON");
    return Number(await server.value(sql));
  });
}
