// Splits the rows of an INSERT or REPLACE over shards by the keyspace ids of their primary vindex. Every row has to map to
// exactly one keyspace id, and to the same one by every other unique vindex of the table.

import { isAscii } from "node:buffer";
import { notSupported, ShardgateError } from "../base/errors.ts";
import type { Value } from "../mysql/values.ts";
import type { InsertPlan, InsertVindex } from "../plan/plan.ts";
import { resolveValue, valueRefOf } from "../plan/value-ref.ts";
import type { BindValue, Insert } from "../plan/statement.ts";
import type { ShardTarget } from "./ports.ts";
import type { Destination, Vindex } from "../vschema/vindex.ts";
import type { KeyspaceTargets } from "./shards.ts";
import { storedKey } from "../plan/stored-key.ts";
import { valueToPlace } from "./vindex-values.ts";

type Dialect = "mysql" | "mariadb";

export interface ShardRows {
  readonly target: ShardTarget;
  /** Positions in the statement's rows. */
  readonly rows: readonly number[];
  /** Of each of them. */
  readonly keyspaceIds: readonly Buffer[];
}

/**
 * Rows of `plan` that ask for a generated id: NULL, DEFAULT or no value in the auto-increment column, and 0 unless sql_mode
 * has NO_AUTO_VALUE_ON_ZERO.
 */
export function rowsToGenerate(plan: InsertPlan, binds: readonly BindValue[], onZero: boolean): number[] {
  const { generate, statement } = plan;
  if (generate === undefined) return [];
  const wanted: number[] = [];
  for (const [row, { values }] of statement.rows.entries()) {
    const expr = values[generate.position];
    if (expr === undefined || expr.kind === "default") wanted.push(row);
    else {
      const value = valueOfExpr(expr, binds);
      if (value?.type === "NULL_TYPE" || (onZero && value !== undefined && isZero(value))) wanted.push(row);
    }
  }
  return wanted;
}

/** The value that the last row gives to the auto-increment column, as an insert id; undefined when it gives none. */
export function lastGivenId(plan: InsertPlan, binds: readonly BindValue[]): bigint | undefined {
  const { generate, statement } = plan;
  const expr = generate === undefined ? undefined : statement.rows.at(-1)?.values[generate.position];
  const value = expr === undefined ? undefined : valueOfExpr(expr, binds);
  const text = value?.raw.toString("latin1").trim() ?? "";
  return /^-?\d{1,20}$/.test(text) ? BigInt.asUintN(64, BigInt(text)) : undefined;
}

/** What the rows give to the auto-increment column as whole numbers above 0, with the row. */
export function givenIds(plan: InsertPlan, binds: readonly BindValue[]): ReadonlyMap<number, bigint> {
  const { generate, statement } = plan;
  const given = new Map<number, bigint>();
  if (generate === undefined) return given;
  for (const [row, { values }] of statement.rows.entries()) {
    const expr = values[generate.position];
    const text = (expr === undefined ? undefined : valueOfExpr(expr, binds))?.raw.toString("latin1").trim() ?? "";
    if (/^\d{1,20}$/.test(text) && BigInt(text) > 0n) given.set(row, BigInt(text));
  }
  return given;
}

/** A row is placed by a text that is not ASCII. */
export function readsForeignText(plan: InsertPlan, binds: readonly BindValue[]): boolean {
  return [plan.primary, ...plan.verify].some(({ values }) =>
    values.some((row) =>
      row.some((ref) => {
        const value = ref === undefined ? undefined : resolveValue(ref, binds);
        return value?.type === "VARCHAR" && !isAscii(value.raw);
      }),
    ),
  );
}

/** Rows by shard, shards in the order of the first row each gets. `generated[row]` has the ids made for this execution. */
export function splitRows(
  plan: InsertPlan,
  keyspace: KeyspaceTargets,
  binds: readonly BindValue[],
  generated: ReadonlyMap<number, Value>,
  dialect: Dialect = "mariadb",
): ShardRows[] {
  const { shardMap, targets } = keyspace;
  if (shardMap === undefined) {
    throw new ShardgateError(
      "SHARD_UNAVAILABLE",
      `keyspace ${keyspace.keyspace} cannot be written now: ${keyspace.problem ?? "it has no shards"}`,
    );
  }
  const byShard = new Map<number, { readonly rows: number[]; readonly keyspaceIds: Buffer[] }>();
  for (let row = 0; row < plan.statement.rows.length; row++) {
    const keyspaceId = keyspaceIdOf(plan, plan.primary, row, binds, generated, dialect);
    for (const vindex of plan.verify) verify(plan, vindex, row, binds, generated, keyspaceId, dialect);
    const index = shardMap.indexOf(keyspaceId);
    const share = byShard.get(index);
    if (share === undefined) byShard.set(index, { rows: [row], keyspaceIds: [keyspaceId] });
    else {
      share.rows.push(row);
      share.keyspaceIds.push(keyspaceId);
    }
  }
  const split: ShardRows[] = [];
  for (const [index, share] of byShard) {
    const target = targets[index];
    if (target !== undefined) split.push({ target, ...share });
  }
  return split;
}

