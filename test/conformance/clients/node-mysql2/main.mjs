// mysql2's promise interface: text and binary protocol, pools, streams.

import { createRequire } from "node:module";
import mysql from "mysql2/promise";
import { AUTHORS, BOOKS, check, client, equal, fails, finish, SAMPLE, SAMPLES, target } from "./check.mjs";

client(createRequire(import.meta.url)("mysql2/package.json").version);

const options = { ...target, supportBigNumbers: true, bigNumberStrings: false, dateStrings: true };
const open = (more = {}) => mysql.createConnection({ ...options, ...more });
const one = await open().catch((error) => error);

await check("connect", "login", async () => {
  if (one instanceof Error) throw one;
  const [[row]] = await one.query("SELECT DATABASE() AS d, CURRENT_USER() IS NOT NULL AS u, 1 + 1 AS two");
  equal(row, { d: target.database, u: 1, two: 2 });
});
await check("connect", "wrong password", () => fails(1045, () => open({ password: "wrong" })));
await check("connect", "unknown database", () => fails(1049, () => open({ database: "no_such_database" })));
await check("connect", "ping and reset", async () => {
  await one.ping();
  await one.query("SET @conformance = 1");
  await one.reset();
  const [[row]] = await one.query("SELECT @conformance AS v, DATABASE() AS d");
  equal(row, { v: null, d: target.database });
});
await check("connect", "change user", async () => {
  const other = await open();
  await other.query("SET @conformance = 1");
  await other.changeUser({ user: target.user, password: target.password, database: target.database });
  const [[row]] = await other.query("SELECT @conformance AS v, DATABASE() AS d");
  equal(row, { v: null, d: target.database });
  await other.end();
});
await check("connect", "compression", async () => {
  const other = await open({ compress: true });
  const [[row]] = await other.query("SELECT REPEAT('x', 100000) AS long_text");
  equal(row.long_text.length, 100_000);
  await other.end();
});
await check("connect", "characters", async () => {
  const [[row]] = await one.query("SELECT 'žluťoučký 😀' AS t, @@character_set_client AS c");
  equal(row, { t: "žluťoučký 😀", c: "utf8mb4" });
});

await check("schema", "create tables", async () => {
  await one.query("DROP TABLE IF EXISTS books, authors, samples");
  for (const sql of [AUTHORS, BOOKS, SAMPLES]) await one.query(sql);
});
await check("schema", "add, use and drop a column", async () => {
  await one.query("ALTER TABLE authors ADD COLUMN extra INT NOT NULL DEFAULT 7");
  await one.query("INSERT INTO authors (id, name) VALUES (900, 'extra')");
  const [[row]] = await one.query("SELECT extra FROM authors WHERE id = 900");
  equal(row, { extra: 7 });
  await one.query("DELETE FROM authors WHERE id = 900");
  await one.query("ALTER TABLE authors DROP COLUMN extra");
});
await check("schema", "indexes", async () => {
  await one.query("CREATE INDEX born ON authors (born)");
  const [rows] = await one.query("SHOW INDEX FROM authors WHERE Key_name = 'born'");
  equal(rows.length, 1);
  await one.query("DROP INDEX born ON authors");
});
await check("schema", "create and drop a database", async () => {
  await one.query("DROP DATABASE IF EXISTS conformance_new");
  await one.query("CREATE DATABASE conformance_new CHARACTER SET utf8mb4");
  await one.query("CREATE TABLE conformance_new.t (a INT PRIMARY KEY)");
  await one.query("INSERT INTO conformance_new.t VALUES (1), (2)");
  const [[row]] = await one.query("SELECT COUNT(*) AS n FROM conformance_new.t");
  equal(row, { n: 2 });
  await one.query("DROP DATABASE conformance_new");
  await fails(1049, () => one.query("USE conformance_new"));
});

