// MariaDB's connector for Node.js: pipelined statements, batches (bulk execution where the server offers it), prepared
// statements, pools, streams.

import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import mariadb from "mariadb";
import { AUTHORS, BOOKS, check, client, equal, fails, finish, SAMPLE, SAMPLES, target } from "./check.mjs";

client(mariadb.version);

const options = { ...target, dateStrings: true, bigIntAsNumber: true, insertIdAsNumber: true };
const open = (more = {}) => mariadb.createConnection({ ...options, ...more });
const one = await open().catch((error) => error);

await check("connect", "login", async () => {
  if (one instanceof Error) throw one;
  const [row] = await one.query("SELECT DATABASE() AS d, 1 + 1 AS two");
  equal(row, { d: target.database, two: 2 });
  equal(one.info.isMariaDB(), true);
});
await check("connect", "wrong password", () => fails(1045, () => open({ password: "wrong" })));
await check("connect", "unknown database", () => fails(1049, () => open({ database: "no_such_database" })));
await check("connect", "ping and reset", async () => {
  await one.ping();
  await one.query("SET @conformance = 1");
  await one.reset();
  equal(await one.query("SELECT @conformance AS v"), [{ v: null }]);
});
await check("connect", "change user", async () => {
  const other = await open();
  await other.query("SET @conformance = 1");
  await other.changeUser({ user: target.user, password: target.password, database: target.database });
  equal(await other.query("SELECT @conformance AS v, DATABASE() AS d"), [{ v: null, d: target.database }]);
  await other.end();
});
await check("connect", "compression", async () => {
  const other = await open({ compress: true });
  const [row] = await other.query("SELECT REPEAT('x', 100000) AS long_text");
  equal(row.long_text.length, 100_000);
  await other.end();
});
await check("connect", "session variables and initial statements", async () => {
  const other = await open({ sessionVariables: { group_concat_max_len: 3000 }, initSql: ["SET @i = 1", "SET @j = 2"] });
  equal(await other.query("SELECT @@group_concat_max_len AS g, @i AS i, @j AS j"), [{ g: 3000, i: 1, j: 2 }]);
  await other.end();
});

await check("schema", "create tables", async () => {
  await one.query("DROP TABLE IF EXISTS books, authors, samples");
  for (const sql of [AUTHORS, BOOKS, SAMPLES]) await one.query(sql);
});
await check("schema", "alter and truncate", async () => {
  await one.query("ALTER TABLE authors ADD COLUMN extra INT NOT NULL DEFAULT 7, ADD INDEX extra (extra)");
  await one.query("INSERT INTO samples (id) VALUES (1), (2), (3)");
  await one.query("ALTER TABLE authors DROP COLUMN extra");
  await one.query("TRUNCATE TABLE samples");
  equal(await one.query("SELECT COUNT(*) AS n FROM samples"), [{ n: 0 }]);
});

