// An unsharded keyspace against one plain MariaDB: everything that passes through gives what MariaDB gives, down to column
// definitions, insert ids, warnings and SQLSTATEs, from a pool of connections shared with other clients.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { COM } from "../../src/mysql/constants.ts";
import { Pair, startTwins, type Twins } from "./twin.ts";

let twins: Twins;
let pair: Pair;

beforeAll(async () => {
  twins = await startTwins();
  pair = await Pair.open(twins, "u");
});
afterAll(async () => {
  pair.close();
  await twins.stop();
});

const STATEMENTS = [
  "SELECT 1",
  `SELECT 1 AS a, 'x', 2.5, 1e3, NULL, x'41', TRUE, -1, 'a' 'b', "dq"`,
  "select 1+1, 'it''s', \"a\"\"b\", 'a\\'b'",
  "SELECT DATABASE()",
  "SELECT LAST_INSERT_ID()",
  "SELECT ROW_COUNT()",
  "SELECT @@autocommit, @@session.autocommit, @@SESSION.autocommit AS x",
  "SELECT @@identity, @@last_insert_id",
  "SELECT @@version_comment LIKE '%'",
  "SELECT @@warning_count, @@error_count, @@in_transaction",
  "SELECT CONNECTION_ID() IS NULL",
  "SELECT 1 + 1\0",
  "SELECT DATABASE() \0",
  "SELECT 1;\0",
  "SELECT IFNULL(DATABASE(), 'none') AS d",
  "INSERT INTO p (name, price) VALUES ('a', 1.5)",
  "SELECT LAST_INSERT_ID(), ROW_COUNT()",
  "INSERT INTO p (id, name, price) VALUES (77, 'b', 2.5)",
  "SELECT LAST_INSERT_ID()",
  "INSERT INTO p (name, price) VALUES ('c', 1.5), ('d', 2)",
  "SELECT LAST_INSERT_ID(), ROW_COUNT()",
  "INSERT INTO p (name, price) VALUES ('a', 9) ON DUPLICATE KEY UPDATE price = 10",
  "SELECT LAST_INSERT_ID(), ROW_COUNT()",
  "INSERT INTO p (name, price) VALUES ('a', 9) ON DUPLICATE KEY UPDATE id = LAST_INSERT_ID(id), price = 11",
  "SELECT LAST_INSERT_ID()",
  "REPLACE INTO p (id, name) VALUES (77, 'bb')",
  "SELECT LAST_INSERT_ID(), ROW_COUNT()",
  "INSERT IGNORE INTO p (name) VALUES ('a')",
  "SHOW WARNINGS",
  "SELECT LAST_INSERT_ID(), ROW_COUNT()",
  "UPDATE p SET price = 3",
  "SELECT ROW_COUNT()",
  "UPDATE p SET price = 3",
  "SELECT ROW_COUNT()",
  "DELETE FROM p WHERE id = 77",
  "SELECT ROW_COUNT(), @@last_insert_id",
  "SELECT LAST_INSERT_ID()",
  "SELECT LAST_INSERT_ID()",
  "SET last_insert_id = 5",
  "SELECT LAST_INSERT_ID(), @@identity",
  "SET identity = 6",
  "SELECT LAST_INSERT_ID()",
  "SELECT 1/0",
  "SHOW WARNINGS",
  "SELECT CAST('abc' AS SIGNED)",
  "SHOW WARNINGS",
  "SHOW COUNT(*) WARNINGS",
  "SELECT @@warning_count",
  "SHOW ERRORS",
  "SELECT nosuch FROM p",
  "SHOW WARNINGS",
  "SHOW ERRORS",
  "SHOW COUNT(*) ERRORS",
  "SELECT @@error_count",
  "SET @a = 1",
  "SHOW WARNINGS",
  "SELECT ROW_COUNT()",
  "SELECT * FROM nosuch",
  "BEGIN",
  "SHOW WARNINGS",
  "SELECT ROW_COUNT()",
  "SELECT CAST('abc' AS SIGNED)",
  "SHOW WARNINGS",
  "SELECT CAST('abc' AS SIGNED) FROM p LIMIT 1",
  "SHOW WARNINGS",
  "INSERT INTO p (name, price) VALUES ('w', 'x')",
  "SHOW WARNINGS",
  "COMMIT",
  "SELECT ROW_COUNT()",
  "SELECT ROW_COUNT()",
  "DROP TABLE IF EXISTS nosuch",
  "SHOW WARNINGS",
  "SELECT ROW_COUNT()",
  "CREATE TABLE tt (a INT)",
  "SELECT ROW_COUNT()",
  "DROP TABLE tt",
  "SELECT * FROM p ORDER BY 1 LIMIT 2",
  "SELECT * FROM p ORDER BY 2 LIMIT 1",
  "SELECT * FROM p WHERE 1=0",
  "SELECT 'a' FROM p GROUP BY 1",
  "SELECT 'a' AS `x y`, 'b' 'c' FROM p LIMIT 1",
  "SELECT NULL FROM p LIMIT 1",
  "SELECT   1  +  2   ,  /* hi */ 3",
  "SELECT 1;",
  "SELECT 1 ; ",
  "SELECT 1;;",
  "SELECT 1 -- x",
  "SELECT 1 # x",
  "/* c */ SELECT 1",
  "/*! SELECT 2 */",
  "SELECT /*!50000 1 + */ 2",
  "SELECT /*! 1, */ 3 /*M!100000 , 4 */",
  "(SELECT 1)",
  "(SELECT 1) UNION (SELECT 2) ORDER BY 1",
  "WITH q AS (SELECT 1 AS a) SELECT * FROM q",
  "VALUES (1,2),(3,4)",
  "SELECT * FROM (VALUES (1,2)) v",
  "SELEC 1",
  "SELECT 1 FROM",
  "SELECT 'abc",
  `SELECT "abc`,
  "SELECT `abc",
  "SELECT /* abc",
  "SELECT (1",
  "DESCRIBE p",
  "DESC p name",
  "SHOW COLUMNS FROM p",
  "SHOW FULL COLUMNS FROM p LIKE 'n%'",
  "SHOW TABLES LIKE 'p%'",
  "SHOW INDEX FROM p",
  "SHOW VARIABLES LIKE 'autocommit'",
  "SHOW VARIABLES LIKE 'sql_mode'",
  "SHOW SESSION VARIABLES LIKE 'time_zone'",
  "SHOW GLOBAL VARIABLES LIKE 'autocommit'",
  "SHOW CHARACTER SET LIKE 'utf8%'",
  "SHOW COLLATION LIKE 'utf8mb4_bin'",
  "SHOW ENGINES",
  "SHOW TRIGGERS",
  "SHOW TABLE STATUS LIKE 'nosuch'",
  "EXPLAIN SELECT 1",
  "EXPLAIN SELECT * FROM p WHERE id = 1",
  "ANALYZE TABLE p",
  "CHECK TABLE p",
  "CHECKSUM TABLE blobs",
  "UNLOCK TABLES",
  "LOCK TABLES p READ",
  "SELECT COUNT(*) FROM p",
  "SELECT COUNT(*) FROM blobs",
  "INSERT INTO p (name) VALUES ('l')",
  "UNLOCK TABLES",
  "CREATE TEMPORARY TABLE tmp (a INT)",
  "INSERT INTO tmp VALUES (1),(2)",
  "SELECT * FROM tmp",
  "SELECT a FROM tmp JOIN p ON p.id > a LIMIT 0",
  "DROP TEMPORARY TABLE tmp",
  "SELECT * FROM tmp",
  "SELECT GET_LOCK('x', 1)",
  "SELECT IS_USED_LOCK('x') IS NOT NULL",
  "SELECT RELEASE_LOCK('x')",
  "SELECT @v := 5",
  "SELECT @v",
  "SET @w = 2",
  "SELECT @v, @w",
  "SELECT @v := @v + 1, @v",
  "SELECT @v, @w",
  "SELECT 7 INTO @z",
  "SELECT @z",
  "SELECT @v := 1.50, @w := 'x', @z := 1e0",
  "SELECT @v, @w, @z",
  "CREATE PROCEDURE pr(IN a INT, OUT b INT) BEGIN SELECT a; SET b = a * 2; END",
  "CALL pr(3, @out)",
  "SELECT @out",
  "DROP PROCEDURE pr",
  "CREATE FUNCTION fn() RETURNS INT DETERMINISTIC RETURN 5",
  "SELECT fn()",
  "DROP FUNCTION fn",
  "SELECT SLEEP(0)",
  "SELECT BENCHMARK(1, 1)",
  "SELECT * FROM information_schema.schemata WHERE schema_name = 'u'",
  "SELECT table_name FROM information_schema.tables WHERE table_schema = 'u' AND table_name IN ('p','blobs')",
  "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name IN ('p','blobs')",
  "SELECT table_name FROM information_schema.tables WHERE table_schema = 's' AND table_name IN ('c','r')",
  "SELECT column_name FROM information_schema.columns WHERE table_schema = 's' AND table_name = 'r'",
  "SELECT collation_name FROM information_schema.collations WHERE collation_name = 'utf8mb4_bin'",
];

