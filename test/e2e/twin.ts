// Two servers that have to be told apart by nobody: a Shardgate cluster (an unsharded keyspace `u`, a sharded one `s` on
// two shards) and one plain MariaDB with the same databases. Statements run on both; answers are compared as far as the
// protocol shows them: rows, order, column names and types, counts, insert ids, info text, warnings, errno and SQLSTATE.

import { expect } from "vitest";
import { CLIENT, COLUMN_FLAG, COM, HEADER_EOF, HEADER_ERR, MYSQL_TYPE, SERVER } from "../../src/mysql/constants.ts";
import { BufferReader } from "../../src/mysql/codec.ts";
import { PacketReader } from "../../src/mysql/packet-reader.ts";
import { type ColumnDefinition, decodeColumnDefinition } from "../../src/mysql/packets/column-definition.ts";
import { decodeErr } from "../../src/mysql/packets/err.ts";
import { decodeOk } from "../../src/mysql/packets/ok.ts";
import { encodeExecute } from "../../src/mysql/packets/stmt-execute.ts";
import type { Cluster } from "../../src/local/cluster.ts";
import type { Mysqld } from "../../src/local/mysqld.ts";
import { startCluster, startMysqld } from "../fixture/cluster.ts";
import { BASE_CAPABILITIES, RawClient } from "../wire/raw-client.ts";

/** Of SERVER_STATUS_*. */
interface Flags {
  readonly inTransaction: boolean;
  /** The transaction is READ ONLY. */
  readonly readOnly: boolean;
  readonly dropped: boolean;
  readonly autocommit: boolean;
  readonly more: boolean;
}

/** What a client sees of one answer. */
export type Outcome =
  | (Flags & {
      readonly kind: "rows";
      readonly columns: readonly ColumnDefinition[];
      /** Each row's values joined: bytes as Latin-1, NULL as \N. */
      readonly rows: readonly string[];
      readonly warnings: number;
    })
  | (Flags & {
      readonly kind: "ok";
      readonly affectedRows: number;
      readonly insertId: string;
      readonly info: string;
      readonly warnings: number;
    })
  | { readonly kind: "error"; readonly errno: number; readonly sqlState: string; readonly message: string };

const PACKET_BYTES_MAX = 256 * 1024 * 1024;
/** A statement gone wrong shall not take the machine's memory. */
const ROWS_MAX = 500_000;

export class TwinClient {
  readonly #raw: RawClient;
  readonly #reader = new PacketReader(PACKET_BYTES_MAX);

  private constructor(raw: RawClient) {
    this.#raw = raw;
  }

  static async connect(port: number, options: { readonly foundRows?: boolean } = {}): Promise<TwinClient> {
    const flags = BASE_CAPABILITIES & ~(CLIENT.MULTI_STATEMENTS | CLIENT.LOCAL_FILES);
    const raw = await RawClient.login({
      target: { host: "127.0.0.1", port },
      user: "root",
      capabilities: options.foundRows === true ? flags | CLIENT.FOUND_ROWS : flags,
    });
    return new TwinClient(raw);
  }

  query(sql: string | Buffer): Promise<Outcome> {
    return this.command(COM.QUERY, sql);
  }

  command(command: number, argument: string | Buffer = ""): Promise<Outcome> {
    const payload = Buffer.concat([Buffer.of(command), Buffer.from(argument)]);
    for (let at = 0, id = 0; ; at += 0xffffff, id++) {
      const part = payload.subarray(at, at + 0xffffff);
      const header = Buffer.alloc(4);
      header.writeUIntLE(part.length, 0, 3);
      header[3] = id & 0xff;
      this.#raw.write(Buffer.concat([header, part]));
      if (part.length < 0xffffff) break;
    }
    return command === COM.FIELD_LIST ? this.#fields() : this.#outcome();
  }

