// Reframing and cutting: whatever the cut, the pieces put together must be the bytes that a server speaking
// CLIENT_DEPRECATE_EOF would have sent, and the rows of several replies must form one result.

import { describe, expect, test } from "vitest";
import { ShardgateError } from "../../../src/base/errors.ts";
import { SERVER } from "../../../src/mysql/constants.ts";
import { writeFrame } from "../../../src/mysql/frame.ts";
import { encodeColumnDefinition } from "../../../src/mysql/packets/column-definition.ts";
import { encodeEof } from "../../../src/mysql/packets/eof.ts";
import { type ReframedMode, ReplyReframer } from "../../../src/mysql/reply-reframe.ts";
import { textColumn } from "../../../src/mysql/result-writer.ts";
import { Resequencer, RowCutter } from "../../../src/mysql/row-cutter.ts";
import { buildReply, REPLIES, unframe } from "../../wire/reply-builder.ts";

describe("classic framing to CLIENT_DEPRECATE_EOF, cut anywhere", () => {
  for (const [name, parts] of REPLIES) {
    test(name, () => {
      const classic = buildReply(parts, false);
      const wanted = buildReply(parts, true);
      expect(reframe([classic])).toEqual(wanted);
      for (let cut = 0; cut <= classic.length; cut++) {
        const got = reframe([classic.subarray(0, cut), classic.subarray(cut)]);
        if (!got.equals(wanted)) expect.fail(`cut at ${cut}`);
      }
      expect(reframe([...classic].map((byte) => Buffer.of(byte)))).toEqual(wanted);
      for (const step of [2, 3, 5, 9, 13]) expect(reframe(slices(classic, step))).toEqual(wanted);
    });
  }

  test("a small reply in one chunk stays one piece", () => {
    const out: Buffer[] = [];
    const classic = buildReply([{ kind: "rows", columns: ["id", "c"], rows: [["1", "x".repeat(120)]] }], false);
    new ReplyReframer().push(Buffer.concat([Buffer.alloc(7), classic, Buffer.alloc(9)]), 7, 7 + classic.length, out);
    expect(out).toHaveLength(1);
  });

  test.each([0xffffff - 4, 0xffffff, 0xffffff + 20])("a row of %i bytes", (size) => {
    const parts = [{ kind: "rows", columns: ["a"], rows: [[Buffer.alloc(size, 0x61)], ["2"]] }] as const;
    const classic = buildReply(parts, false);
    const wanted = buildReply(parts, true);
    expect(reframe([classic]).equals(wanted)).toBe(true);
    expect(reframe(slices(classic, 65_536)).equals(wanted)).toBe(true);
  });

  test("the flag for state changes goes, since an EOF carries none", () => {
    const classic = buildReply(
      [{ kind: "rows", columns: ["a"], rows: [], statusFlags: SERVER.SESSION_STATE_CHANGED }],
      false,
    );
    const last = unframe(reframe([classic])).payloads.at(-1);
    expect((last?.readUInt16LE(3) ?? 0) & SERVER.SESSION_STATE_CHANGED).toBe(0);
  });

  test("what is answered to a client's file is numbered by that", () => {
    const rows = [
      { kind: "rows", columns: ["a"], rows: [["1"]] },
      { kind: "infile", file: "f" },
    ] as const;
    const reframer = new ReplyReframer();
    const out: Buffer[] = [];
    const before = buildReply(rows, false);
    reframer.push(before, 0, before.length, out);
    // Its two packets have 6 and 7, after the request's 5.
    const ok = writeFrame(Buffer.of(0, 1, 0, 2, 0, 0, 0), 8);
    reframer.push(ok, 0, ok.length, out);
    expect(unframe(Buffer.concat(out)).sequenceIds).toEqual([1, 2, 3, 4, 5, 8]);
  });

  test("a cursor's EOF becomes the final OK", () => {
    const definitions = [Buffer.of(1), encodeColumnDefinition(textColumn("a"))];
    const eof = encodeEof({ warnings: 0, statusFlags: SERVER.STATUS_CURSOR_EXISTS });
    const classic = Buffer.concat([...definitions, eof].map((payload, index) => writeFrame(payload, index + 1)));
    for (let cut = 0; cut <= classic.length; cut++) {
      const got = unframe(reframe([classic.subarray(0, cut), classic.subarray(cut)], "execute"));
      expect(got.sequenceIds).toEqual([1, 2, 3]);
      expect(got.payloads.at(-1)).toEqual(Buffer.of(0xfe, 0, 0, SERVER.STATUS_CURSOR_EXISTS, 0, 0, 0));
    }
  });

  test.each([
    ["parameters and columns", 2, 3],
    ["parameters", 2, 0],
    ["columns", 0, 3],
    ["neither", 0, 0],
  ])("a prepared statement with %s has no EOFs left", (_, parameters, columns) => {
    const head = Buffer.alloc(12);
    head.writeUInt32LE(7, 1);
    head.writeUInt16LE(columns, 5);
    head.writeUInt16LE(parameters, 7);
    const eof = encodeEof({ warnings: 0, statusFlags: 2 });
    const described = (count: number, name: string) =>
      Array.from({ length: count }, (__, at) => encodeColumnDefinition(textColumn(`${name}${at}`)));
    const [asked, shown] = [described(parameters, "?"), described(columns, "c")];
    const packets = [head, ...asked, ...(parameters > 0 ? [eof] : []), ...shown, ...(columns > 0 ? [eof] : [])];
    const classic = Buffer.concat(packets.map((payload, index) => writeFrame(payload, index + 1)));
    const wanted = Buffer.concat([head, ...asked, ...shown].map((payload, index) => writeFrame(payload, index + 1)));
    for (let cut = 0; cut <= classic.length; cut++) {
      const got = reframe([classic.subarray(0, cut), classic.subarray(cut)], "prepare");
      if (!got.equals(wanted)) expect.fail(`cut at ${cut}`);
    }
    expect(
      reframe(
        [...classic].map((byte) => Buffer.of(byte)),
        "prepare",
      ),
    ).toEqual(wanted);
  });

  test.each(["rows", "fields"] as const)("%s: only packets and an end", (mode) => {
    const packets = [Buffer.of(0, 0, 5), Buffer.of(0xfb), encodeEof({ warnings: 3, statusFlags: 0x80 })];
    const classic = Buffer.concat(packets.map((payload, index) => writeFrame(payload, index + 1)));
    for (let cut = 0; cut <= classic.length; cut++) {
      const got = unframe(reframe([classic.subarray(0, cut), classic.subarray(cut)], mode));
      expect(got.sequenceIds).toEqual([1, 2, 3]);
      expect(got.payloads).toEqual([...packets.slice(0, 2), Buffer.of(0xfe, 0, 0, 0x80, 0, 3, 0)]);
    }
  });

  test("a reframer can be used again", () => {
    const reframer = new ReplyReframer();
    for (const [name, parts] of [...REPLIES, ...REPLIES]) {
      const classic = buildReply(parts, false);
      const out: Buffer[] = [];
      reframer.reset();
      reframer.push(Buffer.from(classic), 0, classic.length, out);
      expect(Buffer.concat(out).equals(buildReply(parts, true)), name).toBe(true);
    }
  });

  test("no reply is refused", () => {
    expect(() => reframe([writeFrame(Buffer.alloc(0), 1)])).toThrowError(ShardgateError);
    expect(() => reframe([writeFrame(Buffer.of(2), 1), writeFrame(Buffer.of(0xfe, 0, 0, 0, 0), 2)])).toThrowError(
      ShardgateError,
    );
  });
});