const FROM_ANOTHER_KEYSPACE = [
  "USE s",
  "SELECT table_name FROM information_schema.tables WHERE table_schema = 'u' AND table_name IN ('p','blobs')",
  "SELECT DATABASE()",
  "SELECT * FROM u.p WHERE id = 1",
  "SHOW TABLES FROM u LIKE 'p'",
  "USE nosuch",
  "SELECT DATABASE()",
];

/** What a gateway must not pass to one server of many, or cannot do from a pool yet. */
const REFUSED = [
  "SET GLOBAL max_connections = 10",
  "SET NAMES swe7",
  "SELECT * FROM s.c INTO OUTFILE '/tmp/x'",
  "UPDATE mysql.global_priv SET User = 'x' WHERE User = 'nobody'",
  "DELETE FROM mysql.db WHERE User = 'nobody'",
  "INSERT INTO mysql.func (name) VALUES ('x')",
  "DELETE d FROM mysql.db AS x JOIN mysql.db AS d USING (User) WHERE d.User = 'nobody'",
];

/** Programs outside of stored ones, which stored ones hold labels and loops in, and open tables. */
const PROGRAMS = [
  "CREATE TABLE hh (a INT PRIMARY KEY)",
  "BEGIN NOT ATOMIC DECLARE a INT DEFAULT 3; SET @q = a * 2; INSERT INTO hh VALUES (a), (4); END",
  "SELECT @q, ROW_COUNT()",
  "IF @q = 6 THEN INSERT INTO hh VALUES (6); END IF",
  "FOR i IN 10..12 DO INSERT INTO hh VALUES (i); END FOR",
  "BEGIN NOT ATOMIC SELECT nosuch; END",
  "BEGIN NOT ATOMIC SELECT 1",
  "SELECT * FROM hh ORDER BY a",
  "BEGIN NOT ATOMIC START TRANSACTION; DELETE FROM hh; END",
  "SELECT @@in_transaction",
  "ROLLBACK",
  "SELECT COUNT(*) FROM hh",
  "CREATE PROCEDURE looped (n INT) BEGIN l: LOOP SET n = n - 1; IF n < 3 THEN LEAVE l; END IF; DELETE FROM hh WHERE a = n; END LOOP l; END",
  "CREATE PROCEDURE counted () FOR i IN 20..21 DO INSERT INTO hh VALUES (i); END FOR",
  "SET STATEMENT sql_mode = '' FOR CREATE FUNCTION bigger (n INT) RETURNS INT IF (n > 1) THEN RETURN n; ELSE RETURN 1; END IF",
  "CALL looped(5)",
  "CALL counted()",
  "SELECT a, bigger(a) FROM hh ORDER BY a",
  "HANDLER hh OPEN AS h",
  "HANDLER h READ FIRST",
  "HANDLER h READ NEXT LIMIT 2",
  "HANDLER h READ `PRIMARY` = (12)",
  "HANDLER h CLOSE",
  "HANDLER h READ FIRST",
  "DROP PROCEDURE looped",
  "DROP PROCEDURE counted",
  "DROP FUNCTION bigger",
  "SELECT * FROM hh INTO OUTFILE '/nosuch/file'",
  "SELECT 1 INTO DUMPFILE '/nosuch/file'",
  "LOAD DATA INFILE '/nosuch/file' INTO TABLE hh",
  "DROP TABLE hh",
];

