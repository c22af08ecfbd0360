// CALL in a sharded keyspace: a procedure works on one shard's rows, and only the client knows on which. It says so in a
// directive, `CALL /*sg+ SHARD=-80 */ p(1)`, or is pointed at the shard already; the statement runs then as if it were.

import { notSupported } from "../../base/errors.ts";
import { keyspaceOfRoutine } from "../../plan/definition.ts";
import type { CallStatement } from "../../sql/tree.ts";
import { OneStatement } from "../client/one-statement.ts";
import type { ClusterView } from "../cluster/cluster-view.ts";
import type { Executor } from "../executor.ts";
import { selectTarget } from "../session/run-session-statement.ts";

/** Answers the client, or throws. */
export async function runCall(
  executor: Executor,
  statement: CallStatement,
  cluster: ClusterView,
  payload: Buffer,
): Promise<void> {
  const { state, options, client, sequenceId } = executor;
  const { vschema, schema } = cluster;
  const found = keyspaceOfRoutine(statement, { vschema, schema, keyspace: state.target.keyspace });
  if (found === undefined) throw notSupported("CALL");
  const { keyspace } = found;
  if (options.shard === undefined) {
    throw notSupported(
      `CALL in sharded keyspace ${keyspace}`,
      `say on which shard: CALL /*sg+ SHARD=-80 */ …, or USE \`${keyspace}:-80\``,
    );
  }
  const before = state.target;
  selectTarget(executor, `${keyspace}:${options.shard}`, cluster);
  await new Promise<void>((resolve) => {
    const over = (): void => {
      state.target = before;
      resolve();
    };
    executor.forClient(new OneStatement(client, over)).query(payload, sequenceId - 1);
  });
}
