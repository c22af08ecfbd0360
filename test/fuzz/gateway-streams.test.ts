// A thousand mangled client streams against a real gateway process: logins and commands truncated, flipped, spliced, with
// wrong lengths and sequence ids, or plain noise; slow logins and packets of 16 MiB and more beside them. The gateway must
// not crash, must let go of every connection and its memory, and must serve its other sessions as if nothing were.
// FUZZ_SEED and FUZZ_STREAMS repeat or lengthen a run; the seed is printed, and each stream has one of its own.

import { readdirSync, readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { createConnection, type RowDataPacket } from "mysql2/promise";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Cluster } from "../../src/local/cluster.ts";
import { delay } from "../../src/local/process.ts";
import { withServer } from "../../src/local/server-connection.ts";
import { CLIENT, COM } from "../../src/mysql/constants.ts";
import { writeFrame } from "../../src/mysql/frame.ts";
import { PacketReader } from "../../src/mysql/packet-reader.ts";
import { decodeErr } from "../../src/mysql/packets/err.ts";
import { encodeHandshakeResponse } from "../../src/mysql/packets/handshake-response.ts";
import { Load } from "../e2e/load.ts";
import { startCluster } from "../fixture/cluster.ts";
import { hashedBy } from "../fixture/hashed.ts";
import { until } from "../fixture/until.ts";
import { SeededRandom } from "../unit/vschema/seeded-random.ts";
import { BASE_CAPABILITIES, RawClient } from "../wire/raw-client.ts";

const SEED = Number(process.env["FUZZ_SEED"] ?? 20_240_607);
const STREAMS = Number(process.env["FUZZ_STREAMS"] ?? 1_000);
const COMMANDS = Number(process.env["FUZZ_COMMANDS"] ?? 1_500);
const AT_ONCE = 16;
/** After so many streams the gateway's caches and heap have their size; growth is counted from there. */
const WARM_UP_STREAMS = Math.floor(STREAMS / 4);
const GROWTH_BYTES_MAX = 64 * 1024 * 1024;
const MIB = 1024 * 1024;
const PATIENCE_MS = 60_000;

const STATEMENTS = [
  "SELECT v FROM t WHERE id = 1",
  "SELECT id, v FROM t WHERE id IN (1, 2, 4) AND v <> 'it''s' /* comment */",
  "INSERT INTO t (id, v) VALUES (1000, 'fuzz'), (1001, _utf8mb4'x'), (1002, NULL)",
  "UPDATE t SET v = CONCAT(v, '\\'') WHERE id = 2",
  "DELETE FROM t WHERE id IN (1000, 1001, 1002)",
  "BEGIN",
  "COMMIT",
  "ROLLBACK",
  "SET sql_mode = 'ANSI_QUOTES', @a := 1, NAMES utf8mb4",
  "SHOW TABLES",
  "SHOW WARNINGS",
  "USE split:-80",
  "SELECT COUNT(*) FROM split.t",
  "SELECT @@version, DATABASE(), 0x1F, 1e9, -0.5",
] as const;

