// Shards without tablets: a ShardPort whose shards are databases of one mariadbd. Replies stream within a call's credit as
// a tablet sends them, connections can be held and statements cancelled; what was sent and received is counted.

import { ShardgateError } from "../../../src/base/errors.ts";
import { LIMITS } from "../../../src/base/limits.ts";
import type { ReplySink, ShardCall, ShardPort, ShardRequest, ShardTarget } from "../../../src/engine/ports.ts";
import type { ReplyEnd } from "../../../src/engine/reply.ts";
import { CLIENT } from "../../../src/mysql/constants.ts";
import { PacketReader } from "../../../src/mysql/packet-reader.ts";
import { ReplyScanner } from "../../../src/mysql/reply-scanner.ts";
import { writeFrame } from "../../../src/mysql/frame.ts";
import { BASE_CAPABILITIES, RawClient } from "../../wire/raw-client.ts";

interface Connection {
  readonly client: RawClient;
  readonly shard: string;
  readonly threadId: string;
  settings: string;
}

export interface SentStatement {
  readonly shard: string;
  readonly sql: string;
  readonly holdId: number;
  rows: number;
  bytes: number;
  isCancelled: boolean;
}

const EMPTY = Buffer.alloc(0);

export class DirectPort implements ShardPort {
  readonly sent: SentStatement[] = [];
  readonly #port: number;
  readonly #idle: Connection[] = [];
  readonly #held = new Map<number, Connection>();
  readonly #all = new Set<RawClient>();
  readonly #busy = new Set<Connection>();
  #nextHoldId = 1;

  constructor(port: number) {
    this.#port = port;
  }