  /** Prepares the statement, executes it once and closes it. Rows come as text; times as their bytes in hexadecimal digits. */
  async execute(sql: string, values: readonly (bigint | string)[]): Promise<Outcome> {
    this.#raw.send(COM.STMT_PREPARE, sql);
    const head = await this.#raw.packet(this.#reader);
    if (head[0] === HEADER_ERR) return errorOf(head);
    const id = head.subarray(1, 5);
    for (const count of [head.readUInt16LE(7), head.readUInt16LE(5)]) {
      for (let i = 0; count > 0 && i <= count; i++) await this.#raw.packet(this.#reader);
    }
    const command = encodeExecute({
      types: values.map((value) => (typeof value === "bigint" ? MYSQL_TYPE.LONGLONG : MYSQL_TYPE.VAR_STRING)),
      values: values.map((value) => (typeof value === "bigint" ? int64(value) : Buffer.from(value))),
    });
    id.copy(command, 1);
    this.#raw.send(COM.STMT_EXECUTE, command.subarray(1));
    const outcome = await this.#result(true);
    this.#raw.send(COM.STMT_CLOSE, id);
    return outcome;
  }

  /** Rows as text, or throws what was answered instead. */
  async rows(sql: string): Promise<readonly string[]> {
    const outcome = await this.query(sql);
    if (outcome.kind !== "rows") throw new Error(`${sql}: ${JSON.stringify(outcome)}`);
    return outcome.rows;
  }

  /** The raw packet that answers a command with one packet. */
  async packet(command: number): Promise<Buffer> {
    this.#raw.send(command);
    return this.#raw.packet(this.#reader);
  }

  close(): void {
    this.#raw.close();
  }

  /** A procedure answers with several results; the last one, an OK, carries what counts. */
  async #outcome(): Promise<Outcome> {
    for (;;) {
      const outcome = await this.#result();
      if (outcome.kind === "error" || !outcome.more) return outcome;
    }
  }

  async #result(isBinary = false): Promise<Outcome> {
    const first = await this.#raw.packet(this.#reader);
    if (first[0] === HEADER_ERR) return errorOf(first);
    if (first[0] === 0) {
      const { affectedRows, lastInsertId, info, warnings, statusFlags } = decodeOk(first, 0);
      return { kind: "ok", affectedRows, insertId: String(lastInsertId), info, warnings, ...flagsOf(statusFlags) };
    }
    const count = new BufferReader(first).lenenc();
    const columns: ColumnDefinition[] = [];
    for (let i = 0; i < count; i++) columns.push(decodeColumnDefinition(await this.#raw.packet(this.#reader)));
    await this.#raw.packet(this.#reader);
    const rows: string[] = [];
    for (;;) {
      const packet = await this.#raw.packet(this.#reader);
      if (packet[0] === HEADER_ERR) return errorOf(packet);
      if (packet[0] === HEADER_EOF && packet.length < 9) {
        return { kind: "rows", columns, rows, warnings: packet.readUInt16LE(1), ...flagsOf(packet.readUInt16LE(3)) };
      }
      if (rows.length === ROWS_MAX) throw new Error(`more than ${ROWS_MAX} rows`);
      rows.push(isBinary ? binaryText(packet, columns) : rowText(packet, count));
    }
  }

  async #fields(): Promise<Outcome> {
    const columns: ColumnDefinition[] = [];
    for (;;) {
      const packet = await this.#raw.packet(this.#reader);
      if (packet[0] === HEADER_ERR) return errorOf(packet);
      if (packet[0] === HEADER_EOF && packet.length < 9) {
        return { kind: "rows", columns, rows: [], warnings: 0, ...flagsOf(packet.readUInt16LE(3)) };
      }
      columns.push(decodeColumnDefinition(packet, true));
    }
  }
}

const INTEGER_BYTES: ReadonlyMap<number, number> = new Map([
  [MYSQL_TYPE.TINY, 1],
  [MYSQL_TYPE.SHORT, 2],
  [MYSQL_TYPE.YEAR, 2],
  [MYSQL_TYPE.INT24, 4],
  [MYSQL_TYPE.LONG, 4],
  [MYSQL_TYPE.LONGLONG, 8],
]);
const TIMES: ReadonlySet<number> = new Set([
  MYSQL_TYPE.DATE,
  MYSQL_TYPE.DATETIME,
  MYSQL_TYPE.TIMESTAMP,
  MYSQL_TYPE.TIME,
]);

