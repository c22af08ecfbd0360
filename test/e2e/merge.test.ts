// The merge tier through a gateway, beside one MariaDB: sessions, transactions and character sets around it, what it hands to
// the gather tier, and what a client sees when a shard goes away in the middle of its rows.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { withServer } from "../../src/local/server-connection.ts";
import { PacketReader } from "../../src/mysql/packet-reader.ts";
import { decodeErr } from "../../src/mysql/packets/err.ts";
import { until } from "../fixture/until.ts";
import { BASE_CAPABILITIES, RawClient } from "../wire/raw-client.ts";
import { differences } from "../differential/compare.ts";
import { must, Pair, startTwins, TwinClient, type Twins } from "./twin.ts";

let twins: Twins;
let pair: Pair;

const PATIENCE_MS = 60_000;

beforeAll(async () => {
  twins = await startTwins();
  pair = await Pair.open(twins, "s");
  for (let id = 1; id <= 60; id++) {
    const name = ["Ann", "ann ", "BOB", "bob", "Zoë", "zoe", "", "5x"][id % 8] ?? "";
    await pair.same(
      `INSERT INTO c (id, name, email, n) VALUES (${id}, '${name}', 'e${id}', ${id % 7 === 0 ? "NULL" : id % 5})`,
    );
    for (const [table, columns, values] of [
      ["o", "oid, cid, total", `${id * 10}, ${(id * 7) % 66}, ${id * 3}.25`],
      ["i", "iid, cid, oid, sku", `${id}, ${(id * 11) % 70}, ${(id % 40) * 10}, 'sku ${id % 9}'`],
    ] as const) {
      await pair.same(`INSERT INTO ${table} (${columns}) VALUES (${values})`);
    }
  }
});

afterAll(async () => {
  pair?.close();
  await twins?.stop();
});

const NO_GATHER = "/*sg+ NO_GATHER */";

/** Merged, not gathered, on the gateway; a MariaDB takes the directive for a comment. */
function merged(sql: string): Promise<void> {
  return same(sql.replace("SELECT", `SELECT ${NO_GATHER}`));
}

/** Lengths and flags of columns differ between a MariaDB that used a temporary table and one that did not. */
async function same(sql: string): Promise<void> {
  const [got, wanted] = await pair.both(sql);
  const found = differences(sql, got, wanted).filter(
    (difference) => difference !== "lengths" && difference !== "flags",
  );
  expect(found, sql).toEqual([]);
  if (got.kind !== "rows" || wanted.kind !== "rows") return;
  expect([got.inTransaction, got.autocommit]).toEqual([wanted.inTransaction, wanted.autocommit]);
}

async function allSame(statements: readonly string[]): Promise<void> {
  for (const sql of statements) await same(sql);
}

describe("answers", () => {
  test.each([
    "SELECT id, name FROM c ORDER BY n DESC, id",
    "SELECT id, n FROM c ORDER BY name, id LIMIT 7, 13",
    "SELECT n, COUNT(*), SUM(id), AVG(id), MIN(name), MAX(email) FROM c GROUP BY n ORDER BY n",
    "SELECT COUNT(DISTINCT n), AVG(DISTINCT n) FROM c",
    "SELECT DISTINCT n FROM c ORDER BY n DESC",
    "SELECT c.id, o.total, i.sku FROM c JOIN o ON o.cid = c.id JOIN i ON i.oid = o.oid ORDER BY c.id, o.oid, i.iid",
    "SELECT c.id, i.iid FROM c LEFT JOIN i ON i.oid = c.id * 10 ORDER BY c.id, i.iid",
    "SELECT id FROM c WHERE id IN (SELECT oid DIV 10 FROM o WHERE total > 40) ORDER BY id",
    "SELECT n FROM c UNION ALL SELECT cid FROM o WHERE cid < 5 LIMIT 1000",
    "SELECT id FROM c ORDER BY id LIMIT 0",
    "SELECT COUNT(*), SUM(n) FROM c WHERE id < 0",
  ])("%s", merged);

  test("errors of the statement are those of a MariaDB", async () => {
    await same("SELECT nothing FROM c ORDER BY id");
    await same("SELECT id FROM c JOIN o ON o.cid = c.nothing ORDER BY 1");
    await same("SELECT COUNT(*), nothing FROM c");
  });

  test.each([
    // Each row has one.
    ["SELECT id, email + 0 FROM c WHERE id IN (15, 23, 31) ORDER BY id", 3],
    ["SELECT id, id / (n - n) FROM c WHERE n = 2 ORDER BY id", 10],
    // Only rows of the answer count, and each expression once.
    ["SELECT id, id / (id - id) FROM c ORDER BY id LIMIT 4", 4],
    ["SELECT id, id / (id - id) FROM c ORDER BY id LIMIT 3, 4", 4],
    ["SELECT AVG(id / (id - id)) FROM c WHERE n = 2", 10],
    // The constant has one, however many shards look at it.
    ["SELECT id FROM c WHERE n = '3x' ORDER BY id", 1],
    ["SELECT id FROM c WHERE id = '3x' ORDER BY n", 1],
  ])("warnings of %s", async (sql, count) => {
    const [got, wanted] = await pair.both(sql);
    expect(wanted).toMatchObject({ kind: "rows", warnings: count });
    expect(got).toMatchObject({ kind: "rows", warnings: count });
    await same(sql);
    await same("SHOW WARNINGS");
  });
});