  execute(target: ShardTarget, request: ShardRequest, sink: ReplySink): ShardCall {
    const sql = request.payload.toString("utf8", 1);
    const statement = { shard: target.shard, sql, holdId: request.holdId, rows: 0, bytes: 0, isCancelled: false };
    this.sent.push(statement);
    const call = new DirectCall(sink, statement);
    void this.#run(target, request, call).catch((error: unknown) => {
      sink.fail(new ShardgateError("SHARD_CONNECTION_LOST", String(error)), request.holdId !== 0);
    });
    return {
      consumed: (bytes) => call.grant(bytes),
      cancel: () => call.cancel(this.#port),
    };
  }

  conclude(): ShardCall {
    throw new Error("not needed here");
  }

  /** Ends the connection that the last statement on the shard runs on. */
  breakConnection(shard: string): void {
    for (const { client, shard: own } of this.#busy) if (own === shard) client.close();
  }

  close(): void {
    for (const client of this.#all) client.close();
  }

  async #run(target: ShardTarget, request: ShardRequest, call: DirectCall): Promise<void> {
    const held = this.#held.get(request.holdId);
    if (held !== undefined && this.#busy.has(held))
      throw new Error("the connection's previous statement has not ended");
    const connection = held ?? (await this.#lease(target.shard));
    this.#busy.add(connection);
    const { settings, begin, hold } = request;
    if (settings !== connection.settings && settings !== "") {
      await oneReply(connection.client, settings);
      connection.settings = settings;
    }
    if (begin !== "") await oneReply(connection.client, begin);
    const info = await call.run(connection, request.payload);
    await call.whenKilled(connection);
    this.#busy.delete(connection);
    let holdId = request.holdId;
    if (hold && info !== undefined) {
      holdId = this.#nextHoldId++;
      this.#held.set(holdId, connection);
    } else if (held === undefined) this.#idle.push(connection);
    call.end(info === undefined ? undefined : { ...info, holdId });
  }

  async #lease(shard: string): Promise<Connection> {
    const at = this.#idle.findIndex((connection) => connection.shard === shard && connection.settings === "");
    const [idle] = at < 0 ? [] : this.#idle.splice(at, 1);
    if (idle !== undefined) return idle;
    const client = await RawClient.login({
      target: { host: "127.0.0.1", port: this.#port },
      user: "root",
      capabilities: BASE_CAPABILITIES & ~CLIENT.LOCAL_FILES,
    });
    this.#all.add(client);
    await oneReply(client, `USE ${shard}`);
    await oneReply(client, "SET NAMES utf8mb4");
    const reply = await oneReply(client, "SELECT CONNECTION_ID()");
    const reader = new PacketReader(1 << 20);
    reader.push(reply);
    const packets = Array.from({ length: 4 }, () => reader.next());
    return { client, shard, settings: "", threadId: packets[3]?.toString("latin1", 1) ?? "" };
  }
}

class DirectCall {
  readonly #sink: ReplySink;
  readonly #statement: SentStatement;
  #creditBytes: number = LIMITS.callCreditBytes;
  #wake: (() => void) | undefined;
  #connection: Connection | undefined;
  #kill: Promise<void> | undefined;
  #last: Buffer = EMPTY;

  constructor(sink: ReplySink, statement: SentStatement) {
    this.#sink = sink;
    this.#statement = statement;
  }

  grant(bytes: number): void {
    this.#creditBytes += bytes;
    this.#wake?.();
  }

  cancel(port: number): void {
    this.#statement.isCancelled = true;
    this.grant(Number.MAX_SAFE_INTEGER / 2);
    const threadId = this.#connection?.threadId;
    if (threadId !== undefined && this.#kill === undefined) this.#kill = kill(port, threadId);
  }

  /** A KILL that comes when the statement has ended is met here, not by the connection's next statement. */
  async whenKilled({ client }: Connection): Promise<void> {
    if (this.#kill === undefined) return;
    await this.#kill;
    await oneReply(client, "DO 0").catch(() => undefined);
  }

  /** Undefined when it was cancelled. */
  async run(connection: Connection, payload: Buffer): Promise<Omit<ReplyEnd, "holdId"> | undefined> {
    this.#connection = connection;
    const scanner = new ReplyScanner("query");
    connection.client.write(writeFrame(payload, 0));
    let held: Buffer = EMPTY;
    for (;;) {
      const chunk = await connection.client.chunk();
      scanner.feed(chunk, 0, chunk.length);
      this.#statement.rows = scanner.rowCount;
      this.#statement.bytes += chunk.length;
      // The last packet must lie whole in the last chunk.
      const bytes = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      if (scanner.ended) {
        const kind = scanner.failed ? "err" : scanner.kind === "resultset" ? "resultset" : "ok";
        this.#last = bytes;
        if (kind === "err" && this.#statement.isCancelled) return undefined;
        const lastPacketBytes = scanner.replyBytes - scanner.lastPacketOffset;
        const { statusFlags: status, warnings, rowCount: rows } = scanner;
        return { kind, status, warnings, lastPacketBytes, warningsReply: EMPTY, rows, afterReply: EMPTY };
      }
      const keep = Math.min(bytes.length, scanner.replyBytes - scanner.lastPacketOffset);
      held = keep > 4096 || keep < 0 ? EMPTY : bytes.subarray(bytes.length - keep);
      const out = bytes.subarray(0, bytes.length - held.length);
      if (out.length === 0) continue;
      this.#creditBytes -= out.length;
      this.#sink.data(Buffer.from(out));
      while (this.#creditBytes <= 0) {
        connection.client.socket.pause();
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        connection.client.socket.resume();
      }
    }
  }

  end(info: ReplyEnd | undefined): void {
    if (info !== undefined) this.#sink.end(info, Buffer.from(this.#last));
    else this.#sink.fail(new ShardgateError("CANCELLED", "Query execution was interrupted"), false);
  }
}

async function kill(port: number, threadId: string): Promise<void> {
  const killer = await RawClient.login({ target: { host: "127.0.0.1", port }, user: "root" });
  await oneReply(killer, `KILL QUERY ${threadId}`);
  killer.close();
}

/** The whole reply to one statement. */
async function oneReply(client: RawClient, sql: string): Promise<Buffer> {
  const scanner = new ReplyScanner("query");
  client.query(sql);
  const parts: Buffer[] = [];
  while (!scanner.ended) {
    const chunk = await client.chunk();
    scanner.feed(chunk, 0, chunk.length);
    parts.push(chunk);
  }
  if (scanner.failed) throw new Error(`${sql}: errno ${scanner.errno}`);
  return Buffer.concat(parts);
}
