// Frames of the call stream (call-socket.ts). Laid out by hand, because an object per call costs more than the whole rest of
// a point select. Little-endian; every frame is
//
//   u32 bytes that follow │ u32 call id │ u8 kind │ body
//
// Knows no SQL and no packets: replies are opaque bytes.

import { ShardgateError } from "../base/errors.ts";
import { readTraceContext, TRACE_CONTEXT_BYTES, type TraceContext, writeTraceContext } from "../base/tracing.ts";

/** Kinds up to 15 go from gateway to tablet, from 16 on from tablet to gateway. */
export const FRAME_EXECUTE = 1;
export const FRAME_CREDIT = 2;
export const FRAME_CANCEL = 3;
export const FRAME_CONCLUDE = 4;
/** A piece of the body of an EXECUTE frame that comes later, with the last piece as its own body. */
export const FRAME_PIECE = 5;
export const FRAME_DATA = 16;
export const FRAME_END = 17;
export const FRAME_FAIL = 18;
/** From either end, of no call: it is there. */
export const FRAME_PING = 32;

// Bits of EXECUTE's flags.
const FLAG_HOLD = 1;
const FLAG_FOUND_ROWS = 2;
const FLAG_STREAMING = 4;
const FLAG_AFTER_IF_EMPTY = 8;
const FLAG_LEAVES_STATE = 16;
/** A database's name, behind its length in one byte, comes before the texts. */
const FLAG_DATABASE = 32;
/** The owner of a connection to be held comes first, eight bytes. */
const FLAG_OWNER = 64;
/** The span that the call is for comes behind that, 25 bytes. */
const FLAG_TRACE = 128;

/** `control` runs statements on a held connection that stays held: savepoints, XA PREPARE. */
export type ConcludeOp = "commit" | "rollback" | "release" | "control";
const CONCLUDE_OPS: readonly ConcludeOp[] = ["commit", "rollback", "release", "control"];

export interface ExecuteRequest {
  /** Keep the connection after this statement: a transaction opens, or a reserved connection is made. */
  readonly hold: boolean;
  /** The client connection that a connection is held for, an id that all gateways know; 0 or undefined: nobody's. */
  readonly owner?: number | undefined;
  /** The connection counts found rows, not changed rows, as affected (CLIENT_FOUND_ROWS). */
  readonly foundRows: boolean;
  /** Take the connection from the streaming pool. */
  readonly streaming: boolean;
  /** 0: the tablet's default. */
  readonly timeoutMs: number;
  /** A held connection to run on; 0: any pooled one. */
  readonly holdId: number;
  /** SET statement that gives a pooled connection the session's settings; empty: defaults. */
  readonly settings: string;
  /** Statements run first on the connection (joinStatements), as those that open a transaction; empty: none. */
  readonly begin: string;
  /** What NOW() and its like give, in microseconds since 1970-01-01 UTC; 0: the mysqld's own time. */
  readonly nowUs: number;
  /** SELECT run right after the statement on its connection, whose reply travels with the end; empty: none. */
  readonly after: string;
  /** `after` is run only if the answer is a result set without rows. */
  readonly afterIfEmpty: boolean;
  /**
   * The statement leaves state that others must not see (user variables): the connection is reset before it is given
   * back, and `after` is run also when the statement has failed.
   */
  readonly leavesState: boolean;
  /**
   * Text of the statement that a COM_STMT_EXECUTE in `payload` is for, whose id the tablet fills in: it is prepared on
   * the connection unless it is so already. Empty for other commands. Borrowed until the call returns.
   */
  readonly prepared: Buffer;
  /** Under which span the call is traced; undefined: it is not. */
  readonly trace?: TraceContext | undefined;
  /** The database of the tablet's mysqld that it is for; empty or undefined: that of the tablet's keyspace. */
  readonly database?: string | undefined;
  /** COM_* byte and its argument, as a client would send it. Borrowed until the call returns. */
  readonly payload: Buffer;
}