/** Names in a database that there is not. */
const NOWHERE = [
  "SELECT * FROM nodb.t",
  "INSERT INTO nodb.t VALUES (1)",
  "UPDATE nodb.t SET a = 1",
  "DELETE FROM nodb.t",
  "SELECT * FROM p, nodb.t",
  "CREATE TABLE nodb.t (a INT)",
  "CREATE VIEW nodb.v AS SELECT 1",
  "CREATE PROCEDURE nodb.pr() BEGIN END",
  "CREATE TABLE made LIKE nodb.t",
  "CREATE TABLE made SELECT * FROM nodb.t",
  "ALTER TABLE nodb.t ADD b INT",
  "RENAME TABLE nodb.t TO nodb.u",
  "TRUNCATE TABLE nodb.t",
  "CREATE INDEX i ON nodb.t (a)",
  "DROP INDEX i ON nodb.t",
  "LOCK TABLES nodb.t READ",
  "EXPLAIN SELECT * FROM nodb.t",
  "BEGIN",
  "INSERT INTO p (name) VALUES ('kept')",
  "DROP TEMPORARY TABLE IF EXISTS nodb.t",
  "ROLLBACK",
  "BEGIN",
  "INSERT INTO p (name) VALUES ('kept')",
  "DROP TABLE IF EXISTS nodb.t, nodb.u",
  "SHOW WARNINGS",
  "ROLLBACK",
  "SELECT name FROM p WHERE name = 'kept'",
  "DROP TABLE nodb.t, nodb.u",
  "DROP TEMPORARY TABLE nodb.t",
  "DROP VIEW nodb.v",
  "DROP VIEW IF EXISTS nodb.v",
  "SHOW WARNINGS",
  "DROP SEQUENCE nodb.q",
  "DROP SEQUENCE IF EXISTS nodb.q",
  "DROP PROCEDURE nodb.pr",
  "DROP FUNCTION nodb.f",
  "DROP PROCEDURE IF EXISTS nodb.pr",
  "SHOW WARNINGS",
  "DROP TRIGGER nodb.tr",
  "DROP TRIGGER IF EXISTS nodb.tr",
  "SHOW WARNINGS",
  "DROP EVENT nodb.ev",
  "DROP EVENT IF EXISTS nodb.ev",
  "SHOW WARNINGS",
  "CREATE TRIGGER nodb.tr BEFORE INSERT ON p FOR EACH ROW SET NEW.name = 'x'",
  "CREATE TRIGGER nodb.tr BEFORE INSERT ON nodb.p FOR EACH ROW SET NEW.name = 'x'",
  "DELETE FROM p WHERE name = 'kept'",
];

