// Atomic commit over shards (transaction mode `twopc`): what participants are told, in how many round trips, and what
// becomes of transactions whose gateway, tablet or mysqld is gone at a point of the commit.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { branchName, recordCommit, xidOf } from "../../src/base/distributed-transaction.ts";
import { delay } from "../../src/local/process.ts";
import { CallService } from "../../src/tablet/call-service.ts";
import { firstAnswer } from "../fixture/until.ts";
import { emptied, must, Pair, startTwins, TwinClient, type Twins } from "./twin.ts";

let twins: Twins;
let pair: Pair;
let others: TwinClient[] = [];

beforeAll(async () => {
  twins = await startTwins();
});
afterAll(async () => {
  await twins.stop();
});
beforeEach(async () => {
  pair = await Pair.open(twins, "s");
  for (const client of [pair.gateway, pair.direct]) {
    await emptied(client, "c", "id");
    await must(client, "INSERT INTO c (id, name, email) VALUES (1,'a','e1'),(2,'b','e2'),(4,'d','e4'),(5,'e','e5')");
    await must(client, "DELETE FROM u.p");
  }
  await must(pair.gateway, "SET transaction_mode = 'twopc'");
});
afterEach(async () => {
  pair.close();
  closeOthers();
  // What a test has left that did not come to its end; its connections may end a little later.
  const [low, high] = [await shard("-80"), await shard("80-")];
  await high.query("XA ROLLBACK 'other'");
  const left = "DELETE FROM _shardgate.decisions WHERE transaction RLIKE '^(.)\\\\1{15}[.]'";
  await firstAnswer(() => must(low, left), left);
  closeOthers();
});

function closeOthers(): void {
  for (const client of others) client.close();
  others = [];
}

const ALL = "SELECT id, name FROM c ORDER BY id";
const write = (id: number, name: string): string => `UPDATE c SET name = '${name}' WHERE id = ${id}`;

/** A connection to the mysqld of one shard of keyspace `s`. */
async function shard(name: "-80" | "80-"): Promise<TwinClient> {
  const process = twins.cluster.processes().find((each) => each.kind === "mysqld" && each.shard === name);
  if (process === undefined) throw new Error(`no mysqld of s/${name}`);
  const client = await TwinClient.connect(process.port);
  others.push(client);
  return client;
}

