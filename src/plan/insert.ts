// INSERT and REPLACE … VALUES into a sharded table: finds, for each row, the values that place it. Rows are split over the
// shards at execution.

import { notSupported, ShardgateError } from "../base/errors.ts";
import type { TableSchema } from "../schema/model.ts";
import { columnNode } from "../sql/new-nodes.ts";
import type { Expr, Insert } from "../sql/tree.ts";
import type { ColumnVindex, KeyspaceVSchema, TableVSchema } from "../vschema/model.ts";
import { columnKindOf } from "./column-kind.ts";
import type { GeneratedColumn, InsertPlan, InsertVindex } from "./plan.ts";
import { asksForSessionValues } from "./session-functions.ts";
import { type PlanContext, resolveTable } from "./tables.ts";
import { type ValueRef, valueRefOf } from "./value-ref.ts";

/** Throws 1235 for rows whose place cannot be known before they are written, 1136 for rows of the wrong length. */
export function planInsert(
  written: Insert,
  keyspace: KeyspaceVSchema,
  table: TableVSchema,
  context: PlanContext,
): InsertPlan {
  const definition = context.schema.table(keyspace.keyspace, table.name);
  const statement = withColumnList(written, table, definition);
  const verb = statement.replace ? "REPLACE" : "INSERT";
  if (table.pinned !== undefined) throw notSupported(`${verb} into pinned table ${table.name}`);
  const [primary, ...others] = table.columnVindexes;
  if (primary === undefined) throw notSupported(`${verb} into table ${table.name} without a vindex`);
  const columns = statement.columns.map(({ name }) => name.toLowerCase());
  for (const [row, { values }] of statement.rows.entries()) {
    if (values.length !== columns.length) {
      throw new ShardgateError(
        "ER_WRONG_VALUE_COUNT_ON_ROW",
        `Column count doesn't match value count at row ${row + 1}`,
      );
    }
  }
  const placing = table.columnVindexes.filter(({ vindex, owned }) => vindex.kind !== "lookup" || !owned);
  const vindexed = new Set(placing.flatMap(({ columnsLower }) => columnsLower));
  const movesOnDuplicate = statement.onDuplicate.some(
    ({ column, value }) => vindexed.has(column.name.toLowerCase()) && !isInserted(value, column.name, statement),
  );
  if (movesOnDuplicate && definition === undefined) {
    throw notSupported(
      "ON DUPLICATE KEY UPDATE of a vindex column of a table whose definition is not known",
      "try again",
    );
  }
  const generate = generatedColumn(table, columns, context);
  if (generate !== undefined) refuseUnknownIds(statement, generate);
  const vindexFor = (vindex: ColumnVindex): InsertVindex => {
    const holds = vindex.columnsLower.map((column) => columnKindOf(table, column, definition));
    return { ...insertVindex(vindex, statement, columns, generate), holds };
  };
  return {
    kind: "insert",
    keyspace: keyspace.keyspace,
    table: table.name,
    statement,
    primary: vindexFor(primary),
    verify: others.filter(({ vindex }) => vindex.kind !== "lookup" && vindex.unique).map(vindexFor),
    lookups: others
      .filter(({ vindex, owned }) => vindex.kind === "lookup" && (owned || (vindex.unique && vindex.verifies)))
      .map((columnVindex) => {
        const positions = columnVindex.columnsLower.map((name) => columns.indexOf(name));
        return { columnVindex, values: statement.rows.map(({ values }) => positions.map((at) => values[at])) };
      }),
    movesOnDuplicate,
    definition,
    generate,
    substitute: asksForSessionValues(statement),
    ...(statement === written ? {} : { printed: true }),
  };
}

/** VALUES(column), or the row alias's: a row that gets it is on the shard already. */
function isInserted(value: Expr, column: string, { rowAlias, columns, rowAliasColumns }: Insert): boolean {
  if (value.kind === "insertValue") return value.column.name.toLowerCase() === column.toLowerCase();
  if (value.kind !== "column" || rowAlias === undefined || value.table !== rowAlias) return false;
  const at = rowAliasColumns.findIndex((name) => name.toLowerCase() === value.name.toLowerCase());
  const named = rowAliasColumns.length === 0 ? value.name : columns[at]?.name;
  return named?.toLowerCase() === column.toLowerCase();
}