/** Read by no server; some of these have an error of their own. */
const UNREADABLE = [
  "SELEC 1",
  "SELECT ALL DISTINCT id FROM p",
  "SELECT * FROM p WHERE id NOT NULL",
  "SELECT * FROM (SELECT 1)",
  "DO DEFAULT",
  "(SELECT 1 INTO @v) UNION (SELECT 1)",
  "SELECT id INTO @v FROM p UNION SELECT 1",
  "CREATE TABLE parted (a INT) PARTITION BY KEY (a) PARTITIONS 1.5",
  "DELETE FROM p alias USING p alias WHERE id = 1",
  "CREATE FUNCTION f (s CHAR(20) RETURNS CHAR(50)\nRETURN 1",
  "SELECT '\u00fc', é FROM FROM p",
  "SELECT nosuch FROM FROM p",
  "PREPARE x FROM 'SELECT ALL DISTINCT ?'",
  "PREPARE x FROM 'SELECT FROM ?;'",
  "SELECT ? FROM p",
];

test("what no server reads has the server's error", async () => {
  await pair.allSame(UNREADABLE);
});

test("what only the server reads is run there", async () => {
  await pair.allSame([
    "CREATE TABLE unread (a INT, s DATE, e DATE)",
    "ALTER TABLE unread ADD PERIOD IF NOT EXISTS FOR p (s, e)",
    "START TRANSACTION",
    "INSERT unread (a, s, e) VALUES (1, '2020-01-01', '2020-01-02'), (2, '2020-01-01', IGNORE)",
    "INSERT unread VALUES (3, '2020-01-01', '2020-01-02')",
    "(SELECT a FROM unread) PROCEDURE ANALYSE()",
    "ROLLBACK",
    "SELECT CAST(COUNT(*) AS DECIMAL(5.2)) FROM unread",
    "SELECT @n := CAST(7 AS DECIMAL(5.2))",
    "SELECT @n, FOUND_ROWS()",
    "SELECT CAST(b AS DECIMAL(5.2)) FROM unread",
    "EXPLAIN ALL SELECT 1",
    "DROP TABLE unread",
    "SET @n = NULL",
  ]);
  expect(await pair.gateway.query("SELECT CAST(a AS DECIMAL(5.2)) FROM s.t")).toMatchObject({ errno: 1064 });
});

test("names in a database that there is not", async () => {
  await pair.allSame(NOWHERE);
});

