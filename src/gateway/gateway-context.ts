// What all sessions of a gateway share.

import type { Clock } from "../base/clock.ts";
import { LIMITS } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { GatherLimits } from "../engine/gather.ts";
import type { TabletDirectory } from "../tabletclient/tablet-directory.ts";
import type { AutoIncrements } from "./auto-increments.ts";
import type { ClusterView } from "./cluster-view.ts";
import { PlanCache } from "./plan-cache.ts";
import type { Process } from "./processes.ts";
import type { SequenceCache } from "./sequence-cache.ts";
import type { TransactionMode } from "./session-holds.ts";
import type { User } from "./users.ts";

export interface GatewayContext {
  readonly tablets: TabletDirectory;
  readonly sequences: SequenceCache;
  readonly autoIncrements: AutoIncrements;
  readonly plans: PlanCaches;
  readonly transactionMode: TransactionMode;
  readonly gatherLimits: GatherLimits;
  readonly serverVersion: string;
  readonly clock: Clock;
  readonly log: Log;
  cluster(): ClusterView;
  /** Of the users file. */
  userNamed(name: string): User | undefined;
  /** All client connections of this gateway. */
  processes(): readonly Process[];
}

/** One plan cache a keyspace selection, all dropped when the cluster changes. */
export class PlanCaches {
  #version = -1;
  #caches = new Map<string, PlanCache>();

  /** `selection` is the session's keyspace and sql_mode; `version` the cluster view's. */
  for(selection: string, version: number): PlanCache {
    if (version !== this.#version) {
      this.#version = version;
      this.#caches = new Map();
    }
    let cache = this.#caches.get(selection);
    if (cache === undefined) {
      cache = new PlanCache(LIMITS.planCacheEntries);
      this.#caches.set(selection, cache);
    }
    return cache;
  }
}