/** A binary row's values joined: bytes as Latin-1, NULL as \N. */
function binaryText(packet: Buffer, columns: readonly ColumnDefinition[]): string {
  let at = 1 + ((columns.length + 9) >> 3);
  const values = columns.map(({ type, flags }, index): string => {
    const bit = index + 2;
    if (((packet[1 + (bit >> 3)] ?? 0) & (1 << (bit & 7))) !== 0) return "\\N";
    const integerBytes = INTEGER_BYTES.get(type);
    if (integerBytes !== undefined) {
      const bytes = Buffer.alloc(8);
      packet.copy(bytes, 8 - integerBytes, at, at + integerBytes);
      at += integerBytes;
      const shift = BigInt(8 * (8 - integerBytes));
      const value = (flags & COLUMN_FLAG.UNSIGNED) === 0 ? bytes.readBigInt64LE() : bytes.readBigUInt64LE();
      return String(value >> shift);
    }
    if (type === MYSQL_TYPE.FLOAT) return String(packet.readFloatLE((at += 4) - 4));
    if (type === MYSQL_TYPE.DOUBLE) return String(packet.readDoubleLE((at += 8) - 8));
    if (TIMES.has(type)) {
      const from = at + 1;
      at = from + (packet[at] ?? 0);
      return packet.toString("hex", from, at);
    }
    const reader = new BufferReader(packet, at);
    const length = reader.lenenc();
    at = reader.pos + length;
    return packet.latin1Slice(reader.pos, at);
  });
  return values.join("|");
}

function errorOf(packet: Buffer): Outcome {
  const { errno, sqlState, message } = decodeErr(packet);
  return { kind: "error", errno, sqlState, message };
}

function flagsOf(status: number): Flags {
  return {
    inTransaction: (status & SERVER.STATUS_IN_TRANS) !== 0,
    readOnly: (status & SERVER.STATUS_IN_TRANS_READONLY) !== 0,
    dropped: (status & SERVER.STATUS_DB_DROPPED) !== 0,
    autocommit: (status & SERVER.STATUS_AUTOCOMMIT) !== 0,
    more: (status & SERVER.MORE_RESULTS_EXISTS) !== 0,
  };
}

function int64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(value);
  return bytes;
}

function rowText(packet: Buffer, columns: number): string {
  const reader = new BufferReader(packet);
  const values: string[] = [];
  for (let i = 0; i < columns; i++) {
    if (reader.peek() === 0xfb) {
      reader.skip(1);
      values.push("\\N");
    } else values.push(reader.lenencBytes().toString("latin1"));
  }
  return values.join("|");
}

/** The sequences are Shardgate's only; their ids start where the AUTO_INCREMENT of the plain server does. */
const SEQUENCE = (name: string): string =>
  `CREATE TABLE ${name} (id INT PRIMARY KEY, next_id BIGINT, cache BIGINT) COMMENT 'vitess_sequence';` +
  `INSERT INTO ${name} (id, next_id, cache) VALUES (0, 1000, 1000);`;

const U_SQL = `
CREATE TABLE p (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, name VARCHAR(20), price DECIMAL(8,2), note TEXT, UNIQUE KEY name (name));
CREATE TABLE blobs (id INT PRIMARY KEY, b LONGBLOB);
`;
const S_SQL = `
CREATE TABLE c (id BIGINT NOT NULL PRIMARY KEY, name VARCHAR(20), email VARCHAR(40), n INT, UNIQUE KEY email (email));
CREATE TABLE o (oid BIGINT NOT NULL PRIMARY KEY, cid BIGINT, total DECIMAL(10,2), UNIQUE KEY total (total));
CREATE TABLE i (iid BIGINT NOT NULL PRIMARY KEY, cid BIGINT, oid BIGINT, sku VARCHAR(10));
CREATE TABLE m (mid BIGINT NOT NULL PRIMARY KEY, room VARCHAR(20), body TEXT);
CREATE TABLE x (k BIGINT NOT NULL PRIMARY KEY, v VARCHAR(20));
CREATE TABLE r (id INT NOT NULL PRIMARY KEY, name VARCHAR(20));
`;
const S_VSCHEMA = {
  sharded: true,
  vindexes: {
    hash: { type: "hash" },
    room: { type: "unicode_loose_xxhash" },
    xx: { type: "xxhash" },
  },
  tables: {
    c: {
      column_vindexes: [{ column: "id", name: "hash" }],
      auto_increment: { column: "id", sequence: "u.c_seq" },
    },
    o: {
      column_vindexes: [{ column: "cid", name: "hash" }],
      auto_increment: { column: "oid", sequence: "u.o_seq" },
    },
    i: { column_vindexes: [{ column: "cid", name: "hash" }] },
    m: { column_vindexes: [{ column: "room", name: "room" }] },
    x: { column_vindexes: [{ column: "k", name: "xx" }] },
    r: { type: "reference" },
  },
};

