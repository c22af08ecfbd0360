// sql_select_limit: a query without a LIMIT of its own has this one (manual: "Server System Variables"). On one shard the
// mysqld sees to it; over several the plan has to have it.

import type { Limit, Query, Statement } from "../sql/tree.ts";
import { isQuery } from "../sql/walk.ts";

/** The limit is the bind variable with this index. Subqueries and statements that write have none. */
export function withSelectLimit(statement: Statement, bindIndex: number): Statement {
  return isQuery(statement) && statement.limit === undefined && !takesIds(statement)
    ? { ...statement, limit: limitOf(bindIndex, statement.pos) }
    : statement;
}

function takesIds(query: Query): boolean {
  return query.kind === "select" && query.items.some(({ kind }) => kind === "nextValues");
}

function limitOf(index: number, pos: number): Limit {
  const count = { kind: "bind", name: "select_limit", index, list: false, pos } as const;
  return { kind: "limit", offset: undefined, count, withTies: false, rowsExamined: undefined, pos };
}
