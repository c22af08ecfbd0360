// The session's side of reads: what a SELECT leaves behind (FOUND_ROWS(), user variables, LAST_INSERT_ID(expression)) and
// what it takes from the session (variables, limits, the time), on an unsharded keyspace, on one shard and on several,
// against one plain MariaDB.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { must, type Outcome, Pair, startTwins, TwinClient, type Twins } from "./twin.ts";

let twins: Twins;
let pair: Pair;

const ROWS = [
  "INSERT INTO u.p (id, name, price, note) VALUES (1,'a',1.50,'n1'), (2,'b',2.50,NULL), (3,'c',3.50,'n3'), (4,'d',4.50,''), (5,'é',NULL,'n5')",
  "INSERT INTO s.c (id, name, email, n) VALUES (1,'a','e1',10), (2,'b','e2',20), (3,'c','e3',NULL), (4,'d','e4',10), (5,'é','e5',20), (6,'f','e6',30), (7,'g','e7',10)",
  "INSERT INTO s.o (oid, cid, total) VALUES (11,1,1.10), (12,1,2.20), (13,4,3.30), (14,5,4.40), (15,7,5.50)",
];

beforeAll(async () => {
  twins = await startTwins();
  const filler = await Pair.open(twins, "s");
  for (const sql of ROWS)
    for (const outcome of await filler.both(sql)) expect(outcome, sql).toMatchObject({ kind: "ok" });
  filler.close();
});
afterAll(async () => {
  await twins.stop();
});

/** Both answer the same as far as values and types go: how a query is computed may show in other metadata. */
async function alike(sql: string | Buffer, on = pair): Promise<void> {
  const [got, wanted] = await on.both(sql);
  expect(gist(got, sql), String(sql)).toEqual(gist(wanted, sql));
}

function gist(outcome: Outcome, sql: string | Buffer): object {
  if (outcome.kind === "error") return { errno: outcome.errno, sqlState: outcome.sqlState };
  if (outcome.kind === "ok") return { ...outcome, info: "" };
  return {
    columns: outcome.columns.map(({ name, type, collation }) => ({ name, type, collation })),
    rows: /\border\s+by\b/i.test(String(sql)) ? outcome.rows : outcome.rows.toSorted(),
    inTransaction: outcome.inTransaction,
  };
}

/** Each statement is followed by a question about what it has left behind. */
async function allThen(keyspace: string, question: string, statements: readonly string[]): Promise<void> {
  pair = await Pair.open(twins, keyspace);
  for (const sql of statements) {
    await alike(sql);
    await pair.same(`${question} -- after ${sql}`);
  }
  pair.close();
}

