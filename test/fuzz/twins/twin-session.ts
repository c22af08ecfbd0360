// One raw session with one server: sends a command and gives all packets that answer it, up to those of a marker query
// that follows each command. Says what a client can tell of them: error numbers, counts, flags and bytes.

import { CompressedPacketReader, encodeCompressedPacket } from "../../../src/mysql/compressed-packet.ts";
import { type Compression, compressionFor } from "../../../src/mysql/compression.ts";
import { CLIENT, COM, HEADER_EOF, HEADER_ERR, HEADER_OK } from "../../../src/mysql/constants.ts";
import { writeFrame } from "../../../src/mysql/frame.ts";
import { PacketReader } from "../../../src/mysql/packet-reader.ts";
import { decodeErr } from "../../../src/mysql/packets/err.ts";
import type { SeededRandom } from "../../unit/vschema/seeded-random.ts";
import { RawClient } from "../../wire/raw-client.ts";
import type { FuzzedCommand } from "./commands.ts";

export interface SessionOptions {
  readonly port: number;
  readonly capabilities: number;
  readonly mariadbCapabilities: number;
  /** Cuts what is sent compressed; the same seed cuts alike. */
  readonly random: SeededRandom;
}

/** QUERY_NO_GOOD_INDEX_USED, QUERY_NO_INDEX_USED, QUERY_WAS_SLOW: how a server has run it. */
const HOW_FLAGS = 0x0830;
/** Behind the definitions of an answer that no transaction has to do with, the gateway leaves the flags of the server. */
const IN_TRANSACTION = 0x0001;
export const TABLE =
  "CREATE TABLE IF NOT EXISTS t (id INT NOT NULL PRIMARY KEY, v VARCHAR(100), n BIGINT, d DOUBLE, dt DATETIME(6), b LONGBLOB)";
const BEGINNING = [
  "CREATE DATABASE IF NOT EXISTS u",
  "USE u",
  TABLE,
  "DELETE FROM t",
  "INSERT INTO t VALUES (1, 'a', 1, 1.5, '2020-01-01', 'x'), (2, 'b', 2, 2.5, NULL, NULL), (3, NULL, 3, NULL, NULL, 'z')",
];
/** Ids are a server's own. */
const STATEMENT_ID = /^(Unknown prepared statement handler |The statement )\(\d+\)/;
const ZSTD_LEVEL = 3;
const PACKET_BYTES_MAX = 64 * 1024 * 1024;

export class TwinSession {
  readonly #raw: RawClient;
  readonly #reader = new PacketReader(PACKET_BYTES_MAX);
  readonly #hasAttributes: boolean;
  readonly #envelope: Envelope | undefined;
  readonly #ids: number[] = [];
  readonly #parameterCounts: number[] = [];
  #marks = 0;
  #ended = false;

  private constructor(raw: RawClient, capabilities: number, random: SeededRandom) {
    this.#raw = raw;
    this.#hasAttributes = (capabilities & CLIENT.QUERY_ATTRIBUTES) !== 0;
    const compression = compressionFor(capabilities, ZSTD_LEVEL);
    this.#envelope = compression === undefined ? undefined : new Envelope(compression, random);
  }

  static async open({ port, capabilities, mariadbCapabilities, random }: SessionOptions): Promise<TwinSession> {
    const raw = await RawClient.login({
      target: { host: "127.0.0.1", port },
      user: "root",
      capabilities,
      mariadbCapabilities,
      zstdLevel: ZSTD_LEVEL,
    });
    return new TwinSession(raw, capabilities, random);
  }

