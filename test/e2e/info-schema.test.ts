// information_schema over an unsharded and a sharded keyspace beside one MariaDB that has both databases: tables once and
// not once a shard, the server's own schemas once, in the queries that drivers, ORMs and tools ask. Sequences are tables of
// Shardgate's only, and AUTO_INCREMENT is the plain server's only; sizes and times differ between servers.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { must, type Outcome, Pair, startTwins, TwinClient, type Twins } from "./twin.ts";

let twins: Twins;
let pair: Pair;

beforeAll(async () => {
  twins = await startTwins();
  pair = await Pair.open(twins, "s");
  for (const sql of SETUP) for (const outcome of await pair.both(sql)) expect(outcome.kind, sql).toBe("ok");
});
afterAll(async () => {
  pair?.close();
  await twins?.stop();
});

const SETUP = [
  "CREATE VIEW s.seen AS SELECT id, name FROM s.c",
  "CREATE VIEW u.cheap AS SELECT id, price FROM u.p WHERE price < 10",
  "USE u",
  "CREATE TABLE child (id INT PRIMARY KEY, pid INT, note VARCHAR(10) DEFAULT 'x' COMMENT 'a note', CONSTRAINT child_p FOREIGN KEY (pid) REFERENCES p (id) ON DELETE CASCADE, CONSTRAINT positive CHECK (id > 0))",
  "CREATE PROCEDURE twice (IN a INT, OUT b INT) COMMENT 'doubles' SET b = a * 2",
  "CREATE FUNCTION five () RETURNS INT DETERMINISTIC RETURN 5",
  "CREATE TRIGGER before_p BEFORE INSERT ON p FOR EACH ROW SET NEW.note = 'new'",
  "USE s",
];

const OWN = "'information_schema', 'mysql', 'performance_schema', 'sys'";
const NO_SEQUENCES = "table_name NOT LIKE '%\\_seq'";

