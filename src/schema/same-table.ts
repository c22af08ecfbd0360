// Whether two definitions say the same, so that what has been read again and is as before changes nothing for anybody.

import type { ColumnSchema, KeySchema, TableSchema } from "./model.ts";

/** Estimated rows do not count, see `rowsDiffer`. */
export function sameDefinition(a: TableSchema, b: TableSchema): boolean {
  return (
    a.name === b.name &&
    a.kind === b.kind &&
    a.viewQuery === b.viewQuery &&
    a.viewCheck === b.viewCheck &&
    sameList(a.triggerVariables ?? [], b.triggerVariables ?? [], Object.is) &&
    sameList(a.columns, b.columns, sameColumn) &&
    sameList(a.keys, b.keys, sameKey)
  );
}

/** Small tables are all alike for a choice of plans. */
const ROWS_ALIKE = 1_000;

/** The estimates lie so far apart that another plan may be better. */
export function rowsDiffer(a: number | undefined, b: number | undefined): boolean {
  if (a === undefined || b === undefined) return a !== b;
  return Math.max(a, b) > 2 * Math.max(Math.min(a, b), ROWS_ALIKE);
}

function sameColumn(a: ColumnSchema, b: ColumnSchema): boolean {
  return (
    a.name === b.name &&
    a.dataType === b.dataType &&
    a.columnType === b.columnType &&
    a.nullable === b.nullable &&
    a.charset === b.charset &&
    a.collation === b.collation &&
    a.invisible === b.invisible &&
    a.autoIncrement === b.autoIncrement &&
    a.generated === b.generated
  );
}

function sameKey(a: KeySchema, b: KeySchema): boolean {
  return a.name === b.name && a.unique === b.unique && sameList(a.columns, b.columns, (x, y) => x === y);
}

function sameList<T>(a: readonly T[], b: readonly T[], same: (x: T, y: T) => boolean): boolean {
  if (a.length !== b.length) return false;
  return a.every((x, index) => {
    const y = b[index];
    return y !== undefined && same(x, y);
  });
}
