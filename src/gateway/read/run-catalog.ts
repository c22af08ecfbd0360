// Answers a query of information_schema (and of the like in mysql). One that is about a single keyspace goes to a shard of
// it as it is. For one about several, temporary tables on a scratch connection get each keyspace's rows from one of its
// shards, the server's own schemas' rows once, and what only the gateway knows; the query runs over them.

import { fillCatalogs, type CatalogPart, type CatalogTable } from "../../engine/catalog.ts";
import { type Definitions, HeadSwap } from "../../engine/describe.ts";
import { Budget } from "../../engine/gather.ts";
import type { ShardTarget } from "../../engine/ports.ts";
import { Scratch } from "../../engine/scratch.ts";
import { decodeColumnDefinition, encodeColumnDefinition } from "../../mysql/packets/column-definition.ts";
import type { CatalogPlan, CatalogSource } from "../../plan/plan.ts";
import { literalOf } from "../../plan/session-functions.ts";
import type { BindValue } from "../../plan/statement.ts";
import { printExpr } from "../../sql/print.ts";
import type { Expr } from "../../sql/tree.ts";
import type { ClusterView } from "../cluster/cluster-view.ts";
import { describeStatement } from "../cluster/describe-statement.ts";
import type { Executor } from "../executor.ts";
import { gatewayRows } from "../show/gateway-rows.ts";
import { keyspacesAsked, schemasAsked } from "./information-schema.ts";
import { seesSystemSchema } from "../access/users.ts";
import { runGather } from "./run-gather.ts";
import { substituted, withSessionValues } from "../session/session-values.ts";

/** The keyspace whose shard can answer the query alone; undefined when there is none. */
export function aloneIn(
  executor: Executor,
  plan: CatalogPlan,
  binds: readonly BindValue[],
  cluster: ClusterView,
): string | undefined {
  const { state } = executor;
  // Who is pointed at one shard sees what that one has.
  if (state.target.shard !== undefined) return state.target.keyspace;
  if (plan.filter === undefined) return undefined;
  const [only, ...more] = keyspacesAsked(plan.filter, binds, state, cluster);
  if (only === undefined || more.length > 0) return undefined;
  const isSummed = plan.sources.some((source) => source.kind === "catalog" && source.summed);
  return isSummed && executor.shards.ofKeyspace(only, cluster).targets.length > 1 ? undefined : only;
}

/** Answers the client from temporary tables, or throws. */
export async function runCatalog(
  executor: Executor,
  plan: CatalogPlan,
  binds: readonly BindValue[],
  cluster: ClusterView,
): Promise<void> {
  const { context, state, signal } = executor;
  const settings = state.settings.ofParts.withVariable("character_set_results", "'utf8mb4'").sql;
  const fill = async (scratch: Scratch): Promise<void> => {
    const tables = await Promise.all(
      plan.sources.map((source) => tableOf(source, scratch.target, executor, binds, cluster)),
    );
    const budget = new Budget(executor.gatherLimits);
    await fillCatalogs({ port: context.tablets, settings, budget, signal }, scratch, tables);
  };
  if (plan.gather !== undefined) {
    const tables = plan.sources.map(({ schema, table, temporaryTable, alias }) => ({
      temporaryTable,
      keyspace: schema,
      table: schema === "information_schema" ? table.toUpperCase() : table,
      alias,
      shownAlias: alias,
    }));
    await runGather(executor, plan.gather, binds, cluster, { tables, fill });
    return;
  }
  const [target] = executor.shards.of({ keyspace: plan.keyspace, routing: { kind: "any" } }, [], cluster);
  if (target === undefined) throw new Error("a keyspace has a shard");
  const definitions = await describeStatement(executor, plan.query, plan.keyspace, binds, cluster);
  const scratch = new Scratch(context.tablets, target, signal);
  try {
    await fill(scratch);
    const output = new HeadSwap(executor.client, (own) => redefined(own, definitions, plan.sources));
    await executor.passFrom(target, scratch.holdId, substituted(plan.statement, binds, state, context), output);
  } finally {
    await scratch.release();
  }
  executor.client.commandDone();
}

/** What shows a column of a temporary table is shown as the system table's; what is computed is as it is. */
function redefined(own: Definitions, described: Definitions, sources: readonly CatalogSource[]): Definitions {
  const temporary = new Set(sources.map(({ temporaryTable }) => temporaryTable));
  return own.map((payload, i) => {
    const definition = decodeColumnDefinition(payload);
    const truth = described[i];
    if (definition.schema === "" || truth === undefined) return payload;
    if (temporary.has(definition.orgTable)) return truth;
    // A derived table is of the schema of what it is made of.
    return encodeColumnDefinition({ ...definition, schema: decodeColumnDefinition(truth).schema });
  });
}

async function tableOf(
  source: CatalogSource,
  home: ShardTarget,
  executor: Executor,
  binds: readonly BindValue[],
  cluster: ClusterView,
): Promise<CatalogTable> {
  const { schema, table, alias, temporaryTable, columns } = source;
  const rest = { schema, table, alias, temporaryTable, columns };
  if (source.kind === "gateway") {
    return { ...rest, columns: "all", parts: [], summed: false, rows: await gatewayRows(source.rows, executor, home) };
  }
  const { state, context } = executor;
  const given = withSessionValues({ kind: "row", items: source.where, pos: 0 }, state, context);
  const sql = (expr: Expr): string => printExpr(expr, binds, { mode: state.sqlMode });
  const conditions = given.items.map((expr) => `(${sql(expr)})`);
  const part = (on: ShardTarget, rowsSchema: string): CatalogPart => ({
    target: on,
    where: [`${source.schemaColumn} = ${sql(literalOf(rowsSchema, 0))}`, ...conditions].join(" AND "),
  });
  const parts: CatalogPart[] = [];
  for (const keyspace of keyspacesAsked(source.filter, binds, state, cluster)) {
    const targets = executor.shards.of({ keyspace, routing: { kind: source.summed ? "scatter" : "any" } }, [], cluster);
    for (const target of targets) parts.push(part(target, keyspace));
  }
  const own = source.ownSchemas.filter((name) => seesSystemSchema(state.user, name));
  for (const name of schemasAsked(source.filter, own, binds, state)) parts.push(part(home, name));
  return { ...rest, parts, summed: source.summed, rows: [] };
}
