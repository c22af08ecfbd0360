// MariaDB's extended metadata (MARIADB_CLIENT_EXTENDED_METADATA) beside one MariaDB: types that MySQL's protocol has no
// number for, for clients that ask for them and for clients that do not, as text and prepared, from one shard and from both.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Cluster } from "../../src/local/cluster.ts";
import type { Mysqld } from "../../src/local/mysqld.ts";
import { COM, MARIADB_CLIENT, MYSQL_TYPE } from "../../src/mysql/constants.ts";
import { startCluster, startMysqld } from "../fixture/cluster.ts";
import { hashedBy } from "../fixture/hashed.ts";
import { described, hex, merged, type Parameter, StatementClient } from "./statement-client.ts";

const TABLE = `
CREATE TABLE t (
  id BIGINT NOT NULL PRIMARY KEY, j JSON, u UUID, i6 INET6, p POINT, g GEOMETRY, ls LINESTRING, tx LONGTEXT, b LONGBLOB,
  n INT, jn JSON NOT NULL DEFAULT '{}'
);
`;
const ROWS = [
  `(1, '{"a": 1}', '11111111-1111-1111-1111-111111111111', '::1', POINT(1, 2), POINT(3, 4),
   ST_GeomFromText('LINESTRING(0 0, 1 1)'), 'text', 'blob', 10, '[1]')`,
  "(2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'null')",
  `(3, '[1, 2, {"b": null}]', '22222222-2222-2222-2222-222222222222', 'ffff::2', POINT(5, 6), NULL,
   ST_GeomFromText('LINESTRING(0 0, 2 2, 3 3)'), '{}', '{}', 10, '"x"')`,
  "(4, '{\"a\": 4}', NULL, '::', NULL, POINT(0, 0), NULL, '', '', 20, '4')",
];
const VSCHEMA = hashedBy({ t: "id" });

/** Passed through, merged, and gathered on two shards. */
const QUERIES = [
  "SELECT * FROM t WHERE id = 1",
  "SELECT * FROM t ORDER BY id",
  "SELECT * FROM t WHERE id = 77",
  "SELECT JSON_EXTRACT(j, '$.a') AS e, JSON_OBJECT('k', n) AS o, JSON_VALID(j), j -- \n FROM t WHERE id = 1",
  "SELECT JSON_EXTRACT(j, '$.a') AS e, JSON_ARRAY(id, n) AS a, JSON_VALUE(j, '$.a') AS v FROM t ORDER BY id",
  "SELECT j AS renamed, a.u, a.i6 FROM t AS a ORDER BY a.id LIMIT 2",
  "SELECT COALESCE(j, jn) AS c, IF(id > 2, j, jn) AS i, CONCAT(j) AS t FROM t ORDER BY id",
  "SELECT MIN(u), MAX(i6), COUNT(j) FROM t",
  "SELECT n, JSON_ARRAYAGG(id) AS ids FROM t WHERE n = 20 GROUP BY n",
  "SELECT DISTINCT u FROM t ORDER BY u",
  "SELECT a.j, b.jn, b.u FROM t AS a JOIN t AS b ON a.n = b.n ORDER BY a.id, b.id",
  "SELECT d.j, d.u, d.p FROM (SELECT j, u, p, id FROM t) AS d ORDER BY d.id",
  "SELECT d.j FROM (SELECT DISTINCT j, id FROM t) AS d ORDER BY d.id",
  "SELECT j FROM t WHERE id = 1 UNION ALL SELECT jn FROM t WHERE id = 3",
  "SELECT id, j, u, p, ROW_NUMBER() OVER (ORDER BY id) AS r FROM t ORDER BY id",
  "SELECT a.id, a.j, (SELECT MAX(b.u) FROM t AS b WHERE b.id <= a.id) AS m FROM t AS a ORDER BY a.id",
  "WITH c AS (SELECT j, id FROM t) SELECT c.j FROM c ORDER BY c.id",
  "SELECT 1, NULL, 'x', JSON_OBJECT('a', 1), CAST('::1' AS INET6)",
  "SELECT @@version_comment IS NULL AS v",
] as const;

