// Every vindex against the reference vectors: the rows of a Vitess cluster must be found where Vitess put them.

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { ShardgateError } from "../../../src/base/errors.ts";
import type { Value, ValueType } from "../../../src/mysql/values.ts";
import { md5 } from "../../../src/vschema/binary-md5.ts";
import { createVindex } from "../../../src/vschema/create-vindex.ts";
import { likePrefix } from "../../../src/vschema/like-prefix.ts";
import { looseKey } from "../../../src/vschema/loose-key.ts";
import { prefixRange } from "../../../src/vschema/prefix-range.ts";
import { bytesOf } from "../../../src/vschema/value-bytes.ts";
import {
  type Destination,
  isPrefixable,
  isReversible,
  isSequential,
  type Vindex,
} from "../../../src/vschema/vindex.ts";
import { loadHashes } from "../../../src/vschema/xxh64.ts";

const folder = resolve(import.meta.dirname, "data");

interface JsonValue {
  type: ValueType;
  value?: string | null;
  base64?: string;
}
type Range = [string, string];
type Params = Record<string, string>;
interface Vectors {
  map: {
    vindex: string;
    params: Params;
    input: JsonValue[];
    keyspace_id: string | null | { range: Range } | { error: string };
  }[];
  prefix_map: { vindex: string; params: Params; like: JsonValue; range: Range }[];
  verify: {
    vindex: string;
    params: Params;
    input: JsonValue[];
    keyspace_id: string;
    match: boolean | { error: string };
  }[];
  reverse_map: { vindex: string; keyspace_id: string; value: JsonValue | { error: string } }[];
  range_map: { vindex: string; start: JsonValue; end: JsonValue; range?: Range; error?: string }[];
  like_prefix: { like: string; prefix: string }[];
  range_from_prefix: { prefix: string; range: Range }[];
  create: {
    vindex: string;
    params: Params;
    cost?: number;
    unique?: boolean;
    needs_vcursor?: boolean;
    unknown_params?: string[];
    error?: string;
  }[];
  lookup_values: { vindex: string; from?: JsonValue; stored_from?: string; keyspace_id?: string; stored_to?: string }[];
  loose_key: { input: JsonValue; key: string }[];
}

const vectors: Vectors = JSON.parse(readFileSync(resolve(folder, "vectors.json"), "utf8"));
const made = new Map<string, Vindex>();

beforeAll(loadHashes);

