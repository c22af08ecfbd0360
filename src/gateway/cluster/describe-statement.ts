// Asks a shard what a query's columns are called and of what type they are, as one MySQL would tell its client; also has the
// shard say what is wrong with the query (1054, 1064, …) before any work is done for it.

import { collect, conclude } from "../../engine/collect.ts";
import { type Definitions, describe } from "../../engine/describe.ts";
import type { ReplyEnd } from "../../engine/reply.ts";
import { describing } from "../../plan/describing.ts";
import type { BindValue } from "../../plan/statement.ts";
import { decodeSql } from "../../sql/encoding.ts";
import { quoteString } from "../../sql/quoting.ts";
import type { Query } from "../../sql/tree.ts";
import type { ClusterView } from "./cluster-view.ts";
import { comQuery } from "../client/com-query.ts";
import type { Executor } from "../executor.ts";
import { pooledRequest } from "../read/run-pooled.ts";
import { substituted } from "../session/session-values.ts";

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
  const target = executor.shards.any(keyspace, cluster);
  return describe(
    context.tablets,
    target,
    { ...pooledRequest(executor, target, payload), settings: state.settings.ofParts.sql },
    signal,
    onEnd,
  );
}

/**
 * Whether a shard of `keyspace` takes `query` for one that can run. What it says of it without rows may come of how it went
 * about that; what is wrong with a statement it says before it looks for a way.
 */
export async function canBePrepared(
  executor: Executor,
  query: Query,
  keyspace: string,
  binds: readonly BindValue[],
  cluster: ClusterView,
): Promise<boolean> {
  const { context, state, signal } = executor;
  const text = decodeSql(substituted(query, binds, state, context).subarray(1));
  const payload = comQuery(`PREPARE shardgate_prepared FROM ${quoteString(text, state.sqlMode.noBackslashEscapes)}`);
  const target = executor.shards.any(keyspace, cluster);
  const plain = pooledRequest(executor, target, payload);
  const request = { ...plain, settings: state.settings.ofParts.sql, hold: plain.holdId === 0 };
  const { info } = await collect(context.tablets, target, request, signal);
  if (info.holdId !== 0 && request.hold) await conclude(context.tablets, target, "release", info.holdId);
  return info.kind !== "err";
}
