// Which shards values lead to, and which values may place a row: never a guess.

import { beforeAll, describe, expect, test } from "vitest";
import { shardsFor } from "../../../src/engine/shards.ts";
import { mapForRead, valueToPlace } from "../../../src/engine/vindex-values.ts";
import type { Value, ValueType } from "../../../src/mysql/values.ts";
import type { ColumnKind } from "../../../src/plan/column-kind.ts";
import type { Routing } from "../../../src/plan/plan.ts";
import { literalBind } from "../../../src/sql/bind-value.ts";
import { parseKeyRange, ShardMap } from "../../../src/topo/key-range.ts";
import type { SingleColumnVindex } from "../../../src/vschema/vindex.ts";
import { checkVSchema } from "../../../src/vschema/parse-vschema.ts";
import { loadHashes } from "../../../src/vschema/xxh64.ts";

const vindexes = new Map<string, SingleColumnVindex>();

beforeAll(async () => {
  await loadHashes();
  const types = ["hash", "numeric", "xxhash", "binary", "unicode_loose_xxhash"];
  const parsed = checkVSchema("k", {
    sharded: true,
    vindexes: Object.fromEntries(types.map((type) => [type, { type }])),
    tables: {},
  });
  if (parsed.kind === "bad") throw new Error("the VSchema is good");
  for (const { name, vindex } of parsed.vschema.vindexes.values()) {
    if (vindex.kind === "single-column") vindexes.set(name, vindex);
  }
});

function vindex(name: string): SingleColumnVindex {
  const found = vindexes.get(name);
  if (found === undefined) throw new Error(name);
  return found;
}

function value(type: ValueType, raw: string): Value {
  return { type, raw: Buffer.from(raw) };
}

/** "all" when it cannot be told, "none", or the keyspace id. */
function read(name: string, holds: ColumnKind, type: ValueType, raw: string): string {
  const destination = mapForRead(vindex(name), holds, value(type, raw));
  if (destination === undefined) return "all";
  return destination.kind === "keyspace-id" ? destination.id.toString("hex") : destination.kind;
}

function idOf(name: string, type: ValueType, raw: string): string {
  const destination = vindex(name).map(value(type, raw));
  return destination.kind === "keyspace-id" ? destination.id.toString("hex") : destination.kind;
}

