// A sharded keyspace on two shards against one plain MariaDB: every statement gives what MariaDB gives, or is refused with
// 1235. Never different, never a part.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { GONE_WRONG_ON_ONE, GONE_WRONG_OVER_SHARDS, ROWS_OVER_SHARDS, seenBy, TABLES_OF_ONE } from "./raised-errors.ts";
import { must, Pair, startTwins, type Twins } from "./twin.ts";

let twins: Twins;
let pair: Pair;

beforeAll(async () => {
  twins = await startTwins();
  pair = await Pair.open(twins, "s");
});
afterAll(async () => {
  pair.close();
  await twins.stop();
});

const ROWS = [
  "INSERT INTO c (id, name, email, n) VALUES (1,'a','a1',1),(2,'b','b2',2),(3,'c','c3',3),(4,'d','d4',NULL),(5,'e','e5',5)",
  "INSERT INTO c (id, name, email, n) VALUES (6,'f','f6',1),(7,'g','g7',2),(8,'h','h8',3),(9,'i','i9',NULL),(10,'j','j10',5),(53,'x','x53',1),(49,'y','y49',1)",
  "INSERT INTO c (id, name, email, n) VALUES (-1,'n1','n1',1),(-2,'n2','n2',1),(-3,'n3','n3',1),(-5,'n5','n5',1)",
  "INSERT INTO c (id, name, email, n) VALUES (9223372036854775807,'max','max',1)",
  "INSERT INTO o (oid, cid, total) VALUES (101,1,1.5),(102,1,2.5),(103,2,3.5),(104,3,4.5),(105,4,5.5),(106,11,6.5),(107,-5,7.5),(108,9223372036854775807,8.5)",
  "INSERT INTO i (iid, cid, oid, sku) VALUES (1,1,101,'s1'),(2,1,102,'s2'),(3,2,103,'s1'),(4,5,999,'s9'),(5,12,106,'s3')",
  "INSERT INTO m (mid, room, body) VALUES (1,'lobby','hi'),(2,'Lobby','ho'),(3,'5','five'),(4,'05','zero five'),(5,'0','zero'),(6,'abc','x'),(7,'red','r'),(8,'blue','b'),(9,'5abc','y'),(10,'green','g')",
  "INSERT INTO x (k, v) VALUES (1,'a'),(2,'b'),(3,'c'),(4,'d'),(5,'e'),(53,'f'),(49,'g'),(-5,'h'),(12849,'i'),(0,'z')",
];

