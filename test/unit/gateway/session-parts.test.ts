import { describe, expect, test } from "vitest";
import { likePattern } from "../../../src/gateway/show/like-pattern.ts";
import { parseTarget } from "../../../src/gateway/cluster/target.ts";
import { Settings } from "../../../src/gateway/session/settings.ts";
import { PlanCache } from "../../../src/gateway/plans/plan-cache.ts";
import { warningsOf, warningsOfSession, withRow } from "../../../src/gateway/show/show-warnings.ts";
import { warningsOfMatched, warningsOfRows } from "../../../src/gateway/write/share-warnings.ts";
import { LIMITS } from "../../../src/base/limits.ts";
import { textColumn, writeResultSet } from "../../../src/mysql/result-writer.ts";

function replyWith(...messages: readonly string[]): NonNullable<Parameters<typeof warningsOf>[0][number]> {
  const columns = ["Level", "Code", "Message"].map((name) => textColumn(name));
  const warningsReply =
    messages.length === 0
      ? Buffer.alloc(0)
      : writeResultSet(
          { columns, rows: messages.map((message) => ["Warning", "1265", message]) },
          { capabilities: 0, sequenceId: 1 },
        );
  const end = {
    status: 2,
    warnings: messages.length,
    lastPacketBytes: 7,
    holdId: 0,
    rows: 0,
    afterReply: Buffer.alloc(0),
  };
  return { kind: "ok", ...end, warningsReply };
}

describe("warnings of several shards", () => {
  test("are put together, with the rows the client sent", () => {
    const replies = [replyWith("bad at row 1", "worse at row 2"), replyWith(), replyWith("odd at row 1")];
    const rows = [[0, 4], [1], [3]];
    const { lastWarnings } = warningsOfRows(replies, (i) => rows[i]);
    expect(warningsOfSession({ lastWarnings }).map(({ message }) => message)).toEqual([
      "bad at row 1",
      "odd at row 4",
      "worse at row 5",
    ]);
  });

  test("are of rows that one shard after the other has found", () => {
    const lastWarnings = warningsOfMatched([replyWith("a at row 1", "b at row 3"), replyWith("c at row 1")], [3, 2]);
    expect(warningsOfSession({ lastWarnings }).map(({ message }) => message)).toEqual([
      "a at row 1",
      "b at row 3",
      "c at row 4",
    ]);
  });

  test("of one shard are kept as they came", () => {
    expect(warningsOf([replyWith("a")]).kind).toBe("reply");
    expect(warningsOf([replyWith(), undefined])).toEqual({ kind: "list", warnings: [] });
  });

  test("rows that are not known stay", () => {
    expect(withRow("Data too long at row 9", [0])).toBe("Data too long at row 9");
    expect(withRow("no row", [0])).toBe("no row");
    expect(withRow("at row 1", undefined)).toBe("at row 1");
  });
});

describe("LIKE on names", () => {
  test.each([
    ["cust%", "customer", true],
    ["CUST_MER", "customer", true],
    ["a-b/c", "a-b/c", true],
    ["a.c", "abc", false],
    ["a\\_b", "a_b", true],
    ["a\\_b", "axb", false],
    ["(x)[y]", "(X)[Y]", true],
    ["%😀_", "x😀y", true],
  ])("%s on %s: %s", (pattern, name, matches) => {
    expect(likePattern(pattern).test(name)).toBe(matches);
  });
});

describe("targets of USE", () => {
  test.each([
    ["ks", "ks", undefined, "primary"],
    ["ks:-80", "ks", "-80", "primary"],
    ["ks/80-", "ks", "80-", "primary"],
    ["ks@replica", "ks", undefined, "replica"],
    ["ks:-80@RDONLY", "ks", "-80", "rdonly"],
    ["ks@master", "ks", undefined, "primary"],
    ["@replica", undefined, undefined, "replica"],
  ])("%s", (text, keyspace, shard, tabletType) => {
    expect(parseTarget(text)).toEqual({ keyspace, shard, tabletType, text });
  });

  test("an unknown tablet type is an unknown database", () => {
    expect(() => parseTarget("ks@nosuch")).toThrow(expect.objectContaining({ errno: 1049 }));
  });
});

describe("settings", () => {
  test("are one statement, the same for the same settings in any order", () => {
    const a = Settings.atLogin().withVariable("time_zone", "'+01:00'").withVariable("sql_mode", "''");
    const b = Settings.atLogin().withVariable("sql_mode", "''").withVariable("time_zone", "'+01:00'");
    expect(a.sql).toBe("SET sql_mode = '',\ntime_zone = '+01:00'");
    expect(b.sql).toBe(a.sql);
    expect(Settings.atLogin().sql).toBe("");
  });

  test("SET NAMES undoes what was said of its variables before", () => {
    const set = Settings.atLogin().withVariable("character_set_results", "latin1");
    expect(set.withNames({ charset: "utf8mb4", collation: undefined }).sql).toBe("");
    expect(set.withNames({ charset: "latin1", collation: undefined }).sql).toBe("SET NAMES latin1");
  });

  test("know whether the client's texts are UTF-8", () => {
    const login = Settings.atLogin();
    expect(login.textIsUtf8).toBe(true);
    expect(login.withNames({ charset: "utf8", collation: undefined }).textIsUtf8).toBe(true);
    expect(login.withNames({ charset: "latin1", collation: undefined }).textIsUtf8).toBe(false);
    expect(login.withVariable("character_set_client", "'latin1'").textIsUtf8).toBe(false);
    expect(login.withVariable("character_set_client", "binary").textIsUtf8).toBe(true);
  });

  test("names of user variables are quoted", () => {
    expect(Settings.atLogin().withUserVariable("We`ird", "1").sql).toBe("SET @`we``ird` = 1");
  });
});

test("the plan cache keeps what is used, and no very long statements", () => {
  const cache = new PlanCache(4);
  const plan = { kind: "session" } as never;
  for (const key of ["a", "b", "c"]) cache.set(key, plan);
  expect(cache.get("a")).toBe(plan);
  for (const key of ["d", "e"]) cache.set(key, plan);
  expect(cache.get("a")).toBe(plan);
  expect(cache.get("b")).toBeUndefined();
  expect(cache.size).toBeLessThanOrEqual(4);
  const long = "x".repeat(LIMITS.planCacheKeyBytesMax + 1);
  cache.set(long, plan);
  expect(cache.get(long)).toBeUndefined();
});
