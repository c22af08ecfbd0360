import { describe, expect, test } from "vitest";
import { withFlags } from "../../../../src/gateway/session/flag-list.ts";
import { Settings } from "../../../../src/gateway/session/settings.ts";

describe("lists of flags", () => {
  test.each([
    ["the first SET", undefined, "'materialization=off'", "'default,materialization=off'"],
    ["another flag", "'default,mrr=on'", "'materialization=off'", "'default,mrr=on,materialization=off'"],
    ["the same flag", "'default,mrr=on,a=off'", "'MRR=off'", "'default,a=off,mrr=off'"],
    ["a flag's own default", "'default,mrr=on,a=off'", "'mrr=default'", "'default,a=off'"],
    ["all defaults by word", "'default,mrr=on'", "DEFAULT", "'default'"],
    ["all defaults in the list", "'default,mrr=on'", "'a=off,default'", "'default,a=off'"],
    [
      "a computed value",
      "'default,mrr=on'",
      `_utf8mb3 x'${Buffer.from("a=on").toString("hex")}' COLLATE x`,
      "'default,mrr=on,a=on'",
    ],
    ["nothing", "'default,mrr=on'", "''", "'default,mrr=on'"],
    ["a number", "'default,mrr=on'", "512", "512"],
    ["what is no list", "'default,mrr=on'", "'mrr'", "'mrr'"],
    ["a list after a number", "512", "'mrr=on'", "'default,mrr=on'"],
  ])("%s", (_name, before, set, expected) => {
    expect(withFlags(before, set)).toBe(expected);
  });

  test("settings add up", () => {
    const settings = Settings.atLogin()
      .withVariable("optimizer_switch", "'materialization=off'")
      .withVariable("optimizer_switch", "'mrr=on'");
    expect(settings.sql).toBe("SET optimizer_switch = 'default,materialization=off,mrr=on'");
  });
});
