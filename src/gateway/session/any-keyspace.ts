// Where a statement goes that is about no keyspace.

import { ShardgateError } from "../../base/errors.ts";
import type { ClusterView } from "../cluster/cluster-view.ts";
import type { SessionState } from "./session-state.ts";

/** The selected keyspace, or one. */
export function anyKeyspace(state: SessionState, cluster: ClusterView): string {
  const { keyspace } = state.target;
  if (keyspace !== undefined && cluster.snapshot.keyspaces.has(keyspace)) return keyspace;
  const all = [...cluster.snapshot.keyspaces.values()];
  // One that a client has made may be gone at any time.
  const first = (all.find(({ record }) => record.servedFrom === undefined) ?? all[0])?.name;
  if (first === undefined) throw new ShardgateError("SHARD_UNAVAILABLE", "there is no keyspace yet");
  return first;
}
