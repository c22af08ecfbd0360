// From a plan's routing and the values of one execution to the shards it goes to. A value that a vindex cannot map
// exactly widens the choice to all shards: the statement's own WHERE decides there. It is never narrowed on a guess.

import { assertNever } from "../base/assert.ts";
import { ShardgateError } from "../base/errors.ts";
import type { Value } from "../mysql/values.ts";
import type { ColumnKind, Routing } from "../plan/plan.ts";
import { integerValue, resolveValue, resolveValues } from "../plan/value-ref.ts";
import type { BindValue } from "../plan/statement.ts";
import type { ShardMap, ShardRange } from "../topo/key-range.ts";
import type { Destination, SingleColumnVindex, Vindex } from "../vschema/vindex.ts";
import type { ShardTarget } from "./ports.ts";

/** A keyspace's shards as targets of one tablet type, in the order of the shard map. */
export interface KeyspaceTargets {
  readonly keyspace: string;
  readonly sharded: boolean;
  /** Undefined while the shards do not cover every keyspace id once; `problem` says why. */
  readonly shardMap: ShardMap<ShardRange> | undefined;
  readonly problem: string | undefined;
  readonly targets: readonly ShardTarget[];
}

/** At least one target. Throws SHARD_UNAVAILABLE when the keyspace's shards are not complete. */
export function shardsFor(
  routing: Routing,
  keyspace: KeyspaceTargets,
  binds: readonly BindValue[],
): readonly ShardTarget[] {
  const { shardMap, targets } = keyspace;
  if (shardMap === undefined || targets.length === 0) {
    throw new ShardgateError(
      "SHARD_UNAVAILABLE",
      `keyspace ${keyspace.keyspace} cannot be queried now: ${keyspace.problem ?? "it has no shards"}`,
    );
  }
  switch (routing.kind) {
    case "unsharded":
    case "any":
      return targets.slice(0, 1);
    case "scatter":
    // Without the rows at hand.
    case "in-rows":
      return targets;
    case "all-of": {
      const chosen = new Set(routing.parts.flatMap((part) => shardsFor(part, keyspace, binds)));
      // Tables that are everywhere go where the others are.
      const placed = routing.parts.filter(({ kind }) => kind !== "any");
      if (placed.length < routing.parts.length && placed.length > 0) {
        return shardsFor({ kind: "all-of", parts: placed }, keyspace, binds);
      }
      return targets.filter((target) => chosen.has(target));
    }
    case "pinned":
      return pick(targets, shardMap.indexOf(routing.keyspaceId));
    case "equal-unique": {
      const value = resolveValue(routing.value, binds);
      const destination = value === undefined ? undefined : mapForRead(routing.vindex, routing.holds, value);
      return destination === undefined ? targets : shardsOf([destination], shardMap, targets);
    }
    case "equal-multi": {
      const values = resolveValues(routing.values, binds);
      if (values === undefined) return targets;
      // No row has NULL = NULL; everything else a multi-column vindex says itself.
      if (values.some((value) => value.type === "NULL_TYPE")) return targets.slice(0, 1);
      if (!values.every(isPlainInteger)) return targets;
      const numbers = values.map((value) => integerValue(value.raw));
      return shardsOf([routing.vindex.map(numbers)], shardMap, targets);
    }
    case "in": {
      const values = resolveValues(routing.values, binds);
      if (values === undefined) return targets;
      const destinations: Destination[] = [];
      for (const value of values) {
        const destination = mapForRead(routing.vindex, routing.holds, value);
        if (destination === undefined) return targets;
        destinations.push(destination);
      }
      return shardsOf(destinations, shardMap, targets);
    }
    default:
      return assertNever(routing);
  }
}

/** Vindexes that read a number; the others take the value's bytes. */
const NUMBER_VINDEXES: ReadonlySet<string> = new Set(["hash", "numeric", "reverse_bits", "numeric_static_map"]);
/** Vindexes that only text columns have. */
const TEXT_VINDEXES: ReadonlySet<string> = new Set(["unicode_loose_md5", "unicode_loose_xxhash"]);