test("forms that only MariaDB has, and names that are empty", async () => {
  await pair.allSame([
    "SELECT COLUMN_JSON(COLUMN_CREATE('a', 1 AS INT, 'b', 'x'))",
    "SELECT COLUMN_GET(COLUMN_ADD(COLUMN_CREATE('a', 1), 'b', 2.5 AS DOUBLE), 'b' AS DECIMAL(10,2))",
    "CREATE TABLE forms (a VARCHAR(10) COLLATE DEFAULT, g GEOMETRY(9,4) REF_SYSTEM_ID=101, b INT DEFAULT 7)",
    "PREPARE s FROM 'INSERT INTO forms (a, b) VALUES (?, ?)'",
    "EXECUTE s USING 'x', DEFAULT",
    "EXECUTE s USING IGNORE, IGNORE",
    "EXECUTE IMMEDIATE 'UPDATE forms SET a = ?, b = ? WHERE b = 7' USING IGNORE, 8",
    "EXECUTE IMMEDIATE 'UPDATE forms SET a = ?, b = ? WHERE b = 8' USING DEFAULT, DEFAULT",
    "EXECUTE IMMEDIATE 'SELECT ?' USING DEFAULT",
    "EXECUTE IMMEDIATE 'SELECT ? + 1' USING IGNORE",
    "EXECUTE IMMEDIATE 'VALUES (?)' USING DEFAULT",
    "EXECUTE IMMEDIATE 'SELECT * FROM forms LIMIT ?' USING DEFAULT",
    "SELECT f.a, f.b FROM forms = f",
    "SELECT * FROM (SELECT 1 AS a) AS d NATURAL STRAIGHT_JOIN (SELECT 1 AS a) AS e",
    "CREATE TABLE parts (a INT) PARTITION BY RANGE (a) (p0 VALUES LESS THAN (10), p1 VALUES LESS THAN MAXVALUE)",
    "CREATE TABLE above (a INT PRIMARY KEY) ENGINE = InnoDB",
    "CREATE TABLE below (a INT NOT NULL CONSTRAINT up REFERENCES above (a), b INT) ENGINE = InnoDB",
    "INSERT INTO below VALUES (1, 2)",
    "DROP TABLE below, above",
    "CREATE TABLE spans (a INT, s DATE, e DATE, b NCHAR VARCHAR(5), PERIOD FOR p (s, e))",
    "INSERT INTO spans VALUES (1, '2020-01-01', '2020-12-31', 'x')",
    "UPDATE spans FOR PORTION OF p FROM '2020-02-01' TO '2020-03-01' AS x SET x.a = a + 1",
    "DELETE FROM spans FOR PORTION OF p FROM DATE'2020-05-01' TO '2020-05-01' + INTERVAL 2 DAY WHERE a = 1",
    "SELECT * FROM spans ORDER BY s",
    "SELECT * FROM spans FOR PORTION OF p FROM '2020-02-01' TO '2020-03-01'",
    "SELECT CAST('a' AS CHAR(10) CHARACTER SET latin1 COLLATE DEFAULT), CAST('a' AS CHAR COLLATE DEFAULT) AS d",
    "SELECT COLLATION(CAST('a' AS CHAR(10) BINARY CHARSET latin1)), COLLATION(CAST('a' AS CHAR CHARSET latin1 BINARY))",
    "SELECT COLLATION(CAST('a' AS CHAR(2) ASCII BINARY)), COLLATION(CAST('a' AS CHAR(2) CHARSET BINARY))",
    "DROP TABLE spans",
    "SELECT 1 AS ``",
    "SELECT `` FROM forms",
    "ALTER TABLE parts CONVERT PARTITION p1 TO TABLE parted",
    "ALTER TABLE parts CONVERT TABLE parted TO PARTITION p2 VALUES LESS THAN MAXVALUE WITH VALIDATION",
    "SHOW CREATE TABLE parts",
    "DROP TABLE forms, parts",
    "SET @p = POINT(1, 2), @q = ST_GeomFromText('LINESTRING(0 0,1 1)', 4326)",
    "SELECT ST_AsText(LINESTRING(@p, POINT(2, 2))), ST_AsText(GEOMETRYCOLLECTION(@p, @q)), ST_SRID(@q), HEX(@q)",
    "SET @m = '\"'",
    "PREPARE s FROM 'SELECT ? AS a'",
    "SET STATEMENT sql_mode = '' FOR EXECUTE s USING @m",
    "SET STATEMENT sql_mode = 'ANSI_QUOTES' FOR EXECUTE IMMEDIATE 'SELECT \"a\".a, ? FROM (SELECT 1 AS a) AS a' USING @m",
    "SET STATEMENT sql_mode = 'ANSI_QUOTES' FOR PREPARE s FROM 'SELECT 1 AS \"x\"'",
    "EXECUTE s",
    'SELECT @@sql_mode, "x"',
    "SET sql_mode = ORACLE",
    "CREATE PACKAGE bag AS FUNCTION f RETURN INT; PROCEDURE p; END",
    "CREATE PACKAGE BODY bag AS v INT := 1; FUNCTION f RETURN INT AS BEGIN RETURN v; END; PROCEDURE p AS BEGIN NULL; END; BEGIN v := 2; END",
    "SELECT bag.f()",
    "CALL bag.p",
    "SELECT `body`, `others`, DATABASE() FROM (SELECT 1 AS `body`, 2 AS `others`) AS `package`",
    "CREATE TABLE emptied (a INT)",
    "TRUNCATE TABLE emptied REUSE STORAGE",
    "DROP TABLE emptied",
    "CREATE PROCEDURE plain(a INT, b OUT INT) AS x INT := 1; BEGIN FOR i IN 1..a LOOP x := x + i; END LOOP; b := x; END;",
    "CALL plain(3, @b)",
    "SELECT @b",
    "CREATE FUNCTION plus(a INT) RETURN INT AS x INT; BEGIN x := a + 1; RETURN x; END",
    "SELECT plus(1)",
    "DECLARE x INT := 5; BEGIN SELECT x AS x; END;",
    "BEGIN NULL; END",
    "CALL nowhere.p",
    "DROP PROCEDURE plain",
    "DROP FUNCTION plus",
    "DROP PACKAGE BODY bag",
    "DROP PACKAGE bag",
    "SET sql_mode = DEFAULT",
    "SET NAMES utf8mb4 COLLATE DEFAULT",
    "SET NAMES DEFAULT",
    "SELECT @@character_set_client, @@collation_connection",
    "SET sql_mode = ANSI_QUOTES",
    'SET @@sql_mode = ""',
    "SELECT @@sql_mode",
    "SET collation_connection = ucs2_general_ci",
    "SET default_storage_engine = MyISAM",
    "SELECT CAST(@@default_storage_engine AS CHAR)",
    "SET default_storage_engine = 'InnoDB'",
    "SET sql_mode = DEFAULT, default_storage_engine = DEFAULT",
    "SET NAMES utf8mb4",
  ]);
});