/** What sessions of the gateway say to each shard while `work` runs: their statements, names and numbers left out. */
async function said(work: () => Promise<void>): Promise<Record<string, readonly string[]>> {
  const logs = { "-80": await shard("-80"), "80-": await shard("80-") };
  for (const log of Object.values(logs)) {
    await must(log, "SET GLOBAL log_output = 'TABLE'");
    await must(log, "TRUNCATE mysql.general_log");
    await must(log, "SET GLOBAL general_log = 1");
  }
  await work();
  const heard: Record<string, readonly string[]> = {};
  for (const [name, log] of Object.entries(logs)) {
    await must(log, "SET GLOBAL general_log = 0");
    const lines = await log.rows(
      "SELECT argument FROM mysql.general_log WHERE command_type = 'Query' ORDER BY event_time",
    );
    heard[name] = lines
      .filter((line) =>
        /^(XA (START|END|PREPARE|COMMIT|ROLLBACK)|START|COMMIT|ROLLBACK|UPDATE c|SELECT id|INSERT INTO `_)/.test(line),
      )
      .map((line) => line.replace(/ X'.*21319/, "").replace(/^(UPDATE|SELECT|INSERT) .*/, "$1"));
  }
  return heard;
}

describe("a session in mode twopc", () => {
  test("sees what one MySQL shows", async () => {
    await pair.allSame([
      "BEGIN",
      write(1, "x"),
      write(4, "y"),
      ALL,
      "SAVEPOINT a",
      write(2, "z"),
      "INSERT INTO u.p (name) VALUES ('p')",
      "ROLLBACK TO a",
      ALL,
      "COMMIT",
      ALL,
      "SELECT name FROM u.p",
      "BEGIN",
      write(4, "undone"),
      write(1, "undone"),
      "INSERT INTO u.p (name) VALUES ('undone')",
      "ROLLBACK",
      ALL,
      "UPDATE c SET n = 7 WHERE id IN (1, 2, 4, 5)",
      "UPDATE c SET email = 'e2', n = 8 WHERE id IN (1, 4)",
      "SELECT id, n, email FROM c ORDER BY id",
      "START TRANSACTION WITH CONSISTENT SNAPSHOT",
      ALL,
      write(4, "s"),
      write(1, "s"),
      "COMMIT AND CHAIN",
      write(5, "t"),
      "SELECT name FROM c WHERE id = 1 FOR UPDATE",
      "COMMIT",
      ALL,
      "START TRANSACTION READ ONLY",
      ALL,
      write(1, "no"),
      "COMMIT",
      "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
      "BEGIN",
      write(1, "u"),
      write(4, "u"),
      "COMMIT",
      "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
      "UPDATE c SET n = 9 WHERE id IN (1, 4)",
      "SET autocommit = 0",
      write(1, "v"),
      write(4, "v"),
      "CREATE TEMPORARY TABLE u.tt (a INT)",
      "COMMIT",
      "SET autocommit = 1",
      ALL,
    ]);
    for (const name of ["-80", "80-"] as const) expect(await (await shard(name)).rows("XA RECOVER")).toEqual([]);
  });
});

describe("what shards are told", () => {
  test("one shard: a plain transaction", async () => {
    const heard = await said(async () => {
      for (const sql of ["BEGIN", write(4, "x"), write(4, "y"), "COMMIT", write(4, "z")]) await must(pair.gateway, sql);
    });
    const end = "COMMIT AND NO CHAIN NO RELEASE";
    expect(heard).toEqual({ "-80": [], "80-": ["START TRANSACTION", "UPDATE", "UPDATE", end, "UPDATE"] });
  });

  test("one shard, though it reads a table that is on all", async () => {
    const read = "SELECT id FROM r WHERE id = 1";
    for (const [id, name] of [
      [4, "80-"],
      [1, "-80"],
    ] as const) {
      const heard = await said(async () => {
        for (const sql of ["BEGIN", write(id, "x"), read, "COMMIT"]) await must(pair.gateway, sql);
      });
      const told = ["START TRANSACTION", "UPDATE", "SELECT", "COMMIT AND NO CHAIN NO RELEASE"];
      expect(heard).toEqual({ "-80": [], "80-": [], [name]: told });
    }
  });

  test("two that wrote: the first decides, in its own transaction", async () => {
    const heard = await said(async () => {
      for (const sql of ["BEGIN", write(4, "x"), write(1, "x"), "COMMIT"]) await must(pair.gateway, sql);
    });
    expect(heard).toEqual({
      "-80": ["XA START", "UPDATE", "XA END", "XA PREPARE", "XA COMMIT"],
      "80-": ["START TRANSACTION", "UPDATE", "INSERT", "COMMIT AND NO CHAIN NO RELEASE"],
    });
  });

  test("one that only read prepares nothing, whichever was first", async () => {
    const read = "SELECT id FROM c WHERE id = 1";
    const first = await said(async () => {
      for (const sql of ["BEGIN", read, write(4, "x"), "COMMIT"]) await must(pair.gateway, sql);
    });
    expect(first).toEqual({
      "-80": ["START TRANSACTION", "SELECT", "COMMIT AND NO CHAIN NO RELEASE"],
      "80-": ["XA START", "UPDATE", "XA END", "XA COMMIT ONE PHASE"],
    });
    const second = await said(async () => {
      for (const sql of ["BEGIN", write(4, "x"), read, "COMMIT"]) await must(pair.gateway, sql);
    });
    expect(second).toEqual({
      "-80": ["XA START", "SELECT", "XA END", "XA COMMIT ONE PHASE"],
      "80-": ["START TRANSACTION", "UPDATE", "COMMIT AND NO CHAIN NO RELEASE"],
    });
  });

  test("ROLLBACK, and a transaction that only reads", async () => {
    const heard = await said(async () => {
      for (const sql of ["BEGIN", write(4, "x"), write(1, "x"), "ROLLBACK"]) await must(pair.gateway, sql);
      for (const sql of ["START TRANSACTION READ ONLY", "SELECT id FROM c WHERE id = 1", "COMMIT"]) {
        await must(pair.gateway, sql);
      }
    });
    expect(heard).toEqual({
      "-80": [
        "XA START",
        "UPDATE",
        "XA END",
        "XA ROLLBACK",
        "START TRANSACTION READ ONLY",
        "SELECT",
        "COMMIT AND NO CHAIN NO RELEASE",
      ],
      "80-": ["START TRANSACTION", "UPDATE", "ROLLBACK AND NO CHAIN NO RELEASE"],
    });
  });

  test("a session that loads a dump keeps nobody from committing", async () => {
    const [one, two] = [await shard("-80"), await shard("-80")];
    await must(two, "SET innodb_lock_wait_timeout = 10");
    await must(two, "DELETE FROM _shardgate.decisions WHERE transaction <> ''");
    // InnoDB then fills an empty table in another way, which locks all of it.
    for (const name of ["unique_checks", "foreign_key_checks"]) await must(one, `SET ${name} = 0`);
    await must(one, "BEGIN");
    await must(one, recordCommit("1.1", []));
    await must(two, recordCommit("1.2", []));
    await must(one, "ROLLBACK");
    await must(two, "DELETE FROM _shardgate.decisions WHERE transaction = '1.2'");
  });

  test("decisions are deleted when they are not needed any more", async () => {
    for (const sql of ["BEGIN", write(4, "x"), write(1, "x"), "COMMIT"]) await must(pair.gateway, sql);
    const high = await shard("80-");
    const left = (): Promise<readonly string[]> =>
      high.rows("SELECT transaction FROM _shardgate.decisions WHERE decision = 'commit'");
    for (let i = 0; i < 300 && (await left()).length > 0; i++) await delay(100);
    expect(await left()).toEqual([]);
  });
});

describe("round trips to tablets", () => {
  /** Calls of the transaction, and those that end it among them. */
  async function trips(statements: readonly string[]): Promise<{ readonly all: number; readonly ending: number }> {
    const run = vi.spyOn(CallService.prototype, "execute");
    const end = vi.spyOn(CallService.prototype, "conclude");
    try {
      for (const sql of statements) await must(pair.gateway, sql);
      // Decisions of transactions before are forgotten beside it.
      const ran = run.mock.calls.filter(([, { payload }]) => !payload.includes("_shardgate"));
      return { all: ran.length + end.mock.calls.length, ending: end.mock.calls.length };
    } finally {
      run.mockRestore();
      end.mockRestore();
    }
  }
  const LATER = ["SET autocommit = 0", write(4, "q"), "SAVEPOINT a", write(4, "r"), "COMMIT"];

  test("on one shard: one a statement, and one", async () => {
    expect(await trips(["BEGIN", write(4, "x"), write(4, "y"), write(4, "z"), "COMMIT"])).toEqual({
      all: 4,
      ending: 1,
    });
    expect(await trips(["BEGIN", write(4, "x"), "ROLLBACK"])).toEqual({ all: 2, ending: 1 });
    expect(await trips(LATER)).toEqual({ all: 3, ending: 1 });
    await must(pair.gateway, "SET autocommit = 1");
    expect(await trips([write(4, "alone")])).toEqual({ all: 1, ending: 0 });
  });

  test("on two shards, all or none: three more", async () => {
    expect(await trips(["BEGIN", write(4, "x"), write(1, "y"), "COMMIT"])).toEqual({ all: 2 + 4, ending: 4 });
    expect(await trips(["BEGIN", write(4, "x"), write(1, "y"), "ROLLBACK"])).toEqual({ all: 2 + 2, ending: 2 });
    const read = "SELECT id FROM c WHERE id = 1";
    expect(await trips(["BEGIN", read, write(4, "x"), "COMMIT"])).toEqual({ all: 2 + 2, ending: 2 });
  });
});

describe("a branch that its gateway has left", () => {
  /** Prepares an update of id 4 as branch of a transaction that -80 coordinates. */
  async function leave(transaction: string): Promise<TwinClient> {
    const xid = xidOf(branchName({ transaction, number: 1, coordinator: { keyspace: "s", shard: "-80" } }));
    const high = await shard("80-");
    const leaving = await shard("80-");
    await must(leaving, "USE s");
    for (const sql of [`XA START ${xid}`, write(4, transaction), `XA END ${xid}`, `XA PREPARE ${xid}`]) {
      await must(leaving, sql);
    }
    leaving.close();
    return high;
  }

  async function untilResolved(client: TwinClient): Promise<void> {
    for (let i = 0; i < 600 && (await client.rows("XA RECOVER")).length > 0; i++) await delay(100);
    expect(await client.rows("XA RECOVER")).toEqual([]);
  }

  test("is rolled back when nothing was decided, and then nothing can be", async () => {
    const high = await leave("aaaaaaaaaaaaaaaa.1");
    await untilResolved(high);
    expect(await high.rows("SELECT name FROM s.c WHERE id = 4")).toEqual(["d"]);
    const low = await shard("-80");
    expect(await low.query(recordCommit("aaaaaaaaaaaaaaaa.1", []))).toMatchObject({ kind: "error", errno: 1062 });
  });

  test("is committed when that was decided", async () => {
    const low = await shard("-80");
    await must(low, recordCommit("bbbbbbbbbbbbbbbb.1", [{ keyspace: "s", shard: "80-" }]));
    const high = await leave("bbbbbbbbbbbbbbbb.1");
    await untilResolved(high);
    expect(await high.rows("SELECT name FROM s.c WHERE id = 4")).toEqual(["bbbbbbbbbbbbbbbb.1"]);
    await must(low, "DELETE FROM _shardgate.decisions WHERE decision = 'commit'");
  });

  test("waits for a coordinator that is about to commit", async () => {
    const low = await shard("-80");
    await must(low, "BEGIN");
    await must(low, recordCommit("cccccccccccccccc.1", [{ keyspace: "s", shard: "80-" }]));
    const high = await leave("cccccccccccccccc.1");
    await delay(6_000);
    expect(await high.rows("XA RECOVER")).toHaveLength(1);
    await must(low, "COMMIT");
    await untilResolved(high);
    expect(await high.rows("SELECT name FROM s.c WHERE id = 4")).toEqual(["cccccccccccccccc.1"]);
    await must(low, "DELETE FROM _shardgate.decisions WHERE decision = 'commit'");
  });

  test("of another program is left alone", async () => {
    const leaving = await shard("80-");
    for (const sql of [
      "XA START 'other'",
      "INSERT INTO s.c (id, name) VALUES (1000, 'other')",
      "XA END 'other'",
      "XA PREPARE 'other'",
    ]) {
      await must(leaving, sql);
    }
    leaving.close();
    const high = await leave("dddddddddddddddd.1");
    for (let i = 0; i < 600 && (await high.rows("XA RECOVER")).length > 1; i++) await delay(100);
    expect(await high.rows("XA RECOVER")).toEqual(["1|5|0|other"]);
    await must(high, "XA ROLLBACK 'other'");
  });
});

test("SET transaction_mode: checked, for the next transaction, and of this session", async () => {
  const { gateway } = pair;
  expect(await gateway.query("SET transaction_mode = 'both'")).toMatchObject({ errno: 1231 });
  await must(gateway, "SET @@session.transaction_mode = single");
  await must(gateway, "BEGIN");
  await must(gateway, write(1, "x"));
  expect(await gateway.query(write(4, "x"))).toMatchObject({ errno: 1235 });
  expect(await gateway.query("SET transaction_mode = 'multi'")).toMatchObject({ errno: 1568 });
  await must(gateway, "ROLLBACK");
  await must(gateway, "SET transaction_mode = DEFAULT");
  await must(gateway, "UPDATE c SET n = 1 WHERE id IN (1, 4)");
});