describe("rare types", () => {
  beforeAll(async () => {
    const czech = "CHAR(6) CHARACTER SET latin2 COLLATE latin2_czech_cs";
    await pair.same(`ALTER TABLE i ADD COLUMN f FLOAT(7,2), ADD COLUMN z ${czech}`);
    await pair.same("UPDATE i SET f = 1000 + iid / 100, z = ELT(iid % 4 + 1, 'c', 'ch', 'h', 'C')");
  });

  test.each([
    // A sum has digits that it does not show.
    "SELECT AVG(f), SUM(f) FROM i",
    "SELECT sku, AVG(f * 2) FROM i GROUP BY sku ORDER BY sku",
    // Literals do not go together with this collation.
    "SELECT x.iid, y.iid FROM i x JOIN i y ON x.z = y.z AND x.sku < y.sku ORDER BY 1, 2",
    "SELECT z FROM i UNION SELECT z FROM i WHERE iid < 3 ORDER BY 1",
  ])("%s", same);
});

describe("column definitions that are known", () => {
  const onShards = async (sql: string): Promise<void> => {
    for (const port of twins.shardPorts()) {
      const shard = await TwinClient.connect(port);
      await must(shard, "USE s");
      await must(shard, sql);
      shard.close();
    }
  };
  /** How often a shard was asked for those of statements with this in them. */
  const asked = async (mark: string): Promise<number> => {
    let count = 0;
    for (const port of twins.shardPorts()) {
      const shard = await TwinClient.connect(port);
      const [found] = await shard.rows(
        `SELECT COUNT(*) FROM mysql.general_log WHERE argument LIKE '%${mark}%limit 0' AND argument NOT LIKE '%log%'`,
      );
      count += Number(found);
      shard.close();
    }
    return count;
  };

  test("are asked for once for all values of conditions, and again for others and when a table changes", async () => {
    await onShards("SET GLOBAL log_output = 'TABLE', general_log = 1");
    for (const id of [50, 40, 7, 30, 20, 9]) {
      await merged(`SELECT id AS once, email FROM c WHERE id < ${id} AND email IN ('e1', 'e${id - 1}') ORDER BY n, id`);
    }
    // Once a plan: what the gateway learns of the cluster meanwhile may have it planned again.
    expect(await asked("once")).toBeGreaterThan(0);
    expect(await asked("once")).toBeLessThan(4);
    for (const text of ["a", "abc"]) await merged(`SELECT '${text}' AS twice, email FROM c ORDER BY n, id`);
    expect(await asked("twice")).toBeGreaterThan(1);
    await onShards("SET GLOBAL general_log = 0");
    const change = "ALTER TABLE c MODIFY email VARCHAR(222)";
    await onShards(change);
    await must(pair.direct, change);
    await expect
      .poll(
        async () => {
          const [got] = await pair.both("SELECT id AS once, email FROM c WHERE id < 50 AND email <> '' ORDER BY n, id");
          return got.kind === "rows" ? got.columns[1]?.columnLength : undefined;
        },
        { timeout: PATIENCE_MS },
      )
      .toBe(4 * 222);
    await merged("SELECT id AS once, email FROM c WHERE id < 50 AND email IN ('e1', 'e2') ORDER BY n, id");
  });

  test("do not hide a constant's warning", async () => {
    await same("SELECT id FROM c WHERE n = '3' AND id > 0 ORDER BY id");
    await same("SELECT id FROM c WHERE n = '3x' AND id > 0 ORDER BY id");
    await same("SHOW WARNINGS");
  });
});

describe("the session", () => {
  test("its transaction is read in, and goes on", async () => {
    await allSame([
      "BEGIN",
      "UPDATE c SET n = 100 WHERE id IN (1, 2, 3, 4)",
      "SELECT id, n FROM c ORDER BY n DESC, id LIMIT 6",
      "SELECT c.id, o.total FROM c JOIN o ON o.oid = c.id * 10 WHERE c.n = 100 ORDER BY c.id",
      "SELECT c.id, i.iid FROM c LEFT JOIN i ON i.oid = c.id * 10 WHERE c.n = 100 ORDER BY c.id, i.iid",
      "SELECT n, COUNT(*) FROM c GROUP BY n ORDER BY n",
      "SELECT id FROM c ORDER BY id LIMIT 1",
      "UPDATE c SET n = 101 WHERE id = 5",
      "ROLLBACK",
      "SELECT MAX(n) FROM c",
      "SET autocommit = 0",
      "SELECT id, n FROM c ORDER BY n, id LIMIT 3",
      "COMMIT",
      "SET autocommit = 1",
    ]);
  });

  test("its settings decide", async () => {
    await pair.same("SET div_precision_increment = 7");
    await merged("SELECT n, AVG(id) FROM c GROUP BY n ORDER BY AVG(id), n");
    await pair.same("SET div_precision_increment = DEFAULT");
    await pair.same("SET NAMES latin1");
    await merged("SELECT id, name FROM c ORDER BY name DESC, id");
    await same("SELECT c.id, c.name, o.total FROM c JOIN o ON o.oid = c.id * 10 ORDER BY c.id");
    await pair.same("SET NAMES utf8mb4");
  });
});

