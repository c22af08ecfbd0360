// Replies with their definitions replaced, cut at every place.

import { expect, test } from "vitest";
import { HeadSwap, withOrigins } from "../../../src/engine/describe.ts";
import { writeFrame } from "../../../src/mysql/frame.ts";
import { decodeColumnDefinition, encodeColumnDefinition } from "../../../src/mysql/packets/column-definition.ts";
import { integerColumn } from "../../../src/mysql/result-writer.ts";

/** Two columns, one row, and what ends it. */
function reply(...definitions: readonly string[]): Buffer {
  const packets = [
    Buffer.of(2),
    ...definitions.map((text) => Buffer.from(text)),
    EOF,
    Buffer.from("\u0001a\u0001b"),
    EOF,
  ];
  return Buffer.concat(packets.map((payload, i) => writeFrame(payload, i + 1)));
}

const EOF = Buffer.from([0xfe, 0, 0, 2, 0]);
const DEFINITIONS = [Buffer.from("first column"), Buffer.from("second")];

function through(definitions: readonly Buffer[], bytes: Buffer, cut: number): Buffer {
  const written: Buffer[] = [];
  const output = {
    write(part: Buffer): boolean {
      written.push(part);
      return true;
    },
    onDrain() {},
  };
  const swap = new HeadSwap(output, () => definitions);
  swap.write(bytes.subarray(0, cut));
  swap.write(bytes.subarray(cut));
  return Buffer.concat(written);
}

test("definitions are replaced, wherever the reply is cut", () => {
  const given = reply("x", "yy");
  const wanted = reply("first column", "second");
  for (let cut = 0; cut <= given.length; cut++) expect(through(DEFINITIONS, given, cut)).toEqual(wanted);
});

test("a reply with another number of columns keeps its own", () => {
  const given = reply("x", "yy");
  expect(through(DEFINITIONS.slice(1), given, 7)).toEqual(given);
});

test("an error is passed on", () => {
  const error = writeFrame(Buffer.from("\u00ff\u0001\u0002#HY000no", "latin1"), 1);
  for (let cut = 0; cut <= error.length; cut++) expect(through(DEFINITIONS, error, cut)).toEqual(error);
});

test("columns of rows that were shipped show the tables that the client knows", () => {
  const shipped = {
    ...integerColumn("n"),
    table: "shardgate_rows_1",
    orgTable: "shardgate_rows_1",
    orgName: "shardgate_c0",
  };
  const computed = integerColumn("x");
  const own = [shipped, computed, shipped].map((column) => encodeColumnDefinition(column));
  const origins = [
    { alias: "t", table: { keyspace: "ks", name: "orders", column: "N" } },
    undefined,
    { alias: "d", table: undefined },
  ];
  const [first, second, third] = withOrigins(own, origins).map((payload) => decodeColumnDefinition(payload));
  expect(first).toMatchObject({ name: "n", schema: "ks", table: "t", orgTable: "orders", orgName: "N" });
  expect(second).toEqual(decodeColumnDefinition(own[1] as Buffer));
  expect(third).toMatchObject({ name: "n", schema: "", table: "d", orgTable: "d", orgName: "n" });
  expect(withOrigins(own, [])).toBe(own);
});
