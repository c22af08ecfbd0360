// Merges that go wrong or are broken off: an error instead of a short answer, shards that are stopped, clients that do not
// read, connections that take one statement at a time, and nothing left on disk.

import { readdirSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MysqlError, ShardgateError } from "../../../src/base/errors.ts";
import { LIMITS } from "../../../src/base/limits.ts";
import { ShardCallError } from "../../../src/engine/collect.ts";
import { type MergeContext, MergeRun } from "../../../src/engine/merge.ts";
import { MergeOutput } from "../../../src/engine/merge-output.ts";
import { temporaryDir } from "../../fixture/cluster.ts";
import { until } from "../../fixture/until.ts";
import {
  aggregate,
  type Bed,
  body,
  contextOf,
  key,
  must,
  plan,
  rowsIn,
  rowsOf,
  startBed,
  step,
  TestOutput,
} from "./merge-bed.ts";

let bed: Bed;
const ROWS_PER_SHARD = 12_000;
const SHARD_BYTES = ROWS_PER_SHARD * 500;

beforeAll(async () => {
  bed = await startBed(3);
  await bed.everywhere("CREATE TABLE t (id INT PRIMARY KEY, k INT, pad VARCHAR(500))");
  for (let shard = 0; shard < 3; shard++) {
    const rows = `SELECT seq * 3 + ${shard}, (seq * 7919) % 10007, REPEAT('x', 490) FROM seq_1_to_${ROWS_PER_SHARD}`;
    await must(bed.whole, `INSERT INTO s${shard}.t ${rows}`);
    await must(bed.whole, `INSERT INTO whole.t ${rows}`);
  }
});
afterAll(() => bed.stop());

const SCAN = "SELECT id, k, pad FROM t ORDER BY id";
const ORDERED = body({ statement: SCAN, width: 3, merge: { order: [key(0)], sorted: true } });

