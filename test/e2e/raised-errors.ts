// Statements that go wrong, or warn, in the ways that programs tell apart by errno, SQLSTATE or text, and what a client sees
// of each: the answer and SHOW WARNINGS.

import type { Outcome, TwinClient } from "./twin.ts";

/** In an unsharded keyspace, run on both. */
export const TABLES_OF_ONE = [
  "CREATE TABLE e (id BIGINT NOT NULL PRIMARY KEY, a TINYINT NOT NULL, s VARCHAR(5), d DATE, n DECIMAL(5,2), k ENUM('x','y'), u INT, req INT NOT NULL, un INT UNSIGNED, UNIQUE KEY u_key (u), UNIQUE KEY two (s, d), CONSTRAINT small CHECK (a < 100))",
  "CREATE TABLE f (id BIGINT NOT NULL, eid BIGINT NOT NULL, PRIMARY KEY (eid, id), CONSTRAINT f_e FOREIGN KEY (eid) REFERENCES e (id))",
  "CREATE TABLE g (id BIGINT NOT NULL PRIMARY KEY, v VARCHAR(10) CHARACTER SET latin1, gen INT GENERATED ALWAYS AS (id + 1) VIRTUAL)",
  "INSERT INTO e (id, a, s, d, n, k, u, req) VALUES (1, 1, 'a', '2020-01-01', 1.5, 'x', 10, 1), (2, 2, 'b', '2020-01-02', 2.5, 'y', 20, 2), (4, 4, 'd', '2020-01-04', 4.5, 'x', 40, 4)",
  "INSERT INTO f (id, eid) VALUES (1, 1), (2, 4)",
  "INSERT INTO g (id, v) VALUES (1, 'one'), (4, 'four')",
];

