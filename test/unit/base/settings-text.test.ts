// How a held connection goes from one session's settings to others.

import { describe, expect, test } from "vitest";
import {
  setsCharacterSets,
  settingsChange,
  settingsText,
  withoutUserVariables,
} from "../../../src/base/settings-text.ts";

const NAMES = "NAMES latin1 COLLATE latin1_bin";

describe("the change", () => {
  test.each([
    ["nothing", [], [], ""],
    ["the same", ["@`a` = 1", "sql_mode = ''"], ["@`a` = 1", "sql_mode = ''"], ""],
    ["one more", ["sql_log_bin = 0"], ["@`a` = 1", "sql_log_bin = 0"], "SET @`a` = 1"],
    ["another value", ["@`a` = 1"], ["@`a` = 'x, y = 2'"], "SET @`a` = 'x, y = 2'"],
    ["one less", ["@`a` = 1", "sql_mode = ''"], [], "SET @`a` = NULL,\nsql_mode = DEFAULT"],
    ["character sets, which are as at login", [NAMES, "a = 1"], ["a = 1"], ""],
    ["the same character sets", [NAMES, "a = 1"], [NAMES, "a = 1"], `SET ${NAMES}`],
    ["the same time", ["timestamp = 5"], ["timestamp = 5"], "SET timestamp = 5"],
    ["no time", ["timestamp = 5"], [], "SET timestamp = DEFAULT"],
    ["what has no default", ["last_insert_id = 5"], [], ""],
  ])("%s", (_name, before, after, change) => {
    expect(settingsChange(settingsText(before), settingsText(after))).toBe(change);
  });

  test("what cannot be taken apart is set as a whole", () => {
    const odd = settingsText(["@`a\n` = 1", "b = 2"]);
    expect(settingsChange("?", "SET a = 1")).toBe("SET a = 1");
    expect(settingsChange("SET a = 1", odd)).toBe(odd);
    expect(settingsChange(odd, "SET b = 2")).toBe("SET b = 2");
  });
});

test("user variables may have other values than the settings say", () => {
  expect(withoutUserVariables(settingsText(["@`a` = 1", "b = '@c'"]))).toBe("SET b = '@c'");
  expect(withoutUserVariables(settingsText(["@`a` = 1"]))).toBe("");
  expect(withoutUserVariables("?")).toBe("?");
});

test("character sets are told from the rest", () => {
  expect(setsCharacterSets(settingsText(["@`names` = 1", "character_set_filesystem = 'binary'"]))).toBe(false);
  expect(setsCharacterSets(settingsText(["a = 1", "collation_connection = 'latin1_bin'"]))).toBe(true);
  expect(setsCharacterSets("?")).toBe(true);
});