describe("FOUND_ROWS()", () => {
  const UNSHARDED = [
    "SELECT 1",
    "SELECT id FROM p",
    "SELECT id FROM p WHERE id > 100",
    "SELECT id FROM p LIMIT 2",
    "SELECT id FROM p LIMIT 1, 2",
    "SELECT id FROM p LIMIT 2 OFFSET 4",
    "SELECT id FROM p LIMIT 100, 2",
    "SELECT id FROM p LIMIT 0",
    "SELECT id FROM p ORDER BY name LIMIT 1, 2",
    "SELECT id FROM p ORDER BY price + 1 LIMIT 100, 2",
    "SELECT price > 2, COUNT(*) FROM p GROUP BY 1 LIMIT 1",
    "SELECT price > 2, COUNT(*) FROM p GROUP BY 1 ORDER BY 1 LIMIT 1, 1",
    "SELECT price > 2, COUNT(*) FROM p GROUP BY 1 WITH ROLLUP LIMIT 1, 1",
    "SELECT DISTINCT price > 2 FROM p LIMIT 1",
    "SELECT COUNT(*) FROM p LIMIT 1, 1",
    "SELECT SQL_CALC_FOUND_ROWS id FROM p LIMIT 2",
    "SELECT SQL_CALC_FOUND_ROWS id FROM p ORDER BY name LIMIT 1, 2",
    "SELECT SQL_CALC_FOUND_ROWS id FROM p LIMIT 0",
    "SELECT SQL_CALC_FOUND_ROWS id FROM p",
    "SELECT id FROM p UNION ALL SELECT id FROM p LIMIT 3",
    "SELECT id FROM p UNION ALL SELECT id FROM p ORDER BY 1 LIMIT 1, 3",
    "SELECT SQL_CALC_FOUND_ROWS id FROM p UNION ALL SELECT id FROM p LIMIT 3",
    "(SELECT id FROM p LIMIT 3) UNION ALL (SELECT id FROM p LIMIT 2)",
    "VALUES (1), (2)",
    "SELECT id FROM p WHERE id = 2 INTO @x",
    "SELECT id FROM p WHERE id = -2 INTO @x",
    "SELECT id FROM p INTO @x",
    "SET @n = FOUND_ROWS()",
    "SET @n = 1",
    "SET @n = (SELECT COUNT(*) FROM p)",
    "SET @n = (SELECT id FROM p WHERE id = -4)",
    "UPDATE p SET note = 'x' WHERE id = 1",
    "UPDATE p SET note = (SELECT MAX(id) FROM (SELECT id FROM p) AS d) WHERE id = 1",
    "INSERT INTO p (id, name) SELECT id + 100, CONCAT('i', id) FROM p WHERE id < 4",
    "DELETE FROM p WHERE id > 100",
    "DO 1",
    "DO (SELECT COUNT(*) FROM p)",
    "BEGIN",
    "SELECT id FROM p LIMIT 3",
    "COMMIT",
    "SHOW TABLES LIKE 'p'",
    "SHOW COLUMNS FROM p",
    "SHOW CREATE TABLE p",
    "DESCRIBE p",
    "EXPLAIN SELECT id FROM p",
    "ANALYZE SELECT id FROM p",
    "HELP 'contents'",
    "SHOW WARNINGS",
    "SHOW VARIABLES LIKE 'autocommit'",
    "SELECT nosuch FROM p",
    "nonsense",
    "SELECT id FROM p WHERE id < 3 FOR UPDATE",
    "SELECT FOUND_ROWS(), FOUND_ROWS() + 1",
  ];

  test("on an unsharded keyspace", async () => {
    await allThen("u", "SELECT FOUND_ROWS() UNION ALL SELECT -1", UNSHARDED);
  });

  test("in a session that has not asked before", async () => {
    const made = "CREATE OR REPLACE TABLE found_rows_made SELECT 1 AS a";
    for (const sql of ["SELECT 1", "SELECT id FROM p LIMIT 1, 2", "SHOW COLUMNS FROM p", made]) {
      pair = await Pair.open(twins, "u");
      await pair.same("SELECT 1");
      await pair.same(sql);
      await pair.same(`SELECT FOUND_ROWS() -- after ${sql}`);
      pair.close();
    }
  });

  test("over shards", async () => {
    await allThen("s", "SELECT FOUND_ROWS() UNION ALL SELECT -1", [
      "SELECT * FROM c",
      "SELECT * FROM c WHERE id = 4",
      "SELECT * FROM c WHERE id IN (1, 4, 100)",
      "SELECT * FROM c WHERE id IN (1, 4) ORDER BY id LIMIT 1",
      "SELECT id FROM c ORDER BY id LIMIT 3",
      "SELECT id FROM c ORDER BY id LIMIT 2, 3",
      "SELECT id FROM c ORDER BY id LIMIT 100, 3",
      "SELECT id FROM c WHERE id = 4 LIMIT 1, 1",
      "SELECT SQL_CALC_FOUND_ROWS id FROM c",
      "SELECT SQL_CALC_FOUND_ROWS id FROM c ORDER BY id LIMIT 2",
      "SELECT SQL_CALC_FOUND_ROWS id FROM c WHERE id = 4 LIMIT 0",
      "SELECT SQL_CALC_FOUND_ROWS n, COUNT(*) FROM c GROUP BY n ORDER BY n LIMIT 1",
      "SELECT SQL_CALC_FOUND_ROWS DISTINCT n FROM c ORDER BY n LIMIT 1, 1",
      "SELECT n, COUNT(*) FROM c GROUP BY n ORDER BY n LIMIT 1, 2",
      "SELECT n, SUM(id) FROM c GROUP BY n HAVING SUM(id) > 2 ORDER BY n LIMIT 10 OFFSET 1",
      "SELECT DISTINCT n FROM c ORDER BY n LIMIT 10 OFFSET 1",
      "SELECT n, COUNT(*) FROM c GROUP BY n ORDER BY COUNT(*), n LIMIT 1, 1",
      "SELECT COUNT(*) FROM c",
      "SELECT id FROM c UNION ALL SELECT oid FROM o",
      "SELECT id FROM c UNION SELECT cid FROM o ORDER BY 1 LIMIT 2",
      "SELECT SQL_CALC_FOUND_ROWS id FROM c UNION SELECT cid FROM o ORDER BY 1 LIMIT 2",
      "SELECT c.id + 0, p.name IS NULL FROM s.c JOIN u.p ON p.id = c.id ORDER BY c.id LIMIT 1, 2",
      "UPDATE c SET n = 30 WHERE id IN (1, 4)",
      "UPDATE c SET n = 10 WHERE id IN (1, 4)",
      "SET @n = FOUND_ROWS()",
      "SELECT * FROM r",
      "SHOW TABLES LIKE 'c'",
    ]);
  });
});