describe("cutting rows out, anywhere", () => {
  for (const [name, parts] of REPLIES) {
    if (parts.length > 1) continue;
    test(name, () => {
      const reply = buildReply(parts, false);
      const wanted = cut([reply]);
      expect(Buffer.concat([wanted.head, ...wanted.pieces.flat(), wanted.tail])).toEqual(reply);
      const whole = unframe(reply).payloads;
      expect(unframe(wanted.tail).payloads).toEqual(whole.slice(-1));
      for (let at = 0; at <= reply.length; at++) {
        const got = cut([reply.subarray(0, at), reply.subarray(at)]);
        if (!got.head.equals(wanted.head) || !got.tail.equals(wanted.tail)) expect.fail(`head or tail, cut at ${at}`);
        // Each push gives whole packets.
        for (const pieces of got.pieces) unframe(Buffer.concat(pieces));
        if (!Buffer.concat(got.pieces.flat()).equals(Buffer.concat(wanted.pieces.flat()))) expect.fail(`cut at ${at}`);
      }
      const bytewise = cut([...reply].map((byte) => Buffer.of(byte)));
      expect(Buffer.concat(bytewise.pieces.flat())).toEqual(Buffer.concat(wanted.pieces.flat()));
    });
  }

  test("a row larger than the bound is refused", () => {
    const reply = buildReply([{ kind: "rows", columns: ["a"], rows: [["x".repeat(2000)]] }], false);
    expect(() => cut(slices(reply, 100), 1000)).toThrowError(/larger than 1000 bytes/);
  });

  test("several results are refused", () => {
    const rows = { kind: "rows", columns: ["a"], rows: [["1"]] } as const;
    expect(() => cut([buildReply([rows, rows], false)])).toThrowError(ShardgateError);
  });
});

