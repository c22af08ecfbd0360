// Makes a failing statement small: takes parts out of its tree, one after the other, as long as it still fails.

import { parse } from "../../src/sql/parse.ts";
import { print } from "../../src/sql/print.ts";
import type { Expr, Node, Query, Statement, TableRef } from "../../src/sql/tree.ts";
import { children, isExpr, isQuery, isTableRef, mapChildren, walk } from "../../src/sql/walk.ts";

const TRIES_MAX = 600;

/** `fails` is asked about ever smaller statements. Returns the smallest that failed; `sql` itself when it cannot be read. */
export async function shrink(sql: string, fails: (sql: string) => Promise<boolean>): Promise<string> {
  let best: Statement;
  try {
    best = parse(sql);
  } catch {
    return sql;
  }
  let text = print(best);
  if (!(await fails(text))) return sql;
  let tries = 0;
  for (let progress = true; progress; ) {
    progress = false;
    for (const candidate of candidates(best)) {
      const shorter = safePrint(candidate);
      if (shorter === undefined || shorter.length >= text.length) continue;
      if (++tries > TRIES_MAX) return text;
      if (await fails(shorter)) {
        best = candidate;
        text = shorter;
        progress = true;
        break;
      }
    }
  }
  return text;
}

function safePrint(statement: Statement): string | undefined {
  try {
    return print(statement);
  } catch {
    return undefined;
  }
}

/** The statement with one node made simpler; big cuts first. */
function* candidates(statement: Statement): Generator<Statement> {
  const nodes: Node[] = [];
  walk(statement, (node) => {
    nodes.push(node);
  });
  for (const node of nodes) {
    for (const simpler of simplerNodes(node)) {
      if (node === statement) {
        if (isQuery(simpler)) yield simpler;
      } else yield replaced(statement, node, simpler);
    }
  }
}

function replaced(statement: Statement, node: Node, by: Node): Statement {
  const map = (child: Node): Node => (child === node ? by : mapChildren(child, map));
  return mapChildren(statement, map);
}

function* simplerNodes(node: Node): Generator<Node> {
  if (isQuery(node)) yield* simplerQueries(node);
  else if (isTableRef(node)) yield* simplerTables(node);
  else if (isExpr(node)) yield* simplerExpressions(node);
}

function* simplerQueries(query: Query): Generator<Query> {
  if (query.with !== undefined) {
    const { ctes } = query.with;
    yield { ...query, with: undefined };
    if (ctes.length > 1) for (const cte of ctes) yield { ...query, with: { ...query.with, ctes: without(ctes, cte) } };
  }
  if (query.limit !== undefined) yield { ...query, limit: undefined };
  if (query.orderBy.length > 0) yield { ...query, orderBy: [], limit: undefined };
  if (query.orderBy.length > 1)
    for (const item of query.orderBy) yield { ...query, orderBy: without(query.orderBy, item) };
  if (query.kind === "union") {
    yield query.first;
    for (const part of query.rest) yield part.query;
    if (query.rest.length > 1) for (const part of query.rest) yield { ...query, rest: without(query.rest, part) };
  }
  if (query.kind !== "select") return;
  if (query.where !== undefined) yield { ...query, where: undefined };
  if (query.having !== undefined) yield { ...query, having: undefined };
  if (query.rollup) yield { ...query, rollup: false };
  if (query.groupBy.length > 0) yield { ...query, groupBy: [], rollup: false };
  if (query.groupBy.length > 1)
    for (const item of query.groupBy) yield { ...query, groupBy: without(query.groupBy, item) };
  if (query.options.length > 0) yield { ...query, options: [] };
  if (query.items.length > 1) for (const item of query.items) yield { ...query, items: without(query.items, item) };
  if (query.from.length > 1) for (const table of query.from) yield { ...query, from: without(query.from, table) };
}

function* simplerTables(table: TableRef): Generator<TableRef> {
  if (table.kind === "join") {
    yield table.left;
    yield table.right;
    if (table.type !== "inner") yield { ...table, type: "inner" };
  }
  if (table.kind === "tableList") yield* table.tables;
}

function* simplerExpressions(expr: Expr): Generator<Expr> {
  if (expr.kind === "and" || expr.kind === "or") {
    yield* expr.operands;
    if (expr.operands.length > 2)
      for (const one of expr.operands) yield { ...expr, operands: without(expr.operands, one) };
    return;
  }
  const parts: Expr[] = [];
  children(expr, (child) => {
    if (isExpr(child)) parts.push(child);
    else children(child, (below) => void (isExpr(below) && parts.push(below)));
  });
  yield* parts;
  // A constant in place of a tie would make a product of tables.
  if (expr.kind !== "literal" && expr.kind !== "column" && expr.kind !== "binary") {
    yield { kind: "literal", type: "int", value: "1", introducer: undefined, pos: 0 };
    yield { kind: "literal", type: "null", value: "null", introducer: undefined, pos: 0 };
  }
}

function without<T>(list: readonly T[], item: T): readonly T[] {
  return list.filter((each) => each !== item);
}