const MANGLERS = {
  "cut off": (random, stream) => stream.subarray(0, random.below(stream.length)),
  "flipped bits": (random, stream) => {
    const out = Buffer.from(stream);
    for (let n = 1 + random.below(8); n > 0; n--) {
      const at = random.below(out.length);
      out[at] = (out[at] ?? 0) ^ (1 << random.below(8));
    }
    return out;
  },
  "foreign bytes": (random, stream) => {
    const at = random.below(stream.length);
    return Buffer.concat([stream.subarray(0, at), random.bytes(1 + random.below(300)), stream.subarray(at)]);
  },
  "missing bytes": (random, stream) => {
    const at = random.below(stream.length);
    return Buffer.concat([stream.subarray(0, at), stream.subarray(at + 1 + random.below(20))]);
  },
  "frame length": (random) => {
    const payload = commandPayload(random);
    const frame = writeFrame(payload, 0);
    frame.writeUIntLE(random.pick([0, 1, payload.length - 1, payload.length + 1, 0xfffffe, 0xffffff]) ?? 0, 0, 3);
    return Buffer.concat([login(random), frame, writeFrame(commandPayload(random), 0)]);
  },
  "sequence id": (random) =>
    Buffer.concat([login(random, random.below(256)), writeFrame(commandPayload(random), random.below(256))]),
  "command byte": (random) => {
    const payload = Buffer.concat([Buffer.of(random.below(256)), random.bytes(random.below(40))]);
    return Buffer.concat([login(random), writeFrame(payload, 0), writeFrame(commandPayload(random), 0)]);
  },
  "statement text": (random) => {
    const frames = [login(random)];
    for (let n = 1 + random.below(5); n > 0; n--) {
      const text = Buffer.from(random.pick(STATEMENTS) ?? "");
      const at = random.below(text.length);
      const foreign = random.below(2) === 0 ? random.bytes(random.below(6)) : Buffer.from("'`\"(/*-- ;\0");
      const payload = Buffer.concat([text.subarray(0, at), foreign, text.subarray(at + random.below(4))]);
      frames.push(writeFrame(Buffer.concat([Buffer.of(COM.QUERY), payload]), 0));
    }
    return Buffer.concat(frames);
  },
  "login fields": (random) => {
    const frame = login(random);
    for (let n = 1 + random.below(6); n > 0; n--) frame[4 + random.below(frame.length - 4)] = random.below(256);
    return Buffer.concat([frame, writeFrame(commandPayload(random), 0)]);
  },
  noise: (random) => random.bytes(1 + random.below(4_000)),
  "a web page": () => Buffer.from("GET / HTTP/1.1\r\nHost: shardgate\r\n\r\n"),
} as const satisfies Record<string, (random: SeededRandom, stream: Buffer) => Buffer>;

let cluster: Cluster;

beforeAll(async () => {
  process.stdout.write(`FUZZ_SEED=${SEED}\n`);
  cluster = await startCluster({
    topo: "etcd",
    keyspaces: {
      split: {
        shards: 2,
        vschema: hashedBy({ t: "id" }),
        sql: `CREATE TABLE t (id BIGINT PRIMARY KEY, v VARCHAR(100));
          INSERT INTO t (id, v) VALUES (1, 'one'), (2, 'two'), (4, 'four');`,
      },
    },
  });
});

afterAll(() => cluster?.stop());