test("rows of two shards become one result with consecutive sequence ids", () => {
  const rows = (from: number) => Array.from({ length: 200 }, (_, index) => [`${from + index}`]);
  const shards = [0, 1000].map((from) =>
    slices(buildReply([{ kind: "rows", columns: ["a"], rows: rows(from) }], false), 37),
  );
  const cutters = shards.map(() => new RowCutter(10_000));
  const resequencer = new Resequencer(1);
  const sent: Buffer[] = [];
  const rowPieces: Buffer[] = [];
  for (let turn = 0; turn < 200; turn++) {
    for (const [index, chunks] of shards.entries()) {
      const chunk = chunks[turn];
      if (chunk !== undefined) cutters[index]?.push(Buffer.from(chunk), 0, chunk.length, rowPieces);
    }
  }
  sent.push(cutters[0]?.head ?? Buffer.alloc(0), ...rowPieces, cutters[1]?.tail ?? Buffer.alloc(0));
  for (const piece of sent) resequencer.push(piece);
  const { payloads, sequenceIds } = unframe(Buffer.concat(sent));
  expect(payloads).toHaveLength(3 + 400 + 1);
  expect(sequenceIds).toEqual(sequenceIds.map((_, index) => (index + 1) & 0xff));
  expect(resequencer.sequenceId).toBe((payloads.length + 1) & 0xff);
});

function reframe(chunks: readonly Buffer[], mode: ReframedMode = "query"): Buffer {
  const reframer = new ReplyReframer(mode);
  const out: Buffer[] = [];
  for (const chunk of chunks) {
    const padded = Buffer.concat([Buffer.from("xyz"), chunk, Buffer.from("zyx")]);
    reframer.push(padded, 3, 3 + chunk.length, out);
    expect(padded.subarray(0, 3).toString() + padded.subarray(3 + chunk.length).toString()).toBe("xyzzyx");
  }
  return Buffer.concat(out);
}

function cut(chunks: readonly Buffer[], heldBytesMax = 1 << 20): { head: Buffer; tail: Buffer; pieces: Buffer[][] } {
  const cutter = new RowCutter(heldBytesMax);
  const pieces: Buffer[][] = [];
  for (const chunk of chunks) {
    const out: Buffer[] = [];
    expect(cutter.push(Buffer.concat([Buffer.from("ab"), chunk]), 2, 2 + chunk.length, out)).toBe(chunk.length);
    pieces.push(out);
  }
  return { head: cutter.head, tail: cutter.tail, pieces };
}

function slices(bytes: Buffer, step: number): Buffer[] {
  const out: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += step) out.push(bytes.subarray(at, at + step));
  return out;
}
