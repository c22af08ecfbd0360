// Plans by normalized statement, for one keyspace selection and one version of the cluster. Two generations stand in for
// LRU: what is used moves to the young one, and when that is full the old one is dropped. A hit is one Map lookup.

import { LIMITS } from "../../base/limits.ts";
import type { Access } from "../access/access.ts";
import type { Plan } from "../../plan/plan.ts";
import type { Statement } from "../../sql/tree.ts";
import type { Digest } from "../observe/query-stats.ts";
import type { CommandIndex } from "../observe/statement-counts.ts";

export interface CachedPlan {
  readonly plan: Plan;
  readonly statement: Statement;
  /** Undefined: anybody may run it. */
  readonly access: Access | undefined;
  /** What its executions count as in SHOW STATUS. */
  readonly command: CommandIndex;
  /** What its executions count for; another one after digests were reset. */
  digest: Digest;
}

export class PlanCache {
  readonly #entriesMax: number;
  #young = new Map<string, CachedPlan>();
  #old = new Map<string, CachedPlan>();
  hits = 0;
  misses = 0;

  constructor(entriesMax: number) {
    this.#entriesMax = entriesMax;
  }

  get(key: string): CachedPlan | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) {
      this.hits++;
      return young;
    }
    const old = this.#old.get(key);
    if (old === undefined) {
      this.misses++;
      return undefined;
    }
    this.hits++;
    this.set(key, old);
    return old;
  }

  /** Plans of very long statements, which hardly come twice, are not kept. */
  set(key: string, plan: CachedPlan): void {
    if (key.length > LIMITS.planCacheKeyBytesMax) return;
    if (this.#young.size >= this.#entriesMax / 2) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, plan);
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }
}
