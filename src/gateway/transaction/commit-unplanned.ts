// The implicit commit of a statement that the gateway finds fault with before any shard has seen it (a database that there
// is not, no database selected): MySQL commits before it looks. What Shardgate itself does not support commits nothing.

import { ShardgateError } from "../../base/errors.ts";
import { commitsFirst } from "../../plan/effects.ts";
import { parse } from "../../sql/parse.ts";
import type { SessionState } from "../session/session-state.ts";

/** Whether `sql`, which could not be planned because of `error`, ends the open transaction nevertheless. Never throws. */
export function commitsUnplanned(error: unknown, sql: Buffer, { inTransaction, sqlMode }: SessionState): boolean {
  if (!inTransaction || !(error instanceof ShardgateError) || error.errno === ER_NOT_SUPPORTED_YET) return false;
  try {
    return commitsFirst(parse(sql, sqlMode));
  } catch {
    return false;
  }
}

const ER_NOT_SUPPORTED_YET = 1235;
