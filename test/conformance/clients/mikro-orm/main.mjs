// MikroORM on MariaDB: schema generator, unit of work, identity map, populated relations, query builder.

import { EntitySchema, LockMode, MikroORM, raw } from "@mikro-orm/mariadb";
import { readFileSync } from "node:fs";
import { check, client, equal, errnoOf, fails, finish, target } from "./check.mjs";

client(JSON.parse(readFileSync("node_modules/@mikro-orm/core/package.json", "utf8")).version);

const Author = new EntitySchema({
  name: "Author",
  tableName: "authors",
  properties: {
    id: { type: "bigint", primary: true, autoincrement: true },
    name: { type: "string", length: 60, index: true },
    email: { type: "string", length: 80, nullable: true },
    score: { type: "decimal", precision: 10, scale: 2, default: 0 },
    books: { kind: "1:m", entity: "Book", mappedBy: "author" },
  },
});
const Book = new EntitySchema({
  name: "Book",
  tableName: "books",
  properties: {
    id: { type: "bigint", primary: true, autoincrement: true },
    title: { type: "string", length: 120 },
    price: { type: "decimal", precision: 8, scale: 2, nullable: true },
    author: { kind: "m:1", entity: "Author", fieldName: "author_id" },
  },
});
let orm;
let em;

await check("connect", "login", async () => {
  orm = await MikroORM.init({
    entities: [Author, Book],
    dbName: target.database,
    host: target.host,
    port: target.port,
    user: target.user,
    password: target.password,
    discovery: { disableDynamicFileAccess: true },
  });
  em = orm.em.fork();
  equal(await orm.isConnected(), true);
});
if (orm === undefined) finish();
await check("schema", "create from entities", async () => {
  await em.execute("DROP TABLE IF EXISTS books, authors");
  const generator = orm.getSchemaGenerator();
  await generator.execute((await generator.getCreateSchemaSQL()).replaceAll(/alter database.*;/gi, ""));
});
await check("schema", "what is left to update", async () => {
  const sql = await orm.getSchemaGenerator().getUpdateSchemaSQL({ safe: true });
  return sql.split("\n").filter((line) => /`(authors|books)`/.test(line));
});
await check("crud", "persist", async () => {
  for (let i = 0; i < 4; i++) {
    const author = em.create("Author", { name: `author ${i}`, score: 0 });
    for (let j = 0; j < 3; j++) em.create("Book", { title: `book ${i} ${j}`, price: j === 2 ? null : i + j, author });
  }
  await em.flush();
  equal([await em.count("Author"), await em.count("Book")], [4, 12]);
});
await check("crud", "find with populated relations", async () => {
  em = orm.em.fork();
  const found = await em.find(
    "Author",
    { books: { price: { $gt: 2 } } },
    { populate: ["books"], orderBy: { name: "desc" } },
  );
  equal(
    found.map(({ name, books }) => [name, books.length]),
    [
      ["author 3", 3],
      ["author 2", 3],
    ],
  );
  const page = await em.find("Book", { price: { $ne: null } }, { orderBy: { title: "asc" }, limit: 2, offset: 1 });
  equal(
    page.map(({ title }) => title),
    ["book 0 1", "book 1 0"],
  );
});
await check("crud", "unit of work", async () => {
  em = orm.em.fork();
  const authors = await em.find("Author", {});
  for (const author of authors) author.email = `${author.name}@x`;
  await em.flush();
  equal(await em.count("Author", { email: { $like: "author %@x" } }), 4);
  const book = await em.findOneOrFail("Book", { title: "book 0 0" });
  book.title = "saved";
  await em.flush();
  equal(await em.count("Book", { title: "saved" }), 1);
});
await check("crud", "update, upsert, delete", async () => {
  equal(await em.nativeUpdate("Book", { price: { $gt: 2 } }, { price: 9 }), 3);
  const one = await em.findOneOrFail("Author", { name: "author 1" });
  await em.upsert("Author", { id: one.id, name: "renamed", score: 1 });
  equal(await em.count("Author", { name: "renamed" }), 1);
  equal(await em.nativeDelete("Book", { author: one.id }), 3);
  em = orm.em.fork();
  await em.removeAndFlush(em.getReference("Author", one.id));
  equal(await em.count("Author"), 3);
});
await check("crud", "query builder", async () => {
  const rows = await em
    .createQueryBuilder("Author", "a")
    .select(["a.name", raw("sum(b.price) as total")])
    .join("a.books", "b")
    .groupBy(["a.id", "a.name"])
    .orderBy({ name: "asc" })
    .execute("all");
  equal(
    rows.map(({ name, total }) => [name, Number(total)]),
    [
      ["author 0", 1],
      ["author 2", 11],
      ["author 3", 18],
    ],
  );
});
await check("transactions", "commit, rollback, nested", async () => {
  await em.transactional(async (tx) => {
    await tx.nativeUpdate("Author", {}, { name: "kept" });
    await tx
      .transactional(async (inner) => {
        await inner.nativeUpdate("Author", {}, { name: "inner" });
        throw new Error("no");
      })
      .catch(() => undefined);
  });
  await em
    .transactional(async (tx) => {
      await tx.nativeDelete("Book", {});
      throw new Error("no");
    })
    .catch(() => undefined);
  equal([await em.count("Author", { name: "kept" }), await em.count("Book")], [3, 9]);
});
await check("transactions", "locks", async () => {
  await em.transactional(async (tx) => {
    equal((await tx.find("Author", {}, { lockMode: LockMode.PESSIMISTIC_WRITE })).length, 3);
  });
});
await check("prepared", "statements with values", async () => {
  equal(await em.execute("SELECT COUNT(*) AS n FROM authors WHERE name = ?", ["kept"]), [{ n: 3 }]);
});
await check("errors", "classes", async () => {
  const [{ id }] = await em.execute("SELECT id FROM authors ORDER BY id LIMIT 1");
  const error = await em.insert("Author", { id, name: "again", score: 0 }).catch((reason) => reason);
  equal([error.constructor.name, errnoOf(error)], ["UniqueConstraintViolationException", 1062]);
  await fails(1146, () => em.execute("SELECT * FROM no_such_table"));
});
await check("reconnect", "pool survives a killed connection", async () => {
  const [{ id }] = await em.execute("SELECT CONNECTION_ID() AS id");
  await em.execute(`KILL ${id}`).catch(() => undefined);
  await new Promise((resolve) => setTimeout(resolve, 300));
  equal(await em.count("Author"), 3);
});
finish();
