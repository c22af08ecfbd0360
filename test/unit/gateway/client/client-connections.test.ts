// Who may connect, from where, how many and for how long; and how a gateway that stops lets them go. Real sockets and
// drivers, with a session of a few words behind them.

import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Connection, RowDataPacket } from "mysql2/promise";
import { afterEach, describe, expect, test } from "vitest";
import { systemClock } from "../../../../src/base/clock.ts";
import { ShardgateError } from "../../../../src/base/errors.ts";
import { LIMITS } from "../../../../src/base/limits.ts";
import { silentLog } from "../../../../src/base/log.ts";
import { listenUnix } from "../../../../src/base/listen.ts";
import { parseProxyNetworks } from "../../../../src/gateway/client/proxy-protocol.ts";
import { FileReloader } from "../../../../src/base/reloaded-files.ts";
import { hashPassword, parseUsers, Users } from "../../../../src/gateway/access/users.ts";
import { COM } from "../../../../src/mysql/constants.ts";
import { writeFrame } from "../../../../src/mysql/frame.ts";
import { PacketReader } from "../../../../src/mysql/packet-reader.ts";
import { decodeErr } from "../../../../src/mysql/packets/err.ts";
import { DrivenClock } from "../../../fixture/driven-clock.ts";
import { RawClient } from "../../../wire/raw-client.ts";
import { type Bed, type BedOptions, eventually, startBed } from "../client-bed.ts";

const dir = mkdtempSync(join(tmpdir(), "sg-conn-"));
let beds: Bed[] = [];
let sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await Promise.all(beds.map((bed) => bed.close()));
  beds = [];
  sockets = [];
  rmSync(dir, { recursive: true, force: true });
});

async function bedWith(options: BedOptions): Promise<Bed> {
  const bed = await startBed(options);
  beds.push(bed);
  return bed;
}

async function socketTo(bed: Bed): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port: bed.port });
  socket.on("error", () => {});
  socket.resume();
  sockets.push(socket);
  await once(socket, "connect");
  return socket;
}

async function valueOf(connection: Connection, sql: string): Promise<unknown> {
  return (await connection.query<RowDataPacket[]>(sql))[0][0]?.["v"];
}

/** mysql2 gives the errno of an ERR packet that nobody asked for as `code`. */
function errorOf(connection: Connection): Promise<unknown> {
  return new Promise((resolve) => {
    connection.on("error", resolve);
  });
}

function usersOf(users: object): Users {
  return new Users(parseUsers(JSON.stringify({ users })));
}

const ANY = { emptyPassword: true, rights: { "*": ["read"] } };
const ADMIN = { emptyPassword: true, rights: { "*": ["admin"] } };