/**
 * Where rows with `column = value` are. Undefined when that cannot be told from the value's bytes, because MySQL compares
 * more loosely than a vindex maps: 1.0 = 1, '01' = 1, '1abc' = 1, and every text without digits = 0.
 */
export function mapForRead(vindex: SingleColumnVindex, holds: ColumnKind, value: Value): Destination | undefined {
  const isNumber = holds === "integer" || NUMBER_VINDEXES.has(vindex.type);
  const isText = holds === "text" || TEXT_VINDEXES.has(vindex.type);
  switch (value.type) {
    case "NULL_TYPE":
      return NOWHERE;
    case "INT64":
    case "UINT64":
      return isText && !NUMBER_VINDEXES.has(vindex.type) ? undefined : vindex.map(value);
    case "VARCHAR":
      if (isNumber) return isPlainInteger(value) ? vindex.map(integerValue(value.raw)) : undefined;
      // Text that is a number in another spelling may be compared with an integer column.
      return !isText && looksNumeric(value.raw) && !isPlainInteger(value) ? undefined : vindex.map(value);
    case "HEXVAL":
    case "HEXNUM":
      return isNumber || !(isText || isLongHex(value)) ? undefined : vindex.map(value);
    default:
      return undefined;
  }
}

const NOWHERE: Destination = { kind: "none" };

/**
 * The value as MySQL stores it in a vindex column, as far as that is known: what a column converts ('08' to 8, 0x31 to 49,
 * 1e1 to '10') would be placed by other bytes than it is found by. Undefined when it is not known.
 */
export function valueToPlace(vindex: Vindex, holds: ColumnKind, value: Value): Value | undefined {
  const { type, raw } = value;
  if (type === "NULL_TYPE" || type === "INT64" || type === "UINT64") return value;
  const isNumber = holds === "integer" || NUMBER_VINDEXES.has(vindex.type);
  const isText = holds === "text" || TEXT_VINDEXES.has(vindex.type);
  if (type === "VARCHAR") {
    if (isPlainInteger(value)) return isNumber ? integerValue(raw) : value;
    // Number vindexes read such texts as MySQL does, or refuse them.
    if (NUMBER_VINDEXES.has(vindex.type)) return value;
    return isNumber || (!isText && looksInteger(raw)) ? undefined : value;
  }
  if (type === "HEXVAL" || type === "HEXNUM") return !isNumber && (isText || isLongHex(value)) ? value : undefined;
  return undefined;
}

const INTEGER_HEX_BYTES_MAX = 8;

/** More bytes than an integer has: meant for a binary column. */
function isLongHex({ type, raw }: Value): boolean {
  const digits = raw.length - (type === "HEXVAL" ? 3 : 2);
  return digits > 2 * INTEGER_HEX_BYTES_MAX;
}

/** Text that an integer column would take for a number it can hold. */
function looksInteger(raw: Buffer): boolean {
  return looksNumeric(raw) && Math.abs(Number(raw.toString("latin1"))) < 2 ** 64;
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

function looksNumeric(raw: Buffer): boolean {
  const text = raw.toString("latin1").trim();
  return text !== "" && !Number.isNaN(Number(text));
}

function shardsOf(
  destinations: readonly Destination[],
  shardMap: ShardMap<ShardRange>,
  targets: readonly ShardTarget[],
): readonly ShardTarget[] {
  const [only] = destinations;
  if (only?.kind === "keyspace-id" && destinations.length === 1) return pick(targets, shardMap.indexOf(only.id));
  const chosen = new Set<number>();
  for (const destination of destinations) {
    if (destination.kind === "keyspace-id") chosen.add(shardMap.indexOf(destination.id));
    else if (destination.kind === "range") {
      for (const shard of shardMap.overlapping(destination)) chosen.add(shardMap.shards.indexOf(shard));
    }
  }
  // No row anywhere: any shard gives the empty answer, with the columns and counts MySQL gives.
  if (chosen.size === 0) return targets.slice(0, 1);
  return targets.filter((_, index) => chosen.has(index));
}

function pick(targets: readonly ShardTarget[], index: number): readonly ShardTarget[] {
  return targets.slice(index, index + 1);
}
