// Several statements in one COM_QUERY (CLIENT_MULTI_STATEMENTS, COM_SET_OPTION): the executor runs one after the other, and
// their answers become one reply, as a client in front of the client: sequence ids go on, and each answer but the last says
// that more results follow. The first error ends the packet; what stands behind it is not run.
// The manual: dev.mysql.com/doc/c-api/8.0/en/c-api-multiple-queries.html

import { assert } from "../../base/assert.ts";
import { PACKET_HEADER_BYTES, SERVER } from "../../mysql/constants.ts";
import { BufferReader } from "../../mysql/codec.ts";
import { ReplyScanner } from "../../mysql/reply-scanner.ts";
import { Resequencer } from "../../mysql/row-cutter.ts";
import { normalize } from "../../sql/normalize.ts";
import { statementEnd } from "../../sql/statement-end.ts";
import { syntaxError } from "../../sql/syntax-error.ts";
import { decodeSql } from "../../sql/encoding.ts";
import type { SqlMode } from "../../sql/tree.ts";
import type { ClientPacket, ExecutorClient } from "./executor-client.ts";
import { EdgeClient } from "./forwarding-client.ts";

/** Runs the statements: the session's executor. */
export interface StatementRunner {
  readonly state: { readonly sqlMode: SqlMode };
  query(payload: Buffer, sequenceId: number): void;
  answering(sequenceId: number): { fail(error: Error): void };
}

const COM_QUERY = Buffer.of(3);
const SEMICOLON = 0x3b;

export class MultiStatement extends EdgeClient {
  /** The client has said that `;` separates statements. */
  enabled: boolean;
  readonly #startsStatement: () => void;
  /** Made when it is needed first: idle clients are many. */
  #scanner: ReplyScanner | undefined;
  #runner: StatementRunner | undefined;
  /** What is still to be run; undefined outside of packets with several statements, and behind an error. */
  #rest: Buffer | undefined;
  /** Set while several statements are run. */
  #sequence: Resequencer | undefined;
  /** The client has taken enough of the answers for the next statement. */
  #takesMore = true;

  /** `startsStatement` is called before each but the first. */
  constructor(client: ExecutorClient, enabled: boolean, startsStatement: () => void) {
    super(client);
    this.enabled = enabled;
    this.#startsStatement = startsStatement;
  }

  /** Runs the statements of a COM_QUERY; `runner` is the executor that has this for its client. */
  query(runner: StatementRunner, payload: Buffer, sequenceId: number): void {
    if (!this.enabled || !payload.includes(SEMICOLON, 1)) {
      runner.query(payload, sequenceId);
      return;
    }
    const sql = payload.subarray(1, trimmedEnd(payload));
    if (firstOf(sql, runner.state.sqlMode).end === sql.length) {
      runner.query(payload, sequenceId);
      return;
    }
    this.#runner = runner;
    this.#rest = sql;
    this.#sequence = new Resequencer(sequenceId + 1);
    this.#next();
  }

  override write(bytes: Buffer): boolean {
    if (this.#sequence !== undefined) {
      this.#sequence.push(bytes);
      if (this.#rest !== undefined && this.#scanner !== undefined) this.#announce(bytes, this.#scanner);
    }
    this.#takesMore = this.client.write(bytes);
    return this.#takesMore;
  }

  override commandDone(): void {
    if (this.#rest === undefined) {
      this.#sequence = undefined;
      this.client.commandDone();
      return;
    }
    // Not from within the statement before: there may be very many.
    queueMicrotask(() => {
      if (this.#takesMore) this.#goOn();
      else this.client.onDrain(() => this.#goOn());
    });
  }

  #goOn(): void {
    if (this.#rest === undefined) {
      this.commandDone();
      return;
    }
    this.#startsStatement();
    this.#next();
  }

  override async nextPacket(): Promise<ClientPacket | undefined> {
    const packet = await this.client.nextPacket?.();
    if (packet !== undefined && this.#sequence !== undefined) {
      this.#sequence = new Resequencer(packet.sequenceId + 1);
    }
    return packet;
  }

  override end(): void {
    this.#rest = undefined;
    this.client.end();
  }

  override destroy(): void {
    this.#rest = undefined;
    this.client.destroy();
  }

  #next(): void {
    const { sqlMode } = this.#runner?.state ?? {};
    const sql = this.#rest;
    assert(this.#runner !== undefined && sql !== undefined && sqlMode !== undefined, "a statement is left");
    const from = blankEnd(sql, 0);
    const text = sql.subarray(from);
    const { end, isEmpty } = firstOf(text, sqlMode);
    this.#rest = end < text.length ? text.subarray(end + 1) : undefined;
    this.#scanner ??= new ReplyScanner();
    this.#scanner.reset("query");
    // A comment may be the last statement, but no `;` may stand behind nothing.
    if (isEmpty && end < text.length) {
      const near = decodeSql(text.subarray(0, end)).length;
      this.#runner.answering(0).fail(syntaxError(decodeSql(text), near, sqlMode));
    } else this.#runner.query(Buffer.concat([COM_QUERY, text.subarray(0, end)]), 0);
  }

  /** Says in the answer's last packet, and as a server does also behind its column definitions, that there is more. */
  #announce(bytes: Buffer, scanner: ReplyScanner): void {
    const before = scanner.replyBytes;
    const { rowsOffset } = scanner;
    scanner.feed(bytes, 0, bytes.length);
    if (scanner.failed) {
      this.#rest = undefined;
      return;
    }
    if (scanner.rowsOffset !== rowsOffset) setMore(bytes, scanner.rowsOffset - before - EOF_STATUS_BYTES);
    if (!scanner.ended) return;
    if (scanner.kind === "infile") {
      // The file is asked for; the answer follows it.
      scanner.reset("query");
      return;
    }
    const last = scanner.lastPacketOffset - before + PACKET_HEADER_BYTES;
    if (scanner.kind === "resultset") {
      setMore(bytes, bytes.length - EOF_STATUS_BYTES);
      return;
    }
    const reader = new BufferReader(bytes, last + 1);
    reader.lenencBig();
    reader.lenencBig();
    setMore(bytes, reader.pos);
  }
}

/** The status flags are the last bytes of an EOF packet. */
const EOF_STATUS_BYTES = 2;

function setMore(bytes: Buffer, at: number): void {
  if (at >= 0) bytes.writeUInt16LE(bytes.readUInt16LE(at) | SERVER.MORE_RESULTS_EXISTS, at);
}

function firstOf(sql: Buffer, mode: SqlMode): { readonly end: number; readonly isEmpty: boolean } {
  const normalized = normalize(sql, mode);
  return { end: statementEnd(sql, normalized, mode), isEmpty: normalized.key === "" };
}

function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || (byte !== undefined && byte >= 0x09 && byte <= 0x0d);
}

function blankEnd(sql: Buffer, from: number): number {
  let at = from;
  while (isBlank(sql[at])) at++;
  return at;
}

/** Servers take white space and semicolons off the end of a packet before they look at it. */
function trimmedEnd(payload: Buffer): number {
  let end = payload.length;
  while (end > 1 && (payload[end - 1] === SEMICOLON || isBlank(payload[end - 1]))) end--;
  return end;
}