export const GONE_WRONG_ON_ONE = [
  "INSERT INTO e (id, a, req) VALUES (11, 1, 1), (4, 1, 1)",
  "INSERT INTO e (id, a, req, s, d) VALUES (9, 1, 1, 'a', '2020-01-01')",
  "UPDATE e SET u = 10 WHERE id = 2",
  "INSERT INTO f (id, eid) VALUES (1, 77)",
  "DELETE FROM e WHERE id = 1",
  "TRUNCATE TABLE e",
  "ALTER TABLE f DROP FOREIGN KEY nosuch",
  "INSERT INTO e (id, a, req, s) VALUES (21, 1, 1, 'ok'), (22, 1, 1, 'toolong')",
  "INSERT INTO e (id, a, req) VALUES (21, 1, 1), (24, 1000, 1)",
  "INSERT INTO e (id, a, req) VALUES (21, 1, 1), (22, NULL, 1)",
  "INSERT INTO e (id, a) VALUES (21, 1)",
  "INSERT INTO e (id, a, req, d) VALUES (21, 1, 1, '2020-02-30')",
  "INSERT INTO e (id, a, req, n) VALUES (21, 1, 1, 1.234), (22, 1, 1, 1.5), (23, 1, 1, 1.777)",
  "INSERT INTO e (id, a, req, k) VALUES (31, 1, 1, 'z')",
  "INSERT INTO e (id, a, req, un) VALUES (31, 1, 1, -1)",
  "INSERT INTO e (id, a, req, u) VALUES (31, 1, 1, '12abc')",
  "INSERT INTO e (id, a, req, u) VALUES (31, 1, 1, 'abc')",
  "INSERT INTO e (id, a, req) VALUES (31, 1, 1), (32, 1)",
  "INSERT INTO e (id, a, req, nocol) VALUES (31, 1, 1, 1)",
  "INSERT INTO e (id, a, a) VALUES (31, 1, 1)",
  "INSERT INTO e (id, a, req) VALUES (31, 101, 1)",
  "INSERT INTO g (id, v) VALUES (9, 'a'), (10, '日')",
  "INSERT INTO g (id, gen) VALUES (9, 5)",
  "INSERT IGNORE INTO e (id, a, req, s) VALUES (1, 1, 1, 'x'), (51, 1000, 1, 'y'), (53, NULL, 1, 'toolong')",
  "INSERT IGNORE INTO f (id, eid) VALUES (5, 88), (6, 1)",
  "INSERT INTO e (id, a, req) VALUES (1, 1, 1) ON DUPLICATE KEY UPDATE u = 20",
  "UPDATE e SET a = 1/0 WHERE id = 1",
  "UPDATE e SET un = 1 - 2",
  "UPDATE e SET a = SUM(a)",
  "SELECT nocol FROM e",
  "SELECT 1 FROM e WHERE nocol = 1",
  "SELECT 1 FROM e ORDER BY nocol",
  "SELECT id FROM e JOIN g ON e.id = g.id",
  "SELECT 1 FROM e x JOIN g x",
  "SELECT * FROM nosuch",
  "SELECT * FROM nodb.nosuch",
  "SELECT * FROM e WHERE id = (SELECT id FROM g)",
  "SELECT id FROM e UNION SELECT id, v FROM g",
  "SELECT id FROM e WHERE COUNT(*) > 1",
  "SELECT * FROM (SELECT id, id FROM e) d",
  "SELECT * FROM (SELECT id FROM e)",
  "SELECT nofunc(1)",
  "SELECT ABS(1, 2)",
  "SELECT 1/0",
  "SELECT id + 9223372036854775807 FROM e",
  "SELECT CAST('x' AS DATE), 'a' + 1",
  "SELECT 'a' REGEXP '('",
  "SELECT JSON_EXTRACT('{a', '$.a')",
  "SELECT v FROM g WHERE v COLLATE latin1_bin = v COLLATE latin1_general_ci",
  "SELECT id FROM e FORCE INDEX (noindex)",
  "SELECT id FROM e LIMIT -1",
  "SELEC 1",
  "SELECT 1 FROM e WHERE id = = 1",
  "CREATE TABLE e (id INT)",
  "DROP TABLE nosuch",
  "DROP TABLE IF EXISTS nosuch",
  "ALTER TABLE e ADD COLUMN a INT",
  "ALTER TABLE e DROP COLUMN nocol",
  "ALTER TABLE e ADD KEY two (a)",
  "CREATE TABLE z (a INT, KEY (b))",
  "CREATE VIEW z AS SELECT nocol FROM e",
  "CALL nosuch()",
  "SHOW CREATE TABLE nosuch",
  "SET nosuch = 1",
  "SET autocommit = 5",
  "SET NAMES nosuch",
  "ROLLBACK TO nosuch",
  "XA COMMIT 'nosuch'",
  "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'custom', MYSQL_ERRNO = 5000",
  "SIGNAL SQLSTATE '01000' SET MESSAGE_TEXT = 'warned', MYSQL_ERRNO = 5001",
];

/** Into s.c and s.o, which are empty before. */
export const ROWS_OVER_SHARDS = [
  "INSERT INTO c (id, name, email, n) VALUES (1, 'a', 'a@x', 1), (2, 'b', 'b@x', 2), (4, 'd', 'd@x', 4), (6, 'f', 'f@x', 6)",
  "INSERT INTO o (oid, cid, total) VALUES (1, 1, 10), (2, 4, 20)",
];

