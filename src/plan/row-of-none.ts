// Whether a statement's answer may have one row though there are none of what it looks for.

import { walk } from "../sql/walk.ts";
import type { Node, SelectItem, Statement } from "../sql/tree.ts";
import { isAggregate } from "./colocation.ts";
import type { Effect } from "./plan.ts";

/** It aggregates, for all that is known of the functions it calls, or a row of it is about what an inner query finds. */
export function givesRowOfNone(statement: Statement, { callsStored }: Effect): boolean {
  // A stored aggregate function (MariaDB) cannot be told from a plain one.
  let found = callsStored === true;
  walk(statement, (node) => {
    found ||= isAggregate(node) || (node.kind === "select" && node.items.some(asksInside));
    return !found;
  });
  return found;
}

function asksInside(item: SelectItem): boolean {
  let found = false;
  walk(item, (node: Node) => {
    found ||= node.kind === "subquery" || node.kind === "exists" || node.kind === "quantified";
    return !found;
  });
  return found;
}