describe("reading by = and IN", () => {
  test.each([
    ["hash", "unknown", "INT64", "5", "INT64", "5"],
    ["hash", "unknown", "INT64", "-5", "INT64", "-5"],
    ["hash", "unknown", "VARCHAR", "5", "INT64", "5"],
    ["hash", "unknown", "VARCHAR", "-5", "INT64", "-5"],
    ["hash", "integer", "VARCHAR", "1234567890123456789", "INT64", "1234567890123456789"],
    ["hash", "integer", "DECIMAL", "5.0", "INT64", "5"],
    ["hash", "integer", "DECIMAL", "-5.00", "INT64", "-5"],
    ["hash", "integer", "FLOAT64", "5e0", "INT64", "5"],
    ["hash", "decimal", "DECIMAL", "5.0", "INT64", "5"],
    ["hash", "general-ci", "INT64", "5", "INT64", "5"],
    ["hash", "general-ci", "VARCHAR", "5", "INT64", "5"],
    ["hash", "unknown", "UINT64", "18446744073709551615", "UINT64", "18446744073709551615"],
    ["xxhash", "integer", "VARCHAR", "5", "INT64", "5"],
    ["xxhash", "integer", "INT64", "5", "INT64", "5"],
    ["xxhash", "binary", "VARCHAR", "abc ", "VARCHAR", "abc "],
    ["xxhash", "binary", "VARCHAR", "05", "VARCHAR", "05"],
    ["xxhash", "binary", "HEXVAL", "x'616263'", "VARCHAR", "abc"],
    ["xxhash", "binary", "VARBINARY", "abc", "VARCHAR", "abc"],
    ["xxhash", "binary-fixed", "VARCHAR", "abc", "VARCHAR", "abc"],
    ["xxhash", "binary", "TEXT", "abc", "VARCHAR", "abc"],
    ["hash", "integer", "TEXT", "5", "INT64", "5"],
    ["xxhash", "char-bin", "VARCHAR", "abc ", "VARCHAR", "abc"],
    ["xxhash", "date", "VARCHAR", "2020-02-29", "VARCHAR", "2020-02-29"],
    ["xxhash", "date", "VARCHAR", "2020-2-9", "VARCHAR", "2020-02-09"],
    ["xxhash", "date", "DATE", "2020-02-29", "VARCHAR", "2020-02-29"],
    ["unicode_loose_xxhash", "text-bin", "VARCHAR", "ABC ", "VARCHAR", "abc"],
    ["unicode_loose_xxhash", "general-ci", "VARCHAR", "Bob ", "VARCHAR", "bob"],
    ["unicode_loose_xxhash", "general-ci", "HEXVAL", "x'616263'", "VARCHAR", "abc"],
    ["unicode_loose_xxhash", "ascii-ci", "VARCHAR", "ISIS", "VARCHAR", "isis"],
  ] as const)("%s of a column that is %s: %s %s", (name, holds, type, raw, sameType, sameRaw) => {
    expect(read(name, holds, type, raw)).toBe(idOf(name, sameType, sameRaw));
  });

  test.each([
    ["hash", "unknown", "VARCHAR", "05"],
    ["hash", "unknown", "VARCHAR", "5 "],
    ["hash", "unknown", "VARCHAR", "5abc"],
    ["hash", "unknown", "VARCHAR", ""],
    ["hash", "unknown", "DECIMAL", "5.0"],
    ["hash", "unknown", "FLOAT64", "5e0"],
    ["hash", "unknown", "HEXVAL", "x'35'"],
    ["hash", "unknown", "BITNUM", "0b101"],
    ["hash", "unknown", "VARCHAR", "1234567890123456789"],
    ["hash", "decimal", "VARCHAR", "1234567890123456789"],
    ["hash", "integer", "FLOAT64", "1e18"],
    ["hash", "general-ci", "INT64", "1234567890123456789"],
    ["hash", "other", "INT64", "70"],
    ["xxhash", "unknown", "HEXNUM", "0x35"],
    ["xxhash", "unknown", "VARCHAR", "05"],
    ["xxhash", "integer", "VARCHAR", "abc"],
    ["xxhash", "text", "INT64", "5"],
    ["xxhash", "unknown", "VARCHAR", "abc"],
    ["xxhash", "unknown", "INT64", "5"],
    ["xxhash", "text-bin", "VARCHAR", "abc"],
    ["xxhash", "general-ci", "VARCHAR", "abc"],
    ["xxhash", "text-ci", "VARCHAR", "abc"],
    ["xxhash", "binary-fixed", "VARCHAR", "abc\0"],
    ["hash", "text-ci", "TEXT", "5"],
    ["xxhash", "date", "VARCHAR", "20200229"],
    ["xxhash", "date", "VARCHAR", "2020-02-29 00:00:00"],
    ["xxhash", "date", "VARCHAR", "2021-02-29"],
    ["unicode_loose_xxhash", "general-ci", "VARCHAR", "alice"],
    ["unicode_loose_xxhash", "general-ci", "VARCHAR", "bös"],
    ["unicode_loose_xxhash", "text-ci", "VARCHAR", "abc"],
    ["unicode_loose_xxhash", "unknown", "VARCHAR", "abc"],
    ["unicode_loose_xxhash", "unknown", "INT64", "0"],
    ["unicode_loose_xxhash", "unknown", "DECIMAL", "5.0"],
  ] as const)("%s of a column that is %s: %s %s may be anywhere", (name, holds, type, raw) => {
    expect(read(name, holds, type, raw)).toBe("all");
  });

  test("NULL is nowhere", () => {
    for (const name of vindexes.keys()) expect(read(name, "unknown", "NULL_TYPE", "")).toBe("none");
  });

  test("no integer is 5.5, and a malformed text is nowhere sure", () => {
    expect(read("hash", "integer", "DECIMAL", "5.5")).toBe("none");
    expect(read("hash", "integer", "FLOAT64", "55e-1")).toBe("none");
    expect(mapForRead(vindex("unicode_loose_xxhash"), "binary", { type: "VARCHAR", raw: Buffer.from([0xff]) })).toBe(
      undefined,
    );
  });
});