describe("how many", () => {
  test("those that leave without a goodbye, or have never logged in, are counted", async () => {
    const bed = await bedWith({ users: usersOf({ app: ANY }) });
    const { connections } = bed;
    await (await bed.connect({ user: "app" })).end();
    await eventually(() => connections.size === 0);
    expect(connections.totals).toMatchObject({ accepted: 1, aborted: 0, unknown: 0, most: 1 });
    (await bed.connect({ user: "app" })).destroy();
    await eventually(() => connections.size === 0);
    expect(connections.totals).toMatchObject({ accepted: 2, aborted: 1, unknown: 0, most: 1 });
    await expect(bed.connect({ user: "nobody" })).rejects.toMatchObject({ errno: 1045 });
    await eventually(() => connections.size === 0);
    expect(connections.totals).toMatchObject({ accepted: 3, aborted: 1, unknown: 1, most: 1 });
  });

  test("in total, and one more for an administrator", async () => {
    const bed = await bedWith({ limits: { connectionsMax: 2 }, users: usersOf({ app: ANY, boss: ADMIN }) });
    const first = await bed.connect({ user: "app" });
    await bed.connect({ user: "app" });
    await expect(bed.connect({ user: "app" })).rejects.toMatchObject({ errno: 1040, sqlState: "08004" });
    const boss = await bed.connect({ user: "boss" });
    await expect(bed.connect({ user: "boss" })).rejects.toMatchObject({ errno: 1040 });
    await boss.end();
    await first.end();
    await eventually(() => bed.connections.size === 1);
    await bed.connect({ user: "app" });
  });

  test("of one user: by the users file 1226, by the flag 1203", async () => {
    const users = usersOf({ few: { ...ANY, maxConnections: 1 }, many: { ...ANY, maxConnections: 3 }, other: ANY });
    const bed = await bedWith({ limits: { userConnectionsMax: 2 }, users });
    const few = await bed.connect({ user: "few" });
    await expect(bed.connect({ user: "few" })).rejects.toMatchObject({
      errno: 1226,
      sqlState: "42000",
      message: "User 'few' has exceeded the 'max_user_connections' resource (current value: 1)",
    });
    for (let n = 0; n < 2; n++) await bed.connect({ user: "other" });
    await expect(bed.connect({ user: "other" })).rejects.toMatchObject({ errno: 1203, sqlState: "42000" });
    for (let n = 0; n < 3; n++) await bed.connect({ user: "many" });
    await few.end();
    await eventually(() => bed.connections.size === 5);
    await bed.connect({ user: "few" });
  });

  test("a flood of sockets that never log in hinders nobody", async () => {
    const bed = await bedWith({});
    const flood = await Promise.all(Array.from({ length: 700 }, () => socketTo(bed)));
    expect(bed.connections.size).toBeLessThanOrEqual(LIMITS.unknownConnectionsMax);
    const client = await bed.connect();
    expect(await valueOf(client, "say 2")).toBe("Th");
    await eventually(() => flood.filter(({ destroyed }) => destroyed).length >= 700 - LIMITS.unknownConnectionsMax);
  });

  test("silent sockets give way also at the total", async () => {
    const bed = await bedWith({ limits: { connectionsMax: 5 } });
    for (let n = 0; n < 6; n++) await socketTo(bed);
    await eventually(async () => {
      const client = await bed.connect().catch(() => undefined);
      return client !== undefined;
    });
  });
});

describe("how long", () => {
  test("a login that never ends is closed, whatever trickles in", async () => {
    const bed = await bedWith({ limits: { loginTimeoutMs: 500 } });
    const [silent, slow] = [await socketTo(bed), await socketTo(bed)];
    const trickle = setInterval(() => slow.write(Buffer.of(1)), 50);
    await eventually(() => silent.destroyed && slow.destroyed);
    clearInterval(trickle);
    await eventually(() => bed.connections.size === 0);
    await eventually(async () => (await bed.connect().catch(() => undefined)) !== undefined);
    // Also those of logins that a pause of the machine has made too long.
    await eventually(() => bed.connections.size === 1);
  });

  test("an idle client is closed without a word, or with 4031", async () => {
    const quiet = await bedWith({ idleTimeoutMs: 300 });
    const client = await RawClient.login({ target: { host: "127.0.0.1", port: quiet.port }, user: "root" });
    await expect(client.chunk()).rejects.toThrow("connection closed");

    const idleError = new ShardgateError("ER_CLIENT_INTERACTION_TIMEOUT", "inactive");
    const told = await bedWith({ idleTimeoutMs: 300, idleError });
    const other = await RawClient.login({ target: { host: "127.0.0.1", port: told.port }, user: "root" });
    const packet = await other.packet(new PacketReader(1_000));
    expect(decodeErr(packet)).toMatchObject({ errno: 4031, sqlState: "HY000" });
    await expect(other.chunk()).rejects.toThrow("connection closed");
  });

  test("an idle client is closed soon after its time, wherever between two sweeps that is", async () => {
    const clock = new DrivenClock();
    const bed = await startBed({ idleTimeoutMs: 2_000, clock });
    clock.advance(10);
    const client = await RawClient.login({ target: { host: "127.0.0.1", port: bed.port }, user: "root" });
    clock.advance(1_990);
    expect(bed.connections.sessions()).toHaveLength(1);
    clock.advance(260);
    expect(bed.connections.sessions()).toHaveLength(0);
    await expect(client.chunk()).rejects.toThrow("connection closed");
    // What closes waits by the clock, too.
    const ticking = setInterval(() => {
      clock.advance(100);
    }, 5);
    await bed.close();
    clearInterval(ticking);
  });

  test("a client that stops inside a packet, or its file, is closed", async () => {
    const bed = await bedWith({ limits: { readTimeoutMs: 300 } });
    const target = { host: "127.0.0.1", port: bed.port };
    const [inPacket, inFile, waiting] = [
      await RawClient.login({ target, user: "root" }),
      await RawClient.login({ target, user: "root" }),
      await bed.connect(),
    ];
    inPacket.write(Buffer.from("1000000003", "hex"));
    inFile.query("file");
    const answer = waiting.query("wait").catch((error: unknown) => error);
    await eventually(() => inPacket.socket.destroyed && inFile.socket.destroyed);
    await eventually(() => bed.connections.size === 1);
    for (const session of bed.connections.sessions()) session.interrupt(new ShardgateError("CANCELLED", "enough"));
    expect(await answer).toMatchObject({ errno: 1317 });
  });

  test("a busy client is not idle", async () => {
    const bed = await bedWith({});
    const waiting = await bed.connect();
    const answer = waiting.query("wait").catch((error: unknown) => error);
    await eventually(() => bed.connections.sessions().some(({ isWaiting }) => isWaiting));
    for (const session of bed.connections.sessions()) session.idleTimeoutMs = 1;
    // The sweep comes by several times a second.
    await new Promise((resolve) => {
      setTimeout(resolve, 2_500);
    });
    for (const session of bed.connections.sessions()) session.interrupt(new ShardgateError("CANCELLED", "enough"));
    expect(await answer).toMatchObject({ errno: 1317 });
  });
});

