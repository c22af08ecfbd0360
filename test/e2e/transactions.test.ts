// Transactions beside one MariaDB, as far as one session sees them: characteristics and their status flags, savepoints on
// shards that join early and late, implicit commits, errors inside; and what other clients find when a session goes away.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { emptied, must, type Outcome, Pair, startTwins, TwinClient, type Twins } from "./twin.ts";

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
    await emptied(client, "m", "room");
    await must(client, "INSERT INTO c (id, name, email) VALUES (1,'a','e1'),(2,'b','e2'),(4,'d','e4'),(5,'e','e5')");
    await must(client, "TRUNCATE TABLE u.p");
  }
});
afterEach(() => {
  pair.close();
  for (const client of others) client.close();
  others = [];
});

async function other(): Promise<TwinClient> {
  const client = await TwinClient.connect(twins.cluster.port);
  others.push(client);
  await must(client, "USE s");
  return client;
}

// hash() places 1 and 2 on -80, 4 on 80-.
const ALL = "SELECT id, name FROM c ORDER BY id";
const READ = "SELECT COUNT(*) FROM c WHERE id = 1";
const write = (id: number, name: string): string => `UPDATE c SET name = '${name}' WHERE id = ${id}`;

describe("characteristics", () => {
  test("access mode: by BEGIN, for the next transaction, of the session, and in the status flags", async () => {
    await pair.allSame([
      "START TRANSACTION READ ONLY",
      READ,
      write(1, "x"),
      "UPDATE c SET n = 1 WHERE id IN (1, 4)",
      "INSERT INTO c (id, name) VALUES (30, 'x'), (31, 'y')",
      ALL,
      "COMMIT AND CHAIN",
      write(4, "x"),
      "ROLLBACK",
      write(4, "y"),
      "START TRANSACTION READ WRITE",
      write(1, "z"),
      "COMMIT",
      "SET TRANSACTION READ ONLY",
      "COMMIT",
      write(1, "after commit"),
      "SET TRANSACTION READ ONLY",
      "SELECT 1",
      write(1, "no"),
      "SET TRANSACTION READ ONLY",
      "BEGIN",
      write(1, "no"),
      "SET TRANSACTION READ WRITE",
      "COMMIT",
      "BEGIN",
      write(1, "yes"),
      "COMMIT",
      "SET SESSION TRANSACTION READ ONLY",
      "SELECT @@tx_read_only",
      READ,
      write(1, "no"),
      "BEGIN",
      READ,
      write(4, "no"),
      "SET SESSION TRANSACTION READ WRITE",
      write(4, "no"),
      "COMMIT",
      "START TRANSACTION READ WRITE",
      write(4, "yes"),
      "COMMIT AND CHAIN",
      "ROLLBACK",
      "SET autocommit = 0",
      "SET TRANSACTION READ ONLY",
      READ,
      write(1, "no"),
      "COMMIT",
      write(1, "yes"),
      "COMMIT",
      "SET autocommit = 1",
      ALL,
    ]);
  });

  test("isolation: what a transaction and a statement of its own see of uncommitted rows", async () => {
    const writers = [await other(), await TwinClient.connect(twins.plain.port)];
    others.push(...writers.slice(1));
    for (const writer of writers) {
      await must(writer, "USE s");
      await must(writer, "BEGIN");
      await must(writer, "UPDATE c SET name = 'dirty' WHERE id IN (1, 4)");
    }
    await pair.allSame([
      ALL,
      "SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED",
      "SELECT @@tx_isolation",
      ALL,
      ALL,
      "SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED",
      "SELECT name FROM c WHERE id = 4",
      "SELECT name FROM c WHERE id = 4",
      "SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED, READ ONLY",
      "BEGIN",
      "SELECT name FROM c WHERE id = 4",
      "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
      "SELECT name FROM c WHERE id = 1",
      write(1, "no"),
      "COMMIT AND CHAIN",
      ALL,
      "COMMIT",
      "BEGIN",
      ALL,
      "COMMIT",
      "SET autocommit = 0",
      "SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED",
      "SELECT name FROM c WHERE id = 1",
      "SELECT name FROM c WHERE id = 4",
      "COMMIT",
      "SELECT name FROM c WHERE id = 4",
      "SET autocommit = 1",
      "SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED",
      "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
      "BEGIN",
      "SELECT name FROM c WHERE id = 4",
      "COMMIT",
      "SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED, READ ONLY",
      "SET SESSION tx_isolation = 'REPEATABLE-READ', tx_read_only = 0",
      "BEGIN",
      "SELECT name FROM c WHERE id = 4",
      "COMMIT",
    ]);
  });

  test("a consistent snapshot is of the moment of START TRANSACTION, on every shard", async () => {
    const late = [await other(), await TwinClient.connect(twins.plain.port)];
    others.push(...late.slice(1));
    await pair.same("START TRANSACTION WITH CONSISTENT SNAPSHOT");
    for (const writer of late) {
      await must(writer, "USE s");
      await must(writer, "UPDATE c SET name = 'late' WHERE id IN (1, 4)");
    }
    await pair.allSame([ALL, "SELECT name FROM c WHERE id = 4", "COMMIT", ALL]);
    await pair.allSame(["START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY", write(1, "no"), READ, "ROLLBACK"]);
  });

  test("CHAIN and RELEASE, said and by completion_type", async () => {
    await pair.allSame([
      "COMMIT AND CHAIN",
      write(1, "x"),
      "ROLLBACK AND CHAIN",
      write(1, "y"),
      "ROLLBACK AND NO CHAIN",
      ALL,
      "SET completion_type = 'CHAIN'",
      "BEGIN",
      write(4, "x"),
      "COMMIT",
      write(1, "in the next"),
      "ROLLBACK",
      "ROLLBACK AND NO CHAIN",
      "SELECT @@in_transaction, @@completion_type",
      ALL,
      "SET completion_type = 2",
      "BEGIN",
      write(1, "last"),
      "COMMIT NO RELEASE",
      "BEGIN",
      write(4, "last"),
      "COMMIT WORK",
    ]);
    await expect(pair.gateway.query("SELECT 1")).rejects.toThrow();
    pair.close();
    pair = await Pair.open(twins, "s");
    await pair.allSame([ALL, "BEGIN", write(4, "undone"), "ROLLBACK WORK RELEASE"]);
    pair.close();
    pair = await Pair.open(twins, "s");
    await pair.same(ALL);
  });

  test("BEGIN gives up locked tables, and commits", async () => {
    await pair.allSame([
      "USE u",
      "LOCK TABLES p WRITE",
      "INSERT INTO p (name) VALUES ('locked')",
      "BEGIN",
      "SELECT COUNT(*) FROM blobs",
      "INSERT INTO p (name) VALUES ('x')",
      "START TRANSACTION",
      "ROLLBACK",
      "SELECT name FROM p ORDER BY name",
    ]);
  });
});

