// What passes at once, and what is held until it is decided whether there is nothing.

import { describe, expect, test } from "vitest";
import type { ExecutorClient } from "../../../../src/gateway/client/executor-client.ts";
import { HeldAnswer } from "../../../../src/gateway/read/held-answer.ts";
import { writeFrame } from "../../../../src/mysql/frame.ts";
import { encodeErr } from "../../../../src/mysql/packets/err.ts";
import { encodeOk, okPacket } from "../../../../src/mysql/packets/ok.ts";
import { textColumn, writeResultSet } from "../../../../src/mysql/result-writer.ts";

const rows = (...values: readonly string[]): Buffer =>
  writeResultSet(
    { columns: [textColumn("a")], rows: values.map((value) => [value]) },
    { capabilities: 0, sequenceId: 1 },
  );
const ok = (affectedRows: number, info: string): Buffer => writeFrame(encodeOk(okPacket({ affectedRows, info }), 0), 1);

/** What the client has when the answer has come in pieces of `step` bytes, and whether it was asked if there is nothing. */
function answered(answer: Buffer, isAggregate: boolean, step = answer.length): { got: Buffer; asked: boolean } {
  const written: Buffer[] = [];
  let isDone = false;
  const client: ExecutorClient = {
    capabilities: 0,
    write: (chunk) => written.push(Buffer.from(chunk)) > 0,
    onDrain: (resume) => resume(),
    commandDone: () => {
      isDone = true;
    },
    end: () => {},
    destroy: () => {},
  };
  let asked = false;
  const held = new HeldAnswer(client, isAggregate, () => {
    asked = true;
  });
  for (let at = 0; at < answer.length; at += step) held.write(answer.subarray(at, at + step));
  held.commandDone();
  expect(isDone).toBe(!asked);
  return { got: Buffer.concat(written), asked };
}

describe("a held answer", () => {
  test.each([
    ["rows", rows("x"), false, false],
    ["no rows", rows(), false, true],
    ["one row that may stand for none", rows("0"), true, true],
    ["two rows", rows("0", "1"), true, false],
    ["rows that are written", ok(1, "Rows matched: 1  Changed: 1  Warnings: 0"), false, false],
    ["a row that is as it was", ok(0, "Rows matched: 1  Changed: 0  Warnings: 0"), false, false],
    ["no row matched", ok(0, "Rows matched: 0  Changed: 0  Warnings: 0"), false, true],
    ["no row deleted", ok(0, ""), false, true],
    ["an error", writeFrame(encodeErr(1054, "42S22", "Unknown column"), 1), false, false],
  ])("%s", (_, answer, isAggregate, isNothing) => {
    for (let step = 1; step <= answer.length; step++) {
      const { got, asked } = answered(answer, isAggregate, step);
      expect(asked).toBe(isNothing);
      expect(got).toEqual(isNothing ? Buffer.alloc(0) : answer);
    }
  });

  test("is dropped for another one, or given as it is", () => {
    const written: Buffer[] = [];
    let asked = 0;
    const client = { capabilities: 0, write: (chunk: Buffer) => written.push(Buffer.from(chunk)) > 0, onDrain() {} };
    const rest = { commandDone() {}, end() {}, destroy() {} };
    const held = new HeldAnswer({ ...client, ...rest }, false, () => {
      if (++asked < 3) held.again();
      else held.release();
    });
    for (let i = 0; i < 3; i++) {
      held.write(rows());
      held.commandDone();
    }
    expect(Buffer.concat(written)).toEqual(rows());
  });
});