describe("a drain", () => {
  const goodbye = new ShardgateError("ER_SERVER_SHUTDOWN", "Server shutdown in progress");

  test("tells idle clients, lets transactions and statements end, refuses logins", async () => {
    const bed = await bedWith({});
    const [idle, inTransaction, late] = [await bed.connect(), await bed.connect(), await socketTo(bed)];
    late.write(Buffer.of(1));
    const farewell = errorOf(idle);
    await inTransaction.query("begin");
    await eventually(() => bed.connections.size === 3);
    let drained = false;
    const done = bed.connections.drain(goodbye, 20_000).then(() => {
      drained = true;
    });
    expect(await farewell).toMatchObject({ code: 1053 });
    expect(await valueOf(inTransaction, "say 3")).toBe("The");
    await expect(bed.connect()).rejects.toMatchObject({ errno: 1053, sqlState: "08S01" });
    late.destroy();
    await eventually(() => bed.connections.size === 1);
    expect(drained).toBe(false);
    const ended = errorOf(inTransaction);
    await inTransaction.query("commit");
    expect(await ended).toMatchObject({ code: 1053 });
    await done;
    expect(bed.connections.size).toBe(0);
  });

  test("leaves those alone who pause only shortly between their statements", async () => {
    const bed = await bedWith({});
    const [busy, early] = [await bed.connect(), await socketTo(bed)];
    await eventually(() => bed.connections.size === 2);
    const done = bed.connections.drain(goodbye, 20_000);
    const startMs = performance.now();
    for (let sinceMs = startMs; sinceMs - startMs < 3 * LIMITS.drainQuietMs; sinceMs = performance.now()) {
      const answer = await valueOf(busy, "say 3").catch((error: unknown) => error);
      // A machine that stood still has paused.
      if (performance.now() - sinceMs > LIMITS.drainQuietMs / 2) break;
      expect(answer).toBe("The");
    }
    early.destroy();
    await done;
    expect(bed.connections.size).toBe(0);
  });

  test("ends those that never pause behind an answer", async () => {
    const bed = await bedWith({});
    const busy = await bed.connect();
    let answers = 0;
    const loop = (async (): Promise<unknown> => {
      for (;;) {
        try {
          await busy.query("say 3");
          answers++;
        } catch (error) {
          return error;
        }
      }
    })();
    await eventually(() => answers > 0);
    await bed.connections.drain(goodbye, 800);
    const error = await loop;
    expect(String(error)).not.toMatch(/interrupt/i);
    expect(bed.connections.size).toBe(0);
  });

  test("stops what is left at its end", async () => {
    const bed = await bedWith({});
    const [busy, inTransaction] = [await bed.connect(), await bed.connect()];
    await inTransaction.query("begin");
    const farewell = errorOf(inTransaction);
    const answer = busy.query("wait").catch((error: unknown) => error);
    await eventually(() => bed.connections.sessions().some(({ isWaiting }) => isWaiting));
    await bed.connections.drain(goodbye, 200);
    expect(await answer).toMatchObject({ errno: 1053, sqlState: "08S01" });
    expect(await farewell).toMatchObject({ code: 1053 });
    expect(bed.connections.size).toBe(0);
  });
});