/** Of any keyspaces: over all, over several, over none, and joined in ways that only look as if they were about one. */
const OF_SEVERAL = [
  `SELECT schema_name FROM information_schema.schemata WHERE schema_name NOT IN (${OWN})`,
  `SELECT schema_name, default_character_set_name, default_collation_name FROM information_schema.schemata WHERE schema_name NOT IN (${OWN}) ORDER BY schema_name DESC LIMIT 1`,
  `SELECT table_schema, table_name, table_type, engine FROM information_schema.tables WHERE ${NO_SEQUENCES}`,
  `SELECT COUNT(*) FROM information_schema.tables WHERE ${NO_SEQUENCES}`,
  `SELECT table_schema, COUNT(*) AS n FROM information_schema.tables WHERE ${NO_SEQUENCES} GROUP BY table_schema ORDER BY table_schema`,
  "SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema IN ('u', 's') AND table_name IN ('p', 'c', 'r') ORDER BY 1, 2",
  `SELECT table_schema, table_name, column_name, ordinal_position, column_type FROM information_schema.columns WHERE table_schema NOT IN (${OWN}) AND ${NO_SEQUENCES} ORDER BY table_schema, table_name, ordinal_position`,
  "SELECT * FROM information_schema.columns WHERE table_schema IN ('u', 's') AND table_name IN ('child', 'r', 'i') ORDER BY table_schema, table_name, ordinal_position",
  "SET STATEMENT max_statement_time = 60 FOR SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema IN ('u', 's') AND table_name IN ('p', 'c', 'r') ORDER BY 1, 2",
  "SELECT DISTINCT table_name FROM information_schema.columns WHERE column_name = 'name' AND table_schema LIKE '_' ORDER BY table_name",
  "SELECT table_schema, table_name, index_name, GROUP_CONCAT(column_name ORDER BY seq_in_index) AS k FROM information_schema.statistics WHERE table_schema = 'u' AND table_name <> 'c_seq' AND table_name <> 'o_seq' OR table_schema = 's' GROUP BY table_schema, table_name, index_name ORDER BY 1, 2, 3",
  "SELECT constraint_schema, table_name, constraint_name, constraint_type FROM information_schema.table_constraints WHERE constraint_schema IN ('s', 'u') AND table_name NOT LIKE '%seq' ORDER BY 1, 2, 3",
  "SELECT k.table_name, k.column_name, k.referenced_table_name, r.delete_rule FROM information_schema.key_column_usage k JOIN information_schema.referential_constraints r USING (constraint_schema, constraint_name)",
  "SELECT table_schema, table_name, is_updatable FROM information_schema.views WHERE table_schema <> 'sys' ORDER BY 1, 2",
  "SELECT routine_schema, routine_name, routine_type FROM information_schema.routines WHERE routine_schema <> 'sys' ORDER BY 1, 2",
  "SELECT specific_schema, specific_name, parameter_name, data_type FROM information_schema.parameters WHERE specific_schema <> 'sys' ORDER BY 1, 2, ordinal_position",
  "SELECT trigger_schema, trigger_name, event_object_table FROM information_schema.triggers WHERE trigger_schema <> 'sys'",
  "SELECT constraint_name, check_clause FROM information_schema.check_constraints WHERE constraint_schema <> 'mysql'",
  "SELECT t.table_name, c.column_name FROM information_schema.tables t JOIN information_schema.columns c ON c.table_name = t.table_name WHERE t.table_schema = 's' AND t.table_name = 'r' ORDER BY 1, 2",
  "SELECT t.table_schema, t.table_name, (SELECT COUNT(*) FROM information_schema.columns c WHERE c.table_name = t.table_name AND c.table_schema = t.table_schema) AS n FROM information_schema.tables t WHERE t.table_schema IN ('s', 'u') AND t.table_name NOT LIKE '%seq' ORDER BY 1, 2",
  "SELECT a.table_name FROM information_schema.tables a LEFT JOIN information_schema.tables b ON b.table_schema = 'u' AND b.table_name = a.table_name WHERE a.table_schema = 's' AND b.table_name IS NULL ORDER BY 1",
  "SELECT table_name FROM information_schema.tables WHERE table_schema = 's' UNION SELECT table_name FROM information_schema.tables WHERE table_schema = 'u' AND table_name IN ('p', 'c') ORDER BY 1",
  "WITH t AS (SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema IN ('s', 'u')) SELECT table_name FROM t WHERE table_schema = 's' ORDER BY table_name",
  "SELECT n FROM (SELECT table_name AS n, table_schema AS d FROM information_schema.tables) x WHERE d = 's' ORDER BY n",
  "SELECT table_name FROM information_schema.tables WHERE table_schema = 'nosuch'",
  "SELECT table_name FROM information_schema.tables WHERE table_schema = 'performance_schema' AND table_name = 'users'",
  "SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema = 'mysql' AND table_name IN ('proc', 'event') ORDER BY 2",
  "SELECT table_schema FROM information_schema.tables WHERE table_schema = 0 AND table_name IN ('p', 'c') ORDER BY 1",
  "SELECT table_name FROM information_schema.tables WHERE table_schema = NULL",
  "SELECT information_schema.TABLES.table_name FROM INFORMATION_SCHEMA.TABLES WHERE TABLES.table_schema IN ('s', 'u') AND TABLES.table_name = 'p'",
  "SELECT t.* FROM information_schema.collations t WHERE t.collation_name = 'utf8mb4_bin'",
  "SELECT nosuch FROM information_schema.tables",
  "SELECT table_name FROM information_schema.nosuch",
  "SELECT table_schema, COUNT(*) OVER (PARTITION BY table_schema) AS n FROM information_schema.tables WHERE table_schema = 's' OR table_schema = 'u' AND table_name = 'p' ORDER BY 1",
  "SELECT db, name, type FROM mysql.proc WHERE db IN ('u', 's') ORDER BY name",
];

