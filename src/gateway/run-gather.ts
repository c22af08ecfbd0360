// Answers a SELECT by the gather tier: fills temporary tables on a scratch connection and passes the reply of the mapped
// statement through. Whatever happens, the scratch connection is reset, which drops the tables; if this gateway dies, the
// tablet does it.

import { notSupported } from "../base/errors.ts";
import { fillTables, type GatherTable } from "../engine/gather.ts";
import { Scratch } from "../engine/scratch.ts";
import type { GatherPlan } from "../plan/plan.ts";
import type { BindValue } from "../plan/statement.ts";
import { printExpr } from "../sql/print.ts";
import type { ClusterView } from "./cluster-view.ts";
import type { Executor } from "./executor.ts";
import { substituted } from "./session-values.ts";

/** Answers the client, or throws. `fillMore` makes what other tables the statement reads on the scratch connection. */
export async function runGather(
  executor: Executor,
  plan: GatherPlan,
  binds: readonly BindValue[],
  cluster: ClusterView,
  fillMore?: (scratch: Scratch) => Promise<void>,
): Promise<void> {
  const { context, state, signal } = executor;
  executor.asParts(plan.effect);
  executor.openTransaction(true);
  const tables = plan.sources.map(
    (source): GatherTable => ({
      temporaryTable: source.temporaryTable,
      table: source.table,
      partitions: source.partitions,
      alias: source.alias,
      columns: source.columns,
      where: source.where === undefined ? "" : printExpr(source.where, binds, { mode: state.sqlMode }),
      locks: source.locks,
      targets: executor.targetsOf(source, binds, cluster),
    }),
  );
  if (state.inTransaction) state.holds.checkParticipants(tables.flatMap(({ targets }) => targets));
  const [target] = executor.targetsOf({ keyspace: plan.keyspace, routing: { kind: "any" } }, [], cluster);
  if (target === undefined) throw new Error("a keyspace has a shard");
  // Rows are read in utf8mb4, whatever the client speaks; a held connection keeps what it is set to.
  const speaksUtf8 =
    state.settings.names.charset === "utf8mb4" && !state.settings.variables.has("character_set_results");
  if (!speaksUtf8 && !state.holds.empty) {
    throw notSupported("a SELECT over shards in a transaction with another character set than utf8mb4", plan.reason);
  }
  const own = state.settings.ofParts;
  const settings = speaksUtf8 ? own.sql : own.withVariable("character_set_results", "'utf8mb4'").sql;
  const scratch = new Scratch(context.tablets, target, signal);
  try {
    await fillTables(
      {
        port: context.tablets,
        requestFor: (shard, payload) => ({ ...executor.requestFor(shard, payload, true, false), settings }),
        joined: (shard, holdId) => state.holds.joined(shard, holdId, state.inTransaction, false),
        isSequential: state.inTransaction || !state.holds.empty,
        limits: context.gatherLimits,
        signal,
      },
      scratch,
      tables,
    );
    await fillMore?.(scratch);
    const payload = substituted(plan.statement, binds, state, context);
    await executor.passFrom(target, scratch.holdId, payload);
  } catch (error) {
    await executor.afterFailure(error);
    throw error;
  } finally {
    await scratch.release();
  }
  executor.client.commandDone();
}
