// INSERT and REPLACE, whatever their rows come from: as they are into an unsharded keyspace, row by row to the shards of
// a sharded one, on every shard into a table that all of them have alike. What the gateway cannot read of a row (a query,
// an inner query, an expression that places the row) is computed first (InsertRowsPlan); the rows are then literals.

import { notSupported, ShardgateError } from "../base/errors.ts";
import type { Expr, Insert, Node } from "../sql/tree.ts";
import { isQuery, walk } from "../sql/walk.ts";
import { refuseChance } from "./change.ts";
import type { InsertRowsPlan } from "./change-plan.ts";
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
  if (!keyspace.sharded && isAlone) {
    const home = keyspaceOf(tables, context) ?? keyspace;
    return send(statement, home.keyspace, { kind: "unsharded" }, undefined, effect);
  }
  refuseReserved(effect, keyspace);
  if (effect.assigns !== undefined) throw notSupported("a user variable set inside an INSERT into a sharded table");
  for (const { value } of statement.onDuplicate) {
    if (hasQuery(value)) throw notSupported("a subquery in ON DUPLICATE KEY UPDATE over shards");
  }
  const asked = statement.query === undefined ? askedOf(statement, into) : [];
  if (statement.query !== undefined || asked.length > 0) {
    return { kind: "insert-rows", keyspace: keyspace.keyspace, statement, asked, effect };
  }
  const { table } = into;
  if (!keyspace.sharded) return send(statement, keyspace.keyspace, { kind: "unsharded" }, undefined, effect);
  if (table === undefined) throw new ShardgateError("INTERNAL", "INSERT without a table");
  if (table.pinned !== undefined && table.autoIncrement === undefined) {
    return send(statement, keyspace.keyspace, { kind: "pinned", keyspaceId: table.pinned }, undefined, effect);
  }
  if (table.type !== "reference") return planInsert(statement, keyspace, table, context);
  refuseChance(statement, `reference table ${table.name}`);
  refuseOwnIds(statement, into);
  const plan = send(statement, keyspace.keyspace, { kind: "scatter" }, undefined, effect);
  return { ...plan, rows: statement.returning.length > 0, everywhere: true, onOne: false };
}

/** What has to be computed before the rows can be placed. */
function askedOf(statement: Insert, { table, keyspace }: ResolvedTable): InsertRowsPlan["asked"] {
  const keys = new Set(keyspace.sharded ? table?.columnVindexes.flatMap(({ columnsLower }) => columnsLower) : []);
  if (keyspace.sharded && table?.autoIncrement !== undefined) keys.add(table.autoIncrement.columnLower);
  const columns = statement.columns.map(({ name }) => name.toLowerCase());
  const asked: { row: number; position: number; expr: Expr }[] = [];
  for (const [row, { values }] of statement.rows.entries()) {
    for (const [position, expr] of values.entries()) {
      const isKey = keys.has(columns[position] ?? "");
      if (hasQuery(expr)) asked.push({ row, position, expr });
      else if (isKey && !asksToGenerate(expr) && valueRefOf(expr) === undefined && isConstant(expr)) {
        asked.push({ row, position, expr });
      }
    }
  }
  return asked;
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

/** Each shard would number the rows for itself. */
function refuseOwnIds(statement: Insert, { name, definition }: ResolvedTable): void {
  const auto = definition?.columns.find(({ autoIncrement }) => autoIncrement);
  if (auto === undefined) return;
  const listed = statement.columns.map((column) => column.name.toLowerCase());
  const at = statement.columns.length === 0 ? definition?.columns.indexOf(auto) : listed.indexOf(auto.lower);
  for (const { values } of statement.rows) {
    const expr = at === undefined || at < 0 ? undefined : values[at];
    if (expr !== undefined && !asksToGenerate(expr) && valueRefOf(expr) !== undefined) continue;
    throw notSupported(`a generated id in reference table ${name}`, `give ${auto.name} a value`);
  }
}
