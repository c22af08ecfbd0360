// Properties of mapping that no list of vectors can show: against other implementations, and under random input.

import { createCipheriv } from "node:crypto";
import { beforeAll, describe, expect, test } from "vitest";
import { ShardgateError } from "../../../src/base/errors.ts";
import type { Value } from "../../../src/mysql/values.ts";
import { valueOf } from "../../../src/mysql/values.ts";
import { createVindex, VINDEX_TYPES } from "../../../src/vschema/create-vindex.ts";
import { looseKey } from "../../../src/vschema/loose-key.ts";
import { readSigned, readUnsigned } from "../../../src/vschema/value-bytes.ts";
import { isReversible, isSequential } from "../../../src/vschema/vindex.ts";
import { loadHashes } from "../../../src/vschema/xxh64.ts";
import { scramble } from "../../../src/vschema/zero-key-des.ts";
import { SeededRandom } from "./seeded-random.ts";

const SEED = 20_240_601;

beforeAll(loadHashes);

test("the scrambler is triple DES under the zero key, and its own inverse", () => {
  const cipher = createCipheriv("des-ede3-ecb", Buffer.alloc(24), null);
  cipher.setAutoPadding(false);
  const random = new SeededRandom(SEED);
  const out = Buffer.alloc(8);
  for (let i = 0; i < 2_000; i++) {
    const block = random.bytes(8);
    scramble(block.readUInt32BE(0), block.readUInt32BE(4), out, 0);
    expect(out.equals(cipher.update(block))).toBe(true);
    scramble(out.readUInt32BE(0), out.readUInt32BE(4), out, 0);
    expect(out.equals(block)).toBe(true);
  }
});

describe("numbers", () => {
  const halves = new Uint32Array(2);
  const read = (text: string, signed: boolean) => {
    const good = signed ? readSigned(Buffer.from(text), halves) : readUnsigned(Buffer.from(text), halves);
    return good ? (BigInt(halves[0] ?? 0) << 32n) | BigInt(halves[1] ?? 0) : undefined;
  };

  test("unsigned", () => {
    const good = ["0", "00", "1", " 7\t", "4294967295", "4294967296", "999999999999999", "9007199254740993"];
    for (const text of [...good, "18446744073709551615", `${"0".repeat(40)}5`])
      expect(read(text, false)).toBe(BigInt(text.trim()));
    for (const text of [
      "",
      " ",
      "-0",
      "+1",
      "1.0",
      "1e3",
      "1 2",
      "0x10",
      "\n1",
      "1\u00a0",
      "18446744073709551616",
      "1".repeat(400),
    ]) {
      expect(read(text, false), text).toBeUndefined();
    }
  });

  test("unsigned, any number of digits, against BigInt", () => {
    const random = new SeededRandom(SEED);
    for (let i = 0; i < 5_000; i++) {
      const number = random.bytes(8).readBigUInt64BE() >> BigInt(random.below(64));
      expect(read("0".repeat(random.below(3)) + number, false)).toBe(number);
      const large = number + 18446744073709551616n * BigInt(1 + random.below(5));
      expect(read(String(large), false)).toBeUndefined();
    }
  });

  test("signed", () => {
    for (const text of ["0", "-0", "+5", "-1", "-4294967296", "-9223372036854775808", "9223372036854775807"]) {
      expect(read(text, true), text).toBe(BigInt.asUintN(64, BigInt(text.replace("+", ""))));
    }
    for (const text of ["", "-", "+", "--1", " 1", "1 ", "9223372036854775808", "-9223372036854775809"]) {
      expect(read(text, true), text).toBeUndefined();
    }
  });
});

describe("capabilities", () => {
  test("by type", () => {
    const params = new Map([
      ["column_count", "2"],
      ["region_bytes", "1"],
      ["json", "{}"],
    ]);
    const vindexes = VINDEX_TYPES.filter((type) => type !== "region_json").map((type) =>
      createVindex(type, "v", params),
    );
    const typesOf = (has: (vindex: (typeof vindexes)[number]) => boolean) =>
      vindexes
        .filter(has)
        .map((vindex) => vindex.type)
        .toSorted();
    expect(typesOf(isReversible)).toEqual(["binary", "hash", "numeric", "reverse_bits"]);
    expect(typesOf(isSequential)).toEqual(["binary", "numeric"]);
    expect(typesOf((vindex) => vindex.kind === "multi-column")).toEqual(["multicol", "region_experimental"]);
    expect(typesOf((vindex) => vindex.needsVcursor)).toHaveLength(8);
    expect(typesOf((vindex) => !vindex.unique)).toEqual([
      "consistent_lookup",
      "lookup",
      "lookup_hash",
      "lookup_unicodeloosemd5_hash",
    ]);
  });

  test("multicol cannot be built from itself", () => {
    const params = new Map([
      ["column_count", "8"],
      ["column_vindex", "multicol"],
    ]);
    expect(() => createVindex("multicol", "m", params)).toThrow("multicol cannot hash one column of several");
  });
});

