// Definitions from the shards to the gateways, on real processes: what is created, altered and dropped through a gateway is
// known to it at once, what is done past it within seconds, on any shard's tablet, after restarts of tablet and gateway.
// A gateway's knowledge shows in what it accepts (an INSERT without a column list, a table without its keyspace) and, table
// by table, in a follower of the tablets that this test runs itself, put together as a gateway's.

import { type Connection, createConnection, type RowDataPacket } from "mysql2/promise";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { createLog } from "../../src/base/log.ts";
import { TrackedSchema } from "../../src/gateway/cluster/tracked-schema.ts";
import type { Cluster } from "../../src/local/cluster.ts";
import { delay } from "../../src/local/process.ts";
import { withServer } from "../../src/local/server-connection.ts";
import type { ColumnSchema, TableSchema } from "../../src/schema/model.ts";
import { SchemaFollower, type SchemaNews } from "../../src/tabletclient/schema-follower.ts";
import { TabletDirectory } from "../../src/tabletclient/tablet-directory.ts";
import { createEtcdStore } from "../../src/topo/etcd.ts";
import { createTopologyWatcher } from "../../src/topo/topology-watcher.ts";
import { processOf, startCluster } from "../fixture/cluster.ts";
import { hashedBy } from "../fixture/hashed.ts";
import { firstAnswer, until } from "../fixture/until.ts";

/** Generous: a second is what it takes where nothing else runs. */
const PATIENCE_MS = 60_000;
const TIMEOUT_MS = 480_000;
const log = createLog("test", "silent");
const P = "TABLE p (id BIGINT PRIMARY KEY, v VARCHAR(20) NOT NULL)";
const T = "TABLE t (id BIGINT PRIMARY KEY, v VARCHAR(20))";

interface Following {
  readonly tracked: TrackedSchema;
  readonly news: SchemaNews[];
  close(): Promise<void>;
}

let cluster: Cluster;
let client: Connection;
let following: Following;

beforeAll(async () => {
  cluster = await startCluster({
    topo: "etcd",
    keyspaces: {
      plain: { sql: `CREATE ${P};` },
      split: {
        shards: 2,
        vschema: hashedBy({ t: "id" }),
        sql: `CREATE ${T};`,
      },
    },
  });
  client = await connect();
  following = await follow();
}, 480_000);

/** As at the start, whatever became of the test before: its servers are back, its tables gone. */
beforeEach(async () => {
  client.destroy();
  client = await firstAnswer(connect, "a connection");
  for (const [keyspace, shard, table] of [
    ["plain", "0", P],
    ["split", "-80", T],
    ["split", "80-", T],
  ] as const) {
    const left = await firstAnswer(() => leftOn(keyspace, shard), `${keyspace}/${shard} answers`);
    await onMysqld(keyspace, shard, ...left, ...(left.length > 0 ? [`CREATE OR REPLACE ${table}`] : []));
  }
  await known("plain", "p", (table) => namesOf(table) === "id v");
  await known("split", "t", (table) => namesOf(table) === "id v");
}, TIMEOUT_MS);

afterAll(async () => {
  client?.destroy();
  await following?.close();
  await cluster?.stop();
});

test(
  "what is there at the start is known, in all that a definition has",
  async () => {
    await known("plain", "p", (table) => table.columns.length === 2);
    expect(following.tracked.current.table("plain", "p")).toMatchObject({
      kind: "table",
      columns: [
        { name: "id", dataType: "bigint", columnType: "bigint(20)", nullable: false, collation: undefined },
        { name: "v", columnType: "varchar(20)", nullable: false, charset: "utf8mb4", collation: "utf8mb4_general_ci" },
      ],
      keys: [{ name: "PRIMARY", unique: true, columns: ["id"] }],
    });
    await known("split", "t", (table) => table.columns.length === 2);
  },
  TIMEOUT_MS,
);

