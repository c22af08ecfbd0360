// What became of a statement's shares, which run at once: all their replies, or the error that the statement has.

import { MysqlError } from "../../base/errors.ts";
import { type CollectedReply, errorOfReply } from "../../engine/collect.ts";
import { withRow } from "../show/show-warnings.ts";
import type { ShardChange } from "./run-change.ts";

/** Of several shares the error of the first row, which is the statement's; what is no shard's answer goes before. */
export function firstFailure(
  results: readonly PromiseSettledResult<CollectedReply>[],
  changes: readonly ShardChange[],
): Error | undefined {
  let first: { readonly error: Error; readonly row: number } | undefined;
  for (const [i, result] of results.entries()) {
    const error =
      result.status === "rejected"
        ? result.reason
        : result.value.info.kind === "err"
          ? errorOfReply(result.value)
          : undefined;
    if (error === undefined) continue;
    const failure = failureOf(error, changes[i]?.rows);
    if (first === undefined || failure.row < first.row) first = failure;
  }
  return first?.error;
}

/** An error of the share with these rows: the row it is of, and how it counts its rows in the whole statement. */
export function failureOf(
  error: unknown,
  rows: readonly number[] | undefined,
): { readonly error: Error; readonly row: number } {
  if (!(error instanceof MysqlError))
    return { error: error instanceof Error ? error : new Error(String(error)), row: -1 };
  const message = withRow(error.message, rows);
  const row = / at row (\d+)$/.exec(message)?.[1];
  // One that names no row (4025, 1062) is taken for that of the share's first, which it is where there is one.
  const first = rows?.[0];
  return {
    error: new MysqlError(error.errno, error.sqlState, message),
    row: row !== undefined ? Number(row) : first === undefined ? Number.MAX_SAFE_INTEGER : first + 1,
  };
}

/** Their replies, of all that have one. */
export function fulfilled(results: readonly PromiseSettledResult<CollectedReply>[]): CollectedReply[] {
  return results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
}
