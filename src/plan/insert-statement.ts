// INSERT and REPLACE, whatever their rows come from: as they are into an unsharded keyspace, row by row to the shards of
// a sharded one, on every shard into a table that all of them have alike. What the gateway cannot read of a row (a query,
// an inner query, an expression that places the row) is computed first (InsertRowsPlan); the rows are then literals.

import { notSupported, ShardgateError } from "../base/errors.ts";
import { columnNode } from "../sql/new-nodes.ts";
import type { Expr, Insert, Node, Subquery } from "../sql/tree.ts";
import { isQuery, walk } from "../sql/walk.ts";
import { catalogOf } from "./catalog.ts";
import { refuseChance } from "./change.ts";
import type { TableVSchema } from "../vschema/model.ts";
import type { AskedValue, NumberedColumn } from "./change-plan.ts";
import { refuseReserved, withReserved, WRITE } from "./effects.ts";
import { asksToGenerate, planInsert } from "./insert.ts";
import type { Plan } from "./plan.ts";
import { homeOnOneMysqld, keyspaceOf, send } from "./send.ts";
import { type PlanContext, type ResolvedTable, resolveTable, tablesOf } from "./tables.ts";
import { valueRefOf } from "./value-ref.ts";

/** Throws ShardgateError: 1046, 1049, 1146 for names, 1235 for what is not supported. */
export function planInsertStatement(statement: Insert, context: PlanContext): Plan {
  const effect = withReserved(statement, WRITE);
  const tables = tablesOf(statement, context);
  const into = resolveTable(statement.table, context);
  const { keyspace } = into;
  const isAlone =
    homeOnOneMysqld(tables, context) !== undefined ||
    tables.tables.every((table) => table.keyspace.keyspace === keyspace.keyspace);
  const readsCatalogs = statement.query !== undefined && catalogOf(statement.query, context) !== undefined;
  if (!keyspace.sharded && isAlone && !readsCatalogs) {
    const home = keyspaceOf(tables, context) ?? keyspace;
    return send(statement, home.keyspace, { kind: "unsharded" }, undefined, effect);
  }
  refuseReserved(effect, keyspace);
  if (effect.assigns !== undefined) throw notSupported("a user variable set inside an INSERT into a sharded table");
  const askedOnDuplicate = statement.onDuplicate.flatMap(({ value }) => innerQueries(value));
  if (statement.query !== undefined) {
    return { kind: "insert-rows", keyspace: keyspace.keyspace, statement, asked: [], askedOnDuplicate, effect };
  }
  const whole = withKeyColumns(statement, into);
  const asked = askedOf(whole, into);
  if (asked.length > 0 || askedOnDuplicate.length > 0) {
    return { kind: "insert-rows", keyspace: keyspace.keyspace, statement: whole, asked, askedOnDuplicate, effect };
  }
  const { table } = into;
  if (!keyspace.sharded) return send(statement, keyspace.keyspace, { kind: "unsharded" }, undefined, effect);
  if (table === undefined) throw new ShardgateError("INTERNAL", "INSERT without a table");
  if (table.pinned !== undefined && table.autoIncrement === undefined) {
    return send(statement, keyspace.keyspace, { kind: "pinned", keyspaceId: table.pinned }, undefined, effect);
  }
  if (table.type !== "reference") return planInsert(statement, keyspace, table, context);
  refuseChance(statement, `reference table ${table.name}`);
  const numbered = numberedColumn(statement, into);
  if (numbered !== undefined) {
    const { keyspace: name } = keyspace;
    return { kind: "insert-rows", keyspace: name, statement, asked, askedOnDuplicate, numbered, effect };
  }
  const plan = send(statement, keyspace.keyspace, { kind: "scatter" }, undefined, effect);
  return { ...plan, rows: statement.returning.length > 0, everywhere: true, onOne: false };
}

/** With the columns that place rows, where the statement leaves them out, as DEFAULT. */
function withKeyColumns(statement: Insert, { table, keyspace, definition }: ResolvedTable): Insert {
  if (!keyspace.sharded || definition === undefined) return statement;
  const listsNone = statement.columns.length === 0 && statement.rows.some(({ values }) => values.length > 0);
  // Without a list the rows have all columns.
  if (listsNone || statement.rows.some(({ values }) => values.length !== statement.columns.length)) return statement;
  const listed = new Set(statement.columns.map(({ name }) => name.toLowerCase()));
  const missing = definition.columns.filter(
    ({ lower, autoIncrement }) => !autoIncrement && placingColumns(table).has(lower) && !listed.has(lower),
  );
  if (missing.length === 0) return statement;
  const { pos } = statement;
  const added = missing.map(({ name }) => columnNode(name, undefined, pos));
  const defaults = missing.map((): Expr => ({ kind: "default", pos }));
  return {
    ...statement,
    form: "values",
    columnList: true,
    columns: [...statement.columns, ...added],
    rows: statement.rows.map((row) => ({ ...row, values: [...row.values, ...defaults] })),
  };
}

