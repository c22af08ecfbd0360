// XA transactions of clients: what each statement is answered in each phase, over one shard and over two, beside one MariaDB;
// and what becomes of a transaction whose session or gateway is gone.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { delay } from "../../src/local/process.ts";
import { firstAnswer } from "../fixture/until.ts";
import { must, Pair, startTwins, TwinClient, type Twins } from "./twin.ts";

/** A loaded machine is no failure. */
const SLOW = { timeout: 480_000 };

let twins: Twins;
let pair: Pair;
/** Of one test each. */
let others: { close(): void }[] = [];

beforeAll(async () => {
  twins = await startTwins();
});
afterAll(async () => {
  await twins.stop();
});
/** Ends what a session has left prepared that is gone; its server may still be about it. */
async function endPrepared(client: TwinClient): Promise<void> {
  for (const row of await client.rows("XA RECOVER")) {
    const [format, first, second, name = ""] = row.split("|");
    const bytes = Buffer.from(name, "latin1");
    const parts = [bytes.subarray(0, Number(first)), bytes.subarray(Number(first), Number(first) + Number(second))];
    const xid = [...parts.map((part) => `X'${part.toString("hex")}'`), format].join(", ");
    await firstAnswer(() => must(client, `XA ROLLBACK ${xid}`));
  }
}

beforeEach(async () => {
  pair = await Pair.open(twins, "s");
  for (const client of [pair.gateway, pair.direct]) await endPrepared(client);
  await pair.allSame([
    "DELETE FROM c WHERE id IN (1, 2, 4, 5, 50, 53)",
    "DELETE FROM u.p",
    "INSERT INTO c (id, name, n) VALUES (1, 'a', 0), (2, 'b', 0), (4, 'd', 0), (5, 'e', 0)",
    "INSERT INTO u.p (id, name) VALUES (1, 'p')",
  ]);
});
afterEach(() => {
  for (const client of others) client.close();
  others = [];
  pair.close();
});

function own<T extends { close(): void }>(client: T): T {
  others.push(client);
  return client;
}

const ALL = "SELECT id, name, n FROM c WHERE id < 100 ORDER BY id";

/** Rows on both shards. */
const BOTH = "UPDATE c SET n = n + 1 WHERE id IN (1, 4)";
const PHASES: Readonly<Record<string, readonly string[]>> = {
  none: [],
  "autocommit off": ["SET autocommit = 0"],
  active: ["XA START 'x'", BOTH],
  idle: ["XA START 'x'", BOTH, "XA END 'x'"],
  "idle, nothing done": ["XA START 'x'", "XA END 'x'"],
  prepared: ["XA START 'x'", BOTH, "XA END 'x'", "XA PREPARE 'x'"],
  "prepared, one shard": ["XA START 'x'", "UPDATE c SET n = 7 WHERE id = 1", "XA END 'x'", "XA PREPARE 'x'"],
  "prepared, nothing done": ["XA START 'x'", "XA END 'x'", "XA PREPARE 'x'"],
};
const STATEMENTS: readonly string[] = [
  "SELECT 1",
  "SELECT n FROM c WHERE id = 1",
  ALL,
  "SELECT COUNT(*) FROM c WHERE id < 100",
  "INSERT INTO c (id, name) VALUES (50, 'x'), (53, 'y')",
  "UPDATE u.p SET name = 'q'",
  "DELETE FROM c WHERE id = 2",
  "BEGIN",
  "COMMIT",
  "ROLLBACK",
  "SAVEPOINT s",
  "ROLLBACK TO s",
  "RELEASE SAVEPOINT s",
  "SET @a = 1",
  "SET TRANSACTION READ ONLY",
  "CREATE TABLE u.zz (a INT)",
  "TRUNCATE TABLE u.p",
  "UNLOCK TABLES",
  "SELECT @@in_transaction",
  "COMMIT AND CHAIN",
  "XA START 'x'",
  "XA START 'y'",
  "XA START 'x' JOIN",
  "XA START 'x' RESUME",
  "XA START 'y' RESUME",
  "XA END 'x'",
  "XA END 'y'",
  "XA END 'x' SUSPEND",
  "XA END 'x' SUSPEND FOR MIGRATE",
  "XA PREPARE 'x'",
  "XA PREPARE 'y'",
  "XA COMMIT 'x'",
  "XA COMMIT 'y'",
  "XA COMMIT 'x' ONE PHASE",
  "XA COMMIT 'y' ONE PHASE",
  "XA ROLLBACK 'x'",
  "XA ROLLBACK 'y'",
  "XA RECOVER",
  "XA RECOVER FORMAT = 'SQL'",
];
/** Whatever phase it is in; all but the last ones may be refused, on both sides. */
const BACK = ["XA END 'x'", "XA ROLLBACK 'x'", "XA END 'y'", "XA ROLLBACK 'y'", "ROLLBACK", "SET autocommit = 1"];

