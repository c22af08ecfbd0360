import { expect, test } from "vitest";
import { readAfterReply } from "../../../../src/gateway/read/text-rows.ts";

test("what was asked behind a statement and was too large to be told is called so, not malformed", () => {
  expect(() => readAfterReply({ afterReply: Buffer.alloc(0) })).toThrow(
    expect.objectContaining({ id: "LIMIT_REACHED" }),
  );
});
