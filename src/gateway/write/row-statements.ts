// The statements that find, change and delete rows by their keys, for rows that a query has found. Made here, run by
// run-change-rows.ts; what values look like in them is stored-values.ts's business.

import { ShardgateError } from "../../base/errors.ts";
import { LIMITS } from "../../base/limits.ts";
import { kindOfType } from "../../engine/gather-values.ts";
import type { ShardTarget } from "../../engine/ports.ts";
import type { ChangePlan, ChangeTarget } from "../../plan/change-plan.ts";
import type { ColumnSchema } from "../../schema/model.ts";
import { andNode, callNode, columnNode, equalNode, itemNode, literalNode } from "../../sql/new-nodes.ts";
import type { Assignment, Delete, Expr, Limit, Select, TableName, Update } from "../../sql/tree.ts";
import { EMPTY_SELECT } from "./empty-statements.ts";
import { NULL_TEXT, storedItem, type StoredValue } from "./stored-values.ts";

/** A row that is to be written. */
export interface FoundRow {
  readonly key: readonly StoredValue[];
  readonly vindexed: readonly StoredValue[];
  /** Undefined when the shard cannot be told: any may have it. */
  readonly shard: ShardTarget | undefined;
  readonly keyspaceId: Buffer | undefined;
  /** Values of the query for assignments, in their order. */
  readonly assigned: readonly Expr[];
  readonly newKey: readonly Expr[];
  /** Rows like this one; above 1 only without a key. */
  count: number;
}

/** A statement that writes rows, which are the last ones that were found, or not. */
export interface RowWrite<T> {
  readonly statement: T;
  readonly rows: readonly FoundRow[];
  readonly isLast: boolean;
}

/** The query with what reads columns' values losslessly in its select list. */
export function withStoredItems({ find, targets }: ChangePlan): Select {
  if (find.kind !== "select") throw new ShardgateError("INTERNAL", "rows are found by a SELECT");
  const items = [...find.items];
  for (const { column, position } of targets.flatMap(({ key, vindexed }) => [...key, ...vindexed])) {
    const item = items[position];
    if (item?.kind === "expr") items[position] = { ...item, expr: storedItem(column, item.expr) };
  }
  return { ...find, items };
}

/** The DELETEs that take these rows. */
export function deletesOf(
  { statement }: ChangePlan,
  target: ChangeTarget,
  rows: readonly FoundRow[],
): RowWrite<Delete>[] {
  if (statement.kind !== "delete") return [];
  return writtenTogether(target, rows).map((chunk) => ({
    statement: { ...deleteOf(statement, target, whereOf(target, chunk)), limit: limitOf(target, chunk) },
    rows: chunk,
    isLast: false,
  }));
}

/** The UPDATEs that change these rows, one for all that get the same values. `last` is the last of all that are found. */
export function updatesOf(
  { statement, targets }: ChangePlan,
  target: ChangeTarget,
  rows: readonly FoundRow[],
  last: FoundRow | undefined,
): RowWrite<Update>[] {
  if (statement.kind !== "update") return [];
  const groups = new Map<string, FoundRow[]>();
  for (const row of rows) {
    const key = JSON.stringify(row.assigned);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [row]);
    else group.push(row);
  }
  const isSingle = targets.length === 1 && statement.tables.length === 1;
  const isOrdered = isSingle && statement.tables[0]?.kind === "tableName" && groups.size === 1 && !target.isKeyless;
  const orderBy = isOrdered ? statement.orderBy : [];
  return [...groups.values()].flatMap((group) => {
    const assigned = group[0]?.assigned ?? [];
    return writtenTogether(target, group).map(
      (chunk): RowWrite<Update> => ({
        statement: {
          ...statement,
          with: undefined,
          tables: [{ ...target.ref, indexHints: [] }],
          set: assignmentsOf(target, assigned),
          where: whereOf(target, chunk, target.ref.alias ?? target.ref.name),
          orderBy,
          limit: limitOf(target, chunk),
        },
        rows: chunk,
        isLast: last !== undefined && chunk.includes(last),
      }),
    );
  });
}

/** Finds the rows of `rows` that do not meet the condition any more, if there are some. */
export function failingOf(target: ChangeTarget, rows: readonly FoundRow[], condition: Expr): Select {
  const fails = equalNode(callNode("ifnull", [condition, FALSE]), FALSE);
  const keys = rows.map((row) => keyNow(target, row));
  const where: Expr = {
    kind: "and",
    operands: [{ kind: "or", operands: [FALSE, ...keys], pos: 0 }, fails],
    pos: 0,
  };
  const from = [{ ...target.ref, indexHints: [], partitions: [] }];
  return { ...EMPTY_SELECT, items: [itemNode(FALSE)], from, where };
}

