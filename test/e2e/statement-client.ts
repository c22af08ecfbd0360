// A client that prepares and executes statements, or runs them as text, and gives the answers as lists of packets; and what
// is compared of them.

import { CLIENT, COM, HEADER_EOF, HEADER_ERR, HEADER_OK, SERVER } from "../../src/mysql/constants.ts";
import { PacketReader } from "../../src/mysql/packet-reader.ts";
import { isLengthCoded } from "../../src/mysql/packets/binary-row.ts";
import { decodeColumnDefinition } from "../../src/mysql/packets/column-definition.ts";
import { decodeErr } from "../../src/mysql/packets/err.ts";
import { decodeOk } from "../../src/mysql/packets/ok.ts";
import { encodeExecute, type ExecuteParameters } from "../../src/mysql/packets/stmt-execute.ts";
import { BASE_CAPABILITIES, RawClient } from "../wire/raw-client.ts";

const BULK_SEND_TYPES = 128;

/** A type, with TYPE_UNSIGNED, and the value in binary form. */
export type Parameter = readonly [type: number, value: Buffer | null];

/** Answers as lists of packets. */
export class StatementClient {
  readonly #raw: RawClient;
  readonly #reader = new PacketReader(64 * 1024 * 1024);

  private constructor(raw: RawClient) {
    this.#raw = raw;
  }

  /** `mariadbCapabilities` are asked for beyond the usual ones. */
  static async connect(
    port: number,
    database: string,
    mariadbCapabilities = 0,
    user = "root",
  ): Promise<StatementClient> {
    const raw = await RawClient.login({
      target: { host: "127.0.0.1", port },
      user,
      capabilities: mariadbCapabilities === 0 ? BASE_CAPABILITIES : BASE_CAPABILITIES & ~CLIENT.MYSQL,
      mariadbCapabilities,
    });
    const client = new StatementClient(raw);
    if (database !== "") await client.query(`USE ${database}`);
    return client;
  }

  async query(sql: string | Buffer): Promise<readonly Buffer[]> {
    this.#raw.send(COM.QUERY, sql);
    return this.#result();
  }