describe("vectors", () => {
  test(`map: ${vectors.map.length}`, () => {
    const wrong = vectors.map.filter((v) => {
      const row = v.input.map(valueFrom);
      const got = outcome(() => destination(mapRow(vindexOf(v.vindex, v.params), row)));
      const wanted =
        v.keyspace_id === null ? "none" : typeof v.keyspace_id === "string" ? v.keyspace_id : v.keyspace_id;
      return show(got) !== (typeof wanted === "object" && "error" in wanted ? "error" : show(wanted));
    });
    expect(wrong).toEqual([]);
    expect(vectors.map.length).toBeGreaterThan(800);
  });

  test(`verify: ${vectors.verify.length}`, () => {
    const wrong = vectors.verify.filter((v) => {
      const vindex = vindexOf(v.vindex, v.params);
      const row = v.input.map(valueFrom);
      const id = Buffer.from(v.keyspace_id, "hex");
      const got = outcome(() => {
        if (vindex.kind === "multi-column") return vindex.verify(row, id);
        const [value] = row;
        if (vindex.kind !== "single-column" || value === undefined) throw new Error("not verifiable");
        return vindex.verify(value, id);
      });
      return got !== (typeof v.match === "object" ? "error" : v.match);
    });
    expect(wrong).toEqual([]);
  });

  test(`reverse_map: ${vectors.reverse_map.length}`, () => {
    const wrong = vectors.reverse_map.filter((v) => {
      const vindex = vindexOf(v.vindex, {});
      const got = outcome(() => {
        if (!isReversible(vindex)) throw new Error("not reversible");
        const value = vindex.reverseMap(Buffer.from(v.keyspace_id, "hex"));
        return [value.type, value.raw.toString("hex")];
      });
      if ("error" in v.value) return got !== "error";
      const wanted = valueFrom(v.value);
      return show(got) !== show([wanted.type, wanted.raw.toString("hex")]);
    });
    expect(wrong).toEqual([]);
  });

  test(`range_map: ${vectors.range_map.length}`, () => {
    const wrong = vectors.range_map.filter((v) => {
      const vindex = vindexOf(v.vindex, {});
      const got = outcome(() => {
        if (!isSequential(vindex)) throw new Error("not sequential");
        return destination(vindex.rangeMap(valueFrom(v.start), valueFrom(v.end)));
      });
      return show(got) !== (v.range === undefined ? "error" : show({ range: v.range }));
    });
    expect(wrong).toEqual([]);
  });

  test(`prefix_map: ${vectors.prefix_map.length}`, () => {
    const wrong = vectors.prefix_map.filter((v) => {
      const vindex = vindexOf(v.vindex, v.params);
      if (!isPrefixable(vindex)) throw new Error("not prefixable");
      return show(destination(vindex.mapPrefix(valueFrom(v.like)))) !== show({ range: v.range });
    });
    expect(wrong).toEqual([]);
  });

  test(`like_prefix: ${vectors.like_prefix.length}, range_from_prefix: ${vectors.range_from_prefix.length}`, () => {
    for (const v of vectors.like_prefix) {
      expect(likePrefix(Buffer.from(v.like, "base64")).toString("base64")).toBe(v.prefix);
    }
    for (const v of vectors.range_from_prefix) {
      expect(destination(prefixRange(Buffer.from(v.prefix, "hex")))).toEqual({ range: v.range });
    }
  });

  test(`create: ${vectors.create.length}`, () => {
    const wrong = vectors.create.filter((v) => {
      const got = outcome(() => {
        const vindex = create(v.vindex, v.params);
        return [vindex.cost, vindex.unique, vindex.needsVcursor, vindex.unknownParams, vindex.name, vindex.type];
      }, "VSCHEMA_BAD");
      const wanted = [v.cost, v.unique, v.needs_vcursor, v.unknown_params, v.vindex, v.vindex];
      return show(got) !== (v.error === undefined ? show(wanted) : "error");
    });
    expect(wrong).toEqual([]);
  });

  test(`loose_key: ${vectors.loose_key.length}`, () => {
    const wrong = vectors.loose_key.filter((v) => {
      const bytes = bytesOf(valueFrom(v.input));
      return bytes === undefined || looseKey(bytes)?.toString("hex") !== v.key;
    });
    expect(wrong).toEqual([]);
  });

  // The lookup vindexes themselves do not route yet; what they will store is a function that is here already.
  test(`lookup_values: ${vectors.lookup_values.length}, by the functions behind the lookup types`, () => {
    const hash = vindexOf("hash", {});
    for (const v of vectors.lookup_values) {
      if (v.from !== undefined) {
        const key = looseKey(valueFrom(v.from).raw);
        expect(key && md5(key).readBigUInt64BE(0).toString()).toBe(v.stored_from);
      } else {
        if (!isReversible(hash)) throw new Error("hash is reversible");
        const id = Buffer.from(v.keyspace_id ?? "", "hex");
        expect(hash.reverseMap(id).raw.toString()).toBe(v.stored_to);
      }
    }
  });
});

function create(type: string, params: Params): Vindex {
  return createVindex(type, type, new Map(Object.entries(params)), folder);
}

function vindexOf(type: string, params: Params): Vindex {
  const key = `${type} ${JSON.stringify(params)}`;
  const vindex = made.get(key) ?? create(type, params);
  made.set(key, vindex);
  return vindex;
}

function mapRow(vindex: Vindex, row: Value[]): Destination {
  if (vindex.kind === "multi-column") return vindex.map(row);
  const [value] = row;
  if (vindex.kind !== "single-column" || value === undefined || row.length !== 1) throw new Error("not mappable");
  return vindex.map(value);
}

function valueFrom(json: JsonValue): Value {
  const raw = json.base64 === undefined ? Buffer.from(json.value ?? "", "utf8") : Buffer.from(json.base64, "base64");
  return { type: json.type, raw };
}

function destination(to: Destination): string | { range: Range } {
  if (to.kind === "none") return "none";
  if (to.kind === "keyspace-id") return to.id.toString("hex");
  return { range: [to.start.toString("hex"), to.end.toString("hex")] };
}

/** "error" when a value is refused as it should be; any other exception fails the test. */
function outcome<T>(run: () => T, refusal = "VINDEX_VALUE_BAD"): T | "error" {
  try {
    return run();
  } catch (error) {
    if (error instanceof ShardgateError && error.id === refusal) return "error";
    throw error;
  }
}

function show(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
