// Asks a shard what a query's columns are called and of what type they are, as one MySQL would tell its client; also has the
// shard say what is wrong with the query (1054, 1064, …) before any work is done for it.

import { type Definitions, describe } from "../engine/describe.ts";
import { plainRequest } from "../engine/ports.ts";
import type { ReplyEnd } from "../engine/reply.ts";
import { describing } from "../plan/describing.ts";
import type { BindValue } from "../plan/statement.ts";
import type { Query } from "../sql/tree.ts";
import type { ClusterView } from "./cluster-view.ts";
import type { Executor } from "./executor.ts";
import { substituted } from "./session-values.ts";

/**
 * Column definitions of `query`, whose tables all are in `keyspace`, for the session's settings: payloads of the packets.
 * Runs with LIMIT 0 on a pooled connection of any of its shards. Throws that shard's error.
 */
export async function describeStatement(
  executor: Executor,
  query: Query,
  keyspace: string,
  binds: readonly BindValue[],
  cluster: ClusterView,
  onEnd?: (info: ReplyEnd) => void,
): Promise<Definitions> {
  const { context, state, signal } = executor;
  const payload = substituted(describing(query), binds, state, context);
  const target = executor.anyTarget(keyspace, cluster);
  return describe(
    context.tablets,
    target,
    { ...plainRequest(payload), settings: state.settings.ofParts.sql },
    signal,
    onEnd,
  );
}