test("programs, open tables, files of the server", async () => {
  expect(await pair.allSameOrRefused(PROGRAMS)).toEqual([]);
});

test("variables that are set where a connection is held, and by programs", async () => {
  await pair.allSame([
    "CREATE TABLE held (a INT) ENGINE = InnoDB",
    "CREATE PROCEDURE counts() SET @n = IFNULL(@n, 0) + 1",
    "CREATE FUNCTION counted() RETURNS INT BEGIN SET @n = 77; RETURN 1; END",
    "CREATE PROCEDURE looks(x INT) BEGIN IF EXISTS (SELECT 1 FROM held WHERE a = x) THEN SELECT 'yes'; END IF; SELECT x; END",
    "CREATE FUNCTION has(x INT) RETURNS INT IF NOT EXISTS (SELECT 1 FROM held WHERE a = x) THEN RETURN 0; ELSE RETURN 1; END IF",
    "SELECT has(1)",
    "DROP FUNCTION has",
    "DROP PROCEDURE looks",
    "SET sql_log_bin = 0, binlog_format = STATEMENT",
    "BEGIN",
    "INSERT INTO held VALUES (1)",
    "SET @n = 5",
    "INSERT INTO held VALUES (@n)",
    "SELECT @n := 7 FROM held LIMIT 1",
    "SET @n = 5",
    "SELECT @n, a FROM held ORDER BY a",
    "CALL counts()",
    "SELECT @n, a FROM held ORDER BY a",
    "SET sql_log_bin = 1",
    "SELECT @n, a FROM held ORDER BY a",
    "SET STATEMENT sql_select_limit = 1 FOR SET @m = (SELECT COUNT(*) FROM held)",
    "SELECT @m, a, @@sql_select_limit FROM held",
    "COMMIT",
    "SELECT @n, @@sql_log_bin, @@binlog_format",
    "SET sql_log_bin = DEFAULT, binlog_format = DEFAULT",
    "SET @n = 10",
    "CALL counts()",
    "SELECT @n",
    "CALL counts()",
    "SELECT @n, a FROM held ORDER BY a",
    "SET @n = 1",
    "SELECT counted(), a FROM held ORDER BY a",
    "SELECT @n",
    "SET @n = 2",
    "DO counted()",
    "SELECT @n",
    "SET @n = 3",
    "UPDATE held SET a = counted()",
    "SELECT @n, a FROM held",
    "CREATE FUNCTION gives(a INT, OUT b INT) RETURNS INT BEGIN SET b = a + 1; RETURN a; END",
    "SET @n = 0, @m = 0",
    "SET @m = gives(5, @n)",
    "SELECT @n, @m, a FROM held",
    "DROP FUNCTION gives",
    "DROP PROCEDURE counts",
    "DROP FUNCTION counted",
    "DROP TABLE held",
  ]);
});

