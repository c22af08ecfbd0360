// Which keyspace ids the rows can have that MySQL finds equal to a value, and which one a row gets. MySQL compares more
// loosely than a vindex maps (1.0 = 1, '01' = 1, 'A' = 'a', 'a ' = 'a'), and how depends on the column: what is not exactly
// one value of the column maps to nothing here, which is undefined: the rows may be anywhere.

import { ShardgateError } from "../base/errors.ts";
import { type ExactNumber, integersAround, numberOf } from "../eval/exact-number.ts";
import { integerValue } from "../eval/literal-value.ts";
import { NULL_VALUE, type Value } from "../mysql/values.ts";
import type { ColumnKind } from "../plan/column-kind.ts";
import { bytesOf } from "../vschema/value-bytes.ts";
import {
  type Destination,
  type MultiColumnVindex,
  NO_DESTINATION,
  type SingleColumnVindex,
  type Vindex,
} from "../vschema/vindex.ts";

/** What a vindex reads of a value: a number, the weights of a text, or bytes. */
type Reading = "number" | "weights" | "bytes";

const NUMBER_VINDEXES: ReadonlySet<string> = new Set(["hash", "numeric", "reverse_bits", "numeric_static_map"]);
const WEIGHT_VINDEXES: ReadonlySet<string> = new Set(["unicode_loose_md5", "unicode_loose_xxhash"]);
const TEXT_KINDS: ReadonlySet<ColumnKind> = new Set([
  "text",
  "binary",
  "binary-fixed",
  "char-bin",
  "text-bin",
  "general-ci",
  "ascii-ci",
  "text-ci",
]);

/** Integers up to here are doubles, too; beyond, MySQL compares a text and a number by their doubles. */
export const DOUBLE_INTEGER_MAX = 2n ** 53n - 1n;

function readingOf(vindexType: string): Reading {
  return NUMBER_VINDEXES.has(vindexType) ? "number" : WEIGHT_VINDEXES.has(vindexType) ? "weights" : "bytes";
}

/** Where rows with `column = value` are; undefined when that cannot be told. */
export function mapForRead(vindex: SingleColumnVindex, holds: ColumnKind, value: Value): Destination | undefined {
  const stored = storedValue(vindex.type, holds, value);
  if (stored === undefined || stored === "none") return stored === "none" ? NO_DESTINATION : undefined;
  try {
    return vindex.map(stored);
  } catch (error) {
    return refused(error);
  }
}

/** The same for values of the first few, or all, columns of a multi-column vindex. */
export function mapRowForRead(
  vindex: MultiColumnVindex,
  holds: readonly ColumnKind[],
  row: readonly Value[],
): Destination | undefined {
  const stored: Value[] = [];
  for (const [i, value] of row.entries()) {
    const each = storedValue(vindex.columnTypes[i] ?? "", holds[i] ?? "unknown", value);
    if (each === undefined) return undefined;
    if (each === "none") return NO_DESTINATION;
    stored.push(each);
  }
  try {
    return vindex.map(stored);
  } catch (error) {
    return refused(error);
  }
}

/** Where rows with NULL in the column are. */
export function mapNullForRead(vindex: SingleColumnVindex): Destination | undefined {
  try {
    return vindex.map(NULL_VALUE);
  } catch (error) {
    return refused(error);
  }
}

/** A value that a vindex refuses fails the statement of who writes it, not of who asks for it. */
function refused(error: unknown): undefined {
  if (error instanceof ShardgateError && error.id === "VINDEX_VALUE_BAD") return undefined;
  throw error;
}

/**
 * Whether a column is compared with each of `values` as it would be with that one alone. Where a list has one type for all,
 * a text among numbers, or numbers among texts, make doubles of them.
 */
export function areAlike(values: readonly Value[], holds: ColumnKind): boolean {
  const given = values.filter(({ type }) => type !== "NULL_TYPE");
  if (given.every(({ type }) => type === "INT64" || type === "UINT64")) return true;
  if (holds === "integer" || holds === "decimal" || holds === "unknown") {
    return (
      given.every(({ type }) => type === "INT64" || type === "UINT64" || type === "DECIMAL") || given.every(isShort)
    );
  }
  return given.every(({ type }) => type === given[0]?.type);
}

