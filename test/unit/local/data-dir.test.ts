// The data directory: what is kept, what is refused, what an unfinished start leaves.

import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { DataDir } from "../../../src/local/data-dir.ts";
import { temporaryDir } from "../../fixture/cluster.ts";

const SHAPE = { keyspaces: { a: ["0"], b: ["-80", "80-"] }, replicas: 0 };

describe("DataDir", () => {
  let dir: ReturnType<typeof temporaryDir>;
  beforeEach(() => {
    dir = temporaryDir();
  });
  afterEach(() => dir.remove());

  test("an unfinished first start leaves nothing", () => {
    const path = join(dir.path, "new");
    const data = DataDir.open(path, SHAPE);
    mkdirSync(join(path, "keyspaces", "a"), { recursive: true });
    data.close();
    expect(existsSync(path)).toBe(false);
  });

  test("files of others in an unfinished directory are left alone", () => {
    const data = DataDir.open(dir.path, SHAPE);
    writeFileSync(join(dir.path, "notes.txt"), "mine");
    data.close();
    expect(existsSync(join(dir.path, "notes.txt"))).toBe(true);
    expect(existsSync(join(dir.path, "cluster.json"))).toBe(false);
  });

  test("what a killed first start left is made anew", () => {
    DataDir.open(dir.path, SHAPE).markApplied("a/0", "h1");
    writeFileSync(join(dir.path, "local.pid"), "1 1\n");
    const data = DataDir.open(dir.path, SHAPE);
    expect(data.isReused).toBe(false);
    expect(data.pending("a/0", ["h1"])).toEqual({ from: 0, changed: false });
    data.close();
  });

  test("a finished one remembers statements and ports", () => {
    const first = DataDir.open(dir.path, SHAPE);
    first.markApplied("a/0", "h1");
    first.markPort("gateway", 4000);
    first.markComplete();
    first.close();
    const data = DataDir.open(dir.path, { keyspaces: { b: ["-80", "80-"], a: ["0"] }, replicas: 0 });
    expect(data.isReused).toBe(true);
    expect(data.port("gateway")).toBe(4000);
    expect(data.pending("a/0", ["h1", "h2"])).toEqual({ from: 1, changed: false });
    expect(data.pending("a/0", ["h0", "h2"])).toEqual({ from: 2, changed: true });
    expect(data.pending("a/0", [])).toEqual({ from: 0, changed: true });
    data.close();
    expect(() => DataDir.open(dir.path, { ...SHAPE, replicas: 1 })).toThrow(/was made with --replicas 0, not 1/);
    expect(() => DataDir.open(dir.path, { keyspaces: { a: ["0"] }, replicas: 0 })).toThrow(/holds a=1,b=2, not a=1/);
  });

  test("in use, or not ours", () => {
    const data = DataDir.open(dir.path, SHAPE);
    expect(() => DataDir.open(dir.path, SHAPE)).toThrow(/is in use by a running `shardgate local`/);
    data.close();
    writeFileSync(join(dir.path, "photo.jpg"), "");
    expect(() => DataDir.open(dir.path, SHAPE)).toThrow(/is not empty and was not made by `shardgate local`/);
    writeFileSync(join(dir.path, "cluster.json"), '{"version":2}');
    expect(() => DataDir.open(dir.path, SHAPE)).toThrow(/cannot be read by this version/);
  });
});
