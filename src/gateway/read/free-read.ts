// Whether a statement only reads: no matter on which copy of the rows it runs, or whether it runs twice.

import { ShardgateError } from "../../base/errors.ts";
import { queryEffect } from "../../plan/effects.ts";
import type { StatementFacts } from "../../rules/statement-facts.ts";
import { sequenceOf } from "../../sql/tables.ts";
import type { Statement } from "../../sql/tree.ts";
import { isQuery, walk } from "../../sql/walk.ts";

/** A query that locks nothing, takes no ids and calls no function that could be a stored one. */
export function isFreeRead({ statement, isInside }: Pick<StatementFacts, "statement" | "isInside">): boolean {
  if (statement === undefined || isInside || !isQuery(statement) || takesIds(statement)) return false;
  try {
    const { writes, reserves, callsStored, assigns } = queryEffect(statement);
    return !writes && reserves === undefined && callsStored !== true && assigns === undefined;
  } catch (error) {
    if (error instanceof ShardgateError) return false;
    throw error;
  }
}

function takesIds(statement: Statement): boolean {
  let takes = false;
  walk(statement, (node) => {
    takes ||= node.kind === "nextValues" || sequenceOf(node) !== undefined;
    return !takes;
  });
  return takes;
}
