// What a user without rights everywhere sees of the cluster: the keyspaces there are rights on, the own connections and
// grants, and nothing that servers tell administrators only.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createConnection, type Connection, type RowDataPacket } from "mysql2/promise";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Cluster } from "../../src/local/cluster.ts";
import { startCluster, temporaryDir } from "../fixture/cluster.ts";

const dir = temporaryDir("users");
let cluster: Cluster;
let root: Connection;
let app: Connection;

const USERS = {
  users: {
    root: { emptyPassword: true, loopbackOnly: true, rights: { "*": ["admin"] } },
    app: { emptyPassword: true, rights: { shop: ["read"], "crm.customer": ["read"] } },
  },
};

beforeAll(async () => {
  const file = join(dir.path, "users.json");
  writeFileSync(file, JSON.stringify(USERS));
  cluster = await startCluster({
    keyspaces: {
      shop: { sql: "CREATE TABLE item (id INT PRIMARY KEY, name VARCHAR(20));" },
      crm: { sql: "CREATE TABLE customer (id INT PRIMARY KEY); CREATE TABLE secret (id INT PRIMARY KEY);" },
      hidden: { sql: "CREATE TABLE plan (id INT PRIMARY KEY);" },
    },
    topo: "etcd",
    gatewayArgs: ["--users-file", file],
  });
  const at = { host: "127.0.0.1", port: cluster.port, database: "shop" };
  [root, app] = await Promise.all([
    createConnection({ ...at, user: "root" }),
    createConnection({ ...at, user: "app" }),
  ]);
});
afterAll(async () => {
  await Promise.all([root?.end(), app?.end()]);
  await cluster?.stop();
  dir.remove();
});

/** The first column. */
async function column(connection: Connection, sql: string): Promise<unknown[]> {
  const [rows] = await connection.query<RowDataPacket[]>({ sql, rowsAsArray: true });
  return rows.map((row) => (Array.isArray(row) ? row[0] : row));
}

async function errnoOf(sql: string): Promise<number | undefined> {
  return app.query(sql).then(
    () => undefined,
    (error: { errno?: number }) => error.errno,
  );
}

describe("a user with rights on some keyspaces", () => {
  test("sees those only", async () => {
    expect(await column(app, "SHOW DATABASES")).toEqual(["crm", "information_schema", "shop"]);
    expect(await column(root, "SHOW DATABASES")).toEqual([
      "crm",
      "hidden",
      "information_schema",
      "mysql",
      "performance_schema",
      "shop",
      "sys",
    ]);
    const schemas = "SELECT DISTINCT table_schema FROM information_schema.tables ORDER BY 1";
    expect(await column(app, schemas)).toEqual(["crm", "information_schema", "shop"]);
    expect(await column(app, "SELECT schema_name FROM information_schema.schemata ORDER BY 1")).toEqual([
      "crm",
      "information_schema",
      "shop",
    ]);
    const tables =
      "SELECT table_name FROM information_schema.tables WHERE table_name IN ('item', 'customer', 'plan') ORDER BY 1";
    expect(await column(app, tables)).toEqual(["customer", "item"]);
    expect(await column(root, tables)).toEqual(["customer", "item", "plan"]);
    expect(await column(app, "SELECT table_name FROM information_schema.tables WHERE table_schema = 'hidden'")).toEqual(
      [],
    );
    expect(
      await column(
        app,
        "SELECT t.table_name FROM information_schema.tables t JOIN information_schema.columns c USING (table_schema, table_name) WHERE t.table_schema = 'shop'",
      ),
    ).toEqual(["item", "item"]);
    expect(await column(app, "SHOW VITESS_SHARDS")).toEqual(["crm/0", "shop/0"]);
    for (const sql of [
      "SHOW TABLES FROM hidden",
      "SHOW TABLE STATUS FROM hidden",
      "USE hidden",
      "SHOW TABLES FROM mysql",
      "USE mysql",
    ]) {
      expect(await errnoOf(sql), sql).toBe(1044);
    }
    for (const sql of [
      "SHOW COLUMNS FROM crm.secret",
      "SHOW CREATE TABLE crm.secret",
      "DESC crm.secret",
      "EXPLAIN SELECT * FROM crm.secret",
    ]) {
      expect(await errnoOf(sql), sql).toBe(1142);
    }
    expect(await column(app, "SHOW COLUMNS FROM crm.customer")).toEqual(["id"]);
  });

  test("and its own connections and grants", async () => {
    expect(await column(app, "SELECT user FROM information_schema.processlist")).toEqual(["app"]);
    expect(await column(root, "SELECT user FROM information_schema.processlist ORDER BY user")).toEqual([
      "app",
      "root",
    ]);
    expect(await column(app, "SHOW GRANTS")).toEqual([
      "GRANT USAGE ON *.* TO `app`@`%`",
      "GRANT SELECT, SHOW VIEW ON `shop`.* TO `app`@`%`",
      "GRANT SELECT, SHOW VIEW ON `crm`.`customer` TO `app`@`%`",
    ]);
    expect(await column(root, "SHOW GRANTS FOR 'app'@'%'")).toHaveLength(3);
    expect(await errnoOf("SHOW GRANTS FOR root")).toBe(1044);
    expect(
      await column(
        app,
        "SELECT table_schema FROM information_schema.schema_privileges WHERE privilege_type = 'SELECT'",
      ),
    ).toEqual(["shop"]);
    expect(
      await column(app, "SELECT table_name FROM information_schema.table_privileges WHERE privilege_type = 'SELECT'"),
    ).toEqual(["customer"]);
  });

  test("nothing that is for administrators", async () => {
    expect(await errnoOf("SELECT * FROM information_schema.innodb_trx")).toBe(1142);
    expect(await errnoOf("SELECT * FROM information_schema.tables t JOIN mysql.user u ON 1 = 1")).toBe(1142);
    expect(await errnoOf("SELECT user FROM mysql.user")).toBe(1142);
    expect(await errnoOf("SHOW ENGINE INNODB STATUS")).toBe(1227);
    expect(await errnoOf("SHOW MASTER STATUS")).toBe(1227);
    expect(await errnoOf("FLUSH TABLES")).toBe(1142);
    expect(await column(root, "SELECT COUNT(*) > 0 FROM mysql.user")).toEqual([1]);
  });
});
