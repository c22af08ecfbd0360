// Statements of the session itself: USE, transactions, SET (set-statement.ts), SHOW (show-statement.ts) and what all shards
// run for themselves (run-all-shards.ts).

import { MysqlError, noDatabase, notSupported, ShardgateError } from "../../base/errors.ts";
import { printExpr } from "../../sql/print.ts";
import type { Do, Statement } from "../../sql/tree.ts";
import { isDropNowhere } from "../../plan/drop-nowhere.ts";
import { isSystemSchema } from "../../plan/system-tables.ts";
import { checkKeyspaceAccess } from "../access/access.ts";
import type { ClusterView } from "../cluster/cluster-view.ts";
import type { Executor } from "../executor.ts";
import { queryInside } from "../read/inner-query.ts";
import { runCall } from "../definition/run-call.ts";
import { runDatabase } from "../definition/run-database.ts";
import { copiesRows } from "../../plan/definition.ts";
import { runCreateSelect } from "../definition/run-create-select.ts";
import { runDefinition } from "../definition/run-ddl.ts";
import { runDropNowhere } from "../definition/run-drop-nowhere.ts";
import { runAdmin } from "../definition/run-admin.ts";
import { runLock, runUnlock, runViewDefinition } from "../definition/run-all-shards.ts";
import { runKill } from "../cluster/run-kill.ts";
import { runLoadData } from "../write/run-load-data.ts";
import { runDeallocate, runExecute, runPrepare } from "../prepared/run-prepare.ts";
import { runSetFor } from "./run-set-for.ts";
import { runSet, runSetTransaction } from "./set-statement.ts";
import {
  runBegin,
  runConclude,
  runReleaseSavepoint,
  runRollbackTo,
  runSavepoint,
} from "../transaction/run-transaction.ts";
import { runShow } from "../show/show-statement.ts";
import { runVexplain } from "../observe/run-vexplain.ts";
import { runXa } from "../transaction/run-xa.ts";
import { NO_TARGET, parseTarget, type SessionTarget } from "../cluster/target.ts";

/** Answers the client, or throws. `payload` is what the client sent. */
export async function runSessionStatement(
  executor: Executor,
  statement: Statement,
  cluster: ClusterView,
  payload: Buffer,
): Promise<void> {
  switch (statement.kind) {
    case "use":
      // Selecting none is for logins only.
      if (statement.target === "") throw noDatabase();
      await selectTargetSoon(executor, statement.target);
      executor.ok();
      return;
    case "begin":
      await runBegin(executor, statement, cluster);
      return;
    case "commit":
      await runConclude(executor, statement);
      return;
    case "rollback":
      if (statement.savepoint === undefined) await runConclude(executor, statement);
      else await runRollbackTo(executor, statement.savepoint);
      return;
    case "savepoint":
      runSavepoint(executor, statement);
      return;
    case "release":
      runReleaseSavepoint(executor, statement);
      return;
    case "set":
      await runSet(executor, statement, cluster);
      return;
    case "setTransaction":
      await runSetTransaction(executor, statement, cluster);
      return;
    case "show":
      await runShow(executor, statement, cluster, payload);
      return;
    case "ddl":
      if (statement.object === "database") await runDatabase(executor, statement, payload);
      else if (isDropNowhere(statement, cluster)) await runDropNowhere(executor, statement);
      else if (statement.object === "view") await runViewDefinition(executor, statement, cluster, payload);
      else if (copiesRows(statement)) await runCreateSelect(executor, statement, payload);
      else await runDefinition(executor, statement, cluster, payload);
      return;
    case "callProcedure":
      await runCall(executor, statement, cluster, payload);
      return;
    case "lock":
      await runLock(executor, statement, cluster, payload);
      return;
    case "unlock":
      await runUnlock(executor);
      return;
    case "admin":
      if (/^reset query digests$/i.test(statement.text)) {
        executor.context.stats.reset(executor.context.clock.wallMs());
        executor.context.siblings?.resetDigests();
        executor.ok();
        return;
      }
      await runAdmin(executor, statement, cluster, payload);
      return;
    case "setFor":
      await runSetFor(executor, statement, cluster);
      return;
    case "do":
      await runDo(executor, statement);
      return;
    case "explain":
      await runVexplain(executor, statement, cluster);
      return;
    case "load":
      await runLoadData(executor, statement, cluster);
      return;
    case "prepare":
      await runPrepare(executor, statement);
      return;
    case "execute":
      await runExecute(executor, statement);
      return;
    case "deallocate":
      runDeallocate(executor, statement);
      return;
    case "xa":
      await runXa(executor, statement, cluster);
      return;
    case "kill":
      await runKill(executor, statement);
      return;
    default:
      throw notSupported(statement.kind.toUpperCase());
  }
}

/** DO with subqueries over shards. What goes wrong while rows are read is a warning (manual: "DO Statement"). */
async function runDo(executor: Executor, statement: Do): Promise<void> {
  const { state } = executor;
  const items = statement.exprs.map((expr) => printExpr(expr, [], { mode: state.sqlMode }));
  try {
    await queryInside(executor, `SELECT ${items.join(", ")}`);
  } catch (error) {
    if (!(error instanceof MysqlError) || !OF_VALUES.test(error.sqlState)) throw error;
    executor.ok({ statusFlags: state.statusFlags, warnings: 1 });
    return;
  }
  executor.ok();
}

/** SQLSTATE classes of errors that values cause. */
const OF_VALUES = /^2[12]/;

/** The same, for a keyspace that another gateway may have made a moment ago: the topology is asked for one not known here. */
export async function selectTargetSoon(executor: Executor, text: string): Promise<void> {
  const { context } = executor;
  await context.databases.awaited(text);
  selectTarget(executor, text, context.cluster());
}

/** Points the session somewhere. Throws 1049 or 1044, in MySQL's words; then nothing has changed. */
export function selectTarget(executor: Executor, text: string, cluster: ClusterView): void {
  const isName = cluster.snapshot.keyspaces.has(text);
  const target: SessionTarget = isName ? { ...NO_TARGET, keyspace: text, text } : parseTarget(text);
  const { keyspace, shard } = target;
  if (keyspace !== undefined && isSystemSchema(keyspace) && shard === undefined) {
    const schema = keyspace.toLowerCase();
    if (schema !== "information_schema") checkKeyspaceAccess(executor.state.user, schema);
    executor.state.target = { ...target, keyspace: schema };
    return;
  }
  if (keyspace !== undefined) {
    const known = cluster.snapshot.keyspaces.get(keyspace);
    if (known === undefined) throw new ShardgateError("ER_BAD_DB", `Unknown database '${keyspace}'`);
    checkKeyspaceAccess(executor.state.user, keyspace);
    if (shard !== undefined && !known.shards.some(({ name }) => name === shard)) {
      const names = known.shards.map(({ name }) => name).join(", ");
      throw new ShardgateError("ER_BAD_DB", `Unknown database '${text}': keyspace ${keyspace} has the shards ${names}`);
    }
  } else if (shard !== undefined) throw new ShardgateError("ER_BAD_DB", `Unknown database '${text}'`);
  if (executor.state.inTransaction && target.tabletType !== executor.state.target.tabletType) {
    throw new ShardgateError(
      "ER_LOCK_OR_ACTIVE_TRANSACTION",
      "Can't execute the given command because you have active locked tables or an active transaction",
    );
  }
  // `@replica` alone keeps the keyspace.
  const keeps = keyspace === undefined && target.tabletType !== "primary";
  executor.state.target = keeps ? { ...executor.state.target, tabletType: target.tabletType, text } : target;
}