await check("crud", "insert gives an id", async () => {
  const result = await one.query("INSERT INTO authors (name, born) VALUES (?, ?)", ["Ada", "1815-12-10"]);
  equal([result.affectedRows, result.insertId > 0], [1, true]);
  equal(await one.query("SELECT name FROM authors WHERE id = ?", [result.insertId]), [{ name: "Ada" }]);
});
await check("crud", "batch", async () => {
  const result = await one.batch("INSERT INTO authors (id, name, email) VALUES (?, ?, ?)", [
    [501, "Bob", "bob@x"],
    [502, "Cid", null],
    [503, "Dan", "dan@x"],
  ]);
  equal(result.affectedRows, 3);
  equal(await one.query("SELECT id, name, email FROM authors WHERE id > 500 AND id < 504 ORDER BY id"), [
    { id: 501, name: "Bob", email: "bob@x" },
    { id: 502, name: "Cid", email: null },
    { id: 503, name: "Dan", email: "dan@x" },
  ]);
  await one.batch("INSERT INTO books (author_id, title, price) VALUES (?, ?, ?)", [
    [501, "one", 1.5],
    [501, "two", 2.5],
    [502, "three", null],
  ]);
});
await check("crud", "pipelined statements", async () => {
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      one.query("SELECT ? AS i, name FROM authors WHERE id = ?", [i, 501 + (i % 3)]),
    ),
  );
  equal(
    answers.map(([row]) => row.i),
    answers.map((_, i) => i),
  );
});
await check("crud", "join and aggregate", async () => {
  equal(
    await one.query(
      `SELECT a.name, COUNT(b.id) AS n, SUM(b.price) AS total FROM authors a LEFT JOIN books b ON b.author_id = a.id
       WHERE a.id > 500 AND a.id < 504 GROUP BY a.id, a.name ORDER BY n DESC, a.name`,
    ),
    [
      { name: "Bob", n: 2, total: "4.00" },
      { name: "Cid", n: 1, total: null },
      { name: "Dan", n: 0, total: null },
    ],
  );
});
await check("crud", "update and delete", async () => {
  const byKey = await one.query("UPDATE authors SET score = 2.5 WHERE id = ?", [501]);
  const others = await one.query("UPDATE books SET title = CONCAT(title, '!') WHERE price > ?", [1]);
  const deleted = await one.query("DELETE FROM books WHERE title LIKE ?", ["t%"]);
  equal([byKey.affectedRows, others.affectedRows, deleted.affectedRows], [1, 2, 2]);
});
await check("crud", "insert returning", async () => {
  const rows = await one.query("INSERT INTO authors (id, name) VALUES (510, 'R') RETURNING id, name");
  equal(Array.from(rows), [{ id: 510, name: "R" }]);
});
await check("crud", "every type, text protocol", async () => {
  await one.query(`INSERT INTO samples VALUES (1, ${SAMPLE})`);
  await one.query("INSERT INTO samples (id) VALUES (2)");
  const rows = await one.query("SELECT * FROM samples ORDER BY id");
  equal(rows.length, 2);
  return Array.from(rows);
});
await check("crud", "stream rows", async () => {
  let rows = 0;
  for await (const row of one.queryStream("SELECT a.id FROM authors a JOIN authors b JOIN authors c")) {
    rows += row.id > 0 ? 1 : 0;
  }
  equal(rows, 125);
});

await check("transactions", "commit and rollback", async () => {
  await one.beginTransaction();
  await one.query("UPDATE authors SET name = 'kept' WHERE id IN (501, 502, 503)");
  await one.commit();
  await one.beginTransaction();
  await one.query("UPDATE authors SET name = 'lost' WHERE id IN (501, 502, 503)");
  await one.rollback();
  equal(await one.query("SELECT COUNT(*) AS n FROM authors WHERE name = 'kept'"), [{ n: 3 }]);
});
await check("transactions", "savepoints", async () => {
  await one.beginTransaction();
  await one.query("UPDATE authors SET name = 'a' WHERE id = 501");
  await one.query("SAVEPOINT sp");
  await one.query("UPDATE authors SET name = 'b' WHERE id = 502");
  await one.query("ROLLBACK TO sp");
  await one.commit();
  equal(await one.query("SELECT name FROM authors WHERE id IN (501, 502) ORDER BY id"), [
    { name: "a" },
    { name: "kept" },
  ]);
});

await check("prepared", "execute", async () => {
  const rows = await one.execute("SELECT id, name FROM authors WHERE id = ? OR name = ? ORDER BY id", [501, "kept"]);
  equal(Array.from(rows), [
    { id: 501, name: "a" },
    { id: 502, name: "kept" },
    { id: 503, name: "kept" },
  ]);
});
await check("prepared", "prepare, execute many times, close", async () => {
  const statement = await one.prepare("INSERT INTO books (author_id, title, price) VALUES (?, ?, ?)");
  for (let i = 0; i < 50; i++) {
    const result = await statement.execute([501 + (i % 3), `book ${i}`, i % 2 === 0 ? i : null]);
    equal([result.affectedRows, result.insertId > 0], [1, true]);
  }
  statement.close();
  equal(await one.query("SELECT COUNT(*) AS n, SUM(price) AS s FROM books WHERE title LIKE 'book %'"), [
    { n: 50, s: "600.00" },
  ]);
});
await check("prepared", "every type, binary protocol", async () => {
  const all = await one.execute("SELECT * FROM samples WHERE id < ? ORDER BY id", [3]);
  const byKey = await one.execute("SELECT * FROM samples WHERE id = ?", [1]);
  return [Array.from(all), Array.from(byKey)];
});
await check("prepared", "bulk", async () => {
  const result = await one.batch("UPDATE authors SET score = ? WHERE id = ?", [
    [1.5, 501],
    [2.5, 502],
    [3.5, 503],
  ]);
  equal(result.affectedRows, 3);
  equal(await one.query("SELECT SUM(score) AS s FROM authors"), [{ s: "7.50" }]);
});
await check("prepared", "errors", async () => {
  await fails(1146, () => one.prepare("SELECT * FROM no_such_table WHERE a = ?"));
  await fails(1062, () => one.execute("INSERT INTO authors (id, name) VALUES (?, ?)", [501, "again"]));
});