/** What the tablet knows of a finished reply. */
export interface ReplyEnd {
  readonly kind: "ok" | "resultset" | "err";
  /** SERVER_STATUS_* of the last packet; 0 for err. */
  readonly status: number;
  readonly warnings: number;
  /** Bytes of the reply's last packet with its header; it lies whole at the end of the last chunk. */
  readonly lastPacketBytes: number;
  /** The connection held for this session after the reply; 0: none. */
  readonly holdId: number;
  /** Raw reply of SHOW WARNINGS run right after the statement, when it left warnings; empty otherwise. */
  readonly warningsReply: Buffer;
  /** Rows of the (last) result set; 0 for an OK. */
  readonly rows: number;
  /** Raw reply of the request's `after`; empty when it was not run. */
  readonly afterReply: Buffer;
}

export interface FailDetails {
  readonly id: string;
  readonly errno: number;
  readonly sqlState: string;
  readonly message: string;
  /** The held connection the call ran on is gone and its transaction rolled back. */
  readonly holdLost: boolean;
}

export const FRAME_HEADER_BYTES = 9;
const EXECUTE_HEADER_BYTES = 2 + 4 + 8 + 4 + 2 + 8 + 4 + 4;
const OWNER_BYTES = 8;
const END_HEADER_BYTES = 1 + 2 + 2 + 4 + 8 + 4 + 8 + 4;
const CONCLUDE_HEADER_BYTES = 1 + 8;
const FIRST_BATCH_BYTES = 16 * 1024;
/** Buffer.from() takes from the pool up to half the pool's size. */
const POOLED_BATCH_BYTES = 4 * 1024;
const KEPT_BATCH_BYTES = 1024 * 1024;
const REPLY_KINDS = ["ok", "resultset", "err"] as const;

/** Collects the frames of one event-loop turn. `take()` hands them over and starts a new batch. */
export class FrameBatch {
  #buffer = Buffer.allocUnsafeSlow(FIRST_BATCH_BYTES);
  #end = 0;

  get bytes(): number {
    return this.#end;
  }

  execute(callId: number, request: ExecuteRequest): void {
    const settingsBytes = Buffer.byteLength(request.settings);
    const beginBytes = Buffer.byteLength(request.begin);
    const afterBytes = Buffer.byteLength(request.after);
    const preparedBytes = request.prepared.length;
    const { database = "", owner = 0 } = request;
    const databaseBytes = database === "" ? 0 : 1 + Buffer.byteLength(database);
    const ownerBytes = owner === 0 ? 0 : OWNER_BYTES;
    const traceBytes = request.trace === undefined ? 0 : TRACE_CONTEXT_BYTES;
    const textBytes = ownerBytes + traceBytes + databaseBytes + settingsBytes + beginBytes + afterBytes + preparedBytes;
    const bodyBytes = EXECUTE_HEADER_BYTES + textBytes + request.payload.length;
    let at = this.#frame(callId, FRAME_EXECUTE, bodyBytes);
    const buffer = this.#buffer;
    const flags =
      (request.hold ? FLAG_HOLD : 0) |
      (request.foundRows ? FLAG_FOUND_ROWS : 0) |
      (request.streaming ? FLAG_STREAMING : 0) |
      (request.afterIfEmpty ? FLAG_AFTER_IF_EMPTY : 0) |
      (request.leavesState ? FLAG_LEAVES_STATE : 0) |
      (databaseBytes > 0 ? FLAG_DATABASE : 0) |
      (ownerBytes > 0 ? FLAG_OWNER : 0) |
      (traceBytes > 0 ? FLAG_TRACE : 0);
    at = buffer.writeUInt16LE(flags, at);
    at = buffer.writeUInt32LE(request.timeoutMs, at);
    at = buffer.writeDoubleLE(request.holdId, at);
    at = buffer.writeUInt32LE(settingsBytes, at);
    at = buffer.writeUInt16LE(beginBytes, at);
    at = buffer.writeDoubleLE(request.nowUs, at);
    at = buffer.writeUInt32LE(afterBytes, at);
    at = buffer.writeUInt32LE(preparedBytes, at);
    if (ownerBytes > 0) at = buffer.writeDoubleLE(owner, at);
    if (request.trace !== undefined) at = writeTraceContext(request.trace, buffer, at);
    if (databaseBytes > 0) {
      at = buffer.writeUInt8(databaseBytes - 1, at);
      at += buffer.write(database, at);
    }
    if (settingsBytes > 0) at += buffer.write(request.settings, at);
    if (beginBytes > 0) at += buffer.write(request.begin, at);
    if (afterBytes > 0) at += buffer.write(request.after, at);
    if (preparedBytes > 0) at += request.prepared.copy(buffer, at);
    request.payload.copy(buffer, at);
  }