describe("each statement in each phase", () => {
  for (const [phase, statements] of Object.entries(PHASES)) {
    test(phase, SLOW, async () => {
      const wrong: string[] = [];
      const same = async (sql: string, after: string): Promise<boolean> => {
        try {
          const { kind } = await pair.same(sql);
          return kind !== "ok";
        } catch (error) {
          wrong.push(`${after}, ${sql}: ${String(error)}`);
          return false;
        }
      };
      let isThere = false;
      for (const statement of STATEMENTS) {
        if (!isThere) for (const sql of statements) await same(sql, phase);
        isThere = await same(statement, phase);
        if (isThere) continue;
        for (const sql of [...BACK, ALL]) await same(sql, statement);
        await pair.allSame(["DELETE FROM c WHERE id IN (50, 53)", "DROP TABLE IF EXISTS u.zz"]);
      }
      for (const sql of [...BACK, ALL]) await same(sql, "all");
      expect(wrong).toEqual([]);
    });
  }
});

describe("over two shards", SLOW, () => {
  test("commits, one phase or two, and rolls back", async () => {
    for (const end of [
      ["XA PREPARE 'one'", "XA RECOVER", "XA COMMIT 'one'", "XA RECOVER"],
      ["XA COMMIT 'one' ONE PHASE", "XA RECOVER"],
      ["XA PREPARE 'one'", "XA ROLLBACK 'one'", "XA RECOVER"],
      ["XA ROLLBACK 'one'"],
    ]) {
      await pair.allSame([
        "XA START 'one'",
        BOTH,
        "UPDATE u.p SET name = CONCAT(name, '+')",
        "SAVEPOINT a",
        "UPDATE c SET n = 100 WHERE id IN (2, 5)",
        "ROLLBACK TO a",
        ALL,
        "XA END 'one'",
        ...end,
        ALL,
        "SELECT name FROM u.p",
      ]);
    }
  });

  test("xids of every kind are told as they were given", async () => {
    for (const xid of ["'a''b','é',5", "X'6127625C'", "0x41, 0x42, 3", "b'01000001', '', 7", "'q\\\\', 'r'"]) {
      await pair.allSame([
        `XA START ${xid}`,
        BOTH,
        `XA END ${xid}`,
        `XA PREPARE ${xid}`,
        "XA RECOVER",
        "XA RECOVER FORMAT = 'SQL'",
        "XA RECOVER FORMAT = 'nonesuch'",
        `XA COMMIT ${xid}`,
      ]);
    }
    for (const xid of ["''", `'${"x".repeat(65)}'`]) {
      const [got, wanted] = await pair.both(`XA START ${xid}`);
      expect(got).toMatchObject({ kind: "error", errno: wanted.kind === "error" ? wanted.errno : 0 });
    }
  });

  test("what is prepared outlives its session, and any other ends it", async () => {
    for (const [verb, n] of [
      ["COMMIT", "1"],
      ["ROLLBACK", "1"],
    ] as const) {
      const leaving = own(await Pair.open(twins, "s"));
      await leaving.allSame(["XA START 'left'", BOTH, "INSERT INTO u.p (id, name) VALUES (2, 'r')"]);
      await leaving.allSame(["XA END 'left'", "XA PREPARE 'left'"]);
      // Its session has it.
      await pair.allSame([`XA ${verb} 'left'`, "XA START 'left'", "XA RECOVER"]);
      leaving.close();
      await pair.same("XA RECOVER");
      // A server finds out a moment later that its client is gone.
      for (const client of [pair.gateway, pair.direct]) {
        await expect
          .poll(async () => (await client.query(`XA ${verb} 'left'`)).kind, { timeout: 60_000, interval: 50 })
          .toBe("ok");
      }
      await pair.allSame(["XA RECOVER", `XA ${verb} 'left'`, ALL, "SELECT COUNT(*) FROM u.p"]);
      expect(await pair.gateway.rows("SELECT n FROM c WHERE id = 4")).toEqual([n]);
    }
  });

  test("what only one has decided ends on all shards, though nobody asks again", async () => {
    const leaving = own(await TwinClient.connect(twins.cluster.port));
    for (const sql of ["USE s", "XA START 'left'", BOTH, "XA END 'left'", "XA PREPARE 'left'"])
      await must(leaving, sql);
    leaving.close();
    // As the gateway leaves it that dies when it has decided.
    for (const port of twins.shardPorts()) {
      const shard = await TwinClient.connect(port);
      await must(shard, "UPDATE _shardgate.decisions SET decision = 'commit' WHERE decision = 'prepared'");
      shard.close();
    }
    expect(await pair.gateway.rows("XA RECOVER")).toEqual([]);
    await expect
      .poll(() => pair.gateway.rows("SELECT n FROM c WHERE id IN (1, 4)"), { timeout: 60_000 })
      .toEqual(["1", "1"]);
    expect(await pair.gateway.query("XA COMMIT 'left'")).toMatchObject({ kind: "error", errno: 1397 });
  });

  test("what is prepared is left alone by those who look for what gateways have left", async () => {
    const leaving = own(await TwinClient.connect(twins.cluster.port));
    for (const sql of ["USE s", "XA START 'kept'", BOTH, "XA END 'kept'", "XA PREPARE 'kept'"])
      await must(leaving, sql);
    leaving.close();
    await delay(6_000);
    expect(await pair.gateway.rows("XA RECOVER")).toEqual(["1|4|0|kept"]);
    await must(pair.gateway, "XA COMMIT 'kept'");
    expect(await pair.gateway.rows("SELECT n FROM c WHERE id IN (1, 4)")).toEqual(["1", "1"]);
  });

  test("a session that leaves without PREPARE undoes it", async () => {
    const leaving = own(await TwinClient.connect(twins.cluster.port));
    for (const sql of ["USE s", "XA START 'gone'", BOTH, "XA END 'gone'"]) await must(leaving, sql);
    leaving.close();
    await must(pair.gateway, "UPDATE c SET n = 9 WHERE id IN (1, 4)");
    expect(await pair.gateway.rows("SELECT n FROM c WHERE id IN (1, 4)")).toEqual(["9", "9"]);
    await must(pair.gateway, "XA START 'gone'");
  });

  test("after a deadlock it can only be rolled back", async () => {
    for (const end of ["XA END 'd'", "XA COMMIT 'd'", "XA ROLLBACK 'd'"]) {
      const other = await Pair.open(twins, "s");
      await pair.allSame(["XA START 'd'", "UPDATE c SET n = 1 WHERE id = 1"]);
      await other.allSame(["BEGIN", "INSERT INTO c (id) VALUES (10), (53), (50)", "UPDATE c SET n = 2 WHERE id = 4"]);
      const waiting = other.same("UPDATE c SET n = 3 WHERE id = 1");
      await delay(300);
      await pair.same("UPDATE c SET n = 4 WHERE id = 4");
      await waiting;
      await other.same("ROLLBACK");
      other.close();
      await pair.allSame(["SELECT @@in_transaction", end, "XA END 'd'", "XA ROLLBACK 'd'", ALL]);
    }
  });
});

test("names that gateways use are not given; what was prepared past Shardgate is seen and ended", async () => {
  expect(await pair.gateway.query("XA START 'a', 'b', 21319")).toMatchObject({ errno: 1235 });
  const [port = 0] = twins.shardPorts();
  const shard = await TwinClient.connect(port);
  for (const sql of ["XA START 'past'", "INSERT INTO s.r VALUES (9, 'nine')", "XA END 'past'", "XA PREPARE 'past'"]) {
    await must(shard, sql);
  }
  shard.close();
  expect(await pair.gateway.rows("XA RECOVER")).toEqual(["1|4|0|past"]);
  await expect.poll(async () => (await pair.gateway.query("XA ROLLBACK 'past'")).kind, { timeout: 60_000 }).toBe("ok");
  expect(await pair.gateway.rows("XA RECOVER")).toEqual([]);
});