const KEYS = [
  "SELECT * FROM c WHERE id = 5",
  "SELECT * FROM c WHERE id = '5'",
  "SELECT * FROM c WHERE id = '05'",
  "SELECT * FROM c WHERE id = 5.0",
  "SELECT * FROM c WHERE id = 5e0",
  "SELECT * FROM c WHERE id = '5abc'",
  "SELECT * FROM c WHERE id = x'35'",
  "SELECT * FROM c WHERE id = 0x35",
  "SELECT * FROM c WHERE id = b'101'",
  "SELECT * FROM c WHERE id = 0b101",
  "SELECT * FROM c WHERE id = ' 5'",
  "SELECT * FROM c WHERE id = '5 '",
  "SELECT * FROM c WHERE id = '+5'",
  "SELECT * FROM c WHERE id = +5",
  "SELECT * FROM c WHERE id = '-5'",
  "SELECT * FROM c WHERE id = -5",
  "SELECT * FROM c WHERE id = - -5",
  "SELECT * FROM c WHERE id = -(-5)",
  "SELECT * FROM c WHERE id = -'5'",
  "SELECT * FROM c WHERE id = -5.0",
  "SELECT * FROM c WHERE id = '-5.0'",
  "SELECT * FROM c WHERE id = '-5 '",
  "SELECT * FROM c WHERE id = '9223372036854775807'",
  "SELECT * FROM c WHERE id = 9223372036854775807",
  "SELECT * FROM c WHERE id = 9223372036854775808",
  "SELECT * FROM c WHERE id = 18446744073709551615",
  "SELECT * FROM c WHERE id = 18446744073709551611",
  "SELECT * FROM c WHERE id = '18446744073709551611'",
  "SELECT * FROM c WHERE id = -9223372036854775808",
  "SELECT * FROM c WHERE id = 99999999999999999999999",
  "SELECT * FROM c WHERE id = TRUE",
  "SELECT * FROM c WHERE id = NULL",
  "SELECT * FROM c WHERE id <=> NULL",
  "SELECT * FROM c WHERE id <=> 5",
  "SELECT * FROM c WHERE id IS NULL",
  "SELECT * FROM c WHERE id IN (NULL)",
  "SELECT * FROM c WHERE id IN (NULL, 5, 6)",
  "SELECT * FROM c WHERE id IN (1, '2', 3.0, 4e0, x'05', '06')",
  "SELECT * FROM c WHERE id IN (1, '-5', -1)",
  "SELECT * FROM c WHERE id IN ('-5', '-3')",
  "SELECT * FROM c WHERE id IN ('1','2x','3')",
  "SELECT * FROM c WHERE id IN (1, -1, 18446744073709551615)",
  "SELECT * FROM c WHERE id IN (1, 2) AND id IN (2, 3)",
  "SELECT * FROM c WHERE id IN (1, 2) AND id = 3",
  "SELECT * FROM c WHERE id = 1 OR id = 2",
  "SELECT * FROM c WHERE id = 1 OR name = 'b'",
  "SELECT * FROM c WHERE NOT (id <> 5)",
  "SELECT * FROM c WHERE NOT id = 5",
  "SELECT * FROM c WHERE id NOT IN (1,2,3)",
  "SELECT * FROM c WHERE id BETWEEN 3 AND 7",
  "SELECT * FROM c WHERE id NOT BETWEEN 3 AND 7",
  "SELECT * FROM c WHERE (id, name) = (5, 'e')",
  "SELECT * FROM c WHERE (id, name) IN ((5, 'e'), (6, 'f'))",
  "SELECT * FROM c WHERE id IN (5, id)",
  "SELECT * FROM c WHERE id = id",
  "SELECT * FROM c WHERE 5 = id",
  "SELECT * FROM c WHERE 5 IN (id)",
  "SELECT * FROM c WHERE id = 5 XOR id = 6",
  "SELECT * FROM c WHERE id = (5)",
  "SELECT * FROM c WHERE id = 2+3",
  "SELECT * FROM c WHERE id = 5 AND 1 = 0",
  "SELECT * FROM c WHERE id = _latin1'5'",
  "SELECT * FROM c WHERE id = N'5'",
  "SELECT * FROM c WHERE id = '5' '3'",
  "SELECT * FROM c WHERE id = 5 LIMIT 1",
  "SELECT * FROM c WHERE id IN (1, 2) LIMIT 1",
  "SELECT * FROM c WHERE id IN (5, 5) ORDER BY name LIMIT 1",
  "SELECT COUNT(*) FROM c WHERE id IN (1, 2)",
  "SELECT COUNT(*) FROM c WHERE id = NULL",
  "SELECT COUNT(*) FROM c WHERE id IN (NULL, NULL)",
  "SELECT * FROM c WHERE id LIKE '5'",
  "SELECT * FROM c WHERE id = DATE'2020-01-01'",
  "SELECT * FROM c WHERE id = 5 COLLATE utf8mb4_bin",
  "SELECT * FROM c WHERE id = '5' COLLATE utf8mb4_bin",
  "SELECT * FROM c WHERE BINARY id = '5'",
  "SELECT * FROM c WHERE id = CAST('5' AS SIGNED)",
  "SELECT * FROM c WHERE id = @x",
  "SELECT * FROM c AS q WHERE q.id = 5",
  "SELECT * FROM c AS q WHERE c.id = 5",
  "SELECT * FROM s.c WHERE s.c.id = 5",
  "SELECT * FROM c WHERE C.ID = 5",
  "SELECT ID FROM c WHERE Id = 5",
];

const TEXT_KEYS = [
  "SELECT * FROM m WHERE room = 'lobby'",
  "SELECT * FROM m WHERE room = 'LOBBY '",
  "SELECT * FROM m WHERE room = 5",
  "SELECT * FROM m WHERE room = 0",
  "SELECT * FROM m WHERE room = '5'",
  "SELECT * FROM m WHERE room = '05'",
  "SELECT * FROM m WHERE room = 5.0",
  "SELECT * FROM m WHERE room IN (5, 'red')",
  "SELECT * FROM m WHERE room IN ('red', 'blue', 'LOBBY')",
  "SELECT * FROM m WHERE room = x'6c6f626279'",
  "SELECT * FROM m WHERE room = x'4c4f626279'",
  "SELECT * FROM m WHERE room = TRUE",
  "SELECT * FROM m WHERE room = 'lobby' COLLATE utf8mb4_bin",
  "SELECT * FROM m WHERE BINARY room = 'lobby'",
  "SELECT * FROM m WHERE room LIKE 'lobby'",
];

