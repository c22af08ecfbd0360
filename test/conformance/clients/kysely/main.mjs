// kysely over mysql2: every statement with values is executed as the dialect does it; schema builder, introspection.

import { readFileSync } from "node:fs";
import { Kysely, MysqlDialect, sql } from "kysely";
import { createPool } from "mysql2";
import { check, client, equal, fails, finish, target } from "./check.mjs";

client(JSON.parse(readFileSync("node_modules/kysely/package.json", "utf8")).version);

const db = new Kysely({
  dialect: new MysqlDialect({ pool: createPool({ ...target, connectionLimit: 4, dateStrings: true }) }),
});

await check("connect", "login", async () => {
  const { rows } = await sql`SELECT DATABASE() AS d`.execute(db);
  equal(rows, [{ d: target.database }]);
});
await check("schema", "create tables", async () => {
  await db.schema.dropTable("books").ifExists().execute();
  await db.schema.dropTable("authors").ifExists().execute();
  await db.schema
    .createTable("authors")
    .addColumn("id", "bigint", (column) => column.primaryKey().autoIncrement())
    .addColumn("name", "varchar(60)", (column) => column.notNull())
    .addColumn("email", "varchar(80)")
    .addColumn("score", "decimal(10, 2)", (column) => column.notNull().defaultTo(0))
    .addColumn("created", "timestamp", (column) => column.notNull().defaultTo(sql`CURRENT_TIMESTAMP`))
    .execute();
  await db.schema
    .createTable("books")
    .addColumn("id", "bigint", (column) => column.primaryKey().autoIncrement())
    .addColumn("author_id", "bigint", (column) => column.notNull())
    .addColumn("title", "varchar(120)", (column) => column.notNull())
    .addColumn("price", "decimal(8, 2)")
    .addForeignKeyConstraint("books_author", ["author_id"], "authors", ["id"], (key) => key.onDelete("cascade"))
    .execute();
  await db.schema.createIndex("authors_name").on("authors").column("name").execute();
});
await check("schema", "alter", async () => {
  await db.schema
    .alterTable("authors")
    .addColumn("extra", "integer", (column) => column.defaultTo(3))
    .execute();
  await db.schema.alterTable("authors").dropColumn("extra").execute();
});
await check("crud", "insert", async () => {
  const result = await db.insertInto("authors").values({ name: "Ada" }).executeTakeFirst();
  equal([typeof result.insertId, result.numInsertedOrUpdatedRows], ["bigint", 1n]);
  await db
    .insertInto("authors")
    .values([
      { id: 501, name: "Bob", email: "bob@x" },
      { id: 502, name: "Cid", email: null },
      { id: 503, name: "Dan", email: null },
    ])
    .execute();
  await db
    .insertInto("books")
    .values(
      Array.from({ length: 30 }, (_, i) => ({ author_id: 501 + (i % 3), title: `book ${i}`, price: i % 2 ? null : i })),
    )
    .execute();
});
await check("crud", "select, join, group", async () => {
  const rows = await db
    .selectFrom("authors as a")
    .innerJoin("books as b", "b.author_id", "a.id")
    .select(({ fn }) => ["a.name", fn.countAll().as("n"), fn.sum("b.price").as("total")])
    .groupBy(["a.id", "a.name"])
    .having(({ fn }) => fn.sum("b.price"), ">", 60)
    .orderBy("a.name")
    .execute();
  equal(rows, [
    { name: "Cid", n: 10, total: "80.00" },
    { name: "Dan", n: 10, total: "70.00" },
  ]);
  const page = await db
    .selectFrom("books")
    .select("title")
    .where("price", ">", 3)
    .orderBy("price")
    .limit(2)
    .offset(1)
    .execute();
  equal(page, [{ title: "book 6" }, { title: "book 8" }]);
});
await check("crud", "common table expressions", async () => {
  const rows = await db
    .with("rich", (query) => query.selectFrom("books").select("author_id").where("price", ">", 24))
    .selectFrom("authors")
    .innerJoin("rich", "rich.author_id", "authors.id")
    .select("authors.name")
    .distinct()
    .orderBy("authors.name")
    .execute();
  equal(
    rows.map(({ name }) => name),
    ["Cid", "Dan"],
  );
});
await check("crud", "update, upsert, delete", async () => {
  const updated = await db.updateTable("authors").set({ email: "new@x" }).where("id", "=", 502).executeTakeFirst();
  equal([updated.numUpdatedRows, updated.numChangedRows], [1n, 1n]);
  const all = await db
    .updateTable("books")
    .set(({ eb }) => ({ price: eb("price", "+", 1) }))
    .where("price", "is not", null)
    .executeTakeFirst();
  equal(all.numUpdatedRows, 15n);
  await db.insertInto("authors").values({ id: 501, name: "x" }).onDuplicateKeyUpdate({ name: "Bobby" }).execute();
  equal((await db.selectFrom("authors").select("name").where("id", "=", 501).executeTakeFirst()).name, "Bobby");
  const deleted = await db.deleteFrom("books").where("title", "like", "book 2%").executeTakeFirst();
  equal(deleted.numDeletedRows, 11n);
});
await check("crud", "stream", async () => {
  let count = 0;
  for await (const row of db.selectFrom("books").select("id").stream()) count += row.id > 0 ? 1 : 0;
  equal(count, 19);
});
await check("transactions", "commit and rollback", async () => {
  await db
    .transaction()
    .setIsolationLevel("read committed")
    .execute((trx) => trx.updateTable("authors").set({ name: "kept" }).where("id", "in", [501, 502, 503]).execute());
  await db
    .transaction()
    .execute(async (trx) => {
      await trx.updateTable("authors").set({ name: "lost" }).where("id", "in", [501, 502, 503]).execute();
      throw new Error("no");
    })
    .catch(() => undefined);
  equal((await db.selectFrom("authors").select("id").where("name", "=", "kept").execute()).length, 3);
});
await check("transactions", "savepoints", async () => {
  const trx = await db.startTransaction().execute();
  await trx.updateTable("authors").set({ name: "outer" }).where("id", "=", 501).execute();
  const inner = await trx.savepoint("inner").execute();
  await inner.updateTable("authors").set({ name: "inner" }).where("id", "=", 502).execute();
  await inner.rollbackToSavepoint("inner").execute();
  await trx.commit().execute();
  const rows = await db.selectFrom("authors").select("name").where("id", "in", [501, 502]).orderBy("id").execute();
  equal(rows, [{ name: "outer" }, { name: "kept" }]);
});
await check("metadata", "introspection", async () => {
  const tables = await db.introspection.getTables();
  return tables.filter(({ name }) => ["authors", "books"].includes(name));
});
await check("errors", "numbers", async () => {
  await fails(1062, () => db.insertInto("authors").values({ id: 501, name: "again" }).execute());
  await fails(1146, () => db.selectFrom("no_such_table").selectAll().execute());
  await fails(1048, () => db.insertInto("authors").values({ id: 999, name: null }).execute());
});
await check("reconnect", "pool survives a killed connection", async () => {
  const { rows } = await sql`SELECT CONNECTION_ID() AS id`.execute(db);
  await db.connection().execute(async (one) => {
    await sql
      .raw(`KILL ${rows[0].id}`)
      .execute(one)
      .catch(() => undefined);
  });
  await new Promise((resolve) => setTimeout(resolve, 300));
  equal((await db.selectFrom("authors").select("id").execute()).length, 4);
});
finish();