const scans = () => bed.port.sent.filter(({ sql }) => /\b(from|join) `?t\b/.test(sql) && !sql.endsWith("limit 0"));

describe("errors", () => {
  test.each(["in order", "in any order"])("a shard that dies %s is an error, not a short answer", async (how) => {
    const wanted = how === "in order" ? ORDERED : body({ statement: SCAN, width: 3 });
    const run = new MergeRun(plan(wanted), contextOf(bed));
    let rows = 0;
    const read = async (): Promise<void> => {
      for await (const batch of run.rows()) {
        rows += batch.ends.length;
        if (rows > 2_000) bed.port.breakConnection("s1");
      }
    };
    await expect(read()).rejects.toThrow(ShardCallError);
    await run.close();
    expect(rows).toBeGreaterThan(0);
    expect(rows).toBeLessThan(3 * ROWS_PER_SHARD);
  });

  test("a mysqld's error stops the other shards and arrives unchanged", async () => {
    await must(bed.whole, "ALTER TABLE s2.t RENAME s2.gone");
    bed.port.sent.length = 0;
    const failure: unknown = await rowsOf(bed, plan(ORDERED)).catch((error: unknown) => error);
    await must(bed.whole, "ALTER TABLE s2.gone RENAME s2.t");
    expect(failure).toBeInstanceOf(MysqlError);
    expect(failure).toMatchObject({ errno: 1146, sqlState: "42S02" });
    await until(() => scans().every(({ shard, isCancelled }) => shard === "s2" || isCancelled));
  });

  test("what a mysqld says of the statement as it was written goes first", async () => {
    const wanted = body({ statement: SCAN, typing: "SELECT nothing FROM t", width: 3 });
    await expect(rowsOf(bed, plan(wanted))).rejects.toMatchObject({ errno: 1054 });
  });

  test("an aborted client stops the shards", async () => {
    const abort = new AbortController();
    bed.port.sent.length = 0;
    const run = new MergeRun(plan(ORDERED), contextOf(bed, { context: { signal: abort.signal } }));
    const read = async (): Promise<void> => {
      for await (const _ of run.rows()) abort.abort(new ShardgateError("CANCELLED", "the client has disconnected"));
    };
    await expect(read()).rejects.toMatchObject({ id: "CANCELLED" });
    await run.close();
    await until(() => scans().length === 3 && scans().every(({ isCancelled }) => isCancelled));
  });
});

test("nothing is begun once it is closed", async () => {
  const joined = body({ statement: "SELECT r.k, t.id FROM r JOIN t ON t.id = r.k", uses: ["r"], width: 2 });
  const shipped = step("r", ["k"], body({ statement: "SELECT k FROM t", width: 1 }), { batched: true });
  bed.port.sent.length = 0;
  const run = new MergeRun(plan(joined, shipped), contextOf(bed));
  const first = run.rows().next();
  await run.close();
  await expect(first).rejects.toMatchObject({ id: "CANCELLED" });
  expect(scans()).toEqual([]);
});

test("a client that does not read stops the shards", async () => {
  bed.port.sent.length = 0;
  const client = new TestOutput();
  client.holds = true;
  const run = new MergeRun(plan(ORDERED), contextOf(bed));
  const output = new MergeOutput(client, 1, 3);
  const write = async (): Promise<void> => {
    await output.head(await run.definitions(), 2);
    for await (const batch of run.rows()) await output.rows(batch, 3);
    output.finish({ warnings: 0, statusFlags: 2 });
  };
  const written = write();
  await until(() => client.bytes > 0);
  // Whatever is on its way arrives: what a shard has sent then stays below its credit and a chunk.
  let before = -1;
  let quietLooks = 0;
  await until(() => {
    const sum = scans().reduce((bytes, sent) => bytes + sent.bytes, 0);
    quietLooks = sum === before && scans().length === 3 ? quietLooks + 1 : 0;
    before = sum;
    return quietLooks === 20;
  });
  expect(scans().length).toBe(3);
  for (const sent of scans()) expect(sent.bytes).toBeLessThan(LIMITS.callCreditBytes + 256 * 1024);
  expect(client.bytes).toBeLessThan(2 * LIMITS.mergeOutputBytes);
  client.release();
  await written;
  await run.close();
  expect(output.rowCount).toBe(3 * ROWS_PER_SHARD);
  expect(client.bytes).toBeGreaterThan(3 * SHARD_BYTES * 0.9);
});

describe("disk", () => {
  const unsorted = body({ statement: "SELECT id, k, pad FROM t", width: 3, merge: { order: [key(1), key(0)] } });

  async function inPrivateDir(work: (entries: () => readonly string[]) => Promise<void>): Promise<void> {
    const dir = temporaryDir("spill");
    const before = process.env.TMPDIR;
    process.env.TMPDIR = dir.path;
    try {
      await work(() => readdirSync(dir.path));
      expect(readdirSync(dir.path)).toEqual([]);
    } finally {
      if (before === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = before;
      dir.remove();
    }
  }

  test("a sort larger than its memory, with nothing left behind", async () => {
    await inPrivateDir(async (entries) => {
      const run = new MergeRun(plan(unsorted), contextOf(bed, { limits: { memoryBytesMax: 1_000_000 } }));
      const ids: string[] = [];
      for await (const batch of run.rows()) {
        for (const row of rowsIn(batch)) ids.push(row.toString("latin1", 1, 1 + (row[0] ?? 0)));
        expect(entries()).toEqual([]);
      }
      await run.close();
      expect(ids).toEqual(await bed.whole.rows("SELECT id FROM t ORDER BY k, id"));
    });
  });

  test("a bound, told by name", async () => {
    await inPrivateDir(async () => {
      const limits = { memoryBytesMax: 500_000, spillBytesMax: 2_000_000 };
      await expect(rowsOf(bed, plan(unsorted), { limits })).rejects.toMatchObject({ id: "LIMIT_REACHED" });
    });
  });

  test("groups and different values by the thousand", async () => {
    await inPrivateDir(async () => {
      const merge = aggregate([], [{ kind: "count-distinct", keys: [key(0)] }]);
      const typing = "SELECT COUNT(DISTINCT k) FROM t";
      const counted = body({ statement: "SELECT k FROM t GROUP BY 1", typing, width: 1, merge });
      const limits = { memoryBytesMax: 100_000 };
      expect(await rowsOf(bed, plan(counted), { limits })).toEqual(await bed.whole.rows(typing));
      const distinct = body({ statement: "SELECT DISTINCT k FROM t", width: 1, merge: { distinct: [key(0)] } });
      const rows = await rowsOf(bed, plan(distinct), { limits });
      expect([...rows].sort()).toEqual([...(await bed.whole.rows("SELECT DISTINCT k FROM t"))].sort());
    });
  });
});

describe("connections held for the session", () => {
  /** Each shard's statements run on the connection that its first one left held. */
  function held(): Pick<MergeContext, "isSequential" | "requestFor" | "ended"> {
    const holds = new Map<string, number>();
    return {
      isSequential: true,
      requestFor(target, sql) {
        const holdId = holds.get(target.shard) ?? 0;
        const plain = contextOf(bed).requestFor(target, sql);
        return { ...plain, hold: holdId === 0, holdId, begin: holdId === 0 ? "BEGIN" : "" };
      },
      ended({ target, info }) {
        if (info !== undefined && info.holdId !== 0) holds.set(target.shard, info.holdId);
      },
    };
  }

  test("a join takes its left side whole before it asks for the right one", async () => {
    const sql = "SELECT COUNT(*) FROM t a JOIN t b ON b.id = a.k WHERE a.id < 3000";
    const left = body({ statement: "SELECT k AS c0 FROM t WHERE id < 3000", width: 1 });
    const rows = step("shardgate_rows_1", ["c0"], left, { batched: true });
    const statement = "SELECT COUNT(*) FROM shardgate_rows_1 r JOIN t b ON b.id = r.c0";
    const merge = aggregate([], [{ kind: "count", column: 0 }]);
    const wanted = plan(body({ statement, typing: sql, width: 1, merge, uses: ["shardgate_rows_1"] }), rows);
    bed.port.sent.length = 0;
    const limits = { shippedBatchRowsMin: 100, shippedBatchRowsMax: 300, memoryBytesMax: 20_000 };
    expect(await rowsOf(bed, wanted, { context: held(), limits })).toEqual(await bed.whole.rows(sql));
    const kinds = scans().map(({ sql: sent }) => (sent.startsWith("with ") ? "right" : "left"));
    expect(kinds.indexOf("right")).toBeGreaterThan(kinds.lastIndexOf("left"));
    expect(scans().filter(({ holdId }) => holdId === 0).length).toBe(3);
  });

  test("a left join, whose shards are asked twice", async () => {
    const sql = "SELECT a.id, b.id FROM t a LEFT JOIN t b ON b.k = a.id AND b.id < 900 WHERE a.id < 900";
    const left = body({ statement: "SELECT id AS c0 FROM t WHERE id < 900", width: 1 });
    const join = "FROM shardgate_rows_1 r JOIN t b ON b.k = r.c0 AND b.id < 900";
    const wanted = body({
      statement: `SELECT r.c0, b.id ${join}`,
      typing: sql,
      width: 2,
      uses: ["shardgate_rows_1"],
      outer: {
        matched: `SELECT DISTINCT r.shardgate_n ${join}`,
        unmatched: "SELECT r.c0, b.id FROM shardgate_rows_1 r LEFT JOIN t b ON FALSE",
      },
    });
    const rows = step("shardgate_rows_1", ["c0"], left, { batched: true, numbered: true });
    const actual = await rowsOf(bed, plan(wanted, rows), { context: held(), limits: { shippedBatchRowsMin: 50 } });
    expect([...actual].sort()).toEqual([...(await bed.whole.rows(sql))].sort());
  });

  test("a LIMIT leaves no statement running on them", async () => {
    const context = held();
    const run = new MergeRun(plan(ORDERED), contextOf(bed, { context: { ...context, locks: true } }));
    for await (const _ of run.rows()) break;
    await run.close();
    // The next statement would be refused while the one before has not ended.
    const counted = body({
      statement: "SELECT id FROM t WHERE id < 12",
      width: 1,
      merge: { order: [key(0)], sorted: true },
    });
    expect(await rowsOf(bed, plan(counted), { context })).toEqual(
      await bed.whole.rows("SELECT id FROM t WHERE id < 12 ORDER BY id"),
    );
  });
});
