// TypeORM over mysql2: schema synchronisation and migrations, repositories, relations, query builder.

import "reflect-metadata";
import { readFileSync } from "node:fs";
import { DataSource, EntitySchema, In, IsNull, Like, MoreThan, Not } from "typeorm";
import { check, client, equal, fails, finish, target } from "./check.mjs";

client(JSON.parse(readFileSync("node_modules/typeorm/package.json", "utf8")).version);

const { user: username, ...rest } = target;
const Author = new EntitySchema({
  name: "Author",
  tableName: "authors",
  columns: {
    id: { type: "bigint", primary: true, generated: "increment" },
    name: { type: "varchar", length: 60 },
    email: { type: "varchar", length: 80, nullable: true },
    score: { type: "decimal", precision: 10, scale: 2, default: 0 },
    created: { type: "datetime", precision: 6, createDate: true },
  },
  relations: { books: { type: "one-to-many", target: "Book", inverseSide: "author", cascade: true } },
  indices: [{ columns: ["name"] }],
});
const Book = new EntitySchema({
  name: "Book",
  tableName: "books",
  columns: {
    id: { type: "bigint", primary: true, generated: "increment" },
    title: { type: "varchar", length: 120 },
    price: { type: "decimal", precision: 8, scale: 2, nullable: true },
  },
  relations: {
    author: {
      type: "many-to-one",
      target: "Author",
      inverseSide: "books",
      joinColumn: { name: "author_id" },
      nullable: false,
    },
  },
});
class Pages1700000000000 {
  name = "Pages1700000000000";
  async up(runner) {
    await runner.query("ALTER TABLE books ADD COLUMN pages INT NULL");
  }
  async down(runner) {
    await runner.query("ALTER TABLE books DROP COLUMN pages");
  }
}
const source = new DataSource({
  type: "mysql",
  ...rest,
  username,
  entities: [Author, Book],
  migrations: [Pages1700000000000],
  dateStrings: true,
});
let authors;
let books;

await check("connect", "login", async () => {
  await source.initialize();
  equal(await source.query("SELECT DATABASE() AS d"), [{ d: target.database }]);
  authors = source.getRepository("Author");
  books = source.getRepository("Book");
});
await check("schema", "synchronize", async () => {
  await source.query("DROP TABLE IF EXISTS books");
  await source.query("DROP TABLE IF EXISTS authors");
  await source.query("DROP TABLE IF EXISTS migrations");
  await source.synchronize();
  await source.synchronize();
});
await check("schema", "migrations", async () => {
  equal((await source.runMigrations()).length, 1);
  equal(await source.showMigrations(), false);
  await source.undoLastMigration();
});
await check("crud", "save with relations", async () => {
  const saved = await authors.save(
    Array.from({ length: 4 }, (_, i) => ({
      name: `author ${i}`,
      books: [0, 1, 2].map((j) => ({ title: `book ${i} ${j}`, price: j === 2 ? null : i + j })),
    })),
  );
  equal(new Set(saved.map(({ id }) => String(id))).size, 4);
});
await check("crud", "find", async () => {
  const found = await authors.find({
    where: { name: Like("author%"), books: { price: MoreThan(0) } },
    relations: { books: true },
    order: { name: "DESC" },
    take: 2,
  });
  equal(
    found.map(({ name, books: list }) => [name, list.map(({ title, price }) => [title, price]).toSorted()]),
    [
      [
        "author 3",
        [
          ["book 3 0", "3.00"],
          ["book 3 1", "4.00"],
        ],
      ],
      [
        "author 2",
        [
          ["book 2 0", "2.00"],
          ["book 2 1", "3.00"],
        ],
      ],
    ],
  );
  const [page, total] = await books.findAndCount({
    where: { price: Not(IsNull()) },
    order: { title: "ASC" },
    take: 2,
    skip: 1,
  });
  equal([page.map(({ title }) => title), total], [["book 0 1", "book 1 0"], 8]);
});
await check("crud", "query builder", async () => {
  const rows = await authors
    .createQueryBuilder("a")
    .innerJoin("a.books", "b")
    .select("a.name", "name")
    .addSelect("SUM(b.price)", "total")
    .groupBy("a.id")
    .addGroupBy("a.name")
    .having("SUM(b.price) > :least", { least: 2 })
    .orderBy("total", "DESC")
    .getRawMany();
  equal(rows, [
    { name: "author 3", total: "7.00" },
    { name: "author 2", total: "5.00" },
    { name: "author 1", total: "3.00" },
  ]);
});
await check("crud", "update, upsert, remove", async () => {
  const one = await authors.findOneByOrFail({ name: "author 1" });
  one.email = "new@x";
  await authors.save(one);
  equal((await authors.findOneByOrFail({ id: one.id })).email, "new@x");
  equal((await books.update({ price: MoreThan(2) }, { price: 9 })).affected, 3);
  await authors.upsert({ id: one.id, name: "renamed" }, ["id"]);
  equal((await authors.findOneByOrFail({ id: one.id })).name, "renamed");
  const owned = await books.find({ where: { author: { id: one.id } } });
  equal(owned.length, 3);
  await books.remove(owned);
  await authors.delete({ id: one.id });
  equal([await authors.count(), await books.count()], [3, 9]);
  const book = await books.findOneByOrFail({ title: "book 0 0" });
  await books.save({ ...book, title: "saved" });
  equal(await books.countBy({ title: "saved" }), 1);
});
await check("transactions", "commit, rollback, nested", async () => {
  await source.transaction("READ COMMITTED", async (manager) => {
    await manager.update("Author", { name: Like("author%") }, { name: "kept" });
    await manager
      .transaction(async (inner) => {
        await inner.update("Author", { name: "kept" }, { name: "inner" });
        throw new Error("no");
      })
      .catch(() => undefined);
  });
  await source
    .transaction(async (manager) => {
      await manager.delete("Book", { title: Like("%") });
      throw new Error("no");
    })
    .catch(() => undefined);
  equal([await authors.countBy({ name: "kept" }), await books.count()], [3, 9]);
});
await check("transactions", "locks", async () => {
  await source.transaction(async (manager) => {
    const found = await manager.find("Author", { where: { name: "kept" }, lock: { mode: "pessimistic_write" } });
    equal(found.length, 3);
  });
});
await check("metadata", "tables as TypeORM reads them", async () => {
  const runner = source.createQueryRunner();
  const table = await runner.getTable("books");
  await runner.release();
  return {
    columns: table.columns.map(({ name, type, isNullable, isPrimary, isGenerated }) => [
      name,
      type,
      isNullable,
      isPrimary,
      isGenerated,
    ]),
    keys: table.foreignKeys.map(({ columnNames, referencedColumnNames }) => [columnNames, referencedColumnNames]),
  };
});
await check("errors", "numbers", async () => {
  const { id } = await authors.findOneByOrFail({ name: "kept" });
  await fails(1062, () => authors.insert({ id, name: "again" }));
  await fails(1146, () => source.query("SELECT * FROM no_such_table"));
});
await check("reconnect", "pool survives a killed connection", async () => {
  const [{ id }] = await source.query("SELECT CONNECTION_ID() AS id");
  await source.query(`KILL ${id}`).catch(() => undefined);
  await new Promise((resolve) => setTimeout(resolve, 300));
  equal(await authors.count({ where: { id: Not(In([])) } }), 3);
});
finish();