/** Query attributes would count as part of the statement's packet. */
const NO_ATTRIBUTES = ["-CLIENT_QUERY_ATTRIBUTES", "-QUERY_ATTRIBUTES"];

describe("statements", () => {
  test.each([0xfffffe, 0xffffff, 0x1000000, 2 * 0xffffff, 2 * 0xffffff + 5])("of %i bytes arrive", async (bytes) => {
    const bed = await bedWith({});
    // mysql2 sends an empty packet too many behind one of 0xfffffe bytes.
    const client = await RawClient.login({ target: { host: "127.0.0.1", port: bed.port }, user: "root" });
    const reader = new PacketReader(64 * 1024 * 1024);
    const rowOf = async (): Promise<Buffer> => {
      const packets: Buffer[] = [];
      while (packets.length < 5) packets.push(await client.packet(reader));
      return packets[3] ?? Buffer.alloc(0);
    };
    // The packet has the command byte, too.
    client.query(`size${" ".repeat(bytes - 5)}`);
    expect((await rowOf()).toString("latin1", 1)).toBe(String(bytes - 1));
    // Four or nine bytes say how long the cell is.
    const cellBytes = bytes - (bytes > 0xffffff + 4 ? 9 : 4);
    client.query(`say ${cellBytes}`);
    expect(await rowOf()).toHaveLength(bytes);
    client.query("say 2");
    expect((await rowOf()).toString("latin1", 1)).toBe("Th");
    client.close();
  });

  test.each([false, true])("larger than max_allowed_packet: 1153, then the end (compressed: %s)", async (compress) => {
    const bed = await bedWith({ limits: { packetBytesMax: 100_000 } });
    const client = await bed.connect({ compress, flags: NO_ATTRIBUTES });
    expect(await valueOf(client, `size${" ".repeat(99_994)}`)).toBe("99998");
    const exactly = await bed.connect({ compress, flags: NO_ATTRIBUTES });
    await expect(exactly.query(`size${" ".repeat(99_995)}`)).rejects.toMatchObject({ errno: 1153 });
    await expect(client.query(`size${" ".repeat(5_000_000)}`)).rejects.toMatchObject({
      errno: 1153,
      sqlState: "08S01",
      message: "Got a packet bigger than 'max_allowed_packet' bytes",
    });
    await eventually(() => bed.connections.size === 0);
    const other = await bed.connect();
    expect(await valueOf(other, "say 1")).toBe("T");
  });
});

describe("statements that are too large", () => {
  const limits = { packetBytesMax: 100_000 };

  test("whoever sends all of it before reading gets to read the refusal", async () => {
    const bed = await bedWith({ limits });
    const client = await RawClient.login({ target: { host: "127.0.0.1", port: bed.port }, user: "root" });
    client.socket.pause();
    const bytes = writeFrame(Buffer.alloc(20_000_000, COM.QUERY), 0);
    await new Promise((resolve) => {
      client.socket.write(bytes, resolve);
    });
    client.socket.resume();
    const reader = new PacketReader(1_000);
    expect(decodeErr(await client.packet(reader))).toMatchObject({ errno: 1153, sqlState: "08S01" });
    // C clients insist on it: the statement's packets were 0 and 1.
    expect(reader.sequenceId).toBe(2);
    await eventually(() => client.socket.destroyed);
  });
});

