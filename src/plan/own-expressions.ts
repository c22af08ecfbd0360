// Rewriting the expressions of one SELECT from the top down, without going into the queries inside them.

import type { Expr, Node } from "../sql/tree.ts";
import { isExpr, mapChildren } from "../sql/walk.ts";

/** An inner query stands somewhere in it. */
export function holdsQuery(expr: Expr): boolean {
  let holds = false;
  mapOwn(expr, (node) => {
    holds ||= node.kind === "subquery" || node.kind === "exists" || node.kind === "quantified";
    return undefined;
  });
  return holds;
}

/** `change` gives what takes an expression's place, or undefined to go on below it. Inner queries stay as they are. */
export function mapOwn<N extends Node>(node: N, change: (expr: Expr) => Expr | undefined): N;
export function mapOwn(node: Node, change: (expr: Expr) => Expr | undefined): Node {
  const changed = isExpr(node) ? change(node) : undefined;
  if (changed !== undefined) return changed;
  if (node.kind === "subquery" || node.kind === "exists" || node.kind === "derived") return node;
  if (node.kind === "quantified") return { ...node, left: mapOwn(node.left, change) };
  return mapChildren(node, (child) => mapOwn(child, change));
}