const BYTE_KEYS = [
  "SELECT * FROM x WHERE k = 5",
  "SELECT * FROM x WHERE k = '5'",
  "SELECT * FROM x WHERE k = '05'",
  "SELECT * FROM x WHERE k = '5abc'",
  "SELECT * FROM x WHERE k = x'35'",
  "SELECT * FROM x WHERE k = 0x31",
  "SELECT * FROM x WHERE k = x'3231'",
  "SELECT * FROM x WHERE k = -5",
  "SELECT * FROM x WHERE k = '-5'",
  "SELECT * FROM x WHERE k = -0",
  "SELECT * FROM x WHERE k = '-0'",
  "SELECT * FROM x WHERE k = ' 5'",
  "SELECT * FROM x WHERE k = 'abc'",
  "SELECT * FROM x WHERE k = ''",
  "SELECT * FROM x WHERE k = 0x05",
  "SELECT * FROM x WHERE k IN (x'35', 1)",
  "SELECT * FROM x WHERE k = 005",
];

const JOINS = [
  "SELECT * FROM c JOIN o ON c.id = o.cid",
  "SELECT * FROM c LEFT JOIN o ON c.id = o.cid",
  "SELECT * FROM c RIGHT JOIN o ON c.id = o.cid",
  "SELECT * FROM c, o WHERE c.id = o.cid AND c.id = 1",
  "SELECT * FROM c LEFT JOIN o ON c.id = o.cid WHERE c.id = 1",
  "SELECT * FROM c LEFT JOIN o ON c.id = o.cid AND c.id = 1",
  "SELECT * FROM c LEFT JOIN o ON c.id = o.cid AND o.cid = 1",
  "SELECT * FROM c LEFT JOIN o ON c.id = o.cid WHERE o.cid IS NULL",
  "SELECT * FROM c LEFT JOIN o ON c.id = o.cid WHERE o.cid = 1",
  "SELECT * FROM c LEFT JOIN o ON c.id = o.cid AND o.total > 2 WHERE c.id IN (1,2,3)",
  "SELECT * FROM c LEFT JOIN o ON c.id = o.cid LEFT JOIN i ON i.cid = o.cid",
  "SELECT * FROM c LEFT JOIN o ON c.id = o.cid LEFT JOIN i ON i.cid = c.id",
  "SELECT * FROM c LEFT JOIN (o JOIN i ON o.cid = i.cid) ON c.id = o.cid",
  "SELECT * FROM c LEFT JOIN (o LEFT JOIN i ON o.cid = i.cid) ON c.id = i.cid",
  "SELECT * FROM o JOIN i LEFT JOIN c ON c.id = o.cid AND c.id = i.cid",
  "SELECT * FROM o JOIN i ON 1=1 LEFT JOIN c ON c.id = o.cid AND c.id = i.cid",
  "SELECT * FROM (o JOIN i ON o.oid = i.oid) LEFT JOIN c ON c.id = o.cid AND c.id = i.cid",
  "SELECT * FROM o LEFT JOIN i ON o.oid = i.oid LEFT JOIN c ON c.id = o.cid AND c.id = i.cid",
  "SELECT * FROM o LEFT JOIN i ON o.oid = i.oid LEFT JOIN c ON o.cid = i.cid AND c.id = o.cid",
  "SELECT * FROM r LEFT JOIN c ON r.id = c.n",
  "SELECT * FROM r LEFT JOIN c ON r.id = c.id",
  "SELECT * FROM c RIGHT JOIN r ON r.id = c.id",
  "SELECT * FROM r JOIN c ON r.id = c.n",
  "SELECT * FROM c LEFT JOIN r ON r.id = c.n",
  "SELECT * FROM r LEFT JOIN c ON r.id = c.n WHERE c.id = 1",
  "SELECT * FROM r LEFT JOIN c ON r.id = c.n WHERE c.id IN (1,2,6)",
  "SELECT * FROM c LEFT JOIN (r LEFT JOIN o ON r.id = o.oid) ON c.id = o.cid",
  "SELECT * FROM r",
  "SELECT COUNT(*) FROM r",
  "SELECT * FROM r LEFT JOIN r AS r2 ON r.id = r2.id + 1",
  "SELECT * FROM c JOIN o USING (id)",
  "SELECT * FROM o JOIN i USING (cid)",
  "SELECT * FROM o LEFT JOIN i USING (cid)",
  "SELECT * FROM o RIGHT JOIN i USING (cid)",
  "SELECT cid, oid FROM o JOIN i USING (cid, oid)",
  "SELECT * FROM o JOIN i USING (cid) WHERE cid = 1",
  "SELECT * FROM o LEFT JOIN i USING (cid) WHERE cid = 1",
  "SELECT * FROM o RIGHT JOIN i USING (cid) WHERE cid = 5",
  "SELECT * FROM o RIGHT JOIN i USING (cid) WHERE cid = 1",
  "SELECT * FROM o NATURAL JOIN i",
  "SELECT * FROM o JOIN i ON o.cid = i.cid WHERE cid = 1",
  "SELECT * FROM o JOIN c ON o.cid = c.id WHERE cid = 1",
  "SELECT * FROM o JOIN c ON o.cid = c.id WHERE id = 1",
  "SELECT * FROM c a JOIN c b ON a.id = b.id",
  "SELECT * FROM c a JOIN c b ON a.id = b.n",
  "SELECT * FROM c a JOIN c b WHERE a.id = 1 AND b.id = 1",
  "SELECT * FROM c a JOIN c b WHERE a.id = 1 AND b.id = 2",
  "SELECT * FROM c a JOIN c b ON a.id = b.id AND a.id = 1 AND b.id = 2",
  "SELECT * FROM c a STRAIGHT_JOIN o ON a.id = o.cid",
  "SELECT * FROM c JOIN o ON c.id <=> o.cid",
  "SELECT * FROM c JOIN o ON c.id = o.cid OR 1=0",
  "SELECT * FROM c JOIN x ON c.id = x.k",
  "SELECT * FROM c CROSS JOIN r",
  "SELECT * FROM c, r WHERE c.n = r.id",
  "SELECT * FROM c JOIN m ON c.id = m.room",
  "SELECT * FROM c LEFT JOIN o ON c.id = o.cid AND (o.total > 2 OR c.n = 1)",
  "SELECT * FROM c LEFT JOIN o ON c.id = o.cid WHERE c.id = 4 AND o.cid = 4",
  "SELECT * FROM c LEFT JOIN o ON c.id = o.cid WHERE c.id = o.cid AND o.cid IN (1, 2)",
  "SELECT * FROM c LEFT JOIN o ON c.id = o.cid RIGHT JOIN i ON i.cid = c.id",
  "SELECT * FROM c LEFT JOIN o ON c.id = o.cid RIGHT JOIN i ON i.cid = o.cid",
  "SELECT * FROM c LEFT JOIN o ON c.id = o.cid JOIN i ON i.cid = o.cid",
  "SELECT * FROM c WHERE id = 1 AND EXISTS (SELECT 1 FROM o WHERE o.cid = 1)",
  "SELECT * FROM c WHERE id IN (SELECT cid FROM o)",
  "SELECT (SELECT 1)",
  "SELECT * FROM (SELECT 1 AS a) d",
];