describe("all that a statement leaves", () => {
  const QUESTION =
    "SELECT FOUND_ROWS(), ROW_COUNT(), LAST_INSERT_ID(), @@identity, @@last_insert_id, @@warning_count, @@error_count";

  test("on an unsharded keyspace", async () => {
    await allThen("u", QUESTION, [
      "SELECT id FROM p LIMIT 2",
      "INSERT INTO p (name) VALUES ('left1'), ('left2')",
      "INSERT INTO p (name) VALUES ('left3'), ('left4') RETURNING id, name",
      "INSERT INTO p (id, name) VALUES (70, 'left5') RETURNING id",
      "REPLACE INTO p (id, name) VALUES (70, 'left5') RETURNING name",
      "INSERT IGNORE INTO p (name) VALUES ('left1'), ('left6')",
      "INSERT INTO p (name) VALUES ('left1') ON DUPLICATE KEY UPDATE price = 9",
      "UPDATE p SET price = 9 WHERE name = 'left1'",
      "UPDATE p SET price = 'abc' WHERE name = 'left1'",
      "SET @a = 1",
      "DO 1",
      "DO (SELECT COUNT(*) FROM p)",
      "SELECT CAST('a' AS SIGNED)",
      "SET @a = (SELECT COUNT(*) FROM p)",
      "CREATE TABLE left_t (a INT PRIMARY KEY AUTO_INCREMENT, n VARCHAR(20)) SELECT name AS n FROM p WHERE name LIKE 'left%'",
      "CREATE TABLE left_u SELECT id FROM p WHERE FALSE",
      "DROP TABLE left_u",
      "PREPARE s FROM 'INSERT INTO left_t (n) VALUES (?)'",
      "EXECUTE s USING @a",
      "DEALLOCATE PREPARE s",
      "TRUNCATE TABLE left_t",
      "DROP TABLE left_t",
      "DELETE FROM p WHERE name LIKE 'left%'",
    ]);
  });

  test("of prepared statements", async () => {
    pair = await Pair.open(twins, "u");
    await pair.same("SELECT 1");
    await pair.allSame([
      "CREATE TABLE left_e (a INT PRIMARY KEY AUTO_INCREMENT, n VARCHAR(20))",
      "CREATE PROCEDURE left_p(IN v VARCHAR(20)) INSERT INTO left_e (n) VALUES (v), (v)",
    ]);
    for (const [sql, ...values] of [
      ["INSERT INTO left_e (n) VALUES (?)", "one"],
      ["INSERT INTO left_e (n) VALUES (?), (?) RETURNING a", "two", "three"],
      ["CALL left_p(?)", "four"],
      ["UPDATE left_e SET n = ? WHERE a > 3", "five"],
      ["SELECT a FROM left_e WHERE n = ?", "five"],
      ["SELECT CAST(? AS SIGNED)", "six"],
      ["DELETE FROM left_e WHERE n = ?", "five"],
    ] as const) {
      const [got, wanted] = await Promise.all([pair.gateway.execute(sql, values), pair.direct.execute(sql, values)]);
      expect(gist(got, sql), sql).toEqual(gist(wanted, sql));
      // What FOUND_ROWS() is after a procedure that selects nothing only its own connection knows.
      await pair.same(`${QUESTION.replace("FOUND_ROWS(), ", "")} -- after ${sql}`);
    }
    await pair.allSame(["DROP PROCEDURE left_p", "DROP TABLE left_e"]);
    pair.close();
  });

  test("after procedures and blocks", async () => {
    await allThen("u", "SELECT ROW_COUNT(), LAST_INSERT_ID(), @@identity, @@warning_count", [
      "CREATE TABLE left_t (a INT PRIMARY KEY AUTO_INCREMENT, n VARCHAR(20))",
      "INSERT INTO left_t (a) VALUES (50)",
      "CREATE PROCEDURE left_p() INSERT INTO left_t (n) VALUES ('by a procedure')",
      "CALL left_p()",
      "SELECT LAST_INSERT_ID(12)",
      "CREATE OR REPLACE PROCEDURE left_p() SELECT a FROM left_t ORDER BY a LIMIT 2",
      "CALL left_p()",
      "BEGIN",
      "CREATE OR REPLACE PROCEDURE left_p() UPDATE left_t SET n = LAST_INSERT_ID()",
      "CALL left_p()",
      "SELECT DISTINCT n FROM left_t",
      "BEGIN NOT ATOMIC INSERT INTO left_t (n) VALUES ('by a block'); END",
    ]);
    await allThen("u", "SELECT FOUND_ROWS()", [
      "SELECT 1",
      "CREATE OR REPLACE PROCEDURE left_p() SELECT SQL_CALC_FOUND_ROWS a FROM left_t ORDER BY a LIMIT 2",
      "CALL left_p()",
      "CREATE OR REPLACE PROCEDURE left_p() SELECT a FROM left_t WHERE a < 0",
      "CALL left_p()",
      "DROP PROCEDURE left_p",
      "DROP TABLE left_t",
    ]);
  });

  test("over shards", async () => {
    await allThen("s", QUESTION, [
      "SELECT id FROM c ORDER BY id LIMIT 2",
      "INSERT INTO c (name) VALUES ('left1')",
      "INSERT INTO c (name) VALUES ('left2') RETURNING name",
      "INSERT INTO c (id, name) VALUES (2000, 'left3'), (2001, 'left3')",
      "UPDATE c SET n = 5 WHERE name LIKE 'left%'",
      "UPDATE c SET n = 5 WHERE name LIKE 'left%'",
      "UPDATE c SET n = 'abc' WHERE name LIKE 'left%'",
      "SET @a = (SELECT COUNT(*) FROM c)",
      "PREPARE s FROM 'SELECT id FROM c ORDER BY id LIMIT ?'",
      "EXECUTE s USING 2",
      "DO (SELECT COUNT(*) FROM c)",
      "DELETE FROM c WHERE name LIKE 'left%'",
    ]);
  });
});