describe("placing a row", () => {
  test.each([
    ["hash", "unknown", "INT64", "5", "INT64 5"],
    ["hash", "unknown", "VARCHAR", "-5", "INT64 -5"],
    ["hash", "unknown", "VARCHAR", "05", "VARCHAR 05"],
    ["xxhash", "unknown", "VARCHAR", "5", "VARCHAR 5"],
    ["xxhash", "unknown", "VARCHAR", "abc", "VARCHAR abc"],
    ["xxhash", "unknown", "VARCHAR", "05", "none"],
    ["xxhash", "unknown", "VARCHAR", " 5", "none"],
    ["xxhash", "unknown", "VARCHAR", "1e1", "none"],
    ["xxhash", "unknown", "VARCHAR", "12e400", "VARCHAR 12e400"],
    ["xxhash", "text", "VARCHAR", "05", "VARCHAR 05"],
    ["xxhash", "integer", "VARCHAR", "abc", "none"],
    ["xxhash", "char-bin", "VARCHAR", "abc ", "VARCHAR abc"],
    ["xxhash", "date", "VARCHAR", "2020-02-29", "VARCHAR 2020-02-29"],
    ["xxhash", "date", "VARCHAR", "2020-2-9", "VARCHAR 2020-02-09"],
    ["xxhash", "date", "VARCHAR", "20200229", "none"],
    ["xxhash", "decimal", "VARCHAR", "5", "INT64 5"],
    ["xxhash", "decimal", "DECIMAL", "5.0", "INT64 5"],
    ["xxhash", "integer", "DECIMAL", "5.5", "none"],
    ["xxhash", "decimal", "VARCHAR", "5.0", "none"],
    ["xxhash", "unknown", "DECIMAL", "9.0", "none"],
    ["xxhash", "unknown", "HEXVAL", "x'35'", "none"],
    ["xxhash", "text", "HEXVAL", "x'35'", "HEXVAL x'35'"],
    [
      "binary",
      "unknown",
      "HEXVAL",
      "x'00112233445566778899aabbccddeeff'",
      "HEXVAL x'00112233445566778899aabbccddeeff'",
    ],
    ["binary", "integer", "HEXVAL", "x'00112233445566778899aabbccddeeff'", "none"],
    ["unicode_loose_xxhash", "unknown", "INT64", "5", "INT64 5"],
    ["unicode_loose_xxhash", "unknown", "FLOAT64", "1e1", "none"],
    ["unicode_loose_xxhash", "unknown", "BITNUM", "0b01100001", "none"],
  ] as const)("%s of a column that is %s: %s %s is %s", (name, holds, type, raw, wanted) => {
    const placed = valueToPlace(vindex(name), holds, value(type, raw));
    expect(placed === undefined ? "none" : `${placed.type} ${placed.raw.toString()}`).toBe(wanted);
  });
});

describe("shards of a routing", () => {
  const shards = ["-40", "40-80", "80-c0", "c0-"];
  const map = new ShardMap(shards.map((name) => ({ name, keyRange: parseKeyRange(name) })));
  const keyspace = {
    keyspace: "k",
    sharded: true,
    shardMap: map,
    problem: undefined,
    targets: shards.map((shard) => ({ keyspace: "k", shard, tabletType: "primary" as const })),
  };
  const names = (routing: Routing, binds: Parameters<typeof shardsFor>[2] = []): string[] =>
    shardsFor(routing, keyspace, binds).map(({ shard }) => shard);
  const list = (...values: string[]): Parameters<typeof shardsFor>[2] => [
    { kind: "list", items: values.map((each) => literalBind("int", Buffer.from(each))) },
  ];

  test("one value, several, none, all", () => {
    const numeric = vindex("numeric");
    const routing: Routing = {
      kind: "in",
      vindex: numeric,
      holds: "unknown",
      values: [{ kind: "bind-list", index: 0 }],
    };
    // numeric: the number itself, eight bytes.
    expect(names(routing, list("1"))).toEqual(["-40"]);
    expect(names(routing, list("1", "2", "4611686018427387904"))).toEqual(["-40", "40-80"]);
    expect(names(routing, list("18446744073709551615", "1"))).toEqual(["-40", "c0-"]);
    expect(names(routing, [])).toEqual(shards);
    const nothing: Routing = { kind: "in", vindex: numeric, holds: "unknown", values: [] };
    expect(names(nothing)).toEqual(["-40"]);
    expect(names({ kind: "scatter" })).toEqual(shards);
    expect(names({ kind: "pinned", keyspaceId: Buffer.from("90", "hex") })).toEqual(["80-c0"]);
  });

  test("one value that cannot be mapped widens a list to all shards", () => {
    const routing: Routing = {
      kind: "in",
      vindex: vindex("numeric"),
      holds: "unknown",
      values: [
        { kind: "constant", value: value("INT64", "1") },
        { kind: "constant", value: value("DECIMAL", "2.0") },
      ],
    };
    expect(names(routing)).toEqual(shards);
  });

  test("a keyspace whose shards are not complete is not asked at all", () => {
    const broken = { ...keyspace, shardMap: undefined, problem: "hole at 80-c0" };
    expect(() => shardsFor({ kind: "scatter" }, broken, [])).toThrow(/hole at 80-c0/);
  });
});