/** Negative and large keys, keys on both shards, NULLs beside. */
export const CUSTOMER_IDS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 53, 0x31, -1, -2, -3, -5, "9223372036854775807"] as const;

/** Where the two are that a pair of clients compares. */
export interface ComparedPorts {
  readonly cluster: { readonly port: number };
  readonly plain: { readonly port: number };
}

export interface Twins {
  readonly cluster: Cluster;
  readonly plain: Mysqld;
  /** Ports of the shards' mysqlds: [s:-80, s:80-]. */
  shardPorts(): readonly number[];
  stop(): Promise<void>;
}

export async function startTwins(gatewayArgs: readonly string[] = []): Promise<Twins> {
  const [cluster, plain] = await Promise.all([
    startCluster({
      keyspaces: {
        u: {
          sql: U_SQL + SEQUENCE("c_seq") + SEQUENCE("o_seq"),
          vschema: { tables: { p: {}, blobs: {}, c_seq: { type: "sequence" }, o_seq: { type: "sequence" } } },
        },
        s: { shards: 2, sql: S_SQL, vschema: S_VSCHEMA },
      },
      gatewayArgs,
    }),
    startMysqld(),
  ]);
  const plainSql = S_SQL.replace(
    "id BIGINT NOT NULL PRIMARY KEY, name",
    "id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, name",
  ).replace(
    "oid BIGINT NOT NULL PRIMARY KEY, cid BIGINT, total",
    "oid BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, cid BIGINT, total",
  );
  const direct = await TwinClient.connect(plain.port);
  for (const [keyspace, sql] of [
    ["u", U_SQL],
    ["s", plainSql],
  ] as const) {
    await must(direct, `CREATE DATABASE ${keyspace}`);
    await must(direct, `USE ${keyspace}`);
    for (const statement of sql.split(";")) if (statement.trim() !== "") await must(direct, statement);
  }
  const shardPorts = cluster
    .processes()
    .filter(({ kind, keyspace }) => kind === "mysqld" && keyspace === "s")
    .map(({ port }) => port);
  for (const port of shardPorts) {
    const shard = await TwinClient.connect(port);
    await must(shard, "USE s");
    await must(shard, "INSERT INTO r VALUES (1, 'one'), (2, 'two'), (3, 'three')");
    shard.close();
  }
  await must(direct, "INSERT INTO s.r VALUES (1, 'one'), (2, 'two'), (3, 'three')");
  await must(direct, "ALTER TABLE s.c AUTO_INCREMENT = 1000");
  await must(direct, "ALTER TABLE s.o AUTO_INCREMENT = 1000");
  direct.close();
  return {
    cluster,
    plain,
    shardPorts: () => shardPorts,
    async stop() {
      await Promise.all([cluster.stop(), plain.stop()]);
    },
  };
}

export async function must(client: TwinClient, sql: string): Promise<void> {
  const outcome = await client.query(sql);
  if (outcome.kind === "error") throw new Error(`${sql}: ${outcome.errno} ${outcome.message}`);
}

/** Deletes all rows, by their key, as a sharded keyspace lets it be done in one transaction. */
export async function emptied(client: TwinClient, table: string, key: string): Promise<void> {
  const keys = (await client.rows(`SELECT ${key} FROM ${table}`)).map((value) => `'${value}'`);
  if (keys.length > 0) await must(client, `DELETE FROM ${table} WHERE ${key} IN (${keys.join(", ")})`);
}

