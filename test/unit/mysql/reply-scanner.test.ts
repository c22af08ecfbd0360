// The scanner must find the same end and the same facts wherever the socket cuts the bytes.

import { describe, expect, test } from "vitest";
import { ShardgateError } from "../../../src/base/errors.ts";
import { BufferWriter } from "../../../src/mysql/codec.ts";
import { SERVER } from "../../../src/mysql/constants.ts";
import { encodeColumnDefinition } from "../../../src/mysql/packets/column-definition.ts";
import { encodeEof } from "../../../src/mysql/packets/eof.ts";
import { type ReplyMode, ReplyScanner } from "../../../src/mysql/reply-scanner.ts";
import { textColumn } from "../../../src/mysql/result-writer.ts";
import { writeFrame } from "../../../src/mysql/frame.ts";
import { buildReply, REPLIES } from "../../wire/reply-builder.ts";

const BEHIND = Buffer.from("bytes of the next reply");

describe("a reply cut anywhere", () => {
  for (const [name, parts] of REPLIES) {
    test(name, () => {
      const reply = buildReply(parts, false);
      const last = parts.at(-1);
      const bytes = Buffer.concat([reply, BEHIND]);
      const whole = scan("query", [bytes]);
      expect(whole.ended).toBe(true);
      expect(whole.replyBytes).toBe(reply.length);
      expect(whole.resultCount).toBe(parts.length);
      expect(whole.kind).toBe(last?.kind === "rows" ? "resultset" : last?.kind);
      if (last?.kind === "rows") {
        expect(whole.columnCount).toBe(last.columns.length);
        expect(whole.rowCount).toBe(last.rows.length);
        expect(whole.failed).toBe(last.error !== undefined);
        if (last.error === undefined) expect(whole.warnings).toBe(last.warnings ?? 0);
      }
      if (!whole.failed) {
        expect(whole.statusFlags & (SERVER.STATUS_AUTOCOMMIT | SERVER.MORE_RESULTS_EXISTS)).toBe(
          SERVER.STATUS_AUTOCOMMIT,
        );
      }
      const lastLength = reply.readUIntLE(whole.lastPacketOffset, 3);
      expect(whole.lastPacketOffset + 4 + lastLength).toBe(reply.length);
      expect(reply[whole.lastPacketOffset + 3]).toBe(whole.lastSequenceId);

      const facts = factsOf(whole);
      for (let cut = 0; cut <= reply.length; cut++) {
        expect(factsOf(scan("query", [bytes.subarray(0, cut), bytes.subarray(cut)]))).toEqual(facts);
      }
      expect(
        factsOf(
          scan(
            "query",
            [...bytes].map((byte) => Buffer.of(byte)),
          ),
        ),
      ).toEqual(facts);
      for (const step of [2, 3, 5, 7, 11]) expect(factsOf(scan("query", slices(bytes, step)))).toEqual(facts);
    });
  }
});

describe("payloads of 16 MiB and more", () => {
  const sizes = [0xffffff - 5, 0xffffff - 4, 0xffffff, 0xffffff + 20, 2 * 0xffffff - 9];
  test.each(sizes)("a row of %i bytes, cut around its frames", (size) => {
    // The value's length form begins with 0xFE from 16 MiB on, like an EOF.
    const reply = buildReply(
      [
        {
          kind: "rows",
          columns: ["a", "b"],
          rows: [
            [Buffer.alloc(size, 0x61), "1"],
            ["2", "3"],
          ],
        },
      ],
      false,
    );
    const facts = factsOf(scan("query", [reply]));
    expect(facts.rowCount).toBe(2);
    expect(facts.replyBytes).toBe(reply.length);
    const start = scan("query", [reply]).rowsOffset;
    for (const frame of [start, start + 4 + 0xffffff, start + 2 * (4 + 0xffffff)]) {
      for (let cut = frame - 3; cut < frame + 8; cut++) {
        if (cut > reply.length) continue;
        expect(factsOf(scan("query", [reply.subarray(0, cut), reply.subarray(cut)]))).toEqual(facts);
      }
    }
  });
});

