// Prisma's client with the driver adapter for MariaDB. Its schema engine is a program that is fetched from elsewhere and not
// needed for this: the tables are made by SQL, and another program stands in its place.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { PrismaMariaDb } from "@prisma/adapter-mariadb";
import { AUTHORS, BOOKS, check, client, equal, finish, target } from "./check.mjs";

client(JSON.parse(readFileSync("node_modules/@prisma/client/package.json", "utf8")).version);

execFileSync("node_modules/.bin/prisma", ["generate", "--schema", "schema.prisma", "--no-hints"], {
  stdio: "ignore",
  env: { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, CHECKPOINT_DISABLE: "1" },
});
const { PrismaClient } = await import("./generated/index.js").then((module) => module.default ?? module);
const db = new PrismaClient({ adapter: new PrismaMariaDb({ ...target, connectionLimit: 4 }) });

await check("connect", "login", async () => {
  equal(await db.$queryRaw`SELECT DATABASE() AS d`, [{ d: target.database }]);
});
await check("schema", "create tables", async () => {
  for (const sql of ["DROP TABLE IF EXISTS books", "DROP TABLE IF EXISTS authors", AUTHORS, BOOKS]) {
    await db.$executeRawUnsafe(sql);
  }
});
await check("crud", "create", async () => {
  for (let i = 0; i < 4; i++) {
    await db.author.create({
      data: {
        name: `author ${i}`,
        books: { create: [0, 1, 2].map((j) => ({ title: `book ${i} ${j}`, price: j === 2 ? null : i + j })) },
      },
    });
  }
  const { count } = await db.author.createMany({ data: [{ name: "x" }, { name: "x" }] });
  equal([count, (await db.author.deleteMany({ where: { name: "x" } })).count], [2, 2]);
});
await check("crud", "find", async () => {
  const found = await db.author.findMany({
    where: { books: { some: { price: { gt: 2 } } } },
    include: { books: { orderBy: { title: "asc" }, take: 2 } },
    orderBy: { name: "desc" },
    take: 2,
  });
  equal(
    found.map(({ name, books }) => [name, books.map(({ title }) => title)]),
    [
      ["author 3", ["book 3 0", "book 3 1"]],
      ["author 2", ["book 2 0", "book 2 1"]],
    ],
  );
});
await check("crud", "aggregate and group", async () => {
  const { _sum, _count } = await db.book.aggregate({ _sum: { price: true }, _count: true });
  equal([Number(_sum.price), _count], [16, 12]);
  const groups = await db.book.groupBy({ by: ["price"], _count: { _all: true }, orderBy: { price: "asc" } });
  return groups.map(({ price, _count: { _all } }) => [price === null ? null : Number(price), _all]);
});
await check("crud", "update, upsert, delete", async () => {
  const one = await db.author.findFirstOrThrow({ where: { name: "author 1" } });
  await db.author.update({ where: { id: one.id }, data: { email: "new@x", score: { increment: 2 } } });
  equal((await db.book.updateMany({ where: { price: { gt: 2 } }, data: { price: 9 } })).count, 3);
  await db.author.upsert({ where: { id: one.id }, create: { name: "no" }, update: { name: "renamed" } });
  equal((await db.author.findUniqueOrThrow({ where: { id: one.id } })).name, "renamed");
  const book = await db.book.findFirstOrThrow({ where: { title: "book 0 0" } });
  await db.book.update({ where: { id: book.id }, data: { title: "saved" } });
  await db.book.deleteMany({ where: { authorId: one.id } });
  await db.author.delete({ where: { id: one.id } });
  equal([await db.author.count(), await db.book.count()], [3, 9]);
});
await check("transactions", "interactive and batch", async () => {
  await db.$transaction(async (tx) => {
    await tx.author.updateMany({ data: { name: "kept" } });
  });
  await db
    .$transaction(async (tx) => {
      await tx.book.deleteMany({});
      throw new Error("no");
    })
    .catch(() => undefined);
  const [authors, books] = await db.$transaction([db.author.count({ where: { name: "kept" } }), db.book.count()]);
  equal([authors, books], [3, 9]);
});
await check("transactions", "isolation", async () => {
  await db.$transaction((tx) => tx.author.count(), { isolationLevel: "ReadCommitted" });
});
await check("prepared", "raw queries with values", async () => {
  const rows = await db.$queryRaw`SELECT COUNT(*) AS n FROM authors WHERE name = ${"kept"} AND id > ${0n}`;
  equal(Number(rows[0].n), 3);
});
await check("errors", "codes", async () => {
  const { id } = await db.author.findFirstOrThrow();
  const unique = await db.author.create({ data: { id, name: "again" } }).catch((error) => error);
  const missing = await db.author.update({ where: { id: 98_765n }, data: { name: "x" } }).catch((error) => error);
  const foreign = await db.book.create({ data: { title: "x", authorId: 98_765n } }).catch((error) => error);
  equal([unique.code, missing.code, foreign.code], ["P2002", "P2025", "P2003"]);
});
await check("reconnect", "pool survives a killed connection", async () => {
  const [{ id }] = await db.$queryRaw`SELECT CONNECTION_ID() AS id`;
  await db.$executeRawUnsafe(`KILL ${id}`).catch(() => undefined);
  await new Promise((resolve) => setTimeout(resolve, 300));
  equal(await db.author.count(), 3);
});
finish();