/** Values, errors and warnings: how a query over shards is computed may show in the rest, and in an order nobody asked for. */
export function gist(outcome: Outcome, sql: string | Buffer): object {
  if (outcome.kind === "error") return outcome;
  if (outcome.kind === "ok") return { ...outcome, info: "" };
  return {
    columns: outcome.columns.map(({ name, type, collation }) => ({ name, type, collation })),
    rows: /\border\s+by\b/i.test(String(sql)) ? outcome.rows : outcome.rows.toSorted(),
    warnings: outcome.warnings,
  };
}

/** Runs statements on both servers, in two sessions that live as long as this does. */
export class Pair {
  readonly gateway: TwinClient;
  readonly direct: TwinClient;

  private constructor(gateway: TwinClient, direct: TwinClient) {
    this.gateway = gateway;
    this.direct = direct;
  }

  static async open(
    twins: ComparedPorts,
    keyspace: string,
    options: { readonly foundRows?: boolean } = {},
  ): Promise<Pair> {
    const pair = new Pair(
      await TwinClient.connect(twins.cluster.port, options),
      await TwinClient.connect(twins.plain.port, options),
    );
    await pair.same(`USE ${keyspace}`);
    return pair;
  }

  async both(sql: string | Buffer): Promise<[Outcome, Outcome]> {
    return Promise.all([this.gateway.query(sql), this.direct.query(sql)]);
  }

  /** Both answer the same. */
  async same(sql: string | Buffer): Promise<Outcome> {
    const [got, wanted] = await this.both(sql);
    expect(shown(got, sql), String(sql)).toEqual(shown(wanted, sql));
    return got;
  }

  /** Both answer the same, or the gateway refuses with 1235. Returns whether it was answered. */
  async sameOrRefused(sql: string): Promise<boolean> {
    const [got, wanted] = await this.both(sql);
    if (got.kind === "error" && got.errno === 1235) return false;
    const gathered = got.kind === "rows" && got.columns.some(({ orgTable }) => orgTable.startsWith("shardgate_gather"));
    expect(sharded(got, sql, gathered), sql).toEqual(sharded(wanted, sql, gathered));
    return true;
  }

  /** The statements one after the other, each the same or refused. Returns those that were refused. */
  async allSameOrRefused(statements: readonly string[]): Promise<readonly string[]> {
    const refused: string[] = [];
    for (const sql of statements) if (!(await this.sameOrRefused(sql))) refused.push(sql);
    return refused;
  }

  async allSame(statements: readonly (string | Buffer)[]): Promise<void> {
    for (const sql of statements) await this.same(sql);
  }

  close(): void {
    this.gateway.close();
    this.direct.close();
  }
}

/** AUTO_INCREMENT and NO_DEFAULT_VALUE: sharded tables have sequences instead. */
const AUTO_INCREMENT_FLAGS = 512 | 4096;
/** PRI_KEY, UNIQUE_KEY, MULTIPLE_KEY, PART_KEY: rows gathered into temporary tables have no keys there. */
const KEY_FLAGS = 2 | 4 | 8 | 16_384;
const NOT_NULL_FLAG = 1;

/** A warning about a literal comes from every shard that reads it: that there are some is what has to agree. */
function sharded(outcome: Outcome, sql: string, gathered: boolean): object {
  const seen = shown(outcome, sql, gathered);
  return outcome.kind === "rows" && outcome.warnings > 0 && !gathered ? { ...seen, warnings: "some" } : seen;
}

/** For comparing: rows in order only under ORDER BY; messages without what the servers are called. */
export function shown(outcome: Outcome, sql: string | Buffer, gathered = false): object {
  if (outcome.kind !== "rows") return outcome;
  const ordered = /\border\s+by\b/i.test(String(sql));
  const hidden = AUTO_INCREMENT_FLAGS | (gathered ? KEY_FLAGS : 0);
  return {
    ...outcome,
    columns: outcome.columns.map((column) => ({
      ...column,
      orgTable: gathered ? "" : column.orgTable,
      flags: column.flags & ~(column.table === "" ? hidden | NOT_NULL_FLAG : hidden),
      // A session's value stands as a literal in what a shard computes: of the same type, but not of the same length.
      columnLength: column.table === "" ? 0 : column.columnLength,
      decimals: column.table === "" ? 0 : column.decimals,
    })),
    warnings: gathered ? 0 : outcome.warnings,
    rows: ordered ? outcome.rows : outcome.rows.toSorted(),
  };
}