describe.each([
  ["a client that asks for it", MARIADB_CLIENT.EXTENDED_METADATA],
  ["a client that does not", 0],
])("%s", (_, capabilities) => {
  let clients: Record<"u" | "s" | "plain", StatementClient>;

  beforeAll(async () => {
    clients = {
      u: await StatementClient.connect(cluster.port, "u", capabilities),
      s: await StatementClient.connect(cluster.port, "s", capabilities),
      plain: await StatementClient.connect(plain.port, "u", capabilities),
    };
  });

  afterAll(() => {
    for (const client of Object.values(clients)) client.close();
  });

  test.each(QUERIES)("%s", async (sql) => {
    const wanted = await clients.plain.query(sql);
    expect(hex(await clients.u.query(sql)), "text, unsharded").toEqual(hex(wanted));
    expect(merged(await clients.s.query(sql)), "text, sharded").toEqual(merged(wanted));
    const prepared = await clients.plain.prepare(sql);
    const binary = await clients.plain.execute(prepared.id, []);
    for (const client of [clients.u, clients.s]) {
      const own = await client.prepare(sql);
      expect(described(own.packets), "PREPARE").toEqual(described(prepared.packets));
      const got = await client.execute(own.id, []);
      if (client === clients.u) expect(hex(got), "binary, unsharded").toEqual(hex(binary));
      expect(merged(got), "binary, sharded").toEqual(merged(binary));
      await client.tell(COM.STMT_CLOSE, own.id);
    }
    await clients.plain.tell(COM.STMT_CLOSE, prepared.id);
  });

  test("a cursor over both shards", async () => {
    const sql = "SELECT j, u, g FROM t WHERE id > ? ORDER BY id";
    const id: Parameter = [MYSQL_TYPE.TINY, Buffer.of(0)];
    const packets: string[][] = [];
    for (const client of [clients.plain, clients.u, clients.s]) {
      const own = await client.prepare(sql);
      const opened = await client.execute(own.id, [id], 1);
      const fetched = await client.fetch(own.id, 10);
      packets.push([...hex(own.packets), ...hex(opened.slice(0, -1)), ...hex(fetched.slice(0, -1))]);
      await client.tell(COM.STMT_CLOSE, own.id);
    }
    expect(packets[1]).toEqual(packets[0]);
    expect(packets[2]).toEqual(packets[0]?.map((packet) => packet.replaceAll("01750174", "01730174")));
  });

  test("lists of fields and of a server's own tables", async () => {
    const fields = async (client: StatementClient): Promise<readonly string[]> => hex(await client.fields("t"));
    expect(await fields(clients.u)).toEqual(await fields(clients.plain));
    for (const sql of ["SHOW COLUMNS FROM t", "SHOW WARNINGS", "EXPLAIN SELECT 1"]) {
      expect(merged(await clients.u.query(sql)), sql).toEqual(merged(await clients.plain.query(sql)));
    }
    for (const sql of ["SHOW KEYSPACES", "SHOW DATABASES", "SHOW PROCESSLIST", "SHOW VARIABLES LIKE 'version'"]) {
      const [head] = await clients.s.query(sql);
      expect(head?.length, sql).toBe(1);
    }
  });
});

let cluster: Cluster;
let plain: Mysqld;

beforeAll(async () => {
  [cluster, plain] = await Promise.all([
    startCluster({ keyspaces: { u: { sql: TABLE, vschema: {} }, s: { shards: 2, sql: TABLE, vschema: VSCHEMA } } }),
    startMysqld(),
  ]);
  const direct = await StatementClient.connect(plain.port, "");
  for (const sql of ["CREATE DATABASE u", "USE u", TABLE]) await direct.query(sql);
  direct.close();
  for (const [port, database] of [
    [cluster.port, "u"],
    [cluster.port, "s"],
    [plain.port, "u"],
  ] as const) {
    const client = await StatementClient.connect(port, database);
    for (const row of ROWS)
      expect(merged(await client.query(`INSERT INTO t VALUES ${row}`))).toMatchObject({ affectedRows: 1 });
    client.close();
  }
});

afterAll(async () => {
  await Promise.all([cluster.stop(), plain.stop()]);
});