/** The one value that a column can hold and that equals `value`; "none" when there is none, undefined when not sure. */
function storedValue(vindexType: string, holds: ColumnKind, value: Value): Value | "none" | undefined {
  const reading = readingOf(vindexType);
  switch (value.type) {
    case "NULL_TYPE":
      return "none";
    case "INT64":
    case "UINT64":
      if (holds === "integer" || holds === "decimal") return value;
      if (holds === "unknown") return reading === "number" ? value : undefined;
      return reading === "number" && TEXT_KINDS.has(holds) && isShort(value) ? value : undefined;
    case "DECIMAL":
    case "FLOAT64":
      return holds === "integer" || holds === "decimal" ? storedNumber(holds, value) : undefined;
    case "VARCHAR":
      return storedText(reading, holds, value);
    case "TEXT":
      // Its own collation may decide a comparison of texts.
      return TEXT_KINDS.has(holds) && !holds.startsWith("binary") ? undefined : storedText(reading, holds, value);
    case "VARBINARY":
    case "HEXVAL":
    case "HEXNUM":
      return storedBytes(reading, holds, value);
    case "DATE":
      return holds === "date" && reading !== "number" ? storedDate(value) : undefined;
    default:
      return undefined;
  }
}

function storedNumber(holds: "integer" | "decimal", value: Value): Value | "none" | undefined {
  const number = value.type === "DECIMAL" ? numberOf(value) : exactDouble(value);
  if (number === undefined) return undefined;
  const [below, above] = integersAround(number);
  if (below !== above) return holds === "integer" ? "none" : undefined;
  return integerValue(Buffer.from(below.toString()));
}

/** The number that a double is, if it is a small one. */
export function exactDouble(value: Value): ExactNumber | undefined {
  const number = Number(value.raw.toString("latin1"));
  if (!(Math.abs(number) <= Number(DOUBLE_INTEGER_MAX))) return undefined;
  const floor = BigInt(Math.floor(number));
  // Halves stand for whatever is between two integers.
  return Number.isInteger(number)
    ? { kind: "number", type: "DECIMAL", units: floor, scale: 0 }
    : { kind: "number", type: "DECIMAL", units: floor * 10n + 5n, scale: 1 };
}

function storedText(reading: Reading, holds: ColumnKind, value: Value): Value | undefined {
  switch (holds) {
    case "integer":
      return plainInteger(value);
    case "decimal":
      return isShort(value) ? plainInteger(value) : undefined;
    case "date":
      return reading === "number" ? undefined : storedDate(value);
    case "other":
      return undefined;
    case "unknown":
      return reading === "number" && isShort(value) ? plainInteger(value) : undefined;
    default:
      if (reading === "number") return plainInteger(value);
      return reading === "weights" ? weighedText(holds, value) : equalText(holds, value);
  }
}

function equalText(holds: ColumnKind, value: Value): Value | undefined {
  switch (holds) {
    case "binary":
      return value;
    case "binary-fixed":
      return withoutFill(value);
    case "char-bin":
      return withoutTrailingSpaces(value);
    default:
      return undefined;
  }
}

/**
 * Texts that the column's collation finds equal have to have the same weights for the vindex. Those of general_ci differ in
 * two letters that general_ci takes for ASCII ones (ß for s, ı for i); no other collation with letters beyond ASCII agrees
 * with the vindex's Unicode version in all it ignores.
 */
function weighedText(holds: ColumnKind, value: Value): Value | undefined {
  switch (holds) {
    case "general-ci":
      return value.raw.every((byte) => byte < 0x80 && !UNSURE_LETTERS.has(byte)) ? value : undefined;
    case "text":
    case "text-ci":
      return undefined;
    case "binary-fixed":
      return withoutFill(value);
    default:
      return value;
  }
}

/** A row whose bytes end in zeros may have been placed without them. */
function withoutFill(value: Value): Value | undefined {
  return value.raw.at(-1) === 0 ? undefined : value;
}

const UNSURE_LETTERS: ReadonlySet<number> = new Set(Buffer.from("sSiI"));

