// A hundred thousand prepared statements, all of different text, over a thousand clients: what gateway and tablet have
// resident, and how many the mysqld has prepared, which the tablet's connections bound.

import { createConnection, type Connection } from "mysql2/promise";
import { LIMITS } from "../src/base/limits.ts";
import { rssMiB } from "./proc-stat.ts";
import { type Report, round } from "./report.ts";
import type { Stage } from "./stage.ts";

export interface PreparedManyOptions {
  readonly clients: number;
  readonly statementsEach: number;
}

const CONNECTING_AT_ONCE = 50;
const POOLS_CONNECTIONS =
  LIMITS.poolConnectionsMax + LIMITS.poolTransactionConnectionsMax + LIMITS.poolStreamConnectionsMax;

export async function benchPreparedMany(stage: Stage, report: Report, options: PreparedManyOptions): Promise<void> {
  const { port, database, processes } = stage.shardgate;
  const residentOf = (name: string): number =>
    Math.max(...processes.filter((process) => process.name.startsWith(name)).map(({ pid }) => rssMiB(pid)));
  const before = { gateway: residentOf("gateway"), tablet: residentOf("tablet") };
  const direct = await createConnection({ host: "127.0.0.1", port: stage.direct.port, user: "root" });
  const clients: Connection[] = [];
  const startMs = performance.now();
  try {
    while (clients.length < options.clients) {
      const count = Math.min(CONNECTING_AT_ONCE, options.clients - clients.length);
      const more = Array.from({ length: count }, () =>
        createConnection({ host: "127.0.0.1", port, user: "root", database }),
      );
      clients.push(...(await Promise.all(more)));
    }
    for (let statement = 0; statement < options.statementsEach; statement++) {
      await Promise.all(
        clients.map((client, index) =>
          client.execute(`SELECT c, ${index * options.statementsEach + statement} AS n FROM sbtest1 WHERE id = ?`, [
            1 + index,
          ]),
        ),
      );
    }
    const total = options.clients * options.statementsEach;
    const seconds = (performance.now() - startMs) / 1_000;
    const [rows] = await direct.query("SHOW GLOBAL STATUS LIKE 'Prepared_stmt_count'");
    const prepared = Number(Array.isArray(rows) ? (rows[0] as { Value: string }).Value : Number.NaN);
    const after = { gateway: residentOf("gateway"), tablet: residentOf("tablet") };
    report.table(
      "prepared statements of different text",
      ["statements", "clients", "a second", "gateway MiB", "tablet MiB", "prepared on the mysqld"],
      [
        [
          total,
          options.clients,
          Math.round(total / seconds),
          `${Math.round(before.gateway)} -> ${Math.round(after.gateway)}`,
          `${Math.round(before.tablet)} -> ${Math.round(after.tablet)}`,
          prepared,
        ],
      ],
    );
    report.record("preparedMany", { ...options, before, after, prepared });
    report.budget({
      what: `prepared on the mysqld, of ${total}`,
      measured: round(prepared, 0),
      unit: "",
      limit: LIMITS.preparedPerConnectionMax * POOLS_CONNECTIONS,
      kind: "at most",
    });
  } finally {
    for (const client of clients) client.destroy();
    await direct.end();
  }
}
