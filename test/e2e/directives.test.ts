// What a statement may do, by directives in a comment and by the gateway's flags: time, scatter, gather, rows, partial
// answers. Each refusal leaves the session as it was.

import { type Connection, createConnection, type RowDataPacket } from "mysql2/promise";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Cluster } from "../../src/local/cluster.ts";
import { startCluster } from "../fixture/cluster.ts";
import { hashedBy } from "../fixture/hashed.ts";
import { failureOf } from "./load.ts";

const KEYSPACES = {
  split: {
    shards: 2,
    vschema: hashedBy({ t: "id" }),
    // hash(1) and hash(2) lie on -80, hash(4) on 80-.
    sql: `CREATE TABLE t (id BIGINT PRIMARY KEY, v BIGINT NOT NULL);
      INSERT INTO t (id, v) VALUES (1, 10), (2, 20), (4, 40);`,
  },
  plain: {
    sql: `CREATE TABLE p (id BIGINT PRIMARY KEY, v TEXT NOT NULL);
      INSERT INTO p SELECT seq, REPEAT('x', 10000) FROM seq_1_to_2000;`,
  },
};
/** Needs rows of both shards on one server. */
const GATHERED = "SELECT id, ROW_NUMBER() OVER (ORDER BY v) AS n FROM split.t ORDER BY n";

let open: Cluster;
let strict: Cluster;
let clients: Connection[] = [];

beforeAll(async () => {
  [open, strict] = await Promise.all([
    startCluster({ keyspaces: KEYSPACES }),
    startCluster({
      topo: "etcd",
      keyspaces: KEYSPACES,
      gatewayArgs: ["--no-scatter", "--no-gather", "--max-rows", "2"],
    }),
  ]);
}, 480_000);

afterEach(() => {
  for (const each of clients) each.destroy();
  clients = [];
});

afterAll(() => Promise.all([open?.stop(), strict?.stop()]));

async function client(cluster: Cluster): Promise<Connection> {
  const made = await createConnection({ host: "127.0.0.1", port: cluster.port, user: "root" });
  clients.push(made);
  return made;
}

async function rows(on: Connection, sql: string): Promise<RowDataPacket[]> {
  const [found] = await on.query<RowDataPacket[]>(sql);
  return found;
}