/** Ids count up from 1000 on both sides as long as no row gives itself a higher one. */
const WRITES = [
  "INSERT INTO c (name, email) VALUES ('g1','wg1')",
  "SELECT LAST_INSERT_ID() AS id",
  "INSERT INTO c (name, email) VALUES ('g2','wg2'),('g3','wg3'),('g4','wg4')",
  "SELECT LAST_INSERT_ID() AS id, ROW_COUNT() AS n",
  "INSERT INTO c (id, name, email) VALUES (NULL,'g5','wg5'),(0,'g6','wg6'),(DEFAULT,'g7','wg7')",
  "SELECT LAST_INSERT_ID() AS id",
  "INSERT INTO c (id, name, email) VALUES (91,'h1','wh1')",
  "SELECT LAST_INSERT_ID() AS id",
  "INSERT INTO c (id, name, email) VALUES ('0','h2','wh2')",
  "INSERT INTO c (id, name, email) VALUES (0.0,'h3','wh3')",
  "INSERT INTO c (id, name, email) VALUES (FALSE,'h4','wh4')",
  "INSERT INTO c (id, name, email) VALUES (-0,'h5','wh5')",
  "INSERT INTO c SET name = 'h6', email = 'wh6'",
  "INSERT INTO c SET id = NULL, name = 'h7', email = 'wh7'",
  "INSERT INTO c (id, name, email) VALUES (NULL,'g8','wg8'),(90,'g9','wg9'),(NULL,'g10','wg10')",
  "SELECT LAST_INSERT_ID() AS id",
  "INSERT INTO c (id, name, email, n) VALUES (92,'h8','wh8',LAST_INSERT_ID())",
  "INSERT INTO c (id, name, email, n) VALUES (93,DATABASE(),NULL,ROW_COUNT())",
  "INSERT INTO c (id, name, n) VALUES (94,'e',LAST_INSERT_ID()),(97,SCHEMA(),@@last_insert_id)",
  "SELECT id, name, n FROM c",
  "INSERT INTO c (id, name, email) VALUES (20,'x20','x20'),(1,'dup','dup'),(21,'x21','x21')",
  "SELECT COUNT(*) AS n FROM c WHERE id IN (20, 21)",
  "INSERT IGNORE INTO c (id, name, email) VALUES (20,'x20','x20'),(1,'dup','dup'),(22,'x22','x22'),(4,'dup','dup2')",
  "SHOW WARNINGS",
  "SHOW COUNT(*) WARNINGS",
  "SELECT @@warning_count AS n",
  "INSERT INTO c (id, name, email) VALUES (1,'odk','odk'),(4,'odk','odk4'),(30,'n30','n30') ON DUPLICATE KEY UPDATE name = VALUES(name)",
  "SELECT * FROM c WHERE id IN (1,4,30)",
  "REPLACE INTO c (id, name, email) VALUES (1,'rep','rep'),(4,'rep','rep4'),(31,'n31','n31')",
  "SELECT ROW_COUNT() AS n",
  "SELECT * FROM c WHERE id IN (1,4,31)",
  "INSERT INTO c (id, name, email, n) VALUES (40,'s','s40',5),(41,'t','t41','x')",
  "SHOW WARNINGS",
  "SELECT COUNT(*) AS n FROM c WHERE id IN (40, 41)",
  "SET sql_mode = ''",
  "INSERT INTO c (id, name, email, n) VALUES (63,'ok','x63','a'),(64,'toolongtoolongtoolongtoolong','x64',9999999999),(69,'t','x69','b')",
  "SHOW WARNINGS",
  "SHOW WARNINGS LIMIT 1",
  "SHOW WARNINGS LIMIT 1, 1",
  "SET sql_mode = DEFAULT",
  "INSERT INTO o (cid) VALUES (1, 2)",
  "INSERT INTO o (cid, total) VALUES (1, 100), (4)",
  "INSERT INTO o (cid, cid) VALUES (1, 2)",
  "INSERT INTO o (cid, nosuch) VALUES (1, 2),(4,5)",
  "INSERT INTO o (oid, cid, total) VALUES (500, 1, 102) RETURNING oid, cid",
  "SELECT * FROM o WHERE oid = 500",
  "INSERT INTO m (mid, room, body) VALUES (110, 'RED ', 'a'), (111, 'Rèd', 'b'), (112, 5, 'c'), (113, TRUE, 'd'), (114, -0, 'e'), (115, 007, 'f'), (116, x'6c6f', 'g'), (117, 'a' 'b', 'h'), (118, N'n', 'i')",
  "SELECT * FROM m WHERE room = 'red'",
  "SELECT * FROM m WHERE room = '5'",
  "SELECT * FROM m WHERE room = '1'",
  "SELECT * FROM m WHERE room = '0'",
  "SELECT * FROM m WHERE room = '7'",
  "SELECT * FROM m WHERE room = 'lo'",
  "SELECT * FROM m WHERE room = 'ab'",
  "UPDATE c SET name = 'u' WHERE id IN (1, 4)",
  "UPDATE c SET name = 'u' WHERE id IN (1, 4, 2)",
  "SELECT ROW_COUNT() AS n",
  "UPDATE c SET email = 'b2' WHERE id = 1",
  "UPDATE c SET email = 'e5', name = 'undone' WHERE id IN (1, 4)",
  "SELECT * FROM c WHERE id IN (1, 4)",
  "UPDATE c SET name = 'u3' WHERE id = 1 LIMIT 1",
  "UPDATE c SET name = 'u3' WHERE id = NULL",
  "UPDATE c SET name = 'u3' WHERE id IN (NULL, '-5', -3)",
  "UPDATE c SET n = LAST_INSERT_ID(7) WHERE id = 1",
  "SELECT LAST_INSERT_ID() AS id",
  "UPDATE c SET n = LAST_INSERT_ID() WHERE id IN (1, 4)",
  "SELECT LAST_INSERT_ID(4) AS id",
  "SELECT id, n FROM c WHERE id = LAST_INSERT_ID()",
  "UPDATE c SET n = n + 1 WHERE id = LAST_INSERT_ID()",
  "UPDATE c SET n = 'abc' WHERE id IN (1, 4)",
  "SHOW WARNINGS",
  "DELETE FROM c WHERE id IN (20, 21, 22, 30)",
  "DELETE FROM c WHERE id = '-77'",
  "DELETE FROM c WHERE id = 31 RETURNING id",
  "SELECT * FROM c",
  "SELECT * FROM o",
  "SELECT * FROM m",
];