describe("savepoints", () => {
  const FORMS: Readonly<Record<string, readonly string[]>> = {
    "back to one set before a shard joined": [
      "BEGIN",
      write(1, "kept"),
      "SAVEPOINT a",
      write(4, "late joiner"),
      write(2, "undone"),
      ALL,
      "ROLLBACK TO a",
      ALL,
      write(4, "again"),
      "COMMIT",
      ALL,
    ],
    "back to one set before anything": [
      "BEGIN",
      "SAVEPOINT first",
      write(1, "x"),
      write(4, "y"),
      "ROLLBACK WORK TO SAVEPOINT first",
      ALL,
      "COMMIT",
      ALL,
    ],
    "back again and again, further and further": [
      "BEGIN",
      "SAVEPOINT a",
      write(1, "1"),
      "SAVEPOINT b",
      write(4, "2"),
      "SAVEPOINT c",
      write(1, "3"),
      "SAVEPOINT d",
      "SAVEPOINT e",
      write(4, "4"),
      "ROLLBACK TO d",
      ALL,
      "ROLLBACK TO e",
      "ROLLBACK TO c",
      ALL,
      write(1, "5"),
      write(4, "6"),
      "ROLLBACK TO c",
      ALL,
      "ROLLBACK TO b",
      ALL,
      write(4, "7"),
      "ROLLBACK TO a",
      ALL,
      write(2, "8"),
      "COMMIT",
      ALL,
    ],
    "a name used again is set anew": [
      "BEGIN",
      "SAVEPOINT a",
      write(1, "1"),
      "SAVEPOINT b",
      write(4, "2"),
      "SAVEPOINT A",
      write(1, "3"),
      "ROLLBACK TO a",
      ALL,
      "ROLLBACK TO b",
      ALL,
      "ROLLBACK TO a",
      "COMMIT",
      ALL,
    ],
    "released ones are gone, with those after them": [
      "BEGIN",
      "SAVEPOINT a",
      write(1, "1"),
      "SAVEPOINT b",
      write(4, "2"),
      "SAVEPOINT c",
      write(1, "3"),
      "RELEASE SAVEPOINT b",
      "ROLLBACK TO b",
      "ROLLBACK TO c",
      "RELEASE SAVEPOINT c",
      ALL,
      "SAVEPOINT d",
      write(1, "4"),
      write(5, "4"),
      "ROLLBACK TO d",
      ALL,
      "ROLLBACK TO a",
      ALL,
      "RELEASE SAVEPOINT a",
      "ROLLBACK TO a",
      "COMMIT",
    ],
    "gone with the transaction, however it ends": [
      "BEGIN",
      "SAVEPOINT a",
      write(1, "1"),
      "COMMIT",
      "ROLLBACK TO a",
      "BEGIN",
      "SAVEPOINT a",
      "ROLLBACK",
      "RELEASE SAVEPOINT a",
      "BEGIN",
      "SAVEPOINT a",
      write(4, "1"),
      "BEGIN",
      "ROLLBACK TO a",
      "SAVEPOINT a",
      "COMMIT AND CHAIN",
      "ROLLBACK TO a",
      "ROLLBACK",
    ],
    "without a transaction": [
      "SAVEPOINT a",
      "ROLLBACK TO a",
      "RELEASE SAVEPOINT a",
      "ROLLBACK TO SAVEPOINT `no such`",
      "SET autocommit = 0",
      "SAVEPOINT a",
      "SELECT @@in_transaction",
      "ROLLBACK TO a",
      write(1, "1"),
      write(4, "1"),
      "ROLLBACK TO a",
      ALL,
      "COMMIT",
      "ROLLBACK TO a",
      "SAVEPOINT a",
      "SET autocommit = 1",
      "ROLLBACK TO a",
    ],
    "statements that fail are undone alone": [
      "BEGIN",
      write(1, "1"),
      "SAVEPOINT a",
      "INSERT INTO c (id, name, email) VALUES (6, 'f', 'e6'), (4, 'dup', 'e44'), (7, 'g', 'e7')",
      "UPDATE c SET name = 'x', email = 'e2' WHERE id IN (1, 4)",
      write(4, "2"),
      "UPDATE c SET name = 'x', email = 'e2' WHERE id IN (1, 5)",
      "SAVEPOINT b",
      "INSERT INTO c (id, name, email) VALUES (6, 'f', 'e6'), (1, 'dup', 'e44'), (7, 'g', 'e7')",
      ALL,
      write(1, "3"),
      "INSERT INTO c (id, name, email) VALUES (6, 'f', 'e6'), (1, 'dup', 'e44'), (7, 'g', 'e7')",
      "ROLLBACK TO b",
      ALL,
      "ROLLBACK TO a",
      ALL,
      "COMMIT",
      ALL,
    ],
    "over keyspaces, and with names that want quoting": [
      "BEGIN",
      "SAVEPOINT `a b``c`",
      "INSERT INTO u.p (name) VALUES ('x')",
      "SAVEPOINT `é`",
      write(4, "x"),
      "ROLLBACK TO `É`",
      "SELECT name FROM u.p",
      ALL,
      "ROLLBACK TO `A B``C`",
      "SELECT name FROM u.p",
      "COMMIT",
    ],
  };
  for (const [name, statements] of Object.entries(FORMS)) {
    test(name, async () => {
      await pair.allSame(statements);
    });
  }

  test("many, nested and one after the other, among random statements", async () => {
    let seed = 7;
    const random = (below: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return Math.floor((seed / 2_147_483_648) * below);
    };
    const ids = [1, 2, 4, 5];
    for (let round = 0; round < 12; round++) {
      await pair.same("BEGIN");
      for (let step = 0; step < 25; step++) {
        const name = `s${random(5)}`;
        const forms = [
          `SAVEPOINT ${name}`,
          `SAVEPOINT ${name}`,
          `ROLLBACK TO ${name}`,
          `RELEASE SAVEPOINT ${name}`,
          write(ids[random(4)] ?? 1, `${round}.${step}`),
          write(ids[random(4)] ?? 1, `${round}.${step}`),
          `UPDATE c SET n = ${step} WHERE id IN (${ids[random(4)]}, ${ids[random(4)]})`,
          `UPDATE c SET email = 'e2', n = ${step} WHERE id IN (1, ${4 + random(2)})`,
        ];
        await pair.same(forms[random(forms.length)] ?? ALL);
        await pair.same("SELECT id, name, n, email FROM c ORDER BY id");
      }
      await pair.same(random(2) === 0 ? "COMMIT" : "ROLLBACK");
      await pair.same("SELECT id, name, n, email FROM c ORDER BY id");
    }
  });
});

