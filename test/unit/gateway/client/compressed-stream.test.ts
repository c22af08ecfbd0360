// The compressed protocol: packets cut anywhere, sequence ids of answers, order and back-pressure whatever is compressed
// when, broken input; and real clients that compress.

import { execFile, spawnSync } from "node:child_process";
import { promisify } from "node:util";
import { deflateSync } from "node:zlib";
import type { RowDataPacket } from "mysql2/promise";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { silentLog } from "../../../../src/base/log.ts";
import { CompressedStream } from "../../../../src/gateway/client/compressed-stream.ts";
import {
  type CompressedPacket,
  CompressedPacketReader,
  encodeCompressedPacket,
} from "../../../../src/mysql/compressed-packet.ts";
import { COMPRESSION_CAPABILITIES, compressionFor } from "../../../../src/mysql/compression.ts";
import { CLIENT, COM } from "../../../../src/mysql/constants.ts";
import { writeFrame } from "../../../../src/mysql/frame.ts";
import { PacketReader } from "../../../../src/mysql/packet-reader.ts";
import { randomOf, seedOf } from "../../../fuzz/random.ts";
import { BASE_CAPABILITIES, RawClient } from "../../../wire/raw-client.ts";
import { type Bed, eventually, startBed, textOf } from "../client-bed.ts";

const run = promisify(execFile);
const SEED = seedOf(20_241_121);
const hasMariadb = spawnSync("mariadb", ["--version"]).status === 0;
if (!hasMariadb) process.stderr.write("compressed-stream.test.ts: no mariadb client, it is skipped\n");

interface Ends {
  readonly stream: CompressedStream;
  readonly written: Buffer[];
  readonly received: Buffer[];
  readonly failures: unknown[];
  taken: number;
  drains: number;
}

/** A stream between two arrays. */
function ends(capability: number = CLIENT.COMPRESS): Ends {
  const compression = compressionFor(capability, 0);
  if (compression === undefined) throw new Error("there is no such compression here");
  const made: Omit<Ends, "stream"> = { written: [], received: [], failures: [], taken: 0, drains: 0 };
  const stream = new CompressedStream(compression, {
    write: (bytes) => made.written.push(bytes),
    received: (plain) => made.received.push(plain),
    takenBytes: () => made.taken,
    drained: () => {
      made.drains++;
    },
    failed: (error) => made.failures.push(error),
  });
  return Object.assign(made, { stream });
}

function compressed(plain: Buffer, sequenceId: number): Buffer {
  return plain.length < 50
    ? encodeCompressedPacket(plain, 0, sequenceId)
    : encodeCompressedPacket(deflateSync(plain), plain.length, sequenceId);
}

async function writtenPackets({ stream, written }: Ends): Promise<CompressedPacket[]> {
  await eventually(() => stream.queuedBytes === 0);
  const reader = new CompressedPacketReader();
  reader.push(Buffer.concat(written));
  const packets: CompressedPacket[] = [];
  for (let packet = reader.next(); packet !== undefined; packet = reader.next()) packets.push(packet);
  expect(reader.bufferedBytes).toBe(0);
  return packets;
}

function plainBodyOf({ body, plainBytes }: CompressedPacket): Buffer {
  return plainBytes === 0 ? body : (compressionFor(CLIENT.COMPRESS, 0)?.decompressSync(body, plainBytes) ?? body);
}

/** What the written packets hold. */
async function plainOf(side: Ends, capability: number = CLIENT.COMPRESS): Promise<Buffer> {
  const compression = compressionFor(capability, 0);
  const packets = await writtenPackets(side);
  return Buffer.concat(
    packets.map(({ body, plainBytes }) =>
      plainBytes === 0 ? body : (compression?.decompressSync(body, plainBytes) ?? body),
    ),
  );
}

