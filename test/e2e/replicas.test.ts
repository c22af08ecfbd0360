// Reads from replicas that really replicate: chosen by USE, by the login and by a directive, in turn, not from one whose
// replication stands still, and never for writes. A transaction stays on the replica it began on.

import { type Connection, createConnection, type RowDataPacket } from "mysql2/promise";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Cluster, ClusterProcess } from "../../src/local/cluster.ts";
import { withServer } from "../../src/local/server-connection.ts";
import { CLIENT } from "../../src/mysql/constants.ts";
import { PacketReader } from "../../src/mysql/packet-reader.ts";
import { decodeOk, stringsOfChange } from "../../src/mysql/packets/ok.ts";
import { startCluster } from "../fixture/cluster.ts";
import { hashedBy } from "../fixture/hashed.ts";
import { eventually } from "../fixture/until.ts";
import { BASE_CAPABILITIES, RawClient, type RawClientOptions } from "../wire/raw-client.ts";
import { failureOf } from "./load.ts";

const TIMEOUT_MS = 480_000;
/** Which mysqld answers: the test's clusters are on one machine, where ports differ. */
const WHO = "SELECT @@global.port AS port, v FROM split.t WHERE id = 1";

let cluster: Cluster;
let clients: Connection[] = [];

beforeAll(async () => {
  cluster = await startCluster({
    replicas: 2,
    keyspaces: {
      split: {
        shards: 2,
        vschema: hashedBy({ t: "id" }),
        // hash(1) and hash(2) lie on -80, hash(4) on 80-.
        sql: `CREATE TABLE t (id BIGINT PRIMARY KEY, v BIGINT NOT NULL);
          INSERT INTO t (id, v) VALUES (1, 10), (2, 20), (4, 40);`,
      },
    },
  });
  // Replicas have the rows when the cluster is up, or soon after.
  const one = await client("split@replica");
  await eventually(async () => (await rows(one, "SELECT id FROM t")).length === 3);
  one.destroy();
}, 480_000);

afterEach(async () => {
  for (const each of clients) each.destroy();
  clients = [];
  // What a test has left that did not come to its end.
  const one = await client("split");
  for (const id of [1, 2, 4]) await one.query("UPDATE t SET v = ? WHERE id = ? AND v <> ?", [10 * id, id, 10 * id]);
});

afterAll(() => cluster?.stop());

describe("reads", () => {
  test("by USE, by the login and by a directive go to the replicas in turn", async () => {
    const replicas = portsOf("replica", "-80");
    const [primary] = portsOf("primary", "-80");
    const byUse = await client();
    await byUse.query("USE split@replica");
    expect(await asked(byUse, WHO)).toEqual(replicas);
    expect(await asked(await client("split@replica"), WHO)).toEqual(replicas);
    const plain = await client();
    expect(await asked(plain, WHO)).toEqual([primary]);
    expect(await asked(plain, WHO.replace("SELECT", "SELECT /*sg+ TABLET_TYPE=replica */"))).toEqual(replicas);
    await byUse.query("USE split@primary");
    expect(await asked(byUse, WHO)).toEqual([primary]);
    await byUse.query("USE split@replica");
    expect(await asked(byUse, WHO.replace("SELECT", "SELECT /*sg+ TABLET_TYPE=primary */"))).toEqual([primary]);
    expect((await failureOf(plain.query("SELECT /*sg+ TABLET_TYPE=spare */ 1"))).errno).toBe(1231);
  });

  test("of one shard by name", async () => {
    const one = await client();
    for (const target of ["split:80-@replica", "split/80-@replica"]) {
      await one.query(`USE \`${target}\``);
      expect(await asked(one, "SELECT @@global.port AS port FROM t")).toEqual(portsOf("replica", "80-"));
      expect(await rows(one, "SELECT id FROM t")).toEqual([{ id: 4 }]);
    }
    expect((await failureOf(one.query("USE `split:40-80@replica`"))).errno).toBe(1049);
    expect((await failureOf(one.query("USE `split@spare`"))).errno).toBe(1049);
  });

  test("of all shards, merged and gathered, are those of the primaries", async () => {
    const one = await client("split@replica");
    expect(await rows(one, "SELECT SUM(v) AS s, COUNT(*) AS n FROM t")).toMatchObject([{ s: "70", n: 3 }]);
    expect(await rows(one, "SELECT id FROM t ORDER BY v DESC LIMIT 2")).toEqual([{ id: 4 }, { id: 2 }]);
    expect(await rows(one, "SELECT id, ROW_NUMBER() OVER (ORDER BY v) AS n FROM t ORDER BY n")).toHaveLength(3);
    // What is made on a replica on the way is no change of its own: it would stand in the way of a failover.
    for (const shard of ["-80", "80-"]) {
      for (const port of portsOf("replica", shard)) {
        const written = await withServer(port, (server) => server.value("SELECT @@gtid_binlog_pos"));
        const followed = await withServer(port, (server) => server.value("SELECT @@gtid_slave_pos"));
        expect(written).toBe(followed);
      }
    }
  });

  test("are refused by name when there is no such tablet", async () => {
    const failure = await failureOf((await client("split@rdonly")).query("SELECT id FROM t"));
    expect(failure).toMatchObject({ errno: 1053, message: expect.stringContaining("no rdonly tablet") });
  });
});