describe("what does not merge exactly is gathered", () => {
  const exactly = "SELECT id, name FROM c ORDER BY name COLLATE utf8mb4_uca1400_as_cs, id";

  test("a collation that does not compare weight by weight", async () => {
    await same(exactly);
    const forbidden = await pair.gateway.query(exactly.replace("SELECT", `SELECT ${NO_GATHER}`));
    expect(forbidden.kind).toBe("error");
    await merged("SELECT id, name FROM c ORDER BY name COLLATE utf8mb4_bin, id");
  });

  test("in a transaction, too", async () => {
    await allSame(["BEGIN", "UPDATE c SET name = 'ä' WHERE id = 9", exactly, "ROLLBACK", exactly]);
  });
});

describe("a shard that goes away in the middle", () => {
  test("ends the rows with an error", { timeout: 3 * PATIENCE_MS }, async () => {
    const ports = twins.shardPorts();
    const rows = Array.from({ length: 400 }, (_, id) => `(${id}, 'room ${id % 17}', REPEAT('x', 60000))`);
    for (let from = 0; from < rows.length; from += 20) {
      await must(pair.gateway, `REPLACE INTO m VALUES ${rows.slice(from, from + 20).join(",")}`);
    }
    const client = await RawClient.login({
      target: { host: "127.0.0.1", port: twins.cluster.port },
      user: "root",
      capabilities: BASE_CAPABILITIES,
    });
    client.query("SELECT mid, body FROM s.m ORDER BY mid");
    const first = await client.chunk();
    client.socket.pause();
    // Nobody reads: what is on its way fills up, and the shards wait with the rest.
    const killed = await killReaders(ports[0] ?? 0);
    expect(killed).toBeGreaterThan(0);
    client.socket.resume();
    const reader = new PacketReader(1 << 24);
    reader.expectSequence(1);
    reader.push(first);
    let count = 0;
    for (;;) {
      const packet = await client.packet(reader);
      if (packet[0] === 0xff) {
        expect([1317, 1927, 2013, 1053]).toContain(decodeErr(packet).errno);
        break;
      }
      // Count, definitions and their EOF come before.
      expect(count > 3 && packet[0] === 0xfe && packet.length < 9, "an EOF ends the rows").toBe(false);
      count++;
    }
    expect(count).toBeLessThan(rows.length);
    client.close();
    const after = await TwinClient.connect(twins.cluster.port);
    expect(await after.rows("SELECT COUNT(*) FROM s.m")).toEqual([String(rows.length)]);
    after.close();
  });

  test("a client that vanishes leaves nothing running", { timeout: 3 * PATIENCE_MS }, async () => {
    const client = await RawClient.login({
      target: { host: "127.0.0.1", port: twins.cluster.port },
      user: "root",
      capabilities: BASE_CAPABILITIES,
    });
    client.query("SELECT id, SLEEP(1000) FROM s.c ORDER BY n, id");
    await until(async () => (await sleepers()) > 0);
    client.socket.destroy();
    await until(async () => (await sleepers()) === 0);
  });
});

const READERS = "command = 'Query' AND info LIKE '%body%' AND info LIKE '%order by%' AND id <> CONNECTION_ID()";

/** Waits for the statements that read `m` in order on a shard, and ends their connections. */
async function killReaders(port: number): Promise<number> {
  return withServer(port, async (server) => {
    const list = `SELECT COALESCE(GROUP_CONCAT(id), '') FROM information_schema.processlist WHERE ${READERS}`;
    let ids = "";
    await until(async () => {
      ids = String(await server.value(list));
      return ids !== "";
    });
    const all = ids.split(",");
    for (const id of all) await server.run(`KILL CONNECTION ${id}`);
    return all.length;
  });
}

/** Statements that sleep, on all shards. */
async function sleepers(): Promise<number> {
  const count =
    "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE '%sleep(1000)%' AND id <> CONNECTION_ID()";
  const counts = await Promise.all(
    twins.shardPorts().map((port) => withServer(port, async (server) => Number(await server.value(count)))),
  );
  return counts.reduce((sum, each) => sum + each, 0);
}