  /** The same rows for all. */
  async begin(): Promise<void> {
    for (const sql of BEGINNING) {
      const [packet] = await this.answerOf(this.#query(Buffer.from(sql)));
      if (packet === undefined || packet[0] === HEADER_ERR) throw new Error(`${sql}: ${packet?.toString("latin1")}`);
    }
  }

  /** The server has closed the connection. */
  get ended(): boolean {
    return this.#ended;
  }

  /** How many parameters the statement of each slot has. */
  get slots(): readonly number[] {
    return this.#parameterCounts;
  }

  /** What a client sees of the answer, a line a packet; the last line is "closed" when that was the end. */
  async run(command: FuzzedCommand): Promise<readonly string[]> {
    const packets = await this.answerOf(
      this.#hasAttributes ? command.attributed(this.#ids) : command.payload(this.#ids),
    );
    const [head] = packets;
    const isPrepared = command.prepares && head !== undefined && head[0] === HEADER_OK && head.length >= 12;
    if (isPrepared) {
      this.#ids.push(head.readUInt32LE(1));
      this.#parameterCounts.push(head.readUInt16LE(7));
    }
    const seen = packets.map((packet, at) =>
      isPrepared && at === 0 ? `prepared ${hex(packet.subarray(5))}` : shown(packet, at === packets.length - 1),
    );
    return this.#ended ? [...seen, "closed"] : seen;
  }

  async answerOf(payload: Buffer): Promise<readonly Buffer[]> {
    const marker = `marker ${this.#marks++};`;
    this.#write(payload, 0);
    const packets: Buffer[] = [];
    let count: Buffer | undefined;
    try {
      if (payload[0] === COM.CHANGE_USER) packets.push(...(await this.#answerSwitch()));
      this.#write(this.#query(Buffer.from(`SELECT '${marker}' AS marker`)), 0);
      for (;;) {
        const packet = Buffer.from(await this.#packet());
        // A marker's answer: the count of its columns, their definitions, ….
        if (packet.includes(marker)) break;
        packets.push(packet);
      }
      count = packets.findLast((packet) => packet.length === 1 && packet[0] === 1);
      const tail = await this.#packet();
      if (tail[0] === HEADER_ERR) throw decodeErr(tail);
    } catch {
      this.#ended = true;
      return packets;
    }
    return packets.slice(0, count === undefined ? packets.length : packets.lastIndexOf(count));
  }

  /** Answers what COM_CHANGE_USER is answered with: no password. */
  async #answerSwitch(): Promise<readonly Buffer[]> {
    const first = Buffer.from(await this.#packet());
    if (first[0] !== HEADER_EOF) return [first];
    this.#write(Buffer.alloc(0), this.#reader.sequenceId + 1);
    return [first.subarray(0, 1 + "mysql_native_password".length), Buffer.from(await this.#packet())];
  }

  #write(payload: Buffer, sequenceId: number): void {
    const frame = writeFrame(payload, sequenceId);
    this.#raw.write(this.#envelope === undefined ? frame : this.#envelope.packed(frame));
  }

  async #packet(): Promise<Buffer> {
    if (this.#envelope === undefined) return this.#raw.packet(this.#reader);
    for (;;) {
      const packet = this.#reader.next();
      if (packet !== undefined) return packet;
      for (const plain of this.#envelope.unpacked(await this.#raw.chunk())) this.#reader.push(plain);
    }
  }

  close(): void {
    this.#raw.close();
  }

  #query(sql: Buffer): Buffer {
    const head = this.#hasAttributes ? Buffer.of(COM.QUERY, 0, 1) : Buffer.of(COM.QUERY);
    return Buffer.concat([head, sql]);
  }
}

function shown(packet: Buffer, isLast: boolean): string {
  if (packet[0] === HEADER_ERR) {
    const { errno, sqlState, message } = decodeErr(packet);
    return `ERR ${errno} ${sqlState} ${message.replace(STATEMENT_ID, "$1(id)")}`;
  }
  const copy = Buffer.from(packet);
  if (packet[0] === HEADER_EOF && packet.length === 5) {
    copy.writeUInt16LE(copy.readUInt16LE(3) & ~(isLast ? HOW_FLAGS : HOW_FLAGS | IN_TRANSACTION), 3);
  }
  // OK packets with small counts, also in the place of an EOF.
  const isOk =
    (packet[0] === 0 || packet[0] === 0xfe) && packet.length >= 7 && (packet[1] ?? 0) < 0xfb && (packet[2] ?? 0) < 0xfb;
  if (isOk) copy.writeUInt16LE(copy.readUInt16LE(3) & ~HOW_FLAGS, 3);
  return hex(copy);
}

function hex(bytes: Buffer): string {
  return bytes.toString("hex").slice(0, 2_000);
}

/** Compressed packets, cut anywhere, some of them with bodies as they were. */
class Envelope {
  readonly #compression: Compression;
  readonly #random: SeededRandom;
  readonly #reader = new CompressedPacketReader();

  constructor(compression: Compression, random: SeededRandom) {
    this.#compression = compression;
    this.#random = random;
  }

  packed(frame: Buffer): Buffer {
    const packets: Buffer[] = [];
    for (let at = 0; at < frame.length; ) {
      const bytes = this.#random.below(2) === 0 ? frame.length - at : 1 + this.#random.below(frame.length - at);
      const piece = frame.subarray(at, at + bytes);
      const isPlain = this.#random.below(2) === 0;
      const body = isPlain ? piece : this.#compression.compressSync(piece);
      packets.push(encodeCompressedPacket(body, isPlain ? 0 : bytes, packets.length));
      at += bytes;
    }
    return Buffer.concat(packets);
  }

  unpacked(chunk: Buffer): readonly Buffer[] {
    this.#reader.push(chunk);
    const plain: Buffer[] = [];
    for (let packet = this.#reader.next(); packet !== undefined; packet = this.#reader.next()) {
      const { body, plainBytes } = packet;
      plain.push(plainBytes === 0 ? Buffer.from(body) : this.#compression.decompressSync(body, plainBytes));
    }
    return plain;
  }
}