/**
 * The statement with the columns it leaves out. They are written out for the shard too: should its table be another one by
 * now, each value still goes to the column that the row was placed by, or the statement fails.
 */
function withColumnList(statement: Insert, table: TableVSchema, definition: TableSchema | undefined): Insert {
  if (statement.columnList || statement.columns.length > 0) return statement;
  // VALUES (): every column has its default.
  if (statement.rows.every(({ values }) => values.length === 0)) return statement;
  const listed = table.columnListAuthoritative ? table.columns : undefined;
  const columns = (definition?.columns ?? listed)?.filter(({ invisible }) => !invisible);
  if (columns === undefined) {
    throw notSupported(
      `INSERT without a column list into sharded table ${table.name}`,
      "list the columns, or declare them in the VSchema with column_list_authoritative",
    );
  }
  const { pos } = statement;
  const named = columns.map(({ name }) => columnNode(name, undefined, pos));
  return { ...statement, columns: named, columnList: true };
}

/** NULL and 0 ask for an id: the value has to be known before the row is sent. */
function refuseUnknownIds(statement: Insert, { column, position }: GeneratedColumn): void {
  for (const { values } of statement.rows) {
    const expr = values[position];
    if (expr === undefined || asksToGenerate(expr) || valueRefOf(expr) !== undefined) continue;
    throw notSupported(`expression as value of auto-increment column ${column}`, "give a literal, or leave it out");
  }
}

function generatedColumn(
  table: TableVSchema,
  columns: readonly string[],
  context: PlanContext,
): GeneratedColumn | undefined {
  const auto = table.autoIncrement;
  if (auto === undefined) return undefined;
  const from = auto.sequence;
  const resolved =
    from === undefined
      ? undefined
      : resolveTable({ schema: from.keyspace, name: from.table }, { ...context, keyspace: undefined });
  const at = columns.indexOf(auto.columnLower);
  return {
    column: auto.column,
    position: at < 0 ? columns.length : at,
    sequence:
      resolved === undefined
        ? undefined
        : {
            keyspace: resolved.keyspace.keyspace,
            table: resolved.name,
            pinned: resolved.table?.pinned,
            followsGiven: table.isEntered === true,
          },
  };
}

function insertVindex(
  { vindex, columns: names, columnsLower }: ColumnVindex,
  statement: Insert,
  columns: readonly string[],
  generate: GeneratedColumn | undefined,
): Omit<InsertVindex, "holds"> {
  if (vindex.kind === "lookup" && columnsLower.length > 1) {
    throw notSupported(`placing rows by lookup vindex ${vindex.name} of several columns`);
  }
  const positions = columnsLower.map((name) => columns.indexOf(name));
  const values = statement.rows.map((row) =>
    columnsLower.map((name, i): ValueRef | undefined => {
      const generated = generate !== undefined && generate.column.toLowerCase() === name;
      const at = positions[i] ?? -1;
      const expr = at < 0 ? undefined : row.values[at];
      if (expr === undefined) {
        if (generated) return undefined;
        throw new ShardgateError(
          "ER_NOT_SUPPORTED_YET",
          `INSERT into sharded table needs a value for ${names[i]}: vindex ${vindex.name} places the row by it`,
        );
      }
      if (generated && asksToGenerate(expr)) return undefined;
      const ref = valueRefOf(expr);
      if (ref !== undefined && ref.kind !== "bind-list") return ref;
      throw notSupported(
        `expression as value of vindex column ${names[i]}`,
        "give a literal or a parameter, so that the row's shard is known",
      );
    }),
  );
  return { vindex, columns: names, values };
}

/** DEFAULT in an auto-increment column means the next id, as NULL and 0 do; those two are values until execution. */
export function asksToGenerate(expr: Expr): boolean {
  return expr.kind === "default" || (expr.kind === "literal" && expr.type === "null");
}