describe("user variables", () => {
  const QUESTION =
    "SELECT @a, @b, @c, @d, HEX(@a), CHARSET(@a), COLLATION(@b), CHARSET(@c), @a IS NULL, @a + 1, CONCAT(@a, @b)";

  test("set inside statements on an unsharded keyspace", async () => {
    await allThen("u", QUESTION, [
      "SELECT @a := 5, @b := 'x', @c := NULL, @d := 1.50",
      "SELECT @a := @a + 1, @b := CONCAT(@b, 'é')",
      "SELECT @a := id, @b := name FROM p ORDER BY id",
      "SELECT @a := price, @b := note, @c := id FROM p WHERE id = 1",
      "SELECT @a := price, @b := note, @c := name FROM p WHERE id = 5",
      "SELECT @a := 1e3, @b := x'4142', @c := _latin1'é', @d := 18446744073709551615",
      "SELECT @a := -5, @b := 0.1 + 0.2e0, @c := NOW() IS NULL, @d := CAST('2020-01-02' AS DATE)",
      "SET @a = 0",
      "SELECT @a := @a + id AS running FROM p ORDER BY id",
      "SELECT id FROM p WHERE (@b := id) > 2 ORDER BY id",
      "SELECT @a, @a := 3, @a",
      "SELECT @A := 7, @`B` := 8",
      "SELECT id, name FROM p WHERE id = 2 INTO @a, @b",
      "SELECT id, price, name, note FROM p WHERE id = 5 INTO @a, @b, @c, @d",
      "SELECT id INTO @a FROM p WHERE id = 3",
      "SELECT id FROM p WHERE id = -3 INTO @a",
      "SHOW WARNINGS",
      "SELECT id, name FROM p WHERE id = 2 INTO @a",
      "SELECT id FROM p ORDER BY id INTO @a",
      "SELECT COUNT(*) FROM p INTO @c",
      "(SELECT id FROM p WHERE id = 4) UNION (SELECT 4) INTO @d",
      "SELECT id FROM p WHERE id = 2 INTO @a FOR UPDATE",
      "BEGIN",
      "SELECT @a := COUNT(*) FROM p",
      "UPDATE p SET note = @b := 'in update' WHERE id = 3",
      "SELECT note FROM p WHERE id = 3",
      "ROLLBACK",
      "SELECT @a := 11 FROM p WHERE id = 1 UNION SELECT @a",
      "DO @a := 12, @b := @a + 1",
      "SELECT id, @a := 77 FROM p WHERE id = (SELECT 1 UNION SELECT 2)",
      "SELECT NULL, NULL INTO @a, @b",
    ]);
  });

  test("set and read over shards", async () => {
    await allThen("s", QUESTION, [
      "SELECT @a := id, @b := name FROM c WHERE id = 4",
      "SET @a = 0",
      "SELECT @a := @a + 1 AS rank, id FROM c ORDER BY id",
      "SELECT @a := @a + n, id FROM c WHERE id IN (1, 4, 6) ORDER BY id",
      "SELECT id FROM c WHERE id > @a / 100 ORDER BY id",
      "SELECT MAX(id), COUNT(*) INTO @a, @b FROM c",
      "SELECT name FROM c WHERE id = 5 INTO @c",
      "SELECT id, name FROM c WHERE name = @c",
      "SELECT id FROM c WHERE id = -77 INTO @a",
      "SELECT id INTO @a FROM c WHERE id IN (-77, -78)",
      "SELECT id INTO @d FROM c ORDER BY id",
      "SELECT id, name INTO @d FROM c ORDER BY id LIMIT 1",
      "SELECT id INTO @d FROM c ORDER BY id LIMIT 1",
      "SELECT @a := MAX(total) FROM o",
      "SELECT GROUP_CONCAT(name ORDER BY id SEPARATOR @b) FROM c WHERE id < 3",
      "SET @a = 1",
      "SELECT id, @a := 4 FROM c WHERE id = @a ORDER BY id",
      "SELECT @a := c.id, @b := o.oid FROM c JOIN o ON o.cid = c.id ORDER BY o.oid",
      "SELECT @a := c.id, @b := p.name FROM s.c JOIN u.p ON p.id = c.id WHERE c.id = 3",
      "BEGIN",
      "SELECT @a := COUNT(*) FROM c",
      "SELECT @b := name FROM c WHERE id = 6",
      "UPDATE c SET n = @a WHERE id IN (1, 4)",
      "SELECT id, n FROM c WHERE n = @a ORDER BY id",
      "ROLLBACK",
      "SELECT @a, @b := COUNT(*) FROM r",
    ]);
  });

  test("of one session are not seen by another", async () => {
    pair = await Pair.open(twins, "u");
    for (const sql of [
      "SELECT COUNT(*) FROM p WHERE (@leak := 'seen') = 'seen'",
      "ANALYZE SELECT COUNT(*) FROM p WHERE (@leak := 'seen') = 'seen'",
      "CREATE TABLE leaky AS SELECT @leak := 'seen' AS seen",
      "DROP TABLE leaky",
      "UPDATE p SET note = (@leak := 'seen') WHERE id = 1",
      "DO @leak := 'seen'",
      "SELECT id FROM p WHERE id = (SELECT 1 UNION SELECT 2) OR (@leak := 'seen') = 'x'",
    ]) {
      await pair.both(sql);
    }
    const others = await Promise.all(Array.from({ length: 8 }, () => Pair.open(twins, "u")));
    for (let round = 0; round < 3; round++) {
      await Promise.all(others.map((other) => other.same("SELECT @leak IS NULL, COUNT(*) FROM p")));
    }
    for (const other of others) other.close();
    pair.close();
  });
});