test(
  "through the gateway: known to it with the answer, and to others within seconds",
  async () => {
    // Without a keyspace a table is found by its definition.
    for (let round = 0; round < 5; round++) {
      await client.query("CREATE TABLE plain.fresh (id INT AUTO_INCREMENT PRIMARY KEY, v INT)");
      await client.query("INSERT INTO fresh (v) VALUES (5)");
      expect((await client.query<RowDataPacket[]>("SELECT * FROM fresh"))[0]).toEqual([{ id: 1, v: 5 }]);
      await client.query("ALTER TABLE plain.fresh RENAME COLUMN v TO w, ADD COLUMN x INT AFTER id");
      expect((await client.query<RowDataPacket[]>("SELECT * FROM fresh"))[0]).toEqual([{ id: 1, x: null, w: 5 }]);
      if (round === 0) await known("plain", "fresh", (table) => namesOf(table) === "id x w");
      await client.query("RENAME TABLE plain.fresh TO plain.renamed");
      await expect(client.query("SELECT * FROM fresh")).rejects.toMatchObject({ errno: 1046 });
      await client.query("CREATE VIEW plain.seen AS SELECT w, id FROM plain.renamed");
      expect((await client.query<RowDataPacket[]>("SELECT * FROM seen"))[0]).toEqual([{ w: 5, id: 1 }]);
      if (round === 0) {
        await known("plain", "seen", (table) => table.kind === "view" && namesOf(table) === "w id");
        expect(following.tracked.current.table("plain", "seen")?.viewQuery).toContain("from `plain`.`renamed`");
      }
      await client.query("DROP VIEW plain.seen");
      await client.query("DROP TABLE plain.renamed");
      await expect(client.query("SELECT * FROM renamed")).rejects.toMatchObject({ errno: 1046 });
    }
    await unknown("plain", "renamed");
    await unknown("plain", "seen");
  },
  TIMEOUT_MS,
);

test(
  "past the gateway: on the mysqlds of a sharded keyspace",
  async () => {
    await client.query("INSERT INTO split.t VALUES (1, 'a'), (4, 'b')");
    for (const shard of ["-80", "80-"]) {
      await onMysqld("split", shard, "ALTER TABLE t ADD COLUMN w INT NOT NULL DEFAULT 3 FIRST");
    }
    await known("split", "t", (table) => namesOf(table) === "w id v");
    // Placed by its second value: the row is found where its id says.
    await accepted("INSERT INTO split.t VALUES (7, 2, 'c')");
    expect((await client.query<RowDataPacket[]>("SELECT * FROM split.t WHERE id = 2"))[0]).toEqual([
      { w: 7, id: 2, v: "c" },
    ]);
    for (const shard of ["-80", "80-"]) await onMysqld("split", shard, "ALTER TABLE t DROP COLUMN w");
    await accepted("INSERT INTO split.t VALUES (5, 'd')");
    await known("split", "t", (table) => namesOf(table) === "id v");
  },
  TIMEOUT_MS,
);

test(
  "past the gateway: kinds of changes, several in the same second",
  async () => {
    const steps: readonly (readonly [string, (column: ColumnSchema | undefined, table: TableSchema) => boolean])[] = [
      ["CREATE TABLE k (id INT PRIMARY KEY, v VARCHAR(5))", (v) => v?.columnType === "varchar(5)"],
      ["ALTER TABLE k MODIFY v VARCHAR(6)", (v) => v?.columnType === "varchar(6)"],
      ["ALTER TABLE k MODIFY v VARCHAR(6) COLLATE utf8mb4_bin", (v) => v?.collation === "utf8mb4_bin"],
      ["ALTER TABLE k MODIFY v VARCHAR(6) NOT NULL", (v) => v?.nullable === false],
      ["ALTER TABLE k ADD UNIQUE KEY u (v)", (_, { keys }) => keys.some(({ unique, name }) => unique && name === "u")],
      ["DROP INDEX u ON k", (_, { keys }) => keys.length === 1],
      ["ALTER TABLE k ADD COLUMN z INT, ALGORITHM=INSTANT", (_, table) => namesOf(table) === "id v z"],
      ["CREATE OR REPLACE TABLE k (v INT)", (v) => v?.dataType === "int"],
    ];
    for (const [sql, holds] of steps) {
      await onMysqld("plain", "0", sql);
      await known("plain", "k", (table) => holds(columnOf(table, "v"), table));
    }
    await onMysqld("plain", "0", ...Array.from({ length: 6 }, (_, i) => `ALTER TABLE k ADD COLUMN c${i} INT`));
    await known("plain", "k", (table) => table.columns.length === 7);
    await onMysqld("plain", "0", "DROP TABLE k");
    await unknown("plain", "k");
  },
  TIMEOUT_MS,
);