/** Columns of vindexes that decide where a row is, in lower case; not that of generated ids. */
function placingColumns(table: TableVSchema | undefined): ReadonlySet<string> {
  const [primary, ...others] = table?.columnVindexes ?? [];
  const placing = [primary, ...others.filter(({ vindex }) => vindex.kind !== "lookup" && vindex.unique)];
  const columns = new Set(placing.flatMap((each) => each?.columnsLower ?? []));
  if (table?.autoIncrement !== undefined) columns.delete(table.autoIncrement.columnLower);
  return columns;
}

/** What has to be computed before the rows can be placed. */
function askedOf(statement: Insert, { table, keyspace, definition }: ResolvedTable): readonly AskedValue[] {
  const keys = new Set(keyspace.sharded ? table?.columnVindexes.flatMap(({ columnsLower }) => columnsLower) : []);
  const placing = keyspace.sharded && definition !== undefined ? placingColumns(table) : new Set();
  if (keyspace.sharded && table?.autoIncrement !== undefined) keys.add(table.autoIncrement.columnLower);
  if (keyspace.sharded && table?.type === "reference") {
    for (const { autoIncrement, lower } of definition?.columns ?? []) if (autoIncrement) keys.add(lower);
  }
  const visible = definition?.columns.filter(({ invisible }) => !invisible).map(({ lower }) => lower) ?? [];
  const listed = statement.columns.map(({ name }) => name.toLowerCase());
  const columns = listed.length === 0 && !statement.columnList ? visible : listed;
  const asked: AskedValue[] = [];
  for (const [row, { values }] of statement.rows.entries()) {
    for (const [position, expr] of values.entries()) {
      const isKey = keys.has(columns[position] ?? "");
      if (hasQuery(expr)) asked.push({ row, position, expr });
      else if (expr.kind === "default") {
        const column = definition?.columns.find(({ lower }) => lower === columns[position]);
        if (column !== undefined && placing.has(column.lower)) asked.push({ row, position, expr, column });
      } else if (isKey && !asksToGenerate(expr) && valueRefOf(expr) === undefined && isConstant(expr)) {
        asked.push({ row, position, expr });
      }
    }
  }
  return asked;
}

/** Each gives one value. Throws 1235 for EXISTS, IN and their like. */
function innerQueries(value: Expr): readonly Subquery[] {
  const found: Subquery[] = [];
  walk(value, (node: Node) => {
    if (node.kind === "subquery") found.push(node);
    else if (isQuery(node))
      throw notSupported("EXISTS, IN or ANY with a subquery in ON DUPLICATE KEY UPDATE over shards");
    return node.kind !== "subquery";
  });
  return found;
}

function hasQuery(expr: Expr): boolean {
  let has = false;
  walk(expr, (node: Node) => {
    has ||= isQuery(node);
    return !has;
  });
  return has;
}

/** It names no column. */
function isConstant(expr: Expr): boolean {
  let isConstantSoFar = true;
  walk(expr, ({ kind }) => {
    if (kind === "column" || kind === "default" || kind === "defaultOf" || kind === "insertValue")
      isConstantSoFar = false;
    return isConstantSoFar;
  });
  return isConstantSoFar;
}

/** The AUTO_INCREMENT column of a table that all shards have: each of them would number the rows for itself. */
function numberedColumn(statement: Insert, { definition }: ResolvedTable): NumberedColumn | undefined {
  const auto = definition?.columns.find(({ autoIncrement }) => autoIncrement);
  if (definition === undefined || auto === undefined) return undefined;
  const names =
    statement.columns.length > 0 || statement.columnList
      ? statement.columns.map(({ name }) => name.toLowerCase())
      : definition.columns.filter(({ invisible }) => !invisible).map(({ lower }) => lower);
  const at = names.indexOf(auto.lower);
  const width = statement.rows[0]?.values.length ?? 0;
  return { name: auto.name, position: at < 0 || width === 0 ? width : at };
}
