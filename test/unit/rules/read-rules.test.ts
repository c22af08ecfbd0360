// Query rules from JSON: what is read, and how each fault is told.

import { describe, expect, test } from "vitest";
import { faultsText, readRulesText } from "../../../src/rules/read-rules.ts";

function faults(rule: object): string {
  const read = readRulesText(JSON.stringify({ rules: [rule] }));
  return read.kind === "bad" ? faultsText(read.faults) : "";
}

describe("what is good", () => {
  test("defaults, and the order of priorities with ties as listed", () => {
    const read = readRulesText(
      JSON.stringify({
        rules: [{ name: "last", priority: 5 }, { name: "b" }, { name: "first", priority: -1 }, { name: "a" }],
      }),
    );
    if (read.kind === "bad") throw new Error(faultsText(read.faults));
    expect(read.rules.map(({ name }) => name)).toEqual(["first", "last", "b", "a"]);
    expect(read.rules[2]).toMatchObject({ priority: 1000, enabled: true, dryRun: false, continues: false });
    expect(read.warnings.map(({ path }) => path)).toEqual(["rule last", "rule b", "rule a"]);
  });

  test("one text stands for a list of one; names in snake or camel case", () => {
    const read = readRulesText(
      `{"rules":[{"name":"x","dryRun":true,"match":{"user":"app*","source":["10.0.0.0/8","::1","localhost"]},
        "action":{"timeout_ms":5,"limit":{"perSecond":0.5}}}]}`,
    );
    if (read.kind === "bad") throw new Error(faultsText(read.faults));
    const [rule] = read.rules;
    expect(rule?.match.users).toEqual(["app*"]);
    expect(rule?.action).toMatchObject({ timeoutMs: 5, limit: { perSecond: 0.5, burst: 1, per: "total" } });
    const sources = rule?.match.sources;
    expect(["10.9.9.9", "11.0.0.1", "::1", "::2", "localhost"].map((host) => sources?.has(host))).toEqual([
      true,
      false,
      true,
      false,
      true,
    ]);
  });
});

describe("faults name the rule and the field", () => {
  test.each<[string, object, string]>([
    ["no name", {}, "rules[0].name: 1 to 64 letters"],
    ["unknown field", { name: "x", prioritty: 1 }, 'rule x.prioritty: unknown field; did you mean "priority"?'],
    ["unknown action", { name: "x", action: { blok: {} } }, 'rule x.action.blok: unknown field; did you mean "block"?'],
    ["type", { name: "x", match: { type: "selct" } }, 'rule x.match.type: "selct" is not known'],
    ["network", { name: "x", match: { source: "10.0.0.0/33" } }, 'rule x.match.source: "10.0.0.0/33" is no network'],
    [
      "pattern",
      { name: "x", match: { pattern: "a(" } },
      "rule x.match.pattern: error parsing regexp: missing closing )",
    ],
    ["lookahead", { name: "x", match: { pattern: "(?=a)b" } }, "rule x.match.pattern: error parsing regexp"],
    ["back reference", { name: "x", match: { pattern: "(a)\\1" } }, "invalid escape sequence"],
    ["large pattern", { name: "x", match: { pattern: "((a{1,100}){1,100}){1,100}" } }, "rule x.match.pattern: "],
    ["empty list", { name: "x", match: { user: [] } }, "rule x.match.user: at least one expected"],
    ["priority", { name: "x", priority: "high" }, "rule x.priority: a whole number expected"],
    ["flag", { name: "x", enabled: 1 }, "rule x.enabled: true or false expected"],
    ["timeout", { name: "x", action: { timeout_ms: 0 } }, "rule x.action.timeout_ms: a whole number from 1"],
    [
      "route",
      { name: "x", action: { route: "master" } },
      'rule x.action.route: one of primary, replica, rdonly expected, found "master"',
    ],
    ["message", { name: "x", action: { block: {} } }, "rule x.action.block.message: a text for the client expected"],
    ["sqlstate", { name: "x", action: { block: { message: "m", sqlstate: "00000" } } }, "rule x.action.block.sqlstate"],
    [
      "block and route",
      { name: "x", action: { block: { message: "m" }, route: "replica" } },
      "rule x.action.block: a statement that is blocked",
    ],
    [
      "rewrite without pattern",
      { name: "x", action: { rewrite: { replace: "a" } } },
      "rule x.action.rewrite: match.pattern expected",
    ],
    [
      "group",
      { name: "x", match: { pattern: "(a)" }, action: { rewrite: { replace: "$2" } } },
      "rule x.action.rewrite.replace: $2 names a group, the pattern has 1",
    ],
    ["percent", { name: "x", action: { mirror: { keyspace: "k", percent: 101 } } }, "rule x.action.mirror.percent"],
    [
      "mirror to nowhere",
      { name: "x", action: { mirror: { percent: 1 } } },
      "rule x.action.mirror: keyspace or tablet_type",
    ],
    ["rate", { name: "x", action: { limit: { per_second: 0 } } }, "rule x.action.limit.per_second: a number above 0"],
    [
      "per",
      { name: "x", action: { limit: { per_second: 1, per: "ip" } } },
      "rule x.action.limit.per: one of total, user, source",
    ],
    ["tiers", { name: "x", action: { forbid_tiers: ["gathr"] } }, 'rule x.action.forbid_tiers: "gathr" is not known'],
    [
      "force what is forbidden",
      { name: "x", action: { force_tier: "gather", forbid_tiers: ["gather"] } },
      "rule x.action.force_tier: gather is forbidden",
    ],
  ])("%s", (_, rule, expected) => {
    expect(faults(rule)).toContain(expected);
  });

  test("all at once, and the same name twice", () => {
    const read = readRulesText('{"rules":[{"name":"a","x":1},{"name":"a"},{"name":"b","match":{"y":1}}],"z":1}');
    expect(read.kind === "bad" ? read.faults.map(({ path }) => path) : []).toEqual([
      "z",
      "rule a.x",
      "rule a.name",
      "rule b.match.y",
    ]);
  });

  test("what is no rules file", () => {
    expect(readRulesText("[]")).toMatchObject({ kind: "bad" });
    expect(readRulesText("{}")).toMatchObject({ kind: "bad" });
    expect(() => readRulesText("{")).toThrow("query rules:1:2");
  });
});