test("variables that triggers set are the session's, and nobody else's", async () => {
  const [one, two] = [await Pair.open(twins, "u"), await Pair.open(twins, "u")];
  await one.allSame([
    "CREATE TABLE traced (id INT)",
    "CREATE TRIGGER traces BEFORE INSERT ON traced FOR EACH ROW SET NEW.id = NEW.id + 1, @traced = NEW.id",
    "INSERT INTO traced VALUES (1)",
    "SELECT @traced",
    "SELECT @traced, id FROM traced",
    "SET @traced = 0",
    "INSERT INTO traced VALUES (1)",
    "SELECT @traced",
    "SET @traced = 0",
    "SELECT @traced",
    "SELECT @traced, 1",
    "SET @traced = 9",
    "INSERT INTO traced VALUES (2), (3)",
    "SELECT @traced, id FROM traced ORDER BY id",
  ]);
  for (let again = 0; again < 3; again++) await two.allSame(["SELECT @traced, id FROM traced ORDER BY id"]);
  await two.allSame(["INSERT INTO traced VALUES (7)", "SELECT @traced"]);
  await one.allSame([
    "SELECT @traced",
    "SET @traced = NULL",
    "CREATE TABLE tracing (id INT)",
    "CREATE VIEW traced_view AS SELECT * FROM tracing",
    "CREATE PROCEDURE trace(IN n INT) INSERT INTO traced VALUES (n)",
    "CREATE TRIGGER traces_too AFTER INSERT ON tracing FOR EACH ROW CALL trace(NEW.id)",
    "INSERT INTO traced_view VALUES (40)",
  ]);
  for (let again = 0; again < 3; again++) await two.allSame(["SELECT @traced", "DO 1"]);
  await one.allSame([
    "SELECT @traced",
    "CREATE FUNCTION sets(n INT) RETURNS INT BEGIN SET @by_function = n; RETURN n; END",
    "CREATE FUNCTION calls(n INT) RETURNS INT RETURN sets(n) + 1",
    "SELECT calls(5)",
    "SELECT @by_function",
    "SET @a = calls(6)",
    "SELECT @by_function, @a",
    "INSERT INTO tracing VALUES (calls(7))",
    "SELECT @by_function, @traced",
    "DROP FUNCTION sets",
    "CREATE FUNCTION sets(n INT) RETURNS INT BEGIN SET @other = n; RETURN n; END",
    "SELECT calls(8)",
    "SELECT @by_function, @other",
  ]);
  await two.allSame(["SELECT @by_function, @other"]);
  await one.allSame([
    "DROP FUNCTION calls",
    "DROP FUNCTION sets",
    "DROP VIEW traced_view",
    "DROP TABLE tracing, traced",
    "DROP PROCEDURE trace",
  ]);
  one.close();
  two.close();
});

/** A client's own XA transactions: ended by whichever connection, refused where MySQL refuses. */
const XA = [
  "CREATE TABLE xx (a INT PRIMARY KEY)",
  "XA START 'one'",
  "INSERT INTO xx VALUES (1)",
  "SELECT * FROM xx",
  "BEGIN",
  "COMMIT",
  "XA PREPARE 'one'",
  "XA END 'one'",
  "XA PREPARE 'one'",
  "XA RECOVER",
  "XA COMMIT 'one'",
  "XA START 'two', 'b', 7",
  "INSERT INTO xx VALUES (2)",
  "XA END 'two', 'b', 7",
  "XA COMMIT 'two', 'b', 7 ONE PHASE",
  "BEGIN",
  "INSERT INTO xx VALUES (9)",
  "XA START 'three'",
  "ROLLBACK",
  "SET autocommit = 0",
  "XA START 'four'",
  "CREATE TABLE yy (a INT)",
  "INSERT INTO xx VALUES (4)",
  "XA END 'four'",
  "XA ROLLBACK 'four'",
  "SET autocommit = 1",
  "XA COMMIT 'nobody'",
  "SELECT * FROM xx ORDER BY a",
  "XA START 0x41, 0x42, 3",
  "INSERT INTO xx VALUES (10)",
  "XA END 0x41, 0x42, 3",
  "XA PREPARE 0x41, 0x42, 3",
];

test("XA transactions of clients; what is prepared outlives its connection", async () => {
  const first = await Pair.open(twins, "u");
  expect(await first.allSameOrRefused(XA)).toEqual([]);
  first.close();
  const sql = "XA COMMIT 0x41, 0x42, 3";
  // A server finds out a moment later that its client is gone.
  await expect.poll(async () => (await pair.gateway.query(sql)).kind, { timeout: 60_000 }).toBe("ok");
  await expect.poll(async () => (await pair.direct.query(sql)).kind, { timeout: 60_000 }).toBe("ok");
  await pair.allSame(["XA RECOVER", "SELECT * FROM xx ORDER BY a", "DROP TABLE xx"]);
});

test("statements of every kind, one after the other in one session", async () => {
  expect(await pair.allSameOrRefused(STATEMENTS)).toEqual([]);
});

test("the same tables named from another keyspace", async () => {
  expect(await pair.allSameOrRefused(FROM_ANOTHER_KEYSPACE)).toEqual([]);
  await pair.same("USE u");
});

test("what is refused names the construct", async () => {
  for (const sql of REFUSED) expect(await pair.gateway.query(sql), sql).toMatchObject({ kind: "error", errno: 1235 });
});