const columnsOf = ({ meta }) =>
  meta.map((column) => ({
    names: [column.name(), column.orgName(), column.table(), column.orgTable(), column.schema()],
    type: column.type,
    columnLength: column.columnLength,
    scale: column.scale,
    flags: column.flags,
    format: column.dataTypeFormat,
    collation: column.collation?.name,
  }));
await check("metadata", "columns of a result", async () =>
  columnsOf(await one.query("SELECT s.*, id + 1 AS sum FROM samples s WHERE id = 1")),
);
await check("metadata", "columns of a prepared statement", async () => {
  const statement = await one.prepare("SELECT s.*, id + 1 AS sum FROM samples s WHERE id = ?");
  const result = columnsOf(await statement.execute([1]));
  const prepared = { parameters: statement.parameterCount, columns: statement.columns.length };
  statement.close();
  return { result, prepared };
});

await check("errors", "numbers and states", async () => {
  const seen = [];
  for (const [errno, sql] of [
    [1062, "INSERT INTO authors (id, name) VALUES (501, 'again')"],
    [1064, "SELECT FROM WHERE"],
    [1146, "SELECT * FROM no_such_table"],
    [1054, "SELECT no_such_column FROM authors"],
    [1406, "INSERT INTO authors (id, name) VALUES (999, REPEAT('x', 100))"],
  ]) {
    const error = await fails(errno, () => one.query(sql));
    seen.push([errno, error.sqlState, error.fatal]);
  }
  return seen;
});
await check("errors", "one of several pipelined", async () => {
  const [a, b, c] = await Promise.allSettled([
    one.query("SELECT 1 AS a"),
    one.query("SELECT no_such_column FROM authors"),
    one.query("SELECT 3 AS c"),
  ]);
  equal([a.status, b.reason?.errno, c.status], ["fulfilled", 1054, "fulfilled"]);
});

await check("session", "several statements", async () => {
  const many = await open({ multipleStatements: true });
  const results = await many.query("SELECT 1 AS a; SET @m = 5; SELECT @m AS m");
  equal([results[0], results[2]], [[{ a: 1 }], [{ m: 5 }]]);
  await many.end();
});
await check("session", "load local data", async () => {
  const folder = mkdtempSync(join(tmpdir(), "conformance-"));
  const file = join(folder, "rows.csv");
  writeFileSync(file, "701,load one\n702,load two\n703,load three\n");
  const local = await open({ permitLocalInfile: true });
  const result = await local.query(
    `LOAD DATA LOCAL INFILE '${file}' INTO TABLE authors FIELDS TERMINATED BY ',' (id, name)`,
  );
  await local.end();
  equal(result.affectedRows, 3);
});
await check("session", "named time zone and sql_mode", async () => {
  await one.query("SET time_zone = '-03:00', sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE'");
  const rows = await one.query("SELECT stamp, @@sql_mode AS m FROM samples WHERE id = 1");
  await one.query("SET time_zone = DEFAULT, sql_mode = DEFAULT");
  equal(Array.from(rows), [{ stamp: "2024-07-01 09:00:00", m: "STRICT_ALL_TABLES,NO_ZERO_DATE" }]);
});

await check("reconnect", "killed connection", async () => {
  const victim = await open();
  victim.on("error", () => undefined);
  const [{ id }] = await victim.query("SELECT CONNECTION_ID() AS id");
  equal(id, victim.threadId);
  await one.query(`KILL ${victim.threadId}`);
  const error = await victim.query("SELECT 1").then(
    () => undefined,
    (reason) => reason,
  );
  equal(error !== undefined, true);
});
await check("reconnect", "pool survives a killed connection", async () => {
  const pool = mariadb.createPool({ ...options, connectionLimit: 2, minDelayValidation: 0 });
  const [{ id }] = await pool.query("SELECT CONNECTION_ID() AS id");
  await one.query(`KILL ${id}`);
  await new Promise((resolve) => setTimeout(resolve, 300));
  equal(await pool.query("SELECT COUNT(*) > 0 AS n FROM authors"), [{ n: 1 }]);
  await pool.end();
});
finish();