  /** The packets, the statement's id blanked, and the id. */
  async prepare(sql: string | Buffer): Promise<{ readonly packets: readonly Buffer[]; readonly id: number }> {
    this.#raw.send(COM.STMT_PREPARE, sql);
    const head = Buffer.from(await this.#raw.packet(this.#reader));
    if (head[0] === HEADER_ERR) return { packets: [head], id: 0 };
    const id = head.readUInt32LE(1);
    head.writeUInt32LE(0, 1);
    const packets = [head];
    for (const count of [head.readUInt16LE(7), head.readUInt16LE(5)]) {
      if (count === 0) continue;
      for (let i = 0; i <= count; i++) packets.push(Buffer.from(await this.#raw.packet(this.#reader)));
    }
    return { packets, id };
  }

  async execute(id: number, parameters: readonly Parameter[], flags = 0): Promise<readonly Buffer[]> {
    const given: ExecuteParameters = {
      types: parameters.map(([type]) => type),
      values: parameters.map(([, value]) => value),
    };
    const payload = encodeExecute(given);
    payload.writeUInt32LE(id, 1);
    payload[5] = flags;
    this.#raw.send(COM.STMT_EXECUTE, payload.subarray(1));
    return this.#result();
  }

  /** COM_STMT_BULK_EXECUTE with types; a missing value has the indicator of NULL. */
  bulk(id: number, rows: readonly (readonly Parameter[])[]): Promise<readonly Buffer[]> {
    const head = Buffer.alloc(2 + 2 * (rows[0]?.length ?? 0));
    head.writeUInt16LE(BULK_SEND_TYPES);
    for (const [index, [type]] of (rows[0] ?? []).entries()) head.writeUInt16LE(type, 2 + 2 * index);
    const values = rows.flat().flatMap(([type, value]) => {
      if (value === null) return [Buffer.of(1)];
      return isLengthCoded(type) ? [Buffer.of(0, value.length), value] : [Buffer.of(0), value];
    });
    return this.tell(COM.STMT_BULK_EXECUTE, id, Buffer.concat([head, ...values]), true);
  }

  async fetch(id: number, rows: number): Promise<readonly Buffer[]> {
    const payload = Buffer.alloc(8);
    payload.writeUInt32LE(id);
    payload.writeUInt32LE(rows, 4);
    this.#raw.send(COM.STMT_FETCH, payload);
    const packets: Buffer[] = [];
    for (;;) {
      const packet = Buffer.from(await this.#raw.packet(this.#reader));
      packets.push(packet);
      if (isEof(packet) || packet[0] === HEADER_ERR) return packets;
    }
  }

  /** COM_FIELD_LIST. */
  async fields(table: string): Promise<readonly Buffer[]> {
    this.#raw.send(COM.FIELD_LIST, `${table}\0`);
    const packets: Buffer[] = [];
    for (;;) {
      const packet = Buffer.from(await this.#raw.packet(this.#reader));
      packets.push(packet);
      if (isEof(packet) || packet[0] === HEADER_ERR) return packets;
    }
  }

  /** A command with the statement's id and nothing behind it; `answers`: whether there is an answer. */
  async tell(command: number, id: number, more: Buffer = Buffer.alloc(0), answers = false): Promise<readonly Buffer[]> {
    const payload = Buffer.alloc(4);
    payload.writeUInt32LE(id);
    this.#raw.send(command, Buffer.concat([payload, more]));
    return answers ? this.#result() : [];
  }

  close(): void {
    this.#raw.close();
  }

  async #result(): Promise<readonly Buffer[]> {
    const packets: Buffer[] = [];
    let ends = 0;
    let isAtStart = true;
    for (;;) {
      const packet = Buffer.from(await this.#raw.packet(this.#reader));
      packets.push(packet);
      const isOk = isAtStart && packet[0] === HEADER_OK;
      isAtStart = false;
      if (packet[0] === HEADER_ERR) return packets;
      if (!isOk && !isEof(packet)) continue;
      const status = isOk ? decodeOk(packet, 0).statusFlags : packet.readUInt16LE(3);
      const isCursor = (status & SERVER.STATUS_CURSOR_EXISTS) !== 0;
      if (!isOk && ++ends < 2 && !isCursor) continue;
      if ((status & SERVER.MORE_RESULTS_EXISTS) === 0) return packets;
      isAtStart = true;
      ends = 0;
    }
  }
}

export function isEof(packet: Buffer): boolean {
  return packet[0] === HEADER_EOF && packet.length < 9;
}

export function hex(packets: readonly Buffer[]): readonly string[] {
  // Errors name the statement's id, which is each server's own.
  return packets.map((packet) =>
    packet[0] === HEADER_ERR ? packet.toString("latin1").replace(/\(\d+\)/, "(id)") : packet.toString("hex"),
  );
}

/** The columns and parameters that the answer to COM_STMT_PREPARE describes. */
export function described(packets: readonly Buffer[]): unknown {
  const [head, ...rest] = packets;
  if (head === undefined || head[0] === HEADER_ERR) return hex(packets);
  return rest.filter((packet) => !isEof(packet)).map(columnOf);
}

/** What an answer that was put together has in common with one server's: names, types, lengths' kinds, and all values. */
export function merged(packets: readonly Buffer[]): unknown {
  const [first, ...rest] = packets;
  if (first === undefined) return [];
  if (first[0] === HEADER_ERR) return decodeErr(first).errno;
  if (first[0] === 0) {
    const { affectedRows, info } = decodeOk(first, 0);
    return { affectedRows, info };
  }
  const count = first[0] ?? 0;
  const columns = rest.slice(0, count).map(columnOf);
  return { columns, rows: hex(rest.slice(count).filter((packet) => !isEof(packet))) };
}

function columnOf(packet: Buffer): unknown {
  const { name, type, collation, decimals, extended } = decodeColumnDefinition(packet);
  return { name, type, collation, decimals, extended: extended?.toString("latin1") };
}
