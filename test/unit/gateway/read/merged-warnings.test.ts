// Warnings of several shards as one MySQL would have counted them.

import { describe, expect, test } from "vitest";
import type { ReplyEnd } from "../../../../src/engine/reply.ts";
import { warningsOfParts } from "../../../../src/gateway/read/merged-warnings.ts";
import { integerColumn, textColumn, writeResultSet } from "../../../../src/mysql/result-writer.ts";

const COLUMNS = [textColumn("Level"), integerColumn("Code"), textColumn("Message")];

/** The end of a reply with these warnings; a server counts more than it keeps. */
function end(messages: readonly string[], counted = messages.length): ReplyEnd {
  const rows = messages.map((text) => ["Warning", /division/.test(text) ? "1365" : "1292", text]);
  const warningsReply =
    messages.length === 0
      ? Buffer.alloc(0)
      : writeResultSet({ columns: COLUMNS, rows }, { capabilities: 0, sequenceId: 1 });
  const rest = { status: 2, lastPacketBytes: 9, holdId: 0, rows: 0, afterReply: Buffer.alloc(0) };
  return { kind: "resultset", warnings: counted, warningsReply, ...rest };
}

describe("warnings of a statement's parts", () => {
  const none = end([]);
  const cases: readonly (readonly [
    name: string,
    parts: readonly ReplyEnd[],
    described: ReplyEnd | undefined,
    count: number,
    shown: readonly string[],
  ])[] = [
    ["none", [none, none], none, 0, []],
    ["of the statement, which its parts do not have", [none, none], end(["x"]), 1, ["x"]],
    ["about rows add up", [end(["a", "b"]), end(["c"])], none, 3, ["a", "b", "c"]],
    ["about a constant, told without rows", [end(["x", "a"]), end(["x", "b"])], end(["x"]), 3, ["x", "a", "b"]],
    ["about a constant, told by every shard", [end(["x"]), end(["x"])], none, 1, ["x"]],
    ["told by one shard only", [end(["x"]), none], none, 1, ["x"]],
    ["of one shard", [end(["x", "x"])], undefined, 2, ["x", "x"]],
    [
      "division is about a row",
      [end(["division by 0"]), end(["division by 0"])],
      none,
      2,
      ["division by 0", "division by 0"],
    ],
    ["more than are kept", [end(["a"], 100), end(["b"], 50)], none, 150, ["a", "b"]],
  ];
  test.each(cases)("%s", (_, parts, described, count, shown) => {
    const merged = warningsOfParts(parts, described);
    expect(merged.count).toBe(count);
    const { lastWarnings } = merged;
    expect(lastWarnings.kind === "list" ? lastWarnings.warnings.map(({ message }) => message) : undefined).toEqual(
      shown,
    );
  });
});