function storedBytes(reading: Reading, holds: ColumnKind, value: Value): Value | undefined {
  if (reading === "number" || !TEXT_KINDS.has(holds)) return undefined;
  const bytes = bytesOf(value);
  return bytes === undefined ? undefined : storedText(reading, holds, { type: "VARCHAR", raw: bytes });
}

/** The forms that are dates and nothing else; MySQL reads many more. */
function storedDate({ raw }: Value): Value | undefined {
  const match = /^(\d{4})-(\d\d?)-(\d\d?)$/.exec(raw.toString("latin1"));
  if (match === null) return undefined;
  const [, year = "", month = "", day = ""] = match;
  const text = `${year}-${month.padStart(2, "0")}-${day.padStart(2, "0")}`;
  const date = new Date(`${text}T00:00:00Z`);
  const isDate = !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
  return isDate ? { type: "VARCHAR", raw: Buffer.from(text) } : undefined;
}

/**
 * The value as MySQL stores it in a vindex column, as far as that is known: what a column converts ('08' to 8, 0x31 to 49,
 * 1e1 to '10') would be placed by other bytes than it is found by. Undefined when it is not known.
 */
export function valueToPlace(vindex: Vindex, holds: ColumnKind, value: Value): Value | undefined {
  const { type, raw } = value;
  if (type === "NULL_TYPE" || type === "INT64" || type === "UINT64") return value;
  // Bytes are stored as they are, and read as numbers as texts are.
  if (type === "VARBINARY") return valueToPlace(vindex, holds, { type: "VARCHAR", raw });
  const reading = readingOf(vindex.type);
  const isNumber = holds === "integer" || holds === "decimal" || reading === "number";
  const isText = TEXT_KINDS.has(holds) || reading === "weights";
  if (type === "VARCHAR") {
    if (holds === "date") return storedDate(value);
    if (holds === "char-bin") return withoutTrailingSpaces(value);
    if (isPlainInteger(value)) return isNumber ? integerValue(raw) : value;
    // Number vindexes read such texts as MySQL does, or refuse them.
    if (reading === "number") return value;
    return isNumber || (!isText && looksInteger(raw)) ? undefined : value;
  }
  if (type === "HEXVAL" || type === "HEXNUM") return !isNumber && (isText || isLongHex(value)) ? value : undefined;
  if ((type === "DECIMAL" || type === "FLOAT64") && (holds === "integer" || holds === "decimal")) {
    const stored = storedNumber(holds, value);
    return stored === "none" ? undefined : stored;
  }
  return undefined;
}

export function plainInteger(value: Value): Value | undefined {
  return isPlainInteger(value) ? integerValue(value.raw) : undefined;
}

/** Digits without leading zeros, maybe a minus sign. */
function isPlainInteger({ raw }: Value): boolean {
  const from = raw[0] === 0x2d ? 1 : 0;
  const digits = raw.length - from;
  if (digits === 0 || digits > 20 || (raw[from] === 0x30 && raw.length > 1)) return false;
  for (let at = from; at < raw.length; at++) {
    const byte = raw[at] ?? 0;
    if (byte < 0x30 || byte > 0x39) return false;
  }
  return true;
}

/** Few enough digits that the number is a double, too. */
function isShort({ raw }: Value): boolean {
  return raw.length <= DOUBLE_DIGITS;
}

const DOUBLE_DIGITS = 15;

function looksNumeric(raw: Buffer): boolean {
  const text = raw.toString("latin1").trim();
  return text !== "" && !Number.isNaN(Number(text));
}

/** Text that an integer column would take for a number it can hold. */
function looksInteger(raw: Buffer): boolean {
  return looksNumeric(raw) && Math.abs(Number(raw.toString("latin1"))) < 2 ** 64;
}

const INTEGER_HEX_BYTES_MAX = 8;

/** More bytes than an integer has: meant for a binary column. */
function isLongHex({ type, raw }: Value): boolean {
  const digits = raw.length - (type === "HEXVAL" ? 3 : 2);
  return digits > 2 * INTEGER_HEX_BYTES_MAX;
}

function withoutTrailingSpaces(value: Value): Value {
  let end = value.raw.length;
  while (end > 0 && value.raw[end - 1] === 0x20) end--;
  return end === value.raw.length ? value : { ...value, raw: value.raw.subarray(0, end) };
}
