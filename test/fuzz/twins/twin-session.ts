// One raw session with one server: sends a command and gives all packets that answer it, up to those of a marker query
// that follows each command. Says what a client can tell of them: error numbers, counts, flags and bytes.

import { CLIENT, COM, HEADER_EOF, HEADER_ERR, HEADER_OK } from "../../../src/mysql/constants.ts";
import { writeFrame } from "../../../src/mysql/frame.ts";
import { PacketReader } from "../../../src/mysql/packet-reader.ts";
import { decodeErr } from "../../../src/mysql/packets/err.ts";
import { RawClient } from "../../wire/raw-client.ts";
import type { FuzzedCommand } from "./commands.ts";

export interface SessionOptions {
  readonly port: number;
  readonly capabilities: number;
  readonly mariadbCapabilities: number;
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
const PACKET_BYTES_MAX = 64 * 1024 * 1024;

export class TwinSession {
  readonly #raw: RawClient;
  readonly #reader = new PacketReader(PACKET_BYTES_MAX);
  readonly #hasAttributes: boolean;
  readonly #ids: number[] = [];
  #marks = 0;
  #ended = false;

  private constructor(raw: RawClient, hasAttributes: boolean) {
    this.#raw = raw;
    this.#hasAttributes = hasAttributes;
  }

  static async open({ port, capabilities, mariadbCapabilities }: SessionOptions): Promise<TwinSession> {
    const raw = await RawClient.login({
      target: { host: "127.0.0.1", port },
      user: "root",
      capabilities,
      mariadbCapabilities,
    });
    const session = new TwinSession(raw, (capabilities & CLIENT.QUERY_ATTRIBUTES) !== 0);
    return session;
  }

  /** The same rows for all. */
  async begin(): Promise<void> {
    for (const sql of BEGINNING) {
      const [packet] = await this.answerOf(Buffer.concat([Buffer.of(COM.QUERY), Buffer.from(sql)]));
      if (packet === undefined || packet[0] === HEADER_ERR) throw new Error(`${sql}: ${packet?.toString("latin1")}`);
    }
  }

  /** The server has closed the connection. */
  get ended(): boolean {
    return this.#ended;
  }

  get slots(): number {
    return this.#ids.length;
  }

  /** What a client sees of the answer, a line a packet; the last line is "closed" when that was the end. */
  async run(command: FuzzedCommand): Promise<readonly string[]> {
    const packets = await this.answerOf(command.payload(this.#ids));
    const [head] = packets;
    const isPrepared = command.prepares && head !== undefined && head[0] === HEADER_OK && head.length >= 12;
    if (isPrepared) this.#ids.push(head.readUInt32LE(1));
    const seen = packets.map((packet, at) =>
      isPrepared && at === 0 ? `prepared ${hex(packet.subarray(5))}` : shown(packet, at === packets.length - 1),
    );
    return this.#ended ? [...seen, "closed"] : seen;
  }

  async answerOf(payload: Buffer): Promise<readonly Buffer[]> {
    const marker = `marker ${this.#marks++};`;
    this.#raw.write(writeFrame(payload[0] === COM.QUERY ? this.#query(payload.subarray(1)) : payload, 0));
    const packets: Buffer[] = [];
    let count: Buffer | undefined;
    try {
      if (payload[0] === COM.CHANGE_USER) packets.push(...(await this.#answerSwitch()));
      this.#raw.write(writeFrame(this.#query(Buffer.from(`SELECT '${marker}' AS marker`)), 0));
      for (;;) {
        const packet = Buffer.from(await this.#raw.packet(this.#reader));
        // A marker's answer: the count of its columns, their definitions, ….
        if (packet.includes(marker)) break;
        packets.push(packet);
      }
      count = packets.findLast((packet) => packet.length === 1 && packet[0] === 1);
      const tail = await this.#raw.packet(this.#reader);
      if (tail[0] === HEADER_ERR) throw decodeErr(tail);
    } catch {
      this.#ended = true;
      return packets;
    }
    return packets.slice(0, count === undefined ? packets.length : packets.lastIndexOf(count));
  }

  /** Answers what COM_CHANGE_USER is answered with: no password. */
  async #answerSwitch(): Promise<readonly Buffer[]> {
    const first = Buffer.from(await this.#raw.packet(this.#reader));
    if (first[0] !== HEADER_EOF) return [first];
    this.#raw.write(writeFrame(Buffer.alloc(0), this.#reader.sequenceId + 1));
    return [first.subarray(0, 1 + "mysql_native_password".length), Buffer.from(await this.#raw.packet(this.#reader))];
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