test(
  "a change that takes long is known when it is done",
  async () => {
    await onMysqld("plain", "0", "CREATE TABLE slow (id INT)", "INSERT INTO slow VALUES (1)");
    await known("plain", "slow", (table) => table.columns.length === 1);
    const { port } = processOf(cluster, "mysqld", "plain", "0");
    await withServer(port, async (holder) => {
      await holder.run("USE plain");
      await holder.run("BEGIN");
      await holder.run("SELECT * FROM slow");
      const altering = onMysqld("plain", "0", "ALTER TABLE slow ADD COLUMN v INT");
      await delay(3_000);
      expect(following.tracked.current.table("plain", "slow")?.columns.length).toBe(1);
      await holder.run("COMMIT");
      await altering;
    });
    await known("plain", "slow", (table) => table.columns.length === 2);
  },
  TIMEOUT_MS,
);

test(
  "2,000 tables: told once, and nothing is read of them while nothing changes",
  async () => {
    const names = Array.from({ length: 2_000 }, (_, i) => `many_${i}`);
    await onMysqld(
      "plain",
      "0",
      ...names.map((name) => `CREATE TABLE ${name} (id INT, a INT, b INT, c INT) ENGINE=MEMORY`),
    );
    await until(
      () => names.every((name) => following.tracked.current.table("plain", name) !== undefined),
      PATIENCE_MS,
      "2,000 tables",
    );
    // A sweep that began before the last table is over.
    await delay(3_000);
    const before = await counters();
    await delay(5_000);
    const after = await counters();
    // One read of all columns each second would be 40,000 rows; one due sweep may fall into this time.
    expect(after.rows - before.rows).toBeLessThan(20_000);
    expect(after.questions - before.questions).toBeLessThan(300);
    following.news.length = 0;
    await onMysqld("plain", "0", "ALTER TABLE many_77 ADD COLUMN d INT");
    await known("plain", "many_77", (table) => table.columns.length === 5);
    const told = following.news.flatMap(({ tables }) => tables).filter(({ columns }) => columns.length === 5);
    expect(told.map(({ name }) => name)).toEqual(["many_77"]);
    expect(following.news.every(({ all }) => !all)).toBe(true);
    await onMysqld("plain", "0", `DROP TABLE ${names.join(", ")}`);
    await until(
      () => names.every((name) => following.tracked.current.table("plain", name) === undefined),
      PATIENCE_MS,
      "all dropped",
    );
  },
  TIMEOUT_MS,
);

test(
  "a tablet that is stopped: what it told stays; another shard's goes on for a sharded keyspace",
  async () => {
    for (const [away, there] of [
      ["-80", "80-"],
      ["80-", "-80"],
    ] as const) {
      const stopped = [processOf(cluster, "tablet", "plain", "0"), processOf(cluster, "tablet", "split", away)];
      for (const { pid } of stopped) process.kill(pid, "SIGSTOP");
      try {
        await onMysqld("split", there, "ALTER TABLE t ADD COLUMN only_there INT");
        await known("split", "t", (table) => columnOf(table, "only_there") !== undefined);
        expect(following.tracked.current.table("plain", "p")?.columns.length).toBe(2);
      } finally {
        for (const { pid } of stopped) process.kill(pid, "SIGCONT");
      }
      await onMysqld("split", there, "ALTER TABLE t DROP COLUMN only_there");
      await known("split", "t", (table) => columnOf(table, "only_there") === undefined);
    }
    await onMysqld("plain", "0", "ALTER TABLE p ADD COLUMN after_all INT");
    await known("plain", "p", (table) => columnOf(table, "after_all") !== undefined);
  },
  TIMEOUT_MS,
);

test(
  "a tablet that starts anew tells what has changed meanwhile",
  async () => {
    process.kill(processOf(cluster, "tablet", "plain", "0").pid, "SIGKILL");
    await onMysqld("plain", "0", "CREATE TABLE meanwhile (id INT, v INT)", "ALTER TABLE p ADD COLUMN anew INT");
    await known("plain", "meanwhile", (table) => table.columns.length === 2);
    await known("plain", "p", (table) => columnOf(table, "anew") !== undefined);
    await onMysqld("plain", "0", "DROP TABLE meanwhile");
    await unknown("plain", "meanwhile");
  },
  TIMEOUT_MS,
);

test(
  "a mysqld that starts anew is tracked again",
  async () => {
    process.kill(processOf(cluster, "mysqld", "plain", "0").pid, "SIGKILL");
    await firstAnswer(() => onMysqld("plain", "0", "CREATE TABLE IF NOT EXISTS reborn (id INT)"), "the mysqld is back");
    await known("plain", "reborn", () => true);
  },
  TIMEOUT_MS,
);

