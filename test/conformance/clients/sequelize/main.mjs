// Sequelize over mysql2: models, sync, associations, scopes, transactions.

import { readFileSync } from "node:fs";
import { DataTypes, Op, QueryTypes, Sequelize, Transaction } from "sequelize";
import { check, client, equal, fails, finish, target } from "./check.mjs";

client(JSON.parse(readFileSync("node_modules/sequelize/package.json", "utf8")).version);

const db = new Sequelize(target.database, target.user, target.password, {
  host: target.host,
  port: target.port,
  dialect: "mysql",
  logging: false,
});
const Author = db.define(
  "author",
  {
    id: { type: DataTypes.BIGINT, primaryKey: true, autoIncrement: true },
    name: { type: DataTypes.STRING(60), allowNull: false },
    email: DataTypes.STRING(80),
    score: { type: DataTypes.DECIMAL(10, 2), allowNull: false, defaultValue: 0 },
    tags: DataTypes.JSON,
  },
  { tableName: "authors", indexes: [{ fields: ["name"] }] },
);
const Book = db.define(
  "book",
  {
    id: { type: DataTypes.BIGINT, primaryKey: true, autoIncrement: true },
    title: { type: DataTypes.STRING(120), allowNull: false },
    price: DataTypes.DECIMAL(8, 2),
  },
  { tableName: "books", timestamps: false },
);
Author.hasMany(Book, { foreignKey: { name: "author_id", allowNull: false } });
Book.belongsTo(Author, { foreignKey: "author_id" });

