// Column definitions with and without MariaDB's extended metadata: each reply in each form, cut anywhere, comes out in the
// form that was asked for and is otherwise as it was.

import { describe, expect, test } from "vitest";
import { MYSQL_TYPE } from "../../../src/mysql/constants.ts";
import { DefinitionForm } from "../../../src/mysql/definition-form.ts";
import { writeFrame } from "../../../src/mysql/frame.ts";
import {
  type ColumnDefinition,
  decodeColumnDefinition,
  encodeColumnDefinition,
} from "../../../src/mysql/packets/column-definition.ts";
import { encodeEof } from "../../../src/mysql/packets/eof.ts";
import type { ReframedMode } from "../../../src/mysql/reply-reframe.ts";
import { textColumn } from "../../../src/mysql/result-writer.ts";
import { buildReply, REPLIES } from "../../wire/reply-builder.ts";

const EMPTY = Buffer.alloc(0);
const JSON_BLOCK = Buffer.from("\u0001\u0004json");
/** Its length is the fixed part's. */
const LINESTRING_BLOCK = Buffer.from("\u0000\u000alinestring");
const LONG_BLOCK = Buffer.alloc(300, 7);
const BLOCKS = [undefined, EMPTY, JSON_BLOCK, LINESTRING_BLOCK, LONG_BLOCK];

function formed(isExtended: boolean, mode: ReframedMode, chunks: readonly Buffer[]): Buffer {
  const form = new DefinitionForm(isExtended);
  form.reset(mode);
  return Buffer.concat(chunks.map((chunk) => Buffer.from(form.push(Buffer.from(chunk)))));
}

function halves(bytes: Buffer, at: number): readonly Buffer[] {
  return [bytes.subarray(0, at), bytes.subarray(at)];
}

describe.each(REPLIES)("%s", (_, parts) => {
  test.each(BLOCKS)("a block is cut out, or kept, or put in (%#)", (block) => {
    const given = buildReply(parts, false, block);
    const plain = buildReply(parts, false);
    const extended = buildReply(parts, false, block ?? EMPTY);
    const step = given.length > 2000 ? Math.floor(given.length / 53) : 1;
    for (let at = 0; at <= given.length; at += step) {
      expect(formed(false, "query", halves(given, at)).equals(plain), `plain, cut at ${at}`).toBe(true);
      expect(formed(true, "query", halves(given, at)).equals(extended), `extended, cut at ${at}`).toBe(true);
    }
  });

  test("byte by byte", () => {
    const given = buildReply(parts, false, JSON_BLOCK);
    const bytes: Buffer[] = Array.from({ length: given.length }, (__, at) => given.subarray(at, at + 1));
    expect(formed(false, "query", bytes).equals(buildReply(parts, false))).toBe(true);
    expect(formed(true, "query", bytes).equals(given)).toBe(true);
  });
});

test.each([
  [0, 0],
  [0, 2],
  [3, 0],
  [2, 1],
])("a prepared statement of %i parameters and %i columns", (parameters, columns) => {
  const reply = (block: Buffer | undefined): Buffer => {
    const head = Buffer.alloc(12);
    head.writeUInt16LE(columns, 5);
    head.writeUInt16LE(parameters, 7);
    const payloads: Buffer[] = [head];
    for (const count of [parameters, columns]) {
      for (let i = 0; i < count; i++) payloads.push(encodeColumnDefinition({ ...textColumn("?"), extended: block }));
      if (count > 0) payloads.push(encodeEof({ warnings: 0, statusFlags: 2 }));
    }
    return Buffer.concat(payloads.map((payload, at) => writeFrame(payload, at + 1)));
  };
  const given = reply(JSON_BLOCK);
  const plain = reply(undefined);
  for (let at = 0; at <= given.length; at++) {
    expect(formed(false, "prepare", halves(given, at)).equals(plain)).toBe(true);
    expect(formed(true, "prepare", halves(given, at)).equals(given)).toBe(true);
    expect(formed(true, "prepare", halves(plain, Math.min(at, plain.length))).equals(reply(EMPTY))).toBe(true);
  }
});

test.each([
  ["NULL", Buffer.of(0xfb)],
  ["nothing", Buffer.of(0)],
  ["twelve bytes", Buffer.from("\u000cabcdefghijkl")],
  ["twelve bytes that begin like a fixed part", Buffer.from("\u000c\u000cbcdefghijkl")],
])("a field list with the default %s", (_, defaultValue) => {
  const reply = (block: Buffer | undefined): Buffer => {
    const field = encodeColumnDefinition({ ...textColumn("a"), extended: block });
    const payloads = [Buffer.concat([field, defaultValue]), encodeEof({ warnings: 0, statusFlags: 2 })];
    return Buffer.concat(payloads.map((payload, at) => writeFrame(payload, at + 1)));
  };
  for (const block of BLOCKS) {
    expect(formed(false, "fields", [reply(block)])).toEqual(reply(undefined));
    expect(formed(true, "fields", [reply(block)])).toEqual(reply(block ?? EMPTY));
    const payload = reply(block).subarray(4, 4 + reply(block).readUIntLE(0, 3));
    expect(decodeColumnDefinition(payload, true).extended).toEqual(block);
  }
});

test("rows of a fetch pass as they are, also those that are larger than a packet", () => {
  const rows = [Buffer.alloc(0xffffff, 1), Buffer.from("\u0001a"), encodeEof({ warnings: 0, statusFlags: 0x80 })];
  const reply = Buffer.concat(rows.map((row, at) => writeFrame(row, at + 1)));
  expect(formed(false, "rows", halves(reply, 70_000)).equals(reply)).toBe(true);
});

test.each(BLOCKS)("a definition is read with its block and written with it (%#)", (extended) => {
  const column: ColumnDefinition = { ...textColumn("j"), orgTable: "t", type: MYSQL_TYPE.BLOB, extended };
  expect(decodeColumnDefinition(encodeColumnDefinition(column))).toEqual(column);
});

test("what is no definition is refused", () => {
  const reply = Buffer.concat([writeFrame(Buffer.of(1), 1), writeFrame(Buffer.alloc(20, 0xfe), 2)]);
  expect(() => formed(false, "query", [reply])).toThrow(/Malformed/);
  expect(() => formed(false, "query", [writeFrame(EMPTY, 1)])).toThrow(/Malformed/);
});

test("the EOF behind the definitions gets the session's flags, cut anywhere; but for a procedure's results", () => {
  const reply = (first: number, next: number): Buffer =>
    Buffer.concat(
      [
        Buffer.of(1),
        encodeColumnDefinition(textColumn("a")),
        encodeEof({ warnings: 0, statusFlags: first }),
        Buffer.of(1, 0x31),
        encodeEof({ warnings: 0, statusFlags: next }),
      ].map((payload, at) => writeFrame(payload, at + 1)),
    );
  const flags = { statusFrom: (ofServer: number) => (ofServer & ~2) | 1 };
  const given = reply(0x22, 0x22);
  for (let at = 0; at <= given.length; at++) {
    const form = new DefinitionForm(false, flags);
    form.reset("query");
    const out = Buffer.concat(halves(given, at).map((chunk) => Buffer.from(form.push(Buffer.from(chunk)))));
    expect(out.equals(reply(0x21, 0x22)), `cut at ${at}`).toBe(true);
  }
  const form = new DefinitionForm(false, flags);
  form.reset("query");
  expect(form.push(reply(0x0a, 0x0a)).equals(reply(0x0a, 0x0a))).toBe(true);
});