  /** A piece of a body that `executeBody` made: `body[start, end)`, which is copied. */
  piece(callId: number, body: Buffer, start: number, end: number): void {
    const at = this.#frame(callId, FRAME_PIECE, end - start);
    body.copy(this.#buffer, at, start, end);
  }

  lastPiece(callId: number, body: Buffer, start: number, end: number): void {
    const at = this.#frame(callId, FRAME_EXECUTE, end - start);
    body.copy(this.#buffer, at, start, end);
  }

  credit(callId: number, bytes: number): void {
    const at = this.#frame(callId, FRAME_CREDIT, 4);
    this.#buffer.writeUInt32LE(bytes, at);
  }

  cancel(callId: number): void {
    this.#frame(callId, FRAME_CANCEL, 0);
  }

  /** `statements`: what is run (joinStatements); empty: COMMIT, ROLLBACK. */
  conclude(callId: number, op: ConcludeOp, holdId: number, statements: string): void {
    let at = this.#frame(callId, FRAME_CONCLUDE, CONCLUDE_HEADER_BYTES + Buffer.byteLength(statements));
    at = this.#buffer.writeUInt8(CONCLUDE_OPS.indexOf(op), at);
    at = this.#buffer.writeDoubleLE(holdId, at);
    this.#buffer.write(statements, at);
  }

  /** `source[start, end)` is copied. */
  data(callId: number, source: Buffer, start: number, end: number): void {
    const at = this.#frame(callId, FRAME_DATA, end - start);
    source.copy(this.#buffer, at, start, end);
  }

  /** The reply's last bytes are `tail` (what was held back) and `source[start, end)`; both are copied. */
  end(callId: number, info: ReplyEnd, tail: Buffer | undefined, source: Buffer, start: number, end: number): void {
    const tailBytes = tail === undefined ? 0 : tail.length;
    const warningsBytes = info.warningsReply.length;
    const afterBytes = info.afterReply.length;
    const bodyBytes = END_HEADER_BYTES + warningsBytes + afterBytes + tailBytes + end - start;
    let at = this.#frame(callId, FRAME_END, bodyBytes);
    const buffer = this.#buffer;
    at = buffer.writeUInt8(REPLY_KINDS.indexOf(info.kind), at);
    at = buffer.writeUInt16LE(info.status, at);
    at = buffer.writeUInt16LE(info.warnings, at);
    at = buffer.writeUInt32LE(info.lastPacketBytes, at);
    at = buffer.writeDoubleLE(info.holdId, at);
    at = buffer.writeUInt32LE(warningsBytes, at);
    at = buffer.writeDoubleLE(info.rows, at);
    at = buffer.writeUInt32LE(afterBytes, at);
    if (warningsBytes > 0) at += info.warningsReply.copy(buffer, at);
    if (afterBytes > 0) at += info.afterReply.copy(buffer, at);
    if (tail !== undefined) at += tail.copy(buffer, at);
    source.copy(buffer, at, start, end);
  }

  fail(callId: number, details: FailDetails): void {
    const text = JSON.stringify(details);
    const at = this.#frame(callId, FRAME_FAIL, Buffer.byteLength(text));
    this.#buffer.write(text, at);
  }

  /** The body of the only frame there is; a view of the buffer, which is not to be used again. */
  onlyBody(): Buffer {
    return this.#buffer.subarray(FRAME_HEADER_BYTES, this.#end);
  }

  /** The frames, owned by the caller. */
  take(): Buffer {
    const batch = this.#buffer.subarray(0, this.#end);
    this.#end = 0;
    // The batch leaves as a copy, a small one out of Node's buffer pool, and this buffer is used again: growing a new one
    // for each turn costs more, above all in garbage collection. One that a large statement has blown up is let go.
    const copy = batch.length <= POOLED_BATCH_BYTES ? Buffer.from(batch) : copyOf(batch);
    if (this.#buffer.length > KEPT_BATCH_BYTES) this.#buffer = Buffer.allocUnsafeSlow(FIRST_BATCH_BYTES);
    return copy;
  }

  /** Makes room, writes the header, returns where the body goes. */
  #frame(callId: number, kind: number, bodyBytes: number): number {
    const start = this.#end;
    const end = start + FRAME_HEADER_BYTES + bodyBytes;
    if (end > this.#buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(end, this.#buffer.length * 2));
      this.#buffer.copy(larger, 0, 0, start);
      this.#buffer = larger;
    }
    const buffer = this.#buffer;
    buffer.writeUInt32LE(FRAME_HEADER_BYTES - 4 + bodyBytes, start);
    buffer.writeUInt32LE(callId, start + 4);
    buffer[start + 8] = kind;
    this.#end = end;
    return start + FRAME_HEADER_BYTES;
  }
}

/** The body of an EXECUTE frame by itself, for a statement that is sent in pieces. */
export function executeBody(request: ExecuteRequest): Buffer {
  const batch = new FrameBatch();
  batch.execute(0, request);
  return batch.onlyBody();
}

function copyOf(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(copy);
  return copy;
}

/** Where the frame ends whose first four bytes are at `at`. Throws ER_MALFORMED_PACKET. */
export function frameEnd(frames: Buffer, at: number): number {
  const bytes = frames.readUInt32LE(at);
  if (bytes < FRAME_HEADER_BYTES - 4) throw malformedFrame("frame length out of bounds");
  return at + 4 + bytes;
}

const PING = Buffer.alloc(FRAME_HEADER_BYTES);
PING.writeUInt32LE(FRAME_HEADER_BYTES - 4);
PING[FRAME_HEADER_BYTES - 1] = FRAME_PING;

export function pingFrame(): Buffer {
  return PING;
}

/** `payload` of the result is a view into `frames`. */
export function decodeExecute(frames: Buffer, start: number, end: number): ExecuteRequest {
  if (end - start < EXECUTE_HEADER_BYTES) throw malformedFrame("truncated EXECUTE");
  const flags = frames.readUInt16LE(start);
  const settingsBytes = frames.readUInt32LE(start + 14);
  const beginBytes = frames.readUInt16LE(start + 18);
  const ownerAt = start + EXECUTE_HEADER_BYTES;
  const hasOwner = (flags & FLAG_OWNER) !== 0;
  const traceAt = hasOwner ? ownerAt + OWNER_BYTES : ownerAt;
  const hasTrace = (flags & FLAG_TRACE) !== 0;
  const databaseAt = hasTrace ? traceAt + TRACE_CONTEXT_BYTES : traceAt;
  const hasDatabase = (flags & FLAG_DATABASE) !== 0;
  const settingsAt = hasDatabase ? databaseAt + 1 + (frames[databaseAt] ?? 0) : databaseAt;
  const beginAt = settingsAt + settingsBytes;
  const afterAt = beginAt + beginBytes;
  const afterBytes = frames.readUInt32LE(start + 28);
  const preparedAt = afterAt + afterBytes;
  const payloadAt = preparedAt + frames.readUInt32LE(start + 32);
  if (payloadAt > end) throw malformedFrame("truncated EXECUTE");
  return {
    owner: hasOwner ? frames.readDoubleLE(ownerAt) : 0,
    trace: hasTrace ? readTraceContext(frames, traceAt) : undefined,
    hold: (flags & FLAG_HOLD) !== 0,
    foundRows: (flags & FLAG_FOUND_ROWS) !== 0,
    streaming: (flags & FLAG_STREAMING) !== 0,
    timeoutMs: frames.readUInt32LE(start + 2),
    holdId: frames.readDoubleLE(start + 6),
    settings: settingsBytes === 0 ? "" : frames.toString("utf8", settingsAt, beginAt),
    begin: beginBytes === 0 ? "" : frames.toString("utf8", beginAt, afterAt),
    nowUs: frames.readDoubleLE(start + 20),
    after: afterBytes === 0 ? "" : frames.toString("utf8", afterAt, preparedAt),
    afterIfEmpty: (flags & FLAG_AFTER_IF_EMPTY) !== 0,
    leavesState: (flags & FLAG_LEAVES_STATE) !== 0,
    prepared: preparedAt === payloadAt ? EMPTY : frames.subarray(preparedAt, payloadAt),
    database: hasDatabase ? frames.toString("utf8", databaseAt + 1, settingsAt) : "",
    payload: frames.subarray(payloadAt, end),
  };
}

export function decodeCredit(frames: Buffer, start: number, end: number): number {
  if (end - start < 4) throw malformedFrame("truncated CREDIT");
  return frames.readUInt32LE(start);
}

export function decodeConclude(
  frames: Buffer,
  start: number,
  end: number,
): { op: ConcludeOp; holdId: number; statements: string } {
  const op = CONCLUDE_OPS[frames[start] ?? 255];
  if (end - start < CONCLUDE_HEADER_BYTES || op === undefined) throw malformedFrame("truncated CONCLUDE");
  const statements = frames.toString("utf8", start + CONCLUDE_HEADER_BYTES, end);
  return { op, holdId: frames.readDoubleLE(start + 1), statements };
}

export interface DecodedEnd {
  readonly info: ReplyEnd;
  /** The reply's last bytes are `frames[chunkAt, end)`. */
  readonly chunkAt: number;
}

export function decodeEnd(frames: Buffer, start: number, end: number): DecodedEnd {
  const kind = REPLY_KINDS[frames[start] ?? 255];
  if (end - start < END_HEADER_BYTES || kind === undefined) throw malformedFrame("truncated END");
  const warningsBytes = frames.readUInt32LE(start + 17);
  const warningsAt = start + END_HEADER_BYTES;
  const afterBytes = frames.readUInt32LE(start + 29);
  const afterAt = warningsAt + warningsBytes;
  const chunkAt = afterAt + afterBytes;
  if (chunkAt > end) throw malformedFrame("truncated END");
  return {
    info: {
      kind,
      status: frames.readUInt16LE(start + 1),
      warnings: frames.readUInt16LE(start + 3),
      lastPacketBytes: frames.readUInt32LE(start + 5),
      holdId: frames.readDoubleLE(start + 9),
      warningsReply: warningsBytes === 0 ? EMPTY : frames.subarray(warningsAt, afterAt),
      rows: frames.readDoubleLE(start + 21),
      afterReply: afterBytes === 0 ? EMPTY : frames.subarray(afterAt, chunkAt),
    },
    chunkAt,
  };
}

export function decodeFail(frames: Buffer, start: number, end: number): FailDetails {
  const parsed: unknown = JSON.parse(frames.toString("utf8", start, end));
  if (!isFailDetails(parsed)) throw malformedFrame("bad FAIL");
  return parsed;
}

function isFailDetails(value: unknown): value is FailDetails {
  return (
    typeof value === "object" &&
    value !== null &&
    "id" in value &&
    typeof value.id === "string" &&
    "errno" in value &&
    typeof value.errno === "number" &&
    "sqlState" in value &&
    typeof value.sqlState === "string" &&
    "message" in value &&
    typeof value.message === "string" &&
    "holdLost" in value &&
    typeof value.holdLost === "boolean"
  );
}

export function malformedFrame(what: string): ShardgateError {
  return new ShardgateError("ER_MALFORMED_PACKET", `call stream: ${what}`);
}

export const EMPTY = Buffer.alloc(0);
