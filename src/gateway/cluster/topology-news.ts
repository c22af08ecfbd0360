// What a gateway has written to the topology counts when its own watch has told it: the wait for that.

import type { Clock } from "../../base/clock.ts";
import { ShardgateError } from "../../base/errors.ts";
import { LIMITS } from "../../base/limits.ts";
import type { TopologySnapshot } from "../../topo/topology-watcher.ts";

export interface TopologyNews {
  readonly snapshot: () => TopologySnapshot;
  /** Calls `listener` after each change of the snapshot, until the returned function is called. */
  readonly onChange: (listener: () => void) => () => void;
  readonly clock: Clock;
}

/** Resolves when the snapshot `shows` it; TOPO_UNAVAILABLE, with `what` is written, when it does not in time. */
export function untilSeen(
  { snapshot, onChange, clock }: TopologyNews,
  shows: (snapshot: TopologySnapshot) => boolean,
  what: string,
): Promise<void> {
  if (shows(snapshot())) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const unlisten = onChange(() => {
      if (!shows(snapshot())) return;
      timer.cancel();
      unlisten();
      resolve();
    });
    const timer = clock.after(LIMITS.databaseSeenMs, () => {
      unlisten();
      const text = `${what} is written to the topology, but this gateway has not been told of it yet; look again`;
      reject(new ShardgateError("TOPO_UNAVAILABLE", text));
    });
  });
}