describe("LAST_INSERT_ID(expression)", () => {
  test("in a statement that changes nothing", async () => {
    await allThen("u", "SELECT LAST_INSERT_ID(), @@last_insert_id", [
      "SELECT LAST_INSERT_ID(55)",
      "SELECT LAST_INSERT_ID(id) FROM p ORDER BY id LIMIT 2",
      "DO LAST_INSERT_ID(66)",
      "SELECT LAST_INSERT_ID(LAST_INSERT_ID() + 1)",
      "SELECT LAST_INSERT_ID(5), LAST_INSERT_ID()",
      "SELECT LAST_INSERT_ID(18446744073709551615)",
      "UPDATE p SET price = LAST_INSERT_ID(price + 1) WHERE id = 1",
    ]);
    await allThen("s", "SELECT LAST_INSERT_ID()", [
      "SELECT LAST_INSERT_ID(id) FROM c WHERE id = 4",
      "SELECT LAST_INSERT_ID(id) FROM c ORDER BY id",
    ]);
  });
});

describe("SET and DO with values over shards", () => {
  test("subqueries, assignments and locks as values", async () => {
    await allThen("s", "SELECT @a, @b, @c, COLLATION(@b), LAST_INSERT_ID()", [
      "SET @a = (SELECT COUNT(*) FROM c), @b = (SELECT MAX(name) FROM c WHERE id < 5)",
      "SET @a = (SELECT MAX(total) FROM o WHERE cid IN (1, 4)), @c = @a",
      "SET @a = (SELECT name FROM c WHERE id = 5)",
      "SET @a := @b := 4",
      "SET @a = LAST_INSERT_ID(9)",
      "SET @a = (SELECT id FROM c)",
      "SET @a = (SELECT nosuch FROM c)",
      "SET @a = (SELECT SUM(c.n) FROM s.c JOIN u.p ON p.id = c.id)",
      "SET @c = (SELECT COUNT(*) FROM c WHERE id > 2 AND (SELECT COUNT(*) FROM o) > 2)",
      "DO @a := (SELECT COUNT(*) FROM c)",
      "DO @a := (SELECT n FROM c WHERE id = 4), @b := (SELECT COUNT(*) FROM o) + @a",
      "DO (SELECT id FROM c)",
      "DO (SELECT nosuch FROM c)",
      "BEGIN",
      "SET @a = (SELECT COUNT(*) FROM c)",
      "UPDATE c SET n = (@b := 31) WHERE id = 4",
      "SET @c = (SELECT n FROM c WHERE id = 4)",
      "ROLLBACK",
    ]);
  });

  test("GET_LOCK() and its like beside tables elsewhere", async () => {
    pair = await Pair.open(twins, "s");
    const other = await Pair.open(twins, "u");
    for (const sql of [
      "SELECT GET_LOCK('l1', 0), id FROM c WHERE id = 4",
      "SELECT IS_FREE_LOCK('l1'), IS_USED_LOCK('l1') = CONNECTION_ID() FROM c WHERE id IN (1, 4)",
      "SELECT id FROM c WHERE id < 4 AND GET_LOCK(CONCAT('l', id), 0) ORDER BY id",
      "SELECT c.id, p.id, IS_FREE_LOCK('l2') FROM s.c JOIN u.p ON p.id = c.id ORDER BY 1, 2",
    ]) {
      await alike(sql);
      for (const lock of ["l1", "l2", "l3", "l9"]) await alike(`SELECT IS_FREE_LOCK('${lock}')`, other);
    }
    await alike("SELECT GET_LOCK('l1', 0), GET_LOCK('l2', 0)", other);
    await alike("DO (SELECT RELEASE_LOCK('l2') FROM c WHERE id = 4)");
    await alike("SELECT GET_LOCK('l1', 0), GET_LOCK('l2', 0)", other);
    await alike("SET @a = (SELECT RELEASE_ALL_LOCKS() FROM c WHERE id = 1)");
    await alike("SELECT @a, GET_LOCK('l1', 0)", pair);
    await alike("SELECT COUNT(*) FROM c WHERE IS_FREE_LOCK('l3')", other);
    other.close();
    pair.close();
  });

  test("SET STATEMENT … FOR a statement over shards", async () => {
    pair = await Pair.open(twins, "s");
    for (const sql of [
      "SET STATEMENT group_concat_max_len = 3 FOR SELECT GROUP_CONCAT(id ORDER BY id) FROM c",
      "SET STATEMENT sql_select_limit = 2 FOR SELECT id FROM c ORDER BY id",
      "SET STATEMENT time_zone = '+05:00' FOR SELECT FROM_UNIXTIME(id) FROM c ORDER BY id",
      "SET STATEMENT time_zone = '+05:00' FOR SELECT FROM_UNIXTIME(id) FROM c WHERE id = 4",
      "SET STATEMENT time_zone = '+05:00', div_precision_increment = 6 FOR SELECT @a := AVG(n) FROM c",
      "SET STATEMENT nosuch = 1 FOR SELECT id FROM c",
      "SET STATEMENT time_zone = 'nosuch' FOR SELECT id FROM c",
      "SET STATEMENT max_statement_time = 1 FOR SELECT nosuch FROM c",
      "SET STATEMENT group_concat_max_len = 5 FOR UPDATE c SET name = 'x' WHERE id IN (1, 4)",
      "SET STATEMENT timestamp = 1000000000 FOR SELECT NOW(), id FROM c ORDER BY id",
      "UPDATE c SET name = IF(id = 1, 'a', 'd') WHERE id IN (1, 4)",
    ]) {
      await alike(sql);
      await alike("SELECT @@time_zone, @@group_concat_max_len, @@sql_select_limit, @@div_precision_increment, @a");
      await alike("SELECT COUNT(*), GROUP_CONCAT(name ORDER BY id) FROM c");
    }
    pair.close();
  });

  test("max_statement_time is for all parts together", async () => {
    pair = await Pair.open(twins, "s");
    await pair.same("SET max_statement_time = 0.6");
    await alike(
      "SELECT SUM(n + SLEEP(0.14)) FROM c WHERE n > (SELECT MIN(total) + MAX(SLEEP(0.5)) FROM o WHERE oid = 11)",
    );
    await pair.same("SET max_statement_time = 0");
    await alike("SELECT SUM(n) FROM c WHERE n > (SELECT MIN(total) FROM o)");
    pair.close();
  });

  test("sql_select_limit is about the whole answer", async () => {
    pair = await Pair.open(twins, "s");
    for (const limit of ["3", "0", "18446744073709551615", "-1", "1", "DEFAULT", "2"]) {
      for (const outcome of await pair.both(`SET sql_select_limit = ${limit}`)) expect(outcome.kind).toBe("ok");
      for (const sql of [
        "SELECT id FROM c ORDER BY id",
        "SELECT id FROM c ORDER BY id LIMIT 4",
        "SELECT COUNT(*) FROM (SELECT id FROM c) AS d",
        "SELECT n, COUNT(*) FROM c GROUP BY n ORDER BY n",
        "SELECT COUNT(*), SUM(n) FROM c",
        "SELECT id FROM c WHERE id = 4",
        "SELECT id FROM c WHERE id IN (SELECT cid FROM o) ORDER BY id",
        "SELECT id FROM c UNION SELECT oid FROM o ORDER BY id",
        "SELECT SQL_CALC_FOUND_ROWS id FROM c ORDER BY id",
        "SELECT FOUND_ROWS()",
        "SELECT p.id FROM u.p JOIN s.c ON c.id = p.id ORDER BY p.id",
        "SELECT id FROM r ORDER BY id",
        "SELECT id FROM u.p ORDER BY id",
        "SET @l = 1 + 1, @m = (SELECT MAX(id) FROM c)",
        "SELECT @n := MAX(n) FROM c LIMIT 1",
        "SELECT id FROM c WHERE id = @l + 2 LIMIT 1",
        "SELECT @l, @m, @n LIMIT 1",
        "SHOW TABLES LIKE '_'",
        "SHOW VARIABLES LIKE 'autocommit%'",
      ]) {
        await alike(sql);
      }
      expect((await pair.gateway.rows("SELECT id FROM c")).length).toBe(
        (await pair.direct.rows("SELECT id FROM c")).length,
      );
    }
    pair.close();
  });
});