/** Rows 1, 2, 3 and 5 are on one shard, 4 and 6 on the other. */
export const GONE_WRONG_OVER_SHARDS = [
  "INSERT INTO c (id, name) VALUES (11, 'x'), (4, 'y'), (12, 'z')",
  "INSERT INTO c (id, email) VALUES (3, 'a@x')",
  "INSERT INTO c (id, n) VALUES (11, 1), (4000, 2), (13, 99999999999), (14, 1), (15, 99999999999)",
  "INSERT INTO c (id, n) VALUES (11, 1), (14, '1x')",
  "INSERT INTO c (id, name) VALUES (21, 'this is too long for it'), (4, 'y')",
  "INSERT INTO c (id, name) VALUES (NULL, 'a'), (4, 'x')",
  "INSERT INTO c (id, name) VALUES (21, 'a', 1)",
  "INSERT INTO c (id, name) VALUES (21, 'a'), (22)",
  "INSERT INTO c (id, nocol) VALUES (21, 'a'), (22, 'b')",
  "INSERT INTO o (oid, cid, total) VALUES (21, 1, 1.234), (22, 4, 2.234), (23, 2, 1.5), (24, 6, 1.777), (25, 5, 1.999)",
  "INSERT IGNORE INTO c (id, n) VALUES (1, 1), (51, 99999999999), (6, 9), (53, '7x')",
  "INSERT INTO c (id) VALUES (1), (4) ON DUPLICATE KEY UPDATE n = 99999999999",
  "REPLACE INTO c (id, n) VALUES (31, 1), (4, 99999999999)",
  "INSERT INTO i (iid, cid) SELECT oid FROM o WHERE oid > 1000",
  "INSERT INTO i (iid, cid, nocol) SELECT oid, cid, 1 FROM o WHERE oid > 1000",
  "INSERT INTO i (iid, cid) SELECT oid, cid FROM o WHERE oid > 1000",
  "INSERT INTO c (name) SELECT sku FROM i WHERE oid > 1000",
  "INSERT INTO i (cid) SELECT oid FROM o WHERE oid > 1000",
  "UPDATE o SET total = total + 1.2345",
  "UPDATE c SET n = 99999999999",
  "UPDATE c SET name = 'this is too long for it' WHERE id = 4",
  "UPDATE IGNORE c SET name = REPEAT(name, 30)",
  "UPDATE c SET id = 1 WHERE id = 4",
  "UPDATE c SET nocol = 1",
  "UPDATE c SET n = 1 WHERE nocol = 1",
  "UPDATE c, i SET oid = nocol WHERE c.id = i.cid",
  "UPDATE o, i SET oid = 1 WHERE o.cid = i.cid",
  "UPDATE o, i SET o.nocol = 1 WHERE o.total = i.sku",
  "UPDATE c SET nocol = 1 WHERE id > 1000 LIMIT 1",
  "DELETE FROM c WHERE nocol = 1",
  "DELETE nosuch FROM c JOIN o ON c.id = o.cid",
  "SELECT nocol FROM c",
  "SELECT 1 FROM c ORDER BY nocol",
  "SELECT 1 FROM c GROUP BY nocol",
  "SELECT cid FROM o JOIN i ON o.cid = i.cid",
  "SELECT cid FROM o JOIN i ON o.oid = i.oid",
  "SELECT 1 FROM c x JOIN o x",
  "SELECT * FROM c WHERE id = (SELECT oid FROM o)",
  "SELECT * FROM c WHERE id = (SELECT oid, cid FROM o)",
  "SELECT id FROM c UNION SELECT oid, cid FROM o",
  "SELECT id FROM c WHERE COUNT(*) > 1",
  "SELECT SUM(SUM(id)) FROM c",
  "SELECT * FROM (SELECT id, id FROM c) d",
  "SELECT d.nocol FROM (SELECT id FROM c) d",
  "SELECT nofunc(id) FROM c",
  "SELECT id + 9223372036854775807 FROM c",
  "SELECT name REGEXP '(' FROM c",
  "SELECT ROW_NUMBER() OVER (PARTITION BY nocol) FROM c",
  "SELECT id FROM c FORCE INDEX (noindex)",
  "SELECT id/0 FROM c",
  "ALTER TABLE c ADD COLUMN name INT",
  "ALTER TABLE c ADD KEY email (n)",
  "DROP VIEW nosuch",
  "SET @x = (SELECT id FROM c)",
];

/** What a client sees: in a transaction that is rolled back, so that the statement can be run again. */
export async function seenBy(client: TwinClient, sql: string, isPrepared: boolean): Promise<object> {
  await client.query("BEGIN");
  const answer = isPrepared ? await client.execute(sql, []) : await client.query(sql);
  const warnings = await client.query("SHOW WARNINGS");
  await client.query("ROLLBACK");
  const told = warnings.kind === "rows" ? warnings.rows : warnings;
  return { answer: withoutColumns(answer), told };
}

function withoutColumns(answer: Outcome): object {
  if (answer.kind !== "rows") return answer;
  return { rows: answer.rows.toSorted(), warnings: answer.warnings };
}
