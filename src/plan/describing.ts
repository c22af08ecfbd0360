// The statement that gives a query's column definitions and a mysqld's objections to it, and no rows: LIMIT 0. A set
// operation runs its parts whatever its own LIMIT, so they get one, too.

import { literalNode } from "../sql/new-nodes.ts";
import type { Expr, Limit, Query, UnionPart } from "../sql/tree.ts";
import { rewrite } from "../sql/walk.ts";

/** `query` without rows, locks, INTO and SQL_CALC_FOUND_ROWS. */
export function describing(query: Query): Query {
  const unlocked = rewrite(query, { query: withoutEffects });
  return withoutRows(withoutEffects(unlocked));
}

function withoutEffects(query: Query): Query {
  const plain =
    query.locking.length > 0 || query.into !== undefined ? { ...query, locking: [], into: undefined } : query;
  if (plain.kind !== "select" || !plain.options.includes("sql_calc_found_rows")) return plain;
  return { ...plain, options: plain.options.filter((option) => option !== "sql_calc_found_rows") };
}

function withoutRows(query: Query): Query {
  const limit = noRows(query.pos);
  if (query.kind !== "union") return { ...query, limit };
  const rest = query.rest.map((part): UnionPart => ({ ...part, query: withoutRows(part.query) }));
  return { ...query, first: withoutRows(query.first), rest, limit };
}

function noRows(pos: number): Limit {
  const count: Expr = literalNode("int", "0", pos);
  return { kind: "limit", offset: undefined, count, withTies: false, rowsExamined: undefined, pos };
}
