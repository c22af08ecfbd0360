// The demo rows fit the demo VSchema: they name its vindex columns, spread evenly, and keep a customer's rows together.

import { beforeAll, expect, test } from "vitest";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { DEMO_ROWS, type DemoInsert, demoInserts } from "../../../src/local/demo-data.ts";
import { valueOf } from "../../../src/mysql/values.ts";
import { primaryVindex } from "../../../src/vschema/model.ts";
import { parseVSchemaText } from "../../../src/vschema/parse-vschema.ts";
import { loadHashes } from "../../../src/vschema/xxh64.ts";

beforeAll(loadHashes);

const file = resolve(import.meta.dirname, "../../../vschema/customer/vschema.json");
const customer = parseVSchemaText("customer", readFileSync(file, "utf8"));

test("a seed replays the rows, another one gives others", () => {
  const [one, again, other] = [1, 1, 2].map((seed) => [...demoInserts(seed)].map((insert) => insert.sql).join());
  expect(one).toBe(again);
  expect(one).not.toBe(other);
});

test("as many rows as promised, in few statements", () => {
  const inserts = [...demoInserts()];
  const rows: Record<string, number> = {};
  for (const insert of inserts) {
    rows[insert.table] = (rows[insert.table] ?? 0) + insert.rows;
    expect(tuplesOf(insert)).toHaveLength(insert.rows);
  }
  expect(rows).toEqual(DEMO_ROWS);
  expect(inserts.length).toBeLessThan(50);
});

test("every sharded statement reaches both halves of the key range, evenly over all", () => {
  const halves: Record<string, [number, number]> = {};
  for (const insert of demoInserts()) {
    if (insert.keyspace !== "customer") continue;
    const table = customer.tables.get(insert.table);
    const primary = table && primaryVindex(customer, table);
    if (primary?.vindex.kind !== "single-column") throw new Error(`no single-column vindex for ${insert.table}`);
    const columns = /\(([^)]*)\)/.exec(insert.sql)?.[1]?.split(", ") ?? [];
    const at = columns.indexOf(primary.columns[0] ?? "");
    expect(at, `${insert.table} names its vindex column`).toBeGreaterThanOrEqual(0);
    for (const tuple of tuplesOf(insert)) {
      const to = primary.vindex.map(valueOf("VARCHAR", (tuple[at] ?? "").replaceAll("'", "")));
      if (to.kind !== "keyspace-id") throw new Error("every row has a keyspace id");
      const counts = (halves[insert.table] ??= [0, 0]);
      counts[(to.id[0] ?? 0) < 0x80 ? 0 : 1]++;
    }
  }
  for (const [table, [low, high]] of Object.entries(halves)) {
    expect(low / (low + high), table).toBeGreaterThan(table === "messages" ? 0.2 : 0.45);
    expect(low / (low + high), table).toBeLessThan(table === "messages" ? 0.8 : 0.55);
  }
});

/** The values of each row; no value of the demo holds a comma followed by a blank, apart from the bodies of messages. */
function tuplesOf(insert: DemoInsert): string[][] {
  const [, ...lines] = insert.sql.split("\n");
  return lines.map((line) => line.replace(/,$/, "").slice(1, -1).split(", "));
}
