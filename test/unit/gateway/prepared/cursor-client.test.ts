// The client of an execution that opens a cursor: an answer that fails behind some of its rows reaches the real client as one
// ERR packet, numbered as the first one.

import { expect, test } from "vitest";
import { CursorClient } from "../../../../src/gateway/prepared/cursor-client.ts";
import { CursorUse } from "../../../../src/gateway/prepared/cursor-rows.ts";
import { buildReply } from "../../../wire/reply-builder.ts";

function answered(...chunks: readonly Buffer[]): Promise<Buffer> {
  return new Promise((resolve) => {
    const written: Buffer[] = [];
    const client = new CursorClient(
      {
        capabilities: 0,
        write: (bytes) => written.push(bytes) > 0,
        onDrain: (resume) => resume(),
        commandDone: () => resolve(Buffer.concat(written)),
        end: () => undefined,
        destroy: () => undefined,
      },
      { opened: () => undefined },
      new CursorUse(),
    );
    for (const chunk of chunks) client.write(chunk);
    client.commandDone();
  });
}

const ERROR = { errno: 1041, message: "no more" };

test("an error behind rows", async () => {
  const whole = buildReply([{ kind: "rows", columns: ["a"], rows: [["1"], ["2"]], error: ERROR }], false);
  const error = buildReply([{ kind: "err", ...ERROR }], false);
  for (const cut of [whole.length, 10, whole.length - error.length, whole.length - 3]) {
    expect(await answered(Buffer.from(whole.subarray(0, cut)), Buffer.from(whole.subarray(cut)))).toEqual(error);
  }
  expect(await answered(error)).toEqual(error);
});
