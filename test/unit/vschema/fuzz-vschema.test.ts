// Mutated VSchemas: whatever comes in, the parser answers with a model or with VSCHEMA_BAD, in bounded time and space.

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { ShardgateError } from "../../../src/base/errors.ts";
import { checkVSchemas } from "../../../src/vschema/check-cluster.ts";
import { diffVSchema } from "../../../src/vschema/diff-vschema.ts";
import { formatVSchema } from "../../../src/vschema/format-vschema.ts";
import type { KeyspaceVSchema } from "../../../src/vschema/model.ts";
import { parseVSchema, parseVSchemaText } from "../../../src/vschema/parse-vschema.ts";
import { SeededRandom } from "./seeded-random.ts";

const SEED = Number(process.env["SEED"] ?? 7_919);
const root = resolve(import.meta.dirname, "../../..");
const seedText = readFileSync(resolve(root, "vschema/customer/vschema.json"), "utf8");
const seedModel = parseVSchemaText("customer", seedText);

const VALUES: unknown[] = [
  null,
  true,
  -1,
  1e308,
  "",
  "hash",
  "multicol",
  "numeric_static_map",
  "lookup_unique",
  "__proto__",
  "80",
  "a.b.c",
  "\u0000\ud800",
  [],
  {},
  [[]],
  { type: "multicol", params: { column_count: "8", column_vindex: "multicol" } },
  { type: "numeric_static_map", params: { json: "{}", fallback_type: "numeric_static_map" } },
  { type: "region_json", params: { region_bytes: "1", region_map: "/" } },
  { type: "cfc", params: { hash: "md5", offsets: "[1,2,99999999999]" } },
  [{ column: "customer_id", name: "hash" }],
];
const NAMES = [
  "__proto__",
  "constructor",
  "type",
  "column_vindexes",
  "columnVindexes",
  "name",
  "columns",
  "pinned",
  "source",
  "toString",
  "",
];

test(`mutated values, seed ${SEED}`, () => {
  const random = new SeededRandom(SEED);
  let good = 0;
  for (let i = 0; i < 4_000; i++) {
    const json: unknown = JSON.parse(seedText);
    for (let k = 1 + random.below(4); k > 0; k--) mutate(json, random);
    if (accepted(() => parseVSchema("customer", json))) good++;
  }
  expect(good).toBeGreaterThan(50);
  expect(good).toBeLessThan(3_900);
  expect(Object.keys(Object.prototype)).toEqual([]);
});

test(`mutated text, seed ${SEED}`, () => {
  const random = new SeededRandom(SEED);
  for (let i = 0; i < 3_000; i++) {
    let text = seedText;
    for (let k = 1 + random.below(3); k > 0; k--) {
      const at = random.below(text.length);
      const insert =
        random.pick(['"', "{", "}", "[", "]", ",", ":", "\\", "\n", "0", "-", "é", "\u0000", "null"]) ?? "";
      text = text.slice(0, at) + insert + text.slice(at + random.below(6));
    }
    accepted(() => parseVSchemaText("customer", text));
  }
});

test("large and deep input is bounded", () => {
  const started = performance.now();
  const tables: Record<string, unknown> = {};
  for (let i = 0; i < 20_000; i++)
    tables[`table_${i}`] = { column_vindexes: [{ column: "id", name: "hsah" }], typo: 1 };
  const message = refusal(() => parseVSchema("ks", { sharded: true, vindexes: { hash: { type: "hash" } }, tables }));
  expect(message.split("\n")).toHaveLength(101);
  expect(message).toContain("and 39900 more faults");

  for (const table of Object.keys(tables)) tables[table] = { column_vindexes: [{ column: "id", name: "hash" }] };
  expect(parseVSchema("ks", { sharded: true, vindexes: { hash: { type: "hash" } }, tables }).tables.size).toBe(20_000);

  let deep: unknown = {};
  for (let i = 0; i < 100_000; i++) deep = { tables: deep };
  expect(refusal(() => parseVSchema("ks", deep))).toContain("nested deeper than");
  const cycle: Record<string, unknown> = {};
  cycle["a"] = cycle;
  cycle["b"] = cycle;
  expect(refusal(() => parseVSchema("ks", cycle))).toMatch(/nested deeper|more than/);
  expect(refusal(() => parseVSchema("ks", { ["x".repeat(1_000_000)]: "y".repeat(1_000_000) })).length).toBeLessThan(
    1_000,
  );
  expect(refusal(() => parseVSchemaText("ks", '{"a":'.repeat(1_000_000)))).toContain("nested deeper than");
  expect(refusal(() => parseVSchemaText("ks", " ".repeat(33 * 1024 * 1024)))).toContain("longer than");
  expect(performance.now() - started).toBeLessThan(40_000);
});

/** Whether it was accepted; anything but a model that prints and compares, or VSCHEMA_BAD, fails the test. */
function accepted(parse: () => KeyspaceVSchema): boolean {
  try {
    const vschema = parse();
    const again = parseVSchemaText("customer", formatVSchema(vschema));
    expect(diffVSchema(vschema, again)).toBe("");
    // No difference is told exactly when there is none.
    expect(diffVSchema(seedModel, vschema) === "").toBe(canonical(seedModel) === canonical(vschema));
    checkVSchemas({ keyspaces: new Map([["customer", vschema]]), routingRules: [] });
    return true;
  } catch (error) {
    if (error instanceof ShardgateError && error.id === "VSCHEMA_BAD") {
      expect(error.message.length).toBeLessThan(20_000);
      return false;
    }
    throw error;
  }
}

/** The printed VSchema with the members of every map in order of their names. */
function canonical(vschema: KeyspaceVSchema): string {
  const byName = <T>(map: ReadonlyMap<string, T>) => new Map([...map].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  return formatVSchema({ ...vschema, vindexes: byName(vschema.vindexes), tables: byName(vschema.tables) });
}

function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof ShardgateError && error.id === "VSCHEMA_BAD") return error.message;
    throw error;
  }
  throw new Error("nothing was refused");
}

/** Changes one place below `json`: replaces, removes, renames or adds. */
function mutate(json: unknown, random: SeededRandom): void {
  let node: unknown = json;
  for (;;) {
    if (typeof node !== "object" || node === null) return;
    const keys = Object.keys(node);
    const key = random.pick(keys);
    const child: unknown = key === undefined ? undefined : Reflect.get(node, key);
    if (key !== undefined && typeof child === "object" && child !== null && random.below(4) > 0) {
      node = child;
      continue;
    }
    const value = structuredClone(random.pick(VALUES));
    const name = random.pick(NAMES) ?? "";
    switch (random.below(4)) {
      case 0:
        if (key !== undefined) Reflect.deleteProperty(node, key);
        return;
      case 1:
        if (key !== undefined) Reflect.deleteProperty(node, key);
        define(node, name, child);
        return;
      case 2:
        define(node, name, value);
        return;
      default:
        if (key !== undefined) define(node, key, value);
        return;
    }
  }
}

function define(node: object, name: string, value: unknown): void {
  Object.defineProperty(node, Array.isArray(node) ? String(node.length) : name, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}