describe("locking reads over shards", () => {
  /** Runs `reads` in a transaction of one session; `kept` are then tried by another, which waits 1 s for a lock. */
  async function whileLocked(reads: readonly string[], kept: readonly string[]): Promise<void> {
    pair = await Pair.open(twins, "s");
    const other = await Pair.open(twins, "s");
    try {
      await other.same("SET innodb_lock_wait_timeout = 1");
      await pair.same("BEGIN");
      for (const sql of reads) await alike(sql);
      for (const sql of kept) {
        await other.same("BEGIN");
        await alike(sql, other);
        await other.same("ROLLBACK");
      }
      await pair.same("COMMIT");
      await other.same("UPDATE c SET n = 10 WHERE id IN (1, 4)");
    } finally {
      other.close();
      pair.close();
    }
  }
  const WRITES = ["UPDATE c SET n = 11 WHERE id = 1", "UPDATE c SET n = 11 WHERE id = 4"];
  const PROBES = ["SELECT id FROM c WHERE id = 1 FOR UPDATE NOWAIT", "SELECT id FROM c WHERE id = 4 FOR UPDATE NOWAIT"];

  test("FOR UPDATE, rows put one after the other", async () => {
    await whileLocked(
      ["SELECT * FROM c WHERE id IN (1, 4) FOR UPDATE"],
      [
        ...WRITES,
        "UPDATE c SET n = 20 WHERE id = 2",
        "SELECT id FROM c WHERE id = 1 FOR UPDATE NOWAIT",
        "SELECT id FROM c WHERE id IN (1, 2, 4, 5) ORDER BY id FOR UPDATE SKIP LOCKED",
        "SELECT id FROM c WHERE id IN (1, 2, 4, 5) FOR UPDATE NOWAIT",
        "SELECT id FROM c WHERE id IN (1, 4) ORDER BY id",
      ],
    );
  });

  test("FOR UPDATE, rows merged or gathered", async () => {
    for (const sql of [
      "SELECT id FROM c WHERE id IN (1, 4) ORDER BY id FOR UPDATE",
      "SELECT SUM(n) FROM c WHERE id IN (1, 4) FOR UPDATE",
      "SELECT @sum := SUM(n) FROM c WHERE id IN (1, 4) FOR UPDATE",
      "SELECT n, COUNT(*) FROM c WHERE id IN (1, 4) GROUP BY n ORDER BY n LIMIT 1 FOR UPDATE",
      "SELECT c.id + 0, p.id FROM s.c JOIN u.p ON p.id = c.id WHERE c.id IN (1, 4) ORDER BY 1 FOR UPDATE",
    ]) {
      await whileLocked([sql], PROBES);
    }
  });

  test("LOCK IN SHARE MODE lets others read, and lock likewise", async () => {
    for (const sql of [
      "SELECT id FROM c WHERE id IN (1, 4) LOCK IN SHARE MODE",
      "SELECT @sum := SUM(n) FROM c WHERE id IN (1, 4) LOCK IN SHARE MODE",
    ]) {
      await whileLocked([sql], [...PROBES, "SELECT id FROM c WHERE id IN (1, 4) ORDER BY id LOCK IN SHARE MODE"]);
    }
  });

  test("a block locks its own tables", async () => {
    await whileLocked(
      ["SELECT oid FROM o WHERE cid = 1 AND cid IN (SELECT id FROM c WHERE id = 1) ORDER BY oid FOR UPDATE"],
      ["SELECT oid FROM o WHERE cid = 1 AND oid = 11 FOR UPDATE NOWAIT"],
    );
    await whileLocked(["SELECT id FROM (SELECT id FROM c WHERE id IN (1, 4) FOR UPDATE) AS d ORDER BY id"], PROBES);
  });

  test("nothing stays locked outside a transaction", async () => {
    pair = await Pair.open(twins, "s");
    const other = await Pair.open(twins, "s");
    for (const each of [pair, other]) await each.same("SET innodb_lock_wait_timeout = 1");
    await alike("SELECT id FROM c WHERE id IN (1, 4) FOR UPDATE");
    await alike("SELECT SUM(n) FROM c WHERE id IN (1, 4) FOR UPDATE");
    await other.allSame(["UPDATE c SET n = 12 WHERE id IN (1, 4)", "UPDATE c SET n = 10 WHERE id IN (1, 4)"]);
    await pair.same("SET autocommit = 0");
    await alike("SELECT SUM(n) FROM c WHERE id IN (1, 4) FOR UPDATE");
    await other.allSame(WRITES.slice(0, 1));
    await pair.same("COMMIT");
    await other.allSame(["UPDATE c SET n = 10 WHERE id IN (1, 4)"]);
    other.close();
    pair.close();
  });
});