/** As tools ask them of the selected database. */
const OF_ONE = [
  // Django
  "SELECT table_name, table_type, table_comment FROM information_schema.tables WHERE table_schema = DATABASE()",
  "SELECT column_name, data_type, character_maximum_length, numeric_precision, numeric_scale, column_default, CASE WHEN column_type LIKE '%% unsigned' THEN 1 ELSE 0 END AS is_unsigned, column_comment FROM information_schema.columns WHERE table_name = 'm' AND table_schema = DATABASE()",
  "SELECT kc.constraint_name, kc.column_name, kc.referenced_table_name, kc.referenced_column_name, c.constraint_type FROM information_schema.key_column_usage AS kc, information_schema.table_constraints AS c WHERE kc.table_schema = DATABASE() AND (c.table_schema = kc.table_schema AND c.constraint_name = kc.constraint_name AND c.table_name = kc.table_name) AND kc.table_name = 'c' ORDER BY kc.ordinal_position, kc.constraint_name",
  "SELECT cc.constraint_name, cc.check_clause FROM information_schema.check_constraints AS cc, information_schema.table_constraints AS tc WHERE cc.constraint_schema = DATABASE() AND tc.table_schema = cc.constraint_schema AND cc.constraint_name = tc.constraint_name AND tc.constraint_type = 'CHECK' AND tc.table_name = 'c'",
  "SELECT engine FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'c'",
  // Rails
  "SELECT table_name FROM (SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = database()) _subquery WHERE _subquery.table_type = 'BASE TABLE'",
  "SELECT fk.referenced_table_name AS 'to_table', fk.referenced_column_name AS 'primary_key', fk.column_name AS 'column', fk.constraint_name AS 'name', rc.update_rule AS 'on_update', rc.delete_rule AS 'on_delete' FROM information_schema.referential_constraints rc JOIN information_schema.key_column_usage fk USING (constraint_schema, constraint_name) WHERE fk.referenced_column_name IS NOT NULL AND fk.table_schema = database() AND fk.table_name = 'o' AND rc.constraint_schema = database() AND rc.table_name = 'o'",
  "SELECT column_name FROM information_schema.statistics WHERE index_name = 'PRIMARY' AND table_schema = database() AND table_name = 'c' ORDER BY seq_in_index",
  "SELECT table_comment FROM information_schema.tables WHERE table_schema = database() AND table_name = 'c'",
  // Connector/J and Hibernate
  "SELECT TABLE_SCHEMA AS TABLE_CAT, NULL AS TABLE_SCHEM, TABLE_NAME, CASE WHEN TABLE_TYPE = 'BASE TABLE' THEN 'TABLE' ELSE TABLE_TYPE END AS TABLE_TYPE, TABLE_COMMENT AS REMARKS FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA = 's' AND TABLE_NAME LIKE '%' HAVING TABLE_TYPE IN ('TABLE', 'VIEW') ORDER BY TABLE_TYPE, TABLE_SCHEMA, TABLE_NAME",
  "SELECT ROUTINE_SCHEMA AS PROCEDURE_CAT, ROUTINE_NAME AS PROCEDURE_NAME, ROUTINE_COMMENT AS REMARKS FROM INFORMATION_SCHEMA.ROUTINES WHERE ROUTINE_SCHEMA = 'u' ORDER BY ROUTINE_SCHEMA, ROUTINE_NAME, ROUTINE_TYPE",
  "SELECT DISTINCT A.REFERENCED_TABLE_SCHEMA AS PKTABLE_CAT, A.REFERENCED_TABLE_NAME AS PKTABLE_NAME, A.TABLE_NAME AS FKTABLE_NAME, A.COLUMN_NAME AS FKCOLUMN_NAME FROM INFORMATION_SCHEMA.KEY_COLUMN_USAGE A JOIN INFORMATION_SCHEMA.TABLE_CONSTRAINTS B USING (TABLE_SCHEMA, TABLE_NAME, CONSTRAINT_NAME) WHERE B.CONSTRAINT_TYPE = 'FOREIGN KEY' AND A.TABLE_SCHEMA = 'u' AND A.REFERENCED_TABLE_SCHEMA IS NOT NULL ORDER BY A.TABLE_NAME, A.ORDINAL_POSITION",
  // Prisma
  "SELECT DISTINCT BINARY table_info.table_name AS table_name, table_info.create_options AS create_options, table_info.table_comment AS table_comment FROM information_schema.tables AS table_info JOIN information_schema.columns AS column_info ON BINARY column_info.table_name = BINARY table_info.table_name WHERE table_info.table_schema = 's' AND column_info.table_schema = 's' AND table_info.table_type = 'BASE TABLE' ORDER BY BINARY table_info.table_name",
  "SELECT column_name, data_type, column_type, is_nullable, extra, table_name FROM information_schema.columns WHERE table_schema = 's' AND table_name IN ('r', 'x') ORDER BY BINARY table_name, ordinal_position",
  // Sequelize
  "SELECT CONSTRAINT_NAME AS constraintName, TABLE_NAME AS tableName, COLUMN_NAME AS columnName FROM INFORMATION_SCHEMA.KEY_COLUMN_USAGE WHERE CONSTRAINT_NAME != 'PRIMARY' AND CONSTRAINT_SCHEMA = 'u' AND REFERENCED_TABLE_NAME IS NOT NULL AND TABLE_NAME = 'child'",
  `SELECT TABLE_NAME AS tableName, TABLE_SCHEMA AS tableSchema FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_TYPE = 'BASE TABLE' AND TABLE_SCHEMA NOT IN ('MYSQL', 'INFORMATION_SCHEMA', 'PERFORMANCE_SCHEMA', 'SYS', ${OWN}) AND TABLE_NAME NOT LIKE '%seq'`,
  // TypeORM
  "SELECT * FROM (SELECT * FROM INFORMATION_SCHEMA.KEY_COLUMN_USAGE kcu WHERE kcu.TABLE_SCHEMA = 's' AND kcu.TABLE_NAME = 'c' UNION SELECT * FROM INFORMATION_SCHEMA.KEY_COLUMN_USAGE kcu WHERE kcu.TABLE_SCHEMA = 's' AND kcu.TABLE_NAME = 'r') kcu WHERE CONSTRAINT_NAME = 'PRIMARY'",
  "SELECT rc.CONSTRAINT_NAME, s.INDEX_NAME FROM INFORMATION_SCHEMA.STATISTICS s LEFT JOIN INFORMATION_SCHEMA.REFERENTIAL_CONSTRAINTS rc ON s.INDEX_NAME = rc.CONSTRAINT_NAME AND s.TABLE_SCHEMA = rc.CONSTRAINT_SCHEMA WHERE s.TABLE_SCHEMA = 's' AND s.INDEX_NAME != 'PRIMARY'",
  "SELECT TABLE_NAME FROM INFORMATION_SCHEMA.TABLES WHERE (TABLE_SCHEMA = 's' AND TABLE_NAME = 'c') OR (TABLE_SCHEMA = 's' AND TABLE_NAME = 'r')",
  "SELECT TABLE_NAME FROM INFORMATION_SCHEMA.TABLES WHERE (TABLE_SCHEMA, TABLE_NAME) IN (('s', 'c'), ('s', 'm'))",
  // phpMyAdmin
  "SELECT TABLE_NAME AS Name, TABLE_TYPE, ENGINE AS Engine, TABLE_COLLATION AS Collation FROM information_schema.TABLES t WHERE TABLE_SCHEMA COLLATE utf8_bin IN ('s') ORDER BY Name ASC",
  "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = 's' OR SCHEMA_NAME LIKE 'u%'",
  // mysqldump
  "SELECT LOGFILE_GROUP_NAME, FILE_NAME FROM INFORMATION_SCHEMA.FILES WHERE FILE_TYPE = 'UNDO LOG' AND LOGFILE_GROUP_NAME IN (SELECT DISTINCT LOGFILE_GROUP_NAME FROM INFORMATION_SCHEMA.FILES WHERE FILE_TYPE = 'DATAFILE' AND TABLESPACE_NAME IN (SELECT DISTINCT TABLESPACE_NAME FROM INFORMATION_SCHEMA.PARTITIONS WHERE TABLE_SCHEMA IN ('s')))",
  "SELECT SEQ_IN_INDEX, COLUMN_NAME FROM information_schema.statistics WHERE table_schema = SCHEMA() AND LOWER(table_name) = 'c' ORDER BY index_name, seq_in_index",
];