describe("compressed packets", () => {
  const plains = [Buffer.from("short"), Buffer.from(textOf(300)), Buffer.of(1), Buffer.from(textOf(20_000))];
  const bytes = Buffer.concat(plains.map((plain, index) => compressed(plain, index)));

  test("cut anywhere, in two and in single bytes", async () => {
    const single = [...bytes].map((byte) => Buffer.of(byte));
    const cuts = Array.from({ length: bytes.length }, (_, at) => [bytes.subarray(0, at), bytes.subarray(at)]);
    for (const chunks of [single, ...cuts]) {
      const side = ends();
      for (const chunk of chunks) side.stream.push(chunk);
      await eventually(() => side.received.length === plains.length);
      expect(Buffer.concat(side.received).equals(Buffer.concat(plains))).toBe(true);
    }
  });

  test("short content and what does not shrink go as they are", async () => {
    const side = ends();
    side.stream.write(Buffer.from("x".repeat(49)));
    expect(await writtenPackets(side)).toMatchObject([{ sequenceId: 0, plainBytes: 0 }]);
    const noise = Buffer.from(Array.from({ length: 200 }, (_, i) => (i * i * 31 + i * 7) & 0xff));
    const noisy = ends();
    noisy.stream.write(noise);
    const [packet] = await writtenPackets(noisy);
    expect(packet?.plainBytes === 0 ? packet.body.equals(noise) : packet?.body.length).toBeTruthy();
  });

  test("writes keep their order, long and short ones, and share packets within a turn", async () => {
    const side = ends();
    const pieces: Buffer[] = [];
    for (let n = 0; n < 60; n++) {
      const piece = Buffer.from(`${n}:${textOf((n * 7919) % 90_000)};`);
      pieces.push(piece);
      side.stream.write(piece);
      if (n % 7 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    const packets = await writtenPackets(side);
    expect(packets.map(({ sequenceId }) => sequenceId)).toEqual(packets.map((_, index) => index & 0xff));
    expect((await plainOf(side)).equals(Buffer.concat(pieces))).toBe(true);
    const turn = ends();
    for (let n = 0; n < 10; n++) turn.stream.write(Buffer.from("0123456789"));
    expect(await writtenPackets(turn)).toHaveLength(1);
    expect(turn.drains).toBeGreaterThan(0);
  });

  test("an answer counts from its command's packet, though further commands are here", async () => {
    const side = ends();
    const command = Buffer.from(textOf(100));
    side.stream.push(compressed(command, 0));
    side.stream.push(compressed(command, 1));
    side.stream.push(compressed(command, 0));
    expect(Buffer.concat(side.received)).toHaveLength(300);
    side.taken = 200;
    side.stream.write(Buffer.from("first"));
    await writtenPackets(side);
    side.stream.write(Buffer.from("more of it"));
    await writtenPackets(side);
    side.taken = 300;
    side.stream.write(Buffer.from("second"));
    expect((await writtenPackets(side)).map(({ sequenceId }) => sequenceId)).toEqual([2, 3, 1]);
  });

  test("held back, nothing is given out", () => {
    const side = ends();
    side.stream.hold();
    side.stream.push(bytes);
    expect(side.received).toEqual([]);
    expect(side.stream.bufferedBytes).toBe(bytes.length);
    side.stream.resume();
    expect(side.received.length).toBeGreaterThan(0);
  });

  test.each([
    ["no zlib", encodeCompressedPacket(Buffer.from("x".repeat(60)), 100, 0)],
    ["more than it says", encodeCompressedPacket(deflateSync(Buffer.alloc(5_000)), 100, 0)],
    ["less than it says", encodeCompressedPacket(deflateSync(Buffer.alloc(50)), 100, 0)],
    ["a bomb", encodeCompressedPacket(deflateSync(Buffer.alloc(8_000_000)), 1_000, 0)],
    ["an empty packet", Buffer.alloc(7)],
  ])("broken: %s", (_name, packet) => {
    expect(() => ends().stream.push(packet)).toThrow("Malformed communication packet");
  });

  test("broken, and long", async () => {
    const side = ends();
    side.stream.push(encodeCompressedPacket(deflateSync(Buffer.from(textOf(30_000))), 30_001, 0));
    side.stream.push(compressed(Buffer.from("behind"), 1));
    await eventually(() => side.failures.length === 1);
    expect(String(side.failures[0])).toContain("Malformed communication packet");
    expect(side.received).toEqual([]);
  });

  const hasZstd = (COMPRESSION_CAPABILITIES & CLIENT.ZSTD_COMPRESSION_ALGORITHM) !== 0;
  if (!hasZstd) process.stderr.write(`zstd is not tested: Node.js ${process.versions.node} has none (22.15 has)\n`);
  test.skipIf(!hasZstd)("zstd", async () => {
    const zstd = CLIENT.ZSTD_COMPRESSION_ALGORITHM;
    const side = ends(zstd);
    for (const piece of plains) side.stream.write(piece);
    expect((await plainOf(side, zstd)).equals(Buffer.concat(plains))).toBe(true);
    const back = ends(zstd);
    back.stream.push(Buffer.concat(side.written));
    await eventually(() => Buffer.concat(back.received).equals(Buffer.concat(plains)));
  });
});

describe("clients that compress", () => {
  let bed: Bed;
  beforeAll(async () => {
    bed = await startBed();
  });
  afterAll(() => bed.close());

  test("mysql2, small and large both ways, pipelined", async () => {
    const client = await bed.connect({ compress: true });
    for (const bytes of [0, 1, 49, 50, 1000, 65_536, 3_000_000]) {
      expect((await client.query<RowDataPacket[]>(`say ${bytes}`))[0]).toEqual([{ v: textOf(bytes) }]);
    }
    const statement = `size ${textOf(3_000_000)}`;
    expect((await client.query<RowDataPacket[]>(statement))[0]).toEqual([{ v: String(statement.length) }]);
    const answers = await Promise.all([1, 20_000, 2].map((n) => client.query<RowDataPacket[]>(`say ${n}`)));
    expect(answers.map(([rows]) => rows[0]?.["v"].length)).toEqual([1, 20_000, 2]);
    expect(bed.connections.sessions()[0]?.connection.capabilities ?? 0).toSatisfy(
      (flags) => (flags & CLIENT.COMPRESS) !== 0,
    );
    await client.end();
  });

  test.skipIf(!hasMariadb)("the mariadb command line", async () => {
    const args = ["--no-defaults", "-h127.0.0.1", `-P${bed.port}`, "-uroot", "--compress", "-N"];
    const { stdout } = await run("mariadb", [...args, "-e", "say 100000; say 3; select 1"], { maxBuffer: 1 << 24 });
    expect(stdout).toBe(`${textOf(100_000)}\n${textOf(3)}\n`);
  });

  test("more commands at once than may wait are answered one after the other", async () => {
    const client = await RawClient.login({
      target: { host: "127.0.0.1", port: bed.port },
      user: "root",
      capabilities: BASE_CAPABILITIES | CLIENT.COMPRESS,
    });
    client.socket.pause();
    const command = writeFrame(Buffer.concat([Buffer.of(COM.QUERY), Buffer.from("say 200000")]), 0);
    for (let n = 0; n < 200; n++) client.write(compressed(command, 0));
    client.socket.resume();
    const reader = new CompressedPacketReader();
    const packets = new PacketReader(1 << 20);
    let rows = 0;
    while (rows < 200) {
      reader.push(await client.chunk());
      for (let packet = reader.next(); packet !== undefined; packet = reader.next()) {
        packets.push(plainBodyOf(packet));
      }
      for (let packet = packets.next(); packet !== undefined; packet = packets.next()) {
        if (packet.length > 200_000) rows++;
      }
    }
    expect(rows).toBe(200);
    client.close();
  });

  test.each([false, true])(
    "a file's packets, larger than what may wait, and a command behind it: %s",
    async (compress) => {
      const client = await RawClient.login({
        target: { host: "127.0.0.1", port: bed.port },
        user: "root",
        capabilities: BASE_CAPABILITIES | (compress ? CLIENT.COMPRESS : 0),
      });
      const send = (payload: Buffer, sequenceId: number): void => {
        const frame = writeFrame(payload, sequenceId);
        client.write(compress ? compressed(frame, sequenceId) : frame);
      };
      send(Buffer.concat([Buffer.of(COM.QUERY), Buffer.from("file")]), 0);
      const part = Buffer.from(textOf(3_000_000));
      for (let n = 0; n < 5; n++) send(part, 2 + n);
      for (let n = 0; n < 50; n++) send(part.subarray(0, 100_000), 7 + n);
      send(Buffer.alloc(0), 57);
      send(Buffer.concat([Buffer.of(COM.QUERY), Buffer.from("say 3")]), 0);
      const outer = new CompressedPacketReader();
      const packets = new PacketReader(1 << 20);
      const cells: string[] = [];
      while (cells.length < 2) {
        const chunk = await client.chunk();
        if (compress) outer.push(chunk);
        else packets.push(chunk);
        for (let packet = outer.next(); packet !== undefined; packet = outer.next()) packets.push(plainBodyOf(packet));
        for (let packet = packets.next(); packet !== undefined; packet = packets.next()) {
          if (packet[0] === packet.length - 1 && packet.length > 1) cells.push(packet.toString("latin1", 1));
        }
      }
      expect(cells).toEqual(["20000000", "The"]);
      client.close();
    },
  );

  test("what is no compressed packet ends the connection, and only that", async () => {
    const client = await RawClient.login({
      target: { host: "127.0.0.1", port: bed.port },
      user: "root",
      capabilities: BASE_CAPABILITIES | CLIENT.COMPRESS,
    });
    client.write(encodeCompressedPacket(Buffer.from("no zlib at all, and long enough to be compressed"), 4_000, 0));
    await eventually(() => client.socket.destroyed);
    const other = await bed.connect();
    expect((await other.query<RowDataPacket[]>("say 2"))[0]).toEqual([{ v: "Th" }]);
  });
});

describe("mangled streams", () => {
  test("end their own connection at the most, and are no bug", async () => {
    const random = randomOf(SEED);
    const bugs: object[] = [];
    const bed = await startBed({ log: { ...silentLog, error: (fields) => bugs.push(fields) } });
    const command = (sql: string): Buffer => writeFrame(Buffer.concat([Buffer.of(COM.QUERY), Buffer.from(sql)]), 0);
    const streams = [
      compressed(command("say 20000"), 0),
      compressed(command(`size ${textOf(40_000)}`), 0),
      Buffer.concat([compressed(command(`size ${textOf(200)}`), 0), compressed(command("say 60"), 0)]),
      compressed(Buffer.concat([command("say 5"), command("say 70"), command("say 9000")]), 0),
    ];
    const clients: RawClient[] = [];
    for (let n = 0; n < 300; n++) {
      const bytes = Buffer.from(random.pick(streams));
      for (let change = random.int(4); change >= 0; change--) {
        bytes[random.int(bytes.length)] = random.int(256);
      }
      const client = await RawClient.login({
        target: { host: "127.0.0.1", port: bed.port },
        user: "root",
        capabilities: BASE_CAPABILITIES | CLIENT.COMPRESS,
      });
      clients.push(client);
      const cut = random.int(bytes.length);
      client.write(bytes.subarray(0, cut));
      client.write(bytes.subarray(cut));
      if (random.int(3) === 0) client.close();
    }
    const other = await bed.connect({ compress: true });
    expect((await other.query<RowDataPacket[]>("say 30000"))[0]).toEqual([{ v: textOf(30_000) }]);
    for (const client of clients) client.close();
    await other.end();
    await eventually(() => bed.connections.size === 0);
    expect(bugs, `FUZZ_SEED=${SEED}`).toEqual([]);
    await bed.close();
  });
});
