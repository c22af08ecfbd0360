// Records survive a round trip; anything else is refused with TOPO_BAD_RECORD that names the key, never otherwise.

import { describe, expect, test } from "vitest";
import { ShardgateError } from "../../../src/base/errors.ts";
import { parseKeyRange } from "../../../src/topo/key-range.ts";
import type { RecordCodec, TabletRecord } from "../../../src/topo/records.ts";
import {
  cellCodec,
  cellOfAlias,
  checkName,
  keyspaceCodec,
  parseTabletAlias,
  routingRulesCodec,
  shardCodec,
  tabletAliasOf,
  tabletCodec,
  vschemaCodec,
} from "../../../src/topo/records.ts";
import { randomFrom } from "./random.ts";

const tablet: TabletRecord = {
  alias: tabletAliasOf("zone1", 100),
  cell: "zone1",
  keyspace: "customer",
  shard: "-80",
  type: "primary",
  hostname: "127.0.0.1",
  grpcPort: 15_100,
  mysqlHostname: "127.0.0.1",
  mysqlPort: 17_100,
  startedAt: "2024-05-01T12:00:00.000Z",
};
const shard = { keyspace: "customer", name: "-80", keyRange: parseKeyRange("-80"), isServing: true };

const EXAMPLES: Record<string, readonly [RecordCodec<unknown>, string]> = {
  cell: [cellCodec, cellCodec.encode({ name: "zone1" })],
  keyspace: [keyspaceCodec, keyspaceCodec.encode({ name: "customer" })],
  shard: [shardCodec, shardCodec.encode({ ...shard, primaryAlias: tablet.alias })],
  "shard without primary": [shardCodec, shardCodec.encode(shard)],
  "unsharded shard": [shardCodec, shardCodec.encode({ ...shard, name: "0", keyRange: parseKeyRange("0") })],
  tablet: [tabletCodec, tabletCodec.encode(tablet)],
  vschema: [vschemaCodec, vschemaCodec.encode({ keyspace: "customer", json: { sharded: true, tables: {} } })],
  "routing rules": [routingRulesCodec, routingRulesCodec.encode([{ fromTable: "a.t", toTables: ["b.t"] }])],
};

describe.each(Object.entries(EXAMPLES))("%s", (_name, [codec, text]) => {
  test("round trip, with its version, and fields of the future ignored", () => {
    const record = codec.decode("/k", text);
    expect(codec.encode(record)).toBe(text);
    const json: object = JSON.parse(text);
    expect(json).toHaveProperty("version", 1);
    expect(codec.decode("/k", JSON.stringify({ ...json, later: { x: 1 } }))).toEqual(record);
  });

  test("what is no record is refused, naming the key", () => {
    for (const bad of ["", "{", "null", "[]", "1", '"x"', "{}", '{"version":"1"}', '{"version":2}', "\u0000"]) {
      expect(() => codec.decode("/root/key", bad)).toThrow(
        expect.objectContaining({ id: "TOPO_BAD_RECORD", message: expect.stringContaining("/root/key") }),
      );
    }
  });

  test("seeded mutations: decoded to something that encodes again, or refused by name", () => {
    const random = randomFrom(7);
    const pool = [null, true, 0, -1, 1.5, 70_000, "", "x", "-80", "80-", "zone1-0000000100", [], {}, [{}], { a: 1 }];
    for (let round = 0; round < 1_500; round++) {
      const json: Record<string, unknown> = JSON.parse(text);
      const fields = Object.keys(json);
      const field = fields[random(fields.length)] ?? "";
      if (random(4) === 0) delete json[field];
      else json[field] = pool[random(pool.length)];
      let mutated = JSON.stringify(json);
      if (random(3) === 0) mutated = mutated.slice(0, random(mutated.length)) + mutated.slice(random(mutated.length));
      let record: unknown;
      try {
        record = codec.decode("/root/key", mutated);
      } catch (error) {
        if (!(error instanceof ShardgateError)) throw new Error(`${mutated}: ${String(error)}`, { cause: error });
        expect(error.id).toBe("TOPO_BAD_RECORD");
        expect(error.message).toContain("/root/key");
        continue;
      }
      expect(codec.decode("/k", codec.encode(record))).toEqual(record);
    }
  });
});

test.each<[string, object, string]>([
  ["unknown type", { type: "spare" }, "type must be one of primary, replica, rdonly"],
  ["port 0", { grpcPort: 0 }, "grpcPort must be a port"],
  ["port as text", { mysqlPort: "3306" }, "mysqlPort must be a port"],
  ["cell not of the alias", { cell: "zone2" }, "cell must be the cell of alias zone1-0000000100"],
  ["alias without uid", { alias: "zone1" }, "alias must be a tablet alias"],
  ["bad shard", { shard: "8" }, "shard must be a key range"],
  ["no time", { startedAt: "yesterday" }, "startedAt must be a time"],
])("tablet with %s", (_name, change, message) => {
  const json: object = JSON.parse(tabletCodec.encode(tablet));
  expect(() => tabletCodec.decode("/k", JSON.stringify({ ...json, ...change }))).toThrow(message);
});

test("a shard's range must be that of its name", () => {
  const text = shardCodec.encode(shard).replace('"keyRange":"-80"', '"keyRange":"-40"');
  expect(() => shardCodec.decode("/k", text)).toThrow("keyRange must be the range of shard -80");
});

test("routing rules are read in snake and camel case", () => {
  const text = '{"version":1,"rules":[{"fromTable":"a","toTables":["k.a"]},{"from_table":"b","to_tables":["k.b"]}]}';
  expect(routingRulesCodec.decode("/k", text)).toEqual([
    { fromTable: "a", toTables: ["k.a"] },
    { fromTable: "b", toTables: ["k.b"] },
  ]);
});

test("aliases and names", () => {
  expect(tabletAliasOf("zone-1", 7)).toBe("zone-1-0000000007");
  expect(cellOfAlias(parseTabletAlias("zone-1-0000000007"))).toBe("zone-1");
  for (const bad of ["zone1", "zone1-100", "-0000000100", "zone1-00000001000x", "a/b-0000000100"]) {
    expect(() => parseTabletAlias(bad)).toThrow(expect.objectContaining({ id: "CONFIG_BAD" }));
  }
  for (const bad of ["", "a/b", "a b", "-a", "ä", "x".repeat(65)]) {
    expect(() => checkName("keyspace", bad)).toThrow(expect.objectContaining({ id: "CONFIG_BAD" }));
  }
});