describe("the statement's time", () => {
  beforeAll(async () => {
    const column = "t TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6)";
    for (const port of [...twins.shardPorts(), twins.plain.port]) {
      const server = await TwinClient.connect(port);
      await must(server, `ALTER TABLE s.x ADD COLUMN ${column}`);
      server.close();
    }
    pair = await Pair.open(twins, "s");
  });
  afterAll(() => pair.close());

  async function values(sql: string): Promise<number> {
    return new Set(await pair.gateway.rows(sql)).size;
  }

  test("is one over several shards, and of the type it has", async () => {
    for (const now of [
      "NOW(6)",
      "CURRENT_TIMESTAMP(6)",
      "UTC_TIMESTAMP(6)",
      "LOCALTIME(6)",
      "UNIX_TIMESTAMP(NOW(6))",
      "@@timestamp",
    ]) {
      expect(await values(`SELECT ${now} FROM c`), now).toBe(1);
      expect(await values(`SELECT ${now} FROM c ORDER BY id`), now).toBe(1);
      expect(await values(`SELECT ${now} FROM c GROUP BY id`), now).toBe(1);
    }
    const [got, wanted] = await pair.both(
      "SELECT NOW(), NOW(3), CURDATE(), CURTIME(2), UTC_TIMESTAMP(6), UTC_DATE(), UNIX_TIMESTAMP(), SYSDATE(), @@timestamp FROM c",
    );
    if (got.kind !== "rows" || wanted.kind !== "rows") throw new Error("no rows");
    expect(got.columns).toEqual(wanted.columns);
    expect(Math.abs(await secondsOff("SELECT UNIX_TIMESTAMP() FROM c LIMIT 1"))).toBeLessThan(60);
  });

  test("is one for a write to several shards, also where a column has it as default", async () => {
    await pair.same("INSERT INTO x (k, v) VALUES (1, 'a'), (2, 'b'), (3, 'c'), (4, 'd'), (5, 'e'), (6, 'f')");
    expect(await values("SELECT t FROM x")).toBe(1);
    await must(pair.gateway, "UPDATE x SET v = CONCAT('u', k) WHERE k IN (1, 2, 3, 4, 5, 6)");
    expect(await values("SELECT t FROM x")).toBe(1);
    await must(pair.gateway, "BEGIN");
    await must(pair.gateway, "UPDATE x SET v = RIGHT(NOW(6), 15) WHERE k IN (1, 2, 3, 4, 5, 6)");
    expect(await values("SELECT v, t FROM x")).toBe(1);
    await must(pair.gateway, "COMMIT");
    expect(await values("SELECT v, t FROM x")).toBe(1);
  });

  test("goes on afterwards", async () => {
    const seen = new Set<string>();
    for (let i = 0; i < 10; i++) {
      await pair.gateway.rows("SELECT NOW(6) FROM c");
      for (const id of [1, 4]) seen.add((await pair.gateway.rows(`SELECT NOW(6) FROM c WHERE id = ${id}`)).join());
    }
    expect(seen.size).toBe(20);
    await must(pair.gateway, "BEGIN");
    await pair.gateway.rows("SELECT NOW(6) FROM c");
    for (const id of [1, 4, 1, 4]) seen.add((await pair.gateway.rows(`SELECT NOW(6) FROM c WHERE id = ${id}`)).join());
    await must(pair.gateway, "ROLLBACK");
    expect(seen.size).toBe(24);
  });

  test("is the session's own if it has set one", async () => {
    await pair.same("SET timestamp = 1000000000.123456");
    for (const sql of [
      "SELECT NOW(6), id FROM c",
      "SELECT NOW(6) FROM c WHERE id = 4",
      "SELECT NOW(6), SUM(n) FROM c",
      "SELECT NOW(6)",
    ]) {
      await alike(sql);
    }
    await pair.allSame(["UPDATE x SET v = 'own' WHERE k IN (1, 2, 3, 4)", "SET timestamp = DEFAULT"]);
    expect(await values("SELECT t FROM x WHERE k IN (1, 2, 3, 4)")).toBe(1);
    expect(await pair.gateway.rows("SELECT UNIX_TIMESTAMP(t) FROM x WHERE k = 1")).toEqual(["1000000000.123456"]);
    for (const sql of ["SELECT UNIX_TIMESTAMP() FROM c LIMIT 1", "SELECT UNIX_TIMESTAMP() FROM c WHERE id = 4"]) {
      expect(Math.abs(await secondsOff(sql)), sql).toBeLessThan(60);
    }
  });

  async function secondsOff(sql: string): Promise<number> {
    return Number((await pair.gateway.rows(sql))[0]) - Date.now() / 1000;
  }

  test("RAND(), UUID() and SYSDATE() are new in each row; a seed gives one sequence", async () => {
    for (const own of ["RAND()", "UUID()", "UUID_SHORT()", "HEX(RANDOM_BYTES(8))"])
      expect(await values(`SELECT ${own} FROM c`)).toBe(7);
    await alike("SELECT RAND(3) FROM c");
    await alike("SELECT COUNT(DISTINCT RAND(7)), MIN(RAND(7)) FROM c");
    expect(await values("SELECT @@server_id, @@hostname, @@port FROM c")).toBe(1);
    await alike("SELECT CONNECTION_ID() > 0, DATABASE(), USER(), ROW_COUNT(), @@autocommit FROM c WHERE id IN (1, 4)");
  });
});