/** Accepted by MySQL, refused here as long as it cannot be done exactly. */
const REFUSED = [
  "INSERT INTO o (cid, total) VALUES (NULL, 5)",
  "INSERT INTO o () VALUES ()",
  "INSERT INTO m (mid, room) VALUES (203, _latin1'ab')",
];

/** Over shards: rows are found first, computed first, or written everywhere. */
const OVER_SHARDS = [
  "INSERT INTO m (mid, room) VALUES (201, 1e1)",
  "INSERT INTO m (mid, room) VALUES (202, .5)",
  "SELECT mid FROM m WHERE room = '10' OR room = '0.5'",
  "INSERT INTO x (k, v) VALUES (x'35', 'b'), ('0800', 'e'), (9.5, 'g'), (-0, 'h'), (TRUE + 500, 'i'), (0x0B, 'j')",
  "SELECT k, v FROM x WHERE k IN (5, 800, 10, 0, 501, 11)",
  "DELETE FROM x WHERE k IN (5, 800, 10, 0, 501, 11)",
  "UPDATE c SET n = LAST_INSERT_ID(id) WHERE id IN (1, 4)",
  "SELECT LAST_INSERT_ID()",
  "INSERT INTO c (id, name) VALUES (1 + 1, 'x')",
  "INSERT INTO c (id, name, email) VALUES (700 + 1, UPPER('q'), CONCAT('q', 701)), (702, 'r', NULL)",
  "INSERT INTO o (oid, cid, total) VALUES (601, 1, 300), (602, 4, 301), (603, 2, 302) RETURNING oid, cid",
  "INSERT IGNORE INTO o (oid, cid, total) VALUES (601, 1, 300), (604, 4, 303) RETURNING oid, cid",
  "SHOW WARNINGS",
  "UPDATE c SET id = 5 WHERE id = 1",
  "UPDATE c SET id = 703 WHERE id = 702",
  "SELECT * FROM c ORDER BY id",
  "UPDATE c SET n = 3, name = UPPER(name)",
  "UPDATE c SET n = 3",
  "UPDATE c SET n = id * 2 ORDER BY id DESC LIMIT 3",
  "UPDATE c SET n = (SELECT COUNT(*) FROM o WHERE o.cid = c.id), name = CONCAT(name, n) WHERE id < 5",
  "UPDATE c SET n = (SELECT MAX(total) FROM o) WHERE id IN (SELECT cid FROM i)",
  "UPDATE c JOIN o ON o.oid = c.id + 100 SET c.n = o.total, o.total = o.total + 1000 WHERE c.id < 4",
  "UPDATE c, o SET c.n = 9 WHERE o.cid = c.id AND o.total > 1000",
  "WITH big AS (SELECT cid FROM o WHERE total > 3) SELECT COUNT(*) FROM big",
  "UPDATE c SET n = 1 WHERE name = 5 AND id = 4",
  "SELECT * FROM c ORDER BY id",
  "SELECT * FROM o ORDER BY oid",
  "INSERT INTO i (iid, cid, oid, sku) SELECT oid + 500, cid, oid, 'sel' FROM o WHERE total > 2 AND cid IS NOT NULL",
  "INSERT INTO x (k, v) SELECT id, name FROM c ON DUPLICATE KEY UPDATE v = CONCAT(v, '!')",
  "REPLACE INTO x (k, v) SELECT id, 'r' FROM c WHERE id > 0",
  "INSERT INTO u.p (name, price) SELECT CONCAT('from s ', iid), 5 FROM i ORDER BY iid",
  "UPDATE i SET cid = cid + 1 WHERE cid < 3",
  "SELECT * FROM i ORDER BY iid",
  "SELECT * FROM x ORDER BY k",
  "DELETE FROM i ORDER BY iid DESC LIMIT 2",
  "DELETE FROM i WHERE oid IN (SELECT oid FROM o WHERE total < 1000) RETURNING iid",
  "DELETE c, o FROM c JOIN o ON o.cid = c.id WHERE c.id = 2",
  "DELETE x FROM x JOIN c ON c.id = x.k + 1",
  "DELETE FROM x WHERE v LIKE '%!'",
  "SELECT * FROM c ORDER BY id",
  "SELECT * FROM x ORDER BY k",
  "INSERT INTO r (id, name) VALUES (4, 'four'), (5, 'five')",
  "UPDATE r SET name = CONCAT(name, '+') WHERE id > 3",
  "UPDATE r JOIN c ON c.id = r.id SET r.name = c.name WHERE r.id = 3",
  "DELETE FROM r WHERE id = 5",
  "SELECT * FROM r ORDER BY id",
];

