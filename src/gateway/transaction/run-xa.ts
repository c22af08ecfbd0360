// XA of clients: a transaction that the client names, prepares, and commits or rolls back, maybe over another connection
// (manual: "XA Transactions"). It is the mysqld's own, so it stays on one shard: the selected keyspace's only one, or the one
// that USE has named. Its connection is the session's until it has ended; what is prepared then outlives the session.
// Knows nothing of the XA transactions by which the gateway itself commits over several shards, and keeps out of their names.

import { MysqlError, notSupported, ShardgateError } from "../../base/errors.ts";
import { XID_FORMAT } from "../../base/distributed-transaction.ts";
import { collect, type CollectedReply, conclude, errorOfReply } from "../../engine/collect.ts";
import type { ShardTarget } from "../../engine/ports.ts";
import { decodeOk } from "../../mysql/packets/ok.ts";
import { isSystemSchema } from "../../plan/system-tables.ts";
import type { Xa } from "../../sql/tree.ts";
import type { ClusterView } from "../cluster/cluster-view.ts";
import { comQuery } from "../client/com-query.ts";
import type { Executor } from "../executor.ts";
import { giveBack } from "../session/give-back.ts";
import { pooledRequest } from "../read/run-pooled.ts";
import { warningsOf } from "../show/show-warnings.ts";
import { readTextResult } from "../read/text-rows.ts";

/** Answers the client, or throws the server's error. */
export async function runXa(executor: Executor, statement: Xa, cluster: ClusterView): Promise<void> {
  const { holds } = executor.state;
  if (statement.verb === "recover") {
    await runRecover(executor, statement, cluster);
    return;
  }
  if (formatOf(statement.text) === XID_FORMAT) {
    throw notSupported(`XA with the format ${XID_FORMAT}`, "Shardgate's own transactions have it; take another one");
  }
  const own = holds.clientBranch;
  // As the tablet has to recognize it.
  const text = statement.text.replace(/^xa \w+/i, (words) => words.toUpperCase());
  if (statement.verb === "start" && own === undefined) {
    await runStart(executor, text, onlyTarget(executor, cluster));
    return;
  }
  if (own === undefined) {
    if (executor.state.inTransaction) throw outside();
    executor.refuseReplica();
    const target = onlyTarget(executor, cluster);
    answer(executor, await collect(executor.context.tablets, target, pooledRequest(executor, target, comQuery(text))));
    return;
  }
  const { tablets } = executor.context;
  const reply = await conclude(tablets, own.target, "control", holds.idOf(own.target), [text]);
  if (reply.info.kind !== "err") {
    if (statement.verb === "end") holds.clientBranch = { ...own, phase: "idle" };
    else if (statement.verb === "prepare") holds.clientBranch = { ...own, phase: "prepared" };
    else if (statement.verb === "commit" || statement.verb === "rollback") holds.clientBranch = undefined;
  }
  giveBack(executor);
  answer(executor, reply);
}

async function runStart(executor: Executor, text: string, target: ShardTarget): Promise<void> {
  const { state, context, signal } = executor;
  if (state.inTransaction) throw outside();
  executor.refuseReplica();
  const request = executor.requestFor(target, comQuery(text), false, true);
  const reply = await collect(context.tablets, target, request, signal);
  state.holds.joined(target, reply.info.holdId, false, true);
  if (reply.info.kind === "err") giveBack(executor);
  else state.holds.clientBranch = { target, phase: "active" };
  answer(executor, reply);
}

/** The third part of an xid: decimal, or 0x. 1 if there is none. */
function formatOf(text: string): number {
  const last = /,\s*(\d+|0x[0-9a-f]+)(?:\s+[a-z ]+)?\s*$/i.exec(text)?.[1];
  return last === undefined ? 1 : Number(last);
}

/** What is prepared on the shards of the selected keyspace, but for what gateways have prepared there themselves. */
async function runRecover(executor: Executor, { text }: Xa, cluster: ClusterView): Promise<void> {
  const { context, signal } = executor;
  const replies = await Promise.all(
    targetsOf(executor, cluster).map((target) =>
      collect(context.tablets, target, pooledRequest(executor, target, comQuery(text)), signal),
    ),
  );
  for (const reply of replies) if (reply.info.kind === "err") throw errorOfReply(reply);
  const answers = replies.map(({ bytes }) => readTextResult(bytes));
  const rows = answers.flatMap((each) => each.rows).filter(([format]) => Number(format) !== XID_FORMAT);
  executor.result({ columns: answers[0]?.columns ?? [], rows });
}

function onlyTarget(executor: Executor, cluster: ClusterView): ShardTarget {
  const [target, ...others] = targetsOf(executor, cluster);
  if (target !== undefined && others.length === 0) return target;
  throw notSupported(
    `XA in sharded keyspace ${executor.state.target.keyspace}`,
    "such a transaction stays on one shard: USE it, or BEGIN after SET transaction_mode = 'twopc'",
  );
}

function targetsOf(executor: Executor, cluster: ClusterView): readonly ShardTarget[] {
  const { keyspace } = executor.state.target;
  if (keyspace === undefined || isSystemSchema(keyspace)) {
    throw new ShardgateError("ER_NO_DB", "No database selected");
  }
  return executor.targetsOf({ keyspace, routing: { kind: "scatter" } }, [], cluster);
}

function answer(executor: Executor, reply: CollectedReply): void {
  if (reply.info.kind === "err") throw errorOfReply(reply);
  const { warnings } = decodeOk(reply.bytes.subarray(4), 0);
  executor.state.rowCount = 0;
  executor.state.lastWarnings = warningsOf([reply.info]);
  executor.ok({ warnings });
}

function outside(): MysqlError {
  return new MysqlError(1400, "XAE09", "XAER_OUTSIDE: Some work is done outside global transaction");
}
