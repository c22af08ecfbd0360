import { expect, test } from "vitest";
import { readAfterReply, readTextRows } from "../../../../src/gateway/read/text-rows.ts";
import { integerColumn, writeResultSet } from "../../../../src/mysql/result-writer.ts";

test("what was asked behind a statement and was too large to be told is called so, not malformed", () => {
  expect(() => readAfterReply({ afterReply: Buffer.alloc(0) })).toThrow(
    expect.objectContaining({ id: "LIMIT_REACHED" }),
  );
});

test("a reply that breaks off is malformed, not a shorter one", () => {
  const result = { columns: [integerColumn("a")], rows: [["1"], [null]] };
  const whole = writeResultSet(result, { capabilities: 0, sequenceId: 1 });
  expect(readTextRows(whole)).toEqual([[Buffer.from("1")], [null]]);
  for (let end = 0; end < whole.length; end++) {
    expect(() => readTextRows(whole.subarray(0, end)), String(end)).toThrow(
      expect.objectContaining({ id: "ER_MALFORMED_PACKET" }),
    );
  }
});
