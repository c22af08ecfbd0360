// Schema directories and shard names: what is accepted, and what the refusals say.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readSchemaDir } from "../../../src/local/schema-dir.ts";
import { parseShardCounts, shardNames } from "../../../src/local/shard-names.ts";
import { parseKeyRange, partitionProblem } from "../../../src/topo/key-range.ts";
import { temporaryDir } from "../../fixture/cluster.ts";

describe("shard names", () => {
  test.each([
    [1, false, ["0"]],
    [1, true, ["-"]],
    [2, true, ["-80", "80-"]],
    [3, true, ["-55", "55-aa", "aa-"]],
    [4, true, ["-40", "40-80", "80-c0", "c0-"]],
    [8, true, ["-20", "20-40", "40-60", "60-80", "80-a0", "a0-c0", "c0-e0", "e0-"]],
  ])("%d shards, sharded %s", (count, sharded, names) => {
    expect(shardNames(count, sharded)).toEqual(names);
  });

  test.each([5, 16, 255, 256, 257, 1000])("%d shards cover every keyspace id once", (count) => {
    const shards = shardNames(count, true).map((name) => ({ name, keyRange: parseKeyRange(name) }));
    expect(shards).toHaveLength(count);
    expect(partitionProblem(shards)).toBeUndefined();
  });

  test("refusals", () => {
    expect(() => shardNames(2, false)).toThrow("an unsharded keyspace has exactly 1 shard");
    expect(() => shardNames(0, true)).toThrow("0 is not a number of shards");
    expect(() => parseShardCounts("a=1,b")).toThrow('"b" is not KEYSPACE=NUMBER');
    expect(() => parseShardCounts("a=0")).toThrow('"a=0" is not KEYSPACE=NUMBER');
    expect(() => parseShardCounts("a=1,a=2")).toThrow("--shards names a twice");
    expect([...parseShardCounts("a=1, b=16")]).toEqual([
      ["a", 1],
      ["b", 16],
    ]);
  });
});

describe("readSchemaDir", () => {
  let dir: ReturnType<typeof temporaryDir>;
  beforeEach(() => {
    dir = temporaryDir();
  });
  afterEach(() => dir.remove());

  const write = (path: string, text: string) => {
    mkdirSync(join(dir.path, path, ".."), { recursive: true });
    writeFileSync(join(dir.path, path), text);
  };
  const read = (shards: string, check: (keyspace: string, text: string, folder: string) => void = () => {}) =>
    readSchemaDir(dir.path, shards === "" ? new Map() : parseShardCounts(shards), check);

  test("unsharded keyspaces first, files in order of their names, other folders left alone", () => {
    write("customer/vschema.json", '{"sharded": true}');
    write("customer/02-rows.sql", "insert into c values (1)");
    write("customer/01-tables.sql", "create table c (id int);");
    write("other/readme.md", "");
    write("zoo/tables.sql", "create table z (id int)");
    const found = read("customer=2");
    expect(found.map(({ name, sharded, shards }) => ({ name, sharded, shards }))).toEqual([
      { name: "zoo", sharded: false, shards: ["0"] },
      { name: "customer", sharded: true, shards: ["-80", "80-"] },
    ]);
    expect(found[1]?.statements.map(({ sql }) => sql)).toEqual(["create table c (id int)", "insert into c values (1)"]);
  });

  test("a keyspace that is not there", () => {
    write("a/vschema.json", "{}");
    expect(() => read("b=1")).toThrow(/--shards names keyspace b, but .* has no folder of that name; it has a/);
  });

  test("several shards without a sharded VSchema", () => {
    write("a/t.sql", "create table t (id int)");
    expect(() => read("a=2")).toThrow(/keyspace a 2 shards, but .*a has no vschema.json/);
    write("a/vschema.json", '{"sharded": false}');
    expect(() => read("a=2")).toThrow(/vschema.json does not say "sharded": true/);
  });

  test("bad JSON and bad VSchema name the file", () => {
    write("a/vschema.json", "{");
    expect(() => read("a=1")).toThrow(/a\/vschema.json: Expected property name/);
    write("a/vschema.json", "{}");
    expect(() =>
      read("a=1", () => {
        throw new Error("a.tables.t: no");
      }),
    ).toThrow(/a\/vschema.json: a.tables.t: no/);
  });

  test("no directory, nothing in it", () => {
    expect(() => readSchemaDir(join(dir.path, "nowhere"), new Map(), () => {})).toThrow(/--schema-dir: cannot read/);
    expect(() => read("")).toThrow(/has no keyspaces/);
  });
});