describe("gateway", () => {
  test("1,000 mangled streams, and slow logins beside them", { timeout: 600_000 }, async () => {
    const before = cluster.processes().map(({ name, pid }) => `${name} ${pid}`);
    const gateway = gatewayPid();
    const fdsBefore = fdCount(gateway);
    const neighbours = new Load({ port: cluster.port }, 2, () => "SELECT v FROM split.t WHERE id = 4");
    const slow = slowLogins(40);
    let rssWarm = 0;
    let next = 0;
    const worker = async (): Promise<void> => {
      while (next < STREAMS) {
        const seed = (SEED + next++ * 7_919) | 0;
        if (next === WARM_UP_STREAMS) rssWarm = rssOf(gateway);
        await runStream(new SeededRandom(seed), `seed ${seed}`);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    await neighbours.answered(50, PATIENCE_MS);
    await neighbours.stop();
    expect(neighbours.errors, `FUZZ_SEED=${SEED}`).toEqual([]);
    expect(neighbours.longestMs).toBeLessThan(15_000);
    expect(await slow, "slow logins closed by the gateway, in ms").toBeLessThan(2 * PATIENCE_MS);
    expect(
      cluster.processes().map(({ name, pid }) => `${name} ${pid}`),
      `nothing crashed, FUZZ_SEED=${SEED}`,
    ).toEqual(before);
    await until(
      () => fdCount(gateway) <= fdsBefore + 4,
      PATIENCE_MS,
      () => `${fdCount(gateway)} fds, ${fdsBefore} before`,
    );
    await until(
      () => rssOf(gateway) < rssWarm + GROWTH_BYTES_MAX,
      PATIENCE_MS,
      () => `${rssOf(gateway) / MIB} MiB resident, ${rssWarm / MIB} after the first ${WARM_UP_STREAMS} streams`,
    );
    await nothingLeftOnShards();
    expect(bugsLogged(), `FUZZ_SEED=${SEED}`).toEqual([]);
  });

  test("every command with every kind of payload, on sessions that live on", { timeout: 300_000 }, async () => {
    const gateway = gatewayPid();
    const neighbours = new Load({ port: cluster.port }, 1, () => "SELECT v FROM split.t WHERE id = 4");
    const rss = rssOf(gateway);
    let next = 0;
    const worker = async (): Promise<void> => {
      let session: CommandSession | undefined;
      while (next < COMMANDS) {
        const seed = (SEED + next++ * 104_729) | 0;
        const random = new SeededRandom(seed);
        session ??= await CommandSession.open(random);
        const payload = fuzzedCommand(random);
        const outlived = await session.survives(payload);
        if (!outlived) session = undefined;
      }
      session?.close();
    };
    await Promise.all(Array.from({ length: AT_ONCE / 2 }, worker));
    await neighbours.answered(20, PATIENCE_MS);
    await neighbours.stop();
    expect(neighbours.errors, `FUZZ_SEED=${SEED}`).toEqual([]);
    expect(gatewayPid()).toBe(gateway);
    await until(
      () => rssOf(gateway) < rss + 2 * GROWTH_BYTES_MAX,
      PATIENCE_MS,
      () => `${rssOf(gateway) / MIB} MiB resident, ${rss / MIB} before`,
    );
    await nothingLeftOnShards();
    expect(bugsLogged(), `FUZZ_SEED=${SEED}`).toEqual([]);
  });

  test("statements of 16 MiB and more pass; what is above the limit is refused, and its memory let go", {
    timeout: 480_000,
  }, async () => {
    const gateway = gatewayPid();
    const connection = await createConnection({
      host: "127.0.0.1",
      port: cluster.port,
      user: "root",
      database: "split",
    });
    try {
      for (const bytes of [0xffffff - 40, 0xffffff, 0x1000000, 20 * MIB, 34 * MIB]) {
        const sql = `SELECT id, LENGTH('${"x".repeat(bytes)}') AS n FROM t WHERE id = 1`;
        const [rows] = await connection.query<RowDataPacket[]>(sql);
        expect(rows).toEqual([{ id: 1, n: bytes }]);
      }
    } finally {
      connection.destroy();
    }
    const rss = rssOf(gateway);
    for (let n = 0; n < 3; n++) expect(await tooLarge()).toMatchObject({ errno: 1153, sqlState: "08S01" });
    await until(
      () => rssOf(gateway) < rss + 2.5 * 64 * MIB,
      PATIENCE_MS,
      () => `${rssOf(gateway) / MIB} MiB resident, ${rss / MIB} before`,
    );
  });

  test("a login packet of more than 64 KiB is refused before it has arrived", async () => {
    const { socket, reader, next } = await greeted();
    const header = Buffer.alloc(4);
    header.writeUIntLE(1 * MIB, 0, 3);
    header[3] = 1;
    socket.write(header);
    expect(decodeErr(await next(reader))).toMatchObject({ errno: 1153 });
    socket.destroy();
  });
});

/** A logged-in client that sends one command after the other. */
class CommandSession {
  readonly #client: RawClient;
  #asked = 0;

  private constructor(client: RawClient) {
    this.#client = client;
  }

  static async open(random: SeededRandom): Promise<CommandSession> {
    const wanted = [CLIENT.DEPRECATE_EOF, CLIENT.SESSION_TRACK, CLIENT.QUERY_ATTRIBUTES, CLIENT.FOUND_ROWS];
    const more = wanted.reduce((flags, flag) => (random.below(2) === 0 ? flags | flag : flags), 0);
    const target = { host: "127.0.0.1", port: cluster.port };
    const client = await RawClient.login({ target, user: "root", capabilities: BASE_CAPABILITIES | more });
    const session = new CommandSession(client);
    session.#send(Buffer.from(`\u0003${more & CLIENT.QUERY_ATTRIBUTES ? "\0\u0001" : ""}USE split`));
    session.#send(Buffer.from("\u0016SELECT v FROM t WHERE id = ? AND v <> ?"));
    return session;
  }

  /** Whether the session still answers after the command; else it has been closed. */
  async survives(payload: Buffer): Promise<boolean> {
    this.#send(payload);
    // Names the column, whatever has become of the session.
    const marker = Buffer.from(`marker ${this.#asked++};`);
    const asking = Buffer.concat([Buffer.of(COM.STMT_PREPARE), Buffer.from("SELECT '"), marker, Buffer.from("'")]);
    // What follows a change of user may be taken for the password: wrong, it leaves the session as it was.
    if (payload[0] === COM.CHANGE_USER) this.#send(asking);
    this.#send(asking);
    let seen = Buffer.alloc(0);
    try {
      for (;;) {
        const chunk = await this.#client.chunk();
        seen = Buffer.concat([seen.subarray(-marker.length), chunk]);
        if (seen.includes(marker)) return true;
      }
    } catch {
      return false;
    }
  }

  close(): void {
    this.#client.close();
  }

  #send(payload: Buffer): void {
    this.#client.write(writeFrame(payload, 0));
  }
}

/** Sessions that live on must not wait for each other's rows. */
const READS = STATEMENTS.filter((statement) => !/^(INSERT|UPDATE|DELETE)/.test(statement));

const COMMAND_BYTES = [...Object.values(COM), 0x2f, 0x50, 0x7f, 0xff];

/** A valid command, or one that is cut off, has foreign bytes or enormous lengths inside, or is nothing but noise. */
function fuzzedCommand(random: SeededRandom): Buffer {
  const command = random.pick(COMMAND_BYTES) ?? COM.PING;
  const valid = Buffer.concat([Buffer.of(command), argumentOf(command, random)]);
  const at = 1 + random.below(Math.max(1, valid.length - 1));
  switch (random.below(5)) {
    case 0:
      return valid;
    case 1:
      return valid.subarray(0, at);
    case 2:
      return Buffer.concat([Buffer.of(command), random.bytes(random.below(200))]);
    case 3:
      return Buffer.concat([valid.subarray(0, at), random.bytes(1 + random.below(30)), valid.subarray(at)]);
    default: {
      const lengths = ["feffffffffffffffff", "fdffffff", "fcffff", "fe0000000000000080", "ffffffff"];
      return Buffer.concat([valid.subarray(0, at), Buffer.from(random.pick(lengths) ?? "", "hex"), valid.subarray(at)]);
    }
  }
}

function argumentOf(command: number, random: SeededRandom): Buffer {
  const id = Buffer.alloc(4);
  id.writeUInt32LE(1 + random.below(3));
  switch (command) {
    case COM.QUERY:
    case COM.STMT_PREPARE: {
      const count = 1 + random.below(4);
      return Buffer.from(Array.from({ length: count }, () => random.pick(READS) ?? "").join("; "));
    }
    case COM.INIT_DB:
      return Buffer.from("split");
    // Names that no database can have.
    case COM.CREATE_DB:
    case COM.DROP_DB:
      return Buffer.alloc(300, 0x78);
    case COM.FIELD_LIST:
      return Buffer.from("t\0%");
    case COM.CHANGE_USER:
      return Buffer.concat([Buffer.from("root\0\0split\0"), Buffer.of(45, 0), Buffer.from("mysql_native_password\0")]);
    case COM.STMT_EXECUTE:
      return Buffer.concat([
        id,
        Buffer.of(random.below(4) === 0 ? random.below(256) : 0, 1, 0, 0, 0),
        Buffer.of(random.below(4), 1, random.below(256), 0, 0xfd, 0),
        random.bytes(random.below(24)),
      ]);
    case COM.STMT_BULK_EXECUTE:
      return Buffer.concat([id, Buffer.of(random.below(256), 0, 8, 0, 0xfd, 0), random.bytes(random.below(60))]);
    case COM.STMT_SEND_LONG_DATA:
      return Buffer.concat([id, Buffer.of(random.below(3), 0), random.bytes(random.below(2_000))]);
    case COM.STMT_FETCH:
      return Buffer.concat([id, random.bytes(4)]);
    case COM.STMT_CLOSE:
    case COM.STMT_RESET:
    case COM.PROCESS_KILL:
      return command === COM.PROCESS_KILL ? Buffer.of(0xff, 0xff, 0xff, random.below(256)) : id;
    case COM.SET_OPTION:
      return Buffer.of(random.below(3), 0);
    default:
      return random.bytes(random.below(16));
  }
}

async function runStream(random: SeededRandom, name: string): Promise<void> {
  const names = Object.keys(MANGLERS);
  const kind = random.pick(names);
  const valid = Buffer.concat([login(random), ...Array.from({ length: 1 + random.below(6) }, () => command(random))]);
  const mangle: ((random: SeededRandom, stream: Buffer) => Buffer) | undefined = Object.entries(MANGLERS).find(
    ([known]) => known === kind,
  )?.[1];
  if (mangle === undefined) throw new Error(`${name}: no mangler ${kind}`);
  const bytes = mangle(random, valid);
  const socket = connect({ host: "127.0.0.1", port: cluster.port });
  socket.on("error", () => {});
  const closed = new Promise<void>((resolve) => {
    socket.once("close", () => resolve());
  });
  const read = random.below(4) > 0;
  if (read) socket.resume();
  // In one piece or in several, so that packets are cut anywhere.
  for (let at = 0; at < bytes.length; ) {
    const piece = random.below(3) === 0 ? 1 + random.below(bytes.length) : bytes.length;
    socket.write(bytes.subarray(at, at + piece));
    at += piece;
    if (at < bytes.length) await delay(1);
  }
  const ending = random.below(3);
  if (ending === 0) socket.end();
  await Promise.race([closed, delay(10 + random.below(100))]);
  if (ending === 1) socket.resetAndDestroy();
  else socket.destroy();
  await closed;
}

function login(random: SeededRandom, sequenceId = 1): Buffer {
  const payload = encodeHandshakeResponse({
    capabilities: (BASE_CAPABILITIES | CLIENT.CONNECT_WITH_DB | CLIENT.CONNECT_ATTRS) >>> 0,
    mariadbCapabilities: 0,
    maxPacketBytes: 1 << 24,
    collation: random.pick([45, 33, 8, 255]) ?? 45,
    user: random.below(8) === 0 ? "nobody" : "root",
    authResponse: random.below(8) === 0 ? random.bytes(20) : Buffer.alloc(0),
    database: random.below(8) === 0 ? "nowhere" : "split",
    authPlugin: random.below(4) === 0 ? "caching_sha2_password" : "mysql_native_password",
    attributes: new Map([["_client_name", "fuzz"]]),
    zstdLevel: 0,
  });
  return writeFrame(payload, sequenceId);
}

function command(random: SeededRandom): Buffer {
  return writeFrame(commandPayload(random), 0);
}

function commandPayload(random: SeededRandom): Buffer {
  const text = Buffer.from(random.pick(STATEMENTS) ?? "");
  const kind = random.pick([COM.QUERY, COM.QUERY, COM.QUERY, COM.INIT_DB, COM.PING, COM.FIELD_LIST, COM.STMT_PREPARE]);
  if (kind === COM.INIT_DB) return Buffer.from("\u0002split");
  if (kind === COM.FIELD_LIST) return Buffer.from("\u0004t\0%");
  return Buffer.concat([Buffer.of(kind ?? COM.PING), kind === COM.PING ? Buffer.alloc(0) : text]);
}

/** Clients that send a byte now and then and never log in; resolves to when the last was closed, in ms. */
async function slowLogins(count: number): Promise<number> {
  const startMs = performance.now();
  const sockets = Array.from({ length: count }, () => connect({ host: "127.0.0.1", port: cluster.port }));
  const bytes = login(new SeededRandom(1));
  let sent = 0;
  const timer = setInterval(() => {
    for (const [i, socket] of sockets.entries()) {
      if (i % 2 === 0 && !socket.destroyed) socket.write(bytes.subarray(sent, sent + 1));
    }
    sent++;
  }, 700);
  await Promise.all(
    sockets.map(
      (socket) =>
        new Promise<void>((resolve) => {
          socket.on("error", () => {});
          socket.on("close", () => resolve());
          socket.resume();
        }),
    ),
  );
  clearInterval(timer);
  return performance.now() - startMs;
}

/** Sends a statement above the limit of 64 MiB and gives the answer. */
async function tooLarge(): Promise<ReturnType<typeof decodeErr>> {
  const client = await RawClient.login({ target: { host: "127.0.0.1", port: cluster.port }, user: "root" });
  const answer = client.packet(new PacketReader(MIB)).then(decodeErr);
  const frame = Buffer.alloc(4 + 0xffffff, 0x20);
  frame.writeUIntLE(0xffffff, 0, 3);
  frame[4] = COM.QUERY;
  for (let sequenceId = 0; sequenceId < 6; sequenceId++) {
    frame[3] = sequenceId;
    client.write(Buffer.from(frame));
  }
  // As a mysqld, the gateway answers behind the packet's end.
  client.write(Buffer.of(0, 0, 0, 6));
  const error = await answer;
  client.close();
  return error;
}

async function greeted(): Promise<{
  socket: Socket;
  reader: PacketReader;
  next: (r: PacketReader) => Promise<Buffer>;
}> {
  const socket = connect({ host: "127.0.0.1", port: cluster.port });
  socket.on("error", () => {});
  const chunks = socket[Symbol.asyncIterator]();
  const next = async (from: PacketReader): Promise<Buffer> => {
    for (;;) {
      const packet = from.next();
      if (packet !== undefined) return packet;
      const { value, done } = await chunks.next();
      if (done === true || !Buffer.isBuffer(value)) throw new Error("closed");
      from.push(value);
    }
  };
  const reader = new PacketReader(MIB);
  await next(reader);
  return { socket, reader, next };
}

/** No transaction is open on any mysqld, and no statement runs. */
async function nothingLeftOnShards(): Promise<void> {
  for (const { kind, port, shard } of cluster.processes()) {
    if (kind !== "mysqld") continue;
    await withServer(port, async (server) => {
      const sql = "SELECT COUNT(*) FROM information_schema.innodb_trx";
      let open = "";
      await until(
        async () => (open = await server.value(sql)) === "0",
        PATIENCE_MS,
        () => `${open} transactions open on ${shard}`,
      );
    });
  }
}

/** What the gateway's log says of bugs of its own, each kind once. */
function bugsLogged(): string[] {
  const socket = cluster.processes().find((each) => each.socket !== undefined)?.socket ?? "";
  const log = readFileSync(join(socket.slice(0, socket.indexOf("/keyspaces/")), "gateway/gateway.log"), "utf8");
  const lines = log.split("\n").filter((line) => line.includes("bug"));
  return [...new Set(lines.map((line) => line.slice(line.indexOf('"error"')).slice(0, 600)))];
}

function gatewayPid(): number {
  return cluster.processes().find(({ kind }) => kind === "gateway")?.pid ?? 0;
}

function fdCount(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

function rssOf(pid: number): number {
  const found = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(found?.[1]) * 1024;
}
