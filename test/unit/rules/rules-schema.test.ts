// The JSON Schema for editors says what the reader reads: the same fields, the same words.

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { LIMITS } from "../../../src/base/limits.ts";
import { FORBIDDEN_TIERS, LIMIT_EXCESSES, LIMIT_SCOPES, RULE_TIERS } from "../../../src/rules/query-rule.ts";
import { RULE_FIELDS } from "../../../src/rules/read-rules.ts";
import { STATEMENT_TYPES } from "../../../src/rules/statement-facts.ts";
import { TABLET_TYPES } from "../../../src/topo/records.ts";

interface Part {
  readonly properties: Readonly<Record<string, Part>>;
  readonly definitions: Readonly<Record<string, Part>>;
  readonly enum: readonly string[];
  readonly items: Part;
  readonly maxItems: number;
  readonly maxLength: number;
  readonly maximum: number;
  readonly additionalProperties: boolean;
}

const FILE = resolve(import.meta.dirname, "../../../vschema/query-rules.schema.json");
const schema: Part = JSON.parse(readFileSync(FILE, "utf8"));

function part(...path: readonly string[]): Part {
  let found: Part | undefined = schema;
  for (const name of path) found = found?.definitions?.[name] ?? found?.properties?.[name];
  if (found === undefined) throw new Error(`nothing at ${path.join(".")}`);
  return found;
}

test("fields", () => {
  const objects: Record<keyof typeof RULE_FIELDS, Part> = {
    file: schema,
    rule: part("rule"),
    match: part("match"),
    action: part("action"),
    block: part("action", "block"),
    rewrite: part("action", "rewrite"),
    mirror: part("action", "mirror"),
    limit: part("action", "limit"),
  };
  for (const [name, fields] of Object.entries(RULE_FIELDS)) {
    const object = objects[name as keyof typeof RULE_FIELDS];
    expect(Object.keys(object.properties), name).toEqual([...fields]);
    expect(object.additionalProperties, name).toBe(false);
  }
});

test("words and bounds", () => {
  expect(part("type").enum).toEqual([...STATEMENT_TYPES]);
  expect(part("tabletType").enum).toEqual([...TABLET_TYPES]);
  expect(part("action", "force_tier").enum).toEqual([...RULE_TIERS]);
  expect(part("action", "forbid_tiers").items.enum).toEqual([...FORBIDDEN_TIERS]);
  expect(part("action", "limit", "per").enum).toEqual([...LIMIT_SCOPES]);
  expect(part("action", "limit", "on_excess").enum).toEqual([...LIMIT_EXCESSES]);
  expect(schema.properties["rules"]?.maxItems).toBe(LIMITS.queryRulesMax);
  expect(part("match", "pattern").maxLength).toBe(LIMITS.rulePatternMax);
  expect(part("action", "block", "message").maxLength).toBe(LIMITS.ruleMessageMax);
  expect(part("action", "timeout_ms").maximum).toBe(LIMITS.ruleTimeoutMsMax);
  expect(part("action", "limit", "per_second").maximum).toBe(LIMITS.ruleRateMax);
});