describe("other commands", () => {
  test("prepare with parameters and columns, cut anywhere", () => {
    const reply = prepareReply(2, 3);
    const facts = factsOf(scan("prepare", [reply]));
    expect(facts).toMatchObject({
      replyBytes: reply.length,
      ended: true,
      statementId: 77,
      parameterCount: 2,
      columnCount: 3,
    });
    for (let cut = 0; cut <= reply.length; cut++) {
      expect(factsOf(scan("prepare", [reply.subarray(0, cut), reply.subarray(cut)]))).toEqual(facts);
    }
  });

  test.each([
    [0, 0],
    [0, 2],
    [1, 0],
  ])("prepare with %i parameters and %i columns", (parameters, columns) => {
    const reply = prepareReply(parameters, columns);
    expect(scan("prepare", [reply, BEHIND])).toMatchObject({ ended: true, replyBytes: reply.length });
  });

  test("an execution that opens a cursor ends behind the definitions", () => {
    const eof = encodeEof({ warnings: 0, statusFlags: SERVER.STATUS_CURSOR_EXISTS });
    const reply = Buffer.concat([
      writeFrame(Buffer.of(1), 1),
      writeFrame(encodeColumnDefinition(textColumn("a")), 2),
      writeFrame(eof, 3),
    ]);
    expect(scan("execute", [reply, BEHIND])).toMatchObject({ ended: true, replyBytes: reply.length, rowCount: 0 });
  });

  test("fetched rows, and a bare packet", () => {
    const rows = Buffer.concat([
      writeFrame(Buffer.of(0, 0, 1, 0x31), 1),
      writeFrame(encodeEof({ warnings: 0, statusFlags: SERVER.STATUS_LAST_ROW_SENT }), 2),
    ]);
    expect(scan("rows", [rows, BEHIND])).toMatchObject({ ended: true, rowCount: 1, replyBytes: rows.length });
    const bare = writeFrame(Buffer.from("Uptime: 1  Threads: 1"), 1);
    for (let cut = 0; cut <= bare.length; cut++) {
      const scanner = scan("one", [bare.subarray(0, cut), bare.subarray(cut), BEHIND]);
      expect(scanner).toMatchObject({ ended: true, replyBytes: bare.length });
    }
  });

  test("LOCAL INFILE stops for the file and goes on with its outcome", () => {
    const request = buildReply([{ kind: "infile", file: "/tmp/a file with a name longer than the head" }], false);
    const outcome = buildReply([{ kind: "ok", affectedRows: 3 }], false);
    for (let cut = 0; cut <= request.length; cut++) {
      const scanner = new ReplyScanner();
      feed(scanner, [request.subarray(0, cut), request.subarray(cut)]);
      expect(scanner).toMatchObject({ ended: true, kind: "infile", replyBytes: request.length });
      scanner.resumeAfterInfile();
      feed(scanner, [outcome, BEHIND]);
      expect(scanner).toMatchObject({ ended: true, kind: "ok", replyBytes: request.length + outcome.length });
    }
  });

  test("a scanner can be used again", () => {
    const scanner = new ReplyScanner();
    for (const [, parts] of [...REPLIES, ...REPLIES]) {
      const reply = buildReply(parts, false);
      scanner.reset("query");
      feed(scanner, [reply]);
      expect(factsOf(scanner)).toEqual(factsOf(scan("query", [reply])));
    }
  });
});

describe("bytes that are no reply", () => {
  const cases: [string, Buffer][] = [
    ["an empty packet", writeFrame(Buffer.alloc(0), 1)],
    ["a column count with bytes behind it", writeFrame(Buffer.of(1, 2), 1)],
    ["a short OK", writeFrame(Buffer.of(0, 0), 1)],
    ["a short ERR", writeFrame(Buffer.of(0xff), 1)],
    ["an EOF at the head", writeFrame(Buffer.of(0xfe, 0, 0, 0, 0), 1)],
    [
      "an EOF among the definitions",
      Buffer.concat([writeFrame(Buffer.of(2), 1), writeFrame(Buffer.of(0xfe, 0, 0, 0, 0), 2)]),
    ],
    [
      "a row where the EOF belongs",
      Buffer.concat([writeFrame(Buffer.of(1), 1), writeFrame(Buffer.of(3, 1), 2), writeFrame(Buffer.of(1, 1), 3)]),
    ],
  ];
  test.each(cases)("%s", (_name, bytes) => {
    expect(() => scan("query", [bytes])).toThrowError(ShardgateError);
    expect(() =>
      scan(
        "query",
        [...bytes].map((byte) => Buffer.of(byte)),
      ),
    ).toThrowError(ShardgateError);
  });
});

function prepareReply(parameters: number, columns: number): Buffer {
  const writer = new BufferWriter();
  writer.u8(0);
  writer.u32(77);
  writer.u16(columns);
  writer.u16(parameters);
  writer.u8(0);
  writer.u16(1);
  const frames = [writer.finish()];
  for (const count of [parameters, columns]) {
    for (let index = 0; index < count; index++) frames.push(encodeColumnDefinition(textColumn(`c${index}`)));
    if (count > 0) frames.push(encodeEof({ warnings: 0, statusFlags: 2 }));
  }
  return Buffer.concat(frames.map((payload, index) => writeFrame(payload, index + 1)));
}

function slices(bytes: Buffer, step: number): Buffer[] {
  const out: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += step) out.push(bytes.subarray(at, at + step));
  return out;
}

function scan(mode: ReplyMode, chunks: readonly Buffer[]): ReplyScanner {
  const scanner = new ReplyScanner(mode);
  feed(scanner, chunks);
  return scanner;
}

function feed(scanner: ReplyScanner, chunks: readonly Buffer[]): void {
  for (const chunk of chunks) {
    // Offsets other than 0 are what shells really pass.
    const padded = Buffer.concat([Buffer.from("xyz"), chunk, Buffer.from("zyx")]);
    const taken = scanner.feed(padded, 3, 3 + chunk.length);
    if (taken < chunk.length) {
      expect(scanner.ended).toBe(true);
      return;
    }
  }
}

function factsOf(scanner: ReplyScanner): Record<string, unknown> {
  return Object.fromEntries(Object.entries(scanner));
}