/** A session without a database, and one that has selected information_schema. */
const ELSEWHERE = [
  "USE information_schema",
  "SELECT DATABASE()",
  "SELECT table_name FROM tables WHERE table_schema = 's' ORDER BY 1",
  `SELECT table_schema, COUNT(*) FROM tables WHERE ${NO_SEQUENCES} GROUP BY table_schema ORDER BY 1`,
  "SELECT t.table_name FROM tables t JOIN schemata d ON d.schema_name = t.table_schema WHERE d.schema_name = 's' ORDER BY 1",
  "SELECT id FROM s.r ORDER BY id",
  "DESCRIBE schemata",
  "SHOW TABLES LIKE 'TAB%'",
  "SHOW COLUMNS FROM tables LIKE 'TABLE_N%'",
  "USE mysql",
  "SELECT name FROM proc WHERE db = 'u' ORDER BY name",
  "SHOW TABLES LIKE 'proc%'",
  "SELECT 1",
  "USE s",
];

/** mariadb-check and mariadb-dump of all databases. */
const MAINTENANCE = [
  "USE mysql",
  "CHECK TABLE time_zone, `time_zone_name`",
  "ANALYZE TABLE time_zone",
  "OPTIMIZE TABLE mysql.time_zone",
  "CHECKSUM TABLE time_zone",
  "LOCK TABLES column_stats READ /*!32311 LOCAL */, mysql.time_zone READ /*!32311 LOCAL */",
  "SELECT COUNT(*) FROM column_stats",
  "SELECT COUNT(*) FROM time_zone AS t",
  "UNLOCK TABLES",
  "LOCK TABLES nosuch READ",
  "FLUSH TABLES mysql.time_zone",
  "USE s",
  "CHECK TABLE mysql.time_zone",
  "LOCK TABLES mysql.time_zone READ, mysql.proc READ",
  "SELECT COUNT(*) FROM mysql.time_zone",
  "UNLOCK TABLES",
];