test("several statements in one packet are a syntax error, and none of them runs", async () => {
  for (const sql of ["SELECT 1; SELECT 2", "DELETE FROM p; DELETE FROM p", "SET @a = 1; SELECT 1"]) {
    const [got, wanted] = await pair.both(sql);
    expect(got, sql).toMatchObject({ kind: "error", errno: 1064 });
    expect(wanted, sql).toMatchObject({ kind: "error", errno: 1064 });
  }
  await pair.same("SELECT * FROM p");
});

describe("sizes", () => {
  test("a statement of 17 MiB, a value of 17 MiB, packets of exactly 16 MiB", async () => {
    for (const bytes of [0xffffff - 40, 0xffffff - 1, 0xffffff, 0xffffff + 1, 17 << 20]) {
      const head = "REPLACE INTO blobs (id, b) VALUES (1, '";
      const value = "v".repeat(bytes - head.length - 2 - 1);
      await pair.same(`${head}${value}')`);
      await pair.same("SELECT id, LENGTH(b), MD5(b) FROM blobs");
    }
    const [got, wanted] = await pair.both("SELECT b FROM blobs");
    expect(got.kind === "rows" && wanted.kind === "rows" && got.rows[0] === wanted.rows[0]).toBe(true);
    await pair.same("DELETE FROM blobs");
  });

  test("4096 columns, none of them a row; many rows", async () => {
    const columns = Array.from({ length: 4096 }, (_, i) => `${i} AS c${i}`).join(", ");
    await pair.same(`SELECT ${columns} FROM p WHERE 1 = 0`);
    await pair.same(`SELECT ${columns}`);
    await pair.same("SELECT seq, REPEAT('x', seq % 100) AS v FROM seq_1_to_20000 ORDER BY seq");
  });
});

describe("commands", () => {
  test("COM_INIT_DB, COM_PING, COM_FIELD_LIST", async () => {
    for (const [command, argument] of [
      [COM.INIT_DB, "s"],
      [COM.INIT_DB, "nosuch"],
      [COM.INIT_DB, "u"],
      [COM.PING, ""],
      [COM.FIELD_LIST, "p\0"],
      [COM.FIELD_LIST, "p\0n%"],
      [COM.FIELD_LIST, "nosuch\0"],
    ] as const) {
      const [got, wanted] = await Promise.all([
        pair.gateway.command(command, argument),
        pair.direct.command(command, argument),
      ]);
      expect(comparable(got), `${command} ${argument}`).toEqual(comparable(wanted));
    }
    await pair.same("SELECT DATABASE()");
  });

  test("COM_STATISTICS is a text, an unknown command an error, and the session goes on", async () => {
    expect((await pair.gateway.packet(COM.STATISTICS)).toString()).toMatch(/^Uptime: \d+/);
    expect(await pair.gateway.command(0x77)).toMatchObject({ kind: "error", errno: 1047, sqlState: "08S01" });
    await pair.same("SELECT 1");
  });

  test("COM_RESET_CONNECTION undoes everything but the keyspace", async () => {
    await pair.allSame([
      "SET @a = 1, sql_mode = 'ANSI_QUOTES', time_zone = '+03:00', autocommit = 0",
      "INSERT INTO p (name) VALUES ('reset')",
      "CREATE TEMPORARY TABLE reset_tmp (a INT)",
    ]);
    for (const client of [pair.gateway, pair.direct]) {
      expect(await client.command(COM.RESET_CONNECTION)).toMatchObject({ kind: "ok", autocommit: true });
    }
    await pair.allSame([
      "SELECT @a, @@autocommit, @@time_zone, LAST_INSERT_ID(), DATABASE()",
      `SELECT "text"`,
      "SELECT COUNT(*) FROM p WHERE name = 'reset'",
      "SELECT * FROM reset_tmp",
    ]);
  });
});

test("CLIENT_FOUND_ROWS counts matched rows, without it changed ones, side by side", async () => {
  const found = await Pair.open(twins, "u", { foundRows: true });
  await pair.same("INSERT INTO p (name, price) VALUES ('found', 1)");
  for (let round = 0; round < 3; round++) {
    await found.same("UPDATE p SET price = 2 WHERE name = 'found'");
    await found.same("SELECT ROW_COUNT()");
    await pair.same("UPDATE p SET price = 2 WHERE name = 'found'");
    await pair.same("SELECT ROW_COUNT()");
  }
  found.close();
});

/** Without what differs by nature: the default value of a field list, and which server says so. */
function comparable(outcome: Awaited<ReturnType<Pair["same"]>>): object {
  return outcome.kind === "rows"
    ? { ...outcome, columns: outcome.columns.map(({ name, type }) => [name, type]) }
    : outcome;
}