describe("from where", () => {
  const remoteUsers = usersOf({ local: { ...ANY, loopbackOnly: true }, any: ANY });
  const header = "PROXY TCP4 192.0.2.9 198.51.100.1 51234 3306\r\n";

  /** Logs in behind a header that a proxy would have sent. */
  async function behind(bed: Bed, said: string, user: string, pieces = 1): Promise<RawClient> {
    const proxy = createServer((client) => {
      const server = connect({ host: "127.0.0.1", port: bed.port });
      sockets.push(client, server);
      server.setNoDelay(true);
      const step = Math.ceil(said.length / pieces);
      for (let at = 0; at < said.length; at += step) setTimeout(() => server.write(said.slice(at, at + step)), at);
      setTimeout(() => client.pipe(server).pipe(client), said.length + 5);
      client.on("error", () => {});
      server.on("error", () => {});
    });
    proxy.listen(0, "127.0.0.1");
    await once(proxy, "listening");
    const address = proxy.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    try {
      return await RawClient.login({ target: { host: "127.0.0.1", port }, user });
    } finally {
      proxy.close();
    }
  }

  async function whereOf(client: RawClient): Promise<string> {
    client.query("where");
    const reader = new PacketReader(1_000);
    const packets = [];
    for (let n = 0; n < 4; n++) packets.push(await client.packet(reader));
    return packets[3]?.toString("latin1", 1) ?? "";
  }

  test("what a listed proxy says counts, and is no loopback", async () => {
    const bed = await bedWith({ users: remoteUsers, proxyNetworks: parseProxyNetworks("127.0.0.0/8") });
    expect(await whereOf(await behind(bed, header, "any"))).toBe("any@192.0.2.9:51234");
    expect(await whereOf(await behind(bed, header, "any", header.length))).toBe("any@192.0.2.9:51234");
    await expect(behind(bed, header, "local")).rejects.toMatchObject({
      errno: 1045,
      message: "Access denied for user 'local'@'192.0.2.9' (using password: NO)",
    });
    const unknown = "PROXY UNKNOWN\r\n";
    expect(await whereOf(await behind(bed, unknown, "local"))).toMatch(/^local@127\.0\.0\.1:\d+$/);
    const here = "PROXY TCP4 127.0.0.1 127.0.0.1 77 3306\r\n";
    expect(await whereOf(await behind(bed, here, "local"))).toBe("local@127.0.0.1:77");
    // It may do without.
    expect(await valueOf(await bed.connect({ user: "local" }), "where")).toMatch(/^local@127\.0\.0\.1:\d+$/);
    await expect(behind(bed, "PROXY NONSENSE\r\n", "any")).rejects.toMatchObject({ errno: 1043 });
  });

  test("nobody else may say anything", async () => {
    const bed = await bedWith({ users: remoteUsers, proxyNetworks: parseProxyNetworks("192.0.2.0/24") });
    await expect(behind(bed, header, "any")).rejects.toMatchObject({
      errno: 1130,
      message: "Proxy header is not accepted from 127.0.0.1",
    });
    expect(await valueOf(await bed.connect({ user: "any" }), "say 1")).toBe("T");
  });

  test("a Unix socket: of this machine, and safe", async () => {
    const path = join(mkdtempSync(join(tmpdir(), "sg-sock-")), "s");
    const hashes = await hashPassword("secret");
    const users = usersOf({
      // A full login, which no RSA key makes possible here.
      sha2: { caching_sha2_password: hashes.caching_sha2_password, loopbackOnly: true, requireTls: true, rights: {} },
    });
    const bed = await bedWith({ users, unixSocket: path });
    expect(statSync(path).mode & 0o777).toBe(0o700);
    const client = await bed.connect({ socketPath: path, user: "sha2", password: "secret" });
    expect(await valueOf(client, "where")).toBe("sha2@localhost");
    await client.end();
    await bed.close();
    beds = [];
    expect(existsSync(path)).toBe(false);
    rmSync(join(path, ".."), { recursive: true });
  });

  test("a socket's file is taken over from the dead, not from the living, nor any other file", async () => {
    const folder = mkdtempSync(join(tmpdir(), "sg-sock-"));
    const path = join(folder, "s");
    const first = await listenUnix(path, 0o777, () => {}, silentLog);
    await expect(listenUnix(path, 0o777, () => {}, silentLog)).rejects.toThrow("another process listens there");
    expect(existsSync(path)).toBe(true);
    await first.close();

    // What a killed process leaves: a socket's file that nobody listens on.
    const { spawnSync } = await import("node:child_process");
    const script = `require("net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`;
    spawnSync(process.execPath, ["-e", script]);
    expect(existsSync(path)).toBe(true);
    const second = await listenUnix(path, 0o777, () => {}, silentLog);
    await second.close();

    writeFileSync(path, "precious");
    await expect(listenUnix(path, 0o777, () => {}, silentLog)).rejects.toThrow("there is a file that is no socket");
    rmSync(folder, { recursive: true });
  });
});

