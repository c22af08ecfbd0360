// The same statement as one MariaDB runs it by other plans: what its optimizer decides (a temporary table, the order of a
// join, whether a derived table is merged) shows in types, flags and names of columns, in warnings, and in which rows an
// expression that fails is computed for. An answer that MariaDB itself gives by another plan is no other one.

import { parse } from "../../src/sql/parse.ts";
import { print } from "../../src/sql/print.ts";
import type { Join, Node, Query } from "../../src/sql/tree.ts";
import { mapChildren, walk } from "../../src/sql/walk.ts";

/** How to run a statement otherwise: what to set before it, and its text. */
export interface OtherPlan {
  readonly settings: string;
  readonly sql: string;
}

const AS_EVER = "SET optimizer_switch=DEFAULT";
const SETTINGS: readonly string[] = [
  AS_EVER,
  "SET optimizer_switch='derived_merge=off,condition_pushdown_for_derived=off,split_materialized=off'",
  "SET optimizer_switch='semijoin=off,exists_to_in=off,materialization=off'",
];

/** Names of columns stay: they come from the statement's text. */
export function otherPlans(sql: string): readonly OtherPlan[] {
  const texts = new Set([
    sql,
    sql.replace(/\bSELECT\b/i, "SELECT SQL_BUFFER_RESULT"),
    sql.replace(/\bSELECT\b/gi, "SELECT SQL_BIG_RESULT"),
    sql.replace(/\bSELECT\b/gi, "SELECT STRAIGHT_JOIN"),
    ...turnedJoins(sql),
  ]);
  return SETTINGS.flatMap((settings) =>
    [...texts].flatMap((text) => (text === sql && settings === AS_EVER ? [] : [{ settings, sql: text }])),
  );
}

/** With inner joins the other way round, in that order; `*` would give other columns. */
function turnedJoins(sql: string): readonly string[] {
  const query = queryOf(sql);
  let isPossible = query !== undefined;
  if (query === undefined) return [];
  walk(query, (node) => {
    if (node.kind === "star" || (node.kind === "join" && (node.natural || node.using.length > 0))) isPossible = false;
  });
  if (!isPossible) return [];
  const turn = <N extends Node>(node: N): N => {
    const changed = mapChildren(node, turn);
    if (changed.kind !== "join" || !isInner(changed) || changed.on === undefined) return changed;
    return { ...changed, type: "inner", left: changed.right, right: changed.left };
  };
  const turned = print(turn(query));
  return [turned, turned.replace(/\bselect\b/g, "select straight_join")];
}

function isInner(join: Join): boolean {
  return join.type !== "left" && join.type !== "right";
}

function queryOf(sql: string): Query | undefined {
  try {
    const statement = parse(sql);
    return statement.kind === "select" || statement.kind === "union" ? statement : undefined;
  } catch {
    return undefined;
  }
}