/** What finds the row when it has been written. */
export function keyNow({ key, newKey }: ChangeTarget, row: FoundRow): Expr {
  return equalTo(
    key.map(({ column }, i) => {
      const assigned = newKey.findIndex((each) => each.column === column);
      const expr = assigned < 0 ? row.key[i]?.expr : row.newKey[assigned];
      return [columnNode(column.name), expr ?? FALSE];
    }),
  );
}

/** The rows' keys; where the shard is not known, also what places them, as another shard may have a row of that key. */
export function whereOf({ key, vindexed, isKeyless }: ChangeTarget, rows: readonly FoundRow[], table?: string): Expr {
  const [first] = key;
  if (isKeyless) {
    const pairs = key.map(({ column }, i) => {
      const text = rows[0]?.key[i];
      return [
        storedItem(column, columnNode(column.name, table)),
        text === undefined ? FALSE : readBack(column, text),
      ] as const;
    });
    return equalTo(pairs);
  }
  if (first !== undefined && key.length === 1 && rows.every(({ shard }) => shard !== undefined)) {
    const list = rows.flatMap((row) => row.key[0]?.expr ?? []);
    return { kind: "in", expr: columnNode(first.column.name, table), not: false, list, pos: 0 };
  }
  const operands = rows.map((row) => {
    const pairs = key.map(({ column }, i) => [columnNode(column.name, table), row.key[i]?.expr ?? FALSE] as const);
    if (row.shard !== undefined) return equalTo(pairs);
    const more = vindexed.map(
      ({ column }, i) => [columnNode(column.name, table), row.vindexed[i]?.expr ?? FALSE] as const,
    );
    return equalTo([...pairs, ...more]);
  });
  const [only] = operands;
  return only !== undefined && operands.length === 1 ? only : { kind: "or", operands, pos: 0 };
}

/** True for no row, which the server finds out by looking only: of what it sees at once it returns no columns. */
export function noRow({ key }: ChangeTarget): Expr {
  const [first] = key;
  const never: Expr = { kind: "binary", op: ">", left: callNode("rand", []), right: literalNode("int", "2"), pos: 0 };
  if (first === undefined || !first.column.dataType.endsWith("int")) return never;
  const equal: Expr = {
    kind: "binary",
    op: "=",
    left: columnNode(first.column.name),
    right: literalNode("int", "0"),
    pos: 0,
  };
  return { kind: "and", operands: [equal, never], pos: 0 };
}

export function deleteOf(statement: Delete, target: ChangeTarget, where: Expr): Delete {
  const table = bareTable(target);
  return {
    ...statement,
    with: undefined,
    form: "single",
    targets: [],
    tables: [table],
    where,
    orderBy: [],
    limit: undefined,
  };
}

export function bareTable({ ref }: ChangeTarget): TableName {
  return { ...ref, alias: undefined, indexHints: [], partitions: [] };
}

export function chunks<T>(list: readonly T[], size: number): T[][] {
  const found: T[][] = [];
  for (let at = 0; at < list.length; at += size) found.push(list.slice(at, at + size));
  return found;
}

function assignmentsOf(target: ChangeTarget, assigned: readonly Expr[]): Assignment[] {
  let next = 0;
  const table = target.ref.alias ?? target.ref.name;
  return target.set.map(({ column, value }): Assignment => {
    const name = columnNode(column, table);
    if (value.kind === "own") return { kind: "assignment", column: name, value: value.expr, pos: 0 };
    return { kind: "assignment", column: name, value: assigned[next++] ?? FALSE, pos: 0 };
  });
}

/** What `storedItem` gives for this value. */
function readBack(column: ColumnSchema, { expr, text }: StoredValue): Expr {
  if (text === NULL_TEXT) return literalNode("null", "null");
  switch (kindOfType(column.columnType, column.collation ?? null)) {
    case "text":
    case "text bytes":
    case "bytes":
      return literalNode("string", text);
    case "timestamp":
      return literalNode("decimal", text);
    default:
      return expr;
  }
}

/** Rows that one statement writes. */
function writtenTogether({ isKeyless }: ChangeTarget, rows: readonly FoundRow[]): FoundRow[][] {
  return isKeyless ? rows.map((row) => [row]) : chunks(rows, LIMITS.writtenKeysMax);
}

function limitOf({ isKeyless }: ChangeTarget, [row]: readonly FoundRow[]): Limit | undefined {
  if (!isKeyless || row === undefined) return undefined;
  return {
    kind: "limit",
    count: literalNode("int", String(row.count)),
    offset: undefined,
    withTies: false,
    rowsExamined: undefined,
    pos: 0,
  };
}

function equalTo(pairs: readonly (readonly [Expr, Expr])[]): Expr {
  const operands = pairs.map(([left, right]): Expr => ({ kind: "binary", op: "<=>", left, right, pos: 0 }));
  return andNode(operands);
}

const FALSE: Expr = literalNode("int", "0");
