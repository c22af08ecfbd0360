// What rules would do with a statement, told without running it; the example file is good and does what it says.

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { tryRules, trialText } from "../../../src/bin/try-rules.ts";
import { readRulesText, rulesOf } from "../../../src/rules/read-rules.ts";

const EXAMPLE = resolve(import.meta.dirname, "../../../vschema/query-rules.example.json");
const RULES = rulesOf(readRulesText(readFileSync(EXAMPLE, "utf8")));

describe("the example", () => {
  test.each<[string, string, string[]]>([
    ["batch7", "select 1", ["batch-rate"]],
    ["app", "update corder set total = 0", ["changes-of-everything"]],
    ["app", "update corder set total = 0 where order_id = 1", ["changes-with-where"]],
    ["app", "delete from corder limit 5", ["changes-with-where"]],
    ["report", "select * from corder", ["reports"]],
    ["app", "SELECT * FROM `corder` WHERE (customer_id) = 7", ["old-orders"]],
    ["app", "select * from commerce.product", ["try-replicas"]],
    ["app", "insert into corder values (1)", []],
  ])("%s: %s", (user, sql, expected) => {
    const trial = tryRules(RULES, { sql, user, source: "10.20.1.1", keyspace: "customer" }, new Map());
    const applied = trial.rules.filter(({ outcome }) => outcome.startsWith("applies"));
    expect(applied.map(({ rule }) => rule)).toEqual(expected);
    if (expected[0] === "old-orders") {
      expect(trial.rewritten).toBe("select * from corder where customer_id = 7 order by order_id desc limit 100");
    }
  });
});

test("in words", () => {
  const rules = rulesOf(
    readRulesText(
      `{"rules":[{"name":"off","enabled":false},{"name":"other","match":{"user":"b"}},
        {"name":"routed","continue":true,"action":{"route":"replica"}},
        {"name":"blocked","match":{"type":"update"},"action":{"block":{"message":"no","errno":1644,"sqlstate":"45000"}}},
        {"name":"behind"}]}`,
    ),
  );
  const trial = tryRules(rules, { sql: "update t set a=1", user: "a", source: "localhost", keyspace: "ks" }, new Map());
  expect(trialText(trial).split("\n")).toEqual([
    "text:      update t set a = :v1",
    "digest:    update t set a=:v1",
    "type:      update",
    "keyspaces: ks",
    "  off      is off",
    "  other    does not match: user",
    "  routed   applies: read from replica (it is no plain read: neither routed nor mirrored)",
    "  blocked  applies: block with 1644 (45000): no",
    "  behind   is not reached: blocked ends it",
    "The client gets ERROR 1644 (45000): no",
    "",
  ]);
});
