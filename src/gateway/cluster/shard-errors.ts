// What errors of shards mean for the session's transaction and for what the client is told.

import { type ErrorId, MysqlError, ShardgateError } from "../../base/errors.ts";
import { ShardCallError } from "../../engine/collect.ts";
import type { ScatterPart } from "../../engine/scatter.ts";
import type { LastWarnings } from "../session/session-state.ts";

const ER_LOCK_DEADLOCK = 1213;
const ER_QUERY_INTERRUPTED = 1317;

/** What is told of a transaction whose connection to a shard is gone: rolled back as a whole, and worth another try. */
export function transactionLost(error: Error): Error {
  if (error instanceof ShardgateError && error.id === "TRANSACTION_LOST") return error;
  const text = `transaction rolled back on all its shards: ${error.message}; try restarting it`;
  return new ShardgateError("TRANSACTION_LOST", text, error);
}

/** What shards that failed have said, where that counts as warnings only. */
export function withErrors(last: LastWarnings, parts: readonly ScatterPart[]): LastWarnings {
  const failed = parts.flatMap(({ error }) => {
    if (!(error instanceof MysqlError) && !(error instanceof ShardgateError)) return [];
    return [{ level: "Warning" as const, code: error.errno, message: error.message }];
  });
  if (failed.length === 0) return last;
  return { kind: "list", warnings: last.kind === "list" ? [...last.warnings, ...failed] : failed };
}

export function isDeadlock(error: Error | undefined): boolean {
  return error instanceof MysqlError && error.errno === ER_LOCK_DEADLOCK;
}

/** What a statement has really failed with that was interrupted to end a deadlock between shards. */
export function deadlockBehind(thrown: unknown, signal: AbortSignal): ShardgateError | undefined {
  return reasonBehind(thrown, signal, "ER_LOCK_DEADLOCK");
}

/** The same for one that was interrupted because the gateway ends. */
export function shutdownBehind(thrown: unknown, signal: AbortSignal): ShardgateError | undefined {
  return reasonBehind(thrown, signal, "ER_SERVER_SHUTDOWN");
}

function reasonBehind(thrown: unknown, { aborted, reason }: AbortSignal, id: ErrorId): ShardgateError | undefined {
  if (!aborted || !(reason instanceof ShardgateError) || reason.id !== id) return undefined;
  const error: unknown = thrown instanceof ShardCallError ? thrown.error : thrown;
  const isFromSomeone = error instanceof ShardgateError || error instanceof MysqlError;
  return error === reason || (isFromSomeone && error.errno === ER_QUERY_INTERRUPTED) ? reason : undefined;
}
