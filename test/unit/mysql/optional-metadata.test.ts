// CLIENT_OPTIONAL_RESULTSET_METADATA: each reply, cut anywhere, becomes what a MySQL 8 would have sent (by its manual: there is
// none here), in the classic framing and in that of CLIENT_DEPRECATE_EOF.

import { describe, expect, test } from "vitest";
import { writeFrame } from "../../../src/mysql/frame.ts";
import { OptionalMetadata, type ResultsetMetadata } from "../../../src/mysql/optional-metadata.ts";
import { encodeColumnDefinition } from "../../../src/mysql/packets/column-definition.ts";
import { encodeEof } from "../../../src/mysql/packets/eof.ts";
import { type ReframedMode, ReplyReframer } from "../../../src/mysql/reply-reframe.ts";
import { textColumn } from "../../../src/mysql/result-writer.ts";
import { buildReply, REPLIES } from "../../wire/reply-builder.ts";

function given(
  wanted: ResultsetMetadata,
  hasNoEof: boolean,
  chunks: readonly Buffer[],
  mode: ReframedMode = "query",
): Buffer {
  const metadata = new OptionalMetadata(() => wanted);
  metadata.reset(mode);
  const reframer = new ReplyReframer(mode, undefined, true);
  const out: Buffer[] = [];
  for (const chunk of chunks) {
    const formed = metadata.push(Buffer.from(chunk));
    if (hasNoEof) reframer.push(formed, 0, formed.length, out);
    else out.push(formed);
  }
  return Buffer.concat(out);
}

const FORMS = (["FULL", "NONE"] as const).flatMap((wanted) => [
  [wanted, "classic", false] as const,
  [wanted, "without EOF", true] as const,
]);

describe.each(REPLIES)("%s", (_, parts) => {
  test.each(FORMS)("%s, %s", (wanted, __, hasNoEof) => {
    const classic = buildReply(parts, false);
    const expected = buildReply(parts, hasNoEof, undefined, wanted);
    const step = classic.length > 2000 ? Math.floor(classic.length / 53) : 1;
    for (let at = 0; at <= classic.length; at += step) {
      const got = given(wanted, hasNoEof, [classic.subarray(0, at), classic.subarray(at)]);
      if (!got.equals(expected)) expect.fail(`cut at ${at}`);
    }
    const bytes = [...classic].map((byte) => Buffer.of(byte));
    expect(given(wanted, hasNoEof, bytes)).toEqual(expected);
  });
});

test("a row of more than one packet", () => {
  const parts = [{ kind: "rows", columns: ["a"], rows: [[Buffer.alloc(0xffffff, 0x61)], ["2"]] }] as const;
  const expected = buildReply(parts, true, undefined, "NONE");
  expect(given("NONE", true, [buildReply(parts, false)]).equals(expected)).toBe(true);
});

describe.each([
  [0, 0],
  [2, 0],
  [0, 3],
  [2, 3],
])("a prepared statement of %i parameters and %i columns", (parameters, columns) => {
  const eof = encodeEof({ warnings: 0, statusFlags: 2 });
  const reply = (isClassic: boolean, flag?: ResultsetMetadata): Buffer => {
    const head = Buffer.alloc(flag === undefined ? 12 : 13);
    head.writeUInt16LE(columns, 5);
    head.writeUInt16LE(parameters, 7);
    if (flag === "FULL") head[12] = 1;
    const payloads: Buffer[] = [head];
    for (const count of flag === "NONE" ? [] : [parameters, columns]) {
      for (let i = 0; i < count; i++) payloads.push(encodeColumnDefinition(textColumn(`c${i}`)));
      if (count > 0 && isClassic) payloads.push(eof);
    }
    return Buffer.concat(payloads.map((payload, at) => writeFrame(payload, at + 1)));
  };

  test.each(FORMS)("%s, %s", (wanted, __, hasNoEof) => {
    const classic = reply(true);
    for (let at = 0; at <= classic.length; at++) {
      const got = given(wanted, hasNoEof, [classic.subarray(0, at), classic.subarray(at)], "prepare");
      if (!got.equals(reply(!hasNoEof, wanted))) expect.fail(`cut at ${at}`);
    }
  });
});

test("a list of fields is empty without metadata", () => {
  const eof = encodeEof({ warnings: 0, statusFlags: 2 });
  const payloads = [encodeColumnDefinition(textColumn("a")), encodeColumnDefinition(textColumn("b")), eof];
  const classic = Buffer.concat(payloads.map((payload, at) => writeFrame(payload, at + 1)));
  for (let at = 0; at <= classic.length; at++) {
    const halves = [classic.subarray(0, at), classic.subarray(at)];
    expect(given("FULL", false, halves, "fields")).toEqual(classic);
    expect(given("NONE", false, halves, "fields")).toEqual(writeFrame(eof, 1));
  }
});

test("each result asks anew", () => {
  const rows = { kind: "rows", columns: ["a", "b"], rows: [["1", "2"]] } as const;
  const wanted: ResultsetMetadata[] = ["NONE", "FULL"];
  const metadata = new OptionalMetadata(() => wanted.shift() ?? "FULL");
  metadata.reset("query");
  const got = metadata.push(buildReply([rows, rows], false));
  const [first, second] = [buildReply([rows], false, undefined, "NONE"), buildReply([rows], false, undefined, "FULL")];
  expect(got.length).toBe(first.length + second.length);
  const ids: number[] = [];
  for (let at = 0; at < got.length; at += 4 + got.readUIntLE(at, 3)) ids.push(got[at + 3] ?? -1);
  expect(ids).toEqual(ids.map((_, at) => at + 1));
});