function keyspaceIdOf(
  plan: InsertPlan,
  insertVindex: InsertVindex,
  row: number,
  binds: readonly BindValue[],
  generated: ReadonlyMap<number, Value>,
  dialect: Dialect,
): Buffer {
  const { vindex, columns } = insertVindex;
  const found = valuesOf(plan, insertVindex, row, binds, generated, dialect);
  const [first] = found;
  const destination = mapped(vindex, found, first);
  if (destination?.kind === "keyspace-id") return destination.id;
  const shown = found.map((value) => `${value.type}(${value.raw.toString("utf8").slice(0, 64)})`).join(", ");
  throw notSupported(
    `row ${row + 1} with [${shown}] in ${plan.table}.${columns.join(", ")}`,
    `vindex ${vindex.name} maps it to no keyspace id`,
  );
}

function mapped(vindex: Vindex, row: readonly Value[], first: Value | undefined): Destination | undefined {
  switch (vindex.kind) {
    case "multi-column":
      return vindex.map(row);
    case "single-column":
      return first && vindex.map(first);
    case "lookup":
      throw new ShardgateError("INTERNAL", `lookup vindex ${vindex.name} was not asked`);
  }
}

/** The values that place the rows, as they are stored; those of generated ids are not known. */
export function placingValues(plan: InsertPlan, binds: readonly BindValue[], dialect: Dialect): Value[] {
  return plan.statement.rows.flatMap((_, row) => valuesOf(plan, plan.primary, row, binds, new Map(), dialect));
}

function verify(
  plan: InsertPlan,
  insertVindex: InsertVindex,
  row: number,
  binds: readonly BindValue[],
  generated: ReadonlyMap<number, Value>,
  keyspaceId: Buffer,
  dialect: Dialect,
): void {
  const { vindex, columns } = insertVindex;
  const found = valuesOf(plan, insertVindex, row, binds, generated, dialect);
  const [first] = found;
  const matches =
    vindex.kind === "multi-column"
      ? vindex.verify(found, keyspaceId)
      : vindex.kind === "single-column" && first !== undefined && vindex.verify(first, keyspaceId);
  if (matches) return;
  throw new ShardgateError(
    "VINDEX_VALUE_BAD",
    `values of column ${columns.join(", ")} do not map to the row's keyspace id by vindex ${vindex.name} (row ${row + 1})`,
  );
}

function valuesOf(
  plan: InsertPlan,
  { vindex, columns, holds, values }: InsertVindex,
  row: number,
  binds: readonly BindValue[],
  generated: ReadonlyMap<number, Value>,
  dialect: Dialect,
): Value[] {
  return columns.map((column, i) => {
    const isGenerated = plan.generate?.column.toLowerCase() === column.toLowerCase();
    const made = isGenerated ? generated.get(row) : undefined;
    if (made !== undefined) return made;
    const ref = values[row]?.[i];
    const written = ref === undefined ? undefined : resolveValue(ref, binds);
    const defined = plan.definition?.columns.find(({ lower }) => lower === column.toLowerCase());
    const stored = written === undefined || defined === undefined ? undefined : storedKey(defined, written, dialect);
    const given = stored ?? written;
    const value = given === undefined ? undefined : valueToPlace(vindex, holds[i] ?? "unknown", given);
    if (value !== undefined) return value;
    throw notSupported(
      `value of vindex column ${plan.table}.${column} in row ${row + 1}, a literal that MySQL may store in another form`,
      "give it in the column's own type, or declare that type in the VSchema's columns",
    );
  });
}

type InsertedExpr = Insert["rows"][number]["values"][number];

function valueOfExpr(expr: InsertedExpr, binds: readonly BindValue[]): Value | undefined {
  const ref = valueRefOf(expr);
  return ref === undefined ? undefined : resolveValue(ref, binds);
}

/** Zero in any spelling, as an integer column takes it. */
export function isZero({ type, raw }: Value): boolean {
  const text = raw.toString("latin1").trim();
  switch (type) {
    case "INT64":
    case "DECIMAL":
    case "FLOAT64":
    case "VARCHAR":
      return text !== "" && Number(text) === 0;
    case "HEXVAL":
    case "HEXNUM":
    case "BITNUM":
      return /^(?:x'|0x|0b)0+'?$/.test(text);
    default:
      return false;
  }
}