test("writes and locks are refused, and change nothing", async () => {
  const one = await client("split@replica");
  for (const sql of [
    "UPDATE t SET v = 0 WHERE id = 1",
    "UPDATE t SET v = 0 WHERE id IN (1, 4)",
    "DELETE FROM t WHERE id = 1",
    "INSERT INTO t (id, v) VALUES (9, 9)",
    "REPLACE INTO t (id, v) VALUES (1, 9)",
    "SELECT v FROM t WHERE id = 1 FOR UPDATE",
  ]) {
    expect(await failureOf(one.query(sql)), sql).toMatchObject({
      errno: 1290,
      message: expect.stringContaining("statement with a replica target"),
    });
  }
  const plain = await client("split");
  const failure = await failureOf(plain.query("UPDATE /*sg+ TABLET_TYPE=replica */ t SET v = 0 WHERE id = 1"));
  expect(failure.errno).toBe(1290);
  expect(await rows(plain, "SELECT v FROM t ORDER BY id")).toEqual([{ v: 10 }, { v: 20 }, { v: 40 }]);
  await one.query("USE split");
  await one.query("UPDATE t SET v = 10 WHERE id = 1");
});

test("a transaction stays on its replica, with one view of the data, and cannot move", async () => {
  const [one, writer] = [await client("split@replica"), await client("split")];
  await one.query("START TRANSACTION WITH CONSISTENT SNAPSHOT");
  const before = await rows(one, WHO);
  await writer.query("UPDATE t SET v = 11 WHERE id = 1");
  for (const port of portsOf("replica", "-80")) {
    await eventually(() =>
      withServer(port, async (server) => (await server.value("SELECT v FROM split.t WHERE id = 1")) === "11"),
    );
  }
  for (let i = 0; i < 4; i++) expect(await rows(one, WHO)).toEqual(before);
  // The transaction's tablet, whatever a directive says.
  expect(await rows(one, WHO.replace("SELECT", "SELECT /*sg+ TABLET_TYPE=primary */"))).toEqual(before);
  expect((await failureOf(one.query("UPDATE t SET v = 12 WHERE id = 1"))).errno).toBe(1290);
  for (const target of ["split", "split@rdonly", "@primary"]) {
    expect((await failureOf(one.query(`USE \`${target}\``))).errno, target).toBe(1192);
  }
  await one.query("COMMIT");
  expect(await rows(one, "SELECT v FROM t WHERE id = 1")).toEqual([{ v: 11 }]);
  await one.query("USE split");
  await one.query("UPDATE t SET v = 10 WHERE id = 1");
});