describe("implicit commit", () => {
  const COMMITTING = [
    "CREATE TABLE t1 (a INT)",
    "ALTER TABLE t1 ADD b INT",
    "CREATE INDEX i1 ON t1 (a)",
    "RENAME TABLE t1 TO t2",
    "TRUNCATE TABLE t2",
    "DROP INDEX i1 ON t2",
    "DROP TABLE t2",
    "DROP TABLE nosuch",
    "CREATE VIEW v1 AS SELECT 1 AS a",
    "DROP VIEW v1",
    "ANALYZE TABLE blobs",
    "CHECK TABLE blobs",
    "OPTIMIZE TABLE blobs",
    "REPAIR TABLE blobs",
    "CHECKSUM TABLE blobs",
    "LOCK TABLES p READ",
    "UNLOCK TABLES",
    "FLUSH TABLES",
    "BEGIN",
    "START TRANSACTION READ ONLY",
    "SET autocommit = 1",
    "CREATE TEMPORARY TABLE tt (a INT)",
    "DROP TEMPORARY TABLE tt",
    // Of what is not there, which no shard is asked about.
    "CREATE TABLE nodb.t (a INT)",
    "ALTER TABLE nodb.t ADD b INT",
    "RENAME TABLE nodb.t TO nodb.u",
    "TRUNCATE TABLE nodb.t",
    "CREATE VIEW nodb.v AS SELECT 1",
    "CREATE VIEW v2 AS SELECT * FROM nodb.t",
    "CREATE PROCEDURE nodb.p() SELECT 1",
    "CREATE EVENT nodb.e ON SCHEDULE EVERY 1 DAY DO SELECT 1",
    "DROP TRIGGER nodb.x",
    "DROP EVENT nodb.x",
    "LOCK TABLES nodb.t READ",
    "SELECT * FROM nodb.t",
    "CHECKSUM TABLE nosuch",
    "USE nodb",
    "SET autocommit = 0",
  ];
  test("by each statement of the manual's list, and by no other", async () => {
    await pair.same("USE u");
    for (const [i, sql] of COMMITTING.entries()) {
      await pair.allSame(["BEGIN", "SAVEPOINT a", `INSERT INTO p (name) VALUES ('i${i}')`]);
      const [got, wanted] = await pair.both(sql);
      expect(got.kind, sql).toBe(wanted.kind);
      const [open, opened] = await pair.both("SELECT @@in_transaction");
      expect([sql, seen(open)]).toEqual([sql, seen(opened)]);
      await pair.allSame(["ROLLBACK TO a", "ROLLBACK"]);
      expect([sql, await pair.gateway.rows("SELECT name FROM p ORDER BY id")]).toEqual([
        sql,
        await pair.direct.rows("SELECT name FROM p ORDER BY id"),
      ]);
    }
    await pair.allSame(["SET autocommit = 1", "UNLOCK TABLES"]);
  });

  test("in a transaction that only reads", async () => {
    await pair.allSame([
      "USE u",
      "START TRANSACTION READ ONLY",
      "SELECT COUNT(*) FROM p",
      "CREATE TABLE ro (a INT)",
      "SELECT @@in_transaction",
      "DROP TABLE ro",
    ]);
  });

  test("procedures that begin, commit or roll back", async () => {
    await pair.allSame([
      "USE u",
      "CREATE PROCEDURE p_commit() BEGIN INSERT INTO p (name) VALUES ('in'); COMMIT; END",
      "CREATE PROCEDURE p_begin() BEGIN START TRANSACTION; INSERT INTO p (name) VALUES ('begun'); END",
      "CREATE PROCEDURE p_rollback() BEGIN INSERT INTO p (name) VALUES ('no'); ROLLBACK; END",
      "BEGIN",
      "INSERT INTO p (name) VALUES ('before')",
      "CALL p_commit()",
      "SELECT name FROM p ORDER BY name",
      "ROLLBACK",
      "BEGIN",
      "INSERT INTO p (name) VALUES ('gone')",
      "SAVEPOINT a",
      "CALL p_rollback()",
      "ROLLBACK TO a",
      "SELECT name FROM p ORDER BY name",
      "CALL p_begin()",
      "SELECT name FROM p ORDER BY name",
      "ROLLBACK",
      "SELECT name FROM p ORDER BY name",
      "CALL p_begin()",
      "COMMIT",
      "SELECT name FROM p ORDER BY name",
      "SET autocommit = 0",
      "INSERT INTO p (name) VALUES ('zero')",
      "CALL p_commit()",
      "INSERT INTO p (name) VALUES ('undone')",
      "ROLLBACK",
      "SET autocommit = 1",
      "SELECT name FROM p ORDER BY name",
    ]);
    // Over several shards one that might end the transaction on its shard alone is refused, any other is not.
    const { gateway } = pair;
    await must(gateway, "CREATE PROCEDURE p_plain() INSERT INTO p (name) VALUES ('plain')");
    const first = ["UPDATE s.c SET n = 76 WHERE id = 4", "INSERT INTO p (name) VALUES ('first')"];
    for (const order of [first, first.toReversed()]) {
      await must(gateway, "DELETE FROM p");
      for (const sql of ["BEGIN", ...order]) await must(gateway, sql);
      for (const sql of ["CALL p_commit()", "BEGIN NOT ATOMIC DELETE FROM p; COMMIT; END"]) {
        expect(await gateway.query(sql)).toMatchObject({ kind: "error", errno: 1235 });
      }
      const program = "BEGIN NOT ATOMIC INSERT INTO p (name) VALUES ('program'); END";
      for (const sql of ["CALL p_plain()", program, "COMMIT"]) await must(gateway, sql);
      expect(await gateway.rows("SELECT name FROM p ORDER BY name")).toEqual(["first", "plain", "program"]);
      expect(await gateway.rows("SELECT COUNT(*) FROM s.c WHERE n = 76")).toEqual(["1"]);
    }
    await must(gateway, "DROP PROCEDURE p_plain");
    // In mode multi nobody can tell what a procedure has done to the others' parts.
    await must(gateway, "SET transaction_mode = 'multi'");
    for (const sql of ["DELETE FROM p", "BEGIN", "UPDATE s.c SET n = 77 WHERE id = 4"]) await must(gateway, sql);
    expect(await gateway.query("CALL p_commit()")).toMatchObject({ kind: "error", errno: 1213 });
    expect(await gateway.query("SELECT COUNT(*) FROM s.c WHERE n = 77")).toMatchObject({
      rows: ["0"],
      inTransaction: false,
    });
    for (const name of ["p_commit", "p_begin", "p_rollback"]) await pair.both(`DROP PROCEDURE ${name}`);
  });

  test("stored functions that change rows, in statements without tables", async () => {
    await pair.allSame([
      "USE u",
      "CREATE FUNCTION put () RETURNS INT BEGIN INSERT INTO p (name) VALUES ('put'); RETURN 1; END",
      ...["SELECT put()", "DO put()", "SET @a = put()", "SELECT 1 WHERE put() = 1"].flatMap((sql) => [
        "BEGIN",
        sql,
        "SELECT name FROM p",
        "ROLLBACK",
        "SELECT name FROM p",
        "START TRANSACTION READ ONLY",
        sql,
        "COMMIT",
      ]),
      "SET autocommit = 0",
      "SELECT put()",
      "ROLLBACK",
      "SET autocommit = 1",
      "SELECT name FROM p",
      "SELECT put()",
      "SELECT name FROM p",
      "DROP FUNCTION put",
    ]);
  });

  test("autocommit = 1 counts only when it was off", async () => {
    await pair.allSame([
      "BEGIN",
      write(1, "1"),
      "SET autocommit = 1",
      "ROLLBACK",
      ALL,
      "BEGIN",
      write(1, "2"),
      "SET autocommit = 0",
      write(4, "2"),
      "SET autocommit = 1",
      "ROLLBACK",
      ALL,
    ]);
  });
});