let ada = 0;
await check("crud", "insert gives an id", async () => {
  const [result] = await one.query("INSERT INTO authors (name, born) VALUES ('Ada', '1815-12-10')");
  ada = result.insertId;
  equal([result.affectedRows, ada > 0], [1, true]);
  const [[row]] = await one.query("SELECT LAST_INSERT_ID() AS id");
  equal(row, { id: ada });
});
await check("crud", "insert many rows", async () => {
  const [result] = await one.query("INSERT INTO authors (name, email) VALUES ?", [
    [
      ["Bob", "bob@x"],
      ["Cid", null],
      ["Dan", "dan@x"],
    ],
  ]);
  equal([result.affectedRows, result.insertId > ada], [3, true]);
  const [rows] = await one.query("SELECT id, name FROM authors ORDER BY id");
  equal(
    rows.map(({ name }) => name),
    ["Ada", "Bob", "Cid", "Dan"],
  );
  equal(rows[1].id, result.insertId);
  for (const [index, { id }] of rows.entries()) {
    await one.query("INSERT INTO books (author_id, title, price) VALUES (?, ?, ?), (?, ?, ?)", [
      id,
      `first of ${index}`,
      index + 0.5,
      id,
      `second of ${index}`,
      null,
    ]);
  }
});
await check("crud", "join and aggregate", async () => {
  const [rows] = await one.query(
    `SELECT a.name, COUNT(*) AS n, SUM(b.price) AS total, MIN(b.title) AS first FROM authors a
     JOIN books b ON b.author_id = a.id GROUP BY a.id, a.name HAVING n > 1 ORDER BY a.name DESC LIMIT 3`,
  );
  equal(rows, [
    { name: "Dan", n: 2, total: "3.50", first: "first of 3" },
    { name: "Cid", n: 2, total: "2.50", first: "first of 2" },
    { name: "Bob", n: 2, total: "1.50", first: "first of 1" },
  ]);
});
await check("crud", "update by key", async () => {
  const [result] = await one.query("UPDATE authors SET score = score + 1.25, email = 'ada@x' WHERE id = ?", [ada]);
  equal([result.affectedRows, result.changedRows], [1, 1]);
  const [again] = await one.query("UPDATE authors SET email = 'ada@x' WHERE id = ?", [ada]);
  equal([again.affectedRows, again.changedRows], [1, 0]);
});
await check("crud", "update without a key", async () => {
  const [result] = await one.query("UPDATE books SET price = price + 1 WHERE price IS NOT NULL");
  equal([result.affectedRows, result.changedRows], [4, 4]);
});
await check("crud", "insert or update", async () => {
  const sql = "INSERT INTO authors (id, name) VALUES (?, 'Ada L.') ON DUPLICATE KEY UPDATE name = VALUES(name)";
  const [result] = await one.query(sql, [ada]);
  equal(result.affectedRows, 2);
  await one.query("INSERT IGNORE INTO authors (id, name) VALUES (?, 'nobody')", [ada]);
  const [[row]] = await one.query("SELECT name FROM authors WHERE id = ?", [ada]);
  equal(row, { name: "Ada L." });
});
await check("crud", "delete", async () => {
  const [byKey] = await one.query("DELETE FROM books WHERE author_id = ?", [ada]);
  equal(byKey.affectedRows, 2);
  const [others] = await one.query("DELETE FROM books WHERE price IS NULL");
  equal(others.affectedRows, 3);
});
await check("crud", "every type, text protocol", async () => {
  await one.query(`INSERT INTO samples VALUES (1, ${SAMPLE})`);
  await one.query("INSERT INTO samples (id) VALUES (2)");
  const [rows] = await one.query("SELECT * FROM samples ORDER BY id");
  equal(rows.length, 2);
  return { rows };
});
await check("crud", "large values", async () => {
  const bytes = Buffer.alloc(3_000_000, 0x27);
  await one.query("INSERT INTO samples (id, long_bytes) VALUES (3, ?)", [bytes]);
  const [[row]] = await one.query("SELECT long_bytes FROM samples WHERE id = 3");
  equal(row.long_bytes.equals(bytes), true);
});
await check("crud", "stream rows", async () => {
  const sql = "SELECT a.id FROM authors a JOIN authors b JOIN authors c JOIN authors d";
  let rows = 0;
  for await (const row of one.connection.query(sql).stream()) rows += row.id > 0 ? 1 : 0;
  equal(rows, 256);
});

