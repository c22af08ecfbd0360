// drizzle-orm over mysql2: typed tables, relational queries (lateral joins), prepared queries, migrations.

import { mkdtempSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { and, asc, count, desc, eq, gt, inArray, isNotNull, like, relations, sql, sum } from "drizzle-orm";
import { bigint, datetime, decimal, mysqlTable, varchar } from "drizzle-orm/mysql-core";
import { drizzle } from "drizzle-orm/mysql2";
import { migrate } from "drizzle-orm/mysql2/migrator";
import mysql from "mysql2/promise";
import { AUTHORS, BOOKS, check, client, equal, fails, finish, target } from "./check.mjs";

client(JSON.parse(readFileSync("node_modules/drizzle-orm/package.json", "utf8")).version);

const authors = mysqlTable("authors", {
  id: bigint("id", { mode: "number" }).primaryKey().autoincrement(),
  name: varchar("name", { length: 60 }).notNull(),
  email: varchar("email", { length: 80 }),
  score: decimal("score", { precision: 10, scale: 2 }).notNull().default("0"),
  created: datetime("created", { fsp: 6, mode: "string" }),
});
const books = mysqlTable("books", {
  id: bigint("id", { mode: "number" }).primaryKey().autoincrement(),
  authorId: bigint("author_id", { mode: "number" }).notNull(),
  title: varchar("title", { length: 120 }).notNull(),
  price: decimal("price", { precision: 8, scale: 2 }),
});
const schema = {
  authors,
  books,
  authorsRelations: relations(authors, ({ many }) => ({ books: many(books) })),
  booksRelations: relations(books, ({ one }) => ({
    author: one(authors, { fields: [books.authorId], references: [authors.id] }),
  })),
};
const pool = mysql.createPool({ ...target, connectionLimit: 4 });
const db = drizzle(pool, { schema, mode: "planetscale" });

await check("connect", "login", async () => {
  const [rows] = await db.execute(sql`SELECT DATABASE() AS d`);
  equal(rows, [{ d: target.database }]);
});
await check("schema", "migrate", async () => {
  await db.execute(sql`DROP TABLE IF EXISTS books, authors, __drizzle_migrations`);
  const folder = mkdtempSync(join(tmpdir(), "conformance-"));
  mkdirSync(join(folder, "meta"));
  writeFileSync(join(folder, "0000_tables.sql"), `${AUTHORS};\n--> statement-breakpoint\n${BOOKS};`);
  const entries = [{ idx: 0, version: "5", when: 1_700_000_000_000, tag: "0000_tables", breakpoints: true }];
  writeFileSync(join(folder, "meta/_journal.json"), JSON.stringify({ version: "7", dialect: "mysql", entries }));
  await migrate(db, { migrationsFolder: folder });
  await migrate(db, { migrationsFolder: folder });
});
await check("crud", "insert", async () => {
  const [{ insertId, affectedRows }] = await db.insert(authors).values({ name: "Ada" });
  equal([insertId > 0, affectedRows], [true, 1]);
  const ids = await db
    .insert(authors)
    .values([{ name: "x" }, { name: "x" }])
    .$returningId();
  equal(ids.length, 2);
  await db.delete(authors).where(eq(authors.name, "x"));
  await db.insert(authors).values([
    { id: 501, name: "Bob", email: "bob@x" },
    { id: 502, name: "Cid" },
    { id: 503, name: "Dan" },
  ]);
  await db.insert(books).values(
    Array.from({ length: 30 }, (_, i) => ({
      authorId: 501 + (i % 3),
      title: `book ${i}`,
      price: i % 2 ? null : String(i),
    })),
  );
});
await check("crud", "select, join, group", async () => {
  const rows = await db
    .select({ name: authors.name, n: count(), total: sum(books.price) })
    .from(authors)
    .innerJoin(books, eq(books.authorId, authors.id))
    .groupBy(authors.id, authors.name)
    .orderBy(desc(authors.name));
  equal(rows, [
    { name: "Dan", n: 10, total: "70.00" },
    { name: "Cid", n: 10, total: "80.00" },
    { name: "Bob", n: 10, total: "60.00" },
  ]);
  const page = await db.select().from(books).where(gt(books.price, "3")).orderBy(asc(books.price)).limit(2).offset(1);
  equal(
    page.map(({ title }) => title),
    ["book 6", "book 8"],
  );
});
await check("crud", "relational queries", async () => {
  const rows = await db.query.authors.findMany({
    where: inArray(authors.id, [501, 502]),
    orderBy: asc(authors.id),
    columns: { name: true },
    with: { books: { columns: { title: true }, where: gt(books.price, "20") } },
  });
  equal(rows, [
    { name: "Bob", books: [{ title: "book 24" }] },
    { name: "Cid", books: [{ title: "book 22" }, { title: "book 28" }] },
  ]);
});
await check("crud", "update, upsert, delete", async () => {
  const [updated] = await db.update(authors).set({ email: "new@x" }).where(eq(authors.id, 502));
  equal(updated.affectedRows, 1);
  const [all] = await db
    .update(books)
    .set({ price: sql`${books.price} + 1` })
    .where(isNotNull(books.price));
  equal(all.affectedRows, 15);
  await db
    .insert(authors)
    .values({ id: 501, name: "x" })
    .onDuplicateKeyUpdate({ set: { name: "Bobby" } });
  equal((await db.select().from(authors).where(eq(authors.id, 501)))[0].name, "Bobby");
  const [deleted] = await db.delete(books).where(and(like(books.title, "book 2%"), isNotNull(books.title)));
  equal(deleted.affectedRows, 11);
});
await check("prepared", "prepared queries", async () => {
  const query = db
    .select({ name: authors.name })
    .from(authors)
    .where(eq(authors.id, sql.placeholder("id")))
    .prepare();
  for (const [id, name] of [
    [501, "Bobby"],
    [502, "Cid"],
    [503, "Dan"],
  ]) {
    equal(await query.execute({ id }), [{ name }]);
  }
});
await check("transactions", "commit, rollback, nested", async () => {
  await db.transaction(
    async (tx) => {
      await tx
        .update(authors)
        .set({ name: "kept" })
        .where(inArray(authors.id, [501, 502, 503]));
      await tx
        .transaction(async (inner) => {
          await inner.update(authors).set({ name: "inner" }).where(eq(authors.id, 502));
          inner.rollback();
        })
        .catch(() => undefined);
    },
    { isolationLevel: "read committed", accessMode: "read write" },
  );
  await db
    .transaction(async (tx) => {
      await tx
        .update(authors)
        .set({ name: "lost" })
        .where(inArray(authors.id, [501, 502, 503]));
      tx.rollback();
    })
    .catch(() => undefined);
  equal((await db.select().from(authors).where(eq(authors.name, "kept"))).length, 3);
});
await check("errors", "numbers", async () => {
  await fails(1062, () => db.insert(authors).values({ id: 501, name: "again" }));
  await fails(1146, () => db.execute(sql`SELECT * FROM no_such_table`));
});
await check("reconnect", "pool survives a killed connection", async () => {
  const [[{ id }]] = await pool.query("SELECT CONNECTION_ID() AS id");
  const other = await mysql.createConnection(target);
  await other.query(`KILL ${id}`);
  await other.end();
  await new Promise((resolve) => setTimeout(resolve, 300));
  equal((await db.select().from(authors)).length, 4);
});
finish();
