// Values that a sharding key is compared with: besides plain ones, what the exact evaluator may know, and constants that a
// mysqld can be asked for before the statement is sent. Asked is only what gives the same value again in the statement
// itself: no clock, no randomness, no tables, no other state than the session's.

import type { Expr, Node } from "../sql/tree.ts";
import { walk } from "../sql/walk.ts";
import { mayBeEvaluable } from "../eval/evaluate.ts";
import { isPure } from "./pure.ts";
import { sessionFunctionOf } from "./session-functions.ts";
import { type ValueRef, valueRefOf } from "./value-ref.ts";

/** Undefined when the value depends on more than constants. */
export function keyRefOf(expr: Expr): ValueRef | undefined {
  const plain = valueRefOf(expr);
  if (plain !== undefined) return plain;
  if (expr.kind === "temporal" && expr.type === "date") {
    return { kind: "constant", value: { type: "DATE", raw: Buffer.from(expr.value, "utf8") } };
  }
  if (mayBeEvaluable(expr)) return { kind: "expression", expr };
  return isAskable(expr) ? { kind: "asked", expr } : undefined;
}

const SESSION_FUNCTIONS: ReadonlySet<string> = new Set(["last_insert_id", "connection_id", "database"]);

function isAskable(expr: Expr): boolean {
  let askable = true;
  walk(expr, (node) => {
    askable &&= isConstant(node);
    return askable;
  });
  return askable;
}

/** A node of a constant: no column, no collation of its own, which would decide how the column is compared. */
function isConstant(node: Node): boolean {
  switch (node.kind) {
    case "column":
    case "collate":
    case "row":
      return false;
    case "bind":
      return node.index >= 0;
    case "call": {
      const own = sessionFunctionOf(node);
      return own === undefined ? isPure(node) && node.args.length > 0 : SESSION_FUNCTIONS.has(own);
    }
    case "subquery":
    case "expr":
      return true;
    case "select":
      // `(SELECT 5)`: without tables it is its one expression.
      return (
        node.from.length === 0 &&
        node.where === undefined &&
        node.having === undefined &&
        node.groupBy.length === 0 &&
        node.with === undefined &&
        node.limit === undefined &&
        node.into === undefined &&
        node.orderBy.length === 0 &&
        node.items.length === 1
      );
    default:
      return isPure(node);
  }
}
