// Connections of real clients through real processes: statements and rows of many MiB, compression, the Unix socket, what a
// proxy says of a client, idle clients. How many may connect, floods and drains are in test/unit/gateway.

import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Connection, type ConnectionOptions, createConnection, type RowDataPacket } from "mysql2/promise";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Cluster } from "../../src/local/cluster.ts";
import { withServer } from "../../src/local/server-connection.ts";
import { startCluster } from "../fixture/cluster.ts";
import { hashedBy } from "../fixture/hashed.ts";
import { failureOf } from "./load.ts";

const MIB = 1024 * 1024;
const TIMEOUT_MS = 480_000;
// Longer than what names of servers usually are.
const folder = mkdtempSync(join(tmpdir(), `sg-con-${"long-".repeat(12)}`));
const socketPath = join(folder, "gateway.sock");
let cluster: Cluster;
let clients: Connection[] = [];

beforeAll(async () => {
  cluster = await startCluster({
    topo: "etcd",
    gatewayArgs: [
      "--interactive-timeout",
      "7200",
      "--socket",
      socketPath,
      "--socket-mode",
      "700",
      "--proxy-protocol-networks",
      "127.0.0.0/8",
      "--max-allowed-packet",
      String(100 * MIB),
    ],
    keyspaces: {
      plain: { sql: "CREATE TABLE blobs (id BIGINT PRIMARY KEY, b LONGBLOB)" },
      split: {
        shards: 2,
        vschema: hashedBy({ blobs: "id" }),
        sql: "CREATE TABLE blobs (id BIGINT PRIMARY KEY, b LONGBLOB)",
      },
    },
  });
}, TIMEOUT_MS);

afterEach(async () => {
  for (const client of clients) client.destroy();
  clients = [];
  // What a test has left that did not come to its end.
  const client = await clientOf();
  for (const database of ["plain", "split"]) await client.query(`DELETE FROM ${database}.blobs`);
});

