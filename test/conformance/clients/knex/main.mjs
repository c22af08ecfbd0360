// knex over mysql2: schema builder, migrations, query builder, transactions with savepoints.

import { createRequire } from "node:module";
import knex from "knex";
import { check, client, equal, fails, finish, target } from "./check.mjs";

client(createRequire(import.meta.url)("knex/package.json").version);

const db = knex({ client: "mysql2", connection: { ...target, dateStrings: true }, pool: { min: 0, max: 4 } });

await check("connect", "login", async () => {
  const [[row]] = await db.raw("SELECT DATABASE() AS d");
  equal(row, { d: target.database });
});
await check("schema", "create tables", async () => {
  await db.schema.dropTableIfExists("books");
  await db.schema.dropTableIfExists("authors");
  await db.schema.createTable("authors", (table) => {
    table.bigIncrements("id");
    table.string("name", 60).notNullable().index();
    table.string("email", 80);
    table.date("born");
    table.decimal("score", 10, 2).notNullable().defaultTo(0);
    table.json("tags");
    table.timestamps(true, true);
  });
  await db.schema.createTable("books", (table) => {
    table.bigIncrements("id");
    table.bigInteger("author_id").unsigned().notNullable().references("authors.id");
    table.string("title", 120).notNullable();
    table.decimal("price", 8, 2);
  });
  equal([await db.schema.hasTable("books"), await db.schema.hasColumn("books", "nothing")], [true, false]);
});
await check("schema", "alter", async () => {
  await db.schema.alterTable("authors", (table) => {
    table.integer("extra").defaultTo(3);
    table.index(["born", "name"], "born_name");
  });
  await db.schema.alterTable("authors", (table) => {
    table.dropIndex(["born", "name"], "born_name");
    table.dropColumn("extra");
  });
});
await check("schema", "migrations", async () => {
  await db.schema.dropTableIfExists("knex_migrations");
  await db.schema.dropTableIfExists("knex_migrations_lock");
  const up = (k) => k.schema.alterTable("books", (table) => table.integer("pages"));
  const down = (k) => k.schema.alterTable("books", (table) => table.dropColumn("pages"));
  const migrationSource = {
    getMigrations: async () => ["1_pages"],
    getMigrationName: (name) => name,
    getMigration: async () => ({ up, down }),
  };
  const [, names] = await db.migrate.latest({ migrationSource });
  equal(names, ["1_pages"]);
  equal(await db.schema.hasColumn("books", "pages"), true);
  await db.migrate.rollback({ migrationSource });
  equal(await db.schema.hasColumn("books", "pages"), false);
});
let first = 0;
await check("crud", "insert", async () => {
  [first] = await db("authors").insert({ name: "Ada", born: "1815-12-10", tags: JSON.stringify(["a", 1]) });
  equal(first > 0, true);
  await db("authors").insert([
    { id: 501, name: "Bob", email: "bob@x" },
    { id: 502, name: "Cid" },
    { id: 503, name: "Dan", score: 2.5 },
  ]);
  await db.batchInsert(
    "books",
    Array.from({ length: 30 }, (_, i) => ({ author_id: 501 + (i % 3), title: `book ${i}`, price: i % 2 ? null : i })),
    7,
  );
  const [{ n }] = await db("books").count({ n: "*" });
  equal(n, 30);
});
await check("crud", "select", async () => {
  const rows = await db("authors").select("name", "score").whereIn("id", [501, 503]).orderBy("name", "desc");
  equal(rows, [
    { name: "Dan", score: "2.50" },
    { name: "Bob", score: "0.00" },
  ]);
  const page = await db("books").select("title").where("price", ">", 3).orderBy("price").limit(3).offset(2);
  equal(
    page.map(({ title }) => title),
    ["book 8", "book 10", "book 12"],
  );
});
await check("crud", "joins, groups, subqueries", async () => {
  const rows = await db("authors as a")
    .leftJoin("books as b", "b.author_id", "a.id")
    .whereNot("a.name", "Ada")
    .groupBy("a.id", "a.name")
    .select("a.name", db.raw("COUNT(b.id) AS n"))
    .sum({ total: "b.price" })
    .orderBy("a.name");
  const rich = await db("authors")
    .whereIn("id", db("books").select("author_id").where("price", ">", 26))
    .pluck("name");
  return { rows, rich };
});
await check("crud", "update, upsert, delete", async () => {
  equal(await db("authors").where({ id: 501 }).update({ email: "new@x" }), 1);
  equal(await db("books").whereNotNull("price").increment("price", 1), 15);
  await db("authors").insert({ id: 501, name: "Bobby" }).onConflict("id").merge();
  await db("authors").insert({ id: 501, name: "nobody" }).onConflict("id").ignore();
  equal((await db("authors").where({ id: 501 }).first()).name, "Bobby");
  equal(await db("books").where("title", "like", "book 2%").del(), 11);
});
await check("crud", "stream", async () => {
  let count = 0;
  for await (const row of db("books").select("id").stream()) count += row.id > 0 ? 1 : 0;
  equal(count, 19);
});
await check("transactions", "commit and rollback", async () => {
  await db.transaction(async (trx) => {
    await trx("authors").whereIn("id", [501, 502, 503]).update({ name: "kept" });
  });
  await db
    .transaction(async (trx) => {
      await trx("authors").whereIn("id", [501, 502, 503]).update({ name: "lost" });
      throw new Error("no");
    })
    .catch(() => undefined);
  equal((await db("authors").where({ name: "kept" })).length, 3);
});
await check("transactions", "nested, locks, isolation", async () => {
  await db.transaction(
    async (trx) => {
      await trx("authors").where({ id: 501 }).forUpdate().first();
      await trx("authors").where({ id: 501 }).update({ name: "outer" });
      await trx
        .transaction(async (inner) => {
          await inner("authors").where({ id: 502 }).update({ name: "inner" });
          throw new Error("no");
        })
        .catch(() => undefined);
    },
    { isolationLevel: "read committed" },
  );
  equal(await db("authors").whereIn("id", [501, 502]).orderBy("id").pluck("name"), ["outer", "kept"]);
});
await check("prepared", "raw statements with values", async () => {
  const [rows] = await db.raw("SELECT name, ? AS n FROM authors WHERE id = ?", [7, 502]);
  equal(rows, [{ name: "kept", n: 7 }]);
});
await check("metadata", "column info", () => db("authors").columnInfo());
await check("errors", "numbers", async () => {
  await fails(1062, () => db("authors").insert({ id: 501, name: "again" }));
  await fails(1146, () => db("no_such_table").select());
  await fails(1054, () => db("authors").select("no_such_column"));
  await fails(1452, () => db("books").insert({ id: 99_999, author_id: 98_765, title: "x" }));
});
await check("reconnect", "pool survives a killed connection", async () => {
  const [[{ id }]] = await db.raw("SELECT CONNECTION_ID() AS id");
  const other = knex({ client: "mysql2", connection: target });
  await other.raw(`KILL ${id}`);
  await other.destroy();
  await new Promise((resolve) => setTimeout(resolve, 300));
  const [{ n }] = await db("authors").count({ n: "*" });
  equal(n, 4);
});
finish();
