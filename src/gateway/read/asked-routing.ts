// Constants of a statement that only a mysqld can compute (`id = @x`, `id = CRC32('a')`), asked for before the statement is
// sent, so that it goes to one shard and not to all: one question for all of them, to any shard, with the session's settings
// and on its connection there. What cannot be told widens the routing; the statement itself has its errors and warnings.

import { collect } from "../../engine/collect.ts";
import { askedValue } from "../../engine/asked-value.ts";
import { evaluate } from "../../eval/evaluate.ts";
import type { Value } from "../../mysql/values.ts";
import { withAnswers } from "../../plan/asked-values.ts";
import type { Routing } from "../../plan/plan.ts";
import type { AskedRef, ValueRef } from "../../plan/value-ref.ts";
import type { BindValue } from "../../sql/bind-value.ts";
import { printExpr } from "../../sql/print.ts";
import type { Expr } from "../../sql/tree.ts";
import type { ClusterView } from "../cluster/cluster-view.ts";
import { comQuery } from "../client/com-query.ts";
import { lookedUp } from "../write/lookup-routing.ts";
import type { Executor } from "../executor.ts";
import { withSessionValues } from "../session/session-values.ts";
import { readTextResult } from "./text-rows.ts";

/** The routing with its asked values in place. Rejects when the shard that is asked is lost. */
export async function askedRouting(
  executor: Executor,
  routing: Routing,
  asks: readonly AskedRef[],
  keyspace: string,
  binds: readonly BindValue[],
  cluster: ClusterView,
): Promise<Routing> {
  const answers = new Map<ValueRef, Value>();
  const open: { readonly ref: AskedRef; readonly expr: Expr }[] = [];
  // As items of a row, so that one may be a session's function by itself.
  const row = { kind: "row", items: asks.map(({ expr }) => expr), pos: 0 } as const;
  const { items } = withSessionValues(row, executor.state, executor.context);
  for (const [i, ref] of asks.entries()) {
    const expr = items[i] ?? ref.expr;
    const value = evaluate(expr, binds);
    if (value === undefined) open.push({ ref, expr });
    else answers.set(ref, value);
  }
  if (open.length > 0) {
    const values = await ask(
      executor,
      open.map(({ expr }) => expr),
      keyspace,
      binds,
      cluster,
    );
    for (const [i, { ref }] of open.entries()) {
      const value = values[i];
      if (value !== undefined) answers.set(ref, value);
    }
  }
  return lookedUp(executor, withAnswers(routing, answers), keyspace, binds, cluster);
}

async function ask(
  executor: Executor,
  exprs: readonly Expr[],
  keyspace: string,
  binds: readonly BindValue[],
  cluster: ClusterView,
): Promise<readonly (Value | undefined)[]> {
  const { context, state, signal } = executor;
  const [target] = executor.shards.of({ keyspace, routing: { kind: "any" } }, [], cluster);
  if (target === undefined) return [];
  const texts = exprs.map((expr) => printExpr(expr, binds, { mode: state.sqlMode }));
  const items = texts.map((text) => `${text}, COERCIBILITY(${text})`);
  const request = executor.requestFor(target, comQuery(`SELECT ${items.join(", ")} LIMIT 1`), false, false);
  const reply = await collect(context.tablets, target, request, signal);
  if (reply.info.kind === "err") return [];
  const { columns, rows } = readTextResult(reply.bytes);
  const [row] = rows;
  return exprs.map((_, i) => {
    const column = columns[2 * i];
    const text = row?.[2 * i];
    if (column === undefined || text === undefined) return undefined;
    return askedValue(column, text, Number(row?.[2 * i + 1]?.toString("latin1")));
  });
}