await check("transactions", "commit and rollback", async () => {
  const two = await open();
  await one.beginTransaction();
  await one.query("INSERT INTO authors (id, name) VALUES (501, 'tx'), (502, 'tx'), (503, 'tx')");
  const [[unseen]] = await two.query("SELECT COUNT(*) AS n FROM authors WHERE name = 'tx'");
  await one.commit();
  const [[seen]] = await two.query("SELECT COUNT(*) AS n FROM authors WHERE name = 'tx'");
  equal([unseen.n, seen.n], [0, 3]);
  await one.beginTransaction();
  await one.query("DELETE FROM authors WHERE id IN (501, 502, 503)");
  await one.rollback();
  const [[back]] = await two.query("SELECT COUNT(*) AS n FROM authors WHERE name = 'tx'");
  equal(back.n, 3);
  await two.end();
});
await check("transactions", "savepoints", async () => {
  await one.query("START TRANSACTION");
  await one.query("UPDATE authors SET name = 'kept' WHERE id = 501");
  await one.query("SAVEPOINT a");
  await one.query("UPDATE authors SET name = 'lost' WHERE id IN (502, 503)");
  await one.query("ROLLBACK TO SAVEPOINT a");
  await one.query("RELEASE SAVEPOINT a");
  await one.query("COMMIT");
  const [rows] = await one.query("SELECT name FROM authors WHERE id IN (501, 502, 503) ORDER BY id");
  equal(
    rows.map(({ name }) => name),
    ["kept", "tx", "tx"],
  );
});
await check("transactions", "autocommit off", async () => {
  await one.query("SET autocommit = 0");
  await one.query("UPDATE authors SET name = 'off' WHERE id = 502");
  await one.query("ROLLBACK");
  await one.query("SET autocommit = 1");
  const [[row]] = await one.query("SELECT name, @@autocommit AS a FROM authors WHERE id = 502");
  equal(row, { name: "tx", a: 1 });
});
await check("transactions", "read only", async () => {
  await one.query("START TRANSACTION READ ONLY");
  await fails(1792, () => one.query("UPDATE authors SET name = 'no' WHERE id = 502"));
  await one.query("COMMIT");
});
await check("transactions", "isolation level", async () => {
  await one.query("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED");
  const [[row]] = await one.query("SELECT @@tx_isolation AS i");
  equal(row, { i: "READ-COMMITTED" });
  await one.query("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ");
});

await check("prepared", "select with parameters", async () => {
  const [rows] = await one.execute("SELECT id, name FROM authors WHERE id = ? OR name = ? ORDER BY id", [501, "tx"]);
  equal(rows, [
    { id: 501, name: "kept" },
    { id: 502, name: "tx" },
    { id: 503, name: "tx" },
  ]);
});
await check("prepared", "insert, update, delete", async () => {
  const [inserted] = await one.execute("INSERT INTO authors (name, born, score) VALUES (?, ?, ?)", [
    "Eve",
    "2000-01-02",
    "12.34",
  ]);
  const id = inserted.insertId;
  const [updated] = await one.execute("UPDATE authors SET email = ? WHERE id = ?", [null, id]);
  const [[row]] = await one.execute("SELECT name, email, born, score FROM authors WHERE id = ?", [id]);
  const [deleted] = await one.execute("DELETE FROM authors WHERE id = ?", [id]);
  equal(row, { name: "Eve", email: null, born: "2000-01-02", score: "12.34" });
  equal([id > 0, updated.affectedRows, deleted.affectedRows], [true, 1, 1]);
});
await check("prepared", "every type, binary protocol", async () => {
  const [rows] = await one.execute("SELECT * FROM samples WHERE id < ? ORDER BY id", [3]);
  equal(rows.length, 2);
  return { rows };
});
await check("prepared", "every type of one key", async () => {
  const [rows] = await one.execute("SELECT * FROM samples WHERE id = ?", [1]);
  equal(rows.length, 1);
  return { rows };
});
await check("prepared", "one statement many times", async () => {
  const statement = await one.prepare("SELECT ? + 1 AS n, a.name FROM authors a WHERE a.id = ?");
  for (let i = 0; i < 200; i++) {
    const [rows] = await statement.execute([i, 501 + (i % 3)]);
    equal([rows.length, Number(rows[0].n)], [1, i + 1]);
  }
  await statement.close();
});
await check("prepared", "large parameter", async () => {
  const bytes = Buffer.alloc(2_000_000, 0xab);
  await one.execute("INSERT INTO samples (id, long_bytes) VALUES (?, ?)", [4, bytes]);
  const [[row]] = await one.execute("SELECT long_bytes FROM samples WHERE id = ?", [4]);
  equal(row.long_bytes.equals(bytes), true);
});
await check("prepared", "aggregate over all rows", async () => {
  const [rows] = await one.execute(
    "SELECT COUNT(*) AS n, SUM(score) AS s, MAX(born) AS b, AVG(id) IS NULL AS a FROM authors WHERE name <> ?",
    ["nobody"],
  );
  return { rows };
});
await check("prepared", "errors", async () => {
  await fails(1146, () => one.execute("SELECT * FROM no_such_table WHERE a = ?", [1]));
  await fails(1064, () => one.execute("SELEC ?", [1]));
  await fails(1062, () => one.execute("INSERT INTO authors (id, name) VALUES (?, ?)", [501, "again"]));
});
await check("prepared", "table changes under a statement", async () => {
  const statement = await one.prepare("SELECT * FROM authors WHERE id = ?");
  const [[before]] = await statement.execute([501]);
  await one.query("ALTER TABLE authors ADD COLUMN later INT DEFAULT 3");
  const [[after]] = await statement.execute([501]);
  await one.query("ALTER TABLE authors DROP COLUMN later");
  equal([before.later, after.later], [undefined, 3]);
  await statement.close();
});
await check("prepared", "text statements", async () => {
  await one.query("PREPARE s FROM 'SELECT name FROM authors WHERE id = ?'");
  await one.query("SET @id = 501");
  const [rows] = await one.query("EXECUTE s USING @id");
  await one.query("DEALLOCATE PREPARE s");
  equal(rows, [{ name: "kept" }]);
});

