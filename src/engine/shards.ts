// From a plan's routing and the values of one execution to the shards it goes to. A value that a vindex cannot map
// exactly widens the choice to all shards: the statement's own WHERE decides there. It is never narrowed on a guess.

import { assertNever } from "../base/assert.ts";
import { ShardgateError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { evaluateCondition } from "../eval/evaluate.ts";
import { NULL_VALUE, type Value } from "../mysql/values.ts";
import type { ColumnKind } from "../plan/column-kind.ts";
import type { RangeBound } from "../plan/key-routing.ts";
import type { Routing } from "../plan/plan.ts";
import { resolveValue, resolveValues } from "../plan/value-ref.ts";
import type { BindValue } from "../plan/statement.ts";
import type { ShardMap, ShardRange } from "../topo/key-range.ts";
import type { Destination, MultiColumnVindex, SingleColumnVindex } from "../vschema/vindex.ts";
import type { ShardTarget } from "./ports.ts";
import { mapLikeForRead, mapRangeForRead, type ValueBound } from "./vindex-ranges.ts";
import { areAlike, mapForRead, mapNullForRead, mapRowForRead } from "./vindex-values.ts";

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
      return targets;
    case "pinned":
      return pick(targets, shardMap.indexOf(routing.keyspaceId));
    case "equal-unique": {
      // Nearly every statement; the others take the long way.
      const value = resolveValue(routing.value, binds);
      const destination = value === undefined ? undefined : mapForRead(routing.vindex, routing.holds, value);
      if (destination === undefined) return targets;
      if (destination.kind === "keyspace-id") return pick(targets, shardMap.indexOf(destination.id));
      break;
    }
    default:
  }
  const chosen = choose(routing, shardMap, binds);
  if (chosen === undefined) return targets;
  // No row anywhere: any shard gives the empty answer, with the columns and counts MySQL gives.
  if (chosen.size === 0) return targets.slice(0, 1);
  return targets.filter((_, index) => chosen.has(index));
}

/** A routing by values that cannot be read is one by none: the statement's own WHERE decides on each shard. */
export function widened(routing: Routing): Routing {
  switch (routing.kind) {
    case "equal-unique":
    case "equal-multi":
    case "in":
    case "in-multi":
    case "in-tuples":
    case "range":
    case "like":
    case "if":
    case "lookup":
      return SCATTER;
    case "null-key":
      return routing.when === undefined ? routing : SCATTER;
    case "all-of":
    case "common":
      return { ...routing, parts: routing.parts.map(widened) };
    default:
      return routing;
  }
}

const SCATTER: Routing = { kind: "scatter" };

/** Positions of shards; undefined for all. */
type Chosen = ReadonlySet<number> | undefined;

const NOWHERE: ReadonlySet<number> = new Set();

function choose(routing: Routing, shardMap: ShardMap<ShardRange>, binds: readonly BindValue[]): Chosen {
  switch (routing.kind) {
    case "unsharded":
    case "any":
    case "none":
      return NOWHERE;
    case "scatter":
    case "lookup":
    // Its values are not here: who has them routes by them.
    case "in-rows":
      return undefined;
    case "pinned":
      return new Set([shardMap.indexOf(routing.keyspaceId)]);
    case "keyspace-ids":
      return new Set(routing.ids.map((id) => shardMap.indexOf(id)));
    case "equal-unique": {
      const value = resolveValue(routing.value, binds);
      return value === undefined ? undefined : shardsOf([mapForRead(routing.vindex, routing.holds, value)], shardMap);
    }
    case "in": {
      const values = resolveValues(routing.values, binds);
      return values === undefined
        ? undefined
        : shardsOfEach(values, (value) => mapForRead(routing.vindex, routing.holds, value), shardMap);
    }
    case "equal-multi": {
      const row = resolveValues(routing.values, binds);
      return row === undefined ? undefined : shardsOf([mapRowForRead(routing.vindex, routing.holds, row)], shardMap);
    }
    case "in-multi": {
      const rows = rowsOf(routing.columns, binds);
      return rows === undefined
        ? undefined
        : shardsOfEach(rows, (row) => mapRowForRead(routing.vindex, routing.holds, row), shardMap);
    }
    case "in-tuples": {
      const rows = tuplesOf(routing, binds);
      const { vindex, holds } = routing;
      return rows === undefined ? undefined : shardsOfEach(rows, (row) => mapTuple(vindex, holds, row), shardMap);
    }
    case "range": {
      const low = boundOf(routing.low, binds);
      const high = boundOf(routing.high, binds);
      if (low === "unknown" || high === "unknown") return undefined;
      return shardsOf([mapRangeForRead(routing.vindex, routing.holds, low, high)], shardMap);
    }
    case "like": {
      const pattern = resolveValue(routing.pattern, binds);
      if (pattern === undefined) return undefined;
      return shardsOf([mapLikeForRead(routing.vindex, routing.holds, pattern)], shardMap);
    }
    case "null-key": {
      const when = routing.when === undefined ? NULL_VALUE : resolveValue(routing.when, binds);
      if (when !== undefined && when.type !== "NULL_TYPE") return NOWHERE;
      return shardsOf([mapNullForRead(routing.vindex)], shardMap);
    }
    case "if": {
      const truth = evaluateCondition(routing.condition, binds);
      return truth === false || truth === "null" ? NOWHERE : undefined;
    }
    case "all-of":
      return union(routing.parts.map((part) => choose(part, shardMap, binds)));
    case "common":
      return intersection(routing.parts.map((part) => choose(part, shardMap, binds)));
    default:
      return assertNever(routing);
  }
}

