// Key ranges: which keyspace ids a shard holds, written as Vitess writes them (`-80`, `80-c0`, `-`; `0` names the one
// shard of an unsharded keyspace). ShardMap is the hot path from a keyspace id to its shard.
//
// Keyspace ids compare byte by byte, and trailing zero bytes do not count (80 and 8000 are the same point), as in Vitess.
// Trimming the bounds once makes that hold for every id, so ids themselves are compared as they come.

import { ShardgateError } from "../base/errors.ts";

/** Half-open range of keyspace ids [start, end); an empty `end` is no upper bound. Bounds carry no trailing zero bytes. */
export interface KeyRange {
  readonly start: Buffer;
  readonly end: Buffer;
}

/** Anything that has a shard's name and range. */
export interface ShardRange {
  readonly name: string;
  readonly keyRange: KeyRange;
}

const NOTHING = Buffer.alloc(0);
const KEY_RANGE_TEXT = /^([0-9a-fA-F]*)-([0-9a-fA-F]*)$/;

/** All keyspace ids: the range of the shards `-` and `0`. */
const FULL_KEY_RANGE: KeyRange = { start: NOTHING, end: NOTHING };

/** Reads a shard name or key range: `-80`, `80-c0`, `c0-`, `-`, `0`. Throws KEY_RANGE_BAD, saying what is wrong. */
export function parseKeyRange(text: string): KeyRange {
  if (text === "0") return FULL_KEY_RANGE;
  const match = KEY_RANGE_TEXT.exec(text);
  if (match === null) {
    throw bad(text, "it must be two hexadecimal bounds with a hyphen between, like -80, 80-c0 or c0-, or 0 for all");
  }
  const [, startText = "", endText = ""] = match;
  if (startText.length % 2 !== 0 || endText.length % 2 !== 0)
    throw bad(text, "a bound must have whole bytes: 80, not 8");
  const start = trimZeros(Buffer.from(startText, "hex"));
  const end = trimZeros(Buffer.from(endText, "hex"));
  const openEnd = endText.length === 0;
  if (!openEnd && Buffer.compare(start, end) >= 0) throw bad(text, "the first bound must be below the second");
  return { start, end };
}

/** The canonical text of a range, in lower case: `-80`, `80-`, `-`. */
export function printKeyRange(range: KeyRange): string {
  return `${range.start.toString("hex")}-${range.end.toString("hex")}`;
}

export function keyRangeContains(range: KeyRange, keyspaceId: Buffer): boolean {
  return (
    Buffer.compare(keyspaceId, range.start) >= 0 &&
    (range.end.length === 0 || Buffer.compare(keyspaceId, range.end) < 0)
  );
}

export function keyRangesIntersect(a: KeyRange, b: KeyRange): boolean {
  return startsBelowEnd(a.start, b.end) && startsBelowEnd(b.start, a.end);
}

export function keyRangesEqual(a: KeyRange, b: KeyRange): boolean {
  return a.start.equals(b.start) && a.end.equals(b.end);
}

/** Order of shards: by start, then the narrower first; never 0 for different ranges. */
export function compareKeyRanges(a: KeyRange, b: KeyRange): number {
  const byStart = Buffer.compare(a.start, b.start);
  if (byStart !== 0) return byStart;
  if (a.end.length === 0 || b.end.length === 0) return b.end.length - a.end.length;
  return Buffer.compare(a.end, b.end);
}

/**
 * What keeps `shards` (in any order) from covering every keyspace id exactly once, as one sentence; undefined when
 * they do.
 */
export function partitionProblem(shards: readonly ShardRange[]): string | undefined {
  if (shards.length === 0) return "there are no shards";
  const sorted = shards.toSorted((a, b) => compareKeyRanges(a.keyRange, b.keyRange));
  let previous: ShardRange | undefined;
  for (const shard of sorted) {
    if (previous === undefined) {
      if (shard.keyRange.start.length > 0) return `no shard covers -${shard.keyRange.start.toString("hex")}`;
    } else {
      const { end } = previous.keyRange;
      const { start } = shard.keyRange;
      if (startsBelowEnd(start, end)) return `shards ${previous.name} and ${shard.name} overlap`;
      if (!start.equals(end)) return `no shard covers ${end.toString("hex")}-${start.toString("hex")}`;
    }
    previous = shard;
  }
  const last = previous?.keyRange.end ?? NOTHING;
  return last.length === 0 ? undefined : `no shard covers ${last.toString("hex")}-`;
}

/**
 * The shards of a keyspace, sorted, with the lookup from keyspace id to shard. Built only from a set that covers every
 * keyspace id exactly once; anything else is KEY_RANGE_BAD (ask `partitionProblem` first).
 */
export class ShardMap<Shard extends ShardRange = ShardRange> {
  /** Sorted by key range. */
  readonly shards: readonly Shard[];
  readonly #starts: readonly Buffer[];
  /** First four bytes of each start, zero-filled: decides nearly every comparison without touching the buffers. */
  readonly #prefixes: Uint32Array;

  constructor(shards: readonly Shard[]) {
    const problem = partitionProblem(shards);
    if (problem !== undefined) throw new ShardgateError("KEY_RANGE_BAD", `the shards are no partition: ${problem}`);
    this.shards = shards.toSorted((a, b) => compareKeyRanges(a.keyRange, b.keyRange));
    this.#starts = this.shards.map((shard) => shard.keyRange.start);
    this.#prefixes = Uint32Array.from(this.#starts, prefixOf);
  }

  /** Index in `shards` of the shard that holds `keyspaceId` (borrowed). Allocates nothing. */
  indexOf(keyspaceId: Buffer): number {
    const prefixes = this.#prefixes;
    const prefix = prefixOf(keyspaceId);
    let low = 0;
    let high = prefixes.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      const start = prefixes[middle] ?? 0;
      if (start < prefix || (start === prefix && !this.#isBelow(keyspaceId, middle))) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  shardOf(keyspaceId: Buffer): Shard {
    const shard = this.shards[this.indexOf(keyspaceId)];
    if (shard === undefined) throw new ShardgateError("KEY_RANGE_BAD", "a shard map holds at least one shard");
    return shard;
  }

  /** The shards whose ranges share at least one keyspace id with `range`, in order. */
  overlapping(range: KeyRange): Shard[] {
    return this.shards.filter((shard) => keyRangesIntersect(shard.keyRange, range));
  }

  #isBelow(keyspaceId: Buffer, index: number): boolean {
    const start = this.#starts[index];
    return start !== undefined && Buffer.compare(keyspaceId, start) < 0;
  }
}

function prefixOf(bytes: Buffer): number {
  if (bytes.length >= 4) return bytes.readUInt32BE(0);
  let prefix = 0;
  for (let index = 0; index < 4; index++) prefix = prefix * 256 + (bytes[index] ?? 0);
  return prefix;
}

function startsBelowEnd(start: Buffer, end: Buffer): boolean {
  return end.length === 0 || Buffer.compare(start, end) < 0;
}

function trimZeros(bytes: Buffer): Buffer {
  let length = bytes.length;
  while (length > 0 && bytes[length - 1] === 0) length--;
  return bytes.subarray(0, length);
}

function bad(text: string, why: string): ShardgateError {
  return new ShardgateError("KEY_RANGE_BAD", `key range "${text}" is not valid: ${why}`);
}