const columnsOf = (fields) =>
  fields.map(({ name, orgName, table, orgTable, columnType, flags, columnLength, decimals, characterSet, schema }) => ({
    name,
    orgName,
    table,
    orgTable,
    columnType,
    flags,
    columnLength,
    decimals,
    characterSet,
    schema,
  }));
await check("metadata", "columns of a result", async () => {
  const [, fields] = await one.query("SELECT s.*, id + 1 AS sum FROM samples s WHERE id = 1");
  return columnsOf(fields);
});
await check("metadata", "columns of a prepared statement", async () => {
  const [, fields] = await one.execute("SELECT s.*, id + 1 AS sum FROM samples s WHERE id = ?", [1]);
  return columnsOf(fields);
});
await check("metadata", "tables and columns", async () => {
  const [tables] = await one.query("SHOW TABLES");
  const names = tables.map((row) => Object.values(row)[0]);
  equal(
    ["authors", "books", "samples"].filter((name) => names.includes(name)),
    ["authors", "books", "samples"],
  );
  const [columns] = await one.query("SHOW COLUMNS FROM samples");
  const [schema] = await one.query(
    `SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, ORDINAL_POSITION, COLUMN_TYPE, IS_NULLABLE, COLUMN_KEY
     FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME IN ('authors', 'books')
     ORDER BY TABLE_NAME, ORDINAL_POSITION`,
  );
  return { columns, schema };
});
await check("metadata", "show create table", async () => {
  const [[row]] = await one.query("SHOW CREATE TABLE books");
  return row["Create Table"].replace(/ AUTO_INCREMENT=\d+/, "");
});

await check("errors", "numbers and states", async () => {
  const seen = [];
  for (const [errno, sql] of [
    [1062, "INSERT INTO authors (id, name) VALUES (501, 'again')"],
    [1064, "SELECT FROM WHERE"],
    [1146, "SELECT * FROM no_such_table"],
    [1054, "SELECT no_such_column FROM authors"],
    [1048, "INSERT INTO authors (id, name) VALUES (999, NULL)"],
    [1406, "INSERT INTO authors (id, name) VALUES (999, REPEAT('x', 100))"],
    [1452, "INSERT INTO books (id, author_id, title) VALUES (999999, 987654, 'x')"],
    [1451, "DELETE FROM authors WHERE name = 'Bob'"],
    [1305, "SELECT no_such_function(1)"],
    [1365, "INSERT INTO authors (id, name, score) VALUES (999, 'x', 1 / 0)"],
  ]) {
    const error = await fails(errno, () => one.query(sql));
    seen.push([errno, error.sqlState]);
  }
  const [[row]] = await one.query("SELECT 1 AS one");
  equal(row, { one: 1 });
  return seen;
});
await check("errors", "a failed statement in a transaction", async () => {
  await one.beginTransaction();
  await one.query("UPDATE authors SET name = 'still' WHERE id = 503");
  await fails(1062, () => one.query("INSERT INTO authors (id, name) VALUES (503, 'again')"));
  await one.commit();
  const [[row]] = await one.query("SELECT name FROM authors WHERE id = 503");
  equal(row, { name: "still" });
});
await check("errors", "in the middle of a result", async () => {
  await fails(1242, () =>
    one.query(
      "SELECT a.id, (SELECT b.id FROM authors b WHERE b.id > 500 AND a.id > 500) AS x FROM authors a ORDER BY a.id",
    ),
  );
  const [[row]] = await one.query("SELECT 1 AS one");
  equal(row, { one: 1 });
});