function seen(outcome: Outcome): unknown {
  return outcome.kind === "rows" ? { rows: outcome.rows, inTransaction: outcome.inTransaction } : outcome;
}

describe("errors inside", () => {
  test("a lock that is waited for in vain undoes its statement alone", async () => {
    const holders = [await other(), await TwinClient.connect(twins.plain.port)];
    others.push(...holders.slice(1));
    for (const holder of holders) {
      await must(holder, "USE s");
      await must(holder, "BEGIN");
      await must(holder, write(4, "held"));
    }
    await pair.allSame([
      "SET innodb_lock_wait_timeout = 1",
      "BEGIN",
      write(1, "1"),
      "SAVEPOINT a",
      write(2, "2"),
      write(4, "no"),
      "UPDATE c SET n = 5 WHERE id IN (2, 4)",
      "SELECT id, name, n FROM c ORDER BY id",
      "ROLLBACK TO a",
      "COMMIT",
      ALL,
    ]);
  });

  test("where nobody looks, a deadlock over two shards ends by the wait's timeout", async () => {
    const one = await other();
    const two = await other();
    for (const client of [one, two]) {
      await must(client, "SET innodb_lock_wait_timeout = 1");
      await must(client, "BEGIN");
    }
    await must(one, write(1, "one"));
    await must(two, write(4, "two"));
    const [first, second] = await Promise.all([one.query(write(4, "one")), two.query(write(1, "two"))]);
    const failed = [first, second].filter((outcome) => outcome.kind === "error");
    expect(failed.length).toBeGreaterThan(0);
    // The deadlock may be found first (deadlocks.test.ts).
    for (const outcome of failed) expect([1205, 1213]).toContain(outcome.kind === "error" ? outcome.errno : 0);
    for (const client of [one, two]) await must(client, "ROLLBACK");
    expect(await one.rows(ALL)).toEqual(["1|a", "2|b", "4|d", "5|e"]);
  });

  test("after a deadlock savepoints are gone, and nothing of the transaction is left", async () => {
    const one = await other();
    const two = await other();
    await must(two, "BEGIN");
    for (const id of [2, 4, 5]) await must(two, write(id, "two"));
    await must(one, "BEGIN");
    await must(one, "SAVEPOINT a");
    await must(one, write(1, "one"));
    const waiting = two.query(write(1, "two"));
    await new Promise((resolve) => setTimeout(resolve, 300));
    const outcome = await one.query(write(2, "one"));
    const waited = await waiting;
    const victim = outcome.kind === "error" ? one : two;
    expect(outcome.kind === "error" ? outcome : waited).toMatchObject({ errno: 1213, sqlState: "40001" });
    expect(await victim.query("ROLLBACK TO a")).toMatchObject({ kind: "error", errno: 1305 });
    expect(await victim.query("SELECT 1")).toMatchObject({ inTransaction: false });
    await must(victim === one ? two : one, "ROLLBACK");
  });
});

