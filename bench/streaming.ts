// One result of a million rows of 200 bytes, direct and through Shardgate in turn: throughput, and the most memory that
// gateway and tablet have resident while it runs.

import { withServer } from "../src/local/server-connection.ts";
import { peakRssMiB, resetPeak } from "./proc-stat.ts";
import { connectRaw } from "./raw-client.ts";
import { median, type Report, round } from "./report.ts";
import type { Stage } from "./stage.ts";

export async function benchStreaming(
  stage: Stage,
  report: Report,
  options: { readonly rows: number; readonly rounds: number },
): Promise<void> {
  const { direct, shardgate } = stage;
  await withServer(
    direct.port,
    async (server) => {
      await server.run("CREATE TABLE big (id INT NOT NULL PRIMARY KEY, v CHAR(196) CHARACTER SET latin1 NOT NULL)");
      await server.run(`INSERT INTO big SELECT seq, REPEAT('x', 196) FROM seq_1_to_${options.rows}`);
    },
    direct.database,
  );
  const watched = shardgate.processes.filter(({ name }) => name !== "mysqld");
  for (const { pid } of watched) resetPeak(pid);
  const rates = new Map<string, number[]>();
  let bytes = 0;
  for (let index = 0; index <= options.rounds; index++) {
    for (const target of [direct, shardgate]) {
      const client = await connectRaw(target.port, target.database);
      const startMs = performance.now();
      const reply = await client.query("SELECT id, v FROM big");
      const spentS = (performance.now() - startMs) / 1_000;
      client.close();
      if (reply.rows !== options.rows) throw new Error(`${target.name} gave ${reply.rows} rows, not ${options.rows}`);
      bytes = reply.bytes;
      // The first round fills the buffer pool.
      if (index > 0) rates.set(target.name, [...(rates.get(target.name) ?? []), reply.bytes / spentS / 2 ** 20]);
    }
  }
  const directRate = median(rates.get(direct.name) ?? []);
  const rate = median(rates.get(shardgate.name) ?? []);
  const peaks = Object.fromEntries(watched.map(({ name, pid }) => [name, round(peakRssMiB(pid), 1)]));
  report.table(
    `streaming ${options.rows} rows, ${round(bytes / 2 ** 20, 0)} MiB (median of ${options.rounds} rounds)`,
    ["target", "MiB/s", "of direct", "peak RSS MiB"],
    [
      [direct.name, Math.round(directRate), "1.00", ""],
      [
        shardgate.name,
        Math.round(rate),
        (rate / directRate).toFixed(2),
        Object.entries(peaks)
          .map(([name, mib]) => `${name} ${Math.round(mib)}`)
          .join(", "),
      ],
    ],
  );
  report.record("streaming", {
    ...options,
    bytes,
    directMiBPerS: directRate,
    shardgateMiBPerS: rate,
    peakRssMiB: peaks,
  });
  report.budget({ what: "streaming, of direct", measured: rate / directRate, unit: "", limit: 0.4, kind: "at least" });
  for (const { name, pid } of watched) {
    const measured = round(peakRssMiB(pid), 1);
    report.budget({ what: `streaming, resident ${name}`, measured, unit: " MiB", limit: 150, kind: "at most" });
  }
}