function union(parts: readonly Chosen[]): Chosen {
  const all = new Set<number>();
  for (const part of parts) {
    if (part === undefined) return undefined;
    for (const index of part) all.add(index);
  }
  return all;
}

function intersection(parts: readonly Chosen[]): Chosen {
  let common: Chosen;
  for (const part of parts) {
    if (part === undefined) continue;
    if (common === undefined) common = part;
    else common = new Set([...common].filter((index) => part.has(index)));
  }
  return common;
}

function boundOf(bound: RangeBound | undefined, binds: readonly BindValue[]): ValueBound | undefined | "unknown" {
  if (bound === undefined) return undefined;
  const value = resolveValue(bound.value, binds);
  return value === undefined ? "unknown" : { value, inclusive: bound.inclusive };
}

/** One value of each column, in all combinations; undefined when they are not all known or too many. */
function rowsOf(
  columns: Extract<Routing, { kind: "in-multi" }>["columns"],
  binds: readonly BindValue[],
): readonly (readonly Value[])[] | undefined {
  let rows: readonly (readonly Value[])[] = [[]];
  for (const refs of columns) {
    const values = resolveValues(refs, binds);
    if (values === undefined || values.length * rows.length > LIMITS.routedRowsMax) return undefined;
    rows = rows.flatMap((row) => values.map((value) => [...row, value]));
  }
  return rows;
}

/** The rows of an IN of rows; undefined when a value is not known, or compared in another way than it would be alone. */
function tuplesOf(
  { rows, holds }: Extract<Routing, { kind: "in-tuples" }>,
  binds: readonly BindValue[],
): readonly (readonly Value[])[] | undefined {
  const found: (readonly Value[])[] = [];
  for (const refs of rows) {
    const row = resolveValues(refs, binds);
    if (row === undefined) return undefined;
    found.push(row);
  }
  const width = rows[0]?.length ?? 0;
  for (let column = 0; column < width; column++) {
    const values = found.flatMap((row) => row[column] ?? []);
    if (!areAlike(values, holds[column] ?? "unknown")) return undefined;
  }
  return found;
}

function mapTuple(
  vindex: SingleColumnVindex | MultiColumnVindex,
  holds: readonly ColumnKind[],
  row: readonly Value[],
): Destination | undefined {
  if (vindex.kind === "multi-column") return mapRowForRead(vindex, holds, row);
  const [value] = row;
  return value === undefined ? undefined : mapForRead(vindex, holds[0] ?? "unknown", value);
}

function shardsOfEach<T>(
  items: readonly T[],
  map: (item: T) => Destination | undefined,
  shardMap: ShardMap<ShardRange>,
): Chosen {
  const chosen = new Set<number>();
  for (const item of items) if (!addShards(map(item), shardMap, chosen)) return undefined;
  return chosen;
}

function shardsOf(destinations: readonly (Destination | undefined)[], shardMap: ShardMap<ShardRange>): Chosen {
  return shardsOfEach(destinations, (destination) => destination, shardMap);
}

/** False when it may be all shards. */
function addShards(destination: Destination | undefined, shardMap: ShardMap<ShardRange>, chosen: Set<number>): boolean {
  if (destination === undefined) return false;
  if (destination.kind === "keyspace-id") chosen.add(shardMap.indexOf(destination.id));
  else if (destination.kind === "range") {
    for (const shard of shardMap.overlapping(destination)) chosen.add(shardMap.shards.indexOf(shard));
  }
  return true;
}

function pick(targets: readonly ShardTarget[], index: number): readonly ShardTarget[] {
  return targets.slice(index, index + 1);
}
