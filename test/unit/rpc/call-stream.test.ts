// The shared call stream over real sockets, and its frames.

import { afterEach, describe, expect, test } from "vitest";
import { systemClock } from "../../../src/base/clock.ts";
import { ShardgateError } from "../../../src/base/errors.ts";
import { createLog } from "../../../src/base/log.ts";
import { CallClient, type ReplySink } from "../../../src/rpc/call-client.ts";
import { failDetailsOf } from "../../../src/rpc/fail-details.ts";
import {
  decodeConclude,
  decodeCredit,
  decodeEnd,
  decodeExecute,
  decodeFail,
  EMPTY,
  type ExecuteRequest,
  FRAME_CANCEL,
  FRAME_CONCLUDE,
  FRAME_CREDIT,
  FRAME_DATA,
  FRAME_END,
  FRAME_EXECUTE,
  FRAME_FAIL,
  FRAME_HEADER_BYTES,
  FRAME_PING,
  FrameBatch,
  pingFrame,
  type ReplyEnd,
} from "../../../src/rpc/frame.ts";
import { FrameReader } from "../../../src/rpc/frame-reader.ts";
import { startTabletServer, type TabletServer } from "../../../src/rpc/tablet-server.ts";

const REQUEST: ExecuteRequest = {
  owner: 2 ** 31 + 7,
  trace: { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", isSampled: true },
  hold: true,
  foundRows: true,
  streaming: false,
  timeoutMs: 1_234,
  holdId: 2 ** 47 + 5,
  settings: "SET @a = 'é'",
  begin: "START TRANSACTION",
  nowUs: 1_700_000_000_123_456,
  after: "SELECT @a, 'ü'",
  afterIfEmpty: true,
  leavesState: true,
  prepared: Buffer.from("SELECT ?"),
  database: "müll",
  payload: Buffer.from("\u0003SELECT 1"),
};
const END: ReplyEnd = {
  kind: "resultset",
  status: 0x22,
  warnings: 3,
  lastPacketBytes: 9,
  holdId: 77,
  warningsReply: Buffer.from("warned"),
  rows: 2 ** 33,
  afterReply: Buffer.from("what was asked"),
};
const OK_END: ReplyEnd = { ...END, kind: "ok", warningsReply: EMPTY, rows: 0, afterReply: EMPTY };

describe("frames", () => {
  test("come back from a batch as they went in, however they are cut", () => {
    const batch = new FrameBatch();
    batch.execute(1, REQUEST);
    batch.credit(2, 123_456);
    batch.cancel(3);
    batch.conclude(4, "control", 2 ** 40, "XA END x\0XA PREPARE x");
    batch.data(5, Buffer.from("xabcx"), 1, 4);
    batch.end(6, END, Buffer.from("tail"), Buffer.from("..last.."), 2, 6);
    batch.fail(7, failDetailsOf(new ShardgateError("POOL_EXHAUSTED", "full"), true));
    const bytes = Buffer.concat([batch.take(), pingFrame()]);
    const whole = [
      [1, FRAME_EXECUTE, REQUEST],
      [2, FRAME_CREDIT, 123_456],
      [3, FRAME_CANCEL, ""],
      [4, FRAME_CONCLUDE, { op: "control", holdId: 2 ** 40, statements: "XA END x\0XA PREPARE x" }],
      [5, FRAME_DATA, "abc"],
      [6, FRAME_END, { info: END, chunk: "taillast" }],
      [7, FRAME_FAIL, expect.objectContaining({ id: "POOL_EXHAUSTED", errno: 1040, message: "full", holdLost: true })],
      [0, FRAME_PING, ""],
    ];
    expect(read([bytes])).toEqual(whole);
    for (let cut = 1; cut < bytes.length; cut++) {
      expect(read([bytes.subarray(0, cut), bytes.subarray(cut)]), `cut at ${cut}`).toEqual(whole);
    }
    expect(read(Array.from(bytes, (byte) => Buffer.of(byte)))).toEqual(whole);
    expect(batch.bytes).toBe(0);
  });

  test("whose bodies are cut short are refused at every length", () => {
    const batch = new FrameBatch();
    batch.execute(1, { ...REQUEST, payload: Buffer.from("x") });
    const execute = batch.take();
    batch.end(2, { ...END, afterReply: EMPTY, warningsReply: EMPTY }, undefined, EMPTY, 0, 0);
    const end = batch.take();
    for (const frame of [execute, end]) {
      for (let bytes = FRAME_HEADER_BYTES; bytes < frame.length - 1; bytes++) {
        const cut = Buffer.from(frame.subarray(0, bytes));
        cut.writeUInt32LE(bytes - 4);
        expect(() => read([cut]), `${bytes} bytes`).toThrow(ShardgateError);
      }
    }
  });

  test("of impossible lengths are refused", () => {
    for (const length of [0, 4, 0x7fff_ffff]) {
      const frame = Buffer.alloc(FRAME_HEADER_BYTES);
      frame.writeUInt32LE(length);
      expect(() => read([frame]), `${length}`).toThrow(ShardgateError);
    }
  });
});

/** What a reader finds in `portions`. */
function read(portions: readonly Buffer[]): [number, number, unknown][] {
  const seen: [number, number, unknown][] = [];
  const reader = new FrameReader((callId, kind, frames, start, end) => {
    const body = (): unknown => {
      switch (kind) {
        case FRAME_EXECUTE:
          return decodeExecute(frames, start, end);
        case FRAME_CREDIT:
          return decodeCredit(frames, start, end);
        case FRAME_CONCLUDE:
          return decodeConclude(frames, start, end);
        case FRAME_END: {
          const { info, chunkAt } = decodeEnd(frames, start, end);
          return { info, chunk: frames.toString("latin1", chunkAt, end) };
        }
        case FRAME_FAIL:
          return decodeFail(frames, start, end);
        default:
          return frames.toString("latin1", start, end);
      }
    };
    seen.push([callId, kind, body()]);
  });
  for (const [at, portion] of portions.entries()) {
    if (at % 3 !== 1) reader.push(portion);
    else {
      // Memory that others read into next.
      const shared = Buffer.concat([portion, Buffer.from("behind")]);
      reader.pushCopy(shared, portion.length);
      shared.fill(0xee);
    }
  }
  return seen;
}

describe("the stream", () => {
  let server: TabletServer | undefined;
  let client: CallClient | undefined;
  afterEach(async () => {
    client?.close();
    await server?.stop(100);
  });

  /** A gateway's end, up, of a stream to a tablet that answers every statement with itself. */
  async function opened(executed: (payload: Buffer) => void = () => undefined): Promise<CallClient> {
    const log = createLog("test", "silent");
    server = await startTabletServer("127.0.0.1:0", {
      tls: undefined,
      silenceMaxS: 20,
      ports: {
        acceptCalls: (calls) => ({
          execute(callId, { payload }) {
            executed(payload);
            calls.data(callId, payload, 1, payload.length);
            calls.end(callId, OK_END, undefined, payload, 0, 1);
          },
          conclude: (callId) => calls.end(callId, OK_END, undefined, EMPTY, 0, 0),
          credit: () => undefined,
          cancel: () => undefined,
          closed: () => undefined,
        }),
        watchHealth: () => () => undefined,
        applySchema: () => Promise.resolve(0),
        getSchema: () => Promise.resolve([]),
        watchSchema: () => ({ next: () => undefined, close: () => undefined }),
        refreshSchema: () => Promise.resolve(0),
        lockWaits: () => Promise.resolve([]),
        decideTransaction: () => Promise.resolve("abort"),
        transactions: () => Promise.resolve({ prepared: [], decisions: [] }),
        resolveTransaction: () => Promise.resolve(0),
      },
      clock: systemClock,
      log,
    });
    const { address } = server;
    return new Promise<CallClient>((resolve) => {
      const made: CallClient = new CallClient({
        address,
        tls: undefined,
        silenceMaxS: 20,
        clock: systemClock,
        log,
        onState: (up) => {
          if (up) resolve(made);
        },
      });
      client = made;
    });
  }

  function answered(calls: CallClient, payload: Buffer): { callId: number; reply: Promise<Buffer> } {
    const chunks: Buffer[] = [];
    const { promise, resolve, reject } = withResolvers<Buffer>();
    const sink: ReplySink = {
      data: (chunk) => chunks.push(chunk),
      end: () => resolve(Buffer.concat(chunks)),
      fail: reject,
    };
    return { callId: calls.execute({ ...REQUEST, payload }, sink), reply: promise };
  }

  test("large statements arrive whole in pieces, and small ones pass them", async () => {
    const order: number[] = [];
    const calls = await opened((payload) => order.push(payload.length));
    const larges = [20_000_000, 9_000_000].map((bytes, i) => Buffer.alloc(bytes, `\u0003statement ${i} `));
    const waiting = larges.map((payload) => answered(calls, payload));
    const small = answered(calls, Buffer.from("\u0003small"));
    expect((await small.reply).toString()).toBe("small");
    for (const [i, { reply }] of waiting.entries()) {
      expect((await reply).equals(larges[i]?.subarray(1) ?? EMPTY)).toBe(true);
    }
    expect(order).toEqual([6, 9_000_000, 20_000_000]);
    expect(calls.callsInFlight).toBe(0);
  });

  test("a large statement is called back before its last piece has left", async () => {
    const executed: number[] = [];
    const calls = await opened((payload) => executed.push(payload.length));
    const begun = answered(calls, Buffer.alloc(5_000_000, 3));
    const unsent = answered(calls, Buffer.alloc(4_000_000, 3));
    const other = answered(calls, Buffer.alloc(3_000_000, 3));
    calls.cancel(begun.callId);
    calls.cancel(unsent.callId);
    await expect(begun.reply).rejects.toThrow("interrupted");
    await expect(unsent.reply).rejects.toThrow("interrupted");
    expect((await other.reply).length).toBe(2_999_999);
    expect((await answered(calls, Buffer.from("\u0003after")).reply).toString()).toBe("after");
    expect(executed).toEqual([3_000_000, 6]);
    expect(calls.callsInFlight).toBe(0);
  });

  test("a sink that throws costs its own call, not the others", async () => {
    const calls = await opened();
    const replies = ["one", "two", "three", "four"].map(
      (text, i) =>
        new Promise<string>((resolve, reject) => {
          let seen = "";
          const sink: ReplySink = {
            data(chunk) {
              if (i === 1) throw new Error("a bug in data");
              seen += chunk.toString();
            },
            end() {
              if (i === 2) {
                reject(new Error("told"));
                throw new Error("a bug in end");
              }
              resolve(seen);
            },
            fail: reject,
          };
          calls.execute({ ...REQUEST, payload: Buffer.from(`\u0003${text}`) }, sink);
        }),
    );
    const results = await Promise.allSettled(replies);
    expect(results.map((result) => (result.status === "fulfilled" ? result.value : String(result.reason)))).toEqual([
      "one",
      "",
      "Error: told",
      "four",
    ]);
    expect(calls.up).toBe(true);
    expect(calls.callsInFlight).toBe(0);
  });
});

function withResolvers<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (error: Error) => void } {
  let resolve: (value: T) => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<T>((done, failed) => {
    resolve = done;
    reject = failed;
  });
  return { promise, resolve, reject };
}
