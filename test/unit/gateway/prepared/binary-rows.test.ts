// Answers of several results and errors turned into binary rows, wherever the chunks they come in are cut: packets keep
// their sequence ids, all but rows passes as it is.

import { expect, test } from "vitest";
import { BinaryRows } from "../../../../src/gateway/prepared/binary-rows.ts";
import { PacketReader } from "../../../../src/mysql/packet-reader.ts";
import { buildReply } from "../../../wire/reply-builder.ts";

function binary(chunks: readonly Buffer[]): Buffer {
  const written: Buffer[] = [];
  const client = new BinaryRows({
    capabilities: 0,
    write: (bytes) => written.push(bytes) > 0,
    onDrain: (resume) => resume(),
    commandDone: () => undefined,
    end: () => undefined,
    destroy: () => undefined,
  });
  for (const chunk of chunks) client.write(Buffer.from(chunk));
  client.commandDone();
  return Buffer.concat(written);
}

function payloads(bytes: Buffer): string[] {
  const reader = new PacketReader(1 << 20);
  reader.expectSequence(1);
  reader.push(bytes);
  const found: string[] = [];
  for (let next = reader.next(); next !== undefined; next = reader.next()) found.push(next.toString("hex"));
  return found;
}

const LONG = "x".repeat(300);
const ANSWERS = buildReply(
  [
    {
      kind: "rows",
      columns: ["a", "b"],
      rows: [
        ["1", "ab"],
        [null, LONG],
        ["", null],
      ],
    },
    { kind: "rows", columns: ["c"], rows: [["7"], ["8"]], error: { errno: 1041, message: "no more" } },
  ],
  false,
);

test("rows are binary, the rest is as it was", () => {
  const before = payloads(ANSWERS);
  const after = payloads(binary([ANSWERS]));
  const long = `fc2c01${Buffer.from(LONG).toString("hex")}`;
  const rows = new Map([
    [4, "00000131026162"],
    [5, `0004${long}`],
    [6, "000800"],
    [11, "00000137"],
    [12, "00000138"],
  ]);
  expect(after).toEqual(before.map((payload, index) => rows.get(index) ?? payload));
});

test("wherever the answer is cut", () => {
  const whole = binary([ANSWERS]);
  for (let cut = 1; cut < ANSWERS.length; cut++) {
    expect(binary([ANSWERS.subarray(0, cut), ANSWERS.subarray(cut)])).toEqual(whole);
  }
  expect(binary([...ANSWERS].map((byte) => Buffer.of(byte)))).toEqual(whole);
});
