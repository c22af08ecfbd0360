// A prepared statement runs in the database that was selected when it was prepared, whatever USE has selected since: its
// tables are those it was prepared with, and DATABASE() is that one (manual: "PREPARE Statement").

import type { ExecutorClient } from "../client/executor-client.ts";
import { OneStatement } from "../client/one-statement.ts";
import type { SessionTarget } from "../cluster/target.ts";
import type { SessionState } from "../session/session-state.ts";

/** Whether something else is selected now than `target`. The tablet type is the session's, not the statement's. */
export function isElsewhere({ target: now }: SessionState, target: SessionTarget): boolean {
  return now.keyspace !== target.keyspace || now.shard !== target.shard;
}

/** What is answered through the client that is returned runs with `target` selected; then the session has what it had. */
export function inDatabase(client: ExecutorClient, state: SessionState, target: SessionTarget): ExecutorClient {
  const before = state.target;
  state.target = target;
  return new OneStatement(client, () => {
    state.target = before;
  });
}
