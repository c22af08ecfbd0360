// `shardgate explain --keys`: a list of statements taken together, how they are answered now, and the sharding keys that
// would answer them better. Statements that cannot be read or planned are counted with their errors.

import { ShardgateError } from "../base/errors.ts";
import { explainKeysOfAll } from "../plan/explain-keys.ts";
import { shardedByPrimaryKeys, type Workload } from "../plan/key-proposal.ts";
import { planStatement } from "../plan/planner.ts";
import type { PlanContext } from "../plan/tables.ts";
import { parse } from "../sql/parse.ts";
import type { OfflineCluster } from "./explain-routing.ts";

export interface Request {
  readonly sql: string;
  readonly keyspace: string | undefined;
}

/** `asSharded`: unsharded keyspaces to plan as if they were sharded, each table by its primary key. Throws CONFIG_BAD. */
export function explainWorkload(
  requests: readonly Request[],
  cluster: OfflineCluster,
  asSharded: readonly string[],
): object {
  const context = contextOf(cluster, asSharded);
  const workloads: Workload[] = [];
  const refused: object[] = [];
  for (const { sql, keyspace } of requests) {
    try {
      const statement = parse(sql);
      planStatement(statement, { ...context, keyspace });
      workloads.push({ statement, keyspace });
    } catch (error) {
      if (!(error instanceof ShardgateError)) throw error;
      refused.push({ sql, errno: error.errno, error: error.message });
    }
  }
  return { ...explainKeysOfAll(workloads, context), ...(refused.length === 0 ? {} : { notPlanned: refused }) };
}

function contextOf({ vschema, schema }: OfflineCluster, asSharded: readonly string[]): PlanContext {
  const keyspaces = new Map(vschema.keyspaces);
  for (const name of asSharded) {
    const keyspace = keyspaces.get(name);
    if (keyspace === undefined)
      throw new ShardgateError("CONFIG_BAD", `--as-sharded names keyspace ${name}, which is not there`);
    if (!keyspace.sharded) keyspaces.set(name, shardedByPrimaryKeys(keyspace, schema));
  }
  return { vschema: { ...vschema, keyspaces }, schema, keyspace: undefined };
}