describe("reads of a sharded keyspace", () => {
  beforeAll(async () => {
    for (const sql of ROWS) for (const outcome of await pair.both(sql)) expect(outcome.kind).toBe("ok");
  });

  test("a number as key in every spelling", async () => {
    expect(await pair.allSameOrRefused(KEYS)).toEqual([]);
  });

  test("a text as key in every spelling", async () => {
    expect(await pair.allSameOrRefused(TEXT_KEYS)).toEqual([]);
  });

  test("a number as key of a vindex that takes bytes", async () => {
    expect(await pair.allSameOrRefused(BYTE_KEYS)).toEqual([]);
  });

  test("joins, inner and outer, with and without a match on the same shard", async () => {
    await pair.allSameOrRefused(JOINS);
  });
});

describe("writes to a sharded keyspace", () => {
  beforeAll(async () => {
    // No AUTO_INCREMENT follows the largest id there is.
    await pair.same("DELETE FROM c WHERE id = 9223372036854775807");
    await must(pair.direct, "ALTER TABLE c AUTO_INCREMENT = 1000");
  });

  test("rows split over shards, generated ids, what a statement leaves behind", async () => {
    expect(await pair.allSameOrRefused(WRITES)).toEqual([]);
  });

  test("what cannot be done exactly is refused and changes nothing", async () => {
    for (const sql of REFUSED) {
      expect(await pair.gateway.query(sql), sql).toMatchObject({ kind: "error", errno: 1235 });
    }
    for (const table of ["c", "o", "m", "x"]) await pair.same(`SELECT * FROM ${table}`);
  });

  test("rows are found, moved, computed and deleted over shards", async () => {
    for (const sql of OVER_SHARDS) {
      // Rows that a DELETE returns have no order.
      if (!(await pair.sameOrRefused(sql))) throw new Error(`refused: ${sql}`);
    }
  });

  test("a statement over shards that fails changes nothing, in a transaction and outside", async () => {
    await pair.allSame([
      "BEGIN",
      "INSERT INTO i (iid, cid, oid, sku) VALUES (9001, 1, 1, 'kept'), (9002, 2, 1, 'kept')",
      "INSERT INTO i (iid, cid, oid, sku) SELECT id + 9000, id, 0, 'gone' FROM c WHERE id IN (3, 1)",
      "UPDATE i SET iid = 9001 WHERE iid = 9002",
      "SELECT * FROM i WHERE iid > 9000 ORDER BY iid",
      "COMMIT",
      "INSERT INTO i (iid, cid, oid, sku) SELECT 9001, id, 0, 'gone' FROM c WHERE id IN (3, 1)",
      "SELECT * FROM i WHERE iid > 8000 ORDER BY iid",
    ]);
  });

  test("variables that triggers set: known after one shard, not read after several, nobody else's", async () => {
    const [one, two] = [await Pair.open(twins, "s"), await Pair.open(twins, "s")];
    await one.allSame([
      "CREATE TRIGGER last_i BEFORE UPDATE ON i FOR EACH ROW SET @last_i = NEW.iid",
      "CREATE TRIGGER count_x BEFORE INSERT ON x FOR EACH ROW SET @count_x = IFNULL(@count_x, 0) + 1",
      "INSERT INTO i (iid, cid, oid, sku) VALUES (9101, 1, 1, 'a'), (9102, 2, 1, 'a'), (9103, 4, 1, 'a')",
      "UPDATE i SET sku = 'b' WHERE iid = 9101 AND cid = 1",
      "SELECT @last_i",
      "UPDATE i SET sku = 'c' WHERE iid > 9100",
      "SELECT @count_x",
    ]);
    const refused = { kind: "error", errno: 1235 };
    for (const sql of ["SELECT @last_i", "SET @a = @last_i", "SELECT 1 FROM i WHERE iid = @last_i"]) {
      expect(await one.gateway.query(sql), sql).toMatchObject(refused);
    }
    expect(await one.gateway.query("INSERT INTO x (k, v) VALUES (901, 'a'), (902, 'a'), (903, 'a')")).toMatchObject(
      refused,
    );
    await two.allSame(["SELECT @last_i, @count_x, iid FROM i WHERE iid > 9100 ORDER BY iid"]);
    await one.allSame([
      "SELECT sku INTO @last_i FROM i WHERE iid = 9101",
      "SELECT @last_i",
      "UPDATE i SET sku = 'd' WHERE iid > 9100",
      "SET @last_i = 7",
      "SELECT @last_i",
      "INSERT INTO x (k, v) VALUES (901, 'a')",
      "INSERT INTO x (k, v) VALUES (902, 'a')",
      "INSERT INTO x (k, v) VALUES (903, 'a')",
      "SELECT @count_x",
    ]);
    await two.allSame(["SELECT @count_x, k FROM x WHERE k > 900 ORDER BY k"]);
    await one.allSame([
      "DROP TRIGGER last_i",
      "DROP TRIGGER count_x",
      "DELETE FROM x WHERE k IN (901, 902, 903)",
      "DELETE FROM i WHERE iid IN (9101, 9102, 9103)",
    ]);
    one.close();
    two.close();
  });

  test("a client that counts found rows is told them, also over shards", async () => {
    const counting = await Pair.open(twins, "s", { foundRows: true });
    await counting.allSame([
      "UPDATE c SET n = n WHERE id < 8",
      "UPDATE c SET n = n ORDER BY id LIMIT 4",
      "UPDATE c SET name = (SELECT 'same') ORDER BY id LIMIT 4",
      "UPDATE c SET name = (SELECT 'same') ORDER BY id LIMIT 5",
      "UPDATE i SET cid = cid WHERE iid > 0",
      "DELETE FROM i WHERE iid > 100000 ORDER BY iid LIMIT 1",
    ]);
    counting.close();
  });

  test("0 is a value under NO_AUTO_VALUE_ON_ZERO", async () => {
    await pair.allSame([
      "SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO'",
      "INSERT INTO c (id, name) VALUES (0, 'zero')",
      "SELECT id, name FROM c WHERE id = 0",
      "DELETE FROM c WHERE id = 0",
      "SET sql_mode = DEFAULT",
    ]);
  });
});

describe("what goes wrong, or warns, is told as one server tells it", () => {
  async function sameForAll(keyspace: string, tables: readonly string[], statements: readonly string[]): Promise<void> {
    const own = await Pair.open(twins, keyspace);
    for (const sql of tables) await own.same(sql);
    for (const isPrepared of [false, true]) {
      for (const sql of statements) {
        const [got, wanted] = await Promise.all(
          [own.gateway, own.direct].map((client) => seenBy(client, sql, isPrepared)),
        );
        expect(got, isPrepared ? `prepared: ${sql}` : sql).toEqual(wanted);
      }
    }
    own.close();
  }

  test("in an unsharded keyspace", () => sameForAll("u", TABLES_OF_ONE, GONE_WRONG_ON_ONE));

  test("over shards", async () => {
    for (const client of [pair.gateway, pair.direct])
      for (const table of "coi") await must(client, `DELETE FROM ${table}`);
    await sameForAll("s", ROWS_OVER_SHARDS, GONE_WRONG_OVER_SHARDS);
  });
});