describe("GTIDs of the session's own transactions", () => {
  const STEPS = [
    "SET session_track_system_variables = 'last_gtid'",
    "UPDATE t SET v = v + 1 WHERE id = $",
    "UPDATE t SET v = v WHERE id = $",
    "BEGIN",
    "UPDATE t SET v = v + 1 WHERE id = $",
    "COMMIT",
    "COMMIT",
    "BEGIN",
    "UPDATE t SET v = v + 1 WHERE id = $",
    "ROLLBACK",
    "SET autocommit = 0",
    "UPDATE t SET v = v + 1 WHERE id = $",
    "SET autocommit = 1",
    "DO 1",
    "DELETE FROM t WHERE id = 99",
    "BEGIN",
    "UPDATE t SET v = v + 1 WHERE id = $",
    "COMMIT AND CHAIN",
    "ROLLBACK",
    "SET session_track_system_variables = '*'",
    "UPDATE t SET v = v + 1 WHERE id = $",
    "SET session_track_system_variables = ''",
    "UPDATE t SET v = 10 * id WHERE id = $",
  ];

  test.each([
    ["classic", CLIENT.SESSION_TRACK],
    ["without EOFs", CLIENT.SESSION_TRACK | CLIENT.DEPRECATE_EOF],
  ])("are told as a server tells them: %s", async (_, more) => {
    const [primary = 0] = portsOf("primary", "-80");
    const [gateway, direct] = [
      await RawClient.login(raw(cluster.port, more)),
      await RawClient.login(raw(primary, more)),
    ];
    await told(gateway, "USE `split:-80`");
    await told(direct, "USE split");
    await withServer(primary, async (server) => {
      for (const step of STEPS) {
        const got = await told(gateway, step.replace("$", "1"));
        const position = await server.value("SELECT @@gtid_binlog_pos");
        const wanted = await told(direct, step.replace("$", "2"));
        expect({ ...got, changes: got.changes.map(masked) }, step).toEqual({
          ...wanted,
          changes: wanted.changes.map(masked),
        });
        if (wanted.changes.some((change) => masked(change) !== change)) {
          expect(got.changes, step).toContain(`0 last_gtid = ${position}`);
        }
      }
    });
    gateway.close();
    direct.close();
  });

  test("of several shards are a list; of others, or from before they are asked for, they are not told", async () => {
    const [one, other] = [await client("split"), await client("split")];
    const last = async (on: Connection): Promise<string> => (await rows(on, "SELECT @@last_gtid AS g"))[0]?.["g"];
    const positions = async (): Promise<string[]> =>
      Promise.all(
        ["-80", "80-"].map((shard) =>
          withServer(portsOf("primary", shard)[0] ?? 0, async (server) =>
            String(await server.value("SELECT @@gtid_binlog_pos")),
          ),
        ),
      );
    expect(await last(one)).toBe("");
    await other.query("UPDATE t SET v = v + 1 WHERE id = 1");
    expect(await last(one)).toBe("");
    expect(await failureOf(other.query("SELECT @@last_gtid"))).toMatchObject({ errno: 1235 });
    await one.query("UPDATE t SET v = v + 1 WHERE id = 4");
    expect(await last(one)).toBe((await positions())[1]);
    let since = await positions();
    /** One of each shard, got since the last look. The gateway's records are deleted some time later, with GTIDs of their own. */
    const areNew = async (gtids: string): Promise<boolean> => {
      const now = await positions();
      const before = since;
      since = now;
      const list = gtids.split(",");
      return (
        list.length === now.length &&
        list.every((gtid, i) => numberOf(gtid) > numberOf(before[i] ?? "") && numberOf(gtid) <= numberOf(now[i] ?? ""))
      );
    };
    await one.query("BEGIN");
    await one.query("UPDATE t SET v = v + 1 WHERE id = 1");
    await one.query("UPDATE t SET v = v + 1 WHERE id = 4");
    await one.query("COMMIT");
    const before = await last(one);
    expect(await areNew(before), before).toBe(true);
    await one.query("UPDATE t SET v = v WHERE id = 1");
    await other.query("UPDATE t SET v = 10 * id");
    expect(await last(one)).toBe(before);
    expect(await areNew(await last(other))).toBe(true);
    await one.execute("UPDATE t SET v = ? WHERE id = ?", [41, 4]);
    expect(await last(one)).toBe((await positions())[1]);
    await one.query("UPDATE t SET v = 40 WHERE id = 4");
    // What is of one server, where there are several.
    for (const what of ["@@gtid_binlog_pos", "@@global.gtid_current_pos", "MASTER_GTID_WAIT('0-1-1', 0)"]) {
      expect((await failureOf(one.query(`SELECT ${what}`))).errno, what).toBe(1235);
    }
    await one.query("USE `split:80-`");
    expect(await rows(one, "SELECT @@gtid_binlog_pos AS g")).toEqual([{ g: (await positions())[1] }]);
  });
});