test("what maps verifies, whatever the value; what is refused is refused by name", () => {
  const random = new SeededRandom(SEED);
  const types = [
    "hash",
    "xxhash",
    "binary",
    "binary_md5",
    "numeric",
    "reverse_bits",
    "null",
    "unicode_loose_md5",
    "unicode_loose_xxhash",
    "cfc",
  ];
  const vindexes = types.map((type) => createVindex(type, type, new Map()));
  for (let i = 0; i < 3_000; i++) {
    const value = randomValue(random);
    for (const vindex of vindexes) {
      if (vindex.kind !== "single-column") throw new Error("a single column expected");
      try {
        const destination = vindex.map(value);
        if (destination.kind === "keyspace-id" && !(vindex.type === "hash" && value.raw[0] === 0x2d)) {
          expect(vindex.verify(value, destination.id)).toBe(true);
          expect(vindex.verify(value, Buffer.concat([destination.id, Buffer.alloc(1)]))).toBe(false);
        }
      } catch (error) {
        expect(error instanceof ShardgateError ? error.id : error).toBe("VINDEX_VALUE_BAD");
      }
    }
  }
});

describe("loose keys", () => {
  test("case, accents, width and trailing blanks do not count; leading ones do", () => {
    const key = (text: string) => looseKey(Buffer.from(text))?.toString("hex");
    for (const text of ["ecole", "ÉCOLE", "e\u0301cole", "école   ", "ｅｃｏｌｅ"])
      expect(key(text), text).toBe(key("école"));
    expect(key(" école")).not.toBe(key("école"));
    expect(key("")).toBe("");
    expect(key("\ufeffa")).toBe(key("a"));
  });

  test("composed and decomposed texts agree", () => {
    const random = new SeededRandom(SEED);
    for (let i = 0; i < 2_000; i++) {
      const text = Array.from({ length: random.below(12) }, () => String.fromCodePoint(randomCodePoint(random))).join(
        "",
      );
      // Hangul and Latin compose without loss; the equality below is what the algorithm promises for them.
      const key = looseKey(Buffer.from(text.normalize("NFC")));
      expect(key?.equals(looseKey(Buffer.from(text.normalize("NFD"))) ?? Buffer.alloc(0)), JSON.stringify(text)).toBe(
        true,
      );
    }
  });

  test("long runs of marks and long texts stay quick", () => {
    const started = performance.now();
    looseKey(Buffer.from(`a${"\u0301\u0323".repeat(50_000)}`));
    looseKey(Buffer.from("\u0f71\u0f72\u0f80".repeat(30_000)));
    looseKey(Buffer.from("\u0cc6\u0cc2\u0cd5".repeat(30_000)));
    looseKey(Buffer.from("ﷺ".repeat(30_000)));
    expect(performance.now() - started).toBeLessThan(15_000);
  });

  test("malformed UTF-8 has no key", () => {
    for (const hex of ["ff", "c3", "c080", "eda080", "f4908080", "e28220", "80"]) {
      expect(looseKey(Buffer.from(hex, "hex")), hex).toBeUndefined();
    }
  });
});

function randomCodePoint(random: SeededRandom): number {
  const ranges = [
    [0x20, 0x7e],
    [0xa1, 0x17f],
    [0x1e00, 0x1eff],
    [0xac00, 0xd7a3],
    [0x300, 0x30f],
    [0x3b1, 0x3c9],
  ];
  const [first = 0, last = 0] = ranges[random.below(ranges.length)] ?? [];
  return first + random.below(last - first + 1);
}

function randomValue(random: SeededRandom): Value {
  switch (random.below(6)) {
    case 0:
      return valueOf("INT64", String(random.below(1_000_000) - 500_000));
    case 1:
      return { type: "UINT64", raw: Buffer.from(random.bytes(8).readBigUInt64BE().toString()) };
    case 2:
      return { type: "VARBINARY", raw: random.bytes(random.below(40)) };
    case 3:
      return valueOf("HEXNUM", `0x${random.bytes(random.below(9)).toString("hex").slice(random.below(2))}`);
    case 4:
      return valueOf("BITNUM", `0b${random.below(70_000).toString(2)}`);
    default:
      return valueOf("VARCHAR", String.fromCodePoint(randomCodePoint(random)).repeat(random.below(9)));
  }
}