await check("connect", "authenticate", async () => {
  await db.authenticate();
  equal(await db.query("SELECT DATABASE() AS d", { type: QueryTypes.SELECT }), [{ d: target.database }]);
});
await check("schema", "sync", async () => {
  await db.query("DROP TABLE IF EXISTS books, authors");
  await db.sync();
  await db.sync({ alter: true });
});
await check("schema", "query interface", async () => {
  const schema = db.getQueryInterface();
  await schema.addColumn("authors", "extra", { type: DataTypes.INTEGER, defaultValue: 3 });
  await schema.addIndex("authors", ["email"], { name: "by_email" });
  await schema.removeIndex("authors", "by_email");
  await schema.removeColumn("authors", "extra");
});
await check("crud", "create", async () => {
  const ada = await Author.create({ name: "Ada", tags: ["a", { b: 1 }] });
  equal(Number(ada.id) > 0, true);
  await ada.createBook({ title: "notes", price: 1 });
  await Author.bulkCreate([
    { id: 501, name: "Bob", email: "bob@x" },
    { id: 502, name: "Cid" },
    { id: 503, name: "Dan" },
  ]);
  await Book.bulkCreate(
    Array.from({ length: 30 }, (_, i) => ({ author_id: 501 + (i % 3), title: `book ${i}`, price: i % 2 ? null : i })),
  );
  equal((await Author.findByPk(ada.id)).tags, ["a", { b: 1 }]);
});
await check("crud", "find", async () => {
  const found = await Author.findAll({
    where: { id: { [Op.between]: [501, 503] } },
    include: [{ model: Book, where: { price: { [Op.gt]: 20 } }, required: false }],
    order: [
      ["name", "DESC"],
      [Book, "price", "ASC"],
    ],
  });
  equal(
    found.map((author) => [author.name, author.books.map(({ title }) => title)]),
    [
      ["Dan", ["book 26"]],
      ["Cid", ["book 22", "book 28"]],
      ["Bob", ["book 24"]],
    ],
  );
  const { count, rows } = await Book.findAndCountAll({
    where: { price: { [Op.ne]: null } },
    order: ["price"],
    limit: 2,
    offset: 1,
  });
  equal([count, rows.map(({ title }) => title)], [16, ["notes", "book 2"]]);
});
await check("crud", "limit with an include", async () => {
  const found = await Author.findAll({
    include: [Book],
    order: [["name", "ASC"]],
    limit: 2,
    where: { id: [501, 502, 503] },
  });
  equal(
    found.map((author) => [author.name, author.books.length]),
    [
      ["Bob", 10],
      ["Cid", 10],
    ],
  );
});
await check("crud", "aggregates", async () => {
  const rows = await Book.findAll({
    attributes: ["author_id", [db.fn("COUNT", db.col("id")), "n"], [db.fn("SUM", db.col("price")), "total"]],
    where: { author_id: { [Op.gt]: 500 } },
    group: ["author_id"],
    having: db.where(db.fn("SUM", db.col("price")), { [Op.gt]: 60 }),
    order: ["author_id"],
    raw: true,
  });
  equal(
    rows.map((row) => [Number(row.author_id), Number(row.n), row.total]),
    [
      [502, 10, "80.00"],
      [503, 10, "70.00"],
    ],
  );
  equal([await Book.max("price"), await Book.sum("price")].map(Number), [28, 211]);
});
await check("crud", "update, upsert, destroy", async () => {
  const bob = await Author.findByPk(501);
  await bob.update({ email: "new@x" });
  await bob.increment("score", { by: 2 });
  await bob.reload();
  equal([bob.email, bob.score], ["new@x", "2.00"]);
  equal(await Book.update({ price: 5 }, { where: { price: { [Op.gt]: 20 } } }), [4]);
  await Author.upsert({ id: 501, name: "Bobby" });
  equal((await Author.findByPk(501)).name, "Bobby");
  equal(await Book.destroy({ where: { title: { [Op.like]: "book 2%" } } }), 11);
  const [, made] = await Author.findOrCreate({ where: { name: "Eve" } });
  equal(made, true);
  await (await Book.findOne({ where: { title: "book 0" } })).destroy();
  equal(await Book.count(), 19);
});
await check("prepared", "bound parameters", async () => {
  const rows = await db.query("SELECT name FROM authors WHERE id = $id AND name <> $name", {
    bind: { id: 502, name: "x" },
    type: QueryTypes.SELECT,
  });
  equal(rows, [{ name: "Cid" }]);
});
await check("transactions", "commit and rollback", async () => {
  await db.transaction({ isolationLevel: Transaction.ISOLATION_LEVELS.READ_COMMITTED }, async (transaction) => {
    await Author.update({ name: "kept" }, { where: { id: [501, 502, 503] }, transaction });
  });
  await db
    .transaction(async (transaction) => {
      await Author.findByPk(501, { transaction, lock: transaction.LOCK.UPDATE });
      await Author.update({ name: "lost" }, { where: { id: [501, 502, 503] }, transaction });
      throw new Error("no");
    })
    .catch(() => undefined);
  equal(await Author.count({ where: { name: "kept" } }), 3);
});
await check("transactions", "savepoints", async () => {
  const outer = await db.transaction();
  await Author.update({ name: "outer" }, { where: { id: 501 }, transaction: outer });
  const inner = await db.transaction({ transaction: outer });
  await Author.update({ name: "inner" }, { where: { id: 502 }, transaction: inner });
  await inner.rollback();
  await outer.commit();
  equal(
    (await Author.findAll({ where: { id: [501, 502] }, order: ["id"] })).map(({ name }) => name),
    ["outer", "kept"],
  );
});
await check("metadata", "describe", async () => {
  const schema = db.getQueryInterface();
  const tables = (await schema.showAllTables()).filter((name) => ["authors", "books"].includes(name.tableName ?? name));
  const indexes = (await schema.showIndex("authors")).map(({ name, fields }) => [
    name,
    fields.map(({ attribute }) => attribute),
  ]);
  return { columns: await schema.describeTable("books"), tables: tables.length, indexes };
});
await check("errors", "classes", async () => {
  const unique = await Author.create({ id: 501, name: "again" }).catch((error) => error);
  equal([unique.name, unique.parent.errno], ["SequelizeUniqueConstraintError", 1062]);
  const foreign = await Book.create({ author_id: 98_765, title: "x" }).catch((error) => error);
  equal([foreign.name, foreign.parent.errno], ["SequelizeForeignKeyConstraintError", 1452]);
  await fails(1146, () => db.query("SELECT * FROM no_such_table"));
});
await check("reconnect", "pool survives a killed connection", async () => {
  const [{ id }] = await db.query("SELECT CONNECTION_ID() AS id", { type: QueryTypes.SELECT });
  await db.query(`KILL ${id}`).catch(() => undefined);
  await new Promise((resolve) => setTimeout(resolve, 300));
  equal((await Author.count()) > 3, true);
});
finish();