/** Aria has no savepoints: what has read such a table must be undone before another one can be set. */
const UNDER_SAVEPOINTS = [
  "USE u",
  "START TRANSACTION WITH CONSISTENT SNAPSHOT",
  "SELECT id FROM p",
  "SAVEPOINT sp",
  "SELECT COUNT(*) FROM mysql.time_zone",
  "ROLLBACK TO SAVEPOINT sp",
  "RELEASE SAVEPOINT sp",
  "SAVEPOINT sp",
  "SELECT id FROM p",
  "ROLLBACK TO SAVEPOINT sp",
  "COMMIT",
];

/** What drivers ask of a catalog whose name is empty. */
const NAMELESS = [
  "SHOW COLUMNS FROM c FROM ``",
  "SHOW FULL COLUMNS FROM ``.c",
  "SHOW INDEX FROM c FROM ``",
  "SHOW CREATE TABLE ``.c",
  "SHOW TABLES FROM ``",
  "DESCRIBE ``.c",
  "SELECT * FROM ``.c",
  "INSERT INTO ``.c VALUES (1)",
  "USE ``",
  "SELECT DATABASE()",
];

describe("information_schema", () => {
  beforeEach(async () => {
    await pair.allSame([
      "ROLLBACK",
      "SET NAMES utf8mb4",
      "SET sql_select_limit = DEFAULT",
      "SET sql_mode = DEFAULT",
      "USE s",
    ]);
    for (const client of [pair.gateway, pair.direct]) {
      await must(client, "DELETE FROM u.p");
      await must(client, "DELETE FROM s.c");
    }
  });

  test("of several keyspaces, and of the server's own schemas once", async () => {
    await pair.allSame(OF_SEVERAL);
  });

  test("a database without a name is none, and what is selected stays", async () => {
    await pair.allSame(NAMELESS);
  });

  test("tables of mysql are checked and locked", async () => {
    await pair.allSame(MAINTENANCE);
  });

  test("tables of mysql are read in a transaction with savepoints", async () => {
    await pair.allSame(UNDER_SAVEPOINTS);
  });

  test("of one keyspace, as ORMs and tools ask it", async () => {
    await pair.allSame(OF_ONE);
  });

  test("selected itself", async () => {
    await pair.allSame(ELSEWHERE);
  });

  test("in a transaction, with another character set, with a limit on rows", async () => {
    await pair.allSame([
      "BEGIN",
      "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema IN ('s', 'u') AND table_name NOT LIKE '%seq'",
      "COMMIT",
      "SET NAMES latin1",
      "SELECT table_name, table_comment FROM information_schema.tables WHERE table_schema IN ('s', 'u') AND table_name IN ('c', 'p') ORDER BY 1",
      "SET NAMES utf8mb4",
      "SET sql_select_limit = 2",
      "SELECT table_name FROM information_schema.tables WHERE table_schema IN ('s', 'u') ORDER BY table_name DESC",
      "SET sql_select_limit = DEFAULT",
      "SET sql_mode = 'ANSI_QUOTES'",
      "SELECT \"table_name\" FROM information_schema.tables WHERE table_schema IN ('s', 'u') AND \"table_name\" = 'r'",
      "SET sql_mode = DEFAULT",
    ]);
  });

  test("joined with tables of both keyspaces", async () => {
    await must(pair.gateway, "INSERT INTO u.p (name, price) VALUES ('c', 1), ('p', 2), ('x', 3)");
    await must(pair.direct, "INSERT INTO u.p (name, price) VALUES ('c', 1), ('p', 2), ('x', 3)");
    for (const sql of [
      "SELECT p.name, t.table_schema FROM u.p JOIN information_schema.tables t ON t.table_name = p.name WHERE t.table_schema IN ('s', 'u') ORDER BY p.name",
      "SELECT r.name, COUNT(c.column_name) AS n FROM s.r LEFT JOIN information_schema.columns c ON c.table_schema = 's' AND c.table_name = 'c' GROUP BY r.name ORDER BY r.name",
      "SELECT name FROM u.p WHERE name IN (SELECT table_name FROM information_schema.tables WHERE table_schema = 's') ORDER BY name",
    ]) {
      expect(rowsOf(await pair.gateway.query(sql)), sql).toEqual(rowsOf(await pair.direct.query(sql)));
    }
  });

  test("as the value of SET and the query of INSERT, and not in other statements that change rows", async () => {
    const named = "table_schema IN ('s', 'u') AND table_name IN ('c', 'p', 'r')";
    await pair.allSame([
      `SET @n = (SELECT COUNT(*) FROM information_schema.tables WHERE ${named})`,
      "SELECT @n",
      `INSERT INTO u.p (name, price) SELECT CONCAT('of ', table_name), 7 FROM information_schema.tables WHERE ${named}`,
      "SELECT name FROM u.p WHERE price = 7 ORDER BY name",
      `INSERT INTO s.c (id, name) SELECT 900 + COUNT(*), MAX(table_schema) FROM information_schema.tables WHERE ${named}`,
      "SELECT id, name FROM s.c WHERE id > 900",
      "DELETE FROM u.p WHERE price = 7",
      "DELETE FROM s.c WHERE id > 900",
    ]);
    for (const sql of [
      "CREATE TABLE u.names AS SELECT table_name FROM information_schema.tables",
      "CREATE VIEW u.names AS SELECT table_name FROM information_schema.tables",
      "DELETE FROM u.p WHERE name IN (SELECT table_name FROM information_schema.tables)",
    ]) {
      expect(await pair.gateway.query(sql), sql).toMatchObject({ kind: "error", errno: 1235 });
    }
  });

  test("rows and bytes of a sharded table are those of all its shards", async () => {
    const sizes =
      "SELECT table_rows, data_length, avg_row_length FROM information_schema.tables WHERE table_schema = 's' AND table_name = 'c'";
    const ids = Array.from({ length: 40 }, (_, i) => `(${i + 1})`);
    await must(pair.gateway, `INSERT INTO c (id) VALUES ${ids.join(", ")}`);
    const parts: number[][] = [];
    for (const port of twins.shardPorts()) {
      const shard = await TwinClient.connect(port);
      await shard.query("ANALYZE TABLE s.c");
      parts.push((await shard.rows(sizes))[0]?.split("|").map(Number) ?? []);
      shard.close();
    }
    const rows = sum(parts.map(([count]) => count));
    const bytes = sum(parts.map(([, length]) => length));
    expect(rows).toBe(40);
    expect(await pair.gateway.rows(sizes)).toEqual([`${rows}|${bytes}|${Math.floor(bytes / rows)}`]);
    expect(
      await pair.gateway.rows(
        `SELECT table_name FROM information_schema.tables WHERE table_schema = 's' AND table_rows > 30`,
      ),
    ).toEqual(["c"]);
    const status = await pair.gateway.rows("SHOW TABLE STATUS FROM s WHERE `Rows` > 30");
    expect(status.map((row) => row.split("|").slice(0, 7))).toEqual([
      ["c", "InnoDB", "10", "Dynamic", String(rows), String(Math.floor(bytes / rows)), String(bytes)],
    ]);
  });

  test("the process list and the privileges are the gateway's", async () => {
    const sql = "SELECT id, user, db, command, info FROM information_schema.processlist WHERE id = CONNECTION_ID()";
    const [row] = await pair.gateway.rows(sql);
    const [id] = await pair.gateway.rows("SELECT CONNECTION_ID()");
    expect(row).toBe(`${id}|root|s|Query|${sql}`);
    expect(
      await pair.gateway.rows(
        "SELECT COUNT(*) FROM information_schema.user_privileges WHERE privilege_type = 'SELECT'",
      ),
    ).toEqual(["1"]);
  });
});

function rowsOf(outcome: Outcome): unknown {
  return outcome.kind === "rows" ? outcome.rows : outcome;
}

function sum(numbers: readonly (number | undefined)[]): number {
  return numbers.reduce<number>((total, number) => total + (number ?? 0), 0);
}