describe("scatter and gather", () => {
  test.each(["/*sg+ NO_SCATTER */", "/*vt+ NO_SCATTER=1 */"])(
    "%s refuses what goes to all shards",
    async (directive) => {
      const one = await client(open);
      expect(await failureOf(one.query(`SELECT ${directive} id FROM split.t`))).toMatchObject({
        errno: 1235,
        sqlState: "42000",
        message: expect.stringContaining("plan includes scatter, which is disallowed using the directive"),
      });
      expect(await rows(one, `SELECT ${directive} id FROM split.t WHERE id = 4`)).toEqual([{ id: 4 }]);
      expect(await rows(one, `SELECT ${directive} id FROM split.t WHERE id IN (1, 4) ORDER BY id`)).toHaveLength(2);
      expect(await rows(one, `SELECT ${directive} COUNT(*) AS n FROM plain.p`)).toEqual([{ n: 2000 }]);
      expect(await rows(one, "SELECT id FROM split.t")).toHaveLength(3);
    },
  );

  test("NO_GATHER refuses what needs temporary tables, and says why it would", async () => {
    const one = await client(open);
    expect(await rows(one, GATHERED)).toEqual([
      { id: 1, n: 1 },
      { id: 2, n: 2 },
      { id: 4, n: 3 },
    ]);
    const failure = await failureOf(one.query(GATHERED.replace("SELECT", "SELECT /*sg+ NO_GATHER */")));
    expect(failure).toMatchObject({ errno: 1235, sqlState: "42000" });
    expect(failure.message).toMatch(/plan includes gather, which is disallowed using the directive \(.+\)/);
    expect(await rows(one, "SELECT /*sg+ NO_GATHER */ id FROM split.t")).toHaveLength(3);
  });

  test("--no-scatter and --no-gather hold unless the statement allows it", async () => {
    const one = await client(strict);
    const scatter = await failureOf(one.query("SELECT id FROM split.t WHERE v = 10"));
    expect(scatter.message).toContain(
      "plan includes scatter, which is disallowed using the `no_scatter` command line argument",
    );
    expect(await rows(one, "SELECT /*vt+ ALLOW_SCATTER */ id FROM split.t WHERE v = 10")).toEqual([{ id: 1 }]);
    const gather = await failureOf(one.query(GATHERED.replace("SELECT", "SELECT /*vt+ ALLOW_SCATTER */")));
    expect(gather.message).toContain("plan includes gather, which is disallowed using the `no_gather` command line");
    const allowed = "SELECT /*vt+ ALLOW_SCATTER */ /*sg+ ALLOW_GATHER MAX_ROWS=0 */";
    expect(await rows(one, GATHERED.replace("SELECT", allowed))).toHaveLength(3);
    // One shard by name, and what is the same on every shard, is no scatter.
    expect(await rows(one, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
    await one.query("USE `split:-80`");
    expect(await rows(one, "SELECT id FROM t")).toHaveLength(2);
  });
});

describe("MAX_ROWS", () => {
  for (const [what, from] of [
    ["of one shard", "split.t WHERE id IN (1, 2)"],
    ["of an unsharded keyspace, in many chunks", "plain.p WHERE id <= 1500"],
    ["of several shards", "split.t"],
    ["merged in order", "split.t ORDER BY v DESC"],
    ["gathered", "(SELECT id, ROW_NUMBER() OVER (ORDER BY v) AS n FROM split.t) AS t"],
  ] as const) {
    test(`${what}: as many pass, one more is an error`, async () => {
      const one = await client(open);
      const all = await rows(one, `SELECT * FROM ${from}`);
      expect(await rows(one, `SELECT /*sg+ MAX_ROWS=${all.length} */ * FROM ${from}`)).toHaveLength(all.length);
      for (const less of [all.length - 1, 1]) {
        expect(await failureOf(one.query(`SELECT /*sg+ MAX_ROWS=${less} */ * FROM ${from}`))).toMatchObject({
          errno: 1041,
          message: expect.stringContaining(`more rows than the ${less} that MAX_ROWS allows`),
        });
        expect(await rows(one, "SHOW WARNINGS")).toMatchObject([{ Level: "Error", Code: 1041 }]);
        expect(await rows(one, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
      }
      expect(await rows(one, `SELECT * FROM ${from}`)).toHaveLength(all.length);
    });
  }

  test("leaves a transaction as it is, and writes alone", async () => {
    const one = await client(open);
    await one.query("BEGIN");
    await one.query("UPDATE /*sg+ MAX_ROWS=1 */ split.t SET v = v + 1 WHERE id IN (1, 2, 4)");
    expect((await failureOf(one.query("SELECT /*sg+ MAX_ROWS=1 */ * FROM split.t"))).errno).toBe(1041);
    expect(await rows(one, "SELECT v FROM split.t WHERE id = 1")).toEqual([{ v: 11 }]);
    await one.query("ROLLBACK");
    expect(await rows(one, "SELECT v FROM split.t WHERE id = 1")).toEqual([{ v: 10 }]);
  });

  test("--max-rows holds unless the statement has its own", async () => {
    const one = await client(strict);
    expect((await failureOf(one.query("SELECT id FROM plain.p WHERE id <= 3"))).errno).toBe(1041);
    expect(await rows(one, "SELECT id FROM plain.p WHERE id <= 2")).toHaveLength(2);
    expect(await rows(one, "SELECT /*sg+ MAX_ROWS=3 */ id FROM plain.p WHERE id <= 3")).toHaveLength(3);
    expect(await rows(one, "SELECT /*sg+ MAX_ROWS=0 */ id FROM plain.p")).toHaveLength(2000);
    expect((await rows(one, "SHOW VARIABLES LIKE 'a%'")).length).toBeGreaterThan(2);
  });

  test("is refused when it is no number", async () => {
    const failure = await failureOf((await client(open)).query("SELECT /*sg+ MAX_ROWS=many */ 1"));
    expect(failure).toMatchObject({ errno: 1231, message: expect.stringContaining("'many'") });
  });
});

describe("QUERY_TIMEOUT_MS", () => {
  for (const [what, from] of [
    ["on one shard", "split.t WHERE id = 1"],
    ["on all shards", "split.t"],
  ] as const) {
    test(`stops a statement ${what}, and not the session`, async () => {
      const one = await client(open);
      const failure = await failureOf(one.query(`SELECT /*vt+ QUERY_TIMEOUT_MS=100 */ SLEEP(600) FROM ${from}`));
      expect(failure).toMatchObject({ errno: 3024, message: expect.stringContaining("maximum statement execution") });
      expect(await rows(one, `SELECT SLEEP(0.3) AS s FROM ${from} LIMIT 1`)).toEqual([{ s: 0 }]);
    });
  }

  test("a write that is stopped changes nothing on any shard", async () => {
    const [one, holder] = [await client(open), await client(open)];
    await holder.query("BEGIN");
    await holder.query("UPDATE split.t SET v = v WHERE id = 4");
    const update = "UPDATE /*sg+ QUERY_TIMEOUT_MS=300 */ split.t SET v = 0 WHERE id IN (1, 4)";
    expect((await failureOf(one.query(update))).errno).toBe(3024);
    await holder.query("ROLLBACK");
    expect(await rows(one, "SELECT v FROM split.t WHERE id IN (1, 4) ORDER BY id")).toEqual([{ v: 10 }, { v: 40 }]);
  });
});

describe("SCATTER_ERRORS_AS_WARNINGS", () => {
  // Only the row of one shard makes the expression fail.
  const failing = (directive: string): string =>
    `SELECT ${directive} id, (SELECT v FROM (SELECT 1 AS v UNION ALL SELECT 2) AS two WHERE t.id = 4 OR v = 1) AS x FROM split.t`;

  test("rows of the shards that answer, a warning for the one that does not", async () => {
    const one = await client(open);
    expect((await failureOf(one.query(failing("")))).errno).toBe(1242);
    const found = await rows(one, failing("/*vt+ SCATTER_ERRORS_AS_WARNINGS=1 */"));
    expect(found.map(({ id }) => id)).toEqual([1, 2]);
    expect(await rows(one, "SHOW WARNINGS")).toMatchObject([{ Level: "Warning", Code: 1242 }]);
  });

  test("when no shard answers, it is an error", async () => {
    const one = await client(open);
    const sql =
      "SELECT /*vt+ SCATTER_ERRORS_AS_WARNINGS */ (SELECT v FROM (SELECT 1 AS v UNION ALL SELECT 2) AS two) AS x, id FROM split.t";
    expect((await failureOf(one.query(sql))).errno).toBe(1242);
  });
});

test("directives that mean nothing here are taken without a word", async () => {
  const one = await client(open);
  const directives =
    "PRIORITY=7 WORKLOAD_NAME='a b' MULTI_SHARD_AUTOCOMMIT=1 PLANNER=gen4 NOSUCH QUERY_TIMEOUT_MS=soon";
  expect(await rows(one, `SELECT /*vt+ ${directives} */ id FROM split.t WHERE id = 1`)).toEqual([{ id: 1 }]);
});
