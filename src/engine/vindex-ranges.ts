// Which keyspace ids the rows can have that MySQL finds between two values, or like a pattern: for vindexes that keep the
// order, or the beginning, of a column's values, and for columns that MySQL compares as the vindex orders them. Undefined:
// the rows may be anywhere.

import { type ExactNumber, integersAround, numberOf } from "../eval/exact-number.ts";
import type { Value } from "../mysql/values.ts";
import type { ColumnKind } from "../plan/column-kind.ts";
import { prefixRange } from "../vschema/prefix-range.ts";
import { bytesOf } from "../vschema/value-bytes.ts";
import {
  type Destination,
  isPrefixable,
  NO_DESTINATION,
  type Prefixable,
  type Sequential,
  type SingleColumnVindex,
} from "../vschema/vindex.ts";
import { DOUBLE_INTEGER_MAX, exactDouble, plainInteger } from "./vindex-values.ts";

/** A bound with its value. */
export interface ValueBound {
  readonly value: Value;
  readonly inclusive: boolean;
}

/** Where rows between two values are; undefined when that cannot be told. */
export function mapRangeForRead(
  vindex: SingleColumnVindex & Sequential,
  holds: ColumnKind,
  low: ValueBound | undefined,
  high: ValueBound | undefined,
): Destination | undefined {
  if (low?.value.type === "NULL_TYPE" || high?.value.type === "NULL_TYPE") return NO_DESTINATION;
  switch (vindex.type) {
    case "numeric":
      return numericRange(holds, low, high);
    case "binary":
      return holds === "binary" || holds === "binary-fixed" ? binaryRange(low, high) : undefined;
    default:
      return undefined;
  }
}

/** The number as eight bytes, big-endian. Rows have no negative ones: the vindex does not place them. */
function numericRange(
  holds: ColumnKind,
  low: ValueBound | undefined,
  high: ValueBound | undefined,
): Destination | undefined {
  if (holds === "other" || holds === "date") return undefined;
  const bounds = [low, high].flatMap((bound) => (bound === undefined ? [] : [bound.value]));
  // What is compared as doubles is so with all values of a BETWEEN.
  const isExact =
    (holds === "integer" || holds === "decimal") && bounds.every(({ type }) => /^(U?INT64|DECIMAL)$/.test(type));
  const most = isExact ? undefined : DOUBLE_INTEGER_MAX;
  const around = (bound: ValueBound): readonly [bigint, bigint] | undefined => rangeNumber(holds, bound.value, most);
  const lowest = low === undefined ? undefined : around(low);
  const highest = high === undefined ? undefined : around(high);
  if ((low !== undefined && lowest === undefined) || (high !== undefined && highest === undefined)) return undefined;
  const first =
    lowest === undefined ? 0n : lowest[0] === lowest[1] && low?.inclusive === false ? lowest[0] + 1n : lowest[1];
  const last =
    highest === undefined
      ? UINT64_MAX
      : highest[0] === highest[1] && high?.inclusive === false
        ? highest[0] - 1n
        : highest[0];
  if (first > last || first > UINT64_MAX || last < 0n) return NO_DESTINATION;
  // All ids have eight bytes, so that those of a shard that begins there are above its bound, trimmed or not.
  const end = last >= UINT64_MAX ? OPEN_END : withoutTrailingZeros(eightBytes(last + 1n));
  return { kind: "range", start: eightBytes(first < 0n ? 0n : first), end };
}

const UINT64_MAX = 2n ** 64n - 1n;
const OPEN_END = Buffer.alloc(0);

function withoutTrailingZeros(bytes: Buffer): Buffer {
  let length = bytes.length;
  while (length > 0 && bytes[length - 1] === 0) length--;
  return bytes.subarray(0, length);
}

function eightBytes(number: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(number);
  return bytes;
}

/** The integers next to a bound, which are one when it is an integer itself. */
function rangeNumber(holds: ColumnKind, value: Value, most: bigint | undefined): readonly [bigint, bigint] | undefined {
  let number: ExactNumber | undefined;
  switch (value.type) {
    case "INT64":
    case "UINT64":
      number = numberOf(value);
      break;
    case "DECIMAL":
      number = holds === "integer" || holds === "decimal" ? numberOf(value) : undefined;
      break;
    case "FLOAT64":
      number = holds === "integer" || holds === "decimal" ? exactDouble(value) : undefined;
      break;
    case "VARCHAR": {
      const plain = holds === "integer" || holds === "decimal" ? plainInteger(value) : undefined;
      number = plain === undefined ? undefined : numberOf(plain);
      break;
    }
    default:
  }
  if (number === undefined) return undefined;
  const [below, above] = integersAround(number);
  return most !== undefined && (below < -most || above > most) ? undefined : [below, above];
}

function binaryRange(low: ValueBound | undefined, high: ValueBound | undefined): Destination | undefined {
  const lowest = low === undefined ? OPEN_END : rangeBytes(low.value);
  const highest = high === undefined ? undefined : rangeBytes(high.value);
  if (lowest === undefined || (high !== undefined && highest === undefined)) return undefined;
  const start = low?.inclusive === false ? nextBytes(lowest) : lowest;
  if (highest === undefined) return { kind: "range", start, end: OPEN_END };
  const end = high?.inclusive === false ? highest : nextBytes(highest);
  return Buffer.compare(start, end) < 0 ? { kind: "range", start, end } : NO_DESTINATION;
}

function rangeBytes(value: Value): Buffer | undefined {
  const { type } = value;
  return type === "VARCHAR" || type === "VARBINARY" || type === "HEXVAL" || type === "HEXNUM"
    ? bytesOf(value)
    : undefined;
}

/** What comes next in the order of bytes. */
function nextBytes(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, ZERO_BYTE]);
}

const ZERO_BYTE = Buffer.alloc(1);

/** Where rows like a pattern are; undefined when that cannot be told. */
export function mapLikeForRead(
  vindex: SingleColumnVindex & (Sequential | Prefixable),
  holds: ColumnKind,
  pattern: Value,
): Destination | undefined {
  if (pattern.type === "NULL_TYPE") return NO_DESTINATION;
  if (pattern.type !== "VARCHAR") return undefined;
  if (!COMPARED_BY_BYTES.has(holds)) return undefined;
  const prefix = literalPrefix(pattern.raw);
  if (isPrefixable(vindex)) {
    return vindex.mapPrefix({ type: "VARCHAR", raw: prefix.subarray(0, vindex.prefixBytesMax) });
  }
  return vindex.type === "binary" ? prefixRange(prefix) : undefined;
}

/** A pattern matches such a text if it does byte by byte. */
const COMPARED_BY_BYTES: ReadonlySet<ColumnKind> = new Set(["binary", "binary-fixed", "char-bin", "text-bin"]);

/** Up to the first wildcard, or backslash, which is an escape in some modes and stands for itself in others. */
function literalPrefix(pattern: Buffer): Buffer {
  const end = pattern.findIndex((byte) => byte === PERCENT || byte === UNDERSCORE || byte === BACKSLASH);
  return end < 0 ? pattern : pattern.subarray(0, end);
}

const PERCENT = 0x25;
const UNDERSCORE = 0x5f;
const BACKSLASH = 0x5c;