describe("files that are read again", () => {
  test("when they change, on demand, and not when they are bad", async () => {
    const folder = mkdtempSync(join(tmpdir(), "sg-files-"));
    const path = join(folder, "users.json");
    writeFileSync(path, "one");
    let inForce = "one";
    let loads = 0;
    const { readFileSync } = await import("node:fs");
    const errors: object[] = [];
    const log = { ...silentLog, error: (fields: object) => errors.push(fields) };
    const load = (): void => {
      loads++;
      const text = readFileSync(path, "utf8");
      if (text === "bad") throw new ShardgateError("CONFIG_BAD", "users.json: bad");
      inForce = text;
    };
    const reloader = new FileReloader([{ name: "users", paths: [path], load }], 20, systemClock, log);
    try {
      writeFileSync(path, "three");
      await eventually(() => inForce === "three");
      writeFileSync(path, "bad");
      await eventually(() => errors.length === 1);
      expect(errors).toEqual([{ files: "users", error: "users.json: bad" }]);
      expect(inForce).toBe("three");
      const before = loads;
      await new Promise((resolve) => {
        setTimeout(resolve, 100);
      });
      expect(loads).toBe(before);
      rmSync(path);
      await eventually(() => errors.length === 2);
      writeFileSync(path, "four");
      await eventually(() => inForce === "four");
      reloader.reload();
      expect(loads).toBeGreaterThan(before + 2);
    } finally {
      reloader.close();
      rmSync(folder, { recursive: true });
    }
  });
});

test("who writes on and does not read is served only as far as the answers find room", async () => {
  const bed = await bedWith({});
  const commands = 3_000;
  const answerBytes = 60_000;
  const raw = await RawClient.login({ target: { host: "127.0.0.1", port: bed.port }, user: "root" });
  sockets.push(raw.socket);
  raw.socket.pause();
  const command = writeFrame(Buffer.from(`\u0003say ${answerBytes}`), 0);
  raw.socket.write(Buffer.concat(Array.from({ length: commands }, () => command)));
  const [session] = bed.connections.sessions();
  if (session === undefined) throw new Error("no session");
  await eventually(() => session.answers > 10);
  let answers = -1;
  await eventually(async () => {
    const before = answers;
    answers = session.answers;
    await new Promise((resolve) => {
      setTimeout(resolve, 300);
    });
    return answers === before;
  });
  // What the system's socket buffers hold, and one answer too many.
  expect(session.answers).toBeLessThan(commands / 4);
  let received = 0;
  raw.socket.on("data", (chunk: Buffer) => {
    received += chunk.length;
  });
  raw.socket.resume();
  await eventually(() => session.answers === commands, 50_000);
  await eventually(() => received > commands * answerBytes);
});