describe("sessions that go away", () => {
  test("idle in a transaction: locks on all shards are free within moments", async () => {
    const leaving = await other();
    await must(leaving, "BEGIN");
    await must(leaving, "UPDATE c SET n = 1 WHERE id IN (1, 4)");
    leaving.close();
    await pair.same("SET innodb_lock_wait_timeout = 20");
    await pair.allSame(["UPDATE c SET n = 9 WHERE id IN (1, 4)", "SELECT id, n FROM c ORDER BY id"]);
  });

  test("while a statement runs or waits for a lock", async () => {
    for (const sql of ["UPDATE c SET n = SLEEP(30) WHERE id = 2", write(5, "waits")]) {
      const holder = await other();
      await must(holder, "BEGIN");
      await must(holder, write(5, "held"));
      const leaving = await other();
      await must(leaving, "SET innodb_lock_wait_timeout = 50");
      await must(leaving, "BEGIN");
      for (const id of [1, 4]) await must(leaving, write(id, "left"));
      void leaving.query(sql).catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, 200));
      leaving.close();
      const next = await other();
      await must(next, "SET innodb_lock_wait_timeout = 20");
      for (const id of [1, 2, 4]) await must(next, `UPDATE c SET n = 9 WHERE id = ${id}`);
      await must(holder, "ROLLBACK");
    }
    expect(await (await other()).rows("SELECT id, name, n FROM c ORDER BY id")).toEqual([
      "1|a|9",
      "2|b|9",
      "4|d|9",
      "5|e|\\N",
    ]);
  });

  test("killed connections of shards take the transaction along; the session goes on", async () => {
    const session = await other();
    await must(session, "BEGIN");
    await must(session, write(4, "gone"));
    await must(session, write(1, "gone"));
    for (const port of twins.shardPorts()) {
      const shard = await TwinClient.connect(port);
      others.push(shard);
      const held = "SELECT ID FROM information_schema.PROCESSLIST WHERE DB = 's' AND ID <> CONNECTION_ID()";
      const threads = await shard.rows(held);
      for (const thread of threads) await must(shard, `KILL ${thread}`);
      const isLeft = async (): Promise<boolean> => (await shard.rows(held)).some((thread) => threads.includes(thread));
      for (let i = 0; i < 300 && (await isLeft()); i++) await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(await session.query(write(2, "no"))).toMatchObject({ kind: "error", errno: 1213, sqlState: "40001" });
    expect(await session.query("SELECT 1")).toMatchObject({ inTransaction: false });
    expect(await session.rows(ALL)).toEqual(["1|a", "2|b", "4|d", "5|e"]);
    await must(session, "BEGIN");
    await must(session, "UPDATE c SET name = 'new' WHERE id IN (1, 4)");
    await must(session, "COMMIT");
    expect(await session.rows(ALL)).toEqual(["1|new", "2|b", "4|new", "5|e"]);
  });

  test("a shard lost while the others are at work: they are rolled back, whichever it was", async () => {
    const holder = await other();
    for (const port of twins.shardPorts()) {
      await must(holder, "BEGIN");
      await must(holder, "SELECT id FROM c FOR UPDATE");
      const session = await other();
      await must(session, "BEGIN");
      const waiting = session.query("UPDATE c SET name = 'no' WHERE id IN (1, 4)");
      const shard = await TwinClient.connect(port);
      others.push(shard);
      const busy = "SELECT ID FROM information_schema.PROCESSLIST WHERE INFO LIKE 'UPDATE c%'";
      await expect.poll(async () => (await shard.rows(busy)).length, WAIT).toBe(1);
      for (const thread of await shard.rows(busy)) await must(shard, `KILL ${thread}`);
      await must(holder, "ROLLBACK");
      expect(await waiting).toMatchObject({ kind: "error", errno: 1213 });
      for (const each of twins.shardPorts()) {
        const direct = await TwinClient.connect(each);
        others.push(direct);
        const open = "SELECT trx_id FROM information_schema.INNODB_TRX WHERE trx_rows_locked > 0";
        await expect.poll(() => direct.rows(open), WAIT).toEqual([]);
      }
    }
  });
});

const WAIT = { timeout: 60_000, interval: 100 };