test("a replica whose SQL thread stands still is left, and used again when it follows", {
  timeout: TIMEOUT_MS,
}, async () => {
  const [lagging = 0, following = 0] = portsOf("replica", "-80");
  const [one, writer] = [await client("split@replica"), await client("split")];
  await writer.query("UPDATE t SET v = 10 WHERE id = 1");
  await eventually(async () => (await asked(one, WHO)).length === 2 && (await rows(one, WHO))[0]?.["v"] === 10);
  await withServer(lagging, (server) => server.run("STOP SLAVE SQL_THREAD"));
  try {
    await eventually(async () => (await asked(one, WHO)).join() === String(following));
    await writer.query("UPDATE t SET v = 99 WHERE id = 1");
    await eventually(async () => (await rows(one, WHO))[0]?.["v"] === 99);
    for (let i = 0; i < 10; i++) expect(await rows(one, WHO)).toEqual([{ port: following, v: 99 }]);
    // With none that follows, one that stands still is better than none.
    await withServer(following, (server) => server.run("STOP SLAVE"));
    await eventually(async () => (await asked(one, WHO)).length === 2);
  } finally {
    await withServer(lagging, (server) => server.run("START SLAVE"));
    await withServer(following, (server) => server.run("START SLAVE"));
  }
  await writer.query("UPDATE t SET v = 10 WHERE id = 1");
  await eventually(async () => (await asked(one, WHO)).length === 2 && (await rows(one, WHO))[0]?.["v"] === 10);
});

test("a replica that is killed is left; reads go on", { timeout: TIMEOUT_MS }, async () => {
  const one = await client("split@replica");
  const victim = processOf("replica", "80-");
  process.kill(victim.pid, "SIGKILL");
  // Reads that were on it fail in a way that drivers try again.
  await eventually(async () => (await rows(one, "SELECT id FROM t WHERE id = 4")).length === 1);
  await eventually(async () => (await asked(one, "SELECT @@global.port AS port FROM t WHERE id = 4")).length === 2);
});

function raw(port: number, more: number): RawClientOptions {
  return { target: { host: "127.0.0.1", port }, user: "root", capabilities: BASE_CAPABILITIES | more };
}

/** What the OK says that answers a statement. */
async function told(on: RawClient, sql: string) {
  on.query(sql);
  const packet = await on.packet(new PacketReader(1 << 16));
  const { statusFlags, info, sessionState } = decodeOk(packet, CLIENT.SESSION_TRACK);
  const changes = sessionState.map((change) => `${change.type} ${stringsOfChange(change).join(" = ")}`);
  return { header: packet[0], statusFlags, info, changes };
}

/** The place of a GTID in its server's log. */
function numberOf(gtid: string): number {
  return Number(gtid.split("-")[2]);
}

/** GTIDs have other numbers each time. */
function masked(change: string): string {
  return change.replace(/= \d+-\d+-\d+$/, "= GTID");
}

/** Ports of the mysqlds that answer `sql` in a number of turns, in order. */
async function asked(on: Connection, sql: string): Promise<number[]> {
  const ports = new Set<number>();
  for (let turn = 0; turn < 6; turn++) ports.add(Number((await rows(on, sql))[0]?.["port"]));
  return [...ports].toSorted((a, b) => a - b);
}

async function rows(on: Connection, sql: string): Promise<RowDataPacket[]> {
  const [found] = await on.query<RowDataPacket[]>(sql);
  return found;
}

async function client(database?: string): Promise<Connection> {
  const where = { host: "127.0.0.1", port: cluster.port, user: "root" };
  const made = await createConnection(database === undefined ? where : { ...where, database });
  made.on("error", () => {});
  clients.push(made);
  return made;
}

function portsOf(type: "primary" | "replica", shard: string): number[] {
  const ports = cluster
    .processes()
    .flatMap((each) => (each.kind === "mysqld" && each.type === type && each.shard === shard ? [each.port] : []));
  return ports.toSorted((a, b) => a - b);
}

function processOf(type: "primary" | "replica", shard: string): ClusterProcess {
  const found = cluster
    .processes()
    .find((each) => each.kind === "mysqld" && each.type === type && each.shard === shard);
  if (found === undefined) throw new Error(`no ${type} of ${shard}`);
  return found;
}