test(
  "a gateway that starts anew knows the definitions",
  async () => {
    process.kill(processOf(cluster, "gateway").pid, "SIGKILL");
    client.destroy();
    client = await firstAnswer(connect, "the gateway is back");
    await accepted("INSERT INTO split.t VALUES (77, 'anew')");
    expect((await client.query<RowDataPacket[]>("SELECT * FROM split.t WHERE id = 77"))[0]).toEqual([
      { id: 77, v: "anew" },
    ]);
    await client.query("CREATE TABLE plain.last (id INT)");
    await accepted("SELECT * FROM last");
  },
  TIMEOUT_MS,
);

/** What a gateway has of definitions, in this process. */
async function follow(): Promise<Following> {
  const store = createEtcdStore({
    endpoints: [`http://127.0.0.1:${processOf(cluster, "etcd").port}`],
    clock: systemClock,
    log,
  });
  const watcher = createTopologyWatcher({ store, root: "/shardgate", clock: systemClock, log });
  await watcher.ready;
  const tablets = new TabletDirectory({
    tls: undefined,
    replicaLagMaxS: 30,
    silenceMaxS: 20,
    localCell: undefined,
    clock: systemClock,
    log,
  });
  const tracked = new TrackedSchema();
  const news: SchemaNews[] = [];
  const follower = new SchemaFollower({
    tabletsOf: (keyspace) => tablets.serving(keyspace),
    told(each) {
      news.push(each);
      tracked.take(each);
    },
    clock: systemClock,
    log,
  });
  tablets.onChange(() => follower.choose());
  const followTablets = (): void => {
    const snapshot = watcher.snapshot();
    tablets.follow(snapshot);
    follower.follow(snapshot.keyspaces.keys());
  };
  followTablets();
  watcher.onChange(followTablets);
  return {
    tracked,
    news,
    async close() {
      follower.close();
      tablets.close();
      await watcher.close();
      await store.close();
    },
  };
}

async function connect(): Promise<Connection> {
  const connection = await createConnection({ host: "127.0.0.1", port: cluster.port, user: "root" });
  connection.on("error", () => undefined);
  return connection;
}

async function onMysqld(keyspace: string, shard: string, ...statements: readonly string[]): Promise<void> {
  await withServer(
    processOf(cluster, "mysqld", keyspace, shard).port,
    async (server) => {
      for (const sql of statements) await server.run(sql);
    },
    keyspace,
  );
}

/** Statements that drop what tests have made; of nothing, none. */
async function leftOn(keyspace: string, shard: string): Promise<readonly string[]> {
  return withServer(processOf(cluster, "mysqld", keyspace, shard).port, async (server) => {
    const rows = await server.rows(
      `SELECT table_name AS n, table_type AS t FROM information_schema.tables WHERE table_schema = '${keyspace}'`,
    );
    const changed = await server.value(
      `SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = '${keyspace}'`,
    );
    const filled = keyspace === "split" && (await server.value("SELECT COUNT(*) FROM split.t")) !== "0";
    if (rows.length === 1 && changed === "2" && !filled) return [];
    return rows.map(({ n = "", t = "" }) => `DROP ${t === "VIEW" ? "VIEW" : "TABLE"} ${n}`);
  });
}

/** Rows that the mysqld has made for answers about its tables, and statements it was asked. */
async function counters(): Promise<{ readonly rows: number; readonly questions: number }> {
  return await withServer(processOf(cluster, "mysqld", "plain", "0").port, async (server) => {
    const status = async (name: string): Promise<number> => {
      const row = await server.row(`SHOW GLOBAL STATUS LIKE '${name}'`);
      return Number(Object.values(row ?? {})[1]);
    };
    return { rows: await status("Handler_tmp_write"), questions: await status("Questions") };
  });
}

async function known(keyspace: string, name: string, holds: (table: TableSchema) => boolean): Promise<void> {
  await until(
    () => {
      const table = following.tracked.current.table(keyspace, name);
      return table !== undefined && holds(table);
    },
    PATIENCE_MS,
    `${keyspace}.${name} is known`,
  );
}

async function unknown(keyspace: string, name: string): Promise<void> {
  await until(
    () => following.tracked.current.table(keyspace, name) === undefined,
    PATIENCE_MS,
    `${keyspace}.${name} is forgotten`,
  );
}

async function accepted(sql: string): Promise<void> {
  await firstAnswer(() => client.query(sql), `${sql} is accepted`);
}

function namesOf(table: TableSchema): string {
  return table.columns.map(({ name }) => name).join(" ");
}

function columnOf(table: TableSchema, lower: string): ColumnSchema | undefined {
  return table.columns.find((column) => column.lower === lower);
}