await check("session", "variables", async () => {
  await one.query("SET @a = 5, @b = 'text'");
  await one.query("SET SESSION sql_mode = 'ANSI_QUOTES', time_zone = '+05:00', group_concat_max_len = 2000");
  const [[row]] = await one.query(
    `SELECT @a AS a, @b AS b, @@sql_mode AS m, @@time_zone AS z, @@group_concat_max_len AS g,
     "id" FROM authors WHERE "id" = 501`,
  );
  equal(row, { a: 5, b: "text", m: "ANSI_QUOTES", z: "+05:00", g: 2000, id: 501 });
  const [[stamp]] = await one.query("SELECT stamp FROM samples WHERE id = 1");
  await one.query("SET SESSION sql_mode = DEFAULT, time_zone = DEFAULT, group_concat_max_len = DEFAULT");
  equal(stamp, { stamp: "2024-07-01 17:00:00" });
});
await check("session", "several statements", async () => {
  const many = await open({ multipleStatements: true });
  const [results] = await many.query(
    "SELECT 1 AS a; UPDATE authors SET name = 'many' WHERE id = 503; SELECT name FROM authors WHERE id = 503",
  );
  equal(results[0], [{ a: 1 }]);
  equal(results[1].affectedRows, 1);
  equal(results[2], [{ name: "many" }]);
  await fails(1064, () => one.query("SELECT 1; SELECT 2"));
  await many.end();
});
await check("session", "found rows and affected rows", async () => {
  const changed = await open({ flags: ["-FOUND_ROWS"] });
  const [result] = await changed.query("UPDATE authors SET name = name WHERE id = 503");
  equal([result.affectedRows, result.changedRows], [0, 0]);
  await changed.end();
});
await check("session", "warnings", async () => {
  const [result] = await one.query("INSERT IGNORE INTO authors (id, name) VALUES (501, 'again')");
  const [rows] = await one.query("SHOW WARNINGS");
  equal([result.warningStatus, rows.map(({ Code }) => Code)], [1, [1062]]);
});
await check("session", "latin1 client", async () => {
  const latin = await open({ charset: "latin1_swedish_ci" });
  await latin.query("UPDATE authors SET name = 'ÄÖ' WHERE id = 503");
  const [[there]] = await latin.query("SELECT name FROM authors WHERE id = 503");
  const [[here]] = await one.query("SELECT name, HEX(name) AS h FROM authors WHERE id = 503");
  equal([there.name, here.name, here.h], ["ÄÖ", "ÄÖ", "C384C396"]);
  await latin.end();
});
await check("session", "load local data", async () => {
  const { Readable } = await import("node:stream");
  const [result] = await one.query({
    sql: "LOAD DATA LOCAL INFILE 'rows' INTO TABLE authors FIELDS TERMINATED BY ',' (id, name)",
    infileStreamFactory: () => Readable.from([Buffer.from("701,load one\n702,load two\n703,load three\n")]),
  });
  const [rows] = await one.query("SELECT name FROM authors WHERE id BETWEEN 701 AND 703 ORDER BY id");
  equal([result.affectedRows, rows.length], [3, 3]);
});
await check("session", "locks by name", async () => {
  const two = await open();
  const [[mine]] = await one.query("SELECT GET_LOCK('conformance', 1) AS l");
  const [[theirs]] = await two.query("SELECT GET_LOCK('conformance', 0) AS l");
  const [[released]] = await one.query("SELECT RELEASE_LOCK('conformance') AS l");
  equal([mine.l, theirs.l, released.l], [1, 0, 1]);
  await two.end();
});

await check("reconnect", "killed connection", async () => {
  const victim = await open();
  victim.on("error", () => undefined);
  const [[{ id }]] = await victim.query("SELECT CONNECTION_ID() AS id");
  await one.query(`KILL ${id}`);
  const error = await victim.query("SELECT 1").then(
    () => undefined,
    (reason) => reason,
  );
  equal(error !== undefined, true);
  const again = await open();
  await again.query("SELECT 1");
  await again.end();
});
await check("reconnect", "killed statement", async () => {
  const victim = await open();
  const [[{ id }]] = await victim.query("SELECT CONNECTION_ID() AS id");
  const slow = victim.query("SELECT SLEEP(15) AS s").then(
    ([[row]]) => row.s,
    (reason) => reason.errno,
  );
  await new Promise((resolve) => setTimeout(resolve, 300));
  await one.query(`KILL QUERY ${id}`);
  equal([1317, 1].includes(await slow), true);
  await victim.query("SELECT 1");
  await victim.end();
});
await check("reconnect", "pool survives a killed connection", async () => {
  const pool = mysql.createPool({ ...options, connectionLimit: 2 });
  const [[{ id }]] = await pool.query("SELECT CONNECTION_ID() AS id");
  await one.query(`KILL ${id}`);
  await new Promise((resolve) => setTimeout(resolve, 300));
  const [[row]] = await pool.query("SELECT COUNT(*) > 0 AS n FROM authors");
  equal(row, { n: 1 });
  await pool.end();
});
finish();