afterAll(async () => {
  await cluster?.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function clientOf(options: ConnectionOptions = {}): Promise<Connection> {
  const client = await createConnection({ host: "127.0.0.1", port: cluster.port, user: "root", ...options });
  client.on("error", () => {});
  clients.push(client);
  return client;
}

async function rowOf(client: Connection, sql: string): Promise<RowDataPacket> {
  const [rows] = await client.query<RowDataPacket[]>(sql);
  return rows[0] ?? ({} as RowDataPacket);
}

/** Says a value back: the value need not travel to be compared. */
function digest(bytes: Buffer): string {
  return createHash("md5").update(bytes).digest("hex");
}

/** Bytes of which no two stretches are alike. */
function bytesOf(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let state = length;
  for (let at = 0; at + 4 <= length; at += 4) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes.writeUInt32LE(state, at);
  }
  return bytes;
}

describe("large statements and rows", { timeout: TIMEOUT_MS }, () => {
  test.each(["plain", "split"])("a value of 20 MiB goes in and comes back: %s", async (database) => {
    const client = await clientOf({ database });
    const bytes = bytesOf(20 * MIB);
    await client.query(`INSERT INTO blobs (id, b) VALUES (1, x'${bytes.toString("hex")}'), (4, 'short')`);
    expect(await rowOf(client, "SELECT MD5(b) AS m, LENGTH(b) AS n FROM blobs WHERE id = 1")).toEqual({
      m: digest(bytes),
      n: bytes.length,
    });
    const { b } = await rowOf(client, "SELECT b FROM blobs WHERE id = 1");
    expect(digest(b)).toBe(digest(bytes));
    const [both] = await client.query<RowDataPacket[]>("SELECT id, b FROM blobs ORDER BY id");
    expect(both.map(({ id }) => id)).toEqual([1, 4]);
    expect(digest(both[0]?.["b"])).toBe(digest(bytes));
    expect(String(both[1]?.["b"])).toBe("short");
    await client.query("DELETE FROM blobs WHERE id IN (1, 4)");
  });

  // The row is the cell with its length in 4 or 9 bytes, and the 7 bytes of the other one.
  test.each([0xffffff - 11, 0xffffff - 10, 2 * 0xffffff - 16, 40 * MIB])(
    "a row with a cell of %i bytes",
    async (bytes) => {
      const client = await clientOf({ database: "plain" });
      const row = await rowOf(client, `SELECT LEFT(REPEAT('ab', ${bytes}), ${bytes}) AS r, 'behind' AS s`);
      expect(row["r"]).toHaveLength(bytes);
      expect(row["s"]).toBe("behind");
      expect(await rowOf(client, "SELECT 1 AS one")).toEqual({ one: 1 });
    },
  );

  test("what a client may send is what it is shown", async () => {
    const client = await clientOf({ database: "plain" });
    // The servers have 128 MiB.
    expect(await rowOf(client, "SELECT @@max_allowed_packet, @@session.max_allowed_packet - 1 AS less")).toEqual({
      "@@max_allowed_packet": 100 * MIB,
      less: 100 * MIB - 1,
    });
    const [shown] = await client.query<RowDataPacket[]>("SHOW VARIABLES LIKE 'max_allowed_packet'");
    expect(shown).toEqual([{ Variable_name: "max_allowed_packet", Value: String(100 * MIB) }]);
    // New sessions may send as much.
    expect(await rowOf(client, "SELECT @@global.max_allowed_packet AS g")).toEqual({ g: 100 * MIB });
  });

  test("above the gateway's max_allowed_packet: 1153, and the connection ends", async () => {
    const client = await clientOf();
    expect(await failureOf(client.query(`SELECT '${"x".repeat(101 * MIB)}'`))).toMatchObject({
      errno: 1153,
      sqlState: "08S01",
    });
    await expect(client.query("SELECT 1")).rejects.toThrow();
  });

  test("above a server's: 1153, and neither the transaction nor the connection is lost", async () => {
    const socket = cluster.processes().find(({ name }) => name === "mysqld plain/0")?.socket ?? "";
    const client = await clientOf({ database: "plain" });
    await withServer(socket, (server) => server.run(`SET GLOBAL max_allowed_packet = ${MIB}`));
    try {
      const large = `SELECT LENGTH('${"x".repeat(2 * MIB)}') AS n FROM blobs`;
      // The tablet looks at it twice a second.
      for (const startMs = performance.now(); ; ) {
        const failure = await client.query(large).catch((error: unknown) => error);
        if (failure instanceof Error && "errno" in failure && failure.errno === 1153) break;
        expect(performance.now() - startMs).toBeLessThan(60_000);
      }
      await client.query("BEGIN");
      await client.query("INSERT INTO blobs VALUES (7, 'kept')");
      expect(await failureOf(client.query(large))).toMatchObject({ errno: 1153, sqlState: "08S01" });
      await client.query("COMMIT");
      expect(String((await rowOf(client, "SELECT b FROM blobs WHERE id = 7"))["b"])).toBe("kept");
    } finally {
      await withServer(socket, (server) => server.run(`SET GLOBAL max_allowed_packet = ${128 * MIB}`));
    }
  });
});

describe("compression", { timeout: TIMEOUT_MS }, () => {
  test("mysql2: statements, rows, errors and transactions", async () => {
    const client = await clientOf({ compress: true, database: "split" });
    const bytes = bytesOf(3 * MIB);
    await client.query(`INSERT INTO blobs (id, b) VALUES (10, x'${bytes.toString("hex")}'), (11, 'é')`);
    const [rows] = await client.query<RowDataPacket[]>("SELECT id, b FROM blobs WHERE id IN (10, 11) ORDER BY id DESC");
    expect(String(rows[0]?.["b"])).toBe("é");
    expect(digest(rows[1]?.["b"])).toBe(digest(bytes));
    expect(await failureOf(client.query("SELECT nothing FROM blobs"))).toMatchObject({ errno: 1054 });
    await client.query("BEGIN");
    await client.query("DELETE FROM blobs WHERE id = 11");
    await client.query("ROLLBACK");
    expect(await rowOf(client, "SELECT COUNT(*) AS n FROM blobs")).toEqual({ n: 2 });
    const [prepared] = await client.execute<RowDataPacket[]>("SELECT LENGTH(b) AS n FROM blobs WHERE id = ?", [10]);
    expect(prepared).toEqual([{ n: bytes.length }]);
    await client.query("DELETE FROM blobs");
  });

  // Drivers of this machine look for it, and go on over it.
  test("@@socket is the gateway's, not a mysqld's", async () => {
    const client = await clientOf({ database: "split" });
    expect(await rowOf(client, "SELECT @@socket AS s, @@global.socket AS g")).toEqual({ s: socketPath, g: socketPath });
    expect(await rowOf(client, "SHOW VARIABLES LIKE 'socket'")).toMatchObject({ Value: socketPath });
    expect(await rowOf(client, "SHOW GLOBAL VARIABLES LIKE 'socket'")).toMatchObject({ Value: socketPath });
  });

  test("@@port and @@hostname are the gateway's, but of a shard that is selected, and beside rows", async () => {
    const client = await clientOf({ database: "split" });
    expect(await rowOf(client, "SELECT @@port AS p, @@hostname AS h")).toEqual({ p: cluster.port, h: hostname() });
    expect(await rowOf(client, "SHOW VARIABLES LIKE 'port'")).toMatchObject({ Value: String(cluster.port) });
    const beside = `SELECT COUNT(*) >= 0 AS counted, @@port <> ${cluster.port} AS other FROM plain.blobs`;
    expect(await rowOf(client, beside)).toEqual({ counted: 1, other: 1 });
    await client.query("USE `split:-80`");
    expect(await rowOf(client, `SELECT @@port <> ${cluster.port} AS other`)).toEqual({ other: 1 });
  });

  test("the mariadb command line, over the Unix socket, too", async () => {
    const flags = ["--no-defaults", "--compress", "-uroot", "-N"];
    const sql = "SELECT LENGTH(REPEAT('x', 300000)); SELECT REPEAT('abc', 100000); SELECT 'last'";
    const wanted = `300000\n${"abc".repeat(100_000)}\nlast\n`;
    for (const where of [["-h127.0.0.1", `-P${cluster.port}`], [`--socket=${socketPath}`]]) {
      const { stdout } = await promisify(execFile)("mariadb", [...flags, ...where, "-e", sql], { maxBuffer: 8 * MIB });
      expect(stdout).toBe(wanted);
    }
    const { stdout } = await promisify(execFile)("mariadb", [
      ...flags,
      `--socket=${socketPath}`,
      "-e",
      "SHOW STATUS LIKE 'Compression'; SELECT USER()",
    ]);
    expect(stdout).toBe("Compression\tON\nroot@localhost\n");
  });
});

describe("where a client is", { timeout: TIMEOUT_MS }, () => {
  test("the process list has what the proxy says, and root is from this machine only", async () => {
    const proxied = await proxyOf("PROXY TCP4 127.0.0.1 127.0.0.1 4711 3306\r\n");
    const elsewhere = await proxyOf("PROXY TCP4 192.0.2.7 127.0.0.1 4711 3306\r\n");
    try {
      const client = await clientOf({ port: proxied.port });
      expect(await rowOf(client, "SELECT USER() AS u")).toEqual({ u: "root@127.0.0.1" });
      const [list] = await client.query<RowDataPacket[]>("SHOW PROCESSLIST");
      expect(list.map((row) => row["Host"])).toContain("127.0.0.1:4711");
      expect(await failureOf(clientOf({ port: elsewhere.port }))).toMatchObject({
        errno: 1045,
        message: "Access denied for user 'root'@'192.0.2.7' (using password: NO)",
      });
    } finally {
      proxied.close();
      elsewhere.close();
    }
  });
});

describe("idle clients", { timeout: TIMEOUT_MS }, () => {
  test("go after wait_timeout, as on MariaDB without a word, with what they have begun", async () => {
    const [idle, other] = [await clientOf({ database: "plain" }), await clientOf({ database: "plain" })];
    const ended = new Promise<unknown>((resolve) => {
      idle.on("error", resolve);
      idle.on("end", resolve);
    });
    await other.query("INSERT INTO blobs VALUES (20, 'x')");
    await idle.query("BEGIN");
    await idle.query("DELETE FROM blobs WHERE id = 20");
    await idle.query("SET wait_timeout = 1");
    await ended;
    // Its locks are gone with it.
    await other.query("DELETE FROM blobs WHERE id = 20");
    expect(await rowOf(other, "SELECT @@wait_timeout AS s")).toEqual({ s: 28_800 });
  });

  test("interactive ones begin with interactive_timeout", async () => {
    const client = await clientOf({ flags: ["INTERACTIVE"] });
    const asked = "SELECT @@wait_timeout AS w, @@interactive_timeout AS i";
    expect(await rowOf(client, asked)).toEqual({ w: 7_200, i: 7_200 });
    await client.query("SET wait_timeout = DEFAULT, interactive_timeout = 60");
    expect(await rowOf(client, asked)).toEqual({ w: 28_800, i: 60 });
    await client.changeUser({ user: "root" });
    expect((await rowOf(client, asked))["i"]).toBe(7_200);
  });
});

/** A proxy that says `header` of each connection it passes on. */
async function proxyOf(header: string): Promise<{ readonly port: number; close(): void }> {
  const server = createServer((client) => {
    const gateway = connect({ host: "127.0.0.1", port: cluster.port });
    gateway.write(header);
    client.pipe(gateway).pipe(client);
    client.on("error", () => gateway.destroy());
    gateway.on("error", () => client.destroy());
  });
  const port = await new Promise<number>((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : 0);
    });
  });
  return { port, close: () => server.close() };
}
